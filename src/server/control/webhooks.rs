//! Control API: the webhooks of the documents and the callbacks of operations, sent when a client
//! asks for it.
use std::sync::Arc;

use bytes::Bytes;
use http::{StatusCode, Uri};
use serde_json::{Map, Value, json};

use crate::codec::message::{host_of, target_of};
use crate::codec::text::encode;
use crate::errors::problem::{Problem, ProblemKind};
use crate::exchange::Callbacks;
use crate::exchange::outgoing::{
    DEPTH, InboxPlace, OutgoingMaker, OutgoingOrigin, OutgoingRequest, absolute, all_outgoing,
};
use crate::exchange::signed::SignatureScheme;
use crate::server::control::lists::listed;
use crate::server::control::sender::{NotAnswered, ReadyToSend, receiver_of, sign_now};
use crate::server::control::session::PREFIX;
use crate::server::control::{Control, ControlRequest, not_there, unprocessable};

impl Control {
    /// Lists the webhooks and the callbacks.
    pub(super) fn webhooks(&self) -> Value {
        let contract = self.sandbox().contract();
        let described = all_outgoing(contract).map(|(origin, outgoing)| {
            let operation = match origin {
                OutgoingOrigin::Callback(index, _) => Some(contract.operations[index].name()),
                OutgoingOrigin::Webhook(_) => None,
            };
            json!({
                "name": outgoing.name, "method": outgoing.operation.method.as_str(),
                "operation": operation, "url": outgoing.expression,
            })
        });
        json!({ "webhooks": described.collect::<Vec<_>>() })
    }

    /// Sends a webhook, or a callback as if its operation had been called, and returns the request.
    ///
    /// # Errors
    ///
    /// `Problem` 404 for an unknown name, and 422 if the receiver may not be called.
    pub(super) fn send_webhook(
        &self,
        asked: &ControlRequest<'_>,
    ) -> Result<(Value, ReadyToSend), Problem> {
        let name = asked.after("webhooks");
        let sandbox = self.sandbox();
        let contract = sandbox.contract();
        let found = all_outgoing(contract).find(|(_, outgoing)| outgoing.name == name);
        let (origin, outgoing) = found.ok_or_else(|| {
            let names: Vec<&str> = all_outgoing(contract)
                .map(|(_, there)| there.name.as_str())
                .collect();
            not_there(match names.as_slice() {
                [] => "the documents have no webhooks and no callbacks".to_owned(),
                names => format!("there is no webhook `{name}`; there are {}", listed(names)),
            })
        })?;
        let target = self.target(asked, &name)?;
        let content = asked.body.get("content");
        let example = asked.body.get("example").and_then(Value::as_str);
        if let Some(example) = example.filter(|name| !outgoing.has_example(name)) {
            return Err(unprocessable(format!(
                "the webhook is not sent: `{name}` has no example `{example}`"
            )));
        }
        let maker = OutgoingMaker {
            outgoing,
            options: sandbox.settings().options,
            example,
            about: None,
        };
        let mut request = match content {
            Some(content) => maker.with_content(&target, Some(content)),
            None => maker.request(&target, &[]),
        };
        Self::sign_webhook(asked, &mut request)?;
        request.headers_mut().insert(DEPTH, 1.into());
        let inbox = InboxPlace::of(request.uri(), host_of(asked.request));
        let shown = shown(&request);
        let ready = ReadyToSend {
            sandbox: Arc::clone(sandbox),
            session: asked.about().to_owned(),
            requests: Arc::new([OutgoingRequest {
                origin,
                inbox,
                request: Ok(request),
            }]),
            after_reset: self.sender().last_reset(),
            page: None,
        };
        if self.sender().task(&ready).is_none() {
            return Err(Problem::new(
                ProblemKind::Full,
                StatusCode::SERVICE_UNAVAILABLE,
                format!("the webhook is not sent: {}", NotAnswered::TooMany),
            ));
        }
        Ok((shown, ready))
    }

    /// Signs a request as `sign` of the content says: `{"scheme": "standard", "secret": "whsec_…"}`.
    fn sign_webhook(
        asked: &ControlRequest<'_>,
        request: &mut http::Request<Bytes>,
    ) -> Result<(), Problem> {
        let Some(told) = asked.body.get("sign") else {
            return Ok(());
        };
        let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default();
        let Some(scheme) = SignatureScheme::named(text("scheme")) else {
            return Ok(());
        };
        sign_now(request, scheme, text("secret"))
            .map_err(|error| unprocessable(format!("the webhook is not signed: {error}")))
    }

    /// Returns the URL of the receiver: `to` of the content, else the inbox of the sandbox.
    fn target(&self, asked: &ControlRequest<'_>, name: &str) -> Result<Uri, Problem> {
        if self.sandbox().settings().callbacks == Callbacks::Off {
            return Err(unprocessable(
                "the webhook is not sent: the sandbox was started with `--callbacks off`",
            ));
        }
        let text = match asked.body.get("to").and_then(Value::as_str) {
            Some(to) => to.to_owned(),
            None => {
                let own = target_of(asked.request);
                let base = own.split(PREFIX).next().unwrap_or_default();
                format!("{base}{PREFIX}inbox/{}", encode(name))
            }
        };
        let target = absolute(&text)
            .map_err(|error| unprocessable(format!("the webhook is not sent: {error}")))?;
        let is_inbox = InboxPlace::of(&target, host_of(asked.request)).is_some();
        if !is_inbox && !self.sender().policy().allows(&target) {
            let why = NotAnswered::NotAllowed(receiver_of(&target).to_owned());
            return Err(unprocessable(format!("the webhook is not sent: {why}")));
        }
        Ok(target)
    }
}

/// Returns a request for people: `{method, url, headers, content}`.
fn shown(request: &http::Request<Bytes>) -> Value {
    let headers = request.headers().iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), Value::from(value))
    });
    let content = serde_json::from_slice(request.body());
    let content = content
        .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(request.body()).into_owned()));
    json!({
        "method": request.method().as_str(), "url": request.uri().to_string(),
        "headers": headers.collect::<Map<_, _>>(), "content": content,
    })
}
