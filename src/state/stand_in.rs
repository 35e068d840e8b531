//! Secrets → stand-ins: the same secret always becomes the same text, of the same kind and length.
//!
//! `secret` finds the secrets of the exchanges; everything that is written passes through here: fixtures get
//! stand-ins, so that they still answer; journal, HAR and drift get [`REDACTED`] in their place.
use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{
    GeneralPurpose, STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD,
};
use indexmap::IndexMap;
use regex::Regex;
use serde_json::{Number, Value};

use crate::codec::text::{decode, decode_form, encode};
use crate::schema::name::{carries_credentials, is_secret};

/// Text in the place of a secret that nothing is made of any more.
pub(crate) const REDACTED: &str = "[redacted]";

/// Length in bytes from which a secret is searched for within longer words.
const SHORTEST_WITHIN: usize = 6;

/// Length in bytes from which a secret is searched for outside of the members that it was found in.
const SHORTEST_ELSEWHERE: usize = 3;

/// Maximum length of a stand-in that is as long as its secret.
const LONGEST: usize = 64;

/// Shape of a JSON Web Token (RFC 7519).
pub(crate) static JWT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]*")
        .expect("the pattern is valid")
});

/// Text that may be base64.
static BASE64: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[A-Za-z0-9+/_-]{8,}={0,2}").expect("the pattern is valid"));

/// Shape of a UUID (RFC 9562 §4).
static UUID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
        .expect("the pattern is valid")
});

/// Returns true if a text is a UUID.
pub(crate) fn is_uuid(text: &str) -> bool {
    UUID.is_match(text)
}

/// Texts in the place of secrets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Replacement {
    /// A stand-in of its own for each secret, of the same kind.
    #[default]
    StandIn,
    /// [`REDACTED`] for all.
    Redacted,
}

/// Texts in the place of the secrets of a recording, or of one exchange.
#[derive(Debug, Default)]
pub(crate) struct StandIns {
    replacement: Replacement,
    by_secret: IndexMap<String, String>,
    /// Notations of secrets, with those of their stand-ins.
    notations: Vec<Notation>,
    finder: Option<AhoCorasick>,
    /// Finder of the stand-ins themselves.
    used: Option<AhoCorasick>,
}

/// A secret as it may be written in a text, and its replacement.
#[derive(Debug)]
struct Notation {
    secret: String,
    stand_in: String,
}

impl StandIns {
    /// Creates the stand-ins of secrets; their numbers begin after `last`.
    #[must_use]
    pub(crate) fn new(secrets: impl IntoIterator<Item = String>, last: usize) -> Self {
        let mut by_secret: IndexMap<String, String> = IndexMap::new();
        for secret in secrets {
            let number = last + by_secret.len() + 1;
            by_secret
                .entry(secret)
                .or_insert_with_key(|secret| stand_in(secret, number));
        }
        Self::of(by_secret, Replacement::StandIn)
    }

    /// Creates the replacement of secrets by [`REDACTED`].
    #[must_use]
    pub(crate) fn redacted(secrets: impl IntoIterator<Item = String>) -> Self {
        let secrets = secrets.into_iter();
        let by_secret = secrets.map(|secret| (secret, REDACTED.to_owned()));
        Self::of(by_secret.collect(), Replacement::Redacted)
    }

    fn of(by_secret: IndexMap<String, String>, replacement: Replacement) -> Self {
        let mut made = Self {
            replacement,
            notations: notations(&by_secret, replacement),
            ..Self::default()
        };
        made.finder = finder(
            made.notations
                .iter()
                .map(|notation| notation.secret.as_str()),
        );
        made.used = finder(by_secret.values().map(String::as_str));
        made.by_secret = by_secret;
        made
    }

    /// Returns the number of secrets.
    #[must_use]
    pub(crate) fn count(&self) -> usize {
        self.by_secret.len()
    }

