//! What was exchanged lately.
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use serde_json::{Map, Value, json};

use crate::contract::Operation;
use crate::state::redaction::Redaction;
use crate::state::size::block;

/// One exchange.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its number, from 1 on, in the order in which they ended.
    pub number: u64,
    /// The session that it was in; empty for the one without a name.
    pub session: String,
    /// When it ended, in milliseconds since 1970.
    pub at: u64,
    /// How long it took, in microseconds.
    pub micros: u64,
    /// The method of the request.
    pub method: Method,
    /// The path and the query.
    pub target: Uri,
    /// The header fields of the request.
    pub headers: HeaderMap,
    /// The content of the request, or the beginning of it.
    pub content: Bytes,
    /// The operation by name; none if none was asked for.
    pub operation: Option<String>,
    /// The status of the response.
    pub status: StatusCode,
    /// The content of the response, or the beginning of it.
    pub answer: Bytes,
    /// Where the answer comes from.
    pub source: Cow<'static, str>,
    /// What was wrong with the request.
    pub violations: Vec<String>,
    /// What of it is not shown.
    redaction: Redaction,
}

/// An exchange that has just ended, to be noted.
#[derive(Debug, Clone)]
pub struct Ended<'e> {
    /// Its number.
    pub number: u64,
    /// When it ended, in milliseconds since 1970.
    pub at: u64,
    /// How long it took, in microseconds.
    pub micros: u64,
    /// The method of the request.
    pub method: &'e Method,
    /// The path and the query.
    pub target: &'e Uri,
    /// The header fields of the request.
    pub headers: &'e HeaderMap,
    /// The content of the request.
    pub content: &'e [u8],
    /// The number of the operation in the contract; none if none was asked for.
    pub operation: Option<usize>,
    /// The status of the response.
    pub status: StatusCode,
    /// The content of the response.
    pub answer: &'e Bytes,
    /// Where the answer comes from.
    pub source: Cow<'static, str>,
    /// What was wrong with the request.
    pub violations: Vec<String>,
}

/// The operations by their numbers.
pub type Operations<'o> = &'o dyn Fn(usize) -> Option<&'o Operation>;

/// What is known of an exchange before it is copied out of its journal.
#[derive(Debug, Clone, Copy)]
pub struct Glance<'g> {
    /// The number of the operation in the contract; none if none was asked for.
    pub operation: Option<usize>,
    /// The status of the response.
    pub status: StatusCode,
    /// What was wrong with the request.
    pub violations: &'g [String],
}

/// Says which exchanges are looked for.
pub type Filter<'f> = &'f dyn Fn(Glance<'_>) -> bool;

/// How much of a content is kept, in bytes; the rest is cut off.
pub const MOST_CONTENT: usize = 64 * 1024;

/// How many violations of an exchange are kept; others are left out.
const MOST_VIOLATIONS: usize = 100;

/// How long a violation is that is kept, in bytes; the rest is cut off.
const LONGEST_VIOLATION: usize = 1024;

/// The violations of a request, as many and as long as they are kept.
#[must_use]
pub fn kept_violations(mut violations: Vec<String>) -> Vec<String> {
    violations.truncate(MOST_VIOLATIONS);
    for violation in &mut violations {
        if violation.len() > LONGEST_VIOLATION {
            let end = (0..=LONGEST_VIOLATION).rev().find(|at| violation.is_char_boundary(*at)).unwrap_or(0);
            *violation = format!("{}…", &violation[..end]);
        }
    }
    violations
}

/// Answers up to this many bytes are copied; others are shared with who answers them again.
const MOST_COPIED: usize = 1024;

/// An exchange as it is kept: its texts are copied into one place, because they came in buffers that the connection
/// wants back.
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
    /// The target, the content, names and values of header fields in turns, each after its length; then the answer
    /// if it is short.
    texts: Vec<u8>,
    /// Where the answer begins.
    end: usize,
    /// The answer if it is long.
    answer: Option<Bytes>,
}

/// How many bytes a length takes.
const LENGTH: usize = size_of::<u32>();

