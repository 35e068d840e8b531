//! Coverage: the operations, statuses and parameters of a contract that requests used.
//!
//! The server records each exchange; the control API and the report file read the coverage.
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use http::StatusCode;
use serde_json::{Value, json};

use crate::contract::{Contract, Location, Operation, StatusPattern};
use crate::state::size::block;

/// Coverage of a contract, by operation index.
#[derive(Debug)]
pub struct Coverage {
    /// Counts of each operation, allocated at its first use: most operations of a large document
    /// are never used.
    operations: Vec<OnceLock<Arc<Counts>>>,
    /// Counts of operations that earlier contracts had, by their numbers.
    retired: HashMap<usize, Arc<Counts>>,
    /// Number of requests with violations, of all operations and contracts.
    violations: Arc<AtomicU64>,
    /// Number of requests that no operation matches.
    unmatched: Arc<AtomicU64>,
    wrong: Arc<Mutex<AllWrong>>,
}

/// Recorded requests with violations, and their memory in bytes.
#[derive(Debug, Default)]
struct AllWrong {
    all: Vec<Wrong>,
    size: usize,
}

/// Counts of an operation, which exchanges increase without waiting for each other.
#[derive(Debug, Default)]
struct Counts {
    violations: AtomicU64,
    parameters: AtomicU64,
    /// First statuses that were answered, and the count of each.
    statuses: [(AtomicU16, AtomicU64); FEW],
    /// Counts of the other statuses.
    others: Mutex<BTreeMap<u16, u64>>,
}

/// Number of statuses of an operation that are counted without a lock.
const FEW: usize = 6;

