//! An observed exchange → the parts that a fixture is made of, or the reason why there is none.
use std::borrow::Cow;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use serde_json::Value;

use crate::Sandbox;
use crate::codec::message::{Body, Request};
use crate::contract::media::MediaRange;
use crate::contract::{MediaType, Operation};
use crate::state::secret::SecretSearch;
use crate::state::stand_in::StandIns;
use crate::upstream::exchange::ObservedExchange;
use crate::upstream::judging::judge;

/// Exchange that can become a fixture, without secrets.
#[derive(Debug)]
pub(super) struct ReadExchange {
    /// Index of the operation in the contract.
    pub operation: usize,
    /// Start of the exchange, in milliseconds since 1970.
    pub at: u64,
    /// Request; it is sent again to see that the fixtures answer it.
    pub request: Request,
    /// Parts of the request: `{path, query, header, cookie, body}`.
    pub parts: Value,
    /// Answer of the real API.
    pub answer: ReadAnswer,
    /// URL of the real API before the path of the request, without a slash at its end.
    pub base: Option<String>,
    /// True if the document does not allow the request, although the API accepted it.
    pub is_wrong: bool,
}

/// Answer of the real API.
#[derive(Debug, Clone)]
pub(super) struct ReadAnswer {
    pub status: StatusCode,
    /// Header fields in their order.
    pub headers: Vec<(String, String)>,
    pub content: AnswerContent,
}

/// Content of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum AnswerContent {
    Empty,
    /// Content of a JSON media type.
    Json(Value),
    Text(String),
    /// Content that is not text in UTF-8.
    Binary(Bytes),
}

/// Reason why an exchange becomes no fixture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub(crate) enum NotRecorded {
    /// Request to no documented operation.
    #[error("no operation of the documents matches the request")]
    NoOperation,
    /// `HEAD`, which the sandbox answers as `GET` without content.
    #[error("the sandbox answers HEAD as GET without its content")]
    Head,
    /// Answer that depends on what the client has already: 304, 206, 412, 416.
    #[error("the answer depends on what the client has already")]
    Conditional,
    /// Interim answer or switch of protocols.
    #[error("the status is none that a fixture can have")]
    Interim,
    /// Content over the limit of what is judged.
    #[error("the content of the request or the answer is larger than what is judged")]
    TooLarge,
    /// Content that broke off, or that the recording lacks.
    #[error("the content of the request or the answer is not known as a whole")]
    Missing,
    /// Content with a coding that cannot be decoded.
    #[error("the content of the request or the answer cannot be decoded")]
    Undecodable,
    /// Error about a wrong request, which the learned voice repeats.
    #[error("the request is wrong, and its error is learned")]
    Wrong,
    /// Error about a wrong request that the learned voice does not repeat.
    #[error("the request is wrong, and no rule of the documents explains its error")]
    Unexplained,
    /// Requests with the same path beyond the number that conditions are made for.
    #[error("there are more different requests with the same path than conditions are made for")]
    TooMany,
    /// Request that a fixture answers already.
    #[error("a fixture answers the request already")]
    Answered,
}

/// Reads an exchange; secrets are noted, and still in it.
pub(super) fn read(
    sandbox: &Sandbox,
    exchange: &ObservedExchange,
    secrets: &mut SecretSearch,
) -> Result<ReadExchange, NotRecorded> {
    let judged = judge(sandbox, exchange);
    let parts = sandbox.instance(&exchange.request);
    let Some(index) = judged.operation else {
        secrets.request(None, &parts);
        return Err(NotRecorded::NoOperation);
    };
    let operation = &sandbox.contract().operations[index];
    let answer = answer(Some(operation), &exchange.response);
    secrets.request(Some(operation), &parts);
    if let Ok(answer) = &answer {
        let value = match &answer.content {
            AnswerContent::Json(value) => Some(value),
            _ => None,
        };
        let headers = exchange.response.headers();
        secrets.response(Some(operation), answer.status, headers, value);
        if let AnswerContent::Text(text) = &answer.content {
            secrets.text(text);
        }
    }
    readable(exchange.request.body())?;
    if exchange.request.method() == Method::HEAD {
        return Err(NotRecorded::Head);
    }
    let answer = answer?;
    let is_wrong = !judged.faults.is_empty();
    if is_wrong && answer.status.is_client_error() {
        return Err(NotRecorded::Wrong);
    }
    Ok(ReadExchange {
        operation: index,
        at: exchange.at,
        request: exchange.request.clone(),
        parts,
        answer,
        base: exchange.base().map(str::to_owned),
        is_wrong,
    })
}

