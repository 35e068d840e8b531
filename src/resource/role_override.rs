//! Overrides of roles by the user, in the section `resources` of fixtures, and seed data.
//!
//! Read while loading; `infer` gives them precedence.
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::contract::Contract;
use crate::diagnostic::{Code, Diagnostic, Place, Source};
use crate::document::syntax::unescape;
use crate::document::{FixtureEntry, FixtureFile};
use crate::resource::address::{Address, Form, singular};
use crate::resource::key::KeyPath;
use crate::resource::role::{Act, Collection, KeyFrom};
use crate::schema::name::folded;

/// Overrides of roles, and seed data.
#[derive(Debug, Default)]
pub struct RoleOverrides {
    /// Overrides of operations, by operation index.
    pub operations: HashMap<usize, RoleOverride>,
    /// Overrides of collections, by the collection that their paths address: `/pet`.
    pub collections: HashMap<String, CollectionOverride>,
    /// Seed data by the name of the collection.
    pub data: Vec<(String, Arc<Value>)>,
    /// Entries of the section that were read, in the order of the author.
    pub(crate) entries: Vec<OverrideEntry>,
}

/// Entry of the section `resources`, for diagnostics about what it names.
#[derive(Debug, Clone)]
pub(crate) struct OverrideEntry {
    /// Operation, or the collection as its paths address it: `/pet`.
    pub target: OverrideTarget,
    /// File of the entry.
    pub source: Arc<Source>,
    /// JSON Pointer to the entry.
    pub at: String,
}

/// Target of an override.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OverrideTarget {
    /// Operation, by its index.
    Operation(usize),
    /// Collection, as its paths address it.
    Collection(String),
}

/// Override of the role of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleOverride {
    /// The operation is not about a resource.
    Off,
    /// The operation has this action and this collection, where they are given.
    Does {
        /// Action on the collection.
        act: Option<Act>,
        /// Path of the collection: `/pets`.
        collection: Option<String>,
        /// Members that lead to the entity or to the list in the answer.
        shows: Option<Vec<String>>,
        /// Members that lead to the entity in the request.
        takes: Option<Vec<String>>,
    },
}

impl RoleOverride {
    /// Returns true if it overrides the action or the collection, and not only places of entities.
    #[must_use]
    pub(crate) fn sets_role(&self) -> bool {
        match self {
            Self::Off => true,
            Self::Does {
                act, collection, ..
            } => act.is_some() || collection.is_some(),
        }
    }
}

/// Override of a collection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CollectionOverride {
    /// Way to the key of the entities.
    pub key: Option<KeyPath>,
    /// Ways to further values that identify an entity wherever its key does.
    pub others: Vec<KeyPath>,
    /// Members that lead to the entity in the answers that have one.
    pub entity: Option<Vec<String>>,
    /// Path of the collection that has the same entities.
    pub same: Option<String>,
    /// Property that identifies an entity when it is registered again.
    pub natural: Option<String>,
}

/// Reason why an override cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OverrideError {
    /// Override of an operation that is neither `off` nor a map.
    #[error("expected `off`, or a map of `does`, `collection`, `shows` and `takes`")]
    Operation,
    /// Unknown field of the override of an operation.
    #[error("`{name}` is not a field here, expected `does`, `collection`, `shows` or `takes`")]
    OperationField { name: String },
    /// Unknown action.
    #[error("`does` is {found}, expected one of `{}`", acts())]
    Act { found: Value },
    /// Collection that is not a path.
    #[error("`{name}` is {found}, expected a path such as `/pets`")]
    Path { name: &'static str, found: Value },
    /// Place in an answer or a request that is not a JSON Pointer.
    #[error("`{name}` is {found}, expected a JSON Pointer such as `/data`, or an empty text")]
    Pointer { name: &'static str, found: Value },
    /// Override of a collection that is not a map.
    #[error("expected a map of `key`, `natural`, `entity` and `same`")]
    Collection,
    /// Unknown field of the override of a collection.
    #[error(
        "`{name}` is not a field of a collection, expected `key`, `natural`, `entity` or `same`"
    )]
    CollectionField { name: String },
    /// Key of a collection that is neither a name nor a pointer.
    #[error(
        "`key` is {found}, expected the name of a property, a JSON Pointer such as `/metadata/name`, or a list of these"
    )]
    Key { found: Value },
    /// Field of the override of a collection that is not a text.
    #[error("`{name}` is {found}, expected the name of a property")]
    Property { name: &'static str, found: Value },
}

