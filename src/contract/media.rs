//! Media types and media ranges (RFC 9110 §8.3.1 and §12.5.1): parsing and fitting.

use std::fmt;

use mediatype::{MediaType as Parsed, ReadParams as _};

/// A key of `content`: a media type such as `application/json`, or a range such as `text/*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaRange {
    /// As documented, with its parameters: what is sent as `Content-Type`.
    text: String,
    /// `application/json` in lower case, without parameters.
    essence: String,
    parameters: Vec<(String, String)>,
    is_range: bool,
}

impl MediaRange {
    /// Parses `application/json; charset=utf-8`; `None` if it is no media type.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parsed = Parsed::parse(text.trim().trim_end_matches(';')).ok()?;
        let essence = parsed.essence().to_string().to_ascii_lowercase();
        let parameters = parsed
            .params()
            .map(|(name, value)| (name.as_str().to_ascii_lowercase(), value.unquoted_str().to_ascii_lowercase()));
        let is_range = essence.contains('*');
        Some(Self { text: text.trim().to_owned(), essence, parameters: parameters.collect(), is_range })
    }

    /// Whether a text is this type, letter by letter; a range is never what is sent.
    #[must_use]
    pub fn is_exactly(&self, text: &str) -> bool {
        self.text == text && !self.is_range()
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Type and subtype in lower case: `application/json`.
    #[must_use]
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// The value of a parameter in lower case, such as `utf-8` for `charset`.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(there, _)| there == name).map(|(_, value)| value.as_str())
    }

    /// Whether it is a range: `*/*`, `text/*`.
    #[must_use]
    pub fn is_range(&self) -> bool {
        self.is_range
    }

    /// Whether its content is JSON: `application/json`, or a subtype with the suffix `+json`.
    #[must_use]
    pub fn is_json(&self) -> bool {
        let subtype = self.essence.split('/').nth(1).unwrap_or_default();
        let is_other_name = subtype == "x-json" || subtype.starts_with("x-amz-json-");
        subtype == "json" || is_other_name || subtype.ends_with("+json") && subtype != "stream+json"
    }

    /// Whether a media type falls under this range or is this type. Parameters of the range must
    /// be there in the type with the same value, `charset` and `q` apart.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.covers_essence(other)
            && self.parameters.iter().all(|(name, value)| {
                matches!(name.as_str(), "charset" | "q") || other.parameter(name).is_none_or(|there| there == value)
            })
    }

    fn covers_essence(&self, other: &Self) -> bool {
        match self.essence.split_once('/') {
            Some(("*", _)) => true,
            Some((main, "*")) => other.essence.split('/').next() == Some(main),
            _ => self.essence == other.essence,
        }
    }

    /// How specific it is: `*/*` 0, `text/*` 1, `text/plain` 2, with parameters 3 and more.
    #[must_use]
    pub fn specificity(&self) -> usize {
        let parameters = self.parameters.iter().filter(|(name, _)| name != "q").count();
        match self.essence.split_once('/') {
            Some(("*", _)) => 0,
            Some((_, "*")) => 1,
            _ => 2 + parameters,
        }
    }
}

/// How the items of a sequential media type are framed (OpenAPI 3.2.0 §4.14.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequence {
    /// `text/event-stream`: server-sent events.
    Events,
    /// JSON Lines, also known as NDJSON: one JSON text a line.
    Lines,
    /// RFC 7464: JSON texts that each begin with a record separator.
    Records,
}

impl MediaRange {
    /// How its items are framed, if it is a sequential type.
    #[must_use]
    pub fn sequence(&self) -> Option<Sequence> {
        let (main, subtype) = self.essence.split_once('/')?;
        match subtype {
            // Most are.
            "json" => None,
            "event-stream" if main == "text" => Some(Sequence::Events),
            "jsonl" | "x-jsonl" | "jsonlines" | "x-jsonlines" | "json-lines" | "x-ndjson" | "ndjson"
            | "x-json-stream" | "stream+json" => Some(Sequence::Lines),
            "json-seq" => Some(Sequence::Records),
            _ if subtype.ends_with("+jsonl") || subtype.ends_with("+ndjson") => Some(Sequence::Lines),
            _ if subtype.ends_with("+json-seq") => Some(Sequence::Records),
            _ => None,
        }
    }

    /// Whether its content is XML: `application/xml`, `text/xml`, or a subtype with the suffix `+xml`.
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
