//! Finds the documented examples of parameters, media types and header fields, and unusable response keys.
use std::sync::Arc;

use serde_json::Value;

use crate::contract::compile::Compiler;
use crate::contract::example::Example;
use crate::contract::media::MediaRange;
use crate::contract::terms::StatusPattern;
use crate::diagnostic::{Code, Place};
use crate::document::reference::{resolve, resolve_schema};
use crate::document::tree::join;
use crate::schema::schemas::Schema;

impl Compiler {
    /// Returns the examples of the object at `at`: `examples`, else `example`, else the schema's
    /// first.
    pub(super) fn examples(
        &mut self,
        tree: &Value,
        at: &str,
        schema: Option<&Arc<Schema>>,
        range: Option<&MediaRange>,
    ) -> Vec<Example> {
        let object = tree.pointer(at).unwrap_or(&Value::Null);
        let is_text = range.is_some_and(|range| !range.is_json() && !range.is_range());
        let in_examples = join(at, "examples");
        let named = object
            .get("examples")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        let named = named.filter_map(|(name, example)| {
            let end = resolve(tree, example, &join(&in_examples, name)).ok()?;
            // `dataValue` and `serializedValue` are OpenAPI 3.2, and distinguish a value from its
            // text.
            let fields = if is_text {
                ["value", "serializedValue", "dataValue"]
            } else {
                ["value", "dataValue", "serializedValue"]
            };
            let field = fields
                .into_iter()
                .find(|field| end.value.get(field).is_some())?;
            Some((name.clone(), join(&end.pointer, field)))
        });
        let mut places: Vec<(String, String)> = named.collect();
        if places.is_empty() && object.get("example").is_some() {
            places.push((String::new(), join(at, "example")));
        }
        if places.is_empty()
            && let Some(schema) = schema
            && let Some(value) = tree.pointer(schema.place().pointer())
            && let Ok(end) = resolve_schema(tree, value, schema.place().pointer())
            && end.value.pointer("/examples/0").is_some()
        {
            places.push((String::new(), format!("{}/examples/0", end.pointer)));
        }
        let example = |(name, pointer): (String, String)| {
            let place = Place::value(self.schemas.source(), pointer.clone());
            let text = tree.pointer(&pointer).and_then(Value::as_str);
            let is_json = range.is_none_or(|range| range.is_json() || range.is_range());
            let is_serialized = pointer.ends_with("/serializedValue");
            if let Some(value) = text
                .filter(|_| is_serialized && is_json)
                .and_then(|text| serde_json::from_str(text).ok())
            {
                return Example::new(
                    name,
                    place,
                    Arc::new(value),
                    String::new(),
                    schema.cloned(),
                    self.examples,
                );
            }
            // A string for a type that is not JSON is the content itself, and not an instance of
            // the schema.
            let takes_text = |schema: &&Arc<Schema>| {
                is_json || text.is_none() || schema.own_types() == ["string"]
            };
            let schema = schema.filter(takes_text).cloned();
            Example::new(
                name,
                place,
                Arc::clone(self.schemas.tree()),
                pointer,
                schema,
                self.examples,
            )
        };
        places.into_iter().map(example).collect()
    }

    /// Warns about keys of `responses` that are not a status, because `openapiv3` drops them
    /// silently.
    pub(super) fn status_keys(&mut self, value: &Value, at: &str) {
        let at = join(at, "responses");
        let keys = value["responses"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| key);
        for key in keys.filter(|key| StatusPattern::parse(key).is_none() && !key.starts_with("x-"))
        {
            let place = Place::key(self.schemas.source(), join(&at, key));
            let message = format!("`{key}` is not a status, expected `200`, `2XX` or `default`");
            self.warn(
                Code::UnknownValue,
                place,
                message,
                "this response is never sent",
            );
        }
    }
}
