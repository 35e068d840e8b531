//! What was before a request, as far as the answer depends on it: the scenario, and how often something was done.

use core::time::Duration;
use std::cell::RefCell;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::generate::fingerprint;
use crate::contract::Operation;
use crate::contract::sending::Delay;
use crate::state::memory::World;

/// What was before.
#[derive(Debug, Default)]
pub struct Situation<'s> {
    /// The scenario that is on.
    pub scenario: Option<String>,
    /// The time since the sandbox began.
    pub now: Duration,
    /// The world of the session; none if nothing depends on it.
    pub world: Option<RefCell<&'s mut World>>,
}

impl Situation<'_> {
    /// How often something was done before; now it is once more.
    pub fn turn(&self, name: &str) -> u64 {
        let Some(world) = &self.world else { return 0 };
        world.borrow_mut().turn(name)
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
    pub fn window(&self, name: &str, per: Duration) -> (u64, Duration) {
        let Some(world) = &self.world else { return (0, per) };
        let mut world = world.borrow_mut();
        let (began, count) = world.windows.entry(name.to_owned()).or_insert((self.now, 0));
        if self.now.saturating_sub(*began) >= per {
            (*began, *count) = (self.now, 0);
        }
        *count += 1;
        (*count, per.saturating_sub(self.now.saturating_sub(*began)))
    }
}

/// Two numbers from 0 to 1, the same for the same seed, name and turn.
#[must_use]
pub fn draw(seed: u64, name: &str, turn: u64) -> (f64, f64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ fingerprint(name) ^ turn.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (random.random_range(0.0..1.0), random.random_range(0.0..1.0))
}
