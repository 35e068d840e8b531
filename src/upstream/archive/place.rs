//! Place of a recorded URL in the documents: origin and base path away, which operation remains?
use std::sync::LazyLock;

use http::header::{ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE};
use http::uri::PathAndQuery;
use http::{Method, Uri};
use regex::Regex;

use crate::contract::Contract;
use crate::contract::route::Routed;
use crate::upstream::archive::entry::ArchivedExchange;
use crate::upstream::archive::url;

/// URL that is before the paths of the documents: `https://api.example.com/shop`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    origin: String,
    /// Path without a slash at its end: `/shop`, or empty.
    prefix: String,
}

impl BaseUrl {
    /// Parses an absolute URL of HTTP without a query.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let split = url::split(text).ok()?;
        if split.target.query().is_some() {
            return None;
        }
        Some(Self {
            origin: split.origin,
            prefix: split.target.path().trim_end_matches('/').to_owned(),
        })
    }

    /// Returns the path and query of an exchange below the base; `None` if it is outside.
    fn below(&self, exchange: &ArchivedExchange) -> Option<PathAndQuery> {
        let target = exchange.exchange.request.uri().path_and_query()?;
        let rest = target.as_str().strip_prefix(&self.prefix)?;
        let is_outside =
            exchange.origin != self.origin || !rest.is_empty() && !rest.starts_with(['/', '?']);
        if is_outside {
            None
        } else {
            url::target_of(rest)
        }
    }
}

/// Exchange with its place among the documents.
#[derive(Debug)]
pub(crate) enum Placed {
    /// Exchange with an operation, by the index of the first one with its method and path.
    Fitting(usize, ArchivedExchange),
    /// Exchange that no document has.
    Unfit(ArchivedExchange),
    /// Question of a browser before a request to another origin (Fetch §3.2.2).
    Preflight,
    /// Part of a page: HTML, styles, scripts, images, fonts, media.
    Asset,
    /// Exchange outside of the base URL.
    Outside,
}

/// Finds the place of an exchange. The path of one that is below `base` becomes the rest.
pub(crate) fn place(
    contract: &Contract,
    base: Option<&BaseUrl>,
    mut exchange: ArchivedExchange,
) -> Placed {
    if let Some(base) = base {
        match base.below(&exchange) {
            Some(target) => *exchange.exchange.request.uri_mut() = Uri::from(target),
            None => return Placed::Outside,
        }
    }
    let prefix = base.map_or("", |base| base.prefix.as_str());
    let before = format!("{}{prefix}", exchange.origin);
    exchange.exchange.note_base(&before);
    let request = &exchange.exchange.request;
    match operation_at(contract, request.method(), request.uri().path()) {
        Some(index) => Placed::Fitting(index, exchange),
        None if is_preflight(&exchange) => Placed::Preflight,
        None if is_asset(&exchange) => Placed::Asset,
        None => Placed::Unfit(exchange),
    }
}

/// Returns the operation at a path; `HEAD` is answered where `GET` is.
pub(super) fn operation_at(contract: &Contract, method: &Method, path: &str) -> Option<usize> {
    match contract.route(method, path) {
        Routed::Operation(index, _) => Some(index),
        Routed::OtherMethods(_) if *method == Method::HEAD => {
            operation_at(contract, &Method::GET, path)
        }
        Routed::OtherMethods(_) | Routed::Unknown => None,
    }
}

fn is_preflight(exchange: &ArchivedExchange) -> bool {
    let request = &exchange.exchange.request;
    *request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn is_asset(exchange: &ArchivedExchange) -> bool {
    /// Kinds of resources of Chrome that are parts of pages.
    const RESOURCES: [&str; 8] = [
        "document",
        "stylesheet",
        "image",
        "media",
        "font",
        "script",
        "texttrack",
        "manifest",
    ];
    static MEDIA: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^(?i)(image|font|audio|video)/|^(?i)(text/(css|html|javascript)|application/(x-)?javascript|application/(wasm|manifest\+json|font-\w+|x-font-\w+|vnd\.ms-fontobject))\b").ok()
    });
    let request = &exchange.exchange.request;
    if *request.method() != Method::GET && *request.method() != Method::HEAD {
        return false;
    }
    let resource = exchange.resource.as_deref().unwrap_or_default();
    if RESOURCES
        .iter()
        .any(|own| own.eq_ignore_ascii_case(resource))
    {
        return true;
    }
    let media = exchange.exchange.response.headers().get(CONTENT_TYPE);
    let media = media.and_then(|value| value.to_str().ok());
    media.is_some_and(|media| MEDIA.as_ref().is_some_and(|parts| parts.is_match(media)))
}
