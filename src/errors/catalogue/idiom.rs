//! Catalogue of the sentences in which validators, frameworks and APIs report errors, as data, and
//! the recognition of these sentences in a text.
//!
//! Each file of `idioms/` is one family; a family is added by its file alone. [`Idiom`] documents
//! the keys of a file, `idioms/ajv.yaml` is an example. `reading` recognises sentences in
//! documented examples; `words` and `slot` write new ones.
use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::contract::wording::{OF_WHOLE, RULES, Template, TemplatePart, WordingSlot};
use crate::errors::catalogue::matching::{self, Captured, CapturedSlot};
use crate::errors::finding::{Dialect, Finding};
use crate::schema::name::NameForm;

/// Error family: the sentences, codes and body shapes of one validator, framework or API.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own that the catalogue states"
)]
pub(crate) struct Idiom {
    /// Name in the catalogue: `ajv`.
    pub name: String,
    /// Notation of the paths, values, types and formats that fill the slots of its sentences.
    pub dialect: Dialect,
    /// Sentences by rule, or by rule and variant: `type.string`.
    pub(super) sentences: IndexMap<String, Sentence>,
    /// Members by which bodies of the family are recognised: each list is one kind of body, each
    /// path such as `errors[].field` is split into its steps.
    pub shapes: Vec<Vec<Vec<String>>>,
    /// Preference over other families with the same wording or shape; a greater rank is more
    /// likely.
    pub rank: u64,
    /// True if its sentences are used even where nothing in the body names the field, because APIs
    /// pass them on unchanged (key `alone`).
    pub stands_alone: bool,
    /// True if its maps of fields are nested like the request: `{"address": {"city": …}}` (key
    /// `nests`).
    pub nests: bool,
    /// Values of the members beside a sentence, by member name; a sentence can replace them.
    pub(super) members: Map<String, Value>,
    /// True if a shape of fewer than three members is enough to recognise its bodies in a schema
    /// (key `shaped`).
    pub is_shaped: bool,
    /// True if its bodies are recognised only together with its sentences, never by their shape
    /// alone (key `worded`).
    pub needs_words: bool,
    /// True if an absent body is one error, whatever properties it requires (key `absent`).
    pub tells_absent: bool,
    /// True if malformed content is reported in the same form as an invalid field (key `listed`).
    pub lists_malformed: bool,
    /// True if its sentence for the whole body ends with the number of further errors:
    /// `(and 1 more error)` (key `counts`).
    pub counts_more: bool,
    /// Form of field names that are the names of members (key `keys`).
    pub keys: NameForm,
    /// Body for an error that is about no field, if it has another shape; `{message}` is the
    /// sentence.
    pub(super) whole: Option<Value>,
    /// Values of members that are the same for every error, by the steps of their path.
    pub constants: Vec<(Vec<String>, Value)>,
}

/// Families are the same if they have the same name; the catalogue has each name once.
impl PartialEq for Idiom {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Idiom {}

/// Wording of one rule.
#[derive(Debug)]
pub(super) struct Sentence {
    /// Name of the member that has the sentence, if it is not the field.
    pub(super) key: Option<Template>,
    pub(super) says: Option<Template>,
    pub(super) code: Option<RuleCode>,
    /// Other wordings of the rule, which are recognised but not written.
    pub(super) also: Vec<Template>,
    /// Values of the members beside the sentence, by member name.
    pub(super) with: Map<String, Value>,
}

/// Code of a rule.
#[derive(Debug)]
pub(super) enum RuleCode {
    Text(Template),
    Other(Value),
}

/// Wording of a finding by a family.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    /// Sentence, if the family has one for the rule.
    pub sentence: Option<String>,
    /// Code, if the family has one for the rule.
    pub code: Option<Value>,
}

/// Sentence of a family that was recognised in a text.
#[derive(Debug, Clone)]
pub(crate) struct Match {
    /// Family of the sentence.
    pub idiom: &'static Idiom,
    /// Rule that the sentence is about.
    pub rule: &'static str,
    /// Sentence with slots.
    pub template: Template,
    /// Texts that fill the slots.
    pub captured: Captured,
    /// Number of characters outside the slots, white space not counted; a plural slot counts as
    /// one.
    pub letters: usize,
    /// True for one of the other wordings (key `also`), which the family does not write.
    pub is_other: bool,
    /// Code of the rule, unless it has slots.
    pub code: Option<Value>,
    /// Text before the sentence.
    pub before: String,
    /// Full stop or exclamation mark after the sentence; empty if there is neither.
    pub stop: String,
}

