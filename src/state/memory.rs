//! What is remembered: worlds by the names of their sessions, and in each the entities of its collections.
//!
//! Each operation is one step: nobody sees a half of it, and nothing is lost between two of them. What an
//! entity looks like is left to `exchange`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::journal::Journal;

/// Which entities an operation is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shelf {
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
    /// The bytes that it takes, about.
    size: usize,
}

/// How entities are made: what is there from the beginning, and new ones.
pub struct Making<'m> {
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
        let size = all.iter().map(|(key, entity)| key.len() + weight(entity)).sum();
        Self { all, made, size, ..Self::default() }
    }

    /// The same, of which nobody has seen anything yet.
    #[must_use]
    pub fn generated(all: IndexMap<String, Arc<Value>>) -> Self {
        let loose = all.keys().cloned().collect();
        Self { loose, ..Self::seeded(all) }
    }

    fn set(&mut self, key: &str, entity: Value) {
        self.gone.remove(key);
        self.loose.remove(key);
        self.size += key.len() + weight(&entity);
        if let Some(before) = self.all.insert(key.to_owned(), Arc::new(entity)) {
            self.size = self.size.saturating_sub(key.len() + weight(&before));
        }
    }

    fn take(&mut self, key: &str) {
        self.gone.insert(key.to_owned());
        if let Some(before) = self.all.shift_remove(key) {
            self.size = self.size.saturating_sub(weight(&before));
        }
    }

    fn entity(&self, key: &str, is_new: bool) -> Reply {
        match self.all.get(key) {
            Some(entity) => Reply::Entity { entity: Arc::clone(entity), key: key.to_owned(), is_new },
            None => Reply::Unknown(key.to_owned()),
        }
    }

    fn show(&self, step: &Step) -> Option<Reply> {
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

    fn write(&mut self, step: Step, making: &Making<'_>) -> Reply {
        match step {
            Step::List | Step::Read(_) => self.show(&step).unwrap_or(Reply::List(Vec::new())),
            Step::Suppose(key) => {
                self.set(&key, (making.suppose)(&key));
                self.entity(&key, false)
            }
            Step::Create(new) => {
                match new.key.as_ref().filter(|key| self.all.contains_key(*key) && !self.loose.contains(*key)) {
                    Some(key) => Reply::Conflict(key.clone()),
                    None => self.add(&new, making),
                }
            }
            Step::Count => {
                self.made += 1;
                Reply::Number(self.made)
            }
            Step::Put { key, entity, new } => {
                if self.all.contains_key(&key) || self.gone.contains(&key) {
                    return self.add(&new, making);
                }
                self.set(&key, entity);
                self.entity(&key, true)
            }
            Step::Upsert { new, by } => {
                let is_meant =
                    |entity: &Value| by.as_ref().is_some_and(|(name, value)| entity.get(name) == Some(value));
                let known = new.key.clone().filter(|key| self.all.contains_key(key));
                let known =
                    known.or_else(|| self.all.iter().find(|(_, entity)| is_meant(entity)).map(|(key, _)| key.clone()));
                match known {
                    Some(key) => self.change(&key, &Change::Members(new.sent), making),
                    None => self.add(&new, making),
                }
            }
            Step::Replace(key, new, absent) => match (self.all.get(&key).cloned(), absent) {
                (Some(entity), _) if !(making.is_current)(&entity) || making.presence == Presence::NotThere => {
                    Reply::Stale(entity)
                }
                (None, _) if making.presence == Presence::There => Reply::Stale(Arc::default()),
                (Some(entity), _) => {
                    self.set(&key, (making.remake)(&key, &entity, Some(&new)));
                    self.entity(&key, false)
                }
                (None, Absent::Created) => self.add(&New { key: Some(key), ..new }, making),
                (None, Absent::Unknown) => Reply::Unknown(key),
            },
            Step::Change(key, change) => self.change(&key, &change, making),
            Step::Delete(key) => match self.all.get(&key).cloned() {
                Some(entity) if !(making.is_current)(&entity) => Reply::Stale(entity),
                Some(entity) => {
                    self.take(&key);
                    Reply::Entity { entity, key, is_new: false }
                }
                None => Reply::Unknown(key),
            },
        }
    }

    fn add(&mut self, new: &New, making: &Making<'_>) -> Reply {
        // What is called like another is made again; of keys of which there are few none may be left.
        let mut last = String::new();
        for _ in 0..TRIES {
            self.made += 1;
            let (key, entity) = (making.make)(self.made, new);
            if new.key.is_some() || !self.all.contains_key(&key) && !self.gone.contains(&key) {
                self.set(&key, entity);
                return self.entity(&key, true);
            }
            last = key;
        }
        Reply::Conflict(last)
    }

    fn change(&mut self, key: &str, change: &Change, making: &Making<'_>) -> Reply {
        let Some(entity) = self.all.get(key).cloned() else { return Reply::Unknown(key.to_owned()) };
        if !(making.is_current)(&entity) {
            return Reply::Stale(entity);
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
            Change::JsonPatch(patch) => match patched(&entity, patch) {
                Ok(patched) => {
                    changed = patched;
                    (making.protect)(&entity, &mut changed);
                }
                Err(why) => return Reply::Impossible(why),
            },
        }
        let changed = (making.remake)(key, &changed, None);
        self.set(key, changed);
        self.entity(key, false)
    }
}

