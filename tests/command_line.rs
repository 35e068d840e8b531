//! The running binary: its commands, its exit codes, and how it starts and ends.

#[path = "support/process.rs"]
mod process;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use process::{Folder, Server, read, run, standin};

const DOCUMENT: &str = "openapi: 3.0.0
info: {title: t, version: '1'}
paths:
  /a:
    get:
      operationId: get-a
      responses:
        '200':
          description: ok
          content:
            application/json:
              schema: {type: object, properties: {n: {type: integer}}, required: [n]}
              examples: {first: {value: {n: 1}}}
    put: {responses: {'200': {description: ok, content: {application/json: {schema: {type: integer}}}}}}
";

const OTHER: &str = "{\"openapi\": \"3.1.0\", \"info\": {\"title\": \"o\", \"version\": \"1\"}, \"paths\": {\"/b\": {\"get\": {\"responses\": {\"204\": {\"description\": \"ok\"}}}}}}";

const GET_A: &str = "GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[test]
fn the_documents_and_fixtures_of_this_repository_are_clean() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = standin(root, &["check", "specs"])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("4 operations from 2 documents, 0 errors, 0 warnings"),
        "{said}"
    );
}

#[test]
fn serve_answers_logs_and_ends_on_a_signal() {
    let folder = Folder::new("serve")
        .with("specs/a.yaml", DOCUMENT)
        .with("specs/deep/b.json", OTHER)
        .with("specs/notes.txt", "hi");
    let server = Server::start(standin(&folder.0, &["serve", "--port", "0"]));
    let answer = server.exchange(GET_A);
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.ends_with("{\"n\":1}"), "{answer}");
    server.terminate();
    let (code, log) = server.ended();
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
fn an_exchange_in_flight_is_finished_before_the_end() {
    let folder = Folder::new("drain").with("specs/a.yaml", DOCUMENT);
    let server = Server::start(standin(
        &folder.0,
        &["serve", "--port", "0", "--drain", "10"],
    ));
    let mut stream =
        server.send("PUT /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab");
    std::thread::sleep(std::time::Duration::from_millis(200));
    server.terminate();
    std::thread::sleep(std::time::Duration::from_millis(200));
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
    let server = Server::start(standin(
        &folder.0,
        &["serve", "--port", "0", "--drain", "0"],
    ));
    let stream = server.send("PUT /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab");
    std::thread::sleep(std::time::Duration::from_millis(200));
    server.terminate();
    let (code, log) = server.ended();
    assert_eq!(code, Some(0));
    assert!(log.contains("exchanges in flight were cut"), "{log}");
    drop(stream);
}

