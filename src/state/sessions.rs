//! State of all sessions: each begins at its first use, and their number and memory are limited.
//!
//! The sandbox runs the steps of each request on it, see [`Memory::with`].
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use crate::state::journal::Ended;
use crate::state::rings::Rings;
use crate::state::session::SessionState;

/// Limits on the number and the memory of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Maximum number of named sessions; beyond it the least recently used one is dropped
    /// (`--max-sessions`).
    pub sessions: usize,
    /// Maximum memory of all sessions in bytes, with their journals and snapshots
    /// (`--session-memory`). Beyond it the oldest exchanges of a session are dropped first, then
    /// the least recently used session; what still does not fit is refused.
    pub bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            sessions: 16_384,
            bytes: 512 * 1024 * 1024,
        }
    }
}

/// State of all sessions. The unnamed session is never dropped.
#[derive(Debug, Default)]
pub struct Memory {
    bounds: Bounds,
    /// State of the unnamed session, which most requests use.
    unnamed: Mutex<SessionState>,
    /// Memory of the unnamed session without its exchanges, in bytes.
    unnamed_size: AtomicUsize,
    /// Exchanges of the unnamed session.
    rings: Rings,
    all: Mutex<All>,
    /// Memory of all named sessions, in bytes.
    named_size: AtomicUsize,
}

#[derive(Debug)]
struct All {
    /// Sessions by name, in the order of their last use.
    session_states: LruCache<String, KeptSession>,
    /// Memory of all named sessions, in bytes.
    total: usize,
}

impl Default for All {
    fn default() -> Self {
        Self {
            session_states: LruCache::unbounded(),
            total: 0,
        }
    }
}

impl All {
    fn remove(&mut self, session: &str) {
        let freed = self.session_states.pop(session).map_or(0, |kept| kept.size);
        self.total = self.total.saturating_sub(freed);
    }
}

/// State of a named session, with its memory, which can be read without locking the state.
#[derive(Debug, Default)]
struct KeptSession {
    session_state: Arc<Mutex<SessionState>>,
    size: usize,
}

