//! Reads the files of entities that the user supplies, and checks them against their collections.
//!
//! `build` starts the state of a session from them.
use std::sync::Arc;

use serde_json::Value;

use crate::codec::content::table::{self, TableRow};
use crate::contract::Contract;
use crate::diagnostic::{Code, Diagnostic, Place, Source, Span, ordinal};
use crate::document::FixtureFile;
use crate::document::syntax::join;
use crate::entity::columns;
use crate::entity::error::EntityError;
use crate::entity::values::{keyed, misfit};
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
                judge(collection, &entities, &mut found);
                let entities = entities.into_iter().map(|entity| entity.value);
                data.push((name.clone(), Arc::new(entities.collect())));
            }
            Err(diagnostic) => found.push(diagnostic),
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

/// Entity that the user supplies.
struct SuppliedEntity {
    value: Value,
    place: SuppliedPlace,
}

/// Place of an entity that the user supplies.
enum SuppliedPlace {
    /// Element of a list in JSON or YAML.
    Element {
        source: Arc<Source>,
        pointer: String,
    },
    /// Line of a table.
    Line(Place),
}

impl SuppliedPlace {
    /// Returns the place of a part of the entity, or of the line that has it.
    fn of(&self, pointer: &str) -> Place {
        match self {
            Self::Element {
                source,
                pointer: at,
            } => Place::value(source, format!("{at}{pointer}")),
            Self::Line(place) => place.clone(),
        }
    }
}

/// Returns the place of a line of a file.
fn line_of(file: &FixtureFile, line: usize) -> Place {
    let (column, length) = (1, 1);
    Place::exact(
        &file.source,
        Span {
            line,
            column,
            length,
        },
    )
}

/// Reads the entities of a file.
fn entities(
    collection: &Collection,
    file: &FixtureFile,
) -> Result<Vec<SuppliedEntity>, Diagnostic> {
    let invalid =
        |place, error: EntityError| Diagnostic::at(Code::InvalidFixture, place, error.to_string());
    match &*file.tree {
        Value::String(text) => {
            let rows = table::rows(text).map_err(|fault| {
                let place = line_of(file, fault.line.unwrap_or(1));
                invalid(place, fault.error.into())
            })?;
            let schema = collection.entity.as_deref();
            columns::check(&rows, schema).map_err(|error| invalid(line_of(file, 1), error))?;
            let entity = |row: &TableRow| SuppliedEntity {
                value: columns::entity(row, schema),
                place: SuppliedPlace::Line(line_of(file, row.line)),
            };
            Ok(rows.iter().map(entity).collect())
        }
        Value::Array(entities) => {
            let entity = |(index, value): (usize, &Value)| SuppliedEntity {
                value: value.clone(),
                place: SuppliedPlace::Element {
                    source: Arc::clone(&file.source),
                    pointer: join("", &index.to_string()),
                },
            };
            Ok(entities.iter().enumerate().map(entity).collect())
        }
        Value::Null => Ok(Vec::new()),
        _ => Err(invalid(
            Place::value(&file.source, ""),
            EntityError::NotAList,
        )),
    }
}

/// Adds a diagnostic for each entity that has no key or does not fit the schema.
fn judge(collection: &Collection, entities: &[SuppliedEntity], found: &mut Vec<Diagnostic>) {
    for (index, SuppliedEntity { value, place }) in entities.iter().enumerate() {
        if let Err(error) = keyed(collection, value, index) {
            found.push(
                Diagnostic::at(Code::InvalidFixture, place.of(""), error.to_string())
                    .help("the entity is skipped"),
            );
        } else if let Some(error) = misfit(collection, value) {
            let message = format!(
                "the {} entity does not fit the schema of `{}`: {}",
                ordinal(index),
                collection.name,
                error.located()
            );
            found.push(
                Diagnostic::at(Code::FixtureMismatch, place.of(&error.pointer), message)
                    .help("it is shown as it is, with a `Standin-Warning`"),
            );
        } else if let Some(name) = undeclared(collection, value) {
            let message = format!(
                "the {} entity has `{name}`, which the schema of `{}` does not declare",
                ordinal(index),
                collection.name
            );
            found.push(
                Diagnostic::at(Code::FixtureMismatch, place.of(&join("", name)), message)
                    .help("answers do not show it"),
            );
        }
    }
}

/// Returns the first member of an entity that its schema does not declare, if it declares members.
fn undeclared<'v>(collection: &Collection, entity: &'v Value) -> Option<&'v str> {
    let schema = collection.entity.as_deref()?;
    if schema.properties(schema.tree()).is_empty() {
        return None;
    }
    let names = entity.as_object().into_iter().flatten();
    names
        .map(|(name, _)| name.as_str())
        .find(|name| schema.property(schema.tree(), name).is_none())
}
