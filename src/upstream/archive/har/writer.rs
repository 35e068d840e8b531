//! Writes exchanges as HAR 1.2 while they come.
//!
//! The file is valid JSON after each exchange: the end of the log is written with every entry, and the
//! next entry is written over it. A process that is killed leaves what it had recorded.
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::contract::Operation;
use crate::state::redaction::Redaction;
use crate::upstream::archive::bounds::LARGEST_ARCHIVE;
use crate::upstream::archive::har::written;
use crate::upstream::exchange::ObservedExchange;

/// Treatment of secrets in a HAR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HarSecrets {
    /// `[redacted]` stands in their place.
    Redacted,
    /// They are written as they were sent.
    Kept,
}

/// Options for writing HAR.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HarOptions {
    /// Treatment of secrets.
    pub secrets: HarSecrets,
    /// Limit of the file in bytes; exchanges beyond it are dropped, and counted.
    pub most_bytes: u64,
}

impl Default for HarOptions {
    /// Secrets are redacted, and a file has at most 1 GiB, which is the most that Standin reads.
    fn default() -> Self {
        Self {
            secrets: HarSecrets::Redacted,
            most_bytes: LARGEST_ARCHIVE,
        }
    }
}

/// HAR that is being written.
#[derive(Debug)]
pub(crate) struct HarWriter {
    file: File,
    options: HarOptions,
    /// Position after the last entry, where the end of the log begins.
    end: u64,
    entries: usize,
    dropped: usize,
}

/// End of the log.
const END: &str = "\n]}}\n";

impl HarWriter {
    /// Creates a file with no exchange; it replaces one that is there. A file that cannot be written
    /// leaves the one that was there.
    ///
    /// # Errors
    ///
    /// Returns the error of the system.
    pub(crate) fn create(path: &Path, options: HarOptions) -> io::Result<Self> {
        let creator = json!({ "name": "Standin", "version": env!("CARGO_PKG_VERSION") });
        let head = format!("{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"entries\":[");
        if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            return Err(io::Error::other("it is not a regular file"));
        }
        let beside = beside(path);
        let written = fs::write(&beside, format!("{head}{END}"))
            .and_then(|()| fs::rename(&beside, path))
            .and_then(|()| OpenOptions::new().write(true).open(path));
        if written.is_err() {
            // What is left of a failed attempt is of no use.
            let _gone = fs::remove_file(&beside);
        }
        Ok(Self {
            file: written?,
            options,
            end: head.len() as u64,
            entries: 0,
            dropped: 0,
        })
    }

    /// Adds an exchange with the API at `base`, such as `https://api.example.com/v2`. The secrets are
    /// those of its operation. An exchange that does not fit into the limit of the file is dropped.
    ///
    /// # Errors
    ///
    /// Returns the error of the system, such as a full disk. The file is as it was before, as far as the
    /// system allows.
    pub(crate) fn append(
        &mut self,
        base: &str,
        operation: Option<&Operation>,
        exchange: &ObservedExchange,
    ) -> io::Result<()> {
        let is_redacted = self.options.secrets == HarSecrets::Redacted;
        let redaction = is_redacted.then(|| Redaction::of(operation));
        let entry = written::entry(base, redaction, exchange);
        let comma = if self.entries == 0 { "\n" } else { ",\n" };
        let text = format!("{comma}{entry}");
        let after = self.end + text.len() as u64;
        if after + END.len() as u64 > self.options.most_bytes {
            self.dropped += 1;
            return Ok(());
        }
        let added = self.file.seek(SeekFrom::Start(self.end));
        // One call, so that a process that is killed between two leaves a valid file.
        let added = added.and_then(|_| self.file.write_all(format!("{text}{END}").as_bytes()));
        if let Err(error) = added {
            self.restore();
            return Err(error);
        }
        self.end = after;
        self.entries += 1;
        Ok(())
    }

    /// Puts the end of the log back after an entry that could not be written.
    fn restore(&mut self) {
        let restored = self
            .file
            .set_len(self.end)
            .and_then(|()| self.file.seek(SeekFrom::Start(self.end)))
            .and_then(|_| self.file.write_all(END.as_bytes()));
        if let Err(error) = restored {
            tracing::warn!(%error, "the end of the HAR cannot be written");
        }
    }

    /// Returns the number of exchanges in the file.
    #[cfg(test)]
    pub(crate) fn entries(&self) -> usize {
        self.entries
    }

    /// Returns the number of exchanges that were dropped at the limit of the file.
    pub(crate) fn dropped(&self) -> usize {
        self.dropped
    }
}

/// Returns the path of a temporary file in the same folder.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}
