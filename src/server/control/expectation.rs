//! Expectation of a request (`Standin-Expect: violation`): a test that sends a wrong request on
//! purpose says so, and `--fail-on violations` does not count it.
use http::{HeaderName, StatusCode};

use crate::codec::message::Request;
use crate::errors::problem::{Problem, ProblemKind};

/// Statement of a client about its own request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expectation {
    /// The request fits the documents.
    Nothing,
    /// The request violates the documents, on purpose.
    Violation,
}

/// Header field of an expectation.
const EXPECT: HeaderName = HeaderName::from_static("standin-expect");

/// Violation of a request that was to be wrong and is not.
const UNMET: &str =
    "the request fits the documents, and `Standin-Expect: violation` says that it does not";

impl Expectation {
    /// Returns the expectation of a request.
    ///
    /// # Errors
    ///
    /// `Problem` 400, if the header field has another value than `violation`.
    pub(super) fn of(request: &Request) -> Result<Self, Problem> {
        let Some(value) = request.headers().get(EXPECT) else {
            return Ok(Self::Nothing);
        };
        if value.as_bytes().trim_ascii() == b"violation" {
            return Ok(Self::Violation);
        }
        let shown = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let detail = format!("`Standin-Expect` is `{shown}`, expected `violation`");
        let (kind, status) = (ProblemKind::Violation, StatusCode::BAD_REQUEST);
        Err(Problem::new(kind, status, detail))
    }

    /// Returns the violations that count against the client.
    pub(super) fn counted(self, violations: &[String]) -> Vec<String> {
        match self {
            Self::Nothing => violations.to_vec(),
            Self::Violation if violations.is_empty() => vec![UNMET.to_owned()],
            Self::Violation => Vec::new(),
        }
    }
}
