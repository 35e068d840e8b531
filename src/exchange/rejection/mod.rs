//! Violations → the error that the document promises: status, example, wording.
//!
//! Where the document has none it is our own, from `problem`.

mod body;
pub mod catalogue;
pub mod finding;
pub mod overruling;
mod reading;
mod slot;
pub mod survey;
mod unknown;
pub mod voice;
mod words;

use std::borrow::Cow;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use self::catalogue::role::Role;
use self::finding::Finding;
use self::overruling::Overruled;
use self::voice::{Told, Voices};
use super::content;
use super::credentials::MissingCredentials;
use super::generate::{self, Manner};
use super::negotiate::{Accept, concrete};
use super::problem::{self, Kind, Problem};
use super::validate::{ContentFault, Violation};
use crate::contract::media::MediaRange;
use crate::contract::{Contract, MediaType, Operation, Response, StatusPattern, Written};
use crate::state::resource::{KeyFrom, Resources};

/// What is wrong with a request, gravest first: only one kind is answered.
#[derive(Debug)]
pub enum Fault {
    /// No credentials, or not of the documented form.
    Credentials(MissingCredentials),
    /// Larger than is read; the limit in bytes.
    TooLarge(usize),
    /// Of no documented type, or not of its type.
    Content(ContentFault),
    /// Parameters or body do not fit.
    Violations(Vec<Violation>),
    /// The path is documented for other methods.
    Method(Method),
    /// None of the types of the answer is accepted.
    NotAcceptable(Problem),
    /// An error that somebody asked for by its status.
    Status(StatusCode),
    /// There is no entity that is called so.
    Unknown {
        /// `pet`
        noun: String,
        /// `7`; empty if it was searched for.
        key: String,
        /// How the request named it.
        by: KeyFrom,
    },
    /// There is an entity that is called so already.
    Conflict {
        /// `pet`
        noun: String,
        /// `7`
        key: String,
    },
    /// The entity is not what the client takes it for.
    Stale,
    /// The change cannot be made of the entity.
    Impossible(String),
    /// The session has no room for more.
    Full,
}

/// The error to answer with.
#[derive(Debug)]
pub struct Rejection<'c> {
    /// The status to send.
    pub status: StatusCode,
    /// The documented response, with headers of its own.
    pub response: Option<&'c Response>,
    /// The media type to send.
    pub media: Cow<'c, MediaRange>,
    /// The content to send.
    pub content: Written,
    /// Where the words come from, for the log.
    pub reason: String,
    /// The preferences that it meets, for `Preference-Applied`.
    pub applied: Vec<String>,
}

