//! Shapes: what all values of one place have in common, and the schema that describes them.
//!
//! A shape keeps no values, so that no secret gets into a report or an overlay.
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::generate::is_uuid;

/// Deepest level of a value that is looked at.
const DEEPEST: usize = 12;

/// Maximum number of items of a list that are looked at.
const MOST_ITEMS: usize = 100;

/// Maximum number of shapes in a shape; further fields are left out, and the schema allows them.
const MOST_NODES: usize = 300;

/// Number of fields above which an object with rarely repeated names is read as a map.
const MOST_NAMES: usize = 20;

/// Number of objects from which a field that all have is required.
const ENOUGH: u64 = 2;

/// Version of OpenAPI that a schema is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// OpenAPI 2.0.
    V2,
    /// OpenAPI 3.0.
    V30,
    /// OpenAPI 3.1 and later.
    V31,
}

/// Common properties of the values of one place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    nulls: u64,
    booleans: u64,
    integers: u64,
    numbers: u64,
    strings: u64,
    lists: u64,
    objects: u64,
    /// Number of values that clients sent. That the API accepted them does not prove that it asks for the
    /// same members and formats of others.
    sent: u64,
    /// Formats that every text has, one bit for each of [`FORMATS`].
    formats: u8,
    items: Option<Box<Shape>>,
    members: BTreeMap<String, Shape>,
    /// True if a field was left out.
    is_cut: bool,
}

/// Test of a text for a format.
type FormatTest = fn(&str) -> bool;

/// Formats that are recognized, with their test.
const FORMATS: [(&str, FormatTest); 5] = [
    ("date-time", is_date_time),
    ("date", is_date),
    ("uuid", is_uuid),
    ("email", is_email),
    ("uri", is_uri),
];

impl Shape {
    /// Returns the shape of one value.
    pub(crate) fn of(value: &Value) -> Self {
        let mut left = MOST_NODES;
        Self::at(value, 0, &mut left)
    }

    /// Returns the shape of a text that may be a number or a boolean, as in a query.
    pub(crate) fn of_text(text: &str) -> Self {
        let is_number = !text.is_empty()
            && text.len() <= 15
            && (text == "0" || !text.trim_start_matches('-').starts_with('0'))
            && text
                .trim_start_matches('-')
                .bytes()
                .all(|byte| byte.is_ascii_digit());
        let value = match text {
            "true" => json!(true),
            "false" => json!(false),
            _ if is_number => text.parse::<i64>().map_or(json!(text), Value::from),
            _ => json!(text),
        };
        Self::of(&value)
    }

    fn at(value: &Value, depth: usize, left: &mut usize) -> Self {
        let mut shape = Self::default();
        match value {
            Value::Null => shape.nulls = 1,
            Value::Bool(_) => shape.booleans = 1,
            Value::Number(number) if is_integer(number) => shape.integers = 1,
            Value::Number(_) => shape.numbers = 1,
            Value::String(text) => {
                shape.strings = 1;
                shape.formats = formats_of(text);
            }
            Value::Array(items) => {
                shape.lists = 1;
                if depth < DEEPEST {
                    shape.items = common(items, depth, left).map(Box::new);
                }
            }
            Value::Object(members) => {
                shape.objects = 1;
                shape.add_members(members, depth, left);
            }
        }
        shape
    }

    fn add_members(&mut self, members: &Map<String, Value>, depth: usize, left: &mut usize) {
        for (name, member) in members {
            if *left == 0 || depth >= DEEPEST {
                self.is_cut = true;
                return;
            }
            *left -= 1;
            let shape = Self::at(member, depth + 1, left);
            self.members.insert(name.clone(), shape);
        }
    }

    /// Returns the shape as that of a value that a client sent.
    pub(crate) fn of_client(mut self) -> Self {
        self.sent = self.count();
        self.items = self.items.map(|items| Box::new(items.of_client()));
        let members = std::mem::take(&mut self.members).into_iter();
        self.members = members
            .map(|(name, member)| (name, member.of_client()))
            .collect();
        self
    }

    /// Returns true if clients sent all values.
    fn is_of_clients(&self) -> bool {
        self.sent == self.count()
    }

    /// Adds the values of another shape.
    pub(crate) fn merge(&mut self, other: Self) {
        let mut left = MOST_NODES.saturating_sub(self.nodes());
        self.merge_within(other, &mut left);
    }

    fn merge_within(&mut self, other: Self, left: &mut usize) {
        self.formats = match (self.strings, other.strings) {
            (0, _) => other.formats,
            (_, 0) => self.formats,
            _ => self.formats & other.formats,
        };
        self.nulls += other.nulls;
        self.booleans += other.booleans;
        self.integers += other.integers;
        self.numbers += other.numbers;
        self.strings += other.strings;
        self.lists += other.lists;
        self.objects += other.objects;
        self.sent += other.sent;
        self.is_cut |= other.is_cut;
        match (&mut self.items, other.items) {
            (Some(items), Some(others)) => items.merge_within(*others, left),
            (items @ None, others) => *items = others,
            (Some(_), None) => {}
        }
        for (name, shape) in other.members {
            if let Some(there) = self.members.get_mut(&name) {
                there.merge_within(shape, left);
            } else if *left > 0 {
                *left = left.saturating_sub(1 + shape.nodes());
                self.members.insert(name, shape);
            } else {
                self.is_cut = true;
            }
        }
    }

