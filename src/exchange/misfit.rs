//! Checks an answer against the document: status, media type, content and header fields.
//!
//! `finish` uses it for `--errors` and `--prism`.
use http::header::CONTENT_TYPE;
use serde_json::json;

use crate::codec::content::{self, Content};
use crate::codec::message::Response;
use crate::contract::media::MediaRange;
use crate::contract::{DocumentedResponse, Location, Operation, StatusPattern};
use crate::exchange::header_meaning::fits;
use crate::validate::{self, Subject, Violation};

/// Returns the violations of an answer of an operation; none if the document does not describe it.
pub(super) fn violations(operation: &Operation, response: &Response) -> Vec<Violation> {
    let status = response.status();
    let patterns = [
        StatusPattern::Exact(status),
        StatusPattern::Range(status.as_u16() / 100),
        StatusPattern::Default,
    ];
    let mut documented = patterns
        .into_iter()
        .filter_map(|pattern| operation.response_at(pattern));
    let Some(documented) = documented.next() else {
        return undocumented(operation, response);
    };
    let mut found = of_content(documented, response);
    found.extend(of_headers(documented, response));
    found
}

/// Returns the violation of a success that an operation does not document, if it documents others.
fn undocumented(operation: &Operation, response: &Response) -> Vec<Violation> {
    let responses = &operation.compiled().responses;
    let is_success = |pattern: &StatusPattern| pattern.status().is_success();
    if !response.status().is_success() || !responses.iter().any(|(there, _)| is_success(there)) {
        return Vec::new();
    }
    let detail = format!(
        "the status {} is not documented",
        response.status().as_u16()
    );
    vec![unreadable(&detail)]
}

fn of_content(documented: &DocumentedResponse, response: &Response) -> Vec<Violation> {
    if documented.content.is_empty() || response.body().is_empty() {
        return Vec::new();
    }
    let sent = response.headers().get(CONTENT_TYPE);
    let sent = sent.and_then(|value| MediaRange::parse(value.to_str().ok()?));
    let fitting = sent.as_ref().and_then(|sent| {
        let fitting = documented
            .content
            .iter()
            .filter(|media| media.range.covers(sent));
        fitting.max_by_key(|media| media.range.specificity())
    });
    let (Some(sent), Some(media)) = (sent, fitting) else {
        return vec![unreadable("the media type is not documented")];
    };
    match content::read(response.body(), &sent, media) {
        Ok(Content::Value(value)) => validate::of_content(media, &value),
        Ok(Content::Opaque) => Vec::new(),
        Err(malformed) => vec![unreadable(&malformed.detail)],
    }
}

fn of_headers(documented: &DocumentedResponse, response: &Response) -> Vec<Violation> {
    let mut found = Vec::new();
    for header in &documented.headers {
        let lines = response.headers().get_all(&header.name).iter();
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
