//! The entities of a collection, and the steps that are taken on them.
//!
//! Each operation is one step: nobody sees a half of it, and nothing is lost between two of them. What an
//! entity looks like is left to `exchange`.
use std::collections::HashSet;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::state::size::{self, MOST_NESTED};

/// Which entities an operation is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CollectionKey {
    /// The name of the collection: `/users/{userId}/orders`.
    pub collection: String,
    /// What sets its entities apart from others of the name: the user `7`.
    pub scope: String,
}

/// One step on the entities of a shelf.
#[derive(Debug, Clone)]
pub enum Step {
    /// Adds an entity.
    Create(New),
    /// Counts an entity that is about to be made.
    Count,
    /// Adds an entity that was made, or makes another one if there is one that is called so.
    Put {
        /// What it is called.
        key: String,
        /// It.
        entity: Value,
        /// What it was made of.
        new: New,
    },
    /// Adds an entity, or changes the one that has the same value of a property.
    Upsert {
        /// What is added.
        new: New,
        /// The property and its value.
        by: Option<(String, Value)>,
    },
    /// Shows all.
    List,
    /// Shows one.
    Read(String),
    /// Puts another in the place of one.
    Replace(String, New, Absent),
    /// Changes one.
    Change(String, Change),
    /// Takes one away.
    Delete(String),
    /// Takes an entity to be there that nobody has written yet, unless it was taken away.
    Suppose(String),
}

/// An entity that is written.
#[derive(Debug, Clone)]
pub struct New {
    /// What the client calls it, if it does.
    pub key: Option<String>,
    /// What it sent.
    pub sent: Map<String, Value>,
}

/// What a client says of whether an entity is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Presence {
    /// Nothing.
    #[default]
    Any,
    /// It is there (`If-Match`, RFC 9110 §13.1.1).
    There,
    /// It is not (`If-None-Match: *`, RFC 9110 §13.1.2).
    NotThere,
}

/// What is done where the entity that is replaced is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// It is added (RFC 9110 §9.3.4).
    Created,
    /// It is said to be unknown.
    Unknown,
}

/// How an entity is changed.
#[derive(Debug, Clone)]
pub enum Change {
    /// These members are set.
    Members(Map<String, Value>),
    /// RFC 7396
    MergePatch(Value),
    /// RFC 6902
    JsonPatch(Value),
}

/// What came of a step.
#[derive(Debug, Clone)]
pub enum Reply {
    /// The entity as it is now, or was when it was taken away.
    Entity {
        /// It.
        entity: Arc<Value>,
        /// What it is called.
        key: String,
        /// Whether it was not there before.
        is_new: bool,
    },
    /// All of them with what they are called, in the order in which they came.
    List(Vec<(String, Arc<Value>)>),
    /// There is none that is called so.
    Unknown(String),
    /// There is one that is called so already.
    Conflict(String),
    /// The entity is not what the client takes it for (RFC 9110 §13.1.1).
    Stale(Arc<Value>),
    /// The change cannot be made of it.
    Impossible(String),
    /// The number of the entity that is about to be made.
    Number(u64),
    /// There is no room for more.
    Full,
}

/// Entities by what they are called.
#[derive(Debug, Clone, Default)]
pub struct Entities {
    /// In the order in which they came.
    pub all: IndexMap<String, Arc<Value>>,
    /// What was taken away.
    gone: HashSet<String>,
    /// What was generated and nobody wrote, which gives way to what somebody calls the same.
    loose: HashSet<String>,
    /// How many were made.
    made: u64,
    /// The bytes that it takes.
    size: usize,
}

/// How entities are made: what is there from the beginning, and new ones.
pub struct EntityFactory<'m> {
    /// What is on the shelf before anybody wrote to it.
    pub base: &'m dyn Fn() -> Arc<Entities>,
    /// What becomes of what was sent: with the number of the entity, and its key if the client has one. It says
    /// what it is called too.
    pub make: &'m dyn Fn(u64, &New) -> (String, Value),
    /// What becomes of an entity that was changed, or that what was sent is put in the place of.
    pub remake: &'m dyn Fn(&str, &Value, Option<&New>) -> Value,
    /// Puts back what a patch must not change of an entity: the old one, and the new.
    pub protect: &'m dyn Fn(&Value, &mut Value),
    /// What the client says of whether the entity is there.
    pub presence: Presence,
    /// An entity that nobody wrote, from what it is called.
    pub suppose: &'m dyn Fn(&str) -> Value,
    /// Whether an entity, which is there, is what the client takes it for.
    pub is_current: &'m dyn Fn(&Value) -> bool,
}

