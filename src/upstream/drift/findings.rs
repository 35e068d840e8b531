//! All findings of observations, in a stable order.
use crate::Sandbox;
use crate::upstream::drift::came::{came, undocumented_operations};
use crate::upstream::drift::finding::Finding;
use crate::upstream::drift::never::never;
use crate::upstream::drift::observations::Observations;

/// Number of exchanges from which something that never came is told, if the user gives no other.
pub(crate) const LEAST_CALLS: u64 = 10;

/// Returns all findings, the gravest first. What never came is told from `least` exchanges on.
pub(crate) fn findings(sandbox: &Sandbox, observations: &Observations, least: u64) -> Vec<Finding> {
    let contract = sandbox.contract();
    let mut all = came(contract, observations);
    all.extend(undocumented_operations(contract, observations));
    all.extend(never(sandbox, observations, least));
    all.sort_by(|a, b| {
        let order = |finding: &Finding| (finding.severity, finding.kind);
        let cause =
            |finding: &Finding| (finding.places.first().cloned(), finding.fingerprint.clone());
        order(a)
            .cmp(&order(b))
            .then_with(|| cause(a).cmp(&cause(b)))
    });
    // The positions in large texts take more memory than the documents.
    sandbox.rest();
    all
}
