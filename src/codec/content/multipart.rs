//! Multipart content (RFC 2046 §5.1, RFC 7578) ↔ values: parts by name, or in order.
use std::convert::Infallible;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::stream;
use http::header::HeaderMap;
use serde_json::{Map, Value, json};

use crate::codec::content::malformed::{ContentError, Malformed, read_json};
use crate::codec::content::{sample, xml};
use crate::codec::style::{ReadOutcome, as_documented, read_brackets, typed};
use crate::codec::text::{decode, plain};
use crate::contract::media::MediaRange;
use crate::contract::{Encoding, MediaType, Style};
use crate::schema::Schema;

/// Maximum nesting of multipart content within parts; deeper content is malformed.
const DEEPEST: usize = 8;

/// Maximum number of parts of a body; a body with more is malformed.
const MOST_PARTS: usize = 10_000;

/// Size of the pieces that are passed to the reader, in bytes.
const PIECE: usize = 16 * 1024;

/// A part of a multipart body.
struct Part {
    name: String,
    /// Name of the file, if the part is one.
    file: Option<String>,
    media: Option<MediaRange>,
    headers: HeaderMap,
    bytes: Bytes,
}

/// File that was sent as a part of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SentFile {
    /// Name of the part.
    pub part: String,
    /// Name of the file: `photo.png`.
    pub name: String,
    /// Media type of the part, or else `application/octet-stream` (RFC 7578 §4.4).
    pub media: String,
    /// Content of the part.
    pub bytes: Bytes,
}

/// Returns the first file of a form; `None` if the content is no form or has no file.
#[must_use]
pub(crate) fn first_file(bytes: &Bytes, sent: &MediaRange) -> Option<SentFile> {
    if sent.essence() != "multipart/form-data" {
        return None;
    }
    let part = parts(bytes, sent).ok()?;
    let part = part.into_iter().find(|part| part.file.is_some())?;
    let media = part.media.as_ref().map(MediaRange::essence);
    Some(SentFile {
        media: media.unwrap_or("application/octet-stream").to_owned(),
        bytes: part.bytes,
        part: part.name,
        name: part.file?,
    })
}

