//! Which values does each option of each command take and refuse, and what do they change?
//!
//! Every option is run with a value that it takes and with one that it refuses: a new option has to
//! be added to the function `values`.

#[path = "support/document.rs"]
mod document;
#[path = "support/program.rs"]
mod program;
#[path = "support/server.rs"]
mod server;

use clap::CommandFactory as _;
use serde_json::Value;

use document::DOCUMENT;
use program::{Folder, run, standin};
use server::Server;

/// A value that an option takes, and one that it refuses; none where any text will do or it has no
/// value.
struct Values {
    taken: &'static [&'static str],
    refused: Option<&'static str>,
}

/// Returns the values of an option by its name. A new option has to be added here.
fn values(command: &str, option: &str) -> Values {
    let of = |taken: &'static [&'static str], refused| Values { taken, refused };
    match option {
        "allow-any-host" | "curl" | "dry-run" | "dynamic" | "errors" | "hurl" | "prism"
        | "require-bodies" | "strict-documents" | "strict-query" => of(&[], None),
        "state" if command == "routes" => of(&[], None),
        "to" => of(&["http://localhost:1/hook"], Some("/hook")),
        "example" => of(&["far"], None),
        "content" => of(&["[1]"], Some("[1")),
        "sign" => of(&["github", "--secret", "s"], Some("apple")),
        "secret" => of(&["s", "--sign", "stripe"], None),
        "allow-callback" => of(&["hooks.test"], Some("http://hooks.test")),
        "allow-host" => of(&["example.com"], None),
        "header" => of(&["Accept: x"], Some("no colon")),
        "allow-path" | "cache" | "fixtures" => of(&["folder"], None),
        "body-timeout" | "drain" | "header-timeout" | "write-timeout" | "item-delay" => {
            of(&["3"], Some("x"))
        }
        "additional-properties"
        | "callbacks"
        | "compress"
        | "control"
        | "cors"
        | "echo"
        | "state" => of(&["on"], Some("maybe")),
        "content-memory" | "max-body" | "max-generated" | "session-memory" => {
            of(&["20MiB"], Some("large"))
        }
        "console" => of(&["write"], Some("some")),
        "control-host" => of(&["sandbox.test"], None),
        "control-token" if command == "mcp" => {
            of(&["secret", "--url", "http://localhost:1"], Some(""))
        }
        "control-token" => of(&["secret"], Some("")),
        "count" | "journal" | "max-connections" | "max-sessions" | "max-streams" | "max-values" => {
            of(&["5"], Some("x"))
        }
        "cover" => of(&["GET /*"], Some("nothing")),
        "delay" | "max-delay" | "wait" => of(&["1ms"], Some("soon")),
        "examples" => of(&["repair"], Some("perfect")),
        "base" => of(&["https://api.example.com"], Some("api")),
        "har" if command == "proxy" => of(&["out.har"], None),
        "har" => of(&["traffic.har"], None),
        "min-calls" => of(&["3"], Some("0")),
        "fail-on" if command == "drift" => of(&["incomplete"], Some("mood")),
        "format" if command == "drift" => of(&["junit"], Some("xml")),
        "overlay" if command == "drift" => of(&["fix.yaml"], None),
        "fail-on" if command == "check" => of(&["warning"], Some("mood")),
        "fail-on" => of(&["uncovered=100%"], Some("mood")),
        "format" if command == "check" => of(&["sarif"], Some("xml")),
        "format" => of(&["json"], Some("xml")),
        "host" => of(&["127.0.0.1"], Some("nowhere at all")),
        "keep" => of(&["all"], Some("most")),
        "list-size" => of(&["1-4"], Some("4-1")),
        "log-level" => of(&["standin=debug"], Some("loud")),
        "log" => of(&["json"], Some("loud")),
        "media-type" => of(&["application/json"], Some("json")),
        "only" => of(&["get-a"], Some("nothing")),
        "output" => of(&["-"], None),
        "overlay" | "with-overlay" => of(&["overlay.yaml"], None),
        "port" => of(&["0"], Some("70000")),
        "query-arrays" => of(&["comma"], Some("tilde")),
        "redact" => of(&["none"], Some("some")),
        "record" => of(&["new", "recordings"], Some("some")),
        "drift" => of(&["off"], Some("perhaps")),
        "drift-report" => of(&["json", "drift.json"], Some("pdf")),
        "report" => of(&["json", "report.json"], Some("pdf")),
        "scenario" => of(&["outage"], None),
        // A text is a seed too, as in Prism.
        "seed" => of(&["7"], None),
        "state-file" => of(&["state.json"], None),
        "status" => of(&["200"], Some("ok")),
        "streams" => of(&["repeat"], Some("loop")),
        "unknown" => of(&["seeded"], Some("405")),
        "url" => of(&["http://localhost:8080"], Some("localhost")),
        "fallback" => of(&["404,unreachable"], Some("never")),
        "real" | "sandbox" => of(&["get-a"], None),
        "allow-upstream" => of(
            &["files.example.com:8443"],
            Some("https://files.example.com"),
        ),
        "listen" => of(&["http://127.0.0.1:0"], Some("localhost:4010")),
        "path" if command == "cert" => of(&[], None),
        "tls-cert" => of(&["own.pem", "--tls-key", "key.pem"], None),
        "tls-key" => of(&["key.pem", "--tls-cert", "own.pem"], None),
        "tls-name" => of(&["shop.test"], None),
        "tls-client-ca" | "upstream-ca" => of(&["authority.pem"], None),
        "upstream-proxy" => of(&["http://proxy.test:3128"], None),
        "upstream-timeout" => of(&["3s"], Some("soon")),
        // Another word behind the flag is a document, as in Prism.
        "validate-request" | "validate-response" => of(&["false"], None),
        "validate" => of(&["warn"], Some("loose")),
        "variable" => of(&["petId=7"], Some("petId")),
        "watch" => of(&["poll=2s"], Some("sometimes")),
        other => panic!("`standin {command} --{other}` has no values here"),
    }
}

