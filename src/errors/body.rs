//! Patterns of error bodies, and the body that a pattern gives for the findings of a request.
//!
//! `reading` makes patterns from examples and schemas; `templates` chooses the one to fill.
use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use crate::codec::text::plain;
use crate::contract::wording::{Template, WordingSlot};
use crate::errors::catalogue::idiom::{Idiom, is_of_field};
use crate::errors::catalogue::known;
use crate::errors::finding::Finding;
use crate::errors::slot::{CodeSlot, FieldSlot, LocationSlot, SegmentsSlot, SlotType, typed};
use crate::errors::words::{NamePolicy, Words};
use crate::schema::name::{NameForm, folded};

/// Pattern of one value of an error body.
#[derive(Debug, Clone)]
pub(crate) enum BodyPattern {
    /// A value that is the same for every error.
    Fixed(Value),
    /// A sentence.
    Words(Box<Words>),
    /// A code for programs, a string or a number.
    Code(CodeSlot),
    /// The field, by name, path or JSON Pointer.
    Field(FieldSlot),
    /// The path of the field, as an array.
    Segments(SegmentsSlot),
    /// The part of the request.
    Location(LocationSlot),
    /// The value that was sent, in the type that its place takes; if none was sent, the documented
    /// value, if any.
    Sent(SlotType, Option<Value>),
    /// The path of the request.
    Url,
    /// A template from the fixtures.
    Filled(Template),
    /// A member of this name that a family has beside its sentences.
    Beside(&'static Idiom, String),
    /// The type that is expected or that was sent, as the slot says; the documented type if it is
    /// not known.
    Type(WordingSlot, Option<&'static Idiom>, String),
    /// The status code.
    Status(SlotType),
    /// The reason phrase of the status.
    Reason,
    /// An object.
    Object(Vec<Member>),
    /// An array with an item for each finding.
    Each(Box<BodyPattern>),
    /// An array whose items each have their own pattern.
    Items(Vec<BodyPattern>),
    /// An object with a member for each invalid field.
    ByField(ByField),
    /// An object whose documented members are fields of the request.
    Fields(FieldErrors),
    /// The `source` of JSON:API: `pointer` for the body, `parameter` or `header` for the rest.
    Source(FieldSlot),
    /// An object with a member for each part of the request that has errors: `{"json": …}`.
    ByLocation(LocationSlot, Box<BodyPattern>),
    /// A text that is concatenated from parts.
    Text(Vec<BodyPattern>),
    /// A text inside markup, in which `&`, `<` and `>` are escaped.
    Escaped(Box<BodyPattern>),
}

/// A member of an object.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// Name of the member.
    pub name: String,
    /// Pattern of its value.
    pub pattern: BodyPattern,
    /// Value if the pattern gives none; without one the member is left out then.
    pub otherwise: Option<Value>,
}

/// An object whose documented members are fields of the request, each with its errors.
#[derive(Debug, Clone)]
pub(crate) struct FieldErrors {
    /// Index of the path segment that names its members: 0 for the fields of the body itself.
    pub depth: usize,
    /// Members that are fields.
    pub members: Vec<Member>,
    /// Member for errors that are about none of its fields: `non_field_errors`.
    pub rest: Option<Box<Member>>,
    /// Members that are no fields.
    pub others: Vec<Member>,
    /// Pattern for fields that are no documented member; none if the object allows no other
    /// members.
    pub other: Option<Box<BodyPattern>>,
}

/// An object with a member for each field.
#[derive(Debug, Clone)]
pub(crate) struct ByField {
    /// Notation of the names of members.
    pub key: FieldSlot,
    /// Pattern for the errors of one field.
    pub entry: Box<BodyPattern>,
    /// True if fields are nested like the request: `{"address": {"city": …}}`.
    pub nests: bool,
    /// Family, which may give a member another name than that of the field.
    pub idiom: Option<&'static Idiom>,
}

impl BodyPattern {
    /// Returns the value for the findings; none if there are none, or if the pattern has no value
    /// for them.
    #[must_use]
    pub(crate) fn tell(&self, findings: &[Finding]) -> Option<Value> {
        let first = findings.first()?;
        match self {
            Self::Fixed(value) => Some(value.clone()),
            Self::Words(words) => Some(Value::String(words.tell(findings))),
            Self::Code(slot) => slot.tell(first),
            Self::Field(slot) => slot.tell(first).map(Value::String),
            Self::Segments(slot) => slot.tell(first),
            Self::Location(slot) => slot.tell(first).map(Value::String),
            Self::Sent(wants, absent) => match &first.value {
                Some(value) => wants.give(value),
                None => absent.clone(),
            },
            Self::Url => first.operands.get("url").cloned(),
            Self::Filled(template) => {
                let dialect = &known::plain().dialect;
                typed(template, first).or_else(|| Some(json!(dialect.fill(template, first))))
            }
            Self::Beside(idiom, name) => idiom.beside(name, first),
            Self::Type(slot, idiom, seen) => {
                let dialect = &idiom.unwrap_or_else(known::plain).dialect;
                let told = matches!(first.rule.as_str(), "type" | "required")
                    .then(|| dialect.slot(*slot, NameForm::AsIs, first));
                told.map(|told| {
                    if told.is_empty() {
                        json!(seen)
                    } else {
                        json!(told)
                    }
                })
            }
            Self::Status(wants) => first
                .operands
                .get("status")
                .and_then(|status| wants.give(status)),
            Self::Reason => first.operands.get("reason").cloned(),
            Self::Object(members) => Some(Value::Object(tell_members(members, findings))),
            Self::Each(entry) => Some(
                findings
                    .iter()
                    .filter_map(|finding| entry.tell(std::slice::from_ref(finding)))
                    .collect(),
            ),
            Self::Items(items) => Some(
                items
                    .iter()
                    .filter_map(|item| item.tell(findings))
                    .collect(),
            ),
            Self::ByField(by_field) => by_field.tell(findings),
            Self::Fields(fields) => Some(Value::Object(fields.tell(findings))),
            Self::Source(slot) => slot.tell(first).map(|pointer| match first.location {
                "query" | "path" | "cookie" => json!({ "parameter": first.name() }),
                "header" => json!({ "header": first.name() }),
                _ => json!({ "pointer": pointer }),
            }),
            Self::ByLocation(slot, entry) => {
                let mut by_location: IndexMap<String, Vec<Finding>> = IndexMap::new();
                for finding in findings {
                    by_location
                        .entry(slot.tell(finding).unwrap_or_default())
                        .or_default()
                        .push(finding.clone());
                }
                let told = by_location
                    .into_iter()
                    .filter_map(|(location, of)| Some((location, entry.tell(&of)?)));
                Some(Value::Object(told.collect()))
            }
            Self::Escaped(inner) => {
                let text = plain(&inner.tell(findings)?);
                Some(json!(
                    text.replace('&', "&amp;")
                        .replace('<', "&lt;")
                        .replace('>', "&gt;")
                ))
            }
            Self::Text(parts) => {
                let texts = parts.iter().filter_map(|part| part.tell(findings));
                Some(Value::String(texts.map(|text| plain(&text)).collect()))
            }
        }
    }

