//! Control API: the coverage of each operation, by documented status.
use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use serde_json::{Value, json};

use crate::contract::{Contract, Operation, StatusPattern};
use crate::server::control::lists::Paging;
use crate::server::control::{Control, ControlRequest};
use crate::state::coverage::Used;

/// Operations that a list of the coverage has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Selection {
    /// All operations.
    All,
    /// Operations without a call.
    Uncalled,
    /// Operations with a documented error, and without an answer of any error.
    Unfailed,
    /// Operations with a documented status that no answer had.
    Incomplete,
    /// Operations with violations.
    Violated,
}

impl Selection {
    fn read(text: Option<&str>) -> Self {
        match text {
            Some("uncalled") => Self::Uncalled,
            Some("unfailed") => Self::Unfailed,
            Some("incomplete") => Self::Incomplete,
            Some("violated") => Self::Violated,
            _ => Self::All,
        }
    }

    fn has(self, statuses: &[StatusPattern], used: Option<&Used>) -> bool {
        let is_used = |pattern: &StatusPattern| used.is_some_and(|used| count(used, *pattern) > 0);
        match self {
            Self::All => true,
            Self::Uncalled => used.is_none(),
            Self::Unfailed => {
                statuses.iter().any(|pattern| is_failure(*pattern))
                    && used.is_none_or(|used| used.statuses.range(400..).next().is_none())
            }
            Self::Incomplete => !statuses.iter().all(is_used),
            Self::Violated => used.is_some_and(|used| used.violations > 0),
        }
    }
}

fn is_failure(pattern: StatusPattern) -> bool {
    match pattern {
        StatusPattern::Exact(status) => status.as_u16() >= 400,
        StatusPattern::Range(hundreds) => hundreds >= 4,
        StatusPattern::Default => true,
    }
}

/// Returns the number of answers that a documented status covers.
fn count(used: &Used, pattern: StatusPattern) -> u64 {
    let covered = used.statuses.iter().filter(|(status, _)| {
        StatusCode::from_u16(**status).is_ok_and(|status| pattern.covers(status))
    });
    covered.map(|(_, count)| count).sum()
}

/// Returns the documented statuses of an operation, without compiling it.
fn documented(contract: &Contract, operation: &Operation) -> Vec<StatusPattern> {
    let tree = contract.documents[operation.document].tree();
    let written = tree.pointer(operation.place.pointer());
    let responses = written.and_then(|written| written.get("responses")?.as_object());
    let keys = responses.into_iter().flat_map(|responses| responses.keys());
    let all: BTreeSet<StatusPattern> = keys.filter_map(|key| StatusPattern::parse(key)).collect();
    all.into_iter().collect()
}

impl Control {
    /// Lists operations with the number of answers of each status.
    pub(super) fn covered_operations(&self, asked: &ControlRequest<'_>) -> Value {
        let contract = self.sandbox.contract();
        let used: BTreeMap<usize, Used> = self.coverage.used().into_iter().collect();
        let (paging, selection) = (Paging::read(asked), Selection::read(asked.query("only")));
        let all = contract.operations.iter().enumerate();
        let found: Vec<(usize, Vec<StatusPattern>)> = all
            .filter(|(_, operation)| {
                paging.has_words(&[
                    operation.method.as_str(),
                    &operation.path_key(),
                    operation.id.as_deref().unwrap_or_default(),
                ])
            })
            .map(|(index, operation)| (index, documented(contract, operation)))
            .filter(|(index, statuses)| selection.has(statuses, used.get(index)))
            .collect();
        let rows = paging.page(&found).iter().map(|(index, statuses)| {
            let operation = &contract.operations[*index];
            covered_row(operation, statuses, used.get(index))
        });
        json!({
            "total": found.len(),
            "offset": paging.offset,
            "called": used.len(),
            "all": contract.operations.len(),
            "operations": rows.collect::<Vec<_>>(),
        })
    }
}

fn covered_row(operation: &Operation, statuses: &[StatusPattern], used: Option<&Used>) -> Value {
    let documented = statuses.iter().map(|pattern| {
        let count = used.map_or(0, |used| count(used, *pattern));
        json!({"status": pattern.to_string(), "count": count})
    });
    let others = used.into_iter().flat_map(|used| &used.statuses);
    let undocumented = others.filter(|(status, _)| {
        let status = StatusCode::from_u16(**status).ok();
        !status.is_some_and(|status| statuses.iter().any(|pattern| pattern.covers(status)))
    });
    let undocumented = undocumented.map(|(status, count)| {
        json!({"status": status.to_string(), "count": count, "documented": false})
    });
    json!({
        "operation": operation.name(),
        "method": operation.method.as_str(),
        "path": operation.path_key(),
        "count": used.map_or(0, |used| used.count),
        "violations": used.map_or(0, |used| used.violations),
        "statuses": documented.chain(undocumented).collect::<Vec<_>>(),
    })
}
