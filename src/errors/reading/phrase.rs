//! Reads an error message that no family has: the rule that it words, the field that it names, and
//! a template that words it for other fields.
//!
//! `recognise` and `leaf` read a text here where no message of the catalogue fits it closely.
use std::ops::Range;
use std::sync::OnceLock;

use regex::Regex;
use serde_json::Value;

use crate::contract::wording::{Part, RULES, Slot, Template};
use crate::document::syntax;
use crate::errors::finding::location_of;
use crate::errors::reading::names::{Names, is_coined, is_identifier};
use crate::schema::name::{Form, words};

/// Message that words a rule.
#[derive(Debug, Clone)]
pub struct Phrase {
    /// Rule that is violated, such as `required`.
    pub rule: &'static str,
    /// Message with slots for the name of the field, for the part of the request beside it, or for
    /// the media type that was sent.
    pub template: Template,
    /// Names of the field as the message writes them; several if the message accepts any one of
    /// them.
    pub names: Vec<String>,
    /// Text before the predicate, to which other predicates can be appended.
    pub subject: Option<Template>,
    /// Quotation mark around the name; `None` if the name is not quoted.
    pub quote: Option<char>,
    /// Introduction that does not say which rule is violated: `Invalid request: `.
    pub before: String,
}

/// Regular expression for one wording of a rule, from `phrases.yaml`.
struct Wording {
    rule: &'static str,
    place: Place,
    pattern: Regex,
    /// True if the name must be one that the request has.
    is_of_known: bool,
    /// True if the wording is in another language than neutral messages.
    is_foreign: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Wording after the name: `roomId is required`.
    Predicate,
    /// Wording before the name: `missing parameter: roomId`.
    Lead,
    /// Wording that does not tell the position of the name.
    Mark,
}

fn wordings() -> &'static [Wording] {
    static ALL: OnceLock<Vec<Wording>> = OnceLock::new();
    ALL.get_or_init(|| {
        let tree = syntax::parse(include_str!("phrases.yaml"))
            .expect("it is a part of the program")
            .tree;
        let entries = tree.as_array().into_iter().flatten();
        let read = |entry: &Value| {
            let rule = RULES.iter().find(|rule| entry["rule"] == **rule)?;
            let places = [
                ("predicate", Place::Predicate),
                ("lead", Place::Lead),
                ("mark", Place::Mark),
            ];
            let (place, text) = places
                .iter()
                .find_map(|(key, place)| Some((*place, entry[*key].as_str()?)))?;
            let is_of_known = entry["known"] == true;
            let is_foreign = entry["foreign"] == true;
            Some(Wording {
                rule,
                place,
                pattern: Regex::new(text).ok()?,
                is_of_known,
                is_foreign,
            })
        };
        entries.filter_map(read).collect()
    })
}

/// Compiles the regular expressions of all wordings, so that the first message does not wait for
/// them.
pub fn warm_up() {
    let _known = wordings();
}

/// Reads a message. Returns `None` for a text without blanks, of more than 400 bytes, or without a
/// known wording.
#[must_use]
pub fn hear(text: &str, names: &Names) -> Option<Phrase> {
    const LONGEST: usize = 400;
    if text.len() > LONGEST || !text.contains(' ') {
        return None;
    }
    if let Some((before, rest)) = text.split_once(": ")
        && general(before).is_some()
        && let Some(phrase) = hear(rest, names)
        && phrase.before.is_empty()
    {
        return Some(Phrase {
            before: format!("{before}: "),
            ..phrase
        });
    }
    // ASCII only: full lower-casing can change the length of a text, and the positions found here
    // are used in `text` itself.
    let lower = text.to_ascii_lowercase();
    wordings().iter().find_map(|wording| {
        let found = wording.pattern.find(&lower)?;
        wording.read(text, found.range(), names)
    })
}

