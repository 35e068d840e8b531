//! Journals of one session by thread, so that concurrent exchanges do not wait for one lock.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::state::journal::{Ended, Entry, Filter, Journal, Operations};

/// Exchanges of the unnamed session, which most requests use. They are in several journals, one per
/// thread, so that threads do not wait for each other.
#[derive(Debug)]
pub struct Rings {
    rings: Vec<Mutex<Journal>>,
    /// Memory of all journals, in bytes.
    size: AtomicUsize,
}

impl Default for Rings {
    fn default() -> Self {
        Self {
            rings: (0..RINGS).map(|_| Mutex::default()).collect(),
            size: AtomicUsize::new(0),
        }
    }
}

impl Rings {
    fn locked(ring: &Mutex<Journal>) -> MutexGuard<'_, Journal> {
        // Lock poisoning is safe: exchanges are inserted whole.
        ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes one of the journals, and updates the total memory.
    fn with(&self, ring: &Mutex<Journal>, run: impl FnOnce(&mut Journal)) {
        let mut journal = Self::locked(ring);
        let before = journal.size;
        run(&mut journal);
        if journal.size >= before {
            self.size
                .fetch_add(journal.size - before, Ordering::Relaxed);
        } else {
            self.size
                .fetch_sub(before - journal.size, Ordering::Relaxed);
        }
    }

    /// Adds an exchange to the journal of this thread. Drops the oldest ones beyond `most`
    /// exchanges in that journal, or beyond `bytes` bytes in all journals.
    pub fn add(&self, ended: Ended<'_>, most: usize, bytes: usize) {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static OWN: usize = THREADS.fetch_add(1, Ordering::Relaxed) % RINGS;
        }
        self.with(&self.rings[OWN.with(|own| *own)], |journal| {
            journal.add(ended, most, bytes);
        });
        self.fit(bytes);
    }

    /// Drops the oldest exchanges of all journals until the others take at most `bytes` bytes.
    pub fn fit(&self, bytes: usize) {
        while self.size() > bytes {
            let oldest = self
                .rings
                .iter()
                .filter_map(|ring| Some((Self::locked(ring).oldest()?, ring)));
            let Some((_, ring)) = oldest.min_by_key(|(number, _)| *number) else {
                break;
            };
            self.with(ring, Journal::drop_oldest);
        }
    }

    /// Returns the memory of the exchanges, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    /// Returns the numbers of the matching exchanges, unsorted.
    #[must_use]
    pub fn numbers(&self, filter: Filter<'_>) -> Vec<u64> {
        self.rings
            .iter()
            .flat_map(|ring| Self::locked(ring).numbers(filter).collect::<Vec<_>>())
            .collect()
    }

    /// Returns the matching exchanges with numbers of at least `from`, unsorted.
    #[must_use]
    pub fn entries(&self, operations: Operations<'_>, filter: Filter<'_>, from: u64) -> Vec<Entry> {
        self.rings
            .iter()
            .flat_map(|ring| Self::locked(ring).entries("", operations, filter, from))
            .collect()
    }

    /// Returns the number of the first of the last `most` exchanges, and how many were recorded
    /// before it.
    #[must_use]
    pub fn last(&self, most: usize) -> (u64, u64) {
        let mut numbers = self.numbers(&|_| true);
        numbers.sort_unstable();
        let others = numbers.len().saturating_sub(most);
        let forgotten: u64 = self
            .rings
            .iter()
            .map(|ring| Self::locked(ring).forgotten)
            .sum();
        (
            numbers.get(others).copied().unwrap_or(0),
            forgotten + others as u64,
        )
    }

    /// Removes all exchanges, and resets the number of dropped ones.
    pub fn clear(&self) {
        self.rings
            .iter()
            .for_each(|ring| self.with(ring, Journal::clear));
    }
}

/// Number of journals; if there are more threads, some share a journal.
pub(crate) const RINGS: usize = 16;
