//! Answers with runtime expressions for what they repeat of the request, and their comparison.
//!
//! Two answers are alike if they differ only in values that an API makes anew: ids, times, tokens.
use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use crate::document::number::same;
use crate::document::syntax::join;
use crate::schema::name::{folded, words};
use crate::state::stand_in::REDACTED;
use crate::state::stand_in::is_uuid;
use crate::upstream::recording::time_value::{is_date_time, is_near, milliseconds};

/// Number of characters from which a text that the request has too is repeated, and not a
/// coincidence, whatever the names of its members.
const SHORTEST_ECHO: usize = 4;

/// Value of a request that an answer may repeat.
#[derive(Debug, Clone)]
struct Repeated {
    /// Runtime expression without `{$` and `}`: `request.body#/name`.
    expression: String,
    /// Name of the member: `name`.
    name: String,
    /// JSON Pointer within the part.
    pointer: String,
    is_of_body: bool,
}

/// Values of a request that its answer may repeat, by their JSON texts.
#[derive(Debug, Default)]
pub(super) struct Echoes {
    by_value: HashMap<String, Vec<Repeated>>,
}

/// Maximum number of values of a request that are searched for in its answer.
const MOST_ECHOES: usize = 1_000;

impl Echoes {
    /// Collects the values of the body and the query of a request.
    pub(super) fn of(parts: &Value) -> Self {
        let mut echoes = Self::default();
        if let Some(body) = parts.get("body") {
            echoes.collect(body, "", true);
        }
        for (name, value) in parts["query"].as_object().into_iter().flatten() {
            echoes.add(value, &join("", name), false);
        }
        echoes
    }

    fn collect(&mut self, value: &Value, pointer: &str, is_of_body: bool) {
        match value {
            Value::Object(members) => members
                .iter()
                .for_each(|(name, member)| self.collect(member, &join(pointer, name), is_of_body)),
            Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| {
                self.collect(item, &join(pointer, &index.to_string()), is_of_body);
            }),
            leaf => self.add(leaf, pointer, is_of_body),
        }
    }

    fn add(&mut self, value: &Value, pointer: &str, is_of_body: bool) {
        let is_worth = match value {
            // Every secret of a redacted recording is the same text.
            Value::String(text) => !text.is_empty() && !text.contains(REDACTED),
            Value::Number(_) => true,
            _ => false,
        };
        // Braces would end the expression.
        if !is_worth || pointer.contains(['{', '}']) || self.by_value.len() >= MOST_ECHOES {
            return;
        }
        let name = pointer.rsplit('/').next().unwrap_or_default().to_owned();
        let expression = if is_of_body {
            format!("request.body#{pointer}")
        } else if pointer.contains('~') {
            return;
        } else {
            format!("request.query.{name}")
        };
        let repeated = Repeated {
            expression,
            name,
            pointer: pointer.to_owned(),
            is_of_body,
        };
        self.by_value
            .entry(value.to_string())
            .or_default()
            .push(repeated);
    }

    /// Returns a value with expressions in the place of what the request has too.
    pub(super) fn templated(&self, value: &Value) -> Value {
        if self.by_value.is_empty() {
            return value.clone();
        }
        self.within(value, "")
    }

    fn within(&self, value: &Value, pointer: &str) -> Value {
        match value {
            Value::Object(members) => {
                let made = members.iter().map(|(name, member)| {
                    (name.clone(), self.within(member, &join(pointer, name)))
                });
                Value::Object(made.collect::<Map<_, _>>())
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                items
                    .map(|(index, item)| self.within(item, &join(pointer, &index.to_string())))
                    .collect()
            }
            leaf => match self.repeated(leaf, pointer) {
                Some(repeated) => json!(format!("{{${}}}", repeated.expression)),
                None => leaf.clone(),
            },
        }
    }

    /// Returns the only value of the request that a value of the answer can repeat.
    fn repeated(&self, leaf: &Value, pointer: &str) -> Option<&Repeated> {
        let all = self.by_value.get(&leaf.to_string())?;
        let name = folded(pointer.rsplit('/').next().unwrap_or_default());
        let is_in_list = pointer
            .split('/')
            .any(|segment| segment.parse::<usize>().is_ok());
        let is_parallel = |own: &&Repeated| own.is_of_body && pointer.ends_with(&own.pointer);
        let parallel: Vec<&Repeated> = all.iter().filter(is_parallel).collect();
        if let [only] = parallel.as_slice() {
            return Some(only);
        }
        if is_in_list {
            return None;
        }
        let named: Vec<&Repeated> = all.iter().filter(|own| folded(&own.name) == name).collect();
        match (named.as_slice(), all.as_slice()) {
            ([only], _) => Some(only),
            ([], [only]) if is_long(leaf) => Some(only),
            _ => None,
        }
    }
}

