//! Keys of fixture files, and the operations that they name.
//!
//! A key is an operation (`operationId`, `METHOD /path`), a path with wildcards, a tag, or `*`.
//! `assembly` attaches the fixtures below a key to its operations when the contract is complete.
use std::cmp::Reverse;
use std::sync::Arc;

use serde_json::Value;

use crate::contract::fixture::{self, Fixture};
use crate::contract::{Contract, Operation};
use crate::diagnostic::{Code, Diagnostic, Place};
use crate::document::names::nearest;
use crate::document::{FixtureEntry, FixtureFile};

/// Key of a fixture file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FixtureKey<'k> {
    /// Name of one operation, whose index is known.
    Operation(usize),
    /// Method, or none for all methods, and a path that may have wildcards: `GET /pets/*`.
    Paths {
        method: Option<&'k str>,
        glob: &'k str,
    },
    /// Tag of operations: `tag: billing`.
    Tag(&'k str),
    /// All operations: `*`.
    All,
    /// Name that is none of these.
    Unknown,
}

/// Prefix of a key that is a tag.
const TAG: &str = "tag:";

/// Maximum number of tags that a message lists.
const MOST_LISTED: usize = 20;

impl<'k> FixtureKey<'k> {
    /// Reads a key. The exact name of an operation takes precedence over the other notations.
    #[must_use]
    fn read(contract: &Contract, key: &'k str) -> Self {
        if let Some(index) = contract.find(key) {
            return Self::Operation(index);
        }
        if key.trim() == "*" {
            return Self::All;
        }
        if let Some(tag) = key.strip_prefix(TAG) {
            return Self::Tag(tag.trim());
        }
        let (method, path) = match key.split_once(' ') {
            Some((method, path)) => (Some(method), path.trim()),
            None => (None, key),
        };
        if path.starts_with('/') {
            Self::Paths { method, glob: path }
        } else {
            Self::Unknown
        }
    }

    /// Returns the indexes of the operations that the key names, in the order of the documents.
    #[must_use]
    fn operations(self, contract: &Contract) -> Vec<usize> {
        let all = contract.operations.iter().enumerate();
        match self {
            Self::Operation(index) => vec![index],
            Self::Unknown => Vec::new(),
            Self::All => (0..contract.operations.len()).collect(),
            Self::Tag(tag) => all
                .filter(|(_, operation)| tags(contract, operation).any(|own| own == tag))
                .map(|(index, _)| index)
                .collect(),
            Self::Paths { method, glob } => {
                let is_method = |operation: &Operation| {
                    method.is_none_or(|name| operation.method.as_str().eq_ignore_ascii_case(name))
                };
                all.filter(|(_, operation)| {
                    is_method(operation) && is_match(glob, &operation.template)
                })
                .map(|(index, _)| index)
                .collect()
            }
        }
    }

    /// Returns the rank of the key, the most exact one first: operations, paths (more literal text
    /// first, then those with a method), tags, `*`.
    fn rank(self) -> (u8, Reverse<usize>) {
        match self {
            Self::Operation(_) | Self::Unknown => (0, Reverse(0)),
            Self::Paths { method, glob } => {
                let literal = glob.chars().filter(|c| *c != '*').count();
                (1, Reverse(literal * 2 + usize::from(method.is_some())))
            }
            Self::Tag(_) => (2, Reverse(0)),
            Self::All => (3, Reverse(0)),
        }
    }

    /// Returns the error for a key that names no operation.
    fn unknown(self, contract: &Contract, key: &str) -> UnknownKey {
        match self {
            Self::Tag(tag) => {
                let message = format!("no operation has the tag `{tag}`");
                let known = known_tags(contract);
                let help = match nearest(tag, known.iter().copied()) {
                    Some(near) => format!("there is `{TAG} {near}`"),
                    None if known.is_empty() => "no operation has a tag".to_owned(),
                    None => format!("there is `{}`", known.join("`, `")),
                };
                UnknownKey { message, help }
            }
            Self::Paths { .. } if key.contains('*') => UnknownKey {
                message: format!("no operation has a path that matches `{key}`"),
                help: match contract.nearest_operation(key) {
                    Some(near) => format!("there is `{near}`"),
                    None => "`*` is a part of one segment of a path, `**` any number of them".to_owned(),
                },
            },
            _ => UnknownKey {
                message: format!("no document has the operation `{key}`"),
                help: match contract.nearest_operation(key) {
                    _ if key == "tag" => "write `\"tag: NAME\":`, with the quotation marks".to_owned(),
                    Some(near) => format!("there is `{near}`"),
                    None => "write an operationId, `METHOD /path`, a path with `*`, `\"tag: NAME\"` or `\"*\"`".to_owned(),
                },
            },
        }
    }
}

/// Key that names no operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}; {help}")]
pub(crate) struct UnknownKey {
    /// Description of the key: ``no operation has the tag `x` ``.
    pub message: String,
    /// Names that there are, or the notation of a key.
    pub help: String,
}

impl UnknownKey {
    fn diagnostic(self, place: Place) -> Diagnostic {
        Diagnostic::at(Code::UnknownFixtureOperation, place, self.message).help(self.help)
    }
}

