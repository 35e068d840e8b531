//! How validators word what is wrong: a catalogue of sentences, as data, and their recognition.
//!
//! Each file of `idioms/` is one validator. A new one is added to the list here and nowhere else.

use std::ops::Range;
use std::sync::OnceLock;

use regex::Regex;
use serde_json::Value;

use crate::contract::schema::SchemaError;
use crate::document::syntax;
use crate::exchange::content::plain;

/// The catalogue.
const FILES: [&str; 1] = [include_str!("idioms/ajv.yaml")];

/// The sentences of one validator.
#[derive(Debug)]
pub struct Idiom {
    name: String,
    separator: String,
    sentences: Vec<Sentence>,
}

/// The sentence for one keyword of JSON Schema.
#[derive(Debug)]
struct Sentence {
    keyword: String,
    template: String,
    pattern: Regex,
}

/// A sentence of an idiom found in a text, or several with the same words between them.
#[derive(Debug)]
pub struct Recognised<'t> {
    /// Whose sentences they are.
    pub idiom: &'static Idiom,
    /// The rule that the first sentence words.
    pub keyword: &'static str,
    /// What stands before the first sentence.
    pub before: &'t str,
    /// What stands between the first two sentences, if there are several.
    pub between: Option<&'t str>,
    /// What stands after the last: ` [invalid-params]`.
    pub after: &'t str,
}

/// Every idiom of the catalogue.
pub fn all() -> &'static [Idiom] {
    static ALL: OnceLock<Vec<Idiom>> = OnceLock::new();
    ALL.get_or_init(|| FILES.iter().filter_map(|text| Idiom::parse(text)).collect())
}

/// The sentences of an idiom in a text; of several idioms, of the one with the longest.
#[must_use]
pub fn recognise(text: &str) -> Option<Recognised<'_>> {
    let (idiom, _) = all()
        .iter()
        .filter_map(|idiom| Some((idiom, idiom.next(text, 0)?.1.len())))
        .max_by_key(|(_, length)| *length)?;
    let (keyword, first) = idiom.next(text, 0)?;
    let (mut end, mut between) = (first.end, None);
    while let Some((_, place)) = idiom.next(text, end) {
        between.get_or_insert(&text[end..place.start]);
        end = place.end;
    }
    Some(Recognised { idiom, keyword, before: &text[..first.start], between, after: &text[end..] })
}

impl Idiom {
    fn parse(text: &str) -> Option<Self> {
        let tree = syntax::parse(text).ok()?.tree;
        let sentences = tree.get("sentences")?.as_object()?.iter();
        let sentences = sentences.filter_map(|(keyword, template)| {
            let template = template.as_str()?.to_owned();
            let pattern = recogniser(&template)?;
            Some(Sentence { keyword: keyword.clone(), template, pattern })
        });
        Some(Self {
            name: tree.get("name")?.as_str()?.to_owned(),
            separator: tree.get("separator").and_then(Value::as_str).unwrap_or(", ").to_owned(),
            sentences: sentences.collect(),
        })
    }

    /// The next of its sentences from a place on; where several begin together, the longest.
    fn next(&self, text: &str, from: usize) -> Option<(&str, Range<usize>)> {
        let found =
            self.sentences.iter().filter_map(|sentence| Some((sentence, sentence.pattern.find_at(text, from)?)));
        let (sentence, place) = found.min_by_key(|(_, place)| (place.start(), usize::MAX - place.len()))?;
        Some((&sentence.keyword, place.range()))
    }

    /// Its name in the catalogue: `ajv`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it says about an error, if it has a sentence for the keyword.
    #[must_use]
    pub fn say(&self, error: &SchemaError) -> Option<String> {
        let sentence = self.sentences.iter().find(|sentence| sentence.keyword == error.keyword)?;
        Some(fill(&sentence.template, |operand| match error.operands.get(operand) {
            Some(Value::Array(items)) => items.iter().map(plain).collect::<Vec<_>>().join(&self.separator),
            Some(value) => plain(value),
            None => String::new(),
        }))
    }
}

/// The template with each `{operand}` replaced.
fn fill(template: &str, operand: impl Fn(&str) -> String) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        text.push_str(before);
        text.push_str(&operand(name));
        rest = after;
    }
    text.push_str(rest);
    text
}

/// A pattern that finds a template in a text, whatever its operands are.
fn recogniser(template: &str) -> Option<Regex> {
    const TYPE: &str = "(?:string|number|integer|boolean|object|array|null)";
    let mut pattern = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        pattern.push_str(&regex::escape(before));
        pattern.push_str(&match name {
            "types" => format!("{TYPE}(?:,{TYPE})*\\b"),
            "limit" => r"-?\d+(?:\.\d+)?".to_owned(),
            "property" => r#"[^'"`\[\]]+?"#.to_owned(),
            _ => ".+?".to_owned(),
        });
        rest = after;
    }
    pattern.push_str(&regex::escape(rest));
    Regex::new(&pattern).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_file_of_the_catalogue_can_be_read() {
        assert_eq!(all().len(), FILES.len());
        for idiom in all() {
            assert!(idiom.sentences.iter().any(|sentence| sentence.keyword == "required"), "{}", idiom.name());
        }
    }

    #[test]
    fn a_sentence_is_recognised_inside_a_text() {
        let found = recognise("must have required property 'emails' [invalid-params]").expect("is Ajv's");
        assert_eq!((found.keyword, found.before, found.after), ("required", "", " [invalid-params]"));
        assert!(recognise("error-contact-manager-not-found").is_none());
        let joined = recognise("must be string\n must be array [x]").expect("is Ajv's");
        assert_eq!((joined.keyword, joined.between, joined.after), ("type", Some("\n "), " [x]"));
    }

    #[test]
    fn the_same_voice_says_another_thing() {
        let found = recognise("Error: must be string").expect("is Ajv's");
        let operands = json!({"types": ["array", "null"]}).as_object().cloned().unwrap_or_default();
        let error = SchemaError { pointer: "/a".into(), keyword: "type".into(), operands };
        assert_eq!(found.idiom.say(&error).as_deref(), Some("must be array,null"));
    }
}
