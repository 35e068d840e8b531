//! What an operation does with which collection.
use std::sync::Arc;

use crate::resource::place::Slot;
use crate::schema::Schema;

/// What an operation does with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Adds an entity.
    Create,
    /// Adds an entity, or changes the one that is called the same.
    Upsert,
    /// Shows several, those that the request asks for.
    List,
    /// Shows the first that the request asks for.
    Find,
    /// Shows one.
    Read,
    /// Puts another in its place.
    Replace,
    /// Changes a part of it.
    Merge,
    /// Takes it away.
    Delete,
    /// Says whether it is there.
    Exists,
    /// Shows a list that it has.
    Part,
}

impl Act {
    /// As people read it, and as fixtures write it.
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

    /// `create`
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, act)| *act == self).map_or("", |(name, _)| name)
    }

    /// Whether it changes anything.
    #[must_use]
    pub fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Upsert | Self::Replace | Self::Merge | Self::Delete)
    }
}

/// How a request says which entity it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFrom {
    /// By the expressions of its path, so many after the scope.
    Path(usize),
    /// By a parameter of its query or a member of its body, see [`Collection::keys`].
    Field,
    /// There is only one.
    Only,
    /// By nothing.
    Nothing,
}

/// Entities of one kind.
#[derive(Debug)]
pub struct Collection {
    /// `/users/{userId}/orders`
    pub name: String,
    /// `order`
    pub noun: String,
    /// How many expressions of the path set its entities apart.
    pub scope: usize,
    /// The property that an entity is called by: `id`.
    pub key: Option<String>,
    /// What its key is called anywhere, without marks and in lower case: `id`, `petid`.
    pub keys: Vec<String>,
    /// What an entity is told from others by when it is registered again: `token`.
    pub natural: Option<String>,
    /// What describes an entity.
    pub entity: Option<Arc<Schema>>,
    /// Whether any operation adds to it; what nobody can add is there when it is asked for.
    pub is_added_to: bool,
    /// Whether any operation puts an entity in it under a key of the client's.
    pub is_put_to: bool,
    /// The operation that reads one, for `Location`.
    pub reader: Option<usize>,
    /// The operations whose answers show entities, the one that says most of them first.
    pub shown_by: Vec<(usize, Slot)>,
}

/// What an operation does with a collection.
#[derive(Debug, Clone)]
pub struct Role {
    /// The collection.
    pub collection: Arc<Collection>,
    /// What is done.
    pub act: Act,
    /// Which entity it is done with.
    pub key: KeyFrom,
    /// What of it is in the answer.
    pub slot: Slot,
    /// Where the entity stands in the request: `contact` of `{"contact": {…}}`.
    pub sent: Vec<String>,
    /// The property whose list is shown: `channels`.
    pub part: Option<String>,
    /// Why it is taken for that, for people.
    pub reason: String,
}
