//! One exchange with the real API, as recording, learning and drift read it.
use std::time::Duration;

use crate::codec::message::{Body, Request};
use crate::state::redaction::{ExchangeView, MessageView};

/// Request to the real API and its response, both without content coding.
#[derive(Debug, Clone)]
pub(crate) struct ObservedExchange {
    /// Session that the request was in; empty for the unnamed session.
    pub session: String,
    /// Start of the exchange, in milliseconds since 1970.
    pub at: u64,
    /// Time from the request to the end of the response.
    pub took: Duration,
    /// Request with path and query as the client sent them to the sandbox, without the session.
    pub request: Request,
    /// Response; its content is [`Body::TooLarge`] beyond the limit of what is judged.
    pub response: http::Response<Body>,
}

/// URL of the real API before the path of a request, as an extension of the request.
#[derive(Debug, Clone)]
struct RealBase(String);

impl ObservedExchange {
    /// Returns what is searched for secrets.
    pub(crate) fn view(&self) -> ExchangeView<'_> {
        let target = self.request.uri().path_and_query();
        ExchangeView {
            target: target.map_or("/", http::uri::PathAndQuery::as_str),
            request: MessageView {
                headers: self.request.headers(),
                content: complete(self.request.body()),
            },
            response: MessageView {
                headers: self.response.headers(),
                content: complete(self.response.body()),
            },
        }
    }

    /// Notes the URL of the real API before the path of the request: `https://api.example.com/v2`.
    pub(crate) fn note_base(&mut self, base: &str) {
        let base = base.trim_end_matches('/').to_owned();
        self.request.extensions_mut().insert(RealBase(base));
    }

    /// Returns the URL of the real API before the path of the request, without a slash at its end.
    pub(crate) fn base(&self) -> Option<&str> {
        let base = self.request.extensions().get::<RealBase>();
        base.map(|base| base.0.as_str())
    }
}

fn complete(body: &Body) -> &[u8] {
    match body {
        Body::Complete(content) => content,
        _ => &[],
    }
}
