//! Diagnostics for the author of a document: what was found, where, and what to do about it.
//!
//! All stages that read a document or a fixture create diagnostics; this module gives each a stable
//! code and renders it as text, JSON or SARIF.

pub(crate) mod escape;
pub(crate) mod excerpt;
mod source;
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

pub(crate) use crate::diagnostic::source::{
    KeyAndValue, Positions, Source, Span, WrittenElsewhere, written,
};

/// Severity of a diagnostic: an [`Error`](Severity::Error) costs something that was documented (an
/// operation, a fixture, a whole document), a [`Warning`](Severity::Warning) costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something documented that is not served, or not checked.
    Error,
    /// Something ignored, assumed, or answered although it looks wrong.
    Warning,
}

impl Severity {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

macro_rules! codes {
    ($($variant:ident = $name:literal, $severity:ident, $about:literal;)*) => {
        /// Stable name of a kind of diagnostic, in kebab case, such as `unresolved-ref`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $(#[doc = $about] $variant,)* }

        impl Code {
            /// All codes, in the order of the stages that report them.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// Returns the code as shown, such as `unresolved-ref`; it stays from release to
            /// release.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }

            /// Returns the severity of diagnostics with this code.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Code::$variant => Severity::$severity,)* }
            }

            /// Returns one sentence that says what the code means.
            #[must_use]
            pub fn about(self) -> &'static str {
                match self { $(Code::$variant => $about,)* }
            }
        }
    };
}

