//! Command line: parses the arguments, and runs the command.

mod arguments;
mod authority;
mod cert;
mod client;
mod drift;
mod drift_report;
mod example;
mod import;
mod init;
mod mcp;
mod operation_name;
mod outcome;
mod peers;
mod prism;
mod proxy;
mod reach;
mod real_api;
mod report;
mod report_file;
mod running;
mod schema;
mod serve;
mod state_file;
mod trigger;

pub use crate::cli::outcome::Failure;
pub use crate::cli::outcome::Outcome;
use std::io::{self, Write};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::cli::cert::Cert;
use crate::cli::drift::Drift;
use crate::cli::example::ExampleOptions;
use crate::cli::import::Import;
use crate::cli::init::Init;
use crate::cli::mcp::Mcp;
use crate::cli::outcome::Unfailing;
use crate::cli::proxy::Proxy;
use crate::cli::reach::{Health, Wait};
use crate::cli::report::{Check, Routes};
use crate::cli::schema::PrintSchema;
pub use crate::cli::serve::Serve;
use crate::cli::trigger::Trigger;
use crate::server::stderr::{self, StandardError};

const ENVIRONMENT: &str =
    "Options are read from the environment too: --max-body from STANDIN_MAX_BODY.";

/// A sandbox API server made from OpenAPI documents.
///
/// Checks every request against the documents, and answers with the documented examples, with
/// fixtures, with stored state, or with values generated from the schema. A wrong request gets the
/// error that the API documents, with the details of the violations.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, propagate_version = true, after_help = ENVIRONMENT)]
pub struct Command {
    #[command(subcommand)]
    action: Subcommands,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Serve documents
    ///
    /// Prints `listening on http://…` on standard output once requests are answered. Ctrl-C and
    /// SIGTERM stop the server after the exchanges in flight.
    #[command(after_help = ENVIRONMENT)]
    Serve(Box<Serve>),
    /// Forward requests to the real API, and compare requests and answers with documents
    ///
    /// Contents are forwarded unchanged. Violations are reported in the `Standin-Violations` header
    /// field, the log, the journal and the console; with `--errors`, wrong messages are refused. The
    /// sandbox answers the operations that `--sandbox` names, and after `--fallback`. All options of
    /// `serve` apply.
    #[command(after_help = ENVIRONMENT)]
    Proxy(Box<Proxy>),
    /// Report all errors and warnings of documents and fixtures, without serving
    ///
    /// Exit code: 0 if there is no error, 1 if there is one, 2 if there is no document to check.
    /// With `--fail-on warning`, a warning causes 1 too.
    Check(Check),
    /// List the operations and how they are answered
    ///
    /// `--errors` shows how wrong requests are answered, and `--state` the resource and the action
    /// of each operation.
    Routes(Routes),
    /// Print a request to an operation, and the answer of the sandbox
    ///
    /// Exit code: 0, or 2 if the operation does not exist or does not document the wanted answer.
    Example(ExampleOptions),
    /// Send a webhook or a callback of the documents to a URL
    ///
    /// Prints the request and the answer of the receiver. Exit code: 0, 1 if the receiver does not answer
    /// with a 2xx as documented, 2 if the request cannot be made.
    Trigger(Box<Trigger>),
    /// Write a file of fixtures to begin with
    ///
    /// It has an error, a body, a delay and a scenario for operations of the documents, as comments
    /// that change nothing until they are edited.
    Init(Init),
    /// Make fixtures of recorded traffic: HAR of a browser or proxy, or a Postman collection
    ///
    /// They are written to the folder `recorded` in the folder of fixtures. Exit code: 0, 1 if there is
    /// no exchange to import, or 2 if a file cannot be read or written.
    Import(Box<Import>),
    /// Compare recorded traffic of the real API with its documents
    ///
    /// Reports what was observed and is not documented, and what is documented and was not observed.
    /// Exit code: 0, 1 for findings that `--fail-on` counts, 2 if there is nothing to compare.
    Drift(Box<Drift>),
    /// Offer tools for agents, over standard input and output (Model Context Protocol)
    ///
    /// An agent finds and describes operations, calls the sandbox, arranges errors, and reads the journal,
    /// the data, the coverage and what is wrong with the documents. Exit code: 0 when standard input ends, 2
    /// without a document.
    Mcp(Box<Mcp>),
    /// Ask a running sandbox whether it answers
    ///
    /// Exit code: 0 if it does, 1 if it does not.
    Health(Health),
    /// Wait until a sandbox answers
    ///
    /// Exit code: 0 when it does, 1 if it does not within the time.
    Wait(Wait),
    /// Print where the local certificate authority is, and how clients trust it
    ///
    /// It signs the certificates of `https` listeners. It is in the user's folder for data, and is made
    /// if there is none. The trust store of the system is not changed. Exit code: 0, or 2 if it cannot
    /// be made.
    Cert(Cert),
    /// Print the JSON Schema of fixture files, for editors
    Schema(PrintSchema),
    /// Print a completion script for a shell
    Completions {
        /// Shell to complete for
        #[arg(
            value_name = "bash|elvish|fish|powershell|zsh",
            hide_possible_values = true
        )]
        shell: clap_complete::Shell,
    },
    /// Print the manual page, in roff
    Man,
}

