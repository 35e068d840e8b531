//! Does an instance fit a schema? Answers step by step, each pair of schema and instance once,
//! within a budget.
//!
//! The validator of a schema answers the same question faster; this module can judge parts of a
//! schema and always ends. `validity` uses it where the validator has no answer, and `explain` and
//! `evaluated` build on it.
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::document::reference::local_pointer;
use crate::document::syntax::find;
use crate::schema::own::{SchemaFacts, SchemaNode};
use crate::schema::schemas::Schema;

/// Maximum number of steps to judge one instance and to explain its errors. A step compares one
/// value with one schema. Beyond it, the errors found so far are reported, or the limit itself if
/// there are none.
pub(super) const MOST_STEPS: usize = 20_000_000;

/// Maximum number of schemas open at once, each a part or a branch of the one before; a deeper one
/// has the same effect as a step beyond [`MOST_STEPS`].
pub(super) const MOST_OPEN: usize = 600;

/// Minimum cost of an answer that is cached, in steps; a cheaper one is found again faster than
/// stored.
const WORTH_REMEMBERING: usize = 16;

/// Reason why judging ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// [`MOST_STEPS`] or [`MOST_OPEN`] is reached.
    Exhausted,
    /// The maximum number of reported errors is reached.
    Enough,
}

/// State of judging one instance.
pub(super) struct Judging<'s> {
    pub(super) schema: &'s Schema,
    /// Facts about schemas, by address and by whether the node leaves names unrequired.
    owns: HashMap<(usize, bool), Arc<SchemaFacts>>,
    /// Costly answers, by the addresses of schema and instance.
    known: HashMap<(usize, usize), bool>,
    /// Targets of references that are being judged, with their instances, so that circles end.
    pub(super) open: HashSet<(usize, usize)>,
    pub(super) steps_left: usize,
    pub(super) depth: usize,
}

pub(super) fn address<T>(of: &T) -> usize {
    std::ptr::from_ref(of).addr()
}

impl<'s> Judging<'s> {
    pub(super) fn new(schema: &'s Schema, most_steps: usize) -> Self {
        Self {
            schema,
            owns: HashMap::new(),
            known: HashMap::new(),
            open: HashSet::new(),
            steps_left: most_steps,
            depth: 0,
        }
    }

