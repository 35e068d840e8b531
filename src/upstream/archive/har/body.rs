//! Contents of HAR: text, base64, parameters of a form, attached files, and what is missing.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::Value;

use crate::codec::coding;
use crate::codec::message::Body;
use crate::contract::media::MediaRange;
use crate::upstream::archive::attached::{Attached, Attachments};
use crate::upstream::archive::entry::ArchiveNotes;
use crate::upstream::archive::form::{self, BOUNDARY, FormParameter};

/// Content of a side of an exchange.
#[derive(Debug, Clone)]
pub(super) enum RecordedContent {
    /// Content as it was sent, without content coding.
    Complete(Bytes),
    /// Content above this limit in bytes.
    TooLarge(usize),
    /// Content that the file has not, or not in full.
    Missing,
}

impl RecordedContent {
    /// Returns the body, and false if it is missing.
    pub(super) fn into_body(self) -> (Body, bool) {
        match self {
            Self::Complete(bytes) => (Body::Complete(bytes), true),
            Self::TooLarge(limit) => (Body::TooLarge(limit), true),
            Self::Missing => (Body::Missing, false),
        }
    }

    fn of(bytes: Vec<u8>, most: usize) -> Self {
        if bytes.len() > most {
            Self::TooLarge(most)
        } else {
            Self::Complete(Bytes::from(bytes))
        }
    }
}

/// Reader of the contents of one file.
pub(super) struct Contents<'f> {
    pub attachments: &'f mut Attachments,
    /// Limit of a content in bytes.
    pub most: usize,
}

impl Contents<'_> {
    /// Returns the content of a request, `request.postData`. A form without a boundary in its
    /// `Content-Type` gets one.
    pub(super) fn of_request(
        &mut self,
        request: &Value,
        headers: &mut HeaderMap,
        place: &str,
        notes: &mut ArchiveNotes,
    ) -> RecordedContent {
        let posted = &request["postData"];
        let nothing = || {
            if is_sent(request, headers) {
                RecordedContent::Missing
            } else {
                RecordedContent::Complete(Bytes::new())
            }
        };
        if posted.is_null() {
            return nothing();
        }
        let place = format!("{place}, request.postData");
        if let Some(content) = self.attached(posted, &place, notes) {
            return self.decoded(content, headers);
        }
        let text = posted
            .get("text")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !text.is_empty() {
            let encoding = posted.get("encoding").or_else(|| posted.get("_encoding"));
            let encoding = encoding.and_then(Value::as_str);
            let content = self.text(text, encoding, &place, notes);
            return self.decoded(content, headers);
        }
        let parameters = parameters(&posted["params"]);
        if parameters.is_empty() {
            return nothing();
        }
        form_content(&parameters, headers, self.most)
    }

    /// Decodes the content coding of a request, if the content still has it: tools that show text
    /// have decoded it.
    fn decoded(&self, content: RecordedContent, headers: &HeaderMap) -> RecordedContent {
        let RecordedContent::Complete(bytes) = &content else {
            return content;
        };
        if !headers.contains_key(CONTENT_ENCODING) {
            return content;
        }
        match coding::decoded(headers, bytes, self.most) {
            Some(Body::Complete(decoded)) => RecordedContent::Complete(decoded),
            Some(Body::TooLarge(limit)) => RecordedContent::TooLarge(limit),
            Some(Body::Undecodable(_) | Body::Missing) | None => content,
        }
    }

    /// Returns the content of a response, `response.content`.
    pub(super) fn of_response(
        &mut self,
        method: &Method,
        status: StatusCode,
        response: &Value,
        headers: &HeaderMap,
        notes_at: (&str, &mut ArchiveNotes),
    ) -> RecordedContent {
        let (place, notes) = notes_at;
        let content = &response["content"];
        let place = format!("{place}, response.content");
        if let Some(attached) = self.attached(content, &place, notes) {
            return attached;
        }
        let text = content.get("text").and_then(Value::as_str);
        match text {
            Some(text) if !text.is_empty() => {
                let encoding = content.get("encoding").and_then(Value::as_str);
                let read = self.text(text, encoding, &place, notes);
                match &read {
                    RecordedContent::Complete(bytes) if is_cut(content, headers, bytes) => {
                        RecordedContent::Missing
                    }
                    _ => read,
                }
            }
            _ if has_none(method, status) => RecordedContent::Complete(Bytes::new()),
            _ if is_lost(response, headers, text.is_some()) => RecordedContent::Missing,
            _ => RecordedContent::Complete(Bytes::new()),
        }
    }

    fn attached(
        &mut self,
        content: &Value,
        place: &str,
        notes: &mut ArchiveNotes,
    ) -> Option<RecordedContent> {
        let name = content.get("_file").and_then(Value::as_str)?;
        Some(match self.attachments.read(name, self.most) {
            Attached::Content(bytes) => RecordedContent::Complete(Bytes::from(bytes)),
            Attached::TooLarge(limit) => RecordedContent::TooLarge(limit),
            Attached::Missing(why) => {
                notes.fault(format!("{place}._file"), why);
                RecordedContent::Missing
            }
        })
    }

    fn text(
        &self,
        text: &str,
        encoding: Option<&str>,
        place: &str,
        notes: &mut ArchiveNotes,
    ) -> RecordedContent {
        match encoding.unwrap_or_default().to_ascii_lowercase().as_str() {
            "base64" => {
                // Some tools break lines.
                let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
                match STANDARD.decode(digits) {
                    Ok(bytes) => RecordedContent::of(bytes, self.most),
                    Err(error) => {
                        notes.fault(
                            format!("{place}.text"),
                            format!("it is not base64: {error}"),
                        );
                        RecordedContent::Missing
                    }
                }
            }
            // `utf8` and such say nothing that a text does not say.
            _ => RecordedContent::of(text.as_bytes().to_vec(), self.most),
        }
    }
}

