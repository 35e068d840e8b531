//! Error templates: documented error bodies that are filled with the findings of a request.
//!
//! The templates of a response are read at first use: from its examples, else from examples of
//! similar responses elsewhere in the document, else from its schema. `reading` reads them, and
//! `errors` chooses the response.
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use http::StatusCode;
use serde_json::Value;

use crate::contract::example::Example;
use crate::contract::{Contract, ConversionCache, MediaType, Operation, StatusPattern};
use crate::errors::body::BodyPattern;
use crate::errors::catalogue::code;
use crate::errors::catalogue::idiom::{Idiom, is_of_field};
use crate::errors::catalogue::role::MemberRole;
use crate::errors::convention::{Conventions, shape_of, value_of};
use crate::errors::finding::Finding;
use crate::errors::fit::{Fit, fit, is_of_thing};
use crate::errors::reading::{self, Context, Names, ReadExample, shaping, shown};
use crate::errors::unknown;
use crate::schema::Schema;

/// Source of the wording of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WordingSource {
    /// Section `errors` of the fixtures.
    Fixture,
    /// Examples of the response.
    Example,
    /// Examples of similar responses elsewhere in the document.
    Sibling,
    /// Schema of the response.
    Schema,
    /// No source; the error is a problem (RFC 9457).
    None,
}

impl WordingSource {
    /// Returns the name for reports: `example`.
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

/// Templates for the errors of one media type of a response.
#[derive(Debug)]
pub(crate) struct ErrorTemplates {
    /// Source of the wording of errors about a field.
    pub source: WordingSource,
    /// Examples of the response, or the one that the examples of its schema's properties form.
    own: Vec<ReadExample>,
    /// True if `own` comes from the schema, which responses for other statuses may share.
    is_of_schema: bool,
    /// Examples elsewhere in the document that are about a field; empty if `own` has one.
    siblings: Vec<ReadExample>,
    /// Example of another response with this status and shape that is about no field; searched
    /// only if no example of `own` is about a field.
    of_status: Option<Value>,
    /// Pattern of the schema and its family, made at first use.
    shaped: OnceLock<Option<(BodyPattern, Option<&'static Idiom>)>>,
    /// Codes that the document shows elsewhere, each after the name of its member.
    codes: Vec<(String, String)>,
    idiom: Option<&'static Idiom>,
    names: Names,
    status: StatusCode,
}

/// Owner of the response in which an error is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseOwner {
    /// Operation that the request is for.
    Own,
    /// Another operation; sentences of its examples about its own resource are not repeated.
    Other,
}

/// Error body with the source of its wording.
#[derive(Debug)]
pub(crate) struct WordedError {
    /// The body.
    pub value: Value,
    /// Source of the wording, for the log.
    pub reason: String,
    /// True for the special body that a family has for such errors, which no schema describes.
    pub is_of_family: bool,
}

impl WordedError {
    fn new(value: Value, reason: impl Into<String>) -> Self {
        Self {
            value,
            reason: reason.into(),
            is_of_family: false,
        }
    }
}

/// Error templates of the operations of a contract, each read at first use.
#[derive(Debug, Default)]
pub(crate) struct TemplateStore {
    known: ConversionCache<ErrorTemplates>,
    elsewhere: Vec<OnceLock<Elsewhere>>,
    conventions: Vec<OnceLock<Conventions>>,
}

/// Error examples and codes of all operations of a document.
#[derive(Debug, Default)]
struct Elsewhere {
    /// Media types of error responses that have examples.
    shown: Vec<Shown>,
    /// Codes, each after the name of its member.
    codes: Vec<(String, String)>,
}

/// Media type of an error response that has examples.
#[derive(Debug)]
struct Shown {
    operation: usize,
    status: StatusPattern,
    shape: u64,
    /// Index of the response in the operation, and of the media type in the response.
    place: (usize, usize),
}

/// Maximum number of distinct examples read elsewhere in the document for one response; beyond it
/// no further media type is read.
const MOST_SIBLINGS: usize = 24;

/// Maximum number of codes kept for a document; further ones are ignored.
const MOST_CODES: usize = 400;

impl TemplateStore {
    /// Creates an empty store for a contract. Each contract needs its own, because keys are
    /// addresses.
    #[must_use]
    pub(crate) fn new(contract: &Contract) -> Self {
        let elsewhere = contract.documents.iter().map(|_| OnceLock::new()).collect();
        let conventions = contract.documents.iter().map(|_| OnceLock::new()).collect();
        Self {
            known: ConversionCache::default(),
            elsewhere,
            conventions,
        }
    }

