//! `standin import`: makes fixtures of recorded traffic.
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::cli::arguments::{Documents, Generation};
use crate::cli::outcome::{Failure, Outcome, print_errors};
use crate::contract::Contract;
use crate::contract::fixture_key::operations_of;
use crate::diagnostic::{count, escape};
use crate::sandbox::Sandbox;
use crate::upstream::archive::entry::{ArchiveOptions, ArchivedExchange};
use crate::upstream::archive::gather::{Gathered, gather};
use crate::upstream::archive::open::is_recording;
use crate::upstream::archive::place::BaseUrl;
use crate::upstream::exchange::ObservedExchange;
use crate::upstream::judging::judge;
use crate::upstream::learning::learner::{LearnedFile, Learner};
use crate::upstream::learning::proof::LearnedVoiceProof;
use crate::upstream::recording::earlier::earlier_files;
use crate::upstream::recording::file::RecordedFile;
use crate::upstream::recording::fixtures::{FixtureOptions, Recording, fixtures_of};
use crate::upstream::recording::options::{RecordingLimits, RecordingMode, RedactMode};
use crate::upstream::recording::recorder::write_files;

/// Options of `import`.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// File of recorded traffic: HAR 1.2, a zip with HAR, or a Postman collection 2.0 or 2.1
    ///
    /// More files of this kind may follow it, as in `standin import recordings/*.har`; each file is
    /// recognized by its content.
    #[arg(value_name = "FILE")]
    recording: PathBuf,
    #[command(flatten)]
    documents: Documents,
    #[command(flatten)]
    generation: Generation,
    /// URL that precedes the paths of the documents, such as `https://api.example.com/v2`
    ///
    /// Exchanges outside of it are left out. Without it, the path of a URL has to be one of the
    /// documents, with or without the base path of their servers.
    #[arg(long, value_name = "URL", value_parser = base, env = "STANDIN_BASE", hide_env = true)]
    base: Option<BaseUrl>,
    /// Operations to import: an operationId, `tag: NAME`, `GET /pets/*`; may be repeated
    #[arg(
        long,
        value_name = "OPERATION",
        env = "STANDIN_ONLY",
        hide_env = true,
        value_delimiter = ','
    )]
    only: Vec<String>,
    /// Exchanges to import: those that no fixture answers yet, or all
    ///
    /// `all` replaces the entries of earlier recordings of the same requests. Files that people
    /// wrote are never changed.
    #[arg(
        long,
        value_enum,
        value_name = "new|all",
        hide_possible_values = true,
        default_value = "new",
        env = "STANDIN_KEEP",
        hide_env = true
    )]
    keep: KeepChoice,
    /// Treatment of secrets: placeholders, the same for the same secret, or `none` to keep them
    #[arg(
        long,
        value_enum,
        value_name = "stand-ins|none",
        hide_possible_values = true,
        default_value = "stand-ins",
        env = "STANDIN_REDACT",
        hide_env = true
    )]
    redact: RedactChoice,
    /// Value of a variable of a Postman collection, such as petId=7; may be repeated
    #[arg(
        long,
        value_name = "NAME=VALUE",
        value_parser = variable,
        env = "STANDIN_VARIABLE",
        hide_env = true,
        hide_env_values = true,
        value_delimiter = ','
    )]
    variable: Vec<(String, String)>,
    /// Print the fixtures instead of writing them
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum KeepChoice {
    New,
    All,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum RedactChoice {
    StandIns,
    None,
}

impl From<RedactChoice> for RedactMode {
    fn from(choice: RedactChoice) -> Self {
        match choice {
            RedactChoice::StandIns => Self::StandIns,
            RedactChoice::None => Self::None,
        }
    }
}

fn base(text: &str) -> Result<BaseUrl, String> {
    BaseUrl::parse(text)
        .ok_or_else(|| "expected a URL such as https://api.example.com/v2".to_owned())
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected a name and a value, such as `petId=7`".to_owned()),
    }
}

/// Exchanges to make fixtures of, within the limits of a recording.
#[derive(Debug, Default)]
struct Imported {
    exchanges: Vec<ObservedExchange>,
    bytes: usize,
    /// Number of exchanges beyond the limits.
    dropped: usize,
    /// Number of exchanges with operations that `--only` does not name.
    other: usize,
    /// Errors at paths that no document has, with the origins of their URLs.
    unfit: Vec<(String, ObservedExchange)>,
    /// Places of exchanges whose content the file has not.
    lacking: Vec<String>,
}

