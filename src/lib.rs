//! Standin stands in for an API that is described by OpenAPI documents: it checks every request
//! against them and answers as the API would, with the documented examples, with fixtures or with
//! values made from the schema, and, when the request is wrong, with the error that the API
//! documents, filled in with what is really wrong.
//!
//! # The rooms, bottom to top
//!
//! A folder is a room, which answers one question. Arrows (`use` lines) go down only; a test holds them to it.
//!
//! | room | the question that it answers |
//! |---|---|
//! | [`diagnostic`] | how do we speak to the author of a document? |
//! | [`document`] | what did the author write? files, URLs, Markdown pages → one tree; repairs, versions, references |
//! | [`schema`] | does a value fit a JSON Schema, and if not, why? |
//! | [`contract`] | what does the API promise? operations, parameters, responses, routes, fixtures |
//! | [`generate`] | a schema and a seed → a value that fits |
//! | [`codec`] | bytes ↔ values: media types, parameter styles, `Accept`, `Prefer`, content codings |
//! | [`validate`] | does a request keep the contract? → violations |
//! | [`state`] | what is remembered? sessions, collections, entities, journal, coverage |
//! | [`resource`] | which operation does what with which collection? |
//! | [`errors`] | violations → the API's own documented error |
//! | [`entity`] | a request → a step on a collection; its reply → the body of the response |
//! | [`exchange`] | one request → one response: plan, apply, finish; no socket, clock, lock or file |
//! | [`check`] | does a contract keep its own promises? |
//! | [`Sandbox`] | a loaded contract with its sessions: what command line, server and tests share |
//! | [`server`] | sockets, time, tasks; the control API |
//! | [`cli`], [`testing`] | what the user typed, and doing it; a sandbox for Rust tests |
//!
//! # The life of a document
//!
//! 1. [`document::load`] reads files and Markdown pages into trees that keep the author's order and positions.
//! 2. It repairs what real documents have wrong, upgrades OpenAPI 2.0 and 3.0 to one shape whose schemas are JSON
//!    Schema 2020-12, and links the files of a document to one tree.
//! 3. [`contract::assembly`] outlines the operations and routes of all documents as one [`contract::Contract`].
//! 4. [`contract::compile`] compiles an operation when it is first asked for, and [`schema`] a validator when it is
//!    first needed, from the part of the document that it leads to.
//!
//! # The life of a request
//!
//! 1. [`server`] reads it to its end, within the bounds of the command line.
//! 2. [`exchange::plan`] routes it, reads its inputs ([`codec::parameter`]) and content ([`codec::content`]).
//! 3. [`validate`] judges them; a wrong request is answered by [`errors`].
//! 4. [`exchange::negotiate`] chooses a response, media type and example; [`entity`] makes a step of the request.
//! 5. [`state::memory`] takes the step in the session, at once.
//! 6. [`exchange::finish()`] makes the response of the plan and the reply.
//!
//! # Errors in the API's own voice
//!
//! [`errors`] answers a wrong request with the error that the document shows. What can be
//! said of one violation is a [`Finding`](errors::finding::Finding). `reading` makes the
//! pattern of a body, once, of its examples (`about`: what they speak of; `leaf`: their texts; `phrase`:
//! sentences of the API's own) or of its schema (`shaping`); `catalogue` is what is known of how errors
//! are worded, as data; `body`, `words` and `slot` give the body that a pattern has for findings;
//! `voice` keeps the patterns, and chooses.
//!
//! # What is remembered
//!
//! [`resource`] says which operation does what with which collection ([`Role`](resource::Role)), when one of its
//! group is first asked for. Generated answers without state show the same entities. [`server::control`] shows and
//! changes sessions.
//!
//! # What holds everywhere
//!
//! - A document is never refused for one fault: what can be read is, and each repair, each thing
//!   that costs something, is a [`diagnostic::Diagnostic`] with its place.
//! - After [`document`] nobody asks for a version: schemas are JSON Schema 2020-12.
//! - A [`contract::Contract`] never changes. What is costly and may never be needed (the terms of an
//!   operation, a validator, a generated value) is built at its first use behind a `OnceLock`, from the
//!   part of the document that it needs ([`schema::Demand`]). The check at the start has a
//!   contract of its own, which is given back when it is over.
//! - [`exchange`] touches no socket, clock, lock or file: the same documents, fixtures, seed and
//!   request give the same bytes on every machine.
//! - It never accepts in silence: a reference that cannot be followed or a schema that cannot be compiled is
//!   reported, anything is allowed in its place, and answers of what uses it say so in `Standin-Warning`.

pub mod check;
pub mod cli;
pub mod codec;
pub mod contract;
pub mod diagnostic;
pub mod document;
pub mod entity;
pub mod errors;
pub mod exchange;
pub mod generate;
pub mod resource;
mod sandbox;
pub mod schema;
pub mod server;
pub mod state;
pub mod testing;
pub mod validate;

pub use crate::sandbox::{Reading, Sandbox};
