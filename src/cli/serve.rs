//! `standin serve`: its options, and how documents are served.

use std::io::Write;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use tokio::net::TcpListener;
use tokio::sync::oneshot::error::RecvError;
use tokio::sync::oneshot::{self, Receiver};

use super::keep::StateFile;
use super::verdict::{self, Condition, Target};
use super::{Documents, Failure, Generation, Outcome, findings, loaded, size};
use crate::contract::sending::Delay;
use crate::exchange::parameter::QueryArrays;
use crate::exchange::{AbsentBody, Cors, Echoing, OtherNames, Settings, State, Unknown, Validation};
use crate::sandbox::{Reading, Sandbox};
use crate::server::control::{Access, Control, Options};
use crate::server::{self, Limits, log};
use crate::state::sessions::Bounds;

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
        env = "STANDIN_REQUIRE_BODIES", hide_env = true, hide_short_help = true,
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
    /// Whether what requests write is remembered, and so can be read
    ///
    /// `standin routes --state` shows what each operation is taken to do.
    #[arg(
        long,
        value_enum,
        value_name = "on|off",
        hide_possible_values = true,
        default_value = "off",
        env = "STANDIN_STATE",
        hide_env = true
    )]
    state: Switch,
    /// Whether answers say again what requests say, where nothing is remembered [default: as --state]
    ///
    /// Values of the same name and type, and the ids of the path.
    #[arg(
        long,
        value_enum,
        value_name = "on|off",
        hide_possible_values = true,
        env = "STANDIN_ECHO",
        hide_env = true,
        hide_short_help = true
    )]
    echo: Option<Switch>,
    /// What an entity is that nobody wrote, with `--state on`
    ///
    /// `404`: there is none; `seeded`: it is made on the spot from what it is called, always the same.
    #[arg(
        long,
        value_enum,
        value_name = "404|seeded",
        hide_possible_values = true,
        default_value = "404",
        env = "STANDIN_UNKNOWN",
        hide_env = true,
        hide_short_help = true
    )]
    unknown: UnknownChoice,
    /// The scenario of the fixtures that is on where a session says no other
    #[arg(long, value_name = "NAME", env = "STANDIN_SCENARIO", hide_env = true, hide_short_help = true)]
    scenario: Option<String>,
    /// How long answers wait, such as 300ms or 100ms-1s, where nothing else says so
    #[arg(
        long,
        value_name = "TIME",
        value_parser = delay,
        env = "STANDIN_DELAY",
        hide_env = true,
        hide_short_help = true
    )]
    delay: Option<Delay>,
    /// Sessions that are remembered at a time; then the one that was not used for longest is forgotten
    #[arg(
        long,
        value_name = "N",
        default_value_t = 16_384,
        value_parser = clap::value_parser!(u32).range(1..),
        env = "STANDIN_MAX_SESSIONS",
        hide_env = true,
        hide_short_help = true
    )]
    max_sessions: u32,
    /// What all sessions may take together, such as 512MiB; then the one that was not used for longest is forgotten
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "512MiB",
        value_parser = size,
        env = "STANDIN_SESSION_MEMORY",
        hide_env = true,
        hide_short_help = true
    )]
    session_memory: usize,
    /// Whether there is the control API below `/_standin/`
    ///
    /// It is there on loopback addresses; on others it takes `--control-token`.
    #[arg(
        long,
        value_enum,
        value_name = "on|off",
        hide_possible_values = true,
        default_value = "on",
        env = "STANDIN_CONTROL",
        hide_env = true,
        hide_short_help = true
    )]
    control: Switch,
    /// What the control API must be asked with: `Authorization: Bearer TOKEN`
    #[arg(
        long,
        value_name = "TOKEN",
        env = "STANDIN_CONTROL_TOKEN",
        hide_env = true,
        hide_env_values = true,
        hide_short_help = true
    )]
    control_token: Option<String>,
    /// Exchanges that the journal of each session keeps
    #[arg(
        long,
        value_name = "N",
        default_value_t = 500,
        env = "STANDIN_JOURNAL",
        hide_env = true,
        hide_short_help = true
    )]
    journal: usize,
    /// Whether pages of other origins may use the sandbox
    #[arg(
        long,
        value_enum,
        value_name = "on|off",
        hide_possible_values = true,
        default_value = "on",
        env = "STANDIN_CORS",
        hide_env = true,
        hide_short_help = true
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
        value_parser = clap::value_parser!(u64).range(..=1000 * YEAR),
        env = "STANDIN_ITEM_DELAY",
        hide_env = true,
        hide_short_help = true
    )]
    item_delay: u64,
    /// Connections that are served at a time
    ///
    /// Others wait in the queue of the system until one of them closes.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 16_384,
        value_parser = clap::value_parser!(u32).range(1..),
        env = "STANDIN_MAX_CONNECTIONS",
        hide_env = true,
        hide_short_help = true
    )]
    max_connections: u32,
    /// Requests that one HTTP/2 connection may have open at a time
    #[arg(
        long,
        value_name = "N",
        default_value_t = 200,
        value_parser = clap::value_parser!(u32).range(1..),
        env = "STANDIN_MAX_STREAMS",
        hide_env = true,
        hide_short_help = true
    )]
    max_streams: u32,
    /// Seconds that a client has to send the head of a request, or to begin the next one
    ///
    /// Then its connection is closed. An HTTP/2 connection on which nothing comes for so long gets a ping
    /// that must be answered.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 75,
        value_parser = clap::value_parser!(u64).range(1..=YEAR),
        env = "STANDIN_HEADER_TIMEOUT",
        hide_env = true,
        hide_short_help = true
    )]
    header_timeout: u64,
    /// Seconds that a client has to send the content of a request; then it gets 408
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..=YEAR),
        env = "STANDIN_BODY_TIMEOUT",
        hide_env = true,
        hide_short_help = true
    )]
    body_timeout: u64,
    /// Seconds that exchanges in flight have to finish at the end
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(..=YEAR),
        env = "STANDIN_DRAIN",
        hide_env = true,
        hide_short_help = true
    )]
    drain: u64,
    /// File that keeps the state of the session without a name across restarts
    #[arg(long, value_name = "FILE", env = "STANDIN_STATE_FILE", hide_env = true, hide_short_help = true)]
    state_file: Option<PathBuf>,
    /// Report that is written at the end: `junit`, `html` or `json`, and a file
    #[arg(
        long,
        value_names = ["FORM", "FILE"],
        num_args = 2,
        action = clap::ArgAction::Append,
        hide_short_help = true
    )]
    report: Vec<String>,
    /// What ends with exit code 1: `violations`, `uncovered=10%`
    #[arg(
        long,
        value_name = "CONDITION",
        value_parser = verdict::condition,
        value_delimiter = ',',
        env = "STANDIN_FAIL_ON",
        hide_env = true,
        hide_short_help = true
    )]
    fail_on: Vec<Condition>,
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
enum UnknownChoice {
    #[value(name = "404")]
    NotFound,
    Seeded,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl Serve {
    pub(super) fn run(self, out: &mut impl Write, err: &mut impl Write) -> Result<Outcome, Failure> {
        let started = Instant::now();
        let sandbox = self.documents.load(self.settings()).with_scenario(self.scenario.clone());
        let sandbox = Arc::new(sandbox);
        let (lead, patience) =
            if started.elapsed() > LARGE { (LEAD, Duration::ZERO) } else { (Duration::ZERO, PATIENCE) };
        let mut findings = look(&sandbox, lead);
        let reports = match verdict::targets(&self.report) {
            Ok(reports) => reports,
            Err(message) => {
                writeln!(err, "error: {message}")?;
                return Ok(Outcome::CouldNotRun);
            }
        };
        let mut state = match self.state_file.as_ref().map(|path| StateFile::open(path, &sandbox)).transpose() {
            Ok(state) => state,
            Err(message) => {
                writeln!(err, "error: {message}")?;
                return Ok(Outcome::CouldNotRun);
            }
        };
        for line in loaded(sandbox.contract()) {
            writeln!(err, "{line}")?;
        }
        log::start(self.log);
        // Each connection needs a file descriptor; what is not allowed is told when they run out.
        #[cfg(unix)]
        let _limit = rlimit::increase_nofile_limit(u64::from(self.max_connections) + OTHER_FILES);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build()?;
        let served = runtime.block_on(async {
            if let Some(scenario) = self.scenario.as_ref().filter(|name| !sandbox.scenarios().contains(*name)) {
                writeln!(err, "error: no fixture is of the scenario `{scenario}`")?;
                return Ok(Outcome::CouldNotRun);
            }
            if sandbox.contract().documents.is_empty() {
                tell(err, findings.await)?;
                writeln!(err, "error: there is no document to serve")?;
                return Ok(Outcome::CouldNotRun);
            }
            let early = tokio::time::timeout(patience, &mut findings).await;
            let is_told = early.is_ok();
            match early {
                Ok(lines) => tell(err, lines)?,
                Err(_) => {
                    writeln!(err, "schemas and examples are still being checked, and requests answered meanwhile")?;
                }
            }
            let listener = TcpListener::bind((self.host.as_str(), self.port)).await.map_err(|error| {
                let address = format!("{}:{}", self.host, self.port);
                Failure::Listen { address, error }
            })?;
            // Whoever reads the line may send the signal at once.
            let stop = stop_signal();
            writeln!(out, "listening on http://{}", listener.local_addr()?)?;
            out.flush()?;
            if !is_told {
                let format = self.log;
                // Whoever starts the server may not read what it says, and it serves nevertheless.
                tokio::task::spawn_blocking(move || tell_late(format, findings.blocking_recv()));
            }
            let control = Arc::new(Control::with(Arc::clone(&sandbox), self.control_options()));
            let served = server::run_with(listener, Arc::clone(&control), self.limits(), stop);
            match &mut state {
                Some(state) => tokio::select! {
                    () = served => {}
                    () = state.keep(&sandbox) => {}
                },
                None => served.await,
            }
            if let Some(state) = &mut state {
                state.write(&sandbox)?;
            }
            self.judge(&control, &reports, err)
        });
        runtime.shutdown_background();
        served
    }

    /// Writes the reports, and says whether the run failed.
    fn judge(&self, control: &Control, reports: &[Target], err: &mut impl Write) -> Result<Outcome, Failure> {
        let failures = verdict::failures(&self.fail_on, control.coverage());
        for target in reports {
            verdict::write(target, control.sandbox().contract(), control.coverage(), &failures)?;
        }
        for failure in &failures {
            writeln!(err, "failed: {failure}")?;
        }
        Ok(if failures.is_empty() { Outcome::Clean } else { Outcome::Findings })
    }

    /// How the control API is served.
    #[must_use]
    pub fn control_options(&self) -> Options {
        let is_loopback = self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|host| host.is_loopback());
        let access = match (self.control, &self.control_token) {
            (Switch::On, Some(token)) if !token.is_empty() => Access::Token(token.clone()),
            (Switch::On, _) if is_loopback => Access::Open,
            _ => Access::Closed,
        };
        Options { access, journal: self.journal }
    }

