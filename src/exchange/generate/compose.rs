//! `allOf`, `anyOf` and `oneOf` folded into one flat schema that can be made in one go.

use std::collections::HashSet;

use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

use crate::contract::schema::Schema;
use crate::document::reference::mapped;
use crate::document::syntax::{join, unescape};

/// A schema in one piece.
pub struct Flat {
    /// Its keywords.
    pub keywords: Map<String, Value>,
    /// What it is called: the outermost component that it refers to, else its title.
    pub name: Option<String>,
}

/// Which branches are taken.
#[derive(Clone, Copy)]
pub struct Turn {
    /// The number of the attempt.
    pub attempt: usize,
    /// The place in the innermost list: items differ in what they are.
    pub position: usize,
}

/// The schema with its references followed, its `allOf` merged in, and one branch of its `anyOf`
/// and `oneOf` taken: one that is more than null, by turns.
pub fn flatten(schema: &Schema, node: &Value, turn: Turn, random: &mut ChaCha8Rng) -> Flat {
    let mut folding = Folding { schema, turn, random, flat: Map::new(), seen: HashSet::new(), name: None };
    folding.fold(node);
    let title = || folding.flat.get("title").and_then(Value::as_str).map(str::to_owned);
    Flat { name: folding.name.or_else(title), keywords: folding.flat }
}

struct Folding<'s> {
    schema: &'s Schema,
    turn: Turn,
    random: &'s mut ChaCha8Rng,
    flat: Map<String, Value>,
    /// Nodes that are in it already, so that circles end.
    seen: HashSet<usize>,
    /// The outermost component, which is what a discriminator calls it.
    name: Option<String>,
}

/// From which attempt on branches are taken at random, each place for itself.
const RANDOM_FROM: usize = 4;

