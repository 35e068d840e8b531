//! One request → one response: no socket, clock, lock or file.
//!
//! [`plan`] says what is answered and why, [`finish`] makes the response of it.

pub mod content;
pub mod cors;
pub mod credentials;
pub mod generate;
pub mod header;
pub mod negotiate;
pub mod parameter;
pub mod preference;
pub mod problem;
pub mod rejection;
pub mod sample;
pub mod validate;
mod variant;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, UPGRADE, VARY, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Method, StatusCode};

use self::generate::Manner;
use self::generate::entity::Known;
use self::negotiate::{Accept, Choice, Source, Wishes};
use self::parameter::{Inputs, QueryArrays};
use self::preference::Preferences;
use self::problem::{Kind, Problem};
use self::rejection::voice::Voices;
use self::rejection::{Fault, Ground, Rejection};
use crate::contract::media::MediaRange;
use crate::contract::route::Routed;
use crate::contract::schema::Uncompilable;
use crate::contract::{Contract, Generated, MediaType, Operation, Written};

/// How wrong requests are treated (`--validate`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Validation {
    /// They are rejected.
    #[default]
    Strict,
    /// They are answered, and what is wrong is reported.
    Warn,
    /// They are answered.
    Off,
}

/// Whether pages of other origins may use the sandbox (`--cors`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cors {
    #[default]
    /// They may.
    On,
    /// Browsers keep them from reading the answers.
    Off,
}

/// How an absent body is judged where the document does not require one (`--require-bodies`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AbsentBody {
    /// It is accepted, as the standard says.
    #[default]
    Accepted,
    /// As an empty object.
    Judged,
}

/// How names in a query are judged that no parameter has (`--strict-query`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OtherNames {
    /// They are accepted, and ignored.
    #[default]
    Accepted,
    /// They are violations.
    Refused,
}

/// What a sandbox was told at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// How wrong requests are treated.
    pub validation: Validation,
    /// Whether pages of other origins may use it.
    pub cors: Cors,
    /// How an absent body is judged.
    pub absent_body: AbsentBody,
    /// How names in a query are judged that no parameter has.
    pub other_names: OtherNames,
    /// How else than documented lists in queries may be written.
    pub query_arrays: QueryArrays,
    /// How values are generated.
    pub manner: Manner,
}

/// The content of a request.
#[derive(Debug, Clone)]
pub enum Body {
    /// All of it.
    Complete(Bytes),
    /// It was more than this many bytes, and was not kept.
    TooLarge(usize),
}

/// A request, read to its end.
pub type Request = http::Request<Body>;

/// A response, complete; one with [`Items`] among its extensions is sent in pieces.
pub type Response = http::Response<Bytes>;

/// Where the items of a response end that is sent item by item.
#[derive(Debug, Clone)]
pub struct Items {
    /// Positions in the content, the last one at its end.
    pub ends: Arc<[usize]>,
}

/// What happened, for the log.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The operation by name.
    pub operation: Option<String>,
    /// Where the answer comes from: `first documented example`.
    pub source: String,
    /// What was wrong with the request, each in a line.
    pub violations: Vec<String>,
}

/// What is answered, and why.
#[derive(Debug)]
pub struct Plan<'c> {
    operation: Option<&'c Operation>,
    decision: Decision<'c>,
    /// What was wrong, in lines.
    violations: Vec<String>,
    /// How values are generated for this request.
    manner: Manner,
    /// What its path says about what is answered.
    known: Known,
}

#[derive(Debug)]
enum Decision<'c> {
    /// One of our own errors, with header fields of its own.
    Problem(Problem, Vec<(HeaderName, HeaderValue)>),
    /// The methods that there are.
    Options(HeaderValue),
    /// The documented error.
    Rejection(Rejection<'c>, Vec<(HeaderName, HeaderValue)>),
    /// The documented answer.
    Answer(Choice<'c>),
}

impl Decision<'_> {
    fn is_generated(&self) -> bool {
        matches!(self, Self::Answer(Choice { content: Source::Generated(_), .. }))
    }
}

