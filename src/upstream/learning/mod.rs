//! Errors of the real API → its voice, as a fixture file with the section `errors`.
//!
//! [`Learner`](learner::Learner) collects the errors of wrong requests and writes the file. `observation`
//! reads an error with the rule that the request breaks, `view` parts an error about several rules,
//! `text` and `template` make templates of texts and bodies, `voice` joins those of all rules, `scope`
//! joins operations, and `proof` answers the requests again to see that the file proves true.

mod field;
pub(crate) mod learner;
mod observation;
pub(crate) mod proof;
mod scope;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod view;
mod voice;
