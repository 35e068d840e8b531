//! What a sandbox remembers: one atomic operation in, one reply out.

pub mod bases;
pub mod coverage;
pub mod journal;
pub mod memory;
pub mod redaction;
pub mod session;
pub mod sessions;
pub mod size;
