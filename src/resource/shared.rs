//! Groups of paths that are about the same entities: `/users/{userId}/posts` adds and lists what
//! `/posts/{postId}` reads, and `/jobs/{name}/status` shows a job.
//!
//! Paths tell which groups may share entities, which is cheap; the schemas of their answers decide.
use std::collections::HashMap;
use std::sync::Arc;

use http::Method;
use serde_json::Value;

use crate::contract::{Contract, Operation};
use crate::document::reference::resolve_schema;
use crate::document::syntax::find;
use crate::resource::action;
use crate::resource::address::{Address, Form, Verb, singular};
use crate::resource::evidence::{answered, sent_schema};
use crate::resource::infer::end_of;
use crate::resource::key::KeyPath;
use crate::resource::place::{Finder, Slot, ValuePlace};
use crate::resource::raw;
use crate::resource::role::{Act, Collection, Home, KeyFrom, Role};
use crate::resource::small;
use crate::schema::Schema;
use crate::schema::name::{folded, words};

/// Groups that may share their entities with a group, judged by paths alone.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// Group of the entity that the paths of this group go on from: that of `/jobs/{name}` for
    /// `/jobs/{name}/status`.
    pub whole: Option<usize>,
    /// Group that reads entities of the same noun, where this one does not: that of
    /// `/posts/{postId}` for `/users/{userId}/posts`.
    pub reading: Option<usize>,
    /// Groups whose `reading` this group is.
    pub adding: Vec<usize>,
    /// Group of entities that the paths of this group read by another property than their key, and
    /// names of the property: that of `/users/{id}` for `/users/by-name/{name}`.
    pub looked_up: Option<(usize, Vec<String>)>,
}

/// Paths of a group: the document, and the operations with what they address.
pub(crate) type GroupPaths<'g> = (usize, &'g [(usize, Address)]);

