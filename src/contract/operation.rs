//! One method of one path template, compiled when it is first asked for.
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use http::{Method, StatusCode};
use serde_json::Value;

use crate::contract::compile::{Compiler, Named};
use crate::contract::error_override::ErrorOverride;
use crate::contract::fixture::Fixture;
use crate::contract::route::Variant;
use crate::contract::terms::{Response, StatusPattern, Terms};
use crate::diagnostic::Place;

/// Where an operation stands, and who compiles those of its document.
pub struct Recipe {
    pub(super) compiler: Arc<Mutex<Compiler>>,
    /// Where its path item really stands, for what it inherits.
    pub(super) item: String,
    /// Where it really stands.
    pub(super) at: String,
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipe({})", self.at)
    }
}

impl Recipe {
    /// Compiles what the operation asks for and promises.
    #[must_use]
    pub fn compile(&self, operation: &Operation) -> Terms {
        let named = Named { method: &operation.method, template: &operation.template, place: &operation.place };
        // What one operation left half done is only missing, so the others go on with it.
        let mut compiler = self.compiler.lock().unwrap_or_else(PoisonError::into_inner);
        compiler.compile(&named, &self.item, &self.at)
    }
}

/// One method of one path template.
#[derive(Debug)]
pub struct Operation {
    /// `POST`.
    pub method: Method,
    /// As documented: `/pets/{id}`.
    pub template: String,
    /// What its path key has beyond the path.
    pub variant: Option<Variant>,
    /// Its `operationId`.
    pub id: Option<String>,
    /// Which of [`Contract::documents`] it stands in.
    pub document: usize,
    /// Where it stands.
    pub place: Place,
    /// What the user supplied to answer with; the first whose condition holds is taken.
    pub fixtures: Vec<Fixture>,
    /// What the user says of its errors; the first that says something is taken.
    pub overrules: Vec<Arc<ErrorOverride>>,
    /// The base paths of its servers, such as `/v1`; without the empty one.
    pub bases: Arc<[String]>,
    /// How its terms are compiled.
    pub(super) recipe: Recipe,
    pub(super) terms: OnceLock<Terms>,
    /// Its name, if it has no `operationId`.
    pub(super) name: OnceLock<Box<str>>,
}

impl std::ops::Deref for Operation {
    type Target = Terms;

    fn deref(&self) -> &Terms {
        self.terms.get_or_init(|| self.recipe.compile(self))
    }
}

impl Operation {
    /// `post-contacts`, or `POST /contacts` if it has no `operationId`.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.id {
            Some(id) => id,
            None => self.name.get_or_init(|| format!("{} {}", self.method, self.path_key()).into()),
        }
    }

    /// The path template with what its key has beyond it: `/v1/messages?beta=true`.
    #[must_use]
    pub fn path_key(&self) -> String {
        format!("{}{}", self.template, self.variant.as_ref().map(|variant| variant.text.as_str()).unwrap_or_default())
    }

    /// Whether a value of `accept` or `content-type` is one that a parameter of this name documents.
    #[must_use]
    pub fn documents_field(&self, name: &str, value: &str) -> bool {
        let mut schemas = self.negotiated.iter().filter(|(there, _)| *there == name);
        schemas.any(|(_, schema)| schema.is_valid(&Value::from(value)) == Ok(true))
    }

    /// The response documented for a status: the status itself, else its range, else `default`.
    #[must_use]
    pub fn response(&self, status: StatusCode) -> Option<&Response> {
        let covering = self.responses.iter().filter(|(pattern, _)| pattern.covers(status));
        covering.min_by_key(|(pattern, _)| *pattern).map(|(_, response)| &**response)
    }

    /// The response of a success and its status: the lowest 2xx (`2XX` is 200), else the lowest 3xx,
    /// else `default` as 200, else a 1xx. None where only errors are documented.
    #[must_use]
    pub fn success(&self) -> Option<(StatusCode, &Response)> {
        let success = self.responses.iter().filter_map(|(pattern, response)| match pattern {
            StatusPattern::Exact(status) if status.is_success() => Some((*status, pattern, response)),
            StatusPattern::Range(2) => Some((StatusCode::OK, pattern, response)),
            _ => None,
        });
        let success = success.min_by_key(|(status, pattern, _)| (*status, **pattern));
        let redirections = self.responses.iter().filter(|(pattern, _)| pattern.status().is_redirection());
        let redirection = || redirections.min_by_key(|(pattern, _)| (pattern.status(), *pattern));
        success
            .map(|(status, _, response)| (status, &**response))
            .or_else(|| redirection().map(|(pattern, response)| (pattern.status(), &**response)))
            .or_else(|| Some((StatusCode::OK, self.response_at(StatusPattern::Default)?)))
            .or_else(|| {
                let (pattern, response) =
                    self.responses.iter().find(|(pattern, _)| pattern.status().is_informational())?;
                Some((pattern.status(), &**response))
            })
    }

    /// The status of a success that no response documents: 204 beside documented errors, since a client that
    /// reads content would have none described.
    #[must_use]
    pub fn undocumented_success(&self) -> StatusCode {
        if self.responses.is_empty() { StatusCode::OK } else { StatusCode::NO_CONTENT }
    }

    /// The response documented under exactly this key.
    #[must_use]
    pub fn response_at(&self, pattern: StatusPattern) -> Option<&Response> {
        self.responses.iter().find(|(there, _)| *there == pattern).map(|(_, response)| &**response)
    }
}

impl Operation {
    /// The names of the documented examples that a fixture can mean: of its status, if it has one.
    #[must_use]
    pub fn examples_for(&self, fixture: &Fixture) -> Vec<String> {
        let meant = |pattern: &StatusPattern| fixture.status.is_none_or(|status| pattern.covers(status));
        let responses = self.responses.iter().filter(|(pattern, _)| meant(pattern));
        let examples = responses.flat_map(|(_, response)| &response.content).flat_map(|media| &media.examples);
        examples.map(|example| example.name.clone()).filter(|name| !name.is_empty()).collect()
    }

    /// Whether the example `name` is one that a fixture can mean.
    #[must_use]
    pub fn has_example_for(&self, fixture: &Fixture, name: &str) -> bool {
        self.examples_for(fixture).iter().any(|there| there == name)
    }
}
