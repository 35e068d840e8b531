//! Sentences of an error body: as the document shows them, as a family words them, or neutral.
//!
//! `reading` makes them from examples and schemas; `body` places them.
use crate::codec::text::plain;
use crate::contract::wording::{Template, WordingSlot};
use crate::errors::catalogue::idiom::{Idiom, is_of_field, is_of_value};
use crate::errors::catalogue::{code, known};
use crate::errors::finding::{Dialect, Finding, PathStyle};
use crate::errors::slot::CodeSlot;
use crate::schema::name::{capitalised, folded, words};

/// Template of a text for people.
#[derive(Debug, Clone, Default)]
pub(crate) struct Words {
    /// Documented sentence.
    pub seen: Option<SeenSentence>,
    /// Text before any sentence.
    pub before: Template,
    /// Text before a sentence about a field that the document does not show, if it differs.
    pub before_others: Option<Template>,
    /// Documented text as a whole.
    pub whole: String,
    /// Text after any sentence.
    pub after: String,
    /// Code in brackets at the end: ` [`, the code, `]`.
    pub code: Option<(String, CodeSlot, String)>,
    /// Family whose sentences are used.
    pub idiom: Option<&'static Idiom>,
    /// Text between sentences, if one text has the sentences of all findings.
    pub joined: Option<String>,
    /// Subject of neutral sentences: `The '{name}' param`.
    pub subject: Option<Template>,
    /// Quotation mark around names.
    pub quote: Option<char>,
    /// True if sentences end with a full stop.
    pub has_stop: bool,
    /// Text before a neutral sentence, with a colon between them: `Validation failed`.
    pub general: Option<String>,
    /// Maximum length in characters; a neutral sentence replaces a longer text, which is cut if
    /// the neutral one is too long as well.
    pub longest: Option<usize>,
    /// True if the text ends with the number of further errors: `(and 1 more error)`.
    pub counts_more: bool,
    /// Text for every error about a field or malformed content.
    pub constant: Option<String>,
    /// Segments before the path of a field, such as the name of a class.
    pub prefix: Vec<String>,
    /// True if only the name of a field is written where its path could be.
    pub is_short: bool,
    /// Policy for sentences to name the field.
    pub alone: NamePolicy,
}

/// Policy for sentences to name the field, by what else in the body names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum NamePolicy {
    /// Sentences need not name it: the body names it elsewhere, or its family does not name it.
    #[default]
    No,
    /// Sentences of a family must name it, unless the family has [`Idiom::stands_alone`].
    ButForFamilies,
    /// Every sentence must name it; a neutral one replaces a sentence that does not.
    Always,
}

/// Documented sentence.
#[derive(Debug, Clone)]
pub(crate) struct SeenSentence {
    /// Rule of the sentence.
    pub rule: &'static str,
    /// Sentence with slots.
    pub template: Template,
    /// Family in whose notation the slots are filled; the neutral one, if none.
    pub dialect: Option<&'static Idiom>,
    /// Names in the sentence; each may be that of the field.
    pub names: Vec<String>,
    /// Names that the sentence lists, all of them of invalid fields.
    pub listed: Vec<String>,
    /// Sentence as documented.
    pub text: String,
}

impl Words {
    /// Returns the sentence for the first finding, or those for all of them if they are joined.
    /// There is at least one finding.
    #[must_use]
    pub(crate) fn tell(&self, findings: &[Finding]) -> String {
        // Malformed content counts as an error about a field here.
        if let Some(constant) = self
            .constant
            .as_ref()
            .filter(|_| is_of_field(&findings[0].rule))
        {
            return constant.clone();
        }
        if self.names_what_is_unknown(&findings[0]) {
            return self.whole.clone();
        }
        let mut text = match (&self.joined, &self.seen) {
            (_, Some(seen)) if seen.lists_just(findings) => seen.text.clone(),
            (Some(between), _) => {
                let all: Vec<&Finding> = findings.iter().flat_map(all_of).collect();
                all.into_iter()
                    .map(|finding| self.sentence(finding))
                    .collect::<Vec<_>>()
                    .join(between)
            }
            (None, _) => self.sentence(&findings[0]),
        };
        if self.counts_more && findings.len() > 1 {
            let more = findings.len() - 1;
            text.push_str(&format!(
                " (and {more} more error{})",
                if more == 1 { "" } else { "s" }
            ));
        }
        let first = &findings[0];
        let before = self.dialect().fill(self.before_of(first), first);
        let code = self.code.as_ref().and_then(|(open, slot, close)| {
            slot.tell(first)
                .map(|code| format!("{open}{}{close}", plain(&code)))
        });
        let text = format!("{before}{text}{}{}", self.after, code.unwrap_or_default());
        // Keep the documented text if the new one differs only in case or punctuation.
        if folded(&text) == folded(&self.whole) {
            return self.whole.clone();
        }
        let Some(longest) = self
            .longest
            .filter(|longest| text.chars().count() > *longest)
        else {
            return text;
        };
        // A text that is cut could lose the name.
        let plain = self.neutral(first);
        let told = if plain.chars().count() <= longest {
            plain
        } else {
            text
        };
        told.chars().take(longest).collect()
    }

