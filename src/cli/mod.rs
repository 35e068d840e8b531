//! What the user typed → what is meant, and doing it.

mod example;
mod keep;
mod report;
mod serve;
mod verdict;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::cli::example::Example;
use crate::cli::report::{Check, Routes};
pub use crate::cli::serve::Serve;
use crate::contract::Contract;
use crate::contract::example::Examples;
use crate::diagnostic::{Code, Diagnostic, Severity, count, escape};
use crate::document::Input;
use crate::document::files::Access;
use crate::exchange::Settings;
use crate::generate::Manner;
use crate::sandbox::{Reading, Sandbox};
use crate::server::stderr::{self, StandardError};

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
    Serve(Box<Serve>),
    /// Report everything that is wrong with documents and fixtures, and serve nothing
    ///
    /// Exit code: 0 if there is no error, 1 if there is one, 2 if there is no document to check. With
    /// `--fail-on warning` a warning makes it 1 too.
    Check(Check),
    /// List the operations and how each would be answered, or (`--errors`) how wrong requests are
    Routes(Routes),
    /// Print a request to an operation, and the answer that the sandbox would give
    ///
    /// Exit code: 0, or 2 if there is no such operation, or the operation documents no such answer.
    Example(Example),
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
    /// What `errors` in it maps (`*`, the name of a document, an operation) says how errors are told.
    #[arg(long, value_name = "DIR", env = "STANDIN_FIXTURES", hide_env = true)]
    fixtures: Option<PathBuf>,
    /// Whether examples are made to fit their schema
    ///
    /// `coerce` changes what can be read in one way only, such as "true" where a boolean is
    /// documented, and reports it; `repair` changes whatever does not fit, adds what is missing and
    /// leaves out what is forbidden; `verbatim` serves every example as it stands.
    #[arg(
        long,
        value_enum,
        value_name = "coerce|repair|verbatim",
        hide_possible_values = true,
        default_value = "coerce",
        env = "STANDIN_EXAMPLES",
        hide_env = true,
        hide_short_help = true
    )]
    examples: ExamplesChoice,
    /// Overlay (OpenAPI Overlay 1.0 or 1.1) that corrects the documents; may be repeated
    ///
    /// Each is applied to every document, or to the one whose file name its `extends` has. `STANDIN_OVERLAY`
    /// lists paths as `PATH` does.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    overlay: Vec<PathBuf>,
    /// Folder that documents may refer to, beside their own; may be repeated
    ///
    /// A `$ref` to another file is followed inside of the folder of the document that has it, with
    /// its sub-folders, and of the current folder or a folder that is served, if the document is in it and the
    /// file is not hidden. No other file is read. `STANDIN_ALLOW_PATH` lists paths as `PATH` does.
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    allow_path: Vec<PathBuf>,
    /// Host that documents may refer to, such as example.com or localhost:8080; may be repeated
    ///
    /// Without it nothing is fetched from the network. What was fetched is kept in the cache, so that
    /// the next start needs no network.
    #[arg(
        long,
        value_name = "HOST",
        env = "STANDIN_ALLOW_HOST",
        hide_env = true,
        value_delimiter = ',',
        hide_short_help = true
    )]
    allow_host: Vec<String>,
    /// Folder that keeps what was fetched [default: standin in the user's cache folder]
    #[arg(long, value_name = "DIR", env = "STANDIN_CACHE", hide_env = true, hide_short_help = true)]
    cache: Option<PathBuf>,
}

/// How values are generated.
#[derive(Debug, Args)]
struct Generation {
    /// Seed of generated values: the same seed gives the same bytes
    #[arg(long, value_name = "N", default_value_t = 0, env = "STANDIN_SEED", hide_env = true)]
    seed: u64,
    /// How many items generated lists have: 3, or 2-3
    ///
    /// Where the schema has other bounds they go before it.
    #[arg(
        long,
        value_name = "N|N-M",
        default_value = "2-3",
        value_parser = list_size,
        env = "STANDIN_LIST_SIZE",
        hide_env = true,
        hide_short_help = true
    )]
    list_size: (usize, usize),
    /// How many values are made at most to find one that fits
    ///
    /// A list of three numbers is four values. What cannot be made within it is the nearest value, and
    /// the answer says so in `Standin-Warning`.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 60_000,
        env = "STANDIN_MAX_VALUES",
        hide_env = true,
        hide_short_help = true
    )]
    max_values: usize,
    /// How much text a generated value has at most, about
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "4MiB",
        value_parser = size,
        env = "STANDIN_MAX_GENERATED",
        hide_env = true,
        hide_short_help = true
    )]
    max_generated: usize,
}

impl Generation {
    fn manner(&self) -> Manner {
        Manner {
            seed: self.seed,
            list_size: self.list_size,
            most_values: self.max_values,
            most_bytes: self.max_generated,
        }
    }

