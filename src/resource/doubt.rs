//! Doubts about inferred roles, and reasons why an operation has none, for people.
//!
//! `standin routes --state` shows them. A role without a doubt rests on a path, a method and schemas
//! that agree with each other.
use http::Method;

use crate::contract::{Contract, Location, Operation};
use crate::resource::Resources;
use crate::resource::address::{Address, Form};
use crate::resource::evidence::answered;
use crate::resource::key_words::{alternatives, described};
use crate::resource::place::Slot;
use crate::resource::role::{Act, KeyFrom, Role};
use crate::resource::role_override::RoleOverride;
use crate::schema::name::folded;

/// Doubts about the role of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Doubts(pub Vec<String>);

impl Doubts {
    /// Returns the confidence in the role, in one word.
    #[must_use]
    pub(crate) fn confidence(&self) -> &'static str {
        if self.0.is_empty() { "high" } else { "low" }
    }
}

/// Returns the doubts about the role of an operation; none if the fixtures tell it.
#[must_use]
pub(crate) fn doubts(
    contract: &Contract,
    resources: &Resources,
    index: usize,
    role: &Role,
) -> Doubts {
    let told = resources.overrules().operations.get(&index);
    let mut doubts = Vec::new();
    let (operation, collection) = (&contract.operations[index], &role.collection);
    let is_many = role.key != KeyFrom::Only;
    if is_many
        && matches!(role.act, Act::Create | Act::Upsert)
        && !is_read(contract, resources, role)
    {
        let method = &operation.method;
        doubts.push(format!(
            "`{method} {}` adds an entity, but no operation reads it",
            operation.template
        ));
    }
    if told.is_some_and(RoleOverride::sets_role) {
        return Doubts(doubts);
    }
    if is_many && collection.key.is_none() {
        doubts.push("no property of the entity is its key".to_owned());
    }
    let has_answer = answered(operation).is_some();
    if has_answer && role.slot == Slot::Nothing && !matches!(role.act, Act::Delete | Act::Exists) {
        doubts.push("no entity was found in the answer".to_owned());
    }
    if let Some(key) = collection.key.as_ref().filter(|_| is_by_path(role))
        && role.by.is_none()
        && let Some(parameter) = operation.compiled().path_names.last()
        && !names(parameter, key.last(), &collection.noun)
        && !is_described(operation, key.last(), &collection.noun)
    {
        doubts.push(format!("the path calls the key `{parameter}`"));
    }
    let form = Address::parse(&operation.template).map(|address| address.form);
    if matches!(
        form,
        Some(Form::Part | Form::WholeVerb(_) | Form::EntityVerb(_))
    ) && role.slot == Slot::Nothing
    {
        doubts.push("the name in the path alone tells the action".to_owned());
    }
    Doubts(doubts)
}

/// Returns true if the path of an operation ends in the key of its entity.
fn is_by_path(role: &Role) -> bool {
    role.key == KeyFrom::Path(1)
        && matches!(
            role.act,
            Act::Read | Act::Replace | Act::Merge | Act::Delete
        )
}

/// Returns true if a path parameter is named after a key, or a key is the usual one: `id` for any
/// parameter that is an id or the noun.
fn names(parameter: &str, key: &str, noun: &str) -> bool {
    let (plain, key) = (folded(parameter), folded(key));
    let is_usual = matches!(key.as_str(), "id" | "uuid" | "sid");
    let is_id = plain.ends_with("id") || plain.ends_with("sid") || plain == noun;
    plain.ends_with(&key)
        || key.ends_with(&plain)
        || is_usual && is_id
        || alternatives(parameter).is_some()
}

/// Returns true if the description of the path parameter names the key.
fn is_described(operation: &Operation, key: &str, noun: &str) -> bool {
    let compiled = operation.compiled();
    let mut parameters = compiled.parameters.iter();
    let parameter = parameters.find(|parameter| {
        parameter.location == Location::Path && Some(&parameter.name) == compiled.path_names.last()
    });
    let description = parameter.and_then(|parameter| parameter.description.as_deref());
    description.is_some_and(|text| described(text, noun) == Some(folded(key).as_str()))
}

/// Returns true if an operation shows entities of the collection of a role.
fn is_read(contract: &Contract, resources: &Resources, role: &Role) -> bool {
    let reads = |(_, other): (usize, &Role)| {
        let shows = matches!(
            other.act,
            Act::Read | Act::List | Act::Find | Act::Part | Act::Exists
        );
        shows && other.collection.name == role.collection.name
    };
    resources.all(contract).into_iter().any(reads)
}

/// Returns the reason why an operation has no role.
#[must_use]
pub(crate) fn no_role(contract: &Contract, resources: &Resources, index: usize) -> String {
    let operation = &contract.operations[index];
    if resources.overrules().operations.get(&index) == Some(&RoleOverride::Off) {
        return "no role: the fixtures say `off`".to_owned();
    }
    let Some(address) = Address::parse(&operation.template) else {
        return "no role: the path names no collection".to_owned();
    };
    let method = &operation.method;
    match (address.form, method) {
        (Form::Whole, &Method::POST) if operation.compiled().body.is_some() => format!(
            "no role: `{method} {}` may add an entity, but no operation reads it",
            operation.template
        ),
        (Form::Whole, &Method::POST) => "no role: the request has no content".to_owned(),
        (_, &Method::GET) if answered(operation).is_none() => {
            "no role: the success response has no schema".to_owned()
        }
        (Form::Entity, &Method::GET) => {
            "no role: the path names one entity, and none was found in the answer".to_owned()
        }
        (_, &Method::GET) => {
            "no role: neither an entity with a key nor a list of objects was found in the answer"
                .to_owned()
        }
        (Form::Entity | Form::EntityVerb(_), _) => {
            "no role: no operation reads or lists the entity".to_owned()
        }
        _ => format!(
            "no role: neither the method nor the name `{}` tells what it does to an entity",
            operation
                .template
                .rsplit(['/', '.', ':'])
                .next()
                .unwrap_or_default()
        ),
    }
}
