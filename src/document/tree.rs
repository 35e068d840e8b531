//! Builds a value tree from a JSON or YAML deserializer, and notes its oddities.
//!
//! The parsers are left to `syntax`.
use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use crate::document::bounds;
use crate::document::number::{self, Follower};

/// A construct that JSON, YAML or our lenient reading accepts and OpenAPI does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Oddity {
    /// Kind of the oddity.
    pub kind: OddityKind,
    /// JSON Pointer of the oddity.
    pub pointer: String,
}

/// The kinds of [`Oddity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OddityKind {
    /// A map key that is a number, a boolean or null: `200:`.
    NumericKey,
    /// A duplicate map key; the last one counts.
    DuplicateKey,
    /// A second document in a YAML stream.
    SecondDocument,
    /// A text that begins as JSON and is not: comments, trailing commas, single quotes.
    LenientJson,
}

/// An oddity whose path is not complete yet: each map or list around it adds a key, innermost
/// first, so that a text without oddities pays nothing for them.
struct FoundOddity {
    kind: OddityKind,
    path: Vec<String>,
}

/// Returns the JSON Pointer of the member `key` of the value at `pointer` (RFC 6901 §3).
#[must_use]
pub(crate) fn join(pointer: &str, key: &str) -> String {
    let mut joined = String::with_capacity(pointer.len() + key.len() + 1);
    joined.push_str(pointer);
    push(&mut joined, key);
    joined
}

/// Appends the segment `key` to a pointer and returns the previous length, to truncate it
/// afterwards.
pub(crate) fn push(pointer: &mut String, key: &str) -> usize {
    let length = pointer.len();
    pointer.push('/');
    if !key.bytes().any(|byte| matches!(byte, b'~' | b'/')) {
        pointer.push_str(key);
        return length;
    }
    for character in key.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
    length
}

/// Seed that builds a [`Value`] from any deserializer and notes oddities.
pub(crate) struct ValueSeed<'f, 't>(pub &'f Notes<'t>);

/// Oddities found so far, and the remaining budgets of text and values: aliases could multiply
/// both.
pub(crate) struct Notes<'t> {
    found: RefCell<Vec<FoundOddity>>,
    left: Cell<usize>,
    /// Number of values that may still follow.
    values: Cell<usize>,
    text: &'t str,
    /// Scalars of a YAML text; `None` for JSON.
    scalars: Option<Follower<'t>>,
    /// Numbers with an exponent that are still to come in a JSON text, collected at the first one.
    exponents: RefCell<Option<std::vec::IntoIter<&'t str>>>,
}

/// Maximum number of bytes of strings that a document may unfold to, aliases followed: 64 MiB plus
/// 16 times its length, where each string counts 16 bytes more. A document with more is refused.
const UNFOLDED: usize = 64 * 1024 * 1024;

impl<'t> Notes<'t> {
    /// Creates the notes of a text; `scalars` are those of a YAML text.
    #[must_use]
    pub(crate) fn new(text: &'t str, scalars: Option<Follower<'t>>) -> Self {
        let left = Cell::new(UNFOLDED.saturating_add(16 * text.len()));
        let values = Cell::new(bounds::most_values(text));
        Self {
            found: RefCell::default(),
            left,
            values,
            text,
            scalars,
            exponents: RefCell::default(),
        }
    }

    fn count<E: de::Error>(&self) -> Result<(), E> {
        let left = self.values.get().checked_sub(1);
        self.values.set(left.unwrap_or(0));
        left.map(|_| ())
            .ok_or_else(|| E::custom("it has more values than a text of its length may have"))
    }

    /// Returns the oddities that were found.
    #[must_use]
    pub(crate) fn oddities(self) -> Vec<Oddity> {
        let pointer = |path: Vec<String>| {
            path.iter()
                .rev()
                .fold(String::new(), |pointer, key| join(&pointer, key))
        };
        self.found
            .into_inner()
            .into_iter()
            .map(|f| Oddity {
                kind: f.kind,
                pointer: pointer(f.path),
            })
            .collect()
    }

