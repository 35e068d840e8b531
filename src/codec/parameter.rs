//! Path, query, header and cookie text → typed values, by `style` and `explode`.
//!
//! `validate` checks the values afterwards. Text that cannot be the documented type stays a
//! string, so that its schema reports the violation.
use std::borrow::Cow;

use http::HeaderMap;
use serde_json::Value;

use crate::codec::content::form;
use crate::codec::style::{Pairs, QueryArrays, ReadOutcome, StyleReader, typed};
use crate::codec::text::decode;
use crate::contract::{Location, MediaType, Operation, Parameter, ParameterForm, SecurityScheme};

/// Parts of a request that parameters are read from.
#[derive(Debug)]
pub struct Inputs<'r> {
    /// Values of the path template's expressions by name, percent-encoded.
    pub path: Vec<(&'r str, &'r str)>,
    /// Query parameters in order.
    pub query: Pairs<'r>,
    /// The raw query.
    pub raw_query: &'r str,
    /// Header fields.
    pub headers: &'r HeaderMap,
    /// Cookies in order.
    pub cookies: Vec<(String, String)>,
    /// Names of the documented query parameters and of API keys in the query.
    pub claimed: Vec<&'r str>,
    /// Extra array notations accepted in queries.
    pub arrays: QueryArrays,
}

impl<'r> Inputs<'r> {
    /// Creates the inputs of a request; `values` are the path's values for the names in the
    /// operation's template.
    #[must_use]
    pub fn new(
        operation: &'r Operation,
        values: &'r [String],
        query: Option<&'r str>,
        headers: &'r HeaderMap,
    ) -> Self {
        let names = operation.compiled().path_names.iter().map(String::as_str);
        let schemes = operation
            .compiled()
            .security
            .iter()
            .flat_map(|requirement| &requirement.schemes);
        let keys = schemes.filter_map(|scheme| match scheme {
            SecurityScheme::ApiKey {
                location: Location::Query,
                name,
            } => Some(name.as_str()),
            _ => None,
        });
        Self {
            path: names.zip(values.iter().map(String::as_str)).collect(),
            query: Pairs::parse(query.unwrap_or_default()),
            raw_query: query.unwrap_or_default(),
            headers,
            cookies: cookies(headers),
            claimed: operation
                .compiled()
                .parameters
                .iter()
                .filter(|p| p.location == Location::Query)
                .map(|p| p.name.as_str())
                .chain(keys)
                .collect(),
            arrays: QueryArrays::default(),
        }
    }

    /// Returns the inputs with extra array notations accepted in queries.
    #[must_use]
    pub fn with_arrays(self, arrays: QueryArrays) -> Self {
        Self { arrays, ..self }
    }

