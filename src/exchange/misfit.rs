//! Checks an answer against the document: status, media type, content and header fields.
//!
//! `finish` uses it for `--errors` and `--prism`, and `observed` for answers of the real API.
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use crate::codec::content::{self, Content};
use crate::codec::message::Response;
use crate::contract::media::MediaRange;
use crate::contract::{DocumentedResponse, Location, MediaType, Operation, StatusPattern};
use crate::exchange::header_meaning::fits;
use crate::validate::{self, Subject, Violation};

/// Returns the violations of an answer of an operation; none if the document does not describe it.
pub(super) fn violations(operation: &Operation, response: &Response) -> Vec<Violation> {
    let Some(documented) = documented(operation, response.status()) else {
        return undocumented(operation, response);
    };
    let mut found = of_content(documented, response.headers(), response.body());
    found.extend(of_headers(documented, response.headers()));
    found
}

/// Returns the response that an operation documents for a status: that of the status, else that of
/// its range, else the default.
pub(super) fn documented(operation: &Operation, status: StatusCode) -> Option<&DocumentedResponse> {
    let patterns = [
        StatusPattern::Exact(status),
        StatusPattern::Range(status.as_u16() / 100),
        StatusPattern::Default,
    ];
    let mut documented = patterns
        .into_iter()
        .filter_map(|pattern| operation.response_at(pattern));
    documented.next()
}

/// Returns the violation of a success that an operation does not document, if it documents others.
fn undocumented(operation: &Operation, response: &Response) -> Vec<Violation> {
    let responses = &operation.compiled().responses;
    let is_success = |pattern: &StatusPattern| pattern.status().is_success();
    if !response.status().is_success() || !responses.iter().any(|(there, _)| is_success(there)) {
        return Vec::new();
    }
    vec![undocumented_status(response.status())]
}

/// Returns the violation of a status that is not documented.
pub(super) fn undocumented_status(status: StatusCode) -> Violation {
    unreadable(&format!("the status {} is not documented", status.as_u16()))
}

/// Returns the documented media type that content with these header fields is read as, with the type
/// that was sent; `None` if none fits.
pub(super) fn media_of<'d>(
    documented: &'d DocumentedResponse,
    headers: &HeaderMap,
) -> Option<(MediaRange, &'d MediaType)> {
    let sent = headers.get(CONTENT_TYPE);
    let sent = sent.and_then(|value| MediaRange::parse(value.to_str().ok()?))?;
    let fitting = documented
        .content
        .iter()
        .filter(|media| media.range.covers(&sent));
    let media = fitting.max_by_key(|media| media.range.specificity())?;
    Some((sent, media))
}

/// Returns the violations of content that was sent with these header fields.
pub(super) fn of_content(
    documented: &DocumentedResponse,
    headers: &HeaderMap,
    content: &Bytes,
) -> Vec<Violation> {
    if documented.content.is_empty() || content.is_empty() {
        return Vec::new();
    }
    let Some((sent, media)) = media_of(documented, headers) else {
        return vec![unreadable("the media type is not documented")];
    };
    match content::read(content, &sent, media) {
        Ok(Content::Value(value)) => validate::of_content(media, &value),
        Ok(Content::Opaque) => Vec::new(),
        Err(malformed) => vec![unreadable(&malformed.detail)],
    }
}

/// Returns the violation of an answer without content whose content is documented as JSON, which has at least
/// one character. The answers of some statuses have none, whatever the document says (RFC 9110 §6.4.1), and a
/// text may be empty.
pub(super) fn of_no_content(
    documented: &DocumentedResponse,
    status: StatusCode,
    headers: &HeaderMap,
) -> Option<Violation> {
    let has_none = status.is_informational() || matches!(status.as_u16(), 204 | 205 | 304);
    let sent = media_of(documented, headers).map(|(_, media)| media);
    let mut media = documented.content.iter();
    let is_json = match sent {
        Some(sent) => sent.range.is_json(),
        None => media.len() > 0 && media.all(|media| media.range.is_json()),
    };
    let first = documented
        .content
        .first()
        .filter(|_| is_json && !has_none)?;
    let expected = sent.unwrap_or(first).range.essence();
    Some(unreadable(&format!(
        "the content is empty, expected `{expected}`"
    )))
}

/// Returns the violations of documented header fields that are present.
pub(super) fn of_headers(documented: &DocumentedResponse, headers: &HeaderMap) -> Vec<Violation> {
    let mut found = Vec::new();
    for header in &documented.headers {
        let lines = headers.get_all(&header.name).iter();
        let wrong = lines
            .filter_map(|line| line.to_str().ok())
            .any(|text| !fits(header, text));
        if wrong {
            let subject = Subject::Parameter(Location::Header, header.name.to_string());
            found.push(Violation::new(subject, "schema", json!({})));
        }
    }
    found
}

fn unreadable(detail: &str) -> Violation {
    Violation::new(Subject::Body, "malformed", json!({ "detail": detail }))
}
