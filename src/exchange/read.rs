//! Reads a routed request once, for everything after it: the choice between variants, validation,
//! planning, explaining and echoing.
//!
//! `exchange::plan` calls it after routing; nothing later reads the request again.
use serde_json::{Value, json};

use crate::codec::accept::Accept;
use crate::codec::message::Request;
use crate::codec::parameter::Inputs;
use crate::codec::preference::Preferences;
use crate::contract::{Contract, Operation};
use crate::exchange::settings::Settings;
use crate::validate::{self, Received};

/// A request as its operation reads it.
pub(crate) struct ReadRequest<'c, 'r> {
    /// Index of the operation in the contract.
    pub index: usize,
    pub operation: &'c Operation,
    /// Parts that parameters are read from.
    pub inputs: Inputs<'r>,
    /// Values of parameters and content, not yet validated.
    pub received: Received<'c>,
    /// Preferences in `Prefer` and in the query.
    pub preferences: Preferences,
    /// Media types that the client accepts.
    pub accept: Accept,
}

impl<'c: 'r, 'r> ReadRequest<'c, 'r> {
    /// Reads a request for an operation; `path_values` are the values of its path template.
    pub(super) fn new(
        contract: &'c Contract,
        index: usize,
        path_values: &'r [String],
        settings: &Settings,
        request: &'r Request,
    ) -> Self {
        let operation = &contract.operations[index];
        let (query, headers) = (request.uri().query(), request.headers());
        let inputs =
            Inputs::new(operation, path_values, query, headers).with_arrays(settings.query_arrays);
        let received = validate::receive(operation, &inputs, request.body());
        let preferences = Preferences::read(headers, &inputs.query);
        let accept = Accept::of(headers, operation);
        Self {
            index,
            operation,
            inputs,
            received,
            preferences,
            accept,
        }
    }

    /// Returns what was read: `{path, query, header, cookie, body, preferences}`.
    pub(super) fn to_json(&self) -> Value {
        let mut read = self.received.values.as_instance(&self.inputs);
        let preferences = &self.preferences;
        read["preferences"] = json!({
            "code": preferences.code.map(|code| code.as_u16()), "example": preferences.example,
            "dynamic": preferences.dynamic, "seed": preferences.seed,
            "scenario": preferences.scenario, "delay": preferences.delay.map(|delay| delay.to_string()),
        });
        read
    }
}
