//! Generates strings: by format, by pattern, or words of the right length.
use std::sync::Arc;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};

use crate::generate::flatten::OTHER_PATTERNS;
use crate::generate::pattern::{self, LONGEST};
use crate::generate::plausible;
use crate::generate::primitive::{Called, birthday, http_date, rfc3339, uuid, word};
use crate::schema::pattern::{Pattern, within};

/// Generates a string for the keywords of a flat schema, within one budget of steps for its
/// patterns.
pub(crate) fn generate(
    node: &Map<String, Value>,
    called: Called<'_>,
    random: &mut ChaCha8Rng,
) -> String {
    within(|| generate_within(node, called, random)).0
}

fn generate_within(
    node: &Map<String, Value>,
    called: Called<'_>,
    random: &mut ChaCha8Rng,
) -> String {
    let text = |keyword: &str| node.get(keyword).and_then(Value::as_str);
    let count = |keyword: &str| {
        node.get(keyword)
            .and_then(Value::as_u64)
            .and_then(|count| usize::try_from(count).ok())
    };
    let least = count("minLength").unwrap_or(0).min(LONGEST);
    let most = count("maxLength").unwrap_or(usize::MAX);
    let fits = |made: &String| (least..=most).contains(&made.chars().count());
    let others = node
        .get(OTHER_PATTERNS)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    // Invalid patterns check nothing.
    let patterns = text("pattern")
        .into_iter()
        .chain(others)
        .filter_map(|text| Pattern::read(text).ok());
    let patterns: Vec<Arc<Pattern>> = patterns.collect();
    if !patterns.is_empty() {
        // A text that suits the name may match the pattern.
        if let Some(made) = by_name(node, called, random)
            && fits(&made)
            && made.len() < LONGEST_MATCHED
            && patterns.iter().all(|pattern| pattern.is_match(&made))
        {
            return made;
        }
        let format = text("format").filter(|format| is_known(format));
        if let Some(made) = format
            .and_then(|format| by_both(format, &patterns, called, random))
            .filter(fits)
        {
            return made;
        }
        // Words are best for a pattern that allows almost anything.
        if patterns.iter().all(|pattern| pattern.is_match("two words")) {
            let phrase = format!("{} {}", word(random), word(random));
            if fits(&phrase) && patterns.iter().all(|pattern| pattern.is_match(&phrase)) {
                return phrase;
            }
        }
        if let Some(made) = by_patterns(&patterns, least, most, random) {
            return made;
        }
    }
    let encoding = match text("format") {
        Some("byte") => Some("base64"),
        Some("base64url") => Some("base64url"),
        _ => text("contentEncoding"),
    };
    if let Some(encoded) = encoding.and_then(|encoding| by_encoding(encoding, least, random)) {
        return encoded;
    }
    if let Some(made) = by_name(node, called, random) {
        if fits(&made) {
            return made;
        }
        if made.len() > most && text("format").is_none() && text("contentEncoding").is_none() {
            let cut: String = made.chars().take(most).collect();
            return cut.trim_end().to_owned() + &"a".repeat(cut.len() - cut.trim_end().len());
        }
    }
    if let Some(made) = text("format").and_then(|format| by_format(format, called, random)) {
        return made;
    }
    words(least, most, random)
}

/// Maximum length, in bytes, of a text that is matched against a pattern only to look plausible; a
/// longer one is not tried.
const LONGEST_MATCHED: usize = 200;

/// Generates a string for the format, if it is known, else for the name; `None` for encoded
/// content and unknown names.
fn by_name(
    node: &Map<String, Value>,
    called: Called<'_>,
    random: &mut ChaCha8Rng,
) -> Option<String> {
    if node.contains_key("contentEncoding") {
        return None;
    }
    match node.get("format").and_then(Value::as_str) {
        Some(format) if is_known(format) => by_format(format, called, random),
        _ => plausible::text(called, node, random),
    }
}

