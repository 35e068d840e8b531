//! Resources of an API, and the role of each operation, inferred from paths, methods and schemas.
//!
//! Operations are grouped by their paths, which is cheap; the schemas of a group are read when the
//! first of its roles is needed. `entity` carries out the roles, and `state` keeps the entities.

mod action;
pub(crate) mod address;
pub(crate) mod doubt;
pub(crate) mod evidence;
pub(crate) mod filter;
mod filter_match;
mod filter_text;
pub(crate) mod infer;
pub(crate) mod key;
mod key_search;
mod key_words;
pub(crate) mod list;
mod order;
pub(crate) mod override_check;
mod override_place;
pub(crate) mod page_field;
pub mod place;
pub(crate) mod purpose;
pub(crate) mod raw;
mod request_place;
pub(crate) mod role;
pub(crate) mod role_override;
pub(crate) mod shared;
mod small;

pub(crate) use crate::resource::role::{Act, Collection, KeyFrom, Role};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use crate::contract::{Contract, Operation};
use crate::resource::address::{Address, Form, singular};
use crate::resource::infer::{Kept, infer};
use crate::resource::role_override::{RoleOverride, RoleOverrides};
use crate::resource::shared::{GroupPaths, Links, link};
use crate::schema::name::words;
use crate::state::bases::Bases;
use crate::state::memory::{CollectionKey, Entities};

/// Resources of a contract, inferred when first needed.
#[derive(Debug, Default)]
pub struct Resources {
    overrules: RoleOverrides,
    grouped: OnceLock<Grouped>,
    bases: Bases,
}

/// Operations, grouped by the collection that their paths address.
#[derive(Debug)]
struct Grouped {
    groups: Vec<Group>,
    of_operation: HashMap<usize, usize>,
    /// Indexes of groups by the noun of the collection, in document order.
    of_noun: HashMap<String, Vec<usize>>,
}

/// Operations whose paths address the same collection.
#[derive(Debug)]
struct Group {
    members: Vec<(usize, Address)>,
    /// Groups that may share their entities with this one.
    links: Links,
    /// Roles in the collection of the group alone.
    own: OnceLock<HashMap<usize, Role>>,
    /// Roles in the collections that have the entities.
    roles: OnceLock<HashMap<usize, Role>>,
}

impl Grouped {
    pub(crate) fn new(contract: &Contract, overrules: &RoleOverrides) -> Self {
        let mut by_name: HashMap<(usize, String, usize), usize> = HashMap::new();
        let mut groups: Vec<Group> = Vec::new();
        let mut of_operation = HashMap::new();
        let mut of_noun: HashMap<String, Vec<usize>> = HashMap::new();
        let parsed: Vec<Option<Address>> = contract
            .operations
            .iter()
            .map(|operation| Address::parse(&operation.template))
            .collect();
        let singles = singles(contract, &parsed);
        for (index, address) in parsed.into_iter().enumerate() {
            let (operation, Some(mut address)) = (&contract.operations[index], address) else {
                continue;
            };
            match overrules.operations.get(&index) {
                Some(RoleOverride::Off) => continue,
                Some(RoleOverride::Does {
                    collection: Some(name),
                    ..
                }) => {
                    if let Some(told) = Address::parse(name) {
                        address = Address {
                            form: address.form,
                            keys: address.keys,
                            ..told
                        };
                    }
                }
                _ => {}
            }
            let same = overrules.collections.get(&address.collection);
            if let Some(told) = same.and_then(|told| Address::parse(told.same.as_deref()?)) {
                address = address.in_place_of(told);
            }
            if address.form == Form::Whole
                && singles.contains(&(operation.document, address.shown.clone()))
            {
                address.collection.push_str(" alone");
            }
            let key = (
                operation.document,
                address.collection.clone(),
                address.keys.max(1),
            );
            let group = *by_name.entry(key).or_insert_with(|| {
                of_noun
                    .entry(address.noun.clone())
                    .or_default()
                    .push(groups.len());
                groups.push(Group {
                    members: Vec::new(),
                    links: Links::default(),
                    own: OnceLock::new(),
                    roles: OnceLock::new(),
                });
                groups.len() - 1
            });
            groups[group].members.push((index, address));
            of_operation.insert(index, group);
        }
        let paths: Vec<GroupPaths<'_>> = groups
            .iter()
            .map(|group| {
                let first = group.members.first().map_or(0, |(index, _)| *index);
                (
                    contract.operations[first].document,
                    group.members.as_slice(),
                )
            })
            .collect();
        let links = link(contract, &paths);
        for (group, links) in groups.iter_mut().zip(links) {
            group.links = links;
        }
        Self {
            groups,
            of_operation,
            of_noun,
        }
    }
}

