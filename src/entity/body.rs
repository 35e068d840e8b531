//! Builds the value of a response from the reply to a step: entities and page data go where the
//! document has them, everything else comes from the documented example or schema.
//!
//! `exchange` writes the value as content.
use std::sync::Arc;

use serde_json::{Value, json};

use crate::codec::style::typed;
use crate::contract::{MediaType, example};
use crate::entity::EntityRequest;
use crate::entity::key_names::{show_key, show_key_beside};
use crate::entity::shown::ShownMembers;
use crate::generate::{self, GenerateOptions};
use crate::resource::Act;
use crate::resource::list::Page;
use crate::resource::page_field::{PageField, says};
use crate::resource::place::{self, Slot};
use crate::resource::purpose::Purpose;
use crate::schema::Schema;
use crate::schema::name::folded;
use crate::state::memory::Reply;

/// Value of a response, and data for its header fields.
#[derive(Debug, Clone)]
pub(crate) struct Composed {
    /// Value of the content.
    pub value: Value,
    /// Reason why the value does not fit its schema; `None` if it fits.
    pub misfit: Option<BodyMisfit>,
    /// Links to the neighbouring pages.
    pub turn: PageLinks,
    /// Number of items on all pages of the list in the value, if there is one.
    pub total: Option<usize>,
    /// Key and value of the entity in the value, if there is one.
    pub entity: Option<(String, Arc<Value>)>,
}

/// Reason why a value does not fit its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyMisfit {
    /// Entity that the user supplies, and that is shown as it is.
    Supplied,
    /// Value for which no repair was found.
    Generated,
}

/// Returns the answer that entities are inserted into: the documented example, else a generated value.
fn envelope(shown: Option<&Value>, schema: Option<&Schema>, options: &GenerateOptions) -> Value {
    match (shown, schema) {
        (Some(shown), _) => shown.clone(),
        (None, Some(schema)) => {
            let mut made = generate::generate(schema, options).value;
            succeed(&mut made);
            made
        }
        (None, None) => json!({}),
    }
}

/// Repairs a value that breaks its schema where that is possible, apart from entities that the
/// user supplies.
fn repaired(
    asked: &EntityRequest<'_>,
    shown: &ShownEntities<'_>,
    schema: &Schema,
    value: &mut Value,
    options: &GenerateOptions,
) -> Option<BodyMisfit> {
    if example::fits(schema, value) {
        return None;
    }
    let kept = shown.supplied(asked, value);
    let Some(mended) = generate::repair(schema, value, options) else {
        return Some(BodyMisfit::Generated);
    };
    let written = std::mem::replace(value, mended);
    if kept.is_empty() {
        return None;
    }
    shown.put_back(kept, &written, value);
    (!example::fits(schema, value)).then_some(BodyMisfit::Supplied)
}

/// Entities in the value of a response.
struct ShownEntities<'s> {
    /// Members that lead to the entity or to the list.
    way: &'s [String],
    /// Keys of the entities, in the order of the list.
    keys: Vec<String>,
    /// True if the entities are the items of a list.
    are_listed: bool,
}

impl<'s> ShownEntities<'s> {
    /// Returns the entities that an answer shows: those of the list with these keys, or the one
    /// with the key `named`.
    fn of(asked: &EntityRequest<'s>, listed: Vec<String>, named: Option<&String>) -> Self {
        let (way, keys, are_listed) = match &asked.role.slot {
            Slot::List(place) => (place.way.as_slice(), listed, true),
            Slot::Entity(place) => (
                place.way.as_slice(),
                named.cloned().into_iter().collect(),
                false,
            ),
            Slot::Key(_) | Slot::Nothing => (&[][..], Vec::new(), false),
        };
        Self {
            way,
            keys,
            are_listed,
        }
    }

    /// Returns the supplied entities in a value, by their index in the list.
    fn supplied(&self, asked: &EntityRequest<'_>, value: &Value) -> Vec<(usize, Value)> {
        let Some(place) = place::at(value, self.way) else {
            return Vec::new();
        };
        let supplied = asked.supplied_keys();
        let all = self.keys.iter().enumerate();
        all.filter(|(_, key)| supplied.contains(*key))
            .filter_map(|(index, _)| {
                let entity = if self.are_listed {
                    place.get(index)?
                } else {
                    place
                };
                Some((index, entity.clone()))
            })
            .collect()
    }

