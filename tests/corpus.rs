//! Real documents, where `STANDIN_CORPUS` names a folder of them: every one is loaded, and those of
//! one family are served whole, each operation with the answer that it documents.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use standin::contract::media::MediaRange;
use standin::contract::{Location, Operation, Parameter, SecurityScheme};
use standin::document::Input;
use standin::exchange::generate::{Manner, generate};
use standin::exchange::{Body, Request, Settings};
use standin::{Reading, Sandbox};

fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("STANDIN_CORPUS").map(PathBuf::from);
    if folder.is_none() {
        println!("STANDIN_CORPUS is not set: nothing to do");
    }
    folder
}

fn load(path: &Path) -> Sandbox {
    Sandbox::load(&[Input::Path(path.to_owned())], None, &Reading::default(), Settings::default())
}

/// A value for a parameter: its example, else a generated one.
fn sample(parameter: &Parameter) -> Value {
    let generated = || parameter.schema().map_or(Value::from("x"), |schema| generate(schema, &Manner::seeded(1)).value);
    parameter.examples.first().map_or_else(generated, |example| example.value().clone())
}

fn text(value: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match value {
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        other => text(other),
    }
}

fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A request that the operation documents as valid, as far as its parameters are plain.
fn request(operation: &Operation) -> Request {
    let mut path = operation.template.clone();
    let mut query = Vec::new();
    let mut builder = http::Request::builder().method(operation.method.clone());
    for name in &operation.path_names {
        let parameter = operation.parameters.iter().find(|p| p.location == Location::Path && p.name == *name);
        let value = parameter.map_or_else(|| "x".to_owned(), |parameter| text(&sample(parameter)));
        path = path.replace(&format!("{{{name}}}"), &encode(&value));
    }
    for parameter in operation.parameters.iter().filter(|parameter| parameter.required) {
        match parameter.location {
            Location::Query => match sample(parameter) {
                Value::Array(items) => {
                    query.extend(
                        items.iter().map(|item| format!("{}={}", encode(&parameter.name), encode(&text(item)))),
                    );
                }
                value => query.push(format!("{}={}", encode(&parameter.name), encode(&text(&value)))),
            },
            Location::Header => builder = builder.header(&parameter.name, text(&sample(parameter))),
            _ => {}
        }
    }
    let mut body = Vec::new();
    let media = operation.body.iter().flat_map(|body| &body.content).find(|media| media.range.is_json());
    if let Some(media) = media {
        let example =
            media.examples.iter().find(|example| example.errors().is_empty()).map(|example| example.value().clone());
        let value = example.or_else(|| Some(generate_request(media.schema.as_deref()?)));
        body = value.map(|value| value.to_string().into_bytes()).unwrap_or_default();
        builder = builder.header("content-type", media.range.as_str());
    }
    for requirement in operation.security.iter().take(1) {
        for scheme in &requirement.schemes {
            match scheme {
                SecurityScheme::ApiKey { location: Location::Query, name } => query.push(format!("{}=k", encode(name))),
                SecurityScheme::ApiKey { location: Location::Cookie, name } => {
                    builder = builder.header("cookie", format!("{name}=k"));
                }
                SecurityScheme::ApiKey { name, .. } => builder = builder.header(name, "k"),
                SecurityScheme::Http { scheme } if scheme == "basic" => {
                    builder = builder.header("authorization", "Basic dTpw");
                }
                SecurityScheme::Http { scheme } if !scheme.is_empty() => {
                    builder = builder.header("authorization", format!("{scheme} x"));
                }
                _ => builder = builder.header("authorization", "Bearer x"),
            }
        }
    }
    let path = path.replace(' ', "%20");
    let uri = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
    builder.uri(uri).body(Body::Complete(body.into())).expect("it is a request")
}

/// A value that the schema of a request takes.
fn generate_request(schema: &standin::contract::schema::Schema) -> Value {
    generate(schema, &Manner::seeded(1)).value
}

