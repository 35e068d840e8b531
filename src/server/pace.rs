//! The content of a response on its way out: at once, or item by item.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use crate::exchange::{Items, Response};

/// The body of a response: whole, or as the items that it says it has.
pub fn body(mut response: Response, delay: Duration) -> http::Response<Either<Full<Bytes>, Paced>> {
    match response.extensions_mut().remove::<Items>() {
        None => response.map(|bytes| Either::Left(Full::new(bytes))),
        Some(items) => response.map(|bytes| Either::Right(Paced { bytes, items, next: 0, delay, wait: None })),
    }
}

/// Content that is sent item by item.
pub struct Paced {
    bytes: Bytes,
    items: Items,
    /// The number of the next item.
    next: usize,
    delay: Duration,
    wait: Option<Pin<Box<Sleep>>>,
}

impl Body for Paced {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(end) = self.items.ends.get(self.next).copied() else { return Poll::Ready(None) };
        if let Some(wait) = &mut self.wait {
            ready!(wait.as_mut().poll(context));
            self.wait = None;
        }
        let start = self.next.checked_sub(1).map_or(0, |before| self.items.ends[before]);
        self.next += 1;
        if !self.delay.is_zero() && self.next < self.items.ends.len() {
            self.wait = Some(Box::pin(tokio::time::sleep(self.delay)));
        }
        Poll::Ready(Some(Ok(Frame::data(self.bytes.slice(start..end)))))
    }

    fn is_end_stream(&self) -> bool {
        self.next >= self.items.ends.len()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn items_are_frames_with_time_between_them() {
        let mut response = Response::new(Bytes::from_static(b"onetwothree"));
        response.extensions_mut().insert(Items { ends: [3, 6, 11].into() });
        let started = Instant::now();
        let mut sent = body(response, Duration::from_millis(20)).into_body();
        let mut frames = Vec::new();
        while let Some(frame) = sent.frame().await {
            frames.push(frame.expect("cannot fail").into_data().expect("is data"));
        }
        assert_eq!(frames, ["one", "two", "three"]);
        assert!(started.elapsed() >= Duration::from_millis(40));
    }
}
