//! Header fields of recorded messages.
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::upstream::archive::entry::ArchiveNotes;

/// Maximum number of header fields of a message; more are left out, and listed.
const MOST_FIELDS: usize = 1000;

/// Returns the header fields of a list of `{name, value}` in HAR, or `{key, value}` in a collection.
/// The fields of HTTP/2 that begin with a colon are left out, and those that are disabled. A field
/// that HTTP does not allow is a fault at `place`.
pub(super) fn read(
    list: &Value,
    place: &str,
    resolve: &mut dyn FnMut(&str) -> String,
    notes: &mut ArchiveNotes,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (index, field) in list.as_array().into_iter().flatten().enumerate() {
        let text = |name: &str| field.get(name).and_then(Value::as_str);
        let Some(name) = text("name").or_else(|| text("key")) else {
            continue;
        };
        let is_off = field.get("disabled") == Some(&Value::Bool(true));
        if name.is_empty() || name.starts_with(':') || is_off {
            continue;
        }
        if headers.len() >= MOST_FIELDS {
            notes.fault(
                place,
                format!("there are more than {MOST_FIELDS} header fields; the others are left out"),
            );
            break;
        }
        let (name, value) = (resolve(name), resolve(text("value").unwrap_or_default()));
        let place = || format!("{place}[{index}]");
        insert(&name, &value, &place, &mut headers, notes);
    }
    headers
}

/// Adds a field. Browsers write fields of the same name as one, with a line for each.
fn insert(
    name: &str,
    value: &str,
    place: &dyn Fn() -> String,
    headers: &mut HeaderMap,
    notes: &mut ArchiveNotes,
) {
    let Ok(name) = HeaderName::try_from(name.trim()) else {
        notes.fault(
            place(),
            format!("`{name}` is no name of a header field, and the field is left out"),
        );
        return;
    };
    for line in value.split('\n') {
        match HeaderValue::from_bytes(line.trim().as_bytes()) {
            Ok(value) => drop(headers.append(name.clone(), value)),
            Err(_) => notes.fault(
                place(),
                format!("the value of `{name}` has characters that HTTP does not allow, and the field is left out"),
            ),
        }
    }
}

/// Removes the fields that described the content as it was sent: recorded content has no coding.
pub(super) fn without_framing(headers: &mut HeaderMap) {
    let framing = [CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING];
    // `HeaderMap::remove` would change the order of the others.
    let others = headers.iter().filter(|(name, _)| !framing.contains(name));
    *headers = others
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
}

/// Adds a media type that only the content tells, unless a field has it.
pub(super) fn add_content_type(media: Option<&str>, headers: &mut HeaderMap) {
    let Some(media) = media.map(str::trim).filter(|media| media.contains('/')) else {
        return;
    };
    if let Ok(value) = HeaderValue::try_from(media)
        && !headers.contains_key(CONTENT_TYPE)
    {
        headers.insert(CONTENT_TYPE, value);
    }
}

/// Adds a field unless one of its name is there, or the text is empty or no value of a field.
pub(super) fn add(name: HeaderName, text: &str, headers: &mut HeaderMap) {
    if let Ok(value) = HeaderValue::try_from(text)
        && !text.is_empty()
        && !headers.contains_key(&name)
    {
        headers.insert(name, value);
    }
}
