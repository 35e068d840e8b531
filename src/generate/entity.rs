//! Sets the values of a request's path in a generated entity: the answer to `GET /pets/7` has `id`
//! 7.
use serde_json::{Number, Value, json};

use crate::contract::example::fits;
use crate::document::number::is_plain_integer;
use crate::schema::Schema;
use crate::schema::name::words;

/// Values of a request's path, by the names of its expressions.
#[derive(Debug, Default)]
pub(crate) struct PathValues {
    /// Names and decoded values, from left to right.
    pub values: Vec<(String, String)>,
    /// `true` if the path ends in the last expression, which then identifies the entity.
    pub names_entity: bool,
}

/// Maximum depth at which properties are searched; deeper ones stay unchanged.
const DEEPEST: usize = 4;

/// Sets each value of the path in a generated value, unless the result does not fit the schema.
pub(crate) fn own(schema: &Schema, value: &mut Value, known: &PathValues) {
    own_if(value, known, &|changed| fits(schema, changed));
}

/// Sets each value of the path in a value without a schema.
pub(crate) fn own_any(value: &mut Value, known: &PathValues) {
    own_if(value, known, &|_| true);
}

/// Sets each value of the path where the result is allowed.
fn own_if(value: &mut Value, known: &PathValues, is_allowed: &dyn Fn(&Value) -> bool) {
    for (index, (name, text)) in known.values.iter().enumerate() {
        let mut changed = value.clone();
        let mut found = everywhere(&mut changed, &words(name).concat(), text, 0);
        if found == FoundProperty::Nothing && known.names_entity && index + 1 == known.values.len()
        {
            found = entity(&mut changed, &words(name), text);
        }
        if found == FoundProperty::Changed && is_allowed(&changed) {
            *value = changed;
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum FoundProperty {
    Nothing,
    /// Property that has the value already, or whose type cannot have it.
    Same,
    Changed,
}

/// Sets every scalar property with the name of an expression, in lists too: the orders of
/// `/users/7/orders` have `userId` 7.
fn everywhere(value: &mut Value, name: &str, text: &str, depth: usize) -> FoundProperty {
    if depth > DEEPEST {
        return FoundProperty::Nothing;
    }
    match value {
        Value::Object(object) => {
            let changed = object.iter_mut().map(|(key, member)| {
                let is_meant =
                    !member.is_object() && !member.is_array() && words(key).concat() == name;
                if is_meant {
                    say(member, text)
                } else {
                    everywhere(member, name, text, depth + 1)
                }
            });
            changed.max().unwrap_or(FoundProperty::Nothing)
        }
        Value::Array(items) => items
            .iter_mut()
            .map(|item| everywhere(item, name, text, depth + 1))
            .max()
            .unwrap_or(FoundProperty::Nothing),
        _ => FoundProperty::Nothing,
    }
}

/// Sets the identifier of the entity itself, which may be wrapped: `{"data": {"id": 7}}`.
fn entity(value: &mut Value, name: &[String], text: &str) -> FoundProperty {
    let last = name.last().map(String::as_str).unwrap_or_default();
    let keys: &[&str] = match last {
        "name" | "username" | "login" => &["name", "login", "username"],
        "slug" => &["slug"],
        "email" => &["email"],
        _ => &["id", "_id", "ID", "Id", "uuid", "uid", "key", "slug"],
    };
    let Some(object) = nearest(value, keys, 0) else {
        return FoundProperty::Nothing;
    };
    let key = keys.iter().find(|key| object.contains_key(**key));
    key.and_then(|key| object.get_mut(*key))
        .map_or(FoundProperty::Nothing, |member| say(member, text))
}

/// Finds the outermost object that has one of the keys with a scalar value; lists are not
/// searched.
fn nearest<'v>(
    value: &'v mut Value,
    keys: &[&str],
    depth: usize,
) -> Option<&'v mut serde_json::Map<String, Value>> {
    let object = value.as_object_mut()?;
    if keys.iter().any(|key| {
        object
            .get(*key)
            .is_some_and(|member| !member.is_object() && !member.is_array())
    }) {
        return Some(object);
    }
    if depth >= DEEPEST {
        return None;
    }
    object
        .values_mut()
        .find_map(|member| nearest(member, keys, depth + 1))
}

/// Replaces a member by the text of a path, converted to the member's type.
fn say(member: &mut Value, text: &str) -> FoundProperty {
    let said = match member {
        Value::Number(number) if number.is_f64() => {
            text.parse::<f64>().ok().map(|number| json!(number))
        }
        Value::Number(_) => text
            .parse::<Number>()
            .ok()
            .filter(is_plain_integer)
            .map(Value::Number),
        Value::String(_) => Some(json!(text)),
        _ => None,
    };
    match said {
        Some(said) if said != *member => {
            *member = said;
            FoundProperty::Changed
        }
        _ => FoundProperty::Same,
    }
}