/// Returns the names of all actions, for messages.
fn acts() -> String {
    Act::NAMES.map(|(name, _)| name).join("`, `")
}

impl RoleOverrides {
    /// Reads the sections of the files; also returns diagnostics of their errors.
    #[must_use]
    pub fn read(contract: &Contract, files: &[FixtureFile]) -> (Self, Vec<Diagnostic>) {
        let mut overrules = Self::default();
        let mut found = Vec::new();
        for file in files {
            for FixtureEntry {
                name,
                at,
                value: entry,
            } in file.resources()
            {
                let wrong = |at: &str, error: &OverrideError| {
                    Diagnostic::at(
                        Code::InvalidFixture,
                        Place::value(&file.source, at),
                        error.to_string(),
                    )
                };
                match contract.find(name) {
                    Some(index) => match operation_override(entry) {
                        Ok(own) => {
                            overrules.operations.insert(index, own);
                            overrules.note(OverrideTarget::Operation(index), file, at);
                        }
                        Err(error) => found.push(wrong(&at, &error)),
                    },
                    None => match (
                        Address::parse(name).filter(|_| name.starts_with('/')),
                        named(entry),
                    ) {
                        (Some(address), Ok(named)) => {
                            let target = OverrideTarget::Collection(address.collection.clone());
                            overrules.collections.insert(address.collection, named);
                            overrules.note(target, file, at);
                        }
                        (Some(_), Err(error)) => found.push(wrong(&at, &error)),
                        (None, _) => {
                            let message = format!(
                                "`{name}` is neither an operation nor a collection such as `/pets`"
                            );
                            let help = contract
                                .nearest_operation(name)
                                .map(|near| format!("there is `{near}`"));
                            let unknown = Diagnostic::at(
                                Code::UnknownFixtureOperation,
                                Place::key(&file.source, at),
                                message,
                            );
                            found.push(match help {
                                Some(help) => unknown.help(help),
                                None => unknown.help("`standin routes --state` lists them"),
                            });
                        }
                    },
                }
            }
        }
        (overrules, found)
    }

    fn note(&mut self, target: OverrideTarget, file: &FixtureFile, at: String) {
        self.entries.push(OverrideEntry {
            target,
            source: Arc::clone(&file.source),
            at,
        });
    }

    /// Returns the seed data of a collection.
    #[must_use]
    pub fn data_of(&self, collection: &Collection) -> Option<&Arc<Value>> {
        let last = collection
            .name
            .rsplit(['/', '.'])
            .next()
            .unwrap_or_default();
        let is_meant = |name: &str| {
            name == collection.name.trim_matches('/')
                || folded(name) == folded(last)
                || singular(&folded(name)) == collection.noun
        };
        self.data
            .iter()
            .find(|(name, _)| is_meant(name))
            .map(|(_, data)| data)
    }
}

/// Fields of the override of an operation.
pub(crate) const OPERATION_FIELDS: [&str; 4] = ["does", "collection", "shows", "takes"];

/// Fields of the override of a collection.
pub(crate) const COLLECTION_FIELDS: [&str; 4] = ["key", "natural", "entity", "same"];

