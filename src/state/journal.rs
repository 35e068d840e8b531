//! Journal: the most recent exchanges of each session.
//!
//! The server adds an exchange when it ends; the control API and `testing` read the entries.
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::OnceLock;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use serde_json::{Map, Value, json};

use crate::codec::message::{Body, Request};
use crate::codec::trace::trace_id;
use crate::state::answered::{Answered, AnsweredBy};
use crate::state::kept_violations::kept_violations;
use crate::state::redaction::{ExchangeView, MessageView, Redaction, is_form};
use crate::state::size::block;

/// Recorded exchange.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Number of the exchange, from 1, in order of completion.
    pub number: u64,
    /// Name of its session; empty for the unnamed session.
    pub session: String,
    /// Time of completion, in milliseconds since 1970.
    pub at: u64,
    /// Duration, in microseconds.
    pub micros: u64,
    /// Method of the request.
    pub method: Method,
    /// Path and query of the request.
    pub target: Uri,
    /// Header fields of the request.
    pub headers: HeaderMap,
    /// Content of the request, up to [`MOST_CONTENT`] bytes.
    pub content: Bytes,
    /// Name of the operation; `None` if the request matched no operation.
    pub operation: Option<String>,
    /// Status of the response.
    pub status: StatusCode,
    /// Header fields of the response.
    pub answer_headers: HeaderMap,
    /// Content of the response, up to [`MOST_CONTENT`] bytes.
    pub answer: Bytes,
    /// Contents that were longer than [`MOST_CONTENT`] bytes.
    pub cut: CutContents,
    /// Origin of the answer, for example a fixture.
    pub source: Cow<'static, str>,
    /// Violations in the request.
    pub violations: Vec<String>,
    /// Program that answered, and the violations of its answer; `None` without a real API.
    pub answered: Option<Answered>,
    /// Secrets that are removed when the entry is shown, as its operation has them.
    of_operation: Redaction,
    /// Redaction with the secrets of this exchange too; made when the entry is first shown.
    redaction: OnceLock<Redaction>,
}

/// Contents of an exchange whose ends were not recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CutContents {
    /// True if the content of the request was cut.
    pub request: bool,
    /// True if the content of the response was cut.
    pub response: bool,
}

/// Exchange that has just ended, to be recorded.
#[derive(Debug, Clone)]
pub struct Ended<'e> {
    /// Number of the exchange.
    pub number: u64,
    /// Time of completion, in milliseconds since 1970.
    pub at: u64,
    /// Duration, in microseconds.
    pub micros: u64,
    /// Method of the request.
    pub method: &'e Method,
    /// Path and query of the request.
    pub target: &'e Uri,
    /// Header fields of the request.
    pub headers: &'e HeaderMap,
    /// Content of the request.
    pub content: &'e [u8],
    /// Index of the operation in the contract; `None` if the request matched no operation.
    pub operation: Option<usize>,
    /// Status of the response.
    pub status: StatusCode,
    /// Header fields of the response.
    pub answer_headers: &'e HeaderMap,
    /// Content of the response.
    pub answer: &'e Bytes,
    /// Origin of the answer, for example a fixture.
    pub source: Cow<'static, str>,
    /// Violations in the request.
    pub violations: Vec<String>,
    /// Program that answered, and the violations of its answer; `None` without a real API.
    pub answered: Option<Answered>,
}

/// Operation of a recorded exchange.
#[derive(Debug, Clone)]
pub struct RecordedOperation<'o> {
    /// Name of the operation; `None` if the documents do not have it any more.
    pub name: Option<&'o str>,
    /// Secrets of its requests.
    pub(crate) redaction: Redaction,
}

/// Lookup of operations by their numbers.
pub(crate) type Operations<'o> = &'o dyn Fn(usize) -> Option<RecordedOperation<'o>>;

/// Fields of an exchange that filters test before it is copied out of its journal.
#[derive(Debug, Clone, Copy)]
pub struct Glance<'g> {
    /// Number of the exchange.
    pub number: u64,
    /// Index of the operation in the contract; `None` if the request matched no operation.
    pub operation: Option<usize>,
    /// Status of the response.
    pub status: StatusCode,
    /// Violations in the request.
    pub violations: &'g [String],
    /// Program that answered, and the violations of its answer; `None` without a real API.
    pub answered: Option<&'g Answered>,
}

