//! Catalogue of operations: which ones have all words of a search, and in which order and groups
//! are they listed.
//!
//! It is made once per contract from the documents, and compiles no operation, so that a search
//! among tens of thousands of operations takes milliseconds.
use std::collections::HashMap;

use serde_json::Value;

use crate::contract::{Contract, Operation};
use crate::document::syntax::find;

/// Name of the group of operations that have no tag.
pub(crate) const UNTAGGED: &str = "without a tag";

/// Name of the group of operations whose path has no segment to group by.
const ROOT: &str = "/";

/// Maximum bytes of a summary in the search text; the rest is not found.
const MOST_SUMMARY: usize = 500;

/// Maximum number of tags of an operation that are read; others are ignored.
const MOST_TAGS: usize = 20;

/// Maximum number of words of a search; further ones are ignored.
const MOST_WORDS: usize = 20;

/// Criterion by which operations are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grouping {
    /// First tag, in the order of the documents' `tags`, then of first use; untagged ones last.
    Tag,
    /// First segment of the path that is neither a parameter nor a version, by name.
    Path,
}

/// Search for operations.
#[derive(Debug, Default)]
pub(crate) struct Search<'q> {
    /// Words, each of which occurs in the method, path, `operationId`, summary or tags.
    pub words: &'q str,
    /// Tag that the operations have.
    pub tag: Option<&'q str>,
    /// Grouping of the result; without one, it is in the order of the documents.
    pub grouping: Option<Grouping>,
}

/// Row of a list of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Row {
    /// Heading of the group with this index in [`Found::groups`].
    Group(usize),
    /// Operation with this index in the contract.
    Operation(usize),
}

/// Group in a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundGroup<'c> {
    /// Tag or segment.
    pub name: &'c str,
    /// Number of operations of the group in the result.
    pub count: usize,
    /// Index of its heading among the rows.
    pub row: usize,
}

/// Result of a search.
#[derive(Debug)]
pub(crate) struct Found<'c> {
    /// Number of operations.
    pub total: usize,
    /// Groups, in the order of their rows; empty without a grouping.
    pub groups: Vec<FoundGroup<'c>>,
    /// Operations and headings of groups.
    pub rows: Vec<Row>,
}

/// Search texts, tags and groups of all operations of a contract.
#[derive(Debug)]
pub(crate) struct Catalogue {
    entries: Vec<CatalogueEntry>,
    /// Numbers of tags by name.
    tags: HashMap<String, usize>,
    by_tag: Arrangement,
    by_path: Arrangement,
}

/// Searchable facts of one operation.
#[derive(Debug)]
struct CatalogueEntry {
    /// Method, path, `operationId`, summary and tags in lower case, on lines of their own.
    text: Box<str>,
    tags: Box<[usize]>,
}

/// Operations in the order of their groups.
#[derive(Debug, Default)]
struct Arrangement {
    names: Vec<String>,
    /// Indexes of groups and of operations.
    order: Vec<(usize, usize)>,
}

impl Arrangement {
    /// Sorts operations by their groups. `group_of` has the index of the group of each.
    fn new(names: Vec<String>, group_of: Vec<usize>) -> Self {
        let mut order: Vec<(usize, usize)> = group_of
            .into_iter()
            .enumerate()
            .map(|(operation, group)| (group, operation))
            .collect();
        order.sort_unstable();
        Self { names, order }
    }
}

impl Catalogue {
    /// Reads the facts from the documents of a contract.
    #[must_use]
    pub(crate) fn new(contract: &Contract) -> Self {
        let mut numbers = TagNumbers::declared(contract);
        let mut entries = Vec::with_capacity(contract.operations.len());
        for operation in &contract.operations {
            let value = written(contract, operation);
            let tags = tags_of(value);
            entries.push(CatalogueEntry {
                text: search_text(operation, value, &tags),
                tags: tags.iter().map(|tag| numbers.number(tag)).collect(),
            });
        }
        let by_tag = by_tag(&entries, &numbers);
        Self {
            entries,
            tags: numbers.numbers,
            by_tag,
            by_path: by_path(contract),
        }
    }

    /// Finds the operations with all words of a search, in the order of its grouping.
    #[must_use]
    pub(crate) fn find(&self, search: &Search<'_>) -> Found<'_> {
        let words: Vec<String> = search
            .words
            .split_whitespace()
            .take(MOST_WORDS)
            .map(str::to_lowercase)
            .collect();
        let tag = search.tag.map(|name| self.tags.get(name).copied());
        let is_meant = |operation: usize| {
            let entry = &self.entries[operation];
            // An unknown tag selects nothing.
            tag.is_none_or(|tag| tag.is_some_and(|tag| entry.tags.contains(&tag)))
                && words.iter().all(|word| entry.text.contains(word.as_str()))
        };
        let arrangement = match search.grouping {
            Some(Grouping::Tag) => &self.by_tag,
            Some(Grouping::Path) => &self.by_path,
            None => return Found::plain((0..self.entries.len()).filter(|index| is_meant(*index))),
        };
        let meant = arrangement.order.iter().copied();
        Found::grouped(
            &arrangement.names,
            meant.filter(|(_, operation)| is_meant(*operation)),
        )
    }
}

impl<'c> Found<'c> {
    fn plain(operations: impl Iterator<Item = usize>) -> Self {
        let rows: Vec<Row> = operations.map(Row::Operation).collect();
        Self {
            total: rows.len(),
            groups: Vec::new(),
            rows,
        }
    }

