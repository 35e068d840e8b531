//! What connections may take, and how far the end of the server is.
use std::time::Duration;

use crate::exchange::settings::ContentLimit;

/// What the server does not go beyond, and how fast it goes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest request content, in bytes; a larger one is answered with 413 (`--max-body`).
    pub max_body: usize,
    /// How long exchanges in flight may take once the server is told to stop; what is not finished
    /// then is cut (`--drain`).
    pub drain: Duration,
    /// How many connections are served at a time; others wait in the queue of the system until one of them
    /// closes (`--max-connections`).
    pub max_connections: usize,
    /// How long a client may take to send the head of a request, or to begin the next one on a
    /// connection; then the connection is closed. In HTTP/2, how long nothing may come before a ping is
    /// sent that must be answered (`--header-timeout`).
    pub header_timeout: Duration,
    /// How long a client may take to send the content of a request; then it is answered with 408, and the
    /// connection closed (`--body-timeout`).
    pub body_timeout: Duration,
    /// How long a client may take nothing of an answer that is there for it; then its connection is closed
    /// (`--write-timeout`).
    pub write_timeout: Duration,
    /// How many bytes the contents of requests and answers may take together; beyond it requests are answered with 503
    /// (`--content-memory`). Contents of up to 4 KiB, and what several answers share, are not counted.
    pub content_memory: usize,
    /// How many requests one HTTP/2 connection may have open at a time; others wait (`--max-streams`).
    pub max_streams: u32,
    /// How long it waits before each item but the first of an answer that is sent item by item, such
    /// as server-sent events (`--item-delay`).
    pub item_delay: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body: ContentLimit::default().0,
            drain: Duration::from_secs(10),
            max_connections: 16_384,
            header_timeout: Duration::from_secs(75),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            content_memory: 512 * 1024 * 1024,
            max_streams: 200,
            item_delay: Duration::ZERO,
        }
    }
}

/// How far a server has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It is not told to stop.
    Serving,
    /// It is: answers say that the connection ends with them.
    LastCall,
    /// Connections on which nothing comes are closed.
    Ending,
}
