//! Connections that change to another protocol, such as WebSocket: bytes pass both ways, unread.
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};

use crate::server::pace::Outgoing;
use crate::server::proxy::conclusion::Conclusion;
use crate::server::proxy::copy::{ContentCopy, with};
use crate::server::proxy::exchange::ForwardedExchange;
use crate::server::shared::ConnectionState;

/// Returns the answer that changes the protocol, and keeps the other end of the tunnel for the
/// connection.
pub(super) fn open(
    own: &Arc<ConnectionState>,
    response: &mut http::Response<Incoming>,
    exchange: ForwardedExchange,
) -> http::Response<Outgoing> {
    let upgrade = hyper::upgrade::on(&mut *response);
    own.state.tunnel_to(upgrade);
    let mut head = http::Response::new(());
    *head.status_mut() = response.status();
    *head.headers_mut() = response.headers().clone();
    *head.extensions_mut() = response.extensions().clone();
    let conclusion = Conclusion::new(exchange, own, &head);
    with(&conclusion.copy(), ContentCopy::complete);
    head.map(|()| Either::Left(Full::new(Bytes::new())))
}

/// Copies bytes between the client and the real API until both sides have ended. `first` was read from
/// the client already.
pub(crate) async fn run(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    first: BytesMut,
    upgrade: OnUpgrade,
) {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => {
            tracing::debug!(%error, "the real API did not change the protocol");
            return;
        }
    };
    let mut upstream = TokioIo::new(upgraded);
    if !first.is_empty()
        && let Err(error) = upstream.write_all(&first).await
    {
        tracing::debug!(%error, "a tunnel ended early");
        return;
    }
    if let Err(error) = copy_bidirectional(&mut client, &mut upstream).await {
        tracing::debug!(%error, "a tunnel ended early");
    }
}
