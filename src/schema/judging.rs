//! Does an instance fit a schema? Answered step by step, each pair of schema and instance once, within a budget.
//!
//! The validator of a schema answers the same question quicker; this one can be asked about parts of it, and ends.
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::document::reference::local_pointer;
use crate::document::syntax::find;
use crate::schema::own::{Node, Own};
use crate::schema::schemas::Schema;

/// How many steps may be made to judge one instance and to say what is wrong with it. A step is one schema that one
/// value is held against. Beyond, what was found is told; if that is nothing, that the bound was reached is.
pub const MOST_STEPS: usize = 20_000_000;

/// How many schemas may be open at once, each a part or a branch of the one before; beyond is as beyond
/// [`MOST_STEPS`].
pub const MOST_OPEN: usize = 600;

/// How many steps an answer must have cost to be remembered. What costs less is quicker found again than kept.
const WORTH_REMEMBERING: usize = 16;

/// Why judging ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// [`MOST_STEPS`] or [`MOST_OPEN`] is reached.
    Exhausted,
    /// As many errors are found as are told.
    Enough,
}

/// Judges one instance.
pub struct Judging<'s> {
    pub(super) schema: &'s Schema,
    /// What was looked up of schemas, by address.
    owns: HashMap<(usize, bool), Arc<Own>>,
    /// The answers that cost much, by the addresses of schema and instance.
    known: HashMap<(usize, usize), bool>,
    /// The targets of references that are being judged, with their instances, so that circles end.
    pub(super) open: HashSet<(usize, usize)>,
    pub(super) steps_left: usize,
    pub(super) depth: usize,
}

pub(super) fn address<T>(of: &T) -> usize {
    std::ptr::from_ref(of).addr()
}

impl<'s> Judging<'s> {
    pub fn new(schema: &'s Schema, most_steps: usize) -> Self {
        Self {
            schema,
            owns: HashMap::new(),
            known: HashMap::new(),
            open: HashSet::new(),
            steps_left: most_steps,
            depth: 0,
        }
    }

