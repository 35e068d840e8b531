//! Choices and limits of a recording.
use std::path::PathBuf;

/// Exchanges that a recording keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum RecordingMode {
    /// Only exchanges that no fixture answers yet.
    #[default]
    New,
    /// All exchanges; entries of earlier recordings of the same request are replaced.
    All,
}

/// Treatment of secrets in a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum RedactMode {
    /// Each secret is replaced by a text of the same kind and length, always the same one.
    #[default]
    StandIns,
    /// Secrets are written to the files.
    None,
}

/// Limits of a recording. Exchanges beyond them are counted and dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordingLimits {
    /// Maximum number of exchanges.
    pub exchanges: usize,
    /// Maximum number of bytes of the contents, targets and header fields of all exchanges.
    pub bytes: usize,
    /// Size in bytes from which a body is written to a file of its own.
    pub inline_body: usize,
}

impl Default for RecordingLimits {
    fn default() -> Self {
        Self {
            exchanges: 10_000,
            bytes: 256 * 1024 * 1024,
            inline_body: 8 * 1024,
        }
    }
}

/// Options of a recording.
#[derive(Debug, Clone)]
pub(crate) struct RecordingOptions {
    /// Folder of fixtures; recordings are in its sub-folder [`RECORDED`](crate::document::fixture_folder::RECORDED).
    pub folder: PathBuf,
    /// Exchanges to keep.
    pub mode: RecordingMode,
    /// Treatment of secrets.
    pub redact: RedactMode,
    /// Limits.
    pub limits: RecordingLimits,
}
