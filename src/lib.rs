//! Standin stands in for an API that is described by OpenAPI documents: it checks every request
//! against them and answers as the API would, with the documented examples, with fixtures or with
//! values made from the schema, and, when the request is wrong, with the error that the API
//! documents, filled in with what is really wrong.
//!
//! # The flow, which the folders show
//!
//! ```text
//! main.rs ─ cli/                   what the user typed, and what it means
//!    │
//!    ├── check.rs                  judges a contract without serving it
//!    ├── server/                   sockets, time, tasks
//!    │      ▼
//!    │   exchange/ ── state/       one request → one response (pure); what is remembered
//!    │      ▼
//!    │   contract/                 what the API promises (immutable once compiled)
//!    │      ▼
//!    │   document/                 what the author wrote (files, text)
//!    │      ▼
//!    └── diagnostic.rs             how we speak to people
//! ```
//!
//! Arrows go down only; a test reads the `use` lines and holds them to it. [`Sandbox`] stands
//! between the flow and who uses it: the command line, the server, a test.
//!
//! # Errors in the API's own voice
//!
//! `exchange::rejection` answers a wrong request with the error that the document shows. What can be
//! said of one violation is a [`Finding`](exchange::rejection::finding::Finding). `reading` makes the
//! pattern of a body, once, of its examples (`about`: what they speak of; `leaf`: their texts; `phrase`:
//! sentences of the API's own) or of its schema (`shaping`); `catalogue` is what is known of how errors
//! are worded, as data; `body`, `words` and `slot` give the body that a pattern has for findings;
//! `voice` keeps the patterns, and chooses.
//!
//! # What is remembered
//!
//! `state::infer` says which operation does what with which resource ([`Role`](state::resource::Role)), when one of its
//! group is first asked for. `exchange::remembered` makes a step of a request and a response of the reply;
//! [`state::memory`] takes the step in the world of a session, as one: `plan` → `apply` → `finish`. Generated answers
//! without state show the same entities. [`server::control`] shows and changes worlds; `testing` serves a sandbox to
//! Rust tests.
//!
//! # What holds everywhere
//!
//! - A document is never refused for one fault: what can be read is, and each repair, each thing
//!   that costs something, is a [`diagnostic::Diagnostic`] with its place.
//! - After [`document`] nobody asks for a version: schemas are JSON Schema 2020-12.
//! - A [`contract::Contract`] never changes. What is costly and may never be needed (the terms of an
//!   operation, a validator, a generated value) is built at its first use behind a `OnceLock`, from the
//!   part of the document that it needs ([`contract::schema::Demand`]). The check at the start has a
//!   contract of its own, which is given back when it is over.
//! - [`exchange`] touches no socket, clock, lock or file: the same documents, fixtures, seed and
//!   request give the same bytes on every machine.
//! - It never accepts in silence: a reference that cannot be followed or a schema that cannot be compiled is
//!   reported, anything is allowed in its place, and answers of what uses it say so in `Standin-Warning`.

pub mod check;
pub mod cli;
pub mod contract;
pub mod diagnostic;
pub mod document;
pub mod exchange;
mod sandbox;
pub mod server;
pub mod state;
pub mod testing;

pub use sandbox::{Reading, Sandbox};