codes! {
    UnreadableFile = "unreadable-file", Error, "a file cannot be opened or is not text";
    StaleDocument = "stale-document", Warning, "a document is served from the cache, because its host cannot be reached";
    Syntax = "syntax", Error, "a text is neither JSON nor YAML";
    NotOpenapi = "not-openapi", Error, "a document that was named is not an OpenAPI document";
    UnsupportedVersion = "unsupported-version", Error, "a version of OpenAPI that is not read";
    LenientJson = "lenient-json", Warning, "a text begins as JSON and can only be read as YAML";
    SeveralDocuments = "several-documents", Warning, "a YAML stream holds more than one document and only the first is read";
    DuplicateKey = "duplicate-key", Warning, "a map has the same key twice";
    StringBoolean = "string-boolean", Warning, "a string where the standard requires a boolean";
    StringNumber = "string-number", Warning, "a string where the standard requires a number";
    NumericKey = "numeric-key", Warning, "a map key is no string";
    NullCollection = "null-collection", Warning, "a null where the standard requires a map or a list";
    WrongType = "wrong-type", Warning, "a value has a type that the standard does not allow there";
    UnknownValue = "unknown-value", Warning, "a value is none of those that the standard lists";
    MisspeltField = "misspelt-field", Warning, "a field that no standard knows is nearly one that the standard has";
    ValueType = "value-type", Warning, "a value of `enum`, `const` or `default` is of another type than its schema";
    MissingField = "missing-field", Warning, "a field that the standard requires is not there";
    ExampleForm = "example-form", Warning, "`example` and `examples` are mixed up";
    ParameterWithoutSchema = "parameter-without-schema", Warning, "a parameter has neither `schema` nor `content`";
    BrokenParameter = "broken-parameter", Error, "a parameter has no name or no location";
    UnresolvedRef = "unresolved-ref", Error, "a reference leads nowhere";
    CircularRef = "circular-ref", Error, "a chain of references leads back to itself";
    ExternalRef = "external-ref", Error, "a reference leads out of its document";
    MisplacedRef = "misplaced-ref", Warning, "a reference is where the standard has none, and is followed";
    ExternalValue = "external-value", Warning, "the value of an example is in a file or at a host that cannot be read";
    RefInExample = "ref-in-example", Warning, "an example has a `$ref` in it, which is data there and not followed";
    TooDeep = "too-deep", Error, "schemas are composed of each other more deeply than is followed";
    NewerConstruct = "newer-construct", Warning, "a document uses what only a later version of OpenAPI has";
    OlderConstruct = "older-construct", Warning, "a document uses what only an earlier version of OpenAPI has";
    BrokenOverlay = "broken-overlay", Error, "an overlay cannot be read or applied";
    OverlayWithoutEffect = "overlay-without-effect", Warning, "an action of an overlay changes nothing";
    BrokenOperation = "broken-operation", Error, "a part of an operation cannot be understood, so anything is allowed there";
    BrokenPath = "broken-path", Warning, "a path template is not written as the standard says";
    InvalidServer = "invalid-server", Warning, "the base path of a server cannot be determined";
    InvalidMediaType = "invalid-media-type", Warning, "a key of `content` is not a media type";
    UndeclaredPathParameter = "undeclared-path-parameter", Warning, "a path template has an expression that no parameter declares";
    UnusedPathParameter = "unused-path-parameter", Warning, "a path parameter does not occur in its path template";
    UndefinedSecurityScheme = "undefined-security-scheme", Error, "a security requirement names a scheme that is not defined";
    DuplicateOperation = "duplicate-operation", Warning, "the same method and path are documented twice and differently";
    DuplicateOperationId = "duplicate-operation-id", Warning, "two operations have one operationId";
    UndocumentedSuccess = "undocumented-success", Warning, "an operation documents errors and no success";
    UncompilableSchema = "uncompilable-schema", Error, "a schema cannot be compiled, so anything is allowed in its place";
    InvalidPattern = "invalid-pattern", Error, "a pattern is not a regular expression, so it checks nothing";
    ForeignPattern = "foreign-pattern", Warning, "a pattern has constructs of another dialect than JavaScript's";
    UnsatisfiableSchema = "unsatisfiable-schema", Warning, "the keywords of a schema contradict each other, so that no value fits it";
    UnknownRequired = "unknown-required", Warning, "`required` names a property that the schema does not have";
    UnknownMapping = "unknown-mapping", Warning, "a discriminator maps a name to a schema that is not there";
    ExampleCoerced = "example-coerced", Warning, "a documented example was changed to fit its schema";
    ExampleMismatch = "example-mismatch", Warning, "a documented example does not fit its schema and is served as it stands";
    UnknownFaker = "unknown-faker", Warning, "`x-faker` names a function that is not known, and is ignored";
    UnknownFakerOption = "unknown-faker-option", Warning, "an option of `x-json-schema-faker` is unknown or has no effect";
    Ungeneratable = "ungeneratable", Warning, "no valid value could be generated for a response";
    UnwritableMediaType = "unwritable-media-type", Warning, "a response has a media type that no value can be written in";
    InvalidFixture = "invalid-fixture", Error, "an entry of a fixture file is not written as fixtures are";
    UnknownFixtureOperation = "unknown-fixture-operation", Error, "a fixture is for an operation that no document has";
    UnknownFixtureExample = "unknown-fixture-example", Error, "a fixture names an example that the document does not have";
    UndocumentedFixtureStatus = "undocumented-fixture-status", Warning, "a fixture answers with a status that the document does not have";
    UnknownFixtureParameter = "unknown-fixture-parameter", Warning, "the condition of a fixture names a parameter that the operation does not have";
    UnknownResourceMember = "unknown-resource-member", Warning, "the section `resources` names a collection or a member that the document does not have";
    UnreachableFixture = "unreachable-fixture", Warning, "a fixture can never apply to a request";
    AmbiguousCondition = "ambiguous-condition", Warning, "the condition of a fixture may be meant as values or as a JSON Schema";
    FixtureMismatch = "fixture-mismatch", Warning, "the body of a fixture does not fit the documented schema";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Part of a member that a diagnostic marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MarkedPart {
    Key,
    Value,
    /// Value at the pointer in the author's own text, not in the tree as changed since.
    Written,
    Exact(Span),
}

/// Place in a text, kept as a JSON Pointer and turned into line and column only when shown.
#[derive(Debug, Clone)]
pub struct Place {
    source: Arc<Source>,
    pointer: String,
    target: MarkedPart,
}

impl Place {
    /// Returns the place of the value at `pointer` (`/paths/~1pets/get`; empty for the whole
    /// document).
    #[must_use]
    pub fn value(source: &Arc<Source>, pointer: impl Into<String>) -> Self {
        Self {
            source: Arc::clone(source),
            pointer: pointer.into(),
            target: MarkedPart::Value,
        }
    }

    /// Returns the place of the value that the author wrote at `pointer`, even if it was moved
    /// since.
    #[must_use]
    pub fn as_written(source: &Arc<Source>, pointer: impl Into<String>) -> Self {
        Self {
            source: Arc::clone(source),
            pointer: pointer.into(),
            target: MarkedPart::Written,
        }
    }

    /// Returns the place of the key of the member at `pointer`.
    #[must_use]
    pub fn key(source: &Arc<Source>, pointer: impl Into<String>) -> Self {
        Self {
            source: Arc::clone(source),
            pointer: pointer.into(),
            target: MarkedPart::Key,
        }
    }

    /// Returns a place known by line and column, for texts that do not parse.
    #[must_use]
    pub fn exact(source: &Arc<Source>, span: Span) -> Self {
        Self {
            source: Arc::clone(source),
            pointer: String::new(),
            target: MarkedPart::Exact(span),
        }
    }

    /// Returns the text that the place is in.
    #[must_use]
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Returns the name of the text that the author wrote the place in: `schemas/pet.yaml`.
    #[must_use]
    pub(crate) fn file(&self) -> String {
        self.owner().0.name().to_owned()
    }

    /// Returns the JSON Pointer of the place.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Returns a unique name of the place, with the text and the pointer:
    /// `fixtures/a.yaml#/get-a/0`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}#{}", self.source.name(), self.pointer)
    }

    /// Returns the JSON Pointer in the text that the author wrote it in.
    #[must_use]
    pub fn written_pointer(&self) -> String {
        self.owner().1
    }

    /// Returns a unique name of the place where the author wrote it: `schemas/pet.yaml#/Pet`.
    #[must_use]
    pub fn written_name(&self) -> String {
        let (source, pointer) = self.owner();
        format!("{}#{pointer}", source.name())
    }

    /// Returns the text that the author wrote the place in, and the pointer in that text.
    fn owner(&self) -> (Arc<Source>, String) {
        match self.target {
            MarkedPart::Written => (Arc::clone(&self.source), self.pointer.clone()),
            _ => self.source.owner(&self.pointer),
        }
    }

    /// Returns line and column, counted from 1, and the length in characters.
    #[must_use]
    pub fn span(&self) -> Span {
        if let MarkedPart::Exact(span) = self.target {
            return span;
        }
        let (source, pointer) = self.owner();
        let Some((found, exact)) = source.nearest(&pointer) else {
            return Span {
                line: 1,
                column: 1,
                length: 1,
            };
        };
        match (self.target, found.key) {
            (MarkedPart::Key, Some(key)) => key,
            // A missing value is shown at the key of its nearest ancestor, a value on another line
            // at its own key.
            (_, Some(key)) if !exact || found.value.line != key.line => key,
            _ => found.value,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = self.span();
        let (source, _) = self.owner();
        write!(
            f,
            "{}:{}:{}",
            escape::one_line(source.name()),
            span.line,
            span.column
        )
    }
}

/// Diagnostic about a document or a fixture.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// Kind of diagnostic.
    pub code: Code,
    /// Text that says what was found and what was expected, in lower case, without a full stop.
    pub message: String,
    /// Place in a text, if the diagnostic is about one.
    pub place: Option<Place>,
    /// Advice to the author, or the assumption that was made.
    pub help: Option<Box<Help>>,
}

