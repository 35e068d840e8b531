//! Runs the command line and turns its result into an exit code.
use std::io::Write as _;
use std::io::{self, ErrorKind};
use std::process::ExitCode;

use clap::Parser as _;
use standin::cli::{Command, Failure, Outcome};

/// It is quicker than that of most systems, gives memory back soon, and is the same on all of them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Command::parse().run_in_terminal() {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Ok(Outcome::CouldNotRun) => ExitCode::from(2),
        // `standin check | head` is no failure.
        Err(Failure::Io(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            // `eprintln` panics where standard error is full or closed.
            let _unread = writeln!(io::stderr(), "error: {failure}");
            ExitCode::from(2)
        }
    }
}
