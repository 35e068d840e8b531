//! Entities that a client names by their ids: `"category_id": 3` becomes `category: {id: 3, …}` where the entity shows
//! an object.
//!
//! The object has the members of the entity with this id; if there is none, they are generated.
use serde_json::{Map, Value};

use crate::codec::style::typed;
use crate::codec::text::plain;
use crate::entity::EntityRequest;
use crate::entity::build::EntityBuilder;
use crate::entity::shown::ShownMembers;
use crate::generate::{self, GenerateOptions, fingerprint};
use crate::resource::address::singular;
use crate::resource::{Collection, refers_to};
use crate::schema::Schema;
use crate::schema::name::{folded, words};
use crate::schema::schemas::Declared;
use crate::schema::walk::Child;
use crate::state::memory::{Change, CollectionKey, EntityFactory, Presence, Reply, Step};

/// Maximum number of ids of a list that become objects; further ones are left out.
const MOST_ITEMS: usize = 100;

/// Names of members that have an id, the best ones first.
const IDS: [&str; 3] = ["id", "gid", "uuid"];

/// Function that runs a step on a collection.
type Apply<'a> = dyn FnMut(&CollectionKey, Step, &EntityFactory<'_>) -> Reply + 'a;

/// Generation of the members of an entity that is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    Yes,
    No,
}

/// Object in an entity that names another entity.
struct Link<'c> {
    /// Schema of the object.
    schema: Schema,
    /// Member with the id of the other entity.
    id: String,
    /// Collection of the other entity, if there is one.
    others: Option<&'c Collection>,
}

impl<'c> EntityRequest<'c> {
    /// Returns the step of the request, with objects where the client sent ids of other entities.
    pub(super) fn linked(&self, apply: &mut Apply<'_>) -> Step {
        let mut step = self.step.clone();
        let entity = self.collection.entity.as_deref();
        let Some((members, entity)) = members_of(&mut step).zip(entity) else {
            return step;
        };
        for property in entity.declared() {
            if let Some(value) = self.value_of(entity, property, members, apply) {
                members.insert(property.name.clone(), value);
            }
        }
        step
    }

    /// Returns the objects that a property has for the ids that were sent; `None` if none were.
    fn value_of(
        &self,
        entity: &Schema,
        property: &Declared,
        members: &Map<String, Value>,
        apply: &mut Apply<'_>,
    ) -> Option<Value> {
        let is_list = match property.types.as_slice() {
            ["array"] => true,
            types if types.contains(&"object") => false,
            _ => return None,
        };
        let noun = singular(&words(&property.name).concat());
        // An object that the client sent itself gets no members that are generated.
        let (ids, made) = match members.get(&property.name) {
            Some(sent) => (sent, Made::No),
            None => (ids_of(&noun, is_list, members)?, Made::Yes),
        };
        if ids.is_null() {
            let node = entity.property(entity.tree(), &property.name)?;
            return entity.allows_null(node).then_some(Value::Null);
        }
        let link = self.link(entity, property, &noun, is_list)?;
        if is_list {
            let ids = ids.as_array()?.iter().take(MOST_ITEMS);
            let shown: Option<Vec<Value>> =
                ids.map(|id| self.object(&link, id, made, apply)).collect();
            return shown.map(Value::Array);
        }
        self.object(&link, ids, made, apply)
    }

