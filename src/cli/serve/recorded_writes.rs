//! Recorded answers that would be given instead of remembering what a request writes.
use std::collections::BTreeSet;

use crate::diagnostic::{count, escape};
use crate::document::fixture_folder::is_in_recorded;
use crate::sandbox::Sandbox;

/// Maximum number of operations that the warning names.
const MOST_NAMED: usize = 5;

/// Returns a warning if recorded fixtures answer operations that write a resource: a fixture answers before the
/// state, so that nothing is stored.
pub(super) fn warning(sandbox: &Sandbox) -> Option<String> {
    let contract = sandbox.contract();
    let mut names: Vec<&str> = Vec::new();
    let mut files: BTreeSet<&str> = BTreeSet::new();
    let mut fixtures = 0;
    for (index, operation) in contract.operations.iter().enumerate() {
        let recorded = operation.fixtures.iter().filter(|fixture| {
            let is_success = fixture.status.is_none_or(|status| status.is_success());
            is_success && !fixture.only_adds() && is_in_recorded(fixture.place.source().name())
        });
        let recorded: Vec<&str> = recorded
            .map(|fixture| fixture.place.source().name())
            .collect();
        let writes = || {
            let role = sandbox.resources().role(contract, index);
            role.is_some_and(|role| role.act.writes())
        };
        // Roles are inferred only where they are needed.
        if recorded.is_empty() || !writes() {
            continue;
        }
        fixtures += recorded.len();
        names.push(operation.name());
        files.extend(recorded);
    }
    if names.is_empty() {
        return None;
    }
    let more = names.len().saturating_sub(MOST_NAMED);
    let mut named: Vec<String> = names
        .into_iter()
        .take(MOST_NAMED)
        .map(|name| format!("`{name}`"))
        .collect();
    if more > 0 {
        named.push(format!("{more} more"));
    }
    let files: Vec<String> = files
        .into_iter()
        .map(|file| format!("`{}`", escape::one_line(file)))
        .collect();
    let verb = if fixtures == 1 { "answers" } else { "answer" };
    Some(format!(
        "warning: {} {verb} {} before the state, so that what these requests write is not stored\n  \
         = help: delete the entries of these operations in {}, or leave `--state on` out",
        count(fixtures, "recorded fixture"),
        named.join(", "),
        files.join(", "),
    ))
}
