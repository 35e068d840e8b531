//! Control API: coverage, explain.
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde_json::Value;

use crate::codec::message::{Body, Request};
use crate::errors::problem::Problem;
use crate::server::control::session::check_name;
use crate::server::control::{Control, ControlRequest, unprocessable};

/// Reason why a request cannot be read from JSON.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    /// Request without a target.
    #[error("`target` is missing")]
    NoTarget,
    /// Method or target that HTTP does not allow.
    #[error("the request is not valid: {error}")]
    Invalid { error: http::Error },
    /// Name or value that a header field cannot have.
    #[error("`{name}` is not a header field")]
    HeaderField { name: String },
}

impl Control {
    pub(super) fn coverage_now(&self) -> Value {
        self.coverage.to_json(self.sandbox.contract())
    }

    pub(super) fn explain(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let request = to_request(&asked.body).map_err(|error| unprocessable(error.to_string()))?;
        let session = asked
            .body
            .get("session")
            .and_then(Value::as_str)
            .unwrap_or(asked.about());
        check_name(session)?;
        Ok(self.sandbox.explain(session, &request))
    }
}

/// Reads a request from `{"method": …, "target": …, "headers": {…}, "body": …}`.
pub(super) fn to_request(value: &Value) -> Result<Request, RequestError> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let target = text("target").ok_or(RequestError::NoTarget)?;
    let builder = http::Request::builder()
        .method(text("method").unwrap_or("GET"))
        .uri(target);
    let body = match value.get("body") {
        None | Some(Value::Null) => Bytes::new(),
        Some(Value::String(text)) => Bytes::from(text.clone()),
        Some(body) => Bytes::from(body.to_string()),
    };
    let is_json = value
        .get("body")
        .is_some_and(|body| body.is_object() || body.is_array());
    let mut request = builder
        .body(Body::Complete(body))
        .map_err(|error| RequestError::Invalid { error })?;
    for (name, value) in value
        .get("headers")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let field = HeaderName::from_bytes(name.as_bytes())
            .ok()
            .zip(HeaderValue::from_str(&text).ok());
        let (name, value) =
            field.ok_or_else(|| RequestError::HeaderField { name: name.clone() })?;
        request.headers_mut().append(name, value);
    }
    if is_json && !request.headers().contains_key(http::header::CONTENT_TYPE) {
        request.headers_mut().insert(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
    }
    Ok(request)
}
