//! Findings: the errors of a request in the form that sentences and codes are filled from, and the
//! dialects that write their parts.
//!
//! `fault` makes findings; `templates` chooses the error body that is filled with them.
use std::collections::HashMap;

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::codec::text::plain;
use crate::contract::wording::{Template, WordingSlot};
use crate::document::syntax::{join, unescape};
use crate::schema::name::NameForm;
use crate::validate::{Subject, Violation};

/// An error of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding {
    /// Broken rule, one of [`RULES`](crate::contract::wording::RULES).
    pub rule: String,
    /// Part of the request: `body`, `query`; empty for the whole request.
    pub location: &'static str,
    /// Path of the field: `["items", "0", "sku"]`; it begins with the name of a parameter.
    pub path: Vec<String>,
    /// Value that was sent there.
    pub value: Option<Value>,
    /// Operands of the rule such as `limit`, and `status`, `reason`, `detail`, `media`, `method`.
    pub operands: Map<String, Value>,
    /// Findings of each branch of `anyOf` and `oneOf`.
    pub branches: Vec<Vec<Finding>>,
}

/// Rules about a property that the JSON Pointer of the violation does not include.
const OF_PROPERTY: [&str; 6] = [
    "required",
    "dependentRequired",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "unknownParameter",
];

impl Finding {
    /// Creates the finding of a violation.
    #[must_use]
    pub(crate) fn of(violation: &Violation) -> Self {
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
            let is_parameter = is_of_parameter
                && error.pointer.is_empty()
                && path.last().is_some_and(|n| n == property);
            if !is_parameter {
                path.push(property.to_owned());
            }
        }
        let branch = |errors: &Vec<_>| {
            errors
                .iter()
                .map(|error| Self::of_error(subject, error))
                .collect()
        };
        Self {
            rule: error.keyword.clone(),
            location,
            path,
            value: None,
            operands: error.operands.clone(),
            branches: error.branches.iter().map(branch).collect(),
        }
    }

    /// Creates a finding that is about no field; `operands` that are no object are dropped.
    #[must_use]
    pub(crate) fn whole(rule: &str, operands: Value) -> Self {
        let operands = if let Value::Object(operands) = operands {
            operands
        } else {
            Map::new()
        };
        let rule = rule.to_owned();
        Self {
            rule,
            location: "",
            path: Vec::new(),
            value: None,
            operands,
            branches: Vec::new(),
        }
    }

    /// Returns the finding that the whole body is required; none unless the body was absent.
    #[must_use]
    pub(crate) fn as_absent(&self) -> Option<Self> {
        self.operands.get("absent")?;
        Some(Self {
            rule: "required".to_owned(),
            path: Vec::new(),
            value: None,
            ..self.clone()
        })
    }

    /// Adds the status and reason phrase of the response and the path of the request.
    #[must_use]
    pub(crate) fn at(mut self, status: StatusCode, path: &str) -> Self {
        self.operands.insert("url".to_owned(), json!(path));
        self.operands
            .insert("status".to_owned(), json!(status.as_u16()));
        self.operands.insert(
            "reason".to_owned(),
            json!(status.canonical_reason().unwrap_or("Error")),
        );
        self
    }

    /// Notes the number of findings in each, for messages that name it.
    pub(crate) fn count(findings: &mut [Self]) {
        let count = json!(findings.len());
        for finding in findings {
            finding.operands.insert("count".to_owned(), count.clone());
        }
    }

    /// Returns the name of the field: the innermost segment that is no index, else the last
    /// segment; empty without a path.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        let mut segments = self.path.iter().rev();
        let named = segments.find(|segment| segment.parse::<usize>().is_err());
        named.or(self.path.last()).map_or("", String::as_str)
    }

    /// Returns true if the finding is about a field.
    #[must_use]
    pub(crate) fn is_about_field(&self) -> bool {
        !self.path.is_empty()
    }

    /// Returns the properties of which one is required, if each branch lacks one: `roomId` or
    /// `roomName`.
    #[must_use]
    pub(crate) fn alternatives(&self) -> Option<Vec<&str>> {
        let missing =
            |branch: &'_ Vec<Self>| branch.first().is_some_and(|first| first.rule == "required");
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

    /// Returns the finding of the first branch if each branch lacks a property, else a copy.
    #[must_use]
    pub(crate) fn as_missing(&self) -> Self {
        match self.alternatives() {
            Some(_) => Self {
                operands: self.branches[0][0].operands.clone(),
                ..self.branches[0][0].clone()
            }
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

    /// Returns the path of the value that the rule applies to: for a missing property the object
    /// that lacks it.
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
        format!(
            "#{}/{}",
            self.container().iter().map(step).collect::<String>(),
            self.rule
        )
    }

    fn operand(&self, name: &str) -> Option<&Value> {
        self.operands.get(name)
    }

    /// Returns the type of the value that was sent: `undefined` for a missing field, `null` if no
    /// value is known otherwise.
    #[must_use]
    pub(crate) fn sent_type(&self) -> &'static str {
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

/// Returns the location that a word means: `query` for `querystring`, `path` for `params`.
#[must_use]
pub(crate) fn location_of(word: &str) -> Option<&'static str> {
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
    WORDS
        .iter()
        .find(|(known, _)| *known == word)
        .map(|(_, location)| *location)
}

/// Names of all locations, the most common first.
pub(crate) const LOCATIONS: [&str; 5] = ["body", "query", "path", "header", "cookie"];

/// Notation of the path of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum PathStyle {
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
    /// Parses the name of a notation in the catalogue: `dotted`.
    #[must_use]
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "dotted" => Some(Self::Dotted),
            "brackets" => Some(Self::Brackets),
            "squares" => Some(Self::Squares),
            "pointer" => Some(Self::Pointer),
            _ => None,
        }
    }

    /// Writes a path in this notation.
    #[must_use]
    pub(crate) fn write(self, path: &[String]) -> String {
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

/// Returns the JSON Pointer of a path (RFC 6901).
#[must_use]
pub(crate) fn pointer(path: &[String]) -> String {
    path.iter()
        .fold(String::new(), |pointer, segment| join(&pointer, segment))
}

/// Notation of values in sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ValueStyle {
    /// `abc`
    #[default]
    Text,
    /// `"abc"`
    Json,
    /// `'abc'`
    Single,
    /// As in Python: `'abc'`, `True`, `None`.
    Repr,
}

