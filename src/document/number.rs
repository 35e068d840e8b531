//! Numbers as the author wrote them, and their comparison by value.
//!
//! A number keeps its text: all digits of `1000000000000100000001`, and the zero of `1.10`. The
//! `==` of numbers compares texts, so compare values with the functions of this file.
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use serde_json::{Number, Value};

/// The key of a number in the data model of `serde` (`serde_json`'s `arbitrary_precision`).
pub(crate) const TOKEN: &str = "$serde_json::private::Number";

/// Returns true if two values are equal as JSON Schema defines it: `1`, `1.0` and `1e0` are one
/// number.
#[must_use]
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => equal(a, b),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Returns true if a list contains a value, compared by [`same`].
#[must_use]
pub(crate) fn has(list: &[Value], value: &Value) -> bool {
    list.iter().any(|item| same(item, value))
}

/// Returns true if two numbers are equal by value, in time linear in their texts.
#[must_use]
pub(crate) fn equal(a: &Number, b: &Number) -> bool {
    a == b || Decimal::of(a.as_str()) == Decimal::of(b.as_str())
}

/// Returns true if a text is a number equal to `number`.
#[must_use]
pub(crate) fn is_text_of(number: &Number, text: &str) -> bool {
    number.as_str() == text
        || text
            .parse::<Number>()
            .is_ok_and(|other| equal(number, &other))
}

/// Returns true if a number is written without a fraction and without an exponent.
#[must_use]
pub(crate) fn is_plain_integer(number: &Number) -> bool {
    !number.as_str().contains(['.', 'e', 'E'])
}

/// A number as digits without zeros at either end, and a power of ten; zero has no digits.
#[derive(PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    digits: Vec<u8>,
    /// Power of ten; saturates, so that numbers beyond `1e9223372036854775807` are equal.
    exponent: i64,
}

impl Decimal {
    fn of(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let too_large = if exponent.starts_with('-') {
            i64::MIN
        } else {
            i64::MAX
        };
        let exponent = exponent.parse::<i64>().unwrap_or(too_large);
        let unsigned = mantissa.trim_start_matches('-');
        let fraction = unsigned
            .split_once('.')
            .map_or(0, |(_, fraction)| fraction.len());
        let digits = unsigned
            .bytes()
            .filter(u8::is_ascii_digit)
            .skip_while(|digit| *digit == b'0');
        let mut digits: Vec<u8> = digits.collect();
        let length = digits.len();
        digits.truncate(
            digits
                .iter()
                .rposition(|digit| *digit != b'0')
                .map_or(0, |last| last + 1),
        );
        if digits.is_empty() {
            return Self {
                is_negative: false,
                digits,
                exponent: 0,
            };
        }
        let places = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let exponent = exponent
            .saturating_sub(places(fraction))
            .saturating_add(places(length - digits.len()));
        Self {
            is_negative: mantissa.starts_with('-'),
            digits,
            exponent,
        }
    }
}

/// Returns the number with the text that an author wrote, without a leading `+`; `None` if JSON has
/// no such number (RFC 8259 §6).
#[must_use]
pub(crate) fn as_written(text: &str) -> Option<Number> {
    let text = text.strip_prefix('+').unwrap_or(text);
    // `serde_json` reads `1e3` as `1e+3`. Here it only checks the text, and the text is kept.
    text.parse::<Number>()
        .ok()
        .map(|_| Number::from_string_unchecked(text.to_owned()))
}

/// Returns the texts of the numbers of a JSON text that have an exponent, in their order.
#[must_use]
pub(crate) fn with_exponent(text: &str) -> Vec<&str> {
    let is_part =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let length = match byte {
            b'"' => length_of_string(rest),
            b'-' | b'0'..=b'9' => rest
                .iter()
                .position(|byte| !is_part(*byte))
                .unwrap_or(rest.len()),
            _ => 1,
        };
        if byte != b'"' && length > 1 {
            // Characters of numbers are one byte each.
            found.extend(
                text.get(at..at + length)
                    .filter(|number| number.contains(['e', 'E'])),
            );
        }
        at += length;
    }
    found
}

/// Returns the length in bytes of the JSON string that begins the text, with its quotation marks.
fn length_of_string(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at.min(bytes.len())
}

/// A reader of the scalars of a YAML text that follows the parser, which does not report the texts
/// of numbers.
///
/// The parser lends strings out of the text, which reveals its position; a number is the next
/// scalar, if that has its value. Where the position is unknown (after a string with escapes), a
/// number is written as usual.
pub(crate) struct Follower<'t> {
    text: &'t str,
    /// Offset of the end of the last scalar, if it is known.
    at: Cell<Option<usize>>,
    /// Texts of scalars with an anchor, by the name of the anchor; strings are not among them.
    anchored: RefCell<HashMap<&'t str, &'t str>>,
}