    /// Returns true if the pattern has a sentence outside the entries of lists.
    #[must_use]
    pub(crate) fn has_words(&self) -> bool {
        self.has_words_that(&|_| true)
    }

    fn has_words_that(&self, fit: &dyn Fn(&Words) -> bool) -> bool {
        match self {
            Self::Words(words) => fit(words),
            Self::Object(members) => members
                .iter()
                .any(|member| member.pattern.has_words_that(fit)),
            Self::Items(items) | Self::Text(items) => {
                items.iter().any(|item| item.has_words_that(fit))
            }
            Self::Escaped(inner) => inner.has_words_that(fit),
            _ => false,
        }
    }

    /// Returns the pattern for a fault that is about no field: without lists of fields, if a
    /// sentence or code outside them says what is wrong.
    #[must_use]
    pub(crate) fn of_whole(&self, is_malformed: bool) -> Self {
        let is_code = |member: &Member| member.is_code() && !(is_malformed && member.is_headline());
        // A sentence that is always the same does not say that the content is malformed.
        let says_more = |words: &Words| !is_malformed || words.constant.is_none();
        let says = self.has_words_that(&says_more)
            || matches!(self, Self::Object(members) if members.iter().any(is_code));
        if says {
            self.without_lists().unwrap_or_else(|| self.clone())
        } else {
            self.clone()
        }
    }

