//! Problems and violations as Prism writes them, for `--prism`.
//!
//! `exchange::finish` replaces the problems of the sandbox by these, and sends the violations in
//! the header field `sl-violations`.
use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use crate::codec::preference::Preferences;
use crate::codec::text::plain;
use crate::contract::{Location, Operation, SecurityScheme, StatusPattern};
use crate::document::syntax::unescape;
use crate::errors::catalogue::known;
use crate::errors::fault::Fault;
use crate::errors::finding::Finding;
use crate::errors::problem::{Problem, ProblemKind};
use crate::schema::SchemaError;
use crate::validate::{Subject, Violation};

/// Prefix of the `type` of a problem.
const TYPES: &str = "https://stoplight.io/prism/errors#";

/// Maximum number of violations that are listed; further ones are left out.
const MOST_LISTED: usize = 100;

/// Maximum length of `sl-violations`, in bytes, as in Prism; a longer list is cut.
const LONGEST: usize = 8 * 1024 - 100;

/// Side of the exchange that a violation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExchangeSide {
    /// The request of the client.
    Request,
    /// The answer of the sandbox.
    Response,
}

/// Request that a problem is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProblemSubject<'r> {
    /// Method of the request.
    pub method: &'r Method,
    /// Path of the request.
    pub path: &'r str,
    /// Header fields of the request.
    pub headers: &'r HeaderMap,
    /// Preferences of the client.
    pub preferences: &'r Preferences,
    /// Operation of the request, if there is one.
    pub operation: Option<&'r Operation>,
}

/// Returns the violations of a request with a fault.
#[must_use]
pub(crate) fn violations(fault: &Fault, operation: &Operation) -> Vec<Value> {
    let whole = |code: Value, message: &str| vec![entry(&["request".to_owned()], &code, message)];
    match fault {
        Fault::Credentials(_) => whole(json!(401), UNAUTHORIZED),
        Fault::Violations(violations) => located(violations, ExchangeSide::Request),
        Fault::Content(_) | Fault::TooLarge(_) => {
            let problem = fault.problem();
            if problem.kind == ProblemKind::UnsupportedMediaType {
                whole(json!(415), &supported(Some(operation)))
            } else {
                let location = ["request".to_owned(), "body".to_owned()];
                vec![entry(&location, &json!("malformed"), &problem.detail)]
            }
        }
        _ => Vec::new(),
    }
}

/// Returns the entries of violations, each with the side at the beginning of its location.
#[must_use]
pub(crate) fn located(violations: &[Violation], side: ExchangeSide) -> Vec<Value> {
    let prefix = match side {
        ExchangeSide::Request => "request",
        ExchangeSide::Response => "response",
    };
    let mut listed = entries(violations, side);
    for entry in &mut listed {
        match entry.get_mut("location").and_then(Value::as_array_mut) {
            Some(location) => location.insert(0, json!(prefix)),
            None => entry["location"] = json!([prefix]),
        }
    }
    listed
}

/// Writes violations as the value of `sl-violations`: JSON in ASCII, cut if it is too long.
#[must_use]
pub(crate) fn header(listed: &[Value]) -> Option<String> {
    if listed.is_empty() {
        return None;
    }
    let mut text = String::new();
    for letter in Value::from(listed).to_string().chars() {
        if (' '..='~').contains(&letter) {
            text.push(letter);
        } else {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    if text.len() > LONGEST {
        text.truncate(LONGEST);
        text.insert_str(0, "Too many violations! ");
    }
    Some(text)
}

/// Writes a problem of the sandbox as Prism words it; `None` for one that Prism does not have.
#[must_use]
pub(crate) fn content(problem: &Problem, subject: &ProblemSubject<'_>) -> Option<Bytes> {
    let (name, title) = named(problem.kind)?;
    let mut body = json!({
        "type": format!("{TYPES}{name}"),
        "title": title,
        "status": problem.status.as_u16(),
        "detail": detail(problem, subject),
    });
    let side = match problem.kind {
        ProblemKind::Misfit => ExchangeSide::Response,
        _ => ExchangeSide::Request,
    };
    let listed = match problem.kind {
        ProblemKind::Violation => entries(&problem.violations, side),
        ProblemKind::Misfit => located(&problem.violations, side),
        ProblemKind::Malformed => {
            vec![entry(
                &["body".to_owned()],
                &json!("malformed"),
                &problem.detail,
            )]
        }
        _ => Vec::new(),
    };
    if !listed.is_empty() {
        body["validation"] = Value::Array(listed);
    }
    Some(Bytes::from(body.to_string()))
}

const UNAUTHORIZED: &str = "Invalid security scheme used";

/// Returns the end of the `type` and the `title` of a kind of problem.
fn named(kind: ProblemKind) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        ProblemKind::UnknownPath => (
            "NO_PATH_MATCHED_ERROR",
            "Route not resolved, no path matched",
        ),
        ProblemKind::MethodNotAllowed => (
            "NO_METHOD_MATCHED_ERROR",
            "Route resolved, but no method matched",
        ),
        ProblemKind::Unauthorized => ("UNAUTHORIZED", UNAUTHORIZED),
        ProblemKind::Violation | ProblemKind::Malformed => {
            ("UNPROCESSABLE_ENTITY", "Invalid request")
        }
        ProblemKind::UnsupportedMediaType => ("INVALID_CONTENT_TYPE", "Invalid content type"),
        ProblemKind::NotAcceptable => (
            "NOT_ACCEPTABLE",
            "The server cannot produce a representation for your accept header",
        ),
        ProblemKind::UndocumentedStatus
        | ProblemKind::UndocumentedExample
        | ProblemKind::UnknownEntity => {
            ("NOT_FOUND", "The server cannot find the requested content")
        }
        ProblemKind::Misfit => ("VIOLATIONS", "Request/Response not valid"),
        _ => return None,
    })
}

