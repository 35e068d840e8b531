//! Loads the documents again while the server runs, and replaces the sandbox.
//!
//! Signals, `POST /_standin/reload` and [`watcher`](crate::server::watcher) ask for it. The new contract
//! is compiled beside the old one; exchanges in flight end on the old one, and sessions go on. A
//! file that is broken leaves the old contract in place.
use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Sandbox;
use crate::contract::changes::Changes;
use crate::diagnostic::{Diagnostic, Place, Severity, count};
use crate::document::sources::Sources;
use crate::server::current::CurrentControl;
use crate::server::signature::Signature;

/// Function that loads the documents from where they were loaded before.
pub(crate) type Loader = Box<dyn Fn() -> Sandbox + Send + Sync>;

/// Function that shows lines to the user.
pub(crate) type Teller = Box<dyn Fn(&[String]) + Send + Sync>;

/// Loads documents again, one load at a time.
pub(crate) struct Reloader {
    current: Arc<CurrentControl>,
    load: Loader,
    tell: Teller,
    /// True if documents with errors are not served (`--strict-documents`).
    is_strict: bool,
    /// True while a thread gives memory back to the system.
    is_giving_back: Arc<AtomicBool>,
    /// Number of loads that have begun.
    begun: AtomicU64,
    /// Number of requests that wait for a load; each holds a thread.
    waiting: AtomicUsize,
    last: Mutex<LastLoad>,
}

/// State of the files at the last load, and the diagnostics that were reported.
struct LastLoad {
    /// Sources of this load and of those before it.
    sources: Sources,
    signature: Signature,
    /// Hashes of the diagnostics; `None` until they are first needed.
    reported: Option<HashSet<u64>>,
    /// Collections with entities that do not fit, as they were reported.
    misfits: Vec<(String, usize)>,
    /// Number of the load among those that have begun, and its report.
    load: u64,
    outcome: Result<Value, String>,
}

/// Files of a sandbox, and their state when it was loaded.
#[derive(Debug)]
pub(crate) struct KnownFiles {
    sources: Sources,
    signature: Signature,
}

impl KnownFiles {
    /// Notes the state of the files of a sandbox that was just loaded. `more` are files and folders
    /// that a reload may find.
    pub(crate) fn of(sandbox: &Sandbox, more: &Sources) -> Self {
        let sources = sandbox.sources().joined(more);
        let signature = Signature::of(&sources);
        Self { sources, signature }
    }
}

/// Outcome of a reload that replaced the sandbox.
#[derive(Debug)]
struct Reloaded {
    took: Duration,
    changes: Changes,
    has_other_fixtures: bool,
    /// Diagnostics that the load before did not have.
    new: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
    /// Collections with entities that no longer fit, and their number.
    misfits: Vec<(String, usize)>,
    /// True if the load before had other ones.
    has_new_misfits: bool,
    /// True if diagnostics of the load before are gone.
    has_fewer_diagnostics: bool,
}

/// Reason why the sandbox was not replaced.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReloadError {
    /// Files that cannot be read or parsed, or are no documents any more.
    #[error("{}", headlines(.0))]
    Broken(Vec<Diagnostic>),
    /// Errors in the documents, with `--strict-documents`.
    #[error("`--strict-documents` does not allow errors: {}", headlines(.0))]
    Strict(Vec<Diagnostic>),
    /// A failure of the load itself.
    #[error("the documents could not be loaded; the log says more")]
    Failed,
}

/// Maximum number of requests that wait for a load at a time; further ones are refused.
const MOST_WAITING: usize = 16;

/// Maximum number of diagnostics in one message.
const MOST_TOLD: usize = 20;

fn headlines(found: &[Diagnostic]) -> String {
    let lines = found.iter().take(MOST_TOLD).map(Diagnostic::render_line);
    lines.collect::<Vec<_>>().join("; ")
}

impl fmt::Debug for Reloader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloader").finish_non_exhaustive()
    }
}

impl Reloader {
    /// Creates the reloader of a sandbox. `known` are its files as they were when it was loaded.
    pub(crate) fn new(
        current: Arc<CurrentControl>,
        load: Loader,
        tell: Teller,
        is_strict: bool,
        known: KnownFiles,
    ) -> Self {
        let KnownFiles { sources, signature } = known;
        Self {
            current,
            load,
            tell,
            is_strict,
            is_giving_back: Arc::default(),
            begun: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            last: Mutex::new(LastLoad {
                sources,
                signature,
                reported: None,
                misfits: Vec::new(),
                load: 0,
                outcome: Ok(Value::Null),
            }),
        }
    }

    /// Returns the files, folders and URLs that were read or looked for so far.
    pub(crate) fn sources(&self) -> Sources {
        self.locked().sources.clone()
    }

    /// Returns the URLs that the current documents are from.
    pub(crate) fn urls(&self) -> BTreeSet<String> {
        self.current.load().sandbox().sources().urls.clone()
    }

