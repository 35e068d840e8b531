//! Where is an answer worked out? What is known to be quick at once, on the thread that read the request; everything
//! else on threads of its own, so that connections, health and the end never wait for it.
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;

use crate::codec::message::{Body, Request};
use crate::contract::route::Routed;
use crate::server::control::Control;
use crate::server::control::session::PREFIX;

/// The longest request content that is judged at once, in bytes.
const SHORT_CONTENT: usize = 16 * 1024;

/// The longest query that is read at once, in bytes.
const SHORT_QUERY: usize = 1024;

/// Where an answer is worked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On the thread that read the request.
    Here,
    /// On a thread for work that takes long.
    Apart,
}

/// Tells where the answer to a request is worked out, and which operation it is of, if any.
pub fn place(control: &Control, request: &Request) -> (Place, Option<usize>) {
    let path = request.uri().path();
    if let Some(name) = path.strip_prefix(PREFIX) {
        return (if name == "health" { Place::Here } else { Place::Apart }, None);
    }
    let Routed::Operation(index, _) = control.sandbox().contract().route(request.method(), path) else {
        // To find the nearest path takes its time.
        return (Place::Apart, None);
    };
    let is_short = match request.body() {
        Body::Complete(content) => content.len() <= SHORT_CONTENT,
        Body::TooLarge(_) | Body::Undecodable(_) => true,
    };
    let query = request.uri().query().unwrap_or_default();
    // A client may ask for values that were never generated, and a short content may be a long one that is compressed.
    let is_odd = ["prefer", "content-encoding"].iter().any(|name| request.headers().contains_key(*name));
    let is_usual = query.len() <= SHORT_QUERY && !query.contains("__") && !is_odd;
    let is_quick = is_short && is_usual && control.paces.is_quick(index);
    (if is_quick { Place::Here } else { Place::Apart }, Some(index))
}

/// Places for work that takes long: one for each processor, and two at least. Who finds none waits for one.
pub fn slots() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(available_parallelism().map_or(2, NonZero::get).max(2)))
}