fn is_long(leaf: &Value) -> bool {
    let text = leaf.as_str();
    text.is_some_and(|text| text.chars().count() >= SHORTEST_ECHO)
}

/// Returns a value with expressions replaced by the values that `pinned` has for them.
pub(super) fn without_expressions(value: &Value, pinned: &HashMap<String, Value>) -> Value {
    match value {
        Value::String(text) => pinned.get(text).unwrap_or(value).clone(),
        Value::Array(items) => {
            let items = items.iter();
            items
                .map(|item| without_expressions(item, pinned))
                .collect()
        }
        Value::Object(members) => {
            let made = members.iter();
            let made =
                made.map(|(name, member)| (name.clone(), without_expressions(member, pinned)));
            Value::Object(made.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

/// A value with the places that are made anew for each answer.
#[derive(Debug, Clone)]
pub(super) struct VariableValue {
    pub value: Value,
    /// JSON Pointers of the values that are made anew.
    pub variable: BTreeSet<String>,
    /// True for content that is written to a file of its own, in which nothing is evaluated.
    pub is_verbatim: bool,
}

/// Comparison of two answers to one request.
pub(super) struct Comparison<'c> {
    /// Starts of the two exchanges, in milliseconds since 1970.
    pub at: [u64; 2],
    /// Returns true for a value that another request refers to, so that it must stay.
    pub is_referenced: &'c dyn Fn(&Value) -> bool,
    /// Returns true for a text with a secret, or what stands in for it.
    pub is_token: &'c dyn Fn(&str) -> bool,
}

impl Comparison<'_> {
    /// Returns the first answer with what both agree on, if they are alike.
    pub(super) fn merged(&self, first: &VariableValue, second: &Value) -> Option<VariableValue> {
        let mut merged = first.clone();
        let mut found = Vec::new();
        if !self.differ("", &first.value, second, &first.variable, &mut found) {
            return None;
        }
        for (pointer, made) in found {
            if let (Some(made), false) = (made, first.is_verbatim)
                && let Some(place) = merged.value.pointer_mut(&pointer)
            {
                *place = made;
            }
            merged.variable.insert(pointer);
        }
        Some(merged)
    }

    /// Collects the values that differ, with their expressions. Returns false if a difference is
    /// none of a value that is made anew.
    fn differ(
        &self,
        pointer: &str,
        first: &Value,
        second: &Value,
        known: &BTreeSet<String>,
        found: &mut Vec<(String, Option<Value>)>,
    ) -> bool {
        match (first, second) {
            _ if same(first, second) || known.contains(pointer) => true,
            (Value::Object(first), Value::Object(second)) => {
                first.len() == second.len()
                    && first.iter().all(|(name, first)| {
                        second.get(name).is_some_and(|second| {
                            self.differ(&join(pointer, name), first, second, known, found)
                        })
                    })
            }
            (Value::Array(first), Value::Array(second)) => {
                let pairs = first.iter().zip(second).enumerate();
                first.len() == second.len()
                    && pairs.into_iter().all(|(index, (first, second))| {
                        let at = join(pointer, &index.to_string());
                        self.differ(&at, first, second, known, found)
                    })
            }
            _ => {
                let name = pointer.rsplit('/').next().unwrap_or_default();
                let kind = self.kind(name, [first, second]);
                found.extend(kind.as_ref().map(|made| (pointer.to_owned(), made.clone())));
                kind.is_some()
            }
        }
    }

    /// Returns the expression for a value that is made anew, `None` within if Standin has none for
    /// its kind; nothing if it is no such value.
    #[expect(
        clippy::option_option,
        reason = "a variable value may have no expression"
    )]
    fn kind(&self, name: &str, both: [&Value; 2]) -> Option<Option<Value>> {
        let [first, second] = both;
        if both.into_iter().any(|value| (self.is_referenced)(value)) {
            return None;
        }
        let texts = first.as_str().zip(second.as_str());
        if texts.is_some_and(|(a, b)| is_uuid(a) && is_uuid(b)) {
            return Some(Some(json!("{$uuid}")));
        }
        if milliseconds(first).is_some() && milliseconds(second).is_some() {
            let is_present = is_near(first, self.at[0]) && is_near(second, self.at[1]);
            let is_text = texts.is_some_and(|(a, b)| is_date_time(a) && is_date_time(b));
            return Some((is_present && is_text).then(|| json!("{$now}")));
        }
        let is_token = texts.is_some_and(|(a, b)| {
            (self.is_token)(a) && (self.is_token)(b) || is_random(a) && is_random(b)
        });
        let is_number = first.is_number() && second.is_number();
        (is_token || is_id(name) && (is_number || texts.is_some())).then_some(None)
    }
}

