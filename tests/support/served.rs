//! Serves a document in the process of the test, and speaks with the server over sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use standin::internals::{Limits, fixture_text};
use standin::{Input, Reading, Sandbox, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The document of most tests: `GET /a` answers `one`, `GET /b` answers `two`.
pub(crate) const DOCUMENT: &str = r#"{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {
    "/a": {"get": {"responses": {"200": {"description": "", "content": {"text/plain": {"example": "one"}}}}}},
    "/b": {"get": {"responses": {"200": {"description": "", "content": {"text/plain": {"example": "two"}}}}},
           "post": {"requestBody": {"content": {"application/json": {"schema": {"type": "object", "required": ["n"]}}}},
                    "responses": {"201": {"description": ""}}}}
}}"#;

/// A request that is answered with `one`.
pub(crate) const GET_A: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

/// A request that is answered with `two`.
pub(crate) const GET_B: &str = "GET /b HTTP/1.1\r\nHost: a\r\n\r\n";

/// The beginning of a request with content, up to its length.
pub(crate) const POST_B: &str =
    "POST /b HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ";

/// Waits as long as the tests wait for what must come.
pub(crate) async fn soon<F: Future>(work: F) -> F::Output {
    timeout(Duration::from_secs(10), work)
        .await
        .expect("comes soon")
}

/// A server on a port of its own, until it is stopped or dropped.
pub(crate) struct Served {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Served {
    /// Serves [`DOCUMENT`].
    pub(crate) async fn start(limits: Limits) -> Self {
        Self::start_with(DOCUMENT, None, limits).await
    }

    /// Serves a document, with fixtures in YAML if there are some.
    pub(crate) async fn start_with(document: &str, fixtures: Option<&str>, limits: Limits) -> Self {
        let input = Input::Text {
            name: "a.json".into(),
            text: document.into(),
        };
        let mut files = Vec::new();
        if let Some(text) = fixtures {
            let (file, _odd) =
                fixture_text("fixtures.yaml".into(), text.into()).expect("can be read");
            files.push(file);
        }
        let sandbox = Sandbox::new(&[input], &files, &Reading::default(), Settings::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("is bound");
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _either = stopped.await;
        };
        let task = tokio::spawn(standin::serve(
            listener,
            Arc::new(sandbox),
            limits,
            shutdown,
        ));
        Self {
            address,
            stop: Some(stop),
            task,
        }
    }

    /// Opens a connection, which may have to wait until it is served.
    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("connects")
    }

    /// Tells the server to end.
    pub(crate) fn stop(&mut self) {
        let stop = self.stop.take().expect("is stopped once");
        stop.send(()).expect("still serves");
    }

    /// Waits for the end of a server that was told to end.
    pub(crate) async fn ended(self) {
        soon(self.task).await.expect("does not panic");
    }
}

/// Sends a request, or a part of one.
pub(crate) async fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.expect("is written");
}

/// Reads until the content has this end.
pub(crate) async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 1024];
    while !text.ends_with(end) {
        let read = soon(stream.read(&mut buffer)).await.expect("is read");
        assert!(read > 0, "closed after {text:?}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    text
}

/// Reads until the server closes the connection.
pub(crate) async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    soon(stream.read_to_end(&mut bytes)).await.expect("is read");
    String::from_utf8(bytes).expect("is text")
}