    /// Puts entities back into a repaired value. A list whose length was repaired gets all of its
    /// items back.
    fn put_back(&self, kept: Vec<(usize, Value)>, written: &Value, value: &mut Value) {
        let length = |value: &Value| {
            let list = place::at(value, self.way).and_then(Value::as_array);
            list.map(Vec::len)
        };
        if self.are_listed && length(written) != length(value) {
            let list = place::at(written, self.way).cloned().unwrap_or_default();
            place::put(value, self.way, list);
            return;
        }
        for (index, entity) in kept {
            if !self.are_listed {
                place::put(value, self.way, entity);
            } else if let Some(item) = item_at(value, self.way, index) {
                *item = entity;
            }
        }
    }
}

/// Returns an item of the list that these members lead to.
fn item_at<'v>(value: &'v mut Value, way: &[String], index: usize) -> Option<&'v mut Value> {
    let list = way
        .iter()
        .try_fold(value, |value, name| value.get_mut(name))?;
    list.get_mut(index)
}

/// Returns the items of a list inside an entity, with their indexes as keys.
fn part_of(entity: &Value, part: Option<&str>) -> Vec<(String, Arc<Value>)> {
    let items = part.and_then(|part| entity.get(part)?.as_array());
    let items = items.into_iter().flatten().enumerate();
    items
        .map(|(index, item)| (index.to_string(), Arc::new(item.clone())))
        .collect()
}

/// Inserts the entities of a reply into the documented answer: into the example `shown`, else into
/// a value generated from the schema.
#[must_use]
pub(crate) fn compose(
    asked: &EntityRequest<'_>,
    reply: &Reply,
    shown: Option<&Value>,
    media: &MediaType,
    options: &GenerateOptions,
    target: &str,
) -> Composed {
    let schema = media.schema.as_deref();
    let envelope = || envelope(shown, schema, options);
    let (mut turn, mut total, mut named) = (PageLinks::default(), None, None);
    let mut keys: Vec<String> = Vec::new();
    let part = asked.role.part.as_deref();
    let mut listed = |all: Vec<(String, Arc<Value>)>, place: &place::ValuePlace| {
        let page = asked.wanted.pick(all);
        let members = ShownMembers::of(schema, &place.pointer);
        let items = page.items.iter().map(|(key, item)| {
            let mut shown = members.in_entity(item);
            if part.is_none() {
                show_key(asked, (&mut shown, key), schema, &place.pointer);
            }
            asked.wanted.shown(&shown)
        });
        let items = Value::Array(items.collect());
        if part.is_none() {
            keys = page.items.iter().map(|(key, _)| key.clone()).collect();
        }
        turn = PageLinks::of(asked, &page, target);
        total = Some(page.total);
        if place.way.is_empty() {
            return items;
        }
        let shown = envelope();
        let with = |nothing: Nothing| {
            let mut value = shown.clone();
            place::put(&mut value, &place.way, Value::Array(Vec::new()));
            PageContext {
                asked,
                page: &page,
                turn: &turn,
                nothing,
            }
            .tell(&mut value, &place.way, 0);
            place::put(&mut value, &place.way, items.clone());
            value
        };
        let value = with(Nothing::Null);
        if schema.is_none_or(|schema| example::fits(schema, &value)) {
            value
        } else {
            with(Nothing::Absent)
        }
    };
    let mut value = match (reply, &asked.role.slot) {
        (Reply::Entity { entity, .. }, Slot::List(place)) if part.is_some() => {
            listed(part_of(entity, part), place)
        }
        (Reply::Entity { entity, key, .. }, slot) => {
            named = Some((key.clone(), Arc::clone(entity)));
            entity_in(asked, entity, key, slot, schema, envelope)
        }
        (Reply::List(all), _) if asked.role.act == Act::Exists => {
            let mut value = envelope();
            say_whether(&mut value, is_there(asked, all));
            value
        }
        (Reply::List(all), Slot::Entity(place)) => {
            match asked.wanted.pick(all.clone()).items.first() {
                Some((key, entity)) => {
                    named = Some((key.clone(), Arc::clone(entity)));
                    entity_in(
                        asked,
                        entity,
                        key,
                        &Slot::Entity(place.clone()),
                        schema,
                        envelope,
                    )
                }
                None => envelope(),
            }
        }
        (Reply::List(all), Slot::List(place)) => listed(all.clone(), place),
        _ => envelope(),
    };
    if asked.role.act == Act::Delete
        && let Some(schema) = schema
    {
        say_deleted(schema, &mut value);
    }
    show_urls(asked, target, schema, &mut value);
    // A request that selects properties gets a value that does not fit the schema.
    let shown = ShownEntities::of(asked, keys, named.as_ref().map(|(key, _)| key));
    let misfit = schema
        .filter(|_| asked.wanted.fields.is_empty())
        .and_then(|schema| repaired(asked, &shown, schema, &mut value, options));
    Composed {
        value,
        misfit,
        turn,
        total,
        entity: named,
    }
}