/// Locks a mutex. Lock poisoning is safe: changes are made whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    /// Returns the memory of a sandbox without any named session.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            unnamed: Mutex::new(SessionState::limited(bounds.bytes)),
            ..Self::default()
        }
    }

    /// Runs `run` on the state of a session, which begins at its first use and is locked meanwhile.
    /// Also returns the names of the sessions that were dropped to make room.
    pub fn with<R>(
        &self,
        session: &str,
        run: impl FnOnce(&mut SessionState) -> R,
    ) -> (R, Vec<String>) {
        if session.is_empty() {
            let (made, size) = {
                let mut session_state = locked(&self.unnamed);
                (run(&mut session_state), session_state.size())
            };
            let before = self.unnamed_size.swap(size, Ordering::Relaxed);
            return (
                made,
                if before < size {
                    self.settle("")
                } else {
                    Vec::new()
                },
            );
        }
        let (session_state, known) = {
            let mut all = locked(&self.all);
            let known = all.session_states.get(session).map(|kept| kept.size);
            let kept = all
                .session_states
                .get_or_insert_mut_ref(session, KeptSession::default);
            (Arc::clone(&kept.session_state), known)
        };
        let (made, size) = {
            let mut session_state = locked(&session_state);
            session_state.limit(self.bounds.bytes.saturating_sub(self.unnamed_total()));
            let made = run(&mut session_state);
            session_state.fit();
            (made, session_state.size())
        };
        let gone = if known == Some(size) {
            Vec::new()
        } else {
            self.account(session, size)
        };
        (made, gone)
    }

    /// Runs `look` on the state of a session; returns `None` if there is no such session.
    pub fn look<R>(&self, session: &str, look: impl FnOnce(&SessionState) -> R) -> Option<R> {
        if session.is_empty() {
            return Some(look(&locked(&self.unnamed)));
        }
        let session_state = locked(&self.all)
            .session_states
            .peek(session)
            .map(|kept| Arc::clone(&kept.session_state))?;
        let session_state = locked(&session_state);
        Some(look(&session_state))
    }

    /// Adds an exchange to the journal of a session, and drops the oldest ones beyond `most`.
    /// Returns the names of the sessions that were dropped, see [`Memory::with`].
    pub fn note(&self, session: &str, ended: Ended<'_>, most: usize) -> Vec<String> {
        let bytes = self.journal_bytes();
        if !session.is_empty() {
            return self
                .with(session, |session_state| {
                    session_state.journal.add(ended, most, bytes);
                })
                .1;
        }
        self.rings.add(ended, most, bytes);
        self.settle("")
    }

    /// Returns the exchanges of the unnamed session.
    #[must_use]
    pub fn rings(&self) -> &Rings {
        &self.rings
    }

    /// Returns the maximum memory of the exchanges of one session, in bytes.
    fn journal_bytes(&self) -> usize {
        /// Upper limit, whatever `--session-memory` allows.
        const MOST: usize = 16 * 1024 * 1024;
        /// Divisor of the session memory: exchanges may take a quarter, the rest is left for state.
        const PART: usize = 4;
        (self.bounds.bytes / PART).min(MOST)
    }

    /// Returns the memory of the unnamed session with its exchanges, in bytes.
    fn unnamed_total(&self) -> usize {
        self.unnamed_size.load(Ordering::Relaxed) + self.rings.size()
    }

    /// Records the memory of a session. Drops other sessions if there are too many or they are too
    /// large, and returns their names.
    fn account(&self, session: &str, size: usize) -> Vec<String> {
        {
            let mut all = locked(&self.all);
            // The session may have been dropped meanwhile.
            let Some(kept) = all.session_states.peek_mut(session) else {
                return Vec::new();
            };
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

    /// Drops the oldest exchanges of the unnamed session, then the least recently used sessions
    /// except `session`, until the limits are met. Returns the names of the dropped sessions.
    fn settle(&self, session: &str) -> Vec<String> {
        if session.is_empty() && self.is_enough() {
            return Vec::new();
        }
        self.rings.fit(
            self.bounds
                .bytes
                .saturating_sub(self.unnamed_size.load(Ordering::Relaxed)),
        );
        let mut all = locked(&self.all);
        let mut gone = Vec::new();
        while all.session_states.len() > self.bounds.sessions.max(1) || !self.is_enough() {
            let mut oldest_first = all.session_states.iter().rev().map(|(name, _)| name);
            let Some(oldest) = oldest_first.find(|name| *name != session).cloned() else {
                break;
            };
            all.remove(&oldest);
            self.named_size.store(all.total, Ordering::Relaxed);
            gone.push(oldest);
        }
        gone
    }

    /// Clears a session, or all of them.
    pub fn reset(&self, session: Option<&str>) {
        if session.is_none_or(str::is_empty) {
            let mut session_state = locked(&self.unnamed);
            session_state.empty();
            self.unnamed_size
                .store(session_state.size(), Ordering::Relaxed);
            self.rings.clear();
        }
        let mut all = locked(&self.all);
        match session {
            Some(session) => all.remove(session),
            None => *all = All::default(),
        }
        self.named_size.store(all.total, Ordering::Relaxed);
    }

    /// Returns the names of the sessions, sorted, and the memory of each in bytes. The first is the
    /// unnamed session.
    #[must_use]
    pub fn sessions(&self) -> Vec<(String, usize)> {
        let unnamed = (
            String::new(),
            locked(&self.unnamed).size() + self.rings.size(),
        );
        let mut sessions: Vec<(String, usize)> = locked(&self.all)
            .session_states
            .iter()
            .map(|(name, kept)| (name.clone(), kept.size))
            .collect();
        sessions.sort_unstable();
        sessions.insert(0, unnamed);
        sessions
    }
}