/// Generates a string from one of the patterns that matches the others too, else one of a known
/// format that does.
fn by_patterns(
    patterns: &[Arc<Pattern>],
    least: usize,
    most: usize,
    random: &mut ChaCha8Rng,
) -> Option<String> {
    let mut last = None;
    for pattern in patterns {
        for _ in 0..if patterns.len() > 1 { AGAIN } else { 1 } {
            let Some(made) = pattern::make(pattern, least, most, random) else {
                break;
            };
            if patterns.iter().all(|other| other.is_match(&made)) {
                return Some(made);
            }
            // Joins texts for both patterns, where both allow more text.
            for other in patterns.iter().filter(|other| !Arc::ptr_eq(other, pattern)) {
                let joined = pattern::make(other, 0, most, random).map(|more| {
                    let length = made.chars().count() + more.chars().count();
                    format!("{made}{}{more}", "a".repeat(least.saturating_sub(length)))
                });
                if let Some(joined) =
                    joined.filter(|joined| patterns.iter().all(|pattern| pattern.is_match(joined)))
                {
                    return Some(joined);
                }
            }
            last = Some(made);
        }
    }
    let known = FORMATS
        .iter()
        .filter_map(|format| by_format(format, Called::default(), random));
    let mut fitting = known.filter(|made| patterns.iter().all(|pattern| pattern.is_match(made)));
    let fits = |made: &String| (least..=most).contains(&made.chars().count());
    if patterns.len() > 1 || last.is_none() {
        fitting.find(fits).or(last)
    } else {
        last
    }
}

/// Generates a string of a format that matches the patterns: as the format gives it, else with a
/// string of the first pattern at its beginning or end.
fn by_both(
    format: &str,
    patterns: &[Arc<Pattern>],
    called: Called<'_>,
    random: &mut ChaCha8Rng,
) -> Option<String> {
    let fits = |made: &String| patterns.iter().all(|pattern| pattern.is_match(made));
    for _ in 0..AGAIN {
        let made = by_format(format, called, random)?;
        if fits(&made) {
            return Some(made);
        }
        let part = pattern::make(&patterns[0], 0, LONGEST_MATCHED, random)
            .filter(|part| part.is_ascii())?;
        let at = made.find('@').unwrap_or(made.len());
        let joined = [
            made.get(part.len()..).map(|rest| format!("{part}{rest}")),
            part.starts_with('@')
                .then(|| format!("{}{part}", &made[..at])),
            made.len()
                .checked_sub(part.len())
                .and_then(|end| made.get(..end))
                .map(|begin| format!("{begin}{part}")),
        ];
        // The validator rejects texts that no longer have the format.
        if let Some(joined) = joined.into_iter().flatten().find(fits) {
            return Some(joined);
        }
    }
    None
}

/// Maximum number of strings generated from one pattern until one matches the others.
const AGAIN: usize = 40;

/// Generates words that are encoded by `contentEncoding` (RFC 4648, RFC 2045 §6.7).
fn by_encoding(encoding: &str, least: usize, random: &mut ChaCha8Rng) -> Option<String> {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let plain = words(least.min(LONGEST) * 3 / 4, usize::MAX, random);
    match encoding.to_ascii_lowercase().as_str() {
        "base64" => Some(STANDARD.encode(plain)),
        "base64url" => Some(URL_SAFE_NO_PAD.encode(plain)),
        "base16" | "hex" => {
            let hex = |text: String, byte| text + &format!("{byte:02x}");
            Some(plain.bytes().fold(String::new(), hex))
        }
        _ => None,
    }
}

fn words(least: usize, most: usize, random: &mut ChaCha8Rng) -> String {
    let mut text = word(random).to_owned();
    while text.len() < least {
        text.push(' ');
        text.push_str(word(random));
    }
    if text.len() > most {
        text.truncate(most);
    }
    // Readers may trim a blank at the end.
    if text.ends_with(' ') {
        text.pop();
        text.push('a');
    }
    text
}

/// String formats of JSON Schema 2020-12 §7.3, of the OpenAPI format registry, and common others.
const FORMATS: &[&str] = &[
    "date-time",
    "date",
    "time",
    "duration",
    "email",
    "idn-email",
    "hostname",
    "idn-hostname",
    "ipv4",
    "ipv6",
    "ip",
    "uri",
    "url",
    "iri",
    "uri-reference",
    "iri-reference",
    "uri-template",
    "json-pointer",
    "relative-json-pointer",
    "regex",
    "uuid",
    "guid",
    "byte",
    "base64url",
    "binary",
    "char",
    "password",
    "decimal",
    "decimal128",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float",
    "double",
    "date-time-local",
    "time-local",
    "http-date",
    "media-range",
    "commonmark",
    "html",
    "sf-binary",
    "sf-boolean",
    "sf-decimal",
    "sf-integer",
    "sf-string",
    "sf-token",
    "phone",
    "color",
    "currency",
    "country",
    "datetime",
    "dateTime",
    "google-datetime",
    "date-time-rfc-2822",
    "date-time-rfc2822",
    "rfc2822",
    "date-time-rfc1123",
    "rfc1123",
    "unix-time",
    "unixtime",
];