    /// Returns the value of a header field; several lines are joined into one list (RFC 9110
    /// §5.3).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<Cow<'r, str>> {
        let mut lines = self
            .headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()));
        let mut text = lines.next()?;
        for line in lines {
            let text = text.to_mut();
            text.push_str(", ");
            text.push_str(&line);
        }
        Some(text)
    }

    /// Returns the value of a cookie.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies
            .iter()
            .find(|(there, _)| there == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Returns the names and values of all cookies of a request (RFC 6265 §4.2.1), without the quotes
/// around a value.
#[must_use]
pub(crate) fn cookies(headers: &HeaderMap) -> Vec<(String, String)> {
    let lines = headers
        .get_all(http::header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
        .collect()
}

/// Reads a parameter.
#[must_use]
pub(crate) fn read(parameter: &Parameter, inputs: &Inputs<'_>) -> ReadOutcome {
    match &parameter.form {
        ParameterForm::Content(media) => match raw(parameter, inputs) {
            Some(text) if !media.range.is_json() => ReadOutcome::Value(match &media.schema {
                Some(schema) => typed(schema, schema.tree(), &text),
                None => Value::String(text),
            }),
            Some(text) => serde_json::from_str(&text).map_or_else(
                |error| ReadOutcome::Malformed(format!("it is not JSON: {error}")),
                ReadOutcome::Value,
            ),
            None => ReadOutcome::Absent,
        },
        ParameterForm::Query(media) => read_whole_query(media, inputs.raw_query),
        ParameterForm::Styled {
            style,
            explode,
            schema,
        } => {
            let reader = StyleReader {
                name: &parameter.name,
                style: *style,
                explode: *explode,
                schema,
                part: None,
                types: Cow::Borrowed(schema.own_types()),
                claimed: &inputs.claimed,
                arrays: inputs.arrays,
            };
            match parameter.location {
                Location::Query => read_query(parameter, &reader, inputs),
                Location::Path => inputs
                    .path
                    .iter()
                    .find(|(name, _)| *name == parameter.name)
                    .map_or(ReadOutcome::Absent, |(_, raw)| {
                        if raw.is_empty() {
                            ReadOutcome::Empty
                        } else {
                            reader.path(raw)
                        }
                    }),
                Location::Header => inputs
                    .header(&parameter.name)
                    .map_or(ReadOutcome::Absent, |text| reader.header(&text)),
                Location::Cookie
                    if *explode && (reader.wants("array") || reader.wants("object")) =>
                {
                    reader.cookies(inputs.headers)
                }
                Location::Cookie => inputs
                    .cookie(&parameter.name)
                    .map_or(ReadOutcome::Absent, |text| reader.delimited(text, ',')),
            }
        }
    }
}

/// Reads the whole query as content of a media type (OpenAPI 3.2.0 §4.12.2.3).
fn read_whole_query(media: &MediaType, query: &str) -> ReadOutcome {
    if query.is_empty() {
        return ReadOutcome::Absent;
    }
    if media.range.essence() == "application/x-www-form-urlencoded" {
        return form::read(query, media).map_or_else(
            |error| ReadOutcome::Malformed(error.to_string()),
            ReadOutcome::Value,
        );
    }
    let text = decode(query);
    if media.range.is_json() {
        return serde_json::from_str(&text).map_or_else(
            |error| ReadOutcome::Malformed(format!("it is not JSON: {error}")),
            ReadOutcome::Value,
        );
    }
    ReadOutcome::Value(match &media.schema {
        Some(schema) => typed(schema, schema.tree(), &text),
        None => Value::String(text),
    })
}

/// Returns the whole text of a parameter, decoded.
fn raw(parameter: &Parameter, inputs: &Inputs<'_>) -> Option<String> {
    match parameter.location {
        Location::Query => inputs.query.first(&parameter.name),
        Location::Path => inputs
            .path
            .iter()
            .find(|(name, _)| *name == parameter.name)
            .map(|(_, raw)| decode(raw)),
        Location::Header => inputs.header(&parameter.name).map(Cow::into_owned),
        Location::Cookie => inputs.cookie(&parameter.name).map(decode),
    }
}

fn read_query(parameter: &Parameter, reader: &StyleReader<'_>, inputs: &Inputs<'_>) -> ReadOutcome {
    let mut values = inputs.query.all(&parameter.name);
    if parameter.allow_empty && values.next().is_some_and(str::is_empty) {
        return ReadOutcome::Empty;
    }
    let read = reader.pairs(&inputs.query);
    // A schema that allows a string beside a list or an object may have been sent the string.
    if let (ReadOutcome::Value(Value::Array(_) | Value::Object(_)), true) =
        (&read, reader.wants("string"))
        && let Some(text) = inputs.query.first(&parameter.name)
    {
        let (value, text) = (
            if let ReadOutcome::Value(value) = &read {
                value
            } else {
                &Value::Null
            },
            Value::String(text),
        );
        if reader.schema.is_valid(value) != Ok(true) && reader.schema.is_valid(&text) == Ok(true) {
            return ReadOutcome::Value(text);
        }
    }
    read
}
