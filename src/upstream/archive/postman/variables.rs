//! Variables of a collection: `{{name}}` → its value.
use std::borrow::Cow;

use serde_json::Value;

use crate::upstream::archive::bounds::{DEEPEST_VARIABLE, LONGEST_EXPANSION};

/// Variables in scope: those of the command line, of folders from inside to outside, of the collection.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables {
    /// Names and values; the first one of a name counts.
    values: Vec<(String, String)>,
}

/// Values for the dynamic variables of Postman that are most used. A recording has no random value.
const DYNAMIC: [(&str, &str); 5] = [
    ("$guid", "00000000-0000-4000-8000-000000000000"),
    ("$randomUUID", "00000000-0000-4000-8000-000000000000"),
    ("$timestamp", "1704067200"),
    ("$isoTimestamp", "2024-01-01T00:00:00.000Z"),
    ("$randomInt", "1"),
];

impl Variables {
    pub(super) fn of(values: &[(String, String)]) -> Self {
        Self {
            values: values.to_vec(),
        }
    }

    /// Returns the variables with those of a list of a collection after them, or of a folder before
    /// those of its collection.
    pub(super) fn with(&self, list: &Value, given: usize) -> Self {
        let own = list
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|variable| {
                let name = variable["key"]
                    .as_str()
                    .or_else(|| variable["id"].as_str())?;
                let is_off = variable["disabled"].as_bool() == Some(true);
                let value = text_of(&variable["value"])?;
                (!is_off).then(|| (name.to_owned(), value.into_owned()))
            });
        let mut values = self.values.clone();
        values.splice(given..given, own);
        Self { values }
    }

    fn get(&self, name: &str) -> Option<&str> {
        let own = self.values.iter().find(|(there, _)| there == name);
        own.map(|(_, value)| value.as_str()).or_else(|| {
            let dynamic = DYNAMIC.iter().find(|(there, _)| *there == name);
            dynamic.map(|(_, value)| *value)
        })
    }

    /// Replaces the variables of a text. Those without a value stay, and are added to `unresolved`.
    pub(super) fn resolve(&self, text: &str, unresolved: &mut Vec<String>) -> String {
        let mut made = String::new();
        self.expand(text, 0, &mut made, unresolved);
        made
    }

    fn expand(&self, text: &str, depth: usize, made: &mut String, unresolved: &mut Vec<String>) {
        let mut rest = text;
        while let Some(open) = rest.find("{{") {
            let Some(close) = rest[open..].find("}}") else {
                break;
            };
            let (name, whole) = (&rest[open + 2..open + close], &rest[open..open + close + 2]);
            made.push_str(&rest[..open]);
            let can_go_on = depth < DEEPEST_VARIABLE && made.len() < LONGEST_EXPANSION;
            match self.get(name.trim()) {
                Some(value) if can_go_on => self.expand(value, depth + 1, made, unresolved),
                _ => {
                    if !unresolved.iter().any(|there| there == name.trim()) {
                        unresolved.push(name.trim().to_owned());
                    }
                    made.push_str(whole);
                }
            }
            rest = &rest[open + close + 2..];
        }
        made.push_str(rest);
    }
}

/// Returns a text, number or truth value as text.
pub(super) fn text_of(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(_) | Value::Bool(_) => Some(Cow::Owned(value.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn resolved(variables: &Variables, text: &str) -> (String, Vec<String>) {
        let mut unresolved = Vec::new();
        (variables.resolve(text, &mut unresolved), unresolved)
    }

    #[test]
    fn inner_variables_come_before_outer_ones_and_given_ones_before_all() {
        let given = Variables::of(&[("host".to_owned(), "h".to_owned())]);
        let outer = given.with(&json!([{"key": "host", "value": "x"}, {"key": "id", "value": 1}, {"key": "base", "value": "http://{{host}}/{{id}}"}]), 1);
        let inner = outer.with(
            &json!([{"id": "id", "value": "2"}, {"key": "base", "value": "no", "disabled": true}]),
            1,
        );
        assert_eq!(
            resolved(&outer, "{{base}}"),
            ("http://h/1".to_owned(), vec![])
        );
        assert_eq!(
            resolved(&inner, "{{ base }}!"),
            ("http://h/2!".to_owned(), vec![])
        );
    }

    #[test]
    fn variables_without_a_value_stay_and_are_told_once() {
        let none = Variables::default();
        assert_eq!(
            resolved(&none, "{{a}}/{{ b }}/{{a}}/{{c"),
            (
                "{{a}}/{{ b }}/{{a}}/{{c".to_owned(),
                vec!["a".to_owned(), "b".to_owned()]
            )
        );
        assert_eq!(resolved(&none, "{{$timestamp}}").1, Vec::<String>::new());
    }

    #[test]
    fn circles_and_explosions_end() {
        let circle = Variables::default().with(&json!([{"key": "a", "value": "{{a}}"}]), 0);
        assert_eq!(resolved(&circle, "{{a}}").1, ["a"]);
        let ten = |name: &str| format!("{{{{{name}}}}}").repeat(10);
        let list: Vec<Value> = (0..9)
            .map(|level| json!({"key": format!("v{level}"), "value": ten(&format!("v{}", level + 1))}))
            .chain([json!({"key": "v9", "value": "x".repeat(1000)})])
            .collect();
        let bomb = Variables::default().with(&json!(list), 0);
        let (text, _) = resolved(&bomb, "{{v0}}");
        assert!(text.len() < 2 * LONGEST_EXPANSION, "{}", text.len());
    }
}
