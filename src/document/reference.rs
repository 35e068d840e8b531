//! Where a `$ref` leads: through chains and cycles.
//!
//! By now a document is one tree, see `link`. What uses a reference that leads nowhere is
//! left to pay for it: the operation is reported, the rest of the document is served.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::link::Extent;
use super::shape::{Kind, each_object};
use super::syntax::{find, join};
use crate::diagnostic::{Code, Diagnostic, Place, Source};

/// Where a schema reference that cannot be followed is made to lead: to no place in any document,
/// so that compiling it fails instead of accepting everything.
pub const NOWHERE: &str = "#/unresolved";

/// How many references in a row are followed before they are taken for a circle.
const LONGEST_CHAIN: usize = 64;

/// Why a reference cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It leads to no place in the document.
    Unresolved,
    /// It leads to itself.
    Circular,
    /// It leads to another file or host.
    External,
}

/// A value and the JSON Pointer at which it really stands.
#[derive(Debug, Clone)]
pub struct Resolved<'t> {
    /// What is there.
    pub value: &'t Value,
    /// Where it really stands: `/components/schemas/Pet`.
    pub pointer: String,
}

/// Follows the `$ref` of `value`, and the `$ref` of what that leads to, to the end.
///
/// A value without a `$ref` is its own end.
///
/// # Errors
///
/// The first [`Fault`] on the way, with the reference that has it.
pub fn resolve<'t>(root: &'t Value, value: &'t Value, pointer: &str) -> Result<Resolved<'t>, (Fault, String)> {
    let mut at = Resolved { value, pointer: pointer.to_owned() };
    for _ in 0..LONGEST_CHAIN {
        let Some(reference) = at.value.get("$ref").and_then(Value::as_str) else {
            return Ok(at);
        };
        at = follow(root, reference).map_err(|fault| (fault, reference.to_owned()))?;
    }
    Err((Fault::Circular, value["$ref"].as_str().unwrap_or_default().to_owned()))
}

/// Whether a schema says nothing beside its `$ref` that constrains a value.
#[must_use]
pub fn is_only_reference(value: &Value) -> bool {
    const ANNOTATIONS: [&str; 6] = ["description", "summary", "title", "deprecated", "example", "examples"];
    value.as_object().is_some_and(|object| {
        object.contains_key("$ref") && object.keys().all(|key| key == "$ref" || ANNOTATIONS.contains(&key.as_str()))
    })
}

/// Follows the `$ref` of a schema to the first that says more than where to look: from 3.1 on what
/// stands beside a `$ref` counts.
///
/// # Errors
///
/// The first [`Fault`] on the way, with the reference that has it.
pub fn resolve_schema<'t>(root: &'t Value, value: &'t Value, pointer: &str) -> Result<Resolved<'t>, (Fault, String)> {
    let mut at = Resolved { value, pointer: pointer.to_owned() };
    for _ in 0..LONGEST_CHAIN {
        let Some(reference) = at.value.get("$ref").and_then(Value::as_str) else {
            return Ok(at);
        };
        at = follow(root, reference).map_err(|fault| (fault, reference.to_owned()))?;
        if !is_only_reference(at.value) {
            return Ok(at);
        }
    }
    Err((Fault::Circular, value["$ref"].as_str().unwrap_or_default().to_owned()))
}

/// One step: what `#/components/schemas/Pet` leads to.
fn follow<'t>(root: &'t Value, reference: &str) -> Result<Resolved<'t>, Fault> {
    let pointer = local_pointer(reference).ok_or(Fault::External)?;
    let value = find(root, &pointer).ok_or(Fault::Unresolved)?;
    Ok(Resolved { value, pointer })
}

/// The JSON Pointer in a URI fragment (RFC 6901 §6), if the reference is only that.
#[must_use]
pub fn local_pointer(reference: &str) -> Option<String> {
    let fragment = reference.strip_prefix('#')?;
    Some(percent_decode_str(fragment).decode_utf8_lossy().into_owned())
}

