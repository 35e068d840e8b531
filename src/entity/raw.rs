//! Texts and files that entities have beside their members.
//!
//! A stored entity has its content in the member [`CONTENT`], which no answer shows. The member counts for the memory
//! of the session as any other.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

/// Member of a stored entity that has its content: `{"type": "text/plain", "text": "hello"}`, or `base64` instead of
/// `text`.
pub(crate) const CONTENT: &str = "standin:content";

/// Content of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredContent {
    /// Media type that the client sent.
    pub media: String,
    pub bytes: Bytes,
}

impl StoredContent {
    /// Reads the content of a stored entity; `None` if it has none.
    #[must_use]
    pub(crate) fn of(entity: &Value) -> Option<Self> {
        let content = entity.get(CONTENT)?;
        let media = content.get("type")?.as_str()?.to_owned();
        let bytes = match content.get("text").and_then(Value::as_str) {
            Some(text) => Bytes::from(text.to_owned()),
            None => Bytes::from(STANDARD.decode(content.get("base64")?.as_str()?).ok()?),
        };
        Some(Self { media, bytes })
    }

    /// Returns the member of the stored entity.
    #[must_use]
    pub(crate) fn member(&self) -> Value {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => json!({ "type": self.media, "text": text }),
            Err(_) => json!({ "type": self.media, "base64": STANDARD.encode(&self.bytes) }),
        }
    }
}
