//! Control API: collections of the session, as lists, tables and files.
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, VARY};
use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::codec::accept::Accept;
use crate::codec::message::{Request, Response};
use crate::diagnostic::{escape, ordinal};
use crate::entity::error::EntityError;
use crate::entity::initial::scope_names;
use crate::entity::values::{keyed, misfit};
use crate::entity::{columns, export};
use crate::errors::problem::Problem;
use crate::exchange::StateMode;
use crate::resource::Collection;
use crate::resource::key::KeyPath;
use crate::server::control::lists::{Paging, listed};
use crate::server::control::state::full;
use crate::server::control::{Collections, Control, ControlRequest, not_there, unprocessable};
use crate::state::memory::{CollectionKey, Entities};
use crate::state::size::{MOST_NESTED, is_too_deep};

/// Collection that a request to the control API is about, with its entities.
pub(super) struct AskedCollection {
    /// Collection that has the entities: the wider one of a nested collection, if it has one.
    pub collection: Arc<Collection>,
    /// Place of the entities in the session.
    pub key: CollectionKey,
    /// Name and scope that the request is about.
    pub named: CollectionKey,
    /// Property that identifies the owner of the entities, and its value, if the collection also has
    /// entities of other owners.
    pub owner: Option<(String, Value)>,
    pub entities: Arc<Entities>,
}

impl AskedCollection {
    /// Returns true if an entity is one of the owner that the request names.
    pub(super) fn has(&self, entity: &Value) -> bool {
        let is_own = |(name, value): &(String, Value)| entity.get(name) == Some(value);
        self.owner.as_ref().is_none_or(is_own)
    }

    /// Returns the entity of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Arc<Value>> {
        let entity = self.entities.all.get(key);
        entity.filter(|entity| self.has(entity))
    }

    /// Returns the entities with their keys, in order.
    pub(super) fn entities(&self) -> impl Iterator<Item = (&String, &Arc<Value>)> {
        let all = self.entities.all.iter();
        all.filter(|(_, entity)| self.has(entity))
    }
}

/// Row of the list of collections.
struct CollectionRow<'c> {
    collection: &'c Collection,
    /// Indexes of the operations on the collection.
    operations: &'c [usize],
    /// Scope that the session wrote to, and the number of its entities.
    written: Option<(String, usize)>,
}

/// Entities of a collection that a request to the control API asks for.
struct FoundEntities {
    asked: AskedCollection,
    /// Number of the entities on all pages.
    total: usize,
    /// Number of the entities before the page.
    offset: usize,
    /// Entities of the page with their keys.
    page: Vec<(String, Arc<Value>)>,
}

impl Control {
    /// Returns all collections, which are found once: the schemas of all operations are read for it.
    pub(super) fn all_collections(&self) -> &Collections {
        self.collections.get_or_init(|| {
            let contract = self.sandbox.contract();
            let mut all = Collections::new();
            for (index, role) in self.sandbox.resources().all(contract) {
                let known = all.entry(role.collection.name.clone());
                let (_, operations) =
                    known.or_insert_with(|| (Arc::clone(&role.collection), Vec::new()));
                operations.push(index);
            }
            all
        })
    }

    /// Lists the collections; a nested one that the session wrote to once for each owner.
    pub(super) fn collections(&self, asked: &ControlRequest<'_>) -> Value {
        let now = self.sandbox.memory().look(asked.about(), |session_state| {
            let now = session_state.now();
            let written = now.keys().into_iter().map(|key| {
                let count = now.entities(key).map_or(0, |entities| entities.all.len());
                (key.clone(), count)
            });
            written.collect::<Vec<_>>()
        });
        let mut written: BTreeMap<String, Vec<(String, usize)>> = BTreeMap::new();
        for (key, count) in now.unwrap_or_default() {
            let scopes = written.entry(key.collection).or_default();
            scopes.push((key.scope, count));
        }
        let paging = Paging::read(asked);
        let mut rows = Vec::new();
        for (name, (collection, operations)) in self.all_collections() {
            if !paging.has_words(&[name, &collection.noun]) {
                continue;
            }
            let scopes = written.remove(name).unwrap_or_default();
            let is_open = collection.scope > 0 || scopes.is_empty();
            let open = is_open.then_some(None);
            for written in open.into_iter().chain(scopes.into_iter().map(Some)) {
                rows.push(CollectionRow {
                    collection,
                    operations,
                    written,
                });
            }
        }
        let page = paging.page(&rows).iter();
        let mut answer = json!({
            "total": rows.len(),
            "offset": paging.offset,
            "collections": page.map(|row| self.described_row(row)).collect::<Vec<_>>(),
        });
        if self.sandbox.settings().state == StateMode::Off {
            answer["note"] = json!(
                "the state is off, so answers do not show these entities; `standin serve --state on` turns it on"
            );
        }
        answer
    }

