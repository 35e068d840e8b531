//! Planted drifts: each is found once, at its line, and repaired; clean traffic has none.
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::codec::message::Body;
use crate::document::Input;
use crate::exchange::settings::Settings;
use crate::sandbox::{Reading, Sandbox};
use crate::upstream::drift::batch::DriftBatch;
use crate::upstream::drift::finding::Finding;
use crate::upstream::drift::findings::findings;
use crate::upstream::drift::kind::{DriftKind, DriftSeverity};
use crate::upstream::drift::observations::Observations;
use crate::upstream::drift::overlay::overlays;
use crate::upstream::drift::report::DriftReport;
use crate::upstream::exchange::ObservedExchange;
use crate::upstream::judging::judge;

const PETS: &str = r##"openapi: 3.0.3
info: {title: t, version: "1"}
servers: [{url: https://api.example.com/v1}]
paths:
  /pets:
    get:
      parameters:
        - {name: limit, in: query, schema: {type: integer}}
        - {name: filter, in: query, style: deepObject, explode: true, schema: {type: object}}
      responses:
        "200":
          description: ok
          headers:
            X-Total: {schema: {type: integer}}
          content:
            application/json:
              schema: {type: array, items: {$ref: "#/components/schemas/Pet"}}
    post:
      requestBody:
        content:
          application/json:
            schema: {$ref: "#/components/schemas/Pet"}
            example: {id: 1, name: exemplary}
      responses:
        2XX: {description: ok, content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}}
  /pets/{id}:
    get:
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
      responses:
        "200": {$ref: "#/components/responses/Pet"}
        "404": {description: none}
components:
  responses:
    Pet:
      description: ok
      content:
        application/json:
          schema: {$ref: "#/components/schemas/Pet"}
  schemas:
    Pet:
      type: object
      required: [id, name]
      properties:
        id: {type: integer}
        name: {type: string}
        born: {type: string, format: date}
        status: {type: string, enum: [available, sold]}
        owner: {$ref: "#/components/schemas/Owner"}
        token: {type: string}
        labels: {type: object, additionalProperties: {type: string}}
        free: {type: object, additionalProperties: true}
    Owner:
      type: object
      properties:
        name: {type: string}
"##;

fn sandbox(text: &str, overlay: Option<&str>) -> Sandbox {
    let input = Input::Text {
        name: "specs/pets.yaml".to_owned(),
        text: text.to_owned(),
    };
    let mut reading = Reading::default();
    reading.overlays.extend(overlay.map(|text| Input::Text {
        name: "fix.yaml".to_owned(),
        text: text.to_owned(),
    }));
    Sandbox::new(&[input], &[], &reading, Settings::default())
}

struct Sent<'s>(&'s str, u16, Value);

/// Returns an exchange: `GET /pets` or `POST /pets {"id":1}`, with a status and content in JSON.
fn exchange(sent: &Sent<'_>, at: u64) -> ObservedExchange {
    let mut words = sent.0.splitn(3, ' ');
    let (method, target) = (
        words.next().expect("has a method"),
        words.next().expect("has a target"),
    );
    let mut request = http::Request::builder().method(method).uri(target);
    let body = words.next().unwrap_or_default().to_owned();
    if !body.is_empty() {
        request = request.header("content-type", "application/json");
    }
    let content = if sent.2.is_null() {
        String::new()
    } else {
        sent.2.to_string()
    };
    let mut response = http::Response::builder()
        .status(sent.1)
        .header("Date", "x")
        .header("Sunset", "y");
    if !content.is_empty() {
        response = response.header("Content-Type", "application/json; charset=utf-8");
    }
    ObservedExchange {
        session: String::new(),
        at,
        took: Duration::ZERO,
        request: request
            .body(Body::Complete(Bytes::from(body)))
            .expect("is a request"),
        response: response
            .body(Body::Complete(Bytes::from(content)))
            .expect("is a response"),
    }
}

fn observed(sandbox: &Sandbox, traffic: &[ObservedExchange]) -> Observations {
    let mut batch = DriftBatch::new(sandbox);
    for exchange in traffic {
        batch.add(&judge(sandbox, exchange), exchange);
    }
    batch.finish()
}