    fn lent(&self, part: &str) {
        if let Some(scalars) = &self.scalars {
            scalars.lent(part);
        }
    }

    fn lost(&self) {
        if let Some(scalars) = &self.scalars {
            scalars.lost();
        }
    }

    /// Passes a scalar of a YAML text, and returns its text if it is as expected.
    fn pass(&self, is_expected: impl Fn(&str) -> bool) -> Option<&'t str> {
        self.scalars.as_ref()?.pass(is_expected)
    }

    /// Passes an integer of a YAML text; integers in other bases than ten are not compared.
    fn pass_integer(&self, value: i128) {
        self.pass(|text| {
            let digits = text.trim_start_matches(['-', '+']);
            digits.starts_with("0x")
                || digits.starts_with("0o")
                || digits.starts_with("0b")
                || text.parse() == Ok(value)
        });
    }

    /// Passes a number of a YAML text that is not whole or too large, and returns its text.
    fn pass_number(&self, value: f64) -> Option<&'t str> {
        self.pass(|text| {
            text.parse::<f64>()
                .is_ok_and(|number| number.to_bits() == value.to_bits())
        })
    }

    /// Returns a number of a JSON text as the author wrote it; `text` is the parser's notation,
    /// which changes exponents.
    fn of_json(&self, text: &str) -> Option<Number> {
        if !text.contains('e') {
            return text.parse().ok();
        }
        let mut exponents = self.exponents.borrow_mut();
        let exponents =
            exponents.get_or_insert_with(|| number::with_exponent(self.text).into_iter());
        exponents
            .next()
            .and_then(number::as_written)
            .or_else(|| text.parse().ok())
    }

    fn take<E: de::Error>(&self, length: usize) -> Result<(), E> {
        let left = self.left.get().checked_sub(length + 16);
        self.left.set(left.unwrap_or(0));
        left.map(|_| ())
            .ok_or_else(|| E::custom("its aliases unfold to too much text"))
    }
}

