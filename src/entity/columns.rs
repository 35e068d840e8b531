//! Rows of comma-separated values → entities with nested members.
//!
//! The name of a column is the way to a value: `price.amount` is a member of the object `price`,
//! and `tags.0` the first item of the list `tags`. `data` reads the files of entities with it, and
//! `export` writes such rows.
use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::codec::content::table::{self, Cell, TableRow};
use crate::codec::style::typed;
use crate::entity::error::EntityError;
use crate::schema::Schema;

/// Maximum number of parts of the name of a column; a file with a deeper one is refused.
pub(crate) const MOST_PARTS: usize = 20;

/// Schema that declares a value, with its node in the document; `None` if nothing declares it.
pub(crate) type Declared<'s> = Option<(&'s Schema, &'s Value)>;

/// Returns the declaration of a member of an object.
pub(crate) fn member<'s>(declared: Declared<'s>, name: &str) -> Declared<'s> {
    declared.and_then(|(schema, node)| Some((schema, schema.property(node, name)?)))
}

/// Returns the declaration of the items of a list.
pub(crate) fn item(declared: Declared<'_>) -> Declared<'_> {
    declared.and_then(|(schema, node)| Some((schema, schema.items(node)?)))
}

/// Value of a row that is not typed yet.
enum Column<'r> {
    /// Text of a cell.
    Cell(&'r Cell),
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
        let cells = row.cells.iter().filter(|(_, cell)| !cell.text.is_empty());
        names.extend(cells.map(|(name, _)| name.as_str()));
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
        insert(&mut all, &way(name, schema), cell);
    }
    let declared = schema.map(|schema| (schema, schema.tree()));
    let members = all.iter().filter_map(|(name, column)| {
        let value = value(column, member(declared, name))?;
        Some(((*name).to_owned(), value))
    });
    Value::Object(members.collect())
}

/// Reads the entities of a table, of the types that a schema declares.
///
/// # Errors
///
/// [`EntityError`], if the text is no table, or the names of its columns describe several shapes.
pub(crate) fn entities(text: &str, schema: Option<&Schema>) -> Result<Vec<Value>, EntityError> {
    let rows = table::rows(text).map_err(|fault| EntityError::from(fault.error))?;
    check(&rows, schema)?;
    Ok(rows.iter().map(|row| entity(row, schema)).collect())
}

/// Returns the parts of the name of a column. A name that the schema declares as it is, or that
/// has an empty part, is one part.
fn way<'n>(name: &'n str, schema: Option<&Schema>) -> Vec<&'n str> {
    let is_declared = || schema.is_some_and(|schema| schema.declaration(name).is_some());
    let parts: Vec<&str> = name.split('.').collect();
    if parts.len() == 1 || parts.iter().any(|part| part.is_empty()) || is_declared() {
        return vec![name];
    }
    parts
}

fn insert<'r>(all: &mut IndexMap<&'r str, Column<'r>>, way: &[&'r str], cell: &'r Cell) {
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

/// Returns the typed value of a column; `None` if it has none.
fn value(column: &Column<'_>, declared: Declared<'_>) -> Option<Value> {
    let inner = match column {
        Column::Cell(cell) => return read(cell, declared),
        Column::Nested(inner) => inner,
    };
    let is_object = declared.is_some_and(|(schema, node)| schema.types(node) == ["object"]);
    let numbers: Option<Vec<u32>> = inner.keys().map(|name| name.parse().ok()).collect();
    if let Some(numbers) = numbers.filter(|_| !is_object) {
        let mut items: Vec<_> = numbers.into_iter().zip(inner.values()).collect();
        items.sort_by_key(|(number, _)| *number);
        let items = items.into_iter();
        let items: Vec<Value> = items
            .filter_map(|(_, column)| value(column, item(declared)))
            .collect();
        return (!items.is_empty()).then_some(Value::Array(items));
    }
    let mut object = Map::new();
    for (name, column) in inner {
        if let Some(value) = value(column, member(declared, name)) {
            object.insert((*name).to_owned(), value);
        }
    }
    (!object.is_empty()).then_some(Value::Object(object))
}

/// Returns the value of a cell, of the type that the schema declares; `None` for a cell that is
/// empty. JSON text becomes the object or list that is declared, and a cell in quotes a text if the
/// schema allows one.
#[must_use]
pub(crate) fn read(cell: &Cell, declared: Declared<'_>) -> Option<Value> {
    let text = cell.text.as_str();
    let Some((schema, node)) = declared else {
        return (!text.is_empty()).then(|| Value::from(text));
    };
    let types = schema.types(node);
    if types.contains(&"string") && cell.is_quoted {
        let is_empty = text.is_empty();
        return (!is_empty || takes_empty(schema, node)).then(|| Value::from(text));
    }
    if text.is_empty() {
        return None;
    }
    if !types.contains(&"string")
        && types.iter().any(|name| matches!(*name, "object" | "array"))
        && let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text)
    {
        return Some(value);
    }
    Some(typed(schema, node, text))
}

/// Returns true if an empty text is of use. Programs that put all cells in quotes write `""` for
/// absent values too.
fn takes_empty(schema: &Schema, node: &Value) -> bool {
    let own = schema.resolve(node);
    let length = own.get("minLength").and_then(Value::as_u64).unwrap_or(0);
    let has = |name| own.get(name).is_some();
    length == 0 && !has("enum") && !has("const") && !has("format") && !has("pattern")
}
