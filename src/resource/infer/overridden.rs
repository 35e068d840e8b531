//! Overrides of an operation or a collection by fixtures, in place of what is inferred.
//!
//! `infer` asks for them before it searches a schema.
use crate::contract::Operation;
use crate::resource::address::Address;
use crate::resource::evidence::answered;
use crate::resource::infer::Draft;
use crate::resource::override_place::slot_at;
use crate::resource::place::Slot;
use crate::resource::role::{Collection, Home};
use crate::resource::role_override::RoleOverride;

impl Draft<'_> {
    /// Returns the place of the entity or of the list in an answer that the fixtures tell.
    pub(super) fn overridden_slot(&self, operation: &Operation) -> Option<Slot> {
        let is_it =
            |(index, _): &&(usize, Address)| std::ptr::eq(self.operation(*index), operation);
        let (index, address) = self.members.iter().find(is_it)?;
        let schema = answered(operation)?;
        if let Some(RoleOverride::Does {
            shows: Some(way), ..
        }) = self.overrules.operations.get(index)
        {
            return slot_at(schema, way);
        }
        let told = self.overrules.collections.get(&address.collection)?;
        slot_at(schema, told.entity.as_ref()?)
    }

    /// Returns the members that lead to the entity in a request, if the fixtures tell.
    pub(super) fn overridden_way(&self, index: usize) -> Option<Vec<String>> {
        match self.overrules.operations.get(&index)? {
            RoleOverride::Does { takes, .. } => takes.clone(),
            RoleOverride::Off => None,
        }
    }

    /// Returns the collection that the path of an operation addresses, if the fixtures tell that
    /// another one has its entities, and the path names further owners.
    pub(super) fn home(&self, index: usize, collection: &Collection) -> Option<Home> {
        let (_, address) = self.members.iter().find(|(member, _)| *member == index)?;
        let was = address.was.as_ref()?;
        (was.scope > collection.scope).then(|| Home {
            name: was.shown.clone(),
            scope: was.scope,
        })
    }
}
