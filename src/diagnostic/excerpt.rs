//! Excerpts: the lines of text around the place of a diagnostic, for pages.
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::diagnostic::Place;

/// Number of lines shown before and after the marked one.
const AROUND: usize = 2;

/// Maximum characters of a line; the rest is cut.
const LONGEST_LINE: usize = 200;

/// Number of characters shown before the mark in a line that is cut at its beginning.
const LEAD: usize = 40;

/// Column beyond which a place has no excerpt: the line is no text for people.
const LAST_COLUMN: usize = 100_000;

/// Reader of excerpts, which finds the lines of each text once.
#[derive(Debug, Default)]
pub(crate) struct Excerpts {
    texts: HashMap<String, TextLines>,
}

/// Text with the positions of its lines.
#[derive(Debug)]
struct TextLines {
    text: Arc<String>,
    /// Index of the first byte of each line.
    starts: Vec<usize>,
}

impl TextLines {
    fn new(text: Arc<String>) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        // The end of the last line begins no other.
        let breaks = breaks.filter(|start| *start < text.len());
        let starts = std::iter::once(0).chain(breaks).collect();
        Self { text, starts }
    }

    /// Returns a line, counted from 1, without its end.
    fn line(&self, number: usize) -> Option<&str> {
        let start = *self.starts.get(number.checked_sub(1)?)?;
        let end = self.starts.get(number).copied();
        let line = &self.text[start..end.unwrap_or(self.text.len())];
        Some(line.trim_end_matches(['\n', '\r']))
    }
}

impl Excerpts {
    /// Returns the lines around a place: `{"line": 12, "text": "  type: text"}`. The line of the
    /// place has `column`, counted from 1 in the shown text, and `length`, in characters.
    pub(crate) fn around(&mut self, place: &Place) -> Vec<Value> {
        let span = place.span();
        if span.column > LAST_COLUMN {
            return Vec::new();
        }
        let (source, _) = place.owner();
        let lines = self
            .texts
            .entry(source.name().to_owned())
            .or_insert_with(|| TextLines::new(source.text()));
        let first = span.line.saturating_sub(AROUND).max(1);
        let mut shown = Vec::new();
        for number in first..=span.line.saturating_add(AROUND) {
            let Some(line) = lines.line(number) else {
                break;
            };
            let is_marked = number == span.line;
            let skipped = match span.column.saturating_sub(1) {
                before if is_marked && before + span.length > LONGEST_LINE => {
                    before.saturating_sub(LEAD)
                }
                _ => 0,
            };
            let text: String = line.chars().skip(skipped).take(LONGEST_LINE).collect();
            let mut entry = json!({ "line": number, "text": text.replace('\t', " ") });
            if is_marked {
                let left = LONGEST_LINE.saturating_sub(span.column - 1 - skipped);
                entry["column"] = json!(span.column - skipped);
                entry["length"] = json!(span.length.min(left));
            }
            if skipped > 0 || line.chars().nth(skipped + LONGEST_LINE).is_some() {
                entry["cut"] = json!(true);
            }
            shown.push(entry);
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Positions, Source, Span};

    fn around(text: &str, line: usize, column: usize) -> Vec<Value> {
        let source = Source::new("a.yaml".into(), text.to_owned(), |_| Positions::new());
        let span = Span {
            line,
            column,
            length: 3,
        };
        Excerpts::default().around(&Place::exact(&source, span))
    }

    #[test]
    fn the_place_is_marked_among_its_neighbours() {
        let found = around("a: 1\r\nb: two\n\tc: 3", 2, 4);
        let expected = [
            json!({"line": 1, "text": "a: 1"}),
            json!({"line": 2, "text": "b: two", "column": 4, "length": 3}),
            json!({"line": 3, "text": " c: 3"}),
        ];
        assert_eq!(found, expected);
        assert_eq!(around("", 1, 1).len(), 1);
        assert!(around("a", 9, 1).is_empty());
    }

    #[test]
    fn long_lines_are_cut_around_the_mark() {
        let text = format!("{}xyz{}", "é".repeat(1_000), "b".repeat(1_000));
        let found = around(&text, 1, 1_001);
        let shown = found[0]["text"].as_str().expect("a text");
        assert_eq!(shown.chars().count(), LONGEST_LINE);
        assert_eq!(found[0]["column"], LEAD + 1);
        assert!(
            shown
                .chars()
                .skip(LEAD)
                .collect::<String>()
                .starts_with("xyz")
        );
        assert!(around(&text, 1, LAST_COLUMN + 1).is_empty());
    }
}
