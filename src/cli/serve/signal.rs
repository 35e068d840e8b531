//! Signals that end the server, received on a separate thread so that busy threads do not delay
//! them.
use std::{process, thread};

use tokio::sync::watch;

/// Progress of the shutdown; each signal advances it by one stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// No signal has arrived.
    Serving,
    /// First signal: exchanges in flight are finished.
    Finishing,
    /// Second signal: exchanges in flight are cut, and files are written.
    Cutting,
}

/// Exit code of a process that a third signal ended (128 and the number of SIGTERM).
const ENDED: i32 = 143;

/// Listens from now on for Ctrl-C, and for SIGTERM and SIGHUP where the system has them. A third
/// signal ends the process at once.
///
/// # Errors
///
/// Error of the system, if the signals cannot be received or no thread can be started.
pub(super) fn listen() -> std::io::Result<watch::Receiver<Stage>> {
    let (send, receive) = watch::channel(Stage::Serving);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let mut signals = {
        let _context = runtime.enter();
        Signals::new()?
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
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
    /// SIGHUP; `None` if it was ignored at the start, so that the process outlives its terminal.
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hangup = (!is_hangup_ignored())
            .then(|| signal(SignalKind::hangup()))
            .transpose()?;
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup,
        })
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

/// Returns true if SIGHUP was ignored when the process began, as `nohup` does it. Only Linux
/// reports this without unsafe code.
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
