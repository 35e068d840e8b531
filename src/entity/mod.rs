//! Translates a request into a step on the session's state, and supplies the entities that the
//! step needs.
//!
//! `resource` infers what an operation does with which collection; `state` keeps the entities;
//! `body` builds the response value from the reply.

pub(crate) mod body;
pub(crate) mod build;
pub(crate) mod columns;
pub(crate) mod condition;
pub(crate) mod context;
pub(crate) mod data;
pub(crate) mod error;
pub(crate) mod expand;
pub(crate) mod export;
mod fitting;
mod identify;
pub(crate) mod initial;
pub(crate) mod key_names;
mod linked;
pub(crate) mod own_url;
mod owners;
pub(crate) mod path;
pub(crate) mod raw;
mod rename;
mod shaped;
pub(crate) mod shown;
mod upload;
pub(crate) mod values;
pub(crate) mod wider;
pub(crate) mod written;
use std::sync::Arc;

use http::Method;
use http::header::{IF_MATCH, IF_NONE_MATCH};
use serde_json::{Map, Value};

use crate::codec::message::Request;
use crate::codec::parameter::Inputs;
use crate::codec::text;
use crate::contract::{Location, Operation, StatusPattern};
use crate::entity::build::EntityBuilder;
use crate::entity::condition::{Comparison, header, names};
use crate::entity::context::EntityContext;
use crate::entity::wider::wider;
use crate::generate::GenerateOptions;
use crate::resource::filter::{self, Filter};
use crate::resource::key::KeyPath;
use crate::resource::list::ListQuery;
use crate::resource::purpose::ListParameter as Asking;
use crate::resource::raw as raw_content;
use crate::resource::{Act, Collection, KeyFrom, Role, place};
use crate::schema::Schema;
use crate::schema::name::folded;
use crate::state::memory::{
    Absent, Change, CollectionKey, Entities, EntityFactory, New, Presence, Reply, Step,
};
use crate::validate::Values;

/// A step on a collection, read from a request.
#[derive(Debug, Clone)]
pub(crate) struct EntityRequest<'c> {
    /// Role of the operation: what it does with which collection.
    pub role: &'c Role,
    /// Collection of the step: that of the role, or the wider one that has all of its entities.
    pub collection: &'c Collection,
    /// Property that identifies the owner of the entities, and its value, if the collection also
    /// has entities of other owners.
    owner: Option<(String, Value)>,
    /// Home of the entities that the path adds and lists, if the collection also has others.
    home: Option<String>,
    /// Operation of the request.
    pub operation: &'c Operation,
    context: EntityContext<'c>,
    options: GenerateOptions,
    collection_key: CollectionKey,
    /// Names and values of the path expressions that scope the collection.
    scope: Vec<(String, String)>,
    /// Names and values of the path expressions before the collection that the path addresses.
    owners: Vec<(String, String)>,
    step: Step,
    /// Way to the property that the request identifies its entity by, in place of its key.
    by: Option<KeyPath>,
    /// Answer for a key that was never created.
    unknown: Unknown,
    /// Filters, order and page of the requested list.
    pub wanted: ListQuery,
    /// Value of `If-Match` (RFC 9110 §13.1.1).
    expected: Option<String>,
    /// Value of `If-None-Match` (RFC 9110 §13.1.2).
    pub known: Option<String>,
}

/// Value in a request that identifies an entity.
#[derive(Debug)]
struct Identifier {
    /// Value as text.
    pub text: String,
    /// Way to the property that has it, if that is not the key.
    pub by: Option<KeyPath>,
}

impl Identifier {
    fn key(text: String) -> Self {
        Self { text, by: None }
    }
}

/// Maximum number of members of the content that are read as list parameters; further ones are
/// ignored.
const MOST_MEMBERS: usize = 1000;

