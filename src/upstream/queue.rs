//! Queue of exchanges with the real API whose work is done beside the requests, in their order.
//!
//! Nothing is lost, and the memory of what waits is bounded: where the work is slower than the exchanges, the
//! exchange that brings too much does the work itself.
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Number of exchanges, and the length of their contents in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueAmount {
    pub exchanges: usize,
    pub bytes: usize,
}

/// Limits of a queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueLimits {
    /// Amount from which on the work is started beside the requests.
    pub start: QueueAmount,
    /// Amount from which on the exchange that brings it does the work.
    pub most: QueueAmount,
}

/// Work that is due after an exchange was put into a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueueTurn {
    /// Nothing: more exchanges are awaited, or the work is started already.
    Wait,
    /// The work is started on another thread, which calls [`ExchangeQueue::begin`] first.
    Start,
    /// The work is done at once.
    Now,
}

/// Exchanges that wait.
#[derive(Debug)]
pub(crate) struct ExchangeQueue<T> {
    limits: QueueLimits,
    waiting: Mutex<Waiting<T>>,
    /// True from when the work is started until it begins.
    is_started: AtomicBool,
}

#[derive(Debug)]
struct Waiting<T> {
    exchanges: Vec<T>,
    /// Length of their contents, in bytes.
    length: usize,
}

impl<T> ExchangeQueue<T> {
    /// Creates an empty queue.
    pub(crate) fn new(limits: QueueLimits) -> Self {
        Self {
            limits,
            waiting: Mutex::new(Waiting {
                exchanges: Vec::new(),
                length: 0,
            }),
            is_started: AtomicBool::new(false),
        }
    }

    /// Puts an exchange with contents of `length` bytes at the end.
    pub(crate) fn put(&self, exchange: T, length: usize) -> QueueTurn {
        let amount = {
            let mut waiting = self.lock();
            waiting.length = waiting.length.saturating_add(length);
            waiting.exchanges.push(exchange);
            QueueAmount {
                exchanges: waiting.exchanges.len(),
                bytes: waiting.length,
            }
        };
        let has =
            |limit: QueueAmount| amount.exchanges >= limit.exchanges || amount.bytes >= limit.bytes;
        // Without a runtime, the process ends.
        let has_runtime = tokio::runtime::Handle::try_current().is_ok();
        if !has(self.limits.start) {
            QueueTurn::Wait
        } else if !has_runtime || has(self.limits.most) {
            QueueTurn::Now
        } else if self.is_started.swap(true, Ordering::AcqRel) {
            QueueTurn::Wait
        } else {
            QueueTurn::Start
        }
    }

    /// Notes that the started work begins: an exchange that comes from now on may start it again.
    pub(crate) fn begin(&self) {
        self.is_started.store(false, Ordering::Release);
    }

    /// Takes all exchanges out, in their order.
    pub(crate) fn take(&self) -> Vec<T> {
        let mut waiting = self.lock();
        waiting.length = 0;
        std::mem::take(&mut waiting.exchanges)
    }

    /// Returns the length of the contents that wait, in bytes.
    #[cfg(test)]
    pub(crate) fn length(&self) -> usize {
        self.lock().length
    }

    /// Locks what waits. Poisoning is safe: each change is complete.
    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_amount_tells_who_does_the_work() {
        let amount = |exchanges, bytes| QueueAmount { exchanges, bytes };
        let queue = ExchangeQueue::new(QueueLimits {
            start: amount(2, 100),
            most: amount(4, 200),
        });
        let runtime = tokio::runtime::Runtime::new().expect("can be made");
        let _entered = runtime.enter();
        assert_eq!(queue.put('a', 10), QueueTurn::Wait);
        assert_eq!(queue.put('b', 10), QueueTurn::Start);
        assert_eq!(queue.put('c', 10), QueueTurn::Wait, "it is started already");
        assert_eq!(queue.put('d', 10), QueueTurn::Now);
        queue.begin();
        assert_eq!(queue.take(), ['a', 'b', 'c', 'd']);
        assert_eq!(queue.put('e', 100), QueueTurn::Start);
        assert_eq!(queue.put('f', 100), QueueTurn::Now, "by their bytes");
    }

    #[test]
    fn without_a_runtime_the_work_is_done_at_once() {
        let one = QueueAmount {
            exchanges: 1,
            bytes: 1,
        };
        let most = QueueAmount {
            exchanges: 9,
            bytes: 9,
        };
        let queue = ExchangeQueue::new(QueueLimits { start: one, most });
        assert_eq!(queue.put((), 0), QueueTurn::Now);
    }
}
