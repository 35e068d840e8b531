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
fn example_prints_requests_for_other_clients() {
    let folder = Folder::new("clients").with("specs/a.yaml", DOCUMENT);
    let (code, out, _) = run(&folder.0, &["example", "get-a", "--curl", "--count", "2"]);
    assert_eq!(code, Some(0));
    assert_eq!(out, "curl http://127.0.0.1:4010/a\n".repeat(2));
    let url = ["--url", "https://sandbox.test/v1/"];
    let (_, out, _) = run(
        &folder.0,
        &[&["example", "get-a", "--curl"], &url[..]].concat(),
    );
    assert_eq!(out, "curl https://sandbox.test/v1/a\n");
    let (code, out, _) = run(&folder.0, &["example", "get-a", "--hurl"]);
    assert_eq!(code, Some(0));
    assert_eq!(
        out,
        "GET http://127.0.0.1:4010/a\nHTTP 200\n[Asserts]\nheader \"content-type\" == \"application/json\"\njsonpath \"$.n\" == 1\n\n"
    );
    let (code, _, errors) = run(&folder.0, &["example", "get-a", "--hurl", "--curl"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("--curl"), "{errors}");
}

/// Paths with a parameter, and names that are parts of others.
const PETS: &str = "openapi: 3.0.0
info: {title: t, version: '1'}
paths:
  /pets:
    get: {operationId: listPets, responses: {'200': {description: ok}}}
    post: {operationId: addPet, responses: {'200': {description: ok}}}
  /pets/{id}:
    get:
      operationId: getPet
      parameters:
        - {name: id, in: path, required: true, schema: {type: integer, example: 1}}
        - {name: q, in: query, required: true, schema: {type: string, example: x}}
      responses: {'200': {description: ok}}
  /owners/{id}:
    delete:
      parameters: [{name: id, in: path, required: true, schema: {type: integer, example: 1}}]
      responses: {'204': {description: ok}}
";

#[test]
fn example_finds_operations_by_path_and_by_a_part_of_the_name() {
    let folder = Folder::new("names").with("specs/a.yaml", PETS);
    let first_line = |name: &str| {
        let (_, out, errors) = run(&folder.0, &["example", name]);
        (out.lines().next().unwrap_or_default().to_owned(), errors)
    };
    for (name, expected) in [
        ("GET /pets/{id}", "GET /pets/1?q=x HTTP/1.1"),
        ("get /pets/7", "GET /pets/7?q=x HTTP/1.1"),
        ("GET /pets/7?q=y", "GET /pets/7?q=y HTTP/1.1"),
        ("/owners/3", "DELETE /owners/3 HTTP/1.1"),
        ("LISTPETS", "GET /pets HTTP/1.1"),
    ] {
        let (line, errors) = first_line(name);
        assert_eq!(line, expected, "{name}: {errors}");
    }
    let (line, errors) = first_line("owner");
    assert_eq!(line, "DELETE /owners/1 HTTP/1.1");
    assert!(
        errors.contains("note: `owner` is read as `DELETE /owners/{id}`"),
        "{errors}"
    );
    let refused = [
        (
            "pet",
            "error: `pet` may be any of 3 operations\n  = help: choose one of `listPets`, `addPet`, `getPet`\n",
        ),
        (
            "/pets",
            "error: `/pets` may be any of 2 operations\n  = help: choose one of `GET /pets`, `POST /pets`\n",
        ),
        (
            "getPte",
            "error: no document has the operation `getPte`\n  = help: there is `getPet`\n",
        ),
        (
            "x",
            "error: no document has the operation `x`\n  = help: `standin routes` lists the operations\n",
        ),
    ];
    for (name, expected) in refused {
        let (line, errors) = first_line(name);
        assert_eq!((line.as_str(), errors.as_str()), ("", expected));
    }
}

#[test]
fn init_writes_fixtures_once() {
    let folder = Folder::new("init").with("specs/pets.yaml", PETS);
    let (code, out, errors) = run(&folder.0, &["init"]);
    assert_eq!(
        (code, out.as_str()),
        (Some(0), "wrote fixtures/pets.yaml\n"),
        "{errors}"
    );
    let path = folder.0.join("fixtures/pets.yaml");
    let text = std::fs::read_to_string(&path).expect("is written");
    assert!(text.contains("\n# listPets:    # GET /pets\n"), "{text}");
    let (code, out, errors) = run(&folder.0, &["check", "--fail-on", "warning"]);
    assert_eq!(code, Some(0), "{out}{errors}");
    std::fs::write(&path, "own: text").expect("can be written");
    let (code, _, errors) = run(&folder.0, &["init"]);
    assert_eq!(code, Some(2));
    assert!(
        errors.contains("error: `fixtures/pets.yaml` is there already, and is not overwritten\n  = help: name another file with `--output FILE`"),
        "{errors}"
    );
    let kept = std::fs::read_to_string(&path);
    assert_eq!(kept.ok().as_deref(), Some("own: text"));
    std::fs::remove_file(&path).expect("is there");
    let (code, printed, _) = run(&folder.0, &["init", "--output", "-"]);
    assert_eq!((code, printed), (Some(0), text));
    assert!(!path.exists());
    let (code, _, errors) = run(&folder.0, &["init", "nothing.yaml"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("`nothing.yaml` cannot be read"), "{errors}");
    assert!(errors.contains("no document has an operation"), "{errors}");
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

/// Operations of a resource, one that adds what nothing reads, and one without a schema.
const RESOURCES: &str = r##"{"openapi": "3.0.0", "info": {"title": "t", "version": "1"}, "paths": {
    "/teams": {"post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Team"}}}},
        "responses": {"201": {"description": "ok", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Team"}}}}}}},
    "/teams/{idOrName}": {"get": {"parameters": [{"name": "idOrName", "in": "path", "required": true, "schema": {"type": "string"}}],
        "responses": {"200": {"description": "ok", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Team"}}}}}}},
    "/tags": {"post": {"requestBody": {"content": {"application/json": {"schema": {"type": "object", "properties": {"name": {"type": "string"}}}}}},
        "responses": {"201": {"description": "ok"}}}},
    "/tags/{tag_id}": {"get": {"parameters": [{"name": "tag_id", "in": "path", "required": true, "schema": {"type": "string"}}],
        "responses": {"200": {"description": "ok", "content": {"application/json": {"schema": {"type": "object", "properties": {
            "name": {"type": "string"}, "color": {"type": "string"}}}}}}}}},
    "/mails": {"post": {"requestBody": {"content": {"application/json": {"schema": {"type": "object", "properties": {"to": {"type": "string"}}}}}},
        "responses": {"202": {"description": "ok"}}}},
    "/health": {"get": {"responses": {"200": {"description": "ok"}}}}},
    "components": {"schemas": {"Team": {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"}, "size": {"type": "integer"}}}}}}"##;

#[test]
fn routes_say_what_was_inferred_and_what_is_doubtful() {
    let folder = Folder::new("routes-state").with("specs/a.json", RESOURCES);
    let (code, out, _) = run(&folder.0, &["routes", "--state"]);
    assert_eq!(code, Some(0));
    let lines = [
        "create  /teams by id or name  POST  /teams             high  `POST /teams` adds an entity; the answer is the entity",
        "read    /teams by id or name  GET   /teams/{idOrName}  high  `GET /teams/{idOrName}` names one entity of `/teams`; the answer is the entity",
        "create  /tags by name         POST  /tags              high  `POST /tags` adds an entity",
        "read    /tags by name         GET   /tags/{tag_id}     low   `GET /tags/{tag_id}` names one entity of `/tags`; the answer is the entity; doubtful: the path calls the key `tag_id`",
        "-                             POST  /mails             -     no role: `POST /mails` may add an entity, but no operation reads it",
        "-                             GET   /health            -     no role: the success response has no schema",
    ];
    assert_eq!(out, format!("{}\n", lines.join("\n")));
    let (_, out, _) = run(&folder.0, &["routes", "--state", "--format", "json"]);
    let rows: Value = serde_json::from_str(&out).expect("is JSON");
    assert_eq!(rows[1]["keys"], serde_json::json!(["id", "name"]));
    assert_eq!(
        (&rows[1]["shows"], &rows[1]["confidence"]),
        (&"".into(), &"high".into())
    );
    assert_eq!(
        rows[3]["doubts"],
        serde_json::json!(["the path calls the key `tag_id`"])
    );
    assert_eq!(
        (&rows[4]["does"], &rows[4]["confidence"]),
        (&Value::Null, &Value::Null)
    );
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

#[test]
fn the_version_names_the_program_whatever_the_command() {
    let folder = Folder::new("version").with("a.yaml", DOCUMENT);
    let (_, expected, _) = run(&folder.0, &["--version"]);
    assert!(expected.starts_with("standin "), "{expected}");
    for arguments in [
        ["a.yaml", "--version"],
        ["serve", "--version"],
        ["mock", "-V"],
        ["proxy", "--version"],
        ["check", "-V"],
    ] {
        let (code, out, errors) = run(&folder.0, &arguments);
        assert_eq!(
            (code, out.as_str()),
            (Some(0), expected.as_str()),
            "{arguments:?}: {errors}"
        );
    }
}

#[test]
fn a_wrong_command_line_is_told_what_to_write() {
    let folder = Folder::new("wrong").with("broken.json", "{");
    for (arguments, advice) in [
        (&["schema"][..], "standin schema <fixtures>"),
        (&["schema", "a.yaml"], "[possible values: fixtures]"),
        (&["completions"], "<bash|elvish|fish|powershell|zsh>"),
        (&["sessions"], "`standin --help` lists the commands"),
        (&["rotes"], "'routes'"),
        (
            &["serve", "--listen", "ftp://x"],
            "expected `http://127.0.0.1:4010`",
        ),
        (&["serve", "--wait", "x"], "expected a time such as 300ms"),
        (&["serve", "--delay", "x"], "expected a time such as 300ms"),
        (&["example", "x", "--count", "0"], "0 is not in 1.."),
        (&["serve", "none.yaml"], "put it into the folder `specs`"),
        (&["example", "x", "none.yaml"], "`none.yaml` cannot be read"),
        (&["init", "broken.json"], " --> broken.json:"),
        (
            &["import", "a.har", "none.yaml"],
            "`none.yaml` cannot be read",
        ),
        (&["mcp", "none.yaml"], "`none.yaml` cannot be read"),
    ] {
        let (code, out, errors) = run(&folder.0, arguments);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(errors.contains(advice), "{arguments:?}: {errors}");
    }
}

#[test]
fn schema_describes_the_fixtures_of_this_repository() {
    let folder = Folder::new("schema").with("a.txt", "");
    let (code, out, errors) = run(&folder.0, &["schema", "fixtures"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    let schema: Value = serde_json::from_str(&out).expect("is JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("is a schema");
    let mut count = 0;
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for entry in std::fs::read_dir(fixtures).expect("is there").flatten() {
        let Ok(text) = std::fs::read_to_string(entry.path()) else {
            continue;
        };
        let name = entry.path().display().to_string();
        let (file, _) = standin::internals::fixture_text(name, text).expect("can be parsed");
        let error = validator.validate(&file.tree).err();
        assert!(error.is_none(), "{}: {error:?}", entry.path().display());
        count += 1;
    }
    assert!(count > 0, "there is a fixture file");
    // What the reader refuses, the schema refuses too.
    for wrong in [
        serde_json::json!({"a": {"status": 200}}),
        serde_json::json!({"a": [{"bodies": 1}]}),
        serde_json::json!({"a": [{"body": 1, "patch": 1}]}),
        serde_json::json!({"a": [{"when": {"body": 1, "required": ["body"]}}]}),
        serde_json::json!({"a": [{"after": 1, "then": {"when": true}}]}),
        serde_json::json!({"errors": {"*": {"rules": {"nothing": "x"}}}}),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
    let (code, _, errors) = run(&folder.0, &["schema", "documents"]);
    assert_eq!(code, Some(2), "{errors}");
}

#[test]
fn a_command_is_no_document_even_if_a_file_has_its_name() {
    let folder = Folder::new("command-or-file").with("schema", DOCUMENT);
    let (code, out, errors) = run(&folder.0, &["schema", "fixtures"]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(out.starts_with('{'), "{out}");
}
