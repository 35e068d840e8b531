//! Control API: the function of each operation in `control.yaml`, and the form of its answer.
use bytes::Bytes;
use http::header::VARY;
use http::{HeaderValue, StatusCode};
use serde_json::Value;

use crate::codec::message::{Request, Response};
use crate::diagnostic::escape;
use crate::errors::problem::{Problem, ProblemKind};
use crate::exchange::Report;
use crate::server::console;
use crate::server::control::lists::is_page;
use crate::server::control::page::HTML;
use crate::server::control::sender::ReadyToSend;
use crate::server::control::stream::EventFilter;
use crate::server::control::verify::RepeatFor;
use crate::server::control::{ConsoleAccess, Control, ControlRequest, answered, page};
use crate::server::message::problem_response;

/// Result of an operation of the control API.
pub(super) struct Performed {
    /// Status of the answer: 204 for the value `null`.
    status: StatusCode,
    /// Content of the answer.
    value: Value,
    /// Time to wait before the operation is performed again.
    wait: Option<RepeatFor>,
    /// Requests to send after the answer.
    ready: Option<ReadyToSend>,
}

impl From<Value> for Performed {
    fn from(value: Value) -> Self {
        let status = match value {
            Value::Null => StatusCode::NO_CONTENT,
            _ => StatusCode::OK,
        };
        Self {
            status,
            value,
            wait: None,
            ready: None,
        }
    }
}

/// Result of an operation, or the reason why it failed.
type Outcome = Result<Performed, Problem>;

#[expect(
    clippy::unnecessary_wraps,
    reason = "operations that cannot fail stand beside others"
)]
fn done(value: Value) -> Outcome {
    Ok(value.into())
}

fn tried(result: Result<Value, Problem>) -> Outcome {
    result.map(Performed::from)
}

fn sent(result: Result<(Value, Option<ReadyToSend>), Problem>) -> Outcome {
    result.map(|(value, ready)| Performed {
        ready,
        ..Performed::from(value)
    })
}

fn created(result: Result<Value, Problem>) -> Outcome {
    let created = |value| Performed {
        status: StatusCode::CREATED,
        ..Performed::from(value)
    };
    result.map(created)
}

impl Control {
    /// Performs the operation with a name of `control.yaml`, and answers.
    pub(super) fn perform(&self, name: &str, asked: &ControlRequest<'_>) -> (Response, Report) {
        match name {
            "streamRequests" => return self.listen(asked, EventFilter::Exchanges),
            "streamEvents" => return self.listen(asked, EventFilter::All),
            "getCollection" => match self.collection_file(asked) {
                Some(Ok(file)) => return (file, own_report()),
                Some(Err(problem)) => return problem_response(&problem),
                None => {}
            },
            "getDrift" => match self.drift_file(asked) {
                Some(Ok(file)) => return (file, own_report()),
                Some(Err(problem)) => return problem_response(&problem),
                None => {}
            },
            "getDriftOverlay" => {
                return match self.drift_overlay(asked) {
                    Ok(file) => (file, own_report()),
                    Err(problem) => problem_response(&problem),
                };
            }
            _ => {}
        }
        let outcome = self
            .on_requests(name, asked)
            .or_else(|| self.on_fixtures(name, asked))
            .or_else(|| self.on_state(name, asked))
            .or_else(|| self.on_webhooks(name, asked))
            .or_else(|| self.on_contract(name, asked));
        match outcome {
            Some(Ok(performed)) => represent(name, asked.request, performed),
            Some(Err(problem)) => problem_response(&problem),
            None => problem_response(&Problem::new(
                ProblemKind::Internal,
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("the operation `{name}` of the control API has no function"),
            )),
        }
    }

    /// Exchanges, verification and coverage.
    fn on_requests(&self, name: &str, asked: &ControlRequest<'_>) -> Option<Outcome> {
        let outcome = match name {
            "listRequests" => done(self.requests(asked)),
            "clearRequests" => done(self.clear_requests(asked)),
            "getRequest" => tried(self.request(asked)),
            "sendRequest" => sent(self.send_request(asked)),
            "explainRequest" => tried(self.explain_request(asked)),
            "replayRequest" => sent(self.replay_request(asked)),
            "compareRequests" => tried(self.compare_requests(asked)),
            "getRequestFixture" => tried(self.request_fixture(asked)),
            "keepRequest" => created(self.keep_request(asked)),
            "verify" => self.verify(asked).map(|verdict| Performed {
                wait: verdict.wait,
                ..Performed::from(verdict.answer)
            }),
            "getDrift" => tried(self.drift(asked)),
            "getRecording" => tried(self.recording()),
            "setRecording" => tried(self.set_recording(asked)),
            "writeRecording" => tried(self.write_recording()),
            "getCoverage" => done(self.coverage_now()),
            "listCoveredOperations" => done(self.covered_operations(asked)),
            "clearCoverage" => done(self.clear_coverage()),
            _ => return None,
        };
        Some(outcome)
    }

