//! Files of recorded traffic, read and written.
#![allow(
    clippy::needless_pass_by_value,
    reason = "a test makes its values where it uses them"
)]
mod collection;
mod written;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::codec::message::Body;
use crate::upstream::archive::attached::tests::zip;
use crate::upstream::archive::entry::{
    ArchiveError, ArchiveNotes, ArchiveOptions, ArchivedExchange, Side, SkipReason,
};
use crate::upstream::archive::open;
use crate::upstream::exchange::ObservedExchange;

/// A folder that is removed at the end of its test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("standin-archive-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("can be made");
        Self(path)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).expect("can be written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

type Read = (Vec<ArchivedExchange>, Result<ArchiveNotes, ArchiveError>);

fn read(name: &str, content: impl AsRef<[u8]>) -> Read {
    let folder = Folder::new(name);
    read_in(&folder, content)
}

fn read_in(folder: &Folder, content: impl AsRef<[u8]>) -> Read {
    let path = folder.write("recording", content);
    let options = ArchiveOptions {
        most_content: 1000,
        variables: vec![("given".to_owned(), "value".to_owned())],
    };
    let mut all = Vec::new();
    let notes = open::read(&path, &options, &mut |exchange| all.push(exchange));
    (all, notes)
}

fn har(entries: Value) -> String {
    json!({"log": {"version": "1.2", "creator": {"name": "t", "version": "1"}, "entries": entries}})
        .to_string()
}

/// Reads one entry.
fn entry(name: &str, entry: Value) -> (Option<ArchivedExchange>, ArchiveNotes) {
    let (mut all, notes) = read(name, har(json!([entry])));
    (all.pop(), notes.expect("is HAR"))
}

fn text(body: &Body) -> String {
    match body {
        Body::Complete(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => format!("{other:?}"),
    }
}

fn headers(message: &http::HeaderMap) -> Vec<String> {
    let fields = message.iter();
    fields
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect()
}

fn faults(notes: &ArchiveNotes) -> Vec<String> {
    notes
        .faults
        .iter()
        .map(|fault| format!("{}: {}", fault.place, fault.message))
        .collect()
}

#[test]
fn an_entry_of_chrome_is_an_exchange_without_content_coding() {
    let (exchange, notes) = entry(
        "chrome",
        json!({
        "_resourceType": "xhr", "startedDateTime": "2024-05-01T08:00:00.123Z", "time": 12.5,
        "request": {"method": "POST", "url": "https://api.example.com/pets?limit=2#top", "httpVersion": "http/2.0",
            "headers": [{"name": ":authority", "value": "api.example.com"}, {"name": "content-type", "value": "application/json"}, {"name": "content-length", "value": "9"}],
            "cookies": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}], "bodySize": 9,
            "postData": {"mimeType": "application/json", "text": "{\"a\": 1}"}},
        "response": {"status": 201, "httpVersion": "http/2.0", "cookies": [],
            "headers": [{"name": "content-encoding", "value": "gzip"}, {"name": "content-length", "value": "30"}, {"name": "set-cookie", "value": "x=1\ny=2"}, {"name": "content-type", "value": "application/json"}],
            "content": {"size": 6, "mimeType": "application/json", "text": "e30K", "encoding": "base64"}}}),
    );
    let exchange = exchange.expect("is an exchange");
    assert_eq!(faults(&notes), [""; 0]);
    assert_eq!(
        (exchange.place.as_str(), exchange.origin.as_str()),
        ("entry 1", "https://api.example.com")
    );
    let ObservedExchange {
        request,
        response,
        at,
        took,
        ..
    } = exchange.exchange;
    assert_eq!(
        (at, took),
        (1_714_550_400_123, Duration::from_micros(12_500))
    );
    assert_eq!(
        format!("{} {}", request.method(), request.uri()),
        "POST /pets?limit=2"
    );
    assert_eq!(
        headers(request.headers()),
        [
            "content-type: application/json",
            "host: api.example.com",
            "cookie: a=1; b=2"
        ]
    );
    assert_eq!(text(request.body()), "{\"a\": 1}");
    assert_eq!(response.status(), 201);
    assert_eq!(
        headers(response.headers()),
        [
            "set-cookie: x=1",
            "set-cookie: y=2",
            "content-type: application/json"
        ]
    );
    assert_eq!(text(response.body()), "{}\n");
}

