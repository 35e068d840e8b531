//! Description of one operation for people, as JSON: everything that its document says about it.
//!
//! It is read from the document and not from the compiled operation, which keeps no descriptions.
//! Texts, examples and schemas are bounded; what is left out is counted or marked.
use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::contract::catalogue::{tags_of, written};
use crate::contract::fixture::{Fixture, FixtureAnswer};
use crate::contract::merge::item_of;
use crate::contract::{Contract, Operation, StatusPattern};
use crate::document::reference::resolve;
use crate::document::syntax::find;
use crate::schema::outline::{NameOf, Outliner, constraints, fits, type_of};
use crate::schema::start_of;

/// Maximum number of schemas in the outlines of an operation; others are left out.
const MOST_SCHEMAS: usize = 1_500;

/// Maximum bytes of the description of an operation or a schema; the rest is cut.
pub(crate) const MOST_DESCRIPTION: usize = 20_000;

/// Maximum bytes of other texts; the rest is cut.
const MOST_TEXT: usize = 2_000;

/// Maximum number of parameters, responses, media types, header fields, security requirements and
/// examples in one list; others are left out.
const MOST_ENTRIES: usize = 200;

/// Maximum number of fixtures that are listed; others are left out.
const MOST_FIXTURES: usize = 50;

/// Maximum bytes of the value of an example, written as JSON; a larger one is left out.
const MOST_VALUE: usize = 10_000;

/// Maximum bytes of all values of examples together; further ones are left out.
const MOST_VALUES: usize = 100_000;

/// Returns everything that the document says about an operation, which is at a line of it.
/// `name_of` names the schemas of its document.
#[must_use]
pub(crate) fn describe(
    contract: &Contract,
    operation: &Operation,
    line: usize,
    name_of: NameOf<'_>,
) -> Value {
    let root = contract.documents[operation.document].tree();
    let value = written(contract, operation);
    let mut reader = Reader {
        root,
        outliner: Outliner::new(root, name_of, MOST_SCHEMAS),
        bytes: MOST_VALUES,
    };
    let mut whole = Map::new();
    whole.insert("operation".to_owned(), json!(operation.name()));
    whole.insert("method".to_owned(), json!(operation.method.as_str()));
    whole.insert("path".to_owned(), json!(operation.path_key()));
    whole.insert("document".to_owned(), json!(operation.place.file()));
    whole.insert("line".to_owned(), json!(line));
    let summary = value.get("summary").and_then(Value::as_str);
    let description = value.get("description").and_then(Value::as_str);
    let summary = summary.map(|text| start_of(text, MOST_TEXT));
    let description = description.map(|text| start_of(text, MOST_DESCRIPTION));
    whole.insert("summary".to_owned(), json!(summary));
    whole.insert("description".to_owned(), json!(description));
    whole.insert("tags".to_owned(), json!(tags_of(value)));
    let is_deprecated = value.get("deprecated") == Some(&Value::Bool(true));
    whole.insert("deprecated".to_owned(), json!(is_deprecated));
    if let Some(link) = link(value) {
        whole.insert("externalDocs".to_owned(), link);
    }
    whole.insert("security".to_owned(), reader.security(value));
    let item = find(root, item_of(operation.place.pointer()));
    whole.insert("parameters".to_owned(), reader.parameters(value, item));
    whole.insert("body".to_owned(), reader.body(value));
    whole.insert("responses".to_owned(), reader.responses(value));
    let fixtures = operation.fixtures.iter().take(MOST_FIXTURES);
    let fixtures: Vec<Value> = fixtures.map(|fixture| short_form(fixture)).collect();
    whole.insert("fixtures".to_owned(), json!(fixtures));
    Value::Object(whole)
}

