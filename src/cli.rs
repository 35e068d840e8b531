//! What the user typed → what is meant, and doing it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::check::source_of_answer;
use crate::contract::Contract;
use crate::contract::example::Examples;
use crate::diagnostic::{self, Code, Diagnostic, Severity, count};
use crate::document::Input;
use crate::document::link::Access;
use crate::exchange::{AbsentBody, Cors, Settings, Validation};
use crate::sandbox::{Reading, Sandbox};
use crate::server::{self, Limits, log};

const ENVIRONMENT: &str = "Options are read from the environment too: --max-body from STANDIN_MAX_BODY.";

/// A sandbox API server made from OpenAPI documents.
///
/// It checks every request against the documents, and answers with the documented examples, with
/// fixtures, or with values made from the schema. A wrong request gets the error that the API
/// documents, filled in with what is wrong.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, propagate_version = true, after_help = ENVIRONMENT)]
pub struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Serve documents
    ///
    /// Prints `listening on http://…` on standard output once requests are answered. Ctrl-C and
    /// SIGTERM end it, after what is in flight.
    #[command(after_help = ENVIRONMENT)]
    Serve(Serve),
    /// Report everything that is wrong with documents and fixtures, and serve nothing
    ///
    /// Exit code: 0 if nothing is, 1 if something is, 2 if there is no document to check.
    Check(Check),
    /// List the operations and how each would be answered
    Routes(Routes),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, in roff
    Man,
}

#[derive(Debug, Args)]
struct Documents {
    /// Files, folders, or `-` for standard input [default: ./specs]
    ///
    /// A file is JSON, YAML, or a Markdown or text page with fenced OpenAPI documents, told by its
    /// content. A folder is searched with all its sub-folders; files that are no OpenAPI documents
    /// are passed over.
    #[arg(value_name = "DOCUMENT")]
    inputs: Vec<PathBuf>,
    /// Folder of fixtures [default: ./fixtures, if it is there]
    ///
    /// Each YAML or JSON file in it maps operations (`operationId` or `METHOD /path`) to lists of
    /// responses, each with `when` (a JSON Schema over `{path, query, header, cookie, body}`),
    /// `status`, `example` or `body`, and `headers`. The first whose condition holds is the answer.
    #[arg(long, value_name = "DIR", env = "STANDIN_FIXTURES", hide_env = true)]
    fixtures: Option<PathBuf>,
    /// Whether examples are made to fit their schema
    ///
    /// `coerce` changes what can be read in one way only, such as "true" where a boolean is
    /// documented, and reports it; `verbatim` serves every example as it stands.
    #[arg(
        long,
        value_enum,
        value_name = "coerce|verbatim",
        hide_possible_values = true,
        default_value = "coerce",
        env = "STANDIN_EXAMPLES",
        hide_env = true,
        hide_short_help = true
    )]
    examples: ExamplesChoice,
    /// Folder that documents may refer to, beside their own; may be repeated
    ///
    /// A `$ref` to another file is followed inside of the folder of the document that has it, with
    /// its sub-folders. Nothing else is read, and nothing is fetched from the network.
    #[arg(
        long,
        value_name = "DIR",
        env = "STANDIN_ALLOW_PATH",
        hide_env = true,
        value_delimiter = ':',
        hide_short_help = true
    )]
    allow_path: Vec<PathBuf>,
}

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
    /// Seed of generated values: the same seed gives the same bytes
    #[arg(long, value_name = "N", default_value_t = 0, env = "STANDIN_SEED", hide_env = true)]
    seed: u64,
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

#[derive(Debug, Args)]
struct Check {
    #[command(flatten)]
    documents: Documents,
    /// How findings are written
    #[arg(long, value_enum, default_value = "text", env = "STANDIN_FORMAT", hide_env = true)]
    format: CheckFormat,
}

