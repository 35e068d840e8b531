//! Content of an entity that is no JSON: the text of a message, the bytes of a file.
//!
//! `infer` and `shared` find the operations that read or write it, and `entity` keeps it.
use http::Method;

use crate::contract::terms::MediaType;
use crate::contract::{Contract, Operation};
use crate::resource::address::Address;
use crate::schema::name::folded;

/// Last names of paths that have the content of an entity: `/files/{id}/content`.
const CONTENTS: [&str; 12] = [
    "content", "contents", "download", "upload", "raw", "data", "file", "media", "body", "blob",
    "binary", "bytes",
];

/// Returns true if the media types are those of texts or of files, and not of values.
fn are_raw(content: &[MediaType]) -> bool {
    let is_raw = |media: &MediaType| {
        let range = &media.range;
        let is_form = range.essence().starts_with("multipart/") || range.essence().contains("form");
        let types = media.schema.as_ref().map(|schema| schema.own_types());
        let is_text = types.is_none_or(|types| types.is_empty() || types == ["string"]);
        let is_parsed = range.is_json() || range.is_xml() || range.sequence().is_some();
        !is_form && !is_parsed && is_text
    };
    !content.is_empty() && content.iter().all(is_raw)
}

/// Returns true if an operation answers with the text or the bytes of an entity.
#[must_use]
pub(crate) fn is_shown(operation: &Operation) -> bool {
    let success = operation.success().map(|(_, response)| response);
    operation.method == Method::GET && success.is_some_and(|response| are_raw(&response.content))
}

/// Returns true if an operation is sent the text or the bytes of an entity.
#[must_use]
pub(crate) fn is_sent(operation: &Operation) -> bool {
    let body = operation.compiled().body.as_ref();
    body.is_some_and(|body| are_raw(&body.content))
}

/// Returns true if an operation shows the text or the bytes of an entity that others of its group are sent.
#[must_use]
pub(crate) fn is_read(
    operation: &Operation,
    contract: &Contract,
    group: &[(usize, Address)],
) -> bool {
    let mut group = group.iter();
    is_shown(operation) && group.any(|(index, _)| is_sent(&contract.operations[*index]))
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
