//! Changes between two contracts: the operations that were added, removed or changed.
//!
//! A reload reports them. An operation changes if its own text changes, or anything that it refers
//! to.
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::contract::{Contract, Operation};
use crate::document::METHODS;

/// Maximum number of references that are followed for one contract; operations beyond it are
/// compared by their own text alone.
const MOST_FOLLOWED: usize = 4_000_000;

/// Maximum nesting of a value that is compared; deeper parts are not looked at.
const DEEPEST: usize = 512;

/// Names of the operations that differ between two contracts, in the order of the documents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Operations that only the new contract has.
    pub added: Vec<String>,
    /// Operations that only the old contract has.
    pub removed: Vec<String>,
    /// Operations of both contracts that differ.
    pub changed: Vec<String>,
}

/// Identity of an operation across loads: document, method and path, such as
/// `("specs/pets.yaml", "GET", "/pets")`.
pub(crate) type OperationKey = (String, String, String);

/// Returns the identity of an operation of a contract.
pub(crate) fn key(contract: &Contract, operation: &Operation) -> OperationKey {
    let document = contract.documents[operation.document].source().name();
    (
        document.to_owned(),
        operation.method.to_string(),
        operation.path_key(),
    )
}

impl Changes {
    /// Compares two contracts.
    #[must_use]
    pub(crate) fn between(old: &Contract, new: &Contract) -> Self {
        let before = fingerprints(old);
        let after = fingerprints(new);
        let is_in = |there: &HashMap<OperationKey, u64>, contract: &Contract, index: usize| {
            there.contains_key(&key(contract, &contract.operations[index]))
        };
        let names = |contract: &Contract, is_wanted: &dyn Fn(usize) -> bool| {
            let indexes = (0..contract.operations.len()).filter(|index| is_wanted(*index));
            indexes
                .map(|index| contract.operations[index].name().to_owned())
                .collect::<Vec<_>>()
        };
        Self {
            added: names(new, &|index| !is_in(&before, new, index)),
            removed: names(old, &|index| !is_in(&after, old, index)),
            changed: names(new, &|index| {
                let key = key(new, &new.operations[index]);
                let was = before.get(&key);
                was.is_some() && was != after.get(&key)
            }),
        }
    }
}

/// Returns a hash of each operation with everything that it refers to.
fn fingerprints(contract: &Contract) -> HashMap<OperationKey, u64> {
    let trees = contract.documents.iter().map(|document| document.tree());
    let mut graphs: Vec<Graph<'_>> = trees.map(|tree| Graph::new(tree)).collect();
    let mut left = MOST_FOLLOWED;
    let all = contract.operations.iter().map(|operation| {
        let graph = &mut graphs[operation.document];
        (
            key(contract, operation),
            graph.fingerprint(operation, &mut left),
        )
    });
    all.collect()
}

/// Parts of a document that others refer to, each hashed once.
struct Graph<'t> {
    tree: &'t Value,
    /// Hash of what applies to all operations: security and servers.
    common: u64,
    numbers: HashMap<String, usize>,
    parts: Vec<HashedPart>,
}

/// A part of a document: its own hash, and the numbers of the parts that it refers to.
#[derive(Debug, Clone, Default)]
struct HashedPart {
    hash: u64,
    references: Vec<usize>,
    is_read: bool,
}

impl<'t> Graph<'t> {
    fn new(tree: &'t Value) -> Self {
        let mut common = DefaultHasher::new();
        let mut references = Vec::new();
        for pointer in ["/security", "/servers", "/components/securitySchemes"] {
            if let Some(part) = tree.pointer(pointer) {
                hash(part, &mut common, &mut references, 0);
            }
        }
        Self {
            tree,
            common: common.finish(),
            numbers: HashMap::new(),
            parts: Vec::new(),
        }
    }

    fn fingerprint(&mut self, operation: &Operation, left: &mut usize) -> u64 {
        let mut total = DefaultHasher::new();
        self.common.hash(&mut total);
        let mut own = Vec::new();
        let item = self.tree.pointer(&operation.recipe.item);
        for (name, member) in item.and_then(Value::as_object).into_iter().flatten() {
            if !METHODS.contains(&name.as_str()) {
                name.hash(&mut total);
                hash(member, &mut total, &mut own, 0);
            }
        }
        if let Some(node) = self.tree.pointer(&operation.recipe.at) {
            hash(node, &mut total, &mut own, 0);
        }
        let mut seen = vec![false; self.parts.len()];
        let mut open: Vec<usize> = own.iter().map(|text| self.number(text)).collect();
        while let Some(number) = open.pop() {
            if seen.len() < self.parts.len() {
                seen.resize(self.parts.len(), false);
            }
            if std::mem::replace(&mut seen[number], true) || *left == 0 {
                continue;
            }
            *left -= 1;
            self.parts[number].hash.hash(&mut total);
            open.extend(self.parts[number].references.iter().copied());
        }
        total.finish()
    }

    /// Returns the number of the part that a reference leads to, which is hashed the first time,
    /// together with everything that it leads to.
    fn number(&mut self, reference: &str) -> usize {
        let number = self.enter(reference);
        let mut open = vec![(number, reference.to_owned())];
        while let Some((number, reference)) = open.pop() {
            if std::mem::replace(&mut self.parts[number].is_read, true) {
                continue;
            }
            let mut hasher = DefaultHasher::new();
            let mut targets = Vec::new();
            reference.hash(&mut hasher);
            let pointer = reference.strip_prefix('#').unwrap_or(&reference);
            let pointer = percent_decode_str(pointer).decode_utf8_lossy();
            if let Some(part) = self.tree.pointer(&pointer) {
                hash(part, &mut hasher, &mut targets, 0);
            }
            let numbers = targets.iter().map(|target| self.enter(target)).collect();
            self.parts[number].hash = hasher.finish();
            self.parts[number].references = numbers;
            let own = &self.parts[number].references;
            open.extend(own.iter().copied().zip(targets));
        }
        number
    }

    fn enter(&mut self, reference: &str) -> usize {
        if let Some(number) = self.numbers.get(reference) {
            return *number;
        }
        let number = self.parts.len();
        self.parts.push(HashedPart::default());
        self.numbers.insert(reference.to_owned(), number);
        number
    }
}

/// Hashes a value, and collects the references in it.
fn hash(value: &Value, into: &mut DefaultHasher, references: &mut Vec<String>, depth: usize) {
    if depth > DEEPEST {
        return;
    }
    match value {
        Value::Object(members) => {
            members.len().hash(into);
            for (name, member) in members {
                name.hash(into);
                match (name.as_str(), member) {
                    ("$ref", Value::String(text)) => references.push(text.clone()),
                    // The schemas that a discriminator chooses among.
                    ("mapping", Value::Object(mapping)) => {
                        let texts = mapping.values().filter_map(Value::as_str);
                        references.extend(
                            texts
                                .filter(|text| text.starts_with('#'))
                                .map(str::to_owned),
                        );
                    }
                    _ => {}
                }
                hash(member, into, references, depth + 1);
            }
        }
        Value::Array(items) => {
            items.len().hash(into);
            for item in items {
                hash(item, into, references, depth + 1);
            }
        }
        Value::String(text) => text.hash(into),
        other => other.to_string().hash(into),
    }
}
