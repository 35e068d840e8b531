//! Documented error for an entity that does not exist, if an example shows exactly that.
use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;

use crate::contract::{Contract, Operation, StatusPattern};
use crate::resource::Resources;
use crate::resource::address::singular;
use crate::schema::name::{folded, words};

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
/// `No such container: c2ada9df5af8` becomes `No such container: web`. Members for a key that have
/// the same value, such as `petId`, are replaced too. Other examples are returned as they are.
#[must_use]
pub(crate) fn with_key<'v>(example: &'v Value, noun: &str, key: &str) -> Cow<'v, Value> {
    let Some(seen) = named_key(example, noun, 0).map(str::to_owned) else {
        return Cow::Borrowed(example);
    };
    let mut value = example.clone();
    let keys = Keys {
        seen: &seen,
        new: key,
        noun,
    };
    keys.put("", &mut value);
    Cow::Owned(value)
}

/// Returns the key in a sentence about a missing or an existing entity.
fn named_key<'v>(value: &'v Value, noun: &str, depth: usize) -> Option<&'v str> {
    match value {
        Value::String(text) => key_in(text, noun).map(|place| &text[place]),
        Value::Array(items) if depth < DEEPEST => items
            .iter()
            .find_map(|item| named_key(item, noun, depth + 1)),
        Value::Object(object) if depth < DEEPEST => object
            .values()
            .find_map(|value| named_key(value, noun, depth + 1)),
        _ => None,
    }
}

/// Returns the place of the key in a sentence. It is the only word that neither names the entity
/// nor belongs to such sentences, and it is marked as a key: by quotes, by the noun or `id` before
/// it and a digit in it, or by `No such NOUN:` before it. A number elsewhere, as in `Error 409`, may
/// be a code, so such a sentence has no key.
fn key_in(text: &str, noun: &str) -> Option<Range<usize>> {
    const QUOTES: [char; 5] = ['\'', '"', '`', '“', '‘'];
    let mut found = None;
    let mut before = "";
    let mut is_first_announced = false;
    let mut end = 0;
    for token in text.split_whitespace() {
        let start = end + text[end..].find(token)?;
        end = start + token.len();
        let bare = token.trim_matches(|letter: char| !letter.is_alphanumeric());
        if bare.is_empty() {
            continue;
        }
        let is_known =
            |word: &String| is_of_noun(word, noun) || TAKEN_WORDS.contains(&word.as_str());
        if !words(bare).iter().all(is_known) {
            let has_digit = bare.chars().any(|letter| letter.is_ascii_digit());
            let is_named = before.eq_ignore_ascii_case("id") || singular(&folded(before)) == noun;
            let is_marked =
                token.starts_with(QUOTES) || is_named && (has_digit || is_first_announced);
            if found.is_some() || !is_marked {
                return None;
            }
            let start = start + token.find(bare)?;
            found = Some(start..start + bare.len());
        }
        is_first_announced = token.ends_with(':') && folded(text).starts_with("nosuch");
        before = bare;
    }
    let sentence: String = text.split_whitespace().flat_map(words).collect();
    let is_about_it = SAYINGS
        .iter()
        .chain(&TAKEN)
        .any(|saying| sentence.contains(saying));
    found.filter(|_| is_about_it)
}

/// The key of an example, and the one that replaces it.
struct Keys<'k> {
    seen: &'k str,
    new: &'k str,
    noun: &'k str,
}

impl Keys<'_> {
    /// Replaces the key in a value, which is the member `name` or an item of it.
    fn put(&self, name: &str, value: &mut Value) {
        match value {
            Value::String(text) => {
                let place =
                    key_in(text, self.noun).filter(|place| text[place.clone()] == *self.seen);
                if let Some(place) = place {
                    text.replace_range(place, self.new);
                } else if text == self.seen && self.is_for_key(name) {
                    self.new.clone_into(text);
                }
            }
            Value::Number(number) if number.to_string() == self.seen && self.is_for_key(name) => {
                if let Ok(number) = self.new.parse() {
                    *value = Value::Number(number);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.put(name, item)),
            Value::Object(object) => object
                .iter_mut()
                .for_each(|(name, value)| self.put(name, value)),
            _ => {}
        }
    }

    /// Returns true for names of members that hold the key of an entity: `id`, `petId`, `key`, `pet`.
    fn is_for_key(&self, name: &str) -> bool {
        let is_key = |word: &String| matches!(word.as_str(), "id" | "ids" | "key" | "uuid");
        singular(&folded(name)) == self.noun || words(name).iter().any(is_key)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_replaced_only_where_it_is_marked_as_one() {
        let cases = [
            ("No such pet: rex", "No such pet: 42"),
            ("Pet 7 not found", "Pet 42 not found"),
            ("pet (7) not found", "pet (42) not found"),
            (
                "Pet with id 7 does not exist.",
                "Pet with id 42 does not exist.",
            ),
            ("Pet 'rex' already exists", "Pet '42' already exists"),
            ("Error 404: pet 4 not found", "Error 404: pet 42 not found"),
            ("Could not find pets 7", "Could not find pets 42"),
        ];
        for (text, expected) in cases {
            assert_eq!(*with_key(&json!(text), "pet", "42"), json!(expected));
        }
        let unchanged = [
            "Error 409: pet already exists",
            "409 pet already exists",
            "E11000 pet already exists",
            "[1042] Pet not found",
            "Pet not found: deleted",
            "Unknown pet: unauthorized",
            "Pet not found in DB2",
            "Pet 7 not found in shop 3",
            "Owner 7 not found",
            "Pet 7 is ill",
            "rex",
        ];
        for text in unchanged {
            assert_eq!(*with_key(&json!(text), "pet", "42"), json!(text));
        }
    }

    #[test]
    fn only_members_for_a_key_are_replaced() {
        let example = json!({"message": "Pet 1 not found", "petId": 1, "status": 1, "s": "1", "pet": "1", "errors": [{"id": "1"}]});
        let expected = json!({"message": "Pet 42 not found", "petId": 42, "status": 1, "s": "1", "pet": "42", "errors": [{"id": "42"}]});
        assert_eq!(*with_key(&example, "pet", "42"), expected);
        let expected = json!({"message": "Pet rex not found", "petId": 1, "status": 1, "s": "1", "pet": "rex", "errors": [{"id": "rex"}]});
        assert_eq!(*with_key(&example, "pet", "rex"), expected);
    }
}
