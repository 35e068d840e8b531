//! Matches texts against the patterns of schemas (`pattern`, the keys of `patternProperties`), for
//! validators and for the generator: `^[\w-\.]+@(?!evil)\w+$` matches `ann@good`.
//!
//! A pattern follows ECMA-262 (JSON Schema 2020-12 §6.4): it is read with the `u` flag, else
//! without it by Annex B, with constructs of other dialects. `parse` and `class` build its tree;
//! `linear` builds an engine of linear time where that is possible; else `program` and `machine`
//! match it step by step, within a `budget`.

pub(crate) mod budget;
mod class;
mod linear;
mod machine;
mod parse;
mod program;
pub(crate) mod tree;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use regex::Regex;

pub(crate) use crate::schema::pattern::budget::{MOST_STEPS, within};
pub(crate) use crate::schema::pattern::parse::Foreign;
use crate::schema::pattern::parse::{ParsedPattern, parse};
use crate::schema::pattern::program::Program;
pub(crate) use crate::schema::pattern::tree::PatternError;
use crate::schema::pattern::tree::{Grammar, PatternNode};

/// Maximum number of patterns cached with their engines; at one more the cache is cleared, and
/// patterns are read again when needed.
const MOST_KEPT: usize = 4_000;

/// Number of bytes of text that cost one step of the budget where an engine of linear time
/// matches; shorter texts cost none, so that a body with a million of them is matched.
const BYTES_OF_STEP: usize = 64;

/// A parsed pattern, with its engine.
#[derive(Debug)]
pub(crate) struct Pattern {
    parsed: ParsedPattern,
    engine: OnceLock<Engine>,
}

/// The engine that matches a pattern.
#[derive(Debug)]
enum Engine {
    Linear(Regex),
    Steps(Program),
}

/// Cache of the patterns that were read, by text.
type PatternCache = HashMap<String, Result<Arc<Pattern>, PatternError>>;

static KEPT: LazyLock<Mutex<PatternCache>> = LazyLock::new(Mutex::default);

impl Pattern {
    /// Returns the pattern of a text, cached by text.
    ///
    /// # Errors
    ///
    /// A [`PatternError`], if the text is not a pattern in any grammar.
    pub(crate) fn read(text: &str) -> Result<Arc<Self>, PatternError> {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(text) {
            return known.clone();
        }
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        let read = Self::new(text).map(Arc::new);
        kept.insert(text.to_owned(), read.clone());
        read
    }

    pub(crate) fn new(text: &str) -> Result<Self, PatternError> {
        let parsed = match undelimited(text) {
            Some((inside, flags)) => {
                let flagged = if flags.is_empty() {
                    inside.to_owned()
                } else {
                    format!("(?{flags}:{inside})")
                };
                let mut parsed = parse(&flagged, Grammar::Unicode)
                    .or_else(|_| parse(&flagged, Grammar::Lenient))?;
                parsed.foreign.insert(
                    0,
                    Foreign {
                        construct: "/".to_owned(),
                        meaning: "the ends of a literal",
                    },
                );
                parsed
            }
            None => parse(text, Grammar::Unicode).or_else(|_| parse(text, Grammar::Lenient))?,
        };
        Ok(Self {
            parsed,
            engine: OnceLock::new(),
        })
    }

    /// Returns its tree.
    #[must_use]
    pub(crate) fn tree(&self) -> &PatternNode {
        &self.parsed.tree
    }

    /// Returns the constructs of other dialects in it.
    #[must_use]
    pub(crate) fn foreign(&self) -> &[Foreign] {
        &self.parsed.foreign
    }

    /// Returns true if it matches somewhere in a text. Nothing matches once the budget of the
    /// enclosing work is used up, see [`within`].
    #[must_use]
    pub(crate) fn is_match(&self, text: &str) -> bool {
        let matches = || match self.engine() {
            Engine::Linear(regex) => {
                budget::spend((text.len() / BYTES_OF_STEP) as u64) && regex.is_match(text)
            }
            Engine::Steps(program) => machine::is_match(program, text).unwrap_or(false),
        };
        within(matches).0
    }

    fn engine(&self) -> &Engine {
        self.engine
            .get_or_init(|| match linear::engine(self.tree()) {
                Some(regex) => Engine::Linear(regex),
                None => Engine::Steps(Program::new(self.tree(), self.parsed.captures)),
            })
    }

