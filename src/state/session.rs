//! What one session has: what is remembered in it, its journal, and its snapshots, all within one bound.
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use crate::state::journal::Journal;
use crate::state::memory::{CollectionKey, Entities, EntityFactory, Reply, Step};
use crate::state::size;

/// What is remembered at one moment. A copy shares its entities with the original until one of them is written to.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Entities, as far as anybody wrote to them.
    collection_keys: HashMap<CollectionKey, Arc<Entities>>,
    /// How often something was done, by name; for steps that advance.
    counts: HashMap<String, u64>,
    /// The scenario that was chosen.
    pub scenario: Option<String>,
    /// The bytes that it takes.
    size: usize,
}

/// Everything that one session has.
#[derive(Debug, Clone, Default)]
pub struct SessionState {
    now: Snapshot,
    /// When a window of time began, since the sandbox did, and how often something was done in it.
    windows: HashMap<String, (Duration, u64)>,
    /// What was exchanged in it.
    pub journal: Journal,
    /// What it was like, by the names that somebody gave to it.
    snapshots: BTreeMap<String, Arc<Snapshot>>,
    /// The bytes that the snapshots and the windows take.
    others: usize,
    /// How often it was changed.
    changes: u64,
    /// How many bytes it may take; any, if there is none.
    limit: Option<usize>,
}

/// What would be kept takes more than the session may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it takes {size} bytes in memory, and {room} are left of `--session-memory`")]
pub struct Full {
    /// How many bytes it takes.
    pub size: usize,
    /// How many are left.
    pub room: usize,
}

impl Snapshot {
    /// Everything that it has, as JSON: `{"scenario": …, "counts": {…}, "state": [{"collection": …, …}]}`.
    #[must_use]
    pub fn export(&self) -> Value {
        let mut collection_keys: Vec<(&CollectionKey, &Arc<Entities>)> = self.collection_keys.iter().collect();
        collection_keys.sort_unstable_by_key(|(collection_key, _)| {
            (collection_key.collection.as_str(), collection_key.scope.as_str())
        });
        let state = collection_keys.into_iter().map(|(collection_key, entities)| {
            let mut gone: Vec<&String> = entities.gone().collect();
            gone.sort_unstable();
            let all: Map<String, Value> =
                entities.all.iter().map(|(key, entity)| (key.clone(), (**entity).clone())).collect();
            json!({"collection": collection_key.collection, "scope": collection_key.scope, "made": entities.made(), "gone": gone, "entities": all})
        });
        let state: Vec<Value> = state.collect();
        let mut counts: Vec<(&String, &u64)> = self.counts.iter().collect();
        counts.sort_unstable();
        let counts: Map<String, Value> = counts.into_iter().map(|(name, count)| (name.clone(), json!(count))).collect();
        json!({ "scenario": self.scenario, "counts": counts, "state": state })
    }

    /// Reads what was exported.
    ///
    /// # Errors
    ///
    /// What is wrong with the JSON, in words.
    pub fn import(value: &Value) -> Result<Self, String> {
        let object = value.as_object().ok_or("a snapshot is an object")?;
        let mut read = Self::default();
        read.choose(object.get("scenario").and_then(Value::as_str).map(str::to_owned));
        for (name, count) in object.get("counts").and_then(Value::as_object).into_iter().flatten() {
            let count = count.as_u64().ok_or_else(|| format!("`counts` has no number for `{name}`"))?;
            *read.count(name) = count;
        }
        let collection_keys = match object.get("state") {
            None => &[][..],
            Some(state) => state.as_array().ok_or("`state` is a list")?,
        };
        for (index, collection_key) in collection_keys.iter().enumerate() {
            let (place, entities) = import_shelf(collection_key, index)?;
            read.place(place, entities);
        }
        Ok(read)
    }

    /// The names of the collections that it has something of.
    #[must_use]
    pub fn collections(&self) -> Vec<&str> {
        self.collection_keys.keys().map(|collection_key| collection_key.collection.as_str()).collect()
    }

