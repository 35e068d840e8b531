//! Consistency of fixtures: statuses, examples, bodies and patches that the document has not, and
//! entries that can never apply.
//!
//! An entry whose key names several operations is reported if none of them has what it needs.
use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::contract::Contract;
use crate::contract::example::Example;
use crate::contract::fixture::{Fixture, FixtureAnswer};
use crate::contract::inspect::conditions;
use crate::contract::operation::Operation;
use crate::contract::terms::DocumentedResponse;
use crate::diagnostic::{Code, Diagnostic, Place};
use crate::schema::SchemaError;

/// Maximum number of pairs of an operation and a fixture that are inspected; further fixtures are
/// not.
const MOST_PAIRS: usize = 1_000_000;

/// Returns a diagnostic for everything that is wrong with the fixtures of a contract.
#[must_use]
pub(super) fn inspect(contract: &Contract) -> Vec<Diagnostic> {
    let mut entries: IndexMap<usize, InspectedEntry<'_>> = IndexMap::new();
    let mut left = MOST_PAIRS;
    for operation in &contract.operations {
        let Some(rest) = left.checked_sub(operation.fixtures.len()) else {
            break;
        };
        left = rest;
        note(operation, &mut entries);
    }
    entries.values().flat_map(InspectedEntry::inspect).collect()
}

/// Returns a diagnostic for everything that is wrong with one entry, apart from its place among
/// others.
#[must_use]
pub(crate) fn inspect_entry(fixture: &Fixture, operations: &[&Operation]) -> Vec<Diagnostic> {
    let entry = InspectedEntry {
        fixture,
        operations: operations.to_vec(),
        hidden_by: Vec::new(),
    };
    entry.inspect()
}

/// An entry of a fixture file, with the operations that it applies to.
struct InspectedEntry<'c> {
    fixture: &'c Fixture,
    operations: Vec<&'c Operation>,
    /// Fixture before it that always answers, for each operation that has one.
    hidden_by: Vec<&'c Fixture>,
}

/// Adds the fixtures of an operation to the entries.
fn note<'c>(operation: &'c Operation, entries: &mut IndexMap<usize, InspectedEntry<'c>>) {
    // Fixtures that answer every request of a scenario and a condition.
    let mut answering: HashMap<(Option<&str>, Option<String>), &Fixture> = HashMap::new();
    for fixture in &operation.fixtures {
        let entry = entries.entry(Arc::as_ptr(fixture).addr());
        let entry = entry.or_insert_with(|| InspectedEntry {
            fixture,
            operations: Vec::new(),
            hidden_by: Vec::new(),
        });
        entry.operations.push(operation);
        let scenario = fixture.scenario.as_deref();
        let when = fixture.when.as_ref().filter(|when| !when.is_always_met());
        let own = (scenario, when.map(|when| when.written.to_string()));
        let hiding = answering.get(&(scenario, None));
        entry
            .hidden_by
            .extend(hiding.or_else(|| answering.get(&own)).copied());
        if always_answers(fixture) {
            answering.entry(own).or_insert(fixture);
        }
    }
}

/// Returns true if no later fixture is used for a request that meets the condition of this one.
fn always_answers(fixture: &Fixture) -> bool {
    let is_certain =
        |step: &Fixture| !step.only_adds() && step.fault.is_none() && step.rate_limit.is_none();
    let is_for_all = fixture.times.is_none() && fixture.every.is_none();
    is_for_all && fixture.steps().all(is_certain)
}

