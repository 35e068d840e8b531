//! Builds a request that an operation documents as valid: the inverse of `codec::parameter` and
//! `validate`.
//!
//! The command line uses it to show example requests and their answers.
use std::borrow::Cow;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderName};
use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value};

use crate::codec::accept::concrete;
use crate::codec::collection::CollectionFormat;
use crate::codec::content::{self, form};
use crate::codec::message::{Body, Request};
use crate::codec::text::{encode, encode_path, plain};
use crate::contract::media::MediaRange;
use crate::contract::{
    Location, MediaType, Operation, Parameter, ParameterForm, SecurityRequirement, SecurityScheme,
    Style,
};
use crate::generate::{self, GenerateOptions, generate, named};

/// Builds a request with everything required, from documented examples, else from generated
/// values. `media` is the media type of the content, if the operation documents it.
#[must_use]
pub fn request(
    operation: &Operation,
    options: &GenerateOptions,
    media: Option<&MediaRange>,
) -> Request {
    request_with(operation, options, media, &GivenValues::default())
}

/// Values of a request that a person chose. Without a choice, a part has the values of the example.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct GivenValues<'g> {
    /// Values of path parameters by name.
    pub path: Option<&'g Map<String, Value>>,
    /// Values of query parameters by name; parameters without a value are left out.
    pub query: Option<&'g Map<String, Value>>,
    /// Values of header fields by name; fields without a value are left out.
    pub header: Option<&'g Map<String, Value>>,
    /// Values of cookies by name; cookies without a value are left out.
    pub cookie: Option<&'g Map<String, Value>>,
    /// Value of the content; null for a request without content.
    pub body: Option<&'g Value>,
}

impl<'g> GivenValues<'g> {
    /// Returns the value of a parameter: the chosen one, or that of the example if its part has no
    /// chosen values and the parameter is required.
    fn of(&self, parameter: &Parameter, options: &GenerateOptions) -> Option<Cow<'g, Value>> {
        let (part, is_needed) = match parameter.location {
            Location::Path => (self.path, true),
            Location::Query => (self.query, false),
            Location::Header => (self.header, false),
            Location::Cookie => (self.cookie, false),
        };
        let given = part.and_then(|values| values.get(&parameter.name));
        match given {
            Some(given) => Some(Cow::Borrowed(given)),
            None if is_needed || part.is_none() && parameter.required => {
                Some(Cow::Owned(value(parameter, options)))
            }
            None => None,
        }
    }
}

/// Builds a request like [`request`], with the values that a person chose. They need not fit their
/// schemas.
#[must_use]
pub(crate) fn request_with(
    operation: &Operation,
    options: &GenerateOptions,
    media: Option<&MediaRange>,
    given: &GivenValues<'_>,
) -> Request {
    let mut draft = RequestDraft::default();
    let mut path = operation.bases.first().cloned().unwrap_or_default() + &operation.template;
    for name in &operation.compiled().path_names {
        let parameter = operation
            .compiled()
            .parameters
            .iter()
            .find(|p| p.location == Location::Path && p.name == *name);
        let text = parameter.map_or_else(
            || encode(name),
            |parameter| {
                let value = given.of(parameter, options);
                in_path(parameter, &value.unwrap_or_default())
            },
        );
        path = path.replace(&format!("{{{name}}}"), &text);
    }
    for parameter in operation
        .compiled()
        .parameters
        .iter()
        .filter(|parameter| parameter.location != Location::Path)
    {
        if let Some(value) = given.of(parameter, options) {
            draft.parameter(parameter, &value);
        }
    }
    if let Some(requirement) = operation.compiled().security.first() {
        draft.credentials(requirement);
    }
    draft.pins(operation);
    let body = draft.content(operation, options, media, given.body);
    let path = encode_path(&path);
    let uri = if draft.query.is_empty() {
        path
    } else {
        format!("{path}?{}", draft.query.join("&"))
    };
    let mut request = http::Request::new(Body::Complete(body.into()));
    *request.method_mut() = operation.method.clone();
    *request.uri_mut() = uri.parse().unwrap_or_default();
    *request.headers_mut() = draft.headers;
    request
}

