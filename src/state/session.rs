//! State of one session: entities, counts, scenario, journal and snapshots, all within one limit.
//!
//! `sessions` holds one for each session; the steps of requests run on it.
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::Value;

use crate::state::journal::Journal;
use crate::state::memory::{CollectionKey, Edit, EditError, Entities, EntityFactory, Reply, Step};
use crate::state::posted::{PostedFixture, PostedFixtures};
use crate::state::size;
pub(crate) use crate::state::snapshot::Snapshot;
use crate::state::snapshot::size_of_collection;

/// Everything that one session holds.
#[derive(Debug, Clone, Default)]
pub struct SessionState {
    now: Snapshot,
    /// Rate-limit windows by name: the start, since the sandbox began, and the count in the window.
    windows: HashMap<String, (Duration, u64)>,
    /// Exchanges of the session; those of the unnamed session are in `Rings` instead.
    pub journal: Journal,
    /// Saved snapshots by name.
    snapshots: BTreeMap<String, Arc<Snapshot>>,
    /// Memory of the snapshots and windows, in bytes.
    others: usize,
    /// Fixtures that the client added.
    posted: PostedFixtures,
    /// Number of changes.
    changes: u64,
    /// Maximum memory in bytes; unlimited if `None`.
    limit: Option<usize>,
}

/// Failure to keep what would exceed the memory limit of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it takes {size} bytes in memory, and {room} are left of `--session-memory`")]
pub struct Full {
    /// Memory that is needed, in bytes.
    pub size: usize,
    /// Memory that is left, in bytes.
    pub room: usize,
}

impl SessionState {
    /// Memory of an empty session, in bytes, with its place among the sessions.
    const EMPTY: usize = size_of::<Self>() + 512;

    /// Returns an empty state that may take up to `limit` bytes.
    #[must_use]
    pub fn limited(limit: usize) -> Self {
        Self {
            limit: Some(limit),
            ..Self::default()
        }
    }

    /// Returns a separate, unlimited state that begins with a snapshot.
    #[must_use]
    pub fn of(now: Snapshot) -> Self {
        Self {
            now,
            ..Self::default()
        }
    }

    /// Sets the maximum memory, in bytes.
    pub fn limit(&mut self, limit: usize) {
        self.limit = Some(limit);
    }

    /// Returns the number of changes; while it is the same, so is the exported state.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Returns the selected scenario.
    #[must_use]
    pub fn scenario(&self) -> Option<&String> {
        self.now.scenario.as_ref()
    }

    /// Runs one step. A step that would grow the session past its limit returns [`Reply::Full`], or
    /// the entity without keeping it if it is [`Step::Suppose`].
    pub fn step(
        &mut self,
        collection_key: &CollectionKey,
        step: Step,
        factory: &EntityFactory<'_>,
    ) -> Reply {
        let room = self.room();
        if let Some(entities) = self.now.collection_keys.get_mut(collection_key) {
            let step = match entities.identified(step, factory) {
                Ok(step) => step,
                Err(unknown) => return unknown,
            };
            if let Some(shown) = entities.show(&step) {
                return shown;
            }
            let before = entities.size();
            let renamed = renamed(&step);
            let reply = Arc::make_mut(entities).write(step, factory, room);
            self.now.size = (self.now.size + entities.size()).saturating_sub(before);
            self.changes += 1;
            self.now.follow(collection_key, renamed, &reply);
            return reply;
        }
        let base = (factory.base)();
        let step = match base.identified(step, factory) {
            Ok(step) => step,
            Err(unknown) => return unknown,
        };
        if let Some(shown) = base.show(&step) {
            return shown;
        }
        let own = base.size() + size_of_collection(collection_key);
        let Some(room) = room.checked_sub(own) else {
            return match step {
                Step::Suppose(asked) => {
                    let (key, entity) = (factory.suppose)(&asked);
                    Reply::Entity {
                        entity: Arc::new(entity),
                        key,
                        is_new: false,
                    }
                }
                _ => Reply::Full,
            };
        };
        let mut entities = (*base).clone();
        let renamed = renamed(&step);
        let reply = entities.write(step, factory, room);
        // A step that failed does not create the collection.
        if matches!(reply, Reply::Entity { .. } | Reply::Number(_)) {
            self.changes += 1;
            self.now.place(collection_key.clone(), entities);
            self.now.follow(collection_key, renamed, &reply);
        }
        reply
    }

    /// Returns the memory that may be added, in bytes. The journal does not count, because its
    /// exchanges are dropped to make room.
    fn room(&self) -> usize {
        self.limit.map_or(usize::MAX, |limit| {
            limit.saturating_sub(self.size() - self.journal.size())
        })
    }