    /// Returns true if a file has changed since the last load.
    pub(crate) fn is_outdated(&self) -> bool {
        let last = self.locked();
        Signature::of(&last.sources) != last.signature
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, LastLoad> {
        // Lock poisoning is safe: each field is replaced as a whole.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loads the documents, tells the user about it, and returns a report as JSON. Requests that
    /// come while one load runs share the next one.
    ///
    /// # Errors
    ///
    /// The reason why the sandbox was not replaced.
    pub(crate) fn reload(&self) -> Result<Value, String> {
        if self.waiting.fetch_add(1, Ordering::AcqRel) >= MOST_WAITING {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            return Err("too many requests wait for a load already; try again later".to_owned());
        }
        let outcome = self.reload_in_turn();
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        outcome
    }

    fn reload_in_turn(&self) -> Result<Value, String> {
        let asked = self.begun.load(Ordering::Acquire);
        let mut last = self.locked();
        if last.load > asked {
            return last.outcome.clone();
        }
        let outcome = self.attempt(&mut last);
        self.report(&outcome, ReloadCause::ByUser);
        last.outcome = outcome
            .map(|reloaded| reloaded.to_json())
            .map_err(|error| error.to_string());
        last.outcome.clone()
    }

    /// Loads the documents if a file has changed. A broken file may be half written: then the load
    /// is repeated once it has not changed for `settle`.
    pub(crate) fn reload_if_outdated(&self, settle: Duration) {
        /// Number of loads for one change.
        const ATTEMPTS: usize = 10;
        if !self.is_outdated() {
            return;
        }
        let mut outcome = self.attempt(&mut self.locked());
        for _ in 1..ATTEMPTS {
            let Err(ReloadError::Broken(_)) = outcome else {
                break;
            };
            std::thread::sleep(settle);
            if !self.is_outdated() {
                break;
            }
            outcome = self.attempt(&mut self.locked());
        }
        self.report(&outcome, ReloadCause::ByChange);
    }

    /// Gives the memory of the old contract back to the system, once exchanges in flight have
    /// ended.
    fn give_back_later(&self) {
        if self.is_giving_back.swap(true, Ordering::Relaxed) {
            return;
        }
        let is_giving_back = Arc::clone(&self.is_giving_back);
        let give = move || {
            give_back();
            is_giving_back.store(false, Ordering::Relaxed);
        };
        // Without the thread the memory is used again by the next reload.
        let _spawned = std::thread::Builder::new()
            .name("memory".to_owned())
            .spawn(give);
    }

    /// Shows the outcome. A change of files that changes nothing is not reported: the file may be
    /// the log itself.
    fn report(&self, outcome: &Result<Reloaded, ReloadError>, cause: ReloadCause) {
        match outcome {
            Ok(reloaded) if cause == ReloadCause::ByChange && reloaded.is_idle() => {}
            Ok(reloaded) => (self.tell)(&reloaded.lines()),
            Err(error) => {
                let lines = error.lines();
                (self.tell)(&lines);
                let text = lines.join("\n");
                self.current
                    .tell_reload(serde_json::json!({ "error": text }));
            }
        }
    }

    /// Loads the documents, and replaces the sandbox unless a file is broken. A panic costs this
    /// load, and not the thread.
    fn attempt(&self, last: &mut LastLoad) -> Result<Reloaded, ReloadError> {
        last.load = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        let attempt = AssertUnwindSafe(|| self.replace(last));
        catch_unwind(attempt).unwrap_or(Err(ReloadError::Failed))
    }

    fn replace(&self, last: &mut LastLoad) -> Result<Reloaded, ReloadError> {
        let began = Instant::now();
        let earlier = Arc::clone(self.current.load().sandbox());
        // Taken before the load: what changes during it is found afterwards.
        let before = Signature::of(&last.sources);
        last.signature.clone_from(&before);
        let next = (self.load)().succeeding(&earlier);
        let sources = last.sources.joined(next.sources());
        last.signature = before.with_new(&last.sources, &sources);
        last.sources = sources;
        let broken = next.broken_since(&earlier);
        if !broken.is_empty() {
            return Err(ReloadError::Broken(broken));
        }
        if self.is_strict {
            let errors = errors_of(&next.diagnostics());
            if !errors.is_empty() {
                return Err(ReloadError::Strict(errors));
            }
        }
        let next = Arc::new(next);
        self.current.replace(Arc::clone(&next));
        let took = began.elapsed();
        let reported = last
            .reported
            .take()
            .unwrap_or_else(|| earlier.diagnostics().iter().map(hash).collect());
        let diagnostics = next.diagnostics();
        last.reported = Some(diagnostics.iter().map(hash).collect());
        let errors = errors_of(&diagnostics).len();
        let (diagnostics_before, diagnostics_now) = (reported.len(), diagnostics.len());
        let misfits = next.misfits();
        let has_new_misfits = misfits != last.misfits;
        last.misfits.clone_from(&misfits);
        let reloaded = Reloaded {
            took,
            changes: next.changes_since(&earlier),
            has_other_fixtures: next.has_other_fixtures(&earlier),
            errors,
            warnings: diagnostics.len() - errors,
            new: diagnostics
                .into_iter()
                .filter(|found| !reported.contains(&hash(found)))
                .collect(),
            misfits,
            has_new_misfits,
            has_fewer_diagnostics: diagnostics_before > diagnostics_now,
        };
        next.rest();
        drop(earlier);
        self.give_back_later();
        self.current.tell_reload(reloaded.to_json());
        Ok(reloaded)
    }
}

/// Prompts the allocator to give memory back to the system. It does so when memory is freed a
/// second after other memory fell out of use, which may never happen on an idle server.
pub(crate) fn give_back() {
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(1100));
        drop(std::hint::black_box(vec![1_u8; 1024 * 1024]));
    }
}

