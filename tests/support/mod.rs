//! What the tests share.

use std::fs;
use std::path::{Path, PathBuf};

/// Every Markdown file below a folder, by name.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder of cases is there");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("can be read").path())
        .collect();
    paths.sort();
    paths
        .into_iter()
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else if path.extension().is_some_and(|extension| extension == "md") {
                vec![path]
            } else {
                Vec::new()
            }
        })
        .collect()
}
