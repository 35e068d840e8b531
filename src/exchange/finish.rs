//! Builds the response from a plan and from the reply to its step on the session's state.
//!
//! Last part of an exchange; `plan` and the step come before.
use std::borrow::Cow;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::Value;

use crate::codec::accept::{self, Accept};
use crate::codec::message::{Items, Request, Response, mount, send, target_of};
use crate::codec::preference::Preferences;
use crate::codec::style::Pairs;
use crate::codec::{compression, content, cors};
use crate::contract::fixture::FixtureAnswer;
use crate::contract::media::{MediaRange, Sequence, Written};
use crate::contract::{GeneratedContent, MediaType};
use crate::entity::EntityRequest;
use crate::entity::body::{BodyMisfit, compose};
use crate::errors::prism::{self, ExchangeSide, ProblemSubject};
use crate::errors::problem::{self, Problem, ProblemForm, ProblemKind};
use crate::errors::{self, Fault, Rejection};
use crate::exchange::applied_fixture::Alterable;
use crate::exchange::echo::Echo;
use crate::exchange::header;
use crate::exchange::header_meaning::{self, HeaderSubject};
use crate::exchange::misfit;
use crate::exchange::negotiate::{Choice, ContentSource};
use crate::exchange::plan::{Decision, Plan, Remembered, Report, Sending};
use crate::exchange::remembered;
use crate::exchange::settings::{Compression, Cors, Misfits, Settings};
use crate::exchange::stream;
use crate::generate::entity::PathValues;
use crate::generate::{self, GenerateOptions};
use crate::resource::Act;
use crate::schema::SchemaFault;
use crate::schema::pattern::within;
use crate::state::memory::Reply;
use crate::validate::credentials;

/// Builds the response that a plan describes, and a report for the log.
#[must_use]
pub(crate) fn finish(
    plan: &Plan<'_>,
    reply: Option<&Reply>,
    settings: &Settings,
    request: &Request,
) -> (Response, Report) {
    let mut report = Report {
        operation: plan.index,
        violations: plan.violations.clone(),
        source: Cow::Borrowed(""),
    };
    let mut alterable = Alterable::Whole;
    let mut response = match &plan.decision {
        Decision::Problem(problem, headers) => {
            report.source = format!("problem {}", problem.kind.name()).into();
            problem_response(problem, headers)
        }
        Decision::Options(methods) => {
            report.source = "methods of the path".into();
            options_response(methods, settings, request)
        }
        Decision::Rejection(rejection, headers) => {
            report.source = rejection.reason.clone().into();
            rejection_response(rejection, headers, plan, settings)
        }
        Decision::Answer(choice) => {
            report.source.clone_from(&choice.reason);
            answer_response(choice, plan, settings, request)
        }
        Decision::Remembered(remembered) => {
            let (response, source, scope) =
                remembered_response(remembered, reply, plan, settings, request);
            (report.source, alterable) = (source, scope);
            response
        }
    };
    for applied in &plan.applied {
        report.source = format!("fixture at {}, {}", applied.fixture.place, report.source).into();
        applied.alter(alterable, &mut response, request);
    }
    judge_answer(&mut response, plan, settings, request, &mut report);
    add_required_fields(plan, &mut response);
    if plan
        .operation
        .is_some_and(|operation| operation.compiled().deprecated)
    {
        response
            .headers_mut()
            .insert(header::DEPRECATION, header::DEPRECATED);
    }
    if !plan.warnings.is_empty() {
        header::warn(&plan.warnings.join("; "), response.headers_mut());
    }
    if let Some(violations) = header::violations(&report.violations) {
        response
            .headers_mut()
            .insert(header::VIOLATIONS, violations);
    }
    header::warn_unchecked(&unchecked(plan), response.headers_mut());
    if settings.cors == Cors::On {
        cors::permit(request.headers(), response.headers_mut());
    }
    if let Some(longest) = plan.sending.longest {
        let text = format!("the delay is cut to {longest:?}, see `--max-delay`");
        if let Ok(text) = HeaderValue::try_from(text) {
            response.headers_mut().append(header::WARNING, text);
        }
    }
    if plan.sending != Sending::default() {
        response.extensions_mut().insert(plan.sending);
    }
    add_callbacks(plan, reply, request, &mut response);
    stream::resume(settings, request, &mut response);
    if settings.compression == Compression::On {
        compression::compress(request.headers(), &mut response);
    }
    if *request.method() == Method::HEAD {
        // RFC 9110 §9.3.2: the header fields of `GET`, and no content.
        let length = response.body().len();
        if !accept::is_without_content(response.status()) {
            response.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        *response.body_mut() = Bytes::new();
        response.extensions_mut().remove::<Items>();
    }
    (response, report)
}

/// Adds the header fields that HTTP requires of some statuses: `Retry-After` and `WWW-Authenticate`.
fn add_required_fields(plan: &Plan<'_>, response: &mut Response) {
    if let Some(seconds) = plan.sending.retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    if response.status() == StatusCode::TOO_MANY_REQUESTS
        && !response.headers().contains_key(RETRY_AFTER)
    {
        // RFC 6585 §4
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("60"));
    }
    if response.status() == StatusCode::UNAUTHORIZED
        && !response.headers().contains_key(WWW_AUTHENTICATE)
    {
        // RFC 9110 §11.6.1: a 401 tells the client how to authenticate.
        for challenge in plan
            .operation
            .map(credentials::challenges)
            .unwrap_or_default()
        {
            if let Ok(value) = HeaderValue::from_str(&challenge) {
                response.headers_mut().append(WWW_AUTHENTICATE, value);
            }
        }
    }
}

