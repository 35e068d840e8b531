//! HTTP client of the proxy: connections to the real API, HTTP/1.1 or HTTP/2 as ALPN agrees.
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::upstream::connection::{RememberingConnector, was_closed_idle};
use crate::upstream::error::UpstreamFailure;

/// Content of a forwarded request.
pub(crate) type ForwardedContent = UnsyncBoxBody<Bytes, ContentError>;

/// Content that tells how far it is: the time for the answer begins when it was sent.
#[derive(Debug)]
struct TimedContent {
    content: ForwardedContent,
    /// Progress of a content that is not empty.
    progress: Option<Arc<SendProgress>>,
}

/// Progress of a content.
#[derive(Debug, Default)]
struct SendProgress {
    /// Number of frames that were sent.
    frames: AtomicU64,
    /// True while the client has not sent the next frame, for which it has a time of its own.
    waits_for_client: AtomicBool,
}

impl TimedContent {
    fn new(content: ForwardedContent) -> Self {
        let progress = (!content.is_end_stream()).then(Arc::default);
        Self { content, progress }
    }
}

impl Body for TimedContent {
    type Data = Bytes;
    type Error = ContentError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ContentError>>> {
        let polled = Pin::new(&mut self.content).poll_frame(context);
        if let Some(progress) = &self.progress {
            let waits = polled.is_pending();
            progress.waits_for_client.store(waits, Ordering::Relaxed);
            if !waits {
                progress.frames.fetch_add(1, Ordering::Relaxed);
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.content.size_hint()
    }
}

/// Error of the client whose request is forwarded.
pub(crate) type ContentError = Box<dyn std::error::Error + Send + Sync>;

/// Time to connect to one address of the real API.
const CONNECT: Duration = Duration::from_secs(10);

/// Time after which an idle connection is closed; common servers close theirs after 5 seconds, and a request
/// that is sent meanwhile would be lost.
const IDLE: Duration = Duration::from_secs(4);

/// Interval of pings on HTTP/2 connections, so that a dead one is noticed.
const PING: Duration = Duration::from_secs(20);

/// Longest header section of a response, in bytes.
const LONGEST_HEAD: usize = 1024 * 1024;

/// Most header fields of a response; each answer takes memory for so many.
const MOST_FIELDS: usize = 256;

/// Client that forwards requests.
#[derive(Debug)]
pub(crate) struct UpstreamClient {
    /// Client for most requests.
    usual: Connections,
    /// Client for requests that upgrade their connection, which HTTP/2 cannot do.
    upgrading: Connections,
    /// Client for requests that are sent again, each on a new connection.
    again: Connections,
}

/// Connections to the real API.
#[derive(Debug)]
enum Connections {
    /// Direct connections.
    Direct(Client<RememberingConnector<HttpsConnector<HttpConnector>>, TimedContent>),
    /// Connections through an HTTP proxy (`--upstream-proxy`).
    Tunnelled(Client<RememberingConnector<HttpsConnector<Tunnel<HttpConnector>>>, TimedContent>),
}

impl Connections {
    fn request(&self, request: Request<TimedContent>) -> ResponseFuture {
        match self {
            Self::Direct(client) => client.request(request),
            Self::Tunnelled(client) => client.request(request),
        }
    }
}

/// Number of idle connections that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Idle {
    Any,
    None,
}

/// Versions of HTTP that a connection may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Versions {
    All,
    Http1,
}

/// Setting of the client that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("`{file}` cannot be read: {why}")]
    Unreadable { file: String, why: String },
    #[error("`{0}` has no certificate, expected PEM: `-----BEGIN CERTIFICATE-----`")]
    NoCertificate(String),
    #[error("`{file}` has a certificate that cannot be used: {why}")]
    Certificate { file: String, why: String },
    #[error("TLS cannot be used: {0}; `--upstream-ca FILE` names certificate authorities")]
    Tls(String),
    #[error("`{0}` is no address of an HTTP proxy, expected one such as http://proxy.example:3128")]
    Proxy(String),
}