/// Answers a request.
#[must_use]
pub fn answer(contract: &Contract, voices: &Voices, settings: &Settings, request: &Request) -> (Response, Report) {
    let ground = Ground { contract, voices, path: request.uri().path() };
    let plan = plan(ground, settings, request);
    finish(&plan, settings, request)
}

/// Decides what is answered.
#[must_use]
pub fn plan<'c>(ground: Ground<'c>, settings: &Settings, request: &Request) -> Plan<'c> {
    let contract = ground.contract;
    let (method, path) = (request.method(), request.uri().path());
    if settings.cors == Cors::On && cors::is_preflight(method, request.headers()) {
        return Plan::without_operation(Decision::Options(preflight_methods(contract, request)));
    }
    match contract.route(method, path) {
        Routed::Operation(index, values) => plan_routed(ground, index, &values, settings, request),
        Routed::OtherMethods(methods) if *method == Method::HEAD && methods.contains(&Method::GET) => {
            match contract.route(&Method::GET, path) {
                Routed::Operation(index, values) => plan_routed(ground, index, &values, settings, request),
                _ => method_not_allowed(ground, request, &methods, settings),
            }
        }
        Routed::OtherMethods(methods) if *method == Method::OPTIONS => {
            Plan::without_operation(Decision::Options(allow(&methods)))
        }
        Routed::OtherMethods(methods) => method_not_allowed(ground, request, &methods, settings),
        Routed::Unknown => Plan::without_operation(unknown_path(contract, method, path)),
    }
}

/// Of several operations with the method and path, the one that the request is for.
fn plan_routed<'c>(
    ground: Ground<'c>,
    index: usize,
    path_values: &[String],
    settings: &Settings,
    request: &Request,
) -> Plan<'c> {
    let index = variant::choose(ground.contract, index, path_values, settings, request);
    plan_operation(ground, &ground.contract.operations[index], path_values, settings, request)
}

impl<'c> Plan<'c> {
    fn without_operation(decision: Decision<'c>) -> Self {
        Self { operation: None, decision, violations: Vec::new(), manner: Manner::default(), known: Known::default() }
    }
}

fn preflight_methods(contract: &Contract, request: &Request) -> HeaderValue {
    // No document has `CONNECT`, so this asks for every method that there is.
    match contract.route(&Method::CONNECT, request.uri().path()) {
        Routed::OtherMethods(methods) => allow(&methods),
        // What is wrong with the path is for the request itself to be told.
        _ => request.headers().get(http::header::ACCESS_CONTROL_REQUEST_METHOD).cloned().unwrap_or_else(|| allow(&[])),
    }
}

/// RFC 9110 §10.2.1; `HEAD` goes with `GET`, and `OPTIONS` always.
fn allow(methods: &[Method]) -> HeaderValue {
    let mut names: Vec<&str> = Vec::new();
    for method in methods {
        names.push(method.as_str());
        if *method == Method::GET && !methods.contains(&Method::HEAD) {
            names.push("HEAD");
        }
    }
    if !methods.contains(&Method::OPTIONS) {
        names.push("OPTIONS");
    }
    HeaderValue::from_str(&names.join(", ")).expect("methods are tokens")
}

