//! What the user says of errors in the fixtures, put to what is wrong with a request.
use http::StatusCode;
use serde_json::{Value, json};

use crate::contract::Operation;
use crate::contract::error_override::Telling;
use crate::contract::wording::{Part, Slot, Template};
use crate::errors::body::{ByField, Member, Pattern};
use crate::errors::catalogue::idiom::{self, Idiom, is_of_field};
use crate::errors::finding::{Finding, PathStyle};
use crate::errors::slot::{FieldSlot, FieldStyle};

/// What is said of the errors of an operation: for each rule and field the nearest entry that says it.
#[derive(Debug, Clone, Copy)]
pub struct ErrorOverrides<'c> {
    operation: &'c Operation,
}

impl<'c> ErrorOverrides<'c> {
    /// What is said of the errors of an operation; none, if nothing is.
    #[must_use]
    pub fn of(operation: &'c Operation) -> Option<Self> {
        (!operation.overrules.is_empty()).then_some(Self { operation })
    }

    /// From the nearest entry to the farthest, and in each from the rule to what is said of all.
    fn tellings(self, rule: &str) -> impl Iterator<Item = &'c Telling> + use<'c> {
        // What is said of all rules is said of those about fields and content.
        let is_of_all = is_of_field(rule);
        let tellings = self.operation.overrules.iter().flat_map(move |overrule| {
            overrule.rules.get(rule).into_iter().chain(Some(&overrule.general).filter(|_| is_of_all))
        });
        tellings.collect::<Vec<_>>().into_iter()
    }

    /// The status to send.
    #[must_use]
    pub fn status(self, rule: &str) -> Option<StatusCode> {
        self.tellings(rule).find_map(|telling| telling.status)
    }

    /// The documented example to fill in.
    #[must_use]
    pub fn example(self, rule: &str) -> Option<&'c str> {
        self.tellings(rule).find(|telling| telling.example.is_some() || telling.body.is_some())?.example.as_deref()
    }

    /// The body.
    #[must_use]
    pub fn body(self, rule: &str) -> Option<&'c Value> {
        self.tellings(rule).find(|telling| telling.example.is_some() || telling.body.is_some())?.body.as_ref()
    }

    /// The family whose sentences and codes are said.
    #[must_use]
    pub fn idiom(self) -> Option<&'static Idiom> {
        self.operation.overrules.iter().find_map(|overrule| idiom::named(overrule.idiom.as_deref()?))
    }

    /// Whether anything is said that changes the words of errors about a rule.
    #[must_use]
    pub fn words(self, rule: &str) -> bool {
        self.idiom().is_some()
            || self.tellings(rule).any(|telling| {
                telling.message.is_some()
                    || telling.code.is_some()
                    || telling.body.is_some()
                    || telling.example.is_some()
            })
    }

    /// A finding with the sentence and the code that are to be said of it.
    #[must_use]
    pub fn tell(self, mut finding: Finding) -> Finding {
        let family = self.idiom();
        let said = family.and_then(|family| family.say(&finding));
        let dialect = &family.unwrap_or_else(idiom::plain).dialect;
        let template = self.tellings(&finding.rule).find_map(|telling| telling.message.as_ref());
        let message = template.map(|template| dialect.fill(template, &finding));
        let message = message.or_else(|| said.as_ref().and_then(|said| said.sentence.clone()));
        if let Some(message) = message {
            finding.operands.insert("message".to_owned(), json!(message));
        }
        let code = self.tellings(&finding.rule).find_map(|telling| telling.code.as_ref());
        let code = code.map(|code| match code {
            Value::String(text) => {
                json!(Template::parse(text).map_or_else(|_| text.clone(), |code| dialect.fill(&code, &finding)))
            }
            other => other.clone(),
        });
        if let Some(code) = code.or_else(|| said.and_then(|said| said.code)) {
            finding.operands.insert("code".to_owned(), code);
        }
        finding
    }

    /// Its own body, filled in.
    #[must_use]
    pub fn body_of(self, body: &Value, findings: &[Finding]) -> Option<Value> {
        // Where it has no sentence or code of its own, the plain one is meant by its slots.
        let plain = |finding: &Finding| {
            let said = idiom::plain().say(finding);
            let mut finding = finding.clone();
            for (name, value) in [
                ("message", said.as_ref().and_then(|said| said.sentence.clone()).map(Value::String)),
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

/// A body as the user writes it.
fn pattern(value: &Value) -> Pattern {
    match value {
        Value::String(text) => match Template::parse(text) {
            Ok(template) if template.has(|_| true) => Pattern::Filled(template),
            Ok(template) => Pattern::Fixed(json!(template.fill(|_, _| String::new()))),
            Err(_) => Pattern::Fixed(value.clone()),
        },
        Value::Array(items) => match items.as_slice() {
            [only] if has_slots(only) => Pattern::Each(Box::new(pattern(only))),
            items => Pattern::Items(items.iter().map(pattern).collect()),
        },
        Value::Object(object) => {
            if let (1, Some((key, entry))) = (object.len(), object.iter().next())
                && let Some(style) = key_style(key)
            {
                let key = FieldSlot { style, ..FieldSlot::plain() };
                return Pattern::ByField(ByField { key, entry: Box::new(pattern(entry)), nests: false, idiom: None });
            }
            let member = |(name, value): (&String, &Value)| Member {
                name: name.clone(),
                pattern: pattern(value),
                otherwise: None,
            };
            Pattern::Object(object.iter().map(member).collect())
        }
        other => Pattern::Fixed(other.clone()),
    }
}

/// How fields are written where they are the names of members: `{"{path}": ["{message}"]}`.
fn key_style(key: &str) -> Option<FieldStyle> {
    let template = Template::parse(key).ok()?;
    match template.parts.as_slice() {
        [Part::Slot(Slot::Name | Slot::Property, form)] => Some(FieldStyle::Name(*form)),
        [Part::Slot(Slot::Path, form)] => Some(FieldStyle::Path(PathStyle::Dotted, *form)),
        [Part::Slot(Slot::Pointer, _)] => Some(FieldStyle::Pointer),
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
