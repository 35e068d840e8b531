//! Result of a server run for CI: a report at its end, and the conditions under which it fails.
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::contract::Contract;
use crate::contract::fixture_key::{UnknownKey, operations_of};
use crate::diagnostic::{count, escape};
use crate::state::coverage::Coverage;

/// Format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReportForm {
    /// `JUnit` XML, with a test case for each operation.
    Junit,
    /// HTML page for people.
    Html,
    /// Coverage as in `/_standin/coverage`, and the wrong requests.
    Json,
}

/// Report to write (`--report FORM FILE`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReportTarget {
    /// Format of the report.
    pub form: ReportForm,
    /// File to write.
    pub file: PathBuf,
}

/// Condition that fails a run (`--fail-on`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Condition {
    /// A request to an operation violated the documents.
    Violations,
    /// A request matched no operation.
    Unmatched,
    /// More than this percentage of the operations was never called.
    Uncovered(f64),
}

/// Reads pairs such as `junit report.xml`.
///
/// # Errors
///
/// Message that describes the expected form.
pub(super) fn targets(words: &[String]) -> Result<Vec<ReportTarget>, String> {
    words
        .chunks(2)
        .map(|pair| match pair {
            [form, file] => {
                let form = match form.as_str() {
                    "junit" => ReportForm::Junit,
                    "html" => ReportForm::Html,
                    "json" => ReportForm::Json,
                    other => {
                        return Err(format!(
                            "`{other}` is no form of a report, expected `junit`, `html` or `json`"
                        ));
                    }
                };
                Ok(ReportTarget {
                    form,
                    file: PathBuf::from(file),
                })
            }
            _ => Err("expected a form and a file, such as `--report junit report.xml`".to_owned()),
        })
        .collect()
}

/// Reads `violations`, `unmatched`, `uncovered`, `uncovered=10%`.
///
/// # Errors
///
/// Message that describes the expected form.
pub(super) fn condition(text: &str) -> Result<Condition, String> {
    let expected = || {
        format!(
            "expected `violations`, `unmatched`, `uncovered` or `uncovered=10%`, found `{text}`"
        )
    };
    match text.split_once('=') {
        None if text == "violations" => Ok(Condition::Violations),
        None if text == "unmatched" => Ok(Condition::Unmatched),
        None if text == "uncovered" => Ok(Condition::Uncovered(0.0)),
        Some(("uncovered", share)) => {
            let share: f64 = share
                .strip_suffix('%')
                .and_then(|share| share.trim().parse().ok())
                .ok_or_else(expected)?;
            if (0.0..=100.0).contains(&share) {
                Ok(Condition::Uncovered(share))
            } else {
                Err(expected())
            }
        }
        _ => Err(expected()),
    }
}

/// Finds the operations that keys such as `tag: billing` or `GET /pets/*` name; all operations
/// without any key.
///
/// # Errors
///
/// Message about a key that names no operation.
pub(super) fn covered(contract: &Contract, keys: &[String]) -> Result<BTreeSet<usize>, String> {
    if keys.is_empty() {
        return Ok((0..contract.operations.len()).collect());
    }
    let mut all = BTreeSet::new();
    for key in keys {
        let operations = operations_of(contract, key).map_err(|unknown| {
            let UnknownKey { message, help } = unknown;
            format!("`--cover {key}` cannot be used, as {message}\n  = help: {help}")
        });
        all.extend(operations?);
    }
    Ok(all)
}

/// Returns a sentence for each condition that holds; `uncovered` counts the operations in `covered`.
#[must_use]
pub(super) fn failures(
    conditions: &[Condition],
    coverage: &Coverage,
    covered: &BTreeSet<usize>,
) -> Vec<String> {
    let uncovered = coverage.uncovered(covered);
    let wrong = coverage.violations();
    let failure = |condition: &Condition| match condition {
        Condition::Violations if wrong > 0 => {
            let wrong = count(usize::try_from(wrong).unwrap_or(usize::MAX), "request");
            Some(format!("{wrong} did not fit the documents"))
        }
        Condition::Unmatched if coverage.unmatched() > 0 => {
            let unmatched = usize::try_from(coverage.unmatched()).unwrap_or(usize::MAX);
            let requests = count(unmatched, "request");
            Some(format!("{requests} matched no operation of the documents"))
        }
        Condition::Uncovered(most) if uncovered > *most => Some(format!(
            "{uncovered:.1}% of the operations were never called; the limit is {most}%"
        )),
        _ => None,
    };
    conditions.iter().filter_map(failure).collect()
}

