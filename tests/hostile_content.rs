//! Content of requests that is large or made to cost much: what is told of it is bounded.

use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::{Value, json};
use standin::{Body, Input, Reading, Sandbox, Settings};

/// How many bytes an answer about one wrong request may have.
const LONGEST_ANSWER: usize = 400_000;

/// A sandbox whose one operation takes content of a type.
fn sandbox(media: &str, schema: &Value, schemas: &Value) -> Sandbox {
    let document = json!({
        "openapi": "3.2.0",
        "info": { "title": "hostile", "version": "1" },
        "paths": { "/value": { "post": {
            "requestBody": { "required": true, "content": { media: schema } },
            "responses": { "204": { "description": "accepted" } },
        } } },
        "components": { "schemas": schemas },
    });
    let input = Input::Text {
        name: "hostile.json".into(),
        text: document.to_string(),
    };
    Sandbox::new(&[input], &[], &Reading::default(), Settings::default())
}

/// The status of the answer, and its content.
fn post(sandbox: &Sandbox, media: &str, content: impl Into<Bytes>) -> (u16, Bytes) {
    let request = http::Request::post("/value").header("content-type", media);
    let request = request
        .body(Body::Complete(content.into()))
        .expect("is a request");
    let (response, _) = sandbox.answer(&request);
    (response.status().as_u16(), response.body().clone())
}

/// How many errors an answer has.
fn errors(content: &Bytes) -> usize {
    let content: Value = serde_json::from_slice(content).expect("is JSON");
    content["errors"].as_array().map_or(0, Vec::len)
}

#[test]
fn wrong_items_of_a_sequence_are_told_as_those_of_a_list() {
    let schema = json!({ "itemSchema": { "type": "object" } });
    for (media, item) in [
        ("application/jsonl", "1\n"),
        ("application/x-ndjson", "[]\n"),
        ("application/json-seq", "\u{1e}1\n"),
    ] {
        let (status, content) = post(
            &sandbox(media, &schema, &json!({})),
            media,
            item.repeat(20_000),
        );
        assert_eq!((status, errors(&content)), (422, 100), "{media}");
    }
    let events = json!({ "itemSchema": { "required": ["id"] } });
    let media = "text/event-stream";
    let (status, content) = post(
        &sandbox(media, &events, &json!({})),
        media,
        "data: 1\n\n".repeat(20_000),
    );
    assert_eq!((status, errors(&content)), (422, 100));
}

/// Each line of it was once copied with all before.
#[test]
fn an_event_of_many_lines_is_read_once() {
    let media = "text/event-stream";
    let schema = json!({ "itemSchema": { "properties": { "data": { "type": "string" } } } });
    let content = "data: x\n".repeat(400_000);
    assert_eq!(
        post(&sandbox(media, &schema, &json!({})), media, content).0,
        204
    );
}

#[test]
fn long_names_are_cut_in_errors() {
    let schema = json!({ "schema": { "type": "object", "additionalProperties": { "items": { "type": "integer" } } } });
    let name = "ä".repeat(500_000);
    let content = json!({ &name: vec!["x"; 200], "b": "x" }).to_string();
    let (status, content) = post(
        &sandbox("application/json", &schema, &json!({})),
        "application/json",
        content,
    );
    assert_eq!((status, errors(&content)), (422, 100));
    assert!(content.len() < LONGEST_ANSWER, "{}", content.len());
    let closed = json!({ "schema": { "type": "object", "additionalProperties": false } });
    let content = json!({ &name: 1 }).to_string();
    let (status, content) = post(
        &sandbox("application/json", &closed, &json!({})),
        "application/json",
        content,
    );
    assert_eq!((status, errors(&content)), (422, 1));
    assert!(content.len() < 10_000, "{}", content.len());
}

#[test]
fn no_more_unknown_names_are_told_than_other_errors() {
    let closed = json!({ "schema": { "type": "object", "properties": { "a": {} }, "additionalProperties": false } });
    let mut text = String::from("{\"a\":1");
    for index in 0..50_000 {
        write!(text, ",\"k{index}\":1").expect("a string takes it");
    }
    text.push('}');
    let (status, content) = post(
        &sandbox("application/json", &closed, &json!({})),
        "application/json",
        text,
    );
    assert_eq!((status, errors(&content)), (422, 100));
    assert!(content.len() < LONGEST_ANSWER, "{}", content.len());
}

#[test]
fn long_names_of_parts_are_cut() {
    let schema = json!({
        "schema": { "type": "object", "additionalProperties": { "type": "string" } },
        "encoding": { "n": { "contentType": "text/plain" } },
    });
    let name = "n".repeat(300_000);
    let content = format!(
        "--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\nContent-Type: application/json\r\n\r\n{{\r\n--b--\r\n"
    );
    let sandbox = sandbox("multipart/form-data", &schema, &json!({}));
    let (status, content) = post(&sandbox, "multipart/form-data; boundary=b", content);
    assert_eq!(status, 400);
    assert!(content.len() < 5000, "{}", content.len());
}

