//! Addresses of the parts of an operation in its document.
use http::StatusCode;
use serde_json::Value;

use crate::contract::{Contract, Operation, StatusPattern};
use crate::document::reference::resolve;
use crate::document::syntax::{find, join};

/// Returns method and path template of an operation, by which drift is kept: `GET /pets/{id}`.
pub(super) fn operation_key(operation: &Operation) -> String {
    format!("{} {}", operation.method, operation.path_key())
}

/// Returns the key of `responses` that covers a status.
pub(super) fn pattern_of(operation: &Operation, status: StatusCode) -> Option<StatusPattern> {
    let patterns = operation
        .compiled()
        .responses
        .iter()
        .map(|(pattern, _)| *pattern);
    patterns.filter(|pattern| pattern.covers(status)).min()
}

/// Returns the JSON Pointer of an operation, references of its path item followed.
pub(super) fn operation_pointer(contract: &Contract, operation: &Operation) -> String {
    let root = contract.documents[operation.document].tree();
    let pointer = operation.place.pointer();
    if find(root, pointer).is_some() {
        return pointer.to_owned();
    }
    let (item, method) = pointer.rsplit_once('/').unwrap_or((pointer, ""));
    let followed = find(root, item).and_then(|value| resolve(root, value, item).ok());
    followed.map_or_else(
        || pointer.to_owned(),
        |item| format!("{}/{method}", item.pointer),
    )
}

/// Returns the JSON Pointer of a response, references followed.
pub(super) fn response_pointer(
    contract: &Contract,
    operation: &Operation,
    pattern: StatusPattern,
) -> String {
    let root = contract.documents[operation.document].tree();
    let responses = join(&operation_pointer(contract, operation), "responses");
    let keys = find(root, &responses).and_then(Value::as_object);
    let key = keys.and_then(|keys| {
        keys.keys()
            .find(|key| StatusPattern::parse(key) == Some(pattern))
    });
    let Some(key) = key else { return responses };
    let pointer = join(&responses, key);
    let followed = find(root, &pointer).and_then(|value| resolve(root, value, &pointer).ok());
    followed.map_or(pointer, |end| end.pointer)
}

/// Returns the JSON Pointer of the request body of an operation, references followed; that of the
/// operation if it has none.
pub(super) fn request_pointer(contract: &Contract, operation: &Operation) -> String {
    let root = contract.documents[operation.document].tree();
    let at = operation_pointer(contract, operation);
    let pointer = join(&at, "requestBody");
    let followed = find(root, &pointer).and_then(|value| resolve(root, value, &pointer).ok());
    followed.map_or(at, |end| end.pointer)
}
