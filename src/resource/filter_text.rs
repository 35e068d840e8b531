//! Filters in one text, as search parameters take them: `name:golf`, `price>5 and status eq "open"`,
//! `name==golf;price=gt=5`, `metadata.name=web`, `app=web,tier in (a,b)`.
//!
//! `list` reads the texts of `q`, `filter` and selectors with it. Terms are joined by "and"; a text with "or" or
//! with groups is not understood, and is not taken apart.
use serde_json::Value;

use crate::resource::filter::{Comparison, Filter, FilterPlace, FindProperty, operator};

/// Maximum number of terms of a text.
const MOST_TERMS: usize = 100;

/// Text that was taken apart.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct FilterText {
    pub filters: Vec<Filter>,
    /// Words that are no filter.
    pub words: Vec<String>,
    /// Terms about properties that the items do not have, and terms without a value.
    pub unknown: Vec<String>,
}

/// Operators between a name and a value, longest first.
const OPERATORS: [(&str, Comparison); 17] = [
    ("=gt=", Comparison::Above),
    ("=ge=", Comparison::AtLeast),
    ("=lt=", Comparison::Below),
    ("=le=", Comparison::AtMost),
    (":>=", Comparison::AtLeast),
    (":<=", Comparison::AtMost),
    (":>", Comparison::Above),
    (":<", Comparison::Below),
    ("==", Comparison::Equal),
    ("!=", Comparison::Unequal),
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    (">", Comparison::Above),
    ("<", Comparison::Below),
    ("~", Comparison::Contains),
    ("=", Comparison::Equal),
    (":", Comparison::Contains),
];

/// Part of a text.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// Word without quotes.
    Word(String),
    /// Text in quotes.
    Quoted(String),
    Operator(Comparison),
}

/// Takes a text apart; `None` if it is not understood.
#[must_use]
pub(crate) fn read(text: &str, properties: &dyn FindProperty) -> Option<FilterText> {
    let tokens = tokens(text)?;
    let mut found = FilterText::default();
    let mut rest = tokens.as_slice();
    while let Some((token, after)) = rest.split_first() {
        let (name, is_word) = match token {
            Token::Word(name) => (name, true),
            Token::Quoted(name) => (name, false),
            Token::Operator(_) => return None,
        };
        if found.filters.len() + found.words.len() + found.unknown.len() >= MOST_TERMS {
            return None;
        }
        if is_word && matches!(name.to_ascii_lowercase().as_str(), "or" | "not" | "||") {
            return None;
        }
        if is_word && matches!(name.to_ascii_lowercase().as_str(), "and" | "&&") {
            rest = after;
            continue;
        }
        let (comparison, value, after) = match after {
            [
                Token::Operator(how),
                Token::Word(value) | Token::Quoted(value),
                more @ ..,
            ] if is_word => (*how, value, more),
            // `status eq "open"` of SCIM and OData.
            [
                Token::Word(how),
                Token::Word(value) | Token::Quoted(value),
                more @ ..,
            ] if is_word && is_written_operator(how) => (operator(how)?, value, more),
            _ => {
                found.words.push(name.clone());
                rest = after;
                continue;
            }
        };
        found.add(name, comparison, value, properties);
        rest = after;
    }
    Some(found)
}

fn is_written_operator(text: &str) -> bool {
    const WRITTEN: [&str; 11] = [
        "eq", "ne", "gt", "ge", "lt", "le", "gte", "lte", "co", "sw", "ew",
    ];
    WRITTEN.iter().any(|known| text.eq_ignore_ascii_case(known))
}

impl FilterText {
    fn add(
        &mut self,
        name: &str,
        comparison: Comparison,
        value: &str,
        properties: &dyn FindProperty,
    ) {
        let (name, comparison) = match name.strip_prefix('-') {
            Some(name) => (name, Comparison::Unequal),
            None => (name, comparison),
        };
        let is_name = name
            .chars()
            .all(|letter| letter.is_alphanumeric() || "._-".contains(letter));
        let starts = name.chars().next().is_some_and(char::is_alphabetic);
        // An address, or the time of a day, is no filter.
        if !is_name || !starts || value.starts_with('/') {
            self.words.push(format!("{name}:{value}"));
            return;
        }
        let Some(property) = properties.meant(name) else {
            self.unknown.push(format!("{name}:{value}"));
            return;
        };
        if let Some((from, to)) = value.split_once("..") {
            for (bound, comparison) in [(from, Comparison::AtLeast), (to, Comparison::AtMost)] {
                if !bound.is_empty() && bound != "*" {
                    let values = vec![Value::from(bound)];
                    self.filters.push(Filter::of(&property, comparison, values));
                }
            }
            return;
        }
        let (comparison, wanted) = with_wildcards(comparison, value);
        if wanted.is_empty() {
            self.unknown.push(format!("{name}:{value}"));
            return;
        }
        let values = wanted.split(',').map(Value::from).collect();
        self.filters.push(Filter::of(&property, comparison, values));
    }
}

