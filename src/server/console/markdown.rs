//! `CommonMark` of descriptions → HTML that is safe to show, whoever wrote it.
//!
//! Raw HTML is shown as text, an image as its alternative text, and a link only if it leads to a
//! web page, a mail address or a part of the page. Every other byte of the output is made here.
use std::fmt::Write as _;

use maud::{Markup, PreEscaped};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::schema::start_of;

/// Maximum bytes of a text that are shown; the rest is cut.
const MOST_TEXT: usize = 20_000;

/// Maximum nesting of lists, quotes and emphasis; deeper ones are shown without their markup.
const DEEPEST: usize = 12;

/// Beginnings of the addresses that links may have.
const ALLOWED: [&str; 4] = ["http://", "https://", "mailto:", "#"];

/// Returns a description as HTML.
pub(super) fn markdown(text: &str) -> Markup {
    let shown = start_of(text, MOST_TEXT);
    let mut writer = MarkdownWriter::default();
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    for event in Parser::new_ext(&shown, options) {
        writer.event(event);
    }
    PreEscaped(writer.out)
}

/// Writer of HTML; each open element has its end tag on the stack.
#[derive(Default)]
struct MarkdownWriter {
    out: String,
    /// End tags of the open elements; empty for those that are shown without their markup.
    open: Vec<&'static str>,
    /// True inside the head of a table.
    is_head: bool,
}

impl MarkdownWriter {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(end) => self.end(end),
            Event::Text(text)
            | Event::Html(text)
            | Event::InlineHtml(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text)
            | Event::FootnoteReference(text) => self.escaped(&text),
            Event::Code(text) => {
                self.out.push_str("<code>");
                self.escaped(&text);
                self.out.push_str("</code>");
            }
            Event::SoftBreak => self.out.push('\n'),
            Event::HardBreak => self.out.push_str("<br>"),
            Event::Rule => self.out.push_str("<hr>"),
            Event::TaskListMarker(is_done) => {
                self.out.push_str(if is_done { "[x] " } else { "[ ] " });
            }
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        let (start, end) = match tag {
            Tag::Link { dest_url, .. } if is_allowed(dest_url) => {
                return self.link(dest_url);
            }
            Tag::List(Some(first)) => {
                if self.open.len() < DEEPEST {
                    let _ = write!(self.out, "<ol start=\"{first}\">");
                    self.open.push("</ol>");
                } else {
                    self.open.push("");
                }
                return;
            }
            Tag::TableHead => {
                self.is_head = true;
                ("<thead><tr>", "</tr></thead>")
            }
            Tag::TableCell if self.is_head => ("<th scope=\"col\">", "</th>"),
            tag => elements(tag),
        };
        let is_shown = self.open.len() < DEEPEST;
        self.out.push_str(if is_shown { start } else { "" });
        self.open.push(if is_shown { end } else { "" });
    }

    fn link(&mut self, address: &str) {
        if self.open.len() >= DEEPEST {
            self.open.push("");
            return;
        }
        self.out.push_str("<a href=\"");
        self.escaped(address);
        self.out.push('"');
        if !address.starts_with('#') {
            self.out
                .push_str(" rel=\"noopener noreferrer\" target=\"_blank\"");
        }
        self.out.push('>');
        self.open.push("</a>");
    }

    fn end(&mut self, end: TagEnd) {
        if end == TagEnd::TableHead {
            self.is_head = false;
        }
        self.out.push_str(self.open.pop().unwrap_or_default());
    }

    /// Writes a text, with the characters escaped that HTML gives a meaning.
    fn escaped(&mut self, text: &str) {
        for letter in text.chars() {
            match letter {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                '\'' => self.out.push_str("&#39;"),
                letter => self.out.push(letter),
            }
        }
    }
}

