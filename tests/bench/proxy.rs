//! How much of the machine `standin proxy` costs, beside a bare reverse proxy of the same libraries.
//!
//! `cargo bench --bench proxy -- [ROUNDS] [MILLISECONDS]`: two proxies of one API are asked in turns, in short
//! rounds; what is told are the ratios of the rounds side by side.

#![expect(
    clippy::cast_precision_loss,
    reason = "figures for people have a few digits"
)]

#[path = "support/asking.rs"]
mod asking;
#[expect(dead_code, reason = "another benchmark uses more")]
#[path = "support/contacts.rs"]
mod contacts;
#[path = "support/documents.rs"]
mod documents;
#[path = "support/results.rs"]
mod results;
#[expect(dead_code, reason = "another benchmark uses more")]
#[path = "support/servers.rs"]
mod servers;

use std::convert::Infallible;
use std::future::Future;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use asking::{Round, measure, told};
use bytes::Bytes;
use contacts::{CONTACT, KEPT};
use documents::{CONTACTS, SHOWN};
use http::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderName, TE, TRANSFER_ENCODING, VIA};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use serde_json::{Value, json};
use servers::Server;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;

/// The allocator of Standin, so that it is the same in all.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Number of items of the list.
const ITEMS: u64 = 50;

/// Path of the list.
const LISTED: &str = "/api/v1/kept";

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["upstream"] => return serve(answered),
        ["bare", url] => return bare(url),
        _ => {}
    }
    let number = |at: usize, otherwise| {
        arguments
            .get(at)
            .and_then(|text| text.parse().ok())
            .unwrap_or(otherwise)
    };
    compare(number(0, 9), Duration::from_millis(number(1, 700) as u64));
}

/// Asks both proxies the same.
fn compare(rounds: usize, length: Duration) {
    let document = results::written("proxied.json", &documents::document(3));
    let own = || Command::new(std::env::current_exe().expect("runs"));
    let upstream = Server::start(own().arg("upstream"));
    let url = format!("http://{}", upstream.address);
    let bare = Server::start(own().args(["bare", &url]));
    let proxy = |options: &[&str]| {
        let fixed = ["proxy", &url, "--port", "0", "--log", "off"];
        let document = document.to_str().expect("is text");
        Server::program(&[&fixed[..], &[document], options].concat())
    };
    let (usual, steady, quiet, passing) = (
        proxy(&[]),
        proxy(&["--drift", "off"]),
        proxy(&["--journal", "0"]),
        proxy(&[
            "--journal",
            "0",
            "--validate-request",
            "false",
            "--validate-response",
            "false",
            "--drift",
            "off",
        ]),
    );
    let tokens = "Host: localhost\r\nUser-Agent: bench/1\r\nAccept: application/json\r\nAccept-Encoding: identity\r\nX-Auth-Token: t\r\nX-User-Id: u\r\n";
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\n{tokens}\r\n");
    let post = format!(
        "POST {CONTACTS} HTTP/1.1\r\n{tokens}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{CONTACT}",
        CONTACT.len()
    );
    let client = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("builds");
    asking::heading(rounds, length);
    let mut results = Vec::new();
    for (name, goal, request, other) in [
        ("GET, small", 1.2, get(SHOWN), &usual),
        ("GET, 50 items", 1.2, get(LISTED), &usual),
        ("GET, one of them", 1.2, get(KEPT), &usual),
        ("POST", 1.2, post.clone(), &usual),
        ("GET, small, no drift", 1.2, get(SHOWN), &steady),
        ("GET, 50 items, no drift", 1.2, get(LISTED), &steady),
        ("POST, no drift", 1.2, post.clone(), &steady),
        ("GET, small, no journal", 1.2, get(SHOWN), &quiet),
        ("POST, no journal", 1.2, post.clone(), &quiet),
        ("GET, 50 items, not compared", 1.2, get(LISTED), &passing),
        ("GET, small, not compared", 1.2, get(SHOWN), &passing),
        ("POST, not compared", 1.2, post, &passing),
    ] {
        let ask = |server: &Server, length| measure(&client, server, (&request, "200"), length);
        ask(&bare, length / 4);
        ask(other, length / 4);
        let measured: Vec<(Round, Round)> = (0..rounds)
            .map(|_| (ask(&bare, length), ask(other, length)))
            .collect();
        results.push(told(
            &format!("{name} / bare proxy"),
            (goal, None),
            &measured,
        ));
    }
    results::keep("proxy.json", &Value::Array(results));
}

