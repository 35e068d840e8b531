//! Sandbox: a loaded contract and the settings to serve it with, shared by the command line, the
//! server and tests.
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use indexmap::IndexMap;
use serde_json::Value;

use crate::codec::coding;
use crate::codec::message::{Request, Response};
use crate::contract::assembly::assemble;
use crate::contract::changes::Changes;
use crate::contract::fixture_key::FixtureKey;
use crate::contract::simulation::Delay;
use crate::contract::{Contract, Operation};
use crate::diagnostic::{Code, Diagnostic};
use crate::document::files::Access;
use crate::document::sources::Sources;
use crate::document::{self, FixtureFile, Input, Loaded};
use crate::entity::data::supply;
use crate::entity::values::misfit;
use crate::errors::survey::{Survey, survey};
use crate::errors::templates::TemplateStore;
use crate::exchange::context::ExchangeContext;
use crate::exchange::session_view::{SessionView, Within};
use crate::exchange::{self, Compression, Report, Settings, sample};
use crate::resource::role_override::RoleOverrides;
use crate::resource::{Collection, Resources};
use crate::schema::Demand;
use crate::schema::Examples;
use crate::state::journal::Ended;
use crate::state::memory::Entities;
use crate::state::posted::{ApplicableFixture, MOST_POSTED};
use crate::state::session::{SessionState, Snapshot};
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
    memory: Arc<Memory>,
    settings: Settings,
    /// Scenario of sessions that selected none.
    scenario: Option<String>,
    /// True if answers depend on earlier requests.
    is_staged: bool,
    /// True once a client has added a fixture to its session.
    has_posted: Arc<AtomicBool>,
    /// Operations of the keys of added fixtures.
    keys: Mutex<HashMap<String, Arc<[usize]>>>,
    began: Instant,
}

/// Inputs of a contract, kept to assemble it again.
#[derive(Debug)]
struct Material {
    loaded: Loaded,
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
        let (files, mut found) = fixtures.map(document::load_fixtures).unwrap_or_default();
        let (data, odd) = fixtures.map(document::load_data).unwrap_or_default();
        found.extend(odd);
        let mut sandbox = Self::made(inputs, files, &data, found, reading, settings);
        if let Some(folder) = fixtures {
            sandbox.material.loaded.sources.add_folder(folder);
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
            loaded,
            supplied: hash_of_texts(texts),
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
            keys: Mutex::default(),
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
            scenario: earlier.scenario.clone(),
            began: earlier.began,
            ..self
        }
    }

    /// Returns the operations that differ from those of an earlier sandbox.
    #[must_use]
    pub(crate) fn changes_since(&self, earlier: &Self) -> Changes {
        Changes::between(&earlier.contract, &self.contract)
    }

    /// Returns true if fixtures or data differ from those of an earlier sandbox.
    #[must_use]
    pub(crate) fn has_other_fixtures(&self, earlier: &Self) -> bool {
        self.material.supplied != earlier.material.supplied
    }

    /// Returns the diagnostics that show a file that was broken since an earlier sandbox was
    /// loaded: it cannot be read or parsed, or is no longer a document.
    #[must_use]
    pub(crate) fn broken_since(&self, earlier: &Self) -> Vec<Diagnostic> {
        let is_broken = |found: &&Diagnostic| {
            matches!(
                found.code,
                Code::UnreadableFile
                    | Code::Syntax
                    | Code::NotOpenapi
                    | Code::UnsupportedVersion
                    | Code::BrokenOverlay
            )
        };
        let lines = |sandbox: &Self| {
            let all = sandbox.contract.diagnostics.iter().filter(is_broken);
            all.map(|found| (found.render_line(), found.clone()))
                .collect::<Vec<_>>()
        };
        let before = lines(earlier);
        let is_new =
            |(line, _): &(String, Diagnostic)| before.iter().all(|(there, _)| there != line);
        let mut broken: Vec<Diagnostic> = lines(self)
            .into_iter()
            .filter(is_new)
            .map(|(_, found)| found)
            .collect();
        if broken.is_empty() {
            broken.extend(self.lost_since(earlier));
        }
        broken
    }

    /// Returns a diagnostic for each file of an earlier sandbox that cannot be read any more, and for
    /// each document whose file still exists and is not a document any more.
    fn lost_since(&self, earlier: &Self) -> Vec<Diagnostic> {
        let sources = (self.sources(), earlier.sources());
        let was_whole =
            |path: &PathBuf| sources.1.files.contains(path) && !sources.1.failed.contains_key(path);
        let failed = sources.0.failed.iter();
        let failed = failed.filter(|(path, _)| was_whole(path));
        let failed = failed.map(|(_, why)| {
            Diagnostic::without_place(Code::UnreadableFile, why.clone())
                .help("a document refers to this file")
        });
        let mut found: Vec<Diagnostic> = failed.collect();
        if self.contract.documents.is_empty() && !earlier.contract.documents.is_empty() {
            let message = "no document is left to serve".to_owned();
            found.push(Diagnostic::without_place(Code::NotOpenapi, message));
        }
        let names = |sandbox: &Self| -> Vec<String> {
            let documents = sandbox.contract.documents.iter();
            documents
                .map(|document| document.source().name().to_owned())
                .collect()
        };
        let now = names(self);
        let is_lost = |name: &String| !now.contains(name) && Path::new(name).is_file();
        let lost = names(earlier).into_iter().filter(is_lost);
        found.extend(lost.map(|name| {
            let message = format!("`{name}` is not an OpenAPI document any more");
            Diagnostic::without_place(Code::NotOpenapi, message)
                .help("remove the file to stop serving its operations")
        }));
        found
    }

    /// Returns the collections with entities that do not fit their schema, and the number of these
    /// entities; at most [`MOST_JUDGED`] entities are checked.
    #[must_use]
    pub(crate) fn misfits(&self) -> Vec<(String, usize)> {
        let mut collections: IndexMap<&str, &Arc<Collection>> = IndexMap::new();
        for (_, role) in self.resources.all(&self.contract) {
            collections
                .entry(role.collection.name.as_str())
                .or_insert(&role.collection);
        }
        let mut misfits: IndexMap<String, usize> = IndexMap::new();
        let mut left = MOST_JUDGED;
        for (session, _) in self.memory.sessions() {
            let now = self.memory.look(&session, SessionState::now);
            for (name, entities) in now.iter().flat_map(Snapshot::written) {
                let Some(collection) = collections.get(name) else {
                    continue;
                };
                for entity in entities.all.values() {
                    if left == 0 {
                        break;
                    }
                    left -= 1;
                    if misfit(collection, entity).is_some() {
                        *misfits.entry(name.to_owned()).or_default() += 1;
                    }
                }
            }
        }
        misfits.into_iter().collect()
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
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() > MOST_POSTED {
            keys.clear();
        }
        let applicable = all.into_iter().map(|posted| {
            let operations = keys.entry(posted.key.clone()).or_insert_with(|| {
                let key = FixtureKey::read(&self.contract, &posted.key);
                key.operations(&self.contract).into()
            });
            ApplicableFixture {
                operations: Arc::clone(operations),
                posted,
            }
        });
        applicable.collect()
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

/// Maximum number of entities that are checked against their schemas after a reload.
const MOST_JUDGED: usize = 10_000;

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
