//! Moves the parts of an OpenAPI 2.0 document to their places in 3.0.
//!
//! Values that do not have the form that 2.0 prescribes stay as they are; `repair` reports them.
//! Every move is noted, so that diagnostics show the place that the author wrote.
use serde_json::{Map, Value, json};

use crate::document::shape::METHODS;
use crate::document::syntax::join;

/// Pointers of the moved parts of a tree: new pointer, old pointer.
pub(super) type Moves = Vec<(String, String)>;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

/// The keywords that a parameter or header of 2.0 shares with a Schema Object.
const SCHEMA_KEYWORDS: [&str; 19] = [
    "type",
    "format",
    "items",
    "default",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "enum",
    "multipleOf",
    "x-nullable",
    "example",
    "x-example",
];

/// Moves everything to its place in 3.0 and returns the moves.
pub(super) fn restructure(tree: &mut Value) -> Moves {
    let Some(document) = tree.as_object_mut() else {
        return Moves::new();
    };
    let mut upgrade = Upgrade {
        consumes: texts(document.shift_remove("consumes")),
        produces: texts(document.shift_remove("produces")),
        parameters: document
            .get("parameters")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default(),
        moves: Moves::new(),
    };
    document.shift_remove("swagger");
    document.shift_insert(0, "openapi".to_owned(), json!("3.0.4"));
    if let Some(servers) = servers(document) {
        document.insert("servers".to_owned(), servers);
    }
    if let Some(Value::Object(paths)) = document.get_mut("paths") {
        for (path, item) in paths.iter_mut().filter(|(path, _)| !path.starts_with("x-")) {
            upgrade.path_item(item, &join("/paths", path));
        }
    }
    upgrade.components(document);
    rewrite_references(tree);
    rewrite_words(tree);
    upgrade.moves
}

/// Returns `schemes`, `host` and `basePath` as Server Objects; `None` if the document has neither
/// `host` nor `basePath`.
fn servers(document: &mut Map<String, Value>) -> Option<Value> {
    let schemes = texts(document.shift_remove("schemes"));
    let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned));
    let host = text(document.shift_remove("host"));
    let base = text(document.shift_remove("basePath"));
    let base = base.map(|base| {
        if base.starts_with('/') {
            base
        } else {
            format!("/{base}")
        }
    });
    match (host, base) {
        (None, None) => None,
        (None, Some(base)) => Some(json!([{ "url": base }])),
        (Some(host), base) => {
            let base = base.unwrap_or_default();
            let schemes = if schemes.is_empty() {
                vec!["https".to_owned()]
            } else {
                schemes
            };
            Some(
                schemes
                    .iter()
                    .map(|scheme| json!({ "url": format!("{scheme}://{host}{base}") }))
                    .collect(),
            )
        }
    }
}

fn texts(value: Option<Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        Some(Value::String(text)) => vec![text],
        _ => Vec::new(),
    }
}

struct Upgrade {
    consumes: Vec<String>,
    produces: Vec<String>,
    /// Parameters of the document itself, the targets of `#/parameters/…`.
    parameters: Map<String, Value>,
    moves: Moves,
}

/// A parameter and the pointer at which it was written.
struct PlacedParameter {
    value: Value,
    at: String,
}

impl Upgrade {
    fn moved(&mut self, new: String, old: &str) {
        self.moves.push((new, old.to_owned()));
    }

    fn components(&mut self, document: &mut Map<String, Value>) {
        let mut components = Map::new();
        for (old, new) in [
            ("definitions", "schemas"),
            ("securityDefinitions", "securitySchemes"),
        ] {
            self.moved(join("/components", new), &join("", old));
            if let Some(section) = document.shift_remove(old) {
                components.insert(new.to_owned(), section);
            }
        }
        if let Some(Value::Object(schemes)) = components.get_mut("securitySchemes") {
            schemes.values_mut().for_each(security_scheme);
        }
        if let Some(Value::Object(mut responses)) = document.shift_remove("responses") {
            self.moved("/components/responses".to_owned(), "/responses");
            let produces = self.produces.clone();
            for (name, response) in &mut responses {
                self.response(
                    response,
                    &produces,
                    &join("/components/responses", name),
                    &join("/responses", name),
                );
            }
            components.insert("responses".to_owned(), Value::Object(responses));
        }
        if let Some(Value::Object(parameters)) = document.shift_remove("parameters") {
            let plain = parameters
                .into_iter()
                .filter(|(_, parameter)| !is_content(parameter));
            let mut upgraded = Map::new();
            for (name, parameter) in plain {
                let at = join("/parameters", &name);
                let parameter =
                    self.parameter(parameter, &join("/components/parameters", &name), &at);
                upgraded.insert(name, parameter);
            }
            components.insert("parameters".to_owned(), Value::Object(upgraded));
        }
        document.insert("components".to_owned(), Value::Object(components));
    }

