//! Activity of one connection: the exchanges in progress, and the time since anything moved.
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use http::Version;
use hyper::upgrade::OnUpgrade;
use tokio::sync::Notify;
use tokio::time::sleep;

/// State that a connection and its service share.
#[derive(Debug, Default)]
pub(super) struct ConnectionActivity {
    /// True if the connection is to be reset at its end instead of closed.
    pub(crate) is_reset: AtomicBool,
    /// True while an exchange goes on, or its response is sent over time.
    pub(crate) is_busy: AtomicBool,
    /// True while every request that has arrived is answered.
    pub(crate) is_at_rest: AtomicBool,
    /// True while the client takes less than is sent to it.
    pub(crate) is_blocked: AtomicBool,
    /// Number of exchanges that have begun.
    pub(crate) exchanges: AtomicU32,
    /// True while an answer is delayed; only a separate check then notices that its client has
    /// left.
    pub(crate) is_waiting: AtomicBool,
    /// Notification that the client has left, or sends nothing more.
    pub(crate) left: Notify,
    /// Upgrade of the connection to the real API, if this one changes its protocol too.
    tunnel: Mutex<Option<OnUpgrade>>,
    /// Large HTTP/2 answers that have not been sent completely.
    unsent: Mutex<Vec<Weak<Progress>>>,
}

impl ConnectionActivity {
    /// Marks the connection to be reset at its end (RFC 9293 §3.9.1.5, ABORT).
    pub(super) fn reset(&self) {
        self.is_reset.store(true, Ordering::Relaxed);
    }

    /// Notes that the connection becomes a tunnel to the real API after the current answer.
    pub(super) fn tunnel_to(&self, upgrade: OnUpgrade) {
        let mut tunnel = self.tunnel.lock().unwrap_or_else(PoisonError::into_inner);
        *tunnel = Some(upgrade);
    }

    /// Returns the other end of the tunnel, if the connection becomes one.
    pub(super) fn tunnel(&self) -> Option<OnUpgrade> {
        let mut tunnel = self.tunnel.lock().unwrap_or_else(PoisonError::into_inner);
        tunnel.take()
    }

    /// Notes the beginning of an exchange.
    pub(super) fn begin(&self) {
        self.is_busy.store(true, Ordering::Relaxed);
        self.is_at_rest.store(false, Ordering::Relaxed);
        self.exchanges.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits for a time, or until the client of HTTP/1.1 closes its side of the connection. A
    /// client that has left frees its connection at once; one that only sends nothing more gets its
    /// answer early. HTTP/2 reports closed streams itself.
    pub(super) async fn wait(&self, time: Duration, version: Version) {
        tokio::select! {
            () = sleep(time) => {}
            () = self.client_left(), if version < Version::HTTP_2 => {}
        }
    }

    /// Waits until the client closes its side of the connection.
    pub(super) async fn client_left(&self) {
        self.is_waiting.store(true, Ordering::Relaxed);
        self.left.notified().await;
        // The notification is passed on: the next waiter need not detect the closed side again.
        self.left.notify_one();
    }

    /// Tracks a large answer until its last part is dropped.
    pub(super) fn progress(&self) -> Arc<Progress> {
        let progress = Arc::new(Progress {
            last: Mutex::new(Instant::now()),
        });
        let mut unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        unsent.retain(|there| there.strong_count() > 0);
        unsent.push(Arc::downgrade(&progress));
        progress
    }

    /// Returns true if the client has taken nothing of one of the large answers for this time.
    pub(crate) fn is_stuck(&self, time: Duration) -> bool {
        let unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        unsent
            .iter()
            .filter_map(Weak::upgrade)
            .any(|progress| progress.is_stuck(time))
    }

    /// Notes the end of an exchange: `is_read` if its request was read to its end, `is_whole` if
    /// its response is complete in memory.
    pub(super) fn end(&self, is_read: bool, is_whole: bool) {
        self.is_busy.store(!is_whole, Ordering::Relaxed);
        self.is_at_rest
            .store(is_read && is_whole, Ordering::Relaxed);
    }
}

/// Progress of a large HTTP/2 answer that has not been sent completely. A client limits the data of
/// each stream (RFC 9113 §5.2), and may take nothing of one forever while others go on.
#[derive(Debug)]
pub(super) struct Progress {
    /// Time at which the client last took a part.
    last: Mutex<Instant>,
}

impl Progress {
    /// Notes that the client took a part of the answer.
    pub(super) fn note(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(crate) fn is_stuck(&self, time: Duration) -> bool {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed()
            >= time
    }
}
