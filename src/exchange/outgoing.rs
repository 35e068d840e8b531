//! Requests that the API sends: the callbacks of an answered request, and the webhooks of a document.
//!
//! They are made with the answer, and are plain data; `server::outgoing` sends them.
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderName, HeaderValue, Method, Uri};
use serde_json::{Map, Value};

use crate::codec::message::{Request, Response, host_of};
use crate::codec::text::decode;
use crate::contract::{Contract, MediaType, Operation, OutgoingOperation, example};
use crate::exchange::expression::{AnswerParts, ExpressionSubject, url};
use crate::exchange::sample::{GivenValues, request_with};
use crate::generate::{self, GenerateOptions, fingerprint};
use crate::resource::place::{self, Finder, Slot};
use crate::schema::Schema;
use crate::schema::name::folded;

/// Maximum number of members of a content that are taken from the request and its answer; the rest
/// is generated.
const MOST_TAKEN: usize = 200;

/// Maximum number of members that are tried one by one, if not all together fit.
const MOST_TRIED: usize = 20;

/// Header fields that frame a message or belong to its connection (RFC 9110 §7.6.1).
const OF_CONNECTION: [HeaderName; 5] = [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE, TE];

/// Operation of the document that describes a request which the API sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutgoingOrigin {
    /// Callback of an operation: indexes of the operation and of the callback.
    Callback(usize, usize),
    /// Webhook, by its index in the contract.
    Webhook(usize),
}

impl OutgoingOrigin {
    /// Returns the description of the request; `None` if the contract does not have it.
    #[must_use]
    pub(crate) fn of(self, contract: &Contract) -> Option<&OutgoingOperation> {
        match self {
            Self::Callback(operation, index) => {
                contract.operations.get(operation)?.callbacks.get(index)
            }
            Self::Webhook(index) => contract.webhooks.get(index),
        }
    }

    /// Names the request for the journal: callback `onEvent` of `subscribe`.
    #[must_use]
    pub(crate) fn label(self, contract: &Contract) -> String {
        let name = self.of(contract).map_or("?", |outgoing| &outgoing.name);
        match self {
            Self::Callback(operation, _) => {
                let of = &contract.operations[operation];
                format!("callback `{name}` of `{}`", of.name())
            }
            Self::Webhook(_) => format!("webhook `{name}`"),
        }
    }
}

/// Header field with the number of callbacks that led to a request.
pub(crate) const DEPTH: HeaderName = HeaderName::from_static("standin-depth");

/// Maximum number of callbacks that lead to each other; the next ones are not sent.
const DEEPEST: u32 = 5;

/// Iterates over the requests that the API sends: webhooks first, then callbacks.
pub(crate) fn all_outgoing(
    contract: &Contract,
) -> impl Iterator<Item = (OutgoingOrigin, &OutgoingOperation)> {
    let webhooks = contract.webhooks.iter().enumerate();
    let webhooks = webhooks.map(|(index, webhook)| (OutgoingOrigin::Webhook(index), webhook));
    let operations = contract.operations.iter().enumerate();
    let callbacks = operations.flat_map(|(operation, of)| {
        let callbacks = of.callbacks.iter().enumerate();
        callbacks
            .map(move |(index, callback)| (OutgoingOrigin::Callback(operation, index), callback))
    });
    webhooks.chain(callbacks)
}

/// Reason why a request cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OutgoingError {
    /// Expression without a value.
    #[error("the expression `{0}` has no value in this request and its answer")]
    NoValue(String),
    /// Expression without a value at the beginning of a URL: the client named no receiver.
    #[error("the request names no receiver in `{0}`")]
    NoReceiver(String),
    /// Address that is not an absolute URL of HTTP.
    #[error("its address is `{0}`, expected an absolute URL such as http://127.0.0.1:3000/events")]
    Address(String),
    /// Chain of callbacks that does not end.
    #[error("{DEEPEST} callbacks led to each other; the next ones are not sent")]
    TooDeep,
}

/// Request that the API sends.
#[derive(Debug, Clone)]
pub(crate) struct OutgoingRequest {
    /// Operation that describes it.
    pub origin: OutgoingOrigin,
    /// Inbox of the sandbox that receives it, if its URL is that of one.
    pub inbox: Option<InboxPlace>,
    /// Request with an absolute URL, or the reason why there is none.
    pub request: Result<http::Request<Bytes>, OutgoingError>,
}

