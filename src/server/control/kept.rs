//! Control API: the fixture that answers a recorded request again, and its file.
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use http::header::CONTENT_TYPE;
use http::{HeaderName, StatusCode};
use serde_json::{Map, Value, json};

use crate::codec::yaml;
use crate::contract::media::MediaRange;
use crate::document::fixture_text;
use crate::errors::problem::{Problem, ProblemKind};
use crate::server::control::{ConsoleAccess, Control, ControlRequest, unprocessable};
use crate::state::journal::{Entry, MOST_CONTENT};
use crate::state::stand_in::REDACTED;

/// Header fields of an answer that belong to the message or to the sandbox, not to the fixture.
const OWN_FIELDS: [&str; 12] = [
    "connection",
    "content-encoding",
    "content-length",
    "date",
    "etag",
    "keep-alive",
    "last-modified",
    "server",
    "transfer-encoding",
    "vary",
    "retry-after",
    "www-authenticate",
];

/// Maximum number of files for one operation.
const MOST_FILES: u32 = 10_000;

/// Longest part of a file name that is made of the name of an operation, in bytes.
const LONGEST_NAME: usize = 80;

/// Fixture for a recorded request.
struct KeptFixture {
    /// Name of the operation.
    operation: String,
    /// Entry of a fixture file.
    fixture: Value,
    /// The entry below its operation, as YAML.
    yaml: String,
    /// Reasons why the fixture does not answer as the recording does.
    warnings: Vec<String>,
}

impl KeptFixture {
    fn to_json(&self) -> Value {
        json!({
            "operation": self.operation,
            "fixture": self.fixture,
            "yaml": self.yaml,
            "warnings": self.warnings,
        })
    }
}

impl Control {
    /// Returns the fixture that answers a recorded request again.
    pub(super) fn request_fixture(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        Ok(self.kept(&self.entry(asked)?)?.to_json())
    }

    /// Writes the fixture that answers a recorded request again to a new file in the folder of
    /// fixtures, and loads it.
    ///
    /// # Errors
    ///
    /// `Problem` 403 without `--console write`, 422 if there is no such fixture, and 507 if the file
    /// cannot be written.
    pub(super) fn keep_request(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let ConsoleAccess::Write(folder) = &self.options.console else {
            let detail = "fixtures are not written to files; start the sandbox with `--console write` to allow it";
            return Err(Problem::new(
                ProblemKind::ControlClosed,
                StatusCode::FORBIDDEN,
                detail,
            ));
        };
        let kept = self.kept(&self.entry(asked)?)?;
        let file = write_new(folder, &kept.operation, &kept.yaml).map_err(|error| {
            let detail = format!("cannot write a file in `{}`: {error}", folder.display());
            Problem::new(ProblemKind::Full, StatusCode::INSUFFICIENT_STORAGE, detail)
        })?;
        let mut answer = kept.to_json();
        answer["file"] = json!(file.display().to_string());
        match self.reload() {
            Ok(report) => answer["reload"] = report,
            Err(problem) => answer["reload"] = json!({"error": problem.detail}),
        }
        Ok(answer)
    }

    /// Makes the fixture for a recorded request: its condition has the values of the path, the query
    /// and the content of the request.
    fn kept(&self, entry: &Entry) -> Result<KeptFixture, Problem> {
        let Some(operation) = &entry.operation else {
            return Err(unprocessable(
                "no operation matches the request, so no fixture can answer it",
            ));
        };
        if entry.cut.request || entry.cut.response {
            return Err(unprocessable(format!(
                "the journal has only the first {MOST_CONTENT} bytes of a content of request {}, so no fixture can have it",
                entry.number
            )));
        }
        let mut warnings = Vec::new();
        if !entry.violations.is_empty() {
            warnings.push("the request violates the document, so it is rejected before fixtures are considered".to_owned());
        }
        let shown = entry.to_json();
        let mut fixture = Map::new();
        let when = self.condition(entry);
        if !when.is_empty() {
            fixture.insert("when".to_owned(), Value::Object(when));
        }
        fixture.insert("status".to_owned(), json!(entry.status.as_u16()));
        let headers = headers(entry);
        if !headers.is_empty() {
            fixture.insert("headers".to_owned(), Value::Object(headers));
        }
        let content = &shown["response"]["content"];
        if !content.is_null() {
            fixture.insert("body".to_owned(), content.clone());
        }
        let fixture = Value::Object(fixture);
        let text = fixture.to_string();
        if text.contains(REDACTED) {
            warnings.push(format!("values that may be secret are replaced by `{REDACTED}`; write other ones in their place"));
        }
        if text.contains("{$") {
            warnings.push(
                "a text has `{$`, which is the beginning of a runtime expression in fixtures"
                    .to_owned(),
            );
        }
        let yaml = yaml::write(&json!({ operation: [fixture] }), 0);
        Ok(KeptFixture {
            operation: operation.clone(),
            fixture,
            yaml,
            warnings,
        })
    }

