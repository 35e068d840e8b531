//! Sequential media types ↔ lists of values: each item is framed as an event, a line or a record.
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::codec::content::malformed::ContentError;
use crate::codec::text::plain;
use crate::contract::media::Sequence;

/// Character before each JSON text (RFC 7464).
const RECORD_SEPARATOR: char = '\u{1e}';

/// Writes items; returns the bytes, and the end of each item in them.
#[must_use]
pub(super) fn write(value: &Value, sequence: Sequence) -> (Bytes, Arc<[usize]>) {
    if let Value::String(text) = value {
        return (Bytes::from(text.clone()), cut(text, sequence));
    }
    let one = std::slice::from_ref(value);
    let items = value.as_array().map_or(one, Vec::as_slice);
    let mut text = String::new();
    let mut ends = Vec::new();
    for item in items {
        match sequence {
            Sequence::Events => event(item, &mut text),
            Sequence::Lines => text.push_str(&format!("{item}\n")),
            Sequence::Records => text.push_str(&format!("{RECORD_SEPARATOR}{item}\n")),
        }
        ends.push(text.len());
    }
    (Bytes::from(text), ends.into())
}

/// Reads items into a list.
///
/// # Errors
///
/// Returns [`ContentError::Item`] for the first item that is not JSON.
pub(super) fn read(text: &str, sequence: Sequence) -> Result<Value, ContentError> {
    let parse = |(index, text): (usize, &str)| {
        serde_json::from_str::<Value>(text).map_err(|error| ContentError::Item {
            number: index + 1,
            message: error.to_string(),
        })
    };
    match sequence {
        Sequence::Lines => text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .enumerate()
            .map(parse)
            .collect(),
        Sequence::Records => text
            .split(RECORD_SEPARATOR)
            .filter(|record| !record.trim().is_empty())
            .enumerate()
            .map(parse)
            .collect(),
        Sequence::Events => {
            let text = text.replace("\r\n", "\n");
            Ok(text
                .split("\n\n")
                .filter(|event| !event.trim().is_empty())
                .map(fields_of)
                .collect())
        }
    }
}

/// Returns the fields of one event; values of a repeated field are joined with line feeds.
fn fields_of(event: &str) -> Value {
    let mut fields = Map::new();
    for line in event.lines().filter(|line| !line.starts_with(':')) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match fields.get_mut(name) {
            Some(Value::String(text)) => {
                text.push('\n');
                text.push_str(value);
            }
            _ => {
                fields.insert(name.to_owned(), Value::String(value.to_owned()));
            }
        }
    }
    Value::Object(fields)
}

/// Appends one event (WHATWG HTML §9.2.5): an object with `data` and no other fields than those of
/// events is written field by field, any other value as data.
fn event(item: &Value, text: &mut String) {
    const FIELDS: [&str; 5] = ["event", "data", "id", "retry", "comment"];
    let fields = item.as_object().filter(|object| {
        object.contains_key("data") && object.keys().all(|name| FIELDS.contains(&name.as_str()))
    });
    match fields {
        Some(fields) => {
            for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                field(
                    if name == "comment" { "" } else { name },
                    &plain(value),
                    text,
                );
            }
        }
        None => field("data", &plain(item), text),
    }
    text.push('\n');
}

fn field(name: &str, value: &str, text: &mut String) {
    for line in value.split('\n') {
        text.push_str(&format!("{name}: {}\n", line.trim_end_matches('\r')));
    }
}

/// Returns the end of each item in a text that is already framed.
fn cut(text: &str, sequence: Sequence) -> Arc<[usize]> {
    let end: &[&str] = match sequence {
        Sequence::Events => &["\n\n", "\r\n\r\n"],
        Sequence::Lines | Sequence::Records => &["\n"],
    };
    let mut ends: Vec<usize> = end
        .iter()
        .flat_map(|end| text.match_indices(end).map(|(at, found)| at + found.len()))
        .collect();
    ends.sort_unstable();
    if ends.last() != Some(&text.len()) && !text.is_empty() {
        ends.push(text.len());
    }
    ends.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(value: &Value, sequence: Sequence) -> (String, Vec<usize>) {
        let (bytes, ends) = write(value, sequence);
        (
            String::from_utf8(bytes.to_vec()).expect("is text"),
            ends.to_vec(),
        )
    }

    #[test]
    fn items_are_framed_as_their_type_says() {
        let items = json!([{"a": 1}, "x\ny"]);
        assert_eq!(
            written(&items, Sequence::Lines),
            ("{\"a\":1}\n\"x\\ny\"\n".to_owned(), vec![8, 15])
        );
        assert_eq!(
            written(&items, Sequence::Events).0,
            "data: {\"a\":1}\n\ndata: x\ndata: y\n\n"
        );
        assert_eq!(
            written(&items, Sequence::Records).0,
            "\u{1e}{\"a\":1}\n\u{1e}\"x\\ny\"\n"
        );
    }

    #[test]
    fn events_have_fields() {
        let items =
            json!([{"event": "add", "id": "7", "data": "1"}, {"data": {"a": 1}, "comment": null}]);
        assert_eq!(
            written(&items, Sequence::Events).0,
            "event: add\nid: 7\ndata: 1\n\ndata: {\"a\":1}\n\n"
        );
    }

    #[test]
    fn what_is_written_is_read_again() {
        let items = json!([{"a": 1}, [2], "x"]);
        for sequence in [Sequence::Lines, Sequence::Records] {
            assert_eq!(
                read(&written(&items, sequence).0, sequence),
                Ok(items.clone())
            );
        }
        let events = json!([{"event": "add", "data": "1\n2"}, {"data": "3"}]);
        assert_eq!(
            read(&written(&events, Sequence::Events).0, Sequence::Events),
            Ok(events)
        );
        assert!(read("{\n", Sequence::Lines).is_err());
    }

    #[test]
    fn a_text_is_cut_where_its_items_end() {
        assert_eq!(
            written(&json!("data: 1\n\ndata: [DONE]"), Sequence::Events).1,
            [9, 21]
        );
        assert_eq!(written(&json!("1\n2\n"), Sequence::Lines).1, [2, 4]);
    }
}
