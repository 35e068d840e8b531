//! Message templates with slots for errors of a request: `"{path}" must be {types}`.
//!
//! `errors` fills the slots.
use crate::schema::name::NameForm;

/// Rules that a request can break: keywords of JSON Schema, and other causes of documented errors.
pub(crate) const RULES: [&str; 41] = [
    "required",
    "type",
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "oneOf",
    "anyOf",
    "not",
    "dependentRequired",
    "unknownParameter",
    "style",
    "malformed",
    "invalid",
    "unsupportedMediaType",
    "credentials",
    "forbidden",
    "notFound",
    "unknownPath",
    "methodNotAllowed",
    "notAcceptable",
    "conflict",
    "tooLarge",
    "tooManyRequests",
    "failure",
];

/// Rules about the whole request, and not about a field or the content.
pub(crate) const OF_WHOLE: &[&str] = RULES.split_at(30).1;

/// Slot of a template, by the value that fills it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordingSlot {
    /// Name of the field: `city`.
    Name,
    /// Path of the field: `address.city`.
    Path,
    /// JSON Pointer of the field: `/address/city`.
    Pointer,
    /// Path of the field as the last items of a list: `["address", "city"]`; elsewhere a path.
    Segments,
    /// Path of the object that contains the field: `address`.
    Parent,
    /// JSON Pointer of the object that has the rule; for a missing property, the object that lacks
    /// it.
    Container,
    /// Place of the rule in the schema, as validators write it: `#/properties/address/required`.
    Schema,
    /// Location of the value: `body`, `query`, `path`, `header`, `cookie`.
    Location,
    /// Value that was sent.
    Value,
    /// Type of the value that was sent.
    Type,
    /// Number of characters, items or properties of the value.
    Length,
    /// Allowed types.
    Types,
    /// Allowed values.
    Values,
    /// Bound of the rule.
    Limit,
    /// Lower bound, or the least possible value.
    Least,
    /// Upper bound, or the greatest possible value.
    Most,
    /// Plural `s`, unless the bound is 1.
    Plural,
    /// Regular expression of the rule.
    Pattern,
    /// Format of the rule: `email`.
    Format,
    /// Missing or unknown property.
    Property,
    /// Status code: 400.
    Status,
    /// Reason phrase of the status: `Bad Request`.
    Reason,
    /// Number of violations: 2.
    Count,
    /// Message of a parser.
    Detail,
    /// Path of the request: `/pets/7`.
    Url,
    /// Media type that was sent.
    Media,
    /// Method of the request.
    Method,
    /// The whole message.
    Message,
    /// Error code of the message.
    Code,
}

impl WordingSlot {
    const NAMES: [(&'static str, Self); 29] = [
        ("name", Self::Name),
        ("path", Self::Path),
        ("pointer", Self::Pointer),
        ("segments", Self::Segments),
        ("parent", Self::Parent),
        ("container", Self::Container),
        ("schema", Self::Schema),
        ("location", Self::Location),
        ("value", Self::Value),
        ("type", Self::Type),
        ("length", Self::Length),
        ("types", Self::Types),
        ("values", Self::Values),
        ("limit", Self::Limit),
        ("least", Self::Least),
        ("most", Self::Most),
        ("s", Self::Plural),
        ("pattern", Self::Pattern),
        ("format", Self::Format),
        ("property", Self::Property),
        ("status", Self::Status),
        ("reason", Self::Reason),
        ("count", Self::Count),
        ("detail", Self::Detail),
        ("url", Self::Url),
        ("media", Self::Media),
        ("method", Self::Method),
        ("message", Self::Message),
        ("code", Self::Code),
    ];

    /// Returns true if the slot names the field.
    #[must_use]
    pub fn is_name(self) -> bool {
        matches!(
            self,
            Self::Name | Self::Path | Self::Pointer | Self::Property
        )
    }
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplatePart {
    /// Fixed text.
    Text(String),
    /// A slot, and the form in which its value is written.
    Slot(WordingSlot, NameForm),
}

/// Reason why a text is not a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Brace that is not closed, or was not opened.
    #[error("`{text}` has a brace without its other one; write `{{{{` or `}}}}` for a brace")]
    Brace {
        /// The whole text.
        text: String,
    },
    /// Unknown slot.
    #[error("`{{{inner}}}` is not a slot, expected one of {}", slots())]
    Slot {
        /// Text between the braces: `nmae`, `name|Title`.
        inner: String,
    },
    /// Unknown form of a name.
    #[error("`{form}` is not a form of a name, expected one of {}", forms())]
    Form {
        /// Text after the bar: `big`.
        form: String,
    },
}

/// A text with slots.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    /// Parts from left to right; texts are not empty and never adjacent.
    pub parts: Vec<TemplatePart>,
}

