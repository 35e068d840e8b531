//! Resolves `$ref` through chains, and finds cycles.
//!
//! By now a document is one tree, see `link`. A reference that cannot be followed affects only its
//! own place, where anything is allowed then.
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::diagnostic::{Code, Diagnostic, Place, Source};
use crate::document::extent::Extent;
use crate::document::shape::{ObjectKind, each_object};
use crate::document::syntax::{find, fragment, join};

/// Extension that replaces a reference that cannot be followed; its value is a sentence with the
/// reason. Anything is allowed in its place.
pub(crate) const UNKNOWN: &str = "x-standin-unknown";

/// Reason why a reference cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BrokenReference {
    /// Target that is not in the document.
    Unresolved,
    /// Reference that leads back to itself.
    Circular,
    /// Target in another file or on another host.
    External,
    /// Reference in the place of a parameter whose target is not a parameter.
    NoParameter,
}

/// A value and its JSON Pointer, after references are followed.
#[derive(Debug, Clone)]
pub(crate) struct Resolved<'t> {
    /// Value at the pointer.
    pub value: &'t Value,
    /// JSON Pointer of the value, such as `/components/schemas/Pet`.
    pub pointer: String,
}

/// Follows the `$ref` of `value`, and the `$ref` of each target, to the end of the chain.
///
/// A value without a `$ref` is returned as it is.
///
/// # Errors
///
/// Returns the first [`BrokenReference`] of the chain, with the reference that has it.
pub(crate) fn resolve<'t>(
    root: &'t Value,
    value: &'t Value,
    pointer: &str,
) -> Result<Resolved<'t>, (BrokenReference, String)> {
    follow_while(root, value, pointer, |_| true)
}

/// Follows references while `goes_on` accepts their targets.
///
/// Circles are found by Brent's algorithm (1980): the value at each power of two steps is met
/// again.
fn follow_while<'t>(
    root: &'t Value,
    value: &'t Value,
    pointer: &str,
    goes_on: impl Fn(&Value) -> bool,
) -> Result<Resolved<'t>, (BrokenReference, String)> {
    let mut at = Resolved {
        value,
        pointer: pointer.to_owned(),
    };
    let mut mark: Option<&Value> = None;
    for step in 1_usize.. {
        let Some(reference) = at.value.get("$ref").and_then(Value::as_str) else {
            break;
        };
        at = follow(root, reference).map_err(|fault| (fault, reference.to_owned()))?;
        if !goes_on(at.value) {
            break;
        }
        if mark.is_some_and(|mark| std::ptr::eq(mark, at.value)) {
            return Err((
                BrokenReference::Circular,
                value["$ref"].as_str().unwrap_or_default().to_owned(),
            ));
        }
        if step.is_power_of_two() {
            mark = Some(at.value);
        }
    }
    Ok(at)
}

/// Returns true if a schema has nothing beside its `$ref` that constrains an instance.
#[must_use]
pub(crate) fn is_only_reference(value: &Value) -> bool {
    const ANNOTATIONS: [&str; 6] = [
        "description",
        "summary",
        "title",
        "deprecated",
        "example",
        "examples",
    ];
    value.as_object().is_some_and(|object| {
        object.contains_key("$ref")
            && object
                .keys()
                .all(|key| key == "$ref" || ANNOTATIONS.contains(&key.as_str()))
    })
}

/// Follows the `$ref` of a schema to the first target that is more than a reference: from OpenAPI
/// 3.1 on keywords beside a `$ref` count.
///
/// # Errors
///
/// Returns the first [`BrokenReference`] of the chain, with the reference that has it.
pub(crate) fn resolve_schema<'t>(
    root: &'t Value,
    value: &'t Value,
    pointer: &str,
) -> Result<Resolved<'t>, (BrokenReference, String)> {
    follow_while(root, value, pointer, is_only_reference)
}

/// Returns the target of one reference, such as `#/components/schemas/Pet`.
fn follow<'t>(root: &'t Value, reference: &str) -> Result<Resolved<'t>, BrokenReference> {
    let pointer = local_pointer(reference).ok_or(BrokenReference::External)?;
    let value = find(root, &pointer).ok_or(BrokenReference::Unresolved)?;
    Ok(Resolved { value, pointer })
}

/// Returns the JSON Pointer in a URI fragment (RFC 6901 §6), if the reference is only that.
#[must_use]
pub(crate) fn local_pointer(reference: &str) -> Option<String> {
    let fragment = reference.strip_prefix('#')?;
    Some(pointer_of(fragment))
}

