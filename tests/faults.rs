//! Faults of the machine and of who starts the server: what cannot be written or read, what is not what it seems,
//! and signals.

#[path = "support/program.rs"]
mod program;
#[path = "support/request.rs"]
mod request;
#[path = "support/server.rs"]
mod server;

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use program::{Folder, run, standin};
use request::post;
use server::Server;

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
    post("/things", body)
}

fn is_seen(text: &str) -> bool {
    text.chars().all(|letter| {
        letter == '\n' || !(letter.is_control() || ('\u{202a}'..='\u{202e}').contains(&letter))
    })
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
    assert!(
        errors.contains("`folder` cannot be used: it is not a regular file"),
        "{errors}"
    );
    let errors = refused(&["--state-file", "state.json"]);
    assert!(
        errors.contains("error: `--state-file` has no effect")
            && errors.contains("help: add `--state on`"),
        "{errors}"
    );
    assert!(!folder.0.join("state.json").exists());
}

#[test]
fn a_file_that_is_no_state_is_refused_and_not_changed() {
    let cases = [
        ("{}", "it is a JSON object with no members"),
        (
            "{\"name\": \"shop\", \"version\": \"1.0.0\"}",
            "it is a JSON object with the members `name`, `version`",
        ),
        ("[1]", "it is JSON, but not an object"),
        ("hello", "it is not JSON: expected value at line 1"),
        (
            "{\n  \"standinState\": 1,\n  \"sta",
            "its JSON is cut short in line 3",
        ),
        (
            "{\"standinState\": 9, \"state\": []}",
            "its format is version 9, and this Standin reads version 1",
        ),
        (
            "{\"standinState\": 1, \"state\": [{\"collection\": \"/things\"}]}",
            "`state[0]` has no string `scope`",
        ),
        (
            "{\"standinState\": 1, \"state\": [], \"theme\": \"dark\"}",
            "the file has the member `theme`, which this Standin does not know",
        ),
        (
            "{\"standinState\": 1, \"state\": [], \"scenario\": 7}",
            "`scenario` of the file is not a string or null",
        ),
        (
            "{\"standinState\": 1, \"state\": [{\"collection\": \"/things\", \"scope\": \"\", \"entities\": {}, \"tags\": []}]}",
            "`state[0]` has the member `tags`, which this Standin does not know",
        ),
        (
            "{\"standinState\": 1, \"state\": [{\"collection\": \"/things\", \"scope\": \"\", \"entities\": {}, \"gone\": [1]}]}",
            "`gone` of `state[0]` is not a list of strings",
        ),
    ];
    for (text, found) in cases {
        let folder = things("state-foreign").with("state.json", text);
        let files = ["--state", "on", "--state-file", "state.json"];
        let (code, _, errors) = run(&folder.0, &[&SERVE[..], &files].concat());
        assert_eq!(code, Some(2), "{text}: {errors}");
        let message = "error: the state file `state.json` does not hold a state of Standin: ";
        assert!(errors.contains(&format!("{message}{found}")), "{errors}");
        assert!(
            errors.contains("help: move it away, or name another file with `--state-file`"),
            "{errors}"
        );
        let kept = fs::read_to_string(folder.0.join("state.json")).expect("is there");
        assert_eq!(kept, text);
    }
    // A file of before the format had a version is read.
    let older = "{\"scenario\": null, \"counts\": {}, \"state\": []}";
    let folder = things("state-older").with("state.json", older);
    let files = ["--state", "on", "--state-file", "state.json"];
    let server = Server::start(standin(&folder.0, &[&SERVE[..], &files].concat()));
    assert!(
        server
            .exchange(&add("{\"n\": 3}"))
            .starts_with("HTTP/1.1 201 ")
    );
    assert_eq!(server.stop().0, Some(0));
    let kept = fs::read_to_string(folder.0.join("state.json")).expect("is there");
    assert!(kept.contains("\"standinState\": 1"), "{kept}");
}

