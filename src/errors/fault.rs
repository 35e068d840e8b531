//! Faults of a request: the statuses that a document may have for each, its findings, and the
//! problem that is sent where the document has no error.
//!
//! `exchange` finds the fault of a request; [`reject`](crate::errors::reject) answers it.
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::codec::{coding, content};
use crate::contract::Location;
use crate::errors::finding::Finding;
use crate::errors::problem::{Problem, ProblemKind};
use crate::resource::KeyFrom;
use crate::validate::credentials::MissingCredentials;
use crate::validate::{ContentFault, Violation};

/// Fault of a request, gravest first; only one kind is answered.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Credentials that are missing or not of the documented form.
    Credentials(MissingCredentials),
    /// Content over the limit, which is given in bytes.
    TooLarge(usize),
    /// Content of an undocumented media type or unknown coding, or malformed content.
    Content(ContentFault),
    /// Violations in parameters or body.
    Violations(Vec<Violation>),
    /// A path that no document has.
    UnknownPath {
        /// The method of the request.
        method: Method,
        /// Message that names the path.
        detail: String,
    },
    /// A path that is documented for other methods only.
    Method {
        /// The method of the request.
        method: Method,
        /// Message that lists the documented methods.
        detail: String,
    },
    /// An error that `Prefer` requests by its status.
    Status(StatusCode),
    /// An error of the status of this problem, which is sent where the document has no error.
    Problem(Problem),
    /// An entity that does not exist.
    Unknown {
        /// `pet`
        noun: String,
        /// `7`; empty if the request searched for the entity.
        key: String,
        /// Source of the key in the request.
        by: KeyFrom,
    },
    /// A key that an entity has already.
    Conflict {
        /// `pet`
        noun: String,
        /// `7`
        key: String,
    },
    /// A collection in which all keys that a new entity may have are taken, with the reason.
    NoKey(String),
    /// An entity that fails the precondition in `If-Match` or `If-None-Match`.
    Stale,
    /// A change that the state does not allow, with the reason.
    Impossible(String),
    /// A session that is at its memory limit.
    Full,
}

