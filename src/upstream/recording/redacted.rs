//! An exchange without its secrets, for what reads exchanges and is no fixture.
use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use crate::Sandbox;
use crate::codec::message::Body;
use crate::state::secret::SecretSearch;
use crate::state::stand_in::StandIns;
use crate::upstream::exchange::ObservedExchange;
use crate::upstream::recording::reading::{AnswerContent, ReadExchange, answer};

/// Returns an exchange with stand-ins for the secrets of its request and response; `None` if it has no
/// secret, or if its content cannot be read.
#[must_use]
pub(crate) fn without_secrets(
    sandbox: &Sandbox,
    index: Option<usize>,
    exchange: &ObservedExchange,
) -> Option<ObservedExchange> {
    let operation = index.and_then(|index| sandbox.contract().operations.get(index));
    let parts = sandbox.instance(&exchange.request);
    let answer = answer(operation, &exchange.response).ok()?;
    let mut secrets = SecretSearch::default();
    secrets.request(operation, &parts);
    let value = match &answer.content {
        AnswerContent::Json(value) => Some(value),
        _ => None,
    };
    let headers = exchange.response.headers();
    secrets.response(operation, answer.status, headers, value);
    if let AnswerContent::Text(text) = &answer.content {
        secrets.text(text);
    }
    let stand_ins = StandIns::new(secrets.into_secrets(), 0);
    if stand_ins.count() == 0 {
        return None;
    }
    let mut read = ReadExchange {
        operation: index.unwrap_or_default(),
        at: exchange.at,
        request: exchange.request.clone(),
        parts,
        answer,
        base: None,
        is_wrong: true,
    };
    read.redact(&stand_ins);
    let content = match read.answer.content {
        AnswerContent::Empty => Bytes::new(),
        AnswerContent::Json(value) => Bytes::from(value.to_string()),
        AnswerContent::Text(text) => Bytes::from(text),
        AnswerContent::Binary(content) => content,
    };
    let mut redacted = ObservedExchange {
        request: read.request,
        ..exchange.clone()
    };
    *redacted.response.body_mut() = Body::Complete(content);
    let headers = redacted.response.headers_mut();
    headers.clear();
    for (name, value) in &read.answer.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    Some(redacted)
}
