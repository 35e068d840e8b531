//! Errors for content that cannot be read, with their places.
use bytes::Bytes;
use serde_json::Value;

use crate::schema::cut;

/// Reason why content is not of its media type, other than faults of JSON and of whole XML
/// documents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ContentError {
    /// Bytes that are not text, with the message of the decoder.
    #[error("it is not UTF-8: {message}")]
    NotUtf8 { message: String },
    /// Property of a form that does not follow its style.
    #[error("`{name}`: {reason}")]
    Property { name: String, reason: String },
    /// Item of a sequence that is not JSON, by its number from 1.
    #[error("item {number} is not JSON: {message}")]
    Item { number: usize, message: String },
    /// Rows that are not comma-separated values, with the message of the parser.
    #[error("{message}")]
    Rows { message: String },
    /// Bytes that are not multipart content, with the message of the parser.
    #[error("{message}")]
    Multipart { message: String },
    /// More parts than a body may have.
    #[error("there are more than {most} parts")]
    TooManyParts { most: usize },
    /// Parts within parts, deeper than they may be nested.
    #[error("parts are nested deeper than {most} levels")]
    PartsTooDeep { most: usize },
    /// Part of another media type than its `encoding` has.
    #[error("the part `{part}` is {sent}, expected {}", .expected.join(", "))]
    PartMedia {
        part: String,
        sent: String,
        expected: Vec<String>,
    },
    /// Part without a header field that its `encoding` requires.
    #[error("the part `{part}` has no `{field}` header field")]
    PartField { part: String, field: String },
    /// Header field of a part whose value does not fit its schema.
    #[error("`{field}` of the part `{part}` {fault}")]
    PartFieldValue {
        part: String,
        field: String,
        fault: String,
    },
    /// Part whose own content cannot be read.
    #[error("`{part}` has {fault}")]
    PartContent { part: String, fault: String },
    /// Part whose content is not XML.
    #[error("`{part}` has malformed XML: {reason}")]
    PartXml { part: String, reason: String },
}

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
}

impl From<ContentError> for Malformed {
    fn from(error: ContentError) -> Self {
        Self::new(format!("malformed content: {error}"), None)
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
