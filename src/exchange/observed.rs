//! Judges requests and responses that the sandbox did not answer: those of the real API.
//!
//! `upstream` calls it; nothing is planned, and no session is touched.
use http::header::{
    CONTENT_TYPE, EXPECT, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, RANGE,
};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use serde_json::{Value, json};

use crate::codec::content::{self, Content};
use crate::codec::message::{Body, CodingFault, Request};
use crate::contract::route::Routed;
use crate::contract::{
    Contract, DocumentedResponse, Location, MediaType, Operation, StatusPattern,
};
use crate::errors::Fault;
use crate::exchange::judge::judge;
use crate::exchange::misfit;
pub(crate) use crate::exchange::misfit::media_of;
use crate::exchange::read::ReadRequest;
use crate::exchange::settings::{Settings, Validation};
use crate::exchange::{allow, shown, variant};
use crate::schema::pattern::within;
use crate::validate::{self, Subject, Violation};

/// Request that was compared with the contract.
#[derive(Debug)]
pub(crate) struct JudgedRequest {
    /// Index of the operation; `None` if the documents have none for the method and the path.
    pub operation: Option<usize>,
    /// Faults, gravest first.
    pub faults: Vec<Fault>,
    /// Parts that could not be checked, one sentence each.
    pub unchecked: Vec<String>,
}

/// Response that was compared with its operation.
#[derive(Debug, Default)]
pub(crate) struct JudgedResponse {
    /// Violations; an undocumented status or media type is one.
    pub violations: Vec<Violation>,
    /// Value of the content, if it was read as a documented media type.
    pub value: Option<Value>,
    /// Parts that could not be checked, one sentence each.
    pub unchecked: Vec<String>,
}

/// Compares a request with the contract; all faults are returned, whatever the validation of the
/// settings.
#[must_use]
pub(crate) fn judge_request(
    contract: &Contract,
    settings: &Settings,
    request: &Request,
) -> JudgedRequest {
    let settings = &Settings {
        validation: Validation::Warn,
        ..*settings
    };
    let judged = |index, values: &[String]| {
        let read = variant::read(contract, index, values, settings, request);
        let mut unchecked = validate::unchecked(&read.received);
        match request.body() {
            Body::TooLarge(limit) => unchecked.push(over_limit("request", *limit)),
            Body::Missing => unchecked.push(not_whole("request")),
            Body::Complete(_) | Body::Undecodable(_) => {}
        }
        JudgedRequest {
            operation: Some(read.index),
            faults: faults_of(&read, settings),
            unchecked,
        }
    };
    let (method, path) = (request.method(), request.uri().path());
    match contract.route(method, path) {
        Routed::Operation(index, values) => judged(index, &values),
        Routed::OtherMethods(methods) => {
            if *method == Method::HEAD
                && let Routed::Operation(index, values) = contract.route(&Method::GET, path)
            {
                return judged(index, &values);
            }
            let fault = Fault::Method {
                method: method.clone(),
                detail: format!(
                    "`{}` documents no {method}; it documents {}",
                    shown(path),
                    allow(&methods).to_str().unwrap_or_default()
                ),
            };
            undocumented(fault)
        }
        Routed::Unknown => undocumented(Fault::UnknownPath {
            method: method.clone(),
            detail: format!("no document has the path `{}`", shown(path)),
        }),
    }
}

/// Returns the faults of a request. Content over the limit was not read, so that nothing is said of
/// it.
fn faults_of(read: &ReadRequest<'_, '_>, settings: &Settings) -> Vec<Fault> {
    // One budget for the patterns of the whole request.
    within(|| judge(read, settings)).0
}

fn undocumented(fault: Fault) -> JudgedRequest {
    JudgedRequest {
        operation: None,
        faults: vec![fault],
        unchecked: Vec::new(),
    }
}

fn over_limit(side: &str, limit: usize) -> String {
    format!("the content of the {side} is larger than {limit} bytes and was not checked")
}

fn not_whole(side: &str) -> String {
    format!("the content of the {side} is not known as a whole and was not checked")
}

