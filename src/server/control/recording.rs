//! Control of the recording of a proxy: its state, a pause, and writing it now.
use http::StatusCode;
use serde_json::Value;

use crate::errors::problem::{Problem, ProblemKind};
use crate::server::control::{Control, ControlRequest, not_there};
use crate::upstream::observers::Observers;

impl Control {
    /// Returns the state of the recording.
    ///
    /// # Errors
    ///
    /// `Problem` 404, if nothing is recorded.
    pub(super) fn recording(&self) -> Result<Value, Problem> {
        self.observers()?.recording().ok_or_else(|| {
            not_there("nothing is recorded; start with `standin proxy URL --record new fixtures`")
        })
    }

    /// Pauses the recording, or lets it go on.
    ///
    /// # Errors
    ///
    /// `Problem` 404, if nothing is recorded.
    pub(super) fn set_recording(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        self.recording()?;
        self.observers()?.record(asked.body["on"] == true);
        self.recording()
    }

    /// Writes the fixtures of the recording so far.
    ///
    /// # Errors
    ///
    /// `Problem` 404, if nothing is recorded, and 500 if a file cannot be written.
    pub(super) fn write_recording(&self) -> Result<Value, Problem> {
        self.recording()?;
        let written = self.observers()?.write(&self.sandbox);
        written.map_err(|error| {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Problem::new(ProblemKind::Unwritable, status, error.to_string())
        })?;
        self.recording()
    }

    /// Returns the observers of the exchanges with the real API.
    ///
    /// # Errors
    ///
    /// `Problem` 404, if there is no real API.
    pub(super) fn observers(&self) -> Result<&Observers, Problem> {
        let upstream = self.upstream();
        upstream.map(|upstream| &upstream.observers).ok_or_else(|| {
            not_there("there is no real API; start with `standin proxy URL`, not `standin serve`")
        })
    }
}
