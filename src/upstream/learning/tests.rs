//! Tests of learning: errors of small APIs, and how the sandbox words other errors after them.
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::codec::message::Body;
use crate::document::fixture_folder::LEARNED_TITLE;
use crate::document::fixture_text;
use crate::upstream::exchange::ObservedExchange;
use crate::upstream::judging::judge;
use crate::upstream::learning::learner::{Learner, LearningError};
use crate::upstream::recording::options::RedactMode;
use crate::{Input, Reading, Sandbox, Settings};

const DOCUMENT: &str = r"
openapi: 3.1.0
info: {title: Pets, version: '1'}
paths:
  /pets:
    get:
      operationId: listPets
      parameters:
        - {name: limit, in: query, schema: {type: integer, maximum: 100}}
        - {name: order, in: query, schema: {type: string, enum: [asc, desc]}}
      responses: {'200': {description: ''}}
    post:
      operationId: createPet
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [name]
              properties:
                name: {type: string, minLength: 2}
                age: {type: integer, minimum: 0}
                owner: {type: object, required: [email], properties: {email: {type: string}}}
      responses: {'201': {description: ''}}
  /visits:
    post:
      operationId: createVisit
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [petId, visitDay]
              properties:
                petId: {type: integer}
                visitDay: {type: string, minLength: 10}
                secret: {type: string, format: password, maxLength: 12}
      responses: {'201': {description: ''}}
  /pets/{id}:
    get:
      operationId: getPet
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
      responses: {'200': {description: ''}}
";

fn sandbox(fixtures: &[&str]) -> Sandbox {
    let input = Input::Text {
        name: "api.yaml".into(),
        text: DOCUMENT.into(),
    };
    let files: Vec<_> = fixtures
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let read = fixture_text(format!("f{index}.yaml"), (*text).to_owned());
            read.expect("is a fixture file").0
        })
        .collect();
    Sandbox::new(&[input], &files, &Reading::default(), Settings::default())
}

fn request(target: &str, sent: &Value) -> crate::Request {
    let request = http::Request::builder().uri(target);
    let (method, content) = if sent.is_null() {
        ("GET", String::new())
    } else {
        ("POST", sent.to_string())
    };
    let request = request
        .method(method)
        .header("content-type", "application/json");
    request
        .body(Body::Complete(Bytes::from(content)))
        .expect("is a request")
}

/// Errors of an API, and what is learned from them.
struct Lesson {
    learner: Learner,
    sandbox: Sandbox,
}

impl Lesson {
    fn new() -> Self {
        Self {
            learner: Learner::new(RedactMode::StandIns),
            sandbox: sandbox(&[]),
        }
    }

    fn see(self, target: &str, sent: &Value, status: u16, answer: &Value) -> Self {
        self.see_as("application/json", target, sent, status, answer)
    }

    fn see_as(self, media: &str, target: &str, sent: &Value, status: u16, answer: &Value) -> Self {
        let response = http::Response::builder()
            .status(status)
            .header("content-type", media);
        let exchange = ObservedExchange {
            session: String::new(),
            at: 1_795_879_591_000,
            took: Duration::from_millis(3),
            request: request(target, sent),
            response: response
                .body(Body::Complete(Bytes::from(answer.to_string())))
                .expect("is a response"),
        };
        let judgement = judge(&self.sandbox, &exchange);
        self.learner.observe(&self.sandbox, &judgement, &exchange);
        self
    }

    /// Writes what was learned into a folder of fixtures.
    fn write(&self, folder: &Path) -> Result<Option<PathBuf>, LearningError> {
        let file = self.learner.file(&self.sandbox, folder)?;
        file.map(|file| file.write().map(|()| file.path))
            .transpose()
    }

