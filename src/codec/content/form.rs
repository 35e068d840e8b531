//! Forms (`application/x-www-form-urlencoded`) ↔ values: each property is written as in a query.
use serde_json::{Map, Value, json};

use crate::codec::content::malformed::ContentError;
use crate::codec::style::{Pairs, ReadOutcome, as_documented, read_property};
use crate::codec::text::{decode_form, plain};
use crate::contract::media::MediaRange;
use crate::contract::{MediaType, Style};
use crate::schema::Schema;

/// Reads the pairs of a form, or of a query that has the form of one.
///
/// # Errors
///
/// Returns [`ContentError::Property`] for the property that does not follow its style.
pub(crate) fn read(text: &str, media: &MediaType) -> Result<Value, ContentError> {
    let pairs = Pairs::parse(text);
    let Some(schema) = &media.schema else {
        return Ok(Value::Object(
            pairs
                .0
                .iter()
                .map(|(name, raw)| (name.clone(), json!(decode_form(raw))))
                .collect(),
        ));
    };
    let mut object = Map::new();
    let mut taken: Vec<String> = Vec::new();
    for (name, node) in schema.properties(schema.tree()) {
        let (style, explode) = style_of(media, schema, node, name);
        match read_property(schema, node, name, style, explode, &pairs) {
            ReadOutcome::Value(value) => {
                taken.push(name.to_owned());
                object.insert(name.to_owned(), as_documented(schema, node, value));
            }
            ReadOutcome::Malformed(reason) => {
                return Err(ContentError::Property {
                    name: name.to_owned(),
                    reason,
                });
            }
            ReadOutcome::Absent | ReadOutcome::Empty => {
                // Objects may be sent as JSON text (OpenAPI 3.0.4 §4.7.14.5).
                if let Some(text) = pairs.first(name) {
                    object.insert(name.to_owned(), as_documented(schema, node, json!(text)));
                }
            }
        }
    }
    for (name, raw) in &pairs.0 {
        let base = name.split('[').next().unwrap_or(name);
        if !taken.iter().any(|there| there == base) && !object.contains_key(name) {
            object.insert(name.clone(), json!(decode_form(raw)));
        }
    }
    Ok(Value::Object(object))
}

/// Returns the style of a form property and its `explode`: those in `encoding`, else exploded,
/// with brackets for objects (OpenAPI 3.0.4 §4.7.15.1.2; clients send brackets if nothing is
/// documented).
fn style_of(media: &MediaType, schema: &Schema, node: &Value, name: &str) -> (Style, bool) {
    if let Some((_, encoding)) = media.encoding.iter().find(|(there, _)| there == name) {
        return (encoding.style, encoding.explode);
    }
    if schema.types(node) == ["object"] {
        (Style::DeepObject, true)
    } else {
        (Style::Form, true)
    }
}

/// Writes the properties of an object; lists repeat their name, and objects put brackets after it.
#[must_use]
pub(crate) fn write(value: &Value, media: Option<&MediaType>) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    let Some(object) = value.as_object() else {
        return plain(value);
    };
    for (name, value) in object {
        let encoding =
            media.and_then(|media| media.encoding.iter().find(|(there, _)| there == name));
        let is_joined = encoding
            .is_some_and(|(_, encoding)| !encoding.explode && encoding.style != Style::DeepObject);
        let is_json = encoding
            .is_some_and(|(_, encoding)| encoding.content_types.iter().any(MediaRange::is_json));
        match value {
            Value::Array(_) | Value::Object(_) if is_json => {
                form.append_pair(name, &value.to_string());
            }
            Value::Array(items) if is_joined => {
                let between = match encoding.map(|(_, encoding)| encoding.style) {
                    Some(Style::SpaceDelimited) => " ",
                    Some(Style::PipeDelimited) => "|",
                    _ => ",",
                };
                form.append_pair(
                    name,
                    &items.iter().map(plain).collect::<Vec<_>>().join(between),
                );
            }
            Value::Array(_)
                if encoding.is_some_and(|(_, encoding)| encoding.style == Style::DeepObject) =>
            {
                bracketed(name, value, &mut form);
            }
            Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
                bracketed(name, value, &mut form);
            }
            Value::Array(items) => items.iter().for_each(|item| {
                form.append_pair(name, &plain(item));
            }),
            Value::Object(_) => bracketed(name, value, &mut form),
            value => {
                form.append_pair(name, &plain(value));
            }
        }
    }
    form.finish()
}

/// Appends a nested value as `name[0][key]=value`.
fn bracketed(name: &str, value: &Value, form: &mut form_urlencoded::Serializer<'_, String>) {
    match value {
        Value::Array(items) => {
            let numbered = items.iter().enumerate();
            numbered.for_each(|(index, item)| bracketed(&format!("{name}[{index}]"), item, form));
        }
        Value::Object(object) => {
            object
                .iter()
                .for_each(|(key, member)| bracketed(&format!("{name}[{key}]"), member, form));
        }
        value => {
            form.append_pair(name, &plain(value));
        }
    }
}
