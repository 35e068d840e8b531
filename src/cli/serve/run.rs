//! Runs `standin serve`, from loading the documents to the exit code at the end.
use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot::error::RecvError;
use tokio::sync::oneshot::{self, Receiver};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::cli::arguments::Switch;
use crate::cli::drift_report::DriftTarget;
use crate::cli::outcome::{Failure, Outcome, findings, loaded};
use crate::cli::real_api::RealApi;
use crate::cli::report_file::{self, Condition, ReportTarget};
use crate::cli::serve::Serve;
use crate::cli::serve::address;
use crate::cli::serve::listen::{self, Bound, ListenAddress, SocketFile};
use crate::cli::serve::meanwhile::write_recordings;
use crate::cli::serve::notice::Notices;
use crate::cli::serve::recorded_writes;
use crate::cli::serve::signal::{self, Stage};
use crate::cli::state_file::{Keeper, StateFile};
use crate::diagnostic::{Severity, escape};
use crate::sandbox::Sandbox;
use crate::server::control::Control;
use crate::server::current::CurrentControl;
use crate::server::reload::{KnownFiles, Reloader, give_back};
use crate::server::stderr::{self, StandardError};
use crate::server::{self, Limits, Listener, log};
use crate::upstream::drift::findings::LEAST_CALLS;
use crate::upstream::gateway::Upstream;

/// Number that keys of new entities begin after beside a real API, so that they are none of its keys. It leaves
/// room in 32 bits with a sign.
const KEYS_BESIDE_REAL: u64 = 1_000_000_000;

impl Serve {
    /// Serves until a signal ends it; with `--log json`, standard error gets nothing but JSON.
    pub(in crate::cli) fn run(
        self,
        out: &mut impl Write,
        err: &mut impl Write,
    ) -> Result<Outcome, Failure> {
        self.run_with(None, out, err)
    }

    /// Serves, and forwards requests to a real API, until a signal ends it.
    pub(in crate::cli) fn run_with(
        self,
        real: Option<RealApi>,
        out: &mut impl Write,
        err: &mut impl Write,
    ) -> Result<Outcome, Failure> {
        let mut own = self;
        if real.is_some() {
            own.generation.keys_after = KEYS_BESIDE_REAL;
        }
        let format = own.log;
        log::start(format, &own.log_level);
        let mut notices = Notices::new(format, err);
        match own.serve(real, out, &mut notices) {
            Err(failure) if format == log::LogFormat::Json && !failure.is_closed_pipe() => {
                writeln!(notices, "error: {failure}")?;
                Ok(Outcome::CouldNotRun)
            }
            outcome => outcome,
        }
    }

