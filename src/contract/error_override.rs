//! Section `errors` of fixture files: the user's overrides of documented errors.
//!
//! `errors` applies them when an error is rendered.
use http::{HeaderName, HeaderValue, StatusCode};
use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::contract::fixture::OF_CONNECTION;
use crate::contract::media::MediaRange;
use crate::contract::wording::{RULES, Template};
use crate::diagnostic::{Code, Diagnostic, Place};
use crate::document::FixtureFile;
use crate::document::syntax::join;

/// Overrides of the errors of an operation, of a document, or of all operations.
#[derive(Debug)]
pub struct ErrorOverride {
    /// Override for every rule.
    pub general: Telling,
    /// Family of the error catalogue that provides the messages and codes.
    pub idiom: Option<String>,
    /// Overrides for single rules, by name.
    pub rules: IndexMap<String, Telling>,
    /// True if it was learned from the real API, and not written by a person.
    pub is_learned: bool,
    /// Place of the entry in the fixture file.
    pub place: Place,
}

/// Override of one error.
#[derive(Debug, Default)]
pub struct Telling {
    /// Status to send.
    pub status: Option<StatusCode>,
    /// Name of the documented example to fill in.
    pub example: Option<String>,
    /// Template of the message.
    pub message: Option<Template>,
    /// Error code; a string is a template.
    pub code: Option<Value>,
    /// Whole body: its strings are templates, and a list of one item is repeated for each
    /// violation.
    pub body: Option<Value>,
    /// Media type of `body`.
    pub media_type: Option<MediaRange>,
    /// Header fields to send; a field may have several lines.
    pub headers: Vec<(HeaderName, Template)>,
}

/// Fields that an entry may have.
pub(crate) const FIELDS: [&str; 9] = [
    "status",
    "example",
    "idiom",
    "message",
    "code",
    "body",
    "media_type",
    "headers",
    "rules",
];

/// Returns the fields that the override of a rule may have.
pub(crate) fn of_rules() -> Vec<&'static str> {
    let only_of_entries = ["idiom", "rules"];
    let fields = FIELDS.into_iter();
    fields
        .filter(|field| !only_of_entries.contains(field))
        .collect()
}

/// Reads the entries of the section, each with the name that it applies to: `*`, a document or an
/// operation. Invalid entries are reported in `found` and left out.
#[must_use]
pub(crate) fn read(
    file: &FixtureFile,
    found: &mut Vec<Diagnostic>,
) -> Vec<(String, ErrorOverride)> {
    let reader = ErrorOverrideReader { file };
    let mut overrules = Vec::new();
    for entry in file.errors() {
        match reader.overrule(entry.value, &entry.at) {
            Ok(overrule) => overrules.push((entry.name.to_owned(), overrule)),
            Err(diagnostic) => found.push(diagnostic),
        }
    }
    overrules
}

struct ErrorOverrideReader<'f> {
    file: &'f FixtureFile,
}

