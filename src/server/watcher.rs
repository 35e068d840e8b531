//! Watches the files that were loaded, and loads them again when one changes.
//!
//! Events of the system only wake the watcher up; it then compares the [signature] of the files. So
//! editors that replace files, folders that appear and links that move are all seen, and events of
//! other files in the same folder have no effect.
//!
//! [signature]: crate::server::signature
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};
use std::{io, thread};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::document::fetch::{UrlVersion, version};
use crate::document::files::Access;
use crate::document::sources::Sources;
use crate::server::reload::Reloader;
use crate::server::signature::{inode_of, visible};

/// Way to notice changes of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watching {
    /// Events of the file system.
    Events,
    /// Comparison of all files at an interval, for file systems without events.
    Polls(Duration),
}

/// Interval at which the hosts of URLs are asked for changes.
const URL_INTERVAL: Duration = Duration::from_secs(5);

/// Interval of comparisons beside events: a folder that is replaced by another one of its name
/// reports nothing.
const SAFETY_INTERVAL: Duration = Duration::from_secs(3);

/// Shortest pause between two loads; a load that took longer is followed by as long a pause.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// Interval of comparisons if the system cannot watch the files.
const SUBSTITUTE_INTERVAL: Duration = Duration::from_secs(2);

/// Time without any event after which a change counts as complete.
const QUIET: Duration = Duration::from_millis(50);

/// Longest time that events delay a reload.
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// Time after which a broken file counts as broken, and not as half written.
const SETTLE: Duration = Duration::from_millis(250);

/// Maximum number of folders that are watched; with more, files are compared at an interval.
const MOST_FOLDERS: usize = 8192;

/// Stack size of the thread, in bytes: documents are read by recursion.
const STACK: usize = 16 * 1024 * 1024;

/// Starts the thread that watches the files and URLs of a reloader, until the process ends.
///
/// # Errors
///
/// Error of the system, if no thread can be started.
pub(crate) fn start(
    reloader: &Arc<Reloader>,
    watching: Watching,
    access: Access,
) -> io::Result<()> {
    let of_files = Arc::clone(reloader);
    let watch = move || {
        let reloader = of_files;
        let (events, changes) = mpsc::channel();
        let folders = match watching {
            Watching::Events => WatchedFolders::new(events.clone()),
            Watching::Polls(_) => None,
        };
        let mut watcher = FileWatcher {
            reloader,
            folders,
            interval: match watching {
                Watching::Events => SAFETY_INTERVAL,
                Watching::Polls(interval) => interval,
            },
            changes,
            _events: events,
        };
        watcher.run();
    };
    // A host that does not answer must not hold up changes of files.
    let mut urls = UrlVersions {
        reloader: Arc::clone(reloader),
        access,
        known: HashMap::new(),
    };
    spawn("watch URLs", move || urls.run())?;
    spawn("watch", watch)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new()
        .name(name.to_owned())
        .stack_size(STACK);
    thread.spawn(work).map(drop)
}

/// The thread that waits for changes.
struct FileWatcher {
    reloader: Arc<Reloader>,
    /// Folders with events; `None` if files are compared at an interval.
    folders: Option<WatchedFolders>,
    /// Interval of comparisons.
    interval: Duration,
    changes: Receiver<()>,
    /// Keeps the channel open without a watcher.
    _events: Sender<()>,
}

impl FileWatcher {
    fn run(&mut self) {
        loop {
            let sources = self.reloader.sources();
            self.watch(&sources);
            // Something may have changed before the folders were watched.
            if !self.reloader.is_outdated() {
                self.wait();
            }
            let began = Instant::now();
            self.reloader.reload_if_outdated(SETTLE);
            // A log in a watched folder changes with each request.
            thread::sleep(began.elapsed().clamp(SHORTEST_PAUSE, LONGEST_DELAY));
        }
    }

    /// Watches the folders of all sources, or changes to an interval if the system cannot.
    fn watch(&mut self, sources: &Sources) {
        let Some(folders) = &mut self.folders else {
            self.interval = self.interval.min(SUBSTITUTE_INTERVAL);
            return;
        };
        if let Err(why) = folders.follow(sources) {
            tracing::warn!(
                "the system cannot watch the files, so they are compared every {SUBSTITUTE_INTERVAL:?}: {why}"
            );
            self.folders = None;
            self.interval = SUBSTITUTE_INTERVAL;
        }
    }

