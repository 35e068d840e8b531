//! A recording that goes on: collects exchanges, and writes their fixtures.
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::Sandbox;
use crate::diagnostic::{count, escape};
use crate::document::FixtureFile;
use crate::document::fixture_folder::{BODIES, RECORDED};
use crate::upstream::exchange::ObservedExchange;
use crate::upstream::recording::earlier::earlier_files;
use crate::upstream::recording::file::RecordedFile;
use crate::upstream::recording::fixtures::{FixtureOptions, Recording, fixtures_of};
use crate::upstream::recording::options::RecordingOptions;

/// Recording of the exchanges with the real API.
#[derive(Debug)]
pub(crate) struct Recorder {
    options: RecordingOptions,
    /// Recordings that were in the folder at the start.
    earlier: Vec<FixtureFile>,
    collected: Mutex<Collected>,
    /// Result of the last write; held while files are written, so that no two writes mix.
    written: Mutex<WrittenFiles>,
}

/// Exchanges of a recording.
#[derive(Debug, Default)]
struct Collected {
    exchanges: Vec<ObservedExchange>,
    bytes: usize,
    /// Number of exchanges beyond the limits.
    dropped: usize,
}

/// Files of a recording.
#[derive(Debug, Default)]
struct WrittenFiles {
    report: Value,
    bodies: BTreeSet<String>,
}

/// Reason why a recording cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordingError {
    /// File that cannot be written.
    #[error("cannot write the recording to `{}`: {error}", .path.display())]
    Write {
        /// Path of the file.
        path: PathBuf,
        /// Refusal of the system.
        error: io::Error,
    },
}

impl Recorder {
    /// Creates a recording into a folder of fixtures, which need not exist yet.
    #[must_use]
    pub(crate) fn new(options: RecordingOptions) -> Self {
        Self {
            earlier: earlier_files(&options.folder),
            options,
            collected: Mutex::default(),
            written: Mutex::default(),
        }
    }

    /// Adds an exchange. One beyond the limits is counted and dropped.
    pub(crate) fn observe(&self, exchange: ObservedExchange) {
        let target = exchange.request.uri().to_string().len();
        let contents =
            exchange.request.body().bytes().len() + exchange.response.body().bytes().len();
        let fields = [exchange.request.headers(), exchange.response.headers()];
        let fields = fields.into_iter().flatten();
        let fields: usize = fields
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        let bytes = target + contents + fields;
        let limits = self.options.limits;
        let mut collected = self.collected();
        let is_full = collected.exchanges.len() >= limits.exchanges
            || collected.bytes.saturating_add(bytes) > limits.bytes;
        if is_full {
            collected.dropped += 1;
            return;
        }
        collected.bytes += bytes;
        collected.exchanges.push(exchange);
    }

