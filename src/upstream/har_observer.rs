//! HAR while the proxy runs: exchanges wait in a queue, and are written beside the requests, in their order.
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Sandbox;
use crate::upstream::archive::har::writer::{HarOptions, HarWriter};
use crate::upstream::exchange::ObservedExchange;
use crate::upstream::queue::{ExchangeQueue, QueueAmount, QueueLimits, QueueTurn};

/// Limits of the exchanges that wait: each one is written soon.
const LIMITS: QueueLimits = QueueLimits {
    start: QueueAmount {
        exchanges: 1,
        bytes: 0,
    },
    most: QueueAmount {
        exchanges: 256,
        bytes: 4 * 1024 * 1024,
    },
};

/// Exchange that waits to be written, with what tells its secrets.
#[derive(Debug)]
struct WaitingExchange {
    sandbox: Arc<Sandbox>,
    operation: Option<usize>,
    /// Address of the real API.
    base: String,
    exchange: ObservedExchange,
}

/// Writer of a HAR beside the requests.
#[derive(Debug)]
pub(crate) struct HarObserver {
    queue: ExchangeQueue<WaitingExchange>,
    /// Locked while exchanges are written, so that they keep their order.
    writer: Mutex<HarWriter>,
}

impl HarObserver {
    /// Creates the file.
    ///
    /// # Errors
    ///
    /// Returns the error of the system.
    pub(crate) fn create(path: &Path, options: HarOptions) -> std::io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            queue: ExchangeQueue::new(LIMITS),
            writer: Mutex::new(HarWriter::create(path, options)?),
        }))
    }

    /// Takes an exchange with the API at `base`, to be written soon. It returns later where the disk is slower
    /// than the exchanges: nothing is lost, and the memory of what waits is bounded.
    pub(crate) fn take(
        self: &Arc<Self>,
        sandbox: &Arc<Sandbox>,
        operation: Option<usize>,
        base: String,
        exchange: ObservedExchange,
    ) {
        let contents = [exchange.request.body(), exchange.response.body()];
        let length: usize = contents.map(|body| body.bytes().len()).iter().sum();
        let waiting = WaitingExchange {
            sandbox: Arc::clone(sandbox),
            operation,
            base,
            exchange,
        };
        match self.queue.put(waiting, length) {
            QueueTurn::Wait => {}
            QueueTurn::Start => {
                let own = Arc::clone(self);
                tokio::task::spawn_blocking(move || {
                    own.queue.begin();
                    drop(own.write());
                });
            }
            QueueTurn::Now => drop(self.write()),
        }
    }

    /// Writes all exchanges so far, and returns the number of those that the limit of the file dropped.
    pub(crate) fn dropped(&self) -> usize {
        self.write().dropped()
    }

    /// Writes the exchanges that wait.
    fn write(&self) -> MutexGuard<'_, HarWriter> {
        // Poisoning is safe: what a panic leaves out is what waited.
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        for waiting in self.queue.take() {
            let operation = waiting.operation;
            let operation = operation.map(|index| &waiting.sandbox.contract().operations[index]);
            let written = writer.append(&waiting.base, operation, &waiting.exchange);
            if let Err(error) = written {
                tracing::warn!(%error, "an exchange could not be written to the HAR");
            }
        }
        writer
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;

    use super::*;
    use crate::codec::message::{Body, Request};
    use crate::document::Input;
    use crate::exchange::settings::Settings;
    use crate::sandbox::Reading;

    fn observed(at: u64) -> ObservedExchange {
        let content = Body::Complete(vec![b'x'; 20_000].into());
        ObservedExchange {
            session: String::new(),
            at,
            took: Duration::ZERO,
            request: Request::new(Body::Complete(bytes::Bytes::new())),
            response: http::Response::new(content),
        }
    }

    #[test]
    fn nothing_is_lost_and_the_order_is_kept() {
        const COUNT: u64 = 400;
        let input = Input::Text {
            name: "a.yaml".to_owned(),
            text: "openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths: {}\n".to_owned(),
        };
        let (reading, settings) = (Reading::default(), Settings::default());
        let sandbox = Arc::new(Sandbox::load(&[input], None, &reading, settings));
        let path = std::env::temp_dir().join(format!("standin-queue-{}.har", std::process::id()));
        let har = HarObserver::create(&path, HarOptions::default()).expect("can be made");
        let runtime = tokio::runtime::Runtime::new().expect("can be made");
        runtime.block_on(async {
            for at in 0..COUNT {
                har.take(&sandbox, None, "http://a.example".to_owned(), observed(at));
                let length = har.queue.length();
                assert!(length <= LIMITS.most.bytes + 20_000, "{length}");
            }
        });
        assert_eq!(har.dropped(), 0);
        let text = std::fs::read(&path).expect("is there");
        std::fs::remove_file(&path).expect("can be removed");
        let written: Value = serde_json::from_slice(&text).expect("is JSON");
        let entries = written["log"]["entries"].as_array().expect("is a list");
        let times: Vec<&str> = entries
            .iter()
            .filter_map(|entry| entry["startedDateTime"].as_str())
            .collect();
        assert_eq!(times.len() as u64, COUNT);
        assert!(times.is_sorted(), "{times:?}");
    }
}