#[test]
fn entries_without_an_exchange_are_counted_by_reason() {
    let of = |url: &str, response: Value| json!({"request": {"method": "GET", "url": url}, "response": response});
    let mut socket = of("https://h/ws", json!({"status": 200}));
    socket["_webSocketMessages"] = json!([]);
    let entries = json!([
        of("data:text/plain,x", json!({"status": 200})),
        of("chrome-extension://x/y", json!({"status": 200})),
        of("wss://h/x", json!({"status": 101})),
        socket,
        of(
            "https://h/x",
            json!({"status": 0, "_error": "net::ERR_FAILED"})
        ),
        of("https://h/x", json!({"status": -1})),
        of(
            "https://h/x",
            json!({"status": 200, "_fetchedViaServiceWorker": true})
        ),
        of("https://h/x", json!({"status": 204})),
    ]);
    let (all, notes) = read("skipped", har(entries));
    let notes = notes.expect("is HAR");
    assert_eq!(all.len(), 1);
    let skipped: Vec<_> = notes.skipped.into_iter().collect();
    assert_eq!(
        skipped,
        [
            (SkipReason::NotHttp, 2),
            (SkipReason::WebSocket, 2),
            (SkipReason::NoResponse, 2),
            (SkipReason::ServiceWorker, 1),
        ]
    );
}

#[test]
fn faults_of_one_entry_leave_the_others() {
    let good =
        json!({"request": {"method": "GET", "url": "http://h/a"}, "response": {"status": 200}});
    let many: Vec<u8> = vec![0; 200_001];
    let entries = json!([
        {}, 7, {"request": {"url": "/pets"}}, {"request": {"method": "G T", "url": "http://h/"}, "response": {"status": 200}},
        {"request": {"method": "GET", "url": "http://h/"}, "response": {"status": 99}},
        {"request": {"method": "GET", "url": "http://h/"}, "response": {"status": "ok"}},
        {"request": {"method": "GET", "url": "http://h/", "headers": [{"name": "a b", "value": "x"}, {"name": "c", "value": "d\u{0}"}]},
         "response": {"status": 200, "content": {"text": "%", "encoding": "base64"}}},
        {"many": many}, good,
    ]);
    let (all, notes) = read("faults", har(entries));
    assert_eq!(
        all.iter()
            .map(|exchange| exchange.place.as_str())
            .collect::<Vec<_>>(),
        ["entry 7", "entry 9"]
    );
    assert_eq!(all[0].lacking, [Side::Response]);
    assert_eq!(
        faults(&notes.expect("is HAR")),
        [
            "entry 1, request.url: there is no URL; expected a text such as `https://api.example.com/pets`",
            "entry 2, request.url: there is no URL; expected a text such as `https://api.example.com/pets`",
            "entry 3, request.url: `/pets` is no absolute URL; expected such as `https://api.example.com/pets`",
            "entry 4, request.method: `G T` is no method; expected such as `GET`",
            "entry 5, response.status: 99 is no status; expected a number from 100 to 999",
            "entry 6, response.status: \"ok\" is no status; expected a number from 100 to 999",
            "entry 7, request.headers[0]: `a b` is no name of a header field, and the field is left out",
            "entry 7, request.headers[1]: the value of `c` has characters that HTTP does not allow, and the field is left out",
            "entry 7, response.content.text: it is not base64: Invalid symbol 37, offset 0.",
            "entry 8: it has more than 200000 values, and is left out",
        ]
    );
}

