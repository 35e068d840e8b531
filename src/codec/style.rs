//! Styles of OpenAPI (`form`, `simple`, `deepObject`, …): text → the value of one parameter or
//! form property.
//!
//! `parameter` and `content` call it to read requests.
use std::borrow::Cow;

use http::HeaderMap;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Number, Value};

use crate::codec::collection::CollectionFormat;
use crate::codec::text::{decode, decode_form};
use crate::contract::Style;
use crate::document::number;
use crate::schema::Schema;

/// Extra array notations accepted in queries, beside the documented style (`--query-arrays`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QueryArrays {
    /// The documented style, or brackets: `a[]=1&a[]=2`.
    #[default]
    Brackets,
    /// Commas too: `a=1,2`.
    Comma,
    /// Repeated names too: `a=1&a=2`.
    Repeat,
}

/// Pairs of a query or form. Names are decoded; values stay percent-encoded, because an encoded
/// delimiter is data and not a delimiter.
#[derive(Debug, Default, Clone)]
pub struct Pairs<'r>(pub Vec<(String, &'r str)>);

impl<'r> Pairs<'r> {
    /// Splits a query or form such as `a=1&b=x%20y`.
    #[must_use]
    pub fn parse(text: &'r str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(name, value)| (decode_form(name), value))
                .collect(),
        )
    }

    /// Returns the values of a name, in order, still encoded.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'r str> + 's {
        self.0
            .iter()
            .filter(move |(there, _)| there == name)
            .map(|(_, value)| *value)
    }

    /// Returns the first value of a name, decoded.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<String> {
        self.all(name).next().map(decode_form)
    }
}

/// Result of reading a parameter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ReadOutcome {
    /// No value.
    Absent,
    /// An empty value: of a query parameter that `allowEmptyValue` accepts whatever the schema, or
    /// of a path parameter, whose segment must not be empty.
    Empty,
    /// A value, typed by its schema.
    Value(Value),
    /// Text that does not follow the style, with the reason.
    Malformed(String),
}

/// Maximum nesting of brackets in a name: `f[a][b]` has 2. Deeper names are malformed.
pub(crate) const DEEPEST_BRACKETS: usize = 32;

/// Reader of one value, by style, explode and schema.
pub(super) struct StyleReader<'s> {
    pub(super) name: &'s str,
    pub(super) style: Style,
    pub(super) explode: bool,
    pub(super) schema: &'s Schema,
    /// Subschema that describes the value; `None` for the schema itself.
    pub(super) part: Option<&'s Value>,
    /// Types that the schema of the value allows.
    pub(super) types: Cow<'s, [&'s str]>,
    /// Names that belong to other parameters.
    pub(super) claimed: &'s [&'s str],
    pub(super) arrays: QueryArrays,
}

