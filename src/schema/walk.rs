//! Walks a schema as a tree: references are followed, compositions looked through.
//!
//! Each node is visited once, however many paths lead to it, so that recursive and heavily
//! branched schemas cost no more than their size. `generate` and `validate` read schemas through
//! it.
use std::collections::HashSet;

use serde_json::Value;

use crate::document::reference::{is_only_reference, resolve_schema};
use crate::document::syntax::{find, join};
use crate::schema::direction::Direction;
use crate::schema::schemas::Schema;

/// A part of the objects or arrays that a schema describes.
#[derive(Debug, Clone, Copy)]
pub enum Child<'n> {
    /// The property of this name.
    Property(&'n str),
    /// Any item.
    Items,
}

/// Property of an object that a schema describes.
#[derive(Debug, Clone, Copy)]
pub struct ChosenProperty<'n> {
    /// Name of the property.
    pub name: &'n str,
    /// Schema of its value.
    pub schema: &'n Value,
    /// True if the object must have it.
    pub is_required: bool,
}

/// Maximum number of schemas searched for the place of a part; at more, the search ends.
const MOST_PLACES: usize = 1000;

/// Next move of the walk after a node.
enum WalkStep {
    /// Into its `allOf`, `anyOf` and `oneOf`.
    Into,
    /// Past the node, without its compositions.
    Past,
    /// End of the walk.
    End,
}

impl Schema {
    /// Returns the types that an instance of `node`, a schema of the same document, may have, null
    /// apart: `["integer"]`. Without `type`, `properties` or `items` imply one; empty if nothing
    /// does.
    #[must_use]
    pub fn types<'s>(&'s self, node: &'s Value) -> Vec<&'s str> {
        let mut types: Vec<&str> = Vec::new();
        let mut implied = None;
        self.walk(node, &mut |node| {
            let before = types.len();
            match node.get("type") {
                Some(Value::String(name)) => types.push(name),
                Some(Value::Array(names)) => types.extend(names.iter().filter_map(Value::as_str)),
                _ => {}
            }
            if implied.is_none() && node.get("properties").is_some() {
                implied = Some("object");
            } else if implied.is_none() && node.get("items").is_some() {
                implied = Some("array");
            }
            if types.len() > before {
                WalkStep::Past
            } else {
                WalkStep::Into
            }
        });
        types.retain(|name| *name != "null");
        // At most six types exist, so a set would not be faster.
        let mut distinct: Vec<&str> = Vec::with_capacity(types.len());
        types.into_iter().for_each(|name| {
            if !distinct.contains(&name) {
                distinct.push(name);
            }
        });
        let types = distinct;
        if types.is_empty() {
            implied.into_iter().collect()
        } else {
            types
        }
    }

    /// Returns true if null is among the types of `node`.
    #[must_use]
    pub fn allows_null(&self, node: &Value) -> bool {
        let mut allows = false;
        self.walk(node, &mut |node| {
            allows = allows
                || match node.get("type") {
                    Some(Value::String(name)) => name == "null",
                    Some(Value::Array(names)) => names.iter().any(|name| name == "null"),
                    _ => false,
                };
            WalkStep::Into
        });
        allows
    }

    /// Returns the schema of a property by name, else that of `additionalProperties`.
    #[must_use]
    pub fn property<'s>(&'s self, node: &'s Value, name: &str) -> Option<&'s Value> {
        let declared = self.find(node, &mut |node| node.get("properties")?.get(name));
        declared.or_else(|| {
            self.find(node, &mut |node| {
                node.get("additionalProperties").filter(|v| v.is_object())
            })
        })
    }

    /// Returns the schema of the items of an array.
    #[must_use]
    pub fn items<'s>(&'s self, node: &'s Value) -> Option<&'s Value> {
        self.find(node, &mut |node| node.get("items"))
    }

