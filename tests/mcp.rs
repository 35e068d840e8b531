//! `standin mcp`: an agent finds, calls, arranges and reads, with the sandbox of its own process or with a running one.

#[path = "support/program.rs"]
mod program;
#[path = "support/server.rs"]
#[expect(dead_code, reason = "a server is only asked over the control API here")]
mod server;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use program::{Folder, run, standin};
use serde_json::{Value, json};
use server::Server;

const DOCUMENT: &str = r"
openapi: 3.1.0
info: {title: Pets, version: '1'}
paths:
  /pets:
    post:
      operationId: createPet
      summary: Add a pet
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}
      responses:
        '201': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
        '422':
          description: wrong
          content: {application/json: {schema: {type: object, properties: {error: {type: string}}}, example: {error: name is required}}}
  /pets/{id}:
    get:
      operationId: getPet
      parameters:
        - {name: id, in: path, required: true, schema: {type: integer}}
        - {name: fields, in: query, schema: {type: string}}
      responses:
        '200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
        '404': {description: none, content: {application/json: {example: {error: no such pet}}}}
components: {schemas: {Pet: {type: object, required: [name], properties: {id: {type: integer}, name: {type: string}}}}}
";

/// An agent, and the program that it talks to.
struct Agent {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    count: u64,
}

impl Agent {
    fn start(folder: &Folder, options: &[&str]) -> Self {
        let mut child = standin(&folder.0, &[&["mcp"][..], options].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("is piped"));
        Self {
            child,
            input,
            output,
            count: 0,
        }
    }

    fn send(&mut self, line: &str) {
        let input = self.input.as_mut().expect("is open");
        writeln!(input, "{line}").expect("it reads");
    }

    fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        self.count += 1;
        let message =
            json!({"jsonrpc": "2.0", "id": self.count, "method": method, "params": parameters});
        self.send(&message.to_string());
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it answers");
        let answer: Value = serde_json::from_str(&line).expect("is JSON");
        assert_eq!(answer["id"], self.count, "{answer}");
        answer["result"].clone()
    }

    /// Runs a tool; returns whether it failed, and its text.
    fn tool(&mut self, name: &str, arguments: &Value) -> (bool, String) {
        let result = self.ask("tools/call", &json!({"name": name, "arguments": arguments}));
        let text = result["content"][0]["text"].as_str().expect("is text");
        (result["isError"] == true, text.to_owned())
    }

    /// Runs a tool that succeeds, and returns its result.
    fn result(&mut self, name: &str, arguments: &Value) -> Value {
        let (failed, text) = self.tool(name, arguments);
        assert!(!failed, "{text}");
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    }

    /// Ends the input; returns the exit code.
    fn end(mut self) -> Option<i32> {
        drop(self.input.take());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).expect("is text");
        assert_eq!(rest, "");
        self.child.wait().expect("it ends").code()
    }
}

fn folder(name: &str) -> Folder {
    Folder::new(name).with("specs/pets.yaml", DOCUMENT)
}