    fn path_item(&mut self, item: &mut Value, at: &str) {
        let Some(object) = item.as_object_mut() else {
            return;
        };
        let inherited = self.placed(object.shift_remove("parameters"), &join(at, "parameters"));
        let (content, plain): (Vec<_>, Vec<_>) = inherited
            .into_iter()
            .partition(|placed| is_content(&placed.value));
        for (method, operation) in object
            .iter_mut()
            .filter(|(name, _)| METHODS.contains(&name.as_str()))
        {
            if let Some(operation) = operation.as_object_mut() {
                self.operation(operation, &content, &join(at, method));
            }
        }
        let parameters = self.parameters(plain, &join(at, "parameters"));
        if !parameters.is_empty() {
            object.insert("parameters".to_owned(), Value::Array(parameters));
        }
    }

    /// Returns the parameters of a list; references to those that become content are followed.
    fn placed(&self, list: Option<Value>, at: &str) -> Vec<PlacedParameter> {
        let Some(Value::Array(items)) = list else {
            return Vec::new();
        };
        let place = |(index, value): (usize, Value)| {
            let name = value
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|r| r.strip_prefix("#/parameters/"));
            match name.and_then(|name| Some((name, self.parameters.get(name)?))) {
                Some((name, target)) if is_content(target) => PlacedParameter {
                    value: target.clone(),
                    at: join("/parameters", name),
                },
                _ => PlacedParameter {
                    value,
                    at: join(at, &index.to_string()),
                },
            }
        };
        items.into_iter().enumerate().map(place).collect()
    }

    fn parameters(&mut self, list: Vec<PlacedParameter>, at: &str) -> Vec<Value> {
        let upgrade = |(index, placed): (usize, PlacedParameter)| {
            let new = join(at, &index.to_string());
            self.parameter(placed.value, &new, &placed.at)
        };
        list.into_iter().enumerate().map(upgrade).collect()
    }

    fn operation(
        &mut self,
        operation: &mut Map<String, Value>,
        inherited: &[PlacedParameter],
        at: &str,
    ) {
        let own = |list: Option<Value>, all: &[String]| {
            list.map_or_else(|| all.to_vec(), |list| texts(Some(list)))
        };
        let consumes = own(operation.shift_remove("consumes"), &self.consumes);
        let produces = own(operation.shift_remove("produces"), &self.produces);
        operation.shift_remove("schemes");
        let at_parameters = join(at, "parameters");
        let parameters = self.placed(operation.shift_remove("parameters"), &at_parameters);
        let (mut content, plain): (Vec<_>, Vec<_>) = parameters
            .into_iter()
            .partition(|placed| is_content(&placed.value));
        for placed in inherited {
            let same = |own: &PlacedParameter| own.value.get("name") == placed.value.get("name");
            if !content.iter().any(same) {
                content.push(PlacedParameter {
                    value: placed.value.clone(),
                    at: placed.at.clone(),
                });
            }
        }
        let plain = self.parameters(plain, &at_parameters);
        if !plain.is_empty() {
            operation.insert("parameters".to_owned(), Value::Array(plain));
        }
        if let Some(body) = self.request_body(content, &consumes, &join(at, "requestBody")) {
            operation.insert("requestBody".to_owned(), body);
        }
        let at_responses = join(at, "responses");
        for (status, response) in operation
            .get_mut("responses")
            .and_then(Value::as_object_mut)
            .into_iter()
            .flatten()
        {
            let at = join(&at_responses, status);
            self.response(response, &produces, &at, &at);
        }
    }

    fn request_body(
        &mut self,
        content: Vec<PlacedParameter>,
        consumes: &[String],
        at: &str,
    ) -> Option<Value> {
        let body = content
            .iter()
            .position(|placed| placed.value.get("in").is_some_and(|place| place == "body"));
        match body {
            Some(index) => content
                .into_iter()
                .nth(index)
                .map(|placed| self.body(placed, consumes, at)),
            None if content.is_empty() => None,
            None => Some(self.form(&content, consumes, at)),
        }
    }

    fn body(&mut self, placed: PlacedParameter, consumes: &[String], at: &str) -> Value {
        let Value::Object(mut parameter) = placed.value else {
            return json!({});
        };
        let schema = parameter.shift_remove("schema");
        let fallback = [JSON.to_owned()];
        let types = if consumes.is_empty() {
            &fallback[..]
        } else {
            consumes
        };
        let mut content = Map::new();
        self.moved(at.to_owned(), &placed.at);
        for name in types {
            let mut media = Map::new();
            if let Some(schema) = &schema {
                self.moved(
                    join(&join(&join(at, "content"), name), "schema"),
                    &join(&placed.at, "schema"),
                );
                media.insert("schema".to_owned(), schema.clone());
            }
            if let Some(example) = parameter
                .get("x-example")
                .or_else(|| parameter.get("x-examples")?.get(name))
            {
                media.insert("example".to_owned(), example.clone());
            }
            content.insert(name.clone(), Value::Object(media));
        }
        let mut body = Map::new();
        for name in ["description", "required"] {
            if let Some(value) = parameter.shift_remove(name) {
                body.insert(name.to_owned(), value);
            }
        }
        body.insert("content".to_owned(), Value::Object(content));
        Value::Object(body)
    }

    /// Builds the request body of `formData` parameters: an object with one property for each.
    fn form(&mut self, content: &[PlacedParameter], consumes: &[String], at: &str) -> Value {
        let has_file = content
            .iter()
            .any(|placed| placed.value.get("type").is_some_and(|kind| kind == "file"));
        let mut properties = Map::new();
        let mut required = Vec::new();
        let mut encoding = Map::new();
        for placed in content {
            let Some(parameter) = placed.value.as_object() else {
                continue;
            };
            let name = parameter
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            if matches!(parameter.get("required"), Some(Value::Bool(true))) {
                required.push(json!(name));
            }
            if let Some((style, explode)) = style(parameter, "query") {
                encoding.insert(name.clone(), json!({ "style": style, "explode": explode }));
            }
            let mut schema = schema_of(parameter);
            keep_format(parameter, "formData", &mut schema);
            refuse_empty(parameter, &mut schema);
            properties.insert(name, Value::Object(schema));
        }
        let is_required = !required.is_empty();
        let mut schema = json!({ "type": "object", "properties": properties });
        if is_required {
            schema["required"] = Value::Array(required);
        }
        let mut types: Vec<&str> = consumes
            .iter()
            .map(String::as_str)
            .filter(|name| [FORM, MULTIPART].contains(name))
            .collect();
        if has_file {
            types.retain(|name| *name == MULTIPART);
        }
        if types.is_empty() {
            types.push(if has_file { MULTIPART } else { FORM });
        }
        if !has_file {
            // 2.0 names form types only for `formData`, but `consumes` is what the API accepts.
            let is_json = |name: &&str| {
                name.split(';')
                    .next()
                    .is_some_and(|range| range.trim().ends_with("json"))
            };
            types.extend(consumes.iter().map(String::as_str).filter(is_json));
        }
        let mut media = Map::new();
        for name in types {
            let at_properties = join(
                &join(&join(&join(at, "content"), name), "schema"),
                "properties",
            );
            for placed in content {
                let property = placed
                    .value
                    .get("name")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                self.moves
                    .push((join(&at_properties, property), placed.at.clone()));
            }
            let mut described = json!({ "schema": schema });
            if name.starts_with(FORM) || name.starts_with(MULTIPART) {
                described["encoding"] = Value::Object(encoding.clone());
            }
            media.insert(name.to_owned(), described);
        }
        json!({ "required": is_required, "content": media })
    }

    fn parameter(&mut self, value: Value, new: &str, old: &str) -> Value {
        self.moved(new.to_owned(), old);
        let Value::Object(mut parameter) = value else {
            return value;
        };
        if parameter.contains_key("$ref") || parameter.contains_key("schema") {
            return Value::Object(parameter);
        }
        self.moved(join(new, "schema"), old);
        let place = parameter
            .get("in")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        if let Some((style, explode)) = style(&parameter, &place) {
            parameter.insert("style".to_owned(), json!(style));
            parameter.insert("explode".to_owned(), json!(explode));
        }
        let mut schema = schema_of(&parameter);
        keep_format(&parameter, &place, &mut schema);
        parameter.retain(|name, _| {
            !SCHEMA_KEYWORDS.contains(&name.as_str()) && name != "collectionFormat"
        });
        parameter.insert("schema".to_owned(), Value::Object(schema));
        Value::Object(parameter)
    }

    fn response(&mut self, response: &mut Value, produces: &[String], new: &str, old: &str) {
        let Some(response) = response
            .as_object_mut()
            .filter(|response| !response.contains_key("$ref"))
        else {
            return;
        };
        let schema = response.shift_remove("schema");
        let examples = match response.shift_remove("examples") {
            Some(Value::Object(examples)) => examples,
            _ => Map::new(),
        };
        for header in response
            .get_mut("headers")
            .and_then(Value::as_object_mut)
            .into_iter()
            .flat_map(Map::values_mut)
        {
            if let Some(object) = header.as_object_mut() {
                let schema = schema_of(object);
                object.retain(|name, _| {
                    !SCHEMA_KEYWORDS.contains(&name.as_str()) && name != "collectionFormat"
                });
                object.insert("schema".to_owned(), Value::Object(schema));
            }
        }
        let is_file = schema
            .as_ref()
            .is_some_and(|schema| schema.get("type").is_some_and(|kind| kind == "file"));
        let types: Vec<String> = match (schema.is_some(), produces.is_empty()) {
            (false, _) => examples
                .keys()
                .filter(|name| name.contains('/'))
                .cloned()
                .collect(),
            (true, false) => produces.to_vec(),
            (true, true) if is_file => vec!["application/octet-stream".to_owned()],
            (true, true) if examples.keys().any(|name| name.contains('/')) => examples
                .keys()
                .filter(|name| name.contains('/'))
                .cloned()
                .collect(),
            (true, true) => vec![JSON.to_owned()],
        };
        let mut content = Map::new();
        for name in types {
            let at = join(&join(new, "content"), &name);
            let mut media = Map::new();
            if let Some(schema) = &schema {
                self.moved(join(&at, "schema"), &join(old, "schema"));
                media.insert("schema".to_owned(), schema.clone());
            }
            if let Some(example) = examples.get(&name) {
                self.moved(join(&at, "example"), &join(&join(old, "examples"), &name));
                media.insert("example".to_owned(), example.clone());
            }
            content.insert(name, Value::Object(media));
        }
        if !content.is_empty() {
            response.insert("content".to_owned(), Value::Object(content));
        }
    }
}

