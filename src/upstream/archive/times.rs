//! Times of recorded exchanges.
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Parses a time such as `2024-05-01T10:00:00.123+02:00`, and returns milliseconds since 1970; 0 if it
/// is none, as a time does not matter to what is answered.
pub(super) fn start(text: Option<&str>) -> u64 {
    let parsed = text.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    parsed
        .and_then(|at| u64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok())
        .unwrap_or(0)
}

/// Returns a time as HAR has it: `2024-05-01T08:00:00.123Z`.
pub(super) fn written(at: u64) -> String {
    let nanos = i128::from(at) * 1_000_000;
    let time =
        OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (date, hour) = (time.date(), time.time());
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        hour.hour(),
        hour.minute(),
        hour.second(),
        hour.millisecond()
    )
}

/// Returns a number of milliseconds as a time span; 0 if it is negative or no number.
pub(super) fn span(milliseconds: Option<&Value>) -> Duration {
    let seconds = milliseconds.and_then(Value::as_f64).unwrap_or(0.0) / 1000.0;
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_read_with_their_offset() {
        // 2024-05-01T08:00:00Z is 1714550400 seconds after 1970.
        assert_eq!(
            start(Some("2024-05-01T10:00:00.123+02:00")),
            1_714_550_400_123
        );
        assert_eq!(written(1_714_550_400_123), "2024-05-01T08:00:00.123Z");
        for text in [None, Some("yesterday"), Some("1900-01-01T00:00:00Z")] {
            assert_eq!(start(text), 0);
        }
        assert_eq!(written(u64::MAX), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn spans_are_milliseconds() {
        assert_eq!(span(Some(&json!(1.5))), Duration::from_micros(1500));
        for odd in [json!(-1), json!("x"), json!(1e300)] {
            assert_eq!(span(Some(&odd)), Duration::ZERO);
        }
    }
}