    fn nodes(&self) -> usize {
        let items = self.items.as_ref().map_or(0, |items| items.nodes());
        let members = self.members.values().map(|member| 1 + member.nodes());
        items + members.sum::<usize>()
    }

    pub(super) fn count(&self) -> u64 {
        self.nulls
            + self.booleans
            + self.integers
            + self.numbers
            + self.strings
            + self.lists
            + self.objects
    }

    /// Returns the JSON Schema types, null apart: `["integer"]`.
    pub(crate) fn types(&self) -> Vec<&'static str> {
        let integers = if self.numbers > 0 { 0 } else { self.integers };
        let all = [
            ("string", self.strings),
            ("integer", integers),
            ("number", self.numbers),
            ("boolean", self.booleans),
            ("array", self.lists),
            ("object", self.objects),
        ];
        all.iter()
            .filter(|(_, count)| *count > 0)
            .map(|(name, _)| *name)
            .collect()
    }

    /// Returns the schema that all values fit.
    pub(crate) fn schema(&self, dialect: Dialect) -> Value {
        let types = self.types();
        let has_null = self.nulls > 0;
        match (types.as_slice(), dialect) {
            ([], Dialect::V31) if has_null => json!({ "type": "null" }),
            ([], _) => json!({}),
            ([one], _) => with_null(self.of_type(one, dialect), has_null, dialect),
            // OpenAPI 2.0 has neither lists of types nor `anyOf`.
            (_, Dialect::V2) => with_null(json!({}), has_null, dialect),
            (_, Dialect::V30) => {
                let all: Vec<Value> = types.iter().map(|one| self.of_type(one, dialect)).collect();
                with_null(json!({ "anyOf": all }), has_null, dialect)
            }
            (_, Dialect::V31) => {
                let mut all: Vec<Value> =
                    types.iter().map(|one| self.of_type(one, dialect)).collect();
                if has_null {
                    all.push(json!({ "type": "null" }));
                }
                json!({ "anyOf": all })
            }
        }
    }

    fn of_type(&self, name: &str, dialect: Dialect) -> Value {
        match name {
            "array" => {
                let items = self
                    .items
                    .as_ref()
                    .map_or(json!({}), |items| items.schema(dialect));
                json!({ "type": "array", "items": items })
            }
            "object" => self.of_object(dialect),
            "string" => match self.format() {
                Some(format) => json!({ "type": "string", "format": format }),
                None => json!({ "type": "string" }),
            },
            other => json!({ "type": other }),
        }
    }

    fn format(&self) -> Option<&'static str> {
        let mut formats = FORMATS.iter().enumerate();
        let found =
            formats.find(|(bit, _)| !self.is_of_clients() && self.formats & (1 << bit) != 0);
        found.map(|(_, (name, _))| *name)
    }

    fn of_object(&self, dialect: Dialect) -> Value {
        if self.is_map() {
            let mut all = Self::default();
            self.members
                .values()
                .for_each(|member| all.merge(member.clone()));
            return json!({ "type": "object", "additionalProperties": all.schema(dialect) });
        }
        let mut schema = json!({ "type": "object" });
        let own = self.members.iter();
        let properties: Map<String, Value> = own
            .map(|(name, member)| (name.clone(), member.schema(dialect)))
            .collect();
        if !properties.is_empty() {
            schema["properties"] = Value::Object(properties);
        }
        let is_enough = self.objects >= ENOUGH && !self.is_of_clients();
        let always = |member: &Self| is_enough && member.count() >= self.objects;
        let required: Vec<&String> = self
            .members
            .iter()
            .filter(|(_, member)| always(member))
            .map(|(name, _)| name)
            .collect();
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }

    /// Returns true for an object with many names, most of which are rare: they are data.
    fn is_map(&self) -> bool {
        let times: u64 = self.members.values().map(Self::count).sum();
        let names = self.members.len() as u64;
        self.members.len() > MOST_NAMES && (self.is_cut || times * 2 < names * self.objects)
    }
}

fn with_null(mut schema: Value, has_null: bool, dialect: Dialect) -> Value {
    if !has_null {
        return schema;
    }
    match dialect {
        Dialect::V2 => schema["x-nullable"] = json!(true),
        Dialect::V30 => schema["nullable"] = json!(true),
        Dialect::V31 => {
            if let Some(name) = schema.get("type").cloned() {
                schema["type"] = json!([name, "null"]);
            }
        }
    }
    schema
}

fn common(items: &[Value], depth: usize, left: &mut usize) -> Option<Shape> {
    let mut shapes = items.iter().take(MOST_ITEMS).map(|item| {
        // Each item may have the names of the others, which are counted once when they are merged.
        let mut own = MOST_NODES;
        Shape::at(item, depth + 1, &mut own)
    });
    let mut all = shapes.next()?;
    shapes.for_each(|shape| all.merge_within(shape, left));
    Some(all)
}

