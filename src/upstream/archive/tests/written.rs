//! HAR that is written.
use std::fs;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::codec::message::{Body, Request};
use crate::upstream::archive::har::writer::{HarOptions, HarSecrets, HarWriter};
use crate::upstream::archive::tests::{Folder, faults, headers, read_in, text};
use crate::upstream::exchange::ObservedExchange;

fn observed(target: &str, content: &'static [u8], media: &str) -> ObservedExchange {
    let request = Request::new(Body::Complete(Bytes::from_static(
        b"{\"password\": \"secret-1\", \"name\": \"a\"}",
    )));
    let (mut parts, body) = request.into_parts();
    parts.method = http::Method::POST;
    parts.uri = target.parse().expect("is a path");
    parts.headers.insert(
        "content-type",
        "application/json".parse().expect("is a value"),
    );
    parts.headers.insert(
        "authorization",
        "Bearer secret-2".parse().expect("is a value"),
    );
    parts
        .headers
        .insert("cookie", "sid=secret-3".parse().expect("is a value"));
    let response = http::Response::builder()
        .status(201)
        .header("content-type", media)
        .header("set-cookie", "sid=secret-4; Path=/; HttpOnly")
        .body(Body::Complete(Bytes::from_static(content)))
        .expect("is a response");
    ObservedExchange {
        session: String::new(),
        at: 1_714_550_400_123,
        took: Duration::from_millis(5),
        request: Request::from_parts(parts, body),
        response,
    }
}

const BASE: &str = "https://api.example.com/";

#[test]
fn what_is_written_is_valid_after_each_exchange_and_read_as_it_was() {
    let folder = Folder::new("written");
    let path = folder.0.join("a.har");
    let options = HarOptions {
        secrets: HarSecrets::Kept,
        ..HarOptions::default()
    };
    let mut writer = HarWriter::create(&path, options).expect("can be made");
    let parsed =
        || serde_json::from_slice::<Value>(&fs::read(&path).expect("is there")).expect("is JSON");
    assert_eq!(parsed()["log"]["entries"], json!([]));
    writer
        .append(
            BASE,
            None,
            &observed("/pets?a=1%202", b"{ \"id\": 1.0 }", "application/json"),
        )
        .expect("is written");
    assert_eq!(
        parsed()["log"]["entries"][0]["request"]["queryString"],
        json!([{"name": "a", "value": "1 2"}])
    );
    writer
        .append(BASE, None, &observed("/pets", b"\xFF\x00", "image/png"))
        .expect("is written");
    assert_eq!(
        parsed()["log"]["entries"][1]["response"]["content"],
        json!({"size": 2, "mimeType": "image/png", "text": "/wA=", "encoding": "base64"})
    );
    assert_eq!(writer.entries(), 2);
    drop(writer);
    let (all, notes) = read_in(&folder, fs::read(&path).expect("is there"));
    assert_eq!(faults(&notes.expect("is HAR")), [""; 0]);
    let first = &all[0].exchange;
    assert_eq!(
        (
            all[0].origin.as_str(),
            first.request.uri().to_string().as_str()
        ),
        ("https://api.example.com", "/pets?a=1%202")
    );
    assert_eq!(
        (first.at, first.took),
        (1_714_550_400_123, Duration::from_millis(5))
    );
    assert_eq!(text(first.response.body()), "{ \"id\": 1.0 }");
    assert_eq!(
        headers(first.response.headers()),
        [
            "content-type: application/json",
            "set-cookie: sid=secret-4; Path=/; HttpOnly"
        ]
    );
    assert_eq!(all[1].exchange.response.body().bytes(), &b"\xFF\x00"[..]);
}

