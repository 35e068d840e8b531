//! `standin drift`: compares recorded traffic of the real API with its documents, both ways.
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::arguments::{Documents, ExamplesChoice, base_url, control_token, header, paths};
use crate::cli::drift_report::{self, DriftForm, DriftTarget};
use crate::cli::outcome::{Failure, Outcome, print_errors};
use crate::cli::running::credentials;
use crate::diagnostic::{Code, Diagnostic, count, escape};
use crate::document::fetch::{self, HeaderField};
use crate::exchange::Settings;
use crate::sandbox::Sandbox;
use crate::upstream::archive::entry::ArchiveOptions;
use crate::upstream::archive::gather::{Gathered, gather};
use crate::upstream::archive::place::BaseUrl;
use crate::upstream::drift::batch::DriftBatch;
use crate::upstream::drift::findings::LEAST_CALLS;
use crate::upstream::drift::kind::DriftSeverity;
use crate::upstream::drift::observations::Observations;
use crate::upstream::drift::overlay::OverlayText;
use crate::upstream::drift::report::DriftReport;
use crate::upstream::judging::judge;

/// Path of the control API that answers with the report of a proxy.
const DRIFT: &str = "/_standin/drift";

/// Options of `drift`.
#[derive(Debug, Args)]
pub(super) struct Drift {
    /// Files, folders or URLs of the documents [default: ./specs]
    #[arg(value_name = "DOCUMENT", conflicts_with = "journal")]
    inputs: Vec<PathBuf>,
    /// File of recorded traffic: HAR 1.2, a trace or HAR of Playwright in a zip, or a Postman collection
    ///
    /// May be repeated.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "journal",
        env = "STANDIN_HAR",
        hide_env = true
    )]
    har: Vec<PathBuf>,
    /// URL that precedes the paths of the documents, such as `https://api.example.com/shop`
    ///
    /// Exchanges outside of it are skipped.
    #[arg(long, value_name = "URL", value_parser = base, env = "STANDIN_BASE", hide_env = true)]
    base: Option<BaseUrl>,
    /// Ask a running `standin proxy` for what it observed, by its own documents
    #[arg(long, conflicts_with_all = ["har", "base"])]
    journal: bool,
    /// URL of the running proxy
    #[arg(
        long,
        value_name = "URL",
        value_parser = base_url,
        default_value = "http://127.0.0.1:4010",
        env = "STANDIN_URL",
        hide_env = true
    )]
    url: String,
    /// Control token of the running proxy
    #[arg(
        long,
        value_name = "TOKEN",
        value_parser = control_token,
        env = "STANDIN_CONTROL_TOKEN",
        hide_env = true,
        hide_env_values = true
    )]
    control_token: Option<String>,
    /// Number of exchanges from which on what is documented and was not observed is reported
    #[arg(
        long,
        value_name = "N",
        default_value_t = LEAST_CALLS,
        value_parser = clap::value_parser!(u64).range(1..),
        env = "STANDIN_MIN_CALLS",
        hide_env = true
    )]
    min_calls: u64,
    /// Findings that cause exit code 1: those of a severity and higher, or more than a number
    ///
    /// `breaking` counts what breaks clients, `incomplete` also what the document lacks, `information`
    /// all findings, and `never` none. A number counts findings of every severity but `information`.
    #[arg(
        long,
        value_name = "breaking|incomplete|information|never|N",
        value_parser = limit,
        default_value = "breaking",
        env = "STANDIN_DRIFT_FAIL_ON",
        hide_env = true
    )]
    fail_on: Limit,
    /// Format on standard output
    #[arg(
        long,
        value_enum,
        default_value = "text",
        env = "STANDIN_FORMAT",
        hide_env = true
    )]
    format: DriftForm,
    /// Write a report to a file too: text, json, sarif or junit; may be repeated
    #[arg(long, num_args = 2, value_names = ["FORM", "FILE"])]
    report: Vec<String>,
    /// Write an overlay that repairs the document, and compare the same traffic again with it
    ///
    /// For several documents, the name of each is put into the name of its file: fix.pets.yaml.
    #[arg(
        long,
        value_name = "FILE",
        env = "STANDIN_DRIFT_OVERLAY",
        hide_env = true
    )]
    overlay: Option<PathBuf>,
    /// Overlay that corrects the documents before they are compared; may be repeated
    #[arg(long, value_name = "FILE")]
    with_overlay: Vec<PathBuf>,
    /// Another folder that documents may refer to; may be repeated
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    allow_path: Vec<PathBuf>,
    /// Host that documents may refer to; may be repeated
    #[arg(
        long,
        value_name = "HOST",
        env = "STANDIN_ALLOW_HOST",
        hide_env = true,
        value_delimiter = ',',
        hide_short_help = true
    )]
    allow_host: Vec<String>,
    /// Header field to send to the hosts of documents named by URL; may be repeated
    #[arg(
        long,
        value_name = "FIELD",
        value_parser = header,
        env = "STANDIN_HEADER",
        hide_env = true,
        hide_env_values = true,
        value_delimiter = '\n',
        hide_short_help = true
    )]
    header: Vec<HeaderField>,
}