    /// The schema that is judged by.
    pub fn start(&self) -> &'s Value {
        find(self.schema.root(), self.schema.pointer()).unwrap_or(&Value::Bool(true))
    }

    /// Whether an instance fits; not, if that cannot be said within the bounds.
    pub fn judge(&mut self, instance: &Value) -> bool {
        let start = self.start();
        self.fits(Node::new(start), instance) == Ok(true)
    }

    pub(super) fn own(&mut self, node: Node<'_>) -> Arc<Own> {
        let schema = self.schema;
        let key = (address(node.value), !node.unasked.is_empty());
        let make = || schema.schemas.side(schema.direction).owns.get(node, schema.root(), schema.direction);
        Arc::clone(self.owns.entry(key).or_insert_with(make))
    }

    /// Whether a value has one of the types that `type` names.
    pub(super) fn is_of_type(&self, value: &Value, wanted: &Value) -> bool {
        let side = self.schema.schemas.side(self.schema.direction);
        let validator = side.owns.validator(&json!({ "type": wanted }));
        validator.is_none_or(|validator| validator.is_valid(value))
    }

    /// Counts a step, and a level until [`leave`](Self::leave).
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

    /// Where the references of a schema lead.
    pub(super) fn targets<'n>(
        &self,
        schema: &'n Map<String, Value>,
    ) -> impl Iterator<Item = (&'n str, &'s Value)> + use<'n, 's> {
        let root: &'s Value = self.schema.root();
        ["$ref", "$dynamicRef"].into_iter().filter_map(move |keyword| {
            let (keyword, reference) = schema.get_key_value(keyword)?;
            let target = find(root, &local_pointer(reference.as_str()?)?)?;
            Some((keyword.as_str(), target))
        })
    }

    /// Does something with the target of a reference, unless it is being done already: then the circle says nothing.
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

    /// Whether an instance fits a schema.
    ///
    /// # Errors
    ///
    /// [`Stop::Exhausted`]
    pub fn fits(&mut self, node: Node<'_>, instance: &Value) -> Result<bool, Stop> {
        let Value::Object(schema) = node.value else { return Ok(*node.value != Value::Bool(false)) };
        let is_container = matches!(instance, Value::Array(_) | Value::Object(_));
        let key = (address(node.value), address(instance));
        if is_container && let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        let before = self.steps_left;
        self.enter()?;
        let fits = self.fits_all(node, schema, instance)?;
        self.leave();
        // Names of properties are values for a moment only; containers live as long as the whole.
        if is_container && before - self.steps_left >= WORTH_REMEMBERING {
            self.known.insert(key, fits);
        }
        Ok(fits)
    }

    fn fits_all(&mut self, node: Node<'_>, schema: &Map<String, Value>, instance: &Value) -> Result<bool, Stop> {
        let own = self.own(node);
        if own.validator.as_ref().is_some_and(|validator| !validator.is_valid(instance)) {
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
        Ok(fit_parts && self.branches_fit(schema, &own, instance)? && self.unevaluated_fit(node, schema, instance)?)
    }

    fn members_fit(
        &mut self,
        schema: &Map<String, Value>,
        own: &Own,
        object: &Map<String, Value>,
        instance: &Value,
    ) -> Result<bool, Stop> {
        if ["properties", "patternProperties", "additionalProperties"]
            .iter()
            .any(|keyword| schema.contains_key(*keyword))
        {
            for (name, value) in object {
                for (_, _, part) in parts_of(schema, own, name) {
                    if !self.fits(Node::new(part), value)? {
                        return Ok(false);
                    }
                }
            }
        }
        if let Some(names) = schema.get("propertyNames") {
            for name in object.keys() {
                if !self.fits(Node::new(names), &Value::String(name.clone()))? {
                    return Ok(false);
                }
            }
        }
        for (name, dependent) in members(schema, "dependentSchemas") {
            if object.contains_key(name) && !self.fits(Node::new(dependent), instance)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn items_fit(&mut self, schema: &Map<String, Value>, items: &[Value]) -> Result<bool, Stop> {
        for (index, item) in items.iter().enumerate() {
            let Some((_, part)) = part_at(schema, index) else { break };
            if !self.fits(Node::new(part), item)? {
                return Ok(false);
            }
        }
        Ok(self.wrong_count(schema, items)?.is_none())
    }

    /// The keyword that says that too few or too many items fit `contains`.
    pub(super) fn wrong_count(
        &mut self,
        schema: &Map<String, Value>,
        items: &[Value],
    ) -> Result<Option<&'static str>, Stop> {
        let Some(contains) = schema.get("contains") else { return Ok(None) };
        let (least, most) = (count(schema, "minContains"), count(schema, "maxContains"));
        let mut found = 0;
        for item in items {
            if self.fits(Node::new(contains), item)? {
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

    fn branches_fit(&mut self, schema: &Map<String, Value>, own: &Own, instance: &Value) -> Result<bool, Stop> {
        for branch in list(schema, "allOf") {
            if !self.fits(Node { value: branch, unasked: &own.unasked }, instance)? {
                return Ok(false);
            }
        }
        if schema.get("anyOf").is_some_and(Value::is_array) && self.fitting(list(schema, "anyOf"), instance, 1)? == 0 {
            return Ok(false);
        }
        if schema.get("oneOf").is_some_and(Value::is_array) && self.fitting(list(schema, "oneOf"), instance, 2)? != 1 {
            return Ok(false);
        }
        if let Some(not) = schema.get("not")
            && self.fits(Node::new(not), instance)?
        {
            return Ok(false);
        }
        if let Some((_, branch)) = self.conditional(schema, instance)?
            && !self.fits(Node::new(branch), instance)?
        {
            return Ok(false);
        }
        for (_, target) in self.targets(schema) {
            let judge = |judging: &mut Self| judging.fits(Node::new(target), instance);
            if !self.once(target, instance, true, judge)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// How many branches an instance fits, at most so many.
    pub(super) fn fitting(&mut self, branches: &[Value], instance: &Value, most: usize) -> Result<usize, Stop> {
        let mut found = 0;
        for branch in branches {
            if found < most && self.fits(Node::new(branch), instance)? {
                found += 1;
            }
        }
        Ok(found)
    }

    /// Which of `then` and `else` holds.
    pub(super) fn conditional<'n>(
        &mut self,
        schema: &'n Map<String, Value>,
        instance: &Value,
    ) -> Result<Option<(&'static str, &'n Value)>, Stop> {
        let Some(condition) = schema.get("if") else { return Ok(None) };
        if !schema.contains_key("then") && !schema.contains_key("else") {
            return Ok(None);
        }
        let keyword = if self.fits(Node::new(condition), instance)? { "then" } else { "else" };
        Ok(schema.get(keyword).map(|branch| (keyword, branch)))
    }

    fn unevaluated_fit(&mut self, node: Node<'_>, schema: &Map<String, Value>, instance: &Value) -> Result<bool, Stop> {
        match instance {
            Value::Object(object) if schema.contains_key("unevaluatedProperties") => {
                Ok(self.unevaluated_names(node, object, instance)?.is_empty())
            }
            Value::Array(_) if schema.contains_key("unevaluatedItems") => self.all_items_evaluated(node, instance),
            _ => Ok(true),
        }
    }
}

/// The schemas of a member, each with its keyword and the key in it.
pub(super) fn parts_of<'n>(
    schema: &'n Map<String, Value>,
    own: &Own,
    name: &str,
) -> Vec<(&'static str, Option<&'n str>, &'n Value)> {
    let mut parts = Vec::new();
    if let Some((name, part)) =
        schema.get("properties").and_then(Value::as_object).and_then(|all| all.get_key_value(name))
    {
        parts.push(("properties", Some(name.as_str()), part));
    }
    for ((key, part), pattern) in members(schema, "patternProperties").zip(&own.keys) {
        match pattern {
            Some(pattern) if pattern.is_match(name) => parts.push(("patternProperties", Some(key.as_str()), part)),
            Some(_) => {}
            None => parts.push(("patternProperties", Some(key.as_str()), &Value::Bool(true))),
        }
    }
    if parts.is_empty()
        && let Some(part) = schema.get("additionalProperties")
    {
        parts.push(("additionalProperties", None, part));
    }
    parts
}

/// The schema of the item at an index, with its keyword.
pub(super) fn part_at(schema: &Map<String, Value>, index: usize) -> Option<(&'static str, &Value)> {
    let prefix = list(schema, "prefixItems");
    match prefix.get(index) {
        Some(part) => Some(("prefixItems", part)),
        None => schema.get("items").map(|part| ("items", part)),
    }
}

/// The members of a keyword that is an object.
pub(super) fn members<'n>(
    schema: &'n Map<String, Value>,
    keyword: &str,
) -> impl Iterator<Item = (&'n String, &'n Value)> + use<'n> {
    schema.get(keyword).and_then(Value::as_object).into_iter().flatten()
}

/// The schemas of a keyword that is a list.
pub(super) fn list<'n>(schema: &'n Map<String, Value>, keyword: &str) -> &'n [Value] {
    schema.get(keyword).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A number of items; `2.0` is 2.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole, and saturates")]
fn count(schema: &Map<String, Value>, keyword: &str) -> Option<u64> {
    let number = schema.get(keyword)?;
    number.as_u64().or_else(|| number.as_f64().filter(|number| number.fract() == 0.0).map(|number| number as u64))
}
