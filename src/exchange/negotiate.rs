//! Chooses the response to a valid request: status, media type and example.
//!
//! `answer` runs it after validation; invalid requests are rejected before, with an error from
//! `errors`.
use core::time::Duration;
use std::borrow::Cow;

use http::StatusCode;
use serde_json::Value;

use crate::codec::accept::is_without_content;
use crate::codec::preference::Preferences;
use crate::contract::example::Example;
use crate::contract::fixture::{Fixture, FixtureAnswer, FixtureHeaderValue};
use crate::contract::media::MediaRange;
use crate::contract::simulation::Break;
use crate::contract::{DocumentedResponse, MediaType, Operation, StatusPattern};
use crate::document::number::same;
use crate::errors::problem::{Problem, ProblemKind};
use crate::exchange::criteria::ResponseCriteria;
use crate::exchange::staging::Staging;
use crate::validate::Values;

/// Chosen response.
#[derive(Debug, Clone)]
pub(crate) struct Choice<'c> {
    /// Status to send.
    pub status: StatusCode,
    /// Documented response, if the document has one for the status.
    pub response: Option<&'c DocumentedResponse>,
    /// Source of the content.
    pub content: ContentSource<'c>,
    /// Media type to send; `None` for a response without content.
    pub media: Option<Cow<'c, MediaRange>>,
    /// Preferences that were met, for `Preference-Applied` (RFC 7240 §3).
    pub applied: Vec<String>,
    /// Reason for the choice, for the log.
    pub reason: Cow<'static, str>,
    /// Fixture that gives the answer, and simulated faults and limits.
    pub staging: Staging<'c>,
}

/// Source of the content of a response.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ContentSource<'c> {
    /// Documented example of a media type, or the body of a fixture.
    Example(&'c Example, Option<&'c MediaType>),
    /// Value generated from the schema of a media type.
    Generated(&'c MediaType),
    /// No content.
    Empty,
}

/// Chooses the response to a valid request, to which the fixtures of `staging` apply.
///
/// # Errors
///
/// A [`Problem`], if the client requires a status or an example that is not documented, if the
/// client accepts none of the documented media types, if a fixture simulates an error that is not
/// documented, or if the documented status changes the protocol (1xx).
pub(crate) fn choose<'c>(
    operation: &'c Operation,
    criteria: &ResponseCriteria<'_, '_>,
    staging: Staging<'c>,
) -> Result<Choice<'c>, Problem> {
    if let Some(wait) = staging.retry_after {
        let detail = format!(
            "`{}` was called too often; call it again in {} s",
            operation.name(),
            seconds(wait)
        );
        return failure(
            operation,
            StatusCode::TOO_MANY_REQUESTS,
            ProblemKind::Limited,
            detail,
            staging,
            criteria,
        );
    }
    if let Some(Break::Status(status)) = staging.fault {
        let detail = format!("a fixture makes `{}` fail", operation.name());
        return failure(
            operation,
            status,
            ProblemKind::Simulated,
            detail,
            staging,
            criteria,
        );
    }
    let choice = match staging.answering() {
        Some(fixture) => from_fixture(operation, fixture, criteria)?,
        None => usual(operation, criteria)?,
    };
    Ok(Choice { staging, ..choice })
}

/// Returns the response that an operation has without fixtures.
///
/// # Errors
///
/// See [`choose`].
pub(crate) fn usual<'c>(
    operation: &'c Operation,
    criteria: &ResponseCriteria<'_, '_>,
) -> Result<Choice<'c>, Problem> {
    let (status, response, named) = status_and_example(operation, criteria.preferences)?;
    if status.is_informational() {
        let detail = format!(
            "`{}` is documented to answer {}, which changes the protocol",
            operation.name(),
            status.as_u16()
        );
        return Err(Problem::new(
            ProblemKind::Upgrade,
            StatusCode::UPGRADE_REQUIRED,
            detail,
        ));
    }
    let mut choice = content(operation, status, response, named, criteria)?;
    choice.applied = applied(criteria.preferences, &choice);
    Ok(choice)
}