/// Sentence of the catalogue to match against a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    idiom: &'static Idiom,
    rule: &'static str,
    sentence: &'static Sentence,
    template: &'static Template,
    is_other: bool,
    letters: usize,
}

/// Returns the sentences that match a whole text, for each family the one with the most letters.
#[must_use]
pub(crate) fn recognise(text: &str, candidates: &[Candidate]) -> Vec<Match> {
    let mut found: Vec<Match> = Vec::new();
    for candidate in candidates {
        let known = found
            .iter()
            .position(|known| known.idiom == candidate.idiom);
        if known.is_some_and(|at| found[at].letters >= candidate.letters) {
            continue;
        }
        let Some(matched) = candidate.matches(text) else {
            continue;
        };
        match known {
            Some(at) => found[at] = matched,
            None => found.push(matched),
        }
    }
    found
}

impl Candidate {
    fn matches(self, text: &str) -> Option<Match> {
        let captured = matching::captures(self.template, text)?;
        if !self.idiom.makes_sense(&captured, self.letters) {
            return None;
        }
        let nobody = Finding::whole("", Value::Null);
        let code = match &self.sentence.code {
            Some(RuleCode::Text(code)) if code.has(|_| true) => None,
            Some(RuleCode::Text(code)) => {
                Some(Value::String(self.idiom.dialect.fill(code, &nobody)))
            }
            Some(RuleCode::Other(code)) => Some(code.clone()),
            None => None,
        };
        Some(Match {
            idiom: self.idiom,
            rule: self.rule,
            template: self.template.clone(),
            captured,
            letters: self.letters,
            is_other: self.is_other,
            code,
            before: String::new(),
            stop: String::new(),
        })
    }
}

/// Returns a file's text up to its examples, which are the longer part and only for tests.
pub(super) fn without_examples(text: &str) -> &str {
    text.split("\nexamples:").next().unwrap_or(text)
}

/// Returns the rules whose sentence replaces a missing one for a rule, best first.
fn stands_in(rule: &str) -> &'static [&'static str] {
    match rule {
        "exclusiveMinimum" => &["minimum", "invalid"],
        "exclusiveMaximum" => &["maximum", "invalid"],
        "const" => &["enum", "invalid"],
        "unevaluatedProperties" | "unknownParameter" => &["additionalProperties", "invalid"],
        "oneOf" => &["anyOf", "invalid"],
        "style" => &["type", "invalid"],
        "dependentRequired" => &["required"],
        "unknownPath" => &["notFound"],
        "malformed" => &[],
        rule if !is_of_field(rule) => &[],
        _ => &["invalid"],
    }
}

/// Returns true for rules about the value of a field, false for rules about its presence, about
/// malformed content and about the whole request.
#[must_use]
pub(crate) fn is_of_value(rule: &str) -> bool {
    let is_of_presence = matches!(
        rule,
        "required"
            | "dependentRequired"
            | "additionalProperties"
            | "unevaluatedProperties"
            | "unknownParameter"
            | "malformed"
    );
    is_of_field(rule) && !is_of_presence
}

/// Returns true for rules about a field or the content, false for rules about the whole request.
#[must_use]
pub(crate) fn is_of_field(rule: &str) -> bool {
    !OF_WHOLE.contains(&rule)
}

impl Idiom {
    /// Returns the wording of a finding: of its rule at this location and for this type, format or
    /// bound, else of its rule, else of a rule that replaces it.
    #[must_use]
    pub(crate) fn say(&self, finding: &Finding) -> Option<Said> {
        let sentence = self.sentence(finding)?;
        Some(Said {
            sentence: sentence
                .says
                .as_ref()
                .map(|says| self.dialect.fill(says, finding)),
            code: sentence.code.as_ref().map(|code| match code {
                RuleCode::Text(template) => Value::String(self.dialect.fill(template, finding)),
                RuleCode::Other(value) => value.clone(),
            }),
        })
    }

    /// Returns the name of the member that has the sentence for a finding, if it is not the field.
    #[must_use]
    pub(crate) fn key(&self, finding: &Finding) -> Option<String> {
        let key = self.sentence(finding)?.key.as_ref()?;
        Some(self.dialect.fill(key, finding))
    }

    /// Returns true if the sentence for a finding names the field.
    #[must_use]
    pub(crate) fn names(&self, finding: &Finding) -> bool {
        let says = self
            .sentence(finding)
            .and_then(|sentence| sentence.says.as_ref());
        says.is_some_and(|says| says.has(WordingSlot::is_name))
    }