impl Record {
    /// Keeps an exchange; `texts` is a place that is not needed any more.
    fn new(ended: Ended<'_>, mut texts: Vec<u8>) -> Self {
        texts.clear();
        let mut keep = |text: &[u8]| {
            // A request with 4 GiB of header fields is none.
            texts.extend_from_slice(&u32::try_from(text.len()).unwrap_or_default().to_le_bytes());
            texts.extend_from_slice(text);
        };
        keep(ended.target.path_and_query().map_or("", |target| target.as_str()).as_bytes());
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

    /// Keeps another exchange in its place.
    fn replace(&mut self, ended: Ended<'_>) {
        const LARGEST_REUSED: usize = 4096;
        let texts = std::mem::take(&mut self.texts);
        *self = Self::new(ended, if texts.capacity() > LARGEST_REUSED { Vec::new() } else { texts });
    }

    /// The bytes that it takes.
    fn size(&self) -> usize {
        let source = if let Cow::Owned(text) = &self.source { block(text.capacity()) } else { 0 };
        let texts = self.violations.iter().map(|text| size_of::<String>() + block(text.capacity()));
        let answer = self.answer.as_ref().map_or(0, |answer| block(answer.len()));
        size_of::<Self>() + block(self.texts.capacity()) + answer + source + texts.sum::<usize>()
    }

    fn glance(&self) -> Glance<'_> {
        Glance { operation: self.operation, status: self.status, violations: &self.violations }
    }

    /// The texts before the answer.
    fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let mut left = &self.texts[..self.end];
        std::iter::from_fn(move || {
            let (length, rest) = left.split_first_chunk::<LENGTH>()?;
            let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            left = rest;
            Some(text)
        })
    }

    /// The exchange that it is of, in a session.
    fn entry(&self, session: &str, operations: Operations<'_>) -> Entry {
        let operation = self.operation.and_then(operations);
        let mut texts = self.texts();
        let target = texts.next().and_then(|target| Uri::try_from(target).ok()).unwrap_or_default();
        let content = Bytes::copy_from_slice(texts.next().unwrap_or_default());
        let mut headers = HeaderMap::new();
        while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
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
            answer: self.answer.clone().unwrap_or_else(|| Bytes::copy_from_slice(&self.texts[self.end..])),
            source: self.source.clone(),
            violations: self.violations.clone(),
        }
    }
}

/// A content as far as it is kept.
fn beginning(content: &[u8]) -> &[u8] {
    content.get(..MOST_CONTENT).unwrap_or(content)
}

/// The same of one that is shared.
fn kept(content: &Bytes) -> Bytes {
    // A slice would keep all of it.
    if content.len() > MOST_CONTENT { Bytes::copy_from_slice(beginning(content)) } else { content.clone() }
}

impl Entry {
    /// An exchange in a session.
    #[must_use]
    pub fn new(ended: Ended<'_>, session: &str, operations: Operations<'_>) -> Self {
        Record::new(ended, Vec::new()).entry(session, operations)
    }

    /// For people and scripts, without credentials.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let headers: Map<String, Value> = self
            .headers
            .keys()
            .map(|name| {
                let values = self.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
                let text = values.collect::<Vec<_>>().join(", ");
                (name.as_str().to_owned(), json!(self.redaction.field(name.as_str(), text)))
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

    /// The path and the query as they were sent.
    #[must_use]
    pub fn shown_target(&self) -> String {
        self.target.path_and_query().map_or_else(String::new, ToString::to_string)
    }

    fn is_form(&self) -> bool {
        let kind = self.headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
    }

    /// The content of the request as JSON; of a form the texts by their names.
    #[must_use]
    pub fn body(&self) -> Option<Value> {
        if self.is_form() {
            let pairs = form_urlencoded::parse(&self.content).into_owned();
            return Some(Value::Object(pairs.map(|(name, value)| (name, Value::String(value))).collect()));
        }
        serde_json::from_slice(&self.content).ok()
    }
}

/// The exchanges of a session.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    records: VecDeque<Record>,
    size: usize,
    /// How many exchanges were noted and are not kept any more.
    forgotten: u64,
}

impl Journal {
    /// Adds an exchange; of more than `most`, or of more than so many bytes, the oldest go.
    pub fn add(&mut self, ended: Ended<'_>, most: usize, bytes: usize) {
        while self.records.len() > most.max(1) {
            self.drop_oldest();
        }
        let length = self.records.len();
        if length > 0 && length == most {
            // In a queue without a free place this moves nothing.
            self.records.rotate_left(1);
            let last = &mut self.records[length - 1];
            self.size -= last.size();
            last.replace(ended);
            self.size += last.size();
            self.forgotten += 1;
        } else {
            if length == self.records.capacity() {
                self.records.reserve_exact(length.max(8).min(most.saturating_sub(length).max(1)));
            }
            let record = Record::new(ended, Vec::new());
            self.size += record.size();
            self.records.push_back(record);
        }
        self.fit(bytes);
    }