/// Whether a value of a discriminator's `mapping` is a URI reference; else it is the name of a component
/// (OpenAPI 3.1.1 §4.8.25.3).
#[must_use]
pub fn is_reference(text: &str) -> bool {
    text.contains(['#', '/']) || [".yaml", ".yml", ".json"].iter().any(|end| text.to_ascii_lowercase().ends_with(end))
}

/// The reference that a value of `mapping` is.
#[must_use]
pub fn mapped(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    Some(if is_reference(text) { text.to_owned() } else { join("#/components/schemas", text) })
}

/// Reports every reference of the document that cannot be followed, and makes those in schemas
/// fail to compile.
pub fn check(tree: &mut Value, extents: &[Extent], source: &Arc<Source>) -> Vec<Diagnostic> {
    // Most references are to what others refer to as well, and all of them lead somewhere.
    let mut targets: HashSet<String> = HashSet::new();
    let mut in_examples = Vec::new();
    for (kind, at) in extents {
        let Some(part) = tree.pointer_mut(at) else { continue };
        each_object(*kind, part, at, &mut |kind, object, pointer| {
            if let Some(to) = target(kind, object)
                && !targets.contains(to)
            {
                targets.insert(to.to_owned());
            }
            in_examples.extend(example_with_ref(kind, object, pointer));
        });
    }
    in_examples.dedup();
    let fault = |to: String| resolve(tree, &json!({ "$ref": to }), "").err().map(|fault| (to, fault));
    let broken: HashMap<String, (Fault, String)> = targets.into_iter().filter_map(fault).collect();
    let faults = if broken.is_empty() { Vec::new() } else { faults(tree, extents, &broken) };
    let found = faults.iter().map(|(_, pointer, fault, reference)| explain(tree, source, pointer, fault, reference));
    let mut found: Vec<Diagnostic> = found.collect();
    found.extend(in_examples.into_iter().take(MOST_TOLD).map(|at| {
        Diagnostic::at(Code::RefInExample, Place::value(source, at), "an example has a `$ref` in it")
            .help("it is data there, and is sent as it stands; `examples` may refer to whole examples")
    }));
    for (kind, pointer, ..) in faults {
        if kind == Kind::Schema
            && let Some(reference) = tree.pointer_mut(&join(&pointer, "$ref"))
        {
            *reference = json!(NOWHERE);
        }
    }
    found
}

/// The reference of an object, if it is one that must lead somewhere.
fn target(kind: Kind, object: &Value) -> Option<&str> {
    let to = object.get("$ref")?.as_str()?;
    let is_anchor = to.starts_with('#') && !to.starts_with("#/") && to != "#";
    // What leads nowhere by now was reported when it was made to; `$anchor` and `$dynamicAnchor` are the
    // schema compiler's to resolve.
    (to != NOWHERE && !(kind == Kind::Schema && is_anchor)).then_some(to)
}

/// A reference that cannot be followed: what stands there, where, why, and which on the way it is.
type Broken = (Kind, String, Fault, String);

/// The objects whose references cannot be followed.
fn faults(tree: &mut Value, extents: &[Extent], broken: &HashMap<String, (Fault, String)>) -> Vec<Broken> {
    let mut faults = Vec::new();
    // Extents may lie in each other.
    let mut seen = HashSet::new();
    for (kind, at) in extents {
        let Some(part) = tree.pointer_mut(at) else { continue };
        each_object(*kind, part, at, &mut |kind, object, pointer| {
            if let Some((fault, reference)) = target(kind, object).and_then(|to| broken.get(to))
                && seen.insert(pointer.to_owned())
            {
                faults.push((kind, pointer.to_owned(), fault.clone(), reference.clone()));
            }
        });
    }
    faults
}

/// How many examples with references are told of one document.
const MOST_TOLD: usize = 20;