impl<'s> StyleReader<'s> {
    fn node(&self) -> &'s Value {
        self.part.unwrap_or_else(|| self.schema.tree())
    }

    pub(super) fn wants(&self, kind: &str) -> bool {
        self.types.contains(&kind)
    }

    fn scalar(&self, raw: &str) -> Value {
        let text = decode(raw);
        if *self.types == ["string"] && text != "null" {
            return Value::String(text);
        }
        let value = typed_as(&self.types, self.schema, || self.node(), &text);
        if !value.is_string() && self.part.is_none() && self.wants("string") {
            let text = Value::String(text);
            let fits = |value: &Value| self.schema.is_valid(value) == Ok(true);
            return if !fits(&value) && fits(&text) {
                text
            } else {
                value
            };
        }
        value
    }

    fn item(&self, raw: &str) -> Value {
        let any = Value::Bool(true);
        self.item_of(self.schema.items(self.node()).unwrap_or(&any), raw)
    }

    /// Reads an item of a list, which may be a list too in documents of OpenAPI 2.0.
    fn item_of(&self, node: &Value, raw: &str) -> Value {
        match (
            CollectionFormat::of(self.schema, node),
            self.schema.items(node),
        ) {
            (Some(format), Some(item)) => format
                .split(raw)
                .into_iter()
                .map(|raw| self.item_of(item, raw))
                .collect(),
            _ => typed(self.schema, node, &decode(raw)),
        }
    }

    fn property(&self, name: &str, raw: &str) -> Value {
        let any = Value::Bool(true);
        typed(
            self.schema,
            self.schema.property(self.node(), name).unwrap_or(&any),
            &decode(raw),
        )
    }

    fn list<'r>(&self, raws: impl Iterator<Item = &'r str>) -> ReadOutcome {
        ReadOutcome::Value(Value::Array(raws.map(|raw| self.item(raw)).collect()))
    }

    /// Reads an object from alternating names and values: `R,100,G,200`.
    fn alternating<'r>(&self, mut raws: impl Iterator<Item = &'r str>) -> ReadOutcome {
        let mut object = Map::new();
        while let Some(name) = raws.next() {
            let Some(value) = raws.next() else {
                return ReadOutcome::Malformed(format!(
                    "the property `{}` has no value",
                    decode(name)
                ));
            };
            let name = decode(name);
            let value = self.property(&name, value);
            object.insert(name, value);
        }
        ReadOutcome::Value(Value::Object(object))
    }

    /// Reads an object from assignments: `R=100,G=200`.
    fn assignments<'r>(&self, raws: impl Iterator<Item = &'r str>) -> ReadOutcome {
        let mut object = Map::new();
        for raw in raws {
            let Some((name, value)) = raw.split_once('=') else {
                return ReadOutcome::Malformed(format!(
                    "expected `name=value`, found `{}`",
                    decode(raw)
                ));
            };
            let name = decode(name);
            let value = self.property(&name, value);
            object.insert(name, value);
        }
        ReadOutcome::Value(Value::Object(object))
    }

    /// Reads a value with parts between delimiters, as lists and objects have without `explode`.
    pub(super) fn delimited(&self, raw: &str, delimiter: char) -> ReadOutcome {
        if self.wants("array")
            && let Some(format) = CollectionFormat::of(self.schema, self.node())
        {
            return self.list(format.split(raw).into_iter().map(str::trim));
        }
        let parts = || {
            raw.split(delimiter)
                .map(str::trim)
                .filter(|_| !raw.is_empty())
        };
        if self.wants("array") {
            return self.list(parts());
        }
        if !self.wants("object") {
            return ReadOutcome::Value(self.scalar(raw));
        }
        if self.explode && raw.contains('=') {
            self.assignments(parts())
        } else {
            self.alternating(parts())
        }
    }

    /// Reads parts between commas. An encoded comma belongs to a part (RFC 6570 §3.2.1), but many
    /// clients encode a whole value including its delimiters; encoded commas delimit if only that
    /// gives a value that fits.
    fn between_commas(&self, raw: &str) -> ReadOutcome {
        let strict = self.delimited(raw, ',');
        let is_compound = self.wants("array") || self.wants("object");
        if !is_compound
            || raw.contains(',')
            || !raw.contains("%2C") && !raw.contains("%2c")
            || self.fits(&strict)
        {
            return strict;
        }
        let lenient = self.delimited(&raw.replace("%2C", ",").replace("%2c", ","), ',');
        if matches!(lenient, ReadOutcome::Malformed(_)) {
            strict
        } else {
            lenient
        }
    }

    /// Returns true if a list or an object is plausible: it fits its schema. A form property has
    /// no validator; it is plausible if its items, where described, are unrestricted strings.
    fn fits(&self, read: &ReadOutcome) -> bool {
        let ReadOutcome::Value(value) = read else {
            return false;
        };
        if self.part.is_none() {
            return self.schema.is_valid(value) == Ok(true);
        }
        let narrows = |item: &Value| {
            ["enum", "format", "pattern", "const"]
                .iter()
                .any(|name| item.get(name).is_some())
        };
        let item = self.schema.items(self.node());
        item.is_none_or(|item| {
            self.schema.types(item) == ["string"] && !narrows(self.schema.resolve(item))
        })
    }

    /// Reads exploded lists and objects: separate cookies, or pairs joined as in a query, which
    /// follows from RFC 6570 for `style: form`.
    pub(super) fn cookies(&self, headers: &HeaderMap) -> ReadOutcome {
        let lines: Vec<&str> = headers
            .get_all(http::header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        let text = lines.join("&").replace("; ", "&").replace(';', "&");
        let pairs = Pairs::parse(&text);
        match pairs.all(self.name).collect::<Vec<_>>().as_slice() {
            [only] if only.contains(',') => self.delimited(only, ','),
            _ => self.pairs(&pairs),
        }
    }

    pub(super) fn header(&self, text: &str) -> ReadOutcome {
        // Header fields are not percent-decoded, so a percent sign is data (OpenAPI 3.1.1 Appendix
        // D).
        let text = text.trim();
        if text.contains('%') {
            self.delimited(&text.replace('%', "%25"), ',')
        } else {
            self.delimited(text, ',')
        }
    }

    pub(super) fn path(&self, raw: &str) -> ReadOutcome {
        match self.style {
            Style::Label => match raw.strip_prefix('.') {
                Some(rest) => self.label(rest),
                None => ReadOutcome::Malformed(format!(
                    "a value in the style `label` begins with `.`, found `{}`",
                    decode(raw)
                )),
            },
            Style::Matrix => match raw.strip_prefix(';') {
                Some(rest) => self.matrix(rest),
                None => ReadOutcome::Malformed(format!(
                    "a value in the style `matrix` begins with `;`, found `{}`",
                    decode(raw)
                )),
            },
            _ => self.between_commas(raw),
        }
    }

    /// Reads the style `label`. Without `explode`, OpenAPI 3.0.4 writes `.a,b` and 3.0.3 wrote
    /// `.a.b`.
    fn label(&self, rest: &str) -> ReadOutcome {
        let is_compound = self.wants("array") || self.wants("object");
        let delimiter = if is_compound && (self.explode || !rest.contains(',')) {
            '.'
        } else {
            ','
        };
        self.delimited(rest, delimiter)
    }

    fn matrix(&self, rest: &str) -> ReadOutcome {
        if self.wants("object") && self.explode {
            return self.assignments(rest.split(';'));
        }
        let mut values = Vec::new();
        for part in rest.split(';') {
            match part.split_once('=').unwrap_or((part, "")) {
                (name, value) if decode(name) == self.name => values.push(value),
                (name, _) => {
                    return ReadOutcome::Malformed(format!(
                        "expected `;{}=`, found `;{}`",
                        self.name,
                        decode(name)
                    ));
                }
            }
        }
        match values.as_slice() {
            [value] if !self.explode || !self.wants("array") => self.between_commas(value),
            _ => self.list(values.into_iter()),
        }
    }

    pub(super) fn pairs(&self, pairs: &Pairs<'_>) -> ReadOutcome {
        if self.style == Style::DeepObject {
            return match self.deep_object(pairs) {
                // The style is for objects; other types are written without brackets.
                ReadOutcome::Absent if *self.types != ["object"] => self.documented(pairs),
                read => read,
            };
        }
        if let Some(object) = self.json_text(pairs) {
            return ReadOutcome::Value(object);
        }
        match self.documented(pairs) {
            // Many clients write `tags[]=a` and `filter[b]=c`, whatever is documented.
            ReadOutcome::Absent if self.wants("array") || self.wants("object") => {
                self.deep_object(pairs)
            }
            read => read,
        }
    }

    /// Reads `selector={"a":1}`, a notation for objects that many APIs use and few document.
    fn json_text(&self, pairs: &Pairs<'_>) -> Option<Value> {
        if !self.wants("object") {
            return None;
        }
        let text = pairs
            .first(self.name)
            .filter(|text| text.trim_start().starts_with('{'))?;
        serde_json::from_str(&text).ok()
    }

    /// Reads the value in the documented style.
    fn documented(&self, pairs: &Pairs<'_>) -> ReadOutcome {
        let is_object = self.wants("object");
        if is_object && self.explode && self.style == Style::Form {
            return self.spread(pairs);
        }
        let mut values: Vec<&str> = pairs.all(self.name).collect();
        let is_list = self.wants("array");
        match (values.len(), self.style) {
            (0, _) => ReadOutcome::Absent,
            (1, _) if is_list && self.arrays == QueryArrays::Comma => {
                self.between_commas(&values[0].replace('+', "%20"))
            }
            (2.., _) if is_list && self.arrays == QueryArrays::Repeat => {
                let decoded: Vec<String> = values
                    .iter()
                    .map(|value| value.replace('+', "%20"))
                    .collect();
                self.list(decoded.iter().map(String::as_str))
            }
            _ if self.explode && self.wants("array") => {
                if values == [""] {
                    values.clear(); // `ids=` is the empty list
                }
                let decoded: Vec<String> = values
                    .iter()
                    .map(|value| value.replace('+', "%20"))
                    .collect();
                self.list(decoded.iter().map(String::as_str))
            }
            (_, Style::SpaceDelimited) => self.delimited(&values[0].replace("%20", "+"), '+'),
            // The delimiter is usually encoded (OpenAPI 3.0.4 §4.7.12.2.3); beside a plain `|`, an
            // encoded one is data.
            (_, Style::PipeDelimited) if values[0].contains('|') => {
                self.delimited(&values[0].replace('+', "%20"), '|')
            }
            (_, Style::PipeDelimited) => self.delimited(
                &values[0]
                    .replace("%7C", "|")
                    .replace("%7c", "|")
                    .replace('+', "%20"),
                '|',
            ),
            _ => self.between_commas(&values[0].replace('+', "%20")),
        }
    }

    /// Reads an exploded object in a query: each of its properties is a parameter.
    fn spread(&self, pairs: &Pairs<'_>) -> ReadOutcome {
        let declared = self.schema.properties(self.node());
        let is_declared = |name: &str| declared.iter().any(|(there, _)| *there == name);
        let is_free = |name: &str| !self.claimed.contains(&name) && !name.starts_with("__");
        let takes_others = declared.is_empty()
            || self
                .schema
                .resolve(self.node())
                .get("additionalProperties")
                .is_some_and(Value::is_object);
        let takes = |name: &str| is_declared(name) || takes_others && is_free(name);
        let mut object = Map::new();
        for (name, value) in pairs.0.iter().filter(|(name, _)| takes(name)) {
            let value = value.replace('+', "%20");
            let list = self
                .schema
                .property(self.node(), name)
                .filter(|node| self.schema.types(node).contains(&"array"));
            match (
                list.and_then(|list| self.schema.items(list)),
                object.get_mut(name),
            ) {
                (Some(item), Some(Value::Array(items))) => {
                    items.push(typed(self.schema, item, &decode(&value)));
                }
                (Some(item), _) => {
                    object.insert(
                        name.clone(),
                        Value::Array(vec![typed(self.schema, item, &decode(&value))]),
                    );
                }
                _ => {
                    object.insert(name.clone(), self.property(name, &value));
                }
            }
        }
        if object.is_empty() {
            ReadOutcome::Absent
        } else {
            ReadOutcome::Value(Value::Object(object))
        }
    }

    /// Reads `name[a]=1&name[b][c]=2`; a repeated name of a list adds items.
    fn deep_object(&self, pairs: &Pairs<'_>) -> ReadOutcome {
        let mut root = Value::Null;
        let mut is_there = false;
        for (name, raw) in &pairs.0 {
            let Some(path) = name
                .strip_prefix(self.name)
                .filter(|rest| rest.starts_with('['))
            else {
                continue;
            };
            let Some(path) = path
                .strip_prefix('[')
                .and_then(|path| path.strip_suffix(']'))
            else {
                return ReadOutcome::Malformed(format!("`{name}` has a bracket too few"));
            };
            is_there = true;
            let keys: Vec<&str> = path.split("][").collect();
            if keys.len() > DEEPEST_BRACKETS {
                return ReadOutcome::Malformed(format!(
                    "`{}` is nested deeper than {DEEPEST_BRACKETS} levels",
                    self.name
                ));
            }
            self.place(&mut root, self.node(), &keys, &raw.replace('+', "%20"));
        }
        if is_there {
            ReadOutcome::Value(root)
        } else {
            ReadOutcome::Absent
        }
    }

    /// Puts a value at the place that the keys describe; `[]` and `[0]` address items if the
    /// schema is a list.
    fn place(&self, at: &mut Value, node: &Value, keys: &[&str], raw: &str) {
        let any = Value::Bool(true);
        let Some((key, rest)) = keys.split_first() else {
            let is_list = self.schema.types(node).contains(&"array");
            let item = if is_list {
                self.schema.items(node).unwrap_or(&any)
            } else {
                node
            };
            let value = typed(self.schema, item, &decode(raw));
            match at {
                Value::Array(items) if is_list => items.push(value),
                _ if is_list => *at = Value::Array(vec![value]),
                _ => *at = value,
            }
            return;
        };
        let is_index = key.is_empty() || key.bytes().all(|byte| byte.is_ascii_digit());
        if is_index && self.schema.types(node).contains(&"array") {
            if !at.is_array() {
                *at = Value::Array(Vec::new());
            }
            let Value::Array(items) = at else { return };
            let index = key.parse().unwrap_or(items.len()).min(items.len());
            if index == items.len() {
                items.push(Value::Null);
            }
            return self.place(
                &mut items[index],
                self.schema.items(node).unwrap_or(&any),
                rest,
                raw,
            );
        }
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        if let Value::Object(object) = at {
            let below = object.entry(*key).or_insert(Value::Null);
            self.place(
                below,
                self.schema.property(node, key).unwrap_or(&any),
                rest,
                raw,
            );
        }
    }
}

