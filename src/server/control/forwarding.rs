//! Real API of a proxy, and the program that answers each operation.
use std::sync::Arc;

use crate::contract::Contract;
use crate::upstream::choice::Responders;
use crate::upstream::gateway::Upstream;
use crate::upstream::servers::OwnServers;

/// Real API of a proxy, and who answers each operation.
#[derive(Debug)]
pub(super) struct Forwarding {
    pub(super) upstream: Arc<Upstream>,
    pub(super) responders: Responders,
    pub(super) servers: OwnServers,
}

impl Forwarding {
    /// Creates the choice for a contract. Keys that name no operation, as after a reload, are reported
    /// in the log.
    pub(super) fn new(upstream: Arc<Upstream>, contract: &Contract) -> Self {
        let (responders, unknown) = upstream.settings.rules.responders(contract);
        for key in unknown {
            tracing::warn!("`--real` or `--sandbox`: {key}");
        }
        let servers = upstream.servers(contract);
        Self {
            upstream,
            responders,
            servers,
        }
    }

    /// Returns the same for another contract; the drift begins anew if the documents are others.
    pub(super) fn succeeding(&self, contract: &Contract) -> Self {
        self.upstream.observers.begin_anew(contract);
        Self::new(Arc::clone(&self.upstream), contract)
    }
}