impl UpstreamClient {
    /// Creates a client of an address; `authority` is a PEM file of certificate authorities to trust
    /// beside those of the system, `proxy` the URL of an HTTP proxy.
    ///
    /// # Errors
    ///
    /// [`ClientError`], if the file or the URL cannot be used.
    pub(crate) fn new(
        uses_tls: bool,
        authority: Option<&Path>,
        proxy: Option<&str>,
    ) -> Result<Self, ClientError> {
        let tls = tls(authority, uses_tls)?;
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT));
        let proxy = proxy
            .map(|text| tunnel(text, connector.clone()))
            .transpose()?;
        let connections = |versions, idle| match &proxy {
            None => Connections::Direct(client(secured(&tls, versions, connector.clone()), idle)),
            Some(proxy) => {
                Connections::Tunnelled(client(secured(&tls, versions, proxy.clone()), idle))
            }
        };
        Ok(Self {
            usual: connections(Versions::All, Idle::Any),
            upgrading: connections(Versions::Http1, Idle::Any),
            again: connections(Versions::All, Idle::None),
        })
    }

    /// Sends a request, and returns the head of the response and its content as it comes; `upgrades` if
    /// the request upgrades its connection. `most` is the time for the head of the response; it begins anew
    /// with each part of the content that is sent.
    ///
    /// # Errors
    ///
    /// [`UpstreamFailure`], if there is no response within the time.
    pub(crate) async fn send(
        &self,
        request: Request<ForwardedContent>,
        upgrades: bool,
        most: Duration,
    ) -> Result<Response<Incoming>, UpstreamFailure> {
        let request = request.map(TimedContent::new);
        let (client, again) = if upgrades {
            (&self.upgrading, None)
        } else {
            (&self.usual, repeatable(&request))
        };
        match (answer(client, request, most).await, again) {
            (Err(lost), Some(again)) if lost.was_closed_idle => {
                tracing::debug!(
                    "the real API closed an idle connection; the request is sent again"
                );
                answer(&self.again, again, most).await
            }
            (answered, _) => answered,
        }
        .map_err(|lost| lost.failure)
    }
}

/// Request without an answer.
struct LostRequest {
    failure: UpstreamFailure,
    /// True if nobody read the request, as its connection was closed while it was idle.
    was_closed_idle: bool,
}

/// Returns a copy of a request that may be sent twice: of a safe one without content (RFC 9110 §9.2.2).
fn repeatable(request: &Request<TimedContent>) -> Option<Request<TimedContent>> {
    let is_safe = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if !is_safe || request.body().progress.is_some() {
        return None;
    }
    let nothing = Empty::new().map_err(|never| match never {});
    let mut copy = Request::new(TimedContent::new(nothing.boxed_unsync()));
    request.method().clone_into(copy.method_mut());
    request.uri().clone_into(copy.uri_mut());
    *copy.version_mut() = request.version();
    request.headers().clone_into(copy.headers_mut());
    request.extensions().clone_into(copy.extensions_mut());
    Some(copy)
}

/// Sends a request on a connection, and returns the head of the response within `most`.
async fn answer(
    client: &Connections,
    request: Request<TimedContent>,
    most: Duration,
) -> Result<Response<Incoming>, LostRequest> {
    let progress = request.body().progress.clone();
    let sent = client.request(request);
    tokio::pin!(sent);
    let mut frames = 0;
    loop {
        if let Ok(sent) = tokio::time::timeout(most, &mut sent).await {
            return sent.map_err(|error| LostRequest {
                failure: UpstreamFailure::of(&error),
                was_closed_idle: was_closed_idle(&error),
            });
        }
        let now = progress
            .as_deref()
            .map_or(0, |progress| progress.frames.load(Ordering::Relaxed));
        let waits = progress
            .as_deref()
            .is_some_and(|progress| progress.waits_for_client.load(Ordering::Relaxed));
        if now == frames && !waits {
            return Err(LostRequest {
                failure: UpstreamFailure::Late(most),
                was_closed_idle: false,
            });
        }
        frames = now;
    }
}

