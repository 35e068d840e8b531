//! Properties that a path parameter may hold, according to its name and description.
//!
//! `key_search` compares them with the properties of the entities. `{idOrName}` holds one of two
//! properties, and `Name of the address` names one that the parameter `{address}` does not.
use crate::schema::name::{folded, words};

/// Last words of parameter names that may be the property alone: `key` for `{projectKey}`.
pub(crate) const LAST_WORDS: [&str; 10] = [
    "key", "slug", "name", "number", "sid", "login", "code", "username", "email", "token",
];

/// Words for the key that the server makes.
const ID_WORDS: [&str; 6] = ["id", "identifier", "uuid", "guid", "sid", "uid"];

/// Words of a description that say nothing about a property.
const FILLERS: [&str; 12] = [
    "the", "a", "an", "its", "either", "unique", "full", "url", "encoded", "of", "resource",
    "short",
];

/// Maximum number of words of a description that are read; the purpose is in the first ones.
const MOST_WORDS: usize = 40;

/// Returns the names in a parameter that holds one of several properties, those of keys that a
/// server makes first: `id` and `name` for `{nameOrId}`. `None` if there is only one.
#[must_use]
pub(crate) fn alternatives(parameter: &str) -> Option<Vec<String>> {
    let words = words(parameter);
    let mut parts: Vec<String> = words
        .split(|word| word == "or")
        .map(|part| part.join("_"))
        .collect();
    if parts.len() < 2 || parts.iter().any(String::is_empty) {
        return None;
    }
    parts.sort_by_key(|part| !is_id(part));
    Some(parts)
}

/// Returns true if the last word of a name is one for a key that a server makes.
#[must_use]
pub(crate) fn is_id(name: &str) -> bool {
    let words = words(name);
    words
        .last()
        .is_some_and(|last| ID_WORDS.contains(&last.as_str()))
}

/// Returns the property that the description of a parameter begins with: `name` for `Name of the
/// address resource`.
#[must_use]
pub(crate) fn described(description: &str, noun: &str) -> Option<&'static str> {
    let spoken = spoken(description);
    let said: Vec<String> = spoken
        .iter()
        .map(|word| folded(word))
        .skip_while(|word| FILLERS.contains(&word.as_str()))
        .collect();
    let known = |word: &String| LAST_WORDS.iter().find(|known| *known == word).copied();
    match said.as_slice() {
        [word, of, ..] if of == "of" => known(word),
        [own, word, rest @ ..] if own == noun && rest.first().is_none_or(|next| next != "or") => {
            known(word)
        }
        _ => None,
    }
}

/// Returns the property beside the key that a description offers: `unique_name` for `The Sid or
/// UniqueName of the service`. `is_property` finds a property by its name in lower case without
/// separators.
#[must_use]
pub(crate) fn offered<'s>(
    description: &str,
    key: &str,
    is_property: impl Fn(&str) -> Option<&'s str>,
) -> Option<&'s str> {
    let spoken = spoken(description);
    let is_key =
        |word: &&str| folded(word) == folded(key) || ID_WORDS.contains(&folded(word).as_str());
    for (index, _) in spoken
        .iter()
        .enumerate()
        .filter(|(_, word)| word.eq_ignore_ascii_case("or"))
    {
        let (before, after) = (&spoken[..index], &spoken[index + 1..]);
        let after: Vec<&str> = after
            .iter()
            .copied()
            .filter(|word| !FILLERS.contains(&folded(word).as_str()))
            .take(NEAR)
            .collect();
        let before: Vec<&str> = before.iter().rev().copied().take(NEAR_BEFORE).collect();
        let property = |words: &[&str], joined: String| {
            let alone = words.first().and_then(|word| is_property(&folded(word)));
            is_property(&folded(&joined)).or(alone)
        };
        let joined = |first: Option<&&str>, second: Option<&&str>| {
            format!(
                "{}{}",
                first.copied().unwrap_or_default(),
                second.copied().unwrap_or_default()
            )
        };
        let found = if before.iter().any(is_key) {
            property(&after, joined(after.first(), after.get(1)))
        } else if after.iter().any(is_key) {
            property(&before, joined(before.get(1), before.first()))
        } else {
            None
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Number of words after an `or` that may name a property.
const NEAR: usize = 3;

/// Number of words before an `or` that may name a property: `the id of the service or`.
const NEAR_BEFORE: usize = 5;

fn spoken(description: &str) -> Vec<&str> {
    description
        .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .filter(|word| !word.is_empty())
        .take(MOST_WORDS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_or_has_several_properties() {
        let cases = [
            ("idOrName", Some("id name")),
            ("nameOrId", Some("id name")),
            ("id_or_slug", Some("id slug")),
            ("issueIdOrKey", Some("issue_id key")),
            ("vendorId", None),
            ("or", None),
        ];
        for (parameter, expected) in cases {
            let found = alternatives(parameter).map(|parts| parts.join(" "));
            assert_eq!(found.as_deref(), expected, "{parameter}");
        }
    }

    #[test]
    fn a_description_names_a_property() {
        let cases = [
            ("Name of the address resource to return.", Some("name")),
            ("The name of the firewall", Some("name")),
            ("Address name", Some("name")),
            ("Name or id of the address", None),
            ("Address whose name is shown", None),
            ("", None),
        ];
        for (description, expected) in cases {
            assert_eq!(described(description, "address"), expected, "{description}");
        }
    }

    #[test]
    fn a_description_offers_a_property_beside_the_key() {
        let properties = ["unique_name", "name", "sid"];
        let find = |plain: &str| {
            properties
                .into_iter()
                .find(|property| folded(property) == plain && *property != "sid")
        };
        let cases = [
            ("The Sid or UniqueName of the service.", Some("unique_name")),
            ("The SID or the `unique_name`", Some("unique_name")),
            ("Name or ID", Some("name")),
            ("Unique name or sid of it", Some("unique_name")),
            ("The service, active or not", None),
        ];
        for (description, expected) in cases {
            assert_eq!(offered(description, "sid", find), expected, "{description}");
        }
    }
}
