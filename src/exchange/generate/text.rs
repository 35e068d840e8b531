//! Strings: by format, by pattern, or words of the right length.

use rand::seq::IndexedRandom as _;
use rand::{Rng as _, RngExt as _};
use rand_chacha::ChaCha8Rng;
use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Repetition};
use serde_json::{Map, Value};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

/// 2025-01-01T00:00:00Z, from which generated times are drawn. Not now: the same seed gives the
/// same bytes on every day.
const EPOCH: i64 = 1_735_689_600;

/// How often an open-ended part of a pattern is repeated at most.
const REPEATS: u32 = 8;

/// The longest text that is made, in characters, whatever `minLength` asks for.
const LONGEST: usize = 100_000;

const WORDS: [&str; 24] = [
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "haven", "inlet", "juniper", "kestrel", "lagoon",
    "maple", "north", "orchid", "pebble", "quartz", "river", "summit", "tundra", "umber", "valley", "willow", "zephyr",
];

/// A string for the keywords of a flat schema.
pub fn generate(node: &Map<String, Value>, random: &mut ChaCha8Rng) -> String {
    let text = |keyword: &str| node.get(keyword).and_then(Value::as_str);
    let count = |keyword: &str| node.get(keyword).and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok());
    let least = count("minLength").unwrap_or(0).min(LONGEST);
    let most = count("maxLength").unwrap_or(usize::MAX);
    if let Some(pattern) = text("pattern")
        && let Some(made) = by_pattern(pattern, least, most, random)
    {
        return made;
    }
    if let Some(made) = text("format").and_then(|format| by_format(format, random)) {
        return made;
    }
    words(least, most, random)
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
    // A blank at the end would be trimmed by somebody.
    if text.ends_with(' ') {
        text.pop();
        text.push('a');
    }
    text
}

fn word(random: &mut ChaCha8Rng) -> &'static str {
    WORDS.choose(random).copied().unwrap_or("word")
}

/// A string from the syntax tree of a pattern; the caller checks it, since anchors inside and
/// look-arounds are left out.
fn by_pattern(pattern: &str, least: usize, most: usize, random: &mut ChaCha8Rng) -> Option<String> {
    let plain = without_look_arounds(pattern);
    let tree = regex_syntax::ParserBuilder::new().build().parse(&plain).ok()?;
    let starts_open =
        !matches!(tree.properties().look_set_prefix().iter().next(), Some(regex_syntax::hir::Look::Start));
    let maker = rand_regex::Regex::with_hir(tame(tree), REPEATS).ok()?;
    let regex = regex::Regex::new(&plain).ok()?;
    let mut last = None;
    let tries = if least < LONGEST { 50 } else { 1 };
    for _ in 0..tries {
        let mut made: String = random.sample(&maker);
        if starts_open && made.chars().count() < least {
            made.push_str(&"a".repeat(least - made.chars().count()));
        }
        let length = made.chars().count();
        let fits = regex.is_match(&made);
        if fits && length >= least && length <= most {
            return Some(made);
        }
        last = if fits { Some(made) } else { last };
    }
    last
}

/// A pattern of ECMA-262 as far as our reader has it: look-arounds are left to the validator, which
/// refuses what they forbid, and `\cC` is a character.
fn without_look_arounds(pattern: &str) -> String {
    let mut plain = String::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let control = rest.strip_prefix("\\c").and_then(|after| after.chars().next()).filter(char::is_ascii_alphabetic);
        if let Some(letter) = control {
            plain.push_str(&format!("\\x{{{:x}}}", u32::from(letter) % 32));
            rest = &rest[3..];
        } else if first == '\\' {
            let width = first.len_utf8() + rest[1..].chars().next().map_or(0, char::len_utf8);
            plain.push_str(&rest[..width]);
            rest = &rest[width..];
        } else if ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|open| rest.starts_with(open)) {
            rest = &rest[group_length(rest)..];
        } else {
            plain.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    plain
}

/// How long the group is that a text begins with; all of it, if it does not end.
fn group_length(text: &str) -> usize {
    let (mut depth, mut escaped) = (0_usize, false);
    for (index, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '(' => depth += 1,
            ')' if depth == 1 => return index + 1,
            ')' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// The tree without anchors, and with printable characters where the classes allow them.
fn tame(tree: Hir) -> Hir {
    match tree.into_kind() {
        HirKind::Look(_) | HirKind::Empty => Hir::empty(),
        HirKind::Class(Class::Unicode(mut class)) => {
            let whole = class.clone();
            class.intersect(&ClassUnicode::new([ClassUnicodeRange::new(' ', '~')]));
            let printable = if class.ranges().is_empty() { whole } else { class };
            Hir::class(Class::Unicode(printable))
        }
        HirKind::Class(class) => Hir::class(class),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Repetition(repetition) => {
            let max = repetition.max.map(|max| max.min(repetition.min.saturating_add(REPEATS * 4)));
            let min = repetition.min.min(10_000);
            Hir::repetition(Repetition { min, max, greedy: repetition.greedy, sub: Box::new(tame(*repetition.sub)) })
        }
        HirKind::Capture(capture) => tame(*capture.sub),
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(tame).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.into_iter().map(tame).collect()),
    }
}

fn by_format(format: &str, random: &mut ChaCha8Rng) -> Option<String> {
    let made = match format {
        "date-time" => moment(random).format(&Rfc3339).ok()?,
        "date" => moment(random).date().to_string(),
        "time" => format!("{}Z", &moment(random).format(&Rfc3339).ok()?[11..19]),
        "duration" => format!("PT{}M", random.random_range(1..=90)),
        "email" | "idn-email" => format!("{}.{}@example.com", word(random), word(random)),
        "hostname" | "idn-hostname" => format!("{}.example.com", word(random)),
        "ipv4" => format!("192.0.2.{}", random.random_range(1..=254)),
        "ipv6" => format!("2001:db8::{:x}", random.random_range(1..=0xffff)),
        "uri" | "url" | "iri" => format!("https://example.com/{}", word(random)),
        "uri-reference" | "iri-reference" => format!("/{}/{}", word(random), word(random)),
        "uri-template" => format!("https://example.com/{}/{{id}}", word(random)),
        "json-pointer" => format!("/{}", word(random)),
        "relative-json-pointer" => "0".to_owned(),
        "regex" => "^[a-z]+$".to_owned(),
        "uuid" | "guid" => uuid(random),
        "byte" => base64::Engine::encode(&base64::engine::general_purpose::STANDARD, word(random)),
        "password" => format!("{}-{}-{}", word(random), word(random), random.random_range(10..=99)),
        _ => return None,
    };
    Some(made)
}

fn moment(random: &mut ChaCha8Rng) -> OffsetDateTime {
    let start = OffsetDateTime::from_unix_timestamp(EPOCH).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    start + Duration::seconds(random.random_range(0..365 * 24 * 3600))
}

/// A version 4 UUID (RFC 9562 §5.4).
fn uuid(random: &mut ChaCha8Rng) -> String {
    let (high, low) = (random.next_u64(), random.next_u64());
    let variant = 0x8000 | (low >> 48) & 0x3fff;
    format!(
        "{:08x}-{:04x}-4{:03x}-{variant:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low & 0xffff_ffff_ffff
    )
}
