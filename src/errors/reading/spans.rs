//! Finds the span of a field's name in a sentence of an API's own.
use std::ops::Range;

use crate::errors::reading::names::{Names, is_coined, is_identifier};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamePosition {
    /// Wording after the name: `roomId is required`.
    Predicate,
    /// Wording before the name: `missing parameter: roomId`.
    Lead,
    /// Wording that does not tell the position of the name.
    Mark,
}

/// Position of the field's names in a text.
pub(crate) struct Spans {
    /// Bytes from the start of the first name to the end of the last, without quotation marks.
    pub(crate) range: Range<usize>,
    pub(crate) names: Vec<String>,
    pub(crate) quote: Option<char>,
}

pub(crate) const QUOTES: [(char, char); 8] = [
    ('\'', '\''),
    ('"', '"'),
    ('`', '`'),
    ('“', '”'),
    ('‘', '’'),
    ('«', '»'),
    ('„', '“'),
    ('[', ']'),
];

/// Finds names in quotation marks: names of the request anywhere in the text, else any identifiers
/// in `near`.
pub(crate) fn quoted(text: &str, names: &Names, near: &Range<usize>) -> Option<Spans> {
    let of_request = |token: &str| names.find(token).is_some() || names.path(token).is_some();
    let find = |accepts: &dyn Fn(&str) -> bool, within: &Range<usize>| {
        QUOTES
            .into_iter()
            .find_map(|(open, close)| quoted_by(text, open, close, accepts, within))
    };
    find(&of_request, &(0..text.len())).or_else(|| find(&is_identifier, near))
}

pub(crate) fn quoted_by(
    text: &str,
    open: char,
    close: char,
    accepts: &dyn Fn(&str) -> bool,
    within: &Range<usize>,
) -> Option<Spans> {
    let mut spans: Option<Spans> = None;
    let mut from = within.start;
    while let Some(start) = text[from..within.end]
        .find(open)
        .map(|at| from + at + open.len_utf8())
    {
        from = start;
        let Some(end) = text[from..].find(close).map(|at| from + at) else {
            break;
        };
        let token = text[start..end].trim();
        let start = start + (text[start..end].len() - text[start..end].trim_start().len());
        // An apostrophe opens nothing, so the next mark may be the real quotation mark.
        if accepts(token) {
            from = end + close.len_utf8();
            let name_end = start + token.len();
            let spans = spans.get_or_insert(Spans {
                range: start..name_end,
                names: Vec::new(),
                quote: Some(open),
            });
            spans.range.end = name_end;
            spans.names.push(token.to_owned());
        }
    }
    spans
}

