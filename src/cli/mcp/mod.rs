//! `standin mcp`: tools for agents, over standard input and output (Model Context Protocol).

mod control_call;
mod protocol;

use std::cell::Cell;
use std::io::{self, BufRead, Read as _, Write};
use std::sync::Arc;

use bytes::Bytes;
use clap::Args;
use http::Request;
use http::header::CONTENT_TYPE;
use serde_json::Value;

use crate::cli::arguments::{Documents, Generation, Switch, base_url, control_token};
use crate::cli::mcp::control_call::ControlCall;
use crate::cli::outcome::{Failure, Outcome, loaded, print_errors};
use crate::cli::running::credentials;
use crate::codec::message::Body;
use crate::document::fetch;
use crate::exchange::{Echoing, Settings, StateMode};
use crate::server::control::session::PREFIX;
use crate::server::control::{Control, Options};
use crate::server::current::CurrentControl;
use crate::server::reload::{KnownFiles, Reloader};

/// Longest line that is read, in bytes.
const LONGEST_LINE: usize = 16 * 1024 * 1024;

/// Options of `mcp`.
#[derive(Debug, Args)]
pub(super) struct Mcp {
    #[command(flatten)]
    documents: Documents,
    #[command(flatten)]
    generation: Generation,
    /// Keep what requests write, so that it can be read
    #[arg(
        long,
        value_enum,
        value_name = "on|off",
        hide_possible_values = true,
        default_value = "on",
        env = "STANDIN_STATE",
        hide_env = true
    )]
    state: Switch,
    /// URL of a running sandbox whose requests, data and fixtures the tools are about
    ///
    /// Without it, the documents are loaded here, and loaded again when a file changes.
    #[arg(
        long,
        value_name = "URL",
        value_parser = base_url,
        conflicts_with = "inputs",
        env = "STANDIN_URL",
        hide_env = true
    )]
    url: Option<String>,
    /// Token of the control API of `--url`
    #[arg(
        long,
        value_name = "TOKEN",
        value_parser = control_token,
        env = "STANDIN_CONTROL_TOKEN",
        hide_env = true,
        hide_env_values = true,
        requires = "url"
    )]
    control_token: Option<String>,
}

/// Sandbox that the tools are about.
enum Subject {
    /// Sandbox of this process.
    Own(Arc<CurrentControl>, Box<Reloader>),
    /// Sandbox of another process.
    Running(RunningSandbox),
}

/// Sandbox of another process.
struct RunningSandbox {
    url: String,
    /// Token of its control API.
    token: Option<String>,
    /// True if what answers there is known to be a sandbox.
    is_known: Cell<bool>,
}

impl Mcp {
    /// Answers messages until standard input ends.
    pub(super) fn run(
        self,
        out: &mut impl Write,
        err: &mut impl Write,
    ) -> Result<Outcome, Failure> {
        let subject = match &self.url {
            Some(url) if has_user(url) => {
                writeln!(
                    err,
                    "error: the URL of `--url` has a user name or a password, which a sandbox does not need\n  = help: leave them out; `--control-token` has the token of its control API"
                )?;
                return Ok(Outcome::CouldNotRun);
            }
            Some(url) => {
                let running = RunningSandbox {
                    url: url.trim_end_matches('/').to_owned(),
                    token: self.control_token.clone(),
                    is_known: Cell::new(false),
                };
                // It may start later, and each call says what is wrong until then.
                if let Err(why) = running.check() {
                    writeln!(err, "warning: {why}")?;
                }
                Subject::Running(running)
            }
            None => match self.own(err)? {
                Some(subject) => subject,
                None => return Ok(Outcome::CouldNotRun),
            },
        };
        answer_lines(&mut io::stdin().lock(), out, &subject)?;
        Ok(Outcome::Clean)
    }

    /// Loads the documents; `None` if there is none.
    fn own(&self, err: &mut impl Write) -> Result<Option<Subject>, Failure> {
        let settings = self.settings();
        if self.documents.has_standard_input() {
            writeln!(
                err,
                "error: standard input has the messages, and cannot have a document"
            )?;
            return Ok(None);
        }
        let sandbox = self.documents.load(settings, err)?;
        if sandbox.contract().documents.is_empty() {
            print_errors(sandbox.contract(), err)?;
            writeln!(
                err,
                "error: there is no document to serve\n  = help: name one, such as `standin mcp openapi.yaml`, or a running sandbox with `--url`"
            )?;
            return Ok(None);
        }
        for line in loaded(sandbox.contract()) {
            writeln!(err, "{line}")?;
        }
        let known = KnownFiles::of(&sandbox, &self.documents.sources_to_come());
        let control = Control::with(Arc::new(sandbox), Options::default());
        let control = Arc::new(CurrentControl::new(Arc::new(control)));
        let documents = self.documents.clone();
        let load = Box::new(move || documents.again(settings));
        let reloader = Reloader::new(Arc::clone(&control), load, Box::new(|_| {}), false, known);
        Ok(Some(Subject::Own(control, Box::new(reloader))))
    }

