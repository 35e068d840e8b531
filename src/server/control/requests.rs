//! Control API: list, stream, clear and verify the exchanges of the journal.
use std::collections::HashSet;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::codec::message::Response;
use crate::contract::fixture_key::operations_of;
use crate::exchange::Report;
use crate::server::control::stream::{EventFilter, JournalStream};
use crate::server::control::{Control, ControlRequest};
use crate::state::journal::{Entry, Filter, Glance, Operations};

impl Control {
    /// Returns the exchanges of a session, or of all sessions, the oldest first.
    #[must_use]
    pub fn journal(&self, session: Option<&str>) -> Journalled {
        self.journalled(session, &|_| true, usize::MAX)
    }

    /// Returns the last `most` matching exchanges of a session, or of all sessions. Only these are
    /// copied.
    pub(super) fn journalled(
        &self,
        session: Option<&str>,
        filter: Filter<'_>,
        most: usize,
    ) -> Journalled {
        let memory = self.sandbox.memory();
        let sessions = match session {
            Some(name) => vec![name.to_owned()],
            None => memory
                .sessions()
                .into_iter()
                .map(|(name, _)| name)
                .collect(),
        };
        let (begin, mut forgotten) = if session.is_none_or(str::is_empty) {
            memory.rings().last(self.options.journal)
        } else {
            (0, 0)
        };
        let mut numbers = Vec::new();
        for name in &sessions {
            if name.is_empty() {
                numbers.extend(
                    memory
                        .rings()
                        .numbers(filter)
                        .into_iter()
                        .filter(|number| *number >= begin),
                );
            } else {
                memory.look(name, |session_state| {
                    numbers.extend(session_state.journal.numbers(filter));
                    forgotten += session_state.journal.forgotten();
                });
            }
        }
        let total = numbers.len();
        numbers.sort_unstable();
        let from = match total.checked_sub(most) {
            Some(at) => numbers.get(at).copied().unwrap_or(u64::MAX),
            None => 0,
        };
        let operations: Operations<'_> = &|number| self.operation(number);
        let of = |name: &String| match name.as_str() {
            "" => memory.rings().entries(operations, filter, from.max(begin)),
            name => memory
                .look(name, |session_state| {
                    session_state
                        .journal
                        .entries(name, operations, filter, from)
                })
                .unwrap_or_default(),
        };
        let mut entries: Vec<Entry> = sessions.iter().flat_map(of).collect();
        entries.sort_unstable_by_key(|entry| entry.number);
        Journalled {
            entries,
            total,
            forgotten,
        }
    }

    /// Returns the session of a list: the one in the query, else the one that the request is in;
    /// `None` means all sessions.
    pub(super) fn of_session<'a>(asked: &'a ControlRequest<'_>) -> Option<&'a str> {
        asked
            .query("session")
            .or_else(|| Some(asked.session).filter(|session| !session.is_empty()))
    }

    pub(super) fn requests(&self, asked: &ControlRequest<'_>) -> Value {
        // An unknown name selects nothing.
        let numbers = asked.query("operation").map(|key| {
            let indexes = operations_of(self.sandbox.contract(), key);
            self.numbers_of(&indexes.unwrap_or_default())
        });
        let is_of_operation = |number: Option<usize>| {
            let numbers = numbers.as_ref();
            numbers.is_none_or(|all| number.is_some_and(|number| all.contains(&number)))
        };
        let status = asked.query("status");
        let violation = asked.query("violation").map(str::to_lowercase);
        let answered_by = asked.query("answered-by");
        let number = |name| asked.query(name).and_then(|text| text.parse::<u64>().ok());
        let (before, after) = (number("before"), number("after"));
        let is_meant = |glance: Glance<'_>| {
            before.is_none_or(|before| glance.number < before)
                && after.is_none_or(|after| glance.number > after)
                && is_of_operation(glance.operation)
                && status.is_none_or(|status| is_status(glance.status, status))
                && answered_by.is_none_or(|by| glance.answered.is_some_and(|own| own.by.is(by)))
                && violation.as_ref().is_none_or(|text| {
                    let of_answer = glance.answered.map(|answered| &answered.violations);
                    let mut all = glance
                        .violations
                        .iter()
                        .chain(of_answer.into_iter().flatten());
                    all.any(|violation| violation.to_lowercase().contains(text.as_str()))
                })
        };
        // Most clients look for the latest exchanges.
        let limit = asked
            .query("limit")
            .and_then(|limit| limit.parse().ok())
            .unwrap_or(100_usize);
        let found = self.journalled(Self::of_session(asked), &is_meant, limit);
        let shown: Vec<Value> = found.entries.iter().map(Entry::to_json).collect();
        let mut answer = json!({ "total": found.total, "requests": shown });
        if found.forgotten > 0 {
            answer["forgotten"] = json!(found.forgotten);
        }
        answer
    }

    /// Returns the numbers in the journal of operations.
    pub(super) fn numbers_of(&self, indexes: &[usize]) -> HashSet<usize> {
        let numbers = indexes.iter().map(|index| self.numbers.number(*index));
        numbers.flatten().collect()
    }

    pub(super) fn clear_requests(&self, asked: &ControlRequest<'_>) -> Value {
        match Self::of_session(asked) {
            Some("") => self.sandbox.memory().rings().clear(),
            Some(session) => self
                .sandbox
                .within(session, |session_state| session_state.journal.clear()),
            None => {
                self.sandbox.memory().rings().clear();
                for (session, _) in self.sandbox.memory().sessions() {
                    self.sandbox
                        .within(&session, |session_state| session_state.journal.clear());
                }
            }
        }
        Value::Null
    }

    /// Clears the coverage. Nothing else does, so the report at the end covers the whole run.
    pub(super) fn clear_coverage(&self) -> Value {
        self.coverage.clear();
        Value::Null
    }

    /// Answers with events as they happen, for as long as the client listens.
    pub(super) fn listen(
        &self,
        asked: &ControlRequest<'_>,
        filter: EventFilter,
    ) -> (Response, Report) {
        let mut response = Response::new(Bytes::new());
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let session = Self::of_session(asked).map(str::to_owned);
        response.extensions_mut().insert(JournalStream {
            entries: self.stream.clone(),
            session,
            filter,
        });
        (
            response,
            Report {
                source: "control".into(),
                ..Report::default()
            },
        )
    }
}

/// Result of a search in the journal.
#[derive(Debug)]
pub struct Journalled {
    /// The last matching exchanges, the oldest first.
    pub entries: Vec<Entry>,
    /// Number of all matching exchanges in the journal.
    pub total: usize,
    /// Number of exchanges of the sessions, matching or not, that are not kept any more.
    pub forgotten: u64,
}

/// Compares a status with `404` or `4XX`.
pub(super) fn is_status(status: StatusCode, wanted: &str) -> bool {
    let wanted = wanted.to_ascii_uppercase();
    wanted == status.as_str() || wanted == format!("{}XX", status.as_u16() / 100)
}
