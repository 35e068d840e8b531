//! The console: collections of the session, their entities as tables, and forms to change them.
use std::collections::HashMap;

use maud::{Markup, html};
use serde_json::Value;

use crate::codec::text::encode;
use crate::diagnostic::escape;
use crate::server::console::parts::{counted, items, number, rows, short, text};

/// Maximum number of columns of a table of entities.
const MOST_COLUMNS: usize = 8;

/// Longest text of a cell, in characters; the rest is left out.
const LONGEST_CELL: usize = 80;

/// Number of entities of the page before, which its link shows.
const PAGE: u64 = 100;

/// Writes the rows of the collections.
pub(super) fn collections(value: &Value) -> Markup {
    let all: Vec<Markup> = items(value, "collections").iter().map(collection).collect();
    html! {
        (rows(value, &all))
        @if let Some(note) = value["note"].as_str() { p.note { (note) } }
    }
}

fn collection(row: &Value) -> Markup {
    let name = text(row, "name");
    let scope = row["scope"].as_str().filter(|scope| !scope.is_empty());
    let link = format!("#/data/{}", encode(name));
    let link = scope.map_or_else(
        || link.clone(),
        |scope| format!("{link}?scope={}", encode(scope)),
    );
    html! {
        a href=(link) {
            span.path { (name) }
            @if let Some(scope) = scope { span.tag { "of " (scope) } }
            @match (row["count"].as_u64(), row["partOf"].as_str()) {
                (Some(count), _) => { span.tag { (count) " now" } },
                (None, Some(wider)) => { span.note { "part of " (wider) } },
                (None, None) => { span.note { "not changed" } },
            }
        }
    }
}

/// Returns a path of the control API to a collection or an entity.
fn own_path(value: &Value, key: Option<&str>, query: &[(&str, &str)]) -> String {
    let mut path = format!("state/{}", encode(text(value, "collection")));
    if let Some(key) = key {
        path.push('/');
        path.push_str(&encode(key));
    }
    let scope = ("scope", text(value, "scope"));
    let pairs = [scope].into_iter().chain(query.iter().copied());
    let pairs = pairs.filter(|(_, value)| !value.is_empty());
    let pairs: Vec<String> = pairs
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    if pairs.is_empty() {
        path
    } else {
        format!("{path}?{}", pairs.join("&"))
    }
}

/// Returns the link to the page of a collection or an entity.
fn link(value: &Value, key: Option<&str>, query: &[(&str, &str)]) -> String {
    let path = own_path(value, key, query);
    format!("#/data/{}", path.strip_prefix("state/").unwrap_or(&path))
}

/// Returns the columns of a table: the key first, then the members that most entities have and that
/// are no objects or lists.
fn columns<'v>(key: Option<&'v str>, entities: &'v [Value]) -> Vec<&'v str> {
    let mut counts: HashMap<&str, (usize, usize)> = HashMap::new();
    for entity in entities {
        for (place, (name, member)) in entity.as_object().into_iter().flatten().enumerate() {
            let is_plain = !member.is_object() && !member.is_array();
            let (count, first) = counts.entry(name.as_str()).or_insert((0, place));
            *count += usize::from(is_plain);
            *first = place.min(*first);
        }
    }
    let mut names: Vec<(&str, (usize, usize))> = counts.into_iter().collect();
    names.sort_unstable_by_key(|(name, (count, place))| {
        (Some(*name) != key, entities.len() - count, *place, *name)
    });
    let names = names.into_iter().map(|(name, _)| name);
    names.take(MOST_COLUMNS).collect()
}

/// Returns the text of a cell.
fn cell(value: Option<&Value>) -> String {
    let text = value.map(short).unwrap_or_default();
    if text.chars().count() <= LONGEST_CELL {
        return text;
    }
    text.chars().take(LONGEST_CELL).chain(['…']).collect()
}

