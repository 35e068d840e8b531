//! Runs the behaviour cases of `tests/cases`, in process and again over TCP with a real client.
//!
//! `UPDATE_CASES=1 cargo test --test cases` writes what was answered into the files; review is the
//! diff.

#[path = "support/case.rs"]
mod case;
#[path = "support/pattern.rs"]
mod pattern;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use clap::Parser as _;
use http::{Request, Response};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use standin::cli::Command;
use standin::internals::{Control, CurrentControl, Options};
use standin::{Body, Input, Reading, Sandbox};

use case::{Block, Case, Message};
use pattern::Captures;
use support::files;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let cases = case::all(&folder);
    if std::env::var_os("UPDATE_CASES").is_some() {
        update(&cases);
        return ExitCode::SUCCESS;
    }
    let mut trials = Vec::new();
    for case in cases {
        let file = case
            .file
            .strip_prefix(&folder)
            .unwrap_or(&case.file)
            .with_extension("");
        let name = |how: &str| format!("{}: {} ({how})", file.display(), case.name);
        let again = case.clone();
        trials.push(Trial::test(name("in process"), {
            let case = case.clone();
            move || in_process(&case)
        }));
        if !again.exchanges().is_empty() {
            trials.push(Trial::test(name("over TCP"), move || over_tcp(&again)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The schema of fixture files that `standin schema fixtures` prints.
static FIXTURE_SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let text = include_str!("../src/contract/fixtures.schema.json");
    let schema = serde_json::from_str(text).expect("the schema is JSON");
    jsonschema::draft202012::new(&schema).expect("the schema is valid")
});

/// The sandbox of a case, and the options that it is served with.
fn sandbox(case: &Case) -> (Sandbox, standin::internals::Limits, Options) {
    let extension = |block: &Block| {
        if block.language == "markdown" {
            "md".to_owned()
        } else {
            block.language.clone()
        }
    };
    let documents: Vec<Input> = case
        .blocks_of("openapi")
        .enumerate()
        .map(|(index, block)| {
            let number = if index == 0 {
                String::new()
            } else {
                format!("-{}", index + 1)
            };
            Input::Text {
                name: format!("openapi{number}.{}", extension(block)),
                text: block.text.clone(),
            }
        })
        .collect();
    let overlay = |block: &Block| Input::Text {
        name: "overlay.yaml".to_owned(),
        text: block.text.clone(),
    };
    let overlays: Vec<Input> = case.blocks_of("overlay").map(overlay).collect();
    let read = |block: &Block| {
        standin::internals::fixture_text("fixtures.yaml".to_owned(), block.text.clone())
    };
    let fixtures: Vec<_> = case.blocks_of("fixtures").map(read).collect();
    let (fixtures, broken): (Vec<_>, Vec<_>) = fixtures.into_iter().partition(Result::is_ok);
    assert!(broken.is_empty(), "the fixtures of a case can be parsed");
    let fixtures: Vec<_> = fixtures
        .into_iter()
        .flatten()
        .map(|(file, _odd)| file)
        .collect();
    let is_wrong = |block: &Block| {
        let codes = ["[invalid-fixture]", "[unknown-fixture-operation]"];
        codes.iter().any(|code| block.text.contains(code))
    };
    if !case.blocks_of("check").any(is_wrong) {
        for file in &fixtures {
            let errors: Vec<String> = FIXTURE_SCHEMA
                .iter_errors(&file.tree)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "not as the schema has it: {errors:?}");
        }
    }
    let flags = case
        .blocks_of("flags")
        .flat_map(|block| block.text.split_whitespace());
    let command = Command::try_parse_from(["standin", "serve"].into_iter().chain(flags))
        .expect("the flags are right");
    let serve = command.serve().expect("it is `serve`");
    if let Some(paths) = case.blocks_of("documents").next() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let inputs: Vec<Input> = paths
            .text
            .lines()
            .map(|path| Input::Path(root.join(path)))
            .collect();
        let folder = root.join("fixtures");
        return (
            Sandbox::load(&inputs, Some(&folder), &serve.reading(), serve.settings()),
            serve.limits(),
            serve.control_options(),
        );
    }
    let reading = Reading {
        overlays,
        ..serve.reading()
    };
    let data: Vec<(String, _)> = case
        .blocks
        .iter()
        .filter_map(|block| {
            let name = block.kind.strip_prefix("data ")?;
            let text = block.text.clone();
            Some((
                name.to_owned(),
                standin::internals::data_text(format!("data/{name}.{}", block.language), text)
                    .expect("can be parsed"),
            ))
        })
        .collect();
    (
        Sandbox::with_data(&documents, &fixtures, &data, &reading, serve.settings()),
        serve.limits(),
        serve.control_options(),
    )
}

