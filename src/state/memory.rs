//! Entities of a collection, and the steps that operations take on them.
//!
//! Each step is atomic: no other request sees it half done, and no change between two steps is
//! lost. `entity` builds the content of entities, see [`EntityFactory`].
mod identify;
pub(super) mod rename;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::state::error::PatchError;
use crate::state::patch::patched;
use crate::state::size::{self, MOST_NESTED};

/// Key of the entities of one collection in one scope.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CollectionKey {
    /// Name of the collection: `/users/{userId}/orders`.
    pub collection: String,
    /// Scope that separates its entities from others of the collection: `7`, for the user of that
    /// id.
    pub scope: String,
}

/// Atomic step on the entities of a collection.
#[derive(Debug, Clone)]
pub enum Step {
    /// Inserts an entity.
    Create(New),
    /// Counts an entity that is about to be built, and returns its number.
    Count,
    /// Inserts a prebuilt entity; builds a new one if its key is taken.
    Put {
        /// Key of the entity.
        key: String,
        /// The entity to insert.
        entity: Value,
        /// Data that it was built from.
        new: New,
    },
    /// Inserts an entity, or changes the one that has the same key or the same value of a property.
    Upsert {
        /// Data of the entity.
        new: New,
        /// The property and its value.
        by: Option<(String, Value)>,
    },
    /// Lists all entities.
    List,
    /// Lists the entities of these homes, and those that have none.
    ListOf(Vec<String>),
    /// Reads one entity.
    Read(String),
    /// Replaces one entity.
    Replace(String, New, Absent),
    /// Changes one entity.
    Change(String, Change),
    /// Changes one entity, and gives it another key.
    Rename {
        /// Key before.
        key: String,
        /// Key after.
        to: String,
        /// Change of the entity.
        change: Change,
    },
    /// Deletes one entity.
    Delete(String),
    /// Reads an entity, and first builds it from its key if it was neither created nor deleted.
    Suppose(String),
}

impl Step {
    /// Returns the text that identifies the entity of the step; `None` if it is about no single
    /// one that may be there.
    fn asked(&self) -> Option<&str> {
        match self {
            Self::Read(text)
            | Self::Replace(text, ..)
            | Self::Change(text, _)
            | Self::Delete(text)
            | Self::Suppose(text)
            | Self::Rename { key: text, .. } => Some(text),
            _ => None,
        }
    }
}

/// Data of an entity to write.
#[derive(Debug, Clone)]
pub struct New {
    /// Key that the client chose, if any.
    pub key: Option<String>,
    /// Members that the client sent.
    pub sent: Map<String, Value>,
    /// Home of the entity: the path below which it is added, and its owner.
    pub home: Option<String>,
}

/// Precondition of a request on the existence of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Presence {
    /// No precondition.
    #[default]
    Any,
    /// The entity must exist (`If-Match`, RFC 9110 §13.1.1).
    There,
    /// The entity must not exist (`If-None-Match: *`, RFC 9110 §13.1.2).
    NotThere,
}

/// Outcome of replacing an entity that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// The entity is created (RFC 9110 §9.3.4).
    Created,
    /// The entity is reported as unknown.
    Unknown,
}

/// Change of an entity.
#[derive(Debug, Clone)]
pub enum Change {
    /// Members to set.
    Members(Map<String, Value>),
    /// JSON Merge Patch (RFC 7396).
    MergePatch(Value),
    /// JSON Patch (RFC 6902).
    JsonPatch(Value),
}

/// Result of a step.
#[derive(Debug, Clone)]
pub enum Reply {
    /// The entity after the step, or before it if the step deleted it.
    Entity {
        /// The entity.
        entity: Arc<Value>,
        /// Key of the entity.
        key: String,
        /// True if the step created it.
        is_new: bool,
    },
    /// All entities with their keys, in order of insertion.
    List(Vec<(String, Arc<Value>)>),
    /// No entity has this key.
    Unknown(String),
    /// An entity with this key already exists.
    Conflict(String),
    /// All keys that a new entity may have are taken.
    NoKey,
    /// The entity fails a precondition of the request (RFC 9110 §13.1.1); null if it does not
    /// exist.
    Stale(Arc<Value>),
    /// The change cannot be applied, for this reason.
    Impossible(String),
    /// Number of the entity that is about to be built.
    Number(u64),
    /// The session has no room for the change.
    Full,
}