#[test]
fn secrets_are_not_written_unless_asked_for() {
    let folder = Folder::new("secrets");
    let path = folder.0.join("a.har");
    let mut writer = HarWriter::create(&path, HarOptions::default()).expect("can be made");
    let exchange = observed(
        "/pets?api_key=secret-5&a=1",
        b"{ \"access_token\": \"secret-6\", \"a\": 1 }",
        "application/json",
    );
    writer.append(BASE, None, &exchange).expect("is written");
    let plain = observed("/pets", b"{ \"a\": 1 }", "application/json");
    writer.append(BASE, None, &plain).expect("is written");
    let written = fs::read_to_string(&path).expect("is there");
    assert!(!written.contains("secret-"), "{written}");
    let parsed: Value = serde_json::from_str(&written).expect("is JSON");
    let entries = &parsed["log"]["entries"];
    assert_eq!(
        entries[0]["request"]["url"],
        "https://api.example.com/pets?api_key=%5Bredacted%5D&a=1"
    );
    assert_eq!(
        entries[0]["request"]["postData"]["text"],
        "{\"password\":\"[redacted]\",\"name\":\"a\"}"
    );
    assert_eq!(
        entries[0]["request"]["cookies"],
        json!([{"name": "sid", "value": "[redacted]"}])
    );
    assert_eq!(entries[1]["response"]["content"]["text"], "{ \"a\": 1 }");
}

#[test]
fn what_repeats_a_secret_is_not_written_either() {
    let folder = Folder::new("repeated");
    let path = folder.0.join("a.har");
    let mut writer = HarWriter::create(&path, HarOptions::default()).expect("can be made");
    let mut exchange = observed(
        "/token?next=https://ann:secret-5@h.example/",
        b"secret-1 and secret-5 are wrong for Basic eDpzZWNyZXQtMQ==",
        "text/plain",
    );
    let content = "grant_type=authorization_code&code=secret-7&a=1";
    *exchange.request.body_mut() = Body::Complete(Bytes::from_static(content.as_bytes()));
    exchange.request.headers_mut().insert(
        "content-type",
        "application/x-www-form-urlencoded"
            .parse()
            .expect("is a value"),
    );
    for (name, value) in [
        ("location", "https://app.example/cb?code=secret-8&state=af0"),
        ("x-database", "Server=db;Password=secret-9"),
        ("x-code", "secret-7"),
    ] {
        let value = value.parse().expect("is a value");
        exchange.response.headers_mut().insert(name, value);
    }
    writer.append(BASE, None, &exchange).expect("is written");
    let written = fs::read_to_string(&path).expect("is there");
    assert!(
        !written.contains("secret-") && !written.contains("eDpz"),
        "{written}"
    );
    let parsed: Value = serde_json::from_str(&written).expect("is JSON");
    let entries = &parsed["log"]["entries"];
    assert_eq!(
        entries[0]["request"]["postData"]["text"],
        "grant_type=authorization_code&code=[redacted]&a=1"
    );
    assert_eq!(
        entries[0]["response"]["redirectURL"],
        "https://app.example/cb?code=[redacted]&state=af0"
    );
}

#[test]
fn a_full_file_drops_exchanges_and_stays_valid() {
    let folder = Folder::new("full");
    let path = folder.0.join("a.har");
    let options = HarOptions {
        most_bytes: 2000,
        ..HarOptions::default()
    };
    let mut writer = HarWriter::create(&path, options).expect("can be made");
    for _ in 0..5 {
        writer
            .append(BASE, None, &observed("/pets", b"[]", "application/json"))
            .expect("is written");
    }
    assert_eq!(writer.entries() + writer.dropped(), 5);
    assert!(writer.dropped() >= 3);
    let length = fs::metadata(&path).expect("is there").len();
    assert!(length <= 2000, "{length}");
    serde_json::from_slice::<Value>(&fs::read(&path).expect("is there")).expect("is JSON");
    assert_eq!(
        fs::read_dir(&folder.0).expect("is there").count(),
        1,
        "no temporary file stays"
    );
    assert!(HarWriter::create(&folder.0, HarOptions::default()).is_err());
    assert!(HarWriter::create(&folder.0.join("no/a.har"), HarOptions::default()).is_err());
}