/// Returns true if a parameter is part of the request's content: `in: body` or `in: formData`.
fn is_content(parameter: &Value) -> bool {
    parameter
        .get("in")
        .is_some_and(|place| place == "body" || place == "formData")
}

/// Requires at least one character of a form field, unless an empty value is allowed: OpenAPI 2.0
/// §Parameter Object has `allowEmptyValue` for that, with `false` as its default. It applies to
/// fields that must be sent, and to others that say `false` themselves.
fn refuse_empty(parameter: &Map<String, Value>, schema: &mut Map<String, Value>) {
    let allowed = parameter.get("allowEmptyValue").and_then(Value::as_bool);
    let is_required = parameter.get("required") == Some(&Value::Bool(true));
    let is_refused = allowed == Some(false) || allowed.is_none() && is_required;
    let is_text = schema.get("type").is_some_and(|kind| kind == "string");
    let is_bounded = ["minLength", "enum"]
        .iter()
        .any(|name| schema.contains_key(*name));
    if is_refused && is_text && !is_bounded {
        schema.insert("minLength".to_owned(), json!(1));
    }
}

fn schema_of(parameter: &Map<String, Value>) -> Map<String, Value> {
    let mut schema = Map::new();
    for keyword in SCHEMA_KEYWORDS {
        if let Some(value) = parameter.get(keyword) {
            let keyword = if keyword == "x-example" {
                "example"
            } else {
                keyword
            };
            schema.insert(keyword.to_owned(), value.clone());
        }
    }
    if let Some(items) = schema.get_mut("items") {
        lists_in_lists(items);
    }
    schema
}

