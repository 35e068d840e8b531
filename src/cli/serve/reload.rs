//! Loads the documents again while `standin serve` runs: the `--watch` option, and the messages.
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::arguments::Documents;
use crate::cli::serve::Serve;
use crate::cli::serve::watch_choice::WatchChoice;
use crate::document::sources::Sources;
use crate::sandbox::Sandbox;
use crate::server::current::CurrentControl;
use crate::server::log::{self, LogFormat};
use crate::server::reload::{KnownFiles, Loader, Reloader, Teller};
use crate::server::stderr::StandardError;
use crate::server::watcher::{self, Watching};

impl Serve {
    /// Returns the way in which changes are noticed; `None` if they are not.
    fn watching(&self) -> Option<Watching> {
        let is_interactive = || {
            let is_terminal = io::stdout().is_terminal() || io::stderr().is_terminal();
            is_terminal && std::env::var_os("CI").is_none()
        };
        match self.watch {
            Some(WatchChoice::Off) => None,
            Some(WatchChoice::On) => Some(Watching::Events),
            Some(WatchChoice::Poll(interval)) => Some(Watching::Polls(interval)),
            None => is_interactive().then_some(Watching::Events),
        }
    }

    /// Notes the state of the files of a sandbox that was just loaded.
    pub(super) fn known_files(&self, sandbox: &Sandbox) -> KnownFiles {
        let more = Sources {
            folders: self.documents.possible_fixtures().into_iter().collect(),
            ..Sources::default()
        };
        KnownFiles::of(sandbox, &more)
    }

    /// Lets the control API, signals and changes of files load the documents again. Returns `None`
    /// if a document is on standard input, which can be read only once.
    ///
    /// # Errors
    ///
    /// Error of the system, if no thread can be started.
    pub(super) fn keep_up_to_date(
        &self,
        control: &Arc<CurrentControl>,
        known: KnownFiles,
    ) -> io::Result<Option<Arc<Reloader>>> {
        if self.documents.has_standard_input() {
            return Ok(None);
        }
        let documents = Documents {
            // A host that does not answer must not hold up changes of files.
            wait: Duration::ZERO,
            ..self.documents.clone()
        };
        let settings = self.settings();
        let load: Loader = Box::new(move || documents.sandbox(settings));
        let reloader = Arc::new(Reloader::new(
            Arc::clone(control),
            load,
            teller(self.log),
            self.strict_documents,
            known,
        ));
        let by_request = Arc::clone(&reloader);
        control.reload_with(move || by_request.reload().map_err(|error| error.to_string()));
        if let Some(watching) = self.watching() {
            watcher::start(Arc::clone(&reloader), watching, self.reading().access)?;
        }
        Ok(Some(reloader))
    }
}

/// Returns the function that shows lines on standard error, as log events if the log is JSON.
fn teller(format: LogFormat) -> Teller {
    Box::new(move |lines| match format {
        LogFormat::Json => lines.iter().for_each(|line| log::finding(line)),
        // If standard error is closed, there is no place to report that.
        _ => drop(show(lines)),
    })
}

fn show(lines: &[String]) -> io::Result<()> {
    use io::Write as _;
    lines
        .iter()
        .try_for_each(|line| writeln!(StandardError, "{line}"))
}

impl Documents {
    /// Returns the folder that fixtures are taken from once it exists.
    fn possible_fixtures(&self) -> Option<PathBuf> {
        self.fixtures
            .clone()
            .or_else(|| crate::cli::arguments::usual_folder(&self.inputs))
    }
}
