//! Filters of a list: what must the value of a property be like?
//!
//! `list` reads them with [`read`] from parameters such as `status`, `price__gt`, `created[gte]`, `min_price`
//! or `name_contains`, `filter_text` reads them from texts such as `name:golf`, and [`FilterTest`] tests items.
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::document::number;
use crate::resource::order::{MemberName, plain, worth};
use crate::schema::name::{folded, words};

/// Comparison of the value of an item with the value of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// The values are equal, or that of the item has the other as an element or a member.
    Equal,
    /// No value of the item is equal.
    Unequal,
    Above,
    AtLeast,
    Below,
    AtMost,
    /// A text has the other as a part; a list has it as an element.
    Contains,
    StartsWith,
    EndsWith,
}

use Comparison::{Above, AtLeast, AtMost, Below, Contains, EndsWith, Equal, StartsWith, Unequal};

/// Operators behind `__`, `.` or in brackets, or as members of a value: `price__gt`, `price[gt]`, `{"$gt": 3}`.
const MARKED: [(Comparison, &str); 9] = [
    (Equal, "eq equals is exact iexact ie in any anyof oneof"),
    (Unequal, "ne neq not nie nin notin noteq"),
    (Above, "gt after greaterthan morethan"),
    (AtLeast, "gte ge min minimum from since start"),
    (Below, "lt before lessthan"),
    (AtMost, "lte le max maximum to until till end"),
    (
        Contains,
        "contains contain icontains ic co like ilike includes match matches search",
    ),
    (
        StartsWith,
        "startswith istartswith isw sw prefix starts beginswith",
    ),
    (EndsWith, "endswith iendswith iew ew suffix"),
];

/// Operators that are a word of a name: `created_after`, `priceMin`.
const WORDS: [(Comparison, &str); 7] = [
    (Above, "gt after"),
    (AtLeast, "gte ge min minimum from since"),
    (Below, "lt before"),
    (AtMost, "lte le max maximum to until"),
    (Contains, "contains like includes"),
    (StartsWith, "startswith prefix"),
    (EndsWith, "endswith suffix"),
];

/// Words of a description that make a parameter of a property look for a part of its value.
const PART: [&str; 8] = [
    "contains",
    "contain",
    "containing",
    "substring",
    "partial",
    "partially",
    "fuzzy",
    "like",
];

/// Words of a description that make a parameter of a property look for the beginning of its value.
const BEGINNING: [&str; 7] = [
    "prefix",
    "starts",
    "start",
    "starting",
    "begins",
    "begin",
    "beginning",
];

/// Operators before a value: `gte:5`, `>=5`.
const BEFORE_VALUE: [(&str, Comparison); 15] = [
    ("gte:", AtLeast),
    ("gt:", Above),
    ("lte:", AtMost),
    ("lt:", Below),
    ("ge:", AtLeast),
    ("le:", AtMost),
    ("eq:", Equal),
    ("neq:", Unequal),
    ("ne:", Unequal),
    ("like:", Contains),
    (">=", AtLeast),
    (">", Above),
    ("<=", AtMost),
    ("<", Below),
    ("!=", Unequal),
];

/// Place of the value of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FilterPlace {
    /// Property, or the way to a member of one: `price` and `amount`.
    Property(Vec<String>),
    /// Label by its name, in `labels` or `metadata.labels`.
    Label(String),
}

/// Condition on one value of the items of a list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Filter {
    pub place: FilterPlace,
    pub comparison: Comparison,
    /// Accepted values; one of them is enough.
    pub values: Vec<Value>,
}

impl Filter {
    /// Creates a filter of a property, or of a member of one.
    pub(crate) fn of(way: &[String], comparison: Comparison, values: Vec<Value>) -> Self {
        Self {
            place: FilterPlace::Property(way.to_vec()),
            comparison,
            values,
        }
    }

    /// Creates a filter of items whose property has one of some values.
    pub(crate) fn equal(property: &str, values: Vec<Value>) -> Self {
        Self::of(&[property.to_owned()], Equal, values)
    }
}

/// Finds the property of items that a name means.
pub(crate) trait FindProperty {
    /// Returns the property with this name in any spelling.
    fn named(&self, name: &str) -> Option<String>;