/// Maximum number of errors at unknown paths that are learned from.
const MOST_UNFIT: usize = 200;

/// Maximum number of places, or requests, of one kind that are named.
const MOST_NAMED: usize = 5;

impl Import {
    pub(super) fn run(
        mut self,
        out: &mut impl Write,
        err: &mut impl Write,
    ) -> Result<Outcome, Failure> {
        let recordings = self.recordings();
        let sandbox = self.documents.load(self.generation.settings(), err)?;
        let contract = sandbox.contract();
        if contract.operations.is_empty() {
            print_errors(contract, err)?;
            writeln!(
                err,
                "error: no document has an operation to import exchanges for"
            )?;
            writeln!(
                err,
                "  = help: name a document, such as `standin import FILE openapi.yaml`"
            )?;
            return Ok(Outcome::CouldNotRun);
        }
        let Some(chosen) = self.chosen(contract, err)? else {
            return Ok(Outcome::CouldNotRun);
        };
        let mut imported = Imported::default();
        let options = ArchiveOptions {
            most_content: sandbox.settings().content_limit.0,
            variables: self.variable.clone(),
        };
        let gathered = gather(
            contract,
            &recordings,
            self.base.as_ref(),
            &options,
            &mut |operation, exchange| {
                imported.take(contract, chosen.as_deref(), operation, exchange);
            },
        );
        for line in gathered.lines().into_iter().chain(imported.lines()) {
            writeln!(err, "{line}")?;
        }
        if imported.exchanges.is_empty() {
            return nothing(&gathered, err);
        }
        // Requests of one page are recorded in the order of their answers.
        imported.exchanges.sort_by_key(|exchange| exchange.at);
        let folder = self.documents.fixtures_folder();
        let learner = self.learner(&sandbox, &imported, &gathered);
        let learned = match learner.file(&sandbox, &folder) {
            Ok(learned) => learned,
            Err(error) => {
                writeln!(err, "error: {}", escape::one_line(&error.to_string()))?;
                return Ok(Outcome::CouldNotRun);
            }
        };
        let voice = learned.as_ref().map(|file| file.text.as_str());
        let voice = LearnedVoiceProof::new(&sandbox, voice);
        let recording = self.recording(&sandbox, &imported.exchanges, &folder, &voice);
        for line in left_out(&recording) {
            writeln!(err, "{line}")?;
        }
        let files = self.write(&recording, &folder, out, err)?;
        let is_written = files & self.write_learned(learned.as_ref(), out, err)?;
        writeln!(
            err,
            "{} {} into {}{}",
            if self.dry_run {
                "would import"
            } else {
                "imported"
            },
            count(recording.recorded, "exchange"),
            count(
                recording.files.iter().map(|file| file.entries).sum(),
                "fixture"
            ),
            stand_ins(recording.stand_ins),
        )?;
        if learned.is_some() {
            writeln!(err, "{}", about_voice(&learner, self.dry_run))?;
        }
        Ok(
            if is_written && gathered.files.iter().all(|(_, read)| read.is_ok()) {
                Outcome::Clean
            } else {
                Outcome::CouldNotRun
            },
        )
    }

    /// Returns the recordings, and leaves the documents.
    fn recordings(&mut self) -> Vec<PathBuf> {
        let mut recordings = vec![self.recording.clone()];
        let inputs = std::mem::take(&mut self.documents.inputs);
        for input in inputs {
            if is_recording(&input) {
                recordings.push(input);
            } else {
                self.documents.inputs.push(input);
            }
        }
        recordings
    }

