//! Files of recorded traffic: which exchanges does a file have, and how is one written?
//!
//! [`open`](open::read) recognizes HAR 1.2 (also inside of a zip, as Playwright writes it) and Postman
//! collections 2.0 and 2.1 by their content, and hands each exchange on as it is read, so that a file
//! is never in memory as a whole. [`gather`](gather::gather) finds the operations of the exchanges;
//! [`HarWriter`](har::writer::HarWriter) writes HAR.

mod attached;
pub(crate) mod bounds;
pub(crate) mod entry;
mod form;
pub(crate) mod gather;
pub(crate) mod har;
mod headers;
pub(crate) mod open;
pub(crate) mod place;
mod postman;
mod stream;
mod times;
mod url;

#[cfg(test)]
mod tests;
