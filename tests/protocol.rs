//! Does the server keep the rules of HTTP/1.1 and of HTTP/2?

#[path = "support/served.rs"]
mod served;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use standin::internals::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use served::{GET_A, GET_B, POST_B, Served, read_to_end, read_until, send, soon};

/// Returns the first line of the answer to a request on a new connection.
async fn first_line(server: &Served, request: &str) -> String {
    let mut stream = server.connect().await;
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
    let mut server = Served::start(Limits::default()).await;
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
            first_line(&server, &format!("{request}{end}")).await,
            expected,
            "{request}"
        );
    }
    let coded = "POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(
        first_line(&server, coded).await,
        "HTTP/1.1 501 Not Implemented"
    );
    server.stop();
    server.ended().await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = Served::start(Limits::default()).await;
    let mut stream = server.connect().await;
    let post = format!("{POST_B}2\r\n\r\n{{}}");
    send(&mut stream, &format!("{GET_A}{post}{GET_B}")).await;
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
    let mut server = Served::start(Limits {
        max_streams: 3,
        ..Limits::default()
    })
    .await;
    let address = server.address;
    let stream = server.connect().await;
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
        let (number, status, content) = soon(task).await.expect("does not panic");
        if number % 2 == 0 {
            assert_eq!((status, content.as_ref()), (200, b"one".as_slice()));
        } else {
            assert_eq!(status, 422);
            assert!(String::from_utf8_lossy(&content).contains("'n'"));
        }
    }
    // It is told to end, and does.
    server.stop();
    server.ended().await;
    drop(sender);
    assert!(soon(connection).await.is_ok());
}

#[tokio::test]
async fn a_client_of_http_2_is_told_how_many_requests_it_may_have_open() {
    let server = Served::start(Limits {
        max_streams: 3,
        ..Limits::default()
    })
    .await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .expect("is written");
    // RFC 9113 §6.5: a frame of settings is a head of nine bytes, then six for each of them.
    let mut head = [0; 9];
    soon(stream.read_exact(&mut head)).await.expect("is read");
    assert_eq!(head[3], 4, "{head:?}");
    let mut settings = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
    soon(stream.read_exact(&mut settings))
        .await
        .expect("is read");
    let most = settings
        .chunks(6)
        .find(|setting| setting[..2] == [0, 3])
        .map(|setting| setting[2..].to_vec());
    assert_eq!(most, Some(vec![0, 0, 0, 3]));
}
