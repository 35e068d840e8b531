//! Recognises the messages in the texts of an error body, and the families that they can belong to.
//!
//! The first step of `reading::read`. The catalogue has the messages of families; `phrase` reads
//! those of no family.
use serde_json::Value;

use crate::errors::catalogue::idiom::{self, Candidate, Idiom, Match, is_of_field};
use crate::errors::catalogue::known;
use crate::errors::reading::names::{self, Names};
use crate::errors::reading::phrase::{self, Phrase};
use crate::errors::reading::spans::is_noun;

/// Message recognised in a text.
#[derive(Debug, Clone)]
pub(super) struct Recognised {
    /// Messages of families that the text can be.
    pub matches: Vec<Match>,
    /// The text, read as a message of no family.
    pub phrase: Option<Phrase>,
    /// Text after the message.
    pub after: After,
    /// Text between the first two messages, if there are several.
    pub joined: Option<String>,
}

/// Text of a body in which a message was recognised.
#[derive(Debug, Clone)]
pub(super) struct RecognisedText<'v> {
    /// Keys from the root to the text; an item of an array has the key `[]`.
    pub path: Vec<String>,
    /// The text.
    pub text: &'v str,
    /// The message in it.
    pub message: Recognised,
}

/// Text after a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct After {
    /// Code with the text around it: ` [`, `invalid-params`, `]`.
    pub code: Option<(String, String, String)>,
    /// True if the text counts the remaining errors: `(and 2 more errors)`.
    pub counts_more: bool,
}

/// Recognises the message in a text. Returns `None` for an empty text, one of more than 2000 bytes,
/// or one that is not a message.
#[must_use]
pub(super) fn hear(text: &str, names: &Names) -> Option<Recognised> {
    const LONGEST: usize = 2000;
    if text.is_empty() || text.len() > LONGEST {
        return None;
    }
    let (core, after) = split(text, names);
    let known = known::candidates(core);
    joined(core, &after, names, &known).or_else(|| single(core, &after, names, &known))
}

/// Splits a text into its message and the text after it.
fn split<'t>(text: &'t str, names: &Names) -> (&'t str, After) {
    let mut after = After::default();
    let mut core = text;
    if let Some((before, rest)) = core.rsplit_once(" (and ")
        && (rest.ends_with(" more error)") || rest.ends_with(" more errors)"))
    {
        core = before;
        after.counts_more = true;
    }
    let ends = core
        .strip_suffix(']')
        .and_then(|inner| inner.rfind('[').map(|at| (at, &inner[at + 1..])));
    if let Some((at, code)) = ends
        && at > 0
        && !code.is_empty()
        && code.len() < 80
        && !code.contains([' ', '"', ',', '/'])
        && names.find(code).is_none()
    {
        let before = core[..at].trim_end();
        after.code = Some((
            core[before.len()..=at].to_owned(),
            code.to_owned(),
            "]".to_owned(),
        ));
        core = before;
    }
    (core, after)
}

/// Recognises several messages of one family with the same text between them.
fn joined(core: &str, after: &After, names: &Names, known: &[Candidate]) -> Option<Recognised> {
    const JOINERS: [&str; 8] = ["\n ", "\n", "; ", ". ", " | ", ", and ", ", ", " and "];
    JOINERS.into_iter().find_map(|joiner| {
        let parts: Vec<&str> = core
            .split(joiner)
            .filter(|part| !part.trim().is_empty())
            .collect();
        if parts.len() < 2 {
            return None;
        }
        let recognised: Vec<Vec<Match>> = parts
            .iter()
            .map(|part| accepted(part, names, known))
            .collect();
        let in_all = |found: &&Match| {
            recognised
                .iter()
                .all(|part| part.iter().any(|other| other.idiom == found.idiom))
        };
        let matches: Vec<Match> = recognised[0].iter().filter(in_all).cloned().collect();
        // A message about the request as a whole is never one of several.
        let matches: Vec<Match> = matches
            .into_iter()
            .filter(|found| is_of_field(found.rule))
            .collect();
        if matches.is_empty() {
            return None;
        }
        let joined = Some(joiner.to_owned());
        Some(Recognised {
            matches,
            phrase: None,
            after: after.clone(),
            joined,
        })
    })
}

