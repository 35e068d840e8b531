//! Finds the value that the document shows for a schema: its example, else its default.
//!
//! The generator tries this in its first attempt.
use serde_json::{Map, Value};

use crate::document::number::has;
use crate::generate::faker;
use crate::generate::flatten::Flat;
use crate::generate::generator::Generator;
use crate::generate::keywords::is_of_type;
use crate::generate::vary;
use crate::schema::Examples;
use crate::schema::coercion::coerce;
use crate::schema::name::folded;

impl Generator<'_> {
    /// Returns the example of a schema, else its default. Items of a list take several examples in
    /// turn; after the last example, identifiers are varied.
    pub(super) fn documented(
        &mut self,
        node: &Value,
        flat: &Flat<'_>,
        is_thing: bool,
        is_identifier: bool,
    ) -> Option<Value> {
        let examples = flat
            .keywords
            .get("examples")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let turn = self.position.checked_rem(examples.len()).unwrap_or(0);
        let Some(example) = examples.get(turn) else {
            // The author prefers other values than the default.
            let is_faked = flat.keywords.contains_key(faker::KEYWORD);
            return default_of(&flat.keywords).filter(|_| !is_faked);
        };
        let coerced = if self.schema.examples() == Examples::Verbatim {
            None
        } else {
            coerce(self.schema, node, example)
        };
        let mut value = coerced.map_or_else(|| example.clone(), |(value, _)| value);
        let others = self.others.max(self.position as u64);
        let is_new = others < examples.len() as u64;
        if is_identifier && others > 0 && !is_new {
            return vary::identifier(&flat.keywords, &value, others, &mut self.random);
        }
        if is_thing && !is_new {
            self.tell_apart(&mut value, flat, others);
        }
        Some(value)
    }

    /// Varies the identifiers in an example, so that the entity differs from others.
    fn tell_apart(&mut self, value: &mut Value, flat: &Flat<'_>, others: u64) {
        for (name, member) in value.as_object_mut().into_iter().flatten() {
            if !self.identifies(name, flat.name.as_deref()) {
                continue;
            }
            let node = flat
                .properties
                .get(name.as_str())
                .map(|node| self.schema.resolve(node));
            let keywords = node.and_then(Value::as_object).cloned().unwrap_or_default();
            if let Some(varied) = vary::identifier(&keywords, member, others, &mut self.random) {
                *member = varied;
            }
        }
    }

    /// Returns `true` if a property identifies entities of a kind: `id`, `petId` of a pet, the key
    /// of a collection.
    pub(super) fn identifies(&self, name: &str, owner: Option<&str>) -> bool {
        let of_owner = || owner.is_some_and(|owner| folded(name) == folded(owner) + "id");
        Some(name) == self.key
            || matches!(folded(name).as_str(), "id" | "uuid" | "guid" | "uid")
            || of_owner()
    }
}

/// Returns the default of a schema, unless it is null, of another type (many documents have texts
/// for numbers), or not in `enum`.
fn default_of(node: &Map<String, Value>) -> Option<Value> {
    let is_listed = |value: &Value| {
        node.get("enum")
            .and_then(Value::as_array)
            .is_none_or(|all| has(all, value))
    };
    let default = node.get("default").filter(|value| !value.is_null());
    default
        .filter(|value| is_of_type(value, node) && is_listed(value))
        .cloned()
}