    /// Returns the condition that the request meets, without parts that have no values and without
    /// values that may be secret.
    fn condition(&self, entry: &Entry) -> Map<String, Value> {
        let instance = self.sandbox.instance(&entry.request());
        let mut public = instance.clone();
        entry.redaction().parts(&mut public);
        let mut when = Map::new();
        for part in ["path", "query"] {
            let values = instance[part].as_object().into_iter().flatten();
            // What is shown otherwise is secret.
            let kept = values.filter(|(name, value)| public[part][name.as_str()] == **value);
            let kept: Map<String, Value> = kept
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            if !kept.is_empty() {
                when.insert(part.to_owned(), Value::Object(kept));
            }
        }
        if instance["body"].is_null() || public["body"] != instance["body"] {
            return when;
        }
        let plain = with(&when, &instance["body"]);
        // Values such as `{"type": "object"}` would be read as a schema.
        if self.meets(entry, &plain, &instance) {
            return plain;
        }
        with(&when, &json!({"const": instance["body"]}))
    }

    /// Returns true if a condition, read as that of a fixture, holds for a request and not for
    /// requests with other contents.
    fn meets(&self, entry: &Entry, when: &Map<String, Value>, instance: &Value) -> bool {
        let Some(operation) = &entry.operation else {
            return false;
        };
        let text = json!({ operation: [{"when": when, "status": 200}] }).to_string();
        let Ok((file, _)) = fixture_text("kept".to_owned(), text) else {
            return false;
        };
        let mut found = Vec::new();
        let Ok(entries) = self.read_posted(&file, &mut found) else {
            return false;
        };
        let others = [json!("x"), json!({}), json!({"another member": 1})];
        let others = others.map(|body| {
            let mut other = instance.clone();
            other["body"] = body;
            other
        });
        let is_other = |other: &&Value| other["body"] != instance["body"];
        entries.iter().all(|(_, _, fixture)| {
            fixture.when.as_ref().is_some_and(|when| {
                when.holds(instance)
                    && !others
                        .iter()
                        .filter(is_other)
                        .any(|other| when.holds(other))
            })
        })
    }
}

fn with(when: &Map<String, Value>, body: &Value) -> Map<String, Value> {
    let mut when = when.clone();
    when.insert("body".to_owned(), body.clone());
    when
}

/// Returns the header fields that a fixture needs to answer as recorded.
fn headers(entry: &Entry) -> Map<String, Value> {
    let shown = entry.to_json();
    let all = shown["response"]["headers"].as_object();
    let is_kept = |name: &str| {
        let is_own = OWN_FIELDS.contains(&name)
            || name.starts_with("standin-")
            || name.starts_with("access-control-");
        let is_usual = name == CONTENT_TYPE.as_str() && is_json(entry);
        !is_own && !is_usual
    };
    let kept = all
        .into_iter()
        .flatten()
        .filter(|(name, _)| is_kept(name) && HeaderName::from_bytes(name.as_bytes()).is_ok());
    kept.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Returns true if the answer is `application/json`, which fixtures are by default.
fn is_json(entry: &Entry) -> bool {
    let media = entry.answer_headers.get(CONTENT_TYPE);
    let media = media.and_then(|media| MediaRange::parse(media.to_str().ok()?));
    media.is_some_and(|media| media.essence() == "application/json")
}

/// Writes a text to a new file that is named after an operation: `kept-createPet.yaml`,
/// `kept-createPet-2.yaml`. No file is overwritten.
fn write_new(folder: &Path, operation: &str, text: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let plain = |letter: char| match letter {
        letter if letter.is_ascii_alphanumeric() => letter,
        _ => '-',
    };
    let mut name: String = operation.chars().map(plain).collect();
    name.truncate(LONGEST_NAME);
    for number in 1..=MOST_FILES {
        let file = match number {
            1 => folder.join(format!("kept-{name}.yaml")),
            number => folder.join(format!("kept-{name}-{number}.yaml")),
        };
        match OpenOptions::new().write(true).create_new(true).open(&file) {
            Ok(mut opened) => {
                opened.write_all(text.as_bytes())?;
                return Ok(file);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!(
        "there are {MOST_FILES} files of this operation"
    )))
}
