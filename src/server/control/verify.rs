//! Control API: check which calls a client made.
//!
//! `POST /_standin/verify` counts the exchanges of the journal that match, or looks for several in
//! order. An answer that does not pass names the exchanges that nearly match.
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

use crate::codec::message::{Body, Request};
use crate::contract::fixture_key::operations_of;
use crate::contract::request_condition::{ConditionReader, PARTS, RequestCondition};
use crate::contract::simulation::duration;
use crate::document::fixture_text;
use crate::document::names::unknown_keyword;
use crate::errors::problem::Problem;
use crate::schema::pattern::within as budget_within;
use crate::schema::{Demand, Schemas};
use crate::server::control::requests::is_status;
use crate::server::control::{Control, ControlRequest, unprocessable};
use crate::state::journal::{Entry, Glance, is_of_receiver};

/// Maximum number of calls in a sequence.
const MOST_CALLS: usize = 100;

/// Number of exchanges that an answer names as near misses.
const NEAR_MISSES: usize = 3;

/// Number of the latest exchanges among which near misses are looked for.
const MOST_COMPARED: usize = 200;

/// Longest time to wait for calls (`within`).
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Extension of a response that may differ soon: the request is answered again until this time
/// after it came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RepeatFor(pub Duration);

/// Verdict on the calls of a client.
pub(super) struct CallVerdict {
    /// Answer of the control API.
    pub answer: Value,
    /// Time to wait for further calls, if those could make it pass.
    pub wait: Option<RepeatFor>,
}

/// Description of a call.
struct CallPattern {
    /// Operations; any if there are none.
    operations: Option<SelectedOperations>,
    /// Status such as `404` or `4XX`.
    status: Option<String>,
    /// Condition on the parts of the request.
    condition: Option<RequestCondition>,
}

/// Operations that a key names.
struct SelectedOperations {
    /// Key as it was given: `createPet`, `tag: billing`.
    key: String,
    names: HashSet<String>,
    /// Numbers of the operations in the journal.
    numbers: HashSet<usize>,
}

/// Bounds of the number of calls.
struct CountBounds {
    times: Option<u64>,
    at_least: Option<u64>,
    at_most: Option<u64>,
}

impl CountBounds {
    fn of(body: &Value) -> Self {
        let bound = |name: &str| body.get(name).and_then(Value::as_u64);
        Self {
            times: bound("times"),
            at_least: bound("atLeast"),
            at_most: bound("atMost"),
        }
    }

    /// Returns the lowest number of calls; one without any bound.
    fn least(&self) -> u64 {
        let least = self.times.or(self.at_least);
        least.unwrap_or_else(|| u64::from(self.at_most.is_none()))
    }

    /// Returns the highest number of calls.
    fn most(&self) -> u64 {
        self.times.or(self.at_most).unwrap_or(u64::MAX)
    }

    fn allow(&self, count: u64) -> bool {
        let others = self.at_least.is_none_or(|least| count >= least)
            && self.at_most.is_none_or(|most| count <= most);
        others && (self.least()..=self.most()).contains(&count)
    }
}

impl Control {
    /// Counts the exchanges that match and checks the count, or looks for calls in order.
    ///
    /// # Errors
    ///
    /// `Problem` 422, if an operation is unknown, or a condition or a time is not written as it
    /// should be.
    pub(super) fn verify(&self, asked: &ControlRequest<'_>) -> Result<CallVerdict, Problem> {
        let body = &asked.body;
        let wait = body.get("within").map(within).transpose()?;
        let session = body.get("session").and_then(Value::as_str);
        let session = session.or_else(|| Self::of_session(asked));
        // One budget for the patterns of all exchanges.
        let judged = budget_within(|| match body.get("sequence").and_then(Value::as_array) {
            Some(calls) => self.verify_sequence(body, calls, session),
            None => self.verify_count(body, session),
        });
        let (answer, may_pass) = match judged {
            (_, true) => {
                let message = "the patterns take more steps than a verification may; write simpler ones, or name the operation";
                return Err(unprocessable(message));
            }
            (judged, false) => judged?,
        };
        Ok(CallVerdict {
            answer,
            wait: wait.filter(|_| may_pass).map(RepeatFor),
        })
    }