/// Finds the operations that a key names: an operationId, `METHOD /path`, a path with wildcards,
/// `tag: NAME` or `*`.
///
/// # Errors
///
/// [`UnknownKey`], if there is none.
pub(crate) fn operations_of(contract: &Contract, key: &str) -> Result<Vec<usize>, UnknownKey> {
    let read = FixtureKey::read(contract, key);
    match read.operations(contract) {
        none if none.is_empty() => Err(read.unknown(contract, key)),
        operations => Ok(operations),
    }
}

/// Operations that a key names, with the rank of the key.
pub(crate) struct RankedOperations {
    /// Rank of the key; a more exact key has a lower one.
    pub rank: (u8, Reverse<usize>),
    /// Indexes of the operations.
    pub operations: Vec<usize>,
}

/// Finds the operations that a key names, see [`operations_of`], with the rank of the key.
///
/// # Errors
///
/// [`UnknownKey`], if there is none.
pub(crate) fn ranked(contract: &Contract, key: &str) -> Result<RankedOperations, UnknownKey> {
    Ok(RankedOperations {
        rank: FixtureKey::read(contract, key).rank(),
        operations: operations_of(contract, key)?,
    })
}

/// Returns the tags of all operations, at most [`MOST_LISTED`].
fn known_tags(contract: &Contract) -> Vec<&str> {
    let mut known: Vec<&str> = Vec::new();
    let operations = contract.operations.iter();
    for own in operations.flat_map(|own| tags(contract, own)) {
        if !known.contains(&own) && known.len() < MOST_LISTED {
            known.push(own);
        }
    }
    known
}

/// Returns the tags of an operation.
pub(crate) fn tags<'c>(
    contract: &'c Contract,
    operation: &'c Operation,
) -> impl Iterator<Item = &'c str> {
    let tree = contract.documents[operation.document].tree();
    let written = tree.pointer(operation.place.pointer());
    let tags = written.and_then(|written| written.get("tags")?.as_array());
    tags.into_iter().flatten().filter_map(Value::as_str)
}

/// Returns true if a path template matches a pattern: `*` is any text within a segment, and the
/// segment `**` is any number of segments, none included.
fn is_match(glob: &str, template: &str) -> bool {
    let segments: Vec<&str> = template.split('/').collect();
    // For each number of segments, true if the pattern so far matches that many of them.
    let mut matched = vec![false; segments.len() + 1];
    matched[0] = true;
    for wanted in glob.split('/') {
        if wanted == "**" {
            let first = matched.iter().position(|is_matched| *is_matched);
            let first = first.unwrap_or(matched.len());
            matched[first..].fill(true);
            continue;
        }
        for count in (0..segments.len()).rev() {
            matched[count + 1] = matched[count] && is_segment(wanted, segments[count]);
        }
        matched[0] = false;
    }
    matched[segments.len()]
}

/// Returns true if a segment matches a pattern in which `*` is any text.
fn is_segment(wanted: &str, segment: &str) -> bool {
    let Some((first, rest)) = wanted.split_once('*') else {
        return wanted == segment;
    };
    let Some(mut open) = segment.strip_prefix(first) else {
        return false;
    };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    // The earliest place of each part leaves most room for the others.
    for part in middle.split('*') {
        match open.find(part) {
            Some(at) => open = &open[at + part.len()..],
            None => return false,
        }
    }
    open.ends_with(last)
}

/// Attaches the fixtures of some files to their operations: those of more exact keys first, and
/// among equally exact keys in the order of the files.
pub(crate) fn attach(contract: &mut Contract, files: &[FixtureFile]) {
    let mut found = Vec::new();
    let mut attached: Vec<(FixtureKey<'_>, Vec<Arc<Fixture>>, Vec<usize>)> = Vec::new();
    for file in files {
        found.extend(file.misshapen());
        for FixtureEntry { name, at, .. } in file.operations() {
            let key = FixtureKey::read(contract, name);
            let operations = match operations_of(contract, name) {
                Ok(operations) => operations,
                // The missing documents are reported, and every key would be unknown.
                Err(_) if contract.documents.is_empty() => continue,
                Err(unknown) => {
                    found.push(unknown.diagnostic(Place::key(&file.source, at)));
                    continue;
                }
            };
            let fixtures = fixture::read(file, &at, &mut found);
            let fixtures = fixtures.into_iter().map(Arc::new).collect();
            attached.push((key, fixtures, operations));
        }
    }
    attached.sort_by_key(|(key, ..)| key.rank());
    for (_, fixtures, operations) in &attached {
        for index in operations {
            contract.operations[*index]
                .fixtures
                .extend(fixtures.iter().cloned());
        }
    }
    contract.diagnostics.append(&mut found);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_within_and_across_segments() {
        let holds = [
            ("/pets/*", "/pets/{id}"),
            ("/pets/**", "/pets"),
            ("/pets/**", "/pets/{id}/toys/{toy}"),
            ("/**/toys", "/pets/{id}/toys"),
            ("/**", "/"),
            ("/v*/p*s", "/v1/pets"),
            ("/*a*b*", "/xaxxbx"),
            ("/pets/{id}", "/pets/{id}"),
        ];
        for (glob, template) in holds {
            assert!(is_match(glob, template), "{glob} {template}");
        }
        let fails = [
            ("/pets/*", "/pets"),
            ("/pets/*", "/pets/{id}/toys"),
            ("/pets", "/pets/{id}"),
            ("/a*a", "/a"),
            ("/**/toys", "/pets/{id}"),
            ("/*ab*b", "/xab"),
        ];
        for (glob, template) in fails {
            assert!(!is_match(glob, template), "{glob} {template}");
        }
    }
}
