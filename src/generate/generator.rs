//! Generates one value for a schema from a seed. The value fits in most cases;
//! [`generate`](super::generate) tries again if it does not.
use std::collections::HashMap;
use std::mem::take;

use rand::RngExt as _;
use rand::SeedableRng as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

use crate::document::number::has;
use crate::generate::faker;
use crate::generate::faker::options::FakerOptions;
use crate::generate::flatten::{self, Flat, Turn};
use crate::generate::keywords::{count, is_of_type};
use crate::generate::primitive::{Called, fingerprint};
use crate::generate::{number, plausible, text};
use crate::schema::pattern::Pattern;
use crate::schema::schemas::Schema;

/// Options for generated values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GenerateOptions {
    /// Seed of all random choices: the same seed gives the same bytes.
    pub seed: u64,
    /// Minimum and maximum number of items in a list; bounds of the schema have priority.
    pub list_size: (usize, usize),
    /// Maximum number of values generated in all attempts at one; a list of three integers takes
    /// four. After that, the last attempt is used although it does not fit.
    pub most_values: usize,
    /// Approximate maximum of text generated in one attempt, in bytes; further values are null.
    pub most_bytes: usize,
    /// Members that only `additionalProperties` describes.
    pub additional: AdditionalProperties,
    /// Number that the numeric keys of new entities begin after: keys of the real API are far from them.
    pub keys_after: u64,
}

/// Generation of members that only `additionalProperties` describes (`--additional-properties`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AdditionalProperties {
    /// An object without declared properties has one.
    #[default]
    Generated,
    /// Objects have only as many as `minProperties` requires.
    LeftOut,
}

impl Default for GenerateOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            list_size: (2, 3),
            most_values: 60_000,
            most_bytes: 4 * 1024 * 1024,
            additional: AdditionalProperties::default(),
            keys_after: 0,
        }
    }
}

impl GenerateOptions {
    /// Returns the default options with a seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }
}

/// First attempt that tries all JSON types in turn, for schemas without `type`.
pub(crate) const KINDS_FROM: usize = 9;

/// JSON types, in the order in which they are tried.
pub(crate) const KINDS: [&str; 6] = ["object", "integer", "array", "null", "boolean", "string"];

/// Maximum number of values in one attempt; further ones are null, and so most likely do not fit.
pub(crate) const BUDGET: usize = 20_000;

/// Depth from which optional values are left out.
pub(crate) const DEEP: usize = 6;

/// Number of values after which an attempt leaves out optional ones on all levels but the first
/// two; after twice as many, on all levels.
pub(crate) const PLENTY: usize = 600;

/// Maximum nesting of values; deeper ones are null, as their schema is assumed to demand an
/// endless value.
pub(crate) const DEEPEST: usize = 60;

/// Maximum number of names tried for the members of a map; then the map has fewer members than
/// required.
pub(crate) const MOST_NAMES: u32 = 10_000;

/// One attempt to generate a value.
pub(crate) struct Generator<'s> {
    pub(crate) schema: &'s Schema,
    options: &'s GenerateOptions,
    pub(crate) random: ChaCha8Rng,
    attempt: usize,
    /// Number of values that may still be generated.
    pub(crate) left: usize,
    /// Number of values generated so far.
    made: usize,
    /// Addresses of the schemas that are being generated, from the outside in.
    open: Vec<usize>,
    /// Bytes of text that may still be generated.
    bytes_left: usize,
    /// Index in the innermost list.
    pub(crate) position: usize,
    /// Number of entities of the kind that come before this one; identifiers differ accordingly.
    pub(crate) others: u64,
    /// `true` if the next value is not the first of its kind: a later item of a list, or a later
    /// entity.
    is_thing: bool,
    /// `true` if the next value is an identifier of such an item or entity.
    is_identifier: bool,
    /// Number of entities before the one whose identifier is generated; 0 for any other value.
    comes_after: u64,
    /// Key property of the collection, beside properties such as `id`.
    pub(crate) key: Option<&'s str>,
    /// `true` if documented examples are not used.
    pub(crate) avoids_examples: bool,
    /// Number of values chosen freely, and not fixed by an example or by the schema.
    free: usize,
    /// Test for the names of top-level properties that are null instead of generated.
    pub(crate) is_left_out: &'s dyn Fn(&str) -> bool,
    /// Options of the document for json-schema-faker.
    faker: FakerOptions,
    /// Last identifiers given to entities, by the names of their schemas.
    identifiers: HashMap<String, i64>,
}

