//! Small entities such as `{id, status}`: is an answer of this form an entity, or a key with a word about the answer?
//!
//! `place` takes such an answer for a key alone, for it sees one schema. `infer` asks here with the answers of all
//! operations of a group.
use serde_json::Value;

use crate::contract::Operation;
use crate::resource::evidence::{answered, sent_schema};
use crate::resource::place::{Slot, ValuePlace};
use crate::resource::role::Act;
use crate::schema::Schema;
use crate::schema::name::folded;
use crate::schema::walk::Child;

/// Names of members that describe an answer even where an entity is read.
const OF_ANSWERS: [&str; 14] = [
    "success",
    "ok",
    "error",
    "errors",
    "meta",
    "links",
    "msg",
    "requestid",
    "timestamp",
    "warnings",
    "warning",
    "statuscode",
    "responsemetadata",
    "result",
];

/// Operation of a group, with what its answer shows so far.
pub(crate) struct Shown<'a, 'c> {
    operation: &'c Operation,
    act: Act,
    slot: &'a mut Slot,
}

impl<'a, 'c> Shown<'a, 'c> {
    pub(crate) fn of(operation: &'c Operation, act: Act, slot: &'a mut Slot) -> Self {
        Self {
            operation,
            act,
            slot,
        }
    }
}

/// Takes answers for whole entities that were taken for a key alone: a client can send one of the other members, an
/// operation reads it by its key, or another answer shows entities with the same members.
pub(crate) fn show_whole(mut all: Vec<Shown<'_, '_>>) {
    let sent: Vec<String> = all.iter().flat_map(sent_names).collect();
    let mut entities: Vec<Vec<String>> = all.iter().filter_map(entity_names).collect();
    for shown in &mut all {
        let Some((place, others)) = small(shown) else {
            continue;
        };
        let is_entity = others.iter().any(|(name, node, schema)| {
            sent.contains(name) || shown.act == Act::Read && is_of_entity(name, schema, node)
        });
        if is_entity {
            *shown.slot = Slot::Entity(place);
            entities.extend(entity_names(shown));
        }
    }
    for shown in &mut all {
        let Some((place, _)) = small(shown) else {
            continue;
        };
        let names = answered(shown.operation).map(|schema| names_at(schema, &place));
        if names.is_some_and(|names| entities.contains(&names)) {
            *shown.slot = Slot::Entity(place);
        }
    }
}

/// Returns the place of the object that has a key at the end of these members.
pub(crate) fn object_of(schema: &Schema, way: &[String]) -> Option<ValuePlace> {
    let (_, outer) = way.split_last()?;
    let pointer = outer
        .iter()
        .try_fold(schema.pointer().to_owned(), |pointer, name| {
            schema.place_of(&pointer, Child::Property(name))
        })?;
    Some(ValuePlace {
        way: outer.to_vec(),
        pointer,
    })
}

/// Member beside a key: its folded name, its schema, and the schema that this is a part of.
type Other<'s> = (String, &'s Value, &'s Schema);

/// Returns the place of the object around a key that an answer shows, and the other members of the object.
fn small<'s>(shown: &Shown<'_, 's>) -> Option<(ValuePlace, Vec<Other<'s>>)> {
    let Slot::Key(way) = &*shown.slot else {
        return None;
    };
    let schema = answered(shown.operation)?;
    let place = object_of(schema, way)?;
    let node = crate::document::syntax::find(schema.root(), &place.pointer)?;
    let others = schema
        .properties(node)
        .into_iter()
        .filter(|(name, _)| way.last().is_some_and(|key| key != name))
        .map(|(name, node)| (folded(name), node, &**schema));
    Some((place, others.collect()))
}

/// Returns true if a member beside a key may be a property of an entity: a text such as `status`.
fn is_of_entity(name: &str, schema: &Schema, node: &Value) -> bool {
    !OF_ANSWERS.contains(&name) && schema.types(node) == ["string"]
}

fn names_at(schema: &Schema, place: &ValuePlace) -> Vec<String> {
    let node = crate::document::syntax::find(schema.root(), &place.pointer);
    let properties = node.map(|node| schema.properties(node)).unwrap_or_default();
    let mut names: Vec<String> = properties.iter().map(|(name, _)| folded(name)).collect();
    names.sort_unstable();
    names
}

/// Returns the names of the members of the entities that an answer shows.
fn entity_names(shown: &Shown<'_, '_>) -> Option<Vec<String>> {
    let (Slot::Entity(place) | Slot::List(place)) = &*shown.slot else {
        return None;
    };
    Some(names_at(answered(shown.operation)?, place))
}

/// Returns the names of the members that a client can send with an entity, in the content or in an object in it.
fn sent_names(shown: &Shown<'_, '_>) -> Vec<String> {
    let schema = sent_schema(shown.operation).filter(|_| shown.act.writes());
    let Some(schema) = schema else {
        return Vec::new();
    };
    let own = schema.properties(schema.tree());
    let inner = own
        .iter()
        .flat_map(|(_, node)| schema.properties(node))
        .map(|(name, _)| folded(name));
    let inner: Vec<String> = inner.collect();
    own.iter()
        .map(|(name, _)| folded(name))
        .chain(inner)
        .collect()
}
