//! `standin proxy`: forwards requests to the real API, and compares both sides with the documents.
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgAction, Args};

use crate::cli::arguments::{Switch, time};
use crate::cli::drift_report;
use crate::cli::import::RedactChoice;
use crate::cli::outcome::{Failure, Outcome};
use crate::cli::real_api::RealApi;
use crate::cli::serve::Serve;
use crate::contract::simulation::Responder;
use crate::upstream::address::{AddressError, UpstreamAddress};
use crate::upstream::archive::har::writer::{HarOptions, HarSecrets};
use crate::upstream::choice::{Fallback, ResponderRules};
use crate::upstream::client::{ClientError, UpstreamClient};
use crate::upstream::gateway::{Judging, Upstream, UpstreamSettings};
use crate::upstream::observers::Observers;
use crate::upstream::recording::options::{
    RecordingLimits, RecordingMode, RecordingOptions, RedactMode,
};
use crate::upstream::servers::AllowedHost;

/// Options of `proxy`; those of `serve` are for the answers of the sandbox.
#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "each is named like its option")]
pub(super) struct Proxy {
    /// URL of the real API, such as `https://api.example.com` or `http://localhost:8080/v2`
    ///
    /// The path and the query of each request follow its path. No other host is contacted without
    /// `--allow-upstream`.
    #[arg(value_name = "URL")]
    url: String,
    /// Operation that the real API answers, and no other one; may be repeated
    ///
    /// `KEY` is a key of fixture files: an operationId, `METHOD /path`, a path with wildcards such as
    /// `GET /pets/**`, `tag: NAME` or `*`. The most exact key counts. With `--real` alone, the sandbox
    /// answers all other operations; else the real API does.
    #[arg(
        long,
        value_name = "KEY",
        env = "STANDIN_REAL",
        hide_env = true,
        value_delimiter = ','
    )]
    real: Vec<String>,
    /// Operation that the sandbox answers; may be repeated
    #[arg(
        long,
        value_name = "KEY",
        env = "STANDIN_SANDBOX",
        hide_env = true,
        value_delimiter = ','
    )]
    sandbox: Vec<String>,
    /// Answers of the real API that the sandbox replaces, such as 404,5xx,unreachable,timeout
    #[arg(
        long,
        value_name = "EVENTS",
        value_parser = Fallback::parse,
        env = "STANDIN_FALLBACK",
        hide_env = true,
        value_delimiter = ','
    )]
    fallback: Vec<Fallback>,
    /// Compare requests with the documents
    #[arg(
        long,
        value_name = "true|false",
        default_value_t = true,
        num_args = 0..=1,
        require_equals = false,
        default_missing_value = "true",
        action = ArgAction::Set,
        env = "STANDIN_VALIDATE_REQUEST",
        hide_env = true,
        hide_possible_values = true,
        hide_short_help = true
    )]
    validate_request: bool,
    /// Compare answers of the real API with the documents
    #[arg(
        long,
        value_name = "true|false",
        default_value_t = true,
        num_args = 0..=1,
        require_equals = false,
        default_missing_value = "true",
        action = ArgAction::Set,
        env = "STANDIN_VALIDATE_RESPONSE",
        hide_env = true,
        hide_possible_values = true,
        hide_short_help = true
    )]
    validate_response: bool,
    /// Time for the real API to begin its answer, such as 30s; then the client gets 504
    #[arg(
        long,
        value_name = "TIME",
        default_value = "30s",
        value_parser = time,
        env = "STANDIN_UPSTREAM_TIMEOUT",
        hide_env = true,
        hide_short_help = true
    )]
    upstream_timeout: Duration,
    /// Host of `servers` of operations and paths that requests may go to; may be repeated
    ///
    /// `HOST` may have a port. Requests for operations whose own `servers`, or those of their path, name the
    /// host are forwarded there instead.
    #[arg(
        long,
        value_name = "HOST",
        value_parser = AllowedHost::parse,
        env = "STANDIN_ALLOW_UPSTREAM",
        hide_env = true,
        hide_short_help = true,
        value_delimiter = ','
    )]
    allow_upstream: Vec<AllowedHost>,
    /// HTTP proxy on the way to the real API, such as `http://proxy.example:3128`
    #[arg(
        long,
        value_name = "URL",
        env = "STANDIN_UPSTREAM_PROXY",
        hide_env = true,
        hide_env_values = true,
        hide_short_help = true
    )]
    upstream_proxy: Option<String>,
    /// PEM file of certificate authorities to trust beside those of the system
    #[arg(
        long,
        value_name = "FILE",
        env = "STANDIN_UPSTREAM_CA",
        hide_env = true,
        hide_short_help = true
    )]
    upstream_ca: Option<PathBuf>,
    /// Make fixtures of the exchanges with the real API, and write them to a folder
    ///
    /// `new` keeps exchanges that no fixture in the folder answers yet, `all` replaces those of earlier
    /// recordings. The files are in `DIR/recorded`. They are written a few seconds after new exchanges, and at the end.
    #[arg(long, value_names = ["new|all", "DIR"], num_args = 2, hide_short_help = true)]
    record: Vec<String>,
    /// HAR file to write the exchanges with the real API to
    #[arg(
        long,
        value_name = "FILE",
        env = "STANDIN_HAR",
        hide_env = true,
        hide_short_help = true
    )]
    har: Option<PathBuf>,
    /// Compare all exchanges with the documents, as `standin drift` does
    ///
    /// It takes processor time for each exchange. With `off`, and both `--validate-…` options `false`, only
    /// what the journal and a HAR file keep of an exchange is read.
    #[arg(
        long,
        value_enum,
        value_name = "on|off",
        hide_possible_values = true,
        default_value = "on",
        env = "STANDIN_DRIFT",
        hide_env = true,
        hide_short_help = true
    )]
    drift: Switch,
    /// Write a report of `standin drift` to a file at the end: text, json, sarif or junit; may be repeated
    #[arg(long, value_names = ["FORM", "FILE"], num_args = 2, hide_short_help = true)]
    drift_report: Vec<String>,
    /// Treatment of secrets in recordings and HAR
    ///
    /// `stand-ins` replaces each secret by a placeholder of the same kind, the same one for the same secret;
    /// in HAR they are redacted. `none` writes them to the files.
    #[arg(
        long,
        value_enum,
        value_name = "stand-ins|none",
        hide_possible_values = true,
        default_value = "stand-ins",
        env = "STANDIN_REDACT",
        hide_env = true,
        hide_short_help = true
    )]
    redact: RedactChoice,
    #[command(flatten)]
    pub(super) serve: Serve,
}

