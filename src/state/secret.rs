//! Finds the secrets of an exchange: by security schemes, schemas, names and shapes.
use std::borrow::Cow;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode};
use indexmap::IndexSet;
use regex::Regex;
use serde_json::Value;

use crate::codec::text::decode;
use crate::contract::{Location, Operation, SecurityScheme};
use crate::schema::Schema;
use crate::schema::name::{carries_credentials, is_secret};
use crate::state::stand_in::{JWT, REDACTED};

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

/// User name and password of a URL (RFC 3986 §3.2.1), which is what stands before the last `@` of its
/// authority: `postgres://ann:s3cret@db.example.com`.
static USERINFO: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"[A-Za-z][A-Za-z0-9+.-]*://([^\s/?\#:@"'<>]*)(?::([^\s/?\#"'<>]*))?@"#)
        .expect("the pattern is valid")
});

/// Named value in a text, such as a connection string: `User Id=sa;Password=s3cret`.
static ASSIGNMENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"([A-Za-z][A-Za-z0-9_.-]*)\s*=\s*("[^"]*"|'[^']*'|[^\s;"']+)"#)
        .expect("the pattern is valid")
});

/// Beginning of the next pair within a named value: `&page=`.
static NEXT_PAIR: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"&[A-Za-z0-9_.\[\]-]+=").expect("the pattern is valid"));

/// Length in bytes from which a user name without a password is a key: `https://TOKEN@git.example.com`.
const SHORTEST_KEY: usize = 16;

/// Length in bytes from which the `code` beside a `state` is that of an authorization (RFC 6749 §4.1.2);
/// a shorter one may be that of a country.
const SHORTEST_CODE: usize = 8;

/// Search for secrets in the parts of exchanges.
#[derive(Debug, Default)]
pub(crate) struct SecretSearch {
    /// Secrets in the order in which they were found.
    found: IndexSet<String>,
}

impl SecretSearch {
    /// Returns the secrets in the order in which they were found.
    pub(crate) fn into_secrets(self) -> impl Iterator<Item = String> {
        self.found.into_iter()
    }

    fn add(&mut self, secret: &str) {
        // A redacted recording has the same text in the place of all secrets.
        if !secret.trim().is_empty() && !secret.contains(REDACTED) {
            self.found.insert(secret.to_owned());
        }
    }

