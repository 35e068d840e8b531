//! Counts of what came at one schema of a document.
use std::collections::{BTreeMap, BTreeSet};

/// Values that came at one schema, in all exchanges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PlaceCount {
    /// Number of values.
    pub values: u64,
    /// JSON types of the values, see `kind_bit`.
    pub kinds: u8,
    /// Number of objects that the schema describes with certainty.
    pub objects: u64,
    /// Number of values by the names of declared members.
    pub members: BTreeMap<String, u64>,
    /// Number of values at a schema with an `enum`.
    pub texts: u64,
    /// Documented values of the `enum` that came.
    pub listed: BTreeSet<String>,
}

impl PlaceCount {
    /// Adds the counts of other exchanges.
    pub(super) fn merge(&mut self, other: Self) {
        self.values += other.values;
        self.kinds |= other.kinds;
        self.objects += other.objects;
        self.texts += other.texts;
        self.listed.extend(other.listed);
        for (name, count) in other.members {
            *self.members.entry(name).or_default() += count;
        }
    }
}
