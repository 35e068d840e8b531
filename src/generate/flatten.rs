//! Merges `allOf`, `anyOf` and `oneOf` into one flat schema, from which a value is generated
//! directly.
//!
//! The generator flattens each schema before it generates a value.
use std::borrow::Cow;
use std::collections::HashSet;

use indexmap::IndexMap;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

use crate::document::number;
use crate::document::reference::mapped;
use crate::document::syntax::{join, unescape};
use crate::schema::Schema;

/// Schema without references and branches. Keywords with inner schemas are borrowed, since
/// documents are large.
#[derive(Default)]
pub(super) struct Flat<'n> {
    /// Keywords other than the following.
    pub keywords: Map<String, Value>,
    /// `properties`
    pub properties: IndexMap<&'n str, Cow<'n, Value>>,
    /// `patternProperties`
    pub patterns: Vec<(&'n str, &'n Value)>,
    /// `additionalProperties`
    pub additional: Option<Cow<'n, Value>>,
    /// `prefixItems`
    pub prefix: &'n [Value],
    /// `items`
    pub items: Option<Cow<'n, Value>>,
    /// `contains`
    pub contains: Option<&'n Value>,
    /// Name of the outermost component that the schema refers to, else its title.
    pub name: Option<String>,
}

/// Choice of branches.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    /// Number of the attempt, from 0.
    pub attempt: usize,
    /// Index in the innermost list, so that items take different branches.
    pub position: usize,
}

/// Flattens a schema: follows its references, merges its `allOf`, and takes one branch of its
/// `anyOf` and `oneOf`, in turn and without branches that are only null.
pub(super) fn flatten<'n>(
    schema: &'n Schema,
    node: &'n Value,
    turn: Turn,
    random: &mut ChaCha8Rng,
) -> Flat<'n> {
    let mut folding = Folding {
        schema,
        turn,
        random,
        flat: Flat::default(),
        seen: HashSet::new(),
    };
    if std::ptr::eq(node, schema.tree()) {
        folding.flat.name = schema
            .place()
            .pointer()
            .strip_prefix("/components/schemas/")
            .map(unescape);
    }
    folding.fold(node);
    let mut flat = folding.flat;
    let title = || {
        flat.keywords
            .get("title")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    flat.name = flat.name.take().or_else(title);
    flat
}

struct Folding<'n, 'r> {
    schema: &'n Schema,
    turn: Turn,
    random: &'r mut ChaCha8Rng,
    flat: Flat<'n>,
    /// Addresses of merged nodes, so that circular references end.
    seen: HashSet<usize>,
}

/// First attempt that takes branches at random, separately at each place.
const RANDOM_FROM: usize = 4;

