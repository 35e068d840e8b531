//! Writes header fields of responses: those that the document declares, and those of the sandbox.
//!
//! `finish` and `remembered` use it while they build a response.
use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, PROXY_AUTHENTICATE,
    SET_COOKIE, TRAILER, TRANSFER_ENCODING, UPGRADE, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use crate::codec::message;
use crate::codec::text::plain;
use crate::contract::{DocumentedResponse, ResponseHeader};
use crate::entity::body::BodyMisfit;
use crate::exchange::header_meaning;
use crate::exchange::settings::Settings;
use crate::generate::{self, GenerateOptions};

/// Header field with the violations of the request.
pub(crate) const VIOLATIONS: HeaderName = HeaderName::from_static("standin-violations");

/// Header field of Prism with the violations of request and answer (`--prism`).
pub(crate) const SL_VIOLATIONS: HeaderName = HeaderName::from_static("sl-violations");

/// Header field with warnings about the answer.
pub(crate) const WARNING: HeaderName = HeaderName::from_static("standin-warning");

/// Header field `Preference-Applied` (RFC 7240 §3).
pub(crate) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Header field `Deprecation` (RFC 9745).
pub(crate) const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");

/// Value of `Deprecation`: RFC 9745 §2.1 requires a date, which documents do not have, so it is
/// the beginning of 1970.
pub(crate) const DEPRECATED: HeaderValue = HeaderValue::from_static("@0");

/// Maximum length of [`VIOLATIONS`] and [`WARNING`], in bytes; longer values are cut off and end
/// in `...`.
const LONGEST: usize = 1024;

/// Returns the violations of a request as a header field value; `None` if there are none.
///
/// They repeat names from the request, so everything but printable ASCII is percent-encoded.
#[must_use]
pub(crate) fn violations(summaries: &[String]) -> Option<HeaderValue> {
    violations_within(summaries, LONGEST)
}

/// Returns violations as a header field value of at most `longest` bytes; `None` if there are none.
#[must_use]
pub(crate) fn violations_within(summaries: &[String], longest: usize) -> Option<HeaderValue> {
    if summaries.is_empty() {
        None
    } else {
        line(&summaries.join("; "), longest)
    }
}

/// Adds the parts that could not be checked to [`WARNING`], if there are any.
pub(crate) fn warn_unchecked(sentences: &[String], headers: &mut HeaderMap) {
    if !sentences.is_empty() {
        warn(
            &format!("not everything is checked: {}", sentences.join("; ")),
            headers,
        );
    }
}

/// Adds a sentence to [`WARNING`].
pub(crate) fn warn(warning: &str, headers: &mut HeaderMap) {
    let before = headers.get(WARNING).and_then(|value| value.to_str().ok());
    let warning = before.map_or_else(
        || warning.to_owned(),
        |before| format!("{before}; {warning}"),
    );
    if let Some(value) = line(&warning, LONGEST) {
        headers.insert(WARNING, value);
    }
}

