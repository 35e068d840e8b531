//! Walks the content of an exchange beside its description: what is not declared, and what came?
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Map, Value, json};

use crate::document::syntax::{find, join, push, unescape};
use crate::schema::start_of;
use crate::upstream::drift::description::{DescribingSchema, Description, Member, allows};
use crate::upstream::drift::place::PlaceCount;
use crate::upstream::drift::shape::Shape;

/// Maximum number of values of one content that are looked at.
const MOST_VALUES: usize = 20_000;

/// Maximum number of undeclared members that are noted of one content.
const MOST_UNDECLARED: usize = 200;

/// Longest name of a member in a finding, in bytes.
const LONGEST_NAME: usize = 100;

/// Member that is not declared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct UndeclaredMember {
    /// JSON Pointer in the content, `*` for any item and for any name of a map.
    pub at: String,
    /// JSON Pointer of the schema that could declare it.
    pub schema: String,
    /// Name of the member; empty if nothing is said of any member of the object.
    pub name: String,
    /// True if a documented example has it.
    pub is_shown: bool,
}

/// Members that are not declared, with their common shape and the first value.
pub(super) type UndeclaredMembers = BTreeMap<UndeclaredMember, (Shape, Value)>;

/// Walks a value beside its description, which counts what came; `examples` are the documented ones of the
/// content. Returns the members that are not declared.
pub(super) fn walk<'v>(
    description: &Rc<Description<'v>>,
    value: &Value,
    examples: &[&'v Value],
) -> UndeclaredMembers {
    let mut walker = Walker {
        undeclared: UndeclaredMembers::new(),
        left: MOST_VALUES,
    };
    walker.value(description, value, examples, &mut String::new());
    walker.undeclared
}

/// Returns the values that came at a description and below it, by the JSON Pointers of schemas.
pub(super) fn places_of(description: &Description<'_>) -> BTreeMap<String, PlaceCount> {
    let mut places = BTreeMap::new();
    collect(&mut places, description);
    places
}

struct Walker {
    undeclared: UndeclaredMembers,
    left: usize,
}

impl Walker {
    fn value<'v>(
        &mut self,
        description: &Rc<Description<'v>>,
        value: &Value,
        examples: &[&'v Value],
        at: &mut String,
    ) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        match value {
            Value::Object(members) => {
                let description = description.of_object(members);
                note(&description, value);
                let objects = &description.came.objects;
                objects.set(objects.get() + 1);
                let examples = with_own(&description, examples);
                self.members(&description, members, &examples, at);
            }
            Value::Array(items) => {
                note(description, value);
                let of_item = description.items();
                let examples = below(&with_own(description, examples), "*");
                let length = at.len();
                at.push_str("/*");
                for item in items {
                    self.value(&of_item, item, &examples, at);
                }
                at.truncate(length);
            }
            _ => note(description, value),
        }
    }

    fn members<'v>(
        &mut self,
        description: &Rc<Description<'v>>,
        members: &Map<String, Value>,
        examples: &[&'v Value],
        at: &mut String,
    ) {
        for (name, value) in members {
            let length = at.len();
            match description.member(name) {
                Member::Declared(member) => {
                    push(at, name);
                    self.value(&member, value, &below(examples, name), at);
                }
                Member::OfMap(member) => {
                    at.push_str("/*");
                    self.value(&member, value, &below(examples, "*"), at);
                }
                Member::Free => {}
                Member::OfFreeForm => {
                    let shows =
                        |example: &&Value| example.as_object().is_some_and(|o| !o.is_empty());
                    if !examples.iter().any(shows) {
                        self.undeclared(description, members, at, ("", false), value);
                    }
                }
                Member::Undeclared => {
                    let is_shown = examples.iter().any(|example| example.get(name).is_some());
                    self.undeclared(description, members, at, (name, is_shown), value);
                }
            }
            at.truncate(length);
        }
    }

    fn undeclared(
        &mut self,
        description: &Description<'_>,
        members: &Map<String, Value>,
        at: &str,
        (name, is_shown): (&str, bool),
        value: &Value,
    ) {
        let Some(schema) = home(description, members) else {
            return;
        };
        let found = UndeclaredMember {
            at: at.to_owned(),
            schema: schema.pointer.clone(),
            name: start_of(name, LONGEST_NAME).into_owned(),
            is_shown,
        };
        let shape = Shape::of(value);
        if let Some((there, _)) = self.undeclared.get_mut(&found) {
            there.merge(shape);
        } else if self.undeclared.len() < MOST_UNDECLARED {
            self.undeclared.insert(found, (shape, value.clone()));
        }
    }
}

