//! Does the server keep RFC 9113 and RFC 7541 when a client sends frames that break a rule?
//!
//! Frames are written byte by byte, as no client library would send them. Each case names the section (of
//! RFC 9113, if no other is named) whose rule it breaks, and the errors that the section allows. One rule is left
//! out: the library `h2` ignores pseudo-header fields in trailers, which §8.1 calls malformed.

#[path = "http2/frames.rs"]
mod frames;
#[path = "support/served.rs"]
#[expect(dead_code, reason = "other tests speak HTTP/1.1")]
mod served;

use std::time::Duration;

use standin::internals::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use frames::{
    ACK, COMPRESSION, CONTINUATION, DATA, END_HEADERS, END_STREAM, FLOW_CONTROL, FRAME_SIZE, GET_A,
    GOAWAY, HEADERS, PADDED, PING, POST_B, PRIORITY, PROTOCOL, REFUSED, RST_STREAM, SETTINGS,
    STREAM_CLOSED, WHOLE, WINDOW_UPDATE, fields, frame, get, get_of, get_with, ping, post, setting,
    window,
};
use served::{Served, soon};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What the server must do.
#[derive(Clone)]
enum Expected {
    /// The connection ends, with one of these codes in `GOAWAY` if there is one.
    Connection(&'static [u32]),
    /// The stream or the connection ends with one of these codes.
    Stream(&'static [u32]),
    /// The request on stream 1 is answered with this status.
    Answer(&'static str),
    /// `PING` is answered with the same data.
    Pong,
}

use Expected::{Answer, Connection, Pong, Stream};

/// Cases in which the library `h2` ends the connection, as it must, but with `PROTOCOL_ERROR` instead of the more
/// exact code of the section.
const WITH_GENERAL_CODE: [&str; 16] = [
    "4.3 header fields that cannot be decoded",
    "5.1 DATA after the end of a stream",
    "6.3 PRIORITY of a wrong length",
    "6.4 RST_STREAM of a wrong length",
    "6.7 PING of a wrong length",
    "6.5 an acknowledgement with content",
    "6.5 SETTINGS of a wrong length",
    "6.5.2 INITIAL_WINDOW_SIZE beyond the maximum",
    "6.9 WINDOW_UPDATE of a wrong length",
    "RFC 7541 2.3.3 an index beyond the table",
    "RFC 7541 4.2 a change of the table after fields",
    "RFC 7541 5.1 an integer that is too large",
    "RFC 7541 5.2 padding of more than seven bits",
    "RFC 7541 5.2 an encoded end of string",
    "RFC 7541 6.1 the index 0",
    "RFC 7541 6.3 a table beyond the setting",
];

/// Frames of a client, and what the server must do.
type Case = (&'static str, Vec<Vec<u8>>, Expected);

/// Frames that break the rules of frames, streams and the connection.
fn framing() -> Vec<Case> {
    let block = fields(&GET_A);
    let (first, _) = block.split_at(10);
    let broken_block = frame(
        HEADERS,
        WHOLE,
        1,
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    );
    vec![
        (
            "4.1 a frame of an unknown type",
            vec![frame(0x77, 0, 0, &[0; 8]), ping()],
            Pong,
        ),
        (
            "4.1 undefined flags",
            vec![frame(PING, 0xf0, 0, b"standin!")],
            Pong,
        ),
        (
            "4.1 the reserved bit",
            vec![frame(PING, 0, 1 << 31, b"standin!")],
            Pong,
        ),
        (
            "4.2 a content that is too long",
            vec![post(1), frame(DATA, END_STREAM, 1, &[b' '; 16_385])],
            Stream(&[FRAME_SIZE]),
        ),
        (
            "4.2 a head that is too long",
            vec![frame(HEADERS, WHOLE, 1, &[0; 16_385])],
            Connection(&[FRAME_SIZE]),
        ),
        (
            "4.3 header fields that cannot be decoded",
            vec![broken_block],
            Connection(&[COMPRESSION]),
        ),
        (
            "4.3 another frame within a head",
            vec![
                frame(HEADERS, END_STREAM, 1, first),
                frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]),
            ],
            Connection(&[PROTOCOL]),
        ),
        (
            "4.3 a frame of another stream within a head",
            vec![frame(HEADERS, END_STREAM, 1, first), get(3)],
            Connection(&[PROTOCOL]),
        ),
    ]
}

/// Frames that break the rules of streams.
fn streams() -> Vec<Case> {
    let block = fields(&GET_A);
    let (first, _) = block.split_at(10);
    vec![
        (
            "5.1 DATA on an idle stream",
            vec![frame(DATA, END_STREAM, 1, b"a")],
            Connection(&[PROTOCOL]),
        ),
        (
            "5.1 RST_STREAM on an idle stream",
            vec![frame(RST_STREAM, 0, 1, &[0, 0, 0, 8])],
            Connection(&[PROTOCOL]),
        ),
        (
            "5.1 WINDOW_UPDATE on an idle stream",
            vec![window(1, 100)],
            Connection(&[PROTOCOL]),
        ),
        (
            "5.1 CONTINUATION on an idle stream",
            vec![frame(CONTINUATION, END_HEADERS, 1, first)],
            Connection(&[PROTOCOL]),
        ),
        (
            "5.1 DATA after the end of a stream",
            vec![get(1), frame(DATA, END_STREAM, 1, b"a")],
            Stream(&[STREAM_CLOSED]),
        ),
        (
            "5.1 HEADERS after the end of a stream",
            vec![get(1), get(1)],
            Stream(&[STREAM_CLOSED, PROTOCOL]),
        ),
        (
            "5.1 DATA after RST_STREAM",
            vec![
                post(1),
                frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]),
                frame(DATA, END_STREAM, 1, b"a"),
                ping(),
            ],
            Pong,
        ),
        (
            "5.1.1 a stream with an even number",
            vec![get(2)],
            Connection(&[PROTOCOL]),
        ),
        (
            "5.1.1 a stream with a lower number",
            vec![get(5), get(3)],
            Connection(&[PROTOCOL, STREAM_CLOSED]),
        ),
    ]
}