fn errors_of(diagnostics: &[Diagnostic]) -> Vec<Diagnostic> {
    let is_error = |found: &&Diagnostic| found.severity() == Severity::Error;
    diagnostics.iter().filter(is_error).cloned().collect()
}

fn hash(found: &Diagnostic) -> u64 {
    // The line of a diagnostic moves with each edit above it.
    let mut hasher = DefaultHasher::new();
    found.code.as_str().hash(&mut hasher);
    found.message.hash(&mut hasher);
    found.place.as_ref().map(Place::name).hash(&mut hasher);
    hasher.finish()
}

/// Cause of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReloadCause {
    /// A request or a signal.
    ByUser,
    /// A change of a file.
    ByChange,
}

impl Reloaded {
    /// Returns true if nothing that matters to users has changed.
    fn is_idle(&self) -> bool {
        let is_same = self.changes == Changes::default() && !self.has_other_fixtures;
        is_same && self.new.is_empty() && !self.has_new_misfits && !self.has_fewer_diagnostics
    }

    fn to_json(&self) -> Value {
        let misfits = self.misfits.iter();
        let misfits: serde_json::Map<String, Value> = misfits
            .map(|(name, count)| (name.clone(), json!(count)))
            .collect();
        json!({
            "added": self.changes.added,
            "removed": self.changes.removed,
            "changed": self.changes.changed,
            "fixtures": self.has_other_fixtures,
            "errors": self.errors,
            "warnings": self.warnings,
            "misfits": misfits,
            "milliseconds": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
        })
    }

    /// Returns the line `reloaded in 11 ms: 1 operation added, 2 changed, 1 warning`, and lines for
    /// the new diagnostics and for entities that no longer fit.
    fn lines(&self) -> Vec<String> {
        let mut parts: Vec<String> = Vec::new();
        let counts = [
            (self.changes.added.len(), "added"),
            (self.changes.removed.len(), "removed"),
            (self.changes.changed.len(), "changed"),
        ];
        for (number, verb) in counts.into_iter().filter(|(number, _)| *number > 0) {
            parts.push(if parts.is_empty() {
                format!("{} {verb}", count(number, "operation"))
            } else {
                format!("{number} {verb}")
            });
        }
        if self.has_other_fixtures {
            parts.push("fixtures changed".to_owned());
        }
        if parts.is_empty() {
            parts.push("no operation changed".to_owned());
        }
        for (number, noun) in [(self.errors, "error"), (self.warnings, "warning")] {
            if number > 0 {
                parts.push(count(number, noun));
            }
        }
        let head = format!(
            "reloaded in {} ms: {}",
            self.took.as_millis(),
            parts.join(", ")
        );
        let mut lines = vec![head];
        lines.extend(shown(&self.new));
        let misfits = self.misfits.iter().filter(|_| self.has_new_misfits);
        lines.extend(misfits.map(|(name, number)| {
            let entities = match number {
                1 => "1 entity".to_owned(),
                _ => format!("{number} entities"),
            };
            format!(
                "warning: {entities} of `{name}` no longer fit the schema, and are kept; `POST /_standin/reset` removes what sessions wrote"
            )
        }));
        lines
    }
}

impl ReloadError {
    fn lines(&self) -> Vec<String> {
        let (found, why) = match self {
            Self::Broken(found) => (found.as_slice(), "a file is broken".to_owned()),
            Self::Strict(found) => (
                found.as_slice(),
                "the documents have errors, which `--strict-documents` does not allow".to_owned(),
            ),
            Self::Failed => (&[][..], self.to_string()),
        };
        let mut lines = shown(found);
        lines.push(format!(
            "not reloaded, as {why}: what was loaded before is still served"
        ));
        lines
    }
}

/// Returns errors in full and warnings as lines, at most [`MOST_TOLD`].
fn shown(found: &[Diagnostic]) -> Vec<String> {
    let mut lines: Vec<String> = found
        .iter()
        .take(MOST_TOLD)
        .map(|found| match found.severity() {
            Severity::Error => found.render().trim_end().to_owned(),
            Severity::Warning => found.render_line(),
        })
        .collect();
    if found.len() > MOST_TOLD {
        let more = count(found.len() - MOST_TOLD, "more diagnostic");
        lines.push(format!("… and {more}; `standin check` tells all"));
    }
    lines
}
