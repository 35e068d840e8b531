//! Content of an entity that is no JSON: the text of a message, the bytes of a file.
//!
//! `infer` and `shared` find the operations that read or write it, and `entity` keeps it.
use http::Method;

use crate::contract::media::MediaRange;
use crate::contract::terms::MediaType;
use crate::contract::{Contract, Operation};
use crate::resource::address::Address;
use crate::resource::place::Slot;
use crate::schema::name::folded;

/// Last names of paths that have the content of an entity: `/files/{id}/content`.
const CONTENTS: [&str; 12] = [
    "content", "contents", "download", "upload", "raw", "data", "file", "media", "body", "blob",
    "binary", "bytes",
];

/// Returns true if a media type is that of a text or of a file, and not of a value.
#[must_use]
pub(crate) fn is_raw(media: &MediaType) -> bool {
    let range = &media.range;
    let is_form = range.essence().starts_with("multipart/") || range.essence().contains("form");
    let types = media.schema.as_ref().map(|schema| schema.own_types());
    let is_text = types.is_none_or(|types| types.is_empty() || types == ["string"]);
    let is_parsed = range.is_json() || range.is_xml() || range.sequence().is_some();
    !is_form && !is_parsed && is_text
}

/// Returns true if an operation may answer with the text or the bytes of an entity.
#[must_use]
pub(crate) fn is_shown(operation: &Operation) -> bool {
    let success = operation.success().map(|(_, response)| response);
    operation.method == Method::GET
        && success.is_some_and(|response| response.content.iter().any(is_raw))
}

/// Returns true if an operation may be sent the text or the bytes of an entity.
#[must_use]
pub(crate) fn is_sent(operation: &Operation) -> bool {
    let body = operation.compiled().body.as_ref();
    body.is_some_and(|body| body.content.iter().any(is_raw))
}

/// Returns true if an operation takes content of a media type as a text or as bytes. It may take other content, such
/// as JSON or a form, too.
#[must_use]
pub(crate) fn takes(operation: &Operation, sent: &MediaRange) -> bool {
    let content = operation.compiled().body.as_ref().map(|body| &body.content);
    let covering = content.into_iter().flatten();
    let covering = covering.filter(|media| media.range.covers(sent));
    covering
        .max_by_key(|media| media.range.specificity())
        .is_some_and(is_raw)
}

/// Returns true if an operation shows an entity, or the text or the bytes that others of its group are sent.
#[must_use]
pub(crate) fn is_read(
    operation: &Operation,
    slot: &Slot,
    contract: &Contract,
    group: &[(usize, Address)],
) -> bool {
    let mut group = group.iter();
    *slot != Slot::Nothing
        || is_shown(operation) && group.any(|(index, _)| is_sent(&contract.operations[*index]))
}

/// Returns true if an operation is sent a file, alone or in a form.
fn sends_file(operation: &Operation) -> bool {
    let body = operation.compiled().body.as_ref();
    let is_form = |media: &MediaType| media.range.essence() == "multipart/form-data";
    is_sent(operation) || body.is_some_and(|body| body.content.iter().any(is_form))
}

/// Returns true if an operation is about the content of the entity whose path it goes on from.
#[must_use]
pub(crate) fn is_content(operation: &Operation) -> bool {
    let last = operation.template.rsplit(['/', ':', '.']).next();
    let is_named = last.is_some_and(|last| CONTENTS.contains(&folded(last).as_str()));
    let writes = matches!(operation.method, Method::PUT | Method::POST);
    is_named && (is_shown(operation) || writes && sends_file(operation))
}

/// Returns true if an operation shows the content of the entities that `reader` reads: this one, or one below its
/// path.
#[must_use]
pub(crate) fn has_content(contract: &Contract, reader: &Operation) -> bool {
    let is_below = |operation: &&Operation| {
        let rest = operation.template.strip_prefix(reader.template.as_str());
        operation.document == reader.document
            && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':', '.']))
    };
    let mut below = contract.operations.iter().filter(is_below);
    below.any(|operation| {
        is_shown(operation) && (operation.template == reader.template || is_content(operation))
    })
}
