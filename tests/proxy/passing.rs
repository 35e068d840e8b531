//! What HTTP itself asks of `standin proxy`: early answers, parts of a content, messages that may not pass, and
//! exchanges whose client leaves.

use std::io::Write as _;
use std::time::Duration;

use serde_json::Value;

use crate::bytes;
use crate::pets::{folder, json, proxy};
use crate::request::post;
use crate::server::read;
use crate::upstream::{Part, Upstream};

/// Returns the content of an answer as JSON.
fn content(answer: &str) -> Value {
    let content = answer.split_once("\r\n\r\n").map(|(_, content)| content);
    let content = content.and_then(|content| serde_json::from_str(content).ok());
    content.unwrap_or_else(|| panic!("no JSON: {answer}"))
}

#[test]
fn an_answer_that_comes_before_the_content_of_its_request_is_whole() {
    let error = format!(r#"{{"error": "{}"}}"#, "x".repeat(200_000));
    let whole = json("401 Unauthorized", &error);
    let (first, rest) = whole.split_at(120_000);
    let pause = Part::Pause(Duration::from_millis(300));
    let upstream = Upstream::start(&[("/pets", &[bytes(first), pause, bytes(rest)])]);
    let folder = folder("proxy-early");
    let server = proxy(&folder, &upstream.url(), &[]);
    let got = server.exchange(
        "POST /pets HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: 12\r\nExpect: 100-continue\r\n\r\n",
    );
    assert!(got.starts_with("HTTP/1.1 401 "), "{}", &got[..100]);
    assert!(got.ends_with(&error), "{} bytes came", got.len());
}

#[test]
fn messages_that_http_forbids_do_not_pass() {
    let upstream = Upstream::texts(&[("/pets", &json("200 OK", "[]"))]);
    let folder = folder("proxy-forbidden");
    let server = proxy(&folder, &upstream.url(), &[]);
    let coded = server.exchange(
        "POST /pets HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Transfer-Encoding: gzip, chunked\r\n\r\n1\r\n{\r\n0\r\n\r\n",
    );
    assert!(coded.starts_with("HTTP/1.1 501 "), "{coded}");
    let twice =
        server.exchange("GET /pets HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n");
    assert!(twice.starts_with("HTTP/1.1 400 "), "{twice}");
    assert_eq!(upstream.requests().len(), 0, "nothing was forwarded");
}

#[test]
fn an_answer_that_a_header_field_asked_for_fits_the_document() {
    let part = "HTTP/1.1 206 Partial Content\r\nContent-Type: application/json\r\nContent-Range: bytes 0-1/90\r\n\
                Content-Length: 2\r\n\r\n[{";
    let upstream = Upstream::texts(&[("/pets", part)]);
    let folder = folder("proxy-partial");
    let server = proxy(&folder, &upstream.url(), &["--errors"]);
    let got = server.exchange(
        "GET /pets HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-1\r\nConnection: close\r\n\r\n",
    );
    assert!(got.starts_with("HTTP/1.1 206 "), "{got}");
    let drift = content(&server.get("/_standin/drift"));
    assert_eq!(drift["findings"], serde_json::json!([]), "{drift}");
    let unasked = server.get("/pets");
    assert!(unasked.starts_with("HTTP/1.1 502 "), "{unasked}");
}

#[test]
fn a_request_for_the_real_api_alone_gets_its_answer() {
    let upstream = Upstream::texts(&[("/pets/1", &json("404 Not Found", "{}"))]);
    let folder = folder("proxy-real-alone");
    let server = proxy(&folder, &upstream.url(), &["--fallback", "404"]);
    assert!(server.get("/pets/1").contains("Sandbox"));
    let real = server.exchange(
        "GET /pets/1 HTTP/1.1\r\nHost: localhost\r\nPrefer: real\r\nConnection: close\r\n\r\n",
    );
    assert!(real.starts_with("HTTP/1.1 404 "), "{real}");
}

#[test]
fn long_exchanges_are_in_the_reports_of_a_server_that_ends_at_once() {
    let long = format!(
        r#"[{{"id": 1, "name": "{}", "colour": "red"}}]"#,
        "a".repeat(300_000)
    );
    let upstream = Upstream::texts(&[("/pets", &json("200 OK", &long))]);
    let folder = folder("proxy-last");
    let report = folder.0.join("drift.json");
    let target = report.to_str().expect("is text");
    let server = proxy(
        &folder,
        &upstream.url(),
        &["--drift-report", "json", target],
    );
    for _ in 0..5 {
        server.get("/pets");
    }
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    let report = std::fs::read_to_string(&report).expect("was written");
    let report: Value = serde_json::from_str(&report).expect("is JSON");
    assert_eq!(report["exchanges"], 5, "{report}");
}

/// An answer of the real API that ends too early.
const BROKEN: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n[{";

#[test]
fn an_answer_that_breaks_off_at_once_is_a_problem() {
    let upstream = Upstream::start(&[("/pets/1", &[bytes(BROKEN), Part::Close])]);
    let folder = folder("proxy-broken");
    let server = proxy(&folder, &upstream.url(), &[]);
    let got = server.get("/pets/1");
    assert!(got.starts_with("HTTP/1.1 502 "), "{got}");
    assert!(got.contains("before its answer was complete"), "{got}");
    let journal = server.get("/_standin/requests");
    assert!(journal.contains("\"status\":502"), "{journal}");
    let server = proxy(&folder, &upstream.url(), &["--fallback", "unreachable"]);
    assert!(server.get("/pets/1").contains("Sandbox"));
}

#[test]
fn an_upload_may_take_longer_than_the_real_api_for_its_answer() {
    let upstream = Upstream::texts(&[("/pets", &json("201 Created", r#"{"id": 1}"#))]);
    let folder = folder("proxy-upload");
    let server = proxy(&folder, &upstream.url(), &["--upstream-timeout", "1s"]);
    let mut stream = server.send(
        "POST /pets HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: 12\r\n\r\n",
    );
    for part in br#"{"name":"a"}"#.chunks(3) {
        std::thread::sleep(Duration::from_millis(900));
        stream.write_all(part).expect("it is read");
    }
    let got = read(stream);
    assert!(got.starts_with("HTTP/1.1 201 "), "{got}");
}

#[test]
fn a_change_of_protocol_that_no_one_asked_for_is_a_problem() {
    let switches =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: odd\r\nConnection: Upgrade\r\n\r\n";
    let upstream = Upstream::texts(&[("/pets/1", switches)]);
    let folder = folder("proxy-unasked");
    let server = proxy(&folder, &upstream.url(), &[]);
    let got = server.get("/pets/1");
    assert!(got.starts_with("HTTP/1.1 502 "), "{got}");
}

#[test]
fn of_a_content_that_broke_off_nothing_false_is_told() {
    // It breaks off when its beginning has been sent already.
    let pause = Part::Pause(Duration::from_millis(1500));
    let upstream = Upstream::start(&[("/pets", &[bytes(BROKEN), pause, Part::Close])]);
    let folder = folder("proxy-broken-off");
    let server = proxy(&folder, &upstream.url(), &[]);
    server.get("/pets");
    let journal = server.get("/_standin/requests");
    assert!(!journal.contains("larger than"), "{journal}");
    let drift = content(&server.get("/_standin/drift"));
    assert_eq!(drift["findings"], serde_json::json!([]), "{drift}");
}

#[test]
fn a_safe_request_on_a_connection_that_was_closed_meanwhile_is_sent_again() {
    let ok = json("200 OK", r#"{"id": 1, "name": "a"}"#);
    // The answer to the next request on the connection: none, a part of one, or none to a first request.
    let closing = [bytes(&ok), Part::ReadRequest, Part::Close];
    let beginning = [bytes(&ok), Part::ReadRequest, bytes("HTT"), Part::Close];
    let upstream = Upstream::start(&[
        ("/pets/1", &closing),
        ("/pets/2", &beginning),
        ("/pets/3", &[Part::Close]),
        ("/pets", &closing),
    ]);
    let folder = folder("proxy-closed-idle");
    let server = proxy(&folder, &upstream.url(), &[]);
    let status = |answer: String| answer[..12].to_owned();
    let get = |path: &str| status(server.get(path));
    let count = || {
        let requests = upstream.requests();
        requests
            .iter()
            .filter(|request| !request.is_empty())
            .count()
    };
    assert_eq!([get("/pets/3"), get("/pets/3")], ["HTTP/1.1 502"; 2]);
    assert_eq!(count(), 2, "the connections were new");
    assert_eq!([get("/pets/1"), get("/pets/1")], ["HTTP/1.1 200"; 2]);
    assert_eq!(count(), 2 + 3);
    let server = proxy(&folder, &upstream.url(), &[]);
    let get = |path: &str| status(server.get(path));
    let begun = [get("/pets/2"), get("/pets/2")];
    assert_eq!(begun, ["HTTP/1.1 200", "HTTP/1.1 502"]);
    let post = || status(server.exchange(&post("/pets", r#"{"name": "a"}"#)));
    let posted = [post(), post()];
    assert_eq!(
        posted,
        ["HTTP/1.1 200", "HTTP/1.1 502"],
        "a request that may change something is sent once"
    );
}

#[test]
fn a_content_beyond_the_limit_passes_without_being_judged() {
    let long = format!(r#"[{{"id": "x", "name": "{}"}}]"#, "a".repeat(100_000));
    let upstream = Upstream::texts(&[("/pets", &json("200 OK", &long))]);
    let folder = folder("proxy-large");
    let server = proxy(&folder, &upstream.url(), &["--max-body", "20KiB"]);
    let got = server.get("/pets");
    assert!(got.ends_with(&long));
    assert!(!got.contains("standin-violations"));
    assert!(
        got.contains("standin-warning: not everything is checked"),
        "{}",
        &got[..400]
    );
    let sent = format!(r#"{{"name": "{}"}}"#, "b".repeat(100_000));
    server.exchange(&post("/pets", &sent));
    assert!(upstream.requests()[1].ends_with(&sent));
    let server = proxy(
        &folder,
        &upstream.url(),
        &["--max-body", "20KiB", "--errors"],
    );
    assert!(
        server.get("/pets").ends_with(&long),
        "it cannot be held back"
    );
    let refused = server.exchange(&post("/pets", &long));
    assert!(refused.starts_with("HTTP/1.1 413 "), "{refused}");
}