/// A document with a webhook.
const MOVED: &str = "openapi: 3.1.0
info: {title: w, version: '1'}
webhooks:
  moved:
    post:
      requestBody: {content: {application/json: {examples: {far: {value: {x: 1}}}}}}
      responses: {'200': {description: ok}}
";

/// A certificate authority, as `openssl req -x509` writes it.
const AUTHORITY: &str = "\
-----BEGIN CERTIFICATE-----
MIIBmTCCAT+gAwIBAgIUBAbDhJSvS/7INOLlrxtkQ2bQRREwCgYIKoZIzj0EAwIw
ITEfMB0GA1UEAwwWU3RhbmRpbiB0ZXN0IGF1dGhvcml0eTAgFw0yNjExMjgxNjUz
MjRaGA8yMTI2MTEwNDE2NTMyNFowITEfMB0GA1UEAwwWU3RhbmRpbiB0ZXN0IGF1
dGhvcml0eTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDa1+zBX8Fp9MO0M4I8B
weP8SZATreEUiGlEaL1XeoPzR3dGqPtpdGlRGRVLNW6n35QPXIPWqzUVAxd86mgP
paCjUzBRMB0GA1UdDgQWBBRlNGyigbWmwplfJTb+ji63ZJ2oATAfBgNVHSMEGDAW
gBRlNGyigbWmwplfJTb+ji63ZJ2oATAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49
BAMCA0gAMEUCICNiyixavPGPcXSflJRhf4qp2Fs+J0KQ/h63JKZXIQqNAiEAu3V0
g1Io3V9Yk9viZ8SkPBp1FtMXxxeCOO9opF7uO6w=
-----END CERTIFICATE-----
";
/// A recorded exchange.
const HAR: &str = r#"{"log": {"entries": [{"request": {"method": "GET", "url": "https://api.example.com/a"},
    "response": {"status": 200, "content": {"mimeType": "application/json", "text": "{\"n\": 2}"}}}]}}"#;

/// A folder with what the values name.
fn folder(name: &str) -> Folder {
    Folder::new(name)
        .with("specs/a.yaml", DOCUMENT)
        .with("specs/moved.yaml", MOVED)
        .with("folder/empty.yaml", "{}")
        .with("authority.pem", AUTHORITY)
        .with("a.har", HAR)
        .with("fixtures/a.yaml", "get-a: [{scenario: outage, delay: 1ms}]")
        .with("traffic.har", r#"{"log": {"version": "1.2", "entries": []}}"#)
        .with(
            "overlay.yaml",
            "overlay: 1.0.0\ninfo: {title: o, version: '1'}\nactions: [{target: $.info, update: {version: '2'}}]\n",
        )
}

/// The options of each command, as `("serve", "port")`.
fn options() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for command in standin::cli::Command::command().get_subcommands() {
        for option in command
            .get_opts()
            .filter_map(clap::Arg::get_long)
            // `tests/drift.rs` has the proxy that this one asks.
            .filter(|name| !["help", "journal"].contains(name))
        {
            found.push((command.get_name().to_owned(), option.to_owned()));
        }
    }
    found
}