#[test]
fn content_that_the_file_has_not_is_lacking() {
    let of = |method: &str, status: u16, content: Value, headers: Value| {
        let entry_value = json!({"request": {"method": method, "url": "http://h/"}, "response": {"status": status, "headers": headers, "content": content}});
        let (exchange, _) = entry("lacking", entry_value);
        exchange
            .expect("is an exchange")
            .lacking
            .contains(&Side::Response)
    };
    let typed = |media: &str| json!([{"name": "Content-Type", "value": media}]);
    assert!(of("GET", 200, json!({"size": 10}), json!([])));
    assert!(of("GET", 200, json!({"size": -1}), json!([])));
    assert!(of(
        "GET",
        200,
        json!({"size": 0}),
        json!([{"name": "Content-Length", "value": "5"}])
    ));
    assert!(of(
        "GET",
        200,
        json!({"size": 100, "text": "[{\"a\":"}),
        typed("application/json")
    ));
    assert!(of(
        "GET",
        200,
        json!({"size": 100, "text": "abc"}),
        typed("text/plain")
    ));
    assert!(of(
        "GET",
        200,
        json!({"size": 5, "_file": "har.har"}),
        json!([])
    ));
    // These are complete.
    assert!(!of("GET", 200, json!({"size": 0}), json!([])));
    assert!(!of("GET", 200, json!({"size": 0, "text": ""}), json!([])));
    assert!(!of(
        "HEAD",
        200,
        json!({"size": 10}),
        json!([{"name": "Content-Length", "value": "5"}])
    ));
    assert!(!of("GET", 304, json!({"size": 10}), json!([])));
    assert!(!of("GET", 302, json!({"size": -1}), json!([])));
    assert!(!of(
        "GET",
        200,
        json!({"size": 100, "text": "[1]"}),
        typed("application/json")
    ));
    assert!(!of(
        "GET",
        200,
        json!({"size": 5, "text": "ab"}),
        typed("text/plain")
    ));
    assert!(!of(
        "GET",
        200,
        json!({"size": 100, "text": "abc"}),
        typed("text/plain; charset=utf-16")
    ));
}

#[test]
fn forms_are_put_together_from_their_parameters() {
    let of = |media: &str, params: Value| {
        let request = json!({"method": "POST", "url": "http://h/", "postData": {"mimeType": media, "params": params}});
        let (exchange, _) = entry(
            "forms",
            json!({"request": request, "response": {"status": 204}}),
        );
        exchange.expect("is an exchange")
    };
    let form = of(
        "application/x-www-form-urlencoded",
        json!([{"name": "a", "value": "1 2"}, {"name": "b"}]),
    );
    assert_eq!(text(form.exchange.request.body()), "a=1+2&b=");
    let parts = of(
        "multipart/form-data; boundary=xyz",
        json!([{"name": "a", "value": "1"}]),
    );
    assert_eq!(
        text(parts.exchange.request.body()),
        "--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--xyz--\r\n"
    );
    let lost = of(
        "multipart/form-data; boundary=xyz",
        json!([{"name": "f", "fileName": "x.png"}]),
    );
    assert_eq!(lost.lacking, [Side::Request]);
    let request = json!({"method": "POST", "url": "http://h/", "bodySize": 0, "headers": [{"name": "Content-Type", "value": "multipart/form-data; boundary=x"}]});
    let (untold, _) = entry(
        "untold",
        json!({"request": request, "response": {"status": 204}}),
    );
    assert_eq!(untold.expect("is an exchange").lacking, [Side::Request]);
}

#[test]
fn content_above_the_limit_is_too_large_and_not_lacking() {
    let long = "x".repeat(1001);
    let (exchange, _) = entry(
        "large",
        json!({"request": {"method": "GET", "url": "http://h/"}, "response": {"status": 200, "content": {"text": long}}}),
    );
    let exchange = exchange.expect("is an exchange");
    assert!(exchange.lacking.is_empty());
    assert!(matches!(
        exchange.exchange.response.body(),
        Body::TooLarge(1000)
    ));
}

#[test]
fn a_har_that_is_cut_gives_the_entries_before() {
    let good =
        json!({"request": {"method": "GET", "url": "http://h/a"}, "response": {"status": 200}});
    let whole = har(json!([good, good]));
    let (all, notes) = read("cut", &whole[..whole.len() - 30]);
    assert_eq!(all.len(), 1);
    let told = faults(&notes.expect("is HAR"));
    assert!(
        told.len() == 1
            && told[0].starts_with(
                "line 1: the JSON is broken here, and entries after it are not read: EOF"
            ),
        "{told:?}"
    );
}

