//! Bytes ↔ values: media types, parameter styles, `Accept`, `Prefer`, content codings and header
//! fields.

pub(crate) mod accept;
pub(crate) mod coding;
pub(crate) mod collection;
pub(crate) mod compression;
pub(crate) mod content;
pub(crate) mod cors;
pub(crate) mod events;
pub(crate) mod message;
pub(crate) mod parameter;
pub(crate) mod preference;
pub(crate) mod repeated;
pub(crate) mod style;
pub(crate) mod text;
pub(crate) mod trace;
pub(crate) mod yaml;