fn detail(problem: &Problem, subject: &ProblemSubject<'_>) -> String {
    let method = subject.method.as_str().to_ascii_lowercase();
    let path = subject.path;
    match problem.kind {
        ProblemKind::UnknownPath => {
            format!("The route {path} hasn't been found in the specification file")
        }
        ProblemKind::MethodNotAllowed => format!(
            "The route {path} has been matched, but it does not have \"{method}\" method defined"
        ),
        // The spelling is that of Prism, which suites compare.
        ProblemKind::Unauthorized => "Your request does not fullfil the security requirements and no HTTP unauthorized response was found in the spec, so Prism is generating this error for you.".to_owned(),
        ProblemKind::Violation | ProblemKind::Malformed => "Your request is not valid and no HTTP validation response was found in the spec, so Prism is generating this error for you.".to_owned(),
        ProblemKind::Misfit => "Your request/response is not valid and the --errors flag is set, so Prism is generating this error for you.".to_owned(),
        ProblemKind::UnsupportedMediaType => supported(subject.operation),
        ProblemKind::NotAcceptable => {
            let accept = subject.headers.get(http::header::ACCEPT);
            let accept = accept.map(|value| String::from_utf8_lossy(value.as_bytes()));
            format!("Unable to find content for {}", accept.unwrap_or_default())
        }
        ProblemKind::UndocumentedStatus => {
            let code = subject.preferences.code.unwrap_or(problem.status).as_u16();
            format!("Requested status code {code} is not defined in the document.")
        }
        ProblemKind::UndocumentedExample => {
            let media = media_of(subject);
            let key = subject.preferences.example.as_deref().unwrap_or_default();
            format!("Response for contentType: {media} and exampleKey: {key} does not exist.")
        }
        _ => problem.detail.clone(),
    }
}

/// Returns the media type in which an operation would answer: JSON, else the first one of its
/// preferred or lowest successful response.
fn media_of<'r>(subject: &ProblemSubject<'r>) -> &'r str {
    let responses = subject
        .operation
        .map(|operation| operation.compiled().responses.as_slice())
        .unwrap_or_default();
    let wanted = |pattern: &StatusPattern| match subject.preferences.code {
        Some(code) => *pattern == StatusPattern::Exact(code),
        None => pattern.status().is_success(),
    };
    let fitting = responses.iter().filter(|(pattern, _)| wanted(pattern));
    let content = fitting
        .min_by_key(|(pattern, _)| pattern.status())
        .map(|(_, response)| response.content.as_slice())
        .unwrap_or_default();
    let json = content.iter().find(|media| media.range.is_json());
    json.or(content.first())
        .map_or("application/json", |media| media.range.as_str())
}

/// Returns the problem for an object or a list that a text is documented for.
#[must_use]
pub(crate) fn complex_text() -> Bytes {
    let sentence = "Cannot serialise complex objects as text";
    let body = json!({
        "type": format!("{TYPES}NO_COMPLEX_OBJECT_TEXT"),
        "title": sentence,
        "status": 500,
        "detail": sentence,
    });
    Bytes::from(body.to_string())
}

/// Returns the value of `WWW-Authenticate` for the credentials that an operation requires; `None`
/// if they are keys only.
#[must_use]
pub(crate) fn challenges(operation: &Operation) -> Option<String> {
    let requirements = &operation.compiled().security;
    let schemes = requirements
        .iter()
        .flat_map(|requirement| &requirement.schemes);
    let challenges: Vec<&str> = schemes
        .filter_map(|scheme| match scheme {
            SecurityScheme::Http { scheme } => match scheme.as_str() {
                "basic" => Some("Basic realm=\"*\""),
                "digest" => Some("Digest realm=\"*\", nonce=\"abc123\""),
                "bearer" => Some("Bearer"),
                _ => None,
            },
            SecurityScheme::Token => Some("OAuth2"),
            SecurityScheme::ApiKey { .. } | SecurityScheme::OutOfBand => None,
        })
        .collect();
    (!challenges.is_empty()).then(|| challenges.join(","))
}

