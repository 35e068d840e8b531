//! What a connection is doing: since when, and whether anything moves.
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use http::Version;
use tokio::sync::Notify;
use tokio::time::sleep;

/// What a connection and its service tell each other.
#[derive(Debug, Default)]
pub struct ConnectionActivity {
    /// The connection is to be reset at its end, and not closed.
    pub(crate) is_reset: AtomicBool,
    /// An exchange goes on, or its response comes by and by.
    pub(crate) is_busy: AtomicBool,
    /// All that came is answered, as far as anybody knows.
    pub(crate) is_at_rest: AtomicBool,
    /// The client does not take what is sent as fast as it could be.
    pub(crate) is_blocked: AtomicBool,
    /// How many exchanges began.
    pub(crate) exchanges: AtomicU32,
    /// An answer waits, and so does not find out by itself that its client has left.
    pub(crate) is_waiting: AtomicBool,
    /// The client has left, or sends nothing more.
    pub(crate) left: Notify,
    /// Large answers of HTTP/2 that are not sent to their end.
    unsent: Mutex<Vec<Weak<Progress>>>,
}

impl ConnectionActivity {
    /// The connection is to be reset at its end (RFC 9293 §3.9.1.5, ABORT).
    pub fn reset(&self) {
        self.is_reset.store(true, Ordering::Relaxed);
    }

    /// An exchange begins.
    pub fn begin(&self) {
        self.is_busy.store(true, Ordering::Relaxed);
        self.is_at_rest.store(false, Ordering::Relaxed);
        self.exchanges.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits so long, or until the client of HTTP/1.1 closes its side of the connection. If it has left, its place is free
    /// at once; if it only says that it sends nothing more, it has its answer early. HTTP/2 tells by itself.
    pub async fn wait(&self, time: Duration, version: Version) {
        tokio::select! {
            () = sleep(time) => {}
            () = self.client_left(), if version < Version::HTTP_2 => {}
        }
    }

    /// Waits until the client closes its side of the connection.
    pub async fn client_left(&self) {
        self.is_waiting.store(true, Ordering::Relaxed);
        self.left.notified().await;
        // Whoever waits next need not find it out again.
        self.left.notify_one();
    }

    /// Notes that a large answer is to be sent, until the last part of it is dropped.
    pub fn progress(&self) -> Arc<Progress> {
        let progress = Arc::new(Progress { last: Mutex::new(Instant::now()) });
        let mut unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        unsent.retain(|there| there.strong_count() > 0);
        unsent.push(Arc::downgrade(&progress));
        progress
    }

    /// Whether the client has taken nothing of an answer for so long.
    pub(crate) fn is_stuck(&self, time: Duration) -> bool {
        let unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        unsent.iter().filter_map(Weak::upgrade).any(|progress| progress.is_stuck(time))
    }

    /// An exchange ended; whether its request was read to its end, and whether its response is there as a whole.
    pub fn end(&self, is_read: bool, is_whole: bool) {
        self.is_busy.store(!is_whole, Ordering::Relaxed);
        self.is_at_rest.store(is_read && is_whole, Ordering::Relaxed);
    }
}

/// A large answer of HTTP/2 that is not sent to its end. A client says how much it takes of each (RFC 9113 §5.2), and
/// may take nothing of one for ever while others go on.
#[derive(Debug)]
pub struct Progress {
    /// When something of it was taken last.
    last: Mutex<Instant>,
}

impl Progress {
    /// Notes that something of the answer was taken.
    pub fn note(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(crate) fn is_stuck(&self, time: Duration) -> bool {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).elapsed() >= time
    }
}