#[test]
fn an_empty_state_file_is_an_empty_state_and_one_server_has_it() {
    let folder = things("state-empty").with("state.json", "");
    let serve = [&SERVE[..], &["--state", "on", "--state-file", "state.json"]].concat();
    let server = Server::start(standin(&folder.0, &serve));
    assert!(
        server
            .exchange(&add("{\"n\": 41}"))
            .starts_with("HTTP/1.1 201 ")
    );
    let (code, _, errors) = run(&folder.0, &serve);
    assert_eq!(code, Some(2));
    assert!(
        errors.contains("error: the state file `state.json` is used by another server"),
        "{errors}"
    );
    assert_eq!(server.stop().0, Some(0));
    assert!(fs::read_to_string(folder.0.join("state.json")).is_ok_and(|text| text.contains("41")));
    let server = Server::start(standin(&folder.0, &serve));
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn what_cannot_be_written_at_the_end_is_told_and_the_rest_is_written() {
    let folder = things("unwritten").with("kept/x", "").with("reports/x", "");
    let files = ["--state", "on", "--state-file", "kept/state.json"];
    let reports = [
        "--report",
        "junit",
        "reports/r.xml",
        "--report",
        "json",
        "r.json",
        "--fail-on",
        "uncovered",
    ];
    let server = Server::start(standin(&folder.0, &[&SERVE[..], &files, &reports].concat()));
    fs::remove_dir_all(folder.0.join("kept")).expect("can be removed");
    fs::remove_dir_all(folder.0.join("reports")).expect("can be removed");
    assert!(
        server
            .exchange(&add("{\"n\": 1}"))
            .starts_with("HTTP/1.1 201 ")
    );
    let (code, log) = server.stop();
    assert_eq!(code, Some(2), "{log}");
    for line in [
        "error: the state file `kept/state.json` cannot be written: ",
        "error: the report `reports/r.xml` cannot be written: ",
        "failed: 50.0% of the operations were never called",
    ] {
        assert!(log.contains(line), "`{line}` is not in {log}");
    }
    let report = fs::read_to_string(folder.0.join("r.json")).expect("is written");
    assert_eq!(
        serde_json::from_str::<Value>(&report).expect("is JSON")["operations"]["used"],
        1
    );
}

#[test]
fn a_report_is_tried_at_the_start() {
    let folder = things("report-tried").with("there.xml", "before");
    let (code, _, errors) = run(
        &folder.0,
        &[&SERVE[..], &["--report", "junit", "nowhere/r.xml"]].concat(),
    );
    assert_eq!(code, Some(2));
    assert!(
        errors.contains("error: the report `nowhere/r.xml` cannot be written: "),
        "{errors}"
    );
    let reports = [
        "--report",
        "junit",
        "there.xml",
        "--report",
        "html",
        "new.html",
    ];
    let server = Server::start(standin(&folder.0, &[&SERVE[..], &reports].concat()));
    assert_eq!(
        fs::read_to_string(folder.0.join("there.xml"))
            .ok()
            .as_deref(),
        Some("before")
    );
    assert!(!folder.0.join("new.html").exists());
    assert_eq!(server.stop().0, Some(0));
    assert!(folder.0.join("new.html").exists());
}

#[test]
fn options_without_effect_are_told_and_an_empty_token_is_refused() {
    let folder = things("options");
    for (arguments, variable) in [
        (&["--control-token", ""][..], None),
        (&[], Some("")),
        (&["--control-token", "a b"], None),
    ] {
        let mut command = standin(&folder.0, &[&SERVE[..], arguments].concat());
        command.envs(variable.map(|value| ("STANDIN_CONTROL_TOKEN", value)));
        let output = command.output().expect("it runs");
        let errors = String::from_utf8(output.stderr).expect("is text");
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(
            errors.contains("a token") || errors.contains("an empty token protects nothing"),
            "{errors}"
        );
    }
    let (_, _, errors) = run(&folder.0, &["routes", "--allow-path", "/nonexistent"]);
    assert!(
        errors.contains("warning: `--allow-path /nonexistent` allows nothing"),
        "{errors}"
    );
}

#[test]
fn nothing_that_a_document_or_a_request_says_reaches_a_terminal_raw() {
    let folder =
        things("hidden\u{202e}").with("fixtures/a\u{1b}[1m.yaml", "\"none\\e\": [{status: 200}]");
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
        assert!(
            is_seen(&out) && is_seen(&errors),
            "{command:?}: {out:?} {errors:?}"
        );
    }
    let (_, out, _) = run(&folder.0, &["check"]);
    assert!(out.contains("--> fixtures/a\\u{1b}[1m.yaml:1:1"), "{out}");
    let (_, out, _) = run(&folder.0, &["routes"]);
    assert!(out.contains("list\\u{1b}[31m\\r\\n\\u{202e}"), "{out}");
    let (_, out, _) = run(&folder.0, &["check", "--format", "sarif"]);
    assert!(
        out.contains("\"uri\": \"fixtures/a%1B%5B1m.yaml\""),
        "{out}"
    );
    for log in ["human", "json"] {
        let reports = [
            "--report", "junit", "r.xml", "--report", "html", "r.html", "--report", "json",
            "r.json",
        ];
        let server = Server::start(standin(
            &folder.0,
            &[&["serve", "--port", "0", "--log", log][..], &reports].concat(),
        ));
        let listed = server.get("/things?\u{202e}");
        assert!(listed.starts_with("HTTP/1.1 "), "{listed}");
        let wrong = server.exchange(&add(
            "{\"n\": \"\\u001b[31m\\u202e\\ufffe\", \"\\u001b\": 1}",
        ));
        assert!(wrong.starts_with("HTTP/1.1 422 "), "{wrong}");
        let coverage = server.get("/_standin/coverage");
        assert!(is_seen(&coverage.replace('\r', "")), "{coverage:?}");
        let (_, log) = server.stop();
        assert!(is_seen(&log), "{log:?}");
        for report in ["r.xml", "r.html", "r.json"] {
            let text = fs::read_to_string(folder.0.join(report)).expect("is written");
            assert!(
                is_seen(&text) && !text.contains('\u{fffe}'),
                "{report}: {text:?}"
            );
        }
    }
}

