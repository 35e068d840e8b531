//! Entities → comma-separated values, which `columns` reads as the same entities.
//!
//! Nested values are columns of their own, `price.amount` and `tags.0`, if these are read as the
//! same values again, else JSON text in one column.
use std::collections::HashSet;

use indexmap::{IndexMap, IndexSet};
use serde_json::Value;

use crate::codec::content::table::{Cell, write_row};
use crate::codec::text::plain;
use crate::entity::columns::{Declared, MOST_PARTS, item, member, read};
use crate::entity::error::EntityError;
use crate::schema::Schema;

/// Maximum number of parts of a nested value that are columns of their own; a longer list is JSON
/// text in one column.
const MOST_ITEMS: usize = 100;

/// Maximum number of cells of a table; a larger one is refused.
const MOST_CELLS: usize = 2_000_000;

/// Writes entities as a table: a header row, and a row for each. Members that no schema declares
/// are texts when they are read again, and null is absent where no schema allows it.
///
/// # Errors
///
/// [`EntityError::LargeTable`], if the table would have too many cells.
pub(crate) fn write<'e>(
    entities: impl Iterator<Item = &'e Value> + Clone,
    schema: Option<&Schema>,
) -> Result<String, EntityError> {
    let declared = schema.map(|schema| (schema, schema.tree()));
    let mut whole = HashSet::new();
    for (name, value) in entities.clone().filter_map(Value::as_object).flatten() {
        find_whole(name, value, member(declared, name), 1, &mut whole);
    }
    let mut names = IndexSet::new();
    let mut rows = Vec::new();
    for entity in entities {
        let mut row = Row {
            whole: &whole,
            cells: IndexMap::new(),
        };
        for (name, value) in entity.as_object().into_iter().flatten() {
            row.add(name, value, member(declared, name));
        }
        let cells = row.cells.into_iter();
        let cells: Vec<(usize, Cell)> = cells
            .map(|(name, cell)| (names.insert_full(name).0, cell))
            .collect();
        rows.push(cells);
        check(names.len(), rows.len())?;
    }
    Ok(text(&names, rows))
}

fn check(columns: usize, rows: usize) -> Result<(), EntityError> {
    let cells = columns.saturating_mul(rows);
    if cells > MOST_CELLS {
        let most = MOST_CELLS;
        return Err(EntityError::LargeTable { cells, most });
    }
    Ok(())
}

fn text(names: &IndexSet<String>, rows: Vec<Vec<(usize, Cell)>>) -> String {
    let mut text = String::new();
    let header: Vec<Cell> = names.iter().map(|name| unquoted(name)).collect();
    write_row(header.iter().map(Some), &mut text);
    for row in rows {
        let mut cells: Vec<Option<Cell>> = vec![None; names.len()];
        for (column, cell) in row {
            cells[column] = Some(cell);
        }
        write_row(cells.iter().map(Option::as_ref), &mut text);
    }
    text
}

fn unquoted(text: &str) -> Cell {
    Cell {
        text: text.to_owned(),
        is_quoted: false,
    }
}

/// Cells of an entity.
struct Row<'w> {
    /// Names of the columns that have nested values as JSON text.
    whole: &'w HashSet<String>,
    cells: IndexMap<String, Cell>,
}

impl Row<'_> {
    fn add(&mut self, name: &str, value: &Value, declared: Declared<'_>) {
        if !self.whole.contains(name) {
            match value {
                Value::Object(members) => {
                    for (part, value) in members {
                        self.add(&format!("{name}.{part}"), value, member(declared, part));
                    }
                    return;
                }
                Value::Array(items) => {
                    for (index, value) in items.iter().enumerate() {
                        self.add(&format!("{name}.{index}"), value, item(declared));
                    }
                    return;
                }
                _ => {}
            }
        }
        if let Some(cell) = cell(value, declared) {
            self.cells.insert(name.to_owned(), cell);
        }
    }
}

/// Adds the names of the columns that have a value in one cell in some entity: then no entity has
/// the parts of the value in columns of their own.
fn find_whole(
    name: &str,
    value: &Value,
    declared: Declared<'_>,
    depth: usize,
    whole: &mut HashSet<String>,
) {
    if !is_nested(value, declared, depth) {
        if cell(value, declared).is_some() {
            whole.insert(name.to_owned());
        }
        return;
    }
    for (part, value, declared) in parts(value, declared) {
        find_whole(&format!("{name}.{part}"), value, declared, depth + 1, whole);
    }
}

