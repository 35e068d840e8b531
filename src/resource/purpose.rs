//! Purpose of a parameter of a list: to page, sort or search the list, or to filter it by a
//! property.
//!
//! `?size=20` selects twenty items, and `?size=XL` those of a size; the document tells the two
//! apart.
use serde_json::Value;

use crate::schema::name::{folded, words};

/// Parameter of a list, or a member of the content that does the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListParameter<'p> {
    /// Documented name: `page[size]`.
    pub name: String,
    /// Value that was sent, or the documented default; `None` if there is neither.
    pub value: Option<Value>,
    /// Schema of the value, resolved.
    pub schema: Option<&'p Value>,
    /// Documented description.
    pub description: &'p str,
    /// True if it filters whatever its name is, like `filter[size]` of JSON:API.
    pub is_filter: bool,
}

/// Purpose of a parameter of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Limit,
    Offset,
    Page,
    After,
    Before,
    Sort,
    Direction,
    Text,
    Fields,
}

const PURPOSES: [(Purpose, &str); 9] = [
    (
        Purpose::Limit,
        "limit perpage pagesize count size max maxresults maxitems top first pagelimit numresults take",
    ),
    (
        Purpose::Offset,
        "offset skip start startindex from pageoffset startat",
    ),
    (Purpose::Page, "page pagenumber pageno pageindex p pagenum"),
    (
        Purpose::After,
        "cursor after startingafter nextcursor pagetoken nexttoken nextpagetoken marker continuationtoken aftercursor sinceid lastid continue continuation iterator bookmark",
    ),
    (Purpose::Before, "before endingbefore beforecursor maxid"),
    (
        Purpose::Sort,
        "sort orderby sortby ordering sortfield sortkey",
    ),
    (
        Purpose::Direction,
        "direction order sortorder sortdir sortdirection orderdirection dir",
    ),
    (
        Purpose::Text,
        "q query search text term searchtext keyword keywords searchterm searchquery",
    ),
    (Purpose::Fields, "fields select"),
];

impl Purpose {
    /// Returns the purpose that a name alone suggests.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let name = folded(name);
        PURPOSES
            .iter()
            .find(|(_, names)| names.split(' ').any(|known| known == name))
            .map(|(purpose, _)| *purpose)
    }

    fn is_cursor(self) -> bool {
        matches!(self, Self::After | Self::Before)
    }

    fn pages(self) -> bool {
        matches!(self, Self::Limit | Self::Offset | Self::Page) || self.is_cursor()
    }
}

/// Returns the purpose of a parameter of a list; `None` for a filter, and for a parameter that is
/// neither. `is_property` tells if the items have a property of its name.
pub(crate) fn purpose(
    parameter: &ListParameter<'_>,
    all: &[ListParameter<'_>],
    is_property: impl Fn(&str) -> bool,
) -> Option<Purpose> {
    let purpose = Purpose::of(&parameter.name).filter(|_| !parameter.is_filter)?;
    // `first` beside `max` is the number of the first item, and alone it is the number of items.
    let has_most = || all.iter().any(|other| folded(&other.name) == "max");
    if folded(&parameter.name) == "first" && has_most() {
        return Some(Purpose::Offset);
    }
    let is_filter = is_property(&parameter.name);
    match purpose {
        // A date or time is not a cursor, whatever properties the items have.
        purpose if purpose.is_cursor() && is_of_time(parameter) => None,
        purpose if is_filter && purpose.pages() => {
            let others = all
                .iter()
                .filter(|other| other.name != parameter.name && !is_property(&other.name));
            let is_done_by_other = others
                .map(|other| Purpose::of(&other.name))
                .any(|other| other == Some(purpose));
            (!filters(parameter, purpose, is_done_by_other)).then_some(purpose)
        }
        _ if is_filter => None,
        purpose => Some(purpose),
    }
}

/// Returns true if the document has a parameter that could page the list filter by the property of
/// its name instead.
fn filters(parameter: &ListParameter<'_>, purpose: Purpose, is_done_by_other: bool) -> bool {
    let keyword = |name: &str| parameter.schema.and_then(|schema| schema.get(name));
    let values = keyword("enum")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    if values.iter().chain(keyword("const")).any(Value::is_string) {
        return true;
    }
    let types = types(parameter);
    if types
        .iter()
        .any(|name| matches!(*name, "boolean" | "array" | "object"))
    {
        return true;
    }
    match spoken_of(parameter.description) {
        Some(Spoken::Page) => return false,
        Some(Spoken::Filter) => return true,
        None => {}
    }
    if purpose.is_cursor()
        || keyword("default").is_some_and(Value::is_number)
        || keyword("maximum").is_some()
    {
        return false;
    }
    let is_text = types == ["string"];
    let is_no_number = parameter
        .value
        .as_ref()
        .is_some_and(|value| number(value).is_none());
    is_text || is_no_number || is_done_by_other
}

fn types<'p>(parameter: &ListParameter<'p>) -> Vec<&'p str> {
    let named = parameter.schema.and_then(|schema| schema.get("type"));
    let named = match named {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(name)) => vec![name.as_str()],
        _ => Vec::new(),
    };
    named.into_iter().filter(|name| *name != "null").collect()
}