impl<'t> ValueSeed<'_, 't> {
    fn note(&self, kind: OddityKind, key: &str) {
        self.0.found.borrow_mut().push(FoundOddity {
            kind,
            path: vec![key.to_owned()],
        });
    }

    fn child(&self) -> (ValueSeed<'_, 't>, usize) {
        (ValueSeed(self.0), self.0.found.borrow().len())
    }

    fn complete(&self, before: usize, key: &str) {
        if self.0.found.borrow().len() == before {
            return;
        }
        for found in &mut self.0.found.borrow_mut()[before..] {
            found.path.push(key.to_owned());
        }
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.0.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON or YAML value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        self.0
            .pass(|text| matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE"));
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        self.0.pass_integer(value.into());
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        self.0.pass_integer(value.into());
        Ok(Value::from(value))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        self.0.pass_integer(value);
        Ok(Number::from_i128(value).map_or(Value::Null, Value::Number))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        self.0.pass(|text| text.parse() == Ok(value));
        Ok(Number::from_u128(value).map_or(Value::Null, Value::Number))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        let written = self.0.pass_number(value).and_then(number::as_written);
        // JSON has no `.nan` and no `.inf`.
        Ok(written
            .or_else(|| Number::from_f64(value))
            .map_or(Value::Null, Value::Number))
    }

    fn visit_borrowed_str<E: de::Error>(self, value: &'de str) -> Result<Value, E> {
        self.0.take(value.len())?;
        self.0.lent(value);
        Ok(Value::String(value.to_owned()))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        self.0.take(value.len())?;
        self.0.lost();
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        self.0.take(value.len())?;
        self.0.lost();
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    /// Reads a YAML tag (`!Ref x`): the value counts, the tag does not.
    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        let (_tag, variant) = data.variant::<String>()?;
        variant.newtype_variant_seed(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let (node, before) = self.child();
            let Some(item) = items.next_element_seed(node)? else {
                list.shrink_to_fit();
                return Ok(Value::Array(list));
            };
            self.complete(before, &list.len().to_string());
            list.push(item);
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut own: Vec<(String, Value)> = Vec::new();
        let mut merged = Vec::new();
        while let Some(key) = members.next_key_seed(KeyOf(self.0))? {
            if key.text == number::TOKEN && self.0.scalars.is_none() {
                let text = members.next_value::<String>()?;
                let number = self
                    .0
                    .of_json(&text)
                    .ok_or_else(|| de::Error::custom("invalid number"))?;
                return Ok(Value::Number(number));
            }
            let (node, before) = self.child();
            let value = members.next_value_seed(node)?;
            self.complete(before, &key.text);
            if key.text == "<<" && (value.is_object() || value.is_array()) {
                merged.push(value);
                continue;
            }
            if !key.is_string {
                self.note(OddityKind::NumericKey, &key.text);
            }
            own.push((key.text, value));
        }
        // Reserve the exact size: a map that grew has room for twice as much, and documents have
        // very many maps.
        let mut map = Map::with_capacity(own.len());
        for (name, value) in own {
            match map.entry(name) {
                Entry::Vacant(entry) => {
                    entry.insert(value);
                }
                Entry::Occupied(mut entry) => {
                    self.note(OddityKind::DuplicateKey, entry.key());
                    entry.insert(value);
                }
            }
        }
        merged.into_iter().for_each(|value| merge(&mut map, value));
        Ok(Value::Object(map))
    }
}

/// Applies YAML's merge key (`<<`): existing members win.
fn merge(map: &mut Map<String, Value>, value: Value) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                map.entry(key).or_insert(value);
            }
        }
        Value::Array(maps) => maps.into_iter().for_each(|value| merge(map, value)),
        _ => {}
    }
}

/// A map key, which YAML allows to be a number, a boolean or null.
struct Key {
    text: String,
    is_string: bool,
}

/// Seed that builds a [`Key`].
struct KeyOf<'f, 't>(&'f Notes<'t>);

impl<'de> DeserializeSeed<'de> for KeyOf<'_, '_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for KeyOf<'_, '_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key that is a string, a number, a boolean or null")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Key, E> {
        self.0.lent(value);
        Ok(Key {
            text: value.to_owned(),
            is_string: true,
        })
    }

    fn visit_str<E>(self, value: &str) -> Result<Key, E> {
        self.0.lost();
        Ok(Key {
            text: value.to_owned(),
            is_string: true,
        })
    }

    fn visit_string<E>(self, value: String) -> Result<Key, E> {
        self.0.lost();
        Ok(Key {
            text: value,
            is_string: true,
        })
    }

    fn visit_bool<E>(self, value: bool) -> Result<Key, E> {
        self.0.pass(|text| text.parse() == Ok(value));
        Ok(Key {
            text: value.to_string(),
            is_string: false,
        })
    }

    fn visit_i64<E>(self, value: i64) -> Result<Key, E> {
        self.0.pass_integer(value.into());
        Ok(Key {
            text: value.to_string(),
            is_string: false,
        })
    }

    fn visit_u64<E>(self, value: u64) -> Result<Key, E> {
        self.0.pass_integer(value.into());
        Ok(Key {
            text: value.to_string(),
            is_string: false,
        })
    }

    fn visit_f64<E>(self, value: f64) -> Result<Key, E> {
        let text = self
            .0
            .pass_number(value)
            .map_or_else(|| value.to_string(), str::to_owned);
        Ok(Key {
            text,
            is_string: false,
        })
    }

    fn visit_unit<E>(self) -> Result<Key, E> {
        Ok(Key {
            text: "null".to_owned(),
            is_string: false,
        })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Key, A::Error> {
        let (_tag, variant) = data.variant::<String>()?;
        variant.newtype_variant_seed(self)
    }
}
