//! Finds the secrets of an exchange: by security schemes, schemas, names and shapes.
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode};
use indexmap::IndexSet;
use regex::Regex;
use serde_json::Value;

use crate::contract::{Location, Operation, SecurityScheme};
use crate::schema::Schema;
use crate::schema::name::{carries_credentials, is_secret};
use crate::state::redaction::REDACTED;
use crate::upstream::recording::stand_in::JWT;

/// Maximum depth that is searched for secrets by schema; deeper ones are found by name and shape.
const DEEPEST: usize = 20;

/// Shapes of keys that well-known services issue, and of private keys.
static KEYS: LazyLock<Regex> = LazyLock::new(|| {
    let shapes = [
        r"\b(sk|pk|rk|whsec)_(live|test)?_?[0-9a-zA-Z]{16,}",
        r"\bsk-[0-9a-zA-Z_-]{20,}",
        r"\bgh[pousr]_[0-9a-zA-Z]{30,}",
        r"\bgithub_pat_[0-9a-zA-Z_]{20,}",
        r"\bglpat-[0-9a-zA-Z_-]{20,}",
        r"\bxox[abeprs]-[0-9a-zA-Z-]{10,}",
        r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
        r"\bAIza[0-9A-Za-z_-]{35}",
        r"\bnpm_[0-9a-zA-Z]{36}",
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----",
    ];
    Regex::new(&shapes.join("|")).expect("the pattern is valid")
});

/// Search for secrets in the parts of exchanges.
#[derive(Debug, Default)]
pub(super) struct SecretSearch {
    /// Secrets in the order in which they were found.
    found: IndexSet<String>,
}

impl SecretSearch {
    /// Returns the secrets in the order in which they were found.
    pub(super) fn into_secrets(self) -> impl Iterator<Item = String> {
        self.found.into_iter()
    }

    fn add(&mut self, secret: &str) {
        // A redacted recording has the same text in the place of all secrets.
        if !secret.trim().is_empty() && !secret.contains(REDACTED) {
            self.found.insert(secret.to_owned());
        }
    }

    /// Searches the parts of a request, `{path, query, header, cookie, body}`.
    pub(super) fn request(&mut self, operation: Option<&Operation>, parts: &Value) {
        let keys = operation.map(key_names).unwrap_or_default();
        let is_key = |name: &str| keys.iter().any(|key| key.eq_ignore_ascii_case(name));
        for part in ["path", "query", "header", "cookie"] {
            for (name, value) in parts[part].as_object().into_iter().flatten() {
                let is_named =
                    part == "cookie" || is_key(name) || is_documented(operation, part, name);
                match value {
                    Value::String(text) if part == "header" => self.field(name, text, is_named),
                    value => self.member(name, value, is_named),
                }
            }
        }
        let Some(body) = parts.get("body") else {
            return;
        };
        self.value(body);
        let content = operation.and_then(|operation| operation.compiled().body.as_ref());
        let media = content.into_iter().flat_map(|body| &body.content);
        for schema in media.filter_map(|media| media.schema.as_ref()) {
            self.by_schema(schema, schema.tree(), body, 0);
        }
    }

    /// Searches a response; `value` is its content, if it is JSON.
    pub(super) fn response(
        &mut self,
        operation: Option<&Operation>,
        status: StatusCode,
        headers: &HeaderMap,
        value: Option<&Value>,
    ) {
        for (name, line) in headers {
            let text = String::from_utf8_lossy(line.as_bytes());
            self.field(name.as_str(), &text, false);
        }
        let Some(value) = value else { return };
        self.value(value);
        let documented = operation.and_then(|operation| operation.response(status));
        let media = documented
            .into_iter()
            .flat_map(|response| &response.content);
        for schema in media.filter_map(|media| media.schema.as_ref()) {
            self.by_schema(schema, schema.tree(), value, 0);
        }
    }

    /// Searches content that is not JSON.
    pub(super) fn text(&mut self, text: &str) {
        for shape in [&*JWT, &*KEYS] {
            for found in shape.find_iter(text) {
                self.add(found.as_str());
            }
        }
        // A JSON text within a text may have secrets by name.
        if text.trim_start().starts_with(['{', '['])
            && let Ok(inner) = serde_json::from_str::<Value>(text)
        {
            self.value(&inner);
        }
        self.pairs(text);
    }

