//! Outline of a schema as HTML: a tree of properties with types, constraints and values.
use maud::{Markup, html};
use serde_json::Value;

use crate::codec::text::{encode, plain};
use crate::server::console::markdown::markdown;
use crate::server::console::parts::{is, items, number, text};

/// Depth from which the parts of a schema are folded.
const FOLDED: usize = 3;

/// Keywords that list schemas, with their words for people.
const COMPOSITIONS: [(&str, &str, &str); 4] = [
    ("allOf", "allOfLeftOut", "all of"),
    ("oneOf", "oneOfLeftOut", "one of"),
    ("anyOf", "anyOfLeftOut", "any of"),
    ("prefixItems", "prefixItemsLeftOut", "first items"),
];

/// Members with one schema, with their words for people.
const PARTS: [(&str, &str); 6] = [
    ("items", "items"),
    ("additional", "other properties"),
    ("propertyNames", "names of properties"),
    ("contains", "contains"),
    ("not", "not"),
    ("contentSchema", "content"),
];

/// Returns the outline of a schema as a list with one item.
pub(super) fn tree(outline: &Value) -> Markup {
    html! {
        ul class="schema" {
            li { (head(outline, None)) (body(outline, 0)) }
        }
    }
}

/// Returns the types of a schema, its link, constraints and marks.
pub(super) fn kind(outline: &Value) -> Markup {
    let reference = text(outline, "ref");
    let shown = text(outline, "type");
    html! {
        @if reference.is_empty() {
            span class="type" { (shown) }
        } @else {
            (link(outline)) " "
            span class="note" { (shown) }
        }
        @if let Some(format) = outline.get("format").and_then(Value::as_str) {
            " " span class="note" { (format) }
        }
        @if let Some(media) = outline.get("contentMediaType").and_then(Value::as_str) {
            " " span class="note" { (media) }
        }
        @for constraint in items(outline, "constraints").iter().filter_map(Value::as_str) {
            " " span class="constraint" { (constraint) }
        }
        @for (name, words) in [("readOnly", "read only"), ("writeOnly", "write only"), ("deprecated", "deprecated")] {
            @if is(outline, name) { " " span class="tag" { (words) } }
        }
    }
}

/// Returns the link of an outline that is a reference.
fn link(outline: &Value) -> Markup {
    let name = text(outline, "ref");
    html! {
        a href=(address(name, outline.get("document").and_then(Value::as_str))) { (name) }
    }
}

/// Returns the address of a schema in the page.
pub(super) fn address(name: &str, document: Option<&str>) -> String {
    let address = format!("#/schemas/{}", encode(name));
    match document {
        Some(document) => format!("{address}?document={}", encode(document)),
        None => address,
    }
}

/// Returns the first line of a schema: the name of the property, and its type.
fn head(outline: &Value, property: Option<&Value>) -> Markup {
    html! {
        @if let Some(property) = property {
            span class="path" { (text(property, "name")) }
            @if is(property, "required") { " " span class="tag required" { "required" } }
            " "
        }
        (kind(outline))
        (remarks(outline))
    }
}

/// Returns the values and the description of a schema.
fn remarks(outline: &Value) -> Markup {
    let description = text(outline, "description");
    html! {
        @if outline.get("enum").is_some() {
            div class="note" {
                "one of "
                @for (index, value) in items(outline, "enum").iter().enumerate() {
                    @if index > 0 { ", " }
                    code { (value.to_string()) }
                }
                (left_out(outline, "enumLeftOut", "value"))
            }
        }
        @for name in ["default", "example"] {
            @if let Some(value) = outline.get(name) {
                div class="note" { (name) " " code { (value.to_string()) } }
            }
        }
        @if !text(outline, "discriminator").is_empty() {
            div class="note" { "told apart by " code { (text(outline, "discriminator")) } }
        }
        @if !text(outline, "unknown").is_empty() {
            div class="note" { "anything is allowed here: " (text(outline, "unknown")) }
        }
        @if outline.get("requires").is_some() {
            div class="note" {
                "requires "
                @for (index, name) in items(outline, "requires").iter().enumerate() {
                    @if index > 0 { ", " }
                    code { (plain(name)) }
                }
            }
        }
        @if !description.is_empty() { div class="description" { (markdown(description)) } }
        @if is(outline, "leftOut") { div class="note" { "more is not shown here" } }
    }
}

/// Returns the properties and parts of a schema.
fn body(outline: &Value, depth: usize) -> Markup {
    let has_parts = PARTS.iter().any(|(name, _)| outline.get(name).is_some())
        || COMPOSITIONS
            .iter()
            .any(|(name, ..)| outline.get(name).is_some())
        || ["properties", "patternProperties"]
            .iter()
            .any(|name| outline.get(name).is_some());
    if !has_parts {
        return html! {};
    }
    let parts = html! {
        ul class="schema" {
            @for property in items(outline, "properties").iter().chain(items(outline, "patternProperties")) {
                li { (head(property, Some(property))) (body(property, depth + 1)) }
            }
            (left_out_row(outline, "propertiesLeftOut", "property"))
            @for (name, words) in PARTS {
                @if let Some(part) = outline.get(name) {
                    li { span class="note" { (words) } " " (head(part, None)) (body(part, depth + 1)) }
                }
            }
            @for (name, missing, words) in COMPOSITIONS {
                @if outline.get(name).is_some() {
                    li {
                        span class="note" { (words) }
                        ul class="schema" {
                            @for part in items(outline, name) {
                                li { (head(part, None)) (body(part, depth + 1)) }
                            }
                            (left_out_row(outline, missing, "schema"))
                        }
                    }
                }
            }
        }
    };
    if depth < FOLDED {
        return parts;
    }
    html! { details { summary { "parts" } (parts) } }
}

fn left_out_row(outline: &Value, name: &str, noun: &str) -> Markup {
    html! {
        @if number(outline, name) > 0 { li class="note" { (left_out(outline, name, noun)) } }
    }
}

/// Returns the sentence that tells how many things are not shown.
fn left_out(outline: &Value, name: &str, noun: &str) -> Markup {
    let count = number(outline, name);
    let nouns = match (count, noun) {
        (1, noun) => noun.to_owned(),
        (_, "property") => "properties".to_owned(),
        (_, noun) => format!("{noun}s"),
    };
    html! { @if count > 0 { " and " (count) " more " (nouns) } }
}