    /// Returns the error responses that most operations of a document agree on.
    pub(super) fn conventions(&self, contract: &Contract, document: usize) -> &Conventions {
        static NONE: OnceLock<Conventions> = OnceLock::new();
        match self.conventions.get(document) {
            Some(known) => known.get_or_init(|| Conventions::read(contract, document)),
            None => NONE.get_or_init(Conventions::default),
        }
    }

    /// Returns the templates for a media type of a response of an operation.
    #[must_use]
    pub(crate) fn of(
        &self,
        contract: &Contract,
        operation: &Operation,
        pattern: StatusPattern,
        media: &MediaType,
    ) -> Arc<ErrorTemplates> {
        // Addresses are stable keys: neither value moves during the life of the contract.
        let key = (
            std::ptr::from_ref(operation).addr(),
            std::ptr::from_ref(media).addr(),
        );
        self.known
            .get_or_make(key, || self.read(contract, operation, pattern, media))
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
        let context = Context {
            names: &names,
            schema,
            status,
            codes: &[],
            idiom: None,
            url,
        };
        let shown = schema
            .filter(|_| media.examples.is_empty())
            .and_then(shown::shown);
        let read_own = |context: Context<'_>| -> Vec<ReadExample> {
            let of_schema = shown
                .as_ref()
                .zip(schema)
                .map(|(value, schema)| read_shown(value, schema, context));
            let of_examples = served
                .iter()
                .map(|example| reading::read(&value_of(example, media), context));
            of_examples.chain(of_schema).collect()
        };
        let mut own = read_own(context);
        let speaks = own.iter().any(speaks);
        let (mut siblings, mut codes, mut idiom, mut of_status) =
            (Vec::new(), Vec::new(), None, None);
        if !speaks {
            let elsewhere = self.elsewhere(contract, operation.document);
            codes.clone_from(&elsewhere.codes);
            (siblings, idiom, of_status) = elsewhere.siblings(contract, operation, pattern, media);
            let context = Context {
                codes: &codes,
                idiom: idiom.filter(|_| siblings.is_empty()),
                ..context
            };
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
        static NOWHERE: Elsewhere = Elsewhere {
            shown: Vec::new(),
            codes: Vec::new(),
        };
        let Some(known) = self.elsewhere.get(document) else {
            return &NOWHERE;
        };
        known.get_or_init(|| Elsewhere::read(contract, document))
    }
}

/// Returns the status that errors of a pattern have: 400 for a range or the default.
fn error_status(pattern: StatusPattern) -> StatusCode {
    match pattern {
        StatusPattern::Exact(status) => status,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// Reads the error that the examples of a schema's properties form, with the members that have no
/// example added from the schema.
fn read_shown(value: &Value, schema: &Schema, context: Context<'_>) -> ReadExample {
    let reading = reading::read(value, context);
    let (described, _) = shaping::shape(schema, context);
    ReadExample {
        pattern: shown::completed(reading.pattern, &described),
        ..reading
    }
}

/// Returns true if an example is about an invalid field; malformed content does not count.
fn speaks(reading: &ReadExample) -> bool {
    reading
        .about
        .as_ref()
        .is_some_and(|about| is_of_field(about.rule) && about.rule != "malformed")
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
        let operations = contract
            .operations
            .iter()
            .enumerate()
            .filter(|(_, operation)| operation.document == document);
        for (index, operation) in operations {
            for (response_at, (pattern, response)) in
                operation.compiled().responses.iter().enumerate()
            {
                if !is_error(*pattern) {
                    continue;
                }
                for (media_at, media) in response
                    .content
                    .iter()
                    .enumerate()
                    .filter(|(_, media)| !media.examples.is_empty())
                {
                    let shape = shape_of(media);
                    let place = (response_at, media_at);
                    elsewhere.shown.push(Shown {
                        operation: index,
                        status: *pattern,
                        shape,
                        place,
                    });
                    if seen.insert(std::ptr::from_ref(media).addr())
                        && elsewhere.codes.len() < MOST_CODES
                    {
                        media
                            .examples
                            .iter()
                            .for_each(|example| elsewhere.learn(example.value()));
                    }
                }
            }
        }
        elsewhere
    }

    /// Adds the codes of an example.
    fn learn(&mut self, value: &Value) {
        reading::visit(value, &mut Vec::new(), &mut |path, text| {
            let Some(key) = path.iter().rev().find(|key| *key != "[]") else {
                return;
            };
            let is_new = || {
                !self
                    .codes
                    .iter()
                    .any(|(name, code)| name == key && code == text)
            };
            if self.codes.len() < MOST_CODES
                && MemberRole::Code.fits(key)
                && code::is_code(text)
                && is_new()
            {
                self.codes.push((key.clone(), text.to_owned()));
            }
        });
    }

    /// Returns the examples of the same shape that are about a field, those of the same status
    /// before those of other statuses for invalid requests; the family of the first example about
    /// a field, whatever its shape; and an example of the same shape and status that is about no
    /// field.
    fn siblings(
        &self,
        contract: &Contract,
        operation: &Operation,
        pattern: StatusPattern,
        media: &MediaType,
    ) -> (Vec<ReadExample>, Option<&'static Idiom>, Option<Value>) {
        let shape = shape_of(media);
        let same_status = |shown: &&Shown| shown.status == pattern;
        let alike = |shown: &&Shown| shown.shape == shape;
        let first = self
            .shown
            .iter()
            .filter(|shown| same_status(shown) && alike(shown));
        let second = self
            .shown
            .iter()
            .filter(|shown| !same_status(shown) && alike(shown) && is_of_request(shown.status));
        let others = self
            .shown
            .iter()
            .filter(|shown| !alike(shown) && is_of_request(shown.status));
        let mut seen: HashSet<String> = HashSet::new();
        let mut siblings = Vec::new();
        let (mut idiom, mut of_status) = (None, None);
        for shown in first.chain(second).chain(others) {
            let other = &contract.operations[shown.operation];
            if std::ptr::eq(other, operation) && alike(&shown) && same_status(&shown)
                || seen.len() > MOST_SIBLINGS
            {
                continue;
            }
            let there = &other.compiled().responses[shown.place.0].1.content[shown.place.1];
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
                let context = Context {
                    names,
                    schema,
                    status,
                    codes: &self.codes,
                    idiom: None,
                    url,
                };
                let reading = reading::read(&value, context);
                idiom = idiom.or(reading.idiom.filter(|_| speaks(&reading)));
                if of_status.is_none()
                    && alike(&shown)
                    && same_status(&shown)
                    && reading.about.is_none()
                {
                    of_status = Some(reading.value.clone());
                }
                // A sentence that only says that a field is invalid shows too little of the API's
                // wording.
                let words_rule = reading
                    .about
                    .as_ref()
                    .is_some_and(|about| about.rule != "invalid");
                if speaks(&reading) && words_rule && alike(&shown) {
                    siblings.push(reading);
                }
            }
        }
        (siblings, idiom, of_status)
    }
}

/// Returns true for responses to invalid requests: 400, 422, `4XX` and the default.
fn is_of_request(pattern: StatusPattern) -> bool {
    match pattern {
        StatusPattern::Exact(status) => matches!(status.as_u16(), 400 | 422),
        other => is_error(other),
    }
}

/// Fills a pattern without its lists of fields, or with them if the body is valid only then.
pub(crate) fn whole(
    pattern: &BodyPattern,
    media: &MediaType,
    findings: &[Finding],
) -> Option<Value> {
    let is_malformed = findings
        .first()
        .is_some_and(|first| first.rule == "malformed");
    let without = pattern.of_whole(is_malformed).tell(findings)?;
    let is_valid = |value: &Value| {
        media
            .schema
            .as_ref()
            .is_none_or(|schema| schema.is_valid(value) != Ok(false))
    };
    if is_valid(&without) {
        return Some(without);
    }
    pattern.tell(findings).filter(is_valid).or(Some(without))
}

/// Replaces the findings for an absent body by one, if the family reports it as one error.
fn as_absent<'f>(findings: &'f [Finding], idiom: Option<&'static Idiom>) -> Cow<'f, [Finding]> {
    let absent = findings
        .first()
        .filter(|_| idiom.is_some_and(|idiom| idiom.tells_absent))
        .and_then(Finding::as_absent);
    absent.map_or(Cow::Borrowed(findings), |absent| Cow::Owned(vec![absent]))
}

impl ErrorTemplates {
    /// Returns the body for the findings: of the example that fits best, else of the schema. None
    /// if there are no findings, or neither gives a body.
    #[must_use]
    pub(crate) fn tell(
        &self,
        media: &MediaType,
        findings: &[Finding],
        whose: ResponseOwner,
    ) -> Option<WordedError> {
        let first = findings.first()?;
        if !is_of_field(&first.rule) || first.rule == "malformed" {
            return self.tell_whole(media, findings, whose);
        }
        if let Some((reading, how, fit)) = self.best(findings) {
            let family = reading
                .idiom
                .map(|idiom| format!(" ({})", idiom.name))
                .unwrap_or_default();
            let findings = &*as_absent(findings, reading.idiom);
            let reason = if fit == Fit::Exact {
                format!("{how}{family}")
            } else {
                format!("{how}, reworded{family}")
            };
            return reading
                .pattern
                .tell(findings)
                .map(|value| WordedError::new(value, reason));
        }
        let (pattern, idiom) = self.shaped(media)?;
        let value = pattern.tell(&as_absent(findings, *idiom))?;
        let family = idiom
            .map(|idiom| format!(" ({})", idiom.name))
            .unwrap_or_default();
        Some(WordedError::new(
            value,
            format!("made from the documented schema{family}"),
        ))
    }