/// Predicate that selects exchanges.
pub(crate) type Filter<'f> = &'f dyn Fn(Glance<'_>) -> bool;

/// Maximum size of a recorded content, in bytes; the rest is cut off.
pub(crate) const MOST_CONTENT: usize = 64 * 1024;

/// Maximum size of an answer that is copied, in bytes; larger ones share the buffer of the
/// response, up to [`MOST_CONTENT`].
const MOST_COPIED: usize = 1024;

/// Exchange as it is stored. Its texts are copied into one buffer, because the buffers in which
/// they arrived belong to the connection.
#[derive(Debug, Clone)]
struct Record {
    number: u64,
    at: u64,
    micros: u64,
    method: Method,
    operation: Option<usize>,
    status: StatusCode,
    source: Cow<'static, str>,
    violations: Vec<String>,
    /// In a box, because only exchanges of a proxy have it.
    answered: Option<Box<Answered>>,
    /// Target, content, then names and values of the header fields of the request and of the
    /// response in turns, each after its length; then the answer if it is short.
    texts: Vec<u8>,
    /// Number of lines of header fields of the request.
    fields: usize,
    cut: CutContents,
    /// Start of the answer in `texts`.
    end: usize,
    /// Answer, if it is longer than [`MOST_COPIED`] bytes.
    answer: Option<Bytes>,
}

/// Returns true if a receiver answered, whose request the sandbox sent.
pub(crate) fn is_of_receiver(answered: Option<&Answered>) -> bool {
    answered.is_some_and(|answered| answered.by == AnsweredBy::Receiver)
}

/// Returns the path and the query of a request, or the whole URL of one that the sandbox sent.
fn text_of(target: &Uri, answered: Option<&Answered>) -> String {
    if is_of_receiver(answered) {
        return target.to_string();
    }
    let target = target.path_and_query();
    target.map_or_else(String::new, ToString::to_string)
}

/// Size of a length in `texts`, in bytes.
const LENGTH: usize = size_of::<u32>();

impl Record {
    /// Stores an exchange; `texts` is a buffer that may be reused.
    fn new(ended: Ended<'_>, mut texts: Vec<u8>) -> Self {
        texts.clear();
        let mut keep = |text: &[u8]| {
            // Lengths fit: no request has 4 GiB of header fields.
            texts.extend_from_slice(&u32::try_from(text.len()).unwrap_or_default().to_le_bytes());
            texts.extend_from_slice(text);
        };
        keep(text_of(ended.target, ended.answered.as_ref()).as_bytes());
        keep(beginning(ended.content));
        for (name, value) in ended.headers.iter().chain(ended.answer_headers) {
            keep(name.as_str().as_bytes());
            keep(value.as_bytes());
        }
        let end = texts.len();
        let answer = (ended.answer.len() > MOST_COPIED).then(|| kept(ended.answer));
        if answer.is_none() {
            texts.extend_from_slice(ended.answer);
        }
        Self {
            number: ended.number,
            at: ended.at,
            micros: ended.micros,
            method: ended.method.clone(),
            operation: ended.operation,
            status: ended.status,
            source: ended.source,
            violations: kept_violations(ended.violations),
            answered: ended.answered.map(|answered| Box::new(answered.kept())),
            texts,
            fields: ended.headers.len(),
            cut: CutContents {
                request: ended.content.len() > MOST_CONTENT,
                response: ended.answer.len() > MOST_CONTENT,
            },
            end,
            answer,
        }
    }

    /// Replaces the exchange by another, and reuses its buffer unless that is large.
    fn replace(&mut self, ended: Ended<'_>) {
        const LARGEST_REUSED: usize = 4096;
        let texts = std::mem::take(&mut self.texts);
        *self = Self::new(
            ended,
            if texts.capacity() > LARGEST_REUSED {
                Vec::new()
            } else {
                texts
            },
        );
    }

    /// Returns the memory of the record, in bytes.
    fn size(&self) -> usize {
        let source = if let Cow::Owned(text) = &self.source {
            block(text.capacity())
        } else {
            0
        };
        let texts = self
            .violations
            .iter()
            .map(|text| size_of::<String>() + block(text.capacity()));
        let answer = self.answer.as_ref().map_or(0, |answer| block(answer.len()));
        let answered = self.answered.as_ref().map_or(0, |answered| answered.size());
        size_of::<Self>()
            + block(self.texts.capacity())
            + answer
            + source
            + answered
            + texts.sum::<usize>()
    }

    fn glance(&self) -> Glance<'_> {
        Glance {
            number: self.number,
            operation: self.operation,
            status: self.status,
            violations: &self.violations,
            answered: self.answered.as_deref(),
        }
    }

    /// Returns the texts before the answer.
    fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let mut left = &self.texts[..self.end];
        std::iter::from_fn(move || {
            let (length, rest) = left.split_first_chunk::<LENGTH>()?;
            let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            left = rest;
            Some(text)
        })
    }

    /// Returns the exchange as an entry of a session.
    fn entry(&self, session: &str, operations: Operations<'_>) -> Entry {
        let operation = self.operation.and_then(operations);
        let mut texts = self.texts();
        let target = texts
            .next()
            .and_then(|target| Uri::try_from(target).ok())
            .unwrap_or_default();
        let content = Bytes::copy_from_slice(texts.next().unwrap_or_default());
        let headers = fields(texts.by_ref().take(2 * self.fields));
        let answer_headers = fields(texts);
        Entry {
            number: self.number,
            session: session.to_owned(),
            at: self.at,
            micros: self.micros,
            method: self.method.clone(),
            target,
            headers,
            content,
            operation: operation
                .as_ref()
                .and_then(|operation| operation.name.map(str::to_owned)),
            of_operation: operation
                .map_or_else(Redaction::default, |operation| operation.redaction),
            redaction: OnceLock::new(),
            status: self.status,
            answer_headers,
            cut: self.cut,
            answer: self
                .answer
                .clone()
                .unwrap_or_else(|| Bytes::copy_from_slice(&self.texts[self.end..])),
            source: self.source.clone(),
            violations: self.violations.clone(),
            answered: self.answered.as_deref().cloned(),
        }
    }
}