/// Returns the links between groups.
#[must_use]
pub(crate) fn link(contract: &Contract, groups: &[GroupPaths<'_>]) -> Vec<Links> {
    let mut entities: HashMap<(usize, &str), usize> = HashMap::new();
    let mut readers: HashMap<(usize, &str), Vec<(usize, &Address)>> = HashMap::new();
    for (index, (document, members)) in groups.iter().enumerate() {
        let Some((_, address)) = members.iter().find(|(_, address)| address.keys == 1) else {
            continue;
        };
        entities
            .entry((*document, &address.collection))
            .or_insert(index);
        if reads_entities(contract, members) {
            let of_noun = readers.entry((*document, &address.noun)).or_default();
            of_noun.push((index, address));
        }
    }
    let mut links: Vec<Links> = groups.iter().map(|_| Links::default()).collect();
    for (index, (document, members)) in groups.iter().enumerate() {
        let Some((first, address)) = members.first() else {
            continue;
        };
        let before = contract.operations[*first].template.rsplit_once(['/', ':']);
        let whole = before.and_then(|(before, _)| Address::parse(before));
        if let Some(whole) = whole.filter(|whole| whole.form == Form::Entity && whole.keys == 1)
            && members.iter().all(|(_, address)| {
                matches!(
                    address.form,
                    Form::Whole | Form::WholeVerb(Verb::Merge | Verb::Replace)
                )
            })
        {
            let found = entities.get(&(*document, &whole.collection));
            links[index].whole = found.copied().filter(|whole| *whole != index);
        }
        links[index].looked_up = lookup(&contract.operations[*first].template)
            .and_then(|lookup| {
                let whole = entities.get(&(*document, lookup.collection.as_str()))?;
                Some((*whole, lookup.names))
            })
            .filter(|(whole, _)| *whole != index && address.keys == 1);
        let of_noun = readers.get(&(*document, &address.noun));
        if let Some(reading) = of_noun.and_then(|readers| nearest(readers, address))
            && reading != index
            && !reads_entities(contract, members)
            && has_whole(contract, members)
        {
            links[index].reading = Some(reading);
            links[reading].adding.push(index);
        }
    }
    links
}

/// Returns the reader whose path has most in common with an address. Its owners are named at the
/// beginning of the address too.
fn nearest(readers: &[(usize, &Address)], address: &Address) -> Option<usize> {
    let common = |reader: &Address| {
        let pairs = reader.collection.bytes().zip(address.collection.bytes());
        pairs.take_while(|(own, other)| own == other).count()
    };
    let is_above = |reader: &Address| {
        let owners = reader.collection.rfind("{}").map_or(0, |last| last + 2);
        reader.scope <= address.scope && common(reader) >= owners
    };
    let mut best: Option<(usize, usize)> = None;
    for (index, reader) in readers.iter().take(MOST_READERS) {
        let shared = common(reader);
        if is_above(reader) && best.is_none_or(|(most, _)| shared > most) {
            best = Some((shared, *index));
        }
    }
    best.map(|(_, index)| index)
}

/// Maximum number of groups with one noun that are compared with another group; further ones are
/// ignored.
const MOST_READERS: usize = 100;

fn reads_entities(contract: &Contract, members: &[(usize, Address)]) -> bool {
    let reads = |(index, address): &(usize, Address)| {
        address.form == Form::Entity && contract.operations[*index].method == Method::GET
    };
    members.iter().any(reads)
}

/// Returns true if a path of a group lists or adds entities.
fn has_whole(contract: &Contract, members: &[(usize, Address)]) -> bool {
    let is_whole = |(index, address): &(usize, Address)| {
        address.form == Form::Whole
            && matches!(
                contract.operations[*index].method,
                Method::GET | Method::POST
            )
    };
    members.iter().any(is_whole)
}

/// Returns true if two schemas describe the same entities: they are one, or have properties of the
/// same names.
#[must_use]
pub(crate) fn are_alike(one: &Schema, other: &Schema) -> bool {
    /// Objects with fewer properties, such as `{id}`, may be of any kind.
    const FEWEST: usize = 2;
    let end = |schema: &Schema| {
        let node = find(schema.root(), schema.pointer())?;
        let end = resolve_schema(schema.root(), node, schema.pointer()).ok()?;
        Some(end.pointer)
    };
    if Arc::ptr_eq(one.of_document(), other.of_document())
        && end(one).is_some_and(|pointer| end(other) == Some(pointer))
    {
        return true;
    }
    let names = |schema: &Schema| {
        let properties = schema.properties(schema.tree());
        let mut names: Vec<String> = properties
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect();
        names.sort_unstable();
        names
    };
    let own = names(one);
    own.len() >= FEWEST && own == names(other)
}

/// Returns the property of the entities of `whole` that identifies their owner, in the path of a
/// nested collection by the parameter `name`.
#[must_use]
pub(crate) fn owner_property<'s>(
    schema: &'s Schema,
    whole: &Collection,
    nested: &str,
    name: &str,
) -> Option<(&'s str, &'s Value)> {
    let properties = schema.properties(schema.tree());
    // `{id}` of `/users/{id}/orders` is the `userId` of an order, and not its `id`.
    let before = nested.split("/{").next();
    let before = before.and_then(|before| before.rsplit('/').next());
    let owner = format!("{}id", singular(&folded(before.unwrap_or_default())));
    let is_other = |property: &str| Some(property) != whole.key.as_ref().and_then(KeyPath::name);
    let named = |wanted: &str| {
        properties
            .iter()
            .find(|(property, _)| folded(property) == wanted && is_other(property))
    };
    named(&folded(name)).or_else(|| named(&owner)).copied()
}

/// Returns true if the operations of a collection show entities of another one.
#[must_use]
pub(crate) fn shows(contract: &Contract, own: &Collection, other: &Collection) -> bool {
    let Some(entity) = other.entity.as_deref() else {
        return false;
    };
    let is_of_other = |(index, slot): &(usize, Slot)| {
        let (Slot::Entity(place) | Slot::List(place)) = slot else {
            return false;
        };
        answered(&contract.operations[*index])
            .is_some_and(|schema| are_alike(&schema.sibling(place.pointer.clone()), entity))
    };
    own.shown_by.iter().any(is_of_other)
}

/// Returns the collection that also has the entities which other collections add.
#[must_use]
pub(crate) fn joined(
    contract: &Contract,
    collection: &Collection,
    others: &[Arc<Collection>],
) -> Collection {
    let mut joined = collection.clone();
    for other in others {
        joined.is_shared |= !name_owner(contract, other, collection);
        joined.is_added_to |= other.is_added_to;
        joined.shown_by.extend(other.shown_by.iter().cloned());
    }
    joined
}

/// Returns true if the entities of `whole` have a property with the owner that the path of a nested
/// collection names.
#[must_use]
pub(crate) fn name_owner(contract: &Contract, own: &Collection, whole: &Collection) -> bool {
    let Some((index, _)) = own.shown_by.first().filter(|_| own.scope == 1) else {
        return false;
    };
    let is_same = |(own, whole): (&Arc<Schema>, &Arc<Schema>)| own.pointer() == whole.pointer();
    let parameter = contract.operations[*index].compiled().path_names.first();
    let named = parameter
        .zip(whole.entity.as_ref())
        .and_then(|(name, schema)| owner_property(schema, whole, &own.name, name));
    let schemas = own.entity.as_ref().zip(whole.entity.as_ref());
    named.is_some() && schemas.is_some_and(is_same)
}