impl Fault {
    /// The statuses that a document may have for it, best first; the first is sent where only a
    /// range or the default is documented.
    fn statuses(&self) -> &'static [u16] {
        match self {
            Self::Credentials(_) => &[401],
            Self::TooLarge(_) => &[413],
            Self::Content(ContentFault::UnsupportedMediaType(_)) => &[415],
            Self::Content(ContentFault::Malformed(_)) => &[400, 422],
            Self::Violations(_) => &[422, 400],
            Self::Method(_) => &[405],
            Self::NotAcceptable(_) => &[406],
            Self::Status(_) => &[],
            Self::Unknown { .. } => &[404, 410],
            Self::Conflict { .. } => &[409],
            Self::Stale => &[412],
            Self::Impossible(_) => &[422, 409, 400],
            Self::Full => &[507],
        }
    }

    /// What can be said of it.
    fn findings(&self) -> Vec<Finding> {
        let whole = |rule: &str, operands: Value| vec![Finding::whole(rule, operands)];
        match self {
            Self::Credentials(missing) => whole("credentials", json!({ "detail": missing.detail })),
            Self::TooLarge(limit) => whole("tooLarge", json!({ "limit": limit })),
            Self::Content(ContentFault::UnsupportedMediaType(sent)) => {
                whole("unsupportedMediaType", json!({ "media": sent.clone().unwrap_or_default() }))
            }
            Self::Content(ContentFault::Malformed(malformed)) => {
                // `malformed JSON: EOF …`: what it is not is said in the API's voice, why is in the header.
                let kind = malformed.detail.split(':').next().unwrap_or_default();
                let kind = kind.strip_prefix("malformed ").unwrap_or("content");
                // What the parser says of it: `EOF while parsing a value at line 1 column 5`.
                let said = malformed_detail(malformed);
                let said = said.split_once(": ").map_or(said.as_str(), |(_, why)| why);
                let operands = json!({ "detail": said, "media": kind });
                let finding = Finding::whole("malformed", operands);
                vec![Finding { location: "body", ..finding }]
            }
            Self::Violations(violations) => violations.iter().map(Finding::of).collect(),
            Self::Method(method) => whole("methodNotAllowed", json!({ "method": method.as_str() })),
            Self::NotAcceptable(_) => whole("notAcceptable", Value::Null),
            Self::Status(status) => whole(rule_of(*status), Value::Null),
            Self::Unknown { .. } => whole("notFound", Value::Null),
            Self::Conflict { .. } => whole("conflict", Value::Null),
            Self::Stale | Self::Impossible(_) | Self::Full => whole("failure", Value::Null),
        }
    }

    /// What is wrong, in lines for the log and for `Standin-Violations`.
    #[must_use]
    pub fn summaries(&self) -> Vec<String> {
        match self {
            Self::Credentials(missing) => vec![format!("credentials: {}", missing.detail)],
            Self::Violations(violations) => violations.iter().map(Violation::summary).collect(),
            Self::TooLarge(_) | Self::Content(_) => vec![format!("body: {}", self.problem().detail)],
            Self::Method(_)
            | Self::NotAcceptable(_)
            | Self::Status(_)
            | Self::Unknown { .. }
            | Self::Conflict { .. }
            | Self::Stale
            | Self::Impossible(_)
            | Self::Full => Vec::new(),
        }
    }

    fn problem(&self) -> Problem {
        match self {
            Self::Credentials(missing) => {
                let problem = Problem::new(Kind::Unauthorized, StatusCode::UNAUTHORIZED, missing.detail.clone());
                Problem { violations: missing.violations.clone(), ..problem }
            }
            Self::TooLarge(limit) => {
                let detail = format!("the content has more than {limit} bytes");
                Problem::new(Kind::TooLarge, StatusCode::PAYLOAD_TOO_LARGE, detail)
            }
            Self::Content(ContentFault::UnsupportedMediaType(sent)) => {
                let sent = sent.as_deref().map_or_else(
                    || "the content has no media type".to_owned(),
                    |sent| format!("`{sent}` is not documented"),
                );
                Problem::new(Kind::UnsupportedMediaType, StatusCode::UNSUPPORTED_MEDIA_TYPE, sent)
            }
            Self::Content(ContentFault::Malformed(malformed)) => {
                Problem::new(Kind::Malformed, StatusCode::BAD_REQUEST, malformed_detail(malformed))
            }
            Self::Violations(violations) => {
                let detail = violations.first().map(Violation::summary).unwrap_or_default();
                let problem = Problem::new(Kind::Violation, StatusCode::UNPROCESSABLE_ENTITY, detail);
                Problem { violations: violations.clone(), ..problem }
            }
            Self::NotAcceptable(problem) => problem.clone(),
            Self::Method(method) => {
                let detail = format!("the path documents no {method}");
                Problem::new(Kind::MethodNotAllowed, StatusCode::METHOD_NOT_ALLOWED, detail)
            }
            Self::Status(status) => {
                let detail = format!("{} was asked for", status.as_u16());
                Problem::new(Kind::UndocumentedStatus, *status, detail)
            }
            Self::Unknown { noun, key, .. } if key.is_empty() => {
                let detail = format!("no {noun} is what the request asks for");
                Problem::new(Kind::UnknownEntity, StatusCode::NOT_FOUND, detail)
            }
            Self::Unknown { noun, key, .. } => Problem::new(
                Kind::UnknownEntity,
                StatusCode::NOT_FOUND,
                format!("no {noun} is called `{}`", shortened(key)),
            ),
            Self::Conflict { noun, key } => {
                let detail = format!("another {noun} is called `{}`", shortened(key));
                Problem::new(Kind::Conflict, StatusCode::CONFLICT, detail)
            }
            Self::Stale => {
                let detail = "the entity is not what `If-Match` or `If-None-Match` of the request takes it for";
                Problem::new(Kind::Stale, StatusCode::PRECONDITION_FAILED, detail)
            }
            Self::Full => {
                let detail =
                    "the session has no room for more, see `--session-memory`; `POST /_standin/reset` empties it";
                Problem::new(Kind::Full, StatusCode::INSUFFICIENT_STORAGE, detail)
            }
            Self::Impossible(why) => {
                Problem::new(Kind::Conflict, StatusCode::CONFLICT, format!("the patch cannot be applied: {why}"))
            }
        }
    }
}