/// Returns true if a name is that of an id: `id`, `petId`, `_id`.
fn is_id(name: &str) -> bool {
    let last = words(name).pop();
    last.is_some_and(|last| matches!(last.as_str(), "id" | "uuid" | "guid" | "etag"))
}

/// Returns true if a text seems to be random: long, without blanks, with letters and digits.
fn is_random(text: &str) -> bool {
    let has = |is_meant: fn(&u8) -> bool| text.bytes().any(|byte| is_meant(&byte));
    text.len() >= 16
        && !text.contains(char::is_whitespace)
        && !text.contains("://")
        && !text.contains("{$")
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn templated(parts: &Value, answer: &Value) -> Value {
        Echoes::of(parts).templated(answer)
    }

    #[test]
    fn an_answer_repeats_the_request() {
        let parts = json!({"query": {"lang": "en", "page": 2}, "body": {"name": "Ann", "age": 3, "tags": [{"label": "tall"}], "ok": true}});
        let answer = json!({"id": 3, "Name": "Ann", "data": {"name": "Ann", "age": 3, "tags": [{"label": "tall"}]}, "ok": true,
            "greeting": "tall", "other": "en", "page": 2});
        assert_eq!(
            templated(&parts, &answer),
            json!({"id": 3, "Name": "{$request.body#/name}",
                "data": {"name": "{$request.body#/name}", "age": "{$request.body#/age}", "tags": [{"label": "{$request.body#/tags/0/label}"}]},
                "ok": true, "greeting": "{$request.body#/tags/0/label}", "other": "en", "page": "{$request.query.page}"})
        );
    }

    #[test]
    fn what_is_ambiguous_stays() {
        let parts = json!({"body": {"from": "Bern", "to": "Bern"}});
        let answer = json!({"city": "Bern", "to": "Bern", "list": ["Bern"]});
        let made = json!({"city": "Bern", "to": "{$request.body#/to}", "list": ["Bern"]});
        assert_eq!(templated(&parts, &answer), made);
    }

    fn merged(first: &Value, second: &Value, referenced: &str) -> Option<Value> {
        let comparison = Comparison {
            at: [1_795_879_591_000, 1_795_879_651_000],
            is_referenced: &|value| value.to_string().contains(referenced),
            is_token: &|text| text.starts_with("stand-in"),
        };
        let first = VariableValue {
            value: first.clone(),
            variable: BTreeSet::new(),
            is_verbatim: false,
        };
        let merged = comparison.merged(&first, second);
        merged.map(|merged| json!([merged.value, merged.variable]))
    }

    #[test]
    fn ids_times_and_tokens_are_variable() {
        let first = json!({"id": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", "at": "2026-11-28T15:26:31Z",
            "expires": "2026-11-29T15:26:31Z", "token": "stand-in-1", "petId": 7, "name": "a"});
        let second = json!({"id": "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d", "at": "2026-11-28T15:27:31Z",
            "expires": "2026-11-29T15:27:31Z", "token": "stand-in-2", "petId": 8, "name": "a"});
        let expected = json!([{"id": "{$uuid}", "at": "{$now}", "expires": "2026-11-29T15:26:31Z",
            "token": "stand-in-1", "petId": 7, "name": "a"}, ["/at", "/expires", "/id", "/petId", "/token"]]);
        assert_eq!(merged(&first, &second, "nothing"), Some(expected));
        assert_eq!(merged(&first, &second, "9b1deb4d"), None);
    }

    #[test]
    fn other_differences_make_another_answer() {
        assert_eq!(merged(&json!({"a": 1}), &json!({"a": 2}), "x"), None);
        assert_eq!(merged(&json!([1]), &json!([1, 1]), "x"), None);
        assert_eq!(merged(&json!({"a": 1}), &json!({"b": 1}), "x"), None);
    }
}
