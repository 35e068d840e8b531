//! Checks an answer against the document: status, media type, content and header fields.
//!
//! `finish` uses it for `--errors` and `--prism`, and `observed` for answers of the real API.
use std::borrow::Cow;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

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
    let mut found = check_content(documented, response.headers(), response.body()).violations;
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
pub(crate) fn media_of<'d>(
    documented: &'d [MediaType],
    headers: &HeaderMap,
) -> Option<(Cow<'d, MediaRange>, &'d MediaType)> {
    let sent = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let same = documented.iter().find(|media| media.range.is_exactly(sent));
    if let Some(media) = same {
        return Some((Cow::Borrowed(&media.range), media));
    }
    let sent = MediaRange::parse(sent)?;
    let fitting = documented.iter().filter(|media| media.range.covers(&sent));
    let media = fitting.max_by_key(|media| media.range.specificity())?;
    Some((Cow::Owned(sent), media))
}

/// Content of an answer that was compared with the document.
#[derive(Debug, Default)]
pub(super) struct CheckedContent<'d> {
    pub violations: Vec<Violation>,
    /// Documented media type that the content was read as.
    pub media: Option<&'d MediaType>,
    /// Value of the content, if it could be read.
    pub value: Option<Value>,
}

/// Compares content that was sent with these header fields.
pub(super) fn check_content<'d>(
    documented: &'d DocumentedResponse,
    headers: &HeaderMap,
    content: &Bytes,
) -> CheckedContent<'d> {
    if documented.content.is_empty() || content.is_empty() {
        let media = media_of(&documented.content, headers).map(|(_, media)| media);
        return CheckedContent {
            media,
            ..CheckedContent::default()
        };
    }
    let Some((sent, media)) = media_of(&documented.content, headers) else {
        return CheckedContent {
            violations: vec![unreadable("the media type is not documented")],
            ..CheckedContent::default()
        };
    };
    let (violations, value) = match content::read(content, &sent, media) {
        Ok(Content::Value(value)) => (validate::of_content(media, &value), Some(value)),
        Ok(Content::Opaque) => (Vec::new(), None),
        Err(malformed) => (vec![unreadable(&malformed.detail)], None),
    };
    CheckedContent {
        violations,
        media: Some(media),
        value,
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
    let sent = media_of(&documented.content, headers).map(|(_, media)| media);
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
