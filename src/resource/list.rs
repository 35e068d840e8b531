//! List queries: the part, the order and the filters that a request selects from a list.
//!
//! `entity` reads a query from parameters and content, and picks a page of entities with it.
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::document::number;
use crate::resource::filter::{self, Filter, FindProperty as _};
use crate::resource::filter_match::FilterTest;
use crate::resource::filter_text;
use crate::resource::order::{Criterion, SortKey, plain};
use crate::resource::purpose::{ListParameter, Purpose, number, purpose};
use crate::schema::name::folded;
use crate::schema::start_of;

/// Query of a list: paging, sorting, filters and fields.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ListQuery {
    /// Maximum number of items.
    pub limit: Option<usize>,
    /// Number of items to skip.
    pub offset: usize,
    /// Number of the page, counted from 0.
    pub page: Option<usize>,
    /// Number that the API gives to its first page: 0 or 1.
    pub first: usize,
    /// Key after which the page begins.
    pub after: Option<String>,
    /// Key before which the page ends.
    pub before: Option<String>,
    /// Properties to sort by; `true` for descending order.
    pub sort: Vec<(String, bool)>,
    /// Conditions that items must meet.
    pub filters: Vec<Filter>,
    /// Text that must occur somewhere in an item.
    pub text: Option<String>,
    /// Properties to show, normalized by `plain`; all if empty.
    pub fields: HashSet<String>,
    /// Names of documented parameters that filter, although such names usually page, sort or search
    /// a list.
    pub filtering: Vec<String>,
    /// Names of the parameters that select a page, with their purposes.
    pub paging: Vec<(Purpose, String)>,
    /// Messages for people about parts of the request that exceeded a limit and were ignored.
    pub cuts: Vec<String>,
}

/// Maximum number of properties to sort by; further ones are ignored, and the answer says so.
const MOST_SORTS: usize = 16;

/// Maximum number of fields that a request may select; further ones are ignored, and the answer
/// says so.
const MOST_FIELDS: usize = 1000;

/// Maximum number of filters of a request; further ones are ignored, and the answer says so.
const MOST_FILTERS: usize = 100;

/// Maximum number of values of a filter; further ones are ignored, and the answer says so.
const MOST_VALUES: usize = 1000;

