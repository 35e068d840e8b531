//! Drift: what does the real API do that its document does not have, and what of the document never
//! comes?
//!
//! [`Observations`](observations::Observations) keep what is needed of each exchange: `observe` walks the
//! content beside its [`description`], and adds the `violation`s. `came` and `never` make
//! [findings](finding::Finding) of them, [`report`] writes these, and [`overlay`] repairs the document.

mod address;
pub(crate) mod batch;
mod bounded;
mod came;
mod description;
mod dialect;
pub(crate) mod finding;
pub(crate) mod findings;
mod header;
pub(crate) mod kind;
mod never;
pub(crate) mod observations;
mod observe;
pub(crate) mod overlay;
mod place;
mod record;
mod repair;
pub(crate) mod report;
mod shape;
mod unknown;
mod violation;
mod walk;

#[cfg(test)]
mod tests;

#[cfg(test)]
mod corpus;