    fn described_row(&self, row: &CollectionRow<'_>) -> Value {
        let CollectionRow {
            collection,
            operations,
            written,
        } = row;
        let contract = self.sandbox.contract();
        let operations: Vec<&str> = operations
            .iter()
            .map(|index| contract.operations[*index].name())
            .collect();
        let mut described = json!({"name": collection.name, "noun": collection.noun, "key": collection.key.as_ref().map(KeyPath::to_string), "operations": operations});
        if let Some((scope, count)) = written {
            described["scope"] = json!(scope);
            described["count"] = json!(count);
        } else {
            let names = scope_names(self.sandbox.contract(), collection);
            described["parameters"] = json!(names);
            if let Some(wider) = self.sandbox.wider(collection) {
                described["partOf"] = json!(wider.collection.name);
            }
        }
        described["changed"] = json!(written.is_some());
        described
    }

    /// Finds a collection by a name such as `/users/{userId}/orders`, or by the last segment of its
    /// name, such as `pets`.
    ///
    /// # Errors
    ///
    /// `Problem` 404, if there is no such collection.
    pub(super) fn called(&self, name: &str) -> Result<Arc<Collection>, Problem> {
        let all = self.all_collections();
        let plain = |text: &str| text.trim_matches('/').to_owned();
        let exact = all
            .values()
            .find(|(own, _)| plain(&own.name) == plain(name));
        let is_last = |own: &Collection| own.name.rsplit(['/', '.']).next() == Some(name);
        exact
            .or_else(|| all.values().find(|(own, _)| is_last(own)))
            .map(|(own, _)| Arc::clone(own))
            .ok_or_else(|| {
                let names: Vec<&str> = all.keys().map(String::as_str).collect();
                let listed = listed(&names);
                not_there(format!(
                    "there is no collection `{name}`; there are {listed}"
                ))
            })
    }

    /// Returns the collection that a request to the control API names, with its entities now.
    ///
    /// # Errors
    ///
    /// `Problem` 404, if there is no such collection.
    pub(super) fn asked_collection(
        &self,
        asked: &ControlRequest<'_>,
    ) -> Result<AskedCollection, Problem> {
        let named = self.called(&asked.segment("state"))?;
        let scope = asked.query("scope").unwrap_or_default();
        let of = |collection: &Collection, scope: &str| CollectionKey {
            collection: collection.name.clone(),
            scope: scope.to_owned(),
        };
        let (collection, key, owner) = match self.sandbox.wider(&named) {
            Some(wider) => {
                let owner = (!scope.is_empty()).then(|| wider.owner(scope));
                let collection = self.called(&wider.collection.name)?;
                let key = of(&collection, "");
                (collection, key, owner)
            }
            None => (Arc::clone(&named), of(&named, scope), None),
        };
        let written = self.sandbox.memory().look(asked.about(), |session_state| {
            session_state.entities(&key).cloned()
        });
        let is_known = key.collection != named.name || has_scope(&named, scope);
        let entities = match written.flatten() {
            Some(written) => written,
            None if is_known => self.sandbox.beginning(&collection, &key.scope),
            None => Arc::default(),
        };
        Ok(AskedCollection {
            named: of(&named, scope),
            collection,
            key,
            owner,
            entities,
        })
    }

