//! Compares what was answered with what a case expects, where generated values are described and not
//! pasted.
//!
//! A text of an expected response may be a pattern:
//!
//! - `<any>`: any value, of any type;
//! - `<text with NAME>`: a text that contains `NAME`;
//! - `<text>`, `<int>`, `<number>`, `<bool>`, `<uuid>`, `<date-time>`, `<date>`: a value of that kind;
//! - `<id:=int>`: a value of that kind, which `<id>` stands for in later responses of the case.
//!
//! Anything else is compared as it is written.

use std::collections::BTreeMap;

use serde_json::Value;

/// The values that earlier responses of a case captured, by name.
pub(crate) type Captures = BTreeMap<String, Value>;

/// Compares a JSON value with a pattern; the error says where they part, as a JSON Pointer, and how.
pub(crate) fn compare(
    expected: &Value,
    is: &Value,
    captures: &mut Captures,
    is_ordered: bool,
) -> Result<(), String> {
    compare_at("", expected, is, captures, is_ordered)
}

fn compare_at(
    pointer: &str,
    expected: &Value,
    is: &Value,
    captures: &mut Captures,
    is_ordered: bool,
) -> Result<(), String> {
    match (expected, is) {
        (Value::String(text), is) if is_pattern(text, captures) => {
            let fits = fits(text, is, captures);
            if fits {
                Ok(())
            } else {
                Err(format!("at `{pointer}`: expected {expected}, got {is}"))
            }
        }
        (Value::Object(expected), Value::Object(is)) => {
            let names = |object: &serde_json::Map<String, Value>| {
                object.keys().cloned().collect::<Vec<_>>()
            };
            let (mut wanted, mut there) = (names(expected), names(is));
            if !is_ordered {
                wanted.sort();
                there.sort();
            }
            if wanted != there {
                return Err(format!(
                    "at `{pointer}`: expected the members {wanted:?}, got {there:?}"
                ));
            }
            expected.iter().try_for_each(|(name, value)| {
                compare_at(
                    &format!("{pointer}/{name}"),
                    value,
                    &is[name],
                    captures,
                    is_ordered,
                )
            })
        }
        (Value::Array(expected), Value::Array(is)) if expected.len() == is.len() => {
            let mut pairs = expected.iter().zip(is).enumerate();
            pairs.try_for_each(|(at, (expected, is))| {
                compare_at(
                    &format!("{pointer}/{at}"),
                    expected,
                    is,
                    captures,
                    is_ordered,
                )
            })
        }
        (expected, is) if expected == is => Ok(()),
        (expected, is) => Err(format!("at `{pointer}`: expected {expected}, got {is}")),
    }
}

/// Compares the value of a header field, or a whole text, with a pattern.
pub(crate) fn text_fits(expected: &str, is: &str, captures: &mut Captures) -> bool {
    if is_pattern(expected, captures) {
        fits(expected, &Value::from(is), captures)
    } else {
        expected == is
    }
}

/// The kinds of values that a pattern can ask for.
const KINDS: [&str; 8] = [
    "any",
    "text",
    "int",
    "number",
    "bool",
    "uuid",
    "date-time",
    "date",
];

fn inside(text: &str) -> Option<&str> {
    text.strip_prefix('<')?.strip_suffix('>')
}

fn is_pattern(text: &str, captures: &Captures) -> bool {
    inside(text).is_some_and(|inside| {
        let kind = inside.split_once(":=").map_or(inside, |(_, kind)| kind);
        KINDS.contains(&kind) || kind.starts_with("text with ") || captures.contains_key(inside)
    })
}

fn fits(pattern: &str, is: &Value, captures: &mut Captures) -> bool {
    let inside = inside(pattern).expect("it is a pattern");
    if let Some(captured) = captures.get(inside) {
        return captured == is;
    }
    let (name, kind) = inside
        .split_once(":=")
        .map_or((None, inside), |(name, kind)| (Some(name), kind));
    let fits = is_of(kind, is);
    if let Some(name) = name.filter(|_| fits) {
        captures.insert(name.to_owned(), is.clone());
    }
    fits
}

fn is_of(kind: &str, is: &Value) -> bool {
    let shaped = |shape: &str| is.as_str().is_some_and(|text| has_shape(text, shape));
    match kind {
        "any" => true,
        "text" => is.is_string(),
        "int" => {
            is.is_i64()
                || is.is_u64()
                || is.as_str().is_some_and(|text| text.parse::<i64>().is_ok())
        }
        "number" => is.is_number(),
        "bool" => is.is_boolean(),
        "uuid" => shaped("hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh"),
        "date" => shaped("dddd-dd-dd"),
        "date-time" => is.as_str().is_some_and(|text| {
            text.is_char_boundary(19) && has_shape(&text[..19], "dddd-dd-ddTdd:dd:dd")
        }),
        _ => {
            let part = kind
                .strip_prefix("text with ")
                .expect("it is a kind of pattern");
            is.as_str().is_some_and(|text| text.contains(part))
        }
    }
}

/// Matches a text against a shape of `d` for digits, `h` for hexadecimal digits, and other characters
/// for themselves.
fn has_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text
            .chars()
            .zip(shape.chars())
            .all(|(is, shape)| match shape {
                'd' => is.is_ascii_digit(),
                'h' => is.is_ascii_hexdigit(),
                other => is == other,
            })
}
