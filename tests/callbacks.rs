//! Are callbacks sent after the answer, and webhooks when they are asked for, with the right content,
//! and only where they may be sent?

#[path = "support/program.rs"]
mod program;
#[path = "support/request.rs"]
mod request;
#[path = "support/server.rs"]
#[expect(dead_code, reason = "other tests end the server")]
mod server;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use program::{Folder, run};
use request::post;
use serde_json::{Value, json};
use server::Server;

const DOCUMENT: &str = "openapi: 3.1.0
info: {title: Orders, version: '1'}
paths:
  /orders:
    post:
      operationId: createOrder
      requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/New'}}}}
      responses:
        '201':
          description: ok
          headers: {X-Trace: {schema: {const: t-1}}}
          content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}
      callbacks:
        second:
          x-microcks-callback: {order: 2}
          '{$request.body#/callbackUrl}/second?trace={$response.header.x-trace}':
            put:
              requestBody: {content: {application/json: {schema: {type: object, properties: {order_id: {type: integer}}}}}}
              responses: {'204': {description: taken}}
        first:
          x-microcks-callback: {order: 1}
          '{$request.body#/callbackUrl}/first/{$response.body#/id}':
            post:
              parameters: [{name: X-Event, in: header, required: true, schema: {const: order.paid}}]
              requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Event'}}}}
              responses: {'204': {description: taken}}
  /orders/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
    get: {responses: {'200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}}}}
  /payments:
    post:
      operationId: pay
      requestBody: {content: {application/json: {schema: {type: object, properties: {hook: {type: string}}}}}}
      responses:
        '200': {description: ok, content: {application/json: {examples: {paid: {value: {ok: true}}, refused: {value: {ok: false}}}}}}
        '400': {description: no}
      callbacks:
        done:
          $ref: '#/components/callbacks/Done'
  /loop:
    post:
      requestBody: {content: {application/json: {schema: {type: object, properties: {next: {type: string}}}}}}
      responses: {'204': {description: ok}}
      callbacks:
        again:
          '{$request.body#/next}':
            post:
              requestBody: {content: {application/json: {schema: {type: object, required: [next], properties: {next: {type: string}}}}}}
              responses: {'204': {description: ok}}
  /odd:
    post:
      requestBody: {content: {application/json: {schema: {type: object}}}}
      responses: {'204': {description: ok}}
      callbacks:
        odd:
          '{$request.body#/u}/x?t={$request.body#/t}':
            post: {responses: {'204': {description: ok}}}
webhooks:
  orderShipped:
    post:
      requestBody:
        content:
          application/json:
            schema: {$ref: '#/components/schemas/Event'}
            examples: {late: {value: {event: order.paid, order: {id: 77, item: late}}}}
      responses: {'200': {description: ok}}
components:
  callbacks:
    Done:
      $request.body#/hook:
        post:
          requestBody: {content: {application/json: {examples: {paid: {value: {result: paid}}, refused: {value: {result: refused}}}}}}
          responses: {'200': {description: ok}}
  schemas:
    New: {type: object, required: [item], properties: {item: {type: string}, callbackUrl: {type: string}}}
    Order: {type: object, required: [id, item], properties: {id: {type: integer}, item: {type: string}}}
    Event: {type: object, required: [event, order], properties: {event: {const: order.paid}, order: {$ref: '#/components/schemas/Order'}}}
";

/// Time within which a request must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Request that a receiver got.
#[derive(Debug)]
struct Got {
    line: String,
    head: String,
    content: String,
}

/// Program that receives callbacks, and answers each with the next of its statuses.
struct Receiving {
    url: String,
    got: Receiver<Got>,
}

impl Receiving {
    fn start(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        let url = format!("http://{}", listener.local_addr().expect("is bound"));
        let (sender, got) = channel();
        thread::spawn(move || {
            for (index, stream) in listener.incoming().enumerate() {
                let mut stream = BufReader::new(stream.expect("is accepted"));
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") {
                    assert!(stream.read_line(&mut head).expect("is sent") > 0, "{head}");
                }
                let length = head.lines().find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    let is_length = name.eq_ignore_ascii_case("content-length");
                    is_length.then(|| value.trim().parse::<usize>().expect("is a number"))
                });
                let mut content = vec![0; length.unwrap_or(0)];
                stream.read_exact(&mut content).expect("is sent");
                let status = statuses.get(index).or(statuses.last()).unwrap_or(&204);
                let answer = format!(
                    "HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
                stream
                    .get_mut()
                    .write_all(answer.as_bytes())
                    .expect("is read");
                let got = Got {
                    line: head.lines().next().unwrap_or_default().to_owned(),
                    head: head.to_lowercase(),
                    content: String::from_utf8(content).expect("is text"),
                };
                if sender.send(got).is_err() {
                    return;
                }
            }
        });
        Self { url, got }
    }

    fn next(&self) -> Got {
        self.got.recv_timeout(PATIENCE).expect("it is sent")
    }

    fn is_quiet(&self) -> bool {
        self.got.recv_timeout(Duration::from_millis(600)).is_err()
    }
}