/// Returns the sentence about the media types that an operation documents.
fn supported(operation: Option<&Operation>) -> String {
    let content = operation
        .and_then(|operation| operation.compiled().body.as_ref())
        .map(|body| body.content.as_slice())
        .unwrap_or_default();
    if content.is_empty() {
        return "No supported content types, but request included a non-empty body".to_owned();
    }
    let names: Vec<&str> = content.iter().map(|media| media.range.as_str()).collect();
    format!("Supported content types: {}", names.join(","))
}

/// Returns the entries of violations, at most [`MOST_LISTED`].
fn entries(violations: &[Violation], side: ExchangeSide) -> Vec<Value> {
    let is_absent = |violation: &Violation| violation.error.operands.contains_key("absent");
    let mut listed = Vec::new();
    if violations.iter().any(is_absent) {
        listed.push(json!({
            "severity": "Error",
            "code": "required",
            "message": "Body parameter is required",
        }));
    }
    let mut violations: Vec<&Violation> = violations
        .iter()
        .filter(|found| !is_absent(found))
        .collect();
    violations.sort_by_key(|violation| order(violation));
    for violation in violations {
        list(&violation.subject, &violation.error, side, &mut listed);
    }
    listed
}

/// Returns the place of a violation in the order in which Prism checks the parts of a request.
fn order(violation: &Violation) -> u8 {
    match violation.parameter() {
        None => 0,
        Some((Location::Header | Location::Cookie, _)) => 1,
        Some((Location::Query, _)) => 2,
        Some((Location::Path, _)) => 3,
    }
}

/// Adds the entries of an error: those of its branches first.
fn list(subject: &Subject, error: &SchemaError, side: ExchangeSide, listed: &mut Vec<Value>) {
    for branch in error.branches.iter().flatten() {
        list(subject, branch, side, listed);
    }
    if listed.len() < MOST_LISTED {
        listed.push(entry_of(subject, error, side));
    }
}

fn entry_of(subject: &Subject, error: &SchemaError, side: ExchangeSide) -> Value {
    // Prism checks the parameters of a place as one object, with names in lower case.
    let (part, noun, name) = match subject {
        Subject::Parameter(location, name) => {
            (location.as_str(), "parameter", Some(name.to_lowercase()))
        }
        Subject::Body => ("body", "property", None),
    };
    let is_absent = match subject {
        Subject::Parameter(_, name) => {
            let property = error.operands.get("property").and_then(Value::as_str);
            error.keyword == "required"
                && error.pointer.is_empty()
                && property == Some(name.as_str())
        }
        Subject::Body => false,
    };
    let mut path: Vec<String> = name.iter().cloned().collect();
    path.extend(error.pointer.split('/').skip(1).map(unescape));
    let sentence = match name.filter(|_| is_absent) {
        Some(name) => {
            path.clear();
            format!("must have required property '{name}'")
        }
        None => sentence(subject, error),
    };
    let place = if path.is_empty() {
        String::new()
    } else {
        format!("{noun} {} ", path.join("."))
    };
    let whose = match side {
        ExchangeSide::Request => "Request",
        ExchangeSide::Response => "Response",
    };
    let message = format!("{whose} {part} {place}{sentence}");
    path.insert(0, part.to_owned());
    entry(&path, &json!(error.keyword), &message)
}

fn entry(location: &[String], code: &Value, message: &str) -> Value {
    json!({ "location": location, "severity": "Error", "code": code, "message": message })
}

/// Returns the sentence of Ajv for an error, with what Prism adds to it.
fn sentence(subject: &Subject, error: &SchemaError) -> String {
    let violation = Violation {
        subject: subject.clone(),
        error: error.clone(),
        value: None,
    };
    let said = known::named("ajv").and_then(|ajv| ajv.say(&Finding::of(&violation))?.sentence);
    let sentence = said.unwrap_or_else(|| error.sentence());
    let operand = |name: &str| error.operands.get(name).map(plain).unwrap_or_default();
    match error.keyword.as_str() {
        "enum" => {
            let values = error.operands.get("values").and_then(Value::as_array);
            let values: Vec<String> = values.into_iter().flatten().map(plain).collect();
            format!("{sentence}: {}", values.join(", "))
        }
        "additionalProperties" => format!("{sentence}; found '{}'", operand("property")),
        "unevaluatedProperties" => format!("{sentence}: '{}'", operand("property")),
        _ => sentence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_ascii_and_bounded() {
        let short = header(&[json!({"message": "é\n😀"})]).expect("is there");
        assert_eq!(short, "[{\"message\":\"\\u00e9\\n\\ud83d\\ude00\"}]");
        assert_eq!(
            serde_json::from_str::<Value>(&short).expect("is JSON")[0]["message"],
            "é\n😀"
        );
        let long = header(&[json!("x".repeat(LONGEST))]).expect("is there");
        assert!(long.starts_with("Too many violations! [\"x") && long.len() < 8192);
        assert_eq!(header(&[]), None);
    }
}
