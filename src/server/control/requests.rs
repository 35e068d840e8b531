//! The journal: what was exchanged, as it is asked for.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::{Asked, Control, Listening, unprocessable};
use crate::contract::schema::standalone;
use crate::exchange::problem::Problem;
use crate::exchange::{Report, Response};
use crate::state::journal::{Entry, Names};

impl Control {
    /// The exchanges of a session, or of all, the oldest first.
    #[must_use]
    pub fn journal(&self, session: Option<&str>) -> Vec<Entry> {
        let sessions = match session {
            Some(name) => vec![name.to_owned()],
            None => self.sandbox.memory().sessions().into_iter().map(|(name, _)| name).collect(),
        };
        let names: Names<'_> = &|index| self.operation_name(index);
        let of = |name: &String| match name.as_str() {
            "" => self.rings.entries(self.options.journal, names),
            name => self.sandbox.memory().look(name, |world| world.journal.entries(name, names)).unwrap_or_default(),
        };
        let mut entries: Vec<Entry> = sessions.iter().flat_map(of).collect();
        entries.sort_unstable_by_key(|entry| entry.number);
        entries
    }

    /// The session that a list is of: the one that is named or that the request is in, else any.
    fn of_session<'a>(asked: &'a Asked<'_>) -> Option<&'a str> {
        asked.query("session").or_else(|| Some(asked.session).filter(|session| !session.is_empty()))
    }

    pub(super) fn requests(&self, asked: &Asked<'_>) -> Value {
        let operation = asked.query("operation");
        let status = asked.query("status");
        let violation = asked.query("violation").map(str::to_lowercase);
        let is_meant = |entry: &&Entry| {
            operation.is_none_or(|operation| self.is_called(entry, operation))
                && status.is_none_or(|status| is_status(entry.status, status))
                && violation.as_ref().is_none_or(|text| {
                    entry.violations.iter().any(|violation| violation.to_lowercase().contains(text.as_str()))
                })
        };
        let entries = self.journal(Self::of_session(asked));
        let found: Vec<&Entry> = entries.iter().filter(is_meant).collect();
        let limit = asked.query("limit").and_then(|limit| limit.parse().ok()).unwrap_or(100_usize);
        // The latest are asked for most.
        let shown = found.iter().skip(found.len().saturating_sub(limit)).map(|entry| entry.to_json());
        json!({ "total": found.len(), "requests": shown.collect::<Vec<_>>() })
    }

    /// Whether an exchange was with the operation of this name.
    fn is_called(&self, entry: &Entry, name: &str) -> bool {
        let Some(own) = &entry.operation else { return false };
        own == name
            || self
                .sandbox
                .contract()
                .find(name)
                .is_some_and(|index| self.sandbox.contract().operations[index].name() == own)
    }

    pub(super) fn clear_requests(&self, asked: &Asked<'_>) -> Value {
        match Self::of_session(asked) {
            Some("") => self.rings.clear(),
            Some(session) => self.sandbox.within(session, |world| world.journal.clear()),
            None => {
                self.rings.clear();
                for (session, _) in self.sandbox.memory().sessions() {
                    self.sandbox.within(&session, |world| world.journal.clear());
                }
            }
        }
        Value::Null
    }

    /// Forgets what was used; nothing else does, so that what is reported at the end is the whole run.
    pub(super) fn clear_coverage(&self) -> Value {
        self.coverage.clear();
        Value::Null
    }

    /// Answers with exchanges as they end, for as long as the client listens.
    pub(super) fn listen(&self, asked: &Asked<'_>) -> (Response, Report) {
        let mut response = Response::new(Bytes::new());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let session = Self::of_session(asked).map(str::to_owned);
        response.extensions_mut().insert(Listening { entries: self.stream.clone(), session });
        (response, Report { source: "control".into(), ..Report::default() })
    }

    /// How often an operation was called with a request that matches.
    pub(super) fn verify(&self, asked: &Asked<'_>) -> Result<Value, Problem> {
        let body = &asked.body;
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let operation = text("operation");
        if let Some(name) = operation.filter(|name| self.sandbox.contract().find(name).is_none()) {
            let near = self.sandbox.contract().nearest_operation(name);
            let near = near.map(|near| format!("; there is `{near}`")).unwrap_or_default();
            return Err(unprocessable(format!("no document has the operation `{name}`{near}")));
        }
        let schema = body.get("body").map(standalone).transpose();
        let schema =
            schema.map_err(|error| unprocessable(format!("`body` is no JSON Schema that can be compiled: {error}")))?;
        let status = body.get("status").map(|status| status.as_str().map_or_else(|| status.to_string(), str::to_owned));
        let session = text("session").or_else(|| Self::of_session(asked));
        let entries = self.journal(session);
        let matched = entries.iter().filter(|entry| {
            operation.is_none_or(|operation| self.is_called(entry, operation))
                && status.as_ref().is_none_or(|status| is_status(entry.status, status))
                && schema
                    .as_ref()
                    .is_none_or(|schema| entry.body().is_some_and(|body| schema.is_valid(&body) == Ok(true)))
        });
        let matched: Vec<u64> = matched.map(|entry| entry.number).collect();
        let count = matched.len() as u64;
        let bound = |name: &str| body.get(name).and_then(Value::as_u64);
        let times = bound("times").is_none_or(|times| count == times);
        let is_bound = ["times", "atLeast", "atMost"].iter().any(|name| bound(name).is_some());
        let at_least = bound("atLeast").is_none_or(|least| count >= least);
        let at_most = bound("atMost").is_none_or(|most| count <= most);
        let passed = times && at_least && at_most && (is_bound || count > 0);
        Ok(json!({ "passed": passed, "count": count, "requests": matched }))
    }
}

/// `404`, `4XX`
fn is_status(status: StatusCode, wanted: &str) -> bool {
    let wanted = wanted.to_ascii_uppercase();
    wanted == status.as_str() || wanted == format!("{}XX", status.as_u16() / 100)
}
