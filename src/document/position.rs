//! Maps JSON Pointers back to lines and columns.
use std::borrow::Cow;

use saphyr_parser::{Event, Parser, Span as YamlSpan};

use crate::diagnostic::{KeyAndValue, Positions, Span};
use crate::document::syntax::join;

/// Returns the positions of every key and value of a JSON or YAML text.
///
/// The whole text is parsed again, so call this only if there is a diagnostic to show. If the event
/// parser fails, the positions up to the failure are returned.
#[must_use]
pub(super) fn positions(text: &str) -> Positions {
    // A YAML parser is slower and fails at constructs that only JSON has, such as `"\ud83d\ude00"`.
    if text
        .trim_start_matches('\u{feff}')
        .trim_start()
        .starts_with('{')
        && let Some(positions) = Scan::new(text).document()
    {
        return positions;
    }
    let mut text = Cow::Borrowed(text);
    let mut indented = 0;
    for _ in 0..(MOST_READ / text.len().max(1)).min(MOST_RETRIES) {
        match walk(&text) {
            (_, Some(at)) if at > indented => {
                text = with_indent(&text, at).into();
                indented = at;
            }
            (positions, _) => return positions,
        }
    }
    walk(&text).0
}

/// Maximum number of scalars that are indented to read on behind them.
const MOST_RETRIES: usize = 200;

/// Maximum number of bytes that are read again behind such scalars; places behind the next one are
/// those of the nearest part before it.
const MOST_READ: usize = 64 * 1024 * 1024;

/// Returns the positions in a YAML text, and the number of characters before the scalar at which
/// the parser fails, if it does.
fn walk(text: &str) -> (Positions, Option<usize>) {
    let mut walk = Walk::default();
    for event in Parser::new_from_str(text) {
        match event {
            Ok((Event::DocumentEnd, _)) => break,
            Ok((event, span)) => walk.step(&event, span),
            Err(error) => return (walk.positions, Some(error.marker().index())),
        }
    }
    (walk.positions, None)
}

/// Returns a text in which the lines of the quoted scalar after `at` characters are indented.
/// Many readers, ours too, accept a scalar that continues at the column of its key, which this
/// parser refuses (YAML 1.2.2 §6.1). Lines keep their numbers; other text keeps its columns.
fn with_indent(text: &str, at: usize) -> String {
    const INDENT: &str = "                                ";
    let start = text
        .char_indices()
        .nth(at)
        .map_or(text.len(), |(start, _)| start);
    let (before, scalar) = text.split_at(start);
    let Some(quote) = scalar
        .chars()
        .next()
        .filter(|quote| matches!(quote, '"' | '\''))
    else {
        return text.to_owned();
    };
    let mut written = before.to_owned();
    let mut letters = scalar.char_indices().peekable();
    let mut end = scalar.len();
    written.extend(letters.next().map(|(_, quote)| quote));
    while let Some((index, letter)) = letters.next() {
        written.push(letter);
        match letter {
            '\n' => written.push_str(INDENT),
            '\\' if quote == '"' => {
                let escaped = letters.next().map(|(_, escaped)| escaped);
                written.extend(escaped);
                if escaped == Some('\n') {
                    written.push_str(INDENT);
                }
            }
            // `''` is one quote within a single-quoted scalar.
            '\'' if quote == '\'' && letters.next_if(|(_, next)| *next == '\'').is_some() => {
                written.push('\'');
            }
            letter if letter == quote => {
                end = index + quote.len_utf8();
                break;
            }
            _ => {}
        }
    }
    written + &scalar[end..]
}

#[derive(Default)]
struct Walk {
    positions: Positions,
    open: Vec<Open>,
}

/// A map or list that has begun and not ended.
struct Open {
    pointer: String,
    next: Next,
}

enum Next {
    Key,
    ValueOf(String, Span),
    /// A key that is itself a map or a list; neither it nor its value has a pointer.
    Nothing,
    Item(usize),
}