/// Returns the first documented example that fits the parameter's schema, else a generated value.
pub(crate) fn value(parameter: &Parameter, options: &GenerateOptions) -> Value {
    let example = parameter
        .examples
        .iter()
        .find(|example| example.errors().is_empty());
    match (example, parameter.schema()) {
        (Some(example), _) => example.value().clone(),
        (None, Some(schema)) => named(schema, options, &parameter.name).value,
        (None, None) => Value::from("x"),
    }
}

/// Parts of a request under construction.
#[derive(Default)]
struct RequestDraft {
    query: Vec<String>,
    headers: HeaderMap,
    cookies: Vec<String>,
}

impl RequestDraft {
    fn header(&mut self, name: &str, value: &str) {
        let value =
            HeaderValue::from_str(value.trim()).or_else(|_| HeaderValue::from_str(&encode(value)));
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), value) {
            self.headers.insert(name, value);
        }
    }

    fn cookie(&mut self, pairs: &[String]) {
        self.cookies.extend_from_slice(pairs);
        let joined = self.cookies.join("; ");
        if let Ok(value) = HeaderValue::from_str(&joined) {
            self.headers.insert(COOKIE, value);
        }
    }

    fn parameter(&mut self, parameter: &Parameter, value: &Value) {
        let name = &parameter.name;
        let value = &flat(parameter, value);
        match (parameter.location, &parameter.form) {
            (Location::Path, _) => {}
            (_, ParameterForm::Query(media)) if media.range.is_json() => {
                self.query.push(encode(&value.to_string()));
            }
            (_, ParameterForm::Query(media)) => self.query.push(form::write(value, Some(media))),
            (Location::Query, ParameterForm::Content(media)) => {
                self.query.push(format!(
                    "{}={}",
                    encode(name),
                    encode(&as_content(value, media))
                ));
            }
            (Location::Header, ParameterForm::Content(media)) => {
                self.header(name, &as_content(value, media));
            }
            (Location::Cookie, ParameterForm::Content(media)) => {
                self.cookie(&[format!("{name}={}", encode(&as_content(value, media)))]);
            }
            (Location::Query, ParameterForm::Styled { style, explode, .. }) => {
                match format(parameter).filter(|_| value.is_array() && !explode) {
                    Some(format) => {
                        let text =
                            joined(value, false, format.delimiter(true), &|text| encode(text));
                        self.query.push(format!("{}={text}", encode(name)));
                    }
                    None => self.query.extend(pairs(name, value, *style, *explode)),
                }
            }
            (Location::Header, ParameterForm::Styled { explode, .. }) => {
                let delimiter = format(parameter).map_or(",", |format| format.delimiter(false));
                self.header(
                    name,
                    &joined(value, *explode, delimiter, &|text| text.to_owned()),
                );
            }
            (Location::Cookie, ParameterForm::Styled { style, explode, .. }) => {
                self.cookie(&pairs(name, value, *style, *explode));
            }
        }
    }

    fn credentials(&mut self, requirement: &SecurityRequirement) {
        for scheme in &requirement.schemes {
            match scheme {
                SecurityScheme::ApiKey {
                    location: Location::Query,
                    name,
                } => {
                    self.query.push(format!("{}=key", encode(name)));
                }
                SecurityScheme::ApiKey {
                    location: Location::Cookie,
                    name,
                } => self.cookie(&[format!("{name}=key")]),
                SecurityScheme::ApiKey { name, .. } => self.header(name, "key"),
                // `user:password`
                SecurityScheme::Http { scheme } if scheme == "basic" => {
                    self.header(AUTHORIZATION.as_str(), "Basic dXNlcjpwYXNzd29yZA==");
                }
                SecurityScheme::Http { scheme } if !scheme.is_empty() => {
                    self.header(AUTHORIZATION.as_str(), &format!("{scheme} token"));
                }
                SecurityScheme::OutOfBand => {}
                _ => self.header(AUTHORIZATION.as_str(), "Bearer token"),
            }
        }
    }

    /// Adds the query parameters and header fields that distinguish the operation from others of
    /// its path.
    fn pins(&mut self, operation: &Operation) {
        use crate::contract::route::Pin;
        for pin in operation.variant.iter().flat_map(|variant| &variant.pins) {
            match pin {
                Pin::Query(name, None) => self.query.push(encode(name)),
                Pin::Query(name, Some(value)) => {
                    self.query
                        .push(format!("{}={}", encode(name), encode(value)));
                }
                Pin::Field(name, value) => self.header(name, value),
            }
        }
    }

    fn content(
        &mut self,
        operation: &Operation,
        options: &GenerateOptions,
        wanted: Option<&MediaRange>,
        given: Option<&Value>,
    ) -> Vec<u8> {
        if given == Some(&Value::Null) {
            return Vec::new();
        }
        let offered = operation
            .compiled()
            .body
            .as_ref()
            .map(|body| body.content.as_slice())
            .unwrap_or_default();
        let asked =
            wanted.and_then(|wanted| offered.iter().find(|media| media.range.covers(wanted)));
        let json = || offered.iter().find(|media| media.range.is_json());
        let Some(media) = asked.or_else(json).or(offered.first()) else {
            return Vec::new();
        };
        let range = concrete(media);
        let is_parts = range.essence().starts_with("multipart/");
        let is_usable = |value: &Value| !is_parts || !value.is_string();
        let example = media
            .examples
            .iter()
            .find(|example| example.errors().is_empty() && is_usable(example.value()));
        let items = || {
            media
                .item
                .as_ref()
                .map(|item| generate::items(item, options).value)
        };
        let written = match (example, &media.schema) {
            _ if given.is_some() => {
                content::write(given.unwrap_or(&Value::Null), &range, Some(media))
            }
            (None, _) if media.item.is_some() => {
                content::write(&items().unwrap_or_default(), &range, Some(media))
            }
            (Some(example), _) => content::write(example.value(), &range, Some(media)),
            (None, Some(schema)) => {
                content::write(&generate(schema, options).value, &range, Some(media))
            }
            (None, None) if range.is_json() => {
                content::write(&Value::Object(Map::new()), &range, Some(media))
            }
            (None, None) => content::write(&Value::from("x"), &range, Some(media)),
        };
        match written
            .media
            .or_else(|| HeaderValue::from_str(range.as_str()).ok())
        {
            Some(media) if !written.bytes.is_empty() => self.headers.insert(CONTENT_TYPE, media),
            _ => None,
        };
        written.bytes.to_vec()
    }
}