/// How often an entity is made for a key that no other has.
const TRIES: usize = 16;

/// How many changes a JSON Patch may have, and how large what it makes may be, in bytes.
const MOST_CHANGES: usize = 200;
const LARGEST: usize = 1024 * 1024;

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
        if weight(&changed) > LARGEST {
            return Err(format!("what it makes has more than {LARGEST} bytes"));
        }
    }
    Ok(changed)
}

/// The bytes that a value takes, about.
fn weight(value: &Value) -> usize {
    const EACH: usize = 32;
    EACH + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(object) => object.iter().map(|(name, value)| 2 * name.len() + EACH + weight(value)).sum(),
        Value::Number(number) => number.as_str().len(),
        Value::Null | Value::Bool(_) => 0,
    }
}

/// Everything that one session has.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Entities, as far as anybody wrote to them.
    shelves: HashMap<Shelf, Entities>,
    /// How often something was done, by name; for steps that advance.
    pub counts: HashMap<String, u64>,
    /// When a window of time began, since the sandbox did, and how often something was done in it.
    pub windows: HashMap<String, (Duration, u64)>,
    /// The scenario that was chosen for it.
    pub scenario: Option<String>,
    /// What was exchanged in it.
    pub journal: Journal,
    /// What it was like, by the names that somebody gave to it.
    snapshots: BTreeMap<String, (usize, Arc<Value>)>,
    /// The bytes that it takes, about.
    size: usize,
    /// How often it was changed.
    changes: u64,
    /// How many bytes it may take, about; any, if it is 0.
    limit: usize,
}

impl World {
    /// Nothing yet, and not more than so many bytes, about.
    #[must_use]
    pub fn limited(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// How often it was changed: as long as that is the same, so is its state.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Takes one step. What would add to a world that is too large already is not done.
    pub fn step(&mut self, shelf: &Shelf, step: Step, making: &Making<'_>) -> Reply {
        let is_added = matches!(
            step,
            Step::Create(_)
                | Step::Count
                | Step::Put { .. }
                | Step::Upsert { .. }
                | Step::Suppose(..)
                | Step::Replace(..)
        );
        if is_added && self.limit > 0 && self.size > self.limit {
            return match step {
                Step::Suppose(key) => Reply::Entity { entity: Arc::new((making.suppose)(&key)), key, is_new: false },
                _ => Reply::Full,
            };
        }
        if let Some(entities) = self.shelves.get_mut(shelf) {
            if let Some(shown) = entities.show(&step) {
                return shown;
            }
            self.changes += 1;
            let before = entities.size;
            let reply = entities.write(step, making);
            self.size = (self.size + entities.size).saturating_sub(before);
            return reply;
        }
        let base = (making.base)();
        if let Some(shown) = base.show(&step) {
            return shown;
        }
        self.changes += 1;
        let mut entities = (*base).clone();
        let reply = entities.write(step, making);
        // What could not be done leaves nothing behind.
        if matches!(reply, Reply::Entity { .. } | Reply::Number(_)) {
            self.size += entities.size;
            self.shelves.insert(shelf.clone(), entities);
        }
        reply
    }

    /// The entities of a collection that were written to, by scope.
    #[must_use]
    pub fn written(&self, collection: &str) -> Vec<(&str, &Entities)> {
        let mut found: Vec<(&str, &Entities)> = self
            .shelves
            .iter()
            .filter(|(shelf, _)| shelf.collection == collection)
            .map(|(shelf, entities)| (shelf.scope.as_str(), entities))
            .collect();
        found.sort_unstable_by_key(|(scope, _)| *scope);
        found
    }

    /// Puts these entities in the place of all of a shelf.
    pub fn put(&mut self, shelf: Shelf, all: IndexMap<String, Arc<Value>>) {
        self.changes += 1;
        let entities = Entities::seeded(all);
        self.size += entities.size;
        if let Some(before) = self.shelves.insert(shelf, entities) {
            self.size = self.size.saturating_sub(before.size);
        }
    }

    /// Everything that it has, as JSON: `{"scenario": …, "counts": {…}, "state": [{"collection": …, …}]}`.
    #[must_use]
    pub fn export(&self) -> Value {
        let mut shelves: Vec<(&Shelf, &Entities)> = self.shelves.iter().collect();
        shelves.sort_unstable_by_key(|(shelf, _)| (shelf.collection.clone(), shelf.scope.clone()));
        let state = shelves.into_iter().map(|(shelf, entities)| {
            let mut gone: Vec<&String> = entities.gone.iter().collect();
            gone.sort_unstable();
            let all: Map<String, Value> =
                entities.all.iter().map(|(key, entity)| (key.clone(), (**entity).clone())).collect();
            json!({"collection": shelf.collection, "scope": shelf.scope, "made": entities.made, "gone": gone, "entities": all})
        });
        let state: Vec<Value> = state.collect();
        let mut counts: Vec<(&String, &u64)> = self.counts.iter().collect();
        counts.sort_unstable();
        let counts: Map<String, Value> = counts.into_iter().map(|(name, count)| (name.clone(), json!(count))).collect();
        json!({ "scenario": self.scenario, "counts": counts, "state": state })
    }

    /// The world that was exported.
    ///
    /// # Errors
    ///
    /// What is wrong with the JSON, in words.
    pub fn import(value: &Value) -> Result<Self, String> {
        let object = value.as_object().ok_or("a snapshot is an object")?;
        let mut world =
            Self { scenario: object.get("scenario").and_then(Value::as_str).map(str::to_owned), ..Self::default() };
        for (name, count) in object.get("counts").and_then(Value::as_object).into_iter().flatten() {
            world
                .counts
                .insert(name.clone(), count.as_u64().ok_or_else(|| format!("`counts` has no number for `{name}`"))?);
        }
        let shelves = match object.get("state") {
            None => &[][..],
            Some(state) => state.as_array().ok_or("`state` is a list")?,
        };
        for (index, shelf) in shelves.iter().enumerate() {
            let text = |name: &str| {
                let found = shelf.get(name).and_then(Value::as_str).map(str::to_owned);
                found.ok_or_else(|| format!("`state[{index}]` has no text `{name}`"))
            };
            let place = Shelf { collection: text("collection")?, scope: text("scope")? };
            let entities = shelf.get("entities").and_then(Value::as_object);
            let entities = entities.ok_or_else(|| format!("`state[{index}]` has no object `entities`"))?;
            if let Some((key, _)) = entities.iter().find(|(_, entity)| !entity.is_object()) {
                return Err(format!("`state[{index}]` has an entity `{key}` that is no object"));
            }
            let all: IndexMap<String, Arc<Value>> =
                entities.iter().map(|(key, entity)| (key.clone(), Arc::new(entity.clone()))).collect();
            let gone = shelf.get("gone").and_then(Value::as_array).into_iter().flatten();
            let gone = gone.filter_map(Value::as_str).map(str::to_owned).collect();
            // Beyond that, numbers are not whole in every reader.
            let made = shelf.get("made").and_then(Value::as_u64).unwrap_or(0).min(1 << 52).max(all.len() as u64);
            let entities = Entities { gone, made, ..Entities::seeded(all) };
            world.size += entities.size;
            world.shelves.insert(place, entities);
        }
        Ok(world)
    }

    /// The bytes that it takes, about.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size + self.journal.size() + self.snapshots.values().map(|(size, _)| size).sum::<usize>()
    }

