//! HTTP Archive 1.2: files of browsers and proxies.

pub(super) mod body;
pub(super) mod entry;
pub(crate) mod writer;
mod written;
