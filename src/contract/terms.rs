//! What one operation asks for and promises, compiled: parameters, bodies, responses, security.
use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use http::{HeaderName, HeaderValue, StatusCode};

use crate::contract::example::Example;
use crate::contract::media::{MediaRange, Written};
use crate::diagnostic::Diagnostic;
use crate::schema::Schema;

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
    pub generated: GeneratedCache,
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
pub struct GeneratedCache(RwLock<HashMap<(u64, u64), Generated>>);

impl GeneratedCache {
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
pub struct ConversionCache<V>(RwLock<HashMap<(usize, usize), Arc<V>>>);

impl<V> Default for ConversionCache<V> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<V> ConversionCache<V> {
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
