//! Log: one line for each exchange, for people or as JSON.
use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::layer::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::codec::message::{Request, Response};
use crate::codec::trace::trace_id;
use crate::diagnostic::escape;
use crate::exchange::Report;
use crate::server::clock;
use crate::server::control::Control;
use crate::server::stderr::{self, JsonLines, StandardError};

/// Format of the log (`--log`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// A line for people
    #[default]
    Human,
    /// A JSON object on a line
    Json,
    /// Nothing
    Off,
}

/// Level of the log (`--log-level`), or levels by target.
#[derive(Debug, Clone)]
pub(crate) struct LogLevel(Targets);

/// Parses a level such as `debug`, or levels by target such as `standin=debug,hyper=trace`.
///
/// # Errors
///
/// Returns a description of the levels that there are.
pub(crate) fn level(text: &str) -> Result<LogLevel, String> {
    // The environment may have an empty variable.
    let text = if text.is_empty() { "info" } else { text };
    let expected = "expected `error`, `warn`, `info`, `debug` or `trace`";
    // A misspelt level would be read as the name of a target.
    let is_level = text.parse::<tracing::Level>().is_ok() || text.contains('=');
    let filter = text.parse::<Targets>().ok().filter(|_| is_level);
    filter.map(LogLevel).ok_or_else(|| expected.to_owned())
}

/// Starts the log on standard error; the level `debug` adds the reason of each answer.
pub(crate) fn start(format: LogFormat, level: &LogLevel) {
    let filter = level.0.clone();
    let base = tracing_subscriber::registry();
    // A second start, as in a test, keeps the first log.
    let _already = match format {
        LogFormat::Human => {
            let layer = tracing_subscriber::fmt::layer()
                .with_writer(StandardError)
                .event_format(Line);
            base.with(layer.with_filter(filter)).try_init()
        }
        LogFormat::Json => {
            stderr::speak_json();
            std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
            let layer = tracing_subscriber::fmt::layer()
                .with_writer(JsonLines)
                .event_format(JsonLine);
            base.with(layer.with_filter(filter)).try_init()
        }
        LogFormat::Off => Ok(()),
    };
}

/// Logs a text that is not about an exchange, such as a diagnostic, at the level that it begins with:
/// `error: …`, `warning[code]: …`.
pub(crate) fn notice(text: &str) {
    match text.split([':', '[']).next() {
        Some("error" | "failed") => tracing::error!("{text}"),
        Some("warning") => tracing::warn!("{text}"),
        _ => tracing::info!("{text}"),
    }
}

/// Logs an exchange in one line, and the reason of its answer at `debug`.
pub(crate) fn exchange(
    control: &Control,
    request: &Request,
    response: &Response,
    report: &Report,
    took: Duration,
) {
    let operation = || {
        report
            .operation
            .map_or("-", |index| control.operation_name(index))
    };
    tracing::info!(
        method = request.method().as_str(),
        path = &*control.shown_path(report.operation, request.uri().path()),
        status = response.status().as_u16(),
        operation = operation(),
        source = &*report.source,
        violations = report.violations.join("; "),
        micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        trace = trace_id(request.headers()),
        "exchange"
    );
    tracing::debug!(
        operation = operation(),
        why = &*report.source,
        accept = field(request, "accept"),
        prefer = field(request, "prefer"),
        content = field(request, "content-type"),
        "decided"
    );
}

/// Returns a header field of the request for the log; `-` if it has none.
fn field<'r>(request: &'r Request, name: &str) -> &'r str {
    request
        .headers()
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("-")
}

/// Format of a line for people: ``2026-11-21T10:11:12.345Z POST /contacts 400 post-contacts
/// (example `Example 1`, reworded) 0.4 ms: body: must …``
struct Line;

/// Format of a JSON object: `{"time": …, "level": "INFO", "message": "exchange", "status": 200, …}`.
struct JsonLine;

/// Fields of an event as JSON.
#[derive(Default)]
struct JsonFields(Map<String, Value>);

impl Visit for JsonFields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), Value::from(value));
    }
}

/// Fields of an event as text.
#[derive(Default)]
struct EventFields {
    message: String,
    all: Vec<(&'static str, String)>,
}

impl EventFields {
    pub(crate) fn get(&self, name: &str) -> &str {
        self.all
            .iter()
            .find(|(there, _)| *there == name)
            .map_or("", |(_, value)| value)
    }

    fn line(&self, level: tracing::Level) -> String {
        if self.message != "exchange" {
            let head = format!("{}: {}", level.as_str().to_lowercase(), self.message);
            return self
                .all
                .iter()
                .fold(head, |line, (name, value)| format!("{line} {name}={value}"));
        }
        let millis = self.get("micros").parse::<f64>().unwrap_or_default() / 1000.0;
        let (method, path, status) = (self.get("method"), self.get("path"), self.get("status"));
        let (operation, source) = (self.get("operation"), self.get("source"));
        let mut line = format!("{method} {path} {status} {operation} ({source}) {millis:.1} ms");
        let trace = self.get("trace");
        if !trace.is_empty() {
            line = format!("{line}, trace {trace}");
        }
        match self.get("violations") {
            "" => line,
            violations => format!("{line}: {violations}"),
        }
    }
}

impl Visit for EventFields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        let _ = write!(text, "{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.all.push((field.name(), text));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.all.push((field.name(), value.to_owned()));
    }
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = EventFields::default();
        event.record(&mut fields);
        // Text from requests and documents must not break the line or control a terminal.
        writeln!(
            writer,
            "{} {}",
            clock::now(),
            escape::one_line(&fields.line(*event.metadata().level()))
        )
    }
}

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = JsonFields::default();
        fields.0.insert("time".to_owned(), clock::now().into());
        let level = event.metadata().level().as_str();
        fields.0.insert("level".to_owned(), level.into());
        event.record(&mut fields);
        writeln!(writer, "{}", Value::Object(fields.0))
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn a_level_is_of_all_or_of_targets() {
        let writes = |text: &str, target: &str, of: Level| {
            let read = level(text).expect("it is a level");
            read.0.would_enable(target, &of)
        };
        assert!(writes("", "standin", Level::INFO) && !writes("", "standin", Level::DEBUG));
        assert!(writes("debug", "standin::server", Level::DEBUG));
        assert!(writes(
            "standin=debug,hyper=trace",
            "hyper::proto",
            Level::TRACE
        ));
        assert!(!writes("standin=debug", "hyper", Level::ERROR));
        assert!(level("standin=loud").is_err() && level("loud").is_err());
    }
}
