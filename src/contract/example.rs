//! A documented example, and what is served for it.
//!
//! Documents have examples that break their own schema. Where one reading is beyond doubt
//! (`"true"` for a boolean) it is taken; where not, the example is served as it stands.

use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};

use super::Written;
use super::schema::{Schema, SchemaError};
use crate::diagnostic::Place;
use crate::document::number::is_plain_integer;
use crate::document::syntax::Part;

/// Whether examples are made to fit their schema (`--examples`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Examples {
    /// Where only one reading is possible.
    #[default]
    Coerce,
    /// Wherever a value can be made of it that fits.
    Repair,
    /// Never: every example is served as it stands.
    Verbatim,
}

/// An example by name.
#[derive(Debug)]
pub struct Example {
    /// The key in `examples`; empty for `example` and for an example of the schema.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// The tree that it is a part of, and where in it.
    tree: Arc<Value>,
    pointer: String,
    part: Part,
    schema: Option<Arc<Schema>>,
    mode: Examples,
    role: Role,
    prepared: OnceLock<Prepared>,
    content: OnceLock<Written>,
}

/// What an example is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It is the answer, whether it fits or not.
    Answer,
    /// It is of the schema, and a proposal for values that fit.
    Proposal,
}

#[derive(Debug)]
struct Prepared {
    /// The changed value, if it was changed.
    value: Option<Value>,
    coercions: Vec<Coercion>,
    errors: Vec<SchemaError>,
}

/// One change that made an example fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coercion {
    /// Where in the example.
    pub pointer: String,
    /// The JSON text that the document has.
    pub from: String,
    /// The JSON text that is served.
    pub to: String,
}

impl Example {
    /// The example at `pointer` of `tree`.
    #[must_use]
    pub fn new(
        name: String,
        place: Place,
        tree: Arc<Value>,
        pointer: String,
        schema: Option<Arc<Schema>>,
        mode: Examples,
    ) -> Self {
        let (role, part) = (Role::Answer, Part::default());
        let (prepared, content) = (OnceLock::new(), OnceLock::new());
        Self { name, place, tree, pointer, part, schema, mode, role, prepared, content }
    }

    /// As a proposal of the schema.
    #[must_use]
    pub fn proposed(self) -> Self {
        Self { role: Role::Proposal, ..self }
    }

    /// Whether it is served: documented ones always, those of schemas only if they fit.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.role == Role::Answer || self.errors().is_empty()
    }

    /// As the author wrote it.
    #[must_use]
    pub fn verbatim(&self) -> &Value {
        self.part.find(&self.tree, &self.pointer).unwrap_or(&Value::Null)
    }

    /// As it is served.
    #[must_use]
    pub fn value(&self) -> &Value {
        self.prepared().value.as_ref().unwrap_or_else(|| self.verbatim())
    }

    /// As it is served, in bytes that are written once.
    pub fn content(&self, write: impl FnOnce(&Value) -> Written) -> Written {
        self.content.get_or_init(|| write(self.value())).clone()
    }

    /// The schema that it should be made to fit and does not, if that is wanted.
    #[must_use]
    pub fn to_repair(&self) -> Option<&Schema> {
        self.schema.as_deref().filter(|_| self.mode == Examples::Repair && !self.errors().is_empty())
    }

    /// What was changed to make it fit.
    #[must_use]
    pub fn coercions(&self) -> &[Coercion] {
        &self.prepared().coercions
    }

    /// What does not fit all the same.
    #[must_use]
    pub fn errors(&self) -> &[SchemaError] {
        &self.prepared().errors
    }

    fn prepared(&self) -> &Prepared {
        self.prepared.get_or_init(|| match &self.schema {
            Some(schema) => prepare(schema, self.verbatim(), self.mode),
            None => Prepared { value: None, coercions: Vec::new(), errors: Vec::new() },
        })
    }
}

/// How often an example is validated again after a change; each round changes all that it can.
const ROUNDS: usize = 8;

fn prepare(schema: &Schema, verbatim: &Value, mode: Examples) -> Prepared {
    let mut refused = Vec::new();
    loop {
        let prepared = attempt(schema, verbatim, mode, &refused);
        // A list of one that is still wrong inside was no list of one.
        let is_wrong_inside = |change: &&Coercion| {
            change.to.starts_with('[')
                && prepared.errors.iter().any(|error| error.pointer.starts_with(&format!("{}/", change.pointer)))
        };
        match prepared.coercions.iter().find(is_wrong_inside) {
            Some(change) => refused.push(change.pointer.clone()),
            None => return prepared,
        }
    }
}

