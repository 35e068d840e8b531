//! What the API promises: plain data, immutable once compiled.
//!
//! How documents become a contract is in [`assembly`]; what a request makes of it is left to
//! `exchange`.

pub mod assembly;
pub mod compile;
pub mod example;
pub mod fixture;
pub mod inspect;
pub mod media;
pub mod merge;
pub mod outline;
pub mod overrule;
pub mod route;
mod samples;
pub mod sending;
pub mod server;
pub mod wording;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::Value;

use crate::contract::example::Example;
use crate::contract::fixture::Fixture;
use crate::contract::media::MediaRange;
use crate::contract::outline::Recipe;
use crate::contract::overrule::Overrule;
use crate::contract::route::{Routed, Router, Variant};
use crate::diagnostic::{Diagnostic, Place};
use crate::schema::{Direction, Schema, Schemas};

/// Everything that the loaded documents promise, as one API.
#[derive(Debug)]
pub struct Contract {
    /// In the order of the documents, and in each in the author's order.
    pub operations: Vec<Operation>,
    /// The documents, in the order in which they were given.
    pub documents: Vec<Arc<Schemas>>,
    /// What was found while loading; [`inspect`] finds more.
    pub diagnostics: Vec<Diagnostic>,
    /// Files in folders that are no OpenAPI documents.
    pub passed_over: usize,
    router: Router,
    /// Operations that share their method and path with the first of them.
    variants: HashMap<usize, Vec<usize>>,
    /// Schemas that fixtures name, by document and pointer, compiled when first needed.
    named: Mutex<HashMap<(usize, String), Arc<Schema>>>,
}

impl Contract {
    /// The operations that share their method and path with the one that was routed to, itself
    /// among them; none if it is the only one.
    #[must_use]
    pub fn variants(&self, index: usize) -> &[usize] {
        self.variants.get(&index).map(Vec::as_slice).unwrap_or_default()
    }

    /// The schema at a pointer of a document, as responses have it: `/components/schemas/Pet`. Each is compiled once;
    /// there are as many as fixtures name. `None` if nothing is there.
    #[must_use]
    pub fn schema_at(&self, document: usize, pointer: &str) -> Option<Arc<Schema>> {
        let schemas = &self.documents[document];
        schemas.tree().pointer(pointer)?;
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let schema = named
            .entry((document, pointer.to_owned()))
            .or_insert_with(|| Arc::new(Schema::new(schemas, pointer.to_owned(), Direction::Response)));
        Some(Arc::clone(schema))
    }

    /// The methods that any path of the documents has, in the order documented.
    #[must_use]
    pub fn methods(&self) -> Vec<Method> {
        let mut methods: Vec<Method> = Vec::new();
        for operation in &self.operations {
            if !methods.contains(&operation.method) {
                methods.push(operation.method.clone());
            }
        }
        methods
    }

    /// Finds the operation for a method and a path.
    #[must_use]
    pub fn route(&self, method: &Method, path: &str) -> Routed {
        self.router.route(method, path)
    }

    /// The operation that a fixture or a person calls by its `operationId` or by `METHOD /path`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        let by_id = self.operations.iter().position(|operation| operation.id.as_deref() == Some(name));
        by_id.or_else(|| {
            let (method, path) = name.split_once(' ')?;
            self.operations.iter().position(|operation| {
                operation.method.as_str().eq_ignore_ascii_case(method) && operation.path_key() == path.trim()
            })
        })
    }
}

impl Contract {
    /// The operation whose `operationId` or `METHOD /path` is most like a name that none has.
    #[must_use]
    pub fn nearest_operation(&self, name: &str) -> Option<String> {
        let names =
            self.operations.iter().flat_map(|o| [o.name().to_string(), format!("{} {}", o.method, o.path_key())]);
        let scored = names.map(|candidate| (strsim::jaro_winkler(&candidate, name), candidate));
        let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
        (best.0 > 0.8).then_some(best.1)
    }
}

/// One method of one path template.
#[derive(Debug)]
pub struct Operation {
    /// `POST`.
    pub method: Method,
    /// As documented: `/pets/{id}`.
    pub template: String,
    /// What its path key has beyond the path.
    pub variant: Option<Variant>,
    /// Its `operationId`.
    pub id: Option<String>,
    /// Which of [`Contract::documents`] it stands in.
    pub document: usize,
    /// Where it stands.
    pub place: Place,
    /// What the user supplied to answer with; the first whose condition holds is taken.
    pub fixtures: Vec<Fixture>,
    /// What the user says of its errors; the first that says something is taken.
    pub overrules: Vec<Arc<Overrule>>,
    /// The base paths of its servers, such as `/v1`; without the empty one.
    pub bases: Arc<[String]>,
    /// How its terms are compiled.
    recipe: Recipe,
    terms: OnceLock<Terms>,
    /// Its name, if it has no `operationId`.
    name: OnceLock<Box<str>>,
}