/// Reads the override of an operation: `off`, `{does: create, collection: /pets}`.
fn operation_override(entry: &Value) -> Result<RoleOverride, OverrideError> {
    // YAML 1.1 reads `off` as false.
    if *entry == Value::Bool(false) || entry == "off" {
        return Ok(RoleOverride::Off);
    }
    let object = entry.as_object().ok_or(OverrideError::Operation)?;
    if let Some(unknown) = object
        .keys()
        .find(|name| !OPERATION_FIELDS.contains(&name.as_str()))
    {
        return Err(OverrideError::OperationField {
            name: unknown.clone(),
        });
    }
    let act = object.get("does").map(|does| {
        let act = Act::NAMES
            .iter()
            .find(|(name, _)| does == name)
            .map(|(_, act)| *act);
        act.ok_or_else(|| OverrideError::Act {
            found: does.clone(),
        })
    });
    Ok(RoleOverride::Does {
        act: act.transpose()?,
        collection: path_of(object, "collection")?,
        shows: way_of(object, "shows")?,
        takes: way_of(object, "takes")?,
    })
}

/// Reads the path of a collection: `/pets`.
fn path_of(
    object: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<String>, OverrideError> {
    let Some(found) = object.get(name) else {
        return Ok(None);
    };
    let path = found
        .as_str()
        .filter(|path| path.starts_with('/') && Address::parse(path).is_some());
    let path = path.map(str::to_owned).ok_or_else(|| OverrideError::Path {
        name,
        found: found.clone(),
    });
    path.map(Some)
}

/// Reads a JSON Pointer as the members that it leads through; none for the empty one.
fn way_of(
    object: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<Vec<String>>, OverrideError> {
    let Some(found) = object.get(name) else {
        return Ok(None);
    };
    match found.as_str() {
        Some("") => Ok(Some(Vec::new())),
        Some(text) if text.starts_with('/') => {
            Ok(Some(text[1..].split('/').map(unescape).collect()))
        }
        _ => Err(OverrideError::Pointer {
            name,
            found: found.clone(),
        }),
    }
}

/// Reads the override of a collection: `{key: petId, natural: token}`.
pub(crate) fn named(entry: &Value) -> Result<CollectionOverride, OverrideError> {
    let object = entry.as_object().ok_or(OverrideError::Collection)?;
    if let Some(unknown) = object
        .keys()
        .find(|name| !COLLECTION_FIELDS.contains(&name.as_str()))
    {
        return Err(OverrideError::CollectionField {
            name: unknown.clone(),
        });
    }
    let text = |name: &'static str| match object.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(OverrideError::Property {
            name,
            found: other.clone(),
        }),
    };
    let mut keys = keys_of(object.get("key"))?.into_iter();
    Ok(CollectionOverride {
        key: keys.next(),
        others: keys.collect(),
        natural: text("natural")?,
        entity: way_of(object, "entity")?,
        same: path_of(object, "same")?,
    })
}

/// Reads the keys of the entities: the name of a property, a JSON Pointer, or a list of these.
fn keys_of(found: Option<&Value>) -> Result<Vec<KeyPath>, OverrideError> {
    let keys = match found {
        None => return Ok(Vec::new()),
        Some(Value::Array(keys)) if !keys.is_empty() => keys.as_slice(),
        Some(key) => std::slice::from_ref(key),
    };
    let key_of = |found: &Value| {
        let key = found.as_str().and_then(KeyPath::parse);
        key.ok_or_else(|| OverrideError::Key {
            found: found.clone(),
        })
    };
    keys.iter().map(key_of).collect()
}

/// Returns where the key of an operation is whose action the fixtures declare.
pub(crate) fn overridden_key(act: Act, address: &Address) -> KeyFrom {
    match (act, address.form) {
        (Act::Create | Act::Upsert | Act::List | Act::Find | Act::Exists, _) => KeyFrom::Nothing,
        (_, Form::Entity) => KeyFrom::Path(address.keys),
        (_, Form::EntityVerb(_)) => KeyFrom::Path(1),
        _ => KeyFrom::Field,
    }
}
