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
#[path = "http2/table.rs"]
mod table;

use std::time::Duration;

use standin::internals::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use frames::{
    ACK, DATA, END_STREAM, GOAWAY, HEADERS, PING, REFUSED, RST_STREAM, SETTINGS, frame, get, post,
    setting, window,
};
use served::{Served, soon};
use table::{
    Case, Expected, WITH_GENERAL_CODE, compression, continuations, frame_types, framing,
    request_fields, requests, settings, streams,
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

use Expected::{Answer, Connection, Pong, Stream};

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
