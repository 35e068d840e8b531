//! Control API: read and change collections, snapshots, scenarios and sessions.
use std::sync::Arc;

use http::StatusCode;
use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::diagnostic::ordinal;
use crate::entity::values::{keyed, misfit};
use crate::errors::problem::{Problem, ProblemKind};
use crate::resource::Collection;
use crate::server::control::{Control, ControlRequest, not_there, unprocessable};
use crate::state::memory::CollectionKey;
use crate::state::session::{Full, SessionState, Snapshot};
use crate::state::size::{MOST_NESTED, is_too_deep};

impl Control {
    pub(super) fn reset(&self, asked: &ControlRequest<'_>) -> Value {
        let everything = asked.query("all").is_some_and(|all| all == "true");
        let keeps_journal = asked.query("keep").is_some_and(|keep| keep == "journal");
        let memory = self.sandbox.memory();
        match (everything, keeps_journal) {
            (true, false) => self.forget(),
            (true, true) => {
                for (session, _) in memory.sessions() {
                    self.sandbox.within(&session, SessionState::forget);
                }
            }
            (false, true) => self.sandbox.within(asked.about(), SessionState::forget),
            (false, false) => {
                if asked.about().is_empty() {
                    memory.rings().clear();
                }
                self.sandbox.within(asked.about(), |session_state| {
                    session_state.forget();
                    session_state.journal.clear();
                });
            }
        }
        Value::Null
    }

    /// Clears all sessions, with their state, journals and snapshots.
    pub fn forget(&self) {
        self.sandbox.memory().reset(None);
    }

    pub(super) fn scenario(&self, asked: &ControlRequest<'_>) -> Value {
        let chosen = self
            .sandbox
            .memory()
            .look(asked.about(), |session_state| {
                session_state.scenario().cloned()
            })
            .flatten();
        json!({ "scenario": chosen, "scenarios": self.sandbox.scenarios() })
    }

    pub(super) fn set_scenario(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let name = asked
            .body
            .get("scenario")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let known = self.sandbox.scenarios();
        if let Some(name) = name.as_ref().filter(|name| !known.contains(name)) {
            return Err(unprocessable(format!(
                "no fixture has the scenario `{name}`; there are {}",
                listed(&known)
            )));
        }
        self.sandbox
            .within(asked.about(), |session_state| session_state.choose(name));
        Ok(self.scenario(asked))
    }

    pub(super) fn sessions(&self) -> Value {
        let sessions = self.sandbox.memory().sessions().into_iter();
        json!({ "sessions": sessions.map(|(name, size)| json!({"name": name, "bytes": size})).collect::<Vec<_>>() })
    }

    pub(super) fn export(&self, asked: &ControlRequest<'_>) -> Value {
        // The copy of the state is serialized outside the lock of the session.
        self.sandbox
            .memory()
            .look(asked.about(), SessionState::now)
            .unwrap_or_default()
            .export()
    }

    pub(super) fn import(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let state =
            Snapshot::import(&asked.body).map_err(|error| unprocessable(error.to_string()))?;
        let known = self.sandbox.resources().all(self.sandbox.contract());
        let is_known = |name: &str| known.iter().any(|(_, role)| role.collection.name == name);
        if let Some(name) = state.collections().into_iter().find(|name| !is_known(name)) {
            return Err(unprocessable(format!("there is no collection `{name}`")));
        }
        if let Some(name) = state
            .scenario
            .as_ref()
            .filter(|name| !self.sandbox.scenarios().contains(name))
        {
            return Err(unprocessable(format!(
                "no fixture has the scenario `{name}`"
            )));
        }
        self.sandbox
            .within(asked.about(), |there| there.become_like(state))
            .map_err(full)?;
        Ok(Value::Null)
    }

    /// Finds a collection by a name such as `/users/{userId}/orders`, or by the last segment of its
    /// name, such as `pets`.
    ///
    /// # Errors
    ///
    /// `Problem` 404, if there is no such collection.
    fn called(&self, name: &str) -> Result<Arc<Collection>, Problem> {
        let contract = self.sandbox.contract();
        let mut all: Vec<Arc<Collection>> = Vec::new();
        for (_, role) in self.sandbox.resources().all(contract) {
            if !all.iter().any(|known| known.name == role.collection.name) {
                all.push(Arc::clone(&role.collection));
            }
        }
        let plain = |text: &str| text.trim_matches('/').to_owned();
        let exact = all
            .iter()
            .find(|collection| plain(&collection.name) == plain(name));
        let last =
            |collection: &&Arc<Collection>| collection.name.rsplit(['/', '.']).next() == Some(name);
        exact
            .or_else(|| all.iter().find(last))
            .cloned()
            .ok_or_else(|| {
                let names: Vec<String> = all
                    .iter()
                    .map(|collection| collection.name.clone())
                    .collect();
                not_there(format!(
                    "there is no collection `{name}`; there are {}",
                    listed(&names)
                ))
            })
    }