/// As one of the operations of the path documents it, if one does.
fn method_not_allowed<'c>(ground: Ground<'c>, request: &Request, methods: &[Method], settings: &Settings) -> Plan<'c> {
    let (method, path) = (request.method(), request.uri().path());
    let allow = allow(methods);
    let fault = Fault::Method(method.clone());
    let documented = methods.iter().find_map(|method| match ground.contract.route(method, path) {
        Routed::Operation(index, _) => Some(&ground.contract.operations[index]),
        _ => None,
    });
    if let Some(operation) = documented.filter(|operation| rejection::is_documented(operation, &fault)) {
        let rejection =
            rejection::reject(ground, operation, &fault, &Accept::read(request.headers()), &settings.manner);
        return Plan::without_operation(Decision::Rejection(rejection, vec![(ALLOW, allow)]));
    }
    let detail =
        format!("`{}` documents no {method}; it documents {}", shown(path), allow.to_str().unwrap_or_default());
    let problem = Problem::new(Kind::MethodNotAllowed, StatusCode::METHOD_NOT_ALLOWED, detail);
    Plan::without_operation(Decision::Problem(problem, vec![(ALLOW, allow)]))
}

fn unknown_path(contract: &Contract, method: &Method, path: &str) -> Decision<'static> {
    let mut detail = format!("no document has the path `{}`", shown(path));
    if let Some(operation) = nearest(contract, method, path) {
        detail.push_str(&format!("; the nearest is `{} {}`", operation.method, operation.template));
    }
    Decision::Problem(Problem::new(Kind::UnknownPath, StatusCode::NOT_FOUND, detail), Vec::new())
}

/// A path as it can be repeated in a message.
fn shown(path: &str) -> String {
    const LONGEST: usize = 200;
    path.chars().take(LONGEST).collect()
}

/// The operation whose path is most like one that there is not; of equal ones, one of the method.
fn nearest<'c>(contract: &'c Contract, method: &Method, path: &str) -> Option<&'c Operation> {
    let path = parameter::decode(&shown(path));
    let likeness = |operation: &Operation| {
        let bare = strsim::jaro_winkler(&operation.template, &path);
        let based =
            operation.bases.iter().map(|base| strsim::jaro_winkler(&format!("{base}{}", operation.template), &path));
        based.fold(bare, f64::max)
    };
    let scored =
        contract.operations.iter().map(|operation| (likeness(operation), operation.method == *method, operation));
    let best = scored.rev().max_by(|(a, a_method, _), (b, b_method, _)| a.total_cmp(b).then(a_method.cmp(b_method)))?;
    (best.0 > 0.7).then_some(best.2)
}

fn plan_operation<'c>(
    ground: Ground<'c>,
    operation: &'c Operation,
    path_values: &[String],
    settings: &Settings,
    request: &Request,
) -> Plan<'c> {
    if let Some(why) = &operation.broken {
        // Fail closed: of what cannot be understood nothing can be checked.
        let problem = Problem::new(Kind::Unchecked, StatusCode::INTERNAL_SERVER_ERROR, why.clone());
        return Plan { operation: Some(operation), ..Plan::without_operation(Decision::Problem(problem, Vec::new())) };
    }
    let inputs = Inputs::new(operation, path_values, request.uri().query(), request.headers())
        .with_arrays(settings.query_arrays);
    let preferences = Preferences::read(request.headers(), &inputs.query);
    let accept = Accept::read(request.headers());
    let manner = Manner { seed: preferences.seed.unwrap_or(settings.manner.seed), ..settings.manner };
    let bytes = match request.body() {
        Body::Complete(bytes) => bytes,
        Body::TooLarge(limit) => {
            let credentials = credentials::check(operation, &inputs).err().map(Fault::Credentials);
            let credentials = credentials.filter(|_| settings.validation == Validation::Strict);
            return reject(ground, operation, &credentials.unwrap_or(Fault::TooLarge(*limit)), &accept, manner);
        }
    };
    let received = validate::receive(operation, &inputs, bytes);
    let plan = |decision: Decision<'c>, violations| {
        let known = if decision.is_generated() { known(operation, &inputs) } else { Known::default() };
        Plan { operation: Some(operation), decision, violations, manner, known }
    };
    let (faults, uncompilable) = match settings.validation {
        Validation::Off => (Vec::new(), None),
        Validation::Strict | Validation::Warn => judge(operation, settings, &inputs, &received),
    };
    let mut violations: Vec<String> = faults.iter().flat_map(Fault::summaries).collect();
    if settings.validation == Validation::Strict {
        if let Some(gravest) = faults.first() {
            return reject(ground, operation, gravest, &accept, manner);
        }
        if let Some(error) = uncompilable {
            return plan(unchecked(operation, &error), violations);
        }
    } else {
        violations.extend(uncompilable.map(|error| error.to_string()));
    }
    let values = &received.values;
    let wishes = Wishes { preferences: &preferences, accept: &accept, inputs: &inputs, values };
    match negotiate::choose(operation, &wishes) {
        Ok(choice) if is_error_without_example(&choice, &preferences) => {
            let fault = Fault::Status(choice.status);
            let rejection = rejection::reject(ground, operation, &fault, &accept, &manner);
            let rejection = Rejection { applied: choice.applied, ..rejection };
            plan(Decision::Rejection(rejection, Vec::new()), violations)
        }
        Ok(choice) => plan(Decision::Answer(choice), violations),
        Err(problem)
            if problem.kind == Kind::NotAcceptable
                && rejection::is_documented(operation, &Fault::NotAcceptable(problem.clone())) =>
        {
            let fault = Fault::NotAcceptable(problem);
            let rejection = rejection::reject(ground, operation, &fault, &accept, &manner);
            plan(Decision::Rejection(rejection, Vec::new()), violations)
        }
        Err(problem) => {
            // RFC 9110 §15.5.22
            let upgrade = (problem.kind == Kind::Upgrade).then(|| (UPGRADE, HeaderValue::from_static("websocket")));
            plan(Decision::Problem(problem, upgrade.into_iter().collect()), violations)
        }
    }
}

