//! Members of an entity that an answer shows: those that its schema declares, requires or expressly allows.
//!
//! `body` puts entities into answers with it.
use serde_json::{Map, Value};

use crate::document::syntax::find;
use crate::entity::raw::CONTENT;
use crate::entity::values::takes;
use crate::schema::Schema;
use crate::schema::name::words;

/// Words of names whose values an answer shows only if its schema declares the member.
const SECRETS: [&str; 6] = [
    "password",
    "passphrase",
    "secret",
    "token",
    "pin",
    "credentials",
];

/// Members that a schema of an answer has for an entity.
#[derive(Debug, Default)]
pub(crate) struct ShownMembers<'s> {
    /// Schema of the entity in the answer.
    at: Option<(&'s Schema, &'s Value)>,
    /// Declared properties, without those that only clients send, such as a password.
    declared: Vec<&'s str>,
    /// Properties that only clients send.
    hidden: Vec<&'s str>,
}

impl<'s> ShownMembers<'s> {
    /// Reads the schema at a JSON Pointer.
    #[must_use]
    pub(crate) fn of(schema: Option<&'s Schema>, pointer: &str) -> Self {
        let at = schema.and_then(|schema| Some((schema, find(schema.root(), pointer)?)));
        let Some((schema, node)) = at else {
            return Self::default();
        };
        let (shown, hidden): (Vec<_>, Vec<_>) = schema
            .properties(node)
            .into_iter()
            .partition(|(_, property)| schema.asks_for(property));
        Self {
            at,
            declared: shown.into_iter().map(|(name, _)| name).collect(),
            hidden: hidden.into_iter().map(|(name, _)| name).collect(),
        }
    }

    /// Returns the members of an entity that are shown; all of them if the schema declares none.
    #[must_use]
    pub(crate) fn in_entity(&self, entity: &Value) -> Value {
        let Value::Object(object) = entity else {
            return entity.clone();
        };
        let are_all = self.declared.is_empty();
        let shown = object
            .iter()
            .filter(|(name, value)| *name != CONTENT && (are_all || self.has(name, value)))
            .map(|(name, value)| (name.clone(), value.clone()));
        Value::Object(shown.collect::<Map<_, _>>())
    }

    fn has(&self, name: &str, value: &Value) -> bool {
        if self.declared.contains(&name) {
            return true;
        }
        let Some((schema, node)) = self.at.filter(|_| !self.hidden.contains(&name)) else {
            return false;
        };
        schema.requires(node, name) || !is_secret(name) && allows_more(schema, node, value)
    }
}

/// Returns true if the author of a schema wrote that objects may have further members with such a value.
fn allows_more(schema: &Schema, node: &Value, value: &Value) -> bool {
    let parts = schema.parts(node);
    let mut more = parts
        .iter()
        .filter_map(|part| part.get("additionalProperties"));
    let is_allowed = |more: &Value| match more {
        Value::Bool(is_allowed) => *is_allowed,
        more => takes(&schema.types(more), value),
    };
    more.next().is_some_and(is_allowed) && more.all(is_allowed)
}

fn is_secret(name: &str) -> bool {
    words(name)
        .iter()
        .any(|word| SECRETS.contains(&word.as_str()))
}
