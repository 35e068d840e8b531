//! Sandbox: a loaded contract and the settings to serve it with, shared by the command line, the
//! server and tests.

mod comparison;
pub(crate) mod responder;
mod written;
use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::Value;

use crate::check;
use crate::codec::coding;
use crate::codec::message::{Request, Response};
use crate::contract::assembly::assemble;
use crate::contract::fixture::Fixture;
use crate::contract::fixture_key::operations_of;
use crate::contract::media::MediaRange;
use crate::contract::simulation::Delay;
use crate::contract::{Contract, Operation};
use crate::diagnostic::Diagnostic;
use crate::document::files::Access;
use crate::document::fixture_folder::{load_all_fixtures, load_data};
use crate::document::sources::Sources;
use crate::document::{self, FixtureFile, Input, Loaded};
use crate::entity::data::supply;
use crate::entity::initial;
use crate::entity::wider::{Wider, wider};
use crate::errors::survey::{Survey, survey};
use crate::errors::templates::TemplateStore;
use crate::exchange::context::ExchangeContext;
use crate::exchange::sample::GivenValues;
use crate::exchange::session_view::{SessionView, Within};
use crate::exchange::{self, Compression, Report, Settings, sample};
use crate::generate::GenerateOptions;
use crate::resource::override_check;
use crate::resource::role_override::RoleOverrides;
use crate::resource::{Collection, Resources};
use crate::schema::Demand;
use crate::schema::Examples;
use crate::state::journal::Ended;
use crate::state::memory::Entities;
use crate::state::posted::ApplicableFixture;
use crate::state::session::SessionState;
use crate::state::sessions::Memory;

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
    memory: Arc<Memory>,
    settings: Settings,
    /// Scenario of sessions that selected none.
    scenario: Option<String>,
    /// True if answers depend on earlier requests.
    is_staged: bool,
    /// True once a client has added a fixture to its session.
    has_posted: Arc<AtomicBool>,
    /// Number of sandboxes before this one, which reloads replaced.
    generation: u64,
    began: Instant,
}