fn client<C>(connector: C, idle: Idle) -> Client<C, TimedContent>
where
    C: hyper_util::client::legacy::connect::Connect + Clone,
{
    let most_idle = match idle {
        Idle::Any => usize::MAX,
        Idle::None => 0,
    };
    Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(most_idle)
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .set_host(false)
        .http1_preserve_header_case(true)
        .http1_max_headers(MOST_FIELDS)
        .http2_max_header_list_size(u32::try_from(LONGEST_HEAD).unwrap_or(u32::MAX))
        .http2_keep_alive_interval(PING)
        .http2_adaptive_window(true)
        .build(connector)
}

fn secured<C>(
    tls: &ClientConfig,
    versions: Versions,
    connector: C,
) -> RememberingConnector<HttpsConnector<C>> {
    let builder = HttpsConnectorBuilder::new()
        .with_tls_config(tls.clone())
        .https_or_http();
    RememberingConnector(match versions {
        Versions::All => builder.enable_all_versions().wrap_connector(connector),
        Versions::Http1 => builder.enable_http1().wrap_connector(connector),
    })
}

/// Returns the connector through an HTTP proxy; its user name and password are sent to it
/// (RFC 9110 §11.7.2).
fn tunnel(text: &str, connector: HttpConnector) -> Result<Tunnel<HttpConnector>, ClientError> {
    let wrong = || ClientError::Proxy(text.rsplit('@').next().unwrap_or_default().to_owned());
    let text_with_scheme = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let url: Uri = text_with_scheme.parse().map_err(|_| wrong())?;
    let authority = url.authority().ok_or_else(wrong)?;
    if url.scheme_str() != Some("http") {
        return Err(wrong());
    }
    let (user, host) = match authority.as_str().rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority.as_str()),
    };
    let plain = Uri::builder()
        .scheme("http")
        .authority(host)
        .path_and_query("/")
        .build()
        .map_err(|_| wrong())?;
    let tunnel = Tunnel::new(plain, connector);
    Ok(match user {
        Some(user) => tunnel.with_auth(credentials(user).ok_or_else(wrong)?),
        None => tunnel,
    })
}

fn credentials(user: &str) -> Option<HeaderValue> {
    use base64::Engine as _;
    let user = percent_encoding::percent_decode_str(user).collect::<Vec<u8>>();
    let encoded = base64::engine::general_purpose::STANDARD.encode(user);
    let mut value = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Returns the configuration of TLS: certificates are verified as the system does it. Where neither the
/// system nor the user has an authority, as in a container, those count that documents are fetched with.
/// Without TLS, no authorities are loaded.
fn tls(authority: Option<&Path>, is_used: bool) -> Result<ClientConfig, ClientError> {
    let provider = Arc::new(ring::default_provider());
    let failed = |error: rustls::Error| ClientError::Tls(error.to_string());
    let roots = authority.map(certificates).transpose()?.unwrap_or_default();
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    if !is_used {
        return Ok(builder
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth());
    }
    let of_system = Verifier::new_with_extra_roots(roots, Arc::clone(&provider));
    let verifier: Arc<dyn ServerCertVerifier> = match of_system {
        Ok(verifier) => Arc::new(verifier),
        Err(rustls::Error::General(_)) => included(provider)?,
        Err(error) => return Err(failed(error)),
    };
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// Returns the verifier that trusts the authorities of Mozilla, which are part of the program.
fn included(provider: Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, ClientError> {
    let roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| ClientError::Tls(error.to_string()))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let name = || file.display().to_string();
    let unreadable = |why: String| ClientError::Unreadable { file: name(), why };
    let text = std::fs::read(file).map_err(|error| unreadable(error.to_string()))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = certificates.map_err(|error| unreadable(error.to_string()))?;
    if certificates.is_empty() {
        return Err(ClientError::NoCertificate(name()));
    }
    let mut store = RootCertStore::empty();
    for certificate in &certificates {
        let added = store.add(certificate.clone());
        added.map_err(|error| ClientError::Certificate {
            file: name(),
            why: error.to_string(),
        })?;
    }
    Ok(certificates)
}
