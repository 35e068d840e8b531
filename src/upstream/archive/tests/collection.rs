//! Postman collections.
use serde_json::json;

use crate::upstream::archive::entry::{ArchiveForm, Side};
use crate::upstream::archive::tests::{faults, headers, read, text};

#[test]
fn a_collection_gives_an_exchange_for_each_saved_response() {
    let collection = json!({
        "info": {"name": "Shop", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
        "variable": [{"key": "base", "value": "https://api.example.com/v2"}],
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{given}}"}]},
        "item": [{"name": "Pets", "item": [
            {"name": "Get", "request": {"method": "GET"}, "response": [
                {"name": "ok", "code": 200, "responseTime": 7, "_postman_previewlanguage": "json", "body": "{\"name\": \"{{kept}}\"}",
                 "header": [{"key": "Content-Encoding", "value": "gzip"}, {"key": "ETag", "value": "\"1\""}],
                 "originalRequest": {"method": "GET", "header": [{"key": "Accept", "value": "application/json"}, {"key": "X-Off", "value": "1", "disabled": true}],
                    "url": {"raw": "{{base}}/pets/:id?x=a b&off=1", "host": ["{{base}}"], "path": ["pets", ":id"],
                        "query": [{"key": "x", "value": "a b&c"}, {"key": "flag", "value": null}, {"key": "off", "value": "1", "disabled": true}],
                        "variable": [{"key": "id", "value": "7"}]}}},
                {"name": "no code", "body": "x"}]},
            {"name": "Never sent", "request": "https://api.example.com/x", "response": []}]},
            {"name": "Text", "request": {"auth": {"type": "noauth"}, "method": "POST", "url": "{{host}}/pets/{{id}}", "body": {"mode": "raw", "raw": "{}"}}, "response": [{"name": "a", "code": 200}]},
            {"name": "Form", "request": {"auth": {"type": "noauth"}, "method": "POST", "url": "localhost:3000/form?a={{given}}", "header": "X-A: 1\nX-B: 2",
                "body": {"mode": "urlencoded", "urlencoded": [{"key": "a", "value": "1"}, {"key": "b", "value": "2", "disabled": true}]}}, "response": [{"name": "a", "code": 204, "header": null, "body": null}]},
            {"name": "File", "request": {"method": "POST", "url": "http://h/f", "body": {"mode": "formdata", "formdata": [{"key": "f", "type": "file", "src": "/etc/passwd"}]}}, "response": [{"name": "a", "code": 204}]}],
    });
    let (all, notes) = read("postman", collection.to_string());
    let notes = notes.expect("is a collection");
    assert_eq!(notes.form, Some(ArchiveForm::Postman));
    assert_eq!(notes.unanswered, ["Pets / Never sent"]);
    assert_eq!(
        faults(&notes),
        [
            "item `Pets / Get`, response `no code`, code: there is no status; expected a number from 100 to 999",
            "item `Text`, response `a`, url: the variable `id` of the path has no value",
        ]
    );
    assert_eq!(notes.unresolved, ["host", "id"]);
    let places: Vec<_> = all.iter().map(|exchange| exchange.place.as_str()).collect();
    assert_eq!(
        places,
        [
            "item `Pets / Get`, response `ok`",
            "item `Form`, response `a`",
            "item `File`, response `a`"
        ]
    );
    let first = &all[0];
    assert_eq!(first.origin, "https://api.example.com");
    assert_eq!(first.exchange.request.uri(), "/v2/pets/7?x=a%20b%26c&flag");
    assert_eq!(
        headers(first.exchange.request.headers()),
        [
            "accept: application/json",
            "authorization: Bearer value",
            "host: api.example.com"
        ]
    );
    assert_eq!(
        headers(first.exchange.response.headers()),
        ["etag: \"1\"", "content-type: application/json"]
    );
    assert_eq!(
        text(first.exchange.response.body()),
        "{\"name\": \"{{kept}}\"}"
    );
    let form = &all[1].exchange.request;
    assert_eq!(
        (form.uri().to_string().as_str(), text(form.body()).as_str()),
        ("/form?a=value", "a=1")
    );
    assert_eq!(
        headers(form.headers()),
        [
            "x-a: 1",
            "x-b: 2",
            "host: localhost:3000",
            "content-type: application/x-www-form-urlencoded"
        ]
    );
    assert_eq!(all[2].lacking, [Side::Request]);
}