/// `levels` objects inside of each other, each with a member `a`, around a value.
fn nested(levels: usize, kind: &str, innermost: Value) -> Value {
    (0..levels).fold(innermost, |inner, _| json!({ "kind": kind, "a": inner }))
}

/// A schema whose branches all lead back to it.
fn recursive(keyword: &str) -> Value {
    let branch = |kind: &str| {
        json!({ "type": "object", "required": ["kind"], "properties": {
            "kind": { "enum": [kind] }, "a": { "$ref": "#/components/schemas/A" },
        } })
    };
    json!({ "A": { keyword: [branch("and"), branch("or")] } })
}

/// Each of two branches was explained by both branches of each of its values, and so on: 2^30 errors.
#[test]
fn errors_of_a_recursive_choice_are_not_told_along_each_way() {
    let schema = json!({ "schema": { "$ref": "#/components/schemas/A" } });
    for keyword in ["oneOf", "anyOf"] {
        let sandbox = sandbox("application/json", &schema, &recursive(keyword));
        for levels in [1, 10, 30, 100] {
            let wrong = nested(levels, "and", json!({ "kind": "not" })).to_string();
            let (status, content) = post(&sandbox, "application/json", wrong);
            assert_eq!((status, errors(&content)), (422, 1), "{keyword} {levels}");
            assert!(content.len() < 1000, "{}", content.len());
            let right = nested(levels, "or", json!({ "kind": "and" })).to_string();
            assert_eq!(
                post(&sandbox, "application/json", right).0,
                204,
                "{keyword} {levels}"
            );
        }
    }
}

#[test]
fn errors_of_a_recursive_composition_are_as_many_as_of_any_other() {
    let schema = json!({ "schema": { "$ref": "#/components/schemas/A" } });
    let part = |name: &str| json!({ "properties": { "a": { "$ref": "#/components/schemas/A" }, name: { "type": "integer" } } });
    let sandbox = sandbox(
        "application/json",
        &schema,
        &json!({ "A": { "allOf": [part("kind"), part("kind"), part("x")] } }),
    );
    let (status, content) = post(
        &sandbox,
        "application/json",
        nested(100, "and", json!({ "x": "y" })).to_string(),
    );
    assert_eq!(status, 422);
    assert!(
        (1..=100).contains(&errors(&content)) && content.len() < LONGEST_ANSWER,
        "{}",
        content.len()
    );
    let right = nested(100, "and", json!({ "x": 1 }))
        .to_string()
        .replace("\"and\"", "7");
    assert_eq!(post(&sandbox, "application/json", right).0, 204);
}

/// Schemas that lead to the next one twice, without a circle: 2^60 ways from the first to the last.
#[test]
fn a_value_is_held_against_a_schema_once_however_many_ways_lead_to_it() {
    let schema = json!({ "schema": { "$ref": "#/components/schemas/S0" } });
    for keyword in ["oneOf", "anyOf", "allOf"] {
        for is_in_place in [false, true] {
            let mut schemas =
                json!({ "S60": { "type": "object", "properties": { "a": { "type": "object" } } } });
            for level in 0..60 {
                let next = json!({ "$ref": format!("#/components/schemas/S{}", level + 1) });
                let part = if is_in_place {
                    next
                } else {
                    json!({ "properties": { "a": next } })
                };
                schemas[format!("S{level}")] = json!({ keyword: [part, part] });
            }
            let sandbox = sandbox("application/json", &schema, &schemas);
            let levels = if is_in_place { 1 } else { 61 };
            let (status, content) = post(
                &sandbox,
                "application/json",
                nested(levels, "and", json!(1)).to_string(),
            );
            assert_eq!(status, 422, "{keyword}");
            assert!(
                (1..=100).contains(&errors(&content)) && content.len() < LONGEST_ANSWER,
                "{}",
                content.len()
            );
            if keyword != "oneOf" {
                let right = nested(levels, "and", json!({})).to_string();
                assert_eq!(
                    post(&sandbox, "application/json", right).0,
                    204,
                    "{keyword}"
                );
            }
        }
    }
}

#[test]
fn of_a_long_list_of_wrong_items_a_hundred_are_told() {
    let schema = json!({ "schema": { "type": "array", "items": { "type": "string" } } });
    let sandbox = sandbox("application/json", &schema, &json!({}));
    let text = format!("[0{}]", ",0".repeat(500_000));
    let (status, content) = post(&sandbox, "application/json", text);
    assert_eq!((status, errors(&content)), (422, 100));
    assert!(content.len() < LONGEST_ANSWER, "{}", content.len());
}

