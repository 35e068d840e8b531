//! Recordings that are written while a proxy runs, so that a process that is killed loses little.
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::server::current::CurrentControl;

/// Pause before a recording is written, at least.
const PAUSE: Duration = Duration::from_secs(2);

/// Number of times that the pause is as long as the last write took, at least: writing takes a twentieth
/// of one processor at most.
const SHARE: u32 = 20;

/// Writes the recording of a proxy whenever it has new exchanges; ends at once if nothing is recorded.
pub(super) async fn write_recordings(control: Arc<CurrentControl>) {
    let mut pause = PAUSE;
    loop {
        tokio::time::sleep(pause).await;
        let current = Arc::clone(&control.load());
        let Some(upstream) = current.upstream().map(Arc::clone) else {
            return;
        };
        if !upstream.observers.has_news() {
            pause = PAUSE;
            continue;
        }
        let began = Instant::now();
        let write = move || upstream.observers.write_recording(current.sandbox());
        match tokio::task::spawn_blocking(write).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("{error}"),
            Err(_) => return,
        }
        pause = PAUSE.max(began.elapsed() * SHARE);
    }
}