impl InspectedEntry<'_> {
    fn inspect(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        found.extend(self.hidden());
        if let Some(when) = &self.fixture.when {
            found.extend(conditions::inspect(when, &self.operations));
        }
        for step in self.fixture.steps() {
            found.extend(self.status(step));
            match &step.answer {
                FixtureAnswer::Example(name) => found.extend(self.example(step, name)),
                FixtureAnswer::Body(body) => found.extend(self.body(step, body)),
                FixtureAnswer::Documented => {}
            }
            if step.patch.is_some() {
                found.extend(self.patch(step));
            }
        }
        found
    }

    /// Returns the name of the only operation, if there is only one.
    fn only(&self) -> Option<&str> {
        match self.operations.as_slice() {
            [only] => Some(only.name()),
            _ => None,
        }
    }

    /// Reports an entry that is behind one that always answers, for all of its operations.
    fn hidden(&self) -> Option<Diagnostic> {
        let hiding = self
            .hidden_by
            .first()
            .filter(|_| self.hidden_by.len() == self.operations.len())?;
        let message = "this entry is never used, as an entry before it answers all of its requests";
        let place = self.fixture.place.clone();
        Some(
            Diagnostic::at(Code::UnreachableFixture, place, message).help_at(
                "move it before the one at ",
                hiding.place.clone(),
                ", or give that one `when`, `times`, `every` or `scenario`",
            ),
        )
    }

    fn status(&self, step: &Fixture) -> Option<Diagnostic> {
        let status = step.status?;
        let is_documented = |operation: &&Operation| operation.response(status).is_some();
        if self.operations.iter().any(is_documented) {
            return None;
        }
        let status = status.as_u16();
        let message = match self.only() {
            Some(name) => format!("`{name}` documents no response for {status}"),
            None => {
                format!("no operation that this entry applies to documents a {status} response")
            }
        };
        let place = step.place.clone();
        Some(
            Diagnostic::at(Code::UndocumentedFixtureStatus, place, message)
                .help("it is sent anyway"),
        )
    }

    fn example(&self, step: &Fixture, name: &str) -> Option<Diagnostic> {
        let has_it = |operation: &&Operation| operation.has_example_for(step, name);
        if self.operations.iter().any(has_it) {
            return None;
        }
        let message = match self.only() {
            Some(only) => format!("`{only}` has no example `{name}`"),
            None => format!("no operation that this entry applies to has an example `{name}`"),
        };
        let names: Vec<String> = self
            .operations
            .iter()
            .flat_map(|operation| operation.examples_for(step))
            .collect();
        let help = if names.is_empty() {
            "it documents none by name".to_owned()
        } else {
            format!("there is {}", names.join(", "))
        };
        let place = step.place.clone();
        Some(Diagnostic::at(Code::UnknownFixtureExample, place, message).help(help))
    }

    fn body(&self, step: &Fixture, body: &Example) -> Option<Diagnostic> {
        let mut first: Option<SchemaError> = None;
        for operation in &self.operations {
            let media = response_of(operation, step)
                .and_then(|response| response.content.iter().find(|media| media.range.is_json()));
            let schema = media?.schema.as_ref()?;
            let errors = schema.errors(body.value()).unwrap_or_default();
            let error = errors.into_iter().next()?;
            first.get_or_insert(error);
        }
        let error = first?;
        let place = Place::value(
            body.place.source(),
            format!("{}{}", body.place.pointer(), error.pointer),
        );
        let message = format!(
            "the body of the fixture does not fit the documented schema: {}",
            error.located()
        );
        Some(Diagnostic::at(Code::FixtureMismatch, place, message).help("it is sent anyway"))
    }

    /// Reports a patch that can change no body, as no response has content that is JSON.
    fn patch(&self, step: &Fixture) -> Option<Diagnostic> {
        let mut types: Vec<&str> = Vec::new();
        for operation in &self.operations {
            // The body of a response that is not documented is unknown.
            let content = &response_of(operation, step)?.content;
            if content
                .iter()
                .any(|media| media.range.is_json() || media.range.is_range())
            {
                return None;
            }
            types.extend(content.iter().map(|media| media.range.as_str()));
        }
        let subject = match self.only() {
            Some(name) => format!("the response of `{name}`"),
            None => "no response of an operation that this entry applies to".to_owned(),
        };
        let message = match (self.only(), types.first()) {
            (None, _) => format!("`patch` needs a JSON body, and {subject} has one"),
            (_, None) => format!("`patch` needs a JSON body, and {subject} has no content"),
            (_, Some(_)) => {
                let types = types.join(", ");
                format!("`patch` needs a JSON body, and {subject} is documented as {types}")
            }
        };
        let place = Place::value(
            step.place.source(),
            format!("{}/patch", step.place.pointer()),
        );
        Some(
            Diagnostic::at(Code::FixtureMismatch, place, message)
                .help("the answer is sent unchanged, with a `Standin-Warning`"),
        )
    }
}

/// Returns the response that a step of a fixture answers with.
fn response_of<'c>(operation: &'c Operation, step: &Fixture) -> Option<&'c DocumentedResponse> {
    match step.status {
        Some(status) => operation.response(status),
        None => operation.success().map(|(_, response)| response),
    }
}
