//! Sender of callbacks and webhooks: who may be called, and one attempt to call.
//!
//! `server::outgoing` sends requests with it, again where that is worth it, and notes them.
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http_body_util::{BodyExt as _, Full, Limited};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Sandbox;
use crate::codec::message::Body;
use crate::exchange::outgoing::OutgoingRequest;
use crate::server::control::hosts::is_loopback;
use crate::upstream::client::{ForwardedContent, UpstreamClient};
use crate::upstream::error::UpstreamFailure;

/// Time for the head of a receiver's answer, and again for its content.
const PATIENCE: Duration = Duration::from_secs(10);

/// Maximum size of a receiver's answer in bytes; a larger one is not checked.
const MOST_ANSWER: usize = 1024 * 1024;

/// Maximum number of tasks that send or wait; further requests are not sent.
pub(crate) const MOST_TASKS: usize = 1000;

/// Maximum number of requests that are sent at once; others wait.
const MOST_AT_ONCE: usize = 64;

/// Receivers that requests are sent to (`--callbacks`, `--allow-callback`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutgoingPolicy {
    /// True if no callbacks and webhooks are sent.
    pub is_off: bool,
    /// Hosts that may be called beside those of this machine: `hooks.test`, `10.0.0.7:8080`.
    pub hosts: Vec<String>,
}

impl OutgoingPolicy {
    /// Returns true if a URL may be called: it leads to this machine, or to an allowed host.
    #[must_use]
    pub(crate) fn allows(&self, url: &Uri) -> bool {
        let Some(host) = url.host() else {
            return false;
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let with_port = url.port_u16().map(|port| format!("{host}:{port}"));
        let is_named = |allowed: &String| {
            let bare = allowed.trim_start_matches('[').trim_end_matches(']');
            bare.eq_ignore_ascii_case(host)
                || with_port
                    .as_ref()
                    .is_some_and(|own| allowed.eq_ignore_ascii_case(own))
        };
        is_loopback(host) || self.hosts.iter().any(is_named)
    }
}

/// Requests of one answer, ready to be sent; an extension of the answer.
#[derive(Debug, Clone)]
pub(crate) struct ReadyToSend {
    /// Sandbox whose contract describes the requests.
    pub sandbox: Arc<Sandbox>,
    /// Name of the session; empty for the unnamed one.
    pub session: String,
    /// Requests in the order in which they are sent.
    pub requests: Arc<[OutgoingRequest]>,
}

/// Reason why a receiver gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAnswered {
    #[error("there is no client for its scheme, the log says why")]
    NoClient,
    #[error("{0} did not answer within {PATIENCE:?}")]
    Late(String),
    #[error("{0}")]
    Failed(String),
    #[error("`{0}` is not this machine; `--allow-callback {0}` allows it")]
    NotAllowed(String),
}

/// Sender of callbacks and webhooks.
#[derive(Debug)]
pub(crate) struct Sender {
    policy: OutgoingPolicy,
    /// Clients without and with TLS, made when first needed.
    clients: [OnceLock<Option<UpstreamClient>>; 2],
    tasks: Arc<Semaphore>,
    at_once: Semaphore,
}

impl Sender {
    /// Creates a sender.
    #[must_use]
    pub(crate) fn new(policy: OutgoingPolicy) -> Self {
        Self {
            policy,
            clients: [OnceLock::new(), OnceLock::new()],
            tasks: Arc::new(Semaphore::new(MOST_TASKS)),
            at_once: Semaphore::new(MOST_AT_ONCE),
        }
    }

    /// Returns the receivers that requests are sent to.
    #[must_use]
    pub(crate) fn policy(&self) -> &OutgoingPolicy {
        &self.policy
    }

    /// Returns the permit for one more task; `None` if there are [`MOST_TASKS`].
    #[must_use]
    pub(crate) fn task(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.tasks).try_acquire_owned().ok()
    }

    fn client(&self, uses_tls: bool) -> Option<&UpstreamClient> {
        let client = self.clients[usize::from(uses_tls)].get_or_init(|| {
            let made = UpstreamClient::new(uses_tls, None, None);
            made.map_err(|error| tracing::error!(%error, "callbacks cannot be sent"))
                .ok()
        });
        client.as_ref()
    }

    /// Sends a request once, and returns the whole answer of the receiver.
    ///
    /// # Errors
    ///
    /// [`NotAnswered`], if there is no answer.
    pub(crate) async fn once(
        &self,
        request: &http::Request<Bytes>,
    ) -> Result<http::Response<Body>, NotAnswered> {
        let uses_tls = request.uri().scheme_str() == Some("https");
        let client = self.client(uses_tls).ok_or(NotAnswered::NoClient)?;
        let content = |bytes: Bytes| -> ForwardedContent {
            Full::new(bytes)
                .map_err(|never| match never {})
                .boxed_unsync()
        };
        let receiver = request
            .uri()
            .authority()
            .map_or("", http::uri::Authority::as_str);
        let failed = |failure: UpstreamFailure| match failure {
            UpstreamFailure::Late(_) => NotAnswered::Late(receiver.to_owned()),
            failure => NotAnswered::Failed(failure.problem(receiver).detail),
        };
        let _place = self.at_once.acquire().await;
        let sent = client.send(request.clone().map(content), false, PATIENCE);
        let (head, incoming) = sent.await.map_err(failed)?.into_parts();
        let read = tokio::time::timeout(PATIENCE, Limited::new(incoming, MOST_ANSWER).collect());
        let body = match read.await {
            Ok(Ok(collected)) => Body::Complete(collected.to_bytes()),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                Body::TooLarge(MOST_ANSWER)
            }
            Ok(Err(_)) | Err(_) => Body::Missing,
        };
        Ok(http::Response::from_parts(head, body))
    }
}
