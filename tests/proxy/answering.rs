//! Who answers in a session of `standin proxy`: fixtures that are added while it runs, what the operations and
//! the journal say of it, and the drift in its forms.

use serde_json::Value;

use crate::pets::{folder, json, proxy};
use crate::request::post;
use crate::server::Server;
use crate::upstream::Upstream;

/// An answer of the real API that fits the document.
fn real() -> String {
    json("200 OK", r#"{"id": 1, "name": "Real"}"#).replace("Date:", "X-Rate: 5\r\nDate:")
}

/// Returns the JSON of an answer to GET.
fn got(server: &Server, path: &str) -> Value {
    let answer = server.get(path);
    let content = answer.split_once("\r\n\r\n").map(|(_, content)| content);
    let content = content.and_then(|content| serde_json::from_str(content).ok());
    content.unwrap_or_else(|| panic!("no JSON: {answer}"))
}

/// Adds fixtures to the unnamed session, and returns the number of the first one.
fn add(server: &Server, fixtures: &str) -> u64 {
    let answer = server.exchange(&post("/_standin/fixtures", fixtures));
    let content = answer.split_once("\r\n\r\n").map(|(_, content)| content);
    let added: Value = serde_json::from_str(content.unwrap_or_default()).expect("is JSON");
    added["fixtures"][0]["id"].as_u64().expect(&answer)
}

fn remove(server: &Server, id: u64) {
    let text = format!(
        "DELETE /_standin/fixtures/{id} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    );
    assert!(server.exchange(&text).starts_with("HTTP/1.1 204 "));
}

/// Returns who answers `getPet`, and the kind of reason.
fn responder(server: &Server) -> (String, String, Value) {
    let own = got(server, "/_standin/operations/getPet")["responder"].clone();
    let text = |name: &str| own[name].as_str().unwrap_or_default().to_owned();
    (text("name"), text("reason"), own)
}

#[test]
fn the_last_added_choice_counts_whatever_its_key_and_the_options() {
    let upstream = Upstream::texts(&[("/pets/1", &real())]);
    let folder = folder("proxy-switch");
    let server = proxy(&folder, &upstream.url(), &["--sandbox", "getPet"]);
    let (name, reason, own) = responder(&server);
    assert_eq!((name.as_str(), reason.as_str()), ("sandbox", "option"));
    assert_eq!(own["why"], "--sandbox getPet");
    assert!(server.get("/pets/1").contains("Sandbox"));

    let first = add(&server, r#"{"getPet": [{"upstream": "real"}]}"#);
    assert!(server.get("/pets/1").contains("Real"));
    let (name, reason, own) = responder(&server);
    assert_eq!((name.as_str(), reason.as_str()), ("real", "added-fixture"));
    assert_eq!(own["fixture"], first);
    assert_eq!(own["switches"], serde_json::json!([first]));
    assert_eq!(own["started"]["name"], "sandbox");

    let second = add(&server, r#"{"GET /pets/**": [{"upstream": "sandbox"}]}"#);
    assert!(server.get("/pets/1").contains("Sandbox"), "the last counts");
    let (name, _, own) = responder(&server);
    assert_eq!(name, "sandbox");
    assert!(
        own["why"].to_string().contains("GET /pets/**"),
        "{}",
        own["why"]
    );

    let third = add(&server, r#"{"getPet": [{"upstream": "real"}]}"#);
    assert!(server.get("/pets/1").contains("Real"));
    // A pinned answer is given by the sandbox.
    let pinned = add(&server, r#"{"getPet": [{"status": 404, "times": 1}]}"#);
    assert_eq!(responder(&server).0, "sandbox");
    assert!(server.get("/pets/1").starts_with("HTTP/1.1 404 "));
    assert_eq!(responder(&server).0, "real", "it is used up");
    // What holds for some requests only is listed apart.
    let some = add(
        &server,
        r#"{"getPet": [{"when": {"path": {"id": 7}}, "upstream": "sandbox"}]}"#,
    );
    let (name, _, own) = responder(&server);
    assert_eq!(name, "real");
    assert_eq!(own["conditional"][0]["fixture"], some);
    assert!(server.get("/pets/7").contains("Sandbox"));

    for id in [some, pinned, third] {
        remove(&server, id);
    }
    assert!(server.get("/pets/1").contains("Sandbox"));
    remove(&server, second);
    assert!(server.get("/pets/1").contains("Real"));
    remove(&server, first);
    assert_eq!(responder(&server).1, "option");
    // Another session has its own choice.
    add(&server, r#"{"getPet": [{"upstream": "real"}]}"#);
    let other = got(&server, "/_standin/operations?session=blue");
    let of_get = other["operations"]
        .as_array()
        .expect("is a list")
        .iter()
        .find(|one| one["operation"] == "getPet")
        .expect("is there");
    assert_eq!(of_get["responder"]["name"], "sandbox");
}

#[test]
fn without_a_real_api_nothing_is_said_of_who_answers() {
    let folder = folder("proxy-none");
    let server = Server::serve(&folder, &[]);
    server.get("/pets/1");
    assert!(got(&server, "/_standin/operations/getPet")["responder"].is_null());
    assert!(got(&server, "/_standin/requests/1")["answeredBy"].is_null());
    let page = server.exchange(
        "GET /_standin/ HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n",
    );
    assert!(
        page.contains("#/coverage") && !page.contains("#/drift") && !page.contains("data-proxy"),
        "{page}"
    );
}

#[test]
fn the_journal_says_who_answered_and_why() {
    let wrong = json("200 OK", r#"{"id": "x"}"#).replace("Date:", "X-Rate: 5\r\nDate:");
    let upstream = Upstream::texts(&[
        ("/pets/1", &real()),
        ("/pets/2", &json("503 Service Unavailable", "{}")),
        ("/pets/3", &wrong),
    ]);
    let folder = folder("proxy-who");
    let options = ["--fallback", "5xx", "--sandbox", "listPets"];
    let server = proxy(&folder, &upstream.url(), &options);
    for path in ["/pets/1", "/pets/2", "/pets/3", "/pets"] {
        server.get(path);
    }
    let of = |number: u64| got(&server, &format!("/_standin/requests/{number}"));
    assert_eq!(of(1)["answeredBy"], "real");
    assert_eq!(of(1)["responseViolations"], serde_json::json!([]));
    assert_eq!(of(2)["answeredBy"], "sandbox");
    assert_eq!(of(2)["fallback"], "the real API answered with 503");
    assert_eq!(of(3)["violations"], serde_json::json!([]));
    assert_eq!(
        of(3)["responseViolations"],
        serde_json::json!(["response 200 body /id: must be integer"])
    );
    assert_eq!(of(4)["answeredBy"], "sandbox");
    assert!(of(4)["fallback"].is_null());
    let numbers = |filter: &str| {
        let found = got(&server, &format!("/_standin/requests?{filter}"));
        let all = found["requests"].as_array().expect("is a list");
        all.iter()
            .filter_map(|one| one["number"].as_u64())
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers("answered-by=real"), [1, 3]);
    assert_eq!(numbers("answered-by=sandbox"), [2, 4]);
    assert_eq!(numbers("answered-by=fallback"), [2]);
    assert_eq!(numbers("violation=integer"), [3]);
    assert!(
        server
            .get("/_standin/requests?answered-by=both")
            .starts_with("HTTP/1.1 4")
    );
}

#[test]
fn a_failure_of_the_real_api_is_answered_by_the_proxy() {
    let folder = folder("proxy-failed");
    let server = proxy(&folder, "http://127.0.0.1:1", &[]);
    assert!(server.get("/pets/1").starts_with("HTTP/1.1 502 "));
    assert_eq!(got(&server, "/_standin/requests/1")["answeredBy"], "proxy");
}

#[test]
fn an_answer_that_errors_replaces_is_told_in_the_journal() {
    let wrong = json("200 OK", r#"{"id": "x"}"#).replace("Date:", "X-Rate: 5\r\nDate:");
    let upstream = Upstream::texts(&[("/pets/1", &wrong)]);
    let folder = folder("proxy-refused");
    let server = proxy(&folder, &upstream.url(), &["--errors"]);
    assert!(server.get("/pets/1").starts_with("HTTP/1.1 502 "));
    let noted = got(&server, "/_standin/requests/1");
    assert_eq!(noted["response"]["status"], 200);
    assert!(
        noted["source"]
            .to_string()
            .contains("the client got a 502 problem instead"),
        "{noted}"
    );
}

#[test]
fn the_drift_is_searched_and_has_forms_and_an_overlay() {
    let odd = json("200 OK", r#"{"id": 1, "name": null, "colour": "red"}"#)
        .replace("Date:", "X-Rate: 5\r\nDate:");
    let upstream = Upstream::texts(&[("/pets/1", &odd)]);
    let folder = folder("proxy-drift");
    let server = proxy(&folder, &upstream.url(), &[]);
    let none = server.get("/_standin/drift/overlay");
    assert!(
        none.starts_with("HTTP/1.1 404 ") && none.contains("there is nothing to repair"),
        "{none}"
    );
    server.get("/pets/1");
    let all = got(&server, "/_standin/drift");
    let place = &all["findings"][0]["places"][0];
    assert_eq!(place["operationName"], "getPet", "{all}");
    let breaking = got(&server, "/_standin/drift?severity=breaking");
    assert_eq!(breaking["total"], 1, "{breaking}");
    assert_eq!(breaking["findings"][0]["kind"], "undocumented-null");
    let fingerprint = breaking["findings"][0]["fingerprint"]
        .as_str()
        .expect("is text");
    let one = got(
        &server,
        &format!("/_standin/drift?fingerprint={fingerprint}"),
    );
    assert_eq!(one["findings"], breaking["findings"]);
    let found = got(&server, "/_standin/drift?q=COLOUR&limit=1");
    assert_eq!(found["findings"].as_array().map(Vec::len), Some(1));
    assert!(
        found["findings"][0]["message"]
            .to_string()
            .contains("colour")
    );

    let sarif = server.get("/_standin/drift?format=sarif");
    assert!(
        sarif.contains("application/sarif+json")
            && sarif.contains("attachment; filename=\"drift.sarif\"")
            && sarif.contains("\"version\": \"2.1.0\""),
        "{sarif}"
    );
    let asked = |accept: &str| {
        server.exchange(&format!(
            "GET /_standin/drift HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
        ))
    };
    let junit = asked("application/xml");
    assert!(
        junit.contains("<testsuites name=\"standin\"") && !junit.contains("attachment"),
        "{junit}"
    );
    assert!(asked("text/plain").contains("breaking[undocumented-null]"));
    let browser = asked("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
    assert!(browser.contains("<article class=\"finding\">"), "{browser}");
    let strict = server.get("/_standin/drift?format=junit&fail-on=information");
    assert!(strict.contains("skipped=\"0\""), "{strict}");

    let overlay = server.get("/_standin/drift/overlay");
    assert!(
        overlay.contains("application/yaml")
            && overlay.contains("filename=\"fix.yaml\"")
            && overlay.contains("overlay: ")
            && overlay.contains("colour"),
        "{overlay}"
    );
    let other = server.get("/_standin/drift/overlay?document=other.yaml");
    assert!(
        other.starts_with("HTTP/1.1 404 ")
            && other.contains("no repairs for the document `other.yaml`"),
        "{other}"
    );
}

#[test]
fn each_of_several_documents_has_an_overlay() {
    let odd =
        json("200 OK", r#"{"id": 1, "colour": "red"}"#).replace("Date:", "X-Rate: 5\r\nDate:");
    let upstream = Upstream::texts(&[("/pets/1", &odd), ("/cats", &json("418 Teapot", "{}"))]);
    let folder = folder("proxy-overlays").with(
        "specs/cats.yaml",
        "{openapi: 3.1.0, info: {title: Cats, version: '1'}, paths: {/cats: {get: {operationId: listCats, responses: {'200': {description: ok}}}}}}",
    );
    let server = proxy(&folder, &upstream.url(), &[]);
    server.get("/pets/1");
    server.get("/cats");
    let which = server.get("/_standin/drift/overlay");
    assert!(
        which.starts_with("HTTP/1.1 422 ") && which.contains("name one with `document`"),
        "{which}"
    );
    let drift = got(&server, "/_standin/drift");
    let names = drift["overlays"].as_array().expect("is a list");
    let name = names
        .iter()
        .filter_map(|one| one["document"].as_str())
        .find(|name| name.ends_with("cats.yaml"));
    let overlay = server.get(&format!(
        "/_standin/drift/overlay?document={}",
        name.expect("is there")
    ));
    assert!(
        overlay.contains("filename=\"fix.cats.yaml\"") && overlay.contains("418"),
        "{overlay}"
    );
}
