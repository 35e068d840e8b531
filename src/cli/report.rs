//! `standin check` and `standin routes`: what there is to know without serving.

use std::io::Write;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{Documents, Failure, Generation, Outcome, summary};
use crate::check::source_of_answer;
use crate::diagnostic::{self, Diagnostic, Severity};
use crate::exchange::Settings;

/// The options of `check`.
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    documents: Documents,
    #[command(flatten)]
    generation: Generation,
    /// How findings are written
    #[arg(long, value_enum, default_value = "text", env = "STANDIN_FORMAT", hide_env = true)]
    format: CheckFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CheckFormat {
    /// For people
    Text,
    /// A JSON object
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

/// The options of `routes`.
#[derive(Debug, Args)]
pub struct Routes {
    #[command(flatten)]
    documents: Documents,
    /// How operations are written
    #[arg(long, value_enum, default_value = "text", env = "STANDIN_FORMAT", hide_env = true)]
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
    pub fn run(self, out: &mut impl Write, err: &mut impl Write) -> Result<Outcome, Failure> {
        let sandbox = self.documents.load(self.generation.settings());
        let diagnostics = sandbox.diagnostics();
        let contract = sandbox.contract();
        match self.format {
            CheckFormat::Text => {
                for diagnostic in &diagnostics {
                    writeln!(out, "{}", diagnostic.render())?;
                }
                let last = summary(contract, &diagnostics).pop().unwrap_or_default();
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
                writeln!(out, "{report:#}")?;
            }
            CheckFormat::Sarif => writeln!(out, "{:#}", diagnostic::to_sarif(&diagnostics))?,
        }
        if contract.documents.is_empty() {
            writeln!(err, "error: there is no document to check")?;
            return Ok(Outcome::CouldNotRun);
        }
        Ok(if diagnostics.is_empty() { Outcome::Clean } else { Outcome::Findings })
    }
}

impl Routes {
    pub fn run(self, out: &mut impl Write, err: &mut impl Write) -> Result<Outcome, Failure> {
        let sandbox = self.documents.load(Settings::default());
        let contract = sandbox.contract();
        // What is not in the list, and why.
        for diagnostic in contract.diagnostics.iter().filter(|d| d.severity() == Severity::Error) {
            write!(err, "{}", diagnostic.render())?;
        }
        if contract.documents.is_empty() {
            writeln!(err, "error: there is no document to list")?;
            return Ok(Outcome::CouldNotRun);
        }
        let rows = contract.operations.iter().map(|operation| {
            let document = contract.documents[operation.document].source().name().to_owned();
            let id = operation.id.clone().unwrap_or_else(|| "-".to_owned());
            [operation.method.to_string(), operation.path_key(), id, document, source_of_answer(operation)]
        });
        let rows: Vec<[String; 5]> = rows.collect();
        match self.format {
            RoutesFormat::Text => write!(out, "{}", table(&rows))?,
            RoutesFormat::Json => {
                let objects =
                    contract.operations.iter().zip(&rows).map(|(operation, [method, path, _, document, answer])| {
                        json!({
                            "method": method, "path": path, "operationId": operation.id, "document": document,
                            "basePaths": operation.bases, "answer": answer,
                        })
                    });
                writeln!(out, "{:#}", Value::Array(objects.collect()))?;
            }
        }
        Ok(Outcome::Clean)
    }
}

/// Columns as wide as their widest cell.
fn table(rows: &[[String; 5]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..4).map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (cell, width) in row.iter().zip(&widths) {
            text.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(&row[4]);
        text.push('\n');
    }
    text
}
