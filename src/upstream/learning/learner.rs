//! Learning that goes on: collects the errors of the real API, and writes its voice.
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use crate::Sandbox;
use crate::codec::yaml;
use crate::document::fixture_folder::{LEARNED, LEARNED_TITLE};
use crate::document::{FixtureFile, fixture_text};
use crate::upstream::exchange::ObservedExchange;
use crate::upstream::judging::Judgement;
use crate::upstream::learning::observation::{LearnedError, NotLearned, read};
use crate::upstream::learning::proof::unreproduced;
use crate::upstream::learning::scope::learned;
use crate::upstream::recording::options::RedactMode;
use crate::upstream::recording::recorder::write_file;

/// Maximum number of errors that are kept; further ones are counted and dropped.
const MOST_ERRORS: usize = 2000;

/// Maximum number of errors of one operation about the same rules with the same status. More of them
/// prove nothing new.
const MOST_ALIKE: usize = 20;

/// Maximum size in bytes of the contents and targets of all requests that are kept.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// Maximum number of lines of a list in the report.
const MOST_LINES: usize = 100;

/// Voice of the real API, as far as its errors were seen.
#[derive(Debug, Default)]
pub(crate) struct Learner {
    redact: RedactMode,
    seen: Mutex<SeenErrors>,
    /// Report about the last file.
    written: Mutex<Value>,
}

#[derive(Debug, Default)]
struct SeenErrors {
    errors: Vec<LearnedError>,
    bytes: usize,
    alike: HashMap<(String, u16, Vec<String>), usize>,
    /// Number of errors beyond the limits.
    dropped: usize,
    /// Number of exchanges that nothing is learned from, by reason.
    unused: BTreeMap<NotLearned, usize>,
}

/// Reason why a voice cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LearningError {
    /// File of a person that has the name of the file.
    #[error("`{}` was not written by a recording and is left as it is; rename it", .0.display())]
    NotLearned(PathBuf),
    /// File that cannot be read or written.
    #[error("cannot write what was learned to `{}`: {error}", .path.display())]
    Write {
        /// Path of the file.
        path: PathBuf,
        /// Refusal of the system.
        error: io::Error,
    },
}

/// Voice as a fixture file.
#[derive(Debug)]
pub(crate) struct LearnedFile {
    pub path: PathBuf,
    pub text: String,
}

impl LearnedFile {
    /// Writes the file, which is complete at any time.
    ///
    /// # Errors
    ///
    /// [`LearningError`] if it cannot be written.
    pub(crate) fn write(&self) -> Result<(), LearningError> {
        let path = &self.path;
        write_file(path, self.text.as_bytes()).map_err(|error| LearningError::Write {
            path: path.clone(),
            error,
        })
    }
}

impl Learner {
    /// Creates a learner that has seen nothing.
    #[must_use]
    pub(crate) fn new(redact: RedactMode) -> Self {
        Self {
            redact,
            ..Self::default()
        }
    }

    /// Adds an exchange; only errors about wrong requests are kept. One beyond the limits is counted and
    /// dropped.
    pub(crate) fn observe(
        &self,
        sandbox: &Sandbox,
        judgement: &Judgement,
        exchange: &ObservedExchange,
    ) {
        let read = read(sandbox, judgement, exchange, self.redact);
        let mut seen = self.seen();
        match read {
            Ok(error) => seen.add(error),
            Err(NotLearned::NoError) => {}
            Err(reason) => *seen.unused.entry(reason).or_default() += 1,
        }
    }