    /// Returns the schema to judge by.
    pub(super) fn start(&self) -> &'s Value {
        find(self.schema.root(), self.schema.pointer()).unwrap_or(&Value::Bool(true))
    }

    /// Returns true if an instance fits; false also if the limits allow no answer.
    pub(super) fn judge(&mut self, instance: &Value) -> bool {
        let start = self.start();
        self.fits(SchemaNode::new(start), instance) == Ok(true)
    }

    pub(super) fn own(&mut self, node: SchemaNode<'_>) -> Arc<SchemaFacts> {
        let schema = self.schema;
        let key = (address(node.value), !node.unasked.is_empty());
        let make = || {
            schema
                .schemas
                .side(schema.direction)
                .owns
                .get(node, schema.root(), schema.direction)
        };
        Arc::clone(self.owns.entry(key).or_insert_with(make))
    }

    /// Returns true if a value has one of the types that `type` names.
    pub(super) fn is_of_type(&self, value: &Value, wanted: &Value) -> bool {
        let side = self.schema.schemas.side(self.schema.direction);
        let validator = side.owns.validator(&json!({ "type": wanted }));
        validator.is_none_or(|validator| validator.is_valid(value))
    }

    /// Counts a step, and opens a level until [`leave`](Self::leave) closes it.
    pub(super) fn enter(&mut self) -> Result<(), Stop> {
        self.steps_left = self.steps_left.checked_sub(1).ok_or(Stop::Exhausted)?;
        if self.depth >= MOST_OPEN {
            return Err(Stop::Exhausted);
        }
        self.depth += 1;
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Returns the targets of the references of a schema, each with its keyword.
    pub(super) fn targets<'n>(
        &self,
        schema: &'n Map<String, Value>,
    ) -> impl Iterator<Item = (&'n str, &'s Value)> + use<'n, 's> {
        let root: &'s Value = self.schema.root();
        ["$ref", "$dynamicRef"]
            .into_iter()
            .filter_map(move |keyword| {
                let (keyword, reference) = schema.get_key_value(keyword)?;
                let target = find(root, &local_pointer(reference.as_str()?)?)?;
                Some((keyword.as_str(), target))
            })
    }

    /// Runs `act` for the target of a reference; returns `circle` if it is already running for the
    /// same target and instance.
    pub(super) fn once<T>(
        &mut self,
        target: &Value,
        instance: &Value,
        circle: T,
        act: impl FnOnce(&mut Self) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let key = (address(target), address(instance));
        if !self.open.insert(key) {
            return Ok(circle);
        }
        let result = act(self);
        self.open.remove(&key);
        result
    }

    /// Returns true if an instance fits a schema.
    ///
    /// # Errors
    ///
    /// [`Stop::Exhausted`] at the limits.
    pub(super) fn fits(&mut self, node: SchemaNode<'_>, instance: &Value) -> Result<bool, Stop> {
        let Value::Object(schema) = node.value else {
            return Ok(*node.value != Value::Bool(false));
        };
        let is_container = matches!(instance, Value::Array(_) | Value::Object(_));
        let key = (address(node.value), address(instance));
        if is_container && let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        let before = self.steps_left;
        self.enter()?;
        let fits = self.fits_all(node, schema, instance)?;
        self.leave();
        // Property names are short-lived values whose addresses are reused; containers live as
        // long as the judging.
        if is_container && before - self.steps_left >= WORTH_REMEMBERING {
            self.known.insert(key, fits);
        }
        Ok(fits)
    }

    fn fits_all(
        &mut self,
        node: SchemaNode<'_>,
        schema: &Map<String, Value>,
        instance: &Value,
    ) -> Result<bool, Stop> {
        let own = self.own(node);
        if own
            .validator
            .as_ref()
            .is_some_and(|validator| !validator.is_valid(instance))
        {
            return Ok(false);
        }
        if own.is_unmatched_by(instance) {
            return Ok(false);
        }
        let fit_parts = match instance {
            Value::Object(object) => self.members_fit(schema, &own, object, instance)?,
            Value::Array(items) => self.items_fit(schema, items)?,
            _ => true,
        };
        Ok(fit_parts
            && self.branches_fit(schema, &own, instance)?
            && self.unevaluated_fit(node, schema, instance)?)
    }

    fn members_fit(
        &mut self,
        schema: &Map<String, Value>,
        own: &SchemaFacts,
        object: &Map<String, Value>,
        instance: &Value,
    ) -> Result<bool, Stop> {
        if ["properties", "patternProperties", "additionalProperties"]
            .iter()
            .any(|keyword| schema.contains_key(*keyword))
        {
            for (name, value) in object {
                for part in parts_of(schema, own, name) {
                    if !self.fits(SchemaNode::new(part.schema), value)? {
                        return Ok(false);
                    }
                }
            }
        }
        if let Some(names) = schema.get("propertyNames") {
            for name in object.keys() {
                if !self.fits(SchemaNode::new(names), &Value::String(name.clone()))? {
                    return Ok(false);
                }
            }
        }
        for (name, dependent) in members(schema, "dependentSchemas") {
            if object.contains_key(name) && !self.fits(SchemaNode::new(dependent), instance)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn items_fit(&mut self, schema: &Map<String, Value>, items: &[Value]) -> Result<bool, Stop> {
        for (index, item) in items.iter().enumerate() {
            let Some((_, part)) = part_at(schema, index) else {
                break;
            };
            if !self.fits(SchemaNode::new(part), item)? {
                return Ok(false);
            }
        }
        Ok(self.wrong_count(schema, items)?.is_none())
    }

    /// Returns the keyword that rejects the number of items that fit `contains`; none if it is
    /// right.
    pub(super) fn wrong_count(
        &mut self,
        schema: &Map<String, Value>,
        items: &[Value],
    ) -> Result<Option<&'static str>, Stop> {
        let Some(contains) = schema.get("contains") else {
            return Ok(None);
        };
        let (least, most) = (count(schema, "minContains"), count(schema, "maxContains"));
        let mut found = 0;
        for item in items {
            if self.fits(SchemaNode::new(contains), item)? {
                found += 1;
                if most.is_some_and(|most| found > most) {
                    return Ok(Some("maxContains"));
                }
                if most.is_none() && found >= least.unwrap_or(1) {
                    return Ok(None);
                }
            }
        }
        Ok(match (least, most) {
            (Some(least), _) => (found < least).then_some("minContains"),
            (None, Some(_)) => (found == 0).then_some("maxContains"),
            (None, None) => (found == 0).then_some("contains"),
        })
    }

    fn branches_fit(
        &mut self,
        schema: &Map<String, Value>,
        own: &SchemaFacts,
        instance: &Value,
    ) -> Result<bool, Stop> {
        for branch in list(schema, "allOf") {
            if !self.fits(
                SchemaNode {
                    value: branch,
                    unasked: &own.unasked,
                },
                instance,
            )? {
                return Ok(false);
            }
        }
        if schema.get("anyOf").is_some_and(Value::is_array)
            && self.fitting(list(schema, "anyOf"), instance, 1)? == 0
        {
            return Ok(false);
        }
        if schema.get("oneOf").is_some_and(Value::is_array)
            && self.fitting(list(schema, "oneOf"), instance, 2)? != 1
        {
            return Ok(false);
        }
        if let Some(not) = schema.get("not")
            && self.fits(SchemaNode::new(not), instance)?
        {
            return Ok(false);
        }
        if let Some((_, branch)) = self.conditional(schema, instance)?
            && !self.fits(SchemaNode::new(branch), instance)?
        {
            return Ok(false);
        }
        for (_, target) in self.targets(schema) {
            let judge = |judging: &mut Self| judging.fits(SchemaNode::new(target), instance);
            if !self.once(target, instance, true, judge)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Counts the branches that an instance fits, up to `most`.
    pub(super) fn fitting(
        &mut self,
        branches: &[Value],
        instance: &Value,
        most: usize,
    ) -> Result<usize, Stop> {
        let mut found = 0;
        for branch in branches {
            if found < most && self.fits(SchemaNode::new(branch), instance)? {
                found += 1;
            }
        }
        Ok(found)
    }

    /// Returns the one of `then` and `else` that applies, with its keyword.
    pub(super) fn conditional<'n>(
        &mut self,
        schema: &'n Map<String, Value>,
        instance: &Value,
    ) -> Result<Option<(&'static str, &'n Value)>, Stop> {
        let Some(condition) = schema.get("if") else {
            return Ok(None);
        };
        if !schema.contains_key("then") && !schema.contains_key("else") {
            return Ok(None);
        }
        let keyword = if self.fits(SchemaNode::new(condition), instance)? {
            "then"
        } else {
            "else"
        };
        Ok(schema.get(keyword).map(|branch| (keyword, branch)))
    }

    fn unevaluated_fit(
        &mut self,
        node: SchemaNode<'_>,
        schema: &Map<String, Value>,
        instance: &Value,
    ) -> Result<bool, Stop> {
        match instance {
            Value::Object(object) if schema.contains_key("unevaluatedProperties") => {
                Ok(self.unevaluated_names(node, object, instance)?.is_empty())
            }
            Value::Array(_) if schema.contains_key("unevaluatedItems") => {
                self.all_items_evaluated(node, instance)
            }
            _ => Ok(true),
        }
    }
}

/// Schema that applies to a member of an object.
pub(super) struct MemberSchema<'n> {
    /// Keyword that has the schema: `properties`.
    pub keyword: &'static str,
    /// Key of the schema in its keyword; `additionalProperties` has none.
    pub key: Option<&'n str>,
    pub schema: &'n Value,
}

