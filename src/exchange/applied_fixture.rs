//! The fixture that applies to a request, and the details of the answer that it sets: values of
//! runtime expressions, a patch of the body, and header fields.
//!
//! `answer` plans it, and `finish` changes the response when everything else of it is known.
use std::borrow::Cow;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use crate::codec::message::{Request, Response};
use crate::codec::text::{field_value, plain};
use crate::contract::fixture::{Fixture, FixtureHeaderValue};
use crate::contract::media::MediaRange;
use crate::contract::{Contract, Operation};
use crate::exchange::expression::{self, ExpressionSubject};
use crate::exchange::header;
use crate::generate::GenerateOptions;

/// Fixture that applies to a request, with everything that its expressions refer to.
#[derive(Debug)]
pub(crate) struct AppliedFixture<'c> {
    /// Fixture itself.
    pub fixture: &'c Fixture,
    /// Contract of the operation.
    pub contract: &'c Contract,
    /// Operation of the request.
    pub operation: &'c Operation,
    /// Parts of the request: `{path, query, header, cookie, body}`; null if the fixture has no
    /// expressions.
    pub instance: Value,
    /// Options for generated values; the seed is that of this answer.
    pub options: GenerateOptions,
    /// Part of the answer that the fixture may change.
    pub scope: Alterable,
}

/// Part of an answer that a fixture may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alterable {
    /// Everything.
    Whole,
    /// Header fields only, because the answer is an error that has another cause.
    Headers,
}

impl AppliedFixture<'_> {
    /// Returns a value of the fixture with its expressions evaluated.
    #[must_use]
    pub(crate) fn evaluated<'v>(
        &self,
        written: &'v Value,
        status: StatusCode,
        request: &Request,
    ) -> Cow<'v, Value> {
        if !self.fixture.has_expressions {
            return Cow::Borrowed(written);
        }
        let subject = ExpressionSubject {
            request,
            operation: self.operation,
            instance: &self.instance,
            contract: self.contract,
            options: self.options,
            status: status.as_u16(),
            answer: None,
        };
        Cow::Owned(expression::evaluate(written, &subject))
    }

    /// Changes a response: patches its body and sets the header fields.
    pub(crate) fn alter(&self, scope: Alterable, response: &mut Response, request: &Request) {
        if let Some(patch) = &self.fixture.patch
            && scope == Alterable::Whole
            && self.scope == Alterable::Whole
        {
            let patch = self.evaluated(patch, response.status(), request);
            self.patch(&patch, response);
        }
        let lines: Vec<(&HeaderName, HeaderValue)> = self
            .fixture
            .headers
            .iter()
            .filter_map(|line| {
                let value = match &line.value {
                    FixtureHeaderValue::Absent => return None,
                    FixtureHeaderValue::Fixed(value) => value.clone(),
                    FixtureHeaderValue::Expression(text) => {
                        let written = Value::from(text.as_str());
                        field_value(&plain(&self.evaluated(
                            &written,
                            response.status(),
                            request,
                        )))?
                    }
                };
                Some((&line.name, value))
            })
            .collect();
        for line in &self.fixture.headers {
            response.headers_mut().remove(&line.name);
        }
        for (name, value) in lines {
            response.headers_mut().append(name.clone(), value);
        }
    }

    /// Applies a merge patch (RFC 7396) to a body that is JSON; leaves another one unchanged, and
    /// adds a warning.
    fn patch(&self, patch: &Value, response: &mut Response) {
        if response.status() == StatusCode::NOT_MODIFIED {
            return;
        }
        let Some(mut body) = json_of(response) else {
            let place = &self.fixture.place;
            let warning = format!(
                "the patch of the fixture at {place} is not applied, as the answer has no JSON content"
            );
            header::warn(&warning, response.headers_mut());
            return;
        };
        json_patch::merge(&mut body, patch);
        *response.body_mut() = Bytes::from(body.to_string());
    }
}

/// Returns the body of a response, if its media type is JSON.
fn json_of(response: &Response) -> Option<Value> {
    let media = response.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    MediaRange::parse(media).filter(MediaRange::is_json)?;
    serde_json::from_slice(response.body()).ok()
}
