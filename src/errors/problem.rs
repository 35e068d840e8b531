//! Problems (RFC 9457): the sandbox's own errors, sent where the document has none.
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use crate::document::syntax::fragment;
use crate::validate::Violation;

/// The media type of a problem (RFC 9457 §3).
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Path prefix of the explanations of problem kinds; the `type` of a problem is this and the
/// kind's name.
pub const TYPES: &str = "/_standin/problems/";

macro_rules! kinds {
    ($($variant:ident = $name:literal, $title:literal, $about:literal;)*) => {
        /// Kind of problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ProblemKind { $(#[doc = $about] $variant,)* }

        impl ProblemKind {
            /// Every kind.
            pub const ALL: &'static [ProblemKind] = &[$(ProblemKind::$variant,)*];

            /// Returns the last segment of its `type`: `unknown-path`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(ProblemKind::$variant => $name,)* }
            }

            /// Returns its `title`.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(ProblemKind::$variant => $title,)* }
            }

            /// Returns the explanation for users who look up its `type`, one or two sentences.
            #[must_use]
            pub fn about(self) -> &'static str {
                match self { $(ProblemKind::$variant => $about,)* }
            }
        }
    };
}

kinds! {
    UnknownPath = "unknown-path", "Unknown path", "No loaded document has this path. `standin routes` lists the paths that there are.";
    MethodNotAllowed = "method-not-allowed", "Method not allowed", "The path is documented, this method is not. `Allow` has the methods that are.";
    Unauthorized = "unauthorized", "Credentials are missing", "The operation requires credentials that the request lacks, or that are not of the documented form. Any value of the right form is accepted.";
    Malformed = "malformed-content", "Malformed content", "The content is not of the type that it says it is.";
    UnsupportedMediaType = "unsupported-media-type", "Unsupported media type", "The operation documents no request content of this type, or the content has a coding that is not supported. `Accept-Encoding` has the codings that are.";
    TooLarge = "content-too-large", "Content too large", "The content is larger than the sandbox reads, see `--max-body`.";
    NotAcceptable = "not-acceptable", "Not acceptable", "The response has no media type that `Accept` allows.";
    Violation = "violation", "The request does not fit its documentation", "Each of `errors` says what is wrong, and where by a JSON Pointer into the body or by the name of a parameter.";
    UndocumentedStatus = "undocumented-status", "The document has no such response", "The status was asked for by `Prefer`, and the operation documents no response for it.";
    UndocumentedExample = "undocumented-example", "The document has no such example", "The example was asked for by `Prefer`, and the operation documents none of this name.";
    Upgrade = "upgrade-required", "Another protocol is required", "The operation documents only that the connection changes to another protocol, such as WebSocket, which the sandbox does not speak.";
    UnknownEntity = "unknown-entity", "Unknown entity", "No entity has this key, and the document has no error for that. With `--unknown seeded` the sandbox generates the entity instead.";
    Conflict = "conflict", "Conflict", "The state of the session does not allow the change, and the document has no error for that.";
    Stale = "stale", "The entity has changed", "`If-Match` has none of the entity tags that the entity has now (RFC 9110 section 13.1.1), or `If-None-Match` has one of them, and the request would change it (section 13.1.2).";
    ControlClosed = "control-closed", "The control API is closed", "The control API is off, or not for pages of other origins. `--control` and `--control-token` say who may use it.";
    Limited = "too-many-requests", "Too many requests", "A fixture limits how often the operation may be called (`rate_limit`), and the document has no error for that. `Retry-After` says when it may be called again.";
    Simulated = "simulated-fault", "Simulated fault", "A fixture makes the operation fail (`fault`), and the document has no error of the status.";
    Full = "session-full", "The session is full", "The session uses all memory that `--session-memory` allows, so nothing is added. `POST /_standin/reset` empties it.";
    Message = "bad-message", "Not an HTTP message", "The request breaks a rule of HTTP/1.1 for every message, such as one `Host` header field (RFC 9112 section 3.2), or has a transfer coding that is not supported (section 6.1).";
    Timeout = "timeout", "The content did not come in time", "The content of the request was not complete in the time that `--body-timeout` gives. `Content-Length` may be more than was sent.";
    Misdirected = "misdirected", "Misdirected request", "The request is sent to a name that is not known to be one of this machine, so it may come from a page whose name was made to lead here (DNS rebinding). `--control-host` gives the control API other names, `--allow-any-host` the API.";
    ForeignOrigin = "foreign-origin", "Request of another origin", "A page of another origin sends the request, and `--cors off` lets no such page use the sandbox.";
    Busy = "busy", "Too much at a time", "Contents of requests and answers take as much memory together as they may, see `--content-memory`. `Retry-After` says when to try again.";
    BrokenDocuments = "broken-documents", "The documents are broken", "A file cannot be read or parsed, so the sandbox still serves what it loaded before. `detail` says where.";
    NotReloadable = "not-reloadable", "Nothing to load again", "The sandbox was started by a program with documents in memory or on standard input, which cannot be read again.";
    Misfit = "answer-does-not-fit", "The answer does not fit the document", "An example, a fixture or a generated value does not fit the documented response, and `--errors` replaces such answers. Each of `errors` says what is wrong.";
    UpstreamUnreachable = "upstream-unreachable", "The real API cannot be reached", "`standin proxy` could not connect to the real API: its name is unknown, its port is closed, or its certificate is not trusted. `--fallback unreachable` lets the sandbox answer instead.";
    UpstreamLate = "upstream-late", "The real API did not answer in time", "The real API accepted the request, and sent no answer within `--upstream-timeout`. `--fallback timeout` lets the sandbox answer instead.";
    UpstreamBroken = "upstream-broken", "The real API broke off", "The real API closed the connection before its answer was complete, or sent something that is not HTTP.";
    UpstreamLoop = "upstream-loop", "The real API leads back to the proxy", "The request came through this proxy before, as its `Via` field says. The address of the real API must not be that of the proxy.";
    UpstreamMisfit = "upstream-answer-does-not-fit", "The answer of the real API does not fit the document", "With `--errors`, an answer of the real API that does not fit the document is replaced by this problem. Each of `errors` says what is wrong.";
    Unwritable = "unwritable-recording", "The recording cannot be written", "A file of the recording cannot be written to the folder of `--record`; `detail` says which and why.";
    Internal = "internal", "Internal error", "The sandbox failed. That is a bug; its log says more.";
}

