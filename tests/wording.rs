//! Errors of real documents: for each operation that documents one, wrong requests of every kind that it
//! allows; each answer must be documented, valid, about what is wrong, and always the same.

#[path = "support/known.rs"]
mod known;
#[path = "support/real.rs"]
mod real;
#[path = "support/tally.rs"]
mod tally;

use std::collections::{BTreeMap, BTreeSet};

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};
use standin::internals::{
    DocumentedResponse, Location, MediaRange, MediaType, NameForm, Operation, Schema,
    StatusPattern, folded, sample,
};
use standin::{Body, GenerateOptions, Request, Sandbox};

use real::{Judge, corpus, documents, load};
use tally::Tally;

/// A wrong request, and the name that its error must have; none, if it is about no field.
struct Wrong {
    kind: &'static str,
    name: Option<String>,
    request: Request,
}

fn with_body(request: &Request, body: Vec<u8>) -> Request {
    let mut request = request.clone();
    *request.body_mut() = Body::Complete(body.into());
    request
}

/// How many wrong bodies of one operation are tried.
const MOST: usize = 60;

/// Every way to make a value wrong in one place, with the name of the place.
fn mutations(
    value: &Value,
    name: &str,
    found: &mut Vec<(&'static str, String, Value)>,
    around: &dyn Fn(Value) -> Value,
) {
    if found.len() > MOST {
        return;
    }
    let mut add =
        |kind, name: &str, value: Value| found.push((kind, name.to_owned(), around(value)));
    if !name.is_empty() {
        let other_type = if value.is_object() || value.is_array() {
            json!("standin")
        } else {
            json!({"standin": []})
        };
        add("type", name, other_type);
    }
    match value {
        Value::Object(object) => {
            for key in object.keys() {
                let mut without = object.clone();
                without.shift_remove(key);
                add("missing", key, Value::Object(without));
            }
            let mut more = object.clone();
            more.insert("standinUnknown".to_owned(), json!(1));
            add("unknown", "standinUnknown", Value::Object(more));
            for (key, member) in object {
                mutations(member, key, found, &|member| {
                    let mut object = object.clone();
                    object.insert(key.clone(), member);
                    around(Value::Object(object))
                });
            }
        }
        Value::Array(items) => {
            add("items", name, json!([]));
            if let Some(first) = items.first() {
                mutations(first, name, found, &|item| {
                    let mut items = items.clone();
                    items[0] = item;
                    around(Value::Array(items))
                });
            }
        }
        Value::String(_) => {
            add("text", name, json!("no such value: standin"));
            add("short", name, json!(""));
            add("long", name, json!("x".repeat(5000)));
        }
        Value::Number(_) => {
            add("small", name, json!(-1_000_000_000_i64));
            add("large", name, json!(1_000_000_000_000_000_i64));
        }
        _ => {}
    }
}

fn wrong_requests(operation: &Operation, valid: &Request) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let Body::Complete(bytes) = valid.body() else {
        return wrong;
    };
    let is_json = valid
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| MediaRange::parse(value.to_str().ok()?))
        .is_some_and(|media| media.is_json());
    if let (true, Ok(body)) = (is_json, serde_json::from_slice::<Value>(bytes)) {
        let mut found = Vec::new();
        mutations(&body, "", &mut found, &|value| value);
        let made = found.into_iter().map(|(kind, name, body)| Wrong {
            kind,
            name: Some(name).filter(|name| !name.is_empty()),
            request: with_body(valid, body.to_string().into_bytes()),
        });
        wrong.extend(made);
        wrong.push(Wrong {
            kind: "malformed",
            name: None,
            request: with_body(valid, b"{\"standin".to_vec()),
        });
    }
    if !bytes.is_empty() {
        let mut request = valid.clone();
        request.headers_mut().insert(
            CONTENT_TYPE,
            "application/x-standin".parse().expect("is a value"),
        );
        wrong.push(Wrong {
            kind: "media type",
            name: None,
            request,
        });
    }
    for parameter in &operation.compiled().parameters {
        let name = Some(parameter.name.clone());
        match parameter.location {
            Location::Query => {
                let uri = valid.uri();
                let rest = |query: &str| {
                    let kept: Vec<&str> = query
                        .split('&')
                        .filter(|pair| {
                            pair.split(['=', '%'])
                                .next()
                                .is_some_and(|key| key != parameter.name)
                        })
                        .collect();
                    kept.join("&")
                };
                let rest = rest(uri.query().unwrap_or_default());
                let encoded = parameter
                    .name
                    .bytes()
                    .fold(String::new(), |text, byte| format!("{text}%{byte:02X}"));
                let queries = [
                    ("missing", rest.clone()),
                    (
                        "text",
                        format!("{rest}&{encoded}=no%20such%20value%3A%20standin"),
                    ),
                ];
                for (kind, query) in queries {
                    let mut request = valid.clone();
                    *request.uri_mut() = format!("{}?{query}", uri.path())
                        .parse()
                        .unwrap_or_default();
                    wrong.push(Wrong {
                        kind,
                        name: name.clone(),
                        request,
                    });
                }
            }
            Location::Header if parameter.required => {
                let mut request = valid.clone();
                request.headers_mut().remove(parameter.name.as_str());
                wrong.push(Wrong {
                    kind: "missing",
                    name,
                    request,
                });
            }
            _ => {}
        }
    }
    if valid.headers().contains_key(AUTHORIZATION) {
        let mut request = valid.clone();
        request.headers_mut().remove(AUTHORIZATION);
        wrong.push(Wrong {
            kind: "credentials",
            name: None,
            request,
        });
    }
    wrong
}