/// The rule that an error of a status is about.
fn rule_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "credentials",
        403 => "forbidden",
        404 | 410 => "notFound",
        405 => "methodNotAllowed",
        406 => "notAcceptable",
        409 => "conflict",
        413 => "tooLarge",
        415 => "unsupportedMediaType",
        429 => "tooManyRequests",
        _ => "failure",
    }
}

/// `malformed JSON: EOF while parsing a value at line 1 column 8`
fn malformed_detail(malformed: &content::Malformed) -> String {
    match malformed.place {
        Some((line, column)) => format!("{} at line {line} column {column}", malformed.detail),
        None => malformed.detail.clone(),
    }
}

/// A key as it can be repeated in a message.
fn shortened(key: &str) -> String {
    const LONGEST: usize = 100;
    key.chars().take(LONGEST).collect()
}

/// What a request is answered with.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'c> {
    /// The contract.
    pub contract: &'c Contract,
    /// Its resources.
    pub resources: &'c Resources,
    /// Its voices.
    pub voices: &'c Voices,
    /// The path of the request.
    pub path: &'c str,
}

/// Answers a fault as the operation documents it.
#[must_use]
pub fn reject<'c>(
    ground: Ground<'c>,
    operation: &'c Operation,
    fault: &Fault,
    accept: &Accept,
    manner: &Manner,
) -> Rejection<'c> {
    let mut problem = fault.problem();
    let findings = fault.findings();
    let overruled = Overruled::of(operation);
    let rule = findings.first().map(|finding| finding.rule.as_str()).unwrap_or_default();
    let asked = overruled.and_then(|overruled| overruled.status(rule));
    let documented = match asked {
        // An error that is not documented for the status has the body of the one that is.
        Some(status) => at_status(operation, status)
            .or_else(|| documented(operation, fault).map(|(_, pattern, response)| (status, pattern, response))),
        None => documented(operation, fault),
    };
    let own_body = overruled.and_then(|overruled| {
        let status = documented.map(|(status, ..)| status).or(asked).unwrap_or(problem.status);
        let told = findings.iter().map(|finding| overruled.tell(finding.clone().at(status, ground.path)));
        Some((status, overruled.body_of(overruled.body(rule)?, &told.collect::<Vec<_>>())?))
    });
    if let Some((status, body)) = own_body {
        return from_fixture(status, documented.map(|(.., response)| response), &body, accept);
    }
    let Some((status, pattern, response)) = documented else {
        problem.status = asked.unwrap_or(problem.status);
        let told = |finding: &Finding| {
            overruled.map(|overruled| overruled.tell(finding.clone().at(problem.status, ground.path)))
        };
        let message =
            findings.first().and_then(told).and_then(|told| Some(told.operands.get("message")?.as_str()?.to_owned()));
        problem.detail = message.unwrap_or(problem.detail);
        return from_problem(&problem, None, "the document has no error for it");
    };
    problem.status = status;
    let Some(media) = accept.best(&response.content) else {
        return from_problem(&problem, Some(response), "the documented error has no content");
    };
    let at = |finding: Finding| {
        let finding = finding.at(status, ground.path);
        match overruled {
            Some(overruled) => overruled.tell(finding),
            None => finding,
        }
    };
    let rule = rule.to_owned();
    let findings: Vec<Finding> = findings.into_iter().map(at).collect();
    let named = overruled.and_then(|overruled| overruled.example(&rule));
    if let (Fault::Unknown { noun, .. }, None, None) = (fault, named, overruled)
        && let Some(value) = unknown::shown(ground, operation, pattern, noun)
    {
        let range = concrete(media);
        let content = content::write(value, &range, Some(media));
        let reason = "the example that says so".to_owned();
        return Rejection { status, response: Some(response), media: range, content, reason, applied: Vec::new() };
    }
    match tell(ground, operation, pattern, media, &findings, named, manner) {
        Some(told) => {
            let range = concrete(media);
            let content = content::write(&told.value, &range, Some(media));
            Rejection {
                status,
                response: Some(response),
                media: range,
                content,
                reason: told.reason,
                applied: Vec::new(),
            }
        }
        None => from_problem(&problem, Some(response), "the documented error has neither example nor schema"),
    }
}