/// Adds the callbacks of a success, which are sent after it, as an extension.
fn add_callbacks(
    plan: &Plan<'_>,
    reply: Option<&Reply>,
    request: &Request,
    response: &mut Response,
) {
    if let Some(callbacks) = &plan.callbacks
        && response.status().is_success()
    {
        let entity = match reply {
            Some(Reply::Entity { entity, .. }) => Some(&**entity),
            _ => None,
        };
        let outgoing = callbacks.requests(request, response, entity);
        response.extensions_mut().insert(outgoing);
    }
}

/// Checks the answer for `--errors`, which replaces one that does not fit, and for `--prism`, which
/// words problems as Prism does and lists the violations of request and answer.
fn judge_answer(
    response: &mut Response,
    plan: &Plan<'_>,
    settings: &Settings,
    request: &Request,
    report: &mut Report,
) {
    let is_prism = settings.problems == ProblemForm::Prism;
    let is_refused = settings.misfits == Misfits::Refused;
    if !is_prism && !is_refused {
        return;
    }
    let is_documented = match &plan.decision {
        Decision::Problem(..) | Decision::Options(_) => false,
        Decision::Rejection(rejection, _) => rejection.problem.is_none(),
        Decision::Answer(_) | Decision::Remembered(_) => true,
    };
    let misfits = match plan.operation.filter(|_| is_documented) {
        Some(operation) => within(|| misfit::violations(operation, response)).0,
        None => Vec::new(),
    };
    let mut problem = match &plan.decision {
        Decision::Problem(problem, _) => Some(problem.clone()),
        Decision::Rejection(rejection, _) => rejection.problem.as_deref().cloned(),
        _ => None,
    };
    let mut listed = plan.listed.clone();
    listed.extend(prism::located(&misfits, ExchangeSide::Response));
    if is_refused && !misfits.is_empty() {
        report.source = "the answer does not fit the document".into();
        let refused = Problem {
            violations: misfits,
            ..Problem::new(
                ProblemKind::Misfit,
                StatusCode::INTERNAL_SERVER_ERROR,
                "the answer does not fit the document, see `errors`",
            )
        };
        *response = problem_response(&refused, &[]);
        problem = Some(refused);
    }
    if !is_prism {
        return;
    }
    let query = Pairs::parse(request.uri().query().unwrap_or_default());
    let preferences = Preferences::read(request.headers(), &query);
    let subject = ProblemSubject {
        method: request.method(),
        path: request.uri().path(),
        headers: request.headers(),
        preferences: &preferences,
        operation: plan.operation,
    };
    let challenges = problem
        .as_ref()
        .filter(|problem| problem.kind == ProblemKind::Unauthorized)
        .and_then(|_| HeaderValue::try_from(prism::challenges(plan.operation?)?).ok());
    if let Some(challenges) = challenges {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenges);
    }
    if let Some(content) = problem.and_then(|problem| prism::content(&problem, &subject)) {
        *response.body_mut() = content;
    } else if let Decision::Answer(choice) = &plan.decision
        && is_complex_text(choice)
    {
        report.source = "an object cannot be written as text".into();
        *response = problem_response(
            &Problem::new(ProblemKind::Misfit, StatusCode::INTERNAL_SERVER_ERROR, ""),
            &[],
        );
        *response.body_mut() = prism::complex_text();
    }
    let value = prism::header(&listed).and_then(|text| HeaderValue::try_from(text).ok());
    if let Some(value) = value {
        response.headers_mut().insert(header::SL_VIOLATIONS, value);
    }
}

