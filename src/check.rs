//! Does this contract keep its own promises?
//!
//! It adds to what `contract` finds in itself whatever takes an exchange to find out.

use std::collections::HashSet;
use std::sync::Arc;

use crate::contract::example::Example;
use crate::contract::inspect::inspect;
use crate::contract::{Contract, Operation};
use crate::diagnostic::{Code, Diagnostic};
use crate::exchange::generate::{Manner, generate};
use crate::exchange::negotiate::is_without_content;

/// Every finding about the documents and fixtures, in a stable order: what was found while loading,
/// then what does not fit together.
#[must_use]
pub fn examine(contract: &Contract, manner: &Manner) -> Vec<Diagnostic> {
    let mut found = contract.diagnostics.clone();
    found.extend(inspect(contract));
    found.extend(ungeneratable(contract, manner));
    found
}

/// Responses that must be generated and for which nothing valid could be.
fn ungeneratable(contract: &Contract, manner: &Manner) -> Vec<Diagnostic> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for operation in &contract.operations {
        for (pattern, response) in &operation.responses {
            if is_without_content(pattern.status()) || !seen.insert(Arc::as_ptr(response).addr()) {
                continue;
            }
            for media in response.content.iter().filter(|media| !media.examples.iter().any(Example::is_served)) {
                let Some(schema) = media.item.as_ref().or(media.schema.as_ref()) else { continue };
                if schema.check().is_ok() && !generate(schema, manner).fits {
                    let message = format!("no valid value could be made for {pattern} of `{}`", operation.name());
                    let help = "the nearest value is sent, with a `Standin-Warning`; an example would help";
                    found.push(Diagnostic::at(Code::Ungeneratable, schema.place(), message).help(help));
                }
            }
        }
    }
    found
}

/// How an operation answers a valid request, in a few words: `example "Example 1"`.
#[must_use]
pub fn source_of_answer(operation: &Operation) -> String {
    let documented = operation.success().map_or_else(
        || "nothing".to_owned(),
        |(status, response)| {
            let content = response.content.first();
            let source = match content {
                None => "no content".to_owned(),
                Some(media) => match (media.examples.iter().find(|example| example.is_served()), &media.schema) {
                    (Some(example), _) if example.name.is_empty() => "example".to_owned(),
                    (Some(example), _) => format!("example \"{}\"", example.name),
                    (None, Some(_)) => "generated".to_owned(),
                    (None, None) if media.item.is_some() || media.range.is_json() => "generated".to_owned(),
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
