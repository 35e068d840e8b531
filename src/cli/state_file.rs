//! Keeps the state of the unnamed session in a file, and reads it at the next start.
//!
//! A separate thread writes the file: requests do not wait for the disk, and the end of the server
//! only as long as it must.
use std::fs::{self, File, OpenOptions};
use std::io;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Sandbox;
use crate::diagnostic::escape;
use crate::state::error::SnapshotError;
use crate::state::session::{SessionState, Snapshot};
use crate::state::sessions::Memory;

/// Longest time for which a change is only in memory.
const OFTEN: Duration = Duration::from_millis(500);

/// Time for which a failure to write is not reported again.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// Reason why state cannot be kept in a file.
#[derive(Debug, thiserror::Error)]
pub(super) enum StateError {
    /// The file or its folder is not usable.
    #[error("the state file `{}` cannot be used: {why}", shown(.path))]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Description of the fault.
        why: String,
    },
    /// The file has other content than a state that this version reads.
    #[error(
        "the state file `{}` does not hold a state of Standin: {found}\n  = help: move it away, or name another file with `--state-file`; it is not changed",
        shown(.path)
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Description of its content.
        found: String,
    },
    /// Another server uses the file.
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

/// Member of a state file with the version of its format.
const FORMAT: &str = "standinState";

/// Version of the format that is written and read.
const VERSION: u64 = 1;

/// Members that a state file of before its format had a version consists of.
const UNVERSIONED: [&str; 3] = ["scenario", "counts", "state"];

/// Maximum number of members of a foreign file that a message names.
const MOST_NAMED: usize = 5;

/// Content of a file that is not a state.
#[derive(Debug, thiserror::Error)]
enum ForeignContent {
    /// Text that ends within a JSON value.
    #[error("its JSON is cut short in line {0}")]
    CutShort(usize),
    /// Text that is no JSON.
    #[error("it is not JSON: {0}")]
    NotJson(serde_json::Error),
    /// Value of another type.
    #[error("it is JSON, but not an object")]
    NotAnObject,
    /// Object with other members.
    #[error("it is a JSON object with {}", members(.0))]
    Other(Vec<String>),
    /// State of another version.
    #[error("its format is version {0}, and this Standin reads version {VERSION}")]
    Version(Value),
    /// Member that is not read, and that the next write would lose.
    #[error("{place} has the member `{name}`, which this Standin does not know")]
    Unknown { place: String, name: String },
    /// Member of another type, which would be read as if it were absent.
    #[error("`{name}` of {place} is not {expected}")]
    OtherType {
        place: String,
        name: &'static str,
        expected: &'static str,
    },
    /// State with a mistake.
    #[error("{0}")]
    Misshapen(#[from] SnapshotError),
}

fn members(names: &[String]) -> String {
    if names.is_empty() {
        return "no members".to_owned();
    }
    let shown: Vec<String> = names
        .iter()
        .take(MOST_NAMED)
        .map(|name| format!("`{}`", escape::one_line(name)))
        .collect();
    let more = if names.len() > MOST_NAMED {
        ", …"
    } else {
        ""
    };
    format!("the members {}{more}", shown.join(", "))
}

/// Reads the content of a state file.
fn state_in(bytes: &[u8]) -> Result<Snapshot, ForeignContent> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        serde_json::error::Category::Eof => ForeignContent::CutShort(error.line()),
        _ => ForeignContent::NotJson(error),
    })?;
    let object = value.as_object().ok_or(ForeignContent::NotAnObject)?;
    let is_unversioned = || {
        object.len() == UNVERSIONED.len()
            && UNVERSIONED.iter().all(|name| object.contains_key(*name))
    };
    match object.get(FORMAT) {
        Some(version) if version.as_u64() != Some(VERSION) => {
            return Err(ForeignContent::Version(version.clone()));
        }
        Some(_) if object.contains_key("state") => {}
        None if is_unversioned() => {}
        _ => return Err(ForeignContent::Other(object.keys().cloned().collect())),
    }
    let state = Snapshot::import(&value)?;
    check_kept(&value)?;
    Ok(state)
}