/// Returns the comparison and the text of a value with `*` at an end: `gol*` starts with `gol`.
fn with_wildcards(comparison: Comparison, value: &str) -> (Comparison, &str) {
    if !matches!(comparison, Comparison::Equal | Comparison::Contains) {
        return (comparison, value);
    }
    match (value.strip_prefix('*'), value.strip_suffix('*')) {
        (Some(_), Some(_)) => (Comparison::Contains, value.trim_matches('*')),
        (Some(end), None) => (Comparison::EndsWith, end),
        (None, Some(beginning)) => (Comparison::StartsWith, beginning),
        (None, None) => (comparison, value),
    }
}

/// Splits a text; `None` for groups, and for a quote that does not end.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == ';');
        let Some(first) = rest.chars().next() else {
            return Some(tokens);
        };
        if matches!(first, '(' | ')' | '|') {
            return None;
        }
        if matches!(first, '"' | '\'') {
            let (text, after) = quoted(&rest[1..], first)?;
            tokens.push(Token::Quoted(text));
            rest = after;
            continue;
        }
        let operator = |rest: &str| {
            let mut all = OPERATORS.iter();
            all.find(|(operator, _)| rest.starts_with(operator))
                .copied()
        };
        if let Some((operator, comparison)) = operator(rest)
            && matches!(tokens.last(), Some(Token::Word(_)))
        {
            tokens.push(Token::Operator(comparison));
            rest = &rest[operator.len()..];
            // The rest until the next gap is the value, whatever signs it has.
            let is_end = |letter: char| letter.is_whitespace() || matches!(letter, ';' | ')' | '(');
            if !rest.starts_with(['"', '\'']) {
                let end = rest.find(is_end).unwrap_or(rest.len());
                // `,` and `|` between terms mean "or".
                if rest[..end].contains(['|']) || has_term_behind_comma(&rest[..end]) {
                    return None;
                }
                tokens.push(Token::Word(rest[..end].to_owned()));
                rest = &rest[end..];
            }
            continue;
        }
        if let [.., Token::Word(_), Token::Word(how)] = tokens.as_slice()
            && is_written_operator(how)
        {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
            continue;
        }
        let is_end = |(at, letter): (usize, char)| {
            at > 0 && operator(&rest[at..]).is_some()
                || letter.is_whitespace()
                || matches!(letter, ';' | '(' | ')')
        };
        let found = rest.char_indices().find(|letter| is_end(*letter));
        let end = found.map_or(rest.len(), |(at, _)| at).max(first.len_utf8());
        tokens.push(Token::Word(rest[..end].to_owned()));
        rest = &rest[end..];
    }
}

/// Returns true if a comma in a value is followed by another term: `open,status==closed`.
fn has_term_behind_comma(value: &str) -> bool {
    let is_term = |part: &str| part.contains(['=', '<', '>', '~', ':']);
    value.split(',').skip(1).any(is_term)
}

/// Reads a text up to its closing quote, which is written twice or behind `\` within the text; `None` if it has no
/// end.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut read = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        let after = &text[at + letter.len_utf8()..];
        if letter == '\\' {
            read.push(letters.next()?.1);
        } else if letter != quote {
            read.push(letter);
        } else if after.starts_with(quote) {
            read.push(letters.next()?.1);
        } else {
            return Some((read, after));
        }
    }
    None
}

/// Reads a selector of labels, such as `app=web,tier!=db,zone in (a, b)`; `None` if it is not understood.
#[must_use]
pub(crate) fn labels(text: &str) -> Option<Vec<Filter>> {
    let mut filters = Vec::new();
    for term in terms(text) {
        let term = term.trim();
        let (name, comparison, values) = if let Some((name, values)) = term.split_once(" notin ") {
            (name, Comparison::Unequal, group(values)?)
        } else if let Some((name, values)) = term.split_once(" in ") {
            (name, Comparison::Equal, group(values)?)
        } else if let Some((name, value)) = term.split_once("!=") {
            (name, Comparison::Unequal, vec![value.trim().into()])
        } else if let Some((name, value)) = term.split_once('=') {
            let value = value.trim_start_matches('=').trim();
            (name, Comparison::Equal, vec![value.into()])
        } else if let Some(name) = term.strip_prefix('!') {
            (name, Comparison::Missing, Vec::new())
        } else {
            (term, Comparison::Present, Vec::new())
        };
        if !is_label(name.trim()) {
            return None;
        }
        filters.push(Filter {
            place: FilterPlace::Label(name.trim().to_owned()),
            comparison,
            values,
        });
    }
    (filters.len() <= MOST_TERMS).then_some(filters)
}

/// Returns true for the name of a label, such as `app.kubernetes.io/name`.
fn is_label(name: &str) -> bool {
    let is_letter = |letter: char| letter.is_alphanumeric() || "._-/".contains(letter);
    !name.is_empty() && name.chars().all(is_letter)
}