/// Help below a diagnostic. A place in it is turned into line and column only when shown, like the
/// place of the diagnostic.
#[derive(Debug, Clone)]
pub struct Help {
    before: String,
    place: Option<Place>,
    after: String,
}

impl fmt::Display for Help {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape::one_line(&self.before))?;
        if let Some(place) = &self.place {
            write!(f, "{place}")?;
        }
        f.write_str(&escape::one_line(&self.after))
    }
}

impl Diagnostic {
    /// Returns a diagnostic at a place.
    #[must_use]
    pub fn at(code: Code, place: Place, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            place: Some(place),
            help: None,
        }
    }

    /// Returns a diagnostic about something that has no text, such as a file that cannot be opened.
    #[must_use]
    pub fn without_place(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            place: None,
            help: None,
        }
    }

    /// Adds advice to the author, or the assumption that was made.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(Box::new(Help {
            before: help.into(),
            place: None,
            after: String::new(),
        }));
        self
    }

    /// Adds help with a place in it: `the one at `, `specs/pets.yaml:41:21`, ` answers`.
    #[must_use]
    pub fn help_at(
        mut self,
        before: impl Into<String>,
        place: Place,
        after: impl Into<String>,
    ) -> Self {
        self.help = Some(Box::new(Help {
            before: before.into(),
            place: Some(place),
            after: after.into(),
        }));
        self
    }

    /// Returns the severity of the code.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// Renders the diagnostic in one line: `warning[string-boolean]: … (specs/pets.yaml:41:21)`.
    #[must_use]
    pub fn render_line(&self) -> String {
        let head = self.headline();
        match &self.place {
            Some(place) => format!("{head} ({place})"),
            None => head,
        }
    }

    /// Returns the diagnostic in one line with its JSON Pointer, for a text that a client sent:
    /// `` `/createOrder/0/status`: `status` is 99, expected … ``.
    #[must_use]
    pub(crate) fn detail(&self) -> String {
        let pointer = self.place.as_ref().map_or("", Place::pointer);
        let help = self.help.as_ref().map(|help| format!("; {help}"));
        let help = help.unwrap_or_default();
        match pointer {
            "" => format!("{}{help}", self.message),
            pointer => format!("`{pointer}`: {}{help}", self.message),
        }
    }

    /// Returns the first line of the rendered diagnostic: `warning[string-boolean]: …`.
    fn headline(&self) -> String {
        format!(
            "{}[{}]: {}",
            self.severity().as_str(),
            self.code,
            escape::one_line(&self.message)
        )
    }

    /// Renders the diagnostic with the line of text that it is about, as rustc does.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = format!("{}\n", self.headline());
        let mut gutter = 1;
        if let Some(place) = &self.place {
            let span = place.span();
            gutter = span.line.to_string().len();
            let blank = " ".repeat(gutter);
            let _ = writeln!(out, "{blank}--> {place}");
            let (source, _) = place.owner();
            if let Some(line) = source.text().lines().nth(span.line - 1) {
                let (shown, column) = window(line, span.column);
                let width_of = |from: usize, length: usize| {
                    let part: String = shown.chars().skip(from).take(length).collect();
                    escape::one_line(&part).width()
                };
                let marks = "^".repeat(width_of(column - 1, span.length).max(1));
                let indent = " ".repeat(width_of(0, column - 1).max(column - 1));
                let shown = escape::one_line(&shown);
                let _ = writeln!(out, "{blank} |");
                let _ = writeln!(out, "{} | {shown}", span.line);
                let _ = writeln!(out, "{blank} | {indent}{marks}");
            }
        }
        if let Some(help) = &self.help {
            let _ = writeln!(out, "{} = help: {help}", " ".repeat(gutter));
        }
        out
    }

    /// Returns the diagnostic as a JSON object with `severity`, `code`, `message`, and where known
    /// `file`, `line`, `column`, `pointer` and `help`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut object = json!({
            "severity": self.severity().as_str(),
            "code": self.code.as_str(),
            "message": self.message,
        });
        if let Some(place) = &self.place {
            let span = place.span();
            let (source, pointer) = place.owner();
            object["file"] = json!(source.name());
            object["line"] = json!(span.line);
            object["column"] = json!(span.column);
            object["pointer"] = json!(pointer);
        }
        if let Some(help) = &self.help {
            object["help"] = json!(help.to_string());
        }
        object
    }

    fn to_sarif(&self) -> Value {
        let text = match &self.help {
            Some(help) => format!("{}; {help}", self.message),
            None => self.message.clone(),
        };
        let mut result = json!({
            "ruleId": self.code.as_str(),
            "level": self.severity().as_str(),
            "message": { "text": text },
        });
        if let Some(place) = &self.place {
            let span = place.span();
            result["locations"] = json!([{ "physicalLocation": {
                "artifactLocation": { "uri": uri_reference(place.owner().0.name()) },
                "region": {
                    "startLine": span.line,
                    "startColumn": span.column,
                    "endColumn": span.column + span.length,
                },
            }}]);
        }
        result
    }
}

