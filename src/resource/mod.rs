//! Resources of an API, and the role of each operation, inferred from paths, methods and schemas.
//!
//! Operations are grouped by their paths, which is cheap; the schemas of a group are read when the
//! first of its roles is needed. `entity` carries out the roles, and `state` keeps the entities.

pub(crate) mod address;
pub(crate) mod evidence;
pub(crate) mod infer;
pub(crate) mod key;
mod key_search;
pub(crate) mod list;
mod order;
pub mod place;
pub(crate) mod purpose;
pub(crate) mod role;
pub(crate) mod role_override;

pub(crate) use crate::resource::role::{Act, Collection, KeyFrom, Role};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use crate::contract::{Contract, Operation};
use crate::resource::address::{Address, Form, singular};
use crate::resource::infer::infer;
use crate::resource::role_override::{RoleOverride, RoleOverrides};
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
                    roles: OnceLock::new(),
                });
                groups.len() - 1
            });
            groups[group].members.push((index, address));
            of_operation.insert(index, group);
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
        let group = &grouped.groups[*grouped.of_operation.get(&operation)?];
        group
            .roles
            .get_or_init(|| infer(contract, &group.members, &self.overrules))
            .get(&operation)
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
            .map(|group| &grouped.groups[*group]);
        let mut roles = groups.flat_map(|group| {
            let roles = group
                .roles
                .get_or_init(|| infer(contract, &group.members, &self.overrules));
            group
                .members
                .iter()
                .filter_map(|(index, _)| Some((*index, roles.get(index)?)))
        });
        let is_meant = |(index, role): &(usize, &Role)| {
            contract.operations[*index].document == document
                && role.collection.scope == 0
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