#[test]
fn an_agent_finds_calls_arranges_and_reads() {
    let folder = folder("mcp-own");
    let mut agent = Agent::start(&folder, &[]);
    let hello = agent.ask("initialize", &json!({"protocolVersion": "2025-06-18"}));
    assert_eq!(hello["serverInfo"]["name"], "standin");
    agent.send(r#"{"jsonrpc": "2.0", "method": "notifications/initialized"}"#);
    let tools = agent.ask("tools/list", &json!({}));
    assert_eq!(tools["tools"].as_array().map(Vec::len), Some(9));
    let found = agent.result("find", &json!({"words": "add pet"}));
    assert_eq!(found["operations"][0]["operation"], "createPet");
    let described = agent.result("describe", &json!({"operation": "createPet"}));
    assert!(
        described["request"]["body"]["name"].is_string(),
        "{described}"
    );
    let wrong = agent.result(
        "call",
        &json!({"operation": "createPet", "body": {"id": 7}}),
    );
    assert_eq!(wrong["response"]["status"], 422);
    assert_eq!(
        wrong["violations"],
        json!(["body: must have required property 'name'"])
    );
    let made = agent.result(
        "call",
        &json!({"operation": "createPet", "body": {"id": 7, "name": "Rex"}}),
    );
    assert_eq!(made["response"]["status"], 201);
    let read = agent.result(
        "call",
        &json!({"operation": "getPet", "path": {"id": 7}, "query": {"fields": "name"}}),
    );
    assert_eq!(read["response"]["content"]["name"], "Rex", "{read}");
    let plain = agent.result("call", &json!({"target": "/pets/7"}));
    assert_eq!(plain["response"]["content"]["name"], "Rex");
    let preferred = agent.result(
        "call",
        &json!({"operation": "getPet", "path": {"id": 7}, "prefer": "code=404"}),
    );
    assert_eq!(preferred["response"]["status"], 404);
    let fixture = json!({"fixtures": {"getPet": [{"status": 404}]}, "session": "t1"});
    let arranged = agent.result("arrange", &fixture);
    assert_eq!(arranged["fixtures"][0]["operation"], "getPet");
    let call = json!({"operation": "getPet", "path": {"id": 7}, "session": "t1"});
    assert_eq!(agent.result("call", &call)["response"]["status"], 404);
    agent.result("arrange", &json!({"clear": true, "session": "t1"}));
    assert_eq!(
        agent.result("arrange", &json!({"session": "t1"}))["fixtures"],
        json!([])
    );
    let journal = agent.result(
        "journal",
        &json!({"operation": "createPet", "status": "422"}),
    );
    assert_eq!(journal["total"], 1);
    let number = &journal["requests"][0]["number"];
    let explained = agent.result("explain", &json!({"number": number}));
    assert_eq!(explained["response"]["status"], 422, "{explained}");
    let listed = agent.result(
        "data",
        &json!({"action": "get", "collection": "pets", "key": "7"}),
    );
    assert_eq!(listed["entity"]["name"], "Rex");
    agent.result("data", &json!({"action": "save", "name": "one"}));
    agent.result(
        "data",
        &json!({"action": "delete", "collection": "pets", "key": "7"}),
    );
    assert!(
        agent
            .tool(
                "data",
                &json!({"action": "get", "collection": "pets", "key": "7"})
            )
            .0
    );
    agent.result("data", &json!({"action": "restore", "name": "one"}));
    assert!(
        !agent
            .tool(
                "data",
                &json!({"action": "get", "collection": "pets", "key": "7"})
            )
            .0
    );
    let uncalled = agent.result("coverage", &json!({"only": "unfailed"}));
    assert!(uncalled["operations"].is_array(), "{uncalled}");
    assert_eq!(agent.end(), Some(0));
}

#[test]
fn documents_that_change_are_loaded_again() {
    let folder = folder("mcp-reload");
    let mut agent = Agent::start(&folder, &[]);
    assert_eq!(agent.result("check", &json!({}))["total"], 0);
    let file = folder.0.join("specs/pets.yaml");
    let broken = DOCUMENT.replace(
        "#/components/schemas/Pet'}}}}\n        '422'",
        "#/components/schemas/Pat'}}}}\n        '422'",
    );
    std::fs::write(&file, broken).expect("can be written");
    let found = agent.result("check", &json!({"severity": "error"}));
    assert_eq!(found["errors"], 1, "{found}");
    assert!(found.to_string().contains("Pat"), "{found}");
    std::fs::write(&file, "nothing: [").expect("can be written");
    let (failed, text) = agent.tool("check", &json!({}));
    assert!(failed && text.contains("pets.yaml"), "{text}");
    assert_eq!(agent.end(), Some(0));
}

#[test]
fn a_running_sandbox_is_shared_with_the_program_under_test() {
    let folder = folder("mcp-running");
    let server = Server::serve(&folder, &["--control-token", "secret", "specs"]);
    server.get("/pets/1");
    let url = format!("http://{}", server.address);
    let mut agent = Agent::start(&folder, &["--url", &url, "--control-token", "secret"]);
    let journal = agent.result("journal", &json!({}));
    assert_eq!(journal["requests"][0]["operation"], "getPet");
    agent.result(
        "arrange",
        &json!({"fixtures": {"getPet": [{"status": 404}]}}),
    );
    assert!(server.get("/pets/1").starts_with("HTTP/1.1 404 "));
    assert_eq!(agent.end(), Some(0));
    let mut closed = Agent::start(&folder, &["--url", &url]);
    let (failed, text) = closed.tool("journal", &json!({}));
    assert!(failed && text.contains("401"), "{text}");
    drop(server);
    let (failed, text) = closed.tool("journal", &json!({}));
    assert!(failed && text.contains("cannot be fetched"), "{text}");
    assert_eq!(closed.end(), Some(0));
}

#[test]
fn a_url_without_a_sandbox_is_told_at_the_start_and_by_each_call() {
    let folder = folder("mcp-elsewhere");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = listener.local_addr().expect("is bound");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut some = [0; 1000];
            let _request = stream.read(&mut some);
            let page = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
            let _sent = stream.write_all(page.as_bytes());
        }
    });
    let other = format!("http://{address}");
    for (url, why) in [
        (other.as_str(), "is no Standin sandbox"),
        (
            "http://127.0.0.1:1",
            "no sandbox answers at http://127.0.0.1:1",
        ),
    ] {
        let mut agent = Agent::start(&folder, &["--url", url]);
        let (failed, text) = agent.tool("journal", &json!({}));
        assert!(failed && text.contains(why), "{text}");
        let mut err = agent.child.stderr.take().expect("is piped");
        assert_eq!(agent.end(), Some(0));
        let mut told = String::new();
        err.read_to_string(&mut told).expect("is text");
        assert!(told.contains("warning: ") && told.contains(why), "{told}");
    }
    let (code, _, err) = run(
        &folder.0,
        &["mcp", "--url", "http://ann:s3cret@127.0.0.1:1"],
    );
    assert_eq!(code, Some(2));
    assert!(err.contains("has a user name or a password"), "{err}");
    assert!(!err.contains("s3cret"), "{err}");
}

#[test]
fn what_cannot_be_served_is_said_at_once() {
    let folder = folder("mcp-refused");
    for (options, why) in [
        (&["mcp", "-"][..], "standard input has the messages"),
        (
            &["mcp", "specs", "--url", "http://localhost:1"],
            "cannot be used with",
        ),
        (&["mcp", "--control-token", "x"], "--url"),
        (&["mcp", "none.yaml"], "there is no document to serve"),
    ] {
        let (code, _, err) = run(&folder.0, options);
        assert_eq!(code, Some(2), "{options:?}");
        assert!(err.contains(why), "{options:?}: {err}");
    }
    let mut agent = Agent::start(&folder, &[]);
    agent.send(&format!(
        r#"{{"id": 1, "method": "{}"}}"#,
        "x".repeat(17 * 1024 * 1024)
    ));
    let mut line = String::new();
    agent.output.read_line(&mut line).expect("it answers");
    assert!(line.contains("the line is longer than"), "{line}");
    assert_eq!(
        agent.ask("ping", &json!({})),
        json!({}),
        "it goes on after a line that is too long"
    );
    assert_eq!(agent.end(), Some(0));
}
