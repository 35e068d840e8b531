//! Cross-origin requests from browsers (Fetch standard, §3.2): preflights and permissions.
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// Returns true if a request is a CORS preflight, which asks for permission only.
#[must_use]
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Methods that pages may use, whatever the path documents.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, QUERY";

/// Allows every method, and the header fields that a preflight requests, for 600 seconds.
///
/// A path that does not document the method answers the request itself with 404 or 405. Browsers
/// hide that answer from the page if they refuse to send the request.
pub(crate) fn permit_preflight(request: &HeaderMap, response: &mut HeaderMap) {
    response.insert(ACCESS_CONTROL_ALLOW_METHODS, methods(request));
    if let Some(names) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        response.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    response.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
}

/// Returns the list of all usual methods, with the one that a preflight requests if it is another.
fn methods(request: &HeaderMap) -> HeaderValue {
    let usual = HeaderValue::from_static(METHODS);
    let requested = request
        .get(ACCESS_CONTROL_REQUEST_METHOD)
        .and_then(|method| Method::from_bytes(method.as_bytes()).ok())
        .filter(|method| !METHODS.split(", ").any(|usual| usual == method.as_str()));
    match requested {
        Some(method) => HeaderValue::from_str(&format!("{METHODS}, {method}")).unwrap_or(usual),
        None => usual,
    }
}

/// Allows the page that made the request to read the response and all of its header fields.
///
/// The origin is repeated instead of `*`, so that requests with credentials work too.
pub(crate) fn permit(request: &HeaderMap, response: &mut HeaderMap) {
    let Some(origin) = request.get(ORIGIN) else {
        return;
    };
    let names: Vec<&str> = response.keys().map(HeaderName::as_str).collect();
    let exposed = HeaderValue::from_str(&names.join(", "));
    response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    response.insert(
        ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    );
    response.append(VARY, HeaderValue::from_static("Origin"));
    if let Ok(exposed) = exposed {
        response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}
