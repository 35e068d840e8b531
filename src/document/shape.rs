//! Field tables of the objects of an OpenAPI document: their fields and the expected values.
//!
//! They follow OpenAPI 3.0.4 and 3.1.1 §4 and JSON Schema 2020-12, with the new fields of OpenAPI
//! 3.2.0. Documents that do not conform to them are left to `repair`, `upgrade` and `reference`.
use serde_json::Value;

use crate::document::syntax::{push, unescape};

/// An object of the OpenAPI Specification; each variant has the name of the object there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ObjectKind {
    Document,
    Info,
    Server,
    ServerVariable,
    Paths,
    PathItem,
    Operation,
    Parameter,
    RequestBody,
    MediaType,
    Encoding,
    Responses,
    Response,
    Header,
    Example,
    Callback,
    Components,
    SecurityScheme,
    SecurityRequirement,
    Schema,
}

/// Expected value of a field.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expect {
    /// Any JSON value.
    Anything,
    /// A string.
    Text,
    /// A word from the list in the standard.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Boolean,
    /// Any number.
    Number,
    /// A whole number that is not negative, such as `maxLength`.
    Count,
    /// A list of strings.
    Texts,
    /// A list of any values that is not empty, such as `enum`.
    Values,
    /// An object of the standard.
    Object(ObjectKind),
    /// A list of objects of the standard.
    List(ObjectKind),
    /// A map from names to objects of the standard.
    Map(ObjectKind),
}
use Expect::{Anything, Boolean, Count, List, Map, Number, Object, Text, Texts, Values, Word};

/// Members that an object may have.
#[derive(Clone, Copy)]
pub(crate) enum Members {
    /// Fields with fixed names; others are extensions or unknown and pass.
    Fields(&'static [(&'static str, Expect)]),
    /// Any names, with one kind of value: path templates, status codes, expressions.
    Each(Expect),
}

impl ObjectKind {
    /// Returns the object's name in the standard, such as `Path Item`.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Document => "OpenAPI",
            Self::Info => "Info",
            Self::Server => "Server",
            Self::ServerVariable => "Server Variable",
            Self::Paths => "Paths",
            Self::PathItem => "Path Item",
            Self::Operation => "Operation",
            Self::Parameter => "Parameter",
            Self::RequestBody => "Request Body",
            Self::MediaType => "Media Type",
            Self::Encoding => "Encoding",
            Self::Responses => "Responses",
            Self::Response => "Response",
            Self::Header => "Header",
            Self::Example => "Example",
            Self::Callback => "Callback",
            Self::Components => "Components",
            Self::SecurityScheme => "Security Scheme",
            Self::SecurityRequirement => "Security Requirement",
            Self::Schema => "Schema",
        }
    }

    /// Returns the members of objects of this kind.
    #[must_use]
    pub(crate) fn members(self) -> Members {
        let fields: &'static [(&'static str, Expect)] = match self {
            Self::Paths | Self::Callback => return Members::Each(Object(Self::PathItem)),
            Self::Responses => return Members::Each(Object(Self::Response)),
            Self::SecurityRequirement => return Members::Each(Texts),
            Self::Document => DOCUMENT,
            Self::Info => &[("title", Text), ("version", Text), ("description", Text)],
            Self::Server => &[("url", Text), ("variables", Map(Self::ServerVariable))],
            Self::ServerVariable => &[("default", Text), ("enum", Texts), ("description", Text)],
            Self::PathItem => PATH_ITEM,
            Self::Operation => OPERATION,
            Self::Parameter => PARAMETER,
            Self::RequestBody => &[
                ("description", Text),
                ("content", Map(Self::MediaType)),
                ("required", Boolean),
            ],
            Self::MediaType => MEDIA_TYPE,
            Self::Encoding => ENCODING,
            Self::Response => &[
                ("description", Text),
                ("headers", Map(Self::Header)),
                ("content", Map(Self::MediaType)),
            ],
            Self::Header => HEADER,
            Self::Example => &[
                ("summary", Text),
                ("description", Text),
                ("externalValue", Text),
            ],
            Self::Components => COMPONENTS,
            Self::SecurityScheme => SECURITY_SCHEME,
            Self::Schema => SCHEMA,
        };
        Members::Fields(fields)
    }

    /// Returns true if a Reference Object is allowed in its place.
    #[must_use]
    pub(crate) fn may_be_reference(self) -> bool {
        !matches!(
            self,
            Self::Document
                | Self::Info
                | Self::Server
                | Self::ServerVariable
                | Self::Paths
                | Self::Operation
                | Self::Encoding
                | Self::Responses
                | Self::Components
                | Self::SecurityRequirement
        )
    }
}

const DOCUMENT: &[(&str, Expect)] = &[
    ("info", Object(ObjectKind::Info)),
    ("servers", List(ObjectKind::Server)),
    ("paths", Object(ObjectKind::Paths)),
    ("webhooks", Map(ObjectKind::PathItem)),
    ("components", Object(ObjectKind::Components)),
    ("security", List(ObjectKind::SecurityRequirement)),
];

