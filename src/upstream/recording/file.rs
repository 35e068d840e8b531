//! Entries → the text of fixture files, together with entries of earlier recordings.
use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::codec::yaml;
use crate::contract::Contract;
use crate::contract::fixture_key::tags;
use crate::document::fixture_folder::{BODIES, RECORDED};
use crate::generate::fingerprint;
use crate::upstream::recording::earlier::EarlierEntry;
use crate::upstream::recording::entry::Entry;
use crate::upstream::recording::form::{Form, FormContent};
use crate::upstream::recording::reading::{AnswerContent, ReadExchange};
use crate::upstream::recording::time_value;
use crate::upstream::recording::written::WrittenEntry;

/// First line of a file of recordings.
const TITLE: &str = "# Recorded from the real API; a later recording of the same requests replaces these entries.\n";

/// Longest name of a file, in bytes, without its extension.
const LONGEST_NAME: usize = 80;

/// File of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordedFile {
    /// Path in the folder of fixtures: `recorded/pets.yaml`.
    pub path: String,
    pub content: Bytes,
    /// Number of entries; 0 for a body.
    pub entries: usize,
}

/// Writer of the files of one recording.
pub(super) struct FileWriter<'w> {
    pub contract: &'w Contract,
    pub exchanges: &'w [ReadExchange],
    /// Size in bytes from which a body has a file of its own.
    pub inline_body: usize,
    /// Files of bodies, by path.
    pub bodies: BTreeMap<String, Bytes>,
}

impl FileWriter<'_> {
    /// Writes an entry: a comment with the request and the time, then the fixture.
    pub(super) fn entry(&mut self, entry: &Entry) -> WrittenEntry {
        let mut value = Map::new();
        if !entry.when.is_empty() {
            value.insert("when".to_owned(), Value::Object(entry.when.clone()));
        }
        let mut steps: Option<Map<String, Value>> = None;
        for step in entry.steps.iter().rev() {
            let mut own = self.answer(entry.operation, &step.form);
            if let Some(then) = steps.take() {
                own.insert("after".to_owned(), json!(step.calls));
                own.insert("then".to_owned(), Value::Object(then));
            }
            steps = Some(own);
        }
        value.extend(steps.into_iter().flatten());
        let value = Value::Object(value);
        let mut text = String::new();
        if let Some(first) = entry.sources.first().map(|index| &self.exchanges[*index]) {
            text = format!("  # {}, {}\n", first.title(), time_value::written(first.at));
        }
        text += &yaml::write(&json!([value]), 2);
        WrittenEntry {
            operation: entry.operation,
            value,
            text,
        }
    }

    fn answer(&mut self, operation: usize, form: &Form) -> Map<String, Value> {
        let mut value = Map::new();
        value.insert("status".to_owned(), json!(form.status.as_u16()));
        let mut headers = form.headers.clone();
        let mut body = None;
        match &form.content {
            FormContent::Json(own) => {
                if own.is_verbatim {
                    let text = own.value.to_string();
                    body = Some(("body_file", self.body(operation, Bytes::from(text), "json")));
                } else {
                    body = Some(("body", own.value.clone()));
                }
            }
            FormContent::Text(text) => body = Some(("body", json!(text))),
            FormContent::Other(AnswerContent::Text(text)) => {
                if text.len() >= self.inline_body || text.contains("{$") {
                    let content = Bytes::from(text.clone());
                    body = Some((
                        "body_file",
                        self.body(operation, content, extension(&headers)),
                    ));
                } else {
                    body = Some(("body", json!(text)));
                }
            }
            FormContent::Other(AnswerContent::Binary(bytes)) => {
                let name = self.body(operation, bytes.clone(), extension(&headers));
                body = Some(("body_file", name));
            }
            FormContent::Other(_) if self.has_content(operation, form) => {
                headers
                    .entry("content-type")
                    .or_insert_with(|| json!("text/plain"));
                body = Some(("body", json!("")));
            }
            FormContent::Other(_) => {}
        }
        if !headers.is_empty() {
            value.insert("headers".to_owned(), Value::Object(headers));
        }
        value.extend(body.map(|(name, body)| (name.to_owned(), body)));
        value
    }

    /// Returns true if the sandbox would send content for an answer that has none.
    fn has_content(&self, operation: usize, form: &Form) -> bool {
        if matches!(form.status.as_u16(), 204 | 205 | 304) {
            return false;
        }
        let documented = self.contract.operations[operation].response(form.status);
        documented.is_none_or(|response| !response.content.is_empty())
    }

    /// Adds the file of a body, whose name depends on its content, and returns its path from the
    /// fixture file.
    fn body(&mut self, operation: usize, content: Bytes, extension: &str) -> Value {
        let name = slug(self.contract.operations[operation].name());
        let text: String = content.iter().map(|byte| char::from(*byte)).collect();
        let path = format!("{BODIES}/{name}-{:016x}.{extension}", fingerprint(&text));
        self.bodies.insert(format!("{RECORDED}/{path}"), content);
        json!(path)
    }

    /// Returns the files of entries and of `earlier` ones that remain.
    pub(super) fn files(
        self,
        entries: Vec<WrittenEntry>,
        earlier: Vec<EarlierEntry>,
    ) -> Vec<RecordedFile> {
        let mut by_file: BTreeMap<String, BTreeMap<usize, Vec<WrittenEntry>>> = BTreeMap::new();
        for entry in entries {
            let file = file_of(self.contract, entry.operation);
            let operations = by_file.entry(file).or_default();
            operations.entry(entry.operation).or_default().push(entry);
        }
        let mut unknown: BTreeMap<String, String> = BTreeMap::new();
        for entry in earlier {
            match entry.place(&by_file) {
                Some((operation, at)) => {
                    let operations = by_file.entry(entry.file).or_default();
                    let list = operations.entry(operation).or_default();
                    let at = at.min(list.len());
                    let (value, text) = (entry.value, entry.text);
                    list.insert(
                        at,
                        WrittenEntry {
                            operation,
                            value,
                            text,
                        },
                    );
                }
                // Its operation is gone from the documents; a person decides about it.
                None => {
                    let text = unknown.entry(entry.file).or_default();
                    text.push_str(&format!("{}:\n{}", yaml::key(&entry.key), entry.text));
                }
            }
        }
        let names: Vec<String> = by_file.keys().cloned().collect();
        let mut files: Vec<RecordedFile> = names
            .into_iter()
            .map(|name| {
                let operations = &by_file[&name];
                let rest = unknown.remove(&name).unwrap_or_default();
                RecordedFile {
                    content: Bytes::from(self.text(operations) + &rest),
                    entries: operations.values().map(Vec::len).sum(),
                    path: format!("{RECORDED}/{name}"),
                }
            })
            .collect();
        files.extend(self.bodies.into_iter().map(|(path, content)| RecordedFile {
            path,
            content,
            entries: 0,
        }));
        files
    }

    fn text(&self, operations: &BTreeMap<usize, Vec<WrittenEntry>>) -> String {
        let mut text = TITLE.to_owned();
        for (operation, entries) in operations {
            let name = self.contract.operations[*operation].name();
            text.push_str(&format!("\n{}:\n", yaml::key(name)));
            entries.iter().for_each(|entry| text.push_str(&entry.text));
        }
        text
    }
}

