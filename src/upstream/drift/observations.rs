//! Observations: everything that is kept of the exchanges with the real API, within bounds.
use std::collections::BTreeMap;

use crate::upstream::drift::bounded::BoundedMap;
use crate::upstream::drift::place::PlaceCount;
use crate::upstream::drift::record::{Drift, DriftKey};
use crate::upstream::drift::unknown::{UnknownKey, UnknownOperation};

/// Maximum number of different drifts that are kept; of more, the last ones by kind and operation are
/// left out.
pub(super) const MOST_DRIFTS: usize = 2_000;

/// Maximum number of paths without operation that are kept, after their keys are replaced.
pub(super) const MOST_UNKNOWN: usize = 500;

/// Maximum number of schemas for which values are counted.
pub(super) const MOST_PLACES: usize = 50_000;

/// Exchanges of one operation.
#[derive(Debug, Clone, Default)]
pub(super) struct OperationCount {
    /// Number of exchanges.
    pub calls: u64,
    /// Number of exchanges by status; at most the 900 that exist.
    pub statuses: BTreeMap<u16, u64>,
    /// Number of requests with a documented parameter: `query limit`.
    pub parameters: BTreeMap<String, u64>,
    /// Number of responses with a documented header field, by the key of the response: `4XX x-total`.
    pub headers: BTreeMap<String, u64>,
}

/// Counts and drifts of exchanges with the real API. They are bounded and have no secrets, and the same
/// exchanges give the same observations in any order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Observations {
    /// Number of exchanges.
    pub(super) exchanges: u64,
    /// Number of exchanges without an operation.
    pub(super) unmatched: u64,
    /// Number of exchanges with a part that could not be checked.
    pub(super) unchecked: u64,
    pub(super) operations: BTreeMap<String, OperationCount>,
    pub(super) drifts: BoundedMap<DriftKey, Drift, MOST_DRIFTS>,
    /// Values by document and JSON Pointer of the schema.
    pub(super) places: BoundedMap<(usize, String), PlaceCount, MOST_PLACES>,
    pub(super) unknown: BoundedMap<UnknownKey, UnknownOperation, MOST_UNKNOWN>,
}

impl Observations {
    /// Returns the observations of no exchange.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds the observations of other exchanges with the same documents.
    pub(crate) fn merge(&mut self, other: Self) {
        self.exchanges += other.exchanges;
        self.unmatched += other.unmatched;
        self.unchecked += other.unchecked;
        for (key, count) in other.operations {
            let there = self.operations.entry(key).or_default();
            there.calls += count.calls;
            add(&mut there.statuses, count.statuses);
            add(&mut there.parameters, count.parameters);
            add(&mut there.headers, count.headers);
        }
        self.drifts.merge(other.drifts, Drift::merge);
        self.places.merge(other.places, PlaceCount::merge);
        self.unknown.merge(other.unknown, UnknownOperation::merge);
    }

    /// Returns true if something was left out at a bound.
    pub(crate) fn is_cut(&self) -> bool {
        self.drifts.is_cut() || self.places.is_cut() || self.unknown.is_cut()
    }
}

fn add<K: Ord>(there: &mut BTreeMap<K, u64>, more: BTreeMap<K, u64>) {
    for (key, count) in more {
        *there.entry(key).or_default() += count;
    }
}
