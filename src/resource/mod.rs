//! Which resources an API has, and what each operation does with them, inferred from paths, methods and schemas.
//!
//! Operations are put together by their paths, which is cheap; what their schemas say is looked at when the
//! first of a group is asked for. What is then done with entities is left to `memory`.

pub mod address;
pub mod infer;
pub mod list;
mod order;
pub mod overrule;
pub mod place;
pub mod purpose;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use crate::contract::{Contract, Operation};
use crate::resource::address::{Address, Form, singular};
use crate::resource::infer::infer;
use crate::resource::overrule::{Overrules, Told};
use crate::resource::place::Slot;
use crate::schema::Schema;
use crate::schema::name::words;
use crate::state::bases::Bases;
use crate::state::memory::{Entities, Shelf};

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
    /// Whether any operation adds to it; what nobody can add is there when it is asked for.
    pub is_added_to: bool,
    /// Whether any operation puts an entity in it under a key of the client's.
    pub is_put_to: bool,
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
    overrules: Overrules,
    grouped: OnceLock<Grouped>,
    bases: Bases,
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
    fn new(contract: &Contract, overrules: &Overrules) -> Self {
        let mut by_name: HashMap<(usize, String, usize), usize> = HashMap::new();
        let mut groups: Vec<Group> = Vec::new();
        let mut of_operation = HashMap::new();
        let mut of_noun: HashMap<String, Vec<usize>> = HashMap::new();
        let parsed: Vec<Option<Address>> =
            contract.operations.iter().map(|operation| Address::parse(&operation.template)).collect();
        let singles = singles(contract, &parsed);
        for (index, address) in parsed.into_iter().enumerate() {
            let (operation, Some(mut address)) = (&contract.operations[index], address) else { continue };
            match overrules.operations.get(&index) {
                Some(Told::Off) => continue,
                Some(Told::Does { collection: Some(name), .. }) => {
                    if let Some(told) = Address::parse(name) {
                        address = Address { form: address.form, keys: address.keys, ..told };
                    }
                }
                _ => {}
            }
            if address.form == Form::Whole && singles.contains(&(operation.document, address.shown.clone())) {
                address.collection.push_str(" alone");
            }
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

/// Paths in the singular that are one entity of their own, beside the collection in the plural: `/user` beside
/// `/users/{username}`. Such a path is read, changed or deleted, and not only added to.
fn singles(contract: &Contract, parsed: &[Option<Address>]) -> HashSet<(usize, String)> {
    let all = || {
        parsed.iter().enumerate().filter_map(|(index, address)| Some((&contract.operations[index], address.as_ref()?)))
    };
    let plurals: HashSet<(usize, &str)> = all()
        .filter(|(_, address)| !address.is_singular)
        .map(|(operation, address)| (operation.document, address.collection.as_str()))
        .collect();
    all()
        .filter(|(operation, address)| {
            let is_one = address.form == Form::Whole && address.is_singular && operation.method != http::Method::POST;
            is_one && plurals.contains(&(operation.document, address.collection.as_str()))
        })
        .map(|(operation, address)| (operation.document, address.shown.clone()))
        .collect()
}

impl Resources {
    fn grouped(&self, contract: &Contract) -> &Grouped {
        self.grouped.get_or_init(|| Grouped::new(contract, &self.overrules))
    }

    /// Resources of which the user says something.
    #[must_use]
    pub fn with(overrules: Overrules) -> Self {
        Self { overrules, ..Self::default() }
    }

    /// What the user says of them, and nothing else.
    #[must_use]
    pub fn into_overrules(self) -> Overrules {
        self.overrules
    }

    /// What the user says of them.
    #[must_use]
    pub fn overrules(&self) -> &Overrules {
        &self.overrules
    }

    /// What the operation of this number does; none if it is about no resource.
    #[must_use]
    pub fn role(&self, contract: &Contract, operation: usize) -> Option<&Role> {
        let grouped = self.grouped(contract);
        let group = &grouped.groups[*grouped.of_operation.get(&operation)?];
        group.roles.get_or_init(|| infer(contract, &group.members, &self.overrules)).get(&operation)
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
            let roles = group.roles.get_or_init(|| infer(contract, &group.members, &self.overrules));
            group.members.iter().filter_map(|(index, _)| Some((*index, roles.get(index)?)))
        });
        let is_meant = |(index, role): &(usize, &Role)| {
            contract.operations[*index].document == document && role.collection.scope == 0 && role.key != KeyFrom::Only
        };
        roles.find(is_meant).map(|(_, role)| &role.collection)
    }

    /// What is on a shelf before anybody writes to it; made once for a seed.
    pub fn base(&self, shelf: &Shelf, seed: u64, make: impl FnOnce() -> Entities) -> Arc<Entities> {
        self.bases.get(shelf, seed, make)
    }
}

/// Whether a name is that of a reference to entities called by a noun: `ownerId`, `pet_id`.
#[must_use]
pub fn refers_to(name: &str, noun: &str) -> bool {
    let words = words(name);
    matches!(words.split_last(), Some((last, rest)) if matches!(last.as_str(), "id" | "uuid" | "key") && singular(&rest.concat()) == noun)
}
