//! Reads the content of a request as the media type that its operation documents.
//!
//! `receive` uses it for each request; the value is validated later.
use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use http::header::CONTENT_TYPE;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::codec::accept;
use crate::codec::content::{self, Content, Malformed};
use crate::codec::message::{Body, CodingFault};
use crate::contract::media::MediaRange;
use crate::contract::{Location, MediaType, Operation, Parameter, RequestBody};

#[derive(Debug)]
pub(super) enum ReceivedContent<'o> {
    /// No content, or no documented content.
    Absent,
    /// Content of this documented media type; none if it is accepted without being parsed.
    Read(Option<&'o MediaType>),
    Unreadable(ContentFault),
}

/// Reads the content that was sent, and returns its value too if its media type is parsed.
pub(super) fn receive<'o>(
    operation: &'o Operation,
    headers: &http::HeaderMap,
    sent: &Body,
) -> (ReceivedContent<'o>, Option<Value>) {
    let content = match (&operation.compiled().body, sent) {
        (Some(_), Body::Undecodable(fault)) => undecodable(operation, fault),
        (Some(documented), Body::Complete(bytes)) if !bytes.is_empty() => {
            return match read_content(operation, documented, headers, bytes) {
                Ok((Content::Value(value), media)) => (ReceivedContent::Read(media), Some(value)),
                Ok((Content::Opaque, media)) => (ReceivedContent::Read(media), None),
                Err(fault) => (ReceivedContent::Unreadable(fault), None),
            };
        }
        (None, Body::Complete(bytes)) if !bytes.is_empty() => unexpected(operation, headers),
        _ => ReceivedContent::Absent,
    };
    (content, None)
}

/// Returns the outcome for content where the operation documents none. It is ignored for `GET` and
/// `HEAD`, and without `Content-Type`, because some clients send an empty object with everything.
fn unexpected<'o>(operation: &Operation, headers: &http::HeaderMap) -> ReceivedContent<'o> {
    if [Method::GET, Method::HEAD].contains(&operation.method) {
        return ReceivedContent::Absent;
    }
    let sent = headers
        .get(CONTENT_TYPE)
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    let sent = sent.as_deref().map(str::trim);
    match sent.filter(|sent| !sent.is_empty()) {
        Some(sent) if !operation.documents_field("content-type", sent) => {
            ReceivedContent::Unreadable(ContentFault::UndocumentedContent(sent.to_owned()))
        }
        _ => ReceivedContent::Absent,
    }
}

/// Returns the outcome for content whose coding cannot be undone. An unknown coding that a
/// documented parameter `Content-Encoding` allows is accepted, and its content is not parsed.
fn undecodable<'o>(operation: &Operation, fault: &CodingFault) -> ReceivedContent<'o> {
    let names_coding = |parameter: &&Arc<Parameter>| {
        parameter.location == Location::Header
            && parameter.name.eq_ignore_ascii_case("content-encoding")
    };
    let schema = operation
        .compiled()
        .parameters
        .iter()
        .find(names_coding)
        .and_then(|parameter| parameter.schema());
    match fault {
        CodingFault::Unknown(name)
            if schema.is_some_and(|s| s.is_valid(&json!(name)) == Ok(true)) =>
        {
            ReceivedContent::Read(None)
        }
        CodingFault::Unknown(name) => {
            ReceivedContent::Unreadable(ContentFault::UnsupportedCoding(name.clone()))
        }
        CodingFault::Malformed(why) => {
            let malformed = Malformed::new(why.clone(), None);
            ReceivedContent::Unreadable(ContentFault::Malformed(malformed))
        }
    }
}

/// A reason why the content of a request cannot be validated against a schema.
#[derive(Debug, Clone)]
pub enum ContentFault {
    /// An undocumented media type.
    UnsupportedMediaType {
        /// Media type as sent; `None` if the request names none.
        sent: Option<String>,
        /// Media types that the operation documents.
        documented: Vec<String>,
    },
    /// Content of this media type, sent to an operation that documents no content.
    UndocumentedContent(String),
    /// An unknown content coding, by name.
    UnsupportedCoding(String),
    /// Content that is malformed for its media type or its content coding.
    Malformed(Malformed),
}

/// Reads the content as the documented media type that fits.
///
/// # Errors
///
/// [`ContentFault`], if the type is not documented or the content is malformed.
fn read_content<'o>(
    operation: &Operation,
    body: &'o RequestBody,
    headers: &http::HeaderMap,
    bytes: &Bytes,
) -> Result<(Content, Option<&'o MediaType>), ContentFault> {
    let unsupported = |sent: Option<&str>| ContentFault::UnsupportedMediaType {
        sent: sent.map(str::to_owned),
        documented: body
            .content
            .iter()
            .map(|media| media.range.as_str().to_owned())
            .collect(),
    };
    let text = headers
        .get(CONTENT_TYPE)
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    let (media, sent) = match text
        .as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty())
    {
        _ if body.content.is_empty() => return Ok((Content::Opaque, None)),
        // RFC 9110 §8.3: without `Content-Type` the recipient may examine the data.
        None => untyped(body, bytes).ok_or_else(|| unsupported(None))?,
        Some(text)
            if let Some(media) = body
                .content
                .iter()
                .find(|media| media.range.is_exactly(text)) =>
        {
            (media, Cow::Borrowed(&media.range))
        }
        Some(text) => {
            let sent = MediaRange::parse(text).ok_or_else(|| unsupported(Some(text)))?;
            let fitting = body
                .content
                .iter()
                .filter(|media| media.range.covers(&sent));
            let media = fitting.max_by_key(|media| media.range.specificity());
            let documented = || {
                // A documented parameter `Content-Type` allows the type but does not say how to
                // read it.
                let first = body
                    .content
                    .iter()
                    .find(|media| media.range.is_json())
                    .or(body.content.first());
                first.filter(|_| operation.documents_field("content-type", text))
            };
            (
                media
                    .or_else(documented)
                    .ok_or_else(|| unsupported(Some(text)))?,
                Cow::Owned(sent),
            )
        }
    };
    let content = content::read(bytes, &sent, media).map_err(ContentFault::Malformed)?;
    Ok((content, Some(media)))
}

/// Returns the documented media type for content without `Content-Type` (RFC 9110 §8.3), and the
/// type to read it as: JSON if JSON is allowed, else bytes if those are.
fn untyped<'o>(
    body: &'o RequestBody,
    bytes: &Bytes,
) -> Option<(&'o MediaType, Cow<'o, MediaRange>)> {
    let find =
        |is_it: &dyn Fn(&MediaRange) -> bool| body.content.iter().find(|media| is_it(&media.range));
    if let Some(media) = find(&MediaRange::is_json) {
        return Some((media, accept::concrete(media)));
    }
    let bytes_type = MediaRange::parse("application/octet-stream")?;
    let json = MediaRange::parse("application/json")?;
    if let Some(media) = find(&|range| range.is_range() && range.covers(&json)) {
        // Without a schema, content that is not JSON is accepted as bytes.
        let is_json = media.schema.is_some() || serde_json::from_slice::<IgnoredAny>(bytes).is_ok();
        let read_as = if is_json {
            accept::concrete(media)
        } else {
            Cow::Owned(bytes_type)
        };
        return Some((media, read_as));
    }
    find(&|range| range.covers(&bytes_type)).map(|media| (media, Cow::Owned(bytes_type.clone())))
}