#[test]
fn other_files_are_told_what_they_are() {
    let why = |content: &[u8]| read("other", content).1.expect_err("is none").to_string();
    assert_eq!(
        why(b"hello"),
        "it is no JSON: expected value at line 1 column 1"
    );
    assert_eq!(
        why(b"[]"),
        "it is no recorded traffic: invalid type: sequence, expected an object: HAR has `log`, and a Postman collection `info` and `item` at line 1 column 1"
    );
    assert!(why(br#"{"openapi": "3.1.0"}"#).starts_with("it is an OpenAPI document"));
    assert!(why(br#"{"requests": [], "order": []}"#).starts_with("it is a Postman collection 1.0"));
    assert!(why(b"{}").starts_with("it is no recorded traffic"));
    assert!(why(b"PK\x03\x04broken").starts_with("the zip cannot be read"));
    assert_eq!(
        open::read(
            &std::env::temp_dir(),
            &ArchiveOptions::default(),
            &mut |_| ()
        )
        .expect_err("is a folder")
        .to_string(),
        "it is not a regular file"
    );
}

#[test]
fn recordings_are_told_from_documents() {
    let folder = Folder::new("sniffed");
    let is_recording = |content: &[u8]| open::is_recording(&folder.write("x", content));
    assert!(is_recording(br#"{"log": {"entries": ["#));
    assert!(is_recording(br#"{"info": {}, "item": []}"#));
    assert!(is_recording(b"PK\x03\x04"));
    assert!(!is_recording(
        br#"{"openapi": "3.1.0", "info": {}, "paths": {}}"#
    ));
    assert!(!is_recording(b"openapi: 3.1.0"));
    assert!(!open::is_recording(&folder.0.join("missing")));
}

const SHA1: &str = "0123456789abcdef0123456789abcdef01234567.json";

#[test]
fn a_zip_of_playwright_has_its_contents_in_files() {
    let entries = json!([
        {"request": {"method": "POST", "url": "http://h/a", "postData": {"mimeType": "text/plain", "params": [], "_file": SHA1}}, "response": {"status": 200, "content": {"size": 2, "mimeType": "application/json", "_file": SHA1}}},
        {"request": {"method": "GET", "url": "http://h/b"}, "response": {"status": 200, "content": {"size": 2, "_file": "../../etc/passwd"}}},
    ]);
    let bytes = zip(&[(SHA1, b"{}"), ("har.har", har(entries).as_bytes())]);
    let (all, notes) = read("playwright", bytes);
    assert_eq!(text(all[0].exchange.response.body()), "{}");
    assert_eq!(text(all[0].exchange.request.body()), "{}");
    assert_eq!(all[0].place, "har.har: entry 1");
    assert_eq!(
        faults(&notes.expect("is a zip")),
        [
            "har.har: entry 2, response.content._file: `../../etc/passwd` is no name of an attached file; such a name is a SHA-1 with an extension"
        ]
    );
}

#[test]
fn contents_may_be_in_the_folder_of_a_har() {
    let folder = Folder::new("attached");
    folder.write(SHA1, "[1]");
    let of = |name: &str| json!([{"request": {"method": "GET", "url": "http://h/a"}, "response": {"status": 200, "content": {"size": 3, "_file": name}}}]);
    let (all, _) = read_in(&folder, har(of(SHA1)));
    assert_eq!(text(all[0].exchange.response.body()), "[1]");
    let gone = "f".repeat(40);
    let (all, notes) = read_in(&folder, har(of(&gone)));
    assert_eq!(all[0].lacking, [Side::Response]);
    assert_eq!(notes.expect("is HAR").faults.len(), 1);
}

#[test]
fn a_bomb_in_a_zip_is_too_large_and_takes_no_memory() {
    let zeros = vec![b' '; 50_000_000];
    let entries = json!([{"request": {"method": "GET", "url": "http://h/a"}, "response": {"status": 200, "content": {"size": 3, "_file": SHA1}}}]);
    let (all, _) = read(
        "bomb",
        zip(&[("har.har", har(entries).as_bytes()), (SHA1, &zeros)]),
    );
    assert!(matches!(
        all[0].exchange.response.body(),
        Body::TooLarge(1000)
    ));
    let (_, notes) = read("none", zip(&[("readme.txt", b"x")]));
    assert_eq!(
        notes.expect_err("has no HAR").to_string(),
        "the zip has no file whose name ends in `.har` or `.json`"
    );
    let mut many = zip(&[("har.har", b"{}")]);
    let end = many.len() - 22;
    many[end + 8..end + 12].copy_from_slice(&[0xFF; 4]);
    assert_eq!(
        read("many", many).1.expect_err("is too much").to_string(),
        "the zip has more than 20000 files"
    );
}