impl Wording {
    fn read(&self, text: &str, found: Range<usize>, names: &Names) -> Option<Phrase> {
        let near = match self.place {
            Place::Predicate => 0..found.start,
            Place::Lead => found.end..text.len(),
            Place::Mark => 0..text.len(),
        };
        if self.place == Place::Mark {
            let template = if self.rule == "unsupportedMediaType" {
                with_media(text)
            } else {
                Template::plain(text)
            };
            let before = String::new();
            return Some(Phrase {
                rule: self.rule,
                template,
                names: Vec::new(),
                subject: None,
                quote: None,
                before,
            });
        }
        let is_guess_enough = self.rule != "invalid" && self.rule != "format" && !self.is_of_known;
        let spans = quoted(text, names, &near)
            .or_else(|| known_nearby(text, names, &near, self.place))
            .or_else(|| {
                is_guess_enough
                    .then(|| guessed(text, &near, self.place))
                    .flatten()
            });
        let Some(spans) = spans else {
            return self.of_any(text, &near);
        };
        let template = with_slots(text, 0..text.len(), &spans, names);
        let subject = (self.place == Place::Predicate && spans.range.end <= found.start)
            .then(|| {
                with_slots(
                    text,
                    subject_start(text, &spans)..subject_end(text, &spans, found.start),
                    &spans,
                    names,
                )
            })
            .filter(|subject| !subject.parts.is_empty() && !self.is_foreign);
        // The opening and closing marks of other pairs differ.
        let quote = spans.quote.map(|quote| {
            if matches!(quote, '\'' | '"' | '`') {
                quote
            } else {
                '\''
            }
        });
        Some(Phrase {
            rule: self.rule,
            template,
            names: spans.names,
            subject,
            quote,
            before: String::new(),
        })
    }
}

impl Wording {
    /// Returns the phrase of a message that fits any field, such as `This field is required`.
    fn of_any(&self, text: &str, near: &Range<usize>) -> Option<Phrase> {
        let around = tokens(text, near);
        let words: Vec<&str> = around.iter().map(|token| &text[token.clone()]).collect();
        let says_any = self.place == Place::Predicate
            && self.rule != "invalid"
            && !words.is_empty()
            && words
                .iter()
                .all(|word| is_noun(word) || word.eq_ignore_ascii_case("this"));
        says_any.then(|| Phrase {
            rule: self.rule,
            template: Template::plain(text),
            names: Vec::new(),
            subject: Some(Template::plain(&text[near.clone()])),
            quote: None,
            before: String::new(),
        })
    }
}

/// Returns the start of the subject in bytes. Text before a colon described the rule of the
/// example, so it is not a part of the subject.
fn subject_start(text: &str, spans: &Spans) -> usize {
    text[..spans.range.start].rfind(": ").map_or(0, |at| at + 2)
}

/// Returns the end of the subject in bytes: after the name, its closing quotation mark and the
/// nouns that follow it.
fn subject_end(text: &str, spans: &Spans, predicate: usize) -> usize {
    let rest = &text[spans.range.end..];
    let closing = rest
        .trim_start()
        .chars()
        .next()
        .filter(|next| QUOTES.iter().any(|(_, close)| close == next));
    let blanks = rest.len() - rest.trim_start().len();
    let after_name = spans.range.end + closing.map_or(0, |close| blanks + close.len_utf8());
    let mut end = after_name.min(predicate);
    for token in tokens(text, &(end..predicate)) {
        if !is_noun(&text[token.clone()]) {
            return end;
        }
        end = token.end;
    }
    predicate
}

/// Position of the field's names in a text.
struct Spans {
    /// Bytes from the start of the first name to the end of the last, without quotation marks.
    range: Range<usize>,
    names: Vec<String>,
    quote: Option<char>,
}

