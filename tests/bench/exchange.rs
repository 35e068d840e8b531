//! What the parts of an exchange cost in process, and what they cost in contracts of any size.
//!
//! `cargo bench --bench exchange`. Criterion keeps its figures as JSON, and draws the cost against the size of the
//! contract, in `target/criterion`. `cargo bench --bench exchange -- --count N REQUEST` answers one kind of request N
//! times and measures nothing, for `valgrind --tool=callgrind`.

#[path = "support/contacts.rs"]
mod contacts;
#[path = "support/documents.rs"]
mod documents;

use std::hint::black_box;

use bytes::Bytes;
use contacts::{CONTACT, KEPT, WRONG_CONTACT};
use criterion::{AxisScale, BenchmarkId, Criterion, PlotConfiguration};
use documents::{CONTACTS, GENERATED, SHOWN};
use http::Method;
use standin::internals::{Accept, Inputs, StateMode, generate, receive, violations};
use standin::{Body, GenerateOptions, Input, Reading, Request, Sandbox, Settings};

/// How many operations the contracts have.
const SIZES: [usize; 4] = [3, 100, 1_000, 10_000];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [.., flag, times, name, _] | [flag, times, name] = arguments.as_slice()
        && flag == "--count"
    {
        let (_, state, request) = requests()
            .into_iter()
            .find(|(known, ..)| known == name)
            .expect("is one of them");
        let sandbox = sandbox(3, state);
        for _ in 0..times.parse().expect("is a number") {
            black_box(sandbox.answer(&request));
        }
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    parts(&mut criterion);
    sizes(&mut criterion);
    criterion.final_summary();
}

fn sandbox(operations: usize, state: StateMode) -> Sandbox {
    let text = documents::document(operations).to_string();
    let input = Input::Text {
        name: "document.json".to_owned(),
        text,
    };
    Sandbox::load(
        &[input],
        None,
        &Reading::default(),
        Settings {
            state,
            ..Settings::default()
        },
    )
}

fn request(method: Method, path: &str, body: &'static str) -> Request {
    let request = http::Request::builder().method(method).uri(path);
    let request = request
        .header("host", "127.0.0.1:4010")
        .header("x-auth-token", "t")
        .header("x-user-id", "u");
    let request = request.header("content-type", "application/json");
    request
        .body(Body::Complete(Bytes::from_static(body.as_bytes())))
        .expect("is one")
}

/// Requests by what they are answered with, and whether something is remembered.
fn requests() -> [(&'static str, StateMode, Request); 7] {
    [
        ("example", StateMode::Off, request(Method::GET, SHOWN, "")),
        (
            "generated",
            StateMode::Off,
            request(Method::GET, GENERATED, ""),
        ),
        (
            "validated",
            StateMode::Off,
            request(Method::POST, CONTACTS, CONTACT),
        ),
        (
            "rejected",
            StateMode::Off,
            request(Method::POST, CONTACTS, WRONG_CONTACT),
        ),
        (
            "unknown",
            StateMode::Off,
            request(Method::GET, "/nowhere", ""),
        ),
        ("remembered", StateMode::On, request(Method::GET, KEPT, "")),
        (
            "created",
            StateMode::On,
            request(Method::POST, CONTACTS, CONTACT),
        ),
    ]
}

/// Each part alone.
fn parts(criterion: &mut Criterion) {
    let sandbox = sandbox(3, StateMode::Off);
    let contract = sandbox.contract();
    let post = request(Method::POST, CONTACTS, CONTACT);
    let operation = &contract.operations[contract
        .find(&format!("POST {CONTACTS}"))
        .expect("is there")];
    let shown = &contract.operations[contract
        .find(&format!("GET {GENERATED}"))
        .expect("is there")];
    let schema = shown.compiled().responses[0].1.content[0]
        .schema
        .clone()
        .expect("has a schema");
    let mut group = criterion.benchmark_group("parts");
    group.bench_function("route", |bench| {
        bench.iter(|| contract.route(black_box(&Method::POST), CONTACTS));
    });
    let inputs = || Inputs::new(operation, &[], None, post.headers());
    let empty = Body::Complete(Bytes::new());
    group.bench_function("parameters", |bench| {
        bench.iter(|| receive(operation, &inputs(), &empty));
    });
    let body = Body::Complete(Bytes::from_static(CONTACT.as_bytes()));
    group.bench_function("receive", |bench| {
        bench.iter(|| receive(operation, &inputs(), black_box(&body)));
    });
    let inputs = inputs();
    let received = receive(operation, &inputs, &body);
    let absent = Settings::default().absent_body;
    group.bench_function("validate", |bench| {
        bench.iter(|| violations(operation, &received, absent));
    });
    group.bench_function("negotiate", |bench| {
        bench.iter(|| Accept::read(black_box(post.headers())));
    });
    group.bench_function("generate", |bench| {
        bench.iter(|| generate(&schema, &GenerateOptions::default()));
    });
    group.finish();
}

/// Whole exchanges, against the size of the contract.
fn sizes(criterion: &mut Criterion) {
    for (name, state, request) in requests() {
        let mut group = criterion.benchmark_group(name);
        group.plot_config(PlotConfiguration::default().summary_scale(AxisScale::Logarithmic));
        for size in SIZES {
            let sandbox = sandbox(size, state);
            group.bench_with_input(BenchmarkId::from_parameter(size), &size, |bench, _| {
                bench.iter(|| sandbox.answer(black_box(&request)));
            });
        }
        group.finish();
    }
}
