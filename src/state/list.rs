//! What a request asks of a list: which part of it, in which order, and what must be true of its items.

use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::contract::name::{folded, words};

/// What a request asks of a list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wanted {
    /// How many items at most.
    pub limit: Option<usize>,
    /// How many are left out before them.
    pub offset: usize,
    /// Which page it is, from 0 on.
    pub page: Option<usize>,
    /// The number of the first page, as the API counts them.
    pub first: usize,
    /// The key after which it begins.
    pub after: Option<String>,
    /// The key before which it ends.
    pub before: Option<String>,
    /// By which properties it is sorted, and whether from the greatest.
    pub sort: Vec<(String, bool)>,
    /// What each item has: a property, and one of these values.
    pub filters: Vec<(String, Vec<Value>)>,
    /// What stands somewhere in each item.
    pub text: Option<String>,
    /// Which properties of the items are shown; all if empty.
    pub fields: Vec<String>,
}

/// What a parameter of a list is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
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
    (Purpose::Limit, "limit perpage pagesize count size max maxresults maxitems top first pagelimit numresults take"),
    (Purpose::Offset, "offset skip start startindex from pageoffset startat"),
    (Purpose::Page, "page pagenumber pageno pageindex p pagenum"),
    (
        Purpose::After,
        "cursor after startingafter nextcursor pagetoken nexttoken nextpagetoken marker continuationtoken aftercursor sinceid lastid",
    ),
    (Purpose::Before, "before endingbefore beforecursor maxid"),
    (Purpose::Sort, "sort orderby sortby ordering sortfield sortkey"),
    (Purpose::Direction, "direction order sortorder sortdir sortdirection orderdirection dir"),
    (Purpose::Text, "q query search text term searchtext keyword keywords searchterm searchquery"),
    (Purpose::Fields, "fields select"),
];

fn purpose(name: &str) -> Option<Purpose> {
    let name = folded(name);
    PURPOSES.iter().find(|(_, names)| names.split(' ').any(|known| known == name)).map(|(purpose, _)| *purpose)
}

/// A parameter that has several in it, as JSON:API has them: `page[size]`, `filter[status]`, also as an object.
fn expand((name, value): &(String, Value)) -> Vec<(String, Value)> {
    if let Some(inner) = name.strip_prefix("filter[").and_then(|rest| rest.strip_suffix(']')) {
        return vec![(inner.to_owned(), value.clone())];
    }
    match (name.as_str(), value) {
        ("filter", Value::Object(object)) => object.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        ("page", Value::Object(object)) => {
            object.iter().map(|(inner, value)| (format!("page{inner}"), value.clone())).collect()
        }
        _ => vec![(name.clone(), value.clone())],
    }
}

