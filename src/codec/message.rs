//! Requests and responses whose content is complete, and the extensions that they carry.
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use crate::codec::events::EventStream;
use crate::contract::media::{MediaRange, Written};

/// The content of a request.
#[derive(Debug, Clone)]
pub enum Body {
    /// The whole content.
    Complete(Bytes),
    /// Content above this limit in bytes, which was discarded.
    TooLarge(usize),
    /// Content that is not known as a whole: it broke off, or a recording lacks it.
    Missing,
    /// Content with a coding that cannot be decoded.
    Undecodable(CodingFault),
}

impl Body {
    /// Returns the content; empty if it is not known as a whole or cannot be decoded.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        match self {
            Self::Complete(bytes) => bytes.clone(),
            Self::TooLarge(_) | Self::Missing | Self::Undecodable(_) => Bytes::new(),
        }
    }
}

/// Request extension with the path prefix that was cut off. Answers that contain URLs repeat it.
#[derive(Debug, Clone)]
pub(crate) struct Mounted(pub String);

/// Returns the path prefix that was cut off the request; empty if there was none.
#[must_use]
pub(crate) fn mount(request: &Request) -> &str {
    request
        .extensions()
        .get::<Mounted>()
        .map_or("", |mounted| &mounted.0)
}

/// A request with its content.
pub type Request = http::Request<Body>;

/// A complete response; one with [`Items`] among its extensions is sent in pieces.
pub type Response = http::Response<Bytes>;

/// Response extension of content that is sent item by item.
#[derive(Debug, Clone)]
pub(crate) struct Items {
    /// End of each item in the content; the last one is the end of the content.
    pub ends: Arc<[usize]>,
    /// Continuation after the last item.
    pub then: AfterItems,
}

/// Continuation of an answer after its last item. Answers in process have the items only.
#[derive(Debug, Clone)]
pub(crate) enum AfterItems {
    /// The answer ends.
    End,
    /// The answer is kept open, with comments as heartbeats.
    Hold,
    /// The events are sent again and again.
    Repeat {
        /// All events.
        events: Arc<EventStream>,
        /// Position of the next event.
        next: u64,
    },
}

/// Reasons for content that cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodingFault {
    /// An unknown coding, by its name.
    Unknown(String),
    /// Bytes that the coding does not allow: `malformed gzip: corrupt deflate stream`.
    Malformed(String),
}

/// Request extension of a request that came through TLS, whose URL begins with `https`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Secured;

/// Returns the host that a request is sent to, with its port: that of the target, as HTTP/2 has it, else
/// the `Host` header field (RFC 9112 §3.2.2).
pub(crate) fn host_of(request: &Request) -> Option<&str> {
    let host = || {
        let host = request.headers().get(http::header::HOST)?;
        host.to_str().ok()
    };
    let authority = request.uri().authority();
    authority.map(http::uri::Authority::as_str).or_else(host)
}

/// Returns the URL of a request; without scheme and host if it names no host.
pub(crate) fn target_of(request: &Request) -> String {
    let target = request
        .uri()
        .path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str);
    let target = format!("{}{target}", mount(request));
    let host = host_of(request);
    let scheme = match request.extensions().get::<Secured>() {
        Some(_) => "https",
        None => "http",
    };
    host.map_or_else(
        || target.clone(),
        |host| format!("{scheme}://{host}{target}"),
    )
}

/// Puts content into a response. Content with several items is marked with [`Items`], and the
/// server splits it.
pub(crate) fn send(written: Written, media: &MediaRange, response: &mut Response) {
    match written.media {
        Some(media) => {
            response.headers_mut().insert(CONTENT_TYPE, media);
        }
        None => insert_content_type(media.as_str(), response),
    }
    if !written.ends.is_empty() {
        response.extensions_mut().insert(Items {
            ends: written.ends,
            then: AfterItems::End,
        });
    }
    *response.body_mut() = written.bytes;
}

pub(crate) fn insert_content_type(media: &str, response: &mut Response) {
    const MOST_ARE: &str = "application/json";
    if media == MOST_ARE {
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(MOST_ARE));
    } else if let Ok(value) = HeaderValue::from_str(media) {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
}
