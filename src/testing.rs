//! Sandbox for Rust tests: on a free port, with sessions, and stopped when it is dropped.
//!
//! ```
//! use standin::Sandbox;
//!
//! const DOCUMENT: &str = r#"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/hi": {"get": {
//!     "operationId": "hi",
//!     "responses": {"200": {"description": "", "content": {"text/plain": {"example": "hello"}}}}}}}}"#;
//!
//! # let _attribute = stringify! {
//! #[tokio::test(flavor = "multi_thread")]
//! # };
//! async fn greets() -> Result<(), Box<dyn std::error::Error>> {
//!     let sandbox = Sandbox::builder().text("hi.json", DOCUMENT).start().await?;
//!     // Calls of one session are counted apart from those of others.
//!     let (mine, other) = (sandbox.session("mine"), sandbox.session("other"));
//!     let greeting = ureq::get(format!("{}/hi", mine.uri())).call()?.body_mut().read_to_string()?;
//!     assert_eq!(greeting, "hello");
//!     mine.verify("hi", 1..=1)?;
//!     other.verify("hi", 0..=0)?;
//!     Ok(())
//! }
//! # tokio::runtime::Runtime::new().unwrap().block_on(greets()).unwrap();
//! ```
//!
//! A client that blocks, as `ureq` does, needs the `multi_thread` runtime; with `reqwest`, `#[tokio::test]` is enough.
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
use crate::server::current::CurrentControl;
use crate::server::{self, Limits};
use crate::state::journal::Entry;

impl Sandbox {
    /// Returns a [`Builder`] of a sandbox for a test.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }
}

/// Builder of a sandbox for a test.
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

/// Reason why a sandbox for a test cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No document could be read; contains what was found instead.
    #[error("there is no document to serve{}", summary(.0))]
    NoDocument(Vec<Diagnostic>),
    /// No port could be bound.
    #[error("no port can be had: {0}")]
    Listen(#[from] std::io::Error),
}

fn summary(found: &[Diagnostic]) -> String {
    let errors = found
        .iter()
        .filter(|diagnostic| diagnostic.severity() == Severity::Error);
    errors
        .map(|diagnostic| format!("\n{}", diagnostic.render_line()))
        .collect::<Vec<_>>()
        .concat()
}

impl Builder {
    /// Adds a document: a file, or a folder that is searched for documents.
    #[must_use]
    pub fn document(mut self, path: impl Into<PathBuf>) -> Self {
        self.inputs.push(Input::Path(path.into()));
        self
    }

    /// Adds a document as text; diagnostics refer to it by `name`.
    #[must_use]
    pub fn text(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.inputs.push(Input::Text {
            name: name.into(),
            text: text.into(),
        });
        self
    }

    /// Sets the folder of fixtures.
    #[must_use]
    pub fn fixtures(mut self, folder: impl Into<PathBuf>) -> Self {
        self.fixtures = Some(folder.into());
        self
    }

    /// Sets the seed of generated values.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.options = GenerateOptions {
            seed,
            ..self.settings.options
        };
        self
    }

    /// Turns on state, so that later answers show what requests wrote (`--state on`).
    #[must_use]
    pub fn remembering(mut self) -> Self {
        self.settings.state = StateMode::On;
        self.settings.echo = Echoing::On;
        self
    }

    /// Sets the treatment of invalid requests (`--validate`).
    #[must_use]
    pub fn validation(mut self, validation: Validation) -> Self {
        self.settings.validation = validation;
        self
    }

    /// Selects the scenario of the fixtures, for sessions that select none.
    #[must_use]
    pub fn scenario(mut self, name: impl Into<String>) -> Self {
        self.scenario = Some(name.into());
        self
    }

    /// Sets the number of exchanges of each session that are kept for verification; 500 by default.
    #[must_use]
    pub fn journal(mut self, exchanges: usize) -> Self {
        self.options.journal = exchanges;
        self
    }

    /// Changes any other setting.
    #[must_use]
    pub fn settings(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Serves the sandbox on a free port of the loopback address.
    ///
    /// # Errors
    ///
    /// Returns [`StartError`] if there is no document to serve or no port can be bound.
    pub async fn start(self) -> Result<Running, StartError> {
        let sandbox = Sandbox::load(
            &self.inputs,
            self.fixtures.as_deref(),
            &self.reading,
            self.settings,
        );
        let sandbox = Arc::new(sandbox.with_scenario(self.scenario));
        if sandbox.contract().documents.is_empty() {
            return Err(StartError::NoDocument(
                sandbox.contract().diagnostics.clone(),
            ));
        }
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let control = Arc::new(Control::with(sandbox, self.options));
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            let _either = stopped.await;
        };
        tokio::spawn(server::run_with(
            listener,
            Arc::new(CurrentControl::new(Arc::clone(&control))),
            Limits::default(),
            shutdown,
        ));
        Ok(Running {
            control,
            address,
            _stop: stop,
        })
    }
}

/// Sandbox that is served until it is dropped.
#[derive(Debug)]
pub struct Running {
    control: Arc<Control>,
    address: SocketAddr,
    /// Sender that stops the server when it is dropped.
    _stop: oneshot::Sender<()>,
}