    /// Returns true if the family words the rule of a finding or one that may replace it, other
    /// than `invalid`. A family of fewer than six sentences words every rule by its `invalid`.
    #[must_use]
    pub(crate) fn words(&self, finding: &Finding) -> bool {
        let is_own = |key: &str| self.at(finding, key).is_some();
        let has_one = self.sentences.len() < 6 && is_own("invalid");
        has_one
            || is_own(&finding.rule)
            || stands_in(&finding.rule)
                .iter()
                .any(|rule| *rule != "invalid" && is_own(rule))
    }

    fn sentence(&self, finding: &Finding) -> Option<&Sentence> {
        let mut rules =
            std::iter::once(finding.rule.as_str()).chain(stands_in(&finding.rule).iter().copied());
        rules.find_map(|rule| self.at(finding, rule))
    }

    fn at(&self, finding: &Finding, rule: &str) -> Option<&Sentence> {
        let variant = |variant: &str| self.sentences.get(&format!("{rule}.{variant}"));
        let special = |name: &str| variant(name).map(|sentence| (name.to_owned(), sentence));
        let operand = |name: &str| finding.operands.get(name).map(crate::codec::text::plain);
        let of_type = || {
            let types = finding
                .operands
                .get("types")?
                .as_array()?
                .iter()
                .filter_map(Value::as_str);
            let types: Vec<&str> = types.filter(|name| *name != "null").collect();
            match types.as_slice() {
                [only] => special(only),
                [first, ..] if !self.sentences.contains_key(rule) => special(first),
                _ => None,
            }
        };
        let found = match rule {
            "type" => of_type(),
            "format" => special(&operand("format").unwrap_or_default()),
            _ => operand("limit").and_then(|limit| special(&limit)),
        };
        // The variant `body` is for an absent body, so it does not apply to fields in the body.
        let is_whole = finding.path.is_empty() || finding.path == ["body"];
        let location = Some(finding.location).filter(|location| *location != "body" || is_whole);
        let at_location =
            |name: &str| location.and_then(|location| variant(&format!("{name}{location}")));
        let both = found
            .as_ref()
            .and_then(|(name, _)| at_location(&format!("{name}.")));
        let of_sent = found
            .as_ref()
            .and_then(|(name, _)| variant(&format!("{name}.of-{}", finding.sent_type())));
        let nested = || {
            if finding.path.len() > 1 {
                variant("nested")
            } else {
                None
            }
        };
        both.or(of_sent)
            .or_else(|| at_location(""))
            .or_else(nested)
            .or(found.map(|(_, sentence)| sentence))
            .or_else(|| self.sentences.get(rule))
    }

    /// Returns the sentences with enough letters to be recognised, each with its longest fixed
    /// piece.
    pub(crate) fn candidates(&'static self) -> Vec<(&'static str, Candidate)> {
        let mut all = Vec::new();
        for (key, sentence) in &self.sentences {
            let Some(rule) = RULES
                .iter()
                .find(|rule| key.split('.').next() == Some(rule))
            else {
                continue;
            };
            let own = sentence.says.iter().map(|says| (says, false));
            for (template, is_other) in own.chain(sentence.also.iter().map(|also| (also, true))) {
                let letters = letters(template);
                let pieces = template.parts.iter().filter_map(|part| match part {
                    TemplatePart::Text(text) => Some(text.as_str()),
                    TemplatePart::Slot(..) => None,
                });
                let piece = pieces.max_by_key(|piece| piece.len());
                if let Some(piece) = piece.filter(|_| letters >= FEWEST_LETTERS) {
                    all.push((
                        piece,
                        Candidate {
                            idiom: self,
                            rule,
                            sentence,
                            template,
                            is_other,
                            letters,
                        },
                    ));
                }
            }
        }
        all
    }

    /// Returns true if captured types and formats are known ones, and if a sentence with a slot
    /// that accepts any text has enough letters around it.
    fn makes_sense(&self, captured: &Captured, letters: usize) -> bool {
        const FEWEST_AROUND_ANYTHING: usize = 9;
        const FORMATS: [&str; 24] = [
            "email",
            "idn-email",
            "uuid",
            "guid",
            "uri",
            "url",
            "date",
            "date-time",
            "datetime",
            "time",
            "duration",
            "ipv4",
            "ipv6",
            "ip",
            "hostname",
            "byte",
            "binary",
            "password",
            "int32",
            "int64",
            "float",
            "double",
            "regex",
            "phone",
        ];
        let is_type = |text: &str| {
            let mut called = self
                .dialect
                .types
                .values()
                .chain(self.dialect.found.values())
                .map(String::as_str);
            called.any(|name| !name.is_empty() && text.contains(name))
                || [
                    "string",
                    "integer",
                    "number",
                    "boolean",
                    "array",
                    "object",
                    "null",
                    "undefined",
                    "int",
                    "list",
                ]
                .iter()
                .any(|name| text.contains(name))
        };
        captured
            .slots
            .iter()
            .all(|CapturedSlot { slot, text }| match slot {
                WordingSlot::Format => {
                    FORMATS.contains(&text.as_str())
                        || self.dialect.formats.values().any(|called| called == text)
                }
                WordingSlot::Types | WordingSlot::Type => is_type(text),
                WordingSlot::Value
                | WordingSlot::Values
                | WordingSlot::Detail
                | WordingSlot::Pattern => letters >= FEWEST_AROUND_ANYTHING,
                _ => true,
            })
    }