    /// Returns the property with this name, or the time that it is short for (`created_at` for `created`), or the
    /// way to a member (`price.amount`).
    fn meant(&self, name: &str) -> Option<Vec<String>> {
        let with = |ends: &[&str]| {
            ends.iter()
                .find_map(|end| self.named(&format!("{name}_{end}")))
        };
        if name.is_empty() {
            return None;
        }
        let property = self
            .named(name)
            .or_else(|| with(&["at", "on", "date", "time", "timestamp"]))
            .or_else(|| self.named(&format!("date_{name}")))
            .or_else(|| self.named(short(name)?));
        if let Some(property) = property {
            return Some(vec![property]);
        }
        let mut way = name.split('.').map(str::to_owned);
        let first = self.named(&way.next()?)?;
        let members: Vec<String> = way.collect();
        (!members.is_empty()).then(|| [vec![first], members].concat())
    }
}

/// Returns a name of a time without its end: `created` for `created_at`.
fn short(name: &str) -> Option<&str> {
    let ends = ["_at", "_on", "_date", "At", "On", "Date"];
    ends.iter()
        .find_map(|end| name.strip_suffix(end))
        .filter(|rest| !rest.is_empty())
}

/// Returns the comparison of an operator; `names` are the operators of the place where it was found.
fn comparison(operator: &str, names: &[(Comparison, &str)]) -> Option<Comparison> {
    let operator = folded(operator.trim_start_matches('$'));
    let found = names
        .iter()
        .find(|(_, known)| known.split(' ').any(|known| known == operator));
    found.map(|(comparison, _)| *comparison)
}

/// Returns the comparison of an operator such as `gte`, `eq` or `sw`.
#[must_use]
pub(crate) fn operator(text: &str) -> Option<Comparison> {
    comparison(text, &MARKED)
}

/// Returns the property and the comparison that a name of a parameter means: `price` and `Above` for `price__gt`.
/// A property of the whole name is preferred.
#[must_use]
pub(crate) fn subject(
    name: &str,
    properties: &dyn FindProperty,
) -> Option<(Vec<String>, Comparison)> {
    if let Some(property) = properties.named(name) {
        return Some((vec![property], Equal));
    }
    if let Some((property, end)) = marked(name)
        && let Some(comparison) = operator(end)
    {
        return Some((properties.meant(property)?, comparison));
    }
    let all = words(name);
    let (first, rest) = all.split_first()?;
    if let "min" | "minimum" | "max" | "maximum" | "filter" | "not" = first.as_str()
        && let Some(property) = properties.meant(&rest.join("_"))
    {
        let comparison = match first.as_str() {
            "min" | "minimum" => AtLeast,
            "max" | "maximum" => AtMost,
            "not" => Unequal,
            _ => Equal,
        };
        return Some((property, comparison));
    }
    let (last, before) = all.split_last()?;
    if let Some(comparison) = comparison(last, &WORDS)
        && let Some(property) = properties.meant(&before.join("_"))
    {
        return Some((property, comparison));
    }
    // A member of a property: `owner.type`, `owner[type]`.
    let (outer, inner) = marked(name).filter(|_| name.contains(['.', '[']))?;
    Some((vec![properties.named(outer)?, inner.to_owned()], Equal))
}

/// Splits a name before its marked operator: `price__gt`, `price[gt]`, `price.gt`.
fn marked(name: &str) -> Option<(&str, &str)> {
    if let Some((property, operator)) = name.rsplit_once("__") {
        return Some((property, operator));
    }
    if let Some(inner) = name.strip_suffix(']') {
        return inner.rsplit_once('[');
    }
    name.rsplit_once('.')
}

/// Returns the filters of a parameter that means a property; `description` is the documented one.
#[must_use]
pub(crate) fn read(
    (way, comparison): (&[String], Comparison),
    value: &Value,
    description: &str,
) -> Vec<Filter> {
    let spoken = words_of(description);
    let says = |names: &[&str]| {
        names
            .iter()
            .any(|name| spoken.iter().any(|word| word == name))
    };
    let comparison = match comparison {
        Equal if says(&PART) => Contains,
        Equal if says(&BEGINNING) => StartsWith,
        comparison => comparison,
    };
    match value {
        Value::Object(object) => of_members(way, object),
        Value::Array(values) => vec![Filter::of(way, comparison, values.clone())],
        Value::String(text) if is_list(text, comparison, &spoken) => {
            let parts = text.split(',').map(|part| Value::from(part.trim()));
            vec![Filter::of(way, comparison, parts.collect())]
        }
        Value::String(text) if comparison == Equal => {
            let (comparison, value) = before_value(text);
            vec![Filter::of(way, comparison, vec![value.into()])]
        }
        value => vec![Filter::of(way, comparison, vec![value.clone()])],
    }
}

