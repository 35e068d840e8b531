//! A compiled schema: a validator that explains, and a tree that the generator can walk.
//!
//! What an error means for a request is left to `exchange`. This room is the only one that names
//! `jsonschema`.

mod bundle;
pub mod coercion;
mod compiling;
mod counted;
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

pub use crate::schema::schemas::{Declared, Demand, Examples, Schema, Schemas, Uncompilable, standalone};

pub use crate::schema::direction::Direction;
pub use crate::schema::error::{SchemaError, cut, start_of};
pub use crate::schema::mend::SchemaFault;
pub use crate::schema::satisfiable::contradiction;

/// How many errors of one instance are told; a hostile one could have millions.
pub const MOST_ERRORS: usize = 100;
