//! Reads the files of entities that the user supplies, and checks them against their collections.
//!
//! `build` starts the state of a session from them.
use std::sync::Arc;

use serde_json::Value;

use crate::codec::content::table;
use crate::contract::Contract;
use crate::diagnostic::{Code, Diagnostic, Place, ordinal};
use crate::document::FixtureFile;
use crate::document::syntax::join;
use crate::entity::error::EntityError;
use crate::entity::values::{keyed, misfit, typed_row};
use crate::resource::role_override::RoleOverrides;
use crate::resource::{Collection, Resources};
use crate::schema::name::folded;

/// Adds the entities of some files to the user's overrides; also returns a diagnostic for each
/// problem with them. A file has the name of its collection: `pets`.
#[must_use]
pub(crate) fn supply(
    contract: &Contract,
    overrules: RoleOverrides,
    files: &[(String, FixtureFile)],
) -> (RoleOverrides, Vec<Diagnostic>) {
    if files.is_empty() {
        return (overrules, Vec::new());
    }
    let mut found = Vec::new();
    let resources = Resources::with(overrules);
    let mut all: Vec<Arc<Collection>> = Vec::new();
    for (_, role) in resources.all(contract) {
        if !all.iter().any(|known| known.name == role.collection.name) {
            all.push(Arc::clone(&role.collection));
        }
    }
    let mut data = Vec::new();
    for (name, file) in files {
        let probe = RoleOverrides {
            data: vec![(name.clone(), Arc::clone(&file.tree))],
            ..RoleOverrides::default()
        };
        let Some(collection) = all
            .iter()
            .find(|collection| probe.data_of(collection).is_some())
        else {
            let message = format!("collection `{name}` not found");
            let names: Vec<&str> = all
                .iter()
                .map(|collection| collection.name.as_str())
                .take(20)
                .collect();
            let near = names
                .iter()
                .max_by(|a, b| likeness(a, name).total_cmp(&likeness(b, name)));
            let help = near.map_or("`standin routes --state` lists them".to_owned(), |near| {
                format!("there is `{near}`")
            });
            let place = Place::value(&file.source, "");
            found.push(Diagnostic::at(Code::UnknownFixtureOperation, place, message).help(help));
            continue;
        };
        match entities(collection, file) {
            Ok(entities) => {
                judge(collection, file, &entities, &mut found);
                data.push((name.clone(), Arc::new(Value::Array(entities))));
            }
            Err(error) => found.push(Diagnostic::at(
                Code::InvalidFixture,
                Place::value(&file.source, ""),
                error.to_string(),
            )),
        }
    }
    (
        RoleOverrides {
            data,
            ..resources.into_overrules()
        },
        found,
    )
}

fn likeness(collection: &str, name: &str) -> f64 {
    strsim::jaro_winkler(&folded(collection), &folded(name))
}

fn entities(collection: &Collection, file: &FixtureFile) -> Result<Vec<Value>, EntityError> {
    match &*file.tree {
        Value::String(text) => match table::read(text)? {
            Value::Array(rows) => Ok(rows.iter().map(|row| typed_row(collection, row)).collect()),
            _ => Ok(Vec::new()),
        },
        Value::Array(entities) => Ok(entities.clone()),
        Value::Null => Ok(Vec::new()),
        _ => Err(EntityError::NotAList),
    }
}

/// Adds a diagnostic for each entity that has no key or does not fit the schema.
fn judge(
    collection: &Collection,
    file: &FixtureFile,
    entities: &[Value],
    found: &mut Vec<Diagnostic>,
) {
    for (index, entity) in entities.iter().enumerate() {
        let at = if file.tree.is_array() {
            join("", &index.to_string())
        } else {
            String::new()
        };
        let place = || Place::value(&file.source, at.clone());
        if let Err(error) = keyed(collection, entity, index) {
            found.push(
                Diagnostic::at(Code::InvalidFixture, place(), error.to_string())
                    .help("the entity is skipped"),
            );
        } else if let Some(error) = misfit(collection, entity) {
            let message = format!(
                "the {} entity does not fit the schema of `{}`: {error}",
                ordinal(index),
                collection.name
            );
            found.push(
                Diagnostic::at(Code::FixtureMismatch, place(), message)
                    .help("answers are made to fit it"),
            );
        }
    }
}
