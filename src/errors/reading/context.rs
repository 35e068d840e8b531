//! Context in which an example of an error is read, and the fault that the example is about.
use http::StatusCode;

use crate::errors::catalogue::idiom::Idiom;
use crate::errors::reading::names::Names;
use crate::schema::schemas::Schema;

/// Fault that an example is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct About {
    /// Rule that is violated, such as `required`.
    pub rule: &'static str,
    /// Names of the field; empty if the example names no field.
    pub names: Vec<String>,
    /// True if a message words the fault, and not only a code.
    pub is_worded: bool,
    /// True if one text joins several messages.
    pub is_joined: bool,
}

/// Context in which examples are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'c> {
    /// Names in the requests of the operation.
    pub names: &'c Names,
    /// Schema of the body.
    pub schema: Option<&'c Schema>,
    /// Status of the documented response; 400 for a range or `default`.
    pub status: StatusCode,
    /// Codes that the document shows elsewhere, each with the name of its member.
    pub codes: &'c [(String, String)],
    /// Family whose messages the document has elsewhere.
    pub idiom: Option<&'static Idiom>,
    /// Path template of the operation.
    pub url: Option<&'c str>,
}
