//! Entities that a session wrote, among those of the real API.
//!
//! A proxy shows what the sandbox created beside what the real API has; `exchange::written` reads the
//! requests.
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::entity::body::{is_there, items};
use crate::entity::{EntityRequest, Unknown};
use crate::resource::key::KeyPath;
use crate::resource::list::ListQuery;
use crate::resource::page_field::{PageField, says};
use crate::resource::place::Slot;
use crate::resource::{Act, KeyFrom};
use crate::schema::Schema;
use crate::schema::name::folded;
use crate::state::memory::{CollectionKey, Entities, Step};

/// Written entities that a list shows.
#[derive(Debug, Clone)]
pub(crate) struct WrittenList {
    /// Members that lead to the list in the content of the answer.
    way: Vec<String>,
    /// Entities of the requested page, with their keys.
    items: Vec<(String, Value)>,
    /// Number of entities on all pages.
    total: usize,
    /// Way to the key.
    key: Option<KeyPath>,
    wanted: ListQuery,
}

/// Number of entities that were put into a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Supplemented {
    /// Entities on this page, with those that replace others of the same keys.
    pub on_page: usize,
    /// Number of entities that the lists of all pages have more than the real API says.
    pub more: usize,
}

impl EntityRequest<'_> {
    /// Returns the key of the collection that the request is about.
    #[must_use]
    pub(crate) fn collection_key(&self) -> &CollectionKey {
        &self.collection_key
    }

    /// Returns true if the request is for an entity that was written.
    #[must_use]
    pub(crate) fn names_written(&self, entities: &Entities) -> bool {
        let base = self.base(&self.maker());
        match &self.step {
            Step::Read(key)
            | Step::Delete(key)
            | Step::Change(key, _)
            | Step::Rename { key, .. }
            | Step::Replace(key, _, _) => self.find(entities, key).is_some_and(|key| {
                let entity = &entities.all[&key];
                !entities.is_generated(&key) && self.is_written(&base, &key, entity)
            }),
            Step::List | Step::ListOf(_) if matches!(self.role.act, Act::Find | Act::Exists) => {
                is_there(self, &self.written(entities))
            }
            _ => false,
        }
    }

    /// Returns the written entities that the pages of a list show; `None` if the request asks for no list,
    /// or none of them passes its filters.
    #[must_use]
    pub(crate) fn written_list(
        &self,
        entities: &Entities,
        schema: Option<&Schema>,
    ) -> Option<WrittenList> {
        let (Act::List, Slot::List(place)) = (self.role.act, &self.role.slot) else {
            return None;
        };
        let (items, total) = items(self, self.written(entities), schema, place);
        (total > 0).then(|| WrittenList {
            way: place.way.clone(),
            items,
            total,
            key: self.collection.key.clone(),
            wanted: self.wanted.clone(),
        })
    }

    fn written(&self, entities: &Entities) -> Vec<(String, Arc<Value>)> {
        let base = self.base(&self.maker());
        let all = entities.all.iter();
        let written = all
            .filter(|(key, _)| !entities.is_generated(key))
            .filter(|(key, entity)| self.is_written(&base, key, entity))
            .filter(|(key, _)| self.is_at_home(entities, key))
            .map(|(key, entity)| (key.clone(), Arc::clone(entity)));
        self.owned(written.collect())
    }

    /// Returns true unless an entity belongs below another path.
    fn is_at_home(&self, entities: &Entities, key: &str) -> bool {
        match &self.step {
            Step::ListOf(homes) => entities.is_in(key, homes),
            _ => true,
        }
    }

    /// Returns true unless the collection begins with an entity, or the entity was made of its key alone.
    fn is_written(&self, base: &Entities, key: &str, entity: &Arc<Value>) -> bool {
        let is_own = |own: &Arc<Value>| Arc::ptr_eq(own, entity) || own == entity;
        if base.all.get(key).is_some_and(is_own) {
            return false;
        }
        let is_supposed = self.unknown == Unknown::Seeded
            || self.role.key == KeyFrom::Only
            || !self.collection.is_added_to;
        !(is_supposed && self.maker().supposed(key, None).1 == **entity)
    }
}