/// Returns the paths in the singular that address a separate entity beside the collection in the
/// plural: `/user` beside `/users/{username}`. Such a path is read, changed or deleted, and not
/// only added to.
fn singles(contract: &Contract, parsed: &[Option<Address>]) -> HashSet<(usize, String)> {
    let all = || {
        parsed
            .iter()
            .enumerate()
            .filter_map(|(index, address)| Some((&contract.operations[index], address.as_ref()?)))
    };
    let plurals: HashSet<(usize, &str)> = all()
        .filter(|(_, address)| !address.is_singular)
        .map(|(operation, address)| (operation.document, address.collection.as_str()))
        .collect();
    all()
        .filter(|(operation, address)| {
            let is_one = address.form == Form::Whole
                && address.is_singular
                && operation.method != http::Method::POST;
            is_one && plurals.contains(&(operation.document, address.collection.as_str()))
        })
        .map(|(operation, address)| (operation.document, address.shown.clone()))
        .collect()
}

impl Resources {
    fn grouped(&self, contract: &Contract) -> &Grouped {
        self.grouped
            .get_or_init(|| Grouped::new(contract, &self.overrules))
    }

    /// Returns resources with the overrides of the user.
    #[must_use]
    pub fn with(overrules: RoleOverrides) -> Self {
        Self {
            overrules,
            ..Self::default()
        }
    }

    /// Returns the overrides of the user, and drops the rest.
    #[must_use]
    pub fn into_overrules(self) -> RoleOverrides {
        self.overrules
    }

    /// Returns the overrides of the user.
    #[must_use]
    pub fn overrules(&self) -> &RoleOverrides {
        &self.overrules
    }

    /// Returns the role of the operation with this index; `None` if it is not about a resource.
    #[must_use]
    pub fn role(&self, contract: &Contract, operation: usize) -> Option<&Role> {
        let grouped = self.grouped(contract);
        let group = *grouped.of_operation.get(&operation)?;
        self.roles_of(contract, group).get(&operation)
    }

    /// Returns the roles of the operations of a group.
    fn roles_of(&self, contract: &Contract, group: usize) -> &HashMap<usize, Role> {
        let of = &self.grouped(contract).groups[group];
        of.roles
            .get_or_init(|| self.shared_roles(contract, of, group))
    }

    /// Returns the roles of a group in the collection that its paths alone describe.
    fn own_roles(&self, contract: &Contract, group: usize) -> &HashMap<usize, Role> {
        let group = &self.grouped(contract).groups[group];
        group.own.get_or_init(|| {
            let kept = if group.links.reading.is_some() {
                Kept::Elsewhere
            } else {
                Kept::Here
            };
            infer(contract, &group.members, &self.overrules, kept)
        })
    }

    /// Infers the roles of a group, which may be about entities that the paths of others address.
    fn shared_roles(&self, contract: &Contract, of: &Group, group: usize) -> HashMap<usize, Role> {
        let own = self.own_roles(contract, group);
        let alone = || infer(contract, &of.members, &self.overrules, Kept::Here);
        let is_told = |index: &usize| {
            let told = self.overrules.operations.get(index);
            told.is_some_and(RoleOverride::sets_role)
        };
        if of.members.iter().any(|(index, _)| is_told(index)) {
            return alone();
        }
        if let Some(reading) = of.links.reading
            && self.adds_to(contract, group, reading)
            && let Some(role) = shared::reading(self.roles_of(contract, reading))
        {
            let named = own.values().next().map(|role| &role.collection);
            // `entity::wider` finds the entities of an owner by the property that names it.
            if named.is_some_and(|named| shared::name_owner(contract, named, &role.collection)) {
                return own.clone();
            }
            return shared::moved(own, &role.collection);
        }
        let own = if of.links.reading.is_some() {
            &alone()
        } else {
            own
        };
        if let Some((whole, names)) = &of.links.looked_up
            && let Some(reading) = shared::reading(self.roles_of(contract, *whole))
        {
            let lookup = |(index, _): &(usize, Address)| {
                let role = shared::of_lookup(&contract.operations[*index], reading, names)?;
                Some((*index, role))
            };
            let lookups: HashMap<usize, Role> = of.members.iter().filter_map(lookup).collect();
            if !lookups.is_empty() {
                return own.clone().into_iter().chain(lookups).collect();
            }
        }
        if let Some(whole) = of.links.whole
            && let Some(reading) = shared::reading(self.roles_of(contract, whole))
        {
            let action = |(index, _): &(usize, Address)| {
                let role = shared::of_action(&contract.operations[*index], reading)?;
                Some((*index, role))
            };
            let actions: HashMap<usize, Role> = of.members.iter().filter_map(action).collect();
            if !actions.is_empty() {
                return own.clone().into_iter().chain(actions).collect();
            }
        }
        if let Some(whole) = of.links.whole
            && let Some(reading) = shared::reading(self.roles_of(contract, whole))
            && shared::is_aspect(&of.members)
        {
            let part = |(index, _): &(usize, Address)| {
                let role = shared::of_part(&contract.operations[*index], reading)?;
                Some((*index, role))
            };
            let parts: HashMap<usize, Role> = of.members.iter().filter_map(part).collect();
            if !parts.is_empty() {
                return own.clone().into_iter().chain(parts).collect();
            }
        }
        let others: Vec<Arc<Collection>> = of
            .links
            .adding
            .iter()
            .filter(|adding| self.adds_to(contract, **adding, group))
            .filter_map(|adding| {
                let roles = self.own_roles(contract, *adding);
                roles
                    .values()
                    .next()
                    .map(|role| Arc::clone(&role.collection))
            })
            .collect();
        let mut roles = own.clone();
        if let Some(reading) = shared::reading(own).filter(|_| !others.is_empty()) {
            let before = Arc::clone(&reading.collection);
            let joined = Arc::new(shared::joined(contract, &before, &others));
            for role in roles.values_mut() {
                if Arc::ptr_eq(&role.collection, &before) {
                    role.collection = Arc::clone(&joined);
                }
            }
        }
        roles
    }

