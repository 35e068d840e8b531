//! Runs the command line and turns its result into an exit code.
use std::io::Write as _;
use std::io::{self, ErrorKind};
use std::process::ExitCode;

use standin::cli::{Command, Failure, Outcome};

/// Allocator that is faster than most system allocators, gives memory back soon, and behaves the
/// same on all systems.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Command::from_arguments().run_in_terminal() {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Ok(Outcome::CouldNotRun) => ExitCode::from(2),
        // `standin check | head` is not a failure.
        Err(Failure::Io(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            // `eprintln` panics if standard error is full or closed.
            let _unread = writeln!(io::stderr(), "error: {failure}");
            ExitCode::from(2)
        }
    }
}