/// Frames that break the rules of their type.
fn frame_types() -> Vec<Case> {
    let block = fields(&GET_A);
    vec![
        (
            "6.1 DATA for the connection",
            vec![frame(DATA, 0, 0, b"a")],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.1 DATA with too much padding",
            vec![
                post(1),
                frame(DATA, END_STREAM | PADDED, 1, &[9, b'{', b'}']),
            ],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.2 HEADERS for the connection",
            vec![frame(HEADERS, WHOLE, 0, &block)],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.2 HEADERS with too much padding",
            vec![frame(
                HEADERS,
                WHOLE | PADDED,
                1,
                &[&[200][..], &block].concat(),
            )],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.2 HEADERS with padding",
            vec![frame(
                HEADERS,
                WHOLE | PADDED,
                1,
                &[&[2][..], &block, &[0, 0]].concat(),
            )],
            Answer("200"),
        ),
        (
            "6.3 PRIORITY for the connection",
            vec![frame(PRIORITY, 0, 0, &[0, 0, 0, 0, 1])],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.3 PRIORITY of a wrong length",
            vec![frame(PRIORITY, 0, 1, &[0, 0, 0, 0])],
            Stream(&[FRAME_SIZE]),
        ),
        (
            "6.4 RST_STREAM for the connection",
            vec![frame(RST_STREAM, 0, 0, &[0, 0, 0, 8])],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.4 RST_STREAM of a wrong length",
            vec![post(1), frame(RST_STREAM, 0, 1, &[0, 0, 0])],
            Connection(&[FRAME_SIZE]),
        ),
        ("6.7 PING", vec![ping()], Pong),
        (
            "6.7 PING for a stream",
            vec![frame(PING, 0, 1, &[0; 8])],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.7 PING of a wrong length",
            vec![frame(PING, 0, 0, &[0; 6])],
            Connection(&[FRAME_SIZE]),
        ),
        (
            "6.8 GOAWAY for a stream",
            vec![frame(GOAWAY, 0, 1, &[0; 8])],
            Connection(&[PROTOCOL]),
        ),
    ]
}