/// Difference between the calls of an operation and those that a test expects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{operation}` was called {}, expected {expected}{}", crate::diagnostic::count(*count, "time"), unseen(*forgotten))]
pub struct Unverified {
    /// Name of the operation.
    pub operation: String,
    /// Number of calls that were found.
    pub count: usize,
    /// Expected number of calls, such as `1..=1`.
    pub expected: String,
    /// Number of exchanges that the journal has dropped, so that they were not counted.
    pub forgotten: u64,
}

fn unseen(forgotten: u64) -> String {
    match forgotten {
        0 => String::new(),
        _ => {
            format!("; {forgotten} earlier exchanges are not kept any more, see `Builder::journal`")
        }
    }
}

impl Running {
    /// Returns the base URL: `http://127.0.0.1:41234`.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the sandbox that is served.
    #[must_use]
    pub fn sandbox(&self) -> &Sandbox {
        self.control.sandbox()
    }

    /// Returns a session: separate state for tests that run in parallel.
    #[must_use]
    pub fn session(&self, name: &str) -> Session<'_> {
        Session {
            running: self,
            name: name.to_owned(),
        }
    }

    /// Returns the exchanges of all sessions, the oldest first; of each session only the last ones,
    /// see [`Builder::journal`] and [`forgotten`](Self::forgotten).
    #[must_use]
    pub fn received(&self) -> Vec<Entry> {
        self.control.journal(None).entries
    }

    /// Returns the number of exchanges that were dropped before those of
    /// [`received`](Self::received).
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.control.journal(None).forgotten
    }

    /// Checks how often an operation was called in all sessions: `1..=1`, `2..`.
    ///
    /// # Errors
    ///
    /// Returns [`Unverified`] if the number of calls differs, or if it may be higher because the
    /// journal has dropped exchanges and `times` has an upper bound.
    pub fn verify(
        &self,
        operation: &str,
        times: impl RangeBounds<usize> + std::fmt::Debug,
    ) -> Result<(), Unverified> {
        verify(&self.control.journal(None), operation, &times)
    }

    /// Returns the number of calls of an operation whose content is valid against a JSON Schema. A
    /// form is validated as an object of texts.
    ///
    /// # Panics
    ///
    /// Panics if `body` is not a valid JSON Schema.
    #[must_use]
    pub fn count(&self, operation: &str, body: &Value) -> usize {
        count(&self.received(), operation, body)
    }

    /// Clears the state and the journals of all sessions.
    pub fn reset(&self) {
        self.control.forget();
    }
}

/// Session of a sandbox.
#[derive(Debug)]
pub struct Session<'r> {
    running: &'r Running,
    name: String,
}

impl Session<'_> {
    /// Returns the base URL of the session; requests below it are in the session.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("{}/_standin/sessions/{}", self.running.uri(), self.name)
    }

    /// Returns the name and the value of the header field that puts a request in the session.
    #[must_use]
    pub fn header(&self) -> (&'static str, &str) {
        ("Standin-Session", &self.name)
    }

    /// Returns the exchanges of the session, the oldest first; only the last ones, see
    /// [`Builder::journal`].
    #[must_use]
    pub fn received(&self) -> Vec<Entry> {
        self.running.control.journal(Some(&self.name)).entries
    }

    /// Returns the number of exchanges that were dropped before those of
    /// [`received`](Self::received).
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.running.control.journal(Some(&self.name)).forgotten
    }

    /// Checks how often an operation was called in the session.
    ///
    /// # Errors
    ///
    /// Returns [`Unverified`] if the number of calls differs, or if it may be higher because the
    /// journal has dropped exchanges and `times` has an upper bound.
    pub fn verify(
        &self,
        operation: &str,
        times: impl RangeBounds<usize> + std::fmt::Debug,
    ) -> Result<(), Unverified> {
        verify(
            &self.running.control.journal(Some(&self.name)),
            operation,
            &times,
        )
    }

    /// Returns the number of calls of an operation in the session whose content is valid against a
    /// JSON Schema. A form is validated as an object of texts.
    ///
    /// # Panics
    ///
    /// Panics if `body` is not a valid JSON Schema.
    #[must_use]
    pub fn count(&self, operation: &str, body: &Value) -> usize {
        count(&self.received(), operation, body)
    }

    /// Clears the state and the journal of the session.
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
    // Dropped exchanges may include more calls.
    let is_sure = journal.forgotten == 0 || matches!(times.end_bound(), Bound::Unbounded);
    if is_sure && times.contains(&count) {
        return Ok(());
    }
    let expected = format!("{times:?}");
    Err(Unverified {
        operation: operation.to_owned(),
        count,
        expected,
        forgotten: journal.forgotten,
    })
}

fn count(entries: &[Entry], operation: &str, body: &Value) -> usize {
    let schema = standalone(body).expect("the schema of the content can be compiled");
    let own = entries
        .iter()
        .filter(|entry| entry.operation.as_deref() == Some(operation));
    own.filter(|entry| {
        entry
            .body()
            .is_some_and(|body| schema.is_valid(&body) == Ok(true))
    })
    .count()
}