/// Writes the URLs of entities as the client reaches them, unless the answer would not fit its schema any more.
fn show_urls(asked: &EntityRequest<'_>, target: &str, schema: Option<&Schema>, value: &mut Value) {
    let fits = |value: &Value| schema.is_none_or(|schema| example::fits(schema, value));
    if let Some(shown) = asked.with_urls(target, value)
        && (fits(&shown) || !fits(value))
    {
        *value = shown;
    }
}

/// Sets the members of the answer to a deletion that say that the entity is deleted.
fn say_deleted(schema: &Schema, value: &mut Value) {
    let Value::Object(object) = value else { return };
    for (name, node) in schema.properties(schema.tree()) {
        let says_so = matches!(folded(name).as_str(), "deleted" | "isdeleted" | "removed");
        if says_so && schema.types(node) == ["boolean"] {
            object.insert(name.to_owned(), Value::Bool(true));
        }
    }
}

/// Returns the items of a list that the request asks for, with their keys, and the number of items on
/// all pages.
pub(crate) fn items(
    asked: &EntityRequest<'_>,
    all: Vec<(String, Arc<Value>)>,
    schema: Option<&Schema>,
    place: &place::ValuePlace,
) -> (Vec<(String, Value)>, usize) {
    let page = asked.wanted.pick(all);
    let members = ShownMembers::of(schema, &place.pointer);
    let shown = |(key, item): &(String, Arc<Value>)| {
        let item = members.in_entity(item);
        (key.clone(), asked.wanted.shown(&item))
    };
    (page.items.iter().map(shown).collect(), page.total)
}

/// Returns `true` if an entity passes the filters of the request; `false` if the request has no
/// filters.
#[must_use]
pub(crate) fn is_there(asked: &EntityRequest<'_>, all: &[(String, Arc<Value>)]) -> bool {
    let test = asked.wanted.test();
    asked.selects() && all.iter().any(|(_, entity)| test.takes(entity))
}

fn entity_in(
    asked: &EntityRequest<'_>,
    entity: &Value,
    key: &str,
    slot: &Slot,
    schema: Option<&Schema>,
    envelope: impl Fn() -> Value,
) -> Value {
    match slot {
        Slot::Entity(place) => {
            let mut shown = ShownMembers::of(schema, &place.pointer).in_entity(entity);
            show_key(asked, (&mut shown, key), schema, &place.pointer);
            if place.way.is_empty() {
                return shown;
            }
            let mut value = envelope();
            place::put(&mut value, &place.way, shown);
            show_key_beside(asked, key, &place.way, &mut value);
            value
        }
        Slot::Key(way) => {
            let mut value = envelope();
            let node = schema.and_then(|schema| {
                way.iter()
                    .try_fold(schema.tree(), |node, name| schema.property(node, name))
                    .map(|node| (schema, node))
            });
            let named = node.map_or_else(|| json!(key), |(schema, node)| typed(schema, node, key));
            place::put(&mut value, way, named);
            value
        }
        Slot::List(_) | Slot::Nothing => {
            let mut value = envelope();
            // An answer that shows no entity may still have its key.
            if let Value::Object(object) = &mut value {
                for (name, member) in object.iter_mut() {
                    if asked.collection.keys.contains(&folded(name))
                        && folded(name) != "id"
                        && member.is_string()
                    {
                        *member = json!(key);
                    }
                }
            }
            value
        }
    }
}

