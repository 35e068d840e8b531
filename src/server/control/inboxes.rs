//! Inboxes: the callbacks and webhooks that tests without a server of their own receive.
//!
//! `inbox` has the operations of the control API.
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value, json};

/// Maximum number of messages in an inbox; the oldest makes room for a new one.
const MOST_MESSAGES: usize = 100;

/// Maximum number of inboxes of all sessions; further ones take no messages.
const MOST_INBOXES: usize = 1000;

/// Maximum size of all messages in bytes; further ones are refused.
const MOST_IN_ALL: usize = 64 * 1024 * 1024;

/// Message that was received.
#[derive(Debug)]
pub(super) struct Message {
    /// Time of arrival, in milliseconds since 1970.
    pub at: u64,
    /// Method of the request.
    pub method: String,
    /// Header fields of the request.
    pub headers: HeaderMap,
    /// Content of the request.
    pub content: Bytes,
}

/// Reason why a message is not taken.
#[derive(Debug, thiserror::Error)]
#[error(
    "the inboxes are full ({MOST_INBOXES} inboxes, {MOST_IN_ALL} bytes); `DELETE /_standin/inbox/NAME` empties one"
)]
pub(super) struct InboxesFull;

/// Messages of one inbox.
#[derive(Debug, Default)]
struct Messages {
    count: u64,
    /// Messages with their numbers, from 1.
    kept: VecDeque<(u64, Message)>,
}

/// Messages by session and name of the inbox.
type MessagesOfInboxes = HashMap<(String, String), Messages>;

/// Inboxes of all sessions.
#[derive(Debug, Default)]
pub(super) struct Inboxes {
    messages: Mutex<MessagesOfInboxes>,
    /// Number of all messages that were received.
    received: AtomicU64,
}

impl Inboxes {
    fn run<R>(&self, run: impl FnOnce(&mut MessagesOfInboxes) -> R) -> R {
        // A panic cannot leave a message half written.
        run(&mut self.messages.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the number of all messages that were received.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Adds a message to the inbox of a session with this name.
    ///
    /// # Errors
    ///
    /// [`InboxesFull`], if there is no room.
    pub(super) fn add(&self, inbox: (String, String), message: Message) -> Result<(), InboxesFull> {
        self.run(|all| {
            let kept = all.values().flat_map(|messages| &messages.kept);
            let size: usize = kept.map(|(_, message)| message.size()).sum();
            if all.len() >= MOST_INBOXES && !all.contains_key(&inbox)
                || size + message.size() > MOST_IN_ALL
            {
                return Err(InboxesFull);
            }
            let messages = all.entry(inbox).or_default();
            messages.count += 1;
            if messages.kept.len() >= MOST_MESSAGES {
                messages.kept.pop_front();
            }
            messages.kept.push_back((messages.count, message));
            self.received.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
    }

    /// Returns the messages of an inbox for people, and the number of all that it received.
    pub(super) fn shown(&self, inbox: &(String, String)) -> (Vec<Value>, u64) {
        self.run(|all| {
            let messages = all.get(inbox);
            let kept = messages.into_iter().flat_map(|messages| &messages.kept);
            let kept = kept.map(|(number, message)| message.to_json(*number));
            (
                kept.collect(),
                messages.map_or(0, |messages| messages.count),
            )
        })
    }

    /// Empties an inbox.
    pub(super) fn clear(&self, inbox: &(String, String)) {
        self.run(|all| drop(all.remove(inbox)));
    }

    /// Removes the messages of a session, or of all sessions.
    pub(super) fn forget(&self, session: Option<&str>) {
        self.run(|all| all.retain(|(of, _), _| session.is_some_and(|session| of != session)));
    }
}

impl Message {
    /// Returns the memory in bytes, about.
    fn size(&self) -> usize {
        const FIELD: usize = 64;
        let fields = self.headers.iter();
        let fields = fields.map(|(name, value)| name.as_str().len() + value.len() + FIELD);
        self.content.len() + fields.sum::<usize>()
    }

    fn to_json(&self, number: u64) -> Value {
        let headers = self.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), Value::from(value))
        });
        let content = serde_json::from_slice(&self.content);
        let content = content
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&self.content).into_owned()));
        json!({
            "number": number, "at": self.at, "method": self.method,
            "headers": headers.collect::<Map<_, _>>(), "content": content,
        })
    }
}