/// Members of an element of `state`.
const COLLECTION: [&str; 6] = ["collection", "scope", "made", "gone", "entities", "homes"];

/// Checks that a state has nothing that reading it would lose.
fn check_kept(value: &Value) -> Result<(), ForeignContent> {
    let of_file = [&[FORMAT][..], &UNVERSIONED].concat();
    check_members("the file", value, &of_file)?;
    let is_text = |scenario: &Value| scenario.is_string() || scenario.is_null();
    check_type("the file", value, ("scenario", "a string or null"), is_text)?;
    check_type("the file", value, ("counts", "an object"), Value::is_object)?;
    let collections = value.get("state").and_then(Value::as_array);
    for (index, collection) in collections.into_iter().flatten().enumerate() {
        let place = format!("`state[{index}]`");
        check_members(&place, collection, &COLLECTION)?;
        check_type(
            &place,
            collection,
            ("made", "an integer from 0"),
            Value::is_u64,
        )?;
        check_type(&place, collection, ("gone", "a list of strings"), |gone| {
            let gone = gone.as_array();
            gone.is_some_and(|gone| gone.iter().all(Value::is_string))
        })?;
        check_type(
            &place,
            collection,
            ("homes", "an object of strings"),
            |homes| {
                let homes = homes.as_object();
                homes.is_some_and(|homes| homes.values().all(Value::is_string))
            },
        )?;
    }
    Ok(())
}

/// Checks that an object has only known members.
fn check_members(place: &str, object: &Value, known: &[&str]) -> Result<(), ForeignContent> {
    let members = object.as_object().into_iter().flatten();
    for (name, _) in members {
        if !known.contains(&name.as_str()) {
            return Err(ForeignContent::Unknown {
                place: place.to_owned(),
                name: escape::one_line(name).into_owned(),
            });
        }
    }
    Ok(())
}

/// Checks the type of a member, if the object has it.
fn check_type(
    place: &str,
    object: &Value,
    (name, expected): (&'static str, &'static str),
    is_right: impl Fn(&Value) -> bool,
) -> Result<(), ForeignContent> {
    match object.get(name) {
        Some(found) if !is_right(found) => Err(ForeignContent::OtherType {
            place: place.to_owned(),
            name,
            expected,
        }),
        _ => Ok(()),
    }
}

/// Returns the content of the file for a state.
fn content_of(state: &Snapshot) -> String {
    let mut content = json!({ FORMAT: VERSION });
    if let (Value::Object(content), Value::Object(exported)) = (&mut content, state.export()) {
        content.extend(exported);
    }
    format!("{content:#}\n")
}

/// File that holds the state.
#[derive(Debug)]
pub(super) struct StateFile {
    /// Path as the user wrote it.
    named: PathBuf,
    /// Path of the file that is written, with links resolved.
    path: PathBuf,
    /// Number of changes that the file includes.
    written: u64,
    /// Lock file, open as long as this server may write the state file.
    _lock: File,
}