/// Reads the parts of a form as the properties of an object, or as a list of parts if the schema
/// is a list or there is an `itemSchema`.
///
/// # Errors
///
/// Returns [`Malformed`] if the bytes are not multipart, or if a part does not conform to its
/// `encoding`.
pub(super) fn read(
    bytes: &Bytes,
    sent: &MediaRange,
    media: &MediaType,
) -> Result<Value, Malformed> {
    let any = Value::Bool(true);
    let mut object = Map::new();
    let is_list = |schema: &Schema| schema.own_types() == ["array"];
    if media.item.is_some() || media.schema.as_deref().is_some_and(is_list) {
        let parts = parts(bytes, sent)?;
        let (schema, item) = match (&media.item, &media.schema) {
            (Some(item), _) => (Some(&**item), item.tree()),
            (None, Some(schema)) => (Some(&**schema), schema.items(schema.tree()).unwrap_or(&any)),
            (None, None) => (None, &any),
        };
        return parts
            .iter()
            .map(|part| part.value(schema, item, 0))
            .collect();
    }
    let mut nested: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for mut part in parts(bytes, sent)? {
        if let Some(base) = part.base(media) {
            let member = (
                part.name.clone(),
                String::from_utf8_lossy(&part.bytes).into_owned(),
            );
            match nested.iter_mut().find(|(there, _)| *there == base) {
                Some((_, members)) => members.push(member),
                None => nested.push((base, vec![member])),
            }
            continue;
        }
        // Many clients write lists as `tags[]` and JSON as `address{}`, whatever is documented.
        let plain = part
            .name
            .strip_suffix("[]")
            .or_else(|| part.name.strip_suffix("{}"))
            .map(str::len);
        let declares = |plain: &str| {
            media.schema.as_ref().is_some_and(|s| {
                s.properties(s.tree())
                    .iter()
                    .any(|(name, _)| *name == plain)
            })
        };
        if let Some(length) = plain.filter(|length| declares(&part.name[..*length])) {
            part.name.truncate(length);
        }
        let encoding = media
            .encoding
            .iter()
            .find(|(name, _)| *name == part.name)
            .map(|(_, encoding)| encoding);
        if let Some(encoding) = encoding {
            part.keeps_to(encoding)?;
        }
        let schema = media.schema.as_deref();
        let node = schema
            .and_then(|schema| schema.property(schema.tree(), &part.name))
            .unwrap_or(&any);
        let is_list = schema.is_some_and(|schema| schema.types(node).contains(&"array"));
        let item = if is_list {
            schema.and_then(|schema| schema.items(node)).unwrap_or(&any)
        } else {
            node
        };
        let delimiter = encoding
            .filter(|encoding| is_list && !encoding.explode)
            .map(|encoding| encoding.style);
        let value = match (delimiter, schema) {
            (Some(style), Some(schema)) => part.list(schema, item, style),
            _ => part.value(schema, item, 0)?,
        };
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
    for (base, members) in nested {
        let Some(schema) = media.schema.as_deref() else {
            continue;
        };
        let Some(node) = schema.property(schema.tree(), &base) else {
            continue;
        };
        match read_brackets(schema, node, &base, &members) {
            ReadOutcome::Value(value) => drop(object.insert(base, value)),
            ReadOutcome::Malformed(reason) => {
                return Err(ContentError::Property { name: base, reason }.into());
            }
            ReadOutcome::Absent | ReadOutcome::Empty => {}
        }
    }
    Ok(Value::Object(object))
}

impl Part {
    /// Returns the documented property that the part is a member of: `expires_after` for a part
    /// `expires_after[anchor]`, if no property has that full name. Parts such as `tags[]` are
    /// items instead.
    fn base(&self, media: &MediaType) -> Option<String> {
        let (base, rest) = self
            .name
            .split_once('[')
            .filter(|(base, rest)| !base.is_empty() && *rest != "]")?;
        let schema = media.schema.as_deref().filter(|_| rest.ends_with(']'))?;
        let declares = |name: &str| schema.property(schema.tree(), name).is_some();
        (declares(base)
            && !schema
                .properties(schema.tree())
                .iter()
                .any(|(name, _)| *name == self.name))
        .then(|| base.to_owned())
    }

    /// Checks the media type and header fields against the Encoding Object (OpenAPI 3.0.4
    /// §4.7.15.1).
    ///
    /// # Errors
    ///
    /// Returns the first difference.
    fn keeps_to(&self, encoding: &Encoding) -> Result<(), ContentError> {
        let part = &self.name;
        if let Some(sent) = &self.media
            && !encoding.content_types.is_empty()
            && !encoding
                .content_types
                .iter()
                .any(|range| range.covers(sent))
        {
            let expected = encoding.content_types.iter();
            return Err(ContentError::PartMedia {
                part: part.clone(),
                sent: sent.to_string(),
                expected: expected.map(|range| range.as_str().to_owned()).collect(),
            });
        }
        for header in &encoding.headers {
            let value = self
                .headers
                .get(&header.name)
                .map(|value| String::from_utf8_lossy(value.as_bytes()));
            match (value, &header.schema) {
                (None, _) if header.required => {
                    return Err(ContentError::PartField {
                        part: part.clone(),
                        field: header.name.clone(),
                    });
                }
                (Some(text), Some(schema)) => {
                    let value = typed(schema, schema.tree(), &text);
                    if let Some(error) = schema.errors(&value).unwrap_or_default().first() {
                        return Err(ContentError::PartFieldValue {
                            part: part.clone(),
                            field: header.name.clone(),
                            fault: error.sentence(),
                        });
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Splits a list that one part holds, at the delimiter of its style.
    fn list(&self, schema: &Schema, item: &Value, style: Style) -> Value {
        let delimiter = match style {
            Style::SpaceDelimited => ' ',
            Style::PipeDelimited => '|',
            _ => ',',
        };
        let text = String::from_utf8_lossy(&self.bytes);
        text.split(delimiter)
            .map(|text| typed(schema, item, text.trim()))
            .collect()
    }

    pub(crate) fn value(
        &self,
        schema: Option<&Schema>,
        node: &Value,
        depth: usize,
    ) -> Result<Value, Malformed> {
        let text = String::from_utf8_lossy(&self.bytes);
        let within = |error: Malformed| {
            Malformed::from(ContentError::PartContent {
                part: self.name.clone(),
                fault: error.detail,
            })
        };
        match &self.media {
            Some(media) if media.is_json() => return read_json(&self.bytes).map_err(within),
            Some(media)
                if media.is_xml()
                    && self.file.is_none()
                    && schema.is_some_and(|s| s.types(node) == ["object"]) =>
            {
                return xml::read(&text, None).map_err(|(reason, _)| {
                    Malformed::from(ContentError::PartXml {
                        part: self.name.clone(),
                        reason,
                    })
                });
            }
            Some(media) if media.essence().starts_with("multipart/") => {
                if depth >= DEEPEST {
                    return Err(ContentError::PartsTooDeep { most: DEEPEST }.into());
                }
                let parts =
                    parts(&self.bytes, media).map_err(|error| within(Malformed::from(error)))?;
                return nested(&parts, schema, node, depth + 1);
            }
            _ => {}
        }
        let Some(schema) = schema.filter(|_| self.file.is_none()) else {
            return Ok(json!(text));
        };
        Ok(as_documented(schema, node, typed(schema, node, &text)))
    }
}

/// Reads the parts within a part: an object if they have names, else a list.
fn nested(
    parts: &[Part],
    schema: Option<&Schema>,
    node: &Value,
    depth: usize,
) -> Result<Value, Malformed> {
    let any = Value::Bool(true);
    let is_list = schema.is_some_and(|schema| schema.types(node).contains(&"array"));
    if is_list || parts.iter().all(|part| part.name.is_empty()) {
        let item = schema.and_then(|schema| schema.items(node)).unwrap_or(&any);
        return parts
            .iter()
            .map(|part| part.value(schema, item, depth))
            .collect();
    }
    let mut object = Map::new();
    for part in parts {
        let property = schema
            .and_then(|schema| schema.property(node, &part.name))
            .unwrap_or(&any);
        object.insert(part.name.clone(), part.value(schema, property, depth)?);
    }
    Ok(Value::Object(object))
}

impl From<multer::Error> for ContentError {
    fn from(error: multer::Error) -> Self {
        Self::Multipart {
            message: error.to_string(),
        }
    }
}

/// Returns the name of a file in the form of RFC 8187, `filename*=UTF-8''%e2%82%ac.txt`, as some clients send names
/// that are not ASCII.
fn encoded_file_name(headers: &HeaderMap) -> Option<String> {
    let field = headers
        .get(http::header::CONTENT_DISPOSITION)?
        .to_str()
        .ok()?;
    let mut parameters = field
        .split(';')
        .filter_map(|part| part.trim().split_once('='));
    let (_, value) = parameters.find(|(name, _)| name.eq_ignore_ascii_case("filename*"))?;
    let encoded = value.trim_matches('"').rsplit('\'').next()?;
    Some(decode(encoded))
}

fn parts(bytes: &Bytes, sent: &MediaRange) -> Result<Vec<Part>, ContentError> {
    // `multer` reads only form data; the other subtypes are framed in the same way.
    let as_form = sent
        .as_str()
        .split_once(';')
        .map(|(_, parameters)| format!("multipart/form-data;{parameters}"));
    let boundary = multer::parse_boundary(as_form.unwrap_or_default())?;
    if bytes.trim_ascii() == format!("--{boundary}--").as_bytes() {
        return Ok(Vec::new());
    }
    // Pass the body in pieces, because the reader moves the unread rest with each part.
    let starts = (0..bytes.len()).step_by(PIECE);
    let pieces = starts.map(|start| bytes.slice(start..bytes.len().min(start + PIECE)));
    let body = stream::iter(pieces.map(Ok::<Bytes, Infallible>).collect::<Vec<_>>());
    let mut reader = multer::Multipart::new(body, boundary);
    let read = async {
        let mut parts = Vec::new();
        while let Some(field) = reader.next_field().await? {
            if parts.len() >= MOST_PARTS {
                return Err(ContentError::TooManyParts { most: MOST_PARTS });
            }
            parts.push(Part {
                name: field.name().unwrap_or_default().to_owned(),
                file: field
                    .file_name()
                    .map(str::to_owned)
                    .or_else(|| encoded_file_name(field.headers())),
                media: field
                    .content_type()
                    .and_then(|kind| MediaRange::parse(kind.as_ref())),
                headers: field.headers().clone(),
                bytes: field.bytes().await?,
            });
        }
        Ok::<Vec<Part>, ContentError>(parts)
    };
    // All bytes are in memory, so the reader never waits.
    read.now_or_never()
        .unwrap_or_else(|| Err(multer::Error::IncompleteStream.into()))
}

/// Boundary of written content; `-` is appended until no part contains it.
const BOUNDARY: &str = "standin-boundary";

/// Writes the properties of an object, or the items of a list, as parts; returns the bytes and the
/// boundary.
#[must_use]
pub(super) fn write(
    value: &Value,
    sent: &MediaRange,
    media: Option<&MediaType>,
) -> (Vec<u8>, String) {
    let schema = media.and_then(|media| media.schema.as_deref());
    let named: Vec<(Option<&str>, &Value)> = match value {
        Value::Object(object) => object
            .iter()
            .flat_map(|(name, value)| match value {
                Value::Array(items) => items
                    .iter()
                    .map(|item| (Some(name.as_str()), item))
                    .collect(),
                value => vec![(Some(name.as_str()), value)],
            })
            .collect(),
        Value::Array(items) => items.iter().map(|item| (None, item)).collect(),
        value => vec![(None, value)],
    };
    let is_form = sent.essence() == "multipart/form-data";
    let parts: Vec<(String, Vec<u8>)> = named
        .into_iter()
        .map(|(name, value)| {
            let encoding =
                name.and_then(|name| media?.encoding.iter().find(|(there, _)| there == name));
            let documented = encoding
                .and_then(|(_, encoding)| encoding.content_types.first())
                .map(MediaRange::as_str);
            let node = name.and_then(|name| schema?.property(schema?.tree(), name));
            let is_binary = node.is_some_and(|node| is_binary(schema, node));
            let kind = documented.unwrap_or(match value {
                Value::Object(_) | Value::Array(_) => "application/json",
                _ if is_binary => "application/octet-stream",
                _ if is_form => "",
                _ => "text/plain",
            });
            part(name.filter(|_| is_form), value, kind, is_binary)
        })
        .collect();
    let mut boundary = BOUNDARY.to_owned();
    while parts
        .iter()
        .any(|(_, content)| String::from_utf8_lossy(content).contains(&boundary))
    {
        boundary.push('-');
    }
    let mut bytes = Vec::new();
    for (head, content) in parts {
        bytes.extend_from_slice(format!("--{boundary}\r\n{head}\r\n").as_bytes());
        bytes.extend_from_slice(&content);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (bytes, boundary)
}

fn is_binary(schema: Option<&Schema>, node: &Value) -> bool {
    let resolve = |node| schema.map_or(node, |schema: &Schema| schema.resolve(node));
    let node = resolve(node);
    let node = node.get("items").map_or(node, resolve);
    node.get("format").is_some_and(|format| format == "binary")
        || node.get("contentMediaType").is_some()
}

/// Returns the header fields and the content of a part.
fn part(name: Option<&str>, value: &Value, kind: &str, is_binary: bool) -> (String, Vec<u8>) {
    let mut head = String::new();
    if let Some(name) = name {
        // Escape as RFC 7578 §4.2 and WHATWG HTML require.
        let name = name
            .replace('"', "%22")
            .replace('\r', "%0D")
            .replace('\n', "%0A");
        let file = if is_binary { "; filename=\"file\"" } else { "" };
        head.push_str(&format!(
            "Content-Disposition: form-data; name=\"{name}\"{file}\r\n"
        ));
    }
    if !kind.is_empty() {
        head.push_str(&format!("Content-Type: {kind}\r\n"));
    }
    let sample = MediaRange::parse(kind)
        .and_then(|media| sample::of(media.essence()))
        .filter(|_| is_binary);
    let content = sample.map_or_else(|| plain(value).into_bytes(), |bytes| bytes.to_vec());
    (head, content)
}
