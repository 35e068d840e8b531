//! Entities that get another key: `new_name` of a label whose key is its name.
//!
//! A renamed entity keeps its place in lists, its home, and what belongs to it. Its old key is unknown from then on.
use std::sync::Arc;

use serde_json::Value;

use crate::state::memory::{Change, Entities, EntityFactory, Reply, size_of_entity};

/// Another key for an entity, as the scopes and homes of other entities have it.
#[derive(Debug, Clone)]
pub(in crate::state) struct Rescope {
    /// Beginning of the names of collections that belong to the entity: `/labels/{`.
    pub collections: String,
    /// Scope of these collections before: `7/old`.
    pub from: String,
    /// Scope of these collections after.
    pub to: String,
}

impl Rescope {
    /// Returns the changed scope of a collection; `None` if it does not belong to the entity.
    pub(in crate::state) fn scope(&self, collection: &str, scope: &str) -> Option<String> {
        let rest = scope.strip_prefix(&self.from)?;
        let is_whole = rest.is_empty() || rest.starts_with('/');
        (is_whole && collection.starts_with(&self.collections))
            .then(|| format!("{}{rest}", self.to))
    }

    /// Returns the changed home of an entity: its collection, a space, and the scope.
    fn home(&self, home: &str) -> Option<String> {
        let (collection, scope) = home.split_once(' ')?;
        let scope = self.scope(collection, scope)?;
        Some(format!("{collection} {scope}"))
    }
}

impl Entities {
    /// Changes an entity, and gives it another key.
    ///
    /// # Errors
    ///
    /// Returns the reply of a step that is refused.
    pub(super) fn rename(
        &mut self,
        (key, to): (&str, &str),
        change: &Change,
        factory: &EntityFactory<'_>,
        room: usize,
    ) -> Result<Reply, Reply> {
        if key == to {
            return self.change(key, change, factory, room);
        }
        let unknown = || Reply::Unknown(key.to_owned());
        let (at, _, entity) = self.all.get_full(key).ok_or_else(unknown)?;
        let entity = Arc::clone(entity);
        if !(factory.is_current)(&entity) {
            return Err(Reply::Stale(entity));
        }
        let taken = self.all.get_index_of(to);
        if taken.is_some() && !self.loose.contains(to) {
            return Err(Reply::Conflict(to.to_owned()));
        }
        let changed: Value = Self::changed(&entity, change, factory)?;
        let home = self.homes.get(key).cloned();
        let room = room.saturating_add(size_of_entity(key, &entity));
        self.set(to, (factory.remake)(to, &changed, None), room)?;
        self.take(key);
        self.settle(to, home.as_ref());
        // The entity that gave up the key was before this one, or it was not.
        let at = at - usize::from(taken.is_some_and(|taken| taken < at));
        if let Some(last) = self.all.get_index_of(to) {
            self.all.move_index(last, at.min(self.all.len() - 1));
        }
        Ok(self.entity(to, false))
    }

    /// Returns true if some entity has a home that belongs to a renamed one.
    pub(in crate::state) fn is_below(&self, rescope: &Rescope) -> bool {
        self.homes.values().any(|home| rescope.home(home).is_some())
    }

    /// Changes the homes that belong to a renamed entity.
    pub(in crate::state) fn rehome(&mut self, rescope: &Rescope) {
        let homes = self.homes.iter();
        let moved: Vec<(String, String)> = homes
            .filter_map(|(key, home)| Some((key.clone(), rescope.home(home)?)))
            .collect();
        for (key, home) in moved {
            self.settle(&key, Some(&home));
        }
    }
}