/// What the user wrote, in the documented type that fits.
fn from_fixture<'c>(
    status: StatusCode,
    response: Option<&'c Response>,
    value: &Value,
    accept: &Accept,
) -> Rejection<'c> {
    let media = response.and_then(|response| accept.best(&response.content));
    let by_value = if value.is_string() { "text/plain; charset=utf-8" } else { "application/json" };
    let by_value = || MediaRange::parse(by_value).map(Cow::Owned);
    let range = media.map(concrete).or_else(by_value).expect("it is a media type");
    let content = content::write(value, &range, media);
    let reason = "errors of the fixtures".to_owned();
    Rejection { status, response, media: range, content, reason, applied: Vec::new() }
}

/// What reads what any wrong request needs: each may be done on a thread of its own.
pub const WARM_UPS: [fn(); 2] = [|| drop(catalogue::idiom::candidates("")), reading::warm_up];

/// Whether an operation documents a response for a fault.
#[must_use]
pub fn is_documented(operation: &Operation, fault: &Fault) -> bool {
    documented(operation, fault).is_some_and(|(_, _, response)| !response.content.is_empty())
}

fn from_problem<'c>(problem: &Problem, response: Option<&'c Response>, why: &str) -> Rejection<'c> {
    Rejection {
        status: problem.status,
        response,
        media: Cow::Owned(MediaRange::parse(problem::MEDIA_TYPE).expect("it is a media type")),
        content: Written { bytes: problem.content(), ..Written::default() },
        reason: format!("problem, {why}"),
        applied: Vec::new(),
    }
}

/// The response documented for a status: itself, its range, the default.
fn at_status(operation: &Operation, status: StatusCode) -> Option<(StatusCode, StatusPattern, &Response)> {
    let patterns = [StatusPattern::Exact(status), StatusPattern::Range(status.as_u16() / 100), StatusPattern::Default];
    patterns.into_iter().find_map(|pattern| Some((status, pattern, operation.response_at(pattern)?)))
}

