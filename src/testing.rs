//! A sandbox for Rust tests: on a port of its own, with sessions, and gone when it is dropped.
use std::net::SocketAddr;
use std::ops::{Bound, RangeBounds};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::diagnostic::{Diagnostic, Severity};
use crate::document::Input;
use crate::exchange::{Echoing, Settings, StateMode, Validation};
use crate::generate::GenerateOptions;
use crate::sandbox::{Reading, Sandbox};
use crate::schema::standalone;
use crate::server::control::requests::Journalled;
use crate::server::control::{Control, Options};
use crate::server::{self, Limits};
use crate::state::journal::Entry;

impl Sandbox {
    /// A sandbox for a test, see [`Builder`].
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }
}

/// What a sandbox for a test is made of.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use standin::Sandbox;
///
/// let text = r#"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/hi": {"get": {
///     "operationId": "hi",
///     "responses": {"200": {"description": "", "content": {"text/plain": {"example": "hello"}}}}}}}}"#;
/// let sandbox = Sandbox::builder().text("hi.json", text).seed(7).start().await?;
/// let response = ureq::get(format!("{}/hi", sandbox.uri())).call();
/// # drop(response);
/// sandbox.verify("hi", 1..=1)?;
/// assert_eq!(sandbox.received().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Default)]
pub struct Builder {
    inputs: Vec<Input>,
    fixtures: Option<PathBuf>,
    reading: Reading,
    settings: Settings,
    scenario: Option<String>,
    options: Options,
}

/// Why a sandbox for a test cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No document could be read; what was found is told.
    #[error("there is no document to serve{}", told(.0))]
    NoDocument(Vec<Diagnostic>),
    /// No port could be had.
    #[error("no port can be had: {0}")]
    Listen(#[from] std::io::Error),
}

fn told(found: &[Diagnostic]) -> String {
    let errors = found.iter().filter(|diagnostic| diagnostic.severity() == Severity::Error);
    errors.map(|diagnostic| format!("\n{}", diagnostic.render_line())).collect::<Vec<_>>().concat()
}

impl Builder {
    /// Adds a file, or a folder that is searched for documents.
    #[must_use]
    pub fn document(mut self, path: impl Into<PathBuf>) -> Self {
        self.inputs.push(Input::Path(path.into()));
        self
    }

    /// Adds the text of a document, called `name` in findings.
    #[must_use]
    pub fn text(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.inputs.push(Input::Text { name: name.into(), text: text.into() });
        self
    }

    /// The folder of fixtures.
    #[must_use]
    pub fn fixtures(mut self, folder: impl Into<PathBuf>) -> Self {
        self.fixtures = Some(folder.into());
        self
    }

    /// The seed of generated values.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.options = GenerateOptions { seed, ..self.settings.options };
        self
    }

    /// Lets what requests write be remembered (`--state on`).
    #[must_use]
    pub fn remembering(mut self) -> Self {
        self.settings.state = StateMode::On;
        self.settings.echo = Echoing::On;
        self
    }

    /// What wrong requests get.
    #[must_use]
    pub fn validation(mut self, validation: Validation) -> Self {
        self.settings.validation = validation;
        self
    }

    /// The scenario of the fixtures that is on.
    #[must_use]
    pub fn scenario(mut self, name: impl Into<String>) -> Self {
        self.scenario = Some(name.into());
        self
    }

    /// How many exchanges of each session are kept to be verified; 500 if nothing is said.
    #[must_use]
    pub fn journal(mut self, exchanges: usize) -> Self {
        self.options.journal = exchanges;
        self
    }

    /// Every other setting.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Serves it on a free port of the loopback address.
    ///
    /// # Errors
    ///
    /// [`StartError`], if there is nothing to serve or no port.
    pub async fn start(self) -> Result<Running, StartError> {
        let sandbox = Sandbox::load(&self.inputs, self.fixtures.as_deref(), &self.reading, self.settings);
        let sandbox = Arc::new(sandbox.with_scenario(self.scenario));
        if sandbox.contract().documents.is_empty() {
            return Err(StartError::NoDocument(sandbox.contract().diagnostics.clone()));
        }
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let control = Arc::new(Control::with(sandbox, self.options));
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            let _either = stopped.await;
        };
        tokio::spawn(server::run_with(listener, Arc::clone(&control), Limits::default(), shutdown));
        Ok(Running { control, address, _stop: stop })
    }
}

/// A sandbox that is served until it is dropped.
#[derive(Debug)]
pub struct Running {
    control: Arc<Control>,
    address: SocketAddr,
    /// The server ends when it is dropped.
    _stop: oneshot::Sender<()>,
}