/// Parts of a request that a step is read from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepInput<'r> {
    /// Parameters as text.
    pub inputs: &'r Inputs<'r>,
    /// Parameters and content as JSON values.
    pub values: &'r Values,
    /// Request itself.
    pub request: &'r Request,
}

impl<'c> EntityRequest<'c> {
    /// Reads the step of a request to an operation; `None` if the operation has no role, or if the
    /// request does not identify an entity.
    #[must_use]
    pub(crate) fn of(
        context: EntityContext<'c>,
        index: usize,
        options: GenerateOptions,
        unknown: Unknown,
        received: StepInput<'_>,
    ) -> Option<Self> {
        let mut asked = Self::stepping(context, index, options, unknown, received)?;
        asked.wanted = asked.wanted_of(received);
        Some(asked)
    }

    /// Reads the step of a request without the filters, order and page of a list.
    fn stepping(
        context: EntityContext<'c>,
        index: usize,
        options: GenerateOptions,
        unknown: Unknown,
        received: StepInput<'_>,
    ) -> Option<Self> {
        let role = context.resources.role(context.contract, index)?;
        let operation = &context.contract.operations[index];
        let path: Vec<(String, String)> = received
            .inputs
            .path
            .iter()
            .map(|(name, raw)| ((*name).to_owned(), text::decode(raw)))
            .collect();
        let owners: Vec<(String, String)> = path.iter().take(role.scope()).cloned().collect();
        let mut scope = owners.clone();
        let home = role.home.as_ref().map(|home| home_of(&home.name, &scope));
        let whole = match scope.as_slice() {
            [(name, key)] if home.is_none() => {
                wider(context, &role.collection, operation.document, name)
                    .map(|whole| (whole.collection, whole.owner(key)))
            }
            _ => None,
        };
        let (collection, owner) = match whole {
            Some((collection, owner)) => {
                scope.clear();
                (collection, Some(owner))
            }
            None => (&*role.collection, None),
        };
        let collection_key = CollectionKey {
            collection: collection.name.clone(),
            scope: joined(&scope[..collection.scope.min(scope.len())]),
        };
        let mut asked = Self {
            role,
            collection,
            owner,
            home,
            operation,
            context,
            options,
            collection_key,
            scope,
            owners,
            step: Step::List,
            by: role.by.clone(),
            unknown,
            wanted: ListQuery::default(),
            expected: header(received.request.headers(), &IF_MATCH),
            known: header(received.request.headers(), &IF_NONE_MATCH),
        };
        let named = asked.identifier(&path, received);
        let by = named.as_ref().and_then(|named| named.by.clone());
        asked.step = asked.step_of(named, received)?;
        asked.by = asked.by.or(by);
        Some(asked)
    }

    /// Reads the step of a request that shows entities of the initial state, for a sandbox without
    /// state; `None` if the operation neither lists nor reads entities.
    #[must_use]
    pub(crate) fn shown(
        context: EntityContext<'c>,
        index: usize,
        options: GenerateOptions,
        received: StepInput<'_>,
    ) -> Option<Self> {
        let role = context.resources.role(context.contract, index)?;
        let is_shown = matches!(role.act, Act::List | Act::Read);
        is_shown
            .then(|| Self::stepping(context, index, options, Unknown::Seeded, received))
            .flatten()
    }