/// Adds the values that came at a description and below it.
fn collect(places: &mut BTreeMap<String, PlaceCount>, description: &Description<'_>) {
    let came = &description.came;
    if came.values.get() > 0 {
        for (pointer, _) in &description.own {
            let place = places.entry(pointer.clone()).or_default();
            place.values += came.values.get();
            place.kinds |= came.kinds.get();
        }
        for schema in &description.schemas {
            collect_schema(places, description, schema);
        }
    }
    for below in description.below() {
        collect(places, &below);
    }
}

fn collect_schema(
    places: &mut BTreeMap<String, PlaceCount>,
    description: &Description<'_>,
    schema: &DescribingSchema<'_>,
) {
    let came = &description.came;
    let properties = schema.keywords.get("properties").and_then(Value::as_object);
    if let Some(properties) = properties.filter(|_| came.objects.get() > 0) {
        let place = places.entry(schema.pointer.clone()).or_default();
        // An alternative may describe other objects.
        place.objects += if schema.is_certain {
            came.objects.get()
        } else {
            0
        };
        for name in properties.keys() {
            let count = description.came_for(name);
            if count > 0 {
                *place.members.entry(name.clone()).or_default() += count;
            }
        }
    }
    if schema.keywords.contains_key("enum") {
        let place = places.entry(schema.pointer.clone()).or_default();
        place.listed.extend(came.listed.borrow().iter().cloned());
        place.texts += came.values.get();
    }
}

/// Maximum number of examples that are compared with one value.
const MOST_EXAMPLES: usize = 500;

/// Returns examples of a place with those of its own schemas.
fn with_own<'e, 'v>(
    description: &Description<'v>,
    examples: &'e [&'v Value],
) -> Cow<'e, [&'v Value]> {
    if description.examples.is_empty() {
        return Cow::Borrowed(examples);
    }
    let all = examples.iter().chain(&description.examples);
    Cow::Owned(all.copied().take(MOST_EXAMPLES).collect())
}

/// Returns the members of a name in examples, or all members and items for `*`.
fn below<'v>(examples: &[&'v Value], name: &str) -> Vec<&'v Value> {
    let mut found = Vec::new();
    for example in examples {
        match example {
            Value::Object(members) if name == "*" => found.extend(members.values()),
            Value::Object(members) => found.extend(members.get(name)),
            Value::Array(items) if name == "*" => found.extend(items),
            _ => {}
        }
        found.truncate(MOST_EXAMPLES);
    }
    found
}

/// Notes that a value came.
fn note(description: &Description<'_>, value: &Value) {
    let came = &description.came;
    came.values.set(came.values.get() + 1);
    came.kinds.set(came.kinds.get() | kind_bit(value));
    let Value::String(text) = value else { return };
    if description.enums.iter().any(|list| list.contains(value)) {
        came.listed.borrow_mut().insert(text.clone());
    }
}

/// Returns the bit of the JSON type of a value; integers and other numbers have one.
pub(super) fn kind_bit(value: &Value) -> u8 {
    match value {
        Value::Null => 1,
        Value::Bool(_) => 2,
        Value::Number(_) => 4,
        Value::String(_) => 8,
        Value::Array(_) => 16,
        Value::Object(_) => 32,
    }
}

/// Returns the schema that could declare another member of an object: one that forbids others, else
/// the one that declares most of its members, with certainty if possible.
fn home<'d, 't>(
    description: &'d Description<'t>,
    members: &Map<String, Value>,
) -> Option<&'d DescribingSchema<'t>> {
    let score = |schema: &DescribingSchema<'_>| {
        let properties = schema.keywords.get("properties").and_then(Value::as_object);
        let is_closed = schema.keywords.get("additionalProperties") == Some(&json!(false));
        let declared = properties.map_or(0, |own| {
            members
                .keys()
                .filter(|name| own.contains_key(*name))
                .count()
        });
        (
            is_closed && schema.is_certain,
            properties.is_some(),
            schema.is_certain,
            declared,
        )
    };
    let mut best: Option<&DescribingSchema<'t>> = None;
    for schema in &description.schemas {
        let is_object = schema.keywords.contains_key("properties")
            || schema.keywords.contains_key("additionalProperties")
            || allows(schema.keywords, "object");
        if is_object && best.is_none_or(|best| score(schema) > score(best)) {
            best = Some(schema);
        }
    }
    best
}