/// Serves on a free port, and prints where.
fn serve<A, F>(answer: A)
where
    A: Fn(http::Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("builds");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        println!(
            "listening on http://{}",
            listener.local_addr().expect("is bound")
        );
        loop {
            let (stream, _) = listener.accept().await.expect("accepts");
            tokio::spawn(connection(stream, answer.clone()));
        }
    });
}

type Answer = http::Response<UnsyncBoxBody<Bytes, hyper::Error>>;

async fn connection<A, F>(stream: TcpStream, answer: A)
where
    A: Fn(http::Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    stream.set_nodelay(true).expect("can be set");
    let service = service_fn(move |request| {
        let answer = answer.clone();
        async move { Ok::<_, Infallible>(answer(request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .preserve_header_case(true)
        .serve_connection(TokioIo::new(stream), service);
    // A round ends with its connections.
    let _ended = served.await;
}

/// Answers as the real API.
async fn answered(request: http::Request<Incoming>) -> Answer {
    let entity =
        |number: u64| json!({"id": format!("a{number}"), "name": "Ada", "age": number % 100});
    let content = match request.uri().path() {
        LISTED => Value::Array((0..ITEMS).map(entity).collect()),
        CONTACTS => json!({"contactId": "65f0a9d1c2b3a4d5e6f70811", "success": true}),
        _ => entity(1),
    };
    let _content = request.into_body().collect().await;
    let whole = Full::new(Bytes::from(content.to_string()));
    let mut response = http::Response::new(whole.map_err(|never| match never {}).boxed_unsync());
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
        .headers_mut()
        .insert("x-request-id", HeaderValue::from_static("0123456789abcdef"));
    response
}

/// The least that a reverse proxy must do: the same client and server, header fields copied without those of the
/// connection, contents passed on.
fn bare(url: &str) {
    let upstream: Uri = url.parse().expect("is a URL");
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<HttpConnector, Incoming> = Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .set_host(false)
        .http1_preserve_header_case(true)
        .build(connector);
    let shared = Arc::new((client, upstream));
    serve(move |request| {
        let shared = Arc::clone(&shared);
        async move { forwarded(&shared.0, &shared.1, request).await }
    });
}

async fn forwarded(
    client: &Client<HttpConnector, Incoming>,
    upstream: &Uri,
    mut request: http::Request<Incoming>,
) -> Answer {
    debug_assert_ne!(*request.method(), Method::CONNECT);
    let authority = upstream.authority().expect("has a host").clone();
    let host = HeaderValue::from_str(authority.as_str()).expect("is a value");
    let target = request.uri().path_and_query().expect("has a path").clone();
    *request.uri_mut() = Uri::builder()
        .scheme("http")
        .authority(authority)
        .path_and_query(target)
        .build()
        .expect("is a URL");
    remove_fields_of_connection(request.headers_mut());
    request.headers_mut().insert(HOST, host);
    request
        .headers_mut()
        .append(VIA, HeaderValue::from_static("1.1 bare"));
    match client.request(request).await {
        Ok(mut response) => {
            remove_fields_of_connection(response.headers_mut());
            response.map(BodyExt::boxed_unsync)
        }
        Err(error) => {
            let text = Full::new(Bytes::from(error.to_string()));
            let mut response =
                http::Response::new(text.map_err(|never| match never {}).boxed_unsync());
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }
    }
}

fn remove_fields_of_connection(headers: &mut HeaderMap) {
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    for name in named {
        headers.remove(&name);
    }
    for name in [
        CONNECTION,
        TRANSFER_ENCODING,
        TE,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
    ] {
        headers.remove(name);
    }
}
