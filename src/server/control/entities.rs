//! Control API: single entities of a collection, each judged by its schema before it is taken.
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::entity::error::EntityError;
use crate::entity::values::keyed;
use crate::errors::problem::{Problem, ProblemKind};
use crate::resource::Collection;
use crate::schema::SchemaError;
use crate::server::control::collections::AskedCollection;
use crate::server::control::lists::listed;
use crate::server::control::{Control, ControlRequest, not_there, unprocessable};
use crate::state::memory::{Edit, EditError, Entities};
use crate::validate::{Subject, Violation};

/// Maximum number of violations of an entity in the sentence of an error; `errors` has all of them.
const MOST_TOLD: usize = 20;

/// Number of keys that are made for a new entity before it is refused.
const MOST_KEYS: u64 = 100;

impl Control {
    /// Returns one entity.
    pub(super) fn entity(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let found = self.asked_collection(asked)?;
        let key = asked.segments("state").nth(1).unwrap_or_default();
        let entity = found.get(&key);
        let entity = entity.ok_or_else(|| unknown(&found, &key))?;
        Ok(described(&found, &key, entity))
    }

    /// Adds an entity, or returns a draft of one (`?draft=true`). An entity without a key gets one, and
    /// the members that only the API sets.
    ///
    /// # Errors
    ///
    /// `Problem` 409 if the key is taken, 422 if the entity does not fit its schema, and 507 if the
    /// session is full; then nothing changes.
    pub(super) fn create_entity(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let found = self.changed_collection(asked)?;
        if asked.query("draft").is_some_and(|draft| draft == "true") {
            let (key, mut entity) = self.made(&found, None)?;
            if let (Some(members), Some((name, owner))) = (entity.as_object_mut(), &found.owner) {
                members.insert(name.clone(), owner.clone());
            }
            let mut draft = described(&found, &key, &entity);
            draft["draft"] = json!(true);
            return Ok(draft);
        }
        let mut object = asked
            .body
            .as_object()
            .cloned()
            .ok_or_else(|| unprocessable("the content is not an object, expected an entity"))?;
        if let Some((name, owner)) = &found.owner {
            object.entry(name).or_insert_with(|| owner.clone());
        }
        let has_key = found
            .collection
            .key
            .as_ref()
            .is_some_and(|key| key.value_in(&object).is_some());
        let (key, entity) = if has_key {
            let entity = Value::Object(object);
            (key_of(&found.collection, &entity)?, entity)
        } else {
            let (key, mut entity) = self.made(&found, Some(&object))?;
            // What was sent is judged, and not what would fit in its place.
            if let Some(members) = entity.as_object_mut() {
                members.extend(object);
            }
            (key, entity)
        };
        fit(&found, &entity)?;
        let edit = Edit::Add(key.clone(), entity.clone());
        self.edit(asked, &found, edit)?;
        Ok(described(&found, &key, &entity))
    }

    /// Replaces an entity.
    pub(super) fn put_entity(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let found = self.changed_collection(asked)?;
        let key = asked.segments("state").nth(1).unwrap_or_default();
        if found.get(&key).is_none() {
            return Err(unknown(&found, &key));
        }
        let entity = asked.body.clone();
        if found.collection.key.is_some() {
            let own = key_of(&found.collection, &entity)?;
            if own != key {
                return Err(unprocessable(format!(
                    "the entity has the key `{own}`, expected `{key}`; add another entity to get another key"
                )));
            }
        }
        fit(&found, &entity)?;
        self.edit(asked, &found, Edit::Replace(key.clone(), entity.clone()))?;
        Ok(described(&found, &key, &entity))
    }

    /// Removes an entity.
    pub(super) fn delete_entity(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let found = self.changed_collection(asked)?;
        let key = asked.segments("state").nth(1).unwrap_or_default();
        if found.get(&key).is_none() {
            return Err(unknown(&found, &key));
        }
        self.edit(asked, &found, Edit::Remove(key))?;
        Ok(Value::Null)
    }