    /// Puts entities in the place of all of a shelf.
    fn place(&mut self, collection_key: CollectionKey, entities: Entities) {
        self.size += entities.size() + size_of_shelf(&collection_key);
        let before = self
            .collection_keys
            .get(&collection_key)
            .map_or(0, |before| before.size() + size_of_shelf(&collection_key));
        self.size = self.size.saturating_sub(before);
        self.collection_keys.insert(collection_key, Arc::new(entities));
    }

    /// How often something was done, to be counted on.
    fn count(&mut self, name: &str) -> &mut u64 {
        if !self.counts.contains_key(name) {
            self.size += size::entry(name.len(), size_of::<u64>());
        }
        self.counts.entry(name.to_owned()).or_insert(0)
    }

    /// Chooses the scenario, whose steps begin anew.
    fn choose(&mut self, scenario: Option<String>) {
        let counts = self.counts.keys().map(|name| size::entry(name.len(), size_of::<u64>()));
        self.size = self.size.saturating_sub(counts.sum());
        self.counts.clear();
        let length = |scenario: &Option<String>| scenario.as_ref().map_or(0, |name| size::block(name.len()));
        self.size = (self.size + length(&scenario)).saturating_sub(length(&self.scenario));
        self.scenario = scenario;
    }
}

fn import_shelf(collection_key: &Value, index: usize) -> Result<(CollectionKey, Entities), String> {
    let text = |name: &str| {
        let found = collection_key.get(name).and_then(Value::as_str).map(str::to_owned);
        found.ok_or_else(|| format!("`state[{index}]` has no text `{name}`"))
    };
    let place = CollectionKey { collection: text("collection")?, scope: text("scope")? };
    let entities = collection_key.get("entities").and_then(Value::as_object);
    let entities = entities.ok_or_else(|| format!("`state[{index}]` has no object `entities`"))?;
    for (key, entity) in entities {
        if !entity.is_object() {
            return Err(format!("`state[{index}]` has an entity `{key}` that is no object"));
        }
        if size::is_too_deep(entity) {
            let most = size::MOST_NESTED;
            return Err(format!("`state[{index}]` has an entity `{key}` that is nested deeper than {most} levels"));
        }
    }
    let all = entities.iter().map(|(key, entity)| (key.clone(), Arc::new(entity.clone()))).collect();
    let gone = collection_key.get("gone").and_then(Value::as_array).into_iter().flatten();
    let gone = gone.filter_map(Value::as_str).map(str::to_owned).collect();
    let made = collection_key.get("made").and_then(Value::as_u64).unwrap_or(0);
    Ok((place, Entities::exported(all, gone, made)))
}

/// The bytes that a shelf takes beside its entities.
fn size_of_shelf(collection_key: &CollectionKey) -> usize {
    size::entry(
        collection_key.collection.len() + collection_key.scope.len(),
        size_of::<CollectionKey>() + size_of::<Entities>(),
    )
}

impl SessionState {
    /// What a world without anything in it takes, in bytes, with its place among the others.
    const EMPTY: usize = size_of::<Self>() + 512;

    /// Nothing yet, and not more than so many bytes.
    #[must_use]
    pub fn limited(limit: usize) -> Self {
        Self { limit: Some(limit), ..Self::default() }
    }

    /// A world of its own with what is remembered at a moment, and without a bound.
    #[must_use]
    pub fn of(now: Snapshot) -> Self {
        Self { now, ..Self::default() }
    }

    /// Says how many bytes it may take from now on.
    pub fn limit(&mut self, limit: usize) {
        self.limit = Some(limit);
    }

    /// How often it was changed: as long as that is the same, so is its state.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The scenario that was chosen for it.
    #[must_use]
    pub fn scenario(&self) -> Option<&String> {
        self.now.scenario.as_ref()
    }

