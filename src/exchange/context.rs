//! Parts of the sandbox that an exchange depends on, and the path of its request.
use crate::contract::Contract;
use crate::entity::context::EntityContext;
use crate::errors::ErrorContext;
use crate::errors::problem::ProblemForm;
use crate::errors::templates::TemplateStore;
use crate::resource::Resources;
use crate::state::posted::ApplicableFixture;

/// Contract, resources and error templates of a sandbox, and the fixtures and the path of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExchangeContext<'c> {
    pub contract: &'c Contract,
    pub resources: &'c Resources,
    pub templates: &'c TemplateStore,
    /// Fixtures that the client added to its session, the latest first.
    pub posted: &'c [ApplicableFixture],
    /// Path of the request.
    pub path: &'c str,
    /// Form of the errors that the document does not have.
    pub form: ProblemForm,
}

impl<'c> ExchangeContext<'c> {
    /// Returns the parts that errors depend on.
    pub(crate) fn errors(self) -> ErrorContext<'c> {
        ErrorContext {
            contract: self.contract,
            resources: self.resources,
            templates: self.templates,
            path: self.path,
            form: self.form,
        }
    }

    /// Returns the parts that steps on collections depend on.
    pub(crate) fn entities(self) -> EntityContext<'c> {
        EntityContext {
            contract: self.contract,
            resources: self.resources,
            path: self.path,
        }
    }
}
