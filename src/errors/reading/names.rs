//! Names of the parameters and properties in the requests of an operation, and how texts write
//! them.
//!
//! Readers of error examples find the names of fields in texts with them.
use std::collections::HashMap;

use crate::contract::Operation;
use crate::schema::name::{NameForm, folded};

/// All names in the requests of an operation: parameters, and properties at any depth.
#[derive(Debug, Default)]
pub(crate) struct Names {
    by_fold: HashMap<String, String>,
    /// Parameters, and the top-level properties of the body.
    outermost: Vec<String>,
}

impl Names {
    /// Collects the names of an operation.
    #[must_use]
    pub(crate) fn of(operation: &Operation) -> Self {
        let mut names = Self::default();
        for parameter in &operation.compiled().parameters {
            names.add(&parameter.name);
            names.outermost.push(parameter.name.clone());
        }
        let bodies = operation
            .compiled()
            .body
            .iter()
            .flat_map(|body| &body.content);
        for schema in bodies.filter_map(|media| media.schema.as_ref().or(media.item.as_ref())) {
            schema
                .all_property_names(schema.tree())
                .iter()
                .for_each(|name| names.add(name));
            let own = schema.properties(schema.tree());
            names
                .outermost
                .extend(own.into_iter().map(|(name, _)| name.to_owned()));
        }
        names
    }

    /// Adds a name, for a body without an operation.
    #[cfg(test)]
    pub(crate) fn learn(&mut self, name: &str) {
        self.add(name);
        self.outermost.push(name.to_owned());
    }

    fn add(&mut self, name: &str) {
        self.by_fold
            .entry(folded(name))
            .or_insert_with(|| name.to_owned());
    }

    /// Returns all names, sorted so that the order is stable.
    #[must_use]
    pub(crate) fn all(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self.by_fold.values().map(String::as_str).collect();
        all.sort_unstable();
        all
    }

    /// Finds the name that a text writes in some form, and the form: `Contact Manager` is
    /// `contactManager`.
    #[must_use]
    pub(crate) fn find(&self, text: &str) -> Option<(&str, NameForm)> {
        let name = self.by_fold.get(&folded(text))?;
        // `Return URL` is `returnUrl`, although its capitals fit no form.
        let loose = || {
            let second = text.split(' ').nth(1)?;
            let is_title = second.chars().next().is_some_and(char::is_uppercase)
                && second.chars().any(char::is_lowercase);
            let starts_high = text.chars().next().is_some_and(char::is_uppercase);
            Some(if is_title {
                NameForm::Title
            } else if starts_high {
                NameForm::Sentence
            } else {
                NameForm::Words
            })
        };
        NameForm::of(text, name)
            .or_else(loose)
            .map(|form| (name.as_str(), form))
    }

    /// Returns true if a text is a name, letter by letter as the request writes it.
    #[must_use]
    pub(crate) fn is_as_it_is(&self, text: &str) -> bool {
        self.by_fold
            .get(&folded(text))
            .is_some_and(|name| name == text)
    }

    /// Returns true if a text is the name, in any form, of a parameter or of a top-level property
    /// of the body.
    #[must_use]
    pub(crate) fn is_outermost(&self, text: &str) -> bool {
        self.outermost
            .iter()
            .any(|name| folded(name) == folded(text))
    }

    /// Returns the names that a message lists one after the other, all of which it is about:
    /// `email, firstName`, `name and email`; empty if there are fewer than two.
    #[must_use]
    pub(crate) fn listed(&self, text: &str) -> Vec<String> {
        let is_of_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '.');
        let mut listed: Vec<String> = Vec::new();
        let mut last: Option<(&str, usize)> = None;
        let mut at = 0;
        for word in text.split(|c| !is_of_word(c)) {
            let start = at;
            at += word.len()
                + text[at + word.len()..]
                    .chars()
                    .next()
                    .map_or(0, char::len_utf8);
            let Some(name) = segments(word.trim_end_matches('.'))
                .pop()
                .filter(|name| self.is_as_it_is(name))
            else {
                continue;
            };
            if let Some((before, end)) = last {
                let between: String = text[end..start]
                    .chars()
                    .filter(|c| !" '`\"[]()".contains(*c))
                    .collect();
                if matches!(between.as_str(), "," | "and" | ",and" | "&") {
                    listed.extend([before, name].into_iter().map(str::to_owned));
                }
            }
            last = Some((name, start + word.len()));
        }
        let mut seen = std::collections::HashSet::new();
        listed.retain(|name| seen.insert(name.clone()));
        listed
    }

    /// Splits a text that is a path to one of the names, such as `items[0].sku` or `/items/0/sku`,
    /// into the segments before the first name, such as `body`, and those of the path.
    #[must_use]
    pub(crate) fn path<'t>(&self, text: &'t str) -> Option<(Vec<&'t str>, Vec<&'t str>)> {
        let segments = segments(text);
        if segments.is_empty() || segments.iter().any(|segment| segment.contains(' ')) {
            return None;
        }
        let is_known = |segment: &&str| self.find(segment).is_some();
        if !segments
            .last()
            .is_some_and(|last| is_known(last) || last.parse::<usize>().is_ok())
        {
            return None;
        }
        let first = segments
            .iter()
            .position(|segment| self.is_outermost(segment));
        let first = first.or_else(|| segments.iter().position(is_known))?;
        let (before, path) = segments.split_at(first);
        Some((before.to_vec(), path.to_vec()))
    }
}

/// Splits a path in any style into its segments.
#[must_use]
pub(super) fn segments(text: &str) -> Vec<&str> {
    let text = text.trim_start_matches('#');
    text.split(['.', '/', '[', ']'])
        .map(|part| part.trim_matches(['"', '\'']))
        .filter(|part| !part.is_empty())
        .collect()
}

/// Returns true if a text has the form of a name in a program: one word of at most 60 bytes, with
/// letters.
#[must_use]
pub(super) fn is_identifier(text: &str) -> bool {
    text.len() <= 60
        && text
            .chars()
            .next()
            .is_some_and(|first| first.is_alphabetic() || matches!(first, '_' | '$' | '@'))
        && text.chars().all(|letter| {
            letter.is_alphanumeric() || matches!(letter, '_' | '-' | '$' | '.' | '[' | ']' | '@')
        })
}

/// Returns true if a text has the form of a name in a program and is not a plain word: `roomId`,
/// `room_id`, `x.y`.
#[must_use]
pub(super) fn is_coined(text: &str) -> bool {
    let is_mixed =
        text.chars().skip(1).any(char::is_uppercase) && text.chars().any(char::is_lowercase);
    is_identifier(text)
        && (is_mixed
            || text.contains(['_', '.', '[', '-'])
            || text.chars().any(|c| c.is_ascii_digit()))
}