/// Returns whole seconds, rounded up (RFC 9110 §10.2.3).
#[must_use]
pub(crate) fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// Returns the response for an error that a fixture simulates: the fixture's own answer, else the
/// documented one, else a problem.
fn failure<'c>(
    operation: &'c Operation,
    status: StatusCode,
    kind: ProblemKind,
    detail: String,
    staging: Staging<'c>,
    criteria: &ResponseCriteria<'_, '_>,
) -> Result<Choice<'c>, Problem> {
    let own = staging
        .fixture
        .filter(|fixture| !fixture.has_documented_body());
    if let Some(fixture) = own {
        let choice = from_fixture(operation, fixture, criteria)?;
        let status = fixture.status.unwrap_or(status);
        return Ok(Choice {
            status,
            staging,
            ..choice
        });
    }
    let status = staging
        .fixture
        .and_then(|fixture| fixture.status)
        .unwrap_or(status);
    match operation.response(status) {
        Some(response) => {
            let choice = content(operation, status, Some(response), None, criteria)?;
            Ok(Choice { staging, ..choice })
        }
        None => {
            let retry_after = staging.retry_after.map(seconds);
            Err(Problem {
                retry_after,
                ..Problem::new(kind, status, detail)
            })
        }
    }
}

/// Returns the answer of a fixture.
fn from_fixture<'c>(
    operation: &'c Operation,
    fixture: &'c Fixture,
    criteria: &ResponseCriteria<'_, '_>,
) -> Result<Choice<'c>, Problem> {
    match &fixture.answer {
        FixtureAnswer::Body(body) => {
            let (status, response) = match fixture.status {
                Some(status) => (status, operation.response(status)),
                None => operation
                    .success()
                    .map_or((StatusCode::OK, None), |(status, response)| {
                        (status, Some(response))
                    }),
            };
            let offered = response
                .map(|response| response.content.as_slice())
                .unwrap_or_default();
            let media = criteria
                .accept
                .best(offered)
                .map(|media| criteria.accept.concrete(media));
            let media =
                fixture_media(fixture, media, body.value()).filter(|_| !is_without_content(status));
            Ok(Choice {
                response,
                content: ContentSource::Example(body, None),
                media,
                ..without_content(status, "its body")
            })
        }
        FixtureAnswer::Example(name) => {
            let preferences = Preferences {
                code: fixture.status,
                example: Some(name.clone()),
                ..Preferences::default()
            };
            let (status, response, named) = status_and_example(operation, &preferences)?;
            content(operation, status, response, named, criteria)
        }
        FixtureAnswer::Documented => match fixture.status {
            Some(status) => with_status(operation, status, criteria),
            None => usual(operation, criteria),
        },
    }
}

/// Returns the documented response for a status; for an undocumented status of the class of the
/// success, the success with this status.
///
/// # Errors
///
/// [`ProblemKind::Simulated`] for an undocumented error.
fn with_status<'c>(
    operation: &'c Operation,
    status: StatusCode,
    criteria: &ResponseCriteria<'_, '_>,
) -> Result<Choice<'c>, Problem> {
    let is_of_class = |success: StatusCode| success.as_u16() / 100 == status.as_u16() / 100;
    let success = || {
        let (success, response) = operation.success()?;
        is_of_class(success).then_some(response)
    };
    match operation.response(status).or_else(success) {
        Some(response) => content(operation, status, Some(response), None, criteria),
        None if status.as_u16() < 400 => {
            Ok(without_content(status, "its status is not documented"))
        }
        None => {
            let detail = format!(
                "a fixture answers `{}` with {}, which the document does not have",
                operation.name(),
                status.as_u16()
            );
            Err(Problem::new(ProblemKind::Simulated, status, detail))
        }
    }
}

fn without_content<'c>(status: StatusCode, reason: &'static str) -> Choice<'c> {
    Choice {
        status,
        response: None,
        content: ContentSource::Empty,
        media: None,
        applied: Vec::new(),
        reason: Cow::Borrowed(reason),
        staging: Staging::default(),
    }
}

