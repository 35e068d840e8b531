//! Faults of the machine and of who starts the server: what cannot be written or read, what is not what it seems,
//! and signals.

#[path = "support/process.rs"]
mod process;

use std::fs;
use std::process::Stdio;

use serde_json::Value;

use process::{Folder, Server, run, standin};

/// A resource, with names that would change what a terminal shows.
const THINGS: &str = r#"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {
    "/things": {
        "get": {"operationId": "list\u001b[31m\r\n\u202e", "responses": {"200": {"description": "d", "content": {"application/json": {
            "schema": {"type": "array", "items": {"type": "object", "required": ["id", "n"], "properties": {"id": {"type": "integer", "readOnly": true}, "n": {"type": "integer"}}}},
            "example": ["\u001b[2J"]}}}}},
        "post": {"operationId": "add", "requestBody": {"content": {"application/json": {"schema": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}}}},
            "responses": {"201": {"description": "d", "content": {"application/json": {"schema": {"type": "object", "required": ["id", "n"], "properties": {"id": {"type": "integer"}, "n": {"type": "integer"}}}}}}}}}}}"#;

const SERVE: [&str; 5] = ["serve", "--port", "0", "--log", "off"];

fn things(name: &str) -> Folder {
    Folder::new(name).with("specs/a.json", THINGS)
}

fn add(body: &str) -> String {
    let head = "POST /things HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length:";
    format!("{head} {}\r\n\r\n{body}", body.len())
}

fn is_seen(text: &str) -> bool {
    text.chars().all(|letter| letter == '\n' || !(letter.is_control() || ('\u{202a}'..='\u{202e}').contains(&letter)))
}

#[test]
fn a_state_file_is_refused_at_the_start_if_it_cannot_be_kept() {
    let folder = things("state-refused").with("folder/file", "");
    let refused = |arguments: &[&str]| {
        let (code, _, errors) = run(&folder.0, &[&SERVE[..], arguments].concat());
        assert_eq!(code, Some(2), "{arguments:?}: {errors}");
        errors
    };
    let errors = refused(&["--state", "on", "--state-file", "nowhere/state.json"]);
    assert!(
        errors.contains("error: the state file `nowhere/state.json` cannot be used: its folder cannot be written"),
        "{errors}"
    );
    let errors = refused(&["--state", "on", "--state-file", "folder"]);
    assert!(errors.contains("`folder` cannot be used: it is no regular file"), "{errors}");
    let errors = refused(&["--state-file", "state.json"]);
    assert!(
        errors.contains("error: `--state-file` keeps nothing") && errors.contains("help: add `--state on`"),
        "{errors}"
    );
    assert!(!folder.0.join("state.json").exists());
}

#[test]
fn an_empty_state_file_is_an_empty_state_and_one_server_has_it() {
    let folder = things("state-empty").with("state.json", "");
    let serve = [&SERVE[..], &["--state", "on", "--state-file", "state.json"]].concat();
    let server = Server::start(standin(&folder.0, &serve));
    assert!(server.exchange(&add("{\"n\": 41}")).starts_with("HTTP/1.1 201 "));
    let (code, _, errors) = run(&folder.0, &serve);
    assert_eq!(code, Some(2));
    assert!(errors.contains("error: the state file `state.json` is used by another server"), "{errors}");
    server.terminate();
    assert_eq!(server.ended().0, Some(0));
    assert!(fs::read_to_string(folder.0.join("state.json")).is_ok_and(|text| text.contains("41")));
    let server = Server::start(standin(&folder.0, &serve));
    server.terminate();
    assert_eq!(server.ended().0, Some(0));
}

#[test]
fn what_cannot_be_written_at_the_end_is_told_and_the_rest_is_written() {
    let folder = things("unwritten").with("kept/x", "").with("reports/x", "");
    let files = ["--state", "on", "--state-file", "kept/state.json"];
    let reports = ["--report", "junit", "reports/r.xml", "--report", "json", "r.json", "--fail-on", "uncovered"];
    let server = Server::start(standin(&folder.0, &[&SERVE[..], &files, &reports].concat()));
    fs::remove_dir_all(folder.0.join("kept")).expect("can be removed");
    fs::remove_dir_all(folder.0.join("reports")).expect("can be removed");
    assert!(server.exchange(&add("{\"n\": 1}")).starts_with("HTTP/1.1 201 "));
    server.terminate();
    let (code, log) = server.ended();
    assert_eq!(code, Some(2), "{log}");
    for line in [
        "error: the state file `kept/state.json` cannot be written: ",
        "error: the report `reports/r.xml` cannot be written: ",
        "failed: 50.0% of the operations were never called",
    ] {
        assert!(log.contains(line), "`{line}` is not in {log}");
    }
    let report = fs::read_to_string(folder.0.join("r.json")).expect("is written");
    assert_eq!(serde_json::from_str::<Value>(&report).expect("is JSON")["operations"]["used"], 1);
}