fn single(core: &str, after: &After, names: &Names, known: &[Candidate]) -> Option<Recognised> {
    let mut matches: Vec<Match> = Vec::new();
    for (before, sentence) in starts(core) {
        for (sentence, stop) in ends(sentence) {
            for mut found in accepted(sentence, names, known) {
                // The first match covers most of the text, and is the best of its family.
                if matches.iter().all(|known| known.idiom != found.idiom) {
                    before.clone_into(&mut found.before);
                    stop.clone_into(&mut found.stop);
                    matches.push(found);
                }
            }
        }
    }
    let recognised = Recognised {
        matches,
        phrase: None,
        after: after.clone(),
        joined: None,
    };
    // A very general message is more likely the API's own.
    let phrase = if recognised.letters() < 9 {
        phrase::hear(core, names)
    } else {
        None
    };
    (!recognised.matches.is_empty() || phrase.is_some()).then_some(Recognised {
        phrase,
        ..recognised
    })
}

/// Returns the positions where a message can begin: at the start, after a colon, after a path. Each
/// is the text before it and the text from there on.
fn starts(core: &str) -> Vec<(&str, &str)> {
    const MOST: usize = 4;
    let mut starts = vec![("", core)];
    let colons = core.match_indices(": ").map(|(at, found)| at + found.len());
    starts.extend(colons.take(MOST).map(|at| core.split_at(at)));
    // `body/age must be number`, `/age must be number`, `data.age should be number`
    if let Some((first, rest)) = core.split_once(' ')
        && is_path(first)
    {
        starts.push((&core[..core.len() - rest.len()], rest));
    }
    starts
}

/// Returns true if a word is a path with a root: `body/age`, `/age`, `data.age`, `.age`, `$.age`.
#[must_use]
pub(super) fn is_path(word: &str) -> bool {
    const ROOTS: [&str; 16] = [
        "data",
        "body",
        "instance",
        "querystring",
        "query",
        "params",
        "path",
        "headers",
        "header",
        "request",
        "req",
        "input",
        "$",
        "#",
        "value",
        "root",
    ];
    let word = word.trim_end_matches(':');
    let root = word.split(['/', '.', '[']).next().unwrap_or_default();
    let rooted = ROOTS.contains(&root) || root.is_empty() && word.len() > 1;
    rooted
        && word.chars().all(|c| {
            c.is_alphanumeric()
                || matches!(
                    c,
                    '/' | '.' | '[' | ']' | '_' | '-' | '$' | '#' | '\'' | '"'
                )
        })
}

/// Returns the path before a message: `email` in `email: `.
fn path_before(before: &str) -> Option<&str> {
    let token = before.strip_suffix(": ")?.rsplit([' ', '\n']).next()?;
    names::is_identifier(token).then_some(token)
}

/// Returns a message with and without its full stop or exclamation mark, each with the text cut
/// off.
fn ends(sentence: &str) -> impl Iterator<Item = (&str, &str)> {
    let bare = sentence.strip_suffix(['.', '!']);
    let bare = bare.map(|bare| (bare, &sentence[bare.len()..]));
    std::iter::once((sentence, "")).chain(bare)
}

/// Minimum number of letters outside of slots for a message with an unknown name; a shorter one is
/// not recognised.
const FEWEST_LETTERS: usize = 11;

/// Returns the messages of families that a text can be and that make sense for this request.
fn accepted(text: &str, names: &Names, known: &[Candidate]) -> Vec<Match> {
    let mut matches = idiom::recognise(text, known);
    matches.retain(|found| {
        let name = found.captured.name();
        let is_known =
            || name.is_some_and(|name| names.find(name).is_some() || names.path(name).is_some());
        // `Field is missing` is not about a field named `Field`.
        if name.is_some_and(|name| name.split(' ').all(is_noun)) && !is_known() {
            return false;
        }
        // A few letters around a word that is no name of the request belong to no family.
        if found.letters < FEWEST_LETTERS && name.is_some() && !is_known() {
            return false;
        }
        match found.rule {
            "invalid" => is_known() || name.is_none() && found.letters > 8,
            _ if is_of_field(found.rule) => {
                name.is_none_or(|name| is_known() || !name.contains(' '))
            }
            _ => true,
        }
    });
    let most = matches.iter().map(|found| found.letters).max().unwrap_or(0);
    // A message with less than half the letters of the best one fits only by its slots.
    matches.retain(|found| found.letters * 2 >= most);
    matches
}