/// Compares a response with the operation that was requested with `method`. The content is without
/// content coding.
#[must_use]
pub(crate) fn judge_response(
    operation: &Operation,
    request: &Request,
    response: &http::Response<Body>,
) -> JudgedResponse {
    let (status, method) = (response.status(), request.method());
    let is_of_http = answers_header_field(request.headers(), status);
    if is_of_http
        && operation
            .response_at(StatusPattern::Exact(status))
            .is_none()
    {
        return JudgedResponse::default();
    }
    let Some(documented) = misfit::documented(operation, status) else {
        let is_known = operation.compiled().responses.is_empty();
        let found = (!is_known).then(|| misfit::undocumented_status(status));
        return JudgedResponse {
            violations: found.into_iter().collect(),
            ..JudgedResponse::default()
        };
    };
    let headers = response.headers();
    let (mut violations, mut unchecked, mut value) = (Vec::new(), Vec::new(), None);
    match response.body() {
        Body::Complete(_) if *method == Method::HEAD => {}
        Body::Complete(content) if content.is_empty() => {
            violations.extend(misfit::of_no_content(documented, status, headers));
        }
        Body::Complete(content) => {
            let checked = within(|| misfit::check_content(documented, headers, content)).0;
            unchecked = unchecked_parts(checked.media);
            (violations, value) = (checked.violations, checked.value);
        }
        Body::TooLarge(limit) => unchecked.push(over_limit("response", *limit)),
        Body::Missing => unchecked.push(not_whole("response")),
        Body::Undecodable(CodingFault::Unknown(name)) => unchecked.push(format!(
            "the content of the response has the coding `{name}`, which cannot be decoded, and was not checked"
        )),
        Body::Undecodable(CodingFault::Malformed(detail)) => violations.push(Violation::new(
            Subject::Body,
            "malformed",
            json!({ "detail": detail }),
        )),
    }
    violations.extend(misfit::of_headers(documented, headers));
    // RFC 9110 §9.3.2: an answer to HEAD may lack header fields that only the content tells.
    if *method != Method::HEAD {
        violations.extend(missing_headers(documented, response));
    }
    JudgedResponse {
        violations,
        value,
        unchecked,
    }
}

/// Returns true for a status that answers a header field of the request, as HTTP itself defines it: a document
/// need not tell it.
#[must_use]
pub(crate) fn answers_header_field(request: &HeaderMap, status: StatusCode) -> bool {
    let has = |names: &[HeaderName]| names.iter().any(|name| request.contains_key(name));
    match status {
        // RFC 9110 §15.3.7 and §15.5.17
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => has(&[RANGE]),
        // RFC 9110 §15.4.5: real servers send it from caches, too.
        StatusCode::NOT_MODIFIED => true,
        // RFC 9110 §15.5.13
        StatusCode::PRECONDITION_FAILED => has(&[
            IF_MATCH,
            IF_NONE_MATCH,
            IF_MODIFIED_SINCE,
            IF_UNMODIFIED_SINCE,
            IF_RANGE,
        ]),
        // RFC 9110 §15.5.18
        StatusCode::EXPECTATION_FAILED => has(&[EXPECT]),
        _ => false,
    }
}

/// Returns the value of the content of a response, and the documented media type that it was read
/// as; `None` if the document does not describe the content or it cannot be read.
#[must_use]
pub(crate) fn response_value<'o>(
    operation: &'o Operation,
    response: &http::Response<Body>,
) -> Option<(Value, &'o MediaType)> {
    let documented = misfit::documented(operation, response.status())?;
    let (sent, media) = misfit::media_of(&documented.content, response.headers())?;
    match content::read(&response.body().bytes(), &sent, media) {
        Ok(Content::Value(value)) => Some((value, media)),
        _ => None,
    }
}

fn unchecked_parts(media: Option<&MediaType>) -> Vec<String> {
    let schemas = media
        .into_iter()
        .flat_map(|media| media.schema.iter().chain(&media.item));
    let mut told: Vec<String> = Vec::new();
    for fault in schemas.flat_map(|schema| schema.faults()) {
        let sentence = fault.sentence();
        if !told.contains(&sentence) {
            told.push(sentence);
        }
    }
    told
}

/// Returns a violation for each required header field that a response lacks. `Content-Type` is none
/// (OpenAPI 3.1 §4.8.17.1).
fn missing_headers(
    documented: &DocumentedResponse,
    response: &http::Response<Body>,
) -> Vec<Violation> {
    let required = documented
        .headers
        .iter()
        .filter(|header| header.required && header.name != CONTENT_TYPE);
    let missing = required.filter(|header| !response.headers().contains_key(&header.name));
    missing
        .map(|header| {
            let subject = Subject::Parameter(Location::Header, header.name.to_string());
            Violation::new(
                subject,
                "required",
                json!({ "property": header.name.as_str() }),
            )
        })
        .collect()
}