    /// Takes one step. What would take more than the world may is not done.
    pub fn step(&mut self, collection_key: &CollectionKey, step: Step, factory: &EntityFactory<'_>) -> Reply {
        let room = self.room();
        if let Some(entities) = self.now.collection_keys.get_mut(collection_key) {
            if let Some(shown) = entities.show(&step) {
                return shown;
            }
            let before = entities.size();
            let reply = Arc::make_mut(entities).write(step, factory, room);
            self.now.size = (self.now.size + entities.size()).saturating_sub(before);
            self.changes += 1;
            return reply;
        }
        let base = (factory.base)();
        if let Some(shown) = base.show(&step) {
            return shown;
        }
        let own = base.size() + size_of_shelf(collection_key);
        let Some(room) = room.checked_sub(own) else {
            return match step {
                Step::Suppose(key) => Reply::Entity { entity: Arc::new((factory.suppose)(&key)), key, is_new: false },
                _ => Reply::Full,
            };
        };
        let mut entities = (*base).clone();
        let reply = entities.write(step, factory, room);
        // What could not be done leaves nothing behind.
        if matches!(reply, Reply::Entity { .. } | Reply::Number(_)) {
            self.changes += 1;
            self.now.place(collection_key.clone(), entities);
        }
        reply
    }

    /// How many bytes may be added. Of what is kept already only the journal makes room.
    fn room(&self) -> usize {
        self.limit.map_or(usize::MAX, |limit| limit.saturating_sub(self.size() - self.journal.size()))
    }

    fn check(&self, size: usize) -> Result<(), Full> {
        let room = self.room();
        if size > room { Err(Full { size, room }) } else { Ok(()) }
    }

    /// Lets the oldest exchanges of the journal go until the world takes no more than it may.
    pub fn fit(&mut self) {
        if let Some(limit) = self.limit {
            let most = limit.saturating_sub(self.size() - self.journal.size());
            self.journal.fit(most);
        }
    }

    /// Puts these entities in the place of all of a shelf.
    ///
    /// # Errors
    ///
    /// [`Full`], and nothing changes.
    pub fn put(&mut self, collection_key: CollectionKey, all: IndexMap<String, Arc<Value>>) -> Result<(), Full> {
        let entities = Entities::seeded(all);
        let before = self.now.collection_keys.get(&collection_key).map_or(0, |entities| entities.size());
        self.check((entities.size() + size_of_shelf(&collection_key)).saturating_sub(before))?;
        self.changes += 1;
        self.now.place(collection_key, entities);
        Ok(())
    }

    /// What is remembered now, to be looked at by who has it.
    #[must_use]
    pub fn now(&self) -> Snapshot {
        self.now.clone()
    }

    /// The entities of a shelf that was written to.
    #[must_use]
    pub fn entities(&self, collection_key: &CollectionKey) -> Option<&Arc<Entities>> {
        self.now.collection_keys.get(collection_key)
    }

    /// Everything that is remembered, as JSON, see [`Snapshot::export`].
    #[must_use]
    pub fn export(&self) -> Value {
        self.now.export()
    }