/// Returns true if a request had content: its sizes say so, or it is a form of parts, which browsers do
/// not tell when it has files.
fn is_sent(request: &Value, headers: &HeaderMap) -> bool {
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let media = headers
        .get(CONTENT_TYPE)
        .and_then(|value| MediaRange::parse(value.to_str().ok()?));
    request["bodySize"].as_f64().is_some_and(|size| size > 0.0)
        || length.is_some_and(|length| length > 0)
        || media.is_some_and(|media| media.essence() == "multipart/form-data")
}

/// Returns true if no content can be there (RFC 9110 §6.4.1).
fn has_none(method: &Method, status: StatusCode) -> bool {
    *method == Method::HEAD
        || status.is_informational()
        || matches!(
            status,
            StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
        )
}

/// Returns true if a response without text had content: its sizes say so, or the tool that wrote the
/// file knew none (-1) and the text is left out rather than empty.
fn is_lost(response: &Value, headers: &HeaderMap, has_text: bool) -> bool {
    let size = |value: &Value| value.as_f64();
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let told = [
        size(&response["content"]["size"]),
        size(&response["bodySize"]),
    ];
    match length {
        Some(0) => false,
        Some(_) => true,
        None if told.iter().flatten().any(|size| *size > 0.0) => true,
        None => {
            let is_unknown = told[0].is_some_and(|size| size < 0.0);
            // A redirect is rarely recorded with its page.
            let status = response["status"].as_u64().unwrap_or_default();
            is_unknown && !has_text && !(300..400).contains(&status)
        }
    }
}

/// Returns true if a tool cut a content: it is shorter than its size, and no complete JSON. The size
/// counts the bytes as they were sent, so that other charsets than UTF-8 prove nothing.
fn is_cut(content: &Value, headers: &HeaderMap, bytes: &Bytes) -> bool {
    /// Length of a byte order mark, which tools count and leave out.
    const MARK: f64 = 3.0;
    let Some(size) = content["size"].as_f64() else {
        return false;
    };
    #[expect(clippy::cast_precision_loss, reason = "a length is far below 2^52")]
    if size <= bytes.len() as f64 + MARK {
        return false;
    }
    let media = headers
        .get(CONTENT_TYPE)
        .and_then(|value| MediaRange::parse(value.to_str().ok()?));
    let charset = media.as_ref().and_then(|media| media.parameter("charset"));
    let is_utf8 = charset.is_none_or(|charset| charset.eq_ignore_ascii_case("utf-8"));
    let is_json = media.as_ref().is_some_and(MediaRange::is_json);
    let is_complete = is_json && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok();
    is_utf8 && !is_complete
}

fn parameters(list: &Value) -> Vec<FormParameter> {
    let text = |parameter: &Value, name: &str| parameter[name].as_str().map(str::to_owned);
    let list = list.as_array().into_iter().flatten();
    list.map(|parameter| FormParameter {
        name: text(parameter, "name").unwrap_or_default(),
        value: text(parameter, "value"),
        file_name: text(parameter, "fileName"),
        content_type: text(parameter, "contentType"),
    })
    .collect()
}

fn form_content(
    parameters: &[FormParameter],
    headers: &mut HeaderMap,
    most: usize,
) -> RecordedContent {
    let media = headers
        .get(CONTENT_TYPE)
        .and_then(|value| MediaRange::parse(value.to_str().ok()?));
    let is_multipart = media
        .as_ref()
        .is_some_and(|media| media.essence() == "multipart/form-data");
    if !is_multipart {
        return RecordedContent::of(form::urlencoded(parameters).into_bytes(), most);
    }
    let is_file_lost = |parameter: &FormParameter| {
        parameter.file_name.is_some() && parameter.value.as_deref().unwrap_or_default().is_empty()
    };
    if parameters.iter().any(is_file_lost) {
        return RecordedContent::Missing;
    }
    let boundary = media.as_ref().and_then(|media| media.parameter("boundary"));
    if boundary.is_none()
        && let Ok(value) =
            HeaderValue::try_from(format!("multipart/form-data; boundary={BOUNDARY}"))
    {
        headers.insert(CONTENT_TYPE, value);
    }
    let content = form::multipart(parameters, boundary.unwrap_or(BOUNDARY));
    RecordedContent::of(content.into_bytes(), most)
}
