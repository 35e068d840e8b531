//! Where is an answer worked out? What is known to be quick at once, on the thread that read the request; everything
//! else on threads of its own, so that connections, health and the end never wait for it.
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::codec::message::{Body, Request};
use crate::contract::route::Routed;
use crate::server::control::{Control, PREFIX};

/// An answer that takes longer is worked out on another thread next time. To change threads takes some 10 µs.
const QUICK: Duration = Duration::from_millis(1);

/// How many exchanges of an operation must be quick, after one that was not, before they are worked out at once.
const PROBATION: u8 = 64;

/// The longest request content that is judged at once, in bytes.
const SHORT_CONTENT: usize = 16 * 1024;

/// The longest query that is read at once, in bytes.
const SHORT_QUERY: usize = 1024;

/// How fast the operations of a contract are answered.
#[derive(Debug)]
pub struct Paces {
    /// For each operation, how many exchanges must be quick yet; the first one compiles what it needs.
    probations: Box<[AtomicU8]>,
}

impl Paces {
    /// Paces of operations that were never called.
    pub fn new(operations: usize) -> Self {
        Self { probations: (0..operations).map(|_| AtomicU8::new(1)).collect() }
    }

    fn is_quick(&self, operation: usize) -> bool {
        self.probations.get(operation).is_some_and(|probation| probation.load(Ordering::Relaxed) == 0)
    }

    /// Notes how long an exchange took.
    pub fn note(&self, operation: usize, took: Duration) {
        let Some(probation) = self.probations.get(operation) else { return };
        let before = probation.load(Ordering::Relaxed);
        let after = if took > QUICK { PROBATION } else { before.saturating_sub(1) };
        // Most exchanges change nothing, and what is only read is shared by all threads.
        if after != before {
            probation.store(after, Ordering::Relaxed);
        }
    }
}

/// Where an answer is worked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On the thread that read the request.
    Here,
    /// On a thread for work that takes long.
    Apart,
}

/// Tells where the answer to a request is worked out, and which operation it is of, if any.
pub fn place(control: &Control, request: &Request) -> (Place, Option<usize>) {
    let path = request.uri().path();
    if let Some(name) = path.strip_prefix(PREFIX) {
        return (if name == "health" { Place::Here } else { Place::Apart }, None);
    }
    let Routed::Operation(index, _) = control.sandbox().contract().route(request.method(), path) else {
        // To find the nearest path takes its time.
        return (Place::Apart, None);
    };
    let is_short = match request.body() {
        Body::Complete(content) => content.len() <= SHORT_CONTENT,
        Body::TooLarge(_) | Body::Undecodable(_) => true,
    };
    let query = request.uri().query().unwrap_or_default();
    // A client may ask for values that were never generated, and a short content may be a long one that is compressed.
    let is_odd = ["prefer", "content-encoding"].iter().any(|name| request.headers().contains_key(*name));
    let is_usual = query.len() <= SHORT_QUERY && !query.contains("__") && !is_odd;
    let is_quick = is_short && is_usual && control.paces.is_quick(index);
    (if is_quick { Place::Here } else { Place::Apart }, Some(index))
}

/// Places for work that takes long: one for each processor, and two at least. Who finds none waits for one.
pub fn slots() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(available_parallelism().map_or(2, NonZero::get).max(2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_puts_an_operation_on_probation() {
        let paces = Paces::new(1);
        assert!(!paces.is_quick(0));
        paces.note(0, QUICK);
        assert!(paces.is_quick(0));
        paces.note(0, QUICK * 2);
        (1..PROBATION).for_each(|_| paces.note(0, Duration::ZERO));
        assert!(!paces.is_quick(0));
        paces.note(0, Duration::ZERO);
        assert!(paces.is_quick(0) && !paces.is_quick(1));
    }
}
