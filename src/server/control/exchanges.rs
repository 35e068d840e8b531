//! Control API: single exchanges of the journal, and requests that the sandbox sends to itself.
use std::time::Instant;

use http::header::HOST;
use serde_json::{Value, json};

use crate::codec::message::Request;
use crate::contract::simulation::{Break, Responder};
use crate::document::syntax::join;
use crate::errors::problem::Problem;
use crate::exchange::Sending;
use crate::exchange::explain::describe;
use crate::server::control::expectation::Expectation;
use crate::server::control::insight::to_request;
use crate::server::control::sender::ReadyToSend;
use crate::server::control::session::{PREFIX, check_name};
use crate::server::control::{Control, ControlRequest, Noting, not_there, unprocessable};
use crate::state::journal::{Entry, MOST_CONTENT};

/// Maximum number of differences between two exchanges that are listed.
const MOST_CHANGES: usize = 500;

impl Control {
    /// Returns the exchange that a request to the control API names.
    ///
    /// # Errors
    ///
    /// `Problem` 404, if the journal does not have it.
    pub(super) fn entry(&self, asked: &ControlRequest<'_>) -> Result<Entry, Problem> {
        self.entry_numbered(asked, &asked.segment("requests"))
    }

    fn entry_numbered(&self, asked: &ControlRequest<'_>, number: &str) -> Result<Entry, Problem> {
        let wanted = number.parse::<u64>().unwrap_or(0);
        let found = self.journalled(
            Self::of_session(asked),
            &|glance| glance.number == wanted,
            1,
        );
        found.entries.into_iter().next().ok_or_else(|| {
            not_there(format!(
                "the journal has no request {number}; it keeps the last {} of a session (`--journal`)",
                self.options.journal
            ))
        })
    }

    /// Returns one exchange of the journal.
    pub(super) fn request(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        Ok(self.entry(asked)?.to_json())
    }

    /// Explains how a recorded request would be answered now, in its session.
    pub(super) fn explain_request(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let entry = self.entry(asked)?;
        let request = whole_request(&entry)?;
        let mut explanation = self.sandbox.explain(&entry.session, &request);
        entry.redaction().explanation(&mut explanation);
        explanation["number"] = json!(entry.number);
        let mut recorded = json!({"status": entry.status.as_u16(), "source": entry.source});
        if let Some(answered) = &entry.answered {
            answered.add_to(&mut recorded);
        }
        explanation["recorded"] = recorded;
        Ok(explanation)
    }

    /// Sends a recorded request again, in its session.
    pub(super) fn replay_request(
        &self,
        asked: &ControlRequest<'_>,
    ) -> Result<(Value, Option<ReadyToSend>), Problem> {
        let entry = self.entry(asked)?;
        let request = whole_request(&entry)?;
        let (mut answer, ready) = self.send(&entry.session, &request)?;
        entry.redaction().response(&mut answer["response"]);
        entry.redaction().explanation(&mut answer["explanation"]);
        Ok((answer, ready))
    }

    /// Sends the request that the content describes to the simulated API.
    ///
    /// # Errors
    ///
    /// `Problem` 422, if the request is not valid HTTP or leads to the control API.
    pub(super) fn send_request(
        &self,
        asked: &ControlRequest<'_>,
    ) -> Result<(Value, Option<ReadyToSend>), Problem> {
        let mut request =
            to_request(&asked.body).map_err(|error| unprocessable(error.to_string()))?;
        let session = asked.body.get("session").and_then(Value::as_str);
        let session = session.unwrap_or(asked.about());
        check_name(session)?;
        // Answers contain URLs of the sandbox as the client reaches it.
        if let Some(host) = asked.request.headers().get(HOST)
            && !request.headers().contains_key(HOST)
        {
            request.headers_mut().insert(HOST, host.clone());
        }
        self.send(session, &request)
    }

