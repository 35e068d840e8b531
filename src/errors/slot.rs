//! Slots of an error body other than sentences: codes, fields, parts of the request.
//!
//! `body` places them; each `tell` returns the value of a slot for a finding.
use serde_json::{Value, json};

use crate::codec::text::plain;
use crate::contract::wording::{Template, TemplatePart, WordingSlot};
use crate::errors::catalogue::idiom::{Idiom, is_of_field};
use crate::errors::catalogue::{code, known};
use crate::errors::finding::{Dialect, Finding, LOCATIONS, PathStyle, location_of, pointer};
use crate::schema::name::{self, NameForm};

/// Code for programs, a string or a number.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the place"
)]
pub(crate) struct CodeSlot {
    /// Documented code.
    pub seen: Option<Value>,
    /// Rule of the error that the document shows it for.
    pub rule: Option<&'static str>,
    /// Template of the documented code, if that contains the name of the field.
    pub named: Option<Template>,
    /// Codes that the schema allows; any, if empty.
    pub allowed: Vec<Value>,
    /// Codes that the document shows elsewhere.
    pub others: Vec<String>,
    /// Family whose codes are used.
    pub idiom: Option<&'static Idiom>,
    /// True if the code is a title for people.
    pub is_title: bool,
    /// True if the code is a title for invalid requests in general that names no field.
    pub is_headline: bool,
    /// True if nothing documents which codes there are.
    pub is_free: bool,
    /// True if the schema requires a code here.
    pub is_needed: bool,
}

/// Name, path or JSON Pointer of the field.
#[derive(Debug, Clone)]
pub(crate) struct FieldSlot {
    /// Text before the path: `body.`, `#`, `/data/attributes`.
    pub before: Template,
    /// Notation of the field.
    pub style: FieldStyle,
}

/// Notation of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldStyle {
    /// Path, with the names in a form.
    Path(PathStyle, NameForm),
    /// Name alone, in a form.
    Name(NameForm),
    /// JSON Pointer.
    Pointer,
}

/// Path of the field, as an array.
#[derive(Debug, Clone)]
pub(crate) struct SegmentsSlot {
    /// Part of the request, if the array begins with it.
    pub location: Option<LocationSlot>,
    /// Type of indexes: strings for [`SlotType::Text`], else numbers.
    pub index: SlotType,
}

/// Part of the request.
#[derive(Debug, Clone, Default)]
pub(crate) struct LocationSlot {
    /// Documented word.
    pub seen: String,
    /// Words that the schema allows; any, if empty.
    pub allowed: Vec<String>,
}

/// Returns true if a missing parameter carries credentials.
fn carries_credentials(finding: &Finding) -> bool {
    finding.rule == "required"
        && finding.location != "body"
        && name::carries_credentials(finding.name())
}

impl CodeSlot {
    /// Returns the code for a finding; none if no code fits.
    #[must_use]
    pub(crate) fn tell(&self, finding: &Finding) -> Option<Value> {
        if let Some(code) = finding
            .operands
            .get("code")
            .filter(|code| self.allowed.is_empty() || self.allowed.contains(code))
        {
            return Some(code.clone());
        }
        let missing = finding.as_missing();
        let finding = if self.rule == Some(missing.rule.as_str()) {
            &missing
        } else {
            finding
        };
        if self.rule == Some(finding.rule.as_str()) {
            return match (&self.named, &self.seen) {
                (Some(named), _) => Some(Value::String(Dialect::default().fill(named, finding))),
                (None, seen) => seen.clone(),
            };
        }
        if self.is_headline
            && is_of_field(&finding.rule)
            && let Some(seen) = self
                .seen
                .as_ref()
                .and_then(Value::as_str)
                .filter(|seen| self.is_kept(seen))
        {
            return Some(json!(seen));
        }
        let is_allowed = |code: &Value| {
            let is_alike = self
                .seen
                .as_ref()
                .is_none_or(|seen| seen.is_string() == code.is_string());
            is_alike && (self.allowed.is_empty() || self.allowed.contains(code))
        };
        if let Some(code) = self
            .idiom
            .and_then(|idiom| idiom.say(finding))
            .and_then(|said| said.code)
            .filter(is_allowed)
        {
            return Some(code);
        }
        if let Some(best) = self.best(finding, is_allowed) {
            return Some(best);
        }
        self.remaining(finding)
    }

