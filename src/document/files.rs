//! Reads the files and URIs that a document may refer to.
//!
//! A document may refer to files in its own folder and below; if it is in the current folder or in
//! a served folder, also to files there, hidden ones excepted; and to folders and hosts that the
//! user allowed. References themselves are left to `splice` and `link`; hosts are left to `fetch`.
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::diagnostic::Source;
use crate::document::encoding::decode;
use crate::document::error::SyntaxError;
pub(crate) use crate::document::fetch::Access;
use crate::document::fetch::{FetchError, Unkept};
use crate::document::regular_file::{FileError, read_file};
use crate::document::revision::Revision;
use crate::document::{fetch, identifier, metaschema, position, syntax};

/// Maximum number of files that one document refers to; references to more are diagnostics.
const MOST_FILES: usize = 2000;

/// Maximum total size in bytes of the files that one document refers to: 512 MiB. References to
/// more are diagnostics.
const MOST_BYTES: usize = 512 * 1024 * 1024;

/// Reason why a file or URI that a document refers to cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ReferenceError {
    /// URI of a scheme other than `http` and `https`.
    #[error("only files, and `http` and `https` URIs, can be read")]
    Scheme,
    /// Relative reference in a document without a location.
    #[error("a document that is no file has no folder to refer to")]
    NoFolder,
    /// Path that leads to nothing.
    #[error("there is no file `{}`", .path.display())]
    NoFile { path: PathBuf },
    /// File outside of the folders that may be read, with its folder.
    #[error(
        "it is outside the folders of the document, the current folder and the folders that are served; \
         `--allow-path {}` would allow it",
        .folder.display()
    )]
    Outside { folder: PathBuf },
    /// References to more than [`MOST_FILES`] files.
    #[error("the document refers to more than {MOST_FILES} files")]
    TooManyFiles,
    /// References to files of more than [`MOST_BYTES`] bytes together.
    #[error("the files that the document refers to have more than {MOST_BYTES} bytes")]
    TooManyBytes,
    /// File that cannot be read.
    #[error("`{name}` cannot be read: {why}")]
    Unreadable { name: String, why: FileError },
    /// Content that is not text.
    #[error("`{name}` is not text in UTF-8 or UTF-16")]
    NotText { name: String },
    /// Text that is neither JSON nor YAML.
    #[error("`{name}`:{}:{}: {}", .error.span.line, .error.span.column, .error.message)]
    Syntax { name: String, error: SyntaxError },
    /// External value of an example that is neither JSON nor YAML, although its name says so.
    #[error("`{name}`: {}", .error.message)]
    ExternalValue { name: String, error: SyntaxError },
    /// URI whose content cannot be had.
    #[error("{0}")]
    Fetch(#[from] FetchError),
}

/// Location of a document or file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Home {
    /// Real path of a file.
    File(PathBuf),
    /// An absolute URI without a fragment.
    Uri(String),
}

/// A file that was read.
#[derive(Debug, Clone)]
pub(crate) struct ReadFile {
    /// Source text, for diagnostics.
    pub source: Arc<Source>,
    /// Tree of the file before any repair or upgrade.
    pub tree: Arc<Value>,
}

/// Text of a file or URI.
struct LoadedText {
    text: String,
    /// Place in the cache, if it was fetched and is not kept yet.
    unkept: Option<Unkept>,
}

/// A folder whose files may be referred to.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    /// True if hidden files and folders in it are excluded, because the user did not name them.
    is_without_hidden: bool,
}

/// The files that one document may refer to.
#[derive(Debug)]
pub(crate) struct Files<'a> {
    access: &'a Access,
    home: Option<Home>,
    /// Name of the document in messages.
    name: &'a str,
    folders: Vec<Folder>,
    known: HashMap<Home, Result<ReadFile, ReferenceError>>,
    /// Files that were read as text, and files that do not exist.
    others: RefCell<BTreeSet<Home>>,
    /// Number of bytes read so far.
    bytes: usize,
}