    /// Makes a new entity whose key is not taken.
    fn made(
        &self,
        found: &AskedCollection,
        sent: Option<&Map<String, Value>>,
    ) -> Result<(String, Value), Problem> {
        let scope = &found.key.scope;
        let first = found.entities.made() + 1;
        for number in first..first + MOST_KEYS {
            let made = self
                .sandbox
                .draft(&found.collection, scope, number, sent.cloned());
            match made {
                Some((key, entity)) if !is_taken(&found.entities, &key) => {
                    return Ok((key, entity));
                }
                Some(_) => {}
                None => break,
            }
        }
        Err(unprocessable(format!(
            "no key could be made for an entity of `{}`; send one in its content",
            found.collection.name
        )))
    }

    fn edit(
        &self,
        asked: &ControlRequest<'_>,
        found: &AskedCollection,
        edit: Edit,
    ) -> Result<(), Problem> {
        let base = self.sandbox.beginning(&found.collection, &found.key.scope);
        let edited = self.sandbox.within(asked.about(), |session_state| {
            session_state.edit(found.key.clone(), &base, edit)
        });
        edited.map_err(|error| {
            let (kind, status) = match error {
                EditError::Taken(_) => (ProblemKind::Conflict, StatusCode::CONFLICT),
                EditError::Unknown(_) => (ProblemKind::UnknownEntity, StatusCode::NOT_FOUND),
                EditError::TooDeep => (ProblemKind::Violation, StatusCode::UNPROCESSABLE_ENTITY),
                EditError::Full => (ProblemKind::Full, StatusCode::INSUFFICIENT_STORAGE),
            };
            Problem::new(kind, status, error.to_string())
        })
    }
}

fn is_taken(entities: &Entities, key: &str) -> bool {
    entities.all.contains_key(key) || entities.gone().any(|gone| gone == key)
}

fn described(found: &AskedCollection, key: &str, entity: &Value) -> Value {
    json!({
        "collection": found.named.collection,
        "scope": found.named.scope,
        "key": key,
        "entity": entity,
    })
}

/// Returns the problem for a key without an entity.
fn unknown(found: &AskedCollection, key: &str) -> Problem {
    let known: Vec<&str> = found.entities().map(|(key, _)| key.as_str()).collect();
    not_there(format!(
        "`{}` has no entity `{key}`; there are {}",
        found.named.collection,
        listed(&known)
    ))
}

/// Returns the key of an entity that is sent alone.
///
/// # Errors
///
/// `Problem` 422, if the entity is no object, or its key is neither text nor number.
fn key_of(collection: &Collection, entity: &Value) -> Result<String, Problem> {
    keyed(collection, entity, 0).map_err(|error| {
        unprocessable(match error {
            EntityError::NoKey {
                key, collection, ..
            } => format!(
                "the entity has no `{key}` that is a text or a number; `{collection}` identifies its entities by `{key}`"
            ),
            _ => "the content is not an object, expected an entity".to_owned(),
        })
    })
}

/// Checks that an entity fits the schema of its collection, and is one of the owner that the request
/// names.
///
/// # Errors
///
/// `Problem` 422, with the violations of the schema and their places.
fn fit(found: &AskedCollection, entity: &Value) -> Result<(), Problem> {
    let collection = &found.collection;
    if let Some((name, owner)) = found.owner.as_ref().filter(|_| !found.has(entity)) {
        return Err(unprocessable(format!(
            "the entity has another `{name}`, expected {owner} as `scope` says; change entities of `{}` to give them another owner",
            collection.name
        )));
    }
    let errors = collection
        .entity
        .as_ref()
        .map(|schema| schema.errors(entity));
    let errors = errors.and_then(Result::ok).unwrap_or_default();
    if errors.is_empty() {
        return Ok(());
    }
    let told: Vec<String> = errors
        .iter()
        .take(MOST_TOLD)
        .map(SchemaError::located)
        .collect();
    let more = match errors.len().saturating_sub(MOST_TOLD) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let problem = unprocessable(format!(
        "the entity does not fit the schema of `{}`: {}{more}",
        collection.name,
        told.join("; ")
    ));
    let violations = errors.into_iter().map(|error| Violation {
        subject: Subject::Body,
        error,
        value: None,
    });
    Err(Problem {
        violations: violations.collect(),
        ..problem
    })
}
