//! Limits the steps of everything that is matched together, such as all patterns of one request
//! body.
//!
//! Validators match one text at a time and cannot pass a budget on, so it is kept with the thread.
use std::cell::Cell;

/// Maximum number of steps of all patterns that are matched together. Beyond it nothing matches
/// any more, and the instance is reported as too costly to match.
pub(crate) const MOST_STEPS: u64 = 10_000_000;

thread_local! {
    /// Steps that are left; none outside of [`within`].
    static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Guard that ends the budget of [`within`], even on a panic.
struct BudgetGuard;

impl Drop for BudgetGuard {
    fn drop(&mut self) {
        LEFT.set(None);
    }
}

/// Runs some work whose patterns share one budget, or the budget of the enclosing work if there is
/// one. Returns the result, and true if the budget was used up.
pub(crate) fn within<T>(work: impl FnOnce() -> T) -> (T, bool) {
    if LEFT.get().is_some() {
        let done = work();
        return (done, LEFT.get() == Some(0));
    }
    let _ended = BudgetGuard;
    LEFT.set(Some(MOST_STEPS));
    let done = work();
    (done, LEFT.get() == Some(0))
}

/// Takes steps from the budget; returns true if any are left.
pub(crate) fn spend(steps: u64) -> bool {
    // Each match is inside of [`within`], see `Pattern::is_match`.
    let Some(left) = LEFT.get() else { return false };
    let rest = left.saturating_sub(steps);
    LEFT.set(Some(rest));
    rest > 0
}

/// Takes all steps that are left.
pub(crate) fn use_up() {
    LEFT.set(Some(0));
}

/// Returns the steps that are left.
#[cfg(test)]
pub(crate) fn left() -> u64 {
    LEFT.get().unwrap_or(0)
}