/// Encodes a text with names from documents and requests as a header field value; everything but
/// printable ASCII, and `%`, is percent-encoded. It is cut off after `longest` bytes.
fn line(content: &str, longest: usize) -> Option<HeaderValue> {
    let mut text = String::new();
    for byte in content.bytes() {
        match byte {
            b'%' => text.push_str("%25"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
        if text.len() > longest {
            text.truncate(longest - 3);
            text.push_str("...");
            break;
        }
    }
    HeaderValue::from_str(&text).ok()
}

/// Returns an empty response with a status and the documented header fields.
#[must_use]
pub(crate) fn head(
    status: StatusCode,
    documented_as: Option<&DocumentedResponse>,
    options: &GenerateOptions,
    settings: &Settings,
) -> message::Response {
    let mut response = message::Response::new(Bytes::new());
    *response.status_mut() = status;
    if let Some(documented_as) = documented_as {
        let headers = response.headers_mut();
        documented(documented_as, options, &settings.options, headers);
    }
    response
}

/// Adds the documented header fields, with their examples or with generated values.
///
/// Fields of the connection and of the content are left to the server.
///
/// Values for `usual`, the options of the sandbox, are cached; those for other options are
/// generated each time.
pub(crate) fn documented(
    response: &DocumentedResponse,
    options: &GenerateOptions,
    usual: &GenerateOptions,
    headers: &mut HeaderMap,
) {
    for header in &response.headers {
        if is_own(&header.name) {
            continue;
        }
        if options == usual {
            put(
                &header.name,
                header
                    .lines
                    .get_or_init(|| lines(header, &response.headers, options)),
                headers,
            );
        } else {
            put(
                &header.name,
                &lines(header, &response.headers, options),
                headers,
            );
        }
    }
}

/// Sets a header field to some lines; leaves it unchanged if there are none.
fn put(name: &HeaderName, lines: &[HeaderValue], headers: &mut HeaderMap) {
    let Some((first, others)) = lines.split_first() else {
        return;
    };
    headers.insert(name.clone(), first.clone());
    for line in others {
        headers.append(name.clone(), line.clone());
    }
}

/// Returns `true` if each value of a header field is a separate line, because commas do not
/// separate its values (RFC 6265 §3, RFC 9110 §11.6.1).
fn is_in_lines(name: &HeaderName) -> bool {
    [SET_COOKIE, WWW_AUTHENTICATE, PROXY_AUTHENTICATE].contains(name)
}

fn is_own(name: &HeaderName) -> bool {
    [
        CONNECTION,
        CONTENT_ENCODING,
        CONTENT_LENGTH,
        CONTENT_TYPE,
        DATE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ]
    .contains(name)
}

/// Returns the lines of a documented header field; none if no value can be written.
fn lines(
    header: &ResponseHeader,
    others: &[ResponseHeader],
    options: &GenerateOptions,
) -> Vec<HeaderValue> {
    if header.schema.is_some() && header.examples.is_empty() {
        let texts = header_meaning::usual(header, others, options);
        let fitting = texts.iter().find(|text| header_meaning::fits(header, text));
        if let Some(value) = fitting.and_then(|text| HeaderValue::from_str(text).ok()) {
            return vec![value];
        }
    }
    let value = match (header.examples.first(), &header.schema) {
        (Some(example), _) => {
            let repaired = example
                .to_repair()
                .and_then(|schema| generate::repair(schema, example.value(), options));
            repaired.unwrap_or_else(|| example.value().clone())
        }
        (None, Some(schema)) => generate::named(schema, options, header.name.as_str()).value,
        (None, None) => return Vec::new(),
    };
    let texts: Vec<String> = match &value {
        Value::Array(items) if is_in_lines(&header.name) => items.iter().map(plain).collect(),
        Value::Object(object) if is_in_lines(&header.name) => object
            .iter()
            .map(|(name, value)| format!("{name}={}", plain(value)))
            .collect(),
        // OpenAPI 3.2.0 §4.19.3 writes several lines as one text.
        Value::String(text) if is_in_lines(&header.name) => {
            text.lines().map(str::to_owned).collect()
        }
        value => vec![simple(value, header.explode)],
    };
    let mut lines: Vec<HeaderValue> = Vec::new();
    for line in texts
        .iter()
        .filter_map(|text| HeaderValue::from_str(text.trim()).ok())
    {
        if !is_in_lines(&header.name) || !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

/// Writes a value in the style `simple` (OpenAPI 3.0.4 §4.7.12.2.2).
fn simple(value: &Value, explode: bool) -> String {
    let between = if explode { '=' } else { ',' };
    match value {
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        Value::Object(object) => object
            .iter()
            .map(|(name, value)| format!("{name}{between}{}", plain(value)))
            .collect::<Vec<_>>()
            .join(","),
        other => plain(other),
    }
}

/// Warning for a generated value that does not fit its schema.
pub(super) const MISFIT: &str = "the generated value does not fit its schema";

/// Warning for an entity that the user supplies and that does not fit its schema.
const SUPPLIED: &str = "the supplied data does not fit its schema";

/// Returns the warning for a value that does not fit its schema.
#[must_use]
pub(super) fn misfit(misfit: BodyMisfit) -> &'static str {
    match misfit {
        BodyMisfit::Supplied => SUPPLIED,
        BodyMisfit::Generated => MISFIT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_cannot_break_out_of_their_header() {
        let value =
            violations(&["body /a\r\nx: 1 é".to_owned(), "b".to_owned()]).expect("is there");
        assert_eq!(value, "body /a%0D%0Ax: 1 %C3%A9; b");
    }

    #[test]
    fn violations_are_bounded() {
        let value = violations(&["x".repeat(5000)]).expect("is there");
        assert_eq!(value.len(), LONGEST);
    }
}
