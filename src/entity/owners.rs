//! Keys of the owners in the path of a request: `/projects/alpha/issues` has the issues of
//! `/projects/7/issues` if the project 7 has the name `alpha`.
//!
//! `EntityRequest` looks the owners up before it takes its own step.
use std::sync::Arc;

use http::Method;
use serde_json::Value;

use crate::contract::route::Routed;
use crate::entity::context::EntityContext;
use crate::entity::wider::wider;
use crate::entity::{EntityRequest, home_of, joined};
use crate::resource::KeyFrom;
use crate::resource::filter::Filter;
use crate::resource::list::ListQuery;
use crate::state::memory::{CollectionKey, EntityFactory, Reply, Step};

impl<'c> EntityRequest<'c> {
    /// Returns the request with the keys of the owners that its path identifies by other values;
    /// `None` if there are no such owners.
    pub(super) fn of_owners(
        &self,
        apply: &mut dyn FnMut(&CollectionKey, Step, &EntityFactory<'_>) -> Reply,
    ) -> Option<Self> {
        let mut owners = self.owners.clone();
        let mut is_changed = false;
        for index in 0..owners.len() {
            let Some(owner) = self.owner_request(&owners[..=index]) else {
                continue;
            };
            if let Reply::Entity { key, .. } = owner.take(apply)
                && key != owners[index].1
            {
                owners[index].1 = key;
                is_changed = true;
            }
        }
        is_changed.then(|| self.below(owners))
    }

    /// Returns the request that reads an owner which other values than its key identify too; the
    /// last of `owners` has one of them.
    fn owner_request(&self, owners: &[(String, String)]) -> Option<Self> {
        let path = self.owner_path(owners.len())?;
        let Routed::Operation(index, _) = self.context.contract.route(&Method::GET, path) else {
            return None;
        };
        let role = self.context.resources.role(self.context.contract, index)?;
        let (_, text) = owners.last()?;
        let is_one = role.key == KeyFrom::Path(1) && role.by.is_none() && role.home.is_none();
        let scope = owners.get(..role.scope())?.to_vec();
        let is_last = scope.len() + 1 == owners.len();
        (is_one && is_last && !role.collection.others.is_empty()).then(|| Self {
            role,
            collection: &role.collection,
            owner: None,
            home: None,
            operation: &self.context.contract.operations[index],
            context: EntityContext {
                path,
                ..self.context
            },
            collection_key: CollectionKey {
                collection: role.collection.name.clone(),
                scope: joined(&scope),
            },
            owners: scope.clone(),
            scope,
            step: Step::Read(text.clone()),
            by: None,
            wanted: ListQuery::default(),
            expected: None,
            known: None,
            ..self.clone()
        })
    }

    /// Returns the beginning of the path of the request that ends in this many expressions.
    fn owner_path(&self, count: usize) -> Option<&'c str> {
        let template: Vec<&str> = self.operation.template.split('/').collect();
        let mut expressions = 0;
        let last = template.iter().position(|segment| {
            expressions += usize::from(segment.starts_with('{') && segment.ends_with('}'));
            expressions == count
        })?;
        let mut path = self.context.path;
        for _ in last + 1..template.len() {
            path = &path[..path.rfind('/')?];
        }
        Some(path)
    }

    /// Returns the same request below these owners.
    fn below(&self, owners: Vec<(String, String)>) -> Self {
        let mut own = self.clone();
        let home = self.role.home.as_ref();
        own.home = home.map(|home| home_of(&home.name, &owners));
        if let (Some(owner), [(name, key)]) = (&mut own.owner, owners.as_slice()) {
            let document = self.operation.document;
            if let Some(whole) = wider(self.context, &self.role.collection, document, name) {
                *owner = whole.owner(key);
            }
        } else {
            own.scope.clone_from(&owners);
            let count = self.collection.scope.min(owners.len());
            own.collection_key.scope = joined(&owners[..count]);
        }
        own.owners = owners;
        let (owner, home) = (own.owner.clone(), own.home.clone());
        match &mut own.step {
            Step::Create(new) | Step::Upsert { new, .. } | Step::Replace(_, new, _) => {
                new.sent.extend(owner);
                if home.is_some() {
                    new.home = home;
                }
            }
            Step::ListOf(_) => own.step = own.listing(),
            _ => {}
        }
        own
    }

    /// Returns the entities of the owner that the path names, of a collection with those of all.
    pub(super) fn owned(&self, all: Vec<(String, Arc<Value>)>) -> Vec<(String, Arc<Value>)> {
        let Some((name, value)) = &self.owner else {
            return all;
        };
        let wanted = ListQuery {
            filters: vec![Filter::equal(name, vec![value.clone()])],
            ..ListQuery::default()
        };
        let test = wanted.test();
        all.into_iter()
            .filter(|(_, entity)| test.takes(entity))
            .collect()
    }

    /// Returns true if the request selects some entities of the collection.
    #[must_use]
    pub(crate) fn selects(&self) -> bool {
        self.owner.is_some() || !self.wanted.filters.is_empty() || self.wanted.text.is_some()
    }
}