    /// The bytes that it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        Self::EMPTY + self.now.size + self.others + self.journal.size()
    }

    /// Counts what is done, by name; gives how often it was done before.
    pub fn turn(&mut self, name: &str) -> u64 {
        self.changes += 1;
        let count = self.now.count(name);
        *count += 1;
        *count - 1
    }

    /// Counts what is done in the current window of time; gives how often it was done in it, this once counted, and how
    /// long the window goes on. `now` is the time since the sandbox began.
    pub fn window(&mut self, name: &str, now: Duration, per: Duration) -> (u64, Duration) {
        if !self.windows.contains_key(name) {
            self.others += size::entry(name.len(), size_of::<(Duration, u64)>());
        }
        let (began, count) = self.windows.entry(name.to_owned()).or_insert((now, 0));
        if now.saturating_sub(*began) >= per {
            (*began, *count) = (now, 0);
        }
        *count += 1;
        (*count, per.saturating_sub(now.saturating_sub(*began)))
    }

    /// Chooses the scenario, whose steps begin anew.
    pub fn choose(&mut self, scenario: Option<String>) {
        self.changes += 1;
        self.now.choose(scenario);
    }

    /// Forgets everything, and what was exchanged.
    pub fn empty(&mut self) {
        let (changes, limit) = (self.changes + 1, self.limit);
        *self = Self { changes, limit, ..Self::default() };
    }

    /// Keeps what it is like now under a name. It is counted as a copy, which it becomes when the original changes.
    ///
    /// # Errors
    ///
    /// [`Full`], and nothing changes.
    pub fn take_snapshot(&mut self, name: &str) -> Result<(), Full> {
        let before = self.snapshots.get(name).map_or(0, |before| size_of_snapshot(name, before));
        let size = size_of_snapshot(name, &self.now);
        self.check(size.saturating_sub(before))?;
        self.others = (self.others + size).saturating_sub(before);
        self.snapshots.insert(name.to_owned(), Arc::new(self.now.clone()));
        Ok(())
    }

    /// What it was like, under a name.
    #[must_use]
    pub fn snapshot(&self, name: &str) -> Option<Arc<Snapshot>> {
        self.snapshots.get(name).map(Arc::clone)
    }

    /// Forgets what it was like; false if there is nothing of the name.
    pub fn drop_snapshot(&mut self, name: &str) -> bool {
        let Some(snapshot) = self.snapshots.remove(name) else { return false };
        self.others = self.others.saturating_sub(size_of_snapshot(name, &snapshot));
        true
    }

    /// The names under which it is known what it was like.
    #[must_use]
    pub fn snapshots(&self) -> Vec<String> {
        self.snapshots.keys().cloned().collect()
    }

    /// Forgets what was written, how often something was done, and the scenario; the journal and the snapshots stay.
    pub fn forget(&mut self) {
        self.replace(Snapshot::default());
    }

    /// Takes the state of a snapshot, and keeps its own journal and snapshots.
    ///
    /// # Errors
    ///
    /// [`Full`], and nothing changes.
    pub fn become_like(&mut self, snapshot: Snapshot) -> Result<(), Full> {
        self.check(snapshot.size.saturating_sub(self.now.size))?;
        self.replace(snapshot);
        Ok(())
    }

    fn replace(&mut self, snapshot: Snapshot) {
        self.changes += 1;
        self.now = snapshot;
        let windows = self.windows.keys().map(|name| size::entry(name.len(), size_of::<(Duration, u64)>()));
        self.others = self.others.saturating_sub(windows.sum());
        self.windows.clear();
    }
}