    /// Returns the code that is written in the document and describes the finding best.
    fn best(&self, finding: &Finding, is_allowed: impl Fn(&Value) -> bool) -> Option<Value> {
        let allowed = self.allowed.iter().filter_map(Value::as_str);
        let others = self
            .others
            .iter()
            .map(String::as_str)
            .filter(|other| is_allowed(&json!(other)));
        let all: Vec<&str> = self
            .seen_code()
            .into_iter()
            .chain(allowed)
            .chain(others)
            .collect();
        if carries_credentials(finding) {
            let fault = Finding {
                rule: "credentials".to_owned(),
                path: Vec::new(),
                ..finding.clone()
            };
            if let Some(best) = code::best(
                all.iter()
                    .copied()
                    .filter(|code| !code::says_other(code, &fault)),
                &fault,
            ) {
                return Some(json!(best));
            }
        }
        let all = all.into_iter();
        if let Some(best) = code::best(all.filter(|code| !code::says_other(code, finding)), finding)
        {
            return Some(json!(best));
        }
        if !self.is_needed {
            return None;
        }
        let allowed = self.allowed.iter().filter_map(Value::as_str);
        code::best(allowed, finding).map(|best| json!(best))
    }

    /// Returns the text of the documented code, unless it is made of a name of the request.
    fn seen_code(&self) -> Option<&str> {
        self.seen
            .as_ref()
            .and_then(Value::as_str)
            .filter(|_| self.named.is_none())
    }

    /// Returns the code for a finding that no written code describes.
    fn remaining(&self, finding: &Finding) -> Option<Value> {
        if self.is_title {
            let seen = self
                .seen_code()
                .filter(|seen| code::score(seen, finding) >= 0);
            return seen
                .map(Value::from)
                .or_else(|| finding.operands.get("reason").cloned());
        }
        if self.is_free {
            return known::plain().say(finding).and_then(|said| said.code);
        }
        if let Some(named) = self.named.as_ref().filter(|_| self.allowed.is_empty()) {
            return named_otherwise(named, finding);
        }
        // Numbers and codes with digits name no rule, so they cannot be wrong.
        let says_nothing = |seen: &&Value| match seen {
            // A text that names no other rule, such as the name of a class.
            Value::String(text) if self.rule.is_some() => !code::says_other(text, finding),
            Value::String(text) => {
                text.chars().any(|letter| letter.is_ascii_digit()) || code::says_nothing(text)
            }
            _ => true,
        };
        self.seen
            .as_ref()
            .filter(says_nothing)
            .cloned()
            .or_else(|| self.coined(finding))
    }

    /// Returns true if a headline is allowed and does not name its rule, so that it fits others
    /// too.
    fn is_kept(&self, headline: &str) -> bool {
        const SAYS_RULE: i32 = 8;
        let says = |rule: &'static str| {
            code::score(headline, &Finding::whole(rule, Value::Null)) >= SAYS_RULE
        };
        (self.allowed.is_empty() || self.allowed.contains(&json!(headline)))
            && !self.rule.is_some_and(says)
    }

    /// Returns a neutral code in the form of the documented one, if a code is required and the
    /// documented one does not fit.
    fn coined(&self, finding: &Finding) -> Option<Value> {
        let seen = self
            .seen
            .as_ref()
            .and_then(Value::as_str)
            .filter(|_| self.is_needed && self.allowed.is_empty())?;
        let plain = known::plain().say(finding)?.code?;
        let has_lower = seen.chars().any(char::is_lowercase);
        let starts_high = seen.chars().next().is_some_and(char::is_uppercase);
        let form = match (has_lower, starts_high) {
            (false, _) => NameForm::Upper,
            (true, true) => NameForm::Pascal,
            _ if seen.contains('-') => NameForm::Kebab,
            _ if seen.contains('_') => NameForm::Snake,
            _ => NameForm::Camel,
        };
        Some(json!(form.write(plain.as_str()?)))
    }
}

impl FieldSlot {
    /// Creates a slot that writes a plain path: `items[0].sku`.
    #[must_use]
    pub(crate) fn plain() -> Self {
        Self {
            before: Template::default(),
            style: FieldStyle::Path(PathStyle::Brackets, NameForm::AsIs),
        }
    }

    /// Returns the text for the field of a finding; none if the finding is about no field.
    #[must_use]
    pub(crate) fn tell(&self, finding: &Finding) -> Option<String> {
        if !finding.is_about_field() {
            return None;
        }
        let finding = finding.as_missing();
        let path = match self.style {
            FieldStyle::Pointer => pointer(&finding.path),
            FieldStyle::Name(form) => form.write(finding.name()),
            FieldStyle::Path(style, NameForm::AsIs) => style.write(&finding.path),
            // Only fields of the body are properties of a class; parameters keep their names.
            FieldStyle::Path(style, NameForm::Pascal) if finding.location != "body" => {
                style.write(&finding.path)
            }
            FieldStyle::Path(style, form) => form.write(&style.write(&finding.path)),
        };
        Some(Dialect::default().fill(&self.before, &finding) + &path)
    }
}

