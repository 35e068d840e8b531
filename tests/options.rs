//! Every option of every command is run with a value that it takes, by its flag and from the environment, and with one
//! that it refuses.

#[allow(dead_code, reason = "these tests only start and end it")]
#[path = "support/process.rs"]
mod process;

use clap::CommandFactory as _;

use process::{Folder, Server, run, standin};

const DOCUMENT: &str = "openapi: 3.0.0
info: {title: t, version: '1'}
paths:
  /a:
    get:
      operationId: get-a
      responses:
        '200':
          description: ok
          content: {application/json: {schema: {type: integer}}}
";

/// A value that an option takes, and one that it refuses; none where any text will do or it has no value.
struct Values {
    taken: &'static [&'static str],
    refused: Option<&'static str>,
}

/// Returns the values of an option by its name. A new option has to be added here.
fn values(command: &str, option: &str) -> Values {
    let of = |taken: &'static [&'static str], refused| Values { taken, refused };
    match option {
        "allow-any-host" | "errors" | "require-bodies" | "strict-documents" | "strict-query" => {
            of(&[], None)
        }
        "state" if command == "routes" => of(&[], None),
        "allow-host" => of(&["example.com"], None),
        "allow-path" | "cache" | "fixtures" => of(&["folder"], None),
        "body-timeout" | "drain" | "header-timeout" | "write-timeout" | "item-delay" | "seed" => {
            of(&["3"], Some("x"))
        }
        "compress" | "control" | "cors" | "echo" | "state" => of(&["on"], Some("maybe")),
        "content-memory" | "max-body" | "max-generated" | "session-memory" => {
            of(&["20MiB"], Some("large"))
        }
        "control-host" => of(&["sandbox.test"], None),
        "control-token" => of(&["secret"], Some("")),
        "count" | "journal" | "max-connections" | "max-sessions" | "max-streams" | "max-values" => {
            of(&["5"], Some("x"))
        }
        "delay" | "max-delay" => of(&["1ms"], Some("soon")),
        "examples" => of(&["repair"], Some("perfect")),
        "fail-on" if command == "check" => of(&["warning"], Some("mood")),
        "fail-on" => of(&["uncovered=100%"], Some("mood")),
        "format" if command == "check" => of(&["sarif"], Some("xml")),
        "format" => of(&["json"], Some("xml")),
        "host" => of(&["127.0.0.1"], Some("nowhere at all")),
        "list-size" => of(&["1-4"], Some("4-1")),
        "log" => of(&["json"], Some("loud")),
        "media-type" => of(&["application/json"], Some("json")),
        "overlay" => of(&["overlay.yaml"], None),
        "port" => of(&["0"], Some("70000")),
        "query-arrays" => of(&["comma"], Some("tilde")),
        "report" => of(&["json", "report.json"], Some("pdf")),
        "scenario" => of(&["outage"], None),
        "state-file" => of(&["state.json"], None),
        "status" => of(&["200"], Some("ok")),
        "unknown" => of(&["seeded"], Some("405")),
        "validate" => of(&["warn"], Some("loose")),
        other => panic!("`standin {command} --{other}` has no values here"),
    }
}

/// A folder with what the values name.
fn folder(name: &str) -> Folder {
    Folder::new(name)
        .with("specs/a.yaml", DOCUMENT)
        .with("folder/empty.yaml", "{}")
        .with("fixtures/a.yaml", "get-a: [{scenario: outage, delay: 1ms}]")
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
            .filter(|name| *name != "help")
        {
            found.push((command.get_name().to_owned(), option.to_owned()));
        }
    }
    found
}

/// The arguments that a command needs beside an option.
fn arguments(command: &str, option: &str) -> Vec<&'static str> {
    match command {
        "serve" if option == "port" => vec!["serve"],
        "serve" if option == "state-file" => vec!["serve", "--port", "0", "--state", "on"],
        "serve" => vec!["serve", "--port", "0"],
        "example" => vec!["example", "get-a"],
        "check" => vec!["check"],
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
        if command == "serve" {
            let server = Server::start(standin(&folder.0, &all));
            server.terminate();
            let (code, log) = server.ended();
            assert_eq!(code, Some(0), "{all:?}: {log}");
        } else {
            let (code, _, log) = run(&folder.0, &all);
            assert_eq!(code, Some(0), "{all:?}: {log}");
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
        if option == "report" {
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
