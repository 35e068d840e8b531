//! Violations → the error that the document promises: status, example, wording.
//!
//! Where the document has none it is our own, from `problem`.

pub mod idiom;
mod wording;

use http::StatusCode;
use serde_json::Value;

use self::wording::Fit;
use super::content;
use super::credentials::MissingCredentials;
use super::generate::{self, Manner};
use super::negotiate::{Accept, concrete};
use super::problem::{self, Kind, Problem};
use super::validate::{ContentFault, Violation};
use crate::contract::media::MediaRange;
use crate::contract::{MediaType, Operation, Response, StatusPattern, Written};

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
}

/// The error to answer with.
#[derive(Debug)]
pub struct Rejection<'c> {
    /// The status to send.
    pub status: StatusCode,
    /// The documented response, with headers of its own.
    pub response: Option<&'c Response>,
    /// The media type to send.
    pub media: MediaRange,
    /// The content to send.
    pub content: Written,
    /// Where the words come from, for the log.
    pub reason: String,
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
        }
    }

    /// What is wrong, in lines for the log and for `Standin-Violations`.
    #[must_use]
    pub fn summaries(&self) -> Vec<String> {
        match self {
            Self::Credentials(missing) => vec![format!("credentials: {}", missing.detail)],
            Self::Violations(violations) => violations.iter().map(Violation::summary).collect(),
            Self::TooLarge(_) | Self::Content(_) => vec![format!("body: {}", self.problem().detail)],
        }
    }

    /// The violations that an error can speak of.
    fn violations(&self) -> Vec<Violation> {
        match self {
            Self::Violations(violations) => violations.clone(),
            Self::Content(ContentFault::Malformed(malformed)) => {
                vec![Violation::malformed(&malformed_detail(malformed))]
            }
            _ => Vec::new(),
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
        }
    }
}

/// `malformed JSON: EOF while parsing a value at line 1 column 8`
fn malformed_detail(malformed: &content::Malformed) -> String {
    match malformed.place {
        Some((line, column)) => format!("{} at line {line} column {column}", malformed.detail),
        None => malformed.detail.clone(),
    }
}

/// Answers a fault as the operation documents it.
#[must_use]
pub fn reject<'c>(operation: &'c Operation, fault: &Fault, accept: &Accept, manner: &Manner) -> Rejection<'c> {
    let mut problem = fault.problem();
    let Some((status, response)) = documented(operation, fault) else {
        return from_problem(&problem, None, "the document has no error for it");
    };
    problem.status = status;
    let Some(media) = accept.best(&response.content) else {
        return from_problem(&problem, Some(response), "the documented error has no content");
    };
    match speak(operation, fault, media, status, manner) {
        Some((content, reason)) => {
            Rejection { status, response: Some(response), media: concrete(media), content, reason }
        }
        None => from_problem(&problem, Some(response), "the documented error has neither example nor schema"),
    }
}

fn from_problem<'c>(problem: &Problem, response: Option<&'c Response>, why: &str) -> Rejection<'c> {
    Rejection {
        status: problem.status,
        response,
        media: MediaRange::parse(problem::MEDIA_TYPE).expect("it is a media type"),
        content: Written { bytes: problem.content(), ..Written::default() },
        reason: format!("problem, {why}"),
    }
}

/// The documented response: of one of the statuses, else of `4XX`, else the default, unless that
/// is what a success is documented as.
fn documented<'c>(operation: &'c Operation, fault: &Fault) -> Option<(StatusCode, &'c Response)> {
    let statuses = fault.statuses().iter().filter_map(|code| StatusCode::from_u16(*code).ok());
    let statuses: Vec<StatusCode> = statuses.collect();
    let exact =
        statuses.iter().find_map(|status| Some((*status, operation.response_at(StatusPattern::Exact(*status))?)));
    let first = *statuses.first()?;
    let range = || Some((first, operation.response_at(StatusPattern::Range(4))?));
    let default = || {
        let is_success = |pattern: &StatusPattern| pattern.status().is_success() && *pattern != StatusPattern::Default;
        let has_success = operation.responses.iter().any(|(pattern, _)| is_success(pattern));
        has_success.then_some((first, operation.response_at(StatusPattern::Default)?))
    };
    exact.or_else(range).or_else(default)
}

