//! Validates an instance against the schema that its discriminator names, where schemas are
//! derived from others by `allOf` (OpenAPI 3.1.1 §4.8.25.1). JSON Schema ignores discriminators.
//!
//! Discriminators beside `oneOf` and `anyOf` are left to `explain`.
use serde_json::{Map, Value, json};

use crate::document::reference::{local_pointer, mapped};
use crate::document::syntax::{join, unescape};
use crate::schema::error::SchemaError;
use crate::schema::schemas::{Schema, Uncompilable, is_parent};

/// Maximum depth at which discriminators in an instance are evaluated; deeper ones are ignored.
const DEEPEST: usize = 32;

impl Schema {
    /// Returns everything that does not fit the schemas that discriminators in the instance name.
    ///
    /// # Errors
    ///
    /// [`Uncompilable`], if a named schema is.
    pub fn errors_of_derived(&self, instance: &Value) -> Result<Vec<SchemaError>, Uncompilable> {
        let mut found = Vec::new();
        if self.has_parents() {
            self.look(self.tree(), instance, "", 0, &mut found)?;
        }
        Ok(found)
    }

    fn look(
        &self,
        node: &Value,
        value: &Value,
        at: &str,
        depth: usize,
        found: &mut Vec<SchemaError>,
    ) -> Result<(), Uncompilable> {
        if depth > DEEPEST {
            return Ok(());
        }
        let parent = self.resolve(node);
        if is_parent(parent) && value.is_object() {
            let errors = self.judge_derived(parent, value)?;
            let is_wrong = !errors.is_empty();
            found.extend(errors.into_iter().map(|error| SchemaError {
                pointer: format!("{at}{}", error.pointer),
                ..error
            }));
            if is_wrong {
                return Ok(());
            }
        }
        match value {
            Value::Object(object) => {
                for (name, property) in self.properties(node) {
                    if let Some(member) = object.get(name) {
                        self.look(property, member, &join(at, name), depth + 1, found)?;
                    }
                }
            }
            Value::Array(items) => {
                let Some(item) = self.items(node) else {
                    return Ok(());
                };
                for (index, value) in items.iter().enumerate() {
                    self.look(item, value, &join(at, &index.to_string()), depth + 1, found)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn judge_derived(
        &self,
        parent: &Value,
        value: &Value,
    ) -> Result<Vec<SchemaError>, Uncompilable> {
        let discriminator = &parent["discriminator"];
        let Some(property) = discriminator.get("propertyName").and_then(Value::as_str) else {
            return Ok(Vec::new());
        };
        let Some(name) = value.get(property).and_then(Value::as_str) else {
            return Ok(Vec::new());
        };
        let mapping = discriminator.get("mapping").and_then(Value::as_object);
        let to = mapping
            .and_then(|mapping| mapping.get(name))
            .and_then(mapped);
        let to = to.unwrap_or_else(|| join("#/components/schemas", name));
        let default = discriminator.get("defaultMapping").and_then(mapped);
        let target = self.follow(&to).map(|_| to).or(default);
        let Some(pointer) = target.as_deref().and_then(local_pointer) else {
            // A property that lists its values rejects unknown ones itself, so the mapping need
            // not.
            let lists = |node: &Value| node.get("enum").is_some() || node.get("const").is_some();
            let is_listed = self
                .property(parent, property)
                .is_some_and(|declared| lists(self.resolve(declared)));
            let mapping = mapping.filter(|mapping| !mapping.is_empty() && !is_listed);
            return Ok(mapping
                .map(|mapping| unknown(property, mapping))
                .into_iter()
                .collect());
        };
        if self
            .root()
            .pointer(&pointer)
            .is_some_and(|there| std::ptr::eq(there, parent))
        {
            return Ok(Vec::new());
        }
        let derived = self
            .derived()
            .get(&pointer, || self.sibling(pointer.clone()));
        derived.errors(value)
    }

    /// Returns the name of the first component that is derived from the component `parent`.
    #[must_use]
    pub fn first_derived(&self, parent: &str) -> Option<String> {
        let components = self.root().pointer("/components/schemas")?.as_object()?;
        let is_parent = |branch: &Value| {
            let to = branch
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|to| to.strip_prefix("#/components/schemas/"));
            to.map(unescape).as_deref() == Some(parent)
        };
        let is_derived = |schema: &Value| {
            schema
                .get("allOf")
                .and_then(Value::as_array)
                .is_some_and(|all| all.iter().any(is_parent))
        };
        components
            .iter()
            .find(|(_, schema)| is_derived(schema))
            .map(|(name, _)| name.clone())
    }
}

/// Returns the error of a name that the mapping does not have.
fn unknown(property: &str, mapping: &Map<String, Value>) -> SchemaError {
    let names: Vec<&String> = mapping.keys().collect();
    SchemaError::new(join("", property), "enum", json!({ "values": names }))
}
