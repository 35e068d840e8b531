//! Speed of operations: quick ones are answered on the thread of their connection.
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// Longest duration of a quick answer; after a longer one, the next is computed on another thread.
/// Changing threads takes about 10 µs.
pub(crate) const QUICK: Duration = Duration::from_millis(1);

/// Number of quick exchanges in a row that an operation needs after a slow one, before it is
/// answered at once again.
pub(crate) const PROBATION: u8 = 64;

/// Speed of the operations of a contract.
#[derive(Debug)]
pub(super) struct Paces {
    /// Number of quick exchanges that each operation still needs; one at first, because the first
    /// exchange compiles the operation.
    probations: Box<[AtomicU8]>,
}

impl Paces {
    /// Creates the paces of operations that were never called.
    pub(super) fn new(operations: usize) -> Self {
        Self {
            probations: (0..operations).map(|_| AtomicU8::new(1)).collect(),
        }
    }

    pub(crate) fn is_quick(&self, operation: usize) -> bool {
        self.probations
            .get(operation)
            .is_some_and(|probation| probation.load(Ordering::Relaxed) == 0)
    }

    /// Notes the duration of an exchange.
    pub(super) fn note(&self, operation: usize, took: Duration) {
        let Some(probation) = self.probations.get(operation) else {
            return;
        };
        let before = probation.load(Ordering::Relaxed);
        let after = if took > QUICK {
            PROBATION
        } else {
            before.saturating_sub(1)
        };
        // Most exchanges change nothing, and all threads can share memory that is only read.
        if after != before {
            probation.store(after, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_puts_an_operation_on_probation() {
        let paces = Paces::new(1);
        assert!(!paces.is_quick(0));
        paces.note(0, QUICK);
        assert!(paces.is_quick(0));
        paces.note(0, QUICK * 2);
        (1..PROBATION).for_each(|_| paces.note(0, Duration::ZERO));
        assert!(!paces.is_quick(0));
        paces.note(0, Duration::ZERO);
        assert!(paces.is_quick(0) && !paces.is_quick(1));
    }
}
