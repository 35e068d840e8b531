//! State that exchanges share: those of a connection, and all of them.
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::{Semaphore, watch};

use crate::server::activity::ConnectionActivity;
use crate::server::budget::Budget;
use crate::server::current::CurrentControl;
use crate::server::limits::{Limits, Phase};

/// State that all exchanges share.
pub(super) struct Shared {
    /// True once the server has been asked to stop.
    pub(super) is_last_call: AtomicBool,
    /// Memory of contents.
    pub(super) budget: Arc<Budget>,
    /// Slots for work that takes long.
    pub(super) slots: Arc<Semaphore>,
}

/// State that the exchanges of one connection use. Each connection has its own reference count; all
/// threads would contend for a shared one.
pub(super) struct ConnectionState {
    pub(super) control: Arc<CurrentControl>,
    pub(super) state: Arc<ConnectionActivity>,
    pub(super) shared: Arc<Shared>,
    pub(super) limits: Limits,
    pub(super) phase: watch::Receiver<Phase>,
}

/// Break of the connection that a fixture asks for.
#[derive(Debug, thiserror::Error)]
#[error("a fixture breaks the connection")]
pub(super) struct BrokenOff;
