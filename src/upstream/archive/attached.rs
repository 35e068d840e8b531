//! Contents beside a HAR: files that Playwright names by the SHA-1 of what is in them.
//!
//! They are in the zip of the HAR, or in its folder. Only names of that form are opened, so that a
//! HAR cannot lead to other files. Nothing of a zip is ever written.
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use ::zip::ZipArchive;
use ::zip::read::ZipFile;
use ::zip::result::ZipError;

use crate::upstream::archive::bounds::{LARGEST_ARCHIVE, MOST_FILES};
use crate::upstream::archive::entry::ArchiveError;

/// Source of attached contents.
#[derive(Debug)]
pub(super) enum Attachments {
    /// Folder of a HAR.
    Folder(PathBuf),
    /// Zip that the HAR is in.
    Zip(Box<ZipArchive<File>>),
}

/// Attached content that was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Attached {
    Content(Vec<u8>),
    /// Content above this limit in bytes.
    TooLarge(usize),
    /// Sentence with the reason why there is none.
    Missing(String),
}

impl Attachments {
    /// Reads a content of at most `most` bytes.
    pub(super) fn read(&mut self, name: &str, most: usize) -> Attached {
        if !is_name(name) {
            return Attached::Missing(format!(
                "`{name}` is no name of an attached file; such a name is a SHA-1 with an extension"
            ));
        }
        match self {
            Self::Folder(folder) => of_folder(&folder.join(name), most),
            Self::Zip(archive) => match archive.by_name(name) {
                Ok(file) => read_all(file, most),
                Err(error) => {
                    Attached::Missing(format!("`{name}` cannot be read: {}", why(&error)))
                }
            },
        }
    }
}

/// Returns true for 40 hexadecimal digits, with or without an extension of letters and digits.
fn is_name(name: &str) -> bool {
    const DIGITS: usize = 40;
    let (digits, extension) = name.split_once('.').unwrap_or((name, ""));
    digits.len() == DIGITS
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn of_folder(path: &Path, most: usize) -> Attached {
    let missing =
        |why: &str| Attached::Missing(format!("`{}` cannot be read: {why}", path.display()));
    // A link could lead out of the folder, and a pipe would block.
    match path.symlink_metadata() {
        Ok(metadata) if !metadata.is_file() => missing("it is not a regular file"),
        Ok(_) => match File::open(path) {
            Ok(file) => read_all(file, most),
            Err(error) => missing(&error.to_string()),
        },
        Err(error) => missing(&error.to_string()),
    }
}

fn read_all(file: impl Read, most: usize) -> Attached {
    let mut content = Vec::new();
    match file.take(most as u64 + 1).read_to_end(&mut content) {
        Ok(_) if content.len() > most => Attached::TooLarge(most),
        Ok(_) => Attached::Content(content),
        Err(error) => Attached::Missing(format!("it cannot be read: {error}")),
    }
}

/// Opens a zip.
///
/// # Errors
///
/// Returns an error if it is no zip, or has more than [`MOST_FILES`] files.
pub(super) fn open(mut file: File) -> Result<ZipArchive<File>, ArchiveError> {
    let too_many = || ArchiveError::Zip(format!("the zip has more than {MOST_FILES} files"));
    // The directory is read as a whole, so that its size is looked at before.
    if entries(&mut file)?.is_some_and(|entries| entries > MOST_FILES) {
        return Err(too_many());
    }
    let archive = ZipArchive::new(file)
        .map_err(|error| ArchiveError::Zip(format!("the zip cannot be read: {}", why(&error))))?;
    if archive.len() > MOST_FILES {
        return Err(too_many());
    }
    Ok(archive)
}

/// Returns the number of files that the end of a zip tells (APPNOTE.TXT §4.3.16). One with 65535 files
/// or more tells 65535.
fn entries(file: &mut File) -> std::io::Result<Option<usize>> {
    const SIGNATURE: &[u8] = b"PK\x05\x06";
    const LENGTH: usize = 22;
    const LONGEST_COMMENT: u64 = 65_535;
    let size = file.metadata()?.len();
    let start = size.saturating_sub(LENGTH as u64 + LONGEST_COMMENT);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.by_ref().take(size - start).read_to_end(&mut tail)?;
    file.rewind()?;
    let at = tail
        .windows(LENGTH)
        .rposition(|window| window.starts_with(SIGNATURE));
    Ok(at.map(|at| usize::from(u16::from_le_bytes([tail[at + 10], tail[at + 11]]))))
}

/// Returns the names of the files in a zip that may be a HAR or a collection, by their extension.
pub(super) fn recordings(archive: &ZipArchive<File>) -> Vec<String> {
    let with = |ending: &str| -> Vec<String> {
        let names = archive.file_names();
        let own = names.filter(|name| name.to_ascii_lowercase().ends_with(ending));
        own.map(str::to_owned).collect()
    };
    let hars = with(".har");
    if hars.is_empty() { with(".json") } else { hars }
}

/// Opens a file in a zip.
///
/// # Errors
///
/// Returns an error if it is beyond the bounds, encrypted, or of another compression than deflate.
pub(super) fn file<'z>(
    archive: &'z mut ZipArchive<File>,
    name: &str,
) -> Result<ZipFile<'z, File>, ArchiveError> {
    let file = archive.by_name(name).map_err(|error| {
        ArchiveError::Zip(format!(
            "`{name}` in the zip cannot be read: {}",
            why(&error)
        ))
    })?;
    if file.size() > LARGEST_ARCHIVE {
        return Err(ArchiveError::TooLarge(LARGEST_ARCHIVE));
    }
    Ok(file)
}

fn why(error: &ZipError) -> String {
    match error {
        ZipError::FileNotFound => "there is no such file".to_owned(),
        ZipError::UnsupportedArchive(_) => {
            format!("{error}; expected the compression `deflate` or none, without a password")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::{Cursor, Write as _};

    use super::*;

    /// Returns a zip with files.
    pub(in crate::upstream::archive) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ::zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            let options = ::zip::write::SimpleFileOptions::default()
                .compression_method(::zip::CompressionMethod::Deflated);
            writer.start_file(*name, options).expect("can be added");
            writer.write_all(content).expect("can be written");
        }
        writer.finish().expect("can be written").into_inner()
    }

    #[test]
    fn only_names_of_contents_are_opened() {
        let digits = "0123456789abcdef0123456789abcdef01234567";
        for name in [digits.to_owned(), format!("{digits}.json")] {
            assert!(is_name(&name), "{name}");
        }
        for name in [
            String::new(),
            "har.har".to_owned(),
            format!("../{digits}"),
            format!("{digits}/x"),
            format!("{digits}.a/b"),
            format!("{digits}.a.b"),
            digits[1..].to_owned(),
        ] {
            assert!(!is_name(&name), "{name}");
        }
        let mut folder = Attachments::Folder(PathBuf::from("."));
        let refused = folder.read("../Cargo.toml", 10);
        assert!(matches!(refused, Attached::Missing(_)), "{refused:?}");
    }
}
