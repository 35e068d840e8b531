//! How long does the server wait for a client that sends or reads slowly, and what does it get?

#[path = "support/served.rs"]
mod served;

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use standin::internals::Limits;
use tokio::net::TcpSocket;
use tokio::time::timeout;

use served::{DOCUMENT, GET_A, GET_B, POST_B, Served, read_to_end, read_until, send, soon};

/// More bytes of an answer than the system keeps for a client that does not read.
const LARGE: usize = 20 * 1024 * 1024;

/// Returns fixtures by which the answer of `GET /a` has so many bytes.
fn fixtures(length: usize) -> String {
    format!(r#"{{"GET /a": [{{"body": "{}"}}]}}"#, "x".repeat(length))
}

#[tokio::test]
async fn a_head_that_does_not_come_costs_its_connection() {
    let limits = Limits {
        header_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let server = Served::start(limits).await;
    let mut slow = server.connect().await;
    send(&mut slow, "GET /a HTTP/1.1\r\nHo").await;
    let started = Instant::now();
    assert_eq!(read_to_end(&mut slow).await, "");
    assert!(started.elapsed() >= Duration::from_millis(150));
    // So do nothing at all, and the beginning of HTTP/2 without its rest.
    for text in ["", "PRI * HTT"] {
        let mut silent = server.connect().await;
        send(&mut silent, text).await;
        assert_eq!(read_to_end(&mut silent).await, "", "{text}");
    }
    // So does an idle one, and others go on.
    let mut idle = server.connect().await;
    send(&mut idle, GET_A).await;
    assert!(read_to_end(&mut idle).await.ends_with("one"));
}

#[tokio::test]
async fn content_that_does_not_come_is_a_408() {
    let limits = Limits {
        body_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let server = Served::start(limits).await;
    let mut slow = server.connect().await;
    send(&mut slow, &format!("{POST_B}7\r\n\r\n{{")).await;
    let answer = read_to_end(&mut slow).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(
        answer.contains("connection: close\r\n") && answer.contains("/_standin/problems/timeout"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_connection_goes_on_after_any_pause() {
    const PAUSE: Duration = Duration::from_millis(2500);
    let mut server = Served::start(Limits::default()).await;
    // Before the first request, between two, within a head and within a content.
    let (mut silent, mut between, mut head, mut content, mut delayed) = (
        server.connect().await,
        server.connect().await,
        server.connect().await,
        server.connect().await,
        server.connect().await,
    );
    send(&mut between, GET_A).await;
    read_until(&mut between, "one").await;
    send(&mut head, &format!("{GET_A}GET /b HT")).await;
    read_until(&mut head, "one").await;
    send(&mut content, &format!("{POST_B}7\r\n\r\n{{\"n\"")).await;
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
        send(stream, &format!("{GET_A}GET /b")).await;
        read_until(stream, "one").await;
        send(stream, " HTTP/1.1\r\nHost: a\r\n\r\n").await;
        read_until(stream, "two").await;
    }
    read_until(&mut delayed, "one").await;
    tokio::time::sleep(PAUSE).await;
    send(&mut between, GET_B).await;
    read_until(&mut between, "two").await;
    // Those that rest are in nobody's way at the end.
    server.stop();
    timeout(Duration::from_secs(2), server.ended())
        .await
        .expect("ends at once");
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
    let server = Served::start_with(DOCUMENT, Some(&fixtures(LENGTH)), limits).await;
    let socket = TcpSocket::new_v4().expect("is there");
    socket.set_recv_buffer_size(4096).expect("can be set");
    let mut stream = socket.connect(server.address).await.expect("connects");
    send(&mut stream, GET_A).await;
    // Longer than a head may take.
    tokio::time::sleep(Duration::from_millis(900)).await;
    let answer = read_to_end(&mut stream).await;
    let content = answer.split_once("\r\n\r\n").expect("has a head").1;
    assert_eq!(content.len(), LENGTH);
}

/// Returns limits by which there is one place for a connection, which is soon free again.
fn one_place() -> Limits {
    Limits {
        max_connections: 1,
        write_timeout: Duration::from_millis(300),
        ..Limits::default()
    }
}

#[tokio::test]
async fn who_never_reads_loses_the_connection() {
    let server = Served::start_with(DOCUMENT, Some(&fixtures(LARGE)), one_place()).await;
    let mut silent = server.connect().await;
    send(&mut silent, GET_A).await;
    let mut other = server.connect().await;
    send(&mut other, GET_B).await;
    read_until(&mut other, "two").await;
    drop(silent);
}

#[tokio::test]
async fn who_never_takes_an_answer_of_http_2_loses_the_connection() {
    let server = Served::start_with(DOCUMENT, Some(&fixtures(LARGE)), one_place()).await;
    let stream = server.connect().await;
    let handshake =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.expect("is HTTP/2");
    // It goes on reading and answers pings; only the windows of the answer stay closed.
    let ended = tokio::spawn(connection);
    let request = http::Request::get(format!("http://{}/a", server.address))
        .body(Full::<Bytes>::default())
        .expect("is one");
    let answer = sender.send_request(request).await.expect("has a head");
    let mut other = server.connect().await;
    send(&mut other, GET_B).await;
    read_until(&mut other, "two").await;
    drop(answer);
    let _either = soon(ended).await.expect("is closed");
}
