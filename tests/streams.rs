//! Which event streams are held open or repeated, and when do they end?

#[path = "support/program.rs"]
mod program;
#[path = "support/server.rs"]
mod server;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use program::{Folder, run, standin};
use server::{Server, read};

const DOCUMENT: &str = r#"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/events": {"get": {
    "responses": {"200": {"description": "ok", "content": {"text/event-stream": {"example": "data: a\n\ndata: b\n\n"}}}}}}}}"#;

/// A request as an `EventSource` of a browser sends it.
const SOURCE: &str = "GET /events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";

fn serve(name: &str, options: &[&str]) -> (Folder, Server) {
    let folder = Folder::new(name).with("specs/a.json", DOCUMENT);
    let server = Server::serve(&folder, options);
    (folder, server)
}

/// Reads until a text has come; the connection stays open.
fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let limit = Some(Duration::from_secs(20));
    stream.set_read_timeout(limit).expect("is open");
    let mut text = String::new();
    let mut bytes = [0; 1024];
    while !text.contains(wanted) {
        let length = stream.read(&mut bytes).expect("more comes");
        assert_ne!(length, 0, "the stream ended before `{wanted}`: {text}");
        text.push_str(&String::from_utf8_lossy(&bytes[..length]));
    }
    text
}

/// Returns true if nothing comes for a while, and the connection stays open.
fn is_silent(stream: &mut TcpStream) -> bool {
    let limit = Some(Duration::from_millis(300));
    stream.set_read_timeout(limit).expect("is open");
    let is_silent = stream.read(&mut [0; 16]).is_err();
    stream.set_read_timeout(None).expect("is open");
    is_silent
}

#[test]
fn an_event_source_is_held_until_the_server_stops() {
    let (_folder, server) = serve("held", &["--log", "off", "--drain", "10"]);
    let mut stream = server.send(SOURCE);
    let text = read_until(&mut stream, "id: 2\ndata: b\n\n");
    assert!(text.contains("id: 1\ndata: a\n\n"), "{text}");
    assert!(is_silent(&mut stream));
    // It holds no thread: more streams than there are threads, and others are answered.
    let others: Vec<TcpStream> = (0..100).map(|_| server.send(SOURCE)).collect();
    assert!(server.get("/events").contains("data: b"), "others end");
    let stopped = Instant::now();
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(
        stopped.elapsed() < Duration::from_secs(8),
        "the streams end"
    );
    assert!(!log.contains("were cut"), "{log}");
    // The end of the chunks: the answer is complete, and not broken off.
    let rest = read(stream);
    assert!(rest.contains("0\r\n\r\n"), "{rest:?}");
    drop(others);
}

#[test]
fn a_held_stream_takes_a_place_until_its_client_leaves() {
    let (_folder, server) = serve("places", &["--log", "off", "--max-connections", "1"]);
    let mut held = server.send(SOURCE);
    read_until(&mut held, "data: b");
    let mut next = server.send(SOURCE);
    assert!(is_silent(&mut next), "it waits for the place");
    drop(held);
    read_until(&mut next, "data: b");
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn events_are_repeated_with_growing_ids_and_can_be_resumed() {
    let (_folder, server) = serve("repeated", &["--log", "off", "--streams", "repeat"]);
    let started = Instant::now();
    let mut stream = server.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let text = read_until(&mut stream, "id: 4\ndata: b\n\n");
    assert!(text.contains("id: 3\ndata: a\n\n"), "{text}");
    assert!(started.elapsed() >= Duration::from_millis(900));
    let resumed = SOURCE.replace("\r\n\r\n", "\r\nLast-Event-ID: 5\r\n\r\n");
    let mut stream = server.send(&resumed);
    let text = read_until(&mut stream, "id: 7\n");
    assert!(text.contains("id: 6\ndata: b\n\n"), "{text}");
    assert!(!text.contains("id: 5\n"), "{text}");
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn streams_end_and_hold_as_the_option_says() {
    let (_folder, server) = serve("ends", &["--log", "off", "--streams", "end"]);
    let mut stream = server.send(SOURCE);
    assert!(read_until(&mut stream, "0\r\n\r\n").contains("data: b"));
    // The connection can be used again.
    stream.write_all(SOURCE.as_bytes()).expect("is open");
    read_until(&mut stream, "data: b");
    assert_eq!(server.stop().0, Some(0));
    let folder = Folder::new("held-all").with("specs/a.json", DOCUMENT);
    let (code, _, errors) = run(&folder.0, &["serve", "--streams", "for ever"]);
    assert_eq!(code, Some(2), "{errors}");
    let mut command = standin(&folder.0, &["serve", "--port", "0"]);
    command.env("STANDIN_STREAMS", "hold");
    let server = Server::start(command);
    let mut stream = server.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    read_until(&mut stream, "data: b\n\n");
    assert!(is_silent(&mut stream));
    assert_eq!(server.stop().0, Some(0));
}
