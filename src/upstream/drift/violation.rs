//! Drifts of a violation: which part of the document does it contradict?
use std::rc::Rc;

use serde_json::{Map, Value};

use crate::document::syntax::{find, join, unescape};
use crate::schema::{self, SchemaError};
use crate::upstream::drift::description::{Description, Member};
use crate::upstream::drift::kind::DriftKind;
use crate::upstream::drift::walk::{InstancePlace, place_of};
use crate::validate::Violation;

/// Content that was judged.
pub(super) struct JudgedContent<'c, 't> {
    pub description: &'c Rc<Description<'t>>,
    pub value: &'c Value,
}

/// Contradiction of a violation with the document.
#[derive(Debug)]
pub(super) struct Contradiction {
    pub kind: DriftKind,
    /// JSON Pointer in the content, `*` for any item.
    pub at: String,
    /// Keyword, or the name of a missing or forbidden member.
    pub detail: String,
    /// JSON Pointer of the schema.
    pub pointer: String,
    /// Value that came.
    pub value: Value,
}

impl Contradiction {
    /// Returns the name of the member that it is about.
    pub(super) fn name(&self) -> String {
        let last = self.at.rsplit('/').find(|segment| *segment != "*");
        unescape(last.unwrap_or_default())
    }
}

/// Returns the kind of a violated keyword; `value` is the value that came.
pub(super) fn kind_of(keyword: &str, value: Option<&Value>) -> DriftKind {
    match keyword {
        "type" | "enum" | "const" | "anyOf" | "oneOf" if value == Some(&Value::Null) => {
            DriftKind::Null
        }
        "type" => DriftKind::OtherType,
        "enum" | "const" => DriftKind::EnumValue,
        "required" => DriftKind::MissingField,
        "format" => DriftKind::BrokenFormat,
        "additionalProperties" | "unevaluatedProperties" => DriftKind::Field,
        "anyOf" | "oneOf" | "not" | "schema" | "falseSchema" | "contains" | "dependentRequired"
        | "if" | "propertyNames" => DriftKind::OtherForm,
        "malformed" | "style" => DriftKind::UnreadableContent,
        _ => DriftKind::BrokenLimit,
    }
}

/// Returns the drifts of a violation of the content. A member that is not declared is left to the
/// walk, which finds it where it is allowed too.
pub(super) fn drifts(judged: &JudgedContent<'_, '_>, violation: &Violation) -> Vec<Contradiction> {
    let error = &violation.error;
    let value = find(judged.value, &error.pointer).unwrap_or(&Value::Null);
    let mut kind = kind_of(&error.keyword, Some(value));
    let place = place_of(judged.description, judged.value, &error.pointer);
    let property = error.operands.get("property").and_then(Value::as_str);
    if kind == DriftKind::Field {
        let member = value.as_object().zip(property).and_then(|(object, name)| {
            let here = place.description.as_ref()?.of_object(object);
            Some(here.member(name))
        });
        if matches!(member, Some(Member::Undeclared | Member::OfFreeForm)) {
            return Vec::new();
        }
        kind = DriftKind::OtherForm;
    }
    let mut value = value.clone();
    if kind == DriftKind::MissingField {
        value = without_content(&value);
    }
    let at = match property {
        Some(name) if kind == DriftKind::MissingField => join(&place.at, name),
        _ => place.at.clone(),
    };
    vec![Contradiction {
        kind,
        at,
        detail: detail(kind, error, &value),
        pointer: pointer_of(&place, kind, error, &value),
        value,
    }]
}

fn detail(kind: DriftKind, error: &SchemaError, value: &Value) -> String {
    match kind {
        DriftKind::MissingField => error
            .operands
            .get("property")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        DriftKind::OtherType => schema::kind_of(value).to_owned(),
        DriftKind::Null => String::new(),
        DriftKind::BrokenFormat => error
            .operands
            .get("format")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        _ => error.keyword.clone(),
    }
}

/// Returns the JSON Pointer of the schema that says what is contradicted: the one with the keyword.
fn pointer_of(
    place: &InstancePlace<'_>,
    kind: DriftKind,
    error: &SchemaError,
    value: &Value,
) -> String {
    let Some(description) = &place.description else {
        return String::new();
    };
    let own = description
        .own
        .first()
        .map(|(pointer, _)| pointer.clone())
        .unwrap_or_default();
    if kind == DriftKind::Null {
        return own;
    }
    let description = match value {
        Value::Object(object) => description.of_object(object),
        _ => Rc::clone(description),
    };
    let property = error.operands.get("property").and_then(Value::as_str);
    let mut having = description.with(&error.keyword);
    let found = having.find(|(_, operand)| match (kind, operand) {
        (DriftKind::MissingField, Value::Array(names)) => {
            names.iter().any(|name| name.as_str() == property)
        }
        (DriftKind::EnumValue, Value::Array(values)) => !values.contains(value),
        _ => true,
    });
    found.map_or(own, |(schema, _)| schema.pointer.clone())
}

/// Returns an object with the names of its members only, as a short excerpt.
fn without_content(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let names = object
                .keys()
                .take(20)
                .map(|name| (name.clone(), Value::from("…")));
            Value::Object(names.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}
