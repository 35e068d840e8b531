//! What does a run of `standin serve` leave behind: which state, reports and exit code?

#[path = "support/program.rs"]
mod program;
#[path = "support/request.rs"]
mod request;
#[path = "support/server.rs"]
mod server;

use std::fs;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use program::{Folder, run};
use request::post;
use server::Server;

const SERVE: [&str; 3] = ["serve", "--port", "0"];

/// A document with a resource.
const THINGS: &str = "openapi: 3.1.0
info: {title: t, version: '1'}
paths:
  /things:
    get:
      operationId: list
      responses: {'200': {description: d, content: {application/json: {schema: {type: array, items: {type: object, required: [id, n], properties: {id: {type: integer, readOnly: true}, n: {type: integer}}}}}}}}
    post:
      operationId: add
      requestBody: {content: {application/json: {schema: {type: object, required: [n], properties: {n: {type: integer}}}}}}
      responses: {'201': {description: d, content: {application/json: {schema: {type: object, required: [id, n], properties: {id: {type: integer}, n: {type: integer}}}}}}}
";

/// Returns the request that adds a thing.
fn add(n: &str) -> String {
    post("/things", &format!("{{\"n\": {n}}}"))
}

#[test]
fn state_is_kept_in_a_file_across_restarts() {
    let folder = Folder::new("state-file").with("specs/a.yaml", THINGS);
    let options = [
        "--state",
        "on",
        "--state-file",
        "state.json",
        "--log",
        "off",
    ];
    let server = Server::serve(&folder, &options);
    assert!(server.exchange(&add("41")).starts_with("HTTP/1.1 201 "));
    let file = folder.0.join("state.json");
    // It is there soon after the change, and not only at the end.
    assert!((0..100).any(|_| {
        thread::sleep(Duration::from_millis(50));
        fs::read_to_string(&file).is_ok_and(|text| text.contains("41"))
    }));
    assert!(server.exchange(&add("42")).starts_with("HTTP/1.1 201 "));
    assert_eq!(server.stop().0, Some(0));
    let server = Server::serve(&folder, &options);
    let list = server.get("/things");
    assert!(
        list.contains("\"n\":41") && list.contains("\"n\":42"),
        "{list}"
    );
    assert_eq!(server.stop().0, Some(0));
    // What cannot be read is not written over.
    fs::write(&file, "{").expect("can be written");
    let (status, _, stderr) = run(&folder.0, &[&SERVE[..], &options].concat());
    assert_eq!(status, Some(2));
    assert!(
        stderr.contains("error: the state file `state.json` does not hold a state of Standin: its JSON is cut short"),
        "{stderr}"
    );
    assert_eq!(fs::read_to_string(&file).ok().as_deref(), Some("{"));
}

#[test]
fn a_run_is_reported_and_judged_at_its_end() {
    let folder = Folder::new("report").with("specs/a.yaml", THINGS);
    let reports = [
        "--report", "junit", "r.xml", "--report", "html", "r.html", "--report", "json", "r.json",
    ];
    let options = ["--log", "off", "--fail-on", "violations,uncovered=10%"];
    let server = Server::serve(&folder, &[&options[..], &reports].concat());
    assert!(
        server
            .exchange(&add("\"<no>\""))
            .starts_with("HTTP/1.1 422 ")
    );
    let (status, log) = server.stop();
    assert_eq!(status, Some(1));
    assert!(
        log.contains("failed: 1 request did not fit the documents\n"),
        "{log}"
    );
    assert!(
        log.contains("failed: 50.0% of the operations were never called; the limit is 10%\n"),
        "{log}"
    );
    let text = |name: &str| fs::read_to_string(folder.0.join(name)).expect("is written");
    let junit = text("r.xml");
    assert!(
        junit.contains("<testsuites name=\"standin\" tests=\"4\" failures=\"3\" skipped=\"1\">"),
        "{junit}"
    );
    assert!(
        junit.contains(
            "<testcase name=\"add\" classname=\"specs/a.yaml\"><failure message=\"body /n: must be integer\">"
        ),
        "{junit}"
    );
    assert!(
        junit.contains("<testcase name=\"list\" classname=\"specs/a.yaml\"><skipped"),
        "{junit}"
    );
    let report: Value = serde_json::from_str(&text("r.json")).expect("is JSON");
    assert_eq!(report["operations"]["used"], 1);
    assert_eq!(
        report["violations"][0]["violations"][0],
        "body /n: must be integer"
    );
    assert!(text("r.html").contains("<h1>1 of 2 operations were called</h1>"));
    let server = Server::serve(
        &folder,
        &[
            "--log",
            "off",
            "--fail-on",
            "uncovered",
            "--cover",
            "GET /*",
        ],
    );
    assert!(server.get("/things").starts_with("HTTP/1.1 200 "));
    assert_eq!(server.stop().0, Some(0), "the POST does not count");
    let (status, _, stderr) = run(&folder.0, &[&SERVE[..], &["--cover", "tag: no"]].concat());
    assert_eq!(status, Some(2));
    assert!(
        stderr
            .contains("error: `--cover tag: no` cannot be used, as no operation has the tag `no`"),
        "{stderr}"
    );
    let server = Server::serve(&folder, &["--log", "off", "--fail-on", "violations"]);
    assert!(server.get("/things").starts_with("HTTP/1.1 200 "));
    assert_eq!(server.stop().0, Some(0));
    let server = Server::serve(
        &folder,
        &["--log", "off", "--fail-on", "violations,unmatched"],
    );
    assert!(server.get("/thongs").starts_with("HTTP/1.1 404 "));
    let (status, log) = server.stop();
    assert_eq!(status, Some(1));
    assert_eq!(
        log.lines().last(),
        Some("failed: 1 request matched no operation of the documents")
    );
    for wrong in [&["--fail-on", "all"][..], &["--report", "pdf", "x"]] {
        assert_eq!(run(&folder.0, &[&SERVE[..], wrong].concat()).0, Some(2));
    }
}

#[test]
fn a_running_sandbox_is_asked_and_waited_for() {
    let folder = Folder::new("health").with("specs/a.yaml", THINGS);
    let server = Server::serve(&folder, &["--log", "off"]);
    let url = format!("http://{}", server.address);
    let (code, out, _) = run(&folder.0, &["health", &url]);
    assert_eq!(code, Some(0));
    assert!(out.contains("\"status\":\"ok\""), "{out}");
    assert_eq!(run(&folder.0, &["wait", &url, "10s"]).0, Some(0));
    server.stop();
    let (code, _, err) = run(&folder.0, &["health", &url]);
    assert_eq!(code, Some(1));
    assert!(err.contains("cannot be fetched"), "{err}");
    assert!(err.contains("is a sandbox running there?"), "{err}");
    let (code, _, err) = run(&folder.0, &["wait", &url, "300ms"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("waited 300ms"), "{err}");
}
