//! Control API: the drift between the documents and the real API, as a list for scripts and pages, as
//! a report in other formats, and as overlays that repair the documents.
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, VARY};
use serde_json::{Value, json};

use crate::codec::accept::Accept;
use crate::codec::message::Response;
use crate::contract::Contract;
use crate::diagnostic::escape;
use crate::errors::problem::Problem;
use crate::server::control::lists::{Paging, listed};
use crate::server::control::{Control, ControlRequest, not_there, unprocessable};
use crate::upstream::drift::finding::Finding;
use crate::upstream::drift::findings::LEAST_CALLS;
use crate::upstream::drift::kind::DriftSeverity;
use crate::upstream::drift::overlay::OverlayText;
use crate::upstream::drift::report::DriftReport;

/// Form of a report of drift for other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReportForm {
    /// The JSON that scripts get, to be saved.
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// `JUnit` XML.
    Junit,
    /// Text for people.
    Text,
}

impl ReportForm {
    /// All forms: name, media type, and name of a file.
    const ALL: [(Self, &'static str, &'static str, &'static str); 4] = [
        (Self::Json, "json", "application/json", "drift.json"),
        (
            Self::Sarif,
            "sarif",
            "application/sarif+json",
            "drift.sarif",
        ),
        (Self::Junit, "junit", "application/xml", "drift.xml"),
        (Self::Text, "text", "text/plain", "drift.txt"),
    ];

    /// Returns the form that a request asks for: `?format=sarif`, or `Accept: application/sarif+json`.
    /// `None` is JSON or HTML of the console.
    fn of(asked: &ControlRequest<'_>) -> Option<(Self, &'static str, &'static str)> {
        let format = asked.query("format");
        let accept = Accept::read(asked.request.headers());
        // Browsers name XML too when they ask for a page.
        let is_browser = accept.prefers("text/html");
        let is_meant = |(form, name, media): (Self, &str, &str)| match format {
            Some(format) => format == name,
            None => form != Self::Json && !is_browser && accept.prefers(media),
        };
        let all = Self::ALL.into_iter();
        let mut found = all.filter(|(form, name, media, _)| is_meant((*form, name, media)));
        found
            .next()
            .map(|(form, _, media, file)| (form, media, file))
    }

    fn write(self, report: &DriftReport, least: DriftSeverity) -> String {
        match self {
            Self::Json => escape::pretty_json(&report.to_json()) + "\n",
            Self::Sarif => escape::pretty_json(&report.to_sarif()) + "\n",
            Self::Junit => report.to_junit(least),
            Self::Text => report.to_text(),
        }
    }
}

impl Control {
    /// Returns the drift between the documents and the real API so far: all of it, or the findings that
    /// a search finds.
    ///
    /// # Errors
    ///
    /// `Problem` 404, if there is no real API.
    pub(super) fn drift(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let report = self.drift_report(asked)?;
        let paging = Paging::read(asked);
        let severity = asked.query("severity");
        let fingerprint = asked.query("fingerprint");
        let is_meant = |finding: &&Finding| {
            severity.is_none_or(|severity| severity == finding.severity.as_str())
                && fingerprint.is_none_or(|fingerprint| fingerprint == finding.fingerprint)
                && has_words(&paging, finding)
        };
        let found: Vec<&Finding> = report.findings.iter().filter(is_meant).collect();
        let shown = paging.page(&found).iter();
        let shown: Vec<Value> = shown.map(|finding| self.shown_finding(finding)).collect();
        let mut answer = report.to_json();
        answer["summary"] = json!(report.summary());
        answer["total"] = json!(found.len());
        answer["offset"] = json!(paging.offset);
        answer["findings"] = Value::Array(shown);
        Ok(answer)
    }

    /// Returns a finding with the names of the operations at its places, which pages link to.
    fn shown_finding(&self, finding: &Finding) -> Value {
        let mut shown = finding.to_json();
        let places = shown.get_mut("places").and_then(Value::as_array_mut);
        for place in places.into_iter().flatten() {
            let operation = place.get("operation").and_then(Value::as_str);
            let name = operation.and_then(|text| operation_at(self.sandbox.contract(), text));
            place["operationName"] = json!(name);
        }
        shown
    }