/// Inputs of a contract, kept to assemble it again.
#[derive(Debug)]
struct Material {
    loaded: Arc<Loaded>,
    fixtures: Vec<FixtureFile>,
    /// Diagnostics found while the fixtures were read.
    found: Vec<Diagnostic>,
    /// Hash of the texts of the fixtures and the data.
    supplied: u64,
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
        let (files, mut found) = fixtures.map(load_all_fixtures).unwrap_or_default();
        let (data, odd) = fixtures.map(load_data).unwrap_or_default();
        found.extend(odd);
        let mut sandbox = Self::made(inputs, files, &data, found, reading, settings);
        if let (Some(folder), Some(loaded)) = (fixtures, Arc::get_mut(&mut sandbox.material.loaded))
        {
            loaded.sources.add_folder(folder);
        }
        sandbox
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
        let texts = fixtures.iter().chain(data.iter().map(|(_, file)| file));
        let mut material = Material {
            loaded: Arc::new(loaded),
            supplied: hash_of_texts(texts),
            fixtures,
            found,
            examples: reading.examples,
        };
        let mut contract = material.contract(Demand::Few);
        let (overrules, odd) = RoleOverrides::read(&contract, &material.fixtures);
        let (overrules, unknown) = override_check::check(&contract, overrules);
        let (overrules, misfits) = supply(&contract, overrules, data);
        let all = odd.into_iter().chain(unknown).chain(misfits);
        let all: Vec<Diagnostic> = all.collect();
        contract.diagnostics.extend(all.iter().cloned());
        material.found.extend(all);
        Self::assembled(material, contract, overrules, settings)
    }

    /// Creates the sandbox of an assembled contract.
    fn assembled(
        material: Material,
        contract: Contract,
        overrules: RoleOverrides,
        settings: Settings,
    ) -> Self {
        let templates = TemplateStore::new(&contract);
        let mut fixtures = contract
            .operations
            .iter()
            .flat_map(|operation| &operation.fixtures);
        let is_drawn = settings
            .delay
            .is_some_and(|delay| !matches!(delay, Delay::Fixed(_)));
        let is_staged = is_drawn || fixtures.any(|fixture| fixture.is_staged());
        Self {
            material,
            contract,
            templates,
            resources: Resources::with(overrules),
            memory: Arc::new(Memory::new(settings.bounds)),
            settings,
            scenario: None,
            is_staged,
            has_posted: Arc::default(),
            generation: 0,
            began: Instant::now(),
        }
    }

    /// Returns a sandbox of the same documents with other fixtures, and without sessions.
    #[must_use]
    pub(crate) fn with_fixtures(
        &self,
        change: impl FnOnce(&[FixtureFile]) -> Vec<FixtureFile>,
    ) -> Self {
        let material = Material {
            loaded: Arc::clone(&self.material.loaded),
            fixtures: change(&self.material.fixtures),
            found: Vec::new(),
            supplied: self.material.supplied,
            examples: self.material.examples,
        };
        let contract = material.contract(Demand::Few);
        let (overrules, _) = RoleOverrides::read(&contract, &material.fixtures);
        Self::assembled(material, contract, overrules, self.settings)
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

    /// Returns the files, folders and URLs that the sandbox was loaded from.
    #[must_use]
    pub(crate) fn sources(&self) -> &Sources {
        &self.material.loaded.sources
    }

    /// Returns the sandbox with the sessions, the scenario and the clock of an earlier one.
    #[must_use]
    pub(crate) fn succeeding(self, earlier: &Self) -> Self {
        Self {
            memory: Arc::clone(&earlier.memory),
            has_posted: Arc::clone(&earlier.has_posted),
            generation: earlier.generation + 1,
            scenario: earlier.scenario.clone(),
            began: earlier.began,
            ..self
        }
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
        let posted = self.posted(session);
        let context = ExchangeContext {
            posted: &posted,
            ..self.context(request.uri().path())
        };
        let within = |run: &mut dyn FnMut(&mut SessionState)| {
            self.within(session, |session_state| run(session_state));
        };
        let session_view = if self.is_staged || !posted.is_empty() {
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

    /// Notes that a client has added a fixture: before the first one, no session is asked for any.
    pub(crate) fn note_posted(&self) {
        self.has_posted.store(true, Ordering::Release);
    }

    /// Returns the fixtures that a client added to a session, with the operations of each.
    fn posted(&self, session: &str) -> Vec<ApplicableFixture> {
        if !self.has_posted.load(Ordering::Acquire) {
            return Vec::new();
        }
        let all = |session_state: &SessionState| session_state.posted().all().to_vec();
        let all = self.memory.look(session, all).unwrap_or_default();
        let applicable = all.into_iter().map(|posted| {
            // A reload may have removed them.
            let find = || operations_of(&self.contract, &posted.key).unwrap_or_default();
            ApplicableFixture {
                operations: posted.operations(self.generation, find),
                posted,
            }
        });
        applicable.collect()
    }

    /// Returns true if a fixture of an operation says that the request is wrong on purpose.
    pub(crate) fn expects_violation(&self, session: &str, index: usize, request: &Request) -> bool {
        let posted = self.posted(session);
        let posted = posted.iter().filter(|own| own.operations.contains(&index));
        let of_files = self.contract.operations[index].fixtures.iter();
        let all = posted
            .map(|own| &own.posted.fixture)
            .chain(of_files.map(|own| &**own));
        let expecting: Vec<&Fixture> = all.filter(|fixture| fixture.expects_violation).collect();
        if expecting.is_empty() {
            return false;
        }
        let chosen = |session_state: &SessionState| session_state.scenario().cloned();
        let chosen = self.memory.look(session, chosen).flatten();
        let scenario = chosen.or_else(|| self.scenario.clone());
        let instance = self.instance(request);
        expecting.iter().any(|fixture| {
            let is_of_scenario = fixture.scenario.is_none() || fixture.scenario == scenario;
            let when = fixture.when.as_ref();
            is_of_scenario && when.is_none_or(|when| when.holds(&instance))
        })
    }

    /// Returns a request as one instance, `{path, query, header, cookie, body}`, see
    /// [`exchange::instance`].
    pub(crate) fn instance(&self, request: &Request) -> Value {
        exchange::instance(&self.contract, &self.settings, request)
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
        initial::beginning(
            self.context("").entities(),
            collection,
            scope,
            self.settings.options,
        )
    }

    /// Returns the wider collection that has the entities of a nested one; `None` if the nested one has
    /// entities of its own.
    #[must_use]
    pub(crate) fn wider<'s>(&'s self, collection: &'s Collection) -> Option<Wider<'s>> {
        let (index, _) = collection.shown_by.first()?;
        let document = self.contract.operations[*index].document;
        let names = initial::scope_names(&self.contract, collection);
        let [name] = names.as_slice() else {
            return None;
        };
        wider(self.context("").entities(), collection, document, name)
    }

    /// Returns a new entity of a collection with its key: the entity with this number that is made of
    /// the given members, or else a generated one. `None` if no answer shows the entities.
    #[must_use]
    pub(crate) fn draft(
        &self,
        collection: &Collection,
        scope: &str,
        number: u64,
        sent: Option<serde_json::Map<String, Value>>,
    ) -> Option<(String, Value)> {
        let context = self.context("").entities();
        let options = self.settings.options;
        initial::draft(context, collection, scope, options, (number, sent))
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
        let posted = self.posted(session);
        let context = ExchangeContext {
            posted: &posted,
            ..self.context(request.uri().path())
        };
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

    /// Returns an example request to an operation, and the answer that it would get in a session;
    /// changes nothing.
    #[must_use]
    pub(crate) fn example(&self, session: &str, index: usize) -> (Request, Response) {
        let settings = Settings {
            delay: None,
            compression: Compression::Off,
            ..self.settings
        };
        let operation = &self.contract.operations[index];
        let request = sample::request(operation, &settings.options, None);
        let now = self
            .memory
            .look(session, SessionState::now)
            .unwrap_or_default();
        let chosen = now.scenario.clone();
        let session_state = RefCell::new(SessionState::of(now));
        let within = |run: &mut dyn FnMut(&mut SessionState)| run(&mut session_state.borrow_mut());
        let session_view = self.session_view(chosen, &within);
        let context = self.context(request.uri().path());
        let plan = exchange::plan(context, &session_view, &settings, &request);
        let (response, _report) =
            exchange::answer(&plan, &settings, &request, &mut |key, step, factory| {
                session_state.borrow_mut().step(key, step, factory)
            });
        (request, response)
    }

    /// Returns an example request to an operation, with the values that a person chose.
    #[must_use]
    pub(crate) fn example_request(
        &self,
        index: usize,
        media: Option<&MediaRange>,
        given: &GivenValues<'_>,
    ) -> Request {
        /// Maximum number of generated values; people wait for the request.
        const MOST_VALUES: usize = 5_000;
        let operation = &self.contract.operations[index];
        let options = GenerateOptions {
            most_values: self.settings.options.most_values.min(MOST_VALUES),
            ..self.settings.options
        };
        sample::request_with(operation, &options, media, given)
    }

    fn context<'s>(&'s self, path: &'s str) -> ExchangeContext<'s> {
        ExchangeContext {
            contract: &self.contract,
            resources: &self.resources,
            templates: &self.templates,
            posted: &[],
            path,
            form: self.settings.problems,
        }
    }

    /// Returns the state of all sessions.
    #[must_use]
    #[doc(hidden)]
    pub fn memory(&self) -> &Arc<Memory> {
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

/// Returns a hash of the names and texts of files.
fn hash_of_texts<'f>(files: impl Iterator<Item = &'f FixtureFile>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.source.name().hash(&mut hasher);
        file.source.text().hash(&mut hasher);
    }
    hasher.finish()
}

fn tell(gone: &[String]) {
    for name in gone {
        tracing::warn!(
            session = name,
            "the session was forgotten, as there are too many or too large ones"
        );
    }
}
