//! Exchange with the real API that is going on.
use std::sync::Arc;
use std::time::Instant;

use http::HeaderMap;
use http::header::ORIGIN;

use crate::server::control::Control;
use crate::server::control::forwarded::Forwardable;
use crate::server::proxy::copy::SharedCopy;
use crate::upstream::address::UpstreamAddress;
use crate::upstream::gateway::Upstream;

/// Request that the real API answers.
pub(super) struct ForwardedExchange {
    pub(super) control: Arc<Control>,
    pub(super) upstream: Arc<Upstream>,
    pub(super) forwardable: Forwardable,
    pub(super) copy: SharedCopy,
    pub(super) started: Instant,
    /// True if entities of the sandbox belong to the list that is requested.
    pub(super) lists_written: bool,
}

impl ForwardedExchange {
    /// Returns the address that the request is forwarded to.
    pub(super) fn address(&self) -> &UpstreamAddress {
        let operation = self.forwardable.operation;
        self.control.upstream_address(&self.upstream, operation)
    }

    /// Returns the `Origin` of the request, which says what page may read the answer.
    pub(super) fn page_request(&self) -> HeaderMap {
        let origin = self.forwardable.head.headers().get(ORIGIN);
        let origin = origin.map(|origin| (ORIGIN, origin.clone()));
        origin.into_iter().collect()
    }
}