impl ValueStyle {
    /// Parses the name of a notation in the catalogue: `json`.
    #[must_use]
    pub(crate) fn parse(name: &str) -> Option<Self> {
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
                format!(
                    "[{}]",
                    items
                        .iter()
                        .map(|item| self.write(item))
                        .collect::<Vec<_>>()
                        .join(", ")
                )
            }
            (Self::Repr, Value::Object(object)) => {
                let members = object
                    .iter()
                    .map(|(name, value)| format!("'{name}': {}", self.write(value)));
                format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
            }
            (_, value) => value.to_string(),
        }
    }
}

/// Notation in which a family fills the slots of its sentences.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dialect {
    /// Notation of paths.
    pub path: PathStyle,
    /// Notation of values.
    pub values: ValueStyle,
    /// Text between the items of a list.
    pub separator: String,
    /// Text before the last item of a list.
    pub last: String,
    /// Names of types.
    pub types: HashMap<String, String>,
    /// Names of the types of sent values, if they differ from `types`.
    pub found: HashMap<String, String>,
    /// Names of formats.
    pub formats: HashMap<String, String>,
}

/// Maximum number of list items in a sentence; `…` replaces the others.
const MOST_ITEMS: usize = 20;

/// Maximum length of a sent value in a sentence, in characters; longer ones are cut and end with
/// `…`.
const LONGEST: usize = 200;

impl Dialect {
    /// Fills a template from a finding.
    #[must_use]
    pub(crate) fn fill(&self, template: &Template, finding: &Finding) -> String {
        template.fill(|slot, form| self.slot(slot, form, finding))
    }

