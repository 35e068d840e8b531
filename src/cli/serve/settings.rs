//! Settings that the options of `standin serve` stand for.
use std::time::Duration;

use crate::cli::arguments::Switch;
use crate::cli::serve::listen::ListenAddress;
use crate::cli::serve::{
    ArraysChoice, ConsoleChoice, Serve, StreamsChoice, UnknownChoice, ValidationChoice,
};
use crate::codec::style::QueryArrays;
use crate::entity::Unknown;
use crate::errors::problem::ProblemForm;
use crate::exchange::{
    Callbacks, Compression, ContentLimit, Cors, Echoing, ExampleUse, Misfits, Settings, StateMode,
    StreamEnd, Validation,
};
use crate::sandbox::Reading;
use crate::server::Limits;
use crate::server::control::hosts::Hosts;
use crate::server::control::sender::OutgoingPolicy;
use crate::server::control::{ConsoleAccess, ControlAccess, Options};
use crate::state::sessions::Bounds;
use crate::validate::{AbsentBody, OtherNames};

impl Serve {
    /// Returns the options of the control API.
    #[must_use]
    pub fn control_options(&self) -> Options {
        let addresses = &self.listening.listen;
        let bound = match addresses.as_slice() {
            [] => vec![self.host.clone()],
            addresses => {
                let hosts = addresses.iter().filter_map(ListenAddress::host);
                hosts.map(str::to_owned).collect()
            }
        };
        let names = self.control_host.iter().chain(&self.listening.tls_name);
        let hosts = Hosts {
            bound,
            names: names.cloned().collect(),
            any: self.allow_any_host,
        };
        let access = match (self.control, &self.control_token) {
            (Switch::On, Some(token)) => ControlAccess::Token(token.clone()),
            (Switch::On, _) if hosts.is_bound_to_loopback() => ControlAccess::Open,
            _ => ControlAccess::Closed,
        };
        let is_local = hosts.is_bound_to_loopback();
        Options {
            access,
            journal: self.journal,
            hosts,
            console: match self.console {
                ConsoleChoice::Off => ConsoleAccess::Off,
                ConsoleChoice::On => ConsoleAccess::On,
                ConsoleChoice::Write => ConsoleAccess::Write(self.documents.fixtures_folder()),
            },
            outgoing: OutgoingPolicy {
                hosts: self.allow_callback.clone(),
                is_open: !is_local,
            },
        }
    }

    /// Returns the limits of the server.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            max_body: self.max_body,
            drain: Duration::from_secs(self.drain),
            item_delay: Duration::from_millis(self.item_delay),
            max_connections: self.max_connections as usize,
            max_streams: self.max_streams,
            header_timeout: Duration::from_secs(self.header_timeout),
            body_timeout: Duration::from_secs(self.body_timeout),
            write_timeout: Duration::from_secs(self.write_timeout),
            content_memory: self.content_memory,
        }
    }

    /// Returns true if answers that do not fit the documents are refused (`--errors`).
    pub(in crate::cli) fn refuses_wrong(&self) -> bool {
        self.errors
    }

    /// Returns true if wrong requests are rejected (`--validate strict`).
    pub(in crate::cli) fn is_strict(&self) -> bool {
        matches!(self.validate, ValidationChoice::Strict)
    }

    /// Returns the settings for reading documents.
    #[must_use]
    pub fn reading(&self) -> Reading {
        self.documents.reading()
    }

    /// Returns the settings for answering requests.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            validation: match self.validate {
                ValidationChoice::Strict => Validation::Strict,
                ValidationChoice::Warn => Validation::Warn,
                ValidationChoice::Off => Validation::Off,
            },
            cors: match self.cors {
                Switch::On => Cors::On,
                Switch::Off => Cors::Off,
            },
            absent_body: if self.require_bodies {
                AbsentBody::Judged
            } else {
                AbsentBody::Accepted
            },
            other_names: if self.strict_query {
                OtherNames::Refused
            } else {
                OtherNames::Accepted
            },
            query_arrays: match self.query_arrays {
                ArraysChoice::Brackets => QueryArrays::Brackets,
                ArraysChoice::Comma => QueryArrays::Comma,
                ArraysChoice::Repeat => QueryArrays::Repeat,
            },
            options: self.generation.options(),
            misfits: if self.errors {
                Misfits::Refused
            } else {
                Misfits::Sent
            },
            problems: if self.prism {
                ProblemForm::Prism
            } else {
                ProblemForm::Own
            },
            examples: if self.dynamic {
                ExampleUse::Ignored
            } else {
                ExampleUse::Shown
            },
            state: match self.state {
                Switch::On => StateMode::On,
                Switch::Off => StateMode::Off,
            },
            unknown: match self.unknown {
                UnknownChoice::NotFound => Unknown::NotFound,
                UnknownChoice::Seeded => Unknown::Seeded,
            },
            callbacks: match self.callbacks {
                Switch::On => Callbacks::On,
                Switch::Off => Callbacks::Off,
            },
            compression: match self.compress {
                Switch::On => Compression::On,
                Switch::Off => Compression::Off,
            },
            streams: match self.streams {
                None => StreamEnd::ByClient,
                Some(StreamsChoice::End) => StreamEnd::End,
                Some(StreamsChoice::Hold) => StreamEnd::Hold,
                Some(StreamsChoice::Repeat) => StreamEnd::Repeat,
            },
            content_limit: ContentLimit(self.max_body),
            echo: match self.echo.unwrap_or(self.state) {
                Switch::On => Echoing::On,
                Switch::Off => Echoing::Off,
            },
            delay: self.delay,
            longest_delay: Some(self.max_delay),
            bounds: Bounds {
                sessions: self.max_sessions as usize,
                bytes: self.session_memory,
            },
        }
    }
}
