//! Compression of responses with a content coding that the client accepts (RFC 9110 §12.5.3), if
//! it pays off.
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap,
    VARY,
};
use http::{HeaderValue, StatusCode};

use crate::codec::accept::{is_without_content, thousandths};
use crate::codec::coding::{Coding, encode};
use crate::codec::message::{Items, Response};

/// Smallest content that is compressed, in bytes, unless the client accepts nothing else: content
/// that fits into one packet does not arrive sooner.
const SMALLEST: usize = 1024;

/// Codings that responses may have, the best first.
const CODINGS: [Coding; 2] = [Coding::Gzip, Coding::Deflate];

/// Response extension with the content before compression.
#[derive(Debug, Clone)]
struct Plain(Bytes);

/// Returns the content of a response without its coding.
#[must_use]
pub fn plain(response: &Response) -> &Bytes {
    response
        .extensions()
        .get::<Plain>()
        .map_or(response.body(), |plain| &plain.0)
}

/// Codings that a client accepts, with weights in thousandths; 0 is not acceptable.
struct Accepted(Vec<(String, u16)>);

impl Accepted {
    fn read(headers: &HeaderMap) -> Self {
        let lines = headers
            .get_all(ACCEPT_ENCODING)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let entries = lines.flat_map(|line| line.split(',')).map(|entry| {
            let (name, parameters) = entry.split_once(';').unwrap_or((entry, ""));
            let weight = parameters
                .trim()
                .strip_prefix(['q', 'Q'])
                .and_then(|rest| rest.trim().strip_prefix('='));
            (
                name.trim().to_ascii_lowercase(),
                weight.map_or(1000, |weight| thousandths(weight.trim())),
            )
        });
        Self(entries.collect())
    }

    fn of(&self, is_it: impl Fn(&str) -> bool) -> Option<u16> {
        self.0
            .iter()
            .find(|(name, _)| is_it(name))
            .map(|(_, weight)| *weight)
    }

    fn weight(&self, coding: Coding) -> u16 {
        let own = self.of(|name| Coding::named(name) == Some(coding));
        own.or_else(|| self.of(|name| name == "*")).unwrap_or(0)
    }

    /// Returns the best accepted coding, unless the client prefers uncoded content.
    fn best(&self) -> Option<Coding> {
        let plain = self.of(|name| name == "identity").unwrap_or(0);
        let weighed = CODINGS
            .into_iter()
            .map(|coding| (self.weight(coding), coding));
        let accepted = weighed.filter(|(weight, _)| *weight > 0 && *weight >= plain);
        accepted
            .rev()
            .max_by_key(|(weight, _)| *weight)
            .map(|(_, coding)| coding)
    }

    fn refuses_plain(&self) -> bool {
        self.of(|name| name == "identity")
            .or_else(|| self.of(|name| name == "*"))
            == Some(0)
    }
}

/// Compresses the content of a response if the client accepts that and if it pays off.
///
/// Content that is sent item by item, is a part, already has a coding or must not be transformed
/// (RFC 9111 §5.2.2.6) stays unchanged.
pub(crate) fn compress(request: &HeaderMap, response: &mut Response) {
    let headers = response.headers();
    let is_fixed = headers.contains_key(CONTENT_ENCODING)
        || headers.contains_key(CONTENT_RANGE)
        || headers.get_all(CACHE_CONTROL).iter().any(|value| {
            value
                .to_str()
                .is_ok_and(|text| text.to_ascii_lowercase().contains("no-transform"))
        });
    let status = response.status();
    let is_whole = status != StatusCode::PARTIAL_CONTENT && !is_without_content(status);
    if is_fixed
        || !is_whole
        || response.body().is_empty()
        || response.extensions().get::<Items>().is_some()
    {
        return;
    }
    let is_worth_it = response.body().len() >= SMALLEST && is_compressible(response.headers());
    let accepted = Accepted::read(request);
    if !is_worth_it && !accepted.refuses_plain() {
        return;
    }
    response
        .headers_mut()
        .append(VARY, HeaderValue::from_static("Accept-Encoding"));
    let Some(coding) = accepted.best() else {
        return;
    };
    let Some(coded) = encode(response.body(), coding) else {
        return;
    };
    if coded.len() >= response.body().len() && !accepted.refuses_plain() {
        return;
    }
    let before = std::mem::replace(response.body_mut(), Bytes::from(coded));
    response.extensions_mut().insert(Plain(before));
    response
        .headers_mut()
        .insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    tag(coding, response.headers_mut());
}

