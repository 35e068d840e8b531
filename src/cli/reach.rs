//! Asks a running sandbox whether it answers, for `standin health` and `standin wait`.
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;

use crate::cli::arguments::{base_url, time};
use crate::cli::outcome::{Failure, Outcome};
use crate::cli::running::credentials;
use crate::document::fetch::{self, FetchError};

/// Path of the control API that answers whenever the server does.
const HEALTH: &str = "/_standin/health";

/// Last line of an error about a sandbox that does not answer.
const ADVICE: &str =
    "  = help: is a sandbox running there? `standin serve` prints the URL that it listens on";

/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(100);

/// Options of `health`.
#[derive(Debug, Args)]
pub(super) struct Health {
    /// URL of the sandbox, without a path or with the path that it is served below
    #[arg(value_name = "URL", value_parser = base_url, default_value = "http://127.0.0.1:4010")]
    url: String,
}

/// Options of `wait`.
#[derive(Debug, Args)]
pub(super) struct Wait {
    /// URL of the sandbox, without a path or with the path that it is served below
    #[arg(value_name = "URL", value_parser = base_url, default_value = "http://127.0.0.1:4010")]
    url: String,
    /// Longest time to wait; a number without a unit is milliseconds
    #[arg(value_name = "TIME", value_parser = time, default_value = "30s")]
    time: Duration,
}

impl Health {
    /// Prints what the sandbox says of itself; `Outcome::Findings` if it does not answer.
    pub(super) fn run(
        &self,
        out: &mut impl Write,
        err: &mut impl Write,
    ) -> Result<Outcome, Failure> {
        match ask(&self.url) {
            Ok(health) => {
                writeln!(out, "{health}")?;
                Ok(Outcome::Clean)
            }
            Err(why) => {
                writeln!(err, "error: {why}\n{ADVICE}")?;
                Ok(Outcome::Findings)
            }
        }
    }
}

impl Wait {
    /// Waits until the sandbox answers; `Outcome::Findings` if it does not within the time.
    pub(super) fn run(&self, err: &mut impl Write) -> Result<Outcome, Failure> {
        let began = Instant::now();
        loop {
            match ask(&self.url) {
                Ok(_) => return Ok(Outcome::Clean),
                Err(_) if began.elapsed() < self.time => thread::sleep(PAUSE),
                Err(why) => {
                    writeln!(err, "error: {why}; waited {:?}\n{ADVICE}", self.time)?;
                    return Ok(Outcome::Findings);
                }
            }
        }
    }
}

fn ask(url: &str) -> Result<String, FetchError> {
    let health = format!("{}{HEALTH}", url.trim_end_matches('/'));
    let bytes = fetch::get(&health, &credentials(url, None))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
