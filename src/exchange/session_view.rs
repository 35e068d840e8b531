//! History of a session that an answer depends on: the active scenario, and counts of earlier
//! events.
//!
//! `Sandbox` creates it for each request and passes it to `exchange::plan`.
use core::fmt;
use core::time::Duration;

use rand::RngExt as _;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use crate::contract::Operation;
use crate::contract::simulation::Delay;
use crate::exchange::settings::Settings;
use crate::generate::fingerprint;
use crate::state::session::SessionState;

/// Function that runs a closure on the session's state, with exclusive access.
pub(crate) type Within<'s> = &'s dyn Fn(&mut dyn FnMut(&mut SessionState));

/// History of a session, as an exchange sees it.
#[derive(Default)]
pub(crate) struct SessionView<'s> {
    /// Active scenario.
    pub scenario: Option<String>,
    /// Time since the sandbox began.
    pub now: Duration,
    /// Access to the session's state; `None` if no answer depends on it.
    pub within: Option<Within<'s>>,
}

impl fmt::Debug for SessionView<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = (&self.scenario, self.now, self.within.is_some());
        formatter.debug_tuple("SessionView").field(&fields).finish()
    }
}

impl SessionView<'_> {
    /// Counts an event, and returns the number of earlier ones.
    #[must_use]
    pub(crate) fn turn(&self, name: &str) -> u64 {
        let mut before = 0;
        if let Some(within) = self.within {
            within(&mut |session_state| before = session_state.turn(name));
        }
        before
    }

    /// Counts an event if there were fewer than `most` before it; returns false if not.
    #[must_use]
    pub(crate) fn counts_below(&self, name: &str, most: u64) -> bool {
        let mut is_below = true;
        if let Some(within) = self.within {
            within(&mut |session_state| is_below = session_state.counts_below(name, most));
        }
        is_below
    }

    /// Returns the delay of an answer: the one that the client requests, else the usual one. A
    /// client's delay is cut to the longest that clients may request; that maximum is then
    /// returned too.
    pub(crate) fn wait(
        &self,
        asked: Option<Delay>,
        usual: Option<Delay>,
        settings: &Settings,
        operation: &Operation,
        seed: u64,
    ) -> (Duration, Option<Duration>) {
        let delay = self.delay(asked.or(usual), operation, seed);
        match settings
            .longest_delay
            .filter(|longest| asked.is_some() && delay > *longest)
        {
            Some(longest) => (longest, Some(longest)),
            None => (delay, None),
        }
    }

    /// Returns the delay of an answer of an operation. Random delays are equal for equal seeds and
    /// turns.
    pub(crate) fn delay(
        &self,
        wanted: Option<Delay>,
        operation: &Operation,
        seed: u64,
    ) -> Duration {
        match wanted {
            None => Duration::ZERO,
            Some(Delay::Fixed(time)) => time,
            Some(delay) => {
                let name = format!("delay {}", operation.name());
                let (first, second) = draw(seed, &name, self.turn(&name));
                delay.draw(first, second)
            }
        }
    }

    /// Counts an event in the current time window; returns the number of events in the window,
    /// this one included, and the time until the window ends.
    #[must_use]
    pub(crate) fn window(&self, name: &str, per: Duration) -> (u64, Duration) {
        let mut found = (0, per);
        if let Some(within) = self.within {
            within(&mut |session_state| found = session_state.window(name, self.now, per));
        }
        found
    }
}

/// Draws two numbers from 0 (inclusive) to 1 (exclusive), equal for equal seed, name and turn.
#[must_use]
pub(crate) fn draw(seed: u64, name: &str, turn: u64) -> (f64, f64) {
    let mut random = ChaCha8Rng::seed_from_u64(
        seed ^ fingerprint(name) ^ turn.wrapping_mul(0x9e37_79b9_7f4a_7c15),
    );
    (random.random_range(0.0..1.0), random.random_range(0.0..1.0))
}