/// Reason why a report cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("the report `{}` cannot be written: {error}", escape::one_line(&.file.display().to_string()))]
pub(super) struct ReportError {
    /// File of the report.
    file: PathBuf,
    /// Error of the file system.
    error: io::Error,
}

impl ReportTarget {
    fn failed(&self, error: io::Error) -> ReportError {
        ReportError {
            file: self.file.clone(),
            error,
        }
    }

    /// Checks at the start that the report can be written at the end.
    ///
    /// # Errors
    ///
    /// [`ReportError`], if it cannot be written.
    pub(super) fn check(&self) -> Result<(), ReportError> {
        let is_there = match fs::metadata(&self.file) {
            // Opening a pipe would wait for its reader.
            Ok(there) if !there.is_file() && !there.is_dir() => return Ok(()),
            Ok(_) => true,
            Err(_) => false,
        };
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.file)
            .map_err(|error| self.failed(error))?;
        if !is_there {
            // A run that is killed leaves no report, rather than an empty one.
            fs::remove_file(&self.file).map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    /// Writes the report.
    ///
    /// # Errors
    ///
    /// [`ReportError`], if it cannot be written.
    pub(super) fn write(
        &self,
        contract: &Contract,
        coverage: &Coverage,
        failures: &[String],
    ) -> Result<(), ReportError> {
        let text = match self.form {
            ReportForm::Json => format!(
                "{}\n",
                escape::pretty_json(&as_json(contract, coverage, failures))
            ),
            ReportForm::Junit => as_junit(contract, coverage, failures),
            ReportForm::Html => as_html(contract, coverage, failures),
        };
        fs::write(&self.file, text).map_err(|error| self.failed(error))
    }
}

fn as_json(contract: &Contract, coverage: &Coverage, failures: &[String]) -> Value {
    let wrong = coverage.wrong().into_iter().map(|wrong| {
        json!({
            "operation": wrong.operation, "request": wrong.request,
            "status": wrong.status, "violations": wrong.violations,
        })
    });
    let mut report = coverage.to_json(contract);
    report["violations"] = wrong.collect();
    report["failures"] = json!(failures);
    report
}

fn as_junit(contract: &Contract, coverage: &Coverage, failures: &[String]) -> String {
    let used = coverage.used();
    let wrong = coverage.wrong();
    let mut cases = String::new();
    let (mut failed, mut skipped) = (0, 0);
    for (index, operation) in contract.operations.iter().enumerate() {
        let name = escape::markup(operation.name());
        let class = escape::markup(contract.documents[operation.document].source().name());
        let _ = write!(cases, "    <testcase name=\"{name}\" classname=\"{class}\"");
        let own: Vec<_> = wrong
            .iter()
            .filter(|wrong| wrong.operation.as_deref() == Some(operation.name()))
            .collect();
        if !used.iter().any(|(there, _)| *there == index) {
            skipped += 1;
            cases.push_str("><skipped message=\"never called\"/></testcase>\n");
        } else if own.is_empty() {
            cases.push_str("/>\n");
        } else {
            failed += 1;
            let lines: Vec<String> = own
                .iter()
                .map(|wrong| format!("{}: {}", wrong.request, wrong.violations.join("; ")))
                .collect();
            let first = escape::markup(&own[0].violations.join("; "));
            let _ = writeln!(
                cases,
                "><failure message=\"{first}\">{}</failure></testcase>",
                escape::markup(&lines.join("\n"))
            );
        }
    }
    for failure in failures {
        failed += 1;
        let text = escape::markup(failure);
        let _ = writeln!(
            cases,
            "    <testcase name=\"--fail-on\" classname=\"standin\"><failure message=\"{text}\"/></testcase>"
        );
    }
    let tests = contract.operations.len() + failures.len();
    let counts = format!("tests=\"{tests}\" failures=\"{failed}\" skipped=\"{skipped}\"");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"standin\" {counts}>\n  <testsuite name=\"operations\" {counts}>\n{cases}  </testsuite>\n</testsuites>\n"
    )
}