/// What an operation asks for and promises. An [`Operation`] derefs to it, and it is compiled when that
/// happens first: a large document has a thousand of them, and most are never asked for.
#[derive(Debug, Default)]
pub struct Terms {
    /// Whether it is marked as `deprecated`.
    pub deprecated: bool,
    /// Its summary and the beginning of its description, for what they say of what it does.
    pub said: String,
    /// The names of the expressions of the path template, from left to right.
    pub path_names: Vec<String>,
    /// Parameters of the operation and of its path item, in the order documented.
    pub parameters: Vec<Arc<Parameter>>,
    /// Schemas of the header parameters `accept` and `content-type`, by these names: OpenAPI has them ignored as
    /// parameters, but whoever documents them means their values.
    pub negotiated: Vec<(&'static str, Arc<Schema>)>,
    /// What the request may or must carry.
    pub body: Option<RequestBody>,
    /// In the order documented; a response of `components` is shared by all that refer to it.
    pub responses: Vec<(StatusPattern, Arc<Response>)>,
    /// One of these must be met; no requirement at all if empty.
    pub security: Vec<SecurityRequirement>,
    /// What is not known of it and so allows anything, in sentences: `reference … does not resolve`.
    pub unknown: Vec<String>,
    /// What was found while compiling it.
    pub diagnostics: Vec<Diagnostic>,
}

impl std::ops::Deref for Operation {
    type Target = Terms;

    fn deref(&self) -> &Terms {
        self.terms.get_or_init(|| self.recipe.compile(self))
    }
}

impl Operation {
    /// `post-contacts`, or `POST /contacts` if it has no `operationId`.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.id {
            Some(id) => id,
            None => self.name.get_or_init(|| format!("{} {}", self.method, self.path_key()).into()),
        }
    }

    /// The path template with what its key has beyond it: `/v1/messages?beta=true`.
    #[must_use]
    pub fn path_key(&self) -> String {
        format!("{}{}", self.template, self.variant.as_ref().map(|variant| variant.text.as_str()).unwrap_or_default())
    }

    /// Whether a value of `accept` or `content-type` is one that a parameter of this name documents.
    #[must_use]
    pub fn documents_field(&self, name: &str, value: &str) -> bool {
        let mut schemas = self.negotiated.iter().filter(|(there, _)| *there == name);
        schemas.any(|(_, schema)| schema.is_valid(&Value::from(value)) == Ok(true))
    }

    /// The response documented for a status: the status itself, else its range, else `default`.
    #[must_use]
    pub fn response(&self, status: StatusCode) -> Option<&Response> {
        let covering = self.responses.iter().filter(|(pattern, _)| pattern.covers(status));
        covering.min_by_key(|(pattern, _)| *pattern).map(|(_, response)| &**response)
    }

    /// The response of a success and its status: the lowest 2xx (`2XX` is 200), else the lowest 3xx,
    /// else `default` as 200, else a 1xx. None where only errors are documented.
    #[must_use]
    pub fn success(&self) -> Option<(StatusCode, &Response)> {
        let success = self.responses.iter().filter_map(|(pattern, response)| match pattern {
            StatusPattern::Exact(status) if status.is_success() => Some((*status, pattern, response)),
            StatusPattern::Range(2) => Some((StatusCode::OK, pattern, response)),
            _ => None,
        });
        let success = success.min_by_key(|(status, pattern, _)| (*status, **pattern));
        let redirections = self.responses.iter().filter(|(pattern, _)| pattern.status().is_redirection());
        let redirection = || redirections.min_by_key(|(pattern, _)| (pattern.status(), *pattern));
        success
            .map(|(status, _, response)| (status, &**response))
            .or_else(|| redirection().map(|(pattern, response)| (pattern.status(), &**response)))
            .or_else(|| Some((StatusCode::OK, self.response_at(StatusPattern::Default)?)))
            .or_else(|| {
                let (pattern, response) =
                    self.responses.iter().find(|(pattern, _)| pattern.status().is_informational())?;
                Some((pattern.status(), &**response))
            })
    }

    /// The status of a success that no response documents: 204 beside documented errors, since a client that
    /// reads content would have none described.
    #[must_use]
    pub fn undocumented_success(&self) -> StatusCode {
        if self.responses.is_empty() { StatusCode::OK } else { StatusCode::NO_CONTENT }
    }

    /// The response documented under exactly this key.
    #[must_use]
    pub fn response_at(&self, pattern: StatusPattern) -> Option<&Response> {
        self.responses.iter().find(|(there, _)| *there == pattern).map(|(_, response)| &**response)
    }
}

/// Where a parameter is (OpenAPI `in`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Location {
    /// In the path template.
    Path,
    /// In the query.
    Query,
    /// A header field; names in any case.
    Header,
    /// In `Cookie`.
    Cookie,
}

