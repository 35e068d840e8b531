//! Exchange with the real API that is going on.
use std::sync::Arc;
use std::time::Instant;

use http::HeaderMap;
use http::header::ORIGIN;

use crate::contract::simulation::Responder;
use crate::server::control::Control;
use crate::server::control::forwarded::Forwardable;
use crate::server::proxy::content::AnsweredEarly;
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
    /// Content of the request that the real API did not wait for.
    pub(super) answered_early: Option<AnsweredEarly>,
}

impl ForwardedExchange {
    /// Returns the address that the request is forwarded to.
    pub(super) fn address(&self) -> &UpstreamAddress {
        let operation = self.forwardable.operation;
        self.control.upstream_address(&self.upstream, operation)
    }

    /// Returns true if the sandbox may answer for the real API: not if the request asks for the real API itself.
    pub(super) fn may_fall_back(&self) -> bool {
        !self.upstream.settings.fallback.is_empty()
            && Control::preferred(&self.forwardable) != Some(Responder::Real)
    }

    /// Returns the `Origin` of the request, which says what page may read the answer.
    pub(super) fn page_request(&self) -> HeaderMap {
        let origin = self.forwardable.head.headers().get(ORIGIN);
        let origin = origin.map(|origin| (ORIGIN, origin.clone()));
        origin.into_iter().collect()
    }
}
