//! Memory that the contents of requests and answers take together.
//!
//! Each content has a [`Share`], which is given back when it is dropped: when the exchange is over,
//! or its client has left.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// Largest content that is not counted, in bytes. Most are shorter, and counting them would make
/// all threads contend for one counter.
pub(crate) const SMALL: usize = 4 * 1024;

/// Bytes that contents take together, and their maximum (`--content-memory`).
#[derive(Debug)]
pub(crate) struct Budget {
    used: AtomicUsize,
    most: usize,
}

impl Budget {
    /// Creates a budget of `most` bytes.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            used: AtomicUsize::new(0),
            most,
        })
    }

    /// Returns true if no bytes are left.
    pub(crate) fn is_spent(&self) -> bool {
        self.used.load(Ordering::Relaxed) >= self.most
    }

    /// Creates an empty share.
    pub(crate) fn share(self: &Arc<Self>) -> Share {
        Share {
            budget: Arc::clone(self),
            bytes: 0,
        }
    }
}

/// Bytes that one content takes from the budget.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Share {
    /// Grows the share to the current length of its content; returns false, and changes nothing, if
    /// the budget has too few bytes left. Lengths up to `SMALL` always fit.
    #[must_use]
    pub(crate) fn grow_to(&mut self, length: usize) -> bool {
        let more = length.saturating_sub(self.bytes);
        if length <= SMALL || more == 0 {
            return true;
        }
        let fits = |used: usize| {
            used.checked_add(more)
                .filter(|used| *used <= self.budget.most)
        };
        let is_taken = self
            .budget
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
            .is_ok();
        if is_taken {
            self.bytes += more;
        }
        is_taken
    }

    /// Takes the length of an answer even if the budget has too few bytes left, because the answer
    /// is in memory already.
    fn take(&mut self, length: usize) {
        self.budget.used.fetch_add(length, Ordering::Relaxed);
        self.bytes += length;
    }

    /// Returns true if the share counts no bytes.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Gives all bytes back.
    pub(crate) fn give_back(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = 0;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.give_back();
        }
    }
}

/// Content with a value that is dropped when its last byte has been sent.
struct Held<T> {
    content: Bytes,
    _with: T,
}

impl<T> AsRef<[u8]> for Held<T> {
    fn as_ref(&self) -> &[u8] {
        &self.content
    }
}

/// Counts the content of an answer until its last byte has been sent.
pub(crate) fn counted(content: Bytes, budget: &Arc<Budget>) -> Bytes {
    let mut share = budget.share();
    share.take(content.len());
    held(content, share)
}

/// Keeps a value until the last byte of a content has been sent.
pub(crate) fn held<T: Send + 'static>(content: Bytes, with: T) -> Bytes {
    Bytes::from_owner(Held {
        content,
        _with: with,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_given_back() {
        let budget = Budget::new(10_000);
        let (mut first, mut second) = (budget.share(), budget.share());
        assert!(
            first.grow_to(SMALL)
                && first.grow_to(6000)
                && !second.grow_to(6000)
                && !budget.is_spent()
        );
        drop(first);
        assert!(second.grow_to(6000) && second.grow_to(10_000) && budget.is_spent());
        let answer = counted(Bytes::from(vec![0; 5000]), &budget);
        let part = answer.slice(10..20);
        drop((second, answer));
        assert_eq!(
            budget.used.load(Ordering::Relaxed),
            5000,
            "a part of it has not been sent"
        );
        drop(part);
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }
}
