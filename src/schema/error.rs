//! Errors of an instance against a schema, and their neutral wording.
//!
//! The wording of a documented error response is left to `errors`.
use std::borrow::Cow;

use serde_json::{Map, Value};

/// A reason why an instance does not fit a schema.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaError {
    /// The place in the instance, as a JSON Pointer; empty for the whole.
    pub pointer: String,
    /// The violated keyword, such as `required`, `type`, `maxLength`.
    pub keyword: String,
    /// Operands of the keyword: `property`, `types`, `limit`, `values`, `pattern`, `format`.
    pub operands: Map<String, Value>,
    /// Errors of each branch, for `anyOf` and `oneOf`.
    pub branches: Vec<Vec<SchemaError>>,
}

impl SchemaError {
    /// Returns an error about one keyword; `operands` is an object, or null if there are none.
    /// Names in it that are longer than `LONGEST_NAME` are cut.
    #[must_use]
    pub fn new(pointer: impl Into<String>, keyword: impl Into<String>, operands: Value) -> Self {
        let mut operands = if let Value::Object(map) = operands {
            map
        } else {
            Map::new()
        };
        if let Some(Value::String(name)) = operands.get_mut("property") {
            cut(name, LONGEST_NAME);
        }
        let mut pointer = pointer.into();
        cut_pointer(&mut pointer);
        Self {
            pointer,
            keyword: keyword.into(),
            operands,
            branches: Vec::new(),
        }
    }

    /// Returns the sentence with its place in the instance: `` `/emails` must be array ``.
    #[must_use]
    pub fn located(&self) -> String {
        let at = if self.pointer.is_empty() {
            String::new()
        } else {
            format!("`{}` ", self.pointer)
        };
        format!("{at}{}", self.sentence())
    }

    /// Returns a neutral sentence that follows the name of the subject: `must be array`, `must
    /// have required property 'name'`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let operand = |name: &str| self.operands.get(name).cloned().unwrap_or_default();
        let text = |name: &str| {
            operand(name)
                .as_str()
                .map_or_else(|| operand(name).to_string(), str::to_owned)
        };
        let limit = || operand("limit").to_string();
        let counted = |one: &str, many: &str| {
            format!("{} {}", limit(), if limit() == "1" { one } else { many })
        };
        match self.keyword.as_str() {
            "required" => format!("must have required property '{}'", text("property")),
            "additionalProperties" | "unevaluatedProperties" => {
                format!("must not have the property '{}'", text("property"))
            }
            "type" => format!("must be {}", list(&operand("types"), " or ")),
            "enum" => format!("must be one of {}", list(&operand("values"), ", ")),
            "const" => format!("must be {}", operand("value")),
            "minimum" => format!("must be at least {}", limit()),
            "maximum" => format!("must be at most {}", limit()),
            "exclusiveMinimum" => format!("must be more than {}", limit()),
            "exclusiveMaximum" => format!("must be less than {}", limit()),
            "multipleOf" => format!("must be a multiple of {}", limit()),
            "minLength" => format!("must have at least {}", counted("character", "characters")),
            "maxLength" => format!("must have at most {}", counted("character", "characters")),
            "minItems" => format!("must have at least {}", counted("item", "items")),
            "maxItems" | "additionalItems" => {
                format!("must have at most {}", counted("item", "items"))
            }
            "minProperties" => format!("must have at least {}", counted("property", "properties")),
            "maxProperties" => format!("must have at most {}", counted("property", "properties")),
            "pattern" => format!("must match the pattern {}", text("pattern")),
            "patternSteps" => format!(
                "takes more than {} steps to match against patterns",
                limit()
            ),
            "format" => format!("must be a valid {}", text("format")),
            "uniqueItems" => "must not have the same item twice".to_owned(),
            "contains" => "must contain an item of the documented form".to_owned(),
            "propertyNames" => format!(
                "must not have a property with the name {}",
                operand("property")
            ),
            "anyOf" => "must fit at least one of the documented forms".to_owned(),
            "oneOf" => "must fit exactly one of the documented forms".to_owned(),
            "not" => "must not be of the documented form".to_owned(),
            "falseSchema" => "must not be there".to_owned(),
            "unknownParameter" => "is not documented".to_owned(),
            "style" | "malformed" | "bound" => text("detail"),
            "schema" => "must fit its schema".to_owned(),
            other => format!("must keep to `{other}` of its schema"),
        }
    }
}

/// Maximum bytes of the name of a property in an error; a longer name is cut and ends with `…`. A
/// client may send a name of many megabytes, and each error below it would repeat it.
pub(crate) const LONGEST_NAME: usize = 256;

/// Maximum bytes of a pointer in an error; a longer one is cut and ends with `…`.
pub(crate) const LONGEST_POINTER: usize = 4096;

/// Returns the first `most` bytes of a text, to the end of a character, with `…` where it is cut.
#[must_use]
pub(crate) fn start_of(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    let end = (0..=most)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    Cow::Owned(format!("{}…", &text[..end]))
}

/// Cuts a text that has more than `most` bytes.
pub(crate) fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        *text = start_of(text, most).into_owned();
    }
}

/// Cuts the names in a pointer that are too long, and the pointer itself.
fn cut_pointer(pointer: &mut String) {
    if pointer.len() <= LONGEST_NAME {
        return;
    }
    let mut short = String::new();
    for name in pointer.split('/').skip(1) {
        short.push('/');
        short.push_str(&start_of(name, LONGEST_NAME));
        if short.len() > LONGEST_POINTER {
            break;
        }
    }
    cut(&mut short, LONGEST_POINTER);
    *pointer = short;
}

fn list(values: &Value, separator: &str) -> String {
    const MOST: usize = 10;
    let items = values.as_array().map(Vec::as_slice).unwrap_or_default();
    let texts = items.iter().take(MOST).map(|value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    });
    let mut text = texts.collect::<Vec<_>>().join(separator);
    if items.len() > MOST {
        text.push_str(separator);
        text.push('…');
    }
    text
}
