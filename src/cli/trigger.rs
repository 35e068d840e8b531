//! `standin trigger`: sends a webhook or a callback of the documents to a URL.
use std::io::Write;

use bytes::Bytes;
use clap::Args;
use http::{HeaderMap, Uri};
use serde_json::Value;

use crate::cli::arguments::{Documents, Generation};
use crate::cli::outcome::{Failure, Outcome};
use crate::codec::message::Body;
use crate::contract::{Contract, OutgoingOperation};
use crate::diagnostic::escape;
use crate::exchange::observed::judge_response;
use crate::exchange::outgoing::{OutgoingMaker, absolute, all_outgoing};
use crate::exchange::signed::SignatureScheme;
use crate::server::control::sender::{OutgoingPolicy, Sender, sign_now};

/// Options of `trigger`.
#[derive(Debug, Args)]
pub(super) struct Trigger {
    /// Name of the webhook or of the callback: `orderShipped`
    name: String,
    #[command(flatten)]
    documents: Documents,
    #[command(flatten)]
    generation: Generation,
    /// URL of the receiver
    #[arg(long, value_name = "URL", value_parser = receiver, env = "STANDIN_TO", hide_env = true)]
    to: Uri,
    /// Name of the documented example to send
    #[arg(long, value_name = "NAME", env = "STANDIN_EXAMPLE", hide_env = true)]
    example: Option<String>,
    /// JSON to send instead of a documented or generated content
    #[arg(long, value_name = "JSON", value_parser = json, env = "STANDIN_CONTENT", hide_env = true)]
    content: Option<Value>,
    /// Sign the request as `standard` (Standard Webhooks), `stripe` or `github`; needs `--secret`
    #[arg(
        long,
        value_name = "SCHEME",
        value_parser = scheme,
        requires = "secret",
        env = "STANDIN_SIGN",
        hide_env = true
    )]
    sign: Option<SignatureScheme>,
    /// Secret of the signature
    #[arg(
        long,
        value_name = "SECRET",
        env = "STANDIN_SECRET",
        hide_env = true,
        hide_env_values = true
    )]
    secret: Option<String>,
    /// Print the request without sending it
    #[arg(
        long,
        env = "STANDIN_DRY_RUN", hide_env = true,
        action = clap::ArgAction::SetTrue,
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    dry_run: bool,
}

fn receiver(text: &str) -> Result<Uri, String> {
    absolute(text).map_err(|error| error.to_string())
}

fn scheme(text: &str) -> Result<SignatureScheme, String> {
    let names = SignatureScheme::NAMES.map(|(name, _)| name);
    SignatureScheme::named(text).ok_or_else(|| format!("expected one of `{}`", names.join("`, `")))
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))
}

impl Trigger {
    /// Sends the request, and prints it with the answer.
    pub(super) fn run(
        self,
        out: &mut impl Write,
        err: &mut impl Write,
    ) -> Result<Outcome, Failure> {
        let settings = self.generation.settings();
        let sandbox = self.documents.load(settings, err)?;
        let contract = sandbox.contract();
        let found = all_outgoing(contract).find(|(_, outgoing)| outgoing.name == self.name);
        let Some((_, outgoing)) = found else {
            self.tell_unknown(contract, err)?;
            return Ok(Outcome::CouldNotRun);
        };
        if let Some(example) = self
            .example
            .as_ref()
            .filter(|name| !outgoing.has_example(name))
        {
            let problem = format!("error: `{}` has no example `{example}`", self.name);
            writeln!(err, "{}", escape::one_line(&problem))?;
            return Ok(Outcome::CouldNotRun);
        }
        let maker = OutgoingMaker {
            outgoing,
            options: settings.options,
            example: self.example.as_deref(),
            about: None,
        };
        let mut request = match &self.content {
            Some(content) => maker.with_content(&self.to, Some(content)),
            None => maker.request(&self.to, &[]),
        };
        if let (Some(scheme), Some(secret)) = (self.sign, &self.secret)
            && let Err(error) = sign_now(&mut request, scheme, secret)
        {
            writeln!(err, "error: the request is not signed: {error}")?;
            return Ok(Outcome::CouldNotRun);
        }
        print(
            &format!("{} {}", request.method(), request.uri()),
            request.headers(),
            request.body(),
            out,
        )?;
        if self.dry_run {
            return Ok(Outcome::Clean);
        }
        send(outgoing, request, out, err)
    }

    fn tell_unknown(&self, contract: &Contract, err: &mut impl Write) -> std::io::Result<()> {
        let names: Vec<String> = all_outgoing(contract)
            .map(|(_, outgoing)| format!("`{}`", outgoing.name))
            .collect();
        let problem = format!("error: there is no webhook or callback `{}`", self.name);
        writeln!(err, "{}", escape::one_line(&problem))?;
        let help = if contract.documents.is_empty() {
            "name a document, such as `standin trigger orderShipped openapi.yaml --to URL`"
                .to_owned()
        } else if names.is_empty() {
            "the documents have none".to_owned()
        } else {
            format!("there are {}", names.join(", "))
        };
        writeln!(err, "  = help: {}", escape::one_line(&help))
    }
}

/// Sends a request, and prints the answer with its violations. The outcome is `Findings` if there is no
/// answer, no 2xx, or a violation.
fn send(
    outgoing: &OutgoingOperation,
    request: http::Request<Bytes>,
    out: &mut impl Write,
    err: &mut impl Write,
) -> Result<Outcome, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let sender = Sender::new(OutgoingPolicy::default());
    let response = match runtime.block_on(sender.once(&request)) {
        Ok(response) => response,
        Err(error) => {
            let problem = format!("error: there is no answer: {error}");
            writeln!(err, "{}", escape::one_line(&problem))?;
            return Ok(Outcome::Findings);
        }
    };
    writeln!(out)?;
    let status = response.status();
    print(
        &status.to_string(),
        response.headers(),
        &response.body().bytes(),
        out,
    )?;
    let judged = judge_response(&outgoing.operation, &request.map(Body::Complete), &response);
    for violation in &judged.violations {
        let found = format!("violation: {}", violation.summary());
        writeln!(err, "{}", escape::one_line(&found))?;
    }
    Ok(if status.is_success() && judged.violations.is_empty() {
        Outcome::Clean
    } else {
        Outcome::Findings
    })
}

/// Prints a message: its first line, header fields and content.
fn print(
    first: &str,
    headers: &HeaderMap,
    content: &Bytes,
    out: &mut impl Write,
) -> std::io::Result<()> {
    writeln!(out, "{}", escape::one_line(first))?;
    for (name, value) in headers {
        let line = format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()));
        writeln!(out, "{}", escape::one_line(&line))?;
    }
    if !content.is_empty() {
        let text = String::from_utf8_lossy(content);
        let shown: Vec<_> = text.lines().map(escape::one_line).collect();
        writeln!(out, "\n{}", shown.join("\n"))?;
    }
    Ok(())
}
