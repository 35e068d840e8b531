//! Tells from the name and schema of a member what it holds in an error.
use serde_json::Value;

use crate::errors::catalogue::role::MemberRole;
use crate::schema::Schema;
use crate::schema::name::folded;

/// Position of a member in an error body.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct MemberContext<'a> {
    /// Name of the member; empty for the body itself, and for items that are not texts.
    pub(super) name: &'a str,
    /// Names of the members of the same object, reduced to letters and digits in lower case.
    pub(super) beside: &'a [String],
    /// True inside an entry for one field.
    pub(super) in_list: bool,
    /// Nesting of the member; 0 for the body itself.
    pub(super) depth: usize,
    /// Name of the member in the same object that holds the message; empty if no member does.
    pub(super) message: &'a str,
}

/// Returns true if `error` is a code because a message is beside it, such as OAuth's
/// `error_description`.
pub(crate) fn is_rather_code(key: &str, around: &MemberContext<'_>) -> bool {
    key == "error"
        && around
            .beside
            .iter()
            .any(|other| MemberRole::Message.fits(other) && other != "error")
}

/// Returns true if a member names the wrong field, rather than something else under the same name.
pub(crate) fn is_field(key: &str, around: &MemberContext<'_>) -> bool {
    let has_words = around.beside.iter().any(|other| {
        matches!(
            other.as_str(),
            "message"
                | "msg"
                | "reason"
                | "description"
                | "detail"
                | "issue"
                | "error"
                | "code"
                | "text"
                | "errormessage"
                | "errormsg"
                | "errortext"
                | "errorcode"
        )
    });
    match key {
        "name" | "key" | "path" | "location" | "source" | "target" | "input" | "subject"
        | "column" | "element" => {
            let is_better = around.beside.iter().any(|other| {
                other != key
                    && matches!(
                        other.as_str(),
                        "field" | "param" | "parameter" | "property" | "propertypath" | "pointer"
                    )
            });
            around.in_list && has_words && !is_better || key == "target" && has_words
        }
        "fields" | "params" | "missing" | "expression" | "param" | "parameter" | "field"
        | "fieldname" | "property" | "pointer" => true,
        _ => around.in_list || has_words,
    }
}

/// Returns the value of a success or failure flag in an error; `None` for any other member.
pub(crate) fn flag(name: &str) -> Option<bool> {
    if MemberRole::Failure.fits(name) {
        return Some(true);
    }
    MemberRole::Success.fits(name).then_some(false)
}

/// Returns how much a property tells about a wrong field: 5 for a list of objects, 2 for a message,
/// 1 for the name of the field.
pub(crate) fn worth(schema: &Schema, (name, node): (&str, &Value)) -> usize {
    let has_entries = schema
        .items(node)
        .is_some_and(|item| !schema.properties(item).is_empty());
    let is_list = MemberRole::List.fits(name) && has_entries;
    usize::from(is_list) * 5
        + usize::from(MemberRole::Message.fits(name)) * 2
        + usize::from(MemberRole::Field.fits(name))
}

/// Returns true if an object of this name is a part of an error.
pub(crate) fn is_of_error(name: &str) -> bool {
    let folded = folded(name);
    let says = [
        "error",
        "fault",
        "problem",
        "violation",
        "status",
        "result",
        "response",
        "exception",
        "failure",
        "invalid",
        "meta",
        "extension",
    ];
    says.iter().any(|word| folded.contains(word))
        || MemberRole::List.fits(name)
        || MemberRole::Message.fits(name)
}

/// Returns true if a member is kept although it does not depend on the fault, such as the time or
/// the identifier of the request.
pub(crate) fn is_kept(name: &str) -> bool {
    (MemberRole::When.fits(name) || MemberRole::Request.fits(name))
        && folded(name) != "at"
        && folded(name) != "ref"
}
