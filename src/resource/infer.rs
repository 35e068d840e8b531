//! Infers the role of each operation: what it does with which collection, according to paths,
//! methods and schemas.
//!
//! `resource` infers the roles of a group of operations when the first of them is needed.

mod evident;
mod overridden;
use std::collections::HashMap;
use std::sync::Arc;

use http::Method;
use serde_json::Value;

use crate::contract::{Contract, Operation};
use crate::document::reference::{is_only_reference, resolve_schema};
use crate::document::syntax::find;
use crate::resource::action;
use crate::resource::address::{Address, Form, Verb, singular};
use crate::resource::evidence::{
    answered, are_of_other_kinds, is_upsert, natural_key, sent_schema,
};
use crate::resource::key_search::{KeySearch, is_key_of};
use crate::resource::place::{Finder, Slot, ValuePlace};
use crate::resource::raw;
use crate::resource::request_place::sent_way;
use crate::resource::role::{Act, Collection, KeyFrom, Role};
use crate::resource::role_override::{RoleOverride, RoleOverrides, overridden_key};
use crate::resource::small::{Shown, show_whole};
use crate::schema::Schema;
use crate::schema::name::folded;

/// Paths that show the entities which a group adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Paths of the group.
    Here,
    /// Paths of another group.
    Elsewhere,
}

/// Returns the roles of the operations that share a collection, by operation index. Operations that
/// do nothing with it are absent.
#[must_use]
pub(crate) fn infer(
    contract: &Contract,
    members: &[(usize, Address)],
    overrules: &RoleOverrides,
    kept: Kept,
) -> HashMap<usize, Role> {
    let group = Draft::new(contract, members, overrules);
    let acts = group.acts();
    let keyed = |doing: &InferredAct| {
        doing.act != Act::Part && matches!(doing.key, KeyFrom::Path(_) | KeyFrom::Field)
    };
    let has = |test: &dyn Fn(&InferredAct) -> bool| {
        acts.iter()
            .any(|(.., doing)| doing.as_ref().is_some_and(test))
    };
    let shows = |act| matches!(act, Act::Read | Act::List | Act::Find);
    let adds = |act| matches!(act, Act::Create | Act::Upsert);
    let is_shown = has(&|doing| doing.key != KeyFrom::Only && shows(doing.act));
    let is_kept = is_shown
        && has(&|doing| doing.key != KeyFrom::Only && (keyed(doing) || doing.act.writes()))
        || group.has_paths
            && has(&|doing| adds(doing.act))
            && has(&|doing| keyed(doing) && doing.act.writes());
    let is_single = has(&|doing| doing.key == KeyFrom::Only && doing.act == Act::Read)
        && has(&|doing| doing.key == KeyFrom::Only && doing.act.writes());
    let many = Arc::new(group.collection(&acts, false));
    // A collection that is only read counts as a resource only if its entities have a key.
    let is_told = acts
        .iter()
        .filter_map(|(index, ..)| overrules.operations.get(index))
        .any(RoleOverride::sets_role);
    let is_added_elsewhere = kept == Kept::Elsewhere && has(&|doing| adds(doing.act));
    let is_collection = is_kept || is_told || is_added_elsewhere || is_shown && many.key.is_some();
    let single = Arc::new(group.collection(&acts, true));
    let mut roles = HashMap::new();
    for (index, _, doing) in &acts {
        let Some(doing) = doing else { continue };
        let is_only = doing.key == KeyFrom::Only;
        if if is_only { is_single } else { is_collection } {
            let collection = Arc::clone(if is_only { &single } else { &many });
            let role = group.role(*index, doing, collection);
            let name = end_of(&contract.operations[*index].template);
            let has_effect = !doing.needs_effect
                || !role.sets.is_empty()
                || action::is_setter(&contract.operations[*index], &role.collection, name);
            if has_effect && (role.act != Act::Part || role.part.is_some()) {
                roles.insert(*index, role);
            }
        }
    }
    roles
}

/// Returns the name that ends a path template: `archive` of `/rooms.archive`.
pub(crate) fn end_of(template: &str) -> &str {
    template.rsplit(['/', '.', ':']).next().unwrap_or_default()
}

