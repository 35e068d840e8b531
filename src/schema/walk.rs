//! A schema as a tree that can be walked: references followed, compositions looked through.
//!
//! Each node is visited once, however many ways lead to it, so that recursive and much branched
//! schemas cost no more than their size.
use std::collections::HashSet;

use serde_json::Value;

use crate::document::reference::{is_only_reference, resolve_schema};
use crate::document::syntax::{find, join};
use crate::schema::direction::Direction;
use crate::schema::schemas::Schema;

/// A part of what a schema describes.
#[derive(Debug, Clone, Copy)]
pub enum Part<'n> {
    /// The property of this name.
    Property(&'n str),
    /// Each item.
    Items,
}

/// How many schemas are looked into for the place of a part.
const MOST_PLACES: usize = 1000;

/// How the walk goes on from a node.
enum Step {
    /// Into its `allOf`, `anyOf` and `oneOf`.
    Into,
    /// Past it.
    Past,
    /// Nowhere.
    End,
}

impl Schema {
    /// The types that an instance of `node`, a schema of the same document, may have, null apart:
    /// `["integer"]`; empty if it does not say.
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
            if types.len() > before { Step::Past } else { Step::Into }
        });
        types.retain(|name| *name != "null");
        // There are six at most, so no set is quicker.
        let mut distinct: Vec<&str> = Vec::with_capacity(types.len());
        types.into_iter().for_each(|name| {
            if !distinct.contains(&name) {
                distinct.push(name);
            }
        });
        let types = distinct;
        if types.is_empty() { implied.into_iter().collect() } else { types }
    }

    /// Whether null is among the types of `node`.
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
            Step::Into
        });
        allows
    }

    /// The schema of a property by name.
    #[must_use]
    pub fn property<'s>(&'s self, node: &'s Value, name: &str) -> Option<&'s Value> {
        let declared = self.find(node, &mut |node| node.get("properties")?.get(name));
        declared.or_else(|| self.find(node, &mut |node| node.get("additionalProperties").filter(|v| v.is_object())))
    }

    /// The schema of the items of a list.
    #[must_use]
    pub fn items<'s>(&'s self, node: &'s Value) -> Option<&'s Value> {
        self.find(node, &mut |node| node.get("items"))
    }

    /// Where the schema of a part of the objects or lists stands that the schema at `pointer` describes:
    /// `/components/schemas/Pet/properties/name`.
    #[must_use]
    pub fn place_of(&self, pointer: &str, part: Part<'_>) -> Option<String> {
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
            let Some(node) = find(self.root(), &pointer) else { continue };
            let (own, at) = match part {
                Part::Property(name) => {
                    let at = join(&join(&pointer, "properties"), name);
                    (node.get("properties").and_then(|properties| properties.get(name)), at)
                }
                Part::Items => (node.get("items"), join(&pointer, "items")),
            };
            if let Some(own) = own {
                // Of several branches the one that says more.
                if self.has_members(own) || self.items(own).is_some() {
                    return Some(at);
                }
                first.get_or_insert(at);
            }
            for keyword in ["oneOf", "anyOf", "allOf"] {
                let branches = node.get(keyword).and_then(Value::as_array).map_or(0, Vec::len);
                let at = join(&pointer, keyword);
                open.extend((0..branches.min(MOST_PLACES)).rev().map(|index| join(&at, &index.to_string())));
            }
            if node.get("$ref").is_some() {
                open.extend(resolve_schema(self.root(), node, &pointer).ok().map(|end| end.pointer));
            }
        }
        first
    }

    /// The declared properties with their schemas, in the author's order.
    #[must_use]
    pub fn properties<'s>(&'s self, node: &'s Value) -> Vec<(&'s str, &'s Value)> {
        let mut all = Vec::new();
        let mut seen = HashSet::new();
        self.walk(node, &mut |node| {
            let own = node.get("properties").and_then(Value::as_object).into_iter().flatten();
            all.extend(own.map(|(name, schema)| (name.as_str(), schema)).filter(|(name, _)| seen.insert(*name)));
            Step::Into
        });
        all
    }

    /// The declared properties of one of the objects that `node` can be, and whether each is required: of
    /// the branches of `oneOf` and `anyOf` the first whose names are worth most.
    #[must_use]
    pub fn chosen_properties<'s>(
        &'s self,
        node: &'s Value,
        worth: impl Fn(&[(&'s str, &'s Value)]) -> usize + Copy,
    ) -> Vec<(&'s str, &'s Value, bool)> {
        let mut parts = self.parts(node);
        for keyword in ["oneOf", "anyOf"] {
            let branches: Vec<&Value> =
                parts.iter().filter_map(|part| part.get(keyword)?.as_array()).flatten().collect();
            let names = |branch: &&'s Value| worth(&self.properties(branch));
            let best = branches.into_iter().rev().max_by_key(|branch| names(branch));
            parts.extend(best.map(|branch| self.parts(branch)).unwrap_or_default());
        }
        let mut all: Vec<(&str, &Value, bool)> = Vec::new();
        for part in &parts {
            for (name, property) in part.get("properties").and_then(Value::as_object).into_iter().flatten() {
                match all.iter_mut().find(|(known, ..)| known == name) {
                    // Of two the one that says more.
                    Some((_, known, _)) if !self.has_members(known) && self.has_members(property) => *known = property,
                    Some(_) => {}
                    None => {
                        let is_required = parts.iter().any(|part| names_required(part, name));
                        all.push((name, property, is_required && self.asks_for(property)));
                    }
                }
            }
        }
        all
    }

    /// Whether it, or its items, are objects with declared properties.
    fn has_members(&self, node: &Value) -> bool {
        let item = self.items(node);
        [Some(node), item].into_iter().flatten().any(|node| !self.properties(node).is_empty())
    }

    /// A node and what its `allOf` adds to it, references followed.
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
            let all_of: Vec<&Value> = node.get("allOf").and_then(Value::as_array).into_iter().flatten().collect();
            open.extend(all_of.into_iter().rev());
        }
        parts
    }

    /// Whether an object of the schema must have a property, in one of its branches at least.
    #[must_use]
    pub fn requires<'s>(&'s self, node: &'s Value, name: &str) -> bool {
        let is_named = self.find(node, &mut |node| names_required(node, name).then_some(node)).is_some();
        is_named && self.property(node, name).is_none_or(|property| self.asks_for(property))
    }

    /// Whether who sends it is asked for a property: it is not marked `readOnly` in a request or
    /// `writeOnly` in a response, and neither is what it refers to.
    #[must_use]
    pub fn asks_for(&self, property: &Value) -> bool {
        !self.is_marked(property, self.direction().not_asked())
    }

    /// Whether a property says of itself that it is never sent by a client: it is `readOnly`, or what it refers to is.
    #[must_use]
    pub fn is_read_only(&self, property: &Value) -> bool {
        self.is_marked(property, Direction::Request.not_asked())
    }

    fn is_marked(&self, property: &Value, keyword: &str) -> bool {
        let is_marked = |node: &Value| node.get(keyword) == Some(&Value::Bool(true));
        is_marked(property) || property.get("$ref").is_some() && is_marked(self.resolve(property))
    }

    /// The names of the properties of `node` and of everything below it, each once, and not many more
    /// than 2000.
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

    /// A node with everything that it refers to or is composed of, alternatives too.
    #[must_use]
    pub fn with_branches<'s>(&'s self, node: &'s Value) -> Vec<&'s Value> {
        let mut all = Vec::new();
        self.walk(node, &mut |node| {
            all.push(node);
            Step::Into
        });
        all
    }

    fn find<'s>(&'s self, node: &'s Value, look: &mut dyn FnMut(&'s Value) -> Option<&'s Value>) -> Option<&'s Value> {
        let mut found = None;
        self.walk(node, &mut |node| {
            found = look(node);
            if found.is_some() { Step::End } else { Step::Into }
        });
        found
    }

    /// Whether a node says something itself, and was not met before; where its reference leads is next.
    fn is_own<'s>(&'s self, node: &'s Value, seen: &mut HashSet<usize>, open: &mut Vec<&'s Value>) -> bool {
        if !seen.insert(std::ptr::from_ref(node).addr()) {
            return false;
        }
        if node.get("$ref").is_none() {
            return true;
        }
        // One that cannot be followed leads to itself.
        open.push(self.resolve(node));
        !is_only_reference(node)
    }

    /// Visits a node and what it is composed of, in the author's order.
    fn walk<'s>(&'s self, node: &'s Value, visit: &mut dyn FnMut(&'s Value) -> Step) {
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
                Step::End => return,
                Step::Past => {}
                Step::Into => {
                    let of = |keyword: &str| node.get(keyword).and_then(Value::as_array).into_iter().flatten();
                    let branches: Vec<&Value> = of("allOf").chain(of("anyOf")).chain(of("oneOf")).collect();
                    open.extend(branches.into_iter().rev());
                }
            }
        }
    }
}

/// Whether nothing else belongs to a node, as to most: it neither refers to others nor is composed of them.
fn is_alone(node: &Value) -> bool {
    let leads = |name: &String| matches!(name.as_str(), "$ref" | "allOf" | "anyOf" | "oneOf");
    node.as_object().is_none_or(|members| !members.keys().any(leads))
}

fn names_required(node: &Value, name: &str) -> bool {
    node.get("required").and_then(Value::as_array).is_some_and(|names| names.iter().any(|known| known == name))
}

/// How many names one schema contributes before the walk ends.
const MOST_NAMES: usize = 2000;
