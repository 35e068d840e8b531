//! Places of entities in answers and requests that fixtures tell, in place of inferred ones.
//!
//! `infer` asks for them before it searches a schema.
use crate::document::syntax::find;
use crate::resource::place::{Slot, ValuePlace};
use crate::schema::Schema;
use crate::schema::walk::Child;

/// Returns the entity or the list that these members lead to; `None` if the schema does not
/// declare them.
#[must_use]
pub(crate) fn slot_at(schema: &Schema, way: &[String]) -> Option<Slot> {
    let mut pointer = schema.pointer().to_owned();
    for name in way {
        pointer = schema.place_of(&pointer, Child::Property(name))?;
    }
    let node = schema.resolve(find(schema.root(), &pointer)?);
    let place = |pointer: String| ValuePlace {
        way: way.to_vec(),
        pointer,
    };
    if schema.types(node) == ["array"] {
        let items = schema.place_of(&pointer, Child::Items)?;
        return Some(Slot::List(place(items)));
    }
    Some(Slot::Entity(place(pointer)))
}