/// Returns the name of the file of an operation: its first tag, else the name of its document.
fn file_of(contract: &Contract, index: usize) -> String {
    let operation = &contract.operations[index];
    let document = contract.documents[operation.document].source().name();
    let stem = std::path::Path::new(document).file_stem();
    let stem = stem.map(|stem| stem.to_string_lossy().into_owned());
    let tag = tags(contract, operation).next().map(str::to_owned);
    let name = tag.or(stem).unwrap_or_default();
    format!("{}.yaml", slug(&name))
}

/// Returns a name for a file: letters and digits in lower case, anything else as `-`.
fn slug(name: &str) -> String {
    let plain = |letter: char| match letter {
        letter if letter.is_ascii_alphanumeric() => letter.to_ascii_lowercase(),
        _ => '-',
    };
    let mut slug: String = name.chars().map(plain).collect();
    slug.truncate(LONGEST_NAME);
    let slug = slug.trim_matches('-');
    if slug.is_empty() {
        "api".to_owned()
    } else {
        slug.to_owned()
    }
}

/// Returns the extension of the file of a body, by its media type.
fn extension(headers: &Map<String, Value>) -> &'static str {
    const KNOWN: [(&str, &str); 14] = [
        ("json", "json"),
        ("html", "html"),
        ("xml", "xml"),
        ("csv", "csv"),
        ("png", "png"),
        ("jpeg", "jpg"),
        ("gif", "gif"),
        ("webp", "webp"),
        ("svg", "svg"),
        ("pdf", "pdf"),
        ("zip", "zip"),
        ("event-stream", "txt"),
        ("text/", "txt"),
        ("yaml", "txt"),
    ];
    let media = headers
        .get("content-type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let known = KNOWN.iter().find(|(name, _)| media.contains(name));
    known.map_or("bin", |(_, extension)| extension)
}
