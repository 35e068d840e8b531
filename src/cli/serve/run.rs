//! Runs `standin serve`, from loading the documents to the exit code at the end.
use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot::error::RecvError;
use tokio::sync::oneshot::{self, Receiver};
use tokio::sync::watch;

use crate::cli::arguments::Switch;
use crate::cli::outcome::{Failure, Outcome, findings, loaded};
use crate::cli::report_file::{self, ReportTarget};
use crate::cli::serve::Serve;
use crate::cli::serve::address;
use crate::cli::serve::notice::Notices;
use crate::cli::serve::signal::{self, Stage};
use crate::cli::state_file::{Keeper, StateFile};
use crate::diagnostic::Severity;
use crate::sandbox::Sandbox;
use crate::server::control::Control;
use crate::server::current::CurrentControl;
use crate::server::reload::{KnownFiles, Reloader, give_back};
use crate::server::stderr::{self, StandardError};
use crate::server::{self, Limits, log};

impl Serve {
    /// Serves until a signal ends it; with `--log json`, standard error gets nothing but JSON.
    pub(in crate::cli) fn run(
        self,
        out: &mut impl Write,
        err: &mut impl Write,
    ) -> Result<Outcome, Failure> {
        let format = self.log;
        log::start(format, &self.log_level);
        let mut notices = Notices::new(format, err);
        match self.serve(out, &mut notices) {
            Err(failure) if format == log::LogFormat::Json && !failure.is_closed_pipe() => {
                writeln!(notices, "error: {failure}")?;
                Ok(Outcome::CouldNotRun)
            }
            outcome => outcome,
        }
    }