/// Returns the header fields whose names and values follow each other in turns.
fn fields<'t>(mut texts: impl Iterator<Item = &'t [u8]>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            headers.append(name, value);
        }
    }
    headers
}

/// Returns the part of a content that is recorded.
fn beginning(content: &[u8]) -> &[u8] {
    content.get(..MOST_CONTENT).unwrap_or(content)
}

/// Returns the part of a shared content that is recorded.
fn kept(content: &Bytes) -> Bytes {
    // A slice would keep the whole buffer in memory.
    if content.len() > MOST_CONTENT {
        Bytes::copy_from_slice(beginning(content))
    } else {
        content.clone()
    }
}

impl Entry {
    /// Returns the entry of an exchange in a session.
    #[must_use]
    pub fn new(ended: Ended<'_>, session: &str, operations: Operations<'_>) -> Self {
        Record::new(ended, Vec::new()).entry(session, operations)
    }

    /// Returns the entry as JSON for people and scripts, without credentials.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let redaction = self.redaction();
        let mut request = json!({
            "method": self.method.as_str(),
            "target": redaction.target(&self.shown_target()),
            "headers": self.shown_fields(&self.headers),
            "content": redaction.content(&self.content, is_form(&self.headers)),
        });
        let mut response = json!({
            "status": self.status.as_u16(),
            "headers": self.shown_fields(&self.answer_headers),
            "content": redaction.content(&self.answer, is_form(&self.answer_headers)),
        });
        for (side, is_cut) in [
            (&mut request, self.cut.request),
            (&mut response, self.cut.response),
        ] {
            if is_cut {
                side["truncated"] = json!(true);
            }
        }
        let violations = self.violations.iter().map(|text| redaction.text(text));
        let mut shown = json!({
            "number": self.number,
            "session": self.session,
            "at": self.at,
            "micros": self.micros,
            "request": request,
            "operation": self.operation,
            "response": response,
            "source": self.source,
            "violations": violations.collect::<Vec<_>>(),
        });
        if let Some(trace) = trace_id(&self.headers) {
            shown["trace"] = json!(trace);
        }
        if let Some(answered) = &self.answered {
            answered.add_to(&mut shown);
        }
        shown
    }

    /// Returns header fields as JSON, without credentials; the values of several lines are joined.
    fn shown_fields(&self, fields: &HeaderMap) -> Map<String, Value> {
        let shown = |name: &HeaderName| {
            let lines = fields.get_all(name).iter();
            let lines: Vec<Cow<'_, str>> = lines
                .map(|line| String::from_utf8_lossy(line.as_bytes()))
                .collect();
            let value = self.redaction().field(name.as_str(), &lines.join(", "));
            (name.as_str().to_owned(), json!(value))
        };
        fields.keys().map(shown).collect()
    }

    /// Returns the request as it was sent, secrets included; its content may be cut.
    #[must_use]
    pub fn request(&self) -> Request {
        let mut request = Request::new(Body::Complete(self.content.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }

    /// Returns the secrets that are removed from everything that is made of the exchange.
    pub(crate) fn redaction(&self) -> &Redaction {
        self.redaction.get_or_init(|| {
            self.of_operation.knowing(&ExchangeView {
                target: &self.shown_target(),
                request: MessageView {
                    headers: &self.headers,
                    content: &self.content,
                },
                response: MessageView {
                    headers: &self.answer_headers,
                    content: &self.answer,
                },
            })
        })
    }

    /// Returns the path and the query as they were sent, secrets included; the whole URL of a request
    /// that the sandbox sent.
    #[must_use]
    pub fn shown_target(&self) -> String {
        text_of(&self.target, self.answered.as_ref())
    }

    /// Returns true if the sandbox sent the request: a callback or a webhook.
    #[must_use]
    pub(crate) fn is_outgoing(&self) -> bool {
        is_of_receiver(self.answered.as_ref())
    }

    /// Returns the content of the request as JSON; a form becomes an object of texts by name.
    /// `None` if it is neither.
    #[must_use]
    pub fn body(&self) -> Option<Value> {
        if is_form(&self.headers) {
            let pairs = form_urlencoded::parse(&self.content).into_owned();
            return Some(Value::Object(
                pairs
                    .map(|(name, value)| (name, Value::String(value)))
                    .collect(),
            ));
        }
        serde_json::from_slice(&self.content).ok()
    }
}

/// Exchanges of a session.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    records: VecDeque<Record>,
    pub(crate) size: usize,
    /// Number of recorded exchanges that were dropped.
    pub(crate) forgotten: u64,
}