/// Returns the media type of a fixture's own body: from its header fields, else as documented,
/// else by the type of the value.
fn fixture_media<'c>(
    fixture: &Fixture,
    documented: Option<Cow<'c, MediaRange>>,
    body: &Value,
) -> Option<Cow<'c, MediaRange>> {
    let own = fixture.headers.iter().find_map(|line| match &line.value {
        FixtureHeaderValue::Fixed(value) if line.name == http::header::CONTENT_TYPE => {
            MediaRange::parse(value.to_str().ok()?)
        }
        _ => None,
    });
    let own = own.map(Cow::Owned);
    let by_value = if body.is_string() {
        "text/plain; charset=utf-8"
    } else {
        "application/json"
    };
    own.or(documented)
        .or_else(|| MediaRange::parse(by_value).map(Cow::Owned))
}

type RequestedResponse<'c> = (StatusCode, Option<&'c DocumentedResponse>, Option<&'c str>);

/// Returns the requested status, else that of the response with the requested example, else that
/// of a success.
fn status_and_example<'c>(
    operation: &'c Operation,
    preferences: &Preferences,
) -> Result<RequestedResponse<'c>, Problem> {
    let named = |response: &'c DocumentedResponse| {
        let wanted = preferences.example.as_deref();
        let examples = response.content.iter().flat_map(|media| &media.examples);
        examples
            .map(|example| example.name.as_str())
            .find(|name| Some(*name) == wanted)
    };
    if let Some(code) = preferences.code {
        let Some(response) = operation.response(code) else {
            return Err(undocumented_status(operation, code));
        };
        return match (named(response), &preferences.example) {
            (None, Some(wanted)) => Err(undocumented_example(operation, wanted, &[response])),
            (name, _) => Ok((code, Some(response), name)),
        };
    }
    let success = operation.success();
    let Some(wanted) = &preferences.example else {
        let undocumented = || (operation.undocumented_success(), None, None);
        return Ok(success.map_or_else(undocumented, |(status, response)| {
            (status, Some(response), None)
        }));
    };
    let is_error = |pattern: &StatusPattern| {
        *pattern == StatusPattern::Default && operation.compiled().responses.len() > 1
    };
    let others = operation
        .compiled()
        .responses
        .iter()
        .map(|(pattern, response)| {
            // Beside other responses, `default` documents errors.
            let status = if is_error(pattern) {
                StatusCode::INTERNAL_SERVER_ERROR
            } else {
                pattern.status()
            };
            (status, &**response)
        });
    let mut all = success.into_iter().chain(others);
    match all.find_map(|(status, response)| Some((status, response, named(response)?))) {
        Some((status, response, name)) => Ok((status, Some(response), Some(name))),
        None => {
            let all: Vec<&DocumentedResponse> = operation
                .compiled()
                .responses
                .iter()
                .map(|(_, response)| &**response)
                .collect();
            Err(undocumented_example(operation, wanted, &all))
        }
    }
}

fn undocumented_status(operation: &Operation, code: StatusCode) -> Problem {
    let documented: Vec<String> = operation
        .compiled()
        .responses
        .iter()
        .map(|(pattern, _)| pattern.to_string())
        .collect();
    let detail = format!(
        "`{}` documents no {}; it documents {}",
        operation.name(),
        code.as_u16(),
        documented.join(", ")
    );
    Problem::new(
        ProblemKind::UndocumentedStatus,
        StatusCode::NOT_FOUND,
        detail,
    )
}

fn undocumented_example(
    operation: &Operation,
    wanted: &str,
    responses: &[&DocumentedResponse],
) -> Problem {
    let examples = responses
        .iter()
        .flat_map(|response| &response.content)
        .flat_map(|media| &media.examples);
    let names: Vec<String> = examples
        .filter(|example| !example.name.is_empty())
        .map(|example| format!("`{}`", example.name))
        .collect();
    let there_are = if names.is_empty() {
        "none by name".to_owned()
    } else {
        names.join(", ")
    };
    let detail = format!(
        "`{}` documents no example `{wanted}`; it documents {there_are}",
        operation.name()
    );
    Problem::new(
        ProblemKind::UndocumentedExample,
        StatusCode::NOT_FOUND,
        detail,
    )
}

