//! Real documents, where `STANDIN_CORPUS` names a folder of them: every one is loaded, and those of
//! one family are served whole, each operation with the answer that it documents.

#[path = "support/known.rs"]
mod known;
#[path = "support/real.rs"]
mod real;

use std::collections::BTreeMap;

use serde_json::Value;
use standin::internals::{Examples, MediaRange, Operation, sample};
use standin::{GenerateOptions, Reading, Response, Sandbox};

use known::Failures;
use real::{Judge, corpus, load, load_with};

/// A value does not fit, whatever is done about examples.
const INVALID: &str = "an invalid value";

/// The document has an example for this answer, and the example does not fit.
const BROKEN_EXAMPLE: &str = "its example breaks its schema";

/// The other validator cannot read the schema.
const UNCOMPILED: &str = "its schema cannot be compiled";

/// The document has errors only, and the answer is an empty 204.
const UNDOCUMENTED: &str = "no success documented";

/// A value fits but for the examples that the document has for properties.
const MISFITTING: &str = "the example of a property breaks its schema";

/// How an answer keeps to what is documented for a valid request.
fn judge(sandbox: &Sandbox, operation: &Operation, judge: &mut Option<Judge>) -> &'static str {
    let request = sample::request(operation, &GenerateOptions::seeded(1), None);
    let (response, report) = sandbox.answer(&request);
    assert!(report.source != "problem internal", "{}", operation.name());
    let verdict = verdict(operation, &response, judge);
    if verdict != "as documented" && std::env::var_os("STANDIN_CORPUS_DETAILS").is_some() {
        println!(
            "{verdict}: {} {}: {} {:?}",
            operation.place,
            operation.name(),
            response.status(),
            report.violations
        );
    }
    verdict
}

fn verdict(operation: &Operation, response: &Response, judge: &mut Option<Judge>) -> &'static str {
    let Some((status, success)) = operation.success() else {
        return if response.status() == 204 && response.body().is_empty() {
            UNDOCUMENTED
        } else {
            "another status"
        };
    };
    if response.status() != status {
        return "another status";
    }
    let sent = response
        .headers()
        .get("content-type")
        .and_then(|value| MediaRange::parse(value.to_str().ok()?));
    let Some(first) = success.content.first() else {
        return "as documented";
    };
    let Some(sent) = sent else {
        return if response.body().is_empty() {
            "as documented"
        } else {
            "no media type"
        };
    };
    let Some(media) = success
        .content
        .iter()
        .find(|media| media.range.covers(&sent))
    else {
        return "another media type";
    };
    let (Some(schema), true) = (&media.schema, sent.is_json()) else {
        return "as documented";
    };
    let Ok(body) = serde_json::from_slice::<Value>(response.body()) else {
        return "no JSON";
    };
    match judge
        .as_mut()
        .and_then(|judge| judge.is_valid(schema.place().pointer(), &body))
    {
        Some(true) => "as documented",
        Some(false) if !first.examples.is_empty() => BROKEN_EXAMPLE,
        Some(false) => INVALID,
        None => UNCOMPILED,
    }
}

#[test]
#[ignore = "needs STANDIN_CORPUS"]
fn the_twelve_documents_of_rocket_chat_are_one_server_with_every_documented_answer() {
    let corpus = corpus();
    let sandbox = load(&corpus.join("RocketChat__Rocket.Chat-Open-API"));
    let contract = sandbox.contract();
    // 593 operations, of which three stand in two documents each.
    assert_eq!(
        (contract.documents.len(), contract.operations.len()),
        (12, 590)
    );
    let mut wrong = Vec::new();
    let mut documented = 0;
    for operation in &contract.operations {
        let (response, report) = sandbox.answer(&sample::request(
            operation,
            &GenerateOptions::seeded(1),
            None,
        ));
        let (status, success) = operation.success().expect("a response is documented");
        let examples: Vec<_> = success
            .content
            .iter()
            .flat_map(|media| &media.examples)
            .collect();
        if response.status() != status {
            wrong.push(format!(
                "{}: {} {:?}",
                operation.name(),
                response.status(),
                report.violations
            ));
            continue;
        }
        if examples.is_empty() {
            continue;
        }
        documented += 1;
        let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        let is_text = String::from_utf8_lossy(response.body());
        if !examples
            .iter()
            .any(|example| *example.value() == body || example.value().as_str() == Some(&is_text))
        {
            wrong.push(format!("{}: not its example", operation.name()));
        }
    }
    println!(
        "{} operations, {documented} with a documented example, {} wrong",
        contract.operations.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(documented >= 586, "only {documented} have an example");
}

/// Documented examples that break their schema are served as they are written, those of schemas too.
#[test]
#[ignore = "needs STANDIN_CORPUS"]
fn every_document_is_loaded_and_each_answer_is_as_documented_or_known() {
    let corpus = corpus();
    let mut documents = 0;
    let mut operations = 0;
    let mut judged: BTreeMap<&str, usize> = BTreeMap::new();
    let mut failures = Failures::new();
    let repairing = Reading {
        examples: Examples::Repair,
        ..Reading::default()
    };
    for file in real::documents(&corpus) {
        let sandbox = load(&file);
        let contract = sandbox.contract();
        let mut own: BTreeMap<&str, usize> = BTreeMap::new();
        let mut judging = contract
            .documents
            .first()
            .and_then(|document| Judge::new(document.tree()));
        let mut repaired = None;
        for (index, operation) in contract.operations.iter().enumerate() {
            let mut verdict = judge(&sandbox, operation, &mut judging);
            if verdict == INVALID {
                // Examples of properties are served as they are written; all else of the value has to fit.
                let repaired = repaired.get_or_insert_with(|| load_with(&file, &repairing));
                if judge(
                    repaired,
                    &repaired.contract().operations[index],
                    &mut judging,
                ) == "as documented"
                {
                    verdict = MISFITTING;
                }
            }
            *own.entry(verdict).or_default() += 1;
            if !["as documented", MISFITTING, UNDOCUMENTED].contains(&verdict) {
                let file = file.strip_prefix(&corpus).unwrap_or(&file).display();
                let (method, path) = (&operation.method, operation.path_key());
                let line = format!("{file}: {method} {path}");
                failures.entry(verdict).or_default().insert(line);
            }
        }
        for (verdict, count) in &own {
            *judged.entry(verdict).or_default() += count;
        }
        own.remove("as documented");
        // In the time that a debug build has: large documents are checked by the command line's users.
        let findings = if contract.operations.len() < 200 {
            sandbox.diagnostics().len()
        } else {
            contract.diagnostics.len()
        };
        println!(
            "{:5} operations, {:4} findings  {}  {}",
            contract.operations.len(),
            findings,
            file.strip_prefix(&corpus).unwrap_or(&file).display(),
            own.iter()
                .map(|(verdict, count)| format!("{verdict}: {count}"))
                .collect::<Vec<_>>()
                .join(", ")
        );
        documents += contract.documents.len();
        operations += contract.operations.len();
    }
    println!("{operations} operations from {documents} documents: {judged:#?}");
    assert!(
        documents >= 227 && operations >= 8265,
        "{operations} operations from {documents} documents"
    );
    known::compare("corpus", &failures);
}
