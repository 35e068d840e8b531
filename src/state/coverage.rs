//! What of a contract was used: operations, statuses, parameters.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use http::StatusCode;
use serde_json::{Value, json};

use crate::contract::{Contract, Location, Operation, StatusPattern};

/// What was used, by the numbers of the operations.
#[derive(Debug)]
pub struct Coverage {
    operations: Vec<Counts>,
    wrong: Mutex<Vec<Wrong>>,
}

/// What of an operation was used, as it is counted: nobody waits for another.
#[derive(Debug, Default)]
struct Counts {
    count: AtomicU64,
    violations: AtomicU64,
    parameters: AtomicU64,
    /// A status that was not answered before is rare.
    statuses: RwLock<Vec<(u16, AtomicU64)>>,
}

impl Counts {
    fn status(&self, status: u16) {
        let known = |statuses: &[(u16, AtomicU64)]| {
            statuses
                .iter()
                .find(|(there, _)| *there == status)
                .map(|(_, count)| count.fetch_add(1, Ordering::Relaxed))
                .is_some()
        };
        if known(&self.statuses.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut statuses = self.statuses.write().unwrap_or_else(PoisonError::into_inner);
        if !known(&statuses) {
            statuses.push((status, AtomicU64::new(1)));
        }
    }

    fn used(&self) -> Used {
        let statuses = self.statuses.read().unwrap_or_else(PoisonError::into_inner);
        Used {
            count: self.count.load(Ordering::Relaxed),
            statuses: statuses.iter().map(|(status, count)| (*status, count.load(Ordering::Relaxed))).collect(),
            parameters: self.parameters.load(Ordering::Relaxed),
            violations: self.violations.load(Ordering::Relaxed),
        }
    }

    fn clear(&self) {
        [&self.count, &self.violations, &self.parameters]
            .into_iter()
            .for_each(|count| count.store(0, Ordering::Relaxed));
        self.statuses.write().unwrap_or_else(PoisonError::into_inner).clear();
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

/// How many wrong requests are kept.
const MOST_WRONG: usize = 1000;

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
        let operations = contract.operations.iter().map(|_| Counts::default()).collect();
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
        used.count.fetch_add(1, Ordering::Relaxed);
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
        if all.len() < MOST_WRONG {
            all.push(wrong());
        }
    }

    /// The requests in which something was wrong.
    #[must_use]
    pub fn wrong(&self) -> Vec<Wrong> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.operations.iter().for_each(Counts::clear);
    }

    /// What was used of each operation that was called at all: its number with it.
    #[must_use]
    pub fn used(&self) -> Vec<(usize, Used)> {
        let all = self.operations.iter().map(Counts::used).enumerate();
        all.filter(|(_, used)| used.count > 0).collect()
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
        let unused: Vec<String> = contract
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