fn in_process(case: &Case) -> Result<(), Failed> {
    let (sandbox, limits, options) = sandbox(case);
    if let Some(expected) = case.blocks_of("check").next() {
        compare_text(&expected.text, &checked(&sandbox))?;
    }
    let control = Control::with(Arc::new(sandbox), options);
    let mut captures = Captures::new();
    for (request, expected) in case.exchanges() {
        let answered = answer(&control, request, limits);
        compare(expected, &answered, &mut captures)?;
    }
    Ok(())
}

fn checked(sandbox: &Sandbox) -> String {
    sandbox
        .diagnostics()
        .iter()
        .map(standin::Diagnostic::render)
        .collect::<Vec<_>>()
        .join("\n")
}

fn answer(
    control: &Control,
    request: &Block,
    limits: standin::internals::Limits,
) -> Response<Bytes> {
    let request = to_request(&Message::parse(&request.text));
    let body = request.body().clone();
    let too_large = body.len() > limits.max_body;
    let body = if too_large {
        Body::TooLarge(limits.max_body)
    } else {
        Body::Complete(body.into())
    };
    control.answer(&request.map(|_| body)).0
}

/// A request block as the client sends it; the lines of a multipart body end as they must.
fn to_request(message: &Message) -> Request<Vec<u8>> {
    let mut words = message.start.split(' ');
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in &message.headers {
        request = request.header(name, value);
    }
    let is_multipart = message
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("multipart/"));
    let body = if is_multipart {
        message.body.replace('\n', "\r\n")
    } else {
        message.body.clone()
    };
    request
        .body(body.into_bytes())
        .expect("the request block is a request")
}

fn over_tcp(case: &Case) -> Result<(), Failed> {
    let (sandbox, limits, options) = sandbox(case);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = runtime.spawn(standin::internals::run_with(
        listener,
        Arc::new(CurrentControl::new(Arc::new(Control::with(
            Arc::new(sandbox),
            options,
        )))),
        limits,
        async {
            let _dropped = stopped.await;
        },
    ));
    let mut captures = Captures::new();
    let result = case
        .exchanges()
        .into_iter()
        .try_for_each(|(request, expected)| {
            let answered = send(&Message::parse(&request.text), &format!("http://{address}"))?;
            compare(expected, &answered, &mut captures)
        });
    let _ended = stop.send(());
    runtime.block_on(served)?;
    result
}

fn send(message: &Message, origin: &str) -> Result<Response<Bytes>, Failed> {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .accept("")
        .user_agent("")
        .max_redirects(0);
    let agent: ureq::Agent = config.build().into();
    let (mut head, body) = to_request(message).into_parts();
    head.uri = format!("{origin}{}", head.uri).parse()?;
    let answered = if body.is_empty() {
        agent.run(Request::from_parts(head, ()))?
    } else {
        agent.run(Request::from_parts(head, body))?
    };
    let (head, mut body) = answered.into_parts();
    Ok(Response::from_parts(head, Bytes::from(body.read_to_vec()?)))
}

