//! Filters of a list: what must the value of a property be like?
//!
//! `list` reads them with [`read`] from parameters such as `status`, `price__gt`, `created[gte]`, `min_price`
//! or `name_contains`, `filter_text` reads them from texts such as `name:golf`, and `filter_match` tests items.
use serde_json::{Map, Value};

use crate::resource::address::singular;
use crate::resource::order::{instant, plain, worth};
use crate::resource::purpose::Purpose;
use crate::schema::Schema;
use crate::schema::name::{folded, words};

/// Comparison of the value of an item with the value of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// The values are equal, or that of the item has the other as an element or a member.
    Equal,
    /// No value of the item is equal.
    Unequal,
    /// Equal to one of several values, which commas may separate.
    OneOf,
    /// Equal to none of several values, which commas may separate.
    NoneOf,
    Above,
    AtLeast,
    Below,
    AtMost,
    /// A text has the other as a part; a list has it as an element.
    Contains,
    StartsWith,
    EndsWith,
    /// Not below the first of two values, and not above the second.
    Between,
    /// There is a value, and it is not null.
    Present,
    /// There is no value, or it is null.
    Missing,
}

use Comparison::{
    Above, AtLeast, AtMost, Below, Between, Contains, EndsWith, Equal, Missing, NoneOf, OneOf,
    Present, StartsWith, Unequal,
};

/// Operators behind `__`, `.` or in brackets, or as members of a value: `price__gt`, `price[gt]`, `{"$gt": 3}`.
const MARKED: [(Comparison, &str); 14] = [
    (Equal, "eq equals is exact iexact ie"),
    (Unequal, "ne neq not nie noteq"),
    (OneOf, "in any anyof oneof"),
    (NoneOf, "nin notin noneof"),
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
    (Between, "between range"),
    (Present, "exists notnull isnotnull present"),
    (Missing, "isnull null missing"),
];

/// Operators that are a word of a name: `created_after`, `priceMin`.
const WORDS: [(Comparison, &str); 8] = [
    (Above, "gt after"),
    (AtLeast, "gte ge min minimum from since"),
    (Below, "lt before"),
    (AtMost, "lte le max maximum to until"),
    (Contains, "contains like includes"),
    (StartsWith, "startswith prefix"),
    (EndsWith, "endswith suffix"),
    (Unequal, "not ne neq"),
];

/// First words of names that mean the items to leave out: `exclude_status`.
const LEFT_OUT: [&str; 6] = [
    "exclude",
    "excludes",
    "excluded",
    "excluding",
    "except",
    "without",
];

/// Words of a description that make a parameter of a property look for a part of its value.
const PART: [&str; 7] = [
    "contains",
    "contain",
    "containing",
    "substring",
    "partial",
    "partially",
    "fuzzy",
];

/// First of two words, the second one of which is `with`, that look for the beginning of a value.
const BEGINNING: [&str; 6] = [
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
    if LEFT_OUT.contains(&first.as_str()) {
        let several = rest.join("_");
        let one = properties.meant(&several).or_else(|| {
            let (last, before) = rest.split_last()?;
            properties.meant(&[before, &[singular(last)]].concat().join("_"))
        });
        return Some((one?, NoneOf));
    }
    let (last, before) = all.split_last()?;
    // `limit_max` is about the page.
    if Purpose::of(&before.join("_")).is_some() {
        return None;
    }
    if let Some(comparison) = comparison(last, &WORDS)
        && let Some(property) = properties.meant(&before.join("_"))
    {
        return Some((property, comparison));
    }
    // A member of a property: `owner.type`, `owner[type]`.
    let (outer, inner) = marked(name).filter(|_| name.contains(['.', '[']))?;
    Some((vec![properties.named(outer)?, inner.to_owned()], Equal))
}

/// Returns true if a name has an operator that is not known behind the name of a property: `price__between`.
#[must_use]
pub(crate) fn has_other_operator(name: &str, properties: &dyn FindProperty) -> bool {
    let is_property = |(property, _): (&str, &str)| properties.named(property).is_some();
    marked(name).is_some_and(is_property)
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
    match value {
        value if matches!(comparison, Present | Missing) => {
            vec![Filter::of(way, presence(comparison, value), Vec::new())]
        }
        Value::Object(object) => of_members(way, object),
        Value::Array(values) => vec![Filter::of(way, comparison, values.clone())],
        Value::String(text) if is_list(text, comparison, &spoken) => {
            let parts = text.split(',').map(|part| Value::from(part.trim()));
            vec![Filter::of(way, comparison, parts.collect())]
        }
        Value::String(text) => {
            let (comparison, value) =
                match spoken_comparison(&spoken).filter(|_| comparison == Equal) {
                    Some(spoken) => (spoken, text.as_str()),
                    None if comparison == Equal => before_value(text),
                    None => without_wildcards(comparison, text),
                };
            vec![Filter::of(way, comparison, vec![value.into()])]
        }
        value => vec![Filter::of(way, comparison, vec![value.clone()])],
    }
}

/// Returns what a filter about the presence of a value asks for: `isnull=false` asks for a value.
fn presence(comparison: Comparison, value: &Value) -> Comparison {
    let is_no = match value {
        Value::Bool(is_it) => !is_it,
        value => matches!(text_of(value).as_str(), "false" | "0" | "no"),
    };
    match (comparison, is_no) {
        (Present, false) | (Missing, true) => Present,
        _ => Missing,
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_lowercase(),
        value => value.to_string(),
    }
}