/// Returns the JSON Pointer of a URI fragment. A fragment `/` means the whole file, and not its
/// member with an empty name.
#[must_use]
pub(crate) fn pointer_of(fragment: &str) -> String {
    if fragment == "/" {
        String::new()
    } else {
        percent_decode_str(fragment)
            .decode_utf8_lossy()
            .into_owned()
    }
}

/// Returns true if a value of a discriminator's `mapping` is a URI reference; else it is the name
/// of a component (OpenAPI 3.1.1 §4.8.25.3).
#[must_use]
pub(crate) fn is_reference(text: &str) -> bool {
    text.contains(['#', '/'])
        || [".yaml", ".yml", ".json"]
            .iter()
            .any(|end| text.to_ascii_lowercase().ends_with(end))
}

/// Returns the reference for a value of `mapping`; the name of a component becomes a reference to
/// its schema.
#[must_use]
pub(crate) fn mapped(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    Some(if is_reference(text) {
        text.to_owned()
    } else {
        join("#/components/schemas", text)
    })
}

/// Reports every reference of the document that cannot be followed and replaces it with
/// [`UNKNOWN`]. The others are rewritten to lead straight to the end of their chain. References in
/// examples are reported too.
pub(crate) fn check(tree: &mut Value, extents: &[Extent], source: &Arc<Source>) -> Vec<Diagnostic> {
    // Check each distinct target once; most are shared and resolve.
    let mut texts: HashSet<String> = HashSet::new();
    let mut parameters: HashSet<String> = HashSet::new();
    let mut in_examples = Vec::new();
    for (kind, at) in extents {
        let Some(part) = tree.pointer_mut(at) else {
            continue;
        };
        each_object(*kind, part, at, &mut |kind, object, pointer| {
            if let Some(to) = target(kind, object) {
                if !texts.contains(to) {
                    texts.insert(to.to_owned());
                }
                if kind == ObjectKind::Parameter && !parameters.contains(to) {
                    parameters.insert(to.to_owned());
                }
            }
            in_examples.extend(example_with_ref(kind, object, pointer));
        });
    }
    in_examples.dedup();
    let mut ends = ReferenceEnds {
        tree,
        known: HashMap::new(),
    };
    texts.iter().for_each(|text| ends.find(text));
    let is_parameter = |end: &End| ends.tree.pointer(&end.pointer).is_some_and(is_findable);
    let others = parameters
        .iter()
        .filter(|text| matches!(ends.known.get(*text), Some(Ok(end)) if !is_parameter(end)));
    let no_parameters: HashSet<String> = others.cloned().collect();
    let known = ends.known;
    let mut faults = Vec::new();
    if known
        .iter()
        .any(|(text, end)| end.as_ref().map_or(true, |end| end.text != *text))
        || !no_parameters.is_empty()
    {
        faults = settle(tree, extents, &known, &no_parameters, source);
    }
    let found = faults.iter().map(|broken| explain(tree, source, broken));
    let mut found: Vec<Diagnostic> = found.collect();
    // An inlined value may be in several places by now: report its reference once.
    let mut told = HashSet::new();
    found.retain(|found| {
        told.insert((
            found.message.clone(),
            found.place.as_ref().map(Place::written_name),
        ))
    });
    found.extend(in_examples.into_iter().take(MOST_TOLD).map(|at| {
        Diagnostic::at(
            Code::RefInExample,
            Place::value(source, at),
            "an example has a `$ref` in it",
        )
        .help("it is data there, and is sent unchanged; `examples` may refer to whole examples")
    }));
    found
}

/// Returns the reference of an object, if it must resolve here.
fn target(kind: ObjectKind, object: &Value) -> Option<&str> {
    let to = object.get("$ref")?.as_str()?;
    let is_anchor = to.starts_with('#') && !to.starts_with("#/") && to != "#";
    // The schema compiler resolves `$anchor` and `$dynamicAnchor`.
    (!(kind == ObjectKind::Schema && is_anchor)).then_some(to)
}

/// Returns true if a parameter can be identified: it has a `name` and an `in`, or is [`UNKNOWN`].
fn is_findable(parameter: &Value) -> bool {
    parameter.get(UNKNOWN).is_some()
        || ["name", "in"]
            .iter()
            .all(|field| parameter.get(*field).is_some())
}

/// End of a chain of references.
#[derive(Debug, Clone)]
struct End {
    /// JSON Pointer of the last target of the chain.
    pointer: String,
    /// Reference to the first target of the chain that is more than a `$ref`.
    text: String,
}