/// Place of an instance: its general JSON Pointer, and its description.
pub(super) struct InstancePlace<'t> {
    /// JSON Pointer in the content, `*` for any item and for any name of a map.
    pub at: String,
    /// Description of the place; `None` if the document says nothing about it.
    pub description: Option<Rc<Description<'t>>>,
}

/// Finds the description of the instance at a JSON Pointer in a content.
pub(super) fn place_of<'t>(
    description: &Rc<Description<'t>>,
    content: &Value,
    pointer: &str,
) -> InstancePlace<'t> {
    let mut place = InstancePlace {
        at: String::new(),
        description: Some(Rc::clone(description)),
    };
    let mut so_far = String::new();
    for segment in pointer.split('/').skip(1) {
        let name = unescape(segment);
        let here = place.description.take();
        match find(content, &so_far) {
            Some(Value::Array(_)) => {
                place.at.push_str("/*");
                place.description = here.map(|here| here.items());
            }
            Some(Value::Object(members)) => {
                let here = here.map(|here| here.of_object(members));
                let member = here.map(|here| here.member(&name));
                let is_map = matches!(member, Some(Member::OfMap(_)));
                place.at = join(&place.at, if is_map { "*" } else { &name });
                if let Some(Member::OfMap(member) | Member::Declared(member)) = member {
                    place.description = Some(member);
                }
            }
            _ => place.at = join(&place.at, &name),
        }
        so_far.push('/');
        so_far.push_str(segment);
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undeclared(schema: &Value, value: &Value) -> UndeclaredMembers {
        let root = json!({ "s": schema });
        walk(&Description::new(&root, "/s"), value, &[])
    }

    #[test]
    fn undeclared_members_are_noted_once_for_all_items() {
        let schema = json!({"type": "array", "items": {"properties": {"a": {}, "m": {"additionalProperties": {"properties": {"b": {}}}}}}});
        let value =
            json!([{"a": 1, "x": 1}, {"x": "t", "m": {"k": {"y": 1}, "l": {"b": 1, "y": 2}}}]);
        let found = undeclared(&schema, &value);
        let found: Vec<(String, String, Vec<&str>)> = found
            .iter()
            .map(|(member, (shape, _))| {
                (
                    format!("{}|{}", member.at, member.name),
                    member.schema.clone(),
                    shape.types(),
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                (
                    "/*|x".to_owned(),
                    "/s/items".to_owned(),
                    vec!["string", "integer"]
                ),
                (
                    "/*/m/*|y".to_owned(),
                    "/s/items/properties/m/additionalProperties".to_owned(),
                    vec!["integer"]
                ),
            ]
        );
    }

    #[test]
    fn members_of_examples_are_told_apart() {
        let root = json!({"s": {
            "properties": {"list": {"items": {"properties": {"a": {}}}}, "free": {"type": "object"}},
            "examples": [{"list": [{"x": 1}], "free": {"y": 1}}],
        }});
        let value = json!({"list": [{"x": 2, "z": 3}], "free": {"k": 1}, "top": 1});
        let example = json!({"top": 0});
        let undeclared = walk(&Description::new(&root, "/s"), &value, &[&example]);
        let found: Vec<(&str, bool)> = undeclared
            .keys()
            .map(|member| (member.name.as_str(), member.is_shown))
            .collect();
        assert_eq!(found, [("top", true), ("x", true), ("z", false)]);
    }

    #[test]
    fn what_came_is_counted_by_schema() {
        let schema = json!({"properties": {"a": {"enum": ["u", "v"]}, "b": {}}, "oneOf": [{"properties": {"c": {}}}, {"properties": {"d": {}}}]});
        let root = json!({ "s": schema });
        let description = Description::new(&root, "/s");
        for _ in 0..2 {
            walk(&description, &json!({"a": "u", "c": 1}), &[]);
        }
        let found = places_of(&description);
        let whole = &found["/s"];
        assert_eq!(
            (whole.objects, whole.members["a"], whole.members.get("b")),
            (2, 2, None)
        );
        assert_eq!(found["/s/oneOf/0"].objects, 0);
        assert_eq!(found["/s/properties/a"].listed.len(), 1);
    }

    #[test]
    fn recursive_and_hostile_content_ends() {
        let schema = json!({"properties": {"next": {"$ref": "#/s"}}});
        let deep = (0..100).fold(json!({"z": 1}), |inner, _| json!({ "next": inner }));
        assert_eq!(undeclared(&schema, &deep).len(), 1);
        let wide: Map<String, Value> = (0..5000).map(|n| (format!("k{n}"), json!(n))).collect();
        assert_eq!(
            undeclared(&schema, &Value::Object(wide)).len(),
            MOST_UNDECLARED
        );
    }
}
