//! An entry of a fixture file, with the lines that it is written in.
use serde_json::Value;

/// Entry as it is written.
#[derive(Debug)]
pub(super) struct WrittenEntry {
    /// Index of the operation in the contract.
    pub operation: usize,
    pub value: Value,
    /// Lines of the entry, with its comment.
    pub text: String,
}