impl<'s> Generator<'s> {
    pub(crate) fn new(schema: &'s Schema, options: &'s GenerateOptions, attempt: usize) -> Self {
        let mixed =
            options.seed ^ fingerprint(schema.place().pointer()) ^ (attempt as u64).rotate_left(48);
        Self {
            schema,
            options,
            random: ChaCha8Rng::seed_from_u64(mixed),
            attempt,
            left: BUDGET,
            made: 0,
            open: Vec::new(),
            bytes_left: options.most_bytes,
            position: 0,
            others: 0,
            is_thing: false,
            is_identifier: false,
            comes_after: 0,
            key: None,
            avoids_examples: false,
            free: 0,
            is_left_out: &|_| false,
            faker: FakerOptions::of(schema.root()),
            identifiers: HashMap::new(),
        }
    }

    pub(crate) fn named(&mut self, named: &EntityPosition<'s>) {
        self.key = named.key;
        self.others = named.number.saturating_sub(1);
        self.is_thing = self.others > 0;
    }

    /// Returns `true` if this attempt uses documented examples and defaults; only the first
    /// attempt does.
    fn takes_examples(&self) -> bool {
        self.attempt == 0 && !self.avoids_examples
    }

    fn takes_optional(&self, depth: usize) -> bool {
        let is_enough = self.made > 2 * PLENTY || self.made > PLENTY && depth > 1;
        self.attempt < 6 && depth < DEEP && !is_enough && self.left > 0 && self.bytes_left > 0
    }

    /// Returns `true` if properties that are not required are generated.
    fn takes_optional_properties(&self, depth: usize) -> bool {
        !self.faker.leaves_out_optional && self.takes_optional(depth)
    }

    /// Returns `true` if a schema is being generated already, or if one of its branches, items or
    /// additional properties leads to such a schema within `levels`.
    fn leads_back(&self, node: &Value, levels: usize) -> bool {
        let node = self.schema.resolve(node);
        if self.open.contains(&std::ptr::from_ref(node).addr()) {
            return true;
        }
        let branches = ["allOf", "anyOf", "oneOf"]
            .into_iter()
            .filter_map(|keyword| node.get(keyword)?.as_array());
        let inner = node
            .get("items")
            .into_iter()
            .chain(node.get("additionalProperties"));
        levels > 0
            && branches
                .flatten()
                .chain(inner)
                .any(|node| self.leads_back(node, levels - 1))
    }

    pub(crate) fn value(&mut self, node: &Value, depth: usize, called: Called<'_>) -> Value {
        if depth > DEEPEST || self.left == 0 || self.bytes_left == 0 {
            return Value::Null;
        }
        self.left -= 1;
        self.made += 1;
        if depth > DEEP && self.schema.allows_null(node) {
            return Value::Null; // ends a recursive schema
        }
        let (is_thing, is_identifier) = (take(&mut self.is_thing), take(&mut self.is_identifier));
        let turn = Turn {
            attempt: self.attempt,
            position: self.position,
        };
        let flat = flatten::flatten(self.schema, node, turn, &mut self.random);
        if let Some(value) = flat.keywords.get("const") {
            return value.clone();
        }
        if self.takes_examples()
            && let Some(value) = self.documented(node, &flat, is_thing, is_identifier)
        {
            return value;
        }
        if let Some(value) = self.faked(&flat.keywords) {
            return value;
        }
        if let Some(value) = self.listed(&flat.keywords) {
            return value;
        }
        self.open
            .push(std::ptr::from_ref(self.schema.resolve(node)).addr());
        self.comes_after = if is_identifier {
            self.others % MOST_BEFORE
        } else {
            0
        };
        let made = self.of_kind(&flat, depth, called, is_thing);
        self.open.pop();
        made
    }

    fn of_kind(
        &mut self,
        flat: &Flat<'_>,
        depth: usize,
        called: Called<'_>,
        is_thing: bool,
    ) -> Value {
        let kind = self.kind(flat, called);
        self.free += usize::from(!matches!(kind, "object" | "array" | "null"));
        match kind {
            "object" => self.object(
                flat,
                depth,
                flat.name.as_deref().unwrap_or(called.name),
                is_thing,
            ),
            "array" => self.array(flat, depth, called),
            "string" => self.string(&flat.keywords, called),
            "integer" => self.integer(&flat.keywords, called),
            "number" => self.number(&flat.keywords, called),
            "boolean" => json!(self.random.random_bool(0.5)),
            _ => Value::Null,
        }
    }

