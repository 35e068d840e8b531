//! What can be said of one thing that is wrong with a request, and how a dialect writes it.
use std::collections::HashMap;

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::codec::text::plain;
use crate::contract::Location;
use crate::contract::wording::{Slot, Template};
use crate::document::syntax::{join, unescape};
use crate::schema::name::Form;
use crate::validate::{Subject, Violation};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The rule that is broken, one of [`RULES`](crate::contract::wording::RULES).
    pub rule: String,
    /// The part of the request that it is about: `body`, `query`; empty for the whole.
    pub location: &'static str,
    /// The way to the field: `["items", "0", "sku"]`, with the name of a parameter first.
    pub path: Vec<String>,
    /// What was sent there.
    pub value: Option<Value>,
    /// What the rule asks for, and `status`, `reason`, `detail`, `media`, `method`.
    pub operands: Map<String, Value>,
    /// Of `anyOf` and `oneOf`: what is wrong with each branch.
    pub branches: Vec<Vec<Finding>>,
}

/// Rules that are about a property which is not a part of the pointer.
const OF_PROPERTY: [&str; 6] = [
    "required",
    "dependentRequired",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "unknownParameter",
];

impl Finding {
    /// What a violation says.
    #[must_use]
    pub fn of(violation: &Violation) -> Self {
        let mut finding = Self::of_error(&violation.subject, &violation.error);
        finding.value.clone_from(&violation.value);
        finding
    }

    fn of_error(subject: &Subject, error: &crate::schema::SchemaError) -> Self {
        let (location, parameter) = match subject {
            Subject::Parameter(location, name) => (location.as_str(), Some(name.clone())),
            Subject::Body => ("body", None),
        };
        let is_of_parameter = parameter.is_some();
        let mut path: Vec<String> = parameter.into_iter().collect();
        path.extend(error.pointer.split('/').skip(1).map(unescape));
        if let Some(property) = error.operands.get("property").and_then(Value::as_str)
            && OF_PROPERTY.contains(&error.keyword.as_str())
        {
            let is_parameter =
                is_of_parameter && error.pointer.is_empty() && path.last().is_some_and(|n| n == property);
            if !is_parameter {
                path.push(property.to_owned());
            }
        }
        let branch = |errors: &Vec<_>| errors.iter().map(|error| Self::of_error(subject, error)).collect();
        Self {
            rule: error.keyword.clone(),
            location,
            path,
            value: None,
            operands: error.operands.clone(),
            branches: error.branches.iter().map(branch).collect(),
        }
    }

    /// A fault that is about no field.
    #[must_use]
    pub fn whole(rule: &str, operands: Value) -> Self {
        let operands = if let Value::Object(operands) = operands { operands } else { Map::new() };
        let rule = rule.to_owned();
        Self { rule, location: "", path: Vec::new(), value: None, operands, branches: Vec::new() }
    }

    /// It as what it is of a body that is not there at all, if it is.
    #[must_use]
    pub fn as_absent(&self) -> Option<Self> {
        self.operands.get("absent")?;
        Some(Self { rule: "required".to_owned(), path: Vec::new(), value: None, ..self.clone() })
    }

    /// The same, in a response of this status to a request for this path.
    #[must_use]
    pub fn at(mut self, status: StatusCode, path: &str) -> Self {
        self.operands.insert("url".to_owned(), json!(path));
        self.operands.insert("status".to_owned(), json!(status.as_u16()));
        self.operands.insert("reason".to_owned(), json!(status.canonical_reason().unwrap_or("Error")));
        self
    }

    /// The name of the field: the innermost segment that is no index.
    #[must_use]
    pub fn name(&self) -> &str {
        let mut segments = self.path.iter().rev();
        let named = segments.find(|segment| segment.parse::<usize>().is_err());
        named.or(self.path.last()).map_or("", String::as_str)
    }

    /// Whether it is about a field at all.
    #[must_use]
    pub fn is_about_field(&self) -> bool {
        !self.path.is_empty()
    }

