//! One entry of a HAR → one exchange.
use http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};
use serde_json::Value;

use crate::codec::message::{Body, Request};
use crate::upstream::archive::attached::Attachments;
use crate::upstream::archive::entry::{ArchiveNotes, ArchivedExchange, Side, SkipReason};
use crate::upstream::archive::har::body::Contents;
use crate::upstream::archive::headers;
use crate::upstream::archive::times;
use crate::upstream::archive::url::{self, SplitUrl, UrlFault};
use crate::upstream::exchange::ObservedExchange;

/// Returns the exchange of an entry; `None` if it has none, which the notes tell.
pub(in crate::upstream::archive) fn read(
    entry: &Value,
    number: usize,
    attachments: &mut Attachments,
    most: usize,
    notes: &mut ArchiveNotes,
) -> Option<ArchivedExchange> {
    let place = format!("entry {number}");
    let url = target(entry, &place, notes)?;
    if let Some(reason) = skipped(entry) {
        notes.skip(reason);
        return None;
    }
    let method = method(&entry["request"], &place, notes)?;
    let status = status(&entry["response"], &place, notes)?;
    let contents = &mut Contents { attachments, most };
    let (request, has_request) = request(entry, &method, &url, (&place, notes), contents);
    let (response, has_response) = response(entry, &method, status, (&place, notes), contents);
    let lacking = [(Side::Request, has_request), (Side::Response, has_response)];
    let resource = entry.get("_resourceType").and_then(Value::as_str);
    Some(ArchivedExchange {
        origin: url.origin,
        exchange: ObservedExchange {
            session: String::new(),
            at: times::start(entry.get("startedDateTime").and_then(Value::as_str)),
            took: times::span(entry.get("time")),
            request,
            response,
        },
        lacking: lacking
            .into_iter()
            .filter(|(_, is_there)| !is_there)
            .map(|(side, _)| side)
            .collect(),
        resource: resource.map(str::to_owned),
        place,
    })
}

/// Returns the URL of the request; other schemes than HTTP are skipped.
fn target(entry: &Value, place: &str, notes: &mut ArchiveNotes) -> Option<SplitUrl> {
    let Some(text) = entry["request"]["url"].as_str() else {
        notes.fault(
            format!("{place}, request.url"),
            "there is no URL; expected a text such as `https://api.example.com/pets`",
        );
        return None;
    };
    match url::split(text) {
        Ok(url) => Some(url),
        Err(UrlFault::Scheme(scheme)) if scheme == "ws" || scheme == "wss" => {
            notes.skip(SkipReason::WebSocket);
            None
        }
        Err(UrlFault::Scheme(_)) => {
            notes.skip(SkipReason::NotHttp);
            None
        }
        Err(UrlFault::NotAbsolute) => {
            let shown: String = text.chars().take(LONGEST_SHOWN).collect();
            notes.fault(
                format!("{place}, request.url"),
                format!(
                    "`{shown}` is no absolute URL; expected such as `https://api.example.com/pets`"
                ),
            );
            None
        }
    }
}

/// Longest text of a file that a fault repeats, in characters.
const LONGEST_SHOWN: usize = 100;

/// Returns the reason why an entry has no exchange of HTTP between the page and the API.
fn skipped(entry: &Value) -> Option<SkipReason> {
    let is_true = |value: &Value| value.as_bool() == Some(true);
    let response = &entry["response"];
    let is_socket = entry.get("_webSocketMessages").is_some()
        || entry["_resourceType"] == "websocket"
        || response["status"].as_u64() == Some(101);
    if is_socket {
        Some(SkipReason::WebSocket)
    } else if is_true(&entry["_fetchedViaServiceWorker"])
        || is_true(&response["_fetchedViaServiceWorker"])
    {
        Some(SkipReason::ServiceWorker)
    } else {
        let status = response["status"].as_f64();
        // Browsers give 0, Playwright -1, and some tools null.
        let is_absent = response.is_null() || status.is_none_or(|status| status <= 0.0);
        let is_told = response["status"].is_null() || status.is_some();
        (is_absent && is_told).then_some(SkipReason::NoResponse)
    }
}

fn method(request: &Value, place: &str, notes: &mut ArchiveNotes) -> Option<Method> {
    let text = request["method"].as_str().unwrap_or_default();
    let method = Method::try_from(text.to_ascii_uppercase().as_str()).ok();
    if method.is_none() {
        let shown: String = text.chars().take(LONGEST_SHOWN).collect();
        notes.fault(
            format!("{place}, request.method"),
            format!("`{shown}` is no method; expected such as `GET`"),
        );
    }
    method
}