impl<'a> Files<'a> {
    /// Creates the files of the document `name`. `home` is its location, if it has one; `served`
    /// are the folders that were searched for documents.
    #[must_use]
    pub(crate) fn new(
        name: &'a str,
        home: Option<&Home>,
        access: &'a Access,
        served: &[PathBuf],
    ) -> Self {
        let home = home.and_then(|home| match home {
            Home::File(path) => path.canonicalize().ok().map(Home::File),
            Home::Uri(_) => Some(home.clone()),
        });
        let own = match &home {
            Some(Home::File(path)) => path.parent(),
            _ => None,
        };
        let plain = |path: PathBuf| Folder {
            path,
            is_without_hidden: false,
        };
        let mut folders: Vec<Folder> = own.map(Path::to_path_buf).map(plain).into_iter().collect();
        folders.extend(
            access
                .folders
                .iter()
                .filter_map(|folder| folder.canonicalize().ok())
                .map(plain),
        );
        let around = std::env::current_dir()
            .into_iter()
            .chain(served.iter().cloned());
        let around = around.filter_map(|folder| folder.canonicalize().ok());
        let holds_it = |folder: &PathBuf| {
            own.is_some_and(|own| own.starts_with(folder)) && folder.parent().is_some()
        };
        folders.extend(around.filter(holds_it).map(|path| Folder {
            path,
            is_without_hidden: true,
        }));
        Self {
            access,
            home,
            name,
            folders,
            known: HashMap::new(),
            others: RefCell::default(),
            bytes: 0,
        }
    }

    /// Returns the location of the document, if it is a file.
    #[must_use]
    pub(crate) fn home(&self) -> Option<&Home> {
        self.home.as_ref()
    }

    /// Returns the file or URI that a text in a document refers to, if it may be read.
    ///
    /// # Errors
    ///
    /// Returns the reason why it may not.
    pub(crate) fn locate(&self, base: Option<&Home>, text: &str) -> Result<Home, ReferenceError> {
        match base {
            _ if fetch::is_fetched(text) => Ok(Home::Uri(text.to_owned())),
            _ if text.contains("://") || text.starts_with("//") => Err(ReferenceError::Scheme),
            Some(Home::Uri(base)) => Ok(Home::Uri(identifier::absolute(base, text))),
            Some(Home::File(base)) => self.file_beside(base, text).map(Home::File),
            None => Err(ReferenceError::NoFolder),
        }
    }

    /// Returns the locations of all files that were read or looked for, with the reason if one
    /// cannot be read.
    pub(super) fn read_or_missed(&self) -> Vec<(Home, Option<String>)> {
        let others = self.others.borrow();
        let missed = |home: &Home| match home {
            Home::File(path) if !path.is_file() => Some(format!("`{}` not found", path.display())),
            _ => None,
        };
        let others = others.iter().map(|home| (home.clone(), missed(home)));
        let known = self.known.iter();
        let known = known.map(|(home, read)| {
            let why = read.as_ref().err().map(ToString::to_string);
            (home.clone(), why)
        });
        known.chain(others).collect()
    }

    fn note(&self, home: Home) {
        let mut others = self.others.borrow_mut();
        if others.len() < MOST_FILES {
            others.insert(home);
        }
    }

    fn file_beside(&self, base: &Path, text: &str) -> Result<PathBuf, ReferenceError> {
        let folder = base.parent().ok_or(ReferenceError::NoFolder)?;
        let decoded = percent_decode_str(text).decode_utf8_lossy().into_owned();
        // A file name may contain a literal percent sign.
        let names = [decoded.as_str(), text];
        let path = names
            .iter()
            .find_map(|name| folder.join(name).canonicalize().ok());
        let Some(path) = path else {
            let path = folder.join(&decoded);
            self.note(Home::File(path.clone()));
            return Err(ReferenceError::NoFile { path });
        };
        if self.folders.iter().any(|allowed| allowed.has(&path)) {
            return Ok(path);
        }
        Err(ReferenceError::Outside {
            folder: path.parent().unwrap_or(&path).to_owned(),
        })
    }

    /// Returns the parsed content of a file or URI, read once.
    ///
    /// # Errors
    ///
    /// Returns the reason why it cannot be read.
    pub(crate) fn read(&mut self, home: &Home) -> Result<ReadFile, ReferenceError> {
        if let Some(known) = self.known.get(home) {
            return known.clone();
        }
        if self.known.len() >= MOST_FILES {
            return Err(ReferenceError::TooManyFiles);
        }
        let read = self.read_now(home);
        self.known.insert(home.clone(), read.clone());
        read
    }

    fn read_now(&mut self, home: &Home) -> Result<ReadFile, ReferenceError> {
        let name = match home {
            Home::File(path) => self.shown(path),
            Home::Uri(uri) => shown_uri(uri),
        };
        if let Home::Uri(uri) = home
            && let Some(tree) = metaschema::built_in(uri)
        {
            let source = Source::new(name, String::new(), position::positions);
            return Ok(ReadFile {
                source,
                tree: Arc::new(tree),
            });
        }
        let LoadedText { text, unkept } = self.load(home)?;
        match parse(text) {
            Ok((text, tree)) => {
                let is_usable = tree.is_object() || tree.is_array() || tree.is_boolean();
                if let Some(unkept) = unkept.filter(|_| is_usable) {
                    unkept.keep(&text);
                }
                Ok(ReadFile {
                    source: Source::new(name, text, position::positions),
                    tree: Arc::new(tree),
                })
            }
            Err(error) => Err(ReferenceError::Syntax { name, error }),
        }
    }