    fn check(&self, size: usize) -> Result<(), Full> {
        let room = self.room();
        if size > room {
            Err(Full { size, room })
        } else {
            Ok(())
        }
    }

    /// Drops the oldest exchanges of the journal until the session is within its limit.
    pub fn fit(&mut self) {
        if let Some(limit) = self.limit {
            let most = limit.saturating_sub(self.size() - self.journal.size());
            self.journal.fit(most);
        }
    }

    /// Replaces all entities of a collection.
    ///
    /// # Errors
    ///
    /// Returns [`Full`] if they do not fit; then nothing changes.
    pub fn put(
        &mut self,
        collection_key: CollectionKey,
        all: IndexMap<String, Arc<Value>>,
    ) -> Result<(), Full> {
        let entities = Entities::seeded(all);
        let before = self
            .now
            .collection_keys
            .get(&collection_key)
            .map_or(0, |entities| entities.size());
        self.check((entities.size() + size_of_collection(&collection_key)).saturating_sub(before))?;
        self.changes += 1;
        self.now.place(collection_key, entities);
        Ok(())
    }

    /// Changes a single entity of a collection that begins with `base`.
    ///
    /// # Errors
    ///
    /// [`EditError`], if the change is refused; then nothing changes.
    pub(crate) fn edit(
        &mut self,
        collection_key: CollectionKey,
        base: &Arc<Entities>,
        edit: Edit,
    ) -> Result<(), EditError> {
        let room = self.room();
        let written = self.now.collection_keys.get(&collection_key);
        let own = match written {
            Some(_) => 0,
            None => base.size() + size_of_collection(&collection_key),
        };
        let room = room.checked_sub(own).ok_or(EditError::Full)?;
        let mut entities = (**written.unwrap_or(base)).clone();
        entities.edit(edit, room)?;
        self.changes += 1;
        self.now.place(collection_key, entities);
        Ok(())
    }

    /// Returns a copy of the current state, see [`Snapshot`].
    #[must_use]
    pub fn now(&self) -> Snapshot {
        self.now.clone()
    }

    /// Returns the entities of a collection that was written to.
    #[must_use]
    pub fn entities(&self, collection_key: &CollectionKey) -> Option<&Arc<Entities>> {
        self.now.collection_keys.get(collection_key)
    }

    /// Returns true if a collection was written to.
    #[must_use]
    pub(crate) fn has_written(&self) -> bool {
        !self.now.collection_keys.is_empty()
    }

    /// Returns the current state as JSON, see [`Snapshot::export`].
    #[must_use]
    pub fn export(&self) -> Value {
        self.now.export()
    }

    /// Returns the memory of the session, in bytes, with its journal and snapshots.
    #[must_use]
    pub fn size(&self) -> usize {
        Self::EMPTY + self.now.size + self.others + self.posted.size() + self.journal.size()
    }

    /// Counts an event by name; returns how often it was counted before.
    pub fn turn(&mut self, name: &str) -> u64 {
        self.changes += 1;
        let count = self.now.count(name);
        *count += 1;
        *count - 1
    }