impl SegmentsSlot {
    /// Returns the path of a finding; none if its rule is about the whole request.
    #[must_use]
    pub(crate) fn tell(&self, finding: &Finding) -> Option<Value> {
        if !is_of_field(&finding.rule) {
            return None;
        }
        let finding = finding.as_missing();
        let location = self
            .location
            .as_ref()
            .and_then(|slot| slot.tell(&finding))
            .map(Value::String);
        // Position in the content at which parsing failed, in characters.
        let position = finding
            .operands
            .get("position")
            .filter(|_| location.is_some())
            .map(plain);
        let segment = |segment: &String| match segment.parse::<u64>() {
            Ok(index) if self.index != SlotType::Text => json!(index),
            _ => json!(segment),
        };
        Some(
            location
                .into_iter()
                .chain(finding.path.iter().chain(&position).map(segment))
                .collect(),
        )
    }
}

impl LocationSlot {
    /// Returns the word for the part of the request, from the vocabulary of the documented word;
    /// none for an error of the whole request, or if the schema allows no word for it.
    #[must_use]
    pub(crate) fn tell(&self, finding: &Finding) -> Option<String> {
        if finding.location.is_empty() {
            return None;
        }
        if !self.allowed.is_empty() {
            return self
                .allowed
                .iter()
                .find(|word| location_of(word) == Some(finding.location))
                .cloned();
        }
        if location_of(&self.seen) == Some(finding.location) {
            return Some(self.seen.clone());
        }
        let style = STYLES
            .iter()
            .find(|style| style.contains(&self.seen.as_str()))
            .unwrap_or(&LOCATIONS);
        let at = LOCATIONS
            .iter()
            .position(|location| *location == finding.location)?;
        Some(style[at].to_owned())
    }
}

/// Rewrites a code of a field name and a rule for another rule: `source_required` →
/// `currency_invalid`, `MISSING_EMAIL` → `INVALID_AGE`. Without a field only `invalid` is left.
fn named_otherwise(named: &Template, finding: &Finding) -> Option<Value> {
    let ([TemplatePart::Slot(slot, form), TemplatePart::Text(rest)]
    | [TemplatePart::Text(rest), TemplatePart::Slot(slot, form)]) = named.parts.as_slice()
    else {
        return None;
    };
    let is_first = matches!(named.parts.first(), Some(TemplatePart::Slot(..)));
    let beside = if is_first {
        rest.chars().next()
    } else {
        rest.chars().next_back()
    };
    let separator = beside
        .filter(|beside| !beside.is_alphanumeric())
        .map(String::from)
        .unwrap_or_default();
    let has_lower = rest.chars().any(char::is_lowercase);
    let invalid = match (rest.chars().any(char::is_uppercase), has_lower) {
        (true, false) => "INVALID",
        (true, true) => "Invalid",
        (false, _) => "invalid",
    };
    let name = Dialect::default().slot(*slot, *form, finding);
    Some(json!(match (name.is_empty(), is_first) {
        (true, _) => invalid.to_owned(),
        (false, true) => format!("{name}{separator}{invalid}"),
        (false, false) => format!("{invalid}{separator}{name}"),
    }))
}

/// Vocabularies for the parts of a request, each in the order of `LOCATIONS`.
const STYLES: [[&str; 5]; 4] = [
    LOCATIONS,
    ["body", "querystring", "params", "headers", "cookies"],
    ["body", "query", "params", "headers", "cookies"],
    ["json", "query", "path", "headers", "cookies"],
];

/// Returns a template for the text before a path, in which names of locations are slots.
#[must_use]
pub(super) fn before_path(text: &str) -> Template {
    let mut template = Template::default();
    for part in text.split_inclusive(['.', '/']) {
        let word = part.trim_end_matches(['.', '/']);
        if LOCATIONS.contains(&word) {
            template
                .parts
                .push(TemplatePart::Slot(WordingSlot::Location, NameForm::AsIs));
            template.push_text(&part[word.len()..]);
        } else {
            template.push_text(part);
        }
    }
    template
}

/// Type that a place takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SlotType {
    /// A string.
    Text,
    /// A number.
    Number,
    /// Anything.
    Any,
}

impl SlotType {
    pub(crate) fn give(self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Self::Text, Value::String(_)) | (Self::Any, _) | (Self::Number, Value::Number(_)) => {
                Some(value.clone())
            }
            (Self::Text, value) => Some(Value::String(plain(value))),
            (Self::Number, value) => value.as_str()?.parse::<i64>().ok().map(Value::from),
        }
    }
}

/// Returns the typed value of a template that is a single slot; none for other templates, and for
/// slots that are always text.
#[must_use]
pub(super) fn typed(template: &Template, finding: &Finding) -> Option<Value> {
    let [TemplatePart::Slot(slot, _)] = template.parts.as_slice() else {
        return None;
    };
    let operand = |name: &str| finding.operands.get(name).cloned();
    match slot {
        WordingSlot::Status => operand("status"),
        WordingSlot::Count => operand("count"),
        WordingSlot::Limit => operand("limit"),
        WordingSlot::Code => operand("code"),
        WordingSlot::Values => operand("values").or_else(|| operand("value")),
        WordingSlot::Value => Some(finding.value.clone().unwrap_or(Value::Null)),
        _ => None,
    }
}