/// Writes the entities of a collection as a table.
pub(super) fn table(value: &Value) -> Markup {
    let (entities, keys) = (items(value, "entities"), items(value, "keys"));
    let (total, offset) = (number(value, "total"), number(value, "offset"));
    let names = columns(value["key"].as_str(), entities);
    let parameters = items(value, "parameters");
    let lacks_owner = !parameters.is_empty() && text(value, "scope").is_empty();
    html! {
        article {
            h2 { (text(value, "collection")) @if !text(value, "scope").is_empty() { " of " (text(value, "scope")) } }
            @if let Some(wider) = value["partOf"].as_str() {
                p.note { "These are entities of " a href=(format!("#/data/{}", encode(wider))) { (wider) } "." }
            }
            @if !parameters.is_empty() { (owner(value, parameters)) }
            p.actions {
                @if !lacks_owner { a.button href=(link(value, Some("+new"), &[])) { "New" } }
                a.button href="#" data-download=(own_path(value, None, &[("format", "csv")])) { "Export CSV" }
                a.button href="#" data-download=(own_path(value, None, &[("format", "json")])) { "Export JSON" }
            }
            @if !lacks_owner && value.get("partOf").is_none() { (import(value)) }
            (pages(value, total, offset, entities.len() as u64))
            @if !entities.is_empty() {
                table.entities tabindex="0" data-total=(total) data-offset=(offset) {
                    thead { tr { th scope="col" { "Entity" } @for name in &names { th scope="col" { (escape::one_line(name)) } } th scope="col" { "Change" } } }
                    tbody {
                        @for (entity, key) in entities.iter().zip(keys) {
                            @let key = key.as_str().unwrap_or_default();
                            tr {
                                td { a href=(link(value, Some(key), &[])) { (cell(Some(&Value::from(key)))) } }
                                @for name in &names { td { (cell(entity.get(*name))) } }
                                td { @if !lacks_owner { button data-call=(format!("DELETE {}", own_path(value, Some(key), &[]))) data-confirm=(format!("Delete {key}?")) aria-label=(format!("Delete {key}")) { "Delete" } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Writes the form that replaces the entities by those of a file.
fn import(value: &Value) -> Markup {
    html! {
        form.inline data-call=(format!("PUT {}", own_path(value, None, &[]))) data-confirm="Replace all entities of the collection by those of the file?" {
            label { "Import, CSV or JSON " input type="file" name="file" data-type="text/csv" accept=".csv,.json,text/csv,application/json"; } " "
            button { "Import" }
        }
    }
}

/// Writes which entities a page shows, with links to the pages before and after it.
fn pages(value: &Value, total: u64, offset: u64, shown: u64) -> Markup {
    let to = |offset: u64| {
        let words = ("q", text(value, "q"));
        link(value, None, &[words, ("offset", &offset.to_string())])
    };
    let end = offset + shown;
    html! {
        p.note role="status" {
            @if shown == 0 { "No entity" @if total > 0 { " of " (total) } "." } @else { (offset + 1) "–" (end) " of " (counted(total, "entity")) }
            @if offset > 0 { " " a href=(to(offset.saturating_sub(PAGE))) { "Previous" } }
            @if end < total { " " a href=(to(end)) { "Next" } }
        }
    }
}

/// Writes the choice of the owner of a nested collection.
fn owner(value: &Value, parameters: &[Value]) -> Markup {
    let mut known = text(value, "scope").split('/');
    html! {
        form.inline data-scope=(text(value, "collection")) {
            @for name in parameters.iter().filter_map(Value::as_str) {
                label { (name) " " input name=(name) required value=(known.next().unwrap_or_default()); } " "
            }
            button { "Show" }
        }
    }
}

/// Writes an entity in a form that changes it.
pub(super) fn entity(value: &Value) -> Markup {
    let key = text(value, "key");
    let is_draft = value["draft"].as_bool() == Some(true);
    let call = if is_draft {
        format!("POST {}", own_path(value, None, &[]))
    } else {
        format!("PUT {}", own_path(value, Some(key), &[]))
    };
    let back = link(value, None, &[]);
    let content = escape::pretty_json(&value["entity"]);
    html! {
        article {
            h2 { (text(value, "collection")) @if is_draft { ", new" } @else { ", " (key) } }
            form data-call=(call) data-done=(if is_draft { "Added" } else { "Saved" }) data-then=[is_draft.then_some(&back)] {
                label.wide { "Entity" textarea name="body" rows=(content.lines().count().clamp(6, 30)) spellcheck="false" { (content) } }
                p.actions {
                    button.main { @if is_draft { "Add" } @else { "Save" } }
                    @if !is_draft {
                        button type="button" data-call=(format!("DELETE {}", own_path(value, Some(key), &[]))) data-confirm=(format!("Delete {key}?")) data-then=(back) data-done="Deleted" { "Delete" }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_key_and_frequent_plain_members_are_columns() {
        let entities = [
            json!({"tags": [], "name": "a", "id": 1}),
            json!({"name": "b", "id": 2, "rare": 1}),
        ];
        assert_eq!(
            columns(Some("id"), &entities),
            ["id", "name", "rare", "tags"]
        );
    }

    #[test]
    fn long_cells_are_cut() {
        assert_eq!(
            cell(Some(&json!("ä".repeat(100)))).chars().count(),
            LONGEST_CELL + 1
        );
    }
}
