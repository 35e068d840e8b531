//! What an example of an error is read with, and what it speaks of.
use http::StatusCode;

use crate::errors::catalogue::idiom::Idiom;
use crate::errors::reading::names::Names;
use crate::schema::schemas::Schema;

/// What an example speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The rule.
    pub rule: &'static str,
    /// The names of the field.
    pub names: Vec<String>,
    /// Whether it is said in words, and not by a code only.
    pub is_worded: bool,
    /// Whether it joins several sentences in one text.
    pub is_joined: bool,
}

/// What examples are read with.
#[derive(Debug, Clone, Copy)]
pub struct Context<'c> {
    /// The names of the request.
    pub names: &'c Names,
    /// The schema of the body.
    pub schema: Option<&'c Schema>,
    /// The status that it is documented for.
    pub status: StatusCode,
    /// Codes by the name of their member that the document shows elsewhere.
    pub codes: &'c [(String, String)],
    /// Whose sentences the document has elsewhere.
    pub idiom: Option<&'static Idiom>,
    /// The path template of the operation.
    pub url: Option<&'c str>,
}