impl StateFile {
    /// Reads the file into the sandbox, and locks it against other servers; a missing or empty file
    /// is an empty state.
    ///
    /// # Errors
    ///
    /// [`StateError`], if the file cannot be read or written, or does not hold a state. It is not
    /// changed then.
    pub(super) fn open(named: &Path, sandbox: &Sandbox) -> Result<Self, StateError> {
        let unusable = |why: String| StateError::Unusable {
            path: named.to_owned(),
            why,
        };
        let path = fs::canonicalize(named).unwrap_or_else(|_| named.to_owned());
        if path.exists() && !path.is_file() {
            return Err(unusable("it is not a regular file".to_owned()));
        }
        let lock = lock(&path).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => StateError::Locked(named.to_owned()),
            _ => unusable(format!("its folder cannot be written: {error}")),
        })?;
        match fs::read(&path) {
            Ok(bytes) if bytes.trim_ascii().is_empty() => {}
            Ok(bytes) => {
                let state = state_in(&bytes).map_err(|found| StateError::Foreign {
                    path: named.to_owned(),
                    found: found.to_string(),
                })?;
                sandbox
                    .within("", |there| there.become_like(state))
                    .map_err(|full| unusable(full.to_string()))?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unusable(error.to_string())),
        }
        let written = sandbox
            .memory()
            .look("", SessionState::changes)
            .unwrap_or(0);
        Ok(Self {
            named: named.to_owned(),
            path,
            written,
            _lock: lock,
        })
    }

    /// Writes the state if it has changed.
    fn write(&mut self, memory: &Memory) -> Result<(), StateError> {
        let changed = |session_state: &SessionState| {
            (session_state.changes() != self.written)
                .then(|| (session_state.changes(), session_state.now()))
        };
        let Some((changes, state)) = memory.look("", changed).flatten() else {
            return Ok(());
        };
        replace(&self.path, content_of(&state).as_bytes()).map_err(|error| {
            StateError::Unwritten {
                path: self.named.clone(),
                error,
            }
        })?;
        self.written = changes;
        Ok(())
    }

    /// Starts a thread that writes changes until [`Keeper::end`].
    ///
    /// # Errors
    ///
    /// Error of the system, if no thread can be started.
    pub(super) fn keep(mut self, memory: Arc<Memory>) -> io::Result<Keeper> {
        let (stop, stopped) = mpsc::channel();
        let named = self.named.clone();
        let keep = move || {
            let mut told: Option<Instant> = None;
            while stopped.recv_timeout(OFTEN) == Err(RecvTimeoutError::Timeout) {
                match self.write(&memory) {
                    Ok(()) => told = None,
                    Err(error) if told.is_none_or(|told| told.elapsed() >= TOLD_AGAIN) => {
                        told = Some(Instant::now());
                        tracing::error!("{error}");
                    }
                    Err(_) => {}
                }
            }
            self.write(&memory)
        };
        let thread = thread::Builder::new()
            .name("state".to_owned())
            .spawn(keep)?;
        Ok(Keeper {
            named,
            stop,
            thread,
        })
    }
}

/// Thread that writes a state file.
#[derive(Debug)]
pub(super) struct Keeper {
    named: PathBuf,
    stop: Sender<()>,
    thread: JoinHandle<Result<(), StateError>>,
}

impl Keeper {
    /// Writes the remaining changes, and ends the thread.
    ///
    /// # Errors
    ///
    /// [`StateError`], if they cannot be written.
    pub(super) fn end(self) -> Result<(), StateError> {
        drop(self.stop);
        let panicked = |_| StateError::Unwritten {
            path: self.named,
            error: io::Error::other("the thread that writes it failed"),
        };
        self.thread.join().map_err(panicked)?
    }
}

/// Replaces a file through a new one beside it, so that a whole file exists at any time.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = beside(path, ".new");
    let written = write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // On a full disk, half a file would take space from everything else.
        let _gone = fs::remove_file(&beside);
    }
    written
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Returns the path of a file beside another: `state.json.lock` for `state.json`.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(end);
    path.with_file_name(name)
}

/// Opens and locks the file beside a state file. The lock is not the state file itself, because
/// each write replaces that one; and it is never removed, because a server that starts at this
/// moment may have it open.
fn lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(windows)]
    {
        use std::os::windows::fs::OpenOptionsExt as _;
        // Other processes cannot open it.
        options.share_mode(0);
    }
    let file = options.open(beside(path, ".lock"))?;
    #[cfg(unix)]
    {
        let locked = rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive);
        // Some network file systems have no locks, and usually only one server uses the file.
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
        let left: Vec<_> = fs::read_dir(&folder)
            .expect("is there")
            .flatten()
            .map(|entry| entry.file_name())
            .collect();
        assert_eq!(left, ["state.json"]);
        fs::remove_dir_all(&folder).expect("can be removed");
    }
}