    fn settings(&self) -> Settings {
        let (state, echo) = match self.state {
            Switch::On => (StateMode::On, Echoing::On),
            Switch::Off => (StateMode::Off, Echoing::Off),
        };
        Settings {
            state,
            echo,
            ..self.generation.settings()
        }
    }
}

/// Answers each line of the input with one line.
fn answer_lines(
    input: &mut impl BufRead,
    out: &mut impl Write,
    subject: &Subject,
) -> Result<(), Failure> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input
            .by_ref()
            .take(LONGEST_LINE as u64 + 1)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        let answer = if line.len() > LONGEST_LINE {
            skip_line(input)?;
            Some(protocol::too_long(LONGEST_LINE))
        } else if line.trim_ascii().is_empty() {
            None
        } else {
            protocol::answer(line.trim_ascii(), &mut |call| subject.make(call))
        };
        if let Some(answer) = answer {
            writeln!(out, "{answer}")?;
            out.flush()?;
        }
    }
}

/// Reads until the end of a line, and keeps nothing of it.
fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let there = input.fill_buf()?;
        if there.is_empty() {
            return Ok(());
        }
        let end = there.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(there.len(), |end| end + 1);
        input.consume(length);
        if end.is_some() {
            return Ok(());
        }
    }
}

impl Subject {
    /// Makes a call of the control API; returns the status and the content of the answer.
    fn make(&self, call: ControlCall) -> Result<(u16, Value), String> {
        let content = call.content.map(|content| content.to_string());
        let content = Bytes::from(content.unwrap_or_default());
        let mut request = Request::builder()
            .method(call.method)
            .uri(format!("{PREFIX}{}", call.target))
            .header("accept", "application/json");
        if !content.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(content)
            .map_err(|error| format!("the call cannot be made: {error}"))?;
        let (status, content) = match self {
            Self::Own(control, reloader) => {
                if reloader.is_outdated() {
                    reloader.reload()?;
                }
                let (response, _report) = control.load().answer(&request.map(Body::Complete));
                (response.status(), response.into_body())
            }
            Self::Running(running) => running.send(request)?,
        };
        let value = match serde_json::from_slice(&content) {
            Ok(value) => value,
            Err(_) if content.is_empty() => Value::Null,
            Err(_) => Value::String(String::from_utf8_lossy(&content).into_owned()),
        };
        Ok((status.as_u16(), value))
    }
}

/// Returns true if a URL has a user name or a password.
fn has_user(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    authority.contains('@')
}

impl RunningSandbox {
    /// Checks that a sandbox answers at the URL.
    ///
    /// # Errors
    ///
    /// Sentence about what answers instead, or that nothing does.
    fn check(&self) -> Result<(), String> {
        if self.is_known.get() {
            return Ok(());
        }
        let url = &self.url;
        let health = format!("{url}{PREFIX}health");
        let request = Request::get(&health).body(Bytes::new());
        let request = request.map_err(|error| format!("`{health}`: {error}"))?;
        let response = fetch::send(request, &credentials(url, None)).map_err(|error| {
            format!("no sandbox answers at {url}: {error}; start it with `standin serve`, or name another one with `--url`")
        })?;
        let told: Option<Value> = serde_json::from_slice(response.body()).ok();
        let is_sandbox = response.status().is_success()
            && told.is_some_and(|told| told["status"] == "ok" && told["operations"].is_u64());
        if !is_sandbox {
            return Err(format!(
                "what answers at {url} is no Standin sandbox: `{health}` answers {}; `--url` is the URL that `standin serve` prints",
                response.status().as_u16()
            ));
        }
        self.is_known.set(true);
        Ok(())
    }

    /// Sends a call of the control API.
    fn send(&self, mut request: Request<Bytes>) -> Result<(http::StatusCode, Bytes), String> {
        self.check()?;
        let full = format!("{}{}", self.url, request.uri());
        *request.uri_mut() = full.parse().map_err(|error| format!("`{full}`: {error}"))?;
        let credentials = credentials(&self.url, self.token.as_deref());
        let response = fetch::send(request, &credentials).map_err(|error| {
            // Another program may listen there from now on.
            self.is_known.set(false);
            error.to_string()
        })?;
        Ok((response.status(), response.into_body()))
    }
}