    /// Returns the text that fills a slot.
    #[must_use]
    pub(crate) fn slot(&self, slot: WordingSlot, form: NameForm, finding: &Finding) -> String {
        let named = |text: &str| form.write(text);
        match slot {
            WordingSlot::Name | WordingSlot::Property => named(finding.name()),
            WordingSlot::Path if form == NameForm::AsIs => self.path.write(&finding.path),
            WordingSlot::Path | WordingSlot::Segments => named(&self.path.write(&finding.path)),
            WordingSlot::Pointer => pointer(&finding.path),
            WordingSlot::Parent => {
                let parent = finding
                    .path
                    .split_last()
                    .map(|(_, parent)| parent)
                    .unwrap_or_default();
                named(&self.path.write(parent))
            }
            WordingSlot::Container => pointer(finding.container()),
            WordingSlot::Schema => finding.schema(),
            WordingSlot::Location => named(finding.location),
            WordingSlot::Value => shorten(
                finding
                    .value
                    .as_ref()
                    .map_or_else(String::new, |value| self.values.write(value)),
            ),
            WordingSlot::Type => {
                let sent = finding.sent_type();
                self.found
                    .get(sent)
                    .or_else(|| self.types.get(sent))
                    .cloned()
                    .unwrap_or_else(|| sent.to_owned())
            }
            WordingSlot::Length => finding.length().to_string(),
            WordingSlot::Types => {
                let types = finding
                    .operand("types")
                    .and_then(Value::as_array)
                    .map(Vec::as_slice)
                    .unwrap_or_default();
                self.list(
                    types
                        .iter()
                        .filter_map(Value::as_str)
                        .map(|name| self.type_name(name)),
                )
            }
            WordingSlot::Values => match (finding.operand("values"), finding.operand("value")) {
                (Some(Value::Array(values)), _) => {
                    self.list(values.iter().map(|value| self.values.write(value)))
                }
                (_, Some(value)) => self.values.write(value),
                _ => String::new(),
            },
            WordingSlot::Plural => {
                let is_one = finding
                    .operand("limit")
                    .is_some_and(|limit| limit.as_f64() == Some(1.0));
                if is_one {
                    String::new()
                } else {
                    "s".to_owned()
                }
            }
            WordingSlot::Format => {
                let format = finding.operand("format").map(plain).unwrap_or_default();
                self.formats.get(&format).cloned().unwrap_or(format)
            }
            WordingSlot::Least => bound(finding, "least", "0"),
            WordingSlot::Most => bound(finding, "most", "2147483647"),
            WordingSlot::Limit => finding.operand("limit").map(plain).unwrap_or_default(),
            WordingSlot::Pattern => finding.operand("pattern").map(plain).unwrap_or_default(),
            WordingSlot::Status => finding.operand("status").map(plain).unwrap_or_default(),
            WordingSlot::Reason => finding.operand("reason").map(plain).unwrap_or_default(),
            WordingSlot::Count => finding
                .operand("count")
                .map_or_else(|| "1".to_owned(), plain),
            WordingSlot::Detail => finding.operand("detail").map(plain).unwrap_or_default(),
            WordingSlot::Url => finding.operand("url").map(plain).unwrap_or_default(),
            WordingSlot::Media => finding.operand("media").map(plain).unwrap_or_default(),
            WordingSlot::Method => finding.operand("method").map(plain).unwrap_or_default(),
            WordingSlot::Message => finding.operand("message").map(plain).unwrap_or_default(),
            WordingSlot::Code => named(&finding.operand("code").map(plain).unwrap_or_default()),
        }
    }

    fn type_name(&self, name: &str) -> String {
        self.types
            .get(name)
            .cloned()
            .unwrap_or_else(|| name.to_owned())
    }

    fn list(&self, items: impl Iterator<Item = String>) -> String {
        let mut items: Vec<String> = items.collect();
        if items.len() > MOST_ITEMS {
            items.truncate(MOST_ITEMS);
            return format!("{}{}…", items.join(&self.separator), self.separator);
        }
        match items.split_last() {
            Some((last, rest)) if !rest.is_empty() => {
                format!("{}{}{last}", rest.join(&self.separator), self.last)
            }
            _ => items.concat(),
        }
    }
}

/// Returns the bound `least` or `most` of a finding, else `otherwise`, for which callers pass the
/// bound of a non-negative 32-bit integer.
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
