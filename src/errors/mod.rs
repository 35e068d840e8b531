//! Faults of a request → the documented error: status, example, wording.
//!
//! [`reject`] finds the documented response for a fault and fills it with the findings. Where the
//! document has no error, the answer is a problem from `problem`.

mod body;
pub(crate) mod catalogue;
mod convention;
mod fault;
pub(crate) mod finding;
mod fit;
pub(crate) mod overrides;
pub(crate) mod prism;
pub mod problem;
mod reading;
mod slot;
mod stated;
pub(crate) mod survey;
pub(crate) mod templates;
mod unknown;
mod words;
use std::borrow::Cow;

use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use crate::codec::accept::{Accept, concrete};
use crate::codec::content;
use crate::contract::media::{MediaRange, Written};
use crate::contract::{Contract, DocumentedResponse, MediaType, Operation, StatusPattern};
use crate::errors::catalogue::known;
use crate::errors::convention::has_success;
pub(crate) use crate::errors::fault::Fault;
use crate::errors::finding::Finding;
use crate::errors::overrides::{ErrorOverrides, UNKNOWN_PATH};
use crate::errors::problem::{Problem, ProblemForm};
use crate::errors::stated::stated_status;
use crate::errors::templates::{ResponseOwner, TemplateStore, WordedError};
use crate::generate::{self, GenerateOptions};
use crate::resource::{KeyFrom, Resources};
use crate::validate::ContentFault;

/// Error to answer with.
#[derive(Debug)]
pub(crate) struct Rejection<'c> {
    /// The status to send.
    pub status: StatusCode,
    /// Documented response, whose headers are sent too; none if the document has no such response.
    pub response: Option<&'c DocumentedResponse>,
    /// The media type to send.
    pub media: Cow<'c, MediaRange>,
    /// The content to send.
    pub content: Written,
    /// Source of the wording, for the log.
    pub reason: String,
    /// Header fields that fixtures set; they replace others of their names.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Preferences that the error meets, for `Preference-Applied`.
    pub applied: Vec<String>,
    /// Problem that is the content, if the document has no error.
    pub problem: Option<Box<Problem>>,
}

/// Contract and request path for which errors are answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ErrorContext<'c> {
    /// The contract.
    pub contract: &'c Contract,
    /// Resources of the contract.
    pub resources: &'c Resources,
    /// Error templates of the contract.
    pub templates: &'c TemplateStore,
    /// The path of the request.
    pub path: &'c str,
    /// Form of the errors that the document does not have.
    pub form: ProblemForm,
}

/// Documented response for an error.
#[derive(Debug, Clone, Copy)]
struct FoundResponse<'c> {
    status: StatusCode,
    pattern: StatusPattern,
    response: &'c DocumentedResponse,
    /// Operation that documents the response.
    operation: &'c Operation,
    /// Owner of the response: the operation of the request, or another one.
    whose: ResponseOwner,
}

/// Answers a fault with the error that the operation documents, else with the one that other
/// operations of the document use, else with a problem.
#[must_use]
pub(crate) fn reject<'c>(
    context: ErrorContext<'c>,
    operation: &'c Operation,
    fault: &Fault,
    accept: &Accept,
    options: &GenerateOptions,
) -> Rejection<'c> {
    let names_nothing = names_nothing(operation, fault);
    let findings = if names_nothing {
        vec![Finding::whole("notFound", Value::Null)]
    } else {
        fault.findings()
    };
    let overruled = ErrorOverrides::of(operation);
    let rule = findings
        .first()
        .map(|finding| finding.rule.as_str())
        .unwrap_or_default();
    let asked = overruled.and_then(|overruled| overruled.status(rule));
    let own = own_response(operation, fault, asked, names_nothing);
    let mut problem = fault.problem();
    problem.status = own
        .map(|own| own.status)
        .or(asked)
        .or_else(|| usual_status(context, operation.document, fault))
        .unwrap_or(problem.status);
    let status = problem.status;
    let mut findings = findings;
    if overruled.is_some() {
        Finding::count(&mut findings);
    }
    let at = |finding: &Finding| {
        let finding = finding.clone().at(status, context.path);
        overruled.map_or(finding.clone(), |overruled| overruled.tell(finding))
    };
    let findings: Vec<Finding> = findings.iter().map(at).collect();
    let rule = findings
        .first()
        .map(|finding| finding.rule.clone())
        .unwrap_or_default();
    let headers = overruled
        .zip(findings.first())
        .map(|(overruled, first)| overruled.headers(first))
        .unwrap_or_default();
    let own_body =
        overruled.and_then(|overruled| ErrorOverrides::body_of(overruled.body(&rule)?, &findings));
    if let Some(body) = own_body {
        let media = overruled.and_then(|overruled| overruled.media_type(&rule));
        let rejection = from_fixture(status, own.map(|own| own.response), &body, media, accept);
        return Rejection {
            headers,
            ..rejection
        };
    }
    let rejecting = Rejecting {
        context,
        operation,
        fault,
        accept,
        options,
    };
    Rejection {
        headers,
        ..rejecting.documented(own, findings, &rule, problem)
    }
}

