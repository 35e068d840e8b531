//! Recognises names, paths, types and URLs in the texts of error examples.
use serde_json::Value;

use crate::contract::wording::{Template, TemplatePart, WordingSlot};
use crate::errors::catalogue::idiom::Idiom;
use crate::errors::finding::PathStyle;
use crate::errors::reading::names::{Names, segments};
use crate::schema::name::NameForm;

/// Returns true if a message begins with the path of its field: no text is before the path, and the
/// family does not write JSON Pointers.
pub(crate) fn start_is_path(before: &str, idiom: Option<&Idiom>) -> bool {
    before.is_empty() && idiom.is_none_or(|idiom| idiom.dialect.path != PathStyle::Pointer)
}

/// Returns the form in which a name is written; up to three capitals are an abbreviation, not a
/// form.
pub(crate) fn form_of(token: &str, names: &Names) -> NameForm {
    const ABBREVIATION: usize = 3;
    let form = names.find(token).map_or(NameForm::AsIs, |(_, form)| form);
    if form == NameForm::Upper && token.len() <= ABBREVIATION {
        NameForm::AsIs
    } else {
        form
    }
}

/// Returns the text from the segment `first` on, at the first occurrence that begins a path of
/// `count` segments; without one, returns `first`.
pub(crate) fn path_tail(text: &str, first: &str, count: usize) -> String {
    for (at, _) in text.match_indices(first) {
        if segments(&text[at..]).len() == count {
            return text[at..].to_owned();
        }
    }
    first.to_owned()
}

/// Splits a template such as `{name}: must be a string` into the path, `{path}: `, and the message.
pub(crate) fn path_before(template: &Template) -> (Template, Template) {
    if let [
        TemplatePart::Slot(slot, form),
        TemplatePart::Text(text),
        rest @ ..,
    ] = template.parts.as_slice()
        && slot.is_name()
        && let Some(text) = text.strip_prefix(": ")
    {
        let before = Template {
            parts: vec![
                TemplatePart::Slot(WordingSlot::Path, *form),
                TemplatePart::Text(": ".to_owned()),
            ],
        };
        let mut sentence = Template::plain(text);
        rest.iter().for_each(|part| {
            sentence.push(Template {
                parts: vec![part.clone()],
            });
        });
        return (before, sentence);
    }
    (Template::default(), template.clone())
}

/// Returns true if a text is the name of a type, as JSON Schema or JavaScript writes it.
pub(crate) fn is_type_name(text: &str) -> bool {
    matches!(
        text,
        "string" | "number" | "integer" | "boolean" | "array" | "object" | "null" | "undefined"
    )
}

/// Returns true if a path ends in an instance of a path template.
pub(crate) fn is_url_of(text: &str, template: &str) -> bool {
    let path = text.split('?').next().unwrap_or(text);
    let (there, wanted): (Vec<&str>, Vec<&str>) =
        (path.split('/').collect(), template.split('/').collect());
    let from = there.len().saturating_sub(wanted.len() - 1);
    let tail = there.get(from..).unwrap_or_default();
    wanted.len() > 1
        && tail.len() == wanted.len() - 1
        && tail
            .iter()
            .zip(&wanted[1..])
            .all(|(a, b)| a == b || b.starts_with('{'))
}

pub(crate) fn without_code(text: &str) -> String {
    match text.rfind(" [") {
        Some(at) if text.ends_with(']') => text[..at].to_owned(),
        _ => text.to_owned(),
    }
}

pub(crate) fn allowed(node: Option<&Value>) -> Vec<Value> {
    let Some(node) = node else { return Vec::new() };
    match (node.get("enum"), node.get("const")) {
        (Some(Value::Array(values)), _) => values.clone(),
        (_, Some(value)) => vec![value.clone()],
        _ => Vec::new(),
    }
}

pub(crate) fn longest(node: Option<&Value>) -> Option<usize> {
    node?
        .get("maxLength")?
        .as_u64()
        .and_then(|longest| usize::try_from(longest).ok())
}
