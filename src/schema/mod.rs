//! Compiled schemas: validators that explain their errors, and trees that the generator can walk.
//!
//! The meaning of an error for a request is left to `validate` and `errors`. No other module uses
//! `jsonschema`.

mod bundle;
pub(crate) mod coercion;
mod compiling;
mod counted;
mod describe;
mod direction;
mod discriminator;
pub(crate) mod error;
mod evaluated;
mod explain;
mod format;
pub(crate) mod handover;
mod judging;
mod mend;
pub(crate) mod name;
pub(crate) mod outline;
mod own;
pub(crate) mod pattern;
mod satisfiable;
pub(crate) mod schemas;
pub(crate) mod unknown;
mod validity;
pub(crate) mod walk;

use serde_json::Value;

pub(crate) use crate::schema::schemas::{Declared, Demand, Examples, Schema, Schemas, standalone};

pub(crate) use crate::schema::direction::Direction;
pub(crate) use crate::schema::error::{SchemaError, cut, start_of};
pub(crate) use crate::schema::mend::SchemaFault;
pub(crate) use crate::schema::satisfiable::contradiction;

/// Maximum number of errors reported for one instance; a hostile one could have millions.
pub(crate) const MOST_ERRORS: usize = 100;

/// Returns the JSON Schema type of a value; `integer` for a number without a fraction.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