    /// Returns the value that the schema wants by `x-faker`, in the first attempts.
    fn faked(&mut self, node: &Map<String, Value>) -> Option<Value> {
        if self.attempt >= 4 || !node.contains_key(faker::KEYWORD) {
            return None;
        }
        let made = faker::generate(node, self.faker.locale, &mut self.random)?;
        self.free += 1;
        let length = made.as_str().map_or(0, str::len);
        self.bytes_left = self.bytes_left.saturating_sub(length);
        Some(made)
    }

    /// Returns one of the values of `enum`, if possible one of the declared type that is not null.
    fn listed(&mut self, node: &Map<String, Value>) -> Option<Value> {
        let values = node.get("enum")?.as_array()?;
        self.free += usize::from(values.len() > 1);
        let plain: Vec<&Value> = values.iter().filter(|value| !value.is_null()).collect();
        let fitting: Vec<&Value> = plain
            .iter()
            .copied()
            .filter(|value| is_of_type(value, node))
            .collect();
        let chosen = fitting
            .choose(&mut self.random)
            .or_else(|| plain.choose(&mut self.random));
        chosen.map_or_else(|| values.first().cloned(), |value| Some((*value).clone()))
    }

    fn kind<'n>(&mut self, flat: &'n Flat<'_>, called: Called<'_>) -> &'n str {
        let named: Vec<&str> = match flat.keywords.get("type") {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let full: Vec<&str> = named
            .iter()
            .copied()
            .filter(|name| *name != "null")
            .collect();
        if !full.is_empty() {
            return full[self.attempt / 2 % full.len()];
        }
        match (named.is_empty(), self.attempt.checked_sub(KINDS_FROM)) {
            (false, _) => "null",
            // Without `type`, any JSON type may be the one that fits.
            (true, Some(late)) => KINDS[late % KINDS.len()],
            (true, None) => implied(flat).unwrap_or(if called.name.is_empty() {
                "object"
            } else {
                "string"
            }),
        }
    }

    fn string(&mut self, node: &Map<String, Value>, called: Called<'_>) -> Value {
        let is_json = node
            .get("contentMediaType")
            .is_some_and(|kind| kind == "application/json");
        if let Some(inner) = node
            .get("contentSchema")
            .filter(|_| is_json && !node.contains_key("contentEncoding"))
        {
            // The text is JSON that fits `contentSchema` (JSON Schema Validation 2020-12 §8.5).
            let made = self.value(inner, 1, called).to_string();
            return Value::String(made);
        }
        let bounded = self.with_length(node);
        let node = bounded.as_ref().unwrap_or(node);
        let made = text::generate(node, self.called(called), &mut self.random);
        self.bytes_left = self.bytes_left.saturating_sub(made.len());
        Value::String(made)
    }

    /// Returns the keywords of a text with the bounds that the document sets for all texts, if it
    /// sets any that the schema does not.
    fn with_length(&self, node: &Map<String, Value>) -> Option<Map<String, Value>> {
        let (least, most) = self.faker.length;
        if least.is_none() && most.is_none() {
            return None;
        }
        let mut node = node.clone();
        let is_free = ["minLength", "maxLength", "format", "pattern"]
            .iter()
            .all(|keyword| !node.contains_key(*keyword));
        for (keyword, bound) in [("minLength", least), ("maxLength", most)] {
            if let Some(bound) = bound.filter(|_| is_free) {
                node.insert(keyword.to_owned(), json!(bound));
            }
        }
        Some(node)
    }

    /// Returns the name that a value should suit; from the fifth attempt on, none.
    fn called<'n>(&self, called: Called<'n>) -> Called<'n> {
        if self.attempt < 4 {
            called
        } else {
            Called::default()
        }
    }

    fn integer(&mut self, node: &Map<String, Value>, called: Called<'_>) -> Value {
        let text = |keyword: &str| node.get(keyword).and_then(Value::as_str);
        let called = self.called(called);
        let plausible = if plausible::is_identifier(called.name) {
            let last = self.identifiers.entry(called.owner.to_owned()).or_insert(0);
            *last = (*last).max(i64::try_from(self.comes_after).unwrap_or(0)) + 1;
            Some(json!(*last))
        } else if plausible::is_unix_time(called.name, text("format"), text("description")) {
            Some(json!(
                plausible::when(called.name, &mut self.random).unix_timestamp()
            ))
        } else if plausible::is_reference(called.name) {
            Some(json!(self.random.random_range(1..=3)))
        } else {
            plausible::number(called, true, &mut self.random)
        };
        let fits = |value: &Value| number::is_within(node, value);
        plausible
            .filter(fits)
            .unwrap_or_else(|| number::integer(node, &mut self.random))
    }

    fn number(&mut self, node: &Map<String, Value>, called: Called<'_>) -> Value {
        if plausible::is_identifier(called.name) {
            return self.integer(node, called);
        }
        let plausible = plausible::number(self.called(called), false, &mut self.random);
        let fits = |value: &Value| number::is_within(node, value);
        plausible
            .filter(fits)
            .unwrap_or_else(|| number::number(node, &mut self.random))
    }

    fn object(&mut self, flat: &Flat<'_>, depth: usize, owner: &str, is_thing: bool) -> Value {
        let node = &flat.keywords;
        let names = node
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        let required: Vec<&str> = names
            .filter(|name| {
                flat.properties
                    .get(name)
                    .is_none_or(|property| self.schema.asks_for(property))
            })
            .collect();
        let mut object = Map::new();
        for (name, property) in &flat.properties {
            let is_required = required.contains(name);
            let is_unasked = !self.schema.asks_for(property);
            if **property != Value::Bool(false)
                && (is_required || self.takes_optional_properties(depth) && !is_unasked)
            {
                if depth == 0 && (self.is_left_out)(name) {
                    object.insert((*name).to_owned(), Value::Null);
                    continue;
                }
                if !is_required && self.leads_back(property, 2) {
                    // A recursive property ends as an empty list, or is left out.
                    if self.schema.types(property) == ["array"] {
                        object.insert((*name).to_owned(), json!([]));
                    }
                    continue;
                }
                self.is_identifier = is_thing && self.identifies(name, Some(owner));
                let value = self.value(property, depth + 1, Called { name, owner });
                self.bytes_left = self.bytes_left.saturating_sub(name.len());
                object.insert((*name).to_owned(), value);
            }
        }
        let any = json!({ "type": "string" });
        let other = flat
            .additional
            .as_deref()
            .filter(|other| other.is_object())
            .unwrap_or(&any);
        for name in required {
            if !object.contains_key(name) {
                let property = pattern_property(flat, name).unwrap_or(other);
                let value = self.value(property, depth + 1, Called { name, owner });
                object.insert(name.to_owned(), value);
            }
        }
        plausible::agree(&mut object, |name| {
            const BOUNDS: [&str; 7] = [
                "pattern",
                "enum",
                "const",
                "maxLength",
                "minLength",
                "examples",
                "default",
            ];
            let property = flat
                .properties
                .get(name)
                .map(|property| self.schema.resolve(property));
            property.is_some_and(|property| {
                BOUNDS.iter().all(|keyword| property.get(keyword).is_none())
            })
        });
        let is_map = flat.properties.is_empty()
            && self.options.additional == AdditionalProperties::Generated
            && !self.faker.leaves_out_additional
            && flat
                .additional
                .as_ref()
                .is_some_and(|other| other.is_object());
        let wanted = count(
            node,
            "minProperties",
            usize::from(is_map && self.takes_optional(depth)),
        );
        for index in 1_u32.. {
            if object.len() >= wanted || self.left == 0 {
                break;
            }
            let (name, node) = self.member_of_map(flat, other, index);
            let value = self.value(node, depth + 1, Called { name: "", owner });
            object.entry(name).or_insert(value);
            if index > MOST_NAMES {
                break;
            }
        }
        Value::Object(object)
    }

    /// Returns the name and the schema of a further member of a map: from `patternProperties` if
    /// other members are forbidden, else from `propertyNames`, else a numbered name.
    fn member_of_map<'n>(
        &mut self,
        flat: &Flat<'n>,
        other: &'n Value,
        index: u32,
    ) -> (String, &'n Value) {
        let is_closed = flat.additional.as_deref() == Some(&Value::Bool(false));
        if let Some((pattern, schema)) = flat
            .patterns
            .get(index as usize % flat.patterns.len().max(1))
            .filter(|_| is_closed)
        {
            let named = Map::from_iter([("pattern".to_owned(), json!(pattern))]);
            return (
                text::generate(&named, Called::default(), &mut self.random),
                *schema,
            );
        }
        let named = flat.keywords.get("propertyNames").cloned();
        match named.map(|named| self.value(&named, 1, Called::default())) {
            Some(Value::String(name)) => (name, other),
            _ => (format!("property{index}"), other),
        }
    }

    /// Returns the number of items of a list whose schema does not determine it.
    fn usual_length(&mut self, depth: usize) -> usize {
        let (least, most) = self.options.list_size;
        let usual = if least < most {
            self.random.random_range(least..=most)
        } else {
            least
        };
        if self.takes_optional(depth) { usual } else { 0 }
    }

    fn array(&mut self, flat: &Flat<'_>, depth: usize, called: Called<'_>) -> Value {
        let node = &flat.keywords;
        let most = count(node, "maxItems", usize::MAX);
        let (fewest, largest) = self.faker.items;
        let usual = self
            .usual_length(depth)
            .max(fewest.unwrap_or(0))
            .min(largest.unwrap_or(usize::MAX));
        let wanted = count(node, "minItems", usual.min(most))
            .max(usual.min(most))
            .min(self.left);
        let prefix = flat.prefix;
        let any = json!({ "type": "string" });
        let items = flat.items.as_deref().or(flat.contains).unwrap_or(&any);
        let is_unique = node.get("uniqueItems") == Some(&Value::Bool(true));
        let is_closed = *items == Value::Bool(false);
        let mut list: Vec<Value> = Vec::new();
        let wanted = if is_closed {
            prefix.len()
        } else {
            wanted.max(prefix.len().min(most))
        };
        let position = self.position;
        for index in 0..wanted {
            self.position = index;
            let node = prefix.get(index).unwrap_or(items);
            let item = self.other_item(node, depth, called, &list, is_unique);
            if !is_unique || !has(&list, &item) {
                list.push(item);
            }
        }
        self.position = position;
        Value::Array(list)
    }

    /// Returns an item that the list does not have yet, if `AGAIN` retries find one. Items that an
    /// example or the schema fixes may repeat, unless items must be unique.
    fn other_item(
        &mut self,
        node: &Value,
        depth: usize,
        called: Called<'_>,
        list: &[Value],
        is_unique: bool,
    ) -> Value {
        let avoided = self.avoids_examples;
        let mut item = Value::Null;
        for again in 0..=AGAIN {
            let free = self.free;
            self.is_thing = !list.is_empty();
            item = self.value(node, depth + 1, called);
            let is_bound = self.free == free && !is_unique;
            if again == AGAIN || is_bound || !has(list, &item) || self.left == 0 {
                break;
            }
            self.avoids_examples = avoided || is_unique;
        }
        self.avoids_examples = avoided;
        item
    }
}

