//! What of a contract was used: operations, statuses, parameters.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use serde_json::{Value, json};

use crate::contract::{Contract, Location, Operation, StatusPattern};

/// What was used, by the numbers of the operations.
#[derive(Debug)]
pub struct Coverage {
    operations: Vec<Mutex<Used>>,
    wrong: Mutex<Vec<Wrong>>,
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
        let operations = contract.operations.iter().map(|_| Mutex::default()).collect();
        Self { operations, wrong: Mutex::default() }
    }

    fn of(&self, operation: usize) -> Option<MutexGuard<'_, Used>> {
        // Numbers are whole even if somebody panicked beside them.
        self.operations.get(operation).map(|used| used.lock().unwrap_or_else(PoisonError::into_inner))
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
        let Some(mut used) = self.of(index) else { return };
        used.count += 1;
        *used.statuses.entry(status.as_u16()).or_default() += 1;
        used.violations += u64::from(wrong > 0);
        for (bit, parameter) in operation.parameters.iter().enumerate().take(64) {
            if used.parameters & (1 << bit) == 0 && has(parameter.location, &parameter.name) {
                used.parameters |= 1 << bit;
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
        (0..self.operations.len()).filter_map(|index| self.of(index)).for_each(|mut used| *used = Used::default());
    }

    /// What was used of each operation that was called at all: its number with it.
    #[must_use]
    pub fn used(&self) -> Vec<(usize, Used)> {
        let all = (0..self.operations.len()).filter_map(|index| Some((index, self.of(index)?.clone())));
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
