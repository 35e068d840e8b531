//! Converts values that are written as another type: `0` for a string, `"1"` for a number.
use serde_json::Value;

/// Converts a value to the first of the types that can express it, if it is of none of them.
/// Returns the old and the new value as JSON; `None` if nothing changed.
pub(super) fn retype(value: &mut Value, types: &[String]) -> Option<(String, String)> {
    if value.is_null() || types.iter().any(|name| is_of(value, name)) {
        return None;
    }
    let made = types.iter().find_map(|name| written_as(value, name))?;
    let from = std::mem::replace(value, made);
    Some((from.to_string(), value.to_string()))
}

fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => is_whole(value),
        "object" => value.is_object(),
        "array" => value.is_array(),
        _ => false,
    }
}

fn is_whole(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

/// Returns a value in another type that expresses it, if there is one.
fn written_as(value: &Value, name: &str) -> Option<Value> {
    match (value, name) {
        (Value::Number(_) | Value::Bool(_), "string") => Some(Value::String(value.to_string())),
        (Value::String(text), "integer" | "number") => {
            let number: Value = serde_json::from_str(text.trim()).ok()?;
            is_of(&number, name).then_some(number)
        }
        (Value::String(text), "boolean") => match text.trim().to_ascii_lowercase().as_str() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn retyped(mut value: Value, types: &[&str]) -> Value {
        let types: Vec<String> = types.iter().map(|name| (*name).to_owned()).collect();
        let _change = retype(&mut value, &types);
        value
    }

    #[test]
    fn only_what_says_the_same_in_another_type_is_changed() {
        assert_eq!(retyped(json!(0), &["string"]), json!("0"));
        assert_eq!(retyped(json!(true), &["string"]), json!("true"));
        assert_eq!(retyped(json!("2"), &["integer"]), json!(2));
        assert_eq!(retyped(json!("2.5"), &["integer"]), json!("2.5"));
        assert_eq!(retyped(json!("2.5"), &["null", "number"]), json!(2.5));
        assert_eq!(retyped(json!("False"), &["boolean"]), json!(false));
        assert_eq!(retyped(json!("x"), &["integer"]), json!("x"));
        assert_eq!(retyped(json!(1), &["string", "integer"]), json!(1));
        assert_eq!(retyped(Value::Null, &["string"]), Value::Null);
    }
}
