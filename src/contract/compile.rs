//! An operation of a document → its compiled [`CompiledOperation`]: parameters, content, responses, security.
//!
//! A broken part of an operation is reported and left out. Schemas are not compiled here, but on
//! first use. This is the only file that names `openapiv3`.
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use http::{HeaderName, Method};
use indexmap::IndexMap;
use openapiv3::{ParameterSchemaOrContent, ReferenceOr};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::contract::media::MediaRange;
use crate::contract::route::PathTemplate;
use crate::contract::skeleton::{AT, at_of, bones, bones_of};
use crate::contract::terms::{
    CompiledOperation, DocumentedResponse, Encoding, GeneratedCache, Location, MediaType,
    Parameter, ParameterForm, PartHeader, RequestBody, ResponseHeader, StatusPattern, Style,
};
use crate::diagnostic::{Code, Diagnostic, Place};
use crate::document::reference::{ALLOWED, is_only_reference, resolve, resolve_schema};
use crate::document::syntax::join;
use crate::document::{Expect, ObjectKind};
use crate::schema::Examples;
use crate::schema::name::carries_credentials;
use crate::schema::{Direction, Schema, Schemas, unknown};

/// Compiler of the operations of a document, which share the components that they refer to.
pub(crate) struct Compiler {
    pub(crate) schemas: Arc<Schemas>,
    pub(crate) examples: Examples,
    known_schemas: HashMap<(String, Direction), Arc<Schema>>,
    known_responses: HashMap<String, Arc<DocumentedResponse>>,
    known_parameters: HashMap<String, Arc<Parameter>>,
    pub(crate) undefined_schemes: HashSet<String>,
    diagnostics: Vec<Diagnostic>,
}

/// Maximum characters of a summary, and of a description, that are kept; the rest is dropped.
const MOST_SAID: usize = 300;

fn said(operation: &openapiv3::Operation) -> String {
    let texts = [&operation.summary, &operation.description]
        .into_iter()
        .flatten();
    texts
        .flat_map(|text| text.chars().take(MOST_SAID).chain(['\n']))
        .collect()
}

impl Compiler {
    /// Creates a compiler for a document.
    #[must_use]
    pub(crate) fn new(schemas: Arc<Schemas>, examples: Examples) -> Self {
        Self {
            schemas,
            examples,
            known_schemas: HashMap::new(),
            known_responses: HashMap::new(),
            known_parameters: HashMap::new(),
            undefined_schemes: HashSet::new(),
            diagnostics: Vec::new(),
        }
    }

    pub(crate) fn warn(&mut self, code: Code, place: Place, message: String, help: &str) {
        self.diagnostics
            .push(Diagnostic::at(code, place, message).help(help));
    }

    fn value_at(&self, pointer: impl Into<String>) -> Place {
        Place::value(self.schemas.source(), pointer)
    }

    /// Registers the schemas of an operation; the compiled operation is dropped.
    pub(crate) fn note(&mut self, template: &str, item: &str, at: &str) {
        let place = Place::key(self.schemas.source(), at);
        drop(self.compile(
            &OperationName {
                method: &Method::GET,
                template,
                place: &place,
            },
            item,
            at,
        ));
    }

    /// Compiles the operation at the JSON Pointer `at`, whose path item is at `item_at`.
    pub(crate) fn compile(
        &mut self,
        operation: &OperationName<'_>,
        item_at: &str,
        at: &str,
    ) -> CompiledOperation {
        self.diagnostics.clear();
        let mut compiled = self.compile_item(operation, item_at, at);
        compiled.diagnostics = std::mem::take(&mut self.diagnostics);
        compiled
    }

