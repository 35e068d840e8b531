//! Collects the faults of a request, gravest first.
//!
//! Runs between reading and planning; the gravest fault becomes the documented error.
use crate::errors::Fault;
use crate::errors::problem::ProblemForm;
use crate::exchange::read::ReadRequest;
use crate::exchange::settings::{Settings, Validation};
use crate::validate::{self, OtherNames, credentials};

/// Returns the faults of a request, gravest first: credentials, then content, then violations. If
/// validation is strict, a fault of credentials or content ends the check (not with `--prism`).
pub(crate) fn judge(read: &ReadRequest<'_, '_>, settings: &Settings) -> Vec<Fault> {
    let ReadRequest {
        operation,
        inputs,
        received,
        ..
    } = read;
    let mut faults = Vec::new();
    faults.extend(
        credentials::check(operation, inputs)
            .err()
            .map(Fault::Credentials),
    );
    faults.extend(received.content_fault().cloned().map(Fault::Content));
    // Prism lists the other violations too.
    let is_enough =
        settings.validation == Validation::Strict && settings.problems == ProblemForm::Own;
    if is_enough && !faults.is_empty() {
        return faults;
    }
    let others = match settings.other_names {
        OtherNames::Accepted => Vec::new(),
        OtherNames::Refused => validate::other_names(operation, inputs),
    };
    let mut violations = validate::violations(operation, received, settings.absent_body);
    violations.extend(others);
    if !violations.is_empty() {
        faults.push(Fault::Violations(violations));
    }
    faults
}