/// Fault of a request that the documented error answers.
struct Rejecting<'r, 'c> {
    context: ErrorContext<'c>,
    operation: &'c Operation,
    fault: &'r Fault,
    accept: &'r Accept,
    options: &'r GenerateOptions,
}

impl<'c> Rejecting<'_, 'c> {
    /// Returns the documented error filled in with the findings, else a problem.
    fn documented(
        &self,
        own: Option<FoundResponse<'c>>,
        findings: Vec<Finding>,
        rule: &str,
        mut problem: Problem,
    ) -> Rejection<'c> {
        let (context, operation, fault) = (self.context, self.operation, self.fault);
        let overruled = ErrorOverrides::of(operation);
        let status = problem.status;
        let found = own
            .filter(|own| !own.response.content.is_empty())
            .or_else(|| usual_response(context, operation.document, status));
        let Some(found) = found else {
            if let Some(own) = own.filter(|_| context.form == ProblemForm::Prism) {
                return without_content(own);
            }
            let message = findings
                .first()
                .filter(|_| overruled.is_some())
                .and_then(|first| first.operands.get("message"));
            problem.detail = message
                .and_then(Value::as_str)
                .map_or(problem.detail, str::to_owned);
            return from_problem(
                &problem,
                own.map(|own| own.response),
                "the document has no error for it",
            );
        };
        let named = overruled.and_then(|overruled| overruled.example(rule));
        if let (Fault::Unknown { noun, .. }, None, None) = (fault, named, overruled)
            && let Some(value) = unknown::shown(
                context.contract,
                context.resources,
                operation,
                found.pattern,
                noun,
            )
            && let Some(media) = self.accept.best(&found.response.content)
        {
            let reason = "the example for a missing entity".to_owned();
            return written_as(found, media, &with_key(value, fault), reason);
        }
        from_response(
            context,
            found,
            findings,
            named,
            &problem,
            fault,
            self.accept,
            self.options,
        )
    }
}

/// Answers a fault that belongs to no operation, with the error that the operations of a document
/// use, else with a problem.
#[must_use]
pub(crate) fn reject_all<'c>(
    context: ErrorContext<'c>,
    document: usize,
    fault: &Fault,
    accept: &Accept,
    options: &GenerateOptions,
) -> Rejection<'c> {
    let mut problem = fault.problem();
    let overruled = match fault {
        Fault::UnknownPath { .. } => ErrorOverrides::of_unknown_paths(context.contract, document),
        _ => None,
    };
    if let Some(status) = overruled.and_then(|overruled| overruled.status(UNKNOWN_PATH)) {
        problem.status = status;
    }
    let status = problem.status;
    let at = |finding: Finding| finding.at(status, context.path);
    let mut findings: Vec<Finding> = fault.findings().into_iter().map(at).collect();
    let mut headers = Vec::new();
    if let Some(overruled) = overruled {
        for finding in &mut findings {
            UNKNOWN_PATH.clone_into(&mut finding.rule);
            *finding = overruled.tell(finding.clone());
        }
        let set = findings.first().map(|first| overruled.headers(first));
        headers = set.unwrap_or_default();
        let body = overruled.body(UNKNOWN_PATH);
        let body = body.and_then(|body| ErrorOverrides::body_of(body, &findings));
        if let Some(body) = body {
            let media = overruled.media_type(UNKNOWN_PATH);
            return Rejection {
                headers,
                ..from_fixture(status, None, &body, media, accept)
            };
        }
    }
    let Some(found) = usual_response(context, document, problem.status) else {
        let message = findings
            .first()
            .and_then(|first| first.operands.get("message"));
        let message = message.filter(|_| overruled.is_some());
        problem.detail = message
            .and_then(Value::as_str)
            .map_or(problem.detail, str::to_owned);
        return Rejection {
            headers,
            ..from_problem(&problem, None, "the document has no error for it")
        };
    };
    if overruled.is_some() {
        // The documented error is worded as for any other thing that does not exist.
        for finding in &mut findings {
            "notFound".clone_into(&mut finding.rule);
        }
    }
    Rejection {
        headers,
        ..from_response(
            context, found, findings, None, &problem, fault, accept, options,
        )
    }
}