    fn compile_item(
        &mut self,
        operation: &OperationName<'_>,
        item_at: &str,
        at: &str,
    ) -> CompiledOperation {
        let tree = Arc::clone(self.schemas.tree());
        let (Some(value), Some(item)) = (tree.pointer(at), tree.pointer(item_at)) else {
            return CompiledOperation::default();
        };
        let mut skeleton = Self::skeleton(&tree, (item, item_at), value, at);
        let mut unknown = Vec::new();
        let typed = match openapiv3::Operation::deserialize(&skeleton) {
            Ok(typed) => typed,
            Err(_) => {
                for (what, error) in drop_broken(&mut skeleton) {
                    let name = format!("`{} {}`", operation.method, operation.template);
                    let message = format!("{what} of {name} cannot be understood: {error}");
                    self.warn(
                        Code::BrokenOperation,
                        operation.place.clone(),
                        message.clone(),
                        ALLOWED,
                    );
                    unknown.push(message);
                }
                openapiv3::Operation::deserialize(&skeleton).unwrap_or_default()
            }
        };
        if self.schemas.has_unknown() {
            let inherited = item.get("parameters").into_iter();
            unknown.extend(unknown::sentences(
                &tree,
                &inherited.chain([value]).collect::<Vec<_>>(),
            ));
        }
        self.status_keys(value, at);
        let path_names: Vec<String> = PathTemplate::parse(operation.template)
            .names()
            .map(str::to_owned)
            .collect();
        CompiledOperation {
            deprecated: typed.deprecated,
            said: said(&typed),
            parameters: self.parameters(&tree, &typed, &path_names, operation.place),
            negotiated: self.negotiated(&typed),
            path_names,
            body: self.request_body(&tree, &typed),
            responses: self.responses(&tree, &typed),
            security: self.security(&tree, value, at),
            unknown,
            diagnostics: Vec::new(),
        }
    }

    /// Returns the operation in a form that `openapiv3` can read: references resolved, each schema
    /// replaced by a reference to its place, and no `examples`, which are read from the tree when
    /// they are needed.
    fn skeleton(tree: &Value, (item, item_at): (&Value, &str), value: &Value, at: &str) -> Value {
        let mut skeleton = bones(tree, ObjectKind::Operation, value, at);
        let own = skeleton["parameters"].take();
        let inherited = item.get("parameters").and_then(Value::as_array);
        let inherited =
            inherited
                .into_iter()
                .flatten()
                .enumerate()
                .filter_map(|(index, parameter)| {
                    let at = join(&join(item_at, "parameters"), &index.to_string());
                    bones_of(tree, Expect::Object(ObjectKind::Parameter), parameter, &at)
                });
        let own = own.as_array().into_iter().flatten().cloned();
        // A parameter of the operation replaces one of its path item with the same name and
        // location.
        let mut parameters: IndexMap<(String, String), Value> = IndexMap::new();
        for parameter in inherited.chain(own) {
            let text = |field: &str| parameter[field].as_str().unwrap_or_default().to_owned();
            parameters.insert((text("name"), text("in")), parameter);
        }
        skeleton["parameters"] = parameters.into_values().collect();
        skeleton
    }

    /// Returns the schema at a place. If that is only a reference, returns its target, which all
    /// places that refer to it share.
    fn schema(&mut self, pointer: &str, direction: Direction) -> Arc<Schema> {
        let schemas = &self.schemas;
        let tree = schemas.tree();
        let target = tree
            .pointer(pointer)
            .filter(|value| is_only_reference(value))
            .and_then(|value| resolve_schema(tree, value, pointer).ok());
        let pointer = target.map_or_else(|| pointer.to_owned(), |end| end.pointer);
        let pointer = pointer.as_str();
        let known = self.known_schemas.entry((pointer.to_owned(), direction));
        let schema =
            known.or_insert_with(|| Arc::new(Schema::new(schemas, pointer.to_owned(), direction)));
        Arc::clone(schema)
    }

    fn schema_of(
        &mut self,
        reference: &ReferenceOr<openapiv3::Schema>,
        direction: Direction,
    ) -> Option<Arc<Schema>> {
        match reference {
            ReferenceOr::Reference { reference } => Some(self.schema(reference, direction)),
            ReferenceOr::Item(_) => None,
        }
    }

    fn parameters(
        &mut self,
        tree: &Value,
        typed: &openapiv3::Operation,
        names: &[String],
        place: &Place,
    ) -> Vec<Arc<Parameter>> {
        let mut parameters = Vec::new();
        for parameter in typed.parameters.iter().filter_map(ReferenceOr::as_item) {
            let data = parameter.parameter_data_ref();
            if is_ignored(parameter) {
                continue;
            }
            if matches!(parameter, openapiv3::Parameter::Path { .. }) && !names.contains(&data.name)
            {
                let message = format!(
                    "the path has no `{{{}}}` for this path parameter",
                    data.name
                );
                let place = self.value_at(at_of(&data.extensions));
                self.warn(
                    Code::UnusedPathParameter,
                    place,
                    message,
                    "the parameter is skipped",
                );
                continue;
            }
            parameters.extend(self.parameter(tree, parameter));
        }
        for name in names {
            if !parameters
                .iter()
                .any(|p| p.location == Location::Path && p.name == *name)
            {
                let message = format!("no path parameter declares `{{{name}}}` of the path");
                self.warn(
                    Code::UndeclaredPathParameter,
                    place.clone(),
                    message,
                    "any text is accepted there",
                );
            }
        }
        parameters
    }