impl Location {
    /// The word of the standard: `path`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
        }
    }
}

/// How a parameter's value is written (OpenAPI 3.0.4 §4.7.12.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `;id=5`
    Matrix,
    /// `.5`
    Label,
    /// `5`
    Simple,
    /// `id=5`
    Form,
    /// `id=3%204`
    SpaceDelimited,
    /// `id=3|4`
    PipeDelimited,
    /// `id[a]=3`
    DeepObject,
}

/// A parameter of an operation.
#[derive(Debug)]
pub struct Parameter {
    /// As documented: `X-Request-Id`.
    pub name: String,
    /// Where it is.
    pub location: Location,
    /// The documented description, of parameters of the query; lists are paged and filtered by what it says.
    pub description: Option<Box<str>>,
    /// Whether a request without it is wrong; path parameters always are.
    pub required: bool,
    /// Whether an empty value passes for any schema (`allowEmptyValue`).
    pub allow_empty: bool,
    /// Whether its name says that it carries credentials: `X-Auth-Token`.
    pub carries_credentials: bool,
    /// How its text is read.
    pub form: ParameterForm,
    /// The documented examples, named.
    pub examples: Vec<Example>,
}

impl Parameter {
    /// The schema of its value.
    #[must_use]
    pub fn schema(&self) -> Option<&Arc<Schema>> {
        match &self.form {
            ParameterForm::Styled { schema, .. } => Some(schema),
            ParameterForm::Content(media) | ParameterForm::Query(media) => media.schema.as_ref(),
        }
    }
}

/// How a parameter's text becomes a value.
#[derive(Debug)]
pub enum ParameterForm {
    /// By `style` and `explode`.
    Styled {
        /// How its parts are delimited.
        style: Style,
        /// Whether its parts are parameters of their own.
        explode: bool,
        /// What its value must fit.
        schema: Arc<Schema>,
    },
    /// As content of a media type.
    Content(Box<MediaType>),
    /// As content that is the whole query (`in: querystring`).
    Query(Box<MediaType>),
}

/// What a request may carry.
#[derive(Debug)]
pub struct RequestBody {
    /// Whether a request without it is wrong.
    pub required: bool,
    /// In the order documented.
    pub content: Vec<MediaType>,
}

/// One entry of `content`.
#[derive(Debug)]
pub struct MediaType {
    /// The key: a media type or range.
    pub range: MediaRange,
    /// What its values must fit.
    pub schema: Option<Arc<Schema>>,
    /// What each item of a sequential media type must fit (`itemSchema`).
    pub item: Option<Arc<Schema>>,
    /// `examples` or `example`, else the schema's own.
    pub examples: Vec<Example>,
    /// How properties of a form or multipart body are written, by name.
    pub encoding: Vec<(String, Encoding)>,
    /// What was generated for it, once it was needed.
    pub generated: Kept,
}

impl MediaType {
    /// Returns whether its schema is that of an object or a list, and of nothing else.
    #[must_use]
    pub fn is_structured(&self) -> bool {
        let types = self.schema.as_ref().map(|schema| schema.own_types()).unwrap_or_default();
        !types.is_empty() && types.iter().all(|name| matches!(*name, "object" | "array"))
    }

    /// Returns whether its content is JSON: by its name, or because it is a vendor's type, which says nothing of
    /// its form, and has a schema that is an object or a list.
    #[must_use]
    pub fn is_json(&self) -> bool {
        const KNOWN: [&str; 7] = ["csv", "yaml", "x-yaml", "x-www-form-urlencoded", "octet-stream", "pdf", "zip"];
        let (main, subtype) = self.range.essence().split_once('/').unwrap_or_default();
        let is_vendors = || {
            matches!(main, "application" | "text")
                && !KNOWN.contains(&subtype)
                && !self.range.is_xml()
                && self.range.sequence().is_none()
        };
        self.range.is_json() || is_vendors() && self.is_structured()
    }
}

/// Content as it is sent.
#[derive(Debug, Clone, Default)]
pub struct Written {
    /// All of it.
    pub bytes: Bytes,
    /// Where each item ends, for content that is sent item by item; empty for any other.
    pub ends: Arc<[usize]>,
    /// The media type, where it takes a parameter that no document has (`boundary`).
    pub media: Option<HeaderValue>,
    /// Whether there was a value that cannot be written in the media type.
    pub is_lost: bool,
}

/// Generated content, kept because the same seed would make it again.
#[derive(Debug, Clone)]
pub struct Generated {
    /// What is sent.
    pub written: Written,
    /// Whether it fits the schema.
    pub fits: bool,
}

/// The generated contents of one media type, by the seed and what else they were made for.
#[derive(Debug, Default)]
pub struct Kept(RwLock<HashMap<(u64, u64), Generated>>);

