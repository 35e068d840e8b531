//! Lines of all operations and named schemas, found together.
//!
//! The positions in a large text take more memory than the document: they are found once, read for
//! all places that pages show, and dropped again.
use crate::contract::Contract;
use crate::contract::directory::SchemaDirectory;
use crate::diagnostic::Place;

/// Lines of operations and named schemas, counted from 1.
#[derive(Debug)]
pub(crate) struct PlaceLines {
    operations: Vec<usize>,
    schemas: Vec<usize>,
}

impl PlaceLines {
    /// Finds the lines of all operations of a contract, and of all its named schemas.
    #[must_use]
    pub(crate) fn new(contract: &Contract, directory: &SchemaDirectory) -> Self {
        let operations = contract.operations.iter();
        let operations = operations.map(|operation| operation.place.span().line);
        let schemas = directory.schemas.iter().map(|schema| {
            let source = contract.documents[schema.document].source();
            Place::key(source, schema.pointer.clone()).span().line
        });
        let lines = Self {
            operations: operations.collect(),
            schemas: schemas.collect(),
        };
        for document in &contract.documents {
            document.source().rest();
        }
        lines
    }

    /// Returns the line of the operation with this index; 1 if there is none.
    #[must_use]
    pub(crate) fn of_operation(&self, index: usize) -> usize {
        self.operations.get(index).copied().unwrap_or(1)
    }

    /// Returns the line of a schema by its number in the directory; 1 if there is none.
    #[must_use]
    pub(crate) fn of_schema(&self, number: usize) -> usize {
        self.schemas.get(number).copied().unwrap_or(1)
    }
}
