//! Fixtures that a client adds to its session while the server runs.
//!
//! `server::control` reads and adds them; `Sandbox` passes those of the session to `exchange`, which
//! tries them before the fixtures of files.
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::contract::fixture::Fixture;
use crate::state::size;

/// Maximum number of added fixtures of one session.
pub(crate) const MOST_POSTED: usize = 1000;

/// A fixture that a client added.
#[derive(Debug)]
pub(crate) struct PostedFixture {
    /// Number of the fixture, unique in the process: the last segment of its path.
    pub id: u64,
    /// Operations that it applies to, as in fixture files: `createOrder`, `GET /pets/*`.
    pub key: String,
    /// Entry as the client wrote it.
    pub written: Value,
    /// Entry as it was read.
    pub fixture: Fixture,
    /// Operations of the contract that used it last.
    pub resolved: Mutex<Option<ResolvedKey>>,
}

/// Operations that a key names in one contract.
#[derive(Debug, Clone)]
pub(crate) struct ResolvedKey {
    /// Number of the contract, which each reload increases.
    generation: u64,
    operations: Arc<[usize]>,
}

impl PostedFixture {
    /// Returns the indexes of its operations in a contract; `find` finds them once for each.
    pub(crate) fn operations(
        &self,
        generation: u64,
        find: impl FnOnce() -> Vec<usize>,
    ) -> Arc<[usize]> {
        // Lock poisoning is safe: the value is replaced as a whole.
        let mut resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = resolved
            .as_ref()
            .filter(|known| known.generation == generation)
        {
            return Arc::clone(&known.operations);
        }
        let operations: Arc<[usize]> = find().into();
        *resolved = Some(ResolvedKey {
            generation,
            operations: Arc::clone(&operations),
        });
        operations
    }

    /// Returns the fixture as JSON: `{"id": 1, "operation": "createOrder", "fixture": {…}}`. `applied`
    /// is the number of calls that one with `times` applied to, if there were any.
    pub(crate) fn to_json(&self, applied: u64) -> Value {
        let mut shown = json!({"id": self.id, "operation": self.key, "fixture": self.written});
        if applied > 0 {
            shown["applied"] = json!(applied);
        }
        shown
    }

    /// Returns the name under which a session counts the calls that the fixture applied to.
    pub(crate) fn count_name(&self) -> String {
        format!("times {}", self.fixture.place.name())
    }

    /// Returns its memory in bytes, about: the entry as it was written and as it was read.
    fn size(&self) -> usize {
        size_of::<Self>() + 2 * size::of(&self.written) + size::block(self.key.len())
    }
}

/// A fixture of a session, and the operations of the contract that it applies to.
#[derive(Debug, Clone)]
pub(crate) struct ApplicableFixture {
    pub posted: Arc<PostedFixture>,
    /// Indexes of the operations.
    pub operations: Arc<[usize]>,
}

/// Fixtures of one session, the latest first. A copy shares them.
#[derive(Debug, Clone, Default)]
pub(crate) struct PostedFixtures {
    all: Vec<Arc<PostedFixture>>,
    /// Memory of the fixtures, in bytes.
    size: usize,
}

impl PostedFixtures {
    /// Returns the fixtures, the latest first.
    pub(crate) fn all(&self) -> &[Arc<PostedFixture>] {
        &self.all
    }

    /// Returns the memory of the fixtures, in bytes.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Returns the memory that more fixtures would take, in bytes.
    pub(super) fn size_of_more(more: &[Arc<PostedFixture>]) -> usize {
        more.iter().map(|fixture| fixture.size()).sum()
    }

    /// Adds fixtures, which apply before those that were added earlier; among themselves they keep
    /// their order.
    pub(super) fn add(&mut self, more: Vec<Arc<PostedFixture>>) {
        self.size += Self::size_of_more(&more);
        self.all.splice(0..0, more);
    }

    /// Removes one fixture, or all without an id; returns the removed fixtures.
    pub(super) fn remove(&mut self, id: Option<u64>) -> Vec<Arc<PostedFixture>> {
        let is_meant = |fixture: &Arc<PostedFixture>| id.is_none_or(|id| id == fixture.id);
        let (removed, kept) = std::mem::take(&mut self.all)
            .into_iter()
            .partition(is_meant);
        self.all = kept;
        self.size = Self::size_of_more(&self.all);
        removed
    }
}
