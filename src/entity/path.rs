//! Builds the paths below which entities are read.
use crate::entity::EntityRequest;
use crate::entity::expand::path_of;

impl EntityRequest<'_> {
    /// Returns the path at which an entity is read, with the base path of the request; `None` if
    /// no operation reads it.
    #[must_use]
    pub(crate) fn place_of(&self, key: &str) -> Option<String> {
        let reader = &self.context.contract.operations[self.collection.reader?];
        // Entities that other paths add are read without the values of those paths.
        let scope = self.scope.iter().take(self.collection.scope);
        let scope: Vec<String> = scope.map(|(_, value)| value.clone()).collect();
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
