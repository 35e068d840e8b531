//! The page for browsers, `GET /` and `GET /_standin/`: the console, or without it a list of the
//! operations with examples. Other clients get the links of the control API as JSON.
use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};

use crate::codec::accept::Accept;
use crate::codec::message::{Request, mount};
use crate::codec::text::{decode, encode, encode_path};
use crate::contract::merge::has_required_parameters;
use crate::contract::route::Routed;
use crate::contract::{Contract, Operation};
use crate::diagnostic::{count, escape};
use crate::exchange::transcript;
use crate::sandbox::Sandbox;
use crate::server::console::shell::{self, Page, ProxyPage};
use crate::server::control::access::ConsoleAccess;
use crate::server::control::session::PREFIX;

/// Maximum number of operations on the page without the console; a search finds the others.
const MOST_SHOWN: usize = 1_000;

/// Maximum number of operations on the page below the console, which replaces them.
const MOST_BELOW: usize = 50;

/// Longest search text, in characters; the rest is ignored.
const LONGEST_SEARCH: usize = 200;

/// Media types of the answers.
pub(super) const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// Names of the content below `/_standin/` that can be read without parameters.
const LINKS: [&str; 10] = [
    "health",
    "openapi.json",
    "openapi.yaml",
    "control.yaml",
    "operations",
    "requests",
    "coverage",
    "state",
    "scenario",
    "sessions",
];

/// Returns true if a browser asks for `/`, and no document has an operation there.
pub(super) fn is_front_page(contract: &Contract, request: &Request) -> bool {
    request.uri().path() == "/"
        && matches!(*request.method(), Method::GET | Method::HEAD)
        && Accept::read(request.headers()).prefers("text/html")
        && !matches!(contract.route(&Method::GET, "/"), Routed::Operation(..))
}

/// Returns the page for a browser, and the links for any other client, with the media type.
pub(super) fn index(
    sandbox: &Sandbox,
    console: &ConsoleAccess,
    proxy: Option<ProxyPage>,
    request: &Request,
) -> (Bytes, &'static str) {
    let contract = sandbox.contract();
    if !Accept::read(request.headers()).prefers("text/html") {
        return (links(contract, mount(request)), JSON);
    }
    let page = match console {
        ConsoleAccess::Off => plain_page(contract, request),
        ConsoleAccess::On | ConsoleAccess::Write(_) => {
            let (root, own) = addresses(request);
            let page = Page {
                title: &title(contract),
                root,
                own,
                writes: *console != ConsoleAccess::On,
                proxy,
                fallback: listing(contract, request, MOST_BELOW),
            };
            shell::page(&page).into_string()
        }
    };
    (Bytes::from(page), HTML)
}

/// Returns an example request to an operation and its answer, as text. `name` is percent-encoded;
/// `None` if no operation has it.
pub(super) fn example(
    sandbox: &Sandbox,
    session: &str,
    name: &str,
) -> Option<(Bytes, &'static str)> {
    let index = sandbox.contract().find(&decode(name))?;
    let (request, response) = sandbox.example(session, index);
    let mut text = Vec::new();
    transcript::write(&mut text, &request, &response).ok()?;
    Some((Bytes::from(text), TEXT))
}

/// Forbids everything that the page does not need (Content Security Policy Level 3): other origins,
/// inline scripts, frames; without the console, all scripts.
pub(super) fn protect(console: &ConsoleAccess, headers: &mut HeaderMap) {
    const PLAIN: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
    const CONSOLE: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types standin";
    let policy = match console {
        ConsoleAccess::Off => PLAIN,
        ConsoleAccess::On | ConsoleAccess::Write(_) => CONSOLE,
    };
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

fn links(contract: &Contract, mount: &str) -> Bytes {
    let links = LINKS
        .iter()
        .map(|name| ((*name).to_owned(), format!("{mount}{PREFIX}{name}").into()));
    let examples = format!("{mount}{PREFIX}examples/{{operation}}");
    let links: serde_json::Map<String, Value> = links
        .chain([("examples".to_owned(), examples.into())])
        .collect();
    let body = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "documents": contract.documents.len(),
        "operations": contract.operations.len(),
        "links": links,
    });
    Bytes::from(body.to_string())
}

/// Returns the relative addresses of the simulated API and of the control API, which work behind any
/// path prefix.
fn addresses(request: &Request) -> (&'static str, &'static str) {
    match request.uri().path() {
        "/" => ("./", "_standin/"),
        _ => ("../", "./"),
    }
}

/// Returns the titles of the documents in one line.
fn title(contract: &Contract) -> String {
    let titles = contract.documents.iter();
    let titles: Vec<&str> = titles
        .filter_map(|document| document.tree().pointer("/info/title")?.as_str())
        .take(MOST_TITLES)
        .collect();
    if titles.is_empty() {
        return "Sandbox".to_owned();
    }
    escape::one_line(&titles.join(", ")).into_owned()
}