/// A number, also one that is written as text.
fn number(value: &Value) -> Option<usize> {
    let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())?;
    usize::try_from(number).ok()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl Wanted {
    /// Reads the parameters of a query, as values; `properties` are what the items have, and `first` is the number of
    /// the first page. A parameter that has the name of a property is a filter, whatever else it could be.
    #[must_use]
    pub fn read(parameters: &[(String, Value)], properties: &[&str], first: usize) -> Self {
        let mut wanted = Self { first, ..Self::default() };
        let mut descending = None;
        let expanded: Vec<(String, Value)> = parameters.iter().flat_map(expand).collect();
        for (name, value) in &expanded {
            let property = properties.iter().find(|property| is_same(name, property));
            match purpose(name) {
                Some(Purpose::Limit) => wanted.limit = number(value),
                Some(Purpose::Offset) => wanted.offset = number(value).unwrap_or(0),
                Some(Purpose::Page) => wanted.page = number(value).map(|page| page.saturating_sub(first)),
                Some(Purpose::After) => wanted.after = text(value),
                Some(Purpose::Before) => wanted.before = text(value),
                Some(Purpose::Fields) if property.is_none() => wanted.fields = listed(value),
                Some(Purpose::Text) if property.is_none() => wanted.text = text(value),
                Some(Purpose::Sort) if property.is_none() => wanted.sort = sorts(value),
                Some(Purpose::Direction) if property.is_none() => match text(value) {
                    Some(direction) if is_direction(&direction) => {
                        descending = Some(direction.to_lowercase().starts_with('d') || direction == "-1");
                    }
                    // Some call so what to sort by.
                    Some(_) => wanted.sort = sorts(value),
                    None => {}
                },
                _ => {
                    let is_any = value.as_str().is_some_and(|text| ["all", "any", "*"].contains(&text));
                    if let Some(property) = property.filter(|_| !is_any) {
                        let values = match value {
                            Value::Array(values) => values.clone(),
                            value => vec![value.clone()],
                        };
                        wanted.filters.push(((*property).to_owned(), values));
                    }
                }
            }
        }
        if let Some(descending) = descending {
            wanted.sort.iter_mut().for_each(|(_, is_descending)| *is_descending = descending);
        }
        wanted
    }

    /// Whether an item is one that is asked for, wherever it stands.
    #[must_use]
    pub fn takes(&self, item: &Value) -> bool {
        let has = |(name, values): &(String, Vec<Value>)| {
            members(item, name).any(|own| values.iter().any(|value| agrees(own, value)))
        };
        self.filters.iter().all(has) && self.text.as_ref().is_none_or(|text| contains(item, &text.to_lowercase(), 0))
    }

    /// Picks what is asked for of all items, which come with what they are called.
    #[must_use]
    pub fn pick(&self, all: Vec<(String, Arc<Value>)>) -> Page {
        let mut items: Vec<(String, Arc<Value>)> = all.into_iter().filter(|(_, item)| self.takes(item)).collect();
        if !self.sort.is_empty() {
            items.sort_by(|(_, a), (_, b)| self.compare(a, b));
        }
        let total = items.len();
        let position =
            |key: &Option<String>| key.as_ref().and_then(|key| items.iter().position(|(known, _)| known == key));
        let begin = match (position(&self.after), self.page, self.limit) {
            (Some(after), ..) => after + 1,
            // What is after something that is not there any more nobody knows.
            (None, ..) if self.after.is_some() => total,
            (None, Some(page), Some(limit)) => page.saturating_mul(limit),
            (None, Some(page), None) => page.saturating_mul(total.max(1)),
            _ => self.offset,
        };
        let begin = begin.min(total);
        let end = position(&self.before).unwrap_or(total).max(begin);
        let begin = match (&self.before, self.limit) {
            (Some(_), Some(limit)) => end.saturating_sub(limit).max(begin),
            _ => begin,
        };
        let end = self.limit.map_or(end, |limit| end.min(begin.saturating_add(limit)));
        Page { total, offset: begin, has_more: end < total, items: items.drain(begin..end).collect() }
    }

    fn compare(&self, a: &Value, b: &Value) -> Ordering {
        let compared = self.sort.iter().map(|(name, is_descending)| {
            let order = order(find(a, name), find(b, name));
            if *is_descending { order.reverse() } else { order }
        });
        compared.fold(Ordering::Equal, Ordering::then)
    }

    /// Leaves of an item what is asked for.
    #[must_use]
    pub fn shown(&self, item: &Value) -> Value {
        match item {
            Value::Object(object) if !self.fields.is_empty() => {
                let is_wanted = |name: &str| self.fields.iter().any(|field| is_same(field, name));
                let kept = object.iter().filter(|(name, _)| is_wanted(name));
                Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>())
            }
            item => item.clone(),
        }
    }
}

/// The items that were picked.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// How many there are on all pages.
    pub total: usize,
    /// How many stand before them.
    pub offset: usize,
    /// Whether others come after them.
    pub has_more: bool,
    /// With what they are called.
    pub items: Vec<(String, Arc<Value>)>,
}

fn is_direction(text: &str) -> bool {
    matches!(text.to_lowercase().as_str(), "asc" | "desc" | "ascending" | "descending" | "1" | "-1")
}

fn listed(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().filter_map(text).collect(),
        Value::String(text) => {
            text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
        }
        _ => Vec::new(),
    }
}

