//! Error overrides: applies the section `errors` of the fixtures to the findings of a request.
//!
//! `contract::error_override` reads the section; [`reject`](crate::errors::reject) applies it.
use http::StatusCode;
use serde_json::{Value, json};

use crate::contract::Operation;
use crate::contract::error_override::Telling;
use crate::contract::wording::{Template, TemplatePart, WordingSlot};
use crate::errors::body::{BodyPattern, ByField, Member};
use crate::errors::catalogue::idiom::{Idiom, is_of_field};
use crate::errors::catalogue::known;
use crate::errors::finding::{Finding, PathStyle};
use crate::errors::slot::{FieldSlot, FieldStyle};

/// Error overrides of an operation; each setting is that of the nearest entry that has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ErrorOverrides<'c> {
    operation: &'c Operation,
}

impl<'c> ErrorOverrides<'c> {
    /// Returns the overrides of an operation; none if no entry applies to it.
    #[must_use]
    pub(crate) fn of(operation: &'c Operation) -> Option<Self> {
        (!operation.overrules.is_empty()).then_some(Self { operation })
    }

    /// Returns the settings for a rule, nearest entry first, and in each entry those of the rule
    /// before those for all rules.
    fn tellings(self, rule: &str) -> impl Iterator<Item = &'c Telling> + use<'c> {
        // Settings for all rules apply to rules about fields and content only.
        let is_of_all = is_of_field(rule);
        let tellings = self.operation.overrules.iter().flat_map(move |overrule| {
            overrule
                .rules
                .get(rule)
                .into_iter()
                .chain(Some(&overrule.general).filter(|_| is_of_all))
        });
        tellings.collect::<Vec<_>>().into_iter()
    }

    /// Returns the status to send.
    #[must_use]
    pub(crate) fn status(self, rule: &str) -> Option<StatusCode> {
        self.tellings(rule).find_map(|telling| telling.status)
    }

    /// Returns the name of the documented example to fill in; none if a nearer setting is a body.
    #[must_use]
    pub(crate) fn example(self, rule: &str) -> Option<&'c str> {
        self.tellings(rule)
            .find(|telling| telling.example.is_some() || telling.body.is_some())?
            .example
            .as_deref()
    }

    /// Returns the body to fill in; none if a nearer setting names an example.
    #[must_use]
    pub(crate) fn body(self, rule: &str) -> Option<&'c Value> {
        self.tellings(rule)
            .find(|telling| telling.example.is_some() || telling.body.is_some())?
            .body
            .as_ref()
    }

    /// Returns the family whose sentences and codes are used.
    #[must_use]
    pub(crate) fn idiom(self) -> Option<&'static Idiom> {
        self.operation
            .overrules
            .iter()
            .find_map(|overrule| known::named(overrule.idiom.as_deref()?))
    }

    /// Returns true if an override changes the wording of errors about a rule.
    #[must_use]
    pub(crate) fn words(self, rule: &str) -> bool {
        self.idiom().is_some()
            || self.tellings(rule).any(|telling| {
                telling.message.is_some()
                    || telling.code.is_some()
                    || telling.body.is_some()
                    || telling.example.is_some()
            })
    }

    /// Returns the finding with the sentence and code that override its own, as the operands
    /// `message` and `code`.
    #[must_use]
    pub(crate) fn tell(self, mut finding: Finding) -> Finding {
        let family = self.idiom();
        let said = family.and_then(|family| family.say(&finding));
        let dialect = &family.unwrap_or_else(known::plain).dialect;
        let template = self
            .tellings(&finding.rule)
            .find_map(|telling| telling.message.as_ref());
        let message = template.map(|template| dialect.fill(template, &finding));
        let message = message.or_else(|| said.as_ref().and_then(|said| said.sentence.clone()));
        if let Some(message) = message {
            finding
                .operands
                .insert("message".to_owned(), json!(message));
        }
        let code = self
            .tellings(&finding.rule)
            .find_map(|telling| telling.code.as_ref());
        let code = code.map(|code| match code {
            Value::String(text) => {
                json!(
                    Template::parse(text)
                        .map_or_else(|_| text.clone(), |code| dialect.fill(&code, &finding))
                )
            }
            other => other.clone(),
        });
        if let Some(code) = code.or_else(|| said.and_then(|said| said.code)) {
            finding.operands.insert("code".to_owned(), code);
        }
        finding
    }

    /// Fills a body from the fixtures with the findings.
    #[must_use]
    pub(crate) fn body_of(body: &Value, findings: &[Finding]) -> Option<Value> {
        // A slot takes the neutral sentence or code if no override sets one.
        let plain = |finding: &Finding| {
            let said = known::plain().say(finding);
            let mut finding = finding.clone();
            for (name, value) in [
                (
                    "message",
                    said.as_ref()
                        .and_then(|said| said.sentence.clone())
                        .map(Value::String),
                ),
                ("code", said.and_then(|said| said.code)),
            ] {
                if let (false, Some(value)) = (finding.operands.contains_key(name), value) {
                    finding.operands.insert(name.to_owned(), value);
                }
            }
            finding
        };
        let findings: Vec<Finding> = findings.iter().map(plain).collect();
        pattern(body).tell(&findings)
    }
}

/// Returns the pattern of a body from the fixtures.
fn pattern(value: &Value) -> BodyPattern {
    match value {
        Value::String(text) => match Template::parse(text) {
            Ok(template) if template.has(|_| true) => BodyPattern::Filled(template),
            Ok(template) => BodyPattern::Fixed(json!(template.fill(|_, _| String::new()))),
            Err(_) => BodyPattern::Fixed(value.clone()),
        },
        Value::Array(items) => match items.as_slice() {
            [only] if has_slots(only) => BodyPattern::Each(Box::new(pattern(only))),
            items => BodyPattern::Items(items.iter().map(pattern).collect()),
        },
        Value::Object(object) => {
            if let (1, Some((key, entry))) = (object.len(), object.iter().next())
                && let Some(style) = key_style(key)
            {
                let key = FieldSlot {
                    style,
                    ..FieldSlot::plain()
                };
                return BodyPattern::ByField(ByField {
                    key,
                    entry: Box::new(pattern(entry)),
                    nests: false,
                    idiom: None,
                });
            }
            let member = |(name, value): (&String, &Value)| Member {
                name: name.clone(),
                pattern: pattern(value),
                otherwise: None,
            };
            BodyPattern::Object(object.iter().map(member).collect())
        }
        other => BodyPattern::Fixed(other.clone()),
    }
}

/// Returns the notation of fields that are the names of members: `{"{path}": ["{message}"]}`.
fn key_style(key: &str) -> Option<FieldStyle> {
    let template = Template::parse(key).ok()?;
    match template.parts.as_slice() {
        [TemplatePart::Slot(WordingSlot::Name | WordingSlot::Property, form)] => {
            Some(FieldStyle::Name(*form))
        }
        [TemplatePart::Slot(WordingSlot::Path, form)] => {
            Some(FieldStyle::Path(PathStyle::Dotted, *form))
        }
        [TemplatePart::Slot(WordingSlot::Pointer, _)] => Some(FieldStyle::Pointer),
        _ => None,
    }
}

fn has_slots(value: &Value) -> bool {
    match value {
        Value::String(text) => Template::parse(text).is_ok_and(|template| template.has(|_| true)),
        Value::Array(items) => items.iter().any(has_slots),
        Value::Object(object) => object.values().any(has_slots),
        _ => false,
    }
}