/// Compares what is listed: status, the header fields that stand there (`!name` for one that must
/// not be there; lines of one name are compared one by one, in order), and the content if there is any.
/// JSON is compared as a value, and in the order of its members in a block called `response in order`.
fn compare(
    block: &Block,
    answered: &Response<Bytes>,
    captures: &mut Captures,
) -> Result<(), Failed> {
    let expected = Message::parse(&block.text);
    let status = expected.start.split(' ').nth(1).unwrap_or_default();
    let body = String::from_utf8_lossy(answered.body());
    let shown = || format!("{} {:#?}\n{body}", answered.status(), answered.headers());
    if status != answered.status().as_str() {
        return Err(format!("expected {status}, got {}", shown()).into());
    }
    for (name, wanted) in expected.fields() {
        let all = answered.headers().get_all(name.trim_start_matches('!'));
        let lines: Vec<String> = all
            .iter()
            .map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned())
            .collect();
        let fits = if name.starts_with('!') {
            lines.is_empty()
        } else if wanted.len() == 1 {
            pattern::text_fits(wanted[0], &lines.join(", "), captures) && !lines.is_empty()
        } else {
            wanted.len() == lines.len()
                && wanted
                    .iter()
                    .zip(&lines)
                    .all(|(wanted, is)| pattern::text_fits(wanted, is, captures))
        };
        if !fits {
            return Err(
                format!("expected `{name}: {}`, got {}", wanted.join(" | "), shown()).into(),
            );
        }
    }
    if expected.body.is_empty() {
        return Ok(());
    }
    match (
        serde_json::from_str::<Value>(&expected.body),
        serde_json::from_str::<Value>(&body),
    ) {
        (Ok(expected), Ok(is)) => {
            let is_ordered = block.kind == "response in order";
            pattern::compare(&expected, &is, captures, is_ordered)
                .map_err(|why| format!("{why}\nin {}", shown()).into())
        }
        _ if pattern::text_fits(&expected.body, body.trim_end(), captures) => Ok(()),
        _ => Err(format!("expected {}\ngot {}", expected.body, shown()).into()),
    }
}

fn compare_text(expected: &str, is: &str) -> Result<(), Failed> {
    let trimmed = |text: &str| {
        text.lines()
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join("\n")
            .trim()
            .to_owned()
    };
    let (expected, is) = (trimmed(expected), trimmed(is));
    if expected == is {
        Ok(())
    } else {
        Err(format!("expected\n{expected}\n\ngot\n{is}").into())
    }
}

/// Writes what is answered into the case files.
fn update(cases: &[Case]) {
    let mut edits: BTreeMap<&Path, Vec<(&Block, String)>> = BTreeMap::new();
    for case in cases {
        let (sandbox, limits, options) = sandbox(case);
        let edits = edits.entry(&case.file).or_default();
        if let Some(block) = case.blocks_of("check").next()
            && compare_text(&block.text, &checked(&sandbox)).is_err()
        {
            edits.push((block, format!("{}\n", checked(&sandbox).trim_end())));
        }
        let control = Control::with(Arc::new(sandbox), options);
        let mut captures = Captures::new();
        for (request, expected) in case.exchanges() {
            let answered = answer(&control, request, limits);
            if compare(expected, &answered, &mut captures).is_err() {
                edits.push((
                    expected,
                    as_block(&Message::parse(&expected.text), &answered),
                ));
            }
        }
    }
    for (path, mut edits) in edits {
        let mut text = fs::read_to_string(path).expect("a case file can be read");
        edits.sort_by_key(|(block, _)| std::cmp::Reverse(block.range.start));
        for (block, new) in edits {
            text.replace_range(block.range.clone(), &new);
        }
        fs::write(path, text).expect("a case file can be written");
    }
}

fn as_block(expected: &Message, answered: &Response<Bytes>) -> String {
    let mut text = format!("HTTP/1.1 {}\n", answered.status());
    for (name, value) in &expected.headers {
        let is = answered
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok());
        text.push_str(&format!("{name}: {}\n", is.unwrap_or(value)));
    }
    if !answered.body().is_empty() && !expected.body.is_empty() {
        text.push_str(&format!("\n{}\n", String::from_utf8_lossy(answered.body())));
    }
    text
}
