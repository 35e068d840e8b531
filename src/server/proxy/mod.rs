//! One request to `standin proxy`: forwards it to the real API, or lets the sandbox answer.
//!
//! 1. `Control::responder` chooses who answers; a choice by fixtures reads the content first.
//! 2. [`forward`] sends the request, whose content passes through as it comes.
//! 3. [`answer::answer`] sends the answer: held for a moment so that its violations are in its
//!    head, or as it comes.
//! 4. [`conclusion::Conclusion`] judges the exchange and notes it.

mod answer;
mod conclusion;
mod content;
mod copy;
mod exchange;
pub(super) mod tunnel;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use http::header::{
    CONTENT_LENGTH, EXPECT, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE, TRANSFER_ENCODING,
};
use http::request::Parts;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::ext::on_informational;
use hyper::upgrade::OnUpgrade;

use crate::codec::message::{Body, Request};
use crate::contract::simulation::Responder;
use crate::server::content::ReadFault;
use crate::server::control::Control;
use crate::server::message;
use crate::server::pace;
use crate::server::pace::Outgoing;
use crate::server::proxy::content::{
    CollectedContent, ContentGate, PassingContent, ReadContent, collect,
};
use crate::server::proxy::copy::{ContentCopy, with};
use crate::server::proxy::exchange::ForwardedExchange;
use crate::server::shared::{BrokenOff, ConnectionState};
use crate::state::answered::FallbackReason;
use crate::upstream::client::ForwardedContent;
use crate::upstream::error::UpstreamFailure;
use crate::upstream::gateway::{Judging, Upstream};

/// Outcome of an attempt to forward a request.
pub(super) enum Forwarding {
    /// Answer for the client.
    Done(Result<http::Response<Outgoing>, BrokenOff>),
    /// The sandbox answers this request.
    ToSandbox(http::Request<Incoming>),
    /// The sandbox answers this request, whose content was read.
    ToSandboxRead(Request),
    /// The content could not be read.
    Unreadable(Parts, ReadFault),
}

/// Forwards a request, or returns it for the sandbox.
pub(super) async fn answer_request(
    own: &Arc<ConnectionState>,
    request: http::Request<Incoming>,
    control: Arc<Control>,
    upstream: Arc<Upstream>,
) -> Forwarding {
    let started = Instant::now();
    let (head, incoming) = request.into_parts();
    if let Some(problem) = message::refused(&head) {
        return Forwarding::Unreadable(head, ReadFault::Refused(problem));
    }
    let Some(forwardable) = control.forwardable(&head) else {
        return Forwarding::ToSandbox(http::Request::from_parts(head, incoming));
    };
    let responder = control.responder(&forwardable);
    if responder == Some(Responder::Sandbox) {
        return Forwarding::ToSandbox(http::Request::from_parts(head, incoming));
    }
    let limits = own.limits;
    let copy = ContentCopy::new(limits.max_body, own.shared.budget.share());
    let lists_written = control.lists_written(&forwardable);
    let exchange = ForwardedExchange {
        control,
        upstream,
        forwardable,
        copy: Arc::new(Mutex::new(copy)),
        started,
        lists_written,
        answered_early: None,
    };
    let refuses = exchange.upstream.settings.requests == Judging::Refuse;
    let passing = |first, incoming| {
        let copy = Arc::clone(&exchange.copy);
        PassingContent::new(first, incoming, copy, limits.body_timeout)
    };
    if responder == Some(Responder::Real) && !refuses && !exchange.may_fall_back() {
        let content = passing(VecDeque::new(), incoming);
        if !head.headers.contains_key(EXPECT) {
            return Box::pin(forward(own, head, content.boxed_unsync(), None, exchange)).await;
        }
        let (content, gate) = content.gated();
        return Box::pin(forward(
            own,
            head,
            content.boxed_unsync(),
            Some(gate),
            exchange,
        ))
        .await;
    }
    let content = match collect(incoming, &exchange.copy, limits.body_timeout).await {
        Ok(CollectedContent::Whole(content)) => content,
        Ok(CollectedContent::Beginning(..)) if refuses => {
            let body = with(&exchange.copy, |copy| copy.body());
            if let Body::TooLarge(_) = body {
                return Forwarding::ToSandboxRead(http::Request::from_parts(head, body));
            }
            let fault = ReadFault::NoRoom(limits.content_memory);
            return Forwarding::Unreadable(head, fault);
        }
        // Nothing that needs the content can be known.
        Ok(CollectedContent::Beginning(first, incoming)) => {
            let content = passing(first, incoming).boxed_unsync();
            return Box::pin(forward(own, head, content, None, exchange)).await;
        }
        Err(fault) => return Forwarding::Unreadable(head, fault),
    };
    if !is_forwarded(&exchange, responder, &content.bytes, refuses) {
        let body = Body::Complete(content.bytes);
        return Forwarding::ToSandboxRead(http::Request::from_parts(head, body));
    }
    let has_length =
        head.headers.contains_key(CONTENT_LENGTH) && !head.headers.contains_key(TRANSFER_ENCODING);
    let content = ReadContent::new(content, has_length).boxed_unsync();
    Box::pin(forward(own, head, content, None, exchange)).await
}

