//! What a sandbox remembers: one atomic operation in, one reply out.

pub mod address;
pub mod coverage;
pub mod infer;
pub mod journal;
pub mod list;
pub mod memory;
mod order;
pub mod overrule;
pub mod place;
pub mod purpose;
pub mod resource;
pub mod sessions;
