//! Diagnostics of a contract and its fixtures.
//!
//! Adds those that only an exchange reveals, such as responses that cannot be generated, to those
//! that `contract` finds.
use std::collections::HashSet;
use std::sync::Arc;

use http::StatusCode;

use crate::codec::accept::{concrete, is_without_content};
use crate::codec::content;
use crate::contract::error_override::ErrorOverride;
use crate::contract::inspect::inspect;
use crate::contract::{Contract, MediaType, Operation, StatusPattern};
use crate::diagnostic::{Code, Diagnostic};
use crate::errors::ErrorContext;
use crate::errors::catalogue::idiom::Idiom;
use crate::errors::catalogue::known;
use crate::errors::problem::ProblemForm;
use crate::errors::survey::survey;
use crate::errors::templates::TemplateStore;
use crate::generate::entity::PathValues;
use crate::generate::{GenerateOptions, faker};
use crate::resource::Resources;

/// Returns all diagnostics of documents and fixtures in a stable order: those found while loading,
/// then inconsistencies.
#[must_use]
pub(crate) fn examine(contract: &Contract, options: &GenerateOptions) -> Vec<Diagnostic> {
    let mut found = contract.diagnostics.clone();
    found.extend(inspect(contract));
    for document in &contract.documents {
        found.extend(faker::check::unknown(document));
    }
    found.extend(ungeneratable(contract, options));
    found.extend(unknown_families(contract));
    found.extend(misfitting_bodies(contract, options));
    found
}

/// Returns diagnostics for bodies in `errors` of fixtures that do not fit the documented schema.
fn misfitting_bodies(contract: &Contract, options: &GenerateOptions) -> Vec<Diagnostic> {
    let (templates, resources) = (TemplateStore::new(contract), Resources::default());
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for operation in &contract.operations {
        let has_body = |overrule: &&Arc<ErrorOverride>| {
            let mut tellings = std::iter::once(&overrule.general).chain(overrule.rules.values());
            !overrule.is_learned && tellings.any(|telling| telling.body.is_some())
        };
        let Some(overrule) = operation.overrules.iter().find(has_body) else {
            continue;
        };
        let context = ErrorContext {
            contract,
            resources: &resources,
            templates: &templates,
            path: &operation.template,
            form: ProblemForm::Own,
        };
        let Some(sample) = survey(context, operation, options).sample else {
            continue;
        };
        let response = StatusCode::from_u16(sample.status)
            .ok()
            .and_then(|status| operation.response(status));
        let media = response.and_then(|response| {
            response
                .content
                .iter()
                .find(|media| media.range.covers(&sample.media))
        });
        let body = serde_json::from_str(&sample.content)
            .ok()
            .zip(media.and_then(|media| media.schema.as_ref()));
        let errors = body
            .map(|(body, schema): (serde_json::Value, _)| schema.errors(&body).unwrap_or_default());
        if let Some(error) = errors
            .unwrap_or_default()
            .first()
            .filter(|_| seen.insert(Arc::as_ptr(overrule).addr()))
        {
            let message = format!(
                "the body does not fit the {} of `{}`: {}",
                sample.status,
                operation.name(),
                error.sentence()
            );
            let found_here = Diagnostic::at(Code::FixtureMismatch, overrule.place.clone(), message);
            found.push(found_here.help("it is sent anyway"));
        }
    }
    found
}

/// Returns diagnostics for error families that `errors` of fixtures names and the catalogue does
/// not have.
fn unknown_families(contract: &Contract) -> Vec<Diagnostic> {
    let mut seen = HashSet::new();
    let overrules = contract
        .operations
        .iter()
        .flat_map(|operation| &operation.overrules);
    let new = overrules.filter(|overrule| seen.insert(Arc::as_ptr(overrule).addr()));
    let unknown = new.filter_map(|overrule| {
        let name = overrule
            .idiom
            .as_deref()
            .filter(|name| known::named(name).is_none())?;
        let likeness = |idiom: &&Idiom| (strsim::jaro_winkler(&idiom.name, name) * 1000.0).round();
        let nearest = known::all()
            .iter()
            .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        let nearest = nearest.map(|idiom| idiom.name.as_str()).unwrap_or_default();
        let message = format!("the catalogue has no family `{name}`");
        let help = format!("there is `{nearest}`; README says where all of them are");
        Some(Diagnostic::at(Code::InvalidFixture, overrule.place.clone(), message).help(help))
    });
    unknown.collect()
}

/// Returns diagnostics for responses whose content cannot be generated validly or cannot be written
/// in its media type.
fn ungeneratable(contract: &Contract, options: &GenerateOptions) -> Vec<Diagnostic> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for operation in &contract.operations {
        for (pattern, response) in &operation.compiled().responses {
            if is_without_content(pattern.status()) || !seen.insert(Arc::as_ptr(response).addr()) {
                continue;
            }
            for media in &response.content {
                found.extend(unmade(operation, *pattern, media, options));
            }
        }
    }
    found
}

fn unmade(
    operation: &Operation,
    pattern: StatusPattern,
    media: &MediaType,
    options: &GenerateOptions,
) -> Option<Diagnostic> {
    let sent = concrete(media);
    let named = format!("{pattern} of `{}`", operation.name());
    let is_lost = match media.examples.first() {
        Some(example) => content::write(example.value(), &sent, Some(media)).is_lost,
        None => {
            let made = content::make(media, &sent, options, &PathValues::default(), None);
            let schema = media.item.as_ref().or(media.schema.as_ref());
            if let Some(schema) = schema.filter(|schema| !made.fits && schema.check().is_ok()) {
                let message = format!("no valid value could be made for {named}");
                let help =
                    "the nearest value is sent, with a `Standin-Warning`; an example would help";
                return Some(
                    Diagnostic::at(Code::Ungeneratable, schema.place(), message).help(help),
                );
            }
            made.written.is_lost
        }
    };
    is_lost.then(|| {
        let message = format!("no value can be written as `{sent}` for {named}");
        let help = "it is sent without content, with a `Standin-Warning`; an example that is text would help";
        Diagnostic::at(Code::UnwritableMediaType, operation.place.clone(), message).help(help)
    })
}

/// Returns the source of the answer to a valid request in a few words: `200 example "Example 1"`.
#[must_use]
pub(crate) fn source_of_answer(operation: &Operation) -> String {
    let documented = operation.success().map_or_else(
        || format!("{} no content", operation.undocumented_success().as_u16()),
        |(status, response)| {
            let content = response.content.first();
            let source = match content {
                None => "no content".to_owned(),
                Some(media) => match (media.examples.first(), &media.schema) {
                    (Some(example), _) if example.name.is_empty() => "example".to_owned(),
                    (Some(example), _) => format!("example \"{}\"", example.name),
                    (None, Some(_)) => "generated".to_owned(),
                    (None, None) if media.item.is_some() || media.range.is_json() => {
                        "generated".to_owned()
                    }
                    (None, None) => "no content".to_owned(),
                },
            };
            format!("{} {source}", status.as_u16())
        },
    );
    match operation.fixtures.len() {
        0 => documented,
        1 => format!("1 fixture, else {documented}"),
        count => format!("{count} fixtures, else {documented}"),
    }
}