    /// Returns the collection that a request to the control API changes.
    ///
    /// # Errors
    ///
    /// `Problem` 404, if there is no such collection, and 422 if the request does not name the owner
    /// of a nested one.
    pub(super) fn changed_collection(
        &self,
        asked: &ControlRequest<'_>,
    ) -> Result<AskedCollection, Problem> {
        let found = self.asked_collection(asked)?;
        let named = self.called(&found.named.collection)?;
        if has_scope(&named, &found.named.scope) {
            return Ok(found);
        }
        let names = scope_names(self.sandbox.contract(), &named);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        Err(unprocessable(format!(
            "the entities of `{}` are separate for each owner, expected `scope` with the values of {}, such as `?scope=7`",
            named.name,
            listed(&names)
        )))
    }

    /// Finds the entities of a collection that have the words of a search.
    fn found_entities(&self, asked: &ControlRequest<'_>) -> Result<FoundEntities, Problem> {
        let found = self.asked_collection(asked)?;
        let paging = Paging::read(asked);
        let has_words = |entity: &Value| {
            asked.query("q").is_none_or(str::is_empty) || paging.has_words(&[&entity.to_string()])
        };
        let all = found.entities();
        let all: Vec<(&String, &Arc<Value>)> =
            all.filter(|(_, entity)| has_words(entity)).collect();
        let page = paging.page(&all).iter();
        let page = page.map(|(key, entity)| ((*key).clone(), Arc::clone(entity)));
        Ok(FoundEntities {
            page: page.collect(),
            total: all.len(),
            offset: paging.offset,
            asked: found,
        })
    }

    /// Returns the entities of a collection that have the words of a search.
    pub(super) fn collection(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let found = self.found_entities(asked)?;
        let page = &found.page;
        let AskedCollection {
            collection, named, ..
        } = &found.asked;
        let nested = self.called(&named.collection)?;
        let mut answer = json!({
            "collection": named.collection,
            "scope": named.scope,
            "parameters": scope_names(self.sandbox.contract(), &nested),
            "key": collection.key.as_ref().map(KeyPath::to_string),
            "total": found.total,
            "offset": found.offset,
            "keys": page.iter().map(|(key, _)| key).collect::<Vec<_>>(),
            "entities": page.iter().map(|(_, entity)| &**entity).collect::<Vec<_>>(),
        });
        if let Some(words) = asked.query("q").filter(|words| !words.is_empty()) {
            answer["q"] = json!(words);
        }
        if collection.name != named.collection {
            answer["partOf"] = json!(collection.name);
        }
        Ok(answer)
    }

    /// Returns the entities of a collection as a file, if the request asks for one.
    pub(super) fn collection_file(
        &self,
        asked: &ControlRequest<'_>,
    ) -> Option<Result<Response, Problem>> {
        let format = FileFormat::of(asked)?;
        Some(self.written_file(asked, format))
    }

    fn written_file(
        &self,
        asked: &ControlRequest<'_>,
        format: FileFormat,
    ) -> Result<Response, Problem> {
        let found = self.found_entities(asked)?;
        let content = format.write(&found);
        let content = content.map_err(|error| unprocessable(error.to_string()))?;
        let (media, ending) = format.names();
        let mut response = Response::new(Bytes::from(content));
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static(media));
        // RFC 9110 §12.5.5
        fields.insert(VARY, HeaderValue::from_static("Accept"));
        let name = file_name(&found.asked.named.collection);
        let disposition = format!("attachment; filename=\"{name}.{ending}\"");
        // Only `format` says that the answer is to be saved.
        if asked.query("format").is_some()
            && let Ok(disposition) = HeaderValue::from_str(&disposition)
        {
            fields.insert(CONTENT_DISPOSITION, disposition);
        }
        Ok(response)
    }

    /// Replaces the entities of a collection by a list in JSON or a table.
    pub(super) fn put_collection(&self, asked: &ControlRequest<'_>) -> Result<Value, Problem> {
        let found = self.changed_collection(asked)?;
        let AskedCollection {
            collection, named, ..
        } = &found;
        if found.key.collection != named.collection {
            return Err(unprocessable(format!(
                "`{}` shows those entities of `{}` that have its owner, so they cannot be replaced alone; replace the entities of `{}`, or change single ones",
                named.collection, collection.name, collection.name
            )));
        }
        let of_table;
        let entities = if is_table(asked.request) {
            of_table = entities_of(collection, asked)?;
            &of_table
        } else {
            let list = asked.body.as_array();
            list.ok_or_else(|| {
                unprocessable("the content is not a list, expected a list of entities")
            })?
        };
        let mut all: IndexMap<String, Arc<Value>> = IndexMap::new();
        for (index, entity) in entities.iter().enumerate() {
            let key = keyed(collection, entity, index)
                .map_err(|error| unprocessable(error.to_string()))?;
            if is_too_deep(entity) {
                return Err(unprocessable(format!(
                    "the {} entity is nested deeper than {MOST_NESTED} levels",
                    ordinal(index)
                )));
            }
            if let Some(error) = misfit(collection, entity) {
                return Err(unprocessable(format!(
                    "the {} entity does not fit the schema of `{}`: {}",
                    ordinal(index),
                    collection.name,
                    error.located()
                )));
            }
            if all.insert(key.clone(), Arc::new(entity.clone())).is_some() {
                return Err(unprocessable(format!("two entities have the key `{key}`")));
            }
        }
        self.sandbox
            .within(asked.about(), |session_state| {
                session_state.put(found.key.clone(), all)
            })
            .map_err(full)?;
        self.collection(asked)
    }
}