impl ErrorOverrideReader<'_> {
    fn invalid(&self, at: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(
            Code::InvalidFixture,
            Place::value(&self.file.source, at),
            message,
        )
    }

    fn overrule(&self, entry: &Value, at: &str) -> Result<ErrorOverride, Diagnostic> {
        let map = entry.as_object().ok_or_else(|| {
            self.invalid(
                at,
                format!("an entry of `errors` is a map of {}", listed(&FIELDS)),
            )
        })?;
        self.known(map, at, &FIELDS)?;
        let mut rules = IndexMap::new();
        let written = map.get("rules").map(|rules| (rules, join(at, "rules")));
        for (rule, telling) in written
            .iter()
            .filter_map(|(rules, _)| rules.as_object())
            .flatten()
        {
            let at = join(&join(at, "rules"), rule);
            if !RULES.contains(&rule.as_str()) {
                return Err(self.invalid(
                    &at,
                    format!("`{rule}` is not a rule, expected one of {}", listed(&RULES)),
                ));
            }
            rules.insert(rule.clone(), self.rule(telling, &at)?);
        }
        if let Some((rules, at)) = written.filter(|(rules, _)| !rules.is_object()) {
            return Err(self.invalid(&at, format!("`rules` is {rules}, expected a map of rules")));
        }
        Ok(ErrorOverride {
            general: self.telling(map, at)?,
            idiom: self.text(map, at, "idiom")?,
            rules,
            is_learned: self.file.is_learned(),
            place: Place::value(&self.file.source, at),
        })
    }

    /// Reads the override of one rule: a message, or a map with the fields that all rules have.
    fn rule(&self, telling: &Value, at: &str) -> Result<Telling, Diagnostic> {
        match telling {
            Value::String(text) => Ok(Telling {
                message: Some(self.template(text, at)?),
                ..Telling::default()
            }),
            Value::Object(map) => {
                self.known(map, at, &of_rules())?;
                self.telling(map, at)
            }
            other => Err(self.invalid(
                at,
                format!("a rule is {other}, expected a sentence or a map"),
            )),
        }
    }

    fn telling(&self, map: &Map<String, Value>, at: &str) -> Result<Telling, Diagnostic> {
        let message = self.text(map, at, "message")?;
        let message = message
            .map(|text| self.template(&text, &join(at, "message")))
            .transpose()?;
        let (code, body) = (map.get("code"), map.get("body"));
        for (name, value) in [("code", code), ("body", body)] {
            if let Some(value) = value {
                self.templates(value, &join(at, name))?;
            }
        }
        if code.is_some_and(|code| !(code.is_string() || code.is_number())) {
            return Err(self.invalid(&join(at, "code"), "`code` is a text or a number"));
        }
        let example = self.text(map, at, "example")?;
        if example.is_some() && body.is_some() {
            return Err(self.invalid(at, "`example` and `body` exclude each other"));
        }
        Ok(Telling {
            status: self.status(map, at)?,
            example,
            message,
            code: code.cloned(),
            body: body.cloned(),
            media_type: self.media_type(map, at)?,
            headers: self.headers(map, at)?,
        })
    }

    fn known(&self, map: &Map<String, Value>, at: &str, fields: &[&str]) -> Result<(), Diagnostic> {
        match map.keys().find(|key| !fields.contains(&key.as_str())) {
            Some(unknown) => {
                let message = format!(
                    "`{unknown}` is no field of `errors`, expected {}",
                    listed(fields)
                );
                Err(self.invalid(&join(at, unknown), message))
            }
            None => Ok(()),
        }
    }

    fn status(&self, map: &Map<String, Value>, at: &str) -> Result<Option<StatusCode>, Diagnostic> {
        let Some(status) = map.get("status") else {
            return Ok(None);
        };
        let code = status.as_u64().and_then(|code| u16::try_from(code).ok());
        match code
            .filter(|code| (400..600).contains(code))
            .and_then(|code| StatusCode::from_u16(code).ok())
        {
            Some(code) => Ok(Some(code)),
            None => {
                let message = format!("`status` is {status}, expected a number from 400 to 599");
                Err(self.invalid(&join(at, "status"), message))
            }
        }
    }

    fn media_type(
        &self,
        map: &Map<String, Value>,
        at: &str,
    ) -> Result<Option<MediaRange>, Diagnostic> {
        const NAME: &str = "media_type";
        let Some(text) = self.text(map, at, NAME)? else {
            return Ok(None);
        };
        if !map.contains_key("body") {
            return Err(self.invalid(
                &join(at, NAME),
                "`media_type` is that of a `body`, and there is none",
            ));
        }
        let media = MediaRange::parse(&text).filter(|media| !media.is_range());
        media.map(Some).ok_or_else(|| {
            let message = format!(
                "`media_type` is `{text}`, expected one such as `application/problem+json`"
            );
            self.invalid(&join(at, NAME), message)
        })
    }

    fn headers(
        &self,
        map: &Map<String, Value>,
        at: &str,
    ) -> Result<Vec<(HeaderName, Template)>, Diagnostic> {
        let at = join(at, "headers");
        let fields = match map.get("headers") {
            None => return Ok(Vec::new()),
            Some(Value::Object(fields)) => fields,
            Some(_) => {
                return Err(self.invalid(&at, "`headers` is a map of names and values"));
            }
        };
        let mut lines = Vec::new();
        for (name, value) in fields {
            let at = join(&at, name);
            let values = value
                .as_array()
                .map_or(std::slice::from_ref(value), Vec::as_slice);
            for value in values {
                lines.push(self.header(name, value, &at)?);
            }
        }
        Ok(lines)
    }

    fn header(
        &self,
        name: &str,
        value: &Value,
        at: &str,
    ) -> Result<(HeaderName, Template), Diagnostic> {
        if OF_CONNECTION
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own))
        {
            let message = format!("`{name}` is set by the server, which sends the content");
            return Err(self.invalid(at, message));
        }
        if name.eq_ignore_ascii_case("content-type") {
            return Err(self.invalid(at, "the media type of an error is its `media_type`"));
        }
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            other => {
                let message = format!("`{name}` is {other}, expected a text");
                return Err(self.invalid(at, message));
            }
        };
        let template = self.template(&text, at)?;
        // Only the text around the slots is known yet, so it has to be valid.
        let known = HeaderName::from_bytes(name.as_bytes()).ok();
        match known.filter(|_| HeaderValue::from_str(&text).is_ok()) {
            Some(name) => Ok((name, template)),
            None => Err(self.invalid(at, format!("`{name}: {text}` is not a header field"))),
        }
    }

    fn text(
        &self,
        map: &Map<String, Value>,
        at: &str,
        name: &str,
    ) -> Result<Option<String>, Diagnostic> {
        match map.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(self.invalid(
                &join(at, name),
                format!("`{name}` is {other}, expected a text"),
            )),
        }
    }

    fn template(&self, text: &str, at: &str) -> Result<Template, Diagnostic> {
        Template::parse(text).map_err(|why| self.invalid(at, why.to_string()))
    }

    /// Checks that every string of a value is a valid template.
    fn templates(&self, value: &Value, at: &str) -> Result<(), Diagnostic> {
        match value {
            Value::String(text) => self.template(text, at).map(|_| ()),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .try_for_each(|(index, item)| self.templates(item, &join(at, &index.to_string()))),
            Value::Object(object) => object
                .iter()
                .try_for_each(|(name, member)| self.templates(member, &join(at, name))),
            _ => Ok(()),
        }
    }
}

fn listed(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
