//! Which operations are answered quickly.
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// An answer that takes longer is worked out on another thread next time. To change threads takes some 10 µs.
pub(crate) const QUICK: Duration = Duration::from_millis(1);

/// How many exchanges of an operation must be quick, after one that was not, before they are worked out at once.
pub(crate) const PROBATION: u8 = 64;

/// How fast the operations of a contract are answered.
#[derive(Debug)]
pub struct Paces {
    /// For each operation, how many exchanges must be quick yet; the first one compiles what it needs.
    probations: Box<[AtomicU8]>,
}

impl Paces {
    /// Paces of operations that were never called.
    pub fn new(operations: usize) -> Self {
        Self { probations: (0..operations).map(|_| AtomicU8::new(1)).collect() }
    }

    pub(crate) fn is_quick(&self, operation: usize) -> bool {
        self.probations.get(operation).is_some_and(|probation| probation.load(Ordering::Relaxed) == 0)
    }

    /// Notes how long an exchange took.
    pub fn note(&self, operation: usize, took: Duration) {
        let Some(probation) = self.probations.get(operation) else { return };
        let before = probation.load(Ordering::Relaxed);
        let after = if took > QUICK { PROBATION } else { before.saturating_sub(1) };
        // Most exchanges change nothing, and what is only read is shared by all threads.
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