/// Fills the error of a documented response; falls back to the problem if the response has no
/// content that the client accepts, or neither example nor schema.
#[expect(
    clippy::too_many_arguments,
    reason = "what is wrong, where it is documented, and what the client accepts"
)]
fn from_response<'c>(
    context: ErrorContext<'c>,
    found: FoundResponse<'c>,
    mut findings: Vec<Finding>,
    named: Option<&str>,
    problem: &Problem,
    fault: &Fault,
    accept: &Accept,
    options: &GenerateOptions,
) -> Rejection<'c> {
    let Some(media) = accept.best(&found.response.content) else {
        return from_problem(
            problem,
            Some(found.response),
            "the documented error has no content",
        );
    };
    // The `detail` of a problem has room for the hint of a fault.
    let has_room = || concrete(media).as_str().starts_with(problem::MEDIA_TYPE);
    let says_why = match fault {
        Fault::Impossible(_) => found.whose == ResponseOwner::Other,
        Fault::NoKey(_) => true,
        _ => false,
    };
    if says_why || fault.has_hint() && has_room() {
        for finding in &mut findings {
            finding
                .operands
                .insert("message".to_owned(), Value::String(problem.detail.clone()));
        }
    }
    match tell(context, found, media, &findings, named, options) {
        Some(told) => {
            let hint = fault
                .lost_hint()
                .map(|hint| format!(" ({hint})"))
                .unwrap_or_default();
            let value = with_key(&told.value, fault);
            written_as(found, media, &value, told.reason + &hint)
        }
        None => from_problem(
            problem,
            Some(found.response),
            "the documented error has neither example nor schema",
        ),
    }
}

/// Returns an error with the key of the request in its sentence, if the fault is about an entity.
fn with_key<'v>(value: &'v Value, fault: &Fault) -> Cow<'v, Value> {
    match fault {
        Fault::Unknown { noun, key, .. } | Fault::Conflict { noun, key } if !key.is_empty() => {
            unknown::with_key(value, noun, &fault::shortened(key))
        }
        _ => Cow::Borrowed(value),
    }
}

/// Writes a value as the content of a documented response.
fn written_as<'c>(
    found: FoundResponse<'c>,
    media: &'c MediaType,
    value: &Value,
    reason: String,
) -> Rejection<'c> {
    let range = concrete(media);
    let content = content::write(value, &range, Some(media));
    let reason = match found.whose {
        ResponseOwner::Own => reason,
        ResponseOwner::Other => format!("as other operations document it: {reason}"),
    };
    let (status, response) = (found.status, Some(found.response));
    Rejection {
        status,
        response,
        media: range,
        content,
        reason,
        headers: Vec::new(),
        applied: Vec::new(),
        problem: None,
    }
}

/// Returns the response that an operation documents for a fault, or for the status in `asked`.
fn own_response<'c>(
    operation: &'c Operation,
    fault: &Fault,
    asked: Option<StatusCode>,
    names_nothing: bool,
) -> Option<FoundResponse<'c>> {
    let not_found = || at_status(operation, StatusCode::NOT_FOUND).filter(|_| names_nothing);
    let own = || not_found().or_else(|| documented(operation, fault));
    let found = match asked {
        // If the fixtures set a status that is not documented, the body is that of the documented
        // error.
        Some(status) => at_status(operation, status)
            .or_else(|| own().map(|(_, pattern, response)| (status, pattern, response))),
        None => own(),
    };
    found.map(|(status, pattern, response)| FoundResponse {
        status,
        pattern,
        response,
        operation,
        whose: ResponseOwner::Own,
    })
}

