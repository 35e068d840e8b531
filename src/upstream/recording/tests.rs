//! Tests of recordings: exchanges of a small API, and the files that they become.
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::codec::message::Body;
use crate::upstream::exchange::ObservedExchange;
use crate::upstream::recording::file::RecordedFile;
use crate::upstream::recording::fixtures::{FixtureOptions, Recording, fixtures_of};
use crate::upstream::recording::options::{
    RecordingLimits, RecordingMode, RecordingOptions, RedactMode,
};
use crate::upstream::recording::reading::NotRecorded;
use crate::upstream::recording::recorder::Recorder;
use crate::{Input, Reading, Sandbox, Settings};

/// 2026-11-28T15:26:31Z
const START: u64 = 1_795_879_591_000;

const DOCUMENT: &str = r"
openapi: 3.1.0
info: {title: Pets, version: '1'}
components:
  securitySchemes: {key: {type: apiKey, in: header, name: X-Own-Key}}
  schemas:
    Pet: {type: object, properties: {id: {type: integer}, name: {type: string}, status: {type: string}, at: {type: string}}}
paths:
  /pets:
    get:
      operationId: listPets
      tags: [pets]
      parameters:
        - {name: status, in: query, schema: {type: string}}
        - {name: page, in: query, schema: {type: integer}}
      responses:
        '200': {description: '', headers: {X-Total: {schema: {type: integer}}}, content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/Pet'}}}}}
    post:
      operationId: createPet
      tags: [pets]
      requestBody: {required: true, content: {application/json: {schema: {type: object, required: [name], properties: {name: {type: string}, tag: {type: string}, pin: {type: string, format: password}, idempotencyKey: {type: string}}}}}}
      responses:
        '201': {description: '', content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
        '400': {description: ''}
  /pets/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
    get:
      operationId: getPet
      tags: [pets]
      responses:
        '200': {description: '', content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
        '404': {description: ''}
    delete:
      operationId: deletePet
      tags: [pets]
      responses: {'204': {description: ''}}
  /login:
    post:
      operationId: logIn
      requestBody: {content: {application/json: {schema: {type: object, properties: {user: {type: string}, password: {type: string}}}}}}
      responses: {'200': {description: '', content: {application/json: {schema: {type: object}}}}}
  /me:
    get:
      operationId: me
      security: [{key: []}]
      responses: {'200': {description: '', content: {application/json: {schema: {type: object}}}}}
  /files/{name}:
    get:
      operationId: getFile
      responses: {'200': {description: '', content: {image/png: {}}}}
";

fn sandbox(fixtures: Option<&std::path::Path>) -> Sandbox {
    let input = Input::Text {
        name: "api.yaml".into(),
        text: DOCUMENT.into(),
    };
    Sandbox::load(&[input], fixtures, &Reading::default(), Settings::default())
}

/// Exchanges in the order of their requests, one each minute.
#[derive(Default)]
struct Traffic(Vec<ObservedExchange>);

impl Traffic {
    fn add(&mut self, request: http::request::Builder, sent: &Value, status: u16, answer: &[u8]) {
        let content = if sent.is_null() {
            String::new()
        } else {
            sent.to_string()
        };
        let request = match sent {
            Value::Null => request,
            _ => request.header("content-type", "application/json"),
        };
        let media = if answer.starts_with(b"{") || answer.starts_with(b"[") {
            "application/json"
        } else {
            "image/png"
        };
        let response = http::Response::builder()
            .status(status)
            .header("date", "Sat, 28 Nov 2026 15:26:31 GMT")
            .header("x-request-id", "r-1")
            .header("x-total", "2");
        let response = if answer.is_empty() {
            response
        } else {
            response.header("content-type", media)
        };
        self.0.push(ObservedExchange {
            session: String::new(),
            at: START + 60_000 * self.0.len() as u64,
            took: Duration::from_millis(3),
            request: request
                .body(Body::Complete(Bytes::from(content)))
                .expect("is a request"),
            response: response
                .body(Body::Complete(Bytes::copy_from_slice(answer)))
                .expect("is a response"),
        });
    }

    fn get(&mut self, target: &str, status: u16, answer: &Value) {
        let answer = if answer.is_null() {
            String::new()
        } else {
            answer.to_string()
        };
        self.add(
            http::Request::get(target),
            &Value::Null,
            status,
            answer.as_bytes(),
        );
    }

    fn post(&mut self, target: &str, sent: &Value, status: u16, answer: &Value) {
        self.add(
            http::Request::post(target),
            sent,
            status,
            answer.to_string().as_bytes(),
        );
    }

    fn recording(&self) -> Recording {
        self.recording_with(&sandbox(None), RecordingMode::New)
    }

    fn recording_with(&self, sandbox: &Sandbox, mode: RecordingMode) -> Recording {
        let options = FixtureOptions {
            mode,
            redact: RedactMode::StandIns,
            inline_body: 200,
            earlier: &[],
        };
        fixtures_of(sandbox, &self.0, &options, &|_| true)
    }

    /// Text of the only file, whose fixtures answer all requests as recorded.
    fn text(&self) -> String {
        let recording = self.recording();
        assert_eq!(
            recording.unreproduced,
            [],
            "{}",
            text_of(&recording.files[0])
        );
        let again = self.recording();
        assert_eq!(recording.files, again.files);
        text_of(&recording.files[0])
    }
}

fn text_of(file: &RecordedFile) -> String {
    String::from_utf8(file.content.to_vec()).expect("is text")
}

fn body_of(text: &str) -> &str {
    text.split_once("\n\n").map_or("", |(_, rest)| rest)
}

#[test]
fn one_recording_answers_each_request_for_its_path() {
    let mut traffic = Traffic::default();
    traffic.get("/pets/7?x=1", 200, &json!({"id": 7, "name": "Ann"}));
    traffic.get("/pets?status=sold", 200, &json!([]));
    assert_eq!(
        traffic.text(),
        "# Recorded from the real API; a later recording of the same requests replaces these entries.\n\
         \n\
         listPets:\n  # GET /pets?status=sold, 2026-11-28T15:27:31Z\n  - when:\n      query:\n        status: sold\n    status: 200\n    headers:\n      x-total: \"2\"\n    body: []\n\
         \n\
         getPet:\n  # GET /pets/7?x=1, 2026-11-28T15:26:31Z\n  - when:\n      path:\n        id: 7\n    status: 200\n    body:\n      id: 7\n      name: Ann\n"
    );
}

#[test]
fn only_what_made_a_difference_is_in_conditions() {
    let mut traffic = Traffic::default();
    traffic.get("/pets?status=sold&page=1", 200, &json!([{"id": 1}]));
    traffic.get("/pets?status=free&page=1&utm=x", 200, &json!([{"id": 2}]));
    traffic.get("/pets", 200, &json!([{"id": 1}, {"id": 2}]));
    let text = traffic.text();
    assert_eq!(text.matches("when:").count(), 2);
    assert_eq!(text.matches("query:\n        status:").count(), 2);
    assert!(!text.contains("page:"), "{text}");
}

#[test]
fn an_answer_repeats_what_was_sent() {
    let mut traffic = Traffic::default();
    traffic.post(
        "/pets",
        &json!({"name": "Ann", "tag": "tall"}),
        201,
        &json!({"id": 7, "name": "Ann", "at": "2026-11-28T15:26:31Z"}),
    );
    traffic.post(
        "/pets",
        &json!({"name": "Bob", "tag": "tall"}),
        201,
        &json!({"id": 8, "name": "Bob", "at": "2026-11-28T15:27:31Z"}),
    );
    let text = traffic.text();
    assert!(
        text.contains("when:\n      body:\n        name: Ann\n"),
        "{text}"
    );
    assert!(text.contains("      id: 8\n      name: Bob\n"), "{text}");

    let mut traffic = Traffic::default();
    traffic.post(
        "/pets",
        &json!({"name": "Ann"}),
        201,
        &json!({"id": 7, "name": "Ann"}),
    );
    assert!(
        body_of(&traffic.text())
            .ends_with("body:\n      id: 7\n      name: \"{$request.body#/name}\"\n")
    );
}

#[test]
fn what_the_api_makes_anew_is_variable() {
    let mut traffic = Traffic::default();
    for (key, id, at) in [
        (
            "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
            7,
            "2026-11-28T15:26:31Z",
        ),
        (
            "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
            8,
            "2026-11-28T15:27:31Z",
        ),
    ] {
        traffic.post(
            "/pets",
            &json!({"name": "Ann", "idempotencyKey": key}),
            201,
            &json!({"id": id, "name": "Ann", "at": at}),
        );
    }
    let text = traffic.text();
    assert!(text.ends_with("  - status: 201\n    headers:\n      x-total: \"2\"\n    body:\n      id: 7\n      name: \"{$request.body#/name}\"\n      at: \"{$now}\"\n") || text.ends_with("  - status: 201\n    body:\n      id: 7\n      name: \"{$request.body#/name}\"\n      at: \"{$now}\"\n"), "{text}");
    // An id that a later request refers to must stay what it was.
    traffic.get("/pets/8", 200, &json!({"id": 8}));
    let text = traffic.text();
    assert!(text.contains("after: 1\n    then:\n"), "{text}");
}

#[test]
fn changes_are_steps_and_repeats_are_one() {
    let mut traffic = Traffic::default();
    for status in ["pending", "pending", "done", "done"] {
        traffic.get("/pets/7", 200, &json!({"id": 7, "status": status}));
    }
    assert_eq!(
        body_of(&traffic.text()),
        "getPet:\n  # GET /pets/7, 2026-11-28T15:26:31Z\n  - when:\n      path:\n        id: 7\n    status: 200\n    body:\n      id: 7\n      status: pending\n    \
         after: 2\n    then:\n      status: 200\n      body:\n        id: 7\n        status: done\n"
    );
}

#[test]
fn no_secret_reaches_a_file_in_any_notation() {
    let password = "p@ss/wörd+1";
    let token = "tok-0123456789abcdef";
    let mut traffic = Traffic::default();
    traffic.post(
        "/login?api_key=tok-0123456789abcdef",
        &json!({"user": "ann", "password": password}),
        200,
        &json!({"token": token, "next": format!("https://h/me?token={token}&p=p%40ss%2Fw%C3%B6rd%2B1"),
            "nested": json!({"password": password}).to_string(), "note": format!("use {password}"),
            "basic": "Basic YW5uOnBAc3Mvd8O2cmQrMQ=="}),
    );
    let me = http::Request::get("/me")
        .header("x-own-key", token)
        .header("cookie", "sid=cookie-secret");
    traffic.add(
        me,
        &Value::Null,
        200,
        json!({"name": "ann", "sid": "cookie-secret", "key": token})
            .to_string()
            .as_bytes(),
    );
    let recording = traffic.recording();
    assert_eq!(recording.unreproduced, []);
    let mut all = recording.to_json().to_string();
    all.extend(recording.files.iter().map(text_of));
    for secret in [
        password,
        token,
        "p%40ss",
        "w%C3%B6rd",
        "YW5uOnBAc3Mvd8O2cmQrMQ",
        "cookie-secret",
    ] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
    // The token of the answer is the one that the key of the next request repeats.
    assert!(all.contains("\"token\":\"stand-in-1-"), "{all}");
    assert!(all.contains("key: stand-in-1-"), "{all}");
}

#[test]
fn large_and_binary_bodies_are_files() {
    let mut traffic = Traffic::default();
    let many: Vec<Value> = (0..40)
        .map(|id| json!({"id": id, "name": "{$x}"}))
        .collect();
    traffic.get("/pets", 200, &json!(many));
    traffic.add(
        http::Request::get("/files/a"),
        &Value::Null,
        200,
        b"\x89PNG\xff\x00",
    );
    let recording = traffic.recording();
    assert_eq!(recording.unreproduced, []);
    let paths: Vec<&str> = recording.files.iter().map(|file| &*file.path).collect();
    assert_eq!(paths.len(), 4, "{paths:?}");
    assert!(
        paths[2].starts_with("recorded/bodies/getfile-"),
        "{paths:?}"
    );
    assert!(
        paths[3].starts_with("recorded/bodies/listpets-"),
        "{paths:?}"
    );
}

#[test]
fn what_becomes_no_fixture_is_reported() {
    let mut traffic = Traffic::default();
    traffic.get("/other?token=abcdef", 200, &json!({}));
    traffic.post(
        "/pets",
        &json!({}),
        400,
        &json!({"error": "name is required"}),
    );
    traffic.get("/pets/7", 304, &Value::Null);
    traffic.add(http::Request::head("/pets/7"), &Value::Null, 200, b"");
    let recording = traffic.recording();
    assert_eq!(
        recording.unmatched().collect::<Vec<_>>(),
        [("GET /other?token=stand-in-1", 1)]
    );
    let reasons: Vec<NotRecorded> = recording.left_out.keys().copied().collect();
    assert_eq!(
        reasons,
        [
            NotRecorded::NoOperation,
            NotRecorded::Head,
            NotRecorded::Conditional,
            NotRecorded::Wrong
        ]
    );
    assert!(recording.files.is_empty());
}

/// Folder of fixtures that is removed at the end of a test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("standin-recording-{name}-{}", std::process::id()));
        let _removed = fs::remove_dir_all(&path);
        Self(path)
    }

    fn recorder(&self, mode: RecordingMode) -> Recorder {
        Recorder::new(RecordingOptions {
            folder: self.0.clone(),
            mode,
            redact: RedactMode::StandIns,
            limits: RecordingLimits {
                exchanges: 3,
                inline_body: 200,
                ..RecordingLimits::default()
            },
        })
    }

    fn write(&self, mode: RecordingMode, traffic: &Traffic) -> Value {
        let recorder = self.recorder(mode);
        traffic
            .0
            .iter()
            .for_each(|exchange| recorder.observe(exchange.clone()));
        let first = recorder
            .write(&sandbox(Some(&self.0)), &|_| true)
            .expect("can be written");
        // The sandbox has loaded the files of the recording meanwhile.
        assert_eq!(
            recorder
                .write(&sandbox(Some(&self.0)), &|_| true)
                .expect("can be written"),
            first
        );
        first
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.0.join(path)).expect("is there")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _removed = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_later_recording_replaces_the_same_requests_only() {
    let folder = Folder::new("replaces");
    let mut traffic = Traffic::default();
    traffic.get("/pets/7", 200, &json!({"id": 7, "name": "Ann"}));
    traffic.get("/pets/8", 200, &json!({"id": 8, "name": "Bob"}));
    folder.write(RecordingMode::New, &traffic);
    let text = folder.read("recorded/pets.yaml");
    let mut later = Traffic::default();
    later.get("/pets/7", 200, &json!({"id": 7, "name": "Eve"}));
    let report = folder.write(RecordingMode::New, &later);
    assert_eq!(report["written"]["recorded"], 0);
    assert_eq!(folder.read("recorded/pets.yaml"), text);
    folder.write(RecordingMode::All, &later);
    let text = folder.read("recorded/pets.yaml");
    assert!(
        text.contains("name: Eve") && text.contains("name: Bob"),
        "{text}"
    );
    assert!(!text.contains("name: Ann"), "{text}");
    assert_eq!(text.matches("  # GET /pets/").count(), 2, "{text}");
}

#[test]
fn files_of_people_take_precedence_and_stay() {
    let folder = Folder::new("by-hand");
    fs::create_dir_all(&folder.0).expect("can be made");
    let own = "getPet:\n  - when: {path: {id: 7}}\n    body: {id: 7, name: Own}\n";
    fs::write(folder.0.join("pets.yaml"), own).expect("can be written");
    let mut traffic = Traffic::default();
    traffic.get("/pets/7", 200, &json!({"id": 7, "name": "Ann"}));
    let report = folder.write(RecordingMode::All, &traffic);
    assert_eq!(
        report["written"]["unreproduced"][0],
        json!({"request": "GET /pets/7", "reason": "the content differs at `/name`"})
    );
    assert_eq!(folder.read("pets.yaml"), own);
    let request = http::Request::get("/pets/7")
        .body(Body::Complete(Bytes::new()))
        .expect("is one");
    let (response, _) = sandbox(Some(&folder.0)).answer(&request);
    assert_eq!(response.body(), r#"{"id":7,"name":"Own"}"#);
}

#[test]
fn exchanges_beyond_the_limit_are_counted() {
    let folder = Folder::new("limit");
    let recorder = folder.recorder(RecordingMode::New);
    let mut traffic = Traffic::default();
    for id in 1..=5 {
        traffic.get(&format!("/pets/{id}"), 200, &json!({"id": id}));
    }
    traffic
        .0
        .into_iter()
        .for_each(|exchange| recorder.observe(exchange));
    let report = recorder.report();
    assert_eq!(
        (&report["exchanges"], &report["dropped"]),
        (&json!(3), &json!(2))
    );
}

#[test]
fn bodies_in_files_are_served_byte_for_byte() {
    let folder = Folder::new("bodies");
    let mut traffic = Traffic::default();
    let many: Vec<Value> = (0..40)
        .map(|id| json!({"id": id, "name": "{$x}"}))
        .collect();
    traffic.get("/pets", 200, &json!(many));
    traffic.add(
        http::Request::get("/files/a"),
        &Value::Null,
        200,
        b"\x89PNG\xff\x00",
    );
    let report = folder.write(RecordingMode::New, &traffic);
    assert_eq!(report["written"]["unreproduced"], json!([]));
    let served = sandbox(Some(&folder.0));
    assert!(
        served
            .diagnostics()
            .iter()
            .all(|found| found.severity() != crate::Severity::Error)
    );
    for exchange in &traffic.0 {
        let (response, _) = served.answer(&exchange.request);
        assert_eq!(*response.body(), exchange.response.body().bytes());
    }
    fs::remove_dir_all(folder.0.join("recorded/bodies")).expect("can be removed");
    let found = sandbox(Some(&folder.0)).diagnostics();
    let missing = found
        .iter()
        .filter(|found| found.render().contains("there is no such file"));
    assert_eq!(missing.count(), 2);
}

#[test]
fn an_error_that_the_voice_does_not_repeat_is_named() {
    let mut traffic = Traffic::default();
    traffic.post("/pets", &json!({}), 400, &json!({"error": "odd"}));
    let options = FixtureOptions {
        mode: RecordingMode::New,
        redact: RedactMode::StandIns,
        inline_body: 200,
        earlier: &[],
    };
    let recording = fixtures_of(&sandbox(None), &traffic.0, &options, &|_| false);
    let reasons: Vec<NotRecorded> = recording.left_out.keys().copied().collect();
    assert_eq!(reasons, [NotRecorded::Unexplained]);
}

#[test]
fn requests_beyond_the_bound_of_conditions_are_named() {
    let mut traffic = Traffic::default();
    for page in 0..403 {
        let target = format!("/pets?page={page}");
        traffic.get(&target, 200, &json!([{"id": page}]));
    }
    let recording = traffic.recording();
    let left_out = &recording.left_out[&NotRecorded::TooMany];
    assert_eq!(
        left_out.keys().next().map(String::as_str),
        Some("GET /pets?page=300")
    );
    // 100 requests are listed, and all are counted.
    assert_eq!(left_out.len(), 100);
    assert_eq!(recording.number_left_out(NotRecorded::TooMany), 103);
    assert_eq!(recording.recorded, 300);
}

#[test]
fn short_cookies_are_secrets_too() {
    let mut traffic = Traffic::default();
    let request = http::Request::get("/pets/7").header("cookie", "b=2; a=1");
    traffic.add(request, &Value::Null, 200, br#"{"id": 7}"#);
    let cookies = ["a=1", "c=\"3\"; Path=/; Max-Age=3"];
    for cookie in cookies {
        let value = cookie.parse().expect("is a value");
        traffic.0[0]
            .response
            .headers_mut()
            .append("set-cookie", value);
    }
    let text = traffic.text();
    assert!(
        text.contains("a=92") && text.contains("c=\\\"93\\\"; Path=/; Max-Age=3"),
        "{text}"
    );
}

#[test]
fn urls_of_the_real_api_become_those_of_the_sandbox() {
    let mut traffic = Traffic::default();
    let long = "x".repeat(300);
    traffic.get(
        "/pets/7",
        200,
        &json!({"id": 7, "self": "https://api.example.com/v2/pets/7", "text": "see http://api.example.com/v2, or https://api.example.com/v20",
            "long": long}),
    );
    let response = traffic.0[0].response.headers_mut();
    response.insert("location", "/v2/pets/7".parse().expect("is a value"));
    let link = "<https://api.example.com/v2/pets?page=2>; rel=next, </v2/pets>; rel=up";
    response.insert("link", link.parse().expect("is a value"));
    traffic.0[0].note_base("https://api.example.com/v2/");
    let text = traffic.text();
    for part in [
        "location: /pets/7\n",
        "\"<{$baseUrl}/pets?page=2>; rel=next, </pets>; rel=up\"",
        "self: \"{$baseUrl}/pets/7\"",
        "\"see {$baseUrl}, or https://api.example.com/v20\"",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn many_exchanges_are_written_in_bounded_time() {
    let mut traffic = Traffic::default();
    for id in 0..2_000 {
        traffic.get(
            &format!("/pets/{id}"),
            200,
            &json!({"id": id, "name": "Ann"}),
        );
    }
    let began = std::time::Instant::now();
    let recording = traffic.recording();
    println!("2,000 exchanges in {:?}", began.elapsed());
    assert_eq!(recording.recorded, 2_000);
    // 1,000,000 comparisons are enough for 500 requests of an operation with 2,000 entries.
    assert_eq!(recording.unchecked, 1_500);
}