    /// What must be there of several, where each branch lacks one property: `roomId` or `roomName`.
    #[must_use]
    pub fn alternatives(&self) -> Option<Vec<&str>> {
        let missing = |branch: &'_ Vec<Self>| branch.first().is_some_and(|first| first.rule == "required");
        if self.branches.is_empty() || !self.branches.iter().all(missing) {
            return None;
        }
        let mut names: Vec<&str> = Vec::new();
        for name in self.branches.iter().map(|branch| branch[0].name()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Some(names)
    }

    /// It as the missing property of the first branch, where each branch lacks one.
    #[must_use]
    pub fn as_missing(&self) -> Self {
        match self.alternatives() {
            Some(_) => Self { operands: self.branches[0][0].operands.clone(), ..self.branches[0][0].clone() }
                .with_surroundings(self),
            None => self.clone(),
        }
    }

    fn with_surroundings(mut self, other: &Self) -> Self {
        for name in ["status", "reason", "url", "message", "code"] {
            if let Some(value) = other.operands.get(name) {
                self.operands.insert(name.to_owned(), value.clone());
            }
        }
        self
    }

    /// The way to what the rule is for: of a missing property the object that lacks it.
    fn container(&self) -> &[String] {
        let is_of_property = OF_PROPERTY.contains(&self.rule.as_str());
        match self.path.split_last() {
            Some((_, parent)) if is_of_property => parent,
            _ => &self.path,
        }
    }

    fn schema(&self) -> String {
        let step = |segment: &String| match segment.parse::<usize>() {
            Ok(_) => "/items".to_owned(),
            Err(_) => format!("/properties{}", pointer(std::slice::from_ref(segment))),
        };
        format!("#{}/{}", self.container().iter().map(step).collect::<String>(), self.rule)
    }

    fn operand(&self, name: &str) -> Option<&Value> {
        self.operands.get(name)
    }

    /// The type of what was sent.
    #[must_use]
    pub fn sent_type(&self) -> &'static str {
        match &self.value {
            None if self.rule == "required" => "undefined",
            None | Some(Value::Null) => "null",
            Some(Value::Bool(_)) => "boolean",
            Some(Value::Number(number)) if number.is_f64() => "number",
            Some(Value::Number(_)) => "integer",
            Some(Value::String(_)) => "string",
            Some(Value::Array(_)) => "array",
            Some(Value::Object(_)) => "object",
        }
    }

    fn length(&self) -> usize {
        match &self.value {
            Some(Value::String(text)) => text.chars().count(),
            Some(Value::Array(items)) => items.len(),
            Some(Value::Object(object)) => object.len(),
            _ => 0,
        }
    }
}

/// The location that a word stands for: `querystring`, `params`.
#[must_use]
pub fn location_of(word: &str) -> Option<&'static str> {
    const WORDS: [(&str, &str); 17] = [
        ("body", "body"),
        ("json", "body"),
        ("payload", "body"),
        ("requestbody", "body"),
        ("query", "query"),
        ("querystring", "query"),
        ("queryparam", "query"),
        ("querystringparameter", "query"),
        ("queryparameter", "query"),
        ("path", "path"),
        ("params", "path"),
        ("pathparameter", "path"),
        ("header", "header"),
        ("headers", "header"),
        ("requestheader", "header"),
        ("cookie", "cookie"),
        ("cookies", "cookie"),
    ];
    let word = crate::schema::name::folded(word);
    WORDS.iter().find(|(known, _)| *known == word).map(|(_, location)| *location)
}

/// The words of all locations, best known first.
pub const LOCATIONS: [&str; 5] = ["body", "query", "path", "header", "cookie"];

/// How the segments of a path are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PathStyle {
    /// `items.0.sku`
    #[default]
    Dotted,
    /// `items[0].sku`
    Brackets,
    /// `items[0][sku]`
    Squares,
    /// `/items/0/sku`
    Pointer,
}

impl PathStyle {
    /// Its name in the catalogue.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "dotted" => Some(Self::Dotted),
            "brackets" => Some(Self::Brackets),
            "squares" => Some(Self::Squares),
            "pointer" => Some(Self::Pointer),
            _ => None,
        }
    }

    /// A path in this style.
    #[must_use]
    pub fn write(self, path: &[String]) -> String {
        if self == Self::Pointer {
            return pointer(path);
        }
        let mut text = String::new();
        for segment in path {
            let is_index = segment.parse::<usize>().is_ok();
            match self {
                Self::Brackets if is_index => text.push_str(&format!("[{segment}]")),
                Self::Squares if !text.is_empty() => text.push_str(&format!("[{segment}]")),
                _ if text.is_empty() => text.push_str(segment),
                _ => text.push_str(&format!(".{segment}")),
            }
        }
        text
    }
}

/// A JSON Pointer (RFC 6901).
#[must_use]
pub fn pointer(path: &[String]) -> String {
    path.iter().fold(String::new(), |pointer, segment| join(&pointer, segment))
}

/// How values are written in sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ValueStyle {
    /// `abc`
    #[default]
    Text,
    /// `"abc"`
    Json,
    /// `'abc'`
    Single,
    /// As Python does: `'abc'`, `True`, `None`.
    Repr,
}

impl ValueStyle {
    /// Its name in the catalogue.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "text" => Some(Self::Text),
            "json" => Some(Self::Json),
            "single" => Some(Self::Single),
            "repr" => Some(Self::Repr),
            _ => None,
        }
    }

    fn write(self, value: &Value) -> String {
        match (self, value) {
            (Self::Text, value) => plain(value),
            (Self::Single | Self::Repr, Value::String(text)) => format!("'{text}'"),
            (Self::Repr, Value::Bool(true)) => "True".to_owned(),
            (Self::Repr, Value::Bool(false)) => "False".to_owned(),
            (Self::Repr, Value::Null) => "None".to_owned(),
            (Self::Repr, Value::Array(items)) => {
                format!("[{}]", items.iter().map(|item| self.write(item)).collect::<Vec<_>>().join(", "))
            }
            (Self::Repr, Value::Object(object)) => {
                let members = object.iter().map(|(name, value)| format!("'{name}': {}", self.write(value)));
                format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
            }
            (_, value) => value.to_string(),
        }
    }
}

