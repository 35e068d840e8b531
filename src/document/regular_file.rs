//! Reads regular files, within a bound of size.
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::document::bounds::LARGEST_FILE;

/// Reason why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FileError {
    /// Path of a folder.
    #[error("it is a folder")]
    Folder,
    /// Path of a pipe or a device.
    #[error("it is not a regular file; what is not in a file is read from standard input, as `-`")]
    NotRegular,
    /// File that is larger than [`LARGEST_FILE`].
    #[error("it has more than {LARGEST_FILE} bytes")]
    TooLarge,
    /// Content that is not text.
    #[error("it is not text in UTF-8 or UTF-16")]
    NotText,
    /// Refusal of the system, with its message.
    #[error("{message}")]
    Refused { message: String },
}

impl From<std::io::Error> for FileError {
    fn from(error: std::io::Error) -> Self {
        Self::Refused {
            message: error.to_string(),
        }
    }
}

/// Reads a regular file.
///
/// # Errors
///
/// Returns the reason why it cannot be read: it is a folder, a pipe or a device, it is larger than
/// [`LARGEST_FILE`], or the system refuses.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, FileError> {
    // Opening a pipe would block.
    let metadata = path.metadata()?;
    if metadata.is_dir() {
        return Err(FileError::Folder);
    }
    if !metadata.is_file() {
        return Err(FileError::NotRegular);
    }
    let file = File::open(path)?;
    let mut bytes =
        Vec::with_capacity(usize::try_from(metadata.len().min(LARGEST_FILE)).unwrap_or_default());
    // The file may have grown, or report no size, as those of `/proc` do.
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(FileError::TooLarge);
    }
    Ok(bytes)
}