/// An operation was not called as a test wants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{operation}` was called {}, expected {expected}{}", crate::diagnostic::count(*count, "time"), unseen(*forgotten))]
pub struct Unverified {
    /// The operation by name.
    pub operation: String,
    /// How often it was called.
    pub count: usize,
    /// How often it should have been.
    pub expected: String,
    /// How many exchanges the journal does not have any more: they were not looked at.
    pub forgotten: u64,
}

fn unseen(forgotten: u64) -> String {
    match forgotten {
        0 => String::new(),
        _ => format!("; {forgotten} earlier exchanges are not kept any more, see `Builder::journal`"),
    }
}

impl Running {
    /// Where it is: `http://127.0.0.1:41234`.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The sandbox itself.
    #[must_use]
    pub fn sandbox(&self) -> &Sandbox {
        self.control.sandbox()
    }

    /// A world of its own, for tests that run side by side.
    #[must_use]
    pub fn session(&self, name: &str) -> Session<'_> {
        Session { running: self, name: name.to_owned() }
    }

    /// The exchanges of all sessions, the oldest first; of each session only the last, see [`Builder::journal`] and
    /// [`forgotten`](Self::forgotten).
    #[must_use]
    pub fn received(&self) -> Vec<Entry> {
        self.control.journal(None).entries
    }

    /// How many exchanges there were before those that are [`received`](Self::received) still.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.control.journal(None).forgotten
    }

    /// Whether an operation was called so often, in all sessions: `1..=1`, `2..`.
    ///
    /// # Errors
    ///
    /// [`Unverified`], if it was not, or if it may have been called more often than the journal knows.
    pub fn verify(&self, operation: &str, times: impl RangeBounds<usize> + std::fmt::Debug) -> Result<(), Unverified> {
        verify(&self.control.journal(None), operation, &times)
    }

    /// How often an operation was called with a JSON content that fits a JSON Schema.
    ///
    /// # Panics
    ///
    /// If the schema is none.
    #[must_use]
    pub fn count(&self, operation: &str, body: &Value) -> usize {
        count(&self.received(), operation, body)
    }

    /// Forgets what all sessions wrote and what was asked.
    pub fn reset(&self) {
        self.control.forget();
    }
}

/// One session of a sandbox.
#[derive(Debug)]
pub struct Session<'r> {
    running: &'r Running,
    name: String,
}

impl Session<'_> {
    /// Where it is: what is asked below it is in the session.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("{}/_standin/sessions/{}", self.running.uri(), self.name)
    }

    /// The header field that puts a request in it.
    #[must_use]
    pub fn header(&self) -> (&'static str, &str) {
        ("Standin-Session", &self.name)
    }

    /// Its exchanges, the oldest first; only the last, see [`Builder::journal`].
    #[must_use]
    pub fn received(&self) -> Vec<Entry> {
        self.running.control.journal(Some(&self.name)).entries
    }

    /// How many exchanges there were before those that are [`received`](Self::received) still.
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.running.control.journal(Some(&self.name)).forgotten
    }

    /// Whether an operation was called so often in it.
    ///
    /// # Errors
    ///
    /// [`Unverified`], if it was not.
    pub fn verify(&self, operation: &str, times: impl RangeBounds<usize> + std::fmt::Debug) -> Result<(), Unverified> {
        verify(&self.running.control.journal(Some(&self.name)), operation, &times)
    }

    /// How often an operation was called in it with a JSON content that fits a JSON Schema.
    ///
    /// # Panics
    ///
    /// If the schema is none.
    #[must_use]
    pub fn count(&self, operation: &str, body: &Value) -> usize {
        count(&self.received(), operation, body)
    }

    /// Forgets what it wrote and what was asked in it.
    pub fn reset(&self) {
        self.running.sandbox().memory().reset(Some(&self.name));
    }
}

fn verify(
    journal: &Journalled,
    operation: &str,
    times: &(impl RangeBounds<usize> + std::fmt::Debug),
) -> Result<(), Unverified> {
    let is_called = |entry: &&Entry| entry.operation.as_deref() == Some(operation);
    let count = journal.entries.iter().filter(is_called).count();
    // More calls may be among those that are not kept.
    let is_sure = journal.forgotten == 0 || matches!(times.end_bound(), Bound::Unbounded);
    if is_sure && times.contains(&count) {
        return Ok(());
    }
    let expected = format!("{times:?}");
    Err(Unverified { operation: operation.to_owned(), count, expected, forgotten: journal.forgotten })
}

fn count(entries: &[Entry], operation: &str, body: &Value) -> usize {
    let schema = standalone(body).expect("the schema of the content can be compiled");
    let own = entries.iter().filter(|entry| entry.operation.as_deref() == Some(operation));
    own.filter(|entry| entry.body().is_some_and(|body| schema.is_valid(&body) == Ok(true))).count()
}
