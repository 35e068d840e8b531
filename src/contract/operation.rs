//! An operation: one method of one path template, compiled on first use.
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use http::{Method, StatusCode};
use serde_json::Value;

use crate::contract::compile::{Compiler, OperationName};
use crate::contract::error_override::ErrorOverride;
use crate::contract::fixture::Fixture;
use crate::contract::route::Variant;
use crate::contract::terms::{CompiledOperation, DocumentedResponse, StatusPattern};
use crate::diagnostic::Place;

/// Place of an operation, and the compiler of its document.
pub(super) struct Recipe {
    pub(super) compiler: Arc<Mutex<Compiler>>,
    /// JSON Pointer of the path item, with references followed, for the fields that it passes on.
    pub(super) item: String,
    /// JSON Pointer of the operation, with references followed.
    pub(super) at: String,
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipe({})", self.at)
    }
}

impl Recipe {
    /// Compiles the operation.
    #[must_use]
    pub(super) fn compile(&self, operation: &Operation) -> CompiledOperation {
        let named = OperationName {
            method: &operation.method,
            template: &operation.template,
            place: &operation.place,
        };
        // Lock poisoning is safe: an interrupted compilation leaves entries out, and no partial
        // ones.
        let mut compiler = self.compiler.lock().unwrap_or_else(PoisonError::into_inner);
        compiler.compile(&named, &self.item, &self.at)
    }
}

/// One method of one path template.
#[derive(Debug)]
pub struct Operation {
    /// Method of the operation: `POST`.
    pub method: Method,
    /// Path template as documented: `/pets/{id}`.
    pub template: String,
    /// Query or fragment in the path key.
    pub variant: Option<Variant>,
    /// The `operationId`.
    pub id: Option<String>,
    /// True if an earlier operation has the same `operationId`, which then names only that one.
    pub repeats_id: bool,
    /// Index of its document in [`Contract::documents`](crate::contract::Contract::documents).
    pub document: usize,
    /// Place of the operation in its document.
    pub place: Place,
    /// Fixtures that the user supplied, those of more exact keys first; the first whose condition
    /// holds is used. Operations that a key names together share its fixtures.
    pub fixtures: Vec<Arc<Fixture>>,
    /// Error overrides that the user supplied; the first that sets a value is used.
    pub overrules: Vec<Arc<ErrorOverride>>,
    /// Base paths of its servers, such as `/v1`, without the empty one.
    pub bases: Arc<[String]>,
    /// Absolute URLs of the servers that the operation or its path item has for itself.
    pub own_servers: Box<[String]>,
    /// Requests that the API sends after an answer of the operation, in this order.
    pub callbacks: Vec<OutgoingOperation>,
    /// Input for compiling the operation.
    pub(super) recipe: Recipe,
    pub(super) compiled: OnceLock<CompiledOperation>,
    /// Name of an operation without an `operationId`, built on first use.
    pub(super) name: OnceLock<Box<str>>,
}

/// Request that the API sends, described as an operation of the program that receives it.
#[derive(Debug)]
pub struct OutgoingOperation {
    /// Name of the callback or of the webhook: `onEvent`.
    pub name: String,
    /// URL with runtime expressions (OpenAPI 3.1.1 §4.8.20.4): `{$request.body#/callbackUrl}`;
    /// `None` for a webhook, whose receiver the document does not name.
    pub expression: Option<String>,
    /// Place of the request among those of one operation; the lowest is sent first.
    pub order: i64,
    /// Operation of the receiver: its method, request body and responses. Its template is
    /// the name after a slash.
    pub operation: Operation,
}

impl OutgoingOperation {
    /// Returns true if the content has a documented example with this name.
    #[must_use]
    pub(crate) fn has_example(&self, name: &str) -> bool {
        let body = self.operation.compiled().body.iter();
        let content = body.flat_map(|body| &body.content);
        let mut examples = content.flat_map(|media| &media.examples);
        examples.any(|example| example.name == name)
    }
}

impl Operation {
    /// Returns parameters, bodies, responses and security, which are compiled at the first call.
    #[must_use]
    pub fn compiled(&self) -> &CompiledOperation {
        self.compiled.get_or_init(|| self.recipe.compile(self))
    }

