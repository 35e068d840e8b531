//! Members of an answer that describe the page of a list: totals, links and cursors, by their names.
use crate::schema::name::{folded, words};

/// Member of an answer that describes the page next to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageField {
    /// Number of items on all pages.
    Total,
    /// Number of items on this page.
    Count,
    /// Number of items before this page.
    Offset,
    /// Maximum number of items on a page.
    Limit,
    /// Number of this page.
    Page,
    /// Number of pages.
    Pages,
    /// Flag: items follow this page.
    HasMore,
    /// URL or cursor of the next page.
    Next,
    /// URL or cursor of the previous page.
    Previous,
    /// Flag: items precede this page.
    HasPrevious,
    /// Key of the first item on this page.
    First,
    /// Key of the last item on this page.
    Last,
}

/// Returns the page field that a member with this name holds; `None` for any other name.
#[must_use]
pub(crate) fn says(name: &str) -> Option<PageField> {
    let plain = folded(name);
    let words = words(name);
    Some(match plain.as_str() {
        "total" | "totalcount" | "totalitems" | "totalresults" | "totalelements"
        | "totalrecords" | "totalsize" | "itemcount" | "recordcount" | "totalentries"
        | "totalrows" | "totalhits" | "itemstotal" | "resultstotal" | "recordstotal"
        | "resultscount" | "resultcounttotal" => PageField::Total,
        "count" | "size" | "numberofelements" | "resultcount" | "returned" | "results" => {
            PageField::Count
        }
        "offset" | "skip" | "start" | "startindex" => PageField::Offset,
        "limit" | "perpage" | "pagesize" | "itemsperpage" => PageField::Limit,
        "page" | "currentpage" | "pagenumber" | "number" => PageField::Page,
        "pages" | "totalpages" | "lastpage" | "pagecount" => PageField::Pages,
        "hasmore" | "hasnext" | "more" | "hasnextpage" | "ismore" => PageField::HasMore,
        "hasprevious" | "hasprev" | "hasprevpage" | "haspreviouspage" => PageField::HasPrevious,
        "startcursor" | "firstid" => PageField::First,
        "endcursor" | "lastid" => PageField::Last,
        "previous" | "prev" | "previouspage" | "prevpageurl" | "previouspageuri" | "prevurl"
        | "previouspageurl" | "previousuri" | "prevcursor" | "previouscursor" => {
            PageField::Previous
        }
        "continue" | "continuation" | "continuationtoken" | "cursor" | "iterator" | "bookmark" => {
            PageField::Next
        }
        _ if words.first().is_some_and(|word| word == "next") && words.len() <= 4 => {
            PageField::Next
        }
        _ => return None,
    })
}
