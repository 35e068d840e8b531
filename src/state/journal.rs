//! What was exchanged lately.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use serde_json::{Map, Value, json};

use crate::contract::name::{carries_credentials, words};

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

/// The names of operations by their numbers.
pub type Names<'n> = &'n dyn Fn(usize) -> &'n str;

/// How much of a content is kept, in bytes.
pub const MOST_CONTENT: usize = 64 * 1024;

/// How many bytes the exchanges of one journal take at most, about.
pub const MOST_BYTES: usize = 16 * 1024 * 1024;

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
            violations: ended.violations,
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

    /// The bytes that it takes, about.
    fn size(&self) -> usize {
        const EACH: usize = 400;
        EACH + self.texts.len() + self.answer.as_ref().map_or(0, Bytes::len)
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
    fn entry(&self, session: &str, names: Names<'_>) -> Entry {
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
            operation: self.operation.map(|index| names(index).to_owned()),
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
    /// An exchange in a session; `names` has the names of operations.
    #[must_use]
    pub fn new(ended: Ended<'_>, session: &str, names: Names<'_>) -> Self {
        Record::new(ended, Vec::new()).entry(session, names)
    }

    /// For people and scripts, without credentials.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let headers: Map<String, Value> = self
            .headers
            .keys()
            .map(|name| {
                let is_secret = matches!(name.as_str(), "authorization" | "cookie" | "proxy-authorization")
                    || carries_credentials(name.as_str()) && name != "standin-session";
                let values = self.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
                let text = values.collect::<Vec<_>>().join(", ");
                // A page says in its address what it was asked.
                let text = if *name == http::header::REFERER { redacted_target(&text) } else { text };
                (name.as_str().to_owned(), json!(if is_secret { REDACTED.to_owned() } else { text }))
            })
            .collect();
        json!({
            "number": self.number,
            "session": self.session,
            "at": self.at,
            "micros": self.micros,
            "request": {
                "method": self.method.as_str(),
                "target": redacted_target(&self.shown_target()),
                "headers": headers,
                "content": shown(&self.content, self.is_form()),
            },
            "operation": self.operation,
            "response": {"status": self.status.as_u16(), "content": shown(&self.answer, false)},
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

/// What stands in the place of a secret.
const REDACTED: &str = "[redacted]";

/// A path and query without credentials.
#[must_use]
pub fn redacted_target(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else { return target.to_owned() };
    format!("{path}?{}", redacted_pairs(query))
}

/// A query or a form without credentials.
fn redacted_pairs(text: &str) -> String {
    let pairs = text.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) => {
            let plain = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
            if is_secret(&plain) { format!("{name}={REDACTED}") } else { pair.to_owned() }
        }
        None => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// Whether a value of this name is nobody else's business.
fn is_secret(name: &str) -> bool {
    const WORDS: [&str; 8] = ["password", "passwd", "passphrase", "secret", "pin", "cvv", "cvc", "authorization"];
    let own = words(name);
    let has = |word: &str| own.iter().any(|there| there == word);
    carries_credentials(name) || has("private") && has("key") || WORDS.into_iter().any(has)
}

/// A content as JSON, else as text; null if there is none.
fn shown(content: &Bytes, is_form: bool) -> Value {
    if content.is_empty() {
        return Value::Null;
    }
    let text = String::from_utf8_lossy(content);
    if is_form {
        return json!(redacted_pairs(&text));
    }
    match serde_json::from_slice(content) {
        Ok(mut value) => {
            redact(&mut value, 0);
            value
        }
        // What cannot be read may say anything.
        Err(_)
            if text
                .split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '-')
                .any(is_secret) =>
        {
            json!(REDACTED)
        }
        Err(_) => json!(text),
    }
}

fn redact(value: &mut Value, depth: usize) {
    const DEEPEST: usize = 20;
    match value {
        Value::Object(object) if depth < DEEPEST => {
            for (name, value) in object.iter_mut() {
                if is_secret(name) && !value.is_null() && !value.is_boolean() {
                    *value = json!(REDACTED);
                } else {
                    redact(value, depth + 1);
                }
            }
        }
        Value::Array(items) if depth < DEEPEST => items.iter_mut().for_each(|item| redact(item, depth + 1)),
        // Deeper than anybody reads, and than this does.
        Value::Object(_) | Value::Array(_) => *value = json!(REDACTED),
        _ => {}
    }
}

/// The exchanges of a session.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    records: VecDeque<Record>,
    size: usize,
}

impl Journal {
    /// Adds an exchange; of more than `most`, or of more than [`MOST_BYTES`], the oldest go.
    pub fn add(&mut self, ended: Ended<'_>, most: usize) {
        while self.records.len() > most.max(1) || self.size > MOST_BYTES && self.records.len() > 1 {
            self.size -= self.records.pop_front().map_or(0, |record| record.size());
        }
        let length = self.records.len();
        if length > 0 && length == most {
            // In a queue without a free place this moves nothing.
            self.records.rotate_left(1);
            let last = &mut self.records[length - 1];
            self.size -= last.size();
            last.replace(ended);
            self.size += last.size();
            return;
        }
        if length == self.records.capacity() {
            self.records.reserve_exact(length.max(8).min(most.saturating_sub(length).max(1)));
        }
        let record = Record::new(ended, Vec::new());
        self.size += record.size();
        self.records.push_back(record);
    }

    /// The exchanges, the oldest first, as those of a session.
    #[must_use]
    pub fn entries(&self, session: &str, names: Names<'_>) -> Vec<Entry> {
        self.records.iter().map(|record| record.entry(session, names)).collect()
    }

    /// Forgets the exchanges.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The bytes that it takes, about.
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
}

/// How many threads have one of their own.
const RINGS: usize = 16;

impl Default for Rings {
    fn default() -> Self {
        Self { rings: (0..RINGS).map(|_| Mutex::default()).collect() }
    }
}

impl Rings {
    fn locked(ring: &Mutex<Journal>) -> MutexGuard<'_, Journal> {
        // What is there is whole even if somebody panicked beside it.
        ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an exchange; of more than `most` the oldest go.
    pub fn add(&self, ended: Ended<'_>, most: usize) {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static OWN: usize = THREADS.fetch_add(1, Ordering::Relaxed) % RINGS;
        }
        Self::locked(&self.rings[OWN.with(|own| *own)]).add(ended, most);
    }

    /// The last `most` exchanges, the oldest first.
    #[must_use]
    pub fn entries(&self, most: usize, names: Names<'_>) -> Vec<Entry> {
        let mut all: Vec<Entry> = self.rings.iter().flat_map(|ring| Self::locked(ring).entries("", names)).collect();
        all.sort_unstable_by_key(|entry| entry.number);
        all.drain(..all.len().saturating_sub(most));
        all
    }

    /// Forgets the exchanges.
    pub fn clear(&self) {
        self.rings.iter().for_each(|ring| Self::locked(ring).clear());
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

    #[test]
    fn what_is_secret_is_not_shown() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("Bearer abc"));
        headers.insert("x-auth-token", HeaderValue::from_static("abc"));
        headers.insert("accept", HeaderValue::from_static("*/*"));
        let target = Uri::from_static("/login?api_key=abc&limit=3");
        let content = br#"{"name": "x", "password": "abc", "cards": [{"cvc": 123}]}"#;
        let entry = Entry::new(ended(1, &target, &headers, content, &Bytes::new()), "", &|_| "a");
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
            journal.add(ended(number, &target, &headers, &[0; 10], &answer), 3);
        }
        let numbers: Vec<u64> = journal.entries("", &|_| "a").iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, [3, 4, 5]);
        assert_eq!(journal.size(), journal.records.iter().map(Record::size).sum::<usize>());
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
            journal.add(ended(number, &target, &headers, b"content", &answer), 1);
            let entry = journal.entries("s", &|_| "a").pop().expect("is there");
            assert_eq!((entry.number, entry.session.as_str()), (number, "s"));
            assert_eq!((entry.target.to_string().as_str(), &entry.headers), ("/b?c=d", &headers));
            assert_eq!((&entry.content[..], &entry.answer), (&b"content"[..], &answer));
        }
        let long = vec![1; MOST_CONTENT + 1];
        journal.add(ended(3, &target, &HeaderMap::new(), &long, &Bytes::from(long.clone())), 1);
        let entry = journal.entries("", &|_| "a").pop().expect("is there");
        assert_eq!((entry.content.len(), entry.answer.len()), (MOST_CONTENT, MOST_CONTENT));
    }
}
