//! Counts of the answers to wrong requests, and the answers that fail.

use crate::known::Failures;

#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) answers: usize,
    pub(crate) undocumented: usize,
    pub(crate) invalid: usize,
    /// Answers whose body has a place for words about a field.
    pub(crate) with_place: usize,
    pub(crate) named: usize,
    /// Answers of families whose sentences name no field.
    pub(crate) of_nameless: usize,
    pub(crate) wrong_name: usize,
    pub(crate) unstable: usize,
    /// What fails, by kind.
    pub(crate) failures: Failures,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.answers += other.answers;
        self.undocumented += other.undocumented;
        self.invalid += other.invalid;
        self.with_place += other.with_place;
        self.named += other.named;
        self.of_nameless += other.of_nameless;
        self.wrong_name += other.wrong_name;
        self.unstable += other.unstable;
        for (kind, lines) in &other.failures {
            self.failures
                .entry(kind)
                .or_default()
                .extend(lines.iter().cloned());
        }
    }

    pub(crate) fn line(&self) -> String {
        format!(
            "{} answers, {} undocumented, {} invalid, {} of {} name the field ({} in words that name none), {} name another, {} unstable",
            self.answers,
            self.undocumented,
            self.invalid,
            self.named,
            self.with_place,
            self.of_nameless,
            self.wrong_name,
            self.unstable
        )
    }
}
