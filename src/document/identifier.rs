//! Rewrites references by `$id` and `$anchor` of schemas to references by JSON Pointer.
//!
//! After this stage a schema is found only by its pointer (JSON Schema 2020-12 §8.2). A
//! `$dynamicRef` whose anchor is defined once is rewritten as well; the others are left to
//! `dynamic`.
use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::document::dynamic;
use crate::document::shape::{Kind, each_object};
use crate::document::syntax::fragment;

/// Returns whether a document with this text may have identifiers. Most have none, and searching
/// the text is faster than searching the tree.
#[must_use]
pub fn may_be_in(text: &str) -> bool {
    let words = ["id", "anchor", "dynamic"];
    let begins = |at: usize| words.iter().any(|word| text[at + 1..].starts_with(word));
    // `"\u0024id"` is `$id` too.
    text.match_indices('$').any(|(at, _)| begins(at))
        || text.contains("\\u0024")
        || text.contains("\\x24")
}

/// Rewrites the references of a document and removes its identifiers.
pub fn localise(tree: &mut Value) {
    let mut known = Identifiers::default();
    let mut references = Vec::new();
    each_object(Kind::Document, tree, "", &mut |kind, object, at| {
        let is_named = || {
            object
                .as_object()
                .into_iter()
                .flatten()
                .any(|(keyword, _)| keyword.starts_with('$'))
        };
        if kind == Kind::Schema && is_named() {
            known.note(object, at);
            for keyword in ["$ref", "$dynamicRef"] {
                if let Some(text) = object.get(keyword).and_then(Value::as_str) {
                    references.push((at.to_owned(), keyword, text.to_owned()));
                }
            }
        }
    });
    if known.resources.is_empty() && known.anchors.is_empty() {
        return;
    }
    known.resolve();
    let is_there = |pointer: &String| tree.pointer(pointer).is_some();
    let rewritten = references.into_iter().filter_map(|(at, keyword, text)| {
        let to = match keyword {
            "$ref" => known.pointer(&text, &at)?,
            _ => known.dynamic_pointer(&text, &at)?,
        };
        // Many authors give a schema an `$id` and still refer to the document by `#/components/…`.
        let of_document = text
            .strip_prefix('#')
            .map(str::to_owned)
            .filter(|to| to.starts_with('/') && is_there(to));
        let to = if is_there(&to) {
            to
        } else {
            of_document.unwrap_or(to)
        };
        Some((at, keyword, format!("#{}", fragment(&to))))
    });
    let rewritten: Vec<_> = rewritten.collect();
    for (at, keyword, to) in rewritten {
        if let Some(schema) = tree.pointer_mut(&at).and_then(Value::as_object_mut) {
            if keyword != "$ref" {
                schema.shift_remove(keyword);
            }
            schema.insert("$ref".to_owned(), json!(to));
        }
    }
    let resources: Vec<String> = known.resources.iter().map(|(at, _)| at.clone()).collect();
    dynamic::specialise(tree, &resources);
    let places = known
        .resources
        .iter()
        .chain(&known.anchors)
        .map(|(at, _)| at);
    for at in places {
        if let Some(schema) = tree.pointer_mut(at).and_then(Value::as_object_mut) {
            schema.shift_remove("$id");
            schema.shift_remove("$anchor");
        }
    }
}

#[derive(Default)]
struct Identifiers {
    /// Pointers and URIs of schemas with an `$id`, outermost first once resolved.
    resources: Vec<(String, String)>,
    /// Pointers and names of schemas with an `$anchor` or `$dynamicAnchor`.
    anchors: Vec<(String, String)>,
    /// Number of definitions of each `$dynamicAnchor`, by name.
    dynamic: HashMap<String, usize>,
    by_uri: HashMap<String, String>,
    by_anchor: HashMap<(String, String), String>,
}

