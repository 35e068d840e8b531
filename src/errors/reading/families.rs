//! Recognises a family of errors by its schema alone.
//!
//! `shaping::shape` asks it where the body shapes of the catalogue fit no family.
use serde_json::Value;

use crate::errors::catalogue::idiom::Idiom;
use crate::errors::catalogue::known;
use crate::errors::reading::context::Context;
use crate::schema::name::folded;
use crate::schema::schemas::Schema;

pub(crate) const DJANGO: &str = "django-rest-framework";

/// Members of Django REST framework for errors that are about no field, reduced to letters in lower
/// case.
pub(crate) const OF_DJANGO: [&str; 2] = ["nonfielderrors", "nonfielderror"];

/// Returns Django REST framework for a body with its member for errors that are about no field.
pub(super) fn of_members(schema: &Schema) -> Option<&'static Idiom> {
    let properties = schema.properties(schema.tree());
    let is_named = properties
        .iter()
        .any(|(name, _)| OF_DJANGO.contains(&folded(name).as_str()));
    is_named.then(|| known::named(DJANGO)).flatten()
}

/// Returns Django REST framework for a body of status 400 whose members are lists of messages, one
/// for each field.
pub(super) fn of_maps(schema: &Schema, context: Context<'_>) -> Option<&'static Idiom> {
    let properties = schema.properties(schema.tree());
    let is_list = |node: &Value| {
        let item = schema
            .items(schema.resolve(node))
            .map(|item| schema.resolve(item));
        item.is_some_and(|item| schema.types(item) == ["string"])
    };
    let is_field =
        |(name, node): &(&str, &Value)| context.names.find(name).is_some() && is_list(node);
    // Bodies of Ruby on Rails look alike and are sent with 422.
    let is_bad = context.status.as_u16() == 400;
    let is_map = !properties.is_empty() && properties.iter().all(is_field);
    (is_bad && is_map).then(|| known::named(DJANGO)).flatten()
}