/// Returns true if an invalid path parameter is answered with 404: if the operation documents 404,
/// and neither 400, 422, `4XX` nor a default that is an error.
fn names_nothing(operation: &Operation, fault: &Fault) -> bool {
    let documents = |pattern: StatusPattern| operation.response_at(pattern).is_some();
    let exact = |code: u16| {
        StatusCode::from_u16(code).is_ok_and(|code| documents(StatusPattern::Exact(code)))
    };
    let documents_wrong = exact(400)
        || exact(422)
        || documents(StatusPattern::Range(4))
        || has_success(operation) && documents(StatusPattern::Default);
    fault.is_about_path() && exact(404) && !documents_wrong
}

/// Returns the status that operations of a document use for a fault, for an operation that
/// documents none.
fn usual_status(context: ErrorContext<'_>, document: usize, fault: &Fault) -> Option<StatusCode> {
    if context.form == ProblemForm::Prism {
        return None;
    }
    let conventions = context.templates.conventions(context.contract, document);
    match fault {
        Fault::Violations(_) => conventions.of_violations(),
        Fault::Content(ContentFault::Malformed(_)) => conventions.of_malformed(),
        _ => None,
    }
}

/// Statuses that an API answers in the same way for every operation; errors of other statuses that
/// an operation does not document are problems.
const ALIKE: [u16; 11] = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 429];

/// Returns the response that operations of a document use for a status.
fn usual_response(
    context: ErrorContext<'_>,
    document: usize,
    status: StatusCode,
) -> Option<FoundResponse<'_>> {
    if !ALIKE.contains(&status.as_u16()) || context.form == ProblemForm::Prism {
        return None;
    }
    let documented = context
        .templates
        .conventions(context.contract, document)
        .response(status)?;
    let (operation, response) = documented.of(context.contract)?;
    Some(FoundResponse {
        status,
        pattern: documented.pattern,
        response,
        operation,
        whose: ResponseOwner::Other,
    })
}

/// Returns true if an operation of a document documents exactly this status, with content.
#[must_use]
pub(crate) fn is_usual(context: ErrorContext<'_>, document: usize, status: StatusCode) -> bool {
    context
        .templates
        .conventions(context.contract, document)
        .of_status(status)
        .is_some()
}

/// Writes a body from the fixtures in the media type that they set, else in the documented one that the
/// client prefers, else as plain text or JSON.
fn from_fixture<'c>(
    status: StatusCode,
    response: Option<&'c DocumentedResponse>,
    value: &Value,
    set: Option<&'c MediaRange>,
    accept: &Accept,
) -> Rejection<'c> {
    let media = response
        .and_then(|response| accept.best(&response.content))
        .filter(|_| set.is_none());
    let by_value = if value.is_string() {
        "text/plain; charset=utf-8"
    } else {
        "application/json"
    };
    let by_value = || MediaRange::parse(by_value).map(Cow::Owned);
    let range = set
        .map(Cow::Borrowed)
        .or_else(|| media.map(concrete))
        .or_else(by_value)
        .expect("it is a media type");
    let content = match value.as_str() {
        Some("") => Written::default(),
        _ => content::write(value, &range, media),
    };
    let reason = "errors of the fixtures".to_owned();
    Rejection {
        status,
        response,
        media: range,
        content,
        reason,
        headers: Vec::new(),
        applied: Vec::new(),
        problem: None,
    }
}

/// Answers with the status of a documented response that has no content.
fn without_content(own: FoundResponse<'_>) -> Rejection<'_> {
    Rejection {
        status: own.status,
        response: Some(own.response),
        media: Cow::Owned(MediaRange::parse("text/plain").expect("it is a media type")),
        content: Written::default(),
        reason: "the documented error, which has no content".to_owned(),
        headers: Vec::new(),
        applied: Vec::new(),
        problem: None,
    }
}

/// Functions that load the data that every invalid request needs; each can run on its own thread.
pub(crate) const WARM_UPS: [fn(); 2] = [|| drop(known::candidates("")), reading::warm_up];

fn from_problem<'c>(
    problem: &Problem,
    response: Option<&'c DocumentedResponse>,
    why: &str,
) -> Rejection<'c> {
    Rejection {
        status: problem.status,
        response,
        media: Cow::Owned(MediaRange::parse(problem::MEDIA_TYPE).expect("it is a media type")),
        content: Written {
            bytes: problem.content(),
            ..Written::default()
        },
        reason: format!("problem, {why}"),
        headers: Vec::new(),
        applied: Vec::new(),
        problem: Some(Box::new(problem.clone())),
    }
}