/// Returns true if a request whose content was read is forwarded, as its fixtures and `--errors` say.
fn is_forwarded(
    exchange: &ForwardedExchange,
    responder: Option<Responder>,
    content: &Bytes,
    refuses: bool,
) -> bool {
    let (control, forwardable) = (&exchange.control, &exchange.forwardable);
    if responder.is_some() && !refuses {
        return responder == Some(Responder::Real);
    }
    let request = forwardable.with(Body::Complete(content.clone()), control);
    let responder = responder.unwrap_or_else(|| {
        control.chosen_responder(&forwardable.session, forwardable.operation, &request)
    });
    responder == Responder::Real && !(refuses && control.has_faults(&request))
}

/// Sends a request to the real API; the answer of the sandbox replaces that of the real API where
/// `--fallback` says so.
async fn forward(
    own: &Arc<ConnectionState>,
    mut head: Parts,
    content: ForwardedContent,
    gate: Option<ContentGate>,
    mut exchange: ForwardedExchange,
) -> Forwarding {
    let version = head.version;
    // The sandbox can answer only what is kept.
    let original = exchange.may_fall_back().then(|| head.clone());
    head.extensions.remove::<OnUpgrade>();
    if exchange.lists_written {
        // A part of the list, or none because it has not changed, would lack entities of the sandbox.
        for name in [IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_RANGE, RANGE] {
            head.headers.remove(name);
        }
    }
    let target = exchange.forwardable.target();
    let mut carrier = http::Request::from_parts(head, ());
    if let Some(gate) = gate.clone() {
        on_informational(&mut carrier, move |answer| {
            if answer.status() == http::StatusCode::CONTINUE {
                gate.open();
            }
        });
    }
    let (head, ()) = carrier.into_parts();
    let address = exchange.address();
    let target = if *address == exchange.upstream.address {
        target
    } else {
        address.without_base(target)
    };
    let sent = exchange.upstream.send(head, (address, &target), content);
    let sent = sent.await;
    exchange.answered_early = gate.map(|gate| gate.close());
    let reason = fallback_reason(&exchange, sent.as_ref().map(http::Response::status));
    if let Some(request) = for_sandbox(&exchange, reason, original.as_ref()) {
        return Forwarding::ToSandboxRead(request);
    }
    let (failure, exchange) = match sent {
        Ok(response) => match answer::answer(own, version, response, exchange).await {
            Ok(response) => return Forwarding::Done(Ok(response)),
            Err(failed) => failed,
        },
        Err(failure) => (failure, exchange),
    };
    let reason = fallback_reason(&exchange, Err(&failure));
    match for_sandbox(&exchange, reason, original.as_ref()) {
        Some(request) => Forwarding::ToSandboxRead(request),
        None => Forwarding::Done(Ok(failed(own, &failure, &exchange))),
    }
}

/// Returns the request for the sandbox, if there is a reason that it answers. Without the whole content of the
/// request it cannot.
fn for_sandbox(
    exchange: &ForwardedExchange,
    reason: Option<String>,
    original: Option<&Parts>,
) -> Option<Request> {
    let (reason, mut original) = (reason?, original?.clone());
    let body @ Body::Complete(_) = with(&exchange.copy, |copy| copy.body()) else {
        return None;
    };
    original.extensions.insert(FallbackReason(reason));
    Some(http::Request::from_parts(original, body))
}

/// Returns the reason why the sandbox answers for the real API; `None` if it does not.
fn fallback_reason(
    exchange: &ForwardedExchange,
    sent: Result<http::StatusCode, &UpstreamFailure>,
) -> Option<String> {
    let upstream = &exchange.upstream;
    match sent {
        Ok(status) => {
            let mut events = upstream.settings.fallback.iter();
            let takes = events.any(|event| event.takes(status));
            takes.then(|| format!("the real API answered with {}", status.as_u16()))
        }
        Err(failure) => {
            let reason = || failure.problem(&exchange.address().to_string()).detail;
            upstream.falls_back_on(failure).then(reason)
        }
    }
}

/// Returns the problem of a failure of the real API.
fn failed(
    own: &ConnectionState,
    failure: &UpstreamFailure,
    exchange: &ForwardedExchange,
) -> http::Response<Outgoing> {
    let problem = failure.problem(&exchange.address().to_string());
    let took = exchange.started.elapsed();
    let mut response = exchange
        .control
        .note_failure(&exchange.forwardable, &problem, took);
    let is_read = matches!(with(&exchange.copy, |copy| copy.body()), Body::Complete(_));
    exchange
        .control
        .permit_page(&exchange.page_request(), response.headers_mut());
    let response = response.map(pace::whole);
    own.state.end(is_read, true);
    response
}