/// Returns true if a text is a list of accepted values.
fn is_list(text: &str, comparison: Comparison, description: &[String]) -> bool {
    let has_comma = text.contains(',') && matches!(comparison, Equal | Unequal);
    let mut spoken = description.iter();
    has_comma && spoken.any(|word| matches!(word.as_str(), "comma" | "commas" | "csv" | "list"))
}

/// Returns the words of the first sentences of a description.
fn words_of(description: &str) -> Vec<String> {
    const LOOKED_AT: usize = 24;
    let first = description.split_whitespace().take(LOOKED_AT);
    first.flat_map(words).collect()
}

/// Splits the operator before a value from it: `gte:5`. Without a number or a time after `>` or `<`, there is none.
fn before_value(text: &str) -> (Comparison, &str) {
    let found = BEFORE_VALUE
        .iter()
        .find_map(|(operator, comparison)| Some((*comparison, text.strip_prefix(operator)?)));
    match found {
        Some((comparison, rest)) if !rest.is_empty() => {
            let is_ordered = matches!(comparison, Above | AtLeast | Below | AtMost);
            let value = Value::from(rest);
            let is_measure = worth(&value).is_some() || instant(&value).is_some();
            if is_ordered && !is_measure {
                (Equal, text)
            } else {
                (comparison, rest)
            }
        }
        _ => (Equal, text),
    }
}

/// Returns the filters of a value with operators or members: `{"gte": 5, "lt": 9}`, `{"amount": 5}`.
fn of_members(way: &[String], object: &Map<String, Value>) -> Vec<Filter> {
    let filter = |(name, value): (&String, &Value)| {
        let values = match value {
            Value::Array(values) => values.clone(),
            Value::String(text) if folded(name).ends_with("in") => text
                .split(',')
                .map(|part| Value::from(part.trim()))
                .collect(),
            value => vec![value.clone()],
        };
        match operator(name) {
            Some(comparison) => Filter::of(way, comparison, values),
            None => Filter::of(&[way, std::slice::from_ref(name)].concat(), Equal, values),
        }
    };
    object.iter().map(filter).collect()
}

/// Filter that is ready to test items.
#[derive(Debug)]
pub(crate) struct FilterTest<'f> {
    place: TestedPlace<'f>,
    comparison: Comparison,
    values: &'f [Value],
}

#[derive(Debug)]
enum TestedPlace<'f> {
    Property(Vec<MemberName>),
    Label(&'f str),
}

/// Maximum number of members on the way to a value; further ones are ignored.
const DEEPEST: usize = 8;

impl<'f> FilterTest<'f> {
    pub(crate) fn new(filter: &'f Filter) -> Self {
        let place = match &filter.place {
            FilterPlace::Label(name) => TestedPlace::Label(name),
            FilterPlace::Property(way) => {
                let way = way.iter().take(DEEPEST).map(|name| MemberName::new(name));
                TestedPlace::Property(way.collect())
            }
        };
        Self {
            place,
            comparison: filter.comparison,
            values: &filter.values,
        }
    }

    /// Returns true if an item has an accepted value.
    pub(crate) fn takes(&self, item: &Value) -> bool {
        let found = match &self.place {
            TestedPlace::Property(way) => at(item, way),
            TestedPlace::Label(name) => label(item, name).into_iter().collect(),
        };
        let has = |comparison| {
            let is_it = |own: &&Value| {
                let mut wanted = self.values.iter();
                wanted.any(|wanted| holds(own, comparison, wanted))
            };
            found.iter().any(is_it)
        };
        match self.comparison {
            Unequal => !has(Equal),
            comparison => has(comparison),
        }
    }
}

/// Returns the values at the end of a way; each item of a list on the way is followed.
fn at<'v>(item: &'v Value, way: &[MemberName]) -> Vec<&'v Value> {
    let mut found = vec![item];
    for name in way {
        let mut next = Vec::new();
        for value in found {
            match value {
                Value::Array(items) => {
                    next.extend(items.iter().flat_map(|item| name.members(item)));
                }
                value => next.extend(name.members(value)),
            }
        }
        found = next;
    }
    found
}

/// Returns the label of an item with a name.
fn label<'v>(item: &'v Value, name: &str) -> Option<&'v Value> {
    let own = item.get("labels");
    let labels = own.or_else(|| item.get("metadata")?.get("labels"))?;
    labels.get(name)
}