/// Returns the roles of a group whose entities another collection has.
#[must_use]
pub(crate) fn moved(roles: &HashMap<usize, Role>, whole: &Arc<Collection>) -> HashMap<usize, Role> {
    let moved = roles.iter().map(|(index, role)| {
        let home = Home {
            name: role.collection.name.clone(),
            scope: role.collection.scope,
        };
        let role = Role {
            collection: Arc::clone(whole),
            home: Some(home),
            ..role.clone()
        };
        (*index, role)
    });
    moved.collect()
}

/// Last names of paths that show the entity whose path they go on from, and not another entity of
/// its kind, such as the `manager` of a person.
const ASPECTS: [&str; 9] = [
    "status", "state", "detail", "info", "full", "summary", "profile", "approval", "finalize",
];

/// Returns true if the paths of a group below that of an entity are about the entity itself, by their name.
#[must_use]
pub(crate) fn is_aspect(members: &[(usize, Address)]) -> bool {
    let mut members = members.iter();
    members.any(|(_, address)| ASPECTS.contains(&address.noun.as_str()))
}

/// Returns the place of an entity of a collection in a request or an answer.
fn place_of(schema: &Schema, collection: &Collection) -> Option<ValuePlace> {
    let finder = Finder {
        schema,
        noun: &collection.noun,
        keys: &collection.keys,
    };
    let place = match finder.one() {
        Slot::Entity(place) => place,
        Slot::Key(way) => small::object_of(schema, &way)?,
        Slot::List(_) | Slot::Nothing => return None,
    };
    let found = schema.sibling(place.pointer.clone());
    are_alike(&found, collection.entity.as_deref()?).then_some(place)
}

/// Returns the role of an operation below the path of an entity, if its answer shows the entity.
#[must_use]
pub(crate) fn of_part(operation: &Operation, reading: &Role) -> Option<Role> {
    let collection = &reading.collection;
    let shown = answered(operation).and_then(|schema| place_of(schema, collection))?;
    let sent = sent_schema(operation).and_then(|schema| place_of(schema, collection));
    let act = match operation.method {
        Method::GET => Act::Read,
        Method::PUT | Method::PATCH => Act::Merge,
        _ => return None,
    };
    Some(Role {
        act,
        slot: Slot::Entity(shown),
        sent: sent.map(|place| place.way).unwrap_or_default(),
        part: None,
        reason: format!(
            "`{} {}` shows an entity of `{}`",
            operation.method, operation.template, collection.name
        ),
        ..reading.clone()
    })
}

/// Returns the role of an action on an entity, such as `POST /orders/{id}/cancel`: it sets what its name leads to,
/// or the members that it sends.
#[must_use]
pub(crate) fn of_action(operation: &Operation, reading: &Role) -> Option<Role> {
    if raw::is_content(operation) {
        return of_content(operation, reading);
    }
    let collection = &reading.collection;
    let (entity, name) = (collection.entity.as_ref()?, end_of(&operation.template));
    let is_write = matches!(operation.method, Method::POST | Method::PUT | Method::PATCH);
    let sets = action::sets(entity, name);
    if !is_write || sets.is_empty() && !action::is_setter(operation, collection, name) {
        return None;
    }
    let place = |schema: Option<&Arc<Schema>>| place_of(schema?, collection);
    // What is reported or shared answers with a report, and is not changed.
    if shows_other(operation, collection) {
        return None;
    }
    Some(Role {
        act: Act::Merge,
        slot: place(answered(operation)).map_or(Slot::Nothing, Slot::Entity),
        sent: place(sent_schema(operation)).map_or_else(Vec::new, |place| place.way),
        part: None,
        sets,
        reason: format!("`{name}` changes an entity of `{}`", collection.name),
        ..reading.clone()
    })
}

/// Returns true if an operation answers with an entity of another collection.
fn shows_other(operation: &Operation, collection: &Collection) -> bool {
    answered(operation).is_some_and(|schema| {
        let has_key = |(name, _): &(&str, &Value)| collection.keys.contains(&folded(name));
        let mut properties = schema.properties(schema.tree()).into_iter();
        properties.any(|property| has_key(&property)) && place_of(schema, collection).is_none()
    })
}

