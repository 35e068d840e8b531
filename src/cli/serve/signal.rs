//! When is the server to end? Signals are heard on a thread of their own, whatever the other threads do.
use std::{process, thread};

use tokio::sync::watch;

/// How far the end has come: each signal takes it one step further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// No signal came.
    Serving,
    /// The first: what is in flight is finished.
    Finishing,
    /// The second: what is in flight is cut, and what is left is written.
    Cutting,
}

/// The exit code of a process that a third signal ended (128 and the number of SIGTERM).
const ENDED: i32 = 143;

/// Listens from now on for Ctrl-C, and for SIGTERM and SIGHUP where there are such. A third signal ends the
/// process on the spot.
///
/// # Errors
///
/// Error of the system, if no thread can be started.
pub fn listen() -> std::io::Result<watch::Receiver<Stage>> {
    let (send, receive) = watch::channel(Stage::Serving);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut signals = {
        let _context = runtime.enter();
        Signals::new()?
    };
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            for stage in [Stage::Finishing, Stage::Cutting] {
                signals.next().await;
                send.send_replace(stage);
            }
            signals.next().await;
            process::exit(ENDED);
        });
    })?;
    Ok(receive)
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// None where whoever started the process wants it to outlive its terminal.
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hangup = (!is_hangup_ignored()).then(|| signal(SignalKind::hangup())).transpose()?;
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())?, hangup })
    }

    async fn next(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hangup => {}
        }
    }
}

/// Whether SIGHUP was ignored when the process began, as `nohup` does it. Only Linux says so without unsafe code.
#[cfg(unix)]
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Bit 0 is signal 1, which is SIGHUP.
    mask.is_some_and(|mask| mask & 1 == 1)
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        let _failed = tokio::signal::ctrl_c().await;
    }
}
