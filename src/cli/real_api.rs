//! Real API of a proxy, as `standin proxy` hands it to the server.
use std::sync::Arc;

use crate::cli::drift_report::DriftTarget;
use crate::upstream::gateway::Upstream;

/// Real API of a proxy, and the reports about its drift at the end.
#[derive(Debug)]
pub(super) struct RealApi {
    pub upstream: Arc<Upstream>,
    pub drift: Vec<DriftTarget>,
}
