//! Resolves `$dynamicRef` whose target depends on the references that led to it (JSON Schema
//! 2020-12 §8.2.3.2): a generic schema is copied for each schema that defines its `$dynamicAnchor`.
//!
//! After this stage every reference has one target. Dynamic references with only one possible
//! target are left to `identifier`.
use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value, json};

use crate::document::reference::local_pointer;
use crate::document::shape::{ObjectKind, each_object};
use crate::document::syntax::{fragment, join};

/// Maximum number of copies in one document; references beyond it lead to the generic schema
/// itself.
const MOST_COPIES: usize = 500;

/// Targets of dynamic anchors, by name: the pointers of the schemas that define them.
type Scope = BTreeMap<String, String>;

/// Replaces the dynamic references of a document with plain ones. `resources` are the pointers of
/// the schemas with an `$id`; other references are JSON Pointers already.
pub(crate) fn specialise(tree: &mut Value, resources: &[String]) {
    let mut anchors: Vec<(String, String)> = Vec::new();
    let mut references: Vec<(String, String)> = Vec::new();
    let mut has_dynamic = false;
    each_object(ObjectKind::Document, tree, "", &mut |kind, object, at| {
        if kind != ObjectKind::Schema {
            return;
        }
        has_dynamic = has_dynamic || object.get("$dynamicRef").is_some();
        if let Some(name) = object.get("$dynamicAnchor").and_then(Value::as_str) {
            anchors.push((at.to_owned(), name.to_owned()));
        }
        if let Some(to) = object
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(local_pointer)
        {
            references.push((at.to_owned(), to));
        }
    });
    if !has_dynamic {
        return;
    }
    let mut copier = Copier {
        tree,
        resources,
        anchors,
        made: HashMap::new(),
    };
    for (at, to) in references {
        let (own, target) = (copier.resource(&at), copier.resource(&to));
        let scope = copier.anchors_of(&own);
        if own != target
            && !scope.is_empty()
            && let Some(copy) = copier.copy(&target, &scope)
        {
            copier.lead(&at, &format!("{copy}{}", &to[target.len()..]));
        }
    }
    copier.rest();
}

struct Copier<'t> {
    tree: &'t mut Value,
    resources: &'t [String],
    anchors: Vec<(String, String)>,
    made: HashMap<(String, Scope), String>,
}

impl Copier<'_> {
    /// Returns the innermost resource that a pointer is in; the document itself is the empty
    /// pointer.
    fn resource(&self, at: &str) -> String {
        let is_in = |resource: &&String| {
            at.strip_prefix(resource.as_str())
                .is_some_and(|r| r.is_empty() || r.starts_with('/'))
        };
        self.resources
            .iter()
            .filter(is_in)
            .max_by_key(|resource| resource.len())
            .cloned()
            .unwrap_or_default()
    }

    fn anchors_of(&self, resource: &str) -> Scope {
        let own = self
            .anchors
            .iter()
            .filter(|(at, _)| self.resource(at) == resource);
        own.map(|(at, name)| (name.clone(), at.clone())).collect()
    }

    fn lead(&mut self, at: &str, to: &str) {
        if let Some(schema) = self.tree.pointer_mut(at) {
            schema["$ref"] = json!(format!("#{}", fragment(to)));
        }
    }

    /// Returns the pointer of a copy of a resource whose anchors resolve in a scope; `None` if
    /// neither it nor the resources that it refers to use those anchors, or at the limit of copies.
    fn copy(&mut self, resource: &str, scope: &Scope) -> Option<String> {
        let key = (resource.to_owned(), scope.clone());
        if let Some(made) = self.made.get(&key) {
            return Some(made.clone());
        }
        if resource.is_empty() || self.made.len() >= MOST_COPIES || !self.asks(resource, scope) {
            return None;
        }
        let mut value = self.tree.pointer(resource)?.clone();
        let own = resource.rsplit('/').next().unwrap_or_default();
        let is_free = |name: &String| {
            self.tree
                .pointer(&join("/components/schemas", name))
                .is_none()
        };
        let mut names = (self.made.len() + 1..)
            .map(|number| crate::document::syntax::unescape(&format!("{own}-{number}")));
        let name = names.find(is_free)?;
        let at = join("/components/schemas", &name);
        self.made.insert(key, at.clone());
        let mut inner = scope.clone();
        for (name, place) in self.anchors_of(resource) {
            inner
                .entry(name)
                .or_insert_with(|| format!("{at}{}", &place[resource.len()..]));
        }
        let place = PlacedResource {
            from: resource,
            to: &at,
            scope: &inner,
        };
        self.fill(&mut value, &place);
        let schemas = self
            .tree
            .pointer_mut("/components/schemas")
            .and_then(Value::as_object_mut)?;
        schemas.insert(name, value);
        Some(at)
    }

    fn fill(&mut self, value: &mut Value, place: &PlacedResource<'_>) {
        if let Some(object) = value.as_object_mut() {
            object.shift_remove("$id");
            let dynamic = object
                .get("$dynamicRef")
                .and_then(Value::as_str)
                .map(anchor)
                .and_then(|name| place.scope.get(name));
            if let Some(to) = dynamic {
                let to = json!(format!("#{}", fragment(to)));
                object.shift_remove("$dynamicRef");
                object.insert("$ref".to_owned(), to);
            } else if let Some(to) = object
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(local_pointer)
            {
                let target = self.resource(&to);
                let moved = match to.strip_prefix(place.from) {
                    Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                        Some(format!("{}{rest}", place.to))
                    }
                    _ => self
                        .copy(&target, place.scope)
                        .map(|copy| format!("{copy}{}", &to[target.len()..])),
                };
                if let Some(to) = moved {
                    object.insert("$ref".to_owned(), json!(format!("#{}", fragment(&to))));
                }
            }
        }
        match value {
            Value::Object(object) => {
                let inner = object.iter_mut().filter(|(name, _)| !is_data(name));
                inner.for_each(|(_, member)| self.fill(member, place));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.fill(item, place)),
            _ => {}
        }
    }

    /// Returns true if a resource, or one that it refers to, has a dynamic reference to one of the
    /// anchors.
    fn asks(&self, resource: &str, scope: &Scope) -> bool {
        let mut seen = HashSet::from([resource.to_owned()]);
        let mut resources = vec![resource.to_owned()];
        while let Some(resource) = resources.pop() {
            let mut open: Vec<&Value> = self
                .tree
                .pointer(&resource)
                .filter(|_| !resource.is_empty())
                .into_iter()
                .collect();
            while let Some(value) = open.pop() {
                match value {
                    Value::Object(object) => {
                        let dynamic = object
                            .get("$dynamicRef")
                            .and_then(Value::as_str)
                            .map(anchor);
                        if dynamic.is_some_and(|name| scope.contains_key(name)) {
                            return true;
                        }
                        let target = object
                            .get("$ref")
                            .and_then(Value::as_str)
                            .and_then(local_pointer);
                        let other = target.map(|to| self.resource(&to));
                        resources.extend(other.filter(|other| seen.insert(other.clone())));
                        open.extend(members(object));
                    }
                    Value::Array(items) => open.extend(items),
                    _ => {}
                }
            }
        }
        false
    }

    /// Resolves the remaining dynamic references to the anchors of their own resources: references
    /// from other resources lead to copies by now.
    fn rest(&mut self) {
        let mut left: Vec<(String, String)> = Vec::new();
        each_object(
            ObjectKind::Document,
            self.tree,
            "",
            &mut |kind, object, at| {
                if let (ObjectKind::Schema, Some(name)) = (
                    kind,
                    object
                        .get("$dynamicRef")
                        .and_then(Value::as_str)
                        .map(anchor),
                ) {
                    left.push((at.to_owned(), name.to_owned()));
                }
            },
        );
        for (at, name) in left {
            let own = self.anchors_of(&self.resource(&at));
            if let Some(to) = own.get(&name) {
                if let Some(schema) = self.tree.pointer_mut(&at).and_then(Value::as_object_mut) {
                    schema.shift_remove("$dynamicRef");
                }
                let to = to.clone();
                self.lead(&at, &to);
            }
        }
    }
}

