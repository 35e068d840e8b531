//! Exchange of a file of recorded traffic, and what is told of the entries that have none.
use std::fmt;

use indexmap::IndexMap;

use crate::upstream::archive::bounds::MOST_FAULTS;
use crate::upstream::exchange::ObservedExchange;

/// Exchange of a file, with its place there.
#[derive(Debug, Clone)]
pub(crate) struct ArchivedExchange {
    /// Place in the file: `entry 17`, or ``item `Pets / Get a pet`, response `200` ``.
    pub place: String,
    /// Scheme, host and port of the URL, in lower case: `https://api.example.com`; the text before the
    /// path, such as `{{baseUrl}}`, if a variable stands for it.
    pub origin: String,
    /// Exchange; its path is the one of the URL.
    pub exchange: ObservedExchange,
    /// Sides whose content the file has not or not in full. Their body is
    /// [`Body::TooLarge`](crate::codec::message::Body::TooLarge).
    pub lacking: Vec<Side>,
    /// Kind of resource that a browser loaded, as Chrome tells it: `xhr`, `script`.
    pub resource: Option<String>,
}

/// Side of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Request,
    Response,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "request",
            Self::Response => "response",
        })
    }
}

/// Options for reading a file.
#[derive(Debug, Clone, Default)]
pub(crate) struct ArchiveOptions {
    /// Limit of the content of a request or a response in bytes.
    pub most_content: usize,
    /// Values of variables of a collection, which have precedence over its own.
    pub variables: Vec<(String, String)>,
}

/// Receiver of the exchanges of a file, in its order.
pub(crate) type Sink<'s> = dyn FnMut(ArchivedExchange) + 's;

/// Form of a file of recorded traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArchiveForm {
    /// HTTP Archive 1.1 or 1.2.
    Har,
    /// Postman collection 2.0 or 2.1.
    Postman,
}

impl fmt::Display for ArchiveForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Har => "HAR",
            Self::Postman => "Postman collection",
        })
    }
}

/// Reason why an entry has no exchange that could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum SkipReason {
    /// URL of another scheme: `data:`, `blob:`, `chrome-extension:`.
    NotHttp,
    /// Request that was aborted or blocked: its status is 0.
    NoResponse,
    /// WebSocket, whose messages are no HTTP.
    WebSocket,
    /// Answer of a service worker of the page.
    ServiceWorker,
}

impl SkipReason {
    /// Returns the reason as it follows a number of entries: `3 entries without a response`.
    pub(crate) fn phrase(self) -> &'static str {
        match self {
            Self::NotHttp => "of other schemes than HTTP",
            Self::NoResponse => "without a response",
            Self::WebSocket => "of WebSockets",
            Self::ServiceWorker => "answered by a service worker",
        }
    }
}

/// Fault of a file, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArchiveFault {
    /// Place in the file: `entry 17, request.url`.
    pub place: String,
    /// Sentence with what was found and expected.
    pub message: String,
}

/// Findings of a file beside its exchanges.
#[derive(Debug, Default)]
pub(crate) struct ArchiveNotes {
    /// Form of the file.
    pub form: Option<ArchiveForm>,
    /// Number of exchanges.
    pub exchanges: usize,
    /// Faults in the order of the file, at most [`MOST_FAULTS`].
    pub faults: Vec<ArchiveFault>,
    /// Number of faults beyond those.
    pub more_faults: usize,
    /// Entries that were skipped, by reason.
    pub skipped: IndexMap<SkipReason, usize>,
    /// Names of the items of a collection that have no saved response, at most [`MOST_FAULTS`].
    pub unanswered: Vec<String>,
    /// Number of such items beyond those.
    pub more_unanswered: usize,
    /// Names of variables without a value, at most [`MOST_FAULTS`].
    pub unresolved: Vec<String>,
    /// Kinds of credentials that sign each request anew, such as `digest`, at most [`MOST_FAULTS`].
    pub signed: Vec<String>,
}

impl ArchiveNotes {
    pub(super) fn of(form: ArchiveForm) -> Self {
        Self {
            form: Some(form),
            ..Self::default()
        }
    }

    pub(super) fn fault(&mut self, place: impl Into<String>, message: impl Into<String>) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(ArchiveFault {
                place: place.into(),
                message: message.into(),
            });
        } else {
            self.more_faults += 1;
        }
    }

    /// Adds the notes of another file of the same zip.
    pub(super) fn add(&mut self, other: Self) {
        self.form = self.form.or(other.form);
        self.exchanges += other.exchanges;
        other
            .faults
            .into_iter()
            .for_each(|fault| self.fault(fault.place, fault.message));
        self.more_faults += other.more_faults;
        for (reason, number) in other.skipped {
            *self.skipped.entry(reason).or_default() += number;
        }
        other
            .unanswered
            .into_iter()
            .for_each(|name| self.unanswered(name));
        self.more_unanswered += other.more_unanswered;
        other
            .unresolved
            .iter()
            .for_each(|name| self.unresolved(name));
        other.signed.iter().for_each(|kind| self.signed(kind));
    }

    /// Notes a kind of credentials that signs each request anew.
    pub(super) fn signed(&mut self, kind: &str) {
        let is_known = self.signed.iter().any(|known| known == kind);
        if !is_known && self.signed.len() < MOST_FAULTS {
            self.signed.push(kind.to_owned());
        }
    }

    pub(super) fn skip(&mut self, reason: SkipReason) {
        *self.skipped.entry(reason).or_default() += 1;
    }

    pub(super) fn unanswered(&mut self, name: String) {
        if self.unanswered.len() < MOST_FAULTS {
            self.unanswered.push(name);
        } else {
            self.more_unanswered += 1;
        }
    }

    pub(super) fn unresolved(&mut self, name: &str) {
        let is_known = self.unresolved.iter().any(|known| known == name);
        if !is_known && self.unresolved.len() < MOST_FAULTS {
            self.unresolved.push(name.to_owned());
        }
    }
}

/// Reason why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    /// Refusal of the system.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Path that is a folder, a pipe or a device.
    #[error("it is not a regular file")]
    NotRegular,
    /// File above the limit.
    #[error("it has more than {0} bytes")]
    TooLarge(u64),
    /// Zip that cannot be read, or that is beyond a bound.
    #[error("{0}")]
    Zip(String),
    /// Content that is neither HAR nor a collection of Postman.
    #[error("{0}")]
    Unknown(String),
}
