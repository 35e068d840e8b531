//! Which resources an API has, and what each operation does with them, inferred from paths, methods and schemas.
//!
//! Operations are put together by their paths, which is cheap; what their schemas say is looked at when the
//! first of a group is asked for. What is then done with entities is left to `memory`.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use http::Method;
use serde_json::Value;

use super::address::{Address, Form, Verb, singular};
use super::memory::{Entities, Shelf};
use super::place::{Finder, Place, Slot};
use crate::contract::name::{folded, words};
use crate::contract::schema::Schema;
use crate::contract::{Contract, Location, MediaType, Operation};
use crate::document::reference::{is_only_reference, resolve_schema};

/// What an operation does with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Adds an entity.
    Create,
    /// Adds an entity, or changes the one that is called the same.
    Upsert,
    /// Shows several, those that the request asks for.
    List,
    /// Shows the first that the request asks for.
    Find,
    /// Shows one.
    Read,
    /// Puts another in its place.
    Replace,
    /// Changes a part of it.
    Merge,
    /// Takes it away.
    Delete,
    /// Says whether it is there.
    Exists,
    /// Shows a list that it has.
    Part,
}

impl Act {
    /// As people read it, and as fixtures write it.
    pub const NAMES: [(&'static str, Self); 10] = [
        ("create", Self::Create),
        ("upsert", Self::Upsert),
        ("list", Self::List),
        ("find", Self::Find),
        ("read", Self::Read),
        ("replace", Self::Replace),
        ("merge", Self::Merge),
        ("delete", Self::Delete),
        ("exists", Self::Exists),
        ("part", Self::Part),
    ];

    /// `create`
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, act)| *act == self).map_or("", |(name, _)| name)
    }

    /// Whether it changes anything.
    #[must_use]
    pub fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Upsert | Self::Replace | Self::Merge | Self::Delete)
    }
}

/// How a request says which entity it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFrom {
    /// By the expressions of its path, so many after the scope.
    Path(usize),
    /// By a parameter of its query or a member of its body, see [`Collection::keys`].
    Field,
    /// There is only one.
    Only,
    /// By nothing.
    Nothing,
}

/// Entities of one kind.
#[derive(Debug)]
pub struct Collection {
    /// `/users/{userId}/orders`
    pub name: String,
    /// `order`
    pub noun: String,
    /// How many expressions of the path set its entities apart.
    pub scope: usize,
    /// The property that an entity is called by: `id`.
    pub key: Option<String>,
    /// What its key is called anywhere, without marks and in lower case: `id`, `petid`.
    pub keys: Vec<String>,
    /// What an entity is told from others by when it is registered again: `token`.
    pub natural: Option<String>,
    /// What describes an entity.
    pub entity: Option<Arc<Schema>>,
    /// The operation that reads one, for `Location`.
    pub reader: Option<usize>,
    /// The operations whose answers show entities, the one that says most of them first.
    pub shown_by: Vec<(usize, Slot)>,
}

/// What an operation does with a collection.
#[derive(Debug, Clone)]
pub struct Role {
    /// The collection.
    pub collection: Arc<Collection>,
    /// What is done.
    pub act: Act,
    /// Which entity it is done with.
    pub key: KeyFrom,
    /// What of it is in the answer.
    pub slot: Slot,
    /// Where the entity stands in the request: `contact` of `{"contact": {…}}`.
    pub sent: Vec<String>,
    /// The property whose list is shown: `channels`.
    pub part: Option<String>,
    /// Why it is taken for that, for people.
    pub reason: String,
}

/// The resources of a contract. Nothing is looked at before it is asked for.
#[derive(Debug, Default)]
pub struct Resources {
    grouped: OnceLock<Grouped>,
    bases: RwLock<HashMap<(Shelf, u64), Arc<Entities>>>,
}

/// Operations, put together by what their paths name.
#[derive(Debug)]
struct Grouped {
    groups: Vec<Group>,
    of_operation: HashMap<usize, usize>,
    /// The groups by the nouns of their collections, in the order of the documents.
    of_noun: HashMap<String, Vec<usize>>,
}

/// Operations whose paths name one collection.
#[derive(Debug)]
struct Group {
    members: Vec<(usize, Address)>,
    roles: OnceLock<HashMap<usize, Role>>,
}

