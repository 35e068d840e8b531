//! The control API that new exchanges use; a reload replaces it, and exchanges in flight keep the
//! one that they began with.
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use serde_json::Value;

use crate::Sandbox;
use crate::server::control::Control;
use crate::server::control::hook::ReloadFunction;

/// Control API of the current sandbox.
#[derive(Debug)]
pub struct CurrentControl {
    control: ArcSwap<Control>,
}

impl CurrentControl {
    /// Creates the holder of a control API.
    #[must_use]
    pub fn new(control: Arc<Control>) -> Self {
        Self {
            control: ArcSwap::new(control),
        }
    }

    /// Returns the control API for one exchange.
    #[must_use]
    pub fn load(&self) -> Guard<Arc<Control>> {
        self.control.load()
    }

    /// Replaces the sandbox; sessions, journals and counts go on.
    pub(crate) fn replace(&self, sandbox: Arc<Sandbox>) {
        let next = self.load().succeeding(sandbox);
        self.control.store(Arc::new(next));
    }

    /// Sets the function that `POST /_standin/reload` calls. Only the first call counts.
    pub(crate) fn reload_with(
        &self,
        reload: impl Fn() -> Result<Value, String> + Send + Sync + 'static,
    ) {
        self.load().set_reload(ReloadFunction(Box::new(reload)));
    }

    /// Sends an event to all listeners: the documents were loaded again.
    pub(crate) fn tell_reload(&self, report: Value) {
        self.load().tell_reload(report);
    }

    /// Ends the event streams of all listeners, because the server ends.
    pub fn end(&self) {
        self.load().end();
    }
}
