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
    /// Column of a table that is a value and also has values in it.
    #[error("the columns `{outer}` and `{inner}` exclude each other")]
    Columns { outer: String, inner: String },
    /// Column of a table whose name has too many parts.
    #[error("the name of the column `{name}` has more than {most} parts")]
    DeepColumn { name: String, most: usize },
    /// Table with too many cells.
    #[error(
        "the table would have {cells} cells, expected at most {most}; `format=json` has no such limit"
    )]
    LargeTable { cells: usize, most: usize },
}