fn known(operation: &Operation, inputs: &Inputs<'_>) -> Known {
    Known {
        values: inputs.path.iter().map(|(name, raw)| ((*name).to_owned(), parameter::decode(raw))).collect(),
        names_entity: operation.template.ends_with('}'),
    }
}

/// Fail closed: what cannot be checked is not accepted.
fn unchecked(operation: &Operation, error: &Uncompilable) -> Decision<'static> {
    let detail = format!("`{}`: {error}", operation.name());
    Decision::Problem(Problem::new(Kind::Unchecked, StatusCode::INTERNAL_SERVER_ERROR, detail), Vec::new())
}

/// Whether an error was asked for that no example shows, and no fixture.
fn is_error_without_example(choice: &Choice<'_>, preferences: &Preferences) -> bool {
    let is_error = choice.status.is_client_error() || choice.status.is_server_error();
    let is_generated = matches!(choice.content, Source::Generated(_));
    is_error && is_generated && choice.fixture.is_none() && preferences.dynamic != Some(true)
}

/// Everything that is wrong with a request, gravest first: credentials are judged first, then
/// content, then the rest. What cannot be judged comes beside it.
fn judge(
    operation: &Operation,
    settings: &Settings,
    inputs: &Inputs<'_>,
    received: &validate::Received<'_>,
) -> (Vec<Fault>, Option<Uncompilable>) {
    let mut faults = Vec::new();
    faults.extend(credentials::check(operation, inputs).err().map(Fault::Credentials));
    faults.extend(received.content_fault().cloned().map(Fault::Content));
    if settings.validation == Validation::Strict && !faults.is_empty() {
        return (faults, None);
    }
    let others = match settings.other_names {
        OtherNames::Accepted => Vec::new(),
        OtherNames::Refused => validate::other_names(operation, inputs),
    };
    match validate::violations(operation, received, settings.absent_body) {
        Ok(violations) if violations.is_empty() && others.is_empty() => (faults, None),
        Ok(mut violations) => {
            violations.extend(others);
            faults.push(Fault::Violations(violations));
            (faults, None)
        }
        Err(error) => (faults, Some(error)),
    }
}

