//! Visits every object of a document without changing it.
//!
//! `shape::each_object` is the counterpart that may change the tree.
use serde_json::Value;

use crate::document::shape::{Expect, Members, ObjectKind, field};
use crate::document::syntax::push;

/// Calls `look` with the kind, the value and the JSON Pointer of `value` and of every object below
/// it, innermost first.
///
/// Examples, defaults and extensions are data and not visited.
pub(crate) fn visit(
    kind: ObjectKind,
    value: &Value,
    pointer: &str,
    look: &mut dyn FnMut(ObjectKind, &Value, &str),
) {
    below(kind, value, &mut pointer.to_owned(), look);
}

fn below(
    kind: ObjectKind,
    value: &Value,
    at: &mut String,
    look: &mut dyn FnMut(ObjectKind, &Value, &str),
) {
    let members = kind.members();
    for (name, member) in value.as_object().into_iter().flatten() {
        let expect = match members {
            Members::Fields(_) if !member.is_object() && !member.is_array() => None,
            Members::Fields(fields) => field(fields, name),
            Members::Each(_) if name.starts_with("x-") => None,
            Members::Each(expect) => Some(expect),
        };
        if let Some(expect) = expect {
            let length = push(at, name);
            expected(expect, member, at, look);
            at.truncate(length);
        }
    }
    look(kind, value, at);
}

fn expected(
    expect: Expect,
    value: &Value,
    at: &mut String,
    look: &mut dyn FnMut(ObjectKind, &Value, &str),
) {
    match (expect, value) {
        (Expect::Object(kind), _) => below(kind, value, at, look),
        (Expect::List(kind), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                let length = push(at, &index.to_string());
                below(kind, item, at, look);
                at.truncate(length);
            }
        }
        (Expect::Map(kind), Value::Object(map)) => {
            for (name, member) in map {
                let length = push(at, name);
                below(kind, member, at, look);
                at.truncate(length);
            }
        }
        _ => {}
    }
}