/// Heads in several frames.
fn continuations() -> Vec<Case> {
    let block = fields(&GET_A);
    let (first, rest) = block.split_at(10);
    vec![
        (
            "6.10 a head in several frames",
            vec![
                frame(HEADERS, END_STREAM, 1, first),
                frame(CONTINUATION, 0, 1, &rest[..5]),
                frame(CONTINUATION, END_HEADERS, 1, &rest[5..]),
            ],
            Answer("200"),
        ),
        (
            "6.10 CONTINUATION for the connection",
            vec![
                frame(HEADERS, END_STREAM, 1, first),
                frame(CONTINUATION, END_HEADERS, 0, rest),
            ],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.10 CONTINUATION after the end of a head",
            vec![post(1), frame(CONTINUATION, END_HEADERS, 1, first)],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.10 CONTINUATION after DATA",
            vec![
                post(1),
                frame(DATA, 0, 1, b"{"),
                frame(CONTINUATION, END_HEADERS, 1, first),
            ],
            Connection(&[PROTOCOL]),
        ),
    ]
}

/// Frames that break the rules of settings and flow control.
fn settings() -> Vec<Case> {
    vec![
        (
            "6.5 an acknowledgement with content",
            vec![frame(SETTINGS, ACK, 0, &[0; 6])],
            Connection(&[FRAME_SIZE]),
        ),
        (
            "6.5 SETTINGS for a stream",
            vec![frame(SETTINGS, 0, 1, &[])],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.5 SETTINGS of a wrong length",
            vec![frame(SETTINGS, 0, 0, &[0; 5])],
            Connection(&[FRAME_SIZE]),
        ),
        (
            "6.5.2 ENABLE_PUSH of 2",
            vec![setting(2, 2)],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.5.2 INITIAL_WINDOW_SIZE beyond the maximum",
            vec![setting(4, 1 << 31)],
            Connection(&[FLOW_CONTROL]),
        ),
        (
            "6.5.2 MAX_FRAME_SIZE below the minimum",
            vec![setting(5, 16_383)],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.5.2 MAX_FRAME_SIZE beyond the maximum",
            vec![setting(5, 1 << 24)],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.5.2 an unknown setting",
            vec![setting(0xff, 1), ping()],
            Pong,
        ),
        (
            "6.9 WINDOW_UPDATE of 0 for the connection",
            vec![window(0, 0)],
            Connection(&[PROTOCOL]),
        ),
        (
            "6.9 WINDOW_UPDATE of 0 for a stream",
            vec![post(1), window(1, 0)],
            Stream(&[PROTOCOL]),
        ),
        (
            "6.9 WINDOW_UPDATE of a wrong length",
            vec![frame(WINDOW_UPDATE, 0, 0, &[0, 0, 1])],
            Connection(&[FRAME_SIZE]),
        ),
        (
            "6.9.1 a window of the connection beyond the maximum",
            vec![window(0, 0x7fff_ffff)],
            Connection(&[FLOW_CONTROL]),
        ),
        (
            "6.9.1 a window of a stream beyond the maximum",
            vec![post(1), window(1, 0x7fff_ffff)],
            Stream(&[FLOW_CONTROL]),
        ),
    ]
}