/// Form of the errors that the document does not have (`--prism`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProblemForm {
    /// The errors of other operations, else problems of the sandbox.
    #[default]
    Own,
    /// Problems as Prism writes them, with the header field `sl-violations`.
    Prism,
}

/// An error of the sandbox itself.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Kind, which sets `type` and `title`.
    pub kind: ProblemKind,
    /// Status code, sent as `status` too.
    pub status: StatusCode,
    /// Explanation of this occurrence, sent as `detail`.
    pub detail: String,
    /// Violations, sent as `errors`; empty for other kinds of error.
    pub violations: Vec<Violation>,
    /// Seconds after which the client may try again, for `Retry-After`.
    pub retry_after: Option<u64>,
}

impl Problem {
    /// Creates a problem without violations.
    #[must_use]
    pub fn new(kind: ProblemKind, status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind,
            status,
            detail: detail.into(),
            violations: Vec::new(),
            retry_after: None,
        }
    }

    /// Returns its content (RFC 9457 §3.1), with `errors` as in the example of §3.
    #[must_use]
    pub fn content(&self) -> Bytes {
        let mut body = json!({
            "type": format!("{TYPES}{}", self.kind.name()),
            "title": self.kind.title(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if !self.violations.is_empty() {
            body["errors"] = self.violations.iter().map(error).collect();
        }
        Bytes::from(body.to_string())
    }
}

fn error(violation: &Violation) -> Value {
    let mut error = json!({ "detail": violation.error.sentence() });
    if let Some((location, name)) = violation.parameter() {
        error["in"] = json!(location.as_str());
        error["parameter"] = json!(name);
    }
    error["pointer"] = json!(format!("#{}", fragment(&violation.error.pointer)));
    error
}
