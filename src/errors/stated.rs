//! Status that a documented response for several statuses states in its examples or codes.
use http::StatusCode;
use serde_json::Value;

use crate::contract::DocumentedResponse;
use crate::errors::catalogue::role::MemberRole;
use crate::schema::Schema;

/// Returns the status, 400 or 422, that the examples of a response state, for a response for
/// several statuses: `{"status": 400, …}`.
pub(super) fn stated_status(response: &DocumentedResponse) -> Option<StatusCode> {
    let examples = response.content.iter().flat_map(|media| &media.examples);
    let of_value = |value: &Value| {
        let members = value.as_object()?.iter().chain(
            value
                .get("error")
                .and_then(Value::as_object)
                .into_iter()
                .flatten(),
        );
        let mut statuses = members
            .filter(|(name, _)| MemberRole::Status.fits(name))
            .filter_map(|(_, value)| value.as_u64());
        statuses.find_map(|status| StatusCode::from_u16(u16::try_from(status).ok()?).ok())
    };
    let mut stated = examples.filter_map(|example| of_value(example.value()));
    stated
        .find(|status| matches!(status.as_u16(), 400 | 422))
        .or_else(|| status_of_codes(response))
}

/// Returns the status, 400 or 422, that the error codes of a response are named after:
/// `invalid_request` (RFC 6749 §5.2), `bad_request`, `unprocessable_entity`.
fn status_of_codes(response: &DocumentedResponse) -> Option<StatusCode> {
    let schemas = response
        .content
        .iter()
        .filter_map(|media| media.schema.as_ref());
    let examples = response.content.iter().flat_map(|media| &media.examples);
    schemas
        .flat_map(|schema| codes(schema, schema.tree(), 0))
        .chain(examples.flat_map(|example| shown_codes(example.value(), 0)))
        .find_map(|code| {
            let code = crate::schema::name::folded(code);
            match code.strip_suffix("error").unwrap_or(&code) {
                "invalidrequest" | "badrequest" => Some(StatusCode::BAD_REQUEST),
                "unprocessable" | "unprocessableentity" => Some(StatusCode::UNPROCESSABLE_ENTITY),
                _ => None,
            }
        })
}

/// Returns the texts of the members for error codes in an example, up to 3 objects deep.
fn shown_codes(example: &Value, depth: usize) -> Vec<&str> {
    const DEEPEST: usize = 3;
    let mut found = Vec::new();
    for (name, member) in example.as_object().into_iter().flatten() {
        match member {
            Value::String(code) if MemberRole::Code.fits(name) => found.push(code.as_str()),
            member if depth < DEEPEST => found.extend(shown_codes(member, depth + 1)),
            _ => {}
        }
    }
    found
}

/// Returns the texts that members for error codes may have, up to 3 objects deep.
fn codes<'s>(schema: &'s Schema, node: &'s Value, depth: usize) -> Vec<&'s str> {
    const DEEPEST: usize = 3;
    let mut found = Vec::new();
    for (name, property) in schema.properties(node) {
        let property = schema.resolve(property);
        if let Some(allowed) = property.get("enum").and_then(Value::as_array) {
            let allowed = allowed.iter().filter_map(Value::as_str);
            found.extend(allowed.filter(|_| MemberRole::Code.fits(name)));
        } else if depth < DEEPEST {
            found.extend(codes(schema, property, depth + 1));
        }
    }
    found
}