    /// Returns true if a group adds or lists the entities that another one reads.
    fn adds_to(&self, contract: &Contract, group: usize, reading: usize) -> bool {
        let roles = self.own_roles(contract, group);
        let Some(role) = shared::reading(self.own_roles(contract, reading)) else {
            return false;
        };
        let Some(own) = roles.values().next() else {
            return false;
        };
        let is_one = |role: &Role| {
            role.key != KeyFrom::Only && Arc::ptr_eq(&role.collection, &own.collection)
        };
        role.collection.key.is_some()
            && roles.values().all(is_one)
            && shared::shows(contract, &own.collection, &role.collection)
    }

    /// Returns the operations whose paths address the collection that the path of an operation
    /// addresses, itself included.
    #[must_use]
    pub fn siblings<'c>(
        &self,
        contract: &'c Contract,
        operation: &Operation,
    ) -> Vec<&'c Operation> {
        let grouped = self.grouped(contract);
        let index = contract
            .operations
            .iter()
            .position(|there| std::ptr::eq(there, operation));
        let group = index
            .and_then(|index| grouped.of_operation.get(&index))
            .map(|group| &grouped.groups[*group]);
        group
            .into_iter()
            .flat_map(|group| &group.members)
            .map(|(index, _)| &contract.operations[*index])
            .collect()
    }

    /// Returns all roles with the indexes of their operations, in the order of the operations.
    #[must_use]
    pub fn all<'r>(&'r self, contract: &'r Contract) -> Vec<(usize, &'r Role)> {
        (0..contract.operations.len())
            .filter_map(|index| Some((index, self.role(contract, index)?)))
            .collect()
    }

    /// Returns the collection of a document whose entities have this noun, if it is not inside
    /// another.
    #[must_use]
    pub fn called(
        &self,
        contract: &Contract,
        document: usize,
        noun: &str,
    ) -> Option<&Arc<Collection>> {
        let grouped = self.grouped(contract);
        let groups = grouped
            .of_noun
            .get(noun)?
            .iter()
            .map(|group| (*group, &grouped.groups[*group]));
        let mut roles = groups.flat_map(|(index, group)| {
            let roles = self.roles_of(contract, index);
            group
                .members
                .iter()
                .filter_map(|(index, _)| Some((*index, roles.get(index)?)))
        });
        let is_meant = |(index, role): &(usize, &Role)| {
            contract.operations[*index].document == document
                && role.scope() == 0
                && role.home.is_none()
                && role.key != KeyFrom::Only
        };
        roles.find(is_meant).map(|(_, role)| &role.collection)
    }

    /// Returns the initial entities of a collection, before any write; built with `make` once per
    /// seed and then cached.
    pub fn base(
        &self,
        collection_key: &CollectionKey,
        seed: u64,
        make: impl FnOnce() -> Entities,
    ) -> Arc<Entities> {
        self.bases.get(collection_key, seed, make)
    }
}

/// Returns true if the name of a property refers to entities with this noun: `ownerId`, `pet_id`.
#[must_use]
pub(crate) fn refers_to(name: &str, noun: &str) -> bool {
    let words = words(name);
    matches!(words.split_last(), Some((last, rest)) if matches!(last.as_str(), "id" | "uuid" | "key") && singular(&rest.concat()) == noun)
}