/// Inferred action of an operation, before its collection is known.
struct InferredAct {
    act: Act,
    key: KeyFrom,
    slot: Slot,
    reason: String,
    /// True if the operation has a role only if its name tells what it changes.
    needs_effect: bool,
}

/// Group of operations while its roles are inferred.
struct Draft<'c> {
    overrules: &'c RoleOverrides,
    contract: &'c Contract,
    members: &'c [(usize, Address)],
    noun: &'c str,
    keys: KeySearch,
    has_entities: bool,
    /// True if a path names the whole collection or an entity; false if all are like `/pets/create`
    /// or `/contacts.channels`.
    has_paths: bool,
}

impl<'c> Draft<'c> {
    pub(crate) fn new(
        contract: &'c Contract,
        members: &'c [(usize, Address)],
        overrules: &'c RoleOverrides,
    ) -> Self {
        let noun = members
            .first()
            .map(|(_, address)| address.noun.as_str())
            .unwrap_or_default();
        let has_entities = members
            .iter()
            .any(|(_, address)| matches!(address.form, Form::Entity | Form::EntityVerb(_)));
        let has_paths = has_entities
            || members
                .iter()
                .any(|(_, address)| address.form == Form::Whole);
        Self {
            overrules,
            contract,
            members,
            noun,
            keys: KeySearch::new(contract, members, noun),
            has_entities,
            has_paths,
        }
    }