#[test]
fn a_report_is_tried_at_the_start() {
    let folder = things("report-tried").with("there.xml", "before");
    let (code, _, errors) = run(&folder.0, &[&SERVE[..], &["--report", "junit", "nowhere/r.xml"]].concat());
    assert_eq!(code, Some(2));
    assert!(errors.contains("error: the report `nowhere/r.xml` cannot be written: "), "{errors}");
    let reports = ["--report", "junit", "there.xml", "--report", "html", "new.html"];
    let server = Server::start(standin(&folder.0, &[&SERVE[..], &reports].concat()));
    assert_eq!(fs::read_to_string(folder.0.join("there.xml")).ok().as_deref(), Some("before"));
    assert!(!folder.0.join("new.html").exists());
    server.terminate();
    assert_eq!(server.ended().0, Some(0));
    assert!(folder.0.join("new.html").exists());
}

#[test]
fn options_without_effect_are_told_and_an_empty_token_is_refused() {
    let folder = things("options");
    for (arguments, variable) in
        [(&["--control-token", ""][..], None), (&[], Some("")), (&["--control-token", "a b"], None)]
    {
        let mut command = standin(&folder.0, &[&SERVE[..], arguments].concat());
        command.envs(variable.map(|value| ("STANDIN_CONTROL_TOKEN", value)));
        let output = command.output().expect("it runs");
        let errors = String::from_utf8(output.stderr).expect("is text");
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains("a token") || errors.contains("an empty token protects nothing"), "{errors}");
    }
    let (_, _, errors) = run(&folder.0, &["routes", "--allow-path", "/nonexistent"]);
    assert!(errors.contains("warning: `--allow-path /nonexistent` allows nothing"), "{errors}");
}

#[test]
fn nothing_that_a_document_or_a_request_says_reaches_a_terminal_raw() {
    let folder = things("hidden\u{202e}").with("fixtures/a\u{1b}[1m.yaml", "\"none\\e\": [{status: 200}]");
    for command in [
        &["check"][..],
        &["check", "--format", "json"],
        &["check", "--format", "sarif"],
        &["routes"],
        &["routes", "--format", "json"],
        &["routes", "--errors"],
        &["routes", "--state"],
        &["example", "list\u{1b}"],
        &["example", "add", "--format", "json"],
    ] {
        let (_, out, errors) = run(&folder.0, command);
        assert!(is_seen(&out) && is_seen(&errors), "{command:?}: {out:?} {errors:?}");
    }
    let (_, out, _) = run(&folder.0, &["check"]);
    assert!(out.contains("--> fixtures/a\\u{1b}[1m.yaml:1:1"), "{out}");
    let (_, out, _) = run(&folder.0, &["routes"]);
    assert!(out.contains("list\\u{1b}[31m\\r\\n\\u{202e}"), "{out}");
    let (_, out, _) = run(&folder.0, &["check", "--format", "sarif"]);
    assert!(out.contains("\"uri\": \"fixtures/a%1B%5B1m.yaml\""), "{out}");
    for log in ["human", "json"] {
        let reports = ["--report", "junit", "r.xml", "--report", "html", "r.html", "--report", "json", "r.json"];
        let server =
            Server::start(standin(&folder.0, &[&["serve", "--port", "0", "--log", log][..], &reports].concat()));
        let listed = server.exchange("GET /things?\u{202e} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        assert!(listed.starts_with("HTTP/1.1 "), "{listed}");
        let wrong = server.exchange(&add("{\"n\": \"\\u001b[31m\\u202e\\ufffe\", \"\\u001b\": 1}"));
        assert!(wrong.starts_with("HTTP/1.1 422 "), "{wrong}");
        let coverage =
            server.exchange("GET /_standin/coverage HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        assert!(is_seen(&coverage.replace('\r', "")), "{coverage:?}");
        server.terminate();
        let (_, log) = server.ended();
        assert!(is_seen(&log), "{log:?}");
        for report in ["r.xml", "r.html", "r.json"] {
            let text = fs::read_to_string(folder.0.join(report)).expect("is written");
            assert!(is_seen(&text) && !text.contains('\u{fffe}'), "{report}: {text:?}");
        }
    }
}

#[test]
fn a_pipe_that_closes_is_no_failure() {
    let folder = things("pipes");
    for command in
        [&["completions", "bash"][..], &["man"], &["check"], &["routes"], &["example", "add", "--count", "200"]]
    {
        let mut command = standin(&folder.0, command);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        let errors = String::from_utf8(output.stderr).expect("is text");
        assert!(!errors.contains("panicked"), "{errors}");
        assert!(matches!(output.status.code(), Some(0 | 1)), "{:?} {errors}", output.status);
    }
}