/// A proxy on a free port.
const PROXY: &[&str] = &["proxy", "http://localhost:1", "--port", "0"];

/// The arguments that a command needs beside an option.
fn arguments(command: &str, option: &str) -> Vec<&'static str> {
    match command {
        "init" if option == "output" => vec!["init"],
        "serve" if ["port", "listen"].contains(&option) => vec!["serve"],
        "serve" if option == "state-file" => vec!["serve", "--port", "0", "--state", "on"],
        "serve" => vec!["serve", "--port", "0"],
        "proxy" if ["port", "listen"].contains(&option) => vec!["proxy", "http://localhost:1"],
        "proxy" if option == "state-file" => [PROXY, &["--state", "on"]].concat(),
        "proxy" => PROXY.to_vec(),
        "example" => vec!["example", "get-a"],
        "trigger" => {
            let all = [
                "trigger",
                "moved",
                "--to",
                "http://localhost:1",
                "--dry-run",
            ];
            match option {
                "to" => vec!["trigger", "moved", "--dry-run"],
                // What is sent is refused before an unreachable host could be a failure.
                "dry-run" => all[..4].to_vec(),
                _ => all.to_vec(),
            }
        }
        "check" => vec!["check"],
        "import" if option == "base" => vec!["import", "a.har", "--dry-run"],
        "import" => vec!["import", "a.har"],
        "drift" if option == "har" => vec!["drift"],
        "drift" => vec!["drift", "--har", "traffic.har"],
        "init" => vec!["init", "--output", "-"],
        "cert" => vec!["cert"],
        "mcp" => vec!["mcp"],
        "routes" => vec!["routes"],
        other => panic!("`{other}` has options, and no arguments here"),
    }
}

#[test]
fn every_option_takes_a_value() {
    let folder = folder("options");
    for (command, option) in options() {
        let flag = format!("--{option}");
        let mut all = arguments(&command, &option);
        all.push(&flag);
        all.extend(values(&command, &option).taken);
        if ["serve", "proxy"].contains(&command.as_str()) {
            let server = Server::start(standin(&folder.0, &all));
            let (code, log) = server.stop();
            assert_eq!(code, Some(0), "{all:?}: {log}");
        } else {
            // `cert` writes to the folder of the user's data.
            let data = folder.0.join("data");
            let output = standin(&folder.0, &all).env("XDG_DATA_HOME", data).output();
            let output = output.expect("it runs");
            let log = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{all:?}: {log}");
        }
    }
}

#[test]
fn every_option_refuses_what_it_does_not_mean_and_says_so() {
    let folder = folder("refused");
    for (command, option) in options() {
        let Some(refused) = values(&command, &option).refused else {
            continue;
        };
        let flag = format!("--{option}");
        let mut all = arguments(&command, &option);
        all.extend([flag.as_str(), refused]);
        if ["report", "record"].contains(&option.as_str()) {
            all.push("report.json");
        }
        let (code, out, log) = run(&folder.0, &all);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{all:?}: {log}");
        assert!(
            log.contains(&flag) || log.contains(refused) && !refused.is_empty(),
            "{all:?}: {log}"
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
    let server = Server::serve(&folder, &["--log", "off", "--scenario", "seven"]);
    assert!(server.get("/a").ends_with("{\"n\":7}"));
    assert_eq!(server.stop().0, Some(0));
    let (status, _, stderr) = run(&folder.0, &["serve", "--port", "0", "--scenario", "eight"]);
    assert_eq!(status, Some(2));
    assert!(
        stderr.contains("error: no fixture has the scenario `eight`\n  = help:"),
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
    assert!(server.get("/a").ends_with("{\"n\":2}"));
    let large = server.exchange(
        "PUT /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 4\r\n\r\nabcd",
    );
    assert!(large.starts_with("HTTP/1.1 413"), "{large}");
    let (_, log) = server.stop();
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
        let server = Server::serve(&folder, &["--log", "off", "--seed", seed]);
        let answer =
            server.exchange("PUT /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let (_, log) = server.stop();
        assert!(!log.contains("PUT /a"), "{log}");
        answer.rsplit("\r\n\r\n").next().map(str::to_owned)
    };
    assert_eq!(made("7"), made("7"));
    assert_ne!(made("7"), made("8"));
}