/// Changes the strong entity tag of compressed content, which must differ from that of the
/// uncompressed content (RFC 9110 §8.8.3.3): `"abc-gzip"` for `"abc"`.
fn tag(coding: Coding, headers: &mut HeaderMap) {
    let Some(tag) = headers.get(ETAG).and_then(|tag| tag.to_str().ok()) else {
        return;
    };
    let Some(inner) = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')) else {
        return;
    };
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{inner}-{}\"", coding.name())) {
        headers.insert(ETAG, tag);
    }
}

/// Returns the entity tag of the uncompressed content for a tag that may be of compressed content.
#[must_use]
pub(crate) fn plain_tag(tag: &str) -> String {
    let Some(inner) = tag.strip_suffix('"') else {
        return tag.to_owned();
    };
    let ends = CODINGS
        .into_iter()
        .find_map(|coding| inner.strip_suffix(coding.name())?.strip_suffix('-'));
    ends.map_or_else(|| tag.to_owned(), |inner| format!("{inner}\""))
}

/// Returns true if content of this type gets smaller: text, and formats based on text.
fn is_compressible(headers: &HeaderMap) -> bool {
    let Some(kind) = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
    else {
        return false;
    };
    let essence = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let Some((main, subtype)) = essence.split_once('/') else {
        return false;
    };
    if essence == "text/event-stream" {
        return false;
    }
    let formats = [
        "json",
        "xml",
        "yaml",
        "javascript",
        "graphql",
        "x-www-form-urlencoded",
        "csv",
        "sql",
        "wasm",
    ];
    main == "text"
        || subtype
            .split(['+', '-', '.'])
            .any(|part| formats.contains(&part))
        || formats.contains(&subtype)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(text: &'static str) -> Accepted {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(text));
        Accepted::read(&headers)
    }

    #[test]
    fn the_coding_that_is_liked_best_is_taken() {
        assert_eq!(accepted("gzip, deflate, br").best(), Some(Coding::Gzip));
        assert_eq!(
            accepted("gzip;q=0.2, deflate;q=0.5").best(),
            Some(Coding::Deflate)
        );
        assert_eq!(accepted("X-GZIP").best(), Some(Coding::Gzip));
        assert_eq!(accepted("*").best(), Some(Coding::Gzip));
        assert_eq!(accepted("*;q=0.5, gzip;q=0").best(), Some(Coding::Deflate));
        assert_eq!(accepted("br, zstd").best(), None);
        assert_eq!(accepted("identity, gzip;q=0.5").best(), None);
        assert_eq!(accepted("").best(), None);
    }

    #[test]
    fn plain_content_is_acceptable_unless_it_is_excluded() {
        assert!(accepted("gzip, identity;q=0").refuses_plain());
        assert!(accepted("gzip, *;q=0").refuses_plain());
        assert!(!accepted("gzip, *;q=0, identity").refuses_plain());
        assert!(!accepted("gzip").refuses_plain());
    }

    #[test]
    fn tags_of_coded_content_lead_back_to_those_of_the_plain() {
        assert_eq!(plain_tag("\"abc-gzip\""), "\"abc\"");
        assert_eq!(plain_tag("\"abc\""), "\"abc\"");
        assert_eq!(plain_tag("*"), "*");
    }
}