/// Every name that the request has.
fn names(operation: &Operation) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = operation
        .compiled()
        .parameters
        .iter()
        .map(|parameter| parameter.name.clone())
        .collect();
    let bodies = operation
        .compiled()
        .body
        .iter()
        .flat_map(|body| &body.content);
    for schema in bodies.filter_map(|media| media.schema.as_ref()) {
        names.extend(schema.all_property_names(schema.tree()));
    }
    names
}

/// Whether a text has a name as a word of its own, in the forms in which sentences write names.
fn has(text: &str, name: &str) -> bool {
    let forms = [
        NameForm::AsIs,
        NameForm::Words,
        NameForm::Sentence,
        NameForm::Title,
        NameForm::Pascal,
        NameForm::Snake,
        NameForm::Kebab,
        NameForm::Camel,
    ];
    forms.iter().any(|form| has_word(text, &form.write(name)))
}

fn has_word(text: &str, word: &str) -> bool {
    let is_edge = |letter: Option<char>| {
        letter.is_none_or(|letter| !letter.is_alphanumeric() && letter != '_')
    };
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            is_edge(text[..at].chars().next_back())
                && is_edge(text[at + word.len()..].chars().next())
        })
}

/// Names of other fields that a text refers to: in quotation marks, or such that they can be nothing else.
fn other_names(text: &str, names: &BTreeSet<String>, own: &str) -> Vec<String> {
    let is_coined = |name: &str| name.contains('_') || name.chars().skip(1).any(char::is_uppercase);
    let quoted = |name: &str| {
        ["'", "\\\"", "`"]
            .iter()
            .any(|quote| text.contains(&format!("{quote}{name}{quote}")))
    };
    let refers = |name: &&String| {
        folded(name) != folded(own) && (is_coined(name) && has_word(text, name) || quoted(name))
    };
    names.iter().filter(refers).cloned().collect()
}

/// The texts of a body, without the names of its members.
fn texts_of(body: &Value) -> String {
    match body {
        Value::String(text) => format!("{text}\n"),
        Value::Array(items) => items.iter().map(texts_of).collect(),
        Value::Object(object) => object.values().map(texts_of).collect(),
        _ => String::new(),
    }
}