    fn serve(self, out: &mut impl Write, err: &mut impl Write) -> Result<Outcome, Failure> {
        let started = Instant::now();
        let sandbox = self
            .documents
            .load(self.settings(), err)?
            .with_scenario(self.scenario.clone());
        let known_files = self.known_files(&sandbox);
        let sandbox = Arc::new(sandbox);
        let (lead, patience) = if started.elapsed() > LARGE {
            (LEAD, Duration::ZERO)
        } else {
            (Duration::ZERO, PATIENCE)
        };
        let mut findings = look(&sandbox, lead);
        let (reports, state) = match self.outputs(&sandbox) {
            Ok(outputs) => outputs,
            Err(message) => {
                writeln!(err, "error: {message}")?;
                return Ok(Outcome::CouldNotRun);
            }
        };
        for line in loaded(sandbox.contract()) {
            writeln!(err, "{line}")?;
        }
        if self.strict_documents
            && let Some(lines) = refusal(&sandbox)
        {
            tell(err, Ok(lines))?;
            writeln!(
                err,
                "error: the documents have errors, which `--strict-documents` does not allow"
            )?;
            return Ok(Outcome::Findings);
        }
        let limits = Limits {
            max_connections: self.possible_connections(err)?,
            ..self.limits()
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_stack_size(STACK)
            .build()?;
        let served = runtime.block_on(async {
            if let Some(scenario) = self.scenario.as_ref().filter(|name| !sandbox.scenarios().contains(*name)) {
                writeln!(err, "error: no fixture has the scenario `{scenario}`")?;
                return Ok(None);
            }
            if sandbox.contract().documents.is_empty() {
                tell(err, findings.await)?;
                writeln!(err, "error: there is no document to serve")?;
                return Ok(None);
            }
            let early = tokio::time::timeout(patience, &mut findings).await;
            let is_told = early.is_ok();
            match early {
                Ok(lines) => tell(err, lines)?,
                Err(_) => {
                    writeln!(err, "schemas and examples are still being checked, and requests answered meanwhile")?;
                }
            }
            let listener = TcpListener::bind((self.host.as_str(), self.port)).await.map_err(|error| {
                let address = format!("{}:{}", self.host, self.port);
                Failure::Listen { address, error }
            })?;
            if let Some(note) = address::closed(&self.control_options()).filter(|_| matches!(self.control, Switch::On)) {
                writeln!(err, "{note}")?;
            }
            // A program that reads the line may send the signal at once.
            let signals = signal::listen()?;
            let state = state.map(|state| state.keep(Arc::clone(sandbox.memory()))).transpose()?;
            // The line must be the last of the start if both streams go to one terminal.
            stderr::settle();
            let bound = listener.local_addr()?;
            writeln!(out, "listening on http://{bound}")?;
            out.flush()?;
            for address in address::usable(bound) {
                // A program may have closed its end after the first line.
                let _unread = writeln!(out, "listening on http://{address}");
            }
            let _unread = out.flush();
            if !is_told {
                let format = self.log;
                // The server must serve even if its standard error is not read.
                tokio::task::spawn_blocking(move || tell_late(format, findings.blocking_recv()));
            }
            let sandbox = ServedSandbox { sandbox, known_files };
            let control = self.until_end(listener, sandbox, limits, signals).await?;
            Ok::<_, Failure>(Some((control, state)))
        });
        runtime.shutdown_background();
        match served? {
            Some((control, state)) => self.judge(&control.load(), state, &reports, err),
            None => Ok(Outcome::CouldNotRun),
        }
    }

    /// Answers requests until a signal ends the server.
    async fn until_end(
        &self,
        listener: TcpListener,
        served: ServedSandbox,
        limits: Limits,
        (mut stage, hangups): (watch::Receiver<Stage>, UnboundedReceiver<()>),
    ) -> Result<Arc<CurrentControl>, Failure> {
        let control = Control::with(served.sandbox, self.control_options());
        let control = Arc::new(CurrentControl::new(Arc::new(control)));
        let reloader = self.keep_up_to_date(&control, served.known_files)?;
        let reloading = tokio::spawn(reload_on_signals(hangups, reloader));
        let mut finishing = stage.clone();
        let finish = async move {
            let _ended = finishing.wait_for(|stage| *stage >= Stage::Finishing).await;
        };
        tokio::select! {
            () = server::run_with(listener, Arc::clone(&control), limits, finish) => {}
            _ = stage.wait_for(|stage| *stage >= Stage::Cutting) => {
                tracing::warn!("exchanges in flight were cut, as a second signal came");
            }
        }
        reloading.abort();
        Ok(control)
    }

    /// Returns the number of connections that can be served at a time: each needs a file
    /// descriptor. Warns if this number or the address space is low.
    fn possible_connections(&self, err: &mut impl Write) -> Result<usize, Failure> {
        #[cfg(unix)]
        {
            let wanted = u64::from(self.max_connections);
            let address_space = rlimit::Resource::AS.get_soft().unwrap_or(u64::MAX);
            if address_space < ADDRESS_SPACE {
                writeln!(
                    err,
                    "warning: the system allows {} MiB of address space (`ulimit -v`), and the process ends when it needs more; {} MiB are enough for most documents",
                    address_space >> 20,
                    ADDRESS_SPACE >> 20
                )?;
            }
            let allowed = rlimit::increase_nofile_limit(wanted + OTHER_FILES).unwrap_or(u64::MAX);
            let possible = allowed.saturating_sub(OTHER_FILES.min(allowed / 2)).max(1);
            if possible < wanted {
                if possible < SCARCE {
                    writeln!(
                        err,
                        "warning: the system allows {allowed} open files (`ulimit -n`), so {possible} connections are served at a time; others wait"
                    )?;
                }
                return Ok(usize::try_from(possible).unwrap_or(usize::MAX));
            }
        }
        Ok(self.max_connections as usize)
    }

    /// Opens the files to be written at the end, so that a run that could not be reported does not
    /// begin.
    fn outputs(&self, sandbox: &Sandbox) -> Result<(Vec<ReportTarget>, Option<StateFile>), String> {
        let reports = report_file::targets(&self.report)?;
        reports
            .iter()
            .try_for_each(ReportTarget::check)
            .map_err(|error| error.to_string())?;
        report_file::covered(sandbox.contract(), &self.cover)?;
        let Some(path) = &self.state_file else {
            return Ok((reports, None));
        };
        if matches!(self.state, Switch::Off) {
            return Err(
                "`--state-file` has no effect while `--state` is `off`\n  = help: add `--state on`"
                    .to_owned(),
            );
        }
        let state = StateFile::open(path, sandbox).map_err(|error| error.to_string())?;
        Ok((reports, Some(state)))
    }

    /// Writes the state file and the reports, each even if another cannot be written, and returns
    /// the outcome of the run.
    fn judge(
        &self,
        control: &Control,
        state: Option<Keeper>,
        reports: &[ReportTarget],
        err: &mut impl Write,
    ) -> Result<Outcome, Failure> {
        let mut unwritten: Vec<String> = Vec::new();
        unwritten.extend(
            state
                .and_then(|state| state.end().err())
                .map(|error| error.to_string()),
        );
        // Operations may have gone since the start.
        let covered = report_file::covered(control.sandbox().contract(), &self.cover);
        let covered = covered.unwrap_or_default();
        let failures = report_file::failures(&self.fail_on, control.coverage(), &covered);
        for report in reports {
            let written = report.write(control.sandbox().contract(), control.coverage(), &failures);
            unwritten.extend(written.err().map(|error| error.to_string()));
        }
        for error in &unwritten {
            writeln!(err, "error: {error}")?;
        }
        for failure in &failures {
            writeln!(err, "failed: {failure}")?;
        }
        Ok(match (unwritten.is_empty(), failures.is_empty()) {
            (false, _) => Outcome::CouldNotRun,
            (true, false) => Outcome::Findings,
            (true, true) => Outcome::Clean,
        })
    }
}

/// Sandbox to serve, and the state of its files when it was loaded.
struct ServedSandbox {
    sandbox: Arc<Sandbox>,
    known_files: KnownFiles,
}

/// Loads the documents again whenever a signal asks for it.
async fn reload_on_signals(mut hangups: UnboundedReceiver<()>, reloader: Option<Arc<Reloader>>) {
    while hangups.recv().await.is_some() {
        let Some(reloader) = reloader.clone() else {
            tracing::warn!("a document is on standard input, which cannot be read again");
            continue;
        };
        // One load is enough for all signals that came meanwhile.
        while hangups.try_recv().is_ok() {}
        // The outcome was reported.
        let _reported = tokio::task::spawn_blocking(move || reloader.reload()).await;
    }
}

/// Time that the start waits for all diagnostics before it listens without them.
const PATIENCE: Duration = Duration::from_millis(5);

/// Loading time above which the start does not wait for diagnostics at all.
const LARGE: Duration = Duration::from_millis(10);

/// Delay of the check of large documents, which leaves the processor to the first requests.
const LEAD: Duration = Duration::from_millis(100);

/// Maximum number of open files beside connections.
#[cfg(unix)]
const OTHER_FILES: u64 = 64;

/// Number of possible connections below which the start warns.
#[cfg(unix)]
const SCARCE: u64 = 256;

/// Address space that is enough for most documents, in bytes. Thread stacks are reserved in it, and
/// most of them are never used.
#[cfg(unix)]
const ADDRESS_SPACE: u64 = 1 << 30;

/// Stack size of a thread, in bytes: deep schemas are compiled and walked by recursion.
const STACK: usize = 16 * 1024 * 1024;

/// Returns the diagnostics as lines, if any of them is an error.
fn refusal(sandbox: &Sandbox) -> Option<Vec<String>> {
    let judge = || {
        let diagnostics = sandbox.diagnostics();
        let has_errors = diagnostics
            .iter()
            .any(|found| found.severity() == Severity::Error);
        has_errors.then(|| findings(sandbox.contract(), &diagnostics))
    };
    // Deep schemas need the larger stack of this thread.
    thread::scope(|scope| {
        match thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, judge)
        {
            Ok(judged) => judged.join().unwrap_or_default(),
            Err(_) => None,
        }
    })
}