fn traffic(sent: &[Sent<'_>]) -> Vec<ObservedExchange> {
    sent.iter()
        .zip(1..)
        .map(|(sent, at)| exchange(sent, at))
        .collect()
}

/// Returns kind, counts and message of what came and is not documented.
fn came(text: &str, sent: &[Sent<'_>]) -> Vec<String> {
    let sandbox = sandbox(text, None);
    let observations = observed(&sandbox, &traffic(sent));
    let all = findings(&sandbox, &observations, 1000).into_iter();
    let shown = |finding: Finding| {
        format!(
            "{} {}/{} {}",
            finding.kind.as_str(),
            finding.count,
            finding.of,
            finding.message
        )
    };
    all.filter(|finding| finding.kind.is_undocumented())
        .map(shown)
        .collect()
}

fn pet(more: Value) -> Value {
    let mut pet = json!({"id": 1, "name": "n"});
    if let (Some(pet), Value::Object(more)) = (pet.as_object_mut(), more) {
        pet.extend(more);
    }
    pet
}

#[test]
fn clean_traffic_has_no_finding() {
    let full = pet(
        json!({"born": "2024-02-29", "status": "sold", "owner": {"name": "o"}, "labels": {"any": "x"}, "free": {"x": {"y": 1}}}),
    );
    let sent = [
        Sent(
            "GET /v1/pets?limit=2&filter[a]=1&_=17",
            200,
            json!([full, {"id": 1.0, "name": ""}]),
        ),
        Sent("GET /pets", 304, Value::Null),
        Sent("HEAD /pets", 200, Value::Null),
        Sent("OPTIONS /pets", 204, Value::Null),
        Sent("POST /pets {\"id\":1,\"name\":\"n\"}", 201, full.clone()),
        Sent("POST /pets {\"name\":7}", 250, full),
        Sent("GET /pets/1", 404, Value::Null),
        Sent("GET /favicon.ico", 404, Value::Null),
    ];
    // The sixth request violates the document, and the API accepted it.
    let found = came(PETS, &sent);
    assert_eq!(found, [
        "missing-field 1/2 `/id` is required, and was missing in 1 of 2 accepted requests",
        "other-type 1/2 `/name` is integer in 1 of 2 accepted requests, and the document has another type",
    ].map(str::to_owned).into_iter().collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>());
}

#[test]
fn credentials_that_a_recorder_left_out_are_no_drift() {
    let text = PETS.replace(
        "        - {name: limit",
        "        - {name: X-Auth-Token, in: header, required: true, schema: {type: string}}\n        - {name: limit",
    );
    assert_eq!(came(&text, &[Sent("GET /pets", 200, json!([]))]), [""; 0]);
}

#[test]
fn planted_drifts_are_found_once() {
    for (sent, expected) in [
        (
            vec![Sent("GET /pets/1", 418, json!({"a": 1}))],
            "undocumented-status 1/1 the status 418 is not documented, and came in 1 of 1 answers",
        ),
        (
            vec![
                Sent("GET /pets/1", 200, pet(json!({"age": 3}))),
                Sent(
                    "GET /pets",
                    200,
                    json!([pet(json!({"age": 1})), pet(json!({"age": 2}))]),
                ),
            ],
            "undocumented-field 2/2 `/age` is not documented, and came as integer in 2 of 2 answers",
        ),
        (
            vec![
                Sent("GET /pets/1", 200, pet(json!({"owner": null}))),
                Sent("GET /pets/1", 200, pet(json!({}))),
            ],
            "undocumented-null 1/2 `/owner` is null in 1 of 2 answers, and the document allows no null",
        ),
        (
            vec![Sent("GET /pets/1", 200, pet(json!({"age": null})))],
            "undocumented-field 1/1 `/age` is not documented, and came as null in 1 of 1 answers",
        ),
        (
            vec![Sent("GET /pets/1", 200, pet(json!({"status": "lost"})))],
            "undocumented-enum-value 1/1 `/status` is `lost` in 1 of 1 answers, and the document does not list it",
        ),
        (
            vec![Sent("GET /pets/1", 200, pet(json!({"born": "yesterday"})))],
            "broken-format 1/1 `/born` is not of the format `date` in 1 of 1 answers",
        ),
        (
            vec![Sent("GET /pets/1", 200, json!({"id": 1}))],
            "missing-field 1/1 `/name` is required, and was missing in 1 of 1 answers",
        ),
        (
            vec![Sent("GET /pets/1", 200, pet(json!({"labels": {"a": 1}})))],
            "other-type 1/1 `/labels/*` is integer in 1 of 1 answers, and the document has another type",
        ),
        (
            vec![Sent("GET /pets?size=3", 200, json!([]))],
            "undocumented-query 1/1 the query parameter `size` is not documented, and came in 1 of 1 accepted requests",
        ),
        (
            vec![Sent(
                "POST /pets {\"id\":1,\"name\":\"n\",\"tag\":1}",
                201,
                pet(json!({})),
            )],
            "undocumented-request-field 1/1 `/tag` is not documented, and came as integer in 1 of 1 accepted requests",
        ),
        (
            vec![Sent("GET /pets/1", 404, json!({"error": "x"}))],
            "undocumented-content 1/1 there is content of `application/json` in 1 of 1 answers, and the document has none",
        ),
        (
            vec![
                Sent("GET /v1/users/1", 200, json!({"a": 1})),
                Sent("GET /v1/users/2", 200, json!({"a": 2})),
            ],
            "undocumented-operation 2/2 `GET /v1/users/{id}` is not documented, and was called 2 times",
        ),
        (
            vec![Sent("DELETE /pets/1", 204, Value::Null)],
            "undocumented-operation 1/1 `DELETE /pets/{id}` is not documented, and was called 1 time",
        ),
    ] {
        assert_eq!(came(PETS, &sent), [expected]);
    }
}

#[test]
fn an_empty_answer_where_json_is_documented_is_one() {
    assert_eq!(
        came(PETS, &[Sent("GET /pets/1", 200, Value::Null)]),
        [
            "unreadable-content 1/1 content without a media type cannot be read in 1 of 1 answers: the content is empty, expected `application/json`"
        ]
    );
    let none = [
        Sent("HEAD /pets/1", 200, Value::Null),
        Sent("POST /pets", 204, Value::Null),
        Sent("GET /pets/1", 404, Value::Null),
    ];
    assert_eq!(came(PETS, &none), [""; 0]);
}

#[test]
fn an_example_shows_no_secret_that_the_answer_repeats() {
    let sandbox = sandbox(PETS, None);
    let sent = [Sent(
        "GET /pets/1?api_key=s3cret-1",
        200,
        pet(json!({"note": "s3cret-1 was used", "status": "lost"})),
    )];
    let report = DriftReport::new(&sandbox, &observed(&sandbox, &traffic(&sent)), 10);
    let text = report.to_json().to_string();
    assert!(!text.contains("s3cret-1"), "{text}");
    assert!(text.contains("[redacted] was used"), "{text}");
}

#[test]
fn a_finding_has_its_line_its_example_and_no_secret() {
    let sandbox = sandbox(PETS, None);
    let sent = [Sent(
        "GET /pets/1?api_key=s3cret",
        200,
        pet(json!({"apiToken": "s3cret", "status": "lost"})),
    )];
    let report = DriftReport::new(&sandbox, &observed(&sandbox, &traffic(&sent)), 10);
    let field = report
        .findings
        .iter()
        .find(|finding| finding.kind == DriftKind::Field)
        .expect("is found");
    let place = &field.places[0];
    assert_eq!(
        (place.file.as_str(), place.line, place.operation.as_str()),
        ("specs/pets.yaml", 43, "GET /pets/{id} 200")
    );
    let example = field.example.as_ref().expect("has one");
    assert_eq!(example.request, "GET /pets/1?api_key=[redacted]");
    assert_eq!(example.excerpt, r#"{"apiToken":"[redacted]"}"#);
    assert!(!report.to_json().to_string().contains("s3cret"));
    assert_eq!(
        DriftReport::from_json(&report.to_json()).as_ref(),
        Some(&report)
    );
}

#[test]
fn one_status_of_many_operations_is_one_finding() {
    let sent = [
        Sent("GET /pets", 429, Value::Null),
        Sent("GET /pets/1", 429, Value::Null),
        Sent("POST /pets", 500, Value::Null),
    ];
    let sandbox = sandbox(PETS, None);
    let found = findings(&sandbox, &observed(&sandbox, &traffic(&sent)), 10);
    let statuses: Vec<(usize, DriftSeverity)> = found
        .iter()
        .filter(|finding| finding.kind == DriftKind::Status)
        .map(|finding| (finding.places.len(), finding.severity))
        .collect();
    assert_eq!(
        statuses,
        [
            (2, DriftSeverity::Incomplete),
            (1, DriftSeverity::Information)
        ]
    );
}

#[test]
fn the_order_of_exchanges_and_runs_makes_no_difference() {
    let sent: Vec<Sent<'_>> = (0..30)
        .map(|n| match n % 3 {
            0 => Sent(
                "GET /pets/1",
                200,
                pet(json!({ format!("k{n}"): n, "status": format!("s{n}") })),
            ),
            1 => Sent("GET /nowhere/7", 200, json!({"n": n})),
            _ => Sent("GET /pets?x=1", 299, json!([n])),
        })
        .collect();
    let all = traffic(&sent);
    let sandbox = sandbox(PETS, None);
    let report = |observations: &Observations| {
        DriftReport::new(&sandbox, observations, 5)
            .to_json()
            .to_string()
    };
    let forward = report(&observed(&sandbox, &all));
    let mut reversed = all.clone();
    reversed.reverse();
    assert_eq!(report(&observed(&sandbox, &reversed)), forward);
    let mut merged = observed(&sandbox, &all[20..]);
    merged.merge(observed(&sandbox, &all[..20]));
    assert_eq!(report(&merged), forward);
    let mut one_by_one = Observations::new();
    for exchange in &all {
        one_by_one.merge(observed(&sandbox, std::slice::from_ref(exchange)));
    }
    assert_eq!(report(&one_by_one), forward);
}

#[test]
fn many_names_are_one_finding() {
    let sent: Vec<Sent<'_>> = (0..30)
        .map(|n| Sent("GET /pets/1", 200, pet(json!({ format!("k{n}"): n }))))
        .collect();
    assert_eq!(
        came(PETS, &sent),
        [
            "undocumented-field 30/30 `/*` stands for many names that are not documented, and came in 30 of 30 answers"
        ]
    );
}

#[test]
fn hostile_traffic_is_bounded() {
    let sandbox = sandbox(PETS, None);
    let mut batch = DriftBatch::new(&sandbox);
    for n in 0..3000 {
        let sent = Sent(
            "GET /pets/1",
            200,
            pet(json!({ format!("k{n}"): n, "status": format!("s{n}") })),
        );
        let exchange = exchange(&sent, n);
        batch.add(&judge(&sandbox, &exchange), &exchange);
    }
    let observations = batch.finish();
    assert!(observations.is_cut());
    assert!(observations.drifts.iter().count() <= super::observations::MOST_DRIFTS);
}

#[test]
fn what_never_came_is_told_from_enough_exchanges_on() {
    let sandbox = sandbox(PETS, None);
    let sent: Vec<Sent<'_>> = (0..12)
        .map(|_| {
            Sent(
                "GET /pets/1",
                200,
                pet(json!({"status": "sold", "owner": {"name": "o"}})),
            )
        })
        .collect();
    let observations = observed(&sandbox, &traffic(&sent));
    let names = |least| -> Vec<String> {
        findings(&sandbox, &observations, least)
            .iter()
            .map(|finding| format!("{} {}", finding.kind.as_str(), finding.message))
            .collect()
    };
    assert_eq!(
        names(10),
        [
            "unseen-operation documented operations were never called",
            "unseen-status the documented status 404 never came",
            "unseen-field the documented optional fields `born`, `token`, `labels`, `free` never came",
            "unseen-enum-value the documented values `available` never came",
        ]
    );
    assert!(names(13).is_empty());
}

#[test]
fn examples_that_the_api_contradicts_are_found() {
    let text = PETS.replace(
        "          schema: {$ref: \"#/components/schemas/Pet\"}\n  schemas:",
        "          schema: {$ref: \"#/components/schemas/Pet\"}\n          example: {id: 1, name: n, born: 2024-01-01}\n  schemas:",
    );
    let sandbox = sandbox(&text, None);
    let mut sent: Vec<Sent<'_>> = (0..12)
        .map(|_| Sent("GET /pets/1", 200, pet(json!({}))))
        .collect();
    sent.push(Sent(
        "POST /pets {\"id\":1,\"name\":\"exemplary\"}",
        422,
        Value::Null,
    ));
    let found = findings(&sandbox, &observed(&sandbox, &traffic(&sent)), 10);
    let found: Vec<String> = found
        .iter()
        .filter(|finding| {
            matches!(
                finding.kind,
                DriftKind::ContradictedExample | DriftKind::RefusedExample
            )
        })
        .map(|finding| format!("{} {}", finding.message, finding.places[0].line))
        .collect();
    assert_eq!(
        found,
        [
            "the documented example has `/born`, as no real answer has 39",
            "the documented example of the request was refused 1 time 23",
        ]
    );
}

/// Returns what the traffic has beyond the document with its overlay, and the overlay.
fn repaired(text: &str, sent: &[Sent<'_>]) -> (Vec<String>, String) {
    let all = traffic(sent);
    let before = sandbox(text, None);
    let overlays = overlays(&before, &observed(&before, &all)).texts;
    assert_eq!(overlays.len(), 1);
    let overlay = &overlays[0].text;
    let after = sandbox(text, Some(overlay));
    let odd: Vec<String> = after
        .diagnostics()
        .iter()
        .map(crate::Diagnostic::render_line)
        .filter(|line| line.contains("overlay") || line.starts_with("error"))
        .collect();
    assert!(odd.is_empty(), "{odd:?}\n{overlay}");
    let left = findings(&after, &observed(&after, &all), 1000);
    let left = left.iter().filter(|finding| finding.kind.is_undocumented());
    (
        left.map(|finding| format!("{} {}", finding.kind.as_str(), finding.message))
            .collect(),
        overlay.clone(),
    )
}

fn drifting() -> Vec<Sent<'static>> {
    let mut sent = vec![
        Sent(
            "GET /pets/1",
            418,
            json!({"code": "x", "at": "2024-01-02T03:04:05Z"}),
        ),
        Sent(
            "GET /pets/2",
            418,
            json!({"code": "y", "at": "2024-01-02T03:04:05Z"}),
        ),
        Sent(
            "GET /pets/1",
            200,
            pet(json!({"age": 3, "owner": null, "status": "lost", "token": null})),
        ),
        Sent("GET /pets/1", 404, json!({"error": "x"})),
        Sent(
            "GET /pets?size=3",
            200,
            json!([pet(json!({"owner": {"name": "n", "x y's": [1]}}))]),
        ),
        Sent(
            "POST /pets {\"id\":1,\"name\":\"n\",\"tag\":1}",
            201,
            pet(json!({})),
        ),
        Sent("GET /users/1?page=2", 200, json!({"id": 1})),
        Sent("POST /users {\"name\":\"n\"}", 201, json!({"id": 1})),
        Sent("DELETE /pets/1", 204, Value::Null),
    ];
    sent.push(Sent("GET /users/2", 200, json!({"id": 1})));
    sent
}

#[test]
fn the_overlay_repairs_the_document() {
    let (left, overlay) = repaired(PETS, &drifting());
    assert_eq!(left, [""; 0], "{overlay}");
    let newer = PETS.replace("3.0.3", "3.1.0");
    let mut sent = drifting();
    sent.push(Sent("GET /pets/1", 200, pet(json!({"id": "seven"}))));
    let (left, overlay) = repaired(&newer, &sent);
    assert_eq!(left, [""; 0], "{overlay}");
    let served = sandbox(&newer, Some(&overlay));
    let request = http::Request::get("/users/7")
        .body(Body::Complete(Bytes::new()))
        .expect("is one");
    let (response, _) = served.answer(&request);
    assert_eq!(response.status(), 200);
    let body: Value = serde_json::from_slice(response.body()).expect("is JSON");
    assert!(body["id"].is_i64(), "{body}");
}

#[test]
fn the_overlay_repairs_an_older_document() {
    let older = r##"swagger: "2.0"
info: {title: t, version: "1"}
basePath: /v1
produces: [application/json]
paths:
  /pets:
    post:
      parameters:
        - {name: body, in: body, schema: {$ref: "#/definitions/Pet"}}
      responses:
        "201": {description: ok, schema: {$ref: "#/definitions/Pet"}}
  /pets/{id}:
    get:
      parameters: [{name: id, in: path, required: true, type: integer}]
      responses:
        "200": {description: ok, schema: {$ref: "#/definitions/Pet"}}
        "404": {description: none}
  /pets/:
    get:
      responses: {"200": {description: ok}}
definitions:
  Pet:
    type: object
    required: [id, name]
    properties:
      id: {type: integer}
      name: {type: string}
      status: {type: string, enum: [available, sold]}
      token: {type: string}
      owner: {type: object, properties: {name: {type: string}}}
"##;
    let sent = drifting();
    let (left, overlay) = repaired(older, &sent);
    assert_eq!(left, [""; 0], "{overlay}");
    assert!(overlay.contains("['definitions']['Pet']"), "{overlay}");
}

#[test]
fn values_that_are_no_closed_list_are_not_added() {
    let sent: Vec<Sent<'_>> = (0..30)
        .map(|n| {
            Sent(
                "GET /pets/1",
                200,
                pet(json!({ "status": format!("s{n}") })),
            )
        })
        .collect();
    let sandbox = sandbox(PETS, None);
    let observations = observed(&sandbox, &traffic(&sent));
    assert!(overlays(&sandbox, &observations).texts.is_empty());
    let found = findings(&sandbox, &observations, 1000);
    assert!(found[0].help.starts_with("remove `enum`"), "{found:?}");
}
