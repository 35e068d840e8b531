//! Sandbox: a loaded contract and the settings to serve it with, shared by the command line, the
//! server and tests.
use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use crate::codec::coding;
use crate::codec::message::{Request, Response};
use crate::contract::assembly::assemble;
use crate::contract::fixture::Fixture;
use crate::contract::simulation::Delay;
use crate::contract::{Contract, Operation};
use crate::diagnostic::Diagnostic;
use crate::document::files::Access;
use crate::document::{self, FixtureFile, Input, Loaded};
use crate::entity::data::supply;
use crate::errors::survey::{Survey, survey};
use crate::errors::templates::TemplateStore;
use crate::exchange::context::ExchangeContext;
use crate::exchange::session_view::{SessionView, Within};
use crate::exchange::{self, Report, Settings};
use crate::resource::role_override::RoleOverrides;
use crate::resource::{Collection, Resources};
use crate::schema::Demand;
use crate::schema::Examples;
use crate::state::journal::Ended;
use crate::state::memory::Entities;
use crate::state::session::SessionState;
use crate::state::sessions::Memory;
use crate::{check, entity};

/// Options for reading documents.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// Treatment of examples that do not fit their schema.
    pub examples: Examples,
    /// Files and hosts that documents may refer to.
    pub access: Access,
    /// Overlays that change the documents, in order.
    pub overlays: Vec<Input>,
}

/// Sandbox for the API that some documents describe.
///
/// ```
/// use standin::{Body, Input, Reading, Sandbox, Settings};
///
/// let text = r#"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/hi": {"get": {
///     "responses": {"200": {"description": "", "content": {"text/plain": {"example": "hello"}}}}}}}}"#;
/// let input = Input::Text { name: "hi.json".into(), text: text.into() };
/// let sandbox = Sandbox::load(&[input], None, &Reading::default(), Settings::default());
/// let request = http::Request::get("/hi").body(Body::Complete(Default::default())).unwrap();
/// let (response, _report) = sandbox.answer(&request);
/// assert_eq!(response.body(), "hello");
/// ```
#[derive(Debug)]
pub struct Sandbox {
    material: Material,
    contract: Contract,
    templates: TemplateStore,
    resources: Resources,
    memory: Memory,
    settings: Settings,
    /// Scenario of sessions that selected none.
    scenario: Option<String>,
    /// True if answers depend on earlier requests.
    is_staged: bool,
    began: Instant,
}

/// Inputs of a contract, kept to assemble it again.
#[derive(Debug)]
struct Material {
    loaded: Loaded,
    fixtures: Vec<FixtureFile>,
    /// Diagnostics found while the fixtures were read.
    found: Vec<Diagnostic>,
    examples: Examples,
}

impl Material {
    fn contract(&self, demand: Demand) -> Contract {
        let mut contract = assemble(&self.loaded, &self.fixtures, self.examples, demand);
        contract.diagnostics.extend(self.found.iter().cloned());
        contract
    }
}

impl Sandbox {
    /// Loads documents, and fixtures from a folder. Errors in them are reported by
    /// [`diagnostics`](Self::diagnostics); a sandbox without any operation is valid too.
    #[must_use]
    pub fn load(
        inputs: &[Input],
        fixtures: Option<&Path>,
        reading: &Reading,
        settings: Settings,
    ) -> Self {
        let (files, mut found) = fixtures.map(document::load_fixtures).unwrap_or_default();
        let (data, odd) = fixtures.map(document::load_data).unwrap_or_default();
        found.extend(odd);
        Self::made(inputs, files, &data, found, reading, settings)
    }

    /// Loads documents, with fixtures that are already read.
    #[must_use]
    pub fn new(
        inputs: &[Input],
        fixtures: &[FixtureFile],
        reading: &Reading,
        settings: Settings,
    ) -> Self {
        Self::made(
            inputs,
            fixtures.to_vec(),
            &[],
            Vec::new(),
            reading,
            settings,
        )
    }

    /// Loads documents, with fixtures that are already read and seed data by collection name.
    #[must_use]
    pub fn with_data(
        inputs: &[Input],
        fixtures: &[FixtureFile],
        data: &[(String, FixtureFile)],
        reading: &Reading,
        settings: Settings,
    ) -> Self {
        Self::made(
            inputs,
            fixtures.to_vec(),
            data,
            Vec::new(),
            reading,
            settings,
        )
    }

    fn made(
        inputs: &[Input],
        fixtures: Vec<FixtureFile>,
        data: &[(String, FixtureFile)],
        found: Vec<Diagnostic>,
        reading: &Reading,
        settings: Settings,
    ) -> Self {
        let loaded = document::load(inputs, &reading.access, &reading.overlays);
        let mut material = Material {
            loaded,
            fixtures,
            found,
            examples: reading.examples,
        };
        let mut contract = material.contract(Demand::Few);
        let (overrules, odd) = RoleOverrides::read(&contract, &material.fixtures);
        let (overrules, misfits) = supply(&contract, overrules, data);
        contract
            .diagnostics
            .extend(odd.iter().chain(&misfits).cloned());
        material.found.extend(odd.into_iter().chain(misfits));
        let templates = TemplateStore::new(&contract);
        let mut fixtures = contract
            .operations
            .iter()
            .flat_map(|operation| &operation.fixtures);
        let is_drawn = settings
            .delay
            .is_some_and(|delay| !matches!(delay, Delay::Fixed(_)));
        let is_staged = is_drawn || fixtures.any(Fixture::is_staged);
        Self {
            material,
            contract,
            templates,
            resources: Resources::with(overrules),
            memory: Memory::new(settings.bounds),
            settings,
            scenario: None,
            is_staged,
            began: Instant::now(),
        }
    }