    /// Searches the parts of a request, `{path, query, header, cookie, body}`.
    pub(crate) fn request(&mut self, operation: Option<&Operation>, parts: &Value) {
        let keys = operation.map(key_names).unwrap_or_default();
        let is_key = |name: &str| keys.iter().any(|key| key.eq_ignore_ascii_case(name));
        for part in ["path", "query", "header", "cookie"] {
            let values = parts[part].as_object();
            let grant = Grant::of(values.into_iter().flatten().map(|(name, _)| name.as_str()));
            for (name, value) in values.into_iter().flatten() {
                let granted = value.as_str().filter(|_| part == "query");
                let is_named = part == "cookie"
                    || is_key(name)
                    || is_documented(operation, part, name)
                    || granted.is_some_and(|text| grant.has_secret(name, text));
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
    pub(crate) fn response(
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
    pub(crate) fn text(&mut self, text: &str) {
        for shape in [&*JWT, &*KEYS] {
            for found in shape.find_iter(text) {
                self.add(found.as_str());
            }
        }
        self.userinfo(text);
        // A JSON text within a text may have secrets by name.
        if text.trim_start().starts_with(['{', '['])
            && let Ok(inner) = serde_json::from_str::<Value>(text)
        {
            self.value(&inner);
        }
        self.pairs(text);
    }

    /// Searches the URLs of a text for users and passwords. The user name is a secret only together with the
    /// password, as it may be a common word.
    fn userinfo(&mut self, text: &str) {
        if !text.contains('@') {
            return;
        }
        for found in USERINFO.captures_iter(text) {
            let user = found.get(1).map_or("", |user| user.as_str());
            match found.get(2).map_or("", |password| password.as_str()) {
                "" if user.len() < SHORTEST_KEY => {}
                "" => self.add_url_part(user),
                password => {
                    self.add(&format!("{user}:{password}"));
                    self.add_url_part(password);
                }
            }
        }
    }

    /// Adds a secret that is percent-encoded in a URL, as it is there and as it is elsewhere.
    pub(crate) fn add_url_part(&mut self, part: &str) {
        self.add(part);
        self.add(&decode(part));
    }

    /// Searches the query or fragment of a URL, a form, or a connection string.
    fn pairs(&mut self, text: &str) {
        let (_, query) = text.split_once(['?', '#']).unwrap_or(("", text));
        if !query.contains('=') {
            return;
        }
        if query.contains(char::is_whitespace) || query.contains(';') {
            return self.assignments(text);
        }
        self.named(query, &|_| false);
    }

    /// Searches a query or a form; `is_key` tells the names that carry the key of a security scheme.
    pub(crate) fn form(&mut self, text: &str, is_key: &dyn Fn(&str) -> bool) {
        for value in self.named(text, is_key) {
            self.text(&value);
        }
    }

    /// Adds the values of a query, a fragment or a form that have the name of a secret, and returns the others.
    fn named<'t>(&mut self, text: &'t str, is_key: &dyn Fn(&str) -> bool) -> Vec<Cow<'t, str>> {
        let mut others = Vec::new();
        for part in text.split('#') {
            let pairs: Vec<_> = form_urlencoded::parse(part.as_bytes()).collect();
            let grant = Grant::of(pairs.iter().map(|(name, _)| name.as_ref()));
            for (name, value) in pairs {
                if is_secret(&name) || is_key(&name) || grant.has_secret(&name, &value) {
                    self.add(&value);
                } else {
                    others.push(value);
                }
            }
        }
        others
    }

    /// Searches named values within a text.
    fn assignments(&mut self, text: &str) {
        for found in ASSIGNMENT.captures_iter(text) {
            let name = &found[1];
            // The key of a storage account is a secret in a connection string only.
            if !is_secret(name) && !name.eq_ignore_ascii_case("accountkey") {
                continue;
            }
            let value = &found[2];
            let quoted = ['"', '\''].map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
            match quoted.into_iter().flatten().next() {
                Some(inner) => self.add(inner),
                None => {
                    let end = NEXT_PAIR
                        .find(value)
                        .map_or(value.len(), |next| next.start());
                    self.add(&value[..end]);
                }
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
            Value::Object(members) => {
                let grant = Grant::of(members.keys().map(String::as_str));
                for (name, member) in members {
                    let is_granted = |text: &str| grant.has_secret(name, text);
                    let is_named = member.as_str().is_some_and(is_granted);
                    self.member(name, member, is_named);
                }
            }
            _ => {}
        }
    }

    /// Searches the content of a message: JSON, a form, or any other text.
    pub(crate) fn content(&mut self, content: &[u8], is_form: bool, is_key: &dyn Fn(&str) -> bool) {
        if let Ok(value) = serde_json::from_slice::<Value>(content) {
            self.value(&value);
        } else if let Ok(text) = std::str::from_utf8(content) {
            if is_form {
                self.form(text, is_key);
            } else {
                self.text(text);
            }
        }
    }

    /// Searches a header field; `name` is in lower case.
    pub(crate) fn field(&mut self, name: &str, text: &str, is_key: bool) {
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

/// Names of secrets in a request for a token (RFC 6749, 7521, 7636, 8628).
const SECRETS_OF_GRANTS: [&str; 5] = [
    "code",
    "code_verifier",
    "device_code",
    "assertion",
    "client_assertion",
];

/// Names beside a `code` by which it is that of an authorization of OAuth 2.0 (RFC 6749).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grant {
    /// Other names only.
    No,
    /// Redirect to a client, with `state` or `iss` (RFC 6749 §4.1.2, RFC 9207).
    Redirect,
    /// Request for a token (RFC 6749 §4.1.3).
    Token,
}

impl Grant {
    /// Reads the names of the query of a URL, of a form or of an object.
    fn of<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let mut found = Self::No;
        for name in names {
            match name {
                "grant_type" | "code_verifier" | "redirect_uri" | "client_secret" => {
                    return Self::Token;
                }
                "state" | "session_state" | "iss" => found = Self::Redirect,
                _ => {}
            }
        }
        found
    }

    /// Returns true if a value beside these names is a secret of a grant, which other uses of its name
    /// are not.
    fn has_secret(self, name: &str, value: &str) -> bool {
        match self {
            Self::No => false,
            Self::Redirect => name == "code" && value.len() >= SHORTEST_CODE,
            Self::Token => SECRETS_OF_GRANTS.contains(&name),
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
pub(crate) fn key_names(operation: &Operation) -> Vec<&str> {
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

    #[test]
    fn users_and_passwords_of_urls_are_found() {
        let found = |text: &str| secrets(|search| search.text(text));
        assert_eq!(
            found("see https://ann:p%40ss@h.example/a and redis://:r3dis@h"),
            ["ann:p%40ss", "p%40ss", "p@ss", ":r3dis", "r3dis"]
        );
        assert_eq!(
            found("https://0123456789abcdef@git.example.com/a"),
            ["0123456789abcdef"]
        );
        for plain in [
            "ssh://git@h/a",
            "https://h/@ann:1",
            "mailto:ann@h",
            "a://b c:d@e",
        ] {
            assert_eq!(found(plain), [""; 0], "{plain}");
        }
    }

    #[test]
    fn passwords_of_connection_strings_are_found() {
        let found = |text: &str| secrets(|search| search.text(text));
        assert_eq!(
            found("Server=db;User Id=sa;Password=p&w;Encrypt=true"),
            ["p&w"]
        );
        assert_eq!(
            found("host=db password='two words' pwd = \"3\" dbname=a"),
            ["two words", "3"]
        );
        assert_eq!(found("it was sent with token=t0&page=2 today"), ["t0"]);
        assert_eq!(found("AccountName=a;AccountKey=bm9uZQ==;"), ["bm9uZQ=="]);
        assert_eq!(found("the password must have = or more; a=b"), [""; 0]);
    }

    #[test]
    fn a_code_is_a_secret_where_it_grants_access() {
        let form = |text: &str| secrets(|search| search.form(text, &|_| false));
        assert_eq!(
            form("grant_type=authorization_code&code=c1&code_verifier=v1&client_id=x"),
            ["c1", "v1"]
        );
        assert_eq!(form("code=SplxlOBeZQ&state=af0"), ["SplxlOBeZQ"]);
        assert_eq!(form("country_code=DE&code=SUMMER-2026"), [""; 0]);
        assert_eq!(form("code=DE&state=BE"), [""; 0]);
        let found = secrets(|search| search.text("https://app.example/cb?code=SplxlOBeZQ&state=x"));
        assert_eq!(found, ["SplxlOBeZQ"]);
        let found = secrets(|search| search.text("https://a.example/cb#access_token=t1&state=x"));
        assert_eq!(found, ["t1"]);
        let body = json!({"grant_type": "authorization_code", "code": "c2", "scope": "a"});
        assert_eq!(secrets(|search| search.value(&body)), ["c2"]);
        let parts = json!({"query": {"code": "SplxlOBeZQ", "state": "x"}});
        assert_eq!(
            secrets(|search| search.request(None, &parts)),
            ["SplxlOBeZQ"]
        );
    }

    #[test]
    fn a_long_chain_of_pairs_is_no_deep_recursion() {
        let text = "a=".repeat(200_000);
        assert_eq!(secrets(|search| search.form(&text, &|_| false)), [""; 0]);
    }
}
