//! One request → one response: no socket, clock, lock or file.
//!
//! [`plan`] says what is answered and why, [`finish`] makes the response of it.

pub mod content;
pub mod cors;
pub mod credentials;
pub mod echo;
pub mod explain;
mod finish;
pub mod generate;
pub mod header;
pub mod negotiate;
pub mod parameter;
pub mod preference;
pub mod problem;
pub mod rejection;
pub mod remembered;
pub mod sample;
pub mod settings;
pub mod validate;
mod variant;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, UPGRADE};
use http::{HeaderName, HeaderValue, Method, StatusCode};

use self::echo::Echo;
pub use self::finish::finish;
use self::generate::Manner;
use self::generate::entity::Known;
use self::negotiate::{Accept, Choice, Source, Wishes};
use self::parameter::Inputs;
use self::preference::Preferences;
use self::problem::{Kind, Problem};
use self::rejection::{Fault, Ground, Rejection};
use self::remembered::Asked;
pub use self::settings::{AbsentBody, Cors, Echoing, OtherNames, Settings, State, Unknown, Validation};
use crate::contract::route::Routed;
use crate::contract::schema::Uncompilable;
use crate::contract::{Contract, Operation};
use crate::state::memory::{Making, Reply, Shelf, Step};

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
    /// The number of the operation.
    pub index: Option<usize>,
    /// Where the answer comes from: `first documented example`.
    pub source: String,
    /// What was wrong with the request, each in a line.
    pub violations: Vec<String>,
}

/// What is answered, and why.
#[derive(Debug)]
pub struct Plan<'c> {
    operation: Option<&'c Operation>,
    index: Option<usize>,
    decision: Decision<'c>,
    /// What was wrong, in lines.
    violations: Vec<String>,
    /// How values are generated for this request.
    manner: Manner,
    /// What its path says about what is answered.
    known: Known,
    /// The resource that a generated answer shows.
    shown: Option<Box<Asked<'c>>>,
    /// What the request says, if the answer says it again.
    echo: Option<Echo>,
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
    /// The documented answer, with what is remembered in it.
    Remembered(Box<Remembered<'c>>),
}

/// An answer that depends on what is remembered.
#[derive(Debug)]
struct Remembered<'c> {
    asked: Asked<'c>,
    /// The answer of a success.
    choice: Choice<'c>,
    /// The same where an entity was added, if that is another one.
    created: Option<Choice<'c>>,
    ground: Ground<'c>,
}

impl Decision<'_> {
    fn is_generated(&self) -> bool {
        matches!(self, Self::Answer(Choice { content: Source::Generated(_), .. }))
    }
}

/// Answers a request; `apply` takes the step on what is remembered, if there is one.
#[must_use]
pub fn answer(
    ground: Ground<'_>,
    settings: &Settings,
    request: &Request,
    apply: &mut dyn FnMut(&Shelf, Step, &Making<'_>) -> Reply,
) -> (Response, Report) {
    let plan = plan(ground, settings, request);
    let reply = plan.asked().map(|asked| asked.apply(apply));
    finish(&plan, reply.as_ref(), settings, request)
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
    let plan = plan_operation(ground, index, path_values, settings, request);
    Plan { index: Some(index), ..plan }
}

impl<'c> Plan<'c> {
    /// What it asks of what is remembered.
    #[must_use]
    pub fn asked(&self) -> Option<&Asked<'c>> {
        match &self.decision {
            Decision::Remembered(remembered) => Some(&remembered.asked),
            _ => None,
        }
    }

    fn without_operation(decision: Decision<'c>) -> Self {
        Self {
            operation: None,
            index: None,
            decision,
            violations: Vec::new(),
            manner: Manner::default(),
            known: Known::default(),
            shown: None,
            echo: None,
        }
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
    index: usize,
    path_values: &[String],
    settings: &Settings,
    request: &Request,
) -> Plan<'c> {
    let operation = &ground.contract.operations[index];
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
        Plan { operation: Some(operation), index: None, decision, violations, manner, known, shown: None, echo: None }
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
        Ok(choice) => {
            let received = remembered::Received { inputs: &inputs, values, request };
            let asked = || Asked::of(ground, index, manner, settings.unknown, received);
            let is_free = choice.fixture.is_none() && !preferences.chooses() && choice.status.is_success();
            match (settings.state == State::On && is_free).then(asked).flatten() {
                Some(asked) => {
                    let created = created(operation, &choice, &wishes);
                    plan(Decision::Remembered(Box::new(Remembered { asked, choice, created, ground })), violations)
                }
                None => {
                    let is_seen = choice.status.is_success() && matches!(choice.content, Source::Generated(_));
                    let is_echo = settings.echo == Echoing::On && is_free;
                    let shown = is_seen.then(asked).flatten().map(Asked::unconditional).map(Box::new);
                    let echo = is_echo.then(|| Echo { body: values.body.clone(), known: known(operation, &inputs) });
                    Plan { shown, echo, ..plan(Decision::Answer(choice), violations) }
                }
            }
        }
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

/// The answer where an entity was added, of an operation that documents 201 beside another success; and the
/// other way round.
fn created<'c>(operation: &'c Operation, choice: &Choice<'_>, wishes: &Wishes<'_>) -> Option<Choice<'c>> {
    let other = StatusCode::CREATED;
    if choice.status == other || operation.response_at(crate::contract::StatusPattern::Exact(other)).is_none() {
        return None;
    }
    let preferences = Preferences { code: Some(other), ..wishes.preferences.clone() };
    let choice = negotiate::choose(operation, &Wishes { preferences: &preferences, ..*wishes }).ok()?;
    Some(Choice { applied: Vec::new(), ..choice })
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
    Plan {
        operation: Some(operation),
        index: None,
        decision,
        violations: fault.summaries(),
        manner,
        known: Known::default(),
        shown: None,
        echo: None,
    }
}
