//! Memory that values take, and the depth of their nesting.
//!
//! The state of a session is counted as it is in memory, not as it was sent: a `0` of two bytes in
//! a JSON list takes 72 bytes, and more in an object.
use std::fmt;
use std::fmt::Write as _;

use serde_json::{Number, Value};

/// Maximum nesting of stored values; deeper values are refused, so that a state file, an export and
/// a snapshot can always be read again: JSON parsers read 127 levels, and an export adds five
/// around each entity.
pub(crate) const MOST_NESTED: usize = 100;

/// Returns the memory of a value with everything in it, in bytes.
#[must_use]
pub(crate) fn of(value: &Value) -> usize {
    size_of::<Value>() + inside(value)
}

/// Returns the bytes that an allocation takes: allocators hand out blocks of certain sizes only.
#[must_use]
pub(crate) fn block(bytes: usize) -> usize {
    const STEP: usize = 16;
    if bytes == 0 {
        0
    } else {
        bytes.next_multiple_of(STEP) + bytes / STEP
    }
}

/// Returns the bytes of an entry of a hash map or set whose key is a text of `key` bytes; about
/// every second slot is free.
#[must_use]
pub(crate) fn entry(key: usize, value: usize) -> usize {
    const FREE: usize = 24;
    FREE + size_of::<String>() + block(key) + value + value / 2
}

/// Returns the bytes of a value beside its own slot.
fn inside(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 0,
        Value::Number(number) => digits(number),
        Value::String(text) => block(text.capacity()),
        Value::Array(items) => {
            block(items.capacity() * size_of::<Value>()) + items.iter().map(inside).sum::<usize>()
        }
        Value::Object(object) => {
            let members = object
                .iter()
                .map(|(name, value)| block(name.capacity()) + inside(value));
            table(object.len()) + members.sum::<usize>()
        }
    }
}

/// Returns the bytes of the table of an object: a list of members, and an index with about twice as
/// many slots.
fn table(members: usize) -> usize {
    /// Hash, name and value.
    const MEMBER: usize = size_of::<usize>() + size_of::<String>() + size_of::<Value>();
    /// Position, and a byte that tells if the slot is used.
    const PLACE: usize = size_of::<usize>() + 1;
    if members == 0 {
        return 0;
    }
    // Hash tables are filled up to seven eighths.
    let places = (members * 8 / 7 + 1).next_power_of_two().max(4);
    let room = if places <= 4 { 3 } else { places / 8 * 7 };
    block(room.max(members) * MEMBER) + block(places * PLACE + 16)
}

/// Returns the bytes of the digits of a number, if numbers are stored as they were written.
fn digits(number: &Number) -> usize {
    struct Length(usize);
    impl fmt::Write for Length {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 += text.len();
            Ok(())
        }
    }
    const IS_TEXT: bool = size_of::<Number>() >= size_of::<String>();
    if !IS_TEXT {
        return 0;
    }
    let mut length = Length(0);
    let _never_fails = write!(length, "{number}");
    block(length.0)
}

/// Returns true if a value is nested deeper than [`MOST_NESTED`].
#[must_use]
pub(crate) fn is_too_deep(value: &Value) -> bool {
    fn is_deeper(value: &Value, left: usize) -> bool {
        match value {
            Value::Array(items) => left == 0 || items.iter().any(|item| is_deeper(item, left - 1)),
            Value::Object(object) => {
                left == 0 || object.values().any(|member| is_deeper(member, left - 1))
            }
            _ => false,
        }
    }
    is_deeper(value, MOST_NESTED)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_counted_as_they_are_in_memory() {
        // 1,000 numbers take 2 bytes each as text.
        let numbers = Value::Array(vec![json!(0); 1000]);
        assert!(
            of(&numbers) >= 1000 * size_of::<Value>(),
            "{}",
            of(&numbers)
        );
        let members: serde_json::Map<String, Value> =
            (0..1000).map(|at| (at.to_string(), Value::Null)).collect();
        let least = 1000 * (size_of::<Value>() + size_of::<String>() + 8 + 16);
        assert!(
            (least..least * 2).contains(&of(&Value::Object(members.clone()))),
            "{}",
            of(&Value::Object(members))
        );
        assert_eq!(of(&Value::Null), size_of::<Value>());
    }

    #[test]
    fn what_is_nested_too_deep_is_told_by_one_level() {
        let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
        assert!(!is_too_deep(&nested(MOST_NESTED)));
        assert!(is_too_deep(&nested(MOST_NESTED + 1)));
    }
}
