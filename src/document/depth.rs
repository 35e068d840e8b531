//! Cuts schemas that are composed of others so deeply that no later stage could walk through them.
//!
//! The depth is the number of schemas that apply to one instance, each inside the other: by
//! `allOf`, `anyOf`, `oneOf`, `not`, `if` with `then` and `else`, and references.
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::diagnostic::{Code, Diagnostic, Place, Source};
use crate::document::extent::Extent;
use crate::document::reference::{ALLOWED, UNKNOWN, local_pointer};
use crate::document::shape::{ObjectKind, each_object};
use crate::document::syntax::{find, join};

/// Maximum number of schemas that apply to one instance, each inside the other. A deeper one allows
/// anything, which is a diagnostic.
const DEEPEST: usize = 256;

/// State of a schema during the search.
enum State {
    /// A schema whose parts are being visited.
    Open,
    /// A visited schema, with the number of schemas one inside the other, itself included.
    Done(usize),
}

/// A schema whose parts are being visited.
struct Visit {
    at: String,
    parts: Vec<(String, String)>,
    next: usize,
    height: usize,
}

/// Cuts the schemas of a document that are too deep and returns a diagnostic for each.
pub(super) fn cut(tree: &mut Value, extents: &[Extent], source: &Arc<Source>) -> Vec<Diagnostic> {
    let mut composed = Vec::new();
    for (kind, at) in extents {
        let Some(part) = tree.pointer_mut(at) else {
            continue;
        };
        each_object(*kind, part, at, &mut |kind, object, pointer| {
            if kind == ObjectKind::Schema && is_composed(object) {
                composed.push(pointer.to_owned());
            }
        });
    }
    // Fewer cannot be too deep.
    if composed.len() < DEEPEST {
        return Vec::new();
    }
    let mut too_deep = Vec::new();
    let mut known: HashMap<String, State> = HashMap::new();
    for at in composed {
        look(tree, at, &mut known, &mut too_deep);
    }
    let mut found = Vec::new();
    for at in too_deep {
        let message = format!("more than {DEEPEST} nested schemas apply to one value");
        if let Some(schema) = tree.pointer_mut(&at) {
            *schema = json!({ UNKNOWN: message });
        }
        found.push(Diagnostic::at(Code::TooDeep, Place::value(source, at), message).help(ALLOWED));
    }
    found
}

fn is_composed(schema: &Value) -> bool {
    let is_part = |keyword: &String| {
        matches!(
            keyword.as_str(),
            "allOf" | "anyOf" | "oneOf" | "not" | "if" | "$ref"
        )
    };
    schema
        .as_object()
        .is_some_and(|members| members.keys().any(is_part))
}

/// Visits the schemas that a schema is composed of, without recursion, and collects those too deep.
fn look(tree: &Value, at: String, known: &mut HashMap<String, State>, too_deep: &mut Vec<String>) {
    if known.contains_key(&at) {
        return;
    }
    known.insert(at.clone(), State::Open);
    let mut way = vec![Visit {
        parts: parts(tree, &at),
        at,
        next: 0,
        height: 0,
    }];
    while let Some(visit) = way.last_mut() {
        let Some((place, target)) = visit.parts.get(visit.next).cloned() else {
            let (at, height) = (visit.at.clone(), visit.height + 1);
            known.insert(at, State::Done(height));
            way.pop();
            if let Some(outer) = way.last_mut() {
                outer.height = outer.height.max(height);
            }
            continue;
        };
        visit.next += 1;
        let depth = way.len();
        match known.get(&target) {
            // A circle is only as deep as the instance.
            Some(State::Open) => {}
            Some(State::Done(height)) if depth + height > DEEPEST => too_deep.push(place),
            Some(State::Done(height)) => {
                if let Some(visit) = way.last_mut() {
                    visit.height = visit.height.max(*height);
                }
            }
            None if depth >= DEEPEST => too_deep.push(place),
            None => {
                known.insert(target.clone(), State::Open);
                way.push(Visit {
                    parts: parts(tree, &target),
                    at: target,
                    next: 0,
                    height: 0,
                });
            }
        }
    }
}

/// Returns the schemas that apply to the same instance as the one at `at`: the pointer where each
/// is written, and that of its target.
fn parts(tree: &Value, at: &str) -> Vec<(String, String)> {
    let Some(schema) = find(tree, at).and_then(Value::as_object) else {
        return Vec::new();
    };
    let mut parts = Vec::new();
    if let Some(target) = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(local_pointer)
    {
        parts.push((at.to_owned(), target));
    }
    for keyword in ["not", "if", "then", "else"] {
        if schema.get(keyword).is_some_and(is_composed) {
            let place = join(at, keyword);
            parts.push((place.clone(), place));
        }
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        let items = schema
            .get(keyword)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .enumerate();
        for (index, _) in items.filter(|(_, item)| is_composed(item)) {
            let place = join(&join(at, keyword), &index.to_string());
            parts.push((place.clone(), place));
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Positions;

    #[test]
    fn what_is_too_deep_is_cut_and_circles_are_not() {
        let schema =
            |n: usize| json!({"allOf": [{"$ref": format!("#/components/schemas/A{}", n + 1)}]});
        let mut schemas: serde_json::Map<String, Value> =
            (0..20_000).map(|n| (format!("A{n}"), schema(n))).collect();
        schemas.insert(
            "A20000".to_owned(),
            json!({"anyOf": [{"$ref": "#/components/schemas/A19999"}]}),
        );
        let mut tree = json!({"components": {"schemas": schemas}});
        let source = Source::new("a.json".to_owned(), String::new(), |_| Positions::default());
        let extents = [(ObjectKind::Document, String::new())];
        let found = cut(&mut tree, &extents, &source);
        assert!(
            (20_001 / DEEPEST..=2 * 20_001 / DEEPEST + 2).contains(&(found.len())),
            "{}",
            found.len()
        );
        assert!(cut(&mut tree, &extents, &source).is_empty());
    }
}
