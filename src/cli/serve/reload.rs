//! Loads the documents again while `standin serve` runs: the `--watch` option, and the messages.
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;

use crate::cli::serve::Serve;
use crate::cli::serve::notice::Notices;
use crate::cli::serve::watch_choice::WatchChoice;
use crate::sandbox::Sandbox;
use crate::server::current::CurrentControl;
use crate::server::log::LogFormat;
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
        KnownFiles::of(sandbox, &self.documents.sources_to_come())
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
        let documents = self.documents.clone();
        let settings = self.settings();
        let load: Loader = Box::new(move || documents.again(settings));
        let reloader = Arc::new(Reloader::new(
            Arc::clone(control),
            load,
            teller(self.log),
            self.strict_documents,
            known,
        ));
        let by_request = Arc::clone(&reloader);
        control.reload_with(move || by_request.reload());
        if let Some(watching) = self.watching() {
            let access = self.reading().access;
            watcher::start(&reloader, watching, access)?;
        }
        Ok(Some(reloader))
    }
}

/// Returns the function that shows lines on standard error, as log events if the log is JSON.
fn teller(format: LogFormat) -> Teller {
    Box::new(move |lines| {
        let mut writer = StandardError;
        let mut notices = Notices::new(format, &mut writer);
        for line in lines {
            // If standard error is closed, there is no place to report that.
            let _shown = writeln!(notices, "{line}");
        }
    })
}
