//! A sentence of an error body: as the document shows it, as a family says it, or neutral.
use crate::codec::text::plain;
use crate::contract::wording::{Slot, Template};
use crate::errors::catalogue::code;
use crate::errors::catalogue::idiom::{self, Idiom, is_of_field, is_of_value};
use crate::errors::finding::{Dialect, Finding, PathStyle};
use crate::errors::slot::CodeSlot;
use crate::schema::name::{capitalised, folded, words};

/// A sentence.
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// The one that the document shows.
    pub seen: Option<SeenSentence>,
    /// What stands before any sentence.
    pub before: Template,
    /// What stands there for another field than the document's, where that is something else.
    pub before_others: Option<Template>,
    /// All that the document shows there.
    pub whole: String,
    /// What stands after any sentence.
    pub after: String,
    /// The code in brackets at its end: ` [`, the code, `]`.
    pub code: Option<(String, CodeSlot, String)>,
    /// Whose sentences these are.
    pub idiom: Option<&'static Idiom>,
    /// What stands between sentences, where all are said in one text.
    pub joined: Option<String>,
    /// What other predicates follow: `The '{name}' param`.
    pub subject: Option<Template>,
    /// The quotation mark around names.
    pub quote: Option<char>,
    /// Whether sentences end with a full stop.
    pub has_stop: bool,
    /// What is said before a neutral sentence: `Validation failed`.
    pub general: Option<String>,
    /// The number of characters that there may be.
    pub longest: Option<usize>,
    /// Whether it says how many more there are: `(and 1 more error)`.
    pub counts_more: bool,
    /// What is always said of fields.
    pub constant: Option<String>,
    /// What stands before the path of a field: the name of a class.
    pub prefix: Vec<String>,
    /// Whether only the name of a field is said where its path could be.
    pub is_short: bool,
    /// Whether nothing else in the body names the field.
    pub alone: NamePolicy,
}

/// Whether a sentence is the only place that names the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NamePolicy {
    /// The body names it elsewhere too, or its family does not name it.
    #[default]
    No,
    /// A family that has no sentence for the rule does not speak.
    ButForFamilies,
    /// A sentence that does not name it is not said.
    Always,
}

/// A sentence that the document shows.
#[derive(Debug, Clone)]
pub struct SeenSentence {
    /// The rule that it words.
    pub rule: &'static str,
    /// It with slots.
    pub template: Template,
    /// How they are written.
    pub dialect: Option<&'static Idiom>,
    /// The names that it has, of which any will do.
    pub names: Vec<String>,
    /// The names that it lists, of which all are meant.
    pub listed: Vec<String>,
    /// It as it stands there.
    pub text: String,
}

impl Words {
    /// The sentence, or all of them.
    #[must_use]
    pub fn tell(&self, findings: &[Finding]) -> String {
        // What is wrong with the content is of the same kind as what is wrong with its fields.
        if let Some(constant) = self.constant.as_ref().filter(|_| is_of_field(&findings[0].rule)) {
            return constant.clone();
        }
        let mut text = match (&self.joined, &self.seen) {
            (_, Some(seen)) if seen.lists_just(findings) => seen.text.clone(),
            (Some(between), _) => {
                let all: Vec<&Finding> = findings.iter().flat_map(all_of).collect();
                all.into_iter().map(|finding| self.sentence(finding)).collect::<Vec<_>>().join(between)
            }
            (None, _) => self.sentence(&findings[0]),
        };
        if self.counts_more && findings.len() > 1 {
            let more = findings.len() - 1;
            text.push_str(&format!(" (and {more} more error{})", if more == 1 { "" } else { "s" }));
        }
        let first = &findings[0];
        let before = self.dialect().fill(self.before_of(first), first);
        let code = self
            .code
            .as_ref()
            .and_then(|(open, slot, close)| slot.tell(first).map(|code| format!("{open}{}{close}", plain(&code))));
        let text = format!("{before}{text}{}{}", self.after, code.unwrap_or_default());
        // What is so as it is written is not written otherwise.
        if folded(&text) == folded(&self.whole) {
            return self.whole.clone();
        }
        let Some(longest) = self.longest.filter(|longest| text.chars().count() > *longest) else { return text };
        // Cut, it could lose the name.
        let plain = self.neutral(first);
        let told = if plain.chars().count() <= longest { plain } else { text };
        told.chars().take(longest).collect()
    }

    /// Drops the sentence that the document shows where it is about the whole of a request.
    pub fn forget_thing(&mut self) {
        if self.seen.as_ref().is_some_and(|seen| !is_of_field(seen.rule)) {
            (self.seen, self.before) = (None, Template::default());
        }
    }

    fn before_of(&self, finding: &Finding) -> &Template {
        let is_own = self.seen.as_ref().is_some_and(|seen| seen.has_name(finding));
        self.before_others.as_ref().filter(|_| !is_own).unwrap_or(&self.before)
    }

    fn dialect(&self) -> &Dialect {
        &self.idiom.unwrap_or_else(idiom::plain).dialect
    }

