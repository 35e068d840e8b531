//! Secrets of an exchange, removed wherever people read it: journal, log, reports, coverage.
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::contract::{Operation, SecurityScheme};
use crate::schema::name::{carries_credentials, is_secret};

/// Text in the place of a secret.
pub(crate) const REDACTED: &str = "[redacted]";

/// Secrets in the requests to an operation, beside those that names such as `password` reveal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Redaction {
    /// Secret segments of the path, counted from its end: 0 for `/reset/{token}`.
    segments: Vec<usize>,
    /// Names of query parameters and header fields that carry the key of a security scheme.
    keys: Vec<String>,
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
        }
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
        if self.segments.is_empty() {
            return path.to_owned();
        }
        let segments: Vec<&str> = path.split('/').collect();
        let last = segments.len() - 1;
        let shown = segments.iter().enumerate().map(|(at, segment)| {
            let is_secret = !segment.is_empty() && self.segments.contains(&(last - at));
            if is_secret { REDACTED } else { segment }
        });
        shown.collect::<Vec<_>>().join("/")
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
        pairs.collect::<Vec<_>>().join("&")
    }

    /// Returns the value of a header field without secrets; `name` is in lower case.
    #[must_use]
    pub(crate) fn field(&self, name: &str, value: String) -> String {
        let is_secret = matches!(
            name,
            "authorization" | "cookie" | "proxy-authorization" | "set-cookie"
        ) || (carries_credentials(name) || is_secret(name))
            && name != "standin-session"
            || self.has_key(name);
        match name {
            _ if is_secret => REDACTED.to_owned(),
            // A `Referer` contains the target of another request.
            "referer" | "location" | "content-location" => self.target(&value),
            _ => value,
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
            Some(content) => redact(content, 0),
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
            let shown = self.field(name, text.clone());
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
            return value;
        }
        // Text that cannot be parsed may have its secrets anywhere.
        let mut names =
            text.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '-');
        if names.any(is_secret) {
            json!(REDACTED)
        } else {
            json!(text)
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
        assert_eq!(redaction.field("x-own", "a".to_owned()), REDACTED);
        assert_eq!(redaction.field("x-other", "a".to_owned()), "a");
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
