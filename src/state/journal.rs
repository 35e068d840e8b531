//! Journal: the most recent exchanges of each session.
//!
//! The server adds an exchange when it ends; the control API and `testing` read the entries.
use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use serde_json::{Map, Value, json};

use crate::contract::Operation;
use crate::state::redaction::Redaction;
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
    /// Content of the response, up to [`MOST_CONTENT`] bytes.
    pub answer: Bytes,
    /// Origin of the answer, for example a fixture.
    pub source: Cow<'static, str>,
    /// Violations in the request.
    pub violations: Vec<String>,
    /// Secrets that are removed when the entry is shown.
    redaction: Redaction,
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
    /// Content of the response.
    pub answer: &'e Bytes,
    /// Origin of the answer, for example a fixture.
    pub source: Cow<'static, str>,
    /// Violations in the request.
    pub violations: Vec<String>,
}

/// Lookup of operations by index.
pub(crate) type Operations<'o> = &'o dyn Fn(usize) -> Option<&'o Operation>;

/// Fields of an exchange that filters test before it is copied out of its journal.
#[derive(Debug, Clone, Copy)]
pub struct Glance<'g> {
    /// Index of the operation in the contract; `None` if the request matched no operation.
    pub operation: Option<usize>,
    /// Status of the response.
    pub status: StatusCode,
    /// Violations in the request.
    pub violations: &'g [String],
}

