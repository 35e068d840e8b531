//! Requests whose content has a coding, and compressed answers: bytes that no case file can have.

use std::io::Read as _;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::StatusCode;
use standin::internals::{Coding, ContentLimit, StateMode, encode, plain};
use standin::{Body, Input, Reading, Request, Sandbox, Settings};

const DOCUMENT: &str = r##"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {
    "/notes": {
        "get": {"responses": {"200": {"description": "", "content": {"application/json": {"schema": {"type": "array",
                "items": {"$ref": "#/components/schemas/Note"}}}}}}},
        "post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Note"}}}},
                 "responses": {"201": {"description": "", "content": {"application/json": {"schema": {
                    "$ref": "#/components/schemas/Note"}}}}}}},
    "/notes/{id}": {
        "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
        "get": {"responses": {"200": {"description": "", "headers": {"ETag": {"schema": {"type": "string"}}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Note"}}}}}},
        "put": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Note"}}}},
                "responses": {"200": {"description": "", "content": {"application/json": {"schema": {
                    "$ref": "#/components/schemas/Note"}}}}}}}},
    "components": {"schemas": {"Note": {"type": "object", "required": ["id", "text"], "properties": {
        "id": {"type": "string"}, "text": {"type": "string"}}}}}}"##;

fn sandbox() -> Sandbox {
    let input = Input::Text {
        name: "a.json".into(),
        text: DOCUMENT.into(),
    };
    let settings = Settings {
        state: StateMode::On,
        content_limit: ContentLimit(10_000),
        ..Settings::default()
    };
    Sandbox::load(&[input], None, &Reading::default(), settings)
}

fn coded(text: &str, codings: &[Coding]) -> Request {
    let mut bytes = text.as_bytes().to_vec();
    for coding in codings {
        bytes = encode(&bytes, *coding).expect("can be applied");
    }
    let names: Vec<&str> = codings.iter().map(|coding| coding.name()).collect();
    http::Request::post("/notes")
        .header("content-type", "application/json")
        .header("content-encoding", names.join(", "))
        .body(Body::Complete(bytes.into()))
        .expect("is a request")
}

#[test]
fn content_is_judged_and_remembered_without_its_codings() {
    let sandbox = sandbox();
    let (response, _) = sandbox.answer(&coded(
        r#"{"id": "a", "text": "b"}"#,
        &[Coding::Deflate, Coding::Gzip],
    ));
    assert_eq!(
        (response.status(), &response.body()[..]),
        (StatusCode::CREATED, &br#"{"id":"a","text":"b"}"#[..])
    );
    let (response, report) = sandbox.answer(&coded(r#"{"id": "a"}"#, &[Coding::Gzip]));
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        report.violations,
        ["body: must have required property 'text'"]
    );
}

#[test]
fn content_is_too_large_once_its_coding_is_undone() {
    let sandbox = sandbox();
    let large = format!(r#"{{"id": "a", "text": "{}"}}"#, "b".repeat(20_000));
    let request = coded(&large, &[Coding::Gzip]);
    assert!(request.body().bytes().len() < 1000);
    assert_eq!(
        sandbox.answer(&request).0.status(),
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[test]
fn an_answer_is_the_same_once_its_coding_is_undone() {
    let sandbox = sandbox();
    let text = "lorem ipsum ".repeat(200);
    let note = format!(r#"{{"id":"a","text":"{text}"}}"#);
    assert_eq!(
        sandbox.answer(&coded(&note, &[Coding::Gzip])).0.status(),
        StatusCode::CREATED
    );
    let get = |method: &str| {
        let request = http::Request::builder()
            .method(method)
            .uri("/notes/a")
            .header("accept-encoding", "gzip");
        sandbox
            .answer(
                &request
                    .body(Body::Complete(Bytes::new()))
                    .expect("is a request"),
            )
            .0
    };
    let response = get("GET");
    let mut decoded = String::new();
    GzDecoder::new(&response.body()[..])
        .read_to_string(&mut decoded)
        .expect("is gzip");
    assert_eq!(
        (decoded.as_str(), &plain(&response)[..]),
        (note.as_str(), note.as_bytes())
    );
    assert_eq!(response.body(), get("GET").body(), "the same bytes again");
    let head = get("HEAD");
    assert_eq!(
        head.headers()["content-length"].to_str().ok(),
        Some(response.body().len().to_string().as_str())
    );
    assert_eq!(head.headers()["content-encoding"], "gzip");

    // The tag of the compressed answer is one of the entity.
    let tag = response.headers()["etag"]
        .to_str()
        .expect("is text")
        .to_owned();
    assert!(tag.ends_with("-gzip\""), "{tag}");
    let put = |tag: &str, text: &str| {
        let request = http::Request::put("/notes/a")
            .header("content-type", "application/json")
            .header("if-match", tag);
        let body = Body::Complete(format!(r#"{{"id": "a", "text": "{text}"}}"#).into());
        sandbox
            .answer(&request.body(body).expect("is a request"))
            .0
            .status()
    };
    assert_eq!(put(&tag, "new"), StatusCode::OK);
    assert_eq!(put(&tag, "newer"), StatusCode::PRECONDITION_FAILED);
}
