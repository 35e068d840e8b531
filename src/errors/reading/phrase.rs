//! Reads an error message that no family has: the rule that it words, the field that it names, and
//! a template that words it for other fields.
//!
//! `recognise` and `leaf` read a text here where no message of the catalogue fits it closely.
use std::ops::Range;
use std::sync::OnceLock;

use regex::Regex;
use serde_json::Value;

use crate::contract::wording::{RULES, Template, TemplatePart, WordingSlot};
use crate::document::syntax;
use crate::errors::finding::location_of;
use crate::errors::reading::names::{Names, is_coined};
use crate::errors::reading::spans::{
    NamePosition, QUOTES, Spans, guessed, is_noun, known_nearby, quoted, tokens,
};
use crate::schema::name::{NameForm, words};

/// Message that words a rule.
#[derive(Debug, Clone)]
pub(super) struct Phrase {
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
    place: NamePosition,
    pattern: Regex,
    /// True if the name must be one that the request has.
    is_of_known: bool,
    /// True if the wording is in another language than neutral messages.
    is_foreign: bool,
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
                ("predicate", NamePosition::Predicate),
                ("lead", NamePosition::Lead),
                ("mark", NamePosition::Mark),
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
pub(crate) fn warm_up() {
    let _known = wordings();
}

/// Reads a message. Returns `None` for a text without blanks, of more than 400 bytes, or without a
/// known wording.
#[must_use]
pub(super) fn hear(text: &str, names: &Names) -> Option<Phrase> {
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
            NamePosition::Predicate => 0..found.start,
            NamePosition::Lead => found.end..text.len(),
            NamePosition::Mark => 0..text.len(),
        };
        if self.place == NamePosition::Mark {
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
        let subject = (self.place == NamePosition::Predicate && spans.range.end <= found.start)
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
        let says_any = self.place == NamePosition::Predicate
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

/// Turns a part of a text into a template, with slots for the names, for the parts of the request
/// beside them, and for the name in a code at the end.
fn with_slots(text: &str, within: Range<usize>, spans: &Spans, names: &Names) -> Template {
    let mut template = Template::default();
    let before = &text[within.start..spans.range.start.max(within.start)];
    push_with_location(&mut template, before);
    template.parts.push(TemplatePart::Slot(
        WordingSlot::Name,
        form_of(&spans.names[0], before, names, spans.quote),
    ));
    push_with_location(
        &mut template,
        &text[spans.range.end.min(within.end)..within.end],
    );
    with_code(template, &spans.names[0])
}

fn form_of(name: &str, before: &str, names: &Names, quote: Option<char>) -> NameForm {
    if let Some((_, form)) = names.find(name) {
        // One capitalised word at the start may be in any form that begins with a capital.
        let is_one_word = !name.contains(' ');
        return match form {
            NameForm::Pascal if is_one_word && quote.is_none() && before.trim().is_empty() => {
                NameForm::Sentence
            }
            form => form,
        };
    }
    let is_capital = name.chars().next().is_some_and(char::is_uppercase);
    let is_coined = is_coined(name);
    if is_capital && !is_coined && quote.is_none() {
        NameForm::Sentence
    } else {
        NameForm::AsIs
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
        NameForm::Sentence
    } else {
        NameForm::AsIs
    };
    template.push_text(&text[..token.start]);
    template
        .parts
        .push(TemplatePart::Slot(WordingSlot::Location, form));
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
    template
        .parts
        .push(TemplatePart::Slot(WordingSlot::Media, NameForm::AsIs));
    template.push_text(&text[only.end..]);
    template
}

/// Adds a slot for the name in a code at the end of a text: `[error-name-param-not-provided]`.
fn with_code(template: Template, name: &str) -> Template {
    let mut result = Template::default();
    for part in template.parts {
        match part {
            TemplatePart::Text(text) => match text.rfind(" [").filter(|_| text.ends_with(']')) {
                Some(at) => {
                    result.push_text(&text[..at]);
                    result.push(coded(&text[at..], name));
                }
                None => result.push_text(&text),
            },
            slot @ TemplatePart::Slot(..) => result.parts.push(slot),
        }
    }
    result
}

/// Turns a code into a template with a slot for the name: `error-{name|kebab}-param-not-provided`.
/// Without the name in it, the code stays as it is.
#[must_use]
pub(super) fn coded(code: &str, name: &str) -> Template {
    let forms = [
        NameForm::AsIs,
        NameForm::Kebab,
        NameForm::Snake,
        NameForm::Upper,
        NameForm::Pascal,
        NameForm::Camel,
        NameForm::Lower,
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
            template
                .parts
                .push(TemplatePart::Slot(WordingSlot::Name, form));
            template.push_text(&code[at + written.len()..]);
            return template;
        }
    }
    Template::plain(code)
}

/// Returns a message of at most 60 bytes, without its closing punctuation, if it says only that
/// something is wrong: `Validation failed`. Returns `None` for any other text.
#[must_use]
pub(super) fn general(text: &str) -> Option<String> {
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
