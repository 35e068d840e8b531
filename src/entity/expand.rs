//! Expands the path templates of operations that read entities.
use crate::codec::text::encode;
use crate::contract::Operation;

/// Scheme and host that stand for the sandbox in stored entities.
pub(crate) const OWN_HOST: &str = "http://standin.localhost";

/// Expands the path template of an operation with the values of `scope` and the segments of `key`;
/// `None` if there are too few values.
#[must_use]
pub(crate) fn path_of(reader: &Operation, scope: &[String], key: &str) -> Option<String> {
    // Only a key of several segments is split at slashes; in any other a slash is text.
    let parts = reader
        .compiled()
        .path_names
        .len()
        .saturating_sub(scope.len())
        .max(1);
    let mut values = scope
        .iter()
        .map(String::as_str)
        .chain(key.splitn(parts, '/'));
    let mut path = String::new();
    for part in reader.template.split_inclusive('}') {
        match part.split_once('{') {
            Some((before, _)) => {
                path.push_str(before);
                path.push_str(&encode(values.next()?));
            }
            None => path.push_str(part),
        }
    }
    Some(path)
}
