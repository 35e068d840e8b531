//! New names in a request: `new_name` of a label changes its `name`, and its key if that is the name.
use serde_json::{Map, Value};

use crate::codec::text::plain;
use crate::contract::Operation;
use crate::resource::Collection;
use crate::resource::infer::end_of;
use crate::resource::key::KeyPath;
use crate::schema::name::{folded, words};
use crate::state::memory::{Change, Step};

/// Names of members that have a new name whatever the property is called.
const NEW_NAMES: [&str; 4] = ["renameto", "renamedto", "newname", "newkey"];

/// Replaces the members of a request that have new names by the properties that they mean; returns the new key, if
/// the key is one of them.
pub(super) fn take_names(
    operation: &Operation,
    collection: &Collection,
    members: &mut Map<String, Value>,
) -> Option<String> {
    let mut key = None;
    let names: Vec<String> = members.keys().cloned().collect();
    for sent in names {
        let is_name = |value: &&Value| value.as_str().is_some_and(|text| !text.is_empty());
        let value = members.get(&sent).filter(is_name);
        let property = value.and_then(|_| meant(operation, collection, &sent));
        let Some((property, value)) = property.zip(value.cloned()) else {
            continue;
        };
        members.shift_remove(&sent);
        if collection.key.as_ref().and_then(KeyPath::name) == Some(property.as_str()) {
            key = Some(plain(&value));
        } else {
            members.insert(property, value);
        }
    }
    key
}

/// Returns the property that a member has a new value of: `name` for `new_name`.
fn meant(operation: &Operation, collection: &Collection, sent: &str) -> Option<String> {
    let entity = collection.entity.as_deref()?;
    let properties = entity.properties(entity.tree());
    let named = |wanted: &str| {
        let mut all = properties.iter().map(|(name, _)| *name);
        all.find(|name| folded(name) == wanted)
    };
    let key = collection.key.as_ref().and_then(KeyPath::name);
    let wanted = folded(sent);
    let is_key = key.is_some_and(|key| folded(key) == wanted);
    let renames = words(end_of(&operation.template)).contains(&"rename".to_owned());
    if is_key && renames {
        return key.map(str::to_owned);
    }
    if named(&wanted).is_some() {
        return None;
    }
    // The key may be the name under another name, such as `slug`, but no number.
    let key = key.filter(|key| {
        let node = entity.property(entity.tree(), key);
        node.is_some_and(|node| entity.types(node) == ["string"]) && folded(key) != "id"
    });
    let of_name = || named("name").or(key).map(str::to_owned);
    if NEW_NAMES.contains(&wanted.as_str()) || renames && matches!(wanted.as_str(), "to" | "new") {
        return of_name();
    }
    let own = named(wanted.strip_prefix("new")?)?;
    Some(own.to_owned())
}

/// Returns the step that changes an entity, and gives it another key if there is one.
pub(super) fn step(key: String, to: Option<String>, change: Change) -> Step {
    match to {
        Some(to) => Step::Rename { key, to, change },
        None => Step::Change(key, change),
    }
}
