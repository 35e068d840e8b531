//! What does `standin import` make of recorded traffic, and what does it say of the rest?

#[path = "support/program.rs"]
mod program;
#[path = "support/server.rs"]
mod server;

use std::fs;
use std::io::{Cursor, Write as _};

use serde_json::{Value, json};

use program::{Folder, run};
use server::Server;

const SHOP: &str = "openapi: 3.1.0
info: {title: Shop, version: '1'}
servers: [{url: https://shop.example.com/v2}]
paths:
  /pets:
    get:
      operationId: list
      tags: [pets]
      parameters: [{name: limit, in: query, schema: {type: integer}}]
      responses:
        '200': {description: ok, content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/Pet'}}}}}
    post:
      operationId: create
      requestBody: {content: {application/json: {schema: {type: object, properties: {name: {type: string}}}}}}
      responses:
        '201': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
  /pets/{id}:
    get:
      operationId: read
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
      responses:
        '200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
        '404': {description: none, content: {application/json: {schema: {type: object}}}}
  /login:
    post:
      operationId: login
      requestBody: {content: {application/json: {schema: {type: object, properties: {password: {type: string, format: password}}}}}}
      responses:
        '200': {description: ok, content: {application/json: {schema: {type: object, properties: {token: {type: string}}}}}}
components:
  schemas:
    Pet: {type: object, properties: {id: {type: integer}, name: {type: string}}}
";

/// A folder with the document of the shop.
fn shop(name: &str) -> Folder {
    Folder::new(name).with("specs/shop.yaml", SHOP)
}

/// An entry of HAR whose contents are JSON.
fn entry(method: &str, url: &str, sent: &Value, status: u16, answer: &Value) -> Value {
    let mut entry = json!({
        "startedDateTime": "2024-05-01T08:00:00Z", "time": 5,
        "request": {"method": method, "url": url, "headers": []},
        "response": {"status": status, "headers": [{"name": "Content-Type", "value": "application/json"}],
            "content": {"mimeType": "application/json", "text": answer.to_string()}},
    });
    if !sent.is_null() {
        entry["request"]["postData"] =
            json!({"mimeType": "application/json", "text": sent.to_string()});
    }
    entry
}

fn har(entries: &[Value]) -> String {
    json!({"log": {"version": "1.2", "creator": {"name": "t", "version": "1"}, "entries": entries}})
        .to_string()
}

fn ada(base: &str) -> Value {
    entry(
        "GET",
        &format!("{base}/pets/7"),
        &Value::Null,
        200,
        &json!({"id": 7, "name": "Ada"}),
    )
}

/// Returns the texts of the recorded fixtures.
fn recorded(folder: &Folder) -> String {
    let Ok(files) = fs::read_dir(folder.0.join("fixtures/recorded")) else {
        return String::new();
    };
    let paths = files.map(|file| file.expect("can be read").path());
    let files = paths.filter(|path| path.is_file());
    files
        .map(|path| fs::read_to_string(path).expect("is text"))
        .collect()
}

#[test]
fn a_har_becomes_fixtures_that_answer_as_recorded() {
    let missing = entry(
        "GET",
        "https://shop.example.com/v2/pets/8",
        &Value::Null,
        404,
        &json!({"gone": true}),
    );
    let folder = shop("import").with(
        "a.har",
        &har(&[ada("https://shop.example.com/v2"), missing]),
    );
    let (code, out, log) = run(&folder.0, &["import", "a.har"]);
    assert_eq!(code, Some(0), "{log}");
    assert!(out.starts_with("wrote fixtures/recorded/"), "{out}");
    assert_eq!(log, "imported 2 exchanges into 2 fixtures\n");
    let server = Server::serve(&folder, &["--log", "off"]);
    assert!(
        server
            .get("/pets/7")
            .ends_with("{\"id\":7,\"name\":\"Ada\"}")
    );
    let gone = server.get("/v2/pets/8");
    assert!(
        gone.starts_with("HTTP/1.1 404") && gone.ends_with("{\"gone\":true}"),
        "{gone}"
    );
    server.stop();
    // A second time there is nothing new, and nothing changes.
    let before = recorded(&folder);
    let (code, _, log) = run(&folder.0, &["import", "a.har"]);
    assert_eq!(code, Some(0), "{log}");
    assert!(
        log.contains("2 exchanges left out, as a fixture answers the request already"),
        "{log}"
    );
    assert_eq!(recorded(&folder), before);
    let (code, _, log) = run(&folder.0, &["import", "a.har", "--keep", "all"]);
    assert_eq!(
        (code, log.as_str()),
        (Some(0), "imported 2 exchanges into 2 fixtures\n")
    );
}

#[test]
fn a_dry_run_prints_the_fixtures_and_writes_nothing() {
    let folder = shop("dry").with("a.har", &har(&[ada("https://shop.example.com")]));
    let (code, out, log) = run(&folder.0, &["import", "--dry-run", "a.har"]);
    assert_eq!(
        (code, log.as_str()),
        (Some(0), "would import 1 exchange into 1 fixture\n")
    );
    assert!(
        out.contains("name: Ada") && out.starts_with("# fixtures/recorded/"),
        "{out}"
    );
    assert!(!folder.0.join("fixtures").exists());
}

#[test]
fn secrets_are_replaced_unless_they_are_wanted() {
    let login = entry(
        "POST",
        "https://shop.example.com/login",
        &json!({"password": "correct-horse-battery"}),
        200,
        &json!({"token": "tok_live_9f8e7d6c5b4a39281706"}),
    );
    let folder = shop("secret").with("a.har", &har(&[login]));
    let (code, _, log) = run(&folder.0, &["import", "a.har"]);
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("replaced by stand-ins"), "{log}");
    let text = recorded(&folder);
    assert!(
        !text.is_empty() && !text.contains("horse") && !text.contains("9f8e7d"),
        "{text}"
    );
    let (code, _, log) = run(
        &folder.0,
        &["import", "a.har", "--keep", "all", "--redact", "none"],
    );
    assert_eq!(code, Some(0), "{log}");
    assert!(recorded(&folder).contains("tok_live_9f8e7d6c5b4a39281706"));
}

#[test]
fn redacted_secrets_are_not_taken_for_one_value() {
    let login = entry(
        "POST",
        "https://shop.example.com/login",
        &json!({"password": "[redacted]"}),
        200,
        &json!({"token": "[redacted]"}),
    );
    let folder = shop("redacted").with("a.har", &har(&[login]));
    let (code, _, log) = run(&folder.0, &["import", "a.har", "--keep", "all"]);
    assert_eq!(code, Some(0), "{log}");
    let text = recorded(&folder);
    assert!(
        text.contains("token") && !text.contains("$request") && !text.contains("password"),
        "the answer does not repeat the password, and no condition asks for the text: {text}"
    );
}

#[test]
fn the_base_url_is_named_when_only_it_is_missing() {
    let base = "https://staging.example.com/shop/api";
    let other = entry(
        "GET",
        "https://tracker.example.com/pets/1",
        &Value::Null,
        200,
        &json!({}),
    );
    let folder = shop("base").with("a.har", &har(&[ada(base), ada(base), other]));
    let (code, _, log) = run(&folder.0, &["import", "--dry-run", "a.har"]);
    assert_eq!(code, Some(0), "{log}");
    assert!(
        log.contains(
            "warning: 2 exchanges fit no operation:\n  GET https://staging.example.com/shop/api/pets/7 (2 times)\n  = help: 2 exchanges would fit with `--base https://staging.example.com/shop/api`\n"
        ),
        "{log}"
    );
    let (code, out, log) = run(&folder.0, &["import", "--dry-run", "a.har", "--base", base]);
    assert_eq!(code, Some(0), "{log}");
    assert!(
        log.contains("note: skipped 1 exchange outside of `--base`"),
        "{log}"
    );
    assert!(out.contains("name: Ada"), "{out}");
    // A prefix of a segment is no base path.
    let (code, _, log) = run(
        &folder.0,
        &[
            "import",
            "a.har",
            "--base",
            "https://staging.example.com/sho",
        ],
    );
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("the exchanges are with `https://staging.example.com` (2), `https://tracker.example.com` (1)"), "{log}");
    assert!(
        log.ends_with("error: there is no exchange to import\n"),
        "{log}"
    );
}

#[test]
fn what_fits_no_operation_is_listed_and_parts_of_pages_are_counted() {
    let mut script = entry(
        "GET",
        "https://shop.example.com/a.js",
        &Value::Null,
        200,
        &json!(1),
    );
    script["response"]["headers"][0]["value"] = json!("text/javascript");
    let mut preflight = entry(
        "OPTIONS",
        "https://shop.example.com/pets",
        &Value::Null,
        204,
        &Value::Null,
    );
    preflight["request"]["headers"] =
        json!([{"name": "Access-Control-Request-Method", "value": "POST"}]);
    let unknown = entry(
        "GET",
        "https://shop.example.com/toys",
        &Value::Null,
        200,
        &json!([]),
    );
    let mut lost = ada("https://shop.example.com");
    lost["response"]["content"] = json!({"size": 20, "mimeType": "application/json"});
    let faulty = json!({"request": {"method": "GET", "url": "/pets"}});
    let data = json!({"request": {"method": "GET", "url": "data:,x"}});
    let entries = [
        script,
        preflight,
        unknown,
        lost,
        faulty,
        data,
        ada("https://shop.example.com"),
    ];
    let folder = shop("unfit").with("a.har", &har(&entries));
    let (code, _, log) = run(&folder.0, &["import", "a.har"]);
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(
        log,
        "warning: a.har: entry 5, request.url: `/pets` is no absolute URL; expected such as `https://api.example.com/pets`\n\
         note: a.har: skipped 1 entry of other schemes than HTTP\n\
         warning: 1 exchange fits no operation:\n  GET https://shop.example.com/toys\n\
         note: skipped 1 part of a page (HTML, styles, scripts, images, fonts)\n\
         note: skipped 1 CORS preflight\n\
         warning: 1 exchange without content in the file, left out: entry 4 (response)\n  = help: record with the content of answers; browsers save it in HAR \"with content\"\n\
         imported 1 exchange into 1 fixture\n"
    );
}

#[test]
fn only_some_operations_are_imported() {
    let base = "https://shop.example.com";
    let list = entry(
        "GET",
        &format!("{base}/pets"),
        &Value::Null,
        200,
        &json!([{"id": 9, "name": "Bo"}]),
    );
    let folder = shop("only").with("a.har", &har(&[ada(base), list]));
    let (code, out, log) = run(
        &folder.0,
        &["import", "--dry-run", "a.har", "--only", "tag: pets"],
    );
    assert_eq!(code, Some(0), "{log}");
    assert!(
        out.contains("name: Bo") && !out.contains("name: Ada"),
        "{out}"
    );
    assert!(
        log.contains("note: 1 exchange with other operations than `--only` names"),
        "{log}"
    );
    let (code, out, log) = run(&folder.0, &["import", "a.har", "--only", "lst"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(
        log.contains(
            "error: `--only`: no document has the operation `lst`\n  = help: there is `list`"
        ),
        "{log}"
    );
}

#[test]
fn a_collection_and_a_zip_are_recognized_by_their_content() {
    let collection = json!({
        "info": {"name": "Shop", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
        "item": [
            {"name": "Read", "request": {"method": "GET", "url": "{{base}}/pets/{{petId}}"},
             "response": [{"name": "ok", "code": 200, "_postman_previewlanguage": "json", "body": "{\"id\": 5, \"name\": \"Postie\"}"}]},
            {"name": "List", "request": {"method": "GET", "url": "{{base}}/pets"}, "response": []},
        ],
    });
    let folder = shop("forms").with("one", &collection.to_string());
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let sha = "0123456789abcdef0123456789abcdef01234567.json";
    let mut attached = ada("https://shop.example.com");
    attached["response"]["content"] =
        json!({"size": 24, "mimeType": "application/json", "_file": sha});
    for (name, content) in [
        ("har.har", har(&[attached])),
        (sha, "{\"id\":7,\"name\":\"Zippy\"}".to_owned()),
    ] {
        zip.start_file(name, zip::write::SimpleFileOptions::default())
            .expect("can be added");
        zip.write_all(content.as_bytes()).expect("can be written");
    }
    let bytes = zip.finish().expect("can be written").into_inner();
    fs::write(folder.0.join("two"), bytes).expect("can be written");
    let arguments = [
        "import",
        "--dry-run",
        "one",
        "two",
        "specs/shop.yaml",
        "--variable",
        "petId=5",
    ];
    let (code, out, log) = run(&folder.0, &arguments);
    assert_eq!(code, Some(0), "{log}");
    assert!(
        out.contains("name: Postie") && out.contains("name: Zippy"),
        "{out}"
    );
    assert_eq!(
        log,
        "note: one: 1 item without a saved response: `List`\n  = help: send the request in Postman, and save the response as an example\n\
         note: one: variables without a value: `base`\n  = help: give them one with `--variable NAME=VALUE`\n\
         would import 2 exchanges into 2 fixtures\n"
    );
    let (code, _, log) = run(&folder.0, &["import", "--dry-run", "one"]);
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("warning: one: item `Read`, response `ok`, url: the variable `petId` of the path has no value"), "{log}");
}

#[test]
fn files_that_cannot_be_read_are_errors_and_the_others_are_imported() {
    let folder = shop("unreadable")
        .with("a.har", &har(&[ada("https://shop.example.com")]))
        .with("b.har", "{\"log\": {}}")
        .with("c.json", "{}");
    let (code, _, log) = run(&folder.0, &["import", "c.json", "a.har", "specs"]);
    assert_eq!(code, Some(2), "{log}");
    assert!(
        log.starts_with("error: `c.json` cannot be read: it is no recorded traffic; expected HAR"),
        "{log}"
    );
    assert!(
        log.ends_with("imported 1 exchange into 1 fixture\n"),
        "{log}"
    );
    let (code, _, log) = run(&folder.0, &["import", "none.har"]);
    assert_eq!(code, Some(2), "{log}");
    assert!(
        log.starts_with("error: `none.har` cannot be read: "),
        "{log}"
    );
    let (code, _, log) = run(&folder.0, &["import", "specs/shop.yaml"]);
    assert_eq!(code, Some(2), "{log}");
    let (code, _, log) = run(&folder.0, &["import", "b.har"]);
    assert_eq!(
        (code, log.as_str()),
        (Some(1), "error: there is no exchange to import\n")
    );
    let (code, _, log) = run(&folder.0, &["import", "a.har", "c.json"]);
    assert_eq!(code, Some(2), "{log}");
    assert!(
        log.contains("no document has an operation to import exchanges for"),
        "{log}"
    );
}

/// The errors of wrong requests are learned, and those of unknown paths of the API, but not of other sites.
#[test]
fn the_words_of_errors_are_learned() {
    let base = "https://shop.example.com/v2";
    let wrong = entry(
        "GET",
        &format!("{base}/pets?limit=x"),
        &Value::Null,
        400,
        &json!({"error": "limit is odd"}),
    );
    let unknown = entry(
        "GET",
        &format!("{base}/toys"),
        &Value::Null,
        404,
        &json!({"error": "no /v2/toys"}),
    );
    let other = entry(
        "GET",
        "https://tracker.example.com/toys",
        &Value::Null,
        404,
        &json!({"tracker": 1}),
    );
    let right = entry(
        "GET",
        &format!("{base}/pets/9"),
        &Value::Null,
        403,
        &json!({"error": "closed"}),
    );
    let folder = shop("learned").with("a.har", &har(&[ada(base), wrong, unknown, other, right]));
    let (code, out, log) = run(&folder.0, &["import", "--dry-run", "a.har"]);
    assert_eq!(code, Some(0), "{log}");
    assert!(
        out.contains("# fixtures/learned.yaml\n# Learned from errors"),
        "{out}"
    );
    assert!(
        log.ends_with("would learn how the API words 2 rules from 3 errors\n"),
        "{log}"
    );
    assert!(!folder.0.join("fixtures").exists());
    let (code, out, log) = run(&folder.0, &["import", "a.har"]);
    assert_eq!(code, Some(0), "{log}");
    assert!(out.ends_with("wrote fixtures/learned.yaml\n"), "{out}");
    assert!(
        log.contains("note: 1 exchange left out, as the request is wrong, and its error is learned: GET /v2/pets?limit=x"),
        "{log}"
    );
    let text = fs::read_to_string(folder.0.join("fixtures/learned.yaml")).expect("was written");
    assert!(!text.contains("tracker"), "{text}");
    let server = Server::serve(&folder, &["--log", "off"]);
    assert!(
        server
            .get("/pets?limit=y")
            .ends_with(r#"{"error":"limit is odd"}"#)
    );
    assert!(server.get("/cars").ends_with(r#"{"error":"no /cars"}"#));
    // What no schema explains is a fixture.
    assert!(server.get("/pets/9").ends_with(r#"{"error":"closed"}"#));
    server.stop();
}

#[test]
fn words_that_a_person_wrote_are_not_overwritten() {
    let base = "https://shop.example.com/v2";
    let wrong = entry(
        "GET",
        &format!("{base}/pets?limit=x"),
        &Value::Null,
        400,
        &json!({"error": "limit is odd"}),
    );
    let own = "errors: {\"*\": {status: 400}}\n";
    let folder = shop("own-words")
        .with("a.har", &har(&[wrong]))
        .with("fixtures/learned.yaml", own);
    let (code, _, log) = run(&folder.0, &["import", "a.har"]);
    assert_eq!(code, Some(2), "{log}");
    assert!(
        log.contains(
            "`fixtures/learned.yaml` was not written by a recording and is left as it is; rename it"
        ),
        "{log}"
    );
    assert_eq!(
        fs::read_to_string(folder.0.join("fixtures/learned.yaml")).expect("is there"),
        own
    );
}

#[test]
fn credentials_that_sign_each_request_are_named_once() {
    let item = |name: &str| {
        json!({"name": name, "request": {"method": "GET", "url": "https://shop.example.com/pets/7", "auth": {"type": "awsv4"}},
        "response": [{"name": "ok", "code": 200, "header": [{"key": "Content-Type", "value": "application/json"}], "body": "{\"id\": 7}"}]})
    };
    let collection = json!({"info": {"name": "s", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
        "item": [item("a"), item("b")]});
    let folder = shop("signed").with("a.json", &collection.to_string());
    let (_, _, log) = run(&folder.0, &["import", "--dry-run", "a.json"]);
    let note = "note: a.json: requests have no credentials of the kind `awsv4`, which signs each request anew\n";
    assert_eq!(log.matches(note).count(), 1, "{log}");
}
