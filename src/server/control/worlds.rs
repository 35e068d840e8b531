//! What is remembered, as it is asked for and told: collections, snapshots, scenarios, sessions.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::{Asked, Control, not_there, unprocessable};
use crate::exchange::problem::Problem;
use crate::exchange::remembered::making::{keyed, misfit};
use crate::state::memory::{Shelf, World};
use crate::state::resource::Collection;

impl Control {
    pub(super) fn reset(&self, asked: &Asked<'_>) -> Value {
        let everything = asked.query("all").is_some_and(|all| all == "true");
        if everything {
            self.forget();
        } else {
            self.sandbox.within(asked.about(), World::forget);
        }
        Value::Null
    }

    /// Forgets what all sessions wrote and what was asked.
    pub fn forget(&self) {
        self.sandbox.memory().reset(None);
        self.rings.clear();
    }

    pub(super) fn scenario(&self, asked: &Asked<'_>) -> Value {
        let chosen = self.sandbox.memory().look(asked.about(), |world| world.scenario.clone()).flatten();
        json!({ "scenario": chosen, "scenarios": self.sandbox.scenarios() })
    }

    pub(super) fn set_scenario(&self, asked: &Asked<'_>) -> Result<Value, Problem> {
        let name = asked.body.get("scenario").and_then(Value::as_str).map(str::to_owned);
        let known = self.sandbox.scenarios();
        if let Some(name) = name.as_ref().filter(|name| !known.contains(name)) {
            return Err(unprocessable(format!("no fixture is of the scenario `{name}`; there are {}", listed(&known))));
        }
        self.sandbox.within(asked.about(), |world| world.choose(name));
        Ok(self.scenario(asked))
    }

    pub(super) fn sessions(&self) -> Value {
        let sessions = self.sandbox.memory().sessions().into_iter();
        json!({ "sessions": sessions.map(|(name, size)| json!({"name": name, "bytes": size})).collect::<Vec<_>>() })
    }

    pub(super) fn export(&self, asked: &Asked<'_>) -> Value {
        self.sandbox.memory().look(asked.about(), World::export).unwrap_or_else(|| World::default().export())
    }

    pub(super) fn import(&self, asked: &Asked<'_>) -> Result<Value, Problem> {
        let world = World::import(&asked.body).map_err(unprocessable)?;
        let known = self.sandbox.resources().all(self.sandbox.contract());
        let is_known = |name: &str| known.iter().any(|(_, role)| role.collection.name == name);
        if let Some(name) = world.collections().into_iter().find(|name| !is_known(name)) {
            return Err(unprocessable(format!("there is no collection `{name}`")));
        }
        if let Some(name) = world.scenario.as_ref().filter(|name| !self.sandbox.scenarios().contains(name)) {
            return Err(unprocessable(format!("no fixture is of the scenario `{name}`")));
        }
        self.sandbox.within(asked.about(), |there| there.become_like(world));
        Ok(Value::Null)
    }

    /// The collection of a name such as `pets` or `/users/{userId}/orders`.
    fn called(&self, name: &str) -> Result<Arc<Collection>, Problem> {
        let contract = self.sandbox.contract();
        let mut all: Vec<Arc<Collection>> = Vec::new();
        for (_, role) in self.sandbox.resources().all(contract) {
            if !all.iter().any(|known| known.name == role.collection.name) {
                all.push(Arc::clone(&role.collection));
            }
        }
        let plain = |text: &str| text.trim_matches('/').to_owned();
        let exact = all.iter().find(|collection| plain(&collection.name) == plain(name));
        let last = |collection: &&Arc<Collection>| collection.name.rsplit(['/', '.']).next() == Some(name);
        exact.or_else(|| all.iter().find(last)).cloned().ok_or_else(|| {
            let names: Vec<String> = all.iter().map(|collection| collection.name.clone()).collect();
            not_there(format!("there is no collection `{name}`; there are {}", listed(&names)))
        })
    }

