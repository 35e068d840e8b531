//! Consistency checks of a contract: schemas compile, examples and fixtures fit them.
//!
//! Everything that is otherwise built on first use is built here. `check` adds the checks that
//! need an exchange.

mod conditions;
mod fixtures;
pub(crate) use crate::contract::inspect::fixtures::inspect_entry;
mod patterns;
pub(crate) mod schemas;
mod weaken;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::contract::Contract;
use crate::contract::error_override::ErrorOverride;
use crate::contract::example::Example;
use crate::contract::operation::Operation;
use crate::contract::samples::{self, Seen};
use crate::contract::terms::{DocumentedResponse, MediaType, ParameterForm};
use crate::diagnostic::{Code, Diagnostic, Place};
use crate::document::reference::ALLOWED;
use crate::schema::Schema;

/// Returns a diagnostic for everything that is wrong inside the contract: from compiling its
/// operations, from the schemas of each document, then for each operation and for error overrides.
#[must_use]
pub(crate) fn inspect(contract: &Contract) -> Vec<Diagnostic> {
    let mut inspection = Inspection::default();
    // Gather before the first validator is built, because all are built together.
    contract
        .all_operations()
        .for_each(|operation| inspection.gather(operation));
    for operation in contract.all_operations() {
        inspection
            .found
            .extend(operation.compiled().diagnostics.iter().cloned());
    }
    for document in &contract.documents {
        inspection.found.extend(schemas::suspicious(document));
    }
    for operation in &contract.operations {
        inspection.success(operation);
    }
    for operation in contract.all_operations() {
        inspection.operation(operation);
    }
    inspection.found.extend(fixtures::inspect(contract));
    inspection.found.extend(overrules(contract));
    inspection.found
}

/// Returns a diagnostic for each example and status that `errors` of a fixture file names and that
/// no operation the entry applies to documents.
fn overrules(contract: &Contract) -> Vec<Diagnostic> {
    let mut told: IndexMap<usize, (&ErrorOverride, Vec<&Operation>)> = IndexMap::new();
    for operation in &contract.operations {
        // What was learned is what the API does, whatever the document says.
        let by_hand = operation.overrules.iter();
        for overrule in by_hand.filter(|overrule| !overrule.is_learned) {
            let entry = told.entry(Arc::as_ptr(overrule).addr());
            entry
                .or_insert_with(|| (overrule, Vec::new()))
                .1
                .push(operation);
        }
    }
    told.into_values()
        .flat_map(|(overrule, operations)| undocumented(overrule, &operations))
        .collect()
}

fn undocumented(overrule: &ErrorOverride, operations: &[&Operation]) -> Vec<Diagnostic> {
    let responses = operations
        .iter()
        .flat_map(|operation| &operation.compiled().responses);
    let examples = responses
        .flat_map(|(_, response)| &response.content)
        .flat_map(|media| &media.examples);
    let names: Vec<&str> = examples
        .map(|example| example.name.as_str())
        .filter(|name| !name.is_empty())
        .collect();
    let mut found = Vec::new();
    for telling in std::iter::once(&overrule.general).chain(overrule.rules.values()) {
        if let Some(name) = telling
            .example
            .as_deref()
            .filter(|name| !names.contains(name))
        {
            let message = format!("no response that this entry applies to has an example `{name}`");
            let help = if names.is_empty() {
                "their examples have no names".to_owned()
            } else {
                format!("there is {}", names.join(", "))
            };
            found.push(
                Diagnostic::at(Code::UnknownFixtureExample, overrule.place.clone(), message)
                    .help(help),
            );
        }
        if let Some(status) = telling.status
            && operations
                .iter()
                .all(|operation| operation.response(status).is_none())
        {
            let message = format!(
                "no operation that this entry applies to documents a {} response",
                status.as_u16()
            );
            let undocumented = Diagnostic::at(
                Code::UndocumentedFixtureStatus,
                overrule.place.clone(),
                message,
            );
            found.push(
                undocumented.help("it is sent anyway, with the body of the documented error"),
            );
        }
    }
    found
}

#[derive(Default)]
struct Inspection {
    found: Vec<Diagnostic>,
    /// Addresses of schemas and responses that operations share; each is reported once.
    seen: HashSet<usize>,
    /// Places of subschemas that cannot be compiled; schemas may share them.
    faults: HashSet<String>,
    /// Examples of schemas and their subschemas, by the address of the schema.
    samples: HashMap<usize, Vec<Example>>,
    /// Schemas whose examples are in `samples` already.
    sampled: Seen,
    /// Places of examples of schemas that were reported.
    told: HashSet<(usize, String)>,
}

impl Inspection {
    fn is_new<T>(&mut self, shared: &Arc<T>) -> bool {
        self.seen.insert(Arc::as_ptr(shared).addr())
    }