/// Returns the role of an operation on the content of an entity, such as `GET /files/{id}/download`; `None` if it adds
/// an entity of another collection, such as a picture of a product.
fn of_content(operation: &Operation, reading: &Role) -> Option<Role> {
    if shows_other(operation, &reading.collection) {
        return None;
    }
    let shown = answered(operation).and_then(|schema| place_of(schema, &reading.collection));
    let act = if operation.method == Method::GET {
        Act::Read
    } else {
        Act::Merge
    };
    Some(Role {
        act,
        slot: shown.map_or(Slot::Nothing, Slot::Entity),
        sent: Vec::new(),
        part: None,
        sets: Vec::new(),
        reason: format!(
            "`{} {}` has the content of an entity of `{}`",
            operation.method, operation.template, reading.collection.name
        ),
        ..reading.clone()
    })
}

/// Returns the role of the operation that reads an entity by the key in its path.
#[must_use]
pub(crate) fn reading(roles: &HashMap<usize, Role>) -> Option<&Role> {
    let reads = |role: &&Role| role.act == Act::Read && role.key == KeyFrom::Path(1);
    let mut all: Vec<&usize> = roles.keys().collect();
    all.sort_unstable();
    all.into_iter().map(|index| &roles[index]).find(reads)
}

/// Path that reads an entity by one of its properties.
#[derive(Debug, PartialEq, Eq)]
struct LookupPath {
    /// Collection of the entity: `/user`.
    collection: String,
    /// Possible names of the property, in lower case without separators.
    names: Vec<String>,
}

/// Reads a path such as `/users/by-name/{name}`, `/users/findByEmail/{email}` or
/// `/users/name/{name}`; `None` for any other.
fn lookup(template: &str) -> Option<LookupPath> {
    let (before, parameter) = template.trim_end_matches('/').rsplit_once("/{")?;
    let (before, segment) = before
        .rsplit_once('/')
        .filter(|(_, segment)| !segment.contains('{'))?;
    let before = before.strip_suffix("/by").unwrap_or(before);
    let mut said = words(segment);
    if matches!(
        said.first().map(String::as_str),
        Some("find" | "get" | "lookup" | "search" | "fetch")
    ) {
        said.remove(0);
    }
    if said.len() > 1 && said[0] == "by" {
        said.remove(0);
    }
    let address = Address::parse(before).filter(|address| address.form == Form::Whole)?;
    Some(LookupPath {
        collection: address.collection,
        names: vec![said.concat(), folded(parameter.trim_end_matches('}'))],
    })
}

/// Returns the role of an operation that reads an entity by another property than its key, if its
/// answer shows the entity, and the entity has the property.
#[must_use]
pub(crate) fn of_lookup(operation: &Operation, reading: &Role, names: &[String]) -> Option<Role> {
    let collection = &reading.collection;
    let place = place_of(answered(operation)?, collection)?;
    let schema = collection.entity.as_ref()?;
    let properties = schema.properties(schema.tree());
    let is_scalar = |node: &Value| {
        let types = schema.types(node);
        !types.is_empty()
            && types
                .iter()
                .all(|name| !matches!(*name, "object" | "array"))
    };
    let mut found = names.iter().filter_map(|wanted| {
        let meant = |(name, node): &&(&str, &Value)| folded(name) == *wanted && is_scalar(node);
        properties.iter().find(meant).map(|(name, _)| *name)
    });
    let name = found.next()?;
    let method = &operation.method;
    (*method == Method::GET).then(|| Role {
        act: Act::Read,
        by: Some(KeyPath::property(name)),
        slot: Slot::Entity(place),
        sent: Vec::new(),
        part: None,
        sets: Vec::new(),
        reason: format!(
            "`{method} {}` reads an entity of `{}` by its `{name}`",
            operation.template, collection.name
        ),
        ..reading.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::lookup;

    #[test]
    fn a_path_may_read_entities_by_a_property() {
        let cases = [
            ("/users/by-name/{name}", Some("/user name")),
            ("/users/by/username/{username}", Some("/user username")),
            ("/users/findByEmail/{mail}", Some("/user email")),
            ("/users/name/{name}", Some("/user name")),
            ("/users/{id}", None),
            ("/users/{id}/{name}", None),
        ];
        for (template, expected) in cases {
            let found =
                lookup(template).map(|lookup| format!("{} {}", lookup.collection, lookup.names[0]));
            assert_eq!(found.as_deref(), expected, "{template}");
        }
    }
}
