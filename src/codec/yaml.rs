//! JSON values as YAML 1.2 for people: block style, with quotes only where they are needed.
use serde_json::Value;

use crate::diagnostic::escape::{self, is_hidden};

/// Longest text that is written without quotes, in bytes.
const LONGEST_PLAIN: usize = 200;

/// Writes a value as YAML. Every line begins with `indent` blanks, and the last one ends with a line
/// feed.
#[must_use]
pub(crate) fn write(value: &Value, indent: usize) -> String {
    let mut text = String::new();
    if has_lines(value, indent) {
        block(value, indent, &mut text);
    } else {
        text.push_str(&" ".repeat(indent));
        leaf(value, indent, &mut text);
    }
    text
}

/// Writes the members or items of a value, each on lines of its own.
fn block(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                text.push_str(&" ".repeat(indent));
                text.push_str(&key(name));
                if has_lines(member, indent + 2) {
                    text.push_str(":\n");
                    block(member, indent + 2, text);
                } else {
                    text.push_str(": ");
                    leaf(member, indent + 2, text);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                let dash = text.len() + indent;
                if has_lines(item, indent + 2) {
                    block(item, indent + 2, text);
                    text.replace_range(dash..=dash, "-");
                } else {
                    text.push_str(&" ".repeat(indent));
                    text.push_str("- ");
                    leaf(item, indent + 2, text);
                }
            }
        }
        _ => {}
    }
}

/// Deepest indentation; what is nested deeper is written as JSON, which is YAML too, so that a deep
/// value does not become much longer.
const DEEPEST: usize = 80;

/// Returns true for a value whose members or items are on lines of their own.
fn has_lines(value: &Value, indent: usize) -> bool {
    match value {
        _ if indent > DEEPEST => false,
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

/// Writes a value without a nested one, and a line feed.
fn leaf(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::String(string) if is_literal(string) => literal(string, indent, text),
        Value::String(string) => {
            text.push_str(&scalar(string));
            text.push('\n');
        }
        other => {
            text.push_str(&escape::json(&other.to_string()));
            text.push('\n');
        }
    }
}

/// Returns a key; one with more than one line is quoted too.
#[must_use]
pub(crate) fn key(name: &str) -> String {
    scalar(name)
}

/// Returns a text without quotes if every parser reads it as a text, and else with quotes and
/// escapes.
fn scalar(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    // A JSON string is a double-quoted scalar; YAML allows fewer characters unescaped.
    escape::json(&Value::from(text).to_string()).into_owned()
}

/// Returns true for words, paths and names that are neither a number, a boolean nor null in YAML
/// 1.1 or 1.2, and have no indicator.
fn is_plain(text: &str) -> bool {
    const OTHERS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || "/_$".contains(c));
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "/_-.+{}$()=;, ".contains(c);
    starts
        && text.len() <= LONGEST_PLAIN
        && text.chars().all(is_inner)
        && !text.ends_with(' ')
        && !OTHERS.contains(&text.to_ascii_lowercase().as_str())
}

/// Returns true for texts of several lines that a literal block shows unchanged.
fn is_literal(text: &str) -> bool {
    let is_line = |line: &str| line.is_empty() || !line.starts_with([' ', '\t']);
    text.trim_end_matches('\n').contains('\n')
        && !text.starts_with('\n')
        && !text.ends_with("\n\n")
        && text.split('\n').next().is_some_and(is_line)
        && text.split('\n').all(|line| line.trim_end() == line)
        && !text.chars().any(|c| c != '\n' && is_hidden(c))
}

fn literal(string: &str, indent: usize, text: &mut String) {
    text.push_str(if string.ends_with('\n') {
        "|\n"
    } else {
        "|-\n"
    });
    for line in string.trim_end_matches('\n').split('\n') {
        if !line.is_empty() {
            text.push_str(&" ".repeat(indent));
            text.push_str(line);
        }
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::document::syntax::parse;

    #[test]
    fn people_read_blocks_with_few_quotes() {
        let value = json!({"openapi": "3.1.0", "paths": {"/pets/{id}": {"get": {"tags": ["a b", "no", ""], "x": [], "n": 1.10}}},
            "text": "one\n\n  two\n", "odd: key": [[1, {"a": null}]]});
        assert_eq!(
            write(&value, 0),
            "openapi: \"3.1.0\"\npaths:\n  /pets/{id}:\n    get:\n      tags:\n        - a b\n        - \"no\"\n        - \"\"\n      x: []\n      \"n\": 1.1\n\
             text: |\n  one\n\n    two\n\"odd: key\":\n  - - 1\n    - a: null\n"
        );
        assert_eq!(write(&json!("x"), 2), "  x\n");
        let deep = (0..100).fold(json!({"a": [1]}), |inner, _| json!([inner]));
        let text = write(&deep, 0);
        assert!(text.lines().all(|line| line.len() < 3 * DEEPEST), "{text}");
        assert_eq!(parse(&text).map(|parsed| parsed.tree).ok(), Some(deep));
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "\\PC{0,9}".prop_map(Value::from),
            "[a-z:#\\-?&*!|>'\"%@`,\\[\\]{} \n\t\r\u{85}\u{2028}]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec(("[a-z:# \n'\"?-]{0,6}", inner), 0..4)
                    .prop_map(|all| Value::Object(all.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn yaml_is_read_as_the_value_that_was_written(value in values(), indent in 0_usize..4) {
            let text = write(&json!({"v": value}), indent);
            let read = parse(&text).map(|parsed| parsed.tree);
            prop_assert_eq!(read.ok(), Some(json!({"v": value})), "{}", text);
        }
    }
}