    pub(super) fn collection(&self, asked: &Asked<'_>) -> Result<Value, Problem> {
        let collection = self.called(&asked.after("state"))?;
        let scope = asked.query("scope").unwrap_or_default();
        let written = self.sandbox.memory().look(asked.about(), |world| {
            let shelves = world.written(&collection.name);
            let own = shelves.into_iter().find(|(there, _)| *there == scope);
            own.map(|(_, entities)| entities.all.clone())
        });
        let all = match written.flatten() {
            Some(all) => all,
            None => self.sandbox.beginning(&collection, scope),
        };
        let entities: Vec<Value> = all.values().map(|entity| (**entity).clone()).collect();
        Ok(json!({ "collection": collection.name, "scope": scope, "key": collection.key, "entities": entities }))
    }

    pub(super) fn put_collection(&self, asked: &Asked<'_>) -> Result<Value, Problem> {
        let collection = self.called(&asked.after("state"))?;
        let scope = asked.query("scope").unwrap_or_default().to_owned();
        let entities = asked.body.as_array().ok_or_else(|| unprocessable("the content is a list of entities"))?;
        let mut all: IndexMap<String, Arc<Value>> = IndexMap::new();
        for (index, entity) in entities.iter().enumerate() {
            let key = keyed(&collection, entity, index).map_err(unprocessable)?;
            if let Some(error) = misfit(&collection, entity) {
                return Err(unprocessable(format!(
                    "entity {index} does not fit the schema of `{}`: {error}",
                    collection.name
                )));
            }
            if all.insert(key.clone(), Arc::new(entity.clone())).is_some() {
                return Err(unprocessable(format!("two entities are called `{key}`")));
            }
        }
        let shelf = Shelf { collection: collection.name.clone(), scope };
        self.sandbox.within(asked.about(), |world| world.put(shelf, all));
        self.collection(asked)
    }

    pub(super) fn snapshots(&self, asked: &Asked<'_>) -> Value {
        json!({ "snapshots": self.sandbox.memory().look(asked.about(), World::snapshots).unwrap_or_default() })
    }

    pub(super) fn take_snapshot(&self, asked: &Asked<'_>) -> Result<Value, Problem> {
        const MOST: usize = 100;
        let name = asked.after("snapshots");
        let taken = self.sandbox.within(asked.about(), |world| {
            let is_room = world.snapshots().len() < MOST || world.snapshot(&name).is_some();
            if is_room {
                world.take_snapshot(&name);
            }
            is_room
        });
        if taken {
            Ok(self.snapshots(asked))
        } else {
            Err(unprocessable(format!("a session has {MOST} snapshots at most")))
        }
    }

    fn snapshot_of(&self, asked: &Asked<'_>, name: &str) -> Result<Arc<Value>, Problem> {
        let found = self.sandbox.memory().look(asked.about(), |world| world.snapshot(name)).flatten();
        found.ok_or_else(|| not_there(format!("there is no snapshot `{name}`")))
    }

    pub(super) fn snapshot(&self, asked: &Asked<'_>) -> Result<Value, Problem> {
        self.snapshot_of(asked, &asked.after("snapshots")).map(|snapshot| (*snapshot).clone())
    }

    pub(super) fn restore(&self, asked: &Asked<'_>) -> Result<Value, Problem> {
        let name = asked.after("snapshots");
        let name = name.strip_suffix("/restore").unwrap_or(&name);
        let world = World::import(&*self.snapshot_of(asked, name)?).map_err(unprocessable)?;
        self.sandbox.within(asked.about(), |there| there.become_like(world));
        Ok(Value::Null)
    }

    pub(super) fn drop_snapshot(&self, asked: &Asked<'_>) -> Result<Value, Problem> {
        let name = asked.after("snapshots");
        if self.sandbox.within(asked.about(), |world| world.drop_snapshot(&name)) {
            return Ok(Value::Null);
        }
        Err(not_there(format!("there is no snapshot `{name}`")))
    }
}

fn listed(names: &[String]) -> String {
    const MOST: usize = 20;
    if names.is_empty() {
        return "none".to_owned();
    }
    let more = if names.len() > MOST { ", …" } else { "" };
    names.iter().take(MOST).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ") + more
}
