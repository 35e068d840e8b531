//! The steps that everything which is matched together may take: all patterns of one request body, say.
//!
//! Validators ask for one text at a time and cannot pass a budget on, so it is kept with the thread.
use std::cell::Cell;

/// The most steps that patterns may take for what is judged together. Beyond, nothing matches any more, and
/// what is judged is told to be too costly to be matched.
pub const MOST_STEPS: u64 = 10_000_000;

thread_local! {
    /// The steps that are left; none outside of [`within`].
    static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Ends what [`within`] began, in a panic too.
struct Ended;

impl Drop for Ended {
    fn drop(&mut self) {
        LEFT.set(None);
    }
}

/// Does some work whose patterns share one budget, with that of the work around it if there is one; tells
/// whether the budget was used up.
pub fn within<T>(work: impl FnOnce() -> T) -> (T, bool) {
    if LEFT.get().is_some() {
        let done = work();
        return (done, LEFT.get() == Some(0));
    }
    let _ended = Ended;
    LEFT.set(Some(MOST_STEPS));
    let done = work();
    (done, LEFT.get() == Some(0))
}

/// Takes steps from what is left; says whether there were enough.
pub fn spend(steps: u64) -> bool {
    // Each match is inside of a budget, see `Pattern::is_match`.
    let Some(left) = LEFT.get() else { return false };
    let rest = left.saturating_sub(steps);
    LEFT.set(Some(rest));
    rest > 0
}

/// Takes all steps that are left.
pub fn use_up() {
    LEFT.set(Some(0));
}

/// The steps that are left.
#[cfg(test)]
pub fn left() -> u64 {
    LEFT.get().unwrap_or(0)
}
