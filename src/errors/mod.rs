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
pub(crate) mod survey;
pub(crate) mod templates;
mod unknown;
mod words;
use std::borrow::Cow;

use http::StatusCode;
use serde_json::Value;

use crate::codec::accept::{Accept, concrete};
use crate::codec::content;
use crate::contract::media::{MediaRange, Written};
use crate::contract::{Contract, DocumentedResponse, MediaType, Operation, StatusPattern};
use crate::errors::catalogue::known;
use crate::errors::catalogue::role::MemberRole;
use crate::errors::convention::has_success;
pub(crate) use crate::errors::fault::Fault;
use crate::errors::finding::Finding;
use crate::errors::overrides::ErrorOverrides;
use crate::errors::problem::{Problem, ProblemForm};
use crate::errors::templates::{ResponseOwner, TemplateStore, WordedError};
use crate::generate::{self, GenerateOptions};
use crate::resource::{KeyFrom, Resources};
use crate::schema::Schema;
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
    let at = |finding: &Finding| {
        let finding = finding.clone().at(status, context.path);
        overruled.map_or(finding.clone(), |overruled| overruled.tell(finding))
    };
    let findings: Vec<Finding> = findings.iter().map(at).collect();
    let rule = findings
        .first()
        .map(|finding| finding.rule.clone())
        .unwrap_or_default();
    let own_body =
        overruled.and_then(|overruled| ErrorOverrides::body_of(overruled.body(&rule)?, &findings));
    if let Some(body) = own_body {
        return from_fixture(status, own.map(|own| own.response), &body, accept);
    }
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
    let named = overruled.and_then(|overruled| overruled.example(&rule));
    if let (Fault::Unknown { noun, .. }, None, None) = (fault, named, overruled)
        && let Some(value) = unknown::shown(
            context.contract,
            context.resources,
            operation,
            found.pattern,
            noun,
        )
        && let Some(media) = accept.best(&found.response.content)
    {
        let reason = "the example for a missing entity".to_owned();
        return told_as(found, media, &with_key(value, fault), reason);
    }
    from_response(
        context, found, findings, named, &problem, fault, accept, options,
    )
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
    let problem = fault.problem();
    let Some(found) = usual_response(context, document, problem.status) else {
        return from_problem(&problem, None, "the document has no error for it");
    };
    let findings = fault
        .findings()
        .into_iter()
        .map(|finding| finding.at(problem.status, context.path))
        .collect();
    from_response(
        context, found, findings, None, &problem, fault, accept, options,
    )
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
    let says_why = matches!(fault, Fault::Impossible(_)) && found.whose == ResponseOwner::Other;
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
            told_as(found, media, &value, told.reason + &hint)
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
fn told_as<'c>(
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

/// Writes a body from the fixtures in the documented media type that the client prefers, else as
/// plain text or JSON.
fn from_fixture<'c>(
    status: StatusCode,
    response: Option<&'c DocumentedResponse>,
    value: &Value,
    accept: &Accept,
) -> Rejection<'c> {
    let media = response.and_then(|response| accept.best(&response.content));
    let by_value = if value.is_string() {
        "text/plain; charset=utf-8"
    } else {
        "application/json"
    };
    let by_value = || MediaRange::parse(by_value).map(Cow::Owned);
    let range = media
        .map(concrete)
        .or_else(by_value)
        .expect("it is a media type");
    let content = content::write(value, &range, media);
    let reason = "errors of the fixtures".to_owned();
    Rejection {
        status,
        response,
        media: range,
        content,
        reason,
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

/// Returns the status, 400 or 422, that the examples of a response state, for a response for
/// several statuses: `{"status": 400, …}`.
fn stated_status(response: &DocumentedResponse) -> Option<StatusCode> {
    let examples = response.content.iter().flat_map(|media| &media.examples);
    let of_value = |value: &Value| {
        let members = value.as_object()?.iter().chain(
            value
                .get("error")
                .and_then(Value::as_object)
                .into_iter()
                .flatten(),
        );
        let mut statuses = members
            .filter(|(name, _)| MemberRole::Status.fits(name))
            .filter_map(|(_, value)| value.as_u64());
        statuses.find_map(|status| StatusCode::from_u16(u16::try_from(status).ok()?).ok())
    };
    let mut stated = examples.filter_map(|example| of_value(example.value()));
    stated
        .find(|status| matches!(status.as_u16(), 400 | 422))
        .or_else(|| status_of_codes(response))
}

/// Returns the status, 400 or 422, that the error codes of a response are named after:
/// `invalid_request` (RFC 6749 §5.2), `bad_request`, `unprocessable_entity`.
fn status_of_codes(response: &DocumentedResponse) -> Option<StatusCode> {
    let schemas = response
        .content
        .iter()
        .filter_map(|media| media.schema.as_ref());
    let examples = response.content.iter().flat_map(|media| &media.examples);
    schemas
        .flat_map(|schema| codes(schema, schema.tree(), 0))
        .chain(examples.flat_map(|example| shown_codes(example.value(), 0)))
        .find_map(|code| {
            let code = crate::schema::name::folded(code);
            match code.strip_suffix("error").unwrap_or(&code) {
                "invalidrequest" | "badrequest" => Some(StatusCode::BAD_REQUEST),
                "unprocessable" | "unprocessableentity" => Some(StatusCode::UNPROCESSABLE_ENTITY),
                _ => None,
            }
        })
}

/// Returns the texts of the members for error codes in an example, up to 3 objects deep.
fn shown_codes(example: &Value, depth: usize) -> Vec<&str> {
    const DEEPEST: usize = 3;
    let mut found = Vec::new();
    for (name, member) in example.as_object().into_iter().flatten() {
        match member {
            Value::String(code) if MemberRole::Code.fits(name) => found.push(code.as_str()),
            member if depth < DEEPEST => found.extend(shown_codes(member, depth + 1)),
            _ => {}
        }
    }
    found
}

/// Returns the texts that members for error codes may have, up to 3 objects deep.
fn codes<'s>(schema: &'s Schema, node: &'s Value, depth: usize) -> Vec<&'s str> {
    const DEEPEST: usize = 3;
    let mut found = Vec::new();
    for (name, property) in schema.properties(node) {
        let property = schema.resolve(property);
        if let Some(allowed) = property.get("enum").and_then(Value::as_array) {
            let allowed = allowed.iter().filter_map(Value::as_str);
            found.extend(allowed.filter(|_| MemberRole::Code.fits(name)));
        } else if depth < DEEPEST {
            found.extend(codes(schema, property, depth + 1));
        }
    }
    found
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
