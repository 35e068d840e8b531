//! Media types and media ranges (RFC 9110 §8.3.1 and §12.5.1): parsing, matching and precedence.
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use mediatype::MediaType as Parsed;
use mediatype::ReadParams as _;

/// A key of `content`: a media type such as `application/json`, or a range such as `text/*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaRange {
    /// Text as documented, with parameters; sent as `Content-Type`.
    text: String,
    /// Type and subtype in lower case, without parameters: `application/json`.
    essence: String,
    parameters: Vec<(String, String)>,
    is_range: bool,
}

impl MediaRange {
    /// Parses `application/json; charset=utf-8`; `None` if it is not a media type.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parsed = Parsed::parse(text.trim().trim_end_matches(';')).ok()?;
        let essence = parsed.essence().to_string().to_ascii_lowercase();
        let parameters = parsed.params().map(|(name, value)| {
            (
                name.as_str().to_ascii_lowercase(),
                value.unquoted_str().to_ascii_lowercase(),
            )
        });
        let is_range = essence.contains('*');
        Some(Self {
            text: text.trim().to_owned(),
            essence,
            parameters: parameters.collect(),
            is_range,
        })
    }

    /// Returns true if a text equals this type character by character; never true for a range.
    #[must_use]
    pub fn is_exactly(&self, text: &str) -> bool {
        self.text == text && !self.is_range()
    }

    /// Returns the text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns type and subtype in lower case: `application/json`.
    #[must_use]
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// Returns the value of a parameter in lower case, such as `utf-8` for `charset`.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(there, _)| there == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns true if this is a range: `*/*`, `text/*`.
    #[must_use]
    pub fn is_range(&self) -> bool {
        self.is_range
    }

    /// Returns true if the content is JSON: `application/json`, a subtype with the suffix `+json`
    /// other than `stream+json`, or a vendor name (`x-json`, `x-amz-json-1.1`).
    #[must_use]
    pub fn is_json(&self) -> bool {
        let subtype = self.essence.split('/').nth(1).unwrap_or_default();
        let is_other_name = subtype == "x-json" || subtype.starts_with("x-amz-json-");
        subtype == "json" || is_other_name || subtype.ends_with("+json") && subtype != "stream+json"
    }

    /// Returns true if a media type matches this range or equals this type (RFC 9110 §12.5.1). The
    /// type must have each parameter of the range with the same value, apart from `charset`,
    /// `boundary` and `q`, which do not identify a type.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.covers_essence(other)
            && self
                .distinguishing()
                .all(|(name, value)| other.parameter(name).is_some_and(|there| there == value))
    }

    /// Returns true if a media type would match this range if parameters that it lacks were added.
    #[must_use]
    pub fn nearly_covers(&self, other: &Self) -> bool {
        self.covers_essence(other)
            && self
                .distinguishing()
                .all(|(name, value)| other.parameter(name).is_none_or(|there| there == value))
    }

    /// Returns the parameters that distinguish media types.
    fn distinguishing(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self
            .parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        all.filter(|(name, _)| !matches!(*name, "charset" | "boundary" | "q"))
    }

    /// Compares type and subtype; a `*`, as in `*+json`, matches any text.
    fn covers_essence(&self, other: &Self) -> bool {
        if !self.is_range {
            return self.essence == other.essence;
        }
        let halves = (self.essence.split_once('/'), other.essence.split_once('/'));
        let (Some((main, subtype)), Some((other_main, other_subtype))) = halves else {
            return false;
        };
        let fits = |pattern: &str, text: &str| match pattern.split_once('*') {
            Some((before, after)) => {
                text.len() >= before.len() + after.len()
                    && text.starts_with(before)
                    && text.ends_with(after)
            }
            None => pattern == text,
        };
        fits(main, other_main) && fits(subtype, other_subtype)
    }

    /// Returns how specific a range is: `*/*` 0, `text/*` 1, `application/*+json` 2, `text/plain`
    /// 3, with parameters 4 and more.
    #[must_use]
    pub fn specificity(&self) -> usize {
        let (main, subtype) = self.essence.split_once('/').unwrap_or_default();
        match (main.contains('*'), subtype) {
            (true, "*") => 0,
            (false, "*") => 1,
            _ if self.is_range => 2,
            _ => 3 + self.distinguishing().count(),
        }
    }
}

/// Framing of the items of a sequential media type (OpenAPI 3.2.0 §4.14.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequence {
    /// `text/event-stream`: server-sent events.
    Events,
    /// JSON Lines, also known as NDJSON: one JSON text per line.
    Lines,
    /// JSON text sequences (RFC 7464): each text begins with a record separator.
    Records,
}