    /// Returns the link that a property is; `None` if its schema has no object with an id.
    fn link(
        &self,
        entity: &Schema,
        property: &Declared,
        noun: &str,
        is_list: bool,
    ) -> Option<Link<'c>> {
        let mut pointer = entity.place_of(entity.pointer(), Child::Property(&property.name))?;
        if is_list {
            pointer = entity.place_of(&pointer, Child::Items)?;
        }
        let (resources, contract) = (self.context.resources, self.context.contract);
        let others = resources.called(contract, self.operation.document, noun);
        let schema = entity.sibling(pointer);
        let names: Vec<&str> = schema
            .properties(schema.tree())
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        let key = others.and_then(|others| others.key.as_ref()?.name());
        let own = key.filter(|key| names.contains(key)).map(str::to_owned);
        let named = |wanted: &str| names.iter().find(|name| folded(name) == wanted);
        let id = own.or_else(|| Some((*IDS.iter().find_map(|id| named(id))?).to_owned()))?;
        let others = others.map(|others| &**others);
        Some(Link { schema, id, others })
    }

    /// Returns the object for an id, or for an object that has nothing but an id.
    fn object(
        &self,
        link: &Link<'c>,
        sent: &Value,
        made: Made,
        apply: &mut Apply<'_>,
    ) -> Option<Value> {
        let id = match sent {
            Value::Object(object) if object.len() == 1 => object.get(&link.id)?,
            sent => sent,
        };
        if !id.is_string() && !id.is_number() {
            return None;
        }
        let schema = &link.schema;
        let stored = link
            .others
            .and_then(|others| self.stored(others, &plain(id), apply))
            .map(|entity| ShownMembers::of(Some(schema), schema.pointer()).in_entity(&entity));
        if let Some(stored) = stored.filter(|stored| schema.is_valid(stored) == Ok(true)) {
            return Some(stored);
        }
        if made == Made::No {
            return Some(sent.clone());
        }
        let options = GenerateOptions {
            seed: self.options.seed ^ fingerprint(&plain(id)),
            ..self.options
        };
        let mut made = generate::generate(schema, &options).value;
        let node = schema.property(schema.tree(), &link.id)?;
        *made.as_object_mut()?.get_mut(&link.id)? = typed(schema, node, &plain(id));
        (schema.is_valid(&made) != Ok(false)).then_some(made)
    }

    /// Reads an entity of another collection that all paths share.
    fn stored(&self, others: &'c Collection, key: &str, apply: &mut Apply<'_>) -> Option<Value> {
        let collection_key = CollectionKey {
            collection: others.name.clone(),
            scope: String::new(),
        };
        let document = self.operation.document;
        let maker = EntityBuilder::new(self.context, others, document, &[], self.options, None);
        let factory = EntityFactory {
            base: &|| maker.base(&collection_key),
            make: &|number, new| maker.make(number, new),
            remake: &|key, entity, new| maker.remake(key, entity, new),
            find: &|entities, key| entities.all.contains_key(key).then(|| key.to_owned()),
            aliases: &|_| Vec::new(),
            suppose: &|key| maker.supposed(key, None),
            protect: &|_, _| {},
            presence: Presence::Any,
            is_current: &|_| true,
        };
        match apply(&collection_key, Step::Read(key.to_owned()), &factory) {
            Reply::Entity { entity, .. } => Some((*entity).clone()),
            _ => None,
        }
    }
}

/// Returns the members that a step writes; `None` if it is no step with members.
fn members_of(step: &mut Step) -> Option<&mut Map<String, Value>> {
    match step {
        Step::Create(new) | Step::Upsert { new, .. } | Step::Replace(_, new, _) => {
            Some(&mut new.sent)
        }
        Step::Change(_, change) | Step::Rename { change, .. } => match change {
            Change::Members(members) => Some(members),
            Change::MergePatch(patch) => patch.as_object_mut(),
            Change::JsonPatch(_) => None,
        },
        _ => None,
    }
}

/// Returns the ids that a client sent of entities with this noun: `category_id` for `category`, `tag_ids` for `tags`.
fn ids_of<'m>(noun: &str, is_list: bool, members: &'m Map<String, Value>) -> Option<&'m Value> {
    let names = |name: &str| {
        if is_list {
            let words = words(name);
            let Some((last, rest)) = words.split_last() else {
                return false;
            };
            matches!(last.as_str(), "ids" | "uuids" | "keys") && singular(&rest.concat()) == noun
        } else {
            refers_to(name, noun)
        }
    };
    let mut members = members.iter();
    members
        .find(|(name, value)| names(name) && value.is_array() == is_list)
        .map(|(_, value)| value)
}
