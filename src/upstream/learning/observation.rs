//! A judged exchange → the error of the real API, with the rule that the request breaks.
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use serde_json::Value;

use crate::Sandbox;
use crate::codec::message::{Body, Request};
use crate::contract::media::MediaRange;
use crate::contract::wording::OF_WHOLE;
use crate::errors::Fault;
use crate::errors::finding::Finding;
use crate::errors::overrides::UNKNOWN_PATH;
use crate::upstream::exchange::ObservedExchange;
use crate::upstream::judging::{Judgement, judge};
use crate::upstream::learning::view::{View, views};
use crate::upstream::recording::options::RedactMode;
use crate::upstream::recording::redacted::without_secrets;
use crate::validate::ContentFault;

/// Largest body of an error that is learned from, in bytes.
const LARGEST_BODY: usize = 64 * 1024;

/// Largest body of a request whose error is learned from, in bytes.
const LARGEST_REQUEST: usize = 256 * 1024;

/// Error of the real API.
#[derive(Debug, Clone)]
pub(super) struct LearnedError {
    /// Index of the operation in the contract; `None` for a path or method that no document has.
    pub operation: Option<usize>,
    /// Name of the operation, which remains when documents are loaded again; empty without one.
    pub name: String,
    /// Request without secrets.
    pub request: Request,
    pub status: StatusCode,
    /// Content without secrets: JSON, or a text.
    pub body: Value,
    /// Media type, if it is not the one that any JSON or text has.
    pub media: Option<String>,
    /// Body for each finding that it is about.
    pub views: Vec<View>,
    /// True if the request breaks one rule only, so that there is no doubt what the error is about.
    pub is_sole: bool,
    /// True if the request breaks no rule of the document, and the status tells what was wrong.
    pub is_by_status: bool,
    /// True if the request has values that the error may repeat: a path parameter or content.
    pub has_values: bool,
}

/// Reason why nothing is learned from an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub(crate) enum NotLearned {
    /// No 4xx.
    #[error("the answer is no error about the request")]
    NoError,
    /// Right request that the API refuses: a fixture repeats it.
    #[error("the request keeps the document, and the API refuses it for another reason")]
    Unexplained,
    /// Status that does not belong to the fault of the request.
    #[error("the status is that of another fault than the one of the request")]
    OtherFault,
    /// Error without content, or content that is neither JSON nor plain text.
    #[error("the error has no content that is JSON or plain text")]
    NoContent,
    /// Request whose content is too large to keep.
    #[error("the content of the request is too large to keep")]
    LargeRequest,
    /// Error that names no field although the request has several faults.
    #[error("the request breaks several rules, and the error does not tell which one it is about")]
    Ambiguous,
}

/// Reads the error of a judged exchange.
///
/// # Errors
///
/// [`NotLearned`] is the reason why there is nothing to learn.
pub(super) fn read(
    sandbox: &Sandbox,
    judgement: &Judgement,
    exchange: &ObservedExchange,
    redact: RedactMode,
) -> Result<LearnedError, NotLearned> {
    let status = exchange.response.status();
    if !status.is_client_error() {
        return Err(NotLearned::NoError);
    }
    if exchange.request.body().bytes().len() > LARGEST_REQUEST {
        return Err(NotLearned::LargeRequest);
    }
    let operation = judgement.operation;
    let redacted = match redact {
        RedactMode::StandIns => without_secrets(sandbox, operation, exchange),
        RedactMode::None => None,
    };
    match redacted {
        // With stand-ins in both, what the error repeats of the request is still the same.
        Some(redacted) => labelled(sandbox, operation, &judge(sandbox, &redacted), &redacted),
        None => labelled(sandbox, operation, judgement, exchange),
    }
}

fn labelled(
    sandbox: &Sandbox,
    operation: Option<usize>,
    judgement: &Judgement,
    exchange: &ObservedExchange,
) -> Result<LearnedError, NotLearned> {
    let status = exchange.response.status();
    let is_by_status = judgement.faults.is_empty();
    let findings = if is_by_status {
        let rule = rule_of(status).ok_or(NotLearned::Unexplained)?;
        vec![Finding::whole(rule, Value::Null)]
    } else {
        let mut faults = judgement.faults.iter();
        let fault = faults.find(|fault| is_status_of(fault, status));
        let fault = fault.ok_or(NotLearned::OtherFault)?;
        let mut findings = fault.findings();
        if matches!(fault, Fault::UnknownPath { .. }) {
            for finding in &mut findings {
                UNKNOWN_PATH.clone_into(&mut finding.rule);
            }
        }
        findings
    };
    let path = exchange.request.uri().path();
    let mut findings: Vec<Finding> = findings
        .into_iter()
        .map(|finding| of_method(finding.at(status, path), &exchange.request))
        .collect();
    Finding::count(&mut findings);
    // An answer to `HEAD` has no content, whatever the error is.
    let body = content(&exchange.response).filter(|_| exchange.request.method() != Method::HEAD);
    let body = body.ok_or(NotLearned::NoContent)?;
    let headers = fields(exchange);
    let views = views(&body, &headers, &findings);
    if views.is_empty() {
        return Err(NotLearned::Ambiguous);
    }
    Ok(LearnedError {
        operation,
        name: operation
            .map(|index| sandbox.contract().operations[index].name().to_owned())
            .unwrap_or_default(),
        request: exchange.request.clone(),
        status,
        body,
        media: media_type(&exchange.response),
        views,
        is_sole: findings.len() == 1,
        is_by_status,
        has_values: !exchange.request.body().bytes().is_empty()
            || operation
                .is_none_or(|index| sandbox.contract().operations[index].template.contains('{')),
    })
}