impl Fault {
    /// Returns the statuses that a document may have for the fault, best first; the first is sent
    /// where only a range or the default is documented.
    pub(super) fn statuses(&self) -> &'static [u16] {
        match self {
            Self::Credentials(_) => &[401],
            Self::TooLarge(_) => &[413],
            Self::Content(
                ContentFault::UnsupportedMediaType { .. }
                | ContentFault::UndocumentedContent(_)
                | ContentFault::UnsupportedCoding(_),
            ) => &[415],
            Self::Content(ContentFault::Malformed(_)) => &[400, 422],
            Self::Violations(_) => &[422, 400],
            Self::UnknownPath { .. } => &[404],
            Self::Method { .. } => &[405],
            Self::Status(_) | Self::Problem(_) => &[],
            Self::Unknown { .. } => &[404, 410],
            Self::Conflict { .. } | Self::NoKey(_) => &[409, 422],
            Self::Stale => &[412],
            Self::Impossible(_) => &[422, 409, 400],
            Self::Full => &[507],
        }
    }

    /// Returns the status that the fault sets itself, whatever the document has.
    pub(super) fn own_status(&self) -> Option<StatusCode> {
        match self {
            Self::Status(status) => Some(*status),
            Self::Problem(problem) => Some(problem.status),
            _ => None,
        }
    }

    /// Returns true if a path parameter is invalid, so that the path cannot name an entity.
    #[must_use]
    pub(crate) fn is_about_path(&self) -> bool {
        let Self::Violations(violations) = self else {
            return false;
        };
        violations.iter().any(|violation| {
            violation
                .parameter()
                .is_some_and(|(place, _)| place == Location::Path)
        })
    }

    /// Returns true if the detail of its problem also hints at where to look.
    pub(super) fn has_hint(&self) -> bool {
        matches!(self, Self::UnknownPath { .. } | Self::Method { .. })
    }

    /// Returns the detail of its problem for the log, if neither violations nor most errors of an
    /// API contain it.
    pub(super) fn lost_hint(&self) -> Option<String> {
        match self {
            Self::Problem(problem) => Some(problem.detail.clone()),
            _ => None,
        }
    }

    /// Returns the findings of the fault.
    #[must_use]
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let whole = |rule: &str, operands: Value| vec![Finding::whole(rule, operands)];
        match self {
            Self::Credentials(missing) => whole("credentials", json!({ "detail": missing.detail })),
            Self::TooLarge(limit) => whole("tooLarge", json!({ "limit": limit })),
            Self::Content(ContentFault::UnsupportedMediaType { sent, .. }) => whole(
                "unsupportedMediaType",
                json!({ "media": sent.clone().unwrap_or_default() }),
            ),
            Self::Content(
                ContentFault::UndocumentedContent(name) | ContentFault::UnsupportedCoding(name),
            ) => whole("unsupportedMediaType", json!({ "media": name })),
            Self::Content(ContentFault::Malformed(malformed)) => {
                // `malformed JSON: EOF …`: the format is the media of the finding, the cause its
                // detail.
                let kind = malformed.detail.split(':').next().unwrap_or_default();
                let kind = kind.strip_prefix("malformed ").unwrap_or("content");
                // Message of the parser: `EOF while parsing a value at line 1 column 5`.
                let said = malformed_detail(malformed);
                let said = said.split_once(": ").map_or(said.as_str(), |(_, why)| why);
                let mut operands = json!({ "detail": said, "media": kind });
                if let Some((1, column)) = malformed.place {
                    operands["position"] = json!(column.saturating_sub(1));
                }
                let finding = Finding::whole("malformed", operands);
                vec![Finding {
                    location: "body",
                    ..finding
                }]
            }
            Self::Violations(violations) => violations.iter().map(Finding::of).collect(),
            Self::Unknown { .. } => whole("notFound", Value::Null),
            Self::UnknownPath { method, .. } => {
                whole("notFound", json!({ "method": method.as_str() }))
            }
            Self::Method { method, .. } => {
                whole("methodNotAllowed", json!({ "method": method.as_str() }))
            }
            Self::Status(status) => whole(rule_of(*status), Value::Null),
            Self::Problem(problem) => whole(rule_of(problem.status), Value::Null),
            Self::Conflict { .. } | Self::NoKey(_) => whole("conflict", Value::Null),
            Self::Stale | Self::Impossible(_) | Self::Full => whole("failure", Value::Null),
        }
    }

    /// Returns one line for each error, for the log and for `Standin-Violations`.
    #[must_use]
    pub(crate) fn summaries(&self) -> Vec<String> {
        match self {
            Self::Credentials(missing) => vec![format!("credentials: {}", missing.detail)],
            Self::Violations(violations) => violations.iter().map(Violation::summary).collect(),
            Self::TooLarge(_) | Self::Content(_) => {
                vec![format!("body: {}", self.problem().detail)]
            }
            Self::UnknownPath { detail, .. } => vec![format!("path: {detail}")],
            Self::Method { detail, .. } => vec![format!("method: {detail}")],
            Self::NoKey(why) => vec![why.clone()],
            Self::Status(_)
            | Self::Problem(_)
            | Self::Unknown { .. }
            | Self::Conflict { .. }
            | Self::Stale
            | Self::Impossible(_)
            | Self::Full => Vec::new(),
        }
    }

    pub(super) fn problem(&self) -> Problem {
        match self {
            Self::Credentials(missing) => {
                let problem = Problem::new(
                    ProblemKind::Unauthorized,
                    StatusCode::UNAUTHORIZED,
                    missing.detail.clone(),
                );
                Problem {
                    violations: missing.violations.clone(),
                    ..problem
                }
            }
            Self::TooLarge(limit) => {
                let detail = format!("the content has more than {limit} bytes");
                Problem::new(ProblemKind::TooLarge, StatusCode::PAYLOAD_TOO_LARGE, detail)
            }
            Self::Content(fault) => content_problem(fault),
            Self::Violations(violations) => {
                let detail = violations
                    .first()
                    .map(Violation::summary)
                    .unwrap_or_default();
                let problem = Problem::new(
                    ProblemKind::Violation,
                    StatusCode::UNPROCESSABLE_ENTITY,
                    detail,
                );
                Problem {
                    violations: violations.clone(),
                    ..problem
                }
            }
            Self::Problem(problem) => problem.clone(),
            Self::UnknownPath { detail, .. } => Problem::new(
                ProblemKind::UnknownPath,
                StatusCode::NOT_FOUND,
                detail.clone(),
            ),
            Self::Method { detail, .. } => Problem::new(
                ProblemKind::MethodNotAllowed,
                StatusCode::METHOD_NOT_ALLOWED,
                detail.clone(),
            ),
            Self::Status(status) => {
                let detail = format!("{} was asked for", status.as_u16());
                Problem::new(ProblemKind::UndocumentedStatus, *status, detail)
            }
            Self::Unknown { noun, key, .. } if key.is_empty() => {
                let detail = format!("{noun} not found");
                Problem::new(ProblemKind::UnknownEntity, StatusCode::NOT_FOUND, detail)
            }
            Self::Unknown { noun, key, .. } => Problem::new(
                ProblemKind::UnknownEntity,
                StatusCode::NOT_FOUND,
                format!("{noun} `{}` not found", shortened(key)),
            ),
            Self::Conflict { noun, key } => {
                let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) {
                    "an"
                } else {
                    "a"
                };
                let detail = format!(
                    "{article} {noun} with id `{}` already exists",
                    shortened(key)
                );
                Problem::new(ProblemKind::Conflict, StatusCode::CONFLICT, detail)
            }
            Self::Stale => {
                let detail =
                    "the entity does not match `If-Match` or `If-None-Match` of the request";
                Problem::new(ProblemKind::Stale, StatusCode::PRECONDITION_FAILED, detail)
            }
            Self::Full => {
                let detail = "the session is full, see `--session-memory`; `POST /_standin/reset` empties it";
                Problem::new(ProblemKind::Full, StatusCode::INSUFFICIENT_STORAGE, detail)
            }
            Self::Impossible(why) | Self::NoKey(why) => {
                Problem::new(ProblemKind::Conflict, StatusCode::CONFLICT, why.clone())
            }
        }
    }
}

