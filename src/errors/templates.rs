//! The voice of an API: how a documented error is filled in with what is really wrong.
//!
//! It is read from the examples of the response, else from examples of the same kind elsewhere in
//! the document, else from its schema; once, when it is first needed.
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use http::StatusCode;
use serde_json::Value;

use crate::contract::example::Example;
use crate::contract::{Contract, ConversionCache, MediaType, Operation, StatusPattern};
use crate::errors::body::Pattern;
use crate::errors::catalogue::code;
use crate::errors::catalogue::idiom::{Idiom, is_of_field, is_of_value};
use crate::errors::catalogue::role::Role;
use crate::errors::convention::{Conventions, shape_of, value_of};
use crate::errors::finding::Finding;
use crate::errors::reading::{self, Context, Names, Reading, shaping, shown};
use crate::errors::unknown;
use crate::schema::Schema;

/// Where a voice comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WordingSource {
    /// What the user says in `errors` of the fixtures.
    Fixture,
    /// Examples of the response.
    Example,
    /// Examples of responses of the same kind elsewhere in the document.
    Sibling,
    /// The schema of the response.
    Schema,
    /// Nothing: RFC 9457.
    None,
}

impl WordingSource {
    /// `example`
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fixture => "fixture",
            Self::Example => "example",
            Self::Sibling => "sibling",
            Self::Schema => "schema",
            Self::None => "none",
        }
    }
}

/// How the errors of one media type of a response are told.
#[derive(Debug)]
pub struct ErrorTemplates {
    /// Where it comes from, for what is about a field.
    pub source: WordingSource,
    /// The examples of the response, or what the examples of the properties of its schema show.
    own: Vec<Reading>,
    /// Whether those are of the schema, which other statuses may share.
    is_of_schema: bool,
    /// Examples elsewhere that speak of fields, if none of its own does.
    siblings: Vec<Reading>,
    /// An example of the same status and shape elsewhere, if it has none of its own.
    of_status: Option<Value>,
    /// The pattern of the schema.
    shaped: OnceLock<Option<(Pattern, Option<&'static Idiom>)>>,
    /// What the document says elsewhere.
    codes: Vec<(String, String)>,
    idiom: Option<&'static Idiom>,
    names: Names,
    status: StatusCode,
}

/// ResponseOwner response an error is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseOwner {
    /// That of the operation that the request is for.
    Own,
    /// That of another operation: what its examples say of a thing is not repeated.
    Other,
}

/// What was told.
#[derive(Debug)]
pub struct WordedError {
    /// The body.
    pub value: Value,
    /// Where its words come from, for the log.
    pub reason: String,
    /// Whether it is a body that the family of the API has for such errors, which no schema describes.
    pub is_of_family: bool,
}

impl WordedError {
    fn new(value: Value, reason: impl Into<String>) -> Self {
        Self { value, reason: reason.into(), is_of_family: false }
    }
}

/// The voices of the operations of a contract, each read when it is first needed.
#[derive(Debug, Default)]
pub struct TemplateStore {
    known: ConversionCache<ErrorTemplates>,
    elsewhere: Vec<OnceLock<Elsewhere>>,
    conventions: Vec<OnceLock<Conventions>>,
}

/// What a document shows of errors, all its operations together.
#[derive(Debug, Default)]
struct Elsewhere {
    /// Every error response with examples.
    shown: Vec<Shown>,
    /// Words for programs by the name of their member.
    codes: Vec<(String, String)>,
}

/// The examples of a media type of an error response.
#[derive(Debug)]
struct Shown {
    operation: usize,
    status: StatusPattern,
    shape: u64,
    /// Which of the responses, and which media type of it.
    place: (usize, usize),
}

/// How many examples elsewhere are read for one response.
const MOST_SIBLINGS: usize = 24;

/// How many words for programs of a document are kept.
const MOST_CODES: usize = 400;

impl TemplateStore {
    /// Those of a contract; each contract has its own.
    #[must_use]
    pub fn new(contract: &Contract) -> Self {
        let elsewhere = contract.documents.iter().map(|_| OnceLock::new()).collect();
        let conventions = contract.documents.iter().map(|_| OnceLock::new()).collect();
        Self { known: ConversionCache::default(), elsewhere, conventions }
    }

    /// The error responses that most operations of a document agree on.
    pub(super) fn conventions(&self, contract: &Contract, document: usize) -> &Conventions {
        static NONE: OnceLock<Conventions> = OnceLock::new();
        match self.conventions.get(document) {
            Some(known) => known.get_or_init(|| Conventions::read(contract, document)),
            None => NONE.get_or_init(Conventions::default),
        }
    }