    /// Counts what is done, by name; gives how often it was done before.
    pub fn turn(&mut self, name: &str) -> u64 {
        self.changes += 1;
        let count = self.counts.entry(name.to_owned()).or_insert(0);
        *count += 1;
        *count - 1
    }

    /// Chooses the scenario, whose steps begin anew.
    pub fn choose(&mut self, scenario: Option<String>) {
        self.changes += 1;
        self.scenario = scenario;
        self.counts.clear();
    }

    /// Forgets everything, and what was exchanged.
    pub fn empty(&mut self) {
        self.forget();
        self.journal.clear();
        self.snapshots.clear();
    }

    /// The names of the collections that it has something of.
    #[must_use]
    pub fn collections(&self) -> Vec<&str> {
        self.shelves.keys().map(|shelf| shelf.collection.as_str()).collect()
    }

    /// Keeps what it is like now under a name.
    pub fn take_snapshot(&mut self, name: &str) {
        let snapshot = self.export();
        self.snapshots.insert(name.to_owned(), (weight(&snapshot), Arc::new(snapshot)));
    }

    /// What it was like, under a name.
    #[must_use]
    pub fn snapshot(&self, name: &str) -> Option<Arc<Value>> {
        self.snapshots.get(name).map(|(_, snapshot)| Arc::clone(snapshot))
    }

    /// Forgets what it was like; false if there is nothing of the name.
    pub fn drop_snapshot(&mut self, name: &str) -> bool {
        self.snapshots.remove(name).is_some()
    }

    /// The names under which it is known what it was like.
    #[must_use]
    pub fn snapshots(&self) -> Vec<String> {
        self.snapshots.keys().cloned().collect()
    }

    /// Forgets what was written, how often something was done, and the scenario; the journal and the snapshots stay.
    pub fn forget(&mut self) {
        self.become_like(Self::default());
    }

    /// Takes the state of another world, and keeps its own journal and snapshots.
    pub fn become_like(&mut self, other: Self) {
        let journal = std::mem::take(&mut self.journal);
        let snapshots = std::mem::take(&mut self.snapshots);
        let (changes, limit) = (self.changes + 1, self.limit);
        *self = Self { journal, snapshots, changes, limit, ..other };
    }
}