    /// Returns true if it is matched in linear time.
    #[must_use]
    pub(crate) fn is_linear(&self) -> bool {
        matches!(self.engine(), Engine::Linear(_))
    }

    /// Returns the pattern in the syntax of Rust engines.
    #[must_use]
    pub(crate) fn in_rust(&self) -> String {
        linear::text(self.tree())
    }
}

/// Returns the inside and the flags of a literal such as `/^a$/i`, which could match nothing as a
/// pattern.
fn undelimited(text: &str) -> Option<(&str, String)> {
    let (inside, flags) = text
        .strip_prefix('/')
        .filter(|rest| rest.starts_with('^'))?
        .rsplit_once('/')?;
    let is_literal = inside.ends_with('$') && flags.chars().all(|flag| "dgimsuvy".contains(flag));
    is_literal.then(|| {
        (
            inside,
            flags.chars().filter(|flag| "ims".contains(*flag)).collect(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Arc<Pattern> {
        Pattern::read(text).unwrap_or_else(|fault| panic!("{text}: {fault}"))
    }

    fn is_match(written: &str, text: &str) -> bool {
        let pattern = read(written);
        let found = pattern.is_match(text);
        // Both engines must agree.
        let by_steps = within(|| {
            machine::is_match(&Program::new(pattern.tree(), pattern.parsed.captures), text)
        })
        .0;
        assert_eq!(by_steps, Ok(found), "{written} on {text}");
        found
    }

    #[test]
    fn classes_are_those_of_ecma_262() {
        for (pattern, text, expected) in [
            (r"^\w$", "é", false),
            (r"^\W$", "é", true),
            (r"^\d$", "٣", false),
            (r"^\s$", "\u{feff}", true),
            (r"^\s$", "\u{85}", false),
            (r"^\S$", "\u{2028}", false),
            (r"^.$", "\u{2029}", false),
            (r"^.$", "\u{85}", true),
            (r"^a$", "a\n", false),
            (r"^[^]$", "\n", true),
            (r"[]", "a", false),
            (r"^[^\0]$", "a", true),
            (r"^\u{1F600}$", "😀", true),
            (r"^\uD83D\uDE00$", "😀", true),
            (r"^.$", "😀", true),
            (r"^\p{Lu}\P{L}$", "É1", true),
            (r"^\p{Script=Greek}+$", "αβγ", true),
            (r"\bcat\b", "a cat.", true),
            (r"\bcat\B", "a cats", true),
            (r"^\cJ$", "\n", true),
            (r"^(?i:ab)c$", "aBc", true),
            (r"^(?i:[^a])$", "A", false),
        ] {
            assert_eq!(is_match(pattern, text), expected, "{pattern} on {text:?}");
        }
    }

    #[test]
    fn without_the_flag_annex_b_holds() {
        for (pattern, text, expected) in [
            (r"^[\w-\.]+$", "a-b.c", true),
            (r"^\<\w+\>$", "<b>", true),
            (r"^\<\w+\>$", "b", false),
            (r"^\k<y>$", "k<y>", true),
            (r"^{a}$", "{a}", true),
            (r"^a{,3}]$", "a{,3}]", true),
            (r"^\8\101$", "8A", true),
            (r"^\c$", "\\c", true),
            (r"^(?=a)*a$", "a", true),
            (r"^\1(a)$", "a", true),
        ] {
            assert_eq!(is_match(pattern, text), expected, "{pattern} on {text:?}");
            assert!(read(pattern).foreign().is_empty(), "{pattern}");
        }
    }

    #[test]
    fn look_arounds_and_references_match() {
        for (pattern, text, expected) in [
            (r"^(?=.*[A-Z])(?=.*\d).{4,}$", "abC1", true),
            (r"^(?=.*[A-Z])(?=.*\d).{4,}$", "abc1", false),
            (r"^(?!admin$)\w+$", "admin", false),
            (r"^(?!admin$)\w+$", "admins", true),
            (r"(?<=\$)\d+(?!\d|\.)", "$42.", false),
            (r"(?<=\$\d{2})\.", "$42.", true),
            (r"(?<!a)b", "ab", false),
            (r"^(['x]).*\1$", "'a'", true),
            (r"^(['x]).*\1$", "'ax", false),
            (r"^(?<q>a|b)-\k<q>$", "b-b", true),
            (r"^(a*)*$", "aaa", true),
            (r"^(?:a|ab)(?:c|bcd)(?:d*)$", "abcd", true),
            (r"^(z)((a+)?(b+)?(c))*$", "zaacbbbcac", true),
            (r"^(?:(a)|b)*\1$", "ab", true),
            (r"^(?:ab){2,3}?c$", "ababc", true),
            (r"^(?:ab){2,3}?c$", "abc", false),
            (r"(?<=\1a(\d))x", "1a1x", true),
            (r"(?<=\1a(\d))x", "2a1x", false),
        ] {
            assert_eq!(is_match(pattern, text), expected, "{pattern} on {text:?}");
        }
    }

    #[test]
    fn other_dialects_are_translated() {
        for (pattern, construct, text, expected) in [
            (r"\Aab\z", r"\A", "ab", true),
            (r"\Aab\z", r"\z", "ab\n", false),
            (r"^ab\Z", r"\Z", "ab\n", true),
            (r"(?i)^ab$", "(?i)", "AB", true),
            (r"^(?:(?i)a)b$", "(?i)", "AB", false),
            (r"^a++a$", "++", "aaa", false),
            (r"^(?>a|ab)c$", "(?>", "abc", false),
            (r"^[[:alpha:]_]+$", "[:alpha:]", "ab_", true),
            (r"^[[:alpha:]_]+$", "[:alpha:]", "a1", false),
            (r"^[^[:space:]]+$", "[:space:]", "a b", false),
            (r"^(?P<n>a)(?P=n)$", "(?P<", "aa", true),
            (r"^[\p{L}\'_-]+$", r"\p{L}", "é'", true),
            (
                r"^\p{IsAlphabetic}\p{Alnum}$",
                r"\p{IsAlphabetic}",
                "é1",
                true,
            ),
            (r"^\Qa.b\E$", r"\Q", "a.b", true),
            (r"^a{2}{2}$", "{2}", "aaaa", true),
            (r"/^ab$/i", "/", "AB", true),
        ] {
            assert_eq!(is_match(pattern, text), expected, "{pattern} on {text:?}");
            let foreign = read(pattern);
            assert!(
                foreign
                    .foreign()
                    .iter()
                    .any(|own| own.construct == construct),
                "{pattern}: {foreign:?}"
            );
        }
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        for (text, fault) in [
            ("(", "a group is not closed"),
            ("a)", "a `)` closes no group"),
            ("[a", "a class is not closed"),
            ("[b-a]", "a range of a class is out of order"),
            ("*a", "`*` has nothing to repeat"),
            ("a**", "`*` has nothing to repeat"),
            ("a{2,1}", "the numbers of `{2,1}` are out of order"),
            ("a\\", "it ends with `\\`"),
            ("(?<a", "a group is not closed"),
            (r"(?<a>b)\k<c>", "no group is named `c`"),
            (r"\p{Nothing}", "`Nothing` is not a Unicode property"),
        ] {
            assert_eq!(
                Pattern::read(text).map(|_| ()),
                Err(fault.to_owned()),
                "{text}"
            );
        }
        let deep = "(".repeat(MOST_DEEP) + &")".repeat(MOST_DEEP);
        assert_eq!(
            Pattern::read(&deep).map(|_| ()),
            Err("its groups are nested deeper than 200".to_owned())
        );
    }

    const MOST_DEEP: usize = 5_000;

    #[test]
    fn large_patterns_take_few_steps() {
        for (written, text) in [
            (r"^[\s\S]{1,32768}$", "a".repeat(32_768)),
            (r"^\p{L}{1,500}$", "é".repeat(500)),
            (
                r"^[\w.-]{1,255}@[\w.-]{1,255}$",
                format!("{}@b", "a".repeat(255)),
            ),
            (r"^(\w{1,64}\.){1,4}$", "ab.".repeat(4)),
            (r"^a{100}{1000}$", "a".repeat(100_000)),
        ] {
            let pattern = read(written);
            let program = Program::new(pattern.tree(), pattern.parsed.captures);
            let (found, _) = within(|| {
                assert_eq!(machine::is_match(&program, &text), Ok(true));
                MOST_STEPS - budget::left()
            });
            assert!(found < 20_000, "{written}: {found}");
            assert!(pattern.is_match(&text));
        }
    }

    #[test]
    fn one_budget_ends_what_goes_back_for_ever() {
        let pattern = read(r"^(a+)+\1b$");
        let text = "a".repeat(100);
        let (found, is_used_up) = within(|| (0..1000).any(|_| pattern.is_match(&text)));
        assert!(!found && is_used_up);
        assert!(pattern.is_match("aab"));
    }
}