/// Sets the media type and the status that a request asks for.
pub fn prefer(request: &mut Request, status: Option<http::StatusCode>, media: Option<&MediaRange>) {
    if let Some(value) = media.and_then(|media| HeaderValue::from_str(media.as_str()).ok()) {
        request.headers_mut().insert(ACCEPT, value);
    }
    if let Some(value) =
        status.and_then(|status| HeaderValue::from_str(&format!("code={}", status.as_u16())).ok())
    {
        request.headers_mut().insert("prefer", value);
    }
}

fn as_content(value: &Value, media: &MediaType) -> String {
    if media.range.is_json() {
        value.to_string()
    } else {
        plain(value)
    }
}

/// Returns the format in which a parameter writes an array, if its schema and not its style
/// defines it.
fn format(parameter: &Parameter) -> Option<CollectionFormat> {
    let schema = parameter.schema()?;
    CollectionFormat::of(schema, schema.tree())
}

/// Joins the inner lists of a value to texts, where the document defines their format.
fn flat(parameter: &Parameter, value: &Value) -> Value {
    let (Value::Array(items), Some(schema)) = (value, parameter.schema()) else {
        return value.clone();
    };
    let Some(item) = schema.items(schema.tree()) else {
        return value.clone();
    };
    items
        .iter()
        .map(|inner| CollectionFormat::join(schema, item, inner))
        .collect()
}

