//! Numbers of operations that stay the same when the documents are loaded again: journals keep
//! numbers, and the index of an operation is another one in each contract.
use std::collections::HashMap;

use crate::contract::Contract;
use crate::contract::changes::{OperationKey, key};

/// Numbers of the operations of one contract, and of all contracts before it.
#[derive(Debug, Clone, Default)]
pub(super) struct OperationNumbers {
    /// Number of each operation, by its index.
    by_index: Vec<usize>,
    /// Index of the operation with each number; `None` if the contract does not have it.
    indexes: Vec<Option<usize>>,
    /// Numbers by identity; empty until a second contract needs it.
    known: HashMap<OperationKey, usize>,
}

impl OperationNumbers {
    /// Returns the numbers for the first contract: the indexes of its operations.
    pub(super) fn new(contract: &Contract) -> Self {
        let count = contract.operations.len();
        Self {
            by_index: (0..count).collect(),
            indexes: (0..count).map(Some).collect(),
            known: HashMap::new(),
        }
    }

    /// Returns the numbers for the contract that follows another one: operations of both keep
    /// their numbers.
    pub(super) fn succeeding(&self, earlier: &Contract, contract: &Contract) -> Self {
        let mut known = self.known.clone();
        for (index, operation) in earlier.operations.iter().enumerate() {
            known.insert(key(earlier, operation), self.by_index[index]);
        }
        let mut indexes = vec![None; self.indexes.len()];
        let mut by_index = Vec::with_capacity(contract.operations.len());
        for (index, operation) in contract.operations.iter().enumerate() {
            let number = *known.entry(key(contract, operation)).or_insert_with(|| {
                indexes.push(None);
                indexes.len() - 1
            });
            indexes[number] = Some(index);
            by_index.push(number);
        }
        Self {
            by_index,
            indexes,
            known,
        }
    }

    /// Returns the number of the operation with an index.
    pub(super) fn number(&self, index: usize) -> Option<usize> {
        self.by_index.get(index).copied()
    }

    /// Returns the index of the operation with a number.
    pub(super) fn index(&self, number: usize) -> Option<usize> {
        self.indexes.get(number).copied().flatten()
    }
}
