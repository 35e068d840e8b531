//! An API that speaks TLS, on a port of its own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::copy;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio_rustls::TlsAcceptor;

/// A request, as the API got it.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    /// Version, method and URI: `HTTP/2.0 GET https://localhost:1/pets`.
    pub line: String,
    pub fields: HeaderMap,
    pub content: Bytes,
    pub trailers: Option<HeaderMap>,
}

/// An API that speaks TLS.
pub(crate) struct TlsApi {
    pub port: u16,
    requests: Arc<Mutex<Vec<Got>>>,
}

impl TlsApi {
    pub(crate) fn start(config: Arc<ServerConfig>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
        listener.set_nonblocking(true).expect("can be set");
        let port = listener.local_addr().expect("is bound").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("builds").block_on(async {
                let listener = TcpListener::from_std(listener).expect("is a listener");
                let acceptor = TlsAcceptor::from(config);
                loop {
                    let (stream, _): (TcpStream, SocketAddr) =
                        listener.accept().await.expect("accepts");
                    tokio::spawn(serve(stream, acceptor.clone(), Arc::clone(&kept)));
                }
            });
        });
        Self { port, requests }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    pub(crate) fn requests(&self) -> Vec<Got> {
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, kept: Arc<Mutex<Vec<Got>>>) {
    let speaks_http2_only = acceptor.config().alpn_protocols == [b"h2"];
    // A client that does not trust the certificate breaks off.
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    if speaks_http2_only && !is_http2 {
        return;
    }
    let service = service_fn(move |request| {
        let kept = Arc::clone(&kept);
        async move { Ok::<_, Infallible>(answer(request, &kept).await) }
    });
    let io = TokioIo::new(stream);
    if is_http2 {
        let _ended = http2::Builder::new(TokioExecutor::new())
            .serve_connection(io, service)
            .await;
    } else {
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).preserve_header_case(true);
        let _ended = builder.serve_connection(io, service).with_upgrades().await;
    }
}

type Content = BoxBody<Bytes, Infallible>;

async fn answer(mut request: Request<Incoming>, kept: &Mutex<Vec<Got>>) -> Response<Content> {
    let line = format!(
        "{:?} {} {}",
        request.version(),
        request.method(),
        request.uri()
    );
    let fields = request.headers().clone();
    let path = request.uri().path().to_owned();
    let upgrade = hyper::upgrade::on(&mut request);
    let collected = request.into_body().collect().await.expect("is whole");
    let trailers = collected.trailers().cloned();
    let keep = |got| {
        kept.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(got);
    };
    keep(Got {
        line,
        fields: fields.clone(),
        content: collected.to_bytes(),
        trailers,
    });
    if path == "/socket" && fields.contains_key(UPGRADE) {
        tokio::spawn(async move {
            let upgraded = TokioIo::new(upgrade.await.expect("is upgraded"));
            let (mut reader, mut writer) = tokio::io::split(upgraded);
            let _ended = copy(&mut reader, &mut writer).await;
        });
        let mut response = Response::new(Full::new(Bytes::new()).boxed());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        for (name, value) in [("upgrade", "websocket"), ("connection", "Upgrade")] {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        return response;
    }
    let mut response = match &*path {
        "/trailers" => {
            let mut trailers = HeaderMap::new();
            trailers.insert("x-sum", HeaderValue::from_static("1"));
            let frames = [
                Frame::data(Bytes::from_static(b"[]")),
                Frame::trailers(trailers),
            ];
            let frames = futures_util::stream::iter(frames.map(Ok));
            let mut response = Response::new(StreamBody::new(frames).boxed());
            response
                .headers_mut()
                .insert("trailer", HeaderValue::from_static("x-sum"));
            response
        }
        _ => Response::new(Full::new(Bytes::from_static(br#"[{"id": "x"}]"#)).boxed()),
    };
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    fields.append("set-cookie", HeaderValue::from_static("a=1"));
    fields.append("set-cookie", HeaderValue::from_static("b=2"));
    response
}
