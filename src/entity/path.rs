//! Builds the paths below which entities are read.
use crate::codec::text::encode;
use crate::contract::Operation;
use crate::entity::EntityRequest;

impl EntityRequest<'_> {
    /// Returns the path at which an entity is read, with the base path of the request; `None` if
    /// no operation reads it.
    #[must_use]
    pub(crate) fn place_of(&self, key: &str) -> Option<String> {
        let reader = &self.context.contract.operations[self.collection.reader?];
        let scope: Vec<String> = self.scope.iter().map(|(_, value)| value.clone()).collect();
        let path = path_of(reader, &scope, key)?;
        let base = reader
            .bases
            .iter()
            .find(|base| self.context.path.starts_with(base.as_str()));
        Some(format!(
            "{}{path}",
            base.map(String::as_str).unwrap_or_default()
        ))
    }
}

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