    /// Returns the `operationId`, such as `post-contacts`; method and path, such as `POST /contacts`,
    /// of an operation without one and of one that repeats that of another.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.id {
            Some(id) if !self.repeats_id => id,
            _ => self
                .name
                .get_or_init(|| format!("{} {}", self.method, self.path_key()).into()),
        }
    }

    /// Returns the path template with the query or fragment of its key: `/v1/messages?beta=true`.
    #[must_use]
    pub fn path_key(&self) -> String {
        format!(
            "{}{}",
            self.template,
            self.variant
                .as_ref()
                .map(|variant| variant.text.as_str())
                .unwrap_or_default()
        )
    }

    /// Returns true if a documented header parameter `accept` or `content-type` allows the value.
    #[must_use]
    pub fn documents_field(&self, name: &str, value: &str) -> bool {
        let mut schemas = self
            .compiled()
            .negotiated
            .iter()
            .filter(|(there, _)| *there == name);
        schemas.any(|(_, schema)| schema.is_valid(&Value::from(value)) == Ok(true))
    }

    /// Returns the response documented for a status: the status itself, else its range, else
    /// `default`.
    #[must_use]
    pub fn response(&self, status: StatusCode) -> Option<&DocumentedResponse> {
        let covering = self
            .compiled()
            .responses
            .iter()
            .filter(|(pattern, _)| pattern.covers(status));
        covering
            .min_by_key(|(pattern, _)| *pattern)
            .map(|(_, response)| &**response)
    }

    /// Returns the success response and its status: the lowest 2xx (`2XX` is 200), else the lowest
    /// 3xx, else `default` as 200, else a 1xx; `None` if only errors are documented.
    #[must_use]
    pub fn success(&self) -> Option<(StatusCode, &DocumentedResponse)> {
        let success = self
            .compiled()
            .responses
            .iter()
            .filter_map(|(pattern, response)| match pattern {
                StatusPattern::Exact(status) if status.is_success() => {
                    Some((*status, pattern, response))
                }
                StatusPattern::Range(2) => Some((StatusCode::OK, pattern, response)),
                _ => None,
            });
        let success = success.min_by_key(|(status, pattern, _)| (*status, **pattern));
        let redirections = self
            .compiled()
            .responses
            .iter()
            .filter(|(pattern, _)| pattern.status().is_redirection());
        let redirection = || redirections.min_by_key(|(pattern, _)| (pattern.status(), *pattern));
        success
            .map(|(status, _, response)| (status, &**response))
            .or_else(|| redirection().map(|(pattern, response)| (pattern.status(), &**response)))
            .or_else(|| Some((StatusCode::OK, self.response_at(StatusPattern::Default)?)))
            .or_else(|| {
                let (pattern, response) = self
                    .compiled()
                    .responses
                    .iter()
                    .find(|(pattern, _)| pattern.status().is_informational())?;
                Some((pattern.status(), &**response))
            })
    }

    /// Returns the status of a success that no response documents: 204 beside documented errors,
    /// because no content is described; 200 if no response is documented.
    #[must_use]
    pub fn undocumented_success(&self) -> StatusCode {
        if self.compiled().responses.is_empty() {
            StatusCode::OK
        } else {
            StatusCode::NO_CONTENT
        }
    }

    /// Returns the response documented under exactly this key.
    #[must_use]
    pub fn response_at(&self, pattern: StatusPattern) -> Option<&DocumentedResponse> {
        self.compiled()
            .responses
            .iter()
            .find(|(there, _)| *there == pattern)
            .map(|(_, response)| &**response)
    }
}

impl Operation {
    /// Returns the names of the documented examples that a fixture can refer to: those of its
    /// status, if it has one.
    #[must_use]
    pub fn examples_for(&self, fixture: &Fixture) -> Vec<String> {
        let meant =
            |pattern: &StatusPattern| fixture.status.is_none_or(|status| pattern.covers(status));
        let responses = self
            .compiled()
            .responses
            .iter()
            .filter(|(pattern, _)| meant(pattern));
        let examples = responses
            .flat_map(|(_, response)| &response.content)
            .flat_map(|media| &media.examples);
        examples
            .map(|example| example.name.clone())
            .filter(|name| !name.is_empty())
            .collect()
    }

    /// Returns true if a fixture can refer to the example `name`.
    #[must_use]
    pub fn has_example_for(&self, fixture: &Fixture, name: &str) -> bool {
        self.examples_for(fixture).iter().any(|there| there == name)
    }
}
