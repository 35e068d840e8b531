//! Value of the option `--watch`.
use std::time::Duration;

use crate::cli::arguments::time;

/// Value of `--watch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WatchChoice {
    /// Changes are ignored.
    Off,
    /// Changes are noticed at once.
    On,
    /// Files are compared at an interval.
    Poll(Duration),
}

/// Shortest interval of comparisons.
const SHORTEST_POLL: Duration = Duration::from_millis(100);

/// Parses `on`, `off` or `poll=2s`.
pub(super) fn choice(text: &str) -> Result<WatchChoice, String> {
    match text {
        "on" => Ok(WatchChoice::On),
        "off" => Ok(WatchChoice::Off),
        _ => match text.strip_prefix("poll=").map(time) {
            Some(Ok(interval)) if interval >= SHORTEST_POLL => Ok(WatchChoice::Poll(interval)),
            Some(Ok(_)) => Err("the interval is 100ms at least".to_owned()),
            Some(Err(error)) => Err(error),
            None => Err("expected `on`, `off`, or an interval such as `poll=2s`".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_a_time_of_100_ms_at_least() {
        assert_eq!(choice("on"), Ok(WatchChoice::On));
        assert_eq!(
            choice("poll=2s"),
            Ok(WatchChoice::Poll(Duration::from_secs(2)))
        );
        assert!(choice("poll=1ms").is_err() && choice("poll").is_err() && choice("yes").is_err());
    }
}