fn attempt(schema: &Schema, verbatim: &Value, mode: Examples, refused: &[String]) -> Prepared {
    // A schema that cannot be compiled is a finding of its own.
    let errors_of = |value: &Value| schema.errors(value).unwrap_or_default();
    let mut errors = errors_of(verbatim);
    let mut value = None;
    let mut coercions = Vec::new();
    for _ in 0..ROUNDS {
        if errors.is_empty() || mode == Examples::Verbatim {
            break;
        }
        let candidate = value.get_or_insert_with(|| verbatim.clone());
        let open = errors.iter().filter(|error| !refused.contains(&error.pointer));
        let changed: Vec<Coercion> = open.filter_map(|error| coerce(candidate, error)).collect();
        if changed.is_empty() {
            break;
        }
        coercions.extend(changed);
        errors = errors_of(candidate);
    }
    if coercions.is_empty() {
        value = None;
    }
    Prepared { value, coercions, errors }
}

/// Changes the one place that a type error is about, if there is one way to do it.
fn coerce(value: &mut Value, error: &SchemaError) -> Option<Coercion> {
    if error.keyword != "type" {
        return None;
    }
    let at = value.pointer_mut(&error.pointer)?;
    let types = error.operands.get("types")?.as_array()?;
    let wanted: Vec<&str> = types.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect();
    let [wanted] = wanted.as_slice() else { return None };
    let to = read_as(at, wanted)?;
    let from = std::mem::replace(at, to);
    Some(Coercion { pointer: error.pointer.clone(), from: from.to_string(), to: at.to_string() })
}

/// The one value of a type that something of another type can stand for.
fn read_as(value: &Value, wanted: &str) -> Option<Value> {
    let parsed = || serde_json::from_str::<Value>(value.as_str()?.trim()).ok();
    match (wanted, value) {
        ("boolean", Value::String(text)) => match text.trim().to_ascii_lowercase().as_str() {
            "true" => Some(json!(true)),
            "false" => Some(json!(false)),
            _ => None,
        },
        ("integer", Value::String(_)) => {
            parsed().filter(|value| matches!(value, Value::Number(number) if is_plain_integer(number)))
        }
        ("number", Value::String(_)) => parsed().filter(Value::is_number),
        ("object", Value::String(_)) => parsed().filter(Value::is_object),
        ("array", Value::String(text)) if text.trim_start().starts_with('[') => parsed().filter(Value::is_array),
        ("string", Value::Number(_) | Value::Bool(_)) => Some(json!(value.to_string())),
        ("array", Value::String(_) | Value::Number(_) | Value::Bool(_)) => Some(json!([value])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::{Demand, Direction, Schemas};
    use super::*;
    use crate::diagnostic::{Positions, Source};

    fn example(schema: &Value, value: &Value, mode: Examples) -> Example {
        let source = Source::new("t".into(), String::new(), |_| Positions::new());
        let tree = Arc::new(json!({ "schema": schema, "value": value }));
        let schemas = Schemas::new(Arc::clone(&source), Arc::clone(&tree), Demand::Few);
        let schema = Arc::new(Schema::new(&schemas, "/schema".into(), Direction::Response));
        Example::new(String::new(), Place::value(&source, "/value"), tree, "/value".into(), Some(schema), mode)
    }

    #[test]
    fn what_can_be_read_in_one_way_is() {
        let schema = json!({"properties": {
            "a": {"type": "boolean"}, "b": {"type": "integer"}, "c": {"type": "array", "items": {"type": "number"}},
            "d": {"type": "string"}, "e": {"type": "object"}, "f": {"type": ["boolean", "null"]}
        }});
        let value = json!({"a": "true", "b": "5", "c": "1.5", "d": 7, "e": "{\"x\":1}", "f": "False"});
        let example = example(&schema, &value, Examples::Coerce);
        let served = json!({"a": true, "b": 5, "c": [1.5], "d": "7", "e": {"x": 1}, "f": false});
        assert_eq!(example.value(), &served);
        assert!(example.errors().is_empty());
    }

    #[test]
    fn what_is_in_doubt_is_served_as_it_stands() {
        let schema = json!({"properties": {"a": {"type": "boolean"}, "b": {"type": ["integer", "boolean"]}}});
        let example = example(&schema, &json!({"a": "yes", "b": "1"}), Examples::Coerce);
        assert_eq!(example.value(), &json!({"a": "yes", "b": "1"}));
        assert_eq!(example.errors().len(), 2);
    }

    #[test]
    fn a_list_of_one_is_made_only_if_its_item_fits() {
        let schema =
            json!({"properties": {"a": {"type": "array", "items": {"type": "object"}}, "b": {"type": "integer"}}});
        let example = example(&schema, &json!({"a": "x", "b": "1"}), Examples::Coerce);
        assert_eq!(example.value(), &json!({"a": "x", "b": 1}));
        assert_eq!(example.errors().len(), 1);
    }

    #[test]
    fn verbatim_changes_nothing() {
        let example = example(&json!({"type": "boolean"}), &json!("true"), Examples::Verbatim);
        assert_eq!(example.value(), &json!("true"));
        assert_eq!(example.errors().len(), 1);
    }
}
