//! Replaces the parts of a schema that cannot be compiled.
//!
//! Each such part then allows anything; the rest is checked as it is written.
use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::document::reference::{UNKNOWN, local_pointer};
use crate::document::syntax::{find, join};
use crate::document::{Expect, Members, ObjectKind};

/// A part of a schema that cannot be compiled, so that anything is allowed in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaFault {
    /// Its place in the document, as a JSON Pointer.
    pub pointer: String,
    /// The message of the compiler.
    pub message: String,
}

impl SchemaFault {
    /// Returns the fault as a sentence, for the answers of operations that use the schema.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!("the schema at `#{}` cannot be compiled", self.pointer)
    }
}

/// Puts [`UNKNOWN`] in the place of each schema that cannot be compiled even without its
/// subschemas, among those at `pointers` and those they lead to, and returns the faults by
/// pointer. `fault_of` returns the reason why a schema without references cannot be compiled.
pub(super) fn mend(
    tree: &mut Value,
    pointers: &[String],
    fault_of: impl Fn(&Value) -> Option<String>,
) -> Vec<SchemaFault> {
    let mut open: Vec<String> = pointers.to_vec();
    let mut seen: HashSet<String> = HashSet::new();
    let mut faults = Vec::new();
    while let Some(pointer) = open.pop() {
        if !seen.insert(pointer.clone()) {
            continue;
        }
        let Some(schema) = find(tree, &pointer).and_then(Value::as_object) else {
            continue;
        };
        let (shallow, inner) = shallow(schema, &pointer);
        let references = ["$ref", "$dynamicRef"]
            .iter()
            .filter_map(|keyword| schema.get(*keyword)?.as_str());
        let (mut targets, mut lost) = (Vec::new(), None);
        for reference in references {
            match local_pointer(reference).filter(|target| find(tree, target).is_some()) {
                Some(target) => targets.push(target),
                None => lost = Some(format!("reference `{reference}` does not resolve")),
            }
        }
        let fault = lost.or_else(|| fault_of(&shallow));
        match fault {
            Some(message) => {
                if let Some(place) = tree.pointer_mut(&pointer) {
                    *place = json!({ UNKNOWN: message });
                }
                faults.push(SchemaFault { pointer, message });
            }
            None => {
                open.extend(inner);
                open.extend(targets);
            }
        }
    }
    faults.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    faults
}

/// Returns a schema with `true` in the place of each subschema, and the pointers of these.
fn shallow(schema: &Map<String, Value>, at: &str) -> (Value, Vec<String>) {
    let mut inner = Vec::new();
    let mut shallow = Map::new();
    for (keyword, value) in schema
        .iter()
        .filter(|(keyword, _)| !matches!(keyword.as_str(), "$ref" | "$dynamicRef"))
    {
        let at = join(at, keyword);
        let value = match (expected(keyword), value) {
            (Some(Expect::Object(_)), Value::Object(_)) => {
                inner.push(at);
                json!(true)
            }
            (Some(Expect::List(_)), Value::Array(items)) => {
                inner.extend((0..items.len()).map(|index| join(&at, &index.to_string())));
                items.iter().map(|_| json!(true)).collect()
            }
            (Some(Expect::Map(_)), Value::Object(members)) => {
                inner.extend(members.keys().map(|name| join(&at, name)));
                Value::Object(
                    members
                        .keys()
                        .map(|name| (name.clone(), json!(true)))
                        .collect(),
                )
            }
            _ => value.clone(),
        };
        shallow.insert(keyword.clone(), value);
    }
    (Value::Object(shallow), inner)
}

/// Returns the content that the document model expects in a keyword of a schema; none if it does
/// not list the keyword.
fn expected(keyword: &str) -> Option<Expect> {
    match ObjectKind::Schema.members() {
        Members::Fields(fields) => fields
            .iter()
            .find(|(field, _)| *field == keyword)
            .map(|(_, expect)| *expect),
        Members::Each(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_part_that_is_at_fault_is_lost() {
        let mut tree = json!({"a": {"required": ["n"], "properties": {
            "n": {"$ref": "#/b"}, "wrong": {"minLength": "x", "type": "string"}, "lost": {"$ref": "#/c"},
        }}, "b": {"type": "integer"}});
        let faults = mend(&mut tree, &["/a".to_owned()], |schema| {
            let is_wrong = schema.get("minLength").is_some_and(Value::is_string);
            is_wrong.then(|| "no number".to_owned())
        });
        let places: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(places, ["/a/properties/lost", "/a/properties/wrong"]);
        assert_eq!(tree["a"]["properties"]["n"], json!({"$ref": "#/b"}));
        assert!(tree["a"]["properties"]["wrong"].get(UNKNOWN).is_some());
    }
}
