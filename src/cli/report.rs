//! `standin check` and `standin routes`: report on documents without serving them.
use std::io::Write;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::check::source_of_answer;
use crate::cli::arguments::{Documents, Generation};
use crate::cli::outcome::{Failure, Outcome, findings};
use crate::contract::Operation;
use crate::diagnostic::{self, Diagnostic, Severity, escape};
use crate::document::syntax::join;
use crate::entity::context::EntityContext;
use crate::entity::wider::wider;
use crate::exchange::Settings;
use crate::resource::doubt::{Doubts, doubts, no_role};
use crate::resource::place::Slot;
use crate::resource::{Collection, Role};
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

/// Returns a row for each operation: action, collection, method, path, confidence, and reason.
fn roles_of(sandbox: &Sandbox) -> Vec<[String; 6]> {
    let (contract, resources) = (sandbox.contract(), sandbox.resources());
    let row = |(index, operation): (usize, &Operation)| {
        let (act, collection, confidence, reason) = match resources.role(contract, index) {
            Some(role) => {
                let doubts = doubts(contract, resources, index, role);
                let confidence = doubts.confidence();
                let because = doubts.0.join("; ");
                let because = (!because.is_empty()).then(|| format!("; doubtful: {because}"));
                let reason = format!(
                    "{}{}{}{}",
                    role.reason,
                    shows(&role.slot),
                    below(sandbox, index, role),
                    because.unwrap_or_default()
                );
                (
                    role.act.name(),
                    shown(sandbox, index, role),
                    confidence,
                    reason,
                )
            }
            None => ("-", String::new(), "-", no_role(contract, resources, index)),
        };
        [
            act.to_owned(),
            collection,
            operation.method.to_string(),
            operation.path_key(),
            confidence.to_owned(),
            reason,
        ]
    };
    contract.operations.iter().enumerate().map(row).collect()
}

/// Formats the collection of a role with what identifies its entities: `/pets by id or name`.
fn shown(sandbox: &Sandbox, index: usize, role: &Role) -> String {
    let keys = keys_of(sandbox, index, role);
    let by = if keys.is_empty() {
        String::new()
    } else {
        format!(" by {}", keys.join(" or "))
    };
    format!("{}{by}", collection_of(sandbox, index, role).name)
}

/// Returns the collection that has the entities of a role, also if the path names an owner of
/// some of them.
fn collection_of<'s>(sandbox: &'s Sandbox, index: usize, role: &'s Role) -> &'s Collection {
    let contract = sandbox.contract();
    let context = EntityContext {
        contract,
        resources: sandbox.resources(),
        path: "",
    };
    let operation = &contract.operations[index];
    let owner = operation.compiled().path_names.first();
    let whole = owner
        .filter(|_| role.home.is_none() && role.collection.scope == 1)
        .and_then(|name| wider(context, &role.collection, operation.document, name));
    whole.map_or(&role.collection, |whole| whole.collection)
}

/// Returns the ways to what identifies the entity of a role.
fn keys_of(sandbox: &Sandbox, index: usize, role: &Role) -> Vec<String> {
    if let Some(by) = &role.by {
        return vec![by.to_string()];
    }
    let collection = collection_of(sandbox, index, role);
    let all = collection.key.iter().chain(&collection.others);
    all.map(ToString::to_string).collect()
}

/// Names the paths of a role whose entities are those of another collection.
fn below(sandbox: &Sandbox, index: usize, role: &Role) -> String {
    let whole = collection_of(sandbox, index, role);
    match &role.home {
        Some(home) => format!("; only those below `{}`", home.name),
        None if whole.name != role.collection.name => {
            format!("; only those below `{}`", role.collection.name)
        }
        None => String::new(),
    }
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
    let (contract, resources) = (sandbox.contract(), sandbox.resources());
    let object = |(index, operation): (usize, &Operation)| {
        let role = resources.role(contract, index);
        let doubts = role.map(|role| doubts(contract, resources, index, role));
        json!({
            "method": operation.method.as_str(), "path": operation.path_key(), "operationId": operation.id,
            "does": role.map(|role| role.act.name()),
            "collection": role.map(|role| &collection_of(sandbox, index, role).name),
            "key": role.and_then(|role| collection_of(sandbox, index, role).key.as_ref()?.to_string().into()),
            "keys": role.map(|role| keys_of(sandbox, index, role)),
            "shows": role.and_then(|role| pointer_of(&role.slot)),
            "takes": role.map(|role| pointer(&role.sent)),
            "confidence": doubts.as_ref().map(Doubts::confidence),
            "doubts": doubts.as_ref().map(|doubts| &doubts.0),
            "reason": role.map_or_else(|| no_role(contract, resources, index), |role| role.reason.clone()),
        })
    };
    contract.operations.iter().enumerate().map(object).collect()
}

/// Returns the JSON Pointer to the entity, the list or the key in an answer.
fn pointer_of(slot: &Slot) -> Option<String> {
    match slot {
        Slot::Entity(place) | Slot::List(place) => Some(pointer(&place.way)),
        Slot::Key(way) => Some(pointer(way)),
        Slot::Nothing => None,
    }
}

fn pointer(way: &[String]) -> String {
    way.iter().fold(String::new(), |at, name| join(&at, name))
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
fn table<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> String {
    let shown = |row: &[String; COLUMNS]| {
        row.each_ref()
            .map(|cell| escape::one_line(cell).into_owned())
    };
    let rows: Vec<[String; COLUMNS]> = rows.iter().map(shown).collect();
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..COLUMNS - 1).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(&widths) {
            text.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(&row[COLUMNS - 1]);
        text.push('\n');
    }
    text
}