/// Predicate that selects exchanges.
pub(crate) type Filter<'f> = &'f dyn Fn(Glance<'_>) -> bool;

/// Maximum size of a recorded content, in bytes; the rest is cut off.
pub(crate) const MOST_CONTENT: usize = 64 * 1024;

/// Maximum number of recorded violations of an exchange; further ones are dropped.
const MOST_VIOLATIONS: usize = 100;

/// Maximum length of a recorded violation, in bytes; the rest is replaced by `…`.
const LONGEST_VIOLATION: usize = 1024;

/// Returns the violations of a request within the limits of the journal.
#[must_use]
pub(crate) fn kept_violations(mut violations: Vec<String>) -> Vec<String> {
    violations.truncate(MOST_VIOLATIONS);
    for violation in &mut violations {
        if violation.len() > LONGEST_VIOLATION {
            let end = (0..=LONGEST_VIOLATION)
                .rev()
                .find(|at| violation.is_char_boundary(*at))
                .unwrap_or(0);
            *violation = format!("{}…", &violation[..end]);
        }
    }
    violations
}

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
    /// Target, content, then names and values of header fields in turns, each after its length;
    /// then the answer if it is short.
    texts: Vec<u8>,
    /// Start of the answer in `texts`.
    end: usize,
    /// Answer, if it is longer than [`MOST_COPIED`] bytes.
    answer: Option<Bytes>,
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
        keep(
            ended
                .target
                .path_and_query()
                .map_or("", |target| target.as_str())
                .as_bytes(),
        );
        keep(beginning(ended.content));
        for (name, value) in ended.headers {
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
            texts,
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
        size_of::<Self>() + block(self.texts.capacity()) + answer + source + texts.sum::<usize>()
    }

    fn glance(&self) -> Glance<'_> {
        Glance {
            operation: self.operation,
            status: self.status,
            violations: &self.violations,
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
        let mut headers = HeaderMap::new();
        while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
            if let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
            {
                headers.append(name, value);
            }
        }
        Entry {
            number: self.number,
            session: session.to_owned(),
            at: self.at,
            micros: self.micros,
            method: self.method.clone(),
            target,
            headers,
            content,
            operation: operation.map(|operation| operation.name().to_owned()),
            redaction: Redaction::of(operation),
            status: self.status,
            answer: self
                .answer
                .clone()
                .unwrap_or_else(|| Bytes::copy_from_slice(&self.texts[self.end..])),
            source: self.source.clone(),
            violations: self.violations.clone(),
        }
    }
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
        let headers: Map<String, Value> = self
            .headers
            .keys()
            .map(|name| {
                let values = self
                    .headers
                    .get_all(name)
                    .iter()
                    .map(|value| String::from_utf8_lossy(value.as_bytes()));
                let text = values.collect::<Vec<_>>().join(", ");
                (
                    name.as_str().to_owned(),
                    json!(self.redaction.field(name.as_str(), text)),
                )
            })
            .collect();
        json!({
            "number": self.number,
            "session": self.session,
            "at": self.at,
            "micros": self.micros,
            "request": {
                "method": self.method.as_str(),
                "target": self.redaction.target(&self.shown_target()),
                "headers": headers,
                "content": self.redaction.content(&self.content, self.is_form()),
            },
            "operation": self.operation,
            "response": {"status": self.status.as_u16(), "content": self.redaction.content(&self.answer, false)},
            "source": self.source,
            "violations": self.violations,
        })
    }

    /// Returns the path and the query as they were sent, secrets included.
    #[must_use]
    pub fn shown_target(&self) -> String {
        self.target
            .path_and_query()
            .map_or_else(String::new, ToString::to_string)
    }

    fn is_form(&self) -> bool {
        let kind = self
            .headers
            .get(http::header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
    }

    /// Returns the content of the request as JSON; a form becomes an object of texts by name.
    /// `None` if it is neither.
    #[must_use]
    pub fn body(&self) -> Option<Value> {
        if self.is_form() {
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
mod tests {
    use super::*;
    use crate::state::rings::Rings;

    fn ended<'e>(
        number: u64,
        target: &'e Uri,
        headers: &'e HeaderMap,
        content: &'e [u8],
        answer: &'e Bytes,
    ) -> Ended<'e> {
        Ended {
            number,
            at: 0,
            micros: 1,
            method: &Method::POST,
            target,
            headers,
            content,
            operation: Some(3),
            status: StatusCode::OK,
            answer,
            source: "b".into(),
            violations: Vec::new(),
        }
    }

    /// Limit that nothing reaches.
    const ALL: usize = usize::MAX;

    #[test]
    fn what_is_secret_is_not_shown() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("Bearer abc"));
        headers.insert("x-auth-token", HeaderValue::from_static("abc"));
        headers.insert("accept", HeaderValue::from_static("*/*"));
        let target = Uri::from_static("/login?api_key=abc&limit=3");
        let content = br#"{"name": "x", "password": "abc", "cards": [{"cvc": 123}]}"#;
        let entry = Entry::new(
            ended(1, &target, &headers, content, &Bytes::new()),
            "",
            &|_| None,
        );
        let shown = entry.to_json();
        assert!(
            !shown.to_string().contains("abc") && !shown.to_string().contains("123"),
            "{shown}"
        );
        assert_eq!(
            shown["request"]["target"],
            "/login?api_key=[redacted]&limit=3"
        );
        assert_eq!(shown["request"]["headers"]["accept"], "*/*");
        assert_eq!(
            entry.body().map(|body| body["password"].clone()),
            Some(json!("abc"))
        );
    }

    #[test]
    fn the_oldest_goes() {
        let mut journal = Journal::default();
        let (target, headers, answer) = (Uri::from_static("/"), HeaderMap::new(), Bytes::new());
        for number in 1..=5 {
            journal.add(ended(number, &target, &headers, &[0; 10], &answer), 3, ALL);
        }
        let numbers: Vec<u64> = journal
            .entries("", &|_| None, &|_| true, 0)
            .iter()
            .map(|entry| entry.number)
            .collect();
        assert_eq!(numbers, [3, 4, 5]);
        assert_eq!(
            journal.size(),
            journal.records.iter().map(Record::size).sum::<usize>()
        );
    }

    #[test]
    fn exchanges_stay_within_their_bytes_and_the_oldest_go_first() {
        let (target, headers, answer) = (Uri::from_static("/"), HeaderMap::new(), Bytes::new());
        let mut journal = Journal::default();
        journal.add(ended(1, &target, &headers, &[0; 1000], &answer), 500, ALL);
        let one = journal.size();
        for number in 2..=9 {
            journal.add(
                ended(number, &target, &headers, &[0; 1000], &answer),
                500,
                one * 3,
            );
        }
        assert_eq!(journal.numbers(&|_| true).collect::<Vec<_>>(), [7, 8, 9]);
        assert_eq!((journal.size(), journal.forgotten()), (one * 3, 6));
    }

    #[test]
    fn rings_of_all_threads_share_their_bytes() {
        let (target, headers, answer) = (Uri::from_static("/"), HeaderMap::new(), Bytes::new());
        let rings = Rings::default();
        rings.add(ended(1, &target, &headers, &[0; 1000], &answer), 500, ALL);
        let one = rings.size();
        let add = |number| {
            rings.add(
                ended(number, &target, &headers, &[0; 1000], &answer),
                500,
                one * 2,
            );
        };
        std::thread::scope(|scope| drop(scope.spawn(|| (2..=3).for_each(add)).join()));
        let mut numbers = rings.numbers(&|_| true);
        numbers.sort_unstable();
        assert_eq!((numbers, rings.size()), (vec![2, 3], one * 2));
        assert_eq!((rings.last(1), rings.last(2)), ((3, 2), (2, 1)));
    }

    #[test]
    fn violations_are_kept_as_far_as_somebody_reads_them() {
        let long = "é".repeat(LONGEST_VIOLATION);
        let kept = kept_violations(vec![long; MOST_VIOLATIONS + 1]);
        assert_eq!(kept.len(), MOST_VIOLATIONS);
        assert_eq!(kept[0], format!("{}…", "é".repeat(LONGEST_VIOLATION / 2)));
    }

    #[test]
    fn what_was_kept_is_what_was_said() {
        let mut headers = HeaderMap::new();
        headers.append("x-a", HeaderValue::from_static("1"));
        headers.append("x-a", HeaderValue::from_static("2"));
        headers.append("x-empty", HeaderValue::from_static(""));
        headers.append(
            "x-odd",
            HeaderValue::from_bytes(b"\xff").expect("is allowed"),
        );
        let target = Uri::from_static("http://a.example/b?c=d");
        let mut journal = Journal::default();
        for (number, answer) in (1..).zip([
            Bytes::from_static(b"short"),
            Bytes::from(vec![7; MOST_COPIED + 1]),
        ]) {
            journal.add(
                ended(number, &target, &headers, b"content", &answer),
                1,
                ALL,
            );
            let entry = journal
                .entries("s", &|_| None, &|_| true, 0)
                .pop()
                .expect("is there");
            assert_eq!((entry.number, entry.session.as_str()), (number, "s"));
            assert_eq!(
                (entry.target.to_string().as_str(), &entry.headers),
                ("/b?c=d", &headers)
            );
            assert_eq!(
                (&entry.content[..], &entry.answer),
                (&b"content"[..], &answer)
            );
        }
        let long = vec![1; MOST_CONTENT + 1];
        journal.add(
            ended(
                3,
                &target,
                &HeaderMap::new(),
                &long,
                &Bytes::from(long.clone()),
            ),
            1,
            ALL,
        );
        let entry = journal
            .entries("", &|_| None, &|_| true, 0)
            .pop()
            .expect("is there");
        assert_eq!(
            (entry.content.len(), entry.answer.len()),
            (MOST_CONTENT, MOST_CONTENT)
        );
    }
}