/// Whether an operation documents what a wrong request is answered with.
fn documents_error(operation: &Operation) -> bool {
    let has_success = operation
        .compiled()
        .responses
        .iter()
        .any(|(pattern, _)| match pattern {
            StatusPattern::Exact(status) => status.is_success(),
            other => *other == StatusPattern::Range(2),
        });
    operation
        .compiled()
        .responses
        .iter()
        .any(|(pattern, response)| {
            let is_error = match pattern {
                StatusPattern::Exact(status) => matches!(status.as_u16(), 400 | 422),
                StatusPattern::Range(hundreds) => *hundreds == 4,
                StatusPattern::Default => has_success,
            };
            is_error && !response.content.is_empty()
        })
}

/// Whether a body has a place for words about a field: a text that its schema leaves free, or that an
/// example has words in.
fn has_place(media: &MediaType) -> bool {
    const NAMES: [&str; 14] = [
        "message",
        "msg",
        "error",
        "errormessage",
        "errordescription",
        "description",
        "detail",
        "details",
        "reason",
        "text",
        "title",
        "errors",
        "field",
        "errormsg",
    ];
    fn free(schema: &Schema, node: &Value, name: &str, depth: usize) -> bool {
        let node = schema.resolve(node);
        let types = schema.types(node);
        let is_free = ["enum", "const", "format", "pattern"]
            .iter()
            .all(|keyword| node.get(*keyword).is_none());
        depth < 4
            && (types == ["string"] && is_free && NAMES.contains(&folded(name).as_str())
                || schema
                    .properties(node)
                    .iter()
                    .any(|(name, member)| free(schema, member, name, depth + 1))
                || schema
                    .items(node)
                    .is_some_and(|item| free(schema, item, name, depth + 1)))
    }
    fn worded(value: &Value) -> bool {
        match value {
            Value::String(text) => text.contains(' '),
            Value::Array(items) => items.iter().any(worded),
            Value::Object(object) => object.values().any(worded),
            _ => false,
        }
    }
    let by_schema = media
        .schema
        .as_ref()
        .is_some_and(|schema| free(schema, schema.tree(), "message", 0));
    by_schema || media.examples.iter().any(|example| worded(example.value()))
}

/// The sentences of some families never name the field, and the document shows one of those.
fn is_of_nameless_family(source: &str) -> bool {
    ["(ajv)"].iter().any(|family| source.ends_with(family)) && !source.starts_with("made")
}

/// The family in the parentheses at the end of a source.
fn family_of(source: &str) -> String {
    let family = source.rsplit_once('(').map(|(_, family)| family);
    family
        .unwrap_or("no family")
        .trim_end_matches(')')
        .to_owned()
}

/// Whether an answer is not what its operation documents, and cannot be judged by it.
fn is_undocumented(source: &str) -> bool {
    source.starts_with("problem, the document has no error")
        || source.starts_with("as other operations document it")
}

/// The documented media type of an answer.
fn documented_media<'d>(
    documented: Option<&'d DocumentedResponse>,
    sent: Option<&MediaRange>,
) -> Option<&'d MediaType> {
    let (documented, sent) = documented.zip(sent)?;
    let mut content = documented.content.iter();
    content.find(|media| media.range.covers(sent))
}

