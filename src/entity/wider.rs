//! Wider collections that also have the entities of a nested one: the orders of
//! `/users/{userId}/orders` are those of `/orders` with this `userId`.
//!
//! Steps of requests and the control API find the entities of nested collections with it.
use serde_json::Value;

use crate::codec::style::typed;
use crate::entity::context::EntityContext;
use crate::resource::Collection;
use crate::resource::shared::owner_property;
use crate::schema::Schema;

/// Wider collection, and the property of its entities that identifies their owner.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wider<'c> {
    /// Collection that has the entities of all owners.
    pub collection: &'c Collection,
    /// Name of the property: `userId`.
    pub property: &'c str,
    schema: &'c Schema,
    node: &'c Value,
}

impl Wider<'_> {
    /// Returns the property and its value for an owner, whose key is in a path.
    #[must_use]
    pub(crate) fn owner(&self, key: &str) -> (String, Value) {
        let value = typed(self.schema, self.node, key);
        (self.property.to_owned(), value)
    }
}

/// Finds the wider collection of a nested one that the path parameter `name` separates; `None` if it
/// has entities of its own.
#[must_use]
pub(crate) fn wider<'c>(
    context: EntityContext<'c>,
    collection: &'c Collection,
    document: usize,
    name: &str,
) -> Option<Wider<'c>> {
    let own = collection.entity.as_ref()?;
    let whole = context
        .resources
        .called(context.contract, document, &collection.noun)?;
    let schema = whole
        .entity
        .as_ref()
        .filter(|entity| entity.pointer() == own.pointer())?;
    let (property, node) = owner_property(schema, whole, &collection.name, name)?;
    Some(Wider {
        collection: whole,
        property,
        schema,
        node,
    })
}
