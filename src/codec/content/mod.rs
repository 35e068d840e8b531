//! Bytes ↔ values, for each media type.
//!
//! `validate` checks afterwards that a value fits its schema.

pub(crate) mod form;
mod malformed;
mod multipart;
mod sample;
mod sequence;
pub(crate) mod table;
mod xml;

pub(crate) use crate::codec::content::malformed::{ContentError, Malformed};
pub(crate) use crate::codec::content::multipart::first_file;
use bytes::Bytes;
use http::HeaderValue;
use serde_json::{Value, json};

use crate::codec::content::malformed::read_json;
use crate::codec::style::{as_documented, typed};
use crate::contract::example::Example;
use crate::contract::media::{MediaRange, Sequence, Written};
use crate::contract::{GeneratedContent, MediaType, Operation};
use crate::generate::entity::PathValues;
use crate::generate::{self, GenerateOptions};
use crate::schema::Schema;

/// Content of a request.
#[derive(Debug)]
pub(crate) enum Content {
    /// A value that can be validated.
    Value(Value),
    /// Bytes of a type that is not parsed, such as an image.
    Opaque,
}

/// Reads content of the type `sent` by the documented `media`.
///
/// # Errors
///
/// Returns [`Malformed`] if the bytes are not of that type.
pub(crate) fn read(
    bytes: &Bytes,
    sent: &MediaRange,
    media: &MediaType,
) -> Result<Content, Malformed> {
    if let Some(sequence) = sent.sequence() {
        let items = sequence::read(text_of(bytes)?, sequence)?;
        return Ok(Content::Value(items));
    }
    match sent.essence() {
        _ if sent.is_json() => read_json(bytes).map(Content::Value),
        "application/x-www-form-urlencoded" => {
            let properties = form::read(text_of(bytes)?.trim(), media)?;
            Ok(Content::Value(properties))
        }
        "multipart/form-data" | "multipart/mixed" | "multipart/related" => {
            multipart::read(bytes, sent, media).map(Content::Value)
        }
        _ if sent.is_xml() => read_xml(bytes, media).map(Content::Value),
        essence if essence.starts_with("text/") && !essence.ends_with("/xml") => {
            read_text(bytes, media).map(Content::Value)
        }
        _ => Ok(read_vendor(bytes, media).map_or(Content::Opaque, Content::Value)),
    }
}

/// Reads content of an unknown type, such as `application/vnd.acme.pet`, or plain text as JSON, if
/// its schema is an object or a list; `None` if it is not JSON. Such a schema may also describe
/// other formats, which are not parsed.
fn read_vendor(bytes: &Bytes, media: &MediaType) -> Option<Value> {
    if media.is_structured() {
        serde_json::from_slice(bytes).ok()
    } else {
        None
    }
}

fn text_of(bytes: &Bytes) -> Result<&str, ContentError> {
    std::str::from_utf8(bytes).map_err(|error| ContentError::NotUtf8 {
        message: error.to_string(),
    })
}

fn read_text(bytes: &Bytes, media: &MediaType) -> Result<Value, Malformed> {
    let text = text_of(bytes)?;
    if let Some(value) = read_vendor(bytes, media) {
        return Ok(value);
    }
    Ok(match &media.schema {
        Some(schema) => as_documented(schema, schema.tree(), typed(schema, schema.tree(), text)),
        None => json!(text),
    })
}

fn read_xml(bytes: &Bytes, media: &MediaType) -> Result<Value, Malformed> {
    let text = text_of(bytes)?;
    // A string schema describes the text of the XML document.
    if media
        .schema
        .as_ref()
        .is_some_and(|schema| schema.own_types() == ["string"])
    {
        return Ok(json!(text));
    }
    xml::read(text, media.schema.as_deref()).map_err(|(why, at)| {
        let before = String::from_utf8_lossy(&text.as_bytes()[..at.min(text.len())]);
        let line = before.split('\n').count();
        let column = before
            .split('\n')
            .next_back()
            .map_or(0, |line| line.chars().count())
            + 1;
        Malformed::new(format!("malformed XML: {why}"), Some((line, column)))
    })
}

/// Writes a value as content of a media type.
#[must_use]
pub(crate) fn write(value: &Value, sent: &MediaRange, media: Option<&MediaType>) -> Written {
    let whole = |bytes: Bytes| Written {
        bytes,
        ..Written::default()
    };
    if let Some(sequence) = sent.sequence() {
        let (bytes, ends) = sequence::write(value, sequence);
        return Written {
            bytes,
            ends,
            ..Written::default()
        };
    }
    if sent.is_json() || sent.is_range() {
        return whole(Bytes::from(value.to_string()));
    }
    let is_parts = sent.essence().starts_with("multipart/");
    if let Value::String(text) = value
        && (!is_parts || text.starts_with("--"))
    {
        return whole(Bytes::from(text.clone()));
    }
    let schema = media.and_then(|media| media.schema.as_deref());
    match sent.essence() {
        _ if sent.is_xml() => whole(Bytes::from(xml::write(value, schema))),
        "application/x-www-form-urlencoded" => whole(Bytes::from(form::write(value, media))),
        "text/csv" | "application/csv" => whole(table::write(value)),
        // Every JSON text is also YAML 1.2.
        "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml" => {
            whole(Bytes::from(value.to_string()))
        }
        _ if is_parts => {
            let (bytes, boundary) = multipart::write(value, sent, media);
            let media =
                HeaderValue::from_str(&format!("{}; boundary=\"{boundary}\"", sent.essence())).ok();
            Written {
                bytes: Bytes::from(bytes),
                media,
                ..Written::default()
            }
        }
        essence if essence.starts_with("text/") => whole(Bytes::from(value.to_string())),
        essence if (value.is_object() || value.is_array()) && !is_binary(essence) => {
            whole(Bytes::from(value.to_string()))
        }
        _ => Written {
            is_lost: true,
            ..Written::default()
        },
    }
}

