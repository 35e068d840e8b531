//! Documented error for an entity that does not exist, if an example shows exactly that.
use serde_json::Value;

use crate::contract::{Contract, Operation, StatusPattern};
use crate::resource::Resources;
use crate::resource::address::singular;
use crate::schema::name::words;

/// Phrases for a missing entity, without spaces.
const SAYINGS: [&str; 8] = [
    "notfound",
    "doesnotexist",
    "doesntexist",
    "notexist",
    "nosuch",
    "unknown",
    "couldnotfind",
    "missingresource",
];

/// Words that do not name the missing entity.
const OTHERS: [&str; 46] = [
    "error",
    "not",
    "found",
    "the",
    "a",
    "an",
    "is",
    "was",
    "were",
    "be",
    "could",
    "cannot",
    "can",
    "no",
    "such",
    "does",
    "doesn",
    "t",
    "exist",
    "exists",
    "unknown",
    "with",
    "id",
    "ids",
    "by",
    "for",
    "that",
    "this",
    "requested",
    "resource",
    "specified",
    "given",
    "provided",
    "record",
    "entity",
    "object",
    "item",
    "find",
    "any",
    "e",
    "code",
    "404",
    "400",
    "of",
    "matching",
    "invalid",
];

/// Words of errors that fit every request.
const GENERAL: [&str; 40] = [
    "access",
    "already",
    "allowed",
    "api",
    "are",
    "authentication",
    "authenticated",
    "authorization",
    "authorized",
    "conflict",
    "content",
    "credentials",
    "denied",
    "exceeded",
    "forbidden",
    "http",
    "invalid",
    "key",
    "limit",
    "many",
    "media",
    "method",
    "missing",
    "or",
    "path",
    "permission",
    "please",
    "rate",
    "request",
    "requests",
    "required",
    "route",
    "server",
    "to",
    "token",
    "too",
    "type",
    "unauthorized",
    "unsupported",
    "you",
];

/// Returns the first example of an operation, or of another one on the same resource, that says
/// that the entity named by `noun` does not exist, and is about nothing else.
pub fn shown<'c>(
    contract: &'c Contract,
    resources: &Resources,
    operation: &'c Operation,
    pattern: StatusPattern,
    noun: &str,
) -> Option<&'c Value> {
    let siblings = || resources.siblings(contract, operation).into_iter();
    std::iter::once(operation)
        .chain(siblings())
        .find_map(|operation| {
            let response = operation.response_at(pattern)?;
            let media = response
                .content
                .iter()
                .filter(|media| media.range.is_json());
            let mut values = media
                .flat_map(|media| &media.examples)
                .map(crate::contract::example::Example::value);
            values.find(|value| says(value, noun, 0))
        })
}

/// Returns true if no text of an error names a resource, so that it fits every operation. Codes,
/// links and numbers name none.
pub fn is_general(value: &Value) -> bool {
    match value {
        Value::String(text) if text.contains(' ') => {
            let mut words = text.split_whitespace().flat_map(words);
            words.all(|word| OTHERS.contains(&word.as_str()) || GENERAL.contains(&word.as_str()))
        }
        Value::Array(items) => items.iter().all(is_general),
        Value::Object(object) => object.values().all(is_general),
        _ => true,
    }
}

fn says(value: &Value, noun: &str, depth: usize) -> bool {
    const DEEPEST: usize = 3;
    match value {
        Value::String(text) => {
            let words: Vec<String> = text.split_whitespace().flat_map(words).collect();
            let plain = words.concat();
            let is_of_noun = |word: &String| {
                OTHERS.contains(&word.as_str())
                    || singular(word) == noun
                    || noun.contains(word.as_str())
            };
            SAYINGS.iter().any(|saying| plain.contains(saying)) && words.iter().all(is_of_noun)
        }
        Value::Array(items) if depth < DEEPEST => {
            items.iter().any(|item| says(item, noun, depth + 1))
        }
        Value::Object(object) if depth < DEEPEST => {
            object.values().any(|value| says(value, noun, depth + 1))
        }
        _ => false,
    }
}