fn readable(body: &Body) -> Result<(), NotRecorded> {
    match body {
        Body::Complete(_) => Ok(()),
        Body::TooLarge(_) => Err(NotRecorded::TooLarge),
        Body::Missing => Err(NotRecorded::Missing),
        Body::Undecodable(_) => Err(NotRecorded::Undecodable),
    }
}

/// Reads the answer of an exchange.
pub(super) fn answer(
    operation: Option<&Operation>,
    response: &http::Response<Body>,
) -> Result<ReadAnswer, NotRecorded> {
    let status = response.status();
    match status.as_u16() {
        ..200 | 600.. => return Err(NotRecorded::Interim),
        206 | 304 | 412 | 416 => return Err(NotRecorded::Conditional),
        _ => {}
    }
    readable(response.body())?;
    let fields = response.headers().iter();
    let headers = fields.map(|(name, line)| {
        let text = String::from_utf8_lossy(line.as_bytes()).into_owned();
        (name.as_str().to_owned(), text)
    });
    Ok(ReadAnswer {
        status,
        headers: headers.collect(),
        content: content(operation, response),
    })
}

fn content(operation: Option<&Operation>, response: &http::Response<Body>) -> AnswerContent {
    let bytes = response.body().bytes();
    if bytes.is_empty() {
        return AnswerContent::Empty;
    }
    let sent = sent_media(response.headers().get(CONTENT_TYPE));
    let documented = operation.and_then(|operation| operation.response(response.status()));
    let media = documented
        .into_iter()
        .flat_map(|response| &response.content);
    let covers = |media: &&MediaType| sent.as_ref().is_none_or(|sent| media.range.covers(sent));
    let is_json = sent.as_ref().is_some_and(MediaRange::is_json)
        || media.filter(covers).any(MediaType::is_json);
    if is_json && let Ok(value) = serde_json::from_slice(&bytes) {
        return AnswerContent::Json(value);
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => AnswerContent::Text(text.to_owned()),
        Err(_) => AnswerContent::Binary(bytes),
    }
}

/// Returns the media type that a `Content-Type` field names.
pub(super) fn sent_media(field: Option<&HeaderValue>) -> Option<MediaRange> {
    MediaRange::parse(field?.to_str().ok()?)
}

impl ReadExchange {
    /// Replaces all secrets by their stand-ins.
    pub(super) fn redact(&mut self, stand_ins: &StandIns) {
        stand_ins.parts(&mut self.parts);
        for (name, value) in &mut self.answer.headers {
            *value = stand_ins.field(name, value);
        }
        match &mut self.answer.content {
            AnswerContent::Empty => {}
            AnswerContent::Json(value) => stand_ins.value(value),
            AnswerContent::Text(text) => replace(text, stand_ins),
            AnswerContent::Binary(bytes) => {
                // Latin-1 keeps each byte, so that a secret within binary content is found.
                let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
                if let Cow::Owned(replaced) = stand_ins.text(&text) {
                    *bytes = latin1(&replaced);
                }
            }
        }
        self.redact_request(stand_ins);
    }

    fn redact_request(&mut self, stand_ins: &StandIns) {
        let target = self.request.uri().to_string();
        if let Ok(target) = stand_ins.target(&target).parse() {
            *self.request.uri_mut() = target;
        }
        for (name, value) in self.request.headers_mut().iter_mut() {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            if let Ok(replaced) = HeaderValue::from_str(&stand_ins.field(name.as_str(), &text)) {
                *value = replaced;
            }
        }
        let bytes = self.request.body().bytes();
        let replaced = match serde_json::from_slice::<Value>(&bytes) {
            Ok(mut value) => {
                stand_ins.value(&mut value);
                value.to_string()
            }
            Err(_) => match std::str::from_utf8(&bytes) {
                Ok(text) => stand_ins.text(text).into_owned(),
                Err(_) => return,
            },
        };
        *self.request.body_mut() = Body::Complete(Bytes::from(replaced));
    }

    /// Returns the first line of the request: `GET /pets?status=sold`.
    pub(super) fn title(&self) -> String {
        format!("{} {}", self.request.method(), self.request.uri())
    }
}

fn latin1(text: &str) -> Bytes {
    let bytes = text
        .chars()
        .map(|letter| u8::try_from(letter).unwrap_or(b'?'));
    bytes.collect()
}

fn replace(text: &mut String, stand_ins: &StandIns) {
    if let Cow::Owned(replaced) = stand_ins.text(text) {
        *text = replaced;
    }
}