    /// Returns the body for a fault that is about no field, or about malformed content.
    fn tell_whole(
        &self,
        media: &MediaType,
        findings: &[Finding],
        whose: ResponseOwner,
    ) -> Option<WordedError> {
        let first = findings.first()?;
        let is_of_thing = whose == ResponseOwner::Other && is_of_thing(&first.rule);
        let is_sayable = |value: &Value| !is_of_thing || unknown::is_general(value);
        let says_rule = |reading: &&ReadExample| reading.rules.contains(&first.rule.as_str());
        let about_none = |reading: &&ReadExample| reading.about.is_none();
        let own = self.own.iter();
        // For malformed content an example about a field is the closest.
        let nearest = (first.rule == "malformed")
            .then(|| self.best(findings))
            .flatten()
            .map(|(reading, ..)| reading);
        let said = own
            .clone()
            .find(says_rule)
            .or(nearest)
            .or_else(|| own.clone().find(about_none));
        let own = said.or_else(|| own.clone().next());
        let is_of_status = !self.is_of_schema
            && first.operands.get("status").and_then(Value::as_u64)
            == Some(u64::from(self.status.as_u16()))
            && self.status != StatusCode::BAD_REQUEST
            // A message from the fixtures, or the hint of a fault, takes precedence over examples.
            && !first.operands.contains_key("message")
            // Examples of 422 may be about a field, so they are not sent unchanged for malformed
            // content.
            && first.rule != "malformed";
        let is_undocumented =
            whose == ResponseOwner::Other && !is_of_status && first.rule != "malformed";
        if let Some(told) = self.tell_of_family(media, first, is_undocumented) {
            return Some(told);
        }
        let verbatim =
            |reading: &ReadExample| WordedError::new(reading.value.clone(), "documented example");
        match (own, &self.of_status) {
            // An example of exactly this status is right as it is, unless it repeats another
            // request.
            (Some(reading), _)
                if is_of_status
                    && !reading.pattern.repeats_request()
                    && is_sayable(&reading.value) =>
            {
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
            (None, Some(value)) if is_of_status && is_sayable(value) => Some(WordedError::new(
                value.clone(),
                "example elsewhere in the document",
            )),
            (None, _) => {
                let (pattern, _) = self.shaped(media)?;
                let value = whole(pattern, media, findings)?;
                Some(WordedError::new(value, "made from the documented schema"))
            }
        }
    }

    /// Returns the family of the examples, else of the schema.
    fn family(&self, media: &MediaType) -> Option<&'static Idiom> {
        let of_examples = self.own.iter().find_map(|reading| reading.idiom);
        of_examples.or_else(|| self.shaped(media).and_then(|(_, idiom)| *idiom))
    }