/// Returns a fixture in a short form: where it is, and what it answers with.
fn short_form(fixture: &Fixture) -> Value {
    let mut form = json!({ "place": fixture.place.to_string() });
    let parts = [
        ("status", fixture.status.map(|it| json!(it.as_u16()))),
        ("times", fixture.times.map(Value::from)),
        ("every", fixture.every.map(|it| json!(it))),
        ("scenario", fixture.scenario.clone().map(Value::from)),
        ("delay", fixture.delay.map(|it| json!(it.to_string()))),
        ("when", fixture.when.as_ref().map(|_| json!(true))),
        ("fault", fixture.fault.as_ref().map(|_| json!(true))),
        ("then", fixture.then.as_ref().map(|_| json!(true))),
    ];
    for (name, part) in parts {
        if let Some(part) = part {
            form[name] = part;
        }
    }
    match &fixture.answer {
        FixtureAnswer::Example(name) => form["example"] = json!(name),
        FixtureAnswer::Body(_) => form["body"] = json!(true),
        FixtureAnswer::Documented => {}
    }
    form
}

/// Reader of the parts of an operation.
struct Reader<'t, 'n> {
    root: &'t Value,
    outliner: Outliner<'n>,
    /// Bytes of values of examples that may still be written.
    bytes: usize,
}

