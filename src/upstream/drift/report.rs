//! Reports of drift: text for people, JSON, SARIF 2.1.0 and `JUnit` XML.
//!
//! A report is made of [`Observations`], or read from the JSON of a running proxy.
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::Sandbox;
use crate::diagnostic::escape::{markup, one_line};
use crate::diagnostic::{count, uri_reference};
use crate::upstream::drift::finding::{Finding, FoundPlace};
use crate::upstream::drift::findings::findings;
use crate::upstream::drift::kind::DriftSeverity;
use crate::upstream::drift::observations::Observations;
use crate::upstream::drift::overlay::{OverlayText, overlays};

/// Maximum number of places of a finding that the text lists.
const MOST_PLACES: usize = 5;

/// Findings of some traffic.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DriftReport {
    /// Number of exchanges.
    pub exchanges: u64,
    /// Number of exchanges without a documented operation.
    pub unmatched: u64,
    /// Number of exchanges with a part that could not be checked.
    pub unchecked: u64,
    /// Number of documented operations.
    pub operations: u64,
    /// Number of documented operations that were called.
    pub called: u64,
    /// True if something was left out at a bound.
    pub is_cut: bool,
    /// Findings, the gravest first.
    pub findings: Vec<Finding>,
    /// Overlays that repair the documents.
    pub overlays: Vec<OverlayText>,
    /// Repairs that no overlay reaches, as they are in other files: one sentence each.
    pub unreached: Vec<String>,
}

impl DriftReport {
    /// Returns the report of observations. What never came is told from `least` exchanges on.
    pub(crate) fn new(sandbox: &Sandbox, observations: &Observations, least: u64) -> Self {
        let overlays = overlays(sandbox, observations);
        Self {
            exchanges: observations.exchanges,
            unmatched: observations.unmatched,
            unchecked: observations.unchecked,
            operations: sandbox.contract().operations.len() as u64,
            called: observations.operations.len() as u64,
            is_cut: observations.is_cut(),
            findings: findings(sandbox, observations, least),
            overlays: overlays.texts,
            unreached: overlays.unreached,
        }
    }

    /// Returns the number of findings of a severity.
    pub(crate) fn number(&self, severity: DriftSeverity) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    }

    /// Returns the report as JSON, as `GET /_standin/drift` answers.
    pub(crate) fn to_json(&self) -> Value {
        let overlays = self.overlays.iter().map(|overlay| {
            json!({ "document": overlay.document, "actions": overlay.actions, "text": overlay.text })
        });
        json!({
            "exchanges": self.exchanges,
            "unmatched": self.unmatched,
            "unchecked": self.unchecked,
            "operations": self.operations,
            "called": self.called,
            "isCut": self.is_cut,
            "findings": self.findings.iter().map(Finding::to_json).collect::<Vec<_>>(),
            "overlays": overlays.collect::<Vec<_>>(),
            "unreached": self.unreached,
        })
    }

    /// Reads a report as [`to_json`](Self::to_json) writes it; `None` if it is another form.
    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let number = |name: &str| value.get(name)?.as_u64();
        let findings = value.get("findings")?.as_array()?.iter();
        let overlays = value.get("overlays")?.as_array()?.iter();
        let overlay = |overlay: &Value| {
            Some(OverlayText {
                document: overlay.get("document")?.as_str()?.to_owned(),
                text: overlay.get("text")?.as_str()?.to_owned(),
                actions: usize::try_from(overlay.get("actions")?.as_u64()?).ok()?,
            })
        };
        let unreached = value.get("unreached").and_then(Value::as_array).map(|all| {
            let all = all.iter().filter_map(Value::as_str);
            all.map(str::to_owned).collect()
        });
        Some(Self {
            exchanges: number("exchanges")?,
            unmatched: number("unmatched")?,
            unchecked: number("unchecked")?,
            operations: number("operations")?,
            called: number("called")?,
            is_cut: value.get("isCut")?.as_bool()?,
            findings: findings.map(Finding::from_json).collect::<Option<_>>()?,
            overlays: overlays.map(overlay).collect::<Option<_>>()?,
            unreached: unreached.unwrap_or_default(),
        })
    }

    /// Returns the report for a terminal.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            write_finding(finding, &mut text);
            text.push('\n');
        }
        text.push_str(&self.summary());
        text.push('\n');
        text
    }

    /// Returns the last line: `3 findings in 20 exchanges: 1 breaking, 2 incomplete`.
    pub(crate) fn summary(&self) -> String {
        let numbers = DriftSeverity::ALL.iter();
        let numbers: Vec<String> = numbers
            .map(|one| format!("{} {}", self.number(*one), one.as_str()))
            .collect();
        let mut line = format!(
            "{} in {} with {} of {}: {}",
            count(self.findings.len(), "finding"),
            number(self.exchanges, "exchange"),
            self.called,
            number(self.operations, "operation"),
            numbers.join(", ")
        );
        if self.unmatched > 0 {
            let _ = write!(
                line,
                "; {} without a documented operation",
                number(self.unmatched, "exchange")
            );
        }
        if self.unchecked > 0 {
            let _ = write!(
                line,
                "; {} not checked in full",
                number(self.unchecked, "exchange")
            );
        }
        if self.is_cut {
            line.push_str("; more was left out, because the limit of what is kept was reached");
        }
        line
    }

    /// Returns the report as SARIF 2.1.0, for code scanning.
    pub(crate) fn to_sarif(&self) -> Value {
        let mut kinds: Vec<_> = self.findings.iter().map(|finding| finding.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let rules: Vec<Value> = kinds
            .iter()
            .map(
                |kind| json!({ "id": kind.as_str(), "shortDescription": { "text": kind.about() } }),
            )
            .collect();
        let results: Vec<Value> = self.findings.iter().map(sarif_result).collect();
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "standin",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": rules,
                }},
                "results": results,
            }],
        })
    }

    /// Returns the report as `JUnit` XML: findings of the severity `least` or graver are failures,
    /// others are skipped.
    pub(crate) fn to_junit(&self, least: DriftSeverity) -> String {
        let is_failure = |finding: &&Finding| finding.severity <= least;
        let failed = self.findings.iter().filter(is_failure).count();
        let skipped = self.findings.len() - failed;
        let mut cases = String::new();
        for finding in &self.findings {
            let file = finding
                .places
                .first()
                .map_or("", |place| place.file.as_str());
            let name = markup(&format!("{}: {}", finding.kind.as_str(), finding.message));
            let _ = write!(
                cases,
                "    <testcase name=\"{name}\" classname=\"{}\">",
                markup(file)
            );
            if is_failure(&finding) {
                let mut detail = String::new();
                write_finding(finding, &mut detail);
                let kind = finding.severity.as_str();
                let (message, detail) = (markup(&finding.message), markup(&detail));
                let _ = write!(
                    cases,
                    "<failure type=\"{kind}\" message=\"{message}\">{detail}</failure>"
                );
            } else {
                let _ = write!(
                    cases,
                    "<skipped message=\"{}\"/>",
                    finding.severity.as_str()
                );
            }
            cases.push_str("</testcase>\n");
        }
        if self.findings.is_empty() {
            cases.push_str("    <testcase name=\"no drift\" classname=\"standin\"/>\n");
        }
        let tests = self.findings.len().max(1);
        let counts = format!("tests=\"{tests}\" failures=\"{failed}\" skipped=\"{skipped}\"");
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"standin\" {counts}>\n  <testsuite name=\"drift\" {counts}>\n{cases}  </testsuite>\n</testsuites>\n"
        )
    }
}

