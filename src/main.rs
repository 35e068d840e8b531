//! Runs the command line and turns its result into an exit code.
use std::io;
use std::io::Write as _;
use std::process::ExitCode;

use standin::cli::{Command, Outcome};

/// Allocator that is faster than most system allocators, gives memory back soon, and behaves the
/// same on all systems.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Command::from_arguments().run_in_terminal() {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Ok(Outcome::CouldNotRun) => ExitCode::from(2),
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            // `eprintln` panics if standard error is full or closed.
            let _unread = writeln!(io::stderr(), "error: {failure}");
            ExitCode::from(2)
        }
    }
}
