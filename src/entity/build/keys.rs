//! Keys of the entities that a builder makes, and the keys of their owners in them.
//!
//! A key that the server makes looks like the documented ones, and the path that reads the entity
//! accepts it.
use serde_json::{Value, json};

use crate::codec::style::typed;
use crate::codec::text::plain;
use std::sync::Arc;

use crate::contract::{Location, Operation, Parameter};
use crate::entity::build::EntityBuilder;
use crate::entity::expand::path_of;
use crate::generate::{self, fingerprint};
use crate::resource::address::singular;
use crate::resource::key::KeyPath;
use crate::schema::Schema;
use crate::schema::name::folded;
use crate::schema::schemas::Declared;
use crate::state::memory::New;

impl<'c> EntityBuilder<'c> {
    /// Returns the key of an entity as text; `None` if the key property is missing, null, empty,
    /// an object or an array.
    #[must_use]
    pub(crate) fn key_of(&self, entity: &Value) -> Option<String> {
        self.collection.key.as_ref()?.text(entity)
    }

    /// Returns the property that is the key; `None` if there is none, or it is inside another one.
    pub(super) fn key_name(&self) -> Option<&'c str> {
        self.collection.key.as_ref().and_then(KeyPath::name)
    }

    /// Returns true if a property is the key, or the URL that ends in it.
    pub(super) fn is_key(&self, name: &str) -> bool {
        let key = self.collection.key.as_ref();
        key.is_some_and(|key| key.outer().is_empty() && key.last() == name)
    }

    /// Returns the URL that a client sent as the key, if it ends in the key of the new entity.
    pub(super) fn sent_url(&self, name: &str, new: &New) -> Option<Value> {
        let key = self.collection.key.as_ref().filter(|key| key.is_url())?;
        let sent = new.sent.get(name)?;
        let is_meant = new.key.is_some() && key.read(sent) == new.key;
        is_meant.then(|| sent.clone())
    }

    /// Returns true if a text can be the key of an entity, by the type of the key.
    pub(super) fn is_key_text(&self, text: &str) -> bool {
        let key = self.collection.key.as_ref().zip(self.schema());
        let node = key.and_then(|(key, schema)| Some((schema, key.node(schema)?)));
        node.is_none_or(|(schema, node)| {
            let types = schema.types(node);
            let is_number = !types.is_empty()
                && types
                    .iter()
                    .all(|name| matches!(*name, "integer" | "number" | "null"));
            !is_number || typed(schema, node, text).is_number()
        })
    }

    /// Sets the key of an entity and returns it as text: the key that the client wants, else a
    /// made one.
    pub(super) fn call(&self, entity: &mut Value, wanted: Option<&str>, number: u64) -> String {
        let (Some(key), Some(schema)) = (&self.collection.key, self.schema()) else {
            // A path that takes numbers cannot have other keys.
            let made = || match self.counted_key(&self.path_types(), number) {
                Some(counted) => plain(&counted),
                None => plain(&self.readable(json!(self.random_key(number)), number)),
            };
            return wanted.map_or_else(made, str::to_owned);
        };
        let value = match wanted {
            Some(wanted) if key.is_url() => json!(wanted),
            Some(wanted) => typed(
                schema,
                key.node(schema).unwrap_or(&Value::Bool(true)),
                wanted,
            ),
            None => self.readable(self.made_key(entity, key, schema, number), number),
        };
        let text = plain(&value);
        let url = key.is_url().then(|| self.path_to(&text)).flatten();
        key.set(entity, &value, url.as_deref());
        text
    }

    /// Returns the key of a new entity: the number where keys are numbers, else the generated value
    /// or random hexadecimal digits.
    fn made_key(&self, entity: &Value, key: &KeyPath, schema: &Schema, number: u64) -> Value {
        let made = key.text(entity);
        let types = match key.node(schema) {
            Some(node) if !key.is_url() => schema.types(node),
            _ => self.path_types(),
        };
        if let Some(counted) = self.counted_key(&types, number) {
            return counted;
        }
        match made {
            // The generator varies the properties of the entity itself, and nothing deeper.
            Some(made) if key.name().is_none() => json!(varied(&made, key, schema, number)),
            Some(made) => json!(made),
            None => json!(self.random_key(number)),
        }
    }

    /// Returns the number of an entity as its key; `None` if keys are no numbers.
    fn counted_key(&self, types: &[&str], number: u64) -> Option<Value> {
        let mut types = types.iter();
        let is_number = types.any(|name| matches!(*name, "integer" | "number"));
        // Numbers continue after the largest key, which may have begun there already.
        let after = Some(self.options.keys_after).filter(|after| number <= *after);
        is_number.then(|| json!(number.saturating_add(after.unwrap_or_default())))
    }

    fn random_key(&self, number: u64) -> String {
        let mixed = fingerprint(&format!("{}\0{number}", self.options_of(number).seed));
        format!("{:016x}{:08x}", mixed, mixed.rotate_left(29) & 0xffff_ffff)
    }

    fn reader(&self) -> Option<&'c Operation> {
        let reader = self.collection.reader?;
        Some(&self.context.contract.operations[reader])
    }

    /// Returns the path at which the entity of a key is read.
    pub(super) fn path_to(&self, key: &str) -> Option<String> {
        let scope = self.scope.iter().take(self.collection.scope);
        let scope: Vec<String> = scope.map(|(_, value)| value.clone()).collect();
        path_of(self.reader()?, &scope, key)
    }

    /// Returns the path parameter that has the key where the entity is read.
    fn key_parameter(&self) -> Option<&'c Arc<Parameter>> {
        let compiled = self.reader()?.compiled();
        let name = compiled.path_names.last()?;
        let mut parameters = compiled.parameters.iter();
        parameters.find(|parameter| parameter.location == Location::Path && parameter.name == *name)
    }

    fn path_types(&self) -> Vec<&'c str> {
        let schema = self
            .key_parameter()
            .and_then(|parameter| parameter.schema());
        schema
            .map(|schema| schema.types(schema.tree()))
            .unwrap_or_default()
    }

    /// Returns a key that the path of the reading operation accepts: `value` if it fits the schema
    /// of the path parameter, else its number or a generated value of the same JSON type, else
    /// `value` itself.
    fn readable(&self, value: Value, number: u64) -> Value {
        let Some(schema) = self
            .key_parameter()
            .and_then(|parameter| parameter.schema())
        else {
            return value;
        };
        // A path has numbers as text, so the check starts from the text.
        let is_taken = |value: &Value| {
            let in_path = typed(schema, schema.tree(), &plain(value));
            schema.is_valid(&in_path) != Ok(false)
        };
        // Keys go on beyond a maximum when all below it may be taken.
        let is_beyond = || {
            let most = schema.resolve(schema.tree()).get("maximum");
            // A bound that is no integer has no meaning for a count.
            let most =
                most.and_then(|most| most.as_u64().or(most.as_f64()?.to_string().parse().ok()));
            most.is_some_and(|most| value.is_number() && number > most)
        };
        if is_taken(&value) || is_beyond() {
            return value;
        }
        let counted = json!(number.to_string());
        if value.is_string() && is_taken(&counted) && self.path_types().contains(&"integer") {
            return counted;
        }
        let made = generate::original(schema, &self.options_of(number));
        if made.fits && std::mem::discriminant(&made.value) == std::mem::discriminant(&value) {
            made.value
        } else {
            value
        }
    }

    /// Returns what bounds the keys of the entities: `` `id` has a maximum of 3``.
    pub(crate) fn bound_of_keys(&self) -> Option<String> {
        let key = self.collection.key.as_ref()?;
        let own = self.schema().and_then(|schema| {
            let node = key.node(schema)?;
            Some((key.to_string(), schema.resolve(node)))
        });
        let in_path = self.key_parameter().and_then(|parameter| {
            let schema = parameter.schema()?;
            Some((parameter.name.clone(), schema.resolve(schema.tree())))
        });
        own.into_iter().chain(in_path).find_map(|(name, node)| {
            if let Some(most) = node.get("maximum").or(node.get("exclusiveMaximum")) {
                return most
                    .is_number()
                    .then(|| format!("`{name}` has a maximum of {most}"));
            }
            let values = node.get("enum")?.as_array()?.len();
            Some(format!("`{name}` has {values} possible values"))
        })
    }

    /// Returns the folded names of the properties that identify the owners of an entity, with the
    /// owners' keys.
    pub(super) fn owners(&self) -> impl Iterator<Item = (String, &'c str)> {
        self.scope.iter().map(|(name, text)| {
            // `{id}` of `/users/{id}/orders` is the `userId` of an order.
            let before = self
                .collection
                .name
                .split(&format!("/{{{name}}}"))
                .next()
                .and_then(|path| path.rsplit('/').next());
            let plain_name = match folded(name) {
                plain if plain == "id" => {
                    format!("{}id", singular(&folded(before.unwrap_or_default())))
                }
                plain => plain,
            };
            (plain_name, text.as_str())
        })
    }

    /// Sets the properties that identify the owners of an entity: the orders of `/users/7/orders`
    /// have `userId` 7.
    pub(super) fn own(&self, entity: &mut Value) {
        let Some(schema) = self.schema() else { return };
        for (plain_name, text) in self.owners() {
            let meant = |property: &&Declared| {
                property.folded == plain_name && Some(property.name.as_str()) != self.key_name()
            };
            if let Some(Declared { name, .. }) = self.properties.iter().find(meant)
                && let Some(node) = self.property(name)
            {
                entity[name] = typed(schema, node, text);
            }
        }
    }
}

/// Returns the key that comes as many places after a documented one as the entity has before
/// it; any other key as it is.
fn varied(made: &str, key: &KeyPath, schema: &Schema, number: u64) -> String {
    let node = key.node(schema).map(|node| schema.resolve(node));
    let shown = node.and_then(|node| node.get("example").or(node.get("examples")?.get(0)));
    if shown.and_then(|shown| key.read(shown)).as_deref() == Some(made) {
        return generate::counted(made, number.saturating_sub(1));
    }
    made.to_owned()
}
