//! State of a sandbox: an atomic step goes in, a reply comes out.

pub(crate) mod answered;
pub(crate) mod bases;
pub(crate) mod coverage;
pub(crate) mod error;
pub(crate) mod journal;
pub(crate) mod kept_violations;
pub(crate) mod memory;
mod patch;
pub(crate) mod posted;
pub(crate) mod redaction;
pub(crate) mod rings;
pub(crate) mod secret;
pub(crate) mod session;
pub(crate) mod sessions;
pub(crate) mod size;
pub(crate) mod snapshot;
pub(crate) mod stand_in;
