//! What a sentence that is no family's says: which rule, of which field, and how to say it of another.
use std::ops::Range;
use std::sync::OnceLock;

use regex::Regex;
use serde_json::Value;

use crate::contract::wording::{Part, RULES, Slot, Template};
use crate::document::syntax;
use crate::errors::finding::location_of;
use crate::errors::reading::names::{Names, is_coined, is_identifier};
use crate::schema::name::{Form, words};

/// A sentence that words a rule.
#[derive(Debug, Clone)]
pub struct Phrase {
    /// The rule.
    pub rule: &'static str,
    /// The sentence with slots where it names the field.
    pub template: Template,
    /// The names of the field, as they stand there; several, if any one of them would do.
    pub names: Vec<String>,
    /// What stands before the predicate, for other predicates to follow.
    pub subject: Option<Template>,
    /// The quotation mark around the name; none if it stands bare.
    pub quote: Option<char>,
    /// What stands before the sentence and says nothing: `Invalid request: `.
    pub before: String,
}

/// How a rule is worded.
struct Wording {
    rule: &'static str,
    place: Place,
    pattern: Regex,
    /// Whether the name must be one that the request has.
    is_of_known: bool,
    /// Whether it is of another language than neutral sentences are.
    is_foreign: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The name is before it.
    Predicate,
    /// The name is after it.
    Lead,
    /// It says nothing of the name's place.
    Mark,
}

fn wordings() -> &'static [Wording] {
    static ALL: OnceLock<Vec<Wording>> = OnceLock::new();
    ALL.get_or_init(|| {
        let tree = syntax::parse(include_str!("phrases.yaml")).expect("it is a part of the program").tree;
        let entries = tree.as_array().into_iter().flatten();
        let read = |entry: &Value| {
            let rule = RULES.iter().find(|rule| entry["rule"] == **rule)?;
            let places = [("predicate", Place::Predicate), ("lead", Place::Lead), ("mark", Place::Mark)];
            let (place, text) = places.iter().find_map(|(key, place)| Some((*place, entry[*key].as_str()?)))?;
            let is_of_known = entry["known"] == true;
            let is_foreign = entry["foreign"] == true;
            Some(Wording { rule, place, pattern: Regex::new(text).ok()?, is_of_known, is_foreign })
        };
        entries.filter_map(read).collect()
    })
}

/// Reads how rules are worded, so that the first sentence need not wait for it.
pub fn warm_up() {
    let _known = wordings();
}

/// Reads a sentence.
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
        return Some(Phrase { before: format!("{before}: "), ..phrase });
    }
    // The same places as in the text itself, which letters that grow in lower case would move.
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
            let template = if self.rule == "unsupportedMediaType" { with_media(text) } else { Template::plain(text) };
            let before = String::new();
            return Some(Phrase { rule: self.rule, template, names: Vec::new(), subject: None, quote: None, before });
        }
        let is_guess_enough = self.rule != "invalid" && self.rule != "format" && !self.is_of_known;
        let spans = quoted(text, names, &near)
            .or_else(|| known_nearby(text, names, &near, self.place))
            .or_else(|| is_guess_enough.then(|| guessed(text, &near, self.place)).flatten());
        let Some(spans) = spans else { return self.of_any(text, &near) };
        let template = with_slots(text, 0..text.len(), &spans, names);
        let subject = (self.place == Place::Predicate && spans.range.end <= found.start)
            .then(|| {
                with_slots(text, subject_start(text, &spans)..subject_end(text, &spans, found.start), &spans, names)
            })
            .filter(|subject| !subject.parts.is_empty() && !self.is_foreign);
        // Other marks come in pairs that are not the same.
        let quote = spans.quote.map(|quote| if matches!(quote, '\'' | '"' | '`') { quote } else { '\'' });
        Some(Phrase { rule: self.rule, template, names: spans.names, subject, quote, before: String::new() })
    }
}

