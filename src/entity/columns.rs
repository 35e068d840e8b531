//! Rows of comma-separated values → entities with nested members.
//!
//! The name of a column is the way to a value: `price.amount` is a member of the object `price`,
//! and `tags.0` the first item of the list `tags`. `data` reads the files of entities with it.
use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::codec::content::table::TableRow;
use crate::codec::style::typed;
use crate::entity::error::EntityError;
use crate::schema::Schema;

/// Maximum number of parts of the name of a column; a file with a deeper one is refused.
const MOST_PARTS: usize = 20;

/// Value of a row that is not typed yet.
enum Column<'r> {
    /// Text of a cell.
    Cell(&'r str),
    /// Values by the next part of the names of their columns.
    Nested(IndexMap<&'r str, Column<'r>>),
}

/// Checks that the names of columns describe one shape.
///
/// # Errors
///
/// [`EntityError`], if a column is a value and also has values in it, or if a name has too many
/// parts.
pub(crate) fn check(rows: &[TableRow], schema: Option<&Schema>) -> Result<(), EntityError> {
    let mut names: HashSet<&str> = HashSet::new();
    for row in rows {
        names.extend(row.cells.keys().map(String::as_str));
    }
    for name in &names {
        let parts = way(name, schema);
        if parts.len() > MOST_PARTS {
            return Err(EntityError::DeepColumn {
                name: (*name).to_owned(),
                most: MOST_PARTS,
            });
        }
        let mut end = 0;
        for part in &parts[..parts.len() - 1] {
            end += part.len();
            let outer = &name[..end];
            if names.contains(outer) {
                return Err(EntityError::Columns {
                    outer: outer.to_owned(),
                    inner: (*name).to_owned(),
                });
            }
            end += 1;
        }
    }
    Ok(())
}

/// Returns the entity of a row, whose columns are checked.
#[must_use]
pub(crate) fn entity(row: &TableRow, schema: Option<&Schema>) -> Value {
    let mut all = IndexMap::new();
    for (name, cell) in &row.cells {
        insert(
            &mut all,
            &way(name, schema),
            cell.as_str().unwrap_or_default(),
        );
    }
    let members = all.iter().map(|(name, column)| {
        let node = schema.and_then(|schema| schema.property(schema.tree(), name));
        ((*name).to_owned(), value(column, schema.zip(node)))
    });
    Value::Object(members.collect())
}

/// Returns the parts of the name of a column. A name that the schema declares as it is, or that
/// has an empty part, is one part.
fn way<'n>(name: &'n str, schema: Option<&Schema>) -> Vec<&'n str> {
    let is_declared =
        || schema.is_some_and(|schema| schema.property(schema.tree(), name).is_some());
    let parts: Vec<&str> = name.split('.').collect();
    if parts.len() == 1 || parts.iter().any(|part| part.is_empty()) || is_declared() {
        return vec![name];
    }
    parts
}

fn insert<'r>(all: &mut IndexMap<&'r str, Column<'r>>, way: &[&'r str], cell: &'r str) {
    let Some((name, rest)) = way.split_first() else {
        return;
    };
    if rest.is_empty() {
        all.insert(name, Column::Cell(cell));
        return;
    }
    let nested = || Column::Nested(IndexMap::new());
    if let Column::Nested(inner) = all.entry(name).or_insert_with(nested) {
        insert(inner, rest, cell);
    }
}

/// Returns the typed value of a column.
fn value(column: &Column<'_>, declared: Option<(&Schema, &Value)>) -> Value {
    let inner = match column {
        Column::Cell(text) => return cell(text, declared),
        Column::Nested(inner) => inner,
    };
    let is_object = declared.is_some_and(|(schema, node)| schema.types(node) == ["object"]);
    let numbers: Option<Vec<u32>> = inner.keys().map(|name| name.parse().ok()).collect();
    if let Some(numbers) = numbers.filter(|_| !is_object) {
        let item = declared.and_then(|(schema, node)| Some((schema, schema.items(node)?)));
        let mut items: Vec<_> = numbers.into_iter().zip(inner.values()).collect();
        items.sort_by_key(|(number, _)| *number);
        return items
            .into_iter()
            .map(|(_, column)| value(column, item))
            .collect();
    }
    let mut object = Map::new();
    for (name, column) in inner {
        let node = declared.and_then(|(schema, node)| Some((schema, schema.property(node, name)?)));
        object.insert((*name).to_owned(), value(column, node));
    }
    Value::Object(object)
}

/// Returns the value of a cell, of the type that the schema declares. JSON text becomes the object
/// or list that is declared.
fn cell(text: &str, declared: Option<(&Schema, &Value)>) -> Value {
    match declared {
        Some((schema, node)) if matches!(schema.types(node).as_slice(), ["object" | "array"]) => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
        }
        Some((schema, node)) => typed(schema, node, text),
        None => Value::from(text),
    }
}
