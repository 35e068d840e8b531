//! The worlds of all sessions: each there from its first use on, and only so many of them.
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::state::journal::{Ended, Rings};
use crate::state::session::SessionState;

/// How many sessions there are, and how large they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How many are kept; the one that was not used for longest goes (`--max-sessions`).
    pub sessions: usize,
    /// How many bytes all of them take together, with their journals and snapshots (`--session-memory`). The oldest
    /// exchanges of a session go first, then the session that was not used for longest; what does not fit then is
    /// refused.
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
    unnamed: Mutex<SessionState>,
    /// The bytes of that world.
    unnamed_size: AtomicUsize,
    /// The exchanges of the session without a name.
    rings: Rings,
    all: Mutex<All>,
    /// The bytes of all worlds with names.
    named_size: AtomicUsize,
}

#[derive(Debug, Default)]
struct All {
    session_states: HashMap<String, KeptSession>,
    /// The bytes of all of them.
    total: usize,
    /// Counts uses.
    clock: u64,
}

impl All {
    fn remove(&mut self, session: &str) {
        let freed = self.session_states.remove(session).map_or(0, |kept| kept.size);
        self.total = self.total.saturating_sub(freed);
    }
}

/// A world, and what is known of it without looking into it.
#[derive(Debug, Default)]
struct KeptSession {
    session_state: Arc<Mutex<SessionState>>,
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
        Self { bounds, unnamed: Mutex::new(SessionState::limited(bounds.bytes)), ..Self::default() }
    }

    /// Does something with the world of a session, which is there from its first use on; nobody else does
    /// meanwhile. The sessions that had to go for it come beside.
    pub fn with<R>(&self, session: &str, run: impl FnOnce(&mut SessionState) -> R) -> (R, Vec<String>) {
        if session.is_empty() {
            let (made, size) = {
                let mut session_state = locked(&self.unnamed);
                (run(&mut session_state), session_state.size())
            };
            let before = self.unnamed_size.swap(size, Ordering::Relaxed);
            return (made, if before < size { self.settle("") } else { Vec::new() });
        }
        let (session_state, known) = {
            let mut all = locked(&self.all);
            all.clock += 1;
            let now = all.clock;
            if let Some(kept) = all.session_states.get_mut(session) {
                kept.used = now;
                (Arc::clone(&kept.session_state), Some(kept.size))
            } else {
                let kept = KeptSession { used: now, ..KeptSession::default() };
                (Arc::clone(&all.session_states.entry(session.to_owned()).or_insert(kept).session_state), None)
            }
        };
        let (made, size) = {
            let mut session_state = locked(&session_state);
            session_state.limit(self.bounds.bytes.saturating_sub(self.unnamed_total()));
            let made = run(&mut session_state);
            session_state.fit();
            (made, session_state.size())
        };
        let gone = if known == Some(size) { Vec::new() } else { self.account(session, size) };
        (made, gone)
    }

    /// Looks at the world of a session, if it is there.
    pub fn look<R>(&self, session: &str, look: impl FnOnce(&SessionState) -> R) -> Option<R> {
        if session.is_empty() {
            return Some(look(&locked(&self.unnamed)));
        }
        let session_state =
            locked(&self.all).session_states.get(session).map(|kept| Arc::clone(&kept.session_state))?;
        let session_state = locked(&session_state);
        Some(look(&session_state))
    }

    /// Adds an exchange to the journal of a session, see [`Memory::with`]; of more than `most` the oldest go.
    pub fn note(&self, session: &str, ended: Ended<'_>, most: usize) -> Vec<String> {
        let bytes = self.journal_bytes();
        if !session.is_empty() {
            return self.with(session, |session_state| session_state.journal.add(ended, most, bytes)).1;
        }
        self.rings.add(ended, most, bytes);
        self.settle("")
    }

    /// The exchanges of the session without a name.
    #[must_use]
    pub fn rings(&self) -> &Rings {
        &self.rings
    }

    /// How many bytes the exchanges of one session take at most.
    fn journal_bytes(&self) -> usize {
        /// However much a session may take.
        const MOST: usize = 16 * 1024 * 1024;
        /// Of what a session may take, a part is left for what it remembers.
        const PART: usize = 4;
        (self.bounds.bytes / PART).min(MOST)
    }

    /// The bytes of the session without a name, with its journal.
    fn unnamed_total(&self) -> usize {
        self.unnamed_size.load(Ordering::Relaxed) + self.rings.size()
    }

    /// Notes how large a session is, and lets others go if there are too many, or too large ones.
    fn account(&self, session: &str, size: usize) -> Vec<String> {
        {
            let mut all = locked(&self.all);
            // It may have been forgotten meanwhile.
            let Some(kept) = all.session_states.get_mut(session) else { return Vec::new() };
            let before = std::mem::replace(&mut kept.size, size);
            all.total = (all.total + size).saturating_sub(before);
            self.named_size.store(all.total, Ordering::Relaxed);
            if all.session_states.len() <= self.bounds.sessions.max(1) && self.is_enough() {
                return Vec::new();
            }
        }
        self.settle(session)
    }

    fn is_enough(&self) -> bool {
        self.unnamed_total() + self.named_size.load(Ordering::Relaxed) <= self.bounds.bytes
    }

    /// Lets go what is too much: the oldest exchanges of the session without a name, then the sessions that were not
    /// used for longest, except for one.
    fn settle(&self, session: &str) -> Vec<String> {
        if session.is_empty() && self.is_enough() {
            return Vec::new();
        }
        self.rings.fit(self.bounds.bytes.saturating_sub(self.unnamed_size.load(Ordering::Relaxed)));
        let mut all = locked(&self.all);
        let mut gone = Vec::new();
        while all.session_states.len() > self.bounds.sessions.max(1) || !self.is_enough() {
            let others = all.session_states.iter().filter(|(name, _)| *name != session);
            let Some(oldest) = others.min_by_key(|(_, kept)| kept.used).map(|(name, _)| name.clone()) else { break };
            all.remove(&oldest);
            self.named_size.store(all.total, Ordering::Relaxed);
            gone.push(oldest);
        }
        gone
    }

    /// Forgets a session, or all of them.
    pub fn reset(&self, session: Option<&str>) {
        if session.is_none_or(str::is_empty) {
            let mut session_state = locked(&self.unnamed);
            session_state.empty();
            self.unnamed_size.store(session_state.size(), Ordering::Relaxed);
            self.rings.clear();
        }
        let mut all = locked(&self.all);
        match session {
            Some(session) => all.remove(session),
            None => *all = All::default(),
        }
        self.named_size.store(all.total, Ordering::Relaxed);
    }

    /// The names of the sessions in their order, and the bytes that each takes; the first has none.
    #[must_use]
    pub fn sessions(&self) -> Vec<(String, usize)> {
        let unnamed = (String::new(), locked(&self.unnamed).size() + self.rings.size());
        let mut sessions: Vec<(String, usize)> =
            locked(&self.all).session_states.iter().map(|(name, kept)| (name.clone(), kept.size)).collect();
        sessions.sort_unstable();
        sessions.insert(0, unnamed);
        sessions
    }
}
