//! Why content cannot be read, and where.
use bytes::Bytes;
use serde_json::Value;

use crate::schema::cut;

/// Why content cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong: `malformed JSON: EOF while parsing a value`.
    pub detail: String,
    /// Line and column from 1, where the format has them.
    pub place: Option<(usize, usize)>,
}

impl Malformed {
    /// What is wrong, and where.
    #[must_use]
    pub fn new(mut detail: String, place: Option<(usize, usize)>) -> Self {
        cut(&mut detail, LONGEST_DETAIL);
        Self { detail, place }
    }

    pub(super) fn without_place(detail: impl std::fmt::Display) -> Self {
        Self::new(format!("malformed content: {detail}"), None)
    }
}

/// How many bytes of a sentence about content are told; what is over is cut, and `…` says so. Names that the
/// content gives to its parts may be as long as the content.
const LONGEST_DETAIL: usize = 1024;

pub(super) fn read_json(bytes: &Bytes) -> Result<Value, Malformed> {
    serde_json::from_slice(bytes).map_err(|error| {
        let full = error.to_string();
        let detail = full.split(" at line ").next().unwrap_or(&full).to_owned();
        Malformed::new(format!("malformed JSON: {detail}"), Some((error.line(), error.column())))
    })
}