fn status(response: &Value, place: &str, notes: &mut ArchiveNotes) -> Option<StatusCode> {
    let number = response["status"].as_f64().unwrap_or_default();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast of a number out of range gives one that is no status"
    )]
    let status = StatusCode::from_u16(number as u16).ok();
    if status.is_none() || number.fract() != 0.0 {
        let shown: String = response["status"]
            .to_string()
            .chars()
            .take(LONGEST_SHOWN)
            .collect();
        notes.fault(
            format!("{place}, response.status"),
            format!("{shown} is no status; expected a number from 100 to 999"),
        );
        return None;
    }
    status
}

/// Returns the request, and false if its content is missing.
fn request(
    entry: &Value,
    method: &Method,
    url: &SplitUrl,
    (place, notes): (&str, &mut ArchiveNotes),
    contents: &mut Contents<'_>,
) -> (Request, bool) {
    let request = &entry["request"];
    let at = format!("{place}, request.headers");
    let mut fields = headers::read(&request["headers"], &at, &mut str::to_owned, notes);
    let authority = url.origin.split_once("://").map_or("", |(_, host)| host);
    headers::add(HOST, authority, &mut fields);
    headers::add(COOKIE, &cookies(&request["cookies"]), &mut fields);
    headers::add_content_type(request["postData"]["mimeType"].as_str(), &mut fields);
    let content = contents.of_request(request, &mut fields, place, notes);
    headers::without_framing(&mut fields);
    let (body, is_there) = content.into_body();
    let mut made = Request::new(body);
    *made.method_mut() = method.clone();
    *made.uri_mut() = Uri::from(url.target.clone());
    *made.version_mut() = version(&request["httpVersion"]);
    *made.headers_mut() = fields;
    (made, is_there)
}

/// Returns the response, and false if its content is missing.
fn response(
    entry: &Value,
    method: &Method,
    status: StatusCode,
    (place, notes): (&str, &mut ArchiveNotes),
    contents: &mut Contents<'_>,
) -> (http::Response<Body>, bool) {
    let response = &entry["response"];
    let at = format!("{place}, response.headers");
    let mut fields = headers::read(&response["headers"], &at, &mut str::to_owned, notes);
    if !fields.contains_key(SET_COOKIE) {
        add_set_cookies(&response["cookies"], &mut fields);
    }
    if status.is_redirection() {
        headers::add(
            LOCATION,
            response["redirectURL"].as_str().unwrap_or_default(),
            &mut fields,
        );
    }
    let content = contents.of_response(method, status, response, &fields, (place, notes));
    let (body, is_there) = content.into_body();
    let media = response["content"]["mimeType"].as_str();
    // `x-unknown` and such are told of what has no media type.
    let media = media.filter(|media| !media.starts_with("x-unknown"));
    let has_content = !matches!(&body, Body::Complete(bytes) if bytes.is_empty());
    if has_content || fields.contains_key(CONTENT_TYPE) {
        headers::add_content_type(media, &mut fields);
    }
    headers::without_framing(&mut fields);
    let mut made = http::Response::new(body);
    *made.status_mut() = status;
    *made.version_mut() = version(&response["httpVersion"]);
    *made.headers_mut() = fields;
    (made, is_there)
}

fn version(text: &Value) -> Version {
    match text
        .as_str()
        .unwrap_or_default()
        .to_ascii_lowercase()
        .as_str()
    {
        "h2" | "http/2" | "http/2.0" => Version::HTTP_2,
        "h3" | "http/3" | "http/3.0" => Version::HTTP_3,
        "http/1.0" => Version::HTTP_10,
        _ => Version::HTTP_11,
    }
}

/// Returns the field `Cookie` of a list of cookies.
fn cookies(list: &Value) -> String {
    let list = list.as_array().into_iter().flatten();
    let pairs = list.filter_map(|cookie| {
        let (name, value) = (cookie["name"].as_str()?, cookie["value"].as_str()?);
        Some(format!("{name}={value}"))
    });
    pairs.collect::<Vec<_>>().join("; ")
}

fn add_set_cookies(list: &Value, headers: &mut HeaderMap) {
    /// Maximum number of cookies of a response that are read.
    const MOST_COOKIES: usize = 100;
    for cookie in list.as_array().into_iter().flatten().take(MOST_COOKIES) {
        let text = |name: &str| cookie[name].as_str();
        let (Some(name), Some(value)) = (text("name"), text("value")) else {
            continue;
        };
        let mut field = format!("{name}={value}");
        for (member, attribute) in [
            ("path", "Path"),
            ("domain", "Domain"),
            ("sameSite", "SameSite"),
        ] {
            if let Some(value) = text(member).filter(|value| !value.is_empty()) {
                field.push_str(&format!("; {attribute}={value}"));
            }
        }
        for (member, attribute) in [("secure", "Secure"), ("httpOnly", "HttpOnly")] {
            if cookie[member].as_bool() == Some(true) {
                field.push_str(&format!("; {attribute}"));
            }
        }
        if let Ok(value) = HeaderValue::try_from(field) {
            headers.append(SET_COOKIE, value);
        }
    }
}
