//! Answers the requests of errors with what was learned, and compares.
use http::HeaderMap;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::Value;

use crate::Sandbox;
use crate::codec::message::Body;
use crate::contract::media::MediaRange;
use crate::document::fixture_folder::LEARNED;
use crate::document::number::same;
use crate::document::{FixtureFile, fixture_text};
use crate::exchange::settings::{Settings, Validation};
use crate::upstream::exchange::ObservedExchange;
use crate::upstream::learning::observation::LearnedError;
use crate::upstream::learning::template::{is_repeated_value, is_volatile};

/// Sandbox with what was learned, which tells whether the voice repeats an error.
#[derive(Debug)]
pub(crate) struct LearnedVoiceProof {
    sandbox: Sandbox,
}

impl LearnedVoiceProof {
    /// Creates the proof of a text of a fixture file; without one, the documents and the other fixtures
    /// alone word errors.
    #[must_use]
    pub(crate) fn new(sandbox: &Sandbox, text: Option<&str>) -> Self {
        let file = text.and_then(|text| fixture_text(LEARNED.to_owned(), text.to_owned()).ok());
        let file = file.map(|(file, _)| file);
        Self {
            sandbox: worded(sandbox, file.as_ref()),
        }
    }

    /// Returns true if the request of an exchange gets the error of the real API.
    #[must_use]
    pub(crate) fn repeats(&self, exchange: &ObservedExchange) -> bool {
        let response = &exchange.response;
        let Body::Complete(content) = response.body() else {
            return false;
        };
        let (told, _) = self
            .sandbox
            .answer_as(&strict(&self.sandbox), &exchange.request);
        let media = |headers: &HeaderMap| {
            let media = headers.get(CONTENT_TYPE)?.to_str().ok()?;
            Some(MediaRange::parse(media)?.essence().to_owned())
        };
        let is_media = content.is_empty() || media(told.headers()) == media(response.headers());
        told.status() == response.status()
            && is_media
            && is_same_body(&value(told.body()), &value(content))
    }
}

/// Returns the sandbox with a file in the place of what was learned earlier.
fn worded(sandbox: &Sandbox, file: Option<&FixtureFile>) -> Sandbox {
    sandbox.with_fixtures(|own| {
        let others = own.iter().filter(|own| !own.is_learned()).cloned();
        match file {
            Some(file) => others.chain([file.clone()]).collect(),
            None => own.to_vec(),
        }
    })
}

fn strict(sandbox: &Sandbox) -> Settings {
    Settings {
        validation: Validation::Strict,
        ..*sandbox.settings()
    }
}

/// Returns content as JSON, or as a text if it is none.
fn value(content: &[u8]) -> Value {
    serde_json::from_slice(content)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(content).into_owned()))
}

/// Returns the first header field of an error that an answer lacks; `Retry-After` changes with the time.
fn missing_field<'e>(error: &'e LearnedError, answered: &HeaderMap) -> Option<&'e str> {
    let fields = error.views.iter().flat_map(|view| &view.headers);
    let mut fields = fields.filter(|(name, _)| name != RETRY_AFTER.as_str());
    let is_missing = |(name, value): &&(String, String)| {
        let mut lines = answered.get_all(name).iter();
        !lines.any(|line| line == value.as_str())
    };
    fields.find(is_missing).map(|(name, _)| name.as_str())
}

/// Returns the errors that a file does not give again, one sentence each.
#[must_use]
pub(super) fn unreproduced(
    sandbox: &Sandbox,
    file: &FixtureFile,
    errors: &[LearnedError],
) -> Vec<String> {
    let learned = sandbox.with_fixtures(|_| vec![file.clone()]);
    let settings = &strict(sandbox);
    let wrong = errors.iter().filter(|error| !error.is_by_status);
    let difference = |error: &LearnedError| {
        let (response, _) = learned.answer_as(settings, &error.request);
        if response.status() != error.status {
            let status = response.status().as_u16();
            return Some(format!("{}: the status is {status}", error.title()));
        }
        if let Some(name) = missing_field(error, response.headers()) {
            return Some(format!(
                "{}: the header field `{name}` differs",
                error.title()
            ));
        }
        let value = value(response.body());
        let is_same = is_same_body(&value, &error.body);
        (!is_same).then(|| format!("{}: the content differs: {value}", error.title()))
    };
    wrong.filter_map(difference).collect()
}

/// Returns true if two bodies are the same but for the times and ids of single exchanges, the order of
/// lists of errors, and what an API repeats of a request that lacks a value.
#[must_use]
pub(super) fn is_same_body(told: &Value, seen: &Value) -> bool {
    match (told, seen) {
        (Value::Object(told), Value::Object(seen)) => {
            told.len() == seen.len()
                && told.iter().all(|(name, value)| {
                    let other = seen.get(name);
                    let is_free = is_volatile(name) || is_repeated_value(name) && value.is_null();
                    other.is_some_and(|other| is_free || is_same_body(value, other))
                })
        }
        (Value::Array(told), Value::Array(seen)) => {
            let mut left: Vec<&Value> = seen.iter().collect();
            told.len() == seen.len()
                && told.iter().all(|item| {
                    let at = left.iter().position(|other| is_same_body(item, other));
                    at.map(|at| left.remove(at)).is_some()
                })
        }
        _ => same(told, seen),
    }
}
