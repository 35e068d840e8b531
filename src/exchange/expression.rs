//! Evaluates expressions in the bodies of fixtures: values of the request, and generated values.
//!
//! These are the runtime expressions of OpenAPI (3.1.1 §4.8.20.4: `{$request.body#/name}`,
//! `{$request.path.id}`, `{$url}`, and for callbacks `{$response.body#/id}`), and `{$now}`, `{$uuid}` and
//! `{$generate#/components/schemas/Pet}`.
use http::HeaderMap;
use serde_json::{Map, Value, json};

use crate::codec::message::{Request, Secured, host_of};
use crate::codec::text::{encode, plain};
use crate::contract::{Contract, Operation};
use crate::generate::{self, GenerateOptions};

/// Everything that expressions refer to.
pub(crate) struct ExpressionSubject<'s> {
    /// Request.
    pub request: &'s Request,
    /// Operation of the request.
    pub operation: &'s Operation,
    /// Parts of the request: `{path, query, header, cookie, body}`.
    pub instance: &'s Value,
    /// Contract of the operation.
    pub contract: &'s Contract,
    /// Options for generated values; the seed is that of this answer.
    pub options: GenerateOptions,
    /// Status of the answer.
    pub status: u16,
    /// Answer, if it is there already: callbacks refer to it, fixtures cannot.
    pub answer: Option<AnswerParts<'s>>,
}

/// Parts of an answer that expressions refer to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnswerParts<'s> {
    /// Header fields.
    pub headers: &'s HeaderMap,
    /// Content, if it is JSON.
    pub body: Option<&'s Value>,
}

/// Returns a value with its expressions evaluated. A text that is one expression becomes its
/// value, of any type; an expression without a value becomes null, or an empty text inside of a
/// longer one.
#[must_use]
pub(crate) fn evaluate(value: &Value, subject: &ExpressionSubject<'_>) -> Value {
    match value {
        Value::String(text) if text.contains("{$") => in_text(text, subject),
        Value::Array(items) => items.iter().map(|item| evaluate(item, subject)).collect(),
        Value::Object(object) => {
            let members = object
                .iter()
                .map(|(name, value)| (name.clone(), evaluate(value, subject)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        value => value.clone(),
    }
}

/// Expression of a URL that has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoValue {
    /// Expression with its braces.
    pub expression: String,
    /// True if the URL begins with it, so that there is no receiver.
    pub is_first: bool,
}

/// Writes a URL with expressions: the value of one at its beginning as it is, other values as components
/// of the URL.
///
/// # Errors
///
/// [`NoValue`] for an expression without a text, a number or a Boolean.
pub(crate) fn url(text: &str, subject: &ExpressionSubject<'_>) -> Result<String, NoValue> {
    let mut written = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{$") {
        written.push_str(before);
        let is_first = written.is_empty();
        let no_value = |expression: String| NoValue {
            expression,
            is_first,
        };
        let (inner, after) = after
            .split_once('}')
            .ok_or_else(|| no_value(format!("{{${after}")))?;
        let value = of(inner, subject).filter(|value| {
            !value.is_null() && !value.is_array() && !value.is_object() && !plain(value).is_empty()
        });
        let value = plain(&value.ok_or_else(|| no_value(format!("{{${inner}}}")))?);
        if is_first {
            written.push_str(&value);
        } else {
            written.push_str(&encode(&value));
        }
        rest = after;
    }
    written.push_str(rest);
    Ok(written)
}

fn in_text(text: &str, subject: &ExpressionSubject<'_>) -> Value {
    if let Some(inner) = text
        .strip_prefix("{$")
        .and_then(|rest| rest.strip_suffix('}'))
        && !inner.contains(['{', '}'])
    {
        return of(inner, subject).unwrap_or(Value::Null);
    }
    let mut written = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{$") {
        written.push_str(before);
        match after.split_once('}') {
            Some((inner, after)) => {
                written.push_str(
                    &of(inner, subject)
                        .map(|value| plain(&value))
                        .unwrap_or_default(),
                );
                rest = after;
            }
            None => {
                written.push_str("{$");
                rest = after;
            }
        }
    }
    written.push_str(rest);
    json!(written)
}

/// Returns the URL that is before the paths of the documents, with the session in it, if the request
/// has one there.
fn base_url(request: &Request) -> String {
    let mount = crate::codec::message::mount(request);
    let scheme = match request.extensions().get::<Secured>() {
        Some(_) => "https",
        None => "http",
    };
    match host_of(request) {
        Some(host) => format!("{scheme}://{host}{mount}"),
        None => mount.to_owned(),
    }
}

/// Evaluates an expression without its `{$` and `}`; `None` if it has no value.
fn of(expression: &str, subject: &ExpressionSubject<'_>) -> Option<Value> {
    let request = subject.request;
    let seed = subject.options.seed ^ generate::fingerprint(expression);
    let options = GenerateOptions {
        seed,
        ..subject.options
    };
    match expression {
        "baseUrl" => return Some(json!(base_url(request))),
        "url" => {
            let target = request
                .uri()
                .path_and_query()
                .map_or("/", http::uri::PathAndQuery::as_str);
            return Some(json!(base_url(request) + target));
        }
        "method" => return Some(json!(request.method().as_str())),
        "statusCode" => return Some(json!(subject.status)),
        "now" => {
            return Some(generate::standing_for(
                &json!({"type": "string", "format": "date-time"}),
                &options,
            ));
        }
        "uuid" => {
            return Some(generate::standing_for(
                &json!({"type": "string", "format": "uuid"}),
                &options,
            ));
        }
        _ => {}
    }
    if let Some(pointer) = expression.strip_prefix("generate#") {
        let schema = subject
            .contract
            .schema_at(subject.operation.document, pointer)?;
        return Some(generate::generate(&schema, &options).value);
    }
    if let Some(pointer) = expression.strip_prefix("request.body") {
        let body = subject.instance.get("body")?;
        return body
            .pointer(pointer.strip_prefix('#').unwrap_or(pointer))
            .cloned();
    }
    if let Some(expression) = expression.strip_prefix("response.") {
        return of_answer(expression, subject.answer?);
    }
    let (location, name) = expression.strip_prefix("request.")?.split_once('.')?;
    match location {
        "header" => {
            // As it was sent: percent signs in a header field have no meaning (OpenAPI 3.1.1
            // Appendix D).
            Some(json!(request.headers().get(name)?.to_str().ok()?))
        }
        "path" | "query" | "cookie" => subject.instance.get(location)?.get(name).cloned(),
        _ => None,
    }
}

/// Evaluates an expression about the answer, without its `response.`.
fn of_answer(expression: &str, answer: AnswerParts<'_>) -> Option<Value> {
    if let Some(pointer) = expression.strip_prefix("body") {
        let pointer = pointer.strip_prefix('#').unwrap_or(pointer);
        return answer.body?.pointer(pointer).cloned();
    }
    let value = answer.headers.get(expression.strip_prefix("header.")?)?;
    Some(json!(value.to_str().ok()?))
}
