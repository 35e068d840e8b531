//! Clients that listen to the journal while it is written.
use std::sync::Arc;

use tokio::sync::broadcast;

use crate::state::journal::Entry;

/// Event for clients that listen to the journal.
#[derive(Debug, Clone)]
pub(crate) enum JournalEvent {
    /// An exchange ended.
    Entry(Arc<Entry>),
    /// The server ends.
    End,
}

/// Response that lasts as long as the client listens: server-sent events of exchanges.
#[derive(Clone)]
pub(crate) struct JournalStream {
    /// Sender to subscribe to.
    pub entries: broadcast::Sender<JournalEvent>,
    /// Session whose exchanges are sent; `None` for all sessions.
    pub session: Option<String>,
}
