//! Lists of objects ↔ comma-separated values (RFC 4180).
use bytes::Bytes;
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

/// Reads a header row and one object for each further row. Members are strings, and an empty cell
/// is an absent member.
///
/// # Errors
///
/// Returns [`ContentError::Rows`] with the error in the rows.
pub(crate) fn read(text: &str) -> Result<Value, ContentError> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::Fields)
        .from_reader(text.as_bytes());
    let names = reader.headers()?.clone();
    let rows = reader.records().map(|row| {
        let row = row?;
        let cells = names.iter().zip(&row).filter(|(_, cell)| !cell.is_empty());
        Ok(Value::Object(
            cells
                .map(|(name, cell)| (name.to_owned(), Value::from(cell)))
                .collect(),
        ))
    });
    rows.collect::<Result<Vec<_>, ContentError>>()
        .map(Value::Array)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_below_names_are_objects() {
        let rows = read("id,name,note\n1,\"a, b\",\n2, c ,x\n");
        assert_eq!(
            rows,
            Ok(json!([{"id": "1", "name": "a, b"}, {"id": "2", "name": "c", "note": "x"}]))
        );
        assert!(read("a,b\n1\n").is_err());
    }

    #[test]
    fn objects_are_lines_below_their_names() {
        let rows = json!([{"a": 1, "b": "x, \"y\""}, {"b": null, "c": [1]}]);
        assert_eq!(write(&rows), "a,b,c\r\n1,\"x, \"\"y\"\"\",\r\n,,[1]\r\n");
    }
}