impl Kept {
    /// How many are kept; others are made again for each request.
    const MOST: usize = 64;

    /// What is kept for the key, else what is made now.
    pub fn get_or_make(&self, key: (u64, u64), make: impl FnOnce() -> Generated) -> Generated {
        // What was kept is whole even if somebody panicked beside it.
        let read = || self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = read().get(&key) {
            return kept.clone();
        }
        let made = make();
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < Self::MOST {
            kept.insert(key, made.clone());
        }
        made
    }
}

/// What is made once for each key, when it is first needed, and kept as long as the contract.
#[derive(Debug)]
pub struct Memo<V>(RwLock<HashMap<(usize, usize), Arc<V>>>);

impl<V> Default for Memo<V> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<V> Memo<V> {
    /// What is there for the key, else what is made now.
    pub fn get_or_make(&self, key: (usize, usize), make: impl FnOnce() -> V) -> Arc<V> {
        // What was kept is whole even if somebody panicked beside it.
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Arc::clone(known);
        }
        let made = Arc::new(make());
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(key).or_insert(made))
    }
}

/// How one property of a form or multipart body is written.
#[derive(Debug)]
pub struct Encoding {
    /// How it is written, in forms.
    pub style: Style,
    /// Whether its items are repeated.
    pub explode: bool,
    /// The media types that its part may have; any if empty.
    pub content_types: Vec<MediaRange>,
    /// The header fields that its part has, and whether it must.
    pub headers: Vec<PartHeader>,
}

/// A header field of a part of a multipart body.
#[derive(Debug)]
pub struct PartHeader {
    /// Its name in lower case.
    pub name: String,
    /// Whether a part without it is wrong.
    pub required: bool,
    /// What its value must fit.
    pub schema: Option<Arc<Schema>>,
}

/// The statuses that a response is documented for; exact ones go before ranges, ranges before the
/// default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusPattern {
    /// `404`.
    Exact(StatusCode),
    /// `4XX`, as 4.
    Range(u16),
    /// `default`.
    Default,
}

impl StatusPattern {
    /// Reads a key of `responses`: `404`, `4XX` in any case, `default`; none if it is none of them.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        match key.as_bytes() {
            b"default" => Some(Self::Default),
            [hundreds @ b'1'..=b'5', b'x' | b'X', b'x' | b'X'] => Some(Self::Range(u16::from(hundreds - b'0'))),
            [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'] => StatusCode::from_bytes(key.as_bytes()).ok().map(Self::Exact),
            _ => None,
        }
    }

    /// The status to send for it when nothing says another: 400 for `4XX`, 200 for `default`.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Exact(status) => status,
            Self::Range(hundreds) => StatusCode::from_u16(hundreds * 100).unwrap_or(StatusCode::OK),
            Self::Default => StatusCode::OK,
        }
    }

    /// Whether a status falls under it.
    #[must_use]
    pub fn covers(self, status: StatusCode) -> bool {
        match self {
            Self::Exact(exact) => exact == status,
            Self::Range(hundreds) => status.as_u16() / 100 == hundreds,
            Self::Default => true,
        }
    }
}

impl std::fmt::Display for StatusPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact(status) => write!(f, "{}", status.as_u16()),
            Self::Range(hundreds) => write!(f, "{hundreds}XX"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A documented response.
#[derive(Debug)]
pub struct Response {
    /// In the order documented.
    pub headers: Vec<ResponseHeader>,
    /// In the order documented.
    pub content: Vec<MediaType>,
}

/// A documented header of a response.
#[derive(Debug)]
pub struct ResponseHeader {
    /// Its name in lower case.
    pub name: HeaderName,
    /// Whether an object is written `a=1,b=2` and not `a,1,b,2`.
    pub explode: bool,
    /// What its value must fit.
    pub schema: Option<Arc<Schema>>,
    /// The documented examples.
    pub examples: Vec<Example>,
    /// The lines that are sent, once they were needed; none if no value can be one.
    pub lines: OnceLock<Vec<HeaderValue>>,
}

/// Schemes that must all be met together; none for a requirement that is always met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityRequirement {
    /// All of them must be met.
    pub schemes: Vec<SecurityScheme>,
}

/// A way to show credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecurityScheme {
    /// A key in a header, query parameter or cookie.
    ApiKey {
        /// Header, query or cookie.
        location: Location,
        /// `X-Api-Key`
        name: String,
    },
    /// `Authorization` with a scheme of RFC 9110 §11, in lower case: `basic`, `bearer`, `digest`.
    Http {
        /// `basic`; empty for a scheme that the document does not define.
        scheme: String,
    },
    /// OAuth 2.0 and OpenID Connect: a bearer token.
    Token,
    /// Something that is not in the request, such as a client certificate.
    OutOfBand,
}