impl<'n> Folding<'n, '_> {
    fn fold(&mut self, node: &'n Value) {
        let Some(object) = node
            .as_object()
            .filter(|_| self.seen.insert(std::ptr::from_ref(node).addr()))
        else {
            return;
        };
        let schema = self.schema;
        // Examples beside a reference suit the place better than those of its target.
        if let Some(examples) = object.get("examples").filter(|_| self.turn.attempt == 0) {
            merge(&mut self.flat.keywords, "examples", examples);
        }
        if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
            if self.flat.name.is_none() {
                self.flat.name = reference
                    .strip_prefix("#/components/schemas/")
                    .map(unescape);
            }
            self.fold(schema.resolve(node));
        }
        for (keyword, value) in object {
            match keyword.as_str() {
                "$ref"
                | "allOf"
                | "anyOf"
                | "oneOf"
                | "if"
                | "then"
                | "else"
                | "discriminator"
                | "not"
                | "$defs"
                | "dependentSchemas"
                | "unevaluatedItems"
                | "unevaluatedProperties"
                | "xml"
                // Merged above.
                | "examples" => {}
                // Only the first attempt uses defaults.
                "default" if self.turn.attempt > 0 => {}
                "properties" => self.properties(value),
                "patternProperties" => {
                    let patterns = value.as_object().into_iter().flatten();
                    self.flat.patterns.extend(patterns.map(|(pattern, schema)| (pattern.as_str(), schema)));
                }
                "additionalProperties" => both(&mut self.flat.additional, value),
                "items" => both(&mut self.flat.items, value),
                "prefixItems" => {
                    let first = value.as_array().map(Vec::as_slice).unwrap_or_default();
                    self.flat.prefix = if self.flat.prefix.is_empty() { first } else { self.flat.prefix };
                }
                "contains" => self.flat.contains = self.flat.contains.or(Some(value)),
                _ => merge(&mut self.flat.keywords, keyword, value),
            }
        }
        let branches = |keyword: &str| {
            object
                .get(keyword)
                .and_then(Value::as_array)
                .map(Vec::as_slice)
                .unwrap_or_default()
        };
        branches("allOf")
            .iter()
            .for_each(|branch| self.fold(branch));
        // The value satisfies `if` and `then`, or else `else`.
        let conditional: &[&str] = if self.turn.attempt.is_multiple_of(2) {
            &["if", "then"]
        } else {
            &["else"]
        };
        for keyword in conditional.iter().filter(|_| object.contains_key("if")) {
            if let Some(branch) = object.get(*keyword) {
                self.fold(branch);
            }
        }
        let mut chosen = None;
        for alternatives in [branches("oneOf"), branches("anyOf")] {
            if let Some(branch) = self.choose(alternatives) {
                chosen = Some(branch);
                self.fold(branch);
            }
        }
        if let Some(discriminator) = object.get("discriminator") {
            self.discriminate(discriminator, chosen);
        }
    }

    fn properties(&mut self, properties: &'n Value) {
        for (name, schema) in properties.as_object().into_iter().flatten() {
            match self.flat.properties.get_mut(name.as_str()) {
                Some(known) if **known != *schema => {
                    *known = Cow::Owned(json!({ "allOf": [&**known, schema] }));
                }
                Some(_) => {}
                None => {
                    self.flat.properties.insert(name, Cow::Borrowed(schema));
                }
            }
        }
    }

    /// Chooses an alternative that is not only null.
    fn choose(&mut self, alternatives: &'n [Value]) -> Option<&'n Value> {
        let is_null =
            |branch: &&Value| self.schema.resolve(branch).get("type") == Some(&json!("null"));
        let full: Vec<&Value> = alternatives
            .iter()
            .filter(|branch| !is_null(branch))
            .collect();
        match full.len() {
            0 => alternatives.first(),
            count if self.turn.attempt == 0 => Some(full[self.turn.position % count]),
            count if self.turn.attempt < RANDOM_FROM.max(count) => {
                Some(full[self.turn.attempt % count])
            }
            _ => full.choose(self.random).copied(),
        }
    }

    /// Sets the property of a discriminator to the value that names the chosen branch (OpenAPI
    /// 3.1.1 §4.8.25). Without a chosen branch, a base schema becomes the first schema derived
    /// from it.
    fn discriminate(&mut self, discriminator: &'n Value, chosen: Option<&'n Value>) {
        let Some(property) = discriminator.get("propertyName").and_then(Value::as_str) else {
            return;
        };
        let mapping = discriminator.get("mapping").and_then(Value::as_object);
        let reference = chosen
            .and_then(|branch| branch.get("$ref"))
            .and_then(Value::as_str);
        let meant = reference.map_or_else(
            || {
                self.flat
                    .name
                    .as_ref()
                    .map(|name| join("#/components/schemas", name))
            },
            |reference| Some(reference.to_owned()),
        );
        if chosen.is_none()
            && mapping.is_none()
            && let Some(name) = self
                .flat
                .name
                .as_ref()
                .and_then(|name| self.schema.first_derived(name))
            && let Some(derived) = self.schema.follow(&join("#/components/schemas", &name))
        {
            self.fold(derived);
            self.flat
                .properties
                .insert(property, Cow::Owned(json!({ "const": name })));
            return;
        }
        let known = mapping
            .into_iter()
            .flatten()
            .find(|(_, to)| meant.is_some() && mapped(to) == meant);
        let first = mapping
            .and_then(|mapping| mapping.iter().next())
            .filter(|_| chosen.is_none());
        let name = match (known, first) {
            (Some((name, _)), _) => name.clone(),
            (None, Some((name, to))) if self.is_base(to) => {
                let schema = self.schema;
                if let Some(derived) = schema.follow(&mapped(to).unwrap_or_default()) {
                    self.fold(derived);
                }
                name.clone()
            }
            _ => match meant.as_deref().and_then(|meant| meant.rsplit('/').next()) {
                Some(name) => unescape(name),
                None => return,
            },
        };
        let declared = self.flat.properties.get(property);
        if declared.is_none_or(|declared| self.takes_name(declared, &name)) {
            self.flat
                .properties
                .insert(property, Cow::Owned(json!({ "const": name })));
        }
    }

    /// Returns `true` if the target of a mapping is an object that is not merged yet.
    fn is_base(&self, to: &Value) -> bool {
        let target = self.schema.follow(&mapped(to).unwrap_or_default());
        target.is_some_and(|target| {
            target.is_object() && !self.seen.contains(&std::ptr::from_ref(target).addr())
        })
    }

    fn takes_name(&self, declared: &Value, name: &str) -> bool {
        let declared = self.schema.resolve(declared);
        let is_listed = declared
            .get("enum")
            .and_then(Value::as_array)
            .is_none_or(|values| values.iter().any(|value| value.as_str() == Some(name)));
        is_listed && declared.get("const").is_none() && declared.get("allOf").is_none()
    }
}