fn is_of_time(parameter: &ListParameter<'_>) -> bool {
    let format = parameter
        .schema
        .and_then(|schema| schema.get("format"))
        .and_then(Value::as_str);
    matches!(format, Some("date" | "date-time"))
}

/// Purpose that a description states.
enum Spoken {
    Page,
    Filter,
}

/// Returns the purpose that a description states; `None` if it states neither. `Only pets of this
/// size` filters, and `Number of pets to return` pages.
fn spoken_of(description: &str) -> Option<Spoken> {
    const PAGES: &str = "page pages paging paginate pagination paged offset skip cursor limit limits maximum max \
                         results returned return number per";
    const FILTERS: &str = "filter filters filtered only restrict restricts matching whose by";
    // The purpose is in the first words.
    const LOOKED_AT: usize = 24;
    let has = |names: &str, word: &str| names.split_whitespace().any(|name| name == word);
    let spoken: Vec<String> = description
        .split_whitespace()
        .take(LOOKED_AT)
        .flat_map(words)
        .collect();
    let first = |names| spoken.iter().position(|word| has(names, word));
    match (first(FILTERS), first(PAGES)) {
        (Some(filter), Some(page)) if filter < page => Some(Spoken::Filter),
        (_, Some(_)) => Some(Spoken::Page),
        (Some(_), None) => Some(Spoken::Filter),
        (None, None) => None,
    }
}

/// Returns a number, even if it is written as text.
pub(crate) fn number(value: &Value) -> Option<usize> {
    let number = value
        .as_u64()
        .or_else(|| value.as_str()?.trim().parse().ok())?;
    usize::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_pages_a_list_and_what_filters_it_is_told_by_the_document() {
        let cases = [
            (
                "size",
                json!({"type": "string", "enum": ["S", "XL"]}),
                "",
                true,
            ),
            ("size", json!({"type": "integer"}), "", false),
            (
                "size",
                json!({"type": "integer", "enum": [10, 25]}),
                "",
                false,
            ),
            (
                "size",
                json!({"type": "integer"}),
                "Only shoes of this size",
                true,
            ),
            (
                "size",
                json!({"type": "integer"}),
                "Filters by size, up to the maximum",
                true,
            ),
            (
                "size",
                json!({"type": "string"}),
                "How many results a page has",
                false,
            ),
            (
                "start",
                json!({"type": "string", "format": "date"}),
                "",
                true,
            ),
            ("count", json!({"type": ["string", "null"]}), "", true),
            (
                "count",
                json!({"type": "integer", "default": 20}),
                "",
                false,
            ),
            (
                "page",
                json!({"type": "array", "items": {"type": "integer"}}),
                "",
                true,
            ),
            (
                "limit",
                json!({"type": "integer", "maximum": 100}),
                "",
                false,
            ),
            ("marker", json!({"type": "string"}), "", false),
            (
                "marker",
                json!({"type": "string", "enum": ["red"]}),
                "",
                true,
            ),
            (
                "after",
                json!({"type": "string", "format": "date-time"}),
                "",
                true,
            ),
        ];
        for (name, schema, description, is_filter) in cases {
            let parameter = ListParameter {
                name: name.to_owned(),
                schema: Some(&schema),
                description,
                ..ListParameter::default()
            };
            let found = purpose(&parameter, &[], |there| there == name);
            assert_eq!(
                found.is_none(),
                is_filter,
                "{name} {schema} {description}: {found:?}"
            );
        }
    }

    #[test]
    fn one_of_two_that_do_the_same_is_a_filter() {
        let schema = json!({"type": "integer"});
        let of = |name: &str| ListParameter {
            name: name.to_owned(),
            schema: Some(&schema),
            ..ListParameter::default()
        };
        let all = [of("limit"), of("size")];
        assert_eq!(purpose(&all[1], &all, |name| name == "size"), None);
        assert_eq!(
            purpose(&all[0], &all, |name| name == "size"),
            Some(Purpose::Limit)
        );
        let all = [of("page"), of("size")];
        assert_eq!(
            purpose(&all[1], &all, |name| name == "size"),
            Some(Purpose::Limit)
        );
    }

    #[test]
    fn a_moment_is_no_cursor() {
        let schema = json!({"type": "string", "format": "date-time"});
        let parameter = ListParameter {
            name: "after".to_owned(),
            schema: Some(&schema),
            ..ListParameter::default()
        };
        assert_eq!(purpose(&parameter, &[], |_| false), None);
    }
}
