//! Generates values for documented header fields without an example, from the meaning of their
//! names.
//!
//! Some are equal in every answer ([`usual`]), others follow from the content ([`of_content`]);
//! `remembered` sets those that follow from the session's state.
use std::borrow::Cow;

use http::header::{CONTENT_LOCATION, ETAG, LINK, LOCATION};
use http::{HeaderName, HeaderValue, StatusCode};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::codec::message::Response;
use crate::codec::style;
use crate::codec::text::plain;
use crate::contract::{self, Operation, ResponseHeader};
use crate::entity::expand::path_of;
use crate::generate::primitive::{self, http_date};
use crate::generate::{self, GenerateOptions};
use crate::resource::key::KeyPath;
use crate::resource::page_field::{PageField, says};
use crate::resource::place::{self, Slot};

/// Number of calls in a rate limit window, if the document has none. `WINDOW` is the length of the
/// window in seconds.
const CALLS: u64 = 100;
const WINDOW: &str = "60";

/// Returns texts for a header field by its name, best first; the first that fits its schema is
/// sent. `others` are the header fields of the same response.
#[must_use]
pub(super) fn usual(
    header: &ResponseHeader,
    others: &[ResponseHeader],
    options: &GenerateOptions,
) -> Vec<Cow<'static, str>> {
    let seed = options.seed ^ generate::fingerprint(header.name.as_str());
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    if let Some(limit) = RateLimitField::of(&header.name) {
        return limit.texts(others);
    }
    match header.name.as_str() {
        "retry-after" => vec!["60".into(), "1".into()],
        "content-language" => vec!["en".into(), "en-US".into()],
        "etag" => vec![format!("\"{seed:016x}\"").into()],
        "last-modified" | "expires" | "sunset" => {
            vec![http_date(primitive::moment(&mut random)).into()]
        }
        "cache-control" => vec!["no-cache".into()],
        "accept-ranges" => vec!["bytes".into()],
        "age" => vec!["0".into()],
        "vary" => vec!["Accept".into()],
        "content-disposition" => vec!["attachment; filename=\"file\"".into()],
        "ratelimit" => vec![format!("\"default\";r={};t={WINDOW}", CALLS - 1).into()],
        "ratelimit-policy" => vec![format!("\"default\";q={CALLS};w={WINDOW}").into()],
        name if is_request_id(name) => vec![primitive::uuid(&mut random).into()],
        _ => Vec::new(),
    }
}

/// Returns `true` if a header field names the request, such as `X-Request-Id`.
fn is_request_id(name: &str) -> bool {
    let plain = name.trim_start_matches("x-");
    [
        "request-id",
        "correlation-id",
        "trace-id",
        "transaction-id",
        "requestid",
    ]
    .iter()
    .any(|end| plain.ends_with(end))
}

/// Meaning of a rate limit header field: `Remaining` for `X-RateLimit-Remaining`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RateLimitField {
    Limit,
    Remaining,
    Used,
    Reset,
}

impl RateLimitField {
    fn of(name: &HeaderName) -> Option<Self> {
        let plain = name.as_str().replace('-', "");
        let what = plain.trim_start_matches('x').strip_prefix("ratelimit")?;
        match what.trim_end_matches(|c: char| c.is_ascii_digit()) {
            "limit" => Some(Self::Limit),
            "remaining" => Some(Self::Remaining),
            "used" => Some(Self::Used),
            "reset" | "resetafter" => Some(Self::Reset),
            _ => None,
        }
    }

    /// Returns texts for the header field, best first: one call of the limit is used, by this
    /// request.
    fn texts(self, others: &[ResponseHeader]) -> Vec<Cow<'static, str>> {
        let number = |number: u64| Cow::Owned(number.to_string());
        let own = others
            .iter()
            .find(|other| Self::of(&other.name) == Some(Self::Limit));
        let documented = own.and_then(|own| own.examples.first());
        let documented = documented.and_then(|example| match example.value() {
            Value::String(text) => text.trim().parse().ok(),
            value => value.as_u64(),
        });
        let fitting = || {
            let schema = own?.schema.as_ref()?;
            let fits = |count: &u64| {
                schema.is_valid(&style::typed(schema, schema.tree(), &count.to_string()))
            };
            [CALLS, 1000, 10, 1]
                .into_iter()
                .find(|count| fits(count) == Ok(true))
        };
        let limit = documented.or_else(fitting).unwrap_or(CALLS);
        match self {
            Self::Limit => vec![number(limit)],
            Self::Remaining => vec![number(limit.saturating_sub(1)), number(0)],
            Self::Used => vec![number(1), number(0)],
            Self::Reset => vec![WINDOW.into(), "1".into()],
        }
    }
}

/// Place at which an entity can be read that an answer says was written.
#[derive(Debug)]
pub(super) struct EntityPlace<'c> {
    /// Operation that reads the entity.
    pub reader: &'c Operation,
    /// Base path before the template: `/v1`.
    pub base: String,
    /// Decoded values of the path expressions that scope the entity.
    pub scope: Vec<String>,
    /// Way to the key of the entity.
    pub key: Option<KeyPath>,
    /// Slot of the entity in the answer.
    pub slot: Slot,
    /// Key of the entity in the request's path, if it has one.
    pub named: Option<String>,
}

