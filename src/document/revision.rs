//! Reads files of a git revision, such as `HEAD~1:api.yaml`, with the `git` command.
//!
//! A file of a revision has a URI of a scheme of its own, so that relative references resolve as
//! those of other URIs do (RFC 3986 §5.2): to files of the same revision. Documents cannot name
//! this scheme; only the user starts there.
use std::io::Read as _;
use std::path::{Component, Path};
use std::process::{Command, Stdio};

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::document::bounds::LARGEST_FILE;

/// Scheme of the URIs of files in a revision.
const SCHEME: &str = "git-revision://";

/// Maximum number of files that are read from a folder of a revision.
const MOST_FILES: usize = 20_000;

/// A file or folder of a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Revision {
    /// Name of the revision: `HEAD~1`, `main`.
    name: String,
    /// Path from the root of the repository: `specs/api.yaml`; empty for the root.
    path: String,
}

/// Reason why a file of a revision cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum RevisionError {
    #[error("`git` cannot be run: {0}")]
    NoGit(String),
    /// Message of `git`.
    #[error("git says: {0}")]
    Refused(String),
    #[error("it has more than {LARGEST_FILE} bytes")]
    TooLarge,
    #[error("the folder has more than {MOST_FILES} files")]
    TooManyFiles,
    #[error("the path leads out of the repository")]
    Outside,
    #[error("it is a symbolic link to `{0}`; name the file that it leads to")]
    Link(String),
}

impl Revision {
    /// Finds a path, relative to the current folder, in the repository of the current folder.
    pub(crate) fn find(name: &str, path: &str) -> Result<Self, RevisionError> {
        if name.starts_with('-') {
            return Err(RevisionError::Refused(format!(
                "`{name}` is not a revision"
            )));
        }
        let prefix = git(&["rev-parse", "--show-prefix"])?;
        let prefix = String::from_utf8_lossy(&prefix).trim_end().to_owned();
        let mut parts: Vec<String> = Vec::new();
        let whole = Path::new(&prefix).join(path);
        for component in whole.components() {
            match component {
                Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
                Component::ParentDir if parts.pop().is_none() => {
                    return Err(RevisionError::Outside);
                }
                _ => {}
            }
        }
        Ok(Self {
            name: name.to_owned(),
            path: parts.join("/"),
        })
    }

    /// Returns the URI of the file.
    pub(crate) fn uri(&self) -> String {
        let segments = self.path.split('/');
        let encoded = segments.map(|part| utf8_percent_encode(part, NON_ALPHANUMERIC).to_string());
        let name = utf8_percent_encode(&self.name, NON_ALPHANUMERIC);
        format!("{SCHEME}{name}/{}", encoded.collect::<Vec<_>>().join("/"))
    }

    /// Returns the file of a URI; `None` if it has another scheme.
    pub(crate) fn of_uri(uri: &str) -> Option<Self> {
        let (name, path) = uri.strip_prefix(SCHEME)?.split_once('/')?;
        let decode = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        Some(Self {
            name: decode(name),
            path: decode(path),
        })
    }

    /// Returns the name as the user writes it: `HEAD~1:specs/api.yaml`.
    pub(crate) fn shown(&self) -> String {
        format!("{}:{}", self.name, self.path)
    }

    /// Returns the file itself, or the visible files of a folder and its sub-folders, by name.
    /// Symbolic links and submodules in a folder are left out.
    pub(crate) fn files(&self) -> Result<RevisionFiles, RevisionError> {
        let kind = git(&["cat-file", "-t", &self.shown()])?;
        if !kind.starts_with(b"tree") {
            if self.is_link()? {
                let target = String::from_utf8_lossy(&self.read()?).into_owned();
                return Err(RevisionError::Link(target));
            }
            return Ok(RevisionFiles::One(self.clone()));
        }
        let mut files = Vec::new();
        for (mode, path) in list(&["-r", &self.shown()])? {
            let is_hidden = path.split('/').any(|part| part.starts_with('.'));
            if is_hidden || !mode.starts_with(REGULAR) {
                continue;
            }
            if files.len() == MOST_FILES {
                return Err(RevisionError::TooManyFiles);
            }
            let below = if self.path.is_empty() {
                path
            } else {
                format!("{}/{path}", self.path)
            };
            files.push(Self {
                name: self.name.clone(),
                path: below,
            });
        }
        Ok(RevisionFiles::OfFolder(files))
    }