impl Grouped {
    fn new(contract: &Contract) -> Self {
        let mut by_name: HashMap<(usize, String, usize), usize> = HashMap::new();
        let mut groups: Vec<Group> = Vec::new();
        let mut of_operation = HashMap::new();
        let mut of_noun: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, operation) in contract.operations.iter().enumerate() {
            let Some(address) = Address::parse(&operation.template) else { continue };
            let key = (operation.document, address.collection.clone(), address.keys.max(1));
            let group = *by_name.entry(key).or_insert_with(|| {
                of_noun.entry(address.noun.clone()).or_default().push(groups.len());
                groups.push(Group { members: Vec::new(), roles: OnceLock::new() });
                groups.len() - 1
            });
            groups[group].members.push((index, address));
            of_operation.insert(index, group);
        }
        Self { groups, of_operation, of_noun }
    }
}

impl Resources {
    /// How many beginnings of collections are kept; others are made again for each request.
    const MOST_BASES: usize = 4096;

    fn grouped(&self, contract: &Contract) -> &Grouped {
        self.grouped.get_or_init(|| Grouped::new(contract))
    }

    /// What the operation of this number does; none if it is about no resource.
    #[must_use]
    pub fn role(&self, contract: &Contract, operation: usize) -> Option<&Role> {
        let grouped = self.grouped(contract);
        let group = &grouped.groups[*grouped.of_operation.get(&operation)?];
        group.roles.get_or_init(|| infer(contract, &group.members)).get(&operation)
    }

    /// The operations whose paths name what that of an operation names.
    #[must_use]
    pub fn siblings<'c>(&self, contract: &'c Contract, operation: &Operation) -> Vec<&'c Operation> {
        let grouped = self.grouped(contract);
        let index = contract.operations.iter().position(|there| std::ptr::eq(there, operation));
        let group = index.and_then(|index| grouped.of_operation.get(&index)).map(|group| &grouped.groups[*group]);
        group.into_iter().flat_map(|group| &group.members).map(|(index, _)| &contract.operations[*index]).collect()
    }

    /// All roles, in the order of the operations.
    #[must_use]
    pub fn all<'r>(&'r self, contract: &'r Contract) -> Vec<(usize, &'r Role)> {
        (0..contract.operations.len()).filter_map(|index| Some((index, self.role(contract, index)?))).collect()
    }

    /// The collection of a document whose entities are called by a noun, and that stands alone.
    #[must_use]
    pub fn called(&self, contract: &Contract, document: usize, noun: &str) -> Option<&Arc<Collection>> {
        let grouped = self.grouped(contract);
        let groups = grouped.of_noun.get(noun)?.iter().map(|group| &grouped.groups[*group]);
        let mut roles = groups.flat_map(|group| {
            let roles = group.roles.get_or_init(|| infer(contract, &group.members));
            group.members.iter().filter_map(|(index, _)| Some((*index, roles.get(index)?)))
        });
        let is_meant = |(index, role): &(usize, &Role)| {
            contract.operations[*index].document == document && role.collection.scope == 0 && role.key != KeyFrom::Only
        };
        roles.find(is_meant).map(|(_, role)| &role.collection)
    }

    /// What is on a shelf before anybody writes to it; made once for a seed.
    pub fn base(&self, shelf: &Shelf, seed: u64, make: impl FnOnce() -> Entities) -> Arc<Entities> {
        // What was kept is whole even if somebody panicked beside it.
        let key = (shelf.clone(), seed);
        if let Some(known) = self.bases.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Arc::clone(known);
        }
        let made = Arc::new(make());
        let mut bases = self.bases.write().unwrap_or_else(PoisonError::into_inner);
        if bases.len() < Self::MOST_BASES {
            bases.insert(key, Arc::clone(&made));
        }
        made
    }
}