    /// Returns true if a text has a stand-in.
    #[must_use]
    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.used.as_ref().is_some_and(|used| used.is_match(text))
    }

    /// Returns a text with all secrets replaced, also those that are percent-encoded, in a JSON
    /// text or in base64.
    #[must_use]
    pub(crate) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Some(finder) = &self.finder else {
            return Cow::Borrowed(text);
        };
        if let Some(whole) = self
            .by_secret
            .get(text)
            .filter(|_| text.len() >= SHORTEST_ELSEWHERE)
        {
            return Cow::Owned(whole.clone());
        }
        let replaced = self.replaced(finder, text);
        match self.in_base64(finder, &replaced) {
            Some(decoded) => Cow::Owned(decoded),
            None => replaced,
        }
    }

    fn replaced<'t>(&self, finder: &AhoCorasick, text: &'t str) -> Cow<'t, str> {
        let mut written = String::new();
        let mut end = 0;
        for found in finder.find_iter(text) {
            let notation = &self.notations[found.pattern().as_usize()];
            let is_word = is_apart(text, found.start(), found.end());
            if notation.secret.len() < SHORTEST_WITHIN && !is_word {
                continue;
            }
            written.push_str(&text[end..found.start()]);
            written.push_str(&notation.stand_in);
            end = found.end();
        }
        if end == 0 {
            return Cow::Borrowed(text);
        }
        written.push_str(&text[end..]);
        Cow::Owned(written)
    }

    /// Returns a text with the secrets within its base64 parts replaced; `None` if there are none.
    fn in_base64(&self, finder: &AhoCorasick, text: &str) -> Option<String> {
        let mut written = String::new();
        let mut end = 0;
        for found in BASE64.find_iter(text) {
            let Some((plain, engine)) = decoded(found.as_str()) else {
                continue;
            };
            if let Cow::Owned(replaced) = self.replaced(finder, &plain) {
                written.push_str(&text[end..found.start()]);
                match self.replacement {
                    Replacement::StandIn => written.push_str(&engine.encode(replaced)),
                    Replacement::Redacted => written.push_str(REDACTED),
                }
                end = found.end();
            }
        }
        (end > 0).then(|| written + &text[end..])
    }

    /// Returns a header field with all secrets replaced, also short ones of cookies and of fields that
    /// carry credentials; `name` is in lower case.
    #[must_use]
    pub(crate) fn field(&self, name: &str, text: &str) -> String {
        let first_only = name == "set-cookie";
        if !first_only && name != "cookie" {
            let whole = carries_credentials(name) || is_secret(name);
            let scheme = text.split_once(' ').filter(|_| whole);
            if let Some(stand_in) = self.by_secret.get(text).filter(|_| whole) {
                return stand_in.clone();
            }
            if let Some((scheme, stand_in)) =
                scheme.and_then(|(scheme, token)| Some((scheme, self.by_secret.get(token.trim())?)))
            {
                return format!("{scheme} {stand_in}");
            }
            return self.text(text).into_owned();
        }
        let pairs = text.split(';').enumerate().map(|(index, pair)| {
            let is_cookie = index == 0 || !first_only;
            let cookie = pair.split_once('=').filter(|_| is_cookie);
            let replaced = cookie.and_then(|(cookie, value)| {
                let plain = value.trim().trim_matches('"');
                Some((cookie, value, plain, self.by_secret.get(plain)?))
            });
            match replaced {
                Some((cookie, value, plain, stand_in)) => {
                    format!("{cookie}={}", value.replacen(plain, stand_in, 1))
                }
                None => self.text(pair).into_owned(),
            }
        });
        pairs.collect::<Vec<_>>().join(";")
    }

    /// Returns a path and query with all secrets replaced, also short ones of a query parameter with
    /// the name of a secret.
    #[must_use]
    pub(crate) fn target(&self, target: &str) -> String {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let segments = path
            .split('/')
            .map(|segment| self.part(segment, &decode(segment), false));
        let path = segments.collect::<Vec<_>>().join("/");
        if query.is_empty() {
            return path;
        }
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, value)) => {
                let is_named = is_secret(&decode_form(name));
                format!("{name}={}", self.part(value, &decode_form(value), is_named))
            }
            None => pair.to_owned(),
        });
        format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
    }

    /// Returns a part of a URL, which is `plain` without its escapes.
    fn part(&self, written: &str, plain: &str, is_named: bool) -> String {
        let is_meant = is_named || plain.len() >= SHORTEST_ELSEWHERE;
        match self.by_secret.get(plain).filter(|_| is_meant) {
            Some(whole) => self.replacement.in_url(whole),
            None => self.text(written).into_owned(),
        }
    }

    /// Replaces all secrets in a value.
    pub(crate) fn value(&self, value: &mut Value) {
        self.member(value, false);
    }

    /// Replaces all secrets in the parts of a request, `{path, query, header, cookie, body}`.
    pub(crate) fn parts(&self, parts: &mut Value) {
        let Some(members) = parts.as_object_mut() else {
            return;
        };
        for (part, own) in members.iter_mut() {
            match (part.as_str(), own.as_object_mut()) {
                ("cookie", Some(cookies)) => cookies
                    .values_mut()
                    .for_each(|cookie| self.member(cookie, true)),
                ("header", Some(fields)) => {
                    for (name, value) in fields.iter_mut() {
                        match value {
                            Value::String(text) => *text = self.field(name, text),
                            other => self.member(other, is_secret(name)),
                        }
                    }
                }
                _ => self.value(own),
            }
        }
    }

    /// Replaces the secrets of a member; `is_named` is true if its name is that of a secret.
    fn member(&self, value: &mut Value, is_named: bool) {
        match value {
            Value::String(text) => {
                let named = self.by_secret.get(text.as_str()).filter(|_| is_named);
                let replaced = named.cloned().map_or_else(|| self.text(text), Cow::Owned);
                if let Cow::Owned(replaced) = replaced {
                    *text = replaced;
                }
            }
            Value::Number(number) => {
                let text = number.to_string();
                let is_meant = is_named || text.len() > SHORTEST_ELSEWHERE;
                let stand_in = self.by_secret.get(&text).filter(|_| is_meant);
                match (stand_in, self.replacement) {
                    (Some(stand_in), Replacement::StandIn) => {
                        *number = stand_in
                            .parse::<Number>()
                            .unwrap_or_else(|_| Number::from(0));
                    }
                    (Some(_), Replacement::Redacted) => *value = REDACTED.into(),
                    (None, _) => {}
                }
            }
            Value::Array(items) => items
                .iter_mut()
                .for_each(|item| self.member(item, is_named)),
            Value::Object(members) => {
                for (name, member) in members.iter_mut() {
                    self.member(member, is_secret(name));
                }
                let is_key = |name: &String| matches!(self.key(name), Cow::Owned(_));
                if members.keys().any(is_key) {
                    let renamed = std::mem::take(members).into_iter();
                    *members = renamed
                        .map(|(name, member)| (self.key(&name).into_owned(), member))
                        .collect();
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Returns the name of a member without secrets. A password that is a common word must not
    /// change the names of members.
    fn key<'n>(&self, name: &'n str) -> Cow<'n, str> {
        let has_digit = name.bytes().any(|byte| byte.is_ascii_digit());
        if name.len() >= SHORTEST_WITHIN && has_digit {
            self.text(name)
        } else {
            Cow::Borrowed(name)
        }
    }
}

impl Replacement {
    /// Returns a text in the place of a secret as a URL has it. [`REDACTED`] is as readable there as elsewhere.
    fn in_url(self, stand_in: &str) -> String {
        match self {
            Self::StandIn => encode(stand_in),
            Self::Redacted => stand_in.to_owned(),
        }
    }
}

/// Returns true if a part of a text is not within a longer word.
fn is_apart(text: &str, start: usize, end: usize) -> bool {
    let before = text[..start].chars().next_back();
    let after = text[end..].chars().next();
    let is_word = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    !is_word(before) && !is_word(after)
}

fn finder<'t>(texts: impl Iterator<Item = &'t str>) -> Option<AhoCorasick> {
    let mut builder = AhoCorasick::builder();
    let texts: Vec<&str> = texts.collect();
    if texts.is_empty() {
        return None;
    }
    builder
        .match_kind(MatchKind::LeftmostLongest)
        .build(texts)
        .ok()
}

