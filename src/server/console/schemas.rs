//! Named schemas as HTML: rows of the list, and the reference page of one schema.
use maud::{Markup, html};
use serde_json::Value;

use crate::codec::text::encode;
use crate::server::console::markdown::markdown;
use crate::server::console::outline::{address, tree};
use crate::server::console::parts::{block, is, items, number, text};

/// Returns the rows of a list of schemas.
pub(super) fn rows(answer: &Value) -> Markup {
    html! {
        ul class="rows" data-total=(number(answer, "total")) data-offset=(number(answer, "offset")) {
            @for schema in items(answer, "schemas") { (row(schema)) }
        }
    }
}

fn row(schema: &Value) -> Markup {
    html! {
        li {
            a href=(address(text(schema, "name"), Some(text(schema, "document")))) {
                span class="name" { (text(schema, "name")) } " "
                span class="tag" { (text(schema, "type")) } " "
                @if number(schema, "uses") > 0 { span class="count" { (number(schema, "uses")) } " " }
                span class="note" { (text(schema, "summary")) }
            }
        }
    }
}

/// Returns the reference page of a schema.
pub(super) fn page(schema: &Value) -> Markup {
    html! {
        article class="schema-page" {
            h2 { span class="name" { (text(schema, "name")) } " " span class="tag" { (text(schema, "type")) } }
            p class="note" { (text(schema, "file")) ":" (number(schema, "line")) }
            @if !text(schema, "description").is_empty() {
                div class="description" { (markdown(text(schema, "description"))) }
            }
            h3 { "Schema" }
            @if let Some(outline) = schema.get("outline") { (tree(outline)) }
            (example(schema))
            (users(schema))
        }
    }
}

fn example(schema: &Value) -> Markup {
    html! {
        @if let Some(value) = schema.get("example") {
            h3 { "Example" }
            @if !is(schema, "exampleFits") { p class="note" { "this value does not fit the schema, and no other was found" } }
            (block(value))
        }
        @if is(schema, "exampleLeftOut") { p class="note" { "the example is too large to be shown here" } }
    }
}

fn users(schema: &Value) -> Markup {
    html! {
        @if !items(schema, "operations").is_empty() {
            h3 { "Operations" }
            ul {
                @for operation in items(schema, "operations") {
                    li {
                        a href={ "#/operations/" (encode(text(operation, "operation"))) } {
                            span class="method" data-method=(text(operation, "method")) { (text(operation, "method")) } " "
                            span class="path" { (text(operation, "path")) }
                        }
                    }
                }
                (left_out(schema, "operationsLeftOut"))
            }
        }
        @if !items(schema, "schemas").is_empty() {
            h3 { "Schemas that refer to it" }
            ul {
                @for user in items(schema, "schemas") {
                    li {
                        a href=(address(text(user, "name"), user.get("document").and_then(Value::as_str))) {
                            (text(user, "name"))
                        }
                    }
                }
                (left_out(schema, "schemasLeftOut"))
            }
        }
    }
}

fn left_out(schema: &Value, name: &str) -> Markup {
    let count = number(schema, name);
    html! { @if count > 0 { li class="note" { "and " (count) " more" } } }
}
