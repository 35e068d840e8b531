//! Threads on which answers are computed. Operations that are known to be quick are answered at
//! once, on the thread that read the request; everything else on separate threads, so that
//! connections, health checks and the shutdown never wait for it.
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use http::Method;
use tokio::sync::Semaphore;

use crate::codec::message::{Body, Request};
use crate::contract::route::Routed;
use crate::server::control::Control;
use crate::server::control::session::PREFIX;

/// Longest request content that is validated on the thread of its connection, in bytes.
const SHORT_CONTENT: usize = 16 * 1024;

/// Longest query that is read on the thread of its connection, in bytes.
const SHORT_QUERY: usize = 1024;

/// Thread on which an answer is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChosenThread {
    /// The thread that read the request.
    Here,
    /// A thread for work that takes long, of which there are as many as processors.
    Apart,
    /// A thread of its own: the work waits, and would keep others waiting.
    Alone,
}

/// Chooses the thread for the answer to a request, and returns the operation of the request, if
/// there is one.
pub(super) fn place(control: &Control, request: &Request) -> (ChosenThread, Option<usize>) {
    let path = request.uri().path();
    if let Some(name) = path.strip_prefix(PREFIX) {
        return (
            match name {
                "health" => ChosenThread::Here,
                "reload" | "diagnostics" => ChosenThread::Alone,
                // A kept fixture is loaded with all documents.
                name if name.ends_with("/fixture") && request.method() == Method::POST => {
                    ChosenThread::Alone
                }
                _ => ChosenThread::Apart,
            },
            None,
        );
    }
    let Routed::Operation(index, _) = control.sandbox().contract().route(request.method(), path)
    else {
        // Finding the nearest path for the error takes long.
        return (ChosenThread::Apart, None);
    };
    let is_short = match request.body() {
        Body::Complete(content) => content.len() <= SHORT_CONTENT,
        Body::TooLarge(_) | Body::Missing | Body::Undecodable(_) => true,
    };
    let query = request.uri().query().unwrap_or_default();
    // `Prefer` may ask for values that were never generated, and a short content may be a long one
    // that is compressed.
    let is_odd = ["prefer", "content-encoding"]
        .iter()
        .any(|name| request.headers().contains_key(*name));
    let is_usual = query.len() <= SHORT_QUERY && !query.contains("__") && !is_odd;
    let is_quick = is_short && is_usual && control.paces.is_quick(index);
    (
        if is_quick {
            ChosenThread::Here
        } else {
            ChosenThread::Apart
        },
        Some(index),
    )
}

/// Creates the slots for work that takes long: one per processor, and at least two. Further work
/// waits for a free slot.
pub(super) fn slots() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(
        available_parallelism().map_or(2, NonZero::get).max(2),
    ))
}
