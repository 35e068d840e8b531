//! Splits a fixture file into its sections: operations, `errors` and `resources`.
//!
//! The rooms above read the entries of their section; the names of the sections stand here only.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::diagnostic::{Code, Diagnostic, Place, Source};
use crate::document::body_file::{self, BodyFile, BodyFileError};
use crate::document::tree::join;

/// Section with overrides of errors.
const ERRORS: &str = "errors";

/// Section with overrides of resources.
const RESOURCES: &str = "resources";

/// Member with the URL of the JSON Schema of fixture files, for editors.
const SCHEMA: &str = "$schema";

/// First line of a file whose errors were learned from the real API; those of people come before them.
pub(crate) const LEARNED_TITLE: &str =
    "# Learned from errors of the real API; `errors` in other files take precedence.";

/// A parsed fixture file: operations by name, each with a list of responses; or a file of entities.
#[derive(Debug, Clone)]
pub struct FixtureFile {
    /// Source text, for diagnostics.
    pub source: Arc<Source>,
    /// Tree of the file.
    pub tree: Arc<Value>,
    /// Bodies in files of their own, by the path that the file has for them.
    bodies: Arc<BTreeMap<String, Result<BodyFile, BodyFileError>>>,
}

/// Entry of a section.
#[derive(Debug, Clone)]
pub(crate) struct FixtureEntry<'f> {
    /// Name of the entry: an operation, a collection, a document, `*`.
    pub name: &'f str,
    /// JSON Pointer of the entry in the file.
    pub at: String,
    pub value: &'f Value,
}

/// Field of an entry that names the file of its body.
pub(crate) const BODY_FILE: &str = "body_file";

impl FixtureFile {
    /// Creates a file that refers to no other files.
    pub(super) fn new(source: Arc<Source>, tree: Arc<Value>) -> Self {
        Self {
            source,
            tree,
            bodies: Arc::default(),
        }
    }

    /// Returns the file with the bodies that it refers to, from the folder that it is in.
    pub(super) fn with_bodies(self, folder: &Path) -> Self {
        let mut paths = BTreeSet::new();
        for entry in self.operations() {
            collect_paths(entry.value, &mut paths);
        }
        let bodies = paths.into_iter().map(|path| {
            let read = body_file::read(folder, &path);
            (path, read)
        });
        let bodies = Arc::new(bodies.collect());
        Self { bodies, ..self }
    }

    /// Returns the file with bodies that are not in files.
    pub(crate) fn holding(self, bodies: impl IntoIterator<Item = (String, Bytes)>) -> Self {
        let bodies = bodies.into_iter();
        let bodies = bodies.map(|(path, bytes)| {
            let body = BodyFile::new(&path, bytes);
            (path, Ok(body))
        });
        let bodies = Arc::new(bodies.collect());
        Self { bodies, ..self }
    }

    /// Returns the body that an entry refers to.
    ///
    /// # Errors
    ///
    /// Returns the reason why it cannot be read.
    pub(crate) fn body(&self, path: &str) -> Result<&BodyFile, BodyFileError> {
        match self.bodies.get(path) {
            Some(Ok(body)) => Ok(body),
            Some(Err(error)) => Err(error.clone()),
            // A posted fixture is in no folder.
            None => Err(BodyFileError::NoFolder),
        }
    }

    /// Returns the lists of responses by operation. An operation may be called like a section: then
    /// the value is a list, and the section is a map.
    pub(crate) fn operations(&self) -> Vec<FixtureEntry<'_>> {
        let is_section = |name: &str, value: &Value| {
            name == ERRORS && !value.is_array()
                || name == RESOURCES && value.is_object()
                || name == SCHEMA && value.is_string()
        };
        let all = self.tree.as_object().into_iter().flatten();
        all.filter(|(name, value)| !is_section(name, value))
            .map(|(name, value)| FixtureEntry {
                name,
                at: join("", name),
                value,
            })
            .collect()
    }

    /// Returns the entries of the section `errors`.
    pub(crate) fn errors(&self) -> Vec<FixtureEntry<'_>> {
        self.section(ERRORS)
    }

    /// Returns true if the file was written by learning, and not by a person.
    pub(crate) fn is_learned(&self) -> bool {
        self.source.text().lines().next() == Some(LEARNED_TITLE)
    }

    /// Returns the entries of the section `resources`.
    pub(crate) fn resources(&self) -> Vec<FixtureEntry<'_>> {
        self.section(RESOURCES)
    }

    fn section(&self, section: &str) -> Vec<FixtureEntry<'_>> {
        let entries: Option<&Map<String, Value>> =
            self.tree.get(section).and_then(Value::as_object);
        let entries = entries.into_iter().flatten();
        entries
            .map(|(name, value)| FixtureEntry {
                name,
                at: join(&join("", section), name),
                value,
            })
            .collect()
    }

    /// Returns a diagnostic if the file, or its section `errors`, has not the form that it must
    /// have.
    pub(crate) fn misshapen(&self) -> Option<Diagnostic> {
        let invalid = |at: &str, message: String| {
            Diagnostic::at(
                Code::InvalidFixture,
                Place::value(&self.source, at),
                message,
            )
        };
        match &*self.tree {
            Value::Object(sections) => {
                let errors = sections.get(ERRORS)?;
                let message =
                    format!("`errors` is {errors}, expected a map of `*`, documents or operations");
                let is_usual = errors.is_object() || errors.is_array();
                (!is_usual).then(|| invalid(&join("", ERRORS), message))
            }
            Value::Null => None,
            _ => Some(
                invalid(
                    "",
                    "a fixture file is a map, expected operations by name".to_owned(),
                )
                .help("write `operationId:` or `METHOD /path:`, and under it a list of responses"),
            ),
        }
    }
}

/// Collects the paths of the bodies of the entries of an operation and of their steps.
fn collect_paths(entries: &Value, paths: &mut BTreeSet<String>) {
    let mut open: Vec<&Value> = entries.as_array().into_iter().flatten().collect();
    while let Some(entry) = open.pop() {
        let path = entry.get(BODY_FILE).and_then(Value::as_str);
        paths.extend(path.map(str::to_owned));
        open.extend(entry.get("then"));
    }
}
