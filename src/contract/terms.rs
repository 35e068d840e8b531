//! Compiled part of one operation: parameters, bodies, responses, security.
//!
//! `compile` builds them; validation, generation and codecs read them.
use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use http::{HeaderName, HeaderValue, StatusCode};

use crate::contract::example::Example;
use crate::contract::media::{MediaRange, Written};
use crate::diagnostic::Diagnostic;
use crate::schema::Schema;

/// Compiled part of an operation: its documented inputs, responses and security. An
/// [`Operation`](crate::contract::Operation) compiles it on first use (`operation.compiled()`),
/// because a large document has a thousand operations, most of which are never called.
#[derive(Debug, Default)]
pub struct CompiledOperation {
    /// Value of `deprecated`.
    pub deprecated: bool,
    /// Summary and beginning of the description, from which the purpose of the operation is
    /// inferred.
    pub said: String,
    /// Names of the expressions of the path template, from left to right.
    pub path_names: Vec<String>,
    /// Parameters of the operation and of its path item, in the order documented.
    pub parameters: Vec<Arc<Parameter>>,
    /// Schemas of the header parameters `accept` and `content-type`, by these names. OpenAPI
    /// ignores such parameters, but documents that have them intend to allow their values.
    pub negotiated: Vec<(&'static str, Arc<Schema>)>,
    /// Request body, if one is documented.
    pub body: Option<RequestBody>,
    /// Responses in the order documented; a response of `components` is shared by all references
    /// to it.
    pub responses: Vec<(StatusPattern, Arc<DocumentedResponse>)>,
    /// Alternative requirements, one of which must be met; none is required if empty.
    pub security: Vec<SecurityRequirement>,
    /// Sentences about parts that are unknown and so allow anything:
    /// `reference … does not resolve`.
    pub unknown: Vec<String>,
    /// Diagnostics from compiling the operation.
    pub diagnostics: Vec<Diagnostic>,
}

/// Location of a parameter (OpenAPI `in`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Location {
    /// The path template.
    Path,
    /// The query.
    Query,
    /// A header field; names are case-insensitive.
    Header,
    /// The `Cookie` header field.
    Cookie,
}

impl Location {
    /// Returns the word of the standard: `path`.
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

/// Style of a parameter's value (OpenAPI 3.0.4 §4.7.12.2.2).
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
    /// Name as documented: `X-Request-Id`.
    pub name: String,
    /// Location in the request.
    pub location: Location,
    /// Description of a query or path parameter, from which paging, filtering and keys are
    /// inferred; `None` for other locations.
    pub description: Option<Box<str>>,
    /// True if a request without it is invalid; always true for path parameters.
    pub required: bool,
    /// True if an empty value is valid for any schema (`allowEmptyValue`).
    pub allow_empty: bool,
    /// True if its name suggests credentials: `X-Auth-Token`.
    pub carries_credentials: bool,
    /// Serialization of the value.
    pub form: ParameterForm,
    /// Documented examples, with their names.
    pub examples: Vec<Example>,
}

impl Parameter {
    /// Returns the schema of its value.
    #[must_use]
    pub fn schema(&self) -> Option<&Arc<Schema>> {
        match &self.form {
            ParameterForm::Styled { schema, .. } => Some(schema),
            ParameterForm::Content(media) | ParameterForm::Query(media) => media.schema.as_ref(),
        }
    }
}

/// Serialization of a parameter's value.
#[derive(Debug)]
pub enum ParameterForm {
    /// Serialization by `style` and `explode`.
    Styled {
        /// Delimiters of the parts.
        style: Style,
        /// True if each item or member is written separately (`explode`).
        explode: bool,
        /// Schema of the value.
        schema: Arc<Schema>,
    },
    /// Content of a media type.
    Content(Box<MediaType>),
    /// Content that is the whole query (`in: querystring`).
    Query(Box<MediaType>),
}

/// Documented body of a request.
#[derive(Debug)]
pub struct RequestBody {
    /// True if a request without a body is invalid.
    pub required: bool,
    /// Media types in the order documented.
    pub content: Vec<MediaType>,
}

/// One entry of `content`.
#[derive(Debug)]
pub struct MediaType {
    /// Key of the entry: a media type or range.
    pub range: MediaRange,
    /// Schema of the content.
    pub schema: Option<Arc<Schema>>,
    /// Schema of each item of a sequential media type (`itemSchema`).
    pub item: Option<Arc<Schema>>,
    /// Documented `examples` or `example`, else those of the schema.
    pub examples: Vec<Example>,
    /// Encoding Objects of the properties of a form or multipart body, by name.
    pub encoding: Vec<(String, Encoding)>,
    /// Cache of generated content.
    pub generated: GeneratedCache,
}

impl MediaType {
    /// Returns true if its schema allows objects or lists, and nothing else.
    #[must_use]
    pub fn is_structured(&self) -> bool {
        let types = self
            .schema
            .as_ref()
            .map(|schema| schema.own_types())
            .unwrap_or_default();
        !types.is_empty() && types.iter().all(|name| matches!(*name, "object" | "array"))
    }

