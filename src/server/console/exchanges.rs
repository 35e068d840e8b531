//! The console: exchanges of the journal, their explanations, differences and fixtures.
use maud::{Markup, html};
use serde_json::Value;

use crate::codec::text::encode;
use crate::diagnostic::escape;
use crate::server::console::parts::{
    block, counted, items, judged, method, number, rows, short, status, table, text,
};
use crate::server::console::responder::program;

/// Maximum number of alternatives and violations that are shown.
const MOST: usize = 200;

/// Writes the rows of the journal, the latest exchange first.
pub(super) fn list(value: &Value) -> Markup {
    let all: Vec<Markup> = items(value, "requests").iter().rev().map(row).collect();
    rows(value, &all)
}

fn row(entry: &Value) -> Markup {
    let (request, response) = (&entry["request"], &entry["response"]);
    let all = items(entry, "violations").iter();
    let violations = all.chain(items(entry, "responseViolations")).count() as u64;
    html! {
        a href=(format!("#/requests/{}", number(entry, "number"))) data-number=(number(entry, "number")) {
            span.number { (number(entry, "number")) }
            (method(text(request, "method")))
            span.path { (text(request, "target")) }
            (status(&number(response, "status").to_string()))
            (answered_by(entry))
            @if violations > 0 { span.tag.wrong { (counted(violations, "violation")) } }
            @if !text(entry, "session").is_empty() { span.tag { (text(entry, "session")) } }
            span.source { (text(entry, "source")) }
            span.duration { (duration(number(entry, "micros"))) }
            time data-at=(number(entry, "at")) {}
        }
    }
}

/// Writes who answered an exchange of a proxy; nothing without a real API.
fn answered_by(entry: &Value) -> Markup {
    let name = text(entry, "answeredBy");
    let fallback = entry["fallback"].as_str();
    html! {
        @if fallback.is_some() { span.tag.by data-by="fallback" title=[fallback] { "fallback" } }
        @else if !name.is_empty() { span.tag.by data-by=(name) { (name) } }
    }
}

/// Writes in a sentence who answered an exchange of a proxy, and why the sandbox did for the real API,
/// which is the source of its answers itself.
fn answerer(entry: &Value) -> Markup {
    let name = text(entry, "answeredBy");
    html! {
        @if !matches!(name, "" | "real") {
            " It was answered by " strong { (program(name)) }
            @if let Some(reason) = entry["fallback"].as_str() { ", because " (escape::one_line(reason)) " (" code { "--fallback" } ")" }
            "."
        }
    }
}

/// Returns a duration for people.
fn duration(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        _ => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
    }
}

/// Writes one exchange.
pub(super) fn one(entry: &Value) -> Markup {
    let (request, response) = (&entry["request"], &entry["response"]);
    let own = format!("requests/{}", number(entry, "number"));
    let operation = entry["operation"].as_str();
    html! {
        article.exchange data-number=(number(entry, "number")) {
            h2 { (method(text(request, "method"))) " " span.path { (text(request, "target")) } " " (status(&number(response, "status").to_string())) }
            p.note {
                "Request " (number(entry, "number")) ", "
                time data-at=(number(entry, "at")) {} ", " (duration(number(entry, "micros"))) ", "
                @if text(entry, "session").is_empty() { "unnamed session" } @else { "session " (text(entry, "session")) }
            }
            p {
                @match operation {
                    Some(operation) => { "Operation " a href=(format!("#/operations/{}", encode(operation))) { (operation) } "." },
                    None => { "No operation matches this request." },
                }
                " Answer: " (text(entry, "source")) "."
                (answerer(entry))
            }
            p.actions {
                a.button href=(format!("#/{own}/explain")) { "Why?" } " "
                button data-call=(format!("POST {own}/replay")) data-show="replay" { "Replay" } " "
                a.button href=(format!("#/{own}/fixture")) { "Keep" } " "
                @if let Some(operation) = operation {
                    a.button href=(format!("#/try/{}?request={}", encode(operation), number(entry, "number"))) { "Edit and send" }
                }
            }
            @let of_answer = items(entry, "responseViolations");
            (violations(items(entry, "violations"), if text(entry, "answeredBy").is_empty() { "violation" } else { "violation of the request" }))
            (violations(of_answer, "violation of the answer"))
            h3 { "Request" }
            (table("Header fields", &request["headers"]))
            @if !request["content"].is_null() {
                (judged(&request["content"], items(entry, "violations")))
                (cut(request))
            }
            h3 { "Response" }
            (table("Header fields", &response["headers"]))
            @if !response["content"].is_null() {
                (judged(&response["content"], &of_body(of_answer)))
                (cut(response))
            }
            form.inline data-compare=(number(entry, "number")) {
                label { "Compare with request " input type="number" name="with" min="1" required; } " "
                button { "Compare" }
            }
        }
    }
}