/// Splits a part of a text into words and returns their positions in bytes, without the punctuation
/// around them.
pub(crate) fn tokens(text: &str, within: &Range<usize>) -> Vec<Range<usize>> {
    let is_part = |letter: char| {
        letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | '$' | '[' | ']' | '/' | '@')
    };
    let mut tokens = Vec::new();
    let mut start = None;
    for (at, letter) in text[within.clone()]
        .char_indices()
        .map(|(at, letter)| (at + within.start, letter))
    {
        match (is_part(letter), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                tokens.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    tokens.extend(start.map(|from| from..within.end));
    for token in &mut tokens {
        let trimmed = text[token.clone()].trim_end_matches(['.', '-', '/']);
        token.end = token.start + trimmed.len();
    }
    tokens.retain(|token| !token.is_empty());
    tokens
}

/// Words that announce a name beside them, such as `the` and `field` in `the email field`.
pub(crate) const NOUNS: [&str; 34] = [
    "param",
    "params",
    "parameter",
    "parameters",
    "field",
    "fields",
    "property",
    "properties",
    "attribute",
    "argument",
    "key",
    "value",
    "query",
    "body",
    "path",
    "header",
    "cookie",
    "url",
    "uri",
    "request",
    "form",
    "input",
    "bodyparam",
    "queryparam",
    "string",
    "json",
    "data",
    "column",
    "element",
    "option",
    "member",
    "the",
    "a",
    "an",
];

/// Returns true if a word only announces a name beside it, in any case of letters.
#[must_use]
pub(super) fn is_noun(word: &str) -> bool {
    NOUNS.contains(&word.to_ascii_lowercase().as_str())
}

/// Maximum number of words in a name; a longer run of words is not taken for a name.
pub(crate) const MOST_WORDS: usize = 4;

/// Finds a name of the request beside the wording, or anywhere in the text if it can only be a
/// name, such as `roomId`.
pub(crate) fn known_nearby(
    text: &str,
    names: &Names,
    near: &Range<usize>,
    place: NamePosition,
) -> Option<Spans> {
    let spans = |range: Range<usize>| {
        let name = text[range.clone()].to_owned();
        Some(Spans {
            range,
            names: vec![name],
            quote: None,
        })
    };
    let all = tokens(text, &(0..text.len()));
    let coined = all
        .iter()
        .filter(|token| is_coined(&text[(*token).clone()]));
    let mut known = coined.filter(|token| {
        let token = &text[(*token).clone()];
        names.find(token).is_some() || names.path(token).is_some()
    });
    if let Some(first) = known.next() {
        let run = known.take_while(|token| near.contains(&token.start));
        let run: Vec<&Range<usize>> = std::iter::once(first).chain(run).collect();
        let last = run[run.len() - 1];
        let names = run
            .iter()
            .map(|token| text[(*token).clone()].to_owned())
            .collect();
        return Some(Spans {
            range: first.start..last.end,
            names,
            quote: None,
        });
    }
    let tokens = tokens(text, near);
    // The nearest words first: a name ends before a predicate and begins after a lead.
    let nearest: Vec<&Range<usize>> = match place {
        NamePosition::Predicate => tokens.iter().rev().collect(),
        _ => tokens.iter().collect(),
    };
    let skipped = nearest
        .iter()
        .take_while(|token| is_noun(&text[(**token).clone()]))
        .count();
    // A noun may be the name itself: `value is required`.
    for skip in [skipped, 0] {
        for count in (1..=MOST_WORDS).rev() {
            let Some(run) = nearest.get(skip..skip + count) else {
                continue;
            };
            let (first, last) = (run[0], run[run.len() - 1]);
            let range = first.start.min(last.start)..first.end.max(last.end);
            if names.find(&text[range.clone()]).is_some() {
                return spans(range);
            }
        }
    }
    None
}

/// Guesses a name that the request does not have: the only word beside the wording, a title such as
/// `Return URL`, or the nearest word if that can only be a name.
pub(crate) fn guessed(text: &str, near: &Range<usize>, place: NamePosition) -> Option<Spans> {
    const NO_NAMES: [&str; 22] = [
        "it",
        "this",
        "that",
        "there",
        "which",
        "what",
        "you",
        "we",
        "is",
        "one",
        "some",
        "all",
        "request",
        "resource",
        "error",
        "input",
        "data",
        "content",
        "payload",
        "value",
        "authentication",
        "authorization",
    ];
    let tokens = tokens(text, near);
    let words: Vec<&Range<usize>> = tokens
        .iter()
        .filter(|token| !is_noun(&text[(*token).clone()]))
        .collect();
    let is_title = |words: &[&Range<usize>]| {
        // In `Return URL is missing.` the whole subject is the name of the field.
        let is_word = |token: &Range<usize>| text[token.clone()].chars().all(char::is_alphanumeric);
        let starts_high = text[words[0].clone()]
            .chars()
            .next()
            .is_some_and(char::is_uppercase);
        let before = text[..words[0].start].trim();
        words.len() <= MOST_WORDS
            && starts_high
            && words.iter().all(|word| is_word(word))
            && (before.is_empty() || before.eq_ignore_ascii_case("the"))
    };
    let subject: Vec<&Range<usize>> = tokens
        .iter()
        .filter(|token| {
            !matches!(
                &text[(*token).clone()],
                "the" | "The" | "a" | "A" | "an" | "An"
            )
        })
        .collect();
    if place == NamePosition::Predicate
        && subject.len() > 1
        && !words.is_empty()
        && is_title(&subject)
        && !NO_NAMES.contains(&text[subject[0].clone()].to_lowercase().as_str())
    {
        let last_is_noun = is_noun(&text[subject[subject.len() - 1].clone()])
            && text[subject[subject.len() - 1].clone()]
                .chars()
                .all(char::is_lowercase);
        let kept = if last_is_noun {
            &subject[..subject.len() - 1]
        } else {
            &subject[..]
        };
        let range = kept[0].start..kept[kept.len() - 1].end;
        let name = text[range.clone()].to_owned();
        return Some(Spans {
            range,
            names: vec![name],
            quote: None,
        });
    }
    let range = match (place, words.as_slice()) {
        (_, [only]) => (*only).clone(),
        (NamePosition::Predicate, [.., last]) if is_coined(&text[(*last).clone()]) => {
            (*last).clone()
        }
        (NamePosition::Lead, [first, ..]) if is_coined(&text[(*first).clone()]) => (*first).clone(),
        _ => return None,
    };
    let name = text[range.clone()].to_owned();
    let is_name = is_identifier(&name) && !NO_NAMES.contains(&name.to_ascii_lowercase().as_str());
    is_name.then(|| Spans {
        range,
        names: vec![name],
        quote: None,
    })
}
