//! Finds the operation that a person means: by its name, by a part of it, or by method and path.
use http::{Method, Uri};

use crate::contract::route::Routed;
use crate::contract::{Contract, Operation};
use crate::diagnostic::escape;

/// Longest name that is compared, in characters.
const LONGEST: usize = 300;

/// Maximum number of operations that a message lists.
const MOST_LISTED: usize = 8;

/// Maximum number of suggestions for an unknown name.
const MOST_SUGGESTED: usize = 3;

/// Jaro-Winkler similarity above which a name is suggested.
const ALIKE: f64 = 0.8;

/// Operation that a name means.
#[derive(Debug)]
pub(super) struct NamedOperation {
    pub(super) index: usize,
    /// Path with its query, if the name is a method and a path with values: `/pets/7`.
    pub(super) path: Option<Uri>,
    /// True if the name is only a part of that of the operation.
    pub(super) is_partial: bool,
}

/// Reason why a name means no operation.
#[derive(Debug, thiserror::Error)]
pub(super) enum OperationNameError {
    /// Name that no operation has.
    #[error("no document has the operation `{name}`")]
    Unknown { name: String, alike: Vec<String> },
    /// Part of the names of several operations.
    #[error("`{name}` may be any of {count} operations")]
    Ambiguous {
        name: String,
        count: usize,
        first: Vec<String>,
    },
}

impl OperationNameError {
    /// Returns the text that helps to choose a name.
    pub(super) fn help(&self) -> String {
        match self {
            Self::Unknown { alike, .. } => match alike.as_slice() {
                [] => "`standin routes` lists the operations".to_owned(),
                [only] => format!("there is `{only}`"),
                several => format!("there are `{}`", several.join("`, `")),
            },
            Self::Ambiguous { count, first, .. } => {
                let more = if *count > first.len() { ", …" } else { "" };
                format!("choose one of `{}`{more}", first.join("`, `"))
            }
        }
    }
}

/// Finds an operation by its `operationId` in any case, by `METHOD /path` with a template or with
/// values, by a path that only one method has, or by a part of one name only.
///
/// # Errors
///
/// [`OperationNameError`] with the names that may be meant.
pub(super) fn find(contract: &Contract, text: &str) -> Result<NamedOperation, OperationNameError> {
    let exact = |index| NamedOperation {
        index,
        path: None,
        is_partial: false,
    };
    if let Some(index) = contract.find(text) {
        return Ok(exact(index));
    }
    let all = || contract.operations.iter().enumerate();
    let is_id = |operation: &Operation| {
        let id = operation.id.as_deref();
        id.is_some_and(|id| id.eq_ignore_ascii_case(text))
    };
    if let Some((index, _)) = all().find(|(_, operation)| is_id(operation)) {
        return Ok(exact(index));
    }
    let text: String = text.trim().chars().take(LONGEST).collect();
    let by_path = by_path(contract, &text);
    if let Some(found) = only(contract, &text, by_path)? {
        return Ok(found);
    }
    let part = text.to_lowercase();
    let has_part = |operation: &Operation| {
        let by_id = operation.id.as_deref();
        let by_path = format!("{} {}", operation.method, operation.path_key());
        by_id.is_some_and(|id| id.to_lowercase().contains(&part))
            || by_path.to_lowercase().contains(&part)
    };
    let by_part = all()
        .filter(|(_, operation)| !part.is_empty() && has_part(operation))
        .map(|(index, _)| NamedOperation {
            is_partial: true,
            ..exact(index)
        });
    match only(contract, &text, by_part.collect())? {
        Some(found) => Ok(found),
        None => Err(OperationNameError::Unknown {
            alike: alike(contract, &text),
            name: text,
        }),
    }
}

/// Returns the only operation found, or `None` if there is none.
fn only(
    contract: &Contract,
    text: &str,
    mut found: Vec<NamedOperation>,
) -> Result<Option<NamedOperation>, OperationNameError> {
    if found.len() < 2 {
        return Ok(found.pop());
    }
    let names = found.iter().map(|named| &contract.operations[named.index]);
    Err(OperationNameError::Ambiguous {
        name: text.to_owned(),
        count: found.len(),
        first: names
            .take(MOST_LISTED)
            .map(|operation| {
                if text.starts_with('/') {
                    format!("{} {}", operation.method, operation.path_key())
                } else {
                    operation.name().to_owned()
                }
            })
            .collect(),
    })
}

/// Returns the operations that a path leads to, with the method before it or with any method.
fn by_path(contract: &Contract, text: &str) -> Vec<NamedOperation> {
    let (methods, target) = match text.split_once(char::is_whitespace) {
        Some((method, target)) => {
            let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes());
            (method.into_iter().collect(), target.trim())
        }
        None => (contract.methods(), text),
    };
    let path = target.split(['?', '#']).next().unwrap_or_default();
    if !path.starts_with('/') {
        return Vec::new();
    }
    let mut found: Vec<NamedOperation> = Vec::new();
    for method in methods {
        if let Routed::Operation(index, _) = contract.route(&method, path) {
            found.push(NamedOperation {
                index,
                path: target.parse().ok().filter(|_| !path.contains('{')),
                is_partial: false,
            });
        }
    }
    found
}

/// Returns the names that are most like an unknown one, the best first.
fn alike(contract: &Contract, text: &str) -> Vec<String> {
    let names = contract.operations.iter().flat_map(|operation| {
        let by_path = format!("{} {}", operation.method, operation.path_key());
        [operation.id.clone(), Some(by_path)]
    });
    let mut scored: Vec<(f64, String)> = names
        .flatten()
        .map(|name| {
            let shown: String = name.chars().take(LONGEST).collect();
            (strsim::jaro_winkler(&shown, text), name)
        })
        .filter(|(score, _)| *score > ALIKE)
        .collect();
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    scored.truncate(MOST_SUGGESTED);
    scored
        .into_iter()
        .map(|(_, name)| escape::one_line(&name).into_owned())
        .collect()
}