    /// Returns the answer, and true if further calls could make it pass.
    fn verify_count(&self, body: &Value, session: Option<&str>) -> Result<(Value, bool), Problem> {
        let pattern = CallPattern::read(self, body)?;
        let bounds = CountBounds::of(body);
        if bounds
            .at_least
            .zip(bounds.at_most)
            .is_some_and(|(least, most)| least > most)
        {
            return Err(unprocessable("`atLeast` is more than `atMost`"));
        }
        let found = self.journalled(session, &|glance| pattern.may_match(glance), usize::MAX);
        let matched: Vec<u64> = found
            .entries
            .iter()
            .filter(|entry| pattern.matches(self, entry))
            .map(|entry| entry.number)
            .collect();
        let count = matched.len() as u64;
        let is_allowed = bounds.allow(count);
        // Exchanges that are not kept any more may exceed an upper bound.
        let is_sure = found.forgotten == 0 || bounds.most() == u64::MAX;
        let passed = is_allowed && is_sure;
        let mut answer = json!({ "passed": passed, "count": count, "requests": matched });
        if found.forgotten > 0 {
            answer["forgotten"] = json!(found.forgotten);
            answer["detail"] = json!(format!(
                "the journal keeps the last exchanges only, and {} before them were not looked at; see `--journal`",
                found.forgotten
            ));
        }
        if count < bounds.least() {
            self.add_near_misses(&mut answer, &pattern, session, 0);
        }
        Ok((answer, count < bounds.least()))
    }

    /// Looks for calls in order; others may come between them. Returns the answer, and true if
    /// further calls could make it pass.
    fn verify_sequence(
        &self,
        body: &Value,
        calls: &[Value],
        session: Option<&str>,
    ) -> Result<(Value, bool), Problem> {
        const ALONE: [&str; 5] = ["operation", "status", "times", "atLeast", "atMost"];
        let mut others = ALONE.iter().chain(&PARTS);
        if let Some(other) = others.find(|name| body.get(**name).is_some()) {
            return Err(unprocessable(format!(
                "`{other}` is beside `sequence`, expected in one of its calls"
            )));
        }
        if calls.len() > MOST_CALLS {
            let message = format!("`sequence` has more than {MOST_CALLS} calls");
            return Err(unprocessable(message));
        }
        let patterns = calls.iter().map(|call| CallPattern::read(self, call));
        let patterns: Vec<CallPattern> = patterns.collect::<Result<_, _>>()?;
        let found = self.journalled(session, &is_call, usize::MAX);
        let mut entries = found.entries.iter();
        let mut matched: Vec<u64> = Vec::new();
        let mut answer = json!({ "passed": true });
        for (index, pattern) in patterns.iter().enumerate() {
            let Some(entry) = entries.find(|entry| pattern.matches(self, entry)) else {
                answer = json!({ "passed": false, "missing": index });
                let after = matched.last().copied().unwrap_or(0);
                self.add_near_misses(&mut answer, pattern, session, after);
                break;
            };
            matched.push(entry.number);
        }
        let is_missing = answer["passed"] == false;
        answer["count"] = json!(matched.len());
        answer["requests"] = json!(matched);
        if found.forgotten > 0 {
            answer["forgotten"] = json!(found.forgotten);
        }
        Ok((answer, is_missing))
    }