/// Returns true if a value of an item holds against the wanted one.
fn holds(own: &Value, comparison: Comparison, wanted: &Value) -> bool {
    match (comparison, own) {
        (Equal | Unequal, own) => agrees(own, wanted),
        // An element is compared as a whole.
        (Contains, Value::Array(_)) => agrees(own, wanted),
        (_, Value::Array(items)) => items.iter().any(|item| holds(item, comparison, wanted)),
        (_, Value::Object(object)) => object
            .values()
            .filter(|value| !value.is_object() && !value.is_array())
            .any(|value| holds(value, comparison, wanted)),
        (Contains | StartsWith | EndsWith, Value::String(own)) => {
            let (own, wanted) = (own.to_lowercase(), text(wanted).to_lowercase());
            match comparison {
                Contains => own.contains(&wanted),
                StartsWith => own.starts_with(&wanted),
                _ => own.ends_with(&wanted),
            }
        }
        (Contains | StartsWith | EndsWith, own) => agrees(own, wanted),
        // `active_since` is no bound of the flag `active`.
        (Above | AtLeast | Below | AtMost, Value::Bool(_)) => true,
        (Above | AtLeast | Below | AtMost, own) => in_order(own, comparison, wanted),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// Compares numbers by value, times by instant, and other texts by characters.
fn in_order(own: &Value, comparison: Comparison, wanted: &Value) -> bool {
    let order = match (worth(own), worth(wanted)) {
        (Some(own), Some(wanted)) => own.partial_cmp(&wanted),
        _ => match (instant(own), instant(wanted)) {
            // Until a day means until its end.
            (Some(own), Some(day)) if comparison == AtMost && is_day(wanted) => {
                own.partial_cmp(&(day + DAY - 0.001))
            }
            (Some(own), Some(wanted)) => own.partial_cmp(&wanted),
            _ => match (own, wanted) {
                (Value::String(own), Value::String(wanted)) => {
                    Some(own.to_lowercase().cmp(&wanted.to_lowercase()))
                }
                _ => None,
            },
        },
    };
    order.is_some_and(|order| match comparison {
        Above => order.is_gt(),
        AtLeast => order.is_ge(),
        Below => order.is_lt(),
        _ => order.is_le(),
    })
}

/// Length of a day, in seconds.
const DAY: f64 = 86_400.0;

fn is_day(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() == 10)
}

/// Returns the instant that a value is, in seconds since 1970: a date, a date with time (RFC 3339), or a number of
/// seconds or milliseconds.
fn instant(value: &Value) -> Option<f64> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds of this millennium are exact"
    )]
    let seconds = |time: OffsetDateTime| {
        time.unix_timestamp() as f64 + f64::from(time.millisecond()) / 1000.0
    };
    match value {
        Value::Number(number) => {
            let number = number.as_f64()?;
            Some(if number.abs() < 1e11 {
                number
            } else {
                number / 1000.0
            })
        }
        Value::String(text) if text.len() == 10 => {
            OffsetDateTime::parse(&format!("{text}T00:00:00Z"), &Rfc3339)
                .ok()
                .map(seconds)
        }
        Value::String(text) => OffsetDateTime::parse(text, &Rfc3339).ok().map(seconds),
        _ => None,
    }
}

/// Returns true if a value of an item equals the wanted one, or contains it as an element or a
/// member. ASCII case is ignored.
fn agrees(own: &Value, wanted: &Value) -> bool {
    match (own, wanted) {
        (Value::Array(items), wanted) => items.iter().any(|item| agrees(item, wanted)),
        // An object matches by any scalar member, such as its name or its amount.
        (Value::Object(object), wanted) => object
            .values()
            .any(|value| !value.is_object() && !value.is_array() && agrees(value, wanted)),
        (Value::String(own), Value::String(wanted)) => {
            own == wanted || own.eq_ignore_ascii_case(wanted)
        }
        (Value::String(text), Value::Number(number))
        | (Value::Number(number), Value::String(text)) => number::is_text_of(number, text),
        (Value::String(own), wanted) => wanted.to_string().eq(own),
        (own, Value::String(wanted)) => own.to_string().eq(wanted),
        (Value::Number(own), Value::Number(wanted)) => number::equal(own, wanted),
        (own, wanted) => own == wanted,
    }
}

