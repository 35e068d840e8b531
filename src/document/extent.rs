//! Which part of a linked tree comes from which file, and what structure it has.
use crate::document::shape::Kind;

/// A part of a tree and what it is: where repairs, upgrades and checks begin.
pub type Extent = (Kind, String);

/// Of which structure a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// OpenAPI 2.0.
    V2,
    /// 3.0 and later.
    V3,
}
