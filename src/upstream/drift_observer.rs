//! Drift while the proxy runs: exchanges wait until there are several, and are compared with the documents
//! together, beside the requests.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::Sandbox;
use crate::contract::Contract;
use crate::generate::fingerprint;
use crate::upstream::drift::batch::DriftBatch;
use crate::upstream::drift::observations::Observations;
use crate::upstream::exchange::ObservedExchange;
use crate::upstream::judging::Judgement;
use crate::upstream::queue::{ExchangeQueue, QueueAmount, QueueLimits, QueueTurn};

/// Limits of the exchanges that wait to be compared together.
const LIMITS: QueueLimits = QueueLimits {
    start: QueueAmount {
        exchanges: 64,
        bytes: 1024 * 1024,
    },
    most: QueueAmount {
        exchanges: 4 * 64,
        bytes: 4 * 1024 * 1024,
    },
};

/// Longest content whose value waits with it, in bytes; others are read again.
const LONGEST_READ: usize = 16 * 1024;

/// Memory of a value for each byte of its content, about.
const VALUE_FACTOR: usize = 8;

/// Exchange that waits to be compared, with the sandbox that judged it.
#[derive(Debug)]
struct WaitingExchange {
    sandbox: Arc<Sandbox>,
    judgement: Judgement,
    exchange: ObservedExchange,
}

#[derive(Debug, Default)]
struct Compared {
    observations: Observations,
    /// Fingerprint of the documents that the observations are from.
    documents: Option<u64>,
    /// Sandbox that is known to have these documents.
    sandbox: Weak<Sandbox>,
}

impl Compared {
    /// Returns true if a sandbox has the documents that the observations are from.
    fn is_of(&mut self, sandbox: &Arc<Sandbox>) -> bool {
        if std::ptr::eq(self.sandbox.as_ptr(), Arc::as_ptr(sandbox)) {
            return true;
        }
        let documents = fingerprint_of(sandbox.contract());
        let is_same = *self.documents.get_or_insert(documents) == documents;
        if is_same {
            self.sandbox = Arc::downgrade(sandbox);
        }
        is_same
    }
}

/// Observer of the drift between the documents and the real API.
#[derive(Debug)]
pub(crate) struct DriftObserver {
    queue: ExchangeQueue<WaitingExchange>,
    /// Locked while exchanges are compared.
    compared: Mutex<Compared>,
}

impl Default for DriftObserver {
    fn default() -> Self {
        Self {
            queue: ExchangeQueue::new(LIMITS),
            compared: Mutex::default(),
        }
    }
}

impl DriftObserver {
    /// Takes an exchange.
    pub(crate) fn take(
        self: &Arc<Self>,
        sandbox: &Arc<Sandbox>,
        mut judgement: Judgement,
        exchange: ObservedExchange,
    ) {
        let contents = [exchange.request.body(), exchange.response.body()];
        let mut length: usize = contents.map(|body| body.bytes().len()).iter().sum();
        if length > LONGEST_READ {
            judgement.response_value = None;
        } else if judgement.response_value.is_some() {
            length *= VALUE_FACTOR;
        }
        let waiting = WaitingExchange {
            sandbox: Arc::clone(sandbox),
            judgement,
            exchange,
        };
        match self.queue.put(waiting, length) {
            QueueTurn::Wait => {}
            QueueTurn::Start => {
                let own = Arc::clone(self);
                tokio::task::spawn_blocking(move || {
                    own.queue.begin();
                    drop(own.compare());
                });
            }
            QueueTurn::Now => drop(self.compare()),
        }
    }

    /// Returns the observations of all exchanges so far.
    pub(crate) fn observations(&self) -> Observations {
        self.compare().observations.clone()
    }

    /// Forgets the drift if the documents are others.
    pub(crate) fn begin_anew(&self, contract: &Contract) {
        let documents = fingerprint_of(contract);
        let mut compared = self.compare();
        if compared.documents.is_some_and(|known| known != documents) {
            compared.observations = Observations::new();
            compared.sandbox = Weak::new();
        }
        compared.documents = Some(documents);
    }

    /// Compares the exchanges that wait with the documents.
    fn compare(&self) -> MutexGuard<'_, Compared> {
        // Poisoning is safe: what a panic leaves out is what waited.
        let mut compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        let exchanges = self.queue.take();
        for of_one in exchanges.chunk_by(|one, other| Arc::ptr_eq(&one.sandbox, &other.sandbox)) {
            let sandbox = &of_one[0].sandbox;
            // The documents have changed since.
            if !compared.is_of(sandbox) {
                continue;
            }
            let mut batch = DriftBatch::new(sandbox);
            for waiting in of_one {
                batch.add(&waiting.judgement, &waiting.exchange);
            }
            compared.observations.merge(batch.finish());
        }
        compared
    }
}

/// Returns a number for the documents of a contract, with their overlays.
fn fingerprint_of(contract: &Contract) -> u64 {
    let mut text = String::new();
    for document in &contract.documents {
        text.push_str(document.source().name());
        text.push_str(&document.tree().to_string());
    }
    fingerprint(&text)
}