impl LearnedError {
    /// Returns the rules that the error is about.
    pub(super) fn rules(&self) -> impl Iterator<Item = &str> {
        self.views.iter().map(|view| view.finding.rule.as_str())
    }

    /// Returns the first line of the request, with its status: `POST /pets → 400`.
    pub(super) fn title(&self) -> String {
        let (method, uri) = (self.request.method(), self.request.uri());
        format!("{method} {} → {}", uri.path(), self.status.as_u16())
    }
}

/// Returns true if an API may answer a fault with a status.
fn is_status_of(fault: &Fault, status: StatusCode) -> bool {
    const OF_OTHERS: [u16; 13] = [
        401, 402, 403, 404, 405, 406, 408, 409, 410, 412, 413, 415, 429,
    ];
    match (fault, status.as_u16()) {
        (Fault::Credentials(_), status) => matches!(status, 401 | 403),
        (Fault::UnknownPath { .. }, status) => status == 404,
        (Fault::Method { .. }, status) => matches!(status, 404 | 405 | 501),
        (Fault::TooLarge(_), status) => status == 413,
        (Fault::Content(ContentFault::Malformed(_)), status) => matches!(status, 400 | 422),
        (Fault::Content(_), status) => matches!(status, 400 | 406 | 415 | 422),
        // A 404 for a path parameter that does not fit says that nothing was found, and not what was wrong.
        (Fault::Violations(_), status) => !OF_OTHERS.contains(&status),
        _ => false,
    }
}

/// Returns the rule that a status tells of a request that keeps the document.
fn rule_of(status: StatusCode) -> Option<&'static str> {
    match status.as_u16() {
        401 => Some("credentials"),
        403 => Some("forbidden"),
        404 => Some("notFound"),
        409 => Some("conflict"),
        429 => Some("tooManyRequests"),
        _ => None,
    }
}

/// Header fields that tell something about an error. `Allow` is none: the sandbox sends the methods of
/// the path itself.
const MEANT: [&str; 4] = [
    "www-authenticate",
    "proxy-authenticate",
    "retry-after",
    "accept-post",
];

/// Returns the header fields that tell something about the error, in their order.
fn fields(exchange: &ObservedExchange) -> Vec<(String, String)> {
    let is_meant = |name: &str| {
        let is_error = name.starts_with("x-") && name.contains("error");
        MEANT.contains(&name) || is_error
    };
    let fields = exchange.response.headers().iter();
    let meant = fields.filter(|(name, _)| is_meant(name.as_str()));
    meant
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect()
}

/// Returns a finding with the method of the request, for an API that repeats it.
fn of_method(mut finding: Finding, request: &Request) -> Finding {
    if OF_WHOLE.contains(&finding.rule.as_str()) {
        let method = Value::from(request.method().as_str());
        finding.operands.insert("method".to_owned(), method);
    }
    finding
}

/// Returns the media type of a JSON error, without parameters, unless it is `application/json`.
fn media_type(response: &http::Response<Body>) -> Option<String> {
    let sent = response.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    let media = MediaRange::parse(sent).filter(MediaRange::is_json)?;
    let essence = media.essence().to_owned();
    (essence != "application/json").then_some(essence)
}

/// Returns the content of an error: JSON, or a text that is no page.
fn content(response: &http::Response<Body>) -> Option<Value> {
    let Body::Complete(bytes) = response.body() else {
        return None;
    };
    if bytes.len() > LARGEST_BODY {
        return None;
    }
    if bytes.is_empty() {
        return Some(Value::String(String::new()));
    }
    let media = response.headers().get(CONTENT_TYPE);
    let media = media.and_then(|media| MediaRange::parse(media.to_str().ok()?));
    let is_json = media.as_ref().is_none_or(MediaRange::is_json);
    if is_json && let Ok(value) = serde_json::from_slice(bytes) {
        return Some(value);
    }
    let is_plain = media.is_some_and(|media| media.as_str().starts_with("text/plain"));
    let text = std::str::from_utf8(bytes).ok()?;
    is_plain.then(|| Value::String(text.to_owned()))
}
