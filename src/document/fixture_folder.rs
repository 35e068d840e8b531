//! Reads the files of a folder of fixtures: those of people, those that were recorded, and entities.
use std::fs;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Code, Diagnostic};
use crate::document::fixture_file::FixtureFile;
pub(crate) use crate::document::fixture_file::LEARNED_TITLE;
use crate::document::{data_text, fixture_text, read_text};

/// Sub-folder of a folder of fixtures with what was recorded of the real API.
pub(crate) const RECORDED: &str = "recorded";

/// File of a folder of fixtures with the errors that were learned from the real API.
pub(crate) const LEARNED: &str = "learned.yaml";

/// Sub-folder of [`RECORDED`] with the bodies that have files of their own.
pub(crate) const BODIES: &str = "bodies";

/// Reads the files of a folder of fixtures, and after them, as a person's take precedence, those that
/// were recorded.
#[must_use]
pub(crate) fn load_all_fixtures(folder: &Path) -> (Vec<FixtureFile>, Vec<Diagnostic>) {
    let (mut files, mut found) = load_fixtures(folder);
    let recorded = folder.join(RECORDED);
    if recorded.is_dir() {
        let (own, odd) = load_fixtures(&recorded);
        files.extend(own);
        found.extend(odd);
    }
    (files, found)
}

/// Returns true if a path is that of a file in the sub-folder of recordings.
#[must_use]
pub(crate) fn is_in_recorded(path: &str) -> bool {
    let folder = Path::new(path).parent();
    folder
        .and_then(|folder| folder.file_name())
        .is_some_and(|name| name == RECORDED)
}

/// Reads every YAML and JSON file of a folder of fixtures, in the order of their names, with the
/// bodies that they refer to. A file that cannot be read is a diagnostic.
#[must_use]
pub(crate) fn load_fixtures(folder: &Path) -> (Vec<FixtureFile>, Vec<Diagnostic>) {
    let mut files = Vec::new();
    let mut found = Vec::new();
    let is_fixture = |path: &Path| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| ["yaml", "yml", "json"].contains(&extension))
    };
    let mut paths: Vec<PathBuf> = match fs::read_dir(folder) {
        Ok(entries) => entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| is_fixture(path))
            .collect(),
        Err(error) => {
            let message = format!("`{}` cannot be read: {error}", folder.display());
            return (
                files,
                vec![Diagnostic::without_place(Code::UnreadableFile, message)],
            );
        }
    };
    paths.sort();
    for path in paths {
        let name = path.display().to_string();
        match read_text(&path).and_then(|text| fixture_text(name, text)) {
            Ok((file, odd)) => {
                found.extend(odd);
                files.push(file.with_bodies(folder));
            }
            Err(error) => found.push(error),
        }
    }
    (files, found)
}

/// Reads the entities that the user supplies: the files of `data` in a folder of fixtures, with
/// their names without extension. The tree of a CSV file is its text as a string.
#[must_use]
pub(crate) fn load_data(folder: &Path) -> (Vec<(String, FixtureFile)>, Vec<Diagnostic>) {
    let folder = folder.join("data");
    if !folder.is_dir() {
        return (Vec::new(), Vec::new());
    }
    let (mut files, mut found) = load_fixtures(&folder);
    let mut tables: Vec<PathBuf> = fs::read_dir(&folder)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    tables.retain(|path| path.extension().is_some_and(|extension| extension == "csv"));
    tables.sort();
    for path in tables {
        match read_text(&path).and_then(|text| data_text(path.display().to_string(), text)) {
            Ok(file) => files.push(file),
            Err(error) => found.push(error),
        }
    }
    let stem = |file: &FixtureFile| {
        Path::new(file.source.name())
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    (
        files.into_iter().map(|file| (stem(&file), file)).collect(),
        found,
    )
}
