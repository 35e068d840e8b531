//! What one schema asks of an instance itself, without what it asks of its parts or by other schemas.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::{Map, Value};

use crate::schema::compiling::compile_alone;
use crate::schema::direction::Direction;
use crate::schema::pattern::Pattern;

/// The keywords that ask something of the instance itself; the others are looked at one by one.
const OWN: [&str; 21] = [
    "type",
    "const",
    "enum",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "required",
    "dependentRequired",
    "format",
    "uniqueItems",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
];

/// A schema object, and what the one that it is a branch of says about it.
#[derive(Clone, Copy)]
pub struct Node<'n> {
    pub value: &'n Value,
    /// The names that are not asked for by it, because a schema that has it in `allOf` marks them.
    pub unasked: &'n [String],
}

impl<'n> Node<'n> {
    /// A schema that is no branch of another one.
    pub fn new(value: &'n Value) -> Self {
        Self { value, unasked: &[] }
    }
}

/// What is known of one schema.
pub struct Own {
    /// Judges what it asks of the instance itself; none if that is nothing.
    pub validator: Option<Arc<Validator>>,
    /// Its `pattern`; none of one that is none, which checks nothing.
    pub pattern: Option<Arc<Pattern>>,
    /// The keys of `patternProperties`, in their order; none of one that is no pattern, which may have every name.
    pub keys: Vec<Option<Arc<Pattern>>>,
    /// The names that the branches of its `allOf` do not ask for.
    pub unasked: Vec<String>,
}

impl Own {
    /// Whether a value is a text that its pattern does not match.
    pub fn is_unmatched_by(&self, instance: &Value) -> bool {
        let (Some(pattern), Value::String(text)) = (&self.pattern, instance) else { return false };
        !pattern.is_match(text)
    }
}

/// What is known of the schemas of a document, as one direction sees them.
#[derive(Default)]
pub struct Owns(Mutex<KnownNodes>);

#[derive(Default)]
struct KnownNodes {
    /// By the address of the schema in the tree of the document, which never changes, and by whether it is a branch
    /// that is not asked for everything.
    by_schema: HashMap<(usize, bool), Arc<Own>>,
    /// By what they ask for; most schemas ask for what many others do.
    by_text: HashMap<String, Option<Arc<Validator>>>,
}

impl Owns {
    /// What is known of a schema, worked out when it is first asked for.
    pub fn get(&self, node: Node<'_>, root: &Value, direction: Direction) -> Arc<Own> {
        let key = (std::ptr::from_ref(node.value).addr(), !node.unasked.is_empty());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = known.by_schema.get(&key) {
            return Arc::clone(own);
        }
        let own = Arc::new(known.make(node, root, direction));
        known.by_schema.insert(key, Arc::clone(&own));
        own
    }

    /// A validator of a schema without references.
    pub fn validator(&self, schema: &Value) -> Option<Arc<Validator>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).validator(schema)
    }
}

impl KnownNodes {
    fn make(&mut self, node: Node<'_>, root: &Value, direction: Direction) -> Own {
        let Value::Object(schema) = node.value else {
            return Own { validator: None, pattern: None, keys: Vec::new(), unasked: Vec::new() };
        };
        let mut unasked = direction.unasked(schema, root);
        unasked.extend_from_slice(node.unasked);
        let mut own = Map::new();
        for (keyword, value) in schema.iter().filter(|(keyword, _)| OWN.contains(&keyword.as_str())) {
            own.insert(keyword.clone(), value.clone());
        }
        if let Some(Value::Array(required)) = own.get_mut("required") {
            required.retain(|name| !unasked.iter().any(|unasked| name == unasked));
        }
        let validator = if own.is_empty() { None } else { self.validator(&Value::Object(own)) };
        let read = |text: &str| Pattern::read(text).ok();
        let pattern = schema.get("pattern").and_then(Value::as_str).and_then(read);
        let keys = schema.get("patternProperties").and_then(Value::as_object).into_iter().flatten();
        Own { validator, pattern, keys: keys.map(|(key, _)| read(key)).collect(), unasked }
    }

    fn validator(&mut self, schema: &Value) -> Option<Arc<Validator>> {
        let text = schema.to_string();
        let known = self.by_text.entry(text);
        known.or_insert_with(|| compile_alone(schema).ok().map(Arc::new)).clone()
    }
}
