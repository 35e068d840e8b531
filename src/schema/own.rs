//! Keywords of one schema about the instance itself, without those about its parts and without
//! other schemas.
//!
//! `judging` and `explain` evaluate the rest.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::{Map, Value};

use crate::schema::compiling::compile_alone;
use crate::schema::direction::Direction;
use crate::schema::pattern::Pattern;

/// Keywords about the instance itself; the others are evaluated one by one.
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

/// A schema, with the names that an enclosing schema marks as not required.
#[derive(Clone, Copy)]
pub(crate) struct SchemaNode<'n> {
    pub value: &'n Value,
    /// Names that it does not require, because a schema that has it in `allOf` marks them.
    pub unasked: &'n [String],
}

impl<'n> SchemaNode<'n> {
    /// Returns the node of a schema that is not a branch of another.
    pub(crate) fn new(value: &'n Value) -> Self {
        Self {
            value,
            unasked: &[],
        }
    }
}

/// Facts about one schema.
pub(crate) struct SchemaFacts {
    /// Validator of the keywords about the instance itself; none if there are none.
    pub validator: Option<Arc<Validator>>,
    /// The `pattern`; none if it is absent or not a pattern, which checks nothing.
    pub pattern: Option<Arc<Pattern>>,
    /// Keys of `patternProperties` in their order; none for one that is not a pattern, which may
    /// have every name.
    pub keys: Vec<Option<Arc<Pattern>>>,
    /// Names that the branches of its `allOf` do not require.
    pub unasked: Vec<String>,
}

impl SchemaFacts {
    /// Returns true if an instance is a string that the pattern does not match.
    pub(crate) fn is_unmatched_by(&self, instance: &Value) -> bool {
        let (Some(pattern), Value::String(text)) = (&self.pattern, instance) else {
            return false;
        };
        !pattern.is_match(text)
    }
}

/// Cache of the facts about the schemas of a document, for one direction.
#[derive(Default)]
pub(crate) struct Owns(Mutex<KnownNodes>);

#[derive(Default)]
struct KnownNodes {
    /// Facts by the address of the schema in the tree of the document, which never changes, and by
    /// whether it is a branch that does not require everything.
    by_schema: HashMap<(usize, bool), Arc<SchemaFacts>>,
    /// Validators by the text of their schema; most schemas share theirs with many others.
    by_text: HashMap<String, Option<Arc<Validator>>>,
}

impl Owns {
    /// Returns the facts about a schema, computed on first use.
    pub(crate) fn get(
        &self,
        node: SchemaNode<'_>,
        root: &Value,
        direction: Direction,
    ) -> Arc<SchemaFacts> {
        let key = (
            std::ptr::from_ref(node.value).addr(),
            !node.unasked.is_empty(),
        );
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = known.by_schema.get(&key) {
            return Arc::clone(own);
        }
        let own = Arc::new(known.make(node, root, direction));
        known.by_schema.insert(key, Arc::clone(&own));
        own
    }

    /// Returns the validator of a schema without references; none if it cannot be compiled.
    pub(crate) fn validator(&self, schema: &Value) -> Option<Arc<Validator>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .validator(schema)
    }
}

impl KnownNodes {
    fn make(&mut self, node: SchemaNode<'_>, root: &Value, direction: Direction) -> SchemaFacts {
        let Value::Object(schema) = node.value else {
            return SchemaFacts {
                validator: None,
                pattern: None,
                keys: Vec::new(),
                unasked: Vec::new(),
            };
        };
        let mut unasked = direction.unasked(schema, root);
        unasked.extend_from_slice(node.unasked);
        let mut own = Map::new();
        for (keyword, value) in schema
            .iter()
            .filter(|(keyword, _)| OWN.contains(&keyword.as_str()))
        {
            own.insert(keyword.clone(), value.clone());
        }
        if let Some(Value::Array(required)) = own.get_mut("required") {
            required.retain(|name| !unasked.iter().any(|unasked| name == unasked));
        }
        let validator = if own.is_empty() {
            None
        } else {
            self.validator(&Value::Object(own))
        };
        let read = |text: &str| Pattern::read(text).ok();
        let pattern = schema.get("pattern").and_then(Value::as_str).and_then(read);
        let keys = schema
            .get("patternProperties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        SchemaFacts {
            validator,
            pattern,
            keys: keys.map(|(key, _)| read(key)).collect(),
            unasked,
        }
    }

    fn validator(&mut self, schema: &Value) -> Option<Arc<Validator>> {
        let text = schema.to_string();
        let known = self.by_text.entry(text);
        known
            .or_insert_with(|| compile_alone(schema).ok().map(Arc::new))
            .clone()
    }
}