/// Inbox of the sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InboxPlace {
    /// Session in the URL; `None` for that of the client.
    pub session: Option<String>,
    /// Name of the inbox.
    pub name: String,
}

impl InboxPlace {
    /// Returns the inbox that a URL leads to, if `host` is the sandbox as the client reaches it.
    #[must_use]
    pub(crate) fn of(url: &Uri, host: Option<&str>) -> Option<Self> {
        const INBOX: &str = "/_standin/inbox/";
        const SESSION: &str = "/_standin/sessions/";
        let is_here = url.authority().map(http::uri::Authority::as_str) == host;
        let (before, name) = url.path().split_once(INBOX).filter(|_| is_here)?;
        let session = before.split_once(SESSION);
        Some(Self {
            session: session.map(|(_, session)| decode(session)),
            name: decode(name),
        })
    }
}

/// Requests to send after an answer, as one of its extensions.
#[derive(Debug, Clone)]
pub(crate) struct OutgoingRequests(pub Arc<[OutgoingRequest]>);

/// Data of a request whose callbacks are sent after its answer.
#[derive(Debug)]
pub(super) struct PlannedCallbacks<'c> {
    pub contract: &'c Contract,
    /// Index of the operation.
    pub index: usize,
    /// Parts of the request: `{path, query, header, cookie, body}`.
    pub instance: Value,
    pub options: GenerateOptions,
    /// Name of the documented example that the answer is.
    pub example: Option<String>,
    /// Noun and names of the key of the entities that the operation is about.
    pub about: Option<(String, Vec<String>)>,
}

impl PlannedCallbacks<'_> {
    /// Makes the requests of the callbacks, in the order in which they are sent.
    #[must_use]
    pub(super) fn requests(
        &self,
        request: &Request,
        response: &Response,
        entity: Option<&Value>,
    ) -> OutgoingRequests {
        let operation = &self.contract.operations[self.index];
        let body: Option<Value> = serde_json::from_slice(response.body()).ok();
        let subject = ExpressionSubject {
            request,
            operation,
            instance: &self.instance,
            contract: self.contract,
            options: self.options,
            status: response.status().as_u16(),
            answer: Some(AnswerParts {
                headers: response.headers(),
                body: body.as_ref(),
            }),
        };
        let sources = [entity, body.as_ref(), self.instance.get("body")];
        let depth = depth_of(request);
        let callbacks = operation.callbacks.iter().enumerate();
        let made = callbacks.map(|(index, callback)| {
            let mut made = match depth {
                0..DEEPEST => self.request(callback, &subject, &sources),
                _ => Err(OutgoingError::TooDeep),
            };
            let mut inbox = None;
            if let Ok(made) = &mut made {
                made.headers_mut().insert(DEPTH, (depth + 1).into());
                inbox = InboxPlace::of(made.uri(), host_of(request));
            }
            OutgoingRequest {
                origin: OutgoingOrigin::Callback(self.index, index),
                inbox,
                request: made,
            }
        });
        OutgoingRequests(made.collect())
    }

    fn request(
        &self,
        callback: &OutgoingOperation,
        subject: &ExpressionSubject<'_>,
        sources: &[Option<&Value>],
    ) -> Result<http::Request<Bytes>, OutgoingError> {
        let target = address(callback.expression.as_deref().unwrap_or_default(), subject)?;
        let maker = OutgoingMaker {
            outgoing: callback,
            options: self.options,
            example: self.example.as_deref(),
            about: self.about.as_ref(),
        };
        Ok(maker.request(&target, sources))
    }
}

/// Returns the number of callbacks that led to a request.
fn depth_of(request: &Request) -> u32 {
    let depth = request.headers().get(DEPTH);
    let depth = depth.and_then(|depth| depth.to_str().ok()?.parse().ok());
    depth.unwrap_or_default()
}

/// Evaluates the URL of a callback.
fn address(expression: &str, subject: &ExpressionSubject<'_>) -> Result<Uri, OutgoingError> {
    // Some documents have an expression without braces, as the fields of links have it.
    let text = if expression.starts_with('$') {
        format!("{{{expression}}}")
    } else {
        expression.to_owned()
    };
    let written = url(&text, subject).map_err(|missing| {
        if missing.is_first {
            OutgoingError::NoReceiver(missing.expression)
        } else {
            OutgoingError::NoValue(missing.expression)
        }
    });
    absolute(&written?)
}