/// Adds the default `collectionFormat`, `csv`, of each list inside a list, because no style of 3.0
/// expresses it.
fn lists_in_lists(items: &mut Value) {
    let Some(items) = items
        .as_object_mut()
        .filter(|items| items.get("type").is_some_and(|kind| kind == "array"))
    else {
        return;
    };
    items
        .entry("collectionFormat")
        .or_insert_with(|| json!("csv"));
    if let Some(inner) = items.get_mut("items") {
        lists_in_lists(inner);
    }
}

/// Keeps the `collectionFormat` of a list in its schema where no style of 3.0 expresses it.
fn keep_format(parameter: &Map<String, Value>, place: &str, schema: &mut Map<String, Value>) {
    let is_list = parameter.get("type").is_some_and(|kind| kind == "array");
    let Some(format) = parameter.get("collectionFormat").filter(|_| is_list) else {
        return;
    };
    let is_told = match format.as_str() {
        Some("tsv") => false,
        Some("ssv" | "pipes") => !matches!(place, "path" | "header"),
        _ => true,
    };
    if !is_told {
        schema.insert("collectionFormat".to_owned(), format.clone());
    }
}

/// Returns the style and `explode` for a list's `collectionFormat`, by default `csv`; `None` if the
/// parameter is not a list.
fn style(parameter: &Map<String, Value>, place: &str) -> Option<(&'static str, bool)> {
    if parameter.get("type").is_none_or(|kind| kind != "array") {
        return None;
    }
    let format = parameter
        .get("collectionFormat")
        .and_then(Value::as_str)
        .unwrap_or("csv");
    match (place, format) {
        ("path" | "header", _) => Some(("simple", false)),
        (_, "multi") => Some(("form", true)),
        (_, "ssv") => Some(("spaceDelimited", false)),
        (_, "pipes") => Some(("pipeDelimited", false)),
        _ => Some(("form", false)),
    }
}

