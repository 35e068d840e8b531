//! Header fields of responses that need no documentation.

/// Beginnings of the names of fields that servers, proxies and networks add.
const BEGINNINGS: [&str; 22] = [
    "access-control-",
    "cf-",
    "x-amz-cf-",
    "x-amzn-",
    "x-aspnet",
    "x-azure-",
    "x-b3-",
    "x-cache",
    "x-cdn",
    "x-datadog-",
    "x-envoy-",
    "x-fastly-",
    "x-forwarded-",
    "x-github-request",
    "x-goog-",
    "x-iinfo",
    "x-ms-edge",
    "x-proxy-",
    "x-served-",
    "x-vercel-",
    "sec-",
    "standin-",
];

/// Names of fields that a standard defines for all of HTTP, or that carry no data of the API.
const NAMES: [&str; 96] = [
    "accept-ch",
    "accept-patch",
    "accept-post",
    "accept-ranges",
    "age",
    "allow",
    "alt-svc",
    "authentication-info",
    "cache-control",
    "cdn-cache-control",
    "clear-site-data",
    "connection",
    "content-digest",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "content-security-policy",
    "content-security-policy-report-only",
    "content-type",
    "critical-ch",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "date",
    "deprecation",
    "digest",
    "dnt",
    "early-data",
    "etag",
    "expect-ct",
    "expires",
    "feature-policy",
    "fly-request-id",
    "keep-alive",
    "last-modified",
    "link",
    "location",
    "nel",
    "origin-agent-cluster",
    "p3p",
    "permissions-policy",
    "pragma",
    "preference-applied",
    "priority",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-connection",
    "proxy-status",
    "public-key-pins",
    "referrer-policy",
    "report-to",
    "reporting-endpoints",
    "repr-digest",
    "retry-after",
    "server",
    "server-timing",
    "set-cookie",
    "signature",
    "signature-input",
    "strict-transport-security",
    "sunset",
    "surrogate-control",
    "surrogate-key",
    "te",
    "timing-allow-origin",
    "traceparent",
    "traceresponse",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "x-cloud-trace-context",
    "x-content-type-options",
    "x-correlation-id",
    "x-dns-prefetch-control",
    "x-download-options",
    "x-frame-options",
    "x-permitted-cross-domain-policies",
    "x-powered-by",
    "x-request-id",
    "x-response-time",
    "x-robots-tag",
    "x-runtime",
    "x-timer",
    "x-trace-id",
    "x-ua-compatible",
    "x-varnish",
    "x-xss-protection",
];

/// Returns true for a field that documents do not describe: one of transport, caches, security of
/// browsers or tracing, or one whose meaning a standard defines for every API. The name is in lower
/// case.
pub(super) fn is_ordinary(name: &str) -> bool {
    NAMES.binary_search(&name).is_ok() || BEGINNINGS.iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_api_are_told_from_those_of_servers() {
        assert!(NAMES.is_sorted());
        for name in [
            "date",
            "sunset",
            "access-control-allow-origin",
            "x-xss-protection",
            "etag",
        ] {
            assert!(is_ordinary(name), "{name}");
        }
        for name in ["x-total-count", "x-rate-limit-remaining", "x-api-version"] {
            assert!(!is_ordinary(name), "{name}");
        }
    }
}
