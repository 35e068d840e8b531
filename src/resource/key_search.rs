//! Search for the key of the entities of a collection: names in paths, and properties of schemas.
//!
//! `infer` asks it for each schema that shows entities, so that all operations of a resource agree.
use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use crate::contract::{Contract, Location, Operation, Parameter};
use crate::resource::address::{Address, singular};
use crate::resource::evidence::{answered, sent_schema};
use crate::resource::key::KeyPath;
use crate::resource::key_words::{LAST_WORDS, alternatives, described, is_id, offered};
use crate::resource::place::HOLDERS;
use crate::schema::Schema;
use crate::schema::name::{folded, words};

/// Kind of key that identifies entities in their paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// Parameter whose name ends in `id`: `{petId}`.
    Id,
    /// Parameter of type `string`: `{login}`.
    Text,
    /// Parameter of type `integer` or `number`.
    Number,
    /// Unknown: no key parameter has a name or a type that tells.
    Anything,
}

/// Names of properties with the URL of the entity itself.
const OWN_URLS: [&str; 9] = [
    "uri",
    "self",
    "href",
    "selflink",
    "resourceuri",
    "selfuri",
    "selfhref",
    "url",
    "link",
];

/// Last words of parameter names that are those of the key property too: `api_key` for
/// `{subaccountKey}`.
const ENDS: [&str; 4] = ["key", "sid", "code", "token"];

/// Search for the key of one collection.
#[derive(Debug)]
pub(crate) struct KeySearch {
    /// Possible names of the key, in lower case without separators, the most specific first.
    pub names: Vec<String>,
    /// Names of the property that is searched for: also those that alone are no sign of a key.
    searched: Vec<String>,
    /// Kind of key that identifies entities in their paths.
    by: By,
    /// True if a path identifies an entity by several values: `/repos/{owner}/{repo}`.
    is_composite: bool,
    /// Segment before the key in the paths of entities: `channels`.
    segment: Option<String>,
    /// Properties that the parameter of a path holds beside the key, by their possible names:
    /// `name` for `{idOrName}`.
    others: Vec<Vec<String>>,
    /// Descriptions of the path parameters that hold the key.
    descriptions: Vec<String>,
    /// Last word of the path parameter, if it tells the property: `key`.
    end: Option<String>,
    /// Nouns of the owners in the paths: `project` of `/projects/{key}/issues`.
    owners: Vec<String>,
    /// True if the parameter is the noun alone: `{firewall}`.
    is_noun: bool,
    /// True if requests send a name, and no answer has an id.
    is_named: bool,
}

impl KeySearch {
    /// Reads the paths of the operations that share a collection.
    #[must_use]
    pub(crate) fn new(contract: &Contract, members: &[(usize, Address)], noun: &str) -> Self {
        let keyed: Vec<&Operation> = members
            .iter()
            .filter(|(_, address)| address.keys == 1)
            .map(|(index, _)| &contract.operations[*index])
            .collect();
        let mut names: Vec<String> = Vec::new();
        let (mut last, mut others): (Vec<String>, Vec<Vec<String>>) = (Vec::new(), Vec::new());
        let descriptions: Vec<String> = keyed
            .iter()
            .filter_map(|operation| Some(key_parameter(operation)?.description.as_deref()?.into()))
            .collect();
        // A parameter such as `{username}` tells the property itself.
        let is_open = |operation: &&&Operation| {
            let last = words(last_parameter(operation)).pop();
            last.is_none_or(|last| !LAST_WORDS.contains(&last.as_str()))
        };
        let told = keyed
            .iter()
            .filter(is_open)
            .filter_map(|operation| key_parameter(operation)?.description.as_deref())
            .find_map(|text| described(text, noun));
        for operation in &keyed {
            let parameter = last_parameter(operation);
            let Some(parts) = alternatives(parameter) else {
                names.extend(names_of(parameter, noun));
                continue;
            };
            for part in parts {
                let named = names_of(&part, noun);
                let names = if is_id(&part) { &mut names } else { &mut last };
                names.extend(named.iter().cloned());
                others.push(named);
            }
        }
        names.extend(
            ["id", "uuid"]
                .iter()
                .flat_map(|end| [format!("{noun}{end}"), (*end).to_owned()]),
        );
        names.extend([
            format!("{noun}key"),
            format!("{noun}sid"),
            "sid".to_owned(),
            "uid".to_owned(),
        ]);
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        let told = told.map(str::to_owned);
        let searched = told.iter().chain(&names).chain(&last).cloned().collect();
        let before = keyed.iter().find_map(|operation| {
            let (before, _) = operation.template.rsplit_once("/{")?;
            Some(before.rsplit('/').next()?.to_owned())
        });
        Self {
            names,
            searched,
            by: keyed
                .iter()
                .find_map(|operation| by_of(operation))
                .unwrap_or(By::Anything),
            is_composite: members.iter().any(|(_, address)| address.keys > 1),
            segment: before.filter(|segment| !segment.is_empty()),
            others,
            descriptions,
            end: keyed.iter().find_map(|operation| {
                let last = words(last_parameter(operation)).pop()?;
                ENDS.contains(&last.as_str()).then_some(last)
            }),
            owners: keyed
                .first()
                .map_or_else(Vec::new, |operation| owners_of(operation)),
            is_noun: keyed
                .iter()
                .any(|operation| folded(last_parameter(operation)) == noun),
            is_named: {
                let mut all = members
                    .iter()
                    .map(|(index, _)| &contract.operations[*index]);
                all.clone().any(sends_name) && !all.any(|operation| has_id(operation, noun))
            },
        }
    }

