//! Diagnostics as HTML: what was found in the documents, with the lines that it is about.
use maud::{Markup, html};
use serde_json::Value;

use crate::codec::text::encode;
use crate::diagnostic::escape;
use crate::server::console::outline::address;
use crate::server::console::parts::{counted, items, number, text};

/// Returns a part of the list of diagnostics.
pub(super) fn list(answer: &Value) -> Markup {
    let left_out = number(answer, "leftOut");
    html! {
        section class="diagnostics" data-total=(number(answer, "total")) data-offset=(number(answer, "offset")) {
            p class="note" {
                (counted(number(answer, "errors"), "error")) ", " (counted(number(answer, "warnings"), "warning"))
                @if left_out > 0 { "; " (left_out) " more are not listed here, " code { "standin check" } " lists all" }
            }
            @if items(answer, "diagnostics").is_empty() { p { "nothing was found" } }
            @for diagnostic in items(answer, "diagnostics") { (one(diagnostic)) }
        }
    }
}

fn one(diagnostic: &Value) -> Markup {
    let severity = text(diagnostic, "severity");
    let help = text(diagnostic, "help");
    html! {
        article class="diagnostic" {
            h3 {
                span class={ "severity-" (severity) } { (severity) } " "
                span class="tag" { (text(diagnostic, "code")) } " "
                (escape::one_line(text(diagnostic, "message")))
            }
            (place(diagnostic))
            @if !items(diagnostic, "excerpt").is_empty() { (excerpt(diagnostic)) }
            @if !help.is_empty() { p { "help: " (help) } }
        }
    }
}

/// Returns the place of a diagnostic, with a link to the operation or the schema that it is in.
fn place(diagnostic: &Value) -> Markup {
    let operation = text(diagnostic, "operation");
    let schema = diagnostic.get("schema").filter(|schema| schema.is_object());
    html! {
        @if !text(diagnostic, "file").is_empty() {
            p class="note" {
                (escape::one_line(text(diagnostic, "file"))) ":" (number(diagnostic, "line")) ":" (number(diagnostic, "column"))
                @if !operation.is_empty() {
                    " in " a href={ "#/operations/" (encode(operation)) } { (operation) }
                }
                @if let Some(schema) = schema {
                    " in " a href=(address(text(schema, "name"), schema.get("document").and_then(Value::as_str))) {
                        (text(schema, "name"))
                    }
                }
            }
        }
    }
}

/// Returns the lines around a place, with the place marked.
fn excerpt(diagnostic: &Value) -> Markup {
    let lines = items(diagnostic, "excerpt");
    let last = lines.last().map_or(0, |line| number(line, "line"));
    let width = last.to_string().len();
    html! {
        pre tabindex="0" {
            code {
                @for line in lines {
                    (format!("{:width$} | ", number(line, "line")))
                    (marked(line))
                    "\n"
                }
            }
        }
    }
}

/// Returns a line, with its mark if it has one.
fn marked(line: &Value) -> Markup {
    let shown = text(line, "text");
    let part = |from: usize, length: usize| -> String {
        let part: String = shown.chars().skip(from).take(length).collect();
        escape::one_line(&part).into_owned()
    };
    // More characters than any line has.
    let rest = shown.len();
    let column = usize::try_from(number(line, "column")).unwrap_or(0);
    let length = usize::try_from(number(line, "length")).unwrap_or(0);
    html! {
        @if let Some(before) = column.checked_sub(1) {
            (part(0, before)) mark { (part(before, length)) } (part(before + length, rest))
        } @else { (part(0, rest)) }
        @if line.get("cut").is_some() { " …" }
    }
}
