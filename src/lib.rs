//! Standin is a sandbox API server that is generated from OpenAPI documents. It validates every request, and
//! answers with documented examples, fixtures, what it remembers, or values generated from the schema by a
//! seed. A wrong request gets the error that the document has for it, filled in with what is really wrong.
//!
//! # Serve documents in a test
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use standin::Sandbox;
//!
//! let text = r#"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/hi": {"get": {
//!     "operationId": "hi",
//!     "responses": {"200": {"description": "", "content": {"text/plain": {"example": "hello"}}}}}}}}"#;
//! let sandbox = Sandbox::builder().text("hi.json", text).start().await?;
//! let url = format!("{}/hi", sandbox.uri());
//! let body = tokio::task::spawn_blocking(move || ureq::get(url).call()?.body_mut().read_to_string()).await??;
//! assert_eq!(body, "hello");
//! sandbox.verify("hi", 1..=1)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! [`testing`] has the builder and the running sandbox. [`serve`] serves on a listener of your own.
//!
//! # Ask in process, without a socket
//!
//! ```
//! use standin::{Body, Input, Reading, Sandbox, Settings};
//!
//! let text = r#"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/hi": {"get": {
//!     "responses": {"200": {"description": "", "content": {"text/plain": {"example": "hello"}}}}}}}}"#;
//! let input = Input::Text { name: "hi.json".into(), text: text.into() };
//! let sandbox = Sandbox::load(&[input], None, &Reading::default(), Settings::default());
//! let request = http::Request::get("/hi").body(Body::Complete(Default::default()))?;
//! let (response, _report) = sandbox.answer(&request);
//! assert_eq!(response.body(), "hello");
//! # Ok::<(), http::Error>(())
//! ```
//!
//! # Check a document
//!
//! ```
//! use standin::{Input, Reading, Sandbox, Settings, Severity};
//!
//! let text = "openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths: {/hi: {gte: {}}}\n";
//! let input = Input::Text { name: "hi.yaml".into(), text: text.into() };
//! let sandbox = Sandbox::load(&[input], None, &Reading::default(), Settings::default());
//! let found = sandbox.diagnostics();
//! assert!(found.iter().any(|diagnostic| diagnostic.render().contains("hi.yaml:3")));
//! assert!(found.iter().any(|diagnostic| diagnostic.severity() == Severity::Warning));
//! ```
//!
//! # The modules, bottom to top
//!
//! A folder is a module that answers one question. A module uses only those above it in this table, and no
//! two files use each other; `tests/architecture.rs` checks both.
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
//! | [`upstream`] | the real API: what its exchanges say, and what they break |
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
//! 5. [`server::reload`] loads the documents again when [`server::watcher`] sees a change. A new [`Sandbox`] with the
//!    same sessions replaces the old one in [`server::current`]; exchanges in flight keep theirs.
//!
//! # The life of a request
//!
//! 1. [`server`] reads it to its end, within the bounds of the command line.
//! 2. [`exchange::plan()`] routes it, reads its inputs ([`codec::parameter`]) and content ([`codec::content`]).
//! 3. [`validate`] judges them; a wrong request is answered by [`errors`].
//! 4. `exchange::staging` finds the fixtures that apply, [`exchange::negotiate`] chooses a response, media type and
//!    example; [`entity`] makes a step of the request.
//! 5. [`state::memory`] takes the step in the session, at once.
//! 6. [`exchange::finish()`] makes the response of the plan and the reply; `exchange::applied_fixture` changes its
//!    details.
//!
//! # Errors in the API's own voice
//!
//! [`errors`] answers a wrong request with the error that the document shows. What can be
//! said of one violation is a [`Finding`](errors::finding::Finding). `reading` makes the
//! pattern of a body, once, of its examples (`about`: what they speak of; `leaf`: their texts; `phrase`:
//! sentences of the API's own) or of its schema (`shaping`); `catalogue` is what is known of how errors
//! are worded, as data; `body`, `words` and `slot` give the body that a pattern has for findings;
//! `templates` keeps the patterns and chooses among them.
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
//! - A [`contract::Contract`] never changes. What is costly and may never be needed (an operation,
//!   a validator, a generated value) is built at its first use behind a `OnceLock`, from the
//!   part of the document that it needs ([`schema::Demand`]). The check at the start has a
//!   contract of its own, which is given back when it is over.
//! - [`exchange`] touches no socket, clock, lock or file: the same documents, fixtures, seed and
//!   request give the same bytes on every machine.
//! - It never accepts in silence: a reference that cannot be followed or a schema that cannot be compiled is
//!   reported, anything is allowed in its place, and answers of what uses it say so in `Standin-Warning`.

#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(
    test,
    allow(clippy::print_stdout, reason = "tests tell what they measured")
)]

mod check;
pub mod cli;
mod codec;
mod contract;
mod diagnostic;
mod document;
mod entity;
mod errors;
mod exchange;
mod generate;
mod resource;
mod sandbox;
mod schema;
mod server;
mod state;
pub mod testing;

mod upstream;
mod validate;

pub use crate::codec::message::{Body, Request, Response};
pub use crate::diagnostic::{Code, Diagnostic, Severity};
pub use crate::document::Input;
pub use crate::exchange::plan::Report;
pub use crate::exchange::settings::Settings;
pub use crate::generate::{AdditionalProperties, GenerateOptions};
pub use crate::sandbox::{Reading, Sandbox};
pub use crate::server::run as serve;

/// Parts that the tests and benchmarks of this project look into. They may change at any time.
#[doc(hidden)]
pub mod internals {
    pub use crate::codec::accept::Accept;
    pub use crate::codec::coding::{Coding, encode};
    pub use crate::codec::compression::plain;
    pub use crate::codec::parameter::Inputs;
    pub use crate::contract::media::MediaRange;
    pub use crate::contract::operation::Operation;
    pub use crate::contract::route::Routed;
    pub use crate::contract::terms::{DocumentedResponse, Location, MediaType, StatusPattern};
    pub use crate::document::{data_text, fixture_text};
    pub use crate::errors::problem;
    pub use crate::exchange::sample;
    pub use crate::exchange::settings::{ContentLimit, StateMode, Validation};
    pub use crate::generate::generate;
    pub use crate::resource::place::{self, Slot};
    pub use crate::resource::role::{Act, KeyFrom, Role};
    pub use crate::schema::name::{NameForm, folded};
    pub use crate::schema::schemas::{Examples, Schema};
    pub use crate::server::control::{Control, Options};
    pub use crate::server::current::CurrentControl;
    pub use crate::server::{Limits, run_with};
    pub use crate::validate::{receive, violations};
}
