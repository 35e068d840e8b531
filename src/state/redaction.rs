//! Secrets of an exchange, removed wherever people read it: journal, log, reports, coverage, HAR, drift.
//!
//! Names such as `password` reveal secrets where they are sent. What an exchange is known to have sent
//! ([`Redaction::knowing`]) is removed wherever else it is, such as in an answer that repeats it.
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::contract::media::MediaRange;
use crate::contract::{Operation, SecurityScheme};
use crate::schema::name::{carries_credentials, is_secret};
use crate::state::secret::SecretSearch;
use crate::state::stand_in::{REDACTED, StandIns};

/// Secrets in the requests to an operation, beside those that names such as `password` reveal.
#[derive(Debug, Clone, Default)]
pub(crate) struct Redaction {
    /// Secret segments of the path, counted from its end: 0 for `/reset/{token}`.
    segments: Vec<usize>,
    /// Names of query parameters and header fields that carry the key of a security scheme.
    keys: Vec<String>,
    /// Secrets of one exchange, which are removed wherever they are.
    known: Arc<StandIns>,
}

/// Exchange whose secrets are searched for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExchangeView<'x> {
    /// Path and query of the request.
    pub target: &'x str,
    /// Request.
    pub request: MessageView<'x>,
    /// Response.
    pub response: MessageView<'x>,
}

/// Message whose secrets are searched for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MessageView<'x> {
    /// Header fields.
    pub headers: &'x HeaderMap,
    /// Content without content coding, as far as it is known.
    pub content: &'x [u8],
}

impl MessageView<'_> {
    /// Returns true if the content is a form.
    #[must_use]
    pub(crate) fn is_form(&self) -> bool {
        is_form(self.headers)
    }
}

/// Returns true if the content of a message is a form.
#[must_use]
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    let media = headers.get(CONTENT_TYPE);
    let media = media.and_then(|media| MediaRange::parse(media.to_str().ok()?));
    media.is_some_and(|media| media.essence() == "application/x-www-form-urlencoded")
}

impl Redaction {
    /// Returns the redaction of requests to an operation; without one, only names reveal secrets.
    #[must_use]
    pub(crate) fn of(operation: Option<&Operation>) -> Self {
        let Some(operation) = operation else {
            return Self::default();
        };
        let schemes = operation
            .compiled()
            .security
            .iter()
            .flat_map(|requirement| &requirement.schemes);
        let keys = schemes.filter_map(|scheme| match scheme {
            SecurityScheme::ApiKey { name, .. } => Some(name.clone()),
            _ => None,
        });
        Self {
            segments: secret_segments(&operation.template),
            keys: keys.collect(),
            known: Arc::default(),
        }
    }

    /// Returns this redaction for one exchange: its secrets are removed wherever they are, for example in
    /// an answer that repeats the password of the request.
    #[must_use]
    pub(crate) fn knowing(&self, exchange: &ExchangeView<'_>) -> Self {
        let mut found = SecretSearch::default();
        let is_key = |name: &str| self.has_key(name);
        let (path, query) = exchange
            .target
            .split_once('?')
            .unwrap_or((exchange.target, ""));
        for (segment, _) in self.of_segments(path).filter(|(_, is_secret)| *is_secret) {
            found.add_url_part(segment);
        }
        found.form(query, &is_key);
        for message in [exchange.request, exchange.response] {
            for (name, value) in message.headers {
                let text = String::from_utf8_lossy(value.as_bytes());
                found.field(name.as_str(), &text, is_key(name.as_str()));
            }
            found.content(message.content, message.is_form(), &is_key);
        }
        Self {
            known: Arc::new(StandIns::redacted(found.into_secrets())),
            ..self.clone()
        }
    }

    /// Returns true if paths have secret segments.
    #[must_use]
    pub(crate) fn is_of_path(&self) -> bool {
        !self.segments.is_empty()
    }

    /// Returns the redaction of paths of a template, without that of other inputs.
    #[must_use]
    pub(crate) fn of_path(template: &str) -> Self {
        Self {
            segments: secret_segments(template),
            ..Self::default()
        }
    }

    fn has_key(&self, name: &str) -> bool {
        self.keys.iter().any(|key| key.eq_ignore_ascii_case(name))
    }

    /// Returns a path and query without secrets.
    #[must_use]
    pub(crate) fn target(&self, target: &str) -> String {
        let (path, query) = target
            .split_once('?')
            .map_or((target, None), |(path, query)| (path, Some(query)));
        let query = query
            .map(|query| format!("?{}", self.pairs(query)))
            .unwrap_or_default();
        self.path(path) + &query
    }