impl<'t> Follower<'t> {
    /// Creates a reader at the beginning of a text.
    #[must_use]
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            text,
            at: Cell::new(Some(0)),
            anchored: RefCell::default(),
        }
    }

    /// Passes a string that the parser lent out of the text.
    pub(crate) fn lent(&self, part: &str) {
        let start = part.as_ptr().addr().checked_sub(self.text.as_ptr().addr());
        self.at.set(
            start
                .map(|start| start + part.len())
                .filter(|end| *end <= self.text.len()),
        );
    }

    /// Passes a string that is not part of the text; the position is unknown then.
    pub(crate) fn lost(&self) {
        self.at.set(None);
    }

    /// Passes the next scalar and returns its text, if it is as expected; else the position is
    /// unknown.
    pub(crate) fn pass(&self, is_expected: impl Fn(&str) -> bool) -> Option<&'t str> {
        let (anchor, token, end) = self.next_scalar(self.at.get()?)?;
        let token = match token.strip_prefix('*') {
            Some(name) => *self.anchored.borrow().get(name)?,
            None => token,
        };
        if !is_expected(token) {
            self.lost();
            return None;
        }
        if let Some(name) = anchor {
            self.anchored.borrow_mut().insert(name, token);
        }
        self.at.set(Some(end));
        Some(token)
    }

    /// Returns the next plain scalar or alias: its anchor, its text, its end.
    fn next_scalar(&self, mut at: usize) -> Option<(Option<&'t str>, &'t str, usize)> {
        let mut anchor = None;
        // Skip the closing quotation mark of the last string.
        at += usize::from(self.text.get(at..)?.starts_with(['"', '\'']));
        loop {
            let rest = self.text.get(at..)?;
            let first = rest.chars().next()?;
            let is_alone = rest[first.len_utf8()..]
                .chars()
                .next()
                .is_none_or(char::is_whitespace);
            let token = &rest[..length_of_plain(rest)];
            at += match first {
                '#' => rest.find('\n').unwrap_or(rest.len()),
                '&' | '!' => {
                    anchor = token.strip_prefix('&').or(anchor);
                    token.len().max(1)
                }
                '-' | '?' if is_alone => 1,
                ':' | ',' | '[' | ']' | '{' | '}' => 1,
                _ if first.is_whitespace() => first.len_utf8(),
                _ => return Some((anchor, token, at + token.len())),
            };
        }
    }
}

/// Returns the length in bytes of the word that begins the text.
fn length_of_plain(text: &str) -> usize {
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let mut is_end_of_key = || letters.peek().is_none_or(|(_, next)| next.is_whitespace());
        if letter.is_whitespace()
            || matches!(letter, ',' | ']' | '}')
            || letter == ':' && is_end_of_key()
        {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_equal_by_value_and_not_by_text() {
        for (a, b) in [
            ("1", "1.0"),
            ("1.10", "1.1"),
            ("1e3", "1000"),
            ("-0", "0.00"),
            ("120e-1", "12"),
            ("0.5", "5e-1"),
        ] {
            assert!(
                equal(
                    &as_written(a).expect("is one"),
                    &as_written(b).expect("is one")
                ),
                "{a} {b}"
            );
        }
        for (a, b) in [
            ("1", "-1"),
            ("1000000000000100000001", "1000000000000100000000"),
            ("1e400", "1e401"),
            ("10", "1"),
        ] {
            assert!(
                !equal(
                    &as_written(a).expect("is one"),
                    &as_written(b).expect("is one")
                ),
                "{a} {b}"
            );
        }
    }

    #[test]
    fn huge_numbers_are_compared_without_being_worked_out() {
        let huge = |text: &str| as_written(text).expect("is one");
        assert!(!equal(&huge("1e1000000000"), &huge("1e1000000001")));
        assert!(equal(
            &huge("1e99999999999999999999"),
            &huge("1e99999999999999999999")
        ));
        let digits = "7".repeat(1_000_000);
        assert!(equal(&huge(&digits), &huge(&format!("{digits}.0"))));
    }

    #[test]
    fn texts_that_are_no_json_are_no_numbers() {
        for text in ["0x1F", ".5", "1.", "1_000", ".inf", "01", "", "-", "1e"] {
            assert!(as_written(text).is_none(), "{text}");
        }
        assert_eq!(
            as_written("+1.50").map(|number| number.to_string()),
            Some("1.50".to_owned())
        );
    }

    #[test]
    fn exponents_are_found_outside_of_strings() {
        let text = r#"{"a": "1e3 \" 2e3", "b": [1E3, -1.5e-7, 12, true], "é": 0e0}"#;
        assert_eq!(with_exponent(text), ["1E3", "-1.5e-7", "0e0"]);
        assert!(with_exponent("\"").is_empty());
        assert!(with_exponent("\"\\").is_empty());
    }
}
