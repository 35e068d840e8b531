//! Role of an operation: what it does with which collection.
//!
//! Roles are inferred by `infer` or given in `role_override`; `entity` follows them.
use std::sync::Arc;

use serde_json::Value;

use crate::resource::key::KeyPath;
use crate::resource::place::Slot;
use crate::schema::Schema;

/// Action of an operation on a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Adds an entity.
    Create,
    /// Adds an entity, or changes the one that is already registered.
    Upsert,
    /// Lists the entities that the request selects.
    List,
    /// Shows the first entity that the request selects.
    Find,
    /// Shows an entity.
    Read,
    /// Replaces an entity.
    Replace,
    /// Changes members of an entity.
    Merge,
    /// Deletes an entity.
    Delete,
    /// Tells if an entity exists.
    Exists,
    /// Shows a list that an entity has.
    Part,
}

impl Act {
    /// Names of the actions, for people and in fixtures.
    pub const NAMES: [(&'static str, Self); 10] = [
        ("create", Self::Create),
        ("upsert", Self::Upsert),
        ("list", Self::List),
        ("find", Self::Find),
        ("read", Self::Read),
        ("replace", Self::Replace),
        ("merge", Self::Merge),
        ("delete", Self::Delete),
        ("exists", Self::Exists),
        ("part", Self::Part),
    ];

    /// Returns the name of the action: `create`.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(_, act)| *act == self)
            .map_or("", |(name, _)| name)
    }

    /// Returns true if the action changes entities.
    #[must_use]
    pub fn writes(self) -> bool {
        matches!(
            self,
            Self::Create | Self::Upsert | Self::Replace | Self::Merge | Self::Delete
        )
    }
}

/// Place in a request that identifies its entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFrom {
    /// Template expressions of the path, this many after those of the scope.
    Path(usize),
    /// Parameter of the query or member of the body, see [`Collection::keys`].
    Field,
    /// No place, because there is only one entity.
    Only,
    /// No place: the request does not identify an entity.
    Nothing,
}

/// Collection whose paths add and list entities that another collection has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Name of the collection: `/users/{userId}/posts`.
    pub name: String,
    /// Number of template expressions in its path that separate its entities.
    pub scope: usize,
}

/// Collection: entities of one kind.
#[derive(Debug, Clone)]
pub struct Collection {
    /// Name of the collection: `/users/{userId}/orders`.
    pub name: String,
    /// Noun for one of its entities: `order`.
    pub noun: String,
    /// Number of template expressions in the path that separate its entities.
    pub scope: usize,
    /// Way to the key of an entity: `id`, `metadata.name`.
    pub key: Option<KeyPath>,
    /// Ways to further values that identify an entity wherever its key does: `name` for
    /// `{idOrName}`.
    pub others: Vec<KeyPath>,
    /// Names of the key anywhere, in lower case without separators: `id`, `petid`.
    pub keys: Vec<String>,
    /// Property that identifies an entity when it is registered again: `token`.
    pub natural: Option<String>,
    /// Schema of an entity.
    pub entity: Option<Arc<Schema>>,
    /// True if any operation adds entities; otherwise a requested entity is taken to exist.
    pub is_added_to: bool,
    /// True if other paths add or list some of the entities.
    pub is_shared: bool,
    /// True if any operation puts an entity under a key that the client chose.
    pub is_put_to: bool,
    /// Index of the operation that reads one entity, for the header field `Location`.
    pub reader: Option<usize>,
    /// Indexes of the operations whose answers show entities, with what they show; the most
    /// informative ones first.
    pub shown_by: Vec<(usize, Slot)>,
}

/// Role of an operation in a collection.
#[derive(Debug, Clone)]
pub struct Role {
    /// Collection that the operation is about.
    pub collection: Arc<Collection>,
    /// Collection that the path addresses, if its entities are those of `collection`.
    pub home: Option<Home>,
    /// Action on the collection.
    pub act: Act,
    /// Place in the request that identifies the entity.
    pub key: KeyFrom,
    /// Way to the value that the request identifies the entity by, in place of its key: `name`
    /// for `/users/by-name/{name}`.
    pub by: Option<KeyPath>,
    /// Part of the state that the answer shows.
    pub slot: Slot,
    /// Members that lead to the entity in the request: `contact` for `{"contact": {…}}`.
    pub sent: Vec<String>,
    /// Property with the list that is shown: `channels`.
    pub part: Option<String>,
    /// Members that the action sets, whatever the request has: `status` to `canceled`.
    pub sets: Vec<(String, Value)>,
    /// Reason for the role, for people.
    pub reason: String,
}

impl Role {
    /// Returns the number of template expressions in the path that separate the entities.
    #[must_use]
    pub fn scope(&self) -> usize {
        let own = self.collection.scope;
        self.home.as_ref().map_or(own, |home| home.scope)
    }
}
