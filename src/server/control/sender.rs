//! Sender of callbacks and webhooks: who may be called, and one attempt to call.
//!
//! `server::outgoing` sends requests with it, again where that is worth it, and notes them.
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Uri;
use http::uri::Authority;
use http_body_util::{BodyExt as _, Full, Limited};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Sandbox;
use crate::codec::message::Body;
use crate::exchange::outgoing::{OutgoingError, OutgoingRequest};
use crate::exchange::signed::{SecretError, SignatureScheme, sign};
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

/// Maximum number of sessions whose resets are remembered. Beyond it all are forgotten, and what waits
/// is sent.
const MOST_RESETS: usize = 16_384;

/// Receivers that requests are sent to (`--callbacks`, `--allow-callback`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutgoingPolicy {
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

/// Returns the receiver of a URL for people: its host and port, without a user and a password.
#[must_use]
pub(crate) fn receiver_of(url: &Uri) -> &str {
    let authority = url.authority().map_or("", Authority::as_str);
    authority.rsplit('@').next().unwrap_or_default()
}

/// Signs a request with the time of this moment, and a number that no other request has.
///
/// # Errors
///
/// [`SecretError`], if the scheme cannot use the secret.
pub(crate) fn sign_now(
    request: &mut http::Request<Bytes>,
    scheme: SignatureScheme,
    secret: &str,
) -> Result<(), SecretError> {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let id = format!("msg_{:x}", since.as_nanos());
    sign(request, scheme, secret, (&id, since.as_secs()))
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
    /// Number of the last reset of any session before them.
    pub after_reset: u64,
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
    /// Resets so far.
    resets: Mutex<Resets>,
}

/// Resets of sessions, counted over all of them.
#[derive(Debug, Default)]
struct Resets {
    /// Number of the last reset.
    last: u64,
    /// Number of the last reset of all sessions together.
    of_all: u64,
    /// Number of the last reset of each session.
    of_session: HashMap<String, u64>,
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

    fn resets(&self) -> MutexGuard<'_, Resets> {
        self.resets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops what waits in a session, or in all sessions.
    pub(crate) fn reset(&self, session: Option<&str>) {
        let mut resets = self.resets();
        resets.last += 1;
        let last = resets.last;
        let Some(session) = session else {
            resets.of_all = last;
            return;
        };
        if resets.of_session.len() >= MOST_RESETS {
            resets.of_session.clear();
        }
        resets.of_session.insert(session.to_owned(), last);
    }

    /// Returns the number of the last reset of any session.
    #[must_use]
    pub(crate) fn last_reset(&self) -> u64 {
        self.resets().last
    }

    /// Returns true if the session of these requests was reset after they were made.
    #[must_use]
    pub(crate) fn drops(&self, ready: &ReadyToSend) -> bool {
        let resets = self.resets();
        let own = resets.of_session.get(&ready.session).copied();
        own.unwrap_or_default().max(resets.of_all) > ready.after_reset
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
        let receiver = receiver_of(request.uri());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::outgoing::OutgoingOrigin;
    use crate::sandbox::Reading;

    fn ready(url: &str, size: usize, session: &str, sender: &Sender) -> ReadyToSend {
        let mut request = http::Request::new(Bytes::from(vec![b'x'; size]));
        *request.uri_mut() = url.parse().expect("is a URL");
        let settings = crate::exchange::Settings::default();
        ReadyToSend {
            sandbox: Arc::new(Sandbox::load(&[], None, &Reading::default(), settings)),
            session: session.to_owned(),
            requests: Arc::new([OutgoingRequest {
                origin: OutgoingOrigin::Webhook(0),
                inbox: None,
                request: Ok(request),
            }]),
            after_reset: sender.last_reset(),
            page: None,
        }
    }

    #[test]
    fn one_receiver_does_not_take_all_tasks() {
        let sender = Arc::new(Sender::new(OutgoingPolicy::default()));
        let one = ready("http://localhost:1/a", 1, "", &sender);
        let other = ready("http://localhost:2/a", 1, "", &sender);
        let taken: Vec<_> = (0..MOST_OF_ONE).map(|_| sender.task(&one)).collect();
        assert!(taken.iter().all(Option::is_some));
        assert!(sender.task(&one).is_none());
        assert!(sender.task(&other).is_some());
        drop(taken);
        assert!(sender.task(&one).is_some());
    }

    #[test]
    fn what_waits_has_a_bound_in_bytes() {
        let sender = Arc::new(Sender::new(OutgoingPolicy::default()));
        let half = ready("http://localhost:1/a", MOST_WAITING / 2 + 1, "", &sender);
        let first = sender.task(&half);
        assert!(first.is_some() && sender.task(&half).is_none());
        drop(first);
        assert!(sender.task(&half).is_some());
    }

    #[test]
    fn a_reset_drops_what_waits_in_its_session() {
        let sender = Sender::new(OutgoingPolicy::default());
        let (own, other) = ("a", "b");
        let before = ready("http://localhost/", 0, own, &sender);
        let of_other = ready("http://localhost/", 0, other, &sender);
        sender.reset(Some(own));
        assert!(sender.drops(&before) && !sender.drops(&of_other));
        assert!(!sender.drops(&ready("http://localhost/", 0, own, &sender)));
        sender.reset(None);
        assert!(sender.drops(&of_other));
    }

    #[test]
    fn only_this_machine_and_allowed_hosts_are_called() {
        let hosts = [
            "hooks.test",
            "10.0.0.7:8080",
            "[2001:db8::1]:80",
            "Shop.Test.",
        ];
        let hosts = hosts.map(|host| AllowedHost::parse(host).expect("is a host"));
        let policy = OutgoingPolicy {
            hosts: hosts.to_vec(),
            is_open: false,
        };
        let open = OutgoingPolicy {
            is_open: true,
            ..policy.clone()
        };
        let cases = [
            ("http://localhost:3000/", true, false),
            ("http://LOCALHOST./", true, false),
            ("http://127.9.9.9/", true, false),
            ("http://[::1]:1/", true, false),
            ("http://[::ffff:127.0.0.1]/", true, false),
            ("http://a.localhost/", false, false),
            ("http://localhost.evil.test/", false, false),
            ("http://0.0.0.0/", false, false),
            ("https://hooks.test/", true, true),
            ("http://hooks.test:99/", true, true),
            ("http://10.0.0.7:8080/", true, true),
            ("http://10.0.0.7/", false, false),
            ("http://[2001:db8::1]/", true, true),
            ("https://[2001:db8::1]/", false, false),
            ("http://shop.test/", true, true),
            ("http://user:hooks.test@evil.test/", false, false),
        ];
        for (url, allowed, allowed_open) in cases {
            let parsed = url.parse().expect("is a URL");
            let found = (policy.allows(&parsed), open.allows(&parsed));
            assert_eq!(found, (allowed, allowed_open), "{url}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "http://a",
            "a/b",
            "*.test",
            "a b",
            "u@a",
            "a:",
            "a:x",
            "10.0.0.0/8",
        ] {
            assert!(AllowedHost::parse(text).is_err(), "{text}");
        }
    }
}
