//! Finds the entity that a request identifies: by its key, or by another property such as its name.
//!
//! All operations of a resource share it, so that they agree on the entity of `{idOrName}`.
use serde_json::{Map, Value};

use crate::codec::text::{self, plain};
use crate::entity::{EntityRequest, Identifier, StepInput};
use crate::resource::evidence::only_id;
use crate::resource::key::KeyPath;
use crate::schema::name::{folded, words};
use crate::state::memory::Entities;

/// Last words of properties that identify an entity when a request has no key.
const UNIQUE: [&str; 8] = [
    "name", "slug", "email", "username", "login", "code", "handle", "number",
];

impl EntityRequest<'_> {
    /// Returns the key of the entity that a text identifies. A key precedes the name of another
    /// entity.
    pub(super) fn find(&self, entities: &Entities, text: &str) -> Option<String> {
        let by_property = |way: &KeyPath| {
            let mut all = entities.all.iter();
            let (key, _) = all.find(|(_, entity)| way.text(entity).as_deref() == Some(text))?;
            Some(key.clone())
        };
        if let Some(by) = &self.by {
            return by_property(by);
        }
        if entities.all.contains_key(text) {
            return Some(text.to_owned());
        }
        self.collection.others.iter().find_map(by_property)
    }

    /// Returns the values beside its key that identify an entity.
    pub(super) fn aliases(&self, entity: &Value) -> Vec<String> {
        let ways = self.collection.others.iter().chain(&self.by);
        ways.filter_map(|way| way.text(entity)).collect()
    }

    /// Finds the value in the query or in the body that identifies the entity: its key, or else
    /// another property such as its name.
    pub(super) fn identifier_in(&self, received: StepInput<'_>) -> Option<Identifier> {
        let keys = &self.collection.keys;
        let own = self.collection.key.as_ref().map(|key| folded(key.last()));
        let noun = &self.collection.noun;
        // Most specific name first; each is looked up in the query, then in the body.
        let only = only_id(self.operation).map(|name| folded(&name));
        let names = keys
            .iter()
            .cloned()
            .chain(own)
            .chain([noun.clone()])
            .chain(only);
        for name in names {
            if let Some(text) = sent(received, &name) {
                return Some(Identifier::key(text));
            }
        }
        let schema = self.collection.entity.as_deref()?;
        let properties = schema.properties(schema.tree()).into_iter();
        let unique = properties.map(|(name, _)| name).filter(|name| {
            let words = words(name);
            let last = words.last();
            last.is_some_and(|last| UNIQUE.contains(&last.as_str()))
        });
        for name in unique {
            let plain = folded(name);
            let text = sent(received, &plain).or_else(|| self.of_noun(received, &plain));
            if let Some(text) = text {
                let by = Some(KeyPath::property(name));
                return Some(Identifier { text, by });
            }
        }
        None
    }

    /// Returns the key that the client chose under the name of the path parameter: the `file_id`
    /// that a request requires, where the entity calls it `id`.
    pub(super) fn key_by_parameter<'s>(&self, sent: &'s Map<String, Value>) -> Option<&'s Value> {
        let reader = &self.context.contract.operations[self.collection.reader?];
        let wanted = folded(reader.compiled().path_names.last()?);
        let (sent_schema, entity) = (self.sent_schema()?, self.collection.entity.as_deref()?);
        let properties = entity.properties(entity.tree());
        if properties.iter().any(|(name, _)| folded(name) == wanted) {
            return None;
        }
        let mut members = sent.iter();
        let is_meant = |(name, _): &(&String, &Value)| {
            folded(name) == wanted && sent_schema.requires(sent_schema.tree(), name)
        };
        members.find(is_meant).map(|(_, value)| value)
    }

    /// Returns the value of a parameter that has a noun before the name of the property:
    /// `roomName` for the `name` of a room, whatever the collection is called.
    fn of_noun(&self, received: StepInput<'_>, property: &str) -> Option<String> {
        let only = only_id(self.operation).map(|name| folded(&name));
        let of_id = only.as_deref().and_then(|name| name.strip_suffix("id"));
        let mut nouns = [Some(self.collection.noun.as_str()), of_id]
            .into_iter()
            .flatten();
        nouns.find_map(|noun| sent(received, &format!("{noun}{property}")))
    }
}

/// Returns the text or number in the query or the body that has a name; `None` if it is empty.
fn sent(received: StepInput<'_>, wanted: &str) -> Option<String> {
    let query = &received.inputs.query.0;
    let in_query = query.iter().find(|(name, _)| folded(name) == wanted);
    let in_query = in_query.map(|(_, raw)| text::decode_form(raw));
    let in_body = || {
        let body = received.values.body.as_ref()?.as_object()?;
        let (_, value) = body.iter().find(|(name, _)| folded(name) == wanted)?;
        Some(plain(value)).filter(|_| value.is_string() || value.is_number())
    };
    in_query.or_else(in_body).filter(|text| !text.is_empty())
}
