//! Sender of callbacks and webhooks: who may be called, and one attempt to call.
//!
//! `server::outgoing` sends requests with it, again where that is worth it, and notes them.
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http::uri::Authority;
use http_body_util::{BodyExt as _, Full, Limited};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Sandbox;
use crate::codec::message::Body;
use crate::exchange::outgoing::{OutgoingError, OutgoingRequest};
use crate::upstream::client::{ForwardedContent, UpstreamClient};
use crate::upstream::error::UpstreamFailure;

/// Time for the head of a receiver's answer, and again for its content.
const PATIENCE: Duration = Duration::from_secs(10);

/// Maximum size of a receiver's answer in bytes; a larger one is not checked.
const MOST_ANSWER: usize = 1024 * 1024;

/// Maximum number of answers whose callbacks are sent or wait; those of further ones are not sent.
const MOST_TASKS: usize = 1000;

/// Maximum number of these whose first receiver is the same: one that hangs does not keep others
/// waiting.
const MOST_OF_ONE: usize = 250;

/// Maximum size of all contents that wait, in bytes; further requests are not sent.
const MOST_WAITING: usize = 64 * 1024 * 1024;

/// Maximum number of sessions whose resets are remembered; older ones are forgotten.
const MOST_RESETS: usize = 16_384;

/// Receivers that requests are sent to (`--callbacks`, `--allow-callback`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutgoingPolicy {
    /// True if no callbacks and webhooks are sent.
    pub is_off: bool,
    /// Hosts that may be called beside those of this machine: `hooks.test`, `10.0.0.7:8080`.
    pub hosts: Vec<AllowedHost>,
    /// True if other machines reach the sandbox: they must not reach this one through it, unless it
    /// is an allowed host.
    pub is_open: bool,
}

/// Host that callbacks and webhooks may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost {
    host: String,
    port: Option<u16>,
}

/// Text that is no host.
#[derive(Debug, thiserror::Error)]
#[error("it is no host, expected one such as `hooks.test`, `10.0.0.7:8080` or `[::1]:8080`")]
pub struct NoHost;

impl AllowedHost {
    /// Reads a host, with or without a port.
    ///
    /// # Errors
    ///
    /// [`NoHost`], if the text is something else, such as a URL.
    pub fn parse(text: &str) -> Result<Self, NoHost> {
        let authority: Authority = text.parse().map_err(|_| NoHost)?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._[]:".contains(c);
        let is_host = !authority.host().is_empty() && authority.host().chars().all(is_plain);
        let has_port = text.len() > authority.host().len();
        if !is_host || text.contains('@') || has_port && authority.port_u16().is_none() {
            return Err(NoHost);
        }
        Ok(Self {
            host: host_name(authority.host()),
            port: authority.port_u16(),
        })
    }
}

/// Returns a host in lower case, without brackets and the dot of the root.
fn host_name(host: &str) -> String {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.trim_end_matches('.').to_ascii_lowercase()
}

impl OutgoingPolicy {
    /// Returns true if a URL may be called: it leads to this machine, or to an allowed host.
    #[must_use]
    pub(crate) fn allows(&self, url: &Uri) -> bool {
        let host = host_name(url.host().unwrap_or_default());
        let usual = match url.scheme_str() {
            Some("https") => 443,
            _ => 80,
        };
        let port = url.port_u16().unwrap_or(usual);
        let is_named = |allowed: &AllowedHost| {
            allowed.host == host && allowed.port.is_none_or(|allowed| allowed == port)
        };
        let is_loopback = match host.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().is_loopback(),
            // A resolver may lead names below it elsewhere.
            Err(_) => host == "localhost",
        };
        is_loopback && !self.is_open || self.hosts.iter().any(is_named)
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
    /// Number of resets of the session before them.
    pub resets: u64,
    /// Web page of another machine that caused them; they are not sent then.
    pub page: Option<String>,
}

impl ReadyToSend {
    fn size(&self) -> usize {
        let made = self
            .requests
            .iter()
            .filter_map(|one| one.request.as_ref().ok());
        made.map(|request| request.body().len()).sum()
    }

    /// Returns the receiver of the first request that does not go to an inbox.
    fn receiver(&self) -> Option<String> {
        let mut others = self.requests.iter().filter(|one| one.inbox.is_none());
        let first = others.find_map(|one| one.request.as_ref().ok());
        first.and_then(|request| Some(request.uri().authority()?.to_string()))
    }
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
    #[error(
        "{MOST_TASKS} others are not finished, {MOST_OF_ONE} of one receiver, or {MOST_WAITING} bytes of content"
    )]
    TooMany,
    #[error("the request came from the web page `{0}`, which is not of this machine")]
    ForeignPage(String),
    #[error(transparent)]
    NoRequest(#[from] OutgoingError),
}