    fn negotiated(&mut self, typed: &openapiv3::Operation) -> Vec<(&'static str, Arc<Schema>)> {
        let mut negotiated = Vec::new();
        for parameter in typed
            .parameters
            .iter()
            .filter_map(ReferenceOr::as_item)
            .filter(|own| is_ignored(own))
        {
            let data = parameter.parameter_data_ref();
            let name = ["accept", "content-type"]
                .into_iter()
                .find(|name| data.name.eq_ignore_ascii_case(name));
            if let (Some(name), ParameterSchemaOrContent::Schema(schema)) = (name, &data.format) {
                negotiated.extend(
                    self.schema_of(schema, Direction::Request)
                        .map(|schema| (name, schema)),
                );
            }
        }
        negotiated
    }

    fn parameter(
        &mut self,
        tree: &Value,
        parameter: &openapiv3::Parameter,
    ) -> Option<Arc<Parameter>> {
        let data = parameter.parameter_data_ref();
        let at = at_of(&data.extensions).to_owned();
        if let Some(known) = self.known_parameters.get(&at) {
            return Some(Arc::clone(known));
        }
        let (location, style, allow_empty) = location_and_style(parameter);
        let explode = data.explode.unwrap_or(style == Style::Form);
        let form = match &data.format {
            ParameterSchemaOrContent::Schema(schema) => {
                let schema = self.schema_of(schema, Direction::Request)?;
                ParameterForm::Styled {
                    style,
                    explode,
                    schema,
                }
            }
            ParameterSchemaOrContent::Content(content) => {
                let media = self
                    .content(tree, content, Direction::Request)
                    .into_iter()
                    .next()?;
                match tree.pointer(&join(&at, "in")).and_then(Value::as_str) {
                    Some("querystring") => ParameterForm::Query(Box::new(media)),
                    _ => ParameterForm::Content(Box::new(media)),
                }
            }
        };
        let schema = match &form {
            ParameterForm::Styled { schema, .. } => Some(Arc::clone(schema)),
            ParameterForm::Content(_) | ParameterForm::Query(_) => None,
        };
        let examples = self.examples(tree, &at, schema.as_ref(), None);
        let required = data.required || location == Location::Path;
        let name = data.name.clone();
        let carries_credentials = carries_credentials(&name);
        let description = data
            .description
            .as_deref()
            .filter(|_| matches!(location, Location::Query | Location::Path))
            .map(Box::from);
        let parameter = Parameter {
            name,
            location,
            description,
            required,
            allow_empty,
            carries_credentials,
            form,
            examples,
        };
        let parameter = Arc::new(parameter);
        self.known_parameters.insert(at, Arc::clone(&parameter));
        Some(parameter)
    }

    fn request_body(&mut self, tree: &Value, typed: &openapiv3::Operation) -> Option<RequestBody> {
        let body = typed.request_body.as_ref()?.as_item()?;
        Some(RequestBody {
            required: body.required,
            content: self.content(tree, &body.content, Direction::Request),
        })
    }

    fn content(
        &mut self,
        tree: &Value,
        content: &openapiv3::Content,
        direction: Direction,
    ) -> Vec<MediaType> {
        content
            .iter()
            .filter_map(|(name, media)| self.media_type(tree, name, media, direction))
            .collect()
    }

    fn media_type(
        &mut self,
        tree: &Value,
        name: &str,
        media: &openapiv3::MediaType,
        direction: Direction,
    ) -> Option<MediaType> {
        let at = at_of(&media.extensions).to_owned();
        let range = self.media_range(name, &at)?;
        let schema = media
            .schema
            .as_ref()
            .and_then(|schema| self.schema_of(schema, direction));
        let examples = self.examples(tree, &at, schema.as_ref(), Some(&range));
        // `openapiv3` has no `itemSchema`.
        let item = join(&at, "itemSchema");
        let item = tree
            .pointer(&item)
            .is_some()
            .then(|| self.schema(&item, direction));
        let encoding = media.encoding.iter().map(|(name, encoding)| {
            (
                name.clone(),
                self.encoding(tree, &join(&join(&at, "encoding"), name), encoding),
            )
        });
        let encoding = encoding.collect();
        Some(MediaType {
            range,
            schema,
            item,
            examples,
            encoding,
            generated: GeneratedCache::default(),
        })
    }