/// Findings that a run fails on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    /// One of this severity or a graver one.
    Severity(DriftSeverity),
    /// More than this number, information apart.
    Number(usize),
    Never,
}

/// Parses a severity, a number or `never`.
fn limit(text: &str) -> Result<Limit, String> {
    if text == "never" {
        return Ok(Limit::Never);
    }
    if let Some(severity) = DriftSeverity::ALL.iter().find(|one| one.as_str() == text) {
        return Ok(Limit::Severity(*severity));
    }
    text.parse().map(Limit::Number).map_err(|_| {
        "expected `breaking`, `incomplete`, `information`, `never` or a number".to_owned()
    })
}

fn base(text: &str) -> Result<BaseUrl, String> {
    BaseUrl::parse(text)
        .ok_or_else(|| "expected a URL such as https://api.example.com/shop".to_owned())
}

impl Limit {
    fn is_exceeded(self, report: &DriftReport) -> bool {
        let number = |severity| report.number(severity);
        let graver = number(DriftSeverity::Breaking) + number(DriftSeverity::Incomplete);
        match self {
            Self::Never => false,
            Self::Number(most) => graver > most,
            Self::Severity(DriftSeverity::Breaking) => number(DriftSeverity::Breaking) > 0,
            Self::Severity(DriftSeverity::Incomplete) => graver > 0,
            Self::Severity(DriftSeverity::Information) => !report.findings.is_empty(),
        }
    }

    /// Returns the severity that is a failure in a report; by a number, all but information are.
    fn severity(self) -> DriftSeverity {
        match self {
            Self::Severity(severity) => severity,
            Self::Number(_) => DriftSeverity::Incomplete,
            Self::Never => DriftSeverity::Breaking,
        }
    }
}

impl Drift {
    /// Prints what the traffic says of the documents.
    ///
    /// `Outcome::Findings` for findings that fail the run; `Outcome::CouldNotRun` if there is nothing to
    /// compare, or a file cannot be read or written.
    pub(super) fn run(
        &self,
        out: &mut impl Write,
        err: &mut impl Write,
    ) -> Result<Outcome, Failure> {
        let targets = match drift_report::targets(&self.report, "--report") {
            Ok(targets) => targets,
            Err(why) => return fail(err, &why),
        };
        let report = if self.journal {
            self.ask(err)?
        } else {
            self.compare(err)?
        };
        let Some(report) = report else {
            return Ok(Outcome::CouldNotRun);
        };
        out.write_all(self.text(self.format, &report).as_bytes())?;
        let mut is_written = true;
        for DriftTarget { form, file } in &targets {
            is_written &= write(file, &self.text(*form, &report), err)?;
        }
        if let Some(file) = &self.overlay {
            is_written &= self.repair(file, &report, err)?;
        }
        Ok(match (is_written, self.fail_on.is_exceeded(&report)) {
            (false, _) => Outcome::CouldNotRun,
            (true, true) => Outcome::Findings,
            (true, false) => Outcome::Clean,
        })
    }

    fn text(&self, form: DriftForm, report: &DriftReport) -> String {
        form.text(report, self.fail_on.severity())
    }