    /// Returns the value of a member beside the sentence for a finding.
    #[must_use]
    pub(crate) fn beside(&self, name: &str, finding: &Finding) -> Option<Value> {
        let own = self
            .sentence(finding)
            .and_then(|sentence| sentence.with.get(name));
        own.or_else(|| self.members.get(name))
            .map(|pattern| self.fill(pattern, finding))
    }

    /// Returns the body for an error that is about no field; none if the family has no special
    /// one.
    #[must_use]
    pub(crate) fn whole_body(&self, finding: &Finding) -> Option<Value> {
        let whole = self.whole.as_ref()?;
        let reason = || finding.operands.get("reason").cloned();
        let message = self
            .say(finding)
            .and_then(|said| said.sentence)
            .map(Value::String)
            .or_else(reason)?;
        let mut finding = finding.clone();
        finding.operands.entry("message").or_insert(message);
        Some(self.fill(whole, &finding))
    }

    /// Returns true if the family has a value for a member beside its sentences.
    #[must_use]
    pub(crate) fn has_beside(&self, name: &str) -> bool {
        self.members.contains_key(name)
            || self
                .sentences
                .values()
                .any(|sentence| sentence.with.contains_key(name))
    }

    fn fill(&self, pattern: &Value, finding: &Finding) -> Value {
        match pattern {
            Value::String(text) => {
                let typed = match text.as_str() {
                    "{limit}" => finding.operands.get("limit"),
                    "{values}" => finding
                        .operands
                        .get("values")
                        .or_else(|| finding.operands.get("value")),
                    "{value}" => Some(finding.value.as_ref().unwrap_or(&Value::Null)),
                    "{status}" => finding.operands.get("status"),
                    _ => None,
                };
                let filled = || {
                    Template::parse(text).map_or_else(
                        |_| text.clone(),
                        |template| self.dialect.fill(&template, finding),
                    )
                };
                typed.cloned().unwrap_or_else(|| Value::String(filled()))
            }
            Value::Array(items) => items.iter().map(|item| self.fill(item, finding)).collect(),
            Value::Object(object) => Value::Object(
                object
                    .iter()
                    .map(|(name, member)| (name.clone(), self.fill(member, finding)))
                    .collect(),
            ),
            other => other.clone(),
        }
    }

    /// Returns true if the family has another sentence for a rule if the field is inside an
    /// object.
    #[must_use]
    pub(crate) fn has_nested(&self, rule: &str) -> bool {
        self.sentences.contains_key(&format!("{rule}.nested"))
    }

    /// Returns true if any of its codes is a number.
    #[must_use]
    pub(crate) fn has_numbers(&self) -> bool {
        self.sentences
            .values()
            .any(|sentence| matches!(&sentence.code, Some(RuleCode::Other(Value::Number(_)))))
    }

    /// Returns true if the family has this code.
    #[must_use]
    pub(crate) fn has_code(&self, code: &Value) -> bool {
        self.sentences
            .values()
            .any(|sentence| match &sentence.code {
                Some(RuleCode::Text(template)) => code
                    .as_str()
                    .is_some_and(|text| matching::captures(template, text).is_some()),
                Some(RuleCode::Other(other)) => other == code,
                None => false,
            })
    }
}

/// Minimum number of letters outside the slots; a sentence with fewer is not recognised.
const FEWEST_LETTERS: usize = 6;

fn letters(template: &Template) -> usize {
    let texts = template.parts.iter().map(|part| match part {
        TemplatePart::Text(text) => text
            .chars()
            .filter(|letter| !letter.is_whitespace())
            .count(),
        TemplatePart::Slot(WordingSlot::Plural, _) => 1,
        TemplatePart::Slot(..) => 0,
    });
    texts.sum()
}