impl Recognised {
    /// Returns the rule that the message words, preferably as a message of `idiom`.
    #[must_use]
    pub(super) fn rule(&self, idiom: Option<&'static Idiom>) -> Option<&'static str> {
        let found = self.of(idiom).map(|found| found.rule);
        found
            .or_else(|| self.phrase.as_ref().map(|phrase| phrase.rule))
            .or_else(|| self.best().map(|found| found.rule))
    }

    /// Returns the match for a family.
    #[must_use]
    pub(super) fn of(&self, idiom: Option<&'static Idiom>) -> Option<&Match> {
        let idiom = idiom?;
        self.matches.iter().find(|found| found.idiom == idiom)
    }

    /// Returns the match with most letters outside of slots.
    #[must_use]
    pub(super) fn best(&self) -> Option<&Match> {
        let most = self.matches.iter().map(|found| found.letters).max()?;
        self.matches.iter().find(|found| found.letters == most)
    }

    /// Returns the number of letters outside of slots in the best match; 0 without a match.
    #[must_use]
    pub(super) fn letters(&self) -> usize {
        self.best().map_or(0, |found| found.letters)
    }

    /// Returns the names of the field in the message; empty if it names no field.
    #[must_use]
    pub(super) fn names(&self, idiom: Option<&'static Idiom>) -> Vec<String> {
        let found = self.of(idiom).or_else(|| self.best());
        let of_idiom =
            found.and_then(|found| found.captured.name().or_else(|| path_before(&found.before)));
        match (&self.phrase, of_idiom) {
            (_, Some(name)) => vec![name.to_owned()],
            (Some(phrase), None) => phrase.names.clone(),
            (None, None) => Vec::new(),
        }
    }
}

/// Maximum number of different texts of an example that are read; further ones stay fixed.
const MOST_TEXTS: usize = 60;

/// Recognises the messages in a body.
pub(super) fn hear_all<'v>(value: &'v Value, names: &Names) -> Vec<RecognisedText<'v>> {
    let mut recognised: Vec<RecognisedText<'v>> = Vec::new();
    let mut left = MOST_TEXTS;
    visit(value, &mut Vec::new(), &mut |path, text| {
        // A repeated text is read only once.
        if let Some(known) = recognised.iter().find(|known| known.text == text) {
            let message = known.message.clone();
            if recognised.len() < 4 * MOST_TEXTS {
                recognised.push(RecognisedText {
                    path: path.to_vec(),
                    text,
                    message,
                });
            }
            return;
        }
        if left == 0 {
            return;
        }
        left -= 1;
        if let Some(message) = hear(text, names) {
            recognised.push(RecognisedText {
                path: path.to_vec(),
                text,
                message,
            });
        }
    });
    recognised
}

/// Calls `look` for every text of a value, with the keys from the root to it; an item of an array
/// has the key `[]`.
pub(crate) fn visit<'v>(
    value: &'v Value,
    path: &mut Vec<String>,
    look: &mut dyn FnMut(&[String], &'v str),
) {
    match value {
        Value::String(text) => look(path, text),
        Value::Array(items) => {
            for item in items {
                path.push("[]".to_owned());
                visit(item, path, look);
                path.pop();
            }
        }
        Value::Object(object) => {
            for (name, member) in object {
                path.push(name.clone());
                visit(member, path, look);
                path.pop();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_told_from_what_stands_around_it() {
        let names = Names::default();
        let recognised = hear(
            "must have required property 'emails' [invalid-params]",
            &names,
        )
        .expect("is Ajv's");
        assert_eq!(
            recognised.after.code,
            Some((" [".to_owned(), "invalid-params".to_owned(), "]".to_owned()))
        );
        assert_eq!(recognised.names(known::named("ajv")), ["emails"]);
        let recognised = hear("body/age must be number", &names).expect("is Ajv's");
        let ajv = recognised.of(known::named("ajv")).expect("is Ajv's too");
        assert_eq!((ajv.before.as_str(), ajv.rule), ("body/age ", "type"));
        let recognised =
            hear("The email field is required. (and 2 more errors)", &names).expect("is Laravel's");
        assert!(recognised.after.counts_more);
    }

    #[test]
    fn sentences_that_are_joined_are_several() {
        let recognised =
            hear("must be string\n must be array [x]", &Names::default()).expect("is Ajv's");
        assert_eq!(recognised.joined.as_deref(), Some("\n "));
        assert!(hear("error-contact-manager-not-found", &Names::default()).is_none());
    }
}
