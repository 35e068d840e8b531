//! How does a server of `standin serve` start, what do its clients get, and how does it end?

#[path = "support/document.rs"]
mod document;
#[path = "support/program.rs"]
mod program;
#[path = "support/server.rs"]
mod server;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use document::DOCUMENT;
use program::{Folder, run, standin};
use server::{Server, read};

/// A document with one operation without content.
const OTHER: &str = "{\"openapi\": \"3.1.0\", \"info\": {\"title\": \"o\", \"version\": \"1\"}, \"paths\": {\"/b\": {\"get\": {\"responses\": {\"204\": {\"description\": \"ok\"}}}}}}";

/// The beginning of a request whose content is not complete.
const UNFINISHED: &str = "PUT /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab";

#[test]
fn serve_answers_logs_and_ends_on_a_signal() {
    let folder = Folder::new("serve")
        .with("specs/a.yaml", DOCUMENT)
        .with("specs/deep/b.json", OTHER)
        .with("specs/notes.txt", "hi");
    let server = Server::serve(&folder, &[]);
    let answer = server.get("/a");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.ends_with("{\"n\":1}"), "{answer}");
    let (code, log) = server.stop();
    assert_eq!(code, Some(0));
    for line in [
        "loaded specs/a.yaml (2 operations)",
        "loaded specs/deep/b.json (1 operation)",
        "skipped 1 other file",
        "3 operations from 2 documents, 0 errors, 0 warnings",
    ] {
        assert!(log.contains(line), "`{line}` is not in {log}");
    }
    assert!(
        log.contains("GET /a 200 get-a (first documented example)"),
        "{log}"
    );
}

#[test]
fn an_address_that_is_taken_is_said_to_be() {
    let folder = Folder::new("taken").with("specs/a.yaml", DOCUMENT);
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let port = listener
        .local_addr()
        .expect("has an address")
        .port()
        .to_string();
    let (code, _, errors) = run(&folder.0, &["serve", "--port", &port]);
    assert_eq!(code, Some(2));
    assert!(
        errors.contains(&format!("cannot listen on 127.0.0.1:{port}")),
        "{errors}"
    );
    assert!(errors.contains("choose another port"), "{errors}");
}

