//! Header fields of errors → the templates that give them.
use serde_json::{Map, Value, json};

use crate::upstream::learning::text::{SeenText, template_of};
use crate::upstream::learning::view::View;

/// Returns the templates of the header fields that all errors have; a field whose values differ in more
/// than the findings is left out.
#[must_use]
pub(super) fn templates(views: &[View]) -> Map<String, Value> {
    let mut made = Map::new();
    let Some(first) = views.first() else {
        return made;
    };
    for (name, _) in &first.headers {
        if made.contains_key(name) {
            continue;
        }
        if let Some(lines) = lines(name, views) {
            let value = match lines.as_slice() {
                [only] => json!(only),
                _ => json!(lines),
            };
            made.insert(name.clone(), value);
        }
    }
    made
}

/// Returns the template of each line of a header field.
fn lines(name: &str, views: &[View]) -> Option<Vec<String>> {
    let of = |view: &View| -> Vec<String> {
        let own = view.headers.iter().filter(|(own, _)| own == name);
        own.map(|(_, value)| value.clone()).collect()
    };
    let values: Vec<Vec<String>> = views.iter().map(of).collect();
    let count = values.first()?.len();
    if values.iter().any(|own| own.len() != count) {
        return None;
    }
    let line = |index: usize| {
        let seen: Vec<SeenText<'_>> = values
            .iter()
            .zip(views)
            .map(|(values, view)| SeenText {
                text: &values[index],
                finding: &view.finding,
            })
            .collect();
        template_of(&seen)
    };
    (0..count).map(line).collect()
}

/// Returns the fields that all of some errors have with the same templates.
#[must_use]
pub(super) fn common(all: &[Map<String, Value>]) -> Map<String, Value> {
    let Some((first, others)) = all.split_first() else {
        return Map::new();
    };
    let is_common = |(name, value): &(&String, &Value)| {
        let mut others = others.iter();
        others.all(|other| other.get(*name) == Some(value))
    };
    let common = first.iter().filter(is_common);
    common
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