/// Reads an absolute URL of HTTP.
///
/// # Errors
///
/// [`OutgoingError::Address`], if it is something else.
pub(crate) fn absolute(text: &str) -> Result<Uri, OutgoingError> {
    let is_host = |host: &str| match host.strip_prefix('[') {
        Some(address) => address
            .trim_end_matches(']')
            .chars()
            .all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.')),
        None => !host.is_empty(),
    };
    let url = text.parse::<Uri>().ok().filter(|url| {
        matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some_and(is_host)
    });
    url.ok_or_else(|| OutgoingError::Address(text.chars().take(200).collect()))
}

/// Maker of one request that the API sends.
pub(crate) struct OutgoingMaker<'m> {
    pub outgoing: &'m OutgoingOperation,
    pub options: GenerateOptions,
    /// Name of an example; the content is the documented example of the same name, if there is one.
    pub example: Option<&'m str>,
    /// Noun and names of the key of the entities that the request is about.
    pub about: Option<&'m (String, Vec<String>)>,
}

impl OutgoingMaker<'_> {
    /// Makes the request. `sources` are values whose members its content has, where they fit; the
    /// first that has a member supplies it.
    #[must_use]
    pub(crate) fn request(&self, target: &Uri, sources: &[Option<&Value>]) -> http::Request<Bytes> {
        let operation = &self.outgoing.operation;
        let media = media_of(operation);
        let value = media.and_then(|media| self.content(media, &self.options(), sources));
        self.with_content(target, value.as_ref())
    }

    /// Returns the options for generated values, with a seed of their own for each name.
    fn options(&self) -> GenerateOptions {
        GenerateOptions {
            seed: self.options.seed ^ fingerprint(&self.outgoing.name),
            ..self.options
        }
    }

    /// Makes the request with this content, else with a documented or generated one.
    #[must_use]
    pub(crate) fn with_content(
        &self,
        target: &Uri,
        content: Option<&Value>,
    ) -> http::Request<Bytes> {
        let operation = &self.outgoing.operation;
        let media = media_of(operation).map(|media| &media.range);
        let given = GivenValues {
            body: content,
            ..GivenValues::default()
        };
        let (mut parts, body) =
            request_with(operation, &self.options(), media, &given).into_parts();
        // A document cannot set what frames the message or belongs to the connection.
        for name in OF_CONNECTION {
            parts.headers.remove(name);
        }
        let (target, user) = without_user(target);
        if let Some(user) = user {
            parts.headers.insert(AUTHORIZATION, user);
        }
        parts.uri = joined(&target, parts.uri.query());
        let host = target.authority().map(http::uri::Authority::as_str);
        if let Some(host) = host.and_then(|host| HeaderValue::from_str(host).ok()) {
            parts.headers.insert(HOST, host);
        }
        let body = body.bytes();
        // RFC 9110 §8.6
        if body.is_empty() && matches!(parts.method, Method::POST | Method::PUT | Method::PATCH) {
            parts.headers.insert(CONTENT_LENGTH, 0.into());
        }
        http::Request::from_parts(parts, body)
    }

    /// Returns the content: the documented example of the same name as that of the answer, else a
    /// valid value with the members of the sources; `None` for what the document alone gives.
    fn content(
        &self,
        media: &MediaType,
        options: &GenerateOptions,
        sources: &[Option<&Value>],
    ) -> Option<Value> {
        let named = |name: &str| media.examples.iter().find(|example| example.name == name);
        if let Some(example) = self.example.filter(|name| !name.is_empty()).and_then(named) {
            return Some(example.value().clone());
        }
        let schema = media.schema.as_deref()?;
        let shown = media.examples.iter().map(example::Example::value).next();
        let start = shown.cloned();
        let start = start.unwrap_or_else(|| generate::generate(schema, options).value);
        Some(self.filled(schema, start, options, sources))
    }

    /// Replaces the members of a valid value that the sources have too, as long as it stays valid.
    fn filled(
        &self,
        schema: &Schema,
        start: Value,
        options: &GenerateOptions,
        sources: &[Option<&Value>],
    ) -> Value {
        let (noun, keys) = self.about.map_or_else(Default::default, Clone::clone);
        let finder = Finder {
            schema,
            noun: &noun,
            keys: &keys,
        };
        let sources: Vec<&Map<String, Value>> = sources
            .iter()
            .filter_map(|source| source.as_ref()?.as_object())
            .collect();
        let names_at = |way: &[String]| {
            let mut way = way.iter();
            let node = way.try_fold(schema.tree(), |node, name| schema.property(node, name));
            node.map(|node| schema.properties(node)).unwrap_or_default()
        };
        let found = match finder.one() {
            Slot::Entity(place) => place.way,
            _ => Vec::new(),
        };
        // The entity is in the object that has most of its members.
        let objects = names_at(&[]).into_iter();
        let objects = objects.map(|(name, _)| vec![name.to_owned()]);
        let shared = |way: &Vec<String>| {
            let names = names_at(way).into_iter();
            let is_there = |name: &str| sources.iter().any(|source| source.contains_key(name));
            names.filter(|(name, _)| is_there(name)).count()
        };
        let ways = objects.chain([Vec::new(), found]);
        let way = ways.max_by_key(shared).unwrap_or_default();
        let names = names_at(&way);
        let key = || {
            let of = |source: &&Map<String, Value>| {
                let mut members = source.iter();
                let key = members.find(|(name, _)| keys.contains(&folded(name)));
                key.map(|(_, value)| value.clone())
            };
            sources.iter().find_map(of)
        };
        let of_sources = |name: &str| {
            let sent = sources.iter().find_map(|source| source.get(name)).cloned();
            let refers = !noun.is_empty() && folded(name) == format!("{noun}id");
            sent.or_else(|| refers.then(key).flatten())
        };
        let with = |value: &mut Value, name: &str, sent: Value| {
            let member: Vec<String> = way.iter().cloned().chain([name.to_owned()]).collect();
            place::put(value, &member, sent);
        };
        let names = names.into_iter().take(MOST_TAKEN);
        let taken: Vec<(&str, Value)> = names
            .filter_map(|(name, _)| Some((name, of_sources(name)?)))
            .collect();
        let mut value = start.clone();
        for (name, sent) in &taken {
            with(&mut value, name, sent.clone());
        }
        if example::fits(schema, &value) {
            return value;
        }
        // Some do not fit; the others are found one by one, as long as that is quick.
        value = start;
        for (name, sent) in taken.into_iter().take(MOST_TRIED) {
            let mut changed = value.clone();
            with(&mut changed, name, sent);
            if example::fits(schema, &changed) {
                value = changed;
            }
        }
        if example::fits(schema, &value) {
            return value;
        }
        generate::repair(schema, &value, options).unwrap_or(value)
    }
}

