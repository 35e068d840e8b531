//! Choice of the code that fits a finding, among those that a document allows.
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use serde_json::Value;

use crate::document::syntax;
use crate::errors::catalogue::idiom::is_of_field;
use crate::errors::finding::Finding;
use crate::schema::name::words;

/// Meanings of words in codes, from `codes.yaml`.
struct Vocabulary {
    rules: HashMap<String, HashSet<String>>,
    general: HashSet<String>,
    empty: HashSet<String>,
    /// Every word of `rules`.
    specific: HashSet<String>,
}

fn vocabulary() -> &'static Vocabulary {
    static ALL: OnceLock<Vocabulary> = OnceLock::new();
    ALL.get_or_init(|| {
        let tree = syntax::parse(include_str!("codes.yaml"))
            .expect("it is a part of the program")
            .tree;
        let set = |value: &Value| -> HashSet<String> {
            value
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        };
        let rules = tree["rules"].as_object().into_iter().flatten();
        let rules: HashMap<String, HashSet<String>> = rules
            .map(|(rule, words)| (rule.clone(), set(words)))
            .collect();
        let specific = rules.values().flatten().cloned().collect();
        Vocabulary {
            rules,
            general: set(&tree["general"]),
            empty: set(&tree["empty"]),
            specific,
        }
    })
}

/// Returns how well a code fits a finding: greater is better; at 0 or below it does not fit.
#[must_use]
pub(crate) fn score(code: &str, finding: &Finding) -> i32 {
    let vocabulary = vocabulary();
    let of_rule = vocabulary.rules.get(&finding.rule);
    let name = words(finding.name());
    let words = words(code);
    let is_named = !name.is_empty() && words.windows(name.len()).any(|part| part == name);
    let mut score = 0;
    let mut says_rule = false;
    for word in &words {
        let is = |set: &HashSet<String>| set.contains(word);
        if of_rule.is_some_and(is) {
            says_rule = true;
            score += 10;
        } else if is_named && name.contains(word) {
            // The name of the field counts once, below.
        } else if is(&vocabulary.general) && is_of_field(&finding.rule) {
            score += 2;
        } else if is(&vocabulary.empty) {
        } else if is(&vocabulary.specific) {
            score -= 8;
        } else {
            score -= 12;
        }
    }
    if is_named {
        score += if says_rule { 12 } else { -6 };
    }
    score
}

/// Returns the code that fits a finding best, of equals the first; none if no code fits.
#[must_use]
pub(crate) fn best<'c>(
    codes: impl IntoIterator<Item = &'c str>,
    finding: &Finding,
) -> Option<&'c str> {
    let mut best: Option<(i32, &str)> = None;
    for code in codes {
        let score = score(code, finding);
        if score > 0 && best.is_none_or(|(most, _)| score > most) {
            best = Some((score, code));
        }
    }
    best.map(|(_, code)| code)
}

/// Returns true if a code names another rule than that of a finding.
#[must_use]
pub(crate) fn says_other(code: &str, finding: &Finding) -> bool {
    let vocabulary = vocabulary();
    let of_rule = vocabulary.rules.get(&finding.rule);
    let name = words(finding.name());
    let is_own =
        |word: &String| of_rule.is_some_and(|words| words.contains(word)) || name.contains(word);
    let is_other = |word: &String| {
        vocabulary.specific.contains(word)
            && !vocabulary.general.contains(word)
            && !vocabulary.empty.contains(word)
    };
    words(code)
        .iter()
        .any(|word| is_other(word) && !is_own(word))
}

/// Returns true if a code names neither a rule nor a resource: `ERROR`, `generic_failure`.
#[must_use]
pub(crate) fn says_nothing(code: &str) -> bool {
    let vocabulary = vocabulary();
    words(code)
        .iter()
        .all(|word| vocabulary.empty.contains(word) || vocabulary.general.contains(word))
}

/// Returns true if a text has the form of a code: at most 80 ASCII letters, digits and `_-.:/`,
/// with at least one letter.
#[must_use]
pub(crate) fn is_code(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 80
        && text.chars().any(char::is_alphabetic)
        && text.chars().all(|letter| {
            letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.' | ':' | '/')
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn finding(rule: &str, name: &str) -> Finding {
        let mut finding = Finding::whole(rule, json!({}));
        finding.path = vec![name.to_owned()];
        finding
    }

    #[test]
    fn the_code_that_says_the_rule_is_taken() {
        let github = [
            "missing",
            "missing_field",
            "invalid",
            "already_exists",
            "unprocessable",
            "custom",
        ];
        assert_eq!(
            best(github, &finding("required", "title")),
            Some("missing_field")
        );
        assert_eq!(best(github, &finding("type", "title")), Some("invalid"));
        assert_eq!(
            best(github, &finding("conflict", "")),
            Some("already_exists")
        );
        let own = ["ERR_NOT_FOUND", "ERR_VALIDATION", "ERR_TOO_LONG"];
        assert_eq!(
            best(own, &finding("maxLength", "title")),
            Some("ERR_TOO_LONG")
        );
        assert_eq!(
            best(own, &finding("pattern", "title")),
            Some("ERR_VALIDATION")
        );
    }

    #[test]
    fn a_code_that_names_another_thing_is_not() {
        let codes = [
            "channel_not_found",
            "not_authed",
            "missing_scope",
            "invalid_arguments",
            "limit_required",
            "no_text",
        ];
        assert_eq!(
            best(codes, &finding("required", "channel")),
            Some("invalid_arguments")
        );
        assert_eq!(
            best(codes, &finding("required", "limit")),
            Some("limit_required")
        );
        assert_eq!(best(codes, &finding("required", "text")), Some("no_text"));
        assert_eq!(best(codes, &finding("credentials", "")), Some("not_authed"));
        assert_eq!(
            best(["totp-required"], &finding("required", "roomId")),
            None
        );
    }
}
