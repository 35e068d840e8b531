//! Entity tags and the conditions of requests on them (RFC 9110 §8.8.3 and §13.1).
use http::HeaderMap;
use serde_json::Value;

use crate::codec::compression::plain_tag;
use crate::generate::primitive::fingerprint;

pub(crate) fn header(headers: &HeaderMap, name: &http::HeaderName) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

/// Returns the entity tag of an entity (RFC 9110 §8.8.3).
#[must_use]
pub(crate) fn tag(entity: &Value) -> String {
    format!("\"{:016x}\"", fingerprint(&entity.to_string()))
}

/// Comparison of entity tags (RFC 9110 §8.8.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// Weak tags never match, as for `If-Match`.
    Strong,
    /// Weak tags match like strong ones, as for `If-None-Match`.
    Weak,
}

/// Returns `true` if one of the tags of a condition matches an entity, or if the condition is `*`.
#[must_use]
pub(crate) fn names(condition: &str, entity: &Value, comparison: Comparison) -> bool {
    let own = tag(entity);
    condition
        .split(',')
        .map(|tag| plain_tag(tag.trim()))
        .any(|tag| match (tag.strip_prefix("W/"), comparison) {
            (Some(weak), Comparison::Weak) => weak == own,
            (Some(_), Comparison::Strong) => false,
            (None, _) => tag == "*" || tag == own,
        })
}