    /// Returns true if the content is JSON: by its name, or because it is a vendor's type, whose
    /// name does not say the format, and its schema is an object or a list.
    #[must_use]
    pub fn is_json(&self) -> bool {
        const KNOWN: [&str; 7] = [
            "csv",
            "yaml",
            "x-yaml",
            "x-www-form-urlencoded",
            "octet-stream",
            "pdf",
            "zip",
        ];
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

/// Generated content, cached because the same seed generates it again.
#[derive(Debug, Clone)]
pub struct GeneratedContent {
    /// Serialized content.
    pub written: Written,
    /// True if the value fits the schema.
    pub fits: bool,
}

/// Generated contents of one media type, by the seed and a fingerprint of the other inputs.
#[derive(Debug, Default)]
pub struct GeneratedCache(RwLock<HashMap<(u64, u64), GeneratedContent>>);

impl GeneratedCache {
    /// Maximum number of cached contents; others are generated for each request.
    const MOST: usize = 64;

    /// Returns the cached content for a key; otherwise generates it, and caches it if there is
    /// room.
    pub fn get_or_make(
        &self,
        key: (u64, u64),
        make: impl FnOnce() -> GeneratedContent,
    ) -> GeneratedContent {
        // Lock poisoning is safe: entries are inserted whole.
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

/// Cache of values that are built once per key, on first use, and kept as long as the contract.
#[derive(Debug)]
pub(crate) struct ConversionCache<V>(RwLock<HashMap<(usize, usize), Arc<V>>>);

impl<V> Default for ConversionCache<V> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<V> ConversionCache<V> {
    /// Returns the cached value for a key; otherwise builds and caches it.
    pub(crate) fn get_or_make(&self, key: (usize, usize), make: impl FnOnce() -> V) -> Arc<V> {
        // Lock poisoning is safe: entries are inserted whole.
        if let Some(known) = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
        {
            return Arc::clone(known);
        }
        let made = Arc::new(make());
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(key).or_insert(made))
    }
}

/// Encoding Object of one property of a form or multipart body.
#[derive(Debug)]
pub struct Encoding {
    /// Style of the value, in forms.
    pub style: Style,
    /// True if the name is repeated for each item.
    pub explode: bool,
    /// Media types that the part may have; any if empty.
    pub content_types: Vec<MediaRange>,
    /// Documented header fields of the part, except `Content-Type`.
    pub headers: Vec<PartHeader>,
}

/// A header field of a part of a multipart body.
#[derive(Debug)]
pub struct PartHeader {
    /// Name in lower case.
    pub name: String,
    /// True if a part without it is invalid.
    pub required: bool,
    /// Schema of the value.
    pub schema: Option<Arc<Schema>>,
}

/// Statuses that a response is documented for. Exact ones take precedence over ranges, and ranges
/// over the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusPattern {
    /// A status: `404`.
    Exact(StatusCode),
    /// A range by its first digit: `4XX` is 4.
    Range(u16),
    /// `default`.
    Default,
}

impl StatusPattern {
    /// Parses a key of `responses`: `404`, `4XX` in any case, `default`; `None` for any other
    /// text.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        match key.as_bytes() {
            b"default" => Some(Self::Default),
            [hundreds @ b'1'..=b'5', b'x' | b'X', b'x' | b'X'] => {
                Some(Self::Range(u16::from(hundreds - b'0')))
            }
            [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'] => {
                StatusCode::from_bytes(key.as_bytes()).ok().map(Self::Exact)
            }
            _ => None,
        }
    }

    /// Returns the status to send if nothing else determines it: 400 for `4XX`, 200 for `default`.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Exact(status) => status,
            Self::Range(hundreds) => StatusCode::from_u16(hundreds * 100).unwrap_or(StatusCode::OK),
            Self::Default => StatusCode::OK,
        }
    }

    /// Returns true if the pattern covers a status.
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
pub struct DocumentedResponse {
    /// Headers in the order documented.
    pub headers: Vec<ResponseHeader>,
    /// Media types in the order documented.
    pub content: Vec<MediaType>,
}

/// A documented header of a response.
#[derive(Debug)]
pub struct ResponseHeader {
    /// Name in lower case.
    pub name: HeaderName,
    /// True if an object is written `a=1,b=2` and not `a,1,b,2`.
    pub explode: bool,
    /// True if each response has the header.
    pub required: bool,
    /// Schema of the value.
    pub schema: Option<Arc<Schema>>,
    /// Documented examples.
    pub examples: Vec<Example>,
    /// Lines that are sent, built on first use; empty if no value can be a header field.
    pub lines: OnceLock<Vec<HeaderValue>>,
}

/// Schemes that must be met together; an empty list is always met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityRequirement {
    /// Schemes, all of which must be met.
    pub schemes: Vec<SecurityScheme>,
}

/// Documented kind of credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecurityScheme {
    /// A key in a header, query parameter or cookie.
    ApiKey {
        /// Location of the key: header, query or cookie.
        location: Location,
        /// Name of the field: `X-Api-Key`.
        name: String,
    },
    /// `Authorization` with an authentication scheme (RFC 9110 §11).
    Http {
        /// Scheme in lower case, such as `basic`, `bearer`, `digest`; empty if the document does
        /// not define it.
        scheme: String,
    },
    /// OAuth 2.0 or OpenID Connect: a bearer token.
    Token,
    /// Credentials outside the request, such as a client certificate.
    OutOfBand,
}