    /// Adds the exchanges after a number that nearly match, and the reasons why each does not.
    fn add_near_misses(
        &self,
        answer: &mut Value,
        pattern: &CallPattern,
        session: Option<&str>,
        after: u64,
    ) {
        let found = self.journalled(session, &is_call, MOST_COMPARED);
        let later = found.entries.iter().filter(|entry| entry.number > after);
        let mut missed: Vec<(&Entry, Vec<String>)> = later
            .map(|entry| (entry, pattern.misses(self, entry)))
            .filter(|(_, why)| !why.is_empty())
            .collect();
        let is_own = |entry: &Entry| pattern.is_of_operation(entry);
        // Calls of other operations are near only if the operation was not called at all.
        if missed.iter().any(|(entry, _)| is_own(entry)) {
            missed.retain(|(entry, _)| is_own(entry));
        }
        missed.sort_by_key(|(entry, why)| (why.len(), u64::MAX - entry.number));
        if missed.is_empty() {
            return;
        }
        let near = missed.into_iter().take(NEAR_MISSES).map(|(entry, why)| {
            let shown = entry.to_json();
            json!({
                "request": entry.number,
                "method": shown["request"]["method"],
                "target": shown["request"]["target"],
                "why": why,
            })
        });
        answer["nearMisses"] = near.collect();
    }
}

/// Returns true for a call of a client, and not for a request that the sandbox sent.
fn is_call(glance: Glance<'_>) -> bool {
    !is_of_receiver(glance.answered)
}

/// Reads the time to wait: `2s`, `500ms`, or milliseconds.
pub(super) fn within(value: &Value) -> Result<Duration, Problem> {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    match duration(&text) {
        Some(time) if time <= LONGEST_WAIT => Ok(time),
        _ => Err(unprocessable(format!(
            "`within` is `{text}`, expected a time such as `2s`, at most {LONGEST_WAIT:?}"
        ))),
    }
}

impl CallPattern {
    fn read(control: &Control, call: &Value) -> Result<Self, Problem> {
        let key = call.get("operation").and_then(Value::as_str);
        let contract = control.sandbox().contract();
        let operations = key.map(|key| {
            let indexes = operations_of(contract, key);
            let indexes = indexes.map_err(|unknown| unprocessable(unknown.to_string()))?;
            let named = |index: usize| contract.operations[index].name().to_owned();
            Ok(SelectedOperations {
                key: key.to_owned(),
                names: indexes.iter().map(|index| named(*index)).collect(),
                numbers: control.numbers_of(&indexes),
            })
        });
        let status = call.get("status").map(|status| {
            status
                .as_str()
                .map_or_else(|| status.to_string(), str::to_owned)
        });
        Ok(Self {
            operations: operations.transpose()?,
            status,
            condition: condition(call)?,
        })
    }

    /// Returns true if an exchange has the operation and the status. A request that the sandbox sent
    /// is no call.
    fn may_match(&self, glance: Glance<'_>) -> bool {
        if is_of_receiver(glance.answered) {
            return false;
        }
        let has_number = |operations: &SelectedOperations| {
            let number = glance.operation;
            number.is_some_and(|number| operations.numbers.contains(&number))
        };
        self.operations.as_ref().is_none_or(has_number)
            && self
                .status
                .as_ref()
                .is_none_or(|status| is_status(glance.status, status))
    }

    fn is_of_operation(&self, entry: &Entry) -> bool {
        let has_name = |operations: &SelectedOperations| {
            let name = entry.operation.as_ref();
            name.is_some_and(|name| operations.names.contains(name))
        };
        self.operations.as_ref().is_none_or(has_name)
    }

    /// Returns true if an exchange matches. The condition is tested last, as it takes longest.
    fn matches(&self, control: &Control, entry: &Entry) -> bool {
        let is_status = |status: &String| is_status(entry.status, status);
        self.is_of_operation(entry)
            && self.status.as_ref().is_none_or(is_status)
            && self
                .condition
                .as_ref()
                .is_none_or(|condition| condition.holds(&instance(control, entry)))
    }

    /// Returns the reasons why an exchange does not match; none if it does.
    fn misses(&self, control: &Control, entry: &Entry) -> Vec<String> {
        let mut why = Vec::new();
        if let Some(SelectedOperations { key, .. }) = &self.operations
            && !self.is_of_operation(entry)
        {
            let own = entry.operation.as_deref().unwrap_or("none");
            why.push(format!("the operation is `{own}`, expected `{key}`"));
        }
        if let Some(status) = &self.status
            && !is_status(entry.status, status)
        {
            let own = entry.status.as_u16();
            why.push(format!("the status is {own}, expected {status}"));
        }
        if let Some(condition) = &self.condition {
            let reasons = condition.misses(&instance(control, entry));
            if !reasons.is_empty() {
                let shown = condition.misses(&redacted_instance(control, entry));
                why.extend(
                    reasons
                        .into_iter()
                        .map(|reason| without_secret(reason, &shown)),
                );
            }
        }
        why
    }
}

