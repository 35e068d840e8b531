//! Is an answer as late as it should be, or broken off, and does one that lasts hold up others?

#[path = "support/served.rs"]
mod served;

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use standin::internals::Limits;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use served::{DOCUMENT, GET_A, GET_B, POST_B, Served, read_to_end, read_until, send, soon};

#[tokio::test]
async fn connections_break_off_as_fixtures_say() {
    const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let answer = async |fixture: &str| {
        let fixtures = format!("GET /a:\n  - {fixture}\n");
        let server = Served::start_with(DOCUMENT, Some(&fixtures), Limits::default()).await;
        let mut stream = server.connect().await;
        send(&mut stream, GET).await;
        let mut bytes = Vec::new();
        let read = soon(stream.read_to_end(&mut bytes)).await;
        (
            read.map_err(|error| error.kind()),
            String::from_utf8_lossy(&bytes).into_owned(),
        )
    };
    let (read, text) = answer("fault: empty").await;
    assert_eq!((read, text.as_str()), (Ok(0), ""));
    let (read, text) = answer("fault: reset").await;
    assert_eq!((read, text.as_str()), (Err(ErrorKind::ConnectionReset), ""));
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
    let server = Served::start(Limits::default()).await;
    let mut stream = server.connect().await;
    let started = Instant::now();
    let post = POST_B.replace(
        "Host: a",
        "Host: a\r\nConnection: close\r\nPrefer: delay=300ms",
    );
    send(&mut stream, &format!("{post}2\r\n\r\n{{}}")).await;
    let text = read_to_end(&mut stream).await;
    assert!(
        text.starts_with("HTTP/1.1 4") && started.elapsed() >= Duration::from_millis(290),
        "{text}"
    );
}

#[tokio::test]
async fn who_waits_is_in_nobody_s_way() {
    let fixtures = "GET /a:\n  - {delay: 1s}\n";
    let server = Served::start_with(DOCUMENT, Some(fixtures), Limits::default()).await;
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut stream = server.connect().await;
        send(&mut stream, GET_A).await;
        slow.push(stream);
    }
    let started = Instant::now();
    let mut quick = server.connect().await;
    send(&mut quick, GET_B).await;
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
async fn what_takes_long_to_work_out_is_in_nobody_s_way() {
    // Thousands of values; the one thread of this test is never taken by them.
    let document = r#"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/large": {"get": {"responses": {"200":
        {"description": "", "content": {"application/json": {"schema": {"type": "array", "minItems": 1000,
        "items": {"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "string", "pattern": "^[a-z]{8}$"}, "b": {"type": "number"}}}}}}}}}}}}"#;
    let server = Served::start_with(document, None, Limits::default()).await;
    let mut slow = server.connect().await;
    send(&mut slow, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut health = server.connect().await;
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
        Err(ErrorKind::WouldBlock),
        "it was not slow"
    );
}

/// Reads on until the text has a part.
async fn read_on(stream: &mut TcpStream, text: &mut String, part: &str) {
    let mut buffer = [0; 4096];
    while !text.contains(part) {
        let read = soon(stream.read(&mut buffer)).await.expect("is read");
        assert!(read > 0, "closed after {text:?}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
}

#[tokio::test]
async fn exchanges_are_told_to_who_listens_until_the_server_ends() {
    let mut server = Served::start(Limits::default()).await;
    let mut listening = server.connect().await;
    send(
        &mut listening,
        "GET /_standin/requests/stream HTTP/1.1\r\nHost: localhost\r\n\r\n",
    )
    .await;
    let mut text = String::new();
    read_on(&mut listening, &mut text, ": listening").await;
    let mut other = server.connect().await;
    send(&mut other, GET_A).await;
    read_until(&mut other, "one").await;
    read_on(&mut listening, &mut text, "\"operation\":\"GET /a\"").await;
    assert!(text.contains("event: exchange\n"), "{text}");
    drop(other);
    server.stop();
    soon(listening.read(&mut [0; 4096])).await.expect("is read");
    server.ended().await;
}
