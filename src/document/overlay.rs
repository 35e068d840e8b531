//! Overlays (OpenAPI Overlay Specification 1.0 and 1.1): changes to documents that the user cannot
//! edit.
//!
//! They are applied before any other step reads a document. This is the only file that names
//! `serde_json_path`.
use std::sync::Arc;

use serde_json::Value;
use serde_json_path::JsonPath;

use crate::diagnostic::{Code, Diagnostic, Place, Source};
use crate::document::position;
use crate::document::syntax::{self, join, size};

/// A parsed overlay.
#[derive(Debug)]
pub(super) struct Overlay {
    source: Arc<Source>,
    /// Document that the overlay is for, if it names one.
    extends: Option<String>,
    /// True once the overlay was applied to a document.
    is_used: bool,
    actions: Vec<OverlayAction>,
}

/// An action: one change of a document.
#[derive(Debug)]
struct OverlayAction {
    target: JsonPath,
    /// The target as the author wrote it.
    text: String,
    change: OverlayChange,
    /// JSON Pointer of the action in the overlay.
    at: String,
    /// True once the action was applied to a document.
    has_effect: bool,
    /// Field whose path matched nothing: `target` or `copy`.
    lacks: &'static str,
}

#[derive(Debug)]
enum OverlayChange {
    Remove,
    Update(Value),
    /// A copy of the value at another path, with the path as the author wrote it (1.1).
    Copy(JsonPath, String),
}