impl Journal {
    /// Adds an exchange, and drops the oldest ones beyond `most` exchanges or beyond `bytes` bytes.
    pub fn add(&mut self, ended: Ended<'_>, most: usize, bytes: usize) {
        while self.records.len() > most.max(1) {
            self.drop_oldest();
        }
        let length = self.records.len();
        if length > 0 && length == most {
            // In a queue without free capacity this moves no elements.
            self.records.rotate_left(1);
            let last = &mut self.records[length - 1];
            self.size -= last.size();
            last.replace(ended);
            self.size += last.size();
            self.forgotten += 1;
        } else {
            if length == self.records.capacity() {
                self.records
                    .reserve_exact(length.max(8).min(most.saturating_sub(length).max(1)));
            }
            let record = Record::new(ended, Vec::new());
            self.size += record.size();
            self.records.push_back(record);
        }
        self.fit(bytes);
    }

    /// Drops the oldest exchanges until the others take at most `bytes` bytes.
    pub fn fit(&mut self, bytes: usize) {
        while self.size > bytes && !self.records.is_empty() {
            self.drop_oldest();
        }
    }

    pub(crate) fn drop_oldest(&mut self) {
        if let Some(record) = self.records.pop_front() {
            self.size -= record.size();
            self.forgotten += 1;
        }
    }

    /// Returns the number of the oldest exchange.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.records.front().map(|record| record.number)
    }

    /// Returns the numbers of the matching exchanges, the oldest first.
    pub fn numbers(&self, filter: Filter<'_>) -> impl Iterator<Item = u64> {
        self.records
            .iter()
            .filter(move |record| filter(record.glance()))
            .map(|record| record.number)
    }

    /// Returns the matching exchanges with numbers of at least `from`, the oldest first, as entries
    /// of a session.
    #[must_use]
    pub fn entries(
        &self,
        session: &str,
        operations: Operations<'_>,
        filter: Filter<'_>,
        from: u64,
    ) -> Vec<Entry> {
        let found = self
            .records
            .iter()
            .filter(|record| record.number >= from && filter(record.glance()));
        found
            .map(|record| record.entry(session, operations))
            .collect()
    }

    /// Returns the number of recorded exchanges.
    #[must_use]
    pub fn length(&self) -> usize {
        self.records.len()
    }

    /// Returns the number of exchanges that were dropped since the journal began or was cleared.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Removes all exchanges, and resets the number of dropped ones.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Returns the memory of the exchanges, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }
}

#[cfg(test)]
mod tests;
