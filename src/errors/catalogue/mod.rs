//! What is known of how errors are worded, as data: the sentences of families, what words of codes say,
//! what members of error bodies are for.

pub mod code;
pub mod idiom;
pub mod matching;
pub mod role;