/// Returns true if an answer is documented as a text, and its value is none.
fn is_complex_text(choice: &Choice<'_>) -> bool {
    let is_text = |media: &MediaRange| media.essence().starts_with("text/");
    choice.media.as_deref().is_some_and(is_text)
        && match &choice.content {
            ContentSource::Example(example, _) => !example.value().is_string(),
            ContentSource::Generated(documented) => {
                let types = documented
                    .schema
                    .iter()
                    .flat_map(|schema| schema.own_types());
                types.count() > 0
                    && !documented
                        .schema
                        .iter()
                        .any(|schema| schema.own_types().contains(&"string"))
            }
            ContentSource::Empty => false,
        }
}

fn problem_response(problem: &Problem, headers: &[(HeaderName, HeaderValue)]) -> Response {
    let mut response = Response::new(problem.content());
    *response.status_mut() = problem.status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(problem::MEDIA_TYPE));
    response.headers_mut().extend(headers.iter().cloned());
    response
}

fn options_response(methods: &HeaderValue, settings: &Settings, request: &Request) -> Response {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(ALLOW, methods.clone());
    if settings.cors == Cors::On && cors::is_preflight(request.method(), request.headers()) {
        cors::permit_preflight(request.headers(), response.headers_mut());
    }
    response
}

fn rejection_response(
    rejection: &Rejection<'_>,
    headers: &[(HeaderName, HeaderValue)],
    plan: &Plan<'_>,
    settings: &Settings,
) -> Response {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = rejection.status;
    if let Some(documented) = rejection.response {
        header::documented(
            documented,
            &plan.options,
            &settings.options,
            response.headers_mut(),
        );
    }
    send(rejection.content.clone(), &rejection.media, &mut response);
    if let Some(documented) = rejection.response {
        header_meaning::nothing_remains(documented, &mut response);
    }
    for (name, value) in headers {
        response.headers_mut().append(name, value.clone());
    }
    for (name, _) in &rejection.headers {
        response.headers_mut().remove(name);
    }
    for (name, value) in &rejection.headers {
        response.headers_mut().append(name, value.clone());
    }
    applied(&rejection.applied, &mut response);
    response
}

fn answer_response(
    choice: &Choice<'_>,
    plan: &Plan<'_>,
    settings: &Settings,
    request: &Request,
) -> Response {
    let mut response = header::head(choice.status, choice.response, &plan.options, settings);
    if let Some(media) = &choice.media {
        let (written, fits) = content_of(choice, media, plan, request);
        if !fits {
            response
                .headers_mut()
                .insert(header::WARNING, HeaderValue::from_static(misfit_of(plan)));
        } else if written.is_lost {
            response
                .headers_mut()
                .insert(header::WARNING, HeaderValue::from_static(NOT_WRITTEN));
        }
        send(written, media, &mut response);
    }
    if let Some(documented) = choice
        .response
        .filter(|documented| !documented.headers.is_empty())
    {
        let (mount, place) = (mount(request), plan.place.as_ref());
        let subject = HeaderSubject {
            documented,
            target: &target_of(request),
            mount,
            place,
            options: &plan.options,
        };
        header_meaning::of_content(&subject, &mut response);
        header_meaning::nothing_remains(documented, &mut response);
    }
    if choice
        .response
        .is_some_and(|documented| documented.content.len() > 1)
    {
        // RFC 9110 §12.5.5
        response
            .headers_mut()
            .append(VARY, HeaderValue::from_static("Accept"));
    }
    applied(&choice.applied, &mut response);
    response
}

