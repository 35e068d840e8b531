//! Descriptions: what do all the schemas of one place say about an instance there?
//!
//! A place is described by its schema and by what this refers to or is composed of. Where schemas are
//! alternatives, each counts: a field of any of them is documented.
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use serde_json::{Map, Value};

use crate::document::reference::{UNKNOWN, local_pointer, mapped};
use crate::document::syntax::{find, join};
use crate::schema::pattern::Pattern;

/// Maximum number of schemas that describe one place; at more, anything is allowed there.
const MOST_SCHEMAS: usize = 500;

/// Schema that describes a place.
#[derive(Debug, Clone)]
pub(super) struct DescribingSchema<'t> {
    /// Keywords of the schema.
    pub keywords: &'t Map<String, Value>,
    /// JSON Pointer of the schema in the document.
    pub pointer: String,
    /// False for one of several alternatives.
    pub is_certain: bool,
}

/// Schemas that describe one place, with the descriptions of its members and items.
#[derive(Debug)]
pub(super) struct Description<'t> {
    root: &'t Value,
    /// JSON Pointers that the place has itself, before references are followed.
    pub own: Vec<(String, bool)>,
    /// Schemas in the order of the document, references followed.
    pub schemas: Vec<DescribingSchema<'t>>,
    /// True if something that cannot be followed allows anything.
    allows_anything: bool,
    members: RefCell<HashMap<String, Member<'t>>>,
    items: OnceCell<Rc<Description<'t>>>,
    /// Descriptions by other schemas: derived ones, and those of members with any name.
    others: RefCell<HashMap<String, Rc<Description<'t>>>>,
    /// Values of `enum` in the schemas.
    pub enums: Vec<&'t Vec<Value>>,
    /// Examples that the schemas have themselves (`examples`).
    pub examples: Vec<&'t Value>,
    /// Values that came at the place.
    pub came: Came,
}

/// Values that came at a place.
#[derive(Debug, Default)]
pub(super) struct Came {
    /// Number of values.
    pub values: Cell<u64>,
    /// Number of objects among them.
    pub objects: Cell<u64>,
    /// JSON types of the values, one bit for each.
    pub kinds: Cell<u8>,
    /// Texts among the documented values of an `enum`.
    pub listed: RefCell<BTreeSet<String>>,
}

