//! Cache of the initial entities of collections: built at the first request that needs them, and
//! again after they were unused for a while.
//!
//! `resource` reads them through this cache.
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::state::memory::{CollectionKey, Entities};
use crate::state::size;

/// Maximum memory of the recently used entries, in bytes. Beyond it they become the earlier
/// entries, and the former earlier entries are dropped: at most twice as much is kept, and
/// frequently used entries stay.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Initial entities by collection, scope and seed.
#[derive(Debug, Default)]
pub(crate) struct Bases {
    kept: RwLock<CachedBase>,
}

#[derive(Debug, Default)]
struct CachedBase {
    lately: HashMap<(CollectionKey, u64), Arc<Entities>>,
    before: HashMap<(CollectionKey, u64), Arc<Entities>>,
    /// Memory of the recently used entries, in bytes.
    size: usize,
}

impl CachedBase {
    fn keep(&mut self, key: (CollectionKey, u64), entities: &Arc<Entities>) {
        let names = key.0.collection.len() + key.0.scope.len();
        self.size += size::entry(names, size_of::<CollectionKey>())
            + size_of::<Entities>()
            + entities.size();
        self.lately.insert(key, Arc::clone(entities));
        if self.size > MOST_BYTES {
            self.before = std::mem::take(&mut self.lately);
            self.size = 0;
        }
    }
}

impl Bases {
    /// Returns the initial entities of a collection for a seed; builds them with `make` if they are
    /// not cached.
    pub(crate) fn get(
        &self,
        collection_key: &CollectionKey,
        seed: u64,
        make: impl FnOnce() -> Entities,
    ) -> Arc<Entities> {
        let key = (collection_key.clone(), seed);
        // Lock poisoning is safe: entries are inserted whole.
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.lately.get(&key) {
            return Arc::clone(known);
        }
        let before = kept.before.get(&key).cloned();
        drop(kept);
        let made = before.unwrap_or_else(|| Arc::new(make()));
        self.kept
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .keep(key, &made);
        made
    }
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_asked_for_often_stays_and_the_rest_is_bounded() {
        let bases = Bases::default();
        let collection_key = |scope: usize| CollectionKey {
            collection: "/users/{}/order".to_owned(),
            scope: scope.to_string(),
        };
        let entity = Arc::new(json!("x".repeat(10_000)));
        let made = || Entities::seeded(IndexMap::from([("1".to_owned(), Arc::clone(&entity))]));
        let first = bases.get(&collection_key(0), 7, made);
        for scope in 1..10_000 {
            bases.get(&collection_key(scope), 7, made);
            let again = bases.get(&collection_key(0), 7, || panic!("it is kept"));
            assert!(Arc::ptr_eq(&first, &again));
        }
        let kept = bases.kept.read().expect("nobody panicked");
        let count = kept.lately.len() + kept.before.len();
        assert!(count * 10_000 <= 2 * MOST_BYTES, "{count} are kept");
    }
}
