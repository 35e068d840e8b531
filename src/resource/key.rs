//! Key of an entity: the way to the value that identifies it, such as `id` or `metadata.name`.
//!
//! Every user of a key reads and writes it with [`KeyPath`].
use std::fmt;

use serde_json::{Map, Value, json};

use crate::codec::text::{decode, encode, plain};
use crate::document::syntax::{join, unescape};
use crate::resource::place;
use crate::schema::Schema;

/// Way from an entity to its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPath {
    /// Members that lead to the value: `metadata` and `name`; at least one.
    way: Vec<String>,
    form: KeyForm,
}

/// Form in which a value holds the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyForm {
    /// The value is the key.
    Whole,
    /// The value is a URL whose last segment is the key: `/channels/927`.
    UrlEnd,
}

impl KeyPath {
    /// Returns the way to a property of the entity itself.
    #[must_use]
    pub fn property(name: &str) -> Self {
        Self::inside(&[], name)
    }

    /// Returns the way to a property of an object inside the entity.
    #[must_use]
    pub(crate) fn inside(way: &[&str], name: &str) -> Self {
        Self {
            way: way
                .iter()
                .chain([&name])
                .map(|name| (*name).to_owned())
                .collect(),
            form: KeyForm::Whole,
        }
    }

    /// Returns the way to the last segment of a URL in a property of the entity.
    #[must_use]
    pub(crate) fn url(name: &str) -> Self {
        Self {
            form: KeyForm::UrlEnd,
            ..Self::property(name)
        }
    }

    /// Reads the name of a property, or a JSON Pointer such as `/metadata/name`; `None` if it names
    /// no member.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let Some(pointer) = text.strip_prefix('/') else {
            return (!text.is_empty()).then(|| Self::property(text));
        };
        let way: Vec<String> = pointer.split('/').map(unescape).collect();
        let is_named = way.iter().all(|name| !name.is_empty());
        is_named.then_some(Self {
            way,
            form: KeyForm::Whole,
        })
    }

    /// Returns the name of the property, if the key is one of the entity itself.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self.way.as_slice() {
            [name] if self.form == KeyForm::Whole => Some(name),
            _ => None,
        }
    }

    /// Returns the last name on the way: `name` of `metadata.name`.
    #[must_use]
    pub(crate) fn last(&self) -> &str {
        self.way.last().map(String::as_str).unwrap_or_default()
    }

    /// Returns the names that lead to the object that has the key; none for the entity itself.
    #[must_use]
    pub(crate) fn outer(&self) -> &[String] {
        &self.way[..self.way.len().saturating_sub(1)]
    }

    /// Returns true if the key is the last segment of a URL.
    #[must_use]
    pub(crate) fn is_url(&self) -> bool {
        self.form == KeyForm::UrlEnd
    }

    /// Returns the value that holds the key.
    #[must_use]
    pub(crate) fn value<'v>(&self, entity: &'v Value) -> Option<&'v Value> {
        place::at(entity, &self.way)
    }

    /// Returns the value that holds the key, in what a client sent.
    #[must_use]
    pub(crate) fn value_in<'v>(&self, sent: &'v Map<String, Value>) -> Option<&'v Value> {
        let (first, rest) = self.way.split_first()?;
        place::at(sent.get(first)?, rest)
    }

    /// Returns the key of an entity as text; `None` if it is missing, empty, or neither a text nor
    /// a number.
    #[must_use]
    pub(crate) fn text(&self, entity: &Value) -> Option<String> {
        self.read(self.value(entity)?)
    }

    /// Returns the key that a value holds, as text.
    #[must_use]
    pub(crate) fn read(&self, value: &Value) -> Option<String> {
        let text = match (self.form, value) {
            (KeyForm::UrlEnd, Value::String(url)) => decode(&url[end_of(url)?]),
            (KeyForm::Whole, Value::String(_) | Value::Number(_) | Value::Bool(_)) => plain(value),
            _ => return None,
        };
        (!text.is_empty()).then_some(text)
    }

    /// Sets the key of an entity. Of a URL only the last segment changes; `url` is the whole one,
    /// for an entity that has none.
    pub(crate) fn set(&self, entity: &mut Value, key: &Value, url: Option<&str>) {
        let value = match self.form {
            KeyForm::Whole => key.clone(),
            // The URL may write the key in its own way: `a%2Db` for `a-b`.
            KeyForm::UrlEnd if self.text(entity) == Some(plain(key)) => return,
            KeyForm::UrlEnd => {
                let segment = encode(&plain(key));
                let own = self.value(entity).and_then(Value::as_str);
                let own = own.and_then(|own| {
                    let end = end_of(own)?;
                    Some(format!("{}{segment}{}", &own[..end.start], &own[end.end..]))
                });
                json!(own.or_else(|| url.map(str::to_owned)).unwrap_or(segment))
            }
        };
        place::put(entity, &self.way, value);
    }

    /// Removes the key from what a client sent.
    pub(crate) fn remove(&self, sent: &mut Map<String, Value>) {
        let Some((first, rest)) = self.way.split_first() else {
            return;
        };
        let Some((last, outer)) = rest.split_last() else {
            drop(sent.shift_remove(first));
            return;
        };
        let inner = sent.get_mut(first).and_then(|value| {
            outer
                .iter()
                .try_fold(value, |value, name| value.get_mut(name))
        });
        if let Some(Value::Object(object)) = inner {
            object.shift_remove(last);
        }
    }

    /// Returns the schema of the value that holds the key.
    #[must_use]
    pub(crate) fn node<'s>(&self, schema: &'s Schema) -> Option<&'s Value> {
        self.way
            .iter()
            .try_fold(schema.tree(), |node, name| schema.property(node, name))
    }
}

/// Writes the name of a property, or else the JSON Pointer.
impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.way.as_slice() {
            [name] => f.write_str(name),
            way => f.write_str(&way.iter().fold(String::new(), |at, name| join(&at, name))),
        }
    }
}

/// Returns the range of the last segment in the path of a URL; `None` if it is empty.
fn end_of(url: &str) -> Option<std::ops::Range<usize>> {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let end = url[..end].trim_end_matches('/').len();
    let start = url[..end].rfind('/').map_or(0, |slash| slash + 1);
    (start < end).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_and_written_where_they_are() {
        let cases = [
            (
                KeyPath::property("id"),
                json!({"id": 7}),
                "7",
                json!({"id": "x"}),
            ),
            (
                KeyPath::inside(&["metadata"], "name"),
                json!({"metadata": {"name": "a", "uid": 1}}),
                "a",
                json!({"metadata": {"name": "x", "uid": 1}}),
            ),
            (
                KeyPath::url("uri"),
                json!({"uri": "https://a.b/channels/927?x=1"}),
                "927",
                json!({"uri": "https://a.b/channels/x?x=1"}),
            ),
        ];
        for (key, mut entity, text, changed) in cases {
            assert_eq!(key.text(&entity).as_deref(), Some(text), "{key}");
            key.set(&mut entity, &json!("x"), None);
            assert_eq!(entity, changed);
        }
    }

    #[test]
    fn a_pointer_or_a_name_is_a_key() {
        for (text, shown) in [
            ("id", Some("id")),
            ("/metadata/name", Some("/metadata/name")),
        ] {
            let key = KeyPath::parse(text).map(|key| key.to_string());
            assert_eq!(key.as_deref(), shown);
        }
        assert_eq!(KeyPath::parse(""), None);
        assert_eq!(KeyPath::parse("/a//b"), None);
    }
}
