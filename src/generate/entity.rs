//! What the path of a request says about the entity that is answered: `GET /pets/7` has `id` 7.
use serde_json::{Number, Value, json};

use crate::contract::example::fits;
use crate::document::number::is_plain_integer;
use crate::schema::Schema;
use crate::schema::name::words;

/// The values of a path, by the names of its expressions.
#[derive(Debug, Default)]
pub struct PathValues {
    /// From left to right, decoded.
    pub values: Vec<(String, String)>,
    /// Whether the path ends in the last of them, which so names the entity.
    pub names_entity: bool,
}

/// How many levels are looked for what the path names.
const DEEPEST: usize = 4;

/// Gives the generated value what the path says, as far as it still fits its schema then.
pub fn own(schema: &Schema, value: &mut Value, known: &PathValues) {
    for (index, (name, text)) in known.values.iter().enumerate() {
        let mut changed = value.clone();
        let mut found = everywhere(&mut changed, &words(name).concat(), text, 0);
        if found == Found::Nothing && known.names_entity && index + 1 == known.values.len() {
            found = entity(&mut changed, &words(name), text);
        }
        if found == Found::Changed && fits(schema, &changed) {
            *value = changed;
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    Nothing,
    /// It is there, and is what the path says or of a type that cannot say it.
    Same,
    Changed,
}

/// Every property of the very name, in lists too: the orders of `/users/7/orders` have `userId` 7.
fn everywhere(value: &mut Value, name: &str, text: &str, depth: usize) -> Found {
    if depth > DEEPEST {
        return Found::Nothing;
    }
    match value {
        Value::Object(object) => {
            let changed = object.iter_mut().map(|(key, member)| {
                let is_meant = !member.is_object() && !member.is_array() && words(key).concat() == name;
                if is_meant { say(member, text) } else { everywhere(member, name, text, depth + 1) }
            });
            changed.max().unwrap_or(Found::Nothing)
        }
        Value::Array(items) => {
            items.iter_mut().map(|item| everywhere(item, name, text, depth + 1)).max().unwrap_or(Found::Nothing)
        }
        _ => Found::Nothing,
    }
}

/// The identifier of the entity itself, which may be wrapped: `{"data": {"id": 7}}`.
fn entity(value: &mut Value, name: &[String], text: &str) -> Found {
    let last = name.last().map(String::as_str).unwrap_or_default();
    let keys: &[&str] = match last {
        "name" | "username" | "login" => &["name", "login", "username"],
        "slug" => &["slug"],
        "email" => &["email"],
        _ => &["id", "_id", "ID", "Id", "uuid", "uid", "key", "slug"],
    };
    let Some(object) = nearest(value, keys, 0) else { return Found::Nothing };
    let key = keys.iter().find(|key| object.contains_key(**key));
    key.and_then(|key| object.get_mut(*key)).map_or(Found::Nothing, |member| say(member, text))
}

/// The outermost object that has one of the keys, lists left aside.
fn nearest<'v>(value: &'v mut Value, keys: &[&str], depth: usize) -> Option<&'v mut serde_json::Map<String, Value>> {
    let object = value.as_object_mut()?;
    if keys.iter().any(|key| object.get(*key).is_some_and(|member| !member.is_object() && !member.is_array())) {
        return Some(object);
    }
    if depth >= DEEPEST {
        return None;
    }
    object.values_mut().find_map(|member| nearest(member, keys, depth + 1))
}

/// Puts the text of a path in the place of a value of the same type.
fn say(member: &mut Value, text: &str) -> Found {
    let said = match member {
        Value::Number(number) if number.is_f64() => text.parse::<f64>().ok().map(|number| json!(number)),
        Value::Number(_) => text.parse::<Number>().ok().filter(is_plain_integer).map(Value::Number),
        Value::String(_) => Some(json!(text)),
        _ => None,
    };
    match said {
        Some(said) if said != *member => {
            *member = said;
            Found::Changed
        }
        _ => Found::Same,
    }
}