/// Splits a selector at commas outside of parentheses.
fn terms(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let split = text.split(move |letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    });
    split.filter(|term| !term.trim().is_empty()).collect()
}

/// Reads `(a, b)`.
fn group(text: &str) -> Option<Vec<Value>> {
    let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    Some(inner.split(',').map(|value| value.trim().into()).collect())
}

/// Reads a selector of fields, such as `metadata.name=web,status.phase!=Running`; `None` if it is not understood.
#[must_use]
pub(crate) fn fields(text: &str) -> Option<Vec<Filter>> {
    let filters = labels(text)?;
    // A field is compared with a value.
    let is_presence = |filter: &Filter| filter.values.is_empty();
    if filters.iter().any(is_presence) {
        return None;
    }
    let of_property = filters.into_iter().map(|filter| match filter.place {
        FilterPlace::Label(way) => Filter {
            place: FilterPlace::Property(way.split('.').map(str::to_owned).collect()),
            ..filter
        },
        FilterPlace::Property(_) => filter,
    });
    Some(of_property.collect())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::resource::order::plain;

    /// Filters, words and unknown terms of a text.
    type Taken = (Vec<String>, Vec<String>, Vec<String>);

    fn taken(text: &str) -> Option<Taken> {
        let names = ["name", "price", "status", "created_at"];
        let properties: HashMap<String, &str> =
            names.into_iter().map(|name| (plain(name), name)).collect();
        let found = read(text, &properties)?;
        let filters = found.filters.iter().map(|filter| {
            let FilterPlace::Property(way) = &filter.place else {
                panic!("is a property");
            };
            let name = way.join(".");
            format!(
                "{name} {:?} {}",
                filter.comparison,
                filter.values[0].as_str().unwrap_or_default()
            )
        });
        Some((filters.collect(), found.words, found.unknown))
    }

    #[test]
    fn texts_are_taken_apart() {
        type Case<'c> = (&'c str, &'c [&'c str], &'c [&'c str], &'c [&'c str]);
        let cases: [Case<'_>; 14] = [
            ("name:golf", &["name Contains golf"], &[], &[]),
            (
                "big name:\"golf ball\" red",
                &["name Contains golf ball"],
                &["big", "red"],
                &[],
            ),
            (
                "price>5 AND status eq 'open'",
                &["price Above 5", "status Equal open"],
                &[],
                &[],
            ),
            (
                "name==golf;price=ge=5",
                &["name Equal golf", "price AtLeast 5"],
                &[],
                &[],
            ),
            (
                "created:>=2026-01-01T10:00:00Z",
                &["created_at AtLeast 2026-01-01T10:00:00Z"],
                &[],
                &[],
            ),
            (
                "price:10..20",
                &["price AtLeast 10", "price AtMost 20"],
                &[],
                &[],
            ),
            (
                "-status:open name:gol*",
                &["status Unequal open", "name StartsWith gol"],
                &[],
                &[],
            ),
            ("name eq 'O''Neil'", &["name Equal O'Neil"], &[], &[]),
            (
                "created_at gt 2026-06-01T00:00:00Z",
                &["created_at Above 2026-06-01T00:00:00Z"],
                &[],
                &[],
            ),
            ("is:open", &[], &[], &["is:open"]),
            ("name:", &[], &[], &["name:"]),
            ("see http://a.b/c", &[], &["see", "http://a.b/c"], &[]),
            ("at 12:30", &[], &["at", "12:30"], &[]),
            ("plain words", &[], &["plain", "words"], &[]),
        ];
        for (text, filters, words, unknown) in cases {
            let owned = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
            assert_eq!(
                taken(text),
                Some((owned(filters), owned(words), owned(unknown))),
                "{text}"
            );
        }
        for text in [
            "a or b",
            "(a)",
            "name:\"a",
            "name:a || b",
            "status==open,status==used",
            "status:open|used",
        ] {
            assert_eq!(taken(text), None, "{text}");
        }
    }

    #[test]
    fn selectors_are_read() {
        let found = labels("app=web, tier!=db,zone in (a, b),pool notin (c),app,!old");
        let found = found.expect("is understood");
        let found: Vec<(Comparison, usize)> = found
            .iter()
            .map(|filter| (filter.comparison, filter.values.len()))
            .collect();
        assert_eq!(
            found,
            [
                (Comparison::Equal, 1),
                (Comparison::Unequal, 1),
                (Comparison::Equal, 2),
                (Comparison::Unequal, 1),
                (Comparison::Present, 0),
                (Comparison::Missing, 0)
            ]
        );
        for text in ["app web", "=web", "zone in a", "!"] {
            assert_eq!(labels(text), None, "{text}");
        }
        assert_eq!(fields("status.phase"), None);
        assert!(fields("status.phase!=Running,metadata.name=a").is_some());
    }
}
