//! Derives the identifiers of further entities from the one that an example shows.
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

use crate::generate::primitive;

/// Maximum number of last digits that are counted up; those before them stay.
const MOST_DIGITS: usize = 18;

/// Numbers from here on are no count of entities; they add to the digits, and nothing is carried
/// beyond the first one.
const MOST_COUNTED: u64 = 1_000_000_000;

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
        Value::String(text) => Some(Value::String(counted(text, others))),
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

/// Returns the text that comes `others` after one: adds to the digits in it, the last ones first, so
/// that it keeps its form. When all of them are nines, the text gets longer (`pet_99`, `pet_100`); a
/// text without digits gets a number at its end.
#[must_use]
pub(crate) fn counted(text: &str, others: u64) -> String {
    let is_digit = |letter: &char| letter.is_ascii_digit();
    let digits: Vec<char> = text.chars().filter(is_digit).collect();
    if digits.is_empty() {
        return format!("{text}-{}", others.saturating_add(1));
    }
    let count = digits.len().min(MOST_DIGITS);
    let last: String = digits[digits.len() - count..].iter().collect();
    let modulus = 10_u64.pow(u32::try_from(count).unwrap_or(1));
    // Numbers made of a hash differ as much within the digits that there are.
    let is_count = others < MOST_COUNTED && count < MOST_DIGITS;
    let first = last.parse::<u64>().unwrap_or(0);
    let number = if is_count {
        first + others
    } else {
        first.wrapping_add(others) % modulus
    };
    let mut written = format!("{number:0count$}").into_bytes();
    let mut reversed = String::with_capacity(text.len() + 1);
    let mut left = digits.len();
    for letter in text.chars().rev() {
        if !letter.is_ascii_digit() || written.is_empty() {
            reversed.push(letter);
            continue;
        }
        left -= 1;
        // The first digit takes all that is left of a number that has grown.
        let taken = if left == 0 || left == digits.len() - count {
            std::mem::take(&mut written)
        } else {
            written.pop().into_iter().collect()
        };
        reversed.extend(taken.into_iter().rev().map(char::from));
    }
    reversed.chars().rev().collect()
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
            ("99", 1, "100"),
            ("é7", 1, "é8"),
            ("5a58b9", 1, "5a59b0"),
            ("a9b9", 1, "a10b0"),
            ("1234567890123456789", 2, "1234567890123456791"),
        ] {
            assert_eq!(counted(text, others), expected);
        }
    }
}
