//! Options of json-schema-faker that a document sets for all its schemas, at its root in
//! `x-json-schema-faker`.
use serde_json::{Map, Value};

use crate::generate::faker::locale::Locale;
use crate::schema::name::folded;

/// Name of the extension.
pub(crate) const KEYWORD: &str = "x-json-schema-faker";

/// Maximum of the options that count items or letters; larger ones are cut.
const MOST: usize = 1000;

/// Options that have an effect here.
pub(super) const HONOURED: [&str; 8] = [
    "locale",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "fillProperties",
    "requiredOnly",
    "optionalsProbability",
];

/// Options that json-schema-faker has too, without an effect here.
pub(super) const OTHERS: [&str; 21] = [
    "alwaysFakeOptionals",
    "defaultInvalidTypeProduct",
    "defaultRandExpMax",
    "pruneProperties",
    "ignoreProperties",
    "ignoreMissingRefs",
    "failOnInvalidTypes",
    "failOnInvalidFormat",
    "fixedProbabilities",
    "useExamplesValue",
    "useDefaultValue",
    "refDepthMin",
    "refDepthMax",
    "resolveJsonPath",
    "reuseProperties",
    "sortProperties",
    "random",
    "replaceEmptyByRandomValue",
    "omitNulls",
    "minDateTime",
    "maxDateTime",
];

/// Options of a document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FakerOptions {
    /// Language of names and places.
    pub locale: Locale,
    /// Least and most items of lists, where the schema allows them.
    pub items: (Option<usize>, Option<usize>),
    /// Least and most letters of texts, where the schema sets none.
    pub length: (Option<usize>, Option<usize>),
    /// True if members that only `additionalProperties` describes are left out.
    pub leaves_out_additional: bool,
    /// True if properties that are not required are left out.
    pub leaves_out_optional: bool,
}

impl FakerOptions {
    /// Reads the options of a document; `tree` is the whole of it.
    pub(crate) fn of(tree: &Value) -> Self {
        let Some(set) = tree.get(KEYWORD).and_then(Value::as_object) else {
            return Self::default();
        };
        let count = |name| {
            let count = get(set, name).and_then(Value::as_u64);
            count.map(|count| usize::try_from(count).unwrap_or(MOST).min(MOST))
        };
        let is = |name, wanted: bool| get(set, name) == Some(&Value::Bool(wanted));
        let locale = get(set, "locale").and_then(Value::as_str);
        let probability = get(set, "optionalsProbability").and_then(Value::as_f64);
        Self {
            locale: locale.and_then(Locale::named).unwrap_or_default(),
            items: (count("minItems"), count("maxItems")),
            length: (count("minLength"), count("maxLength")),
            leaves_out_additional: is("fillProperties", false),
            leaves_out_optional: is("requiredOnly", true)
                || is("optionalsProbability", false)
                || probability == Some(0.0),
        }
    }
}

/// Returns the value of an option, however its name is written: `min-items`, `minItems`.
pub(super) fn get<'s>(set: &'s Map<String, Value>, name: &str) -> Option<&'s Value> {
    let wanted = folded(name);
    set.iter()
        .find(|(there, _)| folded(there) == wanted)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn options_are_read_in_any_spelling() {
        let tree = json!({"x-json-schema-faker": {
            "min-items": 2, "maxItems": 1_000_000, "fillProperties": false, "locale": "de",
            "optionals-probability": 0,
        }});
        let options = FakerOptions::of(&tree);
        assert_eq!(options.items, (Some(2), Some(MOST)));
        assert_eq!(options.locale, Locale::German);
        assert!(options.leaves_out_additional && options.leaves_out_optional);
        assert_eq!(FakerOptions::of(&json!([])), FakerOptions::default());
        assert_eq!(
            FakerOptions::of(&json!({"x-json-schema-faker": 1})),
            FakerOptions::default()
        );
    }
}
