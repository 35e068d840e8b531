//! Repairs: what has to change in a document so that it describes what came?
use std::collections::BTreeMap;

use crate::contract::Contract;
use crate::upstream::drift::address::operation_pointer;
use crate::upstream::drift::kind::DriftKind;
use crate::upstream::drift::observations::Observations;
use crate::upstream::drift::record::{Drift, DriftKey, DriftSide};

/// Change of one part of a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    /// A status of an operation.
    Status(u16),
    /// A media type of a response.
    ResponseMedia(String),
    /// A media type of a request.
    RequestMedia(String),
    /// A header field of a response.
    Header(String),
    /// A query parameter of an operation.
    Query(String),
    /// A property of a schema.
    Property(String),
    /// Null for a schema.
    Null,
    /// Another type for a schema.
    Type,
    /// Values of an `enum`.
    Enum,
}

impl Change {
    /// Returns what has to change, in words.
    pub(super) fn title(&self) -> String {
        match self {
            Self::Status(status) => format!("add the status {status}"),
            Self::ResponseMedia(name) | Self::RequestMedia(name) => {
                format!("add the media type `{name}`")
            }
            Self::Header(name) => format!("add the header field `{name}`"),
            Self::Query(name) => format!("add the parameter `{name}`"),
            Self::Property(name) => format!("add the property `{name}`"),
            Self::Null => "allow null".to_owned(),
            Self::Type => "allow another type".to_owned(),
            Self::Enum => "add values of the `enum`".to_owned(),
        }
    }
}

/// Part of a document with its change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RepairKey {
    /// Index of the document.
    pub document: usize,
    /// JSON Pointer of the part.
    pub pointer: String,
    pub change: Change,
}

/// Reason of a repair: all that came of it.
#[derive(Debug, Clone)]
pub(super) struct Repair {
    /// Drifts of all operations together.
    pub came: Drift,
    /// Operations that had it, with the numbers of exchanges.
    pub operations: BTreeMap<String, u64>,
    /// JSON Pointer of the first such operation.
    pub operation: String,
}

impl Repair {
    /// Returns the reason in words.
    pub(super) fn reason(&self) -> String {
        const MOST_NAMED: usize = 3;
        let names: Vec<&str> = self
            .operations
            .keys()
            .take(MOST_NAMED)
            .map(String::as_str)
            .collect();
        let more = self.operations.len().saturating_sub(MOST_NAMED);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let times = if self.came.count == 1 {
            "1 exchange".to_owned()
        } else {
            format!("{} exchanges", self.came.count)
        };
        format!("seen in {times} of {}{more}", names.join(", "))
    }
}

/// Returns the repairs of all drifts that have one.
pub(super) fn repairs(
    contract: &Contract,
    observations: &Observations,
) -> BTreeMap<RepairKey, Repair> {
    let mut all: BTreeMap<RepairKey, Repair> = BTreeMap::new();
    for (key, drift) in observations.drifts.iter() {
        let Some(change) = change_of(key) else {
            continue;
        };
        let repair_key = RepairKey {
            document: key.document,
            pointer: key.pointer.clone(),
            change,
        };
        if let Some(there) = all.get_mut(&repair_key) {
            there.came.merge(drift.clone());
            *there.operations.entry(key.operation.clone()).or_default() += drift.count;
        } else {
            let operation = contract
                .find(&key.operation)
                .map(|index| &contract.operations[index]);
            let repair = Repair {
                came: drift.clone(),
                operations: BTreeMap::from([(key.operation.clone(), drift.count)]),
                operation: operation.map_or_else(String::new, |operation| {
                    operation_pointer(contract, operation)
                }),
            };
            all.insert(repair_key, repair);
        }
    }
    all
}

fn change_of(key: &DriftKey) -> Option<Change> {
    let at = || key.at.clone();
    Some(match (key.kind, key.side) {
        (DriftKind::Status, DriftSide::Response(status)) => Change::Status(status),
        (DriftKind::MediaType | DriftKind::Content, DriftSide::Response(_)) => {
            Change::ResponseMedia(at())
        }
        (DriftKind::MediaType | DriftKind::Content, DriftSide::Request) => {
            Change::RequestMedia(at())
        }
        (DriftKind::Header, _) => Change::Header(at()),
        (DriftKind::Query, _) => Change::Query(at()),
        (DriftKind::Field | DriftKind::RequestField | DriftKind::ExampleOnly, _) => {
            Change::Property(key.detail.clone())
        }
        (DriftKind::Null, _) => Change::Null,
        (DriftKind::OtherType, _) => Change::Type,
        (DriftKind::EnumValue, _) => Change::Enum,
        _ => return None,
    })
}
