//! Signals that end the server, received on a separate thread so that busy threads do not delay
//! them.
use std::{process, thread};

use tokio::sync::mpsc::{self, UnboundedReceiver};
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

/// Signal that a process reacts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signalled {
    End,
    /// SIGHUP, and the terminal of the process is not gone.
    Reload,
}

/// Listens from now on for Ctrl-C, and for SIGTERM and SIGHUP where the system has them. A third
/// signal ends the process at once. SIGHUP ends it if its terminal was closed; else it is sent to
/// the second receiver.
///
/// # Errors
///
/// Error of the system, if the signals cannot be received or no thread can be started.
pub(super) fn listen() -> std::io::Result<(watch::Receiver<Stage>, UnboundedReceiver<()>)> {
    let (send, receive) = watch::channel(Stage::Serving);
    let (ask, hangups) = mpsc::unbounded_channel();
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
                let mut stages = [Stage::Finishing, Stage::Cutting].into_iter();
                loop {
                    match (signals.next().await, stages.as_slice()) {
                        // Without a receiver, the server has ended.
                        (Signalled::Reload, [Stage::Finishing, ..]) => drop(ask.send(())),
                        (Signalled::Reload, _) => {}
                        (Signalled::End, _) => match stages.next() {
                            Some(stage) => drop(send.send_replace(stage)),
                            None => process::exit(ENDED),
                        },
                    }
                }
            });
        })?;
    Ok((receive, hangups))
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// SIGHUP; `None` if it was ignored at the start, so that the process outlives its terminal.
    hangup: Option<tokio::signal::unix::Signal>,
    /// True if the process began with a terminal, whose end is a SIGHUP too.
    had_terminal: bool,
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
            had_terminal: has_terminal(),
        })
    }

    async fn next(&mut self) -> Signalled {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Signalled::End,
            _ = self.terminate.recv() => Signalled::End,
            _ = hangup => {
                if self.had_terminal && !has_terminal() {
                    Signalled::End
                } else {
                    Signalled::Reload
                }
            }
        }
    }
}

/// Returns true if the process has a terminal that controls it.
#[cfg(unix)]
fn has_terminal() -> bool {
    std::fs::File::open("/dev/tty").is_ok()
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

/// Events of the console that ask a program to end.
#[cfg(windows)]
struct Signals {
    interrupt: tokio::signal::windows::CtrlC,
    broken: tokio::signal::windows::CtrlBreak,
    closed: tokio::signal::windows::CtrlClose,
    shut_down: tokio::signal::windows::CtrlShutdown,
}

#[cfg(windows)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::windows;
        Ok(Self {
            interrupt: windows::ctrl_c()?,
            broken: windows::ctrl_break()?,
            closed: windows::ctrl_close()?,
            shut_down: windows::ctrl_shutdown()?,
        })
    }

    async fn next(&mut self) -> Signalled {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.broken.recv() => {}
            _ = self.closed.recv() => {}
            _ = self.shut_down.recv() => {}
        }
        Signalled::End
    }
}