/// Names of properties by the form that all of their spellings share.
impl FindProperty for std::collections::HashMap<String, &str> {
    fn named(&self, name: &str) -> Option<String> {
        let found = self.get(&plain(name)).filter(|_| !name.is_empty());
        found.map(|name| (*name).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::*;

    fn properties() -> HashMap<String, &'static str> {
        let names = [
            "name",
            "price",
            "created_at",
            "tags",
            "valid_from",
            "owner",
            "dotted.name",
        ];
        names.into_iter().map(|name| (plain(name), name)).collect()
    }

    #[test]
    fn names_mean_a_property_and_a_comparison() {
        let cases = [
            ("name", Some(("name", Equal))),
            ("validFrom", Some(("valid_from", Equal))),
            ("price__gt", Some(("price", Above))),
            ("price[lte]", Some(("price", AtMost))),
            ("price.ge", Some(("price", AtLeast))),
            ("min_price", Some(("price", AtLeast))),
            ("priceMax", Some(("price", AtMost))),
            ("name__ic", Some(("name", Contains))),
            ("name_prefix", Some(("name", StartsWith))),
            ("created_after", Some(("created_at", Above))),
            ("createdBefore", Some(("created_at", Below))),
            ("created[gte]", Some(("created_at", AtLeast))),
            ("not[name]", Some(("name", Unequal))),
            ("owner.name", Some(("owner.name", Equal))),
            ("owner[name]", Some(("owner.name", Equal))),
            ("dotted.name", Some(("dotted.name", Equal))),
            ("colour", None),
            ("colour__gt", None),
            ("after", None),
        ];
        for (name, expected) in cases {
            let found = subject(name, &properties());
            let found = found.map(|(way, how)| (way.join("."), how));
            let found = found.as_ref().map(|(way, how)| (way.as_str(), *how));
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn items_are_compared_by_value_by_time_and_by_text() {
        let item = json!({
            "name": "Golf Ball", "price": "9.50", "tags": ["red", "reddish"], "created_at": "2026-01-31T10:00:00Z",
            "owner": {"name": "ada"}, "dotted.name": "x", "is_active": true, "metadata": {"labels": {"app": "web"}},
        });
        let cases = [
            ("name", Contains, json!("golf"), true),
            ("name", StartsWith, json!("ball"), false),
            ("name", EndsWith, json!("BALL"), true),
            ("name", Unequal, json!("golf ball"), false),
            ("colour", Unequal, json!("red"), true),
            ("price", Above, json!("9.4"), true),
            ("price", Below, json!(9.5), false),
            ("tags", Contains, json!("re"), false),
            ("tags", Contains, json!("red"), true),
            ("created_at", AtMost, json!("2026-01-31"), true),
            ("created_at", Below, json!("2026-01-31"), false),
            (
                "created_at",
                AtLeast,
                json!("2026-01-31T11:00:00+02:00"),
                true,
            ),
            ("created_at", Above, json!(1_769_853_600), false),
            ("owner/name", Equal, json!("ada"), true),
            ("owner/name", Above, json!("b"), false),
            ("dotted.name", Equal, json!("x"), true),
            ("is_active", AtLeast, json!("2026-01-01"), true),
        ];
        for (name, how, wanted, expected) in cases {
            let way: Vec<String> = name.split('/').map(str::to_owned).collect();
            let filter = Filter::of(&way, how, vec![wanted.clone()]);
            assert_eq!(
                FilterTest::new(&filter).takes(&item),
                expected,
                "{name} {how:?} {wanted}"
            );
        }
        let filter = Filter {
            place: FilterPlace::Label("app".to_owned()),
            comparison: Equal,
            values: vec![json!("web")],
        };
        assert!(FilterTest::new(&filter).takes(&item));
    }

    #[test]
    fn values_and_descriptions_tell_the_comparison() {
        let of = |value: Value, description: &str| {
            let found = read((&["price".to_owned()], Equal), &value, description);
            found
                .into_iter()
                .map(|filter| (filter.comparison, filter.values.len()))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of(json!({"gte": 1, "lt": 3}), ""),
            [(AtLeast, 1), (Below, 1)]
        );
        assert_eq!(of(json!({"$in": [1, 2]}), ""), [(Equal, 2)]);
        assert_eq!(of(json!("gte:5"), ""), [(AtLeast, 1)]);
        assert_eq!(of(json!(">hello"), ""), [(Equal, 1)]);
        assert_eq!(of(json!("a,b"), ""), [(Equal, 1)]);
        assert_eq!(of(json!("a,b"), "Comma-separated prices"), [(Equal, 2)]);
        assert_eq!(
            of(json!("a"), "Only those whose name contains this"),
            [(Contains, 1)]
        );
        assert_eq!(of(json!("a"), "Prefix of the name"), [(StartsWith, 1)]);
    }
}