/// Pointers that a resource is copied from and to, and the targets of anchors in the copy.
struct PlacedResource<'p> {
    from: &'p str,
    to: &'p str,
    scope: &'p Scope,
}

/// Returns the name of the anchor at the end of a reference.
fn anchor(reference: &str) -> &str {
    reference.rsplit('#').next().unwrap_or_default()
}

/// Returns the members of a schema that may contain schemas.
pub(crate) fn members(schema: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let is_schema = |(name, _): &(&String, &Value)| !is_data(name);
    schema.iter().filter(is_schema).map(|(_, member)| member)
}

/// Returns true for members of a schema that are data and contain no schemas.
pub(crate) fn is_data(keyword: &str) -> bool {
    matches!(
        keyword,
        "enum" | "const" | "default" | "example" | "examples"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::identifier::localise;

    #[test]
    fn a_generic_list_is_copied_for_each_kind_of_item() {
        let mut tree = json!({"components": {"schemas": {
            "List": {"$id": "list", "type": "array", "items": {"$dynamicRef": "#T"}, "$defs": {"T": {"$dynamicAnchor": "T", "not": {}}}},
            "Strings": {"$id": "strings", "$ref": "list", "$defs": {"s": {"$dynamicAnchor": "T", "type": "string"}}},
            "Numbers": {"$id": "numbers", "$ref": "list", "$defs": {"n": {"$dynamicAnchor": "T", "type": "number"}}},
            "List-1": {"const": "a name that a copy would have"}
        }}});
        localise(&mut tree);
        let schemas = &tree["components"]["schemas"];
        let items = |name: &str| {
            let to = schemas[name]["$ref"]
                .as_str()
                .and_then(local_pointer)
                .expect("is a reference");
            let item = tree.pointer(&to).expect("is there")["items"]["$ref"]
                .as_str()
                .and_then(local_pointer);
            tree.pointer(&item.expect("is a reference"))
                .expect("is there")["type"]
                .clone()
        };
        assert_eq!(
            (items("Strings"), items("Numbers")),
            (json!("string"), json!("number"))
        );
        assert_eq!(
            schemas["List-1"],
            json!({"const": "a name that a copy would have"})
        );
        assert_eq!(
            schemas["List"]["items"]["$ref"],
            "#/components/schemas/List/$defs/T"
        );
    }
}