/// Returns the parts of an object or a list, with their names.
fn parts<'v>(value: &'v Value, declared: Declared<'v>) -> Vec<(String, &'v Value, Declared<'v>)> {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), value, member(declared, name)))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, value)| (index.to_string(), value, item(declared)))
            .collect(),
        _ => Vec::new(),
    }
}

/// Returns true if the parts of a value are columns of their own: an object or a list that is not
/// empty, and whose parts are read as they were. If it is read as it was in neither form, its parts
/// are columns too, as far as names of columns can tell them.
fn is_nested(value: &Value, declared: Declared<'_>, depth: usize) -> bool {
    if !can_be_nested(value, depth) {
        return false;
    }
    are_parts_readable(value, declared, depth) || !is_readable(value, declared)
}

fn can_be_nested(value: &Value, depth: usize) -> bool {
    let is_number = |name: &String| name.parse::<u32>().is_ok();
    depth < MOST_PARTS
        && match value {
            Value::Object(members) => {
                let mut names = members.keys();
                (1..=MOST_ITEMS).contains(&members.len())
                    && !names
                        .clone()
                        .any(|name| name.is_empty() || name.contains('.'))
                    && !names.all(is_number)
            }
            Value::Array(items) => (1..=MOST_ITEMS).contains(&items.len()),
            _ => false,
        }
}

/// Returns true if the parts of a value in columns of their own are read as they were.
fn are_parts_readable(value: &Value, declared: Declared<'_>, depth: usize) -> bool {
    can_be_nested(value, depth)
        && parts(value, declared)
            .into_iter()
            .all(|(_, part, declared)| {
                are_parts_readable(part, declared, depth + 1) || is_readable(part, declared)
            })
}

/// Returns true if a value in one column is read as it was.
fn is_readable(value: &Value, declared: Declared<'_>) -> bool {
    let cell = cell(value, declared);
    cell.and_then(|cell| read(&cell, declared)).as_ref() == Some(value)
}

