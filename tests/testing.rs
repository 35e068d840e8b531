//! A sandbox as Rust tests use it: sessions side by side, what was received, and many clients at once.

use std::sync::Arc;

use serde_json::{Value, json};
use standin::Sandbox;
use standin::testing::Running;

const DOCUMENT: &str = r##"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {
    "/pets": {
        "get": {"operationId": "list", "responses": {"200": {"description": "", "content": {"application/json": {"schema":
            {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}}}}}}},
        "post": {"operationId": "create",
            "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}},
            "responses": {"201": {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}}}}
    },
    "/pets/{id}": {
        "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}],
        "get": {"operationId": "read", "responses": {"200": {"description": "", "content": {"application/json": {"schema":
            {"$ref": "#/components/schemas/Pet"}}}}}},
        "delete": {"operationId": "delete", "responses": {"204": {"description": ""}}}
    }},
    "components": {"schemas": {"Pet": {"type": "object", "required": ["name"], "properties":
        {"id": {"type": "integer", "readOnly": true}, "name": {"type": "string"}}}}}}"##;

async fn started() -> Running {
    Sandbox::builder()
        .text("a.json", DOCUMENT)
        .remembering()
        .seed(3)
        .start()
        .await
        .expect("starts")
}

fn post(uri: &str, name: &str) -> Value {
    let body = json!({ "name": name }).to_string();
    let response = ureq::post(format!("{uri}/pets"))
        .header("content-type", "application/json")
        .send(body);
    let text = response
        .expect("is accepted")
        .body_mut()
        .read_to_string()
        .expect("is text");
    serde_json::from_str(&text).expect("is JSON")
}

fn get(uri: &str) -> (u16, Value) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let mut response = agent.get(uri).call().expect("is answered");
    let text = response.body_mut().read_to_string().expect("is text");
    (
        response.status().as_u16(),
        serde_json::from_str(&text).unwrap_or(Value::Null),
    )
}

/// Runs what blocks, beside the server.
async fn blocking<R: Send + 'static>(run: impl FnOnce() -> R + Send + 'static) -> R {
    tokio::task::spawn_blocking(run)
        .await
        .expect("does not panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_worlds_and_what_was_received_can_be_verified() {
    let sandbox = started().await;
    let (one, two) = (sandbox.session("one").uri(), sandbox.session("two").uri());
    let made = blocking(move || {
        let made = post(&one, "Rex");
        assert_eq!(
            get(&format!("{one}/pets/{}", made["id"])),
            (200, made.clone())
        );
        assert_eq!(get(&format!("{two}/pets/{}", made["id"])).0, 404);
        made
    })
    .await;
    assert_eq!(made["name"], "Rex");
    sandbox
        .session("one")
        .verify("create", 1..=1)
        .expect("was called once");
    sandbox
        .session("two")
        .verify("create", ..1)
        .expect("was not called");
    let error = sandbox.verify("create", 2..).expect_err("was called once");
    assert_eq!(
        error.to_string(),
        "`create` was called 1 time, expected 2.."
    );
    assert_eq!(
        sandbox.count("create", &json!({"properties": {"name": {"const": "Rex"}}})),
        1
    );
    assert_eq!(sandbox.received().len(), 3);
    sandbox.session("one").reset();
    assert_eq!(sandbox.session("one").received().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_gone_when_it_is_dropped() {
    let sandbox = started().await;
    let uri = sandbox.uri();
    drop(sandbox);
    let gone = blocking(move || {
        (0..100).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            ureq::get(format!("{uri}/pets")).call().is_err()
        })
    });
    assert!(gone.await);
    let nothing = Sandbox::builder()
        .text("a.json", "no document")
        .start()
        .await
        .expect_err("there is nothing");
    assert!(
        nothing
            .to_string()
            .starts_with("there is no document to serve"),
        "{nothing}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_lose_nothing() {
    const CLIENTS: usize = 16;
    const EACH: usize = 20;
    let sandbox = Arc::new(started().await);
    let uris: Vec<String> = (0..CLIENTS)
        .map(|client| {
            // Every other one writes to the collection that all share.
            if client % 2 == 0 {
                sandbox.uri()
            } else {
                sandbox.session(&format!("s{client}")).uri()
            }
        })
        .collect();
    let writers = uris.into_iter().enumerate().map(|(client, uri)| {
        tokio::task::spawn_blocking(move || {
            let made: Vec<Value> = (0..EACH)
                .map(|n| post(&uri, &format!("{client}-{n}")))
                .collect();
            // Half of its own are taken away again.
            for pet in made.iter().step_by(2) {
                ureq::delete(format!("{uri}/pets/{}", pet["id"]))
                    .call()
                    .expect("is there");
            }
            let (_, all) = get(&format!("{uri}/pets"));
            let is_own = |pet: &&Value| {
                pet["name"]
                    .as_str()
                    .is_some_and(|name| name.starts_with(&format!("{client}-")))
            };
            assert_eq!(
                all.as_array()
                    .expect("is a list")
                    .iter()
                    .filter(is_own)
                    .count(),
                EACH / 2
            );
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("does not panic");
    }
    let uri = sandbox.uri();
    let (_, all) = blocking(move || get(&format!("{uri}/pets"))).await;
    let all = all.as_array().expect("is a list").clone();
    let mut ids: Vec<String> = all.iter().map(|pet| pet["id"].to_string()).collect();
    assert_eq!(
        ids.len(),
        3 + CLIENTS / 2 * EACH / 2,
        "three are there from the beginning"
    );
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all.len(), "no two are called the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_sessions_are_ordinary() {
    let sandbox = started().await;
    let request = |session: usize| {
        let body =
            standin::Body::Complete(json!({ "name": session.to_string() }).to_string().into());
        http::Request::post("/pets")
            .header("content-type", "application/json")
            .body(body)
            .expect("is one")
    };
    let settings = *sandbox.sandbox().settings();
    for session in 0..10_000 {
        let (response, _) =
            sandbox
                .sandbox()
                .answer_in(&format!("s{session}"), &settings, &request(session));
        assert_eq!(response.status(), 201);
    }
    let sessions = sandbox.sandbox().memory().sessions();
    assert_eq!(sessions.len(), 10_001, "and the one without a name");
    let bytes: usize = sessions.iter().map(|(_, bytes)| bytes).sum();
    // As they are in memory: three pets that were there, one that was written, and what a session is without any.
    assert!(bytes < 96 * 1024 * 1024, "{bytes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_verifies_is_told_that_exchanges_are_not_kept_any_more() {
    let sandbox = Sandbox::builder()
        .text("pets.json", DOCUMENT)
        .journal(3)
        .start()
        .await
        .expect("starts");
    let uri = sandbox.uri();
    blocking(move || (0..5).for_each(|_| drop(get(&format!("{uri}/pets"))))).await;
    assert_eq!((sandbox.received().len(), sandbox.forgotten()), (3, 2));
    let error = sandbox
        .verify("list", 3..=3)
        .expect_err("two more are not looked at");
    assert_eq!((error.count, error.forgotten), (3, 2));
    let told = "`list` was called 3 times, expected 3..=3; 2 earlier exchanges are not kept any more, see \
                `Builder::journal`";
    assert_eq!(error.to_string(), told);
    sandbox
        .verify("list", 3..)
        .expect("there are as many at least");
    assert_eq!(sandbox.session("other").forgotten(), 0);
}