/// How a family of sentences writes what its slots are filled with.
#[derive(Debug, Clone, Default)]
pub struct Dialect {
    /// How paths are written.
    pub path: PathStyle,
    /// How values are written.
    pub values: ValueStyle,
    /// What stands between the items of a list.
    pub separator: String,
    /// What stands before its last item.
    pub last: String,
    /// What types are called.
    pub types: HashMap<String, String>,
    /// What the types of sent values are called, where it is something else.
    pub found: HashMap<String, String>,
    /// What formats are called.
    pub formats: HashMap<String, String>,
}

/// How many items of a list are written.
const MOST_ITEMS: usize = 20;

/// How long a sent value may be to be written whole, in characters.
const LONGEST: usize = 200;

impl Dialect {
    /// A template filled with what a finding says.
    #[must_use]
    pub fn fill(&self, template: &Template, finding: &Finding) -> String {
        template.fill(|slot, form| self.slot(slot, form, finding))
    }

    /// What a slot is filled with.
    #[must_use]
    pub fn slot(&self, slot: Slot, form: Form, finding: &Finding) -> String {
        let named = |text: &str| form.write(text);
        match slot {
            Slot::Name | Slot::Property => named(finding.name()),
            Slot::Path if form == Form::AsIs => self.path.write(&finding.path),
            Slot::Path => named(&self.path.write(&finding.path)),
            Slot::Pointer => pointer(&finding.path),
            Slot::Parent => {
                let parent = finding.path.split_last().map(|(_, parent)| parent).unwrap_or_default();
                named(&self.path.write(parent))
            }
            Slot::Container => pointer(finding.container()),
            Slot::Schema => finding.schema(),
            Slot::Location => named(finding.location),
            Slot::Value => shorten(finding.value.as_ref().map_or_else(String::new, |value| self.values.write(value))),
            Slot::Type => {
                let sent = finding.sent_type();
                self.found.get(sent).or_else(|| self.types.get(sent)).cloned().unwrap_or_else(|| sent.to_owned())
            }
            Slot::Length => finding.length().to_string(),
            Slot::Types => {
                let types = finding.operand("types").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                self.list(types.iter().filter_map(Value::as_str).map(|name| self.type_name(name)))
            }
            Slot::Values => match (finding.operand("values"), finding.operand("value")) {
                (Some(Value::Array(values)), _) => self.list(values.iter().map(|value| self.values.write(value))),
                (_, Some(value)) => self.values.write(value),
                _ => String::new(),
            },
            Slot::Plural => {
                let is_one = finding.operand("limit").is_some_and(|limit| limit.as_f64() == Some(1.0));
                if is_one { String::new() } else { "s".to_owned() }
            }
            Slot::Format => {
                let format = finding.operand("format").map(plain).unwrap_or_default();
                self.formats.get(&format).cloned().unwrap_or(format)
            }
            Slot::Least => bound(finding, "least", "0"),
            Slot::Most => bound(finding, "most", "2147483647"),
            Slot::Limit => finding.operand("limit").map(plain).unwrap_or_default(),
            Slot::Pattern => finding.operand("pattern").map(plain).unwrap_or_default(),
            Slot::Status => finding.operand("status").map(plain).unwrap_or_default(),
            Slot::Reason => finding.operand("reason").map(plain).unwrap_or_default(),
            Slot::Detail => finding.operand("detail").map(plain).unwrap_or_default(),
            Slot::Media => finding.operand("media").map(plain).unwrap_or_default(),
            Slot::Method => finding.operand("method").map(plain).unwrap_or_default(),
            Slot::Message => finding.operand("message").map(plain).unwrap_or_default(),
            Slot::Code => named(&finding.operand("code").map(plain).unwrap_or_default()),
        }
    }

    fn type_name(&self, name: &str) -> String {
        self.types.get(name).cloned().unwrap_or_else(|| name.to_owned())
    }

    fn list(&self, items: impl Iterator<Item = String>) -> String {
        let mut items: Vec<String> = items.collect();
        if items.len() > MOST_ITEMS {
            items.truncate(MOST_ITEMS);
            return format!("{}{}…", items.join(&self.separator), self.separator);
        }
        match items.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{}{}{last}", rest.join(&self.separator), self.last),
            _ => items.concat(),
        }
    }
}

/// One of two bounds; where there is none the one that 32 bits have.
fn bound(finding: &Finding, which: &str, otherwise: &str) -> String {
    let rule = finding.rule.as_str();
    let is_this = match which {
        "least" => rule.starts_with("min") || rule == "exclusiveMinimum",
        _ => rule.starts_with("max") || rule == "exclusiveMaximum",
    };
    let bound = finding.operand(if is_this { "limit" } else { which });
    bound.map_or_else(|| otherwise.to_owned(), plain)
}

fn shorten(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The location of a documented parameter or of the body, as findings have it.
#[must_use]
pub fn location_name(location: Option<Location>) -> &'static str {
    location.map_or("body", Location::as_str)
}