/// Key of the patterns that a text must match beside `pattern`.
pub(super) const OTHER_PATTERNS: &str = "x-patterns";

/// Combines two schemas: `false` wins over any other, any other wins over `true`.
fn both<'n>(there: &mut Option<Cow<'n, Value>>, more: &'n Value) {
    *there = match there.take() {
        None | Some(Cow::Borrowed(Value::Bool(true))) => Some(Cow::Borrowed(more)),
        Some(known) if *more == Value::Bool(true) || *known == *more => Some(known),
        Some(known) if known.is_object() && more.is_object() => {
            Some(Cow::Owned(json!({ "allOf": [&*known, more] })))
        }
        Some(_) => Some(Cow::Owned(Value::Bool(false))),
    };
}

/// Merges a keyword so that a value must satisfy both, where the keyword can express that.
fn merge(flat: &mut Map<String, Value>, keyword: &str, value: &Value) {
    let Some(there) = flat.get_mut(keyword) else {
        flat.insert(keyword.to_owned(), value.clone());
        return;
    };
    match (keyword, there, value) {
        ("required", Value::Array(there), Value::Array(more)) => {
            for name in more {
                if !there.contains(name) {
                    there.push(name.clone());
                }
            }
        }
        (
            "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties",
            there,
            more,
        ) => {
            if more.as_f64() > there.as_f64() {
                *there = more.clone();
            }
        }
        (
            "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties",
            there,
            more,
        ) => {
            if more.as_f64() < there.as_f64() {
                *there = more.clone();
            }
        }
        ("pattern", there, more) if there != more => {
            // Both patterns must match; `text` reads this key, and no schema has it.
            let others = flat.entry(OTHER_PATTERNS).or_insert_with(|| json!([]));
            others
                .as_array_mut()
                .into_iter()
                .for_each(|others| others.push(more.clone()));
        }
        ("type", there, more) => *there = common_types(there, more),
        ("enum", Value::Array(there), Value::Array(more)) => {
            there.retain(|value| number::has(more, value));
        }
        _ => {}
    }
}

fn common_types(a: &Value, b: &Value) -> Value {
    let names = |value: &Value| match value {
        Value::Array(names) => names.clone(),
        name => vec![name.clone()],
    };
    let (a, b) = (names(a), names(b));
    let fits =
        |name: &&Value| b.contains(name) || **name == "integer" && b.contains(&json!("number"));
    let mut common: Vec<Value> = a.iter().filter(fits).cloned().collect();
    if a.contains(&json!("number")) && b.contains(&json!("integer")) {
        common.push(json!("integer"));
    }
    if common.is_empty() {
        json!(a)
    } else {
        json!(common)
    }
}
