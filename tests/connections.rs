//! When does a client get one of the places that a server has, and when does it lose it?

#[path = "support/served.rs"]
mod served;

use std::time::Duration;

use standin::internals::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use served::{GET_A, GET_B, POST_B, Served, read_to_end, read_until, send, soon};

/// Reads until the end of a head, and nothing that comes after it.
async fn read_until_head(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    while !text.ends_with("\r\n\r\n") {
        let byte = soon(stream.read_u8()).await.expect("is read");
        text.push(char::from(byte));
    }
    text
}

#[tokio::test]
async fn a_connection_beyond_the_limit_waits_until_another_closes() {
    let server = Served::start(Limits {
        max_connections: 1,
        ..Limits::default()
    })
    .await;
    let mut first = server.connect().await;
    send(&mut first, GET_A).await;
    read_until(&mut first, "one").await;
    let mut second = server.connect().await;
    send(&mut second, GET_B).await;
    let mut byte = [0; 1];
    assert!(
        timeout(Duration::from_millis(300), second.read(&mut byte))
            .await
            .is_err(),
        "it was served at once"
    );
    send(&mut first, GET_B).await;
    read_until(&mut first, "two").await;
    drop(first);
    read_until(&mut second, "two").await;
}

#[tokio::test]
async fn many_idle_connections_are_in_nobody_s_way() {
    let server = Served::start(Limits::default()).await;
    let mut idle = Vec::new();
    for _ in 0..300 {
        let mut stream = server.connect().await;
        send(&mut stream, GET_A).await;
        idle.push(stream);
    }
    for stream in &mut idle {
        read_until(stream, "one").await;
    }
    let mut another = server.connect().await;
    send(&mut another, GET_B).await;
    read_until(&mut another, "two").await;
}

#[tokio::test]
async fn a_client_that_has_left_frees_its_place_at_once() {
    let server = Served::start(Limits {
        max_connections: 1,
        ..Limits::default()
    })
    .await;
    for target in ["/a", "/_standin/requests/stream"] {
        let mut waiting = server.connect().await;
        let head =
            format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nPrefer: delay=3000s\r\n\r\n");
        send(&mut waiting, &head).await;
        let mut other = server.connect().await;
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
    let mut half = server.connect().await;
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
    let server = Served::start(limits).await;
    let body = format!(r#"{{"n":"{}"}}"#, "x".repeat(60_000));
    let post = format!("{POST_B}{}\r\n\r\n{body}", body.len());
    let mut first = server.connect().await;
    send(&mut first, &post[..post.len() - 1]).await;
    let mut second = server.connect().await;
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

#[tokio::test]
async fn answers_after_the_signal_say_that_the_connection_ends() {
    let mut server = Served::start(Limits::default()).await;
    let mut busy = server.connect().await;
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
            server.stop();
        }
    }
    assert_eq!(read_to_end(&mut busy).await, "");
    server.ended().await;
}