/// Returns the warning for generated content that does not fit its schema. Entities that are shown
/// are repaired where possible, so only supplied ones are left.
fn misfit_of(plan: &Plan<'_>) -> &'static str {
    let is_supplied = |asked: &EntityRequest<'_>| !asked.supplied_keys().is_empty();
    header::misfit(match plan.shown.as_deref() {
        Some(asked) if is_supplied(asked) => BodyMisfit::Supplied,
        _ => BodyMisfit::Generated,
    })
}

/// Returns the answer that shows the reply, or the documented error for a step that failed; with
/// its source, and the part of it that a fixture may change.
fn remembered_response(
    remembered: &Remembered<'_>,
    reply: Option<&Reply>,
    plan: &Plan<'_>,
    settings: &Settings,
    request: &Request,
) -> (Response, Cow<'static, str>, Alterable) {
    let Remembered {
        asked,
        choice,
        usual,
        created,
        context,
    } = remembered;
    let noun = || asked.collection.noun.clone();
    let fault = match reply {
        Some(Reply::Unknown(key)) => Some(Fault::Unknown {
            noun: noun(),
            key: key.clone(),
            by: asked.role.key,
        }),
        Some(Reply::Conflict(key)) => Some(Fault::Conflict {
            noun: noun(),
            key: key.clone(),
        }),
        Some(Reply::NoKey) => Some(Fault::NoKey(asked.why_no_key())),
        Some(Reply::Stale(_)) => Some(Fault::Stale),
        Some(Reply::Full) => Some(Fault::Full),
        Some(Reply::Impossible(why)) => Some(Fault::Impossible(why.clone())),
        Some(Reply::List(all))
            if asked.role.act == Act::Find && asked.wanted.pick(all.clone()).items.is_empty() =>
        {
            Some(Fault::Unknown {
                noun: noun(),
                key: String::new(),
                by: asked.role.key,
            })
        }
        _ => None,
    };
    if let Some(fault) = fault {
        let accept = Accept::of(request.headers(), asked.operation);
        let rejection = errors::reject(
            context.errors(),
            asked.operation,
            &fault,
            &accept,
            &plan.options,
        );
        let source = format!("{}, from the state of the session", rejection.reason);
        let mut response = rejection_response(&rejection, &[], plan, settings);
        // A documented example does not say why there is no key.
        if let Fault::NoKey(why) = &fault
            && let Ok(why) = HeaderValue::from_str(why)
        {
            response.headers_mut().append(header::WARNING, why);
        }
        return (response, source.into(), Alterable::Headers);
    }
    let is_shown = |reply: &&Reply| {
        !remembered::lacks_content(asked, reply, choice)
            && usual
                .as_ref()
                .is_none_or(|usual| remembered::fits(asked, reply, usual, choice, plan.options))
    };
    let Some(reply) = reply.filter(is_shown) else {
        return (
            answer_response(choice, plan, settings, request),
            choice.reason.clone(),
            Alterable::Whole,
        );
    };
    let is_new = matches!(reply, Reply::Entity { is_new: true, .. });
    let choice = created.as_ref().filter(|_| is_new).unwrap_or(choice);
    let source = format!(
        "remembered, {} {}",
        asked.role.act.name(),
        asked.collection.name
    );
    (
        remembered::write(asked, reply, choice, plan.options, settings, request),
        source.into(),
        Alterable::Whole,
    )
}

/// Adds `Preference-Applied` (RFC 7240 §3), if preferences were applied.
fn applied(preferences: &[String], response: &mut Response) {
    if let Ok(applied) = HeaderValue::from_str(&preferences.join(", "))
        && !preferences.is_empty()
    {
        response
            .headers_mut()
            .insert(header::PREFERENCE_APPLIED, applied);
        response
            .headers_mut()
            .append(VARY, HeaderValue::from_static("Prefer"));
    }
}

/// Returns sentences about unknown features of the operation, and about parts of the request and
/// of the answer that could not be checked.
fn unchecked(plan: &Plan<'_>) -> Vec<String> {
    let mut told = plan
        .operation
        .map(|operation| operation.compiled().unknown.clone())
        .unwrap_or_default();
    told.extend(plan.unchecked.iter().cloned());
    if let Decision::Answer(Choice {
        content: ContentSource::Generated(documented),
        ..
    }) = &plan.decision
    {
        let schemas = documented.schema.iter().chain(&documented.item);
        told.extend(
            schemas
                .flat_map(|schema| schema.faults())
                .map(SchemaFault::sentence),
        );
    }
    told
}

/// Warning for content that is empty because its value cannot be written in the media type.
const NOT_WRITTEN: &str = "no value can be written in this media type";

/// Returns the chosen content, and `false` if it is generated and does not fit its schema.
fn content_of(
    choice: &Choice<'_>,
    media: &MediaRange,
    plan: &Plan<'_>,
    request: &Request,
) -> (Written, bool) {
    let (written, fits) = content_without_echo(choice, media, plan, request);
    match (&plan.echo, media.sequence()) {
        (Some(echo), Some(Sequence::Events)) => {
            let documented = match choice.content {
                ContentSource::Example(_, documented) => documented,
                ContentSource::Generated(documented) => Some(documented),
                ContentSource::Empty => None,
            };
            let schema = documented.and_then(|media| media.item.as_ref().or(media.schema.as_ref()));
            (
                echo.say_in_events(written, schema.map(|schema| &**schema)),
                fits,
            )
        }
        _ => (written, fits),
    }
}

fn content_without_echo(
    choice: &Choice<'_>,
    media: &MediaRange,
    plan: &Plan<'_>,
    request: &Request,
) -> (Written, bool) {
    let own = plan
        .applied
        .iter()
        .find(|applied| matches!(applied.fixture.answer, FixtureAnswer::Body(_)));
    match choice.content {
        ContentSource::Example(body, None) if body.is_file() => {
            (body.content(|_| Written::default()), true)
        }
        ContentSource::Example(body, _) if own.is_some() => {
            let value = own.map(|own| own.evaluated(body.value(), choice.status, request));
            let value = value.unwrap_or(Cow::Borrowed(body.value()));
            (content::write(&value, media, None), true)
        }
        ContentSource::Example(example, documented) => match (&plan.echo, documented) {
            (Some(echo), Some(documented)) if media.is_json() || documented.is_json() => {
                (echoed(example.value(), echo, documented, media), true)
            }
            _ => (
                content::of_example(example, media, documented, &plan.options),
                true,
            ),
        },
        ContentSource::Generated(documented) => {
            let made = generated(documented, media, plan, request);
            match (&plan.echo, serde_json::from_slice(&made.written.bytes)) {
                (Some(echo), Ok(value)) if media.is_json() || documented.is_json() => {
                    (echoed(&value, echo, documented, media), made.fits)
                }
                _ => (made.written, made.fits),
            }
        }
        ContentSource::Empty => (Written::default(), true),
    }
}

/// Writes a value into which values of the request are copied.
fn echoed(value: &Value, echo: &Echo, documented: &MediaType, media: &MediaRange) -> Written {
    let mut value = value.clone();
    echo.say_in(&mut value, documented.schema.as_deref());
    content::write(&value, media, Some(documented))
}

/// Returns the URL of a request without its query.
fn url(request: &Request) -> String {
    let mut url = target_of(request);
    url.truncate(url.find('?').unwrap_or(url.len()));
    url
}

/// Returns generated content; it is cached by seed, path values, shown entity, its URL and end marker.
fn generated(
    documented: &MediaType,
    media: &MediaRange,
    plan: &Plan<'_>,
    request: &Request,
) -> GeneratedContent {
    let PathValues {
        values,
        names_entity,
    } = &plan.known;
    let texts = values
        .iter()
        .map(|(_, value)| value.as_str())
        .collect::<Vec<_>>()
        .join("\0");
    let entity = if texts.is_empty() {
        0
    } else {
        generate::fingerprint(&texts)
    };
    let end = plan
        .operation
        .filter(|operation| content::has_sentinel(operation, documented))
        .map(|_| content::SENTINEL);
    // Operations share media types that are documented once; the key has everything else that
    // differs.
    let shown = plan
        .shown
        .as_deref()
        .filter(|_| media.is_json() || documented.is_json());
    let key = generate::fingerprint(&format!(
        "{values:?} {names_entity} {end:?} {:?}",
        shown.map(|asked| (asked.name(), url(request)))
    ));
    documented
        .generated
        .get_or_make((plan.options.seed, key), || {
            if let Some((asked, reply)) = shown.and_then(|asked| Some((asked, asked.seeded()?))) {
                let composed = compose(
                    asked,
                    &reply,
                    None,
                    documented,
                    &plan.options,
                    &url(request),
                );
                return GeneratedContent {
                    written: content::write(&composed.value, media, Some(documented)),
                    fits: composed.misfit.is_none(),
                };
            }
            let options = GenerateOptions {
                seed: plan.options.seed ^ entity,
                ..plan.options
            };
            content::make(documented, media, &options, &plan.known, end)
        })
}
