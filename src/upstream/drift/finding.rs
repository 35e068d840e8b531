//! Findings: drifts of one kind and cause together, with their places, as reports have them.
use serde_json::{Value, json};

use crate::diagnostic::Place;
use crate::generate::fingerprint;
use crate::upstream::drift::kind::{DriftKind, DriftSeverity};
use crate::upstream::drift::record::DriftExample;

/// Drifts of one kind and cause.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding {
    pub kind: DriftKind,
    pub severity: DriftSeverity,
    /// Hash of kind, document and cause; other words and more traffic leave it as it is.
    pub fingerprint: String,
    /// Sentence about what was found and what was expected.
    pub message: String,
    /// Advice to the author of the document.
    pub help: String,
    /// Number of exchanges that have it.
    pub count: u64,
    /// Number of exchanges that could have it.
    pub of: u64,
    /// Places in documents, sorted.
    pub places: Vec<FoundPlace>,
    /// Earliest exchange that shows it; `None` for what never came.
    pub example: Option<DriftExample>,
}

/// Place of a finding: an operation, and the line of a document that is concerned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FoundPlace {
    pub file: String,
    pub line: usize,
    pub column: usize,
    /// JSON Pointer in the file.
    pub pointer: String,
    /// Operation and status: `GET /pets/{id} 200`.
    pub operation: String,
    pub count: u64,
    pub of: u64,
}

impl FoundPlace {
    /// Returns the line of a place in a document.
    pub(super) fn new(place: &Place, operation: String, count: u64, of: u64) -> Self {
        let span = place.span();
        Self {
            file: place.file(),
            line: span.line,
            column: span.column,
            pointer: place.written_pointer(),
            operation,
            count,
            of,
        }
    }
}

/// Returns the fingerprint of a cause: 16 hexadecimal digits.
pub(super) fn fingerprint_of(kind: DriftKind, cause: &str) -> String {
    format!(
        "{:016x}",
        fingerprint(&format!("{}\n{cause}", kind.as_str()))
    )
}

impl Finding {
    /// Returns the finding as JSON.
    pub(crate) fn to_json(&self) -> Value {
        let places: Vec<Value> = self.places.iter().map(FoundPlace::to_json).collect();
        let example = self.example.as_ref().map(|example| {
            json!({
                "at": example.at, "request": example.request,
                "status": example.status, "excerpt": example.excerpt,
            })
        });
        json!({
            "kind": self.kind.as_str(),
            "severity": self.severity.as_str(),
            "fingerprint": self.fingerprint,
            "message": self.message,
            "help": self.help,
            "count": self.count,
            "of": self.of,
            "places": places,
            "example": example,
        })
    }

    /// Reads a finding as [`to_json`](Self::to_json) writes it; `None` if it is another form.
    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let text = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
        let kind = DriftKind::ALL
            .iter()
            .find(|kind| value["kind"] == kind.as_str())?;
        let severities = DriftSeverity::ALL.iter();
        let severity = severities
            .clone()
            .find(|one| value["severity"] == one.as_str())?;
        let example = value.get("example").filter(|example| !example.is_null());
        let example = example.map(|example| DriftExample {
            at: example["at"].as_u64().unwrap_or_default(),
            request: example["request"].as_str().unwrap_or_default().to_owned(),
            status: u16::try_from(example["status"].as_u64().unwrap_or_default()).unwrap_or(0),
            excerpt: example["excerpt"].as_str().unwrap_or_default().to_owned(),
        });
        let places = value.get("places")?.as_array()?.iter();
        Some(Self {
            kind: *kind,
            severity: *severity,
            fingerprint: text("fingerprint")?,
            message: text("message")?,
            help: text("help")?,
            count: value.get("count")?.as_u64()?,
            of: value.get("of")?.as_u64()?,
            places: places.map(FoundPlace::from_json).collect::<Option<_>>()?,
            example,
        })
    }
}

impl FoundPlace {
    fn to_json(&self) -> Value {
        json!({
            "operation": self.operation, "file": self.file, "line": self.line,
            "column": self.column, "pointer": self.pointer, "count": self.count, "of": self.of,
        })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let text = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
        let number = |name: &str| value.get(name)?.as_u64();
        Some(Self {
            file: text("file")?,
            line: usize::try_from(number("line")?).ok()?,
            column: usize::try_from(number("column")?).ok()?,
            pointer: text("pointer")?,
            operation: text("operation")?,
            count: number("count")?,
            of: number("of")?,
        })
    }
}
