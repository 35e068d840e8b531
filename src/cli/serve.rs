//! `standin serve`: its options, and how documents are served.

use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::net::TcpListener;

use super::{Documents, Failure, Generation, Outcome, size, summary};
use crate::diagnostic::{Diagnostic, Severity, count};
use crate::exchange::parameter::QueryArrays;
use crate::exchange::{AbsentBody, Cors, OtherNames, Settings, Validation};
use crate::sandbox::{Reading, Sandbox};
use crate::server::{self, Limits, log};

/// The options of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    documents: Documents,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1", env = "STANDIN_HOST", hide_env = true)]
    host: String,
    /// Port to listen on; 0 picks a free one
    #[arg(long, default_value_t = 4010, env = "STANDIN_PORT", hide_env = true)]
    port: u16,
    #[command(flatten)]
    generation: Generation,
    /// What wrong requests get
    ///
    /// `strict` rejects them with the documented error; `warn` answers them and says in the
    /// `Standin-Violations` header and in the log what is wrong; `off` does not look.
    #[arg(
        long,
        value_enum,
        value_name = "strict|warn|off",
        hide_possible_values = true,
        default_value = "strict",
        env = "STANDIN_VALIDATE",
        hide_env = true
    )]
    validate: ValidationChoice,
    /// Judge an absent body as an empty object, even where the document does not require one
    ///
    /// The standard lets a request omit its body unless `requestBody.required` is true, and many
    /// documents forget to say so.
    #[arg(
        long,
        env = "STANDIN_REQUIRE_BODIES", hide_env = true,
        action = clap::ArgAction::SetTrue,
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    require_bodies: bool,
    /// Refuse names in the query that no parameter has
    #[arg(
        long,
        env = "STANDIN_STRICT_QUERY", hide_env = true, hide_short_help = true,
        action = clap::ArgAction::SetTrue,
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    strict_query: bool,
    /// How lists in queries may be written, beside what is documented
    ///
    /// `brackets` takes a[]=1&a[]=2, which is always taken; `comma` takes a=1,2 too, and `repeat`
    /// a=1&a=2.
    #[arg(
        long,
        value_enum,
        value_name = "brackets|comma|repeat",
        hide_possible_values = true,
        default_value = "brackets",
        env = "STANDIN_QUERY_ARRAYS",
        hide_env = true,
        hide_short_help = true
    )]
    query_arrays: ArraysChoice,
    /// Whether pages of other origins may use the sandbox
    #[arg(
        long,
        value_enum,
        value_name = "on|off",
        hide_possible_values = true,
        default_value = "on",
        env = "STANDIN_CORS",
        hide_env = true
    )]
    cors: Switch,
    /// Largest request content, such as 512KiB; a larger one gets 413
    #[arg(long, value_name = "SIZE", default_value = "10MiB", value_parser = size, env = "STANDIN_MAX_BODY", hide_env = true)]
    max_body: usize,
    /// Milliseconds between the items of an answer that is sent item by item
    ///
    /// Server-sent events, JSON Lines and JSON text sequences are sent so.
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 0,
        env = "STANDIN_ITEM_DELAY",
        hide_env = true,
        hide_short_help = true
    )]
    item_delay: u64,
    /// Seconds that exchanges in flight have to finish at the end
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 10,
        env = "STANDIN_DRAIN",
        hide_env = true,
        hide_short_help = true
    )]
    drain: u64,
    /// How the log on standard error is written
    ///
    /// One line for each exchange. `STANDIN_LOG_LEVEL=debug` adds more.
    #[arg(
        long,
        value_enum,
        value_name = "human|json|off",
        hide_possible_values = true,
        default_value = "human",
        env = "STANDIN_LOG",
        hide_env = true
    )]
    log: log::Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ValidationChoice {
    Strict,
    Warn,
    Off,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ArraysChoice {
    Brackets,
    Comma,
    Repeat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl Serve {
    pub(super) fn run(self, out: &mut impl Write, err: &mut impl Write) -> Result<Outcome, Failure> {
        let sandbox = Arc::new(self.documents.load(self.settings()));
        let findings = Findings::look_for(&sandbox);
        for line in summary(sandbox.contract(), findings.so_far(&sandbox)) {
            writeln!(err, "{line}")?;
        }
        if sandbox.contract().documents.is_empty() {
            writeln!(err, "error: there is no document to serve")?;
            return Ok(Outcome::CouldNotRun);
        }
        log::start(self.log);
        findings.log_the_rest();
        let limits = self.limits();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build()?;
        let served = runtime.block_on(async {
            let listener = TcpListener::bind((self.host.as_str(), self.port)).await.map_err(|error| {
                let address = format!("{}:{}", self.host, self.port);
                Failure::Listen { address, error }
            })?;
            // Whoever reads the line may send the signal at once.
            let stop = stop_signal();
            writeln!(out, "listening on http://{}", listener.local_addr()?)?;
            out.flush()?;
            server::run(listener, sandbox, limits, stop).await;
            Ok(Outcome::Clean)
        });
        runtime.shutdown_background();
        served
    }

    /// What the server does not go beyond.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            max_body: self.max_body,
            drain: Duration::from_secs(self.drain),
            item_delay: Duration::from_millis(self.item_delay),
            ..Limits::default()
        }
    }

    /// How documents are read.
    #[must_use]
    pub fn reading(&self) -> Reading {
        self.documents.reading()
    }

    /// How requests are answered.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            validation: match self.validate {
                ValidationChoice::Strict => Validation::Strict,
                ValidationChoice::Warn => Validation::Warn,
                ValidationChoice::Off => Validation::Off,
            },
            cors: match self.cors {
                Switch::On => Cors::On,
                Switch::Off => Cors::Off,
            },
            absent_body: if self.require_bodies { AbsentBody::Judged } else { AbsentBody::Accepted },
            other_names: if self.strict_query { OtherNames::Refused } else { OtherNames::Accepted },
            query_arrays: match self.query_arrays {
                ArraysChoice::Brackets => QueryArrays::Brackets,
                ArraysChoice::Comma => QueryArrays::Comma,
                ArraysChoice::Repeat => QueryArrays::Repeat,
            },
            manner: self.generation.manner(),
        }
    }
}

