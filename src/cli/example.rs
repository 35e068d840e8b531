//! `standin example`: prints a request and its answer, without serving.
use std::io::Write;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Map, Value, json};

use crate::cli::arguments::{Documents, Generation, base_url};
use crate::cli::client;
use crate::cli::operation_name::{self, NamedOperation};
use crate::cli::outcome::{Failure, Outcome, print_errors};
use crate::codec::message::{Request, Response};
use crate::contract::Operation;
use crate::contract::media::MediaRange;
use crate::diagnostic::escape;
use crate::exchange::{Settings, sample, transcript};
use crate::sandbox::Sandbox;

/// Options of `example`.
#[derive(Debug, Args)]
pub(super) struct ExampleOptions {
    /// Operation, by its `operationId`, a part of it, or `METHOD /path`
    ///
    /// The path may be a template or have values: `GET /pets/7`. A path or a part is enough if only
    /// one operation has it.
    operation: String,
    #[command(flatten)]
    documents: Documents,
    #[command(flatten)]
    generation: Generation,
    /// Documented status to answer with
    #[arg(long, value_name = "CODE", env = "STANDIN_STATUS", hide_env = true)]
    status: Option<StatusCode>,
    /// Media type of the answer, and of the request if it is documented for it
    #[arg(long, value_name = "TYPE", value_parser = media_type, env = "STANDIN_MEDIA_TYPE", hide_env = true)]
    media_type: Option<MediaRange>,
    /// Number of examples, each with the next seed
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..),
        env = "STANDIN_COUNT",
        hide_env = true
    )]
    count: u32,
    /// Format of the messages
    #[arg(
        long,
        value_enum,
        default_value = "http",
        env = "STANDIN_FORMAT",
        hide_env = true
    )]
    format: ExampleFormat,
    /// Print the requests as commands of curl, for a POSIX shell
    #[arg(long, conflicts_with = "hurl")]
    curl: bool,
    /// URL of the server in commands of curl and entries of Hurl
    #[arg(
        long,
        value_name = "URL",
        value_parser = base_url,
        default_value = "http://127.0.0.1:4010",
        env = "STANDIN_URL",
        hide_env = true
    )]
    url: String,
    /// Print the requests as entries of Hurl, with assertions on the status and the content
    #[arg(long)]
    hurl: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ExampleFormat {
    /// HTTP messages
    Http,
    /// A JSON array of objects with `request` and `response`
    Json,
    /// Commands of curl
    Curl,
    /// Entries of Hurl
    Hurl,
}

fn media_type(text: &str) -> Result<MediaRange, String> {
    MediaRange::parse(text)
        .ok_or_else(|| "expected a media type, such as `application/json`".to_owned())
}

impl ExampleOptions {
    pub(super) fn run(
        self,
        out: &mut impl Write,
        err: &mut impl Write,
    ) -> Result<Outcome, Failure> {
        let settings = self.generation.settings();
        let sandbox = self.documents.load(settings, err)?;
        let contract = sandbox.contract();
        if contract.documents.is_empty() {
            print_errors(contract, err)?;
            writeln!(
                err,
                "error: there is no document to take an example from\n  = help: name one behind the operation, such as `standin example getPet openapi.yaml`"
            )?;
            return Ok(Outcome::CouldNotRun);
        }
        let named = match operation_name::find(contract, &self.operation) {
            Ok(named) => named,
            Err(error) => {
                print_errors(contract, err)?;
                writeln!(err, "error: {}", escape::one_line(&error.to_string()))?;
                writeln!(err, "  = help: {}", escape::one_line(&error.help()))?;
                return Ok(Outcome::CouldNotRun);
            }
        };
        let index = named.index;
        if named.is_partial {
            let name = contract.operations[index].name();
            let note = format!("note: `{}` is read as `{name}`", self.operation);
            writeln!(err, "{}", escape::one_line(&note))?;
        }
        if let Some((problem, help)) = self.undocumented(&contract.operations[index]) {
            writeln!(err, "error: {}", escape::one_line(&problem))?;
            writeln!(err, "  = help: {}", escape::one_line(&help))?;
            return Ok(Outcome::CouldNotRun);
        }
        let made: Vec<(Request, Response)> = (0..u64::from(self.count))
            .map(|number| self.exchange(&sandbox, &named, settings, number))
            .collect();
        self.print(&made, out)?;
        Ok(Outcome::Clean)
    }

