//! Builds complete entities of a collection that fit their schema and have a key: from request
//! content, examples, fixture data or the seed.
//!
//! `EntityRequest` uses it to supply the steps on a session's state.

mod keys;
mod referring;
mod urls;
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use crate::codec::style::typed;
use crate::codec::text::plain;
use crate::contract::Operation;
use crate::contract::example::fits;
use crate::entity::context::EntityContext;
use crate::entity::fitting::fit;
use crate::entity::raw::CONTENT;
use crate::entity::values::{adapt, in_order, keyed, misfit, refused, takes};
use crate::generate::{self, EntityPosition, GenerateOptions, fingerprint};
use crate::resource::Collection;
use crate::resource::address::singular;
use crate::resource::key::KeyPath;
use crate::resource::place::{self, Slot};
use crate::schema::kind_of;
use crate::schema::name::{folded, words};
use crate::schema::{Declared, Schema};
use crate::state::memory::{CollectionKey, Entities, New};

/// Builder of the entities of one collection, within one scope.
pub(crate) struct EntityBuilder<'c> {
    context: EntityContext<'c>,
    /// Collection whose entities are built.
    collection: &'c Collection,
    /// Index of the document that the collection belongs to.
    document: usize,
    /// Names and values of the path expressions that scope the collection: `userId` and `7`.
    scope: &'c [(String, String)],
    options: GenerateOptions,
    /// Schema of the request content, if the operation documents one.
    sent: Option<&'c Schema>,
    /// Properties that the schema of an entity declares.
    properties: &'c [Declared],
}

/// Decision about a property of a new entity, taken before its value is generated.
#[derive(Debug)]
enum Settled {
    /// The property has this value.
    Is(Value),
    /// The property is left out.
    LeftOut,
    /// The value is generated.
    Open,
}

impl<'c> EntityBuilder<'c> {
    /// Creates a builder for the entities of a collection. `scope` has the names and values of the
    /// path expressions that separate them from the entities of other owners.
    #[must_use]
    pub(crate) fn new(
        context: EntityContext<'c>,
        collection: &'c Collection,
        document: usize,
        scope: &'c [(String, String)],
        options: GenerateOptions,
        sent: Option<&'c Schema>,
    ) -> Self {
        let properties = collection
            .entity
            .as_deref()
            .map(Schema::declared)
            .unwrap_or_default();
        Self {
            context,
            collection,
            document,
            scope,
            options,
            sent,
            properties,
        }
    }

