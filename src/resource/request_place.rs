//! Place of an entity in a request body, found by its likeness to the entity that answers show.
use serde_json::Value;

use crate::resource::place::{Finder, Slot};
use crate::resource::role::Collection;
use crate::schema::Schema;
use crate::schema::name::folded;

/// Returns the path of member names to the entity in a request body: the level that shares most
/// names with the entity, of those that lead to the innermost object that looks like one, and of
/// the objects in the body.
pub(crate) fn sent_way(finder: &Finder<'_>, collection: &Collection) -> Vec<String> {
    let schema = finder.schema;
    let way = match finder.one() {
        Slot::Entity(place) => place.way,
        _ => Vec::new(),
    };
    let Some(entity) = collection.entity.as_deref() else {
        return way;
    };
    let own = names_in(entity, entity.tree());
    let likeness = |way: &[String]| {
        let node = way.iter().try_fold(schema.tree(), |node, name| {
            schema.property(node, name).or_else(|| schema.items(node))
        });
        let names = node.map(|node| names_in(schema, node)).unwrap_or_default();
        names.iter().filter(|name| own.contains(name)).count()
    };
    // A member that the entity has too is no wrapper, unless more of the entity is in it.
    let wraps = |way: &[String]| !way.iter().any(|name| own.contains(&folded(name)));
    let levels = (0..=way.len()).map(|length| way[..length].to_vec());
    let best = levels.max_by_key(|way| (likeness(way), wraps(way), way.len()));
    let best = best.unwrap_or_default();
    if likeness(&best) > 0 {
        return best;
    }
    // A wrapper may have any name; nothing beside it belongs to the entity.
    let objects = schema.properties(schema.tree()).into_iter();
    let wrapped = objects
        .filter(|(_, node)| schema.types(node) == ["object"])
        .map(|(name, _)| vec![name.to_owned()]);
    let wrapped = wrapped.filter(|way| likeness(way) > 0);
    wrapped.max_by_key(|way| likeness(way)).unwrap_or(best)
}

/// Returns the names of the properties of an object, in lower case without separators.
fn names_in(schema: &Schema, node: &Value) -> Vec<String> {
    let properties = schema.properties(node).into_iter();
    properties.map(|(name, _)| folded(name)).collect()
}