/// Sender of callbacks and webhooks.
#[derive(Debug)]
pub(crate) struct Sender {
    policy: OutgoingPolicy,
    /// Clients without and with TLS, made when first needed.
    clients: [OnceLock<Option<UpstreamClient>>; 2],
    tasks: Arc<Semaphore>,
    /// Number of tasks of each receiver.
    receivers: Mutex<HashMap<String, usize>>,
    /// Size of all contents that wait, in bytes.
    waiting: AtomicUsize,
    /// Number of resets of each session, and of all sessions under the empty text.
    resets: Mutex<HashMap<String, u64>>,
}

/// Permit for a task; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct TaskPermit {
    sender: Arc<Sender>,
    receiver: Option<String>,
    size: usize,
    _task: OwnedSemaphorePermit,
}

impl Drop for TaskPermit {
    fn drop(&mut self) {
        self.sender.waiting.fetch_sub(self.size, Ordering::Relaxed);
        let Some(receiver) = &self.receiver else {
            return;
        };
        let receivers = self.sender.receivers.lock();
        let mut receivers = receivers.unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = receivers.get_mut(receiver) {
            *count -= 1;
            if *count == 0 {
                receivers.remove(receiver);
            }
        }
    }
}

impl Sender {
    /// Creates a sender.
    #[must_use]
    pub(crate) fn new(policy: OutgoingPolicy) -> Self {
        Self {
            policy,
            clients: [OnceLock::new(), OnceLock::new()],
            tasks: Arc::new(Semaphore::new(MOST_TASKS)),
            receivers: Mutex::default(),
            waiting: AtomicUsize::new(0),
            resets: Mutex::default(),
        }
    }

    /// Returns the receivers that requests are sent to.
    #[must_use]
    pub(crate) fn policy(&self) -> &OutgoingPolicy {
        &self.policy
    }

    /// Returns the permit to send the requests of one more answer; `None` if too many wait.
    #[must_use]
    pub(crate) fn task(self: &Arc<Self>, ready: &ReadyToSend) -> Option<TaskPermit> {
        let task = Arc::clone(&self.tasks).try_acquire_owned().ok()?;
        let (size, receiver) = (ready.size(), ready.receiver());
        if self.waiting.load(Ordering::Relaxed).saturating_add(size) > MOST_WAITING {
            return None;
        }
        if let Some(receiver) = &receiver {
            let receivers = self.receivers.lock();
            let mut receivers = receivers.unwrap_or_else(PoisonError::into_inner);
            let count = receivers.entry(receiver.clone()).or_default();
            if *count >= MOST_OF_ONE {
                return None;
            }
            *count += 1;
        }
        self.waiting.fetch_add(size, Ordering::Relaxed);
        Some(TaskPermit {
            sender: Arc::clone(self),
            receiver,
            size,
            _task: task,
        })
    }

    fn with_resets<R>(&self, run: impl FnOnce(&mut HashMap<String, u64>) -> R) -> R {
        run(&mut self.resets.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Drops what waits in a session, or in all sessions.
    pub(crate) fn reset(&self, session: Option<&str>) {
        self.with_resets(|resets| {
            if resets.len() >= MOST_RESETS {
                resets.clear();
            }
            let name = session.map_or_else(String::new, |session| format!("session {session}"));
            *resets.entry(name).or_default() += 1;
        });
    }

    /// Returns the number of resets of a session so far.
    #[must_use]
    pub(crate) fn resets(&self, session: &str) -> u64 {
        self.with_resets(|resets| {
            let count = |name: &str| resets.get(name).copied().unwrap_or_default();
            count("") + count(&format!("session {session}"))
        })
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
            UpstreamFailure::Certificate(why) => {
                NotAnswered::Failed(format!("the certificate of {receiver} was refused: {why}"))
            }
            failure => NotAnswered::Failed(failure.problem(receiver).detail),
        };
        let sent = client.send(request.clone().map(content), false, PATIENCE);
        let sent = tokio::time::timeout(PATIENCE, sent).await;
        let late = |_| NotAnswered::Late(receiver.to_owned());
        let (head, incoming) = sent.map_err(late)?.map_err(failed)?.into_parts();
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
