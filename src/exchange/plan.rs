//! What is answered, and why: what a request is planned to get before anything is remembered or written.
use core::time::Duration;
use std::borrow::Cow;

use http::{HeaderName, HeaderValue};
use serde_json::Value;

use crate::contract::Operation;
use crate::contract::simulation::Break;
use crate::entity::EntityRequest;
use crate::errors::problem::Problem;
use crate::errors::{ExchangeContext, Rejection};
use crate::exchange::echo::Echo;
use crate::exchange::header_meaning::EntityPlace;
use crate::exchange::negotiate::{Choice, ContentSource};
use crate::generate::GenerateOptions;
use crate::generate::entity::PathValues;

/// What happened, for the log.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The number of the operation in the contract.
    pub operation: Option<usize>,
    /// Where the answer comes from: `first documented example`.
    pub source: Cow<'static, str>,
    /// What was wrong with the request, each in a line.
    pub violations: Vec<String>,
}

/// What is answered, and why.
#[derive(Debug)]
pub struct Plan<'c> {
    pub(super) operation: Option<&'c Operation>,
    pub(super) index: Option<usize>,
    pub(super) decision: Decision<'c>,
    /// What was wrong, in lines.
    pub(super) violations: Vec<String>,
    /// What could not be checked, in sentences.
    pub(super) unchecked: Vec<String>,
    /// What is told in [`header::WARNING`].
    pub(super) warnings: Vec<String>,
    /// How values are generated for this request.
    pub(super) options: GenerateOptions,
    /// What its path says about what is answered.
    pub(super) known: PathValues,
    /// The resource that a generated answer shows.
    pub(super) shown: Option<Box<EntityRequest<'c>>>,
    /// What the request says, if the answer says it again.
    pub(super) echo: Option<Echo>,
    /// Where the entity is read that the answer says was added, if a header field of it tells.
    pub(super) place: Option<EntityPlace<'c>>,
    /// The body of a fixture with its expressions worked out.
    pub(super) evaluated: Option<Value>,
    /// How it is sent.
    pub(super) sending: Sending,
}

impl<'c> Plan<'c> {
    /// What it asks of what is remembered.
    #[must_use]
    pub fn asked(&self) -> Option<&EntityRequest<'c>> {
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
            unchecked: Vec::new(),
            warnings: Vec::new(),
            options: GenerateOptions::default(),
            known: PathValues::default(),
            shown: None,
            echo: None,
            place: None,
            evaluated: None,
            sending: Sending::default(),
        }
    }
}

/// How a response is sent, as an extension of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sending {
    /// How long it waits.
    pub delay: Duration,
    /// The longest time that clients may ask for, where this one asked for more.
    pub longest: Option<Duration>,
    /// What goes wrong.
    pub fault: Option<Break>,
    /// After how many seconds the operation may be called again, because it was called too often.
    pub retry_after: Option<u64>,
}

#[derive(Debug)]
pub(crate) enum Decision<'c> {
    /// One of our own errors, with header fields of its own.
    Problem(Problem, Vec<(HeaderName, HeaderValue)>),
    /// The methods that there are.
    Options(HeaderValue),
    /// The documented error.
    Rejection(Rejection<'c>, Vec<(HeaderName, HeaderValue)>),
    /// The documented answer.
    Answer(Choice<'c>),
    /// The documented answer, with what is remembered in it.
    Remembered(Box<Remembered<'c>>),
}

impl Decision<'_> {
    pub(super) fn is_generated(&self) -> bool {
        matches!(self, Self::Answer(Choice { content: ContentSource::Generated(_), .. }))
    }
}

/// An answer that depends on what is remembered.
#[derive(Debug)]
pub(crate) struct Remembered<'c> {
    pub(super) asked: EntityRequest<'c>,
    /// The answer of a success.
    pub(super) choice: Choice<'c>,
    /// The same where an entity was added, if that is another one.
    pub(super) created: Option<Choice<'c>>,
    pub(super) context: ExchangeContext<'c>,
}
