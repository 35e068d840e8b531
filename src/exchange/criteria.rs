//! Everything that the choice of a response depends on.
use http::StatusCode;

use crate::codec::accept::Accept;
use crate::codec::parameter::Inputs;
use crate::codec::preference::Preferences;
use crate::exchange::session_view::SessionView;
use crate::exchange::settings::ExampleUse;
use crate::validate::Values;

/// Everything that the choice of a response depends on, beside the operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResponseCriteria<'w, 's> {
    /// Preferences of the client.
    pub preferences: &'w Preferences,
    /// Media types that the client accepts.
    pub accept: &'w Accept,
    /// Parameters as text.
    pub inputs: &'w Inputs<'w>,
    /// Parameters and content as JSON values.
    pub values: &'w Values,
    /// History of the session.
    pub session_view: &'w SessionView<'s>,
    /// Seed of random faults.
    pub seed: u64,
    /// Use of examples, unless the client prefers one or a generated value.
    pub examples: ExampleUse,
}

impl ResponseCriteria<'_, '_> {
    /// Returns true if the answer with this status is generated although the document may have
    /// examples.
    pub(crate) fn generates(&self, status: StatusCode) -> bool {
        let is_usual = self.examples == ExampleUse::Ignored
            && self.preferences.example.is_none()
            && !status.is_client_error()
            && !status.is_server_error();
        self.preferences.dynamic.unwrap_or(is_usual)
    }
}
