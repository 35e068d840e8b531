//! Entries of earlier recordings in the folder of fixtures.
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde_json::{Value, json};

use crate::codec::text::plain;
use crate::codec::yaml;
use crate::contract::Contract;
use crate::contract::fixture::{self, Fixture};
use crate::contract::request_condition::is_keyword;
use crate::document::FixtureFile;
use crate::document::fixture_folder::{RECORDED, load_fixtures};
use crate::upstream::recording::condition::is_part_of;
use crate::upstream::recording::written::WrittenEntry;

/// Entry of an earlier recording.
#[derive(Debug)]
pub(super) struct EarlierEntry {
    /// Name of its file: `pets.yaml`.
    pub file: String,
    /// Key in the file, an operation.
    pub key: String,
    /// Index of the operation; `None` if no document has it.
    pub operation: Option<usize>,
    pub value: Value,
    /// Lines of the entry, with its comment.
    pub text: String,
    /// Entry as the sandbox reads it; `None` if it is invalid.
    fixture: Option<Fixture>,
}

/// Positions of earlier entries by operation and path, so that many entries are not compared with many
/// requests.
#[derive(Debug, Default)]
pub(super) struct EarlierIndex {
    by_path: HashMap<(usize, String), Vec<usize>>,
    /// Entries whose condition is not about all values of the path.
    others: HashMap<usize, Vec<usize>>,
}

impl EarlierIndex {
    /// Creates the index of some entries.
    pub(super) fn new(entries: &[EarlierEntry]) -> Self {
        let mut index = Self::default();
        for (at, entry) in entries.iter().enumerate() {
            let Some(operation) = entry.operation else {
                continue;
            };
            let path = &entry.value["when"]["path"];
            let is_plain = path
                .as_object()
                .is_some_and(|path| !path.is_empty() && path.keys().all(|name| !is_keyword(name)));
            if is_plain {
                let key = (operation, path_key(path));
                index.by_path.entry(key).or_default().push(at);
            } else {
                index.others.entry(operation).or_default().push(at);
            }
        }
        index
    }

    /// Returns the positions of the entries that may answer a request.
    pub(super) fn candidates(
        &self,
        operation: usize,
        parts: &Value,
    ) -> impl Iterator<Item = usize> {
        let own = self.by_path.get(&(operation, path_key(&parts["path"])));
        let others = self.others.get(&operation);
        own.into_iter().chain(others).flatten().copied()
    }

