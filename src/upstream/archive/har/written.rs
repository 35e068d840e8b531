//! One exchange → one entry of HAR 1.2.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::{HeaderMap, Version};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use crate::codec::message::Body;
use crate::codec::parameter;
use crate::state::redaction::{Redaction, is_form};
use crate::state::stand_in::REDACTED;
use crate::upstream::archive::times;
use crate::upstream::exchange::ObservedExchange;

/// Returns the entry of an exchange; without a redaction, secrets are written as they were sent.
pub(super) fn entry(
    base: &str,
    redaction: Option<Redaction>,
    exchange: &ObservedExchange,
) -> Value {
    let secrets = Secrets(redaction.map(|own| own.knowing(&exchange.view())));
    let took = milliseconds(exchange);
    json!({
        "startedDateTime": times::written(exchange.at),
        "time": took,
        "request": request(base, &secrets, exchange),
        "response": response(&secrets, exchange),
        "cache": {},
        "timings": { "send": 0, "wait": took, "receive": 0 },
    })
}

fn milliseconds(exchange: &ObservedExchange) -> f64 {
    // Microseconds are precise enough, and keep the number short.
    let micros = u32::try_from(exchange.took.as_micros()).unwrap_or(u32::MAX);
    f64::from(micros) / 1000.0
}

/// Secrets that are redacted; without them, everything is written as it was sent.
struct Secrets(Option<Redaction>);

impl Secrets {
    fn target(&self, target: &str) -> String {
        let redacted = self.0.as_ref().map(|redaction| redaction.target(target));
        redacted.unwrap_or_else(|| target.to_owned())
    }

    fn field(&self, name: &str, value: &[u8]) -> String {
        let value = String::from_utf8_lossy(value).into_owned();
        match &self.0 {
            Some(redaction) => redaction.field(name, &value),
            None => value,
        }
    }

    fn cookie(&self, value: &str) -> String {
        let shown = if self.0.is_some() { REDACTED } else { value };
        shown.to_owned()
    }

    /// Returns text content. JSON without secrets keeps its bytes.
    fn text(&self, content: &Bytes, headers: &HeaderMap) -> Option<String> {
        let text = std::str::from_utf8(content).ok()?;
        let Some(redaction) = &self.0 else {
            return Some(text.to_owned());
        };
        let shown = redaction.content(content, is_form(headers));
        Some(match shown {
            Value::String(shown) if serde_json::from_str::<Value>(text).is_err() => shown,
            shown if serde_json::from_str(text).is_ok_and(|own: Value| own == shown) => {
                text.to_owned()
            }
            shown => shown.to_string(),
        })
    }
}

fn request(base: &str, secrets: &Secrets, exchange: &ObservedExchange) -> Value {
    let request = &exchange.request;
    let target = request
        .uri()
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let target = secrets.target(target);
    let query = target
        .split_once('?')
        .map(|(_, query)| query)
        .unwrap_or_default();
    let query: Vec<Value> = form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    // Brackets are no part of a path or query (RFC 3986 §3.3).
    let encoded = utf8_percent_encode(REDACTED, NON_ALPHANUMERIC).to_string();
    let url = format!(
        "{}{}",
        base.trim_end_matches('/'),
        target.replace(REDACTED, &encoded)
    );
    let cookies = parameter::cookies(request.headers()).into_iter();
    let cookies =
        cookies.map(|(name, value)| json!({ "name": name, "value": secrets.cookie(&value) }));
    let mut made = json!({
        "method": request.method().as_str(),
        "url": url,
        "httpVersion": version(request.version()),
        "cookies": cookies.collect::<Value>(),
        "headers": fields(secrets, request.headers()),
        "queryString": query,
        "headersSize": -1,
        "bodySize": size(request.body()),
    });
    if let Some(posted) = posted(secrets, request.headers(), request.body()) {
        made["postData"] = posted;
    }
    made
}

/// Returns the content of a request; `None` if it has none.
fn posted(secrets: &Secrets, headers: &HeaderMap, body: &Body) -> Option<Value> {
    let media = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let Body::Complete(content) = body else {
        return Some(json!({ "mimeType": media, "text": "", "comment": absence(body) }));
    };
    if content.is_empty() {
        return None;
    }
    Some(match secrets.text(content, headers) {
        Some(text) => json!({ "mimeType": media, "text": text }),
        // HAR 1.2 has no encoding for requests, and own members begin with an underscore.
        None => {
            json!({ "mimeType": media, "text": STANDARD.encode(content), "_encoding": "base64" })
        }
    })
}

fn response(secrets: &Secrets, exchange: &ObservedExchange) -> Value {
    let response = &exchange.response;
    let headers = response.headers();
    let location = headers
        .get(LOCATION)
        .map(|value| secrets.field("location", value.as_bytes()));
    json!({
        "status": response.status().as_u16(),
        "statusText": response.status().canonical_reason().unwrap_or_default(),
        "httpVersion": version(response.version()),
        "cookies": set_cookies(secrets, headers),
        "headers": fields(secrets, headers),
        "content": content(secrets, headers, response.body()),
        "redirectURL": location.unwrap_or_default(),
        "headersSize": -1,
        "bodySize": size(response.body()),
    })
}

fn content(secrets: &Secrets, headers: &HeaderMap, body: &Body) -> Value {
    let media = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut made = Map::new();
    made.insert("size".to_owned(), size(body));
    made.insert("mimeType".to_owned(), media.into());
    match body {
        Body::Complete(content) if content.is_empty() => {}
        Body::Complete(content) => match secrets.text(content, headers) {
            Some(text) => drop(made.insert("text".to_owned(), text.into())),
            None => {
                made.insert("text".to_owned(), STANDARD.encode(content).into());
                made.insert("encoding".to_owned(), "base64".into());
            }
        },
        _ => drop(made.insert("comment".to_owned(), absence(body).into())),
    }
    Value::Object(made)
}

/// Returns the length of a content; -1 if it is unknown, as HAR has it.
fn size(body: &Body) -> Value {
    match body {
        Body::Complete(content) => content.len().into(),
        _ => (-1).into(),
    }
}

/// Returns a sentence with the reason why a content is not in the file.
fn absence(body: &Body) -> String {
    match body {
        Body::TooLarge(limit) => {
            format!("content above the limit of {limit} bytes was not recorded")
        }
        Body::Missing => "content that broke off was not recorded".to_owned(),
        _ => "content whose coding cannot be decoded was not recorded".to_owned(),
    }
}

fn fields(secrets: &Secrets, headers: &HeaderMap) -> Value {
    let all = headers.iter().map(|(name, value)| {
        json!({ "name": name.as_str(), "value": secrets.field(name.as_str(), value.as_bytes()) })
    });
    all.collect()
}

fn set_cookies(secrets: &Secrets, headers: &HeaderMap) -> Value {
    let lines = headers
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok());
    lines
        .filter_map(|line| {
            let mut parts = line.split(';').map(str::trim);
            let (name, value) = parts.next()?.split_once('=')?;
            let mut cookie = json!({ "name": name, "value": secrets.cookie(value) });
            for part in parts {
                let (attribute, value) = part.split_once('=').unwrap_or((part, ""));
                match attribute.to_ascii_lowercase().as_str() {
                    "path" => cookie["path"] = value.into(),
                    "domain" => cookie["domain"] = value.into(),
                    "httponly" => cookie["httpOnly"] = true.into(),
                    "secure" => cookie["secure"] = true.into(),
                    _ => {}
                }
            }
            Some(cookie)
        })
        .collect()
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        _ => "HTTP/1.1",
    }
}