    fn sentence(&self, finding: &Finding) -> String {
        // What the user says goes before what the document shows.
        if let Some(said) = finding.operands.get("message").and_then(serde_json::Value::as_str) {
            return said.to_owned();
        }
        let whole = self.with_prefix(finding);
        if let Some(seen) = &self.seen
            && let Some(said) = seen.say(&whole)
            && (seen.rule != "invalid" || self.alone != NamePolicy::Always || has_name(&said, finding.name()))
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

    /// Whether a sentence of a family tells the field that it is about.
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

    /// A neutral sentence about the field, in the words that stand around its name.
    fn neutral(&self, finding: &Finding) -> String {
        let meant = finding.as_missing();
        let sentence = idiom::plain().say(&meant).and_then(|said| said.sentence).unwrap_or_default();
        let Some(predicate) =
            sentence.strip_prefix(meant.name()).filter(|_| meant.rule != "malformed" && is_of_field(&meant.rule))
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
            // Where nothing else says where it is, the whole way is told.
            (None, NamePolicy::Always) => vec![PathStyle::Brackets.write(&finding.path)],
            (None, _) => vec![finding.name().to_owned()],
        };
        names.iter().map(|name| format!("{quote}{name}{quote}")).collect::<Vec<_>>().join(" or ")
    }

    pub(crate) fn named(&self, subject: &Template, finding: &Finding) -> String {
        self.dialect().fill(subject, finding)
    }
}

/// Whether a sentence has a name, in whatever form, as words of its own.
fn has_name(sentence: &str, name: &str) -> bool {
    let sentence: Vec<String> = sentence.split(' ').flat_map(words).collect();
    let name = words(name);
    !name.is_empty() && sentence.windows(name.len()).any(|part| part == name)
}

/// A finding after what is wrong with each of its branches, as validators list them.
fn all_of(finding: &Finding) -> Vec<&Finding> {
    let mut all: Vec<&Finding> = finding.branches.iter().flatten().flat_map(all_of).collect();
    all.push(finding);
    all
}

impl SeenSentence {
    /// Whether it has the name of the field.
    fn has_name(&self, finding: &Finding) -> bool {
        self.names.iter().any(|name| folded(name) == folded(finding.name()))
    }

    /// Whether it lists the fields of all findings, and no other.
    fn lists_just(&self, findings: &[Finding]) -> bool {
        let is_listed =
            |finding: &Finding| finding.rule == self.rule && self.listed.iter().any(|name| name == finding.name());
        !self.listed.is_empty() && findings.len() == self.listed.len() && findings.iter().all(is_listed)
    }

    /// It of another field, if it words the rule.
    fn say(&self, finding: &Finding) -> Option<String> {
        // With one of several names replaced it would speak of the others too.
        if !self.listed.is_empty() {
            return None;
        }
        let missing = finding.as_missing();
        // Out of range is one thing, whichever bound it is.
        let of_range = |rule: &str| matches!(rule, "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum");
        let has_bound = self.template.has(|slot| slot == Slot::Limit) || self.text.chars().any(|c| c.is_ascii_digit());
        if finding.path.len() > 1 && self.dialect.is_some_and(|idiom| idiom.has_nested(self.rule)) {
            return None;
        }
        let is_meant = |finding: &Finding| {
            let both = of_range(self.rule) && of_range(&finding.rule) && self.text.contains("range") && !has_bound;
            let any_value = self.rule == "invalid" && is_of_value(&finding.rule);
            finding.rule == self.rule || both || any_value
        };
        let finding = if is_meant(finding) { finding } else { &missing };
        let lacks_name = !finding.is_about_field() && self.template.has(Slot::is_name);
        if !is_meant(finding) || lacks_name && is_of_field(&finding.rule) {
            return None;
        }
        // What it says beside the name must be so for this finding too.
        let is_own = self.template.has(|slot| slot == Slot::Types || slot == Slot::Format || slot == Slot::Limit);
        let is_general =
            matches!(self.rule, "required" | "additionalProperties" | "unknownParameter" | "malformed" | "invalid");
        if !is_own && !is_general {
            let is_idiom = self.dialect.is_some_and(|idiom| {
                idiom.say(finding).and_then(|said| said.sentence).is_some_and(|said| said == self.text)
            });
            let says_name =
                finding.is_about_field() && self.names.iter().any(|name| folded(name) == folded(finding.name()));
            let is_of_range = of_range(self.rule) && !has_bound;
            if !(is_idiom || says_name || is_of_all(self.rule) || is_of_range || self.says_operand(finding)) {
                return None;
            }
        }
        if self.names.len() > 1 && self.names.iter().any(|name| folded(name) == folded(finding.name())) {
            return Some(self.text.clone());
        }
        let dialect = self.dialect.unwrap_or_else(idiom::plain);
        Some(dialect.dialect.fill(&self.template, finding))
    }
}

impl SeenSentence {
    /// Whether it has the type or the format in its words that another field must have too.
    fn says_operand(&self, finding: &Finding) -> bool {
        let lower = self.text.to_lowercase();
        let has = |name: &str| !name.is_empty() && lower.contains(&name.to_lowercase());
        let operand = |name: &str| finding.operands.get(name);
        match self.rule {
            "format" => operand("format").and_then(|format| format.as_str()).is_some_and(has),
            "type" => {
                let types = operand("types").and_then(|types| types.as_array()).into_iter().flatten();
                let mut types = types.filter_map(|name| name.as_str()).filter(|name| *name != "null").peekable();
                types.peek().is_some() && types.all(has)
            }
            _ => false,
        }
    }
}

/// Rules of which one sentence serves for every field.
fn is_of_all(rule: &str) -> bool {
    !is_of_field(rule) || matches!(rule, "uniqueItems" | "not" | "anyOf" | "oneOf" | "enum" | "const" | "pattern")
}