fn content<'c>(
    operation: &'c Operation,
    status: StatusCode,
    response: Option<&'c DocumentedResponse>,
    named: Option<&str>,
    criteria: &ResponseCriteria<'_, '_>,
) -> Result<Choice<'c>, Problem> {
    let choice = |content, media, reason: Cow<'static, str>| Choice {
        status,
        response,
        content,
        media,
        applied: Vec::new(),
        reason,
        staging: Staging::default(),
    };
    let offered = response
        .map(|response| response.content.as_slice())
        .unwrap_or_default();
    if response.is_none() && status == StatusCode::NO_CONTENT {
        return Ok(choice(
            ContentSource::Empty,
            None,
            "no success is documented".into(),
        ));
    }
    if offered.is_empty() || is_without_content(status) {
        return Ok(choice(
            ContentSource::Empty,
            None,
            "the document has no content for it".into(),
        ));
    }
    let with_example = |media: &&MediaType| {
        named.is_none_or(|name| media.examples.iter().any(|example| example.name == name))
    };
    let able: Vec<&MediaType> = offered.iter().filter(with_example).collect();
    let media = match stream(operation, &able, criteria.values) {
        Stream::Requested(media) => Some(media),
        Stream::Unwanted => {
            let whole = able
                .iter()
                .copied()
                .filter(|media| media.range.sequence().is_none());
            criteria
                .accept
                .best_of(whole)
                .or_else(|| criteria.accept.best_of(able.iter().copied()))
        }
        Stream::Unsaid => criteria.accept.best_of(able.iter().copied()),
    };
    let Some(media) = media else {
        return Err(not_acceptable(offered));
    };
    let range = Some(criteria.accept.concrete(media));
    if criteria.generates(status) && media.schema.is_some() {
        let reason = match criteria.preferences.dynamic {
            Some(_) => "generated, as preferred",
            None => "generated, as `--dynamic` asks for",
        };
        return Ok(choice(
            ContentSource::Generated(media),
            range,
            reason.into(),
        ));
    }
    let by_name = named.and_then(|name| media.examples.iter().find(|example| example.name == name));
    let by_request = || example_like_request(operation, media, criteria.values);
    if let Some(example) = by_name {
        return Ok(choice(
            ContentSource::Example(example, Some(media)),
            range,
            format!("example `{}`, as preferred", example.name).into(),
        ));
    }
    if let Some(example) = by_request() {
        return Ok(choice(
            ContentSource::Example(example, Some(media)),
            range,
            format!(
                "example `{}`, as the request matches the request example of that name",
                example.name
            )
            .into(),
        ));
    }
    if let Some(example) = media.examples.first() {
        return Ok(choice(
            ContentSource::Example(example, Some(media)),
            range,
            "first documented example".into(),
        ));
    }
    let reason = if media.schema.is_some() || media.item.is_some() {
        "generated from the schema"
    } else {
        "generated, as there is neither example nor schema"
    };
    Ok(choice(
        ContentSource::Generated(media),
        range,
        reason.into(),
    ))
}

/// Preference of a request for an answer that is sent item by item.
enum Stream<'c> {
    Requested(&'c MediaType),
    Unwanted,
    Unsaid,
}

/// Reads the boolean property `stream` that requests of many APIs have; it has priority over
/// `Accept`.
fn stream<'c>(operation: &Operation, offered: &[&'c MediaType], values: &Values) -> Stream<'c> {
    let Some(sequential) = offered
        .iter()
        .find(|media| media.range.sequence().is_some())
    else {
        return Stream::Unsaid;
    };
    let says = values.body.as_ref().and_then(|body| body.get("stream"));
    let is_declared = || {
        let schemas = operation
            .compiled()
            .body
            .iter()
            .flat_map(|body| &body.content)
            .filter_map(|media| media.schema.as_ref());
        let mut declared = schemas
            .filter_map(|schema| Some(schema.types(schema.property(schema.tree(), "stream")?)));
        declared.any(|types| types == ["boolean"])
    };
    match says {
        Some(Value::Bool(true)) => Stream::Requested(sequential),
        _ if is_declared() => Stream::Unwanted,
        _ => Stream::Unsaid,
    }
}