/// Returns the problem for content that cannot be read.
fn content_problem(fault: &ContentFault) -> Problem {
    let unsupported = |detail| {
        Problem::new(
            ProblemKind::UnsupportedMediaType,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            detail,
        )
    };
    match fault {
        ContentFault::UnsupportedMediaType { sent, documented } => {
            let found = match sent {
                Some(sent) => format!("`{sent}` is not documented"),
                None => "the content has no media type".to_owned(),
            };
            unsupported(format!("{found}, expected {}", media_types(documented)))
        }
        ContentFault::UndocumentedContent(sent) => unsupported(format!(
            "content of type `{}` was sent, and the operation documents no content",
            shortened(sent)
        )),
        ContentFault::UnsupportedCoding(name) => unsupported(format!(
            "the content coding `{}` is not supported, expected {}",
            shortened(name),
            coding::UNDONE
        )),
        ContentFault::Malformed(malformed) => Problem::new(
            ProblemKind::Malformed,
            StatusCode::BAD_REQUEST,
            malformed_detail(malformed),
        ),
    }
}

/// Maximum number of media types that a message lists.
const MOST_MEDIA_TYPES: usize = 5;

/// Returns documented media types as a list: `` `application/json` or `text/*` ``.
fn media_types(documented: &[String]) -> String {
    let mut listed: Vec<String> = documented
        .iter()
        .take(MOST_MEDIA_TYPES)
        .map(|media| format!("`{media}`"))
        .collect();
    let more = documented.len().saturating_sub(MOST_MEDIA_TYPES);
    if more > 0 {
        listed.push(format!("{more} more"));
    }
    match listed.pop() {
        Some(last) if listed.is_empty() => last,
        Some(last) => format!("{} or {last}", listed.join(", ")),
        None => "another one".to_owned(),
    }
}

/// Returns the rule that an error of a status is about.
fn rule_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "credentials",
        403 => "forbidden",
        404 | 410 => "notFound",
        405 => "methodNotAllowed",
        406 => "notAcceptable",
        409 => "conflict",
        413 => "tooLarge",
        415 => "unsupportedMediaType",
        429 => "tooManyRequests",
        _ => "failure",
    }
}

/// Returns the message with its position:
/// `malformed JSON: EOF while parsing a value at line 1 column 8`.
fn malformed_detail(malformed: &content::Malformed) -> String {
    match malformed.place {
        Some((line, column)) => format!("{} at line {line} column {column}", malformed.detail),
        None => malformed.detail.clone(),
    }
}

/// Cuts a key to 100 characters for a message.
pub(super) fn shortened(key: &str) -> String {
    const LONGEST: usize = 100;
    key.chars().take(LONGEST).collect()
}