    /// Drops the documented sentence if it is about the whole request.
    pub(crate) fn forget_thing(&mut self) {
        if self
            .seen
            .as_ref()
            .is_some_and(|seen| !is_of_field(seen.rule))
        {
            (self.seen, self.before) = (None, Template::default());
        }
    }

    /// Returns true if the documented sentence is about a whole request as the finding is, and names
    /// a field or a value, which the finding does not: `"web" already exists`.
    fn names_what_is_unknown(&self, finding: &Finding) -> bool {
        let is_named = |slot: WordingSlot| slot.is_name() || slot == WordingSlot::Value;
        !finding.is_about_field()
            && !is_of_field(&finding.rule)
            && self.seen.as_ref().is_some_and(|seen| {
                seen.rule == finding.rule
                    && (seen.template.has(is_named) || self.before.has(is_named))
            })
    }

    fn before_of(&self, finding: &Finding) -> &Template {
        let is_own = self
            .seen
            .as_ref()
            .is_some_and(|seen| seen.has_name(finding));
        self.before_others
            .as_ref()
            .filter(|_| !is_own)
            .unwrap_or(&self.before)
    }

    fn dialect(&self) -> &Dialect {
        &self.idiom.unwrap_or_else(known::plain).dialect
    }

    fn sentence(&self, finding: &Finding) -> String {
        // A message from the fixtures, or the hint of a fault, takes precedence over examples.
        if let Some(said) = finding
            .operands
            .get("message")
            .and_then(serde_json::Value::as_str)
        {
            return said.to_owned();
        }
        let whole = self.with_prefix(finding);
        if let Some(seen) = &self.seen
            && let Some(said) = seen.say(&whole)
            && (seen.rule != "invalid"
                || self.alone != NamePolicy::Always
                || has_name(&said, finding.name()))
        {
            return said;
        }
        if let Some(idiom) = self.idiom
            && let Some(sentence) = idiom.say(&whole).and_then(|said| said.sentence)
            && self.is_enough(&sentence, idiom, finding)
        {
            return sentence;
        }
        let neutral = self.neutral(finding);
        match &self.general {
            Some(general) if is_of_field(&finding.rule) => format!("{general}: {neutral}"),
            _ => neutral,
        }
    }

    /// Returns true if a sentence of a family names the field as the policy requires, and none if
    /// the error is about no field.
    fn is_enough(&self, sentence: &str, idiom: &Idiom, finding: &Finding) -> bool {
        if !finding.is_about_field() {
            return !idiom.names(finding) || !is_of_field(&finding.rule);
        }
        let is_named = || has_name(sentence, finding.name());
        match self.alone {
            NamePolicy::No => true,
            NamePolicy::ButForFamilies => idiom.stands_alone || is_named(),
            NamePolicy::Always => is_named(),
        }
    }

    fn with_prefix(&self, finding: &Finding) -> Finding {
        let mut finding = finding.clone();
        if self.is_short && finding.is_about_field() {
            finding.path = vec![finding.name().to_owned()];
        }
        finding.path.splice(0..0, self.prefix.iter().cloned());
        finding
    }

    /// Returns a neutral sentence about the field, with the documented words around its name.
    fn neutral(&self, finding: &Finding) -> String {
        let meant = finding.as_missing();
        let sentence = known::plain()
            .say(&meant)
            .and_then(|said| said.sentence)
            .unwrap_or_default();
        let Some(predicate) = sentence
            .strip_prefix(meant.name())
            .filter(|_| meant.rule != "malformed" && is_of_field(&meant.rule))
        else {
            return self.ended(sentence);
        };
        let subject = match (&self.subject, meant.is_about_field()) {
            (_, false) => "The request".to_owned(),
            (Some(subject), true) => self.named(subject, &meant),
            (None, true) => self.quoted(&meant),
        };
        let subject = subject.trim_end();
        let text = if self.subject.is_none() && self.quote.is_none() && !code::is_code(subject) {
            capitalised(subject)
        } else {
            subject.to_owned()
        };
        self.ended(format!("{text}{predicate}"))
    }

    fn ended(&self, mut sentence: String) -> String {
        if self.has_stop && !sentence.ends_with('.') {
            sentence.push('.');
        }
        sentence
    }

    fn quoted(&self, finding: &Finding) -> String {
        let quote = self.quote.map(String::from).unwrap_or_default();
        let names = match (finding.alternatives(), self.alone) {
            (Some(names), _) => names.into_iter().map(str::to_owned).collect(),
            // If nothing else names the field, write its whole path.
            (None, NamePolicy::Always) => vec![PathStyle::Brackets.write(&finding.path)],
            (None, _) => vec![finding.name().to_owned()],
        };
        names
            .iter()
            .map(|name| format!("{quote}{name}{quote}"))
            .collect::<Vec<_>>()
            .join(" or ")
    }