/// Returns the cell for a value in one column: without quotes if it is read as it was, else in
/// quotes. `None` for null, if it is not read as null.
fn cell(value: &Value, declared: Declared<'_>) -> Option<Cell> {
    let text = match value {
        Value::Null => "null".to_owned(),
        value => plain(value),
    };
    let is_special = text.contains(['"', ',', '\r', '\n']);
    let is_quoted = text.is_empty() || text.trim() != text || is_special;
    let own = Cell { text, is_quoted };
    if read(&own, declared).as_ref() == Some(value) {
        return Some(own);
    }
    match value {
        Value::Null => None,
        Value::String(_) => Some(Cell {
            is_quoted: true,
            ..own
        }),
        _ => Some(own),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::diagnostic::{Positions, Source};
    use crate::entity::columns::entities;
    use crate::schema::{Demand, Direction, Schemas};

    fn schema() -> Schema {
        let text = json!({"type": "string"});
        let properties = json!({
            "id": {"type": "integer"},
            "name": text,
            "note": {"type": ["string", "null"]},
            "rank": {"type": ["integer", "null"]},
            "code": {"type": ["integer", "string"]},
            "kind": {"type": "string", "enum": ["a", "b"]},
            "is": {"type": "boolean"},
            "tags": {"type": "array", "items": text},
            "marks": {"type": ["array", "null"], "items": {"type": ["string", "null"]}},
            "size": {"type": ["object", "null"], "properties": {"cm": {"type": "number"}, "by": {"type": "object", "properties": {"name": text}}}},
            "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": text, "count": {"type": "integer"}}}},
            "any": {"type": "object"},
            "more": {"type": "object", "additionalProperties": {"type": "integer"}},
            "a.b": text,
        });
        let tree = json!({"components": {"schemas": {"Pet": {"type": "object", "properties": properties}}}});
        let source = Source::new("t".into(), String::new(), |_| Positions::new());
        Schema::new(
            &Schemas::new(source, Arc::new(tree), Demand::Few),
            "/components/schemas/Pet".into(),
            Direction::Response,
        )
    }

    fn written(all: &[Value], schema: Option<&Schema>) -> String {
        write(all.iter(), schema).unwrap_or_default()
    }

    #[test]
    fn entities_are_read_as_they_were_written() {
        let long: Vec<String> = (0..=MOST_ITEMS).map(|item| item.to_string()).collect();
        let tables = [
            vec![
                json!({"id": 1, "name": "Ada"}),
                json!({"id": 2, "name": ""}),
            ],
            vec![
                json!({"id": 1, "name": " x "}),
                json!({"id": 2, "name": "a,\"b\"\r\nc"}),
            ],
            vec![
                json!({"id": 1, "note": null}),
                json!({"id": 2, "note": "null"}),
            ],
            vec![
                json!({"id": 1, "rank": null}),
                json!({"id": 2, "rank": 10_000_000_000_i64}),
            ],
            vec![json!({"id": 1, "code": "5"}), json!({"id": 2, "code": 5})],
            vec![
                json!({"id": 1, "kind": "a", "is": false}),
                json!({"id": 2, "is": true}),
            ],
            vec![
                json!({"id": 1, "tags": []}),
                json!({"id": 2, "tags": ["a", "", "=1+1", "true"]}),
            ],
            vec![
                json!({"id": 1, "tags": long}),
                json!({"id": 2, "tags": ["a"]}),
            ],
            vec![
                json!({"id": 1, "marks": [null, "a"]}),
                json!({"id": 2, "marks": null}),
            ],
            vec![
                json!({"id": 1, "size": null}),
                json!({"id": 2, "size": {"cm": 1.50, "by": {"name": "x"}}}),
            ],
            vec![
                json!({"id": 1, "size": {}}),
                json!({"id": 2, "size": {"by": {}}}),
            ],
            vec![json!({"id": 1, "lines": [{"sku": "a", "count": 2}, {"sku": "b"}]})],
            vec![
                json!({"id": 1, "any": {"x": 1, "0": [true]}}),
                json!({"id": 2, "any": {"1": null}}),
            ],
            vec![
                json!({"id": 1, "more": {"x": 1, "y.z": 2}}),
                json!({"id": 2, "more": {"x": 3}}),
            ],
            vec![
                json!({"id": 1, "a.b": "declared"}),
                json!({"id": 2, "undeclared": "text"}),
            ],
        ];
        let schema = schema();
        for table in tables {
            let text = written(&table, Some(&schema));
            assert_eq!(entities(&text, Some(&schema)), Ok(table), "{text}");
        }
    }

    #[test]
    fn nested_values_are_columns_where_these_tell_them() {
        let table = [
            json!({"id": 1, "tags": ["a", "b"], "size": {"cm": 3}}),
            json!({"id": 2, "size": {"cm": 4}}),
        ];
        assert_eq!(
            written(&table, Some(&schema())),
            "id,tags.0,tags.1,size.cm\r\n1,a,b,3\r\n2,,,4\r\n"
        );
        let table = [
            json!({"id": 1, "tags": []}),
            json!({"id": 2, "tags": ["a"]}),
        ];
        assert_eq!(
            written(&table, Some(&schema())),
            "id,tags\r\n1,[]\r\n2,\"[\"\"a\"\"]\"\r\n"
        );
    }

    #[test]
    fn members_without_a_schema_are_texts() {
        let table = [json!({"a": 1, "b": {"c": [true]}, "d": null})];
        let text = written(&table, None);
        assert_eq!(text, "a,b.c.0\r\n1,true\r\n");
        assert_eq!(
            entities(&text, None),
            Ok(vec![json!({"a": "1", "b": {"c": ["true"]}})])
        );
        assert_eq!(written(&[], None), "\r\n");
        assert_eq!(entities("\r\n", None), Ok(Vec::new()));
    }

    #[test]
    fn large_tables_are_refused() {
        let entity = |number: usize| json!({ format!("x{number}"): number });
        let table: Vec<Value> = (0..2000).map(entity).collect();
        let (cells, most) = (1415 * 1415, MOST_CELLS);
        assert_eq!(
            write(table.iter(), None),
            Err(EntityError::LargeTable { cells, most })
        );
    }
}