impl WrittenList {
    /// Puts the entities into the content of an answer: in the place of those with the same keys, else
    /// at the end of the list or where the requested order has them. Counts of items grow with them.
    /// `None` if the content has no such list.
    pub(crate) fn put_into(&self, value: &mut Value) -> Option<Supplemented> {
        let list = self
            .way
            .iter()
            .try_fold(&mut *value, |value, name| value.get_mut(name))?
            .as_array_mut()?;
        let before = list.len();
        let mut rest: HashMap<&str, &Value> = HashMap::new();
        for (key, item) in &self.items {
            rest.insert(key, item);
        }
        for there in list.iter_mut() {
            let own = self.key_of(there).and_then(|key| rest.remove(key.as_str()));
            if let Some(own) = own {
                *there = own.clone();
            }
        }
        let is_left = |(key, _): &&(String, Value)| rest.contains_key(key.as_str());
        let added = self.items.iter().filter(is_left);
        let added: Vec<Value> = added.map(|(_, item)| item.clone()).collect();
        let replaced = self.items.len() - added.len();
        let growth = Growth {
            before,
            on_page: added.len(),
            on_all: self.total.saturating_sub(replaced),
        };
        self.wanted.merge(list, added);
        growth.count(value, &self.way);
        Some(Supplemented {
            on_page: self.items.len(),
            more: growth.on_all,
        })
    }

    /// Returns true if the content of an answer has a count of the items that cannot grow: a number that is no
    /// integer of 64 bits, such as `1e300`.
    #[must_use]
    pub(crate) fn has_odd_count(&self, value: &Value) -> bool {
        has_odd_count(value, &self.way)
    }

    /// Returns the key of an item of the list, as text.
    fn key_of(&self, item: &Value) -> Option<String> {
        self.key.as_ref()?.text(item)
    }
}

/// Names of objects that describe a page, and are beside its list.
const PAGE_OBJECTS: [&str; 8] = [
    "meta",
    "metadata",
    "pagination",
    "paging",
    "page",
    "pageinfo",
    "info",
    "cursor",
];

/// Returns true if a member that counts the items of a list is a number but no integer of 64 bits, such as
/// `1e300`; it has the places that [`Growth::count`] changes.
fn has_odd_count(value: &Value, list: &[String]) -> bool {
    value
        .as_object()
        .into_iter()
        .flatten()
        .any(|(name, member)| {
            if list.first() == Some(name) {
                return has_odd_count(member, &list[1..]);
            }
            if member.is_object() && PAGE_OBJECTS.contains(&&*folded(name)) {
                return has_odd_count(member, &[]);
            }
            let counts = matches!(says(name), Some(PageField::Total | PageField::Count));
            counts && member.is_number() && member.as_u64().is_none() && member.as_i64().is_none()
        })
}

/// Growth of a list.
#[derive(Debug, Clone, Copy)]
struct Growth {
    /// Number of items on the page before.
    before: usize,
    /// Number of items that the page has more.
    on_page: usize,
    /// Number of items that all pages have more.
    on_all: usize,
}

impl Growth {
    /// Adds to the members of an answer that count its items: beside the list, in the objects that lead to
    /// it, and in objects that describe the page. A number that cannot be that of the items stays.
    fn count(self, value: &mut Value, list: &[String]) {
        let Value::Object(object) = value else { return };
        let has_total = object
            .keys()
            .any(|name| says(name) == Some(PageField::Total));
        for (name, member) in object.iter_mut() {
            if list.first() == Some(name) {
                self.count(member, &list[1..]);
            } else if member.is_object() && PAGE_OBJECTS.contains(&&*folded(name)) {
                self.count(member, &[]);
            } else if let Some(grown) =
                says(name).and_then(|field| self.grown(field, has_total, member))
            {
                *member = grown;
            }
        }
    }

    /// Returns a count, which may be written as text, that has grown.
    fn grown(self, field: PageField, has_total: bool, count: &Value) -> Option<Value> {
        let number = match count {
            Value::Number(number) => number.as_u64()?,
            Value::String(text) => text.parse().ok()?,
            _ => return None,
        };
        let before = u64::try_from(self.before).ok()?;
        let by = match field {
            PageField::Count if has_total && number == before => self.on_page,
            PageField::Count if has_total => return None,
            PageField::Total | PageField::Count if number >= before => self.on_all,
            _ => return None,
        };
        let grown = number.checked_add(u64::try_from(by).ok()?)?;
        Some(match count {
            Value::String(_) => grown.to_string().into(),
            _ => grown.into(),
        })
    }
}

/// Returns the grown value of a header field that counts the items of all pages, such as
/// `X-Total-Count`; `None` for other fields.
#[must_use]
pub(crate) fn grown_field(name: &str, value: &str, by: usize) -> Option<String> {
    let plain = name.strip_prefix("x-").unwrap_or(name);
    if says(plain) != Some(PageField::Total) {
        return None;
    }
    let count = value.trim().parse::<u64>().ok()?;
    Some(count.checked_add(u64::try_from(by).ok()?)?.to_string())
}
