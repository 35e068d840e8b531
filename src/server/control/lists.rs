//! Control API: search and paging of lists, `?q=words&offset=100&limit=50`.
use crate::codec::accept::Accept;
use crate::codec::message::Request;
use crate::server::control::ControlRequest;

/// Number of items in a page of HTML, unless the request names another one.
const USUAL: usize = 100;

/// Maximum number of items that a request can name.
const MOST: usize = 1000;

/// Maximum number of words of a search; further ones are ignored.
const MOST_WORDS: usize = 20;

/// Returns true for a script of the console. The address bar of a browser prefers HTML too, and gets
/// JSON: the HTML is a part of a page.
pub(super) fn is_page(request: &Request) -> bool {
    let mode = request.headers().get("sec-fetch-mode");
    let navigates = mode.is_some_and(|mode| mode == "navigate");
    !navigates && Accept::read(request.headers()).prefers("text/html")
}

/// Part of a list that a request asks for.
#[derive(Debug, Clone)]
pub(super) struct Paging {
    /// Words that each item has, in lower case.
    words: Vec<String>,
    /// Number of items before the first one.
    pub offset: usize,
    /// Maximum number of items; unlimited if `None`.
    pub limit: Option<usize>,
}

impl Paging {
    /// Reads `q`, `offset` and `limit`. Scripts get all items unless they name a limit.
    pub(super) fn read(asked: &ControlRequest<'_>) -> Self {
        let number = |name| {
            asked
                .query(name)
                .and_then(|text| text.parse::<usize>().ok())
        };
        let words = asked.query("q").unwrap_or_default().split_whitespace();
        Self {
            words: words.take(MOST_WORDS).map(str::to_lowercase).collect(),
            offset: number("offset").unwrap_or(0),
            limit: number("limit")
                .map(|limit| limit.min(MOST))
                .or(is_page(asked.request).then_some(USUAL)),
        }
    }

    /// Returns true if some of the texts have each of the words.
    pub(super) fn has_words(&self, texts: &[&str]) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let texts: Vec<String> = texts.iter().map(|text| text.to_lowercase()).collect();
        let is_in = |word: &String| texts.iter().any(|text| text.contains(word.as_str()));
        self.words.iter().all(is_in)
    }

    /// Returns the items of the page.
    pub(super) fn page<'l, T>(&self, items: &'l [T]) -> &'l [T] {
        let rest = items.get(self.offset..).unwrap_or_default();
        match self.limit {
            Some(limit) => rest.get(..limit).unwrap_or(rest),
            None => rest,
        }
    }
}

/// Maximum number of names that a message lists.
const MOST_NAMES: usize = 20;

/// Lists names in back-ticks, at most [`MOST_NAMES`].
pub(super) fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let more = if names.len() > MOST_NAMES {
        ", …"
    } else {
        ""
    };
    let shown = names.iter().take(MOST_NAMES);
    shown
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
        + more
}
