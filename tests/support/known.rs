//! Known failures of suites over outside data, listed one by one in `tests/known`.
//!
//! A failure that is not in the list fails the test, and so does an entry that no longer fails.
//! `UPDATE_KNOWN=1` writes the list; review is the diff.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Failures by kind; each is a line that names what fails.
pub(crate) type Failures = BTreeMap<&'static str, BTreeSet<String>>;

/// Compares failures with the list of a suite, in which a line `# KIND` begins each kind.
pub(crate) fn compare(suite: &str, failures: &Failures) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/known")
        .join(format!("{suite}.txt"));
    if std::env::var_os("UPDATE_KNOWN").is_some() {
        fs::write(&path, written(failures)).expect("the list can be written");
        return;
    }
    let text = fs::read_to_string(&path).expect("the list can be read");
    let mut kind = "";
    let known = text.lines().filter(|line| !line.is_empty());
    let known: BTreeSet<String> = known
        .filter_map(|line| match line.strip_prefix("# ") {
            Some(next) => {
                kind = next;
                None
            }
            None => Some(format!("{kind}: {line}")),
        })
        .collect();
    let found = failures
        .iter()
        .flat_map(|(kind, lines)| lines.iter().map(move |line| format!("{kind}: {line}")));
    let found: BTreeSet<String> = found.collect();
    let lines = |set: BTreeSet<&String>| set.into_iter().cloned().collect::<Vec<_>>().join("\n");
    let new = lines(found.difference(&known).collect());
    let gone = lines(known.difference(&found).collect());
    assert!(
        new.is_empty() && gone.is_empty(),
        "not in {}:\n{new}\nin it, but not found:\n{gone}",
        path.display()
    );
}

fn written(failures: &Failures) -> String {
    let sections = failures.iter().map(|(kind, lines)| {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        format!("# {kind}\n{}\n", lines.join("\n"))
    });
    sections.collect::<Vec<_>>().join("\n")
}