impl EntityPlace<'_> {
    /// Returns the path of the entity: with the key from the answer, else from the request's path,
    /// else with a generated key.
    fn path(&self, content: Option<&Value>, options: &GenerateOptions) -> Option<String> {
        let of_scalar = |key: &Value| (key.is_string() || key.is_number()).then(|| plain(key));
        let shown = content.and_then(|content| match &self.slot {
            Slot::Entity(place) => self.key.as_ref()?.text(place::at(content, &place.way)?),
            Slot::Key(way) => of_scalar(place::at(content, way)?),
            Slot::List(_) | Slot::Nothing => None,
        });
        let name = self.reader.compiled().path_names.last()?;
        let made = || {
            let parameters = &self.reader.compiled().parameters;
            let parameter = parameters
                .iter()
                .find(|p| p.location == contract::Location::Path && p.name == *name)?;
            let schema = parameter.schema()?;
            Some(plain(&generate::named(schema, options, name).value))
        };
        let key = shown.or_else(|| self.named.clone()).or_else(made)?;
        path_of(self.reader, &self.scope, &key).map(|path| format!("{}{path}", self.base))
    }
}

/// Everything that header fields about the content of an answer depend on.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeaderSubject<'s> {
    /// Documented response.
    pub documented: &'s contract::DocumentedResponse,
    /// URL of the request.
    pub target: &'s str,
    /// Path below which the API is mounted.
    pub mount: &'s str,
    /// Place of the entity that was written, if one was.
    pub place: Option<&'s EntityPlace<'s>>,
    /// Options for generated values.
    pub options: &'s GenerateOptions,
}

/// Sets documented header fields without an example from the content: totals and pages of a list
/// that is shown as a whole, the place of the entity that was written, and the entity tag of the
/// content.
pub(super) fn of_content(subject: &HeaderSubject<'_>, response: &mut Response) {
    let mut content: Option<Option<Value>> = None;
    for header in subject
        .documented
        .headers
        .iter()
        .filter(|header| header.examples.is_empty())
    {
        let mut read = || {
            content
                .get_or_insert_with(|| serde_json::from_slice(response.body()).ok())
                .clone()
        };
        let name = &header.name;
        let text = if *name == ETAG {
            (!response.body().is_empty()).then(|| {
                format!(
                    "\"{:016x}\"",
                    generate::fingerprint(&String::from_utf8_lossy(response.body()))
                )
            })
        } else if *name == LOCATION || *name == CONTENT_LOCATION {
            let path = subject
                .place
                .and_then(|place| place.path(read().as_ref(), subject.options));
            path.map(|path| format!("{}{path}", subject.mount))
        } else if *name == LINK {
            read()
                .filter(|content| listed(content).is_some())
                .map(|_| format!("<{}>; rel=\"self\"", subject.target))
        } else {
            let said = says(name.as_str().trim_start_matches("x-"));
            said.and_then(|said| page_of(said, &read()?))
                .map(|number| number.to_string())
        };
        let Some(text) = text.filter(|text| fits(header, text)) else {
            continue;
        };
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().insert(name.clone(), value);
        }
    }
}

/// Sets the remaining calls of a rate limit to 0 in a 429 response, in documented header fields
/// without an example.
pub(super) fn nothing_remains(documented: &contract::DocumentedResponse, response: &mut Response) {
    if response.status() != StatusCode::TOO_MANY_REQUESTS {
        return;
    }
    let remaining = |header: &&ResponseHeader| {
        RateLimitField::of(&header.name) == Some(RateLimitField::Remaining)
            && header.examples.is_empty()
    };
    for header in documented
        .headers
        .iter()
        .filter(remaining)
        .filter(|header| fits(header, "0"))
    {
        response
            .headers_mut()
            .insert(header.name.clone(), HeaderValue::from_static("0"));
    }
}

/// Returns `true` if the schema of a header field allows a text, or if it has no schema.
#[must_use]
pub(super) fn fits(header: &ResponseHeader, text: &str) -> bool {
    let Some(schema) = &header.schema else {
        return true;
    };
    schema.is_valid(&style::typed(schema, schema.tree(), text)) == Ok(true)
}

/// Returns the items of the list in an answer: the answer itself, or the longest list among its
/// members.
fn listed(content: &Value) -> Option<&Vec<Value>> {
    match content {
        Value::Array(items) => Some(items),
        Value::Object(members) => members
            .values()
            .filter_map(Value::as_array)
            .max_by_key(|items| items.len()),
        _ => None,
    }
}

/// Returns a number about the page of a list that is shown as a whole: from the answer if it has
/// the number, else from the count of items.
fn page_of(said: PageField, content: &Value) -> Option<u64> {
    let own = content
        .as_object()
        .into_iter()
        .flatten()
        .find(|(name, _)| says(name) == Some(said));
    if let Some(number) = own.and_then(|(_, value)| value.as_u64()) {
        return Some(number);
    }
    let count = listed(content)?.len() as u64;
    match said {
        PageField::Total | PageField::Count | PageField::Limit => Some(count),
        PageField::Offset => Some(0),
        PageField::Page | PageField::Pages => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rate_limits_are_known_by_their_names() {
        let of = |name: &'static str| RateLimitField::of(&HeaderName::from_static(name));
        assert_eq!(of("x-ratelimit-limit"), Some(RateLimitField::Limit));
        assert_eq!(of("ratelimit-remaining"), Some(RateLimitField::Remaining));
        assert_eq!(of("x-rate-limit-reset"), Some(RateLimitField::Reset));
        assert_eq!(of("x-rate-limit"), None);
    }

    #[test]
    fn numbers_of_pages_are_those_of_the_list() {
        assert_eq!(page_of(PageField::Total, &json!([1, 2, 3])), Some(3));
        assert_eq!(
            page_of(PageField::Total, &json!({"items": [1], "total": 40})),
            Some(40)
        );
        assert_eq!(page_of(PageField::Pages, &json!({"items": [1]})), Some(1));
        assert_eq!(page_of(PageField::Total, &json!({"id": 1})), None);
    }
}
