//! JSON that `curl -d` sends: without an option, curl says that it is a form.
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde::de::IgnoredAny;

use crate::codec::message::{Body, Request};
use crate::contract::media::MediaRange;

/// Returns a request with the media type `application/json` in place of that of forms, if its
/// content is JSON; `None` for any other request.
///
/// Pages can send forms to other origins without a preflight, so the caller must have refused
/// requests of pages by now.
pub(super) fn json_form(request: &Request) -> Option<Request> {
    let sent = request.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    let media = MediaRange::parse(sent)?;
    let Body::Complete(content) = request.body() else {
        return None;
    };
    let is_form = media.essence() == "application/x-www-form-urlencoded";
    if !is_form || serde_json::from_slice::<IgnoredAny>(content).is_err() {
        return None;
    }
    let mut request = request.clone();
    request
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Some(request)
}