impl Entities {
    /// What is there from the beginning.
    #[must_use]
    pub fn seeded(all: IndexMap<String, Arc<Value>>) -> Self {
        // What comes is counted on from the greatest number that one is called by.
        let numbers = all.keys().filter_map(|key| key.parse::<u64>().ok()).filter(|number| *number < 1 << 52);
        let made = numbers.max().unwrap_or(0).max(all.len() as u64);
        let size = all.iter().map(|(key, entity)| size_of_entity(key, entity)).sum();
        Self { all, made, size, ..Self::default() }
    }

    /// The same, of which nobody has seen anything yet.
    #[must_use]
    pub fn generated(all: IndexMap<String, Arc<Value>>) -> Self {
        let loose: HashSet<String> = all.keys().cloned().collect();
        let seeded = Self::seeded(all);
        let size = seeded.size + loose.iter().map(|key| size_of_key(key)).sum::<usize>();
        Self { loose, size, ..seeded }
    }

    /// The entities of an export: of them some were taken away, and so many made.
    #[must_use]
    pub fn exported(all: IndexMap<String, Arc<Value>>, gone: HashSet<String>, made: u64) -> Self {
        let seeded = Self::seeded(all);
        let size = seeded.size + gone.iter().map(|key| size_of_key(key)).sum::<usize>();
        // Beyond that, numbers are not whole in every reader.
        let made = made.min(1 << 52).max(seeded.all.len() as u64);
        Self { gone, made, size, ..seeded }
    }

    /// The bytes that they take.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// The keys of those that were taken away.
    pub fn gone(&self) -> impl Iterator<Item = &String> {
        self.gone.iter()
    }

    /// How many were made.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.made
    }

    /// Puts an entity in its place.
    ///
    /// # Errors
    ///
    /// The reply that says why it is not kept: it takes more than `room`, in bytes, or is nested too deep.
    fn set(&mut self, key: &str, entity: Value, room: usize) -> Result<(), Reply> {
        if size::is_too_deep(&entity) {
            return Err(Reply::Impossible(format!("the entity is nested deeper than {MOST_NESTED} levels")));
        }
        let before = self.all.get(key).map_or(0, |before| size_of_entity(key, before));
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
    }

    fn entity(&self, key: &str, is_new: bool) -> Reply {
        match self.all.get(key) {
            Some(entity) => Reply::Entity { entity: Arc::clone(entity), key: key.to_owned(), is_new },
            None => Reply::Unknown(key.to_owned()),
        }
    }

    /// The reply to a step that changes nothing; none if it may.
    pub(super) fn show(&self, step: &Step) -> Option<Reply> {
        match step {
            Step::List => {
                Some(Reply::List(self.all.iter().map(|(key, entity)| (key.clone(), Arc::clone(entity))).collect()))
            }
            Step::Read(key) => Some(self.entity(key, false)),
            Step::Suppose(key) if self.all.contains_key(key) || self.gone.contains(key) => {
                Some(self.entity(key, false))
            }
            _ => None,
        }
    }

    /// Takes a step, which may add so many bytes.
    pub(super) fn write(&mut self, step: Step, factory: &EntityFactory<'_>, room: usize) -> Reply {
        self.written(step, factory, room).unwrap_or_else(|refused| refused)
    }

    /// # Errors
    ///
    /// The reply of a step that is not taken.
    fn written(&mut self, step: Step, factory: &EntityFactory<'_>, room: usize) -> Result<Reply, Reply> {
        Ok(match step {
            Step::List | Step::Read(_) => self.show(&step).unwrap_or(Reply::List(Vec::new())),
            Step::Suppose(key) => {
                let entity = (factory.suppose)(&key);
                match self.set(&key, entity.clone(), room) {
                    Ok(()) => self.entity(&key, false),
                    // What need not be kept is shown all the same.
                    Err(_) => Reply::Entity { entity: Arc::new(entity), key, is_new: false },
                }
            }
            Step::Create(new) => {
                match new.key.as_ref().filter(|key| self.all.contains_key(*key) && !self.loose.contains(*key)) {
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
                self.entity(&key, true)
            }
            Step::Upsert { new, by } => {
                let is_meant =
                    |entity: &Value| by.as_ref().is_some_and(|(name, value)| entity.get(name) == Some(value));
                let known = new.key.clone().filter(|key| self.all.contains_key(key));
                let known =
                    known.or_else(|| self.all.iter().find(|(_, entity)| is_meant(entity)).map(|(key, _)| key.clone()));
                match known {
                    Some(key) => self.change(&key, &Change::Members(new.sent), factory, room)?,
                    None => self.add(&new, factory, room)?,
                }
            }
            Step::Replace(key, new, absent) => match (self.all.get(&key).cloned(), absent) {
                (Some(entity), _) if !(factory.is_current)(&entity) || factory.presence == Presence::NotThere => {
                    Reply::Stale(entity)
                }
                (None, _) if factory.presence == Presence::There => Reply::Stale(Arc::default()),
                (Some(entity), _) => {
                    self.set(&key, (factory.remake)(&key, &entity, Some(&new)), room)?;
                    self.entity(&key, false)
                }
                (None, Absent::Created) => self.add(&New { key: Some(key), ..new }, factory, room)?,
                (None, Absent::Unknown) => Reply::Unknown(key),
            },
            Step::Change(key, change) => self.change(&key, &change, factory, room)?,
            Step::Delete(key) => match self.all.get(&key).cloned() {
                Some(entity) if !(factory.is_current)(&entity) => Reply::Stale(entity),
                Some(entity) => {
                    self.take(&key);
                    Reply::Entity { entity, key, is_new: false }
                }
                None => Reply::Unknown(key),
            },
        })
    }

    fn add(&mut self, new: &New, factory: &EntityFactory<'_>, room: usize) -> Result<Reply, Reply> {
        // What is called like another is made again; of keys of which there are few none may be left.
        let mut last = String::new();
        for _ in 0..TRIES {
            self.made += 1;
            let (key, entity) = (factory.make)(self.made, new);
            if new.key.is_some() || !self.all.contains_key(&key) && !self.gone.contains(&key) {
                self.set(&key, entity, room)?;
                return Ok(self.entity(&key, true));
            }
            last = key;
        }
        Ok(Reply::Conflict(last))
    }

    fn change(&mut self, key: &str, change: &Change, factory: &EntityFactory<'_>, room: usize) -> Result<Reply, Reply> {
        let entity = self.all.get(key).cloned().ok_or_else(|| Reply::Unknown(key.to_owned()))?;
        if !(factory.is_current)(&entity) {
            return Err(Reply::Stale(entity));
        }
        let mut changed = (*entity).clone();
        match change {
            Change::Members(members) => {
                for (name, value) in members {
                    match (changed.get_mut(name), value) {
                        // What JSON:API has below `attributes` is what others have beside it.
                        (Some(Value::Object(own)), Value::Object(sent)) if name == "attributes" => {
                            own.extend(sent.iter().map(|(name, value)| (name.clone(), value.clone())));
                        }
                        _ => changed[name.as_str()] = value.clone(),
                    }
                }
            }
            Change::MergePatch(patch) => json_patch::merge(&mut changed, patch),
            Change::JsonPatch(patch) => {
                let impossible = |why| Reply::Impossible(format!("the patch cannot be applied: {why}"));
                changed = patched(&entity, patch).map_err(impossible)?;
                (factory.protect)(&entity, &mut changed);
            }
        }
        self.set(key, (factory.remake)(key, &changed, None), room)?;
        Ok(self.entity(key, false))
    }
}

