//! A loaded contract and how it is to be served: what the command line, the server and tests share.

use std::path::Path;

use crate::check;
use crate::contract::assembly::assemble;
use crate::contract::example::Examples;
use crate::contract::schema::Demand;
use crate::contract::{Contract, Operation};
use crate::diagnostic::Diagnostic;
use crate::document::link::Access;
use crate::document::{self, FixtureFile, Input, Loaded};
use crate::exchange::rejection::Ground;
use crate::exchange::rejection::catalogue::idiom;
use crate::exchange::rejection::survey::{Survey, survey};
use crate::exchange::rejection::voice::Voices;
use crate::exchange::{self, Report, Request, Response, Settings};

/// How documents are read.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// Whether examples are made to fit their schema.
    pub examples: Examples,
    /// Which files documents may refer to.
    pub access: Access,
    /// Overlays that change the documents, in order.
    pub overlays: Vec<Input>,
}

/// A stand-in for the API that some documents describe.
///
/// ```
/// use standin::{Reading, Sandbox};
/// use standin::document::Input;
/// use standin::exchange::{Body, Settings};
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
    voices: Voices,
    settings: Settings,
}

/// What a contract is made of, kept to make it again.
#[derive(Debug)]
struct Material {
    loaded: Loaded,
    fixtures: Vec<FixtureFile>,
    /// What was found when the fixtures were read.
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
    /// Loads documents, and fixtures from a folder. What is wrong with them is in
    /// [`diagnostics`](Self::diagnostics); a sandbox without any operation is one too.
    #[must_use]
    pub fn load(inputs: &[Input], fixtures: Option<&Path>, reading: &Reading, settings: Settings) -> Self {
        let (files, found) = fixtures.map(document::load_fixtures).unwrap_or_default();
        Self::made(inputs, files, found, reading, settings)
    }

    /// Loads documents, with fixtures that are already read.
    #[must_use]
    pub fn new(inputs: &[Input], fixtures: &[FixtureFile], reading: &Reading, settings: Settings) -> Self {
        Self::made(inputs, fixtures.to_vec(), Vec::new(), reading, settings)
    }

    fn made(
        inputs: &[Input],
        fixtures: Vec<FixtureFile>,
        found: Vec<Diagnostic>,
        reading: &Reading,
        settings: Settings,
    ) -> Self {
        let loaded = document::load(inputs, &reading.access, &reading.overlays);
        let material = Material { loaded, fixtures, found, examples: reading.examples };
        let contract = material.contract(Demand::Few);
        let voices = Voices::new(&contract);
        Self { material, contract, voices, settings }
    }

    /// What the documents promise.
    #[must_use]
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// How it was told to answer.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Everything that is wrong with the documents and fixtures.
    ///
    /// It builds whatever else is built when first needed, and gives it back: requests ask for little of
    /// what a large document has.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        check::examine(&self.material.contract(Demand::All), &self.settings.manner)
    }

    /// Gives back the memory that only findings need.
    pub fn rest(&self) {
        self.contract.documents.iter().for_each(|document| document.source().rest());
    }

    /// Answers a request, told otherwise than it was at its start.
    #[must_use]
    pub fn answer_as(&self, settings: &Settings, request: &Request) -> (Response, Report) {
        exchange::answer(&self.contract, &self.voices, settings, request)
    }

    /// Reads what any wrong request needs, so that the first one need not wait for it.
    pub fn warm_up(&self) {
        let _known = idiom::candidates("");
    }

    /// How an operation answers a wrong request.
    #[must_use]
    pub fn survey(&self, operation: &Operation) -> Survey {
        let ground = Ground { contract: &self.contract, voices: &self.voices, path: &operation.template };
        survey(ground, operation, &self.settings.manner)
    }

    /// Answers a request.
    #[must_use]
    pub fn answer(&self, request: &Request) -> (Response, Report) {
        self.answer_as(&self.settings, request)
    }
}