/// Returns the ways in which secrets may be written: as they are, percent-encoded, as in forms, and
/// in a JSON text.
fn notations(by_secret: &IndexMap<String, String>, replacement: Replacement) -> Vec<Notation> {
    let mut notations: IndexMap<String, String> = IndexMap::new();
    let searched = by_secret
        .iter()
        .filter(|(secret, _)| secret.len() >= SHORTEST_ELSEWHERE);
    for (secret, stand_in) in searched {
        let upper = encode(secret);
        let lower = lower_percent(&upper);
        let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let json = Value::from(secret.as_str()).to_string();
        let json = json[1..json.len() - 1].to_owned();
        let encoded = replacement.in_url(stand_in);
        notations.insert(secret.clone(), stand_in.clone());
        let others = [
            (upper, &encoded),
            (lower, &encoded),
            (form, &encoded),
            (json, stand_in),
        ];
        for (notation, stand_in) in others {
            notations
                .entry(notation)
                .or_insert_with(|| stand_in.clone());
        }
    }
    let made = notations.into_iter();
    made.map(|(secret, stand_in)| Notation { secret, stand_in })
        .collect()
}

/// Returns a percent-encoded text with the digits of its escapes in lower case.
fn lower_percent(text: &str) -> String {
    let mut parts = text.split('%');
    let mut lower = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        lower.push('%');
        lower.push_str(&digits.to_ascii_lowercase());
        lower.push_str(rest);
    }
    lower
}

