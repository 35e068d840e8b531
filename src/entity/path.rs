//! Builds the paths below which entities are read.
use serde_json::{Map, Value};

use crate::codec::message::Request;
use crate::contract::MediaType;
use crate::entity::EntityRequest;
use crate::entity::expand::path_of;
use crate::entity::raw::StoredContent;
use crate::entity::shown::ShownMembers;
use crate::entity::upload::{self, Kept, tell_of_upload};
use crate::resource::Act;
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
        // An entity that is the only one of its kind is read at the path that writes it.
        let reader = self
            .collection
            .reader
            .map(|reader| &contract.operations[reader]);
        let kept = if raw::has_content(contract, reader.unwrap_or(self.operation)) {
            Kept::Content
        } else {
            Kept::Description
        };
        let entity = self.collection.entity.as_deref();
        tell_of_upload(request, self.operation, entity, sent, kept);
    }

    /// Returns the text or the bytes of an entity, if an answer of this media type shows them.
    #[must_use]
    pub(crate) fn content_in(&self, reply: &Reply, media: &MediaType) -> Option<StoredContent> {
        let is_shown = self.role.act == Act::Read && raw::is_raw(media);
        let (Reply::Entity { entity, .. }, true) = (reply, is_shown) else {
            return None;
        };
        // What was sent as a member is its text too.
        let text = || {
            let is_text =
                self.role.slot == Slot::Nothing && media.range.essence().starts_with("text/");
            let text = upload::text_in(entity).filter(|_| is_text)?;
            Some(StoredContent {
                media: media.range.as_str().to_owned(),
                bytes: text.to_owned().into(),
            })
        };
        StoredContent::of(entity).or_else(text)
    }

    /// Returns true if an answer shows the text or the bytes of an entity that has none.
    #[must_use]
    pub(crate) fn lacks_content(&self, reply: &Reply, media: &MediaType) -> bool {
        let is_shown = self.role.act == Act::Read && self.role.slot == Slot::Nothing;
        is_shown && raw::is_raw(media) && self.content_in(reply, media).is_none()
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