/// The documented response: of one of the statuses, else of `4XX`, else the default, unless that
/// is what a success is documented as.
fn documented<'c>(operation: &'c Operation, fault: &Fault) -> Option<(StatusCode, StatusPattern, &'c Response)> {
    let asked = match fault {
        Fault::Status(status) => Some(*status),
        _ => None,
    };
    let statuses = fault.statuses().iter().filter_map(|code| StatusCode::from_u16(*code).ok()).chain(asked);
    let statuses: Vec<StatusCode> = statuses.collect();
    let at = |status: StatusCode, pattern: StatusPattern| Some((status, pattern, operation.response_at(pattern)?));
    let exact = statuses.iter().find_map(|status| at(*status, StatusPattern::Exact(*status)));
    let first = *statuses.first()?;
    let range = || at(first, StatusPattern::Range(first.as_u16() / 100));
    let default = || {
        let is_success = |pattern: &StatusPattern| pattern.status().is_success() && *pattern != StatusPattern::Default;
        let has_success = operation.responses.iter().any(|(pattern, _)| is_success(pattern));
        if has_success { at(first, StatusPattern::Default) } else { None }
    };
    // A field that names nothing is a field that is wrong, where nothing better is documented.
    let of_field = || {
        let is_field = matches!(fault, Fault::Unknown { by: KeyFrom::Field | KeyFrom::Nothing, .. });
        [400, 422].into_iter().filter(|_| is_field).find_map(|code| {
            let status = StatusCode::from_u16(code).ok()?;
            at(status, StatusPattern::Exact(status))
        })
    };
    exact.or_else(|| {
        let (status, pattern, response) = range().or_else(default).or_else(of_field)?;
        let is_of_request = matches!(fault, Fault::Violations(_) | Fault::Content(ContentFault::Malformed(_)));
        let stated = if is_of_request { stated_status(response) } else { None };
        Some((stated.unwrap_or(status), pattern, response))
    })
}

/// The status that the examples of a response for several of them are of: `{"status": 400, …}`.
fn stated_status(response: &Response) -> Option<StatusCode> {
    let examples = response.content.iter().flat_map(|media| &media.examples);
    let of_value = |value: &Value| {
        let members =
            value.as_object()?.iter().chain(value.get("error").and_then(Value::as_object).into_iter().flatten());
        let mut statuses = members.filter(|(name, _)| Role::Status.fits(name)).filter_map(|(_, value)| value.as_u64());
        statuses.find_map(|status| StatusCode::from_u16(u16::try_from(status).ok()?).ok())
    };
    let mut stated = examples.filter_map(|example| of_value(example.value()));
    stated.find(|status| matches!(status.as_u16(), 400 | 422))
}

/// The body of the error, valid by its schema wherever that is possible.
fn tell(
    ground: Ground<'_>,
    operation: &Operation,
    pattern: StatusPattern,
    media: &MediaType,
    findings: &[Finding],
    named: Option<&str>,
    manner: &Manner,
) -> Option<Told> {
    let voice = ground.voices.of(ground.contract, operation, pattern, media);
    let told =
        named.and_then(|name| voice.tell_example(media, name, findings)).or_else(|| voice.tell(media, findings))?;
    // A document that is a text already is not what its schema describes.
    let is_text = told.value.is_string() && !media.range.is_json();
    let Some(schema) = media.schema.as_ref().filter(|_| !is_text) else { return Some(told) };
    if schema.is_valid(&told.value) != Ok(false) {
        return Some(told);
    }
    // What the schema demands beyond it is made; where that does not help the schema alone speaks.
    let repaired = generate::repair(schema, &told.value, manner);
    let by_schema = || voice.tell_by_schema(media, findings);
    let valid = repaired.or_else(|| {
        let shaped = by_schema()?;
        if schema.is_valid(&shaped) == Ok(true) { Some(shaped) } else { generate::repair(schema, &shaped, manner) }
    });
    let made = || Some(generate::generate(schema, manner)).filter(|made| made.fits).map(|made| made.value);
    let value = valid.or_else(made);
    Some(match value {
        Some(value) => Told { value, reason: format!("{}, made to fit its schema", told.reason) },
        None => told,
    })
}
