//! Copy of a content that passes through the proxy, up to a limit.
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::codec::message::Body;
use crate::server::budget::Share;

/// Longest part that is copied when the content is kept, in bytes.
const SHORT_PART: usize = 64 * 1024;

/// Copy of the content of one side of an exchange.
#[derive(Debug)]
pub(super) struct ContentCopy {
    parts: Vec<Bytes>,
    length: usize,
    /// Largest content that is kept, in bytes.
    limit: usize,
    share: Share,
    state: CopyState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CopyState {
    /// More may follow.
    Open,
    /// The content is whole.
    Complete,
    /// The content is larger than the limit or than the memory that is left, or it broke off.
    Partial,
}

/// Copy that two tasks share.
pub(super) type SharedCopy = Arc<Mutex<ContentCopy>>;

impl ContentCopy {
    /// Creates an empty copy of at most `limit` bytes, whose memory is counted in `share`.
    pub(super) fn new(limit: usize, share: Share) -> Self {
        Self {
            parts: Vec::new(),
            length: 0,
            limit,
            share,
            state: CopyState::Open,
        }
    }

    /// Adds the next part; the buffer is shared, not copied.
    pub(super) fn add(&mut self, part: &Bytes) {
        self.length = self.length.saturating_add(part.len());
        if self.state == CopyState::Open
            && self.length <= self.limit
            && self.share.grow_to(self.length)
        {
            self.parts.push(part.clone());
        } else {
            self.state = CopyState::Partial;
            self.parts = Vec::new();
            self.share.give_back();
        }
    }

    /// Notes that the content ends here.
    pub(super) fn complete(&mut self) {
        if self.state == CopyState::Open {
            self.state = CopyState::Complete;
        }
    }

    /// Returns true if all parts so far are kept.
    pub(super) fn is_open(&self) -> bool {
        self.state == CopyState::Open
    }

    /// Returns the number of bytes that passed.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Returns the content; `TooLarge` or `Missing` if it was not kept as a whole.
    pub(super) fn body(&self) -> Body {
        if self.length > self.limit {
            return Body::TooLarge(self.limit);
        }
        if self.state != CopyState::Complete {
            return Body::Missing;
        }
        Body::Complete(match self.parts.as_slice() {
            [] => Bytes::new(),
            // A short part may be a piece of a buffer that is far larger, and the journal may keep it.
            [part] if part.len() <= SHORT_PART => Bytes::copy_from_slice(part),
            [part] => part.clone(),
            parts => Bytes::from(parts.concat()),
        })
    }
}

/// Runs `change` on a shared copy. Lock poisoning is safe: each change is complete.
pub(super) fn with<T>(copy: &SharedCopy, change: impl FnOnce(&mut ContentCopy) -> T) -> T {
    change(&mut copy.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::budget::Budget;

    #[test]
    fn a_content_is_whole_or_not_kept_at_all() {
        let budget = Budget::new(100_000);
        let mut copy = ContentCopy::new(10_000, budget.share());
        copy.add(&Bytes::from_static(b"ab"));
        assert!(matches!(copy.body(), Body::Missing), "it is not complete");
        copy.add(&Bytes::from_static(b"c"));
        copy.complete();
        assert!(matches!(copy.body(), Body::Complete(bytes) if bytes == "abc"));
        let mut copy = ContentCopy::new(10_000, budget.share());
        copy.add(&Bytes::from(vec![0; 9_000]));
        copy.add(&Bytes::from(vec![0; 2_000]));
        copy.complete();
        assert!(matches!(copy.body(), Body::TooLarge(10_000)));
        assert_eq!(copy.length(), 11_000);
    }

    #[test]
    fn a_copy_that_has_no_room_takes_none() {
        let budget = Budget::new(10_000);
        let mut first = ContentCopy::new(100_000, budget.share());
        first.add(&Bytes::from(vec![0; 9_000]));
        let mut second = ContentCopy::new(100_000, budget.share());
        second.add(&Bytes::from(vec![0; 9_000]));
        second.complete();
        assert!(matches!(second.body(), Body::Missing));
    }
}