/// Returns the response documented for a status: the status itself, its range, or the default.
fn at_status(
    operation: &Operation,
    status: StatusCode,
) -> Option<(StatusCode, StatusPattern, &DocumentedResponse)> {
    let patterns = [
        StatusPattern::Exact(status),
        StatusPattern::Range(status.as_u16() / 100),
        StatusPattern::Default,
    ];
    patterns
        .into_iter()
        .find_map(|pattern| Some((status, pattern, operation.response_at(pattern)?)))
}

/// Returns the documented response for a fault: of one of its statuses, else of their range
/// (`4XX`), else the default unless that documents the success, else 400 or 422 for an unknown
/// entity that a field refers to.
fn documented<'c>(
    operation: &'c Operation,
    fault: &Fault,
) -> Option<(StatusCode, StatusPattern, &'c DocumentedResponse)> {
    let statuses = fault
        .statuses()
        .iter()
        .filter_map(|code| StatusCode::from_u16(*code).ok());
    let statuses = statuses.chain(fault.own_status());
    let statuses: Vec<StatusCode> = statuses.collect();
    let at = |status: StatusCode, pattern: StatusPattern| {
        Some((status, pattern, operation.response_at(pattern)?))
    };
    let exact = statuses
        .iter()
        .find_map(|status| at(*status, StatusPattern::Exact(*status)));
    let first = *statuses.first()?;
    let range = || at(first, StatusPattern::Range(first.as_u16() / 100));
    let default = || {
        if has_success(operation) {
            at(first, StatusPattern::Default)
        } else {
            None
        }
    };
    // A field that refers to an unknown entity is an invalid field, if nothing better is
    // documented.
    let of_field = || {
        let is_field = matches!(
            fault,
            Fault::Unknown {
                by: KeyFrom::Field | KeyFrom::Nothing,
                ..
            }
        );
        [400, 422]
            .into_iter()
            .filter(|_| is_field)
            .find_map(|code| {
                let status = StatusCode::from_u16(code).ok()?;
                at(status, StatusPattern::Exact(status))
            })
    };
    exact.or_else(|| {
        let (status, pattern, response) = range().or_else(default).or_else(of_field)?;
        let is_of_request = matches!(
            fault,
            Fault::Violations(_) | Fault::Content(ContentFault::Malformed(_))
        );
        let stated = if is_of_request {
            stated_status(response)
        } else {
            None
        };
        Some((stated.unwrap_or(status), pattern, response))
    })
}

/// Returns the body of the error, valid against its schema wherever that is possible.
fn tell(
    context: ErrorContext<'_>,
    found: FoundResponse<'_>,
    media: &MediaType,
    findings: &[Finding],
    named: Option<&str>,
    options: &GenerateOptions,
) -> Option<WordedError> {
    let voice = context
        .templates
        .of(context.contract, found.operation, found.pattern, media);
    let by_name = named
        .filter(|_| found.whose == ResponseOwner::Own)
        .and_then(|name| voice.tell_example(media, name, findings));
    let told = by_name.or_else(|| voice.tell(media, findings, found.whose))?;
    // A schema does not describe a body that is text already, such as an XML document.
    let is_text = told.value.is_string() && !media.range.is_json();
    let Some(schema) = media
        .schema
        .as_ref()
        .filter(|_| !is_text && !told.is_of_family)
    else {
        return Some(told);
    };
    if schema.is_valid(&told.value) != Ok(false) {
        return Some(told);
    }
    // Generate what the schema requires beyond the body; if that fails, fill the schema alone.
    let repaired = generate::repair(schema, &told.value, options);
    let by_schema = || voice.tell_by_schema(media, findings);
    let valid = repaired.or_else(|| {
        let shaped = by_schema()?;
        if schema.is_valid(&shaped) == Ok(true) {
            Some(shaped)
        } else {
            generate::repair(schema, &shaped, options)
        }
    });
    let made = || {
        Some(generate::generate(schema, options))
            .filter(|made| made.fits)
            .map(|made| made.value)
    };
    let value = valid.or_else(made);
    Some(match value {
        Some(value) => WordedError {
            value,
            reason: format!("{}, made to fit its schema", told.reason),
            ..told
        },
        None => told,
    })
}