    fn operation(&self, index: usize) -> &'c Operation {
        &self.contract.operations[index]
    }

    fn finder<'f>(&'f self, schema: &'f Schema) -> Finder<'f> {
        Finder {
            schema,
            noun: self.noun,
            keys: &self.keys.names,
        }
    }

    fn one(&self, operation: &Operation) -> Slot {
        if let Some(told @ Slot::Entity(_)) = self.overridden_slot(operation) {
            return told;
        }
        answered(operation).map_or(Slot::Nothing, |schema| self.finder(schema).one())
    }

    fn list(&self, operation: &Operation) -> Option<ValuePlace> {
        if let Some(Slot::List(told)) = self.overridden_slot(operation) {
            return Some(told);
        }
        self.finder(answered(operation)?).list()
    }

    /// Returns the place of the list that an operation shows of an entity, such as `channels`.
    fn part(&self, operation: &Operation, name: &str) -> Option<ValuePlace> {
        let noun = singular(&folded(name));
        Finder {
            schema: answered(operation)?,
            noun: &noun,
            keys: &self.keys.names,
        }
        .list()
    }

    /// Returns true if the success response shows an entity that has a key, even if the entity
    /// contains lists.
    fn shows_one(&self, operation: &Operation) -> bool {
        matches!(self.one(operation), Slot::Entity(place) if self.has_key(operation, &place))
    }

    /// Returns true if the success response of the path of an entity shows the entity. It may be a
    /// list of one if the last parameter is its key.
    fn shows_named(&self, operation: &Operation) -> bool {
        let is_in_list = |place: &ValuePlace| place.way.last().is_some_and(|name| name == "0");
        match self.one(operation) {
            Slot::Entity(place) if is_in_list(&place) => is_key_of(operation, self.noun),
            Slot::Entity(place) => self.has_key(operation, &place),
            _ => false,
        }
    }

    /// Returns true if the schema at a place in the success response has a key property.
    fn has_key(&self, operation: &Operation, place: &ValuePlace) -> bool {
        answered(operation).is_some_and(|schema| {
            self.keys
                .find(&schema.sibling(place.pointer.clone()))
                .is_some()
        })
    }

    fn doing(&self, index: usize, address: &Address) -> Option<InferredAct> {
        let operation = self.operation(index);
        let method = &operation.method;
        let shown = || format!("{method} {}", operation.template);
        let last = end_of(&operation.template);
        let doing = |act: Act, key: KeyFrom, why: String| {
            let slot = match act {
                Act::List => self.list(operation).map_or(Slot::Nothing, Slot::List),
                Act::Part => self.part(operation, last).map_or(Slot::Nothing, Slot::List),
                Act::Exists => Slot::Nothing,
                _ => self.one(operation),
            };
            Some(InferredAct {
                act,
                key,
                slot,
                reason: why,
                needs_effect: false,
            })
        };
        let verb = |verb: Verb, key: KeyFrom, text: &str| {
            let is_read = matches!(verb, Verb::Read | Verb::List | Verb::Exists);
            let why = format!("`{text}` says so");
            if !is_read && (*method == Method::GET || *method == Method::HEAD) {
                return None;
            }
            let named = if key == KeyFrom::Nothing {
                KeyFrom::Field
            } else {
                key
            };
            match verb {
                Verb::Read | Verb::List if self.list(operation).is_some() => doing(Act::List, KeyFrom::Nothing, why),
                Verb::List => doing(Act::Find, KeyFrom::Nothing, why)
                    .filter(|doing| matches!(&doing.slot, Slot::Entity(place) if self.has_key(operation, place))),
                Verb::Read if key == KeyFrom::Nothing && !self.names_entity(operation) => None,
                Verb::Read => doing(Act::Read, named, why).filter(|doing| doing.slot != Slot::Nothing),
                Verb::Exists => doing(Act::Exists, KeyFrom::Nothing, why),
                Verb::Create if is_upsert(operation) => doing(Act::Upsert, KeyFrom::Nothing, why),
                Verb::Create => doing(Act::Create, KeyFrom::Nothing, why),
                Verb::Upsert => doing(Act::Upsert, KeyFrom::Nothing, why),
                Verb::Replace => doing(Act::Replace, named, why),
                Verb::Merge => doing(Act::Merge, named, why),
                Verb::Delete => doing(Act::Delete, named, why),
            }
        };
        if let Some(RoleOverride::Does { act: Some(act), .. }) =
            self.overrules.operations.get(&index)
        {
            let key = overridden_key(*act, address);
            return doing(*act, key, "the fixtures say so".to_owned());
        }
        match address.form {
            Form::Entity => {
                let key = KeyFrom::Path(address.keys);
                let why = format!("`{}` names one entity of `{}`", shown(), address.shown);
                match *method {
                    // A list that is filtered by the last parameter, as in `/pets/{status}`, is not
                    // an entity.
                    Method::GET
                        if self.list(operation).is_some() && !self.shows_named(operation) =>
                    {
                        None
                    }
                    Method::GET => doing(Act::Read, key, why).filter(|doing| {
                        raw::is_read(operation, &doing.slot, self.contract, self.members)
                    }),
                    Method::PUT if self.is_change(operation) => doing(
                        Act::Merge,
                        key,
                        format!("{why}, and requires nothing of it"),
                    ),
                    Method::PUT => doing(Act::Replace, key, why),
                    Method::PATCH => doing(Act::Merge, key, why),
                    Method::DELETE => doing(Act::Delete, key, why),
                    Method::POST if operation.compiled().body.is_some() => {
                        doing(Act::Merge, key, why)
                    }
                    _ => None,
                }
            }
            // Verbs that add to an entity or remove from it change a part, not the entity.
            Form::EntityVerb(Verb::Create) => None,
            Form::EntityVerb(Verb::Delete) if operation.compiled().body.is_some() => None,
            Form::EntityVerb(known) => verb(known, KeyFrom::Path(1), last),
            Form::WholeVerb(known) => verb(known, KeyFrom::Nothing, last),
            Form::Part if !self.names_entity(operation) => None,
            Form::Part if *method == Method::GET => doing(
                Act::Part,
                KeyFrom::Field,
                format!("`{last}` is a list of each"),
            )
            .filter(|doing| matches!(&doing.slot, Slot::List(_))),
            Form::Part if operation.compiled().body.is_some() => {
                self.changing(operation, last, &doing)
            }
            Form::Part => None,
            Form::Whole => self.whole(operation, address, &doing),
        }
    }

    /// Returns the inferred change of an entity by an operation such as `/contacts.block`: the answer shows the
    /// entity, or the name tells what is changed.
    fn changing(
        &self,
        operation: &Operation,
        name: &str,
        doing: &dyn Fn(Act, KeyFrom, String) -> Option<InferredAct>,
    ) -> Option<InferredAct> {
        let is_shown = |doing: &InferredAct| matches!(&doing.slot, Slot::Entity(place) if self.has_key(operation, place));
        let merge = |why| doing(Act::Merge, KeyFrom::Field, why);
        merge(format!("`{name}` answers with the entity"))
            .filter(is_shown)
            .or_else(|| {
                let acting = merge(format!("`{name}` changes the entity"))?;
                Some(InferredAct {
                    needs_effect: true,
                    ..acting
                })
            })
    }

    /// Returns the inferred action on a collection as a whole, or on an entity that is the only one
    /// of its kind.
    pub(crate) fn whole(
        &self,
        operation: &Operation,
        address: &Address,
        doing: &dyn Fn(Act, KeyFrom, String) -> Option<InferredAct>,
    ) -> Option<InferredAct> {
        let key = || {
            let is_field = self.has_entities || !self.is_single() && self.names_entity(operation);
            if is_field {
                KeyFrom::Field
            } else {
                KeyFrom::Only
            }
        };
        let only = |key: KeyFrom| match key {
            KeyFrom::Only => format!("`{}` is one entity", address.shown),
            _ => format!("`{}` names its entity in a field", address.noun),
        };
        match operation.method {
            Method::GET if self.list(operation).is_some() && !self.is_document() => doing(
                Act::List,
                KeyFrom::Nothing,
                format!("`GET {}` has a list of objects", operation.template),
            ),
            Method::GET => {
                let key = if self.names_entity(operation) {
                    KeyFrom::Field
                } else {
                    KeyFrom::Only
                };
                doing(Act::Read, key, only(key)).filter(|doing| {
                    raw::is_read(operation, &doing.slot, self.contract, self.members)
                })
            }
            Method::POST => {
                let schema = sent_schema(operation);
                let is_list = schema.is_some_and(|schema| schema.types(schema.tree()) == ["array"]);
                if is_list
                    || operation.compiled().body.is_none()
                        && !(self.has_entities && self.shows_one(operation))
                {
                    return None;
                }
                let act = if is_upsert(operation) {
                    Act::Upsert
                } else {
                    Act::Create
                };
                let verb = if act == Act::Upsert {
                    "registers or updates"
                } else {
                    "adds"
                };
                doing(
                    act,
                    KeyFrom::Nothing,
                    format!("`POST {}` {verb} an entity", operation.template),
                )
            }
            Method::PUT => doing(Act::Replace, key(), only(key())),
            Method::PATCH => doing(Act::Merge, key(), only(key())),
            Method::DELETE if !self.is_single() && self.names_entity(operation) => {
                doing(Act::Delete, KeyFrom::Field, only(KeyFrom::Field))
            }
            Method::DELETE if !self.has_entities => {
                doing(Act::Delete, KeyFrom::Only, only(KeyFrom::Only))
            }
            _ => None,
        }
    }

    /// Returns true if the path has one object that is read and written as a whole, with any lists
    /// in it: nothing is added to it, and what is sent has the shape of what is shown.
    fn is_document(&self) -> bool {
        let of = |method: &Method| {
            let mut members = self.members.iter();
            members
                .find(|(index, address)| {
                    address.form == Form::Whole && self.operation(*index).method == *method
                })
                .map(|(index, _)| self.operation(*index))
        };
        let is_alone = !self.has_entities && of(&Method::POST).is_none();
        let Some(shown) = of(&Method::GET).filter(|_| is_alone).and_then(answered) else {
            return false;
        };
        let names = |schema: &Schema| -> Vec<String> {
            let properties = schema.properties(schema.tree());
            properties.iter().map(|(name, _)| folded(name)).collect()
        };
        let mut own = names(shown);
        if let Slot::Entity(place) = self.finder(shown).one() {
            own.extend(names(&shown.sibling(place.pointer)));
        }
        let is_written = |method: &Method| {
            let sent = of(method).and_then(sent_schema);
            sent.is_some_and(|sent| names(sent).iter().any(|name| own.contains(name)))
        };
        is_written(&Method::PUT) || is_written(&Method::PATCH)
    }

    /// Returns true if the path reads one entity that neither a parameter nor a field identifies.
    fn is_single(&self) -> bool {
        let reads_one = |(index, address): &(usize, Address)| {
            let operation = self.operation(*index);
            let is_read = address.form == Form::Whole && operation.method == Method::GET;
            is_read
                && (self.list(operation).is_none() || self.is_document())
                && !self.names_entity(operation)
        };
        !self.has_entities && self.members.iter().any(reads_one)
    }

    /// Returns the schema that operations have for what is sent, preferably one that has the key.
    fn sent_by(&self, operations: impl Iterator<Item = usize>) -> Option<Arc<Schema>> {
        let schemas: Vec<&Arc<Schema>> = operations
            .filter_map(|index| sent_schema(self.operation(index)))
            .collect();
        let with_key = schemas
            .iter()
            .find(|schema| self.keys.find(schema).is_some());
        with_key
            .or(schemas.first())
            .map(|schema| Arc::clone(schema))
    }

    fn collection(
        &self,
        acts: &[(usize, &Address, Option<InferredAct>)],
        is_single: bool,
    ) -> Collection {
        let all = || {
            acts.iter()
                .filter_map(|(index, address, doing)| Some((*index, *address, doing.as_ref()?)))
                .filter(|(.., doing)| (doing.key == KeyFrom::Only) == is_single)
        };
        // The most informative operations first: those that show one entity, then those that list
        // several.
        let order = [
            Act::Read,
            Act::List,
            Act::Find,
            Act::Merge,
            Act::Replace,
            Act::Create,
            Act::Upsert,
            Act::Delete,
        ];
        let shown = order.iter().find_map(|act| {
            all()
                .filter(|(.., doing)| doing.act == *act)
                .find_map(|(index, _, doing)| {
                    let place = match &doing.slot {
                        Slot::Entity(place) | Slot::List(place) => place,
                        Slot::Key(_) | Slot::Nothing => return None,
                    };
                    let schema = answered(self.operation(index))?;
                    let has_properties = !schema
                        .properties(find(schema.root(), &place.pointer)?)
                        .is_empty();
                    // Several answers may refer to one schema; take the target of the reference for all
                    // of them.
                    let node = find(schema.root(), &place.pointer)?;
                    let end = resolve_schema(schema.root(), node, &place.pointer)
                        .ok()
                        .filter(|_| is_only_reference(node));
                    let pointer = end.map_or_else(|| place.pointer.clone(), |end| end.pointer);
                    has_properties.then(|| Arc::new(schema.sibling(pointer)))
                })
        });
        let adding = all()
            .filter(|(.., doing)| matches!(doing.act, Act::Create | Act::Replace | Act::Upsert));
        let entity = shown.or_else(|| self.sent_by(adding.map(|(index, ..)| index)));
        let key = entity
            .as_ref()
            .and_then(|schema| self.keys.find(schema))
            .filter(|_| !is_single);
        let told = self
            .members
            .first()
            .and_then(|(_, address)| self.overrules.collections.get(&address.collection));
        let key = told.and_then(|told| told.key.clone()).or(key);
        let others = entity.as_ref().zip(key.as_ref());
        let upserts = all()
            .find(|(.., doing)| doing.act == Act::Upsert)
            .map(|(index, ..)| self.operation(index));
        let first = all()
            .map(|(_, address, _)| address)
            .min_by_key(|address| (address.form != Form::Whole, address.shown.len()));
        let first = first.or_else(|| self.members.first().map(|(_, address)| address));
        let reader = all()
            .find(|(.., doing)| doing.act == Act::Read && matches!(doing.key, KeyFrom::Path(_)));
        let rank = |act: Act| {
            order
                .iter()
                .position(|known| *known == act)
                .unwrap_or(order.len())
        };
        let mut shown_by: Vec<(usize, Slot, Act)> = all()
            .map(|(index, _, doing)| (index, doing.slot.clone(), doing.act))
            .filter(|(_, slot, act)| *slot != Slot::Nothing && *act != Act::Part)
            .collect();
        shown_by.sort_by_key(|(_, _, act)| rank(*act));
        Collection {
            shown_by: shown_by
                .into_iter()
                .map(|(index, slot, _)| (index, slot))
                .collect(),
            name: first
                .map(|address| address.shown.clone())
                .unwrap_or_default(),
            noun: self.noun.to_owned(),
            scope: first.map_or(0, |address| address.scope),
            natural: told
                .and_then(|told| told.natural.clone())
                .or_else(|| upserts.and_then(natural_key)),
            others: told
                .map(|told| told.others.clone())
                .filter(|others| !others.is_empty())
                .or(others.map(|(schema, key)| self.keys.others(schema, key)))
                .unwrap_or_default(),
            key,
            keys: self.keys.names.clone(),
            entity,
            is_shared: false,
            is_added_to: all().any(|(.., doing)| matches!(doing.act, Act::Create | Act::Upsert)),
            is_put_to: all().any(|(.., doing)| {
                doing.act == Act::Replace && matches!(doing.key, KeyFrom::Path(_))
            }),
            reader: reader.map(|(index, ..)| index),
        }
    }

    /// Returns what the operations of the group do. An answer that shows an entity of another kind shows nothing
    /// of the collection.
    fn acts(&self) -> Vec<(usize, &'c Address, Option<InferredAct>)> {
        let members = self.members.iter();
        let mut acts: Vec<(usize, &'c Address, Option<InferredAct>)> = members
            .map(|(index, address)| (*index, address, self.doing(*index, address)))
            .collect();
        let shown = acts.iter_mut().filter_map(|(index, _, doing)| {
            let InferredAct { act, slot, .. } = doing.as_mut()?;
            Some(Shown::of(self.operation(*index), *act, slot))
        });
        show_whole(shown.collect());
        let collection = self.collection(&acts, false);
        for (index, _, doing) in &mut acts {
            if let Some(doing) = doing
                && self.shows_other(*index, doing, &collection)
            {
                doing.slot = Slot::Nothing;
            }
        }
        acts
    }

    /// Returns true if the answer of an operation is an entity of another kind: `POST /charges/{id}/refund` adds a
    /// refund, and may answer with the charge.
    fn shows_other(&self, index: usize, doing: &InferredAct, collection: &Collection) -> bool {
        let Slot::Entity(place) = &doing.slot else {
            return false;
        };
        let schemas = answered(self.operation(index)).zip(collection.entity.as_ref());
        schemas.is_some_and(|(schema, entity)| {
            are_of_other_kinds(&schema.sibling(place.pointer.clone()), entity)
        })
    }

    fn role(&self, index: usize, doing: &InferredAct, collection: Arc<Collection>) -> Role {
        let sent = sent_schema(self.operation(index))
            .map(|schema| sent_way(&self.finder(schema), &collection));
        let sent = self.overridden_way(index).or(sent);
        let last = end_of(&self.operation(index).template);
        let part = collection
            .entity
            .as_ref()
            .filter(|_| doing.act == Act::Part)
            .and_then(|schema| {
                let properties = schema.properties(schema.tree());
                let is_meant = |(name, node): &&(&str, &Value)| {
                    let (own, wanted) = (singular(&folded(name)), singular(&folded(last)));
                    schema.types(node) == ["array"]
                        && (own == wanted || own.starts_with(&wanted) || own.ends_with(&wanted))
                };
                properties
                    .iter()
                    .find(is_meant)
                    .map(|(name, _)| (*name).to_owned())
            });
        let (act, key) = (doing.act, doing.key);
        let slot = doing.slot.clone();
        let entity = collection.entity.as_ref().filter(|_| doing.needs_effect);
        let sets = entity.map_or_else(Vec::new, |entity| action::sets(entity, last));
        Role {
            home: self.home(index, &collection),
            collection,
            act,
            key,
            by: None,
            slot,
            sent: sent.unwrap_or_default(),
            part,
            sets,
            reason: doing.reason.clone(),
        }
    }
}
