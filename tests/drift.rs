//! What does `standin drift` report of recorded traffic, in which format, with which exit code, and does
//! its overlay repair the document?

#[path = "support/document.rs"]
mod document;
#[path = "support/program.rs"]
mod program;
#[expect(dead_code, reason = "other tests ask more of a server")]
#[path = "support/server.rs"]
mod server;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use serde_json::{Value, json};

use document::DOCUMENT;
use program::{Folder, run};
use server::Server;

/// Returns an entry of HAR 1.2.
fn entry(method: &str, url: &str, status: u16, content: &Value) -> Value {
    let text = content.to_string();
    json!({
        "startedDateTime": "2024-01-02T03:04:05.000Z", "time": 1, "cache": {}, "timings": {"send": 0, "wait": 1, "receive": 0},
        "request": {"method": method, "url": url, "httpVersion": "HTTP/1.1", "headers": [], "cookies": [], "queryString": [], "headersSize": -1, "bodySize": 0},
        "response": {"status": status, "statusText": "", "httpVersion": "HTTP/1.1", "cookies": [], "redirectURL": "", "headersSize": -1, "bodySize": text.len(),
            "headers": [{"name": "Content-Type", "value": "application/json"}],
            "content": {"size": text.len(), "mimeType": "application/json", "text": text}},
    })
}

fn har(entries: &[Value]) -> String {
    json!({"log": {"version": "1.2", "creator": {"name": "t", "version": "1"}, "entries": entries}})
        .to_string()
}

/// A folder with a document, and traffic that it does not describe in full.
fn folder(name: &str) -> Folder {
    let drifting = [
        entry(
            "GET",
            "https://api.example.com/a",
            200,
            &json!({"n": 1, "more": "x"}),
        ),
        entry("GET", "https://api.example.com/a", 200, &json!({"n": null})),
        entry(
            "GET",
            "https://api.example.com/a",
            500,
            &json!({"error": "x"}),
        ),
        entry(
            "GET",
            "https://api.example.com/users/7",
            200,
            &json!({"id": 7}),
        ),
    ];
    let clean = [entry(
        "GET",
        "https://api.example.com/a",
        200,
        &json!({"n": 1}),
    )];
    Folder::new(name)
        .with("specs/a.yaml", DOCUMENT)
        .with("drifting.har", &har(&drifting))
        .with("clean.har", &har(&clean))
}

#[test]
fn drift_tells_by_its_exit_code() {
    let folder = folder("drift-codes");
    let (code, out, _) = run(&folder.0, &["drift", "--har", "clean.har"]);
    assert_eq!(
        (code, out.as_str()),
        (
            Some(0),
            "0 findings in 1 exchange with 1 of 2 operations: 0 breaking, 0 incomplete, 0 information\n"
        )
    );
    for (limit, expected) in [
        ("breaking", 1),
        ("incomplete", 1),
        ("information", 1),
        ("never", 0),
        ("2", 1),
        ("3", 0),
    ] {
        let (code, ..) = run(
            &folder.0,
            &["drift", "--har", "drifting.har", "--fail-on", limit],
        );
        assert_eq!(code, Some(expected), "{limit}");
    }
    for wrong in [
        &["drift"][..],
        &["drift", "--har", "nowhere.har"],
        &["drift", "--har", "specs/a.yaml"],
        &["drift", "nowhere", "--har", "clean.har"],
        &["drift", "--har", "clean.har", "--journal"],
        &["drift", "--har", "clean.har", "--report", "pdf", "x"],
        &[
            "drift",
            "--har",
            "clean.har",
            "--report",
            "json",
            "no/such/folder",
        ],
        &["drift", "--journal", "--url", "http://127.0.0.1:1"],
    ] {
        let (code, _, errors) = run(&folder.0, wrong);
        assert_eq!(code, Some(2), "{wrong:?}: {errors}");
        assert!(errors.contains("error"), "{wrong:?}: {errors}");
    }
}

