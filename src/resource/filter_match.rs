//! Tests items with the filters of a list: by value, by time and by text.
use serde_json::Value;

use crate::document::number;
use crate::resource::filter::Comparison::{
    Above, AtLeast, AtMost, Below, Between, Contains, EndsWith, Equal, Missing, NoneOf, OneOf,
    Present, StartsWith, Unequal,
};
use crate::resource::filter::{Comparison, Filter, FilterPlace};
use crate::resource::order::{MemberName, instant, worth};

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
            Unequal | NoneOf => !has(Equal),
            Present => found.iter().any(|own| !own.is_null()),
            Missing => found.iter().all(|own| own.is_null()),
            Between => {
                let [from, to] = self.values else { return true };
                let is_in = |own: &&Value| holds(own, AtLeast, from) && holds(own, AtMost, to);
                found.iter().any(is_in)
            }
            comparison => self.is_beside(item) || has(comparison),
        }
    }

    /// Returns true if the filter is about a member of a value that is no object: `price[range]` says nothing of a
    /// number.
    fn is_beside(&self, item: &Value) -> bool {
        let TestedPlace::Property(way) = &self.place else {
            return false;
        };
        let is_plain = |value: &Value| !value.is_object() && !value.is_array() && !value.is_null();
        way.len() > 1 && way[0].members(item).all(is_plain)
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
        (Equal | Unequal | OneOf | NoneOf | Between | Present | Missing, own) => {
            agrees(own, wanted)
        }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
        for (name, how, values, expected) in [
            ("price", Between, vec![json!(9), json!(10)], true),
            ("price", Between, vec![json!(10), json!(11)], false),
            ("colour", Missing, Vec::new(), true),
            ("name", Missing, Vec::new(), false),
            ("name", Present, Vec::new(), true),
        ] {
            let filter = Filter::of(&[name.to_owned()], how, values);
            assert_eq!(
                FilterTest::new(&filter).takes(&item),
                expected,
                "{name} {how:?}"
            );
        }
        let filter = Filter {
            place: FilterPlace::Label("app".to_owned()),
            comparison: Equal,
            values: vec![json!("web")],
        };
        assert!(FilterTest::new(&filter).takes(&item));
    }
}