/// What operations do that share a collection.
fn infer(contract: &Contract, members: &[(usize, Address)]) -> HashMap<usize, Role> {
    let group = Draft::new(contract, members);
    let acts: Vec<(usize, &Address, Option<Doing>)> =
        members.iter().map(|(index, address)| (*index, address, group.doing(*index, address))).collect();
    let keyed = |doing: &Doing| doing.act != Act::Part && matches!(doing.key, KeyFrom::Path(_) | KeyFrom::Field);
    let has = |test: &dyn Fn(&Doing) -> bool| acts.iter().any(|(.., doing)| doing.as_ref().is_some_and(test));
    let shows = |act| matches!(act, Act::Read | Act::List | Act::Find);
    let adds = |act| matches!(act, Act::Create | Act::Upsert);
    let is_shown = has(&|doing| doing.key != KeyFrom::Only && shows(doing.act));
    let is_kept = is_shown && has(&|doing| doing.key != KeyFrom::Only && (keyed(doing) || doing.act.writes()))
        || has(&|doing| adds(doing.act)) && has(&|doing| keyed(doing) && doing.act.writes());
    let is_single = has(&|doing| doing.key == KeyFrom::Only && doing.act == Act::Read)
        && has(&|doing| doing.key == KeyFrom::Only && doing.act.writes());
    let many = Arc::new(group.collection(&acts, false));
    // What is only listed is a resource if its entities are called by something.
    let is_collection = is_kept || is_shown && many.key.is_some();
    let single = Arc::new(group.collection(&acts, true));
    let mut roles = HashMap::new();
    for (index, _, doing) in &acts {
        let Some(doing) = doing else { continue };
        let is_only = doing.key == KeyFrom::Only;
        if if is_only { is_single } else { is_collection } {
            let collection = Arc::clone(if is_only { &single } else { &many });
            let role = group.role(*index, doing, collection);
            if role.act != Act::Part || role.part.is_some() {
                roles.insert(*index, role);
            }
        }
    }
    roles
}

/// What an operation is taken to do.
struct Doing {
    act: Act,
    key: KeyFrom,
    slot: Slot,
    reason: String,
}

/// A group while it is looked at.
struct Draft<'c> {
    contract: &'c Contract,
    members: &'c [(usize, Address)],
    noun: &'c str,
    keys: Vec<String>,
    has_entities: bool,
}

impl<'c> Draft<'c> {
    fn new(contract: &'c Contract, members: &'c [(usize, Address)]) -> Self {
        let noun = members.first().map(|(_, address)| address.noun.as_str()).unwrap_or_default();
        let mut keys: Vec<String> = Vec::new();
        for (index, address) in members.iter().filter(|(_, address)| address.keys == 1) {
            let names = contract.operations[*index].template.rsplit('{').next();
            let name = names.and_then(|rest| rest.split('}').next()).map(folded).unwrap_or_default();
            keys.push(name.clone());
            keys.extend(name.strip_prefix(&address.noun).filter(|rest| !rest.is_empty()).map(str::to_owned));
        }
        keys.extend([format!("{noun}id"), "id".to_owned(), format!("{noun}uuid"), "uuid".to_owned()]);
        keys.extend([format!("{noun}key"), format!("{noun}sid"), "sid".to_owned(), "uid".to_owned()]);
        let mut seen = std::collections::HashSet::new();
        keys.retain(|key| seen.insert(key.clone()));
        let has_entities =
            members.iter().any(|(_, address)| matches!(address.form, Form::Entity | Form::EntityVerb(_)));
        Self { contract, members, noun, keys, has_entities }
    }