impl Command {
    /// Parses the arguments of the process; also those of Prism, see the module `prism`. Prints an
    /// error or the help that is asked for, and ends the process then.
    #[must_use]
    pub fn from_arguments() -> Self {
        let mut command = Self::command();
        // `proxy` has the options of `serve` too.
        let options: Vec<_> = command
            .find_subcommand("proxy")
            .into_iter()
            .flat_map(clap::Command::get_arguments)
            .filter(|option| option.get_action().takes_values())
            .flat_map(|option| {
                let short = option.get_short().map(|letter| format!("-{letter}"));
                let long = option.get_long().map(|name| format!("--{name}"));
                [short, long].into_iter().flatten()
            })
            .collect();
        let takes_value = |option: &str| options.iter().any(|own| own == option);
        // Clap adds `help` only when it parses.
        let is_command = |word: &str| word == "help" || command.find_subcommand(word).is_some();
        let translation = prism::translated(std::env::args_os(), is_command, takes_value);
        if let Some(refusal) = translation.refusal {
            command.error(ErrorKind::UnknownArgument, refusal).exit();
        }
        for note in &translation.notes {
            // A closed standard error does not end the command.
            let _unread = writeln!(io::stderr(), "note: {note}");
        }
        // Clap would call the program `standin-serve` in the version that `standin serve` prints.
        let matches = command
            .mut_subcommands(|subcommand| subcommand.display_name("standin"))
            .try_get_matches_from(translation.arguments)
            .unwrap_or_else(|error| advised(error).exit());
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Returns the options of `serve`, if this is the command or `proxy`.
    #[must_use]
    pub fn serve(&self) -> Option<&Serve> {
        match &self.action {
            Subcommands::Serve(serve) => Some(serve),
            Subcommands::Proxy(proxy) => Some(&proxy.serve),
            _ => None,
        }
    }

    /// Runs the command with standard output and standard error.
    ///
    /// # Errors
    ///
    /// [`Failure`], if the system prevents it.
    pub fn run_in_terminal(self) -> Result<Outcome, Failure> {
        let out = &mut io::stdout();
        let is_serving = self.serve().is_some();
        // `check` waits for the reader of its findings; a server must not wait for a reader.
        let outcome = if is_serving {
            self.run(out, &mut StandardError)
        } else {
            self.run(out, &mut io::stderr())
        };
        if is_serving {
            stderr::settle();
        }
        let outcome = outcome?;
        // Flushing reports text that cannot be written here, instead of losing it silently later.
        out.flush()?;
        Ok(outcome)
    }

    /// Runs the command.
    ///
    /// # Errors
    ///
    /// [`Failure`], if the system prevents it.
    pub fn run(self, out: &mut impl Write, err: &mut impl Write) -> Result<Outcome, Failure> {
        let err = &mut Unfailing(err);
        match self.action {
            Subcommands::Serve(serve) => serve.run(out, err),
            Subcommands::Proxy(proxy) => proxy.run(out, err),
            Subcommands::Check(check) => check.run(out, err),
            Subcommands::Routes(routes) => routes.run(out, err),
            Subcommands::Example(example) => example.run(out, err),
            Subcommands::Trigger(trigger) => trigger.run(out, err),
            Subcommands::Init(init) => init.run(out, err),
            Subcommands::Import(import) => import.run(out, err),
            Subcommands::Drift(drift) => drift.run(out, err),
            Subcommands::Mcp(mcp) => mcp.run(out, err),
            Subcommands::Health(health) => health.run(out, err),
            Subcommands::Wait(wait) => wait.run(err),
            Subcommands::Cert(cert) => cert.run(out, err),
            Subcommands::Schema(schema) => schema.run(out),
            Subcommands::Completions { shell } => {
                // `generate` panics if it cannot write, so it writes to memory first.
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "standin", &mut script);
                out.write_all(&script)?;
                Ok(Outcome::Clean)
            }
            Subcommands::Man => {
                let mut command = Self::command();
                command.build();
                clap_mangen::Man::new(command.clone()).render(out)?;
                for subcommand in command
                    .get_subcommands()
                    .filter(|command| command.get_name() != "help")
                {
                    clap_mangen::Man::new(subcommand.clone()).render(out)?;
                }
                Ok(Outcome::Clean)
            }
        }
    }
}

/// Adds what to do to an error about a first word that is neither a command nor a document.
fn advised(mut error: clap::Error) -> clap::Error {
    let is_unknown = error.kind() == ErrorKind::InvalidSubcommand;
    if is_unknown && error.get(ContextKind::SuggestedSubcommand).is_none() {
        let advice = "a document is a URL, or a file or folder that exists; \
                      `standin --help` lists the commands";
        let _no_other = error.insert(
            ContextKind::Suggested,
            ContextValue::StyledStrs(vec![advice.into()]),
        );
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Command::command().debug_assert();
    }

    #[test]
    fn the_short_help_fits_a_screen() {
        let mut command = Command::command();
        let serve = command.find_subcommand_mut("serve").expect("is there");
        let help = serve.render_help().to_string();
        assert!(
            help.lines().count() <= 24,
            "{} lines:\n{help}",
            help.lines().count()
        );
    }
}