    /// Returns the text of the fixture file with the voice; `None` if no error was learned.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn yaml(&self, sandbox: &Sandbox) -> Option<String> {
        self.text(sandbox, &Map::new())
    }

    /// Returns the text with the entries of an earlier file too, except for what was learned anew.
    fn text(&self, sandbox: &Sandbox, earlier: &Map<String, Value>) -> Option<String> {
        let contract = sandbox.contract();
        let mut errors = self.seen().errors.clone();
        errors.retain_mut(|error| {
            // Documents may have been loaded again, with operations in another order.
            error.operation = contract.find(&error.name);
            error.name.is_empty() || error.operation.is_some()
        });
        let voice = learned(contract, &errors);
        if voice.entries.is_empty() {
            return None;
        }
        let entries = with_earlier(earlier, &voice.entries);
        let text = format!(
            "{LEARNED_TITLE}\n{}",
            yaml::write(&json!({ "errors": entries }), 0)
        );
        let unreproduced = match fixture_text(LEARNED.to_owned(), text.clone()) {
            Ok((file, _)) => unreproduced(sandbox, &file, &errors),
            Err(problem) => vec![problem.render()],
        };
        let report = json!({
            "learned": voice.proven,
            "contradictions": first_lines(voice.contradictions),
            "unreproduced": first_lines(unreproduced),
        });
        *self.written() = report;
        Some(text)
    }

    /// Returns the voice with its file in a folder of fixtures, which keeps what was learned earlier;
    /// `None` if no error was learned.
    ///
    /// # Errors
    ///
    /// [`LearningError`] if the file is one of a person, or cannot be read.
    pub(crate) fn file(
        &self,
        sandbox: &Sandbox,
        folder: &Path,
    ) -> Result<Option<LearnedFile>, LearningError> {
        let path = folder.join(LEARNED);
        let earlier = earlier(&path)?;
        let text = self.text(sandbox, &earlier);
        Ok(text.map(|text| LearnedFile { path, text }))
    }

    /// Returns the numbers of errors, and the report about the last text.
    #[must_use]
    pub(crate) fn report(&self) -> Value {
        let (errors, dropped, unused) = {
            let seen = self.seen();
            let unused = seen.unused.iter();
            let unused: Map<String, Value> = unused
                .map(|(reason, count)| (reason.to_string(), json!(count)))
                .collect();
            (seen.errors.len(), seen.dropped, unused)
        };
        json!({
            "errors": errors,
            "dropped": dropped,
            "unused": unused,
            "voice": *self.written(),
        })
    }

    fn seen(&self) -> MutexGuard<'_, SeenErrors> {
        // Lock poisoning is safe: errors are added whole.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn written(&self) -> MutexGuard<'_, Value> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SeenErrors {
    fn add(&mut self, error: LearnedError) {
        let rules: Vec<String> = error.rules().map(str::to_owned).collect();
        let key = (error.name.clone(), error.status.as_u16(), rules);
        let target = error.request.uri().to_string().len();
        let bytes = target + error.request.body().bytes().len();
        let is_full =
            self.errors.len() >= MOST_ERRORS || self.bytes.saturating_add(bytes) > MOST_BYTES;
        let alike = self.alike.get(&key).copied().unwrap_or_default();
        if is_full || alike >= MOST_ALIKE {
            self.dropped += 1;
            return;
        }
        self.alike.insert(key, alike + 1);
        self.bytes += bytes;
        self.errors.push(error);
    }
}

/// Returns the entries of an earlier file; none if there is no file.
fn earlier(path: &Path) -> Result<Map<String, Value>, LearningError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Map::new()),
        Err(error) => {
            let path = path.to_owned();
            return Err(LearningError::Write { path, error });
        }
    };
    let name = path.display().to_string();
    let (file, _) =
        fixture_text(name, text).map_err(|_| LearningError::NotLearned(path.to_owned()))?;
    if !file.is_learned() {
        return Err(LearningError::NotLearned(path.to_owned()));
    }
    Ok(entries_of(&file))
}

fn entries_of(file: &FixtureFile) -> Map<String, Value> {
    let entries = file.errors().into_iter();
    entries
        .map(|entry| (entry.name.to_owned(), entry.value.clone()))
        .collect()
}

/// Returns the entries with those rules of earlier entries that were not learned anew.
fn with_earlier(earlier: &Map<String, Value>, new: &Map<String, Value>) -> Map<String, Value> {
    let mut all = new.clone();
    for (name, before) in earlier {
        let Some(entry) = all.get_mut(name).and_then(Value::as_object_mut) else {
            all.insert(name.clone(), before.clone());
            continue;
        };
        let rules = before.get("rules").and_then(Value::as_object);
        for (rule, told) in rules.into_iter().flatten() {
            let own = entry.entry("rules").or_insert_with(|| json!({}));
            if let Some(own) = own.as_object_mut() {
                own.entry(rule.clone()).or_insert_with(|| told.clone());
            }
        }
        let family = before.get("idiom").filter(|_| !has_notation(entry));
        if let Some(family) = family {
            entry.entry("idiom").or_insert_with(|| family.clone());
        }
        // What an entry says of all rules belongs together.
        if !entry.contains_key("body") {
            for (field, value) in before.as_object().into_iter().flatten() {
                entry.entry(field.clone()).or_insert_with(|| value.clone());
            }
        }
    }
    all
}

/// Returns true if an entry has slots whose text depends on the notation of a family.
fn has_notation(entry: &Map<String, Value>) -> bool {
    let text = json!(entry).to_string();
    ["{type", "{value", "{format"]
        .iter()
        .any(|slot| text.contains(slot))
}

fn first_lines(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(MOST_LINES);
    lines.truncate(MOST_LINES);
    lines.extend((more > 0).then(|| format!("{more} more")));
    lines
}