/// Reads the text of an overlay and returns it with its diagnostics.
///
/// # Errors
///
/// Returns no overlay if the text cannot be parsed or its version is not 1.x. An action that cannot
/// be read is a diagnostic and is skipped.
pub(super) fn read(name: &str, text: String) -> (Option<Overlay>, Vec<Diagnostic>) {
    let parsed = syntax::parse(&text);
    let source = Source::new(name.to_owned(), text, position::positions);
    let tree = match parsed {
        Ok(parsed) => parsed.tree,
        Err(error) => {
            let place = Place::exact(&source, error.span);
            return (
                None,
                vec![Diagnostic::at(Code::BrokenOverlay, place, error.message)],
            );
        }
    };
    let broken = |at: &str, message: String| {
        Diagnostic::at(Code::BrokenOverlay, Place::value(&source, at), message)
    };
    let version = tree
        .get("overlay")
        .map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
    if !version
        .as_ref()
        .is_some_and(|version| version.starts_with("1."))
    {
        let is = version.map_or_else(
            || "is missing".to_owned(),
            |version| format!("is `{version}`"),
        );
        let message = format!("`overlay` {is}, expected `1.0.0` or `1.1.0`");
        return (
            None,
            vec![broken("/overlay", message).help("the overlay is not applied")],
        );
    }
    let mut found = Vec::new();
    let mut actions = Vec::new();
    for (index, value) in tree
        .get("actions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate()
    {
        let at = join("/actions", &index.to_string());
        match action(value, &at) {
            Ok(action) => actions.push(action),
            Err((at, message)) => found.push(broken(&at, message).help("this action is skipped")),
        }
    }
    if actions.is_empty() && found.is_empty() {
        found.push(broken("/actions", "the overlay has no actions".to_owned()));
    }
    let extends = tree
        .get("extends")
        .and_then(Value::as_str)
        .map(str::to_owned);
    (
        Some(Overlay {
            source,
            extends,
            is_used: false,
            actions,
        }),
        found,
    )
}

fn action(value: &Value, at: &str) -> Result<OverlayAction, (String, String)> {
    let path = |field: &str| {
        let text = value.get(field)?.as_str()?;
        Some(JsonPath::parse(text).map_err(|error| {
            (
                join(at, field),
                format!("`{text}` is not a JSONPath: {error}"),
            )
        }))
    };
    let said = |field: &str| {
        value
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let target =
        path("target").ok_or_else(|| (at.to_owned(), "an action has no `target`".to_owned()))??;
    let change = match (value.get("remove"), value.get("update"), path("copy")) {
        (Some(Value::Bool(true)), ..) => OverlayChange::Remove,
        (_, Some(update), _) => OverlayChange::Update(update.clone()),
        (_, None, Some(from)) => OverlayChange::Copy(from?, said("copy")),
        _ => {
            let message = "an action has neither `update` nor `copy` nor `remove: true`".to_owned();
            return Err((at.to_owned(), message));
        }
    };
    Ok(OverlayAction {
        target,
        text: said("target"),
        change,
        at: at.to_owned(),
        has_effect: false,
        lacks: "target",
    })
}

impl Overlay {
    /// Applies the overlay to the document `name`, unless it is for another one. Returns a
    /// diagnostic for the action that would add too many values; it and the actions after it are
    /// not applied.
    pub(super) fn apply(&mut self, tree: &mut Value, name: &str) -> Vec<Diagnostic> {
        if self
            .extends
            .as_deref()
            .is_some_and(|extends| !is_same_file(extends, name))
        {
            return Vec::new();
        }
        self.is_used = true;
        let mut found = Vec::new();
        let mut added = 0_usize;
        for action in &mut self.actions {
            let located = action.target.query_located(tree);
            let targets: Vec<String> = located
                .locations()
                .map(serde_json_path::NormalizedPath::to_json_pointer)
                .collect();
            let update = match &action.change {
                OverlayChange::Remove => None,
                OverlayChange::Update(update) => Some(update.clone()),
                OverlayChange::Copy(from, _) => match from.query(tree).first() {
                    Some(value) => Some(value.clone()),
                    None => {
                        action.lacks = if targets.is_empty() { "target" } else { "copy" };
                        continue;
                    }
                },
            };
            action.has_effect |= !targets.is_empty();
            added = added.saturating_add(
                update
                    .as_ref()
                    .map_or(0, size)
                    .saturating_mul(targets.len()),
            );
            if added > MOST_ADDED {
                let message = format!(
                    "`{}` and the actions before it add more than {MOST_ADDED} values",
                    action.text
                );
                let place = Place::value(&self.source, join(&action.at, "target"));
                let help = "it and the actions after it are not applied";
                found.push(Diagnostic::at(Code::BrokenOverlay, place, message).help(help));
                break;
            }
            // Begin at the end, so that a removal does not move the targets that remain.
            for target in targets.iter().rev() {
                match &update {
                    None => remove(tree, target),
                    Some(update) => {
                        if let Some(there) = tree.pointer_mut(target) {
                            merge(there, update);
                        }
                    }
                }
            }
        }
        found
    }

    /// Returns a diagnostic if the overlay matched no document, else one for each action that
    /// changed nothing in any document.
    pub(super) fn without_effect(&self) -> Vec<Diagnostic> {
        if !self.is_used {
            let extends = self.extends.as_deref().unwrap_or_default();
            let place = Place::value(&self.source, "/extends");
            let message = format!("the overlay is for `{extends}`, and no document has this name");
            return vec![
                Diagnostic::at(Code::OverlayWithoutEffect, place, message)
                    .help("it changes nothing"),
            ];
        }
        let idle = self.actions.iter().filter(|action| !action.has_effect);
        let explain = |action: &OverlayAction| {
            let text = match &action.change {
                OverlayChange::Copy(_, from) if action.lacks == "copy" => from,
                _ => &action.text,
            };
            let message = format!("nothing in any document is at `{text}`");
            let place = Place::value(&self.source, join(&action.at, action.lacks));
            Diagnostic::at(Code::OverlayWithoutEffect, place, message)
                .help("the action changes nothing")
        };
        idle.map(explain).collect()
    }
}

/// Maximum number of values that an overlay adds to a document; the action that would exceed it and
/// those after it are not applied.
const MOST_ADDED: usize = 2_000_000;

/// Returns true if `extends`, a file or URI, means the document `name`: their last segments agree.
fn is_same_file(extends: &str, name: &str) -> bool {
    let last = |text: &str| {
        text.rsplit(['/', '\\'])
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    last(extends) == last(name)
}

fn remove(tree: &mut Value, pointer: &str) {
    let Some((parent, name)) = pointer.rsplit_once('/') else {
        return;
    };
    let name = syntax::unescape(name);
    match tree.pointer_mut(parent) {
        Some(Value::Object(object)) => {
            object.shift_remove(&name);
        }
        Some(Value::Array(items)) => {
            if let Some(index) = name
                .parse::<usize>()
                .ok()
                .filter(|index| *index < items.len())
            {
                items.remove(index);
            }
        }
        _ => {}
    }
}

/// Merges an update into a value (Overlay 1.1.0 §4.4.3): objects are merged, lists are joined,
/// another value is appended to a list, anything else is replaced.
fn merge(there: &mut Value, update: &Value) {
    match (there, update) {
        (Value::Object(there), Value::Object(update)) => {
            for (name, value) in update {
                match there.get_mut(name) {
                    Some(member) => merge(member, value),
                    None => {
                        there.insert(name.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(there), Value::Array(update)) => there.extend(update.iter().cloned()),
        (Value::Array(there), update) => there.push(update.clone()),
        (there, update) => *there = update.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn applied(actions: &Value, mut tree: Value) -> (Value, usize) {
        let text =
            json!({"overlay": "1.1.0", "info": {"title": "t", "version": "1"}, "actions": actions})
                .to_string();
        let (overlay, found) = read("o.json", text);
        assert!(found.is_empty(), "{found:?}");
        let mut overlay = overlay.expect("can be read");
        assert_eq!(overlay.apply(&mut tree, "a.yaml").len(), 0);
        (tree, overlay.without_effect().len())
    }

    #[test]
    fn objects_are_merged_and_lists_joined() {
        let (tree, idle) = applied(
            &json!([{"target": "$.info", "update": {"x": {"b": 2}, "tags": [3], "title": "new"}}]),
            json!({"info": {"x": {"a": 1}, "tags": [1, 2], "title": "old"}}),
        );
        assert_eq!(
            tree,
            json!({"info": {"x": {"a": 1, "b": 2}, "tags": [1, 2, 3], "title": "new"}})
        );
        assert_eq!(idle, 0);
    }

    #[test]
    fn every_target_is_removed() {
        let (tree, _) = applied(
            &json!([{"target": "$.p[?@.drop == true]", "remove": true}, {"target": "$..secret", "remove": true}]),
            json!({"p": [{"drop": true}, {"n": 1, "secret": 1}, {"drop": true}]}),
        );
        assert_eq!(tree, json!({"p": [{"n": 1}]}));
    }

    #[test]
    fn values_are_copied_and_idle_actions_told() {
        let (tree, idle) = applied(
            &json!([{"target": "$.b", "copy": "$.a"}, {"target": "$.nowhere", "update": {}}]),
            json!({"a": {"x": 1}, "b": {"y": 2}}),
        );
        assert_eq!(tree, json!({"a": {"x": 1}, "b": {"y": 2, "x": 1}}));
        assert_eq!(idle, 1);
    }

    #[test]
    fn what_grows_without_end_is_cut() {
        let actions: Vec<Value> = (0..60)
            .map(|n| json!({"target": "$..*", "update": {format!("k{n}"): {"b": {}}}}))
            .collect();
        let text = json!({"overlay": "1.0.0", "actions": actions}).to_string();
        let mut overlay = read("o.json", text).0.expect("can be read");
        let mut tree = json!({"a": {"b": {}}, "c": {}});
        let found = overlay.apply(&mut tree, "a.yaml");
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn broken_overlays_are_told() {
        for text in [
            "{",
            "overlay: 2.0.0",
            "overlay: 1.0.0\nactions: [{}]",
            "overlay: 1.0.0\nactions: [{target: '$['}]",
        ] {
            let (_, found) = read("o.yaml", text.to_owned());
            assert_eq!(found.len(), 1, "{text}");
        }
    }
}
