//! Values as text, and percent-encoding of text in URLs (RFC 3986 §2.1).
use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;

/// Returns a value as text: strings without quotes, anything else as JSON.
#[must_use]
pub(crate) fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// ASCII characters that are percent-encoded: all but the unreserved ones of RFC 3986 §2.3.
pub(crate) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Percent-encodes a text for a component of a URI (RFC 3986 §2.3).
#[must_use]
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Percent-encodes the characters of a path template that no URI may have, such as a blank.
#[must_use]
pub(crate) fn encode_path(path: &str) -> String {
    let is_kept = |c: char| c.is_ascii_graphic() && !"\"<>\\^`{|}?#".contains(c);
    let mut written = String::with_capacity(path.len());
    for letter in path.chars() {
        if is_kept(letter) {
            written.push(letter);
        } else {
            written.push_str(&encode(letter.encode_utf8(&mut [0; 4])));
        }
    }
    written
}

/// Percent-decodes.
#[must_use]
pub(crate) fn decode(raw: &str) -> String {
    percent_decode_str(raw).decode_utf8_lossy().into_owned()
}

/// Percent-decodes, with `+` for a space, as in forms and queries.
#[must_use]
pub(crate) fn decode_form(raw: &str) -> String {
    if raw.contains('+') {
        decode(&raw.replace('+', " "))
    } else {
        decode(raw)
    }
}

/// Maximum length in bytes of a header field with values of a request; longer ones are cut.
const LONGEST_FIELD: usize = 8 * 1024;

/// Returns the value of a header field; bytes that cannot be sent are percent-encoded. `None` if
/// nothing is left.
#[must_use]
pub(crate) fn field_value(text: &str) -> Option<HeaderValue> {
    let mut value = String::new();
    for byte in text.trim().bytes() {
        if value.len() >= LONGEST_FIELD {
            break;
        }
        match byte {
            b' '..=b'~' => value.push(char::from(byte)),
            _ => value.push_str(&format!("%{byte:02X}")),
        }
    }
    HeaderValue::from_str(&value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_stays_one_line_of_bounded_length() {
        let split = field_value("a\r\nSet-Cookie: b=1 é").expect("is a field");
        assert_eq!(split, "a%0D%0ASet-Cookie: b=1 %C3%A9");
        let long = field_value(&"é".repeat(LONGEST_FIELD)).expect("is a field");
        assert!(long.len() < LONGEST_FIELD + 3);
    }
}