fn not_acceptable(offered: &[MediaType]) -> Problem {
    let types: Vec<&str> = offered.iter().map(|media| media.range.as_str()).collect();
    let detail = format!("the response is documented as {}", types.join(", "));
    Problem::new(
        ProblemKind::NotAcceptable,
        StatusCode::NOT_ACCEPTABLE,
        detail,
    )
}

/// Returns the response example whose name is that of the request example that the request
/// resembles most.
fn example_like_request<'c>(
    operation: &'c Operation,
    media: &'c MediaType,
    values: &Values,
) -> Option<&'c Example> {
    if media.examples.len() < 2 {
        return None;
    }
    let scored = media
        .examples
        .iter()
        .filter_map(|example| Some((likeness(operation, values, &example.name)?, example)));
    // The first of equally good examples, so that the document's order decides.
    scored
        .rev()
        .max_by_key(|(score, _)| *score)
        .map(|(_, example)| example)
}

/// Returns a score for the agreement of the request with the request examples of a name: `None` if
/// the request deviates from one of them, or if there are none.
fn likeness(operation: &Operation, values: &Values, name: &str) -> Option<usize> {
    if name.is_empty() {
        return None;
    }
    let mut score = None;
    let bodies = operation
        .compiled()
        .body
        .iter()
        .flat_map(|body| &body.content)
        .flat_map(|media| &media.examples);
    let bodies: Vec<&Example> = bodies.filter(|example| example.name == name).collect();
    if let Some(body) = bodies.first() {
        score = Some(agreement(values.body.as_ref()?, body.value())?);
    }
    for parameter in &operation.compiled().parameters {
        if let Some(example) = parameter
            .examples
            .iter()
            .find(|example| example.name == name)
        {
            let sent = values.parameter(parameter.location, &parameter.name)?;
            score = Some(score.unwrap_or(0) + agreement(sent, example.value())?);
        }
    }
    score
}

/// Score of equal values, above that of any superset.
const EQUAL: usize = 1_000_000;

/// Returns a score for the agreement of two values: `EQUAL`, or the number of equal leaves if
/// `sent` is a superset of `example`; `None` if it is none or if there are no leaves.
fn agreement(sent: &Value, example: &Value) -> Option<usize> {
    if same(sent, example) {
        return Some(EQUAL);
    }
    let leaves = leaves(sent, example)?;
    (leaves > 0).then_some(leaves)
}

fn leaves(sent: &Value, example: &Value) -> Option<usize> {
    match (sent, example) {
        (Value::Object(sent), Value::Object(example)) => example
            .iter()
            .map(|(key, value)| leaves(sent.get(key)?, value))
            .sum(),
        (Value::Array(sent), Value::Array(example)) if sent.len() == example.len() => sent
            .iter()
            .zip(example)
            .map(|(sent, example)| leaves(sent, example))
            .sum(),
        (sent, example) => same(sent, example).then_some(1),
    }
}

fn applied(preferences: &Preferences, choice: &Choice<'_>) -> Vec<String> {
    let mut applied = Vec::new();
    if let Some(code) = preferences.code {
        applied.push(format!("code={}", code.as_u16()));
    }
    if let Some(example) = &preferences.example {
        let quoted: String = example
            .chars()
            .filter(|c| c.is_ascii_graphic() || *c == ' ')
            .collect();
        let quoted = quoted.replace('\\', "\\\\").replace('"', "\\\"");
        applied.push(format!("example=\"{quoted}\""));
    }
    let is_generated = matches!(choice.content, ContentSource::Generated(_));
    if preferences.dynamic == Some(is_generated) {
        applied.push(format!("dynamic={is_generated}"));
    }
    if let Some(seed) = preferences.seed.filter(|_| is_generated) {
        applied.push(format!("seed={seed}"));
    }
    applied
}