/// Description of a member of an object.
#[derive(Debug, Clone)]
pub(super) enum Member<'t> {
    /// A property that is declared by its name.
    Declared(Rc<Description<'t>>),
    /// A member with any name, of an object that is a map.
    OfMap(Rc<Description<'t>>),
    /// Nothing is said of it, and the author says that there may be such members.
    Free,
    /// A member of an object without declared members.
    OfFreeForm,
    /// A member beside declared ones.
    Undeclared,
}

impl<'t> Description<'t> {
    /// Returns the description by the schema at a pointer of a document.
    pub(super) fn new(root: &'t Value, pointer: &str) -> Rc<Self> {
        Self::by(root, vec![(pointer.to_owned(), true)])
    }

    /// Returns the description of a list whose items the schema at a pointer describes.
    pub(super) fn of_items(root: &'t Value, pointer: &str) -> Rc<Self> {
        let list = Self::by(root, Vec::new());
        let _fresh = list.items.set(Self::new(root, pointer));
        list
    }

    fn by(root: &'t Value, own: Vec<(String, bool)>) -> Rc<Self> {
        let mut expansion = Expansion {
            root,
            seen: HashSet::new(),
            schemas: Vec::new(),
            allows_anything: false,
        };
        for (pointer, is_certain) in &own {
            expansion.expand(pointer, *is_certain);
        }
        let schemas = expansion.schemas;
        let lists = |keyword: &str| -> Vec<&'t Vec<Value>> {
            let with = schemas.iter().filter_map(|own| own.keywords.get(keyword));
            with.filter_map(Value::as_array).collect()
        };
        let (enums, examples) = (lists("enum"), lists("examples"));
        Rc::new(Self {
            root,
            own,
            enums,
            examples: examples.into_iter().flatten().collect(),
            schemas,
            allows_anything: expansion.allows_anything,
            members: RefCell::default(),
            items: OnceCell::new(),
            others: RefCell::default(),
            came: Came::default(),
        })
    }

    /// Returns the schemas with a keyword.
    pub(super) fn with<'d>(
        &'d self,
        keyword: &'d str,
    ) -> impl Iterator<Item = (&'d DescribingSchema<'t>, &'t Value)> + 'd {
        self.schemas
            .iter()
            .filter_map(move |schema| Some((schema, schema.keywords.get(keyword)?)))
    }

    /// Returns the description of the items of a list; empty if there is none.
    pub(super) fn items(&self) -> Rc<Self> {
        let make = || {
            let mut own = Vec::new();
            for (schema, _) in self.with("items") {
                own.push((join(&schema.pointer, "items"), schema.is_certain));
            }
            for (schema, first) in self.with("prefixItems") {
                let at = join(&schema.pointer, "prefixItems");
                for index in 0..first.as_array().map_or(0, Vec::len) {
                    own.push((join(&at, &index.to_string()), false));
                }
            }
            Self::by(self.root, own)
        };
        Rc::clone(self.items.get_or_init(make))
    }

    /// Returns the description of an object by its discriminators too: by the schema that is derived
    /// from this one and that a member of the object names.
    pub(super) fn of_object(self: &Rc<Self>, object: &Map<String, Value>) -> Rc<Self> {
        let mut derived = Vec::new();
        for (schema, discriminator) in self.with("discriminator") {
            if schema.keywords.contains_key("oneOf") || schema.keywords.contains_key("anyOf") {
                continue;
            }
            let name = discriminator.get("propertyName").and_then(Value::as_str);
            let Some(name) = name.and_then(|name| object.get(name)?.as_str()) else {
                continue;
            };
            let mapping = discriminator.get("mapping");
            let to = mapping.and_then(|mapping| mapped(mapping.get(name)?));
            let to = to.unwrap_or_else(|| join("#/components/schemas", name));
            if let Some(pointer) = local_pointer(&to)
                && find(self.root, &pointer).is_some()
                && !self.schemas.iter().any(|there| there.pointer == pointer)
            {
                derived.push((pointer, true));
            }
        }
        if derived.is_empty() {
            return Rc::clone(self);
        }
        let key = derived
            .iter()
            .map(|(pointer, _)| pointer.as_str())
            .collect::<Vec<_>>()
            .join("\n");
        let make = || {
            Self::by(
                self.root,
                derived.iter().chain(&self.own).cloned().collect(),
            )
        };
        Rc::clone(self.others.borrow_mut().entry(key).or_insert_with(make))
    }

    /// Returns the descriptions below this one for which a value came.
    pub(super) fn below(&self) -> Vec<Rc<Self>> {
        let members = self.members.borrow();
        let members = members.values().filter_map(|member| match member {
            Member::Declared(member) => Some(Rc::clone(member)),
            _ => None,
        });
        let others = self.others.borrow();
        members
            .chain(others.values().cloned())
            .chain(self.items.get().cloned())
            .collect()
    }

    /// Returns the number of values that came for a declared member.
    pub(super) fn came_for(&self, name: &str) -> u64 {
        match self.members.borrow().get(name) {
            Some(Member::Declared(member)) => member.came.values.get(),
            _ => 0,
        }
    }

    /// Returns the description of a member by its name.
    pub(super) fn member(&self, name: &str) -> Member<'t> {
        if let Some(known) = self.members.borrow().get(name) {
            return known.clone();
        }
        let member = self.find_member(name);
        // Others have any number of names.
        if matches!(member, Member::Declared(_)) {
            self.members
                .borrow_mut()
                .insert(name.to_owned(), member.clone());
        }
        member
    }

    fn find_member(&self, name: &str) -> Member<'t> {
        let (mut declared, mut of_map) = (Vec::new(), Vec::new());
        let mut is_free = self.allows_anything || self.schemas.is_empty();
        for schema in &self.schemas {
            let before = (declared.len(), of_map.len());
            if has(schema.keywords, "properties", name) {
                let at = join(&join(&schema.pointer, "properties"), name);
                declared.push((at, schema.is_certain));
            }
            for pattern in patterns(schema.keywords, name) {
                let at = join(&join(&schema.pointer, "patternProperties"), pattern);
                of_map.push((at, schema.is_certain));
            }
            if (declared.len(), of_map.len()) != before {
                continue;
            }
            for keyword in ["additionalProperties", "unevaluatedProperties"] {
                match schema.keywords.get(keyword) {
                    Some(Value::Object(other)) if !other.is_empty() => {
                        of_map.push((join(&schema.pointer, keyword), schema.is_certain));
                    }
                    Some(Value::Object(_) | Value::Bool(true)) => is_free = true,
                    _ => {}
                }
            }
        }
        if !declared.is_empty() {
            declared.extend(of_map);
            Member::Declared(Self::by(self.root, declared))
        } else if !of_map.is_empty() {
            let key = of_map
                .iter()
                .map(|(pointer, _)| pointer.as_str())
                .collect::<Vec<_>>()
                .join("\n");
            let make = || Self::by(self.root, of_map);
            Member::OfMap(Rc::clone(
                self.others.borrow_mut().entry(key).or_insert_with(make),
            ))
        } else if is_free || self.is_named(name) {
            Member::Free
        } else {
            self.undeclared()
        }
    }

    /// Returns true if `required` or a discriminator names a member: then clients know it.
    fn is_named(&self, name: &str) -> bool {
        self.schemas.iter().any(|schema| {
            let required = schema.keywords.get("required").and_then(Value::as_array);
            let discriminator = schema.keywords.get("discriminator");
            required.is_some_and(|names| names.iter().any(|there| there == name))
                || discriminator.is_some_and(|there| there["propertyName"] == name)
        })
    }

    fn undeclared(&self) -> Member<'t> {
        let declares = |schema: &DescribingSchema<'_>| {
            let map = |keyword: &str| schema.keywords.get(keyword).and_then(Value::as_object);
            map("properties").is_some_and(|map| !map.is_empty())
                || map("patternProperties").is_some_and(|map| !map.is_empty())
                || schema.keywords.get("additionalProperties") == Some(&Value::Bool(false))
        };
        let is_object = |schema: &DescribingSchema<'_>| allows(schema.keywords, "object");
        if self.schemas.iter().any(declares) {
            Member::Undeclared
        } else if self.schemas.iter().any(is_object) {
            Member::OfFreeForm
        } else {
            Member::Free
        }
    }
}