fn serve(name: &str, options: &[&str]) -> (Folder, Server) {
    let folder = Folder::new(name).with("api.yaml", DOCUMENT);
    let options = [&["api.yaml", "--state", "on"][..], options].concat();
    let server = Server::serve(&folder, &options);
    (folder, server)
}

fn json_of(answer: &str) -> Value {
    let (_, content) = answer.split_once("\r\n\r\n").expect("has a head");
    serde_json::from_str(content).unwrap_or_else(|_| panic!("{answer}"))
}

/// Returns the journal as soon as it has the requests that a test is about.
fn journal(server: &Server, is_there: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let found = json_of(&server.get("/_standin/requests"))["requests"].take();
        let Value::Array(found) = found else {
            panic!("expected a list")
        };
        if is_there(&found) {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{found:#?}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn callbacks_come_after_the_answer_in_their_order_with_what_was_written() {
    let receiving = Receiving::start(&[204]);
    let (_folder, server) = serve("callbacks", &[]);
    let sent = json!({"item": "tea", "callbackUrl": receiving.url}).to_string();
    let created = json_of(&server.exchange(&post("/orders", &sent)));
    let first = receiving.next();
    assert_eq!(
        first.line,
        format!("POST /first/{} HTTP/1.1", created["id"])
    );
    assert!(
        first.head.contains("\r\nx-event: order.paid\r\n"),
        "{}",
        first.head
    );
    assert!(
        first
            .head
            .contains("\r\ncontent-type: application/json\r\n"),
        "{}",
        first.head
    );
    let content: Value = serde_json::from_str(&first.content).expect("is JSON");
    assert_eq!(content, json!({"event": "order.paid", "order": created}));
    let second = receiving.next();
    assert_eq!(second.line, "PUT /second?trace=t-1 HTTP/1.1");
    let content: Value = serde_json::from_str(&second.content).expect("is JSON");
    assert_eq!(content, json!({"order_id": created["id"]}));
    let noted = journal(&server, |all| all.len() == 3);
    assert_eq!(noted[1]["source"], "callback `first` of `createOrder`");
    assert_eq!(noted[1]["answeredBy"], "receiver");
    assert_eq!(noted[1]["responseViolations"], json!([]));
    assert!(receiving.is_quiet(), "each is sent once");
}

#[test]
fn the_example_of_the_same_name_is_sent() {
    let receiving = Receiving::start(&[200]);
    let (_folder, server) = serve("callback-examples", &[]);
    let request = post("/payments", &json!({"hook": receiving.url}).to_string());
    let request = request.replacen("\r\n\r\n", "\r\nPrefer: example=refused\r\n\r\n", 1);
    server.exchange(&request);
    assert_eq!(receiving.next().content, r#"{"result":"refused"}"#);
}

#[test]
fn a_wrong_request_sends_nothing() {
    let receiving = Receiving::start(&[204]);
    let (_folder, server) = serve("callbacks-wrong", &[]);
    let answer = server.exchange(&post(
        "/orders",
        &json!({"callbackUrl": receiving.url}).to_string(),
    ));
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    let refused = post("/payments", &json!({"hook": receiving.url}).to_string());
    let refused = refused.replacen("\r\n\r\n", "\r\nPrefer: code=400\r\n\r\n", 1);
    server.exchange(&refused);
    assert!(receiving.is_quiet());
}

#[test]
fn a_receiver_that_is_busy_is_asked_again_and_a_wrong_answer_is_noted() {
    let receiving = Receiving::start(&[503, 418]);
    let (_folder, server) = serve("callbacks-again", &[]);
    server.exchange(&post(
        "/payments",
        &json!({"hook": receiving.url}).to_string(),
    ));
    let both = (receiving.next().content, receiving.next().content);
    assert_eq!(both.0, both.1);
    let noted = journal(&server, |all| all.len() == 3);
    assert_eq!(noted[1]["response"]["status"], 503);
    assert_eq!(noted[2]["response"]["status"], 418);
    let violations = noted[2]["responseViolations"].to_string();
    assert!(
        violations.contains("the status 418 is not documented"),
        "{violations}"
    );
    assert!(receiving.is_quiet(), "418 is no reason to send again");
}

#[test]
fn other_machines_are_called_only_if_they_are_allowed() {
    let receiving = Receiving::start(&[200]);
    let foreign = receiving.url.replace("127.0.0.1", "callbacks.invalid");
    let (_folder, server) = serve("callbacks-foreign", &[]);
    for hook in [foreign.as_str(), "/relative", "ftp://127.0.0.1/x"] {
        server.exchange(&post("/payments", &json!({"hook": hook}).to_string()));
    }
    let noted = journal(&server, |all| all.len() == 6);
    let sources: Vec<&str> = noted
        .iter()
        .filter(|one| one["answeredBy"] == "receiver")
        .filter_map(|one| one["source"].as_str())
        .collect();
    let host = foreign.trim_start_matches("http://");
    let expected = format!(
        "callback `done` of `pay` is not sent: `{host}` is not this machine; \
         `--allow-callback {host}` allows it"
    );
    assert!(sources.contains(&expected.as_str()), "{sources:#?}");
    let wrong = "callback `done` of `pay` is not sent: its address is `/relative`, expected an absolute \
                 URL such as http://127.0.0.1:3000/events";
    assert!(sources.contains(&wrong), "{sources:#?}");
    let sent = server.exchange(&post(
        "/_standin/webhooks/orderShipped",
        &json!({"to": foreign}).to_string(),
    ));
    assert!(
        sent.starts_with("HTTP/1.1 422") && sent.contains("--allow-callback"),
        "{sent}"
    );
    // The name does not exist, so that the attempt fails, and is not refused.
    let (_other, allowing) = serve(
        "callbacks-allowed",
        &["--allow-callback", "Callbacks.invalid"],
    );
    allowing.exchange(&post("/payments", &json!({"hook": foreign}).to_string()));
    let noted = journal(&allowing, |all| all.len() > 1);
    let source = noted[1]["source"].as_str().unwrap_or_default();
    assert!(
        source.contains("no connection to callbacks.invalid"),
        "{source}"
    );
}

#[test]
fn callbacks_reach_the_control_api_only_in_an_inbox() {
    let (_folder, server) = serve("callbacks-control", &[]);
    let created = json_of(&server.exchange(&post("/orders", r#"{"item": "tea"}"#)));
    let hook = |path: &str| json!({"hook": format!("http://{}{path}", server.address)}).to_string();
    for path in [
        "/_standin/reset",
        "/_standin/sessions/a/_standin/reset",
        "/%5Fstandin/reset",
    ] {
        server.exchange(&post("/payments", &hook(path)));
    }
    let noted = journal(&server, |all| {
        all.iter()
            .filter(|one| one["answeredBy"] == "receiver")
            .count()
            == 3
    });
    let mut taken = noted.iter().filter(|one| one["answeredBy"] == "receiver");
    assert!(
        taken.all(|one| one["response"]["status"] != 204),
        "{noted:#?}"
    );
    let read = server.get(&format!("/orders/{}", created["id"]));
    assert!(
        read.contains("\"item\":\"tea\""),
        "nothing was reset: {read}"
    );
}

#[test]
fn pages_of_other_machines_send_nothing() {
    let receiving = Receiving::start(&[200]);
    let (_folder, server) = serve("callbacks-pages", &[]);
    let of_page = |origin: &str| {
        let request = post("/payments", &json!({"hook": receiving.url}).to_string());
        let field = format!("\r\nOrigin: {origin}\r\n\r\n");
        server.exchange(&request.replacen("\r\n\r\n", &field, 1))
    };
    of_page("http://evil.example");
    let noted = journal(&server, |all| all.len() == 2);
    let source = noted[1]["source"].as_str().unwrap_or_default();
    assert!(
        source.ends_with("the web page `http://evil.example`, which is not of this machine"),
        "{source}"
    );
    assert!(receiving.is_quiet());
    of_page("http://localhost:3000");
    receiving.next();
}

#[test]
fn a_sandbox_that_others_reach_calls_this_machine_only_if_that_is_allowed() {
    let receiving = Receiving::start(&[200]);
    let pay = post("/payments", &json!({"hook": receiving.url}).to_string());
    let open = |name: &str, more: &[&str]| {
        let options = ["--host", "0.0.0.0", "--control-token", "secret"];
        serve(name, &[&options[..], more].concat())
    };
    let (_folder, server) = open("callbacks-open", &[]);
    let address = server.address.replace("0.0.0.0", "127.0.0.1");
    let call = |address: &str| {
        let mut stream = std::net::TcpStream::connect(address).expect("it accepts");
        stream.write_all(pay.as_bytes()).expect("it reads");
        server::read(stream)
    };
    call(&address);
    assert!(receiving.is_quiet());
    let (_other, allowing) = open("callbacks-open-allowed", &["--allow-callback", "127.0.0.1"]);
    call(&allowing.address.replace("0.0.0.0", "127.0.0.1"));
    receiving.next();
}

#[test]
fn values_inside_a_url_are_encoded_and_one_that_is_missing_is_told() {
    let receiving = Receiving::start(&[204]);
    let (_folder, server) = serve("callbacks-encoded", &[]);
    let sent = json!({"u": receiving.url, "t": "a&b=c#d e/ü"}).to_string();
    server.exchange(&post("/odd", &sent));
    assert_eq!(
        receiving.next().line,
        "POST /x?t=a%26b%3Dc%23d%20e%2F%C3%BC HTTP/1.1"
    );
    server.exchange(&post("/odd", &json!({"u": receiving.url}).to_string()));
    let noted = journal(&server, |all| all.len() == 4);
    let source = noted[3]["source"].as_str().unwrap_or_default();
    assert!(
        source.contains("the expression `{$request.body#/t}` has no value"),
        "{source}"
    );
}

#[test]
fn what_the_sandbox_sent_is_no_call_and_a_reset_drops_what_waits() {
    let receiving = Receiving::start(&[503]);
    let (_folder, server) = serve("callbacks-verify", &[]);
    server.exchange(&post(
        "/payments",
        &json!({"hook": receiving.url}).to_string(),
    ));
    receiving.next();
    let noted = journal(&server, |all| all.len() > 1);
    assert_eq!(noted[1]["request"]["target"], format!("{}/", receiving.url));
    let verdict = json_of(&server.exchange(&post("/_standin/verify", r#"{"times": 1}"#)));
    assert_eq!(verdict["passed"], true, "{verdict}");
    let replayed = server.exchange(&post("/_standin/requests/2/replay", ""));
    assert!(
        replayed.contains("is one that the sandbox sent"),
        "{replayed}"
    );
    server.exchange(&post("/_standin/reset", ""));
    while receiving.got.try_recv().is_ok() {}
    let is_later = receiving.got.recv_timeout(Duration::from_secs(3)).is_ok();
    assert!(!is_later, "nothing is sent after the reset");
}

#[test]
fn an_inbox_needs_no_connection_and_no_token() {
    let (_folder, server) = serve("callbacks-token", &["--control-token", "secret"]);
    // Nothing listens at the host that the client calls: a port of a container may be another one.
    let host = "Host: localhost:1\r\n";
    let hook = json!({"hook": "http://localhost:1/_standin/sessions/s1/_standin/inbox/a%20b"});
    let request = post("/payments", &hook.to_string());
    server.exchange(&request.replacen("Host: localhost\r\n", host, 1));
    let read = "GET /_standin/inbox/a%20b?session=s1&within=20s HTTP/1.1\r\nHost: localhost\r\n\
                Authorization: Bearer secret\r\nConnection: close\r\n\r\n";
    let read = json_of(&server.exchange(read));
    assert_eq!(
        read["messages"][0]["content"],
        json!({"result": "paid"}),
        "{read}"
    );
}

#[test]
fn callbacks_can_be_off() {
    let receiving = Receiving::start(&[200]);
    let (_folder, server) = serve("callbacks-off", &["--callbacks", "off"]);
    server.exchange(&post(
        "/payments",
        &json!({"hook": receiving.url}).to_string(),
    ));
    assert!(receiving.is_quiet());
    let answer = server.exchange(&post("/_standin/webhooks/orderShipped", "{}"));
    assert!(answer.contains("--callbacks off"), "{answer}");
}

#[test]
fn callbacks_that_call_each_other_end() {
    let (_folder, server) = serve("callbacks-loop", &[]);
    let next = format!("http://{}/loop", server.address);
    server.exchange(&post("/loop", &json!({"next": next}).to_string()));
    // The first call, and five callbacks: each is noted as it is sent and as it is received.
    // The last one is not sent, which is noted too.
    let noted = journal(&server, |all| all.len() >= 12);
    thread::sleep(Duration::from_millis(600));
    let later = journal(&server, |all| !all.is_empty());
    assert_eq!((noted.len(), later.len()), (12, 12));
    let too_deep = |one: &Value| {
        one["source"]
            .to_string()
            .contains("5 callbacks led to each other")
    };
    assert!(noted.iter().any(too_deep), "{noted:#?}");
    let coverage = json_of(&server.get("/_standin/coverage")).to_string();
    assert!(
        coverage.contains("\"count\":1"),
        "only the client calls: {coverage}"
    );
}

#[test]
fn a_webhook_is_sent_to_a_url_or_to_the_inbox_of_the_session() {
    let receiving = Receiving::start(&[200]);
    let (_folder, server) = serve("webhooks", &[]);
    let listed = json_of(&server.get("/_standin/webhooks"));
    let names: Vec<&str> = listed["webhooks"]
        .as_array()
        .expect("is a list")
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    assert_eq!(
        names,
        ["orderShipped", "first", "second", "done", "again", "odd"]
    );
    let to = json!({"to": format!("{}/hook", receiving.url), "example": "late"});
    let told = json_of(&server.exchange(&post("/_standin/webhooks/orderShipped", &to.to_string())));
    let got = receiving.next();
    assert_eq!(got.line, "POST /hook HTTP/1.1");
    let content: Value = serde_json::from_str(&got.content).expect("is JSON");
    assert_eq!(
        content,
        json!({"event": "order.paid", "order": {"id": 77, "item": "late"}})
    );
    assert_eq!(told["content"], content);
    let wrong = json!({"content": {"event": 1}}).to_string();
    let request = post("/_standin/webhooks/orderShipped?session=s1", &wrong);
    // The inbox is at the host that the client calls.
    let host = format!("Host: {}", server.address);
    server.exchange(&request.replacen("Host: localhost", &host, 1));
    let inbox = |session: &str| {
        json_of(&server.get(&format!("/_standin/inbox/orderShipped?session={session}")))
    };
    assert_eq!(
        inbox("s1&within=20s")["messages"][0]["content"],
        json!({"event": 1})
    );
    assert_eq!(inbox("s2")["total"], 0, "each session has its own");
    server.exchange(&post("/_standin/reset?session=s1", ""));
    assert_eq!(inbox("s1")["total"], 0, "a reset empties it");
    let unknown = server.exchange(&post("/_standin/webhooks/nope", "{}"));
    assert!(unknown.starts_with("HTTP/1.1 404"), "{unknown}");
    assert!(
        unknown.contains("there are `orderShipped`, `first`"),
        "{unknown}"
    );
}

#[test]
fn the_command_sends_a_webhook_and_prints_the_answer() {
    let receiving = Receiving::start(&[200, 418]);
    let folder = Folder::new("trigger").with("api.yaml", DOCUMENT);
    let to = format!("{}/hook", receiving.url);
    let trigger = |more: &[&str]| {
        let all = ["trigger", "orderShipped", "api.yaml", "--to", &to];
        run(&folder.0, &[&all[..], more].concat())
    };
    let secret = "It's a Secret to Everybody";
    let content = r#"{"event": "order.paid", "order": {"id": 7, "item": "tea"}}"#;
    let signed = ["--content", content, "--sign", "github", "--secret", secret];
    let (code, out, errors) = trigger(&signed);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{out}");
    let got = receiving.next();
    assert!(
        got.head.contains("x-hub-signature-256: sha256="),
        "{}",
        got.head
    );
    let sent: Value = serde_json::from_str(&got.content).expect("is JSON");
    assert_eq!(sent["order"]["id"], 7);
    assert!(
        out.starts_with(&format!("POST {to}\n")) && out.contains("\n200 OK\n"),
        "{out}"
    );
    let (code, out, errors) = trigger(&["--example", "late"]);
    assert_eq!(code, Some(1), "{out}");
    assert_eq!(
        errors,
        "violation: body: the status 418 is not documented\n"
    );
    let (code, _, errors) = trigger(&["--example", "early"]);
    assert_eq!(code, Some(2));
    assert_eq!(errors, "error: `orderShipped` has no example `early`\n");
    let (code, _, errors) = run(&folder.0, &["trigger", "lost", "api.yaml", "--to", &to]);
    assert_eq!(code, Some(2));
    assert!(
        errors.contains("there is no webhook or callback `lost`"),
        "{errors}"
    );
    assert!(
        errors.contains("help: there are `orderShipped`, `first`"),
        "{errors}"
    );
}
