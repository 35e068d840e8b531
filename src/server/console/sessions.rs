//! The console: sessions, scenarios, and the fixtures that were added to the session.
use maud::{Markup, html};
use serde_json::Value;

use crate::codec::text::encode;
use crate::server::console::parts::{bytes, counted, items, number, rows, short, status, text};
use crate::server::console::responder::program;

/// Writes the rows of the sessions.
pub(super) fn list(value: &Value) -> Markup {
    let all: Vec<Markup> = items(value, "sessions").iter().map(row).collect();
    rows(value, &all)
}

fn row(session: &Value) -> Markup {
    let name = text(session, "name");
    html! {
        a href=(format!("?session={}#/sessions", encode(name))) data-session=(name) {
            span.name { @if name.is_empty() { "unnamed session" } @else { (name) } }
            span.count { (bytes(number(session, "bytes"))) }
            @if number(session, "fixtures") > 0 { span.tag { (counted(number(session, "fixtures"), "added fixture")) } }
            @if number(session, "snapshots") > 0 { span.tag { (counted(number(session, "snapshots"), "snapshot")) } }
            @if let Some(scenario) = session["scenario"].as_str() { span.tag { "scenario " (scenario) } }
        }
    }
}

/// Writes the choice of a scenario.
pub(super) fn scenario(value: &Value) -> Markup {
    let (chosen, all) = (value["scenario"].as_str(), items(value, "scenarios"));
    html! {
        @if all.is_empty() { p.note { "No fixture has a scenario." } } @else {
            form.inline data-call="PUT scenario" data-fields="true" {
                label { "Scenario "
                    select name="scenario" {
                        option value="" selected[chosen.is_none()] { "none" }
                        @for name in all.iter().filter_map(Value::as_str) {
                            option value=(name) selected[chosen == Some(name)] { (name) }
                        }
                    }
                }
                " " button { "Select" }
            }
        }
    }
}

/// Writes the fixtures that were added to the session.
pub(super) fn fixtures(value: &Value) -> Markup {
    let all = items(value, "fixtures");
    html! {
        @if !all.is_empty() {
            ul.pinned {
                @for one in all {
                    @let fixture = &one["fixture"];
                    @let is_used = one.get("applied").is_some() && one.get("applied") == fixture.get("times");
                    li data-id=(number(one, "id")) data-operation=(text(one, "operation")) data-used=(is_used)
                        data-status=(number(fixture, "status")) data-example=(text(fixture, "example"))
                        data-fixture=(fixture.to_string()) {
                        (key(text(one, "operation")))
                        " " (effect(fixture)) " "
                        @if is_used { span.tag { "used" } " " }
                        button data-call=(format!("DELETE fixtures/{}", number(one, "id"))) aria-label=(format!("Let go of {}", text(one, "operation"))) { "Let go" }
                    }
                }
            }
            @if all.len() > 1 { button data-call="DELETE fixtures" { "Let go of all" } }
        }
    }
}

/// Writes the key of a fixture, with a link if it names one operation.
fn key(key: &str) -> Markup {
    let is_group = key.contains('*') || key.starts_with("tag:");
    html! {
        @if is_group { span.path { (key) } }
        @else { a href=(format!("#/operations/{}", encode(key))) { (key) } }
    }
}

/// Writes what a fixture does, in short.
fn effect(fixture: &Value) -> Markup {
    html! {
        @if let Some(name) = fixture["upstream"].as_str() { "answered by " (program(name)) " " }
        @if let Some(code) = fixture["status"].as_u64() { (status(&code.to_string())) " " }
        @if let Some(example) = fixture["example"].as_str() { "“" (example) "” " }
        @if fixture.get("body").is_some() { "own content " }
        @if fixture.get("patch").is_some() { "changed content " }
        @if fixture.get("when").is_some() { "on a condition " }
        @if let Some(times) = fixture.get("times") { @if times == 1 { "once " } @else { (short(times)) " times " } }
        @if let Some(every) = fixture.get("every") { "every " (short(every)) ". call " }
        @if let Some(delay) = fixture.get("delay") { "after " (short(delay)) " " }
        @if let Some(fault) = fixture.get("fault") { "fault " (short(fault)) " " }
        @if fixture.get("rate_limit").is_some() { "rate limit " }
    }
}
