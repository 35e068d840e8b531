//! Rewrites references by `$id` and `$anchor` of schemas to references by JSON Pointer.
//!
//! After this stage a schema is found only by its pointer (JSON Schema 2020-12 §8.2). A
//! `$dynamicRef` whose anchor is defined once is rewritten as well; the others are left to
//! `dynamic`.
use std::borrow::Cow;
use std::collections::HashMap;

use fluent_uri::{Iri, IriRef};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use crate::document::dynamic;
use crate::document::shape::{ObjectKind, each_object};
use crate::document::syntax::fragment;

/// Returns true if a document with this text may have identifiers. Most have none, and searching
/// the text is faster than searching the tree.
#[must_use]
pub(super) fn may_be_in(text: &str) -> bool {
    let words = ["id", "anchor", "dynamic"];
    let begins = |at: usize| words.iter().any(|word| text[at + 1..].starts_with(word));
    // `"\u0024id"` is `$id` too.
    text.match_indices('$').any(|(at, _)| begins(at))
        || text.contains("\\u0024")
        || text.contains("\\x24")
}

/// Rewrites the references of a document and removes its identifiers.
pub(super) fn localise(tree: &mut Value) {
    let mut known = Identifiers::default();
    let mut references = Vec::new();
    each_object(ObjectKind::Document, tree, "", &mut |kind, object, at| {
        let is_named = || {
            object
                .as_object()
                .into_iter()
                .flatten()
                .any(|(keyword, _)| keyword.starts_with('$'))
        };
        if kind == ObjectKind::Schema && is_named() {
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

/// Resolves a reference against a base (RFC 3986 §5.2). Either may be an IRI; characters that no IRI
/// may have are percent-encoded. A reference without a scheme stays as it is if the base is empty
/// or has no path.
pub(super) fn absolute(base: &str, reference: &str) -> String {
    /// Base of bases that have no scheme, such as `schemas/pet`, which RFC 3986 does not allow.
    const ROOT: &str = "file:///";
    let reference = encoded(reference);
    let Ok(parsed) = IriRef::parse(reference.as_ref()) else {
        return reference.into_owned();
    };
    if parsed.has_scheme() || !base.contains('/') {
        return reference.into_owned();
    }
    let base = encoded(base.split('#').next().unwrap_or_default());
    let has_scheme = IriRef::parse(base.as_ref()).is_ok_and(|base| base.has_scheme());
    let whole = if has_scheme {
        base.to_string()
    } else {
        format!("{ROOT}{}", base.trim_start_matches('/'))
    };
    let resolved = Iri::parse(whole)
        .ok()
        .and_then(|whole| parsed.resolve_against(&whole).ok());
    match resolved.map(Iri::into_string) {
        Some(resolved) if has_scheme => resolved,
        Some(resolved) => {
            let path = resolved.strip_prefix(ROOT).unwrap_or(&resolved);
            let is_rooted = base.starts_with('/') || reference.starts_with('/');
            format!("{}{path}", if is_rooted { "/" } else { "" })
        }
        None => reference.into_owned(),
    }
}

/// Percent-encodes the characters that RFC 3987 allows in no IRI.
fn encoded(text: &str) -> Cow<'_, str> {
    const INVALID: &AsciiSet = &CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'<')
        .add(b'>')
        .add(b'\\')
        .add(b'^')
        .add(b'`')
        .add(b'{')
        .add(b'|')
        .add(b'}');
    if text.is_ascii() {
        utf8_percent_encode(text, INVALID).into()
    } else {
        // IRIs have characters beyond ASCII, which the encoder would encode.
        let letters = text.chars().map(|letter| {
            let mut buffer = [0; 4];
            let letter: &str = letter.encode_utf8(&mut buffer);
            if letter.is_ascii() {
                utf8_percent_encode(letter, INVALID).to_string()
            } else {
                letter.to_owned()
            }
        });
        Cow::Owned(letters.collect())
    }
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
    fn references_are_resolved_as_the_examples_of_rfc_3986_are() {
        let cases = [
            ("http://a/b/c/d;p?q", "g", "http://a/b/c/g"),
            ("http://a/b/c/d;p?q", "/g", "http://a/g"),
            ("http://a/b/c/d;p?q", "//g", "http://g"),
            ("http://a/b/c/d;p?q", "../../g", "http://a/g"),
            ("http://a/b/c/d;p?q", "?y", "http://a/b/c/d;p?y"),
            ("http://a/b/c/d;p?q", "g#s", "http://a/b/c/g#s"),
            ("http://a", "g", "http://a/g"),
            ("http://a/b/c", "mailto:x", "mailto:x"),
            ("schemas/pet", "owner", "schemas/owner"),
            ("/schemas/pet", "../owner", "/owner"),
            ("pet", "owner", "owner"),
            ("", "owner", "owner"),
            ("http://a/b/c", "my pet.yaml", "http://a/b/my%20pet.yaml"),
            ("http://a/b/c", "größe", "http://a/b/größe"),
        ];
        for (base, reference, expected) in cases {
            assert_eq!(absolute(base, reference), expected, "{reference} at {base}");
        }
    }

    #[test]
    fn documents_without_identifiers_are_not_touched() {
        let schemas = json!({"A": {"$ref": "#/components/schemas/B"}, "B": {}});
        assert_eq!(localised(&schemas), schemas);
    }
}
