//! Whatever comes from outside: documents, schemas and requests that nobody wrote by hand. Nothing
//! panics, and what is said to fit does.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use standin::{Body, Input, Reading, Sandbox, Settings};

fn load(name: &str, text: String) -> Sandbox {
    Sandbox::new(
        &[Input::Text {
            name: name.into(),
            text,
        }],
        &[],
        &Reading::default(),
        Settings::default(),
    )
}

/// Texts that a document may be broken with.
const SPLINTERS: [&str; 24] = [
    "null", "[]", "{}", "\"\"", "-1", "1e999", "true", "\"$ref\"", "#/", "#/paths", "\\u0000",
    "\u{feff}", "~1", "%", "&a", "*a", "<<:", "\t", "- ", ": ", "?", "{", "\"", "'",
];

const DOCUMENT: &str = r##"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "servers": [{"url": "/v1"}],
 "paths": {"/a/{id}": {"parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}],
  "post": {"operationId": "a", "security": [{"k": []}],
   "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}, "example": {"n": 1}}}},
   "responses": {"200": {"description": "", "headers": {"X-A": {"schema": {"type": "string"}}},
     "content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}},
    "4XX": {"description": "", "content": {"application/json": {"examples": {"e": {"value": {"error": "required"}}}}}}}}}},
 "components": {"schemas": {"A": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer", "nullable": true},
   "self": {"$ref": "#/components/schemas/A"}, "any": {"oneOf": [{"type": "string", "pattern": "^a+$"}, {"type": "null"}]}}}},
  "securitySchemes": {"k": {"type": "apiKey", "in": "query", "name": "k"}}}}"##;

fn answer(
    sandbox: &Sandbox,
    method: &str,
    uri: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<u16> {
    let mut request = http::Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Body::Complete(Bytes::copy_from_slice(body)))
        .ok()?;
    Some(sandbox.answer(&request).0.status().as_u16())
}

/// A schema of a few levels, of keywords that may or may not agree.
fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({})),
        Just(json!(true)),
        Just(json!({ "type": "null" })),
        Just(json!({ "type": "boolean" })),
        Just(json!({ "$ref": "#/components/schemas/S" })),
        (any::<i8>(), any::<i8>(), 1_u8..9).prop_map(|(low, high, step)| {
            json!({ "type": "integer", "minimum": low, "exclusiveMaximum": high, "multipleOf": step })
        }),
        (0_u8..9, 0_u8..9).prop_map(|(least, most)| json!({ "type": "string", "minLength": least, "maxLength": most })),
        prop::sample::select(vec!["date-time", "uuid", "email", "ipv6", "uri", "byte", "duration", "hostname"])
            .prop_map(|format| json!({ "type": "string", "format": format })),
        prop::sample::select(vec!["^[a-c]{2,4}$", "\\d+", "(a|b)*c", "^(?!x).+$"])
            .prop_map(|pattern| json!({ "type": "string", "pattern": pattern })),
        prop::collection::vec(prop_oneof![Just(json!(1)), Just(json!("a")), Just(json!(null))], 1..4)
            .prop_map(|values| json!({ "enum": values })),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let properties = prop::collection::hash_map("[a-d]", inner.clone(), 0..4);
        let several = || prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            (properties, prop::collection::vec("[a-e]", 0..3), any::<bool>()).prop_map(|(properties, required, open)| {
                let properties: Map<String, Value> = properties.into_iter().collect();
                json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": open })
            }),
            (inner.clone(), 0_u8..4, 0_u8..6, any::<bool>()).prop_map(|(items, least, most, unique)| {
                json!({ "type": "array", "items": items, "minItems": least, "maxItems": most, "uniqueItems": unique })
            }),
            several().prop_map(|all| json!({ "allOf": all })),
            several().prop_map(|any| json!({ "anyOf": any })),
            several().prop_map(|one| json!({ "oneOf": one })),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| json!({ "if": a, "then": b, "else": c })),
            inner.prop_map(|not| json!({ "not": not })),
        ]
    })
}

