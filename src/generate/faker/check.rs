//! Checks `x-faker` and `x-json-schema-faker` of a document: functions and options that are known.
use serde_json::{Map, Value};

use crate::diagnostic::{Code, Diagnostic, Place};
use crate::document::names::nearest;
use crate::document::shape::ObjectKind;
use crate::document::syntax::join;
use crate::document::visit::visit;
use crate::generate::faker::locale::Locale;
use crate::generate::faker::options::{self, HONOURED, OTHERS};
use crate::generate::faker::{FakerCall, KEYWORD, functions, is_template};
use crate::schema::Schemas;
use crate::schema::name::folded;

/// Returns a diagnostic for each unknown function and option of a document.
#[must_use]
pub(crate) fn unknown(schemas: &Schemas) -> Vec<Diagnostic> {
    let mut found = unknown_options(schemas);
    visit(
        ObjectKind::Document,
        schemas.tree(),
        "",
        &mut |kind, value, pointer| {
            let called = value.get(KEYWORD).filter(|_| kind == ObjectKind::Schema);
            found.extend(called.and_then(|value| unknown_function(value, schemas, pointer)));
        },
    );
    found
}

fn unknown_function(value: &Value, schemas: &Schemas, pointer: &str) -> Option<Diagnostic> {
    let place = Place::value(schemas.source(), join(pointer, KEYWORD));
    let Some(call) = FakerCall::read(value) else {
        let message = format!("`{KEYWORD}` is neither a name nor an object with one");
        let help = "write such as `name.firstName`; it is ignored";
        return Some(Diagnostic::at(Code::UnknownFaker, place, message).help(help));
    };
    if functions::find(call.name).is_some() || is_template(call.name) {
        return None;
    }
    let message = format!(
        "`{}` is no function of faker.js that is known here",
        call.name
    );
    let help = match nearest(call.name, functions::names()).or_else(|| of_module(call.name)) {
        Some(meant) => format!("did you mean `{meant}`? It is ignored"),
        None => "it is ignored, and the value generated from the schema".to_owned(),
    };
    Some(Diagnostic::at(Code::UnknownFaker, place, message).help(help))
}

/// Returns the function that has the name after the full stop in another module:
/// `person.firstName` for `people.firstName`.
fn of_module(name: &str) -> Option<&'static str> {
    let (_, function) = name.rsplit_once('.')?;
    functions::names().find(|known| {
        known
            .rsplit_once('.')
            .is_some_and(|(_, there)| folded(there) == folded(function))
    })
}

fn unknown_options(schemas: &Schemas) -> Vec<Diagnostic> {
    let set = schemas.tree().get(options::KEYWORD);
    let Some(set) = set.and_then(Value::as_object) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for name in set.keys() {
        let is = |known: &&&str| folded(known) == folded(name);
        let (message, help) = if HONOURED.iter().any(|known| is(&known)) {
            match unknown_locale(set, name) {
                Some(locale) => (
                    format!("the locale `{locale}` is unknown"),
                    "names and places are English".to_owned(),
                ),
                None => continue,
            }
        } else if OTHERS.iter().any(|known| is(&known)) {
            (
                format!("the option `{name}` of json-schema-faker has no effect here"),
                format!("these have one: {}", HONOURED.join(", ")),
            )
        } else {
            let known = HONOURED.into_iter().chain(OTHERS);
            let help = match nearest(name, known) {
                Some(meant) => format!("did you mean `{meant}`? It is ignored"),
                None => format!("these have an effect: {}", HONOURED.join(", ")),
            };
            (format!("`{name}` is no option of json-schema-faker"), help)
        };
        let place = Place::key(schemas.source(), join(&join("", options::KEYWORD), name));
        found.push(Diagnostic::at(Code::UnknownFakerOption, place, message).help(help));
    }
    found
}

/// Returns the value of the option `locale` if it is unknown, for the option of this name.
fn unknown_locale(set: &Map<String, Value>, name: &str) -> Option<String> {
    if folded(name) != "locale" {
        return None;
    }
    let value = set.get(name)?;
    let is_known = value.as_str().and_then(Locale::named).is_some();
    (!is_known).then(|| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    })
}