    /// Returns the pattern without lists of fields; none if nothing else is left.
    fn without_lists(&self) -> Option<Self> {
        match self {
            Self::Each(_) | Self::ByField(_) | Self::Fields(_) | Self::ByLocation(..) => None,
            Self::Object(members) => {
                let kept: Vec<Member> = members.iter().filter_map(Member::without_lists).collect();
                (!kept.is_empty()).then_some(Self::Object(kept))
            }
            other => Some(other.clone()),
        }
    }
}

impl Member {
    fn without_lists(&self) -> Option<Self> {
        let empty = |otherwise: &Value| {
            BodyPattern::Fixed(if otherwise.is_array() {
                json!([])
            } else {
                json!({})
            })
        };
        let pattern = self
            .pattern
            .without_lists()
            .or_else(|| self.otherwise.as_ref().map(empty))?;
        Some(Self {
            pattern,
            ..self.clone()
        })
    }

    fn is_headline(&self) -> bool {
        matches!(&self.pattern, BodyPattern::Code(slot) if slot.is_headline)
    }

    fn is_code(&self) -> bool {
        matches!(self.pattern, BodyPattern::Code(_))
    }
}

fn tell_members(members: &[Member], findings: &[Finding]) -> Map<String, Value> {
    let told = members.iter().filter_map(|member| {
        let value = member
            .pattern
            .tell(findings)
            .or_else(|| member.otherwise.clone())?;
        Some((member.name.clone(), value))
    });
    told.collect()
}

impl ByField {
    fn tell(&self, findings: &[Finding]) -> Option<Value> {
        let mut by_field: IndexMap<Vec<String>, Vec<Finding>> = IndexMap::new();
        for finding in findings.iter().filter(|finding| is_of_field(&finding.rule)) {
            if let Some(key) = self.idiom.and_then(|idiom| idiom.key(finding)) {
                by_field.entry(vec![key]).or_default().push(finding.clone());
                continue;
            }
            let key = if self.nests {
                finding.path.clone()
            } else {
                vec![self.key.tell(finding).unwrap_or_default()]
            };
            let key = if key.is_empty() || key == [""] {
                vec![finding.location.to_owned()]
            } else {
                key
            };
            by_field.entry(key).or_default().push(finding.clone());
        }
        let mut object = Map::new();
        for (path, of_field) in &by_field {
            put(&mut object, path, self.entry.tell(of_field)?);
        }
        Some(Value::Object(object))
    }
}

impl FieldErrors {
    fn tell(&self, findings: &[Finding]) -> Map<String, Value> {
        let mut of_fields: Vec<Vec<Finding>> = vec![Vec::new(); self.members.len()];
        let mut of_others: IndexMap<String, Vec<Finding>> = IndexMap::new();
        let mut of_rest: Vec<Finding> = Vec::new();
        for finding in findings {
            let meant = finding.as_missing();
            let name = meant.path.get(self.depth).map(|name| folded(name));
            let at = name.and_then(|name| {
                self.members
                    .iter()
                    .position(|field| folded(&field.name) == name)
            });
            match (at, meant.path.get(self.depth)) {
                (Some(at), _) => of_fields[at].push(finding.clone()),
                (None, Some(name)) if self.other.is_some() => {
                    of_others
                        .entry(name.clone())
                        .or_default()
                        .push(finding.clone());
                }
                _ => of_rest.push(finding.clone()),
            }
        }
        let mut object = tell_members(&self.others, findings);
        let mut add = |member: &Member, findings: &[Finding]| {
            let told = if findings.is_empty() {
                None
            } else {
                member.pattern.tell(findings)
            };
            let told = told.or_else(|| member.otherwise.clone());
            told.map(|value| object.insert(member.name.clone(), value));
        };
        for (field, findings) in self.members.iter().zip(&of_fields) {
            add(field, findings);
        }
        self.rest.iter().for_each(|rest| add(rest, &of_rest));
        for (name, findings) in &of_others {
            let told = self.other.as_ref().and_then(|other| other.tell(findings));
            told.map(|value| object.insert(name.clone(), value));
        }
        object
    }
}

/// Inserts a value at a path; every segment but the last becomes an object.
fn put(object: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => {
            object.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let inner = object.entry(first.clone()).or_insert_with(|| json!({}));
            if !inner.is_object() {
                *inner = json!({});
            }
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

impl BodyPattern {
    /// Returns true if a pattern depends on the fault: it has a message, a code or a field.
    #[must_use]
    pub(crate) fn says_something(&self) -> bool {
        match self {
            Self::Words(_)
            | Self::Field(_)
            | Self::Code(_)
            | Self::Segments(_)
            | Self::Source(_)
            | Self::ByField(_)
            | Self::Fields(_)
            | Self::ByLocation(..) => true,
            Self::Object(members) => members.iter().any(|member| member.pattern.says_something()),
            Self::Each(entry) => entry.says_something(),
            Self::Items(items) | Self::Text(items) => items.iter().any(Self::says_something),
            _ => false,
        }
    }

    /// Returns true if the pattern names the field outside sentences.
    #[must_use]
    pub(crate) fn names_field(&self) -> bool {
        match self {
            Self::Field(_)
            | Self::Beside(..)
            | Self::Segments(_)
            | Self::Source(_)
            | Self::ByField(_)
            | Self::Fields(_)
            | Self::ByLocation(..) => true,
            Self::Object(members) => members.iter().any(|member| member.pattern.names_field()),
            Self::Each(entry) | Self::Escaped(entry) => entry.names_field(),
            Self::Items(items) | Self::Text(items) => items.iter().any(Self::names_field),
            _ => false,
        }
    }

    /// Returns true if a documented sentence repeats a value of its request.
    #[must_use]
    pub(crate) fn repeats_request(&self) -> bool {
        let repeats = |slot| {
            matches!(
                slot,
                WordingSlot::Media | WordingSlot::Method | WordingSlot::Detail | WordingSlot::Value
            )
        };
        match self {
            Self::Words(words) => words
                .seen
                .as_ref()
                .is_some_and(|seen| seen.template.has(repeats)),
            Self::Object(members) => members
                .iter()
                .any(|member| member.pattern.repeats_request()),
            Self::Each(entry) | Self::Escaped(entry) => entry.repeats_request(),
            Self::Items(items) | Self::Text(items) => items.iter().any(Self::repeats_request),
            _ => false,
        }
    }

    /// Drops the documented sentences that are about the whole request, such as a missing entity.
    pub(crate) fn forget_things(&mut self) {
        match self {
            Self::Words(words) => words.forget_thing(),
            Self::Object(members) => members
                .iter_mut()
                .for_each(|member| member.pattern.forget_things()),
            Self::Each(entry) | Self::Escaped(entry) => entry.forget_things(),
            Self::Items(items) | Self::Text(items) => {
                items.iter_mut().for_each(Self::forget_things);
            }
            _ => {}
        }
    }

    /// Sets the policy by which sentences name the field.
    pub(crate) fn let_words_name(&mut self, alone: NamePolicy) {
        match self {
            Self::Words(words) => {
                words.alone = alone;
                // A constant sentence of a family does not name the field.
                if alone == NamePolicy::Always {
                    words.constant = None;
                }
            }
            Self::Object(members) => members
                .iter_mut()
                .for_each(|member| member.pattern.let_words_name(alone)),
            Self::Each(entry) | Self::Escaped(entry) => entry.let_words_name(alone),
            Self::Items(items) | Self::Text(items) => {
                items.iter_mut().for_each(|item| item.let_words_name(alone));
            }
            _ => {}
        }
    }

    /// Returns true if a documented sentence names the field.
    #[must_use]
    pub(crate) fn shows_name(&self) -> bool {
        match self {
            Self::Words(words) => words
                .seen
                .as_ref()
                .is_some_and(|seen| seen.template.has(WordingSlot::is_name)),
            Self::Object(members) => members.iter().any(|member| member.pattern.shows_name()),
            Self::Each(entry) | Self::Escaped(entry) => entry.shows_name(),
            Self::Items(items) | Self::Text(items) => items.iter().any(Self::shows_name),
            _ => false,
        }
    }
}
