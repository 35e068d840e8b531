//! Control API: save, list, compare, restore and delete snapshots of the session.
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::errors::problem::Problem;
use crate::server::control::state::full;
use crate::server::control::{Control, ControlRequest, not_there, unprocessable};
use crate::state::memory::{CollectionKey, Entities};
use crate::state::session::{SessionState, Snapshot};

/// Maximum number of snapshots of a session.
const MOST: usize = 100;

/// Maximum number of differences that are listed.
const MOST_CHANGES: usize = 500;

/// Differences between two states.
#[derive(Debug, Default)]
struct Changes {
    added: Vec<Value>,
    removed: Vec<Value>,
    changed: Vec<Value>,
    left_out: usize,
}

impl Changes {
    fn has_room(&mut self) -> bool {
        let has_room = self.added.len() + self.removed.len() + self.changed.len() < MOST_CHANGES;
        self.left_out += usize::from(!has_room);
        has_room
    }

    /// Adds the differences between the entities of a collection.
    fn compare(&mut self, place: &CollectionKey, before: &Entities, after: &Entities) {
        let described =
            |key: &str| json!({"collection": place.collection, "scope": place.scope, "key": key});
        for (key, old) in &before.all {
            let new = after.all.get(key);
            if new.is_some_and(|new| new == old) || !self.has_room() {
                continue;
            }
            let mut item = described(key);
            match new {
                Some(new) => {
                    item["before"] = (**old).clone();
                    item["after"] = (**new).clone();
                    self.changed.push(item);
                }
                None => {
                    item["entity"] = (**old).clone();
                    self.removed.push(item);
                }
            }
        }
        for (key, new) in &after.all {
            if before.all.contains_key(key) || !self.has_room() {
                continue;
            }
            let mut item = described(key);
            item["entity"] = (**new).clone();
            self.added.push(item);
        }
    }
}

impl Control {
    pub(super) fn snapshots(&self, asked: &ControlRequest<'_>) -> Value {
        let names = self
            .sandbox
            .memory()
            .look(asked.about(), SessionState::snapshots);
        json!({ "snapshots": names.unwrap_or_default() })
    }

    pub(super) fn take_snapshot(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let name = asked.segment("snapshots");
        let taken = self.sandbox.within(asked.about(), |session_state| {
            let is_room =
                session_state.snapshots().len() < MOST || session_state.snapshot(&name).is_some();
            is_room.then(|| session_state.take_snapshot(&name))
        });
        let taken = taken
            .ok_or_else(|| unprocessable(format!("a session has {MOST} snapshots at most")))?;
        taken.map_err(full)?;
        Ok(self.snapshots(asked))
    }

    fn snapshot_of(
        &self,
        asked: &ControlRequest<'_>,
        name: &str,
    ) -> Result<Arc<Snapshot>, Problem> {
        let found = self
            .sandbox
            .memory()
            .look(asked.about(), |session_state| session_state.snapshot(name))
            .flatten();
        found.ok_or_else(|| not_there(format!("there is no snapshot `{name}`")))
    }

    pub(super) fn snapshot(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        self.snapshot_of(asked, &asked.segment("snapshots"))
            .map(|snapshot| snapshot.export())
    }

    pub(super) fn restore(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let snapshot = (*self.snapshot_of(asked, &asked.segment("snapshots"))?).clone();
        self.sandbox
            .within(asked.about(), |there| there.become_like(snapshot))
            .map_err(full)?;
        Ok(Value::Null)
    }

    pub(super) fn drop_snapshot(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let name = asked.segment("snapshots");
        if self.sandbox.within(asked.about(), |session_state| {
            session_state.drop_snapshot(&name)
        }) {
            return Ok(Value::Null);
        }
        Err(not_there(format!("there is no snapshot `{name}`")))
    }

    /// Lists what differs between a snapshot and the session now, or another snapshot.
    pub(super) fn compare_snapshot(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let name = asked.segment("snapshots");
        let before = self.snapshot_of(asked, &name)?;
        let after = match asked.query("with") {
            Some(other) => self.snapshot_of(asked, other)?,
            None => {
                let now = self.sandbox.memory().look(asked.about(), SessionState::now);
                Arc::new(now.unwrap_or_default())
            }
        };
        let keys: BTreeSet<(&str, &str)> = [&before, &after]
            .into_iter()
            .flat_map(|side| side.keys())
            .map(|key| (key.collection.as_str(), key.scope.as_str()))
            .collect();
        let known = self.all_collections();
        let mut changes = Changes::default();
        for (collection, scope) in keys {
            let key = CollectionKey {
                collection: collection.to_owned(),
                scope: scope.to_owned(),
            };
            // A side that the session did not write to has the entities of the beginning; none, if the
            // documents have no such collection any more.
            let of = |side: &Snapshot| match (side.entities(&key), known.get(collection)) {
                (Some(entities), _) => Arc::clone(entities),
                (None, Some((collection, _))) => self.sandbox.beginning(collection, scope),
                (None, None) => Arc::default(),
            };
            changes.compare(&key, &of(&before), &of(&after));
        }
        let mut answer = json!({
            "snapshot": name,
            "with": asked.query("with"),
            "added": changes.added,
            "removed": changes.removed,
            "changed": changes.changed,
            "leftOut": changes.left_out,
        });
        if before.scenario != after.scenario {
            answer["scenario"] = json!({"before": before.scenario, "after": after.scenario});
        }
        Ok(answer)
    }
}