impl Wording {
    /// A sentence that is said of any field: `This field is required`.
    fn of_any(&self, text: &str, near: &Range<usize>) -> Option<Phrase> {
        let around = tokens(text, near);
        let words: Vec<&str> = around.iter().map(|token| &text[token.clone()]).collect();
        let says_any = self.place == Place::Predicate
            && self.rule != "invalid"
            && !words.is_empty()
            && words.iter().all(|word| is_noun(word) || word.eq_ignore_ascii_case("this"));
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

/// Where the subject begins: what stands before a colon was said of the example's rule.
fn subject_start(text: &str, spans: &Spans) -> usize {
    text[..spans.range.start].rfind(": ").map_or(0, |at| at + 2)
}

/// Where the subject ends: after the name and the nouns that follow it.
fn subject_end(text: &str, spans: &Spans, predicate: usize) -> usize {
    let rest = &text[spans.range.end..];
    let closing = rest.trim_start().chars().next().filter(|next| QUOTES.iter().any(|(_, close)| close == next));
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

/// Where the names of the field stand in a text.
struct Spans {
    /// From the first to the end of the last, without quotation marks.
    range: Range<usize>,
    names: Vec<String>,
    quote: Option<char>,
}

const QUOTES: [(char, char); 8] =
    [('\'', '\''), ('"', '"'), ('`', '`'), ('“', '”'), ('‘', '’'), ('«', '»'), ('„', '“'), ('[', ']')];

/// Names in quotation marks; those that the request has go before others.
fn quoted(text: &str, names: &Names, near: &Range<usize>) -> Option<Spans> {
    let of_request = |token: &str| names.find(token).is_some() || names.path(token).is_some();
    let find = |accepts: &dyn Fn(&str) -> bool, within: &Range<usize>| {
        QUOTES.into_iter().find_map(|(open, close)| quoted_by(text, open, close, accepts, within))
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
    while let Some(start) = text[from..within.end].find(open).map(|at| from + at + open.len_utf8()) {
        from = start;
        let Some(end) = text[from..].find(close).map(|at| from + at) else { break };
        let token = text[start..end].trim();
        let start = start + (text[start..end].len() - text[start..end].trim_start().len());
        // An apostrophe opens nothing, so what follows it may be the real quotation mark.
        if accepts(token) {
            from = end + close.len_utf8();
            let name_end = start + token.len();
            let spans = spans.get_or_insert(Spans { range: start..name_end, names: Vec::new(), quote: Some(open) });
            spans.range.end = name_end;
            spans.names.push(token.to_owned());
        }
    }
    spans
}

/// The words of a text with their places, without what is around them.
fn tokens(text: &str, within: &Range<usize>) -> Vec<Range<usize>> {
    let is_part =
        |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | '$' | '[' | ']' | '/' | '@');
    let mut tokens = Vec::new();
    let mut start = None;
    for (at, letter) in text[within.clone()].char_indices().map(|(at, letter)| (at + within.start, letter)) {
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

/// Words that say that a name is next to them.
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

/// Whether a word only says that a name is next to it.
#[must_use]
pub fn is_noun(word: &str) -> bool {
    NOUNS.contains(&word.to_ascii_lowercase().as_str())
}

/// How many words a name has at most.
const MOST_WORDS: usize = 4;

/// A name of the request that stands where a name is due, or one that cannot be anything else.
fn known_nearby(text: &str, names: &Names, near: &Range<usize>, place: Place) -> Option<Spans> {
    let spans = |range: Range<usize>| {
        let name = text[range.clone()].to_owned();
        Some(Spans { range, names: vec![name], quote: None })
    };
    let all = tokens(text, &(0..text.len()));
    let coined = all.iter().filter(|token| is_coined(&text[(*token).clone()]));
    let mut known = coined.filter(|token| {
        let token = &text[(*token).clone()];
        names.find(token).is_some() || names.path(token).is_some()
    });
    if let Some(first) = known.next() {
        let run = known.take_while(|token| near.contains(&token.start));
        let run: Vec<&Range<usize>> = std::iter::once(first).chain(run).collect();
        let last = run[run.len() - 1];
        let names = run.iter().map(|token| text[(*token).clone()].to_owned()).collect();
        return Some(Spans { range: first.start..last.end, names, quote: None });
    }
    let tokens = tokens(text, near);
    // The nearest words first: those before a predicate end it, those after a lead begin it.
    let nearest: Vec<&Range<usize>> = match place {
        Place::Predicate => tokens.iter().rev().collect(),
        _ => tokens.iter().collect(),
    };
    let skipped = nearest.iter().take_while(|token| is_noun(&text[(**token).clone()])).count();
    // A noun may be the name itself: `value is required`.
    for skip in [skipped, 0] {
        for count in (1..=MOST_WORDS).rev() {
            let Some(run) = nearest.get(skip..skip + count) else { continue };
            let (first, last) = (run[0], run[run.len() - 1]);
            let range = first.start.min(last.start)..first.end.max(last.end);
            if names.find(&text[range.clone()]).is_some() {
                return spans(range);
            }
        }
    }
    None
}

/// A single word that stands where a name is due.
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
    let words: Vec<&Range<usize>> = tokens.iter().filter(|token| !is_noun(&text[(*token).clone()])).collect();
    let is_title = |words: &[&Range<usize>]| {
        // `Return URL is missing.`: the whole subject is what the field is called.
        let is_word = |token: &Range<usize>| text[token.clone()].chars().all(char::is_alphanumeric);
        let starts_high = text[words[0].clone()].chars().next().is_some_and(char::is_uppercase);
        let before = text[..words[0].start].trim();
        words.len() <= MOST_WORDS
            && starts_high
            && words.iter().all(|word| is_word(word))
            && (before.is_empty() || before.eq_ignore_ascii_case("the"))
    };
    let subject: Vec<&Range<usize>> = tokens
        .iter()
        .filter(|token| !matches!(&text[(*token).clone()], "the" | "The" | "a" | "A" | "an" | "An"))
        .collect();
    if place == Place::Predicate
        && subject.len() > 1
        && !words.is_empty()
        && is_title(&subject)
        && !NO_NAMES.contains(&text[subject[0].clone()].to_lowercase().as_str())
    {
        let last_is_noun = is_noun(&text[subject[subject.len() - 1].clone()])
            && text[subject[subject.len() - 1].clone()].chars().all(char::is_lowercase);
        let kept = if last_is_noun { &subject[..subject.len() - 1] } else { &subject[..] };
        let range = kept[0].start..kept[kept.len() - 1].end;
        let name = text[range.clone()].to_owned();
        return Some(Spans { range, names: vec![name], quote: None });
    }
    let range = match (place, words.as_slice()) {
        (_, [only]) => (*only).clone(),
        (Place::Predicate, [.., last]) if is_coined(&text[(*last).clone()]) => (*last).clone(),
        (Place::Lead, [first, ..]) if is_coined(&text[(*first).clone()]) => (*first).clone(),
        _ => return None,
    };
    let name = text[range.clone()].to_owned();
    let is_name = is_identifier(&name) && !NO_NAMES.contains(&name.to_ascii_lowercase().as_str());
    is_name.then(|| Spans { range, names: vec![name], quote: None })
}

/// A part of a text as a template: the names are slots, and so are words for the part of the
/// request beside them.
fn with_slots(text: &str, within: Range<usize>, spans: &Spans, names: &Names) -> Template {
    let mut template = Template::default();
    let before = &text[within.start..spans.range.start.max(within.start)];
    push_with_location(&mut template, before);
    template.parts.push(Part::Slot(Slot::Name, form_of(&spans.names[0], before, names, spans.quote)));
    push_with_location(&mut template, &text[spans.range.end.min(within.end)..within.end]);
    with_code(template, &spans.names[0])
}

fn form_of(name: &str, before: &str, names: &Names, quote: Option<char>) -> Form {
    if let Some((_, form)) = names.find(name) {
        // One word in capitals may be any form that begins with one.
        let is_one_word = !name.contains(' ');
        return match form {
            Form::Pascal if is_one_word && quote.is_none() && before.trim().is_empty() => Form::Sentence,
            form => form,
        };
    }
    let is_capital = name.chars().next().is_some_and(char::is_uppercase);
    let is_coined = is_coined(name);
    if is_capital && !is_coined && quote.is_none() { Form::Sentence } else { Form::AsIs }
}

/// The first word for a part of the request that is nearest, as a slot: `query param`, ` header`.
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
    let form = if word.chars().next().is_some_and(char::is_uppercase) { Form::Sentence } else { Form::AsIs };
    template.push_text(&text[..token.start]);
    template.parts.push(Part::Slot(Slot::Location, form));
    template.push_text(&text[token.end..]);
}

/// The first media type in a text as a slot, unless it is the one that should be sent.
fn with_media(text: &str) -> Template {
    let is_media = |token: &Range<usize>| {
        let word = &text[token.clone()];
        let mut parts = word.split('/');
        let known = ["text", "application", "image", "audio", "video", "multipart", "font"];
        parts.next().is_some_and(|first| known.contains(&first)) && parts.next().is_some_and(|rest| !rest.is_empty())
    };
    let all = tokens(text, &(0..text.len()));
    let mut media = all.iter().filter(|token| is_media(token));
    let (Some(only), None) = (media.next(), media.next()) else { return Template::plain(text) };
    let mut template = Template::plain(&text[..only.start]);
    template.parts.push(Part::Slot(Slot::Media, Form::AsIs));
    template.push_text(&text[only.end..]);
    template
}

/// A template in whose texts the name stands in a code too: `[error-name-param-not-provided]`.
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

/// A code in which a name is a slot: `error-{name|kebab}-param-not-provided`.
#[must_use]
pub fn coded(code: &str, name: &str) -> Template {
    let forms = [Form::AsIs, Form::Kebab, Form::Snake, Form::Upper, Form::Pascal, Form::Camel, Form::Lower];
    let is_edge = |letter: Option<char>| letter.is_none_or(|letter| !letter.is_alphanumeric());
    for form in forms {
        let written = form.write(name);
        if written.len() < 2 {
            continue;
        }
        let place = code.match_indices(&written).find(|(at, _)| {
            is_edge(code[..*at].chars().next_back()) && is_edge(code[at + written.len()..].chars().next())
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

/// A message that says that something is wrong, and not what.
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
    let is_general = |word: &String| GENERAL.contains(&word.as_str()) || EMPTY.contains(&word.as_str());
    let says = all.iter().filter(|word| GENERAL.contains(&word.as_str())).count();
    (bare.contains(' ') && bare.len() <= 60 && says > 0 && all.iter().all(is_general)).then(|| bare.to_owned())
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
        Some((phrase.rule.to_owned(), Dialect::default().fill(&phrase.template, &finding)))
    }

    #[test]
    fn a_sentence_is_said_of_another_field() {
        let cases = [
            ("The 'roomId' param is required", "The 'teamId' param is required"),
            (
                "The parameter \"roomId\" is required [error-roomId-param-not-provided]",
                "The parameter \"teamId\" is required [error-teamId-param-not-provided]",
            ),
            (
                "The required \"roomId\" query param is missing. [error-room-id-param-not-provided]",
                "The required \"teamId\" body param is missing. [error-team-id-param-not-provided]",
            ),
            ("roomId is required", "teamId is required"),
            ("Missing required param: roomId.", "Missing required param: teamId."),
            ("Room id is required", "Team id is required"),
            ("The room id field is required.", "The team id field is required."),
            ("The field RoomId is required", "The field TeamId is required"),
            ("You must provide a roomId to run.", "You must provide a teamId to run."),
            ("Body parameter \"roomId\" is required.", "Body parameter \"teamId\" is required."),
            ("Feld 'roomId' darf nicht leer sein", "Feld 'teamId' darf nicht leer sein"),
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
            assert_eq!(said(text, &["age"], "x").map(|(rule, _)| rule).as_deref(), Some(rule), "{text}");
        }
    }

    #[test]
    fn what_is_about_something_else_words_nothing() {
        for text in
            ["Something went wrong.", "Invalid room", "Square is not empty.", "The IBAN is invalid", "must be set"]
        {
            assert!(said(text, &["age"], "x").is_none(), "{text}");
        }
    }
}
