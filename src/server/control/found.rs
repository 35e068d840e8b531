//! Diagnostics of the documents and fixtures as JSON, with the lines around their places and the
//! operation or schema that each is about.
use std::collections::HashMap;

use serde_json::{Value, json};

use crate::contract::Contract;
use crate::contract::directory::SchemaDirectory;
use crate::diagnostic::excerpt::Excerpts;
use crate::diagnostic::{Diagnostic, Place, Severity};
use crate::document::syntax::unescape;
use crate::sandbox::Sandbox;

/// Maximum number of diagnostics that are kept, errors first; others are only counted.
const MOST_KEPT: usize = 5_000;

/// Diagnostics of a sandbox.
#[derive(Debug)]
pub(super) struct FoundDiagnostics {
    /// Diagnostics as JSON, errors first.
    pub rows: Vec<Value>,
    /// Number of diagnostics that are not kept.
    pub left_out: usize,
}

impl FoundDiagnostics {
    /// Examines the documents and fixtures of a sandbox: compiles everything once, and drops it
    /// again.
    pub(super) fn of(sandbox: &Sandbox, directory: &SchemaDirectory) -> Self {
        let mut found = sandbox.diagnostics();
        found.sort_by_key(Diagnostic::severity);
        let left_out = found.len().saturating_sub(MOST_KEPT);
        found.truncate(MOST_KEPT);
        let subjects = Subjects::new(sandbox.contract(), directory);
        let mut excerpts = Excerpts::default();
        let rows = found.iter().map(|diagnostic| {
            let mut row = diagnostic.to_json();
            if let Some(place) = &diagnostic.place {
                subjects.add(place, &mut row);
                row["excerpt"] = Value::Array(excerpts.around(place));
            }
            row
        });
        let rows = rows.collect();
        // The positions in the texts take more memory than the documents.
        sandbox.rest();
        Self { rows, left_out }
    }

    /// Returns the number of the kept ones that have a severity.
    pub(super) fn count(&self, severity: Severity) -> usize {
        let rows = self.rows.iter();
        rows.filter(|row| row["severity"] == severity.as_str())
            .count()
    }
}

/// Operations and schemas by their places.
struct Subjects<'c> {
    contract: &'c Contract,
    directory: &'c SchemaDirectory,
    documents: HashMap<&'c str, usize>,
    operations: HashMap<(usize, &'c str), usize>,
}

impl<'c> Subjects<'c> {
    fn new(contract: &'c Contract, directory: &'c SchemaDirectory) -> Self {
        let documents = contract.documents.iter().enumerate();
        let operations = contract.operations.iter().enumerate();
        Self {
            contract,
            directory,
            documents: documents
                .map(|(index, document)| (document.source().name(), index))
                .collect(),
            operations: operations
                .map(|(index, operation)| ((operation.document, operation.place.pointer()), index))
                .collect(),
        }
    }

    /// Adds the operation or the schema that a place is in.
    fn add(&self, place: &Place, row: &mut Value) {
        let pointer = place.pointer();
        let operation = match self.documents.get(place.source().name()) {
            Some(document) => self.operation_around(*document, pointer),
            // A fixture file has its operations by name.
            None => {
                let name = pointer.split('/').nth(1).map(unescape);
                name.and_then(|name| self.contract.find(&name))
            }
        };
        if let Some(index) = operation {
            row["operation"] = json!(self.contract.operations[index].name());
            return;
        }
        let document = self.documents.get(place.source().name());
        let schema = document.and_then(|document| {
            self.directory
                .name_around(self.contract, *document, pointer)
        });
        if let Some(schema) = schema {
            row["schema"] = json!({ "name": schema.name, "document": schema.document });
        }
    }

    fn operation_around(&self, document: usize, pointer: &str) -> Option<usize> {
        let mut rest = pointer;
        loop {
            if let Some(index) = self.operations.get(&(document, rest)) {
                return Some(*index);
            }
            rest = &rest[..rest.rfind('/')?];
        }
    }
}