/// Returns the schemas that apply to a member.
pub(super) fn parts_of<'n>(
    schema: &'n Map<String, Value>,
    own: &SchemaFacts,
    name: &str,
) -> Vec<MemberSchema<'n>> {
    let mut parts = Vec::new();
    if let Some((name, part)) = schema
        .get("properties")
        .and_then(Value::as_object)
        .and_then(|all| all.get_key_value(name))
    {
        parts.push(MemberSchema {
            keyword: "properties",
            key: Some(name.as_str()),
            schema: part,
        });
    }
    for ((key, part), pattern) in members(schema, "patternProperties").zip(&own.keys) {
        let part = match pattern {
            Some(pattern) if pattern.is_match(name) => part,
            Some(_) => continue,
            None => &Value::Bool(true),
        };
        parts.push(MemberSchema {
            keyword: "patternProperties",
            key: Some(key.as_str()),
            schema: part,
        });
    }
    if parts.is_empty()
        && let Some(part) = schema.get("additionalProperties")
    {
        parts.push(MemberSchema {
            keyword: "additionalProperties",
            key: None,
            schema: part,
        });
    }
    parts
}

/// Returns the schema of the item at an index, with its keyword.
pub(super) fn part_at(schema: &Map<String, Value>, index: usize) -> Option<(&'static str, &Value)> {
    let prefix = list(schema, "prefixItems");
    match prefix.get(index) {
        Some(part) => Some(("prefixItems", part)),
        None => schema.get("items").map(|part| ("items", part)),
    }
}

/// Returns the members of a keyword that is an object.
pub(super) fn members<'n>(
    schema: &'n Map<String, Value>,
    keyword: &str,
) -> impl Iterator<Item = (&'n String, &'n Value)> + use<'n> {
    schema
        .get(keyword)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

/// Returns the schemas of a keyword that is an array.
pub(super) fn list<'n>(schema: &'n Map<String, Value>, keyword: &str) -> &'n [Value] {
    schema
        .get(keyword)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// Returns a number of items; `2.0` is 2.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is whole, and saturates"
)]
fn count(schema: &Map<String, Value>, keyword: &str) -> Option<u64> {
    let number = schema.get(keyword)?;
    number.as_u64().or_else(|| {
        number
            .as_f64()
            .filter(|number| number.fract() == 0.0)
            .map(|number| number as u64)
    })
}