/// The methods that a Path Item Object has fields for (OpenAPI 3.2.0 §4.9).
pub(crate) const METHODS: [&str; 9] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace", "query",
];

const PATH_ITEM: &[(&str, Expect)] = &[
    ("servers", List(ObjectKind::Server)),
    ("parameters", List(ObjectKind::Parameter)),
    ("get", Object(ObjectKind::Operation)),
    ("put", Object(ObjectKind::Operation)),
    ("post", Object(ObjectKind::Operation)),
    ("delete", Object(ObjectKind::Operation)),
    ("options", Object(ObjectKind::Operation)),
    ("head", Object(ObjectKind::Operation)),
    ("patch", Object(ObjectKind::Operation)),
    ("trace", Object(ObjectKind::Operation)),
    ("query", Object(ObjectKind::Operation)),
    ("additionalOperations", Map(ObjectKind::Operation)),
];

const OPERATION: &[(&str, Expect)] = &[
    ("tags", Texts),
    ("summary", Text),
    ("description", Text),
    ("operationId", Text),
    ("parameters", List(ObjectKind::Parameter)),
    ("requestBody", Object(ObjectKind::RequestBody)),
    ("responses", Object(ObjectKind::Responses)),
    ("callbacks", Map(ObjectKind::Callback)),
    ("deprecated", Boolean),
    ("security", List(ObjectKind::SecurityRequirement)),
    ("servers", List(ObjectKind::Server)),
];

/// The values of `style` (OpenAPI 3.0.4 §4.7.12.2.2).
const STYLES: &[&str] = &[
    "matrix",
    "label",
    "form",
    "simple",
    "spaceDelimited",
    "pipeDelimited",
    "deepObject",
    "cookie",
];

const PARAMETER: &[(&str, Expect)] = &[
    ("name", Text),
    (
        "in",
        Word(&["path", "query", "header", "cookie", "querystring"]),
    ),
    ("description", Text),
    ("required", Boolean),
    ("deprecated", Boolean),
    ("allowEmptyValue", Boolean),
    ("style", Word(STYLES)),
    ("explode", Boolean),
    ("allowReserved", Boolean),
    ("schema", Object(ObjectKind::Schema)),
    ("examples", Map(ObjectKind::Example)),
    ("content", Map(ObjectKind::MediaType)),
];

const HEADER: &[(&str, Expect)] = &[
    ("description", Text),
    ("required", Boolean),
    ("deprecated", Boolean),
    ("style", Word(&["simple"])),
    ("explode", Boolean),
    ("schema", Object(ObjectKind::Schema)),
    ("examples", Map(ObjectKind::Example)),
    ("content", Map(ObjectKind::MediaType)),
];

const MEDIA_TYPE: &[(&str, Expect)] = &[
    ("schema", Object(ObjectKind::Schema)),
    ("itemSchema", Object(ObjectKind::Schema)),
    ("examples", Map(ObjectKind::Example)),
    ("encoding", Map(ObjectKind::Encoding)),
];

const ENCODING: &[(&str, Expect)] = &[
    ("contentType", Text),
    ("headers", Map(ObjectKind::Header)),
    (
        "style",
        Word(&["form", "spaceDelimited", "pipeDelimited", "deepObject"]),
    ),
    ("explode", Boolean),
    ("allowReserved", Boolean),
];

const COMPONENTS: &[(&str, Expect)] = &[
    ("schemas", Map(ObjectKind::Schema)),
    ("responses", Map(ObjectKind::Response)),
    ("parameters", Map(ObjectKind::Parameter)),
    ("examples", Map(ObjectKind::Example)),
    ("requestBodies", Map(ObjectKind::RequestBody)),
    ("headers", Map(ObjectKind::Header)),
    ("securitySchemes", Map(ObjectKind::SecurityScheme)),
    ("callbacks", Map(ObjectKind::Callback)),
    ("pathItems", Map(ObjectKind::PathItem)),
    ("mediaTypes", Map(ObjectKind::MediaType)),
];

const SECURITY_SCHEME: &[(&str, Expect)] = &[
    (
        "type",
        Word(&["apiKey", "http", "oauth2", "openIdConnect", "mutualTLS"]),
    ),
    ("name", Text),
    ("in", Word(&["query", "header", "cookie"])),
    ("scheme", Text),
    ("bearerFormat", Text),
    ("openIdConnectUrl", Text),
    ("description", Text),
];