/// Returns true if the `type` of a schema is or contains a name.
pub(super) fn allows(keywords: &Map<String, Value>, name: &str) -> bool {
    match keywords.get("type") {
        Some(Value::String(there)) => there == name,
        Some(Value::Array(names)) => names.iter().any(|there| there == name),
        _ => false,
    }
}

fn has(keywords: &Map<String, Value>, keyword: &str, name: &str) -> bool {
    keywords
        .get(keyword)
        .is_some_and(|map| map.get(name).is_some())
}

/// Returns the patterns of `patternProperties` that a name matches. One that cannot be read matches
/// every name, because nothing is known of it.
fn patterns<'t>(keywords: &'t Map<String, Value>, name: &str) -> Vec<&'t String> {
    let map = keywords.get("patternProperties").and_then(Value::as_object);
    let all = map.into_iter().flat_map(|map| map.keys());
    all.filter(|text| Pattern::read(text).map_or(true, |pattern| pattern.is_match(name)))
        .collect()
}

/// Collection of the schemas that describe a place.
struct Expansion<'t> {
    root: &'t Value,
    seen: HashSet<String>,
    schemas: Vec<DescribingSchema<'t>>,
    allows_anything: bool,
}

impl Expansion<'_> {
    fn expand(&mut self, pointer: &str, is_certain: bool) {
        if self.schemas.len() >= MOST_SCHEMAS {
            self.allows_anything = true;
            return;
        }
        if !self.seen.insert(pointer.to_owned()) {
            return;
        }
        let Some(Value::Object(keywords)) = find(self.root, pointer) else {
            return;
        };
        self.allows_anything |=
            keywords.contains_key(UNKNOWN) || keywords.contains_key("$dynamicRef");
        self.schemas.push(DescribingSchema {
            keywords,
            pointer: pointer.to_owned(),
            is_certain,
        });
        match keywords
            .get("$ref")
            .and_then(Value::as_str)
            .map(local_pointer)
        {
            Some(Some(target)) if find(self.root, &target).is_some() => {
                self.expand(&target, is_certain);
            }
            // An anchor, or a target that is elsewhere.
            Some(_) => self.allows_anything = true,
            None => {}
        }
        self.compositions(keywords, pointer, is_certain);
    }

    fn compositions(&mut self, keywords: &Map<String, Value>, pointer: &str, is_certain: bool) {
        for keyword in ["allOf", "anyOf", "oneOf"] {
            let count = keywords
                .get(keyword)
                .and_then(Value::as_array)
                .map_or(0, Vec::len);
            let is_alternative = keyword != "allOf" && count > 1;
            for index in 0..count {
                let at = join(&join(pointer, keyword), &index.to_string());
                self.expand(&at, is_certain && !is_alternative);
            }
        }
        for keyword in ["if", "then", "else"] {
            if keywords.contains_key(keyword) {
                self.expand(&join(pointer, keyword), false);
            }
        }
        let dependent = keywords.get("dependentSchemas").and_then(Value::as_object);
        for name in dependent.into_iter().flat_map(|map| map.keys()) {
            self.expand(&join(&join(pointer, "dependentSchemas"), name), false);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kind(schema: &Value, name: &str) -> &'static str {
        let root = json!({ "s": schema, "t": {"properties": {"x": {"type": "string"}}, "allOf": [{"$ref": "#/t"}]} });
        match Description::new(&root, "/s").member(name) {
            Member::Declared(_) => "declared",
            Member::OfMap(_) => "map",
            Member::Free => "free",
            Member::OfFreeForm => "free form",
            Member::Undeclared => "undeclared",
        }
    }

    #[test]
    fn members_are_described_through_compositions() {
        for (schema, expected) in [
            (json!({"properties": {"a": {}}}), "undeclared"),
            (json!({"properties": {"x": {}}}), "declared"),
            (
                json!({"allOf": [{"$ref": "#/t"}, {"properties": {"a": {}}}]}),
                "declared",
            ),
            (
                json!({"oneOf": [{"properties": {"a": {}}}, {"$ref": "#/t"}]}),
                "declared",
            ),
            (
                json!({"anyOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]}),
                "undeclared",
            ),
            (
                json!({"if": {}, "then": {"properties": {"x": {}}}}),
                "declared",
            ),
            (
                json!({"properties": {"a": {}}, "patternProperties": {"^x": {}}}),
                "map",
            ),
            (
                json!({"properties": {"a": {}}, "additionalProperties": {"type": "string"}}),
                "map",
            ),
            (
                json!({"properties": {"a": {}}, "additionalProperties": true}),
                "free",
            ),
            (
                json!({"properties": {"a": {}}, "additionalProperties": {}}),
                "free",
            ),
            (
                json!({"properties": {"a": {}}, "additionalProperties": false}),
                "undeclared",
            ),
            (
                json!({"type": "object", "additionalProperties": false}),
                "undeclared",
            ),
            (json!({"properties": {"a": {}}, "required": ["x"]}), "free"),
            (json!({"type": "object"}), "free form"),
            (json!({"type": ["object", "null"]}), "free form"),
            (json!({}), "free"),
            (
                json!({"properties": {"a": {}}, "$ref": "other.yaml"}),
                "free",
            ),
        ] {
            assert_eq!(kind(&schema, "x"), expected, "{schema}");
        }
    }

    #[test]
    fn a_discriminator_adds_the_derived_schema() {
        let root = json!({"components": {"schemas": {
            "Pet": {"properties": {"kind": {}}, "discriminator": {"propertyName": "kind"}},
            "Cat": {"allOf": [{"$ref": "#/components/schemas/Pet"}, {"properties": {"claws": {}}}]},
        }}});
        let pet = Description::new(&root, "/components/schemas/Pet");
        let cat = json!({"kind": "Cat"});
        let cat = pet.of_object(cat.as_object().expect("it is one"));
        assert!(matches!(cat.member("claws"), Member::Declared(_)));
        assert!(matches!(pet.member("claws"), Member::Undeclared));
    }
}
