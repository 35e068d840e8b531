//! Connections to the real API that tell if they were used before, and if an answer has begun to come.
//!
//! A server may close an idle connection at the moment when the next request is sent. Nobody has read such a
//! request, so that it may be sent again (RFC 9110 §9.2.2).
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http::{Extensions, Uri};
use hyper::rt::{Read, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tower_service::Service;

/// History of a connection by HTTP/1.1.
#[derive(Debug, Clone, Default)]
struct ConnectionUse(Arc<Uses>);

#[derive(Debug, Default)]
struct Uses {
    /// True if bytes came since the last request was sent.
    hears: AtomicBool,
    /// True if a request was sent after the answer to another one.
    is_reused: AtomicBool,
}

/// Returns true if an error came from a connection that had been idle and was closed before a byte of the
/// answer came.
#[must_use]
pub(super) fn was_closed_idle(error: &hyper_util::client::legacy::Error) -> bool {
    let Some(connected) = error.connect_info() else {
        return false;
    };
    let mut extensions = Extensions::new();
    connected.get_extras(&mut extensions);
    let Some(ConnectionUse(uses)) = extensions.get::<ConnectionUse>() else {
        return false;
    };
    // The requests of a connection by HTTP/2 do not take turns.
    !connected.is_negotiated_h2()
        && uses.is_reused.load(Ordering::Acquire)
        && !uses.hears.load(Ordering::Acquire)
}

/// Connector whose connections know their history.
#[derive(Debug, Clone)]
pub(super) struct RememberingConnector<C>(pub C);

impl<C> Service<Uri> for RememberingConnector<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
{
    type Response = TokioIo<RememberingStream<C::Response>>;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, C::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), C::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async move {
            let stream = TokioIo::new(connecting.await?);
            let history = ConnectionUse::default();
            Ok(TokioIo::new(RememberingStream { stream, history }))
        })
    }
}

/// Stream of bytes that notes its turns.
#[derive(Debug)]
pub(super) struct RememberingStream<S> {
    stream: TokioIo<S>,
    history: ConnectionUse,
}

impl<S> RememberingStream<S> {
    /// Notes that a part of a request is sent.
    fn sends(&self) {
        let uses = &self.history.0;
        if uses.hears.swap(false, Ordering::AcqRel) {
            uses.is_reused.store(true, Ordering::Release);
        }
    }
}

impl<S: Read + Unpin> AsyncRead for RememberingStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.history.0.hears.store(true, Ordering::Release);
        }
        polled
    }
}

impl<S: Write + Unpin> AsyncWrite for RememberingStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.sends();
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.sends();
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: Connection> Connection for RememberingStream<S> {
    fn connected(&self) -> Connected {
        let connected = self.stream.inner().connected();
        connected.extra(self.history.clone())
    }
}
