//! Bounds of what is read of a file of recorded traffic.

/// Maximum size of a file in bytes, also of one inside of a zip: 1 GiB. A larger one is refused.
pub(crate) const LARGEST_ARCHIVE: u64 = 1024 * 1024 * 1024;

/// Maximum number of JSON values of one entry; an entry with more is left out, and listed.
pub(super) const MOST_VALUES_OF_AN_ENTRY: usize = 200_000;

/// Maximum number of JSON values of a Postman collection; a larger one is refused.
pub(super) const MOST_VALUES_OF_A_COLLECTION: usize = 4_000_000;

/// Longest text in bytes that is read, in base64 or not: 96 MiB. A longer one counts as absent.
pub(super) const LONGEST_TEXT: usize = 96 * 1024 * 1024;

/// Maximum number of files in a zip; one with more is refused.
pub(super) const MOST_FILES: usize = 20_000;

/// Maximum number of faults of a file that are listed; more are counted.
pub(crate) const MOST_FAULTS: usize = 100;

/// Deepest folder of a Postman collection; deeper ones are left out, and listed.
pub(super) const DEEPEST_FOLDER: usize = 50;

/// Deepest variable inside of the value of another one; deeper ones stay as they are.
pub(super) const DEEPEST_VARIABLE: usize = 10;

/// Longest text in bytes after its variables are replaced; further ones stay as they are.
pub(super) const LONGEST_EXPANSION: usize = 16 * 1024 * 1024;
