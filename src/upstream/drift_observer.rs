//! Drift while the proxy runs: exchanges wait until there are several, and are compared with the documents
//! together, beside the requests.
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::Sandbox;
use crate::contract::Contract;
use crate::generate::fingerprint;
use crate::upstream::drift::batch::DriftBatch;
use crate::upstream::drift::observations::Observations;
use crate::upstream::exchange::ObservedExchange;
use crate::upstream::judging::Judgement;

/// Maximum number of exchanges that wait.
const MOST_WAITING: usize = 64;

/// Maximum length of the contents of exchanges that wait, in bytes. At more they are compared at once.
const MOST_BYTES: usize = 1024 * 1024;

/// Maximum length of the contents that wait while others are compared, in bytes. At more, the exchange that
/// brings them waits for the comparison.
const MOST_BYTES_BESIDE: usize = 4 * MOST_BYTES;

/// Maximum number of exchanges that wait while others are compared.
const MOST_WAITING_BESIDE: usize = 4 * MOST_WAITING;

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
struct Waiting {
    exchanges: Vec<WaitingExchange>,
    /// Length of their contents, in bytes.
    length: usize,
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
#[derive(Debug, Default)]
pub(crate) struct DriftObserver {
    waiting: Mutex<Waiting>,
    /// True from when a comparison is started until it begins.
    is_started: AtomicBool,
    /// Locked while exchanges are compared.
    compared: Mutex<Compared>,
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
        let (is_full, is_too_full) = {
            let mut waiting = lock(&self.waiting);
            waiting.length += length;
            waiting.exchanges.push(WaitingExchange {
                sandbox: Arc::clone(sandbox),
                judgement,
                exchange,
            });
            let (count, length) = (waiting.exchanges.len(), waiting.length);
            (
                count >= MOST_WAITING || length >= MOST_BYTES,
                count >= MOST_WAITING_BESIDE || length >= MOST_BYTES_BESIDE,
            )
        };
        match tokio::runtime::Handle::try_current() {
            _ if !is_full => {}
            Ok(runtime) if !is_too_full => {
                if !self.is_started.swap(true, Ordering::AcqRel) {
                    let own = Arc::clone(self);
                    runtime.spawn_blocking(move || {
                        // An exchange that comes from now on may wait for the next comparison.
                        own.is_started.store(false, Ordering::Release);
                        drop(own.compare());
                    });
                }
            }
            _ => drop(self.compare()),
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
        let mut compared = lock(&self.compared);
        let exchanges = std::mem::take(&mut *lock(&self.waiting)).exchanges;
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

/// Locks a value. Poisoning is safe: what a panic leaves out is one batch of exchanges.
fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
