//! What of a contract was used: operations, statuses, parameters.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use http::StatusCode;
use serde_json::{Value, json};

use crate::contract::{Contract, Location, Operation, StatusPattern};
use crate::state::size::block;

/// What was used, by the numbers of the operations.
#[derive(Debug)]
pub struct Coverage {
    /// Of most operations of a large document nothing is.
    operations: Vec<OnceLock<Box<Counts>>>,
    wrong: Mutex<AllWrong>,
}

/// The requests in which something was wrong, and the bytes that they take.
#[derive(Debug, Default)]
struct AllWrong {
    all: Vec<Wrong>,
    size: usize,
}

/// What of an operation was used, as it is counted: nobody waits for another.
#[derive(Debug, Default)]
struct Counts {
    violations: AtomicU64,
    parameters: AtomicU64,
    /// The first statuses that were answered, and how often each was.
    statuses: [(AtomicU16, AtomicU64); FEW],
    /// The others.
    others: Mutex<BTreeMap<u16, u64>>,
}

/// How many statuses of an operation are counted without a lock.
const FEW: usize = 6;

impl Counts {
    fn status(&self, status: u16) {
        for (own, count) in &self.statuses {
            let claimed = match own.load(Ordering::Relaxed) {
                0 => own.compare_exchange(0, status, Ordering::Relaxed, Ordering::Relaxed).unwrap_or_else(|now| now),
                now => now,
            };
            if claimed == status || claimed == 0 {
                count.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
        *self.others.lock().unwrap_or_else(PoisonError::into_inner).entry(status).or_default() += 1;
    }

    fn used(&self) -> Used {
        let few = self.statuses.iter().map(|(own, count)| (own.load(Ordering::Relaxed), count.load(Ordering::Relaxed)));
        let mut statuses = self.others.lock().unwrap_or_else(PoisonError::into_inner).clone();
        statuses.extend(few.filter(|(_, count)| *count > 0));
        Used {
            count: statuses.values().sum(),
            statuses,
            parameters: self.parameters.load(Ordering::Relaxed),
            violations: self.violations.load(Ordering::Relaxed),
        }
    }

    /// A status keeps its place, so that none is counted in that of another.
    fn clear(&self) {
        let counts = self.statuses.iter().map(|(_, count)| count);
        counts.chain([&self.violations, &self.parameters]).for_each(|count| count.store(0, Ordering::Relaxed));
        self.others.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A request in which something was wrong.
#[derive(Debug, Clone)]
pub struct Wrong {
    /// The number of the operation.
    pub operation: usize,
    /// The method, the path and the query.
    pub request: String,
    /// What was answered.
    pub status: u16,
    /// What was wrong, each in a line.
    pub violations: Vec<String>,
}

/// How many wrong requests are kept; later ones are counted only.
const MOST_WRONG: usize = 1000;

/// How many bytes the wrong requests take that are kept; later ones are counted only.
const MOST_WRONG_BYTES: usize = 4 * 1024 * 1024;

impl Wrong {
    fn size(&self) -> usize {
        let violations = self.violations.iter().map(|text| size_of::<String>() + block(text.capacity()));
        size_of::<Self>() + block(self.request.capacity()) + violations.sum::<usize>()
    }
}

/// What of an operation was used.
#[derive(Debug, Clone, Default)]
pub struct Used {
    /// How often it was called.
    pub count: u64,
    /// How often each status was answered.
    pub statuses: BTreeMap<u16, u64>,
    /// The parameters that were sent, a bit for each of the first 64.
    pub parameters: u64,
    /// How many of its requests were wrong.
    pub violations: u64,
}

impl Coverage {
    /// Nothing was used yet.
    #[must_use]
    pub fn new(contract: &Contract) -> Self {
        let operations = contract.operations.iter().map(|_| OnceLock::new()).collect();
        Self { operations, wrong: Mutex::default() }
    }

    /// Notes an exchange. `has` says whether the request has a parameter.
    pub fn note(
        &self,
        index: usize,
        operation: &Operation,
        status: StatusCode,
        wrong: usize,
        has: impl Fn(Location, &str) -> bool,
    ) {
        let Some(used) = self.operations.get(index) else { return };
        let used = used.get_or_init(Box::default);
        used.status(status.as_u16());
        if wrong > 0 {
            used.violations.fetch_add(1, Ordering::Relaxed);
        }
        let seen = used.parameters.load(Ordering::Relaxed);
        for (bit, parameter) in operation.parameters.iter().enumerate().take(64) {
            if seen & (1 << bit) == 0 && has(parameter.location, &parameter.name) {
                used.parameters.fetch_or(1 << bit, Ordering::Relaxed);
            }
        }
    }

    /// Notes a request in which something was wrong; of too many only the first are kept.
    pub fn note_wrong(&self, wrong: impl FnOnce() -> Wrong) {
        let mut all = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if all.all.len() < MOST_WRONG && all.size < MOST_WRONG_BYTES {
            let wrong = wrong();
            all.size += wrong.size();
            all.all.push(wrong);
        }
    }

    /// The requests in which something was wrong.
    #[must_use]
    pub fn wrong(&self) -> Vec<Wrong> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).all.clone()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.wrong.lock().unwrap_or_else(PoisonError::into_inner) = AllWrong::default();
        self.operations.iter().filter_map(OnceLock::get).for_each(|counts| counts.clear());
    }

    /// What was used of each operation that was called at all: its number with it.
    #[must_use]
    pub fn used(&self) -> Vec<(usize, Used)> {
        let all = self.operations.iter().enumerate();
        let used = all.filter_map(|(index, counts)| Some((index, counts.get()?.used())));
        used.filter(|(_, used)| used.count > 0).collect()
    }

    /// How many of the operations were never called, of a hundred.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nobody has so many operations")]
    pub fn uncovered(&self) -> f64 {
        let all = self.operations.len().max(1) as f64;
        100.0 * (all - self.used().len() as f64) / all
    }

    /// For people and scripts: `{"operations": {"all": 3, "used": 1}, "unused": […], "used": […]}`.
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
                let all = operation.parameters.iter().enumerate().filter(|(bit, _)| has(*bit) == wanted);
                all.map(|(_, parameter)| format!("{} {}", parameter.location.as_str(), parameter.name))
                    .collect::<Vec<_>>()
            };
            let covers = |pattern: &StatusPattern| {
                used.statuses.keys().any(|code| StatusCode::from_u16(*code).is_ok_and(|status| pattern.covers(status)))
            };
            let missing = operation.responses.iter().map(|(pattern, _)| pattern).filter(|pattern| !covers(pattern));
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
        assert_eq!(used.statuses, (200..220).map(|status| (status, u64::from(status) - 199)).collect());
        assert_eq!(used.count, (1..=20).sum::<u64>());
        counts.clear();
        assert_eq!((counts.used().count, counts.used().statuses.len()), (0, 0));
        counts.status(219);
        assert_eq!(counts.used().statuses, BTreeMap::from([(219, 1)]));
    }
}
