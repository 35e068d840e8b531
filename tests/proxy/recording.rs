//! What `standin proxy` takes home: fixtures, a HAR, the words of the real API, and drift.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use crate::pets::{folder, json, proxy};
use crate::program::run;
use crate::request::post;
use crate::server::Server;
use crate::upstream::{Part, Upstream};

/// Request to write the recording so far.
const WRITE: &str =
    "POST /_standin/recording HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[test]
fn exchanges_become_fixtures_a_har_and_drift() {
    let real = json("200 OK", r#"{"id": 1, "name": "Real", "colour": "red"}"#);
    let real = real.replace("Date:", "X-Rate: 5\r\nDate:");
    let upstream = Upstream::texts(&[("/pets/1", &real), ("/pets/2", &real)]);
    let folder = folder("proxy-record");
    let options = ["--record", "new", "fixtures", "--har", "out.har"];
    let server = proxy(&folder, &upstream.url(), &options);
    server.get("/pets/1");
    let drift = server.get("/_standin/drift");
    assert!(drift.contains("colour"), "{drift}");
    let paused = server
        .exchange(&post("/_standin/recording", r#"{"on": false}"#).replacen("POST", "PUT", 1));
    assert!(
        paused.contains(r#""exchanges":1"#) && paused.contains(r#""on":false"#),
        "{paused}"
    );
    server.get("/pets/2");
    let written = server.exchange(WRITE);
    assert!(written.contains(r#""recorded":1"#), "{written}");
    assert!(
        server
            .get("/_standin/recording")
            .contains(r#""exchanges":1"#)
    );
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    let summary = "\n1 exchange recorded in 1 fixture, fixtures/recorded\n";
    assert!(log.contains(summary), "{log}");
    let har = std::fs::read_to_string(folder.0.join("out.har")).expect("was written");
    let har: serde_json::Value = serde_json::from_str(&har).expect("is JSON");
    assert_eq!(har["log"]["entries"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        har["log"]["entries"][0]["request"]["url"],
        format!("{}/pets/1", upstream.url())
    );
    let replayed = Server::serve(&folder, &[]);
    assert!(replayed.get("/pets/1").contains("\"colour\":\"red\""));
    assert!(
        !replayed.get("/pets/2").contains("colour"),
        "it was not recorded"
    );
    let none = replayed.get("/_standin/drift");
    assert!(
        none.contains("/_standin/problems/unknown-entity") && none.contains("standin proxy URL"),
        "{none}"
    );
    assert!(
        replayed
            .get("/_standin/recording")
            .starts_with("HTTP/1.1 404 ")
    );
}

#[test]
fn the_words_of_the_real_api_are_learned() {
    let wrong = json("400 Bad Request", r#"{"error": "name is missing, sorry"}"#);
    let upstream = Upstream::texts(&[("/pets", &wrong)]);
    let folder = folder("proxy-learn");
    let server = proxy(&folder, &upstream.url(), &["--record", "new", "fixtures"]);
    server.exchange(&post("/pets", "{}"));
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    let learned = std::fs::read_to_string(folder.0.join("fixtures/learned.yaml"));
    assert!(learned.expect("was written").contains("is missing, sorry"));
    let answer = Server::serve(&folder, &[]).exchange(&post("/pets", "{}"));
    assert!(
        answer.ends_with(r#"{"error":"name is missing, sorry"}"#),
        "{answer}"
    );
}

/// Waits until a condition holds, 20 seconds at most.
fn wait_for(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// A process that is killed writes nothing at its end.
#[test]
fn exchanges_are_written_meanwhile() {
    let upstream = Upstream::texts(&[("/pets/1", &json("200 OK", r#"{"id": 1}"#))]);
    let folder = folder("proxy-meanwhile");
    let server = proxy(&folder, &upstream.url(), &["--record", "new", "fixtures"]);
    server.get("/pets/1");
    let path = folder.0.join("fixtures/recorded/pets.yaml");
    wait_for("nothing is written", || path.exists());
    let text = std::fs::read_to_string(&path).expect("was written");
    assert!(text.contains("# GET /pets/1, "), "{text}");
    drop(server);
}

#[test]
fn recorded_fixtures_that_keep_writes_from_the_state_are_told_at_the_start() {
    let recorded = "createPet: [{status: 201, body: {id: 7, name: Real}}, {status: 400, body: {}}]\n\
                    getPet: [{when: {path: {id: 1}}, body: {id: 1, name: Real}}]\n";
    let folder = folder("proxy-recorded-writes").with("fixtures/recorded/pets.yaml", recorded);
    let (_, log) = Server::serve(&folder, &["--state", "on"]).stop();
    let told = "warning: 1 recorded fixture answers `createPet` before the state, so that what these requests write \
                is not stored\n  = help: delete the entries of these operations in `fixtures/recorded/pets.yaml`, or \
                leave `--state on` out";
    assert!(log.contains(told), "{log}");
    let (_, log) = Server::serve(&folder, &["--state", "off"]).stop();
    assert!(!log.contains("before the state"), "{log}");
}

/// Written fixtures are loaded again. That must neither forget the drift nor write anything anew.
#[test]
fn recorded_fixtures_are_loaded_and_nothing_else_changes() {
    let real = json("200 OK", r#"{"id": 1, "name": "Real", "colour": "red"}"#);
    let real = real.replace("Date:", "X-Rate: 5\r\nDate:");
    let upstream = Upstream::texts(&[("/pets/1", &real)]);
    let folder = folder("proxy-watch").with("fixtures/own.yaml", "createPet: [{status: 400}]");
    let options = ["--record", "new", "fixtures", "--watch", "poll=100ms"];
    let server = proxy(&folder, &upstream.url(), &options);
    server.get("/pets/1");
    assert!(server.exchange(WRITE).contains(r#""recorded":1"#));
    let sandbox =
        "GET /pets/1 HTTP/1.1\r\nHost: localhost\r\nPrefer: sandbox\r\nConnection: close\r\n\r\n";
    wait_for("the fixtures are not loaded", || {
        server.exchange(sandbox).contains("\"colour\":\"red\"")
    });
    let path = folder.0.join("fixtures/recorded/pets.yaml");
    let written = || std::fs::metadata(&path).and_then(|file| file.modified());
    let before = written().expect("was written");
    assert!(server.get("/pets/1").contains("Real"), "the proxy goes on");
    thread::sleep(Duration::from_secs(3));
    assert_eq!(written().expect("is there"), before, "it was written anew");
    let drift = server.get("/_standin/drift");
    assert!(drift.contains(r#""exchanges":2"#), "{drift}");
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(log.matches("reloaded in").count(), 1, "{log}");
}

#[test]
fn a_client_that_follows_an_answer_stays_in_the_sandbox() {
    let folder = folder("proxy-urls");
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let url = format!("http://{}", listener.local_addr().expect("is bound"));
    let photo =
        format!(r#"{{"id": 1, "photo": "{url}/v2/pets/1/photo", "other": "{url}.example/v2"}}"#);
    let answer = json("200 OK", &photo).replace(
        "Date:",
        "Link: </v2/pets/2>; rel=next\r\nX-Rate: 5\r\nDate:",
    );
    let upstream = Upstream::on(
        listener,
        &[("/v2/pets/1", &[Part::Bytes(answer.into_bytes())])],
    );
    let server = proxy(
        &folder,
        &format!("{url}/v2"),
        &["--record", "new", "fixtures"],
    );
    let first = server.get("/pets/1");
    assert!(first.contains(&format!("{url}/v2/pets/1/photo")), "{first}");
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    drop(upstream);
    let replayed = Server::serve(&folder, &[]);
    let answer = replayed.get("/pets/1");
    assert!(
        answer.contains("\"http://localhost/pets/1/photo\""),
        "{answer}"
    );
    assert!(answer.contains(&format!("{url}.example/v2")), "{answer}");
    assert!(answer.contains("</pets/2>; rel=next"), "{answer}");
}

#[test]
fn a_report_of_drift_is_written_at_the_end() {
    let real = json("200 OK", r#"{"id": 1, "colour": "red"}"#);
    let upstream = Upstream::texts(&[("/pets/1", &real)]);
    let folder = folder("proxy-drift");
    let options = [
        "--drift-report",
        "json",
        "drift.json",
        "--drift-report",
        "text",
        "drift.txt",
    ];
    let server = proxy(&folder, &upstream.url(), &options);
    server.get("/pets/1");
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    let summary = "drift: 2 findings in 1 exchange with 1 of 3 operations: 1 breaking, 1 incomplete, 0 information, \
                   drift.json, drift.txt\n";
    assert!(log.contains(summary), "{log}");
    for file in ["drift.json", "drift.txt"] {
        let text = std::fs::read_to_string(folder.0.join(file)).expect("was written");
        assert!(text.contains("colour"), "{text}");
    }
    let wrong = [
        "proxy",
        "http://localhost:1",
        "--drift-report",
        "pdf",
        "a.pdf",
    ];
    let (code, _, err) = run(&folder.0, &wrong);
    assert_eq!(code, Some(2));
    assert!(
        err.contains("`pdf` is no form of a report, expected `text`, `json`,"),
        "{err}"
    );
    let unwritable = [
        "proxy",
        "http://localhost:1",
        "--drift-report",
        "json",
        "specs/pets.yaml/a",
    ];
    let (code, _, err) = run(&folder.0, &unwritable);
    assert_eq!(code, Some(2));
    assert!(
        err.contains("`specs/pets.yaml/a` cannot be written"),
        "{err}"
    );
}

#[test]
fn a_running_proxy_tells_its_drift_to_who_has_the_token() {
    let real = json("200 OK", r#"{"id": 1, "colour": "red"}"#);
    let upstream = Upstream::texts(&[("/pets/1", &real)]);
    let folder = folder("proxy-token");
    let server = proxy(&folder, &upstream.url(), &["--control-token", "t-1"]);
    server.get("/pets/1");
    let url = format!("http://{}", server.address);
    let (code, _, err) = run(&folder.0, &["drift", "--journal", "--url", &url]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("401"), "{err}");
    let asked = [
        "drift",
        "--journal",
        "--url",
        &url,
        "--control-token",
        "t-1",
        "--overlay",
        "fix.yaml",
    ];
    let (_, out, err) = run(&folder.0, &asked);
    assert!(
        out.contains("undocumented-field") && out.contains("colour"),
        "{out}{err}"
    );
    let overlay = std::fs::read_to_string(folder.0.join("fix.yaml")).expect("was written");
    assert!(overlay.contains("colour"), "{overlay}");
}

#[test]
fn a_recording_that_cannot_be_written_is_told() {
    let upstream = Upstream::texts(&[("/pets", &json("200 OK", "[]"))]);
    let folder = folder("proxy-unwritable").with("taken", "a file");
    let server = proxy(&folder, &upstream.url(), &["--record", "all", "taken"]);
    server.get("/pets");
    let failed = server.exchange(WRITE);
    assert!(
        failed.contains("/_standin/problems/unwritable-recording"),
        "{failed}"
    );
    let (code, log) = server.stop();
    assert_eq!(code, Some(2), "{log}");
    assert!(log.contains("cannot write the recording to"), "{log}");
    let (code, _, err) = run(
        &folder.0,
        &["proxy", "http://localhost:1", "--har", "taken/a.har"],
    );
    assert_eq!(code, Some(2));
    assert!(err.contains("cannot write `taken/a.har`"), "{err}");
}

#[test]
fn without_drift_and_validation_nothing_is_compared() {
    let wrong = json("200 OK", r#"{"id": "x", "colour": "red"}"#);
    let upstream = Upstream::texts(&[("/pets/1", &wrong)]);
    let folder = folder("proxy-uncompared");
    let off = [
        "--validate-request",
        "false",
        "--validate-response",
        "false",
    ];
    let server = proxy(
        &folder,
        &upstream.url(),
        &[&off[..], &["--drift", "off"]].concat(),
    );
    let got = server.get("/pets/1");
    assert!(!got.contains("standin-violations"), "{got}");
    let drift = server.get("/_standin/drift");
    assert!(
        drift.starts_with("HTTP/1.1 404 ") && drift.contains("start without `--drift off`"),
        "{drift}"
    );
    let journal = server.get("/_standin/requests");
    assert!(journal.contains(r#""operation":"getPet""#), "{journal}");
    // The drift needs the comparison, even if violations are not reported.
    let server = proxy(&folder, &upstream.url(), &off);
    server.get("/pets/1");
    let drift = server.get("/_standin/drift");
    assert!(drift.contains("colour"), "{drift}");
    let options = ["--drift", "off", "--drift-report", "json", "drift.json"];
    let arguments = [&["proxy", "http://localhost:1", "specs"][..], &options].concat();
    let (code, _, err) = run(&folder.0, &arguments);
    assert_eq!(code, Some(2));
    assert!(
        err.contains("nothing to report with `--drift off`"),
        "{err}"
    );
}