/// Returns the text that is written in base64, and its variant.
fn decoded(text: &str) -> Option<(String, &'static GeneralPurpose)> {
    let engines = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD];
    engines.into_iter().find_map(|engine| {
        let plain = String::from_utf8(engine.decode(text).ok()?).ok()?;
        Some((plain, engine))
    })
}

/// Returns the stand-in of a secret: a token for a token, digits for digits.
fn stand_in(secret: &str, number: usize) -> String {
    let name = format!("stand-in-{number}");
    let length = secret.len();
    let is_hex = secret.bytes().all(|byte| byte.is_ascii_hexdigit());
    if JWT.find(secret).is_some_and(|found| found.len() == length) {
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let subject = format!(r#"{{"sub":"{name}"}}"#);
        return format!("{}.{}.{name}", part(r#"{"alg":"none"}"#), part(&subject));
    }
    if is_uuid(secret) {
        return format!("00000000-0000-4000-8000-{number:012}");
    }
    if secret.bytes().all(|byte| byte.is_ascii_digit()) {
        // The first digit is not 0, as a number cannot begin with it.
        let digits = format!(
            "{number:0>width$}",
            width = length.min(18).saturating_sub(1)
        );
        return format!("9{digits}");
    }
    if is_hex && length >= 16 {
        return format!("{number:0>width$}", width = length.min(LONGEST));
    }
    if secret.starts_with("-----BEGIN ") {
        return format!("-----BEGIN PRIVATE KEY-----\n{name}\n-----END PRIVATE KEY-----");
    }
    let missing = length.min(LONGEST).saturating_sub(name.len());
    match missing {
        0 => name,
        missing => format!("{name}-{}", "0".repeat(missing - 1)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(secrets: &[&str]) -> StandIns {
        StandIns::new(secrets.iter().map(|secret| (*secret).to_owned()), 0)
    }

    #[test]
    fn a_stand_in_has_the_kind_and_length_of_its_secret() {
        assert_eq!(stand_in("hunter2", 1), "stand-in-1");
        assert_eq!(
            stand_in("correct horse battery", 2),
            "stand-in-2-0000000000"
        );
        assert_eq!(stand_in("4711", 3), "9003");
        assert_eq!(stand_in("0123456789abcdef", 4), "0000000000000004");
        assert_eq!(
            stand_in("1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", 5),
            "00000000-0000-4000-8000-000000000005"
        );
        let token = stand_in("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", 6);
        assert!(JWT.is_match(&token), "{token}");
    }

    #[test]
    fn a_secret_is_replaced_in_each_notation() {
        let secret = "pa/ss wo\"rd+1";
        let stand_ins = of(&[secret]);
        let texts = [
            secret.to_owned(),
            format!("it is {secret}."),
            "https://h/?p=pa%2Fss%20wo%22rd%2B1&q=1".to_owned(),
            "https://h/?p=pa%2fss%20wo%22rd%2b1&q=1".to_owned(),
            "p=pa%2Fss+wo%22rd%2B1".to_owned(),
            json!({ "inner": secret }).to_string(),
            format!("Basic {}", STANDARD.encode(format!("ann:{secret}"))),
            URL_SAFE_NO_PAD.encode(format!("x{secret}")),
        ];
        for text in texts {
            let shown = stand_ins.text(&text);
            assert_ne!(shown, text);
            let is_basic = decoded(shown.trim_start_matches("Basic "))
                .is_some_and(|(plain, _)| plain.contains("stand-in-1"));
            assert!(shown.contains("stand-in-1") || is_basic, "{shown}");
        }
    }

    #[test]
    fn a_short_secret_changes_no_other_word() {
        let stand_ins = of(&["abc", "12"]);
        assert_eq!(stand_ins.text("abcd abc"), "abcd stand-in-1");
        let mut value = json!({"pin": 12, "age": 12, "abc": "12", "password": "12"});
        stand_ins.value(&mut value);
        assert_eq!(
            value,
            json!({"pin": 92, "age": 12, "abc": "12", "password": "92"})
        );
        assert_eq!(
            stand_ins.target("/12/abc?pin=12&page=12"),
            "/12/stand-in-1?pin=92&page=12"
        );
    }
}