impl Counts {
    fn status(&self, status: u16) {
        for (own, count) in &self.statuses {
            let claimed = match own.load(Ordering::Relaxed) {
                0 => own
                    .compare_exchange(0, status, Ordering::Relaxed, Ordering::Relaxed)
                    .unwrap_or_else(|now| now),
                now => now,
            };
            if claimed == status || claimed == 0 {
                count.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
        *self
            .others
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(status)
            .or_default() += 1;
    }

    fn used(&self) -> Used {
        let few = self
            .statuses
            .iter()
            .map(|(own, count)| (own.load(Ordering::Relaxed), count.load(Ordering::Relaxed)));
        let mut statuses = self
            .others
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        statuses.extend(few.filter(|(_, count)| *count > 0));
        Used {
            count: statuses.values().sum(),
            statuses,
            parameters: self.parameters.load(Ordering::Relaxed),
            violations: self.violations.load(Ordering::Relaxed),
        }
    }

    /// Resets the counts. A status keeps its slot, so that none is counted in the slot of another.
    fn clear(&self) {
        let counts = self.statuses.iter().map(|(_, count)| count);
        counts
            .chain([&self.violations, &self.parameters])
            .for_each(|count| count.store(0, Ordering::Relaxed));
        self.others
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

/// Request with violations.
#[derive(Debug, Clone)]
pub struct Wrong {
    /// Name of the operation; `None` if no operation has the path and method.
    pub operation: Option<String>,
    /// Method, path and query of the request.
    pub request: String,
    /// Status of the response.
    pub status: u16,
    /// Violations in the request, one line each.
    pub violations: Vec<String>,
}

/// Maximum number of recorded requests with violations; later ones are only counted.
const MOST_WRONG: usize = 1000;

/// Maximum memory of recorded requests with violations, in bytes; later ones are only counted.
const MOST_WRONG_BYTES: usize = 4 * 1024 * 1024;

impl Wrong {
    fn size(&self) -> usize {
        let violations = self
            .violations
            .iter()
            .map(|text| size_of::<String>() + block(text.capacity()));
        size_of::<Self>()
            + self
                .operation
                .as_ref()
                .map_or(0, |name| block(name.capacity()))
            + block(self.request.capacity())
            + violations.sum::<usize>()
    }
}

/// Coverage of an operation.
#[derive(Debug, Clone, Default)]
pub struct Used {
    /// Number of calls.
    pub count: u64,
    /// Number of answers with each status.
    pub statuses: BTreeMap<u16, u64>,
    /// Parameters that were sent, one bit for each of the first 64.
    pub parameters: u64,
    /// Number of requests with violations.
    pub violations: u64,
}

impl Coverage {
    /// Returns the coverage of a contract before any request.
    #[must_use]
    pub fn new(contract: &Contract) -> Self {
        let operations = contract
            .operations
            .iter()
            .map(|_| OnceLock::new())
            .collect();
        Self {
            operations,
            retired: HashMap::new(),
            violations: Arc::default(),
            unmatched: Arc::default(),
            wrong: Arc::default(),
        }
    }

    /// Returns the coverage of a contract that follows another. An operation that both have, or that
    /// an earlier one had, keeps its counts. `before` and `now` take the index of an operation in
    /// the earlier and in the new contract, and return its number.
    #[must_use]
    pub(crate) fn succeeding(
        &self,
        contract: &Contract,
        before: impl Fn(usize) -> Option<usize>,
        now: impl Fn(usize) -> Option<usize>,
    ) -> Self {
        let mut counts = self.retired.clone();
        for (index, own) in self.operations.iter().enumerate() {
            let own = own.get_or_init(Arc::default);
            counts.extend(before(index).map(|number| (number, Arc::clone(own))));
        }
        let kept = |index: usize| {
            let counts = now(index).and_then(|number| counts.remove(&number));
            counts.map_or_else(OnceLock::new, OnceLock::from)
        };
        Self {
            operations: (0..contract.operations.len()).map(kept).collect(),
            retired: counts,
            violations: Arc::clone(&self.violations),
            unmatched: Arc::clone(&self.unmatched),
            wrong: Arc::clone(&self.wrong),
        }
    }

    /// Counts a request that violates what applies to all operations.
    pub(crate) fn count_violation(&self) {
        self.violations.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of requests with violations, also of operations that are gone.
    #[must_use]
    pub(crate) fn violations(&self) -> u64 {
        self.violations.load(Ordering::Relaxed)
    }

    /// Records an exchange with `wrong` violations. `has` tells if the request has a parameter.
    pub fn note(
        &self,
        index: usize,
        operation: &Operation,
        status: StatusCode,
        wrong: usize,
        has: impl Fn(Location, &str) -> bool,
    ) {
        let Some(used) = self.operations.get(index) else {
            return;
        };
        let used = used.get_or_init(Arc::default);
        used.status(status.as_u16());
        if wrong > 0 {
            used.violations.fetch_add(1, Ordering::Relaxed);
            self.violations.fetch_add(1, Ordering::Relaxed);
        }
        let seen = used.parameters.load(Ordering::Relaxed);
        for (bit, parameter) in operation.compiled().parameters.iter().enumerate().take(64) {
            if seen & (1 << bit) == 0 && has(parameter.location, &parameter.name) {
                used.parameters.fetch_or(1 << bit, Ordering::Relaxed);
            }
        }
    }

    /// Counts a request that no operation matches, because of its path or its method.
    pub fn note_unmatched(&self) {
        self.unmatched.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of requests that no operation matches.
    #[must_use]
    pub fn unmatched(&self) -> u64 {
        self.unmatched.load(Ordering::Relaxed)
    }

    /// Records a request with violations; only the first ones are kept, up to a limit of number and
    /// memory.
    pub fn note_wrong(&self, wrong: impl FnOnce() -> Wrong) {
        let mut all = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if all.all.len() < MOST_WRONG && all.size < MOST_WRONG_BYTES {
            let wrong = wrong();
            all.size += wrong.size();
            all.all.push(wrong);
        }
    }

    /// Returns the recorded requests with violations.
    #[must_use]
    pub fn wrong(&self) -> Vec<Wrong> {
        self.wrong
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .all
            .clone()
    }

    /// Clears all counts and recorded requests.
    pub fn clear(&self) {
        self.unmatched.store(0, Ordering::Relaxed);
        self.violations.store(0, Ordering::Relaxed);
        *self.wrong.lock().unwrap_or_else(PoisonError::into_inner) = AllWrong::default();
        self.operations
            .iter()
            .filter_map(OnceLock::get)
            .for_each(|counts| counts.clear());
    }

    /// Returns the coverage of each operation that was called, with the operation's index.
    #[must_use]
    pub fn used(&self) -> Vec<(usize, Used)> {
        let all = self.operations.iter().enumerate();
        let used = all.filter_map(|(index, counts)| Some((index, counts.get()?.used())));
        used.filter(|(_, used)| used.count > 0).collect()
    }

    /// Returns the percentage of these operations that were never called, from 0 to 100.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nobody has so many operations")]
    pub(crate) fn uncovered(&self, operations: &BTreeSet<usize>) -> f64 {
        let all = operations.len();
        let used = self.used().into_iter();
        let used = used.filter(|(index, _)| operations.contains(index)).count();
        100.0 * (all - used) as f64 / all.max(1) as f64
    }

    /// Returns the coverage as JSON for people and scripts: `{"operations": {"all": 3, "used": 1},
    /// "unused": […], "used": […], "unmatched": 0}`.
    #[must_use]
    pub fn to_json(&self, contract: &Contract) -> Value {
        let used = self.used();
        let is_used = |index: usize| used.iter().any(|(there, _)| *there == index);
        let unused: Vec<&str> = contract
            .operations
            .iter()
            .enumerate()
            .filter(|(index, _)| !is_used(*index))
            .map(|(_, operation)| operation.name())
            .collect();
        let rows = used.iter().map(|(index, used)| {
            let operation = &contract.operations[*index];
            let has = |bit: usize| bit < 64 && used.parameters & (1 << bit) != 0;
            let names = |wanted: bool| {
                let all = operation
                    .compiled()
                    .parameters
                    .iter()
                    .enumerate()
                    .filter(|(bit, _)| has(*bit) == wanted);
                all.map(|(_, parameter)| {
                    format!("{} {}", parameter.location.as_str(), parameter.name)
                })
                .collect::<Vec<_>>()
            };
            let covers = |pattern: &StatusPattern| {
                used.statuses.keys().any(|code| {
                    StatusCode::from_u16(*code).is_ok_and(|status| pattern.covers(status))
                })
            };
            let missing = operation
                .compiled()
                .responses
                .iter()
                .map(|(pattern, _)| pattern)
                .filter(|pattern| !covers(pattern));
            json!({
                "operation": operation.name(),
                "count": used.count,
                "violations": used.violations,
                "statuses": used.statuses,
                "unusedStatuses": missing.map(ToString::to_string).collect::<Vec<_>>(),
                "parameters": names(true),
                "unusedParameters": names(false),
            })
        });
        json!({
            "operations": {"all": contract.operations.len(), "used": used.len()},
            "used": rows.collect::<Vec<_>>(),
            "unused": unused,
            "unmatched": self.unmatched(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_counted() {
        let counts = Counts::default();
        for status in 200..220 {
            (200..=status).for_each(|_| counts.status(status));
        }
        let used = counts.used();
        assert_eq!(
            used.statuses,
            (200..220)
                .map(|status| (status, u64::from(status) - 199))
                .collect()
        );
        assert_eq!(used.count, (1..=20).sum::<u64>());
        counts.clear();
        assert_eq!((counts.used().count, counts.used().statuses.len()), (0, 0));
        counts.status(219);
        assert_eq!(counts.used().statuses, BTreeMap::from([(219, 1)]));
    }
}