fn judge(
    sandbox: &Sandbox,
    (file, operation): (&str, &Operation),
    judging: &mut Option<Judge>,
    families: &mut BTreeMap<String, usize>,
    details: bool,
) -> Tally {
    let mut tally = Tally::default();
    let valid = sample::request(operation, &GenerateOptions::seeded(1), None);
    let (response, report) = sandbox.answer(&valid);
    if response.status().is_client_error() && !report.violations.is_empty() {
        return tally;
    }
    let names = names(operation);
    let has_content = operation.method != http::Method::HEAD;
    for wrong in wrong_requests(operation, &valid)
        .into_iter()
        .filter(|_| has_content)
    {
        let (response, report) = sandbox.answer(&wrong.request);
        if report.violations.is_empty() || is_undocumented(&report.source) {
            continue;
        }
        // What a mutation breaks beside what it is meant to is not what it is asked for.
        let Some(broken) = report.violations.first() else {
            continue;
        };
        tally.answers += 1;
        *families.entry(family_of(&report.source)).or_default() += 1;
        let (again, _) = sandbox.answer(&wrong.request);
        tally.unstable += usize::from(again.body() != response.body());
        let documented = operation.response(response.status());
        let sent = response
            .headers()
            .get("content-type")
            .and_then(|value| MediaRange::parse(value.to_str().ok()?));
        let media = documented_media(documented, sent.as_ref());
        if documented.is_none() {
            tally.undocumented += 1;
        }
        let text = String::from_utf8_lossy(response.body()).into_owned();
        let body =
            serde_json::from_slice::<Value>(response.body()).unwrap_or(Value::String(text.clone()));
        let line = format!("{file}: {} [{}]", operation.name(), wrong.kind);
        let complain = |what: &str| {
            if details {
                println!(
                    "{what}: {} {} [{}] {broken} -> {} {text} ({})",
                    operation.place,
                    operation.name(),
                    wrong.kind,
                    response.status(),
                    report.source
                );
            }
        };
        if let Some(schema) = media.and_then(|media| media.schema.as_ref())
            && sent.as_ref().is_some_and(MediaRange::is_json)
            && judging
                .as_mut()
                .and_then(|judge| judge.is_valid(schema.place().pointer(), &body))
                == Some(false)
        {
            tally.invalid += 1;
            tally
                .failures
                .entry("an invalid body")
                .or_default()
                .insert(line.clone());
            complain("invalid");
        }
        let Some(name) = wrong
            .name
            .as_ref()
            .filter(|name| broken.contains(name.as_str()))
        else {
            continue;
        };
        if !media.is_some_and(has_place) || broken.starts_with("credentials") {
            continue;
        }
        if is_of_nameless_family(&report.source) && !broken.contains("required") {
            tally.of_nameless += 1;
            continue;
        }
        tally.with_place += 1;
        if has(&text, name) {
            tally.named += 1;
        } else {
            tally
                .failures
                .entry("a body that does not name the field")
                .or_default()
                .insert(line);
            complain("unnamed");
        }
        let others = other_names(&texts_of(&body), &names, name);
        let others: Vec<&String> = others
            .iter()
            .filter(|other| !broken.contains(other.as_str()))
            .collect();
        if !others.is_empty() {
            tally.wrong_name += 1;
            complain(&format!("names {others:?}"));
        }
    }
    tally
}

#[test]
#[ignore = "needs STANDIN_CORPUS"]
fn every_documented_error_says_what_is_wrong() {
    let corpus = corpus();
    let details = std::env::var_os("STANDIN_CORPUS_DETAILS").is_some();
    let mut all = Tally::default();
    let mut operations = 0;
    let mut sources: BTreeMap<&str, usize> = BTreeMap::new();
    let mut families: BTreeMap<String, usize> = BTreeMap::new();
    for file in documents(&corpus) {
        let sandbox = load(&file);
        let contract = sandbox.contract();
        let mut judging = contract
            .documents
            .first()
            .and_then(|document| Judge::new(document.tree()));
        let mut own = Tally::default();
        let name = file
            .strip_prefix(&corpus)
            .unwrap_or(&file)
            .display()
            .to_string();
        for operation in contract
            .operations
            .iter()
            .filter(|operation| documents_error(operation))
        {
            operations += 1;
            own.add(&judge(
                &sandbox,
                (&name, operation),
                &mut judging,
                &mut families,
                details,
            ));
            *sources
                .entry(sandbox.survey(operation).source.name())
                .or_default() += 1;
        }
        if own.answers > 0 {
            println!(
                "{}  {}",
                own.line(),
                file.strip_prefix(&corpus).unwrap_or(&file).display()
            );
        }
        all.add(&own);
    }
    println!("answers by family: {families:?}");
    println!("{operations} operations, {sources:?}: {}", all.line());
    assert!(all.answers >= 10_000, "only {}", all.line());
    assert_eq!(
        (all.undocumented, all.wrong_name, all.unstable),
        (0, 0, 0),
        "{}",
        all.line()
    );
    known::compare("wording", &all.failures);
}

