//! Turns one request into one response, without a socket, clock, lock or file.
//!
//! [`plan()`] decides on the answer and its reason, [`finish()`] builds the response.

mod answer;
mod applied_fixture;
pub(crate) mod context;
mod criteria;
pub(crate) mod echo;
pub(crate) mod explain;
pub(crate) mod expression;
mod finish;
pub(crate) mod header;
mod header_meaning;
mod judge;
mod misfit;
pub(crate) mod negotiate;
pub(crate) mod observed;
pub(crate) mod outgoing;
pub(crate) mod plan;
mod read;
pub(crate) mod remembered;
pub mod sample;
pub(crate) mod session_view;
pub(crate) mod settings;
pub(crate) mod signed;
mod staging;
mod stream;
pub(crate) mod transcript;
mod variant;
pub(crate) mod written;
use crate::exchange::judge::judge;
use crate::exchange::plan::Decision;
pub(crate) use crate::exchange::plan::Plan;
pub(crate) use crate::exchange::plan::Report;
pub(crate) use crate::exchange::plan::Sending;
pub(crate) use crate::exchange::read::instance;
use http::header::{ACCEPT_ENCODING, ALLOW};
use http::{HeaderValue, Method};

use crate::codec::accept::Accept;
use crate::codec::message::{Body, Request, Response};
use crate::codec::preference::Preferences;
use crate::codec::{coding, cors, text};
use crate::contract::route::Routed;
use crate::contract::{Contract, Operation};
use crate::errors::problem::ProblemForm;
use crate::errors::{self, Fault, prism};
use crate::exchange::answer::ValidRequest;
use crate::exchange::context::ExchangeContext;
use crate::exchange::criteria::ResponseCriteria;
pub(crate) use crate::exchange::finish::finish;
use crate::exchange::read::ReadRequest;
use crate::exchange::session_view::SessionView;
pub(crate) use crate::exchange::settings::{
    Callbacks, Compression, ContentLimit, Cors, Echoing, ExampleUse, Misfits, Settings, StateMode,
    StreamEnd, Validation,
};
use crate::generate::GenerateOptions;
use crate::schema::pattern::within;
use crate::state::memory::{CollectionKey, EntityFactory, Reply, Step};
use crate::validate::{self, ContentFault, credentials};

/// Answers a request as planned; `apply` takes the step on the session's state, if the plan has
/// one.
#[must_use]
pub(crate) fn answer(
    plan: &Plan<'_>,
    settings: &Settings,
    request: &Request,
    apply: &mut dyn FnMut(&CollectionKey, Step, &EntityFactory<'_>) -> Reply,
) -> (Response, Report) {
    let reply = plan.asked().map(|asked| asked.apply(apply));
    finish(plan, reply.as_ref(), settings, request)
}

/// Decides on the answer to a request.
#[must_use]
pub(crate) fn plan<'c>(
    context: ExchangeContext<'c>,
    session_view: &SessionView<'_>,
    settings: &Settings,
    request: &Request,
) -> Plan<'c> {
    plan_reading(context, session_view, settings, request, &mut |_| {})
}

/// Decides on the answer to a request; `look` sees the request as its operation reads it, if it is
/// for an operation.
fn plan_reading<'c>(
    context: ExchangeContext<'c>,
    session_view: &SessionView<'_>,
    settings: &Settings,
    request: &Request,
    look: &mut dyn FnMut(&ReadRequest<'_, '_>),
) -> Plan<'c> {
    let mut routed = |index, values: &[String]| {
        let read = variant::read(context.contract, index, values, settings, request);
        look(&read);
        Plan {
            index: Some(read.index),
            warnings: misread(context.contract, &read),
            ..plan_operation(context, session_view, &read, settings, request)
        }
    };
    let contract = context.contract;
    let (method, path) = (request.method(), request.uri().path());
    if *method == Method::OPTIONS && path == "*" {
        // RFC 9110 §9.3.7: the server as a whole.
        return Plan::without_operation(Decision::Options(allow(&contract.methods())));
    }
    if settings.cors == Cors::On && cors::is_preflight(method, request.headers()) {
        return Plan::without_operation(Decision::Options(documented_methods(contract, path)));
    }
    match contract.route(method, path) {
        Routed::Operation(index, values) => routed(index, &values),
        Routed::OtherMethods(methods)
            if *method == Method::HEAD && methods.contains(&Method::GET) =>
        {
            match contract.route(&Method::GET, path) {
                Routed::Operation(index, values) => routed(index, &values),
                _ => method_not_allowed(context, request, &methods, settings),
            }
        }
        Routed::OtherMethods(methods) if *method == Method::OPTIONS => {
            Plan::without_operation(Decision::Options(allow(&methods)))
        }
        Routed::OtherMethods(methods) => method_not_allowed(context, request, &methods, settings),
        Routed::Unknown => unknown_path(context, request, settings),
    }
}

