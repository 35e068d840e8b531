//! Reads a routed request once, for everything after it: the choice between variants, validation,
//! planning, explaining and echoing.
//!
//! `exchange::plan` calls it after routing; nothing later reads the request again.
use http::HeaderValue;
use serde_json::{Map, Value, json};

use crate::codec::accept::Accept;
use crate::codec::message::Request;
use crate::codec::parameter::Inputs;
use crate::codec::preference::Preferences;
use crate::contract::route::Routed;
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

/// Returns a request as one instance, `{path, query, header, cookie, body}`, as the condition of a
/// fixture sees it. Without an operation, the parameters are the texts of the request.
#[must_use]
pub(crate) fn instance(contract: &Contract, settings: &Settings, request: &Request) -> Value {
    if let Routed::Operation(index, values) = contract.route(request.method(), request.uri().path())
    {
        let read = ReadRequest::new(contract, index, &values, settings, request);
        return read.received.values.as_instance(&read.inputs);
    }
    let query = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    let query: Map<String, Value> = query
        .into_owned()
        .map(|(name, value)| (name, value.into()))
        .collect();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let header: Map<String, Value> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value).into()))
        .collect();
    let mut instance = json!({ "path": {}, "query": query, "header": header, "cookie": {} });
    if let Ok(body) = serde_json::from_slice::<Value>(&request.body().bytes()) {
        instance["body"] = body;
    }
    instance
}