/// Returns true if a parameter such as `exclude_archived` leaves nothing out: its value is `false`.
#[must_use]
pub(crate) fn leaves_all(name: &str, value: &Value) -> bool {
    let first = words(name).into_iter().next().unwrap_or_default();
    LEFT_OUT.contains(&first.as_str()) && text_of(value) == "false"
}

/// Returns true if a filter can be applied: a range has two values.
#[must_use]
pub(crate) fn is_complete(filter: &Filter) -> bool {
    filter.comparison != Between || filter.values.len() == 2
}

/// Returns true if a name such as `max_version` cannot be about a bound: the property is a text, and the parameter is
/// an integer. The bound of a time or of an amount that is written as text is one.
#[must_use]
pub(crate) fn is_beside(name: &str, parameter: Option<&Value>, entity: Option<&Schema>) -> bool {
    const BOUNDS: [&str; 4] = ["min", "minimum", "max", "maximum"];
    let all = words(name);
    let is_bound = |word: Option<&String>| word.is_some_and(|word| BOUNDS.contains(&word.as_str()));
    let rest = if is_bound(all.first()) {
        all[1..].concat()
    } else if is_bound(all.last()) {
        all[..all.len() - 1].concat()
    } else {
        return false;
    };
    let is_whole = parameter.and_then(|node| node.get("type")) == Some(&Value::from("integer"));
    let Some(entity) = entity.filter(|_| is_whole) else {
        return false;
    };
    let properties = entity.properties(entity.tree());
    let own = properties.iter().find(|(own, _)| folded(own) == rest);
    own.is_some_and(|(_, node)| entity.types(node) == ["string"])
}

/// Returns the comparison that a description states for the value of a property.
fn spoken_comparison(description: &[String]) -> Option<Comparison> {
    let is_part = |word: &String| PART.contains(&word.as_str());
    let begins = |pair: &[String]| BEGINNING.contains(&pair[0].as_str()) && pair[1] == "with";
    if description.iter().any(is_part) {
        Some(Contains)
    } else if description.windows(2).any(begins) || description.iter().any(|word| word == "prefix")
    {
        Some(StartsWith)
    } else {
        None
    }
}

/// Reads the wildcards of SQL at the ends of a text to look for: `%golf%`.
fn without_wildcards(comparison: Comparison, text: &str) -> (Comparison, &str) {
    if comparison != Contains {
        return (comparison, text);
    }
    match (text.strip_prefix('%'), text.strip_suffix('%')) {
        (Some(end), None) => (EndsWith, end),
        (None, Some(beginning)) => (StartsWith, beginning),
        _ => (Contains, text.trim_matches('%')),
    }
}

/// Returns true if a text is a list of accepted values.
fn is_list(text: &str, comparison: Comparison, description: &[String]) -> bool {
    let says_so = || {
        let mut words = description.iter();
        words.any(|word| matches!(word.as_str(), "comma" | "commas" | "csv"))
    };
    let has_values = match comparison {
        OneOf | NoneOf | Between => true,
        Equal | Unequal => says_so(),
        _ => false,
    };
    has_values && text.contains(',')
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
        let inner = [way, std::slice::from_ref(name)].concat();
        match operator(name) {
            Some(comparison) => read((way, comparison), value, ""),
            None => read((&inner, Equal), value, ""),
        }
    };
    object.iter().flat_map(filter).collect()
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
            ("status_not", None),
            ("name_not", Some(("name", Unequal))),
            ("exclude_names", Some(("name", NoneOf))),
            ("excluding", None),
            ("price__between", Some(("price", Between))),
            ("owner__isnull", Some(("owner", Missing))),
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
        assert_eq!(of(json!({"$in": [1, 2]}), ""), [(OneOf, 2)]);
        assert_eq!(of(json!({"in": "1,2"}), ""), [(OneOf, 2)]);
        assert_eq!(of(json!("gte:5"), ""), [(AtLeast, 1)]);
        assert_eq!(of(json!(">hello"), ""), [(Equal, 1)]);
        assert_eq!(of(json!("a,b"), ""), [(Equal, 1)]);
        assert_eq!(of(json!("a,b"), "Comma-separated prices"), [(Equal, 2)]);
        assert_eq!(
            of(json!("a"), "Only those whose name contains this"),
            [(Contains, 1)]
        );
        assert_eq!(of(json!("a"), "Prefix of the name"), [(StartsWith, 1)]);
        assert_eq!(
            of(json!("a"), "Status, like open, by its start date"),
            [(Equal, 1)]
        );
        assert!(leaves_all("exclude_archived", &json!(false)));
        assert!(!leaves_all("exclude_archived", &json!(true)));
        let range = |value: Value| read((&["price".to_owned()], Between), &value, "");
        assert_eq!(range(json!("1,2"))[0].values.len(), 2);
        assert!(!is_complete(&range(json!("1"))[0]));
        let of_null =
            |value: Value| read((&["price".to_owned()], Missing), &value, "")[0].comparison;
        assert_eq!(
            [
                of_null(json!(true)),
                of_null(json!("False")),
                of_null(json!(0))
            ],
            [Missing, Present, Present]
        );
        let like = |text: &str| read((&["name".to_owned()], Contains), &json!(text), "");
        assert_eq!(like("%ol%")[0].values, [json!("ol")]);
        assert_eq!(like("go%")[0].comparison, StartsWith);
    }
}
