//! Reasons why a snapshot cannot be read, and why a JSON Patch cannot be applied.
use crate::state::size::MOST_NESTED;

/// Reason why an exported snapshot cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// JSON that is not an object.
    #[error("a snapshot must be an object")]
    NotAnObject,
    /// Count that is not a number.
    #[error("`counts` has no number for `{name}`")]
    Count {
        /// Name of the count.
        name: String,
    },
    /// Member `state` that is not a list.
    #[error("`state` must be a list")]
    State,
    /// Collection without one of its texts.
    #[error("`state[{index}]` has no string `{name}`")]
    Text {
        /// Index in `state`.
        index: usize,
        /// Name of the member: `collection`, `scope`.
        name: &'static str,
    },
    /// Collection without entities.
    #[error("`state[{index}]` has no object `entities`")]
    Entities {
        /// Index in `state`.
        index: usize,
    },
    /// Entity that is not an object.
    #[error("`state[{index}]` has an entity `{key}` that is not an object")]
    Entity {
        /// Index in `state`.
        index: usize,
        /// Key of the entity.
        key: String,
    },
    /// Entity that is nested deeper than stored values may be.
    #[error(
        "`state[{index}]` has an entity `{key}` that is nested deeper than {MOST_NESTED} levels"
    )]
    EntityTooDeep {
        /// Index in `state`.
        index: usize,
        /// Key of the entity.
        key: String,
    },
}

/// Reason why a JSON Patch (RFC 6902) cannot be applied to an entity.
#[derive(Debug, thiserror::Error)]
pub(super) enum PatchError {
    /// JSON that is not a patch.
    #[error("{error}")]
    NotAPatch { error: serde_json::Error },
    /// Patch with more operations than allowed.
    #[error("it has more than {most} operations")]
    TooManyOperations { most: usize },
    /// Operation that fails, by its index.
    #[error("operation {index} fails at `{}`: {}", .error.path, .error.kind)]
    Operation {
        index: usize,
        error: json_patch::PatchError,
    },
    /// Result that is nested deeper than stored values may be.
    #[error("the result is nested deeper than {MOST_NESTED} levels")]
    TooDeep,
    /// Result that is larger than allowed, in bytes of memory.
    #[error("the result has more than {most} bytes")]
    TooLarge { most: usize },
}