    fn grouped(names: &'c [String], operations: impl Iterator<Item = (usize, usize)>) -> Self {
        let (mut groups, mut rows): (Vec<FoundGroup<'c>>, Vec<Row>) = Default::default();
        let mut total = 0;
        let mut last = None;
        for (group, operation) in operations {
            if last != Some(group) {
                last = Some(group);
                rows.push(Row::Group(groups.len()));
                groups.push(FoundGroup {
                    name: &names[group],
                    count: 0,
                    row: rows.len() - 1,
                });
            }
            if let Some(open) = groups.last_mut() {
                open.count += 1;
            }
            rows.push(Row::Operation(operation));
            total += 1;
        }
        Self {
            total,
            groups,
            rows,
        }
    }
}

/// Numbers of tags, those that documents declare first.
#[derive(Debug, Default)]
struct TagNumbers {
    names: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl TagNumbers {
    fn declared(contract: &Contract) -> Self {
        let mut numbers = Self::default();
        for document in &contract.documents {
            let tags = document.tree().get("tags").and_then(Value::as_array);
            for tag in tags.into_iter().flatten() {
                if let Some(name) = tag.get("name").and_then(Value::as_str) {
                    numbers.number(name);
                }
            }
        }
        numbers
    }

    /// Returns the number of a tag; a new tag gets the next one.
    fn number(&mut self, name: &str) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len();
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }
}

fn by_tag(entries: &[CatalogueEntry], numbers: &TagNumbers) -> Arrangement {
    let mut names = numbers.names.clone();
    let untagged = names.len();
    names.push(UNTAGGED.to_owned());
    let group_of = |entry: &CatalogueEntry| entry.tags.first().copied().unwrap_or(untagged);
    Arrangement::new(names, entries.iter().map(group_of).collect())
}

fn by_path(contract: &Contract) -> Arrangement {
    let segments = contract.operations.iter();
    let segments: Vec<&str> = segments
        .map(|operation| main_segment(&operation.template))
        .collect();
    let mut names: Vec<&str> = segments.clone();
    names.sort_unstable();
    names.dedup();
    let group_of = segments
        .iter()
        // Every segment is among the names.
        .map(|segment| names.binary_search(segment).unwrap_or(0))
        .collect();
    Arrangement::new(names.into_iter().map(str::to_owned).collect(), group_of)
}

/// Returns the first segment of a path that is neither a parameter nor a version: `pets` of
/// `/v1/pets/{id}`. The segments `api` and `apis` count only if no other segment does.
fn main_segment(template: &str) -> &str {
    let named = || {
        let segments = template.split('/').filter(|segment| !segment.is_empty());
        segments.filter(|segment| !segment.contains('{') && !is_version(segment))
    };
    named()
        .find(|segment| !matches!(*segment, "api" | "apis"))
        .or_else(|| named().next())
        .unwrap_or(ROOT)
}

/// Returns true for segments such as `v1`, `v2.1`, `v1beta1` and `2024-01-31`.
fn is_version(segment: &str) -> bool {
    let rest = segment.strip_prefix(['v', 'V']).unwrap_or(segment);
    let is_numbered = rest.starts_with(|c: char| c.is_ascii_digit());
    let is_word = |word: &str| matches!(word, "" | "alpha" | "beta" | "rc" | "preview");
    is_numbered
        && rest
            .split(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '_'))
            .all(is_word)
}

/// Returns an operation as the document has it.
#[must_use]
pub(crate) fn written<'c>(contract: &'c Contract, operation: &Operation) -> &'c Value {
    let tree = contract.documents[operation.document].tree();
    find(tree, operation.place.pointer()).unwrap_or(&Value::Null)
}

/// Returns the tags of an operation.
#[must_use]
pub(crate) fn tags_of(operation: &Value) -> Vec<&str> {
    let tags = operation.get("tags").and_then(Value::as_array);
    tags.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .take(MOST_TAGS)
        .collect()
}

fn search_text(operation: &Operation, value: &Value, tags: &[&str]) -> Box<str> {
    let summary = value.get("summary").and_then(Value::as_str);
    let summary = crate::schema::start_of(summary.unwrap_or_default(), MOST_SUMMARY);
    let id = operation.id.as_deref().unwrap_or_default();
    let path = operation.path_key();
    let mut text = format!("{} {path}\n{id}\n{summary}", operation.method);
    for tag in tags {
        text.push('\n');
        text.push_str(tag);
    }
    text.to_lowercase().into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_grouped_by_their_first_name() {
        assert_eq!(main_segment("/v1/pets/{id}"), "pets");
        assert_eq!(main_segment("/api/v2.1/{tenant}/orders"), "orders");
        assert_eq!(main_segment("/apis/v1beta1"), "apis");
        assert_eq!(main_segment("/{id}"), ROOT);
        assert_eq!(main_segment("/2024-01-31/vans"), "vans");
    }

    #[test]
    fn groups_have_headings_among_the_rows() {
        let names = ["a".to_owned(), "b".to_owned()];
        let found = Found::grouped(&names, [(0, 3), (1, 0), (1, 2)].into_iter());
        assert_eq!(found.total, 3);
        let expected = [
            Row::Group(0),
            Row::Operation(3),
            Row::Group(1),
            Row::Operation(0),
            Row::Operation(2),
        ];
        assert_eq!(found.rows, expected);
        assert_eq!((found.groups[1].count, found.groups[1].row), (2, 2));
    }
}
