//! Escapes characters that change what a terminal or a page shows, such as ESC as `\u{1b}` and a
//! change of the writing direction as `\u{202e}`.
//!
//! Applied to text from documents and requests before it is shown to people.
use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value;

/// Returns the text in one line, with each invisible character as an escape.
#[must_use]
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    without(text, |_| false)
}

/// Returns the text with its line feeds kept, and each other invisible character as an escape.
#[must_use]
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    without(text, |letter| letter == '\n')
}

/// Escapes text for HTML and XML 1.0, in elements and in attributes with either quotation mark; line
/// feeds are kept. Control characters are not allowed in XML, not even as references (§2.2), so
/// they are escaped as in all other text for people.
#[must_use]
pub(crate) fn markup(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for letter in lines(text).chars() {
        match letter {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '"' => written.push_str("&quot;"),
            '\'' => written.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => written.extend(letter.escape_unicode()),
            letter => written.push(letter),
        }
    }
    written
}

/// Returns indented JSON for people and machines: invisible characters are escaped, and parse as
/// what they were.
#[must_use]
pub(crate) fn pretty_json(value: &Value) -> String {
    json(&format!("{value:#}")).into_owned()
}

/// Escapes invisible characters in a JSON text; outside of strings it may have no such character
/// but line feeds.
#[must_use]
pub(crate) fn json(text: &str) -> Cow<'_, str> {
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
    if is_plain(text)
        || !text
            .chars()
            .any(|letter| is_hidden(letter) && !is_kept(letter))
    {
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

/// Returns true if a text has only visible ASCII characters and blanks, as most texts do.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// Returns true if a character is a control character or a line end, or invisibly changes the
/// writing direction or the text around it.
#[must_use]
pub(crate) fn is_hidden(letter: char) -> bool {
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
        assert_eq!(
            one_line("a\u{1b}[31m\r\n\u{202e}b\u{85}"),
            r"a\u{1b}[31m\r\n\u{202e}b\u{85}"
        );
        assert_eq!(lines("a\nb\u{7f}"), "a\nb\\u{7f}");
        // A family emoji joins several characters, and Persian words have zero-width marks.
        assert_eq!(
            one_line("é 👨\u{200d}👩 \u{200c}"),
            "é 👨\u{200d}👩 \u{200c}"
        );
    }

    #[test]
    fn text_is_no_markup() {
        assert_eq!(
            markup("<script>\"&'\u{202e}\n\u{ffff}"),
            "&lt;script&gt;&quot;&amp;&#39;\\u{202e}\n\\u{ffff}"
        );
    }

    #[test]
    fn json_is_the_same_value() {
        let value = serde_json::json!({"a\u{202e}": "\u{7f}\u{e0041}\u{1b}é"});
        let text = pretty_json(&value);
        assert!(
            text.is_ascii()
                || text
                    .chars()
                    .all(|letter| letter == '\n' || !is_hidden(letter)),
            "{text}"
        );
        assert!(
            text.contains("\\u202e") && text.contains("\\udb40\\udc41"),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(value));
    }
}