    /// Returns a path without secrets.
    #[must_use]
    pub(crate) fn path(&self, path: &str) -> String {
        let shown = self.of_segments(path);
        let shown = shown.map(|(segment, is_secret)| if is_secret { REDACTED } else { segment });
        self.known.target(&shown.collect::<Vec<_>>().join("/"))
    }

    /// Returns the segments of a path, and true for those that are secrets.
    fn of_segments<'p>(&self, path: &'p str) -> impl Iterator<Item = (&'p str, bool)> {
        let last = path.split('/').count() - 1;
        path.split('/').enumerate().map(move |(at, segment)| {
            let is_secret = !segment.is_empty() && self.segments.contains(&(last - at));
            (segment, is_secret)
        })
    }

    /// Returns a query or a form without secrets.
    #[must_use]
    pub(crate) fn pairs(&self, text: &str) -> String {
        let pairs = text.split('&').map(|pair| match pair.split_once('=') {
            Some((name, _)) => {
                let plain = percent_decode_str(name).decode_utf8_lossy();
                if is_secret(&plain) || self.has_key(&plain) {
                    format!("{name}={REDACTED}")
                } else {
                    pair.to_owned()
                }
            }
            None => pair.to_owned(),
        });
        self.text(&pairs.collect::<Vec<_>>().join("&"))
    }

    /// Returns a text without the known secrets of the exchange.
    #[must_use]
    pub(crate) fn text(&self, text: &str) -> String {
        self.known.text(text).into_owned()
    }

    /// Returns the value of a header field without secrets; `name` is in lower case.
    #[must_use]
    pub(crate) fn field(&self, name: &str, value: &str) -> String {
        let is_secret = matches!(
            name,
            "authorization" | "cookie" | "proxy-authorization" | "set-cookie"
        ) || (carries_credentials(name) || is_secret(name))
            && name != "standin-session"
            || self.has_key(name);
        match name {
            _ if is_secret => REDACTED.to_owned(),
            // A `Referer` contains the target of another request.
            "referer" | "location" | "content-location" => self.text(&self.target(value)),
            _ => self.text(value),
        }
    }

    /// Removes the secrets from an explanation of an answer: from `read`, the request as it was read,
    /// and from `response`.
    pub(crate) fn explanation(&self, explanation: &mut Value) {
        if let Some(read) = explanation.get_mut("read") {
            self.parts(read);
        }
        if let Some(response) = explanation.get_mut("response") {
            self.response(response);
        }
        if let Some(violations) = explanation.get_mut("violations") {
            self.known.value(violations);
        }
    }

    /// Removes the secrets from the parts of a request: `{path, query, header, cookie, body}`.
    pub(crate) fn parts(&self, parts: &mut Value) {
        for (part, values) in parts.as_object_mut().into_iter().flatten() {
            match part.as_str() {
                "header" => self.fields(values),
                "path" | "query" | "cookie" => self.values(part == "cookie", values),
                "body" => redact(values, 0),
                _ => {}
            }
        }
        self.known.parts(parts);
    }

    fn values(&self, is_cookie: bool, values: &mut Value) {
        for (name, value) in values.as_object_mut().into_iter().flatten() {
            if is_cookie || is_secret(name) || self.has_key(name) {
                *value = json!(REDACTED);
            } else {
                redact(value, 0);
            }
        }
    }

    /// Removes the secrets from a response as JSON, with its `headers` and `content`.
    pub(crate) fn response(&self, response: &mut Value) {
        if let Some(headers) = response.get_mut("headers") {
            self.fields(headers);
        }
        match response.get_mut("content") {
            Some(content @ Value::String(_)) => {
                let text = content.as_str().unwrap_or_default().to_owned();
                *content = self.content(&Bytes::from(text), false);
            }
            Some(content) => {
                redact(content, 0);
                self.known.value(content);
            }
            None => {}
        }
    }

    /// Removes the secrets from header fields as JSON.
    fn fields(&self, fields: &mut Value) {
        for (name, value) in fields.as_object_mut().into_iter().flatten() {
            let text = match &*value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let shown = self.field(name, &text);
            if shown != text {
                *value = json!(shown);
            }
        }
    }

    /// Returns a content as JSON, or else as text, without secrets; null if it is empty.
    #[must_use]
    pub(crate) fn content(&self, content: &Bytes, is_form: bool) -> Value {
        if content.is_empty() {
            return Value::Null;
        }
        let text = String::from_utf8_lossy(content);
        if is_form {
            return json!(self.pairs(&text));
        }
        if let Ok(mut value) = serde_json::from_slice(content) {
            redact(&mut value, 0);
            self.known.value(&mut value);
            return value;
        }
        // Text that cannot be parsed may have its secrets anywhere.
        let mut names =
            text.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '-');
        if names.any(is_secret) {
            json!(REDACTED)
        } else {
            json!(self.text(&text))
        }
    }
}

