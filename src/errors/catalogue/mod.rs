//! Knowledge about error wording, as data: sentences of families, meanings of words in codes,
//! roles of members of error bodies.

pub(crate) mod code;
pub(crate) mod idiom;
pub(crate) mod known;
pub(crate) mod matching;
mod parse;
pub(crate) mod role;