    /// Lets the oldest exchanges go until the others take no more than so many bytes.
    pub fn fit(&mut self, bytes: usize) {
        while self.size > bytes && !self.records.is_empty() {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(record) = self.records.pop_front() {
            self.size -= record.size();
            self.forgotten += 1;
        }
    }

    /// The number of the oldest exchange.
    fn oldest(&self) -> Option<u64> {
        self.records.front().map(|record| record.number)
    }

    /// The numbers of the exchanges that are looked for, the oldest first.
    pub fn numbers(&self, filter: Filter<'_>) -> impl Iterator<Item = u64> {
        self.records.iter().filter(move |record| filter(record.glance())).map(|record| record.number)
    }

    /// The exchanges that are looked for, from a number on, the oldest first, as those of a session.
    #[must_use]
    pub fn entries(&self, session: &str, operations: Operations<'_>, filter: Filter<'_>, from: u64) -> Vec<Entry> {
        let found = self.records.iter().filter(|record| record.number >= from && filter(record.glance()));
        found.map(|record| record.entry(session, operations)).collect()
    }

    /// How many exchanges are kept.
    #[must_use]
    pub fn length(&self) -> usize {
        self.records.len()
    }

    /// How many exchanges were noted since the beginning, or since they were cleared, and are not kept any more.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Forgets the exchanges.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The bytes that it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }
}

/// The exchanges of the session without a name, which most are in: each thread has a journal of its own, so that none
/// waits for another.
#[derive(Debug)]
pub struct Rings {
    rings: Vec<Mutex<Journal>>,
    /// The bytes of all of them.
    size: AtomicUsize,
}

/// How many threads have one of their own.
const RINGS: usize = 16;

impl Default for Rings {
    fn default() -> Self {
        Self { rings: (0..RINGS).map(|_| Mutex::default()).collect(), size: AtomicUsize::new(0) }
    }
}

impl Rings {
    fn locked(ring: &Mutex<Journal>) -> MutexGuard<'_, Journal> {
        // What is there is whole even if somebody panicked beside it.
        ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with one of the journals, and counts what it takes then.
    fn with(&self, ring: &Mutex<Journal>, run: impl FnOnce(&mut Journal)) {
        let mut journal = Self::locked(ring);
        let before = journal.size;
        run(&mut journal);
        if journal.size >= before {
            self.size.fetch_add(journal.size - before, Ordering::Relaxed);
        } else {
            self.size.fetch_sub(before - journal.size, Ordering::Relaxed);
        }
    }

    /// Adds an exchange; of more than `most`, or of more than so many bytes, the oldest go.
    pub fn add(&self, ended: Ended<'_>, most: usize, bytes: usize) {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static OWN: usize = THREADS.fetch_add(1, Ordering::Relaxed) % RINGS;
        }
        self.with(&self.rings[OWN.with(|own| *own)], |journal| journal.add(ended, most, bytes));
        self.fit(bytes);
    }

    /// Lets the oldest exchanges go until the others take no more than so many bytes.
    pub fn fit(&self, bytes: usize) {
        while self.size() > bytes {
            let oldest = self.rings.iter().filter_map(|ring| Some((Self::locked(ring).oldest()?, ring)));
            let Some((_, ring)) = oldest.min_by_key(|(number, _)| *number) else { break };
            self.with(ring, Journal::drop_oldest);
        }
    }

    /// The bytes that they take.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    /// The numbers of the exchanges that are looked for.
    #[must_use]
    pub fn numbers(&self, filter: Filter<'_>) -> Vec<u64> {
        self.rings.iter().flat_map(|ring| Self::locked(ring).numbers(filter).collect::<Vec<_>>()).collect()
    }