const QUOTES: [(char, char); 8] = [
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
fn quoted(text: &str, names: &Names, near: &Range<usize>) -> Option<Spans> {
    let of_request = |token: &str| names.find(token).is_some() || names.path(token).is_some();
    let find = |accepts: &dyn Fn(&str) -> bool, within: &Range<usize>| {
        QUOTES
            .into_iter()
            .find_map(|(open, close)| quoted_by(text, open, close, accepts, within))
    };
    find(&of_request, &(0..text.len())).or_else(|| find(&is_identifier, near))
}

fn quoted_by(
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
fn tokens(text: &str, within: &Range<usize>) -> Vec<Range<usize>> {
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
const NOUNS: [&str; 34] = [
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

/// Returns whether a word only announces a name beside it, in any case of letters.
#[must_use]
pub fn is_noun(word: &str) -> bool {
    NOUNS.contains(&word.to_ascii_lowercase().as_str())
}

/// Maximum number of words in a name; a longer run of words is not taken for a name.
const MOST_WORDS: usize = 4;

/// Finds a name of the request beside the wording, or anywhere in the text if it can only be a
/// name, such as `roomId`.
fn known_nearby(text: &str, names: &Names, near: &Range<usize>, place: Place) -> Option<Spans> {
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
        Place::Predicate => tokens.iter().rev().collect(),
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
fn guessed(text: &str, near: &Range<usize>, place: Place) -> Option<Spans> {
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
    if place == Place::Predicate
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
        (Place::Predicate, [.., last]) if is_coined(&text[(*last).clone()]) => (*last).clone(),
        (Place::Lead, [first, ..]) if is_coined(&text[(*first).clone()]) => (*first).clone(),
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

/// Turns a part of a text into a template, with slots for the names, for the parts of the request
/// beside them, and for the name in a code at the end.
fn with_slots(text: &str, within: Range<usize>, spans: &Spans, names: &Names) -> Template {
    let mut template = Template::default();
    let before = &text[within.start..spans.range.start.max(within.start)];
    push_with_location(&mut template, before);
    template.parts.push(Part::Slot(
        Slot::Name,
        form_of(&spans.names[0], before, names, spans.quote),
    ));
    push_with_location(
        &mut template,
        &text[spans.range.end.min(within.end)..within.end],
    );
    with_code(template, &spans.names[0])
}

fn form_of(name: &str, before: &str, names: &Names, quote: Option<char>) -> Form {
    if let Some((_, form)) = names.find(name) {
        // One capitalised word at the start may be in any form that begins with a capital.
        let is_one_word = !name.contains(' ');
        return match form {
            Form::Pascal if is_one_word && quote.is_none() && before.trim().is_empty() => {
                Form::Sentence
            }
            form => form,
        };
    }
    let is_capital = name.chars().next().is_some_and(char::is_uppercase);
    let is_coined = is_coined(name);
    if is_capital && !is_coined && quote.is_none() {
        Form::Sentence
    } else {
        Form::AsIs
    }
}

/// Appends a text to a template; the first word for a part of the request becomes a slot, such as
/// `query` in `query param`.
fn push_with_location(template: &mut Template, text: &str) {
    let found = tokens(text, &(0..text.len())).into_iter().find(|token| {
        let word = &text[token.clone()];
        ["body", "query", "path", "header", "cookie"].contains(&word.to_ascii_lowercase().as_str())
            && location_of(word).is_some()
    });
    let Some(token) = found else {
        template.push_text(text);
        return;
    };
    let word = &text[token.clone()];
    let form = if word.chars().next().is_some_and(char::is_uppercase) {
        Form::Sentence
    } else {
        Form::AsIs
    };
    template.push_text(&text[..token.start]);
    template.parts.push(Part::Slot(Slot::Location, form));
    template.push_text(&text[token.end..]);
}

/// Turns a text into a template with a slot for its media type. With several media types it is not
/// clear which one was sent, so that the text stays as it is.
fn with_media(text: &str) -> Template {
    let is_media = |token: &Range<usize>| {
        let word = &text[token.clone()];
        let mut parts = word.split('/');
        let known = [
            "text",
            "application",
            "image",
            "audio",
            "video",
            "multipart",
            "font",
        ];
        parts.next().is_some_and(|first| known.contains(&first))
            && parts.next().is_some_and(|rest| !rest.is_empty())
    };
    let all = tokens(text, &(0..text.len()));
    let mut media = all.iter().filter(|token| is_media(token));
    let (Some(only), None) = (media.next(), media.next()) else {
        return Template::plain(text);
    };
    let mut template = Template::plain(&text[..only.start]);
    template.parts.push(Part::Slot(Slot::Media, Form::AsIs));
    template.push_text(&text[only.end..]);
    template
}

/// Adds a slot for the name in a code at the end of a text: `[error-name-param-not-provided]`.
fn with_code(template: Template, name: &str) -> Template {
    let mut result = Template::default();
    for part in template.parts {
        match part {
            Part::Text(text) => match text.rfind(" [").filter(|_| text.ends_with(']')) {
                Some(at) => {
                    result.push_text(&text[..at]);
                    result.push(coded(&text[at..], name));
                }
                None => result.push_text(&text),
            },
            slot @ Part::Slot(..) => result.parts.push(slot),
        }
    }
    result
}

/// Turns a code into a template with a slot for the name: `error-{name|kebab}-param-not-provided`.
/// Without the name in it, the code stays as it is.
#[must_use]
pub fn coded(code: &str, name: &str) -> Template {
    let forms = [
        Form::AsIs,
        Form::Kebab,
        Form::Snake,
        Form::Upper,
        Form::Pascal,
        Form::Camel,
        Form::Lower,
    ];
    let is_edge = |letter: Option<char>| letter.is_none_or(|letter| !letter.is_alphanumeric());
    for form in forms {
        let written = form.write(name);
        if written.len() < 2 {
            continue;
        }
        let place = code.match_indices(&written).find(|(at, _)| {
            is_edge(code[..*at].chars().next_back())
                && is_edge(code[at + written.len()..].chars().next())
        });
        if let Some((at, _)) = place {
            let mut template = Template::plain(&code[..at]);
            template.parts.push(Part::Slot(Slot::Name, form));
            template.push_text(&code[at + written.len()..]);
            return template;
        }
    }
    Template::plain(code)
}

/// Returns a message of at most 60 bytes, without its closing punctuation, if it says only that
/// something is wrong: `Validation failed`. Returns `None` for any other text.
#[must_use]
pub fn general(text: &str) -> Option<String> {
    const GENERAL: [&str; 15] = [
        "validation",
        "invalid",
        "request",
        "bad",
        "parameters",
        "failed",
        "error",
        "errors",
        "input",
        "body",
        "data",
        "payload",
        "params",
        "arguments",
        "validate",
    ];
    const EMPTY: [&str; 23] = [
        "the",
        "a",
        "an",
        "is",
        "are",
        "was",
        "were",
        "given",
        "in",
        "of",
        "or",
        "has",
        "your",
        "not",
        "valid",
        "parameter",
        "query",
        "fields",
        "didn",
        "t",
        "one",
        "more",
        "occurred",
    ];
    let bare = text.trim_end_matches(['.', '!', ':']);
    let all = words(&bare.replace(' ', "_"));
    let is_general =
        |word: &String| GENERAL.contains(&word.as_str()) || EMPTY.contains(&word.as_str());
    let says = all
        .iter()
        .filter(|word| GENERAL.contains(&word.as_str()))
        .count();
    (bare.contains(' ') && bare.len() <= 60 && says > 0 && all.iter().all(is_general))
        .then(|| bare.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::finding::{Dialect, Finding};
    use serde_json::json;

    fn said(text: &str, names: &[&str], other: &str) -> Option<(String, String)> {
        let mut known = Names::default();
        names.iter().for_each(|name| known.learn(name));
        let phrase = hear(text, &known)?;
        let mut finding = Finding::whole("required", json!({}));
        finding.path = vec![other.to_owned()];
        finding.location = "body";
        Some((
            phrase.rule.to_owned(),
            Dialect::default().fill(&phrase.template, &finding),
        ))
    }

    #[test]
    fn a_sentence_is_said_of_another_field() {
        let cases = [
            (
                "The 'roomId' param is required",
                "The 'teamId' param is required",
            ),
            (
                "The parameter \"roomId\" is required [error-roomId-param-not-provided]",
                "The parameter \"teamId\" is required [error-teamId-param-not-provided]",
            ),
            (
                "The required \"roomId\" query param is missing. [error-room-id-param-not-provided]",
                "The required \"teamId\" body param is missing. [error-team-id-param-not-provided]",
            ),
            ("roomId is required", "teamId is required"),
            (
                "Missing required param: roomId.",
                "Missing required param: teamId.",
            ),
            ("Room id is required", "Team id is required"),
            (
                "The room id field is required.",
                "The team id field is required.",
            ),
            (
                "The field RoomId is required",
                "The field TeamId is required",
            ),
            (
                "You must provide a roomId to run.",
                "You must provide a teamId to run.",
            ),
            (
                "Body parameter \"roomId\" is required.",
                "Body parameter \"teamId\" is required.",
            ),
            (
                "Feld 'roomId' darf nicht leer sein",
                "Feld 'teamId' darf nicht leer sein",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(
                said(text, &["roomId", "field"], "teamId"),
                Some(("required".to_owned(), expected.to_owned())),
                "{text}"
            );
        }
    }

    #[test]
    fn the_rule_is_heard() {
        let cases = [
            ("age must be a number", "type"),
            ("'age' must be at least 18", "minimum"),
            ("age must be one of: a, b", "enum"),
            ("age must be at least 3 characters long", "minLength"),
            ("age must be a valid date", "format"),
            ("The age is invalid", "invalid"),
            ("age is not allowed", "additionalProperties"),
            ("No user found with age abc", "notFound"),
            ("You must be logged in to do this.", "credentials"),
            ("Unexpected token } in JSON at position 4", "malformed"),
        ];
        for (text, rule) in cases {
            assert_eq!(
                said(text, &["age"], "x").map(|(rule, _)| rule).as_deref(),
                Some(rule),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_about_something_else_words_nothing() {
        for text in [
            "Something went wrong.",
            "Invalid room",
            "Square is not empty.",
            "The IBAN is invalid",
            "must be set",
        ] {
            assert!(said(text, &["age"], "x").is_none(), "{text}");
        }
    }
}