fn security_scheme(scheme: &mut Value) {
    if scheme.get("type").is_some_and(|kind| kind == "basic") {
        scheme["type"] = json!("http");
        scheme["scheme"] = json!("basic");
    }
}

/// Rewrites references to the sections of 2.0 to refer to those of 3.0.
fn rewrite_references(value: &mut Value) {
    if let Some(Value::String(reference)) = value.get_mut("$ref") {
        for (old, new) in [
            ("#/definitions/", "#/components/schemas/"),
            ("#/parameters/", "#/components/parameters/"),
            ("#/responses/", "#/components/responses/"),
        ] {
            if let Some(rest) = reference.strip_prefix(old) {
                *reference = format!("{new}{rest}");
            }
        }
    }
    each_inner(value, rewrite_references);
}

/// Rewrites the schema keywords of 2.0 to those of 3.0: `type: file`, `discriminator`,
/// `x-nullable`.
pub(crate) fn rewrite_words(value: &mut Value) {
    if let Some(object) = value.as_object_mut() {
        if object.get("type").is_some_and(|kind| kind == "file") {
            object.insert("type".to_owned(), json!("string"));
            object.insert("format".to_owned(), json!("binary"));
        }
        if let Some(Value::String(name)) = object.get("discriminator") {
            let name = json!({ "propertyName": name });
            object.insert("discriminator".to_owned(), name);
        }
        if let Some(nullable) = object.shift_remove("x-nullable") {
            object.insert("nullable".to_owned(), nullable);
        }
    }
    each_inner(value, rewrite_words);
}

/// Calls `visit` for each value directly inside another, except for data and extensions.
fn each_inner(value: &mut Value, visit: fn(&mut Value)) {
    match value {
        Value::Object(object) => {
            for (name, member) in object.iter_mut() {
                match name.as_str() {
                    // Examples, defaults and enums are data.
                    "example" | "examples" | "default" | "enum" => {}
                    // The keys of these maps are names and not keywords.
                    "properties" | "responses" | "schemas" | "parameters" | "headers" | "paths" => {
                        each_member(member, visit);
                    }
                    name if name.starts_with("x-") => {}
                    _ => visit(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(visit),
        _ => {}
    }
}

fn each_member(value: &mut Value, visit: fn(&mut Value)) {
    match value {
        Value::Object(object) => object.values_mut().for_each(visit),
        Value::Array(items) => items.iter_mut().for_each(visit),
        _ => {}
    }
}
