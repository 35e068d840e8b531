//! What users of Prism's proxy expect: twelve situations of its test harness, as cases of our own with Prism's command
//! lines. Where Standin differs on purpose, the case says why.

#[expect(dead_code, reason = "other tests use more")]
#[path = "support/program.rs"]
mod program;
#[path = "support/request.rs"]
mod request;
#[expect(dead_code, reason = "other tests use more")]
#[path = "support/server.rs"]
mod server;
#[expect(dead_code, reason = "other tests use more")]
#[path = "support/upstream.rs"]
mod upstream;

use program::{Folder, standin};
use server::Server;
use upstream::Upstream;

/// A shop in OpenAPI 2.0, without `info`, as many documents of Prism's users.
const SHOP: &str = r#"
swagger: "2.0"
paths:
  /orders:
    get:
      parameters: [{name: X-Shop, in: header, required: true, type: string}]
      produces: [text/html]
      responses: {201: {description: made}}
    post:
      consumes: [application/octet-stream]
      produces: [application/json]
      responses: {200: {description: ok}}
  /orders/1:
    get:
      produces: [application/json]
      responses:
        200:
          description: ok
          schema:
            type: object
            required: [total, currency]
            properties: {total: {type: number}, currency: {type: string, example: EUR}}
  /page: {get: {produces: [application/html], responses: {200: {description: ok}}}}
  /later: {get: {produces: [text/plain], responses: {201: {description: made}}}}
  /none: {get: {produces: [text/plain], responses: {204: {description: none}}}}
"#;

fn answer(status: &str, media: &str, content: &str) -> String {
    let length = content.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media}\r\nContent-Length: {length}\r\n\r\n{content}"
    )
}

/// Starts the API, and a proxy of it as Prism's users do: the URL is last.
fn started(
    name: &str,
    document: &str,
    answers: &[(&str, &str)],
    options: &[&str],
) -> (Upstream, Folder, Server) {
    let upstream = Upstream::texts(answers);
    let folder = Folder::new(name).with("shop.yaml", document);
    let url = upstream.url();
    let arguments = [&["proxy", "-p", "0", "shop.yaml", &url][..], options].concat();
    let server = Server::start(standin(&folder.0, &arguments));
    (upstream, folder, server)
}

fn head(answer: &str) -> (&str, &str) {
    answer.split_once("\r\n\r\n").expect("has a head")
}

#[test]
fn an_answer_passes() {
    let made = answer("201 Created", "text/plain", "");
    let (_upstream, _folder, server) = started("prism-valid", SHOP, &[("/later", &made)], &[]);
    assert!(server.get("/later").starts_with("HTTP/1.1 201 Created\r\n"));
}

#[test]
fn a_valid_request_passes_where_errors_are_refused() {
    let made = answer("201 Created", "text/html", "");
    let (upstream, _folder, server) = started(
        "prism-valid-request",
        SHOP,
        &[("/orders", &made)],
        &["--errors"],
    );
    let got = server.exchange(
        "GET /orders HTTP/1.1\r\nHost: localhost\r\nX-Shop: 10\r\nConnection: close\r\n\r\n",
    );
    assert!(got.starts_with("HTTP/1.1 201 Created\r\n"), "{got}");
    assert_eq!(upstream.requests().len(), 1);
}

/// Both answer 422; Standin in the words of RFC 9457, and in those of Prism if `--prism` asks for them.
#[test]
fn an_invalid_request_is_refused() {
    let made = answer("201 Created", "text/html", "");
    for (options, says) in [
        (&["--errors"][..], "must have required property 'X-Shop'"),
        (&["--errors", "--prism"], "UNPROCESSABLE_ENTITY"),
    ] {
        let answers = [("/orders", &*made)];
        let (upstream, _folder, server) = started("prism-invalid-request", SHOP, &answers, options);
        let got = server.get("/orders");
        assert!(got.starts_with("HTTP/1.1 422 "), "{got}");
        assert!(got.contains(says), "{got}");
        assert_eq!(upstream.requests().len(), 0);
    }
}

#[test]
fn content_that_cannot_be_read_passes() {
    let page = "<!DOCTYPE html>\n<html><h1>Orders\u{2014}all of them</h1></html>\n";
    let given = answer("200 OK", "text/html; charset=utf-8", page);
    let (_upstream, _folder, server) =
        started("prism-passthrough", SHOP, &[("/page", &given)], &[]);
    let got = server.get("/page");
    assert!(
        got.starts_with("HTTP/1.1 200 OK\r\n") && got.ends_with(page),
        "{got}"
    );
}

#[test]
fn binary_content_passes() {
    let given = answer("200 OK", "application/json", "{}");
    let (upstream, _folder, server) = started("prism-binary", SHOP, &[("/orders", &given)], &[]);
    let got = server.exchange(
        "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nContent-Length: 5\r\n\
         Connection: close\r\n\r\n\0\r\n\t\u{1}",
    );
    assert!(got.starts_with("HTTP/1.1 200 OK\r\n"), "{got}");
    assert!(upstream.requests()[0].ends_with("\r\n\r\n\0\r\n\t\u{1}"));
}

