//! Exchanges that are combinations: methods and contents, statuses, codings and framings, paths.

use crate::api::Step;
use crate::case::{Case, DATE, Difference, answer, chunked, noise};

/// Methods, some of which no standard has.
const METHODS: [&str; 12] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "QUERY",
    "get", "M-SEARCH",
];

const STATUSES: [&str; 57] = [
    "200 OK",
    "201 Created",
    "202 Accepted",
    "203 Non-Authoritative Information",
    "206 Partial Content",
    "207 Multi-Status",
    "208 Already Reported",
    "226 IM Used",
    "299 Fine",
    "300 Multiple Choices",
    "301 Moved Permanently",
    "302 Found",
    "303 See Other",
    "305 Use Proxy",
    "306 Switch Proxy",
    "307 Temporary Redirect",
    "308 Permanent Redirect",
    "400 Bad Request",
    "401 Unauthorized",
    "402 Payment Required",
    "403 Forbidden",
    "404 Not Found",
    "405 Method Not Allowed",
    "406 Not Acceptable",
    "407 Proxy Authentication Required",
    "408 Request Timeout",
    "409 Conflict",
    "410 Gone",
    "411 Length Required",
    "412 Precondition Failed",
    "413 Content Too Large",
    "414 URI Too Long",
    "415 Unsupported Media Type",
    "416 Range Not Satisfiable",
    "417 Expectation Failed",
    "418 I'm a teapot",
    "421 Misdirected Request",
    "422 Unprocessable Content",
    "423 Locked",
    "424 Failed Dependency",
    "425 Too Early",
    "426 Upgrade Required",
    "428 Precondition Required",
    "429 Too Many Requests",
    "431 Request Header Fields Too Large",
    "444 No Response",
    "451 Unavailable For Legal Reasons",
    "499 Gone",
    "500 Internal Server Error",
    "501 Not Implemented",
    "502 Bad Gateway",
    "503 Service Unavailable",
    "504 Gateway Timeout",
    "505 HTTP Version Not Supported",
    "511 Network Authentication Required",
    "599 Late",
    "999 Request Denied",
];

/// Targets, as clients may write them; those that end in `|` are no valid URI (RFC 3986), yet are sent.
const TARGETS: [&str; 34] = [
    "/",
    "//",
    "//a//b//",
    "/a/../b",
    "/../..",
    "/./a/.",
    "/a%2Fb",
    "/a%2fb",
    "/%2e%2e/%2E",
    "/%00",
    "/%zz",
    "/a;b=1;c",
    "/a,b",
    "/a:b",
    "/a@b",
    "/a'b()*!$&+=",
    "/a~b_c-d.e",
    "/{id}",
    "/a|b",
    "/a^b",
    "/a\"b",
    "/a[b]",
    "/a\\b",
    "/\u{e9}\u{20ac}",
    "/a?",
    "/a??",
    "/a?b",
    "/a?b=&=c&&",
    "/a?b=%20+%2B",
    "/a?b[]=1&b[]=2",
    "/a?q={\"x\":1}",
    "/a?q=\u{fc}",
    "/a?b#",
    "*",
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = methods();
    cases.extend(statuses());
    cases.extend(codings());
    cases.extend(targets());
    cases
}

/// Each method without content and with contents.
fn methods() -> Vec<Case> {
    let long = "x".repeat(70_000);
    let contents: [(&str, String, Vec<u8>); 5] = [
        ("no content", String::new(), Vec::new()),
        (
            "an empty content",
            "Content-Length: 0\r\n".into(),
            Vec::new(),
        ),
        (
            "a content",
            "Content-Length: 12\r\n".into(),
            b"{\"name\":\"a\"}".to_vec(),
        ),
        (
            "chunks",
            "Transfer-Encoding: chunked\r\n".into(),
            chunked(b"{\"name\": \"a\"}", 5, ""),
        ),
        (
            "a long content",
            format!(
                "Content-Length: {}\r\nContent-Type: text/plain\r\n",
                long.len()
            ),
            long.into_bytes(),
        ),
    ];
    let mut cases = Vec::new();
    for method in METHODS {
        for (name, fields, content) in &contents {
            let given = answer("200 OK", "Content-Type: application/json\r\n", b"[]");
            // An answer to HEAD announces a content, and has none.
            let given = if method == "HEAD" {
                given[..given.len() - 2].to_vec()
            } else {
                given
            };
            let case = Case::new(
                format!("{method} with {name}"),
                method,
                "/pets?limit=1",
                &given,
            );
            cases.push(case.fields(fields).content(content));
        }
    }
    cases
}

fn statuses() -> Vec<Case> {
    let of = |status: &&str| {
        let given = answer(
            status,
            "Content-Type: application/json\r\nETag: W/\"a\"\r\n",
            b"{\"error\": 1}",
        );
        Case::new(format!("an answer {status}"), "GET", "/pets/1", &given)
    };
    STATUSES.iter().map(of).collect()
}

/// Contents that claim a coding; most are not what they claim, which must not matter.
fn codings() -> Vec<Case> {
    let mut cases = Vec::new();
    for coding in ["", "gzip", "deflate", "br", "zstd", "gzip, br", "x-own"] {
        for length in [0, 1, 5_000, 300_000] {
            let content = noise(length);
            let mut fields = "Content-Type: application/json\r\n".to_owned();
            if !coding.is_empty() {
                fields.push_str(&format!("Content-Encoding: {coding}\r\n"));
            }
            let head =
                |rest: &str| format!("HTTP/1.1 200 OK\r\n{DATE}{fields}{rest}\r\n").into_bytes();
            let chunks = [
                head("Transfer-Encoding: chunked\r\n"),
                chunked(&content, 4_000, ""),
            ]
            .concat();
            let whole = [head(""), content.clone()].concat();
            let case = |framing: &str, given: &[u8]| {
                let name = format!("{length} bytes of `{coding}`, {framing}");
                Case::new(name, "GET", "/pets", given)
                    .fields("Accept-Encoding: gzip, br;q=0.5, *;q=0\r\n")
            };
            cases.push(case("with a length", &answer("200 OK", &fields, &content)));
            cases.push(case("in chunks", &chunks));
            cases.push(
                case("until the end", &whole)
                    .then([Step::Close])
                    .differs(&[Difference::Framing]),
            );
        }
    }
    cases
}

fn targets() -> Vec<Case> {
    let of = |target: &&str| {
        let method = if *target == "*" { "OPTIONS" } else { "GET" };
        let case = Case::new(
            format!("the target {target}"),
            method,
            target,
            &answer("404 Not Found", "", b""),
        );
        match *target {
            target if target.contains('#') => case.differs(&[Difference::Fragment]),
            target if target.contains("?q={\"") => case.differs(&[Difference::Refused]),
            _ => case,
        }
    };
    TARGETS.iter().map(of).collect()
}
