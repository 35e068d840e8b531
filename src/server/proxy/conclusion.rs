//! End of a forwarded exchange: judges both sides, and notes the exchange.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use crate::codec::message::Body;
use crate::server::control::forwarded::{JudgedForward, observed_exchange};
use crate::server::control::supplement::ListSupplement;
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

    /// Judges the exchange, whose answer has come to its end. If the client leaves meanwhile, the exchange is
    /// judged and noted all the same.
    pub(super) async fn judge(&mut self) -> Option<JudgedExchange> {
        let exchange = self.exchange.as_ref()?;
        let is_short = self.length(exchange) <= SHORT;
        let is_quick = exchange
            .forwardable
            .operation
            .is_none_or(|index| exchange.control.paces.is_quick(index));
        if is_short && is_quick {
            return self.work()?();
        }
        let slot = Arc::clone(&self.own.shared.slots)
            .acquire_owned()
            .await
            .ok();
        let work = self.work()?;
        let judged = tokio::task::spawn_blocking(move || {
            let judged = work();
            drop(slot);
            judged
        });
        judged.await.ok().flatten()
    }

    /// Returns the work of judging the exchange; `None` if it was taken before.
    fn work(&mut self) -> Option<impl FnOnce() -> Option<JudgedExchange> + Send + 'static> {
        let exchange = self.exchange.take()?;
        let response = std::mem::take(&mut self.response);
        let (copy, own) = (Arc::clone(&self.copy), Arc::clone(&self.own));
        Some(move || judge(own, exchange, response, &copy))
    }

    fn length(&self, exchange: &ForwardedExchange) -> usize {
        with(&self.copy, |copy| copy.length()) + with(&exchange.copy, |copy| copy.length())
    }

    /// Returns the exchange, whose answer broke off before the client got anything of it.
    pub(super) fn broken_off(&mut self) -> Option<ForwardedExchange> {
        self.exchange.take()
    }

    /// Notes that the exchange is over, so that the connection may be idle.
    pub(super) fn settle(&self) {
        self.own.state.end(true, true);
    }
}

impl Drop for Conclusion {
    fn drop(&mut self) {
        let Some(work) = self.work() else { return };
        self.settle();
        // Without a runtime, the process ends.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(move || drop(work()));
        }
    }
}

/// Exchange that was judged. It is noted in the log, the journal and the coverage when this is dropped.
pub(super) struct JudgedExchange {
    pub(super) judged: JudgedForward,
    /// Exchange; taken when it is noted.
    ended: Option<(ForwardedExchange, ObservedExchange)>,
    /// The server does not end before the exchange is noted.
    own: Arc<ConnectionState>,
}

impl JudgedExchange {
    /// Returns the list that the real API sent with the entities that the session wrote.
    pub(super) fn supplemented(&self) -> Option<ListSupplement> {
        let (exchange, observed) = self.ended.as_ref()?;
        let is_list = exchange.lists_written;
        is_list
            .then(|| exchange.control.supplemented(observed))
            .flatten()
    }
}

impl Drop for JudgedExchange {
    /// Notes the exchange; a long one on another thread.
    fn drop(&mut self) {
        let Some((exchange, observed)) = self.ended.take() else {
            return;
        };
        let contents = [observed.request.body(), observed.response.body()];
        let length: usize = contents.map(|body| body.bytes().len()).iter().sum();
        let (judged, own) = (std::mem::take(&mut self.judged), Arc::clone(&self.own));
        let note = move || {
            exchange.control.note_forward(judged, observed);
            drop(own);
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if length > SHORT => drop(runtime.spawn_blocking(note)),
            _ => note(),
        }
    }
}

/// Judges an exchange; `None` if that fails, which the log says.
fn judge(
    own: Arc<ConnectionState>,
    mut exchange: ForwardedExchange,
    response: http::Response<()>,
    copy: &SharedCopy,
) -> Option<JudgedExchange> {
    let began = std::time::Instant::now();
    let most = own.limits.max_body;
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
    let Ok((judged, observed)) = judged else {
        tracing::error!("an exchange with the real API could not be judged");
        return None;
    };
    if let Some(index) = exchange.forwardable.operation {
        exchange.control.paces.note(index, began.elapsed());
    }
    Some(JudgedExchange {
        judged,
        ended: Some((exchange, observed)),
        own,
    })
}