/// Returns true for a number without a fraction: `1.0` is an integer (JSON Schema 2020-12 §6.1.1).
pub(super) fn is_integer(number: &serde_json::Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|float| float.fract() == 0.0)
}

fn formats_of(text: &str) -> u8 {
    let fitting = FORMATS
        .iter()
        .enumerate()
        .filter(|(_, (_, is_format))| is_format(text));
    fitting.fold(0, |bits, (bit, _)| bits | 1 << bit)
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return false;
    };
    let number = |part: &str, length: usize| {
        let is_number = part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u32>().ok().filter(|_| is_number)
    };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2))
    else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else {
        return false;
    };
    let zone = time.find(['Z', '+', '-']);
    let Some((clock, zone)) = zone.map(|at| time.split_at(at)) else {
        return false;
    };
    let clock = clock
        .split_once('.')
        .map_or(Some(clock), |(clock, fraction)| {
            let is_fraction = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
            is_fraction.then_some(clock)
        });
    let has_form = |text: &str, limits: &[u32]| {
        let parts: Vec<&str> = text.split(':').collect();
        parts.len() == limits.len()
            && parts.iter().zip(limits).all(|(part, most)| {
                part.len() == 2 && part.parse::<u32>().is_ok_and(|value| value <= *most)
            })
    };
    let is_zone = zone == "Z" || has_form(zone.trim_start_matches(['+', '-']), &[23, 59]);
    is_date(date) && is_zone && clock.is_some_and(|clock| has_form(clock, &[23, 59, 59]))
}

fn is_email(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.contains("..")
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b))
    };
    text.len() <= 254
        && text.split_once('@').is_some_and(|(name, host)| {
            is_part(name) && is_part(host) && host.contains('.') && !host.contains(['_', '+'])
        })
}

fn is_uri(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_alphanumeric())
            && rest
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=%".contains(&b))
            && fluent_uri::Uri::parse(text).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[Value]) -> Shape {
        let mut all = Shape::default();
        values.iter().for_each(|value| all.merge(Shape::of(value)));
        all
    }

    #[test]
    fn what_all_values_have_is_required_and_formats_hold_for_all() {
        let shape = of(&[
            json!({"id": 1, "at": "2024-01-02T03:04:05Z", "tags": ["a"], "note": null}),
            json!({"id": 2.0, "at": "2024-02-02T03:04:05.12+01:00", "tags": [], "note": "n"}),
            json!({"id": 3, "at": "2024-01-02T03:04:05Z", "extra": true}),
        ]);
        assert_eq!(
            shape.schema(Dialect::V30),
            json!({"type": "object", "properties": {
                "at": {"type": "string", "format": "date-time"},
                "extra": {"type": "boolean"},
                "id": {"type": "integer"},
                "note": {"type": "string", "nullable": true},
                "tags": {"type": "array", "items": {"type": "string"}},
            }, "required": ["at", "id"]})
        );
        assert_eq!(
            shape.schema(Dialect::V31)["properties"]["note"],
            json!({"type": ["string", "null"]})
        );
        assert_eq!(
            of(&[json!(1), json!(1.5)]).schema(Dialect::V31),
            json!({"type": "number"})
        );
        assert_eq!(
            of(&[json!("2024-01-02"), json!("x")]).schema(Dialect::V31),
            json!({"type": "string"})
        );
        assert_eq!(
            of(&[json!(1), json!("a"), Value::Null]).schema(Dialect::V31),
            json!({"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]})
        );
    }

    #[test]
    fn an_object_with_rare_names_is_a_map() {
        let object = |n: usize| json!({ format!("k{n}"): {"n": n}, format!("l{n}"): {"n": 1} });
        let shape = of(&(0..20).map(object).collect::<Vec<_>>());
        assert_eq!(
            shape.schema(Dialect::V30),
            json!({"type": "object", "additionalProperties":
                {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}})
        );
    }

    #[test]
    fn shapes_are_bounded_and_merge_in_any_order() {
        let wide: Map<String, Value> = (0..5000).map(|n| (format!("k{n:04}"), json!(n))).collect();
        let shape = of(&[Value::Object(wide.clone()), json!({"z": 1})]);
        assert!(shape.nodes() <= MOST_NODES + 1 && shape.is_cut);
        let (a, b, c) = (
            json!({"a": 1}),
            json!({"a": "x", "b": null}),
            json!([1, null]),
        );
        assert_eq!(of(&[a.clone(), b.clone(), c.clone()]), of(&[c, b, a]));
    }

    #[test]
    fn formats_are_recognized_with_care() {
        for text in [
            "2024-13-01",
            "1.2.3",
            "2024-1-1",
            "a@b",
            "urn:x",
            "2024-01-02T25:00:00Z",
            "a..b@c.de",
        ] {
            assert_eq!(formats_of(text), 0, "{text}");
        }
        assert_eq!(Shape::of_text("12").types(), ["integer"]);
        assert_eq!(Shape::of_text("012").types(), ["string"]);
        assert_eq!(Shape::of_text("true").types(), ["boolean"]);
    }
}