    /// Sees an error with a header field.
    fn see_field(
        self,
        target: &str,
        status: u16,
        field: (&'static str, &str),
        answer: &str,
    ) -> Self {
        let response = http::Response::builder()
            .status(status)
            .header("content-type", "text/plain")
            .header(field.0, field.1);
        let exchange = ObservedExchange {
            session: String::new(),
            at: 1_795_879_591_000,
            took: Duration::from_millis(3),
            request: request(target, &Value::Null),
            response: response
                .body(Body::Complete(Bytes::from(answer.to_owned())))
                .expect("is a response"),
        };
        let judgement = judge(&self.sandbox, &exchange);
        self.learner.observe(&self.sandbox, &judgement, &exchange);
        self
    }

    fn yaml(&self) -> String {
        let yaml = self
            .learner
            .yaml(&self.sandbox)
            .expect("something is learned");
        println!("{yaml}\n{}", self.learner.report());
        yaml
    }
}

/// Returns status and body of the answer that a sandbox with some fixture files has.
fn answer(fixtures: &[&str], target: &str, sent: &Value) -> (u16, Value) {
    let (response, _) = sandbox(fixtures).answer(&request(target, sent));
    let body = serde_json::from_slice(response.body()).expect("is JSON");
    (response.status().as_u16(), body)
}

#[test]
fn a_sentence_about_one_field_words_that_of_another() {
    let said = |error: &str| json!({"success": false, "error": error});
    let yaml = Lesson::new()
        .see(
            "/pets",
            &json!({}),
            400,
            &said("The 'name' param is required [error-name-param]"),
        )
        .yaml();
    assert_eq!(
        yaml,
        format!(
            "{LEARNED_TITLE}
errors:
  \"*\":
    status: 400
    body:
      success: false
      error: \"{{message}}\"
    rules:
      required: \"The '{{name}}' param is required [error-{{name}}-param]\"
"
        )
    );
    let other = answer(&[&yaml], "/visits", &json!({"visitDay": "2026-11-28"}));
    assert_eq!(
        other,
        (
            400,
            said("The 'petId' param is required [error-petId-param]")
        )
    );
}

#[test]
fn problem_details_list_every_error() {
    let problem = |errors: Value| json!({"type": "about:blank", "title": "Bad Request", "status": 400, "errors": errors});
    let yaml = Lesson::new()
        .see(
            "/pets",
            &json!({}),
            400,
            &problem(json!([{"pointer": "/name", "detail": "name must be present"}])),
        )
        .see(
            "/pets",
            &json!({"name": "Rex", "age": -1}),
            400,
            &problem(json!([{"pointer": "/age", "detail": "age must not be below 0"}])),
        )
        .yaml();
    let other = answer(&[&yaml], "/visits", &json!({}));
    let expected = problem(json!([
        {"pointer": "/petId", "detail": "petId must be present"},
        {"pointer": "/visitDay", "detail": "visitDay must be present"},
    ]));
    assert_eq!(other, (400, expected));
}

#[test]
fn a_map_of_fields_has_a_member_for_each_field() {
    let said = |errors: Value| json!({"message": "The given data was invalid.", "errors": errors});
    let yaml = Lesson::new()
        .see(
            "/pets",
            &json!({}),
            422,
            &said(json!({"name": ["The name field is required."]})),
        )
        .see(
            "/visits",
            &json!({"petId": 1}),
            422,
            &said(json!({"visitDay": ["The visit day field is required."]})),
        )
        .yaml();
    let other = answer(&[&yaml], "/visits", &json!({}));
    let expected = said(json!({
        "petId": ["The pet id field is required."],
        "visitDay": ["The visit day field is required."],
    }));
    assert_eq!(other, (422, expected));
    let nested = answer(&[&yaml], "/pets", &json!({"name": "Rex", "owner": {}}));
    let expected = said(json!({"owner.email": ["The email field is required."]}));
    assert_eq!(nested, (422, expected));
}

#[test]
fn a_sentence_of_a_family_words_other_types_too() {
    let said = |path: &str, message: &str| json!({"errors": [{"path": path, "message": message}]});
    let yaml = Lesson::new()
        .see(
            "/pets",
            &json!({"name": "Rex", "age": "x"}),
            400,
            &said("/age", "must be integer"),
        )
        .yaml();
    assert!(yaml.contains("    idiom: ajv\n"), "{yaml}");
    let other = answer(&[&yaml], "/visits", &json!({"petId": 1, "visitDay": 3}));
    assert_eq!(other, (400, said("/visitDay", "must be string")));
}

#[test]
fn what_only_this_field_has_is_no_sentence_for_others() {
    // The allowed values are those of `order`; they would be wrong for any other field.
    let sent = json!({"error": "order can be desc, asc - or nothing at all"});
    let lesson = Lesson::new().see("/pets?order=up", &Value::Null, 400, &sent);
    assert_eq!(lesson.learner.yaml(&lesson.sandbox), None);
}

#[test]
fn several_errors_of_one_request_are_parted() {
    let said = |errors: Value| json!({"errors": errors});
    let yaml = Lesson::new()
        .see(
            "/pets",
            &json!({"age": -1}),
            400,
            &said(json!([
                {"at": "age", "text": "age is below 0"},
                {"at": "name", "text": "name is not there"},
            ])),
        )
        .yaml();
    let other = answer(&[&yaml], "/visits", &json!({"visitDay": "2026-11-28"}));
    assert_eq!(
        other,
        (
            400,
            said(json!([{"at": "petId", "text": "petId is not there"}]))
        )
    );
}

#[test]
fn errors_that_a_status_explains_are_learned_if_they_are_alike() {
    let said = |text: &str| json!({"error": text});
    let lesson = Lesson::new()
        .see("/pets/7", &Value::Null, 404, &said("Not here"))
        .see("/pets/8", &Value::Null, 404, &said("Not here"))
        .see("/pets/abc", &Value::Null, 404, &said("No abc"))
        .see("/pets/7", &Value::Null, 403, &said("No 7"))
        .see("/pets/7", &Value::Null, 403, &said("No 7"))
        .see(
            "/pets",
            &json!({"name": "Rex"}),
            409,
            &said("There is one called Rex"),
        );
    let yaml = lesson.yaml();
    assert!(yaml.contains("      notFound:\n"), "{yaml}");
    let others = ["Rex", "No abc", "No 7"];
    assert!(!others.iter().any(|own| yaml.contains(own)), "{yaml}");
}

#[test]
fn a_list_with_the_segments_of_the_path_follows_nested_fields() {
    let said = |kind: &str, loc: Value, msg: &str| json!({"detail": [{"type": kind, "loc": loc, "msg": msg}]});
    let yaml = Lesson::new()
        .see(
            "/pets",
            &json!({}),
            422,
            &said("missing", json!(["body", "name"]), "Field required"),
        )
        .see(
            "/pets?x=1",
            &json!({"name": "Rex", "age": -1}),
            422,
            &said(
                "greater_than_equal",
                json!(["body", "age"]),
                "Input should be greater than or equal to 0",
            ),
        )
        .yaml();
    let other = answer(&[&yaml], "/pets", &json!({"name": "Rex", "owner": {}}));
    assert_eq!(
        other,
        (
            422,
            said(
                "missing",
                json!(["body", "owner", "email"]),
                "Field required"
            )
        )
    );
    let query = answer(&[&yaml], "/pets?limit=101", &Value::Null);
    let expected = said(
        "less_than_equal",
        json!(["query", "limit"]),
        "Input should be less than or equal to 100",
    );
    assert_eq!(query, (422, expected));
}

#[test]
fn fastapi_is_learned_from_two_errors() {
    // As FastAPI 0.115 answers: `input` is the object that lacks the field, or the value.
    let said = |error: Value| json!({"detail": [error]});
    let yaml = Lesson::new()
        .see("/pets", &json!({"age": 3}), 422, &said(json!({"type": "missing", "loc": ["body", "name"], "msg": "Field required", "input": {"age": 3}})))
        .see("/visits", &json!({"petId": 1}), 422, &said(json!({"type": "missing", "loc": ["body", "visitDay"], "msg": "Field required", "input": {"petId": 1}})))
        .see("/pets", &json!({"name": "R"}), 422, &said(json!({"type": "string_too_short", "loc": ["body", "name"], "msg": "String should have at least 2 characters", "input": "R", "ctx": {"min_length": 2}})))
        .yaml();
    let short = answer(&[&yaml], "/visits", &json!({"petId": 1, "visitDay": "x"}));
    let expected = said(
        json!({"type": "string_too_short", "loc": ["body", "visitDay"], "msg": "String should have at least 10 characters", "input": "x", "ctx": {"min_length": 10}}),
    );
    assert_eq!(short, (422, expected));
    let wrong = answer(&[&yaml], "/pets?limit=x", &Value::Null);
    assert_eq!(wrong.1["detail"][0]["loc"], json!(["query", "limit"]));
    assert_eq!(wrong.1["detail"][0]["type"], json!("int_parsing"));
}

#[test]
fn a_body_with_time_and_path_is_learned_as_spring_sends_it() {
    let said = |at: &str, path: &str, message: &str| json!({"timestamp": at, "status": 400, "error": "Bad Request", "message": message, "path": path});
    let yaml = Lesson::new()
        .see(
            "/pets",
            &json!({}),
            400,
            &said(
                "2026-11-28T15:26:31.001+00:00",
                "/pets",
                "name must not be null",
            ),
        )
        .see(
            "/visits",
            &json!({"petId": 1}),
            400,
            &said(
                "2026-11-28T15:27:02.745+00:00",
                "/visits",
                "visitDay must not be null",
            ),
        )
        .yaml();
    let (status, told) = answer(&[&yaml], "/visits", &json!({"visitDay": "2026-11-28"}));
    let time = told["timestamp"].as_str().expect("is a text");
    assert_eq!(
        (status, &told),
        (400, &said(time, "/visits", "petId must not be null"))
    );
}

#[test]
fn the_media_type_is_learned() {
    let problem = json!({"title": "Bad Request", "status": 400, "detail": "name is absent"});
    let lesson = Lesson::new().see_as(
        "application/problem+json; charset=utf-8",
        "/pets",
        &json!({}),
        400,
        &problem,
    );
    let yaml = lesson.yaml();
    let told = sandbox(&[&yaml])
        .answer(&request("/visits", &json!({"petId": 1})))
        .0;
    assert_eq!(told.headers()["content-type"], "application/problem+json");
}

#[test]
fn codes_differ_by_rule() {
    let said = |code: &str, field: &str| json!({"code": code, "field": field});
    let yaml = Lesson::new()
        .see("/pets", &json!({}), 400, &said("E_MISSING", "name"))
        .see(
            "/pets",
            &json!({"name": "R"}),
            400,
            &said("E_SHORT", "name"),
        )
        .yaml();
    assert_eq!(
        answer(&[&yaml], "/visits", &json!({"visitDay": "2026-11-28"})),
        (400, said("E_MISSING", "petId"))
    );
    assert_eq!(
        answer(&[&yaml], "/visits", &json!({"petId": 1, "visitDay": "x"})),
        (400, said("E_SHORT", "visitDay"))
    );
}

#[test]
fn what_a_person_wrote_takes_precedence() {
    let yaml = Lesson::new()
        .see(
            "/pets",
            &json!({}),
            400,
            &json!({"error": "name is missing"}),
        )
        .yaml();
    let by_hand =
        "errors:\n  '*':\n    status: 422\n    rules:\n      required: 'Give us {name}'\n";
    for files in [[by_hand, &yaml], [&yaml, by_hand]] {
        let told = answer(&files, "/pets", &json!({}));
        assert_eq!(told, (422, json!({"error": "Give us name"})));
    }
    let family = "errors: {'*': {idiom: joi}}\n";
    let told = answer(&[&yaml, family], "/pets", &json!({}));
    assert_eq!(told, (400, json!({"error": "\"name\" is required"})));
    // A learned entry of an operation comes after `*` too.
    let of_operation = yaml.replace("\"*\"", "createPet");
    let told = answer(&[&of_operation, by_hand], "/pets", &json!({}));
    assert_eq!(told, (422, json!({"error": "Give us name"})));
}

#[test]
fn an_operation_that_differs_has_an_entry_of_its_own() {
    let lesson = Lesson::new()
        .see(
            "/pets",
            &json!({}),
            400,
            &json!({"error": "name is missing"}),
        )
        .see(
            "/pets",
            &json!({"name": "Rex", "owner": {}}),
            400,
            &json!({"error": "email is missing"}),
        )
        .see(
            "/visits",
            &json!({"petId": 1}),
            422,
            &json!({"fault": "no visitDay"}),
        );
    let yaml = lesson.yaml();
    assert_eq!(
        answer(&[&yaml], "/pets", &json!({})),
        (400, json!({"error": "name is missing"}))
    );
    let own = answer(&[&yaml], "/visits", &json!({"visitDay": "2026-11-28"}));
    assert_eq!(own, (422, json!({"fault": "no petId"})));
    let report = lesson.learner.report();
    assert_eq!(
        report["voice"]["contradictions"],
        json!(["POST /visits → 422: the error about `required` differs from that of `createPet`"])
    );
    assert_eq!(report["voice"]["unreproduced"], json!([]));
}

#[test]
fn a_secret_reaches_no_file() {
    let sent = json!({"petId": 1, "visitDay": "2026-11-28", "secret": "Tr0ub4dor&3-horse"});
    let answer = json!({"error": "secret is too long", "sent": "Tr0ub4dor&3-horse", "max": 12});
    let yaml = Lesson::new().see("/visits", &sent, 400, &answer).yaml();
    assert!(!yaml.contains("Tr0ub4dor"), "{yaml}");
}

#[test]
fn nothing_is_learned_of_other_answers() {
    let lesson = Lesson::new()
        .see(
            "/pets",
            &json!({"name": "Rex"}),
            402,
            &json!({"error": "pay first"}),
        )
        .see("/pets", &json!({}), 409, &json!({"error": "there is one"}))
        .see("/nothing", &Value::Null, 403, &json!({"error": "closed"}))
        .see("/pets", &json!({}), 500, &json!({"error": "broken"}));
    assert_eq!(lesson.learner.yaml(&lesson.sandbox), None);
    assert_eq!(
        lesson.learner.report()["unused"],
        json!({
            "the request keeps the document, and the API refuses it for another reason": 1,
            "the status is that of another fault than the one of the request": 2,
        })
    );
}

#[test]
fn the_file_keeps_what_was_learned_earlier_and_is_no_file_of_a_person() {
    let folder = std::env::temp_dir().join(format!("standin-learned-{}", std::process::id()));
    let _removed = fs::remove_dir_all(&folder);
    let path = folder.join("learned.yaml");
    let first = Lesson::new().see(
        "/pets",
        &json!({}),
        400,
        &json!({"error": "name is missing"}),
    );
    let written = first.write(&folder);
    assert_eq!(written.expect("is written"), Some(path.clone()));
    let second = Lesson::new().see(
        "/pets",
        &json!({"name": "R"}),
        400,
        &json!({"error": "name has less than 2 letters"}),
    );
    second.write(&folder).expect("is written");
    let yaml = fs::read_to_string(&path).expect("is there");
    assert!(
        yaml.contains("      minLength: \"{name} has less than {limit} letters\"\n"),
        "{yaml}"
    );
    assert!(
        yaml.contains("      required: \"{name} is missing\"\n"),
        "{yaml}"
    );
    second.write(&folder).expect("is written");
    assert_eq!(fs::read_to_string(&path).expect("is there"), yaml);
    fs::write(&path, "errors: {}\n").expect("is written");
    let refused = second.write(&folder);
    assert!(matches!(refused, Err(LearningError::NotLearned(_))));
    assert_eq!(fs::read_to_string(&path).expect("is there"), "errors: {}\n");
    let _removed = fs::remove_dir_all(&folder);
}

#[test]
fn errors_beyond_the_limit_of_alike_ones_are_dropped() {
    let mut lesson = Lesson::new();
    for _ in 0..21 {
        lesson = lesson.see(
            "/pets",
            &json!({}),
            400,
            &json!({"error": "name is missing"}),
        );
    }
    let report = lesson.learner.report();
    assert_eq!(
        (&report["errors"], &report["dropped"]),
        (&json!(20), &json!(1))
    );
}

#[test]
fn unknown_paths_and_methods_have_words_of_their_own() {
    let gone = |method: &str, path: &str| json!({"code": "NO_ROUTE", "text": format!("{method} {path} is unknown")});
    let yaml = Lesson::new()
        .see("/nothing", &Value::Null, 404, &gone("GET", "/nothing"))
        .see(
            "/pets/7",
            &json!({}),
            405,
            &json!({"code": "NO_METHOD", "text": "POST is not allowed"}),
        )
        .yaml();
    assert_eq!(
        answer(&[&yaml], "/other/thing", &json!({})),
        (404, gone("POST", "/other/thing"))
    );
    assert_eq!(
        answer(&[&yaml], "/visits", &Value::Null),
        (
            405,
            json!({"code": "NO_METHOD", "text": "GET is not allowed"})
        )
    );
}

#[test]
fn header_fields_of_errors_are_learned_without_secrets() {
    let lesson = Lesson::new().see_field(
        "/nothing?api_key=tok-0123456789abcdef",
        404,
        ("x-error", "GET /nothing with tok-0123456789abcdef"),
        "",
    );
    let yaml = lesson.yaml();
    assert!(!yaml.contains("tok-0123"), "{yaml}");
    let lesson = Lesson::new().see_field("/nothing", 404, ("x-error", "no /nothing"), "");
    let (response, _) = sandbox(&[&lesson.yaml()]).answer(&request("/other", &Value::Null));
    assert_eq!(response.headers()["x-error"], "no /other");
    assert!(response.body().is_empty());
}

/// The number of violations is told from a bound only by errors about several fields.
#[test]
fn the_number_of_violations_is_told_from_other_numbers() {
    let wrong = |fields: &[&str]| {
        let list: Vec<Value> = fields
            .iter()
            .map(|name| json!({"name": name, "why": "is missing"}))
            .collect();
        json!({"message": format!("{} wrong", fields.len()), "list": list})
    };
    let yaml = Lesson::new()
        .see("/pets", &json!({}), 400, &wrong(&["name"]))
        .see("/visits", &json!({}), 400, &wrong(&["petId", "visitDay"]))
        .yaml();
    assert!(yaml.contains("{count} wrong"), "{yaml}");
    assert_eq!(
        answer(&[&yaml], "/visits", &json!({"petId": 1})),
        (400, wrong(&["visitDay"]))
    );
}

#[test]
fn a_request_that_is_too_large_is_not_kept() {
    let lesson = Lesson::new().see(
        "/pets",
        &json!({"x": "y".repeat(300_000)}),
        400,
        &json!({"error": "name is missing"}),
    );
    assert!(lesson.learner.yaml(&lesson.sandbox).is_none());
    assert!(
        lesson
            .learner
            .report()
            .to_string()
            .contains("too large to keep")
    );
}
