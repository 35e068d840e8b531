//! Requests that the API sends: the callbacks of an operation, and the webhooks of a document.
//!
//! `outline` finds them beside the operations; `exchange::outgoing` makes a request of one.
use serde_json::Value;

use crate::document::reference::resolve;
use crate::document::syntax::join;

/// Path item of a request that the API sends.
pub(super) struct OutgoingItem<'t> {
    /// Name of the callback or of the webhook.
    pub name: &'t str,
    /// URL with runtime expressions, for a callback.
    pub expression: Option<&'t str>,
    /// Place among the requests of one operation.
    pub order: i64,
    /// Path item, with its reference followed.
    pub value: &'t Value,
    /// JSON Pointer of the path item.
    pub at: String,
}

/// Maximum number of requests that are read of one operation, and of the webhooks of a document;
/// further ones are not sent.
const MOST_ITEMS: usize = 1000;

/// Returns the path items of the callbacks of an operation, in the order in which they are sent.
pub(super) fn callbacks<'t>(
    tree: &'t Value,
    operation: &'t Value,
    at: &str,
) -> Vec<OutgoingItem<'t>> {
    let mut items = Vec::new();
    let at = join(at, "callbacks");
    let callbacks = operation.get("callbacks").and_then(Value::as_object);
    for (name, callback) in callbacks.into_iter().flatten() {
        let Ok(end) = resolve(tree, callback, &join(&at, name)) else {
            continue;
        };
        let order = order_of(end.value).unwrap_or_default();
        for (expression, item) in end.value.as_object().into_iter().flatten() {
            if expression.starts_with("x-") {
                continue;
            }
            let Ok(item) = resolve(tree, item, &join(&end.pointer, expression)) else {
                continue;
            };
            items.push(OutgoingItem {
                name,
                expression: Some(expression),
                order: order_of(item.value).unwrap_or(order),
                value: item.value,
                at: item.pointer,
            });
        }
    }
    items.truncate(MOST_ITEMS);
    items.sort_by_key(|item| item.order);
    items
}

/// Returns the path items of the webhooks of a document.
pub(super) fn webhooks(tree: &Value) -> Vec<OutgoingItem<'_>> {
    let mut items = Vec::new();
    let webhooks = tree.get("webhooks").and_then(Value::as_object);
    for (name, item) in webhooks.into_iter().flatten().take(MOST_ITEMS) {
        if let Ok(item) = resolve(tree, item, &join("/webhooks", name)) {
            items.push(OutgoingItem {
                name,
                expression: None,
                order: 0,
                value: item.value,
                at: item.pointer,
            });
        }
    }
    items
}

/// Returns the place that `x-microcks-callback` gives a callback.
fn order_of(value: &Value) -> Option<i64> {
    value.get("x-microcks-callback")?.get("order")?.as_i64()
}