impl Template {
    /// Parses `The {name|words} field is required.`; `{{` and `}}` are literal braces.
    ///
    /// # Errors
    ///
    /// Returns the reason if a slot or a form is unknown or a brace is not closed.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut template = Self::default();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, braced) = rest.split_at(at);
            template.push_text(before);
            if let Some(after) = braced
                .strip_prefix("{{")
                .or_else(|| braced.strip_prefix("}}"))
            {
                template.push_text(&braced[..1]);
                rest = after;
                continue;
            }
            let inner = braced
                .strip_prefix('{')
                .and_then(|braced| braced.split_once('}'));
            let Some((inner, after)) = inner else {
                return Err(TemplateError::Brace {
                    text: text.to_owned(),
                });
            };
            template.parts.push(slot(inner)?);
            rest = after;
        }
        template.push_text(rest);
        Ok(template)
    }

    /// Returns a template without any slot.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        let mut template = Self::default();
        template.push_text(text);
        template
    }

    /// Appends text.
    pub fn push_text(&mut self, text: &str) {
        match self.parts.last_mut() {
            _ if text.is_empty() => {}
            Some(TemplatePart::Text(last)) => last.push_str(text),
            _ => self.parts.push(TemplatePart::Text(text.to_owned())),
        }
    }

    /// Appends another template.
    pub fn push(&mut self, other: Self) {
        for part in other.parts {
            match part {
                TemplatePart::Text(text) => self.push_text(&text),
                slot @ TemplatePart::Slot(..) => self.parts.push(slot),
            }
        }
    }

    /// Returns true if any slot satisfies a predicate.
    pub fn has(&self, is_meant: impl Fn(WordingSlot) -> bool) -> bool {
        self.parts
            .iter()
            .any(|part| matches!(part, TemplatePart::Slot(slot, _) if is_meant(*slot)))
    }

    /// Returns the text with each slot filled by `fill`.
    pub fn fill(&self, fill: impl Fn(WordingSlot, NameForm) -> String) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                TemplatePart::Text(fixed) => text.push_str(fixed),
                TemplatePart::Slot(slot, form) => text.push_str(&fill(*slot, *form)),
            }
        }
        text
    }
}

fn slot(inner: &str) -> Result<TemplatePart, TemplateError> {
    let (name, form) = inner.split_once('|').unwrap_or((inner, ""));
    let known = WordingSlot::NAMES.iter().find(|(known, _)| *known == name);
    let Some((_, slot)) = known else {
        return Err(TemplateError::Slot {
            inner: inner.to_owned(),
        });
    };
    match NameForm::parse(form) {
        Some(form) => Ok(TemplatePart::Slot(*slot, form)),
        None if form.is_empty() => Ok(TemplatePart::Slot(*slot, NameForm::AsIs)),
        None => Err(TemplateError::Form {
            form: form.to_owned(),
        }),
    }
}

/// Returns the names of all slots, for messages.
fn slots() -> String {
    WordingSlot::NAMES.map(|(name, _)| name).join(", ")
}

/// Returns the names of all forms, for messages.
fn forms() -> String {
    NameForm::all().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_filled_and_braces_kept() {
        let template = Template::parse("The {name|Title} of {{x}} is {types}").expect("is one");
        let filled = template.fill(|slot, form| format!("<{slot:?} {form:?}>"));
        assert_eq!(filled, "The <Name Title> of {x} is <Types AsIs>");
        assert_eq!(template.parts.len(), 4);
    }

    #[test]
    fn rules_of_the_whole_come_last() {
        assert_eq!(OF_WHOLE.first(), Some(&"unsupportedMediaType"));
        assert_eq!(OF_WHOLE.last(), Some(&"failure"));
    }

    #[test]
    fn what_is_no_slot_is_said() {
        let said = |text| Template::parse(text).expect_err("is none").to_string();
        assert!(
            said("{nmae}").contains("`{nmae}` is not a slot, expected one of name, path, pointer,")
        );
        assert!(
            said("{name|big}").contains("`big` is not a form of a name, expected one of words,")
        );
        assert_eq!(
            said("{name"),
            "`{name` has a brace without its other one; write `{{` or `}}` for a brace"
        );
        assert!(Template::parse("a } b").is_err());
    }
}