    /// Returns true if a name is one of the possible names of the key.
    #[must_use]
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains(&folded(name))
    }

    /// Returns the way to the key in the schema of an entity; `None` if it has none or the key is
    /// composite.
    #[must_use]
    pub(crate) fn find(&self, schema: &Schema) -> Option<KeyPath> {
        if self.is_composite {
            // No single property identifies an entity that has a composite key.
            return None;
        }
        let own = Level::of(schema, schema.tree());
        let fitting = self.fitting(&own);
        fitting
            .map(KeyPath::property)
            .or_else(|| self.held(schema, &own))
            .or_else(|| self.any(&own).map(KeyPath::property))
            .or_else(|| self.in_url(&own))
            .or_else(|| self.name_alone(&own).map(KeyPath::property))
    }

    /// Returns the ways to further values that identify an entity in the place of its key.
    #[must_use]
    pub(crate) fn others(&self, schema: &Schema, key: &KeyPath) -> Vec<KeyPath> {
        let own = Level::of(schema, schema.tree());
        let Some(key) = key.name().filter(|_| !self.is_composite) else {
            return Vec::new();
        };
        let mut found: Vec<&str> = Vec::new();
        for names in &self.others {
            found.extend(names.iter().find_map(|name| own.plain(name)));
        }
        let is_unique = |name: &str| {
            let words = words(name);
            let last = words.last();
            last.is_some_and(|last| LAST_WORDS.contains(&last.as_str()))
        };
        for description in &self.descriptions {
            let property = |plain: &str| {
                own.plain(plain)
                    .filter(|name| *name != key && is_unique(name))
            };
            found.extend(offered(description, key, property));
        }
        if self.is_noun && self.by != By::Number && !is_account(&own) {
            found.extend(["name", "slug"].iter().find_map(|name| own.text(name)));
        }
        let mut others: Vec<KeyPath> = Vec::new();
        for name in found.into_iter().filter(|name| *name != key) {
            let other = KeyPath::property(name);
            if !others.contains(&other) {
                others.push(other);
            }
        }
        others
    }

    /// Returns the name of an entity that has nothing else to identify it.
    fn name_alone<'s>(&self, own: &Level<'s>) -> Option<&'s str> {
        let can_be = self.by != By::Number && self.is_named && self.segment.is_some();
        own.text("name").filter(|_| can_be)
    }

    /// Returns the one property that ends in the last word of the path parameter, such as `api_key`
    /// for `{subaccountKey}`, unless it identifies an owner.
    fn ending<'s>(&self, own: &Level<'s>) -> Option<&'s str> {
        let end = self.end.as_ref()?;
        let is_meant = |(name, _): &&(&'s str, &Value)| {
            let mut words = words(name);
            words.pop().as_ref() == Some(end) && !self.owners.contains(&words.concat())
        };
        let mut meant = own.properties.iter().filter(is_meant);
        let (name, _) = meant.next().filter(|_| meant.next().is_none())?;
        own.text(&folded(name))
    }

    /// Returns the property of an object whose name and type are those of the key.
    fn fitting<'s>(&self, level: &Level<'s>) -> Option<&'s str> {
        // Prefer a property of the type of the path parameter: no number for a text, no text for a
        // number. A parameter that is named as an id fits both.
        let can_be = |name: &&str| {
            if self.by == By::Id && folded(name).ends_with("id") {
                return true;
            }
            !matches!(
                (self.by, level.types(name).as_slice()),
                (By::Text, ["integer" | "number"]) | (By::Number, ["string"])
            )
        };
        let others: &[&str] = if self.by == By::Text {
            &[
                "login", "username", "slug", "key", "name", "title", "number",
            ]
        } else {
            &["key", "slug"]
        };
        let own = self.searched_in(level).filter_map(|name| level.plain(name));
        own.chain(self.ending(level))
            .chain(others.iter().filter_map(|name| level.plain(name)))
            .find(can_be)
    }

    /// Iterates over the names of the key to search for in an object. The name of an account is its
    /// `login`, and not its `name`, unless the parameter says so.
    fn searched_in<'n>(&'n self, level: &Level<'_>) -> impl Iterator<Item = &'n String> {
        let is_account = is_account(level);
        let is_meant =
            move |name: &&String| !is_account || *name != "name" || self.names.contains(name);
        self.searched.iter().filter(is_meant)
    }

    /// Returns a property with a name of the key, whatever its type.
    fn any<'s>(&self, level: &Level<'s>) -> Option<&'s str> {
        self.searched_in(level).find_map(|name| level.plain(name))
    }

    /// Returns the key in an object such as `metadata`, beside the members of the entity.
    fn held(&self, schema: &Schema, own: &Level<'_>) -> Option<KeyPath> {
        if self.any(own).is_some() {
            return None;
        }
        let holders = HOLDERS
            .iter()
            .filter_map(|holder| own.named(holder, |types| types == ["object"]));
        holders.into_iter().find_map(|holder| {
            let level = Level::of(schema, schema.property(schema.tree(), holder)?);
            let name = self.fitting(&level).or_else(|| self.any(&level))?;
            Some(KeyPath::inside(&[holder], name))
        })
    }

    /// Returns the property with the URL of the entity itself, whose last segment is the key.
    fn in_url(&self, own: &Level<'_>) -> Option<KeyPath> {
        let segment = self.segment.as_ref()?;
        OWN_URLS.iter().find_map(|wanted| {
            let name = own.plain(wanted)?;
            let is_url_of_own = match own.example(name) {
                Some(example) => before_last(example).is_some_and(|before| before == segment),
                // These names alone say that the URL is that of the entity.
                None => !matches!(*wanted, "url" | "link"),
            };
            is_url_of_own.then(|| KeyPath::url(name))
        })
    }
}