/// The bytes that a snapshot takes under its name.
fn size_of_snapshot(name: &str, snapshot: &Snapshot) -> usize {
    size::entry(name.len(), size_of::<Snapshot>()) + snapshot.size
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::memory::{Absent, Change, New, Presence};

    const BASE: &str = "base";

    fn factory(run: impl FnOnce(&EntityFactory<'_>) -> Reply) -> Reply {
        let of_sent = |new: &New| Value::Object(new.sent.clone());
        run(&EntityFactory {
            base: &|| Arc::new(Entities::generated(IndexMap::from([(BASE.to_owned(), Arc::new(json!({})))]))),
            make: &|number, new| (new.key.clone().unwrap_or_else(|| number.to_string()), of_sent(new)),
            remake: &|_, entity, new| new.map_or_else(|| entity.clone(), of_sent),
            protect: &|_, _| {},
            presence: Presence::Any,
            suppose: &|key| json!({ "supposed": key }),
            is_current: &|_| true,
        })
    }

    fn collection_key() -> CollectionKey {
        CollectionKey { collection: "/pets".to_owned(), scope: String::new() }
    }

    fn step(session_state: &mut SessionState, step: Step) -> Reply {
        factory(|factory| session_state.step(&collection_key(), step, factory))
    }

    pub(crate) fn new(key: &str, length: usize) -> New {
        let sent = json!({ "text": "x".repeat(length) });
        New { key: Some(key.to_owned()), sent: sent.as_object().cloned().expect("is an object") }
    }

    fn members(length: usize) -> Change {
        Change::Members(new("", length).sent)
    }

    #[test]
    fn nothing_makes_a_world_larger_than_it_may_be() {
        let large = 10_000;
        let growing = [
            Step::Create(new("b", large)),
            Step::Put { key: "b".to_owned(), entity: json!("x".repeat(large)), new: new("b", large) },
            Step::Upsert { new: new("b", large), by: None },
            Step::Upsert { new: new("a", large), by: None },
            Step::Replace("a".to_owned(), new("a", large), Absent::Unknown),
            Step::Replace("b".to_owned(), new("b", large), Absent::Created),
            Step::Change("a".to_owned(), members(large)),
            Step::Change("a".to_owned(), Change::MergePatch(json!({ "text": "x".repeat(large) }))),
        ];
        let kept = |session_state: &SessionState| {
            let entities = session_state.entities(&collection_key()).map(|entities| entities.all.clone());
            (session_state.size(), entities)
        };
        for (at, growing) in growing.into_iter().enumerate() {
            let mut session_state = SessionState::limited(large / 2);
            assert!(matches!(step(&mut session_state, Step::Create(new("a", 1))), Reply::Entity { .. }));
            let before = kept(&session_state);
            assert!(matches!(step(&mut session_state, growing), Reply::Full), "{at}");
            assert_eq!(kept(&session_state), before, "{at}");
            let reply = step(&mut session_state, Step::Change("a".to_owned(), members(2)));
            assert!(matches!(reply, Reply::Entity { .. }), "what fits is done: {reply:?}");
        }
    }

    #[test]
    fn what_is_supposed_is_shown_where_it_cannot_be_kept() {
        let mut session_state = SessionState::limited(0);
        let reply = step(&mut session_state, Step::Suppose("a".to_owned()));
        assert!(matches!(reply, Reply::Entity { entity, .. } if entity["supposed"] == "a"));
        assert_eq!(session_state.size(), SessionState::EMPTY);
    }

    #[test]
    fn what_is_there_is_counted_once_whatever_was_done_to_it() {
        let mut session_state = SessionState::default();
        step(&mut session_state, Step::Create(new("a", 100)));
        let once = session_state.size();
        for _ in 0..100 {
            step(&mut session_state, Step::Delete("a".to_owned()));
            assert!(session_state.size() < once);
            step(&mut session_state, Step::Create(new("a", 100)));
            step(&mut session_state, Step::Change("a".to_owned(), members(500)));
            assert!(session_state.size() > once);
            step(&mut session_state, Step::Replace("a".to_owned(), new("a", 100), Absent::Unknown));
            assert_eq!(session_state.size(), once);
        }
        let exported = Snapshot::import(&session_state.export()).expect("is what was exported");
        // What was generated and nobody wrote is known as that only as long as it is in memory.
        assert_eq!(exported.size, session_state.now.size - size::entry(BASE.len(), 0));
        session_state.empty();
        assert_eq!(session_state.size(), SessionState::EMPTY);
    }

    #[test]
    fn a_snapshot_is_counted_and_is_what_was() {
        let mut session_state = SessionState::default();
        step(&mut session_state, Step::Create(new("a", 100)));
        let before = (session_state.size(), session_state.export());
        session_state.take_snapshot("one").expect("there is room");
        session_state.take_snapshot("one").expect("there is room");
        let counted = session_state.size();
        assert!(counted > before.0 + 100);
        step(&mut session_state, Step::Delete("a".to_owned()));
        let snapshot = session_state.snapshot("one").expect("it was taken");
        assert_eq!(snapshot.export(), before.1);
        session_state.become_like((*snapshot).clone()).expect("there is room");
        assert_eq!((session_state.size(), session_state.export()), (counted, before.1));
        assert!(session_state.drop_snapshot("one"));
        assert_eq!(session_state.size(), before.0);
        session_state.limit(session_state.size());
        assert!(session_state.take_snapshot("two").is_err());
    }

    #[test]
    fn a_window_of_time_ends_with_its_last_moment() {
        let (mut session_state, per) = (SessionState::default(), Duration::from_secs(10));
        let at =
            |session_state: &mut SessionState, seconds| session_state.window("a", Duration::from_secs(seconds), per);
        assert_eq!(at(&mut session_state, 5), (1, per));
        assert_eq!(at(&mut session_state, 14), (2, Duration::from_secs(1)));
        assert_eq!(at(&mut session_state, 15), (1, per), "the next one has begun");
    }
}
