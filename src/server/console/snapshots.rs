//! The console: snapshots of the session, and what differs between them.
use maud::{Markup, html};
use serde_json::Value;

use crate::codec::text::encode;
use crate::server::console::parts::{block, counted, items, number, short, text};

/// Maximum number of members of an entity whose change is shown.
const MOST_MEMBERS: usize = 100;

/// Writes the snapshots, with a form to save another one.
pub(super) fn list(value: &Value) -> Markup {
    let names = items(value, "snapshots").iter().filter_map(Value::as_str);
    let names: Vec<&str> = names.collect();
    html! {
        @if names.is_empty() { p.note { "No snapshot. One keeps the data, the counts and the scenario of the session as they are now." } } @else {
            table {
                thead { tr { th scope="col" { "Snapshot" } th scope="col" { "Change" } } }
                tbody {
                    @for name in names {
                        @let own = format!("snapshots/{}", encode(name));
                        tr {
                            th scope="row" { (name) }
                            td.actions {
                                button data-call=(format!("POST {own}/restore")) data-done=(format!("{name} is restored")) { "Restore" }
                                a.button href=(format!("#/sessions?compare={}", encode(name))) { "Compare with now" }
                                button data-call=(format!("DELETE {own}")) data-confirm=(format!("Delete the snapshot {name}?")) aria-label=(format!("Delete {name}")) { "Delete" }
                            }
                        }
                    }
                }
            }
        }
        form.inline data-call="PUT snapshots/{name}" data-done="Saved" {
            label { "Name " input name="name" required maxlength="200"; } " "
            button { "Save a snapshot" }
        }
    }
}

/// Writes the differences between a snapshot and the session now, or another snapshot.
pub(super) fn changes(value: &Value) -> Markup {
    let (added, removed) = (items(value, "added"), items(value, "removed"));
    let changed = items(value, "changed");
    let left_out = number(value, "leftOut");
    html! {
        article.changes {
            h2 { "From " (text(value, "snapshot")) " to " @match value["with"].as_str() { Some(other) => { (other) }, None => { "now" } } }
            @if let Some(scenario) = value.get("scenario") {
                p { "Scenario: " (short(&scenario["before"])) " → " (short(&scenario["after"])) }
            }
            @if added.is_empty() && removed.is_empty() && changed.is_empty() { p { "No entity differs." } }
            (section("added", added))
            (section("removed", removed))
            @if !changed.is_empty() {
                h3 { (counted(changed.len() as u64, "changed entity")) }
                @for one in changed {
                    h4 { (place(one)) }
                    table {
                        thead { tr { th scope="col" { "Member" } th scope="col" { "Before" } th scope="col" { "After" } } }
                        tbody {
                            @for (name, before, after) in members(&one["before"], &one["after"]) {
                                tr { th scope="row" { (name) } td.before { (short(before)) } td.after { (short(after)) } }
                            }
                        }
                    }
                }
            }
            @if left_out > 0 { p.note { (left_out) " further differences are left out." } }
        }
    }
}

fn section(what: &str, all: &[Value]) -> Markup {
    html! {
        @if !all.is_empty() {
            h3 { (counted(all.len() as u64, &format!("{what} entity"))) }
            @for one in all {
                details { summary { (place(one)) } (block(&one["entity"])) }
            }
        }
    }
}

fn place(one: &Value) -> Markup {
    html! {
        span.path { (text(one, "collection")) } " "
        @if !text(one, "scope").is_empty() { "of " (text(one, "scope")) ", " }
        (text(one, "key"))
    }
}

/// Returns the members in which two entities differ, with both values.
fn members<'v>(before: &'v Value, after: &'v Value) -> Vec<(&'v str, &'v Value, &'v Value)> {
    let (Some(old), Some(new)) = (before.as_object(), after.as_object()) else {
        return vec![("", before, after)];
    };
    let added = new.keys().filter(|name| !old.contains_key(*name));
    let names = old.keys().chain(added);
    let both = names.map(|name| {
        let of = |side: &'v serde_json::Map<String, Value>| side.get(name).unwrap_or(&Value::Null);
        (name.as_str(), of(old), of(new))
    });
    let differing = both.filter(|(_, before, after)| before != after);
    differing.take(MOST_MEMBERS).collect()
}
