//! How a command ends, and what it prints of the documents that it loaded.
use std::io::{self, Write};

use crate::contract::Contract;
use crate::diagnostic::{Code, Diagnostic, Severity, count, escape};

/// How a command ended, as an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// 0
    Clean,
    /// 1: `check` found what it fails on.
    Findings,
    /// 2
    CouldNotRun,
}

/// Why a command could not run.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The address is taken, or not of this machine.
    #[error("cannot listen on {address}: {error}\n  = help: choose another port with `--port`, or 0 for a free one")]
    Listen {
        /// What was asked for.
        address: String,
        /// What the system says.
        error: io::Error,
    },
    /// Output cannot be written, or the runtime cannot be started.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Standard error, or what is in its place: that nobody reads it, or its disk is full, ends nothing.
#[derive(Debug)]
pub struct Unfailing<W>(
    /// The writer that takes the text.
    pub W,
);

impl<W: Write> Write for Unfailing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _lost = self.0.write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _lost = self.0.flush();
        Ok(())
    }
}

/// How many warnings are told at the start; `check` tells all.
pub(crate) const TOLD: usize = 10;

/// What was loaded, in lines.
pub(crate) fn loaded(contract: &Contract) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, document) in contract.documents.iter().enumerate() {
        let operations = contract.operations.iter().filter(|operation| operation.document == index).count();
        let name = escape::one_line(document.source().name());
        lines.push(format!("loaded {name} ({})", count(operations, "operation")));
    }
    if contract.passed_over > 0 {
        lines.push(format!("passed over {}", count(contract.passed_over, "other file")));
    }
    lines
}

/// What was repaired and what is wrong, in lines; in the last, how much of everything there is.
pub(crate) fn findings(contract: &Contract, diagnostics: &[Diagnostic]) -> Vec<String> {
    let mut lines = Vec::new();
    let (errors, warnings): (Vec<_>, Vec<_>) = diagnostics.iter().partition(|d| d.severity() == Severity::Error);
    lines.extend(errors.iter().map(|error| error.render().trim_end().to_owned()));
    // What cannot be answered is told whatever else there is.
    let is_unanswerable = |warning: &&&Diagnostic| warning.code == Code::Ungeneratable;
    let others: Vec<_> = warnings.iter().filter(|warning| !is_unanswerable(warning)).collect();
    lines.extend(warnings.iter().filter(is_unanswerable).map(|warning| warning.render_line()));
    lines.extend(others.iter().take(TOLD).map(|warning| warning.render_line()));
    if others.len() > TOLD {
        lines.push(format!("… and {}; `standin check` tells all", count(others.len() - TOLD, "more warning")));
    }
    lines.push(format!(
        "{} from {}, {}, {}",
        count(contract.operations.len(), "operation"),
        count(contract.documents.len(), "document"),
        count(errors.len(), "error"),
        count(warnings.len(), "warning"),
    ));
    lines
}