    /// Asks a running proxy for its report.
    fn ask(&self, err: &mut impl Write) -> io::Result<Option<DriftReport>> {
        let url = format!("{}{DRIFT}?min-calls={}", self.url, self.min_calls);
        let bytes = match fetch::get(&url, &credentials(&url, self.control_token.as_deref())) {
            Ok(bytes) => bytes,
            Err(why) => {
                writeln!(err, "error: {why}")?;
                writeln!(
                    err,
                    "  = help: start `standin proxy`, or name its address with `--url`"
                )?;
                return Ok(None);
            }
        };
        let report = serde_json::from_slice(&bytes).ok();
        let report = report.as_ref().and_then(DriftReport::from_json);
        if report.is_none() {
            let url = escape::one_line(&url).into_owned();
            writeln!(
                err,
                "error: `{url}` answers with something else than a report of drift"
            )?;
            writeln!(
                err,
                "  = help: it has to be a `standin proxy` of the same version"
            )?;
        }
        Ok(report)
    }

    /// Compares the recorded traffic with the documents.
    fn compare(&self, err: &mut impl Write) -> Result<Option<DriftReport>, Failure> {
        let sandbox = self.documents(None).load(Settings::default(), err)?;
        let contract = sandbox.contract();
        print_errors(contract, err)?;
        if contract.documents.is_empty() {
            writeln!(
                err,
                "error: there is no document to compare\n  = help: name one, such as `standin drift --har traffic.har openapi.yaml`"
            )?;
            return Ok(None);
        }
        let (observations, gathered) = self.observe(&sandbox);
        for line in gathered.lines() {
            writeln!(err, "{line}")?;
        }
        if gathered.files.iter().any(|(_, notes)| notes.is_err()) {
            return Ok(None);
        }
        Ok(Some(DriftReport::new(
            &sandbox,
            &observations,
            self.min_calls,
        )))
    }

    fn observe(&self, sandbox: &Sandbox) -> (Observations, Gathered) {
        let mut batch = DriftBatch::new(sandbox);
        let options = ArchiveOptions {
            most_content: sandbox.settings().content_limit.0,
            variables: Vec::new(),
        };
        let gathered = gather(
            sandbox.contract(),
            &self.har,
            self.base.as_ref(),
            &options,
            &mut |_, archived| {
                let judgement = judge(sandbox, &archived.exchange);
                batch.add(&judgement, &archived.exchange);
            },
        );
        (batch.finish(), gathered)
    }

    /// Returns the documents, with further overlays.
    fn documents(&self, repairs: Option<&[PathBuf]>) -> Documents {
        let mut overlay = paths(&self.with_overlay, "STANDIN_OVERLAY");
        overlay.extend(repairs.into_iter().flatten().cloned());
        Documents {
            inputs: self.inputs.clone(),
            fixtures: None,
            examples: ExamplesChoice::Coerce,
            overlay,
            allow_path: self.allow_path.clone(),
            allow_host: self.allow_host.clone(),
            header: self.header.clone(),
            wait: std::time::Duration::ZERO,
            cache: None,
        }
    }

    /// Writes the overlays, and judges the traffic again with them; false if a file cannot be written.
    fn repair(
        &self,
        file: &Path,
        report: &DriftReport,
        err: &mut impl Write,
    ) -> Result<bool, Failure> {
        let overlays = &report.overlays;
        for repair in &report.unreached {
            writeln!(err, "note: no overlay reaches {}", escape::one_line(repair))?;
        }
        if overlays.is_empty() {
            let name = shown(file);
            writeln!(
                err,
                "note: nothing can be repaired, so that `{name}` is not written"
            )?;
            return Ok(true);
        }
        let files = files(file, overlays);
        for (file, overlay) in files.iter().zip(overlays) {
            if !write(file, &overlay.text, err)? {
                return Ok(false);
            }
            let (name, document) = (
                shown(file),
                escape::one_line(&overlay.document).into_owned(),
            );
            let actions = count(overlay.actions, "action");
            writeln!(err, "wrote `{name}`: {actions} for {document}")?;
        }
        if !self.journal {
            self.prove(&files, err)?;
        }
        Ok(true)
    }

