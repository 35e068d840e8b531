//! Parts of pages that several templates have: methods, statuses, JSON, calls of the control API.
use maud::{Markup, html};
use serde_json::Value;

use crate::diagnostic::escape;
use crate::document::syntax::join;

/// Longest content that is shown, in bytes; the rest is left out.
const LONGEST: usize = 256 * 1024;

/// Returns the text of a member; empty if it has none.
#[must_use]
pub(super) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the number of a member; 0 if it has none.
#[must_use]
pub(super) fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or(0)
}

/// Returns the items of a member; none if it is no list.
#[must_use]
pub(super) fn items<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    let items = value.get(name).and_then(Value::as_array);
    items.map(Vec::as_slice).unwrap_or_default()
}

/// Returns true if a member is `true`.
#[must_use]
pub(super) fn is(value: &Value, name: &str) -> bool {
    value.get(name) == Some(&Value::Bool(true))
}

/// Returns a number with a noun: `1 call`, `2 calls`, `3 entities`.
#[must_use]
pub(super) fn counted(number: u64, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {noun}s"),
    }
}

/// Returns a size for people.
#[must_use]
pub(super) fn bytes(size: u64) -> String {
    match size {
        0..1024 => format!("{size} B"),
        1024..1_048_576 => format!("{} KiB", size / 1024),
        _ => format!(
            "{}.{} MiB",
            size / 1_048_576,
            size % 1_048_576 * 10 / 1_048_576
        ),
    }
}

/// Writes a method.
pub(super) fn method(name: &str) -> Markup {
    html! { span.method data-method=(name) { (name) } }
}

/// Writes a status; its first digit is `data-class`.
pub(super) fn status(code: &str) -> Markup {
    html! { span.status data-class=(code.get(..1).unwrap_or_default()) { (code) } }
}

/// Writes a list of rows of which a page shows a part.
pub(super) fn rows(value: &Value, rows: &[Markup]) -> Markup {
    html! {
        ul.rows data-total=(number(value, "total")) data-offset=(number(value, "offset")) {
            @for row in rows { li { (row) } }
        }
    }
}

/// Returns a value as text for people: indented JSON, or a text as it is.
fn shown(value: &Value) -> String {
    let mut text = match value {
        Value::String(text) => escape::lines(text).into_owned(),
        value => escape::pretty_json(value),
    };
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
        text.push_str("\n… (longer contents are cut here)");
    }
    text
}

/// Writes a value as a block of text.
pub(super) fn block(value: &Value) -> Markup {
    html! { pre tabindex="0" { code { (shown(value)) } } }
}

/// Writes header fields, or other values by name, as a table.
pub(super) fn table(caption: &str, values: &Value) -> Markup {
    let all = values.as_object();
    html! {
        @if let Some(all) = all.filter(|all| !all.is_empty()) {
            table.values {
                caption { (caption) }
                tbody {
                    @for (name, value) in all {
                        tr { th scope="row" { (name) } td { (short(value)) } }
                    }
                }
            }
        }
    }
}

/// Returns a value in one line.
#[must_use]
pub(super) fn short(value: &Value) -> String {
    match value {
        Value::String(text) => escape::one_line(text).into_owned(),
        value => escape::json(&value.to_string()).into_owned(),
    }
}

/// Writes a content with the violations at their places. A violation is `body: …`, or `body /name:
/// …` with the JSON Pointer of its place.
pub(super) fn judged(content: &Value, violations: &[Value]) -> Markup {
    let texts = violations.iter().filter_map(Value::as_str);
    let placed: Vec<(&str, &str)> = texts
        .filter_map(|text| {
            let rest = text.strip_prefix("body")?;
            let (place, message) = rest.split_once(": ")?;
            Some((place.trim_start(), message))
        })
        .collect();
    let is_long = || content.to_string().len() > LONGEST;
    if placed.is_empty() || !(content.is_object() || content.is_array()) || is_long() {
        return block(content);
    }
    let mut lines = Vec::new();
    write_lines(content, "", 0, "", "", &mut lines);
    let at = |pointer: &str| -> Vec<&str> {
        let own = placed.iter().filter(|(place, _)| *place == pointer);
        own.map(|(_, message)| *message).collect()
    };
    html! {
        pre.judged tabindex="0" {
            @for (pointer, line) in &lines {
                @let messages: Vec<&str> = pointer.as_deref().map(at).unwrap_or_default();
                @if messages.is_empty() {
                    (line) "\n"
                } @else {
                    mark { (line) } "\n"
                    @for message in messages { strong.violation { "  ↑ " (message) } "\n" }
                }
            }
        }
    }
}

/// Adds the lines of a JSON value, each with the JSON Pointer of the value that begins in it.
fn write_lines(
    value: &Value,
    pointer: &str,
    depth: usize,
    name: &str,
    end: &str,
    lines: &mut Vec<(Option<String>, String)>,
) {
    let indent = "  ".repeat(depth);
    let mut push = |pointer: Option<&str>, text: String| {
        lines.push((pointer.map(str::to_owned), text));
    };
    match value {
        Value::Object(members) if !members.is_empty() => {
            push(Some(pointer), format!("{indent}{name}{{"));
            let last = members.len() - 1;
            for (index, (key, member)) in members.iter().enumerate() {
                let at = join(pointer, key);
                let name = format!("{}: ", Value::from(key.as_str()));
                let end = if index == last { "" } else { "," };
                write_lines(member, &at, depth + 1, &name, end, lines);
            }
            lines.push((None, format!("{indent}}}{end}")));
        }
        Value::Array(items) if !items.is_empty() => {
            push(Some(pointer), format!("{indent}{name}["));
            let last = items.len() - 1;
            for (index, item) in items.iter().enumerate() {
                let at = format!("{pointer}/{index}");
                let end = if index == last { "" } else { "," };
                write_lines(item, &at, depth + 1, "", end, lines);
            }
            lines.push((None, format!("{indent}]{end}")));
        }
        value => {
            let text = escape::json(&value.to_string()).into_owned();
            push(Some(pointer), format!("{indent}{name}{text}{end}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn violations_are_shown_at_their_places() {
        let content = json!({"a": {"b": [1, "<x>"]}});
        let violations = [
            json!("body /a/b/1: must be integer"),
            json!("query x: is wrong"),
        ];
        let page = judged(&content, &violations).into_string();
        assert!(page.contains("<mark>      &quot;&lt;x&gt;&quot;</mark>\n<strong class=\"violation\">  ↑ must be integer"), "{page}");
        assert!(!page.contains("is wrong"));
    }

    #[test]
    fn sizes_have_a_unit() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(2048), "2 KiB");
        assert_eq!(bytes(1_572_864), "1.5 MiB");
    }

    #[test]
    fn long_contents_are_cut() {
        let text = "ä".repeat(LONGEST);
        let page = block(&json!(text)).into_string();
        assert!(page.len() < LONGEST + 200, "{}", page.len());
        assert!(page.contains("longer contents are cut here"));
    }
}
