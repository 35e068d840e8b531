//! Lists with a delimiter that no OpenAPI 3 style has: `collectionFormat` of OpenAPI 2.0, also for
//! nested lists.
//!
//! The upgrade of an OpenAPI 2.0 document leaves the keyword in the schema of each list that needs
//! it.
use serde_json::Value;

use crate::codec::text::plain;
use crate::schema::Schema;

/// Delimiter between the items of a list (OpenAPI 2.0, Parameter Object).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CollectionFormat {
    /// `csv`: a comma.
    Commas,
    /// `ssv`: a space.
    Blanks,
    /// `tsv`: a tab.
    Tabs,
    /// `pipes`: a vertical bar.
    Pipes,
}

impl CollectionFormat {
    /// Returns the format in the schema of a list, if it has one.
    #[must_use]
    pub(crate) fn of(schema: &Schema, node: &Value) -> Option<Self> {
        match schema.resolve(node).get("collectionFormat")?.as_str()? {
            "csv" => Some(Self::Commas),
            "ssv" => Some(Self::Blanks),
            "tsv" => Some(Self::Tabs),
            "pipes" => Some(Self::Pipes),
            _ => None,
        }
    }

    /// Returns the delimiter, plain and as clients encode it; the first that occurs in a text
    /// splits it.
    fn delimiters(self) -> &'static [&'static str] {
        match self {
            Self::Commas => &[",", "%2C", "%2c"],
            Self::Blanks => &[" ", "+", "%20"],
            Self::Tabs => &["\t", "%09"],
            Self::Pipes => &["|", "%7C", "%7c"],
        }
    }

    /// Splits the text of a list, which is still percent-encoded; the empty text is the empty
    /// list.
    #[must_use]
    pub(crate) fn split(self, raw: &str) -> Vec<&str> {
        if raw.is_empty() {
            return Vec::new();
        }
        match self
            .delimiters()
            .iter()
            .find(|delimiter| raw.contains(**delimiter))
        {
            Some(delimiter) => raw.split(delimiter).collect(),
            None => vec![raw],
        }
    }

    /// Returns the delimiter, percent-encoded for URLs or plain.
    #[must_use]
    pub(crate) fn delimiter(self, is_encoded: bool) -> &'static str {
        match self {
            Self::Commas => ",",
            Self::Blanks if is_encoded => "%20",
            Self::Blanks => " ",
            Self::Tabs if is_encoded => "%09",
            Self::Tabs => "\t",
            Self::Pipes if is_encoded => "%7C",
            Self::Pipes => "|",
        }
    }

    /// Joins a list that is an item of another list into one string; returns other values
    /// unchanged.
    #[must_use]
    pub(crate) fn join(schema: &Schema, node: &Value, value: &Value) -> Value {
        let (Value::Array(items), Some(format)) = (value, Self::of(schema, node)) else {
            return value.clone();
        };
        let any = Value::Bool(true);
        let item = schema.items(node).unwrap_or(&any);
        let texts = items
            .iter()
            .map(|inner| plain(&Self::join(schema, item, inner)));
        Value::from(texts.collect::<Vec<_>>().join(format.delimiter(false)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_at_their_delimiter_only() {
        assert_eq!(CollectionFormat::Pipes.split("a,b|c%7Cd"), ["a,b", "c%7Cd"]);
        assert_eq!(CollectionFormat::Pipes.split("a%7Cb"), ["a", "b"]);
        assert_eq!(CollectionFormat::Tabs.split("a%20b%09c"), ["a%20b", "c"]);
        assert!(CollectionFormat::Commas.split("").is_empty());
    }
}
