//! Snapshot of a session: the entities, counts and scenario of one moment, as JSON too.
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::state::error::SnapshotError;
use crate::state::memory::rename::Rescope;
use crate::state::memory::{CollectionKey, Entities, Reply};
use crate::state::posted::PostedFixture;
use crate::state::size;

/// State at one moment. A copy shares its entities with the original until one of them is changed.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Entities of the collections that were written to.
    pub(super) collection_keys: HashMap<CollectionKey, Arc<Entities>>,
    /// Counts by name, for fixtures with several steps and for random draws.
    pub(super) counts: HashMap<String, u64>,
    /// Selected scenario.
    pub scenario: Option<String>,
    /// Memory of the snapshot, in bytes.
    pub(super) size: usize,
}

impl Snapshot {
    /// Returns the snapshot as JSON: `{"scenario": …, "counts": {…}, "state": [{"collection": …,
    /// …}]}`.
    #[must_use]
    pub fn export(&self) -> Value {
        let mut collection_keys: Vec<(&CollectionKey, &Arc<Entities>)> =
            self.collection_keys.iter().collect();
        collection_keys.sort_unstable_by_key(|(collection_key, _)| {
            (
                collection_key.collection.as_str(),
                collection_key.scope.as_str(),
            )
        });
        let state = collection_keys.into_iter().map(|(collection_key, entities)| {
            let mut gone: Vec<&String> = entities.gone().collect();
            gone.sort_unstable();
            let all: Map<String, Value> =
                entities.all.iter().map(|(key, entity)| (key.clone(), (**entity).clone())).collect();
            let mut exported = json!({"collection": collection_key.collection, "scope": collection_key.scope, "made": entities.made(), "gone": gone, "entities": all});
            if !entities.homes().is_empty() {
                let homes = entities.all.keys().filter_map(|key| entities.homes().get_key_value(key));
                exported["homes"] = homes.map(|(key, home)| (key.clone(), json!(home))).collect();
            }
            exported
        });
        let state: Vec<Value> = state.collect();
        let mut counts: Vec<(&String, &u64)> = self.counts.iter().collect();
        counts.sort_unstable();
        let counts: Map<String, Value> = counts
            .into_iter()
            .map(|(name, count)| (name.clone(), json!(count)))
            .collect();
        json!({ "scenario": self.scenario, "counts": counts, "state": state })
    }

