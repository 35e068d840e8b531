//! Control API: fixtures that a client adds to its session, lists and removes.
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::contract::Operation;
use crate::contract::fixture;
use crate::contract::fixture_key::operations_of;
use crate::contract::inspect::inspect_entry;
use crate::diagnostic::{Diagnostic, Severity};
use crate::document::{FixtureEntry, FixtureFile, fixture_text};
use crate::errors::problem::Problem;
use crate::server::control::state::full;
use crate::server::control::{Control, ControlRequest, not_there, unprocessable};
use crate::state::posted::{MOST_POSTED, PostedFixture};
use crate::state::session::SessionState;

impl Control {
    /// Adds fixtures, in the form of a fixture file. They apply before those that were added
    /// earlier, and before those of files.
    ///
    /// # Errors
    ///
    /// `Problem` 422 if one is not written as fixtures are, and 507 if the session is full; then
    /// none is added.
    pub(super) fn post_fixtures(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let lists = asked.body.as_object().into_iter().flatten();
        let count: usize = lists
            .map(|(_, list)| list.as_array().map_or(0, Vec::len))
            .sum();
        // Reserved before they are read: the place of a fixture, which names its counts, has its id.
        let id = self.fixture_ids.fetch_add(count as u64, Ordering::Relaxed) + 1;
        let name = format!("/_standin/fixtures/{id}");
        let text = String::from_utf8_lossy(&asked.request.body().bytes()).into_owned();
        let mut found = Vec::new();
        let (file, odd) =
            fixture_text(name, text).map_err(|error| unprocessable(error.detail()))?;
        found.extend(odd);
        found.extend(file.misshapen());
        let entries = self.read_posted(&file, &mut found)?;
        let is_error = |found: &&Diagnostic| found.severity() == Severity::Error;
        if let Some(error) = found.iter().find(is_error) {
            return Err(unprocessable(error.detail()));
        }
        let warnings: Vec<String> = found.iter().map(Diagnostic::detail).collect();
        if entries.is_empty() {
            return Err(unprocessable(
                "no operation is named, expected such as `{\"createOrder\": [{\"status\": 402}]}`",
            ));
        }
        let posted: Vec<Arc<PostedFixture>> = entries
            .into_iter()
            .zip(id..)
            .map(|((key, written, fixture), id)| {
                Arc::new(PostedFixture {
                    id,
                    key,
                    written,
                    fixture,
                    resolved: Mutex::default(),
                })
            })
            .collect();
        let shown: Vec<Value> = posted.iter().map(|fixture| fixture.to_json(0)).collect();
        let sandbox = self.sandbox();
        let added = sandbox.within(asked.about(), |session_state| {
            if session_state.posted().all().len() + posted.len() > MOST_POSTED {
                return Err(unprocessable(format!(
                    "a session has at most {MOST_POSTED} added fixtures; `DELETE /_standin/fixtures` removes them"
                )));
            }
            session_state.post(posted).map_err(full)
        });
        added?;
        sandbox.note_posted();
        let mut answer = json!({ "fixtures": shown });
        if !warnings.is_empty() {
            answer["warnings"] = json!(warnings);
        }
        Ok(answer)
    }

    /// Reads the entries of all operations in a file, with the name of each and its JSON.
    pub(super) fn read_posted(
        &self,
        file: &FixtureFile,
        found: &mut Vec<Diagnostic>,
    ) -> Result<Vec<(String, Value, fixture::Fixture)>, Problem> {
        let contract = self.sandbox().contract();
        let mut entries = Vec::new();
        if !file.errors().is_empty() || !file.resources().is_empty() {
            return Err(unprocessable(
                "`errors` and `resources` are read from files only, expected operations",
            ));
        }
        for FixtureEntry { name, at, value } in file.operations() {
            let operations = operations_of(contract, name)
                .map_err(|unknown| unprocessable(format!("`{at}`: {unknown}")))?;
            let operations = operations.into_iter();
            let operations: Vec<&Operation> = operations
                .map(|index| &contract.operations[index])
                .collect();
            let fixtures = fixture::read(file, &at, found);
            for fixture in &fixtures {
                found.extend(inspect_entry(fixture, &operations));
            }
            let written = value.as_array().into_iter().flatten().cloned();
            // Entries that cannot be read are errors, so that none is left out here.
            let both = written.zip(fixtures);
            entries.extend(both.map(|(written, fixture)| (name.to_owned(), written, fixture)));
        }
        Ok(entries)
    }

    /// Lists the added fixtures of a session, the latest first.
    pub(super) fn posted_fixtures(&self, asked: &ControlRequest<'_>) -> Value {
        let list = |session_state: &SessionState| {
            let all = session_state.posted().all().iter();
            let shown = all.map(|posted| posted.to_json(session_state.count(&posted.count_name())));
            shown.collect::<Vec<_>>()
        };
        let memory = self.sandbox().memory();
        let fixtures = memory.look(asked.about(), list).unwrap_or_default();
        json!({ "fixtures": fixtures })
    }

    /// Removes one added fixture, or all of a session.
    ///
    /// # Errors
    ///
    /// `Problem` 404, if the session has no fixture with this id.
    pub(super) fn remove_fixtures(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let name = asked.after("fixtures");
        let id = match name.as_str() {
            "" => None,
            name => Some(name.parse::<u64>().unwrap_or(0)),
        };
        let session = asked.about();
        let removed = self
            .sandbox()
            .within(session, |session_state| session_state.unpost(id));
        if id.is_some() && removed == 0 {
            return Err(not_there(format!(
                "the session has no added fixture `{name}`"
            )));
        }
        Ok(Value::Null)
    }
}
