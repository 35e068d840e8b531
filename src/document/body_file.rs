//! Reads the bodies of fixtures that are in files of their own.
use std::path::{Component, Path};

use bytes::Bytes;
use serde_json::Value;

use crate::document::regular_file::{FileError, read_file};

/// Maximum size of the body of a fixture in bytes: 64 MiB. A larger one is a diagnostic.
const LARGEST_BODY: u64 = 64 * 1024 * 1024;

/// Body of a fixture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BodyFile {
    /// Content, sent as it is.
    pub bytes: Bytes,
    /// Value of a file with the extension `json`, else its text; null if it is no text.
    pub value: Value,
}

/// Reason why the body of a fixture cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyFileError {
    /// Fixture that is in no file.
    #[error("only fixtures in files can refer to a file")]
    NoFolder,
    /// Path that leads out of the folder of the fixture file.
    #[error("it is outside of the folder of the fixture file")]
    Outside,
    /// Path that leads to nothing.
    #[error("there is no such file")]
    Missing,
    /// File that is larger than [`LARGEST_BODY`].
    #[error("it has more than {LARGEST_BODY} bytes")]
    TooLarge,
    /// File that cannot be read.
    #[error("{0}")]
    Unreadable(#[from] FileError),
    /// File with the extension `json` that is not JSON.
    #[error("it is not JSON: {0}")]
    NotJson(String),
}

impl BodyFile {
    /// Creates a body of its content; the name says whether it is JSON.
    #[must_use]
    pub(crate) fn new(name: &str, bytes: Bytes) -> Self {
        let text = || std::str::from_utf8(&bytes).map_or(Value::Null, Value::from);
        let value = match serde_json::from_slice(&bytes) {
            Ok(value) if is_json(name) => value,
            _ => text(),
        };
        Self { bytes, value }
    }
}

fn is_json(name: &str) -> bool {
    let extension = Path::new(name).extension();
    extension.is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

/// Reads the body at a path within a folder.
///
/// # Errors
///
/// Returns the reason why it cannot be read.
pub(super) fn read(folder: &Path, path: &str) -> Result<BodyFile, BodyFileError> {
    let is_inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if !Path::new(path).components().all(is_inside) {
        return Err(BodyFileError::Outside);
    }
    let found = folder.join(path).canonicalize();
    let found = found.map_err(|_| BodyFileError::Missing)?;
    // A link may lead out of the folder.
    let folder = folder.canonicalize().map_err(|_| BodyFileError::Missing)?;
    if !found.starts_with(folder) {
        return Err(BodyFileError::Outside);
    }
    let is_large = found
        .metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.len() > LARGEST_BODY);
    if is_large {
        return Err(BodyFileError::TooLarge);
    }
    let bytes = Bytes::from(read_file(&found)?);
    if is_json(path)
        && let Err(error) = serde_json::from_slice::<Value>(&bytes)
    {
        return Err(BodyFileError::NotJson(error.to_string()));
    }
    Ok(BodyFile::new(path, bytes))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_regular_files_within_the_folder_are_read() {
        let folder = std::env::temp_dir().join(format!("standin-body-file-{}", std::process::id()));
        fs::create_dir_all(folder.join("in/deep")).expect("can be made");
        let write = |name: &str, text: &str| {
            fs::write(folder.join(name), text).expect("can be written");
        };
        write("out.txt", "secret");
        write("in/a.json", "{\"a\": 1}");
        write("in/bad.json", "{");
        write("in/deep/b.txt", "b");
        let large = fs::File::create(folder.join("in/large.bin")).expect("can be made");
        large.set_len(LARGEST_BODY + 1).expect("can be set");
        let inside = folder.join("in");
        let error = |path: &str| read(&inside, path).expect_err("cannot be read");
        assert_eq!(
            read(&inside, "a.json").map(|body| body.value),
            Ok(serde_json::json!({"a": 1}))
        );
        assert_eq!(
            read(&inside, "deep/b.txt").map(|body| body.bytes),
            Ok(Bytes::from("b"))
        );
        assert_eq!(error("../out.txt"), BodyFileError::Outside);
        assert_eq!(error("/etc/hosts"), BodyFileError::Outside);
        assert_eq!(error("c.txt"), BodyFileError::Missing);
        assert_eq!(error("deep"), BodyFileError::Unreadable(FileError::Folder));
        assert_eq!(error("large.bin"), BodyFileError::TooLarge);
        assert!(matches!(error("bad.json"), BodyFileError::NotJson(_)));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(folder.join("out.txt"), inside.join("link.txt"))
                .expect("can be made");
            assert_eq!(error("link.txt"), BodyFileError::Outside);
        }
        fs::remove_dir_all(&folder).expect("can be removed");
    }
}