/// How an answer keeps to what is documented for a valid request.
fn judge(sandbox: &Sandbox, operation: &Operation) -> &'static str {
    let (response, report) = sandbox.answer(&request(operation));
    assert!(report.source != "problem internal", "{}", operation.name());
    let Some((status, success)) = operation.success() else { return "nothing documented" };
    if response.status() != status {
        if std::env::var_os("STANDIN_CORPUS_DETAILS").is_some() {
            println!("{} {}: {} {:?}", operation.place, operation.name(), response.status(), report.violations);
        }
        return "another status";
    }
    let sent = response.headers().get("content-type").and_then(|value| MediaRange::parse(value.to_str().ok()?));
    let Some(media) = success.content.first() else { return "as documented" };
    let Some(sent) = sent else { return if response.body().is_empty() { "as documented" } else { "no media type" } };
    if !media.range.covers(&sent) {
        return "another media type";
    }
    let (Some(schema), true) = (&media.schema, sent.is_json()) else { return "as documented" };
    let Ok(body) = serde_json::from_slice::<Value>(response.body()) else { return "no JSON" };
    match schema.is_valid(&body) {
        Ok(true) => "as documented",
        Ok(false) if !media.examples.is_empty() => "its example breaks its schema",
        Ok(false) => "an invalid value",
        Err(_) => "its schema cannot be compiled",
    }
}

#[test]
fn the_twelve_documents_of_rocket_chat_are_one_server_with_every_documented_answer() {
    let Some(corpus) = corpus() else { return };
    let sandbox = load(&corpus.join("RocketChat__Rocket.Chat-Open-API"));
    let contract = sandbox.contract();
    // 593 operations, of which three stand in two documents each.
    assert_eq!((contract.documents.len(), contract.operations.len()), (12, 590));
    let mut wrong = Vec::new();
    let mut documented = 0;
    for operation in &contract.operations {
        let (response, report) = sandbox.answer(&request(operation));
        let (status, success) = operation.success().expect("a response is documented");
        let examples: Vec<_> = success.content.iter().flat_map(|media| &media.examples).collect();
        if response.status() != status {
            wrong.push(format!("{}: {} {:?}", operation.name(), response.status(), report.violations));
            continue;
        }
        if examples.is_empty() {
            continue;
        }
        documented += 1;
        let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        let is_text = String::from_utf8_lossy(response.body());
        if !examples.iter().any(|example| *example.value() == body || example.value().as_str() == Some(&is_text)) {
            wrong.push(format!("{}: not its example", operation.name()));
        }
    }
    println!("{} operations, {documented} with a documented example, {} wrong", contract.operations.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(documented >= 586, "only {documented} have an example");
}

#[test]
fn every_document_is_loaded_and_none_is_a_panic() {
    let Some(corpus) = corpus() else { return };
    let mut documents = 0;
    let mut operations = 0;
    let mut judged: BTreeMap<&str, usize> = BTreeMap::new();
    let folders =
        std::fs::read_dir(&corpus).expect("the corpus is there").map(|entry| entry.expect("can be read").path());
    let mut folders: Vec<PathBuf> = folders.filter(|path| path.is_dir()).collect();
    folders.sort();
    for folder in folders {
        let sandbox = load(&folder);
        let contract = sandbox.contract();
        for operation in &contract.operations {
            *judged.entry(judge(&sandbox, operation)).or_default() += 1;
        }
        // In the time that a debug build has: large documents are checked by the command line's users.
        let findings =
            if contract.operations.len() < 200 { sandbox.diagnostics().len() } else { contract.diagnostics.len() };
        println!(
            "{:5} operations from {:3} documents, {:4} findings  {}",
            contract.operations.len(),
            contract.documents.len(),
            findings,
            folder.file_name().unwrap_or_default().to_string_lossy()
        );
        documents += contract.documents.len();
        operations += contract.operations.len();
    }
    println!("{operations} operations from {documents} documents: {judged:#?}");
    assert!(documents >= 227 && operations >= 7981, "{operations} operations from {documents} documents");
    assert!(judged["as documented"] >= 7011, "{judged:#?}");
}