/// Reads a property of a form body, as the query parameter with that name would be read.
#[must_use]
pub(crate) fn read_property(
    schema: &Schema,
    node: &Value,
    name: &str,
    style: Style,
    explode: bool,
    pairs: &Pairs<'_>,
) -> ReadOutcome {
    let types = Cow::Owned(schema.types(node));
    let part = (!std::ptr::eq(node, schema.tree())).then_some(node);
    let arrays = QueryArrays::default();
    StyleReader {
        name,
        style,
        explode,
        schema,
        part,
        types,
        claimed: &[],
        arrays,
    }
    .pairs(pairs)
}

/// Reads an object or a list with members that have separate names: `name[a]`, `name[b][0]`,
/// `name[]`.
#[must_use]
pub(crate) fn read_brackets(
    schema: &Schema,
    node: &Value,
    name: &str,
    members: &[(String, String)],
) -> ReadOutcome {
    let encoded: Vec<String> = members
        .iter()
        .map(|(_, text)| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string())
        .collect();
    let names = members.iter().map(|(name, _)| name.clone());
    let pairs = Pairs(names.zip(encoded.iter().map(String::as_str)).collect());
    read_property(schema, node, name, Style::DeepObject, true, &pairs)
}

/// Converts text to the type that a schema requires, or leaves it a string.
#[must_use]
pub(crate) fn typed(schema: &Schema, node: &Value, text: &str) -> Value {
    typed_as(&schema.types(node), schema, || node, text)
}