impl<'t: 'n, 'n> Reader<'t, 'n> {
    /// Follows a reference; a broken one has no members.
    fn end(&self, value: &'t Value) -> &'t Value {
        resolve(self.root, value, "").map_or(&Value::Null, |end| end.value)
    }

    fn security(&self, operation: &Value) -> Value {
        let requirements = operation.get("security").or(self.root.get("security"));
        let requirements = requirements.and_then(Value::as_array).into_iter().flatten();
        let shown = requirements.take(MOST_ENTRIES).map(|requirement| {
            let schemes = members(Some(requirement)).take(MOST_ENTRIES);
            let schemes: Vec<Value> = schemes
                .map(|(name, scopes)| self.scheme(name, scopes))
                .collect();
            json!({ "schemes": schemes })
        });
        shown.collect()
    }

    /// Returns a security scheme: `{"name": "token", "sent": "bearer token in Authorization"}`.
    fn scheme(&self, name: &str, scopes: &Value) -> Value {
        let defined = self.root.pointer("/components/securitySchemes");
        let defined = defined.and_then(|schemes| schemes.get(name));
        let defined = defined.map_or(&Value::Null, |scheme| self.end(scheme));
        let text = |name: &str| defined.get(name).and_then(Value::as_str);
        let sent = match text("type") {
            Some("apiKey") => format!(
                "{} `{}`",
                text("in").unwrap_or_default(),
                start_of(text("name").unwrap_or_default(), MOST_TEXT)
            ),
            Some("http") => format!(
                "`Authorization: {}`",
                start_of(text("scheme").unwrap_or_default(), MOST_TEXT)
            ),
            Some("oauth2") => "OAuth 2.0 bearer token".to_owned(),
            Some("openIdConnect") => "OpenID Connect bearer token".to_owned(),
            Some("mutualTLS") => "client certificate".to_owned(),
            _ => "any `Authorization`, as the scheme is not defined".to_owned(),
        };
        let mut scheme = json!({ "name": start_of(name, MOST_TEXT), "sent": sent });
        if let Some(scopes) = scopes.as_array().filter(|scopes| !scopes.is_empty()) {
            scheme["scopes"] = json!(scopes.iter().take(MOST_ENTRIES).collect::<Vec<_>>());
        }
        scheme
    }

    /// Returns the parameters of the operation and of its path item; the former replace the latter.
    fn parameters(&mut self, operation: &'t Value, item: Option<&'t Value>) -> Value {
        let list = |value: Option<&'t Value>| {
            let list = value.and_then(|value| value.get("parameters")?.as_array());
            list.map(Vec::as_slice).unwrap_or_default()
        };
        let key = |parameter: &Value| {
            let text = |name| parameter.get(name).and_then(Value::as_str);
            (
                text("name").unwrap_or_default().to_owned(),
                text("in").unwrap_or_default().to_owned(),
            )
        };
        let own = list(Some(operation));
        let own: Vec<&'t Value> = own.iter().map(|parameter| self.end(parameter)).collect();
        let replaced: HashSet<_> = own.iter().map(|parameter| key(parameter)).collect();
        let inherited = list(item).iter().map(|parameter| self.end(parameter));
        let mut all: Vec<&'t Value> = inherited
            .filter(|parameter| !replaced.contains(&key(parameter)))
            .chain(own)
            .filter(|parameter| parameter.get("name").is_some())
            .collect();
        all.truncate(MOST_ENTRIES);
        all.into_iter()
            .map(|parameter| self.parameter(parameter))
            .collect()
    }

    fn parameter(&mut self, parameter: &'t Value) -> Value {
        let location = parameter.get("in").and_then(Value::as_str);
        let is_required =
            parameter.get("required") == Some(&Value::Bool(true)) || location == Some("path");
        let mut shown = Map::new();
        shown.insert("name".to_owned(), short(parameter.get("name")));
        shown.insert("in".to_owned(), json!(location));
        shown.insert("required".to_owned(), json!(is_required));
        self.value_of(parameter, &mut shown);
        for name in [
            "style",
            "explode",
            "deprecated",
            "allowEmptyValue",
            "allowReserved",
        ] {
            if let Some(value) = parameter.get(name).filter(|it| **it != Value::Bool(false)) {
                shown.insert(name.to_owned(), short(Some(value)));
            } else if name == "explode" && parameter.get(name).is_some() {
                shown.insert(name.to_owned(), json!(false));
            }
        }
        Value::Object(shown)
    }

    /// Writes the description, type, constraints, schema and examples of a parameter or of a header
    /// field.
    fn value_of(&mut self, described: &'t Value, shown: &mut Map<String, Value>) {
        let description = described.get("description").and_then(Value::as_str);
        let description = description.map(|text| start_of(text, MOST_TEXT));
        shown.insert("description".to_owned(), json!(description));
        let content = members(described.get("content")).next();
        let schema = match content {
            Some((media, content)) => {
                shown.insert("mediaType".to_owned(), json!(start_of(media, MOST_TEXT)));
                content.get("schema")
            }
            None => described.get("schema"),
        };
        if let Some(schema) = schema {
            let target = self.end(schema);
            shown.insert("type".to_owned(), json!(type_of(target)));
            let words = target.as_object().map(constraints).unwrap_or_default();
            shown.insert("constraints".to_owned(), json!(words));
            // The values of a parameter are shown, even if its schema has a name.
            let outlined = self.outliner.outline(target);
            shown.insert("schema".to_owned(), outlined);
        }
        let examples = self.examples(content.map_or(described, |(_, content)| content));
        shown.insert("examples".to_owned(), examples);
    }

    fn body(&mut self, operation: &'t Value) -> Value {
        let Some(body) = operation.get("requestBody") else {
            return Value::Null;
        };
        let body = self.end(body);
        let description = body.get("description").and_then(Value::as_str);
        json!({
            "required": body.get("required") == Some(&Value::Bool(true)),
            "description": description.map(|text| start_of(text, MOST_TEXT)),
            "content": self.content(body, true),
        })
    }

    fn responses(&mut self, operation: &'t Value) -> Value {
        let documented: Vec<(&String, &'t Value)> = members(operation.get("responses"))
            .filter(|(status, _)| !status.starts_with("x-"))
            .take(MOST_ENTRIES)
            .collect();
        let has_success = documented.iter().any(|(status, _)| status.starts_with('2'));
        let shown = documented.into_iter().map(|(status, response)| {
            let response = self.end(response);
            let description = response.get("description").and_then(Value::as_str);
            let headers = members(response.get("headers")).take(MOST_ENTRIES);
            let headers: Vec<Value> = headers
                .map(|(name, header)| self.header(name, header))
                .collect();
            let content = self.content(response, false);
            json!({
                "status": start_of(status, MOST_TEXT),
                "sends": sends(status, has_success),
                "description": description.map(|text| start_of(text, MOST_TEXT)),
                "headers": headers,
                "content": content,
            })
        });
        shown.collect()
    }

    fn header(&mut self, name: &str, header: &'t Value) -> Value {
        let header = self.end(header);
        let mut shown = Map::new();
        shown.insert("name".to_owned(), json!(start_of(name, MOST_TEXT)));
        let is_required = header.get("required") == Some(&Value::Bool(true));
        shown.insert("required".to_owned(), json!(is_required));
        self.value_of(header, &mut shown);
        Value::Object(shown)
    }

    /// Returns the media types of a body or a response. A schema that an earlier media type has is
    /// not repeated.
    fn content(&mut self, of: &'t Value, with_values: bool) -> Value {
        let mut earlier: Vec<(&'t Value, &String)> = Vec::new();
        let mut shown = Vec::new();
        for (name, media) in members(of.get("content")).take(MOST_ENTRIES) {
            let mut entry = Map::new();
            entry.insert("mediaType".to_owned(), json!(start_of(name, MOST_TEXT)));
            let schema = media.get("schema");
            match schema.and_then(|own| earlier.iter().find(|(there, _)| *there == own)) {
                Some((_, name)) => {
                    entry.insert("sameAs".to_owned(), json!(start_of(name, MOST_TEXT)));
                }
                None => {
                    earlier.extend(schema.map(|schema| (schema, name)));
                    let outlined = schema.map(|schema| self.outliner.outline(schema));
                    entry.insert("schema".to_owned(), json!(outlined));
                }
            }
            if let Some(item) = media.get("itemSchema") {
                entry.insert("itemSchema".to_owned(), self.outliner.outline(item));
            }
            let examples = if with_values {
                self.examples(media)
            } else {
                self.named_examples(media)
            };
            entry.insert("examples".to_owned(), examples);
            shown.push(Value::Object(entry));
        }
        Value::Array(shown)
    }

    /// Returns the names and values of the examples of a parameter or a media type.
    fn examples(&mut self, of: &'t Value) -> Value {
        let mut shown = Vec::new();
        for (name, example) in members(of.get("examples")).take(MOST_ENTRIES) {
            let example = self.end(example);
            let fields = ["value", "dataValue", "serializedValue"];
            let value = fields.iter().find_map(|field| example.get(field));
            shown.push(self.example(name, example.get("summary"), value));
        }
        if shown.is_empty() {
            let schema = of.get("schema").map(|schema| self.end(schema));
            let first = schema.and_then(|schema| schema.pointer("/examples/0"));
            if let Some(value) = of.get("example").or(first) {
                shown.push(self.example("", None, Some(value)));
            }
        }
        Value::Array(shown)
    }

    fn example(&mut self, name: &str, summary: Option<&Value>, value: Option<&Value>) -> Value {
        let mut entry = json!({ "name": start_of(name, MOST_TEXT) });
        if summary.is_some() {
            entry["summary"] = short(summary);
        }
        match value {
            Some(value) if fits(value, MOST_VALUE.min(self.bytes)) => {
                self.bytes = self.bytes.saturating_sub(value.to_string().len());
                entry["value"] = value.clone();
            }
            Some(_) => entry["leftOut"] = json!(true),
            None => {}
        }
        entry
    }

    /// Returns the names of the examples of a response.
    fn named_examples(&self, media: &'t Value) -> Value {
        let named = members(media.get("examples")).take(MOST_ENTRIES);
        named
            .map(|(name, example)| {
                let summary = self.end(example).get("summary");
                json!({ "name": start_of(name, MOST_TEXT), "summary": short(summary) })
            })
            .collect()
    }
}

fn link(value: &Value) -> Option<Value> {
    let docs = value.get("externalDocs")?;
    let url = docs.get("url").and_then(Value::as_str)?;
    Some(json!({
        "url": start_of(url, MOST_TEXT),
        "description": short(docs.get("description")),
    }))
}

/// Returns the status that a fixture has to name for a documented response: 400 for `4XX`; 500 for
/// `default` beside a documented success, else 200. `None` for a key that is no status.
fn sends(status: &str, has_success: bool) -> Option<u16> {
    match StatusPattern::parse(status)? {
        StatusPattern::Default if has_success => Some(500),
        pattern => Some(pattern.status().as_u16()),
    }
}

/// Returns a value, if it is a text cut to [`MOST_TEXT`], without a large one.
fn short(value: Option<&Value>) -> Value {
    match value {
        Some(Value::String(text)) => json!(start_of(text, MOST_TEXT)),
        Some(value) if fits(value, MOST_TEXT) => value.clone(),
        _ => Value::Null,
    }
}

fn members(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}