    /// Returns the key that is read, or an empty text for a list. Generated answers of one path
    /// are cached by it.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        match &self.step {
            Step::Read(key) => key,
            _ => "",
        }
    }

    fn maker(&self) -> EntityBuilder<'_> {
        let (context, document) = (self.context, self.operation.document);
        EntityBuilder::new(
            context,
            self.collection,
            document,
            &self.scope,
            self.options,
            self.sent_schema(),
        )
    }

    fn sent_schema(&self) -> Option<&'c Schema> {
        let content = &self.operation.compiled().body.as_ref()?.content;
        let media = content
            .iter()
            .find(|media| media.range.is_json())
            .or_else(|| content.first())?;
        media.schema.as_deref()
    }

    /// Returns the step of a list: of all entities, or of those that the path adds. A path that names
    /// no further owner also lists what the paths of the collection itself add.
    fn listing(&self) -> Step {
        let Some(home) = &self.home else {
            return Step::List;
        };
        let mut homes = vec![home.clone()];
        if self.role.scope() <= self.collection.scope {
            homes.push(self.collection.name.clone());
        }
        Step::ListOf(homes)
    }

    /// Returns the value that identifies the entity of the request: none if it names none, empty
    /// for the only entity of its kind.
    fn identifier(&self, path: &[(String, String)], received: StepInput<'_>) -> Option<Identifier> {
        match self.role.key {
            KeyFrom::Path(count) => {
                let names = path.iter().skip(self.role.scope()).take(count);
                let values: Vec<&str> = names.map(|(_, value)| value.as_str()).collect();
                Some(Identifier::key(values.join("/")))
            }
            KeyFrom::Field => self.identifier_in(received),
            KeyFrom::Only | KeyFrom::Nothing => Some(Identifier::key(String::new())),
        }
    }

    fn step_of(&self, named: Option<Identifier>, received: StepInput<'_>) -> Option<Step> {
        let act = self.role.act;
        if matches!(act, Act::List | Act::Find | Act::Exists) {
            return Some(self.listing());
        }
        // Content that is taken as it is has no members.
        let is_raw = upload::is_raw(received.request, self.operation);
        let body = received.values.body.as_ref().filter(|_| !is_raw);
        let sent = body.and_then(|body| place::at(body, &self.role.sent).or(Some(body)));
        // A request without content, or with content that is no object (a file), still adds an
        // entity.
        let empty = Map::new();
        let is_put =
            act == Act::Replace && matches!(self.role.key, KeyFrom::Path(_)) && body.is_none();
        let is_added = matches!(act, Act::Create | Act::Upsert) || is_put || is_raw;
        let object = || {
            sent.and_then(Value::as_object)
                .or(is_added.then_some(&empty))
        };
        let new = |key: Option<String>| {
            let mut sent = self.maker().accept(object()?);
            self.add_upload(received.request, &mut sent);
            sent.extend(self.owner.clone());
            // What the paths of the collection itself add is not in the lists below other paths.
            let shared = || {
                self.collection
                    .is_shared
                    .then(|| self.collection.name.clone())
            };
            let home = self.home.clone().or_else(shared);
            Some(New { key, sent, home })
        };
        if matches!(act, Act::Create | Act::Upsert) {
            let key = self.own_key(object()?);
            let new = new(key)?;
            let natural = self.collection.natural.as_ref();
            let by = natural.and_then(|name| Some((name.clone(), new.sent.get(name)?.clone())));
            return Some(if act == Act::Create {
                Step::Create(new)
            } else {
                Step::Upsert { new, by }
            });
        }
        let key = named?.text;
        Some(match act {
            Act::Read | Act::Part => Step::Read(key),
            Act::Delete => Step::Delete(key),
            Act::Replace => {
                let creates = self
                    .operation
                    .response_at(StatusPattern::Exact(http::StatusCode::CREATED))
                    .is_some()
                    || !self.collection.is_added_to;
                let mut new = new(None)?;
                if let Some(to) = self.new_key(&mut new.sent) {
                    return Some(rename::step(key, Some(to), Change::Members(new.sent)));
                }
                Step::Replace(
                    key,
                    new,
                    if creates {
                        Absent::Created
                    } else {
                        Absent::Unknown
                    },
                )
            }
            // What an action is sent, such as the amount of a refund, is no new value of the entity.
            _ if !self.role.sets.is_empty() => Step::Change(
                key,
                Change::Members(self.role.sets.iter().cloned().collect()),
            ),
            _ if raw_content::is_content(self.operation) || is_raw => {
                let mut uploaded = Map::new();
                self.add_upload(received.request, &mut uploaded);
                Step::Change(key, Change::Members(uploaded))
            }
            _ => self.change(key, received.request, sent?)?,
        })
    }

    /// Returns the key that the client chose for a new entity, if it may choose one.
    fn own_key(&self, sent: &Map<String, Value>) -> Option<String> {
        let key = self.collection.key.as_ref()?;
        let schema = self.sent_schema();
        let may = schema.and_then(|schema| key.node(schema).map(|node| schema.asks_for(node)));
        // If the request's schema does not declare the key, the response's schema decides.
        let is_read_only = || {
            let entity = self.collection.entity.as_deref();
            let declared = entity.and_then(|schema| Some((schema, key.node(schema)?)));
            declared.is_some_and(|(schema, node)| schema.is_read_only(node))
        };
        let value = key
            .value_in(sent)
            .filter(|_| may.unwrap_or_else(|| !is_read_only()))
            .or_else(|| self.key_by_parameter(sent))?;
        key.read(value)
            .filter(|text| (value.is_string() || value.is_number()) && text != "0")
    }

    /// Returns the step of the change that the content describes: a JSON Patch, a merge patch, or
    /// members to set.
    fn change(&self, key: String, request: &Request, sent: &Value) -> Option<Step> {
        let media = header(request.headers(), &http::header::CONTENT_TYPE).unwrap_or_default();
        let essence = media
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        if essence == "application/json-patch+json"
            || *request.method() == Method::PATCH && sent.is_array()
        {
            return Some(Step::Change(key, Change::JsonPatch(sent.clone())));
        }
        let mut accepted = self.maker().accept(sent.as_object()?);
        let to = self.new_key(&mut accepted);
        if let Some(key) = &self.collection.key {
            key.remove(&mut accepted);
        }
        let change = match essence.as_str() {
            "application/merge-patch+json" => Change::MergePatch(Value::Object(accepted)),
            _ => Change::Members(accepted),
        };
        Some(rename::step(key, to, change))
    }

    /// Takes the new names from the members of a request; returns the new key, if there is one.
    fn new_key(&self, members: &mut Map<String, Value>) -> Option<String> {
        let to = rename::take_names(self.operation, self.collection, members);
        to.filter(|_| matches!(self.role.key, KeyFrom::Path(1) | KeyFrom::Field))
    }

    /// Reads the filters, order and page of the requested list.
    fn wanted_of(&self, received: StepInput<'_>) -> ListQuery {
        let role = self.role;
        if !matches!(role.act, Act::List | Act::Find | Act::Exists) {
            return ListQuery::default();
        }
        let schema = self.collection.entity.as_deref();
        let properties = schema
            .map(|schema| schema.properties(schema.tree()))
            .unwrap_or_default();
        let mut names: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
        names.extend(self.collection.natural.as_deref());
        // JSON:API has the properties below `attributes`.
        let below = schema.and_then(|schema| {
            schema
                .property(schema.tree(), "attributes")
                .map(|node| (schema, node))
        });
        names.extend(
            below
                .into_iter()
                .flat_map(|(schema, node)| schema.properties(node))
                .map(|(name, _)| name),
        );
        let mut first = 1;
        let mut parameters: Vec<Asking<'_>> = Vec::new();
        for parameter in self
            .operation
            .compiled()
            .parameters
            .iter()
            .filter(|parameter| parameter.location == Location::Query)
        {
            let node = parameter
                .schema()
                .map(|schema| schema.resolve(schema.tree()));
            if folded(&parameter.name).contains("page") {
                let number = |keyword: &str| node?.get(keyword)?.as_u64();
                if number("minimum") == Some(0) || number("default") == Some(0) {
                    first = 0;
                }
            }
            let sent = received
                .values
                .parameter(Location::Query, &parameter.name)
                .cloned();
            let default = || {
                node?
                    .get("default")
                    .filter(|value| value.is_number())
                    .cloned()
            };
            if filter::is_beside(&parameter.name, node, schema) {
                continue;
            }
            parameters.push(Asking {
                name: parameter.name.clone(),
                value: sent.or_else(default),
                schema: node,
                description: parameter.description.as_deref().unwrap_or_default(),
                is_filter: false,
            });
        }
        parameters.extend(self.asked_in_content(received));
        let mut wanted = ListQuery::read(&parameters, &names, first);
        if let Some(key) = self.collection.key.as_ref().and_then(KeyPath::name) {
            let named = parameters.iter().find_map(|Asking { name, value, .. }| {
                let is_key =
                    self.collection.keys.contains(&folded(name)) && !names.contains(&name.as_str());
                value.clone().filter(|value| is_key && !value.is_array())
            });
            wanted
                .filters
                .extend(named.map(|value| Filter::equal(key, vec![value])));
        }
        wanted
    }

    /// Iterates over the members of the content as list parameters, as search operations have them
    /// there.
    fn asked_in_content<'r>(&'r self, received: StepInput<'r>) -> impl Iterator<Item = Asking<'r>> {
        let schema = self.sent_schema();
        let members = received
            .values
            .body
            .as_ref()
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        members.take(MOST_MEMBERS).map(move |(name, value)| {
            let node = schema
                .and_then(|schema| Some(schema.resolve(schema.property(schema.tree(), name)?)));
            let description = node
                .and_then(|node| node.get("description")?.as_str())
                .unwrap_or_default();
            Asking {
                name: name.clone(),
                value: Some(value.clone()),
                schema: node,
                description,
                is_filter: false,
            }
        })
    }

    /// Takes the step with `apply`, which runs it on the state of the session.
    pub(crate) fn apply(
        &self,
        apply: &mut dyn FnMut(&CollectionKey, Step, &EntityFactory<'_>) -> Reply,
    ) -> Reply {
        let below = self.of_owners(apply);
        let own = below.as_ref().unwrap_or(self);
        match own.take(apply) {
            Reply::List(all) => Reply::List(own.owned(all)),
            reply => reply,
        }
    }

    fn take(
        &self,
        apply: &mut dyn FnMut(&CollectionKey, Step, &EntityFactory<'_>) -> Reply,
    ) -> Reply {
        let maker = self.maker();
        let factory = EntityFactory {
            base: &|| self.base(&maker),
            make: &|number, new| maker.make(number, new),
            remake: &|key, entity, new| maker.remake(key, entity, new),
            find: &|entities, text| self.find(entities, text),
            aliases: &|entity| self.aliases(entity),
            suppose: &|text| maker.supposed(text, self.by.as_ref()),
            protect: &|old, new| maker.protect(old, new),
            presence: match (&self.expected, self.known.as_deref()) {
                (Some(_), _) => Presence::There,
                (None, Some("*")) => Presence::NotThere,
                (None, _) => Presence::Any,
            },
            is_current: &|entity| {
                let is_expected = self
                    .expected
                    .as_ref()
                    .is_none_or(|expected| names(expected, entity, Comparison::Strong));
                // RFC 9110 §13.1.2: only steps that change something check tags, and for these a
                // known tag is a failure too.
                let is_unwanted = self
                    .known
                    .as_ref()
                    .is_some_and(|known| names(known, entity, Comparison::Weak));
                is_expected && !is_unwanted
            },
        };
        let key = match &self.step {
            Step::Read(key)
            | Step::Delete(key)
            | Step::Change(key, _)
            | Step::Rename { key, .. }
            | Step::Replace(key, _, Absent::Unknown) => Some(key),
            _ => None,
        };
        // Entities that no operation can add exist as soon as a request names them.
        let is_taken_away = self.collection.is_put_to && matches!(self.step, Step::Delete(_));
        let is_there =
            self.role.key == KeyFrom::Only || !self.collection.is_added_to && !is_taken_away;
        if let Some(key) = key.filter(|_| self.unknown == Unknown::Seeded || is_there) {
            let supposed = apply(&self.collection_key, Step::Suppose(key.clone()), &factory);
            if matches!(self.step, Step::Read(_)) {
                return supposed;
            }
        }
        let step = self.linked(apply);
        if let Step::Create(new) = &step
            && new.key.is_none()
        {
            return self.create(&maker, new, &factory, apply);
        }
        apply(&self.collection_key, step, &factory)
    }

    /// Adds an entity. It is built between two steps, so that no other request waits for it.
    fn create(
        &self,
        maker: &EntityBuilder<'_>,
        new: &New,
        factory: &EntityFactory<'_>,
        apply: &mut dyn FnMut(&CollectionKey, Step, &EntityFactory<'_>) -> Reply,
    ) -> Reply {
        let Reply::Number(number) = apply(&self.collection_key, Step::Count, factory) else {
            return Reply::Full;
        };
        let (key, entity) = maker.make(number, new);
        apply(
            &self.collection_key,
            Step::Put {
                key,
                entity,
                new: new.clone(),
            },
            factory,
        )
    }

    /// Returns the reply of the initial state to a list or read step, for a sandbox without state;
    /// `None` for other steps.
    #[must_use]
    pub(crate) fn seeded(&self) -> Option<Reply> {
        let maker = self.maker();
        let base = self.base(&maker);
        match &self.step {
            Step::List | Step::ListOf(_) => {
                let all = base
                    .all
                    .iter()
                    .map(|(key, entity)| (key.clone(), entity.clone()));
                let Some((name, owner)) = &self.owner else {
                    return Some(Reply::List(all.collect()));
                };
                let own: Vec<_> = all
                    .filter(|(_, entity)| entity.get(name) == Some(owner))
                    .collect();
                // An owner that no list shows gets generated entities, so that its list is not
                // empty.
                Some(Reply::List(if own.is_empty() {
                    maker.of_owner(name, owner)
                } else {
                    own
                }))
            }
            Step::Read(key) => {
                let known = self.find(&base, key);
                let known = known.and_then(|key| Some((base.all.get(&key)?.clone(), key)));
                let (entity, key) = known.unwrap_or_else(|| {
                    let (key, entity) = maker.supposed(key, self.by.as_ref());
                    (Arc::new(entity), key)
                });
                Some(Reply::Entity {
                    entity,
                    key,
                    is_new: false,
                })
            }
            _ => None,
        }
    }

    /// Returns the keys of the entities of the collection that the user supplies.
    #[must_use]
    pub(crate) fn supplied_keys(&self) -> std::collections::HashSet<String> {
        self.maker().supplied_keys()
    }

    fn base(&self, maker: &EntityBuilder<'_>) -> Arc<Entities> {
        // A singleton is generated when a request first uses it, so it has no initial entities.
        if self.role.key == KeyFrom::Only {
            Arc::default()
        } else if self.home.is_some() {
            // The entities of all owners begin alike, whoever asks for them first.
            maker.of_all().base(&self.collection_key)
        } else {
            maker.base(&self.collection_key)
        }
    }
}

/// Returns the values of path expressions as one text: `7/main`.
fn joined(scope: &[(String, String)]) -> String {
    let values: Vec<&str> = scope.iter().map(|(_, value)| value.as_str()).collect();
    values.join("/")
}

/// Returns the home of the entities below a path, for the values of its expressions.
fn home_of(collection: &str, scope: &[(String, String)]) -> String {
    format!("{collection} {}", joined(scope))
        .trim_end()
        .to_owned()
}

/// Answer for a key that was never created and is not in the initial state (`--unknown`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unknown {
    /// Error: there is no such entity.
    #[default]
    NotFound,
    /// Entity generated from its key, always the same one.
    Seeded,
}
