//! What does `standin check` report, in which format, and with which exit code?

#[path = "support/document.rs"]
mod document;
#[path = "support/program.rs"]
mod program;

use std::path::Path;

use serde_json::Value;

use document::DOCUMENT;
use program::{Folder, run};

#[test]
fn the_documents_and_fixtures_of_this_repository_are_clean() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (_, out, errors) = run(root, &["check", "specs"]);
    let said = out + &errors;
    assert!(
        said.contains("4 operations from 2 documents, 0 errors, 0 warnings"),
        "{said}"
    );
}

#[test]
fn check_tells_by_its_exit_code() {
    let folder = Folder::new("check")
        .with("specs/a.yaml", DOCUMENT)
        .with("bad.yaml", &DOCUMENT.replace("n: 1", "n: 'x'"));
    let (code, out, _) = run(&folder.0, &["check"]);
    assert_eq!(
        (code, out.lines().last()),
        (
            Some(0),
            Some("2 operations from 1 document, 0 errors, 0 warnings")
        )
    );
    let (code, out, _) = run(&folder.0, &["check", "bad.yaml"]);
    assert_eq!(code, Some(0), "warnings are told, and do not fail");
    assert!(out.contains("warning[example-mismatch]"), "{out}");
    let (code, ..) = run(&folder.0, &["check", "bad.yaml", "--fail-on", "warning"]);
    assert_eq!(code, Some(1));
    let folder = folder.with("worse.yaml", &DOCUMENT.replace("openapi: 3", "openapi: 9"));
    let (code, out, _) = run(&folder.0, &["check", "specs/a.yaml", "worse.yaml"]);
    assert_eq!(code, Some(1), "{out}");
    let (code, ..) = run(&folder.0, &["check", "bad.yaml", "--fail-on", "nothing"]);
    assert_eq!(code, Some(2));
    let (code, _, errors) = run(&folder.0, &["check", "nowhere"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("there is no document to check"), "{errors}");
    let help = "= help: name one, such as `standin check openapi.yaml`";
    assert!(errors.contains(help), "{errors}");
}

#[test]
fn check_speaks_json_and_sarif() {
    let folder = Folder::new("formats").with("bad.yaml", &DOCUMENT.replace("n: 1", "n: 'x'"));
    let (_, out, _) = run(&folder.0, &["check", "bad.yaml", "--format", "json"]);
    let report: Value = serde_json::from_str(&out).expect("is JSON");
    let found = &report["diagnostics"][0];
    assert_eq!(
        (&found["code"], &found["file"], &found["line"]),
        (&"example-mismatch".into(), &"bad.yaml".into(), &13.into())
    );
    assert_eq!(
        found["pointer"],
        "/paths/~1a/get/responses/200/content/application~1json/examples/first/value/n"
    );
    let (_, out, _) = run(&folder.0, &["check", "bad.yaml", "--format", "sarif"]);
    let report: Value = serde_json::from_str(&out).expect("is JSON");
    assert_eq!(report["version"], "2.1.0");
    assert_eq!(
        report["runs"][0]["results"][0]["ruleId"],
        "example-mismatch"
    );
}
