//! Evaluated members and items of an instance: those that other keywords than `unevaluated…` look
//! at (JSON Schema 2020-12 §11).
use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::schema::judging::{Judging, Stop, list, members, parts_of};
use crate::schema::own::SchemaNode;

/// The parts of an instance that are evaluated: names or indices.
struct Evaluated<'i> {
    instance: &'i Value,
    /// Names of the evaluated members of an object.
    names: HashSet<&'i str>,
    /// Flags of the items of an array, by index; true if evaluated.
    items: Vec<bool>,
    /// Schemas that are being visited, by address, so that circles end.
    open: Vec<usize>,
}

impl Judging<'_> {
    /// Returns the names of an object that no keyword of a schema evaluates and that do not fit
    /// `unevaluatedProperties`.
    pub(super) fn unevaluated_names<'i>(
        &mut self,
        node: SchemaNode<'_>,
        object: &'i Map<String, Value>,
        instance: &'i Value,
    ) -> Result<Vec<&'i str>, Stop> {
        let evaluated = self.evaluated(node, instance)?;
        Ok(object
            .keys()
            .map(String::as_str)
            .filter(|name| !evaluated.names.contains(name))
            .collect())
    }

    /// Returns true if each item is evaluated by a keyword of a schema or fits `unevaluatedItems`.
    pub(super) fn all_items_evaluated(
        &mut self,
        node: SchemaNode<'_>,
        instance: &Value,
    ) -> Result<bool, Stop> {
        Ok(self
            .evaluated(node, instance)?
            .items
            .iter()
            .all(|is_evaluated| *is_evaluated))
    }

    fn evaluated<'i>(
        &mut self,
        node: SchemaNode<'_>,
        instance: &'i Value,
    ) -> Result<Evaluated<'i>, Stop> {
        let length = instance.as_array().map_or(0, Vec::len);
        let mut evaluated = Evaluated {
            instance,
            names: HashSet::new(),
            items: vec![false; length],
            open: Vec::new(),
        };
        self.mark(node, &mut evaluated)?;
        Ok(evaluated)
    }

    fn mark(&mut self, node: SchemaNode<'_>, marked: &mut Evaluated<'_>) -> Result<(), Stop> {
        let Value::Object(schema) = node.value else {
            return Ok(());
        };
        let key = crate::schema::judging::address(node.value);
        if marked.open.contains(&key) {
            return Ok(());
        }
        self.enter()?;
        marked.open.push(key);
        for (_, target) in self.targets(schema) {
            self.mark(SchemaNode::new(target), marked)?;
        }
        let instance = marked.instance;
        match instance {
            Value::Object(object) => self.mark_members(node, schema, object, marked)?,
            Value::Array(items) => self.mark_items(schema, items, marked)?,
            _ => {}
        }
        self.mark_by_branches(node, schema, marked)?;
        marked.open.pop();
        self.leave();
        Ok(())
    }

    fn mark_members<'i>(
        &mut self,
        node: SchemaNode<'_>,
        schema: &Map<String, Value>,
        object: &'i Map<String, Value>,
        marked: &mut Evaluated<'i>,
    ) -> Result<(), Stop> {
        let own = self.own(node);
        for (name, value) in object {
            if !parts_of(schema, &own, name).is_empty() {
                marked.names.insert(name);
            }
            if !marked.names.contains(name.as_str())
                && let Some(unevaluated) = schema.get("unevaluatedProperties")
                && self.fits(SchemaNode::new(unevaluated), value)?
            {
                marked.names.insert(name);
            }
        }
        for (name, dependent) in members(schema, "dependentSchemas") {
            if object.contains_key(name) {
                self.mark(SchemaNode::new(dependent), marked)?;
            }
        }
        Ok(())
    }

    fn mark_items(
        &mut self,
        schema: &Map<String, Value>,
        items: &[Value],
        marked: &mut Evaluated<'_>,
    ) -> Result<(), Stop> {
        let has_items = schema.contains_key("items");
        let prefix = list(schema, "prefixItems").len();
        for (index, item) in items.iter().enumerate() {
            if has_items || index < prefix {
                marked.items[index] = true;
            }
            for keyword in ["contains", "unevaluatedItems"] {
                if !marked.items[index]
                    && let Some(part) = schema.get(keyword)
                    && self.fits(SchemaNode::new(part), item)?
                {
                    marked.items[index] = true;
                }
            }
        }
        Ok(())
    }

    fn mark_by_branches(
        &mut self,
        node: SchemaNode<'_>,
        schema: &Map<String, Value>,
        marked: &mut Evaluated<'_>,
    ) -> Result<(), Stop> {
        if let Some(condition) = schema.get("if") {
            let fits = self.fits(SchemaNode::new(condition), marked.instance)?;
            let keywords: &[&str] = if fits { &["if", "then"] } else { &["else"] };
            for branch in keywords.iter().filter_map(|keyword| schema.get(*keyword)) {
                self.mark(SchemaNode::new(branch), marked)?;
            }
        }
        let own = self.own(node);
        for keyword in ["allOf", "anyOf", "oneOf"] {
            let unasked: &[String] = if keyword == "allOf" {
                &own.unasked
            } else {
                &[]
            };
            for value in list(schema, keyword) {
                let branch = SchemaNode { value, unasked };
                if self.fits(branch, marked.instance)? {
                    self.mark(branch, marked)?;
                }
            }
        }
        Ok(())
    }
}