    fn serve(
        self,
        real: Option<RealApi>,
        out: &mut impl Write,
        err: &mut impl Write,
    ) -> Result<Outcome, Failure> {
        let started = Instant::now();
        let (upstream, drift) = real.map(|real| (real.upstream, real.drift)).unzip();
        let drift: Vec<DriftTarget> = drift.unwrap_or_default();
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
        let outputs = known_keys(upstream.as_deref(), &sandbox);
        let (reports, state) = match outputs.and_then(|()| self.outputs(&sandbox)) {
            Ok(outputs) => outputs,
            Err(message) => {
                writeln!(err, "error: {message}")?;
                return Ok(Outcome::CouldNotRun);
            }
        };
        self.warn_of_idle_options(err)?;
        for line in loaded(sandbox.contract()) {
            writeln!(err, "{line}")?;
        }
        let warning = matches!(self.state, Switch::On).then(|| recorded_writes::warning(&sandbox));
        if let Some(warning) = warning.flatten() {
            writeln!(err, "{warning}")?;
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
        let tls = match self.listening.acceptor() {
            Ok(tls) => tls,
            Err(error) => {
                writeln!(err, "error: {error}")?;
                return Ok(Outcome::CouldNotRun);
            }
        };
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
                writeln!(err, "error: no fixture has the scenario `{scenario}`\n  = help: an entry of fixtures has it as `scenario: {scenario}`; `--fixtures DIR` names their folder")?;
                return Ok(None);
            }
            if sandbox.contract().documents.is_empty() {
                tell(err, findings.await)?;
                writeln!(
                    err,
                    "error: there is no document to serve\n  = help: name one, such as `standin serve openapi.yaml`, or put it into the folder `specs`"
                )?;
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
            let bound = self.bind(tls.as_ref()).await?;
            if let Some(note) = address::closed(&self.control_options()).filter(|_| matches!(self.control, Switch::On)) {
                writeln!(err, "{note}")?;
            }
            // A program that reads the line may send the signal at once.
            let signals = signal::listen()?;
            let state = state.map(|state| state.keep(Arc::clone(sandbox.memory()))).transpose()?;
            // The line must be the last of the start if both streams go to one terminal.
            stderr::settle();
            announce(&bound, upstream.as_deref(), &sandbox, out, err)?;
            if !is_told {
                let format = self.log;
                // The server must serve even if its standard error is not read.
                tokio::task::spawn_blocking(move || tell_late(format, findings.blocking_recv()));
            }
            let sandbox = ServedSandbox { sandbox, known_files, upstream };
            let control = self.until_end(bound, sandbox, limits, signals).await?;
            Ok::<_, Failure>(Some((control, state)))
        });
        runtime.shutdown_background();
        match served? {
            Some((control, state)) => self.judge(&control.load(), state, (&reports, &drift), err),
            None => Ok(Outcome::CouldNotRun),
        }
    }

    /// Answers requests until a signal ends the server.
    async fn until_end(
        &self,
        bound: Vec<Bound>,
        served: ServedSandbox,
        limits: Limits,
        (mut stage, hangups): (watch::Receiver<Stage>, UnboundedReceiver<()>),
    ) -> Result<Arc<CurrentControl>, Failure> {
        let mut control = Control::with(served.sandbox, self.control_options());
        if let Some(upstream) = served.upstream {
            control = control.with_upstream(upstream);
        }
        let control = Arc::new(CurrentControl::new(Arc::new(control)));
        let reloader = self.keep_up_to_date(&control, served.known_files)?;
        let reloading = tokio::spawn(reload_on_signals(hangups, reloader));
        let recording = tokio::spawn(write_recordings(Arc::clone(&control)));
        let (listeners, _files): (Vec<Listener>, Vec<Option<SocketFile>>) = bound
            .into_iter()
            .map(|bound| (bound.listener, bound.file))
            .unzip();
        let mut finishing = stage.clone();
        let finish = async move {
            let _ended = finishing.wait_for(|stage| *stage >= Stage::Finishing).await;
        };
        tokio::select! {
            () = server::run_on(listeners, Arc::clone(&control), limits, finish) => {}
            _ = stage.wait_for(|stage| *stage >= Stage::Cutting) => {
                tracing::warn!("exchanges in flight were cut, as a second signal came");
            }
        }
        reloading.abort();
        recording.abort();
        Ok(control)
    }

    /// Listens on all addresses, in the order in which they were given.
    async fn bind(&self, tls: Option<&TlsAcceptor>) -> Result<Vec<Bound>, Failure> {
        let usual = [ListenAddress::Plain(self.host.clone(), self.port)];
        let addresses = match self.listening.listen.as_slice() {
            [] => &usual[..],
            addresses => addresses,
        };
        let mut all = Vec::new();
        for address in addresses {
            all.extend(listen::bind(address, tls).await?);
        }
        Ok(all)
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

    /// Warns of options that have no effect without another one.
    fn warn_of_idle_options(&self, err: &mut impl Write) -> std::io::Result<()> {
        for option in self.listening.idle() {
            writeln!(
                err,
                "warning: `{option}` has no effect without `--listen https://…`"
            )?;
        }
        let counts = |condition: &Condition| matches!(condition, Condition::Uncovered(_));
        if self.cover.is_empty() || self.fail_on.iter().any(counts) {
            return Ok(());
        }
        writeln!(
            err,
            "warning: `--cover` has no effect without `--fail-on uncovered`"
        )
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
        (reports, drift): (&[ReportTarget], &[DriftTarget]),
        err: &mut impl Write,
    ) -> Result<Outcome, Failure> {
        let mut unwritten: Vec<String> = Vec::new();
        unwritten.extend(
            state
                .and_then(|state| state.end().err())
                .map(|error| error.to_string()),
        );
        if let Some(upstream) = control.upstream() {
            match upstream.observers.write(control.sandbox()) {
                Ok(()) => tell(err, Ok(upstream.observers.summary().into_iter().collect()))?,
                Err(error) => unwritten.push(error.to_string()),
            }
            unwritten.extend(write_drift(upstream, control.sandbox(), drift, err)?);
        }
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

/// Writes reports of drift with one line about them, and returns a sentence for each that cannot be written.
///
/// # Errors
///
/// Error of the system, if the line cannot be written.
fn write_drift(
    upstream: &Upstream,
    sandbox: &Sandbox,
    targets: &[DriftTarget],
    err: &mut impl Write,
) -> std::io::Result<Vec<String>> {
    if targets.is_empty() {
        return Ok(Vec::new());
    }
    let Some(report) = upstream.observers.drift(sandbox, LEAST_CALLS) else {
        return Ok(Vec::new());
    };
    let (mut unwritten, mut written) = (Vec::new(), Vec::new());
    for target in targets {
        match target.write(&report) {
            Ok(()) => {
                written.push(escape::one_line(&target.file.display().to_string()).into_owned());
            }
            Err(error) => unwritten.push(error),
        }
    }
    if !written.is_empty() {
        writeln!(err, "drift: {}, {}", report.summary(), written.join(", "))?;
    }
    Ok(unwritten)
}

/// Says where the server listens, and which real API requests are forwarded to.
///
/// # Errors
///
/// [`Failure::Io`], if the first line cannot be written.
fn announce(
    bound: &[Bound],
    upstream: Option<&Upstream>,
    sandbox: &Sandbox,
    out: &mut impl Write,
    err: &mut impl Write,
) -> Result<(), Failure> {
    if let Some(upstream) = upstream {
        writeln!(err, "requests are forwarded to {}", upstream.address)?;
        for notice in upstream
            .servers(sandbox.contract())
            .notices(&upstream.address)
        {
            writeln!(err, "note: {notice}")?;
        }
    }
    let urls = bound.iter().filter_map(|bound| bound.url.as_ref());
    let others = bound.iter().flat_map(|bound| &bound.others);
    for (index, url) in urls.chain(others).enumerate() {
        let told = writeln!(out, "listening on {url}").and_then(|()| out.flush());
        // A program may have closed its end after the first line.
        if index == 0 {
            told?;
        }
    }
    Ok(())
}

/// Checks that each key of `--real` and `--sandbox` names an operation.
///
/// # Errors
///
/// Sentence about the first one that does not.
fn known_keys(upstream: Option<&Upstream>, sandbox: &Sandbox) -> Result<(), String> {
    let unknown = upstream.and_then(|upstream| upstream.unknown_key(sandbox.contract()));
    unknown.map_or(Ok(()), |unknown| {
        Err(format!("`--real` or `--sandbox`: {unknown}"))
    })
}

/// Sandbox to serve, and the state of its files when it was loaded.
struct ServedSandbox {
    sandbox: Arc<Sandbox>,
    known_files: KnownFiles,
    /// Real API of a proxy.
    upstream: Option<Arc<Upstream>>,
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