/// Returns true if a media type has a binary format, in which no object can be written.
fn is_binary(essence: &str) -> bool {
    const MAIN: [&str; 4] = ["image/", "audio/", "video/", "font/"];
    essence == "application/octet-stream"
        || MAIN.iter().any(|main| essence.starts_with(main))
        || sample::of(essence).is_some()
}

/// Returns the content of an example, repaired if `--examples` asks for that. It is cached, so the
/// preferred seed of a request is ignored.
#[must_use]
pub(crate) fn of_example(
    example: &Example,
    sent: &MediaRange,
    media: Option<&MediaType>,
    options: &GenerateOptions,
) -> Written {
    let options = GenerateOptions {
        seed: GenerateOptions::default().seed,
        ..*options
    };
    example.content(|value| {
        let repaired = example
            .to_repair()
            .and_then(|schema| generate::repair(schema, value, &options));
        write(repaired.as_ref().unwrap_or(value), sent, media)
    })
}

/// Final item of the event streams of many APIs.
pub(crate) const SENTINEL: &str = "[DONE]";

/// Returns true if the event streams of a media type end with [`SENTINEL`]: an example contains
/// it, or the description of the request property `stream` does.
#[must_use]
pub(crate) fn has_sentinel(operation: &Operation, media: &MediaType) -> bool {
    let says = |text: &str| text.contains(SENTINEL);
    let by_example = || {
        media
            .examples
            .iter()
            .any(|example| example.value().to_string().contains(SENTINEL))
    };
    let bodies = || {
        operation
            .compiled()
            .body
            .iter()
            .flat_map(|body| &body.content)
            .filter_map(|media| media.schema.as_ref())
    };
    let by_request = || {
        let described = |schema: &Schema| {
            let property = schema.property(schema.tree(), "stream")?;
            schema
                .resolve(property)
                .get("description")?
                .as_str()
                .map(says)
        };
        bodies().any(|schema| described(schema) == Some(true))
    };
    media.range.sequence() == Some(Sequence::Events) && (by_example() || by_request())
}

/// Generates content of a media type that has no example.
#[must_use]
pub(crate) fn make(
    media: &MediaType,
    sent: &MediaRange,
    options: &GenerateOptions,
    known: &PathValues,
    end: Option<&str>,
) -> GeneratedContent {
    let types = media
        .schema
        .as_ref()
        .map(|schema| schema.own_types())
        .unwrap_or_default();
    let is_picture = sent.essence().starts_with("image/") && !sent.is_xml();
    if (types.is_empty() || types == ["string"] || is_picture)
        && let Some(bytes) = sample::of(sent.essence())
    {
        return GeneratedContent {
            written: Written {
                bytes,
                ..Written::default()
            },
            fits: true,
        };
    }
    let is_medium = ["image/", "audio/", "video/", "font/"]
        .iter()
        .any(|main| sent.essence().starts_with(main));
    if is_medium && !sent.is_xml() {
        return GeneratedContent {
            written: Written {
                is_lost: true,
                ..Written::default()
            },
            fits: true,
        };
    }
    let mut made = match (&media.item, &media.schema, sent.sequence()) {
        (Some(item), ..) => generate::items(item, options),
        (None, Some(schema), Some(_)) if types != ["array"] => generate::items(schema, options),
        (None, Some(schema), _) => {
            let mut made = generate::generate(schema, options);
            if made.fits {
                generate::entity::own(schema, &mut made.value, known);
            }
            made
        }
        // A sequence without a schema gets one empty item.
        (None, None, Some(Sequence::Events)) => generate::Generated {
            value: json!([{ "data": "{}" }]),
            fits: true,
        },
        (None, None, Some(_)) => generate::Generated {
            value: json!([{}]),
            fits: true,
        },
        (None, None, _) if sent.is_json() => generate::Generated {
            value: json!({}),
            fits: true,
        },
        (None, None, _) => {
            return GeneratedContent {
                written: Written {
                    is_lost: true,
                    ..Written::default()
                },
                fits: true,
            };
        }
    };
    if let (Some(end), Value::Array(items)) = (end, &mut made.value) {
        items.push(json!(end));
    }
    if let (true, Value::String(text)) = (sent.is_xml(), &made.value)
        && !text.starts_with('<')
    {
        // The schema describes the text of the document, which must be XML.
        let bytes = Bytes::from(xml::write(&made.value, media.schema.as_deref()));
        return GeneratedContent {
            written: Written {
                bytes,
                ..Written::default()
            },
            fits: true,
        };
    }
    GeneratedContent {
        written: write(&made.value, sent, Some(media)),
        fits: made.fits,
    }
}