/// Returns the segments of a path template that contain a secret, counted from the end.
fn secret_segments(template: &str) -> Vec<usize> {
    let has_secret = |segment: &str| {
        let names = segment
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split('}').next());
        names.map(|name| name.trim_end_matches('*')).any(is_secret)
    };
    let segments = template.rsplit('/').enumerate();
    segments
        .filter(|(_, segment)| has_secret(segment))
        .map(|(at, _)| at)
        .collect()
}

fn redact(value: &mut Value, depth: usize) {
    /// Maximum depth that is searched for secrets; deeper arrays and objects are redacted as a
    /// whole.
    const DEEPEST: usize = 20;
    match value {
        Value::Object(object) if depth < DEEPEST => {
            for (name, value) in object.iter_mut() {
                if is_secret(name) && !value.is_null() && !value.is_boolean() {
                    *value = json!(REDACTED);
                } else {
                    redact(value, depth + 1);
                }
            }
        }
        Value::Array(items) if depth < DEEPEST => {
            items.iter_mut().for_each(|item| redact(item, depth + 1));
        }
        Value::Object(_) | Value::Array(_) => *value = json!(REDACTED),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_of_the_path_is_not_shown() {
        let redaction = Redaction {
            segments: secret_segments("/users/{userId}/reset/{token}.json"),
            ..Redaction::default()
        };
        assert_eq!(
            redaction.target("/v1/users/7/reset/abc?page=2&k=x"),
            "/v1/users/7/reset/[redacted]?page=2&k=x"
        );
        assert_eq!(secret_segments("/{apiKey}/a/{api_key}/{id}"), [1, 3]);
        assert_eq!(
            secret_segments("/sessions/{session}/users/{userId}"),
            [0; 0]
        );
    }

    #[test]
    fn explanations_keep_their_shape_without_secrets() {
        let redaction = Redaction::default();
        let mut unmatched = json!({"read": null, "violations": []});
        redaction.explanation(&mut unmatched);
        assert_eq!(unmatched, json!({"read": null, "violations": []}));
        let mut explained = json!({
            "read": {"query": {"api_key": "a", "page": 2}, "cookie": {"sid": "b"}, "header": {"set-cookie": "c"}, "body": {"password": "d"}},
            "response": {"status": 200, "headers": {"set-cookie": ["e", "f"]}, "content": "token=g"},
        });
        redaction.explanation(&mut explained);
        assert_eq!(
            explained,
            json!({
                "read": {"query": {"api_key": REDACTED, "page": 2}, "cookie": {"sid": REDACTED}, "header": {"set-cookie": REDACTED}, "body": {"password": REDACTED}},
                "response": {"status": 200, "headers": {"set-cookie": REDACTED}, "content": REDACTED},
            })
        );
    }

    #[test]
    fn the_key_of_a_security_scheme_is_not_shown() {
        let redaction = Redaction {
            keys: vec!["X-Own".to_owned()],
            ..Redaction::default()
        };
        assert_eq!(redaction.field("x-own", "a"), REDACTED);
        assert_eq!(redaction.field("x-other", "a"), "a");
        assert_eq!(redaction.target("/?x-own=a&b=c"), "/?x-own=[redacted]&b=c");
    }

    #[test]
    fn content_is_shown_without_secrets_and_with_ids() {
        let content = |text: &'static str| {
            Redaction::default().content(&Bytes::from_static(text.as_bytes()), false)
        };
        let sent = r#"{"userId": 1, "clientId": "c", "session": "s", "in": [{"apiKey": "k", "access_token": "t"}], "pin": null}"#;
        let shown = json!({"userId": 1, "clientId": "c", "session": "s",
            "in": [{"apiKey": REDACTED, "access_token": REDACTED}], "pin": null});
        assert_eq!(content(sent), shown);
        assert_eq!(content("not json, secret=1"), json!(REDACTED));
        assert_eq!(content("not json"), json!("not json"));
        assert_eq!(content(""), Value::Null);
    }
}
