//! Sort order of the items of a list, and names in requests that refer to members of items.
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::HashMap;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::resource::address::singular;
use crate::schema::name::folded;

/// Returns a name in a form that all of its spellings share: `created_by` and `createdBy`, `tags`
/// and `tag`.
pub(crate) fn plain(name: &str) -> String {
    singular(&folded(name))
}

/// Name in a request that refers to members of items; compared with each member name once.
#[derive(Debug)]
pub(crate) struct MemberName {
    plain: String,
    compared: RefCell<HashMap<String, bool>>,
}

impl MemberName {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            plain: plain(name),
            compared: RefCell::default(),
        }
    }

    fn means(&self, member: &str) -> bool {
        let mut compared = self.compared.borrow_mut();
        if let Some(known) = compared.get(member) {
            return *known;
        }
        let means = !self.plain.is_empty() && plain(member) == self.plain;
        if compared.len() < MOST_COMPARED {
            compared.insert(member.to_owned(), means);
        }
        means
    }

    /// Returns the values that an item has under the name, also below its `attributes`.
    pub(crate) fn members<'v>(&self, item: &'v Value) -> impl Iterator<Item = &'v Value> {
        let own = item.as_object().into_iter().flatten();
        let below = item
            .get("attributes")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        own.chain(below)
            .filter(|(there, _)| self.means(there))
            .map(|(_, value)| value)
    }
}

/// Maximum number of remembered comparisons with member names; further names are compared each
/// time.
const MOST_COMPARED: usize = 10_000;

/// Sort criterion: a property, or a member of one, such as `price.amount`.
#[derive(Debug)]
pub(crate) struct Criterion {
    way: Vec<MemberName>,
    is_descending: bool,
}

impl Criterion {
    pub(crate) fn new(name: &str, is_descending: bool) -> Self {
        /// Maximum number of steps from an item to the member; further ones are ignored.
        const DEEPEST: usize = 8;
        Self {
            way: name
                .split(['.', '/'])
                .take(DEEPEST)
                .map(MemberName::new)
                .collect(),
            is_descending,
        }
    }

    /// Returns the sort key of an item.
    pub(crate) fn key<'v>(&self, item: &'v Value) -> SortKey<'v> {
        let mut inside = None;
        let mut found = item;
        for name in &self.way {
            let Some(member) = name.members(found).next() else {
                return SortKey::Missing;
            };
            inside = found.as_object();
            found = member;
        }
        // `price.amount` is a number, even if it is written as text beside a currency.
        let has_currency = |object: &Map<String, Value>| {
            object
                .keys()
                .any(|name| folded(name).starts_with("currency"))
        };
        match worth(found).filter(|_| self.way.len() > 1 && inside.is_some_and(has_currency)) {
            Some(number) => SortKey::Number(number),
            None => SortKey::of(found),
        }
    }

    pub(crate) fn compare(&self, a: &SortKey<'_>, b: &SortKey<'_>) -> Ordering {
        let order = a.compare(b);
        if self.is_descending {
            order.reverse()
        } else {
            order
        }
    }
}

/// Sort key of an item: numbers by value, texts by characters, missing values last.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum SortKey<'v> {
    Number(f64),
    Text(&'v str),
    Truth(bool),
    Other,
    Missing,
}

impl<'v> SortKey<'v> {
    fn of(value: &'v Value) -> Self {
        match value {
            Value::Number(number) => Self::Number(number.as_f64().unwrap_or(0.0)),
            Value::String(text) => Self::Text(text),
            Value::Bool(truth) => Self::Truth(*truth),
            Value::Object(object) => amount(object).map_or(Self::Other, Self::Number),
            Value::Array(_) => Self::Other,
            Value::Null => Self::Missing,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Truth(a), Self::Truth(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    /// Returns the rank of a kind of value, so that values of different kinds have a total order.
    fn rank(&self) -> u8 {
        match self {
            Self::Number(_) => 0,
            Self::Text(_) => 1,
            Self::Truth(_) => 2,
            Self::Other => 3,
            Self::Missing => 4,
        }
    }
}

/// Returns the number of an amount, even if it is written as text: 9.5 for `{"amount": "9.50",
/// "currency": "EUR"}`.
fn amount(object: &Map<String, Value>) -> Option<f64> {
    const NAMES: [&str; 7] = [
        "amount",
        "value",
        "units",
        "cents",
        "minorunits",
        "amountinminorunits",
        "number",
    ];
    let called = NAMES
        .iter()
        .find_map(|name| object.iter().find(|(there, _)| folded(there) == *name));
    called
        .and_then(|(_, value)| worth(value))
        .or_else(|| object.values().find_map(Value::as_f64))
}

/// Returns the number that a value is, even if it is written as text.
pub(crate) fn worth(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text
            .trim()
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

/// Returns the instant that a value is, in seconds since 1970: a date, a date with time (RFC 3339), or a number of
/// seconds or milliseconds.
pub(crate) fn instant(value: &Value) -> Option<f64> {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_have_one_order() {
        let values = [
            json!(-1),
            json!({"currency": "EUR", "amount": "9.50"}),
            json!({"amount": 10, "currency": "EUR"}),
            json!(100),
            json!("10"),
            json!("9"),
            json!(false),
            json!(true),
            json!([]),
            Value::Null,
        ];
        for (a, first) in values.iter().enumerate() {
            for (b, second) in values.iter().enumerate() {
                assert_eq!(
                    SortKey::of(first).compare(&SortKey::of(second)),
                    a.cmp(&b),
                    "{first} {second}"
                );
            }
        }
    }

    #[test]
    fn a_name_leads_into_an_item() {
        let item = json!({"attributes": {"unitPrices": {"amount": 3}}});
        assert_eq!(
            Criterion::new("unit_price.amount", false).key(&item),
            SortKey::Number(3.0)
        );
        assert_eq!(
            Criterion::new("unit_price", false).key(&item),
            SortKey::Number(3.0)
        );
        assert_eq!(
            Criterion::new("unit.amount", false).key(&item),
            SortKey::Missing
        );
    }
}
