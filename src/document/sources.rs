//! Files, folders and URLs that a load read or looked for: a change of any of them changes the
//! result of the next load.
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::document::files::Home;
use crate::document::revision::Revision;

/// Origins of everything that was loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sources {
    /// Files that were read, and files that were looked for and not found.
    pub files: BTreeSet<PathBuf>,
    /// Folders that were searched with their sub-folders.
    pub folders: BTreeSet<PathBuf>,
    /// URLs that were fetched.
    pub urls: BTreeSet<String>,
    /// Files that documents refer to and that cannot be read or parsed, with the reason.
    pub failed: BTreeMap<PathBuf, String>,
}

impl Sources {
    /// Adds the location of a document or of a file that it refers to, with the reason if it cannot
    /// be read. Files of a git revision do not change, so they are left out.
    pub(super) fn add(&mut self, home: &Home, failure: Option<String>) {
        match home {
            Home::File(path) => {
                self.files.insert(path.clone());
                self.failed.extend(failure.map(|why| (path.clone(), why)));
            }
            Home::Uri(uri) if Revision::of_uri(uri).is_some() => {}
            Home::Uri(uri) => {
                self.urls.insert(uri.clone());
            }
        }
    }

    /// Adds a folder that was searched, even if it does not exist yet.
    pub(crate) fn add_folder(&mut self, folder: &Path) {
        self.folders.insert(folder.to_owned());
    }

    /// Adds the sources of another load.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.files.extend(other.files.iter().cloned());
        self.folders.extend(other.folders.iter().cloned());
        self.urls.extend(other.urls.iter().cloned());
    }

    /// Returns the sources of both loads.
    pub(crate) fn joined(&self, other: &Self) -> Self {
        let mut joined = self.clone();
        joined.extend(other);
        joined
    }
}
