//! The worlds of all sessions: each there from its first use on, and only so many of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::memory::World;

/// How many sessions there are, and how large they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How many are kept; the one that was not used for longest goes (`--max-sessions`).
    pub sessions: usize,
    /// How many bytes all of them take together, about (`--session-memory`).
    pub bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { sessions: 16_384, bytes: 512 * 1024 * 1024 }
    }
}

/// The worlds of all sessions. The one without a name stays.
#[derive(Debug, Default)]
pub struct Memory {
    bounds: Bounds,
    /// The world of the session without a name, which most requests are in.
    unnamed: Mutex<World>,
    all: Mutex<All>,
}

#[derive(Debug, Default)]
struct All {
    worlds: HashMap<String, Kept>,
    /// The bytes of all of them, about.
    total: usize,
    /// Counts uses.
    clock: u64,
}

impl All {
    fn remove(&mut self, session: &str) {
        let freed = self.worlds.remove(session).map_or(0, |kept| kept.size);
        self.total = self.total.saturating_sub(freed);
    }
}

/// A world, and what is known of it without looking into it.
#[derive(Debug, Default)]
struct Kept {
    world: Arc<Mutex<World>>,
    size: usize,
    used: u64,
}

/// What is there is whole even if somebody panicked beside it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    /// Nothing yet.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, unnamed: Mutex::new(Self::world(bounds)), all: Mutex::default() }
    }

    fn world(bounds: Bounds) -> World {
        World::limited(bounds.bytes)
    }

    /// Does something with the world of a session, which is there from its first use on; nobody else does
    /// meanwhile. The sessions that had to go for it come beside.
    pub fn with<R>(&self, session: &str, run: impl FnOnce(&mut World) -> R) -> (R, Vec<String>) {
        if session.is_empty() {
            return (run(&mut locked(&self.unnamed)), Vec::new());
        }
        let (world, known) = {
            let mut all = locked(&self.all);
            all.clock += 1;
            let now = all.clock;
            if let Some(kept) = all.worlds.get_mut(session) {
                kept.used = now;
                (Arc::clone(&kept.world), Some(kept.size))
            } else {
                let kept = Kept { world: Arc::new(Mutex::new(Self::world(self.bounds))), used: now, size: 0 };
                (Arc::clone(&all.worlds.entry(session.to_owned()).or_insert(kept).world), None)
            }
        };
        let (made, size) = {
            let mut world = locked(&world);
            (run(&mut world), world.size())
        };
        let gone = if known == Some(size) { Vec::new() } else { self.account(session, size) };
        (made, gone)
    }

    /// Looks at the world of a session, if it is there.
    pub fn look<R>(&self, session: &str, look: impl FnOnce(&World) -> R) -> Option<R> {
        if session.is_empty() {
            return Some(look(&locked(&self.unnamed)));
        }
        let world = locked(&self.all).worlds.get(session).map(|kept| Arc::clone(&kept.world))?;
        let world = locked(&world);
        Some(look(&world))
    }

    /// Notes how large a session is, and lets others go if there are too many, or too large ones.
    fn account(&self, session: &str, size: usize) -> Vec<String> {
        let mut all = locked(&self.all);
        // It may have been forgotten meanwhile.
        let Some(kept) = all.worlds.get_mut(session) else { return Vec::new() };
        let before = std::mem::replace(&mut kept.size, size);
        all.total = (all.total + size).saturating_sub(before);
        let mut gone = Vec::new();
        while all.worlds.len() > self.bounds.sessions.max(1) || all.total > self.bounds.bytes {
            let others = all.worlds.iter().filter(|(name, _)| *name != session);
            let Some(oldest) = others.min_by_key(|(_, kept)| kept.used).map(|(name, _)| name.clone()) else { break };
            all.remove(&oldest);
            gone.push(oldest);
        }
        gone
    }

    /// Forgets a session, or all of them.
    pub fn reset(&self, session: Option<&str>) {
        if session.is_none_or(str::is_empty) {
            locked(&self.unnamed).empty();
        }
        match session {
            Some(session) => locked(&self.all).remove(session),
            None => *locked(&self.all) = All::default(),
        }
    }

    /// The names of the sessions in their order, and the bytes that each takes, about; the first has none.
    #[must_use]
    pub fn sessions(&self) -> Vec<(String, usize)> {
        let unnamed = (String::new(), locked(&self.unnamed).size());
        let mut sessions: Vec<(String, usize)> =
            locked(&self.all).worlds.iter().map(|(name, kept)| (name.clone(), kept.size)).collect();
        sessions.sort_unstable();
        sessions.insert(0, unnamed);
        sessions
    }
}
