//! What the sandbox says of itself: everything below `/_standin/`.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use serde_json::json;

use super::problem_response;
use crate::Sandbox;
use crate::contract::merge::as_one_document;
use crate::exchange::problem::{Kind, Problem, TYPES};
use crate::exchange::{Report, Request, Response};

/// Below it no API is served.
const PREFIX: &str = "/_standin/";

/// A sandbox and its control API.
#[derive(Debug)]
pub struct Control {
    sandbox: Arc<Sandbox>,
    document: OnceLock<Bytes>,
}

impl Control {
    /// The control API of a sandbox.
    #[must_use]
    pub fn new(sandbox: Arc<Sandbox>) -> Self {
        Self { sandbox, document: OnceLock::new() }
    }

    /// Reads what any wrong request needs, so that the first one need not wait for it.
    pub fn warm_up(&self) {
        self.sandbox.warm_up();
    }

    /// Answers a request, to the control API or to the API that is stood in for.
    #[must_use]
    pub fn answer(&self, request: &Request) -> (Response, Report) {
        match request.uri().path().strip_prefix(PREFIX) {
            Some(name) => self.own(request.method(), name),
            None => self.sandbox.answer(request),
        }
    }

    fn own(&self, method: &Method, name: &str) -> (Response, Report) {
        let problems = TYPES.strip_prefix(PREFIX).unwrap_or(TYPES);
        let content = match name {
            "health" => Some((Bytes::from(self.health().to_string()), "application/json")),
            "openapi.json" => Some((self.document(), "application/vnd.oai.openapi+json;version=3.1")),
            _ => name.strip_prefix(problems).and_then(explanation).map(|text| (text, "text/plain; charset=utf-8")),
        };
        let Some((content, media)) = content else {
            let detail = format!("`{PREFIX}` has `health`, `openapi.json` and `{problems}…`");
            return problem_response(&Problem::new(Kind::UnknownPath, StatusCode::NOT_FOUND, detail));
        };
        if !matches!(*method, Method::GET | Method::HEAD) {
            let detail = format!("`{PREFIX}{name}` has no {method}; it has GET, HEAD");
            let problem = Problem::new(Kind::MethodNotAllowed, StatusCode::METHOD_NOT_ALLOWED, detail);
            let (mut response, report) = problem_response(&problem);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return (response, report);
        }
        let mut response = Response::new(content);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
        (response, Report { source: "control".to_owned(), ..Report::default() })
    }

    fn health(&self) -> serde_json::Value {
        let contract = self.sandbox.contract();
        json!({
            "status": "ok",
            "version": env!("CARGO_PKG_VERSION"),
            "documents": contract.documents.len(),
            "operations": contract.operations.len(),
            "fixtures": contract.operations.iter().map(|operation| operation.fixtures.len()).sum::<usize>(),
        })
    }

    fn document(&self) -> Bytes {
        let merged = || Bytes::from(as_one_document(self.sandbox.contract()).to_string());
        self.document.get_or_init(merged).clone()
    }
}

/// What a problem type means, for who follows its `type`.
fn explanation(name: &str) -> Option<Bytes> {
    let kind = Kind::ALL.iter().find(|kind| kind.name() == name)?;
    Some(Bytes::from(format!("{}\n\n{}\n", kind.title(), kind.about())))
}
