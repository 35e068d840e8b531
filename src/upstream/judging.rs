//! Compares an exchange with the real API with the contract.
//!
//! The proxy reports the result, and recording, learning and drift begin with it.
use http::StatusCode;
use serde_json::Value;

use crate::Sandbox;
use crate::errors::Fault;
use crate::exchange::observed::{self, JudgedRequest};
use crate::upstream::exchange::ObservedExchange;
use crate::validate::Violation;

/// Result of the comparison of an exchange with the contract.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    /// Index of the operation in the contract; `None` if the documents do not have it.
    pub operation: Option<usize>,
    /// Faults of the request, gravest first: an unknown path or method, credentials, content,
    /// violations.
    pub faults: Vec<Fault>,
    /// Violations of the response; a status, media type or header field that is not documented is one.
    pub violations: Vec<Violation>,
    /// Value of the content of the response, if it was read as a documented media type.
    pub response_value: Option<Value>,
    /// Parts that could not be checked, one sentence each.
    pub unchecked: Vec<String>,
}

/// Judges both sides of an exchange; all faults are reported, whatever the validation of the sandbox.
#[must_use]
pub(crate) fn judge(sandbox: &Sandbox, exchange: &ObservedExchange) -> Judgement {
    let JudgedRequest {
        operation,
        faults,
        mut unchecked,
    } = observed::judge_request(sandbox.contract(), sandbox.settings(), &exchange.request);
    let (mut violations, mut response_value) = (Vec::new(), None);
    // The answer to a request that the documents do not know cannot be compared with them.
    if let Some(index) = operation {
        let judged = observed::judge_response(
            &sandbox.contract().operations[index],
            &exchange.request,
            &exchange.response,
        );
        violations = judged.violations;
        response_value = judged.value;
        unchecked.extend(judged.unchecked);
    }
    Judgement {
        operation,
        faults,
        violations,
        response_value,
        unchecked,
    }
}

impl Judgement {
    /// Returns an empty judgement, for an exchange that is not compared.
    #[must_use]
    pub(crate) fn uncompared(operation: Option<usize>) -> Self {
        Self {
            operation,
            ..Self::default()
        }
    }

    /// Returns the violations of the request, one line each: `body: must have required property 'name'`.
    #[must_use]
    pub(crate) fn of_request(&self) -> Vec<String> {
        self.faults.iter().flat_map(Fault::summaries).collect()
    }

    /// Returns the violations of the response, one line each: `response 200 body /id: must be integer`.
    #[must_use]
    pub(crate) fn of_response(&self, status: StatusCode) -> Vec<String> {
        let own = self.violations.iter();
        own.map(|violation| format!("response {} {}", status.as_u16(), violation.summary()))
            .collect()
    }
}
