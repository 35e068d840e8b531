//! Error for content that cannot be read, with its place.
use bytes::Bytes;
use serde_json::Value;

use crate::schema::cut;

/// Content that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Sentence with the error: `malformed JSON: EOF while parsing a value`.
    pub detail: String,
    /// Line and column from 1, if the format has them.
    pub place: Option<(usize, usize)>,
}

impl Malformed {
    /// Creates an error from a sentence and a place.
    #[must_use]
    pub fn new(mut detail: String, place: Option<(usize, usize)>) -> Self {
        cut(&mut detail, LONGEST_DETAIL);
        Self { detail, place }
    }

    pub(super) fn without_place(detail: impl std::fmt::Display) -> Self {
        Self::new(format!("malformed content: {detail}"), None)
    }
}

/// Maximum bytes of a sentence about content; the rest is cut and replaced by `…`. Names of parts,
/// which the sentence quotes, may be as long as the content.
const LONGEST_DETAIL: usize = 1024;

pub(super) fn read_json(bytes: &Bytes) -> Result<Value, Malformed> {
    serde_json::from_slice(bytes).map_err(|error| {
        let full = error.to_string();
        let detail = full.split(" at line ").next().unwrap_or(&full).to_owned();
        Malformed::new(
            format!("malformed JSON: {detail}"),
            Some((error.line(), error.column())),
        )
    })
}
