//! Place in a request or an answer of an entity, of a list of entities, or of a key alone.
use serde_json::{Map, Value};

use crate::resource::address::singular;
use crate::schema::Schema;
use crate::schema::name::{folded, words};
use crate::schema::walk::Child;

/// Part of a value, and the schema that describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValuePlace {
    /// Members that lead to it, from the outside in: `data`, `contact`; empty for the whole value.
    /// A list that holds just this is passed by its index: `brands`, `0`.
    pub way: Vec<String>,
    /// JSON Pointer to its schema; for a list, to the schema of its items.
    pub pointer: String,
}

/// Part of the state that an answer shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Slot {
    /// Single entity.
    Entity(ValuePlace),
    /// Several entities.
    List(ValuePlace),
    /// Key of an entity and nothing else, at the end of these members.
    Key(Vec<String>),
    /// No state.
    #[default]
    Nothing,
}

/// Names of members that wrap the content of an answer.
const WRAPPERS: [&str; 13] = [
    "data",
    "result",
    "item",
    "entity",
    "object",
    "resource",
    "response",
    "payload",
    "body",
    "record",
    "attributes",
    "value",
    "content",
];

/// Names of members that hold lists.
const LISTS: [&str; 17] = [
    "data",
    "items",
    "results",
    "records",
    "list",
    "entries",
    "content",
    "value",
    "values",
    "elements",
    "rows",
    "result",
    "objects",
    "resources",
    "nodes",
    "response",
    "hits",
];

/// Names of members that describe the answer, such as its success, and not an entity.
const MANNERS: [&str; 18] = [
    "success",
    "ok",
    "status",
    "message",
    "code",
    "error",
    "errors",
    "meta",
    "links",
    "type",
    "msg",
    "requestid",
    "timestamp",
    "warnings",
    "warning",
    "result",
    "statuscode",
    "responsemetadata",
];

/// Names of objects inside an entity that have its key: `metadata` for `metadata.name`.
pub(crate) const HOLDERS: [&str; 12] = [
    "metadata",
    "meta",
    "sys",
    "header",
    "info",
    "identity",
    "identifier",
    "identifiers",
    "attributes",
    "properties",
    "summary",
    "details",
];

/// Names of lists that may hold the one entity which an answer is about.
const ONES: [&str; 5] = ["data", "result", "results", "response", "records"];

/// Minimum length of a name that is only the end of a noun: `block` of `cmsBlock`.
const SHORTEST_END: usize = 4;

/// Maximum number of levels of wrappers; deeper ones are not searched.
const DEEPEST: usize = 3;

/// Number of members that describe more than the answer; an object with an id and more of them is an
/// entity.
const FEWEST_OF_ENTITY: usize = 4;

/// Worth of a list that is called like the entities; other names are worth less.
const OF_NOUN: u8 = 7;

/// Maximum number of members of an object that are searched for a list; later ones are not found.
const MOST_MEMBERS: usize = 1000;

/// Search in a schema for the entities that a noun names.
#[derive(Debug, Clone, Copy)]
pub struct Finder<'f> {
    /// Schema to search.
    pub schema: &'f Schema,
    /// Noun for an entity: `contact`.
    pub noun: &'f str,
    /// Possible names of the key, in lower case without separators: `id`, `contactid`.
    pub keys: &'f [String],
}