impl Walk {
    fn step(&mut self, event: &Event<'_>, span: YamlSpan) {
        match event {
            Event::Scalar(text, ..) => self.scalar(text, to_span(span)),
            Event::Alias(_) => {
                self.value(to_span(span));
            }
            Event::MappingStart(..) => {
                let pointer = self.value(first_character(span));
                self.open.push(Open {
                    pointer,
                    next: Next::Key,
                });
            }
            Event::SequenceStart(..) => {
                let pointer = self.value(first_character(span));
                self.open.push(Open {
                    pointer,
                    next: Next::Item(0),
                });
            }
            Event::MappingEnd | Event::SequenceEnd => {
                self.open.pop();
            }
            _ => {}
        }
    }

    fn scalar(&mut self, text: &str, span: Span) {
        if let Some(Open {
            next: next @ Next::Key,
            ..
        }) = self.open.last_mut()
        {
            *next = Next::ValueOf(text.to_owned(), span);
        } else {
            self.value(span);
        }
    }

    /// Notes the value that begins here and returns its pointer.
    pub(crate) fn value(&mut self, value: Span) -> String {
        let Some(open) = self.open.last_mut() else {
            self.positions
                .insert(String::new(), KeyAndValue { key: None, value });
            return String::new();
        };
        let (pointer, key) = match std::mem::replace(&mut open.next, Next::Key) {
            Next::ValueOf(key, span) => (join(&open.pointer, &key), Some(span)),
            Next::Item(index) => {
                open.next = Next::Item(index + 1);
                (join(&open.pointer, &index.to_string()), None)
            }
            Next::Key => {
                open.next = Next::Nothing;
                return String::from("/\u{0}");
            }
            Next::Nothing => return String::from("/\u{0}"),
        };
        self.positions
            .insert(pointer.clone(), KeyAndValue { key, value });
        pointer
    }
}

fn to_span(span: YamlSpan) -> Span {
    let one_line = span.start.line() == span.end.line();
    let length = if one_line {
        span.end.col().saturating_sub(span.start.col())
    } else {
        1
    };
    Span {
        line: span.start.line(),
        column: span.start.col() + 1,
        length: length.max(1),
    }
}

fn first_character(span: YamlSpan) -> Span {
    Span {
        line: span.start.line(),
        column: span.start.col() + 1,
        length: 1,
    }
}

/// Scanner of a JSON text that is known to parse; it gives up at anything else.
struct Scan<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    line_start: usize,
    /// Byte up to which the characters of the line are counted, and their number: a document on one
    /// line would be counted again for each of its values.
    counted: (usize, usize),
    positions: Positions,
}