#[test]
fn long_values_are_cut_in_errors_and_large_ones_left_out() {
    let schema =
        json!({ "schema": { "type": "object", "additionalProperties": { "type": "integer" } } });
    let sandbox = sandbox("application/json", &schema, &json!({}));
    let text = json!({ "a": "x".repeat(2_000_000), "b": { "k".repeat(1_000_000): 1 } }).to_string();
    let (status, content) = post(&sandbox, "application/json", text);
    assert_eq!((status, errors(&content)), (422, 2));
    assert!(content.len() < 20_000, "{}", content.len());
}

/// What an API says when it is asked for a value of a schema.
fn made(schema: &Value, schemas: &Value) -> (u16, Bytes) {
    let document = json!({
        "openapi": "3.1.0",
        "info": { "title": "hostile", "version": "1" },
        "paths": { "/value": { "get": { "responses": {
            "200": { "description": "made", "content": { "application/json": { "schema": schema } } },
        } } } },
        "components": { "schemas": schemas },
    });
    let input = Input::Text {
        name: "hostile.json".into(),
        text: document.to_string(),
    };
    let sandbox = Sandbox::new(&[input], &[], &Reading::default(), Settings::default());
    let request = http::Request::get("/value")
        .body(Body::Complete(Bytes::new()))
        .expect("is a request");
    let (response, _) = sandbox.answer(&request);
    (response.status().as_u16(), response.body().clone())
}

/// The shape of a real document, in which two empty branches let nothing fit.
#[test]
fn a_recursive_choice_that_nothing_fits_is_given_up() {
    let leads_back = |name: &str| {
        json!({ "type": "object", "required": ["type"], "properties": {
            "type": { "enum": [name] },
            "underlyingFinancialInstrument": { "$ref": "#/components/schemas/FinancialInstrument" },
        } })
    };
    let schemas = json!({
        "FinancialInstrument": { "oneOf": [
            {}, { "$ref": "#/components/schemas/Future" }, {}, { "$ref": "#/components/schemas/TotalReturnSwap" },
        ] },
        "Future": leads_back("future"),
        "TotalReturnSwap": leads_back("swap"),
    });
    let (status, content) = made(
        &json!({ "$ref": "#/components/schemas/FinancialInstrument" }),
        &schemas,
    );
    assert_eq!(status, 200);
    assert!(content.len() < 100_000, "{}", content.len());
    let list = json!({ "type": "array", "minItems": 3, "items": { "$ref": "#/components/schemas/FinancialInstrument" } });
    assert_eq!(made(&list, &schemas).0, 200);
}

#[test]
fn a_choice_of_many_is_answered() {
    let branches: Vec<Value> = (0..5000)
        .map(|n| json!({ "type": "object", "required": ["kind"], "properties": { "kind": { "enum": [format!("k{n}")] } } }))
        .collect();
    assert_eq!(made(&json!({ "oneOf": branches }), &json!({})).0, 200);
}

#[test]
fn a_composition_of_many_is_answered() {
    let parts: Vec<Value> = (0..20_000)
        .map(|n| json!({ "type": "object", "properties": { format!("p{n}"): { "type": "integer" } } }))
        .collect();
    assert_eq!(made(&json!({ "allOf": parts }), &json!({})).0, 200);
}

#[test]
fn an_object_of_many_properties_is_answered() {
    let properties: serde_json::Map<String, Value> = (0..100_000)
        .map(|n| (format!("p{n}"), json!({ "type": "integer" })))
        .collect();
    assert_eq!(
        made(
            &json!({ "type": "object", "properties": properties }),
            &json!({})
        )
        .0,
        200
    );
}

#[test]
fn a_chain_of_many_properties_is_answered() {
    let mut schemas = json!({ "S100000": { "type": "integer" } });
    for level in 0..100_000 {
        let next = json!({ "$ref": format!("#/components/schemas/S{}", level + 1) });
        schemas[format!("S{level}")] = json!({ "type": "object", "properties": { "a": next } });
    }
    assert_eq!(
        made(&json!({ "$ref": "#/components/schemas/S0" }), &schemas).0,
        200
    );
}

/// Each was once compared with all before it.
#[test]
fn many_parameters_are_read() {
    let parameters: Vec<Value> = (0..20_000)
        .map(|n| json!({ "name": format!("q{n}"), "in": "query", "schema": { "type": "integer" } }))
        .collect();
    let document = json!({
        "openapi": "3.1.0",
        "info": { "title": "hostile", "version": "1" },
        "paths": { "/value": { "get": { "parameters": parameters, "responses": { "204": { "description": "ok" } } } } },
    });
    let input = Input::Text {
        name: "hostile.json".into(),
        text: document.to_string(),
    };
    let sandbox = Sandbox::new(&[input], &[], &Reading::default(), Settings::default());
    let get = |uri: &str| {
        let request = http::Request::get(uri)
            .body(Body::Complete(Bytes::new()))
            .expect("is a request");
        sandbox.answer(&request).0.status().as_u16()
    };
    assert_eq!((get("/value?q19999=7"), get("/value?q19999=x")), (204, 422));
}
