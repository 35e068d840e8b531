//! What a sandbox remembers: one atomic operation in, one reply out.

pub mod address;
mod bases;
pub mod coverage;
pub mod infer;
pub mod journal;
pub mod list;
pub mod memory;
mod order;
pub mod overrule;
pub mod place;
pub mod purpose;
pub mod redaction;
pub mod resource;
pub mod sessions;
pub mod size;
pub mod world;