    /// Waits until something may have changed.
    fn wait(&self) {
        if self.changes.recv_timeout(self.interval).is_err() {
            return;
        }
        // Most programs write several files, or one in several steps.
        let began = Instant::now();
        while began.elapsed() < LONGEST_DELAY && self.changes.recv_timeout(QUIET).is_ok() {}
    }
}

/// Folders that the system watches.
struct WatchedFolders {
    watcher: RecommendedWatcher,
    /// Watched folders with their identity, which another folder has that takes the path.
    folders: BTreeMap<PathBuf, u64>,
}

/// Reason why folders cannot be watched.
#[derive(Debug, thiserror::Error)]
enum WatchError {
    #[error("there are more than {MOST_FOLDERS} folders")]
    TooMany,
    #[error("{0}")]
    System(#[from] notify::Error),
}

impl WatchedFolders {
    fn new(events: Sender<()>) -> Option<Self> {
        let wake = move |event: notify::Result<Event>| {
            let is_read = matches!(
                event,
                Ok(Event {
                    kind: EventKind::Access(_),
                    ..
                })
            );
            if !is_read {
                // Without a receiver, the server ends.
                let _received = events.send(());
            }
        };
        let watcher = notify::recommended_watcher(wake).ok()?;
        Some(Self {
            watcher,
            folders: BTreeMap::new(),
        })
    }

    /// Watches the folders of the sources. A folder that was watched before stays watched.
    fn follow(&mut self, sources: &Sources) -> Result<(), WatchError> {
        let wanted = folders_of(sources);
        if wanted.len() > MOST_FOLDERS {
            return Err(WatchError::TooMany);
        }
        let is_watched = |(folder, identity): &(&PathBuf, &u64)| {
            wanted.contains(*folder) && inode_of(folder) == Some(**identity)
        };
        let gone = self.folders.iter().filter(|watched| !is_watched(watched));
        let gone: Vec<PathBuf> = gone.map(|(folder, _)| folder.clone()).collect();
        for folder in gone {
            // A folder that was removed is not watched any more.
            let _unwatched = self.watcher.unwatch(&folder);
            self.folders.remove(&folder);
        }
        for folder in wanted {
            if self.folders.contains_key(&folder) {
                continue;
            }
            let identity = inode_of(&folder).unwrap_or_default();
            match self.watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.folders.insert(folder, identity);
                }
                // It was removed meanwhile, which its own folder reports.
                Err(_) if !folder.exists() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Returns the folders in which a change of the sources shows: the folder of each file, by its own
/// path and behind links, and searched folders with their sub-folders.
fn folders_of(sources: &Sources) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    for file in &sources.files {
        folders.extend(existing_parent(file));
        if let Ok(real) = file.canonicalize() {
            folders.extend(existing_parent(&real));
        }
    }
    for folder in &sources.folders {
        folders.extend(existing_parent(folder));
        let below = visible(folder).filter(|entry| entry.file_type().is_dir());
        folders.extend(
            below
                .map(walkdir::DirEntry::into_path)
                .take(MOST_FOLDERS + 1),
        );
    }
    // Two paths of one folder share one watch of the system, which the end of either ends.
    let real = folders
        .iter()
        .filter_map(|folder| folder.canonicalize().ok());
    real.collect()
}

/// Returns the nearest folder above a path that exists.
fn existing_parent(path: &Path) -> Option<PathBuf> {
    let above = path.ancestors().skip(1);
    let plain = above.map(|folder| {
        if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        }
    });
    plain
        .filter(|folder| folder.is_dir())
        .map(Path::to_owned)
        .next()
}

/// The thread that asks the hosts of URLs for changes at an interval.
struct UrlVersions {
    reloader: Arc<Reloader>,
    access: Access,
    known: HashMap<String, UrlVersion>,
}

impl UrlVersions {
    fn run(&mut self) {
        loop {
            if self.have_changed() {
                // The outcome was reported.
                let _reported = self.reloader.reload();
            }
            thread::sleep(URL_INTERVAL);
        }
    }

    /// Returns true if a URL has another version than before. Hosts that do not answer are asked
    /// again later.
    fn have_changed(&mut self) -> bool {
        let urls = self.reloader.urls();
        self.known.retain(|url, _| urls.contains(url));
        let mut has_changed = false;
        for url in &urls {
            let known = self.known.get(url);
            match version(url, &self.access, known) {
                Ok(now) => {
                    has_changed |= known.is_some_and(|known| !known.is_same(&now));
                    self.known.insert(url.to_owned(), now);
                }
                Err(error) => tracing::debug!(url, %error, "a document was not asked for changes"),
            }
        }
        has_changed
    }
}
