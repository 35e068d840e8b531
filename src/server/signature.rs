//! Signature of files and folders: it differs if one of them was changed, added or removed.
use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use walkdir::WalkDir;

use crate::document::sources::Sources;

/// Maximum number of files in watched folders; changes of further ones are not noticed.
const MOST_FILES: usize = 100_000;

/// Size, time and number of each file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Signature(BTreeMap<PathBuf, Option<Stamp>>);

/// Properties of a file that change when it is written or replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: Option<SystemTime>,
    /// Number of the file in its file system, which another file has that is renamed to its path.
    inode: u64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            modified: metadata.modified().ok(),
            inode: inode(metadata),
        }
    }
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_metadata: &Metadata) -> u64 {
    0
}

/// Returns the number of a file or folder in its file system; `None` if it does not exist.
pub(super) fn inode_of(path: &Path) -> Option<u64> {
    path.metadata().ok().map(|metadata| inode(&metadata))
}

impl Signature {
    /// Returns the signature of files, and of all files in folders.
    pub(crate) fn of(sources: &Sources) -> Self {
        let mut stamps = BTreeMap::new();
        for path in &sources.files {
            stamps.insert(path.clone(), stamp(path));
        }
        for folder in &sources.folders {
            stamps.insert(folder.clone(), None);
            for entry in visible(folder).filter(|entry| !entry.file_type().is_dir()) {
                if stamps.len() >= MOST_FILES {
                    break;
                }
                let path = entry.into_path();
                let stamp = stamp(&path);
                stamps.insert(path, stamp);
            }
        }
        Self(stamps)
    }

    /// Returns this signature of `known` files with the present state of the files that only `all`
    /// has.
    pub(crate) fn with_new(&self, known: &Sources, all: &Sources) -> Self {
        let new = Sources {
            files: all.files.difference(&known.files).cloned().collect(),
            folders: all.folders.difference(&known.folders).cloned().collect(),
            ..Sources::default()
        };
        let mut stamps = self.0.clone();
        stamps.extend(Self::of(&new).0);
        Self(stamps)
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    path.metadata().ok().map(|metadata| Stamp::of(&metadata))
}

/// Returns the folder and everything below it that is not hidden.
pub(super) fn visible(folder: &Path) -> impl Iterator<Item = walkdir::DirEntry> {
    let entries = WalkDir::new(folder).follow_links(true).into_iter();
    let visible = entries.filter_entry(|entry| {
        entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.')
    });
    visible.filter_map(Result::ok)
}