/// Ready when the process is asked to end: Ctrl-C, and SIGTERM where there is one. It listens for
/// them from now on, not only once it is waited for.
fn stop_signal() -> impl Future<Output = ()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
        async move {
            match signals {
                [Ok(mut interrupt), Ok(mut terminate)] => tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                },
                _ => std::future::pending().await,
            }
        }
    }
    #[cfg(not(unix))]
    async {
        let _closed = tokio::signal::ctrl_c().await;
    }
}

/// How long the start waits for all findings about large documents before it listens without them.
const PATIENCE: Duration = Duration::from_secs(2);

/// The stack of a thread, in bytes: deep schemas are compiled and walked by recursion.
const STACK: usize = 16 * 1024 * 1024;

/// What is wrong with the documents, looked for beside the start of the server.
struct Findings {
    all: Option<Vec<Diagnostic>>,
    rest: Option<Receiver<Vec<Diagnostic>>>,
}

impl Findings {
    /// Builds in the background whatever requests will need; waits for it as long as that is short.
    fn look_for(sandbox: &Arc<Sandbox>) -> Self {
        let (send, receive) = mpsc::channel();
        let sandbox = Arc::clone(sandbox);
        let look = move || {
            // Who asked may have gone on without waiting.
            let _received = send.send(sandbox.diagnostics());
            sandbox.warm_up();
        };
        // Without the thread there is nothing to wait for, and requests build what they need.
        let _spawned = thread::Builder::new().stack_size(STACK).spawn(look);
        match receive.recv_timeout(PATIENCE) {
            Ok(all) => Self { all: Some(all), rest: None },
            Err(_) => Self { all: None, rest: Some(receive) },
        }
    }

    /// All of them, or those that were found while loading.
    fn so_far<'f>(&'f self, sandbox: &'f Sandbox) -> &'f [Diagnostic] {
        self.all.as_deref().unwrap_or(&sandbox.contract().diagnostics)
    }

    /// What is not found yet goes to the log once it is.
    fn log_the_rest(self) {
        let Some(rest) = self.rest else { return };
        tracing::info!("schemas and examples are still being checked; requests are answered meanwhile");
        thread::spawn(move || {
            let found = rest.recv().unwrap_or_default();
            let (errors, warnings): (Vec<_>, Vec<_>) = found.iter().partition(|d| d.severity() == Severity::Error);
            for error in &errors {
                tracing::error!("{}", error.render_line());
            }
            tracing::info!(
                "checked: {}, {}; `standin check` tells all",
                count(errors.len(), "error"),
                count(warnings.len(), "warning")
            );
        });
    }
}
