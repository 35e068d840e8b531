//! Entities of the sandbox in the lists of the real API.
use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, LAST_MODIFIED, TRAILER,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::codec::repeated::has_repeated_member;
use crate::contract::media::MediaRange;
use crate::contract::simulation::Responder;
use crate::entity::written::{Supplemented, grown_field};
use crate::server::control::Control;
use crate::server::control::forwarded::Forwardable;
use crate::upstream::exchange::ObservedExchange;

/// Header field that tells that a list has entities of the sandbox.
const ADDED: HeaderName = HeaderName::from_static("standin-added");

/// Header fields that describe the content as the real API sent it: a validator, a digest or a coding of
/// it (RFC 9110 §8, RFC 9530, RFC 3230).
const DESCRIBING: [HeaderName; 9] = [
    ACCEPT_RANGES,
    CONTENT_ENCODING,
    ETAG,
    LAST_MODIFIED,
    TRAILER,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-md5"),
];

/// Outcome of adding entities of the sandbox to a list.
#[derive(Debug)]
pub(crate) enum ListSupplement {
    /// The list has them.
    Added(SupplementedList),
    /// The answer has a member twice or a count that is no integer, and cannot be changed without a loss.
    Lossy,
}

/// List of the real API with entities of the sandbox.
#[derive(Debug)]
pub(crate) struct SupplementedList {
    /// Content, without content coding.
    pub content: Bytes,
    done: Supplemented,
}

impl SupplementedList {
    /// Returns the number of entities on this page, as a person says it: `2 entities of the sandbox`;
    /// `None` if they are on another page.
    pub(crate) fn sentence(&self) -> Option<String> {
        match self.done.on_page {
            0 => None,
            1 => Some("1 entity of the sandbox".to_owned()),
            count => Some(format!("{count} entities of the sandbox")),
        }
    }

    /// Changes the header fields of the answer so that they describe its new content.
    pub(crate) fn describe(&self, headers: &mut HeaderMap) {
        for name in &DESCRIBING {
            headers.remove(name);
        }
        headers.insert(CONTENT_LENGTH, self.content.len().into());
        for (name, value) in headers.iter_mut() {
            let count = value.to_str().ok();
            let grown = count.and_then(|count| grown_field(name.as_str(), count, self.done.more));
            if let Some(grown) = grown.and_then(|count| HeaderValue::from_str(&count).ok()) {
                *value = grown;
            }
        }
        let sentence = self.sentence();
        if let Some(Ok(sentence)) = sentence.map(|sentence| HeaderValue::from_str(&sentence)) {
            headers.insert(ADDED, sentence);
        }
    }
}

impl Control {
    /// Returns true if a request lists entities of which the session wrote some, unless it asks for the
    /// real API alone.
    pub(crate) fn lists_written(&self, request: &Forwardable) -> bool {
        let (sandbox, session) = (&self.sandbox, request.session.as_str());
        request.operation.is_some()
            && sandbox.has_written(session)
            && Self::preferred(request) != Some(Responder::Real)
            && sandbox.written_list(session, &request.head).is_some()
    }

    /// Returns the list of an exchange with the entities that the session wrote; `None` if the answer
    /// has no list, or there are none.
    pub(crate) fn supplemented(&self, exchange: &ObservedExchange) -> Option<ListSupplement> {
        let response = &exchange.response;
        let media = response.headers().get(CONTENT_TYPE)?.to_str().ok()?;
        if !response.status().is_success() || !MediaRange::parse(media)?.is_json() {
            return None;
        }
        let list = self
            .sandbox
            .written_list(&exchange.session, &exchange.request)?;
        let content = response.body().bytes();
        let mut value: Value = serde_json::from_slice(&content).ok()?;
        if has_repeated_member(&content) || list.has_odd_count(&value) {
            return Some(ListSupplement::Lossy);
        }
        let done = list.put_into(&mut value)?;
        let content = serde_json::to_vec(&value).ok()?;
        Some(ListSupplement::Added(SupplementedList {
            content: content.into(),
            done,
        }))
    }
}
