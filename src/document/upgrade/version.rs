//! Versions of OpenAPI that a document may have.
use std::fmt;

/// Supported versions of OpenAPI; patch versions are not distinguished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Version {
    V2,
    V30,
    V31,
    V32,
}

/// Version of a document that is not supported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the version `{found}` of OpenAPI is not read")]
pub(crate) struct UnsupportedVersion {
    /// Version as the document has it: `4.0`.
    pub found: String,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V2 => "2.0",
            Self::V30 => "3.0",
            Self::V31 => "3.1",
            Self::V32 => "3.2",
        })
    }
}