fn number(number: u64, noun: &str) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), noun)
}

fn write_finding(finding: &Finding, text: &mut String) {
    let head = format!(
        "{}[{}]: {}",
        finding.severity.as_str(),
        finding.kind.as_str(),
        finding.message
    );
    let _ = writeln!(text, "{}", one_line(&head));
    for place in finding.places.iter().take(MOST_PLACES) {
        let at = format!("{}:{}:{}", place.file, place.line, place.column);
        let operation = if place.operation.is_empty() {
            String::new()
        } else {
            format!(" ({})", place.operation)
        };
        let _ = writeln!(text, " --> {}{}", one_line(&at), one_line(&operation));
    }
    let more = finding.places.len().saturating_sub(MOST_PLACES);
    if more > 0 {
        let _ = writeln!(text, " --> and {}", count(more, "more place"));
    }
    if let Some(example) = &finding.example {
        let excerpt = if example.excerpt.is_empty() { "" } else { ": " };
        let line = format!(
            "{} -> {}{excerpt}{}",
            example.request, example.status, example.excerpt
        );
        let _ = writeln!(text, "  = seen: {}", one_line(&line));
    }
    let _ = writeln!(text, "  = help: {}", one_line(&finding.help));
}

fn sarif_result(finding: &Finding) -> Value {
    let mut result = json!({
        "ruleId": finding.kind.as_str(),
        "level": finding.severity.sarif_level(),
        "message": { "text": format!("{}; {}", finding.message, finding.help) },
        "partialFingerprints": { "standinDrift/v1": finding.fingerprint },
        "occurrenceCount": finding.count.max(1),
    });
    let mut places = finding.places.iter();
    if let Some(first) = places.next() {
        result["locations"] = json!([sarif_location(first)]);
    }
    let related: Vec<Value> = places.map(sarif_location).collect();
    if !related.is_empty() {
        result["relatedLocations"] = Value::Array(related);
    }
    result
}

fn sarif_location(place: &FoundPlace) -> Value {
    let mut location = json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri_reference(&place.file) },
        "region": { "startLine": place.line, "startColumn": place.column },
    }});
    if !place.operation.is_empty() {
        location["message"] = json!({ "text": place.operation });
    }
    location
}
