//! Generates values by the functions of faker.js that a schema names in `x-faker`, as
//! json-schema-faker and so Prism do.
//!
//! The generator tries this before it follows the name of a property. A value that does not fit
//! the schema is not used.

pub(crate) mod check;
mod functions;
mod locale;
pub(crate) mod options;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Number, Value, json};

use crate::document::number::has;
use crate::generate::faker::functions::FakerArguments;
use crate::generate::faker::locale::Locale;
use crate::generate::keywords::{count, is_of_type};
use crate::generate::number;
use crate::schema::pattern::Pattern;

/// Name of the extension.
pub(crate) const KEYWORD: &str = "x-faker";

/// Maximum number of values that are drawn until one fits the schema.
const DRAWS: usize = 20;

/// Maximum number of functions in the template of `helpers.fake`; the rest is left out.
const MOST_PARTS: usize = 20;

/// Function that a schema names, with its arguments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FakerCall<'n> {
    /// `name.firstName`
    pub name: &'n str,
    /// Argument, or a list of arguments; none if the name stands alone.
    pub arguments: Option<&'n Value>,
}

impl<'n> FakerCall<'n> {
    /// Reads the value of `x-faker`: a name, or an object whose first member is named so.
    pub(crate) fn read(value: &'n Value) -> Option<Self> {
        match value {
            Value::String(name) => Some(Self {
                name,
                arguments: None,
            }),
            Value::Object(members) => members.iter().next().map(|(name, arguments)| Self {
                name,
                arguments: Some(arguments),
            }),
            _ => None,
        }
    }
}

/// Generates a value by the function that a flat schema names in `x-faker`; `None` if it names
/// none that is known, or if no value fits.
pub(super) fn generate(
    node: &Map<String, Value>,
    locale: Locale,
    random: &mut ChaCha8Rng,
) -> Option<Value> {
    let call = FakerCall::read(node.get(KEYWORD)?)?;
    let pattern = node.get("pattern").and_then(Value::as_str);
    let pattern = pattern.and_then(|pattern| Pattern::read(pattern).ok());
    for _ in 0..DRAWS {
        let made = as_documented(made(call, locale, random)?, node);
        if fits(&made, node, pattern.as_deref()) {
            return Some(made);
        }
    }
    None
}

fn made(call: FakerCall<'_>, locale: Locale, random: &mut ChaCha8Rng) -> Option<Value> {
    let arguments = FakerArguments::new(call.arguments, locale);
    if is_template(call.name) {
        return arguments
            .text(0, "pattern")
            .map(|template| json!(filled(template, locale, random)));
    }
    functions::find(call.name).map(|function| function.make(&arguments, random))
}

/// Returns true for the function that fills a template.
pub(super) fn is_template(name: &str) -> bool {
    matches!(name, "helpers.fake" | "fake")
}

/// Fills a template such as `{{name.firstName}} {{name.lastName}}`.
fn filled(template: &str, locale: Locale, random: &mut ChaCha8Rng) -> String {
    let mut parts = template.split("{{");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts.take(MOST_PARTS) {
        let (name, rest) = part.split_once("}}").unwrap_or((part, ""));
        let arguments = FakerArguments::new(None, locale);
        if let Some(function) = functions::find(name.trim()) {
            let made = function.make(&arguments, random);
            match made {
                Value::String(made) => text.push_str(&made),
                made => text.push_str(&made.to_string()),
            }
        }
        text.push_str(rest);
    }
    text
}

/// Converts a value to the type of the schema: `"12.50"` to a number, a number to a text, a time
/// to a date.
fn as_documented(value: Value, node: &Map<String, Value>) -> Value {
    let format = node.get("format").and_then(Value::as_str);
    if let ("date", Some(date)) = (
        format.unwrap_or_default(),
        value.as_str().and_then(|text| text.get(..10)),
    ) {
        return json!(date);
    }
    if is_of_type(&value, node) {
        return value;
    }
    let is = |name: &str| node.get("type").is_some_and(|kind| kind == name);
    match &value {
        Value::String(text) if is("number") || is("integer") => text
            .parse::<Number>()
            .map_or_else(|_| value.clone(), Value::Number),
        Value::Number(number) if is("string") => json!(number.to_string()),
        Value::Number(number) if is("integer") => {
            let whole = number.as_f64();
            whole.map_or_else(|| value.clone(), |whole| json!(functions::integer(whole)))
        }
        _ => value,
    }
}

/// Returns true if a value fits the keywords of a flat schema that say most about it; `pattern` is
/// that of the schema.
fn fits(value: &Value, node: &Map<String, Value>, pattern: Option<&Pattern>) -> bool {
    let is_listed = node
        .get("enum")
        .and_then(Value::as_array)
        .is_none_or(|all| has(all, value));
    let fits = match value {
        Value::String(text) => {
            let length = text.chars().count();
            (count(node, "minLength", 0)..=count(node, "maxLength", usize::MAX)).contains(&length)
                && pattern.is_none_or(|pattern| pattern.is_match(text))
        }
        Value::Number(_) => number::is_within(node, value),
        _ => true,
    };
    fits && is_listed && is_of_type(value, node)
}