    fn operation(&self, index: usize) -> &'c Operation {
        &self.contract.operations[index]
    }

    fn finder<'f>(&'f self, schema: &'f Schema) -> Finder<'f> {
        Finder { schema, noun: self.noun, keys: &self.keys }
    }

    fn one(&self, operation: &Operation) -> Slot {
        answered(operation).map_or(Slot::Nothing, |schema| self.finder(schema).one())
    }

    fn list(&self, operation: &Operation) -> Option<Place> {
        self.finder(answered(operation)?).list()
    }

    /// Where the list stands that an operation shows of an entity.
    fn part(&self, operation: &Operation, name: &str) -> Option<Place> {
        let noun = singular(&folded(name));
        Finder { schema: answered(operation)?, noun: &noun, keys: &self.keys }.list()
    }

    /// Whether what stands at a place is called by something.
    fn has_key(&self, operation: &Operation, place: &Place) -> bool {
        answered(operation).is_some_and(|schema| self.key_of(&schema.sibling(place.pointer.clone())).is_some())
    }

    /// Whether the query or the body of an operation has something that names an entity.
    fn names_entity(&self, operation: &Operation) -> bool {
        let is_key = |name: &str| self.keys.contains(&folded(name)) || folded(name) == self.noun;
        let in_query = operation.parameters.iter().any(|p| p.location == Location::Query && is_key(&p.name));
        let in_body = || {
            sent_schema(operation)
                .is_some_and(|schema| schema.properties(schema.tree()).iter().any(|(name, _)| is_key(name)))
        };
        let in_example = || {
            let bodies = operation.body.iter().flat_map(|body| &body.content).flat_map(|media| &media.examples);
            let mut members = bodies.filter_map(|example| example.value().as_object()).flatten();
            members.any(|(name, _)| is_key(name))
        };
        in_query || in_body() || in_example()
    }

    fn doing(&self, index: usize, address: &Address) -> Option<Doing> {
        let operation = self.operation(index);
        if operation.broken.is_some() {
            return None;
        }
        let method = &operation.method;
        let shown = || format!("{method} {}", operation.template);
        let last = operation.template.rsplit(['/', '.', ':']).next().unwrap_or_default();
        let doing = |act: Act, key: KeyFrom, why: String| {
            let slot = match act {
                Act::List => self.list(operation).map_or(Slot::Nothing, Slot::List),
                Act::Part => self.part(operation, last).map_or(Slot::Nothing, Slot::List),
                Act::Exists => Slot::Nothing,
                _ => self.one(operation),
            };
            Some(Doing { act, key, slot, reason: why })
        };
        let verb = |verb: Verb, key: KeyFrom, text: &str| {
            let is_read = matches!(verb, Verb::Read | Verb::List | Verb::Exists);
            let why = format!("`{text}` says so");
            if !is_read && (*method == Method::GET || *method == Method::HEAD) {
                return None;
            }
            let named = if key == KeyFrom::Nothing { KeyFrom::Field } else { key };
            match verb {
                Verb::Read | Verb::List if self.list(operation).is_some() => doing(Act::List, KeyFrom::Nothing, why),
                Verb::List => doing(Act::Find, KeyFrom::Nothing, why).filter(|doing| doing.slot != Slot::Nothing),
                Verb::Read if key == KeyFrom::Nothing && !self.names_entity(operation) => None,
                Verb::Read => doing(Act::Read, named, why),
                Verb::Exists => doing(Act::Exists, KeyFrom::Nothing, why),
                Verb::Create if is_upsert(operation) => doing(Act::Upsert, KeyFrom::Nothing, why),
                Verb::Create => doing(Act::Create, KeyFrom::Nothing, why),
                Verb::Upsert => doing(Act::Upsert, KeyFrom::Nothing, why),
                Verb::Replace => doing(Act::Replace, named, why),
                Verb::Merge => doing(Act::Merge, named, why),
                Verb::Delete => doing(Act::Delete, named, why),
            }
        };
        match address.form {
            Form::Entity => {
                let key = KeyFrom::Path(address.keys);
                let why = format!("`{}` names one entity of `{}`", shown(), address.shown);
                match *method {
                    // What lists them by something is no entity.
                    Method::GET if self.list(operation).is_some_and(|list| list.way.len() < 2) => None,
                    Method::GET => doing(Act::Read, key, why).filter(|doing| doing.slot != Slot::Nothing),
                    Method::PUT => doing(Act::Replace, key, why),
                    Method::PATCH => doing(Act::Merge, key, why),
                    Method::DELETE => doing(Act::Delete, key, why),
                    Method::POST if operation.body.is_some() => doing(Act::Merge, key, why),
                    _ => None,
                }
            }
            Form::EntityVerb(known) => verb(known, KeyFrom::Path(1), last),
            Form::WholeVerb(known) => verb(known, KeyFrom::Nothing, last),
            Form::Part if !self.names_entity(operation) => None,
            Form::Part if *method == Method::GET => {
                doing(Act::Part, KeyFrom::Field, format!("`{last}` is a list of each"))
                    .filter(|doing| matches!(&doing.slot, Slot::List(_)))
            }
            Form::Part if operation.body.is_some() => {
                let is_shown =
                    |doing: &Doing| matches!(&doing.slot, Slot::Entity(place) if self.has_key(operation, place));
                doing(Act::Merge, KeyFrom::Field, format!("`{last}` answers with the entity")).filter(is_shown)
            }
            Form::Part => None,
            Form::Whole => self.whole(operation, address, &doing),
        }
    }

    /// What is done with a collection as a whole, or with the only entity that there is.
    fn whole(
        &self,
        operation: &Operation,
        address: &Address,
        doing: &dyn Fn(Act, KeyFrom, String) -> Option<Doing>,
    ) -> Option<Doing> {
        let key = || if self.has_entities || self.names_entity(operation) { KeyFrom::Field } else { KeyFrom::Only };
        let only = |key: KeyFrom| match key {
            KeyFrom::Only => format!("`{}` is one entity", address.shown),
            _ => format!("`{}` is called by a field", address.noun),
        };
        match operation.method {
            Method::GET if self.list(operation).is_some() => {
                doing(Act::List, KeyFrom::Nothing, format!("`GET {}` has a list of objects", operation.template))
            }
            Method::GET => {
                let key = if self.names_entity(operation) { KeyFrom::Field } else { KeyFrom::Only };
                doing(Act::Read, key, only(key)).filter(|doing| doing.slot != Slot::Nothing)
            }
            Method::POST => {
                let schema = sent_schema(operation);
                if operation.body.is_none() || schema.is_some_and(|schema| schema.types(schema.tree()) == ["array"]) {
                    return None;
                }
                let act = if is_upsert(operation) { Act::Upsert } else { Act::Create };
                let verb = if act == Act::Upsert { "registers or updates" } else { "adds" };
                doing(act, KeyFrom::Nothing, format!("`POST {}` {verb} an entity", operation.template))
            }
            Method::PUT => doing(Act::Replace, key(), only(key())),
            Method::PATCH => doing(Act::Merge, key(), only(key())),
            Method::DELETE if self.names_entity(operation) => doing(Act::Delete, KeyFrom::Field, only(KeyFrom::Field)),
            Method::DELETE if !self.has_entities => doing(Act::Delete, KeyFrom::Only, only(KeyFrom::Only)),
            _ => None,
        }
    }

    fn collection(&self, acts: &[(usize, &Address, Option<Doing>)], is_single: bool) -> Collection {
        let all = || {
            acts.iter()
                .filter_map(|(index, address, doing)| Some((*index, *address, doing.as_ref()?)))
                .filter(|(.., doing)| (doing.key == KeyFrom::Only) == is_single)
        };
        // What says most of an entity first: an answer that shows one, then one that lists them.
        let order = [Act::Read, Act::List, Act::Find, Act::Merge, Act::Replace, Act::Create, Act::Upsert, Act::Delete];
        let shown = order.iter().find_map(|act| {
            all().filter(|(.., doing)| doing.act == *act).find_map(|(index, _, doing)| {
                let place = match &doing.slot {
                    Slot::Entity(place) | Slot::List(place) => place,
                    Slot::Key(_) | Slot::Nothing => return None,
                };
                let schema = answered(self.operation(index))?;
                let has_properties =
                    !schema.properties(crate::document::syntax::find(schema.root(), &place.pointer)?).is_empty();
                // Where several answers refer to one schema it is that one.
                let node = crate::document::syntax::find(schema.root(), &place.pointer)?;
                let end = resolve_schema(schema.root(), node, &place.pointer).ok().filter(|_| is_only_reference(node));
                let pointer = end.map_or_else(|| place.pointer.clone(), |end| end.pointer);
                has_properties.then(|| Arc::new(schema.sibling(pointer)))
            })
        });
        let sent = || {
            let adding = all().filter(|(.., doing)| matches!(doing.act, Act::Create | Act::Replace | Act::Upsert));
            let schemas: Vec<&Arc<Schema>> =
                adding.filter_map(|(index, ..)| sent_schema(self.operation(index))).collect();
            let with_key = schemas.iter().find(|schema| self.key_of(schema).is_some());
            with_key.or(schemas.first()).map(|schema| Arc::clone(schema))
        };
        let entity = shown.or_else(sent);
        let key = entity.as_ref().and_then(|schema| self.key_of(schema)).filter(|_| !is_single);
        let upserts = all().find(|(.., doing)| doing.act == Act::Upsert).map(|(index, ..)| self.operation(index));
        let first = all()
            .map(|(_, address, _)| address)
            .min_by_key(|address| (address.form != Form::Whole, address.shown.len()));
        let first = first.or_else(|| self.members.first().map(|(_, address)| address));
        let reader = all().find(|(.., doing)| doing.act == Act::Read && matches!(doing.key, KeyFrom::Path(_)));
        let rank = |act: Act| order.iter().position(|known| *known == act).unwrap_or(order.len());
        let mut shown_by: Vec<(usize, Slot, Act)> = all()
            .map(|(index, _, doing)| (index, doing.slot.clone(), doing.act))
            .filter(|(_, slot, act)| *slot != Slot::Nothing && *act != Act::Part)
            .collect();
        shown_by.sort_by_key(|(_, _, act)| rank(*act));
        Collection {
            shown_by: shown_by.into_iter().map(|(index, slot, _)| (index, slot)).collect(),
            name: first.map(|address| address.shown.clone()).unwrap_or_default(),
            noun: self.noun.to_owned(),
            scope: first.map_or(0, |address| address.scope),
            natural: upserts.and_then(natural_key),
            key,
            keys: self.keys.clone(),
            entity,
            reader: reader.map(|(index, ..)| index),
        }
    }

    /// The property that entities are called by.
    fn key_of(&self, schema: &Schema) -> Option<String> {
        let properties = schema.properties(schema.tree());
        let is_plain = |node: &Value| {
            let types = schema.types(node);
            types.is_empty() || types.iter().any(|name| matches!(*name, "string" | "integer" | "number"))
        };
        let named = |wanted: &str| {
            properties
                .iter()
                .find(|(name, node)| folded(name) == wanted && is_plain(node))
                .map(|(name, _)| (*name).to_owned())
        };
        self.keys.iter().find_map(|key| named(key)).or_else(|| ["key", "slug"].iter().find_map(|key| named(key)))
    }

    fn role(&self, index: usize, doing: &Doing, collection: Arc<Collection>) -> Role {
        let sent = match sent_schema(self.operation(index)).map(|schema| self.finder(schema).one()) {
            Some(Slot::Entity(place)) => place.way,
            _ => Vec::new(),
        };
        let last = self.operation(index).template.rsplit(['/', '.', ':']).next().unwrap_or_default();
        let part = collection.entity.as_ref().filter(|_| doing.act == Act::Part).and_then(|schema| {
            let properties = schema.properties(schema.tree());
            let is_meant = |(name, node): &&(&str, &Value)| {
                let (own, wanted) = (singular(&folded(name)), singular(&folded(last)));
                schema.types(node) == ["array"] && (own == wanted || own.starts_with(&wanted) || own.ends_with(&wanted))
            };
            properties.iter().find(is_meant).map(|(name, _)| (*name).to_owned())
        });
        let (act, key, slot) = (doing.act, doing.key, doing.slot.clone());
        Role { collection, act, key, slot, sent, part, reason: doing.reason.clone() }
    }
}

