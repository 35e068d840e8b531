//! The console: answers of the control API as HTML, for the page at `/_standin/`.
//!
//! Every template reads the JSON that the control API answers with, so that the page shows and does
//! nothing that a script cannot.

mod coverage;
mod data;
mod diagnostics;
mod drift;
mod exchanges;
mod markdown;
mod operations;
mod outline;
mod parts;
mod recording;
mod responder;
mod schemas;
mod sessions;
pub(crate) mod shell;
mod snapshots;

use maud::Markup;
use serde_json::Value;

/// Returns the HTML of an answer of the control API; `None` if the operation has no HTML.
pub(crate) fn render(operation: &str, value: &Value) -> Option<Markup> {
    let html = match operation {
        "listRequests" => exchanges::list(value),
        "getRequest" => exchanges::one(value),
        "sendRequest" | "replayRequest" => exchanges::sent(value),
        "explain" | "explainRequest" => exchanges::explanation(value),
        "compareRequests" => exchanges::changes(value),
        "getRequestFixture" | "keepRequest" => exchanges::fixture(value),
        "listCoveredOperations" => coverage::list(value),
        "listSessions" => sessions::list(value),
        "listCollections" => data::collections(value),
        "getCollection" | "putCollection" => data::table(value),
        "getEntity" | "putEntity" | "createEntity" => data::entity(value),
        "listSnapshots" | "takeSnapshot" => snapshots::list(value),
        "compareSnapshot" => snapshots::changes(value),
        "getScenario" | "setScenario" => sessions::scenario(value),
        "listFixtures" | "addFixtures" => sessions::fixtures(value),
        "listOperations" => operations::rows(value),
        "getOperation" => operations::page(value),
        "listSchemas" => schemas::rows(value),
        "getSchema" => schemas::page(value),
        "getDrift" => drift::list(value),
        "getRecording" | "setRecording" | "writeRecording" => recording::page(value),
        "listDiagnostics" => diagnostics::list(value),
        _ => return None,
    };
    Some(html)
}
