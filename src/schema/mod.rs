//! Compiled schemas: validators that explain their errors, and trees that the generator can walk.
//!
//! The meaning of an error for a request is left to `validate` and `errors`. No other module uses
//! `jsonschema`.

mod bundle;
pub mod coercion;
mod compiling;
mod counted;
mod describe;
mod direction;
mod discriminator;
pub mod error;
mod evaluated;
mod explain;
mod format;
pub mod handover;
mod judging;
mod mend;
pub mod name;
mod own;
pub mod pattern;
mod satisfiable;
pub(crate) mod schemas;
pub mod unknown;
mod validity;
pub mod walk;

use serde_json::Value;

pub use crate::schema::schemas::{
    Declared, Demand, Examples, Schema, Schemas, Uncompilable, standalone,
};

pub use crate::schema::direction::Direction;
pub use crate::schema::error::{SchemaError, cut, start_of};
pub use crate::schema::mend::SchemaFault;
pub use crate::schema::satisfiable::contradiction;

/// Maximum number of errors reported for one instance; a hostile one could have millions.
pub const MOST_ERRORS: usize = 100;

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