/// Entities by key.
#[derive(Debug, Clone, Default)]
pub struct Entities {
    /// Entities in order of insertion.
    pub all: IndexMap<String, Arc<Value>>,
    /// Keys of deleted entities.
    gone: HashSet<String>,
    /// Keys of generated entities; a client-created entity with the same key replaces them.
    loose: HashSet<String>,
    /// Homes of the entities that have one, by key.
    homes: HashMap<String, String>,
    /// Number of the last entity that was built; new numeric keys continue after it.
    made: u64,
    /// Memory of the entities, in bytes.
    size: usize,
}

/// Change of a single entity by the user, without the rules of the API.
#[derive(Debug, Clone)]
pub(crate) enum Edit {
    /// Adds an entity under a key that is not taken.
    Add(String, Value),
    /// Replaces the entity of a key.
    Replace(String, Value),
    /// Removes the entity of a key.
    Remove(String),
}

/// Reason why an entity was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EditError {
    /// Key of another entity.
    #[error("another entity has the key `{0}`")]
    Taken(String),
    /// Key of no entity.
    #[error("there is no entity `{0}`")]
    Unknown(String),
    /// Entity that is nested too deep.
    #[error("the entity is nested deeper than {MOST_NESTED} levels")]
    TooDeep,
    /// Entity for which the session has no room.
    #[error("the session is full, see `--session-memory`; `POST /_standin/reset` empties it")]
    Full,
}

/// Functions that build the entities of a collection, and the preconditions of the request.
pub struct EntityFactory<'m> {
    /// Initial entities of the collection, before any write.
    pub base: &'m dyn Fn() -> Arc<Entities>,
    /// Builder of new entities: takes the number of the entity and the data that was sent, returns
    /// the key and the entity.
    pub make: &'m dyn Fn(u64, &New) -> (String, Value),
    /// Builder of changed entities: takes the key, the entity, and for a replacement the data that
    /// was sent.
    pub remake: &'m dyn Fn(&str, &Value, Option<&New>) -> Value,
    /// Protection from patches: takes the old entity, and restores in the new one what a client
    /// must not change.
    pub protect: &'m dyn Fn(&Value, &mut Value),
    /// Precondition on the existence of the entity.
    pub presence: Presence,
    /// Finder of entities: takes the text that identifies one in a request, returns its key.
    pub find: &'m dyn Fn(&Entities, &str) -> Option<String>,
    /// Texts beside the key that identify an entity, such as its name.
    pub aliases: &'m dyn Fn(&Value) -> Vec<String>,
    /// Builder of entities that were never created: takes the text that identifies the entity in
    /// the request, returns its key and the entity.
    pub suppose: &'m dyn Fn(&str) -> (String, Value),
    /// Check that an existing entity meets the preconditions of the request.
    pub is_current: &'m dyn Fn(&Value) -> bool,
}

impl Entities {
    /// Returns entities that exist from the beginning, such as seed data.
    #[must_use]
    pub fn seeded(all: IndexMap<String, Arc<Value>>) -> Self {
        // New numeric keys continue after the largest existing key.
        let numbers = all
            .keys()
            .filter_map(|key| key.parse::<u64>().ok())
            .filter(|number| *number < 1 << 52);
        let made = numbers.max().unwrap_or(0).max(all.len() as u64);
        let size = all
            .iter()
            .map(|(key, entity)| size_of_entity(key, entity))
            .sum();
        Self {
            all,
            made,
            size,
            ..Self::default()
        }
    }

    /// Returns generated entities that exist from the beginning; client-created ones with the same
    /// keys replace them.
    #[must_use]
    pub fn generated(all: IndexMap<String, Arc<Value>>) -> Self {
        let loose: HashSet<String> = all.keys().cloned().collect();
        let seeded = Self::seeded(all);
        let size = seeded.size + loose.iter().map(|key| size_of_key(key)).sum::<usize>();
        Self {
            loose,
            size,
            ..seeded
        }
    }

    /// Returns the entities of an export, with the keys of deleted ones and the number of the last
    /// one built.
    #[must_use]
    pub fn exported(all: IndexMap<String, Arc<Value>>, gone: HashSet<String>, made: u64) -> Self {
        let seeded = Self::seeded(all);
        let size = seeded.size + gone.iter().map(|key| size_of_key(key)).sum::<usize>();
        // Larger numbers are not exact in every JSON reader.
        let made = made.min(1 << 52).max(seeded.all.len() as u64);
        Self {
            gone,
            made,
            size,
            ..seeded
        }
    }