impl MediaRange {
    /// Returns the framing of the items, if this is a sequential type.
    #[must_use]
    pub fn sequence(&self) -> Option<Sequence> {
        let (main, subtype) = self.essence.split_once('/')?;
        match subtype {
            // The most frequent type, so it is compared first.
            "json" => None,
            "event-stream" if main == "text" => Some(Sequence::Events),
            "jsonl" | "x-jsonl" | "jsonlines" | "x-jsonlines" | "json-lines" | "x-ndjson"
            | "ndjson" | "x-json-stream" | "stream+json" => Some(Sequence::Lines),
            "json-seq" => Some(Sequence::Records),
            _ if subtype.ends_with("+jsonl") || subtype.ends_with("+ndjson") => {
                Some(Sequence::Lines)
            }
            _ if subtype.ends_with("+json-seq") => Some(Sequence::Records),
            _ => None,
        }
    }

    /// Returns true if the content is XML: `application/xml`, `text/xml`, or a subtype with the
    /// suffix `+xml`.
    #[must_use]
    pub fn is_xml(&self) -> bool {
        let subtype = self.essence.split('/').nth(1).unwrap_or_default();
        subtype == "xml" || subtype.ends_with("+xml")
    }
}

impl fmt::Display for MediaRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Serialized content.
#[derive(Debug, Clone, Default)]
pub struct Written {
    /// The whole content.
    pub bytes: Bytes,
    /// End of each item, for content that is sent item by item; empty for any other.
    pub ends: Arc<[usize]>,
    /// Media type to send, if it has a parameter that the document cannot have (`boundary`).
    pub media: Option<HeaderValue>,
    /// True if a value cannot be written in the media type.
    pub is_lost: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> MediaRange {
        MediaRange::parse(text).expect("is a media type")
    }

    #[test]
    fn ranges_cover_their_types() {
        assert!(range("*/*").covers(&range("text/plain")));
        assert!(range("text/*").covers(&range("Text/Plain; charset=utf-8")));
        assert!(!range("text/*").covers(&range("image/png")));
        assert!(range("application/json").covers(&range("application/json; charset=utf-8")));
        assert!(!range("a/b; version=1").covers(&range("a/b; version=2")));
    }

    #[test]
    fn parameters_of_a_range_must_be_in_the_type() {
        assert!(!range("text/html;level=1").covers(&range("text/html")));
        assert!(range("text/html;level=1").nearly_covers(&range("text/html")));
        assert!(!range("text/html;level=1").nearly_covers(&range("text/html;level=2")));
        assert!(range("text/html").covers(&range("text/html;level=1")));
        assert!(range("text/html; charset=utf-8").covers(&range("text/html")));
        assert!(
            range("multipart/form-data; boundary=a")
                .covers(&range("multipart/form-data; boundary=b"))
        );
    }

    #[test]
    fn suffix_ranges_cover_subtypes_with_the_suffix() {
        assert!(range("application/*+json").covers(&range("application/merge-patch+json")));
        assert!(!range("application/*+json").covers(&range("application/json")));
        assert!(!range("application/*+json").covers(&range("text/a+json")));
        assert!(range("application/vnd.acme.*+xml").covers(&range("application/vnd.acme.pet+xml")));
        assert!(!range("application/*json+json").covers(&range("application/json")));
    }

    #[test]
    fn the_more_a_range_says_the_more_specific_it_is() {
        let ordered = [
            "*/*",
            "text/*",
            "text/*+xml",
            "text/plain; charset=utf-8",
            "text/plain;format=flowed",
        ];
        assert!(
            ordered
                .iter()
                .map(|text| range(text).specificity())
                .is_sorted_by(|a, b| a < b)
        );
    }

    #[test]
    fn a_type_is_itself_letter_by_letter() {
        assert!(range("application/json").is_exactly("application/json"));
        assert!(!range("application/json").is_exactly("application/json; charset=utf-8"));
        assert!(!range("application/*").is_exactly("application/*"));
    }

    #[test]
    fn json_is_told_by_the_subtype() {
        assert!(range("application/json; charset=utf-8").is_json());
        assert!(range("application/problem+json").is_json());
        assert!(!range("application/jsonlines").is_json());
    }

    #[test]
    fn what_is_no_media_type_is_none() {
        assert_eq!(MediaRange::parse("json"), None);
        assert_eq!(MediaRange::parse(""), None);
    }
}
