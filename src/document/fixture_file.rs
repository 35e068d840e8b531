//! Splits a fixture file into its sections: operations, `errors` and `resources`.
//!
//! The rooms above read the entries of their section; the names of the sections stand here only.
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::diagnostic::{Code, Diagnostic, Place, Source};
use crate::document::tree::join;

/// Section with overrides of errors.
const ERRORS: &str = "errors";

/// Section with overrides of resources.
const RESOURCES: &str = "resources";

/// Member with the URL of the JSON Schema of fixture files, for editors.
const SCHEMA: &str = "$schema";

/// A parsed fixture file: operations by name, each with a list of responses; or a file of entities.
#[derive(Debug, Clone)]
pub struct FixtureFile {
    /// Source text, for diagnostics.
    pub source: Arc<Source>,
    /// Tree of the file.
    pub tree: Arc<Value>,
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

impl FixtureFile {
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