/// The content of the error, in the words of the document.
fn speak(
    operation: &Operation,
    fault: &Fault,
    media: &MediaType,
    status: StatusCode,
    manner: &Manner,
) -> Option<(Written, String)> {
    let range = concrete(media);
    let violations = fault.violations();
    let is_about_fields = !violations.is_empty();
    if let Some(example) = media.examples.first() {
        if !is_about_fields {
            return Some((content::of_example(example, &range, Some(media), manner), "documented example".to_owned()));
        }
        let (value, reason) = from_examples(operation, media, &violations);
        return Some((content::write(&value, &range, Some(media)), reason));
    }
    let schema = media.schema.as_ref()?;
    if let Some(problem) = own_problem(fault, media, status) {
        return Some((content::write(&problem, &range, Some(media)), "problem, as the document has one".to_owned()));
    }
    let mut value = generate::generate(schema, manner).value;
    let sentence = if is_about_fields { wording::sentence(&violations[0]) } else { fault.problem().detail };
    put_valid_message(media, &mut value, &sentence);
    Some((content::write(&value, &range, Some(media)), "made from the documented schema".to_owned()))
}

/// Our own problem, where the document has problem details of RFC 9457 too and it fits them.
fn own_problem(fault: &Fault, media: &MediaType, status: StatusCode) -> Option<Value> {
    let mut problem = fault.problem();
    problem.status = status;
    let value: Value = serde_json::from_slice(&problem.content()).ok()?;
    (media.range.essence() == problem::MEDIA_TYPE && !breaks(media, &value)).then_some(value)
}

/// The documented example that fits the first violation best, reworded.
fn from_examples(operation: &Operation, media: &MediaType, violations: &[Violation]) -> (Value, String) {
    let names = names(operation);
    let reworded = media.examples.iter().map(|example| {
        let (fit, value) = wording::reword(example.value(), violations, names);
        (fit, example, value)
    });
    let mut best: Option<(Fit, _, Value)> = None;
    for candidate in reworded {
        if best.as_ref().is_none_or(|best| candidate.0 > best.0) {
            best = Some(candidate);
        }
    }
    let Some((fit, example, mut value)) = best else { return (Value::Null, String::new()) };
    let named = if example.name.is_empty() { "the example".to_owned() } else { format!("example `{}`", example.name) };
    if fit == Fit::None {
        let sentence = wording::sentence(&violations[0]);
        put_valid_message(media, &mut value, &sentence);
        wording::leave_out_the_rest(&mut value, &sentence, |value| !breaks(media, value));
        return (value, format!("{named}, with a neutral sentence"));
    }
    if breaks(media, &value) && !breaks(media, example.value()) {
        return (example.value().clone(), format!("{named}, as other words do not fit its schema"));
    }
    (value, format!("{named}, reworded"))
}

fn breaks(media: &MediaType, value: &Value) -> bool {
    media.schema.as_ref().is_some_and(|schema| schema.is_valid(value) == Ok(false))
}

/// Puts the sentence where there is a place for it, unless the schema then does not fit any more.
fn put_valid_message(media: &MediaType, value: &mut Value, sentence: &str) {
    let mut candidate = value.clone();
    if wording::put_message(&mut candidate, sentence) && (!breaks(media, &candidate) || breaks(media, value)) {
        *value = candidate;
    }
}

/// Every name that the request of an operation has: parameters, and properties at any depth.
fn names(operation: &Operation) -> &[String] {
    operation.names.get_or_init(|| {
        let mut names: Vec<String> = operation.parameters.iter().map(|parameter| parameter.name.clone()).collect();
        for media in operation.body.iter().flat_map(|body| &body.content) {
            names.extend(media.schema.iter().flat_map(|schema| schema.all_property_names(schema.tree())));
        }
        names
    })
}