/// The names in quotation marks in a sentence, and whether it says that one is missing.
fn worded(example: &Value) -> Option<(Vec<String>, bool)> {
    const MISSING: [&str; 6] = [
        "required",
        "missing",
        "must be provided",
        "Missing key",
        "must provide",
        "not provided",
    ];
    const WRONG: [&str; 6] = [
        "must be ",
        "must NOT ",
        "must match",
        "Expected ",
        "Failed Match",
        "must be a valid",
    ];
    const OTHER: [&str; 6] = [
        "not found",
        "not match any",
        "logged in",
        "already",
        "not exist",
        "TOTP",
    ];
    let text = example.get("error")?.as_str()?;
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&OTHER) || !(has(&MISSING) || has(&WRONG)) {
        return None;
    }
    let mut names = Vec::new();
    for quote in ['\'', '"'] {
        let parts: Vec<&str> = text.split(quote).collect();
        names.extend(
            parts
                .iter()
                .skip(1)
                .step_by(2)
                .map(|name| (*name).to_owned()),
        );
    }
    Some((names, has(&MISSING)))
}

#[test]
#[ignore = "needs STANDIN_CORPUS"]
fn the_worded_examples_of_rocket_chat_are_what_is_answered_when_that_is_wrong() {
    let corpus = corpus();
    let details = std::env::var_os("STANDIN_CORPUS_DETAILS").is_some();
    let sandbox = load(&corpus.join("RocketChat__Rocket.Chat-Open-API"));
    let (mut said, mut unsaid) = (0, BTreeMap::<&str, usize>::new());
    for operation in &sandbox.contract().operations {
        let status = http::StatusCode::BAD_REQUEST;
        let media = operation
            .response(status)
            .and_then(|response| response.content.first());
        let examples = media
            .map(|media| media.examples.as_slice())
            .unwrap_or_default();
        let worded: Vec<_> = examples
            .iter()
            .filter_map(|example| Some((example, worded(example.value())?)))
            .collect();
        if worded.is_empty() {
            continue;
        }
        let valid = sample::request(operation, &GenerateOptions::seeded(1), None);
        let mut answers: Vec<(Wrong, String, Value)> = Vec::new();
        let mut all = wrong_requests(operation, &valid);
        if let Body::Complete(bytes) = valid.body()
            && !bytes.is_empty()
        {
            all.push(Wrong {
                kind: "missing",
                name: None,
                request: with_body(&valid, b"{}".to_vec()),
            });
        }
        for wrong in all {
            let (response, report) = sandbox.answer(&wrong.request);
            let body = serde_json::from_slice(response.body()).unwrap_or_default();
            if let Some(broken) = report.violations.first() {
                answers.push((wrong, broken.clone(), body));
            }
        }
        for (example, (names, is_missing)) in worded {
            if answers.iter().any(|(.., body)| body == example.value()) {
                said += 1;
                continue;
            }
            let text = example
                .value()
                .get("error")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let is_joined = text.contains("schema in oneOf") || text.contains("schema in anyOf");
            let about: Vec<_> = answers
                .iter()
                .filter(|(_, broken, _)| {
                    // What is asked of credentials is told before, and a form of several is another rule.
                    if broken.starts_with("credentials")
                        || is_joined && !broken.contains("documented forms")
                    {
                        return false;
                    }
                    let is_named = names.is_empty()
                        || names
                            .iter()
                            .any(|name| broken.contains(&format!("'{name}'")));
                    is_named && broken.contains("required") == is_missing
                })
                .collect();
            let rivals = examples
                .iter()
                .filter(|other| *other.value() != *example.value());
            let why = if about.is_empty() {
                "the document does not ask for it"
            } else if rivals
                .clone()
                .any(|rival| about.iter().any(|(.., body)| body == rival.value()))
            {
                "another example words the same"
            } else {
                "otherwise worded"
            };
            *unsaid.entry(why).or_default() += 1;
            if details {
                let got = about
                    .first()
                    .map(|(_, broken, body)| format!("{broken} -> {body}"))
                    .unwrap_or_default();
                println!("{why}: {} {} {got}", operation.name(), example.value());
            }
        }
    }
    println!("{said} worded examples are answered; {unsaid:?}");
    assert!(said >= 283, "only {said}");
}