/// Sets the boolean member that tells if something exists, such as `exists`, `found` or
/// `available`; looks into nested objects too.
fn say_whether(value: &mut Value, is_there: bool) {
    if value.is_boolean() {
        *value = json!(is_there);
        return;
    }
    let Value::Object(object) = value else { return };
    let speaks = |name: &str| {
        ["exist", "found", "available", "present", "taken"]
            .iter()
            .any(|word| folded(name).contains(word))
    };
    if let Some((_, member)) = object
        .iter_mut()
        .find(|(name, member)| member.is_boolean() && speaks(name))
    {
        *member = json!(is_there);
        return;
    }
    object
        .values_mut()
        .filter(|member| member.is_object())
        .for_each(|member| say_whether(member, is_there));
}

/// Sets the members `success` and `ok` of a generated answer to `true`.
fn succeed(value: &mut Value) {
    for name in ["success", "ok"] {
        if let Some(member) = value.get_mut(name).filter(|member| member.is_boolean()) {
            *member = json!(true);
        }
    }
}

/// Form in which an answer says that there is no further page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nothing {
    /// Member is null.
    Null,
    /// Member is left out.
    Absent,
}

/// Links to the pages before and after the one that is shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct PageLinks {
    /// URL of the next page, absolute where the host is known.
    pub next: Option<String>,
    /// URL of the previous page.
    pub previous: Option<String>,
}

/// Page data that is written into an answer.
struct PageContext<'t, 'c> {
    asked: &'t EntityRequest<'c>,
    page: &'t Page,
    turn: &'t PageLinks,
    nothing: Nothing,
}

impl PageContext<'_, '_> {
    fn tell(&self, value: &mut Value, list: &[String], depth: usize) {
        const DEEPEST: usize = 3;
        let Value::Object(object) = value else { return };
        let has_total = object
            .keys()
            .any(|name| says(name) == Some(PageField::Total));
        let mut absent = Vec::new();
        for (name, member) in object.iter_mut() {
            if list.first() == Some(name) && list.len() == 1 {
                continue;
            }
            if self.tell_link(name, member) {
                if member.is_null() && self.nothing == Nothing::Absent {
                    absent.push(name.clone());
                }
                continue;
            }
            if member.is_object() && depth < DEEPEST {
                let rest = if list.first() == Some(name) {
                    &list[1..]
                } else {
                    &[]
                };
                self.tell(member, rest, depth + 1);
                continue;
            }
            let Some(said) = says(name).and_then(|says| self.say(says, name, member, has_total))
            else {
                continue;
            };
            if said.is_null() && self.nothing == Nothing::Absent {
                absent.push(name.clone());
            }
            *member = said;
        }
        absent
            .iter()
            .for_each(|name| drop(object.shift_remove(name)));
    }

    /// Sets the URL in an object that is the link to a page, such as `{"href": …}` of `next`; returns
    /// false for any other member.
    fn tell_link(&self, name: &str, member: &mut Value) -> bool {
        let link = match says(name) {
            Some(PageField::Next) => &self.turn.next,
            Some(PageField::Previous) => &self.turn.previous,
            _ => return false,
        };
        let Some(object) = member.as_object_mut() else {
            return false;
        };
        let Some(place) = ["href", "url", "uri"]
            .into_iter()
            .find(|name| object.get(*name).is_some_and(Value::is_string))
        else {
            return false;
        };
        match link {
            Some(link) => {
                let url = json!(written(link, &object[place]));
                object[place] = url;
            }
            None => *member = Value::Null,
        }
        true
    }

