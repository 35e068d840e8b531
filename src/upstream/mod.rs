//! The real API beside the sandbox: what is known of its exchanges.
//!
//! An [`ObservedExchange`](exchange::ObservedExchange) is one request to the real API with its response;
//! [`judge`](judging::judge) compares it with the contract.

pub(crate) mod address;
pub(crate) mod archive;
pub(crate) mod choice;
pub(crate) mod client;
mod connection;
pub(crate) mod drift;
pub(crate) mod drift_observer;
pub(crate) mod error;
pub(crate) mod exchange;
pub(crate) mod fields;
pub(crate) mod gateway;
pub(crate) mod har_observer;
pub(crate) mod judging;
pub(crate) mod learning;
pub(crate) mod observers;
mod queue;
pub(crate) mod recording;
pub(crate) mod servers;
