//! How is text of others shown to people? Characters that change what a terminal or a page shows are written
//! as escapes, such as `\u{1b}` for ESC and `\u{202e}` for a change of the writing direction.
use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value;

/// Returns the text in one line, with every character that cannot be seen as an escape.
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    without(text, |_| false)
}

/// Returns the text with its line ends, and every other character that cannot be seen as an escape.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    without(text, |letter| letter == '\n')
}

/// Returns indented JSON for people and machines: what cannot be seen is escaped, and read as what it is.
#[must_use]
pub fn pretty_json(value: &Value) -> String {
    json(&format!("{value:#}")).into_owned()
}

/// Escapes what cannot be seen in a JSON text; outside of strings JSON has no such character but line ends.
#[must_use]
pub fn json(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter == '\n' || !is_hidden(letter) {
            written.push(letter);
            continue;
        }
        for unit in letter.encode_utf16(&mut [0; 2]) {
            let _ = write!(written, "\\u{unit:04x}");
        }
    }
    Cow::Owned(written)
}

fn without(text: &str, is_kept: fn(char) -> bool) -> Cow<'_, str> {
    if is_plain(text) || !text.chars().any(|letter| is_hidden(letter) && !is_kept(letter)) {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if is_hidden(letter) && !is_kept(letter) {
            written.extend(letter.escape_default());
        } else {
            written.push(letter);
        }
    }
    Cow::Owned(written)
}

/// Whether a text has nothing but visible ASCII, as most have.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// Whether a character is a control character, a line end, or changes the writing direction or the text around it
/// without being seen.
#[must_use]
pub fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_escaped() {
        assert_eq!(one_line("a\u{1b}[31m\r\n\u{202e}b\u{85}"), r"a\u{1b}[31m\r\n\u{202e}b\u{85}");
        assert_eq!(lines("a\nb\u{7f}"), "a\nb\\u{7f}");
        // A family is joined of several characters, and Persian words have zero-width marks.
        assert_eq!(one_line("é 👨\u{200d}👩 \u{200c}"), "é 👨\u{200d}👩 \u{200c}");
    }

    #[test]
    fn json_is_the_same_value() {
        let value = serde_json::json!({"a\u{202e}": "\u{7f}\u{e0041}\u{1b}é"});
        let text = pretty_json(&value);
        assert!(text.is_ascii() || text.chars().all(|letter| letter == '\n' || !is_hidden(letter)), "{text}");
        assert!(text.contains("\\u202e") && text.contains("\\udb40\\udc41"), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(value));
    }
}
