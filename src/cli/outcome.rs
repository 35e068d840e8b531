//! Outcome of a command, and the lines that it prints about the loaded documents.
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;

use crate::contract::Contract;
use crate::diagnostic::{Code, Diagnostic, Severity, count, escape};

/// End of a command, as an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Exit code 0: success.
    Clean,
    /// Exit code 1: the run has findings that it must fail on.
    Findings,
    /// Exit code 2: the command could not run, or could not write a file at its end.
    CouldNotRun,
}

/// Reason why a command could not run.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The address is taken, or does not belong to this machine.
    #[error("cannot listen on {address}: {error}\n  = help: {help}")]
    Listen {
        /// Address that was to be listened on.
        address: String,
        /// Advice for the user.
        help: String,
        /// Error of the system.
        error: io::Error,
    },
    /// The file of a socket is in use, or cannot be created.
    #[error(
        "cannot listen on `unix:{}`: {error}\n  = help: another server may listen there; choose another file", file.display()
    )]
    ListenOnFile {
        /// File that was to be listened on.
        file: PathBuf,
        /// Error of the system.
        error: io::Error,
    },
    /// Output cannot be written, or the runtime cannot be started.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Failure {
    /// Returns true if the reader of the output has gone: `standin check | head` is not a failure.
    #[must_use]
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == ErrorKind::BrokenPipe)
    }
}

/// Writer for standard error, or its substitute, that ignores errors: a closed reader or a full
/// disk does not end the command.
#[derive(Debug)]
pub(super) struct Unfailing<W>(
    /// Writer that receives the text.
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

/// Maximum number of other warnings that the start prints; `check` prints all.
pub(crate) const TOLD: usize = 10;

/// Returns a line for each loaded document, and one for the number of skipped files.
pub(crate) fn loaded(contract: &Contract) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, document) in contract.documents.iter().enumerate() {
        let operations = contract
            .operations
            .iter()
            .filter(|operation| operation.document == index)
            .count();
        let name = escape::one_line(document.source().name());
        lines.push(format!(
            "loaded {name} ({})",
            count(operations, "operation")
        ));
    }
    if contract.passed_over > 0 {
        lines.push(format!(
            "skipped {}",
            count(contract.passed_over, "other file")
        ));
    }
    lines
}

/// Prints the errors of the documents: they explain why there is no document or no operation.
pub(super) fn print_errors(contract: &Contract, err: &mut impl Write) -> io::Result<()> {
    for found in &contract.diagnostics {
        if found.severity() == Severity::Error {
            write!(err, "{}", found.render())?;
        }
    }
    Ok(())
}

/// Returns the diagnostics as lines: errors in full, warnings about operations that cannot be
/// answered, and at most [`TOLD`] other warnings; the last line has the totals.
pub(crate) fn findings(contract: &Contract, diagnostics: &[Diagnostic]) -> Vec<String> {
    let mut lines = Vec::new();
    let (errors, warnings): (Vec<_>, Vec<_>) = diagnostics
        .iter()
        .partition(|d| d.severity() == Severity::Error);
    lines.extend(
        errors
            .iter()
            .map(|error| error.render().trim_end().to_owned()),
    );
    // Warnings about operations that cannot be answered are always printed.
    let is_unanswerable = |warning: &&&Diagnostic| warning.code == Code::Ungeneratable;
    let others: Vec<_> = warnings
        .iter()
        .filter(|warning| !is_unanswerable(warning))
        .collect();
    lines.extend(
        warnings
            .iter()
            .filter(is_unanswerable)
            .map(|warning| warning.render_line()),
    );
    lines.extend(
        others
            .iter()
            .take(TOLD)
            .map(|warning| warning.render_line()),
    );
    if others.len() > TOLD {
        lines.push(format!(
            "… and {}; `standin check` tells all",
            count(others.len() - TOLD, "more warning")
        ));
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