    /// Returns the pointer of the schema of a part of the objects or arrays that the schema at
    /// `pointer` describes: `/components/schemas/Pet/properties/name`.
    #[must_use]
    pub fn place_of(&self, pointer: &str, part: Child<'_>) -> Option<String> {
        let mut seen = HashSet::new();
        let mut open = vec![pointer.to_owned()];
        let mut first = None;
        while let Some(pointer) = open.pop() {
            if seen.len() > MOST_PLACES {
                break;
            }
            if !seen.insert(pointer.clone()) {
                continue;
            }
            let Some(node) = find(self.root(), &pointer) else {
                continue;
            };
            let (own, at) = match part {
                Child::Property(name) => {
                    let at = join(&join(&pointer, "properties"), name);
                    (
                        node.get("properties")
                            .and_then(|properties| properties.get(name)),
                        at,
                    )
                }
                Child::Items => (node.get("items"), join(&pointer, "items")),
            };
            if let Some(own) = own {
                // Of several branches, prefer one that declares members.
                if self.has_members(own) || self.items(own).is_some() {
                    return Some(at);
                }
                first.get_or_insert(at);
            }
            for keyword in ["oneOf", "anyOf", "allOf"] {
                let branches = node
                    .get(keyword)
                    .and_then(Value::as_array)
                    .map_or(0, Vec::len);
                let at = join(&pointer, keyword);
                open.extend(
                    (0..branches.min(MOST_PLACES))
                        .rev()
                        .map(|index| join(&at, &index.to_string())),
                );
            }
            if node.get("$ref").is_some() {
                open.extend(
                    resolve_schema(self.root(), node, &pointer)
                        .ok()
                        .map(|end| end.pointer),
                );
            }
        }
        first
    }

