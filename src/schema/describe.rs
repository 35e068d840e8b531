//! Converts errors of `jsonschema` to the errors and the order in which they are listed.
use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::{Map, Value, json};

use crate::document::syntax::unescape;
use crate::schema::error::SchemaError;

/// Returns the index of a keyword among the members of a schema.
pub(crate) fn index_of(schema: &Map<String, Value>, keyword: &str) -> usize {
    schema.keys().position(|key| key == keyword).unwrap_or(0)
}

/// Returns the index of a member in an object, or of an item in an array.
pub(crate) fn member_index(value: &Value, name: &str) -> usize {
    value.as_object().map_or_else(
        || name.parse().unwrap_or(0),
        |object| index_of(object, name),
    )
}

/// Returns the position of a keyword below a schema by its path: `/dependentRequired/a`. The
/// position for `required` ends with the index of the missing name.
pub(crate) fn order_below(node: &Value, path: &str, kind: &ValidationErrorKind) -> Vec<usize> {
    let mut order = Vec::new();
    let mut at = Some(node);
    for segment in path.split('/').skip(1) {
        let name = unescape(segment);
        order.push(at.map_or(0, |value| member_index(value, &name)));
        at = at.and_then(|value| value.get(&name));
    }
    if let (ValidationErrorKind::Required { property }, Some(Value::Array(names))) = (kind, at) {
        order.push(names.iter().position(|name| name == property).unwrap_or(0));
    }
    order
}

pub(crate) fn type_names(kind: &TypeKind) -> Vec<String> {
    match kind {
        TypeKind::Single(name) => vec![name.to_string()],
        TypeKind::Multiple(names) => names.iter().map(|name| name.to_string()).collect(),
    }
}

/// Converts an error of the validator, about the value itself, to a [`SchemaError`].
pub(crate) fn describe(pointer: &str, error: &ValidationError<'_>) -> SchemaError {
    use ValidationErrorKind as Kind;
    let operands = match error.kind() {
        Kind::Required { property } => json!({ "property": property }),
        Kind::Type { kind } => json!({ "types": type_names(kind) }),
        Kind::Enum { options } => json!({ "values": &**options }),
        Kind::Constant { expected_value } => json!({ "value": &**expected_value }),
        Kind::Minimum { limit }
        | Kind::Maximum { limit }
        | Kind::ExclusiveMinimum { limit }
        | Kind::ExclusiveMaximum { limit } => json!({ "limit": limit }),
        Kind::MinLength { limit }
        | Kind::MaxLength { limit }
        | Kind::MinItems { limit }
        | Kind::MaxItems { limit }
        | Kind::MinProperties { limit }
        | Kind::MaxProperties { limit } => json!({ "limit": limit }),
        Kind::MultipleOf { multiple_of } => json!({ "limit": whole(multiple_of) }),
        Kind::Format { format } => json!({ "format": format }),
        _ => Value::Null,
    };
    SchemaError::new(pointer, error.kind().keyword(), operands)
}

/// Returns a number without a zero fraction: `5` and not `5.0`.
#[expect(
    clippy::cast_possible_truncation,
    reason = "it is whole and below 2^53"
)]
pub(crate) fn whole(limit: &Value) -> Value {
    let number = limit
        .as_f64()
        .filter(|number| number.fract() == 0.0 && number.abs() < 9e15);
    number.map_or_else(|| limit.clone(), |number| json!(number as i64))
}