    fn encoding(&mut self, tree: &Value, at: &str, encoding: &openapiv3::Encoding) -> Encoding {
        let style = encoding.style.as_ref().map_or(Style::Form, query_style);
        // `openapiv3` reads an absent `explode` as false.
        let explode = tree
            .pointer(&join(at, "explode"))
            .and_then(Value::as_bool)
            .unwrap_or(style == Style::Form);
        let content_types = encoding
            .content_type
            .as_deref()
            .unwrap_or_default()
            .split(',');
        let content_types = content_types
            .filter_map(|range| MediaRange::parse(range.trim()))
            .collect();
        let in_headers = join(at, "headers");
        let headers = tree
            .pointer(&in_headers)
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        let headers = headers.filter(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        let headers = headers.filter_map(|(name, header)| {
            let end = resolve(tree, header, &join(&in_headers, name)).ok()?;
            let schema = end
                .value
                .get("schema")
                .map(|_| self.schema(&join(&end.pointer, "schema"), Direction::Request));
            let required = end.value.get("required") == Some(&Value::Bool(true));
            Some(PartHeader {
                name: name.to_ascii_lowercase(),
                required,
                schema,
            })
        });
        Encoding {
            style,
            explode,
            content_types,
            headers: headers.collect(),
        }
    }

    fn media_range(&mut self, name: &str, at: &str) -> Option<MediaRange> {
        if let Some(range) = MediaRange::parse(name) {
            return Some(range);
        }
        let assumed = match name.trim().to_ascii_lowercase().as_str() {
            "json" => "application/json",
            "xml" => "application/xml",
            "text" | "plain" => "text/plain",
            "html" => "text/html",
            "csv" => "text/csv",
            "" | "*" => "*/*",
            _ => "",
        };
        let message = format!("`{name}` is not a media type");
        let help = if assumed.is_empty() {
            "this content is skipped".to_owned()
        } else {
            format!("read as `{assumed}`")
        };
        self.warn(
            Code::InvalidMediaType,
            Place::key(self.schemas.source(), at),
            message,
            &help,
        );
        MediaRange::parse(assumed)
    }

    fn responses(
        &mut self,
        tree: &Value,
        typed: &openapiv3::Operation,
    ) -> Vec<(StatusPattern, Arc<DocumentedResponse>)> {
        let coded = typed
            .responses
            .responses
            .iter()
            .map(|(code, response)| (StatusPattern::parse(&code.to_string()), response));
        let default = typed
            .responses
            .default
            .iter()
            .map(|response| (Some(StatusPattern::Default), response));
        let mut responses = Vec::new();
        for (pattern, response) in coded.chain(default) {
            if let (Some(pattern), Some(response)) = (pattern, response.as_item()) {
                responses.push((pattern, self.response(tree, response)));
            }
        }
        responses
    }

    fn response(
        &mut self,
        tree: &Value,
        response: &openapiv3::Response,
    ) -> Arc<DocumentedResponse> {
        let at = at_of(&response.extensions).to_owned();
        if let Some(known) = self.known_responses.get(&at) {
            return Arc::clone(known);
        }
        let content = self.content(tree, &response.content, Direction::Response);
        let headers = response
            .headers
            .iter()
            .filter_map(|(name, header)| self.header(tree, name, header.as_item()?));
        let headers = headers.collect();
        let response = Arc::new(DocumentedResponse { headers, content });
        self.known_responses.insert(at, Arc::clone(&response));
        response
    }

    fn header(
        &mut self,
        tree: &Value,
        name: &str,
        header: &openapiv3::Header,
    ) -> Option<ResponseHeader> {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let at = at_of(&header.extensions).to_owned();
        let schema = match &header.format {
            ParameterSchemaOrContent::Schema(schema) => self.schema_of(schema, Direction::Response),
            ParameterSchemaOrContent::Content(content) => self
                .content(tree, content, Direction::Response)
                .into_iter()
                .next()
                .and_then(|media| media.schema),
        };
        let examples = self.examples(tree, &at, schema.as_ref(), None);
        let explode = tree.pointer(&join(&at, "explode")) == Some(&Value::Bool(true));
        Some(ResponseHeader {
            name,
            explode,
            required: header.required,
            schema,
            examples,
            lines: OnceLock::new(),
        })
    }
}

/// Name of an operation in diagnostics, and its place.
pub(crate) struct OperationName<'o> {
    /// Method of the operation.
    pub method: &'o Method,
    /// Path template of the operation.
    pub template: &'o str,
    /// Place of the operation in its document.
    pub place: &'o Place,
}