    /// Answers a request as if a client had sent it, and returns the answer with its explanation, and
    /// its callbacks.
    fn send(
        &self,
        session: &str,
        request: &Request,
    ) -> Result<(Value, Option<ReadyToSend>), Problem> {
        if request.uri().path().starts_with(PREFIX) {
            return Err(unprocessable(format!(
                "the target is `{}`, expected a path of the simulated API; send requests below `{PREFIX}` directly",
                request.uri().path()
            )));
        }
        if !request.uri().path().starts_with('/') {
            return Err(unprocessable(
                "the target begins with `/`, such as `/pets?limit=3`",
            ));
        }
        let mut explanation = self.sandbox.explain(session, request);
        if let Some(explanation) = explanation.as_object_mut() {
            explanation.shift_remove("response");
        }
        let expectation = Expectation::of(request)?;
        let started = Instant::now();
        let (mut response, report) = self.exchange(request, session, expectation);
        let ready = response.extensions_mut().remove::<ReadyToSend>();
        let (source, violations) = (report.source.clone(), report.violations.clone());
        let sending = response.extensions().get::<Sending>().copied();
        let shown = describe(&response);
        let number = (self.options.journal > 0).then(|| {
            let noting = Noting::of_sandbox(session, None);
            self.note(request, noting, &response, report, started.elapsed())
        });
        let mut answer = json!({
            "number": number,
            "session": session,
            "response": shown,
            "source": source,
            "violations": violations,
            "explanation": explanation,
        });
        if self.upstream.is_some() {
            answer["answeredBy"] = json!(Responder::Sandbox.name());
        }
        if let Some(sending) = sending {
            answer["delay"] = json!(u64::try_from(sending.delay.as_millis()).unwrap_or(u64::MAX));
            answer["fault"] = json!(sending.fault.map(fault_name));
        }
        Ok((answer, ready))
    }

    /// Compares two exchanges of the journal.
    pub(super) fn compare_requests(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let entry = self.entry(asked)?;
        let other = asked.query("with").unwrap_or_default();
        let other = self.entry_numbered(asked, other)?;
        let (before, after) = (entry.to_json(), other.to_json());
        let mut changes = Vec::new();
        for part in [
            "session",
            "request",
            "operation",
            "response",
            "source",
            "answeredBy",
            "fallback",
            "violations",
            "responseViolations",
        ] {
            compare(&mut changes, part, &before[part], &after[part]);
        }
        let left_out = changes.len().saturating_sub(MOST_CHANGES);
        changes.truncate(MOST_CHANGES);
        let mut answer = json!({"number": entry.number, "with": other.number, "changes": changes});
        if left_out > 0 {
            answer["leftOut"] = json!(left_out);
        }
        Ok(answer)
    }
}

/// Returns a recorded request.
///
/// # Errors
///
/// `Problem` 422, if the end of its content was not recorded.
fn whole_request(entry: &Entry) -> Result<Request, Problem> {
    if entry.is_outgoing() {
        return Err(unprocessable(format!(
            "request {} is one that the sandbox sent, so it cannot be sent to the sandbox; `POST /_standin/webhooks/NAME` sends it again",
            entry.number
        )));
    }
    if entry.cut.request {
        return Err(unprocessable(format!(
            "the journal has only the first {MOST_CONTENT} bytes of the content of request {}, so it cannot be sent again",
            entry.number
        )));
    }
    Ok(entry.request())
}

/// Returns the name of a fault in fixtures.
fn fault_name(fault: Break) -> &'static str {
    match fault {
        Break::Reset => "reset",
        Break::Empty => "empty",
        Break::Truncate => "truncate",
        Break::SlowBody => "slow-body",
        Break::Status(_) => "status",
    }
}

/// Adds the places at which two values differ. Values of members and items that both have are
/// compared, all others are listed as a whole.
fn compare(changes: &mut Vec<Value>, at: &str, before: &Value, after: &Value) {
    match (before, after) {
        _ if before == after || changes.len() > 2 * MOST_CHANGES => {}
        (Value::Object(old), Value::Object(new)) => {
            let added = new.keys().filter(|name| !old.contains_key(*name));
            for name in old.keys().chain(added) {
                let (old, new) = (old.get(name), new.get(name));
                compare(
                    changes,
                    &join(at, name),
                    old.unwrap_or(&Value::Null),
                    new.unwrap_or(&Value::Null),
                );
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            for index in 0..old.len().max(new.len()) {
                let (old, new) = (old.get(index), new.get(index));
                compare(
                    changes,
                    &format!("{at}/{index}"),
                    old.unwrap_or(&Value::Null),
                    new.unwrap_or(&Value::Null),
                );
            }
        }
        _ => changes.push(json!({"at": at, "before": before, "after": after})),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_listed_by_place() {
        let before = json!({"a": 1, "b": {"c": [1, 2]}, "d": null});
        let after = json!({"a": 1, "b": {"c": [1, 3, 4]}, "e": "x"});
        let mut changes = Vec::new();
        compare(&mut changes, "request", &before, &after);
        let places: Vec<&str> = changes
            .iter()
            .filter_map(|one| one["at"].as_str())
            .collect();
        assert_eq!(places, ["request/b/c/1", "request/b/c/2", "request/e"]);
    }
}