/// Answers a fault as the operation documents it.
fn reject<'c>(
    ground: Ground<'c>,
    operation: &'c Operation,
    fault: &Fault,
    accept: &Accept,
    manner: Manner,
) -> Plan<'c> {
    let rejection = rejection::reject(ground, operation, fault, accept, &manner);
    let decision = Decision::Rejection(rejection, Vec::new());
    Plan { operation: Some(operation), decision, violations: fault.summaries(), manner, known: Known::default() }
}

/// Makes the response that a plan says.
#[must_use]
pub fn finish(plan: &Plan<'_>, settings: &Settings, request: &Request) -> (Response, Report) {
    let mut report = Report {
        operation: plan.operation.map(Operation::name),
        violations: plan.violations.clone(),
        source: String::new(),
    };
    let mut response = match &plan.decision {
        Decision::Problem(problem, headers) => {
            report.source = format!("problem {}", problem.kind.name());
            problem_response(problem, headers)
        }
        Decision::Options(methods) => {
            "methods of the path".clone_into(&mut report.source);
            options_response(methods, settings, request)
        }
        Decision::Rejection(rejection, headers) => {
            report.source.clone_from(&rejection.reason);
            rejection_response(rejection, headers, plan, settings)
        }
        Decision::Answer(choice) => {
            report.source.clone_from(&choice.reason);
            answer_response(choice, plan, settings)
        }
    };
    if response.status() == StatusCode::TOO_MANY_REQUESTS && !response.headers().contains_key(RETRY_AFTER) {
        // RFC 6585 §4
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("60"));
    }
    if response.status() == StatusCode::UNAUTHORIZED && !response.headers().contains_key(WWW_AUTHENTICATE) {
        // RFC 9110 §11.6.1: a 401 says how to do better.
        for challenge in plan.operation.map(credentials::challenges).unwrap_or_default() {
            if let Ok(value) = HeaderValue::from_str(&challenge) {
                response.headers_mut().append(WWW_AUTHENTICATE, value);
            }
        }
    }
    if plan.operation.is_some_and(|operation| operation.deprecated) {
        response.headers_mut().insert(header::DEPRECATION, header::DEPRECATED);
    }
    if let Some(violations) = header::violations(&report.violations) {
        response.headers_mut().insert(header::VIOLATIONS, violations);
    }
    if settings.cors == Cors::On {
        cors::permit(request.headers(), response.headers_mut());
    }
    if *request.method() == Method::HEAD {
        // RFC 9110 §9.3.2: the header fields of `GET`, and no content.
        let length = response.body().len();
        if !negotiate::is_without_content(response.status()) {
            response.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        *response.body_mut() = Bytes::new();
        response.extensions_mut().remove::<Items>();
    }
    (response, report)
}

fn problem_response(problem: &Problem, headers: &[(HeaderName, HeaderValue)]) -> Response {
    let mut response = Response::new(problem.content());
    *response.status_mut() = problem.status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(problem::MEDIA_TYPE));
    response.headers_mut().extend(headers.iter().cloned());
    response
}

fn options_response(methods: &HeaderValue, settings: &Settings, request: &Request) -> Response {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(ALLOW, methods.clone());
    if settings.cors == Cors::On && cors::is_preflight(request.method(), request.headers()) {
        cors::permit_preflight(request.headers(), methods, response.headers_mut());
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
        header::documented(documented, &plan.manner, &settings.manner, response.headers_mut());
    }
    send(rejection.content.clone(), &rejection.media, &mut response);
    for (name, value) in headers {
        response.headers_mut().append(name, value.clone());
    }
    applied(&rejection.applied, &mut response);
    response
}