    /// Returns the contract that the documents describe.
    #[must_use]
    #[doc(hidden)]
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// Returns the resources of the API, which are inferred when first needed.
    #[must_use]
    #[doc(hidden)]
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// Returns the settings that answers follow.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns all diagnostics of the documents and fixtures.
    ///
    /// Assembles the contract once more with all of its schemas compiled, and drops it again:
    /// requests use only a few schemas of a large document.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        check::examine(&self.material.contract(Demand::All), &self.settings.options)
    }

    /// Releases memory that only diagnostics need.
    pub(crate) fn rest(&self) {
        self.contract
            .documents
            .iter()
            .for_each(|document| document.source().rest());
    }

    /// Answers a request in the unnamed session with settings other than those of the sandbox.
    #[must_use]
    pub(crate) fn answer_as(&self, settings: &Settings, request: &Request) -> (Response, Report) {
        self.answer_in("", settings, request)
    }

    /// Answers a request in a session, see [`Memory::with`].
    #[must_use]
    #[doc(hidden)]
    pub fn answer_in(
        &self,
        session: &str,
        settings: &Settings,
        request: &Request,
    ) -> (Response, Report) {
        let undone = coding::undo(request, settings.content_limit.0);
        let request = undone.as_ref().unwrap_or(request);
        let context = self.context(request.uri().path());
        let within = |run: &mut dyn FnMut(&mut SessionState)| {
            self.within(session, |session_state| run(session_state));
        };
        let session_view = if self.is_staged {
            let chosen = self
                .memory
                .look(session, |session_state| session_state.scenario().cloned())
                .flatten();
            self.session_view(chosen, &within)
        } else {
            SessionView::default()
        };
        let plan = exchange::plan(context, &session_view, settings, request);
        exchange::answer(
            &plan,
            settings,
            request,
            &mut |collection_key, step, factory| {
                self.within(session, |session_state| {
                    session_state.step(collection_key, step, factory)
                })
            },
        )
    }

    /// Returns the view of earlier requests in the session that `within` gives access to.
    fn session_view<'s>(&self, chosen: Option<String>, within: Within<'s>) -> SessionView<'s> {
        let scenario = chosen.or_else(|| self.scenario.clone());
        SessionView {
            scenario,
            now: self.began.elapsed(),
            within: Some(within),
        }
    }

    /// Runs `run` on the state of a session, see [`Memory::with`].
    pub(crate) fn within<R>(&self, session: &str, run: impl FnOnce(&mut SessionState) -> R) -> R {
        let (made, gone) = self.memory.with(session, run);
        tell(&gone);
        made
    }

    /// Adds an exchange to the journal of a session, and drops the oldest ones beyond `most`.
    pub(crate) fn note(&self, session: &str, ended: Ended<'_>, most: usize) {
        tell(&self.memory.note(session, ended, most));
    }

    /// Returns the names of the scenarios in fixtures, sorted.
    #[must_use]
    pub(crate) fn scenarios(&self) -> Vec<String> {
        let fixtures = self
            .contract
            .operations
            .iter()
            .flat_map(|operation| &operation.fixtures);
        let mut names: Vec<String> = fixtures
            .filter_map(|fixture| fixture.scenario.clone())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Returns the sandbox with a scenario for sessions that selected none.
    #[must_use]
    pub(crate) fn with_scenario(self, scenario: Option<String>) -> Self {
        Self { scenario, ..self }
    }

    /// Returns the initial entities of a collection, before any write.
    #[must_use]
    pub(crate) fn beginning(&self, collection: &Collection, scope: &str) -> Arc<Entities> {
        entity::beginning(
            self.context("").entities(),
            collection,
            scope,
            self.settings.options,
        )
    }

    /// Returns an explanation of the answer that a request would get; changes nothing.
    #[must_use]
    pub(crate) fn explain(&self, session: &str, request: &Request) -> Value {
        let undone = coding::undo(request, self.settings.content_limit.0);
        let request = undone.as_ref().unwrap_or(request);
        // The copy is cheap: it shares its entities with the session until one of them is changed.
        let now = self
            .memory
            .look(session, SessionState::now)
            .unwrap_or_default();
        let chosen = now.scenario.clone();
        let session_state = RefCell::new(SessionState::of(now));
        let within = |run: &mut dyn FnMut(&mut SessionState)| run(&mut session_state.borrow_mut());
        let context = self.context(request.uri().path());
        let session_view = self.session_view(chosen, &within);
        exchange::explain::explain(
            context,
            &session_view,
            &self.settings,
            request,
            &mut |collection_key, step, factory| {
                session_state
                    .borrow_mut()
                    .step(collection_key, step, factory)
            },
        )
    }

    fn context<'s>(&'s self, path: &'s str) -> ExchangeContext<'s> {
        ExchangeContext {
            contract: &self.contract,
            resources: &self.resources,
            templates: &self.templates,
            path,
        }
    }

    /// Returns the state of all sessions.
    #[must_use]
    #[doc(hidden)]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Returns a survey of the answer of an operation to an invalid request.
    #[must_use]
    #[doc(hidden)]
    pub fn survey(&self, operation: &Operation) -> Survey {
        let context = self.context(&operation.template);
        survey(context.errors(), operation, &self.settings.options)
    }

    /// Answers a request in the unnamed session.
    #[must_use]
    pub fn answer(&self, request: &Request) -> (Response, Report) {
        self.answer_as(&self.settings, request)
    }
}

fn tell(gone: &[String]) {
    for name in gone {
        tracing::warn!(
            session = name,
            "the session was forgotten, as there are too many or too large ones"
        );
    }
}
