//! Derives the identifiers of further entities from the one that an example shows.
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

use crate::generate::primitive;

/// Maximum number of last digits that are counted up; a longer run keeps the digits before them.
const MOST_DIGITS: usize = 18;

/// Returns the identifier that comes `others` after that of an example: `pet_3` is two after
/// `pet_1`. UUIDs are drawn. Returns `None` if the schema restricts the identifier, which is then
/// generated from the schema.
pub(super) fn identifier(
    node: &Map<String, Value>,
    example: &Value,
    others: u64,
    random: &mut ChaCha8Rng,
) -> Option<Value> {
    if ["enum", "const", "pattern"]
        .iter()
        .any(|keyword| node.contains_key(*keyword))
    {
        return None;
    }
    match example {
        Value::Number(number) => {
            let next = number.as_i64()?.checked_add(i64::try_from(others).ok()?)?;
            Some(json!(next))
        }
        Value::String(text) if is_uuid(text) => Some(Value::String(primitive::uuid(random))),
        Value::String(_) if node.contains_key("format") => None,
        Value::String(text) => Some(Value::String(next(text, others))),
        _ => None,
    }
}

/// Returns `true` if a text is a UUID (RFC 9562 §4).
#[must_use]
pub(crate) fn is_uuid(text: &str) -> bool {
    const LENGTHS: [usize; 5] = [8, 4, 4, 4, 12];
    let groups: Vec<&str> = text.split('-').collect();
    let is_group = |(group, length): (&&str, usize)| {
        group.len() == length && group.bytes().all(|letter| letter.is_ascii_hexdigit())
    };
    groups.len() == LENGTHS.len() && groups.iter().zip(LENGTHS).all(is_group)
}

/// Adds to the last number in a text, which keeps its width (`99` becomes `00`); a text without a
/// number gets one at its end.
fn next(text: &str, others: u64) -> String {
    let Some(end) = text
        .rfind(|letter: char| letter.is_ascii_digit())
        .map(|last| last + 1)
    else {
        return format!("{text}-{}", others.saturating_add(1));
    };
    let before = text[..end]
        .trim_end_matches(|letter: char| letter.is_ascii_digit())
        .len();
    let start = before.max(end.saturating_sub(MOST_DIGITS));
    let width = end - start;
    let modulus = 10_u64.pow(u32::try_from(width).unwrap_or(1));
    let number = text[start..end]
        .parse::<u64>()
        .unwrap_or(0)
        .wrapping_add(others % modulus)
        % modulus;
    format!("{}{number:0width$}{}", &text[..start], &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_of_an_identifier_counts() {
        for (text, others, expected) in [
            ("pet_1", 2, "pet_3"),
            ("cus_009", 1, "cus_010"),
            ("a1b", 1, "a2b"),
            ("acme", 1, "acme-2"),
            ("99", 1, "00"),
            ("é7", 1, "é8"),
        ] {
            assert_eq!(next(text, others), expected);
        }
    }
}