    /// The voice of a media type of a response of an operation.
    #[must_use]
    pub fn of(
        &self,
        contract: &Contract,
        operation: &Operation,
        pattern: StatusPattern,
        media: &MediaType,
    ) -> Arc<ErrorTemplates> {
        // Neither of the two moves while the contract is there.
        let key = (std::ptr::from_ref(operation).addr(), std::ptr::from_ref(media).addr());
        self.known.get_or_make(key, || self.read(contract, operation, pattern, media))
    }

    fn read(
        &self,
        contract: &Contract,
        operation: &Operation,
        pattern: StatusPattern,
        media: &MediaType,
    ) -> ErrorTemplates {
        let status = error_status(pattern);
        let names = Names::of(operation);
        let schema = media.schema.as_deref();
        let served: Vec<&Example> = media.examples.iter().collect();
        let url = Some(operation.template.as_str());
        let context = Context { names: &names, schema, status, codes: &[], idiom: None, url };
        let shown = schema.filter(|_| media.examples.is_empty()).and_then(shown::shown);
        let read_own = |context: Context<'_>| -> Vec<Reading> {
            let of_schema = shown.as_ref().zip(schema).map(|(value, schema)| read_shown(value, schema, context));
            let of_examples = served.iter().map(|example| reading::read(&value_of(example, media), context));
            of_examples.chain(of_schema).collect()
        };
        let mut own = read_own(context);
        let speaks = own.iter().any(speaks);
        let (mut siblings, mut codes, mut idiom, mut of_status) = (Vec::new(), Vec::new(), None, None);
        if !speaks {
            let elsewhere = self.elsewhere(contract, operation.document);
            codes.clone_from(&elsewhere.codes);
            (siblings, idiom, of_status) = elsewhere.siblings(contract, operation, pattern, media);
            let context = Context { codes: &codes, idiom: idiom.filter(|_| siblings.is_empty()), ..context };
            own = read_own(context);
        }
        let source = match (speaks, siblings.is_empty(), own.is_empty(), schema) {
            (true, ..) => WordingSource::Example,
            (_, false, ..) => WordingSource::Sibling,
            (_, _, false, _) => WordingSource::Example,
            (.., Some(_)) => WordingSource::Schema,
            (.., None) => WordingSource::None,
        };
        ErrorTemplates {
            source,
            own,
            is_of_schema: shown.is_some(),
            siblings,
            of_status,
            shaped: OnceLock::new(),
            codes,
            idiom,
            names,
            status,
        }
    }

    fn elsewhere(&self, contract: &Contract, document: usize) -> &Elsewhere {
        static NOWHERE: Elsewhere = Elsewhere { shown: Vec::new(), codes: Vec::new() };
        let Some(known) = self.elsewhere.get(document) else { return &NOWHERE };
        known.get_or_init(|| Elsewhere::read(contract, document))
    }
}

