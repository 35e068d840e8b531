//! What is read and posted.

/// A path that reads an entity which is there from the beginning.
pub(crate) const KEPT: &str = "/api/v1/kept/a1";

/// A contact that is valid.
pub(crate) const CONTACT: &str = r#"{"name":"John Doe","emails":["john@example.com"],"phones":["123456789"],"contactManager":"bTcrDBrbjNmPyrnPh"}"#;

/// A contact that is not: it has no `emails`.
pub(crate) const WRONG_CONTACT: &str =
    r#"{"name":"John Doe","phones":["123456789"],"contactManager":"bTcrDBrbjNmPyrnPh"}"#;
