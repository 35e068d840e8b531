//! Recognizes collections and their version.
use serde_json::Value;

use crate::upstream::archive::entry::ArchiveError;

/// Collection of the version 2.0 or 2.1, which differ in how they write the parameters of `auth` only.
#[derive(Debug)]
pub(in crate::upstream::archive) struct Collection(pub(super) Value);

impl Collection {
    /// Returns the collection that a JSON object is; also below `collection`, as the API of Postman
    /// wraps it.
    ///
    /// # Errors
    ///
    /// Returns an error that says what the object is, if it is another one.
    pub(in crate::upstream::archive) fn of(mut file: Value) -> Result<Self, ArchiveError> {
        let unknown = |text: &str| Err(ArchiveError::Unknown(text.to_owned()));
        if file["collection"].is_object() {
            file = file["collection"].take();
        }
        let has = |name: &str| file.get(name).is_some();
        if has("item") && file["info"].is_object() {
            return Ok(Self(file));
        }
        if has("requests") && has("order") {
            return unknown(
                "it is a Postman collection 1.0; expected 2.0 or 2.1, as Postman exports it today",
            );
        }
        if has("values") && has("_postman_variable_scope") {
            return unknown(
                "it is an environment of Postman, without requests; expected a collection",
            );
        }
        if has("openapi") || has("swagger") {
            return unknown(
                "it is an OpenAPI document; expected recorded traffic before it: HAR, a zip with HAR, or a Postman collection",
            );
        }
        unknown(
            "it is no recorded traffic; expected HAR (`log` with `entries`), a zip with HAR, or a Postman collection (`info` and `item`)",
        )
    }
}
