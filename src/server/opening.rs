//! The first bytes of a connection, by which HTTP/2 is told from HTTP/1.1: they must come in time.
//!
//! From then on the protocol itself looks at the clock.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// What an HTTP/2 connection begins with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection whose first bytes must come in time; reading fails if they do not.
pub struct Opening {
    stream: TcpStream,
    /// How much of the preface has come.
    matched: usize,
    /// Until when the rest of it, or something else, must come.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Whether the connection is to be reset at its end, and not closed.
    is_reset: Arc<AtomicBool>,
}

impl Drop for Opening {
    fn drop(&mut self) {
        if self.is_reset.load(Ordering::Relaxed) {
            // RFC 9293 §3.9.1.5, ABORT; where the system cannot do it the connection is closed.
            let _closed = self.stream.set_zero_linger();
        }
    }
}

impl Opening {
    /// A connection that has just been accepted.
    pub fn new(stream: TcpStream, time: Duration, is_reset: Arc<AtomicBool>) -> Self {
        Self { stream, matched: 0, deadline: Some(Box::pin(tokio::time::sleep(time))), is_reset }
    }

    /// Looks at what has come; once it is known what the connection speaks, there is no deadline.
    fn look(&mut self, bytes: &[u8]) {
        let expected = &PREFACE[self.matched..];
        let same = bytes.iter().zip(expected).take_while(|(came, wanted)| came == wanted).count();
        self.matched += same;
        if same < bytes.len() || self.matched == PREFACE.len() {
            self.deadline = None;
        }
    }
}

impl AsyncRead for Opening {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let Some(deadline) = &mut self.deadline else { return read };
        if read.is_ready() {
            self.look(&buffer.filled()[before..]);
            return read;
        }
        deadline.as_mut().poll(context).map(|()| Err(ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Opening {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_reset.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
