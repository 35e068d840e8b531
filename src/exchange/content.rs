//! Bytes ↔ value, for each media type.
//!
//! Whether a value fits its schema is left to `validate`.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{FutureExt as _, stream};
use serde_json::{Map, Value, json};

use super::parameter::{self, Pairs, Read};
use crate::contract::media::MediaRange;
use crate::contract::schema::Schema;
use crate::contract::{MediaType, Style};

/// What the content of a request is.
#[derive(Debug)]
pub enum Content {
    /// A value that its schema can judge.
    Value(Value),
    /// Bytes of a type that is not looked into, such as an image.
    Opaque,
}

/// Why content cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong: `malformed JSON: EOF while parsing a value`.
    pub detail: String,
    /// Line and column from 1, where the format has them.
    pub place: Option<(usize, usize)>,
}

impl Malformed {
    fn without_place(detail: impl std::fmt::Display) -> Self {
        Self { detail: format!("malformed content: {detail}"), place: None }
    }
}

/// Reads content of the type `sent` as the documented `media` describes it.
///
/// # Errors
///
/// [`Malformed`], if the bytes are not of that type.
pub fn read(bytes: &Bytes, sent: &MediaRange, media: &MediaType) -> Result<Content, Malformed> {
    match sent.essence() {
        _ if sent.is_json() => read_json(bytes).map(Content::Value),
        "application/x-www-form-urlencoded" => read_form(bytes, media).map(Content::Value),
        "multipart/form-data" => read_multipart(bytes, sent, media).map(Content::Value),
        essence if essence.starts_with("text/") && !essence.ends_with("/xml") => {
            read_text(bytes, media).map(Content::Value)
        }
        _ => Ok(Content::Opaque),
    }
}

fn read_json(bytes: &Bytes) -> Result<Value, Malformed> {
    serde_json::from_slice(bytes).map_err(|error| {
        let full = error.to_string();
        let detail = full.split(" at line ").next().unwrap_or(&full).to_owned();
        Malformed { detail: format!("malformed JSON: {detail}"), place: Some((error.line(), error.column())) }
    })
}

fn read_text(bytes: &Bytes, media: &MediaType) -> Result<Value, Malformed> {
    let text =
        std::str::from_utf8(bytes).map_err(|error| Malformed::without_place(format!("it is no UTF-8: {error}")))?;
    Ok(match &media.schema {
        Some(schema) => parameter::typed(schema, schema.tree(), text),
        None => json!(text),
    })
}

fn read_form(bytes: &Bytes, media: &MediaType) -> Result<Value, Malformed> {
    let text =
        std::str::from_utf8(bytes).map_err(|error| Malformed::without_place(format!("it is no UTF-8: {error}")))?;
    let pairs = Pairs::parse(text.trim());
    let Some(schema) = &media.schema else {
        return Ok(Value::Object(
            pairs.0.iter().map(|(name, raw)| (name.clone(), json!(parameter::decode_form(raw)))).collect(),
        ));
    };
    let mut object = Map::new();
    let mut taken: Vec<String> = Vec::new();
    for (name, node) in schema.properties(schema.tree()) {
        let (style, explode) = style_of(media, schema, node, name);
        match parameter::read_property(schema, node, name, style, explode, &pairs) {
            Read::Value(value) => {
                taken.push(name.to_owned());
                object.insert(name.to_owned(), as_documented(schema, node, value));
            }
            Read::Malformed(why) => return Err(Malformed::without_place(format!("`{name}`: {why}"))),
            Read::Absent | Read::Empty => {
                // Objects may come as JSON text (OpenAPI 3.0.4 §4.7.14.5).
                if let Some(text) = pairs.first(name) {
                    object.insert(name.to_owned(), as_documented(schema, node, json!(text)));
                }
            }
        }
    }
    for (name, raw) in &pairs.0 {
        let base = name.split('[').next().unwrap_or(name);
        if !taken.iter().any(|there| there == base) && !object.contains_key(name) {
            object.insert(name.clone(), json!(parameter::decode_form(raw)));
        }
    }
    Ok(Value::Object(object))
}

/// How a property of a form is written: as `encoding` says, else exploded, objects in brackets
/// (OpenAPI 3.0.4 §4.7.15.1.2; brackets are what clients send where nothing is documented).
fn style_of(media: &MediaType, schema: &Schema, node: &Value, name: &str) -> (Style, bool) {
    if let Some((_, encoding)) = media.encoding.iter().find(|(there, _)| there == name) {
        return (encoding.style, encoding.explode);
    }
    if schema.types(node) == ["object"] { (Style::DeepObject, true) } else { (Style::Form, true) }
}

