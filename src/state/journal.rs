//! What was exchanged lately.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
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
    pub source: String,
    /// What was wrong with the request.
    pub violations: Vec<String>,
}

/// How much of a content is kept, in bytes.
pub const MOST_CONTENT: usize = 64 * 1024;

/// How many bytes the exchanges of one journal take at most, about.
pub const MOST_BYTES: usize = 16 * 1024 * 1024;

/// A content as it is kept.
#[must_use]
pub fn kept(content: Bytes) -> Bytes {
    // A slice would keep all of it.
    if content.len() > MOST_CONTENT { Bytes::copy_from_slice(&content[..MOST_CONTENT]) } else { content }
}

impl Entry {
    /// The bytes that it takes, about.
    #[must_use]
    pub fn size(&self) -> usize {
        const EACH: usize = 400;
        let headers: usize = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 64).sum();
        EACH + self.content.len()
            + self.answer.len()
            + self.target.path().len()
            + self.target.query().map_or(0, str::len)
            + headers
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
    entries: VecDeque<Arc<Entry>>,
    size: usize,
}

impl Journal {
    /// Adds an exchange; of more than `most`, or of more than [`MOST_BYTES`], the oldest go.
    pub fn add(&mut self, entry: Arc<Entry>, most: usize) {
        self.size += entry.size();
        self.entries.push_back(entry);
        while self.entries.len() > most || self.size > MOST_BYTES && self.entries.len() > 1 {
            self.size -= self.entries.pop_front().map_or(0, |entry| entry.size());
        }
    }

    /// The exchanges, the oldest first.
    #[must_use]
    pub fn entries(&self) -> Vec<Arc<Entry>> {
        self.entries.iter().cloned().collect()
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
    pub fn add(&self, entry: Arc<Entry>, most: usize) {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static OWN: usize = THREADS.fetch_add(1, Ordering::Relaxed) % RINGS;
        }
        Self::locked(&self.rings[OWN.with(|own| *own)]).add(entry, most);
    }

    /// The last `most` exchanges, the oldest first.
    #[must_use]
    pub fn entries(&self, most: usize) -> Vec<Arc<Entry>> {
        let mut all: Vec<Arc<Entry>> = self.rings.iter().flat_map(|ring| Self::locked(ring).entries()).collect();
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

    #[test]
    fn what_is_secret_is_not_shown() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", http::HeaderValue::from_static("Bearer abc"));
        headers.insert("x-auth-token", http::HeaderValue::from_static("abc"));
        headers.insert("accept", http::HeaderValue::from_static("*/*"));
        let entry = Entry {
            number: 1,
            session: String::new(),
            at: 0,
            micros: 1,
            method: Method::POST,
            target: Uri::from_static("/login?api_key=abc&limit=3"),
            headers,
            content: Bytes::from_static(b"{\"name\": \"x\", \"password\": \"abc\", \"cards\": [{\"cvc\": 123}]}"),
            operation: None,
            status: StatusCode::OK,
            answer: Bytes::new(),
            source: String::new(),
            violations: Vec::new(),
        };
        let shown = entry.to_json();
        assert!(!shown.to_string().contains("abc") && !shown.to_string().contains("123"), "{shown}");
        assert_eq!(shown["request"]["target"], "/login?api_key=[redacted]&limit=3");
        assert_eq!(shown["request"]["headers"]["accept"], "*/*");
        assert_eq!(entry.body().map(|body| body["password"].clone()), Some(json!("abc")));
    }

    #[test]
    fn the_oldest_goes() {
        let mut journal = Journal::default();
        for number in 1..=5 {
            let entry = Entry {
                number,
                session: String::new(),
                at: 0,
                micros: 0,
                method: Method::GET,
                target: Uri::from_static("/"),
                headers: HeaderMap::new(),
                content: Bytes::from(vec![0; 10]),
                operation: Some("a".to_owned()),
                status: StatusCode::OK,
                answer: Bytes::new(),
                source: String::new(),
                violations: Vec::new(),
            };
            journal.add(Arc::new(entry), 3);
        }
        let numbers: Vec<u64> = journal.entries().iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, [3, 4, 5]);
        assert_eq!(journal.size(), 3 * journal.entries()[0].size());
    }
}