impl<'t> Scan<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
            line_start: 0,
            counted: (0, 0),
            positions: Positions::new(),
        }
    }

    /// Returns the positions of the whole text; `None` if it is not JSON.
    fn document(mut self) -> Option<Positions> {
        let mut open: Vec<(String, Option<usize>)> = Vec::new();
        let mut pending: Option<(String, Option<Span>)> = Some((String::new(), None));
        loop {
            let Some(next) = self.skip_blanks() else {
                return open.is_empty().then_some(self.positions);
            };
            match next {
                b'}' | b']' => {
                    open.pop()?;
                    self.at += 1;
                    pending = None;
                }
                b',' => {
                    self.at += 1;
                    let (pointer, index) = open.last_mut()?;
                    if let Some(index) = index {
                        *index += 1;
                        pending = Some((join(pointer, &index.to_string()), None));
                    }
                }
                b'"' if pending.is_none() => {
                    let key = self.token()?;
                    let name: String = serde_json::from_str(self.shown(key)).ok()?;
                    (self.skip_blanks()? == b':').then_some(())?;
                    self.at += 1;
                    pending = Some((join(&open.last()?.0, &name), Some(self.span(key))));
                }
                first => {
                    let (pointer, key) = pending.take()?;
                    let is_list = first == b'[';
                    let range = if first == b'{' || is_list {
                        self.bracket()
                    } else {
                        self.token()?
                    };
                    let value = self.span(range);
                    self.positions
                        .insert(pointer.clone(), KeyAndValue { key, value });
                    if is_list {
                        pending = Some((join(&pointer, "0"), None));
                        open.push((pointer, Some(0)));
                        self.empty_list(&mut pending);
                    } else if first == b'{' {
                        open.push((pointer, None));
                    }
                }
            }
        }
    }

    /// Clears the pending first item if the list is empty.
    fn empty_list(&mut self, pending: &mut Option<(String, Option<Span>)>) {
        if self.skip_blanks() == Some(b']') {
            *pending = None;
        }
    }

    fn skip_blanks(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            match byte {
                b'\n' => {
                    self.line += 1;
                    self.line_start = self.at + 1;
                    self.counted = (self.line_start, 0);
                }
                b' ' | b'\t' | b'\r' | 0xef | 0xbb | 0xbf => {}
                _ => return Some(byte),
            }
            self.at += 1;
        }
    }

    fn bracket(&mut self) -> (usize, usize) {
        self.at += 1;
        (self.at - 1, self.at)
    }

    /// Reads a string with its quotes, or a word or number, and returns its byte range.
    fn token(&mut self) -> Option<(usize, usize)> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        if bytes[start] == b'"' {
            self.at += 1;
            while *bytes.get(self.at)? != b'"' {
                self.at += if bytes[self.at] == b'\\' { 2 } else { 1 };
            }
            self.at += 1;
        } else {
            let ends =
                |byte: &u8| matches!(byte, b',' | b'}' | b']' | b':') || byte.is_ascii_whitespace();
            self.at += bytes[start..]
                .iter()
                .position(ends)
                .unwrap_or(bytes.len() - start);
            (self.at > start).then_some(())?;
        }
        Some((start, self.at))
    }

    fn shown(&self, (start, end): (usize, usize)) -> &'t str {
        self.text.get(start..end).unwrap_or_default()
    }

    fn span(&mut self, range: (usize, usize)) -> Span {
        let (from, counted) = self.counted;
        // A key may be on a line before its colon.
        let between = self.text.get(from..range.0);
        let before = between.map_or(0, |between| counted + between.chars().count());
        if between.is_some() {
            self.counted = (range.0, before);
        }
        Span {
            line: self.line,
            column: before + 1,
            length: self.shown(range).chars().count().max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_by_pointer() {
        let places = positions("paths:\n  /a:\n    get: {tags: [x, yy]}\n");
        assert_eq!(
            places["/paths/~1a/get/tags/1"].value,
            Span {
                line: 3,
                column: 21,
                length: 2
            }
        );
        assert_eq!(
            places["/paths/~1a"].key,
            Some(Span {
                line: 2,
                column: 3,
                length: 2
            })
        );
    }

    #[test]
    fn places_behind_a_scalar_that_is_indented_too_little_are_found() {
        let text = "a:\n  b: \"one\n  two \\\" \\\n  three\"\n  c: 'it''s\n\n  four'\n  é: \"x\n  y\"\nd: 1\n";
        let places = positions(text);
        let start = |pointer: &str| (places[pointer].value.line, places[pointer].value.column);
        assert_eq!(start("/a/c"), (5, 6));
        assert_eq!(start("/a/é"), (8, 6));
        assert_eq!(start("/d"), (10, 4));
    }

    #[test]
    fn json_has_its_own_scanner_that_agrees_with_the_other_one() {
        let text =
            "{\n \"a\": [1, {\"b/c\": \"x\"}, []],\n \"d\": {\"e\": null}, \"\\u0066\": true\n}\n";
        let scanned = Scan::new(text).document().expect("is JSON");
        let mut walk = Walk::default();
        for event in Parser::new_from_str(text) {
            let (event, span) = event.expect("is YAML too");
            walk.step(&event, span);
        }
        assert_eq!(scanned.len(), walk.positions.len());
        for (pointer, place) in &walk.positions {
            assert_eq!(scanned[pointer].value, place.value, "{pointer}");
        }
        assert_eq!(
            scanned["/a/1/b~1c"].key,
            Some(Span {
                line: 2,
                column: 12,
                length: 5
            })
        );
    }

    #[test]
    fn surrogates_do_not_hide_what_comes_after() {
        let places = positions("{\"a\": \"\\ud83d\\ude00\",\n \"b\": 1}");
        assert_eq!(
            places["/b"].value,
            Span {
                line: 2,
                column: 7,
                length: 1
            }
        );
    }
}