    /// Returns a builder of the entities that all paths of the collection share.
    #[must_use]
    pub(crate) fn of_all(&self) -> EntityBuilder<'c> {
        EntityBuilder::new(
            self.context,
            self.collection,
            self.document,
            &self.scope[..self.collection.scope.min(self.scope.len())],
            self.options,
            self.sent,
        )
    }

    fn schema(&self) -> Option<&'c Schema> {
        self.collection.entity.as_deref()
    }

    /// Returns the schema of a property of an entity.
    fn property(&self, name: &str) -> Option<&'c Value> {
        self.schema()
            .and_then(|schema| schema.property(schema.tree(), name))
    }

    fn declaration(&self, name: &str) -> Option<&'c Declared> {
        self.properties
            .iter()
            .find(|declared| declared.name == name)
    }

    /// Iterates over the properties of the request's schema that a client may send.
    fn asked(&self) -> impl Iterator<Item = &'c Declared> {
        self.sent
            .map(Schema::declared)
            .unwrap_or_default()
            .iter()
            .filter(|declared| declared.is_asked_for)
    }

    fn options_of(&self, number: u64) -> GenerateOptions {
        let scope: Vec<&str> = self.scope.iter().map(|(_, value)| value.as_str()).collect();
        let own = fingerprint(&format!("{}\0{}", self.collection.name, scope.join("\0")));
        GenerateOptions {
            seed: self.options.seed ^ own ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            ..self.options
        }
    }

    /// Returns the entities that the collection has before the first write: supplied data, else
    /// documented examples, else as many generated entities as the longest list has items (at
    /// least one).
    #[must_use]
    pub(crate) fn base(&self, collection_key: &CollectionKey) -> Arc<Entities> {
        self.context
            .resources
            .base(collection_key, self.options.seed, || {
                if let Some(supplied) = self.supplied() {
                    return Entities::seeded(supplied);
                }
                let all = self.documented();
                if all.is_empty() {
                    let mut all = IndexMap::new();
                    for number in 1..=self.options.list_size.1.max(1) as u64 {
                        let (key, entity) = self.generated(number, 0);
                        all.entry(key).or_insert_with(|| Arc::new(entity));
                    }
                    return Entities::generated(all);
                }
                Entities::seeded(all)
            })
    }

    /// Returns the entities that the user supplies, without those that name another owner; `None`
    /// if the user supplies no data for the collection.
    fn supplied(&self) -> Option<IndexMap<String, Arc<Value>>> {
        let data = self
            .context
            .resources
            .overrules()
            .data_of(self.collection)?;
        let mut all = IndexMap::new();
        for (index, entity) in data.as_array().into_iter().flatten().enumerate() {
            let is_of_other = self.scope.iter().any(|(name, text)| {
                let mut members = entity.as_object().into_iter().flatten();
                members.any(|(there, value)| folded(there) == folded(name) && plain(value) != *text)
            });
            if let (Ok(key), false) = (keyed(self.collection, entity, index), is_of_other) {
                all.insert(key, Arc::new(entity.clone()));
            }
        }
        Some(all)
    }

    /// Collects the entities that the examples of responses show, at most `MOST_EXAMPLES`.
    fn documented(&self) -> IndexMap<String, Arc<Value>> {
        let mut all: IndexMap<String, Arc<Value>> = IndexMap::new();
        for (index, slot) in &self.collection.shown_by {
            let operation = &self.context.contract.operations[*index];
            for value in examples(operation) {
                let shown: Vec<&Value> = match slot {
                    Slot::Entity(place) => place::at(value, &place.way).into_iter().collect(),
                    Slot::List(place) => place::at(value, &place.way)
                        .and_then(Value::as_array)
                        .into_iter()
                        .flatten()
                        .collect(),
                    Slot::Key(_) | Slot::Nothing => Vec::new(),
                };
                for entity in shown.into_iter().filter(|entity| entity.is_object()) {
                    let Some(key) = self.key_of(entity).filter(|_| all.len() < MOST_EXAMPLES)
                    else {
                        continue;
                    };
                    let own = key.clone();
                    all.entry(key).or_insert_with(|| {
                        let mut entity = entity.clone();
                        self.own(&mut entity);
                        self.point_example_to_itself(&mut entity, &own);
                        Arc::new(entity)
                    });
                }
            }
        }
        all
    }

    /// Returns the entity in the first example of the first operation that shows one, whatever its
    /// key.
    fn documented_one(&self) -> Option<Value> {
        let mut shown = self.collection.shown_by.iter().filter_map(|(index, slot)| {
            let Slot::Entity(place) = slot else {
                return None;
            };
            let value = examples(&self.context.contract.operations[*index]).next()?;
            place::at(value, &place.way)
                .filter(|entity| entity.is_object())
                .cloned()
        });
        shown.next()
    }

    pub(crate) fn named(&self, number: u64) -> EntityPosition<'c> {
        EntityPosition {
            key: self.key_name(),
            number,
        }
    }

    /// Generates the entity with a number; returns its key and the entity.
    pub(super) fn generated(&self, number: u64, depth: usize) -> (String, Value) {
        let options = self.options_of(number);
        let value = match self.schema() {
            Some(schema) => generate::entity(schema, &options, &self.named(number)),
            None => json!({}),
        };
        self.finished(value, number, depth)
    }

    /// Completes a generated entity: sets its key, the keys of its owners, and references to
    /// entities that exist. Returns its key and the entity.
    fn finished(&self, mut value: Value, number: u64, depth: usize) -> (String, Value) {
        if !value.is_object() {
            value = json!({});
        }
        let key = self.call(&mut value, None, number);
        self.own(&mut value);
        self.refer(&mut value, number, depth);
        self.point_to_itself(&mut value, &key, &Map::new());
        (key, value)
    }

    /// Restores the properties that a client must not write, after a patch changed them: old
    /// values come back, added properties are removed.
    pub(crate) fn protect(&self, old: &Value, new: &mut Value) {
        let Some(object) = new.as_object_mut() else {
            return;
        };
        for Declared {
            name, is_read_only, ..
        } in self.properties
        {
            let in_request = self.sent.and_then(|schema| refused(schema, name));
            if in_request.unwrap_or(*is_read_only) {
                match old.get(name) {
                    Some(value) => drop(object.insert(name.clone(), value.clone())),
                    None => drop(object.shift_remove(name)),
                }
            }
        }
    }

    /// Generates the entities of an owner that no list shows: as many as the longest list has
    /// items, with `property` set to the owner's key. Returns them with their keys.
    #[must_use]
    pub(crate) fn of_owner(&self, property: &str, owner: &Value) -> Vec<(String, Arc<Value>)> {
        let numbers = 1..=self.options.list_size.1.max(1) as u64;
        let entities = numbers.map(|number| {
            let (key, mut entity) = self.generated(number, 0);
            entity[property] = owner.clone();
            (key, Arc::new(entity))
        });
        entities.collect()
    }

    /// Generates an entity for a text that identifies none, always the same one for a seed: its
    /// key, or its value of the property `by`. For an empty text, returns the first documented
    /// example, if there is one. Returns the key and the entity.
    #[must_use]
    pub(crate) fn supposed(&self, text: &str, by: Option<&KeyPath>) -> (String, Value) {
        if let Some(shown) = self.documented_one().filter(|_| text.is_empty()) {
            return (text.to_owned(), self.fitted(shown));
        }
        let number = fingerprint(text) | 1;
        let (_, mut entity) = self.generated(number, 0);
        let other = by.or_else(|| {
            self.collection
                .others
                .first()
                .filter(|_| !self.is_key_text(text))
        });
        let Some((other, schema)) = other.zip(self.schema()) else {
            self.call(&mut entity, Some(text), number);
            self.point_to_itself(&mut entity, text, &Map::new());
            return (text.to_owned(), self.fitted(entity));
        };
        let node = other.node(schema).unwrap_or(&Value::Bool(true));
        other.set(&mut entity, &typed(schema, node, text), None);
        let entity = self.fitted(entity);
        (
            self.key_of(&entity).unwrap_or_else(|| text.to_owned()),
            entity,
        )
    }

    /// Builds a new entity from what a client sent; returns its key and the entity. Properties
    /// that the client could have sent and did not are left out, unless they are required or have
    /// a default; properties that only the server sets are generated.
    #[must_use]
    pub(crate) fn make(&self, number: u64, new: &New) -> (String, Value) {
        let by_type = |name: &str| {
            let types = self
                .declaration(name)
                .map(|declared| declared.types.as_slice());
            self.settled(
                name,
                new,
                types.and_then(|types| {
                    if let [only] = types {
                        Some(*only)
                    } else {
                        None
                    }
                }),
            )
        };
        let is_settled = |name: &str| !matches!(by_type(name), Settled::Open);
        let sketch = |schema| {
            generate::sketch(
                schema,
                &self.options_of(number),
                &self.named(number.saturating_add(1)),
                &is_settled,
            )
        };
        let (_, generated) = self.finished(self.schema().map_or(json!({}), sketch), number, 0);
        let mut entity = Map::new();
        for (name, made) in generated.as_object().into_iter().flatten() {
            let settled = match by_type(name) {
                Settled::Open => self.settled(name, new, Some(kind_of(made))),
                settled => settled,
            };
            let value = match settled {
                Settled::Is(value) => Some(value),
                Settled::LeftOut => None,
                Settled::Open => Some(made.clone()),
            };
            if let Some(value) = value {
                entity.insert(name.clone(), value);
            }
        }
        for (name, value) in &new.sent {
            if !entity.contains_key(name) {
                entity.insert(name.clone(), value.clone());
            }
        }
        let mut entity = Value::Object(entity);
        let made = || self.key_of(&generated);
        let wanted = new.key.clone().or_else(made);
        let key = self.call(&mut entity, wanted.as_deref(), number);
        self.own(&mut entity);
        self.point_to_itself(&mut entity, &key, &new.sent);
        let entity = self.fitted(entity);
        let Some(repaired) = self.key_of(&entity).filter(|repaired| *repaired != key) else {
            return (key, entity);
        };
        // The repair may have replaced a key that was right by one that is taken.
        let mut kept = entity.clone();
        self.call(&mut kept, Some(&key), number);
        self.point_to_itself(&mut kept, &key, &new.sent);
        let is_right = |schema: &Schema| schema.is_valid(&kept) == Ok(true);
        if self.schema().is_some_and(is_right) {
            return (key, kept);
        }
        let mut entity = entity;
        self.point_to_itself(&mut entity, &repaired, &new.sent);
        (repaired, entity)
    }

    /// Decides on a property of a new entity. `kind` is its JSON type, if known: the only declared
    /// one, or that of the generated value.
    fn settled(&self, name: &str, new: &New, kind: Option<&str>) -> Settled {
        if self.is_key(name) {
            return self.sent_url(name, new).map_or(Settled::Open, Settled::Is);
        }
        if let Some(value) = new
            .sent
            .get(name)
            .cloned()
            .or_else(|| self.default_of(name))
        {
            return Settled::Is(value);
        }
        match kind {
            // Such a list is what the operation computes: `choices` of a completion.
            Some("array") if self.is_computed(name) => Settled::Open,
            // The lists of a new entity start empty.
            Some("array") if !self.could_be_sent(name) || self.requires(name) => {
                Settled::Is(json!([]))
            }
            _ if self.requires(name) => Settled::Open,
            _ if self.could_be_sent(name) => Settled::LeftOut,
            Some("boolean") => Settled::Is(json!(false)),
            Some("object") => Settled::LeftOut,
            _ => Settled::Open,
        }
    }

    /// Returns true for a required list of objects that no request can send, and whose items have no
    /// id, so that no other operation can add them.
    fn is_computed(&self, name: &str) -> bool {
        let Some(schema) = self.schema().filter(|_| self.requires(name)) else {
            return false;
        };
        let items = schema
            .property(schema.tree(), name)
            .and_then(|list| schema.items(list));
        let has_id = |item: &Value| {
            let properties = schema.properties(item);
            let mut names = properties.iter().flat_map(|(name, _)| words(name));
            names.any(|word| word == "id" || word == "uuid")
        };
        !self.could_be_sent(name)
            && items.is_some_and(|item| schema.types(item) == ["object"] && !has_id(item))
    }

    fn could_be_sent(&self, name: &str) -> bool {
        self.asked().any(|asked| asked.name == name)
    }

    /// Returns an entity after a change, or after its replacement by `new`. A replacement keeps
    /// the properties that only the server sets.
    #[must_use]
    pub(crate) fn remake(&self, key: &str, entity: &Value, new: Option<&New>) -> Value {
        let mut made = match new {
            None => entity.clone(),
            Some(new) => {
                let is_kept =
                    |name: &str| !self.could_be_sent(name) && self.property(name).is_some();
                let kept = entity
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(name, _)| is_kept(name));
                let mut object: Map<String, Value> = kept
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect();
                let content = entity.get(CONTENT).cloned();
                object.extend(content.map(|content| (CONTENT.to_owned(), content)));
                for (name, value) in &new.sent {
                    object.insert(name.clone(), value.clone());
                }
                for Declared { name, .. } in self.asked() {
                    if let Some(value) =
                        self.default_of(name).filter(|_| !object.contains_key(name))
                    {
                        object.insert(name.clone(), value);
                    }
                }
                // Required properties that were not sent keep their old values instead of getting
                // invented ones.
                for (name, value) in entity.as_object().into_iter().flatten() {
                    if !object.contains_key(name) && self.requires(name) {
                        object.insert(name.clone(), value.clone());
                    }
                }
                Value::Object(object)
            }
        };
        if !made.is_object() {
            made = json!({});
        }
        if self.collection.key.is_some() {
            self.call(&mut made, Some(key), 0);
        }
        self.follow_key(&mut made, key);
        self.own(&mut made);
        if misfit(self.collection, entity).is_some() && self.supplied_keys().contains(key) {
            // Values of the user that do not fit are never replaced by generated ones.
            return in_order(made, self.properties);
        }
        self.fitted(made)
    }

    /// Returns the keys of the entities that the user supplies.
    #[must_use]
    pub(crate) fn supplied_keys(&self) -> HashSet<String> {
        let data = self
            .context
            .resources
            .overrules()
            .data_of(self.collection)
            .and_then(|data| data.as_array());
        let entities = data.into_iter().flatten().enumerate();
        entities
            .filter_map(|(index, entity)| keyed(self.collection, entity, index).ok())
            .collect()
    }

    fn requires(&self, name: &str) -> bool {
        let is_named = || {
            self.schema()
                .is_some_and(|schema| schema.requires(schema.tree(), name))
        };
        self.declaration(name)
            .map_or_else(is_named, |declared| declared.is_required)
    }

    fn default_of(&self, name: &str) -> Option<Value> {
        let of_sent = self
            .sent
            .and_then(|sent| sent.declaration(name)?.default.as_ref());
        of_sent
            .or_else(|| self.declaration(name)?.default.as_ref())
            .cloned()
    }

    /// Repairs an entity so that it fits its schema; members that the schema does not declare are
    /// kept. Returns the entity unchanged if no repair is found.
    fn fitted(&self, entity: Value) -> Value {
        let Some(schema) = self.schema() else {
            return entity;
        };
        let entity = in_order(entity, self.properties);
        // A schema may require members that it does not declare.
        let is_declared =
            |name: &str| self.declaration(name).is_some() || schema.requires(schema.tree(), name);
        let known = match &entity {
            Value::Object(object) if object.keys().all(|name| is_declared(name)) => {
                Cow::Borrowed(&entity)
            }
            entity => {
                let all = entity.as_object().into_iter().flatten();
                let declared = all
                    .filter(|(name, _)| is_declared(name))
                    .map(|(name, value)| (name.clone(), value.clone()));
                Cow::Owned(Value::Object(declared.collect()))
            }
        };
        if schema.is_valid(&known) != Ok(false) || fits(schema, &known) {
            return entity;
        }
        let Some(Value::Object(mended)) = fit(schema, &known, &self.options) else {
            return entity;
        };
        let Value::Object(entity) = entity else {
            return Value::Object(mended);
        };
        let others = entity.into_iter().filter(|(name, _)| !is_declared(name));
        let others: Vec<(String, Value)> = others.collect();
        Value::Object(mended.into_iter().chain(others).collect())
    }

    /// Converts what a client sent to the names and types of the entity's properties, without
    /// those that a client must not write.
    #[must_use]
    pub(crate) fn accept(&self, sent: &Map<String, Value>) -> Map<String, Value> {
        let mut accepted = Map::new();
        for (name, value) in sent {
            let plain_name = folded(name);
            let own = self.declaration(name);
            let own = own.or_else(|| self.properties.iter().find(|own| own.folded == plain_name));
            // A single value where the entity has a list: `email` is one of `emails`.
            let own = own.or_else(|| {
                let mut lists = self
                    .properties
                    .iter()
                    .filter(|own| own.types == ["array"] && !value.is_array());
                lists.find(|own| singular(&own.folded) == plain_name)
            });
            // If the request's schema declares the property, it decides; else the response's
            // schema does.
            let in_request = self.sent.and_then(|schema| refused(schema, name));
            if in_request.unwrap_or_else(|| own.is_some_and(|own| own.is_read_only)) {
                continue;
            }
            match own {
                Some(own) => accepted.extend(
                    self.adapted(own, value)
                        .map(|value| (own.name.clone(), value)),
                ),
                None => drop(accepted.insert(name.clone(), value.clone())),
            }
        }
        accepted
    }

    /// Converts a sent value to the type of a property of the entity; `None` if that is not
    /// possible.
    fn adapted(&self, own: &Declared, value: &Value) -> Option<Value> {
        let is_plain = !value.is_array() && !value.is_object();
        match self.schema().zip(self.property(&own.name)) {
            _ if is_plain && takes(&own.types, value) => Some(value.clone()),
            Some((schema, node)) => adapt(schema, node, value, 0),
            None => Some(value.clone()),
        }
    }
}

/// Maximum number of examples that become entities of a collection; further ones are ignored.
const MOST_EXAMPLES: usize = 1000;

/// Iterates over the documented JSON examples of the success response.
fn examples(operation: &Operation) -> impl Iterator<Item = &Value> {
    let response = operation.success().map(|(_, response)| response);
    let media = response
        .into_iter()
        .flat_map(|response| &response.content)
        .filter(|media| media.is_json());
    media
        .flat_map(|media| &media.examples)
        .map(crate::contract::example::Example::value)
}