    /// Reads the text of a file or URI.
    ///
    /// # Errors
    ///
    /// Returns the reason why it cannot be read.
    pub(crate) fn text(&mut self, home: &Home) -> Result<String, ReferenceError> {
        self.note(home.clone());
        let LoadedText { text, unkept } = self.load(home)?;
        if let Some(unkept) = unkept {
            unkept.keep(&text);
        }
        Ok(text)
    }

    fn load(&mut self, home: &Home) -> Result<LoadedText, ReferenceError> {
        let (name, bytes, unkept) = match home {
            Home::Uri(uri) => {
                // The parts of a document that was fetched anew are fetched anew too.
                let is_anew = self.access.is_reload || matches!(self.home, Some(Home::Uri(_)));
                let fetched = if is_anew {
                    fetch::fetch_anew(uri, self.access)?
                } else {
                    fetch::fetch(uri, self.access)?
                };
                (shown_uri(uri), fetched.bytes, fetched.unkept)
            }
            Home::File(path) => {
                let name = self.shown(path);
                match read_file(path) {
                    Ok(bytes) => (name, bytes, None),
                    Err(why) => return Err(ReferenceError::Unreadable { name, why }),
                }
            }
        };
        self.bytes += bytes.len();
        if self.bytes > MOST_BYTES {
            return Err(ReferenceError::TooManyBytes);
        }
        match decode(bytes) {
            Some(text) => Ok(LoadedText { text, unkept }),
            None => Err(ReferenceError::NotText { name }),
        }
    }

    /// Returns a path as messages show it: below the folder in the document's name, if the file is
    /// below the document's folder.
    fn shown(&self, path: &Path) -> String {
        let own = match &self.home {
            Some(Home::File(path)) => path.parent(),
            _ => None,
        };
        let below = own.and_then(|own| path.strip_prefix(own).ok());
        let beside = Path::new(self.name).parent();
        match (beside, below) {
            (Some(beside), Some(below)) => beside.join(below).display().to_string(),
            _ => path.display().to_string(),
        }
    }
}

/// Returns a URI as messages show it: a file of a git revision as the user writes it.
pub(crate) fn shown_uri(uri: &str) -> String {
    Revision::of_uri(uri).map_or_else(|| uri.to_owned(), |revision| revision.shown())
}

impl Folder {
    fn has(&self, path: &Path) -> bool {
        let is_hidden = |part: Component<'_>| part.as_os_str().to_string_lossy().starts_with('.');
        let below = path.strip_prefix(&self.path);
        below.is_ok_and(|below| !self.is_without_hidden || !below.components().any(is_hidden))
    }
}

/// Parses a file as JSON or YAML, or else the first document that is fenced in a Markdown page.
fn parse(text: String) -> Result<(String, Value), SyntaxError> {
    let parsed = syntax::parse(&text);
    match parsed {
        Ok(parsed) if !parsed.tree.is_string() => Ok((text, parsed.tree)),
        parsed => match crate::document::markdown::documents(&text)
            .into_iter()
            .next()
        {
            Some(part) => syntax::parse(&part).map(|parsed| (part, parsed.tree)),
            None => parsed.map(|parsed| (text, parsed.tree)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_read() {
        assert_eq!(
            read_file(Path::new(env!("CARGO_MANIFEST_DIR"))),
            Err(FileError::Folder)
        );
        if Path::new("/dev/zero").exists() {
            assert_eq!(
                read_file(Path::new("/dev/zero")),
                Err(FileError::NotRegular)
            );
        }
    }

    #[test]
    fn hidden_files_of_folders_around_are_outside() {
        let folder = |is_without_hidden| Folder {
            path: PathBuf::from("/home/a"),
            is_without_hidden,
        };
        assert!(folder(true).has(Path::new("/home/a/b/x.yaml")));
        assert!(!folder(true).has(Path::new("/home/a/.ssh/x.yaml")));
        assert!(folder(false).has(Path::new("/home/a/.ssh/x.yaml")));
        assert!(!folder(false).has(Path::new("/home/ab/x.yaml")));
    }
}