    /// Fixtures of the session and scenarios.
    fn on_fixtures(&self, name: &str, asked: &ControlRequest<'_>) -> Option<Outcome> {
        let outcome = match name {
            "listFixtures" => done(self.posted_fixtures(asked)),
            "addFixtures" => created(self.post_fixtures(asked)),
            "removeFixtures" | "removeFixture" => tried(self.remove_fixtures(asked)),
            "getScenario" => done(self.scenario(asked)),
            "setScenario" => tried(self.set_scenario(asked)),
            _ => return None,
        };
        Some(outcome)
    }

    /// Sessions, collections and snapshots.
    fn on_state(&self, name: &str, asked: &ControlRequest<'_>) -> Option<Outcome> {
        let outcome = match name {
            "reset" => done(self.reset(asked)),
            "listSessions" => done(self.sessions(asked)),
            "exportState" => done(self.export(asked)),
            "importState" => tried(self.import(asked)),
            "listCollections" => done(self.collections(asked)),
            "getCollection" => tried(self.collection(asked)),
            "createEntity" if asked.query("draft").is_some_and(|draft| draft == "true") => {
                tried(self.create_entity(asked))
            }
            "createEntity" => created(self.create_entity(asked)),
            "getEntity" => tried(self.entity(asked)),
            "putEntity" => tried(self.put_entity(asked)),
            "deleteEntity" => tried(self.delete_entity(asked)),
            "compareSnapshot" => tried(self.compare_snapshot(asked)),
            "putCollection" => tried(self.put_collection(asked)),
            "listSnapshots" => done(self.snapshots(asked)),
            "takeSnapshot" => tried(self.take_snapshot(asked)),
            "getSnapshot" => tried(self.snapshot(asked)),
            "restoreSnapshot" => tried(self.restore(asked)),
            "dropSnapshot" => tried(self.drop_snapshot(asked)),
            _ => return None,
        };
        Some(outcome)
    }

    /// Webhooks, and inboxes for them.
    fn on_webhooks(&self, name: &str, asked: &ControlRequest<'_>) -> Option<Outcome> {
        let outcome = match name {
            "listWebhooks" => done(self.webhooks()),
            "sendWebhook" => self.send_webhook(asked).map(|(value, ready)| Performed {
                status: StatusCode::ACCEPTED,
                ready: Some(ready),
                ..Performed::from(value)
            }),
            "listMessages" => self.messages(asked).map(|(value, wait)| Performed {
                wait,
                ..Performed::from(value)
            }),
            "clearMessages" => done(self.clear_messages(asked)),
            "postMessage" | "putMessage" | "patchMessage" => tried(self.receive_message(asked)),
            _ => return None,
        };
        Some(outcome)
    }

    /// Documents and operations.
    fn on_contract(&self, name: &str, asked: &ControlRequest<'_>) -> Option<Outcome> {
        let outcome = match name {
            "listOperations" => done(self.operations(asked)),
            "getOperation" => tried(self.describe_operation(asked)),
            "listSchemas" => done(self.schemas(asked)),
            "getSchema" => tried(self.describe_schema(asked)),
            "getOperationRequest" | "draftRequest" => tried(self.draft_request(asked)),
            "listDiagnostics" => tried(self.list_diagnostics(asked)),
            "explain" => tried(self.explain(asked)),
            "reload" => tried(self.reload()),
            _ => return None,
        };
        Some(outcome)
    }
}

fn own_report() -> Report {
    Report {
        source: "control".into(),
        ..Report::default()
    }
}

/// Returns an answer as HTML, if the client prefers it and the operation has it, else as JSON.
fn represent(name: &str, request: &Request, performed: Performed) -> (Response, Report) {
    let Performed {
        status,
        value,
        wait,
        ready,
    } = performed;
    if status == StatusCode::NO_CONTENT {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        return (response, own_report());
    }
    let html = is_page(request)
        .then(|| console::render(name, &value))
        .flatten();
    let (mut response, report) = match html {
        Some(html) => {
            let (mut response, report) = answered(Bytes::from(html.into_string()), HTML);
            page::protect(&ConsoleAccess::On, response.headers_mut());
            (response, report)
        }
        // People also read it on terminals.
        None => answered(
            Bytes::from(escape::json(&value.to_string()).into_owned()),
            "application/json",
        ),
    };
    *response.status_mut() = status;
    // RFC 9110 §12.5.5
    response
        .headers_mut()
        .append(VARY, HeaderValue::from_static("Accept"));
    if let Some(wait) = wait {
        response.extensions_mut().insert(wait);
    }
    if let Some(ready) = ready {
        response.extensions_mut().insert(ready);
    }
    (response, report)
}
