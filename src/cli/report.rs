//! `standin check` and `standin routes`: report on documents without serving them.
use std::io::Write;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::check::source_of_answer;
use crate::cli::arguments::{Documents, Generation};
use crate::cli::outcome::{Failure, Outcome, findings};
use crate::contract::Operation;
use crate::diagnostic::{self, Diagnostic, Severity, escape};
use crate::exchange::Settings;
use crate::resource::Collection;
use crate::resource::place::Slot;
use crate::sandbox::Sandbox;

/// Options of `check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    documents: Documents,
    #[command(flatten)]
    generation: Generation,
    /// Format of the report
    #[arg(
        long,
        value_enum,
        default_value = "text",
        env = "STANDIN_FORMAT",
        hide_env = true
    )]
    format: CheckFormat,
    /// Findings that cause exit code 1: errors, or warnings too
    #[arg(
        long,
        value_enum,
        value_name = "error|warning",
        hide_possible_values = true,
        default_value = "error",
        env = "STANDIN_CHECK_FAIL_ON",
        hide_env = true
    )]
    fail_on: FailOn,
}

/// Lowest severity of a finding that `check` fails on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Errors only; warnings are printed.
    Error,
    /// Errors and warnings.
    Warning,
}

impl FailOn {
    fn is_met(self, diagnostics: &[Diagnostic]) -> bool {
        diagnostics
            .iter()
            .any(|found| self == Self::Warning || found.severity() == Severity::Error)
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CheckFormat {
    /// Text for people
    Text,
    /// A JSON object
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

/// Options of `routes`.
#[derive(Debug, Args)]
pub(super) struct Routes {
    #[command(flatten)]
    documents: Documents,
    /// Show how each operation answers wrong requests
    ///
    /// Lists the source of the error text (`fixture`, `example`: examples of the operation,
    /// `sibling`: examples of other operations, `schema`, `none`: a problem of RFC 9457), and the
    /// error for a missing field.
    #[arg(long)]
    errors: bool,
    /// Show the resource and the action of each operation, and the reason
    ///
    /// The action is one of create, upsert, list, find, read, replace, merge, delete, exists, part.
    /// `resources:` in fixtures overrides it.
    #[arg(long, conflicts_with = "errors")]
    state: bool,
    /// Format of the list
    #[arg(
        long,
        value_enum,
        default_value = "text",
        env = "STANDIN_FORMAT",
        hide_env = true
    )]
    format: RoutesFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoutesFormat {
    /// A table
    Text,
    /// A JSON array
    Json,
}

impl Check {
    pub(super) fn run(
        self,
        out: &mut impl Write,
        err: &mut impl Write,
    ) -> Result<Outcome, Failure> {
        let sandbox = self.documents.load(self.generation.settings(), err)?;
        let diagnostics = sandbox.diagnostics();
        let contract = sandbox.contract();
        match self.format {
            CheckFormat::Text => {
                for diagnostic in &diagnostics {
                    writeln!(out, "{}", diagnostic.render())?;
                }
                let last = findings(contract, &diagnostics).pop().unwrap_or_default();
                writeln!(out, "{last}")?;
            }
            CheckFormat::Json => {
                let findings: Vec<Value> = diagnostics.iter().map(Diagnostic::to_json).collect();
                let report = json!({
                    "documents": contract.documents.len(),
                    "operations": contract.operations.len(),
                    "passedOver": contract.passed_over,
                    "diagnostics": findings,
                });
                writeln!(out, "{}", escape::pretty_json(&report))?;
            }
            CheckFormat::Sarif => {
                writeln!(
                    out,
                    "{}",
                    escape::pretty_json(&diagnostic::to_sarif(&diagnostics))
                )?;
            }
        }
        if contract.documents.is_empty() {
            writeln!(
                err,
                "error: there is no document to check\n  = help: name one, such as `standin check openapi.yaml`, or put it into the folder `specs`"
            )?;
            return Ok(Outcome::CouldNotRun);
        }
        Ok(if self.fail_on.is_met(&diagnostics) {
            Outcome::Findings
        } else {
            Outcome::Clean
        })
    }
}

impl Routes {
    pub(super) fn run(
        self,
        out: &mut impl Write,
        err: &mut impl Write,
    ) -> Result<Outcome, Failure> {
        let sandbox = self.documents.load(Settings::default(), err)?;
        let contract = sandbox.contract();
        // Errors explain which operations the list lacks, and why.
        let of_operations = contract
            .operations
            .iter()
            .flat_map(|operation| &operation.compiled().diagnostics);
        let found = contract.diagnostics.iter().chain(of_operations);
        for diagnostic in found.filter(|d| d.severity() == Severity::Error) {
            write!(err, "{}", diagnostic.render())?;
        }
        if contract.documents.is_empty() {
            writeln!(
                err,
                "error: there is no document to list\n  = help: name one, such as `standin routes openapi.yaml`, or put it into the folder `specs`"
            )?;
            return Ok(Outcome::CouldNotRun);
        }
        if self.errors {
            match self.format {
                RoutesFormat::Text => write!(out, "{}", table(&errors_of(&sandbox)))?,
                RoutesFormat::Json => {
                    writeln!(
                        out,
                        "{}",
                        escape::pretty_json(&Value::Array(errors_as_json(&sandbox)))
                    )?;
                }
            }
            return Ok(Outcome::Clean);
        }
        if self.state {
            match self.format {
                RoutesFormat::Text => write!(out, "{}", table(&roles_of(&sandbox)))?,
                RoutesFormat::Json => writeln!(
                    out,
                    "{}",
                    escape::pretty_json(&Value::Array(roles_as_json(&sandbox)))
                )?,
            }
            return Ok(Outcome::Clean);
        }
        let rows = contract.operations.iter().map(|operation| {
            let document = contract.documents[operation.document]
                .source()
                .name()
                .to_owned();
            let id = operation.id.clone().unwrap_or_else(|| "-".to_owned());
            [
                operation.method.to_string(),
                operation.path_key(),
                id,
                document,
                source_of_answer(operation),
            ]
        });
        let rows: Vec<[String; 5]> = rows.collect();
        match self.format {
            RoutesFormat::Text => write!(out, "{}", table(&rows))?,
            RoutesFormat::Json => {
                let objects =
                    contract.operations.iter().zip(&rows).map(|(operation, [method, path, _, document, answer])| {
                        json!({
                            "method": method, "path": path, "operationId": operation.id, "document": document,
                            "basePaths": *operation.bases, "answer": answer,
                        })
                    });
                writeln!(
                    out,
                    "{}",
                    escape::pretty_json(&Value::Array(objects.collect()))
                )?;
            }
        }
        Ok(Outcome::Clean)
    }
}

/// Returns a row for each operation: action, collection, method, path, and reason.
fn roles_of(sandbox: &Sandbox) -> Vec<[String; 5]> {
    let contract = sandbox.contract();
    let row = |(index, operation): (usize, &Operation)| {
        let (act, collection, reason) = match sandbox.resources().role(contract, index) {
            Some(role) => (
                role.act.name(),
                shown(&role.collection),
                format!("{}{}", role.reason, shows(&role.slot)),
            ),
            None => ("-", String::new(), "no resource".to_owned()),
        };
        [
            act.to_owned(),
            collection,
            operation.method.to_string(),
            operation.path_key(),
            reason,
        ]
    };
    contract.operations.iter().enumerate().map(row).collect()
}

/// Formats a collection with its key: `/pets by id`.
fn shown(collection: &Collection) -> String {
    let key = collection
        .key
        .as_ref()
        .map(|key| format!(" by {key}"))
        .unwrap_or_default();
    format!("{}{key}", collection.name)
}

/// Describes the part of the answer that holds the resource, for people.
fn shows(slot: &Slot) -> String {
    let at = |way: &[String]| {
        if way.is_empty() {
            "the answer".to_owned()
        } else {
            format!("`{}`", way.join("."))
        }
    };
    match slot {
        Slot::Entity(place) => format!("; {} is the entity", at(&place.way)),
        Slot::List(place) => format!("; {} is the list", at(&place.way)),
        Slot::Key(way) => format!("; {} names it", at(way)),
        Slot::Nothing => String::new(),
    }
}

fn roles_as_json(sandbox: &Sandbox) -> Vec<Value> {
    let contract = sandbox.contract();
    let object = |(index, operation): (usize, &Operation)| {
        let role = sandbox.resources().role(contract, index);
        json!({
            "method": operation.method.as_str(), "path": operation.path_key(), "operationId": operation.id,
            "does": role.map(|role| role.act.name()),
            "collection": role.map(|role| &role.collection.name),
            "key": role.and_then(|role| role.collection.key.as_ref()?.to_string().into()),
            "reason": role.map(|role| &role.reason),
        })
    };
    contract.operations.iter().enumerate().map(object).collect()
}

/// Returns a row for each operation: source of the error text, method, path, missing field, and
/// error.
fn errors_of(sandbox: &Sandbox) -> Vec<[String; 5]> {
    let row = |operation: &Operation| {
        let survey = sandbox.survey(operation);
        let (missing, error) = match survey.sample {
            Some(sample) => {
                let content = sample
                    .content
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ");
                (
                    format!("without `{}`", sample.missing),
                    format!("{} {}", sample.status, shorten(&content)),
                )
            }
            None => ("-".to_owned(), "nothing is required".to_owned()),
        };
        [
            survey.source.name().to_owned(),
            operation.method.to_string(),
            operation.path_key(),
            missing,
            error,
        ]
    };
    sandbox.contract().operations.iter().map(row).collect()
}

/// Shortens text to fit one line of a table: at most 240 characters.
fn shorten(content: &str) -> String {
    const LONGEST: usize = 240;
    match content.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &content[..end]),
        None => content.to_owned(),
    }
}

fn errors_as_json(sandbox: &Sandbox) -> Vec<Value> {
    let object = |operation: &Operation| {
        let survey = sandbox.survey(operation);
        let mut row = json!({
            "method": operation.method.as_str(), "path": operation.path_key(), "operationId": operation.id,
            "source": survey.source.name(), "missing": null, "status": null, "mediaType": null, "sample": null,
        });
        if let Some(sample) = survey.sample {
            row["missing"] = json!(sample.missing);
            row["status"] = json!(sample.status);
            row["mediaType"] = json!(sample.media.as_str());
            row["sample"] =
                serde_json::from_str(&sample.content).unwrap_or(Value::String(sample.content));
        }
        row
    };
    sandbox.contract().operations.iter().map(object).collect()
}

/// Formats rows as columns that are as wide as their widest cell.
fn table(rows: &[[String; 5]]) -> String {
    let shown = |row: &[String; 5]| {
        row.each_ref()
            .map(|cell| escape::one_line(cell).into_owned())
    };
    let rows: Vec<[String; 5]> = rows.iter().map(shown).collect();
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..4).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(&widths) {
            text.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(&row[4]);
        text.push('\n');
    }
    text
}
