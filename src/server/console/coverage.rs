//! The console: operations and their statuses as a map of squares.
use maud::{Markup, html};
use serde_json::Value;

use crate::codec::text::encode;
use crate::server::console::parts::{counted, items, method, number, text};

/// Writes a row for each operation, with a square for each status.
pub(super) fn list(value: &Value) -> Markup {
    html! {
        ul.rows.map data-total=(number(value, "total")) data-offset=(number(value, "offset")) data-called=(number(value, "called")) data-all=(number(value, "all")) {
            @for operation in items(value, "operations") {
                @let name = encode(text(operation, "operation"));
                li {
                    a href=(format!("#/try/{name}")) { (method(text(operation, "method"))) span.path { (text(operation, "path")) } }
                    span.squares { @for one in items(operation, "statuses") { (square(&name, one)) } }
                    span.note { (counted(number(operation, "count"), "call")) }
                }
            }
        }
    }
}

fn square(name: &str, one: &Value) -> Markup {
    let (code, count) = (text(one, "status"), number(one, "count"));
    let is_documented = one["documented"].as_bool() != Some(false);
    let label = match (is_documented, count) {
        (false, count) => format!("{code}, not documented, {}", counted(count, "answer")),
        (true, 0) => format!("{code}, never answered"),
        (true, count) => format!("{code}, {}", counted(count, "answer")),
    };
    let target = match code.parse::<u16>() {
        Ok(code) => format!("#/try/{name}?code={code}"),
        Err(_) => format!("#/try/{name}"),
    };
    html! {
        a.square href=(target) data-class=(code.get(..1).unwrap_or_default()) data-hit=(count > 0)
            data-documented=(is_documented) title=(label) aria-label=(label) { (code) }
    }
}