    pub(crate) fn named(&self, subject: &Template, finding: &Finding) -> String {
        self.dialect().fill(subject, finding)
    }
}

/// Returns true if a sentence has a name, in any form, as whole words.
fn has_name(sentence: &str, name: &str) -> bool {
    let sentence: Vec<String> = sentence.split(' ').flat_map(words).collect();
    let name = words(name);
    !name.is_empty() && sentence.windows(name.len()).any(|part| part == name)
}

/// Returns the findings of all branches and then the finding itself, as validators list them.
fn all_of(finding: &Finding) -> Vec<&Finding> {
    let mut all: Vec<&Finding> = finding.branches.iter().flatten().flat_map(all_of).collect();
    all.push(finding);
    all
}

impl SeenSentence {
    /// Returns true if the sentence names the field of a finding.
    fn has_name(&self, finding: &Finding) -> bool {
        self.names
            .iter()
            .any(|name| folded(name) == folded(finding.name()))
    }

    /// Returns true if the sentence lists the fields of all findings and no others.
    fn lists_just(&self, findings: &[Finding]) -> bool {
        let is_listed = |finding: &Finding| {
            finding.rule == self.rule && self.listed.iter().any(|name| name == finding.name())
        };
        !self.listed.is_empty()
            && findings.len() == self.listed.len()
            && findings.iter().all(is_listed)
    }

    /// Returns the sentence for the field of a finding, if it fits the rule.
    fn say(&self, finding: &Finding) -> Option<String> {
        // With one of several names replaced, the sentence would still be about the others.
        if !self.listed.is_empty() {
            return None;
        }
        let missing = finding.as_missing();
        // A sentence about a range that states no bound fits every bound.
        let of_range = |rule: &str| {
            matches!(
                rule,
                "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum"
            )
        };
        let has_bound = self.template.has(|slot| slot == WordingSlot::Limit)
            || self.text.chars().any(|c| c.is_ascii_digit());
        if finding.path.len() > 1
            && self
                .dialect
                .is_some_and(|idiom| idiom.has_nested(self.rule))
        {
            return None;
        }
        let is_meant = |finding: &Finding| {
            let both = of_range(self.rule)
                && of_range(&finding.rule)
                && self.text.contains("range")
                && !has_bound;
            let any_value = self.rule == "invalid" && is_of_value(&finding.rule);
            finding.rule == self.rule || both || any_value
        };
        let finding = if is_meant(finding) { finding } else { &missing };
        let lacks_name = !finding.is_about_field() && self.template.has(WordingSlot::is_name);
        if !is_meant(finding) || lacks_name && is_of_field(&finding.rule) {
            return None;
        }
        // The other words of the sentence must be true for this finding too.
        let is_own = self.template.has(|slot| {
            slot == WordingSlot::Types || slot == WordingSlot::Format || slot == WordingSlot::Limit
        });
        let is_general = matches!(
            self.rule,
            "required" | "additionalProperties" | "unknownParameter" | "malformed" | "invalid"
        );
        if !is_own && !is_general {
            let is_idiom = self.dialect.is_some_and(|idiom| {
                idiom
                    .say(finding)
                    .and_then(|said| said.sentence)
                    .is_some_and(|said| said == self.text)
            });
            let says_name = finding.is_about_field()
                && self
                    .names
                    .iter()
                    .any(|name| folded(name) == folded(finding.name()));
            let is_of_range = of_range(self.rule) && !has_bound;
            if !(is_idiom
                || says_name
                || is_of_all(self.rule)
                || is_of_range
                || self.says_operand(finding))
            {
                return None;
            }
        }
        if self.names.len() > 1
            && self
                .names
                .iter()
                .any(|name| folded(name) == folded(finding.name()))
        {
            return Some(self.text.clone());
        }
        let dialect = self.dialect.unwrap_or_else(known::plain);
        Some(dialect.dialect.fill(&self.template, finding))
    }
}

impl SeenSentence {
    /// Returns true if the sentence contains the format or all types that the finding expects.
    fn says_operand(&self, finding: &Finding) -> bool {
        let lower = self.text.to_lowercase();
        let has = |name: &str| !name.is_empty() && lower.contains(&name.to_lowercase());
        let operand = |name: &str| finding.operands.get(name);
        match self.rule {
            "format" => operand("format")
                .and_then(|format| format.as_str())
                .is_some_and(has),
            "type" => {
                let types = operand("types")
                    .and_then(|types| types.as_array())
                    .into_iter()
                    .flatten();
                let mut types = types
                    .filter_map(|name| name.as_str())
                    .filter(|name| *name != "null")
                    .peekable();
                types.peek().is_some() && types.all(has)
            }
            _ => false,
        }
    }
}

/// Returns true for rules whose sentence fits every field.
fn is_of_all(rule: &str) -> bool {
    !is_of_field(rule)
        || matches!(
            rule,
            "uniqueItems" | "not" | "anyOf" | "oneOf" | "enum" | "const" | "pattern"
        )
}
