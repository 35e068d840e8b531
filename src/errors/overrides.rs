//! Error overrides: applies the section `errors` of the fixtures to the findings of a request.
//!
//! `contract::error_override` reads the section; [`reject`](crate::errors::reject) applies it.
use std::sync::Arc;

use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::codec::text::field_value;
use crate::contract::error_override::{ErrorOverride, Telling};
use crate::contract::media::MediaRange;
use crate::contract::wording::{Template, TemplatePart, WordingSlot};
use crate::contract::{Contract, Operation};
use crate::errors::body::{BodyPattern, ByField, Member};
use crate::errors::catalogue::idiom::{Idiom, is_of_field};
use crate::errors::catalogue::known;
use crate::errors::finding::{Finding, PathStyle};
use crate::errors::slot::{FieldSlot, FieldStyle, LocationSlot, SegmentsSlot, SlotType};

/// Error overrides of an operation; each setting is that of the nearest entry that has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ErrorOverrides<'c> {
    /// Nearest entry first.
    overrules: &'c [Arc<ErrorOverride>],
}

/// Rule about a path that no document has.
pub(crate) const UNKNOWN_PATH: &str = "unknownPath";

impl<'c> ErrorOverrides<'c> {
    /// Returns the overrides of an operation; none if no entry applies to it.
    #[must_use]
    pub(crate) fn of(operation: &'c Operation) -> Option<Self> {
        let overrules = operation.overrules.as_slice();
        (!overrules.is_empty()).then_some(Self { overrules })
    }

    /// Returns the overrides for paths that no document has; none if no entry has that rule.
    #[must_use]
    pub(crate) fn of_unknown_paths(contract: &'c Contract, document: usize) -> Option<Self> {
        let overrules = contract.overrules.get(document)?.as_slice();
        let has_rule = |own: &Arc<ErrorOverride>| own.rules.contains_key(UNKNOWN_PATH);
        overrules.iter().any(has_rule).then_some(Self { overrules })
    }

    /// Returns the settings for a rule, nearest entry first, and in each entry those of the rule
    /// before those for all rules.
    fn tellings(self, rule: &str) -> impl Iterator<Item = &'c Telling> + use<'c> {
        self.tellings_of(rule, |_| true).into_iter()
    }

    fn tellings_of(self, rule: &str, counts: impl Fn(&ErrorOverride) -> bool) -> Vec<&'c Telling> {
        // Settings for all rules apply to rules about fields and content only.
        let is_of_all = is_of_field(rule);
        let overrules = self.overrules.iter();
        let tellings = overrules
            .filter(|overrule| counts(overrule))
            .flat_map(|overrule| {
                let own = overrule.rules.get(rule).into_iter();
                own.chain(Some(&overrule.general).filter(|_| is_of_all))
            });
        tellings.collect()
    }

    /// Returns the settings that word a rule: those that a person wrote only, if a person chose the
    /// family.
    fn words_of(self, rule: &str) -> Vec<&'c Telling> {
        let overrules = self.overrules;
        let chosen = overrules.iter().find(|overrule| overrule.idiom.is_some());
        let by_hand = chosen.is_some_and(|overrule| !overrule.is_learned);
        self.tellings_of(rule, |overrule| !(by_hand && overrule.is_learned))
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

    /// Returns the media type of the body to fill in, if the fixtures set it.
    #[must_use]
    pub(crate) fn media_type(self, rule: &str) -> Option<&'c MediaRange> {
        let mut tellings = self.tellings(rule);
        tellings
            .find(|telling| telling.body.is_some())?
            .media_type
            .as_ref()
    }

    /// Returns the header fields of an error about a finding, each of the nearest setting that has it.
    #[must_use]
    pub(crate) fn headers(self, finding: &Finding) -> Vec<(HeaderName, HeaderValue)> {
        let dialect = &self.idiom().unwrap_or_else(known::plain).dialect;
        let mut lines: Vec<(HeaderName, HeaderValue)> = Vec::new();
        for telling in self.tellings(&finding.rule) {
            let known = lines.len();
            for (name, template) in &telling.headers {
                let is_set = lines[..known].iter().any(|(own, _)| own == name);
                let value = field_value(&dialect.fill(template, finding));
                let value = value.filter(|value| !value.is_empty());
                lines.extend(value.filter(|_| !is_set).map(|value| (name.clone(), value)));
            }
        }
        lines
    }

    /// Returns the family whose sentences and codes are used.
    #[must_use]
    pub(crate) fn idiom(self) -> Option<&'static Idiom> {
        self.overrules
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
        let words = self.words_of(&finding.rule);
        let template = words.iter().find_map(|telling| telling.message.as_ref());
        let message = template.map(|template| dialect.fill(template, &finding));
        let message = message.or_else(|| said.as_ref().and_then(|said| said.sentence.clone()));
        if let Some(message) = message {
            finding
                .operands
                .insert("message".to_owned(), json!(message));
        }
        let code = words.iter().find_map(|telling| telling.code.as_ref());
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
            [only] if is_segments(only) => segments(None),
            [location, rest] if *location == json!("{location}") && is_segments(rest) => {
                segments(Some(LocationSlot::default()))
            }
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

/// Returns true for the text that is replaced by the path of the field, one item per segment.
fn is_segments(item: &Value) -> bool {
    *item == json!("{segments}")
}

fn segments(location: Option<LocationSlot>) -> BodyPattern {
    BodyPattern::Segments(SegmentsSlot {
        location,
        index: SlotType::Number,
    })
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