/// An object or list that came as JSON text.
fn as_documented(schema: &Schema, node: &Value, value: Value) -> Value {
    let Value::String(text) = &value else { return value };
    let types = schema.types(node);
    let parsed = serde_json::from_str::<Value>(text).ok();
    let fits = |parsed: &Value| {
        parsed.is_object() && types.contains(&"object") || parsed.is_array() && types.contains(&"array")
    };
    parsed.filter(fits).unwrap_or(value)
}

/// A part of a multipart body.
struct Part {
    name: String,
    is_file: bool,
    is_json: bool,
    bytes: Bytes,
}

fn read_multipart(bytes: &Bytes, sent: &MediaRange, media: &MediaType) -> Result<Value, Malformed> {
    let parts = parts(bytes, sent).map_err(|error| Malformed::without_place(error.to_string()))?;
    let any = Value::Bool(true);
    let mut object = Map::new();
    for part in parts {
        let schema = media.schema.as_deref();
        let node = schema.and_then(|schema| schema.property(schema.tree(), &part.name)).unwrap_or(&any);
        let is_list = schema.is_some_and(|schema| schema.types(node).contains(&"array"));
        let item = if is_list { schema.and_then(|schema| schema.items(node)).unwrap_or(&any) } else { node };
        let value = part.value(schema, item)?;
        match object.get_mut(&part.name) {
            Some(Value::Array(items)) if is_list => items.push(value),
            _ if is_list && !value.is_array() => {
                object.insert(part.name, Value::Array(vec![value]));
            }
            _ => {
                object.insert(part.name, value);
            }
        }
    }
    Ok(Value::Object(object))
}

impl Part {
    fn value(&self, schema: Option<&Schema>, node: &Value) -> Result<Value, Malformed> {
        let text = String::from_utf8_lossy(&self.bytes);
        if self.is_json {
            return read_json(&self.bytes)
                .map_err(|error| Malformed::without_place(format!("`{}` has {}", self.name, error.detail)));
        }
        let Some(schema) = schema.filter(|_| !self.is_file) else { return Ok(json!(text)) };
        Ok(as_documented(schema, node, parameter::typed(schema, node, &text)))
    }
}

fn parts(bytes: &Bytes, sent: &MediaRange) -> multer::Result<Vec<Part>> {
    let boundary = multer::parse_boundary(sent.as_str())?;
    let body = stream::once(std::future::ready(Ok::<Bytes, Infallible>(bytes.clone())));
    let mut reader = multer::Multipart::new(body, boundary);
    let read = async {
        let mut parts = Vec::new();
        while let Some(field) = reader.next_field().await? {
            parts.push(Part {
                name: field.name().unwrap_or_default().to_owned(),
                is_file: field.file_name().is_some(),
                is_json: field.content_type().is_some_and(|kind| kind.subtype() == "json"),
                bytes: field.bytes().await?,
            });
        }
        Ok(parts)
    };
    // All bytes are there, so the reader never has to wait.
    read.now_or_never().unwrap_or(Err(multer::Error::IncompleteStream))
}

/// Writes a value as content of a media type.
#[must_use]
pub fn write(value: &Value, media: &MediaRange) -> Bytes {
    if media.is_json() || media.is_range() {
        return Bytes::from(value.to_string());
    }
    match value {
        Value::String(text) => Bytes::from(text.clone()),
        // There is no way to write it yet, and JSON under another name would mislead.
        _ if is_foreign(media) => Bytes::new(),
        Value::Object(object) if media.essence() == "application/x-www-form-urlencoded" => {
            let mut form = form_urlencoded::Serializer::new(String::new());
            for (name, value) in object {
                form.append_pair(name, &plain(value));
            }
            Bytes::from(form.finish())
        }
        other => Bytes::from(other.to_string()),
    }
}

/// Whether content of a type is none that a value can be written as, such as XML or an image.
#[must_use]
pub fn is_foreign(media: &MediaRange) -> bool {
    let is_text = media.essence().starts_with("text/") && !media.essence().ends_with("/xml");
    !media.is_json() && !media.is_range() && !is_text && media.essence() != "application/x-www-form-urlencoded"
}

/// A value as text: strings without quotes, anything else as JSON.
#[must_use]
pub fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