fn answer_response(choice: &Choice<'_>, plan: &Plan<'_>, settings: &Settings) -> Response {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = choice.status;
    if let Some(documented) = choice.response {
        header::documented(documented, &plan.manner, &settings.manner, response.headers_mut());
    }
    if let Some(media) = &choice.media {
        let (written, fits) = content_of(choice, media, plan);
        if !fits {
            let why = if is_checked(choice) { MISFIT } else { UNCHECKED };
            response.headers_mut().insert(header::WARNING, HeaderValue::from_static(why));
        } else if written.is_lost {
            response.headers_mut().insert(header::WARNING, HeaderValue::from_static(NOT_WRITTEN));
        }
        send(written, media, &mut response);
    }
    if let Some(fixture) = choice.fixture {
        for (name, value) in &fixture.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
    }
    if choice.response.is_some_and(|documented| documented.content.len() > 1) {
        // RFC 9110 §12.5.5
        response.headers_mut().append(VARY, HeaderValue::from_static("Accept"));
    }
    applied(&choice.applied, &mut response);
    response
}

/// RFC 7240 §3
fn applied(preferences: &[String], response: &mut Response) {
    if let Ok(applied) = HeaderValue::from_str(&preferences.join(", "))
        && !preferences.is_empty()
    {
        response.headers_mut().insert(header::PREFERENCE_APPLIED, applied);
        response.headers_mut().append(VARY, HeaderValue::from_static("Prefer"));
    }
}

fn insert_content_type(media: &str, response: &mut Response) {
    if let Ok(value) = HeaderValue::from_str(media) {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
}

/// What [`header::WARNING`] says of a value that could not be made.
const MISFIT: &str = "the generated value does not fit its schema";

/// What [`header::WARNING`] says of a value that nothing could be said about.
const UNCHECKED: &str = "the schema of the generated value cannot be compiled";

fn is_checked(choice: &Choice<'_>) -> bool {
    match choice.content {
        Source::Generated(documented) => documented.schema.as_ref().is_none_or(|schema| schema.check().is_ok()),
        _ => true,
    }
}

/// What [`header::WARNING`] says of content that is empty for want of a writer.
const NOT_WRITTEN: &str = "no value can be written in this media type";

/// The content that was chosen, and whether it fits its schema as far as it was generated.
fn content_of(choice: &Choice<'_>, media: &MediaRange, plan: &Plan<'_>) -> (Written, bool) {
    match choice.content {
        Source::Example(example, _) if choice.fixture.is_some() => (content::write(example.value(), media, None), true),
        Source::Example(example, documented) => (content::of_example(example, media, documented, &plan.manner), true),
        Source::Generated(documented) => {
            let made = generated(documented, media, plan);
            (made.written, made.fits)
        }
        Source::Empty => (Written::default(), true),
    }
}

/// Puts content in a response; what is sent item by item is cut by the server, see [`Items`].
fn send(written: Written, media: &MediaRange, response: &mut Response) {
    match written.media {
        Some(media) => {
            response.headers_mut().insert(CONTENT_TYPE, media);
        }
        None => insert_content_type(media.as_str(), response),
    }
    if !written.ends.is_empty() {
        response.extensions_mut().insert(Items { ends: written.ends });
    }
    *response.body_mut() = written.bytes;
}

/// A generated value; it is made once for the same seed, path and end.
fn generated(documented: &MediaType, media: &MediaRange, plan: &Plan<'_>) -> Generated {
    let Known { values, names_entity } = &plan.known;
    let texts = values.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join("\0");
    let entity = if texts.is_empty() { 0 } else { generate::fingerprint(&texts) };
    let end =
        plan.operation.filter(|operation| content::has_sentinel(operation, documented)).map(|_| content::SENTINEL);
    // Operations share what is documented once for all of them, and may differ in the rest.
    let key = generate::fingerprint(&format!("{values:?} {names_entity} {end:?}"));
    documented.generated.get_or_make((plan.manner.seed, key), || {
        let manner = Manner { seed: plan.manner.seed ^ entity, ..plan.manner };
        content::make(documented, media, &manner, &plan.known, end)
    })
}