/// Returns the parameters that a parameter expands to, as in JSON:API: `page[size]`,
/// `filter[status]`, or an object `page` or `filter` with such members.
fn expand<'p>(parameter: &ListParameter<'p>) -> Vec<ListParameter<'p>> {
    if let Some(inner) = parameter
        .name
        .strip_prefix("filter[")
        .and_then(|rest| rest.strip_suffix(']'))
    {
        // `filter[price][gte]` has an operator.
        let name = match inner.split_once("][") {
            Some((name, operator)) => format!("{name}[{operator}]"),
            None => inner.to_owned(),
        };
        return vec![ListParameter {
            name,
            is_filter: true,
            ..parameter.clone()
        }];
    }
    let members = |object: &Map<String, Value>, before: &str, is_filter: bool| {
        let members = object
            .iter()
            .take(MOST_FILTERS)
            .map(|(inner, value)| ListParameter {
                name: format!("{before}{inner}"),
                value: Some(value.clone()),
                is_filter,
                ..ListParameter::default()
            });
        members.collect()
    };
    match (parameter.name.as_str(), &parameter.value) {
        ("filter" | "where", Some(Value::Object(object))) => members(object, "", true),
        ("page", Some(Value::Object(object))) => members(object, "page", false),
        _ => vec![parameter.clone()],
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl ListQuery {
    /// Reads the parameters of a list. `properties` are the names of the properties of its items,
    /// and `first` is the number of the first page. A parameter with the name of a property is a
    /// filter, unless the document shows that it pages the list.
    #[must_use]
    pub(crate) fn read(
        parameters: &[ListParameter<'_>],
        properties: &[&str],
        first: usize,
    ) -> Self {
        let mut wanted = Self {
            first,
            ..Self::default()
        };
        let mut descending = None;
        let all: Vec<ListParameter<'_>> = parameters.iter().flat_map(expand).collect();
        let mut known: HashMap<String, &str> = HashMap::new();
        for property in properties {
            known.entry(plain(property)).or_insert(property);
        }
        for parameter in &all {
            let purpose = purpose(parameter, &all, |name| known.named(name).is_some());
            if let Some(turning @ (Purpose::Page | Purpose::Offset | Purpose::After)) = purpose {
                wanted.paging.push((turning, parameter.name.clone()));
            }
            let is_property = known.named(&parameter.name).is_some();
            if purpose.is_none() && is_property && Purpose::of(&parameter.name).is_some() {
                wanted.filtering.push(parameter.name.clone());
            }
            let Some(value) = &parameter.value else {
                continue;
            };
            if purpose.is_none() && wanted.sort_inside(&parameter.name, value) {
                continue;
            }
            match purpose {
                Some(Purpose::Limit) => wanted.limit = number(value),
                Some(Purpose::Offset) => wanted.offset = number(value).unwrap_or(0),
                Some(Purpose::Page) => {
                    wanted.page = number(value).map(|page| page.saturating_sub(first));
                }
                Some(Purpose::After) => wanted.after = text(value),
                Some(Purpose::Before) => wanted.before = text(value),
                Some(Purpose::Fields) => wanted.choose(&listed(value)),
                Some(Purpose::Text) => wanted.search(text(value), &known),
                Some(Purpose::Sort) => wanted.sort = sorts(value),
                Some(Purpose::Direction) => match text(value) {
                    Some(direction) if is_direction(&direction) => {
                        descending = Some(is_descending(&direction));
                    }
                    // Some APIs use such a name for the property to sort by: `order=name`.
                    Some(_) => wanted.sort = sorts(value),
                    None => {}
                },
                None => wanted.filter(parameter, value, &known),
            }
        }
        for (name, _) in &mut wanted.sort {
            if let Some(way) = known.meant(name) {
                *name = way.join(".");
            }
        }
        if let Some(descending) = descending {
            wanted
                .sort
                .iter_mut()
                .for_each(|(_, is_descending)| *is_descending = descending);
        }
        wanted.cut_sort();
        wanted
    }

    fn choose(&mut self, fields: &[String]) {
        self.cut("fields", fields.len(), MOST_FIELDS);
        self.fields = fields
            .iter()
            .take(MOST_FIELDS)
            .map(|field| plain(field))
            .collect();
    }

    /// Reads a parameter that filters; others are ignored.
    fn filter(
        &mut self,
        parameter: &ListParameter<'_>,
        value: &Value,
        properties: &HashMap<String, &str>,
    ) {
        let as_text = value.as_str();
        let is_any = as_text.is_some_and(|text| ["all", "any", "*"].contains(&text));
        if is_any || filter::leaves_all(&parameter.name, value) {
            return;
        }
        if let Some((way, comparison)) = filter::subject(&parameter.name, properties) {
            let found = filter::read((&way, comparison), value, parameter.description);
            let (whole, cut): (Vec<Filter>, Vec<Filter>) =
                found.into_iter().partition(filter::is_complete);
            if !cut.is_empty() {
                self.tell(&parameter.name, "is a range without two values");
            }
            return self.add(whole);
        }
        let Some(text) = as_text.filter(|text| !text.is_empty()) else {
            return;
        };
        let found = match folded(&parameter.name).as_str() {
            "labelselector" => filter_text::labels(text),
            "fieldselector" => filter_text::fields(text),
            "filter" | "filters" | "where" => filter_text::read(text, properties).map(|found| {
                let left = found.unknown.into_iter().chain(found.words);
                left.for_each(|term| self.ignore(&term));
                found.filters
            }),
            _ => {
                if filter::has_other_operator(&parameter.name, properties) {
                    self.tell(&parameter.name, "has an operator that is not known");
                }
                return;
            }
        };
        match found {
            Some(found) => self.add(found),
            None => self.tell(text, "is no filter that is understood"),
        }
    }

    /// Reads a search text, which may have filters such as `name:golf` in it.
    fn search(&mut self, text: Option<String>, properties: &HashMap<String, &str>) {
        let filter = text
            .as_deref()
            .filter(|text| text.contains([':', '=', '<', '>', '~']));
        let found = filter.and_then(|text| filter_text::read(text, properties));
        if let (Some(filter), None) = (filter, &found) {
            self.note(filter, "is searched as text, for filters that are joined by `or` or grouped are not understood");
        }
        // Without filters, the text is searched as it is.
        let Some(found) = found.filter(|found| found.filters.len() + found.unknown.len() > 0)
        else {
            self.text = text;
            return;
        };
        found.unknown.iter().for_each(|term| self.ignore(term));
        self.add(found.filters);
        let words = found.words.join(" ");
        self.text = Some(words).filter(|words| !words.is_empty());
    }

    /// Notes a term that filters by nothing that the items have.
    fn ignore(&mut self, term: &str) {
        self.tell(term, "filters by no property of the items");
    }

    /// Notes why a term was ignored.
    fn tell(&mut self, term: &str, why: &str) {
        self.note(term, &format!("{why} and was ignored"));
    }

    /// Notes what became of a term.
    fn note(&mut self, term: &str, what: &str) {
        if self.cuts.len() < MOST_CUTS {
            let term = start_of(term, LONGEST_TERM);
            self.cuts.push(format!("`{term}` {what}"));
        }
    }

    fn add(&mut self, filters: Vec<Filter>) {
        for mut filter in filters {
            self.cut("values of a filter", filter.values.len(), MOST_VALUES);
            filter.values.truncate(MOST_VALUES);
            let count = self.filters.len() + 1;
            self.cut("filters", count, MOST_FILTERS);
            if count <= MOST_FILTERS {
                self.filters.push(filter);
            }
        }
    }

    /// Reads a parameter whose name has the property to sort by: `sort_by[name]=desc`; returns false for others.
    fn sort_inside(&mut self, name: &str, value: &Value) -> bool {
        let inner = name.strip_suffix(']').and_then(|name| name.split_once('['));
        let Some((outer, inner)) = inner else {
            return false;
        };
        let sorts = matches!(Purpose::of(outer), Some(Purpose::Sort | Purpose::Direction));
        match text(value).filter(|way| sorts && is_direction(way)) {
            Some(way) => {
                self.sort.push((inner.to_owned(), is_descending(&way)));
                true
            }
            None => false,
        }
    }

    /// Removes repeated properties to sort by, and those beyond `MOST_SORTS`.
    fn cut_sort(&mut self) {
        let mut seen = HashSet::new();
        self.sort.retain(|(name, _)| seen.insert(name.clone()));
        let count = self.sort.len();
        self.cut("names to sort by", count, MOST_SORTS);
        self.sort.truncate(MOST_SORTS);
    }

    /// Records a message if `count` exceeds `most`.
    fn cut(&mut self, what: &str, count: usize, most: usize) {
        let cut = format!("of {count} {what} the first {most} are used");
        if count > most && self.cuts.len() < MOST_CUTS {
            self.cuts.push(cut);
        }
    }

    /// Returns the filters and the search text, ready to test items with.
    #[must_use]
    pub(crate) fn test(&self) -> Test<'_> {
        Test {
            filters: self.filters.iter().map(FilterTest::new).collect(),
            text: self.text.as_ref().map(|text| text.to_lowercase()),
        }
    }

    /// Returns the page of `all` that the query selects; `all` has entities with their keys.
    #[must_use]
    pub(crate) fn pick(&self, all: Vec<(String, Arc<Value>)>) -> Page {
        let test = self.test();
        let mut items: Vec<(String, Arc<Value>)> = all
            .into_iter()
            .filter(|(_, item)| test.takes(item))
            .collect();
        if !self.sort.is_empty() {
            items = self.sorted(&items);
        }
        let total = items.len();
        let position = |key: &Option<String>| {
            key.as_ref()
                .and_then(|key| items.iter().position(|(known, _)| known == key))
        };
        let begin = match (position(&self.after), self.page, self.limit) {
            (Some(after), ..) => after + 1,
            // The position of a removed item is unknown: the page after it is empty.
            (None, ..) if self.after.is_some() => total,
            // A number of items to skip may be documented beside the page.
            (None, Some(page), Some(limit)) => {
                page.saturating_mul(limit).saturating_add(self.offset)
            }
            (None, Some(page), None) => page.saturating_mul(total.max(1)),
            _ => self.offset,
        };
        let begin = begin.min(total);
        let end = position(&self.before).unwrap_or(total).max(begin);
        let begin = match (&self.before, self.limit) {
            (Some(_), Some(limit)) => end.saturating_sub(limit).max(begin),
            _ => begin,
        };
        let end = self
            .limit
            .map_or(end, |limit| end.min(begin.saturating_add(limit)));
        Page {
            total,
            offset: begin,
            has_more: end < total,
            items: items.drain(begin..end).collect(),
        }
    }

    /// Returns the items in the requested order.
    fn sorted(&self, items: &[(String, Arc<Value>)]) -> Vec<(String, Arc<Value>)> {
        let criteria = self.criteria();
        let keys_of = |item| {
            criteria
                .iter()
                .map(|criterion| criterion.key(item))
                .collect()
        };
        let keys: Vec<Vec<SortKey<'_>>> = items.iter().map(|(_, item)| keys_of(item)).collect();
        let mut order: Vec<usize> = (0..items.len()).collect();
        order.sort_by(|a, b| {
            let pairs = criteria.iter().zip(keys[*a].iter().zip(&keys[*b]));
            pairs.fold(Ordering::Equal, |order, (criterion, (a, b))| {
                order.then_with(|| criterion.compare(a, b))
            })
        });
        order.into_iter().map(|at| items[at].clone()).collect()
    }

    /// Puts items, which have the requested order, into a list that has it too; behind the list if no order
    /// is requested. The items of the list keep their places towards each other.
    pub(crate) fn merge(&self, list: &mut Vec<Value>, items: Vec<Value>) {
        let criteria = self.criteria();
        let comes_before = |item: &Value, other: &Value| {
            let order = criteria.iter().fold(Ordering::Equal, |order, criterion| {
                order.then_with(|| criterion.compare(&criterion.key(item), &criterion.key(other)))
            });
            order == Ordering::Less
        };
        let mut items = items.into_iter().peekable();
        for other in std::mem::take(list) {
            while let Some(item) = items.next_if(|item| comes_before(item, &other)) {
                list.push(item);
            }
            list.push(other);
        }
        list.extend(items);
    }

    fn criteria(&self) -> Vec<Criterion> {
        let sort = self.sort.iter();
        sort.map(|(name, is_descending)| Criterion::new(name, *is_descending))
            .collect()
    }

    /// Returns an item with the selected fields only; the whole item if none are selected.
    #[must_use]
    pub(crate) fn shown(&self, item: &Value) -> Value {
        match item {
            Value::Object(object) if !self.fields.is_empty() => {
                let kept = object
                    .iter()
                    .filter(|(name, _)| self.fields.contains(&plain(name)));
                Value::Object(
                    kept.map(|(name, value)| (name.clone(), value.clone()))
                        .collect::<Map<_, _>>(),
                )
            }
            item => item.clone(),
        }
    }
}

/// Maximum number of messages about ignored parts; further ones are dropped.
const MOST_CUTS: usize = 4;

/// Longest part of a term in a message, in bytes.
const LONGEST_TERM: usize = 60;

/// Condition that items must meet to be listed.
#[derive(Debug)]
pub(crate) struct Test<'w> {
    filters: Vec<FilterTest<'w>>,
    /// Search text in lower case.
    text: Option<String>,
}