    /// Collects the examples of all schemas of an operation.
    fn gather(&mut self, operation: &Operation) {
        let mut schemas: Vec<&Arc<Schema>> = Vec::new();
        let mut contents: Vec<&MediaType> = Vec::new();
        for parameter in &operation.compiled().parameters {
            match &parameter.form {
                ParameterForm::Styled { schema, .. } => schemas.push(schema),
                ParameterForm::Content(media) | ParameterForm::Query(media) => contents.push(media),
            }
        }
        contents.extend(
            operation
                .compiled()
                .body
                .iter()
                .flat_map(|body| &body.content),
        );
        for (_, response) in &operation.compiled().responses {
            schemas.extend(
                response
                    .headers
                    .iter()
                    .filter_map(|header| header.schema.as_ref()),
            );
            contents.extend(&response.content);
        }
        schemas.extend(
            contents
                .iter()
                .flat_map(|media| media.schema.iter().chain(&media.item)),
        );
        for schema in schemas {
            let found = samples::of_schema(schema, &mut self.sampled);
            if !found.is_empty() {
                self.samples
                    .entry(Arc::as_ptr(schema).addr())
                    .or_default()
                    .extend(found);
            }
        }
    }

    /// Reports an operation that documents only errors.
    fn success(&mut self, operation: &Operation) {
        if operation.success().is_none() && !operation.compiled().responses.is_empty() {
            let message = format!("`{}` documents only errors", operation.name());
            let status = operation.undocumented_success().as_u16();
            let found = Diagnostic::at(Code::UndocumentedSuccess, operation.place.clone(), message);
            self.found.push(found.help(format!(
                "a valid request is answered with {status} and no content"
            )));
        }
    }

    fn operation(&mut self, operation: &Operation) {
        for parameter in &operation.compiled().parameters {
            if self.is_new(parameter) {
                match &parameter.form {
                    ParameterForm::Styled { schema, .. } => self.schema(schema, operation),
                    ParameterForm::Content(media) | ParameterForm::Query(media) => {
                        self.media_type(media, operation);
                    }
                }
                parameter
                    .examples
                    .iter()
                    .for_each(|example| self.example(example));
            }
        }
        for media in operation
            .compiled()
            .body
            .iter()
            .flat_map(|body| &body.content)
        {
            self.media_type(media, operation);
        }
        for (_, response) in &operation.compiled().responses {
            if self.is_new(response) {
                self.response(response, operation);
            }
        }
    }

    fn response(&mut self, response: &DocumentedResponse, operation: &Operation) {
        for header in &response.headers {
            if let Some(schema) = &header.schema {
                self.schema(schema, operation);
            }
            header
                .examples
                .iter()
                .for_each(|example| self.example(example));
        }
        for media in &response.content {
            self.media_type(media, operation);
        }
    }

    fn media_type(&mut self, media: &MediaType, operation: &Operation) {
        for schema in media.schema.iter().chain(&media.item) {
            self.schema(schema, operation);
        }
        media
            .examples
            .iter()
            .for_each(|example| self.example(example));
    }

    fn schema(&mut self, schema: &Arc<Schema>, operation: &Operation) {
        if !self.is_new(schema) {
            return;
        }
        for fault in schema.faults() {
            let place = Place::value(schema.place().source(), fault.pointer.clone());
            if self.faults.insert(place.name()) {
                let message = format!("the schema cannot be compiled: {}", fault.message);
                let help = format!("`{}` uses it; {ALLOWED}", operation.name());
                self.found
                    .push(Diagnostic::at(Code::UncompilableSchema, place, message).help(help));
            }
        }
        for example in self
            .samples
            .remove(&Arc::as_ptr(schema).addr())
            .unwrap_or_default()
        {
            self.example(&example);
            self.told.insert(place_of(&example));
        }
        // Inspect patterns once per document, when all of its schemas are known.
        if self.is_new(schema.of_document()) {
            self.found.extend(patterns::inspect(schema.of_document()));
        }
    }

    fn example(&mut self, example: &Example) {
        if self.told.contains(&place_of(example)) {
            return;
        }
        let named = if example.name.is_empty() {
            "the example".to_owned()
        } else {
            format!("the example `{}`", example.name)
        };
        let place = |pointer: &str| {
            Place::value(
                example.place.source(),
                format!("{}{pointer}", example.place.pointer()),
            )
        };
        for change in example.coercions() {
            let from = shorten(&change.from);
            let message = match change.pointer.as_str() {
                "" => format!("{named} is {from}, which does not fit its schema"),
                pointer => {
                    format!("{named} has {from} at `{pointer}`, which does not fit its schema")
                }
            };
            let found = Diagnostic::at(Code::ExampleCoerced, place(&change.pointer), message);
            self.found
                .push(found.help(format!("served as {}", shorten(&change.to))));
        }
        if let Some(error) = example.errors().first() {
            let more = example.errors().len() - 1;
            let rest = if more == 0 {
                String::new()
            } else {
                format!(" (and {more} more)")
            };
            let message = format!("{named} does not fit its schema: {}{rest}", error.located());
            let found = Diagnostic::at(Code::ExampleMismatch, place(&error.pointer), message);
            let is_repaired = example.to_repair().is_some();
            self.found.push(found.help(if is_repaired {
                "it is changed until it fits"
            } else {
                "it is served unchanged"
            }));
        }
    }
}

/// Returns the place of an example as the address of its source and a JSON Pointer; cheaper than a
/// line number.
fn place_of(example: &Example) -> (usize, String) {
    (
        Arc::as_ptr(example.place.source()).addr(),
        example.place.pointer().to_owned(),
    )
}

/// Returns JSON text in back-ticks, cut to 60 characters and `…`.
fn shorten(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        return format!("`{text}`");
    }
    format!("`{}…`", text.chars().take(LONGEST).collect::<String>())
}
