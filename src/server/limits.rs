//! Limits of connections and contents, and the phases of the shutdown.
use std::time::Duration;

use crate::exchange::settings::ContentLimit;

/// Limits and pace of the server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest request content, in bytes; a larger one gets 413 (`--max-body`).
    pub max_body: usize,
    /// Time for exchanges in flight when the server stops; unfinished ones are then cut
    /// (`--drain`).
    pub drain: Duration,
    /// Maximum number of connections served at a time; others wait in the queue of the system until
    /// one of them closes (`--max-connections`).
    pub max_connections: usize,
    /// Time for a client to send the head of a request, or to begin the next one on a connection;
    /// then the connection is closed. In HTTP/2, time without any data before a ping is sent that
    /// must be answered (`--header-timeout`).
    pub header_timeout: Duration,
    /// Time for a client to send the content of a request; then it gets 408, and the connection is
    /// closed (`--body-timeout`).
    pub body_timeout: Duration,
    /// Time in which a client may take nothing of an available answer; then its connection is
    /// closed (`--write-timeout`).
    pub write_timeout: Duration,
    /// Bytes that the contents of requests and answers may take together; beyond it, requests get
    /// 503 (`--content-memory`). Contents of up to 4 KiB, and content that several answers share,
    /// are not counted.
    pub content_memory: usize,
    /// Maximum number of open requests on one HTTP/2 connection; others wait (`--max-streams`).
    pub max_streams: u32,
    /// Delay before each item but the first of an answer that is sent item by item, such as
    /// server-sent events (`--item-delay`).
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

/// Phase in the life of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// The server has not been asked to stop.
    Serving,
    /// The server stops: answers announce that the connection ends with them.
    LastCall,
    /// Idle connections are closed.
    Ending,
}
