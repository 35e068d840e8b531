//! The console of a proxy: the differences between the documents and the real API.
use maud::{Markup, html};
use serde_json::Value;

use crate::codec::text::encode;
use crate::diagnostic::escape::one_line;
use crate::server::console::parts::{counted, items, number, text};

/// Number of places of a finding that are shown at once.
const MOST_PLACES: usize = 5;

/// Forms of the whole report, with their labels.
const FORMS: [(&str, &str); 4] = [
    ("json", "JSON"),
    ("sarif", "SARIF"),
    ("junit", "JUnit"),
    ("text", "Text"),
];

/// Writes a part of the findings, with the files of all.
pub(super) fn list(value: &Value) -> Markup {
    let all = items(value, "findings");
    let exchanges = number(value, "exchanges");
    html! {
        section.drift data-total=(number(value, "total")) data-offset=(number(value, "offset")) data-exchanges=(exchanges) {
            @if exchanges == 0 {
                p { "The real API has not answered yet. Send requests through the proxy: what the documents do not say of its answers appears here." }
            } @else {
                p role="status" { (text(value, "summary")) }
                p.actions {
                    "Save as "
                    @for (form, label) in FORMS { button type="button" data-download=(format!("drift?format={form}")) { (label) } " " }
                }
                (overlays(items(value, "overlays")))
                @if all.is_empty() { p { "Nothing was found." } }
                @for one in all { (finding(one)) }
            }
        }
    }
}

/// Writes the overlays that repair the documents.
fn overlays(all: &[Value]) -> Markup {
    html! {
        @for overlay in all {
            p.actions {
                button type="button" data-download=(format!("drift/overlay?document={}", encode(text(overlay, "document")))) {
                    "Save the repair of " (one_line(text(overlay, "document")))
                }
                span.note {
                    (counted(number(overlay, "actions"), "change")) "; "
                    code { "--overlay fix.yaml" } " applies them"
                }
            }
        }
    }
}

fn finding(finding: &Value) -> Markup {
    let places = items(finding, "places");
    let (first, more) = places.split_at(places.len().min(MOST_PLACES));
    let fingerprint = text(finding, "fingerprint");
    html! {
        article.finding {
            h3 {
                span class=(class(text(finding, "severity"))) { (text(finding, "severity")) } " "
                a.tag href=(format!("#/drift/{}", encode(fingerprint))) { (text(finding, "kind")) } " "
                (one_line(text(finding, "message")))
            }
            @if number(finding, "count") > 0 {
                p.note { "in " (number(finding, "count")) " of " (counted(number(finding, "of"), "exchange")) }
            }
            ul.places { @for one in first { (place(one)) } }
            @if !more.is_empty() {
                details data-key=(fingerprint) {
                    summary { (counted(more.len() as u64, "more place")) }
                    ul.places { @for one in more { (place(one)) } }
                }
            }
            (example(&finding["example"]))
            p { "help: " (one_line(text(finding, "help"))) }
        }
    }
}

/// Returns the class of a severity; the same colours as for diagnostics.
fn class(severity: &str) -> &'static str {
    match severity {
        "breaking" => "severity-error",
        "incomplete" => "severity-warning",
        _ => "note",
    }
}

/// Writes the line of a document, with a link to the operation.
fn place(place: &Value) -> Markup {
    let operation = one_line(text(place, "operation"));
    let file = one_line(text(place, "file"));
    html! {
        li {
            span.path { (file) ":" (number(place, "line")) ":" (number(place, "column")) } " "
            @match place["operationName"].as_str() {
                Some(name) => { a href=(format!("#/operations/{}", encode(name))) { (operation) } },
                None => { (operation) },
            }
            @if number(place, "count") > 0 { " " span.note { (number(place, "count")) " of " (number(place, "of")) } }
        }
    }
}

fn example(example: &Value) -> Markup {
    let excerpt = text(example, "excerpt");
    html! {
        @if example.is_object() {
            p {
                "Seen in " code { (one_line(text(example, "request"))) } ", answered with " (number(example, "status"))
                @if !excerpt.is_empty() { ": " code { (one_line(excerpt)) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_lead_to_their_operations() {
        let place = json!({"file": "pets.yaml", "line": 3, "column": 5, "operation": "GET /a 200", "operationName": "getA", "count": 1, "of": 2});
        let findings = json!([{"severity": "breaking", "kind": "other-type", "message": "<b>", "fingerprint": "ab", "count": 1, "of": 2, "places": vec![place; 7]}]);
        let page = list(&json!({"exchanges": 2, "findings": findings})).into_string();
        assert!(
            page.contains(r##"<a href="#/operations/getA">GET /a 200</a>"##),
            "{page}"
        );
        assert!(
            page.contains("2 more places") && page.contains("&lt;b&gt;"),
            "{page}"
        );
    }
}