/// Requests that are malformed (RFC 9113 §8).
fn requests() -> Vec<Case> {
    let with_length = |length: &'static str| {
        let all = [&POST_B[..], &[("content-length", length)]].concat();
        frame(HEADERS, END_HEADERS, 1, &fields(&all))
    };
    let trailers = fields(&[("x-end", "1")]);
    vec![
        ("8.1 a request", vec![get(1)], Answer("200")),
        (
            "8.1 a second head that does not end the stream",
            vec![post(1), frame(HEADERS, END_HEADERS, 1, &trailers)],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.1 trailers",
            vec![
                post(1),
                frame(DATA, 0, 1, b"{\"n\":1}"),
                frame(HEADERS, WHOLE, 1, &trailers),
            ],
            Answer("201"),
        ),
        (
            "8.1.1 more content than announced",
            vec![with_length("1"), frame(DATA, END_STREAM, 1, b"{\"n\":1}")],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.1.1 less content than announced",
            vec![
                with_length("9"),
                frame(DATA, 0, 1, b"{}"),
                frame(DATA, END_STREAM, 1, b""),
            ],
            Stream(&[PROTOCOL]),
        ),
    ]
}

/// Requests whose header fields are malformed (RFC 9113 §8).
fn request_fields() -> Vec<Case> {
    let late = [&GET_A[..3], &[("x-a", "1"), (":authority", "a")]].concat();
    let twice = [&GET_A[..], &[(":path", "/b")]].concat();
    let without = |name: &str| -> Vec<(&str, &str)> {
        GET_A
            .into_iter()
            .filter(|(there, _)| *there != name)
            .collect()
    };
    let empty_path = [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", ""),
        (":authority", "a"),
    ];
    vec![
        (
            "8.2 a name in capitals",
            vec![get_with("X-A", "1")],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.2.2 Connection",
            vec![get_with("connection", "keep-alive")],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.2.2 Transfer-Encoding",
            vec![get_with("transfer-encoding", "chunked")],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.2.2 TE: trailers",
            vec![get_with("te", "trailers")],
            Answer("200"),
        ),
        (
            "8.2.2 another TE",
            vec![get_with("te", "gzip")],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.3 an unknown pseudo-header field",
            vec![get_with(":unknown", "1")],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.3 a pseudo-header field of responses",
            vec![get_with(":status", "200")],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.3 a pseudo-header field after others",
            vec![get_of(&late)],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.3 a pseudo-header field twice",
            vec![get_of(&twice)],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.3.1 an empty path",
            vec![get_of(&empty_path)],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.3.1 no method",
            vec![get_of(&without(":method"))],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.3.1 no scheme",
            vec![get_of(&without(":scheme"))],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.3.1 no path",
            vec![get_of(&without(":path"))],
            Stream(&[PROTOCOL]),
        ),
        (
            "8.4 PUSH_PROMISE of a client",
            vec![frame(
                5,
                END_HEADERS,
                1,
                &[&[0, 0, 0, 2][..], &fields(&GET_A)].concat(),
            )],
            Connection(&[PROTOCOL]),
        ),
    ]
}

/// Header fields that cannot be decoded (RFC 7541).
fn compression() -> Vec<Case> {
    let head = |more: &[u8]| frame(HEADERS, WHOLE, 1, &[more, &fields(&GET_A)].concat());
    let after = |more: &[u8]| frame(HEADERS, WHOLE, 1, &[&fields(&GET_A), more].concat());
    vec![
        (
            "RFC 7541 2.3.3 an index beyond the table",
            vec![after(&[0xc6])],
            Connection(&[COMPRESSION]),
        ),
        (
            "RFC 7541 4.2 a change of the table after fields",
            vec![after(&[0x20])],
            Connection(&[COMPRESSION]),
        ),
        (
            "RFC 7541 5.1 an integer that is too large",
            vec![after(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])],
            Connection(&[COMPRESSION]),
        ),
        (
            "RFC 7541 5.2 padding of more than seven bits",
            vec![after(&[0, 0x82, 0x1f, 0xff, 0x81, 0x1f])],
            Connection(&[COMPRESSION]),
        ),
        (
            "RFC 7541 5.2 an encoded end of string",
            vec![after(&[0, 0x84, 0xff, 0xff, 0xff, 0xff, 0x81, 0x1f])],
            Connection(&[COMPRESSION]),
        ),
        (
            "RFC 7541 6.1 the index 0",
            vec![after(&[0x80])],
            Connection(&[COMPRESSION]),
        ),
        (
            "RFC 7541 6.3 a table beyond the setting",
            vec![head(&[0x3f, 0xe1, 0xff, 0x03])],
            Connection(&[COMPRESSION]),
        ),
        (
            "RFC 7541 6.1 fields of the static table",
            vec![frame(
                HEADERS,
                WHOLE,
                1,
                &[&[0x82, 0x86, 0x04, 2][..], b"/a"].concat(),
            )],
            Answer("200"),
        ),
    ]
}

