//! Does any value fit a schema?
//!
//! Finds the contradictory schemas that are reported when a document is inspected.
use jsonschema::Draft;
use jsonschema::canonical::{Cause, UnsatisfiableReason, options};
use serde_json::Value;

/// Returns the keywords that contradict each other, in words, if it can be proved that no value
/// fits `schema`: "`maximum` and `minimum`".
///
/// References are not followed: the schema must have none.
#[must_use]
pub(crate) fn contradiction(schema: &Value) -> Option<String> {
    let prepared = options()
        .with_draft(Draft::Draft202012)
        .offline()
        .prepare(schema)
        .ok()?;
    let mut reasons = prepared.unsatisfiable().ok()?;
    let causes = match reasons.remove("")? {
        UnsatisfiableReason::Literal => return None,
        UnsatisfiableReason::Empty(cause) => vec![cause],
        UnsatisfiableReason::Conflict(causes) => causes,
    };
    let mut names: Vec<String> = causes.iter().flat_map(named).collect();
    names.dedup();
    let last = names.pop()?;
    Some(if names.is_empty() {
        last
    } else {
        format!("{} and {last}", names.join(", "))
    })
}

/// Returns the keywords of a cause: `` `minimum` ``, or `` `allOf/0/minimum` `` for a nested one.
pub(crate) fn named(cause: &Cause) -> Vec<String> {
    let at = cause.pointer.trim_start_matches('/');
    if cause.keywords.is_empty() {
        return vec![format!("`{at}`")];
    }
    let slash = if at.is_empty() { "" } else { "/" };
    cause
        .keywords
        .iter()
        .map(|keyword| format!("`{at}{slash}{keyword}`"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn contradictions_are_named() {
        let of = |schema: Value| contradiction(&schema);
        assert_eq!(
            of(json!({"type": "integer", "minimum": 5, "maximum": 9})),
            None
        );
        let bounds =
            of(json!({"type": "integer", "minimum": 5, "maximum": 3})).expect("nothing fits");
        assert!(
            bounds.contains("`maximum`") && bounds.contains("`minimum`"),
            "{bounds}"
        );
        assert!(of(json!({"type": "string", "enum": [1, 2]})).is_some());
        assert!(of(json!({"allOf": [{"type": "string"}, {"type": "object"}]})).is_some());
    }
}