/// Returns the type that the keywords of a schema without `type` imply.
pub(crate) fn implied(flat: &Flat<'_>) -> Option<&'static str> {
    const HINTS: [(&str, &[&str]); 4] = [
        ("object", &["required", "minProperties"]),
        ("array", &["minItems", "maxItems"]),
        (
            "number",
            &[
                "minimum",
                "maximum",
                "exclusiveMinimum",
                "exclusiveMaximum",
                "multipleOf",
            ],
        ),
        ("string", &["pattern", "minLength", "maxLength", "format"]),
    ];
    if !flat.properties.is_empty() || !flat.patterns.is_empty() || flat.additional.is_some() {
        return Some("object");
    }
    if flat.items.is_some() || !flat.prefix.is_empty() || flat.contains.is_some() {
        return Some("array");
    }
    let has = |keywords: &[&str]| {
        keywords
            .iter()
            .any(|keyword| flat.keywords.contains_key(*keyword))
    };
    HINTS
        .iter()
        .find(|(_, keywords)| has(keywords))
        .map(|(name, _)| *name)
}

/// Returns the schema that `patternProperties` has for a name.
pub(crate) fn pattern_property<'n>(flat: &Flat<'n>, name: &str) -> Option<&'n Value> {
    let fits = |text: &str| Pattern::read(text).is_ok_and(|pattern| pattern.is_match(name));
    flat.patterns
        .iter()
        .find(|(pattern, _)| fits(pattern))
        .map(|(_, schema)| *schema)
}

/// Maximum number of retries for an item that the list has already; then the item is repeated, or
/// left out if items must be unique.
pub(crate) const AGAIN: usize = 20;

/// Numbers of entities before one that its identifiers count on from; those made of a hash are cut.
const MOST_BEFORE: u64 = 1_000_000_000;

/// Position of an entity among those of one schema.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntityPosition<'n> {
    /// Key property of the collection, beside properties such as `id`.
    pub key: Option<&'n str>,
    /// Number of the entity, from 1; the first one has the identifiers of the examples.
    pub number: u64,
}