/// Returns a warning for each preference of the request that is ignored, because it has no meaning
/// or names a scenario that no fixture has.
fn misread(contract: &Contract, read: &ReadRequest<'_, '_>) -> Vec<String> {
    let Preferences {
        misread, scenario, ..
    } = &read.preferences;
    let mut fixtures = contract
        .operations
        .iter()
        .flat_map(|operation| &operation.fixtures);
    let unknown = scenario
        .as_ref()
        .filter(|name| !fixtures.any(|fixture| fixture.scenario.as_ref() == Some(name)));
    let unknown = unknown.map(|name| {
        format!("the preference `scenario={name}` is ignored, no fixture has this scenario")
    });
    misread.iter().cloned().chain(unknown).collect()
}

/// Returns the methods that a path documents, for the `Allow` of a preflight; only `OPTIONS` for an
/// unknown path, whose error the request itself gets.
fn documented_methods(contract: &Contract, path: &str) -> HeaderValue {
    // No document has `CONNECT`, so this asks for every method that there is.
    match contract.route(&Method::CONNECT, path) {
        Routed::OtherMethods(methods) => allow(&methods),
        _ => allow(&[]),
    }
}

/// Writes the `Allow` header field (RFC 9110 §10.2.1): `HEAD` comes with `GET`, and `OPTIONS`
/// always.
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

/// Rejects a method that the path does not document, as an operation of the path documents the
/// error, else as other operations do.
fn method_not_allowed<'c>(
    context: ExchangeContext<'c>,
    request: &Request,
    methods: &[Method],
    settings: &Settings,
) -> Plan<'c> {
    let (method, path) = (request.method(), request.uri().path());
    let allow = allow(methods);
    let detail = format!(
        "`{}` documents no {method}; it documents {}",
        shown(path),
        allow.to_str().unwrap_or_default()
    );
    let fault = Fault::Method {
        method: method.clone(),
        detail,
    };
    let operation = methods
        .iter()
        .find_map(|method| match context.contract.route(method, path) {
            Routed::Operation(index, _) => Some(&context.contract.operations[index]),
            _ => None,
        });
    let accept = Accept::read(request.headers());
    let rejection = match operation {
        Some(operation) => errors::reject(
            context.errors(),
            operation,
            &fault,
            &accept,
            &settings.options,
        ),
        None => errors::reject_all(context.errors(), 0, &fault, &accept, &settings.options),
    };
    let decision = Decision::Rejection(rejection, vec![(ALLOW, allow)]);
    Plan {
        violations: fault.summaries(),
        ..Plan::without_operation(decision)
    }
}

fn unknown_path<'c>(
    context: ExchangeContext<'c>,
    request: &Request,
    settings: &Settings,
) -> Plan<'c> {
    let (method, path) = (request.method(), request.uri().path());
    let mut detail = format!("no document has the path `{}`", shown(path));
    let nearest = nearest(context.contract, method, path);
    if let Some((operation, _)) = nearest.filter(|(_, likeness)| *likeness > LIKE_ENOUGH) {
        detail.push_str(&format!(
            "; the nearest is `{} {}`",
            operation.method, operation.template
        ));
    }
    let fault = Fault::UnknownPath {
        method: method.clone(),
        detail,
    };
    let document = nearest.map_or(0, |(operation, _)| operation.document);
    let accept = Accept::read(request.headers());
    let rejection = errors::reject_all(
        context.errors(),
        document,
        &fault,
        &accept,
        &settings.options,
    );
    let decision = Decision::Rejection(rejection, Vec::new());
    Plan {
        violations: fault.summaries(),
        ..Plan::without_operation(decision)
    }
}

/// Shortens a path to 200 characters for use in a message.
fn shown(path: &str) -> String {
    const LONGEST: usize = 200;
    path.chars().take(LONGEST).collect()
}

/// Likeness, from 0 to 1, above which an unknown path counts as mistyped: the message then
/// suggests the nearest one.
const LIKE_ENOUGH: f64 = 0.7;