    /// Writes the fixtures of all exchanges so far, and returns the report. Each file is complete at any
    /// time. Errors for which `is_worded` returns true are left to the learned voice.
    ///
    /// # Errors
    ///
    /// [`RecordingError`] if a file cannot be written; those before it are.
    pub(crate) fn write(
        &self,
        sandbox: &Sandbox,
        is_worded: &dyn Fn(&ObservedExchange) -> bool,
    ) -> Result<Value, RecordingError> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        // The copy is cheap, as contents are shared.
        let mut exchanges = self.collected().exchanges.clone();
        exchanges.sort_by_key(|exchange| exchange.at);
        let recording = fixtures_of(sandbox, &exchanges, &self.fixture_options(), is_worded);
        write_files(&self.options.folder, &recording.files)?;
        let is_body = |file: &&RecordedFile| file.entries == 0;
        let bodies = recording.files.iter().filter(is_body);
        let bodies: BTreeSet<String> = bodies.map(|file| file.path.clone()).collect();
        self.remove_unused(&written.bodies, &bodies, &recording);
        written.bodies = bodies;
        written.report = recording.to_json();
        drop(written);
        Ok(self.report())
    }

    /// Removes bodies of an earlier write that no file refers to any more.
    fn remove_unused(
        &self,
        before: &BTreeSet<String>,
        now: &BTreeSet<String>,
        recording: &Recording,
    ) {
        for path in before.difference(now) {
            let name = path.rsplit('/').next().unwrap_or_default();
            let mut files = recording.files.iter().filter(|file| file.entries > 0);
            let is_used = files.any(|file| String::from_utf8_lossy(&file.content).contains(name));
            if !is_used {
                // A file that stays is of no harm.
                let _removed = fs::remove_file(self.options.folder.join(path));
            }
        }
    }

    /// Returns the numbers of exchanges, and the report of the last write.
    #[must_use]
    pub(crate) fn report(&self) -> Value {
        let (exchanges, bytes, dropped) = {
            let collected = self.collected();
            (
                collected.exchanges.len(),
                collected.bytes,
                collected.dropped,
            )
        };
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        json!({
            "folder": self.options.folder.join(RECORDED).display().to_string(),
            "exchanges": exchanges,
            "bytes": bytes,
            "dropped": dropped,
            "limits": {
                "exchanges": self.options.limits.exchanges,
                "bytes": self.options.limits.bytes,
            },
            "written": written.report,
        })
    }

    /// Returns the result of the last write as one line: `14 exchanges recorded in 6 fixtures,
    /// fixtures/recorded`.
    #[must_use]
    pub(crate) fn summary(&self) -> String {
        let (came, dropped) = {
            let collected = self.collected();
            (collected.exchanges.len(), collected.dropped)
        };
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let number = |name: &str| {
            let number = written.report[name].as_u64().unwrap_or_default();
            usize::try_from(number).unwrap_or(usize::MAX)
        };
        let recorded = number("recorded");
        let folder = self.options.folder.join(RECORDED).display().to_string();
        let mut line = match recorded {
            0 => "no exchange recorded".to_owned(),
            _ => format!(
                "{} recorded in {}, {}",
                count(recorded, "exchange"),
                count(number("fixtures"), "fixture"),
                escape::one_line(&folder)
            ),
        };
        let others = came.saturating_sub(recorded);
        if others > 0 {
            line += &format!("; {} became no fixture", count(others, "exchange"));
        }
        if dropped > 0 {
            line += &format!("; {} dropped at the limit", count(dropped, "exchange"));
        }
        line
    }

    fn fixture_options(&self) -> FixtureOptions<'_> {
        FixtureOptions {
            mode: self.options.mode,
            redact: self.options.redact,
            inline_body: self.options.limits.inline_body,
            earlier: &self.earlier,
        }
    }

    fn collected(&self) -> MutexGuard<'_, Collected> {
        // Lock poisoning is safe: exchanges are added whole.
        self.collected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes recorded files into a folder of fixtures, bodies first; a file whose content is the same is
/// left alone, so that nothing is loaded again.
///
/// # Errors
///
/// [`RecordingError`] for the first file that cannot be written.
pub(crate) fn write_files(folder: &Path, files: &[RecordedFile]) -> Result<(), RecordingError> {
    let bodies = format!("{RECORDED}/{BODIES}/");
    let (first, then): (Vec<_>, Vec<_>) = files
        .iter()
        .partition(|file| file.path.starts_with(&bodies));
    for file in first.into_iter().chain(then) {
        let path = folder.join(&file.path);
        write_file(&path, &file.content).map_err(|error| RecordingError::Write { path, error })?;
    }
    Ok(())
}

/// Writes a file at once: to a temporary file beside it, which is then renamed.
pub(crate) fn write_file(path: &Path, content: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let mut file = File::create(&beside)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    let renamed = written.and_then(|()| fs::rename(&beside, path));
    if renamed.is_err() {
        // The error of the write is the one that counts.
        let _removed = fs::remove_file(&beside);
    }
    renamed
}
