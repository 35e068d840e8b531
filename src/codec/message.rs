//! A request and a response, each complete.
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use crate::contract::media::{MediaRange, Written};

/// The content of a request.
#[derive(Debug, Clone)]
pub enum Body {
    /// All of it.
    Complete(Bytes),
    /// It was more than this many bytes, and was not kept.
    TooLarge(usize),
    /// It has a content coding that cannot be undone.
    Undecodable(CodingFault),
}

impl Body {
    /// The content, as far as it is there.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        match self {
            Self::Complete(bytes) => bytes.clone(),
            Self::TooLarge(_) | Self::Undecodable(_) => Bytes::new(),
        }
    }
}

/// The path below which a request was sent, as an extension of it, where it was cut off: answers that say where
/// something is have it.
#[derive(Debug, Clone)]
pub struct Mounted(pub String);

/// The path below which a request was sent.
#[must_use]
pub fn mount(request: &Request) -> &str {
    request.extensions().get::<Mounted>().map_or("", |mounted| &mounted.0)
}

/// A request, read to its end.
pub type Request = http::Request<Body>;

/// A response, complete; one with [`Items`] among its extensions is sent in pieces.
pub type Response = http::Response<Bytes>;

/// Where the items of a response end that is sent item by item.
#[derive(Debug, Clone)]
pub struct Items {
    /// Positions in the content, the last one at its end.
    pub ends: Arc<[usize]>,
}

/// Why the codings of content cannot be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodingFault {
    /// A coding that is not known, by its name.
    Unknown(String),
    /// The bytes are not what the coding says: `malformed gzip: corrupt deflate stream`.
    Malformed(String),
}

/// The URL of a request, as far as it says it.
pub fn target_of(request: &Request) -> String {
    let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let target = format!("{}{target}", mount(request));
    let host = request.headers().get(http::header::HOST).and_then(|host| host.to_str().ok());
    host.map_or_else(|| target.clone(), |host| format!("http://{host}{target}"))
}

/// Puts content in a response; what is sent item by item is cut by the server, see [`Items`].
pub fn send(written: Written, media: &MediaRange, response: &mut Response) {
    match written.media {
        Some(media) => {
            response.headers_mut().insert(CONTENT_TYPE, media);
        }
        None => insert_content_type(media.as_str(), response),
    }
    if !written.ends.is_empty() {
        response.extensions_mut().insert(Items { ends: written.ends });
    }
    *response.body_mut() = written.bytes;
}

pub(crate) fn insert_content_type(media: &str, response: &mut Response) {
    const MOST_ARE: &str = "application/json";
    if media == MOST_ARE {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MOST_ARE));
    } else if let Ok(value) = HeaderValue::from_str(media) {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
}
