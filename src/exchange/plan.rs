//! Types for the plan of an exchange: the answer and its reason, before any step on the state is
//! taken.
//!
//! `exchange::plan` creates it, `finish` builds the response from it.
use core::time::Duration;
use std::borrow::Cow;

use http::{HeaderName, HeaderValue};
use serde_json::Value;

use crate::contract::Operation;
use crate::contract::simulation::Break;
use crate::entity::EntityRequest;
use crate::errors::Rejection;
use crate::errors::problem::Problem;
use crate::exchange::applied_fixture::AppliedFixture;
use crate::exchange::context::ExchangeContext;
use crate::exchange::echo::Echo;
use crate::exchange::header_meaning::EntityPlace;
use crate::exchange::negotiate::{Choice, ContentSource};
use crate::exchange::outgoing::PlannedCallbacks;
use crate::generate::GenerateOptions;
use crate::generate::entity::PathValues;

/// Report about an exchange, for the log.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Index of the operation in the contract.
    pub operation: Option<usize>,
    /// Source of the answer: `first documented example`.
    pub source: Cow<'static, str>,
    /// Violations of the request, one line each.
    pub violations: Vec<String>,
}

/// Planned answer to a request, with its reason.
#[derive(Debug)]
pub(crate) struct Plan<'c> {
    pub(super) operation: Option<&'c Operation>,
    pub(super) index: Option<usize>,
    pub(super) decision: Decision<'c>,
    /// Violations of the request, one line each.
    pub(super) violations: Vec<String>,
    /// Violations of the request as `sl-violations` lists them, with `--prism`.
    pub(super) listed: Vec<Value>,
    /// Parts that could not be checked, one sentence each.
    pub(super) unchecked: Vec<String>,
    /// Sentences for the header field `Standin-Warning`.
    pub(super) warnings: Vec<String>,
    /// Options for the values generated for this request.
    pub(super) options: GenerateOptions,
    /// Values of the request's path that generated content must have.
    pub(super) known: PathValues,
    /// Step whose entities a generated answer shows.
    pub(super) shown: Option<Box<EntityRequest<'c>>>,
    /// Values of the request to copy into the answer, if `--echo` is on.
    pub(super) echo: Option<Echo>,
    /// Place of the entity that was written, if a documented header field tells it.
    pub(super) place: Option<EntityPlace<'c>>,
    /// Data for the callbacks of the operation, if it has any.
    pub(super) callbacks: Option<Box<PlannedCallbacks<'c>>>,
    /// Fixture that applies to the request.
    pub(super) applied: Vec<AppliedFixture<'c>>,
    /// Delay, fault and `Retry-After` of the response.
    pub(super) sending: Sending,
}

impl<'c> Plan<'c> {
    /// Returns the step on the session's state; `None` if the answer does not depend on the state.
    #[must_use]
    pub(crate) fn asked(&self) -> Option<&EntityRequest<'c>> {
        match &self.decision {
            Decision::Remembered(remembered) => Some(&remembered.asked),
            _ => None,
        }
    }

    pub(super) fn without_operation(decision: Decision<'c>) -> Self {
        Self {
            operation: None,
            index: None,
            decision,
            violations: Vec::new(),
            listed: Vec::new(),
            unchecked: Vec::new(),
            warnings: Vec::new(),
            options: GenerateOptions::default(),
            known: PathValues::default(),
            shown: None,
            echo: None,
            place: None,
            callbacks: None,
            applied: Vec::new(),
            sending: Sending::default(),
        }
    }
}

/// Delay, fault and `Retry-After` of a response, as one of its extensions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sending {
    /// Time to wait before the response is sent.
    pub delay: Duration,
    /// Maximum delay for clients, if this client requested a longer one.
    pub longest: Option<Duration>,
    /// Fault to simulate.
    pub fault: Option<Break>,
    /// Seconds until the operation may be called again, if its rate limit is exceeded.
    pub retry_after: Option<u64>,
}

#[derive(Debug)]
pub(crate) enum Decision<'c> {
    /// Problem of the sandbox itself, with its header fields.
    Problem(Problem, Vec<(HeaderName, HeaderValue)>),
    /// Methods that the path allows.
    Options(HeaderValue),
    /// Documented error, with additional header fields.
    Rejection(Rejection<'c>, Vec<(HeaderName, HeaderValue)>),
    /// Documented answer.
    Answer(Choice<'c>),
    /// Documented answer with entities of the session's state.
    Remembered(Box<Remembered<'c>>),
}

impl Decision<'_> {
    /// Returns the name of the documented example that the answer is.
    pub(super) fn example(&self) -> Option<&str> {
        match self {
            Self::Answer(Choice {
                content: ContentSource::Example(example, _),
                ..
            }) => Some(&example.name),
            _ => None,
        }
    }

    pub(super) fn is_generated(&self) -> bool {
        matches!(
            self,
            Self::Answer(Choice {
                content: ContentSource::Generated(_),
                ..
            })
        )
    }
}

/// Answer that depends on the session's state.
#[derive(Debug)]
pub(crate) struct Remembered<'c> {
    pub(super) asked: EntityRequest<'c>,
    /// Documented success.
    pub(super) choice: Choice<'c>,
    /// Documented success without the status of a fixture, if its response differs from that of
    /// `choice`.
    pub(super) usual: Option<Choice<'c>>,
    /// Documented answer for an added entity, if it differs from `choice`.
    pub(super) created: Option<Choice<'c>>,
    pub(super) context: ExchangeContext<'c>,
}