/// Prism refuses a GET request with content, which its client cannot send, with 501; Standin forwards it.
#[test]
fn a_get_request_with_content_passes() {
    let given = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n";
    let (upstream, _folder, server) = started("prism-get-content", SHOP, &[("/none", given)], &[]);
    let got = server.exchange(
        "GET /none HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\
         Connection: close\r\n\r\n{}",
    );
    assert!(got.starts_with("HTTP/1.1 204 No Content\r\n"), "{got}");
    assert!(upstream.requests()[0].ends_with("\r\n\r\n{}"));
}

/// Prism answers for an API that says 501; Standin does if it is asked to, for this and other events.
#[test]
fn the_sandbox_answers_what_the_api_has_not_implemented() {
    let missing = answer("501 Not Implemented", "text/plain", "");
    let answers = [("/later", &*missing)];
    let (_upstream, _folder, server) = started("prism-501", SHOP, &answers, &["--fallback", "501"]);
    assert!(server.get("/later").starts_with("HTTP/1.1 201 Created\r\n"));
    let (_upstream, _folder, server) = started("prism-501-passes", SHOP, &answers, &[]);
    assert!(
        server
            .get("/later")
            .starts_with("HTTP/1.1 501 Not Implemented\r\n")
    );
}

/// An answer that lacks what its schema requires.
const WRONG: &str = r#"{"order":{"items":[{"title":"A"}]}}"#;

/// Prism names the field `sl-violations`; Standin names it `Standin-Violations`, without JSON.
#[test]
fn violations_are_told_in_a_header_field() {
    let given = answer("200 OK", "application/json", WRONG);
    let (_upstream, _folder, server) = started("prism-header", SHOP, &[("/orders/1", &given)], &[]);
    let got = server.get("/orders/1");
    let (head, content) = head(&got);
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    for name in ["total", "currency"] {
        let expected = format!("response 200 body: must have required property '{name}'");
        assert!(head.contains(&expected), "{head}");
    }
    assert_eq!(content, WRONG, "no default is filled in");
}

#[test]
fn a_value_outside_of_an_enum_is_told() {
    let document = r#"
openapi: 3.0.1
paths:
  /orders:
    post:
      responses:
        200:
          content:
            application/json:
              schema: {type: object, properties: {json: {type: string, enum: ['{"id":"1"}']}}}
"#;
    let given = answer("200 OK", "application/json", r#"{"json":"{\"id\":\"2\"}"}"#);
    let (_upstream, _folder, server) = started("prism-enum", document, &[("/orders", &given)], &[]);
    let got = server.exchange(&request::post("/orders", r#"{"id":"2"}"#));
    assert!(got.starts_with("HTTP/1.1 200 OK\r\n"), "{got}");
    assert!(got.contains("response 200 body /json: must be"), "{got}");
}

/// Both cut a field that would be too long for clients; Standin keeps whole violations, and counts the others.
#[test]
fn many_violations_are_cut() {
    let names: Vec<String> = (0..60)
        .map(|number| format!("{}_{number}", "long_name".repeat(20)))
        .collect();
    let document = format!(
        "swagger: '2.0'\npaths:\n  /orders:\n    get:\n      produces: [application/json]\n      responses:\n        200:\n          \
         description: ok\n          schema: {{type: object, required: [{}]}}\n",
        names.join(", ")
    );
    let given = answer("200 OK", "application/json", "{}");
    let (_upstream, _folder, server) = started("prism-cut", &document, &[("/orders", &given)], &[]);
    let got = server.get("/orders");
    assert!(got.starts_with("HTTP/1.1 200 OK\r\n"), "{got}");
    let field = got
        .lines()
        .find_map(|line| line.strip_prefix("standin-violations: "))
        .expect("tells");
    assert!(field.len() > 3000 && field.len() <= 4096, "{}", field.len());
    assert!(
        field.contains(&names[0]) && !field.contains(&names[59]),
        "{field}"
    );
}

/// Prism answers 422; Standin answers 502, because the client is not at fault.
#[test]
fn a_wrong_answer_is_refused() {
    let given = answer("200 OK", "application/json", WRONG);
    let (upstream, _folder, server) = started(
        "prism-refused",
        SHOP,
        &[("/orders/1", &given)],
        &["--errors"],
    );
    let got = server.get("/orders/1");
    assert!(got.starts_with("HTTP/1.1 502 "), "{got}");
    assert!(got.contains("must have required property 'total'"), "{got}");
    assert!(
        got.contains("must have required property 'currency'"),
        "{got}"
    );
    assert_eq!(upstream.requests().len(), 1);
}

/// Prism has an option for the field; here, the answers are not compared.
#[test]
fn violations_need_not_be_told() {
    let given = answer("200 OK", "application/json", WRONG);
    let options = ["--validate-response", "false"];
    let (_upstream, _folder, server) =
        started("prism-quiet", SHOP, &[("/orders/1", &given)], &options);
    let got = server.get("/orders/1");
    let (head, content) = head(&got);
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && !head.contains("violations"),
        "{head}"
    );
    assert_eq!(content, WRONG);
}
