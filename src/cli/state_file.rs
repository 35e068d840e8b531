//! Keeps the state of the session without a name in a file, and reads it back at the next start.
//!
//! The file is written on a thread of its own: neither a request nor the end of the server waits for a disk more
//! than it must.
use std::fs::{self, File, OpenOptions};
use std::io;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Sandbox;
use crate::diagnostic::escape;
use crate::state::session::{SessionState, Snapshot};

/// How long a change may be only in memory.
const OFTEN: Duration = Duration::from_millis(500);

/// Time for which a failure to write is not reported again.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// Why state cannot be kept in a file.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file, or the folder that it is in, is not what it must be.
    #[error("the state file `{}` cannot be used: {why}", shown(.path))]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Description of the fault.
        why: String,
    },
    /// Another server writes the file.
    #[error(
        "the state file `{}` is used by another server, whose changes would be lost\n  = help: end that server, or give each its own `--state-file`",
        shown(.0)
    )]
    Locked(PathBuf),
    /// The file system refuses a write.
    #[error("the state file `{}` cannot be written: {error}", shown(.path))]
    Unwritten {
        /// The file.
        path: PathBuf,
        /// Error of the file system.
        error: io::Error,
    },
}

fn shown(path: &Path) -> String {
    escape::one_line(&path.display().to_string()).into_owned()
}

/// A file that has the state.
#[derive(Debug)]
pub struct StateFile {
    /// The file as the user names it.
    named: PathBuf,
    /// The file that is written, behind links.
    path: PathBuf,
    /// The changes that are in it.
    written: u64,
    /// Open as long as this server may write the file.
    _lock: File,
}

impl StateFile {
    /// Reads the file into the sandbox, and keeps other servers from it; a file that is not there or empty is an
    /// empty state.
    ///
    /// # Errors
    ///
    /// [`StateError`], if the file cannot be read or written, or is not of a state. It is not touched then.
    pub fn open(named: &Path, sandbox: &Sandbox) -> Result<Self, StateError> {
        let unusable = |why: String| StateError::Unusable { path: named.to_owned(), why };
        let path = fs::canonicalize(named).unwrap_or_else(|_| named.to_owned());
        if path.exists() && !path.is_file() {
            return Err(unusable("it is no regular file".to_owned()));
        }
        let lock = lock(&path).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => StateError::Locked(named.to_owned()),
            _ => unusable(format!("its folder cannot be written: {error}")),
        })?;
        match fs::read(&path) {
            Ok(bytes) if bytes.trim_ascii().is_empty() => {}
            Ok(bytes) => {
                let value: Value = serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
                let state = Snapshot::import(&value).map_err(unusable)?;
                sandbox.within("", |there| there.become_like(state)).map_err(|full| unusable(full.to_string()))?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unusable(error.to_string())),
        }
        let written = sandbox.memory().look("", SessionState::changes).unwrap_or(0);
        Ok(Self { named: named.to_owned(), path, written, _lock: lock })
    }

    /// Writes what changed, if anything did.
    fn write(&mut self, sandbox: &Sandbox) -> Result<(), StateError> {
        let changed = |session_state: &SessionState| {
            (session_state.changes() != self.written).then(|| (session_state.changes(), session_state.now()))
        };
        let Some((changes, state)) = sandbox.memory().look("", changed).flatten() else { return Ok(()) };
        replace(&self.path, format!("{:#}\n", state.export()).as_bytes())
            .map_err(|error| StateError::Unwritten { path: self.named.clone(), error })?;
        self.written = changes;
        Ok(())
    }

    /// Writes what changes, on a thread of its own, until [`Keeper::end`].
    ///
    /// # Errors
    ///
    /// Error of the system, if no thread can be started.
    pub fn keep(mut self, sandbox: Arc<Sandbox>) -> io::Result<Keeper> {
        let (stop, stopped) = mpsc::channel();
        let named = self.named.clone();
        let keep = move || {
            let mut told: Option<Instant> = None;
            while stopped.recv_timeout(OFTEN) == Err(RecvTimeoutError::Timeout) {
                match self.write(&sandbox) {
                    Ok(()) => told = None,
                    Err(error) if told.is_none_or(|told| told.elapsed() >= TOLD_AGAIN) => {
                        told = Some(Instant::now());
                        tracing::error!("{error}");
                    }
                    Err(_) => {}
                }
            }
            self.write(&sandbox)
        };
        let thread = thread::Builder::new().name("state".to_owned()).spawn(keep)?;
        Ok(Keeper { named, stop, thread })
    }
}

/// The thread that writes a state file.
#[derive(Debug)]
pub struct Keeper {
    named: PathBuf,
    stop: Sender<()>,
    thread: JoinHandle<Result<(), StateError>>,
}

impl Keeper {
    /// Writes what has not been written yet, and ends.
    ///
    /// # Errors
    ///
    /// [`StateError`], if that failed.
    pub fn end(self) -> Result<(), StateError> {
        drop(self.stop);
        let panicked =
            |_| StateError::Unwritten { path: self.named, error: io::Error::other("the thread that writes it failed") };
        self.thread.join().map_err(panicked)?
    }
}

/// Puts bytes in a file: first beside it, so that there is always a whole one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = beside(path, ".new");
    let written = write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // On a full disk the half of a file is in the way of everything else.
        let _gone = fs::remove_file(&beside);
    }
    written
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// `state.json.lock` for `state.json`.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(end);
    path.with_file_name(name)
}

/// Opens the file beside a state file that one server has at a time. It is not the state file itself, because that
/// is another one after each write; and it stays, because a server that starts at this moment may have it open.
fn lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(windows)]
    {
        use std::os::windows::fs::OpenOptionsExt as _;
        // Others cannot open it.
        options.share_mode(0);
    }
    let file = options.open(beside(path, ".lock"))?;
    #[cfg(unix)]
    {
        let locked = rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive);
        // Some network file systems have no locks, and one server on them is the usual case.
        if locked == Err(rustix::io::Errno::WOULDBLOCK) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let folder = std::env::temp_dir().join(format!("standin-replace-{}", std::process::id()));
        let file = folder.join("state.json");
        // A folder that is not empty cannot be replaced by a file.
        fs::create_dir_all(file.join("full")).expect("can be made");
        assert!(replace(&file, b"{}").is_err());
        let left: Vec<_> = fs::read_dir(&folder).expect("is there").flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(left, ["state.json"]);
        fs::remove_dir_all(&folder).expect("can be removed");
    }
}
