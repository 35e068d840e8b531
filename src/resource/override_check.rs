//! Checks that the section `resources` of fixtures names what the documents have.
//!
//! The sandbox does so once, after all fixtures are read.
use crate::contract::Contract;
use crate::diagnostic::{Code, Diagnostic, Place};
use crate::document::syntax::join;
use crate::resource::Resources;
use crate::resource::address::Address;
use crate::resource::evidence::{answered, sent_schema};
use crate::resource::key::KeyPath;
use crate::resource::override_place::slot_at;
use crate::resource::role::Collection;
use crate::resource::role_override::{
    CollectionOverride, OverrideEntry, OverrideTarget, RoleOverride, RoleOverrides,
};
use crate::schema::Schema;

/// Maximum number of names that a help lists.
const MOST_LISTED: usize = 12;

/// Returns the overrides, and a diagnostic for each collection or member that they name and the
/// documents do not have.
#[must_use]
pub(crate) fn check(
    contract: &Contract,
    overrules: RoleOverrides,
) -> (RoleOverrides, Vec<Diagnostic>) {
    if overrules.entries.is_empty() {
        return (overrules, Vec::new());
    }
    let resources = Resources::with(overrules);
    let mut found = Vec::new();
    for entry in &resources.overrules().entries {
        match &entry.target {
            OverrideTarget::Operation(index) => {
                found.extend(of_operation(contract, &resources, *index, entry));
            }
            OverrideTarget::Collection(name) => {
                if let Some(told) = resources.overrules().collections.get(name) {
                    found.extend(of_collection(contract, &resources, (name, told), entry));
                }
            }
        }
    }
    (resources.into_overrules(), found)
}

impl OverrideEntry {
    fn unknown(&self, field: &str, message: String) -> Diagnostic {
        let place = Place::value(&self.source, format!("{}/{field}", self.at));
        Diagnostic::at(Code::UnknownResourceMember, place, message)
    }
}

fn of_operation(
    contract: &Contract,
    resources: &Resources,
    index: usize,
    entry: &OverrideEntry,
) -> Vec<Diagnostic> {
    let Some(RoleOverride::Does { shows, takes, .. }) =
        resources.overrules().operations.get(&index)
    else {
        return Vec::new();
    };
    let operation = &contract.operations[index];
    let parts = [
        ("shows", "success response", shows, answered(operation)),
        ("takes", "request content", takes, sent_schema(operation)),
    ];
    let mut found = Vec::new();
    for (field, what, way, schema) in parts {
        let Some(way) = way else { continue };
        if schema.is_some_and(|schema| slot_at(schema, way).is_some()) {
            continue;
        }
        let pointer = pointer_of(way);
        let message = format!(
            "the {what} of `{} {}` has no `{pointer}`",
            operation.method, operation.template
        );
        let help = match schema {
            Some(schema) => members_of(schema),
            None => format!("the document has no schema for the {what}"),
        };
        found.push(entry.unknown(field, message).help(help));
    }
    found
}

fn of_collection(
    contract: &Contract,
    resources: &Resources,
    (name, told): (&str, &CollectionOverride),
    entry: &OverrideEntry,
) -> Vec<Diagnostic> {
    let grouped = resources.grouped(contract);
    let is_meant = |address: &Address| {
        address.collection == name
            || address
                .was
                .as_ref()
                .is_some_and(|was| was.collection == name)
    };
    let group = grouped
        .groups
        .iter()
        .position(|group| group.members.iter().any(|(_, address)| is_meant(address)));
    let Some(group) = group else {
        let place = Place::key(&entry.source, &entry.at);
        let message = "no path of a document is about this collection".to_owned();
        let unknown = Diagnostic::at(Code::UnknownResourceMember, place, message);
        return vec![unknown.help("`standin routes --state` lists the collections")];
    };
    let mut found = Vec::new();
    let roles = resources.roles_of(contract, group);
    let collection = roles.values().next().map(|role| &role.collection);
    if let Some(collection) = collection {
        let is_listed = !told.others.is_empty();
        for (index, key) in told.key.iter().chain(&told.others).enumerate() {
            let field = if is_listed {
                format!("key/{index}")
            } else {
                "key".to_owned()
            };
            found.extend(unknown_key(collection, key, entry, &field));
        }
    }
    if let Some(way) = &told.entity {
        let mut members = grouped.groups[group].members.iter();
        let has_place = |(index, _): &(usize, Address)| {
            let schema = answered(&contract.operations[*index]);
            schema.is_some_and(|schema| slot_at(schema, way).is_some())
        };
        if !members.any(has_place) {
            let message = format!(
                "no success response of `{}` has `{}`",
                collection.map_or(name, |collection| &collection.name),
                pointer_of(way)
            );
            found.push(entry.unknown("entity", message));
        }
    }
    if let Some(other) = &told.same {
        let address = Address::parse(other);
        let is_there = |(_, there): &(usize, Address)| {
            let is_own = there.was.is_none();
            is_own
                && address
                    .as_ref()
                    .is_some_and(|other| other.collection == there.collection)
        };
        let mut all = grouped.groups.iter().flat_map(|group| &group.members);
        if !all.any(is_there) {
            let message = format!("no path of a document is about `{other}`");
            let unknown = entry.unknown("same", message);
            found.push(unknown.help("`standin routes --state` lists the collections"));
        }
    }
    found
}

/// Returns a diagnostic for a key that the schema of the entities does not declare.
fn unknown_key(
    collection: &Collection,
    key: &KeyPath,
    entry: &OverrideEntry,
    field: &str,
) -> Option<Diagnostic> {
    let schema = collection.entity.as_deref()?;
    let is_declared = schema.properties(schema.tree()).is_empty() || key.node(schema).is_some();
    if is_declared {
        return None;
    }
    let message = format!(
        "an entity of `{}` has no property `{key}`, so nothing is found by it",
        collection.name
    );
    Some(entry.unknown(field, message).help(members_of(schema)))
}

fn members_of(schema: &Schema) -> String {
    let properties = schema.properties(schema.tree());
    let names: Vec<&str> = properties
        .iter()
        .map(|(name, _)| *name)
        .take(MOST_LISTED)
        .collect();
    format!("its properties are `{}`", names.join("`, `"))
}

fn pointer_of(way: &[String]) -> String {
    way.iter().fold(String::new(), |at, name| join(&at, name))
}
