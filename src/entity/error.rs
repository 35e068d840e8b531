//! Reasons why entities that the user supplies cannot be used.
use crate::codec::content::ContentError;
use crate::diagnostic::ordinal;

/// Reason why an entity that the user supplies, or a whole file of them, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EntityError {
    /// Text of a file that is not comma-separated values.
    #[error(transparent)]
    Rows(#[from] ContentError),
    /// Content of a file that is not a list.
    #[error("a file of entities must be a list")]
    NotAList,
    /// Entity that is not an object, by its index.
    #[error("the {} entity is not an object", ordinal(*.index))]
    NotAnObject { index: usize },
    /// Entity whose key is missing, empty, or neither text nor number, by its index.
    #[error(
        "the {} entity has no `{key}`; `{collection}` identifies its entities by `{key}`",
        ordinal(*.index)
    )]
    NoKey {
        index: usize,
        key: String,
        collection: String,
    },
}