/// Returns true if a scope has the values of all path parameters that separate the entities of a
/// collection.
fn has_scope(collection: &Collection, scope: &str) -> bool {
    let values = scope.split('/').filter(|value| !value.is_empty());
    values.count() >= collection.scope
}

/// Reads the entities of a table.
fn entities_of(collection: &Collection, asked: &ControlRequest<'_>) -> Result<Vec<Value>, Problem> {
    let content = asked.request.body().bytes();
    let text = String::from_utf8(content.to_vec())
        .map_err(|_| unprocessable("the table is not text in UTF-8"))?;
    let schema = collection.entity.as_deref();
    columns::entities(&text, schema)
        .map_err(|error| unprocessable(format!("the table cannot be read: {error}")))
}

/// File format of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileFormat {
    /// Comma-separated values (RFC 4180).
    Csv,
    /// List in JSON.
    Json,
}

impl FileFormat {
    /// Returns the format that a request asks for, `?format=csv`, or `Accept: text/csv`.
    fn of(asked: &ControlRequest<'_>) -> Option<Self> {
        match asked.query("format") {
            Some("csv") => return Some(Self::Csv),
            Some("json") => return Some(Self::Json),
            _ => {}
        }
        let accept = Accept::read(asked.request.headers());
        accept.prefers("text/csv").then_some(Self::Csv)
    }

    /// Returns the media type, and the ending of the names of files.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Json => ("application/json", "json"),
            Self::Csv => ("text/csv; charset=utf-8", "csv"),
        }
    }

    fn write(self, found: &FoundEntities) -> Result<String, EntityError> {
        let entities = found.page.iter().map(|(_, entity)| &**entity);
        match self {
            Self::Json => {
                let list: Vec<&Value> = entities.collect();
                let list = escape::pretty_json(&json!(list));
                Ok(format!("{list}\n"))
            }
            Self::Csv => export::write(entities, found.asked.collection.entity.as_deref()),
        }
    }
}

/// Returns the name of a file for a collection: `orders` for `/users/{userId}/orders`.
fn file_name(collection: &str) -> String {
    let mut parts = collection.rsplit('/');
    let name = parts.find(|part| !part.is_empty() && !part.starts_with('{'));
    let is_plain = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    let name: String = name.unwrap_or_default().chars().filter(is_plain).collect();
    if name.is_empty() {
        "entities".to_owned()
    } else {
        name
    }
}

/// Returns true if the content of a request is a table.
fn is_table(request: &Request) -> bool {
    let media = request.headers().get(CONTENT_TYPE);
    let media = media.and_then(|media| media.to_str().ok());
    media.is_some_and(|media| {
        media
            .trim_start()
            .to_ascii_lowercase()
            .starts_with("text/csv")
    })
}
