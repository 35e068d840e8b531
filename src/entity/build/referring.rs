//! Sets references between entities: a generated `petId` becomes the key of a pet that exists.
//!
//! `build` runs it on each generated entity.
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Number, Value, json};

use crate::entity::build::EntityBuilder;
use crate::generate::is_uuid;
use crate::resource::address::singular;
use crate::resource::{Collection, refers_to};
use crate::schema::Schema;
use crate::schema::name::{folded, words};

/// Maximum depth at which references are followed; deeper ones keep their generated values.
const DEEPEST: usize = 2;

impl EntityBuilder<'_> {
    /// Replaces references in an entity by keys of entities that exist: `petId`, `petIds`, the
    /// `id` of `pet` and of `pets`.
    pub(super) fn refer(&self, entity: &mut Value, number: u64, depth: usize) {
        let Some(object) = entity.as_object_mut().filter(|_| depth < DEEPEST) else {
            return;
        };
        for (name, value) in object.iter_mut() {
            let is_own = self.key_name() == Some(name.as_str())
                || self
                    .scope
                    .iter()
                    .any(|(scope, _)| folded(scope) == folded(name))
                || self.owners().any(|(owner, _)| owner == folded(name));
            if is_own {
                continue;
            }
            let Some(others) = noun_of(name, value).and_then(|noun| self.others(&noun, depth))
            else {
                continue;
            };
            let Some((schema, node)) = self.schema().zip(self.property(name)) else {
                continue;
            };
            match value {
                Value::Array(items) => {
                    let Some(node) = schema.items(node) else {
                        continue;
                    };
                    items.truncate(others.count());
                    for (number, item) in (number..).zip(items) {
                        others.name_in(item, schema, node, number);
                    }
                }
                value => others.name_in(value, schema, node, number),
            }
        }
    }

    /// Finds the collection that a noun names, and its entities as lists show them.
    fn others(&self, noun: &str, depth: usize) -> Option<Others<'_>> {
        let collection =
            self.context
                .resources
                .called(self.context.contract, self.document, noun)?;
        let maker = EntityBuilder::new(
            self.context,
            collection,
            self.document,
            &[],
            self.options,
            None,
        );
        let shown = maker.supplied().unwrap_or_else(|| maker.documented());
        Some(Others {
            collection,
            maker,
            shown,
            depth,
        })
    }
}

/// Entities that references lead to.
struct Others<'c> {
    collection: &'c Collection,
    maker: EntityBuilder<'c>,
    /// Entities that the user supplies or the examples show; if empty, entities are generated.
    shown: IndexMap<String, Arc<Value>>,
    depth: usize,
}

impl Others<'_> {
    /// Returns the number of entities that a list shows.
    fn count(&self) -> usize {
        if self.shown.is_empty() {
            self.maker.options.list_size.1.max(1)
        } else {
            self.shown.len()
        }
    }

    /// Returns the key and value of an entity; numbers above the count start again at the first
    /// one.
    pub(crate) fn get(&self, number: u64) -> Option<(String, Arc<Value>)> {
        let at = number.wrapping_sub(1) % self.count().max(1) as u64;
        if self.shown.is_empty() {
            let (key, entity) = self.maker.generated(at + 1, self.depth + 1);
            return Some((key, Arc::new(entity)));
        }
        let (key, entity) = self.shown.get_index(usize::try_from(at).ok()?)?;
        Some((key.clone(), Arc::clone(entity)))
    }

    /// Replaces a key, or the key in an object, by that of the entity with a number.
    fn name_in(&self, value: &mut Value, schema: &Schema, node: &Value, number: u64) {
        let Some(own) = self.maker.key_name() else {
            return;
        };
        match value {
            Value::Object(object) => {
                let is_keyed = object
                    .get(own)
                    .is_some_and(|key| key.is_string() || key.is_number());
                if let Some((key, entity)) = self.get(number).filter(|_| is_keyed) {
                    self.show_in(object, schema, node, &key, &entity);
                }
            }
            Value::String(_) | Value::Number(_) => {
                if let Some((key, _)) = self.get(number) {
                    self.put(value, schema, node, &key);
                }
            }
            _ => {}
        }
    }

    /// Copies the scalar members of an entity into an object of its schema; sets only the key in
    /// an object of another schema.
    fn show_in(
        &self,
        object: &mut Map<String, Value>,
        schema: &Schema,
        node: &Value,
        key: &str,
        entity: &Value,
    ) {
        let Some(own) = self.maker.key_name() else {
            return;
        };
        let whole = self
            .collection
            .entity
            .as_deref()
            .map(|schema| schema.resolve(schema.tree()));
        if whole.is_some_and(|whole| std::ptr::eq(whole, schema.resolve(node))) {
            for (name, member) in object.iter_mut() {
                let shown = entity
                    .get(name)
                    .filter(|shown| !shown.is_object() && !shown.is_array());
                if let Some(shown) = shown {
                    *member = shown.clone();
                }
            }
        } else if let (Some(member), Some(node)) = (object.get_mut(own), schema.property(node, own))
        {
            self.put(member, schema, node, key);
        }
    }

    /// Replaces a value by a key of the same type, if the schema accepts the key.
    fn put(&self, value: &mut Value, schema: &Schema, node: &Value, key: &str) {
        let named = match value {
            Value::String(_) => Some(json!(key)),
            _ => key.parse::<Number>().ok().map(Value::Number),
        };
        if let Some(named) = named.filter(|named| self.takes(schema.resolve(node), named)) {
            *value = named;
        }
    }

    /// Returns `true` if a schema accepts a key of these entities: it has neither `enum` nor
    /// `const`, its `maximum` is not exceeded, and its `pattern` and (for text) `format` are those
    /// of their key, if present. UUIDs are also accepted for the format `uuid`.
    fn takes(&self, node: &Value, named: &Value) -> bool {
        let own = self.collection.entity.as_deref().zip(self.maker.key_name());
        let own = own
            .and_then(|(schema, key)| Some(schema.resolve(schema.property(schema.tree(), key)?)));
        let bound = |keyword: &str| node.get(keyword);
        let is_alike = |keyword: &str| {
            bound(keyword).is_none() || own.and_then(|own| own.get(keyword)) == bound(keyword)
        };
        let is_uuid = || {
            bound("format").is_some_and(|name| name == "uuid")
                && named.as_str().is_some_and(is_uuid)
        };
        let is_too_large = || {
            bound("maximum")
                .and_then(Value::as_f64)
                .zip(named.as_f64())
                .is_some_and(|(most, value)| value > most)
        };
        let has_values = bound("enum").is_some() || bound("const").is_some();
        !has_values
            && is_alike("pattern")
            && (named.is_number() || is_alike("format") || is_uuid())
            && !is_too_large()
    }
}

/// Returns the noun of the entities that a member refers to: `pet` for `petId` and `petIds`, for
/// an object `pet` and for a list of objects `pets`.
fn noun_of(name: &str, value: &Value) -> Option<String> {
    let words = words(name);
    match value {
        Value::String(_) | Value::Number(_) => {
            let (_, rest) = words.split_last()?;
            Some(singular(&rest.concat())).filter(|noun| refers_to(name, noun))
        }
        Value::Array(items) => match items.first()? {
            Value::Object(_) => Some(singular(&words.concat())),
            Value::String(_) | Value::Number(_) => {
                let (last, rest) = words.split_last()?;
                matches!(last.as_str(), "ids" | "uuids" | "keys").then(|| singular(&rest.concat()))
            }
            _ => None,
        },
        Value::Object(_) => Some(singular(&words.concat())),
        _ => None,
    }
}
