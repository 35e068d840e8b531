//! Lists of objects ↔ comma-separated values (RFC 4180).
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::codec::content::malformed::ContentError;
use crate::codec::text::plain;

impl From<csv::Error> for ContentError {
    fn from(error: csv::Error) -> Self {
        Self::Rows {
            message: error.to_string(),
        }
    }
}

/// Writes a list of objects as a header row and a row for each; other lists as rows without a
/// header.
#[must_use]
pub(crate) fn write(value: &Value) -> Bytes {
    let one = std::slice::from_ref(value);
    let rows = value.as_array().map_or(one, Vec::as_slice);
    let mut names: Vec<&str> = Vec::new();
    for name in rows
        .iter()
        .filter_map(Value::as_object)
        .flat_map(|row| row.keys())
    {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let mut writer = csv::WriterBuilder::new()
        .flexible(true)
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    // Writing into memory cannot fail.
    let mut line = |cells: Vec<String>| writer.write_record(cells).unwrap_or_default();
    if !names.is_empty() {
        line(names.iter().map(|name| (*name).to_owned()).collect());
    }
    let cell = |value: Option<&Value>| {
        value
            .filter(|value| !value.is_null())
            .map(plain)
            .unwrap_or_default()
    };
    for row in rows {
        match row {
            Value::Object(row) => line(names.iter().map(|name| cell(row.get(*name))).collect()),
            Value::Array(cells) => line(cells.iter().map(|value| cell(Some(value))).collect()),
            value => line(vec![cell(Some(value))]),
        }
    }
    Bytes::from(writer.into_inner().unwrap_or_default())
}

/// Row of a table, with the line that it begins in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableRow {
    /// Number of the line, from 1.
    pub line: usize,
    /// Cells that are not empty, as texts, by the name of their column.
    pub cells: Map<String, Value>,
}

/// Error in a table, with its line, if it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableError {
    /// Number of the line, from 1.
    pub line: Option<usize>,
    /// Reason why the table cannot be read.
    pub error: ContentError,
}

impl From<csv::Error> for TableError {
    fn from(error: csv::Error) -> Self {
        let line = error.position().map(csv::Position::line);
        Self {
            line: line.and_then(|line| usize::try_from(line).ok()),
            error: error.into(),
        }
    }
}

/// Reads a header row, and the cells of each further row by the names of their columns. Cells are
/// strings, and an empty one is absent.
///
/// # Errors
///
/// Returns [`ContentError::Rows`] with the first error in the rows.
pub(crate) fn rows(text: &str) -> Result<Vec<TableRow>, TableError> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::Fields)
        .from_reader(text.as_bytes());
    let names = reader.headers()?.clone();
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row?;
        let line = row.position().map_or(1, csv::Position::line);
        let cells = names.iter().zip(&row).filter(|(_, cell)| !cell.is_empty());
        rows.push(TableRow {
            line: usize::try_from(line).unwrap_or(usize::MAX),
            cells: cells
                .map(|(name, cell)| (name.to_owned(), Value::from(cell)))
                .collect(),
        });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_below_names_are_objects() {
        let rows = rows("id,name,note\n1,\"a, b\",\n2, c ,x\n").unwrap_or_default();
        let cells: Vec<Value> = rows
            .into_iter()
            .map(|row| Value::Object(row.cells))
            .collect();
        let expected = json!([{"id": "1", "name": "a, b"}, {"id": "2", "name": "c", "note": "x"}]);
        assert_eq!(Value::Array(cells), expected);
    }

    #[test]
    fn rows_and_errors_have_their_lines() {
        let lines: Vec<usize> = rows("a\n\"x\ny\"\nz\n")
            .map(|rows| rows.iter().map(|row| row.line).collect())
            .unwrap_or_default();
        assert_eq!(lines, [2, 4]);
        assert_eq!(
            rows("a,b\n1,2\n3\n").map_err(|error| error.line),
            Err(Some(3))
        );
    }

    #[test]
    fn objects_are_lines_below_their_names() {
        let rows = json!([{"a": 1, "b": "x, \"y\""}, {"b": null, "c": [1]}]);
        assert_eq!(write(&rows), "a,b,c\r\n1,\"x, \"\"y\"\"\",\r\n,,[1]\r\n");
    }
}