#[test]
fn requests_are_answered_even_if_nobody_reads_what_was_found() {
    // Far more findings than a pipe holds, of a document that takes too long to be waited for.
    let content =
        |n: usize| format!("application/json: {{schema: {{type: integer}}, example: text {n}}}");
    let get = |n: usize| {
        format!(
            "get: {{responses: {{'200': {{description: d, content: {{{}}}}}}}}}",
            content(n)
        )
    };
    let operation = |n: usize| format!("  /p{n}: {{{}}}\n", get(n));
    let paths: String = (0..500).map(operation).collect();
    let document = format!("openapi: 3.1.0\ninfo: {{title: t, version: '1'}}\npaths:\n{paths}");
    let folder = Folder::new("undrained").with("specs/a.yaml", &document);
    let mut server = Server::serve(&folder, &["--log", "off"]);
    thread::sleep(Duration::from_secs(1));
    for _ in 0..3 {
        let answer = server.get("/p499");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    // Now somebody reads; how long the check takes is up to the machine.
    let mut lines = BufReader::new(server.child.stderr.take().expect("is piped"))
        .lines()
        .map_while(Result::ok);
    assert!(lines.any(|line| line.contains("still being checked")));
    assert!(lines.any(|line| line.contains("must be integer")));
    server.terminate();
    assert_eq!(server.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn clients_have_limits() {
    let folder = Folder::new("limits").with("specs/a.yaml", DOCUMENT);
    let times = ["--header-timeout", "1", "--body-timeout", "1"];
    let numbers = ["--max-connections", "1", "--max-streams", "2"];
    let server = Server::serve(&folder, &[times, numbers].concat());
    let slow = server.exchange(UNFINISHED);
    assert!(
        slow.starts_with("HTTP/1.1 408 ") && slow.contains("/_standin/problems/timeout"),
        "{slow}"
    );
    // The first keeps the only place for a second, and then the next one has it.
    let started = Instant::now();
    let idle = server.send("GET /a HTTP/1.1\r\nHost: localhost\r\n");
    assert!(server.get("/a").starts_with("HTTP/1.1 200 "));
    assert!(
        started.elapsed() >= Duration::from_millis(700),
        "it did not wait"
    );
    assert_eq!(read(idle), "", "its head did not come");
    assert_eq!(server.stop().0, Some(0));
    let endless = u64::MAX.to_string();
    for option in [
        "--header-timeout",
        "--body-timeout",
        "--drain",
        "--item-delay",
    ] {
        let (status, _, stderr) = run(&folder.0, &["serve", "--port", "0", option, &endless]);
        assert_eq!(status, Some(2), "{option}: {stderr}");
        assert!(
            stderr.contains(&format!("invalid value '{endless}' for '{option}")),
            "{stderr}"
        );
    }
}

#[test]
fn hostile_bytes_cost_their_connection_only() {
    let folder = Folder::new("hostile").with("specs/a.yaml", DOCUMENT);
    let server = Server::serve(&folder, &["--log", "off"]);
    let answer = |bytes: &str| {
        let mut stream = server.send(bytes);
        stream.shutdown(Shutdown::Write).expect("is open");
        let mut answer = Vec::new();
        stream
            .read_to_end(&mut answer)
            .expect("is answered, and then closed");
        String::from_utf8(answer).expect("is text")
    };
    // RFC 9112 §2.2: empty lines before a request are skipped, and here none comes.
    assert_eq!(answer("\r\n\r\n"), "");
    let no_request = answer("GET\r\n\r\n");
    assert!(
        no_request.starts_with("HTTP/1.1 400 Bad Request\r\n"),
        "{no_request}"
    );
    let no_version = answer("GET /a HTTP/9.9\r\n\r\n");
    assert!(
        no_version.starts_with("HTTP/1.1 400 Bad Request\r\n"),
        "{no_version}"
    );
    let odd_path =
        answer("GET /%ff%00/../a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(
        odd_path.starts_with("HTTP/1.1 404 Not Found\r\n"),
        "{odd_path}"
    );
    assert!(
        odd_path.contains("no document has the path `/%ff%00/../a`"),
        "{odd_path}"
    );
    assert!(server.get("/a").starts_with("HTTP/1.1 200"));
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn an_exchange_in_flight_is_finished_before_the_end() {
    let folder = Folder::new("drain").with("specs/a.yaml", DOCUMENT);
    let server = Server::serve(&folder, &["--drain", "10"]);
    let mut stream = server.send(UNFINISHED);
    thread::sleep(Duration::from_millis(200));
    server.terminate();
    thread::sleep(Duration::from_millis(200));
    stream
        .write_all(b"cd")
        .expect("the connection is still open");
    let answer = read(stream);
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert_eq!(server.ended().0, Some(0));
}

#[test]
fn what_does_not_end_is_cut_when_the_time_is_over() {
    let folder = Folder::new("cut").with("specs/a.yaml", DOCUMENT);
    let server = Server::serve(&folder, &["--drain", "0"]);
    let stream = server.send(UNFINISHED);
    thread::sleep(Duration::from_millis(200));
    let (code, log) = server.stop();
    assert_eq!(code, Some(0));
    assert!(log.contains("exchanges in flight were cut"), "{log}");
    drop(stream);
}

/// Returns the lines of a log as JSON.
fn events(log: &str) -> Vec<Value> {
    let event = |line: &str| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error} in\n{log}"))
    };
    log.lines().map(event).collect()
}

#[test]
fn a_json_log_has_nothing_but_events_with_a_time() {
    let folder = Folder::new("json-log").with("specs/a.yaml", DOCUMENT);
    let options = [
        "--log",
        "json",
        "--fail-on",
        "unmatched",
        "--allow-path",
        "no-folder",
    ];
    let server = Server::serve(&folder, &options);
    assert!(server.get("/nowhere").starts_with("HTTP/1.1 404 "));
    let (code, log) = server.stop();
    assert_eq!(code, Some(1));
    let events = events(&log);
    let is_time = |event: &Value| {
        let time = event["time"].as_str().unwrap_or_default();
        time.len() == "2026-11-21T10:11:12.345Z".len() && time.ends_with('Z')
    };
    assert!(events.iter().all(is_time), "{log}");
    let has = |level: &str, beginning: &str| {
        events.iter().any(|event| {
            let message = event["message"].as_str().unwrap_or_default();
            event["level"] == level && message.starts_with(beginning)
        })
    };
    assert!(has("WARN", "warning: `--allow-path no-folder`"), "{log}");
    assert!(has("INFO", "loaded specs/a.yaml (2 operations)"), "{log}");
    assert!(
        has("INFO", "exchange") && has("ERROR", "failed: 1 request"),
        "{log}"
    );
    let taken = TcpListener::bind("127.0.0.1:0").expect("is free");
    let port = taken.local_addr().expect("is bound").port().to_string();
    let (code, _, log) = run(&folder.0, &["serve", "--port", &port, "--log", "json"]);
    assert_eq!(code, Some(2));
    let last = self::events(&log).pop().expect("is there");
    assert!(
        last["message"]
            .as_str()
            .is_some_and(|message| message.starts_with("error: cannot listen on")),
        "{log}"
    );
    // A diagnostic with its lines is one event.
    let broken = DOCUMENT.replace("type: integer}}}}}}", "$ref: '#/nowhere'}}}}}}");
    let folder = folder.with("specs/a.yaml", &broken);
    let (code, _, log) = run(&folder.0, &["serve", "--strict-documents", "--log", "json"]);
    assert_eq!(code, Some(1), "{log}");
    let is_whole = |event: &Value| {
        let message = event["message"].as_str().unwrap_or_default();
        let is_start = message.starts_with("error[unresolved-ref]");
        event["level"] == "ERROR" && is_start && message.contains("\n  --> ")
    };
    assert!(self::events(&log).iter().any(is_whole), "{log}");
}

#[test]
fn a_log_for_people_has_the_time_of_each_exchange() {
    let folder = Folder::new("times").with("specs/a.yaml", DOCUMENT);
    let server = Server::serve(&folder, &[]);
    server.get("/a");
    let (_, log) = server.stop();
    let line = log.lines().find(|line| line.contains(" GET /a 200 "));
    let time = line.and_then(|line| line.split(' ').next());
    let digits = time
        .unwrap_or_default()
        .replace(|c: char| c.is_ascii_digit(), "0");
    assert_eq!(digits, "0000-00-00T00:00:00.000Z", "{log}");
}

#[test]
fn a_server_on_every_address_says_which_can_be_used_and_what_is_closed() {
    let folder = Folder::new("everywhere").with("specs/a.yaml", DOCUMENT);
    let lines_of = |options: &[&str]| {
        let arguments = [&["serve", "--port", "0", "--host", "0.0.0.0"][..], options].concat();
        let mut command = standin(&folder.0, &arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut out = BufReader::new(child.stdout.take().expect("is piped"));
        let mut lines = [String::new(), String::new()];
        for line in &mut lines {
            out.read_line(line).expect("it listens");
        }
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        let mut log = String::new();
        let mut stderr = child.stderr.take().expect("is piped");
        stderr.read_to_string(&mut log).expect("is text");
        (lines, log)
    };
    let (lines, log) = lines_of(&[]);
    let port = lines[0].trim().rsplit(':').next().unwrap_or_default();
    assert_eq!(lines[0], format!("listening on http://0.0.0.0:{port}\n"));
    assert_eq!(lines[1], format!("listening on http://127.0.0.1:{port}\n"));
    assert!(
        log.contains("the control API below `/_standin/` is closed, as other machines may reach `0.0.0.0`\n  = help: `--control-token TOKEN`"),
        "{log}"
    );
    for open in [&["--control-token", "x"][..], &["--control", "off"]] {
        let (_, log) = lines_of(open);
        assert!(!log.contains("is closed"), "{open:?}: {log}");
    }
}
