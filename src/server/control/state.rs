//! Control API: sessions, their scenarios, and their whole state.
use http::StatusCode;
use serde_json::{Value, json};

use crate::errors::problem::{Problem, ProblemKind};
use crate::server::control::lists::{Paging, listed};
use crate::server::control::{Control, ControlRequest, unprocessable};
use crate::state::session::{Full, SessionState, Snapshot};

impl Control {
    pub(super) fn reset(&self, asked: &ControlRequest<'_>) -> Value {
        let everything = asked.query("all").is_some_and(|all| all == "true");
        let keeps_journal = asked.query("keep").is_some_and(|keep| keep == "journal");
        let memory = self.sandbox.memory();
        let session = (!everything).then(|| asked.about());
        self.inboxes.forget(session);
        self.sender.reset(session);
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
                listed(&known.iter().map(String::as_str).collect::<Vec<_>>())
            )));
        }
        self.sandbox
            .within(asked.about(), |session_state| session_state.choose(name));
        Ok(self.scenario(asked))
    }

    /// Lists the sessions, the unnamed one first.
    pub(super) fn sessions(&self, asked: &ControlRequest<'_>) -> Value {
        let memory = self.sandbox.memory();
        let paging = Paging::read(asked);
        let mut all = memory.sessions();
        all.retain(|(name, _)| paging.has_words(&[name]));
        let rows = paging.page(&all).iter().map(|(name, size)| {
            let mut row = json!({"name": name, "bytes": size});
            let details = memory.look(name, |session_state| {
                json!({
                    "scenario": session_state.scenario(),
                    "fixtures": session_state.posted().all().len(),
                    "snapshots": session_state.snapshots().len(),
                })
            });
            if let (Some(row), Some(Value::Object(details))) = (row.as_object_mut(), details) {
                row.extend(details);
            }
            row
        });
        json!({"total": all.len(), "offset": paging.offset, "sessions": rows.collect::<Vec<_>>()})
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
}

pub(super) fn full(error: Full) -> Problem {
    let detail = format!("the session is full: {error}; `POST /_standin/reset` empties it");
    Problem::new(ProblemKind::Full, StatusCode::INSUFFICIENT_STORAGE, detail)
}
