//! Evidence in an operation that needs the possible keys of its group.
//!
//! `infer` decides with it between roles that the path and the method leave open.
use http::{Method, StatusCode};
use serde_json::Value;

use crate::contract::{Location, Operation, StatusPattern};
use crate::resource::address::{Address, Form, Verb};
use crate::resource::evidence::{only_id, sent_schema};
use crate::resource::infer::Draft;
use crate::schema::name::folded;

impl Draft<'_> {
    /// Returns true if the query or the body of an operation has a member that identifies an
    /// entity.
    pub(super) fn names_entity(&self, operation: &Operation) -> bool {
        let is_key = |name: &str| self.keys.has(name) || folded(name) == self.noun;
        let in_query = operation
            .compiled()
            .parameters
            .iter()
            .any(|p| p.location == Location::Query && is_key(&p.name));
        let in_body = || {
            sent_schema(operation).is_some_and(|schema| {
                schema
                    .properties(schema.tree())
                    .iter()
                    .any(|(name, _)| is_key(name))
            })
        };
        let in_example = || {
            let bodies = operation
                .compiled()
                .body
                .iter()
                .flat_map(|body| &body.content)
                .flat_map(|media| &media.examples);
            let mut members = bodies
                .filter_map(|example| example.value().as_object())
                .flatten();
            members.any(|(name, _)| is_key(name))
        };
        in_query || in_body() || in_example() || only_id(operation).is_some()
    }

    /// Returns true if a `PUT` changes the members that it sends: it requires none, while the operation that adds
    /// entities requires some, and it adds none itself.
    pub(super) fn is_change(&self, operation: &Operation) -> bool {
        let required = |operation: &Operation| {
            let schema = sent_schema(operation)?;
            let (node, properties) = (schema.tree(), schema.properties(schema.tree()));
            let is_required = |(name, _): &(&str, &Value)| schema.requires(node, name);
            Some(properties.into_iter().filter(is_required).count())
        };
        let adds = |(index, address): &&(usize, Address)| {
            let is_post = self.operation(*index).method == Method::POST;
            is_post && matches!(address.form, Form::Whole | Form::WholeVerb(Verb::Create))
        };
        let of_adding = self.members.iter().filter(adds);
        let mut of_adding = of_adding.filter_map(|(index, _)| required(self.operation(*index)));
        let replaces = operation.compiled().said.to_lowercase().contains("replace");
        !replaces
            && required(operation) == Some(0)
            && of_adding.any(|count| count > 0)
            && operation
                .response_at(StatusPattern::Exact(StatusCode::CREATED))
                .is_none()
    }
}