/// Finds the operation whose path is most like an unknown path, with the likeness from 0 to 1; an
/// operation of the method is preferred among equal ones.
fn nearest<'c>(
    contract: &'c Contract,
    method: &Method,
    path: &str,
) -> Option<(&'c Operation, f64)> {
    let path = text::decode(&shown(path));
    let mut left = MOST_COMPARED;
    let mut best: Option<(f64, bool, &Operation)> = None;
    for operation in &contract.operations {
        let bases = std::iter::once("")
            .chain(operation.bases.iter().map(String::as_str))
            .take(left);
        let likeness = |base: &str| {
            strsim::jaro_winkler(&shown(&format!("{base}{}", operation.template)), &path)
        };
        let likeness = bases.map(likeness).fold(0.0, f64::max);
        left = left.saturating_sub(1 + operation.bases.len());
        let is_method = operation.method == *method;
        if best.is_none_or(|(most, of_method, _)| (most, of_method) < (likeness, is_method)) {
            best = Some((likeness, is_method, operation));
        }
    }
    best.map(|(likeness, _, operation)| (operation, likeness))
}

/// Maximum number of paths that an unknown path is compared with; the nearest of these is
/// suggested.
const MOST_COMPARED: usize = 10_000;

fn plan_operation<'c>(
    context: ExchangeContext<'c>,
    session_view: &SessionView<'_>,
    read: &ReadRequest<'c, '_>,
    settings: &Settings,
    request: &Request,
) -> Plan<'c> {
    let ReadRequest {
        index,
        operation,
        inputs,
        received,
        preferences,
        accept,
    } = read;
    let (index, operation) = (*index, *operation);
    let options = GenerateOptions {
        seed: preferences.seed.unwrap_or(settings.options.seed),
        ..settings.options
    };
    let rejected = |fault: &Fault| {
        let (delay, longest) = session_view.wait(
            preferences.delay,
            settings.delay,
            settings,
            operation,
            options.seed,
        );
        let sending = Sending {
            delay,
            longest,
            ..Sending::default()
        };
        Plan {
            sending,
            ..reject(context, operation, fault, accept, options)
        }
    };
    if let Body::TooLarge(limit) = request.body() {
        let credentials = credentials::check(operation, inputs)
            .err()
            .map(Fault::Credentials);
        let credentials = credentials.filter(|_| settings.validation == Validation::Strict);
        return rejected(&credentials.unwrap_or(Fault::TooLarge(*limit)));
    }
    let faults = match settings.validation {
        Validation::Off => Vec::new(),
        // One budget for the patterns of the whole request.
        Validation::Strict | Validation::Warn => within(|| judge(read, settings)).0,
    };
    let unchecked = match settings.validation {
        Validation::Off => Vec::new(),
        Validation::Strict | Validation::Warn => validate::unchecked(received),
    };
    let violations: Vec<String> = faults.iter().flat_map(Fault::summaries).collect();
    let listed = match settings.problems {
        ProblemForm::Own => Vec::new(),
        ProblemForm::Prism => {
            let listed = faults
                .iter()
                .map(|fault| prism::violations(fault, operation));
            listed.flatten().collect()
        }
    };
    if settings.validation == Validation::Strict
        && let Some(gravest) = faults.first()
    {
        return Plan {
            listed,
            unchecked,
            ..rejected(gravest)
        };
    }
    let criteria = ResponseCriteria {
        preferences,
        accept,
        inputs,
        values: &received.values,
        session_view,
        seed: options.seed,
        examples: settings.examples,
    };
    let plan = ValidRequest {
        context,
        index,
        operation,
        settings,
        request,
        options,
        criteria,
        violations,
    }
    .plan();
    Plan {
        listed,
        unchecked,
        ..plan
    }
}

/// Rejects a request with the error that the operation documents for a fault.
fn reject<'c>(
    context: ExchangeContext<'c>,
    operation: &'c Operation,
    fault: &Fault,
    accept: &Accept,
    options: GenerateOptions,
) -> Plan<'c> {
    let rejection = errors::reject(context.errors(), operation, fault, accept, &options);
    // RFC 9110 §12.5.3
    let is_coding = matches!(fault, Fault::Content(ContentFault::UnsupportedCoding(_)));
    let accepted = is_coding.then(|| (ACCEPT_ENCODING, HeaderValue::from_static(coding::UNDONE)));
    let decision = Decision::Rejection(rejection, accepted.into_iter().collect());
    Plan {
        operation: Some(operation),
        violations: fault.summaries(),
        options,
        ..Plan::without_operation(decision)
    }
}