/// The status that an error is sent with where its example does not say another.
fn error_status(pattern: StatusPattern) -> StatusCode {
    match pattern {
        StatusPattern::Exact(status) => status,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// What the examples of the properties of a schema show, with the members that they do not.
fn read_shown(value: &Value, schema: &Schema, context: Context<'_>) -> Reading {
    let reading = reading::read(value, context);
    let (described, _) = shaping::shape(schema, context);
    Reading { pattern: shown::completed(reading.pattern, &described), ..reading }
}

/// Whether an example speaks of what is wrong with a field.
fn speaks(reading: &Reading) -> bool {
    reading.about.as_ref().is_some_and(|about| is_of_field(about.rule) && about.rule != "malformed")
}

fn is_error(pattern: StatusPattern) -> bool {
    match pattern {
        StatusPattern::Exact(status) => status.is_client_error(),
        StatusPattern::Range(hundreds) => hundreds == 4,
        StatusPattern::Default => true,
    }
}

impl Elsewhere {
    fn read(contract: &Contract, document: usize) -> Self {
        let mut elsewhere = Self::default();
        let mut seen = HashSet::new();
        let operations = contract.operations.iter().enumerate().filter(|(_, operation)| operation.document == document);
        for (index, operation) in operations {
            for (response_at, (pattern, response)) in operation.responses.iter().enumerate() {
                if !is_error(*pattern) {
                    continue;
                }
                for (media_at, media) in
                    response.content.iter().enumerate().filter(|(_, media)| !media.examples.is_empty())
                {
                    let shape = shape_of(media);
                    let place = (response_at, media_at);
                    elsewhere.shown.push(Shown { operation: index, status: *pattern, shape, place });
                    if seen.insert(std::ptr::from_ref(media).addr()) && elsewhere.codes.len() < MOST_CODES {
                        media.examples.iter().for_each(|example| elsewhere.learn(example.value()));
                    }
                }
            }
        }
        elsewhere
    }

    /// Notes the words for programs of an example.
    fn learn(&mut self, value: &Value) {
        reading::visit(value, &mut Vec::new(), &mut |path, text| {
            let Some(key) = path.iter().rev().find(|key| *key != "[]") else { return };
            let is_new = || !self.codes.iter().any(|(name, code)| name == key && code == text);
            if self.codes.len() < MOST_CODES && Role::Code.fits(key) && code::is_code(text) && is_new() {
                self.codes.push((key.clone(), text.to_owned()));
            }
        });
    }

    /// Examples of the same shape that speak of fields: of the same status, else of any error. And the
    /// family of whatever examples the document has.
    fn siblings(
        &self,
        contract: &Contract,
        operation: &Operation,
        pattern: StatusPattern,
        media: &MediaType,
    ) -> (Vec<Reading>, Option<&'static Idiom>, Option<Value>) {
        let shape = shape_of(media);
        let same_status = |shown: &&Shown| shown.status == pattern;
        let alike = |shown: &&Shown| shown.shape == shape;
        let first = self.shown.iter().filter(|shown| same_status(shown) && alike(shown));
        let second =
            self.shown.iter().filter(|shown| !same_status(shown) && alike(shown) && is_of_request(shown.status));
        let others = self.shown.iter().filter(|shown| !alike(shown) && is_of_request(shown.status));
        let mut seen: HashSet<String> = HashSet::new();
        let mut siblings = Vec::new();
        let (mut idiom, mut of_status) = (None, None);
        for shown in first.chain(second).chain(others) {
            let other = &contract.operations[shown.operation];
            if std::ptr::eq(other, operation) && alike(&shown) && same_status(&shown) || seen.len() > MOST_SIBLINGS {
                continue;
            }
            let there = &other.responses[shown.place.0].1.content[shown.place.1];
            let mut names = None;
            for example in &there.examples {
                let value = value_of(example, there);
                if !seen.insert(value.to_string()) {
                    continue;
                }
                let names = names.get_or_insert_with(|| Names::of(other));
                let schema = there.schema.as_deref();
                let status = error_status(shown.status);
                let url = Some(other.template.as_str());
                let context = Context { names, schema, status, codes: &self.codes, idiom: None, url };
                let reading = reading::read(&value, context);
                idiom = idiom.or(reading.idiom.filter(|_| speaks(&reading)));
                if of_status.is_none() && alike(&shown) && same_status(&shown) && reading.about.is_none() {
                    of_status = Some(reading.value.clone());
                }
                // That something is invalid says too little of how the rest would be said.
                let words_rule = reading.about.as_ref().is_some_and(|about| about.rule != "invalid");
                if speaks(&reading) && words_rule && alike(&shown) {
                    siblings.push(reading);
                }
            }
        }
        (siblings, idiom, of_status)
    }
}

/// Whether a status is one that wrong requests are answered with.
fn is_of_request(pattern: StatusPattern) -> bool {
    match pattern {
        StatusPattern::Exact(status) => matches!(status.as_u16(), 400 | 422),
        other => is_error(other),
    }
}

/// How well an example fits what is wrong; the better, the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// It speaks of something else.
    None,
    /// It says by a code what is wrong with a field.
    Coded,
    /// It words what is wrong with a field, and another rule.
    Field,
    /// It is worded by a family that words this rule too.
    Family,
    /// It words a rule of the same kind.
    Kin,
    /// It words this rule.
    Rule,
    /// It says exactly what is wrong.
    Exact,
}

fn fit(reading: &Reading, finding: &Finding) -> Fit {
    let Some(about) = &reading.about else {
        return if reading.rules.contains(&finding.rule.as_str()) { Fit::Rule } else { Fit::None };
    };
    let missing = finding.as_missing();
    let joins = !finding.branches.is_empty() && about.is_joined && reading.idiom.is_some();
    if joins {
        return Fit::Exact;
    }
    let is_rule = |finding: &Finding| about.rule == finding.rule;
    let met = [finding, &missing].into_iter().find(|finding| is_rule(finding));
    match met {
        Some(finding) if about.names.iter().any(|name| name == finding.name()) && !about.is_joined => Fit::Exact,
        Some(_) if !about.is_worded => Fit::Coded,
        // An example of one thing is closer to what is wrong than one that joins several.
        Some(_) if about.is_joined => Fit::Family,
        Some(_) => Fit::Rule,
        None if reading.rules.contains(&finding.rule.as_str()) => Fit::Rule,
        None if about.is_worded && is_kin(about.rule, &finding.rule) => Fit::Kin,
        None if reading.idiom.is_some_and(|idiom| idiom.words(finding)) => Fit::Family,
        None if about.rule == "invalid" && is_of_value(&finding.rule) => Fit::Family,
        None if about.is_worded => Fit::Field,
        None => Fit::Coded,
    }
}

/// A body without lists of fields, unless the schema wants them filled.
fn whole(pattern: &Pattern, media: &MediaType, findings: &[Finding]) -> Option<Value> {
    let is_malformed = findings.first().is_some_and(|first| first.rule == "malformed");
    let without = pattern.of_whole(is_malformed).tell(findings)?;
    let is_valid = |value: &Value| media.schema.as_ref().is_none_or(|schema| schema.is_valid(value) != Ok(false));
    if is_valid(&without) {
        return Some(without);
    }
    pattern.tell(findings).filter(is_valid).or(Some(without))
}

/// What is wrong with a body that is not there, where the family says that in one error.
fn as_absent<'f>(findings: &'f [Finding], idiom: Option<&'static Idiom>) -> Cow<'f, [Finding]> {
    let absent =
        findings.first().filter(|_| idiom.is_some_and(|idiom| idiom.tells_absent)).and_then(Finding::as_absent);
    absent.map_or(Cow::Borrowed(findings), |absent| Cow::Owned(vec![absent]))
}

/// Whether an error is about a thing, which another operation has others of.
fn is_of_thing(rule: &str) -> bool {
    matches!(rule, "notFound" | "conflict" | "forbidden" | "failure")
}

/// Whether two rules are about the same kind of fault.
fn is_kin(one: &str, other: &str) -> bool {
    const KINDS: [&[&str]; 4] = [
        &["pattern", "format"],
        &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
        &["minLength", "maxLength"],
        &["minItems", "maxItems", "uniqueItems"],
    ];
    KINDS.iter().any(|kind| kind.contains(&one) && kind.contains(&other))
}

impl ErrorTemplates {
    /// The body for what is wrong, of which there is at least one thing.
    #[must_use]
    pub fn tell(&self, media: &MediaType, findings: &[Finding], whose: ResponseOwner) -> Option<WordedError> {
        let first = findings.first()?;
        if !is_of_field(&first.rule) || first.rule == "malformed" {
            return self.tell_whole(media, findings, whose);
        }
        if let Some((reading, how, fit)) = self.best(findings) {
            let family = reading.idiom.map(|idiom| format!(" ({})", idiom.name)).unwrap_or_default();
            let findings = &*as_absent(findings, reading.idiom);
            let reason = if fit == Fit::Exact { format!("{how}{family}") } else { format!("{how}, reworded{family}") };
            return reading.pattern.tell(findings).map(|value| WordedError::new(value, reason));
        }
        let (pattern, idiom) = self.shaped(media)?;
        let value = pattern.tell(&as_absent(findings, *idiom))?;
        let family = idiom.map(|idiom| format!(" ({})", idiom.name)).unwrap_or_default();
        Some(WordedError::new(value, format!("made from the documented schema{family}")))
    }

    /// The body for a fault that is about no field.
    fn tell_whole(&self, media: &MediaType, findings: &[Finding], whose: ResponseOwner) -> Option<WordedError> {
        let first = findings.first()?;
        let is_of_thing = whose == ResponseOwner::Other && is_of_thing(&first.rule);
        let is_sayable = |value: &Value| !is_of_thing || unknown::is_general(value);
        let says_rule = |reading: &&Reading| reading.rules.contains(&first.rule.as_str());
        let about_none = |reading: &&Reading| reading.about.is_none();
        let own = self.own.iter();
        // Content that cannot be read is nearest to what is wrong with a field.
        let nearest = (first.rule == "malformed").then(|| self.best(findings)).flatten().map(|(reading, ..)| reading);
        let said = own.clone().find(says_rule).or(nearest).or_else(|| own.clone().find(about_none));
        let own = said.or_else(|| own.clone().next());
        let is_of_status = !self.is_of_schema
            && first.operands.get("status").and_then(Value::as_u64)
            == Some(u64::from(self.status.as_u16()))
            && self.status != StatusCode::BAD_REQUEST
            // What the user says goes before what the document shows.
            && !first.operands.contains_key("message")
            // 422 is of what is wrong with a field too, so its examples may be about one.
            && first.rule != "malformed";
        let is_undocumented = whose == ResponseOwner::Other && !is_of_status && first.rule != "malformed";
        if let Some(told) = self.tell_of_family(media, first, is_undocumented) {
            return Some(told);
        }
        let verbatim = |reading: &Reading| WordedError::new(reading.value.clone(), "documented example");
        match (own, &self.of_status) {
            // What is documented for just this status says it already, but for what was sent.
            (Some(reading), _) if is_of_status && !reading.pattern.repeats_request() && is_sayable(&reading.value) => {
                Some(verbatim(reading))
            }
            (Some(reading), _) => {
                let mut pattern = Cow::Borrowed(&reading.pattern);
                if !is_sayable(&reading.value) {
                    pattern.to_mut().forget_things();
                }
                let value = whole(&pattern, media, findings)?;
                Some(WordedError::new(value, "documented example, reworded"))
            }
            (None, Some(value)) if is_of_status && is_sayable(value) => {
                Some(WordedError::new(value.clone(), "example elsewhere in the document"))
            }
            (None, _) => {
                let (pattern, _) = self.shaped(media)?;
                let value = whole(pattern, media, findings)?;
                Some(WordedError::new(value, "made from the documented schema"))
            }
        }
    }

    /// The family whose bodies these are.
    fn family(&self, media: &MediaType) -> Option<&'static Idiom> {
        let of_examples = self.own.iter().find_map(|reading| reading.idiom);
        of_examples.or_else(|| self.shaped(media).and_then(|(_, idiom)| *idiom))
    }

    /// The body that the family has for what is about no field, where that is another one than for fields: of what no
    /// operation documents, and of content that cannot be read where the schema allows it.
    fn tell_of_family(&self, media: &MediaType, finding: &Finding, is_undocumented: bool) -> Option<WordedError> {
        let is_malformed = finding.rule == "malformed";
        if !is_undocumented && !is_malformed {
            return None;
        }
        let idiom = self.family(media).filter(|idiom| is_undocumented || !idiom.lists_malformed)?;
        let value = idiom.whole_body(finding)?;
        let is_valid = || media.schema.as_ref().is_none_or(|schema| schema.is_valid(&value) != Ok(false));
        if !is_undocumented && !is_valid() {
            return None;
        }
        let reason = format!("as {} answers what is about no field", idiom.name);
        Some(WordedError { value, reason, is_of_family: true })
    }

    /// The body that one documented example gives, filled in.
    #[must_use]
    pub fn tell_example(&self, media: &MediaType, name: &str, findings: &[Finding]) -> Option<WordedError> {
        let served = media.examples.iter();
        let at = served.map(|example| example.name.as_str()).position(|known| known == name)?;
        let value = self.own.get(at)?.pattern.tell(findings)?;
        Some(WordedError::new(value, format!("example `{name}`, as the fixtures say")))
    }

    /// The pattern of the schema.
    fn shaped(&self, media: &MediaType) -> Option<&(Pattern, Option<&'static Idiom>)> {
        let shape = || {
            let schema = media.schema.as_deref()?;
            let context = Context {
                names: &self.names,
                schema: Some(schema),
                status: self.status,
                codes: &self.codes,
                idiom: self.idiom,
                url: None,
            };
            Some(shaping::shape(schema, context))
        };
        self.shaped.get_or_init(shape).as_ref()
    }

    /// What the schema alone gives for what is wrong.
    #[must_use]
    pub fn tell_by_schema(&self, media: &MediaType, findings: &[Finding]) -> Option<Value> {
        self.shaped(media).and_then(|(pattern, _)| pattern.tell(findings))
    }

    /// The example that fits best; the first of equal ones, and one of its own before others.
    fn best(&self, findings: &[Finding]) -> Option<(&Reading, &'static str, Fit)> {
        let first = &findings[0];
        let mut best: Option<(&Reading, &'static str, Fit)> = None;
        let own = self.own.iter().map(|reading| (reading, "documented example"));
        let siblings = self.siblings.iter().map(|reading| (reading, "example elsewhere in the document"));
        for (reading, how) in own.chain(siblings) {
            let fit = fit(reading, first);
            if best.is_none_or(|(.., most)| fit > most) {
                best = Some((reading, how, fit));
            }
        }
        best
    }
}