    /// Returns the special body that the family has for errors about no field: for errors that no
    /// operation documents, and for malformed content if the schema allows it.
    fn tell_of_family(
        &self,
        media: &MediaType,
        finding: &Finding,
        is_undocumented: bool,
    ) -> Option<WordedError> {
        let is_malformed = finding.rule == "malformed";
        if !is_undocumented && !is_malformed {
            return None;
        }
        let idiom = self
            .family(media)
            .filter(|idiom| is_undocumented || !idiom.lists_malformed)?;
        let value = idiom.whole_body(finding)?;
        let is_valid = || {
            media
                .schema
                .as_ref()
                .is_none_or(|schema| schema.is_valid(&value) != Ok(false))
        };
        if !is_undocumented && !is_valid() {
            return None;
        }
        let reason = format!("as {} answers what is about no field", idiom.name);
        Some(WordedError {
            value,
            reason,
            is_of_family: true,
        })
    }

    /// Returns the body that one documented example gives for the findings.
    #[must_use]
    pub(crate) fn tell_example(
        &self,
        media: &MediaType,
        name: &str,
        findings: &[Finding],
    ) -> Option<WordedError> {
        let served = media.examples.iter();
        let at = served
            .map(|example| example.name.as_str())
            .position(|known| known == name)?;
        let value = self.own.get(at)?.pattern.tell(findings)?;
        Some(WordedError::new(
            value,
            format!("example `{name}`, as the fixtures say"),
        ))
    }

    /// Returns the pattern of the schema and its family; none if there is no schema.
    fn shaped(&self, media: &MediaType) -> Option<&(BodyPattern, Option<&'static Idiom>)> {
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

    /// Returns the body that the schema alone gives for the findings.
    #[must_use]
    pub(crate) fn tell_by_schema(&self, media: &MediaType, findings: &[Finding]) -> Option<Value> {
        self.shaped(media)
            .and_then(|(pattern, _)| pattern.tell(findings))
    }

    /// Returns the example that fits the first finding best: of equals the first, and the
    /// response's own examples before others.
    fn best(&self, findings: &[Finding]) -> Option<(&ReadExample, &'static str, Fit)> {
        let first = &findings[0];
        let mut best: Option<(&ReadExample, &'static str, Fit)> = None;
        let own = self
            .own
            .iter()
            .map(|reading| (reading, "documented example"));
        let siblings = self
            .siblings
            .iter()
            .map(|reading| (reading, "example elsewhere in the document"));
        for (reading, how) in own.chain(siblings) {
            let fit = fit(reading, first);
            if best.is_none_or(|(.., most)| fit > most) {
                best = Some((reading, how, fit));
            }
        }
        best
    }
}
