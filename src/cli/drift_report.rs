//! Reports of drift: their formats, and the files that they are written to.
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::Value;

use crate::cli::state_file;
use crate::diagnostic::escape;
use crate::upstream::drift::kind::DriftSeverity;
use crate::upstream::drift::report::DriftReport;

/// Format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DriftForm {
    /// Text for people
    Text,
    /// A JSON object
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// `JUnit` XML
    Junit,
}

impl DriftForm {
    /// Returns a report in this format; findings of `failing` and graver ones are failures in `JUnit`.
    pub(super) fn text(self, report: &DriftReport, failing: DriftSeverity) -> String {
        let json = |value: &Value| format!("{}\n", escape::pretty_json(value));
        match self {
            Self::Text => report.to_text(),
            Self::Json => json(&report.to_json()),
            Self::Sarif => json(&report.to_sarif()),
            Self::Junit => report.to_junit(failing),
        }
    }
}

/// File to write a report to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DriftTarget {
    pub form: DriftForm,
    pub file: PathBuf,
}

/// Parses pairs such as `sarif drift.sarif`; `option` is the one that has them.
///
/// # Errors
///
/// Message that describes the expected form.
pub(super) fn targets(words: &[String], option: &str) -> Result<Vec<DriftTarget>, String> {
    let mut all = Vec::new();
    for pair in words.chunks(2) {
        let [form, file] = pair else {
            return Err(format!(
                "expected a form and a file, such as `{option} sarif drift.sarif`"
            ));
        };
        let form = DriftForm::from_str(form, false).map_err(|_| {
            format!("`{form}` is no form of a report, expected `text`, `json`, `sarif` or `junit`")
        })?;
        let file = PathBuf::from(file);
        all.push(DriftTarget { form, file });
    }
    Ok(all)
}

impl DriftTarget {
    /// Checks that the file can be written, so that a run that could not be reported does not begin.
    ///
    /// # Errors
    ///
    /// Sentence with the file and the refusal of the system.
    pub(super) fn check(&self) -> Result<(), String> {
        let there = fs::metadata(&self.file).ok();
        // Opening a pipe would wait for its reader.
        if there
            .as_ref()
            .is_some_and(|there| !there.is_file() && !there.is_dir())
        {
            return Ok(());
        }
        let mut options = OpenOptions::new();
        let opened = options.append(true).create(true).open(&self.file);
        let checked = opened.and_then(|_| match there {
            Some(_) => Ok(()),
            // A run that is killed leaves no report, rather than an empty one.
            None => fs::remove_file(&self.file),
        });
        checked.map_err(|error| unwritten(&self.file, &error))
    }

    /// Writes a report.
    ///
    /// # Errors
    ///
    /// Sentence with the file and the refusal of the system.
    pub(super) fn write(&self, report: &DriftReport) -> Result<(), String> {
        let text = self.form.text(report, DriftSeverity::Breaking);
        write(&self.file, &text).map_err(|error| unwritten(&self.file, &error))
    }
}

/// Writes a file as a whole.
///
/// # Errors
///
/// Refusal of the system.
pub(super) fn write(file: &Path, text: &str) -> io::Result<()> {
    // A pipe or a device cannot be replaced.
    let is_other = fs::metadata(file).is_ok_and(|there| !there.is_file() && !there.is_dir());
    if is_other {
        fs::write(file, text)
    } else {
        state_file::replace(file, text.as_bytes())
    }
}

/// Returns the message for a file that cannot be written.
pub(super) fn unwritten(file: &Path, error: &io::Error) -> String {
    let name = file.display().to_string();
    format!("`{}` cannot be written: {error}", escape::one_line(&name))
}
