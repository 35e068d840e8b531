//! Requests for what a session wrote: to a proxy, the sandbox answers them for the real API.
use bytes::Bytes;
use http::{Method, Uri};

use crate::codec::message::{Body, Request};
use crate::contract::route::Routed;
use crate::contract::{MediaType, Operation};
use crate::entity::written::WrittenList;
use crate::entity::{EntityRequest, StepInput};
use crate::exchange::context::ExchangeContext;
use crate::exchange::settings::Settings;
use crate::exchange::variant;
use crate::state::session::SessionState;

/// Most parts of a path that are looked at as an entity.
const MOST_PARENTS: usize = 32;

/// Returns true if a request names an entity that a session wrote, or something below one:
/// `/pets/7/toys` for the pet `7`.
#[must_use]
pub(crate) fn names_written(
    context: ExchangeContext<'_>,
    settings: &Settings,
    request: &Request,
    session_state: &SessionState,
) -> bool {
    let names = |request: &Request| {
        reads(context, settings, request, |asked| {
            let entities = session_state.entities(asked.collection_key())?;
            asked.names_written(entities).then_some(())
        })
        .is_some()
    };
    let path = request.uri().path();
    let parents = path
        .match_indices('/')
        .map(|(at, _)| &path[..at])
        .filter(|parent| !parent.is_empty())
        .take(MOST_PARENTS);
    names(request)
        || parents
            .filter_map(parent_request)
            .any(|parent| names(&parent))
}

/// Returns the entities that a session wrote of those that a request lists; `None` if there are none.
#[must_use]
pub(crate) fn written_list(
    context: ExchangeContext<'_>,
    settings: &Settings,
    request: &Request,
    session_state: &SessionState,
) -> Option<WrittenList> {
    reads(context, settings, request, |asked| {
        let entities = session_state.entities(asked.collection_key())?;
        let media = listing(asked.operation);
        let schema = media.and_then(|media| media.schema.as_deref());
        asked.written_list(entities, schema)
    })
}

/// Reads the step of a request on a collection, and runs `run` on it; `None` without such a step.
fn reads<R>(
    context: ExchangeContext<'_>,
    settings: &Settings,
    request: &Request,
    run: impl FnOnce(&EntityRequest<'_>) -> Option<R>,
) -> Option<R> {
    let Routed::Operation(index, values) = context
        .contract
        .route(request.method(), request.uri().path())
    else {
        return None;
    };
    let read = variant::read(context.contract, index, &values, settings, request);
    let received = StepInput {
        inputs: &read.inputs,
        values: &read.received.values,
        request,
    };
    let asked = EntityRequest::of(
        context.entities(),
        read.index,
        settings.options,
        settings.unknown,
        received,
    )?;
    run(&asked)
}

fn parent_request(path: &str) -> Option<Request> {
    let mut request = Request::new(Body::Complete(Bytes::new()));
    *request.method_mut() = Method::GET;
    *request.uri_mut() = path.parse::<Uri>().ok()?;
    Some(request)
}

/// Returns the documented JSON content of the answer that shows a list.
fn listing(operation: &Operation) -> Option<&MediaType> {
    let responses = operation.compiled().responses.iter();
    let mut media = responses
        .filter(|(pattern, _)| pattern.status().is_success())
        .flat_map(|(_, response)| &response.content);
    media.find(|media| media.range.is_json())
}
