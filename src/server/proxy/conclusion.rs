//! End of a forwarded exchange: judges both sides, and notes the exchange.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use crate::codec::message::Body;
use crate::server::control::forwarded::{JudgedForward, observed_exchange};
use crate::server::control::supplement::SupplementedList;
use crate::server::proxy::copy::{ContentCopy, SharedCopy, with};
use crate::server::proxy::exchange::ForwardedExchange;
use crate::server::shared::ConnectionState;
use crate::upstream::exchange::ObservedExchange;

/// Longest content that is judged on the thread of its connection, in bytes.
const SHORT: usize = 16 * 1024;

/// Work that is left when an answer of the real API has passed. It is done even if the client leaves
/// before the end.
pub(super) struct Conclusion {
    own: Arc<ConnectionState>,
    /// Exchange; taken when it is noted.
    exchange: Option<ForwardedExchange>,
    response: http::Response<()>,
    copy: SharedCopy,
}

impl Conclusion {
    pub(super) fn new(
        exchange: ForwardedExchange,
        own: &Arc<ConnectionState>,
        response: &http::Response<()>,
    ) -> Self {
        let share = own.shared.budget.share();
        Self {
            own: Arc::clone(own),
            exchange: Some(exchange),
            response: response.clone(),
            copy: Arc::new(Mutex::new(ContentCopy::new(own.limits.max_body, share))),
        }
    }

    /// Returns the copy of the answer.
    pub(super) fn copy(&self) -> SharedCopy {
        Arc::clone(&self.copy)
    }

    /// Judges the exchange, whose answer has come to its end.
    pub(super) async fn judge(&mut self) -> Option<(JudgedForward, Concluded)> {
        let exchange = self.exchange.take()?;
        let is_short = self.length(&exchange) <= SHORT;
        let is_quick = exchange
            .forwardable
            .operation
            .is_none_or(|index| exchange.control.paces.is_quick(index));
        let (response, copy) = (self.response.clone(), Arc::clone(&self.copy));
        let most = self.own.limits.max_body;
        let work = move || judge(exchange, response, &copy, most);
        if is_short && is_quick {
            return work();
        }
        let slot = Arc::clone(&self.own.shared.slots)
            .acquire_owned()
            .await
            .ok();
        let judged = tokio::task::spawn_blocking(move || {
            let judged = work();
            drop(slot);
            judged
        });
        judged.await.ok().flatten()
    }

    fn length(&self, exchange: &ForwardedExchange) -> usize {
        with(&self.copy, |copy| copy.length()) + with(&exchange.copy, |copy| copy.length())
    }

    /// Notes that the exchange is over, so that the connection may be idle.
    pub(super) fn settle(&self) {
        self.own.state.end(true, true);
    }
}

impl Drop for Conclusion {
    fn drop(&mut self) {
        let Some(exchange) = self.exchange.take() else {
            return;
        };
        self.settle();
        let (response, copy) = (self.response.clone(), Arc::clone(&self.copy));
        let most = self.own.limits.max_body;
        let work = move || {
            if let Some((judged, concluded)) = judge(exchange, response, &copy, most) {
                concluded.note(judged);
            }
        };
        // Without a runtime, the process ends.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(work);
        }
    }
}

/// Exchange that was judged, and is not noted yet.
pub(super) struct Concluded {
    exchange: ForwardedExchange,
    observed: ObservedExchange,
}

impl Concluded {
    /// Returns the list that the real API sent with the entities that the session wrote.
    pub(super) fn supplemented(&self) -> Option<SupplementedList> {
        let is_list = self.exchange.lists_written;
        is_list
            .then(|| self.exchange.control.supplemented(&self.observed))
            .flatten()
    }

    /// Notes the exchange in the log, the journal and the coverage; a long one on another thread.
    pub(super) fn note(self, judged: JudgedForward) {
        let contents = [self.observed.request.body(), self.observed.response.body()];
        let length: usize = contents.map(|body| body.bytes().len()).iter().sum();
        let control = Arc::clone(&self.exchange.control);
        let note = move || control.note_forward(judged, self.observed);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if length > SHORT => drop(runtime.spawn_blocking(note)),
            _ => note(),
        }
    }
}

/// Judges an exchange; `None` if that fails, which the log says.
fn judge(
    mut exchange: ForwardedExchange,
    response: http::Response<()>,
    copy: &SharedCopy,
    most: usize,
) -> Option<(JudgedForward, Concluded)> {
    let began = std::time::Instant::now();
    let judged = catch_unwind(AssertUnwindSafe(|| {
        let content: Body = with(&exchange.copy, |copy| copy.body());
        let request = exchange.forwardable.take(content);
        let response = response.map(|()| with(copy, |copy| copy.body()));
        let took = exchange.started.elapsed();
        let session = &exchange.forwardable.session;
        let observed = observed_exchange(session, request, response, took, most);
        let judged = exchange
            .control
            .judge_forward(&exchange.forwardable, &observed);
        (judged, observed)
    }));
    match judged {
        Ok((judged, observed)) => {
            if let Some(index) = exchange.forwardable.operation {
                exchange.control.paces.note(index, began.elapsed());
            }
            Some((judged, Concluded { exchange, observed }))
        }
        Err(_) => {
            tracing::error!("an exchange with the real API could not be judged");
            None
        }
    }
}