fn delimiter(style: Style) -> &'static str {
    match style {
        Style::SpaceDelimited => "%20",
        Style::PipeDelimited => "%7C",
        _ => ",",
    }
}

/// Joins the items or members of a value with a delimiter.
fn joined(
    value: &Value,
    explode: bool,
    delimiter: &str,
    encode: &dyn Fn(&str) -> String,
) -> String {
    let between = if explode { "=" } else { delimiter };
    match value {
        Value::Array(items) => items
            .iter()
            .map(|item| encode(&plain(item)))
            .collect::<Vec<_>>()
            .join(delimiter),
        Value::Object(object) => object
            .iter()
            .map(|(name, value)| format!("{}{between}{}", encode(name), encode(&plain(value))))
            .collect::<Vec<_>>()
            .join(delimiter),
        value => encode(&plain(value)),
    }
}

/// Writes a value as pairs of a query or of cookies.
fn pairs(name: &str, value: &Value, style: Style, explode: bool) -> Vec<String> {
    let pair = |name: &str, value: &Value| format!("{}={}", encode(name), encode(&plain(value)));
    match value {
        Value::Object(object) if style == Style::DeepObject => object
            .iter()
            .flat_map(|(key, value)| deep(&format!("{name}[{key}]"), value))
            .collect(),
        Value::Object(object) if explode => object
            .iter()
            .flat_map(|(key, value)| match value {
                Value::Array(items) => items.iter().map(|item| pair(key, item)).collect(),
                value => vec![pair(key, value)],
            })
            .collect(),
        Value::Array(items) if explode => items.iter().map(|item| pair(name, item)).collect(),
        Value::Array(_) | Value::Object(_) => {
            vec![format!(
                "{}={}",
                encode(name),
                joined(value, false, delimiter(style), &|text| encode(text))
            )]
        }
        value => vec![pair(name, value)],
    }
}

fn deep(name: &str, value: &Value) -> Vec<String> {
    match value {
        Value::Object(object) => object
            .iter()
            .flat_map(|(key, value)| deep(&format!("{name}[{key}]"), value))
            .collect(),
        Value::Array(items) => items
            .iter()
            .flat_map(|item| deep(&format!("{name}[]"), item))
            .collect(),
        value => vec![format!("{}={}", encode(name), encode(&plain(value)))],
    }
}

fn in_path(parameter: &Parameter, value: &Value) -> String {
    let ParameterForm::Styled { style, explode, .. } = &parameter.form else {
        return encode(&plain(value));
    };
    let (style, explode) = (*style, *explode);
    let value = &flat(parameter, value);
    let encode = |text: &str| encode(text);
    if let Some(format) = format(parameter).filter(|_| value.is_array()) {
        return joined(value, false, format.delimiter(true), &encode);
    }
    let text = match style {
        Style::Label => format!(
            ".{}",
            joined(value, explode, if explode { "." } else { "," }, &encode)
        ),
        Style::Matrix => match value {
            Value::Object(_) if explode => format!(";{}", joined(value, true, ";", &encode)),
            Value::Array(items) if explode => {
                let each = items
                    .iter()
                    .map(|item| format!(";{}={}", parameter.name, encode(&plain(item))));
                each.collect::<Vec<_>>().concat()
            }
            value => format!(";{}={}", parameter.name, joined(value, false, ",", &encode)),
        },
        _ => joined(value, explode, ",", &encode),
    };
    // An empty segment would be another path.
    if text.is_empty() {
        "x".to_owned()
    } else {
        text
    }
}
