//! URLs of the entities that a builder makes: `url`, `self`, `_links.self.href`.
//!
//! A stored entity has them with the host [`OWN_HOST`]; `entity::own_url` writes the host of the request in its place.
use serde_json::{Map, Value, json};

use crate::codec::text::decode;
use crate::entity::build::EntityBuilder;
use crate::entity::expand::OWN_HOST;
use crate::resource::evidence::sent_schema;
use crate::resource::place;
use crate::schema::Schema;
use crate::schema::name::folded;
use crate::schema::walk::Child;

/// Names of members that have the URL of the entity, or another one that a client chooses, such as a website.
const URLS: [&str; 3] = ["url", "uri", "href"];

/// Names of members that have the URL of the entity.
const OWN_URLS: [&str; 6] = [
    "self", "selflink", "selfurl", "selfuri", "selfhref", "odataid",
];

/// Words in the description of a URL that leads to something else than the entity.
const ELSEWHERE: [&str; 16] = [
    "image",
    "picture",
    "photo",
    "avatar",
    "logo",
    "thumbnail",
    "icon",
    "video",
    "download",
    "website",
    "webpage",
    "homepage",
    "page",
    "browser",
    "webhook",
    "callback",
];

/// Names of objects that have links.
const LINKS: &str = "links";

impl EntityBuilder<'_> {
    /// Sets the URLs of an entity, apart from those that a client sent. An entity that no operation reads has none.
    pub(super) fn point_to_itself(&self, entity: &mut Value, key: &str, sent: &Map<String, Value>) {
        let (Some(schema), Some(path)) = (self.schema(), self.path_to(key)) else {
            return;
        };
        let url = json!(format!("{OWN_HOST}{path}"));
        for way in self.own_urls(schema) {
            let Some(first) = way.first().filter(|first| !sent.contains_key(*first)) else {
                continue;
            };
            let is_there = place::at(entity, &way).is_some_and(Value::is_string);
            let is_left_out = way.len() > 1 && entity.get(first).is_none();
            if !is_there && (!is_left_out || self.could_be_sent(first)) {
                continue;
            }
            let pointer = way
                .iter()
                .try_fold(schema.pointer().to_owned(), |pointer, name| {
                    schema.place_of(&pointer, Child::Property(name))
                });
            let takes = |pointer| schema.sibling(pointer).is_valid(&url) == Ok(true);
            if pointer.is_some_and(takes) {
                place::put(entity, &way, url.clone());
            }
        }
    }

    /// Writes the URLs in a documented example that lead to the entity in the form of its own URLs.
    pub(super) fn point_example_to_itself(&self, entity: &mut Value, key: &str) {
        let (Some(schema), Some(path)) = (self.schema(), self.path_to(key)) else {
            return;
        };
        let leads_there = |url: &Value| {
            let url = url.as_str().and_then(|url| url.split(['?', '#']).next());
            url.is_some_and(|url| url.contains("://") && decode(url).ends_with(&decode(&path)))
        };
        for way in self.own_urls(schema) {
            if place::at(entity, &way).is_some_and(leads_there) {
                place::put(entity, &way, json!(format!("{OWN_HOST}{path}")));
            }
        }
    }

    /// Sets the own URLs of an entity anew, whose key may have changed.
    pub(super) fn follow_key(&self, entity: &mut Value, key: &str) {
        let (Some(schema), Some(path)) = (self.schema(), self.path_to(key)) else {
            return;
        };
        let is_own = |url: &Value| url.as_str().is_some_and(|url| url.starts_with(OWN_HOST));
        for way in self.own_urls(schema) {
            if place::at(entity, &way).is_some_and(is_own) {
                place::put(entity, &way, json!(format!("{OWN_HOST}{path}")));
            }
        }
    }

    /// Returns the ways to the members that have the URL of an entity.
    fn own_urls(&self, schema: &Schema) -> Vec<Vec<String>> {
        let mut ways = Vec::new();
        for declared in self.properties {
            let (name, plain) = (&declared.name, declared.folded.as_str());
            let is_text = declared.types.contains(&"string");
            let is_own = OWN_URLS.contains(&plain);
            let is_url =
                || URLS.contains(&plain) && !self.is_sent(name) && !self.leads_elsewhere(name);
            if is_text && !self.is_key(name) && (is_own || is_url()) {
                ways.push(vec![name.clone()]);
            }
            if plain == LINKS
                && let Some(node) = self.property(name)
                && let Some((own, link)) = schema
                    .properties(node)
                    .into_iter()
                    .find(|(own, _)| folded(own) == "self")
            {
                let mut way = vec![name.clone(), own.to_owned()];
                if schema.types(link).contains(&"object") {
                    way.push("href".to_owned());
                }
                ways.push(way);
            }
        }
        ways
    }

    /// Returns true if the document says of a URL that it leads to something else than the entity: its example has
    /// another path, or its description speaks of a picture, a page or a file.
    fn leads_elsewhere(&self, name: &str) -> bool {
        let node = self.schema().zip(self.property(name));
        let Some(node) = node.map(|(schema, node)| schema.resolve(node)) else {
            return false;
        };
        let listed = node.get("examples").and_then(|examples| examples.get(0));
        let example = node.get("example").or(listed).and_then(Value::as_str);
        let mut segments = self.collection.name.split('/');
        let segment = segments.rfind(|segment| !segment.is_empty() && !segment.contains('{'));
        if let (Some(example), Some(segment)) = (example, segment) {
            return !example.split('/').any(|own| own == segment);
        }
        let description = node.get("description").and_then(Value::as_str);
        let description = description.unwrap_or_default().to_lowercase();
        let mut words = description.split(|c: char| !c.is_alphanumeric());
        words.any(|word| ELSEWHERE.contains(&word) && word != self.collection.noun)
    }

    /// Returns true if a client can send a property with an entity of the collection.
    fn is_sent(&self, name: &str) -> bool {
        let operations = self.collection.shown_by.iter();
        let mut schemas = operations
            .filter_map(|(index, _)| sent_schema(&self.context.contract.operations[*index]));
        let asks = |schema: &Schema| {
            let declared = schema.declaration(name);
            declared.is_some_and(|declared| declared.is_asked_for)
        };
        self.could_be_sent(name) || schemas.any(|schema| asks(schema))
    }
}
