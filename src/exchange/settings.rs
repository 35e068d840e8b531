//! Settings of a sandbox, fixed at its start.
//!
//! The command line and the library's users set them; every exchange reads them.
use core::time::Duration;

use crate::codec::style::QueryArrays;
use crate::contract::simulation::Delay;
use crate::entity::Unknown;
use crate::errors::problem::ProblemForm;
use crate::generate::GenerateOptions;
use crate::state::sessions::Bounds;
use crate::validate::{AbsentBody, OtherNames};

/// Treatment of invalid requests (`--validate`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Validation {
    /// Invalid requests are rejected.
    #[default]
    Strict,
    /// Invalid requests are answered, and their violations reported.
    Warn,
    /// Requests are not validated.
    Off,
}

/// Access for pages of other origins (`--cors`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cors {
    #[default]
    /// Pages of other origins may use the sandbox.
    On,
    /// Browsers keep pages of other origins from reading the answers.
    Off,
}

/// State from one request to the next (`--state`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StateMode {
    /// Each answer comes from the document alone.
    #[default]
    Off,
    /// Written entities are stored, and later requests read them.
    On,
}

/// Copying of values from the request into answers that are not backed by state (`--echo`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Echoing {
    /// Answers are as documented.
    #[default]
    Off,
    /// Answers have the request's values where names and types are equal.
    On,
}

/// Compression of answers for clients that accept it (`--compress`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Answers are compressed, where it is worth it.
    #[default]
    On,
    /// Answers are not compressed.
    Off,
}

/// Maximum size of request content in bytes, both as received and after decoding; larger content
/// is answered with 413 (`--max-body`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentLimit(pub usize);

impl Default for ContentLimit {
    fn default() -> Self {
        Self(10 * 1024 * 1024)
    }
}

/// Use of documented examples in answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExampleUse {
    /// Answers show the documented examples, and generated values where there are none.
    #[default]
    Shown,
    /// Answers are generated from the schema wherever there is one (`--dynamic`), unless the
    /// client prefers an example.
    Ignored,
}

/// End of event streams whose document has no marker of an end (`--streams`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StreamEnd {
    /// Streams for clients that send `Accept: text/event-stream` are held, others end.
    #[default]
    ByClient,
    /// The answer ends after the events.
    End,
    /// The connection stays open after the events, with comments as heartbeats.
    Hold,
    /// The events are sent again and again, with growing ids.
    Repeat,
}

/// Treatment of answers that do not fit the document (`--errors`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Misfits {
    /// They are sent.
    #[default]
    Sent,
    /// They are replaced by a 500 problem with their violations.
    Refused,
}

/// Sending of callbacks and webhooks (`--callbacks`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Callbacks {
    /// Callbacks are sent after answers.
    #[default]
    On,
    /// Nothing is sent.
    Off,
}

/// Settings of a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Settings {
    /// Treatment of invalid requests.
    pub validation: Validation,
    /// Access for pages of other origins.
    pub cors: Cors,
    /// Treatment of an absent body.
    pub absent_body: AbsentBody,
    /// Treatment of query names that no parameter has.
    pub other_names: OtherNames,
    /// Extra array notations accepted in queries.
    pub query_arrays: QueryArrays,
    /// Options for generated values.
    pub options: GenerateOptions,
    /// Use of documented examples in answers.
    pub examples: ExampleUse,
    /// Treatment of answers that do not fit the document.
    pub misfits: Misfits,
    /// Form of the errors that the document does not have.
    pub problems: ProblemForm,
    /// State from one request to the next.
    pub state: StateMode,
    /// Answer for a key that was never created.
    pub unknown: Unknown,
    /// Copying of values from the request into answers.
    pub echo: Echoing,
    /// Delay of answers, unless a fixture or the client sets another.
    pub delay: Option<Delay>,
    /// Maximum delay that clients may request with `Prefer: delay` (`--max-delay`); longer ones
    /// are cut.
    pub longest_delay: Option<Duration>,
    /// Limits of the stored state.
    pub bounds: Bounds,
    /// Compression of answers.
    pub compression: Compression,
    /// Sending of callbacks and webhooks.
    pub callbacks: Callbacks,
    /// End of event streams.
    pub streams: StreamEnd,
    /// Maximum size of request content.
    pub content_limit: ContentLimit,
}