/// Converts text to one of the given types; calls `node` only if the types do not decide.
fn typed_as<'s>(
    types: &[&str],
    schema: &'s Schema,
    node: impl FnOnce() -> &'s Value,
    text: &str,
) -> Value {
    let number = || text.parse::<Number>().ok().map(Value::Number);
    let read = |name: &&str| match *name {
        "integer" | "number" => number(),
        "boolean" if !types.iter().any(|name| is_numeric(name)) => boolean(text),
        "boolean" => text.parse().ok().map(Value::Bool),
        _ => None,
    };
    if let Some(value) = types.iter().find_map(read) {
        return value;
    }
    if !types.is_empty() && text != "null" {
        return Value::String(text.to_owned());
    }
    let node = node();
    if types.is_empty()
        && let Some(values) = schema.resolve(node).get("enum").and_then(Value::as_array)
        && let Ok(value) = serde_json::from_str::<Value>(text)
        && number::has(values, &value)
    {
        return value;
    }
    let is_null = text == "null" && schema.allows_null(node);
    if is_null {
        Value::Null
    } else {
        Value::String(text.to_owned())
    }
}

fn is_numeric(name: &str) -> bool {
    matches!(name, "integer" | "number")
}

/// Reads a boolean as clients write it: `true`, `True` or `1` (`str(True)` of Python, XML Schema
/// Part 2 §3.2.2). `yes` and `on` are no booleans, because servers differ in what they mean.
fn boolean(text: &str) -> Option<Value> {
    match text {
        "true" | "True" | "TRUE" | "1" => Some(Value::Bool(true)),
        "false" | "False" | "FALSE" | "0" => Some(Value::Bool(false)),
        _ => None,
    }
}

/// Parses an object or a list that was sent as JSON text; returns other values unchanged.
pub(crate) fn as_documented(schema: &Schema, node: &Value, value: Value) -> Value {
    if let Value::Array(items) = &value {
        // Each item of a list may be JSON text (OpenAPI 3.0.4 §4.7.15.1.1).
        let Some(item) = schema
            .items(node)
            .filter(|item| schema.types(item).contains(&"object"))
        else {
            return value;
        };
        return items
            .iter()
            .map(|text| as_documented(schema, item, text.clone()))
            .collect();
    }
    let Value::String(text) = &value else {
        return value;
    };
    let types = schema.types(node);
    let parsed = serde_json::from_str::<Value>(text).ok();
    let fits = |parsed: &Value| {
        parsed.is_object() && types.contains(&"object")
            || parsed.is_array() && types.contains(&"array")
    };
    parsed.filter(fits).unwrap_or(value)
}
