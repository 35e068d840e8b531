//! Exchanges with the real API → fixtures that a person would have written.
//!
//! [`Recorder`](recorder::Recorder) collects exchanges and writes files; [`fixtures_of`](fixtures::fixtures_of)
//! makes their texts. `reading` reads an exchange, [`SecretSearch`](crate::state::secret::SecretSearch) and
//! [`StandIns`](crate::state::stand_in::StandIns) take its secrets away,
//! `entry` makes entries (`member` and `condition` their conditions, `form` and `template` their
//! answers), `file` writes them, and `replay` checks that they answer as recorded.

mod base_url;
mod condition;
pub(crate) mod earlier;
mod entry;
pub(crate) mod file;
pub(crate) mod fixtures;
mod form;
mod header_field;
mod member;
pub(crate) mod options;
mod reading;
pub(crate) mod recorder;
pub(crate) mod redacted;
pub(crate) mod replay;
mod template;
#[cfg(test)]
mod tests;
mod time_value;
mod written;
