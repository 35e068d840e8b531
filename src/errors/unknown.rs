//! Documented error for an entity that does not exist, if an example shows exactly that.
use std::borrow::Cow;

use serde_json::Value;

use crate::contract::{Contract, Operation, StatusPattern};
use crate::resource::Resources;
use crate::resource::address::singular;
use crate::schema::name::words;

/// Phrases for a missing entity, without spaces.
const SAYINGS: [&str; 9] = [
    "notbefound",
    "notfound",
    "doesnotexist",
    "doesntexist",
    "notexist",
    "nosuch",
    "unknown",
    "couldnotfind",
    "missingresource",
];

/// Phrases for an entity whose key is taken, without spaces.
const TAKEN: [&str; 3] = ["alreadyexist", "alreadyinuse", "alreadytaken"];

/// Words of these phrases.
const TAKEN_WORDS: [&str; 6] = ["already", "in", "use", "taken", "has", "been"];

/// Maximum depth of a sentence in an example.
const DEEPEST: usize = 3;

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
pub(super) fn shown<'c>(
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
pub(super) fn is_general(value: &Value) -> bool {
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

/// Returns an example with the key of the request in place of the one that its sentence names:
/// `No such container: c2ada9df5af8` becomes `No such container: web`. Members with that key alone
/// are replaced too. Other examples are returned as they are.
#[must_use]
pub(super) fn with_key<'v>(example: &'v Value, noun: &str, key: &str) -> Cow<'v, Value> {
    let Some(seen) = named_key(example, noun, 0).map(str::to_owned) else {
        return Cow::Borrowed(example);
    };
    let mut value = example.clone();
    put_key(&mut value, &seen, key, noun);
    Cow::Owned(value)
}

/// Returns the key in a sentence about a missing or an existing entity.
fn named_key<'v>(value: &'v Value, noun: &str, depth: usize) -> Option<&'v str> {
    match value {
        Value::String(text) => key_in(text, noun),
        Value::Array(items) if depth < DEEPEST => items
            .iter()
            .find_map(|item| named_key(item, noun, depth + 1)),
        Value::Object(object) if depth < DEEPEST => object
            .values()
            .find_map(|value| named_key(value, noun, depth + 1)),
        _ => None,
    }
}

/// Returns the only word of a sentence that is neither the noun nor a word of such sentences, if it
/// is marked as a key: by quotes, by a digit, or by a colon or `id` before it.
fn key_in<'t>(text: &'t str, noun: &str) -> Option<&'t str> {
    let mut found = None;
    let mut is_announced = false;
    for token in text.split_whitespace() {
        let bare = token.trim_matches(|letter: char| !letter.is_alphanumeric());
        let is_other = !bare.is_empty()
            && words(bare)
                .iter()
                .all(|word| is_of_noun(word, noun) || TAKEN_WORDS.contains(&word.as_str()));
        if !is_other && !bare.is_empty() {
            let is_quoted = token.starts_with(['\'', '"', '`', '(', '[', '<', '“', '‘']);
            let has_digit = bare.chars().any(|letter| letter.is_ascii_digit());
            if found.is_some() || !(is_quoted || has_digit || is_announced) {
                return None;
            }
            found = Some(bare);
        }
        is_announced = token.ends_with([':', '=', '#']) || bare.eq_ignore_ascii_case("id");
    }
    let sentence: String = text.split_whitespace().flat_map(words).collect();
    let is_about_it = SAYINGS
        .iter()
        .chain(&TAKEN)
        .any(|saying| sentence.contains(saying));
    found.filter(|_| is_about_it)
}

fn put_key(value: &mut Value, seen: &str, key: &str, noun: &str) {
    match value {
        Value::String(text) if text == seen => key.clone_into(text),
        Value::String(text) if key_in(text, noun) == Some(seen) => {
            *text = text.replacen(seen, key, 1);
        }
        Value::Number(number) if number.to_string() == seen => {
            if let Ok(number) = key.parse() {
                *value = Value::Number(number);
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| put_key(item, seen, key, noun)),
        Value::Object(object) => object
            .values_mut()
            .for_each(|value| put_key(value, seen, key, noun)),
        _ => {}
    }
}

fn is_of_noun(word: &str, noun: &str) -> bool {
    OTHERS.contains(&word) || singular(word) == noun || noun.contains(word)
}

fn says(value: &Value, noun: &str, depth: usize) -> bool {
    match value {
        Value::String(text) => {
            let words: Vec<String> = text.split_whitespace().flat_map(words).collect();
            let plain = words.concat();
            SAYINGS.iter().any(|saying| plain.contains(saying))
                && words.iter().all(|word| is_of_noun(word, noun))
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
