//! Copies values from the request into an answer: values of the same name and type, and the ids of
//! the path.
//!
//! `finish` does this with `--echo`, for answers that are not backed by state.
use bytes::Bytes;
use serde_json::Value;

use crate::codec::events;
use crate::contract::example::fits;
use crate::contract::media::Written;
use crate::generate::entity::{self, PathValues};
use crate::schema::Schema;

/// Values of a request to copy into the answer.
#[derive(Debug, Default)]
pub(crate) struct Echo {
    /// Content of the request.
    pub body: Option<Value>,
    /// Values of the request's path.
    pub known: PathValues,
}

/// Maximum depth at which an answer is searched for a member of the same name; deeper members stay
/// unchanged.
const DEEPEST: usize = 2;

impl Echo {
    /// Copies the request's values into an answer, unless a copy makes a fitting answer violate
    /// its schema.
    pub(crate) fn say_in(&self, value: &mut Value, schema: Option<&Schema>) {
        if let Some(schema) = schema {
            entity::own(schema, value, &self.known);
        }
        let Some(Value::Object(sent)) = &self.body else {
            return;
        };
        for (name, said) in sent {
            let mut changed = value.clone();
            if say(&mut changed, name, said, 0)
                && schema.is_none_or(|schema| fits(schema, &changed) || !fits(schema, value))
            {
                *value = changed;
            }
        }
    }
}

impl Echo {
    /// Copies the request's values into the data of server-sent events that are JSON.
    pub(crate) fn say_in_events(&self, written: Written, schema: Option<&Schema>) -> Written {
        let Ok(content) = std::str::from_utf8(&written.bytes) else {
            return written;
        };
        let (mut text, mut ends, mut start) = (String::new(), Vec::new(), 0);
        for end in &*written.ends {
            let piece = content.get(start..*end).unwrap_or_default();
            start = *end;
            match self.event(piece, schema) {
                Some(changed) => text.push_str(&changed),
                None => text.push_str(piece),
            }
            ends.push(text.len());
        }
        Written {
            bytes: Bytes::from(text),
            ends: ends.into(),
            ..written
        }
    }

    /// Returns an event with the request's values; `None` if they change nothing.
    fn event(&self, piece: &str, schema: Option<&Schema>) -> Option<String> {
        let mut value: Value = serde_json::from_str(&events::data(piece)).ok()?;
        if !value.is_object() {
            return None;
        }
        let before = value.clone();
        // The schema may describe the event and not its data, or the whole list.
        match schema.filter(|schema| fits(schema, &value)) {
            Some(schema) => self.say_in(&mut value, Some(schema)),
            None => {
                entity::own_any(&mut value, &self.known);
                self.say_in(&mut value, None);
            }
        }
        (value != before).then(|| events::with_data(piece, &value.to_string()))
    }
}

/// Replaces a member of the same name and type; returns `true` if there is one.
fn say(value: &mut Value, name: &str, said: &Value, depth: usize) -> bool {
    let Value::Object(object) = value else {
        return false;
    };
    if let Some(member) = object.get_mut(name) {
        if let (true, Value::Object(said)) = (member.is_object(), said) {
            // An object of the answer keeps members that were not sent.
            return said.iter().fold(false, |any, (name, said)| {
                say(member, name, said, DEEPEST) || any
            });
        }
        let is_alike = is_alike(member, said);
        if is_alike {
            *member = said.clone();
        }
        return is_alike;
    }
    depth < DEEPEST
        && object
            .values_mut()
            .any(|member| say(member, name, said, depth + 1))
}

/// Returns `true` if two values have the same type; lists are compared by their first items.
fn is_alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => match (a.first(), b.first()) {
            (Some(a), Some(b)) => is_alike(a, b),
            _ => true,
        },
        (Value::String(_), Value::String(_))
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Object(_), Value::Object(_)) => true,
        (Value::Number(a), Value::Number(b)) => a.is_f64() || !b.is_f64(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::standalone;

    #[test]
    fn what_has_the_same_name_and_type_is_said_again() {
        let schema =
            standalone(&json!({"properties": {"data": {"properties": {"size": {"maximum": 5}}}}}))
                .expect("is one");
        let mut value = json!({"ok": true, "data": {"name": "a", "size": 3, "tags": [], "owner": {"id": 1, "name": "b"}}});
        let body = json!({"name": "Own", "size": 9, "tags": ["x"], "owner": {"name": "Bo", "age": 3}, "ok": "no", "other": 1});
        Echo {
            body: Some(body),
            known: PathValues::default(),
        }
        .say_in(&mut value, Some(&schema));
        let expected = json!({"ok": true, "data": {"name": "Own", "size": 3, "tags": ["x"], "owner": {"id": 1, "name": "Bo"}}});
        assert_eq!(value, expected);
    }
}