    fn say(&self, says: PageField, name: &str, member: &Value, has_total: bool) -> Option<Value> {
        let wanted = &self.asked.wanted;
        let page = self.page;
        let limit = wanted.limit.unwrap_or(page.items.len());
        let is_number = member.is_number();
        let number = |number: usize| {
            if member.is_string() {
                json!(number.to_string())
            } else {
                json!(number)
            }
        };
        let pages = if limit == 0 {
            1
        } else {
            page.total.div_ceil(limit).max(1)
        };
        let at = wanted
            .page
            .unwrap_or(page.offset.checked_div(limit).unwrap_or(0))
            + wanted.first;
        let key =
            |item: Option<&(String, Arc<Value>)>| item.map_or(Value::Null, |(key, _)| json!(key));
        let is_named = member.is_string() || member.is_null();
        match says {
            PageField::Total => Some(number(page.total)),
            PageField::Count if is_number && has_total => Some(number(page.items.len())),
            PageField::Count if is_number => Some(number(page.total)),
            PageField::Offset if is_number => Some(number(page.offset)),
            PageField::Limit if is_number => Some(number(limit)),
            PageField::Page if is_number => Some(number(at)),
            PageField::Pages if is_number => Some(number(pages)),
            PageField::HasMore if member.is_boolean() => Some(json!(page.has_more)),
            PageField::HasPrevious if member.is_boolean() => Some(json!(page.offset > 0)),
            PageField::First if is_named => Some(key(page.items.first())),
            PageField::Last if is_named => Some(key(page.items.last())),
            PageField::Next if is_number => Some(if page.has_more {
                number(at + 1)
            } else {
                Value::Null
            }),
            PageField::Previous if is_number => Some(if page.offset > 0 {
                number(at.saturating_sub(1))
            } else {
                Value::Null
            }),
            PageField::Next if is_named => Some(match &self.turn.next {
                Some(next) if is_place(name, member) => json!(written(next, member)),
                Some(_) => key(page.items.last()),
                None => Value::Null,
            }),
            PageField::Previous if is_named => Some(match &self.turn.previous {
                Some(previous) if is_place(name, member) => json!(written(previous, member)),
                _ => Value::Null,
            }),
            _ => None,
        }
    }
}

/// Returns `true` if a member is the URL of a page, `false` if it is a cursor.
fn is_place(name: &str, member: &Value) -> bool {
    let plain = folded(name);
    member.as_str().is_some_and(|text| text.contains('/'))
        || ["url", "uri", "link", "href", "next", "previous", "prev"]
            .iter()
            .any(|end| plain.ends_with(end))
}

/// Returns a URL in the form of a member: without scheme and host, if the member begins with `/`.
fn written<'u>(url: &'u str, member: &Value) -> &'u str {
    let is_relative = member.as_str().is_some_and(|text| text.starts_with('/'));
    let path = url
        .split_once("://")
        .and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
    path.filter(|_| is_relative).unwrap_or(url)
}

impl PageLinks {
    /// Builds the links from the request's target by changing its page parameter; without a
    /// documented page parameter there are none.
    fn of(asked: &EntityRequest<'_>, page: &Page, target: &str) -> Self {
        let parameters = &asked.operation.compiled().parameters;
        let documented = |wanted: Purpose| {
            let mut all = asked.wanted.paging.iter();
            let named = all.find(|(purpose, name)| {
                *purpose == wanted && parameters.iter().any(|known| known.name == *name)
            });
            named.map(|(_, name)| name.clone())
        };
        let limit = asked.wanted.limit.unwrap_or(page.items.len());
        let at = asked.wanted.page.unwrap_or(0) + asked.wanted.first;
        let last = page
            .items
            .last()
            .map(|(key, _)| key.clone())
            .unwrap_or_default();
        let (name, next, previous) = if let Some(name) = documented(Purpose::Page) {
            (
                name,
                (at + 1).to_string(),
                Some(at.saturating_sub(1).to_string()),
            )
        } else if let Some(name) = documented(Purpose::Offset) {
            let next = (page.offset + page.items.len()).to_string();
            (
                name,
                next,
                Some(page.offset.saturating_sub(limit).to_string()),
            )
        } else if let Some(name) = documented(Purpose::After) {
            (name, last, None)
        } else {
            return Self::default();
        };
        let turned = |value: String| {
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let mut pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect();
            match pairs.iter_mut().find(|(there, _)| *there == name) {
                Some((_, there)) => *there = value,
                None => pairs.push((name.clone(), value)),
            }
            let query: String = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(pairs)
                .finish();
            format!("{path}?{query}")
        };
        Self {
            next: Some(next).filter(|_| page.has_more).map(turned),
            previous: previous.filter(|_| page.offset > 0).map(turned),
        }
    }
}