impl Folding<'_> {
    fn fold(&mut self, node: &Value) {
        let Some(object) = node.as_object().filter(|_| self.seen.insert(std::ptr::from_ref(node).addr())) else {
            return;
        };
        let schema = self.schema;
        if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
            if self.name.is_none() {
                self.name = reference.strip_prefix("#/components/schemas/").map(unescape);
            }
            self.fold(schema.resolve(node));
        }
        for (keyword, value) in object {
            match keyword.as_str() {
                "$ref" | "allOf" | "anyOf" | "oneOf" | "if" | "then" | "else" | "discriminator" => {}
                _ => merge(&mut self.flat, keyword, value),
            }
        }
        let branches =
            |keyword: &str| object.get(keyword).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        branches("allOf").iter().for_each(|branch| self.fold(branch));
        // Either what meets `if` and then `then`, or what `else` asks for.
        let conditional: &[&str] = if self.turn.attempt.is_multiple_of(2) { &["if", "then"] } else { &["else"] };
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

    /// One alternative that is more than null.
    fn choose<'n>(&mut self, alternatives: &'n [Value]) -> Option<&'n Value> {
        let is_null = |branch: &&Value| self.schema.resolve(branch).get("type") == Some(&json!("null"));
        let full: Vec<&Value> = alternatives.iter().filter(|branch| !is_null(branch)).collect();
        match full.len() {
            0 => alternatives.first(),
            count if self.turn.attempt == 0 => Some(full[self.turn.position % count]),
            count if self.turn.attempt < RANDOM_FROM.max(count) => Some(full[self.turn.attempt % count]),
            _ => full.choose(self.random).copied(),
        }
    }

    /// Gives the property of a discriminator the value that names what was chosen
    /// (OpenAPI 3.1.1 §4.8.25); where nothing was, a base schema becomes the first that is derived.
    fn discriminate(&mut self, discriminator: &Value, chosen: Option<&Value>) {
        let Some(property) = discriminator.get("propertyName").and_then(Value::as_str) else { return };
        let mapping = discriminator.get("mapping").and_then(Value::as_object);
        let reference = chosen.and_then(|branch| branch.get("$ref")).and_then(Value::as_str);
        let meant = reference.map_or_else(
            || self.name.as_ref().map(|name| join("#/components/schemas", name)),
            |reference| Some(reference.to_owned()),
        );
        let known = mapping.into_iter().flatten().find(|(_, to)| meant.is_some() && mapped(to) == meant);
        let first = mapping.and_then(|mapping| mapping.iter().next()).filter(|_| chosen.is_none());
        let name = match (known, first) {
            (Some((name, _)), _) => name.clone(),
            (None, Some((name, to))) if self.is_base(to) => {
                let reference = json!({ "$ref": mapped(to).unwrap_or_default() });
                let schema = self.schema;
                self.fold(schema.resolve(&reference));
                name.clone()
            }
            _ => match meant.as_deref().and_then(|meant| meant.rsplit('/').next()) {
                Some(name) => unescape(name),
                None => return,
            },
        };
        let said = json!({ property: { "const": name } });
        let declared = self.flat.get("properties").and_then(|properties| properties.get(property));
        let takes = declared.is_none_or(|declared| self.takes_name(declared, &name));
        if takes {
            merge(&mut self.flat, "properties", &said);
        }
    }

    /// Whether a schema that is named is one that is not in here yet.
    fn is_base(&self, to: &Value) -> bool {
        let reference = json!({ "$ref": mapped(to).unwrap_or_default() });
        let target = self.schema.resolve(&reference);
        target.is_object() && target.get("$ref").is_none() && !self.seen.contains(&std::ptr::from_ref(target).addr())
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

/// The key of the patterns that a text must match beside `pattern`.
pub const OTHER_PATTERNS: &str = "x-patterns";

/// Adds a keyword so that both what was there and what comes is met, as far as one value can say so.
fn merge(flat: &mut Map<String, Value>, keyword: &str, value: &Value) {
    let Some(there) = flat.get_mut(keyword) else {
        flat.insert(keyword.to_owned(), value.clone());
        return;
    };
    match (keyword, there, value) {
        ("properties" | "patternProperties" | "dependentRequired", Value::Object(there), Value::Object(more)) => {
            for (name, schema) in more {
                match there.get_mut(name) {
                    Some(known) if known != schema => *known = json!({ "allOf": [known, schema] }),
                    Some(_) => {}
                    None => {
                        there.insert(name.clone(), schema.clone());
                    }
                }
            }
        }
        ("required", Value::Array(there), Value::Array(more)) => {
            for name in more {
                if !there.contains(name) {
                    there.push(name.clone());
                }
            }
        }
        ("minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties", there, more) => {
            if more.as_f64() > there.as_f64() {
                *there = more.clone();
            }
        }
        ("maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties", there, more) => {
            if more.as_f64() < there.as_f64() {
                *there = more.clone();
            }
        }
        ("pattern", there, more) if there != more => {
            // Both must be met; the maker of texts knows this key, and no schema has it.
            let others = flat.entry(OTHER_PATTERNS).or_insert_with(|| json!([]));
            others.as_array_mut().into_iter().for_each(|others| others.push(more.clone()));
        }
        ("type", there, more) => *there = common_types(there, more),
        ("enum", Value::Array(there), Value::Array(more)) => there.retain(|value| more.contains(value)),
        ("items" | "additionalProperties", there, more) if there.is_object() && more.is_object() => {
            *there = json!({ "allOf": [there, more] });
        }
        ("additionalProperties", there, more) => {
            if *more == Value::Bool(false) {
                *there = Value::Bool(false);
            }
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
    let fits = |name: &&Value| b.contains(name) || **name == "integer" && b.contains(&json!("number"));
    let mut common: Vec<Value> = a.iter().filter(fits).cloned().collect();
    if a.contains(&json!("number")) && b.contains(&json!("integer")) {
        common.push(json!("integer"));
    }
    if common.is_empty() { json!(a) } else { json!(common) }
}