    /// Returns the format, which `--curl` and `--hurl` choose too.
    fn format(&self) -> ExampleFormat {
        match (self.curl, self.hurl) {
            (true, _) => ExampleFormat::Curl,
            (_, true) => ExampleFormat::Hurl,
            _ => self.format,
        }
    }

    fn print(&self, made: &[(Request, Response)], out: &mut impl Write) -> std::io::Result<()> {
        match self.format() {
            ExampleFormat::Curl => {
                for (request, _) in made {
                    out.write_all(client::curl(request, &self.url).as_bytes())?;
                }
            }
            ExampleFormat::Hurl => {
                for (request, response) in made {
                    out.write_all(client::hurl(request, response, &self.url).as_bytes())?;
                }
            }
            ExampleFormat::Http => {
                for (request, response) in made {
                    transcript::write(out, request, response)?;
                }
            }
            ExampleFormat::Json => {
                let list: Vec<Value> =
                    made.iter().map(|(request, response)| json!({ "request": as_json(request), "response": response_as_json(response) })).collect();
                writeln!(out, "{}", escape::pretty_json(&Value::Array(list)))?;
            }
        }
        Ok(())
    }

    /// Returns the fault and a help text, if the operation does not document the wanted response.
    fn undocumented(&self, operation: &Operation) -> Option<(String, String)> {
        let name = operation.name();
        if let Some(status) = self.status
            && operation.response(status).is_none()
        {
            let there: Vec<String> = operation
                .compiled()
                .responses
                .iter()
                .map(|(pattern, _)| pattern.to_string())
                .collect();
            let problem = format!("`{name}` documents no {} response", status.as_u16());
            return Some((problem, format!("it documents {}", there.join(", "))));
        }
        let wanted = self.media_type.as_ref()?;
        let of_status = self.status.map(|status| operation.response(status));
        let response =
            of_status.unwrap_or_else(|| operation.success().map(|(_, response)| response))?;
        let there: Vec<&str> = response
            .content
            .iter()
            .map(|media| media.range.as_str())
            .collect();
        let is_documented = response
            .content
            .iter()
            .any(|media| wanted.covers(&media.range) || media.range.covers(wanted));
        if is_documented || there.is_empty() {
            return None;
        }
        let problem = format!("`{name}` documents no answer in `{}`", wanted.as_str());
        Some((problem, format!("it documents {}", there.join(", "))))
    }

    fn exchange(
        &self,
        sandbox: &Sandbox,
        named: &NamedOperation,
        settings: Settings,
        number: u64,
    ) -> (Request, Response) {
        let mut settings = settings;
        settings.options.seed = settings.options.seed.wrapping_add(number);
        let operation = &sandbox.contract().operations[named.index];
        let mut request = sample::request(operation, &settings.options, self.media_type.as_ref());
        if let Some(target) = &named.path {
            *request.uri_mut() = with_query(target, request.uri());
        }
        sample::prefer(&mut request, self.status, self.media_type.as_ref());
        let (response, _report) = sandbox.answer_as(&settings, &request);
        (request, response)
    }
}

/// Returns the target that was named, with the query of the example if it has none.
fn with_query(named: &Uri, example: &Uri) -> Uri {
    match (named.query(), example.query()) {
        (None, Some(query)) => format!("{}?{query}", named.path())
            .parse()
            .unwrap_or_else(|_| named.clone()),
        _ => named.clone(),
    }
}

fn content(request: &Request) -> Bytes {
    request.body().bytes()
}

fn as_json(request: &Request) -> Value {
    json!({
        "method": request.method().as_str(), "uri": request.uri().to_string(),
        "headers": headers_as_json(request.headers()), "body": body_as_json(&content(request)),
    })
}

fn response_as_json(response: &Response) -> Value {
    json!({
        "status": response.status().as_u16(), "headers": headers_as_json(response.headers()),
        "body": body_as_json(response.body()),
    })
}

fn headers_as_json(headers: &HeaderMap) -> Map<String, Value> {
    let fields = headers.iter();
    fields
        .map(|(name, value)| {
            (
                name.to_string(),
                json!(String::from_utf8_lossy(value.as_bytes())),
            )
        })
        .collect()
}

/// Returns JSON as it is, other content as a string, and empty content as null.
fn body_as_json(content: &Bytes) -> Value {
    if content.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(content).unwrap_or_else(|_| json!(String::from_utf8_lossy(content)))
}