#[derive(Debug, Args)]
struct Routes {
    #[command(flatten)]
    documents: Documents,
    /// How operations are written
    #[arg(long, value_enum, default_value = "text", env = "STANDIN_FORMAT", hide_env = true)]
    format: RoutesFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ExamplesChoice {
    Coerce,
    Verbatim,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ValidationChoice {
    Strict,
    Warn,
    Off,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CheckFormat {
    /// For people
    Text,
    /// A JSON object
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoutesFormat {
    /// A table
    Text,
    /// A JSON array
    Json,
}

/// How a command ended, as an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// 0
    Clean,
    /// 1: `check` found something.
    Findings,
    /// 2
    CouldNotRun,
}

/// Why a command could not run.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The address is taken, or not of this machine.
    #[error("cannot listen on {address}: {error}\n  = help: choose another port with `--port`, or 0 for a free one")]
    Listen {
        /// What was asked for.
        address: String,
        /// What the system says.
        error: io::Error,
    },
    /// Output cannot be written, or the runtime cannot be started.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Command {
    /// The options of `serve`, if that is what was asked for.
    #[must_use]
    pub fn serve(&self) -> Option<&Serve> {
        match &self.action {
            Action::Serve(serve) => Some(serve),
            _ => None,
        }
    }

    /// Does what was asked.
    ///
    /// # Errors
    ///
    /// [`Failure`], if the system does not let it.
    pub fn run(self, out: &mut impl Write, err: &mut impl Write) -> Result<Outcome, Failure> {
        match self.action {
            Action::Serve(serve) => serve.run(out, err),
            Action::Check(check) => check.run(out, err),
            Action::Routes(routes) => routes.run(out, err),
            Action::Completions { shell } => {
                clap_complete::generate(shell, &mut Self::command(), "standin", out);
                Ok(Outcome::Clean)
            }
            Action::Man => {
                let mut command = Self::command();
                command.build();
                clap_mangen::Man::new(command.clone()).render(out)?;
                for subcommand in command.get_subcommands().filter(|command| command.get_name() != "help") {
                    clap_mangen::Man::new(subcommand.clone()).render(out)?;
                }
                Ok(Outcome::Clean)
            }
        }
    }
}

impl Documents {
    fn load(&self, settings: Settings) -> Sandbox {
        let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
        let input = |path: &PathBuf| if is_stdin(path) { Input::Stdin } else { Input::Path(path.clone()) };
        let mut inputs: Vec<Input> = self.inputs.iter().map(input).collect();
        if inputs.is_empty() {
            inputs.push(Input::Path(PathBuf::from("specs")));
        }
        let usual = Path::new("fixtures");
        let fixtures = self.fixtures.as_deref().or_else(|| usual.is_dir().then_some(usual));
        Sandbox::load(&inputs, fixtures, &self.reading(), settings)
    }

    fn reading(&self) -> Reading {
        let examples = match self.examples {
            ExamplesChoice::Coerce => Examples::Coerce,
            ExamplesChoice::Verbatim => Examples::Verbatim,
        };
        Reading { examples, access: Access { folders: self.allow_path.clone() } }
    }
}

impl Serve {
    fn run(self, out: &mut impl Write, err: &mut impl Write) -> Result<Outcome, Failure> {
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
        Limits { max_body: self.max_body, drain: Duration::from_secs(self.drain), ..Limits::default() }
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
            seed: self.seed,
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
        let look = move || send.send(sandbox.diagnostics());
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

/// How many warnings are told at the start; `check` tells all.
const TOLD: usize = 10;

/// What was loaded, repaired, and what is wrong, in lines.
fn summary(contract: &Contract, diagnostics: &[Diagnostic]) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, document) in contract.documents.iter().enumerate() {
        let operations = contract.operations.iter().filter(|operation| operation.document == index).count();
        lines.push(format!("loaded {} ({})", document.source().name(), count(operations, "operation")));
    }
    if contract.passed_over > 0 {
        lines.push(format!("passed over {}", count(contract.passed_over, "other file")));
    }
    let (errors, warnings): (Vec<_>, Vec<_>) = diagnostics.iter().partition(|d| d.severity() == Severity::Error);
    lines.extend(errors.iter().map(|error| error.render().trim_end().to_owned()));
    // What cannot be answered is told whatever else there is.
    let is_unanswerable = |warning: &&&Diagnostic| warning.code == Code::Ungeneratable;
    let others: Vec<_> = warnings.iter().filter(|warning| !is_unanswerable(warning)).collect();
    lines.extend(warnings.iter().filter(is_unanswerable).map(|warning| warning.render_line()));
    lines.extend(others.iter().take(TOLD).map(|warning| warning.render_line()));
    if others.len() > TOLD {
        lines.push(format!("… and {}; `standin check` tells all", count(others.len() - TOLD, "more warning")));
    }
    lines.push(format!(
        "{} from {}, {}, {}",
        count(contract.operations.len(), "operation"),
        count(contract.documents.len(), "document"),
        count(errors.len(), "error"),
        count(warnings.len(), "warning"),
    ));
    lines
}

impl Check {
    fn run(self, out: &mut impl Write, err: &mut impl Write) -> Result<Outcome, Failure> {
        let sandbox = self.documents.load(Settings::default());
        let diagnostics = sandbox.diagnostics();
        let contract = sandbox.contract();
        match self.format {
            CheckFormat::Text => {
                for diagnostic in &diagnostics {
                    writeln!(out, "{}", diagnostic.render())?;
                }
                let last = summary(contract, &diagnostics).pop().unwrap_or_default();
                writeln!(out, "{last}")?;
            }
            CheckFormat::Json => {
                let findings: Vec<Value> = diagnostics.iter().map(Diagnostic::to_json).collect();
                let report = json!({
                    "documents": contract.documents.len(),
                    "operations": contract.operations.len(),
                    "passedOver": contract.passed_over,
                    "diagnostics": findings,
                });
                writeln!(out, "{report:#}")?;
            }
            CheckFormat::Sarif => writeln!(out, "{:#}", diagnostic::to_sarif(&diagnostics))?,
        }
        if contract.documents.is_empty() {
            writeln!(err, "error: there is no document to check")?;
            return Ok(Outcome::CouldNotRun);
        }
        Ok(if diagnostics.is_empty() { Outcome::Clean } else { Outcome::Findings })
    }
}

impl Routes {
    fn run(self, out: &mut impl Write, err: &mut impl Write) -> Result<Outcome, Failure> {
        let sandbox = self.documents.load(Settings::default());
        let contract = sandbox.contract();
        // What is not in the list, and why.
        for diagnostic in contract.diagnostics.iter().filter(|d| d.severity() == Severity::Error) {
            write!(err, "{}", diagnostic.render())?;
        }
        if contract.documents.is_empty() {
            writeln!(err, "error: there is no document to list")?;
            return Ok(Outcome::CouldNotRun);
        }
        let rows = contract.operations.iter().map(|operation| {
            let document = contract.documents[operation.document].source().name().to_owned();
            let id = operation.id.clone().unwrap_or_else(|| "-".to_owned());
            [operation.method.to_string(), operation.template.clone(), id, document, source_of_answer(operation)]
        });
        let rows: Vec<[String; 5]> = rows.collect();
        match self.format {
            RoutesFormat::Text => write!(out, "{}", table(&rows))?,
            RoutesFormat::Json => {
                let objects =
                    contract.operations.iter().zip(&rows).map(|(operation, [method, path, _, document, answer])| {
                        json!({
                            "method": method, "path": path, "operationId": operation.id, "document": document,
                            "basePaths": operation.bases, "answer": answer,
                        })
                    });
                writeln!(out, "{:#}", Value::Array(objects.collect()))?;
            }
        }
        Ok(Outcome::Clean)
    }
}

/// Columns as wide as their widest cell.
fn table(rows: &[[String; 5]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..4).map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (cell, width) in row.iter().zip(&widths) {
            text.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(&row[4]);
        text.push('\n');
    }
    text
}

/// `10MiB`, `512k`, `1048576`: units of 1000 and, with an `i`, of 1024.
fn size(text: &str) -> Result<usize, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: usize = match unit.trim().to_ascii_lowercase().trim_end_matches('b') {
        "" => 1,
        "k" => 1000,
        "ki" => 1024,
        "m" => 1_000_000,
        "mi" => 1024 * 1024,
        "g" => 1_000_000_000,
        "gi" => 1024 * 1024 * 1024,
        _ => return Err("expected a number with a unit such as `KiB` or `MiB`".to_owned()),
    };
    let number: usize = number.parse().map_err(|_| "expected a number, such as in `10MiB`".to_owned())?;
    number.checked_mul(factor).ok_or_else(|| "it is too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("10MiB"), Ok(10 * 1024 * 1024));
        assert_eq!(size("2k"), Ok(2000));
        assert_eq!(size("7"), Ok(7));
        assert!(size("ten").is_err());
        assert!(size("1parsec").is_err());
    }

    #[test]
    fn the_arguments_are_consistent() {
        Command::command().debug_assert();
    }

    #[test]
    fn the_short_help_fits_a_screen() {
        let mut command = Command::command();
        let serve = command.find_subcommand_mut("serve").expect("is there");
        let help = serve.render_help().to_string();
        assert!(help.lines().count() <= 24, "{} lines:\n{help}", help.lines().count());
    }
}
