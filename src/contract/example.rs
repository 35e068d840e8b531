//! A documented example, and the value that is served for it.
//!
//! Some documents have examples that break their own schema. If only one reading is possible
//! (`"true"` for a boolean), the example is converted; otherwise it is served unchanged. Examples
//! of schemas and properties are examples too: they are served as parts of generated values.
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use crate::contract::media::Written;
use crate::diagnostic::Place;
use crate::document::BodyFile;
use crate::document::number::same;
use crate::document::syntax::{CachedPart, unescape};
use crate::schema::Examples;
use crate::schema::coercion::{Coercion, coerce};
use crate::schema::{Direction, Schema, SchemaError};

/// An example, with its schema.
#[derive(Debug)]
pub struct Example {
    /// Key in `examples`; empty for `example` and for an example of the schema.
    pub name: String,
    /// Place of the example in its document.
    pub place: Place,
    /// Tree that has the example at `pointer`.
    tree: Arc<Value>,
    pointer: String,
    part: CachedPart,
    schema: Option<Arc<Schema>>,
    mode: Examples,
    prepared: OnceLock<Prepared>,
    content: OnceLock<Written>,
    is_file: bool,
}

#[derive(Debug)]
struct Prepared {
    /// Changed value; `None` if the example is unchanged.
    value: Option<Value>,
    coercions: Vec<Coercion>,
    errors: Vec<SchemaError>,
}

impl Example {
    /// Creates an example for the value at `pointer` of `tree`.
    #[must_use]
    pub fn new(
        name: String,
        place: Place,
        tree: Arc<Value>,
        pointer: String,
        schema: Option<Arc<Schema>>,
        mode: Examples,
    ) -> Self {
        let part = CachedPart::default();
        let (prepared, content) = (OnceLock::new(), OnceLock::new());
        Self {
            name,
            place,
            tree,
            pointer,
            part,
            schema,
            mode,
            prepared,
            content,
            is_file: false,
        }
    }

    /// Creates an example for content in a file of its own, which is served byte for byte.
    #[must_use]
    pub(crate) fn of_file(place: Place, body: &BodyFile) -> Self {
        let tree = Arc::new(body.value.clone());
        let example = Self::new(
            String::new(),
            place,
            tree,
            String::new(),
            None,
            Examples::Verbatim,
        );
        let written = Written {
            bytes: body.bytes.clone(),
            ..Written::default()
        };
        Self {
            content: OnceLock::from(written),
            is_file: true,
            ..example
        }
    }

    /// Returns true if the content is in a file of its own.
    #[must_use]
    pub(crate) fn is_file(&self) -> bool {
        self.is_file
    }

    /// Returns the value as the author wrote it.
    #[must_use]
    pub fn verbatim(&self) -> &Value {
        self.part
            .find(&self.tree, &self.pointer)
            .unwrap_or(&Value::Null)
    }

    /// Returns the value as it is served.
    #[must_use]
    pub fn value(&self) -> &Value {
        self.prepared()
            .value
            .as_ref()
            .unwrap_or_else(|| self.verbatim())
    }

    /// Returns the served value as bytes; `write` is called only once.
    pub fn content(&self, write: impl FnOnce(&Value) -> Written) -> Written {
        self.content.get_or_init(|| write(self.value())).clone()
    }

    /// Returns the schema if the example does not fit it and should be repaired.
    #[must_use]
    pub fn to_repair(&self) -> Option<&Schema> {
        self.schema
            .as_deref()
            .filter(|_| self.mode == Examples::Repair && !self.errors().is_empty())
    }

    /// Returns the changes that were made to fit the schema.
    #[must_use]
    pub fn coercions(&self) -> &[Coercion] {
        &self.prepared().coercions
    }

    /// Returns the errors that remain after the changes.
    #[must_use]
    pub fn errors(&self) -> &[SchemaError] {
        &self.prepared().errors
    }

    fn prepared(&self) -> &Prepared {
        self.prepared.get_or_init(|| match &self.schema {
            Some(schema) => prepare(schema, self.verbatim(), self.mode),
            None => Prepared {
                value: None,
                coercions: Vec::new(),
                errors: Vec::new(),
            },
        })
    }
}

fn prepare(schema: &Schema, verbatim: &Value, mode: Examples) -> Prepared {
    // A schema that cannot be compiled has a diagnostic already.
    let errors = schema.errors(verbatim).unwrap_or_default();
    let coerced = if errors.is_empty() || mode == Examples::Verbatim {
        None
    } else {
        coerce(schema, schema.tree(), verbatim)
    };
    match coerced {
        None => Prepared {
            value: None,
            coercions: Vec::new(),
            errors,
        },
        Some((value, coercions)) => {
            let errors = schema.errors(&value).unwrap_or_default();
            Prepared {
                value: Some(value),
                coercions,
                errors,
            }
        }
    }
}