impl<'f> Finder<'f> {
    fn node(&self, pointer: &str) -> &'f Value {
        let found = crate::document::syntax::find(self.schema.root(), pointer)
            .unwrap_or(&Value::Bool(true));
        self.schema.resolve(found)
    }

    fn is_object(&self, node: &Value) -> bool {
        self.schema.types(node) == ["object"]
    }

    fn member(&self, pointer: &str, name: &str) -> Option<String> {
        self.schema.place_of(pointer, Child::Property(name))
    }

    /// Returns true if a name is the noun, in the singular or in the plural.
    fn is_noun(&self, name: &str) -> bool {
        singular(&folded(name)) == self.noun
    }

    /// Returns true if the noun is the end of a name, as `key` is of `ssh_keys`, or the name is the
    /// end of the noun, as `block` is of `cmsBlock`.
    fn ends_in_noun(&self, name: &str) -> bool {
        let words = words(name);
        let ends = |from: usize| singular(&words[from..].concat()) == self.noun;
        let name = singular(&words.concat());
        (1..words.len()).any(ends)
            || name.len() >= SHORTEST_END && self.noun.ends_with(name.as_str())
    }

    /// Returns true if an object has a member with the key.
    fn has_key(&self, node: &Value) -> bool {
        let properties = self.schema.properties(node);
        let mut names = properties.iter().map(|(name, _)| folded(name));
        names.any(|name| name == "id" || self.keys.contains(&name))
    }

    /// Finds the entity in the only member that says more than how the request went. `inside` finds it
    /// in an object.
    fn of_only(
        &self,
        pointer: &str,
        (name, node): (&str, &Value),
        inside: &dyn Fn(String) -> Option<Slot>,
    ) -> Option<Slot> {
        let is_entity = self.is_object(node)
            && (self.ends_in_noun(name) || self.has_key(node))
            && !HOLDERS.contains(&folded(name).as_str());
        let found = is_entity.then(|| inside(name.to_owned())).flatten();
        found.or_else(|| self.only_item(pointer, name).map(Slot::Entity))
    }

    /// Finds the one item of a list that is called like the entity, or that wraps all of an answer.
    fn only_item(&self, pointer: &str, name: &str) -> Option<ValuePlace> {
        let within = self.member(pointer, name)?;
        let named = self.is_noun(name) || self.ends_in_noun(name);
        if !named && !ONES.contains(&folded(name).as_str()) {
            return None;
        }
        let list = self.node(&within);
        if self.schema.types(list) != ["array"] {
            return None;
        }
        let items = self.schema.place_of(&within, Child::Items)?;
        let item = self.node(&items);
        (self.is_object(item) && self.has_key(item)).then(|| ValuePlace {
            way: vec![name.to_owned(), "0".to_owned()],
            pointer: items,
        })
    }

    /// Returns true if one of the members has the key beside the others, as `metadata` has the name
    /// of a resource. If a wrapper has the key, it has the entity too.
    fn holds_key(&self, properties: &[(&str, &Value)]) -> bool {
        let has_key = |node: &Value| {
            let inner = self.schema.properties(node);
            inner
                .iter()
                .any(|(name, _)| self.keys.contains(&folded(name)))
        };
        let among = |names: &[&str]| {
            let mut all = properties.iter();
            all.any(|(name, node)| {
                names.contains(&folded(name).as_str()) && self.is_object(node) && has_key(node)
            })
        };
        among(&HOLDERS) && !among(&WRAPPERS)
    }

    /// Finds the place of the one entity, or of its key.
    #[must_use]
    pub fn one(&self) -> Slot {
        self.one_in(self.schema.pointer(), 0)
    }

    fn one_in(&self, pointer: &str, depth: usize) -> Slot {
        let node = self.node(pointer);
        if !self.is_object(node) || depth > DEEPEST {
            return Slot::Nothing;
        }
        let properties = self.schema.properties(node);
        let named = |wanted: &dyn Fn(&str) -> bool, is_object: bool| {
            let mut all = properties.iter();
            let found = all.find(|(name, node)| wanted(name) && self.is_object(node) == is_object);
            found.map(|(name, _)| (*name).to_owned())
        };
        let inside = |name: String| {
            let within = self.member(pointer, &name)?;
            match self.one_in(&within, depth + 1) {
                Slot::Nothing => Some(Slot::Entity(ValuePlace {
                    way: vec![name],
                    pointer: within,
                })),
                Slot::Entity(place) => {
                    let way = std::iter::once(name).chain(place.way).collect();
                    Some(Slot::Entity(ValuePlace { way, ..place }))
                }
                Slot::Key(way) => Some(Slot::Key(std::iter::once(name).chain(way).collect())),
                Slot::List(_) => None,
            }
        };
        let is_key = |name: &str| self.keys.contains(&folded(name));
        let is_wrapper = |name: &str, node: &Value| {
            WRAPPERS.contains(&folded(name).as_str()) && self.is_object(node)
        };
        let says_more = |name: &str| !is_key(name) && !MANNERS.contains(&folded(name).as_str());
        let is_named_as_key = |name: &str| is_key(name) || folded(name) == self.noun;
        let own = properties
            .iter()
            .filter(|(name, _)| says_more(name))
            .count();
        let has_key =
            properties.iter().any(|(name, _)| is_key(name)) || self.holds_key(&properties);
        // `{userId, data: {…}}` wraps the entity, `{id, attributes: {…}}` is one.
        let has_id = properties.iter().any(|(name, _)| folded(name) == "id");
        let is_wrapped = own == 1
            && !has_id
            && properties
                .iter()
                .any(|(name, node)| says_more(name) && is_wrapper(name, node));
        // An entity with an id and many members may have a member of its own name, such as the card
        // of a source.
        let is_full = has_id && own > FEWEST_OF_ENTITY;
        // What a request has under the noun may also be a text, such as the token of a card.
        let can_be = |node: &Value| self.schema.types(node).contains(&"object");
        let mut of_noun = properties
            .iter()
            .filter(|(name, node)| self.is_noun(name) && can_be(node));
        if let Some(slot) = of_noun
            .next()
            .filter(|_| !is_full)
            .and_then(|(name, _)| inside((*name).to_owned()))
        {
            return slot;
        }
        // All that an answer says may be in one member, such as `ssh_key` or the list `brands`.
        let telling = properties.iter().find(|(name, _)| says_more(name));
        let only = telling.filter(|_| own == 1 && !has_key);
        if let Some(slot) = only.and_then(|member| self.of_only(pointer, *member, &inside)) {
            return slot;
        }
        if has_key && own > 0 && !is_wrapped {
            return Slot::Entity(ValuePlace {
                way: Vec::new(),
                pointer: pointer.to_owned(),
            });
        }
        if let Some(slot) =
            named(&|name| WRAPPERS.contains(&folded(name).as_str()), true).and_then(inside)
        {
            return slot;
        }
        // An object whose other members only describe the answer is the entity.
        let mut members = properties.iter().filter(|(name, _)| says_more(name));
        if let (Some((name, node)), None) = (members.next(), members.next())
            && self.is_object(node)
            && properties.len() > 1
            && let Some(slot) = inside((*name).to_owned())
        {
            return slot;
        }
        let scalar = |(name, node): &&(&str, &Value)| {
            is_named_as_key(name)
                && !matches!(
                    self.schema.types(node).as_slice(),
                    ["object" | "array" | "boolean"]
                )
        };
        if let Some((name, _)) = properties
            .iter()
            .find(scalar)
            .filter(|_| own <= 1 || has_key)
        {
            return Slot::Key(vec![(*name).to_owned()]);
        }
        // An object without properties may hold anything.
        if own > 0 || properties.is_empty() && depth > 0 {
            return Slot::Entity(ValuePlace {
                way: Vec::new(),
                pointer: pointer.to_owned(),
            });
        }
        Slot::Nothing
    }

    /// Finds the place of the list of entities.
    #[must_use]
    pub fn list(&self) -> Option<ValuePlace> {
        self.list_in(self.schema.pointer(), 0)
            .map(|(_, place)| place)
    }

    fn list_in(&self, pointer: &str, depth: usize) -> Option<(u8, ValuePlace)> {
        let node = self.node(pointer);
        if self.schema.types(node) == ["array"] {
            let items = self.schema.place_of(pointer, Child::Items)?;
            let is_list = self.is_object(self.node(&items));
            return is_list.then_some((
                3,
                ValuePlace {
                    way: Vec::new(),
                    pointer: items,
                },
            ));
        }
        if !self.is_object(node) || depth > DEEPEST {
            return None;
        }
        let properties = self.schema.properties(node);
        let is_entity = properties
            .iter()
            .any(|(name, _)| folded(name) == "id" || self.keys.contains(&folded(name)));
        let mut best: Option<(u8, ValuePlace)> = None;
        let mut lists = 0;
        for (name, declared) in properties.iter().take(MOST_MEMBERS) {
            let plain = folded(name);
            let is_noun = self.is_noun(name);
            let is_known = is_noun || WRAPPERS.contains(&plain.as_str()) || plain == "embedded";
            // Any other object is looked into for a list that is called like the entities.
            let looked_into =
                is_known || !is_entity && self.is_object(self.schema.resolve(declared));
            if !looked_into && self.schema.types(declared) != ["array"] {
                continue;
            }
            let Some(within) = self.member(pointer, name) else {
                continue;
            };
            let is_array = self.schema.types(self.node(&within)) == ["array"];
            if !is_array && !looked_into || plain == "responsemetadata" {
                continue;
            }
            let Some((inner, place)) = self.list_in(&within, depth + 1) else {
                continue;
            };
            if !is_array && !is_known && inner < OF_NOUN {
                continue;
            }
            lists += 1;
            let worth = match (is_noun, LISTS.contains(&plain.as_str())) {
                (true, _) => OF_NOUN,
                _ if self.ends_in_noun(name) => 6,
                (_, true) => 5,
                _ => 1,
            };
            let worth = if is_array { worth } else { inner };
            let way = std::iter::once((*name).to_owned())
                .chain(place.way)
                .collect();
            if best.as_ref().is_none_or(|(known, _)| worth > *known) {
                best = Some((worth, ValuePlace { way, ..place }));
            }
        }
        best.filter(|(worth, _)| *worth >= 5 || lists == 1 && !is_entity && depth == 0)
    }
}

/// Returns the part of a value that these members lead to.
#[must_use]
pub fn at<'v>(value: &'v Value, way: &[String]) -> Option<&'v Value> {
    way.iter().try_fold(value, |value, name| match value {
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        value => value.get(name),
    })
}

/// Sets the part of a value that these members lead to; anything else than an object before it
/// becomes one. A list on the way then has this one item.
pub fn put(value: &mut Value, way: &[String], part: Value) {
    let mut at = value;
    for name in way {
        let is_item = name == "0" && at.is_array();
        if !is_item && !at.is_object() {
            *at = Value::Object(Map::new());
        }
        at = match at {
            Value::Array(items) => {
                items.resize(1, Value::Null);
                &mut items[0]
            }
            Value::Object(object) => object.entry(name.clone()).or_insert(Value::Null),
            _ => return,
        };
    }
    *at = part;
}