#[test]
fn drift_reports_each_cause_once_at_its_line() {
    let folder = folder("drift-text");
    let (_, out, _) = run(&folder.0, &["drift", "--har", "drifting.har"]);
    assert_eq!(
        out,
        "breaking[undocumented-null]: `/n` is null in 1 of 2 answers, and the document allows no null
 --> specs/a.yaml:12:61 (GET /a 200)
  = seen: GET /a -> 200: {\"n\":null}
  = help: allow null with `nullable: true` in OpenAPI 3.0, or with the type `null` from 3.1 on

incomplete[undocumented-operation]: `GET /users/{id}` is not documented, and was called 1 time
 --> specs/a.yaml:3:1 (GET /users/{id})
  = seen: GET /users/7 -> 200: {\"id\":7}
  = help: add the operation to `paths`

incomplete[undocumented-field]: `/more` is not documented, and came as string in 1 of 2 answers
 --> specs/a.yaml:12:50 (GET /a 200)
  = seen: GET /a -> 200: {\"more\":\"x\"}
  = help: add it to `properties`

information[undocumented-status]: the status 500 is not documented, and came in 1 of 3 answers
 --> specs/a.yaml:7:7 (GET /a 500)
  = seen: GET /a -> 500: {\"error\":\"x\"}
  = help: add it to `responses` of the operation

4 findings in 4 exchanges with 1 of 2 operations: 1 breaking, 2 incomplete, 1 information; 1 exchange without a documented operation
"
    );
    let (_, out, _) = run(
        &folder.0,
        &["drift", "--har", "drifting.har", "--min-calls", "3"],
    );
    assert!(out.contains("information[unseen-operation]"), "{out}");
}

#[test]
fn drift_speaks_json_sarif_and_junit() {
    let folder = folder("drift-forms");
    let all = [
        "drift",
        "--har",
        "drifting.har",
        "--format",
        "json",
        "--report",
        "sarif",
        "drift.sarif",
        "--report",
        "junit",
        "drift.xml",
    ];
    let (_, out, _) = run(&folder.0, &all);
    let report: Value = serde_json::from_str(&out).expect("is JSON");
    let first = &report["findings"][0];
    assert_eq!(
        (
            &first["kind"],
            &first["count"],
            &first["of"],
            &first["places"][0]["line"]
        ),
        (
            &json!("undocumented-null"),
            &json!(1),
            &json!(2),
            &json!(12)
        )
    );
    let text = fs::read_to_string(folder.0.join("drift.sarif")).expect("is written");
    let sarif: Value = serde_json::from_str(&text).expect("is JSON");
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(
        (&result["ruleId"], &result["level"]),
        (&json!("undocumented-null"), &json!("error"))
    );
    assert_eq!(
        result["partialFingerprints"]["standinDrift/v1"],
        first["fingerprint"]
    );
    assert_eq!(
        result["locations"][0]["physicalLocation"]["region"]["startLine"],
        12
    );
    let junit = fs::read_to_string(folder.0.join("drift.xml")).expect("is written");
    assert!(
        junit.contains("tests=\"4\" failures=\"1\" skipped=\"3\""),
        "{junit}"
    );
}

#[test]
fn the_overlay_is_proved_and_served_at_once() {
    let folder = folder("drift-overlay");
    let all = [
        "drift",
        "--har",
        "drifting.har",
        "--overlay",
        "fix.yaml",
        "--fail-on",
        "never",
    ];
    let (code, _, errors) = run(&folder.0, &all);
    assert_eq!(code, Some(0), "{errors}");
    let said = "wrote `fix.yaml`: 4 actions for specs/a.yaml\nwith the overlay, the document describes all of the traffic\n";
    assert!(errors.ends_with(said), "{errors}");
    let (code, out, _) = run(
        &folder.0,
        &[
            "drift",
            "--har",
            "drifting.har",
            "--with-overlay",
            "fix.yaml",
            "--fail-on",
            "information",
        ],
    );
    assert_eq!(code, Some(0), "{out}");
    let server = Server::serve(&folder, &["--overlay", "fix.yaml"]);
    let mut stream =
        server.send("GET /users/8 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (code, _, errors) = run(
        &folder.0,
        &["drift", "--har", "clean.har", "--overlay", "none.yaml"],
    );
    assert_eq!(code, Some(0));
    assert!(errors.contains("nothing can be repaired"), "{errors}");
    assert!(!folder.0.join("none.yaml").exists());
}

#[test]
fn only_exchanges_below_the_base_are_compared() {
    let below = [
        entry("GET", "https://api.example.com/v1/a", 200, &json!({"n": 1})),
        entry("GET", "https://other.example.com/a", 200, &json!({"x": 1})),
    ];
    let folder = folder("drift-base").with("below.har", &har(&below));
    let all = [
        "drift",
        "--har",
        "below.har",
        "--base",
        "https://api.example.com/v1",
    ];
    let (code, out, errors) = run(&folder.0, &all);
    assert_eq!(code, Some(0), "{out}{errors}");
    assert!(out.starts_with("0 findings in 1 exchange"), "{out}");
}

#[test]
fn what_no_addition_repairs_is_told() {
    let missing = [entry(
        "GET",
        "https://api.example.com/a",
        200,
        &json!({"more": 1}),
    )];
    let folder = folder("drift-left").with("missing.har", &har(&missing));
    let (_, _, errors) = run(
        &folder.0,
        &["drift", "--har", "missing.har", "--overlay", "fix.yaml"],
    );
    assert!(
        errors.contains("1 finding is left") && errors.contains("missing-field: `/n` is required"),
        "{errors}"
    );
}

#[test]
fn the_report_of_a_running_proxy_is_shown() {
    let folder = folder("drift-journal");
    let (_, out, _) = run(
        &folder.0,
        &["drift", "--har", "drifting.har", "--format", "json"],
    );
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let url = format!("http://{}", listener.local_addr().expect("has one"));
    let proxy = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("it connects");
        let mut request = [0; 4096];
        let length = stream.read(&mut request).expect("it asks");
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{out}", out.len())
            .expect("it reads");
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let all = ["drift", "--journal", "--url", &url, "--overlay", "fix.yaml"];
    let (code, out, errors) = run(&folder.0, &all);
    let asked = proxy.join().expect("it ends");
    assert!(
        asked.starts_with("GET /_standin/drift?min-calls=10 HTTP/1.1"),
        "{asked}"
    );
    assert_eq!(code, Some(1), "{errors}");
    assert!(out.starts_with("breaking[undocumented-null]"), "{out}");
    assert!(folder.0.join("fix.yaml").exists());
}

/// An overlay changes one document, and not the files that it refers to.
#[test]
fn what_is_in_another_file_is_repaired_where_it_is_referred_to() {
    let root = "openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths:\n  /a: {get: {responses: {'200': {description: ok, content: {application/json: {schema: {$ref: 'parts/pet.yaml#/Pet'}}}}}}}\n";
    let part = "Pet: {type: object, properties: {id: {type: integer}, status: {type: string, enum: [a]}}}\n";
    let seen = json!({"id": 1, "colour": "red", "status": "b"});
    let folder = Folder::new("drift-parts")
        .with("api.yaml", root)
        .with("parts/pet.yaml", part)
        .with(
            "a.har",
            &har(&[entry("GET", "https://api.example.com/a", 200, &seen)]),
        );
    let all = [
        "drift",
        "api.yaml",
        "--har",
        "a.har",
        "--overlay",
        "fix.yaml",
        "--fail-on",
        "never",
    ];
    let (code, _, errors) = run(&folder.0, &all);
    assert_eq!(code, Some(0), "{errors}");
    assert!(
        errors.contains("note: no overlay reaches `parts/pet.yaml`: add values of the `enum` at `/Pet/properties/status"),
        "{errors}"
    );
    assert!(
        errors.contains("wrote `fix.yaml`: 1 action for api.yaml"),
        "{errors}"
    );
    assert!(
        errors.contains("with the overlay, 1 finding is left"),
        "{errors}"
    );
    assert!(!errors.contains("undocumented-field"), "{errors}");
    let overlay = std::fs::read_to_string(folder.0.join("fix.yaml")).expect("was written");
    assert!(
        overlay.contains("extends: api.yaml") && overlay.contains("colour"),
        "{overlay}"
    );
}