/// `-name,age`, `name desc`, `name:desc`, `{"name": 1}`
fn sorts(value: &Value) -> Vec<(String, bool)> {
    let by_object = |object: &Map<String, Value>| {
        object.iter().map(|(name, way)| (name.clone(), way.as_i64().is_some_and(|way| way < 0))).collect()
    };
    match value {
        Value::Object(object) => by_object(object),
        Value::String(text) if text.trim_start().starts_with('{') => match serde_json::from_str(text) {
            Ok(Value::Object(object)) => by_object(&object),
            _ => Vec::new(),
        },
        _ => listed(value)
            .into_iter()
            .map(|part| {
                if let Some(name) = part.strip_prefix(['-', '!']) {
                    return (name.to_owned(), true);
                }
                let part = part.trim_start_matches('+');
                match part.split_once([':', ' ']) {
                    Some((name, way)) if is_direction(way.trim()) => {
                        (name.to_owned(), way.trim().to_lowercase().starts_with('d'))
                    }
                    _ => match part.rsplit_once('_') {
                        Some((name, way)) if matches!(way, "asc" | "desc") => (name.to_owned(), way == "desc"),
                        _ => (part.to_owned(), false),
                    },
                }
            })
            .collect(),
    }
}

/// Whether a parameter means a property: `createdBy` and `created_by`; `tag` and `tags`.
fn is_same(parameter: &str, property: &str) -> bool {
    let (a, b) = (folded(parameter), folded(property));
    !a.is_empty() && (a == b || super::address::singular(&a) == super::address::singular(&b))
}

fn find<'v>(item: &'v Value, name: &str) -> Option<&'v Value> {
    members(item, name).next()
}

/// What an item has under a name, also below its `attributes`.
fn members<'v>(item: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    let own = item.as_object().into_iter().flatten();
    let below = item.get("attributes").and_then(Value::as_object).into_iter().flatten();
    own.chain(below).filter(move |(there, _)| is_same(name, there)).map(|(_, value)| value)
}

/// Numbers by size, texts by their characters, what is missing last.
fn order(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    match (a, b) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => {
            a.as_f64().unwrap_or(0.0).total_cmp(&b.as_f64().unwrap_or(0.0))
        }
        (Some(Value::String(a)), Some(Value::String(b))) => a.cmp(b),
        (Some(Value::Bool(a)), Some(Value::Bool(b))) => a.cmp(b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}

/// Whether a value of an item is the one that is asked for, or has it among its own.
fn agrees(own: &Value, wanted: &Value) -> bool {
    match (own, wanted) {
        (Value::Array(items), wanted) => items.iter().any(|item| agrees(item, wanted)),
        // What is called by a name or is worth a number.
        (Value::Object(object), wanted) => {
            object.values().any(|value| !value.is_object() && !value.is_array() && agrees(value, wanted))
        }
        (Value::String(own), Value::String(wanted)) => own == wanted || own.eq_ignore_ascii_case(wanted),
        (Value::String(own), wanted) => wanted.to_string().eq(own),
        (own, Value::String(wanted)) => own.to_string().eq(wanted),
        (Value::Number(own), Value::Number(wanted)) => own.as_f64() == wanted.as_f64(),
        (own, wanted) => own == wanted,
    }
}

/// Whether a text stands somewhere in a value; how deep is bounded.
fn contains(value: &Value, text: &str, depth: usize) -> bool {
    const DEEPEST: usize = 4;
    match value {
        Value::String(own) => own.to_lowercase().contains(text),
        Value::Number(number) => number.to_string() == text,
        Value::Array(items) if depth < DEEPEST => items.iter().any(|item| contains(item, text, depth + 1)),
        Value::Object(object) if depth < DEEPEST => object.values().any(|value| contains(value, text, depth + 1)),
        _ => false,
    }
}

/// What a member of an answer says of the page beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// How many items there are.
    Total,
    /// How many are on the page.
    Count,
    /// How many stand before it.
    Offset,
    /// How many there may be on a page.
    Limit,
    /// The number of the page.
    Page,
    /// How many pages there are.
    Pages,
    /// Whether there are more.
    HasMore,
    /// Where the next page is, or what its cursor is.
    Next,
    /// Where the page before is, or what its cursor is.
    Previous,
    /// Whether there are others before it.
    HasPrevious,
    /// What the first item of it is called.
    First,
    /// What the last item of it is called.
    Last,
}