/// The JSON content of some media types, else the first.
fn json(content: &[MediaType]) -> Option<&MediaType> {
    content.iter().find(|media| media.range.is_json()).or_else(|| content.first())
}

/// What describes the answer of a success.
fn answered(operation: &Operation) -> Option<&Arc<Schema>> {
    let (_, response) = operation.success()?;
    json(&response.content)?.schema.as_ref()
}

/// What describes the content of a request.
fn sent_schema(operation: &Operation) -> Option<&Arc<Schema>> {
    json(&operation.body.as_ref()?.content)?.schema.as_ref()
}

/// Whether an operation says that it changes what is there already.
fn is_upsert(operation: &Operation) -> bool {
    const SAYINGS: [&str; 8] = [
        "register or update",
        "registers or updates",
        "create or update",
        "creates or updates",
        "add or update",
        "upsert",
        "insert or update",
        "create or replace",
    ];
    let said = operation.said.to_lowercase();
    SAYINGS.iter().any(|saying| said.contains(saying))
}

/// The property by which an entity that is sent again is known.
fn natural_key(operation: &Operation) -> Option<String> {
    const NAMES: [&str; 10] = ["token", "externalid", "key", "slug", "code", "uuid", "id", "username", "email", "name"];
    let schema = sent_schema(operation)?;
    let properties = schema.properties(schema.tree());
    let named =
        |wanted: &str| properties.iter().find(|(name, _)| folded(name) == wanted).map(|(name, _)| (*name).to_owned());
    NAMES.iter().find_map(|name| named(name))
}

/// Whether a name is that of a reference to entities called by a noun: `ownerId`, `pet_id`.
#[must_use]
pub fn refers_to(name: &str, noun: &str) -> bool {
    let words = words(name);
    matches!(words.split_last(), Some((last, rest)) if matches!(last.as_str(), "id" | "uuid" | "key") && singular(&rest.concat()) == noun)
}