/// How deep an example is looked through for references.
const DEEPEST_EXAMPLE: usize = 32;

/// The place of a `$ref` in the example of an object, if it has one.
fn example_with_ref(kind: Kind, object: &Value, at: &str) -> Option<String> {
    let field = match kind {
        Kind::MediaType | Kind::Parameter | Kind::Header => "example",
        Kind::Example => "value",
        Kind::Schema => "examples",
        _ => return None,
    };
    let example = object.get(field)?;
    has_ref(example, 0).then(|| ref_in(example, &join(at, field), 0)).flatten()
}

fn has_ref(value: &Value, depth: usize) -> bool {
    match value {
        _ if depth > DEEPEST_EXAMPLE => false,
        Value::Object(object) => {
            object.get("$ref").is_some_and(Value::is_string) || object.values().any(|member| has_ref(member, depth + 1))
        }
        Value::Array(items) => items.iter().any(|item| has_ref(item, depth + 1)),
        _ => false,
    }
}

fn ref_in(value: &Value, at: &str, depth: usize) -> Option<String> {
    if depth > DEEPEST_EXAMPLE {
        return None;
    }
    match value {
        Value::Object(object) if object.get("$ref").is_some_and(Value::is_string) => Some(join(at, "$ref")),
        Value::Object(object) => object.iter().find_map(|(name, member)| ref_in(member, &join(at, name), depth + 1)),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| ref_in(item, &join(at, &index.to_string()), depth + 1))
        }
        _ => None,
    }
}

fn explain(tree: &Value, source: &Arc<Source>, pointer: &str, fault: &Fault, reference: &str) -> Diagnostic {
    let place = Place::value(source, join(pointer, "$ref"));
    let shown =
        local_pointer(reference).map_or_else(|| reference.to_owned(), |to| format!("#{}", source.original(&to)));
    match fault {
        Fault::Unresolved => {
            let message = format!("reference `{shown}` does not resolve");
            let found = Diagnostic::at(Code::UnresolvedRef, place, message);
            match nearest(tree, reference) {
                Some((name, pointer)) => {
                    found.help_at(format!("`{name}` is defined at "), Place::key(source, pointer), "")
                }
                None => found,
            }
        }
        Fault::Circular => {
            let message = format!("reference `{shown}` leads back to itself");
            Diagnostic::at(Code::CircularRef, place, message).help("one of the chain must say what is meant")
        }
        Fault::External => {
            let message = format!("reference `{shown}` leads out of its document");
            Diagnostic::at(Code::ExternalRef, place, message).help("it must lead to a place in a document")
        }
    }
}

/// The name beside the one that is missing that is most like it.
fn nearest(tree: &Value, reference: &str) -> Option<(String, String)> {
    let pointer = local_pointer(reference)?;
    let (parent, wanted) = pointer.rsplit_once('/')?;
    let names = tree.pointer(parent)?.as_object()?.keys();
    let likeness = |name: &str| strsim::jaro_winkler(name, wanted);
    let best = names.max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) > 0.8).then(|| (best.clone(), join(parent, best)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_followed_to_their_end() {
        let root = json!({"a": {"$ref": "#/b"}, "b": {"$ref": "#/c%2Fd"}, "c/d": 1, "c": {"d": 2}});
        let end = resolve(&root, &root["a"], "/a").expect("resolves");
        assert_eq!((end.value, end.pointer.as_str()), (&json!(2), "/c/d"));
    }

    #[test]
    fn faults_are_told_apart() {
        let root = json!({"a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}, "c": {"$ref": "#/x"}, "d": {"$ref": "x.yaml"}});
        let fault = |name: &str| resolve(&root, &root[name], "").expect_err("cannot be followed").0;
        assert_eq!(fault("a"), Fault::Circular);
        assert_eq!(fault("c"), Fault::Unresolved);
        assert_eq!(fault("d"), Fault::External);
    }
}