    /// Reads an exported snapshot.
    ///
    /// # Errors
    ///
    /// Returns the first mistake in the JSON.
    pub fn import(value: &Value) -> Result<Self, SnapshotError> {
        let object = value.as_object().ok_or(SnapshotError::NotAnObject)?;
        let mut read = Self::default();
        read.choose(
            object
                .get("scenario")
                .and_then(Value::as_str)
                .map(str::to_owned),
        );
        for (name, count) in object
            .get("counts")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let count = count
                .as_u64()
                .ok_or_else(|| SnapshotError::Count { name: name.clone() })?;
            *read.count(name) = count;
        }
        let collection_keys = match object.get("state") {
            None => &[][..],
            Some(state) => state.as_array().ok_or(SnapshotError::State)?,
        };
        for (index, collection_key) in collection_keys.iter().enumerate() {
            let (place, entities) = import_collection(collection_key, index)?;
            read.place(place, entities);
        }
        Ok(read)
    }

    /// Returns the names of the collections that were written to.
    #[must_use]
    pub fn collections(&self) -> Vec<&str> {
        self.collection_keys
            .keys()
            .map(|collection_key| collection_key.collection.as_str())
            .collect()
    }

    /// Returns the collections that were written to, with their names and entities.
    pub(crate) fn written(&self) -> impl Iterator<Item = (&str, &Entities)> {
        let all = self.collection_keys.iter();
        all.map(|(key, entities)| (key.collection.as_str(), &**entities))
    }

    /// Returns the collections that were written to, in the order of their names.
    pub(crate) fn keys(&self) -> Vec<&CollectionKey> {
        let mut keys: Vec<&CollectionKey> = self.collection_keys.keys().collect();
        keys.sort_unstable_by_key(|key| (key.collection.as_str(), key.scope.as_str()));
        keys
    }

    /// Returns the entities of a collection, if it was written to.
    pub(crate) fn entities(&self, collection_key: &CollectionKey) -> Option<&Arc<Entities>> {
        self.collection_keys.get(collection_key)
    }

    /// Replaces all entities of a collection.
    pub(super) fn place(&mut self, collection_key: CollectionKey, entities: Entities) {
        self.size += entities.size() + size_of_collection(&collection_key);
        let before = self
            .collection_keys
            .get(&collection_key)
            .map_or(0, |before| {
                before.size() + size_of_collection(&collection_key)
            });
        self.size = self.size.saturating_sub(before);
        self.collection_keys
            .insert(collection_key, Arc::new(entities));
    }

    /// Moves what belongs to an entity of a collection after it was renamed: the collections below it, and the homes
    /// of the entities that are added below it.
    pub(super) fn follow(
        &mut self,
        collection_key: &CollectionKey,
        renamed: Option<(String, String)>,
        reply: &Reply,
    ) {
        let (Some((from, to)), Reply::Entity { .. }) = (renamed, reply) else {
            return;
        };
        let below = |key: &str| match collection_key.scope.as_str() {
            "" => key.to_owned(),
            scope => format!("{scope}/{key}"),
        };
        let rescope = Rescope {
            collections: format!("{}/{{", collection_key.collection),
            from: below(&from),
            to: below(&to),
        };
        let all = self.collection_keys.keys();
        let moved: Vec<(CollectionKey, String)> = all
            .filter_map(|key| Some((key.clone(), rescope.scope(&key.collection, &key.scope)?)))
            .collect();
        for (key, scope) in moved {
            if let Some(entities) = self.collection_keys.remove(&key) {
                let size = entities.size() + size_of_collection(&key);
                self.size = self.size.saturating_sub(size);
                let key = CollectionKey { scope, ..key };
                self.place(key, Arc::unwrap_or_clone(entities));
            }
        }
        for entities in self.collection_keys.values_mut() {
            if entities.is_below(&rescope) {
                let before = entities.size();
                Arc::make_mut(entities).rehome(&rescope);
                self.size = (self.size + entities.size()).saturating_sub(before);
            }
        }
    }

    /// Returns the count of this name, to be increased; it starts at 0.
    pub(super) fn count(&mut self, name: &str) -> &mut u64 {
        if !self.counts.contains_key(name) {
            self.size += size::entry(name.len(), size_of::<u64>());
        }
        self.counts.entry(name.to_owned()).or_insert(0)
    }

    /// Clears the counts of a fixture that a client added.
    pub(super) fn uncount(&mut self, posted: &PostedFixture) {
        let names: Vec<String> = posted
            .fixture
            .steps()
            .map(|step| step.place.name())
            .collect();
        let size = &mut self.size;
        self.counts.retain(|name, _| {
            let is_own = names.iter().any(|own| name.ends_with(own.as_str()));
            if is_own {
                *size = size.saturating_sub(size::entry(name.len(), size_of::<u64>()));
            }
            !is_own
        });
    }

    /// Selects the scenario, and clears all counts so that its steps begin anew.
    pub(super) fn choose(&mut self, scenario: Option<String>) {
        let counts = self
            .counts
            .keys()
            .map(|name| size::entry(name.len(), size_of::<u64>()));
        self.size = self.size.saturating_sub(counts.sum());
        self.counts.clear();
        let length =
            |scenario: &Option<String>| scenario.as_ref().map_or(0, |name| size::block(name.len()));
        self.size = (self.size + length(&scenario)).saturating_sub(length(&self.scenario));
        self.scenario = scenario;
    }
}

fn import_collection(
    collection_key: &Value,
    index: usize,
) -> Result<(CollectionKey, Entities), SnapshotError> {
    let text = |name: &'static str| {
        let found = collection_key
            .get(name)
            .and_then(Value::as_str)
            .map(str::to_owned);
        found.ok_or(SnapshotError::Text { index, name })
    };
    let place = CollectionKey {
        collection: text("collection")?,
        scope: text("scope")?,
    };
    let entities = collection_key.get("entities").and_then(Value::as_object);
    let entities = entities.ok_or(SnapshotError::Entities { index })?;
    for (key, entity) in entities {
        if !entity.is_object() {
            let key = key.clone();
            return Err(SnapshotError::Entity { index, key });
        }
        if size::is_too_deep(entity) {
            let key = key.clone();
            return Err(SnapshotError::EntityTooDeep { index, key });
        }
    }
    let all = entities
        .iter()
        .map(|(key, entity)| (key.clone(), Arc::new(entity.clone())))
        .collect();
    let gone = collection_key
        .get("gone")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let gone = gone.filter_map(Value::as_str).map(str::to_owned).collect();
    let made = collection_key
        .get("made")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    let mut entities = Entities::exported(all, gone, made);
    let homes = collection_key.get("homes").and_then(Value::as_object);
    for (key, home) in homes.into_iter().flatten() {
        if let Some(home) = home.as_str().filter(|_| entities.all.contains_key(key)) {
            entities.settle(key, Some(&home.to_owned()));
        }
    }
    Ok((place, entities))
}

/// Returns the memory of a collection without its entities, in bytes.
pub(super) fn size_of_collection(collection_key: &CollectionKey) -> usize {
    size::entry(
        collection_key.collection.len() + collection_key.scope.len(),
        size_of::<CollectionKey>() + size_of::<Entities>(),
    )
}
