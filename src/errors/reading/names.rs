//! The names that a request of an operation has, and where they stand in texts.
use std::collections::HashMap;

use crate::contract::Operation;
use crate::schema::name::{Form, folded};

/// Every name that the request of an operation has: parameters, and properties at any depth.
#[derive(Debug, Default)]
pub struct Names {
    by_fold: HashMap<String, String>,
    /// Parameters, and the properties of the body itself.
    outermost: Vec<String>,
}

impl Names {
    /// Those of an operation.
    #[must_use]
    pub fn of(operation: &Operation) -> Self {
        let mut names = Self::default();
        for parameter in &operation.parameters {
            names.add(&parameter.name);
            names.outermost.push(parameter.name.clone());
        }
        let bodies = operation.body.iter().flat_map(|body| &body.content);
        for schema in bodies.filter_map(|media| media.schema.as_ref().or(media.item.as_ref())) {
            schema.all_property_names(schema.tree()).iter().for_each(|name| names.add(name));
            let own = schema.properties(schema.tree());
            names.outermost.extend(own.into_iter().map(|(name, _)| name.to_owned()));
        }
        names
    }

    /// A name more, of a body that is no operation's.
    #[cfg(test)]
    pub fn learn(&mut self, name: &str) {
        self.add(name);
        self.outermost.push(name.to_owned());
    }

    fn add(&mut self, name: &str) {
        self.by_fold.entry(folded(name)).or_insert_with(|| name.to_owned());
    }

    /// Every name, in a stable order.
    #[must_use]
    pub fn all(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self.by_fold.values().map(String::as_str).collect();
        all.sort_unstable();
        all
    }

    /// The name that a text writes in some form: `Contact Manager` is `contactManager`.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<(&str, Form)> {
        let name = self.by_fold.get(&folded(text))?;
        // `Return URL` is `returnUrl` in a form that has capitals of its own.
        let loose = || {
            let second = text.split(' ').nth(1)?;
            let is_title =
                second.chars().next().is_some_and(char::is_uppercase) && second.chars().any(char::is_lowercase);
            let starts_high = text.chars().next().is_some_and(char::is_uppercase);
            Some(if is_title {
                Form::Title
            } else if starts_high {
                Form::Sentence
            } else {
                Form::Words
            })
        };
        Form::of(text, name).or_else(loose).map(|form| (name.as_str(), form))
    }

    /// Whether it is written letter by letter as the request has it.
    #[must_use]
    pub fn is_as_it_is(&self, text: &str) -> bool {
        self.by_fold.get(&folded(text)).is_some_and(|name| name == text)
    }

    /// Whether it is a parameter, or a property of the body itself.
    #[must_use]
    pub fn is_outermost(&self, text: &str) -> bool {
        self.outermost.iter().any(|name| folded(name) == folded(text))
    }

    /// The names that a sentence has one after the other, all of them meant: `email, firstName`, `name and
    /// email`; none if there are not two of them.
    #[must_use]
    pub fn listed(&self, text: &str) -> Vec<String> {
        let is_of_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '.');
        let mut listed: Vec<String> = Vec::new();
        let mut last: Option<(&str, usize)> = None;
        let mut at = 0;
        for word in text.split(|c| !is_of_word(c)) {
            let start = at;
            at += word.len() + text[at + word.len()..].chars().next().map_or(0, char::len_utf8);
            let Some(name) = segments(word.trim_end_matches('.')).pop().filter(|name| self.is_as_it_is(name)) else {
                continue;
            };
            if let Some((before, end)) = last {
                let between: String = text[end..start].chars().filter(|c| !" '`\"[]()".contains(*c)).collect();
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

    /// The segments of a text that is a path to one of the names: `items[0].sku`, `/items/0/sku`. What
    /// stands before the first name is apart: `body.`, `#`.
    #[must_use]
    pub fn path<'t>(&self, text: &'t str) -> Option<(Vec<&'t str>, Vec<&'t str>)> {
        let segments = segments(text);
        if segments.is_empty() || segments.iter().any(|segment| segment.contains(' ')) {
            return None;
        }
        let is_known = |segment: &&str| self.find(segment).is_some();
        if !segments.last().is_some_and(|last| is_known(last) || last.parse::<usize>().is_ok()) {
            return None;
        }
        let first = segments.iter().position(|segment| self.is_outermost(segment));
        let first = first.or_else(|| segments.iter().position(is_known))?;
        let (before, path) = segments.split_at(first);
        Some((before.to_vec(), path.to_vec()))
    }
}

/// The parts of a path in any of its styles.
#[must_use]
pub fn segments(text: &str) -> Vec<&str> {
    let text = text.trim_start_matches('#');
    text.split(['.', '/', '[', ']'])
        .map(|part| part.trim_matches(['"', '\'']))
        .filter(|part| !part.is_empty())
        .collect()
}

/// Whether a text has the form of a name in a program: one word, with letters.
#[must_use]
pub fn is_identifier(text: &str) -> bool {
    text.len() <= 60
        && text.chars().next().is_some_and(|first| first.is_alphabetic() || matches!(first, '_' | '$' | '@'))
        && text
            .chars()
            .all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '$' | '.' | '[' | ']' | '@'))
}

/// Whether it has that form and is no plain word: `roomId`, `room_id`, `x.y`.
#[must_use]
pub fn is_coined(text: &str) -> bool {
    let is_mixed = text.chars().skip(1).any(char::is_uppercase) && text.chars().any(char::is_lowercase);
    is_identifier(text) && (is_mixed || text.contains(['_', '.', '[', '-']) || text.chars().any(|c| c.is_ascii_digit()))
}
