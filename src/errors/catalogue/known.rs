//! All families of errors that the catalogue has, and their sentences by the letters that they begin with.
use std::collections::BTreeSet;
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use include_dir::{Dir, include_dir};
use indexmap::IndexMap;

use crate::document::syntax;
use crate::errors::catalogue::idiom::{Candidate, Idiom, without_examples};
use crate::errors::catalogue::parse::read;

/// Files of the catalogue, one for each family, embedded in the binary.
pub(crate) static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/errors/catalogue/idioms");

/// Returns every family of the catalogue, sorted by name. The files are read at the first call.
pub(crate) fn all() -> &'static [Idiom] {
    static ALL: OnceLock<Vec<Idiom>> = OnceLock::new();
    ALL.get_or_init(|| {
        let texts: Vec<&str> = FILES
            .files()
            .filter_map(|file| file.contents_utf8().map(without_examples))
            .collect();
        let trees = syntax::parse_all(&texts)
            .into_iter()
            .filter_map(|parsed| Some(parsed.ok()?.tree));
        let mut all: Vec<Idiom> = trees.filter_map(|tree| read(&tree).ok()).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    })
}

/// Returns the family of a name.
#[must_use]
pub(crate) fn named(name: &str) -> Option<&'static Idiom> {
    all().iter().find(|idiom| idiom.name == name)
}

/// Returns the example bodies of the files, each with the name of its family.
#[cfg(test)]
pub(crate) fn examples() -> Vec<(String, serde_json::Value)> {
    let texts = FILES.files().filter_map(include_dir::File::contents_utf8);
    let trees = texts.filter_map(|text| Some(syntax::parse(text).ok()?.tree));
    let of_file = |tree: serde_json::Value| {
        let name = tree["name"].as_str().unwrap_or_default().to_owned();
        let examples = tree
            .get("examples")
            .and_then(serde_json::Value::as_array)
            .cloned()
            .unwrap_or_default();
        examples
            .into_iter()
            .map(move |example| (name.clone(), example))
    };
    trees.flat_map(of_file).collect()
}

pub(crate) const PLAIN: &str = "plain";

/// Returns the neutral sentences, for errors that neither the document nor a family words.
///
/// # Panics
///
/// Never: a test checks that the catalogue has them.
#[must_use]
pub(crate) fn plain() -> &'static Idiom {
    named(PLAIN).expect("the catalogue has it")
}

/// Index of the sentences of all families but `plain`, by the longest fixed piece of each.
pub(crate) struct Sentences {
    pieces: AhoCorasick,
    /// Indexes into `all` of the sentences with each piece.
    of_piece: Vec<Vec<usize>>,
    all: Vec<Candidate>,
}

impl Sentences {
    fn collect() -> Self {
        let found: Vec<(&'static str, Candidate)> = all()
            .iter()
            .filter(|idiom| idiom.name != PLAIN)
            .flat_map(Idiom::candidates)
            .collect();
        let mut by_piece: IndexMap<&'static str, Vec<usize>> = IndexMap::new();
        for (index, (piece, _)) in found.iter().enumerate() {
            by_piece.entry(piece).or_default().push(index);
        }
        let pieces = AhoCorasick::new(by_piece.keys()).expect("the catalogue is small");
        Self {
            pieces,
            of_piece: by_piece.into_values().collect(),
            all: found.into_iter().map(|(_, c)| c).collect(),
        }
    }
}

/// Returns the sentences that a part of a text may be: those whose longest fixed piece it
/// contains.
#[must_use]
pub(crate) fn candidates(text: &str) -> Vec<Candidate> {
    static ALL: OnceLock<Sentences> = OnceLock::new();
    let sentences = ALL.get_or_init(Sentences::collect);
    let pieces = sentences.pieces.find_overlapping_iter(text);
    // A sorted set keeps the order of the catalogue.
    let found: BTreeSet<usize> = pieces
        .flat_map(|found| &sentences.of_piece[found.pattern()])
        .copied()
        .collect();
    found
        .into_iter()
        .map(|index| sentences.all[index])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::wording::RULES;
    use crate::errors::catalogue::idiom::recognise;
    use crate::errors::finding::Finding;
    use serde_json::json;

    #[test]
    fn every_file_of_the_catalogue_can_be_read() {
        let mut wrong = Vec::new();
        for file in FILES.files() {
            let text = file.contents_utf8().expect("is text");
            let tree = syntax::parse(without_examples(text)).expect("is YAML").tree;
            let idiom = match read(&tree) {
                Ok(idiom) => idiom,
                Err(why) => {
                    wrong.push(format!("{}: {why}", file.path().display()));
                    continue;
                }
            };
            assert_eq!(
                Some(idiom.name.as_str()),
                file.path().file_stem().and_then(|stem| stem.to_str())
            );
            assert!(
                text.contains("\nreference: https://") || idiom.name == PLAIN,
                "{}",
                idiom.name
            );
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert_eq!(all().len(), FILES.files().count());
    }

    #[test]
    fn plain_sentences_word_every_rule() {
        for rule in RULES {
            assert!(plain().sentences.contains_key(rule), "{rule}");
        }
    }

    #[test]
    fn the_same_voice_says_another_thing() {
        let text = "must have required property 'emails'";
        let found = recognise(text, &candidates(text));
        let ajv = found
            .iter()
            .find(|found| found.idiom.name == "ajv")
            .expect("is Ajv's");
        assert_eq!(ajv.rule, "required");
        let mut finding = Finding::whole("type", json!({ "types": ["array", "null"] }));
        finding.path = vec!["a".to_owned()];
        assert_eq!(
            ajv.idiom
                .say(&finding)
                .and_then(|said| said.sentence)
                .as_deref(),
            Some("must be array,null")
        );
    }

    #[test]
    fn codes_and_other_texts_are_no_sentences() {
        let text = "error-contact-manager-not-found";
        assert!(recognise(text, &candidates(text)).is_empty());
    }
}
