//! What the request says, said again by the answer: values of the same name and type, and the ids of the path.
use serde_json::Value;

use crate::contract::example::fits;
use crate::generate::entity::{self, PathValues};
use crate::schema::Schema;

/// What a request says.
#[derive(Debug, Default)]
pub struct Echo {
    /// Its content.
    pub body: Option<Value>,
    /// What its path says.
    pub known: PathValues,
}

/// How many levels of an answer are looked through for something of the same name.
const DEEPEST: usize = 2;

impl Echo {
    /// Puts what the request says into an answer, as far as it still fits its schema then.
    pub fn say_in(&self, value: &mut Value, schema: Option<&Schema>) {
        if let Some(schema) = schema {
            entity::own(schema, value, &self.known);
        }
        let Some(Value::Object(sent)) = &self.body else { return };
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

/// Puts a value in the place of one of the same name and type; whether there is one.
fn say(value: &mut Value, name: &str, said: &Value, depth: usize) -> bool {
    let Value::Object(object) = value else { return false };
    if let Some(member) = object.get_mut(name) {
        if let (true, Value::Object(said)) = (member.is_object(), said) {
            // An object of the answer may have more than was sent.
            return said.iter().fold(false, |any, (name, said)| say(member, name, said, DEEPEST) || any);
        }
        let is_alike = is_alike(member, said);
        if is_alike {
            *member = said.clone();
        }
        return is_alike;
    }
    depth < DEEPEST && object.values_mut().any(|member| say(member, name, said, depth + 1))
}

/// Whether two values are of one type; of lists, whether their items are.
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
            standalone(&json!({"properties": {"data": {"properties": {"size": {"maximum": 5}}}}})).expect("is one");
        let mut value =
            json!({"ok": true, "data": {"name": "a", "size": 3, "tags": [], "owner": {"id": 1, "name": "b"}}});
        let body =
            json!({"name": "Own", "size": 9, "tags": ["x"], "owner": {"name": "Bo", "age": 3}, "ok": "no", "other": 1});
        Echo { body: Some(body), known: PathValues::default() }.say_in(&mut value, Some(&schema));
        let expected =
            json!({"ok": true, "data": {"name": "Own", "size": 3, "tags": ["x"], "owner": {"id": 1, "name": "Bo"}}});
        assert_eq!(value, expected);
    }
}
