//! Header fields of an answer that its fixture keeps.
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

use crate::contract::media::MediaRange;
use crate::contract::{DocumentedResponse, Operation};
use crate::upstream::recording::reading::{AnswerContent, ReadAnswer};

/// Header fields that belong to the message, the server or a proxy (RFC 9110 §7.6.1), or that the
/// sandbox sets itself.
const OF_MESSAGE: [&str; 18] = [
    "age",
    "alt-svc",
    "connection",
    "content-encoding",
    "content-length",
    "date",
    "keep-alive",
    "nel",
    "proxy-connection",
    "report-to",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "via",
    "x-powered-by",
];

/// Header fields that a client reacts to, whether or not they are documented.
const MEANT: [&str; 10] = [
    "content-disposition",
    "deprecation",
    "etag",
    "link",
    "location",
    "retry-after",
    "set-cookie",
    "sunset",
    "www-authenticate",
    "x-total-count",
];

/// Returns the header fields to keep, in their order; a field of several lines has a list, and a documented
/// one that did not come is null, so that the sandbox does not make one.
pub(super) fn kept(operation: &Operation, answer: &ReadAnswer) -> Map<String, Value> {
    let documented = operation.response(answer.status);
    let mut kept: Map<String, Value> = Map::new();
    for (name, value) in &answer.headers {
        if !is_kept(documented, name, answer) || !is_sendable(name, value) {
            continue;
        }
        match kept.get_mut(name) {
            Some(Value::Array(lines)) => lines.push(json!(value)),
            Some(first) => *first = json!([first.take(), value]),
            None => {
                kept.insert(name.clone(), json!(value));
            }
        }
    }
    for header in documented.into_iter().flat_map(|own| &own.headers) {
        let name = header.name.as_str();
        let came = answer.headers.iter().any(|(own, _)| own == name);
        if !came && name != CONTENT_TYPE.as_str() && !OF_MESSAGE.contains(&name) {
            kept.insert(name.to_owned(), Value::Null);
        }
    }
    kept
}

fn is_kept(documented: Option<&DocumentedResponse>, name: &str, answer: &ReadAnswer) -> bool {
    if name == CONTENT_TYPE.as_str() {
        return !is_usual_type(documented, answer);
    }
    if OF_MESSAGE.contains(&name)
        || name.starts_with("standin-")
        || name.starts_with("access-control-")
    {
        return false;
    }
    let is_documented =
        documented.is_some_and(|response| response.headers.iter().any(|own| own.name == name));
    let is_rate = name.starts_with("ratelimit")
        || name.starts_with("x-ratelimit")
        || name.starts_with("x-rate-limit");
    is_documented || is_rate || MEANT.contains(&name)
}

/// Returns true if the sandbox can send a field as it was; `{$` would begin an expression.
fn is_sendable(name: &str, value: &str) -> bool {
    HeaderName::from_bytes(name.as_bytes()).is_ok()
        && HeaderValue::from_str(value).is_ok()
        && !value.contains("{$")
}

/// Returns true if the sandbox sends the media type of an answer without being told.
fn is_usual_type(documented: Option<&DocumentedResponse>, answer: &ReadAnswer) -> bool {
    let sent = answer
        .headers
        .iter()
        .find(|(name, _)| name == CONTENT_TYPE.as_str());
    let Some(sent) = sent.and_then(|(_, value)| MediaRange::parse(value)) else {
        return true;
    };
    let usual = documented.and_then(|response| response.content.first());
    let essence = match (usual, &answer.content) {
        (Some(media), _) => media.range.essence(),
        (None, AnswerContent::Json(value)) if !value.is_string() => "application/json",
        (None, AnswerContent::Json(_) | AnswerContent::Text(_)) => "text/plain",
        (None, _) => return false,
    };
    let is_only = documented.is_none_or(|response| response.content.len() <= 1);
    sent.essence() == essence && is_only && sent.parameter("boundary").is_none()
}

/// Returns true if a field may differ between two answers that are alike.
pub(super) fn is_variable(name: &str) -> bool {
    !matches!(
        name,
        "content-type" | "link" | "location" | "www-authenticate"
    )
}