/// Returns true if a value fits its schema, apart from errors in documented examples of its parts.
#[must_use]
pub(crate) fn fits(schema: &Schema, value: &Value) -> bool {
    match schema.is_valid(value) {
        Ok(true) => true,
        Ok(false) if !must_fit(schema) => schema.errors(value).is_ok_and(|errors| {
            errors
                .iter()
                .all(|error| is_documented(schema, value, error))
        }),
        _ => false,
    }
}

/// Returns true if an error of a value is caused by a documented example of a part that is served
/// unchanged.
#[must_use]
pub(crate) fn is_documented(schema: &Schema, value: &Value, error: &SchemaError) -> bool {
    if must_fit(schema) {
        return false;
    }
    let is_of_branch = |branch: &Vec<SchemaError>| {
        !branch.is_empty()
            && branch
                .iter()
                .all(|inner| is_documented(schema, value, inner))
    };
    error.branches.iter().any(is_of_branch) || is_in_example(schema, value, &error.pointer)
}

/// Returns true if examples that do not fit are never used: if examples are repaired, and in
/// requests, which must be accepted.
fn must_fit(schema: &Schema) -> bool {
    schema.examples() == Examples::Repair || schema.direction() == Direction::Request
}

/// Returns true if a place is within a part of the value that equals an example of its schema.
fn is_in_example(schema: &Schema, value: &Value, pointer: &str) -> bool {
    let (mut nodes, mut at) = (schema.with_branches(schema.tree()), value);
    let is_example = |nodes: &[&Value], value: &Value| {
        let lists = nodes
            .iter()
            .filter_map(|node| node.get("examples")?.as_array().map(|list| (node, list)));
        lists.into_iter().any(|(node, list)| {
            list.iter().any(|example| {
                same(example, value)
                    || coerce(schema, node, example)
                        .is_some_and(|(coerced, _)| same(&coerced, value))
            })
        })
    };
    for segment in pointer.split('/').skip(1) {
        if is_example(&nodes, at) {
            return true;
        }
        let name = unescape(segment);
        let Some(part) = (match at {
            Value::Object(object) => object.get(&name),
            Value::Array(items) => name
                .parse::<usize>()
                .ok()
                .and_then(|index| items.get(index)),
            _ => None,
        }) else {
            return false;
        };
        nodes = nodes
            .iter()
            .flat_map(|node| part_of(schema, node, &name))
            .take(MOST_NODES)
            .collect();
        at = part;
    }
    is_example(&nodes, at)
}

/// Maximum schemas of one part that are searched for an example; the others are taken to have
/// none.
const MOST_NODES: usize = 1000;

/// Returns the subschemas that a schema applies to a member or an item.
fn part_of<'s>(schema: &'s Schema, node: &'s Value, name: &str) -> Vec<&'s Value> {
    let property = node
        .get("properties")
        .and_then(|properties| properties.get(name));
    let other = || node.get("additionalProperties");
    let item = node
        .get("items")
        .filter(|_| name.bytes().all(|byte| byte.is_ascii_digit()));
    let first = || node.get("prefixItems")?.get(name.parse::<usize>().ok()?);
    let parts = property
        .or_else(other)
        .into_iter()
        .chain(item)
        .chain(first());
    parts.flat_map(|part| schema.with_branches(part)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diagnostic::Positions;
    use crate::diagnostic::Source;
    use crate::schema::Demand;
    use crate::schema::Direction;
    use crate::schema::Schemas;

    fn example(schema: &Value, value: &Value, mode: Examples) -> Example {
        let source = Source::new("t".into(), String::new(), |_| Positions::new());
        let tree = Arc::new(json!({ "schema": schema, "value": value }));
        let schemas = Schemas::new(Arc::clone(&source), Arc::clone(&tree), Demand::Few);
        let schema = Arc::new(Schema::new(&schemas, "/schema".into(), Direction::Response));
        Example::new(
            String::new(),
            Place::value(&source, "/value"),
            tree,
            "/value".into(),
            Some(schema),
            mode,
        )
    }

    #[test]
    fn what_can_be_read_in_one_way_is() {
        let schema = json!({"properties": {
            "a": {"type": "boolean"}, "b": {"type": "integer"}, "c": {"type": "array", "items": {"type": "number"}},
            "d": {"type": "string"}, "e": {"type": "object"}, "f": {"type": ["boolean", "null"]}
        }});
        let value =
            json!({"a": "true", "b": "5", "c": "1.5", "d": 7, "e": "{\"x\":1}", "f": "False"});
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
        let schema = json!({"properties": {"a": {"type": "array", "items": {"type": "object"}}, "b": {"type": "integer"}}});
        let example = example(&schema, &json!({"a": "x", "b": "1"}), Examples::Coerce);
        assert_eq!(example.value(), &json!({"a": "x", "b": 1}));
        assert_eq!(example.errors().len(), 1);
    }

    #[test]
    fn verbatim_changes_nothing() {
        let example = example(
            &json!({"type": "boolean"}),
            &json!("true"),
            Examples::Verbatim,
        );
        assert_eq!(example.value(), &json!("true"));
        assert_eq!(example.errors().len(), 1);
    }
}