/// Characters of a file name that are percent-encoded in the path of a URI (RFC 3986 §3.3).
const NOT_IN_PATHS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Returns the name of a text as a URI reference (RFC 3986 §4.1): a file name is percent-encoded;
/// in a URL only control and non-ASCII characters are.
pub(crate) fn uri_reference(name: &str) -> String {
    if name.starts_with("https://") || name.starts_with("http://") {
        return utf8_percent_encode(name, percent_encoding::CONTROLS).to_string();
    }
    let name = if cfg!(windows) {
        name.replace('\\', "/")
    } else {
        name.to_owned()
    };
    utf8_percent_encode(&name, NOT_IN_PATHS).to_string()
}

/// Returns at most 120 characters of a line, from up to 40 characters before the column, and the
/// column in that part. Tabs become blanks.
fn window(line: &str, column: usize) -> (String, usize) {
    const WIDTH: usize = 120;
    const LEAD: usize = 40;
    if line.chars().count() <= WIDTH {
        return (line.replace('\t', " "), column);
    }
    let skip = (column - 1).saturating_sub(LEAD);
    let shown: String = line.chars().skip(skip).take(WIDTH).collect();
    (shown.replace('\t', " "), column - skip)
}

/// Returns all diagnostics as one SARIF 2.1.0 log, for code scanning tools.
#[must_use]
pub(crate) fn to_sarif(diagnostics: &[Diagnostic]) -> Value {
    let mut codes: Vec<Code> = diagnostics.iter().map(|d| d.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let rules: Vec<Value> = codes
        .iter()
        .map(|code| json!({ "id": code.as_str(), "shortDescription": { "text": code.about() } }))
        .collect();
    let results: Vec<Value> = diagnostics.iter().map(Diagnostic::to_sarif).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "standin",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "results": results,
        }],
    })
}

