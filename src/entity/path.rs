//! Builds the paths below which entities are read.
use serde_json::{Map, Value};

use crate::codec::message::Request;
use crate::entity::EntityRequest;
use crate::entity::expand::path_of;
use crate::entity::raw::StoredContent;
use crate::entity::shown::ShownMembers;
use crate::entity::upload::{Kept, tell_of_upload};
use crate::resource::place::Slot;
use crate::resource::raw;
use crate::schema::Schema;
use crate::state::memory::Reply;

impl EntityRequest<'_> {
    /// Returns the path at which an entity is read, with the base path of the request; `None` if
    /// no operation reads it.
    #[must_use]
    pub(crate) fn place_of(&self, key: &str) -> Option<String> {
        let reader = &self.context.contract.operations[self.collection.reader?];
        // Entities that other paths add are read without the values of those paths.
        let scope = self.scope.iter().take(self.collection.scope);
        let scope: Vec<String> = scope.map(|(_, value)| value.clone()).collect();
        let path = path_of(reader, &scope, key)?;
        let base = reader
            .bases
            .iter()
            .find(|base| self.context.path.starts_with(base.as_str()));
        Some(format!(
            "{}{path}",
            base.map(String::as_str).unwrap_or_default()
        ))
    }

    /// Returns the members of an entity that its schema declares, without those that only clients
    /// send.
    #[must_use]
    pub(crate) fn visible(&self, entity: &Value) -> Value {
        let schema = self.collection.entity.as_deref();
        let pointer = schema.map_or("", Schema::pointer);
        ShownMembers::of(schema, pointer).in_entity(entity)
    }

    /// Adds what tells of the file or the text in a request to the members that were sent, with its content if an
    /// operation shows it.
    pub(super) fn add_upload(&self, request: &Request, sent: &mut Map<String, Value>) {
        let contract = self.context.contract;
        let reader = self.collection.reader;
        let reader = reader.map(|reader| &contract.operations[reader]);
        let kept = match reader.filter(|reader| raw::has_content(contract, reader)) {
            Some(_) => Kept::Content,
            None => Kept::Description,
        };
        let entity = self.collection.entity.as_deref();
        tell_of_upload(request, self.operation, entity, sent, kept);
    }

    /// Returns the text or the bytes of an entity, if the operation shows them.
    #[must_use]
    pub(crate) fn content_in(&self, reply: &Reply) -> Option<StoredContent> {
        match (reply, &self.role.slot) {
            (Reply::Entity { entity, .. }, Slot::Nothing) if raw::is_shown(self.operation) => {
                StoredContent::of(entity)
            }
            _ => None,
        }
    }

    /// Returns the reason why a new entity gets no key: ``no key is left: `id` has a maximum of 3``.
    #[must_use]
    pub(crate) fn why_no_key(&self) -> String {
        let bound = self.maker().bound_of_keys();
        let why =
            bound.unwrap_or_else(|| format!("each key of a {} is taken", self.collection.noun));
        format!("no key is left: {why}")
    }
}