    fn is_link(&self) -> Result<bool, RevisionError> {
        let listed = list(&[&self.name, "--", &self.path])?;
        Ok(listed.iter().any(|(mode, _)| mode.starts_with(LINK)))
    }

    /// Returns the content of the file.
    pub(crate) fn read(&self) -> Result<Vec<u8>, RevisionError> {
        git(&["cat-file", "blob", &self.shown()])
    }
}

/// Files that a path of a revision names.
pub(crate) enum RevisionFiles {
    /// The path is that of a file.
    One(Revision),
    /// The path is that of a folder with these files.
    OfFolder(Vec<Revision>),
}

/// Mode of regular files, with or without the permission to execute.
const REGULAR: &str = "100";

/// Mode of symbolic links.
const LINK: &str = "120000";

/// Lists a tree; returns the mode and the path of each entry.
fn list(arguments: &[&str]) -> Result<Vec<(String, String)>, RevisionError> {
    // `--full-tree`: paths are those of the tree, whatever the current folder is.
    let listed = git(&[&["ls-tree", "-z", "--full-tree"], arguments].concat())?;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let entries = listed.split('\0').filter_map(|line| line.split_once('\t'));
    Ok(entries
        .map(|(head, path)| (head.to_owned(), path.to_owned()))
        .collect())
}

/// Runs `git` and returns what it prints.
///
/// The repository may be hostile. These subcommands run no hooks, filters or pagers; what a partial
/// clone lacks is not fetched, because fetching runs commands of the configuration
/// (`core.sshCommand`). `GIT_NO_LAZY_FETCH` is of git 2.45; older versions heed the empty list of
/// protocols.
fn git(arguments: &[&str]) -> Result<Vec<u8>, RevisionError> {
    let failed = |error: std::io::Error| RevisionError::NoGit(error.to_string());
    let mut child = Command::new("git")
        .args(arguments)
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_ALLOW_PROTOCOL", "")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env_remove("GIT_TRACE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let mut printed = Vec::new();
    if let Some(out) = child.stdout.take() {
        out.take(LARGEST_FILE + 1)
            .read_to_end(&mut printed)
            .map_err(failed)?;
    }
    if printed.len() as u64 > LARGEST_FILE {
        // The rest would fill the pipe, and `git` would wait for a reader.
        let _ended = child.kill();
        return Err(RevisionError::TooLarge);
    }
    let ended = child.wait_with_output().map_err(failed)?;
    if ended.status.success() {
        return Ok(printed);
    }
    let message = String::from_utf8_lossy(&ended.stderr);
    let first = message
        .lines()
        .next()
        .unwrap_or("it failed without a message");
    let first = first.strip_prefix("fatal: ").unwrap_or(first);
    Err(RevisionError::Refused(first.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::identifier::absolute;

    #[test]
    fn references_stay_in_the_revision() {
        let revision = Revision {
            name: "origin/main".to_owned(),
            path: "specs/v1/api one.yaml".to_owned(),
        };
        assert_eq!(Revision::of_uri(&revision.uri()), Some(revision.clone()));
        let beside = absolute(&revision.uri(), "../schemas/pet.yaml");
        let beside = Revision::of_uri(&beside).expect("it is of the scheme");
        assert_eq!(beside.shown(), "origin/main:specs/schemas/pet.yaml");
        let above = absolute(&revision.uri(), "../../../../etc/passwd");
        let above = Revision::of_uri(&above).expect("it is of the scheme");
        assert_eq!(above.shown(), "origin/main:etc/passwd");
    }
}