/// Writes the page without the console.
fn plain_page(contract: &Contract, request: &Request) -> String {
    let title = escape::markup(&title(contract));
    let listing = listing(contract, request, MOST_SHOWN);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{title} – Standin</title>\n<style>{STYLE}</style>\n<h1>{title}</h1>\n{listing}</html>\n"
    )
}

/// Writes the list of the operations that a search finds, at most `most`, with links.
fn listing(contract: &Contract, request: &Request, most: usize) -> String {
    let (root, own) = addresses(request);
    let search = search_of(request);
    let words: Vec<String> = search.split_whitespace().map(str::to_lowercase).collect();
    let found: Vec<&Operation> = contract
        .operations
        .iter()
        .filter(|operation| has_words(operation, &words))
        .collect();
    let search = markup_line(&search);
    let mut page = format!(
        "<p>A sandbox by Standin {}: <a href=\"{own}openapi.yaml\">OpenAPI as YAML</a>, <a href=\"{own}openapi.json\">as JSON</a>, \
         <a href=\"{own}requests\">recorded requests</a>, <a href=\"{own}control.yaml\">control API</a>\n\
         <form><input type=\"search\" name=\"q\" value=\"{search}\" maxlength=\"{LONGEST_SEARCH}\" aria-label=\"Search\" placeholder=\"Method, path or name\"> <button>Search</button></form>\n",
        env!("CARGO_PKG_VERSION"),
    );
    let note = note(
        contract.operations.len(),
        found.len(),
        most,
        !words.is_empty(),
    );
    let _ = writeln!(page, "<p>{note}");
    page.push_str("<table>\n");
    for operation in found.into_iter().take(most) {
        row(contract, operation, root, own, &mut page);
    }
    page.push_str("</table>\n");
    page
}

/// Maximum number of titles of documents in the heading.
const MOST_TITLES: usize = 5;

/// Returns the search text of the query, `?q=…`.
fn search_of(request: &Request) -> String {
    let query = request.uri().query().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let search = pairs.find(|(name, _)| name == "q");
    let search = search.map(|(_, value)| value.into_owned());
    search
        .unwrap_or_default()
        .chars()
        .take(LONGEST_SEARCH)
        .collect()
}

/// Returns true if the method, the path or the name of an operation contains each of the words.
fn has_words(operation: &Operation, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let id = operation.id.as_deref().unwrap_or_default();
    let text = format!("{} {} {id}", operation.method, operation.path_key()).to_lowercase();
    words.iter().all(|word| text.contains(word.as_str()))
}

/// Returns the sentence about the number of operations.
fn note(all: usize, found: usize, most: usize, is_search: bool) -> String {
    let of = if is_search {
        format!(" of {all}")
    } else {
        String::new()
    };
    let found_text = if is_search {
        found.to_string()
    } else {
        count(found, "operation")
    };
    let unit = if is_search { " operations" } else { "" };
    if found > most {
        format!("{found_text}{of}{unit}; the first {most} are shown, a search finds the others")
    } else {
        format!("{found_text}{of}{unit}")
    }
}

fn row(contract: &Contract, operation: &Operation, root: &str, own: &str, page: &mut String) {
    let path = markup_line(&operation.path_key());
    let path = match target(contract, operation) {
        Some(target) => format!("<a href=\"{root}{}\">{path}</a>", markup_line(&target)),
        None => path,
    };
    let _ = writeln!(
        page,
        "<tr><th>{}<td><code>{path}</code><td>{}<td><a href=\"{own}examples/{}\">example</a>",
        markup_line(operation.method.as_str()),
        markup_line(operation.id.as_deref().unwrap_or_default()),
        markup_line(&encode(operation.name())),
    );
}

/// Returns the path of an operation that a link can ask for, without the first slash: that of a
/// `GET` without required parameters.
fn target(contract: &Contract, operation: &Operation) -> Option<String> {
    let base = operation.bases.first().map_or("", String::as_str);
    let path = format!("{base}{}", operation.template);
    let is_usual = operation.method == Method::GET
        && operation.variant.is_none()
        && !path.contains(['{', '?', '#']);
    if !is_usual || has_required_parameters(contract, operation) {
        return None;
    }
    Some(encode_path(path.trim_start_matches('/')))
}

/// Escapes text for HTML, in one line.
fn markup_line(text: &str) -> String {
    escape::markup(&escape::one_line(text))
}

const STYLE: &str = ":root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.4rem}input{font:inherit;width:20rem;max-width:60%}button{font:inherit}\
table{border-collapse:collapse;width:100%}th{text-align:left}\
th,td{padding:.25rem .75rem .25rem 0;border-top:1px solid color-mix(in srgb,currentColor 20%,transparent);vertical-align:top}\
td{overflow-wrap:anywhere}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_says_what_is_not_shown() {
        assert_eq!(note(1, 1, 9, false), "1 operation");
        assert_eq!(
            note(2_000, 2_000, 1000, false),
            "2000 operations; the first 1000 are shown, a search finds the others"
        );
        assert_eq!(note(2_000, 3, 9, true), "3 of 2000 operations");
    }
}