    pub(super) fn collection(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let collection = self.called(&asked.after("state"))?;
        let scope = asked.query("scope").unwrap_or_default();
        let collection_key = CollectionKey {
            collection: collection.name.clone(),
            scope: scope.to_owned(),
        };
        let written = self
            .sandbox
            .memory()
            .look(asked.about(), |session_state| {
                session_state.entities(&collection_key).cloned()
            })
            .flatten();
        let entities = written.unwrap_or_else(|| self.sandbox.beginning(&collection, scope));
        let entities: Vec<Value> = entities
            .all
            .values()
            .map(|entity| (**entity).clone())
            .collect();
        Ok(
            json!({ "collection": collection.name, "scope": scope, "key": collection.key, "entities": entities }),
        )
    }

    pub(super) fn put_collection(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let collection = self.called(&asked.after("state"))?;
        let scope = asked.query("scope").unwrap_or_default().to_owned();
        let entities = asked
            .body
            .as_array()
            .ok_or_else(|| unprocessable("the content is a list of entities"))?;
        let mut all: IndexMap<String, Arc<Value>> = IndexMap::new();
        for (index, entity) in entities.iter().enumerate() {
            let key = keyed(&collection, entity, index)
                .map_err(|error| unprocessable(error.to_string()))?;
            if is_too_deep(entity) {
                return Err(unprocessable(format!(
                    "the {} entity is nested deeper than {MOST_NESTED} levels",
                    ordinal(index)
                )));
            }
            if let Some(error) = misfit(&collection, entity) {
                return Err(unprocessable(format!(
                    "the {} entity does not fit the schema of `{}`: {}",
                    ordinal(index),
                    collection.name,
                    error.located()
                )));
            }
            if all.insert(key.clone(), Arc::new(entity.clone())).is_some() {
                return Err(unprocessable(format!("two entities have the key `{key}`")));
            }
        }
        let collection_key = CollectionKey {
            collection: collection.name.clone(),
            scope,
        };
        self.sandbox
            .within(asked.about(), |session_state| {
                session_state.put(collection_key, all)
            })
            .map_err(full)?;
        self.collection(asked)
    }

    pub(super) fn snapshots(&self, asked: &ControlRequest<'_>) -> Value {
        json!({ "snapshots": self.sandbox.memory().look(asked.about(), SessionState::snapshots).unwrap_or_default() })
    }

    pub(super) fn take_snapshot(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        const MOST: usize = 100;
        let name = asked.after("snapshots");
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
        self.snapshot_of(asked, &asked.after("snapshots"))
            .map(|snapshot| snapshot.export())
    }

    pub(super) fn restore(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let name = asked.after("snapshots");
        let name = name.strip_suffix("/restore").unwrap_or(&name);
        let snapshot = (*self.snapshot_of(asked, name)?).clone();
        self.sandbox
            .within(asked.about(), |there| there.become_like(snapshot))
            .map_err(full)?;
        Ok(Value::Null)
    }

    pub(super) fn drop_snapshot(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let name = asked.after("snapshots");
        if self.sandbox.within(asked.about(), |session_state| {
            session_state.drop_snapshot(&name)
        }) {
            return Ok(Value::Null);
        }
        Err(not_there(format!("there is no snapshot `{name}`")))
    }
}

pub(super) fn full(error: Full) -> Problem {
    let detail = format!("the session is full: {error}; `POST /_standin/reset` empties it");
    Problem::new(ProblemKind::Full, StatusCode::INSUFFICIENT_STORAGE, detail)
}

fn listed(names: &[String]) -> String {
    const MOST: usize = 20;
    if names.is_empty() {
        return "none".to_owned();
    }
    let more = if names.len() > MOST { ", …" } else { "" };
    names
        .iter()
        .take(MOST)
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
        + more
}
