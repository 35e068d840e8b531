//! What was before a request, as far as the answer depends on it: the scenario, and how often something was done.
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

/// Does something with the world of the session, while nobody else does.
pub type Within<'s> = &'s dyn Fn(&mut dyn FnMut(&mut SessionState));

/// What was before.
#[derive(Default)]
pub struct SessionView<'s> {
    /// The scenario that is on.
    pub scenario: Option<String>,
    /// The time since the sandbox began.
    pub now: Duration,
    /// The way to the world of the session; none if nothing depends on it.
    pub within: Option<Within<'s>>,
}

impl fmt::Debug for SessionView<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = (&self.scenario, self.now, self.within.is_some());
        formatter.debug_tuple("SessionView").field(&fields).finish()
    }
}

impl SessionView<'_> {
    /// How often something was done before; now it is once more.
    #[must_use]
    pub fn turn(&self, name: &str) -> u64 {
        let mut before = 0;
        if let Some(within) = self.within {
            within(&mut |session_state| before = session_state.turn(name));
        }
        before
    }

    /// Returns how long an answer of an operation waits: as the client asks, else as usual. What a client asks for is
    /// cut to the longest time that clients may ask for, which then comes beside.
    pub fn wait(
        &self,
        asked: Option<Delay>,
        usual: Option<Delay>,
        settings: &Settings,
        operation: &Operation,
        seed: u64,
    ) -> (Duration, Option<Duration>) {
        let delay = self.delay(asked.or(usual), operation, seed);
        match settings.longest_delay.filter(|longest| asked.is_some() && delay > *longest) {
            Some(longest) => (longest, Some(longest)),
            None => (delay, None),
        }
    }

    /// How long an answer of an operation waits. What is drawn is the same for the same seed and turn.
    pub fn delay(&self, wanted: Option<Delay>, operation: &Operation, seed: u64) -> Duration {
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

    /// How often something was done in the current window of time, this one counted, and how long the window goes on.
    #[must_use]
    pub fn window(&self, name: &str, per: Duration) -> (u64, Duration) {
        let mut found = (0, per);
        if let Some(within) = self.within {
            within(&mut |session_state| found = session_state.window(name, self.now, per));
        }
        found
    }
}

/// Two numbers from 0 to 1, the same for the same seed, name and turn.
#[must_use]
pub fn draw(seed: u64, name: &str, turn: u64) -> (f64, f64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ fingerprint(name) ^ turn.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (random.random_range(0.0..1.0), random.random_range(0.0..1.0))
}
