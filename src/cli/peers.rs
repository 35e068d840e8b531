//! Subcommands and options of other sandbox servers, and what they are called here.
//!
//! `prism` looks here for what no command of Standin has, so that the error says more than that it
//! is unknown.

/// Counterpart of a word of another program.
#[derive(Debug, Clone, Copy)]
enum Counterpart {
    /// Command or option here that does the same.
    Called(&'static str),
    /// No counterpart; the sentence says so, or names what to do instead.
    Missing(&'static str),
}

use Counterpart::{Called, Missing};

/// Subcommands of other programs.
const SUBCOMMANDS: [(&str, &str, Counterpart); 11] = [
    ("stub", "Specmatic", Called("serve")),
    ("virtualize", "Specmatic", Called("serve")),
    ("start", "Mockoon", Called("serve")),
    ("run", "other servers", Called("serve")),
    ("up", "Imposter", Called("serve")),
    ("dev", "other servers", Called("serve")),
    ("lint", "linters", Called("check")),
    ("validate", "linters", Called("check")),
    ("list", "other tools", Called("routes")),
    (
        "record",
        "other servers",
        Missing("Standin does not record the answers of another server"),
    ),
    (
        "test",
        "Specmatic",
        Missing("Standin tests clients, and does not send requests to a server"),
    ),
];

/// Options of other programs.
const OPTIONS: [(&str, &str, Counterpart); 34] = [
    ("--upstream-proxy", "Prism", Missing(PROXY)),
    ("--upstream", "Prism", Missing(PROXY)),
    ("--validate-request", "Prism", Called("--validate strict")),
    ("--validateRequest", "Prism", Called("--validate strict")),
    ("--no-validate-request", "Prism", Called("--validate off")),
    ("--no-validateRequest", "Prism", Called("--validate off")),
    ("--spec", "other servers", Called(DOCUMENT)),
    ("--spec-file", "other servers", Called(DOCUMENT)),
    ("--openapi", "other servers", Called(DOCUMENT)),
    ("--input", "other servers", Called(DOCUMENT)),
    ("--data", "Mockoon", Called(DOCUMENT)),
    ("--hostname", "Mockoon", Called("--host")),
    ("--bind-address", "WireMock", Called("--host")),
    ("--address", "other servers", Called("--host")),
    ("--faker-seed", "Mockoon", Called("--seed")),
    (
        "--faker-locale",
        "Mockoon",
        Missing("generated names and addresses are English"),
    ),
    ("--log-transaction", "Mockoon", Called("--log json")),
    (
        "--disable-log-to-file",
        "Mockoon",
        Missing("the log is on standard error only"),
    ),
    ("--root-dir", "WireMock", Called("--fixtures")),
    ("--no-request-journal", "WireMock", Called("--journal 0")),
    (
        "--max-request-journal-entries",
        "WireMock",
        Called("--journal"),
    ),
    ("--enable-stub-cors", "WireMock", Called("--cors on")),
    (
        "--global-response-templating",
        "WireMock",
        Missing("expressions in fixtures are always evaluated"),
    ),
    ("--proxy-all", "WireMock", Missing(PROXY)),
    (
        "--record-mappings",
        "WireMock",
        Missing("Standin does not record the answers of another server"),
    ),
    ("--https-port", "WireMock", Missing(NO_TLS)),
    ("--https", "other servers", Missing(NO_TLS)),
    ("--ssl", "other servers", Missing(NO_TLS)),
    ("--middlewares", "json-server", Called("--fixtures")),
    ("--snapshots", "json-server", Called("--state-file")),
    ("--verbose", "other servers", Called("--log-level debug")),
    ("--debug", "other servers", Called("--log-level debug")),
    ("--quiet", "other servers", Called("--log off")),
    ("--silent", "other servers", Called("--log off")),
];

const DOCUMENT: &str = "standin serve DOCUMENT";
const PROXY: &str = "`standin proxy URL` forwards requests to the real API, such as `standin proxy https://api.example.com`";
const NO_TLS: &str = "Standin speaks HTTP without TLS; put a proxy with a certificate before it";

/// Returns the error for a subcommand of another program.
pub(super) fn command(name: &str) -> Option<String> {
    message("a command", name, &SUBCOMMANDS)
}

/// Returns the error for an option of another program.
pub(super) fn option(name: &str) -> Option<String> {
    message("an option", name, &OPTIONS)
}

fn message(kind: &str, name: &str, all: &[(&str, &str, Counterpart)]) -> Option<String> {
    let (_, whose, counterpart) = all.iter().find(|(theirs, ..)| *theirs == name)?;
    let found = format!("`{name}` is {kind} of {whose}");
    Some(match counterpart {
        Called(own) => format!("{found}; it is `{own}` here"),
        Missing(why) => format!("{found}\n  = help: {why}"),
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Command;

    #[test]
    fn a_counterpart_exists_and_the_word_itself_does_not() {
        let command = Command::command();
        let is_command = |name: &str| command.get_subcommands().any(|own| own.get_name() == name);
        let serve = command.find_subcommand("serve").expect("is there");
        let is_option = |name: &str| {
            let name = name
                .split(' ')
                .next()
                .unwrap_or(name)
                .trim_start_matches("--");
            serve.get_opts().any(|own| own.get_long() == Some(name))
        };
        for (name, _, counterpart) in SUBCOMMANDS {
            assert!(!is_command(name), "{name}");
            assert!(
                !matches!(counterpart, Called(own) if !is_command(own)),
                "{name}"
            );
        }
        for (name, _, counterpart) in OPTIONS {
            assert!(!is_option(name), "{name}");
            let is_wrong = |own: &str| own != DOCUMENT && !is_option(own);
            assert!(
                !matches!(counterpart, Called(own) if is_wrong(own)),
                "{name}"
            );
        }
    }

    #[test]
    fn an_error_names_the_word_its_program_and_the_counterpart() {
        assert_eq!(
            option("--bind-address").as_deref(),
            Some("`--bind-address` is an option of WireMock; it is `--host` here")
        );
        assert_eq!(
            command("test").as_deref(),
            Some(
                "`test` is a command of Specmatic\n  = help: Standin tests clients, and does not send requests to a server"
            )
        );
        assert_eq!(option("--port"), None);
    }
}