/// Reason why a proxy cannot start.
#[derive(Debug, thiserror::Error)]
enum ProxyError {
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("the first value of `--record` is `{0}`, expected `new` or `all`")]
    RecordMode(String),
    #[error("{0}")]
    DriftReport(String),
    #[error("`--drift-report` has nothing to report with `--drift off`")]
    Unobserved,
    #[error("cannot write `{file}`: {error}")]
    Har { file: String, error: io::Error },
    #[error(
        "`--errors` refuses wrong requests, which `--validate warn` and `--validate off` do not"
    )]
    Lenient,
}

impl Proxy {
    /// Forwards requests until a signal ends it.
    pub(super) fn run(
        self,
        out: &mut impl Write,
        err: &mut impl Write,
    ) -> Result<Outcome, Failure> {
        match self.real() {
            Ok(real) => self.serve.run_with(Some(real), out, err),
            Err(error) => {
                writeln!(err, "error: {error}")?;
                Ok(Outcome::CouldNotRun)
            }
        }
    }

    fn real(&self) -> Result<RealApi, ProxyError> {
        let targets = drift_report::targets(&self.drift_report, "--drift-report");
        let drift = targets.map_err(ProxyError::DriftReport)?;
        if !drift.is_empty() && self.drift == Switch::Off {
            return Err(ProxyError::Unobserved);
        }
        for target in &drift {
            target.check().map_err(ProxyError::DriftReport)?;
        }
        Ok(RealApi {
            upstream: Arc::new(self.upstream()?),
            drift,
        })
    }

    fn upstream(&self) -> Result<Upstream, ProxyError> {
        let refuses = self.serve.refuses_wrong();
        if refuses && !self.serve.is_strict() {
            return Err(ProxyError::Lenient);
        }
        let judging = |is_on| match (is_on, refuses) {
            (false, _) => Judging::Off,
            (true, false) => Judging::Report,
            (true, true) => Judging::Refuse,
        };
        let of = |keys: &[String], responder: Responder| -> Vec<(String, Responder)> {
            keys.iter().map(|key| (key.clone(), responder)).collect()
        };
        let mut rules = of(&self.real, Responder::Real);
        rules.extend(of(&self.sandbox, Responder::Sandbox));
        let settings = UpstreamSettings {
            rules: ResponderRules { rules },
            fallback: self.fallback.clone(),
            allowed: self.allow_upstream.clone(),
            requests: judging(self.validate_request),
            responses: judging(self.validate_response),
            timeout: self.upstream_timeout,
        };
        let address = UpstreamAddress::parse(&self.url)?;
        // Servers of operations may use TLS even if the URL does not.
        let uses_tls = address.is_secure() || !self.allow_upstream.is_empty();
        let client = UpstreamClient::new(
            uses_tls,
            self.upstream_ca.as_deref(),
            self.upstream_proxy.as_deref(),
        )?;
        Ok(Upstream::new(address, client, settings, self.observers()?))
    }

    fn observers(&self) -> Result<Observers, ProxyError> {
        let redact = RedactMode::from(self.redact);
        let secrets = match redact {
            RedactMode::StandIns => HarSecrets::Redacted,
            RedactMode::None => HarSecrets::Kept,
        };
        let recording = match self.record.as_slice() {
            [mode, folder] => Some(RecordingOptions {
                folder: PathBuf::from(folder),
                mode: match mode.as_str() {
                    "new" => RecordingMode::New,
                    "all" => RecordingMode::All,
                    other => return Err(ProxyError::RecordMode(other.to_owned())),
                },
                redact,
                limits: RecordingLimits::default(),
            }),
            _ => None,
        };
        let options = HarOptions {
            secrets,
            ..HarOptions::default()
        };
        let har = self.har.as_deref().map(|file| (file, options));
        Observers::new(recording, har, self.drift == Switch::On).map_err(|error| {
            let file = self.har.as_ref().map(|file| file.display().to_string());
            ProxyError::Har {
                file: file.unwrap_or_default(),
                error,
            }
        })
    }
}