#[test]
fn a_pipe_that_closes_is_no_failure() {
    let folder = things("pipes");
    for command in [
        &["completions", "bash"][..],
        &["man"],
        &["check"],
        &["routes"],
        &["example", "add", "--count", "200"],
    ] {
        let mut command = standin(&folder.0, command);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        let errors = String::from_utf8(output.stderr).expect("is text");
        assert!(!errors.contains("panicked"), "{errors}");
        assert!(
            matches!(output.status.code(), Some(0 | 1)),
            "{:?} {errors}",
            output.status
        );
    }
}

/// A request that is not finished, so that the end waits for it.
const UNFINISHED: &str = "POST /things HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n{";

/// Waits as long as a test may.
fn ends(server: &mut Server) -> bool {
    (0..200).any(|_| {
        thread::sleep(Duration::from_millis(50));
        server.child.try_wait().expect("is a child").is_some()
    })
}

#[test]
fn a_second_signal_does_not_wait_and_what_is_kept_is_written() {
    let folder = things("signals");
    let files = [
        "--drain",
        "3600",
        "--report",
        "json",
        "r.json",
        "--state",
        "on",
        "--state-file",
        "state.json",
    ];
    let mut server = Server::start(standin(&folder.0, &[&SERVE[..], &files].concat()));
    assert!(
        server
            .exchange(&add("{\"n\": 1}"))
            .starts_with("HTTP/1.1 201 ")
    );
    let _unfinished = server.send(UNFINISHED);
    thread::sleep(Duration::from_millis(300));
    server.terminate();
    thread::sleep(Duration::from_millis(500));
    assert!(
        server.child.try_wait().expect("is a child").is_none(),
        "it did not wait for what is in flight"
    );
    server.terminate();
    assert!(ends(&mut server), "a second signal did not end it");
    assert_eq!(server.ended().0, Some(0));
    assert!(folder.0.join("r.json").exists() && folder.0.join("state.json").exists());
}

