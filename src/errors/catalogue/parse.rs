//! Reads the files of the catalogue: one family of errors each.
use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::contract::wording::{RULES, Template, TemplateError};
use crate::errors::catalogue::idiom::{Idiom, RuleCode, Sentence};
use crate::errors::finding::{Dialect, PathStyle, ValueStyle};
use crate::schema::name::NameForm;

/// Reason why a file of the catalogue cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CatalogueError {
    /// File without sentences.
    #[error("it has no `sentences`")]
    NoSentences,
    /// Key of a sentence that does not begin with a rule.
    #[error("{family}: `{rule}` is no rule")]
    UnknownRule { family: String, rule: String },
    /// Sentence with a text that is not a template.
    #[error("{family}: {key}: {error}")]
    Template {
        family: String,
        key: String,
        error: TemplateError,
    },
}

/// Reads one family.
///
/// # Errors
///
/// Returns the first mistake in its sentences.
pub(crate) fn read(tree: &Value) -> Result<Idiom, CatalogueError> {
    let text_at = |name: &str| {
        tree.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let name = text_at("name");
    let is_set = |name: &str| tree.get(name) == Some(&Value::Bool(true));
    let separator = tree
        .get("separator")
        .and_then(Value::as_str)
        .unwrap_or(", ")
        .to_owned();
    let names = |key: &str| {
        let members = tree
            .get(key)
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        members
            .filter_map(|(name, called)| Some((name.clone(), called.as_str()?.to_owned())))
            .collect()
    };
    let dialect = Dialect {
        path: PathStyle::parse(&text_at("path")).unwrap_or_default(),
        values: ValueStyle::parse(&text_at("values")).unwrap_or_default(),
        last: tree
            .get("last")
            .and_then(Value::as_str)
            .map_or_else(|| separator.clone(), str::to_owned),
        separator,
        types: names("types"),
        found: names("found"),
        formats: names("formats"),
    };
    let sentences = sentences(&name, tree)?;
    let shapes = tree
        .get("shapes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let shape = |shape: &Value| {
        let members = shape
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        members.map(steps).collect()
    };
    let constants = tree
        .get("constants")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    Ok(Idiom {
        name,
        dialect,
        sentences,
        shapes: shapes.map(shape).collect(),
        rank: tree.get("rank").and_then(Value::as_u64).unwrap_or(0),
        members: tree
            .get("members")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default(),
        stands_alone: is_set("alone"),
        nests: is_set("nests"),
        is_shaped: is_set("shaped"),
        needs_words: is_set("worded"),
        lists_malformed: is_set("listed"),
        tells_absent: is_set("absent"),
        counts_more: is_set("counts"),
        keys: tree
            .get("keys")
            .and_then(Value::as_str)
            .and_then(NameForm::parse)
            .unwrap_or_default(),
        whole: tree.get("whole").cloned(),
        constants: constants
            .map(|(path, value)| (steps(path), value.clone()))
            .collect(),
    })
}

/// Reads the sentences of a family by rule, or by rule and variant.
fn sentences(family: &str, tree: &Value) -> Result<IndexMap<String, Sentence>, CatalogueError> {
    let members = tree
        .get("sentences")
        .and_then(Value::as_object)
        .ok_or(CatalogueError::NoSentences)?;
    let mut sentences = IndexMap::new();
    for (key, value) in members {
        let rule = key.split('.').next().unwrap_or(key);
        if !RULES.contains(&rule) {
            return Err(CatalogueError::UnknownRule {
                family: family.to_owned(),
                rule: rule.to_owned(),
            });
        }
        let sentence = sentence(value).map_err(|error| CatalogueError::Template {
            family: family.to_owned(),
            key: key.clone(),
            error,
        })?;
        sentences.insert(key.clone(), sentence);
    }
    Ok(sentences)
}

/// Splits a path: `errors[].field` → `errors`, `[]`, `field`; `{}` means any member of a map.
pub(crate) fn steps(path: &str) -> Vec<String> {
    let spaced = path.replace("[]", ".[]").replace("{}", ".{}");
    spaced
        .split('.')
        .filter(|step| !step.is_empty())
        .map(str::to_owned)
        .collect()
}

pub(crate) fn sentence(value: &Value) -> Result<Sentence, TemplateError> {
    if let Value::String(says) = value {
        return Ok(Sentence {
            key: None,
            says: Some(Template::parse(says)?),
            code: None,
            also: Vec::new(),
            with: Map::new(),
        });
    }
    let says = value
        .get("says")
        .and_then(Value::as_str)
        .map(Template::parse)
        .transpose()?;
    let also = value
        .get("also")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let code = match value.get("code") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(RuleCode::Text(Template::parse(text)?)),
        Some(other) => Some(RuleCode::Other(other.clone())),
    };
    let with = value
        .get("with")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let key = value
        .get("key")
        .and_then(Value::as_str)
        .map(Template::parse)
        .transpose()?;
    Ok(Sentence {
        key,
        says,
        code,
        also: also.map(Template::parse).collect::<Result<_, _>>()?,
        with,
    })
}