    /// Reports what the documents with the overlays still do not describe.
    fn prove(&self, files: &[PathBuf], err: &mut impl Write) -> Result<(), Failure> {
        let sandbox = self.documents(Some(files)).load(Settings::default(), err)?;
        let is_about = |found: &&Diagnostic| {
            matches!(found.code, Code::BrokenOverlay | Code::OverlayWithoutEffect)
        };
        for found in sandbox.contract().diagnostics.iter().filter(is_about) {
            write!(err, "{}", found.render())?;
        }
        let (observations, _) = self.observe(&sandbox);
        let report = DriftReport::new(&sandbox, &observations, u64::MAX);
        let left: Vec<_> = report
            .findings
            .iter()
            .filter(|finding| finding.kind.is_undocumented())
            .collect();
        if left.is_empty() {
            writeln!(
                err,
                "with the overlay, the document describes all of the traffic"
            )?;
            return Ok(());
        }
        writeln!(
            err,
            "with the overlay, {} left, for which no addition to the document is enough:",
            left_over(left.len())
        )?;
        for finding in left {
            let line = format!("{}: {}", finding.kind.as_str(), finding.message);
            writeln!(err, "  {}", escape::one_line(&line))?;
        }
        Ok(())
    }
}

fn left_over(number: usize) -> String {
    let verb = if number == 1 { "is" } else { "are" };
    format!("{} {verb}", count(number, "finding"))
}

fn fail(err: &mut impl Write, why: &str) -> Result<Outcome, Failure> {
    writeln!(err, "error: {}", escape::one_line(why))?;
    Ok(Outcome::CouldNotRun)
}

fn shown(path: &Path) -> String {
    escape::one_line(&path.display().to_string()).into_owned()
}

/// Returns the file of each overlay: the one that the user named, or one for each document beside it.
fn files(file: &Path, overlays: &[OverlayText]) -> Vec<PathBuf> {
    if overlays.len() == 1 {
        return vec![file.to_owned()];
    }
    let stem = |path: &Path| {
        path.file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    let extension = file.extension().map_or_else(
        || "yaml".to_owned(),
        |end| end.to_string_lossy().into_owned(),
    );
    let mut files: Vec<PathBuf> = Vec::new();
    for overlay in overlays {
        let name = format!("{}.{}", stem(file), stem(Path::new(&overlay.document)));
        let mut path = file.with_file_name(format!("{name}.{extension}"));
        let mut number = 2;
        while files.contains(&path) {
            path = file.with_file_name(format!("{name}-{number}.{extension}"));
            number += 1;
        }
        files.push(path);
    }
    files
}

/// Writes a file as a whole; false if it cannot be written, which is reported.
fn write(file: &Path, text: &str, err: &mut impl Write) -> io::Result<bool> {
    let written = drift_report::write(file, text);
    if let Err(error) = &written {
        writeln!(err, "error: {}", drift_report::unwritten(file, error))?;
    }
    Ok(written.is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_severities_or_numbers() {
        assert_eq!(
            limit("incomplete"),
            Ok(Limit::Severity(DriftSeverity::Incomplete))
        );
        assert_eq!(limit("3"), Ok(Limit::Number(3)));
        assert_eq!(limit("never"), Ok(Limit::Never));
        assert!(limit("grave").is_err() && limit("-1").is_err());
    }

    #[test]
    fn each_document_has_a_file_of_its_own() {
        let overlay = |name: &str| OverlayText {
            document: name.to_owned(),
            text: String::new(),
            actions: 1,
        };
        assert_eq!(
            files(Path::new("a/fix.yaml"), &[overlay("specs/pets.yaml")]),
            [PathBuf::from("a/fix.yaml")]
        );
        assert_eq!(
            files(
                Path::new("a/fix.yaml"),
                &[
                    overlay("pets.yaml"),
                    overlay("x/pets.json"),
                    overlay("users.yaml")
                ]
            ),
            ["a/fix.pets.yaml", "a/fix.pets-2.yaml", "a/fix.users.yaml"].map(PathBuf::from)
        );
    }
}