    /// The exchanges that are looked for, from a number on.
    #[must_use]
    pub fn entries(&self, operations: Operations<'_>, filter: Filter<'_>, from: u64) -> Vec<Entry> {
        self.rings.iter().flat_map(|ring| Self::locked(ring).entries("", operations, filter, from)).collect()
    }

    /// The number of the first of the last `most` exchanges, and how many were noted before it.
    #[must_use]
    pub fn last(&self, most: usize) -> (u64, u64) {
        let mut numbers = self.numbers(&|_| true);
        numbers.sort_unstable();
        let others = numbers.len().saturating_sub(most);
        let forgotten: u64 = self.rings.iter().map(|ring| Self::locked(ring).forgotten).sum();
        (numbers.get(others).copied().unwrap_or(0), forgotten + others as u64)
    }

    /// Forgets the exchanges.
    pub fn clear(&self) {
        self.rings.iter().for_each(|ring| self.with(ring, Journal::clear));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    /// A bound that nothing reaches.
    const ALL: usize = usize::MAX;

    #[test]
    fn what_is_secret_is_not_shown() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("Bearer abc"));
        headers.insert("x-auth-token", HeaderValue::from_static("abc"));
        headers.insert("accept", HeaderValue::from_static("*/*"));
        let target = Uri::from_static("/login?api_key=abc&limit=3");
        let content = br#"{"name": "x", "password": "abc", "cards": [{"cvc": 123}]}"#;
        let entry = Entry::new(ended(1, &target, &headers, content, &Bytes::new()), "", &|_| None);
        let shown = entry.to_json();
        assert!(!shown.to_string().contains("abc") && !shown.to_string().contains("123"), "{shown}");
        assert_eq!(shown["request"]["target"], "/login?api_key=[redacted]&limit=3");
        assert_eq!(shown["request"]["headers"]["accept"], "*/*");
        assert_eq!(entry.body().map(|body| body["password"].clone()), Some(json!("abc")));
    }

    #[test]
    fn the_oldest_goes() {
        let mut journal = Journal::default();
        let (target, headers, answer) = (Uri::from_static("/"), HeaderMap::new(), Bytes::new());
        for number in 1..=5 {
            journal.add(ended(number, &target, &headers, &[0; 10], &answer), 3, ALL);
        }
        let numbers: Vec<u64> = journal.entries("", &|_| None, &|_| true, 0).iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, [3, 4, 5]);
        assert_eq!(journal.size(), journal.records.iter().map(Record::size).sum::<usize>());
    }

    #[test]
    fn exchanges_stay_within_their_bytes_and_the_oldest_go_first() {
        let (target, headers, answer) = (Uri::from_static("/"), HeaderMap::new(), Bytes::new());
        let mut journal = Journal::default();
        journal.add(ended(1, &target, &headers, &[0; 1000], &answer), 500, ALL);
        let one = journal.size();
        for number in 2..=9 {
            journal.add(ended(number, &target, &headers, &[0; 1000], &answer), 500, one * 3);
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
        let add = |number| rings.add(ended(number, &target, &headers, &[0; 1000], &answer), 500, one * 2);
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
        headers.append("x-odd", HeaderValue::from_bytes(b"\xff").expect("is allowed"));
        let target = Uri::from_static("http://a.example/b?c=d");
        let mut journal = Journal::default();
        for (number, answer) in (1..).zip([Bytes::from_static(b"short"), Bytes::from(vec![7; MOST_COPIED + 1])]) {
            journal.add(ended(number, &target, &headers, b"content", &answer), 1, ALL);
            let entry = journal.entries("s", &|_| None, &|_| true, 0).pop().expect("is there");
            assert_eq!((entry.number, entry.session.as_str()), (number, "s"));
            assert_eq!((entry.target.to_string().as_str(), &entry.headers), ("/b?c=d", &headers));
            assert_eq!((&entry.content[..], &entry.answer), (&b"content"[..], &answer));
        }
        let long = vec![1; MOST_CONTENT + 1];
        journal.add(ended(3, &target, &HeaderMap::new(), &long, &Bytes::from(long.clone())), 1, ALL);
        let entry = journal.entries("", &|_| None, &|_| true, 0).pop().expect("is there");
        assert_eq!((entry.content.len(), entry.answer.len()), (MOST_CONTENT, MOST_CONTENT));
    }
}
