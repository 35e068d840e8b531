//! Content below `/_standin/` that every client may read: health, documents, pages, explanations.
use bytes::Bytes;
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, VARY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::codec::cors;
use crate::codec::message::{Request, Response, mount};
use crate::errors::problem::{ProblemKind, TYPES};
use crate::exchange::{Cors, Report};
use crate::server::console::shell::{Asset, ProxyPage, asset};
use crate::server::control::session::PREFIX;
use crate::server::control::{ConsoleAccess, Control, ControlAccess, DOCUMENT, document, page};

impl Control {
    /// Returns the content of a path below `/_standin/` with its media type; `None` if the path
    /// belongs to the part that is validated.
    pub(super) fn open_content(
        &self,
        request: &Request,
        name: &str,
        session: &str,
    ) -> Option<(Bytes, &'static str)> {
        const OPENAPI: &str = "application/vnd.oai.openapi+json;version=3.1";
        let problems = TYPES.strip_prefix(PREFIX).unwrap_or(TYPES);
        match name {
            "" => Some(page::index(
                &self.sandbox,
                self.console(),
                self.proxy_page(),
                request,
            )),
            "health" => Some((Bytes::from(self.health().to_string()), "application/json")),
            "openapi.json" => Some((self.document(mount(request)), OPENAPI)),
            "openapi.yaml" => {
                let text = document::yaml(self.sandbox.contract(), mount(request));
                Some((text, "application/yaml"))
            }
            "control.yaml" => Some((Bytes::from_static(DOCUMENT.as_bytes()), "application/yaml")),
            _ if self.asset(name).is_some() => {
                let asset = self.asset(name)?;
                Some((Bytes::from_static(asset.text.as_bytes()), asset.media()))
            }
            _ => match name.strip_prefix("examples/") {
                Some(operation) => page::example(&self.sandbox, session, operation),
                None => name
                    .strip_prefix(problems)
                    .and_then(explanation)
                    .map(|text| (text, "text/plain; charset=utf-8")),
            },
        }
    }

    /// Answers the preflight of a page that reads the documents; `None` for any other request.
    pub(super) fn permitted(&self, request: &Request, name: &str) -> Option<(Response, Report)> {
        if !self.is_shared(name) || !cors::is_preflight(request.method(), request.headers()) {
            return None;
        }
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        cors::permit_preflight(request.headers(), response.headers_mut());
        cors::permit(request.headers(), response.headers_mut());
        let report = Report {
            source: "control".into(),
            ..Report::default()
        };
        Some((response, report))
    }

    /// Adds the header fields that pages need, and those that protect from pages.
    pub(super) fn complete(&self, request: &Request, name: &str, response: &mut Response) {
        if name.is_empty() || name.starts_with("examples/") {
            page::protect(self.console(), response.headers_mut());
        }
        if self.asset(name).is_some() {
            revalidate(request, response);
        }
        if name.is_empty() {
            // RFC 9110 §12.5.5
            response
                .headers_mut()
                .append(VARY, HeaderValue::from_static("Accept"));
        }
        if self.is_shared(name) {
            cors::permit(request.headers(), response.headers_mut());
        }
    }

    /// Returns the use of the console: none if the control API is closed.
    pub(super) fn console(&self) -> &ConsoleAccess {
        match self.options.access {
            ControlAccess::Closed => &ConsoleAccess::Off,
            ControlAccess::Open | ControlAccess::Token(_) => &self.options.console,
        }
    }

    /// Returns the parts of the console that only a proxy has.
    fn proxy_page(&self) -> Option<ProxyPage> {
        let upstream = self.upstream()?;
        Some(if upstream.observers.has_recording() {
            ProxyPage::Recording
        } else {
            ProxyPage::NotRecording
        })
    }

    /// Returns the file of the console with a name such as `console/app.js`.
    fn asset(&self, name: &str) -> Option<Asset> {
        let name = name.strip_prefix("console/")?;
        asset(name).filter(|_| *self.console() != ConsoleAccess::Off)
    }

    /// Returns true for the documents, which pages of every origin may read.
    fn is_shared(&self, name: &str) -> bool {
        self.sandbox.settings().cors == Cors::On && matches!(name, "openapi.json" | "openapi.yaml")
    }

    fn health(&self) -> Value {
        let contract = self.sandbox.contract();
        json!({
            "status": "ok",
            "version": env!("CARGO_PKG_VERSION"),
            "documents": contract.documents.len(),
            "operations": contract.operations.len(),
            "fixtures": contract.operations.iter().map(|operation| operation.fixtures.len()).sum::<usize>(),
        })
    }

    /// Returns the documents as one, which is made once for requests without a path prefix.
    fn document(&self, mount: &str) -> Bytes {
        let contract = self.sandbox.contract();
        if mount.is_empty() {
            self.document
                .get_or_init(|| document::json(contract, mount))
                .clone()
        } else {
            document::json(contract, mount)
        }
    }
}

/// Lets browsers keep a file of the console for as long as it is the same (RFC 9110 §13.1.2).
fn revalidate(request: &Request, response: &mut Response) {
    let tag = Asset::tag();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(value) = HeaderValue::from_str(tag) {
        headers.insert(ETAG, value);
    }
    let known = request.headers().get_all(IF_NONE_MATCH).iter();
    let mut known = known.filter_map(|value| value.to_str().ok());
    // The tag is weak after compression.
    if known.any(|known| known.contains(tag)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Bytes::new();
    }
}

/// Returns the explanation of a problem type, for people who follow its `type`.
fn explanation(name: &str) -> Option<Bytes> {
    let kind = ProblemKind::ALL.iter().find(|kind| kind.name() == name)?;
    Some(Bytes::from(format!(
        "{}\n\n{}\n",
        kind.title(),
        kind.about()
    )))
}
