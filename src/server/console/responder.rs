//! The console of a proxy: who answers an operation, and the switch that changes it.
use maud::{Markup, html};
use serde_json::Value;

use crate::server::console::parts::{items, text};

/// Buttons of the switch: the value of `upstream` in a fixture, and the label.
const CHOICES: [(&str, &str); 3] = [
    ("real", "Real API"),
    ("sandbox", "Sandbox"),
    ("", "As started"),
];

/// Returns the name of a program for people.
pub(super) fn program(name: &str) -> &str {
    match name {
        "real" => "the real API",
        "proxy" => "the proxy",
        "receiver" => "the receiver",
        _ => "the sandbox",
    }
}

/// Writes the mark of an operation in a list; nothing without a real API.
pub(super) fn mark(operation: &Value) -> Markup {
    let name = text(&operation["responder"], "name");
    html! {
        @if !name.is_empty() {
            span.tag.by data-by=(name) title=(sentence(&operation["responder"])) { (name) }
        }
    }
}

/// Writes who answers an operation, why, and the switch; nothing without a real API.
pub(super) fn switch(operation: &Value) -> Markup {
    let Some(responder) = operation.get("responder").filter(|own| own.is_object()) else {
        return html! {};
    };
    let fallback: Vec<&str> = items(responder, "fallback")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let is_real = text(responder, "name") == "real";
    html! {
        section.responder data-operation=(text(operation, "operation")) data-switches=(responder["switches"].to_string()) {
            h3 { "Who answers" }
            p.now role="status" { strong { "Now " (sentence(responder)) "." } }
            p.modes role="group" aria-label="Who answers" {
                @for (name, label) in CHOICES {
                    button.switch type="button" data-responder=(name) aria-pressed=(is_pressed(responder, name)) { (label) } " "
                }
            }
            p.note { "Without what was chosen here, " (sentence(&responder["started"])) "." }
            @for one in items(responder, "conditional") { p { "For some requests, " (sentence(one)) "." } }
            @if is_real {
                p.note {
                    "The real API is " code { (text(responder, "upstream")) } ". Its answers pass unchanged: a delay of a pin applies to the sandbox only."
                    @if !fallback.is_empty() { " The sandbox answers for it after " (fallback.join(", ")) " (" code { "--fallback" } ")." }
                }
            }
        }
    }
}

/// Returns who answers, and the reason: `the sandbox answers, because of the option --sandbox createPet`.
fn sentence(responder: &Value) -> String {
    let program = program(text(responder, "name"));
    format!("{program} answers, because of {}", cause(responder))
}

fn cause(responder: &Value) -> String {
    let why = text(responder, "why");
    let why = why.replace('`', "");
    match text(responder, "reason") {
        "default" => format!("the default: {why}"),
        "option" => format!("the option {why}"),
        _ => why,
    }
}

/// Returns true for the button of the choice that holds: a switch of this operation, or none.
fn is_pressed(responder: &Value, choice: &str) -> bool {
    let is_switch = items(responder, "switches").contains(&responder["fixture"]);
    match text(responder, "reason") {
        "added-fixture" => is_switch && text(responder, "name") == choice,
        _ => choice.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pressed(responder: &Value) -> Vec<&'static str> {
        let all = CHOICES.iter().map(|(name, _)| *name);
        all.filter(|name| is_pressed(responder, name)).collect()
    }

    #[test]
    fn the_choice_of_the_operation_itself_is_pressed() {
        let started =
            json!({"name": "sandbox", "reason": "option", "why": "--sandbox *", "switches": []});
        assert_eq!(pressed(&started), [""]);
        assert_eq!(
            sentence(&started),
            "the sandbox answers, because of the option --sandbox *"
        );
        let switched =
            json!({"name": "real", "reason": "added-fixture", "fixture": 3, "switches": [3]});
        assert_eq!(pressed(&switched), ["real"]);
        let of_group =
            json!({"name": "real", "reason": "added-fixture", "fixture": 4, "switches": []});
        assert!(pressed(&of_group).is_empty());
    }
}
