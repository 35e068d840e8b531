//! `standin proxy`: what passes between a client and the real API, what is reported, who answers, and what happens
//! when the real API fails. Client and API are plain sockets, so that each byte is seen.

#[path = "proxy/answering.rs"]
mod answering;
#[path = "proxy/codings.rs"]
mod codings;
#[path = "proxy/passing.rs"]
mod passing;
#[path = "support/pets.rs"]
mod pets;
#[path = "support/program.rs"]
mod program;
#[path = "proxy/recording.rs"]
mod recording;
#[path = "support/request.rs"]
mod request;
#[path = "proxy/sandbox.rs"]
mod sandbox;
#[path = "support/server.rs"]
mod server;
#[path = "support/upstream.rs"]
mod upstream;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use pets::{folder, json, proxy};
use program::{run, standin};
use request::post;
use server::{Server, read};
use upstream::{Part, Upstream};

fn bytes(text: &str) -> Part {
    Part::Bytes(text.as_bytes().to_vec())
}

/// The answer of [`json`] when the client asked to close the connection.
fn closing(answer: &str) -> String {
    let (head, content) = answer.split_once("\r\n\r\n").expect("has a head");
    format!("{head}\r\nconnection: close\r\n\r\n{content}")
}

#[test]
fn a_request_and_its_answer_pass_unchanged() {
    let answer = json("200 Very Well", r#"[{"id": 1}]"#);
    let upstream = Upstream::texts(&[("/v2/pets", &answer)]);
    let folder = folder("proxy-unchanged");
    let server = proxy(&folder, &format!("{}/v2/", upstream.url()), &[]);
    let got = server.exchange(
        "GET /pets?limit=1&odd=%2f+%20 HTTP/1.1\r\nHost: localhost\r\nX-ODD-Case: a\r\nAccept-Encoding: br, gzip\r\n\
         Connection: close, X-Hop\r\nX-Hop: 1\r\nStandin-Session: blue\r\naccept: a/b\r\n\r\n",
    );
    assert_eq!(got, closing(&answer));
    let sent = upstream.requests();
    let (lines, via) = sent[0]
        .split_once("via: 1.1 standin-")
        .expect("says the way");
    assert_eq!(
        lines,
        format!(
            "GET /v2/pets?limit=1&odd=%2f+%20 HTTP/1.1\r\nHost: {}\r\nX-ODD-Case: a\r\nAccept-Encoding: br, gzip\r\naccept: a/b\r\n",
            upstream.address
        )
    );
    assert_eq!(via.len(), "0123456789abcdef\r\n\r\n".len(), "{via}");
}

#[test]
fn chunks_trailers_and_a_content_of_the_client_pass() {
    let chunks = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n\
                  4\r\n[{\"i\r\n8\r\nd\": 1}]\n\r\n0\r\nX-Sum: 9\r\n\r\n";
    let upstream = Upstream::texts(&[("/pets", chunks)]);
    let folder = folder("proxy-chunks");
    let server = proxy(&folder, &upstream.url(), &[]);
    let got = server.exchange(
        "GET /pets HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\nConnection: close, TE\r\n\r\n",
    );
    let content = got.split_once("\r\n\r\n").expect("has a head").1;
    assert_eq!(
        content,
        "4\r\n[{\"i\r\n8\r\nd\": 1}]\n\r\n0\r\nx-sum: 9\r\n\r\n"
    );
    server.exchange(
        "POST /pets HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\
         Content-Type: application/json\r\n\r\n8\r\n{\"name\":\r\n4\r\n\"a\"}\r\n0\r\n\r\n",
    );
    let sent = upstream.requests();
    assert!(
        sent[0].contains("TE: trailers\r\n") || sent[0].contains("te: trailers\r\n"),
        "{}",
        sent[0]
    );
    assert!(
        sent[1].ends_with("8\r\n{\"name\":\r\n4\r\n\"a\"}\r\n0\r\n\r\n"),
        "{}",
        sent[1]
    );
}

#[test]
fn answers_without_content_pass() {
    let upstream = Upstream::texts(&[
        (
            "/pets",
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n",
        ),
        (
            "/pets/1",
            "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 7\r\n\r\n",
        ),
        ("/pets/2", "HTTP/1.1 204 No Content\r\n\r\n"),
    ]);
    let folder = folder("proxy-empty");
    let server = proxy(&folder, &upstream.url(), &[]);
    let head =
        server.exchange("HEAD /pets HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(
        head.contains("Content-Length: 1000\r\n") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    let unchanged = server.get("/pets/1");
    assert!(
        unchanged.starts_with("HTTP/1.1 304 ") && unchanged.contains("ETag: \"a\"\r\n"),
        "{unchanged}"
    );
    assert!(server.get("/pets/2").starts_with("HTTP/1.1 204 "));
}

#[test]
fn compressed_content_passes_and_is_judged() {
    // `[{"id":"x"}]` in gzip, as the program gzip writes it.
    let gzip: [u8; 32] = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 255, 139, 174, 86, 202, 76, 81, 178, 82, 170, 80, 170, 141,
        5, 0, 156, 231, 61, 88, 12, 0, 0, 0,
    ];
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        gzip.len()
    )
    .into_bytes();
    answer.extend(gzip);
    let upstream = Upstream::start(&[("/pets", &[Part::Bytes(answer)])]);
    let folder = folder("proxy-gzip");
    let server = proxy(&folder, &upstream.url(), &[]);
    let mut stream =
        server.send("GET /pets HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut got = Vec::new();
    stream.read_to_end(&mut got).expect("it answers");
    assert!(got.ends_with(&gzip));
    let head = String::from_utf8_lossy(&got).into_owned();
    assert!(head.contains("Content-Encoding: gzip\r\n"), "{head}");
    assert!(
        head.contains("standin-violations: response 200 body /0/id: must be integer\r\n"),
        "{head}"
    );
}

#[test]
fn events_pass_as_they_come() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    let upstream = Upstream::start(&[(
        "/events",
        &[
            bytes(head),
            bytes("data: 1\n\n"),
            Part::Pause(Duration::from_secs(2)),
            bytes("data: 2\n\n"),
        ],
    )]);
    let folder = folder("proxy-events");
    let server = proxy(&folder, &upstream.url(), &[]);
    let mut stream =
        server.send("GET /events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let started = Instant::now();
    let mut got = String::new();
    while !got.contains("data: 1") {
        let mut some = [0; 1000];
        let count = stream.read(&mut some).expect("it answers");
        assert!(count > 0, "{got}");
        got.push_str(&String::from_utf8_lossy(&some[..count]));
    }
    assert!(
        started.elapsed() < Duration::from_millis(1500),
        "{:?}",
        started.elapsed()
    );
    assert!(read(stream).contains("data: 2"));
}

#[test]
fn the_real_api_decides_whether_a_content_is_sent() {
    let refuses = "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n";
    let upstream = Upstream::start(&[
        ("/pets/1", &[bytes(refuses)]),
        (
            "/pets",
            &[
                bytes("HTTP/1.1 100 Continue\r\n\r\n"),
                Part::ReadContent,
                bytes(&json("201 Created", r#"{"id": 1}"#)),
            ],
        ),
    ]);
    let folder = folder("proxy-continue");
    let server = proxy(&folder, &upstream.url(), &[]);
    let ask = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n\
             Content-Length: 12\r\nExpect: 100-continue\r\n\r\n"
        )
    };
    let refused = server.exchange(&ask("/pets/1"));
    assert!(refused.starts_with("HTTP/1.1 417 "), "{refused}");
    let mut stream = server.send(&ask("/pets"));
    let mut first = [0; 25];
    stream.read_exact(&mut first).expect("it goes on");
    assert_eq!(&first, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(br#"{"name":"a"}"#).expect("it reads");
    assert!(read(stream).starts_with("HTTP/1.1 201 "));
    assert!(upstream.requests()[1].ends_with(r#"{"name":"a"}"#));
}

#[test]
fn a_connection_that_changes_its_protocol_becomes_a_tunnel() {
    let upstream = Upstream::start(&[(
        "/socket",
        &[
            bytes(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n",
            ),
            Part::Echo,
        ],
    )]);
    let folder = folder("proxy-tunnel");
    let server = proxy(&folder, &upstream.url(), &[]);
    let mut stream = server.send(
        "GET /socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nearly",
    );
    let mut got = String::new();
    let mut until = |stream: &mut TcpStream, end: &str| {
        while !got.ends_with(end) {
            let mut some = [0; 1000];
            let count = stream.read(&mut some).expect("it answers");
            assert!(count > 0, "{got}");
            got.push_str(&String::from_utf8_lossy(&some[..count]));
        }
        got.clone()
    };
    let head = until(&mut stream, "early");
    assert!(
        head.starts_with("HTTP/1.1 101 ") && head.contains("Upgrade: echo\r\n"),
        "{head}"
    );
    stream.write_all(b"late").expect("is read");
    until(&mut stream, "earlylate");
    let asked = &upstream.requests()[0];
    assert!(asked.contains("Upgrade: echo\r\n"), "{asked}");
}

#[test]
fn violations_of_both_sides_are_reported_and_judged_at_the_end() {
    let upstream = Upstream::texts(&[
        ("/pets", &json("201 Created", r#"{"id": "x"}"#)),
        ("/pets/1", &json("200 OK", r#"{"id": 1}"#)),
        ("/pets/2", &json("418 I'm a teapot", "{}")),
        ("/pets/3", &json("200 OK", "")),
        ("/nope", &json("200 OK", "{}")),
    ]);
    let folder = folder("proxy-report");
    let server = proxy(&folder, &upstream.url(), &["--fail-on", "violations"]);
    let violations = |answer: String| {
        let line = answer
            .lines()
            .find_map(|line| line.strip_prefix("standin-violations: ").map(str::to_owned));
        line.unwrap_or_default()
    };
    assert_eq!(
        violations(server.exchange(&post("/pets", r#"{"name": 1}"#))),
        "body /name: must be string; response 201 body /id: must be integer"
    );
    assert_eq!(
        violations(server.get("/pets/1")),
        "response 200 header x-rate: must have required property 'x-rate'"
    );
    assert_eq!(
        violations(server.get("/pets/2")),
        "response 418 body: the status 418 is not documented"
    );
    assert_eq!(
        violations(server.get("/pets/3")),
        "response 200 body: the content is empty, expected `application/json`; \
         response 200 header x-rate: must have required property 'x-rate'"
    );
    assert_eq!(
        violations(server.get("/nope")),
        "path: no document has the path `/nope`"
    );
    let journal = server.get("/_standin/requests");
    assert!(journal.contains("\"source\":\"the real API\""), "{journal}");
    assert!(
        journal.contains("response 201 body /id: must be integer"),
        "{journal}"
    );
    let (code, log) = server.stop();
    assert_eq!(code, Some(1), "{log}");
}

#[test]
fn with_errors_wrong_messages_are_refused() {
    let upstream = Upstream::texts(&[
        ("/pets", &json("201 Created", r#"{"id": "x"}"#)),
        (
            "/pets/1",
            &json("200 OK", r#"{"id": 1}"#).replace("Date:", "X-Rate: 5\r\nDate:"),
        ),
    ]);
    let folder = folder("proxy-errors");
    let server = proxy(&folder, &upstream.url(), &["--errors"]);
    let refused = server.exchange(&post("/pets", r#"{"name": 1}"#));
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    assert!(
        refused.contains("/name must be string") || refused.contains("must be string"),
        "{refused}"
    );
    assert_eq!(upstream.requests().len(), 0, "it was not forwarded");
    let replaced = server.exchange(&post("/pets", r#"{"name": "a"}"#));
    assert!(replaced.starts_with("HTTP/1.1 502 "), "{replaced}");
    assert!(
        replaced.contains(r#""type":"/_standin/problems/upstream-answer-does-not-fit""#),
        "{replaced}"
    );
    assert!(replaced.contains(r##""pointer":"#/id""##), "{replaced}");
    assert!(server.get("/pets/1").starts_with("HTTP/1.1 200 "));
    let (code, _, err) = run(
        &folder.0,
        &[
            "proxy",
            "http://localhost:1",
            "specs",
            "--errors",
            "--validate",
            "warn",
        ],
    );
    assert_eq!(code, Some(2));
    assert!(err.contains("`--errors` refuses wrong requests"), "{err}");
}

#[test]
fn validation_of_each_side_can_be_off() {
    let upstream = Upstream::texts(&[("/pets", &json("201 Created", r#"{"id": "x"}"#))]);
    let folder = folder("proxy-off");
    let server = proxy(&folder, &upstream.url(), &["--validate-request", "false"]);
    let got = server.exchange(&post("/pets", r#"{"name": 1}"#));
    assert!(
        got.contains("standin-violations: response 201 body /id: must be integer\r\n"),
        "{got}"
    );
    let server = proxy(&folder, &upstream.url(), &["--validate-response", "false"]);
    let got = server.exchange(&post("/pets", r#"{"name": 1}"#));
    assert!(
        got.contains("standin-violations: body /name: must be string\r\n"),
        "{got}"
    );
}

#[test]
fn options_preferences_and_fixtures_choose_who_answers() {
    let real =
        json("200 OK", r#"{"id": 1, "name": "Real"}"#).replace("Date:", "X-Rate: 5\r\nDate:");
    let upstream = Upstream::texts(&[
        ("/pets/1", &real),
        ("/pets/2", &real),
        ("/pets", &json("200 OK", "[]")),
    ]);
    let folder = folder("proxy-choice").with(
        "fixtures/f.yaml",
        "getPet: [{when: {path: {id: 2}}, upstream: sandbox, body: {id: 2, name: Fixture}}]\n",
    );
    let server = proxy(&folder, &upstream.url(), &[]);
    assert!(server.get("/pets/1").contains("Real"));
    assert!(server.get("/pets/2").contains("Fixture"));
    let prefers = |server: &Server, side: &str, path: &str| {
        server.exchange(&format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nPrefer: {side}\r\nConnection: close\r\n\r\n"
        ))
    };
    assert!(prefers(&server, "sandbox", "/pets/1").contains("Sandbox"));
    assert!(prefers(&server, "real", "/pets/2").contains("Real"));
    // An answer that is pinned is given; the next call is forwarded again.
    server.exchange(&post(
        "/_standin/fixtures",
        r#"{"getPet": [{"status": 404, "times": 1}]}"#,
    ));
    assert!(server.get("/pets/1").starts_with("HTTP/1.1 404 "));
    assert!(server.get("/pets/1").contains("Real"));
    server.exchange(&post(
        "/_standin/fixtures",
        r#"{"getPet": [{"upstream": "sandbox"}]}"#,
    ));
    assert!(server.get("/pets/1").contains("Sandbox"));
    // Without a real API, an entry for the sandbox is one like others.
    assert!(
        Server::serve(&folder, &[])
            .get("/pets/2")
            .contains("Fixture")
    );
    // The most exact key counts.
    let server = proxy(
        &folder,
        &upstream.url(),
        &["--sandbox", "*", "--real", "GET /pets/**"],
    );
    assert!(server.get("/pets/1").contains("Real"));
    assert!(
        server
            .exchange(&post("/pets", r#"{"name": "a"}"#))
            .starts_with("HTTP/1.1 201 ")
    );
    let server = proxy(&folder, &upstream.url(), &["--real", "listPets"]);
    assert!(server.get("/pets/1").contains("Sandbox"));
    assert!(server.get("/pets").ends_with("[]"));
    assert!(
        upstream
            .requests()
            .iter()
            .all(|request| request.starts_with("GET ")),
        "the sandbox answered what was posted"
    );
    let (code, _, err) = run(
        &folder.0,
        &[
            "proxy",
            "http://localhost:1",
            "specs",
            "--sandbox",
            "getPets",
        ],
    );
    assert_eq!(code, Some(2));
    assert!(
        err.contains("no document has the operation `getPets`"),
        "{err}"
    );
}

#[test]
fn the_sandbox_answers_where_the_real_api_cannot() {
    let upstream = Upstream::start(&[
        (
            "/pets/1",
            &[bytes(
                "HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n",
            )],
        ),
        (
            "/pets/2",
            &[bytes("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")],
        ),
        ("/pets/3", &[Part::Pause(Duration::from_secs(3))]),
    ]);
    let folder = folder("proxy-fallback");
    let options = [
        "--fallback",
        "5xx,unreachable,timeout",
        "--upstream-timeout",
        "1s",
    ];
    let server = proxy(&folder, &upstream.url(), &options);
    assert!(server.get("/pets/1").contains("Sandbox"));
    assert!(server.get("/pets/2").starts_with("HTTP/1.1 404 "));
    assert!(server.get("/pets/3").contains("Sandbox"));
    let server = proxy(&folder, "http://127.0.0.1:1", &options);
    assert!(server.get("/pets/1").contains("Sandbox"));
    let created = server.exchange(&post("/pets", r#"{"name": "a"}"#));
    assert!(
        created.starts_with("HTTP/1.1 201 "),
        "the content was kept for the sandbox: {created}"
    );
}

#[test]
fn failures_of_the_real_api_are_problems() {
    let upstream = Upstream::start(&[
        ("/pets/1", &[Part::Pause(Duration::from_secs(3))]),
        ("/pets/2", &[bytes("what is this\r\n\r\n")]),
        ("/pets/3", &[]),
    ]);
    let folder = folder("proxy-failures");
    let server = proxy(&folder, &upstream.url(), &["--upstream-timeout", "1s"]);
    let late = server.get("/pets/1");
    assert!(
        late.starts_with("HTTP/1.1 504 ") && late.contains("/_standin/problems/upstream-late"),
        "{late}"
    );
    let malformed = server.get("/pets/2");
    assert!(malformed.starts_with("HTTP/1.1 502 "), "{malformed}");
    assert!(
        malformed.contains("/_standin/problems/upstream-broken")
            && malformed.contains("is not HTTP"),
        "{malformed}"
    );
    let closed = server.get("/pets/3");
    assert!(
        closed.contains("/_standin/problems/upstream-broken")
            && closed.contains("closed the connection"),
        "{closed}"
    );
    let server = proxy(&folder, "http://127.0.0.1:1", &[]);
    let unreachable = server.get("/pets/1");
    assert!(unreachable.starts_with("HTTP/1.1 502 "), "{unreachable}");
    assert!(
        unreachable.contains("/_standin/problems/upstream-unreachable"),
        "{unreachable}"
    );
    assert!(
        unreachable.contains("no connection to http://127.0.0.1:1"),
        "{unreachable}"
    );
}

#[test]
fn a_client_that_sends_its_content_too_slowly_is_told() {
    let upstream = Upstream::texts(&[("/pets", &json("201 Created", r#"{"id": 1}"#))]);
    let folder = folder("proxy-slow-client");
    let server = proxy(&folder, &upstream.url(), &["--body-timeout", "1"]);
    let mut stream = server.send(
        "POST /pets HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    );
    let mut got = [0; 400];
    let count = stream.read(&mut got).expect("it answers");
    let got = String::from_utf8_lossy(&got[..count]).into_owned();
    assert!(got.starts_with("HTTP/1.1 408 "), "{got}");
    assert!(got.contains("`--body-timeout`"), "{got}");
}

#[test]
fn a_loop_is_broken() {
    let folder = folder("proxy-loop");
    // The port is known only when the first proxy listens, so the loop leads over a second one.
    let upstream = Upstream::texts(&[("/pets", &json("200 OK", "[]"))]);
    let first = proxy(&folder, &upstream.url(), &[]);
    first.get("/pets");
    let sent = upstream.requests();
    let via = sent[0]
        .lines()
        .find_map(|line| line.strip_prefix("via: "))
        .expect("says the way");
    let looped = first.exchange(&format!(
        "GET /pets HTTP/1.1\r\nHost: localhost\r\nVia: 1.0 a, {via}\r\nConnection: close\r\n\r\n"
    ));
    assert!(looped.starts_with("HTTP/1.1 508 "), "{looped}");
    assert!(
        looped.contains("/_standin/problems/upstream-loop"),
        "{looped}"
    );
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn no_other_host_is_contacted() {
    let other = Upstream::texts(&[("/pets", &json("200 OK", r#"["other"]"#))]);
    let upstream = Upstream::texts(&[("/pets", &json("200 OK", "[]"))]);
    let folder = folder("proxy-closed");
    let server = proxy(&folder, &upstream.url(), &[]);
    let got = server.exchange(&format!(
        "GET http://{}/pets HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        other.address
    ));
    assert!(!got.contains("other"), "{got}");
    let tunnel = server.exchange(&format!(
        "CONNECT {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        other.address
    ));
    assert!(tunnel.starts_with("HTTP/1.1 4"), "{tunnel}");
    assert_eq!(other.requests().len(), 0);
    let foreign =
        server.exchange("GET /pets HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    assert!(foreign.starts_with("HTTP/1.1 421 "), "{foreign}");
    for (url, why) in [
        ("pets.yaml", "is no URL of an API"),
        ("ftp://localhost", "scheme `ftp`"),
        ("http://u:secret@localhost", "user name or password"),
    ] {
        let (code, _, err) = run(&folder.0, &["proxy", url, "specs"]);
        assert_eq!(code, Some(2), "{url}");
        assert!(err.contains(why) && !err.contains("secret"), "{err}");
    }
}

#[test]
fn requests_go_through_an_http_proxy() {
    let tunnel = Upstream::start(&[(
        "127.0.0.1:1",
        &[
            bytes("HTTP/1.1 200 OK\r\n\r\n"),
            Part::ReadRequest,
            bytes(&json("200 OK", "[]")),
        ],
    )]);
    let folder = folder("proxy-tunnelled");
    let by = format!("http://user:pass@{}", tunnel.address);
    let server = proxy(&folder, "http://127.0.0.1:1", &["--upstream-proxy", &by]);
    let got = server.get("/pets");
    assert!(got.starts_with("HTTP/1.1 200 "), "{got}");
    let asked = &tunnel.requests()[0];
    assert!(
        asked.starts_with("CONNECT 127.0.0.1:1 HTTP/1.1\r\n"),
        "{asked}"
    );
    assert!(
        asked
            .to_ascii_lowercase()
            .contains("proxy-authorization: basic dxnlcjpwyxnz"),
        "{asked}"
    );
    let (code, _, err) = run(
        &folder.0,
        &[
            "proxy",
            "http://localhost:1",
            "specs",
            "--upstream-proxy",
            "ftp://x",
        ],
    );
    assert_eq!(code, Some(2));
    assert!(err.contains("is no address of an HTTP proxy"), "{err}");
    let (code, _, err) = run(
        &folder.0,
        &[
            "proxy",
            "http://localhost:1",
            "specs",
            "--upstream-ca",
            "specs/pets.yaml",
        ],
    );
    assert_eq!(code, Some(2));
    assert!(err.contains("has no certificate"), "{err}");
}

#[test]
fn pages_of_other_origins_may_read_the_answers() {
    let upstream = Upstream::texts(&[("/pets", &json("200 OK", "[]"))]);
    let folder = folder("proxy-cors");
    let ask = "GET /pets HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:3000\r\nConnection: close\r\n\r\n";
    let server = proxy(&folder, &upstream.url(), &["--errors"]);
    let allowed = "access-control-allow-origin: http://localhost:3000\r\n";
    let got = server.exchange(ask);
    assert!(got.contains(allowed), "{got}");
    // What is noted, recorded and compared is the answer as it came.
    let journal = server.get("/_standin/requests");
    assert!(
        !journal.contains("access-control-allow-origin"),
        "{journal}"
    );
    let wrong = Upstream::texts(&[("/pets", &json("200 OK", "{}"))]);
    let got = proxy(&folder, &wrong.url(), &["--errors"]).exchange(ask);
    assert!(
        got.starts_with("HTTP/1.1 502 ") && got.contains(allowed),
        "{got}"
    );
}

#[test]
fn a_proxy_starts_where_the_system_has_no_authorities() {
    let folder = folder("proxy-without-authorities").with("none.pem", "");
    let arguments = ["proxy", "https://localhost:1", "specs", "--port", "0"];
    let mut command = standin(&folder.0, &arguments);
    command.env("SSL_CERT_FILE", "none.pem");
    command.env("SSL_CERT_DIR", "specs");
    let got = Server::start(command).get("/pets");
    assert!(got.starts_with("HTTP/1.1 502 "), "{got}");
}