/// Returns the start and end tag of an element without attributes.
fn elements(tag: &Tag<'_>) -> (&'static str, &'static str) {
    match tag {
        Tag::Paragraph | Tag::HtmlBlock => ("<p>", "</p>"),
        // The page has the levels above.
        Tag::Heading { level, .. } => match level {
            HeadingLevel::H1 | HeadingLevel::H2 => ("<h4>", "</h4>"),
            HeadingLevel::H3 | HeadingLevel::H4 => ("<h5>", "</h5>"),
            HeadingLevel::H5 | HeadingLevel::H6 => ("<h6>", "</h6>"),
        },
        Tag::BlockQuote(_) => ("<blockquote>", "</blockquote>"),
        Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => {
            ("<pre><code>", "</code></pre>")
        }
        Tag::List(_) => ("<ul>", "</ul>"),
        Tag::Item => ("<li>", "</li>"),
        Tag::Table(_) => ("<table>", "</table>"),
        Tag::TableRow => ("<tr>", "</tr>"),
        Tag::TableCell => ("<td>", "</td>"),
        Tag::Emphasis => ("<em>", "</em>"),
        Tag::Strong => ("<strong>", "</strong>"),
        Tag::Strikethrough => ("<del>", "</del>"),
        _ => ("", ""),
    }
}

/// Returns true if a link may lead to an address. Browsers ignore blanks and control characters in
/// a scheme, so an address that has any before its colon has none of the allowed beginnings.
fn is_allowed(address: &str) -> bool {
    let lower: String = address
        .chars()
        .take(10)
        .collect::<String>()
        .to_ascii_lowercase();
    ALLOWED.iter().any(|begin| lower.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        markdown(text).into_string()
    }

    #[test]
    fn common_markdown_is_html() {
        let expected = "<h4>Pets</h4><p>A <strong>pet</strong> with <code>a&lt;b</code> &amp; <a href=\"https://a.example/?a=1&amp;b=2\" rel=\"noopener noreferrer\" target=\"_blank\">more</a></p><ul><li>one</li></ul>";
        let text = "# Pets\n\nA **pet** with `a<b` & [more](https://a.example/?a=1&b=2)\n\n- one\n";
        assert_eq!(shown(text), expected);
        let table = shown("| a | b |\n|---|---|\n| 1 | 2 |\n");
        assert!(
            table.starts_with("<table><thead><tr><th scope=\"col\">a</th>"),
            "{table}"
        );
        assert!(
            table.ends_with("<tr><td>1</td><td>2</td></tr></table>"),
            "{table}"
        );
    }

    #[test]
    fn hostile_markup_is_text() {
        let hostile = [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "[a](javascript:alert(1))",
            "[a](JaVaScRiPt:alert(1))",
            "[a](java\tscript:alert(1))",
            "[a](&#106;avascript:alert(1))",
            "[a](data:text/html,<script>)",
            "[a](vbscript:x)",
            "[a](//evil.example)",
            "<javascript:alert(1)>",
            "![a\"onerror=x](https://evil.example/x.png)",
            "[a](https://a.example/\"onclick=\"x)",
            "[a]: javascript:alert(1)\n\n[a]",
            "```\"><script>\n</code></pre><script>\n```",
            "<!-- --><style>*{}</style>",
        ];
        for text in hostile {
            let html = shown(text).to_ascii_lowercase();
            for bad in [
                "<script",
                "<img",
                "<style",
                "href=\"j",
                "href=\"d",
                "href=\"v",
                "href=\"/",
                " onclick=\"",
                "<!--",
            ] {
                assert!(!html.contains(bad), "{text} → {html}");
            }
        }
        assert_eq!(shown("![a cat](https://a.example/cat.png)"), "<p>a cat</p>");
    }

    #[test]
    fn large_and_deep_texts_are_bounded() {
        let long = "a ".repeat(500_000);
        assert!(shown(&long).len() < MOST_TEXT + 100);
        for text in [">", "[", "![", "*a **", "- ", "<", "`", "[a](", "&#", "|a"] {
            let html = shown(&text.repeat(1_000_000 / text.len()));
            assert!(html.len() < MOST_TEXT * 10, "{text}: {}", html.len());
            assert!(html.matches("<blockquote>").count() <= DEEPEST);
        }
        let nested = (0..200).fold("x".to_owned(), |inner, _| format!("[{inner}](#a)"));
        assert!(shown(&nested).contains("<a href=\"#a\">x</a>"));
    }
}