/// Returns the request of an exchange as one instance, `{path, query, header, cookie, body}`.
fn instance(control: &Control, entry: &Entry) -> Value {
    let mut request = Request::new(Body::Complete(entry.content.clone()));
    *request.method_mut() = entry.method.clone();
    *request.uri_mut() = entry.target.clone();
    *request.headers_mut() = entry.headers.clone();
    control.sandbox().instance(&request)
}

/// Returns the request of an exchange as one instance, without credentials and other secrets.
fn redacted_instance(control: &Control, entry: &Entry) -> Value {
    let shown = entry.to_json();
    let shown = &shown["request"];
    let content = match &shown["content"] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        content => content.to_string(),
    };
    let mut request = Request::new(Body::Complete(content.into()));
    *request.method_mut() = entry.method.clone();
    let target = shown["target"]
        .as_str()
        .and_then(|target| target.parse().ok());
    *request.uri_mut() = target.unwrap_or_default();
    for (name, value) in shown["headers"].as_object().into_iter().flatten() {
        let name = HeaderName::from_bytes(name.as_bytes()).ok();
        let value = value
            .as_str()
            .and_then(|value| HeaderValue::from_str(value).ok());
        if let Some((name, value)) = name.zip(value) {
            request.headers_mut().insert(name, value);
        }
    }
    control.sandbox().instance(&request)
}

/// Returns a reason as it may be shown: the one that the redacted request has for the same place.
/// If that has none, the value is a secret, and only its place is shown.
fn without_secret(reason: String, shown: &[String]) -> String {
    if shown.contains(&reason) {
        return reason;
    }
    let place = reason.split_inclusive('`').take(2).collect::<String>();
    // A cookie is absent without its field, which is a secret as a whole.
    let is_shown = |shown: &&String| shown.starts_with(&place) && !shown.contains("` is absent");
    let same_place = shown.iter().find(is_shown);
    same_place
        .cloned()
        .unwrap_or_else(|| format!("{place} differs"))
}

/// Reads the condition on the parts of the request; `None` if there is none.
fn condition(call: &Value) -> Result<Option<RequestCondition>, Problem> {
    let parts: Map<String, Value> = PARTS
        .into_iter()
        .filter_map(|part| Some((part.to_owned(), call.get(part)?.clone())))
        .collect();
    if parts.is_empty() {
        return Ok(None);
    }
    if let Some(mistake) = parts.get("body").and_then(misspelt) {
        return Err(unprocessable(mistake));
    }
    let text = json!({ "when": parts }).to_string();
    let invalid = |found: crate::diagnostic::Diagnostic| unprocessable(found.detail());
    let (file, _) = fixture_text("verify".to_owned(), text).map_err(invalid)?;
    let schemas = Schemas::new(
        Arc::clone(&file.source),
        Arc::clone(&file.tree),
        Demand::Few,
    );
    let reader = ConditionReader {
        source: &file.source,
        schemas: &schemas,
    };
    let read = reader.read("/when", &file.tree["when"]).map_err(invalid)?;
    Ok(Some(read))
}

/// Returns a message about a schema of which one keyword is misspelt: as a plain value it would
/// match nothing.
fn misspelt(body: &Value) -> Option<String> {
    let unknown = unknown_keyword(body)?;
    let is_schema = body.as_object()?.keys().any(|name| {
        crate::contract::request_condition::is_keyword(name)
            || Some(name.as_str()) == Some(&unknown.name)
    });
    let meant = unknown.meant.filter(|_| is_schema)?;
    let at = format!("/body{}", unknown.pointer);
    Some(format!(
        "`{at}`: `{}` is not a JSON Schema keyword; did you mean `{meant}`?",
        unknown.name
    ))
}