#[test]
fn clients_have_limits() {
    let folder = Folder::new("limits").with("specs/a.yaml", DOCUMENT);
    let times = ["--header-timeout", "1", "--body-timeout", "1"];
    let numbers = ["--max-connections", "1", "--max-streams", "2"];
    let server = Server::start(standin(
        &folder.0,
        &[&["serve", "--port", "0"][..], &times, &numbers].concat(),
    ));
    let slow = server.exchange("PUT /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nab");
    assert!(
        slow.starts_with("HTTP/1.1 408 ") && slow.contains("/_standin/problems/timeout"),
        "{slow}"
    );
    // The first keeps the only place for a second, and then the next one has it.
    let started = Instant::now();
    let idle = server.send("GET /a HTTP/1.1\r\nHost: localhost\r\n");
    assert!(server.exchange(GET_A).starts_with("HTTP/1.1 200 "));
    assert!(
        started.elapsed() >= Duration::from_millis(700),
        "it did not wait"
    );
    assert_eq!(read(idle), "", "its head did not come");
    server.terminate();
    assert_eq!(server.ended().0, Some(0));
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
fn requests_are_answered_even_if_nobody_reads_what_was_found() {
    // Far more findings than a pipe holds, of a document that takes long enough not to be waited for.
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
    let mut server = Server::start(standin(
        &folder.0,
        &["serve", "--port", "0", "--log", "off"],
    ));
    std::thread::sleep(Duration::from_secs(1));
    for _ in 0..3 {
        let answer =
            server.exchange("GET /p499 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
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

fn add(n: &str) -> String {
    let body = format!("{{\"n\": {n}}}");
    let head = "POST /things HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length:";
    format!("{head} {}\r\n\r\n{body}", body.len())
}

const LIST: &str = "GET /things HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[test]
fn state_is_kept_in_a_file_across_restarts() {
    let folder = Folder::new("state-file").with("specs/a.yaml", THINGS);
    let serve = [
        "serve",
        "--port",
        "0",
        "--state",
        "on",
        "--state-file",
        "state.json",
        "--log",
        "off",
    ];
    let server = Server::start(standin(&folder.0, &serve));
    assert!(server.exchange(&add("41")).starts_with("HTTP/1.1 201 "));
    let file = folder.0.join("state.json");
    // It is there soon after the change, and not only at the end.
    assert!((0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        fs::read_to_string(&file).is_ok_and(|text| text.contains("41"))
    }));
    assert!(server.exchange(&add("42")).starts_with("HTTP/1.1 201 "));
    server.terminate();
    assert_eq!(server.ended().0, Some(0));
    let server = Server::start(standin(&folder.0, &serve));
    let list = server.exchange(LIST);
    assert!(
        list.contains("\"n\":41") && list.contains("\"n\":42"),
        "{list}"
    );
    server.terminate();
    assert_eq!(server.ended().0, Some(0));
    // What cannot be read is not written over.
    fs::write(&file, "{").expect("can be written");
    let (status, _, stderr) = run(&folder.0, &serve);
    assert_eq!(status, Some(2));
    assert!(
        stderr.contains("error: the state file `state.json` cannot be used: EOF"),
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
    let serve = [
        "serve",
        "--port",
        "0",
        "--log",
        "off",
        "--fail-on",
        "violations,uncovered=10%",
    ];
    let server = Server::start(standin(&folder.0, &[&serve[..], &reports].concat()));
    assert!(
        server
            .exchange(&add("\"<no>\""))
            .starts_with("HTTP/1.1 422 ")
    );
    server.terminate();
    let (status, log) = server.ended();
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
    let server = Server::start(standin(
        &folder.0,
        &[
            "serve",
            "--port",
            "0",
            "--log",
            "off",
            "--fail-on",
            "violations",
        ],
    ));
    assert!(server.exchange(LIST).starts_with("HTTP/1.1 200 "));
    server.terminate();
    assert_eq!(server.ended().0, Some(0));
    for wrong in [&["--fail-on", "all"][..], &["--report", "pdf", "x"]] {
        assert_eq!(
            run(&folder.0, &[&["serve", "--port", "0"][..], wrong].concat()).0,
            Some(2)
        );
    }
}

#[test]
fn a_scenario_is_on_from_the_start() {
    let folder = Folder::new("scenario").with("specs/a.yaml", DOCUMENT);
    let folder = folder.with(
        "fixtures/f.yaml",
        "get-a: [{scenario: seven, body: {n: 7}}]",
    );
    let server = Server::start(standin(
        &folder.0,
        &[
            "serve",
            "--port",
            "0",
            "--log",
            "off",
            "--scenario",
            "seven",
        ],
    ));
    assert!(server.exchange(GET_A).ends_with("{\"n\":7}"));
    server.terminate();
    assert_eq!(server.ended().0, Some(0));
    let (status, _, stderr) = run(&folder.0, &["serve", "--port", "0", "--scenario", "eight"]);
    assert_eq!(status, Some(2));
    assert!(
        stderr.contains("error: no fixture has the scenario `eight`"),
        "{stderr}"
    );
}

#[test]
fn options_come_from_flags_then_from_the_environment() {
    let folder = Folder::new("environment")
        .with("specs/a.yaml", DOCUMENT)
        .with("own/f.yaml", "get-a: [{body: {n: 2}}]");
    let mut command = standin(
        &folder.0,
        &[
            "serve",
            "--port",
            "0",
            "--host",
            "127.0.0.1",
            "--log",
            "json",
        ],
    );
    command.envs([
        ("STANDIN_LOG", "off"),
        ("STANDIN_FIXTURES", "own"),
        ("STANDIN_MAX_BODY", "3"),
    ]);
    let server = Server::start(command);
    assert!(server.exchange(GET_A).ends_with("{\"n\":2}"));
    let large = server.exchange(
        "PUT /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 4\r\n\r\nabcd",
    );
    assert!(large.starts_with("HTTP/1.1 413"), "{large}");
    server.terminate();
    let (_, log) = server.ended();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let lines: Vec<Value> = lines
        .filter(|line: &Value| line.get("method").is_some())
        .collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert_eq!(
        (
            &lines[0]["method"],
            &lines[0]["status"],
            &lines[0]["operation"]
        ),
        (&"GET".into(), &200.into(), &"get-a".into())
    );
}

#[test]
fn one_seed_gives_the_same_bytes_and_another_does_not() {
    let folder = Folder::new("seed").with("specs/a.yaml", DOCUMENT);
    let made = |seed: &str| {
        let server = Server::start(standin(
            &folder.0,
            &["serve", "--port", "0", "--log", "off", "--seed", seed],
        ));
        let answer =
            server.exchange("PUT /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        server.terminate();
        let (_, log) = server.ended();
        assert!(!log.contains("PUT /a"), "{log}");
        answer.rsplit("\r\n\r\n").next().map(str::to_owned)
    };
    assert_eq!(made("7"), made("7"));
    assert_ne!(made("7"), made("8"));
}

#[test]
fn a_document_that_cannot_be_read_costs_itself_and_without_any_the_exit_code_is_2() {
    let folder = Folder::new("broken")
        .with("specs/a.yaml", DOCUMENT)
        .with("specs/b.yaml", "openapi: 3.0.0\ninfo: [\n");
    let server = Server::start(standin(&folder.0, &["serve", "--port", "0"]));
    assert!(server.exchange(GET_A).starts_with("HTTP/1.1 200"));
    server.terminate();
    let (_, log) = server.ended();
    assert!(log.contains("error[syntax]"), "{log}");
    assert!(log.contains("specs/b.yaml:"), "{log}");
    let (code, _, errors) = run(&folder.0, &["serve", "specs/b.yaml", "specs/none.yaml"]);
    assert_eq!(code, Some(2));
    assert!(
        errors.contains("error[unreadable-file]: `specs/none.yaml` cannot be read"),
        "{errors}"
    );
    assert!(
        errors.contains("error: there is no document to serve"),
        "{errors}"
    );
}

#[test]
fn an_address_that_is_taken_is_said_to_be() {
    let folder = Folder::new("taken").with("specs/a.yaml", DOCUMENT);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
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
fn documents_come_from_standard_input_too() {
    let folder = Folder::new("stdin");
    let mut command = standin(&folder.0, &["routes", "-"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    child
        .stdin
        .take()
        .expect("is piped")
        .write_all(DOCUMENT.as_bytes())
        .expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8(output.stdout).expect("is text");
    assert_eq!(
        text,
        "GET  /a  get-a  -  200 example \"first\"\nPUT  /a  -      -  200 generated\n"
    );
}

#[test]
fn documents_may_be_split_over_files_in_their_folder() {
    let root = "openapi: 3.0.0
info: {title: t, version: '1'}
paths:
  /pets: {$ref: 'paths/pets.json#/pets'}
  /out: {get: {responses: {'200': {description: ok, content: {application/json: {schema: {$ref: '../other/o.yaml'}}}}}}}
components: {schemas: {Id: {type: integer}}}
";
    let pets = r#"{"pets": {"post": {
      "requestBody": {"content": {"application/json": {"schema": {"$ref": "../schemas/pet.yaml#/Pet"}}}},
      "responses": {"200": {"description": "ok"}}
    }}}"#;
    let pet = "Pet:
  required: [id, tag, next]
  properties:
    id: {$ref: '../api.yaml#/components/schemas/Id'}
    tag: {$ref: '#/Tag'}
    next: {$ref: '#/Pet', nullable: 'true'}
Tag: {type: string, minLength: 2}
";
    let folder = Folder::new("split")
        .with("api/api.yaml", root)
        .with("api/paths/pets.json", pets);
    let folder = folder
        .with("api/schemas/pet.yaml", pet)
        .with("other/o.yaml", "type: integer\n");
    let server = Server::start(standin(
        &folder.0,
        &["serve", "api/api.yaml", "--port", "0", "--log", "off"],
    ));
    let post = |body: &str| {
        let head = "POST /pets HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n";
        server.exchange(&format!(
            "{head}Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    };
    let fine = post(r#"{"id": 1, "tag": "ab", "next": {"id": 2, "tag": "cd", "next": null}}"#);
    assert!(fine.starts_with("HTTP/1.1 200"), "{fine}");
    let wrong = post(r#"{"id": "x", "tag": "ab", "next": {"id": 2, "tag": "c", "next": null}}"#);
    assert!(
        wrong.contains(
            "standin-violations: body /id: must be integer; body /next/tag: must have at least 2"
        ),
        "{wrong}"
    );
    server.terminate();
    server.ended();
    // The document is in the current folder, and so is the file that it refers to.
    let (_, out, _) = run(&folder.0, &["check", "api/api.yaml"]);
    assert!(!out.contains("external-ref"), "{out}");
    let within = folder.0.join("api");
    let (_, out, _) = run(&within, &["check", "api.yaml"]);
    assert!(
        out.contains("error[external-ref]: reference `../other/o.yaml` leads out of its document"),
        "{out}"
    );
    assert!(out.contains("--allow-path"), "{out}");
    assert!(
        out.contains(
            "warning[string-boolean]: `nullable` is the string \"true\", expected a boolean"
        ),
        "{out}"
    );
    assert!(out.contains("--> schemas/pet.yaml:6:37"), "{out}");
    let (_, out, _) = run(&within, &["check", "api.yaml", "--allow-path", "../other"]);
    assert!(!out.contains("external-ref"), "{out}");
}

#[test]
fn documents_with_errors_are_refused_if_the_user_says_so() {
    let document = "openapi: 3.0.0
info: {title: t, version: '1'}
paths: {/a: {get: {responses: {'200': {$ref: '#/components/responses/Missing'}}}}}
";
    let folder = Folder::new("strict").with("specs/a.yaml", document);
    let (code, out, errors) = run(&folder.0, &["serve", "--port", "0", "--strict-documents"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(errors.contains("error[unresolved-ref]"), "{errors}");
    assert!(
        errors.contains(
            "error: the documents have errors, which `--strict-documents` does not allow"
        ),
        "{errors}"
    );
}

#[test]
fn paths_of_the_command_line_may_have_colons_and_only_files_are_read() {
    let document = "openapi: 3.0.0
info: {title: t, version: '1'}
paths:
  /a: {$ref: '../x:y/a.yaml'}
  /b: {$ref: 'pipe.yaml'}
";
    let item = "get: {responses: {'200': {description: ok}}}";
    let folder = Folder::new("colons")
        .with("api/api.yaml", document)
        .with("x:y/a.yaml", item);
    let made = std::process::Command::new("mkfifo")
        .arg(folder.0.join("api/pipe.yaml"))
        .status();
    assert!(made.is_ok_and(|status| status.success()));
    let (_, out, _) = run(
        &folder.0.join("api"),
        &["check", "api.yaml", "--allow-path", "../x:y"],
    );
    assert!(!out.contains("x:y"), "{out}");
    assert!(
        out.contains("`pipe.yaml` cannot be read: it is not a regular file"),
        "{out}"
    );
}

/// A host that answers every request with one text, and counts them.
fn host(answer: fn(&str) -> String) -> (String, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("is bound").to_string();
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut line = String::new();
            let mut reader = BufReader::new(stream.try_clone().expect("can be cloned"));
            let _read = reader.read_line(&mut line);
            let mut rest = String::new();
            while reader.read_line(&mut rest).is_ok_and(|length| length > 2) {
                rest.clear();
            }
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let _written = stream.write_all(answer(&line).as_bytes());
        }
    });
    (address, asked)
}

#[test]
fn hosts_are_asked_only_if_they_are_allowed_and_once() {
    let (address, asked) = host(|line| {
        let (status, body) = match line.split(' ').nth(1) {
            Some("/a/pet.yaml") => (
                "200 OK",
                "{type: object, properties: {tag: {$ref: 'tag.yaml'}}, required: [tag]}",
            ),
            Some("/a/tag.yaml") => ("302 Found\r\nLocation: /a/moved.yaml", ""),
            Some("/a/moved.yaml") => ("200 OK", "{type: integer}"),
            _ => ("404 Not Found", ""),
        };
        format!(
            "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    });
    let document = DOCUMENT.replace(
        "schema: {type: integer}",
        &format!("schema: {{$ref: 'http://{address}/a/pet.yaml'}}, example: {{tag: x}}"),
    );
    let folder = Folder::new("hosts").with("a.yaml", &document);
    let (_, out, _) = run(&folder.0, &["check", "a.yaml", "--cache", "cache"]);
    assert!(out.contains("error[external-ref]"), "{out}");
    assert!(
        out.contains(&format!("unless `--allow-host {address}` allows it")),
        "{out}"
    );
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 0);
    for _ in 0..2 {
        let (_, out, _) = run(
            &folder.0,
            &[
                "check",
                "a.yaml",
                "--cache",
                "cache",
                "--allow-host",
                &address,
            ],
        );
        assert!(!out.contains("external-ref"), "{out}");
        assert!(
            out.contains("the example does not fit its schema: `/tag` must be integer"),
            "{out}"
        );
    }
    // Two files, one of them moved; the second start needed no network.
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 3);
    let other = folder.0.join("b.yaml");
    fs::write(other, document.replace("/a/pet.yaml", "/a/none.yaml")).expect("can be written");
    let (_, out, _) = run(
        &folder.0,
        &[
            "check",
            "b.yaml",
            "--cache",
            "cache",
            "--allow-host",
            &address,
        ],
    );
    assert!(out.contains("answers 404"), "{out}");
}

#[test]
fn examples_may_be_in_files_beside_the_document() {
    let document = r"
openapi: 3.0.3
info: {title: t, version: '1'}
paths:
  /json: {get: {responses: {'200': {description: ok, content: {application/json: {examples: {a: {externalValue: values/a.json}}}}}}}}
  /text: {get: {responses: {'200': {description: ok, content: {text/plain: {examples: {a: {externalValue: values/a.txt}}}}}}}}
  /none: {get: {responses: {'200': {description: ok, content: {text/plain: {examples: {a: {externalValue: ../../none.txt}}}}}}}}
";
    let folder = Folder::new("external").with("api/a.yaml", document);
    let folder = folder
        .with("api/values/a.json", "{\"n\": [1]}")
        .with("api/values/a.txt", "hello");
    let server = Server::start(standin(
        &folder.0,
        &["serve", "api/a.yaml", "--port", "0", "--log", "off"],
    ));
    let get = |path: &str| {
        server.exchange(&format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        ))
    };
    assert!(get("/json").ends_with("{\"n\":[1]}"), "{}", get("/json"));
    assert!(get("/text").ends_with("hello"), "{}", get("/text"));
    server.terminate();
    server.ended();
    let (_, out, _) = run(&folder.0, &["check", "api/a.yaml"]);
    assert!(
        out.contains("warning[external-value]: the external value `../../none.txt` is not there"),
        "{out}"
    );
}

#[test]
fn a_discriminator_may_map_to_a_file() {
    let document = r"
openapi: 3.0.3
info: {title: t, version: '1'}
paths:
  /pets:
    get:
      responses:
        '200':
          description: ok
          content:
            application/json:
              schema:
                oneOf: [{$ref: cat.yaml}]
                discriminator: {propertyName: kind, mapping: {tabby: cat.yaml}}
";
    let cat = "{type: object, required: [kind], properties: {kind: {type: string}}}";
    let folder = Folder::new("mapping")
        .with("a.yaml", document)
        .with("cat.yaml", cat);
    let server = Server::start(standin(
        &folder.0,
        &["serve", "a.yaml", "--port", "0", "--log", "off"],
    ));
    let answer =
        server.exchange("GET /pets HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(answer.ends_with("{\"kind\":\"tabby\"}"), "{answer}");
    server.terminate();
    server.ended();
}

#[test]
fn example_prints_a_request_and_its_answer() {
    let folder = Folder::new("example").with("specs/a.yaml", DOCUMENT);
    let (code, out, _) = run(&folder.0, &["example", "get-a"]);
    assert_eq!(code, Some(0));
    assert_eq!(
        out,
        "GET /a HTTP/1.1\n\nHTTP/1.1 200 OK\ncontent-type: application/json\n\n{\"n\":1}\n\n"
    );
    let made = |seed: &str, count: &str| {
        let arguments = [
            "example", "PUT /a", "--seed", seed, "--count", count, "--format", "json",
        ];
        let (_, out, _) = run(&folder.0, &arguments);
        serde_json::from_str::<Value>(&out).expect("is JSON")
    };
    let three = made("7", "3");
    assert_eq!(three.as_array().map(Vec::len), Some(3));
    assert_eq!(three[1], made("8", "1")[0], "each has the next seed");
    assert!(three[0]["response"]["body"].is_i64(), "{three}");
    let arguments = [
        "example",
        "get-a",
        "--status",
        "200",
        "--media-type",
        "application/json",
    ];
    let (_, out, _) = run(&folder.0, &arguments);
    assert!(
        out.contains("accept: application/json\nprefer: code=200\n"),
        "{out}"
    );
    // What the operation cannot answer is no example of it.
    let (code, out, errors) = run(&folder.0, &["example", "get-a", "--status", "418"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(
        errors.contains("error: `get-a` documents no 418 response\n  = help: it documents 200"),
        "{errors}"
    );
    let (code, out, errors) = run(&folder.0, &["example", "get-a", "--media-type", "text/csv"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(
        errors.contains("error: `get-a` documents no answer in `text/csv`"),
        "{errors}"
    );
    let (code, _, errors) = run(&folder.0, &["example", "get-b"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("there is `get-a`"), "{errors}");
}

#[test]
fn overlays_are_files() {
    let overlay = "overlay: 1.0.0\ninfo: {title: o, version: '1'}\nactions: [{target: '$.paths[\"/a\"].put', remove: true}]\n";
    let folder = Folder::new("overlay")
        .with("a.yaml", DOCUMENT)
        .with("o.yaml", overlay);
    let (_, out, _) = run(&folder.0, &["routes", "a.yaml", "--overlay", "o.yaml"]);
    assert_eq!(out.lines().count(), 1, "{out}");
    let (_, _, errors) = run(&folder.0, &["routes", "a.yaml", "--overlay", "none.yaml"]);
    assert!(errors.contains("`none.yaml` cannot be read"), "{errors}");
}

#[test]
fn check_tells_by_its_exit_code() {
    let folder = Folder::new("check")
        .with("specs/a.yaml", DOCUMENT)
        .with("bad.yaml", &DOCUMENT.replace("n: 1", "n: 'x'"));
    let (code, out, _) = run(&folder.0, &["check"]);
    assert_eq!(
        (code, out.lines().last()),
        (
            Some(0),
            Some("2 operations from 1 document, 0 errors, 0 warnings")
        )
    );
    let (code, out, _) = run(&folder.0, &["check", "bad.yaml"]);
    assert_eq!(code, Some(0), "warnings are told, and do not fail");
    assert!(out.contains("warning[example-mismatch]"), "{out}");
    let (code, ..) = run(&folder.0, &["check", "bad.yaml", "--fail-on", "warning"]);
    assert_eq!(code, Some(1));
    let folder = folder.with("worse.yaml", &DOCUMENT.replace("openapi: 3", "openapi: 9"));
    let (code, out, _) = run(&folder.0, &["check", "specs/a.yaml", "worse.yaml"]);
    assert_eq!(code, Some(1), "{out}");
    let (code, ..) = run(&folder.0, &["check", "bad.yaml", "--fail-on", "nothing"]);
    assert_eq!(code, Some(2));
    let (code, _, errors) = run(&folder.0, &["check", "nowhere"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("there is no document to check"), "{errors}");
}

#[test]
fn check_speaks_json_and_sarif() {
    let folder = Folder::new("formats").with("bad.yaml", &DOCUMENT.replace("n: 1", "n: 'x'"));
    let (_, out, _) = run(&folder.0, &["check", "bad.yaml", "--format", "json"]);
    let report: Value = serde_json::from_str(&out).expect("is JSON");
    let found = &report["diagnostics"][0];
    assert_eq!(
        (&found["code"], &found["file"], &found["line"]),
        (&"example-mismatch".into(), &"bad.yaml".into(), &13.into())
    );
    assert_eq!(
        found["pointer"],
        "/paths/~1a/get/responses/200/content/application~1json/examples/first/value/n"
    );
    let (_, out, _) = run(&folder.0, &["check", "bad.yaml", "--format", "sarif"]);
    let report: Value = serde_json::from_str(&out).expect("is JSON");
    assert_eq!(report["version"], "2.1.0");
    assert_eq!(
        report["runs"][0]["results"][0]["ruleId"],
        "example-mismatch"
    );
}

#[test]
fn routes_lists_how_each_operation_is_answered() {
    let folder = Folder::new("routes")
        .with("specs/a.yaml", DOCUMENT)
        .with("fixtures/f.yaml", "get-a: [{body: {n: 2}}]");
    let (code, out, _) = run(&folder.0, &["routes"]);
    assert_eq!(code, Some(0));
    assert_eq!(
        out,
        "GET  /a  get-a  specs/a.yaml  1 fixture, else 200 example \"first\"\nPUT  /a  -      specs/a.yaml  200 generated\n"
    );
    let (_, out, _) = run(
        &folder.0,
        &["routes", "--format", "json", "--fixtures", "none"],
    );
    let rows: Value = serde_json::from_str(&out).expect("is JSON");
    assert_eq!(
        (&rows[0]["operationId"], &rows[1]["operationId"]),
        (&"get-a".into(), &Value::Null)
    );
    assert_eq!(rows[0]["answer"], "200 example \"first\"");
}

/// An operation with an error of its own, one that borrows it, one with a schema and one with nothing.
const ERRORS: &str = r#"{"openapi": "3.0.0", "info": {"title": "t", "version": "1"}, "paths": {
    "/own": {"get": {"parameters": [{"name": "limit", "in": "query", "required": true, "schema": {"type": "integer"}}],
        "responses": {"200": {"description": "ok"}, "400": {"description": "no", "content": {"application/json":
            {"schema": {"type": "object", "properties": {"error": {"type": "string"}}}, "example": {"error": "page is required"}}}}}}},
    "/borrowed": {"get": {"parameters": [{"name": "size", "in": "query", "required": true, "schema": {"type": "integer"}}],
        "responses": {"200": {"description": "ok"}, "400": {"description": "no", "content": {"application/json":
            {"schema": {"type": "object", "properties": {"error": {"type": "string"}}}}}}}}},
    "/shaped": {"get": {"parameters": [{"name": "size", "in": "query", "required": true, "schema": {"type": "integer"}}],
        "responses": {"200": {"description": "ok"}, "422": {"description": "no", "content": {"application/json":
            {"schema": {"type": "object", "properties": {"field": {"type": "string"}, "detail": {"type": "string"}}}}}}}}},
    "/none": {"get": {"responses": {"200": {"description": "ok"}}}},
    "/sent": {"put": {"requestBody": {"content": {"application/json": {"schema": {"type": "object", "required": ["id", "size"],
            "properties": {"id": {"type": "string", "readOnly": true}, "size": {"type": "integer"}}}}}},
        "responses": {"200": {"description": "ok"}, "400": {"description": "no", "content": {"application/json":
            {"example": {"error": "size is required"}}}}}}}}}"#;

#[test]
fn routes_say_where_the_words_of_errors_come_from() {
    let folder = Folder::new("errors").with("specs/a.yaml", ERRORS);
    let (code, out, _) = run(&folder.0, &["routes", "--errors"]);
    assert_eq!(code, Some(0));
    let lines: Vec<&str> = out.lines().map(str::trim_end).collect();
    assert_eq!(
        lines[0],
        r#"example  GET  /own       without `limit`  400 {"error":"limit is required"}"#
    );
    assert_eq!(
        lines[1],
        r#"sibling  GET  /borrowed  without `size`   400 {"error":"size is required"}"#
    );
    assert_eq!(
        lines[2],
        r#"schema   GET  /shaped    without `size`   422 {"field":"size","detail":"'size' is required"}"#
    );
    assert!(
        lines[3].starts_with("sibling  GET  /none      -"),
        "{}",
        lines[3]
    );
    // Who sends a request is not asked for what is read only.
    assert_eq!(
        lines[4],
        r#"example  PUT  /sent      without `size`   400 {"error":"size is required"}"#
    );
    let (_, checked, _) = run(&folder.0, &["check"]);
    assert!(
        !checked.contains("limit is required"),
        "`check` tells findings only: {checked}"
    );
    let folder = folder.with("fixtures/f.yaml", "errors: {'*': {message: 'no {name}'}}");
    let (_, out, _) = run(&folder.0, &["routes", "--errors", "--format", "json"]);
    let rows: Value = serde_json::from_str(&out).expect("is JSON");
    assert_eq!(
        (&rows[0]["source"], &rows[0]["missing"]),
        (&"fixture".into(), &"limit".into())
    );
    assert_eq!(rows[0]["sample"]["error"], "no limit");
}

#[test]
fn help_completions_and_the_manual_can_be_printed() {
    let folder = Folder::new("help");
    let (code, short, _) = run(&folder.0, &["serve", "-h"]);
    assert_eq!(code, Some(0));
    assert!(short.lines().count() <= 24, "{short}");
    let (_, long, _) = run(&folder.0, &["serve", "--help"]);
    assert!(
        long.contains("--examples") && !short.contains("--examples"),
        "the long help says more"
    );
    let (_, script, _) = run(&folder.0, &["completions", "bash"]);
    assert!(script.contains("_standin"), "{script}");
    let (_, page, _) = run(&folder.0, &["man"]);
    assert!(page.contains(".TH"), "{page}");
    let (code, _, errors) = run(&folder.0, &["serve", "--validate", "maybe"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("strict"), "{errors}");
}

#[test]
fn hostile_bytes_cost_their_connection_only() {
    let folder = Folder::new("hostile").with("specs/a.yaml", DOCUMENT);
    let server = Server::start(standin(
        &folder.0,
        &["serve", "--port", "0", "--log", "off"],
    ));
    let answer = |bytes: &str| {
        let mut stream = server.send(bytes);
        stream.shutdown(std::net::Shutdown::Write).expect("is open");
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
    assert!(server.exchange(GET_A).starts_with("HTTP/1.1 200"));
    server.terminate();
    assert_eq!(server.ended().0, Some(0));
}