#[test]
fn the_end_of_a_terminal_is_an_orderly_end() {
    let folder = things("hangup");
    let program = env!("CARGO_BIN_EXE_standin");
    // `script` runs a command in a terminal of its own, which ends with `script`.
    let inner = format!("{program} serve --port 0 --report json r.json");
    let script = Command::new("script")
        .args(["-qfec", &inner, "out.txt"])
        .current_dir(&folder.0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn();
    let Ok(mut script) = script else {
        // Not every system has it.
        return;
    };
    let is_true = |holds: &dyn Fn() -> bool| {
        (0..500).any(|_| {
            thread::sleep(Duration::from_millis(20));
            holds()
        })
    };
    let shown = || fs::read_to_string(folder.0.join("out.txt")).unwrap_or_default();
    assert!(is_true(&|| shown().contains("listening on http://")));
    script.kill().expect("it runs");
    script.wait().expect("it ends");
    assert!(is_true(&|| folder.0.join("r.json").exists()), "{}", shown());
}

#[test]
fn a_log_that_nobody_reads_holds_nobody() {
    let folder = things("unread");
    let mut server = Server::serve(&folder, &[]);
    let mut stream = server.send("");
    // A megabyte and a half of log; a pipe holds 64 KiB, and the queue a megabyte.
    for _ in 0..1500 {
        let request = format!(
            "GET /none/{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "x".repeat(1000)
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).expect("it answers");
        assert_eq!(&answer, b"HTTP/1.1 404");
        let mut rest = Vec::new();
        while !rest.ends_with(b"}") {
            let mut byte = [0; 1];
            stream.read_exact(&mut byte).expect("it answers");
            rest.push(byte[0]);
        }
    }
    server.terminate();
    assert!(ends(&mut server), "it waits for somebody to read its log");
    assert_eq!(server.ended().0, Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_log_on_a_full_disk_or_a_closed_pipe_ends_nothing() {
    let folder = things("full");
    for redirection in ["2>/dev/full", "2>&-"] {
        let script = format!(
            "exec {} serve --port 0 {redirection}",
            env!("CARGO_BIN_EXE_standin")
        );
        let mut command = Command::new("sh");
        command.current_dir(&folder.0).args(["-c", &script]);
        let server = Server::start(command);
        assert!(server.get("/_standin/health").starts_with("HTTP/1.1 200 "));
        assert_eq!(server.stop().0, Some(0), "{redirection}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn few_open_files_are_few_connections() {
    let folder = things("files");
    let script = format!(
        "ulimit -n 64; exec {} serve --port 0",
        env!("CARGO_BIN_EXE_standin")
    );
    let mut command = Command::new("sh");
    command.current_dir(&folder.0).args(["-c", &script]);
    let server = Server::start(command);
    let idle: Vec<_> = (0..100)
        .map(|_| server.send("GET /things HTTP/1.1\r\nHost: localhost\r\n"))
        .collect();
    thread::sleep(Duration::from_millis(500));
    drop(idle);
    assert!(server.get("/_standin/health").starts_with("HTTP/1.1 200 "));
    let (code, log) = server.stop();
    assert_eq!(code, Some(0));
    assert!(
        log.contains("the system allows 64 open files (`ulimit -n`), so 32 connections"),
        "{log}"
    );
    assert!(log.matches("could not be accepted").count() <= 1, "{log}");
}

#[test]
fn bounds_of_the_server_are_options() {
    let folder = things("bounds");
    let options = [
        "--content-memory",
        "8KiB",
        "--write-timeout",
        "1",
        "--max-delay",
        "1ms",
    ];
    let server = Server::start(standin(&folder.0, &[&SERVE[..], &options].concat()));
    let busy = server.exchange(&add(&format!("{{\"n\": {}1}}", " ".repeat(9000))));
    assert!(
        busy.starts_with("HTTP/1.1 503 ") && busy.contains("`--content-memory`"),
        "{busy}"
    );
    let busy = server.get("/_standin/problems/busy");
    assert!(busy.contains("Too much at a time"), "{busy}");
    assert_eq!(server.stop().0, Some(0));
}