impl Test<'_> {
    /// Returns true if an item matches all filters and the search text.
    #[must_use]
    pub(crate) fn takes(&self, item: &Value) -> bool {
        self.filters.iter().all(|filter| filter.takes(item))
            && self
                .text
                .as_ref()
                .is_none_or(|text| contains(item, text, 0))
    }
}

/// Page of a list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Page {
    /// Number of items on all pages.
    pub total: usize,
    /// Number of items before this page.
    pub offset: usize,
    /// True if items follow this page.
    pub has_more: bool,
    /// Items of this page with their keys.
    pub items: Vec<(String, Arc<Value>)>,
}

fn is_direction(text: &str) -> bool {
    matches!(
        text.to_lowercase().as_str(),
        "asc" | "desc" | "ascending" | "descending" | "1" | "-1"
    )
}

fn is_descending(direction: &str) -> bool {
    direction.to_lowercase().starts_with('d') || direction == "-1"
}

fn listed(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().filter_map(text).collect(),
        Value::String(text) => text
            .split(',')
            .map(|part| part.trim().to_owned())
            .filter(|part| !part.is_empty())
            .collect(),
        _ => Vec::new(),
    }
}

/// Reads the properties to sort by: `-name,age`, `name desc`, `name:desc`, `name_desc`, `{"name":
/// 1}`.
fn sorts(value: &Value) -> Vec<(String, bool)> {
    let by_object = |object: &Map<String, Value>| {
        object
            .iter()
            .map(|(name, way)| {
                let is_less = way.as_i64().is_some_and(|way| way < 0);
                (
                    name.clone(),
                    is_less || way.as_str().is_some_and(is_descending),
                )
            })
            .collect()
    };
    match value {
        Value::Object(object) => by_object(object),
        Value::String(text) if text.trim_start().starts_with('{') => {
            match serde_json::from_str(text) {
                Ok(Value::Object(object)) => by_object(&object),
                _ => Vec::new(),
            }
        }
        _ => listed(value)
            .into_iter()
            .map(|part| {
                if let Some(name) = part.strip_prefix(['-', '!']) {
                    return (name.to_owned(), true);
                }
                let part = part.trim_start_matches('+');
                match part.split_once([':', ' ']) {
                    Some((name, way)) if is_direction(way.trim()) => {
                        (name.to_owned(), is_descending(way.trim()))
                    }
                    _ => match part.rsplit_once('_') {
                        Some((name, way)) if matches!(way, "asc" | "desc") => {
                            (name.to_owned(), way == "desc")
                        }
                        _ => (part.to_owned(), false),
                    },
                }
            })
            .collect(),
    }
}