/// Returns a number with its noun: `1 document`, `2 documents`.
#[must_use]
pub(crate) fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// Returns a position in a list, counted from 0, as people count: `first`, `second`, `11th`, `22nd`.
#[must_use]
pub(crate) fn ordinal(index: usize) -> String {
    const WORDS: [&str; 10] = [
        "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth",
        "tenth",
    ];
    if let Some(word) = WORDS.get(index) {
        return (*word).to_owned();
    }
    let number = index + 1;
    let suffix = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Arc<Source> {
        Source::new("a.yaml".into(), "info:\n  title: [x]\n".into(), |_| {
            let key = Span {
                line: 2,
                column: 3,
                length: 5,
            };
            let value = Span {
                line: 2,
                column: 10,
                length: 3,
            };
            Positions::from([(
                "/info/title".into(),
                KeyAndValue {
                    key: Some(key),
                    value,
                },
            )])
        })
    }

    #[test]
    fn positions_are_counted_as_people_count() {
        let counted = [0, 2, 9, 10, 11, 12, 20, 21, 111].map(ordinal);
        assert_eq!(
            counted,
            [
                "first", "third", "tenth", "11th", "12th", "13th", "21st", "22nd", "112th"
            ]
        );
    }

    #[test]
    fn a_finding_shows_its_line_and_marks_the_value() {
        let found = Diagnostic::at(
            Code::WrongType,
            Place::value(&source(), "/info/title"),
            "found a list",
        )
        .help("write a string");
        assert_eq!(
            found.render(),
            "warning[wrong-type]: found a list\n --> a.yaml:2:10\n  |\n2 |   title: [x]\n  |          ^^^\n  = help: write a string\n"
        );
    }

    #[test]
    fn a_missing_thing_is_shown_at_what_holds_it() {
        let place = Place::value(&source(), "/info/title/missing");
        assert_eq!(place.to_string(), "a.yaml:2:3");
    }

    #[test]
    fn codes_are_unique_and_in_kebab_case() {
        let mut names: Vec<&str> = Code::ALL.iter().map(|c| c.as_str()).collect();
        assert!(
            names
                .iter()
                .all(|n| n.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        );
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
    }

    #[test]
    fn file_names_are_uri_references_in_sarif() {
        assert_eq!(
            uri_reference("a b/c#d?é%20:.yaml"),
            "a%20b/c%23d%3F%C3%A9%2520%3A.yaml"
        );
        assert_eq!(
            uri_reference("https://a.example/b%20c.yaml?d#e"),
            "https://a.example/b%20c.yaml?d#e"
        );
    }

    #[test]
    fn sarif_names_the_rule_and_the_region() {
        let found = Diagnostic::at(Code::WrongType, Place::value(&source(), "/info/title"), "m");
        let log = to_sarif(&[found]);
        assert_eq!(log["runs"][0]["results"][0]["ruleId"], "wrong-type");
        let region = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"];
        assert_eq!(region["startLine"], 2);
        assert_eq!(region["endColumn"], 13);
    }
}
