//! Explains the answer to a request: its route, the values read, the chosen response, and the
//! alternatives.
//!
//! The control API returns the explanation.
use serde_json::{Value, json};

use crate::codec::accept::Accept;
use crate::codec::compression;
use crate::codec::message::{Request, Response};
use crate::contract::{Operation, StatusPattern};
use crate::exchange::context::ExchangeContext;
use crate::exchange::plan::Decision;
use crate::exchange::read::ReadRequest;
use crate::exchange::session_view::SessionView;
use crate::exchange::settings::Settings;
use crate::exchange::{finish, plan_reading};
use crate::state::memory::{CollectionKey, EntityFactory, Reply, Step};

/// Answers a request, and returns the decisions behind the answer as JSON.
pub(crate) fn explain(
    context: ExchangeContext<'_>,
    session_view: &SessionView<'_>,
    settings: &Settings,
    request: &Request,
    apply: &mut dyn FnMut(&CollectionKey, Step, &EntityFactory<'_>) -> Reply,
) -> Value {
    let mut read = Value::Null;
    let mut keep = |request: &ReadRequest<'_, '_>| read = request.to_json();
    let plan = &plan_reading(context, session_view, settings, request, &mut keep);
    let reply = plan.asked().map(|asked| asked.apply(apply));
    let (response, report) = finish(plan, reply.as_ref(), settings, request);
    let operation = plan.operation;
    let decided = match &plan.decision {
        Decision::Problem(..) => "an error of the sandbox itself",
        Decision::Options(_) => "the methods of the path",
        Decision::Rejection(..) => "the documented error",
        Decision::Answer(_) => "the documented answer",
        Decision::Remembered(_) => "the state of the session",
    };
    let role = plan.asked().map(|asked| {
        json!({"does": asked.role.act.name(), "collection": asked.collection.name, "reason": asked.role.reason})
    });
    json!({
        "operation": operation.map(Operation::name),
        "path": operation.map(Operation::path_key),
        "document": operation.map(|operation| context.contract.documents[operation.document].source().name()),
        "read": read,
        "violations": plan.violations,
        "decision": decided,
        "reason": report.source,
        "resource": role,
        "response": describe(&response),
        "alternatives": operation.map(|operation| alternatives(operation, response.status())),
    })
}

/// Lists the documented responses, with their media types and examples and a mark for the chosen
/// one, and the fixtures.
fn alternatives(operation: &Operation, status: http::StatusCode) -> Value {
    let accept = Accept::default();
    let others = operation.compiled().responses.iter().map(|(pattern, response)| {
        let examples = response.content.iter().flat_map(|media| &media.examples).map(|example| &example.name);
        let is_chosen = *pattern == StatusPattern::Exact(status);
        json!({
            "status": pattern.to_string(),
            "chosen": is_chosen,
            "mediaTypes": response.content.iter().map(|media| media.range.as_str()).collect::<Vec<_>>(),
            "preferred": accept.best(&response.content).map(|media| media.range.as_str()),
            "examples": examples.filter(|name| !name.is_empty()).collect::<Vec<_>>(),
        })
    });
    let fixtures = operation
        .fixtures
        .iter()
        .map(|fixture| json!({"fixture": fixture.place.to_string()}));
    others.chain(fixtures).collect()
}

/// Maximum size of a content that is shown, in bytes; the rest is cut off, and `truncated` says so.
const MOST_SHOWN: usize = 1024 * 1024;

/// Returns a response as JSON, without its content coding.
pub(crate) fn describe(response: &Response) -> Value {
    let headers = response.headers().keys().map(|name| {
        let lines = response.headers().get_all(name).iter();
        let lines: Vec<_> = lines
            .map(|line| json!(String::from_utf8_lossy(line.as_bytes())))
            .collect();
        // Several lines are a list, because not every field may be joined (RFC 9110 §5.3).
        let value = match lines.as_slice() {
            [line] => line.clone(),
            _ => Value::Array(lines),
        };
        (name.as_str().to_owned(), value)
    });
    let content = compression::plain(response);
    let shown = content.get(..MOST_SHOWN).unwrap_or(content);
    let value =
        serde_json::from_slice(shown).unwrap_or_else(|_| json!(String::from_utf8_lossy(shown)));
    let mut described = json!({
        "status": response.status().as_u16(),
        "headers": headers.collect::<serde_json::Map<_, _>>(),
        "content": if content.is_empty() { Value::Null } else { value },
    });
    if content.len() > MOST_SHOWN {
        described["truncated"] = json!(true);
    }
    described
}