/// Returns true if a text occurs in a value; arrays and objects nested more than 4 levels deep are
/// not searched.
fn contains(value: &Value, text: &str, depth: usize) -> bool {
    const DEEPEST: usize = 4;
    match value {
        Value::String(own) => own.to_lowercase().contains(text),
        Value::Number(number) => number::is_text_of(number, text),
        Value::Array(items) if depth < DEEPEST => {
            items.iter().any(|item| contains(item, text, depth + 1))
        }
        Value::Object(object) if depth < DEEPEST => object
            .values()
            .any(|value| contains(value, text, depth + 1)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(name: &str, value: Value) -> ListParameter<'static> {
        ListParameter {
            name: name.to_owned(),
            value: Some(value),
            ..ListParameter::default()
        }
    }

    fn picked(query: &[(&str, Value)]) -> Vec<i64> {
        let all = [
            json!({"id": 1, "name": "b", "tags": ["x"], "age": 3}),
            json!({"id": 2, "name": "a", "tags": ["x", "y"], "age": 1}),
            json!({"id": 3, "name": "c", "tags": [], "age": 2, "about": {"text": "Hello"}}),
        ];
        let all = all
            .into_iter()
            .map(|item| (item["id"].to_string(), Arc::new(item)))
            .collect();
        let query: Vec<ListParameter<'_>> = query
            .iter()
            .map(|(name, value)| of(name, value.clone()))
            .collect();
        let wanted = ListQuery::read(&query, &["id", "name", "tags", "age"], 1);
        wanted
            .pick(all)
            .items
            .iter()
            .map(|(_, item)| item["id"].as_i64().unwrap_or(0))
            .collect()
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
            (
                &[("sortBy", json!("age")), ("order", json!("desc"))],
                &[1, 3, 2],
            ),
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
    #[test]
    fn what_is_too_much_is_cut_and_told() {
        let many = |count: usize| {
            (0..count)
                .map(|at| format!("p{at}"))
                .collect::<Vec<_>>()
                .join(",")
        };
        let query = [
            of("sort", json!(many(2000))),
            of("fields", json!(many(9000))),
            of("id", json!(vec![1; 1001])),
        ];
        let wanted = ListQuery::read(&query, &["id"], 1);
        assert_eq!(
            (wanted.sort.len(), wanted.fields.len()),
            (MOST_SORTS, MOST_FIELDS)
        );
        let cuts = [
            "of 9000 fields the first 1000 are used",
            "of 1001 values of a filter the first 1000 are used",
            "of 2000 names to sort by the first 16 are used",
        ];
        assert_eq!(wanted.cuts, cuts);
    }
}
