//! Control API: lists the diagnostics of the documents and fixtures.
use std::sync::atomic::{AtomicUsize, Ordering};

use http::StatusCode;
use serde_json::{Value, json};

use crate::diagnostic::Severity;
use crate::errors::problem::{Problem, ProblemKind};
use crate::server::control::found::FoundDiagnostics;
use crate::server::control::lists::Paging;
use crate::server::control::{Control, ControlRequest};

/// Maximum number of requests that wait while the documents are examined; further ones are refused.
const MOST_WAITING: usize = 16;

/// Value of `Retry-After` for a refused request, in seconds.
const SECONDS_BEFORE_RETRY: u64 = 5;

/// Place among the requests that wait, until it is dropped.
struct Waiting<'c>(&'c AtomicUsize);

impl<'c> Waiting<'c> {
    /// Takes a place, if there is one.
    fn begin(count: &'c AtomicUsize) -> Option<Self> {
        let before = count.fetch_add(1, Ordering::AcqRel);
        let waiting = Self(count);
        (before < MOST_WAITING).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Control {
    /// Lists the diagnostics that a search finds. They are found at the first call after a load.
    ///
    /// # Errors
    ///
    /// `Problem` 503, if many requests wait for them already.
    pub(super) fn list_diagnostics(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let all = self.found_diagnostics()?;
        let paging = Paging::read(asked);
        let severity = asked.query("severity");
        let is_meant = |row: &&Value| {
            let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
            let texts = ["code", "message", "file", "help"].map(text);
            severity.is_none_or(|severity| text("severity") == severity) && paging.has_words(&texts)
        };
        let rows: Vec<&Value> = all.rows.iter().filter(is_meant).collect();
        let mut answer = json!({
            "total": rows.len(),
            "offset": paging.offset,
            "errors": all.count(Severity::Error),
            "warnings": all.count(Severity::Warning),
            "diagnostics": paging.page(&rows),
        });
        if all.left_out > 0 {
            answer["leftOut"] = json!(all.left_out);
        }
        Ok(answer)
    }

    fn found_diagnostics(&self) -> Result<&FoundDiagnostics, Problem> {
        if let Some(found) = self.diagnostics.get() {
            return Ok(found);
        }
        let Some(_waiting) = Waiting::begin(&self.examining) else {
            let (kind, status) = (ProblemKind::Busy, StatusCode::SERVICE_UNAVAILABLE);
            let detail =
                "the documents are being examined for many requests already; try again later";
            return Err(Problem {
                retry_after: Some(SECONDS_BEFORE_RETRY),
                ..Problem::new(kind, status, detail)
            });
        };
        Ok(self
            .diagnostics
            .get_or_init(|| FoundDiagnostics::of(&self.sandbox, self.directory())))
    }
}
