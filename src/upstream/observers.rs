//! Observers of the exchanges with the real API while the proxy runs: a recording with the learned
//! voice, a HAR, and drift.
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::Sandbox;
use crate::contract::Contract;
use crate::upstream::address::UpstreamAddress;
use crate::upstream::archive::har::writer::HarOptions;
use crate::upstream::drift::report::DriftReport;
use crate::upstream::drift_observer::DriftObserver;
use crate::upstream::exchange::ObservedExchange;
use crate::upstream::har_observer::HarObserver;
use crate::upstream::judging::Judgement;
use crate::upstream::learning::learner::{Learner, LearningError};
use crate::upstream::learning::proof::LearnedVoiceProof;
use crate::upstream::recording::options::RecordingOptions;
use crate::upstream::recording::recorder::{Recorder, RecordingError};

/// Recording of fixtures, and of how the real API words its errors.
#[derive(Debug)]
struct FixtureRecording {
    recorder: Recorder,
    learner: Learner,
    folder: PathBuf,
}

impl FixtureRecording {
    /// Writes the fixtures and the voice; the errors that the voice repeats become no fixtures.
    fn write(&self, sandbox: &Sandbox) -> Result<(), WriteError> {
        let learned = self.learner.file(sandbox, &self.folder);
        let file = learned.as_ref().ok().and_then(Option::as_ref);
        let voice = LearnedVoiceProof::new(sandbox, file.map(|file| file.text.as_str()));
        self.recorder
            .write(sandbox, &|exchange| voice.repeats(exchange))?;
        if let Some(file) = learned? {
            file.write()?;
        }
        Ok(())
    }
}

/// Reason why a recording cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    #[error(transparent)]
    Recording(#[from] RecordingError),
    #[error(transparent)]
    Learning(#[from] LearningError),
}

/// Programs that see each exchange with the real API.
#[derive(Debug)]
pub(crate) struct Observers {
    recording: Option<FixtureRecording>,
    /// False while a recording is paused.
    records: AtomicBool,
    har: Option<Arc<HarObserver>>,
    /// Drift, unless it is not observed (`--drift off`).
    drift: Option<Arc<DriftObserver>>,
    /// Number of recorded exchanges and reloads.
    news: AtomicU64,
    /// Value of `news` that the files have.
    written: AtomicU64,
}

impl Observers {
    /// Creates the observers of a proxy; a recording, a HAR and drift only if they are asked for.
    ///
    /// # Errors
    ///
    /// Error of the system, if the HAR cannot be written.
    pub(crate) fn new(
        recording: Option<RecordingOptions>,
        har: Option<(&Path, HarOptions)>,
        observes_drift: bool,
    ) -> std::io::Result<Self> {
        let har = har
            .map(|(path, options)| HarObserver::create(path, options))
            .transpose()?;
        Ok(Self {
            recording: recording.map(|options| FixtureRecording {
                folder: options.folder.clone(),
                learner: Learner::new(options.redact),
                recorder: Recorder::new(options),
            }),
            records: AtomicBool::new(true),
            har,
            drift: observes_drift.then(Arc::default),
            news: AtomicU64::new(0),
            written: AtomicU64::new(0),
        })
    }

    /// Takes an exchange; `base` is the address of the real API.
    pub(crate) fn observe(
        &self,
        sandbox: &Arc<Sandbox>,
        base: &UpstreamAddress,
        judgement: Judgement,
        exchange: ObservedExchange,
    ) {
        if let Some(har) = &self.har {
            let (operation, base) = (judgement.operation, base.to_string());
            har.take(sandbox, operation, base, exchange.clone());
        }
        if let Some(recording) = &self.recording
            && self.records.load(Ordering::Relaxed)
        {
            recording.learner.observe(sandbox, &judgement, &exchange);
            let mut exchange = exchange.clone();
            exchange.note_base(&base.to_string());
            recording.recorder.observe(exchange);
            self.news.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(drift) = &self.drift {
            drift.take(sandbox, judgement, exchange);
        }
    }

    /// Returns true if an observer needs to know what of an exchange does not fit the documents.
    #[must_use]
    pub(crate) fn need_judgement(&self) -> bool {
        self.drift.is_some() || self.recording.is_some()
    }

    /// Returns the drift between the documents and the real API so far; `None` if it is not observed. What
    /// never came is told of operations with at least `least` exchanges.
    #[must_use]
    pub(crate) fn drift(&self, sandbox: &Sandbox, least: u64) -> Option<DriftReport> {
        let observations = self.drift.as_ref()?.observations();
        Some(DriftReport::new(sandbox, &observations, least))
    }

    /// Notes that documents or fixtures were loaded again. If the documents are others, the drift is
    /// forgotten: they are compared from now on.
    pub(crate) fn begin_anew(&self, contract: &Contract) {
        if let Some(drift) = &self.drift {
            drift.begin_anew(contract);
        }
        self.news.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the state of the recording; `None` if there is none.
    #[must_use]
    pub(crate) fn recording(&self) -> Option<Value> {
        let recording = self.recording.as_ref()?;
        let mut report = recording.recorder.report();
        report["learned"] = recording.learner.report();
        report["on"] = json!(self.records.load(Ordering::Relaxed));
        if let Some(har) = &self.har {
            report["har"] = json!({ "dropped": har.dropped() });
        }
        Some(report)
    }

    /// Returns what was recorded as one line: `14 exchanges recorded in 6 fixtures, fixtures/recorded`; `None` if
    /// there is no recording.
    #[must_use]
    pub(crate) fn summary(&self) -> Option<String> {
        Some(self.recording.as_ref()?.recorder.summary())
    }

    /// Returns true if the proxy was started with a recording.
    #[must_use]
    pub(crate) fn has_recording(&self) -> bool {
        self.recording.is_some()
    }

    /// Pauses the recording, or lets it go on.
    pub(crate) fn record(&self, is_on: bool) {
        self.records.store(is_on, Ordering::Relaxed);
    }

    /// Writes the HAR, the fixtures and the voice of the recording so far, if there is one.
    ///
    /// # Errors
    ///
    /// [`WriteError`], if a file cannot be written.
    pub(crate) fn write(&self, sandbox: &Sandbox) -> Result<(), WriteError> {
        let dropped = self.har.as_ref().map_or(0, |har| har.dropped());
        if dropped > 0 {
            tracing::warn!(dropped, "the HAR is full, and lacks exchanges");
        }
        self.write_recording(sandbox)
    }

    /// Returns true if the recording has exchanges that its files lack.
    #[must_use]
    pub(crate) fn has_news(&self) -> bool {
        self.recording.is_some()
            && self.news.load(Ordering::Relaxed) != self.written.load(Ordering::Relaxed)
    }

    /// Writes the fixtures and the voice of the recording so far, unless the files have them already.
    ///
    /// # Errors
    ///
    /// [`WriteError`], if a file cannot be written.
    pub(crate) fn write_recording(&self, sandbox: &Sandbox) -> Result<(), WriteError> {
        let Some(recording) = self.recording.as_ref().filter(|_| self.has_news()) else {
            return Ok(());
        };
        let news = self.news.load(Ordering::Relaxed);
        recording.write(sandbox)?;
        self.written.store(news, Ordering::Relaxed);
        Ok(())
    }
}
