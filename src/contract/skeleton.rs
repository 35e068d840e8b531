//! Copies an operation from the tree into the shape that `openapiv3` can deserialize.
use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use crate::document::ObjectKind;
use crate::document::reference::{UNKNOWN, resolve};
use crate::document::shape::{Expect, Members};
use crate::document::tree::join;

/// Extension that records the place of an object of the skeleton in the document.
pub(crate) const AT: &str = "x-at";

/// Returns an object with only the fields of the standard, and with its real place in the
/// document.
pub(crate) fn bones(tree: &Value, kind: ObjectKind, value: &Value, at: &str) -> Value {
    let mut object = Map::new();
    object.insert(AT.to_owned(), json!(at));
    let members = value.as_object().into_iter().flatten();
    for (name, member) in members.filter(|(name, _)| !name.starts_with("x-")) {
        let expect = match kind.members() {
            Members::Each(expect) => Some(expect),
            Members::Fields(fields) => fields
                .iter()
                .find(|(field, _)| field == name)
                .map(|(_, expect)| *expect),
        };
        // Headers of an Encoding Object are read from the tree, because they could refer back to
        // themselves.
        let is_left_out = matches!(
            name.as_str(),
            "examples" | "callbacks" | "servers" | "security"
        ) || kind == ObjectKind::Encoding && name == "headers";
        if let Some(expect) = expect
            && (!is_left_out || matches!(kind.members(), Members::Each(_)))
            && let Some(member) = bones_of(tree, expect, member, &join(at, name))
        {
            object.insert(name.clone(), member);
        }
    }
    Value::Object(object)
}

pub(crate) fn bones_of(tree: &Value, expect: Expect, value: &Value, at: &str) -> Option<Value> {
    match expect {
        Expect::Object(ObjectKind::Schema) => Some(json!({ "$ref": at })),
        Expect::Object(kind) => {
            // Unresolvable references were reported when the document was loaded.
            let end = resolve(tree, value, at).ok()?;
            if end.value.get(UNKNOWN).is_some()
                && !matches!(
                    kind,
                    ObjectKind::Response | ObjectKind::RequestBody | ObjectKind::MediaType
                )
            {
                return None;
            }
            Some(bones(tree, kind, end.value, &end.pointer))
        }
        Expect::List(kind) => {
            let items = value.as_array()?.iter().enumerate();
            let items = items.filter_map(|(index, item)| {
                bones_of(
                    tree,
                    Expect::Object(kind),
                    item,
                    &join(at, &index.to_string()),
                )
            });
            Some(Value::Array(items.collect()))
        }
        Expect::Map(kind) => {
            let members = value.as_object()?.iter();
            let members = members.filter_map(|(name, member)| {
                Some((
                    name.clone(),
                    bones_of(tree, Expect::Object(kind), member, &join(at, name))?,
                ))
            });
            Some(Value::Object(members.collect()))
        }
        // `openapiv3` does not know these words of OpenAPI 3.2; code that needs them reads the
        // tree.
        Expect::Word(words) if *value == "querystring" && words.contains(&"querystring") => {
            Some(json!("query"))
        }
        Expect::Word(words) if *value == "cookie" && words.contains(&"deepObject") => {
            Some(json!("form"))
        }
        _ => Some(value.clone()),
    }
}

/// Returns the place of an object of the skeleton in the document.
pub(crate) fn at_of(extensions: &IndexMap<String, Value>) -> &str {
    extensions
        .get(AT)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