    /// Returns the drift as a file; `None` if the request asks for none.
    pub(super) fn drift_file(
        &self,
        asked: &ControlRequest<'_>,
    ) -> Option<Result<Response, Problem>> {
        let (form, media, name) = ReportForm::of(asked)?;
        let report = match self.drift_report(asked) {
            Ok(report) => report,
            Err(problem) => return Some(Err(problem)),
        };
        let fails_on = asked.query("fail-on");
        let mut severities = DriftSeverity::ALL.into_iter();
        let least = severities.find(|severity| fails_on == Some(severity.as_str()));
        let text = form.write(&report, least.unwrap_or(DriftSeverity::Breaking));
        // Only `format` says that the answer is to be saved.
        let name = asked.query("format").map(|_| name);
        Some(Ok(file(text, media, name)))
    }

    /// Returns the overlay that repairs a document.
    ///
    /// # Errors
    ///
    /// `Problem` 404 if there is no real API or nothing to repair, and 422 if several documents have
    /// repairs and none is named.
    pub(super) fn drift_overlay(&self, asked: &ControlRequest<'_>) -> Result<Response, Problem> {
        let overlays = self.drift_report(asked)?.overlays;
        let names: Vec<&str> = overlays.iter().map(|own| own.document.as_str()).collect();
        let overlay = match (asked.query("document"), overlays.as_slice()) {
            (_, []) => {
                return Err(not_there(
                    "there is nothing to repair: the exchanges so far prove no change of a document",
                ));
            }
            (None, [only]) => only,
            (None, _) => {
                return Err(unprocessable(format!(
                    "several documents have repairs, {}; name one with `document`",
                    listed(&names)
                )));
            }
            (Some(name), all) => all.iter().find(|own| own.document == name).ok_or_else(|| {
                not_there(format!(
                    "no repairs for the document `{name}`; there are some for {}",
                    listed(&names)
                ))
            })?,
        };
        let name = file_name(overlay, overlays.len());
        Ok(file(overlay.text.clone(), "application/yaml", Some(&name)))
    }

    fn drift_report(&self, asked: &ControlRequest<'_>) -> Result<DriftReport, Problem> {
        let least = asked.query("min-calls");
        let least = least.and_then(|least| least.parse().ok());
        let drift = self
            .observers()?
            .drift(&self.sandbox, least.unwrap_or(LEAST_CALLS));
        drift.ok_or_else(|| not_there("the drift is not observed; start without `--drift off`"))
    }
}

/// Returns true if a finding has each word of a search.
fn has_words(paging: &Paging, finding: &Finding) -> bool {
    let mut texts = vec![finding.kind.as_str(), finding.message.as_str()];
    for place in &finding.places {
        texts.extend([place.operation.as_str(), place.file.as_str()]);
    }
    paging.has_words(&texts)
}

/// Returns the name of the operation in a text such as `GET /pets/{id} 200`.
fn operation_at<'c>(contract: &'c Contract, text: &str) -> Option<&'c str> {
    let mut rest = Some(text);
    // What follows the path: a status, a side of the exchange.
    while let Some(name) = rest.filter(|name| !name.is_empty()) {
        if let Some(index) = contract.find(name) {
            return Some(contract.operations[index].name());
        }
        rest = name.rsplit_once(' ').map(|(before, _)| before);
    }
    None
}

/// Returns the name of a file for an overlay: `fix.yaml`; with several documents `fix.pets.yaml`.
fn file_name(overlay: &OverlayText, count: usize) -> String {
    let name = overlay.document.rsplit(['/', '\\']).next();
    let stem = name.and_then(|name| name.split('.').next());
    let is_plain = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    let stem: String = stem.unwrap_or_default().chars().filter(is_plain).collect();
    if count == 1 || stem.is_empty() {
        "fix.yaml".to_owned()
    } else {
        format!("fix.{stem}.yaml")
    }
}

/// Returns an answer with a file; browsers save it under its name.
fn file(text: String, media: &'static str, name: Option<&str>) -> Response {
    let mut response = Response::new(Bytes::from(text));
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    // RFC 9110 §12.5.5
    fields.insert(VARY, HeaderValue::from_static("Accept"));
    let disposition = name.map(|name| format!("attachment; filename=\"{name}\""));
    if let Some(Ok(value)) = disposition.map(HeaderValue::try_from) {
        fields.insert(CONTENT_DISPOSITION, value);
    }
    response
}
