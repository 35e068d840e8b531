//! Violations of a request as they are recorded: within limits of number and length.

/// Maximum number of recorded violations of an exchange; further ones are dropped.
const MOST_VIOLATIONS: usize = 100;

/// Maximum length of a recorded violation, in bytes; the rest is replaced by `…`.
const LONGEST_VIOLATION: usize = 1024;

/// Returns the violations of a request within the limits of the journal.
#[must_use]
pub(crate) fn kept_violations(mut violations: Vec<String>) -> Vec<String> {
    violations.truncate(MOST_VIOLATIONS);
    for violation in &mut violations {
        if violation.len() > LONGEST_VIOLATION {
            let end = (0..=LONGEST_VIOLATION)
                .rev()
                .find(|at| violation.is_char_boundary(*at))
                .unwrap_or(0);
            *violation = format!("{}…", &violation[..end]);
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violations_are_kept_as_far_as_somebody_reads_them() {
        let long = "é".repeat(LONGEST_VIOLATION);
        let kept = kept_violations(vec![long; MOST_VIOLATIONS + 1]);
        assert_eq!(kept.len(), MOST_VIOLATIONS);
        assert_eq!(kept[0], format!("{}…", "é".repeat(LONGEST_VIOLATION / 2)));
    }
}
