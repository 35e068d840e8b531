//! The contract of the loaded documents: plain data, immutable once compiled.
//!
//! [`assembly`] builds a contract from documents and fixtures; `exchange` uses it to answer
//! requests.

pub(crate) mod assembly;
pub(crate) mod catalogue;
pub(crate) mod changes;
pub(crate) mod compile;
pub(crate) mod described;
pub(crate) mod directory;
mod documented;
pub(crate) mod error_override;
pub(crate) mod example;
pub(crate) mod fixture;
pub(crate) mod fixture_key;
pub(crate) mod inspect;
pub(crate) mod lines;
pub(crate) mod media;
pub(crate) mod merge;
pub(crate) mod operation;
mod outgoing;
pub(crate) mod outline;
pub(crate) mod request_condition;
pub(crate) mod route;
mod samples;
mod security;
pub(crate) mod server;
pub(crate) mod simulation;
mod skeleton;
pub(crate) mod terms;
pub(crate) mod wording;

pub(crate) use crate::contract::operation::{Operation, OutgoingOperation};
pub(crate) use crate::contract::terms::{
    ConversionCache, DocumentedResponse, Encoding, GeneratedContent, Location, MediaType,
    Parameter, ParameterForm, RequestBody, ResponseHeader, SecurityRequirement, SecurityScheme,
    StatusPattern, Style,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::Method;

use crate::contract::error_override::ErrorOverride;
use crate::contract::route::{Routed, Router};
use crate::diagnostic::Diagnostic;
use crate::schema::{Direction, Schema, Schemas};

/// Operations of all loaded documents, as one API.
#[derive(Debug)]
pub struct Contract {
    /// Operations in the order of the documents, and in each in the author's order.
    pub operations: Vec<Operation>,
    /// Documents in the order in which they were given.
    pub documents: Vec<Arc<Schemas>>,
    /// Diagnostics from loading; [`inspect`] finds more.
    pub diagnostics: Vec<Diagnostic>,
    /// Webhooks of the documents: requests that the API sends by itself.
    pub webhooks: Vec<OutgoingOperation>,
    /// Number of files in folders that are not OpenAPI documents.
    pub passed_over: usize,
    /// Overrides of the errors of paths that no document has, by the document of the nearest path.
    pub(crate) overrules: Vec<Vec<Arc<ErrorOverride>>>,
    router: Router,
    /// Operations that share their method and path, by the first of them.
    variants: HashMap<usize, Vec<usize>>,
    /// Schemas that fixtures name, by document and JSON Pointer, compiled on first use.
    named: Mutex<HashMap<(usize, String), Arc<Schema>>>,
}

impl Contract {
    /// Returns the operations that share the method and path of a routed one, itself included;
    /// empty if it is the only one.
    #[must_use]
    pub fn variants(&self, index: usize) -> &[usize] {
        self.variants
            .get(&index)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// Returns the response schema at a JSON Pointer of a document: `/components/schemas/Pet`.
    /// Each is compiled once; their number is bounded by the names in fixtures. `None` if the
    /// pointer leads nowhere.
    #[must_use]
    pub fn schema_at(&self, document: usize, pointer: &str) -> Option<Arc<Schema>> {
        let schemas = &self.documents[document];
        schemas.tree().pointer(pointer)?;
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let schema = named
            .entry((document, pointer.to_owned()))
            .or_insert_with(|| {
                Arc::new(Schema::new(
                    schemas,
                    pointer.to_owned(),
                    Direction::Response,
                ))
            });
        Some(Arc::clone(schema))
    }

    /// Iterates over all operations, those of the requests that the API sends included.
    pub(crate) fn all_operations(&self) -> impl Iterator<Item = &Operation> {
        let sent = |operation| std::iter::once(operation).chain(operation_callbacks(operation));
        let webhooks = self.webhooks.iter().map(|webhook| &webhook.operation);
        self.operations.iter().chain(webhooks).flat_map(sent)
    }

    /// Returns the methods of all operations, in the order documented.
    #[must_use]
    pub fn methods(&self) -> Vec<Method> {
        let mut methods: Vec<Method> = Vec::new();
        for operation in &self.operations {
            if !methods.contains(&operation.method) {
                methods.push(operation.method.clone());
            }
        }
        methods
    }

    /// Finds the operation for a method and a path.
    #[must_use]
    pub fn route(&self, method: &Method, path: &str) -> Routed {
        self.router.route(method, path)
    }

    /// Finds an operation by its `operationId` or by `METHOD /path`.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        let by_id = self
            .operations
            .iter()
            .position(|operation| operation.id.as_deref() == Some(name));
        by_id.or_else(|| {
            let (method, path) = name.split_once(' ')?;
            self.operations.iter().position(|operation| {
                operation.method.as_str().eq_ignore_ascii_case(method)
                    && operation.path_key() == path.trim()
            })
        })
    }
}

/// Iterates over the receivers' operations of the callbacks of an operation.
fn operation_callbacks(operation: &Operation) -> impl Iterator<Item = &Operation> {
    let callbacks = operation.callbacks.iter();
    callbacks.map(|callback| &callback.operation)
}

impl Contract {
    /// Returns the name of the operation that is most similar to an unknown name, if the
    /// Jaro-Winkler similarity exceeds 0.8.
    #[must_use]
    pub fn nearest_operation(&self, name: &str) -> Option<String> {
        let names = self.operations.iter().flat_map(|o| {
            [
                o.name().to_string(),
                format!("{} {}", o.method, o.path_key()),
            ]
        });
        let scored = names.map(|candidate| (strsim::jaro_winkler(&candidate, name), candidate));
        let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
        (best.0 > 0.8).then_some(best.1)
    }
}
