//! State of a sandbox: an atomic step goes in, a reply comes out.

pub mod bases;
pub mod coverage;
pub mod journal;
pub mod memory;
pub mod redaction;
pub mod rings;
pub mod session;
pub mod sessions;
pub mod size;
