//! Control API: an inbox for the callbacks and webhooks of tests that have no server of their own.
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use crate::errors::problem::{Problem, ProblemKind};
use crate::server::control::inboxes::Message;
use crate::server::control::verify::{RepeatFor, within};
use crate::server::control::{Control, ControlRequest};

/// Maximum size of the content of a message in bytes; larger ones are refused.
const MOST_CONTENT: usize = 256 * 1024;

/// Returns the inbox of a request: session and name.
fn inbox_of(asked: &ControlRequest<'_>) -> (String, String) {
    (asked.about().to_owned(), asked.after("inbox"))
}

impl Control {
    /// Takes a message that a client sent.
    ///
    /// # Errors
    ///
    /// `Problem` 413 for a content that is too large, and 507 if there is no room.
    pub(super) fn receive_message(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let (head, content) = (asked.request, asked.request.body().bytes());
        let inbox = inbox_of(asked);
        self.put_in_inbox(inbox, head.method(), head.headers(), &content)?;
        Ok(Value::Null)
    }

    /// Puts a message into an inbox: session and name.
    ///
    /// # Errors
    ///
    /// `Problem` 413 for a content that is too large, and 507 if there is no room.
    pub(crate) fn put_in_inbox(
        &self,
        inbox: (String, String),
        method: &Method,
        headers: &HeaderMap,
        content: &Bytes,
    ) -> Result<(), Problem> {
        if content.len() > MOST_CONTENT {
            return Err(Problem::new(
                ProblemKind::TooLarge,
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("an inbox takes messages of at most {MOST_CONTENT} bytes"),
            ));
        }
        let at = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let message = Message {
            at: u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
            method: method.to_string(),
            headers: headers.clone(),
            // The buffer of the connection is not kept alive.
            content: Bytes::copy_from_slice(content),
        };
        self.inboxes.add(inbox, message).map_err(|full| {
            Problem::new(
                ProblemKind::Full,
                StatusCode::INSUFFICIENT_STORAGE,
                full.to_string(),
            )
        })
    }

    /// Lists the messages of an inbox, the oldest first. Also returns the time to wait for the first
    /// one, if a client asks for it and there is none.
    ///
    /// # Errors
    ///
    /// `Problem` 422, if `within` is no time.
    pub(super) fn messages(
        &self,
        asked: &ControlRequest<'_>,
    ) -> Result<(Value, Option<RepeatFor>), Problem> {
        let wait = asked.query("within").map(|text| within(&text.into()));
        let wait = wait.transpose()?;
        let (messages, total) = self.inboxes.shown(&inbox_of(asked));
        let wait = wait.filter(|_| messages.is_empty()).map(RepeatFor);
        Ok((json!({ "total": total, "messages": messages }), wait))
    }

    /// Empties an inbox.
    pub(super) fn clear_messages(&self, asked: &ControlRequest<'_>) -> Value {
        self.inboxes.clear(&inbox_of(asked));
        Value::Null
    }
}