impl Identifiers {
    fn note(&mut self, schema: &Value, at: &str) {
        let text = |keyword: &str| {
            schema
                .get(keyword)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        if let Some(id) = text("$id").filter(|id| !id.is_empty() && !id.starts_with('#')) {
            self.resources.push((at.to_owned(), id));
        }
        for anchor in text("$anchor").into_iter().chain(text("$dynamicAnchor")) {
            self.anchors.push((at.to_owned(), anchor));
        }
        if let Some(anchor) = text("$dynamicAnchor") {
            *self.dynamic.entry(anchor).or_default() += 1;
        }
    }

    /// Makes the URIs absolute, outermost first, and indexes the schemas by URI and anchor.
    fn resolve(&mut self) {
        self.resources.sort_by_key(|(at, _)| at.len());
        for index in 0..self.resources.len() {
            let (at, id) = self.resources[index].clone();
            let base = self.resources[..index]
                .iter()
                .rev()
                .find(|(outer, _)| is_below(&at, outer))
                .map_or("", |(_, uri)| uri);
            let uri = absolute(base, id.trim_end_matches('#'));
            self.by_uri.insert(uri.clone(), at.clone());
            self.resources[index].1 = uri;
        }
        for (at, name) in &self.anchors {
            self.by_anchor
                .insert((self.resource(at).0.to_owned(), name.clone()), at.clone());
        }
    }

    /// Returns the pointer and URI of the resource that a pointer is in; both are empty for the
    /// document.
    fn resource(&self, at: &str) -> (&str, &str) {
        let inner = self
            .resources
            .iter()
            .rev()
            .find(|(outer, _)| is_below(at, outer));
        inner.map_or(("", ""), |(at, uri)| (at, uri))
    }

    /// Returns the pointer of the target of a reference at `at`; `None` if its URI or anchor is
    /// unknown.
    fn pointer(&self, reference: &str, at: &str) -> Option<String> {
        let (uri, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let (own, base) = self.resource(at);
        let resource = if uri.is_empty() {
            own
        } else {
            self.by_uri.get(&absolute(base, uri))?
        };
        let fragment = percent_decode_str(fragment).decode_utf8_lossy();
        if fragment.is_empty() || fragment.starts_with('/') {
            return Some(format!("{resource}{fragment}"));
        }
        self.by_anchor
            .get(&(resource.to_owned(), fragment.into_owned()))
            .cloned()
    }
}

impl Identifiers {
    /// Returns the target of a `$dynamicRef`, if it is the same from everywhere: its anchor is
    /// defined at most once. The others depend on the references that lead to them.
    fn dynamic_pointer(&self, reference: &str, at: &str) -> Option<String> {
        let name = reference.rsplit('#').next().unwrap_or_default();
        let is_fixed = self.dynamic.get(name).is_none_or(|count| *count < 2);
        self.pointer(reference, at).filter(|_| is_fixed)
    }
}

fn is_below(at: &str, outer: &str) -> bool {
    at.strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Resolves a reference against a base (the parts of RFC 3986 §5.2 that schemas use): absolute ones
/// stay, others replace the last segment of the base, or its whole path.
pub fn absolute(base: &str, reference: &str) -> String {
    let is_absolute = reference
        .split(['/', '?'])
        .next()
        .is_some_and(|first| first.contains(':'));
    if is_absolute || base.is_empty() {
        return reference.to_owned();
    }
    if !base.contains('/') {
        return reference.to_owned();
    }
    let path = base
        .find("://")
        .and_then(|scheme| base[scheme + 3..].find('/').map(|slash| scheme + 3 + slash));
    if reference.starts_with('/') {
        return format!("{}{reference}", &base[..path.unwrap_or(base.len())]);
    }
    if base.contains("://") && path.is_none() {
        return format!("{base}/{reference}");
    }
    let folder = base
        .rfind('/')
        .filter(|slash| path.is_none_or(|path| *slash >= path))
        .map_or(base.len(), |slash| slash + 1);
    format!("{}{reference}", &base[..folder])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn localised(schemas: &Value) -> Value {
        let mut tree = json!({ "components": { "schemas": schemas } });
        localise(&mut tree);
        tree["components"]["schemas"].take()
    }

    #[test]
    fn references_by_id_and_anchor_become_pointers() {
        let schemas = localised(&json!({
            "A": {"$id": "https://e.com/a/root", "$defs": {"q": {"$anchor": "cue", "type": "string"}, "r": {"$id": "rel"}},
                  "properties": {"q": {"$ref": "#/$defs/q"}, "c": {"$ref": "#cue"}, "r": {"$ref": "rel"}}},
            "B": {"$ref": "https://e.com/a/root#cue"},
            "C": {"$ref": "https://e.com/a/rel"},
            "D": {"$anchor": "dee", "items": {"$ref": "#dee"}},
            "E": {"$ref": "other.yaml#/x"}
        }));
        let at = "#/components/schemas/A";
        assert_eq!(
            schemas["A"]["properties"]["q"]["$ref"],
            format!("{at}/$defs/q")
        );
        assert_eq!(
            schemas["A"]["properties"]["c"]["$ref"],
            format!("{at}/$defs/q")
        );
        assert_eq!(
            schemas["A"]["properties"]["r"]["$ref"],
            format!("{at}/$defs/r")
        );
        assert_eq!(schemas["B"]["$ref"], format!("{at}/$defs/q"));
        assert_eq!(schemas["C"]["$ref"], format!("{at}/$defs/r"));
        assert_eq!(schemas["D"]["items"]["$ref"], "#/components/schemas/D");
        assert_eq!(schemas["E"]["$ref"], "other.yaml#/x");
        assert!(schemas["A"].get("$id").is_none());
    }

    #[test]
    fn identifiers_are_seen_in_the_text() {
        assert!(
            may_be_in("a: {$id: x}")
                && may_be_in(r#"{"\u0024anchor": "x"}"#)
                && may_be_in("$dynamicRef")
        );
        assert!(!may_be_in(r##"{"$ref": "#/x", "costs": "5 $"}"##));
    }

    #[test]
    fn documents_without_identifiers_are_not_touched() {
        let schemas = json!({"A": {"$ref": "#/components/schemas/B"}, "B": {}});
        assert_eq!(localised(&schemas), schemas);
    }
}