/// Ends of the references of a document, each computed once.
struct ReferenceEnds<'t> {
    tree: &'t Value,
    known: HashMap<String, Result<End, (BrokenReference, String)>>,
}

impl ReferenceEnds<'_> {
    /// Follows a reference, and stores the end of each reference in its chain.
    fn find(&mut self, text: &str) {
        // Steps so far: reference, pointer, and whether the target is more than a `$ref`.
        let mut way: Vec<(String, String, bool)> = Vec::new();
        let mut met: HashSet<String> = HashSet::new();
        let mut next = text.to_owned();
        let mut end = loop {
            if let Some(known) = self.known.get(&next) {
                break known.clone();
            }
            if !met.insert(next.clone()) {
                break Err((BrokenReference::Circular, next));
            }
            let Some(pointer) = self.pointer(&next) else {
                let fault = if next.starts_with('#') {
                    BrokenReference::Unresolved
                } else {
                    BrokenReference::External
                };
                way.push((next.clone(), String::new(), true));
                break Err((fault, next));
            };
            let value = find(self.tree, &pointer).unwrap_or(&Value::Null);
            let further = value.get("$ref").and_then(Value::as_str).map(str::to_owned);
            let says_more = value.as_object().is_none_or(|object| object.len() > 1);
            way.push((next, pointer.clone(), says_more || further.is_none()));
            match further {
                Some(further) => next = further,
                None => {
                    break Ok(End {
                        text: String::new(),
                        pointer,
                    });
                }
            }
        };
        for (text, pointer, says_more) in way.into_iter().rev() {
            end = match end {
                Ok(End { pointer: last, .. }) if says_more => Ok(End {
                    text: format!("#{}", fragment(&pointer)),
                    pointer: last,
                }),
                Err((BrokenReference::Circular, _)) => {
                    Err((BrokenReference::Circular, text.clone()))
                }
                end => end,
            };
            self.known.insert(text, end.clone());
        }
    }

    /// Returns the pointer that a reference means: decoded, else as it is written, else by
    /// following the references along it.
    fn pointer(&self, text: &str) -> Option<String> {
        let pointer = local_pointer(text)?;
        if find(self.tree, &pointer).is_some() {
            return Some(pointer);
        }
        let raw = text.strip_prefix('#').unwrap_or(text);
        if find(self.tree, raw).is_some() {
            return Some(raw.to_owned());
        }
        self.through(&pointer)
    }

    /// Returns the pointer that results if the references along `pointer` are followed.
    fn through(&self, pointer: &str) -> Option<String> {
        let mut at = Resolved {
            value: self.tree,
            pointer: String::new(),
        };
        for segment in pointer.strip_prefix('/')?.split('/') {
            at = resolve(self.tree, at.value, &at.pointer).ok()?;
            let step = format!("/{segment}");
            at = Resolved {
                value: find(at.value, &step)?,
                pointer: at.pointer + &step,
            };
        }
        Some(at.pointer)
    }
}

/// A reference that cannot be followed: its object, the fault, and the reference of the chain that
/// has it.
struct Broken {
    pointer: String,
    fault: BrokenReference,
    reference: String,
}

/// Rewrites the references to lead to their ends, and replaces those without one with [`UNKNOWN`];
/// returns the latter.
fn settle(
    tree: &mut Value,
    extents: &[Extent],
    known: &HashMap<String, Result<End, (BrokenReference, String)>>,
    no_parameters: &HashSet<String>,
    source: &Arc<Source>,
) -> Vec<Broken> {
    let mut faults = Vec::new();
    for (kind, at) in extents {
        let Some(part) = tree.pointer_mut(at) else {
            continue;
        };
        each_object(*kind, part, at, &mut |kind, object, pointer| {
            let Some(text) = target(kind, object) else {
                return;
            };
            let (fault, reference) = match known.get(text) {
                Some(Ok(_)) if kind == ObjectKind::Parameter && no_parameters.contains(text) => {
                    (BrokenReference::NoParameter, text.to_owned())
                }
                Some(Ok(end)) => {
                    if end.text != text {
                        object["$ref"] = json!(end.text);
                    }
                    return;
                }
                Some(Err((fault, reference))) => (fault.clone(), reference.clone()),
                None => return,
            };
            let broken = Broken {
                pointer: pointer.to_owned(),
                fault,
                reference,
            };
            forget(kind, object, &broken.sentence(source));
            faults.push(broken);
        });
    }
    faults
}

