//! Clients that listen to the journal while it is written.
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::broadcast;

use crate::state::journal::Entry;

/// Event for clients that listen to the journal.
#[derive(Debug, Clone)]
pub(crate) enum JournalEvent {
    /// An exchange ended.
    Entry(Arc<Entry>),
    /// The documents were loaded again; the report is that of `POST /_standin/reload`.
    Reload(Arc<Value>),
    /// The server ends.
    End,
}

/// Kinds of events that a client listens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventFilter {
    /// Exchanges only.
    Exchanges,
    /// Exchanges and reloads.
    All,
}

/// Response that lasts as long as the client listens: server-sent events of exchanges.
#[derive(Clone)]
pub(crate) struct JournalStream {
    /// Sender to subscribe to.
    pub entries: broadcast::Sender<JournalEvent>,
    /// Session whose exchanges are sent; `None` for all sessions.
    pub session: Option<String>,
    /// Kinds of events that are sent.
    pub filter: EventFilter,
}
