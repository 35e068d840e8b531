//! Standard error that never blocks: text waits in a queue, and a separate thread writes it. The
//! process that started the server may not read standard error, or its disk may be full.
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use std::{mem, thread};

use tracing_subscriber::fmt::MakeWriter;

use crate::diagnostic::escape;
use crate::server::clock;

/// Maximum number of bytes that wait for standard error; further lines are dropped and counted, and
/// the count is reported.
const MOST_WAITING: usize = 1024 * 1024;

/// Longest wait at the end for standard error to take another piece; then the rest is lost.
const PATIENCE: Duration = Duration::from_millis(500);

/// Number of bytes written at a time.
const PIECE: usize = 4096;

/// Writer to standard error through the queue; each write is a line.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StandardError;

/// Writer to standard error for lines of JSON; it escapes invisible characters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JsonLines;

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<WaitingLines>,
    changed: Condvar,
    is_json: AtomicBool,
}

#[derive(Debug, Default)]
struct WaitingLines {
    bytes: Vec<u8>,
    /// Number of lines that did not fit.
    dropped: u64,
    /// True while a part of the queue is being written.
    is_writing: bool,
    /// Number of pieces written.
    pieces: u64,
}

/// Returns the queue of the process; `None` if its thread cannot be started.
fn queue() -> Option<&'static Queue> {
    static QUEUE: Queue = Queue {
        waiting: Mutex::new(WaitingLines::new()),
        changed: Condvar::new(),
        is_json: AtomicBool::new(false),
    };
    static STARTED: OnceLock<bool> = OnceLock::new();
    let start = || {
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(|| QUEUE.write_for_ever())
            .is_ok()
    };
    STARTED.get_or_init(start).then_some(&QUEUE)
}

/// Reports dropped lines as JSON, in the format of the log.
pub(crate) fn speak_json() {
    if let Some(queue) = queue() {
        queue.is_json.store(true, Ordering::Relaxed);
    }
}

/// Waits until everything is written, for as long as standard error takes text.
pub(crate) fn settle() {
    if let Some(queue) = queue() {
        queue.settle(PATIENCE);
    }
}

impl WaitingLines {
    pub(crate) const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            dropped: 0,
            is_writing: false,
            pieces: 0,
        }
    }
}

impl Queue {
    fn locked(&self) -> MutexGuard<'_, WaitingLines> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut waiting = self.locked();
        if waiting.bytes.len() + line.len() > MOST_WAITING {
            waiting.dropped += 1;
            return;
        }
        let is_first = waiting.bytes.is_empty();
        waiting.bytes.extend_from_slice(line);
        drop(waiting);
        if is_first {
            self.changed.notify_all();
        }
    }

    /// Writes waiting lines forever.
    fn write_for_ever(&self) {
        loop {
            let mut waiting = self.locked();
            while waiting.bytes.is_empty() {
                waiting = self
                    .changed
                    .wait(waiting)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            let (bytes, dropped) = (
                mem::take(&mut waiting.bytes),
                mem::take(&mut waiting.dropped),
            );
            waiting.is_writing = true;
            drop(waiting);
            self.write(&bytes);
            if dropped > 0 {
                self.write(self.about(dropped).as_bytes());
            }
            self.locked().is_writing = false;
            self.changed.notify_all();
        }
    }

    fn write(&self, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE) {
            // A closed pipe or a full disk takes nothing, and the server goes on.
            let _lost = io::stderr().write_all(piece);
            self.locked().pieces += 1;
            self.changed.notify_all();
        }
    }

    fn about(&self, dropped: u64) -> String {
        let text =
            format!("{dropped} lines of the log were dropped, as standard error was not read");
        let time = clock::now();
        if self.is_json.load(Ordering::Relaxed) {
            format!("{{\"time\":\"{time}\",\"level\":\"WARN\",\"message\":\"{text}\"}}\n")
        } else {
            format!("{time} warn: {text}\n")
        }
    }

    fn settle(&self, patience: Duration) {
        let mut waiting = self.locked();
        while waiting.is_writing || !waiting.bytes.is_empty() {
            let before = waiting.pieces;
            let (now, time) = self
                .changed
                .wait_timeout(waiting, patience)
                .unwrap_or_else(PoisonError::into_inner);
            waiting = now;
            if time.timed_out() && waiting.pieces == before {
                return;
            }
        }
    }
}

impl Write for StandardError {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match queue() {
            Some(queue) => queue.push(bytes),
            None => drop(io::stderr().write_all(bytes)),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for StandardError {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

impl Write for JsonLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(bytes) {
            Ok(text) => StandardError.write_all(escape::json(text).as_bytes())?,
            Err(_) => StandardError.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for JsonLines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted() {
        let queue = Queue::default();
        let line = [b'x'; 1024];
        (0..MOST_WAITING / line.len() + 3).for_each(|_| queue.push(&line));
        let waiting = queue.locked();
        assert_eq!((waiting.bytes.len(), waiting.dropped), (MOST_WAITING, 3));
        drop(waiting);
        let text = "Z warn: 3 lines of the log were dropped, as standard error was not read\n";
        assert!(queue.about(3).ends_with(text));
        // No thread writes this queue, so `settle` gives up after its patience.
        queue.settle(Duration::from_millis(1));
    }
}