    /// Returns how often an event was counted.
    #[must_use]
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.now.counts.get(name).copied().unwrap_or(0)
    }

    /// Counts an event by name if there were fewer than `most` before it; returns false if not.
    pub fn counts_below(&mut self, name: &str, most: u64) -> bool {
        let count = self.now.count(name);
        if *count >= most {
            return false;
        }
        *count += 1;
        self.changes += 1;
        true
    }

    /// Counts an event by name in the current time window. Returns its count in the window, this
    /// event included, and the time until the window ends. `now` is the time since the sandbox
    /// began, and `per` is the length of a window.
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

    /// Selects the scenario, whose steps begin anew.
    pub fn choose(&mut self, scenario: Option<String>) {
        self.changes += 1;
        self.now.choose(scenario);
    }

    /// Clears everything, including the journal and the snapshots.
    pub fn empty(&mut self) {
        let (changes, limit) = (self.changes + 1, self.limit);
        *self = Self {
            changes,
            limit,
            ..Self::default()
        };
    }

    /// Saves the state as a named snapshot. Its size is counted as that of a full copy, which it
    /// becomes when the original changes.
    ///
    /// # Errors
    ///
    /// Returns [`Full`] if it does not fit; then nothing changes.
    pub fn take_snapshot(&mut self, name: &str) -> Result<(), Full> {
        let before = self
            .snapshots
            .get(name)
            .map_or(0, |before| size_of_snapshot(name, before));
        let size = size_of_snapshot(name, &self.now);
        self.check(size.saturating_sub(before))?;
        self.others = (self.others + size).saturating_sub(before);
        self.snapshots
            .insert(name.to_owned(), Arc::new(self.now.clone()));
        Ok(())
    }

    /// Returns the snapshot of this name.
    #[must_use]
    pub fn snapshot(&self, name: &str) -> Option<Arc<Snapshot>> {
        self.snapshots.get(name).map(Arc::clone)
    }

    /// Deletes the snapshot of this name; returns false if there is none.
    pub fn drop_snapshot(&mut self, name: &str) -> bool {
        let Some(snapshot) = self.snapshots.remove(name) else {
            return false;
        };
        self.others = self
            .others
            .saturating_sub(size_of_snapshot(name, &snapshot));
        true
    }

    /// Returns the names of the snapshots.
    #[must_use]
    pub fn snapshots(&self) -> Vec<String> {
        self.snapshots.keys().cloned().collect()
    }

    /// Clears the entities, the counts, the rate-limit windows, the scenario and the added fixtures;
    /// keeps the journal and the snapshots.
    pub fn forget(&mut self) {
        self.replace(Snapshot::default());
        self.posted = PostedFixtures::default();
    }

    /// Returns the fixtures that the client added.
    pub(crate) fn posted(&self) -> &PostedFixtures {
        &self.posted
    }

    /// Adds fixtures of the client.
    ///
    /// # Errors
    ///
    /// Returns [`Full`] if they do not fit; then nothing changes.
    pub(crate) fn post(&mut self, fixtures: Vec<Arc<PostedFixture>>) -> Result<(), Full> {
        self.check(PostedFixtures::size_of_more(&fixtures))?;
        // Counts of a fixture of the same id may be left from an earlier run (`--state-file`).
        fixtures.iter().for_each(|posted| self.now.uncount(posted));
        self.posted.add(fixtures);
        Ok(())
    }

    /// Removes one fixture of the client, or all without an id; returns the number of removed
    /// fixtures.
    pub(crate) fn unpost(&mut self, id: Option<u64>) -> usize {
        let removed = self.posted.remove(id);
        removed.iter().for_each(|posted| self.now.uncount(posted));
        removed.len()
    }

    /// Restores the state of a snapshot; keeps the journal and the snapshots.
    ///
    /// # Errors
    ///
    /// Returns [`Full`] if it does not fit; then nothing changes.
    pub fn become_like(&mut self, snapshot: Snapshot) -> Result<(), Full> {
        self.check(snapshot.size.saturating_sub(self.now.size))?;
        self.replace(snapshot);
        Ok(())
    }

    fn replace(&mut self, snapshot: Snapshot) {
        self.changes += 1;
        self.now = snapshot;
        let windows = self
            .windows
            .keys()
            .map(|name| size::entry(name.len(), size_of::<(Duration, u64)>()));
        self.others = self.others.saturating_sub(windows.sum());
        self.windows.clear();
    }
}

/// Returns the keys of an entity before and after a step that renames it.
fn renamed(step: &Step) -> Option<(String, String)> {
    match step {
        Step::Rename { key, to, .. } if key != to => Some((key.clone(), to.clone())),
        _ => None,
    }
}