    /// Searches the query of a URL, or a form.
    fn pairs(&mut self, text: &str) {
        let (_, query) = text.split_once('?').unwrap_or(("", text));
        if !query.contains('=') || query.contains(char::is_whitespace) {
            return;
        }
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if is_secret(&name) {
                self.add(&value);
            }
        }
    }

    fn member(&mut self, name: &str, value: &Value, is_named: bool) {
        if !is_named && !is_secret(name) {
            return self.value(value);
        }
        match value {
            Value::String(text) => self.add(text),
            Value::Number(number) => self.add(&number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| self.member(name, item, true)),
            other => self.value(other),
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter().for_each(|item| self.value(item)),
            Value::Object(members) => members
                .iter()
                .for_each(|(name, member)| self.member(name, member, false)),
            _ => {}
        }
    }

    /// Searches a header field; `name` is in lower case.
    fn field(&mut self, name: &str, text: &str, is_key: bool) {
        match name {
            "authorization" | "proxy-authorization" => self.credentials(text),
            "cookie" => {
                for (_, value) in text.split(';').filter_map(|pair| pair.split_once('=')) {
                    self.add(value.trim().trim_matches('"'));
                }
            }
            "set-cookie" => {
                let pair = text.split(';').next().unwrap_or_default();
                if let Some((_, value)) = pair.split_once('=') {
                    self.add(value.trim().trim_matches('"'));
                }
            }
            // They name a scheme and its parameters.
            "www-authenticate" | "proxy-authenticate" | "standin-session" => {}
            _ if is_key || carries_credentials(name) || is_secret(name) => self.add(text),
            _ => self.text(text),
        }
    }

    /// Searches credentials (RFC 9110 §11.4): `Bearer TOKEN`, `Basic BASE64`.
    fn credentials(&mut self, text: &str) {
        let (scheme, rest) = text.split_once(' ').unwrap_or(("", text));
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("basic")
            && let Ok(plain) = STANDARD.decode(rest)
            && let Some((_, password)) = String::from_utf8_lossy(&plain).split_once(':')
        {
            self.add(password);
        }
        self.add(rest);
    }

    /// Searches for values of `format: password`, and write-only ones with the name of a secret.
    fn by_schema(&mut self, schema: &Schema, node: &Value, value: &Value, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        match value {
            Value::String(text) if is_password(schema, node) => self.add(text),
            Value::Array(items) => {
                let Some(node) = schema.items(node) else {
                    return;
                };
                for item in items {
                    self.by_schema(schema, node, item, depth + 1);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    if let Some(node) = schema.property(node, name) {
                        self.by_schema(schema, node, member, depth + 1);
                    }
                }
            }
            _ => {}
        }
    }
}

fn is_password(schema: &Schema, node: &Value) -> bool {
    let nodes = schema.with_branches(node);
    nodes.iter().any(|node| {
        node.get("format")
            .is_some_and(|format| format == "password")
    })
}

/// Returns true if the schema of a parameter says that it is a password.
fn is_documented(operation: Option<&Operation>, part: &str, name: &str) -> bool {
    let parameters = operation
        .into_iter()
        .flat_map(|own| &own.compiled().parameters);
    let mut own = parameters.filter(|parameter| {
        parameter.location.as_str() == part && parameter.name.eq_ignore_ascii_case(name)
    });
    own.any(|parameter| {
        let schema = parameter.schema();
        schema.is_some_and(|schema| is_password(schema, schema.tree()))
    })
}

/// Returns the names of the parameters, header fields and cookies that carry the keys of an
/// operation.
pub(super) fn key_names(operation: &Operation) -> Vec<&str> {
    let requirements = operation.compiled().security.iter();
    let schemes = requirements.flat_map(|requirement| &requirement.schemes);
    let keys = schemes.filter_map(|scheme| match scheme {
        SecurityScheme::ApiKey { name, location } if *location != Location::Path => {
            Some(name.as_str())
        }
        _ => None,
    });
    keys.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secrets(find: impl FnOnce(&mut SecretSearch)) -> Vec<String> {
        let mut search = SecretSearch::default();
        find(&mut search);
        search.into_secrets().collect()
    }

    #[test]
    fn secrets_of_a_request_are_found_by_name_and_shape() {
        let parts = json!({
            "path": {"id": "7", "token": "t-path"},
            "query": {"api_key": "k-query", "next": "https://h/?access_token=t-url&page=2"},
            "header": {"authorization": "Basic YW5uOnB3", "x-auth-token": "t-field", "accept": "a/b"},
            "cookie": {"sid": "c-1"},
            "body": {"user": "ann", "password": "p-body", "note": "{\"secret\": \"s-inner\"}", "pin": 4711,
                "text": "use ghp_0123456789012345678901234567890123 now"},
        });
        let found = secrets(|search| search.request(None, &parts));
        assert_eq!(
            found,
            [
                "t-path",
                "k-query",
                "t-url",
                "pw",
                "YW5uOnB3",
                "t-field",
                "c-1",
                "p-body",
                "s-inner",
                "4711",
                "ghp_0123456789012345678901234567890123"
            ]
        );
    }

    #[test]
    fn secrets_of_a_response_are_found_in_its_fields_too() {
        let mut headers = HeaderMap::new();
        headers.insert("set-cookie", "sid=c-2; Path=/".parse().expect("is a value"));
        headers.insert("location", "/a?token=t-1".parse().expect("is a value"));
        let found = secrets(|search| search.response(None, StatusCode::OK, &headers, None));
        assert_eq!(found, ["c-2", "t-1"]);
    }
}