/// Properties of an object.
struct Level<'s> {
    schema: &'s Schema,
    properties: Vec<(&'s str, &'s Value)>,
}

impl<'s> Level<'s> {
    fn of(schema: &'s Schema, node: &'s Value) -> Self {
        Self {
            schema,
            properties: schema.properties(node),
        }
    }

    fn named(&self, wanted: &str, is_meant: impl Fn(&[&str]) -> bool) -> Option<&'s str> {
        let meant = |(name, node): &&(&str, &'s Value)| {
            folded(name) == wanted && is_meant(&self.schema.types(node))
        };
        self.properties.iter().find(meant).map(|(name, _)| *name)
    }

    /// Returns the name of a property that can be a text or a number.
    fn plain(&self, wanted: &str) -> Option<&'s str> {
        let is_plain = |types: &[&str]| {
            let is_scalar = |name: &&str| matches!(*name, "string" | "integer" | "number");
            types.is_empty() || types.iter().any(is_scalar)
        };
        self.named(wanted, is_plain)
    }

    /// Returns the name of a property that can be a text.
    fn text(&self, wanted: &str) -> Option<&'s str> {
        self.named(wanted, |types| {
            types.is_empty() || types.contains(&"string")
        })
    }

    fn node(&self, name: &str) -> Option<&'s Value> {
        let mut properties = self.properties.iter();
        properties
            .find(|(there, _)| *there == name)
            .map(|(_, node)| *node)
    }

    fn types(&self, name: &str) -> Vec<&'s str> {
        self.node(name)
            .map(|node| self.schema.types(node))
            .unwrap_or_default()
    }

    /// Returns the text that a property has as its example.
    fn example(&self, name: &str) -> Option<&'s str> {
        let node = self.schema.resolve(self.node(name)?);
        let listed = node.get("examples").and_then(|examples| examples.get(0));
        node.get("example").or(listed)?.as_str()
    }
}

