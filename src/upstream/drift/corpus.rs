//! False alarms: what the sandbox itself answers for real documents has no drift.
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use walkdir::WalkDir;

use crate::codec::message::Body;
use crate::document::Input;
use crate::exchange::settings::Settings;
use crate::sandbox::{Reading, Sandbox};
use crate::upstream::drift::batch::DriftBatch;
use crate::upstream::drift::report::DriftReport;
use crate::upstream::exchange::ObservedExchange;
use crate::upstream::judging::{Judgement, judge};

/// Largest document that is compared, in bytes.
const LARGEST: u64 = 20_000_000;

/// Maximum number of operations of a document that are compared.
const MOST_OPERATIONS: usize = 100;

/// Documents for which the sandbox sends members that the schema of their place does not declare: lists
/// show the entities of a fuller schema. These findings are right.
const FULLER: [&str; 4] = [
    "APIs-guru__openapi-directory/hetzner.cloud.json",
    "import-openapi/samples/github-v2.yaml",
    "openai__openai-openapi/openapi.yaml",
    "listennotes.com/2.0.json",
];

fn documents(folder: &Path) -> Vec<PathBuf> {
    let files = WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .flatten();
    let is_small = |file: &walkdir::DirEntry| {
        file.metadata()
            .is_ok_and(|data| data.is_file() && data.len() < LARGEST)
    };
    let is_named = |file: &walkdir::DirEntry| {
        file.path()
            .extension()
            .is_some_and(|end| end == "json" || end == "yaml" || end == "yml")
    };
    files
        .filter(|file| is_small(file) && is_named(file))
        .map(walkdir::DirEntry::into_path)
        .collect()
}

/// Returns exchanges that keep the document, with what is found of them.
fn exchanges(sandbox: &Sandbox) -> Vec<(ObservedExchange, Judgement)> {
    let operations = sandbox.contract().operations.len().min(MOST_OPERATIONS);
    let mut kept = Vec::new();
    for index in 0..operations {
        let (request, response) = sandbox.example("", index);
        let exchange = ObservedExchange {
            session: String::new(),
            at: 0,
            took: Duration::ZERO,
            request,
            response: response.map(Body::Complete),
        };
        let judgement = judge(sandbox, &exchange);
        if judgement.faults.is_empty() && judgement.violations.is_empty() {
            kept.push((exchange, judgement));
        }
    }
    kept
}

#[test]
#[ignore = "needs STANDIN_CORPUS"]
fn answers_of_the_sandbox_have_no_drift() {
    let corpus = std::env::var("STANDIN_CORPUS").expect("names the folder of the corpus");
    let (mut count, mut read, mut false_alarms) = (0, 0, Vec::new());
    let (mut spent, mut fuller) = (Duration::ZERO, 0);
    for path in documents(Path::new(&corpus)) {
        let sandbox = Sandbox::load(
            &[Input::Path(path.clone())],
            None,
            &Reading::default(),
            Settings::default(),
        );
        if sandbox.contract().operations.is_empty() {
            continue;
        }
        read += 1;
        let mut batch = DriftBatch::new(&sandbox);
        for (exchange, judgement) in exchanges(&sandbox) {
            count += 1;
            let began = Instant::now();
            batch.add(&judgement, &exchange);
            spent += began.elapsed();
        }
        let report = DriftReport::new(&sandbox, &batch.finish(), u64::MAX);
        if FULLER.iter().any(|end| path.ends_with(end)) {
            let all = report.findings.iter();
            fuller += all.filter(|finding| finding.kind.is_undocumented()).count();
            continue;
        }
        let found = report
            .findings
            .iter()
            .filter(|finding| finding.kind.is_undocumented());
        false_alarms.extend(found.map(|finding| {
            let example = finding.example.as_ref();
            format!(
                "{} {} {}\n    {:?}\n    {}",
                path.display(),
                finding.kind.as_str(),
                finding.message,
                finding
                    .places
                    .first()
                    .map(|place| (&place.operation, &place.pointer)),
                example.map_or("", |example| example.excerpt.as_str())
            )
        }));
    }
    println!(
        "{read} documents, {count} exchanges, {spent:?} in observe, {fuller} right findings, {} false alarms",
        false_alarms.len()
    );
    assert!(count > 1000, "{count}");
    assert!(false_alarms.is_empty(), "{}", false_alarms.join("\n"));
}