    /// Returns the declared properties with their schemas, in the author's order.
    #[must_use]
    pub fn properties<'s>(&'s self, node: &'s Value) -> Vec<(&'s str, &'s Value)> {
        let mut all = Vec::new();
        let mut seen = HashSet::new();
        self.walk(node, &mut |node| {
            let own = node
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten();
            all.extend(
                own.map(|(name, schema)| (name.as_str(), schema))
                    .filter(|(name, _)| seen.insert(*name)),
            );
            WalkStep::Into
        });
        all
    }

    /// Returns the declared properties of one of the objects that `node` can be. Of the branches of
    /// `oneOf` and `anyOf`, the first whose properties have the highest `worth` counts.
    #[must_use]
    pub fn chosen_properties<'s>(
        &'s self,
        node: &'s Value,
        worth: impl Fn(&[(&'s str, &'s Value)]) -> usize + Copy,
    ) -> Vec<ChosenProperty<'s>> {
        let mut parts = self.parts(node);
        for keyword in ["oneOf", "anyOf"] {
            let branches: Vec<&Value> = parts
                .iter()
                .filter_map(|part| part.get(keyword)?.as_array())
                .flatten()
                .collect();
            let names = |branch: &&'s Value| worth(&self.properties(branch));
            let best = branches
                .into_iter()
                .rev()
                .max_by_key(|branch| names(branch));
            parts.extend(best.map(|branch| self.parts(branch)).unwrap_or_default());
        }
        let mut all: Vec<ChosenProperty<'s>> = Vec::new();
        for part in &parts {
            for (name, property) in part
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                match all.iter_mut().find(|known| known.name == name) {
                    // Of two schemas of a property, prefer the one that declares members.
                    Some(known)
                        if !self.has_members(known.schema) && self.has_members(property) =>
                    {
                        known.schema = property;
                    }
                    Some(_) => {}
                    None => {
                        let is_named = parts.iter().any(|part| names_required(part, name));
                        all.push(ChosenProperty {
                            name,
                            schema: property,
                            is_required: is_named && self.asks_for(property),
                        });
                    }
                }
            }
        }
        all
    }

    /// Returns true if a schema or its items describe objects with declared properties.
    fn has_members(&self, node: &Value) -> bool {
        let item = self.items(node);
        [Some(node), item]
            .into_iter()
            .flatten()
            .any(|node| !self.properties(node).is_empty())
    }

    /// Returns a node and the nodes that its `allOf` adds, references followed.
    #[must_use]
    pub fn parts<'s>(&'s self, node: &'s Value) -> Vec<&'s Value> {
        let mut parts = Vec::new();
        let mut seen = HashSet::new();
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            if !self.is_own(node, &mut seen, &mut open) {
                continue;
            }
            parts.push(node);
            let all_of: Vec<&Value> = node
                .get("allOf")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .collect();
            open.extend(all_of.into_iter().rev());
        }
        parts
    }

    /// Returns true if an object of the schema must have a property, by at least one of its
    /// branches.
    #[must_use]
    pub fn requires<'s>(&'s self, node: &'s Value, name: &str) -> bool {
        let is_named = self
            .find(node, &mut |node| names_required(node, name).then_some(node))
            .is_some();
        is_named
            && self
                .property(node, name)
                .is_none_or(|property| self.asks_for(property))
    }

    /// Returns true if the sender may have to supply a property: neither the property nor the
    /// schema it refers to is marked `readOnly` in a request or `writeOnly` in a response.
    #[must_use]
    pub fn asks_for(&self, property: &Value) -> bool {
        !self.is_marked(property, self.direction().not_asked())
    }

    /// Returns true if clients never send a property: it is `readOnly`, or the schema it refers to
    /// is.
    #[must_use]
    pub fn is_read_only(&self, property: &Value) -> bool {
        self.is_marked(property, Direction::Request.not_asked())
    }

    fn is_marked(&self, property: &Value, keyword: &str) -> bool {
        let is_marked = |node: &Value| node.get(keyword) == Some(&Value::Bool(true));
        is_marked(property) || property.get("$ref").is_some() && is_marked(self.resolve(property))
    }

    /// Returns the names of the properties of `node` and of everything below it, each once, and
    /// not many more than 2000.
    #[must_use]
    pub fn all_property_names(&self, node: &Value) -> Vec<String> {
        let mut names = Vec::new();
        let mut known = HashSet::new();
        let mut seen = HashSet::new();
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            let node = self.resolve(node);
            if !seen.insert(std::ptr::from_ref(node).addr()) || names.len() > MOST_NAMES {
                continue;
            }
            for (name, property) in self.properties(node) {
                if known.insert(name.to_owned()) {
                    names.push(name.to_owned());
                }
                open.push(property);
            }
            open.extend(self.items(node));
        }
        names
    }

    /// Returns a node with everything that it refers to or is composed of, alternatives included.
    #[must_use]
    pub fn with_branches<'s>(&'s self, node: &'s Value) -> Vec<&'s Value> {
        let mut all = Vec::new();
        self.walk(node, &mut |node| {
            all.push(node);
            WalkStep::Into
        });
        all
    }

    fn find<'s>(
        &'s self,
        node: &'s Value,
        look: &mut dyn FnMut(&'s Value) -> Option<&'s Value>,
    ) -> Option<&'s Value> {
        let mut found = None;
        self.walk(node, &mut |node| {
            found = look(node);
            if found.is_some() {
                WalkStep::End
            } else {
                WalkStep::Into
            }
        });
        found
    }

    /// Returns true if a node was not visited before and says more than a reference; adds the
    /// target of its reference to `open`.
    fn is_own<'s>(
        &'s self,
        node: &'s Value,
        seen: &mut HashSet<usize>,
        open: &mut Vec<&'s Value>,
    ) -> bool {
        if !seen.insert(std::ptr::from_ref(node).addr()) {
            return false;
        }
        if node.get("$ref").is_none() {
            return true;
        }
        // A reference that cannot be followed resolves to the node itself.
        open.push(self.resolve(node));
        !is_only_reference(node)
    }

    /// Visits a node and the nodes that it is composed of, in the author's order.
    fn walk<'s>(&'s self, node: &'s Value, visit: &mut dyn FnMut(&'s Value) -> WalkStep) {
        if is_alone(node) {
            visit(node);
            return;
        }
        let mut seen = HashSet::new();
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            if !self.is_own(node, &mut seen, &mut open) {
                continue;
            }
            match visit(node) {
                WalkStep::End => return,
                WalkStep::Past => {}
                WalkStep::Into => {
                    let of = |keyword: &str| {
                        node.get(keyword)
                            .and_then(Value::as_array)
                            .into_iter()
                            .flatten()
                    };
                    let branches: Vec<&Value> =
                        of("allOf").chain(of("anyOf")).chain(of("oneOf")).collect();
                    open.extend(branches.into_iter().rev());
                }
            }
        }
    }
}

/// Returns true if a node neither refers to other schemas nor is composed of them, as most do not.
fn is_alone(node: &Value) -> bool {
    let leads = |name: &String| matches!(name.as_str(), "$ref" | "allOf" | "anyOf" | "oneOf");
    node.as_object()
        .is_none_or(|members| !members.keys().any(leads))
}

fn names_required(node: &Value, name: &str) -> bool {
    node.get("required")
        .and_then(Value::as_array)
        .is_some_and(|names| names.iter().any(|known| known == name))
}

/// Maximum number of names collected from one schema; at more, the walk ends.
const MOST_NAMES: usize = 2000;