    /// Returns the operations that `--only` names; `None` after an error, and `Some(None)` for all.
    #[expect(
        clippy::option_option,
        reason = "the outer one is an error that was printed"
    )]
    fn chosen(
        &self,
        contract: &Contract,
        err: &mut impl Write,
    ) -> Result<Option<Option<Vec<usize>>>, Failure> {
        let mut chosen = Vec::new();
        for key in &self.only {
            match operations_of(contract, key) {
                Ok(operations) => chosen.extend(operations),
                Err(unknown) => {
                    let message = format!("error: `--only`: {}", unknown.message);
                    writeln!(err, "{}", escape::one_line(&message))?;
                    writeln!(err, "  = help: {}", escape::one_line(&unknown.help))?;
                    return Ok(None);
                }
            }
        }
        Ok(Some((!self.only.is_empty()).then_some(chosen)))
    }

    fn recording(
        &self,
        sandbox: &Sandbox,
        exchanges: &[ObservedExchange],
        folder: &Path,
        voice: &LearnedVoiceProof,
    ) -> Recording {
        let options = FixtureOptions {
            mode: match self.keep {
                KeepChoice::New => RecordingMode::New,
                KeepChoice::All => RecordingMode::All,
            },
            redact: self.redact.into(),
            inline_body: RecordingLimits::default().inline_body,
            earlier: &earlier_files(folder),
        };
        fixtures_of(sandbox, exchanges, &options, &|exchange| {
            voice.repeats(exchange)
        })
    }

    /// Returns what the errors among the exchanges teach.
    fn learner(&self, sandbox: &Sandbox, imported: &Imported, gathered: &Gathered) -> Learner {
        let learner = Learner::new(self.redact.into());
        let of_api = imported.unfit.iter();
        let of_api = of_api.filter(|(origin, _)| gathered.is_of_api(origin));
        let unfit = of_api.map(|(_, exchange)| exchange);
        for exchange in imported.exchanges.iter().chain(unfit) {
            learner.observe(sandbox, &judge(sandbox, exchange), exchange);
        }
        learner
    }

    /// Writes what was learned, or prints it; false if it cannot be written.
    fn write_learned(
        &self,
        learned: Option<&LearnedFile>,
        out: &mut impl Write,
        err: &mut impl Write,
    ) -> Result<bool, Failure> {
        let Some(file) = learned else {
            return Ok(true);
        };
        let path = file.path.display().to_string();
        let path = escape::one_line(&path);
        if self.dry_run {
            writeln!(out, "# {path}\n{}", escape::lines(file.text.trim_end()))?;
            return Ok(true);
        }
        if let Err(error) = file.write() {
            writeln!(err, "error: {}", escape::one_line(&error.to_string()))?;
            return Ok(false);
        }
        writeln!(out, "wrote {path}")?;
        Ok(true)
    }

    /// Writes the files, or prints them; false if one cannot be written.
    fn write(
        &self,
        recording: &Recording,
        folder: &Path,
        out: &mut impl Write,
        err: &mut impl Write,
    ) -> Result<bool, Failure> {
        if self.dry_run {
            for file in &recording.files {
                print(file, folder, out)?;
            }
            return Ok(true);
        }
        if let Err(error) = write_files(folder, &recording.files) {
            writeln!(err, "error: {}", escape::one_line(&error.to_string()))?;
            return Ok(false);
        }
        for file in recording.files.iter().filter(|file| file.entries > 0) {
            let path = folder.join(&file.path).display().to_string();
            writeln!(out, "wrote {}", escape::one_line(&path))?;
        }
        Ok(true)
    }
}

