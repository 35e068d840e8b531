//! Bytes ↔ values: media types, parameter styles, `Accept`, `Prefer`, content codings and header
//! fields.

pub mod accept;
pub mod coding;
pub mod collection;
pub mod compression;
pub mod content;
pub mod cors;
pub mod message;
pub mod parameter;
pub mod preference;
pub mod style;
pub mod text;