/// Removes a reference that cannot be followed, with [`UNKNOWN`] and the reason `why` in its place;
/// anything is allowed there.
pub(crate) fn forget(kind: ObjectKind, object: &mut Value, why: &str) {
    let Some(object) = object.as_object_mut() else {
        return;
    };
    object.shift_remove("$ref");
    object.insert(UNKNOWN.to_owned(), json!(why));
    let (field, value) = match kind {
        ObjectKind::Response => ("description", json!("")),
        ObjectKind::RequestBody => ("content", json!({})),
        ObjectKind::Operation => ("responses", json!({ "default": { "description": "" } })),
        _ => return,
    };
    object.entry(field).or_insert(value);
}

/// Maximum number of examples with a `$ref` reported per document; further ones are not reported.
const MOST_TOLD: usize = 20;

/// Maximum depth to which an example is searched for a `$ref`; deeper values are not searched.
const DEEPEST_EXAMPLE: usize = 32;

/// Returns the pointer of a `$ref` in the example of an object, if it has one.
fn example_with_ref(kind: ObjectKind, object: &Value, at: &str) -> Option<String> {
    let field = match kind {
        ObjectKind::MediaType | ObjectKind::Parameter | ObjectKind::Header => "example",
        ObjectKind::Example => "value",
        ObjectKind::Schema => "examples",
        _ => return None,
    };
    let example = object.get(field)?;
    has_ref(example, 0)
        .then(|| ref_in(example, &join(at, field), 0))
        .flatten()
}

fn has_ref(value: &Value, depth: usize) -> bool {
    match value {
        _ if depth > DEEPEST_EXAMPLE => false,
        Value::Object(object) => {
            object.get("$ref").is_some_and(Value::is_string)
                || object.values().any(|member| has_ref(member, depth + 1))
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
        Value::Object(object) if object.get("$ref").is_some_and(Value::is_string) => {
            Some(join(at, "$ref"))
        }
        Value::Object(object) => object
            .iter()
            .find_map(|(name, member)| ref_in(member, &join(at, name), depth + 1)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| ref_in(item, &join(at, &index.to_string()), depth + 1)),
        _ => None,
    }
}

impl Broken {
    /// Returns the message of the fault, for the diagnostic and for the value of [`UNKNOWN`].
    fn sentence(&self, source: &Arc<Source>) -> String {
        let reference = &self.reference;
        let shown = local_pointer(reference)
            .map(|to| format!("#{}", Place::value(source, to).written_pointer()));
        let reference = shown.as_ref().unwrap_or(reference);
        match self.fault {
            BrokenReference::Unresolved => format!("reference `{reference}` does not resolve"),
            BrokenReference::Circular => format!("reference `{reference}` leads back to itself"),
            BrokenReference::External => {
                format!("reference `{reference}` leads out of its document")
            }
            BrokenReference::NoParameter => {
                format!("reference `{reference}` leads to no parameter")
            }
        }
    }
}

fn explain(tree: &Value, source: &Arc<Source>, broken: &Broken) -> Diagnostic {
    let place = Place::value(source, join(&broken.pointer, "$ref"));
    let reference = &broken.reference;
    let message = broken.sentence(source);
    match broken.fault {
        BrokenReference::Unresolved => {
            let found = Diagnostic::at(Code::UnresolvedRef, place, message);
            match nearest(tree, reference) {
                Some((name, pointer)) => found.help_at(
                    format!("`{name}` is defined at "),
                    Place::key(source, pointer),
                    "",
                ),
                None => found.help(ALLOWED),
            }
        }
        BrokenReference::Circular => Diagnostic::at(Code::CircularRef, place, message)
            .help("one reference of the chain must lead to a definition"),
        BrokenReference::External => Diagnostic::at(Code::ExternalRef, place, message)
            .help("it must lead to a place in a document"),
        BrokenReference::NoParameter => Diagnostic::at(Code::BrokenParameter, place, message)
            .help("a parameter has a `name` and an `in`; this one is skipped"),
    }
}

/// Help text for references and schemas that are replaced with [`UNKNOWN`].
pub(crate) const ALLOWED: &str =
    "anything is allowed in its place, and answers of what uses it say so in `Standin-Warning`";

/// Returns the name and pointer of the sibling most similar to the missing target, if one is
/// similar.
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
        let fault = |name: &str| {
            resolve(&root, &root[name], "")
                .expect_err("cannot be followed")
                .0
        };
        assert_eq!(fault("a"), BrokenReference::Circular);
        assert_eq!(fault("c"), BrokenReference::Unresolved);
        assert_eq!(fault("d"), BrokenReference::External);
    }
}