fn as_html(contract: &Contract, coverage: &Coverage, failures: &[String]) -> String {
    let used = coverage.used();
    let mut rows = String::new();
    for (index, operation) in contract.operations.iter().enumerate() {
        let own = used
            .iter()
            .find(|(there, _)| *there == index)
            .map(|(_, used)| used);
        let count = own.map_or(0, |used| used.count);
        let statuses = own.map(|used| {
            used.statuses
                .iter()
                .map(|(status, n)| format!("{status} × {n}"))
                .collect::<Vec<_>>()
        });
        let _ = writeln!(
            rows,
            "<tr class=\"{}\"><td>{}</td><td>{}</td><td>{}</td><td>{count}</td><td>{}</td><td>{}</td></tr>",
            if count == 0 { "unused" } else { "used" },
            escape::markup(operation.method.as_str()),
            escape::markup(&operation.path_key()),
            escape::markup(operation.id.as_deref().unwrap_or("-")),
            statuses.unwrap_or_default().join(", "),
            own.map_or(0, |used| used.violations),
        );
    }
    let wrong = coverage.wrong().into_iter().map(|wrong| {
        format!(
            "<li><code>{}</code>: {}</li>\n",
            escape::markup(&wrong.request),
            escape::markup(&wrong.violations.join("; "))
        )
    });
    let failures: Vec<String> = failures
        .iter()
        .map(|failure| format!("<p class=\"failed\">{}</p>\n", escape::markup(failure)))
        .collect();
    let failures = failures.concat();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Standin report</title><style>\
         body{{font:14px system-ui;margin:2em}}table{{border-collapse:collapse}}td,th{{padding:.2em .8em;text-align:left;border-bottom:1px solid #ddd}}\
         .unused{{color:#999}}.failed{{color:#b00}}</style></head><body>\n<h1>{} of {} operations were called</h1>\n{failures}\
         <table><tr><th>Method<th>Path<th>Operation<th>Calls<th>Statuses<th>Wrong requests</tr>\n{rows}</table>\n\
         <h2>What was wrong</h2>\n<ul>\n{}</ul>\n</body></html>\n",
        used.len(),
        contract.operations.len(),
        wrong.collect::<Vec<_>>().concat(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_a_report_has_characters_of_xml_only() {
        let text: String = (0..=0x1_0000).filter_map(char::from_u32).collect();
        let is_of_xml = |letter| matches!(letter, '\n' | ' '..='\u{fffd}' | '\u{10000}'..);
        assert!(
            escape::markup(&text)
                .chars()
                .all(|letter| is_of_xml(letter) && !"<>\"".contains(letter))
        );
        assert_eq!(
            escape::markup("<a\u{1b}\u{0}\u{ffff}\u{202e}&\n"),
            "&lt;a\\u{1b}\\u{0}\\u{ffff}\\u{202e}&amp;\n"
        );
    }

    #[test]
    fn conditions_and_targets_are_read() {
        assert_eq!(condition("violations"), Ok(Condition::Violations));
        assert_eq!(condition("uncovered=12.5%"), Ok(Condition::Uncovered(12.5)));
        for wrong in ["", "uncovered=10", "uncovered=200%", "all"] {
            assert!(condition(wrong).is_err(), "{wrong}");
        }
        let words = ["junit", "a.xml", "json", "b"].map(str::to_owned);
        let files: Vec<_> = targets(&words)
            .expect("are read")
            .into_iter()
            .map(|target| target.form)
            .collect();
        assert_eq!(files, [ReportForm::Junit, ReportForm::Json]);
        assert!(targets(&["pdf".to_owned(), "x".to_owned()]).is_err());
    }
}
