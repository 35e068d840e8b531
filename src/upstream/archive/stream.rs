//! JSON that is read as a stream, within bounds: what does a file have, one entry at a time?
//!
//! A value becomes a [`Value`] only within a budget of values, and a text only up to a length: a few
//! bytes of JSON can take a hundred times their size in memory.
use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::upstream::archive::bounds::LONGEST_TEXT;

/// Budget of one value that is read.
#[derive(Debug)]
pub(super) struct Budget {
    left: Cell<usize>,
    is_exceeded: Cell<bool>,
}

impl Budget {
    /// Creates a budget of a number of values.
    pub(super) fn of(values: usize) -> Self {
        Self {
            left: Cell::new(values),
            is_exceeded: Cell::new(false),
        }
    }

    /// Returns true if the value had more values than the budget; what is beyond it is missing.
    pub(super) fn is_exceeded(&self) -> bool {
        self.is_exceeded.get()
    }

    fn takes_one(&self) -> bool {
        let left = self.left.get();
        if left == 0 {
            self.is_exceeded.set(true);
            return false;
        }
        self.left.set(left - 1);
        true
    }
}

/// Name of the only member of an object that stands for a number: `serde_json` hands numbers on like
/// this with its feature `arbitrary_precision`.
const NUMBER: &str = "$serde_json::private::Number";

/// Seed of a value within a budget.
pub(super) struct Bounded<'b>(pub &'b Budget);

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.0.takes_one() {
            deserializer.deserialize_any(self)
        } else {
            deserializer.deserialize_ignored_any(IgnoredAny)?;
            Ok(Value::Null)
        }
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(if text.len() > LONGEST_TEXT {
            Value::Null
        } else {
            Value::String(text.to_owned())
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Bounded(self.0))? {
            if !self.0.is_exceeded() {
                list.push(item);
            }
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if name == NUMBER && object.is_empty() {
                let digits: String = members.next_value()?;
                return Ok(serde_json::from_str(&digits).unwrap_or(Value::Null));
            }
            let value = members.next_value_seed(Bounded(self.0))?;
            if !self.0.is_exceeded() {
                object.insert(name, value);
            }
        }
        Ok(Value::Object(object))
    }
}

/// Reader that refuses to read beyond a number of bytes, and skips a byte order mark at the start.
#[derive(Debug)]
pub(super) struct Limited<R> {
    inner: R,
    left: u64,
    is_at_start: bool,
}

/// Message of the error beyond the limit of [`Limited`].
pub(super) const BEYOND_LIMIT: &str = "the file is larger than the limit";

impl<R: Read> Limited<R> {
    pub(super) fn new(inner: R, limit: u64) -> Self {
        Self {
            inner,
            left: limit,
            is_at_start: true,
        }
    }

    /// Reads the first bytes; drops them if they are the byte order mark of UTF-8.
    fn start(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        const MARK: &[u8] = b"\xEF\xBB\xBF";
        self.is_at_start = false;
        let mut first = [0; MARK.len()];
        let mut length = 0;
        while length < first.len() {
            match self.inner.read(&mut first[length..])? {
                0 => break,
                read => length += read,
            }
        }
        if first == MARK {
            return self.read(buffer);
        }
        buffer[..length].copy_from_slice(&first[..length]);
        Ok(length)
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A buffered reader always asks for more than a mark.
        if self.is_at_start && buffer.len() >= 3 {
            return self.start(buffer);
        }
        let read = self.inner.read(buffer)?;
        let Some(left) = self.left.checked_sub(read as u64) else {
            return Err(io::Error::other(BEYOND_LIMIT));
        };
        self.left = left;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str, values: usize) -> (Value, bool) {
        let budget = Budget::of(values);
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let value = Bounded(&budget)
            .deserialize(&mut deserializer)
            .expect("is JSON");
        deserializer.end().expect("is at its end");
        (value, budget.is_exceeded())
    }

    #[test]
    fn values_within_the_budget_are_read_as_they_are() {
        let text = r#"{"a": [1, -2.50, true, null, "é"], "b": {"c": 12345678901234567890}}"#;
        let value: Value = serde_json::from_str(text).expect("is JSON");
        assert_eq!(read(text, 10), (value, false));
    }

    #[test]
    fn values_beyond_the_budget_are_missing_and_the_rest_is_passed_over() {
        assert_eq!(
            read(r#"{"a": 1, "b": [1, 2, 3], "c": 4}"#, 4),
            (json!({"a": 1}), true)
        );
    }

    #[test]
    fn a_byte_order_mark_is_skipped_and_the_limit_is_kept() {
        let read = |bytes: &[u8], limit| {
            let mut text = String::new();
            io::BufReader::new(Limited::new(bytes, limit))
                .read_to_string(&mut text)
                .map(|_| text)
        };
        assert_eq!(read(b"\xEF\xBB\xBF{}", 10).ok().as_deref(), Some("{}"));
        assert_eq!(read(b"{}", 10).ok().as_deref(), Some("{}"));
        assert_eq!(read(b"", 10).ok().as_deref(), Some(""));
        assert!(read(&[b' '; 100], 10).is_err());
    }
}
