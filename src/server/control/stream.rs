//! Clients that listen to the journal as it is written.
use std::sync::Arc;

use tokio::sync::broadcast;

use crate::state::journal::Entry;

/// What is said to who listens.
#[derive(Debug, Clone)]
pub enum JournalEvent {
    /// An exchange ended.
    Entry(Arc<Entry>),
    /// The server ends.
    End,
}

/// A response that goes on as long as the client listens: server-sent events of exchanges.
#[derive(Clone)]
pub struct JournalStream {
    /// Where they come from.
    pub entries: broadcast::Sender<JournalEvent>,
    /// The session that they must be of; any if none.
    pub session: Option<String>,
}