/// What a member of this name says of a page; none if it says something else.
#[must_use]
pub fn says(name: &str) -> Option<Says> {
    let plain = folded(name);
    let words = words(name);
    Some(match plain.as_str() {
        "total" | "totalcount" | "totalitems" | "totalresults" | "totalelements" | "totalrecords" | "totalsize"
        | "itemcount" | "recordcount" | "totalentries" | "totalrows" | "totalhits" => Says::Total,
        "count" | "size" | "numberofelements" | "resultcount" | "returned" => Says::Count,
        "offset" | "skip" | "start" | "startindex" => Says::Offset,
        "limit" | "perpage" | "pagesize" | "itemsperpage" => Says::Limit,
        "page" | "currentpage" | "pagenumber" | "number" => Says::Page,
        "pages" | "totalpages" | "lastpage" | "pagecount" => Says::Pages,
        "hasmore" | "hasnext" | "more" | "hasnextpage" | "ismore" => Says::HasMore,
        "hasprevious" | "hasprev" | "hasprevpage" | "haspreviouspage" => Says::HasPrevious,
        "startcursor" | "firstid" => Says::First,
        "endcursor" | "lastid" => Says::Last,
        "previous" | "prev" | "previouspage" | "prevpageurl" | "previouspageuri" | "prevurl" | "previouspageurl"
        | "previousuri" | "prevcursor" | "previouscursor" => Says::Previous,
        _ if words.first().is_some_and(|word| word == "next") && words.len() <= 4 => Says::Next,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn picked(query: &[(&str, Value)]) -> Vec<i64> {
        let all = [
            json!({"id": 1, "name": "b", "tags": ["x"], "age": 3}),
            json!({"id": 2, "name": "a", "tags": ["x", "y"], "age": 1}),
            json!({"id": 3, "name": "c", "tags": [], "age": 2, "about": {"text": "Hello"}}),
        ];
        let all = all.into_iter().map(|item| (item["id"].to_string(), Arc::new(item))).collect();
        let query: Vec<(String, Value)> =
            query.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let wanted = Wanted::read(&query, &["id", "name", "tags", "age"], 1);
        wanted.pick(all).items.iter().map(|(_, item)| item["id"].as_i64().unwrap_or(0)).collect()
    }

    #[test]
    fn a_list_is_asked_for_in_many_ways() {
        type Case<'c> = (&'c [(&'c str, Value)], &'c [i64]);
        let cases: [Case<'_>; 16] = [
            (&[], &[1, 2, 3]),
            (&[("limit", json!(2))], &[1, 2]),
            (&[("per_page", json!(2)), ("page", json!(2))], &[3]),
            (&[("offset", json!(1)), ("count", json!("1"))], &[2]),
            (&[("starting_after", json!("1"))], &[2, 3]),
            (&[("before", json!("3")), ("limit", json!(1))], &[2]),
            (&[("sort", json!("name"))], &[2, 1, 3]),
            (&[("sort", json!("-age"))], &[1, 3, 2]),
            (&[("sortBy", json!("age")), ("order", json!("desc"))], &[1, 3, 2]),
            (&[("order_by", json!("name desc"))], &[3, 1, 2]),
            (&[("sort", json!("{\"age\": 1}"))], &[2, 3, 1]),
            (&[("tag", json!("y"))], &[2]),
            (&[("age", json!([1, 2]))], &[2, 3]),
            (&[("q", json!("hell"))], &[3]),
            (&[("name", json!("none"))], &[]),
            (&[("offset", json!(9)), ("limit", json!(0))], &[]),
        ];
        for (query, expected) in cases {
            assert_eq!(picked(query), expected, "{query:?}");
        }
    }
}