/// Checks the documents in a background thread after `lead`, and sends the diagnostics as lines.
fn look(sandbox: &Arc<Sandbox>, lead: Duration) -> Receiver<Vec<String>> {
    let (send, receive) = oneshot::channel();
    let sandbox = Arc::clone(sandbox);
    let look = move || {
        thread::sleep(lead);
        // The receiver may have gone on without waiting.
        let _received = send.send(findings(sandbox.contract(), &sandbox.diagnostics()));
        sandbox.rest();
        drop(sandbox);
        give_back();
    };
    // Without the thread there is no check, but affected answers still report the errors.
    let _spawned = thread::Builder::new()
        .name("check".to_owned())
        .stack_size(STACK)
        .spawn(look);
    receive
}

/// Writes diagnostics while requests are already answered; as log events if the log is JSON.
fn tell_late(format: log::LogFormat, lines: Result<Vec<String>, RecvError>) {
    match (format, lines) {
        (log::LogFormat::Json, Ok(lines)) => lines.iter().for_each(|line| log::notice(line)),
        // If standard error is closed, there is no place to report that.
        (_, lines) => drop(tell(&mut StandardError, lines)),
    }
}

/// Writes diagnostics, or an error if the check failed.
fn tell(err: &mut impl Write, lines: Result<Vec<String>, RecvError>) -> std::io::Result<()> {
    match lines {
        Ok(lines) => lines.iter().try_for_each(|line| writeln!(err, "{line}")),
        Err(_) => writeln!(
            err,
            "error: the documents could not be checked; `standin check` may say more"
        ),
    }
}