/// The body of an error: texts that are nearly sentences, in members that are nearly where they are due.
fn error_example() -> impl Strategy<Value = Value> {
    const KEYS: [&str; 16] = [
        "message", "error", "errors", "code", "field", "detail", "roomId", "source", "path",
        "value", "title", "status", "json", "pointer", "details", "ä",
    ];
    const TEXTS: [&str; 22] = [
        "The 'roomId' param is required",
        "roomId is required [error-roomId-not-provided]",
        "must be string",
        "body/roomId must be x",
        "Le champ « roomId » est obligatoire",
        "„roomId“ fehlt",
        "€ä is required.",
        "'",
        "[roomId]",
        "/roomId",
        "#/data/roomId",
        "required",
        "Required",
        "Validation failed: roomId: Field required; must be string",
        "a: b: c",
        "{name} {{}}",
        "<Error><Message>roomId is required</Message></Error>",
        "<a><",
        "must be one of [a, b]",
        "roomId",
        "",
        "(and 2 more errors)",
    ];
    let text = prop_oneof![
        prop::sample::select(TEXTS.to_vec()).prop_map(str::to_owned),
        "[ -~äß€'\"«»\\[\\]:;.]{0,30}",
    ];
    let leaf = prop_oneof![
        text.prop_map(Value::String),
        Just(json!(400)),
        Just(json!(true)),
        Just(Value::Null)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let members =
            prop::collection::vec((prop::sample::select(KEYS.to_vec()), inner.clone()), 0..5);
        prop_oneof![
            members.prop_map(|members| members
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
            prop::collection::vec(inner, 0..3).prop_map(Value::Array),
        ]
    })
}

/// The same cases each time, unless `PROPTEST_RNG_SEED` says otherwise; `PROPTEST_CASES` makes more.
fn config() -> ProptestConfig {
    let usual = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    if std::env::var_os("PROPTEST_RNG_SEED").is_some() {
        return usual;
    }
    ProptestConfig {
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        ..usual
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_bytes_are_loaded(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let sandbox = load("bytes", String::from_utf8_lossy(&bytes).into_owned());
        sandbox.diagnostics().iter().for_each(|found| drop(found.render()));
    }

    #[test]
    fn any_broken_document_is_loaded_reported_and_served(
        cuts in prop::collection::vec((0..DOCUMENT.len(), 0_usize..40, 0..SPLINTERS.len()), 1..4),
    ) {
        let mut bytes = DOCUMENT.as_bytes().to_vec();
        for (at, length, splinter) in cuts {
            let at = at.min(bytes.len());
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, SPLINTERS[splinter].bytes());
        }
        let sandbox = load("broken.json", String::from_utf8_lossy(&bytes).into_owned());
        sandbox.diagnostics().iter().for_each(|found| drop(found.render()));
        answer(&sandbox, "POST", "/v1/a/1?k=x", &[("content-type", "application/json")], b"{\"n\":1}");
        answer(&sandbox, "GET", "/a/x", &[], b"");
    }

    #[test]
    fn what_is_generated_fits_or_says_that_it_does_not(schema in schema(), seed in any::<u64>()) {
        let content = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/S" } } });
        let document = json!({
            "openapi": "3.1.0", "info": {"title": "t", "version": "1"},
            "paths": {"/s": {
                "get": {"responses": {"200": {"description": "", "content": content}}},
                "post": {"requestBody": {"required": true, "content": content}, "responses": {"204": {"description": ""}}},
            }},
            "components": {"schemas": {"S": schema}},
        });
        let sandbox = load("schema.json", document.to_string());
        let seed = format!("seed={seed}");
        let request = http::Request::get("/s").header("prefer", &seed).body(Body::Complete(Bytes::new()));
        let (made, _) = sandbox.answer(&request.expect("is a request"));
        if !made.headers().contains_key("standin-warning") {
            let status = answer(&sandbox, "POST", "/s", &[("content-type", "application/json")], made.body());
            prop_assert_eq!(status, Some(204), "{} does not fit {}", String::from_utf8_lossy(made.body()), schema);
        }
    }

    #[test]
    fn any_error_example_is_filled_in_and_always_the_same(example in error_example(), name in "[a-zA-Zä_€ {}'-]{1,9}") {
        let document = json!({
            "openapi": "3.1.0", "info": {"title": "t", "version": "1"},
            "paths": {"/e": {"post": {
                "requestBody": {"required": true, "content": {"application/json": {"schema": {
                    "type": "object", "required": ["roomId", &name],
                    "properties": {"roomId": {"type": "string", "minLength": 2}, &name: {"enum": [1, 2]}},
                }}}},
                "responses": {"200": {"description": ""}, "400": {"description": "", "content": {
                    "application/json": {"example": example}, "application/xml": {"example": example.to_string()},
                }}},
            }}},
        });
        let sandbox = load("errors.json", document.to_string());
        for body in [json!({}), json!({"roomId": 1}), json!({"roomId": "ab", &name: "ä"}), json!([]), json!("x")] {
            let wrong = || http::Request::post("/e").header("content-type", "application/json");
            let wrong = || wrong().body(Body::Complete(body.to_string().into())).expect("is a request");
            let ((once, _), (again, _)) = (sandbox.answer(&wrong()), sandbox.answer(&wrong()));
            prop_assert_eq!(once.status().as_u16(), 400);
            prop_assert_eq!(once.body(), again.body());
        }
        answer(&sandbox, "POST", "/e", &[("content-type", "application/json"), ("accept", "application/xml")], b"{");
    }

    #[test]
    fn any_request_is_answered(
        path in "[a-z;.,=/%0-9]{0,12}",
        query in "[a-f\\[\\]=&%+,|0-9]{0,40}",
        header in "[ -~]{0,20}",
        kind in prop::sample::select(vec![
            "application/json", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b",
            "multipart/form-data", "text/plain", "a/b", "",
        ]),
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            "[<>/a-f=\"&;! \\[\\]{}:,0-9-]{0,60}".prop_map(String::into_bytes),
        ],
    ) {
        let sandbox = load("styles.yaml", STYLES.to_owned());
        let headers = [("content-type", kind), ("x-list", &*header), ("cookie", &*header), ("prefer", &*header), ("accept", &*header)];
        for prefix in ["/simple/", "/label/", "/matrix/"] {
            let status = answer(&sandbox, "POST", &format!("{prefix}{path}?{query}"), &headers, &body);
            prop_assert!(status.is_none_or(|status| status != 500), "{prefix}{path}?{query}");
        }
    }
}