    /// What the server does not go beyond.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            max_body: self.max_body,
            drain: Duration::from_secs(self.drain),
            item_delay: Duration::from_millis(self.item_delay),
            max_connections: self.max_connections as usize,
            max_streams: self.max_streams,
            header_timeout: Duration::from_secs(self.header_timeout),
            body_timeout: Duration::from_secs(self.body_timeout),
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
            state: match self.state {
                Switch::On => State::On,
                Switch::Off => State::Off,
            },
            unknown: match self.unknown {
                UnknownChoice::NotFound => Unknown::NotFound,
                UnknownChoice::Seeded => Unknown::Seeded,
            },
            echo: match self.echo.unwrap_or(self.state) {
                Switch::On => Echoing::On,
                Switch::Off => Echoing::Off,
            },
            delay: self.delay,
            bounds: Bounds { sessions: self.max_sessions as usize, bytes: self.session_memory },
        }
    }
}

fn delay(text: &str) -> Result<Delay, String> {
    Delay::parse(text).ok_or_else(|| "expected such as 300ms, 1.5s or 100ms-1s, an hour at most".to_owned())
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

/// The seconds of a year: beyond it, clocks cannot tell when a wait is over.
const YEAR: u64 = 31_536_000;

/// How long the start waits for all findings before it listens without them.
const PATIENCE: Duration = Duration::from_millis(5);

/// Documents that take longer to load are not waited for at all.
const LARGE: Duration = Duration::from_millis(10);

/// How long the search for what is wrong with them leaves the processor to the first requests.
const LEAD: Duration = Duration::from_millis(100);

/// How many files are open beside connections, at most.
#[cfg(unix)]
const OTHER_FILES: u64 = 64;

/// The stack of a thread, in bytes: deep schemas are compiled and walked by recursion.
const STACK: usize = 16 * 1024 * 1024;

/// Looks in the background for what is wrong with the documents, after some time, and says it in lines.
fn look(sandbox: &Arc<Sandbox>, lead: Duration) -> Receiver<Vec<String>> {
    let (send, receive) = oneshot::channel();
    let sandbox = Arc::clone(sandbox);
    let look = move || {
        thread::sleep(lead);
        // Who asked may have gone on without waiting.
        let _received = send.send(findings(sandbox.contract(), &sandbox.diagnostics()));
        sandbox.rest();
        drop(sandbox);
        give_back();
    };
    // Without the thread nobody looks, and requests are told what is wrong for them.
    let _spawned = thread::Builder::new().name("check".to_owned()).stack_size(STACK).spawn(look);
    receive
}

/// The allocator gives memory back to the system when some is freed a second after it fell out of use; if
/// nobody asks for anything, that may be never.
fn give_back() {
    for _ in 0..3 {
        thread::sleep(Duration::from_millis(1100));
        drop(std::hint::black_box(vec![1_u8; 1024 * 1024]));
    }
}

/// Tells what was found while requests are answered already; in a log for machines it is a part of it.
fn tell_late(format: log::Format, lines: Result<Vec<String>, RecvError>) {
    match (format, lines) {
        (log::Format::Json, Ok(lines)) => lines.iter().for_each(|line| log::finding(line)),
        // Nobody is there to be told that nobody is there.
        (_, lines) => drop(tell(&mut std::io::stderr(), lines)),
    }
}

/// Tells what was found.
fn tell(err: &mut impl Write, lines: Result<Vec<String>, RecvError>) -> std::io::Result<()> {
    match lines {
        Ok(lines) => lines.iter().try_for_each(|line| writeln!(err, "{line}")),
        Err(_) => writeln!(err, "error: the documents could not be checked; `standin check` may say more"),
    }
}
