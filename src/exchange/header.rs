//! Header fields of responses: those that the document promises, and those of the sandbox.
use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, PROXY_AUTHENTICATE, SET_COOKIE, TRAILER,
    TRANSFER_ENCODING, UPGRADE, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::codec::text::plain;
use crate::contract::{Response, ResponseHeader};
use crate::exchange::header_meaning;
use crate::generate::{self, GenerateOptions};

/// What was wrong with the request.
pub const VIOLATIONS: HeaderName = HeaderName::from_static("standin-violations");

/// What is wrong with the answer.
pub const WARNING: HeaderName = HeaderName::from_static("standin-warning");

/// RFC 7240 §3
pub const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// RFC 9745
pub const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");

/// RFC 9745 §2.1 wants the date of deprecation, and documents do not have it: long ago.
pub const DEPRECATED: HeaderValue = HeaderValue::from_static("@0");

/// The longest value of [`VIOLATIONS`] and [`WARNING`], in bytes; what is over is cut off.
const LONGEST: usize = 1024;

/// The violations of a request as a header field, if there are any.
///
/// They repeat names from the request, so whatever is not printable ASCII is percent-encoded.
#[must_use]
pub fn violations(summaries: &[String]) -> Option<HeaderValue> {
    if summaries.is_empty() { None } else { line(&summaries.join("; ")) }
}

/// Adds to [`WARNING`] what could not be checked, if there is anything.
pub fn warn_unchecked(sentences: &[String], headers: &mut HeaderMap) {
    if !sentences.is_empty() {
        warn(&format!("not everything is checked: {}", sentences.join("; ")), headers);
    }
}

/// Adds a sentence to [`WARNING`].
pub fn warn(warning: &str, headers: &mut HeaderMap) {
    let before = headers.get(WARNING).and_then(|value| value.to_str().ok());
    let warning = before.map_or_else(|| warning.to_owned(), |before| format!("{before}; {warning}"));
    if let Some(value) = line(&warning) {
        headers.insert(WARNING, value);
    }
}

/// A text of names from documents and requests as the value of a header field.
fn line(content: &str) -> Option<HeaderValue> {
    let mut text = String::new();
    for byte in content.bytes() {
        match byte {
            b'%' => text.push_str("%25"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
        if text.len() > LONGEST {
            text.truncate(LONGEST - 3);
            text.push_str("...");
            break;
        }
    }
    HeaderValue::from_str(&text).ok()
}

/// Adds the documented header fields, with their examples or with generated values.
///
/// Those that belong to the connection or to the content are the server's to write.
///
/// Values are kept for the seed of the sandbox, `usual`; those for another seed are made anew.
pub fn documented(response: &Response, options: &GenerateOptions, usual: &GenerateOptions, headers: &mut HeaderMap) {
    for header in &response.headers {
        if is_own(&header.name) {
            continue;
        }
        if options == usual {
            put(&header.name, header.lines.get_or_init(|| lines(header, &response.headers, options)), headers);
        } else {
            put(&header.name, &lines(header, &response.headers, options), headers);
        }
    }
}

/// Sets a header field to some lines; without any it stays as it is.
fn put(name: &HeaderName, lines: &[HeaderValue], headers: &mut HeaderMap) {
    let Some((first, others)) = lines.split_first() else { return };
    headers.insert(name.clone(), first.clone());
    for line in others {
        headers.append(name.clone(), line.clone());
    }
}

/// Whether each value of a header field is a line of its own: commas do not part the values of these (RFC 6265 §3,
/// RFC 9110 §11.6.1).
fn is_in_lines(name: &HeaderName) -> bool {
    [SET_COOKIE, WWW_AUTHENTICATE, PROXY_AUTHENTICATE].contains(name)
}

fn is_own(name: &HeaderName) -> bool {
    [CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, TRAILER, TRANSFER_ENCODING, UPGRADE]
        .contains(name)
}

/// The lines of a documented header field; none if no value can be one.
fn lines(header: &ResponseHeader, others: &[ResponseHeader], options: &GenerateOptions) -> Vec<HeaderValue> {
    if header.schema.is_some() && header.examples.is_empty() {
        let texts = header_meaning::usual(header, others, options);
        let fitting = texts.iter().find(|text| header_meaning::fits(header, text));
        if let Some(value) = fitting.and_then(|text| HeaderValue::from_str(text).ok()) {
            return vec![value];
        }
    }
    let value = match (header.examples.first(), &header.schema) {
        (Some(example), _) => {
            let repaired = example.to_repair().and_then(|schema| generate::repair(schema, example.value(), options));
            repaired.unwrap_or_else(|| example.value().clone())
        }
        (None, Some(schema)) => generate::named(schema, options, header.name.as_str()).value,
        (None, None) => return Vec::new(),
    };
    let texts: Vec<String> = match &value {
        Value::Array(items) if is_in_lines(&header.name) => items.iter().map(plain).collect(),
        Value::Object(object) if is_in_lines(&header.name) => {
            object.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect()
        }
        // OpenAPI 3.2.0 §4.19.3 writes several lines as one text.
        Value::String(text) if is_in_lines(&header.name) => text.lines().map(str::to_owned).collect(),
        value => vec![simple(value, header.explode)],
    };
    let mut lines: Vec<HeaderValue> = Vec::new();
    for line in texts.iter().filter_map(|text| HeaderValue::from_str(text.trim()).ok()) {
        if !is_in_lines(&header.name) || !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

/// The style `simple` (OpenAPI 3.0.4 §4.7.12.2.2).
fn simple(value: &Value, explode: bool) -> String {
    let between = if explode { '=' } else { ',' };
    match value {
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        Value::Object(object) => {
            object.iter().map(|(name, value)| format!("{name}{between}{}", plain(value))).collect::<Vec<_>>().join(",")
        }
        other => plain(other),
    }
}

/// What [`header::WARNING`] says of a value that could not be made.
pub(super) const MISFIT: &str = "the generated value does not fit its schema";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_cannot_break_out_of_their_header() {
        let value = violations(&["body /a\r\nx: 1 é".to_owned(), "b".to_owned()]).expect("is there");
        assert_eq!(value, "body /a%0D%0Ax: 1 %C3%A9; b");
    }

    #[test]
    fn violations_are_bounded() {
        let value = violations(&["x".repeat(5000)]).expect("is there");
        assert_eq!(value.len(), LONGEST);
    }
}