/// Returns the last parameter of a path template.
fn last_parameter(operation: &Operation) -> &str {
    let last = operation.template.rsplit('{').next().unwrap_or_default();
    last.split('}').next().unwrap_or_default()
}

/// Returns the possible names of a key that a path parameter names, in lower case without
/// separators.
fn names_of(parameter: &str, noun: &str) -> Vec<String> {
    let name = folded(parameter);
    let mut names = vec![name.clone()];
    names.extend(
        name.strip_prefix(noun)
            .filter(|rest| !rest.is_empty())
            .map(str::to_owned),
    );
    // The last word alone may be the property: `key` for `{projectKey}` of `/projects`, and for
    // `{featureFlagKey}` of `/flags`.
    let mut words = words(parameter);
    let last = words.pop().unwrap_or_default();
    match last.as_str() {
        "index" => names.extend(["index".to_owned(), "number".to_owned()]),
        last if LAST_WORDS.contains(&last) => names.push(last.to_owned()),
        _ => {}
    }
    // `{sub_api_key}` may be the `api_key`.
    if LAST_WORDS.contains(&last.as_str()) {
        names.extend((1..words.len()).map(|from| format!("{}{last}", words[from..].concat())));
    }
    // `{shaCode}` may be the `sha`.
    if last == "code" && !words.is_empty() {
        names.push(words.concat());
    }
    names
}

/// Returns true if the last path parameter of an operation is by its name the key of entities with
/// this noun: `{id}`, `{petId}` or `{pet}` for a pet, and not `{ownerId}`.
pub(crate) fn is_key_of(operation: &Operation, noun: &str) -> bool {
    let Some(name) = operation.compiled().path_names.last() else {
        return false;
    };
    let mut words = words(name);
    let all = words.concat();
    let last = words.pop().unwrap_or_default();
    let before = words.concat();
    let is_id = matches!(last.as_str(), "id" | "uuid" | "guid" | "key" | "sid");
    all == noun || is_id && (before.is_empty() || before == noun)
}

/// Returns the path parameter that holds the key of an entity.
fn key_parameter(operation: &Operation) -> Option<&Parameter> {
    let compiled = operation.compiled();
    let name = compiled.path_names.last()?;
    let mut parameters = compiled.parameters.iter();
    let found = parameters.find(|p| p.location == Location::Path && p.name == *name);
    found.map(Arc::as_ref)
}

/// Returns true if an object is an account, which has another unique name than its `name`.
fn is_account(level: &Level<'_>) -> bool {
    ["login", "username"]
        .iter()
        .any(|name| level.text(name).is_some())
}

/// Returns true if the request of an operation has a name.
fn sends_name(operation: &Operation) -> bool {
    let sent = sent_schema(operation);
    sent.is_some_and(|sent| sent.property(sent.tree(), "name").is_some())
}

/// Returns true if the answer of an operation has an id, perhaps beside the entity.
fn has_id(operation: &Operation, noun: &str) -> bool {
    answered(operation).is_some_and(|schema| {
        let mut properties = schema.properties(schema.tree()).into_iter();
        properties.any(|(name, _)| {
            let name = folded(name);
            let end = name.strip_prefix(noun).unwrap_or(&name);
            matches!(end, "id" | "uuid")
        })
    })
}

/// Returns the nouns of the segments before the collection in the path of an operation.
fn owners_of(operation: &Operation) -> Vec<String> {
    let mut nouns: Vec<String> = operation
        .template
        .split('/')
        .filter(|segment| !segment.is_empty() && !segment.contains('{'))
        .map(|segment| singular(&folded(segment)))
        .collect();
    nouns.pop();
    nouns
}

/// Returns the kind of key that the last path parameter of an operation has.
fn by_of(operation: &Operation) -> Option<By> {
    let parameter = key_parameter(operation)?;
    let schema = parameter.schema().map(Arc::as_ref);
    let is_alternative = alternatives(&parameter.name).is_some_and(|parts| is_id(&parts[0]));
    if words(&parameter.name)
        .last()
        .is_some_and(|word| word == "id")
        || is_alternative
    {
        return Some(By::Id);
    }
    match schema?.own_types() {
        ["string"] => Some(By::Text),
        ["integer" | "number"] => Some(By::Number),
        _ => None,
    }
}

/// Returns the segment before the last one in the path of a URL.
fn before_last(url: &str) -> Option<&str> {
    let path = url.split(['?', '#']).next()?.trim_end_matches('/');
    let (before, _) = path.rsplit_once('/')?;
    before.rsplit('/').next()
}
