//! Keeps fetched texts in a folder, each in a file of its own, with the entity tag beside it.
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::document::regular_file::read_file;

/// Place of a URI in the cache.
#[derive(Debug, Clone)]
pub(super) struct CacheEntry {
    path: PathBuf,
}

impl CacheEntry {
    /// Returns the place of a URI: readable, and different for different URIs.
    pub(super) fn of(folder: &Path, uri: &str) -> Self {
        const LONGEST: usize = 80;
        let hash = uri.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let plain = uri.split("://").nth(1).unwrap_or(uri).chars();
        let plain = plain.map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') {
                c
            } else {
                '_'
            }
        });
        let plain: String = plain.take(LONGEST).collect();
        Self {
            path: folder.join(format!("{plain}-{hash:016x}")),
        }
    }

    /// Returns the kept bytes; `None` if there are none that can be read.
    pub(super) fn read(&self) -> Option<Vec<u8>> {
        read_file(&self.path).ok()
    }

    /// Returns the entity tag of the kept bytes, if it can be sent in a header field.
    pub(super) fn tag(&self) -> Option<String> {
        let tag = String::from_utf8(read_file(&self.tag_path()).ok()?).ok()?;
        http::HeaderValue::try_from(&tag).is_ok().then_some(tag)
    }

    /// Keeps a text and its entity tag. Without a kept text the next start fetches it again, which
    /// deserves no message, so errors are ignored.
    pub(super) fn keep(&self, text: &str, tag: Option<&str>) {
        let is_kept = write(&self.path, text.as_bytes()).is_ok();
        let _tagged = match tag.filter(|_| is_kept) {
            Some(tag) => write(&self.tag_path(), tag.as_bytes()),
            None => fs::remove_file(self.tag_path()),
        };
    }

    fn tag_path(&self) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(".etag");
        name.into()
    }
}

/// Writes a file beside and renames it, so that an interrupted start leaves no half-written file.
/// A file that is there already is replaced; a link is not followed.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(part);
    let mut options = OpenOptions::new();
    let written = options
        .write(true)
        .create_new(true)
        .open(&part)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        let _removed = fs::remove_file(&part);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_uri_has_a_file_of_its_own_inside_of_the_cache() {
        let folder = Path::new("/cache");
        let (a, b) = (
            CacheEntry::of(folder, "https://e.com/../../a?x=1").path,
            CacheEntry::of(folder, "https://e.com/../../a?x=2").path,
        );
        assert_ne!(a, b);
        assert_eq!(a.parent(), Some(folder));
    }

    #[test]
    fn a_text_is_kept_with_its_tag_and_without_the_tag_of_another() {
        let folder = std::env::temp_dir().join(format!("standin-cache-{}", std::process::id()));
        let entry = CacheEntry::of(&folder, "https://e.com/a");
        assert_eq!((entry.read(), entry.tag()), (None, None));
        entry.keep("one", Some("\"1\""));
        assert_eq!(entry.read(), Some(b"one".to_vec()));
        assert_eq!(entry.tag(), Some("\"1\"".to_owned()));
        entry.keep("two", None);
        assert_eq!((entry.read(), entry.tag()), (Some(b"two".to_vec()), None));
        entry.keep("three", Some("two\nlines"));
        assert_eq!(entry.tag(), None);
        fs::remove_dir_all(folder).expect("it is there");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_cache_is_replaced_and_not_followed() {
        let folder = std::env::temp_dir().join(format!("standin-link-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("there is room");
        let victim = folder.join("victim");
        fs::write(&victim, "mine").expect("there is room");
        let entry = CacheEntry::of(&folder, "https://e.com/a");
        std::os::unix::fs::symlink(&victim, &entry.path).expect("links work");
        entry.keep("theirs", None);
        assert_eq!(fs::read_to_string(&victim).expect("it is there"), "mine");
        assert_eq!(entry.read(), Some(b"theirs".to_vec()));
        fs::remove_dir_all(folder).expect("it is there");
    }
}
