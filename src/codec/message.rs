//! A request and a response, each complete.
use std::sync::Arc;

use bytes::Bytes;

use crate::codec::coding::CodingFault;

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
