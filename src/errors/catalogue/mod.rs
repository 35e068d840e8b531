//! Knowledge about error wording, as data: sentences of families, meanings of words in codes,
//! roles of members of error bodies.

pub mod code;
pub mod idiom;
pub mod known;
pub mod matching;
mod parse;
pub mod role;
