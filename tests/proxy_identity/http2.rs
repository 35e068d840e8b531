//! Clients that speak HTTP/2 with Standin: what the API gets and what they get is what was sent.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body_util::{BodyExt as _, Empty, Full, StreamBody, combinators::BoxBody};
use hyper::body::Frame;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::runtime;

use crate::api::{Api, Step};
use crate::case::{DATE, answer, chunked, noise};
use crate::pets::{folder, proxy};
use crate::wire::{Message, name_of};

type Content = BoxBody<Bytes, std::convert::Infallible>;

/// Content of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    Nothing,
    /// With `content-length`.
    Whole,
    /// Without a length.
    Parts,
    /// With trailers.
    Trailers,
}

struct Exchange {
    method: &'static str,
    target: String,
    fields: Vec<(&'static str, Vec<u8>)>,
    sent: Sent,
    /// Status line, fields beside `Date`, content without framing, and trailers.
    status: &'static str,
    given: Vec<(&'static str, Vec<u8>)>,
    content: Vec<u8>,
    trailers: &'static [(&'static str, &'static str)],
    is_chunked: bool,
}

const TEXT: &[u8] = b"{\"name\": \"a\"}";

fn exchanges() -> Vec<Exchange> {
    let usual = |method, target: &str, sent| Exchange {
        method,
        target: target.to_owned(),
        fields: vec![
            ("accept", b"application/json".to_vec()),
            ("x-a", b"1".to_vec()),
            ("x-a", b"2".to_vec()),
        ],
        sent,
        status: "200 OK",
        given: vec![
            ("Content-Type", b"application/json".to_vec()),
            ("Set-Cookie", b"a=1".to_vec()),
            ("Set-Cookie", b"b=2".to_vec()),
        ],
        content: b"[]".to_vec(),
        trailers: &[],
        is_chunked: false,
    };
    let mut all = Vec::new();
    for method in [
        "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "QUERY", "get",
    ] {
        for sent in [Sent::Nothing, Sent::Whole, Sent::Parts, Sent::Trailers] {
            all.push(usual(method, "/pets?limit=1", sent));
        }
    }
    for target in [
        "/",
        "//a//b",
        "/a/../b",
        "/a%2Fb%zz",
        "/a;b=1",
        "/{id}",
        "/a?",
        "/a?b=%20+&c&&",
        "/a|b^c",
        "/\u{e9}",
    ] {
        all.push(usual("GET", target, Sent::Nothing));
    }
    for status in [
        "201 Created",
        "206 Partial Content",
        "301 Moved Permanently",
        "404 Not Found",
        "418 Odd",
        "451 No",
        "500 Oh",
        "503 Later",
        "599 Late",
    ] {
        all.push(Exchange {
            status,
            ..usual("GET", "/pets/1", Sent::Nothing)
        });
    }
    for status in ["204 No Content", "304 Not Modified"] {
        all.push(Exchange {
            status,
            content: Vec::new(),
            ..usual("GET", "/pets/1", Sent::Nothing)
        });
    }
    for (name, value) in [
        ("x-latin", &b"\xe9t\xe9 \xff"[..]),
        ("x-empty", b""),
        ("x-long", &[b'v'; 12_000]),
    ] {
        let mut exchange = usual("GET", "/pets", Sent::Nothing);
        exchange.fields.push((name, value.to_vec()));
        exchange.given.push((name, value.to_vec()));
        all.push(exchange);
    }
    for length in [0, 1, 70_000, 2_000_000] {
        for is_chunked in [false, true] {
            all.push(Exchange {
                content: noise(length),
                is_chunked,
                ..usual("GET", "/pets", Sent::Nothing)
            });
        }
    }
    let trailers = &[("x-sum", "1"), ("x-other", "a b")];
    all.push(Exchange {
        is_chunked: true,
        trailers,
        ..usual("GET", "/pets", Sent::Nothing)
    });
    all
}

impl Exchange {
    fn answer(&self) -> Vec<u8> {
        let mut fields = Vec::new();
        for (name, value) in &self.given {
            fields.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        if self.is_chunked {
            let lines: Vec<String> = self
                .trailers
                .iter()
                .map(|(name, value)| format!("{name}: {value}\r\n"))
                .collect();
            let lines = lines.concat();
            let head = format!(
                "HTTP/1.1 {}\r\n{DATE}Transfer-Encoding: chunked\r\n",
                self.status
            );
            let chunks = chunked(&self.content, 50_000, &lines);
            return [head.as_bytes(), &fields, b"\r\n", &chunks].concat();
        }
        if self.status.starts_with("204") || self.status.starts_with("304") {
            let head = format!("HTTP/1.1 {}\r\n{DATE}", self.status);
            return [head.as_bytes(), &fields, b"\r\n"].concat();
        }
        let plain = answer(self.status, "", &self.content);
        let end = plain
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .expect("has a head")
            + 2;
        [&plain[..end], &fields, &plain[end..]].concat()
    }

    /// True for methods that usually have content.
    fn announces_nothing(&self) -> bool {
        !matches!(self.method, "GET" | "HEAD" | "DELETE")
    }

    fn content(&self) -> Content {
        let trailers = (self.sent == Sent::Trailers).then(|| {
            let mut trailers = HeaderMap::new();
            trailers.insert("x-sum", HeaderValue::from_static("1"));
            Ok(Frame::trailers(trailers))
        });
        match self.sent {
            Sent::Nothing => Empty::new().boxed(),
            Sent::Whole => Full::new(Bytes::from_static(TEXT)).boxed(),
            Sent::Parts | Sent::Trailers => {
                let parts = TEXT
                    .chunks(5)
                    .map(|part| Ok(Frame::data(Bytes::from_static(part))));
                StreamBody::new(futures_util::stream::iter(parts.chain(trailers))).boxed()
            }
        }
    }

    fn request(&self, number: usize, authority: &str) -> Request<Content> {
        let mut builder = Request::builder()
            .method(self.method)
            .uri(format!("http://{authority}{}", self.target))
            .header("x-case", number);
        for (name, value) in &self.fields {
            builder = builder.header(*name, HeaderValue::from_bytes(value).expect("is a value"));
        }
        match self.sent {
            Sent::Whole => builder = builder.header("content-length", TEXT.len()),
            Sent::Trailers => builder = builder.header("trailer", "x-sum"),
            Sent::Nothing if self.announces_nothing() => {
                builder = builder.header("content-length", 0);
            }
            Sent::Nothing | Sent::Parts => {}
        }
        builder.body(self.content()).expect("is a request")
    }

    /// Compares what the API got.
    fn check_request(&self, number: usize, got: &Message, wrong: &mut Vec<String>) {
        let mut expected = vec![format!("x-case: {number}").into_bytes()];
        for (name, value) in &self.fields {
            expected.push([name.as_bytes(), b": ", value].concat());
        }
        match self.sent {
            Sent::Whole => expected.push(format!("content-length: {}", TEXT.len()).into_bytes()),
            Sent::Trailers => expected.push(b"trailer: x-sum".to_vec()),
            Sent::Nothing if self.announces_nothing() => {
                expected.push(b"content-length: 0".to_vec());
            }
            Sent::Nothing | Sent::Parts => {}
        }
        let ways = ["via", "host", "transfer-encoding"];
        let fields: Vec<Vec<u8>> = got
            .fields
            .iter()
            .filter(|line| !ways.contains(&&*name_of(line)))
            .cloned()
            .collect();
        let content = if self.sent == Sent::Nothing {
            b""
        } else {
            TEXT
        };
        let trailers: &[&[u8]] = if self.sent == Sent::Trailers {
            &[b"x-sum: 1"]
        } else {
            &[]
        };
        let start = format!("{} {} HTTP/1.1", self.method, self.target);
        if got.start != start.as_bytes()
            || fields != expected
            || got.content != content
            || got.trailers != trailers
        {
            wrong.push(format!(
                "{start}: the API got {} {:?}",
                String::from_utf8_lossy(&got.start),
                got.fields
                    .iter()
                    .map(|line| String::from_utf8_lossy(&line[..line.len().min(80)]))
                    .collect::<Vec<_>>()
            ));
        }
    }
}

/// Opens a connection with prior knowledge.
async fn connect(address: &str) -> SendRequest<Content> {
    let stream = TcpStream::connect(address).await.expect("accepts");
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .expect("agrees");
    tokio::spawn(connection);
    sender
}

async fn exchange(
    sender: &mut SendRequest<Content>,
    exchange: &Exchange,
    number: usize,
    address: &str,
    wrong: &mut Vec<String>,
) {
    let name = format!(
        "{} {} {} {}",
        exchange.method,
        exchange.target,
        exchange.status,
        exchange.content.len()
    );
    let answer = sender.send_request(exchange.request(number, address));
    let answer = tokio::time::timeout(Duration::from_secs(20), answer)
        .await
        .expect("is in time");
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return wrong.push(format!("{name}: {error}")),
    };
    let (head, content) = answer.into_parts();
    let collected = content.collect().await.expect("is whole");
    let trailers = collected.trailers().cloned().unwrap_or_default();
    let content = collected.to_bytes();
    let mut expected = HeaderMap::new();
    for (name, value) in &exchange.given {
        let name: HeaderName = name.parse().expect("is a name");
        expected.append(name, HeaderValue::from_bytes(value).expect("is a value"));
    }
    expected.insert(
        "date",
        HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"),
    );
    let has_length = !exchange.is_chunked && !matches!(head.status.as_u16(), 204 | 304);
    if has_length {
        expected.insert("content-length", HeaderValue::from(exchange.content.len()));
    }
    let mut got = head.headers.clone();
    got.remove("standin-violations");
    got.remove("standin-warning");
    let sent: Vec<(&str, &str)> = trailers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().expect("is text")))
        .collect();
    let is_same = exchange.status.starts_with(head.status.as_str())
        && got == expected
        && content == exchange.content
        && sent == exchange.trailers;
    if !is_same {
        got.remove("x-long");
        wrong.push(format!(
            "{name}: the client got {} {got:?}, {} bytes, {sent:?}",
            head.status,
            content.len()
        ));
    }
}

#[test]
fn a_client_of_http2_and_the_api_get_the_same() {
    let exchanges = exchanges();
    let answers = exchanges
        .iter()
        .map(|exchange| vec![Step::Send(exchange.answer())]);
    let api = Api::start(answers.collect());
    let folder = folder("proxy-identity-h2");
    let server = proxy(
        &folder,
        &format!("http://{}", api.address),
        &["--log", "off"],
    );
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("builds");
    let mut wrong = Vec::new();
    runtime.block_on(async {
        let mut sender = connect(&server.address).await;
        for (number, own) in exchanges.iter().enumerate() {
            exchange(&mut sender, own, number, &server.address, &mut wrong).await;
            match api.taken().as_slice() {
                [got] => own.check_request(number, got, &mut wrong),
                all => wrong.push(format!(
                    "{} {}: the API got {} requests",
                    own.method,
                    own.target,
                    all.len()
                )),
            }
        }
    });
    assert!(exchanges.len() > 60, "{}", exchanges.len());
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        exchanges.len(),
        wrong.join("\n")
    );
}