/// The bytes that an entity takes on its shelf.
fn size_of_entity(key: &str, entity: &Value) -> usize {
    // Beside an entity that is shared there are two counts.
    const COUNTS: usize = 2 * size_of::<usize>();
    size::entry(key.len(), size_of::<Arc<Value>>()) + COUNTS + size::of(entity)
}

/// The bytes that a key takes that is kept without its entity.
fn size_of_key(key: &str) -> usize {
    size::entry(key.len(), 0)
}

/// How often an entity is made for a key that no other has.
const TRIES: usize = 16;

/// How many changes a JSON Patch may have; one of more is refused.
const MOST_CHANGES: usize = 200;

/// How large what a JSON Patch makes may be, in bytes of memory; what makes more is refused.
const LARGEST: usize = 4 * 1024 * 1024;

/// Applies a JSON Patch (RFC 6902); nothing of it is done where a part of it cannot be.
fn patched(entity: &Value, patch: &Value) -> Result<Value, String> {
    let patch: json_patch::Patch = serde_json::from_value(patch.clone()).map_err(|error| error.to_string())?;
    if patch.0.len() > MOST_CHANGES {
        return Err(format!("it has more than {MOST_CHANGES} operations"));
    }
    let mut changed = entity.clone();
    for (index, operation) in patch.0.iter().enumerate() {
        let done = json_patch::patch(&mut changed, std::slice::from_ref(operation));
        done.map_err(|error| format!("operation {index} fails at `{}`: {}", error.path, error.kind))?;
        if size::is_too_deep(&changed) {
            return Err(format!("what it makes is nested deeper than {MOST_NESTED} levels"));
        }
        if size::of(&changed) > LARGEST {
            return Err(format!("what it makes has more than {LARGEST} bytes"));
        }
    }
    Ok(changed)
}