    /// Settings that differ from the usual ones in how values are generated only.
    fn settings(&self) -> Settings {
        Settings { manner: self.manner(), ..Settings::default() }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ExamplesChoice {
    Coerce,
    Repair,
    Verbatim,
}

/// How a command ended, as an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// 0
    Clean,
    /// 1: `check` found what it fails on.
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

    /// Does what was asked, and tells of it on standard output and standard error.
    ///
    /// # Errors
    ///
    /// [`Failure`], if the system does not let it.
    pub fn run_in_terminal(self) -> Result<Outcome, Failure> {
        let out = &mut io::stdout();
        let is_serving = self.serve().is_some();
        // Who reads the findings of `check` is waited for; a server waits for nobody.
        let outcome = if is_serving { self.run(out, &mut StandardError) } else { self.run(out, &mut io::stderr()) };
        if is_serving {
            stderr::settle();
        }
        let outcome = outcome?;
        // What is not written yet fails here and not silently later.
        out.flush()?;
        Ok(outcome)
    }

    /// Does what was asked.
    ///
    /// # Errors
    ///
    /// [`Failure`], if the system does not let it.
    pub fn run(self, out: &mut impl Write, err: &mut impl Write) -> Result<Outcome, Failure> {
        let err = &mut Unfailing(err);
        match self.action {
            Action::Serve(serve) => serve.run(out, err),
            Action::Check(check) => check.run(out, err),
            Action::Routes(routes) => routes.run(out, err),
            Action::Example(example) => example.run(out, err),
            Action::Completions { shell } => {
                // What cannot be written is a panic there.
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "standin", &mut script);
                out.write_all(&script)?;
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
    /// Reads the documents; what of the options has no effect is told.
    fn load(&self, settings: Settings, err: &mut impl Write) -> Result<Sandbox, Failure> {
        for folder in self.allowed().iter().filter(|folder| !folder.is_dir()) {
            let folder = folder.display().to_string();
            writeln!(
                err,
                "warning: `--allow-path {}` allows nothing, as there is no such folder",
                escape::one_line(&folder)
            )?;
        }
        let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
        let input = |path: &PathBuf| if is_stdin(path) { Input::Stdin } else { Input::Path(path.clone()) };
        let mut inputs: Vec<Input> = self.inputs.iter().map(input).collect();
        if inputs.is_empty() {
            inputs.push(Input::Path(PathBuf::from("specs")));
        }
        let usual = Path::new("fixtures");
        let fixtures = self.fixtures.as_deref().or_else(|| usual.is_dir().then_some(usual));
        Ok(Sandbox::load(&inputs, fixtures, &self.reading(), settings))
    }

    /// The folders that documents may refer to.
    fn allowed(&self) -> Vec<PathBuf> {
        paths(&self.allow_path, "STANDIN_ALLOW_PATH")
    }

    fn reading(&self) -> Reading {
        let examples = match self.examples {
            ExamplesChoice::Coerce => Examples::Coerce,
            ExamplesChoice::Repair => Examples::Repair,
            ExamplesChoice::Verbatim => Examples::Verbatim,
        };
        let access = Access {
            folders: self.allowed(),
            hosts: self.allow_host.clone(),
            cache: self.cache.clone().or_else(usual_cache),
        };
        let overlays = paths(&self.overlay, "STANDIN_OVERLAY").into_iter().map(Input::Path).collect();
        Reading { examples, access, overlays }
    }
}

/// Paths of the command line, each as it is; else those of a variable, with colons or, on Windows, semicolons
/// between them.
fn paths(given: &[PathBuf], variable: &str) -> Vec<PathBuf> {
    if !given.is_empty() {
        return given.to_vec();
    }
    let listed = std::env::var_os(variable).unwrap_or_default();
    std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty()).collect()
}

/// `$XDG_CACHE_HOME/standin`, or what stands for it on this system.
fn usual_cache() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || set("HOME").map(|home| home.join(".cache"));
    set("XDG_CACHE_HOME").or_else(|| set("LOCALAPPDATA")).or_else(home).map(|folder| folder.join("standin"))
}

/// Standard error, or what is in its place: that nobody reads it, or its disk is full, ends nothing.
#[derive(Debug)]
pub struct Unfailing<W>(
    /// The writer that takes the text.
    pub W,
);

impl<W: Write> Write for Unfailing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _lost = self.0.write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _lost = self.0.flush();
        Ok(())
    }
}

/// How many warnings are told at the start; `check` tells all.
const TOLD: usize = 10;

/// What was loaded, in lines.
fn loaded(contract: &Contract) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, document) in contract.documents.iter().enumerate() {
        let operations = contract.operations.iter().filter(|operation| operation.document == index).count();
        let name = escape::one_line(document.source().name());
        lines.push(format!("loaded {name} ({})", count(operations, "operation")));
    }
    if contract.passed_over > 0 {
        lines.push(format!("passed over {}", count(contract.passed_over, "other file")));
    }
    lines
}

/// What was repaired and what is wrong, in lines; in the last, how much of everything there is.
fn findings(contract: &Contract, diagnostics: &[Diagnostic]) -> Vec<String> {
    let mut lines = Vec::new();
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

/// `3`, or `2-3`.
fn list_size(text: &str) -> Result<(usize, usize), String> {
    let (least, most) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.trim().parse::<usize>().map_err(|_| "expected a number or a range such as `2-3`");
    let (least, most) = (number(least)?, number(most)?);
    if least > most { Err(format!("{least} is more than {most}")) } else { Ok((least, most)) }
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
    fn list_sizes_are_numbers_or_ranges() {
        assert_eq!(list_size("3"), Ok((3, 3)));
        assert_eq!(list_size("2-5"), Ok((2, 5)));
        assert!(list_size("5-2").is_err() && list_size("few").is_err());
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
