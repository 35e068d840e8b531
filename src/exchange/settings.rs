//! What a sandbox was told at its start about how to answer.
use core::time::Duration;

use crate::codec::style::QueryArrays;
use crate::contract::simulation::Delay;
use crate::entity::Unknown;
use crate::generate::GenerateOptions;
use crate::state::sessions::Bounds;
use crate::validate::{AbsentBody, OtherNames};

/// How wrong requests are treated (`--validate`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Validation {
    /// They are rejected.
    #[default]
    Strict,
    /// They are answered, and what is wrong is reported.
    Warn,
    /// They are answered.
    Off,
}

/// Whether pages of other origins may use the sandbox (`--cors`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cors {
    #[default]
    /// They may.
    On,
    /// Browsers keep them from reading the answers.
    Off,
}

/// Whether what requests write is remembered (`--state`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StateMode {
    /// Each answer is that of the document.
    #[default]
    Off,
    /// What was written is read.
    On,
}

/// Whether answers say again what requests say, where nothing is remembered (`--echo`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Echoing {
    /// They are as documented.
    #[default]
    Off,
    /// They have the values of the request where the names and types are the same.
    On,
}

/// Compression of answers for clients that accept it (`--compress`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// They are, where it is worth it.
    #[default]
    On,
    /// They are sent as they are.
    Off,
}

/// The largest request content in bytes, as it comes and once its codings are undone; a larger one is answered with
/// 413 (`--max-body`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentLimit(pub usize);

impl Default for ContentLimit {
    fn default() -> Self {
        Self(10 * 1024 * 1024)
    }
}

/// What a sandbox was told at its start.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Settings {
    /// How wrong requests are treated.
    pub validation: Validation,
    /// Whether pages of other origins may use it.
    pub cors: Cors,
    /// How an absent body is judged.
    pub absent_body: AbsentBody,
    /// How names in a query are judged that no parameter has.
    pub other_names: OtherNames,
    /// How else than documented lists in queries may be written.
    pub query_arrays: QueryArrays,
    /// How values are generated.
    pub options: GenerateOptions,
    /// Whether what requests write is remembered.
    pub state: StateMode,
    /// What an entity is that nobody wrote.
    pub unknown: Unknown,
    /// Whether answers say again what requests say.
    pub echo: Echoing,
    /// How long answers wait where nothing else says so.
    pub delay: Option<Delay>,
    /// How long clients may have answers wait by `Prefer: delay` (`--max-delay`).
    pub longest_delay: Option<Duration>,
    /// How much is remembered.
    pub bounds: Bounds,
    /// Whether answers are compressed.
    pub compression: Compression,
    /// The largest request content.
    pub content_limit: ContentLimit,
}