impl Imported {
    fn take(
        &mut self,
        contract: &Contract,
        chosen: Option<&[usize]>,
        operation: Option<usize>,
        exchange: ArchivedExchange,
    ) {
        let Some(index) = operation else {
            let is_error = exchange.exchange.response.status().is_client_error();
            if is_error && exchange.lacking.is_empty() && self.unfit.len() < MOST_UNFIT {
                self.unfit.push((exchange.origin, exchange.exchange));
            }
            return;
        };
        let is_chosen = |chosen: &[usize]| {
            let variants = contract.variants(index);
            chosen.contains(&index) || variants.iter().any(|variant| chosen.contains(variant))
        };
        if !chosen.is_none_or(is_chosen) {
            self.other += 1;
            return;
        }
        if let Some(side) = exchange.lacking.first() {
            self.lacking.push(format!("{} ({side})", exchange.place));
            return;
        }
        let limits = RecordingLimits::default();
        let exchange = exchange.exchange;
        let contents =
            exchange.request.body().bytes().len() + exchange.response.body().bytes().len();
        let bytes = self.bytes.saturating_add(contents);
        if self.exchanges.len() >= limits.exchanges || bytes > limits.bytes {
            self.dropped += 1;
            return;
        }
        self.bytes = bytes;
        self.exchanges.push(exchange);
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.lacking.is_empty() {
            let line = format!(
                "warning: {} without content in the file, left out: {}",
                count(self.lacking.len(), "exchange"),
                named(self.lacking.iter().map(String::as_str), self.lacking.len())
            );
            lines.push(escape::one_line(&line).into_owned());
            lines.push(
                "  = help: record with the content of answers; browsers save it in HAR \"with content\""
                    .to_owned(),
            );
        }
        if self.other > 0 {
            let line = format!(
                "note: {} with other operations than `--only` names",
                count(self.other, "exchange")
            );
            lines.push(line);
        }
        if self.dropped > 0 {
            let limits = RecordingLimits::default();
            lines.push(format!(
                "warning: {} beyond the limits of {} exchanges and {} bytes, left out",
                count(self.dropped, "exchange"),
                limits.exchanges,
                limits.bytes
            ));
            lines.push("  = help: import a part of the operations with `--only`".to_owned());
        }
        lines
    }
}

/// Returns the first texts of a list with the number of the others.
fn named<'t>(texts: impl Iterator<Item = &'t str>, number: usize) -> String {
    let first: Vec<&str> = texts.take(MOST_NAMED).collect();
    let more = match number.saturating_sub(first.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    first.join(", ") + &more
}

fn stand_ins(number: usize) -> String {
    match number {
        0 => String::new(),
        _ => format!("; {} replaced by stand-ins", count(number, "secret")),
    }
}

/// Returns a line about the errors that the voice was learned from.
fn about_voice(learner: &Learner, is_dry_run: bool) -> String {
    let report = learner.report();
    let number = |value: &Value| {
        let number = value.as_u64().unwrap_or_default();
        usize::try_from(number).unwrap_or(usize::MAX)
    };
    let lists = report["voice"]["learned"].as_object();
    let rules = lists.into_iter().flatten();
    let rules: usize = rules
        .map(|(_, rules)| rules.as_object().map_or(0, serde_json::Map::len))
        .sum();
    let verb = if is_dry_run { "would learn" } else { "learned" };
    format!(
        "{verb} how the API words {} from {}",
        count(rules, "rule"),
        count(number(&report["errors"]), "error")
    )
}

/// Tells that there is nothing to import.
fn nothing(gathered: &Gathered, err: &mut impl Write) -> Result<Outcome, Failure> {
    if gathered.files.iter().any(|(_, read)| read.is_err()) {
        return Ok(Outcome::CouldNotRun);
    }
    writeln!(err, "error: there is no exchange to import")?;
    Ok(Outcome::Findings)
}

/// Returns lines about exchanges that became no fixtures, or are answered otherwise.
fn left_out(recording: &Recording) -> Vec<String> {
    let mut lines = Vec::new();
    for (reason, requests) in &recording.left_out {
        let number = recording.number_left_out(*reason);
        let line = format!(
            "note: {} left out, as {reason}: {}",
            count(number, "exchange"),
            named(requests.keys().map(String::as_str), requests.len())
        );
        lines.push(escape::one_line(&line).into_owned());
    }
    if recording.unchecked > 0 {
        let number = count(recording.unchecked, "answer");
        lines.push(format!(
            "note: {number} of very many were not compared with the recording"
        ));
    }
    for unreproduced in &recording.unreproduced {
        let line = format!(
            "warning: `{}` is not answered as recorded: {}",
            unreproduced.request, unreproduced.reason
        );
        lines.push(escape::one_line(&line).into_owned());
    }
    lines
}

/// Prints a file below a line with its path; of a body, only the line.
fn print(file: &RecordedFile, folder: &Path, out: &mut impl Write) -> std::io::Result<()> {
    let path = folder.join(&file.path).display().to_string();
    let path = escape::one_line(&path);
    if file.entries == 0 {
        return writeln!(out, "# {path}: {} bytes", file.content.len());
    }
    let text = String::from_utf8_lossy(&file.content);
    writeln!(out, "# {path}\n{}", escape::lines(text.trim_end()))
}
