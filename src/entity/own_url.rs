//! URLs of entities in an answer: where does the client reach them?
//!
//! Stored entities have their URLs with a host that stands for the sandbox, whatever host clients use for it. `body`
//! writes the one of the request.
use serde_json::Value;

use crate::entity::EntityRequest;
use crate::entity::expand::OWN_HOST;

/// Maximum number of levels of a value that are searched for URLs; deeper ones keep the host that stands for the
/// sandbox.
const DEEPEST: usize = 32;

impl EntityRequest<'_> {
    /// Returns a value with the host and the path prefix of the request in the URLs of entities; `None` if it has no
    /// such URLs. `target` is the URL of the request.
    #[must_use]
    pub(crate) fn with_urls(&self, target: &str, value: &Value) -> Option<Value> {
        if !has_url(value, 0) {
            return None;
        }
        let path = target.split('?').next().unwrap_or_default();
        let host = path.strip_suffix(self.context.path).unwrap_or_default();
        let mut bases = self.operation.bases.iter();
        let base = bases.find(|base| self.context.path.starts_with(base.as_str()));
        let begin = format!("{host}{}", base.map(String::as_str).unwrap_or_default());
        let mut shown = value.clone();
        replace(&mut shown, &begin, 0);
        Some(shown)
    }
}

/// Returns true if a value has the host that stands for the sandbox.
fn has_url(value: &Value, depth: usize) -> bool {
    match value {
        Value::String(url) => url.starts_with(OWN_HOST),
        Value::Array(items) if depth < DEEPEST => items.iter().any(|item| has_url(item, depth + 1)),
        Value::Object(object) if depth < DEEPEST => {
            object.values().any(|value| has_url(value, depth + 1))
        }
        _ => false,
    }
}

/// Replaces the host that stands for the sandbox.
fn replace(value: &mut Value, begin: &str, depth: usize) {
    match value {
        Value::String(url) => {
            let path = url.strip_prefix(OWN_HOST);
            if let Some(path) = path.filter(|path| path.starts_with('/')) {
                *url = format!("{begin}{path}");
            }
        }
        Value::Array(items) if depth < DEEPEST => {
            items
                .iter_mut()
                .for_each(|item| replace(item, begin, depth + 1));
        }
        Value::Object(object) if depth < DEEPEST => {
            object
                .values_mut()
                .for_each(|value| replace(value, begin, depth + 1));
        }
        _ => {}
    }
}