/// Frame that the server sent.
struct Received {
    kind: u8,
    flags: u8,
    stream: u32,
    content: Vec<u8>,
}

/// Reads a frame; `None` at the end of the connection.
async fn received(stream: &mut TcpStream) -> Option<Received> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.ok()?;
    let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
    let mut content = vec![0; length];
    stream.read_exact(&mut content).await.ok()?;
    let number = [head[5] & 0x7f, head[6], head[7], head[8]];
    Some(Received {
        kind: head[3],
        flags: head[4],
        stream: u32::from_be_bytes(number),
        content,
    })
}

/// Opens a connection whose settings both sides know.
async fn connected(server: &Served) -> TcpStream {
    let mut stream = server.connect().await;
    stream.write_all(PREFACE).await.expect("is written");
    stream
        .write_all(&frame(SETTINGS, 0, 0, &[]))
        .await
        .expect("is written");
    let mut is_known = [false; 2];
    while is_known != [true; 2] {
        let frame = soon(received(&mut stream)).await.expect("comes");
        if frame.kind == SETTINGS {
            is_known[usize::from(frame.flags & ACK)] = true;
        }
    }
    stream
        .write_all(&frame(SETTINGS, ACK, 0, &[]))
        .await
        .expect("is written");
    stream
}

fn code_at(content: &[u8], at: usize) -> u32 {
    let code = content.get(at..at + 4).expect("has a code");
    u32::from_be_bytes(code.try_into().expect("has four bytes"))
}

/// Returns the status of an answer by its first header field, which the server takes from the static table
/// where that has it (RFC 7541 appendix A).
fn status_of(block: &[u8]) -> String {
    match block.first() {
        Some(0x88) => "200".to_owned(),
        Some(0x8c) => "400".to_owned(),
        Some(0x08 | 0x48) => match block[1] {
            3 => String::from_utf8_lossy(&block[2..5]).into_owned(),
            // `201` in the code of Huffman.
            0x82 if block[2..4] == [0x10, 0x03] => "201".to_owned(),
            _ => format!("{block:x?}"),
        },
        _ => format!("{block:x?}"),
    }
}

/// Sends the frames of a case, and returns what was wrong with the reaction of the server.
async fn wrong(server: &Served, (_, frames, expected): &Case) -> Option<String> {
    let mut stream = connected(server).await;
    for frame in frames {
        // The server may have closed the connection already.
        let _closed = stream.write_all(frame).await;
    }
    let mut seen = Vec::new();
    let reaction = async {
        while let Some(frame) = received(&mut stream).await {
            let Received {
                kind,
                flags,
                stream,
                content,
            } = &frame;
            seen.push(format!(
                "type {kind}, flags {flags}, stream {stream}: {content:x?}"
            ));
            match (*kind, expected) {
                (GOAWAY, Connection(codes) | Stream(codes)) => {
                    let code = code_at(content, 4);
                    return codes
                        .contains(&code)
                        .then_some(())
                        .ok_or(format!("GOAWAY {code}"));
                }
                (RST_STREAM, Stream(codes)) => {
                    let code = code_at(content, 0);
                    return codes
                        .contains(&code)
                        .then_some(())
                        .ok_or(format!("RST_STREAM {code}"));
                }
                (HEADERS, Answer(status)) => {
                    let found = status_of(content);
                    return (found == *status).then_some(()).ok_or(found);
                }
                // A server may answer a malformed request before it resets the stream (§8.1.1).
                (HEADERS, Stream(_)) if status_of(content) == "400" => return Ok(()),
                (PING, Pong) if flags & ACK != 0 => {
                    let is_same = content == b"standin!";
                    return is_same.then_some(()).ok_or("another content".to_owned());
                }
                _ => {}
            }
        }
        match expected {
            Connection(_) | Stream(_) => Ok(()),
            Answer(_) | Pong => Err("the connection ended".to_owned()),
        }
    };
    match timeout(Duration::from_secs(3), reaction).await {
        Ok(Ok(())) => None,
        Ok(Err(found)) => Some(format!("{found}; {seen:?}")),
        Err(_) => Some(format!("nothing happened; {seen:?}")),
    }
}