fn cut(side: &Value) -> Markup {
    html! {
        @if side["truncated"].as_bool() == Some(true) {
            p.note { "The rest of this content was not recorded." }
        }
    }
}

/// Returns violations of an answer without the words before their places: `body /id: …` for `response
/// 200 body /id: …`.
fn of_body(violations: &[Value]) -> Vec<Value> {
    let texts = violations.iter().filter_map(Value::as_str);
    let placed = texts.filter_map(|text| text.strip_prefix("response ")?.split_once(' '));
    placed.map(|(_, rest)| Value::from(rest)).collect()
}

fn violations(all: &[Value], noun: &str) -> Markup {
    let title = match noun.split_once(' ') {
        Some((noun, rest)) => format!("{} {rest}", counted(all.len() as u64, noun)),
        None => counted(all.len() as u64, noun),
    };
    html! {
        @if !all.is_empty() {
            h3 { (title) }
            ul.violations {
                @for violation in all.iter().take(MOST) { li { (short(violation)) } }
            }
        }
    }
}

/// Writes the answer to a request that the page sent, with its explanation.
pub(super) fn sent(value: &Value) -> Markup {
    let response = &value["response"];
    let number = value["number"].as_u64();
    html! {
        article.sent {
            h2 { "Answer " (status(&response["status"].to_string())) }
            @if value.get("answeredBy").is_some() {
                p.note { "The sandbox answered: requests that this page sends are not forwarded to the real API." }
            }
            p.note {
                (text(value, "source"))
                @if let Some(number) = number { ", " a href=(format!("#/requests/{number}")) { "request " (number) } }
                @if let Some(delay) = value["delay"].as_u64().filter(|delay| *delay > 0) { ", a client waits " (delay) " ms for it" }
                @if let Some(fault) = value["fault"].as_str() { ", with the fault " code { (fault) } ", which this page does not simulate" }
            }
            (table("Header fields", &response["headers"]))
            @if !response["content"].is_null() { (block(&response["content"])) (cut(response)) }
            (explained(&value["explanation"]))
        }
    }
}

/// Writes the explanation of an answer, with the answer.
pub(super) fn explanation(value: &Value) -> Markup {
    let response = &value["response"];
    html! {
        article.explanation {
            @match (value["number"].as_u64(), value.get("recorded")) {
                (Some(number), Some(recorded)) => {
                    h2 { "Why request " (number) " was answered with " (status(&recorded["status"].to_string())) }
                    p { "It was answered from: " strong { (text(recorded, "source")) } "." (answerer(recorded)) }
                    p.note {
                        "Below is how " @if text(recorded, "answeredBy").is_empty() { "the same request would be answered now" } @else { "the sandbox would answer the same request now" }
                        @if recorded["status"] == response["status"] { "." } @else { ", with " (status(&response["status"].to_string())) ": the state, the fixtures or the documents have changed since." }
                    }
                },
                _ => { h2 { "This would be answered with " (status(&response["status"].to_string())) } },
            }
            (explained(value))
            h3 { "Answer" }
            (table("Header fields", &response["headers"]))
            @if !response["content"].is_null() { (block(&response["content"])) }
        }
    }
}

