//! What the server does on real sockets: its limits, slow clients, pipelining and HTTP/2.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use standin::internals::Limits;
use standin::{Input, Reading, Sandbox, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;

const DOCUMENT: &str = r#"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {
    "/a": {"get": {"responses": {"200": {"description": "", "content": {"text/plain": {"example": "one"}}}}}},
    "/b": {"get": {"responses": {"200": {"description": "", "content": {"text/plain": {"example": "two"}}}}},
           "post": {"requestBody": {"content": {"application/json": {"schema": {"type": "object", "required": ["n"]}}}},
                    "responses": {"201": {"description": ""}}}}
}}"#;

/// How long the tests wait for what must come.
const SOON: Duration = Duration::from_secs(10);

/// A server on a port of its own, until the sender says stop or is dropped.
async fn serve(limits: Limits) -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let input = Input::Text {
        name: "a.json".into(),
        text: DOCUMENT.into(),
    };
    let sandbox = Arc::new(Sandbox::load(
        &[input],
        None,
        &Reading::default(),
        Settings::default(),
    ));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("is bound");
    let (stop, stopped) = oneshot::channel();
    let shutdown = async {
        let _either = stopped.await;
    };
    (
        address,
        stop,
        tokio::spawn(standin::serve(listener, sandbox, limits, shutdown)),
    )
}

/// One with fixtures.
async fn serve_with(
    fixtures: &str,
) -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    serve_within(fixtures, Limits::default()).await
}

async fn serve_within(
    fixtures: &str,
    limits: Limits,
) -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let input = Input::Text {
        name: "a.json".into(),
        text: DOCUMENT.into(),
    };
    let (file, _odd) = standin::internals::fixture_text("fixtures.yaml".into(), fixtures.into())
        .expect("can be read");
    let sandbox = Arc::new(Sandbox::new(
        &[input],
        &[file],
        &Reading::default(),
        Settings::default(),
    ));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("is bound");
    let (stop, stopped) = oneshot::channel();
    let shutdown = async {
        let _either = stopped.await;
    };
    (
        address,
        stop,
        tokio::spawn(standin::serve(listener, sandbox, limits, shutdown)),
    )
}

async fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.expect("is written");
}

/// What comes until the content has this end.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 1024];
    while !text.ends_with(end) {
        let read = timeout(SOON, stream.read(&mut buffer))
            .await
            .expect("comes soon")
            .expect("is read");
        assert!(read > 0, "closed after {text:?}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    text
}

/// What comes until the server closes the connection.
async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    timeout(SOON, stream.read_to_end(&mut bytes))
        .await
        .expect("comes soon")
        .expect("is read");
    String::from_utf8(bytes).expect("is text")
}

