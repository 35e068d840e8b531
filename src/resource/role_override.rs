//! Overrides of roles by the user, in the section `resources` of fixtures, and seed data.
//!
//! Read while loading; `infer` gives them precedence.
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::contract::Contract;
use crate::diagnostic::{Code, Diagnostic, Place};
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
    },
}

/// Override of a collection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CollectionOverride {
    /// Way to the key of the entities.
    pub key: Option<KeyPath>,
    /// Property that identifies an entity when it is registered again.
    pub natural: Option<String>,
}

/// Reason why an override cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OverrideError {
    /// Override of an operation that is neither `off` nor a map.
    #[error("expected `off`, or `does` and `collection`")]
    Operation,
    /// Unknown field of the override of an operation.
    #[error("`{name}` is not a field here, expected `does` or `collection`")]
    OperationField { name: String },
    /// Unknown action.
    #[error("`does` is {found}, expected one of `{}`", acts())]
    Act { found: Value },
    /// Collection of an operation that is not a path.
    #[error("`collection` is {found}, expected a path such as `/pets`")]
    Path { found: Value },
    /// Override of a collection that is not a map.
    #[error("expected a map of `key` and `natural`")]
    Collection,
    /// Unknown field of the override of a collection.
    #[error("`{name}` is not a field of a collection, expected `key` or `natural`")]
    CollectionField { name: String },
    /// Key of a collection that is neither a name nor a pointer.
    #[error(
        "`key` is {found}, expected the name of a property or a JSON Pointer such as `/metadata/name`"
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
                        Ok(own) => drop(overrules.operations.insert(index, own)),
                        Err(error) => found.push(wrong(&at, &error)),
                    },
                    None => match (
                        Address::parse(name).filter(|_| name.starts_with('/')),
                        named(entry),
                    ) {
                        (Some(address), Ok(named)) => {
                            drop(overrules.collections.insert(address.collection, named));
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
pub(crate) const OPERATION_FIELDS: [&str; 2] = ["does", "collection"];

/// Fields of the override of a collection.
pub(crate) const COLLECTION_FIELDS: [&str; 2] = ["key", "natural"];

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
    let collection = object.get("collection").map(|collection| {
        let path = collection
            .as_str()
            .filter(|path| path.starts_with('/') && Address::parse(path).is_some());
        path.map(str::to_owned).ok_or_else(|| OverrideError::Path {
            found: collection.clone(),
        })
    });
    Ok(RoleOverride::Does {
        act: act.transpose()?,
        collection: collection.transpose()?,
    })
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
    Ok(CollectionOverride {
        key: key_of(object.get("key"))?,
        natural: text("natural")?,
    })
}

/// Reads the key of the entities: the name of a property, or a JSON Pointer.
fn key_of(found: Option<&Value>) -> Result<Option<KeyPath>, OverrideError> {
    let Some(found) = found else { return Ok(None) };
    let key = found.as_str().and_then(KeyPath::parse);
    key.map(Some).ok_or_else(|| OverrideError::Key {
        found: found.clone(),
    })
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
