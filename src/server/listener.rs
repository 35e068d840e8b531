//! Listeners: places where the server accepts connections, and the sockets of accepted ones.
//!
//! A TLS handshake is part of the connection, so that a slow client holds up nobody else.
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Place where connections are accepted.
pub(crate) enum Listener {
    /// TCP port with plain HTTP.
    Plain(TcpListener),
    /// TCP port with TLS.
    Secured(TcpListener, TlsAcceptor),
    /// Socket in the file system, with plain HTTP.
    #[cfg(unix)]
    Local(UnixListener),
}

impl Listener {
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        Poll::Ready(Ok(match self {
            Self::Plain(listener) => Accepted::Plain(ready!(listener.poll_accept(context))?.0),
            Self::Secured(listener, acceptor) => {
                let (stream, _peer) = ready!(listener.poll_accept(context))?;
                Accepted::Secured(stream, acceptor.clone())
            }
            #[cfg(unix)]
            Self::Local(listener) => Accepted::Local(ready!(listener.poll_accept(context))?.0),
        }))
    }
}

/// Listeners of a server, which take turns.
pub(super) struct Listeners {
    all: Vec<Listener>,
    /// Index of the listener that is asked first.
    turn: AtomicUsize,
}

impl Listeners {
    pub(super) fn new(all: Vec<Listener>) -> Self {
        Self {
            all,
            turn: AtomicUsize::new(0),
        }
    }

    /// Returns the next connection of any listener.
    ///
    /// # Errors
    ///
    /// Error of the system, such as that no file descriptors are left.
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        poll_fn(|context| {
            let count = self.all.len();
            for step in 0..count {
                let index = (self.turn.load(Ordering::Relaxed) + step) % count;
                if let Poll::Ready(accepted) = self.all[index].poll_accept(context) {
                    // A listener with many clients does not keep the others waiting.
                    self.turn.store((index + 1) % count, Ordering::Relaxed);
                    return Poll::Ready(accepted);
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// Accepted connection, before any TLS handshake.
pub(super) enum Accepted {
    Plain(TcpStream),
    Secured(TcpStream, TlsAcceptor),
    #[cfg(unix)]
    Local(UnixStream),
}

impl Accepted {
    /// Returns true if requests come through TLS, so that their URLs begin with `https`.
    pub(super) fn is_secured(&self) -> bool {
        matches!(self, Self::Secured(..))
    }

    /// Returns the socket, after the TLS handshake if there is one.
    ///
    /// # Errors
    ///
    /// Error of the handshake.
    pub(super) async fn socket(self) -> io::Result<Socket> {
        // Answers are written whole, so waiting to fill a packet only costs time.
        Ok(match self {
            Self::Plain(stream) => {
                let _unsupported = stream.set_nodelay(true);
                Socket::Plain(stream)
            }
            Self::Secured(stream, acceptor) => {
                let _unsupported = stream.set_nodelay(true);
                Socket::Secured(Box::new(acceptor.accept(stream).await?))
            }
            #[cfg(unix)]
            Self::Local(stream) => Socket::Local(stream),
        })
    }
}

/// Socket of a connection.
pub(super) enum Socket {
    Plain(TcpStream),
    Secured(Box<TlsStream<TcpStream>>),
    #[cfg(unix)]
    Local(UnixStream),
}

impl Socket {
    /// Waits until there may be something to read. A TLS socket returns at once, as it may have decrypted
    /// bytes in memory.
    pub(super) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.readable().await,
            Self::Secured(_) => Ok(()),
            #[cfg(unix)]
            Self::Local(stream) => stream.readable().await,
        }
    }

    /// Returns true if bytes come through TLS.
    pub(super) fn is_secured(&self) -> bool {
        matches!(self, Self::Secured(_))
    }

    /// Reads into a buffer; a TLS socket waits for the bytes.
    ///
    /// # Errors
    ///
    /// `WouldBlock`, if there is nothing to read yet.
    pub(super) async fn read_some(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.try_read_buf(buffer),
            Self::Secured(stream) => stream.read_buf(buffer).await,
            #[cfg(unix)]
            Self::Local(stream) => stream.try_read_buf(buffer),
        }
    }

    /// Makes the system reset the connection when it is closed (RFC 9293 §3.9.1.5, ABORT). Where this is
    /// not possible, the connection is closed.
    pub(super) fn reset_at_end(&self) {
        match self {
            Self::Plain(stream) => drop(stream.set_zero_linger()),
            Self::Secured(stream) => drop(stream.get_ref().0.set_zero_linger()),
            #[cfg(unix)]
            Self::Local(_) => {}
        }
    }

    /// Returns ready if the client has closed its side. Bytes that have to be read for that are put into
    /// `first`.
    pub(super) fn poll_closed(
        &mut self,
        first: &mut BytesMut,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let mut small = [0; 256];
        let mut buffer = ReadBuf::new(&mut small);
        let read = match self {
            Self::Plain(stream) => {
                let mut byte = [0; 1];
                return match ready!(stream.poll_peek(context, &mut ReadBuf::new(&mut byte))) {
                    Ok(0) | Err(_) => Poll::Ready(()),
                    Ok(_) => Poll::Pending,
                };
            }
            other => ready!(Pin::new(other).poll_read(context, &mut buffer)),
        };
        if read.is_err() || buffer.filled().is_empty() {
            return Poll::Ready(());
        }
        first.extend_from_slice(buffer.filled());
        Poll::Pending
    }
}

/// Runs a method of the socket of each kind.
macro_rules! on_each {
    ($socket:expr, $stream:ident => $run:expr) => {
        match $socket {
            Socket::Plain($stream) => $run,
            Socket::Secured($stream) => $run,
            #[cfg(unix)]
            Socket::Local($stream) => $run,
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        on_each!(&mut *self, stream => Pin::new(stream).poll_read(context, buffer))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        on_each!(&mut *self, stream => Pin::new(stream).poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_each!(&mut *self, stream => Pin::new(stream).poll_write_vectored(context, bytes))
    }

    fn is_write_vectored(&self) -> bool {
        on_each!(self, stream => stream.is_write_vectored())
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_each!(&mut *self, stream => Pin::new(stream).poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_each!(&mut *self, stream => Pin::new(stream).poll_shutdown(context))
    }
}
