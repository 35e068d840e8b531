//! Lists of objects ↔ comma-separated values (RFC 4180).
use bytes::Bytes;
use indexmap::IndexMap;
use serde_json::Value;

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

/// Text of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Text without its quotes; without spaces around it, if it has no quotes.
    pub text: String,
    /// True if the cell is in quotes: `""` is an empty text, and an empty cell is none.
    pub is_quoted: bool,
}

/// Row of a table, with the line that it begins in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableRow {
    /// Number of the line, from 1.
    pub line: usize,
    /// Cells that are in quotes or not empty, by the name of their column.
    pub cells: IndexMap<String, Cell>,
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

/// Reads a header row, and the cells of each further row by the names of their columns. An empty
/// cell without quotes is absent.
///
/// # Errors
///
/// Returns [`ContentError::Rows`] with the first error in the rows.
pub(crate) fn rows(text: &str) -> Result<Vec<TableRow>, TableError> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let names = reader.headers()?.clone();
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row?;
        let position = row.position();
        let line = position.map_or(1, csv::Position::line);
        let begin = position.and_then(|position| usize::try_from(position.byte()).ok());
        let written = begin.and_then(|begin| text.as_bytes().get(begin..));
        let mut are_quoted = are_quoted(written.unwrap_or_default());
        let mut cells = IndexMap::new();
        for (name, cell) in names.iter().zip(&row) {
            let is_quoted = are_quoted.next().unwrap_or(false);
            let text = if is_quoted { cell } else { cell.trim() };
            if is_quoted || !text.is_empty() {
                let text = text.to_owned();
                cells.insert(name.to_owned(), Cell { text, is_quoted });
            }
        }
        rows.push(TableRow {
            line: usize::try_from(line).unwrap_or(usize::MAX),
            cells,
        });
    }
    Ok(rows)
}

/// Returns for each cell of the first row if it is in quotes, which the reader of rows does not
/// tell.
fn are_quoted(written: &[u8]) -> impl Iterator<Item = bool> {
    let is_end = |byte: &u8| matches!(byte, b',' | b'\r' | b'\n');
    // The position of a row may be that of the line break before it.
    let begin = written
        .iter()
        .position(|byte| !matches!(byte, b'\r' | b'\n'));
    let mut rest = written.get(begin.unwrap_or(0)..).unwrap_or_default();
    std::iter::from_fn(move || {
        let is_quoted = rest.first() == Some(&b'"');
        if is_quoted {
            rest = after_quotes(&rest[1..]);
        }
        let end = rest.iter().position(is_end).unwrap_or(rest.len());
        rest = rest.get(end + 1..).unwrap_or_default();
        Some(is_quoted)
    })
}

/// Returns the rest of a row after the end of a text in quotes, in which a quote is doubled.
fn after_quotes(mut rest: &[u8]) -> &[u8] {
    while let Some(at) = rest.iter().position(|byte| *byte == b'"') {
        let is_doubled = rest.get(at + 1) == Some(&b'"');
        rest = &rest[at + 1 + usize::from(is_doubled)..];
        if !is_doubled {
            return rest;
        }
    }
    &[]
}

/// Adds a row to a text; `None` is an empty cell.
pub(crate) fn write_row<'c>(cells: impl Iterator<Item = Option<&'c Cell>>, text: &mut String) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            text.push(',');
        }
        let Some(cell) = cell else { continue };
        let is_special = cell.text.contains(['"', ',', '\r', '\n']);
        if cell.is_quoted || is_special {
            text.push('"');
            text.push_str(&cell.text.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(&cell.text);
        }
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_below_names_are_objects() {
        let rows = rows("id,name,note\n1,\"a, b\",\n2, c ,x\n").unwrap_or_default();
        let of = |row: &TableRow| -> Vec<(String, String)> {
            let cells = row.cells.iter();
            cells
                .map(|(name, cell)| (name.clone(), cell.text.clone()))
                .collect()
        };
        let cells: Vec<_> = rows.iter().map(of).collect();
        let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let expected = [
            vec![pair("id", "1"), pair("name", "a, b")],
            vec![pair("id", "2"), pair("name", "c"), pair("note", "x")],
        ];
        assert_eq!(cells, expected);
    }

    #[test]
    fn cells_in_quotes_keep_their_spaces_and_may_be_empty() {
        let text = "\u{feff}a,b,c\r\n\r\n\" x \",\"\",\r\n y ,\"a\"\"\r\nb\",\"z\"\r\n";
        let rows = rows(text).unwrap_or_default();
        let mut again = String::new();
        for row in &rows {
            write_row(
                ["a", "b", "c"].iter().map(|name| row.cells.get(*name)),
                &mut again,
            );
        }
        assert_eq!(again, "\" x \",\"\",\r\ny,\"a\"\"\r\nb\",\"z\"\r\n");
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