const STYLES: &str = "
openapi: 3.1.0
info: {title: t, version: '1'}
paths:
  /simple/{v}:
    post:
      parameters:
        - {name: v, in: path, required: true, schema: {type: object, properties: {a: {type: integer}}}}
        - {name: a, in: query, style: deepObject, schema: {type: object, properties: {b: {type: array, items: {type: integer}}}}}
        - {name: c, in: query, schema: {type: object, additionalProperties: {type: integer}}}
        - {name: d, in: query, style: pipeDelimited, explode: false, schema: {type: array, items: {type: boolean}}}
        - {name: x-list, in: header, schema: {type: array, items: {type: number}}}
        - {name: e, in: cookie, explode: false, schema: {type: array}}
      requestBody: &body
        content:
          application/json: {schema: {type: object}}
          application/xml: {schema: {type: object, properties: {a: {type: array, items: {type: integer}, xml: {wrapped: true}}}}}
          application/x-www-form-urlencoded: {schema: {type: object, properties: {a: {type: array}, b: {type: object}}}}
          multipart/form-data: {schema: {type: object, properties: {a: {type: array, items: {type: object}}}}}
          text/plain: {schema: {type: integer}}
      responses: {'204': {description: ok}, '422': {description: no, content: {application/json: {schema: {type: object, properties: {message: {type: string}}}}}}}
  /label/{v}:
    post:
      parameters: [{name: v, in: path, required: true, style: label, explode: true, schema: {type: object}}]
      requestBody: *body
      responses: {'204': {description: ok}}
  /matrix/{v}:
    post:
      parameters: [{name: v, in: path, required: true, style: matrix, explode: true, schema: {type: array, items: {type: integer}}}]
      requestBody: *body
      responses: {'204': {description: ok}}
";