    /// Returns the requests that each entry may answer, by its position.
    pub(super) fn asked<'v>(
        &self,
        requests: &[(usize, &'v Value)],
    ) -> HashMap<usize, Vec<(usize, &'v Value)>> {
        let mut asked: HashMap<usize, Vec<(usize, &Value)>> = HashMap::new();
        for (operation, parts) in requests {
            for at in self.candidates(*operation, parts) {
                asked.entry(at).or_default().push((*operation, parts));
            }
        }
        asked
    }
}

/// Returns the values of a path by name; `7` and `"7"` are the same there.
fn path_key(path: &Value) -> String {
    let values = path.as_object().into_iter().flatten();
    let mut values: Vec<String> = values
        .map(|(name, value)| format!("{name}={}", json!(plain(value))))
        .collect();
    values.sort_unstable();
    values.join("/")
}

/// Returns the files of earlier recordings in a folder of fixtures.
#[must_use]
pub(crate) fn earlier_files(folder: &Path) -> Vec<FixtureFile> {
    let folder = folder.join(RECORDED);
    if folder.is_dir() {
        load_fixtures(&folder).0
    } else {
        Vec::new()
    }
}

/// Returns the entries of earlier recordings.
pub(super) fn entries(contract: &Contract, files: &[FixtureFile]) -> Vec<EarlierEntry> {
    let mut all = Vec::new();
    for file in files {
        let name = Path::new(file.source.name()).file_name();
        let name = name
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        for entry in file.operations() {
            let values = entry.value.as_array().cloned().unwrap_or_default();
            let texts = texts(&file.source.text(), entry.name, &values);
            let mut fixtures = fixture::read(file, &entry.at, &mut Vec::new())
                .into_iter()
                .peekable();
            for (index, (value, text)) in values.into_iter().zip(texts).enumerate() {
                let at = format!("{}/{index}", entry.at);
                let fixture = fixtures.next_if(|own| own.place.pointer() == at);
                all.push(EarlierEntry {
                    file: name.clone(),
                    key: entry.name.to_owned(),
                    operation: contract.find(entry.name),
                    value,
                    text,
                    fixture,
                });
            }
        }
    }
    all
}

/// Returns the lines of each entry of an operation, with the comments above it. A file that a person
/// has laid out differently is written anew, without comments.
fn texts(text: &str, operation: &str, values: &[Value]) -> Vec<String> {
    let key = format!("{}:", yaml::key(operation));
    let lines = text.lines().skip_while(|line| **line != key).skip(1);
    let own = lines.take_while(|line| line.is_empty() || line.starts_with("  "));
    let mut found: Vec<String> = Vec::new();
    let mut has_item = true;
    for line in own.filter(|line| !line.is_empty()) {
        let (is_comment, is_item) = (line.starts_with("  # "), line.starts_with("  - "));
        if has_item && (is_comment || is_item) {
            found.push(String::new());
            has_item = false;
        }
        has_item |= is_item;
        if let Some(last) = found.last_mut() {
            last.push_str(line);
            last.push('\n');
        }
    }
    if found.len() == values.len() && is_read_as(&found, values) {
        return found;
    }
    values
        .iter()
        .map(|value| yaml::write(&json!([value]), 2))
        .collect()
}

/// Returns true if lines are read as these values.
fn is_read_as(texts: &[String], values: &[Value]) -> bool {
    let read = crate::document::fixture_text(String::new(), texts.concat());
    read.is_ok_and(|(file, _)| file.tree.as_array().map(Vec::as_slice) == Some(values))
}

impl EarlierEntry {
    /// Returns true if the entry answers a request, `{path, query, header, cookie, body}`.
    pub(super) fn answers(&self, parts: &Value) -> bool {
        let Some(fixture) = &self.fixture else {
            return false;
        };
        fixture.when.as_ref().is_none_or(|when| when.holds(parts))
    }

    /// Returns true if new entries take the place of this one: they answer its requests, and it is no
    /// more general one.
    pub(super) fn is_replaced(&self, new: &[WrittenEntry], requests: &[(usize, &Value)]) -> bool {
        let Some(operation) = self.operation else {
            return false;
        };
        let mut requests = requests.iter().filter(|(own, _)| *own == operation);
        let mut own = new.iter().filter(|entry| entry.operation == operation);
        let is_general = |entry: &WrittenEntry| {
            let (earlier, new) = (&self.value["when"], &entry.value["when"]);
            earlier != new && (earlier.is_null() || is_part_of(earlier, new))
        };
        requests.any(|(_, parts)| self.answers(parts)) && !own.any(is_general)
    }

    /// Returns the operation, and the position among the new entries of it: before those that would
    /// answer its requests.
    pub(super) fn place(
        &self,
        new: &BTreeMap<String, BTreeMap<usize, Vec<WrittenEntry>>>,
    ) -> Option<(usize, usize)> {
        let operation = self.operation?;
        let list = new
            .get(&self.file)
            .and_then(|operations| operations.get(&operation));
        let list = list.map(Vec::as_slice).unwrap_or_default();
        let own = &self.value["when"];
        let hides = |entry: &WrittenEntry| {
            let when = &entry.value["when"];
            when.is_null() || is_part_of(when, own)
        };
        Some((operation, list.iter().position(hides).unwrap_or(list.len())))
    }
}
