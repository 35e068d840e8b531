//! Extents: the parts of a linked tree, and the structure of the root document.
use crate::document::shape::ObjectKind;

/// Kind and JSON Pointer of a part of a tree; repairs, upgrades and checks begin there.
pub(super) type Extent = (ObjectKind, String);

/// Structure of the root document: OpenAPI 2.0 or 3.x.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// OpenAPI 2.0.
    V2,
    /// OpenAPI 3.0 and later.
    V3,
}
