//! Sends recorded requests to a sandbox with the new fixtures, and compares the answers.
use std::collections::HashMap;

use bytes::Bytes;
use serde_json::Value;

use crate::Sandbox;
use crate::codec::message::Response;
use crate::document::fixture_folder::{RECORDED, is_in_recorded};
use crate::document::number::same;
use crate::document::syntax::join;
use crate::document::{FixtureFile, fixture_text};
use crate::upstream::recording::base_url::as_sent;
use crate::upstream::recording::entry::Entry;
use crate::upstream::recording::file::RecordedFile;
use crate::upstream::recording::form::Form;
use crate::upstream::recording::reading::{AnswerContent, ReadAnswer, ReadExchange};

/// Exchange whose request the fixtures do not answer as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreproduced {
    /// First line of the request: `GET /pets/7`.
    pub request: String,
    /// Difference: `status 404, expected 200`.
    pub reason: String,
}

/// Returns the sandbox with recorded files in the place of earlier ones.
pub(super) fn replaying(sandbox: &Sandbox, files: &[RecordedFile]) -> Sandbox {
    let folder = format!("{RECORDED}/");
    let bodies: Vec<(String, Bytes)> = files
        .iter()
        .filter_map(|file| {
            Some((
                file.path.strip_prefix(&folder)?.to_owned(),
                file.content.clone(),
            ))
        })
        .collect();
    let texts = files.iter().filter(|file| file.entries > 0);
    let recorded = texts.filter_map(|file| {
        let text = String::from_utf8_lossy(&file.content).into_owned();
        let (read, _) = fixture_text(file.path.clone(), text).ok()?;
        Some(read.holding(bodies.clone()))
    });
    sandbox.with_fixtures(|own| {
        let by_hand = own.iter().filter(|file| !is_recorded(file));
        by_hand.cloned().chain(recorded).collect()
    })
}

/// Returns true if a fixture file is in the sub-folder of recordings.
pub(super) fn is_recorded(file: &FixtureFile) -> bool {
    is_in_recorded(file.source.name())
}

/// Maximum number of conditions that a check evaluates: each request may be compared with all entries of
/// its operation, which would take quadratic time.
const MOST_COMPARED: usize = 1_000_000;

/// Result of sending the recorded requests again.
#[derive(Debug, Default)]
pub(super) struct Replayed {
    /// Requests that are not answered as recorded.
    pub unreproduced: Vec<Unreproduced>,
    /// Number of requests beyond [`MOST_COMPARED`], which were not sent.
    pub unchecked: usize,
}

/// Sends the requests of entries in the order in which they were recorded.
pub(super) fn replay(sandbox: &Sandbox, exchanges: &[ReadExchange], entries: &[Entry]) -> Replayed {
    let mut by_operation: HashMap<usize, usize> = HashMap::new();
    for entry in entries {
        *by_operation.entry(entry.operation).or_default() += 1;
    }
    let mut sources: Vec<(usize, &Entry)> = entries
        .iter()
        .flat_map(|entry| entry.sources.iter().map(move |index| (*index, entry)))
        .collect();
    sources.sort_by_key(|(index, _)| *index);
    let mut replayed = Replayed::default();
    let mut compared: usize = 0;
    for (index, entry) in sources {
        let own = by_operation.get(&entry.operation).copied();
        compared = compared.saturating_add(own.unwrap_or_default());
        if compared > MOST_COMPARED {
            replayed.unchecked += 1;
            continue;
        }
        let exchange = &exchanges[index];
        let (response, _) = sandbox.answer_as(sandbox.settings(), &exchange.request);
        let variable = |pointer: &str| {
            let forms = entry.steps.iter().map(|step| &step.form);
            forms
                .filter_map(Form::variable)
                .any(|known| known.contains(pointer))
        };
        if let Some(reason) = difference(&as_sent(exchange), &response, &variable) {
            let request = exchange.title();
            let unreproduced = Unreproduced { request, reason };
            replayed.unreproduced.push(unreproduced);
        }
    }
    replayed
}

fn difference(
    recorded: &ReadAnswer,
    answered: &Response,
    is_variable: &dyn Fn(&str) -> bool,
) -> Option<String> {
    let (expected, status) = (recorded.status.as_u16(), answered.status().as_u16());
    if status != expected {
        return Some(format!("the status is {status}, expected {expected}"));
    }
    let bytes = answered.body();
    let is_same = match &recorded.content {
        AnswerContent::Empty => bytes.is_empty(),
        AnswerContent::Json(value) => match serde_json::from_slice::<Value>(bytes) {
            Ok(mut sent) => {
                let mut value = value.clone();
                blank(&mut value, "", is_variable);
                blank(&mut sent, "", is_variable);
                return first_difference("", &sent, &value);
            }
            Err(_) => false,
        },
        AnswerContent::Text(text) => bytes == text.as_bytes(),
        AnswerContent::Binary(content) => bytes == content,
    };
    (!is_same).then(|| "the content differs".to_owned())
}

/// Replaces the values that are made anew by null.
fn blank(value: &mut Value, pointer: &str, is_variable: &dyn Fn(&str) -> bool) {
    if is_variable(pointer) {
        *value = Value::Null;
        return;
    }
    match value {
        Value::Object(members) => members
            .iter_mut()
            .for_each(|(name, member)| blank(member, &join(pointer, name), is_variable)),
        Value::Array(items) => items.iter_mut().enumerate().for_each(|(index, item)| {
            blank(item, &join(pointer, &index.to_string()), is_variable);
        }),
        _ => {}
    }
}

fn first_difference(pointer: &str, sent: &Value, expected: &Value) -> Option<String> {
    if same(sent, expected) {
        return None;
    }
    if let (Value::Object(sent), Value::Object(expected)) = (sent, expected)
        && sent.len() == expected.len()
    {
        let mut inner = expected.iter().filter_map(|(name, expected)| {
            let at = join(pointer, name);
            first_difference(&at, sent.get(name)?, expected)
        });
        if let Some(inner) = inner.next() {
            return Some(inner);
        }
    }
    Some(format!("the content differs at `{pointer}`"))
}