/// Returns true if a header parameter has a name that OpenAPI ignores (OpenAPI 3.0.4 §4.7.12.2.1).
fn is_ignored(parameter: &openapiv3::Parameter) -> bool {
    const NAMES: [&str; 3] = ["accept", "content-type", "authorization"];
    let name = parameter.parameter_data_ref().name.to_ascii_lowercase();
    matches!(parameter, openapiv3::Parameter::Header { .. }) && NAMES.contains(&name.as_str())
}

fn location_and_style(parameter: &openapiv3::Parameter) -> (Location, Style, bool) {
    use openapiv3::{Parameter as Typed, PathStyle};
    match parameter {
        Typed::Query {
            style,
            allow_empty_value,
            ..
        } => (
            Location::Query,
            query_style(style),
            *allow_empty_value == Some(true),
        ),
        Typed::Header { .. } => (Location::Header, Style::Simple, false),
        Typed::Path {
            style: PathStyle::Matrix,
            ..
        } => (Location::Path, Style::Matrix, false),
        Typed::Path {
            style: PathStyle::Label,
            ..
        } => (Location::Path, Style::Label, false),
        Typed::Path {
            style: PathStyle::Simple,
            ..
        } => (Location::Path, Style::Simple, false),
        Typed::Cookie { .. } => (Location::Cookie, Style::Form, false),
    }
}

fn query_style(style: &openapiv3::QueryStyle) -> Style {
    match style {
        openapiv3::QueryStyle::Form => Style::Form,
        openapiv3::QueryStyle::SpaceDelimited => Style::SpaceDelimited,
        openapiv3::QueryStyle::PipeDelimited => Style::PipeDelimited,
        openapiv3::QueryStyle::DeepObject => Style::DeepObject,
    }
}

/// Fields of an operation that are read.
pub(crate) const NEEDED: [&str; 6] = [
    "parameters",
    "responses",
    "requestBody",
    "summary",
    "description",
    "deprecated",
];

/// Removes the parts of a skeleton that cannot be deserialized, and empties such responses;
/// returns a description of each with the error.
pub(crate) fn drop_broken(skeleton: &mut Value) -> Vec<(String, String)> {
    let mut dropped = Vec::new();
    let Some(operation) = skeleton.as_object_mut() else {
        return dropped;
    };
    let mut is_understood = |what: String, error: Option<serde_json::Error>| {
        let is_understood = error.is_none();
        dropped.extend(error.map(|error| (what, error.to_string())));
        is_understood
    };
    if let Some(Value::Array(parameters)) = operation.get_mut("parameters") {
        parameters.retain(|parameter| {
            let what = format!("the parameter {}", parameter["name"]);
            is_understood(what, openapiv3::Parameter::deserialize(parameter).err())
        });
    }
    for (status, response) in operation
        .get_mut("responses")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
    {
        if !status.starts_with("x-")
            && !is_understood(
                format!("the response {status}"),
                openapiv3::Response::deserialize(&*response).err(),
            )
        {
            *response = json!({ "description": "", AT: response[AT] });
        }
    }
    let body = operation
        .get("requestBody")
        .and_then(|body| openapiv3::RequestBody::deserialize(body).err());
    if !is_understood("the request body".to_owned(), body) {
        operation.shift_remove("requestBody");
    }
    let others: Vec<String> = operation
        .keys()
        .filter(|name| !NEEDED.contains(&name.as_str()))
        .cloned()
        .collect();
    others
        .iter()
        .for_each(|name| drop(operation.shift_remove(name)));
    let left = openapiv3::Operation::deserialize(&*skeleton).err();
    dropped.extend(left.map(|error| ("something".to_owned(), error.to_string())));
    dropped
}
