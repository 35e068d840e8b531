//! What do the commands print that only inform: `routes`, `example`, help, `completions`, `man`?

#[path = "support/document.rs"]
mod document;
#[path = "support/program.rs"]
mod program;

use serde_json::Value;

use document::DOCUMENT;
use program::{Folder, run};

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

/// Operations with an error of their own, a borrowed one, the schema of one, and none.
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