async fn all_are_right(cases: Vec<Case>) {
    let server = Served::start(Limits::default()).await;
    let mut found = Vec::new();
    for case in &cases {
        let wrong = wrong(&server, case).await;
        let is_general = wrong
            .as_deref()
            .is_some_and(|found| found.starts_with("GOAWAY 1;"));
        match wrong {
            Some(_) if is_general && WITH_GENERAL_CODE.contains(&case.0) => {}
            Some(wrong) => found.push(format!("{}: {wrong}", case.0)),
            None if WITH_GENERAL_CODE.contains(&case.0) => {
                found.push(format!(
                    "{} is right now, and no longer an exception",
                    case.0
                ));
            }
            None => {}
        }
    }
    // The server serves others all the while.
    let usual: Case = ("", vec![get(1)], Answer("200"));
    assert_eq!(wrong(&server, &usual).await, None);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test]
async fn frames_and_streams() {
    all_are_right([framing(), streams(), frame_types(), continuations()].concat()).await;
}

#[tokio::test]
async fn settings_and_flow_control() {
    all_are_right(settings()).await;
}

#[tokio::test]
async fn malformed_requests() {
    all_are_right([requests(), request_fields()].concat()).await;
}

#[tokio::test]
async fn header_compression() {
    all_are_right(compression()).await;
}

#[tokio::test]
async fn content_keeps_to_the_window_of_the_client() {
    let server = Served::start(Limits::default()).await;
    let mut stream = connected(&server).await;
    let frames = [setting(4, 1), get(1)].concat();
    stream.write_all(&frames).await.expect("is written");
    let mut content: Vec<u8> = Vec::new();
    loop {
        let frame = soon(received(&mut stream)).await.expect("comes");
        if frame.kind != DATA {
            continue;
        }
        assert!(frame.content.len() <= 1, "{:?}", frame.content);
        content.extend(&frame.content);
        if frame.flags & END_STREAM != 0 {
            break;
        }
        stream.write_all(&window(1, 1)).await.expect("is written");
    }
    assert_eq!(content, b"one");
}

#[tokio::test]
async fn more_streams_than_allowed_are_refused() {
    let server = Served::start(Limits {
        max_streams: 2,
        ..Limits::default()
    })
    .await;
    let mut stream = connected(&server).await;
    let frames: Vec<u8> = [1, 3, 5].into_iter().flat_map(post).collect();
    stream.write_all(&frames).await.expect("is written");
    loop {
        let frame = soon(received(&mut stream)).await.expect("comes");
        match frame.kind {
            RST_STREAM => {
                let code = code_at(&frame.content, 0);
                assert_eq!((frame.stream, code), (5, REFUSED));
                return;
            }
            GOAWAY => panic!("the connection ends"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn another_preface_is_no_http2() {
    let server = Served::start(Limits::default()).await;
    let mut stream = server.connect().await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n";
    stream.write_all(preface).await.expect("is written");
    let mut answer = Vec::new();
    soon(stream.read_to_end(&mut answer))
        .await
        .expect("is read");
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 505"),
        "{answer}"
    );
}
