//! Draws words, times and identifiers, from which other texts are composed.
use rand::Rng as _;
use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

/// Start of the span from which times are drawn, in Unix seconds: 2026-01-01T00:00:00Z. It is
/// fixed, so that the same seed gives the same bytes on every day.
pub(crate) const EPOCH: i64 = 1_767_225_600;

/// Length of the span from which times are drawn, in seconds: 300 days.
pub(crate) const SPAN: f64 = 300.0 * 24.0 * 3600.0;

pub(crate) const WORDS: [&str; 24] = [
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "haven", "inlet", "juniper",
    "kestrel", "lagoon", "maple", "north", "orchid", "pebble", "quartz", "river", "summit",
    "tundra", "umber", "valley", "willow", "zephyr",
];

/// Draws a word of ASCII letters, in lower case.
pub(crate) fn word(random: &mut ChaCha8Rng) -> &'static str {
    WORDS.choose(random).copied().unwrap_or("word")
}

/// Returns the time at a fraction of the span: 0 is its start, 1 its end.
#[expect(clippy::cast_possible_truncation, reason = "300 days of seconds")]
#[must_use]
pub(crate) fn at(part: f64) -> OffsetDateTime {
    let start = OffsetDateTime::from_unix_timestamp(EPOCH).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    start + Duration::seconds((part * SPAN) as i64)
}

/// Draws any time of the span.
pub(crate) fn moment(random: &mut ChaCha8Rng) -> OffsetDateTime {
    at(random.random_range(0.0..1.0))
}

/// Formats a time like `2026-03-04T05:06:07Z` (RFC 3339).
#[must_use]
pub(crate) fn rfc3339(moment: OffsetDateTime) -> String {
    moment
        .format(&Rfc3339)
        .unwrap_or_else(|_| "2026-01-01T00:00:00Z".to_owned())
}

/// Draws the birthday of an adult, 20 to 70 years before the span, like `1980-05-17`.
pub(crate) fn birthday(random: &mut ChaCha8Rng) -> String {
    let days = random.random_range(20 * 365..70 * 365);
    (at(0.0) - Duration::days(days)).date().to_string()
}

/// Formats a time like `Wed, 04 Mar 2026 05:06:07 GMT` (RFC 9110 §5.6.7).
#[must_use]
pub(crate) fn http_date(moment: OffsetDateTime) -> String {
    httpdate::fmt_http_date(moment.into())
}

/// Draws a version 4 UUID (RFC 9562 §5.4).
pub(crate) fn uuid(random: &mut ChaCha8Rng) -> String {
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

/// Name of a value and of its owner: `name` of a `Pet`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Called<'n> {
    /// Name of the property, or of the list that has the value as an item.
    pub name: &'n str,
    /// Name of the schema that the property belongs to.
    pub owner: &'n str,
}

/// Returns the FNV-1a hash of a text: equal on every machine, unlike the standard library's
/// hashes.
#[must_use]
pub(crate) fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