/// Writes the decisions behind an answer.
fn explained(value: &Value) -> Markup {
    let read = &value["read"];
    let violated = items(value, "violations");
    html! {
        h3 { "Why this answer" }
        p {
            @match value["operation"].as_str() {
                Some(operation) => {
                    "The request matches " a href=(format!("#/operations/{}", encode(operation))) { (operation) }
                    " (" span.path { (text(value, "path")) } " in " (text(value, "document")) "). "
                },
                None => { "No operation matches the request. " },
            }
            "It is answered with " strong { (text(value, "decision")) } ": " (text(value, "reason")) "."
        }
        @if let Some(resource) = value.get("resource").filter(|resource| !resource.is_null()) {
            p { "The operation does " strong { (text(resource, "does")) } " on the collection " span.path { (text(resource, "collection")) } ": " (text(resource, "reason")) "." }
        }
        (violations(violated, "violation"))
        h3 { "The request as it was read" }
        (table("Path parameters", &read["path"]))
        (table("Query parameters", &read["query"]))
        (table("Header fields", &read["header"]))
        (table("Cookies", &read["cookie"]))
        @let preferences = chosen(&read["preferences"]);
        (table("Preferences", &preferences))
        @if !read["body"].is_null() { h4 { "Content" } (judged(&read["body"], violated)) }
        (alternatives(items(value, "alternatives")))
    }
}

/// Returns the members that are not null.
fn chosen(values: &Value) -> Value {
    let all = values.as_object().into_iter().flatten();
    let all = all.filter(|(_, value)| !value.is_null());
    Value::Object(
        all.map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    )
}

fn alternatives(all: &[Value]) -> Markup {
    html! {
        @if !all.is_empty() {
            h3 { "Chosen and not chosen" }
            table {
                thead { tr { th scope="col" { "Answer" } th scope="col" { "Media types" } th scope="col" { "Examples" } th scope="col" { "Chosen" } } }
                tbody {
                    @for one in all.iter().take(MOST) {
                        tr {
                            @match one["fixture"].as_str() {
                                Some(fixture) => { td colspan="3" { "fixture " (fixture) } },
                                None => {
                                    td { (status(text(one, "status"))) }
                                    td { (list_of(items(one, "mediaTypes"))) }
                                    td { (list_of(items(one, "examples"))) }
                                },
                            }
                            td { @if one["chosen"].as_bool() == Some(true) { "✓ chosen" } }
                        }
                    }
                }
            }
        }
    }
}

fn list_of(texts: &[Value]) -> String {
    texts
        .iter()
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Writes the differences between two exchanges.
pub(super) fn changes(value: &Value) -> Markup {
    let all = items(value, "changes");
    html! {
        article.changes {
            h2 { "Requests " (number(value, "number")) " and " (number(value, "with")) }
            @if all.is_empty() { p { "There is no difference." } } @else {
                table {
                    thead { tr { th scope="col" { "Place" } th scope="col" { "Request " (number(value, "number")) } th scope="col" { "Request " (number(value, "with")) } } }
                    tbody {
                        @for change in all {
                            tr {
                                th scope="row" { (text(change, "at")) }
                                td.before { (value_or_none(&change["before"])) }
                                td.after { (value_or_none(&change["after"])) }
                            }
                        }
                    }
                }
                @if number(value, "leftOut") > 0 { p.note { (number(value, "leftOut")) " further differences are left out." } }
            }
        }
    }
}

fn value_or_none(value: &Value) -> Markup {
    html! { @if value.is_null() { span.note { "none" } } @else { code { (short(value)) } } }
}

/// Writes the fixture that answers a recorded request again.
pub(super) fn fixture(value: &Value) -> Markup {
    html! {
        article.kept {
            h2 { "A fixture that answers this again" }
            @for warning in items(value, "warnings") { p.warning { (short(warning)) } }
            @match value["file"].as_str() {
                Some(file) => {
                    p { strong { "Written to " (file) "." } }
                    @if let Some(error) = value["reload"]["error"].as_str() { p.warning { "It was not loaded: " (error) } }
                },
                None => { p { "Put it in a file of your folder of fixtures, or pin it for this session." } },
            }
            pre tabindex="0" { code data-copy="true" { (text(value, "yaml")) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration(999), "999 µs");
        assert_eq!(duration(1_250), "1.2 ms");
        assert_eq!(duration(2_340_000), "2.3 s");
    }
}