    /// Returns the memory of the entities, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Returns true if an entity was generated, and no client has written it since.
    #[must_use]
    pub(crate) fn is_generated(&self, key: &str) -> bool {
        self.loose.contains(key)
    }

    /// Returns the keys of deleted entities.
    pub fn gone(&self) -> impl Iterator<Item = &String> {
        self.gone.iter()
    }

    /// Returns the number of the last entity that was built.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.made
    }

    /// Changes a single entity; the change may add up to `room` bytes.
    ///
    /// # Errors
    ///
    /// [`EditError`], if the change is refused; then nothing changes.
    pub(super) fn edit(&mut self, edit: Edit, room: usize) -> Result<(), EditError> {
        let (key, entity) = match edit {
            Edit::Add(key, _) if self.all.contains_key(&key) => return Err(EditError::Taken(key)),
            Edit::Replace(key, _) | Edit::Remove(key) if !self.all.contains_key(&key) => {
                return Err(EditError::Unknown(key));
            }
            Edit::Remove(key) => {
                self.take(&key);
                return Ok(());
            }
            Edit::Add(key, entity) | Edit::Replace(key, entity) => (key, entity),
        };
        if size::is_too_deep(&entity) {
            return Err(EditError::TooDeep);
        }
        self.set(&key, entity, room).map_err(|_| EditError::Full)?;
        // New keys continue after the largest one.
        if let Ok(number) = key.parse::<u64>()
            && number < 1 << 52
        {
            self.made = self.made.max(number);
        }
        Ok(())
    }

    /// Inserts or replaces an entity.
    ///
    /// # Errors
    ///
    /// Returns [`Reply::Full`] if it adds more than `room` bytes, and [`Reply::Impossible`] if it
    /// is nested too deep.
    fn set(&mut self, key: &str, entity: Value, room: usize) -> Result<(), Reply> {
        if size::is_too_deep(&entity) {
            return Err(Reply::Impossible(format!(
                "the entity is nested deeper than {MOST_NESTED} levels"
            )));
        }
        let before = self
            .all
            .get(key)
            .map_or(0, |before| size_of_entity(key, before));
        let after = size_of_entity(key, &entity);
        if after.saturating_sub(before) > room {
            return Err(Reply::Full);
        }
        for keys in [&mut self.gone, &mut self.loose] {
            if keys.remove(key) {
                self.size = self.size.saturating_sub(size_of_key(key));
            }
        }
        self.size = (self.size + after).saturating_sub(before);
        self.all.insert(key.to_owned(), Arc::new(entity));
        Ok(())
    }

    fn take(&mut self, key: &str) {
        if let Some(before) = self.all.shift_remove(key) {
            self.size = self.size.saturating_sub(size_of_entity(key, &before));
        }
        if self.loose.remove(key) {
            self.size = self.size.saturating_sub(size_of_key(key));
        }
        if self.gone.insert(key.to_owned()) {
            self.size += size_of_key(key);
        }
        if let Some(home) = self.homes.remove(key) {
            self.size = self.size.saturating_sub(size_of_home(key, &home));
        }
    }

    /// Keeps in mind that no entity has these names any more, so that none is supposed for them.
    fn forget_names(&mut self, names: Vec<String>) {
        for name in names {
            let size = size_of_key(&name);
            if !self.all.contains_key(&name) && self.gone.insert(name) {
                self.size += size;
            }
        }
    }

    /// Sets the home of an entity.
    pub(crate) fn settle(&mut self, key: &str, home: Option<&String>) {
        let Some(home) = home else { return };
        self.size += size_of_home(key, home);
        let before = self.homes.insert(key.to_owned(), home.clone());
        if let Some(before) = before {
            self.size = self.size.saturating_sub(size_of_home(key, &before));
        }
    }

    /// Returns the homes of the entities that have one, by key.
    #[must_use]
    pub(crate) fn homes(&self) -> &HashMap<String, String> {
        &self.homes
    }

    /// Returns true if an entity has one of these homes, or none.
    #[must_use]
    pub(crate) fn is_in(&self, key: &str, homes: &[String]) -> bool {
        self.homes.get(key).is_none_or(|own| homes.contains(own))
    }

    /// Returns the entities with their keys, in order of insertion.
    fn listed(&self, is_listed: impl Fn(&str) -> bool) -> Reply {
        let all = self.all.iter().filter(|(key, _)| is_listed(key));
        Reply::List(
            all.map(|(key, entity)| (key.clone(), Arc::clone(entity)))
                .collect(),
        )
    }

    fn entity(&self, key: &str, is_new: bool) -> Reply {
        match self.all.get(key) {
            Some(entity) => Reply::Entity {
                entity: Arc::clone(entity),
                key: key.to_owned(),
                is_new,
            },
            None => Reply::Unknown(key.to_owned()),
        }
    }

    /// Returns the reply to a step that changes nothing; `None` if the step may change something.
    pub(super) fn show(&self, step: &Step) -> Option<Reply> {
        match step {
            Step::List => Some(self.listed(|_| true)),
            Step::ListOf(homes) => Some(self.listed(|key| self.is_in(key, homes))),
            Step::Read(key) => Some(self.entity(key, false)),
            _ => None,
        }
    }

    /// Runs a step that may add up to `room` bytes.
    pub(super) fn write(&mut self, step: Step, factory: &EntityFactory<'_>, room: usize) -> Reply {
        self.written(step, factory, room)
            .unwrap_or_else(|refused| refused)
    }

    /// Runs a step that may add up to `room` bytes.
    ///
    /// # Errors
    ///
    /// Returns the reply of a step that is refused.
    fn written(
        &mut self,
        step: Step,
        factory: &EntityFactory<'_>,
        room: usize,
    ) -> Result<Reply, Reply> {
        Ok(match step {
            Step::List | Step::ListOf(_) | Step::Read(_) => {
                self.show(&step).unwrap_or(Reply::List(Vec::new()))
            }
            Step::Suppose(key) => {
                let (key, entity) = (factory.suppose)(&key);
                match self.set(&key, entity.clone(), room) {
                    Ok(()) => self.entity(&key, false),
                    // An entity that cannot be kept is shown all the same.
                    Err(_) => Reply::Entity {
                        entity: Arc::new(entity),
                        key,
                        is_new: false,
                    },
                }
            }
            Step::Create(new) => {
                match new
                    .key
                    .as_ref()
                    .filter(|key| self.all.contains_key(*key) && !self.loose.contains(*key))
                {
                    Some(key) => Reply::Conflict(key.clone()),
                    None => self.add(&new, factory, room)?,
                }
            }
            Step::Count => {
                self.made += 1;
                Reply::Number(self.made)
            }
            Step::Put { key, entity, new } => {
                if self.all.contains_key(&key) || self.gone.contains(&key) {
                    return self.add(&new, factory, room);
                }
                self.set(&key, entity, room)?;
                self.settle(&key, new.home.as_ref());
                self.entity(&key, true)
            }
            Step::Upsert { new, by } => {
                let is_meant = |entity: &Value| {
                    by.as_ref()
                        .is_some_and(|(name, value)| entity.get(name) == Some(value))
                };
                let known = new.key.clone().filter(|key| self.all.contains_key(key));
                let known = known.or_else(|| {
                    self.all
                        .iter()
                        .find(|(_, entity)| is_meant(entity))
                        .map(|(key, _)| key.clone())
                });
                match known {
                    Some(key) => self.change(&key, &Change::Members(new.sent), factory, room)?,
                    None => self.add(&new, factory, room)?,
                }
            }
            Step::Replace(key, new, absent) => match (self.all.get(&key).cloned(), absent) {
                (Some(entity), _)
                    if !(factory.is_current)(&entity) || factory.presence == Presence::NotThere =>
                {
                    Reply::Stale(entity)
                }
                (None, _) if factory.presence == Presence::There => Reply::Stale(Arc::default()),
                (Some(entity), _) => {
                    self.set(&key, (factory.remake)(&key, &entity, Some(&new)), room)?;
                    self.entity(&key, false)
                }
                (None, Absent::Created) => self.add(
                    &New {
                        key: Some(key),
                        ..new
                    },
                    factory,
                    room,
                )?,
                (None, Absent::Unknown) => Reply::Unknown(key),
            },
            Step::Change(key, change) => self.change(&key, &change, factory, room)?,
            Step::Rename { key, to, change } => self.rename((&key, &to), &change, factory, room)?,
            Step::Delete(key) => match self.all.get(&key).cloned() {
                Some(entity) if !(factory.is_current)(&entity) => Reply::Stale(entity),
                Some(entity) => {
                    self.take(&key);
                    self.forget_names((factory.aliases)(&entity));
                    Reply::Entity {
                        entity,
                        key,
                        is_new: false,
                    }
                }
                None => Reply::Unknown(key),
            },
        })
    }

    fn add(&mut self, new: &New, factory: &EntityFactory<'_>, room: usize) -> Result<Reply, Reply> {
        // An entity whose key is taken is built again; a small set of keys may have none left.
        let is_taken =
            |own: &Self, key: &String| own.all.contains_key(key) || own.gone.contains(key);
        let mut last = String::new();
        for _ in 0..TRIES {
            self.made += 1;
            let (key, entity) = (factory.make)(self.made, new);
            if new.key.is_some() || !is_taken(self, &key) {
                self.set(&key, entity, room)?;
                self.settle(&key, new.home.as_ref());
                return Ok(self.entity(&key, true));
            }
            last = key;
        }
        for _ in 0..TRIES {
            let named = New {
                key: Some(self.further(&last)),
                ..new.clone()
            };
            let (key, entity) = (factory.make)(self.made, &named);
            if !is_taken(self, &key) {
                self.set(&key, entity, room)?;
                self.settle(&key, new.home.as_ref());
                return Ok(self.entity(&key, true));
            }
            self.made += 1;
        }
        Ok(Reply::NoKey)
    }

    /// Returns a key that is not taken: the number of the entity for a key that is a number, else
    /// the text with this number at its end.
    fn further(&self, key: &str) -> String {
        let is_number = key.bytes().all(|letter| letter.is_ascii_digit());
        let named = |number: u64| {
            if is_number {
                number.to_string()
            } else {
                format!("{key}-{number}")
            }
        };
        let mut number = self.made;
        loop {
            let key = named(number);
            if !self.all.contains_key(&key) && !self.gone.contains(&key) {
                return key;
            }
            number = number.wrapping_add(1);
        }
    }

    fn change(
        &mut self,
        key: &str,
        change: &Change,
        factory: &EntityFactory<'_>,
        room: usize,
    ) -> Result<Reply, Reply> {
        let entity = self
            .all
            .get(key)
            .cloned()
            .ok_or_else(|| Reply::Unknown(key.to_owned()))?;
        if !(factory.is_current)(&entity) {
            return Err(Reply::Stale(entity));
        }
        let changed = Self::changed(&entity, change, factory)?;
        self.set(key, (factory.remake)(key, &changed, None), room)?;
        Ok(self.entity(key, false))
    }

    /// Returns an entity after a change.
    ///
    /// # Errors
    ///
    /// Returns the reply of a step that is refused.
    fn changed(
        entity: &Value,
        change: &Change,
        factory: &EntityFactory<'_>,
    ) -> Result<Value, Reply> {
        let mut changed = entity.clone();
        match change {
            Change::Members(members) => {
                for (name, value) in members {
                    match (changed.get_mut(name), value) {
                        // JSON:API has below `attributes` the members that other APIs have at the
                        // top level.
                        (Some(Value::Object(own)), Value::Object(sent)) if name == "attributes" => {
                            own.extend(
                                sent.iter()
                                    .map(|(name, value)| (name.clone(), value.clone())),
                            );
                        }
                        _ => changed[name.as_str()] = value.clone(),
                    }
                }
            }
            Change::MergePatch(patch) => json_patch::merge(&mut changed, patch),
            Change::JsonPatch(patch) => {
                let impossible = |error: PatchError| {
                    Reply::Impossible(format!("the patch cannot be applied: {error}"))
                };
                changed = patched(entity, patch).map_err(impossible)?;
                (factory.protect)(entity, &mut changed);
            }
        }
        Ok(changed)
    }
}

/// Returns the memory of an entity in its collection, in bytes.
fn size_of_entity(key: &str, entity: &Value) -> usize {
    // An `Arc` has two counts beside its value.
    const COUNTS: usize = 2 * size_of::<usize>();
    size::entry(key.len(), size_of::<Arc<Value>>()) + COUNTS + size::of(entity)
}

/// Returns the memory of the home of an entity, in bytes.
fn size_of_home(key: &str, home: &str) -> usize {
    size_of_key(key) + size::block(home.len())
}

/// Returns the memory of a key that is kept without its entity, in bytes.
fn size_of_key(key: &str) -> usize {
    size::entry(key.len(), 0)
}

/// Maximum number of attempts to build an entity with an unused key; then keys are counted, and
/// after as many more attempts no key is left.
const TRIES: usize = 4;