/// Fields of a Schema Object; the most frequent come first, because the list is searched from its
/// start.
const SCHEMA: &[(&str, Expect)] = &[
    ("type", Anything),
    ("description", Text),
    ("$ref", Anything),
    ("properties", Map(ObjectKind::Schema)),
    ("example", Anything),
    ("items", Object(ObjectKind::Schema)),
    ("required", Texts),
    ("format", Text),
    ("enum", Values),
    ("nullable", Boolean),
    ("examples", Anything),
    ("default", Anything),
    ("allOf", List(ObjectKind::Schema)),
    ("anyOf", List(ObjectKind::Schema)),
    ("oneOf", List(ObjectKind::Schema)),
    ("title", Text),
    ("pattern", Text),
    ("minimum", Number),
    ("maximum", Number),
    ("exclusiveMinimum", Anything),
    ("exclusiveMaximum", Anything),
    ("multipleOf", Number),
    ("minLength", Count),
    ("maxLength", Count),
    ("minItems", Count),
    ("maxItems", Count),
    ("minProperties", Count),
    ("maxProperties", Count),
    ("minContains", Count),
    ("maxContains", Count),
    ("uniqueItems", Boolean),
    ("readOnly", Boolean),
    ("writeOnly", Boolean),
    ("deprecated", Boolean),
    ("patternProperties", Map(ObjectKind::Schema)),
    ("additionalProperties", Object(ObjectKind::Schema)),
    ("prefixItems", List(ObjectKind::Schema)),
    ("contains", Object(ObjectKind::Schema)),
    ("not", Object(ObjectKind::Schema)),
    ("if", Object(ObjectKind::Schema)),
    ("then", Object(ObjectKind::Schema)),
    ("else", Object(ObjectKind::Schema)),
    ("propertyNames", Object(ObjectKind::Schema)),
    ("dependentSchemas", Map(ObjectKind::Schema)),
    ("unevaluatedItems", Object(ObjectKind::Schema)),
    ("unevaluatedProperties", Object(ObjectKind::Schema)),
    ("contentSchema", Object(ObjectKind::Schema)),
    ("$defs", Map(ObjectKind::Schema)),
];

/// Visits every object of the document below and including `value`, innermost first.
///
/// `visit` gets the kind of the object, the object, and its JSON Pointer. Examples, defaults and
/// extensions are data and not visited.
pub(crate) fn each_object(
    kind: ObjectKind,
    value: &mut Value,
    pointer: &str,
    visit: &mut dyn FnMut(ObjectKind, &mut Value, &str),
) {
    // Share one buffer among all pointers: a large document has hundreds of thousands of them.
    each_below(kind, value, &mut pointer.to_owned(), visit);
}

fn each_below(
    kind: ObjectKind,
    value: &mut Value,
    at: &mut String,
    visit: &mut dyn FnMut(ObjectKind, &mut Value, &str),
) {
    let members = kind.members();
    for (name, member) in value.as_object_mut().into_iter().flatten() {
        let expect = match members {
            Members::Fields(_)
                if !member.is_object() && !member.is_array() && !member.is_boolean() =>
            {
                None
            }
            Members::Fields(fields) => field(fields, name),
            Members::Each(_) if name.starts_with("x-") => None,
            Members::Each(expect) => Some(expect),
        };
        if let Some(expect) = expect {
            let length = push(at, name);
            each_expected(expect, member, at, visit);
            at.truncate(length);
        }
    }
    visit(kind, value, at);
}

/// Returns true if the standard has a place for the value at `pointer`, so that [`each_object`]
/// visits it.
#[must_use]
pub(crate) fn is_known(pointer: &str) -> bool {
    let mut expect = Object(ObjectKind::Document);
    for segment in pointer.split('/').skip(1) {
        let name = unescape(segment);
        let inner = match expect {
            Object(kind) => match kind.members() {
                Members::Fields(fields) => field(fields, &name),
                Members::Each(_) if name.starts_with("x-") => None,
                Members::Each(expect) => Some(expect),
            },
            List(kind) | Map(kind) => Some(Object(kind)),
            _ => None,
        };
        let Some(inner) = inner else { return false };
        expect = inner;
    }
    true
}

/// Returns the expected value of the field `name`, if the table has it.
#[must_use]
pub(crate) fn field(fields: &'static [(&'static str, Expect)], name: &str) -> Option<Expect> {
    fields
        .iter()
        .find(|(field, _)| *field == name)
        .map(|(_, expect)| *expect)
}

fn each_expected(
    expect: Expect,
    value: &mut Value,
    at: &mut String,
    visit: &mut dyn FnMut(ObjectKind, &mut Value, &str),
) {
    match expect {
        Object(kind) => each_below(kind, value, at, visit),
        List(kind) => {
            for (index, item) in value.as_array_mut().into_iter().flatten().enumerate() {
                let length = push(at, &index.to_string());
                each_below(kind, item, at, visit);
                at.truncate(length);
            }
        }
        Map(kind) => {
            for (name, member) in value.as_object_mut().into_iter().flatten() {
                let length = push(at, name);
                each_below(kind, member, at, visit);
                at.truncate(length);
            }
        }
        _ => {}
    }
}