/// Returns the memory of a snapshot with its name, in bytes.
fn size_of_snapshot(name: &str, snapshot: &Snapshot) -> usize {
    size::entry(name.len(), size_of::<Snapshot>()) + snapshot.size
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::state::memory::{Absent, Change, New, Presence};

    const BASE: &str = "base";

    fn factory(run: impl FnOnce(&EntityFactory<'_>) -> Reply) -> Reply {
        let of_sent = |new: &New| Value::Object(new.sent.clone());
        run(&EntityFactory {
            base: &|| {
                Arc::new(Entities::generated(IndexMap::from([(
                    BASE.to_owned(),
                    Arc::new(json!({})),
                )])))
            },
            make: &|number, new| {
                (
                    new.key.clone().unwrap_or_else(|| number.to_string()),
                    of_sent(new),
                )
            },
            remake: &|_, entity, new| new.map_or_else(|| entity.clone(), of_sent),
            protect: &|_, _| {},
            presence: Presence::Any,
            find: &|entities, key| entities.all.contains_key(key).then(|| key.to_owned()),
            aliases: &|_| Vec::new(),
            suppose: &|key| (key.to_owned(), json!({ "supposed": key })),
            is_current: &|_| true,
        })
    }

    fn collection_key() -> CollectionKey {
        CollectionKey {
            collection: "/pets".to_owned(),
            scope: String::new(),
        }
    }

    fn step(session_state: &mut SessionState, step: Step) -> Reply {
        factory(|factory| session_state.step(&collection_key(), step, factory))
    }

    pub(crate) fn new(key: &str, length: usize) -> New {
        let sent = json!({ "text": "x".repeat(length) });
        New {
            key: Some(key.to_owned()),
            sent: sent.as_object().cloned().expect("is an object"),
            home: None,
        }
    }

    fn members(length: usize) -> Change {
        Change::Members(new("", length).sent)
    }

    #[test]
    fn nothing_makes_a_world_larger_than_it_may_be() {
        let large = 10_000;
        let growing = [
            Step::Create(new("b", large)),
            Step::Put {
                key: "b".to_owned(),
                entity: json!("x".repeat(large)),
                new: new("b", large),
            },
            Step::Upsert {
                new: new("b", large),
                by: None,
            },
            Step::Upsert {
                new: new("a", large),
                by: None,
            },
            Step::Replace("a".to_owned(), new("a", large), Absent::Unknown),
            Step::Replace("b".to_owned(), new("b", large), Absent::Created),
            Step::Change("a".to_owned(), members(large)),
            Step::Change(
                "a".to_owned(),
                Change::MergePatch(json!({ "text": "x".repeat(large) })),
            ),
        ];
        let kept = |session_state: &SessionState| {
            let entities = session_state
                .entities(&collection_key())
                .map(|entities| entities.all.clone());
            (session_state.size(), entities)
        };
        for (at, growing) in growing.into_iter().enumerate() {
            let mut session_state = SessionState::limited(large / 2);
            assert!(matches!(
                step(&mut session_state, Step::Create(new("a", 1))),
                Reply::Entity { .. }
            ));
            let before = kept(&session_state);
            assert!(
                matches!(step(&mut session_state, growing), Reply::Full),
                "{at}"
            );
            assert_eq!(kept(&session_state), before, "{at}");
            let reply = step(&mut session_state, Step::Change("a".to_owned(), members(2)));
            assert!(
                matches!(reply, Reply::Entity { .. }),
                "what fits is done: {reply:?}"
            );
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
            step(
                &mut session_state,
                Step::Change("a".to_owned(), members(500)),
            );
            assert!(session_state.size() > once);
            step(
                &mut session_state,
                Step::Replace("a".to_owned(), new("a", 100), Absent::Unknown),
            );
            assert_eq!(session_state.size(), once);
        }
        let exported = Snapshot::import(&session_state.export()).expect("is what was exported");
        // An export does not say which keys are those of generated entities.
        assert_eq!(
            exported.size,
            session_state.now.size - size::entry(BASE.len(), 0)
        );
        session_state.empty();
        assert_eq!(session_state.size(), SessionState::EMPTY);
    }

    #[test]
    fn a_renamed_entity_is_counted_under_its_new_key_only() {
        let mut session_state = SessionState::default();
        let nested = CollectionKey {
            collection: "/pets/{id}/toys".to_owned(),
            scope: "a".to_owned(),
        };
        step(&mut session_state, Step::Create(new("a", 100)));
        step(&mut session_state, Step::Create(new("b", 100)));
        factory(|factory| session_state.step(&nested, Step::Create(new("ball", 1)), factory));
        let rename = |key: &str, to: &str| Step::Rename {
            key: key.to_owned(),
            to: to.to_owned(),
            change: members(100),
        };
        let before = session_state.size();
        let reply = step(&mut session_state, rename("a", "b"));
        assert!(matches!(reply, Reply::Conflict(key) if key == "b"));
        assert_eq!(session_state.size(), before);
        step(&mut session_state, rename("a", "c"));
        let entities = session_state
            .entities(&collection_key())
            .expect("was written");
        let keys: Vec<&String> = entities.all.keys().collect();
        assert_eq!(keys, [BASE, "c", "b"]);
        let moved = CollectionKey {
            scope: "c".to_owned(),
            ..nested.clone()
        };
        assert!(session_state.entities(&moved).is_some());
        assert!(session_state.entities(&nested).is_none());
        let gone = step(&mut session_state, Step::Read("a".to_owned()));
        assert!(matches!(gone, Reply::Unknown(_)));
        // The old key is kept as that of a deleted entity.
        assert_eq!(session_state.size(), before + size::entry(1, 0));
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
        session_state
            .become_like((*snapshot).clone())
            .expect("there is room");
        assert_eq!(
            (session_state.size(), session_state.export()),
            (counted, before.1)
        );
        assert!(session_state.drop_snapshot("one"));
        assert_eq!(session_state.size(), before.0);
        session_state.limit(session_state.size());
        assert!(session_state.take_snapshot("two").is_err());
    }

    #[test]
    fn a_window_of_time_ends_with_its_last_moment() {
        let (mut session_state, per) = (SessionState::default(), Duration::from_secs(10));
        let at = |session_state: &mut SessionState, seconds| {
            session_state.window("a", Duration::from_secs(seconds), per)
        };
        assert_eq!(at(&mut session_state, 5), (1, per));
        assert_eq!(at(&mut session_state, 14), (2, Duration::from_secs(1)));
        assert_eq!(
            at(&mut session_state, 15),
            (1, per),
            "the next one has begun"
        );
    }
}
