//! Direction of the messages that a schema describes, and the properties that each direction does
//! not require.
//!
//! `readOnly` properties are not required in a request, `writeOnly` ones not in a response
//! (OpenAPI 3.0.4 §4.7.24.2).
use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::document::reference::resolve;

/// Direction of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Sent by the client.
    Request,
    /// Sent by the API.
    Response,
}

impl Direction {
    /// Returns the keyword of the properties that are not required.
    pub(crate) fn not_asked(self) -> &'static str {
        match self {
            Self::Request => "readOnly",
            Self::Response => "writeOnly",
        }
    }

    /// Returns a copy of a document in which properties marked for this direction are not
    /// required; none if none are marked, so that most documents are not copied.
    #[must_use]
    pub fn view(self, tree: &Value) -> Option<Value> {
        let keyword = self.not_asked();
        if !mentions(tree, keyword) {
            return None;
        }
        let mut copy = tree.clone();
        relax(&mut copy, tree, keyword);
        Some(copy)
    }

    /// Returns the names of the properties that a schema marks as not required, itself or in its
    /// `allOf`.
    pub(crate) fn unasked(self, schema: &Map<String, Value>, root: &Value) -> Vec<String> {
        let mut marked = Marked {
            root,
            keyword: self.not_asked(),
            names: Vec::new(),
            seen: HashSet::new(),
        };
        if schema.contains_key("required") || schema.contains_key("allOf") {
            marked.collect(schema);
        }
        marked.names
    }

    /// Removes the requirement of marked properties in a part of the document `tree`; the part
    /// must contain everything that it refers to.
    pub fn relax_part(self, part: &mut Value, tree: &Value) {
        let keyword = self.not_asked();
        if mentions(part, keyword) {
            relax(part, tree, keyword);
        }
    }
}

fn mentions(value: &Value, keyword: &str) -> bool {
    match value {
        Value::Object(object) => {
            object.get(keyword) == Some(&Value::Bool(true))
                || object.values().any(|v| mentions(v, keyword))
        }
        Value::Array(items) => items.iter().any(|item| mentions(item, keyword)),
        _ => false,
    }
}

fn relax(value: &mut Value, root: &Value, keyword: &str) {
    match value {
        Value::Object(object) => {
            if object.contains_key("required") || object.contains_key("allOf") {
                let mut marked = Marked {
                    root,
                    keyword,
                    names: Vec::new(),
                    seen: HashSet::new(),
                };
                marked.collect(object);
                drop_required(object, &marked.names);
            }
            object
                .values_mut()
                .for_each(|member| relax(member, root, keyword));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| relax(item, root, keyword)),
        _ => {}
    }
}

/// Collector of the names of marked properties, in an object itself and in its `allOf`.
struct Marked<'t> {
    root: &'t Value,
    keyword: &'t str,
    names: Vec<String>,
    /// References already followed, so that circles end.
    seen: HashSet<String>,
}

impl Marked<'_> {
    fn collect(&mut self, object: &Map<String, Value>) {
        let is_marked = |schema: &Value| schema.get(self.keyword) == Some(&Value::Bool(true));
        for (name, property) in object
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let target = resolve(self.root, property, "").map(|end| end.value);
            if is_marked(property) || target.is_ok_and(is_marked) {
                self.names.push(name.clone());
            }
        }
        for branch in object
            .get("allOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let reference = branch.get("$ref").and_then(Value::as_str);
            if reference.is_some_and(|reference| !self.seen.insert(reference.to_owned())) {
                continue;
            }
            if let Ok(end) = resolve(self.root, branch, "")
                && let Some(branch) = end.value.as_object()
            {
                self.collect(branch);
            }
        }
    }
}

fn drop_required(object: &mut Map<String, Value>, marked: &[String]) {
    if marked.is_empty() {
        return;
    }
    if let Some(Value::Array(required)) = object.get_mut("required") {
        required.retain(|name| {
            !name
                .as_str()
                .is_some_and(|name| marked.iter().any(|m| m == name))
        });
    }
    for branch in object
        .get_mut("allOf")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(branch) = branch.as_object_mut() {
            drop_required(branch, marked);
        }
    }
}