/// Returns the media type in which the content of a request is sent: JSON, else the first one.
fn media_of(operation: &Operation) -> Option<&MediaType> {
    let content = &operation.compiled().body.as_ref()?.content;
    let json = content.iter().find(|media| media.range.is_json());
    json.or(content.first())
}

/// Returns a URL without its user and password, and the credentials that they are (RFC 7617).
fn without_user(target: &Uri) -> (Uri, Option<HeaderValue>) {
    let authority = target.authority().map_or("", http::uri::Authority::as_str);
    let Some((user, host)) = authority.rsplit_once('@') else {
        return (target.clone(), None);
    };
    let encoded = BASE64_STANDARD.encode(decode(user));
    let mut credentials = HeaderValue::from_str(&format!("Basic {encoded}")).ok();
    if let Some(credentials) = &mut credentials {
        credentials.set_sensitive(true);
    }
    let mut parts = target.clone().into_parts();
    parts.authority = host.parse().ok();
    let plain = Uri::from_parts(parts).unwrap_or_else(|_| target.clone());
    (plain, credentials)
}

/// Returns a URL with a further query.
fn joined(target: &Uri, query: Option<&str>) -> Uri {
    let Some(query) = query else {
        return target.clone();
    };
    let mut parts = target.clone().into_parts();
    let path = target.path();
    let whole = match target.query() {
        Some(own) => format!("{path}?{own}&{query}"),
        None => format!("{path}?{query}"),
    };
    parts.path_and_query = whole.parse().ok();
    Uri::from_parts(parts).unwrap_or_else(|_| target.clone())
}