fn is_known(format: &str) -> bool {
    FORMATS.contains(&format)
}

fn by_format(format: &str, called: Called<'_>, random: &mut ChaCha8Rng) -> Option<String> {
    let named = |name: &'static str| Called { name, owner: "" };
    let when = |random: &mut ChaCha8Rng| plausible::when(called.name, random);
    let made = match format {
        "date-time" | "datetime" | "dateTime" | "google-datetime" => rfc3339(when(random)),
        "date" if called.name.to_ascii_lowercase().contains("birth") => birthday(random),
        "date" => when(random).date().to_string(),
        "time" => rfc3339(when(random))[11..].to_owned(),
        "date-time-local" => rfc3339(when(random))[..19].to_owned(),
        "time-local" => rfc3339(when(random))[11..19].to_owned(),
        "http-date" | "date-time-rfc1123" | "rfc1123" => http_date(when(random)),
        "date-time-rfc-2822" | "date-time-rfc2822" | "rfc2822" => {
            http_date(when(random)).replace("GMT", "+0000")
        }
        "unix-time" | "unixtime" => when(random).unix_timestamp().to_string(),
        "duration" => format!("PT{}M", random.random_range(1..=90)),
        "email" | "idn-email" => plausible::text(named("email"), &Map::new(), random)?,
        "hostname" | "idn-hostname" => format!("{}.example.com", word(random)),
        "ipv4" | "ip" => format!("192.0.2.{}", random.random_range(1..=254)),
        "ipv6" => format!("2001:db8::{:x}", random.random_range(1..=0xffff)),
        "uri" | "url" | "iri" if plausible::is_picture(called.name) => plausible::picture(random),
        "uri" | "url" | "iri" => format!("https://example.com/{}", word(random)),
        "uri-reference" | "iri-reference" => format!("/{}/{}", word(random), word(random)),
        "uri-template" => format!("https://example.com/{}/{{id}}", word(random)),
        "json-pointer" => format!("/{}", word(random)),
        "relative-json-pointer" => "0".to_owned(),
        "regex" => "^[a-z]+$".to_owned(),
        "uuid" | "guid" => uuid(random),
        "byte" => by_encoding("base64", 0, random)?,
        "base64url" => by_encoding("base64url", 0, random)?,
        "sf-binary" => format!(":{}:", by_encoding("base64", 0, random)?),
        "binary" | "sf-token" => word(random).to_owned(),
        "char" => word(random)[..1].to_owned(),
        "password" => format!(
            "{}-{}-{}",
            word(random),
            word(random),
            random.random_range(10..=99)
        ),
        "decimal" | "decimal128" | "float" | "double" | "sf-decimal" => {
            format!(
                "{}.{:02}",
                random.random_range(1..=500),
                random.random_range(0..=99)
            )
        }
        "int8" | "int16" | "int32" | "int64" | "uint8" | "uint16" | "uint32" | "uint64"
        | "sf-integer" => random.random_range(1..=100).to_string(),
        "sf-boolean" => format!("?{}", random.random_range(0..=1)),
        "sf-string" => format!("\"{}\"", word(random)),
        "media-range" => "application/json".to_owned(),
        "commonmark" => format!("**{}** {}", word(random), word(random)),
        "html" => format!("<p>{} {}</p>", word(random), word(random)),
        "phone" => plausible::text(named("phone"), &Map::new(), random)?,
        "color" => plausible::text(named("color"), &Map::new(), random)?,
        "currency" => plausible::text(named("currency"), &Map::new(), random)?,
        "country" => plausible::text(named("country code"), &Map::new(), random)?,
        _ => return None,
    };
    Some(made)
}