#[tokio::test]
async fn a_connection_beyond_the_limit_waits_until_another_closes() {
    let (address, _stop, _server) = serve(Limits {
        max_connections: 1,
        ..Limits::default()
    })
    .await;
    let mut first = TcpStream::connect(address).await.expect("connects");
    send(&mut first, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    read_until(&mut first, "one").await;
    let mut second = TcpStream::connect(address).await.expect("is queued");
    send(&mut second, "GET /b HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut byte = [0; 1];
    assert!(
        timeout(Duration::from_millis(300), second.read(&mut byte))
            .await
            .is_err(),
        "it was served at once"
    );
    send(&mut first, "GET /b HTTP/1.1\r\nHost: a\r\n\r\n").await;
    read_until(&mut first, "two").await;
    drop(first);
    read_until(&mut second, "two").await;
}

#[tokio::test]
async fn a_head_that_does_not_come_costs_its_connection() {
    let limits = Limits {
        header_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let (address, _stop, _server) = serve(limits).await;
    let mut slow = TcpStream::connect(address).await.expect("connects");
    send(&mut slow, "GET /a HTTP/1.1\r\nHo").await;
    let started = Instant::now();
    assert_eq!(read_to_end(&mut slow).await, "");
    assert!(started.elapsed() >= Duration::from_millis(150));
    // So do nothing at all, and the beginning of HTTP/2 without its rest.
    for text in ["", "PRI * HTT"] {
        let mut silent = TcpStream::connect(address).await.expect("connects");
        send(&mut silent, text).await;
        assert_eq!(read_to_end(&mut silent).await, "", "{text}");
    }
    // So does an idle one, and others go on.
    let mut idle = TcpStream::connect(address).await.expect("connects");
    send(&mut idle, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(read_to_end(&mut idle).await.ends_with("one"));
}

#[tokio::test]
async fn content_that_does_not_come_is_a_408() {
    let limits = Limits {
        body_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let (address, _stop, _server) = serve(limits).await;
    let mut slow = TcpStream::connect(address).await.expect("connects");
    send(&mut slow, "POST /b HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{")
        .await;
    let answer = read_to_end(&mut slow).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(
        answer.contains("connection: close\r\n") && answer.contains("/_standin/problems/timeout"),
        "{answer}"
    );
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let (address, _stop, _server) = serve(Limits::default()).await;
    let mut stream = TcpStream::connect(address).await.expect("connects");
    let post = "POST /b HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    send(&mut stream, &format!("{}{post}{}", get("/a"), get("/b"))).await;
    let answers = read_until(&mut stream, "two").await;
    let statuses: Vec<&str> = answers.matches("HTTP/1.1 ").map(|_| "").collect();
    assert_eq!(statuses.len(), 3, "{answers}");
    let at = |text: &str| {
        answers
            .find(text)
            .unwrap_or_else(|| panic!("no {text} in {answers}"))
    };
    assert!(
        at("one") < at("422 Unprocessable") && at("422 Unprocessable") < at("two"),
        "{answers}"
    );
}

#[tokio::test]
async fn http_2_is_spoken_by_prior_knowledge() {
    let (address, stop, server) = serve(Limits {
        max_streams: 3,
        ..Limits::default()
    })
    .await;
    let stream = TcpStream::connect(address).await.expect("connects");
    let handshake =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.expect("is HTTP/2");
    let connection = tokio::spawn(connection);
    // With the first answer come the settings, by which the client keeps to the limit.
    let first = http::Request::get(format!("http://{address}/a"))
        .body(Full::new(Bytes::new()))
        .expect("is one");
    assert_eq!(
        sender
            .send_request(first)
            .await
            .expect("is answered")
            .version(),
        http::Version::HTTP_2
    );
    let asked = (0..20).map(|number| {
        let mut sender = sender.clone();
        let request = if number % 2 == 0 {
            http::Request::get(format!("http://{address}/a")).body(Full::new(Bytes::new()))
        } else {
            let post = http::Request::post(format!("http://{address}/b"))
                .header("content-type", "application/json");
            post.body(Full::new(Bytes::from_static(b"{}")))
        };
        tokio::spawn(async move {
            let response = sender
                .send_request(request.expect("is one"))
                .await
                .expect("is answered");
            let status = response.status().as_u16();
            let content = response
                .into_body()
                .collect()
                .await
                .expect("is read")
                .to_bytes();
            (number, status, content)
        })
    });
    for task in asked.collect::<Vec<_>>() {
        let (number, status, content) = timeout(SOON, task)
            .await
            .expect("comes soon")
            .expect("does not panic");
        if number % 2 == 0 {
            assert_eq!((status, content.as_ref()), (200, b"one".as_slice()));
        } else {
            assert_eq!(status, 422);
            assert!(String::from_utf8_lossy(&content).contains("'n'"));
        }
    }
    // It is told to end, and does.
    stop.send(()).expect("still serves");
    timeout(SOON, server)
        .await
        .expect("ends soon")
        .expect("does not panic");
    drop(sender);
    assert!(timeout(SOON, connection).await.expect("ends soon").is_ok());
}

#[tokio::test]
async fn a_client_of_http_2_is_told_how_many_requests_it_may_have_open() {
    let (address, _stop, _server) = serve(Limits {
        max_streams: 3,
        ..Limits::default()
    })
    .await;
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .expect("is written");
    // RFC 9113 §6.5: a frame of settings is a head of nine bytes, then six for each of them.
    let mut head = [0; 9];
    timeout(SOON, stream.read_exact(&mut head))
        .await
        .expect("comes soon")
        .expect("is read");
    assert_eq!(head[3], 4, "{head:?}");
    let mut settings = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
    timeout(SOON, stream.read_exact(&mut settings))
        .await
        .expect("comes soon")
        .expect("is read");
    let most = settings
        .chunks(6)
        .find(|setting| setting[..2] == [0, 3])
        .map(|setting| setting[2..].to_vec());
    assert_eq!(most, Some(vec![0, 0, 0, 3]));
}

#[tokio::test]
async fn many_idle_connections_are_in_nobody_s_way() {
    let (address, _stop, _server) = serve(Limits::default()).await;
    let mut idle = Vec::new();
    for _ in 0..300 {
        let mut stream = TcpStream::connect(address).await.expect("connects");
        send(&mut stream, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
        idle.push(stream);
    }
    for stream in &mut idle {
        read_until(stream, "one").await;
    }
    let mut another = TcpStream::connect(address).await.expect("connects");
    send(&mut another, "GET /b HTTP/1.1\r\nHost: a\r\n\r\n").await;
    read_until(&mut another, "two").await;
}

#[tokio::test]
async fn a_connection_goes_on_after_any_pause() {
    const PAUSE: Duration = Duration::from_millis(2500);
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let (address, stop, server) = serve(Limits::default()).await;
    let connect = async || TcpStream::connect(address).await.expect("connects");
    // Before the first request, between two, within a head and within a content.
    let (mut silent, mut between, mut head, mut content, mut delayed) = (
        connect().await,
        connect().await,
        connect().await,
        connect().await,
        connect().await,
    );
    send(&mut between, &get("/a")).await;
    read_until(&mut between, "one").await;
    send(&mut head, &format!("{}GET /b HT", get("/a"))).await;
    read_until(&mut head, "one").await;
    let post = "POST /b HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n";
    send(&mut content, &format!("{post}{{\"n\"")).await;
    send(
        &mut delayed,
        "GET /a HTTP/1.1\r\nHost: a\r\nPrefer: delay=2700ms\r\n\r\n",
    )
    .await;
    tokio::time::sleep(PAUSE).await;
    send(&mut content, ":1}").await;
    read_until(&mut content, "\r\n\r\n").await;
    send(&mut head, "TP/1.1\r\nHost: a\r\n\r\n").await;
    read_until(&mut head, "two").await;
    for stream in [&mut silent, &mut between, &mut content] {
        // Two at once, the second in two parts.
        send(stream, &format!("{}GET /b", get("/a"))).await;
        read_until(stream, "one").await;
        send(stream, " HTTP/1.1\r\nHost: a\r\n\r\n").await;
        read_until(stream, "two").await;
    }
    read_until(&mut delayed, "one").await;
    tokio::time::sleep(PAUSE).await;
    send(&mut between, &get("/b")).await;
    read_until(&mut between, "two").await;
    // Those that rest are in nobody's way at the end.
    drop(stop);
    timeout(Duration::from_secs(2), server)
        .await
        .expect("ends at once")
        .expect("does not panic");
    assert_eq!(read_to_end(&mut silent).await, "");
}

#[tokio::test]
async fn who_takes_an_answer_slowly_gets_all_of_it() {
    // More than the system keeps of it.
    const LENGTH: usize = 40 * 1024 * 1024;
    let limits = Limits {
        header_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let fixtures = format!(r#"{{"GET /a": [{{"body": "{}"}}]}}"#, "x".repeat(LENGTH));
    let (address, _stop, _server) = serve_within(&fixtures, limits).await;
    let socket = tokio::net::TcpSocket::new_v4().expect("is there");
    socket.set_recv_buffer_size(4096).expect("can be set");
    let mut stream = socket.connect(address).await.expect("connects");
    send(&mut stream, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    // Longer than a head may take.
    tokio::time::sleep(Duration::from_millis(900)).await;
    let answer = read_to_end(&mut stream).await;
    let content = answer.split_once("\r\n\r\n").expect("has a head").1;
    assert_eq!(content.len(), LENGTH);
}

#[tokio::test]
async fn connections_break_off_as_fixtures_say() {
    const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answer = async |fixture: &str| {
        let (address, _stop, _server) = serve_with(&format!("GET /a:\n  - {fixture}\n")).await;
        let mut stream = TcpStream::connect(address).await.expect("connects");
        send(&mut stream, GET).await;
        let mut bytes = Vec::new();
        let read = timeout(SOON, stream.read_to_end(&mut bytes))
            .await
            .expect("comes soon");
        (
            read.map_err(|error| error.kind()),
            String::from_utf8_lossy(&bytes).into_owned(),
        )
    };
    let (read, text) = answer("fault: empty").await;
    assert_eq!((read, text.as_str()), (Ok(0), ""));
    let (read, text) = answer("fault: reset").await;
    assert_eq!(
        (read, text.as_str()),
        (Err(std::io::ErrorKind::ConnectionReset), "")
    );
    let (_, text) = answer("{fault: truncate, body: abcdefghij}").await;
    assert!(
        text.contains("content-length: 10\r\n") && text.ends_with("\r\n\r\nabcde"),
        "{text}"
    );
    let started = Instant::now();
    let (_, text) = answer("{fault: slow-body, body: abcdefghij}").await;
    assert!(text.ends_with("\r\n\r\nabcdefghij"), "{text}");
    assert!(started.elapsed() >= Duration::from_millis(1500));
    let started = Instant::now();
    let (_, text) = answer("{delay: 300ms}").await;
    assert!(
        text.ends_with("one") && started.elapsed() >= Duration::from_millis(290),
        "{text}"
    );
}

#[tokio::test]
async fn errors_wait_as_successes_do() {
    let (address, _stop, _server) = serve(Limits::default()).await;
    let mut stream = TcpStream::connect(address).await.expect("connects");
    let started = Instant::now();
    let head = "POST /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\nPrefer: delay=300ms";
    send(
        &mut stream,
        &format!("{head}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"),
    )
    .await;
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("is read");
    assert!(
        text.starts_with("HTTP/1.1 4") && started.elapsed() >= Duration::from_millis(290),
        "{text}"
    );
}

#[tokio::test]
async fn who_waits_is_in_nobody_s_way() {
    let (address, _stop, _server) = serve_with("GET /a:\n  - {delay: 1s}\n").await;
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(address).await.expect("connects");
        send(&mut stream, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
        slow.push(stream);
    }
    let started = Instant::now();
    let mut quick = TcpStream::connect(address).await.expect("connects");
    send(&mut quick, "GET /b HTTP/1.1\r\nHost: a\r\n\r\n").await;
    read_until(&mut quick, "two").await;
    assert!(started.elapsed() < Duration::from_millis(800));
    for stream in &mut slow {
        read_until(stream, "one").await;
    }
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "they waited one after another"
    );
}

#[tokio::test]
async fn exchanges_are_told_to_who_listens_until_the_server_ends() {
    let (address, stop, server) = serve(Limits::default()).await;
    let mut listening = TcpStream::connect(address).await.expect("connects");
    send(
        &mut listening,
        "GET /_standin/requests/stream HTTP/1.1\r\nHost: localhost\r\n\r\n",
    )
    .await;
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains(": listening") {
        let read = timeout(SOON, listening.read(&mut buffer))
            .await
            .expect("comes soon")
            .expect("is read");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    let mut other = TcpStream::connect(address).await.expect("connects");
    send(&mut other, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    read_until(&mut other, "one").await;
    while !text.contains("\"operation\":\"GET /a\"") {
        let read = timeout(SOON, listening.read(&mut buffer))
            .await
            .expect("comes soon")
            .expect("is read");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    assert!(text.contains("event: exchange\n"), "{text}");
    drop(other);
    stop.send(()).expect("still serves");
    timeout(SOON, listening.read(&mut buffer))
        .await
        .expect("ends soon")
        .expect("is read");
    timeout(SOON, server)
        .await
        .expect("ends soon")
        .expect("does not panic");
}

const GET_B: &str = "GET /b HTTP/1.1\r\nHost: a\r\n\r\n";

/// Fixtures with an answer that is longer than the system keeps of it.
fn large() -> String {
    format!(
        r#"{{"GET /a": [{{"body": "{}"}}]}}"#,
        "x".repeat(20 * 1024 * 1024)
    )
}

/// One place for a connection, which is soon free again.
fn one_place() -> Limits {
    Limits {
        max_connections: 1,
        write_timeout: Duration::from_millis(300),
        ..Limits::default()
    }
}

#[tokio::test]
async fn who_never_reads_loses_the_connection() {
    let (address, _stop, _server) = serve_within(&large(), one_place()).await;
    let mut silent = TcpStream::connect(address).await.expect("connects");
    send(&mut silent, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut other = TcpStream::connect(address).await.expect("is queued");
    send(&mut other, GET_B).await;
    read_until(&mut other, "two").await;
    drop(silent);
}

#[tokio::test]
async fn who_never_takes_an_answer_of_http_2_loses_the_connection() {
    let (address, _stop, _server) = serve_within(&large(), one_place()).await;
    let stream = TcpStream::connect(address).await.expect("connects");
    let handshake =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.expect("is HTTP/2");
    // It goes on reading and answers pings; only the windows of the answer stay closed.
    let ended = tokio::spawn(connection);
    let request = http::Request::get(format!("http://{address}/a"))
        .body(Full::<Bytes>::default())
        .expect("is one");
    let answer = sender.send_request(request).await.expect("has a head");
    let mut other = TcpStream::connect(address).await.expect("is queued");
    send(&mut other, GET_B).await;
    read_until(&mut other, "two").await;
    drop(answer);
    let _either = timeout(SOON, ended).await.expect("is closed");
}

#[tokio::test]
async fn a_client_that_has_left_frees_its_place_at_once() {
    let (address, _stop, _server) = serve(Limits {
        max_connections: 1,
        ..Limits::default()
    })
    .await;
    for target in ["/a", "/_standin/requests/stream"] {
        let mut waiting = TcpStream::connect(address).await.expect("connects");
        let head =
            format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nPrefer: delay=3000s\r\n\r\n");
        send(&mut waiting, &head).await;
        let mut other = TcpStream::connect(address).await.expect("is queued");
        send(
            &mut other,
            &GET_B.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"),
        )
        .await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(waiting);
        read_until(&mut other, "two").await;
    }
    // Who says only that nothing more is sent has the answer.
    let mut half = TcpStream::connect(address).await.expect("connects");
    send(
        &mut half,
        "GET /a HTTP/1.1\r\nHost: a\r\nPrefer: delay=3000s\r\n\r\n",
    )
    .await;
    half.shutdown().await.expect("is open");
    assert!(read_to_end(&mut half).await.ends_with("one"));
}

#[tokio::test]
async fn contents_have_a_budget_together() {
    let limits = Limits {
        content_memory: 100_000,
        ..Limits::default()
    };
    let (address, _stop, _server) = serve(limits).await;
    let body = format!(r#"{{"n":"{}"}}"#, "x".repeat(60_000));
    let head = "POST /b HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length:";
    let post = format!("{head} {}\r\n\r\n{body}", body.len());
    let connect = async || TcpStream::connect(address).await.expect("connects");
    let mut first = connect().await;
    send(&mut first, &post[..post.len() - 1]).await;
    let mut second = connect().await;
    let refused = loop {
        // Until the first one is read.
        send(&mut second, &post).await;
        let answer = read_until_head(&mut second).await;
        if !answer.starts_with("HTTP/1.1 201 ") {
            break answer + &read_until(&mut second, "}").await;
        }
    };
    assert!(
        refused.starts_with("HTTP/1.1 503 ") && refused.contains("retry-after: 1\r\n"),
        "{refused}"
    );
    assert!(refused.contains("/_standin/problems/busy"), "{refused}");
    // What is there is finished, and then there is room again.
    send(&mut first, "}").await;
    assert!(
        read_until_head(&mut first)
            .await
            .starts_with("HTTP/1.1 201 ")
    );
    send(&mut second, &post).await;
    assert!(
        read_until_head(&mut second)
            .await
            .starts_with("HTTP/1.1 201 ")
    );
    // What a client leaves is free.
    send(&mut first, &post[..post.len() - 1]).await;
    drop(first);
    loop {
        send(&mut second, &post).await;
        let answer = read_until_head(&mut second).await;
        if answer.starts_with("HTTP/1.1 201 ") {
            break;
        }
        read_until(&mut second, "}").await;
    }
}

/// What comes until the end of a head, byte by byte.
async fn read_until_head(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    while !text.ends_with("\r\n\r\n") {
        let byte = timeout(SOON, stream.read_u8())
            .await
            .expect("comes soon")
            .expect("is read");
        text.push(char::from(byte));
    }
    text
}

#[tokio::test]
async fn answers_after_the_signal_say_that_the_connection_ends() {
    let (address, stop, server) = serve(Limits::default()).await;
    let mut busy = TcpStream::connect(address).await.expect("connects");
    let mut stop = Some(stop);
    for number in 0.. {
        // Each request that was sent is answered, and the last answer says that it is the last.
        send(&mut busy, GET_B).await;
        let head = read_until_head(&mut busy).await;
        read_until(&mut busy, "two").await;
        if head.contains("connection: close\r\n") {
            assert!(number >= 10, "nobody said stop");
            break;
        }
        if number == 10 {
            drop(stop.take());
        }
    }
    assert_eq!(read_to_end(&mut busy).await, "");
    timeout(SOON, server)
        .await
        .expect("ends soon")
        .expect("does not panic");
}

#[tokio::test]
async fn what_takes_long_to_work_out_is_in_nobody_s_way() {
    // Thousands of values; the one thread of this test is never taken by them.
    let document = r#"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/large": {"get": {"responses": {"200":
        {"description": "", "content": {"application/json": {"schema": {"type": "array", "minItems": 1000,
        "items": {"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "string", "pattern": "^[a-z]{8}$"}, "b": {"type": "number"}}}}}}}}}}}}"#;
    let input = Input::Text {
        name: "a.json".into(),
        text: document.into(),
    };
    let sandbox = Arc::new(Sandbox::load(
        &[input],
        None,
        &Reading::default(),
        Settings::default(),
    ));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("is bound");
    let _server = tokio::spawn(standin::serve(
        listener,
        sandbox,
        Limits::default(),
        std::future::pending(),
    ));
    let mut slow = TcpStream::connect(address).await.expect("connects");
    send(&mut slow, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut health = TcpStream::connect(address).await.expect("connects");
    for _ in 0..3 {
        send(
            &mut health,
            "GET /_standin/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
        )
        .await;
        read_until(&mut health, "}").await;
    }
    let mut byte = [0; 1];
    let read = slow.try_read(&mut byte);
    assert_eq!(
        read.map_err(|error| error.kind()),
        Err(std::io::ErrorKind::WouldBlock),
        "it was not slow"
    );
}

/// The first line that a new connection is answered with.
async fn first_line(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    send(&mut stream, request).await;
    read_to_end(&mut stream)
        .await
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn messages_keep_the_rules_of_http_1_1() {
    let (address, stop, served) = serve(Limits::default()).await;
    let end = "Connection: close\r\n\r\n";
    let answers = [
        ("GET /a HTTP/1.1\r\nHost: a\r\n", "HTTP/1.1 200 OK"),
        ("GET /a HTTP/1.1\r\nHost: [::1]:80\r\n", "HTTP/1.1 200 OK"),
        ("GET /a HTTP/1.1\r\nHost:\r\n", "HTTP/1.1 200 OK"),
        ("GET /a HTTP/1.0\r\n", "HTTP/1.0 200 OK"),
        ("GET /a HTTP/1.1\r\n", "HTTP/1.1 400 Bad Request"),
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n",
            "HTTP/1.1 400 Bad Request",
        ),
        (
            "GET /a HTTP/1.1\r\nHost: a b\r\n",
            "HTTP/1.1 400 Bad Request",
        ),
        (
            "GET /a HTTP/1.1\r\nHost: u@a\r\n",
            "HTTP/1.1 400 Bad Request",
        ),
        (
            "GET /a HTTP/1.1\r\nHost: a/b\r\n",
            "HTTP/1.1 400 Bad Request",
        ),
        (
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n",
            "HTTP/1.1 204 No Content",
        ),
    ];
    for (request, expected) in answers {
        assert_eq!(
            first_line(address, &format!("{request}{end}")).await,
            expected,
            "{request}"
        );
    }
    let coded = "POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(
        first_line(address, coded).await,
        "HTTP/1.1 501 Not Implemented"
    );
    let _ended = stop.send(());
    served.await.expect("does not panic");
}
